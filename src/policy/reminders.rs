//! When a mailbox is reminded of a case, from `policies/reminders.toml` (T2, T5, V5). It says how long before and after; what
//! a case still needs is the case's to say.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::value::{MailAddress, Millis, Slug};

/// The longest time before or after that a reminder may have, in hours: nothing is valid for longer (V2).
const HOURS_MAX: u32 = 20 * 24;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum ReminderPolicyError {
    /// Not the expected keys and values.
    #[error("policies/reminders.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A time out of its range.
    #[error("policies/reminders.toml: {key} is 1 to {limit} hours, not {actual}")]
    Hours {
        /// The key in the file.
        key: &'static str,
        /// The longest.
        limit: u32,
        /// What it says.
        actual: u32,
    },
    /// The last reminders would leave before the first.
    #[error("policies/reminders.toml: before the end come first, last and manager, in this order")]
    Order,
    /// No slug, or no address.
    #[error("policies/reminders.toml: [managers] has a mailbox's slug and an address a line, not {name:?}")]
    Manager {
        /// The line's key.
        name: String,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ReminderFile {
    unopened: UnopenedTable,
    due: DueTable,
    #[serde(default)]
    managers: BTreeMap<String, String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct UnopenedTable {
    half_life: bool,
    first_hours_before_end: u32,
    last_hours_before_end: u32,
    manager_hours_before_end: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DueTable {
    soon_hours: u32,
    mediator_hours: u32,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ReminderPolicy {
    /// Reminded when half of the time is over.
    pub half_life: bool,
    /// So long before the end.
    pub first_before_end: Millis,
    /// And so long.
    pub last_before_end: Millis,
    /// Then the manager.
    pub manager_before_end: Millis,
    /// What is due within this is nearly late.
    pub soon: Millis,
    /// What is late for this long is told to the mediator.
    pub mediator_after: Millis,
    managers: BTreeMap<Slug, MailAddress>,
}

impl ReminderPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, ReminderPolicyError> {
        let ReminderFile { unopened, due, managers } = toml::from_str(text)?;
        let policy = Self {
            half_life: unopened.half_life,
            first_before_end: hours("first_hours_before_end", unopened.first_hours_before_end)?,
            last_before_end: hours("last_hours_before_end", unopened.last_hours_before_end)?,
            manager_before_end: hours("manager_hours_before_end", unopened.manager_hours_before_end)?,
            soon: hours("soon_hours", due.soon_hours)?,
            mediator_after: hours("mediator_hours", due.mediator_hours)?,
            managers: managers.into_iter().map(manager).collect::<Result<_, _>>()?,
        };
        let ordered = policy.first_before_end > policy.last_before_end
            && policy.last_before_end >= policy.manager_before_end;
        if ordered { Ok(policy) } else { Err(ReminderPolicyError::Order) }
    }

    /// The manager of a mailbox, where one is named.
    pub fn manager_of(&self, mailbox: &Slug) -> Option<&MailAddress> {
        self.managers.get(mailbox)
    }
}

fn hours(key: &'static str, actual: u32) -> Result<Millis, ReminderPolicyError> {
    if actual == 0 || actual > HOURS_MAX {
        return Err(ReminderPolicyError::Hours { key, limit: HOURS_MAX, actual });
    }
    Ok(Millis::hours(i64::from(actual)))
}

fn manager((name, address): (String, String)) -> Result<(Slug, MailAddress), ReminderPolicyError> {
    match (Slug::parse(&name), MailAddress::parse(&address)) {
        (Ok(slug), Ok(address)) => Ok((slug, address)),
        _ => Err(ReminderPolicyError::Manager { name }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../policies/reminders.toml");

    #[test]
    fn the_shipped_policy_reminds_at_half_life_two_days_and_one_day() {
        let policy = ReminderPolicy::parse(SHIPPED).unwrap();
        assert!(policy.half_life);
        let before_end = (policy.first_before_end, policy.last_before_end, policy.manager_before_end);
        assert_eq!(before_end, (Millis::hours(48), Millis::hours(24), Millis::hours(12)));
        assert_eq!(policy.manager_of(&Slug::parse("pensions").unwrap()), None);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (said, instead) in [
            ("soon_hours = 12", "soon_hours = 0"),
            ("soon_hours = 12", "soon_hours = 481"),
            ("last_hours_before_end = 24", "last_hours_before_end = 50"),
            ("half_life = true", "half_life = true\nmore = 1"),
            ("[managers]", "[managers]\npensions = \"nobody\""),
        ] {
            assert!(ReminderPolicy::parse(&SHIPPED.replace(said, instead)).is_err(), "{instead}");
        }
        let named = SHIPPED.replace("[managers]", "[managers]\npensions = \"chef@carsat.example\"");
        let policy = ReminderPolicy::parse(&named).unwrap();
        assert!(policy.manager_of(&Slug::parse("pensions").unwrap()).is_some());
    }
}
