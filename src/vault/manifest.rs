//! The manifest: the sealed list of what a transfer holds. Names of files stand here and nowhere else.

use serde::{Deserialize, Serialize};

use super::{Identity, Sealed, SealingKey, Segment, VaultError, open};
use crate::value::{ByteSize, Digest, DigestBuilder, MailAddress, SecretBytes, Timestamp, TransferId};

/// What a part of a transfer is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PartRole {
    /// The text that the depositor wrote.
    Message,
    /// A file that the depositor joined.
    Attachment,
    /// A mail as it came in, byte for byte.
    Original,
    /// The deposit's form as data (JSON).
    Form,
    /// The document that was made of the form.
    FormDocument,
}

/// One part, in the order in which pages show it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ManifestPart {
    /// What it is.
    pub role: PartRole,
    /// The file's name as the depositor gave it, cleaned; empty for the message.
    pub name: String,
    /// The media type that the bytes show (RFC 6838).
    pub content_type: String,
    /// Size in clear.
    pub size: ByteSize,
    /// SHA-256 in clear.
    pub digest: Digest,
    /// Its segments in order; their plaintexts, one after the other, are the part.
    pub segments: Vec<Segment>,
}

impl ManifestPart {
    /// What binds the part in the log: SHA-256 of its segments' bindings, in order.
    pub fn binding(&self) -> Digest {
        let mut digest = DigestBuilder::default();
        self.segments.iter().for_each(|segment| digest.update(segment.binding.as_bytes()));
        digest.finish()
    }
}

/// What a transfer holds. Its own sealed digest stands in the log, so that nothing can be swapped unseen.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Manifest {
    /// The transfer that it belongs to.
    pub transfer: TransferId,
    /// Who deposited.
    pub sender: MailAddress,
    /// When the transfer ends.
    pub expires_at: Timestamp,
    /// The parts; the n-th is the n-th object of the transfer.
    pub parts: Vec<ManifestPart>,
}

impl Manifest {
    /// Seals the manifest; the digest is that of the sealed bytes.
    pub fn seal(&self, key: &SealingKey) -> Result<(Sealed, Digest), VaultError> {
        let plain = SecretBytes::new(serde_json::to_vec(self).map_err(|_| VaultError::Damaged)?);
        let sealed = key.seal(plain.expose())?;
        let digest = Digest::of(sealed.as_bytes());
        Ok((sealed, digest))
    }

    /// Opens a manifest and checks that it is the one that was logged, of the transfer asked for.
    pub fn open(
        sealed: &Sealed,
        identity: &Identity,
        logged: Digest,
        transfer: TransferId,
    ) -> Result<Self, VaultError> {
        if Digest::of(sealed.as_bytes()) != logged {
            return Err(VaultError::Swapped);
        }
        let plain = open(identity, sealed)?;
        let manifest: Self = serde_json::from_slice(plain.expose()).map_err(|_| VaultError::Damaged)?;
        if manifest.transfer == transfer { Ok(manifest) } else { Err(VaultError::Swapped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_manifest_of_another_transfer_or_with_another_digest_is_caught() {
        let identity = Identity::generate();
        let manifest = Manifest {
            transfer: TransferId::new([1; 16]),
            sender: MailAddress::parse("jeanne.martin@departement.example").unwrap(),
            expires_at: Timestamp(0),
            parts: vec![],
        };
        let (sealed, digest) = manifest.seal(&SealingKey::new(&identity.recipient()).unwrap()).unwrap();
        assert_eq!(Manifest::open(&sealed, &identity, digest, manifest.transfer).unwrap(), manifest);
        let other = TransferId::new([2; 16]);
        assert!(matches!(Manifest::open(&sealed, &identity, digest, other), Err(VaultError::Swapped)));
        let resealed = manifest.seal(&SealingKey::new(&identity.recipient()).unwrap()).unwrap().0;
        let swapped = Manifest::open(&resealed, &identity, digest, manifest.transfer);
        assert!(matches!(swapped, Err(VaultError::Swapped)));
    }
}
