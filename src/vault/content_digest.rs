//! The SHA-256 of a whole file that arrives in pieces, perhaps over days: its state can be put away, sealed, and taken up
//! again, so that a resumed upload reads nothing twice.

use sha2::Digest as _;
use sha2::Sha256;
use sha2::digest::common::hazmat::SerializableState;
use zeroize::Zeroize;

use super::{Identity, Recipient, Sealed, VaultError, open, seal};
use crate::value::Digest;

/// A digest in the making (FIPS 180-4). Its state holds up to 63 bytes of the file: it is sealed before it is stored.
#[derive(Clone, Default)]
pub struct ContentDigest(Sha256);

impl ContentDigest {
    /// Adds the next bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest of all bytes so far.
    pub fn finish(self) -> Digest {
        Digest::from_bytes(self.0.finalize().into())
    }

    /// Puts the state away for the holder of this recipient's identity.
    pub fn suspend(&self, recipient: &Recipient) -> Result<Sealed, VaultError> {
        let mut state = self.0.serialize();
        let sealed = seal(recipient, &state);
        state.zeroize();
        sealed
    }

    /// Takes a state up again.
    pub fn resume(identity: &Identity, suspended: &Sealed) -> Result<Self, VaultError> {
        let state = open(identity, suspended)?;
        let state = state.expose().try_into().map_err(|_| VaultError::Damaged)?;
        Sha256::deserialize(state).map(Self).map_err(|_| VaultError::Damaged)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_digest_goes_on_where_it_was_put_away_whatever_the_place() {
        let identity = Identity::generate();
        let file: Vec<u8> = (0..1000).map(|n| u8::try_from(n % 251).unwrap()).collect();
        for place in [0, 1, 63, 64, 65, 500, 1000] {
            let mut digest = ContentDigest::default();
            digest.update(&file[..place]);
            let away = digest.suspend(&identity.recipient()).unwrap();
            let mut digest = ContentDigest::resume(&identity, &away).unwrap();
            digest.update(&file[place..]);
            // The value module's digest is aws-lc's: the two agree.
            assert_eq!(digest.finish(), Digest::of(&file), "put away at {place}");
        }
    }

    #[test]
    fn what_is_no_state_is_not_taken_up() {
        let identity = Identity::generate();
        let other = seal(&identity.recipient(), b"not a state").unwrap();
        assert!(matches!(ContentDigest::resume(&identity, &other), Err(VaultError::Damaged)));
    }
}
