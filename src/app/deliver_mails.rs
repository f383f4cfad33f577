//! Delivers what waits in the queue (invariant 2: the intention is in the log since the mail was queued, the result
//! follows). A crash between the host's answer and the commit delivers the mail again, with the same Message-ID.
//! An acknowledgement takes its receipt along as it stands when it leaves.

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::letters::object_of;
use super::ports::{Dispatched, Key, List, OutgoingMail, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Origin, Outcome, TlsVersion};
use crate::relay::letter::{Addressing, Letter, LetterKind, message_id, render, return_address};
use crate::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use crate::retention::KeyName;
use crate::value::Timestamp;
use crate::vault::open;

/// How many mails are under way at once.
const AT_ONCE: usize = 16;
/// Among how many waiting mails alerts are looked for while the clock is not believed.
const ALERTS_AMONG: usize = 1000;

impl App {
    /// Tries each mail that is due, once. Returns how many were tried and when the next one is due, if any.
    pub async fn deliver_due_mails(&self) -> Result<(usize, Option<Timestamp>), AppError> {
        let due = self.due_mails().await?;
        let tried = due.len();
        let mut under_way: FuturesUnordered<_> =
            due.into_iter().map(|(mail, version)| self.deliver_one(mail, version)).collect();
        while let Some(outcome) = under_way.next().await {
            match outcome {
                // A bounce was noted meanwhile: what the store says of the mail is newer.
                Err(error) if error.is_conflict() => {}
                other => other?,
            }
        }
        let next: Vec<(QueuedMail, u64)> = self.read_list(&List::MailsDueBy(Timestamp(i64::MAX)), 1).await?;
        Ok((tried, next.first().and_then(|(mail, _)| mail.due_at())))
    }

    /// The mails to be tried now. While the clock is not believed none leaves but alerts: they say so, and open nothing.
    async fn due_mails(&self) -> Result<Vec<(QueuedMail, u64)>, AppError> {
        let now = self.now();
        if now.believed {
            return self.read_list(&List::MailsDueBy(now.at), AT_ONCE).await;
        }
        let mut due: Vec<(QueuedMail, u64)> = self.read_list(&List::MailsDueBy(now.at), ALERTS_AMONG).await?;
        due.retain(|(mail, _)| mail.kind == LetterKind::Alert);
        due.truncate(AT_ONCE);
        if due.is_empty() { Err(AppError::ClockNotBelieved) } else { Ok(due) }
    }

    async fn deliver_one(&self, mail: QueuedMail, version: u64) -> Result<(), AppError> {
        let outcome = match self.rendered(&mail).await {
            Ok((from, message)) => {
                let outgoing = OutgoingMail { id: mail.id, from: &from, to: &mail.to, message: &message };
                self.delivery.deliver(outgoing).await
            }
            Err(error) => {
                tracing::error!(mail = %mail.id, error = %error, "mail.render_failed");
                Err(DeliveryProblem::Broken)
            }
        };
        self.note_delivery(mail, version, outcome).await
    }

    async fn rendered(&self, mail: &QueuedMail) -> Result<(crate::value::MailAddress, Vec<u8>), AppError> {
        let sealed = mail.letter.as_ref().ok_or(AppError::Broken("queued mail without letter"))?;
        let plain = open(&self.keyring.identity(KeyName::Queue(mail.key_day))?, sealed)?;
        let mut letter: Letter =
            serde_json::from_slice(plain.expose()).map_err(|_| AppError::Broken("letter"))?;
        if let (Letter::Acknowledgement { checkpoint, receipt, .. }, Some(transfer)) =
            (&mut letter, mail.transfer)
            && let Some(held) = self.receipt_of(transfer).await?
        {
            // What the depositor holds, nobody can make unsaid: the log is bound up to this deposit.
            *receipt = Some(held.to_string());
            *checkpoint = held.proof.map(|proof| proof.checkpoint);
        }
        let domain = &self.settings.mail_domain;
        let addressing = Addressing {
            from_name: self.settings.mail_from_name.clone(),
            from: self.settings.mail_from.clone(),
            to: mail.to.clone(),
            message_id: message_id(mail.kind, mail.id, domain),
            date: mail.written_at,
            language: mail.language,
            base_url: self.settings.base_url.clone(),
        };
        let message = render(&letter, &addressing).map_err(|_| AppError::Broken("letter does not render"))?;
        let from = return_address(mail.id, domain).map_err(|_| AppError::Broken("return address"))?;
        Ok((from, message))
    }

    async fn note_delivery(
        &self,
        mail: QueuedMail,
        version: u64,
        outcome: Result<Dispatched, DeliveryProblem>,
    ) -> Result<(), AppError> {
        let now = self.now().at;
        let object = object_of(&mail);
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Mail(mail.id), version);
        let (mail, action, outcome, detail) = match outcome {
            Ok(Dispatched { tls }) => {
                let protection = Detail::Tls(tls_version(tls.as_deref()));
                (mail.accepted(now, tls), Action::MailSent, Outcome::Done, protection)
            }
            Err(problem) => {
                let tries = Detail::Count(u64::from(mail.tries) + 1);
                let mail = mail.not_taken(now, problem, self.random.bytes::<1>()[0]);
                let failed = matches!(mail.state, MailState::Failed { .. });
                let action = if failed { Action::MailFailed } else { Action::MailDelayed };
                (mail, action, Outcome::Failed(reason_of(problem)), tries)
            }
        };
        self.log(&mut unit, event(now, Actor::System, action, object, outcome, Origin::Job).with(detail))?;
        unit.put(mail);
        self.store.commit(unit).await?;
        Ok(())
    }
}

fn tls_version(tls: Option<&str>) -> TlsVersion {
    match tls {
        Some(text) if text.starts_with("TLSv1.3") => TlsVersion::Tls13,
        Some(_) => TlsVersion::Tls12,
        None => TlsVersion::None,
    }
}

const fn reason_of(problem: DeliveryProblem) -> FailureReason {
    match problem {
        DeliveryProblem::Unreachable => FailureReason::Connection,
        DeliveryProblem::TlsRequired => FailureReason::Tls,
        DeliveryProblem::TryLater { .. } => FailureReason::PeerTemporary,
        DeliveryProblem::Refused { .. } | DeliveryProblem::Bounced => FailureReason::PeerPermanent,
        DeliveryProblem::TooLate => FailureReason::GaveUp,
        DeliveryProblem::Broken => FailureReason::Internal,
    }
}
