//! What is asked of people who have an account, from `policies/people.toml`: the terms of use (CGU, P2), how long links live,
//! when a structure confirms its list (P5), when deactivated accounts are deleted (P4).

use serde::Deserialize;
use thiserror::Error;

use crate::value::{Language, Millis};

/// The longest text of the terms in one language.
const TERMS_MAX_BYTES: usize = 100_000;
/// The longest name of a version.
const VERSION_MAX_CHARS: usize = 40;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum PeoplePolicyError {
    /// Not the expected keys and values.
    #[error("policies/people.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A number out of its range.
    #[error("policies/people.toml: {key} is {least} to {most}, not {actual}")]
    Range {
        /// The key in the file.
        key: &'static str,
        /// The least.
        least: u32,
        /// The most.
        most: u32,
        /// What it says.
        actual: u32,
    },
    /// A version without a name or a text, or too long a one.
    #[error(
        "policies/people.toml: [terms] has a version of at most 40 characters, and a text in French and English"
    )]
    Terms,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PeopleFile {
    links: LinksTable,
    password: PasswordTable,
    review: ReviewTable,
    accounts: AccountsTable,
    terms: Option<TermsTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct LinksTable {
    activation_hours: u32,
    reset_minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PasswordTable {
    change_every_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
#[expect(clippy::struct_field_names, reason = "the file names each unit")]
struct ReviewTable {
    every_days: u32,
    remind_every_days: u32,
    late_after_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AccountsTable {
    deleted_after_days: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct TermsTable {
    version: String,
    fr: String,
    en: String,
}

/// The terms of use, in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Terms {
    /// Its name: whoever accepted another one is asked again.
    pub version: String,
    fr: String,
    en: String,
}

impl Terms {
    /// The text: paragraphs apart by an empty line, a heading begins with `# `.
    pub fn text(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PeoplePolicy {
    /// How long the link of a new account is good.
    pub activation: Millis,
    /// How long the link after a forgotten password is good.
    pub reset: Millis,
    /// How old a password may be; none: it is never asked to be changed (CNIL's advice, the default).
    pub password_age: Option<Millis>,
    /// How often a structure confirms its list.
    pub review_every: Millis,
    /// How often it is reminded once that is due.
    pub review_reminded_every: Millis,
    /// When an unconfirmed list stands out.
    pub review_late_after: Millis,
    /// Deactivated accounts are deleted after this.
    pub deleted_after: Millis,
    /// The terms in force; none where an organisation has them accepted otherwise.
    pub terms: Option<Terms>,
}

impl PeoplePolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, PeoplePolicyError> {
        let file: PeopleFile = toml::from_str(text)?;
        let hours = within("activation_hours", file.links.activation_hours, 1, 30 * 24)?;
        let minutes = within("reset_minutes", file.links.reset_minutes, 5, 24 * 60)?;
        let age = within("change_every_days", file.password.change_every_days, 0, 3650)?;
        let days =
            |key, actual, least, most| within(key, actual, least, most).map(|days| Millis::days(days.into()));
        Ok(Self {
            activation: Millis::hours(hours.into()),
            reset: Millis::minutes(minutes.into()),
            password_age: (age > 0).then(|| Millis::days(age.into())),
            review_every: days("every_days", file.review.every_days, 1, 1100)?,
            review_reminded_every: days("remind_every_days", file.review.remind_every_days, 1, 365)?,
            review_late_after: days("late_after_days", file.review.late_after_days, 0, 365)?,
            deleted_after: days("deleted_after_days", file.accounts.deleted_after_days, 1, 3650)?,
            terms: file.terms.map(terms).transpose()?,
        })
    }
}

fn terms(table: TermsTable) -> Result<Terms, PeoplePolicyError> {
    let TermsTable { version, fr, en } = table;
    let named =
        (1..=VERSION_MAX_CHARS).contains(&version.chars().count()) && !version.contains(char::is_control);
    let told = |text: &str| !text.trim().is_empty() && text.len() <= TERMS_MAX_BYTES;
    if named && told(&fr) && told(&en) {
        Ok(Terms { version, fr, en })
    } else {
        Err(PeoplePolicyError::Terms)
    }
}

fn within(key: &'static str, actual: u32, least: u32, most: u32) -> Result<u32, PeoplePolicyError> {
    if (least..=most).contains(&actual) {
        Ok(actual)
    } else {
        Err(PeoplePolicyError::Range { key, least, most, actual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../policies/people.toml");

    #[test]
    fn the_shipped_policy_asks_for_no_regular_change_and_deletes_after_three_months() {
        let policy = PeoplePolicy::parse(SHIPPED).unwrap();
        assert_eq!(policy.password_age, None, "CNIL advises against it");
        assert_eq!(policy.deleted_after, Millis::days(90));
        let terms = policy.terms.unwrap();
        assert!(terms.text(Language::Fr).contains("# ") && terms.text(Language::En).contains("# "));
        assert_ne!(terms.text(Language::Fr), terms.text(Language::En));
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (said, instead) in [
            ("activation_hours = 72", "activation_hours = 0"),
            ("reset_minutes = 30", "reset_minutes = 1441"),
            ("every_days = 182", "every_days = 0"),
            ("version = \"", "version = \"\"\nversion2 = \""),
            ("deleted_after_days = 90", "deleted_after_days = 90\nmore = 1"),
        ] {
            assert!(SHIPPED.contains(said), "{said}");
            assert!(PeoplePolicy::parse(&SHIPPED.replacen(said, instead, 1)).is_err(), "{instead}");
        }
        let (without, _) = SHIPPED.split_once("[terms]").unwrap();
        assert_eq!(PeoplePolicy::parse(without).unwrap().terms, None);
    }
}
