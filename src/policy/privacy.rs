//! What a record of processing (GDPR art. 30, S4) and a notice of a breach (art. 33, S3) say that the gateway cannot know
//! by itself, from `policies/privacy.toml`. It holds no rule of access.

use std::collections::BTreeMap;

use serde::Deserialize;
use thiserror::Error;

use crate::value::Millis;

/// The supervisory authority is told within 72 hours (GDPR art. 33(1)).
pub const AUTHORITY_DELAY: Millis = Millis::hours(72);
/// Characters of one text.
const TEXT_MAX_CHARS: usize = 2000;
/// The longest delay that an agreement may give, in hours.
pub const HOURS_MAX: u32 = 30 * 24;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum PrivacyPolicyError {
    /// Not the expected keys and values.
    #[error("policies/privacy.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A text that no page would show whole.
    #[error("policies/privacy.toml: {key} has {actual} characters; {limit} are enough")]
    TooLong {
        /// The key in the file.
        key: &'static str,
        /// What is allowed.
        limit: usize,
        /// What there is.
        actual: usize,
    },
    /// A delay out of its range.
    #[error("policies/privacy.toml: a partner is told within 1 to {limit} hours, not {actual}")]
    Hours {
        /// The longest.
        limit: u32,
        /// What it says.
        actual: u32,
    },
}

/// What the processing is for.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Processing {
    /// What for.
    pub purpose: String,
    /// On which basis.
    pub legal_basis: String,
    /// Where and by whom the gateway is run.
    pub hosting: String,
    /// Whose data.
    pub data_subjects: String,
    /// Which data.
    pub data_categories: String,
}

/// The policy.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PrivacyPolicy {
    /// What the processing is for.
    pub processing: Processing,
    partner_hours: u32,
    partners: BTreeMap<String, u32>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PrivacyFile {
    processing: Processing,
    breach: BreachTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BreachTable {
    partner_hours: u32,
    #[serde(default)]
    partners: BTreeMap<String, u32>,
}

impl PrivacyPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, PrivacyPolicyError> {
        let PrivacyFile { processing, breach } = toml::from_str(text)?;
        for (key, text) in [
            ("purpose", &processing.purpose),
            ("legal_basis", &processing.legal_basis),
            ("hosting", &processing.hosting),
            ("data_subjects", &processing.data_subjects),
            ("data_categories", &processing.data_categories),
        ] {
            let actual = text.chars().count();
            if actual > TEXT_MAX_CHARS {
                return Err(PrivacyPolicyError::TooLong { key, limit: TEXT_MAX_CHARS, actual });
            }
        }
        for actual in breach.partners.values().chain([&breach.partner_hours]) {
            if !(1..=HOURS_MAX).contains(actual) {
                return Err(PrivacyPolicyError::Hours { limit: HOURS_MAX, actual: *actual });
            }
        }
        Ok(Self { processing, partner_hours: breach.partner_hours, partners: breach.partners })
    }

    /// Within how many hours a partner is told of a breach.
    pub fn partner_hours(&self, name: &str) -> u32 {
        self.partners.get(name).copied().unwrap_or(self.partner_hours)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: &str = include_str!("../../policies/privacy.toml");

    #[test]
    fn the_policy_that_pli_brings_along_is_accepted_and_a_partner_may_have_its_own_delay() {
        let policy = PrivacyPolicy::parse(BUILT_IN).unwrap();
        assert_eq!(policy.partner_hours("Département"), 72);
        let alsace = PrivacyPolicy::parse(&BUILT_IN.replace("# \"Coll", "\"Coll")).unwrap();
        assert_eq!(alsace.partner_hours("Collectivité européenne d'Alsace"), 48);
        assert_eq!(alsace.partner_hours("Département"), 72);
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for wrong in [
            BUILT_IN.replace("= 72", "= 0"),
            BUILT_IN.replace("= 72", "= 721"),
            BUILT_IN.replace("hosting", "host"),
            BUILT_IN.replace("hosting = \"\"", &format!("hosting = \"{}\"", "x".repeat(2001))),
        ] {
            assert!(PrivacyPolicy::parse(&wrong).is_err());
        }
    }
}
