//! A mail of ours came back (RFC 3464): its state says so on the transfer's page, and in the log.

use super::letters::object_of;
use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, Visitor, event};
use crate::audit::{Action, Actor, FailureReason, Object, Outcome};
use crate::message::{DeliveryAction, Limits, MailKind, parse};
use crate::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use crate::value::{MailId, SecretBytes};

impl App {
    /// Notes what came to the return address of a mail. Only a delivery report that says "failed" changes its state;
    /// an absence notice, which comes to the same address, does not.
    pub async fn note_returned_mail(
        &self,
        id: MailId,
        bytes: &SecretBytes,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let failed = match parse(bytes.expose(), None, &Limits::default()).map(|parsed| parsed.kind) {
            Ok(MailKind::Bounce(report)) => {
                // A report in no known form, sent by the null sender to this address, still says that it came back.
                report.recipients.is_empty()
                    || report.recipients.iter().any(|recipient| recipient.action == DeliveryAction::Failed)
            }
            _ => false,
        };
        for _ in 0..CONFLICT_TRIES {
            match self.note_return(id, failed, visitor).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended)
    }

    async fn note_return(&self, id: MailId, failed: bool, visitor: Visitor) -> Result<(), AppError> {
        let now = self.now().at;
        let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(id)).await?;
        let mut unit = UnitOfWork::default();
        match found {
            Some((mail, version)) if failed && !matches!(mail.state, MailState::Failed { .. }) => {
                let outcome = Outcome::Failed(FailureReason::PeerPermanent);
                let noted = event(
                    now,
                    Actor::Anonymous,
                    Action::BounceNoted,
                    object_of(&mail),
                    outcome,
                    visitor.smtp(),
                );
                self.log(&mut unit, noted)?;
                unit.expect_unchanged(Key::Mail(id), version);
                unit.put(mail.failed(now, DeliveryProblem::Bounced));
            }
            _ => {
                let object = found.map_or(Object::None, |(mail, _)| object_of(&mail));
                let action = Action::MailAutomaticNoted;
                self.log(
                    &mut unit,
                    event(now, Actor::Anonymous, action, object, Outcome::Done, visitor.smtp()),
                )?;
            }
        }
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Notes a mail that needs no treatment, such as one for the postmaster of the gateway.
    pub async fn note_automatic_mail(&self, visitor: Visitor) -> Result<(), AppError> {
        let action = Action::MailAutomaticNoted;
        self.log_alone(event(
            self.now().at,
            Actor::Anonymous,
            action,
            Object::None,
            Outcome::Done,
            visitor.smtp(),
        ))
        .await
    }

    /// Logs that a mail was refused for its recipient: relaying, or an address that takes none.
    pub async fn log_recipient_refused(
        &self,
        action: Action,
        reason: crate::audit::RefusalReason,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let outcome = Outcome::Refused(reason);
        self.log_alone(event(self.now().at, Actor::Anonymous, action, Object::None, outcome, visitor.smtp()))
            .await
    }
}
