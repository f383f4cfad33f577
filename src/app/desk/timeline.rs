//! The timeline: who did what, filtered, page by page in both directions.

use std::net::IpAddr;

use super::names::Names;
use super::{LINES_PER_PAGE, STEPS_PER_PAGE};
use crate::app::ports::{List, LogSearch};
use crate::app::{App, AppError, LogState, Signed, Visitor};
use crate::audit::{Action, Actor, Event, LogView, Origin, Outcome, OutcomeClass, Selection};
use crate::transfer::{RegisterLine, Transfer};
use crate::value::{MailAddress, MailboxId, PartnerId, PersonId, Reference, Timestamp, TransferId};

/// What the officer looks for, as typed and chosen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct JournalFilter {
    /// A person: an address, or a pseudonym as the log shows it once its name was erased.
    pub person: Option<String>,
    /// A transfer: its reference, or its id once its reference was erased.
    pub transfer: Option<String>,
    /// From where: a network address.
    pub origin: Option<String>,
    /// A partner.
    pub partner: Option<PartnerId>,
    /// A mailbox.
    pub mailbox: Option<MailboxId>,
    /// An action.
    pub action: Option<Action>,
    /// How it ended.
    pub outcome: Option<OutcomeClass>,
    /// At this instant or later.
    pub from: Option<Timestamp>,
    /// Before this instant.
    pub until: Option<Timestamp>,
}

/// Where a page begins.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum PageStart {
    /// With the newest entry.
    #[default]
    Newest,
    /// With the newest entry that has a lower index.
    Before(u64),
    /// With the oldest entry that has this index or a higher one; the page stands newest first all the same.
    From(u64),
}

/// A line of the page.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct JournalLine {
    /// The entry's index in the log.
    pub index: u64,
    /// When.
    pub at: Timestamp,
    /// Who: an address or a pseudonym; none for the gateway itself and for strangers.
    pub who: Option<String>,
    /// The kind of actor.
    pub actor: Actor,
    /// What was done.
    pub action: Action,
    /// To what: a reference, a mailbox's name; none when there is nothing a person could look up.
    pub object: Option<String>,
    /// The transfer that it concerns.
    pub transfer: Option<TransferId>,
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
    /// Where the page of older entries begins, if there may be one.
    pub older: Option<PageStart>,
    /// Where the page of newer entries begins, if there may be one.
    pub newer: Option<PageStart>,
    /// The search came to its bound before the page was full: [`JournalPage::older`] or `newer` goes on with it.
    pub cut_short: bool,
    /// Something typed was not understood, so that nothing was looked for.
    pub not_understood: bool,
    /// The log's health.
    pub state: LogState,
}

impl App {
    /// Reads a page. `None` when the person is no security officer: that is logged as a refusal.
    pub async fn read_log(
        &self,
        signed: &Signed,
        filter: &JournalFilter,
        start: PageStart,
        visitor: Visitor,
    ) -> Result<Option<JournalPage>, AppError> {
        if !self.officer_looks(signed, view_of(filter), visitor).await? {
            return Ok(None);
        }
        let mut page = JournalPage {
            lines: Vec::new(),
            older: None,
            newer: None,
            cut_short: false,
            not_understood: false,
            state: self.log_state().await?,
        };
        match self.selection(filter).await? {
            Some(selection) => self.fill_page(&mut page, selection, start).await?,
            None => page.not_understood = true,
        }
        Ok(Some(page))
    }

    async fn fill_page(
        &self,
        page: &mut JournalPage,
        selection: Selection,
        start: PageStart,
    ) -> Result<(), AppError> {
        let search = match start {
            PageStart::Newest => LogSearch::newest(selection),
            PageStart::Before(before) => LogSearch { before, ..LogSearch::newest(selection) },
            PageStart::From(from) => LogSearch { from, ..LogSearch::oldest(selection) },
        };
        let mut found = self.store.search(&search, LINES_PER_PAGE, STEPS_PER_PAGE).await?;
        page.cut_short = found.resume.is_some() && found.entries.len() < LINES_PER_PAGE;
        if matches!(start, PageStart::From(_)) {
            page.newer = found.resume.map(PageStart::From);
            found.entries.reverse();
            // There is something older: the page that led here.
            let oldest = found.entries.last().map_or(search.from, |(index, _)| *index);
            page.older = (oldest > 0).then_some(PageStart::Before(oldest));
        } else {
            page.older = found.resume.map(PageStart::Before);
            let newest = found.entries.first().map_or(search.before, |(index, _)| index + 1);
            page.newer = (start != PageStart::Newest).then_some(PageStart::From(newest));
        }
        let mut names = Names::default();
        for (index, entry) in found.entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            page.lines.push(self.line(index, &event, &mut names).await?);
        }
        Ok(())
    }

    /// The selection that a filter means; `None` when something typed is not understood, so that it finds nothing
    /// rather than everything.
    pub async fn selection(&self, filter: &JournalFilter) -> Result<Option<Selection>, AppError> {
        let mut selection = Selection {
            partner: filter.partner,
            mailbox: filter.mailbox,
            actions: filter.action.into_iter().collect(),
            outcome: filter.outcome,
            from: filter.from,
            until: filter.until,
            ..Selection::default()
        };
        if let Some(typed) = &filter.person {
            let Some(person) = self.typed_person(typed)? else { return Ok(None) };
            selection.person = Some(person);
        }
        if let Some(typed) = &filter.transfer {
            let Some(transfer) = self.typed_transfer(typed).await? else { return Ok(None) };
            selection.transfer = Some(transfer);
        }
        if let Some(typed) = &filter.origin {
            let Ok(address) = typed.trim().parse::<IpAddr>() else { return Ok(None) };
            selection.origin = Some(address.to_canonical());
        }
        Ok(Some(selection))
    }

    /// The pseudonym that was meant, by address or by itself.
    pub(super) fn typed_person(&self, typed: &str) -> Result<Option<PersonId>, AppError> {
        match (typed.trim().parse(), MailAddress::parse(typed.trim())) {
            (Ok(person), _) => Ok(Some(person)),
            (_, Ok(address)) => self.person_of(&address).map(Some),
            _ => Ok(None),
        }
    }

    /// The transfer that was meant, by reference or by id.
    pub(super) async fn typed_transfer(&self, typed: &str) -> Result<Option<TransferId>, AppError> {
        if let Ok(transfer) = typed.trim().parse() {
            return Ok(Some(transfer));
        }
        let Ok(reference) = Reference::parse(typed.trim()) else { return Ok(None) };
        let live: Option<(Transfer, u64)> =
            self.read_one(&List::TransferByReference(reference.clone())).await?;
        if let Some((transfer, _)) = live {
            return Ok(Some(transfer.id));
        }
        let ended: Option<(RegisterLine, u64)> = self.read_one(&List::RegisterByReference(reference)).await?;
        Ok(ended.map(|(line, _)| line.transfer))
    }

    pub(super) async fn line(
        &self,
        index: u64,
        event: &Event,
        names: &mut Names,
    ) -> Result<JournalLine, AppError> {
        let who = self.actor_named(event, names).await?.map(|named| named.shown());
        let object = self.object_named(event, names).await?;
        let transfer = event.transfer();
        let Event { at, actor, action, outcome, origin, .. } = *event;
        Ok(JournalLine { index, at, who, actor, action, object, transfer, outcome, origin })
    }
}

/// What kind of look a filter is: by the narrowest that it asks for.
fn view_of(filter: &JournalFilter) -> LogView {
    let asked = [
        (filter.transfer.is_some(), LogView::ByTransfer),
        (filter.person.is_some(), LogView::ByPerson),
        (filter.origin.is_some(), LogView::ByOrigin),
        (filter.partner.is_some(), LogView::ByPartner),
        (filter.mailbox.is_some(), LogView::ByMailbox),
        (filter.action.is_some(), LogView::ByAction),
        (filter.outcome.is_some(), LogView::ByOutcome),
        (filter.from.is_some() || filter.until.is_some(), LogView::ByPeriod),
    ];
    asked.into_iter().find(|(is_asked, _)| *is_asked).map_or(LogView::Timeline, |(_, view)| view)
}
