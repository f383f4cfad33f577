//! What time brings: transfers end, day keys are destroyed, drafts and proofs that are over go (V1 to V3, invariant 5).
//! Run every few seconds; each run does what is due and no more, and doing it again is harmless.
//!
//! Destroying a key is an effect outside the store: its intention is committed before, its result after (invariant 2).
//! A crash between the two destroys again, which is no error, and logs the result then.

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome};
use crate::identity::{AddressProof, PROOF_LIFE, SESSION_LIFE, Session};
use crate::relay::queue::QueuedMail;
use crate::retention::{KeyName, plan};
use crate::transfer::{DRAFT_LIFE, Draft, DraftState, Ending, Repeat, Transfer};
use crate::value::{Day, Millis, Timestamp};
use crate::vault::Grant;

/// How many records of a kind one run treats.
const BATCH: usize = 200;
/// How many grants a transfer may have.
const GRANTS_MAX: usize = 1000;
/// Objects older than this are of no live transfer or draft: 20 days of validity, a draft's life, and a margin.
const OBJECT_DAYS: i32 = 25;
/// How long the state of a mail can be seen after it was written.
const MAIL_RECORD_LIFE: Millis = Millis::days(30);

/// What one run did.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Upkeep {
    /// Transfers that ended.
    pub transfers_expired: usize,
    /// Keys that were destroyed.
    pub keys_destroyed: usize,
    /// The clock is not believed: nothing was done.
    pub clock_not_believed: bool,
}

impl App {
    /// Does all that time asks for now.
    pub async fn upkeep(&self) -> Result<Upkeep, AppError> {
        let now = self.now();
        if !now.believed {
            return Ok(Upkeep { clock_not_believed: true, ..Upkeep::default() });
        }
        self.save_clock_anchor()?;
        let today = now.at.day();
        self.make_keys(now.at).await?;
        let transfers_expired = self.expire_transfers(now.at).await?;
        let keys_destroyed = self.destroy_keys(now.at).await?;
        self.discard_drafts(now.at).await?;
        self.forget(now.at).await?;
        self.objects.sweep(today.plus(-OBJECT_DAYS)).await?;
        Ok(Upkeep { transfers_expired, keys_destroyed, clock_not_believed: false })
    }

    /// Notes that the clock jumped; called once when that begins.
    pub async fn note_clock_jump(&self, shown: Timestamp) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        self.log_clock_jump(&mut unit, shown)?;
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Makes the keys that today and the days ahead need. Also done before the first deposit after a start.
    pub async fn make_keys(&self, now: Timestamp) -> Result<(), AppError> {
        let missing = plan(&self.keyring.names()?, now.day()).make;
        if missing.is_empty() {
            return Ok(());
        }
        let mut unit = UnitOfWork::default();
        for name in missing {
            self.keyring.make(name)?;
            self.log(
                &mut unit,
                key_event(now, name, Action::DayKeyMade, Action::DraftKeyMade, Outcome::Done),
            )?;
        }
        self.store.commit(unit).await?;
        Ok(())
    }

    async fn destroy_keys(&self, now: Timestamp) -> Result<usize, AppError> {
        let over = plan(&self.keyring.names()?, now.day()).destroy;
        for name in &over {
            self.log_alone(destruction(now, *name, Outcome::Intended)).await?;
            let destroyed = self.keyring.destroy(*name);
            let outcome =
                if destroyed.is_ok() { Outcome::Done } else { Outcome::Failed(FailureReason::Keyring) };
            self.log_alone(destruction(now, *name, outcome)).await?;
            destroyed?;
        }
        Ok(over.len())
    }

    async fn expire_transfers(&self, now: Timestamp) -> Result<usize, AppError> {
        let mut expired = 0;
        loop {
            let due: Vec<(Transfer, u64)> = self.read_list(&List::TransfersExpiringBy(now), BATCH).await?;
            let found = due.len();
            for (transfer, version) in due {
                match self.expire(transfer, version, now).await {
                    // Somebody opened it for the first time at this very moment: the next round ends it.
                    Err(error) if error.is_conflict() => {}
                    outcome => {
                        outcome?;
                        expired += 1;
                    }
                }
            }
            if found < BATCH {
                return Ok(expired);
            }
        }
    }

    /// Ends one transfer: in one commit it becomes a register line and its grants go; then its objects are erased. A
    /// crash before the erasure leaves sealed bytes that no grant opens, for the sweep.
    async fn expire(&self, transfer: Transfer, version: u64, now: Timestamp) -> Result<(), AppError> {
        let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
        let told = |action, outcome| event(now, Actor::System, action, object, outcome, Origin::Job);
        let grants: Vec<(Grant, u64)> = self.read_list(&List::GrantsOf(transfer.id), GRANTS_MAX).await?;
        let objects = transfer.objects.clone();
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Transfer(transfer.id), version);
        self.log(&mut unit, told(Action::TransferExpired, Outcome::Done))?;
        let count = Detail::Count(grants.len() as u64);
        self.log(&mut unit, told(Action::GrantsDestroyed, Outcome::Done).with(count))?;
        self.log(&mut unit, told(Action::ObjectsErased, Outcome::Intended))?;
        for (grant, _) in grants {
            unit.delete(Key::Grant((grant.terms.transfer, grant.terms.holder)));
        }
        unit.delete(Key::Transfer(transfer.id));
        unit.put(transfer.into_register_line(Ending::Expired, now));
        self.store.commit(unit).await?;
        self.objects.erase(&objects).await?;
        let count = Detail::Count(objects.len() as u64);
        self.log_alone(told(Action::ObjectsErased, Outcome::Done).with(count)).await
    }

    async fn discard_drafts(&self, now: Timestamp) -> Result<(), AppError> {
        let over: Vec<(Draft, u64)> =
            self.read_list(&List::DraftsTouchedBefore(now - DRAFT_LIFE + Millis(1)), BATCH).await?;
        for (draft, version) in over {
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Draft(draft.id), version);
            if draft.state == DraftState::Open {
                let object = Object::Draft(draft.id);
                let action = Action::DraftDiscarded;
                self.log(&mut unit, event(now, Actor::System, action, object, Outcome::Done, Origin::Job))?;
            }
            unit.delete(Key::Draft(draft.id));
            let objects: Vec<_> = draft.parts.into_iter().map(|part| part.object).collect();
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                outcome => {
                    outcome?;
                    self.objects.erase(&objects).await?;
                }
            }
        }
        Ok(())
    }

    /// Forgets what is of no use any more: proofs, sessions, recognised repeats, states of old mails.
    async fn forget(&self, now: Timestamp) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        let proofs: Vec<(AddressProof, u64)> =
            self.read_list(&List::ProofsAskedBefore(now - PROOF_LIFE - Millis::hours(1)), BATCH).await?;
        for (proof, _) in proofs {
            unit.delete(Key::Proof(proof.id));
        }
        let sessions: Vec<(Session, u64)> =
            self.read_list(&List::SessionsBegunBefore(now - SESSION_LIFE), BATCH).await?;
        for (session, _) in sessions {
            unit.delete(Key::Session(session.token));
        }
        let repeats: Vec<(Repeat, u64)> =
            self.read_list(&List::RepeatsAcceptedBefore(now - Repeat::LIFE), BATCH).await?;
        for (repeat, _) in repeats {
            unit.delete(Key::Repeat(repeat.digest));
        }
        let mails: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsWrittenBefore(now - MAIL_RECORD_LIFE), BATCH).await?;
        for (mail, _) in mails.into_iter().filter(|(mail, _)| mail.due_at().is_none()) {
            unit.delete(Key::Mail(mail.id));
        }
        if !unit.changes.is_empty() {
            self.store.commit(unit).await?;
        }
        Ok(())
    }

    /// The days whose keys are still there, for the officer's page and for recovery.
    pub fn live_days(&self) -> Result<Vec<Day>, AppError> {
        let names = self.keyring.names()?;
        Ok(names
            .into_iter()
            .filter_map(|name| if let KeyName::ExpiryDay(day) = name { Some(day) } else { None })
            .collect())
    }
}

fn destruction(now: Timestamp, name: KeyName, outcome: Outcome) -> crate::audit::Event {
    key_event(now, name, Action::DayKeyDestroyed, Action::DraftKeyDestroyed, outcome)
}

fn key_event(
    now: Timestamp,
    name: KeyName,
    day: Action,
    working: Action,
    outcome: Outcome,
) -> crate::audit::Event {
    let action = if matches!(name, KeyName::ExpiryDay(_)) { day } else { working };
    event(now, Actor::System, action, Object::Day(name.day()), outcome, Origin::Job)
}
