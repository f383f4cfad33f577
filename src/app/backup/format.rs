//! The form of a backup: a tar stream (POSIX ustar; sealed with age by who writes it), in this order:
//!
//! ```text
//! backup.json               what it is of: when, the log's key and size, the checkpoint signed for it
//! log/000000.jsonl …        the log's entries: index, leaf, entry unless pruned
//! records/000000.jsonl …    the records: {"kind":…,"record":{…}}
//! objects/LOCATOR …         each sealed object that a record names, as it is stored: an age file
//! digests/000000.sha256 …   after each thousand entries, their digests as `sha256sum -c` reads them
//! end.json                  how many of each, what was erased meanwhile, the digest of all digests
//! ```
//!
//! Everything in it can be read without this program. It never holds a key of the keyring, nor the gateway's.

use std::io::{self, Read, Write};

use serde::{Deserialize, Serialize};

use crate::app::ports::{Record, StoredCheckpoint};
use crate::audit::Frontier;
use crate::transfer::{Draft, ObjectLocator, Transfer};
use crate::value::{Digest, DigestBuilder, Timestamp};

/// What the first entry names the form.
pub(in crate::app) const FORMAT: &str = "pli-backup";
/// Version of the form.
pub(in crate::app) const VERSION: u32 = 1;
pub(in crate::app) const HEADER_PATH: &str = "backup.json";
pub(in crate::app) const END_PATH: &str = "end.json";
pub(in crate::app) const OBJECTS: &str = "objects/";
pub(in crate::app) const LOG: &str = "log/";
pub(in crate::app) const RECORDS: &str = "records/";
pub(in crate::app) const DIGESTS: &str = "digests/";
/// Entries whose digests stand together.
const DIGESTS_AT_ONCE: usize = 1000;
/// Rights of each entry when somebody unpacks it.
const MODE: u32 = 0o600;

/// What a backup is of.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupHeader {
    pub(in crate::app) format: String,
    pub(in crate::app) version: u32,
    /// When it was made, by the gateway's clock.
    pub made_at: Timestamp,
    /// The log's public key.
    pub log_key: String,
    /// Entries of the log.
    pub entries: u64,
    /// Signed over exactly these entries; none of an empty log.
    pub checkpoint: Option<StoredCheckpoint>,
    /// The trees from which the log went on after earlier restores; entries before them were lost.
    pub gaps: Vec<Frontier>,
}

/// What a backup holds.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct BackupEnd {
    /// Records.
    pub records: u64,
    /// Entries of the log.
    pub entries: u64,
    /// Sealed objects.
    pub objects: u64,
    /// Their bytes.
    pub object_bytes: u64,
    /// Objects that records of the picture name and that ended while it was written: not to be restored.
    pub erased: Vec<String>,
    /// The digest of all lines of digests.
    pub digests: Digest,
}

/// The sealed objects that a record names. A new kind of record says here whether it has any.
pub(in crate::app) fn objects_of(record: &Record) -> Vec<&ObjectLocator> {
    match record {
        Record::Transfer(transfer) => objects_of_transfer(transfer),
        Record::Draft(draft) => objects_of_draft(draft),
        Record::Held(held) => held.parts.iter().flat_map(|part| &part.objects).collect(),
        // Unfinished uploads are in no backup: the browser that could go on is shut out by a restore.
        Record::Upload(_)
        | Record::Organisation(_)
        | Record::Mailbox(_)
        | Record::Partner(_)
        | Record::Agreement(_)
        | Record::Account(_)
        | Record::PersonalKey(_)
        | Record::MailPassword(_)
        | Record::ApiClient(_)
        | Record::ApiDeposit(_)
        | Record::MemberWrap(_)
        | Record::KeyRotation(_)
        | Record::Session(_)
        | Record::Proof(_)
        | Record::Grant(_)
        | Record::Mail(_)
        | Record::StsPolicy(_)
        | Record::Register(_)
        | Record::RecipientLink(_)
        | Record::LinkSession(_)
        | Record::MonthlyCounts(_)
        | Record::SendingDefaults(_)
        | Record::Sent(_)
        | Record::Repeat(_)
        | Record::Person(_)
        | Record::Checkpoint(_)
        | Record::StampedCheckpoint(_)
        | Record::TimestampState(_)
        | Record::Receipt(_)
        | Record::Pulse(_)
        | Record::Alert(_)
        | Record::Daily(_)
        | Record::ForwardCursor(_)
        | Record::Witness(_)
        | Record::Restoration(_)
        | Record::RecoveryRequest(_)
        | Record::AccountLink(_)
        | Record::Review(_)
        | Record::Effect(_) => Vec::new(),
    }
}

fn objects_of_transfer(transfer: &Transfer) -> Vec<&ObjectLocator> {
    transfer.objects.iter().flatten().collect()
}

fn objects_of_draft(draft: &Draft) -> Vec<&ObjectLocator> {
    draft.parts.iter().flat_map(|part| &part.objects).collect()
}

/// Writes the entries of a backup, with their digests.
pub(in crate::app) struct BackupWriter<W: Write> {
    tar: tar::Builder<W>,
    made_at: Timestamp,
    lines: String,
    waiting: usize,
    pieces: u32,
    all_lines: DigestBuilder,
}

impl<W: Write> BackupWriter<W> {
    pub(in crate::app) fn new(writer: W, made_at: Timestamp) -> Self {
        let (lines, all_lines) = (String::new(), DigestBuilder::default());
        Self { tar: tar::Builder::new(writer), made_at, lines, waiting: 0, pieces: 0, all_lines }
    }

    /// Adds a small entry.
    pub(in crate::app) fn bytes(&mut self, path: &str, bytes: &[u8]) -> io::Result<()> {
        self.stream(path, bytes.len() as u64, bytes).map(drop)
    }

    /// Adds an entry of a size that is known. One that turns out to be shorter is filled up with zeros; says whether it
    /// was whole.
    pub(in crate::app) fn stream(&mut self, path: &str, size: u64, from: impl Read) -> io::Result<bool> {
        let mut exactly = Exactly { from, left: size, whole: true, digest: DigestBuilder::default() };
        self.append(path, size, &mut exactly)?;
        self.lines.extend([&exactly.digest.finish().to_hex(), "  ", path, "\n"]);
        self.waiting += 1;
        if self.waiting >= DIGESTS_AT_ONCE {
            self.write_digests()?;
        }
        Ok(exactly.whole)
    }

    fn append(&mut self, path: &str, size: u64, from: impl Read) -> io::Result<()> {
        let mut header = tar::Header::new_ustar();
        header.set_size(size);
        header.set_mode(MODE);
        header.set_mtime(u64::try_from(self.made_at.unix_seconds()).unwrap_or(0));
        self.tar.append_data(&mut header, path, from)
    }

    fn write_digests(&mut self) -> io::Result<()> {
        let lines = std::mem::take(&mut self.lines);
        self.all_lines.update(lines.as_bytes());
        let path = format!("{DIGESTS}{:06}.sha256", self.pieces);
        (self.pieces, self.waiting) = (self.pieces + 1, 0);
        self.append(&path, lines.len() as u64, lines.as_bytes())
    }

    /// Ends the backup; `end` is completed by the digest of digests.
    pub(in crate::app) fn finish(mut self, mut end: BackupEnd) -> io::Result<(W, BackupEnd)> {
        self.write_digests()?;
        end.digests = std::mem::take(&mut self.all_lines).finish();
        let bytes = serde_json::to_vec_pretty(&end).map_err(io::Error::other)?;
        self.append(END_PATH, bytes.len() as u64, &bytes[..])?;
        Ok((self.tar.into_inner()?, end))
    }
}

/// Reads exactly as many bytes as were promised.
struct Exactly<R> {
    from: R,
    left: u64,
    whole: bool,
    digest: DigestBuilder,
}

impl<R: Read> Read for Exactly<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let most = usize::try_from(self.left).unwrap_or(usize::MAX).min(buffer.len());
        let buffer = &mut buffer[..most];
        let mut count = if self.whole { self.from.read(buffer)? } else { 0 };
        if count == 0 {
            self.whole &= buffer.is_empty();
            buffer.fill(0);
            count = buffer.len();
        }
        self.left -= count as u64;
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}
