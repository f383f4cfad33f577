//! Makes a backup while the gateway runs: a picture of the store between two commits, then the objects that its records
//! name. Objects never change; one that is erased meanwhile belongs to something that ended, which is checked.
//! Memory holds one piece, and about a hundred bytes for each object that is named.

mod format;
pub(super) mod read;

use std::io::{self, Seek, SeekFrom, Write};
use std::sync::Arc;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

pub(super) use self::format::objects_of;
pub use self::format::{BackupEnd, BackupHeader};
use self::format::{BackupWriter, FORMAT, HEADER_PATH, LOG, OBJECTS, RECORDS, VERSION};
pub use self::read::{BackupError, CheckedBackup, check_backup};
use super::ports::{
    Key, List, LogHead, ObjectError, Record, Restoration, StoreSnapshot, StoredCheckpoint, UnitOfWork,
    Versioned,
};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Checkpoint, Detail, FailureReason, Frontier, Object, Origin, Outcome};
use crate::transfer::ObjectLocator;
use crate::value::{ByteSize, Digest};

/// Entries of the log that are read, and written, at once: whole tiles of the tree, as a restore needs pruned ones.
const LEAVES_AT_ONCE: u64 = 512;
/// Records that are read at once; the largest is a megabyte.
const RECORDS_AT_ONCE: usize = 16;
/// A piece of records is written when it has reached this.
const PIECE_BYTES: usize = 1024 * 1024;
/// How often a gateway may have been restored.
const RESTORATIONS_MAX: usize = 10_000;
/// Progress is told after so many objects.
const TELL_EVERY_OBJECTS: u64 = 200;

/// How far a backup is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct BackupProgress {
    /// Entries of the log, written.
    pub entries: u64,
    /// Records, written.
    pub records: u64,
    /// Objects, written.
    pub objects: u64,
    /// Objects, named so far.
    pub objects_named: u64,
    /// Bytes of objects, written.
    pub object_bytes: u64,
}

/// Where a backup goes, and who is told how far it is. Called where blocking is allowed.
pub struct BackupTarget<W: Write> {
    /// Takes the bytes.
    pub writer: W,
    /// Is told now and then.
    pub progress: Box<dyn FnMut(BackupProgress) + Send>,
}

impl App {
    /// Makes a backup. The intention is logged before it is taken, the result after; gives the writer back.
    pub async fn back_up<W: Write + Send + 'static>(
        self: &Arc<Self>,
        target: BackupTarget<W>,
        actor: Actor,
        origin: Origin,
    ) -> Result<(W, BackupEnd), AppError> {
        let told = |outcome| event(self.now().at, actor, Action::BackupMade, Object::None, outcome, origin);
        self.log_alone(told(Outcome::Intended)).await?;
        let snapshot = self.store.snapshot().await?;
        let header = self.backup_header(&*snapshot).await?;
        let (app, handle) = (Arc::clone(self), Handle::current());
        let written =
            spawn_blocking(move || Backup::new(&app, &handle, target, &header).run(&*snapshot, &header));
        match written.await.map_err(|_| AppError::Broken("backup")).and_then(|written| written) {
            Ok((writer, end)) => {
                let size = Detail::Bytes(ByteSize(end.object_bytes));
                self.log_alone(told(Outcome::Done).with(size)).await?;
                Ok((writer, end))
            }
            Err(error) => {
                self.log_alone(told(Outcome::Failed(FailureReason::Interrupted))).await?;
                Err(error)
            }
        }
    }

    /// Signs exactly the entries of the picture, so that each of them can be proved after a restore.
    async fn backup_header(&self, snapshot: &dyn StoreSnapshot) -> Result<BackupHeader, AppError> {
        let log = snapshot.log()?;
        let now = self.now().at;
        let checkpoint = self.sign_backed_up(&log).await?;
        Ok(BackupHeader {
            format: FORMAT.to_owned(),
            version: VERSION,
            made_at: now,
            log_key: self.log_key()?.to_string(),
            entries: log.size(),
            checkpoint,
            gaps: self.gaps(log.size()).await?,
        })
    }

    /// The trees from which the log went on after restores, up to a size, oldest first.
    pub(super) async fn gaps(&self, end: u64) -> Result<Vec<Frontier>, AppError> {
        let restorations: Vec<(Restoration, u64)> =
            self.read_list(&List::Restorations, RESTORATIONS_MAX).await?;
        let gaps = restorations.into_iter().rev().map(|(restoration, _)| restoration.goes_on_from);
        Ok(gaps.filter(|gap| gap.size() <= end).collect())
    }

    async fn sign_backed_up(&self, log: &Frontier) -> Result<Option<StoredCheckpoint>, AppError> {
        if log.size() == 0 {
            return Ok(None);
        }
        if let Some((known, _)) = self.read(&Key::Checkpoint(log.size())).await? {
            return Ok(Some(known));
        }
        let now = self.now().at;
        let note = Checkpoint::sign(self.log_signer()?, log.size(), log.root(), now)
            .map_err(|_| AppError::Broken("checkpoint"))?;
        let checkpoint = StoredCheckpoint { size: log.size(), note: note.to_string(), signed_at: now };
        let head = LogHead { note: checkpoint.note.clone(), frontier: log.clone() };
        let (newer, size) = (head.clone(), log.size());
        self.with_keyring(move |keyring| match keyring.log_head()? {
            Some(known) if known.frontier.size() >= size => Ok(()),
            _ => keyring.set_log_head(&newer),
        })
        .await?;
        let mut unit = UnitOfWork::default();
        unit.put(checkpoint.clone());
        self.store.commit(unit).await?;
        Ok(Some(checkpoint))
    }
}

/// An object that is to be written, and the record that named it.
struct Named {
    owner: Key,
    locator: ObjectLocator,
}

struct Backup<'a, W: Write> {
    app: &'a App,
    handle: &'a Handle,
    writer: BackupWriter<W>,
    progress: Box<dyn FnMut(BackupProgress) + Send>,
    done: BackupProgress,
    named: Vec<Named>,
    erased: Vec<String>,
}

impl<'a, W: Write> Backup<'a, W> {
    fn new(app: &'a App, handle: &'a Handle, target: BackupTarget<W>, header: &BackupHeader) -> Self {
        let done = BackupProgress { entries: 0, records: 0, objects: 0, objects_named: 0, object_bytes: 0 };
        let writer = BackupWriter::new(target.writer, header.made_at);
        Self { app, handle, writer, progress: target.progress, done, named: Vec::new(), erased: Vec::new() }
    }

    fn run(
        mut self,
        snapshot: &dyn StoreSnapshot,
        header: &BackupHeader,
    ) -> Result<(W, BackupEnd), AppError> {
        let json = serde_json::to_vec_pretty(header).map_err(|_| AppError::Broken("backup header"))?;
        self.writer.bytes(HEADER_PATH, &json).map_err(unwritten)?;
        self.leaves(snapshot, header.entries)?;
        self.records(snapshot)?;
        for named in std::mem::take(&mut self.named) {
            self.object(&named)?;
        }
        (self.progress)(self.done);
        let end = BackupEnd {
            records: self.done.records,
            entries: self.done.entries,
            objects: self.done.objects,
            object_bytes: self.done.object_bytes,
            erased: self.erased,
            digests: Digest::from_bytes([0; 32]),
        };
        self.writer.finish(end).map_err(unwritten)
    }

    /// The log, its gaps included: an index that jumps is one.
    fn leaves(&mut self, snapshot: &dyn StoreSnapshot, end: u64) -> Result<(), AppError> {
        let (mut first, mut piece) = (0, 0);
        while first < end {
            let up_to_a_tile = LEAVES_AT_ONCE - first % LEAVES_AT_ONCE;
            let leaves = snapshot.leaves(first, usize::try_from(up_to_a_tile).unwrap_or(usize::MAX))?;
            let Some(last) = leaves.last() else { break };
            first = last.index + 1;
            self.done.entries += leaves.len() as u64;
            self.lines(LOG, piece, &leaves)?;
            piece += 1;
        }
        Ok(())
    }

    fn records(&mut self, snapshot: &dyn StoreSnapshot) -> Result<(), AppError> {
        let (mut waiting, mut after, mut number, mut size) = (Vec::new(), None, 0, 0);
        loop {
            let (records, last) = snapshot.records(after.as_ref(), RECORDS_AT_ONCE)?;
            for record in records.into_iter().filter(|record| !matches!(record, Record::Upload(_))) {
                self.name_objects(&record);
                let line = serde_json::to_vec(&record).map_err(|_| AppError::Broken("record"))?;
                size += line.len();
                waiting.extend_from_slice(&line);
                waiting.push(b'\n');
                self.done.records += 1;
            }
            if size >= PIECE_BYTES || last.is_none() {
                self.writer.bytes(&format!("{RECORDS}{number:06}.jsonl"), &waiting).map_err(unwritten)?;
                (self.progress)(self.done);
                (size, number) = (0, number + 1);
                waiting.clear();
            }
            if last.is_none() {
                return Ok(());
            }
            after = last;
        }
    }

    fn name_objects(&mut self, record: &Record) {
        let owner = record.key();
        let named = objects_of(record).into_iter();
        self.named.extend(named.map(|locator| Named { owner: owner.clone(), locator: locator.clone() }));
        self.done.objects_named = self.named.len() as u64;
    }

    fn object(&mut self, named: &Named) -> Result<(), AppError> {
        let path = format!("{OBJECTS}{}", named.locator.0);
        let whole = match self.handle.block_on(self.app.objects.open(&named.locator)) {
            Ok(mut sealed) => {
                let size = sealed.seek(SeekFrom::End(0)).map_err(unwritten)?;
                sealed.rewind().map_err(unwritten)?;
                self.done.object_bytes += size;
                self.done.objects += 1;
                self.writer.stream(&path, size, sealed).map_err(unwritten)?
            }
            Err(ObjectError::Missing) => false,
            Err(error) => return Err(error.into()),
        };
        // Erased before or while it was read: it may be, when what it belonged to ended.
        if self.ended_meanwhile(named)? {
            self.erased.push(path);
        } else if !whole {
            tracing::error!(object = %named.locator.0, "backup.object_missing");
            return Err(AppError::Objects(ObjectError::Missing));
        }
        if self.done.objects.is_multiple_of(TELL_EVERY_OBJECTS) {
            (self.progress)(self.done);
        }
        Ok(())
    }

    /// Whether no record names the object any more: neither its owner nor what that became, a held deposit or a transfer.
    fn ended_meanwhile(&self, named: &Named) -> Result<bool, AppError> {
        let is_named = |key: &Key| -> Result<bool, AppError> {
            let found = self.handle.block_on(self.app.store.get(key))?;
            Ok(found.is_some_and(|found| objects_of(&found.record).contains(&&named.locator)))
        };
        if is_named(&named.owner)? {
            return Ok(false);
        }
        let became = match named.owner {
            Key::Held(transfer) => transfer,
            Key::Draft(_) => match self.handle.block_on(self.app.store.get(&named.owner))? {
                Some(Versioned { record: Record::Draft(draft), .. }) => draft.transfer,
                _ => return Ok(true),
            },
            _ => return Ok(true),
        };
        Ok(!is_named(&Key::Held(became))? && !is_named(&Key::Transfer(became))?)
    }

    fn lines<T: Serialize>(&mut self, folder: &str, number: u32, values: &[T]) -> Result<(), AppError> {
        let mut lines = Vec::new();
        for value in values {
            serde_json::to_writer(&mut lines, value).map_err(|_| AppError::Broken("line of a backup"))?;
            lines.push(b'\n');
        }
        self.writer.bytes(&format!("{folder}{number:06}.jsonl"), &lines).map_err(unwritten)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unwritten(error: io::Error) -> AppError {
    tracing::error!(error = %error, "backup.not_written");
    AppError::Broken("the backup could not be read or written")
}
