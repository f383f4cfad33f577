//! A signed bundle: the events of a selection with the proof that each is in the log, under one checkpoint. Who holds
//! the log's public key verifies it offline, and sees nothing of the rest of the log.
//!
//! JSON lines: a header with the selection, the checkpoint, one line an entry with payload, salt and inclusion proof,
//! and at the end a signed note over the number of entries and the digest of all that stands before. The proofs say
//! that each entry is what was logged, and where; the signature says that the gateway found no others for this
//! selection. That nothing was left out, only an export of the whole log proves.
//!
//! It opens no file: `verify_bundle` reads what it is given, in memory of one line.

use std::fmt;
use std::io::{self, BufRead, Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::entry::{Entry, leaf_of};
use super::event::Event;
use super::merkle::verify_inclusion;
use super::note::{Note, NoteKey, NoteSigner};
use super::selection::Selection;
use crate::value::{Digest, DigestBuilder, Timestamp};

/// What the first line names itself.
const FORMAT: &str = "pli-audit-bundle";
/// Version of the form.
const VERSION: u8 = 1;
/// The first line of the note at the end. It has a space, so it is the origin of no checkpoint.
const END_WORD: &str = "pli-audit-bundle v1";
/// Bytes of a line: a checkpoint with all its witnesses stays below.
const LINE_MAX_BYTES: usize = 256 * 1024;
/// How many faults are told one by one.
const FAULTS_MAX: usize = 1000;

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Header {
    format: String,
    version: u8,
    origin: String,
    key: String,
    selection: Selection,
    checkpoint: String,
}

#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields, untagged)]
enum Line {
    Entry { seq: u64, salt: String, payload: String, proof: Vec<Digest> },
    End { end: String },
}

/// Writes a bundle. Without [`BundleWriter::finish`] it does not verify.
pub struct BundleWriter<W: Write> {
    writer: W,
    digest: DigestBuilder,
    origin: String,
    count: u64,
}

impl<W: Write> BundleWriter<W> {
    /// Begins a bundle of a selection under a signed checkpoint.
    pub fn new(writer: W, signer: &NoteSigner, checkpoint: &str, selection: &Selection) -> io::Result<Self> {
        let key = signer.public();
        let origin = key.name().to_owned();
        let header = Header {
            format: FORMAT.to_owned(),
            version: VERSION,
            origin: origin.clone(),
            key: key.to_string(),
            selection: selection.clone(),
            checkpoint: checkpoint.to_owned(),
        };
        let mut bundle = Self { writer, digest: DigestBuilder::default(), origin, count: 0 };
        bundle.line(&header)?;
        Ok(bundle)
    }

    /// Writes an entry with its proof in the tree of the checkpoint; entries come in order.
    pub fn entry(&mut self, seq: u64, entry: &Entry, proof: &[Digest]) -> io::Result<()> {
        let (salt, payload) = (BASE64.encode(entry.salt()), entry.payload().to_owned());
        self.count += 1;
        self.line(&Line::Entry { seq, salt, payload, proof: proof.to_vec() })
    }

    /// How many entries there are so far.
    pub const fn count(&self) -> u64 {
        self.count
    }

    /// Signs the bundle.
    pub fn finish(mut self, signer: &NoteSigner) -> io::Result<W> {
        let digest = std::mem::take(&mut self.digest).finish();
        let text = end_text(&self.origin, self.count, &digest);
        let end = signer.sign(text).map_err(io::Error::other)?.to_string();
        self.line(&Line::End { end })?;
        self.writer.flush()?;
        Ok(self.writer)
    }

    fn line(&mut self, line: &impl Serialize) -> io::Result<()> {
        let mut bytes = serde_json::to_vec(line).map_err(io::Error::from)?;
        bytes.push(b'\n');
        self.digest.update(&bytes);
        self.writer.write_all(&bytes)
    }
}

fn end_text(origin: &str, count: u64, digest: &Digest) -> String {
    format!("{END_WORD}\n{origin}\n{count}\n{digest}\n")
}

/// What a verification of a bundle found.
#[derive(Debug)]
pub enum BundleVerdict {
    /// Everything in it is what was logged.
    Well {
        /// How many entries it holds.
        entries: u64,
        /// How many entries the log had.
        size: u64,
        /// When the log was signed.
        signed_at: Option<Timestamp>,
        /// A checkpoint held elsewhere is the same.
        outside: bool,
    },
    /// Something is not.
    NotWell {
        /// What, at most some hundreds.
        faults: Vec<BundleFault>,
        /// How many faults there are.
        count: u64,
    },
    /// It could not be read.
    CouldNotTell(BundleDoubt),
}

/// Something in a bundle that is not what was logged.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum BundleFault {
    /// An entry is not in the log at this place.
    #[error("entry {seq} is not what the log has at this place")]
    Entry {
        /// Its number in the log.
        seq: u64,
    },
    /// Entries do not stand in order.
    #[error("entry {seq} does not stand in order")]
    Order {
        /// Its number in the log.
        seq: u64,
    },
    /// An entry is not of the selection that the bundle names.
    #[error("entry {seq} is not of the selection")]
    Selection {
        /// Its number in the log.
        seq: u64,
    },
    /// A line is no entry.
    #[error("line {line} is neither an entry nor the end")]
    Malformed {
        /// Number of the line, the first is 1.
        line: u64,
    },
    /// Lines were removed, added or changed after it was signed, or it was cut off.
    #[error("the bundle is not as it was signed: lines are missing or changed")]
    End,
    /// The checkpoint held elsewhere has another root.
    #[error("the checkpoint held elsewhere has another root for the same size")]
    Rewritten,
}

/// Why nothing can be said.
#[derive(Debug, Error)]
pub enum BundleDoubt {
    /// The disk failed.
    #[error("the bundle cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is none.
    #[error("this is no bundle of an audit log")]
    NoHeader,
    /// A newer program wrote it.
    #[error("a bundle of version {actual}; this program reads version {VERSION}")]
    Version {
        /// The version that was found.
        actual: u8,
    },
    /// A line is longer than any that is written.
    #[error("line {line} is longer than the {limit} bytes that are read")]
    LineTooLong {
        /// Number of the line, the first is 1.
        line: u64,
        /// What is read, in bytes.
        limit: usize,
    },
    /// The bundle's checkpoint is not this log's.
    #[error("the bundle's checkpoint: {0}")]
    Checkpoint(CheckpointError),
    /// The checkpoint held elsewhere is not this log's.
    #[error("the checkpoint held elsewhere: {0}")]
    Outside(CheckpointError),
}

impl BundleVerdict {
    /// 0: well; 1: not well; 2: could not tell.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Well { .. } => 0,
            Self::NotWell { .. } => 1,
            Self::CouldNotTell(_) => 2,
        }
    }
}

impl fmt::Display for BundleVerdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well { entries, size, signed_at, outside } => {
                write!(f, "well: a bundle of {entries} entries out of a log of {size}")?;
                if let Some(at) = signed_at {
                    write!(f, ", signed {at}")?;
                }
                if *outside { write!(f, ", the same as the checkpoint held elsewhere") } else { Ok(()) }
            }
            Self::NotWell { count, .. } => write!(f, "NOT WELL: {count} faults"),
            Self::CouldNotTell(doubt) => write!(f, "could not tell: {doubt}"),
        }
    }
}

/// Whether the first line of a file is that of a bundle.
pub fn is_bundle(first_line: &[u8]) -> bool {
    first_line.starts_with(format!("{{\"format\":\"{FORMAT}\"").as_bytes())
}

/// Verifies a bundle under the log's key; a checkpoint held elsewhere is compared when it has the same size.
pub fn verify_bundle(reader: impl BufRead, key: &NoteKey, outside: Option<&str>) -> BundleVerdict {
    run(reader, key, outside).unwrap_or_else(BundleVerdict::CouldNotTell)
}

fn run(reader: impl BufRead, key: &NoteKey, outside: Option<&str>) -> Result<BundleVerdict, BundleDoubt> {
    let mut lines = Lines { reader, buffer: Vec::new(), number: 0 };
    lines.fill()?;
    let header: Header = serde_json::from_slice(&lines.buffer).map_err(|_| BundleDoubt::NoHeader)?;
    if header.format != FORMAT {
        return Err(BundleDoubt::NoHeader);
    }
    if header.version != VERSION {
        return Err(BundleDoubt::Version { actual: header.version });
    }
    let checkpoint = Checkpoint::open(&header.checkpoint, key).map_err(BundleDoubt::Checkpoint)?;
    let outside =
        outside.map(|note| Checkpoint::open(note, key)).transpose().map_err(BundleDoubt::Outside)?;
    let same_size = outside.filter(|outside| outside.size == checkpoint.size);
    let mut judge = Judge {
        checkpoint: &checkpoint,
        selection: &header.selection,
        last: None,
        entries: 0,
        faults: Vec::new(),
        count: 0,
    };
    if same_size.as_ref().is_some_and(|outside| outside.root != checkpoint.root) {
        judge.fault(BundleFault::Rewritten);
    }
    let mut digest = DigestBuilder::default();
    digest.update(&lines.buffer);
    let mut ended = false;
    while lines.fill()? {
        match serde_json::from_slice(&lines.buffer) {
            Ok(Line::Entry { seq, salt, payload, proof }) if !ended => {
                judge.entry(seq, &salt, &payload, &proof);
                digest.update(&lines.buffer);
            }
            Ok(Line::End { end }) if !ended => {
                ended = true;
                let expected = end_text(&checkpoint.origin, judge.entries, &digest_of(&mut digest));
                let note = Note::parse(&end);
                if note.as_ref().map(|note| note.verified(key)) != Ok(Ok(&expected)) {
                    judge.fault(BundleFault::End);
                }
            }
            _ => judge.fault(BundleFault::Malformed { line: lines.number }),
        }
    }
    if !ended {
        judge.fault(BundleFault::End);
    }
    let Judge { entries, faults, count, .. } = judge;
    if count > 0 {
        return Ok(BundleVerdict::NotWell { faults, count });
    }
    let (size, signed_at) = (checkpoint.size, checkpoint.at);
    Ok(BundleVerdict::Well { entries, size, signed_at, outside: same_size.is_some() })
}

fn digest_of(digest: &mut DigestBuilder) -> Digest {
    std::mem::take(digest).finish()
}

struct Judge<'a> {
    checkpoint: &'a Checkpoint,
    selection: &'a Selection,
    last: Option<u64>,
    entries: u64,
    faults: Vec<BundleFault>,
    count: u64,
}

impl Judge<'_> {
    fn fault(&mut self, fault: BundleFault) {
        self.count += 1;
        if self.faults.len() < FAULTS_MAX {
            self.faults.push(fault);
        }
    }

    fn entry(&mut self, seq: u64, salt: &str, payload: &str, proof: &[Digest]) {
        self.entries += 1;
        if self.last.is_some_and(|last| seq <= last) {
            self.fault(BundleFault::Order { seq });
        }
        self.last = Some(seq);
        let salt: Option<[u8; 16]> = BASE64.decode(salt).ok().and_then(|salt| salt.try_into().ok());
        let proved = salt.is_some_and(|salt| {
            let (size, root) = (self.checkpoint.size, &self.checkpoint.root);
            verify_inclusion(&leaf_of(&salt, payload), seq, size, proof, root).is_ok()
        });
        if !proved {
            return self.fault(BundleFault::Entry { seq });
        }
        if !serde_json::from_str::<Event>(payload).is_ok_and(|event| self.selection.matches(&event)) {
            self.fault(BundleFault::Selection { seq });
        }
    }
}

struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line into the buffer, its end with it; `false` at the end.
    fn fill(&mut self) -> Result<bool, BundleDoubt> {
        self.buffer.clear();
        let mut limited = Read::by_ref(&mut self.reader).take(LINE_MAX_BYTES as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.buffer)?;
        self.number += 1;
        if read > LINE_MAX_BYTES {
            return Err(BundleDoubt::LineTooLong { line: self.number, limit: LINE_MAX_BYTES });
        }
        Ok(read > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Action, Actor, Object, Origin, Outcome};
    use super::super::merkle::{Frontier, inclusion_proof, nodes_of};
    use super::super::note::NoteSeed;
    use super::*;

    const SIZE: u64 = 20;

    fn signer() -> NoteSigner {
        NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([1; 32])).unwrap()
    }

    fn entry(n: u64) -> Entry {
        let action = if n.is_multiple_of(3) { Action::SignIn } else { Action::LogRead };
        let at = Timestamp(n.cast_signed());
        let event = Event::new(at, Actor::System, action, Object::Log, Outcome::Done, Origin::Cli);
        Entry::new(&event, [u8::try_from(n).unwrap(); 16]).unwrap()
    }

    /// A bundle of the sign-ins of a log of twenty entries, with the entries that `numbers` says.
    fn bundle(numbers: &[u64]) -> String {
        let leaves: Vec<Digest> = (0..SIZE).map(|n| entry(n).leaf()).collect();
        let mut frontier = Frontier::default();
        for leaf in &leaves {
            frontier.append(*leaf);
        }
        let checkpoint = Checkpoint::sign(&signer(), SIZE, frontier.root(), Timestamp(99)).unwrap();
        let selection = Selection { actions: vec![Action::SignIn], ..Selection::default() };
        let mut bundle =
            BundleWriter::new(Vec::new(), &signer(), &checkpoint.to_string(), &selection).unwrap();
        for n in numbers {
            let proof = inclusion_proof(*n, SIZE, nodes_of(&leaves)).unwrap();
            bundle.entry(*n, &entry(*n), &proof).unwrap();
        }
        String::from_utf8(bundle.finish(&signer()).unwrap()).unwrap()
    }

    fn verdict(bundle: &str) -> BundleVerdict {
        verify_bundle(bundle.as_bytes(), signer().public(), None)
    }

    fn faults(bundle: &str) -> Vec<BundleFault> {
        match verdict(bundle) {
            BundleVerdict::NotWell { faults, .. } => faults,
            other => panic!("{other}"),
        }
    }

    #[test]
    fn a_bundle_verifies_with_the_key_alone_and_says_of_how_much_it_is() {
        let bundle = bundle(&[0, 3, 18]);
        assert!(is_bundle(bundle.as_bytes()));
        assert_eq!(verdict(&bundle).exit_code(), 0, "{}", verdict(&bundle));
        assert!(verdict(&bundle).to_string().starts_with("well: a bundle of 3 entries out of a log of 20"));
    }

    #[test]
    fn whatever_is_changed_is_found_and_named() {
        let whole = bundle(&[0, 3, 18]);
        let lines: Vec<&str> = whole.lines().collect();
        let without = |gone: usize| {
            let kept = lines.iter().enumerate().filter(|(n, _)| *n != gone);
            kept.flat_map(|(_, line)| [line, "\n"]).collect::<String>()
        };
        assert_eq!(faults(&without(2)), [BundleFault::End], "an entry was taken out");
        assert_eq!(faults(&without(4)), [BundleFault::End], "it was cut off");
        let edited = whole.replace("\\\"at\\\":3,", "\\\"at\\\":4,");
        assert_ne!(edited, whole);
        assert_eq!(faults(&edited), [BundleFault::Entry { seq: 3 }, BundleFault::End]);
        let moved = whole.replace("\"seq\":3,", "\"seq\":4,");
        assert_eq!(faults(&moved), [BundleFault::Entry { seq: 4 }, BundleFault::End]);
        let widened = whole.replace("session.sign_in\"]", "session.sign_out\"]");
        assert_ne!(widened, whole);
        assert!(faults(&widened).contains(&BundleFault::Selection { seq: 0 }));
        let more = format!("{whole}{{}}\n");
        assert_eq!(faults(&more), [BundleFault::Malformed { line: 6 }]);
    }

    #[test]
    fn what_is_signed_is_what_was_asked_for() {
        assert!(faults(&bundle(&[0, 1])).contains(&BundleFault::Selection { seq: 1 }));
        assert!(faults(&bundle(&[3, 0])).contains(&BundleFault::Order { seq: 0 }));
    }

    #[test]
    fn another_key_or_no_bundle_is_told_apart_from_a_fault() {
        let other = NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([2; 32])).unwrap();
        let foreign = verify_bundle(bundle(&[0]).as_bytes(), other.public(), None);
        assert_eq!(foreign.exit_code(), 2, "{foreign}");
        for garbage in ["", "x\n", "{\"format\":\"x\"}\n"] {
            assert_eq!(verdict(garbage).exit_code(), 2, "{garbage:?}");
        }
    }

    #[test]
    fn a_checkpoint_of_the_same_size_that_was_held_elsewhere_is_compared() {
        let forged = Checkpoint::sign(&signer(), SIZE, Digest::of(b"another"), Timestamp(99)).unwrap();
        let told = verify_bundle(bundle(&[0]).as_bytes(), signer().public(), Some(&forged.to_string()));
        assert!(matches!(told, BundleVerdict::NotWell { faults, .. } if faults == [BundleFault::Rewritten]));
    }
}
