//! What a deposit is sealed with, and what becomes known when something sealed is not what was sealed: the officer must
//! see it (invariant 2).

use super::open_transfer::OpenedTransfer;
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, FailureReason, Object, Outcome};
use crate::transfer::Draft;
use crate::vault::{Identity, SealingKey, VaultError};

impl App {
    /// A key that seals for a draft. The recipient stands in a record: it must be that of the identity which the draft's
    /// own wrap holds, or what is deposited would be sealed for whoever wrote it there.
    pub(super) async fn draft_sealing_key(
        &self,
        draft: &Draft,
        identity: &Identity,
        visitor: Visitor,
    ) -> Result<SealingKey, AppError> {
        if identity.opens_for(&draft.recipient) {
            return Ok(SealingKey::new(&draft.recipient)?);
        }
        let (actor, object) = (Actor::Person(draft.person), Object::Draft(draft.id));
        let outcome = Outcome::Failed(FailureReason::SealDamaged);
        self.log_alone(event(self.now().at, actor, Action::FileSealed, object, outcome, visitor.web()))
            .await?;
        Err(VaultError::Swapped.into())
    }

    /// Passes an outcome on; when something sealed was not what was sealed, after telling the log.
    pub(super) async fn told_of_damage<T>(
        &self,
        opened: &OpenedTransfer,
        object: Object,
        outcome: Result<T, AppError>,
    ) -> Result<T, AppError> {
        if let Err(AppError::Vault(error)) = &outcome
            && error.is_damage()
        {
            let failed = Outcome::Failed(FailureReason::SealDamaged);
            let (actor, visitor) = opened.reader();
            let told = event(self.now().at, actor, Action::TransferOpened, object, failed, visitor.web());
            self.log_alone(told).await?;
        }
        outcome
    }
}
