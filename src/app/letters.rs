//! Puts letters into the queue: sealed to the day's queue key, with the event that tells of them, in the unit of
//! work of whatever they announce (invariant 1).

use std::sync::Arc;

use super::ports::UnitOfWork;
use super::{App, AppError, event};
use crate::audit::{Action, Actor, MailPurpose, Object, Origin, Outcome};
use crate::relay::letter::{Letter, LetterKind};
use crate::relay::queue::{MailState, QueuedMail};
use crate::retention::KeyName;
use crate::value::{Language, MailAddress, MailId, MailboxId, SecretBytes, Timestamp, TransferId};
use crate::vault::SealingKey;

/// A letter to be written.
pub(super) struct NewLetter<'a> {
    pub kind: LetterKind,
    pub letter: &'a Letter,
    pub to: &'a MailAddress,
    pub language: Language,
    /// The mailbox that it speaks of, if one is known.
    pub mailbox: Option<MailboxId>,
    pub transfer: Option<TransferId>,
    pub written_at: Timestamp,
}

impl App {
    /// Seals a letter and returns the mail that carries it.
    pub(super) fn write_letter(&self, new: &NewLetter<'_>) -> Result<QueuedMail, AppError> {
        self.write_letter_under(&*self.queue_sealing_key(new.written_at)?, new)
    }

    /// A key that seals letters that are written at this instant.
    pub(super) fn queue_sealing_key(&self, written_at: Timestamp) -> Result<Arc<SealingKey>, AppError> {
        self.shared_sealing_key(&self.keyring.recipient(KeyName::Queue(written_at.day()))?)
    }

    /// As [`App::write_letter`], under a key that other letters of the same instant are sealed with too.
    pub(super) fn write_letter_under(
        &self,
        key: &SealingKey,
        new: &NewLetter<'_>,
    ) -> Result<QueuedMail, AppError> {
        let key_day = new.written_at.day();
        let plain = SecretBytes::new(serde_json::to_vec(new.letter).map_err(|_| AppError::Broken("letter"))?);
        Ok(QueuedMail {
            id: MailId::new(self.random.bytes()),
            kind: new.kind,
            transfer: new.transfer,
            mailbox: new.mailbox,
            to: new.to.clone(),
            language: new.language,
            written_at: new.written_at,
            requires_tls: false,
            letter: Some(key.seal(plain.expose())?),
            key_day,
            tries: 0,
            state: MailState::Queued { next_try_at: new.written_at, last_problem: None },
            told_elsewhere: false,
            report: None,
        })
    }

    /// Puts a mail into a unit, with its event.
    pub(super) fn queue_mail(
        &self,
        unit: &mut UnitOfWork,
        mail: QueuedMail,
        origin: Origin,
    ) -> Result<(), AppError> {
        let object = object_of(&mail);
        self.log(
            unit,
            event(mail.written_at, Actor::System, Action::MailQueued, object, Outcome::Done, origin),
        )?;
        unit.put(mail);
        Ok(())
    }

    /// Tells the delivery job that there is work; called after the commit.
    pub(super) fn wake_delivery(&self) {
        self.mail_waits.notify_one();
    }
}

/// What an event about a mail names: the transfer too, so that its story can be told when the mail's record is gone.
pub(super) fn object_of(mail: &QueuedMail) -> Object {
    let purpose = if mail.kind == LetterKind::Acknowledgement {
        MailPurpose::Acknowledgement
    } else if mail.kind == LetterKind::Notice {
        MailPurpose::Notice
    } else {
        MailPurpose::Other
    };
    match (mail.transfer, mail.mailbox) {
        (Some(transfer), Some(mailbox)) => Object::TransferMail { transfer, mailbox, mail: mail.id, purpose },
        _ => Object::Mail(mail.id),
    }
}
