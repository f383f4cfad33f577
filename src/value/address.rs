//! Mail addresses as the gateway accepts them: RFC 5321 section 4.1.2 `Dot-string@Domain`, in ASCII or
//! UTF-8 (RFC 6531), under the limits of section 4.5.3.1. Quoted local parts and address literals are refused:
//! no professional mailbox has one, and each of them has been a way round a check.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// RFC 5321 section 4.5.3.1.1: octets of a local part.
const LOCAL_PART_MAX_BYTES: usize = 64;
/// RFC 5321 section 4.5.3.1.2: octets of a domain.
const DOMAIN_MAX_BYTES: usize = 255;
/// RFC 1035 section 2.3.4: octets of a label.
const LABEL_MAX_BYTES: usize = 63;

/// Why a text is no mail address. The one who typed it must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AddressError {
    /// There is no `@`, or nothing on one side of it.
    #[error("an address has the form name@domain")]
    Shape,
    /// The local part holds a character that no professional address has.
    #[error("the part before @ holds a character that is not allowed")]
    LocalPart,
    /// The domain is not a name of dot-separated labels.
    #[error("the part after @ is not a domain name")]
    Domain,
    /// Longer than RFC 5321 allows.
    #[error("{actual} bytes, at most {limit} are allowed")]
    TooLong {
        /// What is allowed, in bytes.
        limit: usize,
        /// What was given, in bytes.
        actual: usize,
    },
}

/// A domain name in lower case, at least two labels.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Domain(String);

impl Domain {
    /// Parses a domain; letter case is folded.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        if text.len() > DOMAIN_MAX_BYTES {
            return Err(AddressError::TooLong { limit: DOMAIN_MAX_BYTES, actual: text.len() });
        }
        let folded = text.to_lowercase();
        let labels: Vec<&str> = folded.split('.').collect();
        if labels.len() < 2 || !labels.iter().all(|label| is_label(label)) {
            return Err(AddressError::Domain);
        }
        Ok(Self(folded))
    }

    /// The name, in lower case.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

fn is_label(label: &str) -> bool {
    !label.is_empty()
        && label.len() <= LABEL_MAX_BYTES
        && !label.starts_with('-')
        && !label.ends_with('-')
        && label.chars().all(|c| c.is_alphanumeric() || c == '-')
}

impl fmt::Display for Domain {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Domain {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<Domain> for String {
    fn from(domain: Domain) -> Self {
        domain.0
    }
}

/// A mail address. Compared without regard to letter case, as every professional mail system does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct MailAddress {
    local: String,
    domain: Domain,
}

impl MailAddress {
    /// Parses `name@domain`, surrounding white space dropped and letter case folded.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = text.trim();
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::Shape)?;
        if local.is_empty() || domain.is_empty() {
            return Err(AddressError::Shape);
        }
        if local.len() > LOCAL_PART_MAX_BYTES {
            return Err(AddressError::TooLong { limit: LOCAL_PART_MAX_BYTES, actual: local.len() });
        }
        if !is_dot_string(local) {
            return Err(AddressError::LocalPart);
        }
        Ok(Self { local: local.to_lowercase(), domain: Domain::parse(domain)? })
    }

    /// The part before the `@`, in lower case.
    pub fn local(&self) -> &str {
        &self.local
    }

    /// The part after the `@`.
    pub fn domain(&self) -> &Domain {
        &self.domain
    }
}

/// RFC 5321 section 4.1.2 `Dot-string`, with the UTF-8 of RFC 6531 section 3.3.
fn is_dot_string(local: &str) -> bool {
    local.split('.').all(|atom| !atom.is_empty() && atom.chars().all(is_atom_char))
}

fn is_atom_char(c: char) -> bool {
    c.is_alphanumeric() || "!#$%&'*+-/=?^_`{|}~".contains(c)
}

impl fmt::Display for MailAddress {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}@{}", self.local, self.domain)
    }
}

impl TryFrom<String> for MailAddress {
    type Error = AddressError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<MailAddress> for String {
    fn from(address: MailAddress) -> Self {
        address.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn case_and_surrounding_space_do_not_matter() {
        let typed = MailAddress::parse("  Jeanne.Martin@Ille-et-Vilaine.EXAMPLE ").unwrap();
        assert_eq!(typed.to_string(), "jeanne.martin@ille-et-vilaine.example");
    }

    #[test]
    fn what_could_smuggle_a_second_meaning_is_refused() {
        for text in [
            "\"a b\"@b.example",
            "a b@b.example",
            "a@b",
            "@b.example",
            "a@",
            "a@[127.0.0.1]",
            "a..b@c.example",
            "a@b.example>",
            "a\r\nRCPT TO:<x@y.example>@b.example",
            "a@b.example\0",
            "a,b@c.example",
            "a@-b.example",
        ] {
            assert!(MailAddress::parse(text).is_err(), "{text:?} was accepted");
        }
    }

    #[test]
    fn limits_of_rfc_5321_hold() {
        let long_local = format!("{}@b.example", "a".repeat(65));
        assert_eq!(MailAddress::parse(&long_local), Err(AddressError::TooLong { limit: 64, actual: 65 }));
        let long_domain = format!("a@{}example", "b.".repeat(130));
        assert!(matches!(MailAddress::parse(&long_domain), Err(AddressError::TooLong { limit: 255, .. })));
    }

    proptest! {
        #[test]
        fn what_parses_prints_and_parses_to_the_same(text in ".{0,80}") {
            if let Ok(address) = MailAddress::parse(&text) {
                prop_assert_eq!(MailAddress::parse(&address.to_string()), Ok(address));
            }
        }
    }
}
