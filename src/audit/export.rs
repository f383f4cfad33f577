//! The export of the log: JSON lines, read and written as a stream.
//!
//! - The first line is the [`ExportHeader`].
//! - One line an entry, in order: `{"seq":0,"leaf":…,"salt":…,"payload":…}`; the payload is a JSON *string*, so that
//!   its bytes survive tools that rewrite JSON. A payload that was pruned, or is not disclosed, leaves seq and leaf.
//! - One line a checkpoint, after the entries that it covers: `{"checkpoint":…,"frontier":[…]}`. The frontier is
//!   proved by the checkpoint's root; with it each interval between checkpoints verifies for itself.
//!
//! It opens no file and judges nothing: that is `verify.rs`.

use std::borrow::Cow;
use std::fmt;
use std::io::{self, BufRead, Read, Write};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use serde::{Deserialize, Deserializer, Serialize, Serializer, de};
use thiserror::Error;

use super::entry::Entry;
use super::merkle::Frontier;
use super::note::{Note, NoteKey};
use crate::value::Digest;

/// What the first line names itself.
const FORMAT: &str = "pli-audit-export";
/// Version of the form.
const VERSION: u8 = 1;
/// Bytes of a line: a checkpoint with all its witnesses and its frontier stays below.
const LINE_MAX_BYTES: usize = 256 * 1024;

/// Why an export is not written or not read.
#[derive(Debug, Error)]
pub enum ExportError {
    /// The disk or the pipe failed.
    #[error("the export cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The first line is not that of an export.
    #[error("this is no export of an audit log")]
    NoHeader,
    /// A newer program wrote it.
    #[error("an export of version {actual}; this program reads version {VERSION}")]
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
    /// A line is neither an entry nor a checkpoint. The only error after which reading may go on.
    #[error("line {line} is neither an entry nor a checkpoint")]
    Malformed {
        /// Number of the line, the first is 1.
        line: u64,
    },
}

/// Which payloads the export holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disclosure {
    /// All that are not pruned: one that is missing was withheld.
    All,
    /// Those that were asked for; the others stand with their leaves.
    Selection,
}

/// The first line. It is not signed: nothing in it is believed, only compared and told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ExportHeader {
    format: String,
    version: u8,
    /// Name of the log, as in its checkpoints.
    pub origin: String,
    /// The log's public key, `name+id+base64`.
    pub key: String,
    /// How long payloads are kept, in months.
    pub retention_months: u8,
    /// Which payloads are there.
    pub payloads: Disclosure,
}

impl ExportHeader {
    /// The header of an export of the log whose key this is.
    pub fn new(key: &NoteKey, retention_months: u8, payloads: Disclosure) -> Self {
        let (origin, key) = (key.name().to_owned(), key.to_string());
        Self { format: FORMAT.to_owned(), version: VERSION, origin, key, retention_months, payloads }
    }
}

/// An entry as an export has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedEntry {
    /// Its number in the log, the first is 0.
    pub seq: u64,
    /// Its leaf hash, as claimed.
    pub leaf: Digest,
    /// Salt and payload, unless pruned or not disclosed.
    pub content: Option<([u8; 16], String)>,
}

/// A checkpoint as an export has it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ExportedCheckpoint {
    /// The signed note.
    pub note: String,
    /// Peaks of the tree's frontier at that size, largest first.
    pub frontier: Vec<Digest>,
}

/// A line after the first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ExportLine {
    /// An entry.
    Entry(ExportedEntry),
    /// A checkpoint.
    Checkpoint(ExportedCheckpoint),
}

/// Writes an export, line by line. Dropping it writes nothing more; [`ExportWriter::finish`] flushes.
pub struct ExportWriter<W: Write>(W);

impl<W: Write> ExportWriter<W> {
    /// Begins an export.
    pub fn new(writer: W, header: &ExportHeader) -> Result<Self, ExportError> {
        let mut export = Self(writer);
        export.line(header)?;
        Ok(export)
    }

    /// Writes an entry with its payload.
    pub fn entry(&mut self, seq: u64, entry: &Entry) -> Result<(), ExportError> {
        let (salt, payload) = (Some(Base64Bytes(*entry.salt())), Some(Cow::Borrowed(entry.payload())));
        let leaf = Some(Base64Bytes(*entry.leaf().as_bytes()));
        self.line(&WrittenLine { seq: Some(seq), leaf, salt, payload, ..WrittenLine::default() })
    }

    /// Writes an entry whose payload is pruned or not disclosed.
    pub fn leaf(&mut self, seq: u64, leaf: &Digest) -> Result<(), ExportError> {
        let leaf = Some(Base64Bytes(*leaf.as_bytes()));
        self.line(&WrittenLine { seq: Some(seq), leaf, ..WrittenLine::default() })
    }

    /// Writes a checkpoint with the frontier that it signed; after the last entry that it covers.
    pub fn checkpoint(&mut self, note: &Note, frontier: &Frontier) -> Result<(), ExportError> {
        let peaks = frontier.peaks().iter().map(|peak| Base64Bytes(*peak.as_bytes())).collect();
        let checkpoint = Some(Cow::Owned(note.to_string()));
        self.line(&WrittenLine { checkpoint, frontier: Some(peaks), ..WrittenLine::default() })
    }

    /// Ends the export.
    pub fn finish(mut self) -> Result<W, ExportError> {
        self.0.flush()?;
        Ok(self.0)
    }

    fn line(&mut self, line: &impl Serialize) -> Result<(), ExportError> {
        serde_json::to_writer(&mut self.0, line).map_err(io::Error::from)?;
        Ok(self.0.write_all(b"\n")?)
    }
}

/// Reads an export, line by line, in memory of one line.
pub struct ExportReader<R> {
    lines: Lines<R>,
    header: ExportHeader,
}

impl<R: BufRead> ExportReader<R> {
    /// Reads the header.
    pub fn open(reader: R) -> Result<Self, ExportError> {
        let mut lines = Lines { reader, buffer: Vec::new(), number: 0 };
        lines.fill()?;
        let header: ExportHeader =
            serde_json::from_slice(&lines.buffer).map_err(|_| ExportError::NoHeader)?;
        if header.format != FORMAT {
            return Err(ExportError::NoHeader);
        }
        if header.version != VERSION {
            return Err(ExportError::Version { actual: header.version });
        }
        Ok(Self { lines, header })
    }

    /// The first line.
    pub const fn header(&self) -> &ExportHeader {
        &self.header
    }

    /// The next line with its number; `None` at the end.
    pub fn next_line(&mut self) -> Result<Option<(u64, ExportLine)>, ExportError> {
        if !self.lines.fill()? {
            return Ok(None);
        }
        let line = self.lines.number;
        if let Some(entry) = plain_entry(&self.lines.buffer) {
            return Ok(Some((line, ExportLine::Entry(entry))));
        }
        match serde_json::from_slice::<WrittenLine>(&self.lines.buffer).ok().and_then(WrittenLine::read) {
            Some(read) => Ok(Some((line, read))),
            None => Err(ExportError::Malformed { line }),
        }
    }
}

/// Reads an entry as [`ExportWriter`] writes it, which is nearly every line of a long log. Whatever stands there
/// otherwise, or is wrong, is left to the reader of JSON.
fn plain_entry(line: &[u8]) -> Option<ExportedEntry> {
    let rest = line.strip_suffix(b"\n").unwrap_or(line).strip_prefix(b"{\"seq\":")?;
    let digits = rest.iter().position(|byte| !byte.is_ascii_digit())?;
    let is_number = (1..=19).contains(&digits) && (digits == 1 || rest[0] != b'0');
    let seq = rest[..digits].iter().filter(|_| is_number);
    let seq = seq.fold(0, |number: u64, digit| number * 10 + u64::from(digit - b'0'));
    let rest = rest[digits..].strip_prefix(b",\"leaf\":\"").filter(|_| is_number)?;
    let (leaf, rest) = rest.split_at_checked(44)?;
    let leaf = Digest::from_bytes(base64_of(leaf)?);
    let rest = rest.strip_prefix(b"\"")?;
    if rest == b"}" {
        return Some(ExportedEntry { seq, leaf, content: None });
    }
    let (salt, rest) = rest.strip_prefix(b",\"salt\":\"")?.split_at_checked(24)?;
    let payload = rest.strip_prefix(b"\",\"payload\":\"")?.strip_suffix(b"\"}")?;
    Some(ExportedEntry { seq, leaf, content: Some((base64_of(salt)?, unescaped(payload)?)) })
}

fn base64_of<const N: usize>(text: &[u8]) -> Option<[u8; N]> {
    let mut room = [0; 48];
    let length = BASE64.decode_slice(text, &mut room).ok()?;
    room.get(..length)?.try_into().ok()
}

/// The text of a JSON string that escapes nothing but quotes.
fn unescaped(text: &[u8]) -> Option<String> {
    let mut plain = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some(at) = rest.iter().position(|byte| matches!(byte, b'\\' | b'"' | 0..0x20)) {
        if rest.get(at..at + 2) != Some(b"\\\"") {
            return None;
        }
        plain.extend_from_slice(&rest[..at]);
        plain.push(b'"');
        rest = &rest[at + 2..];
    }
    plain.extend_from_slice(rest);
    String::from_utf8(plain).ok()
}

struct Lines<R> {
    reader: R,
    buffer: Vec<u8>,
    number: u64,
}

impl<R: BufRead> Lines<R> {
    /// Reads the next line into the buffer; `false` at the end.
    fn fill(&mut self) -> Result<bool, ExportError> {
        self.buffer.clear();
        let mut limited = Read::by_ref(&mut self.reader).take(LINE_MAX_BYTES as u64 + 1);
        let read = limited.read_until(b'\n', &mut self.buffer)?;
        self.number += 1;
        if read > LINE_MAX_BYTES {
            return Err(ExportError::LineTooLong { line: self.number, limit: LINE_MAX_BYTES });
        }
        Ok(read > 0)
    }
}

#[derive(Default, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenLine<'a> {
    #[serde(default, skip_serializing_if = "Option::is_none")]
    seq: Option<u64>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    leaf: Option<Base64Bytes<32>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    salt: Option<Base64Bytes<16>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    payload: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    checkpoint: Option<Cow<'a, str>>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    frontier: Option<Vec<Base64Bytes<32>>>,
}

impl WrittenLine<'_> {
    fn read(self) -> Option<ExportLine> {
        match self {
            Self { seq: Some(seq), leaf: Some(leaf), salt, payload, checkpoint: None, frontier: None } => {
                let content = match (salt, payload) {
                    (Some(salt), Some(payload)) => Some((salt.0, payload.into_owned())),
                    (None, None) => None,
                    _ => return None,
                };
                Some(ExportLine::Entry(ExportedEntry { seq, leaf: Digest::from_bytes(leaf.0), content }))
            }
            Self { seq: None, leaf: None, salt: None, payload: None, checkpoint: Some(note), frontier } => {
                let peaks = frontier.unwrap_or_default();
                let frontier = peaks.into_iter().map(|peak| Digest::from_bytes(peak.0)).collect();
                Some(ExportLine::Checkpoint(ExportedCheckpoint { note: note.into_owned(), frontier }))
            }
            _ => None,
        }
    }
}

/// Bytes in standard base64, read without an allocation each: a million lines have two million of them.
struct Base64Bytes<const N: usize>([u8; N]);

impl<const N: usize> Serialize for Base64Bytes<N> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&BASE64.encode(self.0))
    }
}

impl<'de, const N: usize> Deserialize<'de> for Base64Bytes<N> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_str(Base64Visitor)
    }
}

struct Base64Visitor<const N: usize>;

impl<const N: usize> de::Visitor<'_> for Base64Visitor<N> {
    type Value = Base64Bytes<N>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{N} bytes in base64")
    }

    fn visit_str<E: de::Error>(self, text: &str) -> Result<Self::Value, E> {
        // Room for the last group of four characters, which decodes to three bytes at most.
        let mut room = [0; 48];
        match BASE64.decode_slice(text, &mut room) {
            Ok(length) if length == N => {
                let mut bytes = [0; N];
                bytes.copy_from_slice(&room[..N]);
                Ok(Base64Bytes(bytes))
            }
            _ => Err(E::invalid_value(de::Unexpected::Str("base64"), &self)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::{Action, Actor, Event, Object, Origin, Outcome};
    use super::super::note::{NoteSeed, NoteSigner};
    use super::super::{Checkpoint, verify};
    use super::*;
    use crate::value::Timestamp;
    use proptest::prelude::*;

    fn signer() -> NoteSigner {
        NoteSigner::new("pli.fund.example/audit", &NoteSeed::new([1; 32])).unwrap()
    }

    fn entry() -> Entry {
        let event =
            Event::new(Timestamp(5), Actor::System, Action::LogRead, Object::Log, Outcome::Done, Origin::Cli);
        Entry::new(&event, [7; 16]).unwrap()
    }

    fn exported(disclosure: Disclosure) -> String {
        let header = ExportHeader::new(signer().public(), 12, disclosure);
        let mut export = ExportWriter::new(Vec::new(), &header).unwrap();
        let mut frontier = Frontier::default();
        export.entry(0, &entry()).unwrap();
        export.leaf(1, &entry().leaf()).unwrap();
        frontier.append(entry().leaf());
        frontier.append(entry().leaf());
        let note = Checkpoint::sign(&signer(), 2, frontier.root(), Timestamp(6)).unwrap();
        export.checkpoint(&note, &frontier).unwrap();
        String::from_utf8(export.finish().unwrap()).unwrap()
    }

    #[test]
    fn what_is_written_reads_back() {
        let written = exported(Disclosure::Selection);
        let mut reader = ExportReader::open(written.as_bytes()).unwrap();
        assert_eq!(reader.header(), &ExportHeader::new(signer().public(), 12, Disclosure::Selection));
        let content = Some(([7; 16], entry().payload().to_owned()));
        let (leaf, mut next) = (entry().leaf(), || reader.next_line().unwrap());
        assert_eq!(next(), Some((2, ExportLine::Entry(ExportedEntry { seq: 0, leaf, content }))));
        assert_eq!(next(), Some((3, ExportLine::Entry(ExportedEntry { seq: 1, leaf, content: None }))));
        assert!(matches!(next(), Some((4, ExportLine::Checkpoint(_)))));
        assert_eq!(next(), None);
    }

    #[test]
    fn a_selection_verifies_and_says_that_it_is_one() {
        let verdict = verify(exported(Disclosure::Selection).as_bytes(), signer().public(), None);
        assert!(verdict.to_string().contains("1 payloads not disclosed"), "{verdict}");
        assert_eq!(verify(exported(Disclosure::All).as_bytes(), signer().public(), None).exit_code(), 1);
    }

    #[test]
    fn an_export_that_another_tool_wrote_again_as_json_still_verifies() {
        let written = exported(Disclosure::Selection);
        let again: Vec<String> = written
            .lines()
            .map(|line| {
                serde_json::from_str::<serde_json::Value>(line).unwrap().to_string().replace('/', "\\/")
            })
            .collect();
        let again = again.join("\r\n");
        assert_ne!(again, written);
        assert_eq!(verify(again.as_bytes(), signer().public(), None).exit_code(), 0);
    }

    #[test]
    fn a_salt_without_its_payload_or_an_unknown_field_is_malformed() {
        let written = exported(Disclosure::All);
        let header = written.lines().next().unwrap();
        let leaf = entry().leaf();
        for line in [
            format!("{{\"seq\":0,\"leaf\":\"{leaf}\",\"salt\":\"AAAAAAAAAAAAAAAAAAAAAA==\"}}"),
            format!("{{\"seq\":0,\"leaf\":\"{leaf}\",\"title\":\"x\"}}"),
            format!("{{\"seq\":0,\"leaf\":\"{leaf}\",\"checkpoint\":\"x\"}}"),
            "{\"seq\":0,\"leaf\":\"AAAA\"}".to_owned(),
            String::new(),
        ] {
            let export = format!("{header}\n{line}\n");
            let mut reader = ExportReader::open(export.as_bytes()).unwrap();
            assert!(matches!(reader.next_line(), Err(ExportError::Malformed { line: 2 })), "{line}");
        }
    }

    proptest! {
        #[test]
        fn the_quick_way_and_the_reader_of_json_agree(payload in "[ -~é\\n\\\\\"]{0,60}", seq: u64, salt: [u8; 16], cut: usize) {
            let entry = Entry::kept(payload, salt);
            let mut export = ExportWriter::new(Vec::new(), &ExportHeader::new(signer().public(), 12, Disclosure::All)).unwrap();
            export.entry(seq, &entry).unwrap();
            let written = export.finish().unwrap();
            let line = written.split(|byte| *byte == b'\n').nth(1).unwrap();
            for line in [line, &line[..cut % line.len()]] {
                let read = serde_json::from_slice::<WrittenLine>(line).ok().and_then(WrittenLine::read);
                if let Some(quick) = plain_entry(line) {
                    prop_assert_eq!(Some(ExportLine::Entry(quick)), read);
                }
            }
            if !entry.payload().contains(['\n', '\\']) && seq < 10_u64.pow(19) {
                prop_assert!(plain_entry(line).is_some(), "the way that most lines take");
            }
        }
    }
}
