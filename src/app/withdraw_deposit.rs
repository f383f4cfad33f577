//! The depositor withdraws a deposit, at once (V4), after the same proof of the address that shows where it stands. What was
//! released ends as at expiry, and downloads under way are cut; what is held never is released. Every mailbox that had it is
//! told by mail, and the register's line says it.

use super::depositor_status::{DepositStatus, Sent, StatusError};
use super::letters::NewLetter;
use super::ports::{Key, UnitOfWork};
use super::revoke::Ender;
use super::{App, AppError, CONFLICT_TRIES, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::AddressProof;
use crate::mailbox::Mailbox;
use crate::relay::letter::{Letter, LetterKind, ReminderLetter, ReminderTopic};
use crate::retention::{Effect, ErasureOf};
use crate::transfer::{CaseKind, DueDates, Ending, HeldDeposit, ObjectLocator, RegisterLine, Transfer};
use crate::value::{Language, MailboxId, ProofId, Timestamp, Token};

impl App {
    /// Withdraws the deposit of a mailed link, as [`App::status_by_link`] shows it.
    pub async fn withdraw_by_link(
        &self,
        token: &Token,
        visitor: Visitor,
    ) -> Result<DepositStatus, StatusError> {
        let proof = self.proof_of_link(token).await?;
        self.withdraw(proof, visitor).await
    }

    /// Withdraws the deposit of a typed code, as [`App::status_by_code`] shows it.
    pub async fn withdraw_by_code(
        &self,
        proof: ProofId,
        browser: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<DepositStatus, StatusError> {
        let proof = self.proof_of_code(proof, browser, typed, visitor).await?;
        self.withdraw(proof, visitor).await
    }

    async fn withdraw(
        &self,
        proof: Option<AddressProof>,
        visitor: Visitor,
    ) -> Result<DepositStatus, StatusError> {
        for _ in 0..CONFLICT_TRIES {
            let (proof, sent) = self.proved(proof.clone(), visitor).await?;
            let by = Ender { actor: Actor::Person(proof.person), origin: visitor.web() };
            let now = self.believed_now()?;
            let outcome = match sent {
                Sent::Released(transfer) if transfer.is_live(now) => self.revoke_now(transfer.id, &by).await,
                Sent::Held(held) => self.withdraw_held(*held, &by, now).await,
                // Ended already, whoever ended it: nothing is left to withdraw.
                Sent::Released(_) | Sent::Ended(_) => {
                    let (transfer, mailbox, _, partner) = sent.whose();
                    let object = Object::Transfer { transfer, mailbox };
                    let outcome = Outcome::Refused(RefusalReason::TransferExpired);
                    let late = event(now, by.actor, Action::TransferRevoked, object, outcome, by.origin);
                    self.log_alone(late.concerning(partner)).await
                }
            };
            match outcome {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(()) => {
                    self.wake_delivery();
                    return self.show_status(Some(proof), visitor).await;
                }
            }
        }
        Err(AppError::Contended.into())
    }

    /// What is held ends without having been released: a line of the register says why.
    async fn withdraw_held(&self, held: HeldDeposit, by: &Ender, now: Timestamp) -> Result<(), AppError> {
        let found: Option<(HeldDeposit, u64)> = self.read(&Key::Held(held.id)).await?;
        // Released at this very moment: looked at once more.
        let Some((held, version)) = found else { return Err(AppError::Contended) };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Held(held.id), version);
        unit.delete(Key::Held(held.id));
        let object = Object::Transfer { transfer: held.id, mailbox: held.mailbox };
        let withdrawn = event(now, by.actor, Action::TransferRevoked, object, Outcome::Done, by.origin);
        self.log(&mut unit, withdrawn.concerning(held.depositor.partner))?;
        let letter = Withdrawn {
            reference: held.reference.clone(),
            title: held.title.to_string(),
            partner: held.depositor.partner_name.clone(),
            site: held.depositor.site.clone(),
            received_at: held.accepted_at,
            requires_tls: held.depositor.requires_tls(),
        };
        self.tell_withdrawn(&mut unit, &letter, held.mailbox, held.id, now, by.origin).await?;
        unit.put(line_of(&held, now));
        let of = ErasureOf::Transfer { transfer: held.id, mailbox: held.mailbox };
        let objects: Vec<ObjectLocator> = held.parts.into_iter().flat_map(|part| part.objects).collect();
        let erasing = self.intend(&mut unit, Effect::EraseObjects { of, objects }, now)?;
        self.store.commit(unit).await?;
        self.carry_out(erasing).await
    }

    /// Tells every mailbox that had a deposit that it was withdrawn, in the unit that ends it.
    pub(super) async fn tell_holders_withdrawn(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let letter = Withdrawn {
            reference: transfer.reference.clone(),
            title: transfer.title.to_string(),
            partner: transfer.depositor.partner_name.clone(),
            site: transfer.depositor.site.clone(),
            received_at: transfer.received_at,
            requires_tls: transfer.requires_tls(),
        };
        for holder in transfer.holders() {
            self.tell_withdrawn(unit, &letter, holder, transfer.id, now, origin).await?;
        }
        Ok(())
    }

    async fn tell_withdrawn(
        &self,
        unit: &mut UnitOfWork,
        withdrawn: &Withdrawn,
        mailbox: MailboxId,
        transfer: crate::value::TransferId,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
        let Some((mailbox, _)) = found else { return Ok(()) };
        let letter = Letter::Reminder(ReminderLetter {
            topic: ReminderTopic::Withdrawn,
            reference: withdrawn.reference.clone(),
            mailbox_name: mailbox.name.clone(),
            title: withdrawn.title.clone(),
            partner: withdrawn.partner.clone(),
            site: withdrawn.site.clone(),
            received_at: withdrawn.received_at,
            due_at: now,
            can_be_opened_until: now,
            path: format!("/transferts/{}", withdrawn.reference),
        });
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::Reminder,
            letter: &letter,
            to: &mailbox.notice_address,
            language: Language::Fr,
            mailbox: Some(mailbox.id),
            transfer: Some(transfer),
            written_at: now,
        })?;
        self.queue_mail(unit, mail.requiring_tls(withdrawn.requires_tls), origin)
    }
}

/// What the letter says of the deposit.
struct Withdrawn {
    reference: crate::value::Reference,
    title: String,
    partner: String,
    site: Option<String>,
    received_at: Timestamp,
    requires_tls: bool,
}

/// The line of a deposit that was withdrawn before it was released.
fn line_of(held: &HeldDeposit, now: Timestamp) -> RegisterLine {
    let site = held.form.as_ref().and_then(|form| form.site.clone());
    RegisterLine {
        transfer: held.id,
        reference: held.reference.clone(),
        mailbox: held.mailbox,
        partner: held.depositor.partner,
        site: site.or_else(|| held.depositor.site.clone()),
        depositor: held.depositor.person,
        route: held.route,
        received_at: held.accepted_at,
        file_count: held.file_count(),
        total_size: held.total_size(),
        dispatched_to: Vec::new(),
        first_opened_at: None,
        form: held.form.clone(),
        answers: held.answers,
        due: DueDates::default(),
        taken_at: None,
        answered: None,
        kind: CaseKind::New,
        ending: Some(Ending::Revoked),
        ended_at: Some(now),
    }
}
