//! Signed notes, C2SP `signed-note` v1.0.0: a text, an empty line, and signature lines that name their key.
//! Keys are Ed25519 (RFC 8032); lines of other keys and kinds are kept and not judged, so that witnesses can add
//! theirs. What the text means is `checkpoint.rs`.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::signature::{ED25519, Ed25519KeyPair, KeyPair, UnparsedPublicKey};
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::merkle::sha256;

/// Signature kind of plain Ed25519 in key ids and key texts.
const KIND_ED25519: u8 = 0x01;
/// A note with more is refused whole, as the specification allows.
const SIGNATURES_MAX: usize = 100;
/// Bytes of a note; a checkpoint with its witnesses has a few hundred.
const NOTE_MAX_BYTES: usize = 64 * 1024;
/// Bytes of a key name.
const NAME_MAX_BYTES: usize = 255;
/// What a signature line begins with: U+2014 and a space.
const SIGNATURE_MARK: &str = "— ";

/// Why a note or a key is not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum NoteError {
    /// The operator must choose another key name.
    #[error("a key name has no white space and no plus sign, and 1 to {NAME_MAX_BYTES} bytes")]
    Name,
    /// Who gave the key must give it whole.
    #[error("not a public key of the form name+id+base64")]
    Key,
    /// The key id does not belong to the name and the key.
    #[error("the key id does not belong to this name and key")]
    KeyId,
    /// Not a text, an empty line and signature lines.
    #[error("not a signed note")]
    Shape,
    /// Longer than any note of a log.
    #[error("a note of {actual} bytes, at most {limit} are read")]
    TooLong {
        /// What is read, in bytes.
        limit: usize,
        /// What was given, in bytes.
        actual: usize,
    },
    /// No line is signed by this key.
    #[error("the note is not signed by this key")]
    Unsigned,
    /// A line claims this key and its signature is wrong.
    #[error("a signature that claims this key is wrong")]
    Signature,
    /// The cryptographic library refused the seed or the text: a defect or a broken machine.
    #[error("the signature could not be made")]
    Signing,
}

/// The 32 secret bytes of an Ed25519 key, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct NoteSeed([u8; 32]);

impl NoteSeed {
    /// Takes over 32 random bytes.
    pub const fn new(random: [u8; 32]) -> Self {
        Self(random)
    }

    pub(super) const fn expose(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Debug for NoteSeed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("NoteSeed(…)")
    }
}

/// A key that signs notes under a name.
pub struct NoteSigner {
    pair: Ed25519KeyPair,
    public: NoteKey,
}

impl NoteSigner {
    /// Makes the key from its secret bytes; the library keeps its own copy, wiped when this is dropped.
    pub fn new(name: &str, seed: &NoteSeed) -> Result<Self, NoteError> {
        let pair = Ed25519KeyPair::from_seed_unchecked(&seed.0).map_err(|_| NoteError::Signing)?;
        let bytes = pair.public_key().as_ref().try_into().map_err(|_| NoteError::Signing)?;
        Ok(Self { pair, public: NoteKey::new(name, bytes)? })
    }

    /// The public half, to hand to whoever verifies.
    pub const fn public(&self) -> &NoteKey {
        &self.public
    }

    /// Signs a text, which must end its last line.
    pub fn sign(&self, text: String) -> Result<Note, NoteError> {
        check_text(&text)?;
        let bytes = self.pair.try_sign(text.as_bytes()).map_err(|_| NoteError::Signing)?;
        let signature = NoteSignature {
            name: self.public.name.clone(),
            id: self.public.id,
            bytes: bytes.as_ref().to_vec(),
        };
        Ok(Note { text, signatures: vec![signature] })
    }
}

impl fmt::Debug for NoteSigner {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "NoteSigner({})", self.public)
    }
}

/// A public key with its name; as text `name+id+base64`, the "vkey" that the tools of C2SP read.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteKey {
    name: String,
    id: [u8; 4],
    bytes: [u8; 32],
}

impl NoteKey {
    /// An Ed25519 public key under a name.
    pub fn new(name: &str, bytes: [u8; 32]) -> Result<Self, NoteError> {
        check_name(name)?;
        Ok(Self { name: name.to_owned(), id: key_id(name, &bytes), bytes })
    }

    /// The name, for a log its origin.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The first four bytes of `SHA-256(name || 0x0A || kind || key)`.
    pub const fn id(&self) -> [u8; 4] {
        self.id
    }
}

impl fmt::Display for NoteKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut typed = vec![KIND_ED25519];
        typed.extend_from_slice(&self.bytes);
        write!(f, "{}+{:08x}+{}", self.name, u32::from_be_bytes(self.id), BASE64.encode(typed))
    }
}

impl FromStr for NoteKey {
    type Err = NoteError;

    fn from_str(text: &str) -> Result<Self, NoteError> {
        let mut parts = text.trim_end().splitn(3, '+');
        let (Some(name), Some(id), Some(typed)) = (parts.next(), parts.next(), parts.next()) else {
            return Err(NoteError::Key);
        };
        let typed = BASE64.decode(typed).map_err(|_| NoteError::Key)?;
        let Some((&KIND_ED25519, bytes)) = typed.split_first() else { return Err(NoteError::Key) };
        let key = Self::new(name, bytes.try_into().map_err(|_| NoteError::Key)?)?;
        if id == format!("{:08x}", u32::from_be_bytes(key.id)) { Ok(key) } else { Err(NoteError::KeyId) }
    }
}

/// One signature line, not judged.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NoteSignature {
    name: String,
    id: [u8; 4],
    bytes: Vec<u8>,
}

impl NoteSignature {
    pub(super) const fn new(name: String, id: [u8; 4], bytes: Vec<u8>) -> Self {
        Self { name, id, bytes }
    }

    /// Whether the line claims this key.
    pub(super) fn is_by(&self, name: &str, id: [u8; 4]) -> bool {
        self.name == name && self.id == id
    }

    /// What follows the key id.
    pub(super) fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Reads one line, with or without its end.
    pub fn read(line: &str) -> Result<Self, NoteError> {
        Self::parse(line.trim_end_matches('\n')).ok_or(NoteError::Shape)
    }

    fn parse(line: &str) -> Option<Self> {
        let (name, encoded) = line.strip_prefix(SIGNATURE_MARK)?.split_once(' ')?;
        check_name(name).ok()?;
        let bytes = BASE64.decode(encoded).ok()?;
        let (id, bytes) = bytes.split_first_chunk::<4>()?;
        (!bytes.is_empty()).then(|| Self { name: name.to_owned(), id: *id, bytes: bytes.to_vec() })
    }
}

impl fmt::Display for NoteSignature {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut bytes = self.id.to_vec();
        bytes.extend_from_slice(&self.bytes);
        writeln!(f, "{SIGNATURE_MARK}{} {}", self.name, BASE64.encode(bytes))
    }
}

/// A text with its signatures. The text is to be ignored until [`Note::verified`] gives it out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Note {
    text: String,
    signatures: Vec<NoteSignature>,
}

impl Note {
    /// Reads a note; nothing is verified yet.
    pub fn parse(note: &str) -> Result<Self, NoteError> {
        if note.len() > NOTE_MAX_BYTES {
            return Err(NoteError::TooLong { limit: NOTE_MAX_BYTES, actual: note.len() });
        }
        // The text keeps its final newline; the empty line between belongs to neither.
        let gap = note.rfind("\n\n").ok_or(NoteError::Shape)?;
        let (text, lines) = (&note[..=gap], &note[gap + 2..]);
        check_text(text)?;
        let lines = lines.strip_suffix('\n').ok_or(NoteError::Shape)?;
        let signatures: Option<Vec<_>> =
            lines.split('\n').take(SIGNATURES_MAX + 1).map(NoteSignature::parse).collect();
        match signatures {
            Some(signatures) if signatures.len() <= SIGNATURES_MAX => {
                Ok(Self { text: text.to_owned(), signatures })
            }
            _ => Err(NoteError::Shape),
        }
    }

    /// The text, once each signature that claims `key` is right and there is one.
    pub fn verified(&self, key: &NoteKey) -> Result<&str, NoteError> {
        let public = UnparsedPublicKey::new(&ED25519, &key.bytes);
        let mut claims = self.signatures.iter().filter(|s| s.name == key.name && s.id == key.id).peekable();
        if claims.peek().is_none() {
            return Err(NoteError::Unsigned);
        }
        if claims.all(|claim| public.verify(self.text.as_bytes(), &claim.bytes).is_ok()) {
            Ok(&self.text)
        } else {
            Err(NoteError::Signature)
        }
    }

    /// The text, which nothing vouches for yet.
    pub(super) fn unverified_text(&self) -> &str {
        &self.text
    }

    /// The signature lines, not judged.
    pub fn signatures(&self) -> &[NoteSignature] {
        &self.signatures
    }

    /// The note with its first signature line alone: the log's own, which each witness and timestamp is about.
    pub fn first_signed(&self) -> String {
        let first = self.signatures.first().map(ToString::to_string).unwrap_or_default();
        format!("{}\n{first}", self.text)
    }

    /// Adds a signature line, such as a witness returns.
    pub fn with(self, signature: NoteSignature) -> Result<Self, NoteError> {
        let other = Self { text: self.text.clone(), signatures: vec![signature] };
        self.cosigned(other)
    }

    /// Adds the signature lines of another copy of the same note, such as a witness returns.
    pub fn cosigned(mut self, other: Self) -> Result<Self, NoteError> {
        if self.text != other.text {
            return Err(NoteError::Shape);
        }
        for signature in other.signatures {
            if !self.signatures.contains(&signature) {
                self.signatures.push(signature);
            }
        }
        if self.signatures.len() > SIGNATURES_MAX { Err(NoteError::Shape) } else { Ok(self) }
    }
}

impl fmt::Display for Note {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{}", self.text)?;
        self.signatures.iter().try_for_each(|signature| write!(f, "{signature}"))
    }
}

fn key_id(name: &str, key: &[u8; 32]) -> [u8; 4] {
    let hash = sha256(&[name.as_bytes(), &[b'\n', KIND_ED25519], key].concat());
    let bytes = hash.as_bytes();
    [bytes[0], bytes[1], bytes[2], bytes[3]]
}

pub(super) fn check_name(name: &str) -> Result<(), NoteError> {
    let right = !name.is_empty()
        && name.len() <= NAME_MAX_BYTES
        && !name.contains(|c: char| c.is_whitespace() || c.is_control() || c == '+');
    if right { Ok(()) } else { Err(NoteError::Name) }
}

fn check_text(text: &str) -> Result<(), NoteError> {
    let right = text.ends_with('\n') && !text.contains(|c: char| c < ' ' && c != '\n');
    if right { Ok(()) } else { Err(NoteError::Shape) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the specification; the public key is that of the reference implementation's tests.
    const PUBLISHED_KEY: &str = "PeterNeumann+c74f20a3+ARpc2QcUPDhMQegwxbzhKqiBfsVkmqq/LDE4izWy10TW";
    const PUBLISHED_NOTE: &str = "If you think cryptography is the answer to your problem,\n\
        then you don't know what your problem is.\n\n\
        — PeterNeumann x08go/ZJkuBS9UG/SffcvIAQxVBtiFupLLr8pAcElZInNIuGUgYN1FFYC2pZSNXgKvqfqdngotpRZb6KE6RyyBwJnAM=\n";

    fn signer(name: &str, seed: u8) -> NoteSigner {
        NoteSigner::new(name, &NoteSeed::new([seed; 32])).unwrap()
    }

    #[test]
    fn the_published_note_verifies_under_its_published_key() {
        let key: NoteKey = PUBLISHED_KEY.parse().unwrap();
        assert_eq!(key.to_string(), PUBLISHED_KEY);
        let note = Note::parse(PUBLISHED_NOTE).unwrap();
        assert!(note.verified(&key).unwrap().ends_with("what your problem is.\n"));
        assert_eq!(note.to_string(), PUBLISHED_NOTE);
        let altered = Note::parse(&PUBLISHED_NOTE.replace("don't", "do")).unwrap();
        assert_eq!(altered.verified(&key), Err(NoteError::Signature));
    }

    #[test]
    fn a_mangled_key_is_refused() {
        for end in 0..PUBLISHED_KEY.len() {
            assert!(PUBLISHED_KEY[..end].parse::<NoteKey>().is_err(), "{}", &PUBLISHED_KEY[..end]);
        }
        assert_eq!(PUBLISHED_KEY.replace("c74f", "c74e").parse::<NoteKey>(), Err(NoteError::KeyId));
        assert_eq!(NoteKey::new("a name", [1; 32]), Err(NoteError::Name));
    }

    #[test]
    fn what_is_no_note_is_refused() {
        let signed = signer("log.example", 1).sign("text\n".to_owned()).unwrap().to_string();
        for wrong in [
            "",
            "text\n",
            "text\n\n",
            "text\n\n— log.example !\n",
            signed.trim_end(),
            &signed.replace("— ", "-- "),
            &signed.replace("text", "te\txt"),
        ] {
            assert_eq!(Note::parse(wrong), Err(NoteError::Shape), "{wrong:?}");
        }
        let line = signed.lines().last().unwrap();
        let many = format!("text\n\n{}", format!("{line}\n").repeat(101));
        assert_eq!(Note::parse(&many), Err(NoteError::Shape));
        assert!(matches!(Note::parse(&"x".repeat(70_000)), Err(NoteError::TooLong { actual: 70_000, .. })));
    }

    #[test]
    fn a_witness_adds_its_line_and_both_verify() {
        let (log, witness) = (signer("log.example", 1), signer("witness.example", 2));
        let note = log.sign("text\n".to_owned()).unwrap();
        assert_eq!(note.verified(witness.public()), Err(NoteError::Unsigned));
        let note = note.cosigned(witness.sign("text\n".to_owned()).unwrap()).unwrap();
        let read = Note::parse(&note.to_string()).unwrap();
        assert_eq!(read.verified(log.public()), Ok("text\n"));
        assert_eq!(read.verified(witness.public()), Ok("text\n"));
        assert!(read.cosigned(witness.sign("another\n".to_owned()).unwrap()).is_err());
    }

    #[test]
    fn one_wrong_line_under_a_key_condemns_the_note_whatever_the_others_say() {
        let log = signer("log.example", 1);
        let note = log.sign("text\n".to_owned()).unwrap().to_string();
        let foreign = log.sign("another\n".to_owned()).unwrap().to_string();
        let both = format!("{note}{}\n", foreign.lines().last().unwrap());
        assert_eq!(Note::parse(&both).unwrap().verified(log.public()), Err(NoteError::Signature));
    }

    proptest! {
        #[test]
        fn what_is_signed_reads_back_and_no_other_key_signed_it(text in "([ -~é]{0,20}\n){1,4}", seed: u8) {
            let signer = signer("log.example", seed);
            let note = Note::parse(&signer.sign(text.clone()).unwrap().to_string()).unwrap();
            prop_assert_eq!(note.verified(signer.public()), Ok(text.as_str()));
            let other = NoteSigner::new("log.example", &NoteSeed::new([seed ^ 1; 32])).unwrap();
            prop_assert!(note.verified(other.public()).is_err());
        }
    }
}
