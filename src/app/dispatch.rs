//! Dispatches a case to another mailbox (T4): a grant is added, no data is copied, and it ends with its transfer. Who
//! deposited stays visible to every later holder. Refused into weaker custody unless the policy in force allows it.

use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::mailbox::Mailbox;
use crate::transfer::{Dispatch, Transfer};
use crate::value::{MailboxId, Reference};

/// To how many mailboxes one transfer may go.
const DISPATCHES_MAX: usize = 100;

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
        to: MailboxId,
        visitor: Visitor,
    ) -> Result<(), DispatchError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_dispatch(signed, reference, to, visitor).await {
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
        to: MailboxId,
        visitor: Visitor,
    ) -> Result<(), DispatchError> {
        let permitted = self.permitted(Some(signed), reference, visitor).await?;
        let transfer = permitted.subject();
        let from = self.holder_for(signed, transfer).await?.ok_or(OpenError::NotEntitled)?;
        let object = Object::Dispatch { transfer: transfer.id, from: from.id, to };
        let told = |outcome| {
            let actor = Actor::Person(signed.account.person);
            let told =
                event(self.now().at, actor, Action::TransferDispatched, object, outcome, visitor.web());
            told.under(self.policies.load().digest)
        };
        let judged = async {
            let target = self.target_of(transfer, &from, to).await?;
            let identity = self.transfer_identity(Some(signed), &permitted, &from).await?;
            Ok::<_, DispatchError>((target, identity))
        };
        let ((target, target_version), identity) = match judged.await {
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
        let now = self.believed_now()?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Transfer(transfer.id), version);
        unit.expect_unchanged(Key::Mailbox(target.id), target_version);
        unit.expect_absent(Key::Grant((transfer.id, target.id)));
        unit.put(self.grant(&transfer, &identity, &target)?);
        transfer.dispatches.push(Dispatch { from: from.id, to, by: signed.account.id, at: now });
        self.log(&mut unit, told(Outcome::Done))?;
        self.notify_holder(&mut unit, &transfer, &target, now, visitor.web()).await?;
        unit.put(transfer);
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        Ok(())
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
