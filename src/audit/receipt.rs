//! Signed receipts of deposits (D9): the promise that the commit of a deposit holds, the proof that its entry stands in
//! the log, the file that carries both, and how anyone with the log's public key verifies it.
//!
//! A **promise** is a signed note (C2SP `signed-note`) under the log's key. Its first line is a label that no checkpoint
//! can begin with, since an origin has no space; so neither can be passed off as the other. A **proof** is a C2SP
//! `tlog-proof`: the entry's place, its inclusion proof (RFC 9162 section 2.1.3), the checkpoint that it leads to.
//!
//! A receipt names no person: no address, no title, no file name. Files stand in it as salted digests; without the salt,
//! which only the depositor is shown, it confirms no guess about their content.

use std::fmt;
use std::str::FromStr;

use aws_lc_rs::constant_time;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::merkle::{MerkleError, verify_inclusion};
use super::note::{Note, NoteError, NoteKey, NoteSigner};
use crate::value::{Digest, Reference, Timestamp};

/// The context of the signature: the first line of every promise.
const LABEL: &str = "pli deposit promise v1";
/// What stands before the salt in the input of a file's salted digest.
const FILE_LABEL: &[u8] = b"pli-receipt-file-v1\n";
/// Files that a promise lists; of more, only their number is told. A note holds them within its own limit.
const FILES_MAX: usize = 1000;
/// Bytes of a text that is read as a receipt.
pub const RECEIPT_MAX_BYTES: usize = 128 * 1024;
/// More hashes than an inclusion proof over 2^64 entries can have.
const HASHES_MAX: usize = 64;

const PROMISE_BEGINS: &str = "-----BEGIN PLI PROMISE-----\n";
const PROMISE_ENDS: &str = "-----END PLI PROMISE-----\n";
const PROOF_BEGINS: &str = "-----BEGIN PLI PROOF-----\n";
const PROOF_ENDS: &str = "-----END PLI PROOF-----\n";
const PROOF_HEADER: &str = "c2sp.org/tlog-proof@v1";

/// Why a text is no receipt of this log. Whoever presented it must explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum ReceiptError {
    /// More text than a receipt has.
    #[error("a text of {actual} bytes is over the limit of {limit}")]
    TooLong {
        /// What is read at most.
        limit: usize,
        /// What was given.
        actual: usize,
    },
    /// There is no promise in it, or it is not written as one.
    #[error("the text holds no deposit promise")]
    Shape,
    /// The promise is not signed by this key.
    #[error("promise: {0}")]
    Promise(NoteError),
    /// The proof is not written as a C2SP tlog-proof.
    #[error("the proof is malformed")]
    Proof,
    /// The checkpoint of the proof is not this log's.
    #[error("checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// The proof does not lead from the promised entry to the checkpoint.
    #[error("the promised entry is not in the log that the checkpoint signs: {0}")]
    Inclusion(MerkleError),
    /// What was to be promised cannot be signed: a defect of the caller.
    #[error("the promise cannot be signed: {0}")]
    Signing(NoteError),
}

/// What keeps the digests of a receipt from confirming a guess: 16 random bytes, written in hexadecimal.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct FileSalt([u8; 16]);

impl FileSalt {
    /// Takes 16 random bytes.
    pub const fn new(random: [u8; 16]) -> Self {
        Self(random)
    }

    /// The 16 bytes.
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// `SHA-256("pli-receipt-file-v1\n" || salt || SHA-256 of the file)`: how a file stands in a receipt.
    pub fn digest(&self, file: &Digest) -> Digest {
        Digest::of(&[FILE_LABEL, &self.0[..], file.as_bytes()].concat())
    }
}

impl fmt::Display for FileSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.iter().try_for_each(|byte| write!(f, "{byte:02x}"))
    }
}

impl fmt::Debug for FileSalt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("FileSalt(…)")
    }
}

impl FromStr for FileSalt {
    type Err = ReceiptError;

    /// Reads it as people copy it: any case, spaces between groups.
    fn from_str(text: &str) -> Result<Self, ReceiptError> {
        let digits: Vec<u8> = text.bytes().filter(|byte| !byte.is_ascii_whitespace()).take(33).collect();
        let mut salt = [0; 16];
        if digits.len() != 32 {
            return Err(ReceiptError::Shape);
        }
        for (byte, pair) in salt.iter_mut().zip(digits.chunks(2)) {
            let nibble = |digit: u8| char::from(digit).to_digit(16).ok_or(ReceiptError::Shape);
            let (high, low) = (nibble(pair[0])?, nibble(pair[1])?);
            *byte = u8::try_from(high * 16 + low).map_err(|_| ReceiptError::Shape)?;
        }
        Ok(Self(salt))
    }
}

/// What the gateway promises when it accepts a deposit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Promise {
    /// What people quote.
    pub reference: Reference,
    /// The mailbox, as in its page's address: `organisation/mailbox`.
    pub mailbox: String,
    /// When the deposit was accepted, by the gateway's clock.
    pub received_at: Timestamp,
    /// How many files it has; the message is none.
    pub file_count: u64,
    /// Their salted digests, in the order of the deposit; the first thousand.
    pub files: Vec<Digest>,
    /// The leaf hash of the log entry that tells of the deposit.
    pub leaf: Digest,
}

impl Promise {
    /// Signs it with the log's key.
    pub fn sign(&self, signer: &NoteSigner) -> Result<Note, ReceiptError> {
        let mut text = format!(
            "{LABEL}\n{}\nreference {}\nmailbox {}\ntime {}\nfiles {}\n",
            signer.public().name(),
            self.reference,
            self.mailbox,
            self.received_at.0,
            self.file_count
        );
        for file in self.files.iter().take(FILES_MAX) {
            text.extend(["file ", &file.to_string(), "\n"]);
        }
        text.extend(["leaf ", &self.leaf.to_string(), "\n"]);
        signer.sign(text).map_err(ReceiptError::Signing)
    }

    /// Reads a promise that the log with this key signed.
    pub fn open(note: &str, key: &NoteKey) -> Result<Self, ReceiptError> {
        let note = Note::parse(note).map_err(ReceiptError::Promise)?;
        let text = note.verified(key).map_err(ReceiptError::Promise)?;
        Self::parse(text, key.name()).ok_or(ReceiptError::Shape)
    }

    fn parse(text: &str, origin: &str) -> Option<Self> {
        let mut lines = text.strip_suffix('\n')?.split('\n');
        if lines.next()? != LABEL || lines.next()? != origin {
            return None;
        }
        let reference = Reference::parse(lines.next()?.strip_prefix("reference ")?).ok()?;
        let mailbox = lines.next()?.strip_prefix("mailbox ")?.to_owned();
        let received_at = Timestamp(lines.next()?.strip_prefix("time ")?.parse().ok()?);
        let file_count = lines.next()?.strip_prefix("files ")?.parse().ok()?;
        let mut files = Vec::new();
        loop {
            let line = lines.next()?;
            if let Some(leaf) = line.strip_prefix("leaf ") {
                let leaf = Digest::try_from(leaf.to_owned()).ok()?;
                let whole = lines.next().is_none();
                return whole.then_some(Self { reference, mailbox, received_at, file_count, files, leaf });
            }
            files.push(Digest::try_from(line.strip_prefix("file ")?.to_owned()).ok()?);
        }
    }

    /// Whether a file with this SHA-256 is one of those that were deposited.
    pub fn holds(&self, salt: &FileSalt, file: &Digest) -> bool {
        let salted = salt.digest(file);
        let is_it = |listed: &Digest| {
            constant_time::verify_slices_are_equal(listed.as_bytes(), salted.as_bytes()).is_ok()
        };
        self.files.iter().any(is_it)
    }
}

/// That an entry stands in the log (C2SP tlog-proof, without its `extra` line).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LogProof {
    /// The entry's place, from 0.
    pub index: u64,
    /// Its inclusion proof.
    pub hashes: Vec<Digest>,
    /// The signed checkpoint that the proof leads to, with any cosignatures.
    pub checkpoint: String,
}

impl LogProof {
    /// Reads a proof; nothing is verified yet.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        let (head, checkpoint) = text.split_once("\n\n").ok_or(ReceiptError::Proof)?;
        let mut lines = head.split('\n').peekable();
        if lines.next() != Some(PROOF_HEADER) {
            return Err(ReceiptError::Proof);
        }
        // Other programs may say more of an entry there; it is signed by nobody.
        lines.next_if(|line| line.starts_with("extra "));
        let index = lines.next().and_then(|line| line.strip_prefix("index ")).and_then(|at| at.parse().ok());
        let hashes = lines.take(HASHES_MAX + 1).map(|line| Digest::try_from(line.to_owned()));
        let hashes: Vec<Digest> = hashes.collect::<Result<_, _>>().map_err(|_| ReceiptError::Proof)?;
        if hashes.len() > HASHES_MAX {
            return Err(ReceiptError::Proof);
        }
        Ok(Self { index: index.ok_or(ReceiptError::Proof)?, hashes, checkpoint: checkpoint.to_owned() })
    }

    /// Verifies that `leaf` stands in the log that this key signs for; returns the checkpoint.
    pub fn verify(&self, leaf: &Digest, key: &NoteKey) -> Result<Checkpoint, ReceiptError> {
        let checkpoint = Checkpoint::open(&self.checkpoint, key).map_err(ReceiptError::Checkpoint)?;
        verify_inclusion(leaf, self.index, checkpoint.size, &self.hashes, &checkpoint.root)
            .map_err(ReceiptError::Inclusion)?;
        Ok(checkpoint)
    }
}

impl fmt::Display for LogProof {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{PROOF_HEADER}\nindex {}", self.index)?;
        self.hashes.iter().try_for_each(|hash| writeln!(f, "{}", BASE64.encode(hash.as_bytes())))?;
        write!(f, "\n{}", self.checkpoint)
    }
}

/// The file that a depositor keeps.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Receipt {
    /// The promise, a signed note.
    pub promise: String,
    /// The proof; none where the mail could not wait for the next checkpoint.
    pub proof: Option<LogProof>,
}

/// A receipt that holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct VerifiedReceipt {
    /// What was promised.
    pub promise: Promise,
    /// Where in the log the deposit stands; none when the receipt carries the promise alone.
    pub proved: Option<ProvedEntry>,
}

/// The place of a deposit's entry, proved.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct ProvedEntry {
    /// The entry, from 0.
    pub index: u64,
    /// Entries that the checkpoint signs for.
    pub size: u64,
    /// When the checkpoint was signed; none where another program did.
    pub signed_at: Option<Timestamp>,
}

impl Receipt {
    /// Finds the receipt in a text, as people keep and paste it: other line ends, words around. Nothing is verified yet.
    pub fn parse(text: &str) -> Result<Self, ReceiptError> {
        if text.len() > RECEIPT_MAX_BYTES {
            return Err(ReceiptError::TooLong { limit: RECEIPT_MAX_BYTES, actual: text.len() });
        }
        let lines: Vec<&str> = text.lines().map(|line| line.trim_end_matches(['\r', ' ', '\t'])).collect();
        let text = format!("{}\n", lines.join("\n"));
        let promise = between(&text, PROMISE_BEGINS, PROMISE_ENDS).ok_or(ReceiptError::Shape)?.to_owned();
        let proof = if text.contains(PROOF_BEGINS) {
            Some(between(&text, PROOF_BEGINS, PROOF_ENDS).ok_or(ReceiptError::Proof)?)
        } else {
            None
        };
        Ok(Self { promise, proof: proof.map(LogProof::parse).transpose()? })
    }

    /// Verifies promise and proof with the log's public key, offline.
    pub fn verify(&self, key: &NoteKey) -> Result<VerifiedReceipt, ReceiptError> {
        let promise = Promise::open(&self.promise, key)?;
        let proved = match &self.proof {
            None => None,
            Some(proof) => {
                let checkpoint = proof.verify(&promise.leaf, key)?;
                Some(ProvedEntry { index: proof.index, size: checkpoint.size, signed_at: checkpoint.at })
            }
        };
        Ok(VerifiedReceipt { promise, proved })
    }
}

impl fmt::Display for Receipt {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{PROMISE_BEGINS}{}{PROMISE_ENDS}", self.promise)?;
        match &self.proof {
            Some(proof) => write!(f, "\n{PROOF_BEGINS}{proof}{PROOF_ENDS}"),
            None => Ok(()),
        }
    }
}

fn between<'a>(text: &'a str, begins: &str, ends: &str) -> Option<&'a str> {
    let start = text.find(begins)? + begins.len();
    let length = text[start..].find(ends)?;
    Some(&text[start..start + length])
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::super::merkle::{Frontier, inclusion_proof, leaf_hash, nodes_of};
    use super::super::note::NoteSeed;
    use super::*;

    fn signer(seed: u8) -> NoteSigner {
        NoteSigner::new("pli.example/log", &NoteSeed::new([seed; 32])).unwrap()
    }

    fn salt() -> FileSalt {
        FileSalt::new([0xa5; 16])
    }

    fn promise(leaf: Digest) -> Promise {
        Promise {
            reference: Reference::parse("7K3M-9QXD-04TZ").unwrap(),
            mailbox: "carsat/pensions".to_owned(),
            received_at: Timestamp(1_795_000_000_000),
            file_count: 2,
            files: vec![salt().digest(&Digest::of(b"one")), salt().digest(&Digest::of(b"two"))],
            leaf,
        }
    }

    /// A log of `size` entries of which the one at `index` is promised.
    fn receipt(index: u64, size: u64) -> (Receipt, Vec<Digest>) {
        let leaves: Vec<Digest> = (0..size).map(|n| leaf_hash(&n.to_be_bytes())).collect();
        let mut frontier = Frontier::default();
        for leaf in &leaves {
            frontier.append(*leaf);
        }
        let checkpoint = Checkpoint::sign(&signer(1), size, frontier.root(), Timestamp(7)).unwrap();
        let place = usize::try_from(index).unwrap();
        let proof = LogProof {
            index,
            hashes: inclusion_proof(index, size, nodes_of(&leaves)).unwrap(),
            checkpoint: checkpoint.to_string(),
        };
        let promise = promise(leaves[place]).sign(&signer(1)).unwrap().to_string();
        (Receipt { promise, proof: Some(proof) }, leaves)
    }

    #[test]
    fn the_written_form_of_version_1_does_not_change() {
        let (receipt, leaves) = receipt(1, 2);
        let text = receipt.to_string();
        let expected = format!(
            "-----BEGIN PLI PROMISE-----\npli deposit promise v1\npli.example/log\nreference 7K3M-9QXD-04TZ\n\
             mailbox carsat/pensions\ntime 1795000000000\nfiles 2\nfile {}\nfile {}\nleaf {}\n\n— pli.example/log ",
            salt().digest(&Digest::of(b"one")),
            salt().digest(&Digest::of(b"two")),
            leaves[1]
        );
        assert!(text.starts_with(&expected), "{text}");
        let proof = format!(
            "-----BEGIN PLI PROOF-----\nc2sp.org/tlog-proof@v1\nindex 1\n{}\n\npli.example/log\n2\n",
            leaves[0]
        );
        assert!(text.contains(&proof), "{text}");
    }

    #[test]
    fn a_receipt_as_people_paste_it_verifies_and_tells_what_was_promised() {
        let (receipt, leaves) = receipt(3, 7);
        let pasted =
            format!("Bonjour,\r\n\r\n{}\r\nBien à vous", receipt.to_string().replace('\n', "  \r\n"));
        let read = Receipt::parse(&pasted).unwrap();
        assert_eq!(read, receipt);
        let verified = read.verify(signer(1).public()).unwrap();
        assert_eq!(verified.promise, promise(leaves[3]));
        let proved = ProvedEntry { index: 3, size: 7, signed_at: Some(Timestamp(7)) };
        assert_eq!(verified.proved, Some(proved));
    }

    #[test]
    fn a_file_is_confirmed_by_its_salt_alone() {
        let (receipt, _) = receipt(0, 1);
        let promise = receipt.verify(signer(1).public()).unwrap().promise;
        assert!(promise.holds(&salt(), &Digest::of(b"two")));
        assert!(!promise.holds(&salt(), &Digest::of(b"three")));
        assert!(!promise.holds(&FileSalt::new([0; 16]), &Digest::of(b"two")), "a guess without the salt");
        let typed = salt().to_string().to_uppercase();
        assert_eq!(format!("{} {}", &typed[..8], &typed[8..]).parse::<FileSalt>(), Ok(salt()));
        for wrong in ["", "a5", &format!("{}0", salt()), &salt().to_string().replace('a', "g")] {
            assert!(wrong.parse::<FileSalt>().is_err(), "{wrong}");
        }
    }

    #[test]
    fn every_change_of_a_byte_is_found() {
        let (receipt, _) = receipt(2, 5);
        let text = receipt.to_string();
        for (place, letter) in text.char_indices().filter(|(_, letter)| letter.is_ascii_alphanumeric()) {
            let other = if letter == 'A' { 'B' } else { 'A' };
            let mut altered = text.clone();
            altered.replace_range(place..=place, &other.to_string());
            let outcome = Receipt::parse(&altered).and_then(|read| read.verify(signer(1).public()));
            // Without the mark before it the proof is words around the promise, which still holds alone.
            let proof_hidden = outcome.as_ref().is_ok_and(|verified| verified.proved.is_none());
            assert!(outcome.is_err() || proof_hidden, "byte {place} of\n{text}");
        }
    }

    #[test]
    fn what_another_key_signed_or_another_log_proves_is_refused() {
        let (receipt, _) = receipt(2, 5);
        let other = receipt.verify(signer(2).public());
        assert!(matches!(other, Err(ReceiptError::Promise(NoteError::Unsigned))), "{other:?}");
        let elsewhere = Receipt { proof: self::receipt(1, 5).0.proof, ..receipt.clone() };
        assert!(matches!(elsewhere.verify(signer(1).public()), Err(ReceiptError::Inclusion(_))));
        let alone = Receipt { proof: None, ..receipt };
        assert_eq!(alone.verify(signer(1).public()).unwrap().proved, None);
    }

    #[test]
    fn a_checkpoint_is_no_promise_and_a_promise_no_checkpoint() {
        let (receipt, _) = receipt(0, 3);
        let checkpoint = receipt.proof.unwrap().checkpoint;
        assert_eq!(Promise::open(&checkpoint, signer(1).public()), Err(ReceiptError::Shape));
        assert!(Checkpoint::open(&receipt.promise, signer(1).public()).is_err());
    }

    #[test]
    fn a_huge_text_and_a_huge_proof_are_refused() {
        let huge = "x".repeat(RECEIPT_MAX_BYTES + 1);
        assert!(matches!(Receipt::parse(&huge), Err(ReceiptError::TooLong { .. })));
        let hash = format!("{}\n", Digest::of(b"x"));
        let proof = format!("{PROOF_HEADER}\nindex 0\n{}\ncheckpoint\n", hash.repeat(65));
        assert_eq!(LogProof::parse(&proof), Err(ReceiptError::Proof));
    }

    #[test]
    fn a_deposit_of_very_many_files_still_has_a_promise_that_reads() {
        let many = Promise {
            file_count: 5000,
            files: (0..5000_u32).map(|n| Digest::of(&n.to_be_bytes())).collect(),
            ..promise(Digest::of(b"leaf"))
        };
        let note = many.sign(&signer(1)).unwrap().to_string();
        let read = Promise::open(&note, signer(1).public()).unwrap();
        assert_eq!((read.file_count, read.files.len()), (5000, 1000));
    }

    proptest! {
        #[test]
        fn no_text_breaks_the_reader(text in "(-----(BEGIN|END) PLI (PROMISE|PROOF)-----\n|index 1\n|c2sp.org/tlog-proof@v1\n|\n|.{0,20}\n){0,12}") {
            if let Ok(receipt) = Receipt::parse(&text) {
                prop_assert!(receipt.verify(signer(1).public()).is_err());
            }
        }

        #[test]
        fn every_place_of_every_size_is_proved(size in 1_u64..40, place in any::<prop::sample::Index>()) {
            let index = place.index(usize::try_from(size).unwrap()) as u64;
            let (receipt, _) = receipt(index, size);
            prop_assert!(receipt.verify(signer(1).public()).is_ok());
        }
    }
}
