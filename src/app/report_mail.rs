//! Tells the sender of a mail what became of it, where somebody asked (RFC 3461): in the commit that notes it, to the
//! envelope sender, from the null sender. Nothing reports of a report.

use super::letters::NewLetter;
use super::ports::UnitOfWork;
use super::{App, AppError};
use crate::audit::Origin;
use crate::relay::letter::{Letter, LetterKind, ReportLetter};
use crate::relay::queue::{DeliveryProblem, MAIL_LIFE, MailState, QueuedMail};
use crate::relay::report::{DELAY_TOLD_AFTER, ReportedAction};
use crate::relay::truth::EnhancedStatus;
use crate::value::{Language, MailboxId, Reference, ReportWish, Timestamp, TransferId};

/// What a report is about.
pub(super) struct Reported {
    pub action: ReportedAction,
    pub status: EnhancedStatus,
    pub because: Option<(String, String)>,
    pub tried_until: Option<Timestamp>,
}

/// What a report belongs to.
#[derive(Clone, Copy)]
pub(super) struct ReportedOf {
    pub mailbox: Option<MailboxId>,
    pub transfer: Option<TransferId>,
    /// Who sent what it is about asked that it be handed on by TLS alone: so must what tells of it (RFC 8689 section 4.2.1).
    pub requires_tls: bool,
}

impl ReportedOf {
    const fn mail(mail: &QueuedMail) -> Self {
        Self { mailbox: mail.mailbox, transfer: mail.transfer, requires_tls: mail.requires_tls }
    }
}

impl Reported {
    /// It is where it was to go.
    pub(super) const fn delivered() -> Self {
        let status = EnhancedStatus { class: 2, subject: 0, detail: 0 };
        Self { action: ReportedAction::Delivered, status, because: None, tried_until: None }
    }

    /// It will not get there: its time is over.
    pub(super) const fn timed_out() -> Self {
        let status = EnhancedStatus { class: 5, subject: 4, detail: 7 };
        Self { action: ReportedAction::Failed, status, because: None, tried_until: None }
    }
}

impl App {
    /// Tells of the state that a mail has come to, once of each kind; returns the mail as it is to be written.
    pub(super) async fn report_state(
        &self,
        unit: &mut UnitOfWork,
        mut mail: QueuedMail,
        now: Timestamp,
        origin: Origin,
    ) -> Result<QueuedMail, AppError> {
        let Some(mut wish) = mail.report.take() else { return Ok(mail) };
        let because = || {
            mail.cause()
                .map(|cause| (cause.told(Language::Fr).to_owned(), cause.told(Language::En).to_owned()))
        };
        let told = match &mail.state {
            MailState::Accepted { .. } if wish.notify.success && !wish.success_told => {
                wish.success_told = true;
                let status = EnhancedStatus { class: 2, subject: 0, detail: 0 };
                Some(Reported { action: ReportedAction::Relayed, status, because: None, tried_until: None })
            }
            MailState::Failed { problem, status, .. } if wish.notify.failure => {
                let status = status.filter(|status| status.class == 5).unwrap_or_else(|| status_of(*problem));
                Some(Reported {
                    action: ReportedAction::Failed,
                    status,
                    because: because(),
                    tried_until: None,
                })
            }
            MailState::Queued { last_problem: Some(problem), .. }
                if wish.notify.delay && !wish.delay_told && mail.written_at + DELAY_TOLD_AFTER <= now =>
            {
                wish.delay_told = true;
                let status = EnhancedStatus { class: 4, ..status_of(*problem) };
                let tried_until = Some(mail.written_at + MAIL_LIFE);
                Some(Reported { action: ReportedAction::Delayed, status, because: because(), tried_until })
            }
            _ => None,
        };
        if let Some(told) = told {
            let reference = self.reference_of_mail(mail.transfer).await?;
            self.write_report(unit, &wish, told, reference, ReportedOf::mail(&mail), now, origin)?;
        }
        // A mail that was taken may still come back.
        let is_over = matches!(mail.state, MailState::Failed { .. });
        mail.report = Some(wish).filter(|_| !is_over);
        Ok(mail)
    }

    async fn reference_of_mail(&self, transfer: Option<TransferId>) -> Result<Option<Reference>, AppError> {
        let Some(id) = transfer else { return Ok(None) };
        let found: Option<(crate::transfer::Transfer, u64)> =
            self.read(&super::ports::Key::Transfer(id)).await?;
        Ok(found.map(|(transfer, _)| transfer.reference))
    }

    /// Puts a report into a unit.
    #[expect(clippy::too_many_arguments, reason = "what a report says, each its own type")]
    pub(super) fn write_report(
        &self,
        unit: &mut UnitOfWork,
        wish: &ReportWish,
        told: Reported,
        reference: Option<Reference>,
        of: ReportedOf,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let (because_fr, because_en) = told.because.unzip();
        let letter = Letter::Report(ReportLetter {
            action: told.action,
            status: told.status.to_string(),
            reporting: self.settings.mail_domain.clone(),
            recipient: wish.recipient.to_string(),
            original: wish.original.clone(),
            envelope_id: wish.envelope_id.clone(),
            message_id: wish.message_id.clone(),
            arrived_at: wish.arrived_at,
            tried_until: told.tried_until,
            reference,
            because_fr,
            because_en,
        });
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::Report,
            letter: &letter,
            to: &wish.to,
            language: Language::Fr,
            mailbox: of.mailbox,
            transfer: of.transfer,
            written_at: now,
        })?;
        self.queue_mail(unit, mail.requiring_tls(of.requires_tls), origin)
    }
}

/// The enhanced status of what was in the way, where no host gave one (RFC 3463).
const fn status_of(problem: DeliveryProblem) -> EnhancedStatus {
    let (subject, detail) = match problem {
        DeliveryProblem::Unreachable => (4, 1),
        DeliveryProblem::TlsRequired => (7, 10),
        // RFC 8689 section 5.
        DeliveryProblem::NotOnward => (7, 30),
        DeliveryProblem::HostBusy { .. } => (3, 2),
        DeliveryProblem::TryLater { .. } | DeliveryProblem::Refused { .. } | DeliveryProblem::Bounced => {
            (0, 0)
        }
        DeliveryProblem::Greylisted { .. } | DeliveryProblem::AgainstPolicy { .. } => (7, 1),
        DeliveryProblem::MailboxFull { .. } => (2, 2),
        DeliveryProblem::UnknownRecipient { .. } => (1, 1),
        DeliveryProblem::NoMailDomain => (1, 10),
        DeliveryProblem::NamesUnavailable => (4, 3),
        DeliveryProblem::Loop => (4, 6),
        DeliveryProblem::Dropped => (7, 0),
        DeliveryProblem::TooLate => (4, 7),
        DeliveryProblem::Broken => (3, 0),
    };
    EnhancedStatus { class: 5, subject, detail }
}
