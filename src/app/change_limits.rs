//! Sets what a deposit into a mailbox may be. From the commit on the new limits hold for whoever sends: drafts that are
//! open too, which read them with each request and once more when they are sent.

use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, RefusalReason};
use crate::mailbox::{LimitsChange, LimitsError, Mailbox};
use crate::value::MailboxId;

/// Why limits stay as they are.
#[derive(Debug, Error)]
pub enum LimitsRefusal {
    /// They make no sense; the operator asks for others.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Changes the limits of a mailbox; the event tells them all, as they are from now on.
    pub async fn change_limits(
        &self,
        mailbox: MailboxId,
        change: LimitsChange,
        origin: Origin,
    ) -> Result<Mailbox, LimitsRefusal> {
        for _ in 0..CONFLICT_TRIES {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
            let (mut mailbox, version) = found.ok_or(AppError::Broken("mailbox whose limits are changed"))?;
            let told = |outcome| {
                let object = Object::Mailbox(mailbox.id);
                event(self.now().at, Actor::Operator, Action::MailboxChanged, object, outcome, origin)
            };
            let limits = match mailbox.limits.changed(change) {
                Ok(limits) => limits,
                Err(error) => {
                    self.log_alone(told(Outcome::Refused(RefusalReason::PolicyDenied))).await?;
                    return Err(error.into());
                }
            };
            let detail = Detail::Limits {
                file: limits.file,
                deposit: limits.deposit,
                files: limits.files,
                hourly: limits.hourly,
            };
            let mut unit = UnitOfWork::default();
            self.log(&mut unit, told(Outcome::Done).with(detail))?;
            unit.expect_unchanged(Key::Mailbox(mailbox.id), version);
            mailbox.limits = limits;
            unit.put(mailbox.clone());
            match self.store.commit(unit).await.map_err(AppError::from) {
                // The mailbox's key was rotated meanwhile.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(mailbox),
            }
        }
        Err(AppError::Contended.into())
    }

    /// The mailbox as it is now.
    pub(super) async fn mailbox_again(&self, mailbox: Mailbox) -> Result<Mailbox, AppError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox.id)).await?;
        Ok(found.map_or(mailbox, |(now, _)| now))
    }
}
