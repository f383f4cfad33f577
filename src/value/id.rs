//! Identifiers: random 128-bit ids for what the gateway keeps, the reference that people quote, and the
//! slugs of page addresses. An id is never reused and never made from a name.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

/// Crockford's base 32 without the letters that people confuse (I, L, O, U).
const BASE32: &[u8; 32] = b"0123456789ABCDEFGHJKMNPQRSTVWXYZ";

/// Why a text is no identifier.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum IdError {
    /// Not the length or the letters of an id of this kind.
    #[error("not an identifier of this kind")]
    Shape,
}

macro_rules! ids {
    ($($(#[$doc:meta])* $name:ident),+ $(,)?) => {$(
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
        #[serde(try_from = "String", into = "String")]
        pub struct $name([u8; 16]);

        impl $name {
            /// Makes an id of 16 random bytes.
            pub const fn new(random: [u8; 16]) -> Self {
                Self(random)
            }

            /// The 16 bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(&hex_of(&self.0))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                write!(f, concat!(stringify!($name), "({})"), self)
            }
        }

        impl FromStr for $name {
            type Err = IdError;

            fn from_str(text: &str) -> Result<Self, IdError> {
                parse_hex(text).map(Self)
            }
        }

        impl TryFrom<String> for $name {
            type Error = IdError;

            fn try_from(text: String) -> Result<Self, IdError> {
                text.parse()
            }
        }

        impl From<$name> for String {
            fn from(id: $name) -> Self {
                hex_of(&id.0)
            }
        }
    )+};
}

ids! {
    /// An account that signs in.
    AccountId,
    /// What a partner's software signs in with.
    ApiClientId,
    /// A deposit in the making.
    DraftId,
    /// An effect outside the store that is under way, and a run of the gateway.
    EffectId,
    /// A link to a person outside.
    LinkId,
    /// An outgoing mail.
    MailId,
    /// A generic or agency mailbox.
    MailboxId,
    /// A sealed object in the object store.
    ObjectId,
    /// A fund that runs mailboxes.
    OrganisationId,
    /// A structure that deposits.
    PartnerId,
    /// The pseudonym of a person or an address in the log.
    PersonId,
    /// A proof of an address, by a mailed link or code.
    ProofId,
    /// A request to export keys for recovery.
    RecoveryId,
    /// A signed-in session.
    SessionId,
    /// A transfer: one deposit, one answer.
    TransferId,
    /// A file that is being uploaded into a draft.
    UploadId,
}

/// Records and events are full of ids: by the formatter, byte for byte, they cost more than the rest of the encoding.
fn hex_of(bytes: &[u8; 16]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let mut text = String::with_capacity(2 * bytes.len());
    for byte in bytes {
        text.push(char::from(DIGITS[usize::from(byte >> 4)]));
        text.push(char::from(DIGITS[usize::from(byte & 15)]));
    }
    text
}

fn parse_hex(text: &str) -> Result<[u8; 16], IdError> {
    let digits = text.as_bytes();
    if digits.len() != 32 || !digits.iter().all(|d| matches!(d, b'0'..=b'9' | b'a'..=b'f')) {
        return Err(IdError::Shape);
    }
    let mut bytes = [0; 16];
    let value = |digit: u8| if digit <= b'9' { digit - b'0' } else { digit - b'a' + 10 };
    for (byte, pair) in bytes.iter_mut().zip(digits.as_chunks::<2>().0) {
        *byte = value(pair[0]) << 4 | value(pair[1]);
    }
    Ok(bytes)
}

/// What people quote on the telephone: twelve letters and digits in groups of four, `7K3M-9QXD-04TZ`.
/// It grants nothing: opening needs a person's sign-in.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Reference(String);

impl Reference {
    /// Makes a reference of 60 of these random bits.
    pub fn new(random: [u8; 8]) -> Self {
        let mut bits = u64::from_be_bytes(random);
        let mut letters = Vec::with_capacity(14);
        for place in 0..12 {
            if place == 4 || place == 8 {
                letters.push(b'-');
            }
            letters.push(BASE32[usize::from(bits.to_be_bytes()[7] & 31)]);
            bits >>= 5;
        }
        Self(String::from_utf8_lossy(&letters).into_owned())
    }

    /// Reads a reference as people type it: any case, `O` for `0`, `I` or `L` for `1`, hyphens or none.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let mut letters = String::with_capacity(14);
        for c in text.trim().chars().filter(|c| !matches!(c, '-' | ' ')) {
            let letter = match c.to_ascii_uppercase() {
                'O' => '0',
                'I' | 'L' => '1',
                other => other,
            };
            if !letter.is_ascii() || !BASE32.contains(&(letter as u8)) || letters.len() >= 14 {
                return Err(IdError::Shape);
            }
            if letters.len() == 4 || letters.len() == 9 {
                letters.push('-');
            }
            letters.push(letter);
        }
        if letters.len() == 14 { Ok(Self(letters)) } else { Err(IdError::Shape) }
    }

    /// The reference with its hyphens.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Reference {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Reference {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<Reference> for String {
    fn from(reference: Reference) -> Self {
        reference.0
    }
}

/// A part of a page's address: lower-case ASCII letters, digits and hyphens, 1 to 63 (D1: it can be
/// mailed around and bookmarked).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Slug(String);

impl Slug {
    /// Reads a slug.
    pub fn parse(text: &str) -> Result<Self, IdError> {
        let letters = text.as_bytes();
        let allowed = |c: &u8| matches!(c, b'a'..=b'z' | b'0'..=b'9' | b'-');
        let edges = !text.starts_with('-') && !text.ends_with('-');
        if (1..=63).contains(&letters.len()) && letters.iter().all(allowed) && edges {
            Ok(Self(text.to_owned()))
        } else {
            Err(IdError::Shape)
        }
    }

    /// The slug.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl fmt::Display for Slug {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl TryFrom<String> for Slug {
    type Error = IdError;

    fn try_from(text: String) -> Result<Self, IdError> {
        Self::parse(&text)
    }
}

impl From<Slug> for String {
    fn from(slug: Slug) -> Self {
        slug.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_reference_survives_being_told_by_telephone(random: [u8; 8]) {
            let reference = Reference::new(random);
            let told = reference.as_str().to_lowercase().replace('-', " ").replace('0', "o").replace('1', "l");
            prop_assert_eq!(Reference::parse(&told), Ok(reference));
        }

        #[test]
        fn an_id_reads_back_as_written(random: [u8; 16]) {
            let id = TransferId::new(random);
            prop_assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn what_is_no_slug_is_refused() {
        for text in ["", "-a", "a-", "A", "é", "a/b", "..", "a b"] {
            assert!(Slug::parse(text).is_err(), "{text:?} was accepted");
        }
        assert!(Slug::parse("partenaires-retraite").is_ok());
    }

    #[test]
    fn a_reference_of_another_length_is_refused() {
        assert!(Reference::parse("7K3M-9QXD-04T").is_err());
        assert!(Reference::parse("7K3M-9QXD-04TZ1").is_err());
        assert!(Reference::parse("7K3M-9QXD-04T!").is_err());
    }
}
