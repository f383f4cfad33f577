//! What time brings: transfers end, day keys are destroyed, drafts and proofs that are over go (V1 to V3, invariant 5).
//! Run every few seconds; each run does what is due and no more, and doing it again is harmless.
//!
//! Destroying a key and erasing objects are effects outside the store: the intention is committed before, the result
//! after, and the next run finishes what a crash or a fault left between (`effects.rs`, invariant 2).

use super::ports::{DepositReceipt, Key, List, UnitOfWork};
use super::receipt::RECEIPT_RECORD_LIFE;
use super::revoke::Ender;
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome};
use crate::identity::{
    API_DEPOSIT_LIFE, AccountLink, AddressProof, ApiDeposit, PROOF_LIFE, SESSION_LIFE, Session,
};
use crate::relay::queue::QueuedMail;
use crate::retention::{Effect, ErasureOf, KeyName, PendingEffect, RecoveryRequest, plan};
use crate::transfer::{
    DRAFT_LIFE, Draft, DraftPart, DraftState, Ending, ObjectLocator, Repeat, SentLine, Transfer, Upload,
};
use crate::value::{Day, DraftId, Millis, Timestamp};
use crate::vault::Grant;

/// How many records of a kind one run treats.
const BATCH: usize = 200;
/// How many grants a transfer may have.
const GRANTS_MAX: usize = 1000;
/// Objects older than this are of no live transfer, held deposit or draft: a draft lives no longer than its key (7 days), it
/// may be held for as long (7 days), then it is valid for 20 days; and a margin.
const OBJECT_DAYS: i32 = 38;
/// How long the state of a mail can be seen after it was written.
const MAIL_RECORD_LIFE: Millis = Millis::days(30);

/// How long it can be seen that something was sent after it ended.
const SENT_LINE_LIFE: Millis = Millis::days(365);

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
        // Each step is done whether or not another one fails: what time asks for must not wait for a fault elsewhere.
        let mut first_error = None;
        let mut note = |error: AppError| {
            first_error.get_or_insert(error);
        };
        self.unlocked.sweep(now.at);
        self.recent_keys.forget_old(now.at);
        self.save_clock_anchor().await.unwrap_or_else(&mut note);
        self.settle_gateway_rotations().await.unwrap_or_else(&mut note);
        self.finish_left_over(now.at).await.unwrap_or_else(&mut note);
        self.make_keys(now.at).await.unwrap_or_else(&mut note);
        let transfers_expired = self.expire_transfers(now.at).await.unwrap_or_else(|error| {
            note(error);
            0
        });
        let keys_destroyed = self.destroy_keys(now.at).await.unwrap_or_else(|error| {
            note(error);
            0
        });
        self.remind(now.at).await.unwrap_or_else(&mut note);
        self.settle_people(now.at).await.unwrap_or_else(&mut note);
        self.discard_drafts(now.at).await.unwrap_or_else(&mut note);
        self.aggregate_register(now.at).await.unwrap_or_else(&mut note);
        self.forget(now.at).await.unwrap_or_else(&mut note);
        let swept = self.objects.sweep(now.at.day().plus(-OBJECT_DAYS)).await;
        swept.map(drop).map_err(AppError::from).unwrap_or_else(&mut note);
        first_error.map_or(Ok(Upkeep { transfers_expired, keys_destroyed, clock_not_believed: false }), Err)
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
        let mut missing = plan(&self.keyring.names()?, now.day()).make;
        // A clock that was set back asks for days that are over: their keys do not come back.
        let gone = self.keyring.destroyed()?;
        missing.retain(|name| !gone.contains(name));
        if missing.is_empty() {
            return Ok(());
        }
        let making = self.begin(Effect::MakeKeys(missing), now).await?;
        self.carry_out(making).await
    }

    async fn destroy_keys(&self, now: Timestamp) -> Result<usize, AppError> {
        let over = plan(&self.keyring.names()?, now.day()).destroy;
        for name in &over {
            let destroying = self.begin(Effect::DestroyKey(*name), now).await?;
            self.carry_out(destroying).await?;
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

    async fn expire(&self, transfer: Transfer, version: u64, now: Timestamp) -> Result<(), AppError> {
        let by = Ender { actor: Actor::System, origin: Origin::Job };
        self.end_transfer(transfer, version, Ending::Expired, &by, now).await
    }

    /// Ends one transfer: in one commit it becomes a register line, its grants go, and the erasure of its objects is
    /// intended; then they are erased.
    pub(super) async fn end_transfer(
        &self,
        transfer: Transfer,
        version: u64,
        ending: Ending,
        by: &Ender,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
        let told = |action| {
            event(now, by.actor, action, object, Outcome::Done, by.origin)
                .concerning(transfer.depositor.partner)
        };
        let grants: Vec<(Grant, u64)> = self.read_list(&List::GrantsOf(transfer.id), GRANTS_MAX).await?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Transfer(transfer.id), version);
        let links = self.links_of(&transfer).await?;
        let ended = match ending {
            Ending::Expired => Action::TransferExpired,
            Ending::Revoked => Action::TransferRevoked,
        };
        self.log(&mut unit, told(ended).with(Detail::Until(transfer.expires_at)))?;
        self.log(
            &mut unit,
            told(Action::GrantsDestroyed).with(Detail::Count((grants.len() + links.len()) as u64)),
        )?;
        let of = ErasureOf::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
        let effect = Effect::EraseObjects { of, objects: transfer.objects.concat() };
        let erasing = self.intend(&mut unit, effect, now)?;
        for (grant, _) in grants {
            unit.delete(Key::Grant((grant.terms.transfer, grant.terms.holder)));
        }
        for (link, _) in &links {
            unit.delete(Key::RecipientLink((link.transfer, link.id)));
        }
        unit.delete(Key::Transfer(transfer.id));
        if let Some(sender) = transfer.outgoing.as_ref().map(|outgoing| outgoing.by) {
            let opened = links.iter().filter(|(link, _)| link.opened_at.is_some()).count();
            let opened = u32::try_from(opened).unwrap_or(u32::MAX);
            unit.put(transfer.into_sent_line(sender, opened, ending, now));
        } else {
            if ending == Ending::Revoked {
                self.tell_holders_withdrawn(&mut unit, &transfer, now, by.origin).await?;
            }
            unit.put(transfer.into_register_line(ending, now));
        }
        self.store.commit(unit).await?;
        self.carry_out(erasing).await
    }

    async fn discard_drafts(&self, now: Timestamp) -> Result<(), AppError> {
        let over: Vec<(Draft, u64)> =
            self.read_list(&List::DraftsTouchedBefore(now - DRAFT_LIFE + Millis(1)), BATCH).await?;
        for (draft, version) in over {
            let by = Ender { actor: Actor::System, origin: Origin::Job };
            match self.discard(draft, version, &by, now).await {
                Err(error) if error.is_conflict() => {}
                outcome => outcome?,
            }
        }
        Ok(())
    }

    /// Gives a draft up, with what is in it.
    pub(super) async fn discard(
        &self,
        draft: Draft,
        version: u64,
        by: &Ender,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Draft(draft.id), version);
        let mut erasing = None;
        if draft.state == DraftState::Open {
            let (action, object) = (Action::DraftDiscarded, Object::Draft(draft.id));
            self.log(&mut unit, event(now, by.actor, action, object, Outcome::Done, by.origin))?;
            let uploads = self.uploads_of(draft.id).await?;
            let unfinished = uploads.iter().flat_map(Upload::objects);
            let objects = draft.parts.into_iter().flat_map(|part| part.objects).chain(unfinished);
            erasing = self.intend_erasing(&mut unit, draft.id, objects.collect(), now)?;
            for upload in uploads {
                unit.delete(Key::Upload((draft.id, upload.id)));
            }
        }
        unit.delete(Key::Draft(draft.id));
        self.store.commit(unit).await?;
        match erasing {
            Some(erasing) => self.carry_out(erasing).await,
            None => Ok(()),
        }
    }

    /// Intends to erase files of a draft; nothing when there are none.
    pub(super) fn intend_erasing_parts(
        &self,
        unit: &mut UnitOfWork,
        draft: DraftId,
        parts: Vec<DraftPart>,
        now: Timestamp,
    ) -> Result<Option<PendingEffect>, AppError> {
        let objects = parts.into_iter().flat_map(|part| part.objects).collect();
        self.intend_erasing(unit, draft, objects, now)
    }

    /// Intends to erase objects of a draft; nothing when there are none.
    pub(super) fn intend_erasing(
        &self,
        unit: &mut UnitOfWork,
        draft: DraftId,
        objects: Vec<ObjectLocator>,
        now: Timestamp,
    ) -> Result<Option<PendingEffect>, AppError> {
        if objects.is_empty() {
            return Ok(None);
        }
        self.intend(unit, Effect::EraseObjects { of: ErasureOf::Draft(draft), objects }, now).map(Some)
    }

    /// Forgets what is of no use any more: proofs, sessions, recognised repeats, states of old mails.
    async fn forget(&self, now: Timestamp) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        let proofs: Vec<(AddressProof, u64)> =
            self.read_list(&List::ProofsAskedBefore(now - PROOF_LIFE - Millis::hours(1)), BATCH).await?;
        for (proof, _) in proofs {
            unit.delete(Key::Proof(proof.id));
        }
        let links: Vec<(AccountLink, u64)> =
            self.read_list(&List::AccountLinksEndedBefore(now), BATCH).await?;
        for (link, _) in links {
            unit.delete(Key::AccountLink(link.token));
        }
        let sessions: Vec<(Session, u64)> =
            self.read_list(&List::SessionsBegunBefore(now - SESSION_LIFE), BATCH).await?;
        for (session, _) in sessions {
            unit.delete(Key::Session(session.token));
        }
        let recoveries: Vec<(RecoveryRequest, u64)> = self.read_list(&List::RecoveryRequests, BATCH).await?;
        for (request, _) in recoveries.into_iter().filter(|(request, _)| request.is_over(now)) {
            unit.delete(Key::RecoveryRequest(request.id));
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
        let promised_before = List::ReceiptsPromisedBefore(now - RECEIPT_RECORD_LIFE);
        let receipts: Vec<(DepositReceipt, u64)> = self.read_list(&promised_before, BATCH).await?;
        for (receipt, _) in receipts {
            unit.delete(Key::Receipt(receipt.transfer));
        }
        let begun_before = List::ApiDepositsBegunBefore(now - API_DEPOSIT_LIFE);
        let deposits: Vec<(ApiDeposit, u64)> = self.read_list(&begun_before, BATCH).await?;
        for (deposit, _) in deposits {
            unit.delete(Key::ApiDeposit((deposit.client, deposit.draft)));
        }
        self.forget_link_sessions(&mut unit, now, BATCH).await?;
        let sent_before = List::SentEndedBefore(now - SENT_LINE_LIFE);
        let sent: Vec<(SentLine, u64)> = self.read_list(&sent_before, BATCH).await?;
        for (line, _) in sent {
            unit.delete(Key::Sent(line.transfer));
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
