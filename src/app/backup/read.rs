//! Reads a backup to its end: every digest, every record, the log up to the checkpoint that was signed for it, every
//! object that a record names. What is done with it is the caller's ([`Take`]); a check does nothing with it.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Read};

use thiserror::Error;

use super::format::{
    BackupEnd, BackupHeader, DIGESTS, END_PATH, FORMAT, HEADER_PATH, LOG, OBJECTS, RECORDS, VERSION,
    objects_of,
};
use crate::app::AppError;
use crate::app::ports::{Record, StoredLeaf};
use crate::audit::{Checkpoint, Frontier, NoteKey};
use crate::transfer::ObjectLocator;
use crate::value::{Digest, DigestBuilder};
use crate::vault::AGE_MAGIC;

/// Bytes of an entry that is read whole: a piece of records ends after the one that passes a megabyte.
const PIECE_MAX_BYTES: u64 = 32 * 1024 * 1024;
/// Entries whose digests may wait for theirs.
const WAITING_MAX: usize = 4096;

/// Why a backup is not one that can be restored. The operator must take another one.
#[derive(Debug, Error)]
pub enum BackupError {
    /// It cannot be read: the disk, a wrong identity, or a file that was cut or changed.
    #[error("the backup cannot be read: {0}")]
    Io(#[from] io::Error),
    /// It is something else.
    #[error("this is no backup")]
    NotABackup,
    /// A newer program made it.
    #[error("a backup of version {actual}; this program reads version {VERSION}")]
    Version {
        /// The version that was found.
        actual: u32,
    },
    /// An entry is not what it should be.
    #[error("{path} is damaged")]
    Damaged {
        /// Which one.
        path: String,
    },
    /// It ends before its end, or an object that a record names is not in it.
    #[error("the backup is not whole: {missing} is missing")]
    NotWhole {
        /// What.
        missing: String,
    },
    /// The entries of the log do not lead to the checkpoint that was signed for them.
    #[error("the log of the backup is not the one that its checkpoint signs")]
    Log,
    /// The backup is of another gateway, or the keyring of this one was lost.
    #[error("the backup is of the log {backup}, this gateway's keyring signs {keyring}")]
    OtherLog {
        /// The backup's log key.
        backup: String,
        /// This gateway's.
        keyring: String,
    },
    /// The keyring does not know how the log was signed last.
    #[error("nothing beside the day keys says how far the log was; --accept-unknown-gap goes on without")]
    NoLogHead,
    /// The keyring is a copy from before the backup: what it says was not destroyed may have been.
    #[error(
        "the keyring knows {keyring} entries of the log, the backup has {backup}: the keyring is an old copy"
    )]
    KeyringOlder {
        /// Entries of the backup.
        backup: u64,
        /// Entries that the keyring knows of.
        keyring: u64,
    },
    /// There is something where the backup is to be restored.
    #[error("the store is not empty: a backup is restored into an empty one")]
    NotEmpty,
    /// What was read could not be put in its place.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Takes what is read, in its order.
pub(in crate::app) trait Take {
    /// What the backup is of.
    fn header(&mut self, header: &BackupHeader) -> Result<(), BackupError>;
    /// Entries of the log.
    fn leaves(&mut self, leaves: Vec<StoredLeaf>) -> Result<(), BackupError>;
    /// Records.
    fn records(&mut self, records: Vec<Record>) -> Result<(), BackupError>;
    /// An object. It need not be read to its end.
    fn object(
        &mut self,
        locator: &ObjectLocator,
        size: u64,
        sealed: &mut dyn Read,
    ) -> Result<(), BackupError>;
}

/// A backup that holds what it says.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedBackup {
    /// What it is of.
    pub header: BackupHeader,
    /// What it holds.
    pub end: BackupEnd,
}

/// Checks a backup without restoring it.
pub fn check_backup(reader: impl Read) -> Result<CheckedBackup, BackupError> {
    read_backup(reader, &mut Nothing)
}

struct Nothing;

impl Take for Nothing {
    fn header(&mut self, _: &BackupHeader) -> Result<(), BackupError> {
        Ok(())
    }

    fn leaves(&mut self, _: Vec<StoredLeaf>) -> Result<(), BackupError> {
        Ok(())
    }

    fn records(&mut self, _: Vec<Record>) -> Result<(), BackupError> {
        Ok(())
    }

    fn object(&mut self, _: &ObjectLocator, _: u64, _: &mut dyn Read) -> Result<(), BackupError> {
        Ok(())
    }
}

/// Reads a backup to its end; `take` gets its parts as they come. Only when this returns `Ok` was it whole.
pub(in crate::app) fn read_backup(
    reader: impl Read,
    take: &mut dyn Take,
) -> Result<CheckedBackup, BackupError> {
    let mut archive = tar::Archive::new(reader);
    let mut reading = Reading::default();
    for entry in archive.entries()? {
        let entry = entry?;
        let path = String::from_utf8(entry.path_bytes().into_owned()).map_err(|_| BackupError::NotABackup)?;
        let size = entry.size();
        if reading.header.is_none() && path != HEADER_PATH {
            return Err(BackupError::NotABackup);
        }
        reading.entry(&path, size, entry, take)?;
    }
    reading.finish()
}

#[derive(Default)]
struct Reading {
    header: Option<BackupHeader>,
    end: Option<BackupEnd>,
    /// The tree over the entries so far.
    log: Frontier,
    records: u64,
    objects: u64,
    /// The objects that records name and that did not come yet, by the digest of their locators.
    named: BTreeSet<Digest>,
    /// Digests of entries that wait for theirs.
    waiting: BTreeMap<String, Digest>,
    all_lines: DigestBuilder,
}

impl Reading {
    fn entry<R: Read>(
        &mut self,
        path: &str,
        size: u64,
        entry: R,
        take: &mut dyn Take,
    ) -> Result<(), BackupError> {
        let damaged = || BackupError::Damaged { path: path.to_owned() };
        if let Some(locator) = path.strip_prefix(OBJECTS) {
            let digest = self.object(locator, size, entry, take)?;
            return self.wait(path, digest);
        }
        if size > PIECE_MAX_BYTES {
            return Err(damaged());
        }
        let mut bytes = Vec::new();
        entry.take(PIECE_MAX_BYTES).read_to_end(&mut bytes)?;
        if path.starts_with(DIGESTS) {
            return self.digests(path, &bytes);
        }
        if path == END_PATH {
            self.end = Some(serde_json::from_slice(&bytes).map_err(|_| damaged())?);
            return Ok(());
        }
        if path == HEADER_PATH {
            self.header(&bytes, take)?;
        } else if path.starts_with(LOG) {
            let leaves: Vec<StoredLeaf> = lines(&bytes).ok_or_else(damaged)?;
            self.leaves(&leaves)?;
            take.leaves(leaves)?;
        } else if path.starts_with(RECORDS) {
            let records: Vec<Record> = lines(&bytes).ok_or_else(damaged)?;
            self.records += records.len() as u64;
            self.named
                .extend(records.iter().flat_map(objects_of).map(|named| Digest::of(named.0.as_bytes())));
            take.records(records)?;
        } else {
            return Err(damaged());
        }
        self.wait(path, Digest::of(&bytes))
    }

    fn header(&mut self, bytes: &[u8], take: &mut dyn Take) -> Result<(), BackupError> {
        let header: BackupHeader = serde_json::from_slice(bytes).map_err(|_| BackupError::NotABackup)?;
        if header.format != FORMAT || self.header.is_some() {
            return Err(BackupError::NotABackup);
        }
        if header.version != VERSION {
            return Err(BackupError::Version { actual: header.version });
        }
        take.header(&header)?;
        self.header = Some(header);
        Ok(())
    }

    /// Entries have their places, and hash to their leaves. After places that are empty since an earlier restore the log
    /// goes on from the tree that the header tells; the checkpoint proves that it is the one.
    fn leaves(&mut self, leaves: &[StoredLeaf]) -> Result<(), BackupError> {
        for leaf in leaves {
            if leaf.index > self.log.size() {
                let gaps = self.header.iter().flat_map(|header| &header.gaps);
                let gap = gaps.filter(|gap| gap.size() <= leaf.index).max_by_key(|gap| gap.size());
                self.log = gap.cloned().ok_or(BackupError::Log)?;
            }
            let hashes = leaf.entry.as_ref().is_none_or(|entry| entry.leaf() == leaf.leaf);
            if !hashes || leaf.index != self.log.size() {
                return Err(BackupError::Log);
            }
            self.log.append(leaf.leaf);
        }
        Ok(())
    }

    fn object<R: Read>(
        &mut self,
        locator: &str,
        size: u64,
        entry: R,
        take: &mut dyn Take,
    ) -> Result<Digest, BackupError> {
        let locator = ObjectLocator(locator.to_owned());
        let mut hashing = Hashing { inner: entry, digest: DigestBuilder::default(), beginning: Vec::new() };
        take.object(&locator, size, &mut hashing)?;
        io::copy(&mut hashing, &mut io::sink())?;
        self.named.remove(&Digest::of(locator.0.as_bytes()));
        self.objects += 1;
        // One that was erased while it was read is filled up with zeros; it is named at the end.
        if hashing.beginning != AGE_MAGIC && hashing.beginning.iter().any(|byte| *byte != 0) {
            return Err(BackupError::Damaged { path: format!("{OBJECTS}{}", locator.0) });
        }
        Ok(hashing.digest.finish())
    }

    fn wait(&mut self, path: &str, digest: Digest) -> Result<(), BackupError> {
        let twice = self.waiting.insert(path.to_owned(), digest).is_some();
        if twice || self.waiting.len() > WAITING_MAX {
            return Err(BackupError::Damaged { path: path.to_owned() });
        }
        Ok(())
    }

    fn digests(&mut self, path: &str, bytes: &[u8]) -> Result<(), BackupError> {
        self.all_lines.update(bytes);
        let text = std::str::from_utf8(bytes).map_err(|_| BackupError::Damaged { path: path.to_owned() })?;
        for line in text.lines() {
            let (digest, path) =
                line.split_once("  ").ok_or_else(|| BackupError::Damaged { path: path.to_owned() })?;
            match self.waiting.remove(path) {
                Some(found) if found.to_hex() == digest => {}
                Some(_) => return Err(BackupError::Damaged { path: path.to_owned() }),
                None => return Err(BackupError::NotWhole { missing: path.to_owned() }),
            }
        }
        Ok(())
    }

    fn finish(self) -> Result<CheckedBackup, BackupError> {
        let missing = |missing: &str| BackupError::NotWhole { missing: missing.to_owned() };
        let header = self.header.ok_or(BackupError::NotABackup)?;
        let end = self.end.ok_or_else(|| missing(END_PATH))?;
        if let Some(path) = self.waiting.keys().next() {
            return Err(missing(&format!("the digest of {path}")));
        }
        if self.all_lines.finish() != end.digests {
            return Err(BackupError::Damaged { path: DIGESTS.to_owned() });
        }
        let mut named = self.named;
        for erased in &end.erased {
            named.remove(&Digest::of(erased.strip_prefix(OBJECTS).unwrap_or(erased).as_bytes()));
        }
        if !named.is_empty() {
            return Err(missing(&format!("{} objects that records name", named.len())));
        }
        if (self.records, self.objects) != (end.records, end.objects) || self.log.size() != header.entries {
            return Err(missing("a part of records, objects or log"));
        }
        let key = header.log_key.parse::<NoteKey>().map_err(|_| BackupError::Log)?;
        if let Some(signed) = &header.checkpoint {
            let signed = Checkpoint::open(&signed.note, &key).map_err(|_| BackupError::Log)?;
            if signed.size != header.entries || signed.root != self.log.root() {
                return Err(BackupError::Log);
            }
        } else if header.entries > 0 {
            return Err(BackupError::Log);
        }
        Ok(CheckedBackup { header, end })
    }
}

fn lines<T: serde::de::DeserializeOwned>(bytes: &[u8]) -> Option<Vec<T>> {
    let lines = bytes.split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
    lines.map(|line| serde_json::from_slice(line).ok()).collect()
}

/// Hashes what passes, and keeps its first bytes.
struct Hashing<R> {
    inner: R,
    digest: DigestBuilder,
    beginning: Vec<u8>,
}

impl<R: Read> Read for Hashing<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        let wanted = (AGE_MAGIC.len() - self.beginning.len()).min(count);
        self.beginning.extend_from_slice(&buffer[..wanted]);
        self.digest.update(&buffer[..count]);
        Ok(count)
    }
}
