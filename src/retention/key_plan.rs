//! Which keys of the keyring must exist, and which must be destroyed (DESIGN section 4: "Expiry-day keys").

use std::collections::BTreeSet;
use std::fmt;

use serde::{Deserialize, Serialize};

use crate::value::Day;

/// Expiry-day keys are made this many days ahead: a validity of 20 days, and the day that it ends in.
pub const DAY_KEYS_AHEAD: i32 = 21;
/// Draft and queue keys are destroyed this many days after their own: a draft lives one day after its last byte,
/// a mail is tried for five.
pub const DRAFT_KEY_DAYS: i32 = 7;

/// A key of the keyring that lives for days, not for ever.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "key", content = "day")]
pub enum KeyName {
    /// What expires in this UTC day opens only with this key.
    ExpiryDay(Day),
    /// Drafts begun in this UTC day are wrapped to it.
    Draft(Day),
    /// Mails written in this UTC day are sealed to it.
    Queue(Day),
}

impl KeyName {
    /// The key's day.
    pub const fn day(self) -> Day {
        match self {
            Self::ExpiryDay(day) | Self::Draft(day) | Self::Queue(day) => day,
        }
    }

    /// Whether nothing may need it any more on `today`.
    pub fn is_over(self, today: Day) -> bool {
        match self {
            Self::ExpiryDay(day) => day < today,
            Self::Draft(day) | Self::Queue(day) => day.plus(DRAFT_KEY_DAYS) < today,
        }
    }
}

/// A file-name-safe form, `expiry-2026-12-11`.
impl fmt::Display for KeyName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::ExpiryDay(day) => write!(f, "expiry-{day}"),
            Self::Draft(day) => write!(f, "draft-{day}"),
            Self::Queue(day) => write!(f, "queue-{day}"),
        }
    }
}

impl KeyName {
    /// Reads the form that [`KeyName`] prints.
    pub fn parse(text: &str) -> Option<Self> {
        let (kind, day) = text.split_once('-')?;
        let day = Day::parse(day)?;
        match kind {
            "expiry" => Some(Self::ExpiryDay(day)),
            "draft" => Some(Self::Draft(day)),
            "queue" => Some(Self::Queue(day)),
            _ => None,
        }
    }
}

/// What to do with the keyring.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct KeyPlan {
    /// Keys to make.
    pub make: Vec<KeyName>,
    /// Keys to destroy.
    pub destroy: Vec<KeyName>,
}

/// Plans the keyring for `today`: keys of today and ahead exist, those that are over do not. A day in the past
/// never gets a key again: what was sealed to it stays closed.
pub fn plan(existing: &BTreeSet<KeyName>, today: Day) -> KeyPlan {
    let expiry_days = (0..=DAY_KEYS_AHEAD).map(|ahead| KeyName::ExpiryDay(today.plus(ahead)));
    let working = [0, 1].into_iter().flat_map(|ahead| {
        let day = today.plus(ahead);
        [KeyName::Draft(day), KeyName::Queue(day)]
    });
    KeyPlan {
        make: expiry_days.chain(working).filter(|name| !existing.contains(name)).collect(),
        destroy: existing.iter().copied().filter(|name| name.is_over(today)).collect(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::retention::LONGEST_VALIDITY;
    use proptest::prelude::*;

    #[test]
    fn the_day_over_its_key_goes_and_no_other_expiry_key_does() {
        let first = plan(&BTreeSet::new(), Day(100));
        let keys: BTreeSet<_> = first.make.into_iter().collect();
        assert!(plan(&keys, Day(100)).make.is_empty());
        assert!(plan(&keys, Day(100)).destroy.is_empty());
        assert_eq!(plan(&keys, Day(101)).destroy, [KeyName::ExpiryDay(Day(100))]);
    }

    proptest! {
        #[test]
        fn whatever_is_deposited_today_finds_its_expiry_key(instant in 0i64..4_000_000_000_000) {
            let received = crate::value::Timestamp(instant);
            let expiry = (received + LONGEST_VALIDITY).day();
            prop_assert!(plan(&BTreeSet::new(), received.day()).make.contains(&KeyName::ExpiryDay(expiry)));
        }

        #[test]
        fn a_name_reads_back_as_written(day in -100_000i32..100_000) {
            for name in [KeyName::ExpiryDay(Day(day)), KeyName::Draft(Day(day)), KeyName::Queue(Day(day))] {
                if day >= 0 {
                    prop_assert_eq!(KeyName::parse(&name.to_string()), Some(name));
                }
            }
        }
    }
}
