//! Signed receipts (D9): promised in the commit of a deposit, proved by the next checkpoint, carried by the
//! acknowledgement, verified by anybody. The acknowledgement waits for its proof, but never longer than
//! [`RECEIPT_WAIT`]; then it leaves with the promise alone.
//!
//! | after | a crash leaves | who finishes |
//! | --- | --- | --- |
//! | the deposit's commit | the promise, and the acknowledgement due at the end of its wait | the next checkpoint |
//! | the checkpoint | the same, and a checkpoint that signs for the entry | the next run |
//! | the proof's commit | the proof, and the acknowledgement due now | |

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::ports::{DepositReceipt, Key, List, StoredCheckpoint, UnitOfWork};
use super::{App, AppError, ProofError, Visitor, event};
use crate::audit::{
    Action, Actor, FileSalt, LogProof, Object, Origin, Outcome, Promise, Receipt, ReceiptError,
    RefusalReason, Selection, VerifiedReceipt,
};
use crate::mailbox::Mailbox;
use crate::relay::queue::{MailState, QueuedMail};
use crate::retention::KeyName;
use crate::transfer::{RegisterLine, Route, Transfer};
use crate::value::{Digest, MailId, Millis, Reference, Timestamp, TransferId};
use crate::vault::PartRole;

/// How long an acknowledgement waits for the proof at most. A checkpoint follows a deposit within five seconds.
pub(super) const RECEIPT_WAIT: Millis = Millis::seconds(15);
/// How long a receipt is kept for its mail's sake, like the state of the mail itself.
pub(super) const RECEIPT_RECORD_LIFE: Millis = Millis::days(30);
/// How many receipts one run proves.
const BATCH: usize = 500;
/// How many receipts one commit proves.
const PROVED_AT_ONCE: usize = 50;
/// How many places of deposits are remembered until their receipts are proved; others are searched in the log.
const PLACES_MAX: usize = 10_000;
/// How many entries of a transfer are looked at for the one that tells of the deposit.
const ENTRIES_MAX: usize = 10;

/// A receipt that was shown to the gateway that gave it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct CheckedReceipt {
    /// What it says.
    pub receipt: VerifiedReceipt,
    /// Whether the log still has that entry at that place; none when the receipt carries no proof.
    pub still_there: Option<bool>,
    /// Whether a file that was asked about is one of those deposited; none when none was asked about.
    pub holds_file: Option<bool>,
}

/// A file that somebody asks a receipt about.
#[derive(Debug, Clone, Copy)]
pub struct AskedFile {
    /// The salt that the depositor was shown.
    pub salt: FileSalt,
    /// SHA-256 of the file.
    pub digest: Digest,
}

/// What a promise is made of, beside the transfer itself.
pub(super) struct Promising<'a> {
    pub transfer: &'a Transfer,
    pub mailbox: &'a Mailbox,
    /// The part of the organisation in page addresses.
    pub organisation: &'a str,
    /// Role and SHA-256 of each part, in order.
    pub parts: &'a [(PartRole, Digest)],
    /// The leaf hash of the deposit's entry.
    pub leaf: Digest,
    /// The acknowledgement.
    pub mail: MailId,
}

/// Where the entries of deposits stand whose receipts wait for their proof: what this process committed, so that it
/// need not search the log for it.
#[derive(Default)]
pub(super) struct DepositPlaces(Mutex<HashMap<TransferId, u64>>);

impl DepositPlaces {
    fn places(&self) -> MutexGuard<'_, HashMap<TransferId, u64>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn note(&self, transfer: TransferId, place: u64) {
        let mut places = self.places();
        if places.len() < PLACES_MAX {
            places.insert(transfer, place);
        }
    }

    fn of(&self, transfer: TransferId) -> Option<u64> {
        self.places().get(&transfer).copied()
    }

    fn forget(&self, transfers: impl Iterator<Item = TransferId>) {
        let mut places = self.places();
        transfers.for_each(|transfer| {
            places.remove(&transfer);
        });
    }
}

impl App {
    /// Waits until a commit has promised a receipt, or asks for a checkpoint otherwise.
    pub async fn receipt_waits(&self) {
        self.receipt_waits.notified().await;
    }

    /// Tells the receipts' job that there is work; called after the commit.
    pub(super) fn wake_receipts(&self) {
        self.receipt_waits.notify_one();
    }

    /// Puts the signed promise of a deposit into its unit of work.
    pub(super) fn promise(&self, unit: &mut UnitOfWork, promising: &Promising<'_>) -> Result<(), AppError> {
        let transfer = promising.transfer;
        let salt = FileSalt::new(self.random.bytes());
        let files =
            promising.parts.iter().filter(|(role, _)| !matches!(role, PartRole::Message | PartRole::Form));
        let files: Vec<Digest> = files.map(|(_, digest)| salt.digest(digest)).collect();
        let promise = Promise {
            reference: transfer.reference.clone(),
            mailbox: format!("{}/{}", promising.organisation, promising.mailbox.slug),
            received_at: transfer.received_at,
            file_count: files.len() as u64,
            files,
            leaf: promising.leaf,
        };
        let note = promise.sign(self.log_signer()?).map_err(|_| AppError::Broken("promise"))?;
        let salt_day = transfer.received_at.day();
        let key = self.shared_sealing_key(&self.keyring.recipient(KeyName::Draft(salt_day))?)?;
        unit.put(DepositReceipt {
            transfer: transfer.id,
            mail: promising.mail,
            promised_at: transfer.received_at,
            promise: note.to_string(),
            salt: key.seal(salt.as_bytes())?,
            salt_day,
            proof: None,
        });
        Ok(())
    }

    /// Proves the receipts that the newest checkpoint signs for, and lets their acknowledgements leave. Returns how many.
    pub async fn prove_receipts(&self) -> Result<usize, AppError> {
        let mut count = 0;
        loop {
            let proved = self.prove_some_receipts().await?;
            count += proved;
            // A full batch may not have been all of them: nobody else wakes the job for the others.
            if proved < BATCH {
                return Ok(count);
            }
        }
    }

    async fn prove_some_receipts(&self) -> Result<usize, AppError> {
        let waiting: Vec<(DepositReceipt, u64)> = self.read_list(&List::ReceiptsWithoutProof, BATCH).await?;
        if waiting.is_empty() {
            return Ok(0);
        }
        let Some(checkpoint) = self.newest_checkpoint().await? else { return Ok(0) };
        let proved = self.with_proofs(waiting, &checkpoint).await?;
        let mut count = 0;
        for some in proved.chunks(PROVED_AT_ONCE) {
            match self.store_proofs(some).await {
                // An acknowledgement was delivered at this very moment: the others do not wait for it.
                Err(error) if error.is_conflict() => {
                    for one in some.chunks(1) {
                        match self.store_proofs(one).await {
                            // The next run stores this one.
                            Err(error) if error.is_conflict() => {}
                            outcome => count += outcome.map(|()| 1)?,
                        }
                    }
                }
                outcome => count += outcome.map(|()| some.len())?,
            }
        }
        if count > 0 {
            self.wake_delivery();
        }
        Ok(count)
    }

    /// Those receipts that a checkpoint signs for, with their proofs. The proofs have most of their hashes in common.
    async fn with_proofs(
        &self,
        waiting: Vec<(DepositReceipt, u64)>,
        checkpoint: &StoredCheckpoint,
    ) -> Result<Vec<(DepositReceipt, u64)>, AppError> {
        let (mut receipts, mut places) = (Vec::new(), Vec::new());
        for (receipt, version) in waiting {
            if let Some(place) = self.entry_of(&receipt).await?.filter(|place| *place < checkpoint.size) {
                receipts.push((receipt, version));
                places.push(place);
            }
        }
        let proofs = self.inclusion_proofs(&places, checkpoint.size).await;
        let proofs = proofs.map_err(|error| match error {
            ProofError::Fault(fault) => fault,
            _ => AppError::Broken("proof of a receipt"),
        })?;
        for (((receipt, _), index), hashes) in receipts.iter_mut().zip(places).zip(proofs) {
            receipt.proof = Some(LogProof { index, hashes, checkpoint: checkpoint.note.clone() });
        }
        Ok(receipts)
    }

    /// Commits receipts with their proofs; their acknowledgements are due from then on.
    async fn store_proofs(&self, proved: &[(DepositReceipt, u64)]) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        for (receipt, version) in proved {
            unit.expect_unchanged(Key::Receipt(receipt.transfer), *version);
            let mail: Option<(QueuedMail, u64)> = self.read(&Key::Mail(receipt.mail)).await?;
            if let Some((mut mail, version)) = mail
                && mail.tries == 0
                && let MailState::Queued { next_try_at, .. } = &mut mail.state
            {
                *next_try_at = mail.written_at;
                unit.expect_unchanged(Key::Mail(mail.id), version);
                unit.put(mail);
            }
            unit.put(receipt.clone());
        }
        self.store.commit(unit).await?;
        self.deposit_places.forget(proved.iter().map(|(receipt, _)| receipt.transfer));
        Ok(())
    }

    /// Commits a unit that releases a deposit, and remembers where its entry stands for the receipt.
    pub(super) async fn commit_release(
        &self,
        transfer: TransferId,
        unit: UnitOfWork,
    ) -> Result<(), AppError> {
        let tells = |action| matches!(action, Action::DepositSent | Action::MailReceived);
        let offset = (0..).zip(&unit.entries).find(|(_, entry)| tells(entry.event.action));
        let offset: Option<u64> = offset.map(|(offset, _)| offset);
        let committed = self.store.commit(unit).await?;
        if let Some(offset) = offset {
            self.deposit_places.note(transfer, committed.first_entry + offset);
        }
        Ok(())
    }

    /// The place of the entry that a receipt promises.
    async fn entry_of(&self, receipt: &DepositReceipt) -> Result<Option<u64>, AppError> {
        if let Some(place) = self.deposit_places.of(receipt.transfer) {
            return Ok(Some(place));
        }
        let promise = self.own_promise(&receipt.promise)?;
        for action in [Action::DepositSent, Action::MailReceived] {
            let deposit =
                Selection { transfer: Some(receipt.transfer), actions: vec![action], ..Selection::default() };
            let entries = self.store.entries(&deposit, ENTRIES_MAX).await?;
            if let Some((index, _)) = entries.into_iter().find(|(_, entry)| entry.leaf() == promise.leaf) {
                return Ok(Some(index));
            }
        }
        Ok(None)
    }

    fn own_promise(&self, note: &str) -> Result<Promise, AppError> {
        Promise::open(note, &self.log_key()?).map_err(|_| AppError::Broken("stored promise"))
    }

    /// The receipt of a deposit as it stands now; none once it is forgotten.
    pub async fn receipt_of(&self, transfer: TransferId) -> Result<Option<Receipt>, AppError> {
        let found: Option<(DepositReceipt, u64)> = self.read(&Key::Receipt(transfer)).await?;
        Ok(found.map(|(receipt, _)| Receipt { promise: receipt.promise, proof: receipt.proof }))
    }

    /// The salt of a receipt's digests, for the depositor's own page; none when its key is gone, a week after.
    pub async fn receipt_salt(&self, transfer: TransferId) -> Result<Option<FileSalt>, AppError> {
        let found: Option<(DepositReceipt, u64)> = self.read(&Key::Receipt(transfer)).await?;
        let Some((receipt, _)) = found else { return Ok(None) };
        let opened = match self.open_with(KeyName::Draft(receipt.salt_day), &receipt.salt) {
            Ok(opened) => opened,
            Err(AppError::Keyring(super::ports::KeyringError::NoKey(_))) => return Ok(None),
            Err(error) => return Err(error),
        };
        let bytes = opened.expose().try_into().map_err(|_| AppError::Broken("receipt salt"))?;
        Ok(Some(FileSalt::new(bytes)))
    }

    /// The salt of the receipt with this reference, for an operator whom a depositor by mail asked: a deposit by mail has
    /// no page that could show it, and the mail must not. Logged.
    pub async fn tell_receipt_salt(
        &self,
        reference: &Reference,
        actor: Actor,
        origin: Origin,
    ) -> Result<Option<FileSalt>, AppError> {
        let Some((transfer, object)) = self.transfer_by_reference(reference).await? else { return Ok(None) };
        let salt = self.receipt_salt(transfer).await?;
        let outcome = match salt {
            Some(_) => Outcome::Done,
            None => Outcome::Refused(RefusalReason::NotFound),
        };
        self.log_alone(event(self.now().at, actor, Action::ReceiptSaltTold, object, outcome, origin)).await?;
        Ok(salt)
    }

    /// The transfer with a reference, live or ended.
    pub(super) async fn transfer_by_reference(
        &self,
        reference: &Reference,
    ) -> Result<Option<(TransferId, Object)>, AppError> {
        let live: Option<(Transfer, u64)> =
            self.read_one(&List::TransferByReference(reference.clone())).await?;
        if let Some((found, _)) = live {
            return Ok(Some((found.id, Object::Transfer { transfer: found.id, mailbox: found.mailbox })));
        }
        let ended: Option<(RegisterLine, u64)> =
            self.read_one(&List::RegisterByReference(reference.clone())).await?;
        Ok(ended.map(|(found, _)| {
            (found.transfer, Object::Transfer { transfer: found.transfer, mailbox: found.mailbox })
        }))
    }

    /// Verifies a receipt that a visitor shows, as anybody could offline, and looks whether the log still has its entry.
    /// Nothing is told that the receipt does not hold already. Logged, without the visitor's text.
    pub async fn check_receipt(
        &self,
        text: &str,
        asked: Option<AskedFile>,
        visitor: Visitor,
    ) -> Result<Result<CheckedReceipt, ReceiptError>, AppError> {
        let key = self.log_key()?;
        let verified = Receipt::parse(text).and_then(|receipt| receipt.verify(&key));
        let outcome = match &verified {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Refused(RefusalReason::ReceiptFalse),
        };
        let action = Action::ReceiptVerified;
        let told = event(self.now().at, Actor::Anonymous, action, Object::Log, outcome, visitor.web());
        self.log_alone(told).await?;
        let receipt = match verified {
            Ok(receipt) => receipt,
            Err(error) => return Ok(Err(error)),
        };
        let still_there = match receipt.proved {
            Some(proved) => {
                let leaves = self.store.leaves(proved.index, 1).await?;
                Some(leaves.first().is_some_and(|leaf| leaf.leaf == receipt.promise.leaf))
            }
            None => None,
        };
        let holds_file = asked.map(|file| receipt.promise.holds(&file.salt, &file.digest));
        Ok(Ok(CheckedReceipt { receipt, still_there, holds_file }))
    }
}

/// When an acknowledgement leaves without its proof.
pub(super) fn leaves_at_last(written_at: Timestamp) -> Timestamp {
    written_at + RECEIPT_WAIT
}

/// The action that tells of a transfer's release.
pub(super) const fn action_of(route: Route) -> Action {
    match route {
        Route::Page | Route::Api => Action::DepositSent,
        Route::Mail => Action::MailReceived,
        Route::Answer | Route::Composed => Action::TransferComposed,
    }
}
