//! Withdraws what was sent, at once (V4): its grants, its links and its sealed files go as at expiry, and a download that is
//! under way is cut at its next piece.

use thiserror::Error;

use super::ports::{Key, List};
use super::{App, AppError, CONFLICT_TRIES, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::transfer::{Ending, Transfer};
use crate::value::Reference;

/// Why something is not withdrawn.
#[derive(Debug, Error)]
pub enum RevokeError {
    /// The person may not open the transfer, or not now.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The mailbox received it: whoever sent it withdraws it.
    #[error("the mailbox did not send the transfer")]
    NotSentHere,
}

impl From<AppError> for RevokeError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
}

/// Who ends a transfer before its time.
pub(super) struct Ender {
    pub actor: Actor,
    pub origin: Origin,
}

impl App {
    /// Withdraws a transfer that the person's mailbox sent. Any member may: who sent it may be away.
    pub async fn revoke(
        &self,
        signed: &Signed,
        reference: &Reference,
        visitor: Visitor,
    ) -> Result<(), RevokeError> {
        let by = Ender { actor: Actor::Person(signed.account.person), origin: visitor.web() };
        for _ in 0..CONFLICT_TRIES {
            let permitted = self.permitted(Some(signed), reference, visitor).await?;
            let transfer = permitted.subject();
            if transfer.outgoing.is_none() {
                let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
                let outcome = Outcome::Refused(RefusalReason::NotEntitled);
                let (at, action) = (self.now().at, Action::TransferRevoked);
                self.log_alone(event(at, by.actor, action, object, outcome, by.origin)).await?;
                return Err(RevokeError::NotSentHere);
            }
            match self.revoke_now(transfer.id, &by).await {
                Err(error) if error.is_conflict() => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(AppError::Contended.into())
    }

    /// Ends a transfer at this moment, whoever may.
    pub(super) async fn revoke_now(
        &self,
        transfer: crate::value::TransferId,
        by: &Ender,
    ) -> Result<(), AppError> {
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(transfer)).await?;
        let Some((transfer, version)) = found else { return Ok(()) };
        let id = transfer.id;
        self.end_transfer(transfer, version, Ending::Revoked, by, self.believed_now()?).await?;
        // Only now: what was not committed is not withdrawn.
        self.note_ended(id);
        Ok(())
    }

    /// How many links of a transfer were opened, with the keys of all of them.
    pub(super) async fn links_of(
        &self,
        transfer: &Transfer,
    ) -> Result<Vec<(crate::identity::RecipientLink, u64)>, AppError> {
        if transfer.outgoing.is_none() {
            return Ok(Vec::new());
        }
        self.read_list(&List::LinksOf(transfer.id), super::links::LINKS_MAX).await
    }
}
