//! Cosignatures of witnesses, C2SP tlog-cosignature: a second signature on a checkpoint, with the time at which the
//! witness saw it. It says that this witness has seen no other history of that log.
//!
//! It signs and verifies; whether a checkpoint deserves it is `witness.rs`.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::merkle::sha256;
use super::note::{Note, NoteError, NoteSeed, NoteSignature, check_name};
use crate::value::Timestamp;

/// Signature kind of a timestamped Ed25519 cosignature.
const KIND_COSIGNATURE: u8 = 0x04;
/// What stands before the signed text.
const LABEL: &str = "cosignature/v1";
/// Bytes of the time before the signature.
const TIME_BYTES: usize = 8;

/// The public key of a witness with its name; as text `name+id+base64`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CosignerKey {
    name: String,
    id: [u8; 4],
    bytes: [u8; 32],
}

impl CosignerKey {
    fn new(name: &str, bytes: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        let hash = sha256(&[name.as_bytes(), &[b'\n', KIND_COSIGNATURE], &bytes].concat());
        let id = hash.as_bytes();
        Ok(Self { name: name.to_owned(), id: [id[0], id[1], id[2], id[3]], bytes })
    }

    /// The name of the witness.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// When this witness cosigned the note; `None` when it did not. One wrong line of this key condemns the note.
    pub fn cosigned_at(&self, note: &Note) -> Result<Option<Timestamp>, NoteError> {
        let mut seen = None;
        for claim in note.signatures().iter().filter(|claim| claim.is_by(&self.name, self.id)) {
            let (time, signature) =
                claim.bytes().split_first_chunk::<TIME_BYTES>().ok_or(NoteError::Signature)?;
            let seconds = u64::from_be_bytes(*time);
            let public = UnparsedPublicKey::new(&ED25519, &self.bytes);
            let message = message(seconds, note.unverified_text());
            public.verify(message.as_bytes(), signature).map_err(|_| NoteError::Signature)?;
            let millis = i64::try_from(seconds).ok().and_then(|seconds| seconds.checked_mul(1000));
            seen = seen.max(Some(Timestamp(millis.ok_or(NoteError::Signature)?)));
        }
        Ok(seen)
    }
}

impl fmt::Display for CosignerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let typed = [&[KIND_COSIGNATURE][..], &self.bytes].concat();
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), BASE64.encode(typed))
    }
}

impl FromStr for CosignerKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let typed = BASE64.decode(typed).map_err(|_| NoteError::Key)?;
        let Some((&KIND_COSIGNATURE, bytes)) = typed.split_first() else { return Err(NoteError::Key) };
        let key = Self::new(name, bytes.try_into().map_err(|_| NoteError::Key)?)?;
        if id == format!("{:08x}", u32::from_be_bytes(key.id)) { Ok(key) } else { Err(NoteError::KeyId) }
    }
}

/// A witness's key.
pub struct Cosigner {
    pair: Ed25519KeyPair,
    public: CosignerKey,
}

impl Cosigner {
    /// Makes the key from its secret bytes.
    pub fn new(name: &str, seed: &NoteSeed) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(seed.expose()).map_err(|_| NoteError::Signing)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Signing)?;
        Ok(Self { pair, public: CosignerKey::new(name, bytes)? })
    }

    /// The public half.
    pub const fn public(&self) -> &CosignerKey {
        &self.public
    }

    /// The signature line of a checkpoint seen at this time; whole seconds count.
    pub fn cosign(&self, note: &Note, at: Timestamp) -> Result<NoteSignature, NoteError> {
        let seconds = u64::try_from(at.unix_seconds()).map_err(|_| NoteError::Signing)?;
        let message = message(seconds, note.unverified_text());
        let signature = self.pair.try_sign(message.as_bytes()).map_err(|_| NoteError::Signing)?;
        let bytes = [&seconds.to_be_bytes()[..], signature.as_ref()].concat();
        Ok(NoteSignature::new(self.public.name.clone(), self.public.id, bytes))
    }
}

impl fmt::Debug for Cosigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Cosigner({})", self.public)
    }
}

fn message(seconds: u64, text: &str) -> String {
    format!("{LABEL}\ntime {seconds}\n{text}")
}

#[cfg(test)]
mod tests {
    use super::super::checkpoint::Checkpoint;
    use super::super::note::NoteSigner;
    use super::*;
    use crate::value::Digest;

    const AT: Timestamp = Timestamp(1_795_000_000_000);

    fn checkpoint() -> Note {
        let log = NoteSigner::new("log.example", &NoteSeed::new([1; 32])).unwrap();
        Checkpoint::sign(&log, 3, Digest::of(b"root"), AT).unwrap()
    }

    fn witness(seed: u8) -> Cosigner {
        Cosigner::new("witness.example", &NoteSeed::new([seed; 32])).unwrap()
    }

    #[test]
    fn a_cosignature_reads_back_with_its_time_under_its_key_only() {
        let (note, witness, other) = (checkpoint(), witness(2), witness(3));
        assert_eq!(witness.public().cosigned_at(&note), Ok(None));
        let line = witness.cosign(&note, Timestamp(AT.0 + 999)).unwrap();
        let note = Note::parse(&note.with(line).unwrap().to_string()).unwrap();
        assert_eq!(witness.public().cosigned_at(&note), Ok(Some(AT)));
        assert_eq!(other.public().cosigned_at(&note), Ok(None));
        let log = NoteSigner::new("log.example", &NoteSeed::new([1; 32])).unwrap();
        assert!(note.verified(log.public()).is_ok(), "the log's own signature stays");
    }

    #[test]
    fn the_message_is_that_of_the_specification() {
        assert_eq!(message(1_679_315_147, "a\n1\nb\n"), "cosignature/v1\ntime 1679315147\na\n1\nb\n");
    }

    #[test]
    fn a_cosignature_of_another_text_condemns_the_note() {
        let (note, witness) = (checkpoint(), witness(2));
        let log = NoteSigner::new("log.example", &NoteSeed::new([1; 32])).unwrap();
        let other = Checkpoint::sign(&log, 4, Digest::of(b"root"), AT).unwrap();
        let moved = note.with(witness.cosign(&other, AT).unwrap()).unwrap();
        assert_eq!(witness.public().cosigned_at(&moved), Err(NoteError::Signature));
    }

    #[test]
    fn a_key_reads_back_and_a_key_of_another_kind_is_refused() {
        let text = witness(2).public().to_string();
        assert_eq!(text.parse::<CosignerKey>().unwrap().to_string(), text);
        let log = NoteSigner::new("log.example", &NoteSeed::new([1; 32])).unwrap();
        assert_eq!(log.public().to_string().parse::<CosignerKey>(), Err(NoteError::Key));
    }
}
