//! Keys that sign outgoing mail (DKIM, RFC 6376; Ed25519 by RFC 8463): what a key is, what stands in the DNS for it, and
//! when it signs. A new key signs only after its record was seen in the DNS; one that signs no more stays published until
//! the mails that it signed are over.
//!
//! Not done here: making a key (`vault`), signing (`smtp`), asking the DNS.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::queue::MAIL_LIFE;
use crate::value::{Domain, Millis, Timestamp};
use crate::vault::{Sealed, SigningAlgorithm};

/// How long a verifier may still look at a mail after it left the queue (a mailbox that is read after a week-end).
const VERIFIED_WITHIN: Millis = Millis::days(2);
/// The longest selector: one label of the DNS (RFC 1035 section 2.3.4).
const SELECTOR_MAX_BYTES: usize = 63;
/// The longest string of a TXT record (RFC 1035 section 3.3.14).
const TXT_STRING_MAX_BYTES: usize = 255;

/// A selector (RFC 6376 section 3.1): one label, lower-case letters, digits and hyphens.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Selector(String);

impl Selector {
    /// Reads a selector; what is none says how one is written.
    pub fn parse(text: &str) -> Result<Self, &'static str> {
        let fits = |c: char| c.is_ascii_lowercase() || c.is_ascii_digit() || c == '-';
        let is_label = (1..=SELECTOR_MAX_BYTES).contains(&text.len())
            && text.chars().all(fits)
            && !text.starts_with('-')
            && !text.ends_with('-');
        if is_label {
            Ok(Self(text.to_owned()))
        } else {
            Err("a selector is made of at most 63 lower-case letters, digits and hyphens")
        }
    }

    /// The selector as it stands in a signature.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl TryFrom<String> for Selector {
    type Error = &'static str;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Selector> for String {
    fn from(selector: Selector) -> Self {
        selector.0
    }
}

impl fmt::Display for Selector {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// Where a key stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DkimState {
    /// Its record is not seen in the DNS yet: it signs nothing.
    Waiting,
    /// It signs.
    Signing {
        /// Since when.
        since: Timestamp,
    },
    /// It signs no more; its private half is gone, its record is needed a while longer.
    Retired {
        /// When its record may be taken out of the DNS.
        published_until: Timestamp,
    },
}

impl DkimState {
    /// Whether a key came to this state after the other one: it goes one way.
    pub const fn is_later_than(self, other: Self) -> bool {
        self.step() > other.step()
    }

    const fn step(self) -> u8 {
        match self {
            Self::Waiting => 0,
            Self::Signing { .. } => 1,
            Self::Retired { .. } => 2,
        }
    }
}

/// A key that signs mails of one domain.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimKey {
    /// The domain that answers for the mail (tag `d=`).
    pub domain: Domain,
    /// The name of the key in the DNS (tag `s=`).
    pub selector: Selector,
    /// What it signs with.
    pub algorithm: SigningAlgorithm,
    /// The public half as it stands in the DNS, in base64 (tag `p=`).
    pub public: String,
    /// When it was made.
    pub made_at: Timestamp,
    /// Where it stands.
    pub state: DkimState,
    /// The private half (PKCS #8), sealed to the gateway's key; gone when it is retired.
    pub private: Option<Sealed>,
}

impl DkimKey {
    /// The name of its record.
    pub fn record_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The content of its record (RFC 6376 section 3.6.1). The key is for mail alone.
    pub fn record_text(&self) -> String {
        let kind = match self.algorithm {
            SigningAlgorithm::Rsa2048 => "rsa",
            SigningAlgorithm::Ed25519 => "ed25519",
        };
        format!("v=DKIM1; k={kind}; s=email; p={}", self.public)
    }

    /// The record as a line of a zone file (RFC 1035 section 5), cut into strings that a record may hold.
    pub fn zone_line(&self) -> String {
        let text = self.record_text();
        let mut strings = Vec::new();
        let mut rest = text.as_str();
        while !rest.is_empty() {
            let (head, tail) = rest.split_at(rest.len().min(TXT_STRING_MAX_BYTES));
            strings.push(format!("\"{head}\""));
            rest = tail;
        }
        format!("{}. IN TXT ( {} )", self.record_name(), strings.join(" "))
    }

    /// Whether a record that was found is this key's: the public half counts, spaces do not (RFC 6376 section 3.6.1).
    pub fn is_published_as(&self, record: &str) -> bool {
        let tag = |name: &str| {
            let mut tags = record.split(';').filter_map(|tag| tag.split_once('='));
            let found = tags.find(|(key, _)| key.trim() == name)?.1;
            Some(found.chars().filter(|c| !c.is_whitespace()).collect::<String>())
        };
        tag("p").is_some_and(|public| public == self.public) && tag("v").is_none_or(|v| v == "DKIM1")
    }

    /// Whether it signs.
    pub fn signs(&self) -> bool {
        matches!(self.state, DkimState::Signing { .. })
    }

    /// Its record was seen: it signs from now on.
    pub fn signing(self, since: Timestamp) -> Self {
        match self.state {
            DkimState::Waiting => Self { state: DkimState::Signing { since }, ..self },
            _ => self,
        }
    }

    /// It signs no more. What it signed may wait in the queue of another host for as long as in ours.
    pub fn retired(self, at: Timestamp) -> Self {
        match self.state {
            DkimState::Retired { .. } => self,
            // Nobody holds a mail of a key that never signed.
            DkimState::Waiting => {
                Self { private: None, state: DkimState::Retired { published_until: at }, ..self }
            }
            DkimState::Signing { .. } => Self {
                private: None,
                state: DkimState::Retired { published_until: at + MAIL_LIFE + VERIFIED_WITHIN },
                ..self
            },
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Identity, seal};

    fn key(algorithm: SigningAlgorithm, public: &str) -> DkimKey {
        DkimKey {
            domain: Domain::parse("pli.example").unwrap(),
            selector: Selector::parse("pli-2026").unwrap(),
            algorithm,
            public: public.to_owned(),
            made_at: Timestamp(0),
            state: DkimState::Waiting,
            private: Some(seal(&Identity::generate().recipient(), b"private").unwrap()),
        }
    }

    #[test]
    fn a_record_is_known_by_its_public_half_however_it_was_cut() {
        let key = key(SigningAlgorithm::Ed25519, "11qYAYKxCrfVS");
        assert!(key.is_published_as(&key.record_text()));
        assert!(key.is_published_as("v=DKIM1; k=ed25519;p=11qYAY KxCrfVS "));
        for other in
            ["", "v=DKIM1; p=", "v=DKIM1; p=11qYAYKxCrfVT", "v=DKIM2; p=11qYAYKxCrfVS", "k=11qYAYKxCrfVS"]
        {
            assert!(!key.is_published_as(other), "{other}");
        }
    }

    #[test]
    fn a_long_record_is_cut_into_strings_that_the_dns_holds() {
        let line = key(SigningAlgorithm::Rsa2048, &"A".repeat(392)).zone_line();
        assert!(
            line.starts_with("pli-2026._domainkey.pli.example. IN TXT ( \"v=DKIM1; k=rsa; s=email; p=AAA")
        );
        let strings: Vec<_> = line.split('"').skip(1).step_by(2).collect();
        assert!(strings.iter().all(|text| text.len() <= 255));
        assert!(strings.concat().ends_with(&"A".repeat(392)));
    }

    #[test]
    fn a_key_that_is_retired_cannot_sign_again_and_stays_published_while_its_mails_live() {
        let at = Timestamp(1000);
        let retired = key(SigningAlgorithm::Ed25519, "x").signing(Timestamp(1)).retired(at);
        assert_eq!(retired.state, DkimState::Retired { published_until: at + MAIL_LIFE + VERIFIED_WITHIN });
        assert!(retired.private.is_none());
        assert!(!retired.signing(at).signs(), "never again");
        let unused = key(SigningAlgorithm::Ed25519, "x").retired(at);
        assert_eq!(unused.state, DkimState::Retired { published_until: at });
    }

    #[test]
    fn a_selector_is_one_label_and_nothing_that_a_file_system_could_mistake() {
        assert!(Selector::parse("pli-20261121-rsa").is_ok());
        for wrong in ["", "a.b", "../x", "A", "-a", "a-", "é", &"a".repeat(64)] {
            assert!(Selector::parse(wrong).is_err(), "{wrong}");
        }
    }
}
