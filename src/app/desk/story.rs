//! A transfer's whole story: everything that the log says of it from the deposit to the destruction of its day's key.

use super::STEPS_PER_PAGE;
use super::names::{Named, Names};
use crate::app::ports::{Key, LogSearch};
use crate::app::{App, AppError, LogState, Signed, Visitor};
use crate::audit::{Action, Actor, Detail, Event, LogView, Object, Outcome, Selection};
use crate::identity::Partner;
use crate::transfer::{RegisterLine, Transfer};
use crate::value::{Day, Timestamp, TransferId};

/// How many steps one page tells. A transfer has some tens; the timeline shows the rest.
const STEPS_TOLD_MAX: usize = 1000;

/// A step of the story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryStep {
    /// The entry's index in the log.
    pub index: u64,
    /// The event.
    pub event: Event,
    /// Who acted, where it was a person.
    pub who: Option<Named>,
    /// The structure and site of the person, for the depositor.
    pub of: Option<String>,
    /// The mailbox that it happened in, or that the transfer went to.
    pub mailbox: Option<String>,
}

/// What became of the key of the day on which the transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DayKeyFate {
    /// The day is not over, or it is not known yet which day it is.
    Live {
        /// The day, when known.
        day: Option<Day>,
    },
    /// Its destruction was begun, or failed, and is not yet told as done.
    Begun {
        /// The day.
        day: Day,
        /// When.
        at: Timestamp,
    },
    /// It was destroyed: nobody opens what ended on that day any more, whoever holds which copy.
    Destroyed {
        /// The day.
        day: Day,
        /// When.
        at: Timestamp,
        /// Index of the entry that says so.
        index: u64,
    },
}

/// A transfer's story.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StoryPage {
    /// The transfer.
    pub transfer: TransferId,
    /// What people quote; none once its register line was erased.
    pub reference: Option<String>,
    /// The mailbox that it was deposited for.
    pub mailbox: Option<String>,
    /// The partner, with its site when known.
    pub partner: Option<String>,
    /// Until when it could be opened, when known.
    pub expires_at: Option<Timestamp>,
    /// Whether it can still be opened.
    pub is_live: bool,
    /// The steps, oldest first.
    pub steps: Vec<StoryStep>,
    /// There are more steps than are told here.
    pub is_cut: bool,
    /// The day's key.
    pub day_key: DayKeyFate,
    /// The log's health.
    pub state: LogState,
}

/// What the records still say of a transfer.
#[derive(Default)]
struct Kept {
    reference: Option<String>,
    of: Option<String>,
    expires_at: Option<Timestamp>,
    is_live: bool,
}

impl App {
    /// Tells a transfer's story. `None` when the person is no security officer; `Some(None)` when no such transfer is
    /// known.
    pub async fn tell_story(
        &self,
        signed: &Signed,
        typed: &str,
        visitor: Visitor,
    ) -> Result<Option<Option<StoryPage>>, AppError> {
        if !self.officer_looks(signed, LogView::Story, visitor).await? {
            return Ok(None);
        }
        let Some(transfer) = self.typed_transfer(typed).await? else { return Ok(Some(None)) };
        let selection = Selection { transfer: Some(transfer), ..Selection::default() };
        let found = self.store.search(&LogSearch::oldest(selection), STEPS_TOLD_MAX, STEPS_PER_PAGE).await?;
        let mut names = Names::default();
        let kept = self.kept(transfer, &mut names).await?;
        let mut steps = Vec::with_capacity(found.entries.len());
        for (index, entry) in found.entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            steps.push(self.step(index, event, kept.of.as_deref(), &mut names).await?);
        }
        if steps.is_empty() && kept.reference.is_none() {
            return Ok(Some(None));
        }
        let expires_at = kept.expires_at.or_else(|| told_expiry(&steps));
        let mailbox = steps.first().and_then(|step| step.mailbox.clone());
        let day_key = self.fate_of_day(expires_at.map(Timestamp::day)).await?;
        let state = self.log_state().await?;
        let Kept { reference, of: partner, is_live, .. } = kept;
        let is_cut = found.resume.is_some();
        Ok(Some(Some(StoryPage {
            transfer,
            reference,
            mailbox,
            partner,
            expires_at,
            is_live,
            steps,
            is_cut,
            day_key,
            state,
        })))
    }

    async fn step(
        &self,
        index: u64,
        event: Event,
        of: Option<&str>,
        names: &mut Names,
    ) -> Result<StoryStep, AppError> {
        let who = self.actor_named(&event, names).await?;
        let deposits = matches!(event.action, Action::DepositSent | Action::MailReceived);
        let of = of.filter(|_| deposits && matches!(event.actor, Actor::Person(_))).map(str::to_owned);
        let mailbox = match event.object {
            Object::Dispatch { to, .. } => self.mailbox_named(to, names).await?,
            Object::Transfer { mailbox, .. }
            | Object::TransferPart { mailbox, .. }
            | Object::TransferMail { mailbox, .. } => self.mailbox_named(mailbox, names).await?,
            _ => None,
        };
        Ok(StoryStep { index, event, who, of, mailbox })
    }

    async fn kept(&self, transfer: TransferId, names: &mut Names) -> Result<Kept, AppError> {
        let live: Option<(Transfer, u64)> = self.read(&Key::Transfer(transfer)).await?;
        if let Some((transfer, _)) = live {
            return Ok(Kept {
                reference: Some(transfer.reference.to_string()),
                of: structure(Some(transfer.depositor.partner_name.clone()), transfer.depositor.site.clone()),
                expires_at: Some(transfer.expires_at),
                is_live: transfer.is_live(self.now().at),
            });
        }
        let ended: Option<(RegisterLine, u64)> = self.read(&Key::Register(transfer)).await?;
        let Some((line, _)) = ended else { return Ok(Kept::default()) };
        let partner: Option<(Partner, u64)> = match line.partner {
            Some(partner) => self.read(&Key::Partner(partner)).await?,
            None => None,
        };
        names.tidy();
        Ok(Kept {
            reference: Some(line.reference.to_string()),
            of: structure(partner.map(|(partner, _)| partner.name), line.site),
            ..Kept::default()
        })
    }

    async fn fate_of_day(&self, day: Option<Day>) -> Result<DayKeyFate, AppError> {
        let Some(day) = day else { return Ok(DayKeyFate::Live { day: None }) };
        let selection = Selection {
            actions: vec![Action::DayKeyDestroyed],
            from: Some(day.start()),
            ..Selection::default()
        };
        // Two events a day: what was destroyed after the day is found among a few hundred.
        let found = self.store.search(&LogSearch::oldest(selection), STEPS_TOLD_MAX, STEPS_PER_PAGE).await?;
        let mut fate = DayKeyFate::Live { day: Some(day) };
        for (index, entry) in found.entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            if event.object != Object::Day(day) {
                continue;
            }
            if event.outcome == Outcome::Done {
                return Ok(DayKeyFate::Destroyed { day, at: event.at, index });
            }
            fate = DayKeyFate::Begun { day, at: event.at };
        }
        Ok(fate)
    }
}

fn structure(partner: Option<String>, site: Option<String>) -> Option<String> {
    match (partner, site) {
        (Some(partner), Some(site)) => Some(format!("{partner}, {site}")),
        (partner, site) => partner.or(site),
    }
}

/// Until when it could be opened, as the event of its expiry says.
fn told_expiry(steps: &[StoryStep]) -> Option<Timestamp> {
    steps.iter().rev().find_map(|step| match (step.event.action, step.event.detail) {
        (Action::TransferExpired, Some(Detail::Until(at))) => Some(at),
        (Action::TransferExpired | Action::TransferRevoked, _) => Some(step.event.at),
        _ => None,
    })
}
