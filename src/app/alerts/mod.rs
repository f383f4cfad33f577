//! Alerts by mail to the security officer, and the daily mail. What is too much is the policy's (`policies/alerts.toml`);
//! here it is noticed, gathered so that a storm is one mail with a count, logged and queued.
//!
//! Counts are taken from the log's newest entries, each read once; states (log, clock, keys, witnesses, scanner, backup)
//! are looked at each time. The store's own failure is told by nobody here: without a store no mail is queued.

mod daily;
mod watch;

use super::ports::{AlertState, Key, List, UnitOfWork, WitnessTrouble};
use super::{App, AppError, WitnessView, event};
use crate::audit::{Action, Actor, AlertKind, Detail, Object, Origin, Outcome, Selection};
use crate::identity::{Account, Organisation};
use crate::relay::letter::{Letter, LetterKind};
use crate::relay::queue::{MailState, QueuedMail};
use crate::retention::KeyName;
use crate::value::{Language, MailAddress, MailId, Millis, OrganisationId, PersonId, SecretBytes, Timestamp};
use crate::vault::seal;
pub(super) use watch::LogWatch;

/// How long a state that lasts is not told again.
const LASTING_REMINDER: Millis = Millis::hours(24);
/// Accounts and organisations that are looked through for who is told.
const LIST_MAX: usize = 10_000;
/// Mails that one alert becomes at most.
const RECIPIENTS_MAX: usize = 100;

/// Something that the officer is to know of.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Noticed {
    pub kind: AlertKind,
    /// Whose; none is everybody's.
    pub organisation: Option<OrganisationId>,
    /// The one person that it is about.
    pub person: Option<PersonId>,
    /// How much of it.
    pub count: u64,
    /// When it began.
    pub since: Timestamp,
}

impl App {
    /// Looks for what the officer is to know of, and queues the mails. Returns how many alerts were told.
    pub async fn watch(&self) -> Result<usize, AppError> {
        let now = self.now();
        let mut told = 0;
        // States first: what the log tells of one that lasts is gathered, not told beside it.
        for (kind, holds) in self.states(now.at, now.believed).await? {
            told += usize::from(self.raise_state(kind, holds, now.at).await?);
        }
        for noticed in self.noticed_in_log(now.at).await? {
            told += usize::from(self.raise(noticed, now.at).await?);
        }
        told += self.tell_gathered(now.at).await?;
        if now.believed {
            self.daily_mail(now.at).await?;
        }
        if told > 0 {
            self.wake_delivery();
        }
        Ok(told)
    }

    /// What lasts, or does not: each kind once.
    async fn states(&self, now: Timestamp, believed: bool) -> Result<Vec<(AlertKind, bool)>, AppError> {
        let policy = &self.policies.load().alerts;
        let log = self.log_state().await?;
        let contradicted = log.witnesses.iter().any(|one| one.trouble == Some(WitnessTrouble::SawAnother));
        let unverified = contradicted || log.last_verification.is_some_and(|(_, well)| !well);
        let mut states = vec![(AlertKind::LogNotVerified, unverified), (AlertKind::ClockJumped, !believed)];
        if believed {
            let late = |name: &KeyName| match name {
                KeyName::ExpiryDay(day) => now >= day.end() + policy.day_key_grace,
                KeyName::Draft(_) | KeyName::Queue(_) => false,
            };
            states.push((AlertKind::DayKeyLate, self.keyring.names()?.iter().any(late)));
            let silent = |one: &WitnessView| {
                one.trouble_since.is_some_and(|since| since + policy.witness_silence < now)
            };
            states.push((AlertKind::WitnessSilent, log.witnesses.iter().any(silent)));
            let unstamped = log.timestamps.and_then(|view| view.trouble);
            let unstamped = unstamped.is_some_and(|(_, since)| since + policy.timestamp_silence < now);
            states.push((AlertKind::TimestampSilent, unstamped));
            if policy.scanner
                && let Some(health) = self.scanner_health().await
            {
                states.push((AlertKind::ScannerTrouble, health.unfit.is_some()));
            }
            let unreachable = !self.unreachable_mailboxes().await?.is_empty();
            states.push((AlertKind::MailboxUnreachable, unreachable));
            let backup = self.is_silent(Action::BackupMade, policy.backup_silence, now).await?;
            states.push((AlertKind::BackupOld, backup));
        }
        Ok(states)
    }

    /// Whether something that was done before was not done for too long. What never was done is not expected.
    async fn is_silent(&self, action: Action, silence: Millis, now: Timestamp) -> Result<bool, AppError> {
        const LOOKED_AT: usize = 20;
        let done = Selection { actions: vec![action], ..Selection::default() };
        let entries = self.store.entries(&done, LOOKED_AT).await?;
        let events = entries.iter().filter_map(|(_, entry)| entry.event().ok());
        let mut tried = false;
        for event in events {
            tried = true;
            if event.outcome == Outcome::Done {
                return Ok(event.at + silence < now);
            }
        }
        Ok(tried)
    }

    /// Gathers what was noticed, and tells it unless its kind is quiet. Says whether a mail was queued.
    async fn raise(&self, noticed: Noticed, now: Timestamp) -> Result<bool, AppError> {
        let (mut state, version) = self.alert_state(noticed.kind, noticed.organisation).await?;
        if state.untold == 0 {
            state.person = noticed.person;
            state.untold_since = Some(noticed.since);
        } else if state.person != noticed.person {
            state.person = None;
        }
        state.untold += noticed.count;
        let quiet = self.policies.load().alerts.quiet;
        let is_quiet = state.told_at.is_some_and(|told_at| now < told_at + quiet && told_at <= now);
        self.keep_alert(state, version, now, !is_quiet).await?;
        Ok(!is_quiet)
    }

    /// Notes whether a state lasts: told when it begins, and once a day while it lasts.
    async fn raise_state(&self, kind: AlertKind, holds: bool, now: Timestamp) -> Result<bool, AppError> {
        let (mut state, version) = self.alert_state(kind, None).await?;
        if !holds {
            if state.lasts {
                state.lasts = false;
                self.keep_alert(state, version, now, false).await?;
            }
            return Ok(false);
        }
        let told_within = |span| state.told_at.is_some_and(|told_at| now < told_at + span && told_at <= now);
        // A scanner may come and go: one that goes again while it is quiet is told when that is over.
        let quiet = self.policies.load().alerts.quiet;
        let waits = kind == AlertKind::ScannerTrouble && told_within(quiet);
        if waits || (state.lasts && told_within(LASTING_REMINDER)) {
            return Ok(false);
        }
        state.untold = state.untold.max(1);
        state.untold_since = if state.lasts { state.untold_since } else { Some(now) };
        state.lasts = true;
        self.keep_alert(state, version, now, true).await?;
        Ok(true)
    }

    /// Tells what was gathered while its kind was quiet.
    async fn tell_gathered(&self, now: Timestamp) -> Result<usize, AppError> {
        let quiet = self.policies.load().alerts.quiet;
        let all: Vec<(AlertState, u64)> = self.read_list(&List::Alerts, LIST_MAX).await?;
        let mut told = 0;
        for (state, version) in all {
            let is_over = state.told_at.is_none_or(|told_at| now >= told_at + quiet);
            if state.untold > 0 && !state.lasts && is_over {
                self.keep_alert(state, version, now, true).await?;
                told += 1;
            }
        }
        Ok(told)
    }

    /// How far an alert was told; version 0 of one that never was.
    async fn alert_state(
        &self,
        kind: AlertKind,
        organisation: Option<OrganisationId>,
    ) -> Result<(AlertState, u64), AppError> {
        let found = self.read(&Key::Alert((kind, organisation))).await?;
        Ok(found.unwrap_or((
            AlertState {
                kind,
                organisation,
                told_at: None,
                untold: 0,
                untold_since: None,
                person: None,
                lasts: false,
            },
            0,
        )))
    }

    /// Keeps the state; with `tell`, in the same commit as the mails and the event.
    async fn keep_alert(
        &self,
        mut state: AlertState,
        version: u64,
        now: Timestamp,
        tell: bool,
    ) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        let key = Key::Alert((state.kind, state.organisation));
        match version {
            0 => unit.expect_absent(key),
            version => unit.expect_unchanged(key, version),
        }
        if tell {
            let letter = Letter::Alert {
                kind: state.kind,
                count: state.untold,
                since: state.untold_since.unwrap_or(now),
                until: now,
                path: state
                    .person
                    .map_or("/journal".to_owned(), |person| format!("/journal?person={person}")),
            };
            self.queue_to_officers(&mut unit, &letter, LetterKind::Alert, state.organisation, now).await?;
            let (actor, object) = match state.person {
                Some(person) => (Actor::System, Object::Person(person)),
                None => (Actor::System, Object::None),
            };
            let raised = event(now, actor, Action::AlertRaised, object, Outcome::Done, Origin::Job);
            self.log(&mut unit, raised.with(Detail::Alert(state.kind)))?;
            let keeps = state.lasts.then_some(state.untold_since).flatten();
            (state.told_at, state.untold, state.untold_since, state.person) = (Some(now), 0, keeps, None);
        }
        unit.put(state);
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Queues a letter to the officers of an organisation, or of all.
    async fn queue_to_officers(
        &self,
        unit: &mut UnitOfWork,
        letter: &Letter,
        kind: LetterKind,
        organisation: Option<OrganisationId>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let officers = self.officers(organisation).await?;
        if officers.is_empty() {
            tracing::warn!("alert.nobody_to_tell: there is no active security officer");
        }
        for (to, language) in officers {
            let mail = self.officer_mail(letter, kind, to, language, now)?;
            self.queue_mail(unit, mail, Origin::Job)?;
        }
        Ok(())
    }

    fn officer_mail(
        &self,
        letter: &Letter,
        kind: LetterKind,
        to: MailAddress,
        language: Language,
        now: Timestamp,
    ) -> Result<QueuedMail, AppError> {
        let key_day = self.queue_key_day(now)?;
        let key = self.keyring.recipient(KeyName::Queue(key_day))?;
        let plain = SecretBytes::new(serde_json::to_vec(letter).map_err(|_| AppError::Broken("letter"))?);
        Ok(QueuedMail {
            id: MailId::new(self.random.bytes()),
            kind,
            transfer: None,
            mailbox: None,
            to,
            language,
            written_at: now,
            requires_tls: false,
            letter: Some(seal(&key, plain.expose())?),
            key_day,
            tries: 0,
            state: MailState::Queued { next_try_at: now, last_problem: None },
            told_elsewhere: false,
            report: None,
        })
    }

    /// The day whose queue key seals a mail written now. A clock that jumped shows a day that may have none: the newest
    /// key there is, then.
    fn queue_key_day(&self, now: Timestamp) -> Result<crate::value::Day, AppError> {
        let names = self.keyring.names()?;
        if names.contains(&KeyName::Queue(now.day())) {
            return Ok(now.day());
        }
        let days = names.into_iter().filter_map(|name| match name {
            KeyName::Queue(day) => Some(day),
            KeyName::ExpiryDay(_) | KeyName::Draft(_) => None,
        });
        days.max().ok_or(AppError::Broken("no queue key"))
    }

    /// Who is told: those that the policy names, else the active officers.
    async fn officers(
        &self,
        organisation: Option<OrganisationId>,
    ) -> Result<Vec<(MailAddress, Language)>, AppError> {
        let policies = self.policies.load();
        let organisations: Vec<(Organisation, u64)> = self.read_list(&List::Organisations, LIST_MAX).await?;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, LIST_MAX).await?;
        let accounts: Vec<Account> = accounts.into_iter().map(|(account, _)| account).collect();
        let language_of = |address: &MailAddress| {
            accounts.iter().find(|account| account.address == *address).map_or(Language::Fr, |a| a.language)
        };
        let mut told: Vec<(MailAddress, Language)> = Vec::new();
        let mut named = Vec::new();
        for (of, _) in organisations.iter().filter(|(of, _)| organisation.is_none_or(|id| id == of.id)) {
            if let Some(addresses) = policies.alerts.recipients(&of.slug) {
                named.push(of.id);
                told.extend(addresses.iter().map(|to| (to.clone(), language_of(to))));
            }
        }
        let officers = accounts.iter().filter(|account| account.reads_log()).filter(|account| {
            let is_theirs = organisation.is_none() || account.organisation == organisation;
            is_theirs && account.organisation.is_none_or(|id| !named.contains(&id))
        });
        told.extend(officers.map(|account| (account.address.clone(), account.language)));
        told.sort_by_key(|(address, _)| address.to_string());
        told.dedup_by(|one, other| one.0 == other.0);
        told.truncate(RECIPIENTS_MAX);
        Ok(told)
    }
}
