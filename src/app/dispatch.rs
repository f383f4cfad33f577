//! Dispatches a case to another mailbox (T4): a grant is added, no data is copied, and it ends with its transfer. Who
//! deposited stays visible to every later holder; a note goes along, sealed to the transfer's own key. Refused into weaker
//! custody unless the policy in force allows it.

use thiserror::Error;

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, OpenedTransfer, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::Account;
use crate::mailbox::Mailbox;
use crate::transfer::{Dispatch, Step, Transfer};
use crate::value::{MailAddress, MailboxId, Reference, SecretBytes, Timestamp};
use crate::vault::{open, seal};

/// To how many mailboxes one transfer may go.
const DISPATCHES_MAX: usize = 100;
/// Bytes of a note that goes along.
pub const NOTE_MAX_BYTES: usize = 4000;
/// How many accounts are looked through for whom a copy can go to.
const ACCOUNTS_MAX: usize = 10_000;

/// Where a case is dispatched to.
#[derive(Debug)]
pub struct DispatchOrder {
    /// The mailbox that is to treat it.
    pub to: MailboxId,
    /// A member of that mailbox who is told by name.
    pub copy_to: Option<MailAddress>,
    /// What is said along with it; empty when nothing is.
    pub note: SecretBytes,
}

impl From<MailboxId> for DispatchOrder {
    fn from(to: MailboxId) -> Self {
        Self { to, copy_to: None, note: SecretBytes::default() }
    }
}

/// A mailbox that a case can be dispatched to.
#[derive(Debug)]
pub struct DispatchTarget {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its content is less protected than where the case is, and the policy in force does not allow that.
    pub is_too_weak: bool,
    /// Who can be told by name: name and address of its members.
    pub members: Vec<(String, String)>,
}

/// A stage of a case's way through the mailboxes.
#[derive(Debug)]
pub struct DispatchStage {
    /// The mailbox that had it.
    pub from: String,
    /// The mailbox that got it.
    pub to: String,
    /// Who dispatched it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Who was told by name.
    pub copy_to: Option<String>,
    /// A note went along.
    pub has_note: bool,
}

/// Why a case is not dispatched.
#[derive(Debug, Error)]
pub enum DispatchError {
    /// The person may not open the transfer, or not now.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// There is no such mailbox of the organisation.
    #[error("there is no such mailbox")]
    NoSuchMailbox,
    /// The mailbox has it already.
    #[error("the mailbox has the transfer already")]
    AlreadyThere,
    /// The content would be less protected there than here; the policy in force does not allow it.
    #[error("the mailbox is less protected than the one that has the transfer")]
    WeakerCustody,
    /// The copy is for somebody who is no member of that mailbox.
    #[error("the person is no member of the mailbox")]
    NotItsMember,
    /// The note is too long.
    #[error("a note has {limit} bytes at most, not {actual}")]
    NoteTooLong {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// It went to too many mailboxes.
    #[error("a transfer goes to {limit} mailboxes at most")]
    TooMany {
        /// How many are allowed.
        limit: usize,
    },
}

impl From<AppError> for DispatchError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
}

impl DispatchError {
    /// The rule that the log names; none for a fault of ours, or where the refusal is logged already.
    const fn reason(&self) -> Option<RefusalReason> {
        match self {
            Self::Open(OpenError::NotAdmitted) => Some(RefusalReason::NotAdmitted),
            Self::Open(OpenError::Locked) => Some(RefusalReason::KeyLocked),
            Self::Open(_) => None,
            Self::NoSuchMailbox => Some(RefusalReason::NotFound),
            Self::AlreadyThere => Some(RefusalReason::PolicyDenied),
            Self::WeakerCustody => Some(RefusalReason::CustodyWeaker),
            Self::NotItsMember => Some(RefusalReason::NotEntitled),
            Self::NoteTooLong { .. } => Some(RefusalReason::TooLarge),
            Self::TooMany { .. } => Some(RefusalReason::TooMany),
        }
    }
}

impl App {
    /// Dispatches a transfer that the person may open to another mailbox of the same organisation, and tells that one.
    pub async fn dispatch(
        &self,
        signed: &Signed,
        reference: &Reference,
        order: &DispatchOrder,
        visitor: Visitor,
    ) -> Result<(), DispatchError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_dispatch(signed, reference, order, visitor).await {
                Err(DispatchError::Open(OpenError::Fault(error))) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn try_dispatch(
        &self,
        signed: &Signed,
        reference: &Reference,
        order: &DispatchOrder,
        visitor: Visitor,
    ) -> Result<(), DispatchError> {
        let to = order.to;
        let permitted = self.permitted(Some(signed), reference, visitor).await?;
        let transfer = permitted.subject();
        let from = self.holder_for(signed, transfer).await?.ok_or(OpenError::NotEntitled)?;
        let object = Object::Dispatch { transfer: transfer.id, from: from.id, to };
        let told = |outcome| {
            let actor = Actor::Person(signed.account.person);
            let told =
                event(self.now().at, actor, Action::TransferDispatched, object, outcome, visitor.web());
            told.under(self.policies.load().digest).concerning(transfer.depositor.partner)
        };
        let judged = async {
            let (target, version) = self.target_of(transfer, &from, to).await?;
            let copy_to = self.copy_of(order, &target).await?;
            let identity = self.transfer_identity(Some(signed), &permitted, &from).await?;
            Ok::<_, DispatchError>((target, version, copy_to, identity))
        };
        let (target, target_version, copy_to, identity) = match judged.await {
            Ok(judged) => judged,
            Err(error) => {
                if let Some(reason) = error.reason() {
                    self.log_alone(told(Outcome::Refused(reason))).await?;
                }
                return Err(error);
            }
        };
        // The transfer as it is now: a download may have noted its first opening meanwhile.
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(transfer.id)).await?;
        let (mut transfer, version) = found.ok_or(OpenError::Gone)?;
        let at = self.believed_now()?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Transfer(transfer.id), version);
        unit.expect_unchanged(Key::Mailbox(target.id), target_version);
        unit.expect_absent(Key::Grant((transfer.id, target.id)));
        unit.put(self.grant(&transfer, &identity, &target)?);
        let note = match order.note.expose() {
            [] => None,
            note => Some(seal(&identity.recipient(), note).map_err(AppError::from)?),
        };
        let by = signed.account.id;
        let copied = copy_to.as_ref().map(|account| account.id);
        transfer.dispatches.push(Dispatch { from: from.id, to, by, at, copy_to: copied, note });
        transfer.case = transfer.case.dispatched(Step { at, by });
        self.log(&mut unit, told(Outcome::Done))?;
        self.notify_holder(&mut unit, &transfer, &target, at, visitor.web()).await?;
        if let Some(account) = copy_to {
            // The same notice, to the person: it opens nothing without signing in.
            let person = Mailbox { notice_address: account.address, ..target };
            self.notify_holder(&mut unit, &transfer, &person, at, visitor.web()).await?;
        }
        unit.put(transfer);
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        Ok(())
    }

    /// Whom a copy goes to: somebody who reads the mailbox by right of its own.
    async fn copy_of(
        &self,
        order: &DispatchOrder,
        target: &Mailbox,
    ) -> Result<Option<Account>, DispatchError> {
        let actual = order.note.expose().len();
        if actual > NOTE_MAX_BYTES {
            return Err(DispatchError::NoteTooLong { limit: NOTE_MAX_BYTES, actual });
        }
        let Some(address) = &order.copy_to else { return Ok(None) };
        let found: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address.clone())).await?;
        let member = found.map(|(account, _)| account).filter(|account| account.reads(target.id));
        member.map(Some).ok_or(DispatchError::NotItsMember)
    }

    /// The mailboxes of the organisation that do not have the transfer yet, by name, for who holds it in `holder`.
    pub async fn dispatch_targets(
        &self,
        transfer: &Transfer,
        holder: &Mailbox,
    ) -> Result<Vec<DispatchTarget>, AppError> {
        let allowed = self.policies.load().custody.allows_weaker_dispatch();
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let mailboxes = self.mailboxes().await?.into_iter().filter(|mailbox| {
            mailbox.organisation == holder.organisation && transfer.holders().all(|id| id != mailbox.id)
        });
        let mut targets: Vec<DispatchTarget> = mailboxes
            .map(|mailbox| {
                let members = accounts.iter().filter(|(account, _)| account.reads(mailbox.id));
                DispatchTarget {
                    is_too_weak: !allowed && holder.key.custody.is_weakened_by(mailbox.key.custody),
                    members: members
                        .map(|(account, _)| (account.name.clone(), account.address.to_string()))
                        .collect(),
                    mailbox,
                }
            })
            .collect();
        targets.sort_by(|one, other| one.mailbox.name.cmp(&other.mailbox.name));
        Ok(targets)
    }

    /// The way of a case through the mailboxes, for who may see its envelope.
    pub async fn dispatch_stages(&self, transfer: &Transfer) -> Result<Vec<DispatchStage>, AppError> {
        let mut stages = Vec::with_capacity(transfer.dispatches.len());
        for dispatch in &transfer.dispatches {
            let copy_to = match dispatch.copy_to {
                Some(account) => Some(self.name_of_account(account).await?),
                None => None,
            };
            stages.push(DispatchStage {
                from: self.name_of_mailbox(dispatch.from).await?,
                to: self.name_of_mailbox(dispatch.to).await?,
                by: self.name_of_account(dispatch.by).await?,
                at: dispatch.at,
                copy_to,
                has_note: dispatch.note.is_some(),
            });
        }
        Ok(stages)
    }

    /// The notes that went along, in the order of the dispatches; none where there was none.
    pub fn dispatch_notes(&self, opened: &OpenedTransfer) -> Result<Vec<Option<SecretBytes>>, AppError> {
        let notes = opened.transfer.dispatches.iter().map(|dispatch| dispatch.note.as_ref());
        let notes = notes.map(|note| note.map(|note| open(opened.identity(), note)).transpose());
        Ok(notes.collect::<Result<_, _>>()?)
    }

    /// The name of a mailbox; empty when it is gone.
    pub(super) async fn name_of_mailbox(&self, id: MailboxId) -> Result<String, AppError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
        Ok(found.map(|(mailbox, _)| mailbox.name).unwrap_or_default())
    }

    /// The mailbox to dispatch to, its key checked against the log.
    async fn target_of(
        &self,
        transfer: &Transfer,
        from: &Mailbox,
        to: MailboxId,
    ) -> Result<(Mailbox, u64), DispatchError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(to)).await?;
        let known = found.filter(|(mailbox, _)| mailbox.organisation == from.organisation);
        let (target, version) = known.ok_or(DispatchError::NoSuchMailbox)?;
        if transfer.holders().any(|holder| holder == to) {
            return Err(DispatchError::AlreadyThere);
        }
        if transfer.dispatches.len() >= DISPATCHES_MAX {
            return Err(DispatchError::TooMany { limit: DISPATCHES_MAX });
        }
        let weaker = from.key.custody.is_weakened_by(target.key.custody);
        if weaker && !self.policies.load().custody.allows_weaker_dispatch() {
            return Err(DispatchError::WeakerCustody);
        }
        self.check_mailbox_key(&target).await?;
        Ok((target, version))
    }
}
