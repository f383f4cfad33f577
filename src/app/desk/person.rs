//! A person's activity: who it is, what the person did lately, and what was done to the person's account.

use std::collections::BTreeMap;

use super::names::{Named, Names};
use super::timeline::JournalLine;
use super::{LINES_PER_PAGE, STEPS_PER_PAGE};
use crate::app::ports::{List, LogSearch};
use crate::app::{App, AppError, LogState, Signed, Visitor};
use crate::audit::{Action, LogView, Origin, OutcomeClass, Selection};
use crate::identity::{Account, Role};
use crate::value::{AccountId, MailAddress, PersonId, Timestamp};

/// How many of the person's latest events are counted.
const COUNTED_MAX: usize = 5000;
/// How many network addresses are told.
const ORIGINS_MAX: usize = 20;

/// Who the person is, as far as it is still known.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonFacts {
    /// The name.
    pub named: Named,
    /// The account, if there is one.
    pub account: Option<AccountId>,
    /// What the account may do.
    pub role: Option<Role>,
    /// Whether the account may sign in.
    pub is_active: bool,
    /// The mailboxes that it is a member of, by name.
    pub mailboxes: Vec<String>,
}

/// A person's activity.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PersonActivity {
    /// Who.
    pub facts: PersonFacts,
    /// How often each action ended how, most often first.
    pub counts: Vec<(Action, OutcomeClass, u64)>,
    /// From where, most often first, at most [`ORIGINS_MAX`].
    pub origins: Vec<(Origin, u64)>,
    /// The first and the last instant of what was counted.
    pub span: Option<(Timestamp, Timestamp)>,
    /// How many events were counted, and whether there are more.
    pub counted: u64,
    /// There are older events that were not counted.
    pub is_cut: bool,
    /// The latest events.
    pub latest: Vec<JournalLine>,
    /// The latest events about the person's account that others caused.
    pub account_events: Vec<JournalLine>,
    /// The log's health.
    pub state: LogState,
}

impl App {
    /// Tells a person's activity. `None` when who asks is no security officer; `Some(None)` when what was typed is
    /// neither an address nor a pseudonym.
    pub async fn tell_person(
        &self,
        signed: &Signed,
        typed: &str,
        visitor: Visitor,
    ) -> Result<Option<Option<PersonActivity>>, AppError> {
        if !self.officer_looks(signed, LogView::Person, visitor).await? {
            return Ok(None);
        }
        let Some(person) = self.typed_person(typed)? else { return Ok(Some(None)) };
        let mut names = Names::default();
        let facts = self.facts(person, &mut names).await?;
        let mut activity = PersonActivity {
            counts: Vec::new(),
            origins: Vec::new(),
            span: None,
            counted: 0,
            is_cut: false,
            latest: Vec::new(),
            account_events: match facts.account {
                Some(account) => self.account_events(account, &mut names).await?,
                None => Vec::new(),
            },
            facts,
            state: self.log_state().await?,
        };
        self.count_activity(&mut activity, person, &mut names).await?;
        Ok(Some(Some(activity)))
    }

    async fn facts(&self, person: PersonId, names: &mut Names) -> Result<PersonFacts, AppError> {
        let named = self.named(person, names).await?;
        let mut facts =
            PersonFacts { named, account: None, role: None, is_active: false, mailboxes: Vec::new() };
        let address = facts.named.address.as_deref().and_then(|address| MailAddress::parse(address).ok());
        let Some(address) = address else { return Ok(facts) };
        let account: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address)).await?;
        if let Some((account, _)) = account {
            facts.account = Some(account.id);
            facts.role = Some(account.role);
            facts.is_active = account.is_active();
            for mailbox in &account.mailboxes {
                facts.mailboxes.extend(self.mailbox_named(*mailbox, names).await?);
            }
        }
        Ok(facts)
    }

    async fn account_events(
        &self,
        account: AccountId,
        names: &mut Names,
    ) -> Result<Vec<JournalLine>, AppError> {
        let selection = Selection { account: Some(account), actions: changes(), ..Selection::default() };
        let found = self.store.search(&LogSearch::newest(selection), LINES_PER_PAGE, STEPS_PER_PAGE).await?;
        let mut lines = Vec::new();
        for (index, entry) in found.entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            lines.push(self.line(index, &event, names).await?);
        }
        Ok(lines)
    }

    async fn count_activity(
        &self,
        activity: &mut PersonActivity,
        person: PersonId,
        names: &mut Names,
    ) -> Result<(), AppError> {
        let selection = Selection { person: Some(person), ..Selection::default() };
        let found = self.store.search(&LogSearch::newest(selection), COUNTED_MAX, STEPS_PER_PAGE).await?;
        activity.is_cut = found.resume.is_some();
        activity.counted = found.entries.len() as u64;
        let mut counts: BTreeMap<Action, [u64; 4]> = BTreeMap::new();
        let mut origins: Vec<(Origin, u64)> = Vec::new();
        for (index, entry) in found.entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            counts.entry(event.action).or_default()[event.outcome.class() as usize] += 1;
            match origins.iter().position(|(origin, _)| *origin == event.origin) {
                Some(place) => origins[place].1 += 1,
                None if origins.len() < ORIGINS_MAX => origins.push((event.origin, 1)),
                None => (),
            }
            activity.span = Some(
                activity
                    .span
                    .map_or((event.at, event.at), |(first, last)| (first.min(event.at), last.max(event.at))),
            );
            if activity.latest.len() < LINES_PER_PAGE {
                activity.latest.push(self.line(index, &event, names).await?);
            }
        }
        let each = |(action, counts): (Action, [u64; 4])| {
            OutcomeClass::ALL.into_iter().zip(counts).map(move |(class, count)| (action, class, count))
        };
        activity.counts = counts.into_iter().flat_map(each).filter(|(_, _, count)| *count > 0).collect();
        activity.counts.sort_by_key(|(_, _, count)| std::cmp::Reverse(*count));
        origins.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        activity.origins = origins;
        Ok(())
    }
}

/// What changes an account or its rights; signing in and out does not.
fn changes() -> Vec<Action> {
    let kept = |action: &&Action| {
        matches!(action.code().split_once('.'), Some(("account", _)))
            || matches!(action, Action::MemberAdded | Action::MemberRemoved | Action::SessionEnded)
    };
    Action::ALL.iter().filter(kept).copied().collect()
}
