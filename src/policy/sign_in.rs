//! How people sign in, from `policies/sign_in.toml` (P2, S7): how recent a proof must be for a dangerous act, how often a
//! sign-in may fail. It counts nothing and knows no account.

use serde::Deserialize;
use thiserror::Error;

use crate::value::Millis;

/// Milliseconds of a day.
const DAY_HOURS: i64 = 24;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum SignInPolicyError {
    /// Not the expected keys and values.
    #[error("policies/sign_in.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A number out of its range.
    #[error("policies/sign_in.toml: {key} is {least} to {most}, not {actual}")]
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
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct SignInFile {
    proof: ProofTable,
    attempts: AttemptsTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ProofTable {
    minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AttemptsTable {
    per_account: u32,
    per_known_browser: u32,
    known_browser_days: u32,
}

/// The policy.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SignInPolicy {
    /// How old the proof of the person may be when a dangerous act is done.
    pub proof_within: Millis,
    /// Failures of an account, from all browsers that it does not know.
    pub per_account: u32,
    /// Failures of an account from one browser that it knows.
    pub per_known_browser: u32,
    /// How long a browser stays known.
    pub known_for: Millis,
}

impl SignInPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, SignInPolicyError> {
        let SignInFile { proof, attempts } = toml::from_str(text)?;
        let minutes = within("proof.minutes", proof.minutes, 1, 60)?;
        let days = within("attempts.known_browser_days", attempts.known_browser_days, 1, 400)?;
        Ok(Self {
            proof_within: Millis::minutes(i64::from(minutes)),
            per_account: within("attempts.per_account", attempts.per_account, 5, 50)?,
            per_known_browser: within("attempts.per_known_browser", attempts.per_known_browser, 5, 50)?,
            known_for: Millis::hours(i64::from(days) * DAY_HOURS),
        })
    }
}

fn within(key: &'static str, actual: u32, least: u32, most: u32) -> Result<u32, SignInPolicyError> {
    if (least..=most).contains(&actual) {
        Ok(actual)
    } else {
        Err(SignInPolicyError::Range { key, least, most, actual })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../policies/sign_in.toml");

    #[test]
    fn the_shipped_policy_reads_and_what_is_out_of_range_or_unknown_does_not() {
        let policy = SignInPolicy::parse(SHIPPED).unwrap();
        assert_eq!((policy.proof_within, policy.per_account), (Millis::minutes(15), 10));
        for (good, bad) in [
            ("minutes = 15", "minutes = 0"),
            ("minutes = 15", "minutes = 61"),
            ("per_account = 10", "per_account = 1000"),
            ("known_browser_days = 180", "known_browser_days = 0"),
            ("minutes = 15", "minutes = 15\nhours = 1"),
        ] {
            assert!(SHIPPED.contains(good));
            assert!(SignInPolicy::parse(&SHIPPED.replace(good, bad)).is_err(), "{bad}");
        }
    }
}
