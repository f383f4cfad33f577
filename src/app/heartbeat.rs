//! Whether a mailbox's notices arrive (V5): proved by whoever presses the button of a notice or of a heartbeat, which carry
//! a keyed tag; asked for by a mail where nothing proved it for a while. A dead mail system blocks no deposit: this only
//! says so, to the security officer and on the pages.

use std::collections::BTreeMap;

use super::letters::{NewLetter, object_of};
use super::ports::{Key, List, SecretName, UnitOfWork};
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::mailbox::{COMES_BACK_WITHIN, Mailbox, Pulse};
use crate::relay::letter::{HeartbeatLetter, Letter, LetterKind, MailTag, SecretText, TaggedMail};
use crate::relay::queue::{MailState, QueuedMail};
use crate::relay::truth::Reported;
use crate::value::{Language, MailId, MailboxId, Millis, Timestamp};

/// The page with the button of a heartbeat, below the base URL.
pub const HEARTBEAT_PATH: &str = "/avis-recus/";
/// What was proved is not noted again within this time.
const NOTED_EVERY: Millis = Millis::hours(1);
/// Mailboxes that are looked at.
const MAILBOXES_MAX: usize = 10_000;

impl App {
    /// Asks the mailboxes of which nothing was heard for so long as the policy says. Returns how many.
    pub async fn ask_silent_mailboxes(&self) -> Result<usize, AppError> {
        let now = self.now();
        let Some(every) = self.policies.load().alerts.heartbeat.filter(|_| now.believed) else {
            return Ok(0);
        };
        let mut asked = 0;
        for mailbox in self.mailboxes().await? {
            let found: Option<(Pulse, u64)> = self.read(&Key::Pulse(mailbox.id)).await?;
            let mut unit = UnitOfWork::default();
            let pulse = if let Some((pulse, version)) = found {
                unit.expect_unchanged(Key::Pulse(mailbox.id), version);
                self.revived(&mut unit, pulse, now.at).await?
            } else {
                unit.put(Pulse::new(mailbox.id, now.at));
                Pulse::new(mailbox.id, now.at)
            };
            if pulse.is_due(now.at, every) {
                self.ask(&mut unit, &mailbox, pulse, every, now.at)?;
                asked += 1;
            }
            if !unit.changes.is_empty() {
                match self.store.commit(unit).await.map_err(AppError::from) {
                    // It was heard of meanwhile; the next look sees it.
                    Err(error) if error.is_conflict() => {}
                    outcome => drop(outcome?),
                }
            }
        }
        if asked > 0 {
            self.wake_delivery();
        }
        Ok(asked)
    }

    /// Notes that a person had a mail of ours before them: who presses its button proves it by the tag. Says whether the
    /// proof holds.
    pub async fn note_mail_read(&self, claimed: TaggedMail, visitor: Visitor) -> Result<bool, AppError> {
        let now = self.now().at;
        let told = |object, outcome| {
            event(now, Actor::Anonymous, Action::MailboxHeard, object, outcome, visitor.web())
        };
        let key = self.keyring.secret(SecretName::MailTags)?;
        if claimed.tag != MailTag::of_reading(&key, claimed.mail) {
            let refused = Outcome::Refused(RefusalReason::ProofWrong);
            self.log_alone(told(Object::None, refused)).await?;
            return Ok(false);
        }
        let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(claimed.mail)).await?;
        // The mail's record may be gone after its time: it was ours all the same.
        let Some((mail, mailbox)) = found.and_then(|(mail, _)| Some((mail.clone(), mail.mailbox?))) else {
            return Ok(true);
        };
        let pulse = self.pulse_of(mailbox).await?.unwrap_or_else(|| Pulse::new(mailbox, now));
        let is_fresh = pulse.heard_at.is_some_and(|at| now < at + NOTED_EVERY) && pulse.dead_since.is_none();
        if !is_fresh {
            let mut unit = UnitOfWork::default();
            self.log(&mut unit, told(object_of(&mail), Outcome::Done))?;
            unit.put(pulse.heard(now));
            self.store.commit(unit).await?;
        }
        Ok(true)
    }

    /// Since when notices do not reach each mailbox that they do not reach.
    pub async fn unreachable_mailboxes(&self) -> Result<BTreeMap<MailboxId, Timestamp>, AppError> {
        let pulses: Vec<(Pulse, u64)> = self.read_list(&List::Pulses, MAILBOXES_MAX).await?;
        Ok(pulses.into_iter().filter_map(|(pulse, _)| Some((pulse.mailbox, pulse.dead_since?))).collect())
    }

    /// Gives the links of a letter that leaves the tag by which its reading is proved.
    pub(super) fn tag_links(&self, letter: &mut Letter, mail: MailId) -> Result<(), AppError> {
        let tag = MailTag::of_reading(&self.keyring.secret(SecretName::MailTags)?, mail);
        let tagged = TaggedMail { mail, tag };
        match letter {
            Letter::Notice { path, .. } => path.extend(["?avis=", &tagged.to_string()]),
            Letter::Heartbeat(asked) => {
                asked.path = SecretText::new(format!("{}{tagged}", asked.path.expose()));
            }
            _ => {}
        }
        Ok(())
    }

    /// Notes in a unit that a mail of this mailbox is known to have arrived.
    pub(super) async fn note_arrival(
        &self,
        unit: &mut UnitOfWork,
        mail: &QueuedMail,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let to_mailbox = matches!(mail.kind, LetterKind::Notice | LetterKind::Heartbeat);
        if let Some(mailbox) = mail.mailbox.filter(|_| to_mailbox) {
            let pulse = self.pulse_of(mailbox).await?.unwrap_or_else(|| Pulse::new(mailbox, now));
            unit.put(pulse.heard(now));
        }
        Ok(())
    }

    /// A dead mailbox whose last heartbeat was accepted, and came back not for a day, takes mail again.
    async fn revived(&self, unit: &mut UnitOfWork, pulse: Pulse, now: Timestamp) -> Result<Pulse, AppError> {
        let (Some(dead_since), Some((mail, asked_at))) = (pulse.dead_since, pulse.asked) else {
            return Ok(pulse);
        };
        if asked_at < dead_since {
            return Ok(pulse);
        }
        let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(mail)).await?;
        let is_taken = found.is_some_and(|(mail, _)| match mail.state {
            MailState::Accepted { at, report, .. } => {
                let is_delayed = report.is_some_and(|report| report.what == Reported::Delayed);
                !is_delayed && at + COMES_BACK_WITHIN <= now
            }
            _ => false,
        });
        if !is_taken {
            return Ok(pulse);
        }
        let (action, object) = (Action::MailboxHeard, Object::Mailbox(pulse.mailbox));
        self.log(unit, event(now, Actor::System, action, object, Outcome::Done, Origin::Job))?;
        let pulse = pulse.takes_mail_again();
        unit.put(pulse.clone());
        Ok(pulse)
    }

    fn ask(
        &self,
        unit: &mut UnitOfWork,
        mailbox: &Mailbox,
        pulse: Pulse,
        every: Millis,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let letter = Letter::Heartbeat(HeartbeatLetter {
            mailbox_name: mailbox.name.clone(),
            every_days: every.0 / Millis::days(1).0,
            path: SecretText::new(HEARTBEAT_PATH.to_owned()),
        });
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::Heartbeat,
            letter: &letter,
            to: &mailbox.notice_address,
            language: Language::Fr,
            mailbox: Some(mailbox.id),
            transfer: None,
            written_at: now,
        })?;
        let object = Object::Mailbox(mailbox.id);
        let action = Action::HeartbeatQueued;
        self.log(unit, event(now, Actor::System, action, object, Outcome::Done, Origin::Job))?;
        unit.put(pulse.asked(mail.id, now));
        self.queue_mail(unit, mail, Origin::Job)
    }

    async fn pulse_of(&self, mailbox: MailboxId) -> Result<Option<Pulse>, AppError> {
        Ok(self.read(&Key::Pulse(mailbox)).await?.map(|(pulse, _): (Pulse, u64)| pulse))
    }
}
