//! Reminders and escalation by the clock (T2, T5, V5): part of upkeep. What a transfer is to be reminded of is noted as told
//! in the commit that queues the mail, so that each leaves once, whatever stops in between.

use super::letters::NewLetter;
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome};
use crate::identity::Agreement;
use crate::mailbox::Mailbox;
use crate::relay::letter::{Letter, LetterKind, ReminderLetter, ReminderTopic};
use crate::transfer::{Reminder, Transfer};
use crate::value::{Language, MailAddress, Timestamp};

/// How many cases are looked at before the list is read anew.
const BATCH: usize = 200;
/// How many batches one run looks at; more wait for the next one.
const BATCHES_MAX: usize = 20;

impl App {
    /// Looks at every case that it is time for.
    pub(super) async fn remind(&self, now: Timestamp) -> Result<(), AppError> {
        for _ in 0..BATCHES_MAX {
            let due: Vec<(Transfer, u64)> = self.read_list(&List::CasesToLookAtBy(now), BATCH).await?;
            let found = due.len();
            for (transfer, version) in due.into_iter().filter(|(transfer, _)| transfer.is_live(now)) {
                match self.remind_of(transfer, version, now).await {
                    // Somebody changed it at this very moment: the next run looks again.
                    Err(error) if error.is_conflict() => {}
                    outcome => outcome?,
                }
            }
            if found < BATCH {
                break;
            }
        }
        Ok(())
    }

    async fn remind_of(&self, mut transfer: Transfer, version: u64, now: Timestamp) -> Result<(), AppError> {
        let policies = self.policies.load();
        let reminders = transfer.take_reminders(&policies.reminders, now);
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(transfer.current_holder())).await?;
        let (mailbox, _) = found.ok_or(AppError::Broken("transfer without mailbox"))?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Transfer(transfer.id), version);
        let mut told = false;
        for reminder in reminders {
            let Some(to) = self.reminded(reminder, &transfer, &mailbox).await? else { continue };
            let action = match reminder {
                Reminder::Mediator => Action::TransferEscalated,
                _ => Action::ReminderQueued,
            };
            let object = Object::Transfer { transfer: transfer.id, mailbox: mailbox.id };
            let told_of = event(now, Actor::System, action, object, Outcome::Done, Origin::Job);
            let partner = transfer.depositor.partner;
            self.log(&mut unit, told_of.under(policies.digest).concerning(partner))?;
            let mail = self.write_letter(&NewLetter {
                kind: LetterKind::Reminder,
                letter: &Letter::Reminder(letter(reminder, &transfer, &mailbox)),
                to: &to,
                language: Language::Fr,
                mailbox: Some(mailbox.id),
                transfer: Some(transfer.id),
                written_at: now,
            })?;
            self.queue_mail(&mut unit, mail.requiring_tls(transfer.requires_tls()), Origin::Job)?;
            told = true;
        }
        unit.put(transfer);
        self.store.commit(unit).await?;
        if told {
            self.wake_delivery();
        }
        Ok(())
    }

    /// Who is reminded; nobody when the agreement names no mediator.
    async fn reminded(
        &self,
        reminder: Reminder,
        transfer: &Transfer,
        mailbox: &Mailbox,
    ) -> Result<Option<MailAddress>, AppError> {
        match reminder {
            Reminder::UnopenedManager => {
                let policies = self.policies.load();
                let manager = policies.reminders.manager_of(&mailbox.slug).cloned();
                Ok(Some(manager.unwrap_or_else(|| mailbox.notice_address.clone())))
            }
            Reminder::Mediator => {
                let Some(partner) = transfer.depositor.partner else { return Ok(None) };
                let key = Key::Agreement((transfer.mailbox, partner));
                let found: Option<(Agreement, u64)> = self.read(&key).await?;
                let Some(id) = found.and_then(|(agreement, _)| agreement.terms.mediator) else {
                    return Ok(None);
                };
                let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
                Ok(found.map(|(mediator, _)| mediator.notice_address))
            }
            _ => Ok(Some(mailbox.notice_address.clone())),
        }
    }
}

fn letter(reminder: Reminder, transfer: &Transfer, mailbox: &Mailbox) -> ReminderLetter {
    let (topic, due_at) = match reminder {
        Reminder::TakeSoon => (ReminderTopic::TakeSoon, transfer.case.due.taken),
        Reminder::TakeLate => (ReminderTopic::TakeLate, transfer.case.due.taken),
        Reminder::AnswerSoon => (ReminderTopic::AnswerSoon, transfer.case.due.answered),
        Reminder::AnswerLate => (ReminderTopic::AnswerLate, transfer.case.due.answered),
        Reminder::Mediator => (ReminderTopic::Mediator, transfer.case.due.answered),
        Reminder::UnopenedHalf
        | Reminder::UnopenedTwoDays
        | Reminder::UnopenedOneDay
        | Reminder::UnopenedManager => (ReminderTopic::Unopened, None),
    };
    ReminderLetter {
        topic,
        reference: transfer.reference.clone(),
        mailbox_name: mailbox.name.clone(),
        title: transfer.title.to_string(),
        partner: transfer.depositor.partner_name.clone(),
        site: transfer.depositor.site.clone(),
        received_at: transfer.received_at,
        due_at: due_at.unwrap_or(transfer.expires_at),
        can_be_opened_until: transfer.expires_at,
        path: format!("/transferts/{}", transfer.reference),
    }
}
