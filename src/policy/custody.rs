//! What may weaken the protection of a mailbox's content, from `policies/custody.toml`. By default nothing may.

use serde::Deserialize;
use thiserror::Error;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum CustodyPolicyError {
    /// Not the expected keys and values.
    #[error("policies/custody.toml: {0}")]
    Syntax(#[from] toml::de::Error),
}

/// Where content may go that only members can open (DESIGN: "Mailbox key").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct CustodyPolicy {
    dispatch_into_weaker_custody: bool,
    return_to_gateway: bool,
}

impl CustodyPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, CustodyPolicyError> {
        Ok(toml::from_str(text)?)
    }

    /// Whether a transfer may be dispatched from custody `members` into custody `gateway`.
    pub const fn allows_weaker_dispatch(self) -> bool {
        self.dispatch_into_weaker_custody
    }

    /// Whether members may give their mailbox's key back to the gateway.
    pub const fn allows_return_to_gateway(self) -> bool {
        self.return_to_gateway
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_policy_refuses_both() {
        let policy = CustodyPolicy::parse(include_str!("../../policies/custody.toml")).unwrap();
        assert!(!policy.allows_weaker_dispatch() && !policy.allows_return_to_gateway());
    }

    #[test]
    fn a_word_that_is_missing_or_unknown_is_refused() {
        assert!(CustodyPolicy::parse("return_to_gateway = true").is_err());
        let unknown = "return_to_gateway = true\ndispatch_into_weaker_custody = true\nmore = 1";
        assert!(CustodyPolicy::parse(unknown).is_err());
    }
}
