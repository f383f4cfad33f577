//! A mail of ours came back, or is reported of (RFC 3464): its state says so on the transfer's page, and in the log. A
//! report counts only when it comes to a return address that this gateway made (the keyed tag says so): what a stranger
//! writes there has no effect but an entry.

use super::letters::object_of;
use super::ports::{Key, SecretName, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, Visitor, event};
use crate::audit::{Action, Actor, FailureReason, Object, Outcome, RefusalReason};
use crate::message::{BounceReport, DeliveryAction, Limits, MailKind, parse};
use crate::relay::letter::{MailTag, TaggedMail};
use crate::relay::queue::{MailState, QueuedMail};
use crate::relay::truth::{EnhancedStatus, PeerReport, Reported};
use crate::value::{MailId, SecretBytes};

/// What a mail to a return address says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Verdict {
    /// It will not arrive.
    Failed(Option<EnhancedStatus>),
    /// Something short of a failure.
    Reported(Reported, Option<EnhancedStatus>),
    /// Nothing of the mail: an absence notice, which comes to the same address.
    Nothing,
}

impl App {
    /// Notes what came to the return address of a mail.
    pub async fn note_returned_mail(
        &self,
        to: TaggedMail,
        bytes: &SecretBytes,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        if to.tag != MailTag::of_return(&self.keyring.secret(SecretName::MailTags)?, to.mail) {
            let (action, outcome) = (Action::BounceForged, Outcome::Refused(RefusalReason::ReturnForged));
            let now = self.now().at;
            let forged = event(now, Actor::Anonymous, action, Object::None, outcome, visitor.smtp());
            return self.log_alone(forged).await;
        }
        let verdict = match parse(bytes.expose(), None, &Limits::default()).map(|parsed| parsed.kind) {
            Ok(MailKind::Bounce(report)) => verdict(&report),
            _ => Verdict::Nothing,
        };
        for _ in 0..CONFLICT_TRIES {
            match self.note_return(to.mail, verdict, visitor).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended)
    }

    async fn note_return(&self, id: MailId, verdict: Verdict, visitor: Visitor) -> Result<(), AppError> {
        let now = self.now().at;
        let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(id)).await?;
        let mut unit = UnitOfWork::default();
        let object = found.as_ref().map_or(Object::None, |(mail, _)| object_of(mail));
        let (action, outcome) = match (found, verdict) {
            (Some((mail, version)), Verdict::Failed(status))
                if !matches!(mail.state, MailState::Failed { .. }) =>
            {
                unit.expect_unchanged(Key::Mail(id), version);
                let mail = mail.bounced(now, status);
                let mail = self.follow_up(&mut unit, mail, now, visitor.smtp()).await?;
                unit.put(mail);
                (Action::BounceNoted, Outcome::Failed(FailureReason::PeerPermanent))
            }
            (Some((mail, version)), Verdict::Reported(what, status))
                if matches!(mail.state, MailState::Accepted { .. }) =>
            {
                unit.expect_unchanged(Key::Mail(id), version);
                let mail =
                    self.note_report(&mut unit, mail, PeerReport { at: now, what, status }, visitor).await?;
                unit.put(mail);
                match what {
                    Reported::Delayed => (Action::MailDelayed, Outcome::Failed(FailureReason::PeerTemporary)),
                    Reported::Delivered | Reported::Relayed => (Action::DeliveryConfirmed, Outcome::Done),
                }
            }
            _ => (Action::MailAutomaticNoted, Outcome::Done),
        };
        self.log(&mut unit, event(now, Actor::Anonymous, action, object, outcome, visitor.smtp()))?;
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(())
    }

    async fn note_report(
        &self,
        unit: &mut UnitOfWork,
        mail: QueuedMail,
        report: PeerReport,
        visitor: Visitor,
    ) -> Result<QueuedMail, AppError> {
        if report.what == Reported::Delivered {
            self.note_arrival(unit, &mail, report.at).await?;
        }
        let mail = mail.reported(report);
        match report.what {
            Reported::Delayed => self.follow_up_delay(unit, mail, report.at, visitor.smtp()).await,
            Reported::Delivered | Reported::Relayed => Ok(mail),
        }
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

/// The worst of what is said of the recipients: each mail of ours has one, which may stand for several further on. A report
/// in no known form, sent by the null sender to this address, still says that the mail came back.
fn verdict(report: &BounceReport) -> Verdict {
    let of = |action| {
        let found = report.recipients.iter().find(|recipient| recipient.action == action)?;
        Some(found.status.as_deref().and_then(EnhancedStatus::parse))
    };
    if report.recipients.is_empty() {
        Verdict::Failed(None)
    } else if let Some(status) = of(DeliveryAction::Failed) {
        Verdict::Failed(status)
    } else if let Some(status) = of(DeliveryAction::Delayed) {
        Verdict::Reported(Reported::Delayed, status)
    } else if let Some(status) = of(DeliveryAction::Delivered) {
        Verdict::Reported(Reported::Delivered, status)
    } else if let Some(status) = of(DeliveryAction::Relayed).or_else(|| of(DeliveryAction::Expanded)) {
        Verdict::Reported(Reported::Relayed, status)
    } else {
        Verdict::Nothing
    }
}
