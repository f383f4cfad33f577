//! Checksums that a sender announces for what it sends (tus 1.0, extension "checksum"): they tell damage on the way,
//! and protect nothing. What is kept is bound by the vault, not by them.

use aws_lc_rs::digest::{Context, SHA1_FOR_LEGACY_USE_ONLY, SHA256};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

/// Why an announced checksum cannot be checked. The sender must announce another, or none.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ChecksumError {
    /// The algorithm is none of [`ChecksumAlgorithm::ALL`].
    #[error("the checksum's algorithm is not known")]
    Algorithm,
    /// Not an algorithm, a space and the base64 of as many bytes as the algorithm gives.
    #[error("the checksum does not read")]
    Shape,
}

/// An algorithm that a sender may choose. SHA-1 because tus asks every server for it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ChecksumAlgorithm {
    /// SHA-1, 20 bytes: against accidents only.
    Sha1,
    /// SHA-256, 32 bytes.
    Sha256,
}

impl ChecksumAlgorithm {
    /// All of them, the better one first.
    pub const ALL: [Self; 2] = [Self::Sha256, Self::Sha1];

    /// Its name in headers.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Sha1 => "sha1",
            Self::Sha256 => "sha256",
        }
    }

    const fn bytes(self) -> usize {
        match self {
            Self::Sha1 => 20,
            Self::Sha256 => 32,
        }
    }
}

/// A checksum that was announced for bytes to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Checksum {
    algorithm: ChecksumAlgorithm,
    value: Vec<u8>,
}

impl Checksum {
    /// Reads `sha256 <base64>`.
    pub fn parse(text: &str) -> Result<Self, ChecksumError> {
        let (name, value) = text.split_once(' ').ok_or(ChecksumError::Shape)?;
        let known = ChecksumAlgorithm::ALL.into_iter().find(|algorithm| algorithm.name() == name);
        let algorithm = known.ok_or(ChecksumError::Algorithm)?;
        let value = BASE64.decode(value).map_err(|_| ChecksumError::Shape)?;
        if value.len() == algorithm.bytes() {
            Ok(Self { algorithm, value })
        } else {
            Err(ChecksumError::Shape)
        }
    }

    /// Begins to check the bytes.
    pub fn check(self) -> ChecksumCheck {
        let context = match self.algorithm {
            ChecksumAlgorithm::Sha1 => Context::new(&SHA1_FOR_LEGACY_USE_ONLY),
            ChecksumAlgorithm::Sha256 => Context::new(&SHA256),
        };
        ChecksumCheck { context, expected: self.value }
    }
}

/// Bytes that are held against their checksum while they come.
pub struct ChecksumCheck {
    context: Context,
    expected: Vec<u8>,
}

impl ChecksumCheck {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.context.update(bytes);
    }

    /// Whether all bytes so far have the checksum.
    pub fn holds(self) -> bool {
        self.context.finish().as_ref() == self.expected
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn holds(announced: &str, bytes: &[u8]) -> bool {
        let mut check = Checksum::parse(announced).unwrap().check();
        bytes.chunks(2).for_each(|piece| check.update(piece));
        check.holds()
    }

    #[test]
    fn the_example_of_the_specification_holds() {
        // tus 1.0.x, "Checksum", example: "hello world".
        assert!(holds("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", b"hello world"));
        assert!(!holds("sha1 Kq5sNclPz7QV2+lfQIuc6R7oRu0=", b"hello worle"));
        assert!(holds("sha256 uU0nuZNNPgilLlLX2n2r+sSE7+N6U4DukIj3rOLvzek=", b"hello world"));
    }

    #[test]
    fn what_cannot_be_checked_is_told_apart() {
        assert_eq!(Checksum::parse("md5 AAAA"), Err(ChecksumError::Algorithm));
        for text in ["", "sha1", "sha1 ", "sha1 not-base64", "sha256 Kq5sNclPz7QV2+lfQIuc6R7oRu0="] {
            assert_eq!(Checksum::parse(text), Err(ChecksumError::Shape), "{text:?}");
        }
    }
}
