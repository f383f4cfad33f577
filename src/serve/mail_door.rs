//! The mail door: says which addresses are the gateway's, and hands what comes in to the use cases. The answers on the
//! wire are `smtp`'s, the decisions are `app`'s; here the two are only told to each other.

use std::collections::HashMap;
use std::error::Error;
use std::io;
use std::net::IpAddr;
use std::sync::Arc;

use arc_swap::ArcSwap;
use async_trait::async_trait;
use tokio::sync::mpsc;

use crate::app::ports::{KeyringError, ObjectError, StoreError};
use crate::app::{App, AppError, InboundMail, MailAnswer, MailRefusal, PostmasterRefusal, Visitor};
use crate::audit::{Action, RefusalReason};
use crate::mailbox::Mailbox;
use crate::message::{Limits, MailKind, MessageError, parse};
use crate::relay::letter::{TaggedMail, parse_return_address};
use crate::smtp::{
    MailHandler, MailOutcome, ReceivedMail, RecipientAnswer, RecipientRole, Recipients, RefusedMail, TryLater,
};
use crate::value::{MailAddress, MailboxId, SecretBytes};

/// Local parts that stand for the person in charge of mail (RFC 5321 section 4.5.1, RFC 2142).
const POSTMASTERS: [&str; 2] = ["postmaster", "abuse"];

/// Refusals of recipients that wait to be logged. Whoever knocks faster than the disk writes is counted, not logged.
const REFUSALS_WAITING: usize = 256;

/// The mail door of a gateway.
pub struct MailDoor {
    app: Arc<App>,
    deposits: ArcSwap<HashMap<MailAddress, MailboxId>>,
    refusals: mpsc::Sender<Refusal>,
}

/// A recipient that was refused, to whom.
type Refusal = (RecipientAnswer, IpAddr);

/// The refusals that a door has to tell the log of.
pub struct Refusals {
    app: Arc<App>,
    waiting: mpsc::Receiver<Refusal>,
}

impl Refusals {
    /// Logs them as they come, until the door is gone.
    pub async fn log(mut self) {
        while let Some((answer, peer)) = self.waiting.recv().await {
            let (action, reason) = match answer {
                RecipientAnswer::NotHere => (Action::RelayRefused, RefusalReason::RelayDenied),
                _ => (Action::MailRefused, RefusalReason::MailboxUnknown),
            };
            let logged = self.app.log_recipient_refused(action, reason, Visitor { address: peer }).await;
            if let Err(error) = logged {
                tracing::error!(error = error.chain(), "mail.refusal_not_logged");
            }
        }
    }
}

impl MailDoor {
    /// Opens it with the mailboxes that there are.
    pub async fn new(app: Arc<App>) -> Result<(Self, Refusals), AppError> {
        let (refusals, waiting) = mpsc::channel(REFUSALS_WAITING);
        let door = Self { app: Arc::clone(&app), deposits: ArcSwap::default(), refusals };
        door.refresh().await?;
        Ok((door, Refusals { app, waiting }))
    }

    /// Learns the deposit addresses anew; to be called when mailboxes change.
    pub async fn refresh(&self) -> Result<(), AppError> {
        let mailboxes = self.app.mailboxes().await?;
        let deposits = mailboxes.into_iter().filter(Mailbox::takes_deposits);
        self.deposits
            .store(Arc::new(deposits.map(|mailbox| (mailbox.deposit_address, mailbox.id)).collect()));
        Ok(())
    }

    async fn deposit(&self, mailbox: MailboxId, received: ReceivedMail) -> MailOutcome {
        let ReceivedMail { peer, tls, helo, from, bytes, requires_tls, recipient, envelope_id, .. } =
            received;
        let (tls, certificate) = tls.map(|tls| (tls.protocol, tls.certificate)).unzip();
        let mail = InboundMail {
            visitor: Visitor { address: peer },
            envelope_from: from,
            mailbox,
            helo,
            tls,
            certificate: certificate.flatten(),
            requires_tls,
            addressee: recipient.addressee,
            envelope_id,
            bytes,
        };
        match self.app.accept_mail(mail).await {
            Ok(MailAnswer::Deposited { reference }) => MailOutcome::Accepted { reference },
            Ok(MailAnswer::Noted) => MailOutcome::Noted,
            Err(refusal) => refused(&refusal),
        }
    }

    /// RFC 5321 section 4.5.1: whoever has trouble with the gateway's mail reaches a person.
    async fn to_postmaster(&self, received: &ReceivedMail, visitor: Visitor) -> MailOutcome {
        let (to, from) = (&received.recipient.addressee.address, received.from.as_ref());
        match self.app.mail_to_postmaster(to, from, &received.bytes, visitor).await {
            Ok(()) => MailOutcome::Noted,
            Err(PostmasterRefusal::NobodyReads) => MailOutcome::Refused(RefusedMail::AddressTakesNoMail),
            Err(PostmasterRefusal::TooLarge { limit }) => {
                MailOutcome::Refused(RefusedMail::TooLarge { limit })
            }
            Err(PostmasterRefusal::Loop) => MailOutcome::Refused(RefusedMail::Loop),
            Err(PostmasterRefusal::TooMany) => MailOutcome::TryLater(TryLater::TooFast),
            Err(PostmasterRefusal::Fault(error)) => later(&error),
        }
    }

    async fn returned(&self, to: TaggedMail, bytes: &SecretBytes, visitor: Visitor) -> MailOutcome {
        noted(self.app.note_returned_mail(to, bytes, visitor).await)
    }

    /// Mail to the address that notices come from: an answer to a letter about a live case belongs to that case, any other
    /// person reads what to do, a program is left in peace.
    async fn no_reply(&self, received: ReceivedMail, visitor: Visitor) -> MailOutcome {
        let Some(from) = &received.from else {
            return noted(self.app.note_automatic_mail(visitor).await);
        };
        match self.app.mailbox_answered(from, &received.bytes).await {
            Ok(Some(mailbox)) => return self.deposit(mailbox, received).await,
            Ok(None) => {}
            Err(error) => return later(&error),
        }
        let (action, reason) = (Action::MailRefused, RefusalReason::PolicyDenied);
        match self.app.log_recipient_refused(action, reason, visitor).await {
            Ok(()) if self.app.says_it_answers_a_notice(from, &received.bytes) => {
                MailOutcome::Refused(RefusedMail::AnswersNotice)
            }
            Ok(()) => MailOutcome::Refused(RefusedMail::AddressTakesNoMail),
            Err(error) => later(&error),
        }
    }
}

impl Recipients for MailDoor {
    fn judge(&self, address: &MailAddress) -> RecipientAnswer {
        if let Some(mailbox) = self.deposits.load().get(address) {
            return RecipientAnswer::Accepted(RecipientRole::Deposit(*mailbox));
        }
        let settings = &self.app.settings;
        if address == &settings.mail_from {
            return RecipientAnswer::Accepted(RecipientRole::NoReply);
        }
        if address.domain() != &settings.mail_domain {
            return RecipientAnswer::NotHere;
        }
        if let Some(to) = parse_return_address(address, &settings.mail_domain) {
            return RecipientAnswer::Accepted(RecipientRole::Return(to));
        }
        if POSTMASTERS.contains(&address.local()) {
            return RecipientAnswer::Accepted(RecipientRole::Postmaster);
        }
        RecipientAnswer::UnknownHere
    }

    fn note_refused(&self, answer: RecipientAnswer, peer: IpAddr) {
        let logged = if self.refusals.try_send((answer, peer)).is_ok() { "yes" } else { "no" };
        metrics::counter!("pli_recipients_refused_total", "logged" => logged).increment(1);
    }
}

#[async_trait]
impl MailHandler for MailDoor {
    async fn handle(&self, received: ReceivedMail) -> MailOutcome {
        let visitor = Visitor { address: received.peer };
        let outcome = match received.recipient.role {
            RecipientRole::Deposit(mailbox) => self.deposit(mailbox, received).await,
            // A person who writes to a return address would never know that nobody reads it.
            RecipientRole::Return(_) if received.from.is_some() && is_ordinary(&received) => {
                self.no_reply(received, visitor).await
            }
            RecipientRole::Return(to) => self.returned(to, &received.bytes, visitor).await,
            RecipientRole::NoReply => self.no_reply(received, visitor).await,
            RecipientRole::Postmaster => self.to_postmaster(&received, visitor).await,
        };
        let told = match &outcome {
            MailOutcome::Accepted { .. } => "accepted",
            MailOutcome::Noted => "noted",
            MailOutcome::Refused(_) => "refused",
            MailOutcome::TryLater(_) => "later",
        };
        metrics::counter!("pli_mails_in_total", "outcome" => told).increment(1);
        outcome
    }
}

/// Whether a mail is neither a bounce nor an automatic answer, as far as one can see.
fn is_ordinary(received: &ReceivedMail) -> bool {
    let parsed = parse(received.bytes.expose(), received.from.as_ref(), &Limits::default());
    parsed.is_ok_and(|parsed| parsed.kind == MailKind::Ordinary)
}

fn noted(result: Result<(), AppError>) -> MailOutcome {
    match result {
        Ok(()) => MailOutcome::Noted,
        Err(error) => later(&error),
    }
}

fn refused(refusal: &MailRefusal) -> MailOutcome {
    MailOutcome::Refused(match refusal {
        MailRefusal::MayNotDeposit => RefusedMail::MayNotDeposit,
        MailRefusal::SenderUnchecked => return MailOutcome::TryLater(TryLater::SenderUnchecked),
        MailRefusal::IsReply => RefusedMail::IsReply,
        MailRefusal::AnswersNotice => RefusedMail::AnswersNotice,
        MailRefusal::Automatic => RefusedMail::Automatic,
        MailRefusal::Loop => RefusedMail::Loop,
        MailRefusal::Malformed(MessageError::TooDeep { .. } | MessageError::TooManyParts { .. }) => {
            RefusedMail::TooComplex
        }
        MailRefusal::Malformed(MessageError::TooLarge { limit, .. }) => {
            RefusedMail::TooLarge { limit: *limit }
        }
        MailRefusal::Malformed(_) => RefusedMail::Malformed,
        MailRefusal::Empty => RefusedMail::Empty,
        MailRefusal::TooLarge { limit, .. } => RefusedMail::TooLarge { limit: *limit },
        MailRefusal::TooManyFiles { limit } => RefusedMail::TooManyFiles { limit: *limit },
        MailRefusal::TooFast { .. } => return MailOutcome::TryLater(TryLater::TooFast),
        MailRefusal::Closed(closed) => RefusedMail::DoorClosed { page: closed.page },
        MailRefusal::FormNeeded => RefusedMail::FormNeeded,
        MailRefusal::Title(_) => RefusedMail::TitleNamesPerson,
        MailRefusal::Fault(error) => return later(error),
    })
}

fn later(error: &AppError) -> MailOutcome {
    MailOutcome::TryLater(later_of(error))
}

/// What a fault of ours is told as; the operator reads which.
pub(super) fn later_of(error: &AppError) -> TryLater {
    tracing::error!(error = error.chain(), "mail.not_taken");
    let full = match error {
        AppError::Objects(ObjectError::Unavailable(error))
        | AppError::Keyring(KeyringError::Unavailable(error)) => is_full(error),
        AppError::Store(StoreError::Unavailable(source)) => {
            let mut cause: Option<&(dyn Error + 'static)> = Some(source.as_ref());
            let mut full = false;
            while let Some(error) = cause {
                full |= error.downcast_ref::<io::Error>().is_some_and(is_full);
                cause = error.source();
            }
            full
        }
        _ => false,
    };
    if full { TryLater::Full } else { TryLater::Fault }
}

fn is_full(error: &io::Error) -> bool {
    matches!(error.kind(), io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_fault_of_ours_is_never_a_refusal() {
        for (error, told) in [
            (AppError::Contended, TryLater::Fault),
            (AppError::ClockNotBelieved, TryLater::Fault),
            (AppError::Objects(ObjectError::Unavailable(io::ErrorKind::StorageFull.into())), TryLater::Full),
            (
                AppError::Store(StoreError::Unavailable(Box::new(io::Error::from(
                    io::ErrorKind::StorageFull,
                )))),
                TryLater::Full,
            ),
        ] {
            assert_eq!(refused(&MailRefusal::Fault(error)), MailOutcome::TryLater(told));
        }
    }

    #[test]
    fn an_answer_to_a_notice_is_told_apart_from_a_stranger() {
        assert_eq!(refused(&MailRefusal::IsReply), MailOutcome::Refused(RefusedMail::IsReply));
        assert_eq!(refused(&MailRefusal::MayNotDeposit), MailOutcome::Refused(RefusedMail::MayNotDeposit));
    }
}
