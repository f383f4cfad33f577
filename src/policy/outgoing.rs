//! What becomes of mails that agents' mail programs submit, from `policies/outgoing.toml`. Whoever is outside gets a link;
//! for colleagues the house decides.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use crate::value::{AddressError, Domain, MailAddress};

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum OutgoingPolicyError {
    /// Not the expected keys and values.
    #[error("policies/outgoing.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// One of the internal domains is none.
    #[error("policies/outgoing.toml: {text:?} is no domain: {source}")]
    Domain {
        /// What the file says.
        text: String,
        /// Why it is none.
        source: AddressError,
    },
}

/// What an internal recipient gets.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum InternalMail {
    /// A secure link, as anybody outside.
    Link,
    /// The mail as it was written, while it is small.
    Forward,
    /// Nothing: the mail is refused.
    Refuse,
}

/// What becomes of submitted mails.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OutgoingPolicy {
    domains: BTreeSet<Domain>,
    internal: InternalMail,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct OutgoingFile {
    internal_domains: Vec<String>,
    internal: InternalMail,
}

impl OutgoingPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, OutgoingPolicyError> {
        let file: OutgoingFile = toml::from_str(text)?;
        let domain = |text: String| {
            Domain::parse(&text).map_err(|source| OutgoingPolicyError::Domain { text: text.clone(), source })
        };
        let domains = file.internal_domains.into_iter().map(domain).collect::<Result<_, _>>()?;
        Ok(Self { domains, internal: file.internal })
    }

    /// What an address gets by this policy; none for whoever is outside.
    pub fn internal(&self, address: &MailAddress) -> Option<InternalMail> {
        let domain = address.domain().as_str();
        let is_below = |house: &Domain| {
            domain.strip_suffix(house.as_str()).is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
        };
        self.domains.iter().any(is_below).then_some(self.internal)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn policy(text: &str) -> OutgoingPolicy {
        OutgoingPolicy::parse(text).unwrap()
    }

    #[test]
    fn the_shipped_policy_knows_nobody_as_internal() {
        let policy = policy(include_str!("../../policies/outgoing.toml"));
        assert_eq!(policy.internal(&MailAddress::parse("agent@carsat.example").unwrap()), None);
    }

    #[test]
    fn a_domain_of_the_house_and_what_is_below_it_are_internal_and_its_likes_are_not() {
        let policy = policy("internal_domains = [\"carsat.example\"]\ninternal = \"forward\"");
        let of = |text: &str| policy.internal(&MailAddress::parse(text).unwrap());
        assert_eq!(of("a@carsat.example"), Some(InternalMail::Forward));
        assert_eq!(of("a@rennes.carsat.example"), Some(InternalMail::Forward));
        assert_eq!(of("a@autrecarsat.example"), None);
        assert_eq!(of("a@carsat.example.ailleurs.example"), None);
    }

    #[test]
    fn a_word_that_is_missing_or_unknown_is_refused() {
        for text in [
            "internal = \"link\"",
            "internal_domains = []\ninternal = \"clear\"",
            "internal_domains = [\"pas un domaine\"]\ninternal = \"link\"",
            "internal_domains = []\ninternal = \"link\"\nmore = 1",
        ] {
            assert!(OutgoingPolicy::parse(text).is_err(), "{text}");
        }
    }
}
