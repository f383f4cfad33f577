//! Writes down beside the day keys what must outlive a restored backup (DESIGN section 4). It stands before the store, so
//! that no use case can forget it: whatever unit cuts an account off, removes a member, blocks an address, ends an
//! agreement or revokes a transfer is recognised by the records that it changes.
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | noted beside the keys | a note without its effect: a restored backup closes what was about to be closed |
//! | committed | both |
//!
//! A unit that meets a conflict is unsaid by a second note. A unit whose note no copy of the keyring takes is refused.

use std::sync::Arc;

use async_trait::async_trait;
use serde::Serialize;

use super::ask_keyring::with_keyring;
use super::ports::{
    CaseSearch, CasesFound, Change, Clock, CommitError, Committed, Key, Keyring, List, LogFound, LogSearch,
    Record, RegisterFound, RegisterSearch, Store, StoreError, StoreSnapshot, StoredLeaf, UnitOfWork,
    Versioned,
};
use crate::audit::{Frontier, Node};
use crate::identity::{Account, Agreement, Partner};
use crate::retention::{Standing, StandingNote, Subject};
use crate::value::{Digest, MailboxId, Timestamp};

/// A store whose closing changes are noted beside the keys.
pub(super) struct WatchedStore {
    pub(super) inner: Arc<dyn Store>,
    pub(super) keyring: Arc<dyn Keyring>,
    pub(super) clock: Arc<dyn Clock>,
}

/// What a unit changes about a subject: what stands after it, and what stood before.
type Turn = (Subject, Standing, Standing);

impl WatchedStore {
    async fn turns_of(&self, unit: &UnitOfWork, now: Timestamp) -> Result<Vec<Turn>, StoreError> {
        let mut turns = Vec::new();
        for change in &unit.changes {
            let key = match change {
                Change::Put(record @ (Record::Account(_) | Record::Partner(_) | Record::Agreement(_))) => {
                    record.key()
                }
                Change::Delete(
                    key @ (Key::Account(_)
                    | Key::Partner(_)
                    | Key::Agreement(_)
                    | Key::Transfer(_)
                    | Key::Held(_)
                    | Key::Grant(_)),
                ) => key.clone(),
                _ => continue,
            };
            let Some(old) = self.inner.get(&key).await?.map(|found| found.record) else { continue };
            match (old, change) {
                (Record::Account(old), Change::Put(Record::Account(new))) => account(&mut turns, &old, new)?,
                (Record::Partner(old), Change::Put(Record::Partner(new))) => partner(&mut turns, &old, new),
                (Record::Agreement(old), Change::Put(Record::Agreement(new))) => {
                    let subject = Subject::Agreement { mailbox: new.mailbox, partner: new.partner };
                    changed(&mut turns, subject, agreement_digest(&old)?, agreement_digest(new)?);
                }
                (old, Change::Delete(_)) => turns.extend(ended(&old, unit, now).map(closed)),
                _ => {}
            }
        }
        Ok(turns)
    }

    async fn note(
        &self,
        turns: impl Iterator<Item = (Subject, Standing)> + Send,
        at: Timestamp,
    ) -> Result<(), StoreError> {
        let notes: Vec<_> = turns.map(|(subject, standing)| StandingNote { subject, standing, at }).collect();
        let noted = with_keyring(&self.keyring, move |keyring| keyring.note_standing(&notes)).await;
        noted.map_err(|error| StoreError::Unavailable(Box::new(error)))
    }
}

fn account(turns: &mut Vec<Turn>, old: &Account, new: &Account) -> Result<(), StoreError> {
    if old.is_active() != new.is_active() {
        turns.push(opened_or_closed(Subject::Account(new.id), new.is_active()));
    }
    let membership = |mailbox| Subject::Membership { account: new.id, mailbox };
    let lost = old.mailboxes.iter().filter(|mailbox| !new.mailboxes.contains(mailbox));
    turns.extend(lost.map(|mailbox| closed(membership(*mailbox))));
    let gained = new.mailboxes.iter().filter(|mailbox| !old.mailboxes.contains(mailbox));
    turns.extend(gained.map(|mailbox| opened_or_closed(membership(*mailbox), true)));
    let manager = |mailbox: &MailboxId| Subject::Manager { account: new.id, mailbox: *mailbox };
    let lost = old.manages.iter().filter(|mailbox| !new.manages.contains(mailbox));
    turns.extend(lost.map(|mailbox| closed(manager(mailbox))));
    let gained = new.manages.iter().filter(|mailbox| !old.manages.contains(mailbox));
    turns.extend(gained.map(|mailbox| opened_or_closed(manager(mailbox), true)));
    changed(turns, Subject::Credentials(new.id), credentials_digest(old)?, credentials_digest(new)?);
    Ok(())
}

fn partner(turns: &mut Vec<Turn>, old: &Partner, new: &Partner) {
    if old.suspended != new.suspended {
        turns.push(opened_or_closed(Subject::Partner(new.id), !new.suspended));
    }
    let address =
        |address: &crate::value::MailAddress| Subject::Address { partner: new.id, address: address.clone() };
    turns.extend(new.blocked.difference(&old.blocked).map(|blocked| closed(address(blocked))));
    turns.extend(old.blocked.difference(&new.blocked).map(|freed| opened_or_closed(address(freed), true)));
}

/// What a deletion ends before its time. A transfer that expired needs no note: its day's key is destroyed.
fn ended(old: &Record, unit: &UnitOfWork, now: Timestamp) -> Option<Subject> {
    let goes =
        |key: &Key| unit.changes.iter().any(|change| matches!(change, Change::Delete(gone) if gone == key));
    match old {
        Record::Account(old) => Some(Subject::Account(old.id)),
        Record::Partner(old) => Some(Subject::Partner(old.id)),
        Record::Agreement(old) => Some(Subject::Agreement { mailbox: old.mailbox, partner: old.partner }),
        Record::Transfer(old) if old.is_live(now) => Some(Subject::Transfer(old.id)),
        // Released is not ended: the same unit then writes the transfer.
        Record::Held(old) if !puts_transfer(unit, old.id) => Some(Subject::Transfer(old.id)),
        Record::Grant(old) if !goes(&Key::Transfer(old.terms.transfer)) => {
            Some(Subject::Grant { transfer: old.terms.transfer, holder: old.terms.holder })
        }
        _ => None,
    }
}

fn puts_transfer(unit: &UnitOfWork, id: crate::value::TransferId) -> bool {
    let puts =
        |change: &Change| matches!(change, Change::Put(Record::Transfer(transfer)) if transfer.id == id);
    unit.changes.iter().any(puts)
}

const fn closed(subject: Subject) -> Turn {
    (subject, Standing::Closed, Standing::Open)
}

const fn opened_or_closed(subject: Subject, open: bool) -> Turn {
    if open { (subject, Standing::Open, Standing::Closed) } else { closed(subject) }
}

fn changed(turns: &mut Vec<Turn>, subject: Subject, old: Digest, new: Digest) {
    if old != new {
        turns.push((subject, Standing::Is(new), Standing::Is(old)));
    }
}

/// Tells what an account signs in with, and its role, from what they were.
pub(super) fn credentials_digest(account: &Account) -> Result<Digest, StoreError> {
    let passkeys: Vec<_> = account.passkeys.iter().map(|passkey| passkey.id).collect();
    if passkeys.is_empty() && account.provider.is_none() {
        // As it was noted before there were others.
        return digest(&(&account.password, account.role));
    }
    digest(&(&account.password, account.role, passkeys, &account.provider))
}

/// Tells an agreement from what it was.
pub(super) fn agreement_digest(agreement: &Agreement) -> Result<Digest, StoreError> {
    digest(agreement)
}

fn digest(value: &impl Serialize) -> Result<Digest, StoreError> {
    Ok(Digest::of(&serde_json::to_vec(value).map_err(|_| StoreError::Damaged)?))
}

#[async_trait]
impl Store for WatchedStore {
    async fn get(&self, key: &Key) -> Result<Option<Versioned<Record>>, StoreError> {
        self.inner.get(key).await
    }

    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError> {
        self.inner.list(list, limit).await
    }

    async fn cases(&self, search: &CaseSearch, limit: usize, steps: usize) -> Result<CasesFound, StoreError> {
        self.inner.cases(search, limit, steps).await
    }

    async fn count_cases(&self, search: &CaseSearch, limit: usize) -> Result<usize, StoreError> {
        self.inner.count_cases(search, limit).await
    }

    async fn register(&self, search: &RegisterSearch, limit: usize) -> Result<RegisterFound, StoreError> {
        self.inner.register(search, limit).await
    }

    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError> {
        let now = self.clock.read().wall;
        let turns = self.turns_of(&unit, now).await?;
        if turns.is_empty() {
            return self.inner.commit(unit).await;
        }
        self.note(turns.iter().map(|(subject, after, _)| (subject.clone(), *after)), now).await?;
        let outcome = self.inner.commit(unit).await;
        if matches!(outcome, Err(CommitError::Conflict)) {
            self.note(turns.into_iter().map(|(subject, _, before)| (subject, before)), now).await?;
        }
        outcome
    }

    async fn log(&self) -> Result<Frontier, StoreError> {
        self.inner.log().await
    }

    async fn search(&self, search: &LogSearch, limit: usize, steps: usize) -> Result<LogFound, StoreError> {
        self.inner.search(search, limit, steps).await
    }

    async fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
        self.inner.leaves(first, limit).await
    }

    async fn pruned(&self) -> Result<u64, StoreError> {
        self.inner.pruned().await
    }

    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
        self.inner.roots(nodes).await
    }

    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError> {
        self.inner.snapshot().await
    }
}
