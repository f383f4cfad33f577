//! The security officer reads the log (S2): filtered, newest first, with the names of professionals put in the place of
//! their pseudonyms. The officer sees no content and no title, and the reading itself is logged.

use std::collections::HashMap;

use super::ports::{Key, LogSearch, PersonName};
use super::{App, AppError, LogState, Signed, Visitor, event};
use crate::audit::{Action, Actor, Event, Object, Origin, Outcome, Selection};
use crate::identity::Account;
use crate::mailbox::Mailbox;
use crate::transfer::{RegisterLine, Transfer};
use crate::value::{MailAddress, MailboxId, PersonId, Timestamp, TransferId};

/// How many lines a page shows.
const LINES_PER_PAGE: usize = 100;
/// How many looks into the store a page takes at most.
const STEPS_PER_PAGE: usize = 20_000;

/// What the officer looks for.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalFilter {
    /// A person, as typed: an address, or a pseudonym as the log shows it once its name was erased.
    pub person: Option<String>,
    /// A mailbox.
    pub mailbox: Option<MailboxId>,
    /// An action.
    pub action: Option<Action>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
    /// Only entries with a lower index: where the page before ended.
    pub before: Option<u64>,
}

/// A line of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// The entry's index in the log.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// Who: an address, or none for the gateway itself and for strangers.
    pub who: Option<String>,
    /// The kind of actor.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what: a reference, a mailbox's name; none when there is nothing a person could look up.
    pub object: Option<String>,
    /// How it ended.
    pub outcome: Outcome,
    /// From where.
    pub origin: Origin,
}

/// A page of the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalPage {
    /// The lines, newest first.
    pub lines: Vec<JournalLine>,
    /// Where the next page begins, if there is one.
    pub next: Option<u64>,
    /// The log's health.
    pub state: LogState,
}

impl App {
    /// Reads a page. `None` when the person is no security officer: that is logged as a refusal.
    pub async fn read_log(
        &self,
        signed: &Signed,
        filter: &JournalFilter,
        visitor: Visitor,
    ) -> Result<Option<JournalPage>, AppError> {
        let actor = Actor::Person(signed.account.person);
        let told =
            |outcome| event(self.now().at, actor, Action::LogRead, Object::Log, outcome, visitor.web());
        if !signed.account.reads_log() {
            let refused = Outcome::Refused(crate::audit::RefusalReason::NotEntitled);
            self.log_alone(told(refused)).await?;
            return Ok(None);
        }
        let selection = Selection {
            person: filter.person.as_deref().map(|typed| self.typed_person(typed)).transpose()?,
            mailbox: filter.mailbox,
            actions: filter.action.into_iter().collect(),
            from: filter.from,
            until: filter.until,
            ..Selection::default()
        };
        let search = LogSearch { before: filter.before.unwrap_or(u64::MAX), ..LogSearch::newest(selection) };
        let found = self.store.search(&search, LINES_PER_PAGE, STEPS_PER_PAGE).await?;
        let (entries, next) = (found.entries, found.resume);
        let mut names = Names::default();
        let mut lines = Vec::with_capacity(entries.len());
        for (index, entry) in entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            lines.push(self.line(index, &event, &mut names).await?);
        }
        self.log_alone(told(Outcome::Done)).await?;
        Ok(Some(JournalPage { lines, next, state: self.log_state().await? }))
    }

    /// The pseudonym that was meant; what is neither an address nor a pseudonym is nobody, so that nothing is found.
    fn typed_person(&self, typed: &str) -> Result<PersonId, AppError> {
        match (typed.trim().parse(), MailAddress::parse(typed)) {
            (Ok(person), _) => Ok(person),
            (_, Ok(address)) => self.person_of(&address),
            _ => Ok(PersonId::new([0; 16])),
        }
    }

    async fn line(&self, index: u64, event: &Event, names: &mut Names) -> Result<JournalLine, AppError> {
        let who = match event.actor {
            Actor::Person(person) => Some(self.name_of(person, names).await?),
            _ => None,
        };
        let object = match event.object {
            Object::Transfer { transfer, .. }
            | Object::TransferPart { transfer, .. }
            | Object::TransferMail { transfer, .. } => self.reference_of(transfer, names).await?,
            Object::Mailbox(mailbox) => self.mailbox_name(mailbox, names).await?,
            Object::Account(account) => {
                let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
                found.map(|(account, _)| account.address.to_string())
            }
            Object::Day(day) => Some(day.to_string()),
            _ => None,
        };
        let Event { at, actor, action, outcome, origin, .. } = *event;
        Ok(JournalLine { index, at, who, actor, action, object, outcome, origin })
    }

    /// The address behind a pseudonym; the pseudonym itself when its name was erased (S5).
    async fn name_of(&self, person: PersonId, names: &mut Names) -> Result<String, AppError> {
        if let Some(name) = names.people.get(&person) {
            return Ok(name.clone());
        }
        let found: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
        let name = found.map_or_else(|| person.to_string(), |(name, _)| name.address.to_string());
        names.people.insert(person, name.clone());
        Ok(name)
    }

    async fn reference_of(
        &self,
        transfer: TransferId,
        names: &mut Names,
    ) -> Result<Option<String>, AppError> {
        if let Some(reference) = names.transfers.get(&transfer) {
            return Ok(reference.clone());
        }
        let live: Option<(Transfer, u64)> = self.read(&Key::Transfer(transfer)).await?;
        let reference = if let Some((transfer, _)) = live {
            Some(transfer.reference.to_string())
        } else {
            let ended: Option<(RegisterLine, u64)> = self.read(&Key::Register(transfer)).await?;
            ended.map(|(line, _)| line.reference.to_string())
        };
        names.transfers.insert(transfer, reference.clone());
        Ok(reference)
    }

    async fn mailbox_name(&self, mailbox: MailboxId, names: &mut Names) -> Result<Option<String>, AppError> {
        if let Some(name) = names.mailboxes.get(&mailbox) {
            return Ok(name.clone());
        }
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
        let name = found.map(|(mailbox, _)| mailbox.name);
        names.mailboxes.insert(mailbox, name.clone());
        Ok(name)
    }
}

/// What one page has looked up already.
#[derive(Default)]
struct Names {
    people: HashMap<PersonId, String>,
    transfers: HashMap<TransferId, Option<String>>,
    mailboxes: HashMap<MailboxId, Option<String>>,
}
