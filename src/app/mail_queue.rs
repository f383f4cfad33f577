//! What waits to leave, as people see it who keep it going: states, reasons and ages, never a letter. An operator acts from
//! the machine, a security officer from a page; each act is an event with its actor. Retried, a mail keeps its Message-ID.

use serde::{Deserialize, Serialize};

use super::letters::object_of;
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::relay::destination::Destination;
use crate::relay::letter::LetterKind;
use crate::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use crate::value::{MailAddress, MailId, MailboxId, Timestamp};

/// Mails that one page looks at, whether they are meant or not.
const LOOKED_AT_MAX: usize = 2000;
/// Mails read at once.
const READ_AT_ONCE: usize = 64;
/// Mails that are counted for figures; more, and the count says so.
pub const COUNTED_MAX: usize = 5000;

/// How a mail waits.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueState {
    /// For its first try, or for its turn.
    Waiting,
    /// For its next try: the last one failed, or its host's did.
    Delayed,
    /// An operator holds it back.
    Held,
    /// A restore suspended it.
    Suspended,
}

impl QueueState {
    /// All of them.
    pub const ALL: [Self; 4] = [Self::Waiting, Self::Delayed, Self::Held, Self::Suspended];

    /// The word for figures and scripts.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Waiting => "waiting",
            Self::Delayed => "delayed",
            Self::Held => "held",
            Self::Suspended => "suspended",
        }
    }
}

/// Which mails are meant: all that nothing is said against.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueueFilter {
    /// Those that speak for a mailbox.
    pub mailbox: Option<MailboxId>,
    /// Those for a destination.
    pub destination: Option<String>,
    /// Those that wait so.
    pub state: Option<QueueState>,
}

/// A mail in the queue.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct QueueLine {
    /// Its id.
    pub id: MailId,
    /// What it is for.
    pub kind: LetterKind,
    /// Who gets it: for who may know it.
    pub to: MailAddress,
    /// The mailbox that it speaks for.
    pub mailbox: Option<MailboxId>,
    /// Where it goes.
    pub destination: Destination,
    /// Since when it waits.
    pub written_at: Timestamp,
    /// How often it was tried itself.
    pub tries: u32,
    /// How it waits; none when it left or was given up.
    pub state: Option<QueueState>,
    /// Why the last try failed, its own or its host's; or why it was given up.
    pub problem: Option<DeliveryProblem>,
    /// When it is tried next.
    pub next_try_at: Option<Timestamp>,
}

/// A page of the queue.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct QueuePage {
    /// The mails, oldest first.
    pub lines: Vec<QueueLine>,
    /// Where the next page begins; none at the end.
    pub next: Option<(Timestamp, MailId)>,
}

/// How many mails wait.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct QueueDepth {
    /// By state, in the order of [`QueueState::ALL`].
    pub counts: [usize; 4],
    /// When the oldest was written.
    pub oldest: Option<Timestamp>,
    /// There are more than were counted.
    pub is_cut: bool,
    /// Destinations that take no mail at present.
    pub destinations_in_trouble: usize,
}

/// What is done with a mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum QueueChange {
    /// It is tried now, and its destination is asked again.
    Retry,
    /// It is kept back.
    Hold,
    /// It is given up, its letter erased; who waits for it or asked to be told learns so.
    Drop,
}

impl App {
    /// A page of the queue. It looks at a bounded number of mails, whatever is asked for, and may find none of them.
    pub async fn queue_page(
        &self,
        filter: &QueueFilter,
        after: Option<(Timestamp, MailId)>,
        limit: usize,
    ) -> Result<QueuePage, AppError> {
        let (mut page, mut looked_at) = (QueuePage { next: after, ..QueuePage::default() }, 0);
        loop {
            let list = List::UnfinishedMails { after: page.next };
            let mails: Vec<(QueuedMail, u64)> = self.read_list(&list, READ_AT_ONCE).await?;
            let whole = mails.len() == READ_AT_ONCE;
            for (mail, _) in mails {
                if page.lines.len() == limit || looked_at == LOOKED_AT_MAX {
                    return Ok(page);
                }
                looked_at += 1;
                page.next = Some((mail.written_at, mail.id));
                let line = self.line_of(mail);
                if filter.means(&line) {
                    page.lines.push(line);
                }
            }
            if !whole {
                return Ok(QueuePage { next: None, ..page });
            }
        }
    }

    /// One mail, also when it left or was given up.
    pub async fn queued_mail(&self, id: MailId) -> Result<Option<QueueLine>, AppError> {
        let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(id)).await?;
        Ok(found.map(|(mail, _)| self.line_of(mail)))
    }

    /// Changes one mail, in one commit with its event. `false` when there is none that still waits.
    pub async fn change_queue(
        &self,
        id: MailId,
        change: QueueChange,
        actor: Actor,
        origin: Origin,
    ) -> Result<bool, AppError> {
        for _ in 0..CONFLICT_TRIES {
            match self.change_once(id, change, actor, origin).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended)
    }

    async fn change_once(
        &self,
        id: MailId,
        change: QueueChange,
        actor: Actor,
        origin: Origin,
    ) -> Result<bool, AppError> {
        let found: Option<(QueuedMail, u64)> = self.read(&Key::Mail(id)).await?;
        let Some((mail, version)) = found.filter(|(mail, _)| mail.is_unfinished()) else { return Ok(false) };
        let now = self.now().at;
        let (object, destination) = (object_of(&mail), self.delivery.destination(mail.to.domain()));
        let (mail, action) = match change {
            // Its link opens nothing since a restore: it can only be given up.
            QueueChange::Retry if mail.is_void() => return Ok(false),
            QueueChange::Retry => (mail.retried(now), Action::MailRetried),
            QueueChange::Hold if !matches!(mail.state, MailState::Queued { .. }) => return Ok(false),
            QueueChange::Hold => (mail.held(now), Action::MailHeld),
            QueueChange::Drop => (mail.failed(now, DeliveryProblem::Dropped), Action::MailCancelled),
        };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Mail(id), version);
        self.log(&mut unit, event(now, actor, action, object, Outcome::Done, origin))?;
        // Who waits for it, or asked to be told, learns that it was given up.
        let mail = match change {
            QueueChange::Drop => self.follow_up(&mut unit, mail, now, origin).await?,
            QueueChange::Retry | QueueChange::Hold => mail,
        };
        unit.put(mail);
        self.store.commit(unit).await?;
        if change == QueueChange::Retry {
            self.lanes().forget_trouble(&destination);
        }
        if change != QueueChange::Hold {
            self.wake_delivery();
        }
        Ok(true)
    }

    /// The queue for a security officer; the look is logged. `None` when the person is none: that is logged as a refusal.
    pub async fn officer_reads_queue(
        &self,
        signed: &Signed,
        filter: &QueueFilter,
        after: Option<(Timestamp, MailId)>,
        limit: usize,
        visitor: Visitor,
    ) -> Result<Option<QueuePage>, AppError> {
        if !self.officer_at_queue(signed, visitor).await? {
            return Ok(None);
        }
        Ok(Some(self.queue_page(filter, after, limit).await?))
    }

    /// A security officer changes one mail. `None` when the person is none: that is logged as a refusal.
    pub async fn officer_changes_queue(
        &self,
        signed: &Signed,
        id: MailId,
        change: QueueChange,
        visitor: Visitor,
    ) -> Result<Option<bool>, AppError> {
        if !signed.account.reads_log() {
            self.officer_at_queue(signed, visitor).await?;
            return Ok(None);
        }
        let actor = Actor::Person(signed.account.person);
        self.change_queue(id, change, actor, visitor.web()).await.map(Some)
    }

    async fn officer_at_queue(&self, signed: &Signed, visitor: Visitor) -> Result<bool, AppError> {
        let is_officer = signed.account.reads_log();
        let outcome = if is_officer { Outcome::Done } else { Outcome::Refused(RefusalReason::NotEntitled) };
        let actor = Actor::Person(signed.account.person);
        let looked = event(self.now().at, actor, Action::MailQueueRead, Object::None, outcome, visitor.web());
        self.log_alone(looked).await?;
        Ok(is_officer)
    }

    /// How many mails wait, for figures: the oldest are counted.
    pub async fn queue_depth(&self) -> Result<QueueDepth, AppError> {
        let (mut depth, mut after, mut counted) = (QueueDepth::default(), None, 0);
        depth.destinations_in_trouble = self.lanes().troubles().count();
        loop {
            let mails: Vec<(QueuedMail, u64)> =
                self.read_list(&List::UnfinishedMails { after }, READ_AT_ONCE).await?;
            for (mail, _) in &mails {
                after = Some((mail.written_at, mail.id));
                depth.oldest.get_or_insert(mail.written_at);
                counted += 1;
                let state = self.line_of(mail.clone()).state;
                let at = QueueState::ALL.iter().position(|known| Some(*known) == state);
                if let Some(count) = at.and_then(|at| depth.counts.get_mut(at)) {
                    *count += 1;
                }
            }
            if mails.len() < READ_AT_ONCE {
                return Ok(depth);
            }
            if counted >= COUNTED_MAX {
                depth.is_cut = true;
                return Ok(depth);
            }
        }
    }

    fn line_of(&self, mail: QueuedMail) -> QueueLine {
        let mail = self.as_it_stands(mail);
        let (state, problem) = match &mail.state {
            MailState::Queued { last_problem: None, .. } => (Some(QueueState::Waiting), None),
            MailState::Queued { last_problem, .. } => (Some(QueueState::Delayed), *last_problem),
            MailState::Held { .. } => (Some(QueueState::Held), None),
            MailState::Suspended { .. } => (Some(QueueState::Suspended), None),
            MailState::Accepted { .. } => (None, None),
            MailState::Failed { problem, .. } => (None, Some(*problem)),
        };
        QueueLine {
            id: mail.id,
            kind: mail.kind,
            destination: self.delivery.destination(mail.to.domain()),
            next_try_at: mail.due_at(),
            to: mail.to,
            mailbox: mail.mailbox,
            written_at: mail.written_at,
            tries: mail.tries,
            state,
            problem,
        }
    }
}

impl QueueFilter {
    fn means(&self, line: &QueueLine) -> bool {
        self.mailbox.is_none_or(|mailbox| line.mailbox == Some(mailbox))
            && self.state.is_none_or(|state| line.state == Some(state))
            && self.destination.as_ref().is_none_or(|to| {
                line.destination.to_string() == *to || line.to.domain().as_str() == to.as_str()
            })
    }
}
