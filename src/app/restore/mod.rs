//! Restores a backup into an empty store. What stands beside the day keys is applied, nothing that was handed out opens
//! any more, no letter leaves, and the gateway stays closed until an operator opens it (DESIGN section 4).
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | marked as being restored | a store that no gateway starts on; it is emptied and restored again |
//! | log, objects, records | the same |
//! | marked as closed | a restored gateway, closed |
//!
//! The log goes on from the tree that was signed last: the entries that the backup does not have are lost, and the first
//! new entry says which. No checkpoint that is held elsewhere is contradicted.

mod apply;

use std::collections::BTreeSet;
use std::io::Read;
use std::sync::Arc;
use std::sync::atomic::Ordering;

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use self::apply::Applying;
use super::backup::read::{Take, read_backup};
use super::backup::{BackupError, BackupHeader, CheckedBackup};
use super::ports::{
    Key, List, ObjectError, Record, Restoration, RestorationState, RestoreReport, RestoredLog, StoredLeaf,
    UnitOfWork,
};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Frontier, Object, Origin, Outcome};
use crate::transfer::ObjectLocator;
use crate::value::Timestamp;
use crate::vault::AGE_MAGIC;

/// The number of the mark that says that a store is being restored.
const UNFINISHED: u64 = u64::MAX;
/// Entries of the log that are put back in one unit: whole tiles of the tree, as pruned ones need.
const LEAVES_AT_ONCE: u64 = 512;
/// Records that are put back in one unit.
const RECORDS_AT_ONCE: usize = 256;

/// A backup that was restored.
#[derive(Debug, Clone)]
pub struct Restored {
    /// What it was.
    pub backup: CheckedBackup,
    /// What was applied to it.
    pub restoration: Restoration,
}

impl App {
    /// Restores a backup into this gateway's empty store and objects.
    pub async fn restore(
        self: &Arc<Self>,
        reader: impl Read + Send + 'static,
        accept_unknown_gap: bool,
        origin: Origin,
    ) -> Result<Restored, BackupError> {
        let picture = self.store.snapshot().await.map_err(AppError::from)?;
        let is_empty = picture.log().map_err(AppError::from)?.size() == 0
            && picture.records(None, 1).map_err(AppError::from)?.0.is_empty();
        drop(picture);
        if !is_empty {
            return Err(BackupError::NotEmpty);
        }
        let now = self.now().at;
        let mut loading = Loading {
            app: Arc::clone(self),
            handle: Handle::current(),
            accept_unknown_gap,
            origin,
            header: None,
            goes_on_from: Frontier::default(),
            applying: Applying::new(self, now)?,
            log_goes_on: false,
            numbers: BTreeSet::new(),
        };
        let read = spawn_blocking(move || {
            let backup = read_backup(reader, &mut loading)?;
            loading.finish(&backup).map(|restoration| Restored { backup, restoration })
        });
        let restored = read.await.map_err(|_| AppError::Broken("restore"))??;
        self.closed.store(true, Ordering::Release);
        Ok(restored)
    }

    /// Looks whether the store was restored and not opened since; to be asked once when a gateway starts.
    pub async fn look_for_restoration(&self) -> Result<Option<Restoration>, AppError> {
        let newest: Option<(Restoration, u64)> = self.read_one(&List::Restorations).await?;
        let Some((newest, _)) = newest else { return Ok(None) };
        match newest.state {
            RestorationState::Unfinished => Err(AppError::RestoreUnfinished),
            RestorationState::Closed => {
                self.closed.store(true, Ordering::Release);
                Ok(Some(newest))
            }
            RestorationState::Opened { .. } => Ok(Some(newest)),
        }
    }

    /// Whether the gateway is closed since a restore.
    pub fn is_closed(&self) -> bool {
        self.closed.load(Ordering::Acquire)
    }

    /// An operator looked at what was restored and opens the gateway. Says whether it was closed.
    pub async fn open_after_restore(&self, origin: Origin) -> Result<bool, AppError> {
        let newest: Option<(Restoration, u64)> = self.read_one(&List::Restorations).await?;
        let Some((mut newest, version)) = newest else { return Ok(false) };
        if newest.state != RestorationState::Closed {
            return Ok(false);
        }
        let now = self.now().at;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Restoration(newest.number), version);
        let opened = event(now, Actor::Operator, Action::RestoreOpened, Object::None, Outcome::Done, origin);
        self.log(&mut unit, opened)?;
        newest.state = RestorationState::Opened { at: now };
        unit.put(newest);
        self.store.commit(unit).await?;
        self.closed.store(false, Ordering::Release);
        self.wake_delivery();
        Ok(true)
    }
}

/// Puts a backup into its places as it is read.
struct Loading {
    app: Arc<App>,
    handle: Handle,
    accept_unknown_gap: bool,
    origin: Origin,
    header: Option<BackupHeader>,
    goes_on_from: Frontier,
    applying: Applying,
    log_goes_on: bool,
    numbers: BTreeSet<u64>,
}

impl Loading {
    fn commit(&self, unit: UnitOfWork) -> Result<(), AppError> {
        self.handle.block_on(self.app.store.commit(unit))?;
        Ok(())
    }

    fn put_back_leaves(
        &self,
        leaves: Vec<StoredLeaf>,
        goes_on_from: Option<Frontier>,
    ) -> Result<(), AppError> {
        let restored = RestoredLog { leaves, goes_on_from };
        self.commit(UnitOfWork { restored, ..UnitOfWork::default() })
    }

    /// The tree that the log goes on from, and a first entry that says what is lost.
    fn go_on(&mut self) -> Result<(), AppError> {
        if std::mem::replace(&mut self.log_goes_on, true) {
            return Ok(());
        }
        let Some(header) = &self.header else { return Err(AppError::Broken("backup without header")) };
        let (operator, action) = (Actor::Operator, Action::BackupRestored);
        let at = self.applying.now;
        let restored = event(at, operator, action, Object::Log, Outcome::Done, self.origin);
        let restored = restored.with(Detail::LostFrom(header.entries));
        let goes_on_from = Some(self.goes_on_from.clone());
        let mut unit = UnitOfWork {
            restored: RestoredLog { leaves: Vec::new(), goes_on_from },
            ..UnitOfWork::default()
        };
        unit.changes.extend(header.checkpoint.clone().map(|signed| super::ports::Change::Put(signed.into())));
        let head = self.app.keyring.log_head()?;
        if let Some(head) = head.filter(|head| head.frontier.size() > header.entries) {
            let signed_at = crate::audit::Checkpoint::open(&head.note, &self.app.log_key()?)
                .ok()
                .and_then(|checkpoint| checkpoint.at);
            unit.put(super::ports::StoredCheckpoint {
                size: head.frontier.size(),
                note: head.note,
                signed_at: signed_at.unwrap_or(at),
            });
        }
        self.app.log(&mut unit, restored)?;
        self.commit(unit)
    }

    fn restoration(&self, number: u64, state: RestorationState) -> Restoration {
        let header = self.header.as_ref();
        Restoration {
            number,
            backup_made_at: header.map_or(Timestamp(0), |header| header.made_at),
            restored_at: self.applying.now,
            lost_from: header.map_or(0, |header| header.entries),
            goes_on_from: self.goes_on_from.clone(),
            report: self.applying.report,
            state,
        }
    }

    fn finish(&mut self, backup: &CheckedBackup) -> Result<Restoration, BackupError> {
        self.go_on()?;
        self.app.objects.settle().map_err(AppError::from)?;
        let number = self.numbers.last().map_or(0, |last| last + 1);
        let restoration = self.restoration(number, RestorationState::Closed);
        let mut unit = UnitOfWork::default();
        unit.delete(Key::Restoration(UNFINISHED));
        unit.put(restoration.clone());
        self.commit(unit)?;
        tracing::info!(entries = backup.end.entries, records = backup.end.records, "restore.done");
        Ok(restoration)
    }
}

impl Take for Loading {
    fn header(&mut self, header: &BackupHeader) -> Result<(), BackupError> {
        let keyring = self.app.log_key()?.to_string();
        if header.log_key != keyring {
            return Err(BackupError::OtherLog { backup: header.log_key.clone(), keyring });
        }
        let head = self.app.keyring.log_head().map_err(AppError::from)?;
        match head {
            Some(head) if head.frontier.size() < header.entries => {
                let keyring = head.frontier.size();
                return Err(BackupError::KeyringOlder { backup: header.entries, keyring });
            }
            Some(head) => self.goes_on_from = head.frontier,
            None if self.accept_unknown_gap => {}
            None => return Err(BackupError::NoLogHead),
        }
        self.header = Some(header.clone());
        let mut unit = UnitOfWork::default();
        unit.put(self.restoration(UNFINISHED, RestorationState::Unfinished));
        self.commit(unit)?;
        Ok(())
    }

    /// In units that end with a tile, each gap of an earlier restore kept as it was.
    fn leaves(&mut self, leaves: Vec<StoredLeaf>) -> Result<(), BackupError> {
        let gaps = self.header.as_ref().map(|header| header.gaps.clone()).unwrap_or_default();
        let mut next = self.handle.block_on(self.app.store.log()).map_err(AppError::from)?.size();
        let mut waiting = Vec::new();
        for leaf in leaves {
            if leaf.index > next {
                self.put_back_leaves(std::mem::take(&mut waiting), None)?;
                let gap = gaps.iter().find(|gap| gap.size() == leaf.index).cloned();
                self.put_back_leaves(Vec::new(), Some(gap.ok_or(BackupError::Log)?))?;
            }
            next = leaf.index + 1;
            waiting.push(leaf);
            if next.is_multiple_of(LEAVES_AT_ONCE) {
                self.put_back_leaves(std::mem::take(&mut waiting), None)?;
            }
        }
        if !waiting.is_empty() {
            self.put_back_leaves(waiting, None)?;
        }
        Ok(())
    }

    fn records(&mut self, mut records: Vec<Record>) -> Result<(), BackupError> {
        if self
            .header
            .as_ref()
            .is_some_and(|header| self.accept_unknown_gap && header.entries > self.goes_on_from.size())
        {
            self.goes_on_from = self.handle.block_on(self.app.store.log()).map_err(AppError::from)?;
        }
        self.go_on()?;
        while !records.is_empty() {
            let rest = records.split_off(records.len().min(RECORDS_AT_ONCE));
            let mut unit = UnitOfWork::default();
            for record in std::mem::replace(&mut records, rest) {
                if let Record::Restoration(earlier) = &record {
                    self.numbers.insert(earlier.number);
                }
                self.applying.apply(&self.app, &mut unit, record)?;
            }
            self.commit(unit)?;
        }
        Ok(())
    }

    fn object(
        &mut self,
        locator: &ObjectLocator,
        size: u64,
        sealed: &mut dyn Read,
    ) -> Result<(), BackupError> {
        let mut beginning = [0; AGE_MAGIC.len()];
        let most = usize::try_from(size).unwrap_or(usize::MAX).min(beginning.len());
        sealed.read_exact(&mut beginning[..most])?;
        if beginning != AGE_MAGIC {
            // Erased while the backup was made.
            return Ok(());
        }
        let mut whole = beginning.chain(sealed);
        match self.app.objects.put_back(locator, size, &mut whole) {
            Err(ObjectError::NotSealed) => Err(BackupError::Damaged { path: locator.0.clone() }),
            put => Ok(put.map_err(AppError::from)?),
        }
    }
}

/// Nothing yet.
impl Default for RestoreReport {
    fn default() -> Self {
        Self {
            accounts_cut_off: 0,
            memberships_removed: 0,
            managers_removed: 0,
            addresses_blocked: 0,
            partners_suspended: 0,
            agreements_ended: 0,
            transfers_revoked: 0,
            sessions_ended: 0,
            links_voided: 0,
            drafts_discarded: 0,
            mails_suspended: 0,
        }
    }
}
