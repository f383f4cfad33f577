//! A notice that does not arrive (invariant 10): its mailbox is known as out of reach, and others are told, at the mailbox's
//! second address and its managers at theirs, once for each notice. What they are told is followed up by nobody: no loop.
//!
//! Followed up when a host refused, a bounce came, or time is over, in the commit that notes it; and looked for among what
//! waits for longer than the policy's patience. A delay that the next host reports is a silence too.

use std::collections::HashMap;
use std::collections::hash_map::Entry;

use thiserror::Error;

use super::letters::{NewLetter, object_of};
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, By, CONFLICT_TRIES, event};
use crate::audit::{Action, Actor, FailureReason, Object, Origin, Outcome, RefusalReason};
use crate::identity::Account;
use crate::mailbox::{Mailbox, Pulse};
use crate::relay::letter::{Letter, LetterKind, UndeliveredLetter};
use crate::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use crate::relay::truth::Cause;
use crate::transfer::Transfer;
use crate::value::{Language, MailAddress, MailboxId, Timestamp};

/// Waiting mails, the oldest first, that one look for silences goes through.
const SILENCES_MAX: usize = 1000;

/// Accounts among which the managers of a mailbox are looked for.
const ACCOUNTS_MAX: usize = 10_000;
/// Managers of one mailbox who are told.
const MANAGERS_TOLD_MAX: usize = 10;

/// Why an address cannot be a mailbox's second one. The operator must name another.
#[derive(Debug, Error)]
pub enum SecondAddressError {
    /// It is the first one.
    #[error("the second address for notices is another one than the first")]
    IsFirst,
    /// What is sent there would come back as a deposit.
    #[error("notices must not go to an address that takes deposits")]
    TakesDeposits,
    /// Mail to the gateway's own domain comes back to it.
    #[error("notices must not go to an address of the gateway itself")]
    IsOurs,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Says who else is told when a notice to a mailbox does not arrive; none is nobody.
    pub async fn set_second_notice_address(
        &self,
        mailbox: MailboxId,
        second: Option<MailAddress>,
        origin: Origin,
    ) -> Result<(), SecondAddressError> {
        self.set_second_notice_address_by(mailbox, second, By::operator(origin)).await
    }

    /// As [`App::set_second_notice_address`], by whoever may.
    pub(super) async fn set_second_notice_address_by(
        &self,
        mailbox: MailboxId,
        second: Option<MailAddress>,
        by: By<'_>,
    ) -> Result<(), SecondAddressError> {
        for _ in 0..CONFLICT_TRIES {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
            let (mut mailbox, version) = found.ok_or(AppError::Broken("mailbox that is changed"))?;
            let told = |outcome| {
                let object = Object::Mailbox(mailbox.id);
                event(self.now().at, by.actor(), Action::MailboxChanged, object, outcome, by.origin)
            };
            if let Some(second) = &second
                && let Err(refusal) = self.may_be_second(&mailbox, second).await
            {
                self.log_alone(told(Outcome::Refused(RefusalReason::PolicyDenied))).await?;
                return Err(refusal);
            }
            let mut unit = UnitOfWork::default();
            self.log(&mut unit, told(Outcome::Done))?;
            unit.expect_unchanged(Key::Mailbox(mailbox.id), version);
            mailbox.second_notice_address.clone_from(&second);
            unit.put(mailbox);
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
        Err(AppError::Contended.into())
    }

    async fn may_be_second(&self, mailbox: &Mailbox, second: &MailAddress) -> Result<(), SecondAddressError> {
        if *second == mailbox.notice_address {
            return Err(SecondAddressError::IsFirst);
        }
        if self.mailboxes().await?.iter().any(|other| other.deposit_address == *second) {
            return Err(SecondAddressError::TakesDeposits);
        }
        let is_ours = *second == self.settings.mail_from || *second.domain() == self.settings.mail_domain;
        if is_ours { Err(SecondAddressError::IsOurs) } else { Ok(()) }
    }

    /// Draws the consequences of what became of a mail, in the unit that notes it: its sender is told, if that was asked for;
    /// of a failure, the mailbox is known as out of reach.
    pub(super) async fn follow_up(
        &self,
        unit: &mut UnitOfWork,
        mail: QueuedMail,
        now: Timestamp,
        origin: Origin,
    ) -> Result<QueuedMail, AppError> {
        let mail = self.report_state(unit, mail, now, origin).await?;
        if !matches!(mail.state, MailState::Failed { .. }) {
            return Ok(mail);
        }
        let Some(mailbox) = self.mailbox_that_misses(&mail).await? else { return Ok(mail) };
        let is_news = self.note_out_of_reach(unit, &mail, &mailbox, now, origin).await?;
        // A dead mailbox is asked each day whether it lives: that it does not is told once. An operator who dropped the
        // question says nothing of it.
        let is_dropped = matches!(mail.state, MailState::Failed { problem: DeliveryProblem::Dropped, .. });
        if mail.kind == LetterKind::Heartbeat && (!is_news || is_dropped) {
            return Ok(mail);
        }
        let others = self.told_instead(&mailbox).await?;
        self.tell_elsewhere(unit, mail, &mailbox, &others, now, origin).await
    }

    /// Tells the others of a notice that left and waits further on, as a report says: a silence like one of ours, and no
    /// failure.
    pub(super) async fn follow_up_delay(
        &self,
        unit: &mut UnitOfWork,
        mail: QueuedMail,
        now: Timestamp,
        origin: Origin,
    ) -> Result<QueuedMail, AppError> {
        if mail.kind == LetterKind::Heartbeat {
            return Ok(mail);
        }
        let Some(mailbox) = self.mailbox_that_misses(&mail).await? else { return Ok(mail) };
        let others = self.told_instead(&mailbox).await?;
        self.tell_elsewhere(unit, mail, &mailbox, &others, now, origin).await
    }

    /// Tells the second addresses and managers of notices that wait for longer than the policy's patience, whether they were tried
    /// themselves or wait behind a host that does not answer. Returns how many it told of.
    pub async fn tell_of_silences(&self) -> Result<usize, AppError> {
        let now = self.now();
        if !now.believed {
            return Ok(0);
        }
        let since = now.at - self.policies.load().alerts.notice_silence;
        let waiting: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsWaitingSince(since), SILENCES_MAX).await?;
        let (mut told, mut known) = (0, HashMap::new());
        for (mail, version) in waiting {
            if mail.told_elsewhere || mail.kind == LetterKind::Heartbeat {
                continue;
            }
            let Some(mailbox) = self.mailbox_that_misses(&mail).await? else { continue };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Mail(mail.id), version);
            // In an outage many notices of few mailboxes wait.
            let others = match known.entry(mailbox.id) {
                Entry::Occupied(known) => known.into_mut(),
                Entry::Vacant(unknown) => unknown.insert(self.told_instead(&mailbox).await?),
            };
            let mail = self.tell_elsewhere(&mut unit, mail, &mailbox, others, now.at, Origin::Job).await?;
            if !mail.told_elsewhere {
                continue;
            }
            unit.put(mail);
            match self.store.commit(unit).await.map_err(AppError::from) {
                // It was tried meanwhile; the next look sees what came of it.
                Err(error) if error.is_conflict() => {}
                outcome => {
                    outcome?;
                    told += 1;
                }
            }
        }
        if told > 0 {
            self.wake_delivery();
        }
        Ok(told)
    }

    /// Tells the others, if there are any and they were not told.
    async fn tell_elsewhere(
        &self,
        unit: &mut UnitOfWork,
        mail: QueuedMail,
        mailbox: &Mailbox,
        others: &[Other],
        now: Timestamp,
        origin: Origin,
    ) -> Result<QueuedMail, AppError> {
        if mail.told_elsewhere || others.is_empty() {
            return Ok(mail);
        }
        for other in others {
            self.tell_other(unit, &mail, mailbox, other, now, origin).await?;
        }
        Ok(QueuedMail { told_elsewhere: true, ..mail })
    }

    /// Who is told in the place of a mailbox: its second address, and its managers. None of them takes deposits.
    async fn told_instead(&self, mailbox: &Mailbox) -> Result<Vec<Other>, AppError> {
        let second = mailbox.second_notice_address.clone();
        let mut others: Vec<Other> = second
            .into_iter()
            .map(|address| Other { address, language: Language::Fr, is_manager: false })
            .collect();
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let managers = accounts.into_iter().map(|(account, _)| account).filter(|account| {
            account.is_active() && account.reads(mailbox.id) && account.manages.contains(&mailbox.id)
        });
        for Account { address, language, .. } in managers.take(MANAGERS_TOLD_MAX) {
            let is_new = others.iter().all(|other| other.address != address);
            if is_new && self.may_be_second(mailbox, &address).await.is_ok() {
                others.push(Other { address, language, is_manager: true });
            }
        }
        Ok(others)
    }

    /// The mailbox that was to get this mail at its address for notices.
    async fn mailbox_that_misses(&self, mail: &QueuedMail) -> Result<Option<Mailbox>, AppError> {
        let Some(id) = mail.mailbox.filter(|_| is_followed(mail.kind)) else { return Ok(None) };
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
        Ok(found.map(|(mailbox, _)| mailbox).filter(|mailbox| mailbox.notice_address == mail.to))
    }

    /// Notes that mail to a mailbox does not arrive; says whether that was not known. A defect of ours says nothing of it.
    async fn note_out_of_reach(
        &self,
        unit: &mut UnitOfWork,
        mail: &QueuedMail,
        mailbox: &Mailbox,
        now: Timestamp,
        origin: Origin,
    ) -> Result<bool, AppError> {
        let is_ours = matches!(
            mail.state,
            MailState::Failed { problem: DeliveryProblem::Broken | DeliveryProblem::Dropped, .. }
        );
        if is_ours {
            return Ok(true);
        }
        let found: Option<(Pulse, u64)> = self.read(&Key::Pulse(mailbox.id)).await?;
        let pulse = found.map_or_else(|| Pulse::new(mailbox.id, now), |(pulse, _)| pulse);
        if pulse.dead_since.is_some() {
            return Ok(false);
        }
        let (action, object) = (Action::MailboxUnreachable, Object::Mailbox(mailbox.id));
        let outcome = Outcome::Failed(FailureReason::PeerPermanent);
        self.log(unit, event(now, Actor::System, action, object, outcome, origin))?;
        unit.put(pulse.dead(now));
        Ok(true)
    }

    async fn tell_other(
        &self,
        unit: &mut UnitOfWork,
        mail: &QueuedMail,
        mailbox: &Mailbox,
        other: &Other,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let transfer = match mail.transfer {
            Some(id) => self.read::<Transfer>(&Key::Transfer(id)).await?.map(|(transfer, _)| transfer),
            None => None,
        };
        let cause = self.as_it_stands(mail.clone()).cause().unwrap_or(Cause::StillWaiting);
        let letter = Letter::Undelivered(UndeliveredLetter {
            mailbox_name: mailbox.name.clone(),
            to_manager: other.is_manager,
            notice_address: mailbox.notice_address.to_string(),
            reference: transfer.as_ref().map(|transfer| transfer.reference.clone()),
            can_be_opened_until: transfer.as_ref().map(|transfer| transfer.expires_at),
            still_waits: !matches!(mail.state, MailState::Failed { .. }),
            is_further_on: matches!(mail.state, MailState::Accepted { .. }),
            because_fr: cause.told(Language::Fr).to_owned(),
            because_en: cause.told(Language::En).to_owned(),
            path: transfer.as_ref().map_or_else(
                || "/boites".to_owned(),
                |transfer| format!("/transferts/{}", transfer.reference),
            ),
        });
        let written = self.write_letter(&NewLetter {
            kind: LetterKind::Undelivered,
            letter: &letter,
            to: &other.address,
            language: other.language,
            mailbox: Some(mailbox.id),
            transfer: mail.transfer,
            written_at: now,
        })?;
        let told =
            event(now, Actor::System, Action::SecondAddressTold, object_of(mail), Outcome::Done, origin);
        self.log(unit, told)?;
        self.queue_mail(unit, written.requiring_tls(mail.requires_tls), origin)
    }
}

/// Somebody who is told in the place of a mailbox.
struct Other {
    address: MailAddress,
    language: Language,
    /// As a manager; else at the second address.
    is_manager: bool,
}

/// Which letters tell a mailbox of what waits. Those to the others are not among them.
const fn is_followed(kind: LetterKind) -> bool {
    matches!(kind, LetterKind::Notice | LetterKind::Hold | LetterKind::Heartbeat)
}
