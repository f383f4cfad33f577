//! The register's own list of codes, from `policies/register.toml` (T7): by them an agent completes a case that came without a
//! form. And for how long lines are kept.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use crate::value::{Language, Millis};

/// The name under which codes stand that an agent chose from this list; no form has it.
pub const AGENT_LIST: &str = "register";
/// Choices of a list.
const CHOICES_MAX: usize = 50;
/// Characters of a code, and of its words.
const CODE_MAX_CHARS: usize = 40;
const WORDS_MAX_CHARS: usize = 120;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum RegisterPolicyError {
    /// Not the expected keys and values.
    #[error("policies/register.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// Lines are kept for too long or too short.
    #[error("policies/register.toml: keep_months is 6 to 60, not {actual}")]
    Months {
        /// What it says.
        actual: u16,
    },
    /// A code that is none, or stands there twice.
    #[error(
        "policies/register.toml: {code:?} is no code of small letters, digits and _, has no words, or stands there twice"
    )]
    Code {
        /// The code.
        code: String,
    },
    /// A list with nothing to choose, or too much.
    #[error("policies/register.toml: 1 to {limit} of each, not {actual}")]
    Choices {
        /// How many are allowed.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
}

/// A choice of a list.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Choice {
    /// What the register keeps.
    pub code: String,
    fr: String,
    en: String,
}

impl Choice {
    /// What a person reads.
    pub fn words(&self, language: Language) -> &str {
        match language {
            Language::Fr => &self.fr,
            Language::En => &self.en,
        }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct RegisterFile {
    keep_months: u16,
    kind: Vec<Choice>,
    reason: Vec<Choice>,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterPolicy {
    keep_months: u16,
    kinds: Vec<Choice>,
    reasons: Vec<Choice>,
}

impl RegisterPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, RegisterPolicyError> {
        let RegisterFile { keep_months, kind, reason } = toml::from_str(text)?;
        if !(6..=60).contains(&keep_months) {
            return Err(RegisterPolicyError::Months { actual: keep_months });
        }
        for list in [&kind, &reason] {
            check(list)?;
        }
        Ok(Self { keep_months, kinds: kind, reasons: reason })
    }

    /// For how long a line is kept after its transfer ended, in months of 30.5 days.
    pub const fn kept_for(&self) -> Millis {
        Millis::hours(self.keep_months as i64 * 732)
    }

    /// The same, in months.
    pub const fn keep_months(&self) -> u16 {
        self.keep_months
    }

    /// What a case can be about.
    pub fn kinds(&self) -> &[Choice] {
        &self.kinds
    }

    /// Why it can be asked.
    pub fn reasons(&self) -> &[Choice] {
        &self.reasons
    }
}

fn check(list: &[Choice]) -> Result<(), RegisterPolicyError> {
    if list.is_empty() || list.len() > CHOICES_MAX {
        return Err(RegisterPolicyError::Choices { limit: CHOICES_MAX, actual: list.len() });
    }
    let mut seen = BTreeSet::new();
    for choice in list {
        let letters = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'_';
        let is_code = (1..=CODE_MAX_CHARS).contains(&choice.code.len()) && choice.code.bytes().all(letters);
        let has_words = [&choice.fr, &choice.en]
            .iter()
            .all(|words| (1..=WORDS_MAX_CHARS).contains(&words.trim().chars().count()));
        if !is_code || !has_words || !seen.insert(&choice.code) {
            return Err(RegisterPolicyError::Code { code: choice.code.clone() });
        }
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../policies/register.toml");

    #[test]
    fn the_shipped_list_is_accepted_and_lines_are_kept_for_two_years() {
        let policy = RegisterPolicy::parse(SHIPPED).unwrap();
        assert_eq!(policy.kept_for(), Millis::days(732));
        assert_eq!(policy.kinds()[0].words(Language::Fr), "Pension de retraite");
    }

    #[test]
    fn what_is_no_list_of_codes_is_refused() {
        for (said, instead) in [
            ("keep_months = 24", "keep_months = 5"),
            ("keep_months = 24", "keep_months = 24\nmore = 1"),
            ("code = \"asi_aspa\"", "code = \"pension\""),
            ("code = \"asi_aspa\"", "code = \"Mme Martin\""),
            ("fr = \"ASI-ASPA\"", "fr = \" \""),
        ] {
            assert!(RegisterPolicy::parse(&SHIPPED.replace(said, instead)).is_err(), "{instead}");
        }
    }
}
