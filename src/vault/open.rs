//! Opening: age v1 bytes in, bytes out, never without the key and never past a change.

use std::io::{self, Read};

use zeroize::Zeroize;

use super::{Identity, Sealed, VaultError};
use crate::value::{Digest, DigestBuilder, SecretBytes};

/// Opens a small sealed blob.
pub fn open(identity: &Identity, sealed: &Sealed) -> Result<SecretBytes, VaultError> {
    let decryptor = age::Decryptor::new_buffered(sealed.as_bytes())?;
    let mut reader = decryptor.decrypt(std::iter::once(identity.as_age()))?;
    // Room for all of it at once: a growing buffer would leave plaintext behind in freed memory.
    let mut plain = Vec::with_capacity(sealed.as_bytes().len());
    match reader.read_to_end(&mut plain) {
        Ok(_) => Ok(SecretBytes::new(plain)),
        Err(error) => {
            plain.zeroize();
            Err(error.into())
        }
    }
}

/// Opens a wrapped identity.
pub fn unwrap_identity(identity: &Identity, wrap: &Sealed) -> Result<Identity, VaultError> {
    let text = open(identity, wrap)?;
    Identity::parse(std::str::from_utf8(text.expose()).map_err(|_| VaultError::NotAKey)?)
}

/// Opens a sealed stream of any length in constant memory, and checks at its end that the age file is the one
/// that the manifest names: the last chunk is handed out only after that.
pub struct Opener<R: Read>(age::stream::StreamReader<Verifying<R>>);

impl<R: Read> Opener<R> {
    /// Begins to open the age file that `sealed` reads, whose digest must come out as `expected`.
    pub fn new(identity: &Identity, sealed: R, expected: Digest) -> Result<Self, VaultError> {
        let verifying = Verifying { inner: sealed, digest: Some(DigestBuilder::default()), expected };
        let decryptor = age::Decryptor::new(verifying)?;
        Ok(Self(decryptor.decrypt(std::iter::once(identity.as_age()))?))
    }

    /// Reads the next bytes in clear; 0 means that all was read and is what the manifest names.
    pub fn pull(&mut self, buffer: &mut [u8]) -> Result<usize, VaultError> {
        self.0.read(buffer).map_err(|error| match error.get_ref() {
            Some(inner) if inner.is::<NotTheOne>() => VaultError::Swapped,
            _ => error.into(),
        })
    }
}

/// Says inside an `io::Error` that the stream ended with another digest than expected.
#[derive(Debug, thiserror::Error)]
#[error("the age file is not the one that the manifest names")]
struct NotTheOne;

/// Hashes what passes, and fails at the end of the file when it is not the one expected.
struct Verifying<R> {
    inner: R,
    digest: Option<DigestBuilder>,
    expected: Digest,
}

impl<R: Read> Read for Verifying<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if count > 0 {
            if let Some(digest) = &mut self.digest {
                digest.update(&buffer[..count]);
            }
        } else if !buffer.is_empty()
            && let Some(digest) = self.digest.take()
            && digest.finish() != self.expected
        {
            return Err(io::Error::other(NotTheOne));
        }
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Sealer, seal, wrap_identity};

    fn read_all(identity: &Identity, sealed: &[u8], expected: Digest) -> Result<Vec<u8>, VaultError> {
        let mut opener = Opener::new(identity, sealed, expected)?;
        let (mut plain, mut buffer) = (Vec::new(), [0; 10_000]);
        loop {
            match opener.pull(&mut buffer)? {
                0 => return Ok(plain),
                count => plain.extend_from_slice(&buffer[..count]),
            }
        }
    }

    fn sealed_stream(identity: &Identity, plain: &[u8]) -> (Vec<u8>, Digest) {
        let mut sealer = Sealer::new(&identity.recipient()).unwrap();
        let mut sealed = sealer.push(plain).unwrap();
        let (tail, summary) = sealer.finish().unwrap();
        sealed.extend(tail);
        (sealed, summary.sealed_digest)
    }

    #[test]
    fn a_stream_comes_out_as_it_went_in_also_when_it_fills_its_last_chunk() {
        let identity = Identity::generate();
        for size in [0, 1, 65_535, 65_536, 65_537, 131_072, 300_000] {
            let plain: Vec<u8> = (0..size).map(|n| u8::try_from(n % 251).unwrap()).collect();
            let (sealed, digest) = sealed_stream(&identity, &plain);
            assert_eq!(read_all(&identity, &sealed, digest).unwrap(), plain, "{size} bytes");
        }
    }

    #[test]
    fn another_file_sealed_to_the_same_recipient_is_caught_before_its_last_chunk() {
        let identity = Identity::generate();
        let (_, digest) = sealed_stream(&identity, b"the deposit");
        let (swapped, _) = sealed_stream(&identity, b"something else");
        assert!(matches!(read_all(&identity, &swapped, digest), Err(VaultError::Swapped)));
        let (swapped, _) = sealed_stream(&identity, &vec![9; 131_072]);
        assert!(matches!(read_all(&identity, &swapped, digest), Err(VaultError::Swapped)));
    }

    #[test]
    fn a_cut_or_changed_file_does_not_open() {
        let identity = Identity::generate();
        let (sealed, digest) = sealed_stream(&identity, &vec![5; 100_000]);
        let cut = &sealed[..sealed.len() - 20_000];
        assert!(matches!(read_all(&identity, cut, Digest::of(cut)), Err(VaultError::Damaged)));
        let mut changed = sealed;
        let middle = changed.len() / 2;
        changed[middle] ^= 1;
        let digest_of_changed = Digest::of(&changed);
        assert_ne!(digest, digest_of_changed);
        assert!(matches!(read_all(&identity, &changed, digest_of_changed), Err(VaultError::Damaged)));
    }

    #[test]
    fn another_identity_opens_nothing() {
        let (mine, other) = (Identity::generate(), Identity::generate());
        let blob = seal(&mine.recipient(), b"secret").unwrap();
        assert!(matches!(open(&other, &blob), Err(VaultError::WrongKey)));
        let wrap = wrap_identity(&mine.recipient(), &other).unwrap();
        assert_eq!(unwrap_identity(&mine, &wrap).unwrap().recipient(), other.recipient());
        assert!(unwrap_identity(&mine, &blob).is_err());
    }
}
