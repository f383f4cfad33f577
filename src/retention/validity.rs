//! How long a transfer can be opened (V1, V2), from `policies/validity.toml`.

use serde::Deserialize;
use thiserror::Error;

use crate::transfer::Route;
use crate::value::{Digest, Millis, Timestamp};

/// Nothing is ever valid for more than 20 days (V2).
pub const LONGEST_VALIDITY: Millis = Millis::hours(480);
/// Nothing is valid for less than 5 days (V2).
pub const SHORTEST_VALIDITY_DAYS: u8 = 5;
/// The same, in days.
pub const LONGEST_VALIDITY_DAYS: u8 = 20;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum ValidityPolicyError {
    /// Not the expected keys and values.
    #[error("policies/validity.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A validity that the rules do not allow (V2).
    #[error("policies/validity.toml: {key} = {days}, but a validity is 5 to 20 days (rule V2)")]
    OutOfRange {
        /// The key in the file.
        key: &'static str,
        /// What it says.
        days: u8,
    },
}

/// Validity by the door that a transfer came in through.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ValidityPolicy {
    page_days: u8,
    mail_days: u8,
    digest: Digest,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ValidityFile {
    deposit_page_days: u8,
    other_days: u8,
}

impl ValidityPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, ValidityPolicyError> {
        let file: ValidityFile = toml::from_str(text)?;
        for (key, days) in [("deposit_page_days", file.deposit_page_days), ("other_days", file.other_days)] {
            if !(SHORTEST_VALIDITY_DAYS..=LONGEST_VALIDITY_DAYS).contains(&days) {
                return Err(ValidityPolicyError::OutOfRange { key, days });
            }
        }
        let digest = Digest::of(text.as_bytes());
        Ok(Self { page_days: file.deposit_page_days, mail_days: file.other_days, digest })
    }

    /// When a transfer ends that is to be valid for so many days; none where the rules do not allow that (V2).
    pub fn chosen(days: u8, from: Timestamp) -> Option<Timestamp> {
        let allowed = (SHORTEST_VALIDITY_DAYS..=LONGEST_VALIDITY_DAYS).contains(&days);
        allowed.then(|| from + Millis::days(i64::from(days)).min(LONGEST_VALIDITY))
    }

    /// The validity of a transfer by a member, in days, where nothing else is chosen (V1).
    pub fn member_days(&self) -> u8 {
        self.mail_days
    }

    /// When a transfer received now ends.
    pub fn expiry(&self, route: Route, received_at: Timestamp) -> Timestamp {
        let days = match route {
            Route::Page | Route::Api => self.page_days,
            Route::Mail | Route::Answer | Route::Composed => self.mail_days,
        };
        received_at + Millis::days(i64::from(days)).min(LONGEST_VALIDITY)
    }

    /// The validity of a deposit by the page, in days, to be said before it is made.
    pub fn page_days(&self) -> u8 {
        self.page_days
    }

    /// The digest of the file, for the log.
    pub fn digest(&self) -> Digest {
        self.digest
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../policies/validity.toml");

    #[test]
    fn the_shipped_policy_says_twenty_days_by_the_page_and_five_otherwise() {
        let policy = ValidityPolicy::parse(SHIPPED).unwrap();
        assert_eq!(policy.expiry(Route::Page, Timestamp(7)), Timestamp(7) + Millis::hours(480));
        assert_eq!(policy.expiry(Route::Mail, Timestamp(7)), Timestamp(7) + Millis::hours(120));
    }

    #[test]
    fn a_file_that_breaks_a_rule_or_has_an_unknown_key_is_refused() {
        for text in [
            "deposit_page_days = 21\nother_days = 5",
            "deposit_page_days = 20\nother_days = 4",
            "deposit_page_days = 20\nother_days = 5\nforever = true",
            "deposit_page_days = 20",
        ] {
            assert!(ValidityPolicy::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
