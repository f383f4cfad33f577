//! What agents do to a case besides reading it: take it in charge by name, give it back, mark it as treated, take it up
//! again (T2, T5). Rights are asked at each step; each step, and each refusal, is an event. Answers are other use cases',
//! which change the case by the same record.

use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::transfer::{Case, CaseRefusal, Step, Transfer};
use crate::value::{AccountId, Reference};

/// A step of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseChange {
    /// The person takes it in charge; from somebody, when the page said whose it is.
    Take {
        /// Who had it, as the person saw.
        from: Option<AccountId>,
    },
    /// Nobody has it in charge any more.
    Release,
    /// Nothing is left to do.
    Treat,
    /// Something is left to do after all.
    Reopen,
}

impl CaseChange {
    const fn action(self) -> Action {
        match self {
            Self::Take { .. } => Action::TransferTakenInCharge,
            Self::Release => Action::TransferReleasedFromCharge,
            Self::Treat => Action::TransferTreated,
            Self::Reopen => Action::TransferReopened,
        }
    }

    fn of(self, case: Case, step: Step) -> Result<Case, CaseRefusal> {
        match self {
            Self::Take { from } => case.take(step, from),
            Self::Release => case.release(),
            Self::Treat => case.treat(step),
            Self::Reopen => case.reopen(step),
        }
    }
}

/// Why a step is not taken.
#[derive(Debug, Error)]
pub enum CaseError {
    /// The person may not see the transfer, or not now.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Somebody else has it in charge.
    #[error("the case is in somebody's charge")]
    InCharge {
        /// Who.
        by: AccountId,
    },
    /// The case is not in a state for this: somebody was quicker.
    #[error("the case is not in a state for this")]
    NotFitting,
}

impl From<AppError> for CaseError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
}

impl App {
    /// Changes the case of a transfer that the person may read.
    pub async fn change_case(
        &self,
        signed: &Signed,
        reference: &Reference,
        change: CaseChange,
        visitor: Visitor,
    ) -> Result<(), CaseError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_change_case(signed, reference, change, visitor).await {
                Err(CaseError::Open(OpenError::Fault(error))) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn try_change_case(
        &self,
        signed: &Signed,
        reference: &Reference,
        change: CaseChange,
        visitor: Visitor,
    ) -> Result<(), CaseError> {
        let permitted = self.permitted(Some(signed), reference, visitor).await?;
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(permitted.subject().id)).await?;
        let (mut transfer, version) = found.ok_or(OpenError::Gone)?;
        let now = self.believed_now()?;
        let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.current_holder() };
        let told = |outcome| {
            let actor = Actor::Person(signed.account.person);
            let told = event(now, actor, change.action(), object, outcome, visitor.web());
            told.concerning(transfer.depositor.partner)
        };
        let (done, step) = (told(Outcome::Done), Step { at: now, by: signed.account.id });
        match change.of(std::mem::take(&mut transfer.case), step) {
            Ok(case) => transfer.case = case,
            Err(refusal) => {
                let (reason, error) = match refusal {
                    CaseRefusal::InCharge { by } => (RefusalReason::CaseInCharge, CaseError::InCharge { by }),
                    CaseRefusal::NotFitting => (RefusalReason::StateNotFitting, CaseError::NotFitting),
                };
                self.log_alone(told(Outcome::Refused(reason))).await?;
                return Err(error);
            }
        }
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Transfer(transfer.id), version);
        self.log(&mut unit, done)?;
        unit.put(transfer);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }
}
