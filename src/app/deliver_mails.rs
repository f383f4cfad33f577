//! Delivers what waits in the queue (invariant 2: the intention is in the log since the mail was queued, the result
//! follows). A crash between the host's answer and the commit delivers the mail again, with the same Message-ID.
//! An acknowledgement takes its receipt along as it stands when it leaves.

use std::sync::{MutexGuard, PoisonError};

use futures_util::StreamExt;
use futures_util::stream::FuturesUnordered;

use super::letters::object_of;
use super::ports::{Dispatched, Key, List, OutgoingMail, SecretName, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Origin, Outcome, TlsVersion};
use crate::relay::destination::{Destination, Lanes};
use crate::relay::letter::{Addressing, Letter, LetterKind, message_id, render, return_address};
use crate::relay::queue::{DeliveryProblem, MAIL_LIFE, MailState, QueuedMail};
use crate::retention::KeyName;
use crate::value::{Domain, MailId, Millis, Timestamp};

/// Among how many waiting mails alerts are looked for while the clock is not believed.
const ALERTS_AMONG: usize = 1000;
/// Domains whose first mail is read at once.
const DOMAINS_AT_ONCE: usize = 32;
/// Domains that one look at the queue goes through.
const DOMAINS_MAX: usize = 2000;
/// Mails that one look gives up for their age.
const GIVEN_UP_AT_ONCE: usize = 50;
/// How often such mails are looked for.
const GIVES_UP_EVERY: Millis = Millis::seconds(10);

/// A mail that set out: nobody else tries it until this is dropped.
pub struct SetOut<'a> {
    app: &'a App,
    mail: QueuedMail,
    version: u64,
    destination: Destination,
}

impl Drop for SetOut<'_> {
    fn drop(&mut self) {
        self.app.lanes().release(&self.destination, self.mail.id);
    }
}

/// What a look at the queue found.
#[derive(Default)]
pub struct DueMails<'a> {
    /// Mails that may leave now.
    pub set_out: Vec<SetOut<'a>>,
    /// When the next one may, if that is known: one that is under way is not counted.
    pub next: Option<Timestamp>,
}

impl DueMails<'_> {
    fn not_before(&mut self, at: Timestamp) {
        self.next = Some(self.next.map_or(at, |next| next.min(at)));
    }
}

impl App {
    /// Tries each mail that is due, until none is any more. Returns how many were tried and when the next one is due, if
    /// any. For who does the work by hand; the jobs go on while a slow host is waited for.
    pub async fn deliver_due_mails(&self) -> Result<(usize, Option<Timestamp>), AppError> {
        let (mut under_way, mut tried) = (FuturesUnordered::new(), 0);
        loop {
            let due = match self.due_mails().await {
                // The alerts have left.
                Err(AppError::ClockNotBelieved) if tried > 0 => DueMails::default(),
                due => due?,
            };
            tried += due.set_out.len();
            under_way.extend(due.set_out.into_iter().map(|mail| self.deliver(mail)));
            match under_way.next().await {
                Some(outcome) => outcome?,
                None => return Ok((tried, due.next)),
            }
        }
    }

    /// Delivers one that set out, and notes what came of it.
    pub async fn deliver(&self, set_out: SetOut<'_>) -> Result<(), AppError> {
        let mail = &set_out.mail;
        let outcome = match self.rendered(mail).await {
            Ok((from, message)) => {
                let (to, protection) = (&mail.to, mail.protection());
                // Nobody reports of a report (RFC 3461 section 6.1).
                let from = Some(&from).filter(|_| mail.kind != LetterKind::Report);
                let outgoing = OutgoingMail { id: mail.id, from, to, message: &message, protection };
                self.delivery.deliver(outgoing).await
            }
            Err(error) => {
                tracing::error!(mail = %mail.id, error = %error, "mail.render_failed");
                Err(DeliveryProblem::Broken)
            }
        };
        let (now, jitter) = (self.now().at, self.random.bytes::<1>()[0]);
        let learned = outcome.as_ref().map(|_| ()).map_err(|problem| *problem);
        self.lanes().learn(&set_out.destination, learned, mail.protection(), now, jitter);
        metrics::counter!("pli_mails_out_total", "outcome" => outcome_code(&outcome)).increment(1);
        match self.note_delivery(mail.clone(), set_out.version, outcome.clone(), jitter).await {
            Err(error) if error.is_conflict() => self.note_again(mail.id, outcome, jitter).await,
            outcome => outcome,
        }
    }

    /// Somebody changed the mail while it was on its way: a bounce was noted, or an operator held it or gave it up. What left
    /// has left, whatever was decided meanwhile; else what the store says of the mail is newer.
    async fn note_again(
        &self,
        id: MailId,
        outcome: Result<Dispatched, DeliveryProblem>,
        jitter: u8,
    ) -> Result<(), AppError> {
        for _ in 0..CONFLICT_TRIES {
            let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(id)).await?;
            let Some((mail, version)) = found.filter(|(mail, _)| {
                let dropped =
                    matches!(mail.state, MailState::Failed { problem: DeliveryProblem::Dropped, .. });
                outcome.is_ok() && (mail.is_unfinished() || dropped)
            }) else {
                return Ok(());
            };
            match self.note_delivery(mail, version, outcome.clone(), jitter).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended)
    }

    /// The mails to be tried now, as many as may be under way. The queue is walked domain by domain, so that what waits for
    /// a host that does not answer costs nothing, however much it is; all in bounded steps. While the clock is not believed
    /// none leaves but alerts: they say so, and open nothing.
    pub async fn due_mails(&self) -> Result<DueMails<'_>, AppError> {
        let now = self.now();
        let mut due = DueMails::default();
        if !now.believed {
            let waiting = self.read_list(&List::MailsDueBy(now.at), ALERTS_AMONG).await?;
            let alerts: Vec<_> = waiting
                .into_iter()
                .filter(|(mail, _): &(QueuedMail, _)| mail.kind == LetterKind::Alert)
                .collect();
            self.set_out(&mut due, alerts, now.at);
            return if due.set_out.is_empty() { Err(AppError::ClockNotBelieved) } else { Ok(due) };
        }
        if self.is_time_to_give_up(now.at) {
            let more = self.give_up_old_mails(now.at).await? == GIVEN_UP_AT_ONCE;
            *self.gave_up_at.lock().unwrap_or_else(PoisonError::into_inner) = (!more).then_some(now.at);
            if more {
                due.not_before(now.at);
            }
        }
        let limits = self.delivery.limits();
        let mut walk = self.begin_walk();
        while !self.lanes().is_full(limits) {
            let heads: Vec<(QueuedMail, u64)> =
                self.read_list(&List::MailDomains { after: walk.after.clone() }, DOMAINS_AT_ONCE).await?;
            for (head, _) in &heads {
                let domain = head.to.domain();
                if walk.is_over(domain) {
                    return Ok(due);
                }
                if let Some(head_due) = head.due_at() {
                    self.set_out_to(&mut due, domain, head_due, now.at).await?;
                }
                walk.seen += 1;
                walk.after = Some(domain.clone());
                self.walked_to.lock().unwrap_or_else(PoisonError::into_inner).clone_from(&walk.after);
            }
            if heads.len() < DOMAINS_AT_ONCE && !walk.begin_again() {
                return Ok(due);
            }
            if walk.seen >= DOMAINS_MAX {
                due.not_before(now.at);
                return Ok(due);
            }
        }
        Ok(due)
    }

    /// Each look goes on where the last one ended, so that no domain's place in the alphabet is better than another's.
    fn begin_walk(&self) -> Walk {
        let from = self.walked_to.lock().unwrap_or_else(PoisonError::into_inner).clone();
        Walk { after: from.clone(), until: from, wrapped: false, seen: 0 }
    }

    /// What may leave for one domain.
    async fn set_out_to<'a>(
        &'a self,
        due: &mut DueMails<'a>,
        domain: &Domain,
        head_due: Timestamp,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let destination = self.delivery.destination(domain);
        let (room, under_way, trouble) = {
            let lanes = self.lanes();
            let room = lanes.room(&destination, now, self.delivery.limits());
            (room, lanes.under_way(&destination), lanes.trouble(&destination))
        };
        if head_due > now {
            due.not_before(head_due);
        } else if room > 0 {
            let list = List::MailsDueTo { domain: domain.clone(), by: now };
            let mails = self.read_list(&list, room + under_way).await?;
            self.set_out(due, mails, now);
        } else if let Some(trouble) = trouble
            && under_way == 0
        {
            due.not_before(trouble.next_probe_at);
        }
        Ok(())
    }

    fn set_out<'a>(&'a self, due: &mut DueMails<'a>, mails: Vec<(QueuedMail, u64)>, now: Timestamp) {
        let limits = self.delivery.limits();
        for (mail, version) in mails {
            // About to be given up.
            if mail.written_at + MAIL_LIFE < now {
                continue;
            }
            let destination = self.delivery.destination(mail.to.domain());
            let mut lanes = self.lanes();
            if lanes.room(&destination, now, limits) > 0 && lanes.begin(&destination, mail.id) {
                drop(lanes);
                due.set_out.push(SetOut { app: self, mail, version, destination });
            }
        }
    }

    /// Now and then is enough for what took five days; a clock that went back begins anew.
    fn is_time_to_give_up(&self, now: Timestamp) -> bool {
        let last = *self.gave_up_at.lock().unwrap_or_else(PoisonError::into_inner);
        last.is_none_or(|last| now < last || now >= last + GIVES_UP_EVERY)
    }

    /// Gives up mails that were never taken in five days; returns how many it looked at.
    async fn give_up_old_mails(&self, now: Timestamp) -> Result<usize, AppError> {
        let old: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsWaitingSince(now - MAIL_LIFE), GIVEN_UP_AT_ONCE).await?;
        let looked_at = old.len();
        for (mail, version) in old {
            if self.lanes().has(mail.id) {
                continue;
            }
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Mail(mail.id), version);
            let outcome = Outcome::Failed(FailureReason::GaveUp);
            let told = event(now, Actor::System, Action::MailFailed, object_of(&mail), outcome, Origin::Job)
                .with(Detail::Count(u64::from(mail.tries)));
            self.log(&mut unit, told)?;
            let mail = mail.failed(now, DeliveryProblem::TooLate);
            let mail = self.follow_up(&mut unit, mail, now, Origin::Job).await?;
            unit.put(mail);
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                outcome => drop(outcome?),
            }
        }
        Ok(looked_at)
    }

    /// A mail as it truly stands: one that waits behind a host in trouble is delayed by that, tried itself or not.
    pub(super) fn as_it_stands(&self, mail: QueuedMail) -> QueuedMail {
        let MailState::Queued { next_try_at, last_problem: None } = mail.state else { return mail };
        let Some(trouble) = self.lanes().trouble(&self.delivery.destination(mail.to.domain())) else {
            return mail;
        };
        let next_try_at = next_try_at.max(trouble.next_probe_at);
        QueuedMail { state: MailState::Queued { next_try_at, last_problem: Some(trouble.problem) }, ..mail }
    }

    pub(super) fn lanes(&self) -> MutexGuard<'_, Lanes> {
        self.lanes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn rendered(&self, mail: &QueuedMail) -> Result<(crate::value::MailAddress, Vec<u8>), AppError> {
        let sealed = mail.letter.as_ref().ok_or(AppError::Broken("queued mail without letter"))?;
        let plain = self.open_with(KeyName::Queue(mail.key_day), sealed)?;
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
        self.tag_links(&mut letter, mail.id)?;
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
        let key = self.keyring.secret(SecretName::MailTags)?;
        let from = return_address(mail.id, &key, domain).map_err(|_| AppError::Broken("return address"))?;
        Ok((from, message))
    }

    async fn note_delivery(
        &self,
        mail: QueuedMail,
        version: u64,
        outcome: Result<Dispatched, DeliveryProblem>,
        jitter: u8,
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
                let mail = mail.not_taken(now, problem, jitter);
                let failed = matches!(mail.state, MailState::Failed { .. });
                let action = if failed { Action::MailFailed } else { Action::MailDelayed };
                (mail, action, Outcome::Failed(reason_of(problem)), tries)
            }
        };
        self.log(&mut unit, event(now, Actor::System, action, object, outcome, Origin::Job).with(detail))?;
        let mail = self.follow_up(&mut unit, mail, now, Origin::Job).await?;
        unit.put(mail);
        self.store.commit(unit).await?;
        Ok(())
    }
}

/// A walk through the domains that have mails, once around.
struct Walk {
    after: Option<Domain>,
    /// Where it began.
    until: Option<Domain>,
    wrapped: bool,
    seen: usize,
}

impl Walk {
    /// Whether the walk has come around to where it began.
    fn is_over(&self, domain: &Domain) -> bool {
        self.wrapped && self.until.as_ref().is_some_and(|until| domain.as_str() > until.as_str())
    }

    /// From the first domain on, unless the walk began there or has been there.
    fn begin_again(&mut self) -> bool {
        let again = !self.wrapped && self.until.is_some();
        self.wrapped = true;
        self.after = None;
        again
    }
}

/// What came of a try, for figures.
const fn outcome_code(outcome: &Result<Dispatched, DeliveryProblem>) -> &'static str {
    match outcome {
        Ok(_) => "accepted",
        Err(problem) => problem.as_str(),
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
        DeliveryProblem::Unreachable | DeliveryProblem::NamesUnavailable | DeliveryProblem::Loop => {
            FailureReason::Connection
        }
        DeliveryProblem::TlsRequired | DeliveryProblem::NotOnward => FailureReason::Tls,
        DeliveryProblem::TryLater { .. }
        | DeliveryProblem::HostBusy { .. }
        | DeliveryProblem::Greylisted { .. }
        | DeliveryProblem::MailboxFull { .. } => FailureReason::PeerTemporary,
        DeliveryProblem::Refused { .. }
        | DeliveryProblem::UnknownRecipient { .. }
        | DeliveryProblem::AgainstPolicy { .. }
        | DeliveryProblem::NoMailDomain
        | DeliveryProblem::Bounced => FailureReason::PeerPermanent,
        DeliveryProblem::TooLate | DeliveryProblem::Dropped => FailureReason::GaveUp,
        DeliveryProblem::Broken => FailureReason::Internal,
    }
}
