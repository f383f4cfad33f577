//! Rights as they are and as they were on a day (P5): rebuilt from the events of the log alone, and for today held
//! against the records, so that a right which nobody gave shows.
//!
//! What cannot be known is said: before the first event that is kept, nothing; of addresses that an agreement admits by
//! name, only how many there are.

use std::collections::{BTreeMap, BTreeSet, HashMap};

use super::names::{Named, Names};
use crate::app::administer::role_code;
use crate::app::ports::{List, LogSearch};
use crate::app::{App, AppError, LogState, Signed, Visitor};
use crate::audit::{Action, Detail, Event, LogView, Object, Outcome, RoleCode, Selection};
use crate::identity::Account;
use crate::value::{AccountId, Day, MailboxId, PartnerId, PersonId, Timestamp};

/// How many events rights are rebuilt from.
const EVENTS_MAX: usize = 20_000;
/// How many looks into the store that takes at most.
const STEPS: usize = 1_000_000;
/// How many looks into the store it takes at most to find a last sign-in.
const SIGN_IN_STEPS: usize = 200;
/// How many accounts the records are asked for.
const ACCOUNTS_MAX: usize = 10_000;

/// What changes rights.
const CHANGES: &[Action] = &[
    Action::AccountCreated,
    Action::AccountActivated,
    Action::AccountDeactivated,
    Action::AccountCutOff,
    Action::AccountDeleted,
    Action::RightsChanged,
    Action::MemberAdded,
    Action::MemberRemoved,
    Action::AgreementChanged,
    Action::PartnerCreated,
    Action::PartnerChanged,
    Action::PartnerSuspended,
];

/// A membership of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MemberSince {
    /// The mailbox, by name or id.
    pub mailbox: String,
    /// Since when; none when only the records say it.
    pub since: Option<Timestamp>,
}

/// What an account may do.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountRights {
    /// The account.
    pub account: AccountId,
    /// Whose it is; none where neither log nor records know.
    pub named: Option<Named>,
    /// Its role; none where no event says it.
    pub role: Option<RoleCode>,
    /// When it was created; none when that event is not kept.
    pub since: Option<Timestamp>,
    /// Whether it may sign in.
    pub is_active: bool,
    /// The mailboxes that it may read.
    pub mailboxes: Vec<MemberSince>,
    /// Its last sign-in up to then.
    pub last_sign_in: Option<Timestamp>,
    /// For today: the records say something else than the log.
    pub differs: bool,
}

/// Who may deposit where.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementRights {
    /// The partner, by name or id.
    pub partner: String,
    /// The mailbox, by name or id.
    pub mailbox: String,
    /// First and last UTC day in force; none where the event does not say it.
    pub in_force: Option<(Day, Option<Day>)>,
    /// How many addresses are admitted by name; none when the partner's domains are.
    pub listed: Option<u32>,
    /// Whether the partner is suspended.
    pub is_suspended: bool,
    /// Whether an address could be admitted on that day.
    pub is_open: bool,
    /// When it was last changed.
    pub changed_at: Timestamp,
}

/// The rights of a day.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RightsPage {
    /// As they were just before this instant.
    pub as_of: Timestamp,
    /// Whether that is now.
    pub is_now: bool,
    /// Accounts, by name.
    pub accounts: Vec<AccountRights>,
    /// Agreements, by partner.
    pub agreements: Vec<AgreementRights>,
    /// The oldest event that is kept: nothing older is known.
    pub known_since: Option<Timestamp>,
    /// There are older events than those, whose payload was pruned.
    pub is_pruned: bool,
    /// There are more events than were read.
    pub is_cut: bool,
    /// The log's health.
    pub state: LogState,
}

impl App {
    /// Tells rights as they are, or as they were just before an instant. `None` when the person is no security officer.
    pub async fn tell_rights(
        &self,
        signed: &Signed,
        until: Option<Timestamp>,
        visitor: Visitor,
    ) -> Result<Option<RightsPage>, AppError> {
        let view = if until.is_some() { LogView::RightsOnDay } else { LogView::Rights };
        if !self.officer_looks(signed, view, visitor).await? {
            return Ok(None);
        }
        let now = self.now().at;
        let until = until.filter(|until| *until <= now);
        let as_of = until.unwrap_or(now);
        let selection = Selection { actions: CHANGES.to_vec(), until, ..Selection::default() };
        let found = self.store.search(&LogSearch::oldest(selection), EVENTS_MAX, STEPS).await?;
        let mut built = Built::default();
        for (_, entry) in &found.entries {
            built.apply(&entry.event().map_err(|_| AppError::Broken("log entry"))?);
        }
        let mut names = Names::default();
        let records = self.accounts_by_id().await?;
        let (known_since, is_pruned) = self.known_since().await?;
        Ok(Some(RightsPage {
            as_of,
            is_now: until.is_none(),
            accounts: self.accounts_told(&built, &records, until, &mut names).await?,
            agreements: self.agreements_told(&built, as_of, &mut names).await?,
            known_since,
            is_pruned,
            is_cut: found.resume.is_some(),
            state: self.log_state().await?,
        }))
    }

    async fn accounts_by_id(&self) -> Result<HashMap<AccountId, Account>, AppError> {
        let listed: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        Ok(listed.into_iter().map(|(account, _)| (account.id, account)).collect())
    }

    /// The instant of the oldest event that is kept whole, and whether there are older ones.
    async fn known_since(&self) -> Result<(Option<Timestamp>, bool), AppError> {
        let first = self.store.search(&LogSearch::oldest(Selection::default()), 1, 1).await?;
        let Some((index, entry)) = first.entries.into_iter().next() else { return Ok((None, false)) };
        let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
        Ok((Some(event.at), index > 0))
    }

    async fn accounts_told(
        &self,
        built: &Built,
        records: &HashMap<AccountId, Account>,
        until: Option<Timestamp>,
        names: &mut Names,
    ) -> Result<Vec<AccountRights>, AppError> {
        let mut told = Vec::new();
        for (id, account) in &built.accounts {
            let record = records.get(id);
            if account.is_deleted && record.is_none() {
                continue;
            }
            told.push(self.account_told(*id, account, record, until, names).await?);
        }
        if until.is_none() {
            for (id, record) in records.iter().filter(|(id, _)| !built.accounts.contains_key(id)) {
                told.push(
                    self.account_told(*id, &BuiltAccount::unknown(), Some(record), until, names).await?,
                );
            }
        }
        told.sort_by_key(|account| {
            account.named.as_ref().map(|named| named.name.clone().unwrap_or_else(|| named.shown()))
        });
        Ok(told)
    }

    async fn account_told(
        &self,
        id: AccountId,
        account: &BuiltAccount,
        record: Option<&Account>,
        until: Option<Timestamp>,
        names: &mut Names,
    ) -> Result<AccountRights, AppError> {
        let person = account.person.or(record.map(|record| record.person));
        let named = match person {
            Some(person) => Some(self.named(person, names).await?),
            None => None,
        };
        let mut members: BTreeMap<MailboxId, Option<Timestamp>> =
            account.members.iter().map(|(mailbox, since)| (*mailbox, Some(*since))).collect();
        let (mut role, mut is_active, mut differs) = (account.role, account.is_active, false);
        if until.is_none() {
            // Today the records decide what the person can do: they are shown, and held against the log.
            differs = record.is_none_or(|record| !account.agrees_with(record));
            if let Some(record) = record {
                role = Some(role_code(record.role));
                is_active = record.is_active();
                members =
                    record.mailboxes.iter().map(|id| (*id, members.get(id).copied().flatten())).collect();
            }
        }
        let mut mailboxes = Vec::with_capacity(members.len());
        for (mailbox, since) in members {
            let name = self.mailbox_named(mailbox, names).await?;
            mailboxes.push(MemberSince { mailbox: name.unwrap_or_else(|| mailbox.to_string()), since });
        }
        let last_sign_in = match person {
            Some(person) => self.last_sign_in(person, until).await?,
            None => None,
        };
        let (account, since) = (id, account.since);
        Ok(AccountRights { account, named, role, since, is_active, mailboxes, last_sign_in, differs })
    }

    async fn last_sign_in(
        &self,
        person: PersonId,
        until: Option<Timestamp>,
    ) -> Result<Option<Timestamp>, AppError> {
        let selection =
            Selection { person: Some(person), actions: vec![Action::SignIn], until, ..Selection::default() };
        let found = self.store.search(&LogSearch::newest(selection), 1, SIGN_IN_STEPS).await?;
        Ok(found.entries.first().and_then(|(_, entry)| entry.event().ok()).map(|event| event.at))
    }

    async fn agreements_told(
        &self,
        built: &Built,
        as_of: Timestamp,
        names: &mut Names,
    ) -> Result<Vec<AgreementRights>, AppError> {
        let mut told = Vec::new();
        for ((partner, mailbox), agreement) in &built.agreements {
            let is_suspended = built.suspended.contains(partner);
            let today = as_of.day();
            let in_force = agreement
                .in_force
                .is_some_and(|(from, until)| from <= today && until.is_none_or(|last| today <= last));
            told.push(AgreementRights {
                partner: self.partner_named(*partner, names).await?.unwrap_or_else(|| partner.to_string()),
                mailbox: self.mailbox_named(*mailbox, names).await?.unwrap_or_else(|| mailbox.to_string()),
                in_force: agreement.in_force,
                listed: agreement.listed,
                is_suspended,
                is_open: in_force && !is_suspended,
                changed_at: agreement.changed_at,
            });
        }
        told.sort_by(|one, other| (&one.partner, &one.mailbox).cmp(&(&other.partner, &other.mailbox)));
        Ok(told)
    }
}

/// Rights as events build them up.
#[derive(Debug, Default)]
struct Built {
    accounts: HashMap<AccountId, BuiltAccount>,
    agreements: HashMap<(PartnerId, MailboxId), BuiltAgreement>,
    suspended: BTreeSet<PartnerId>,
}

#[derive(Debug)]
struct BuiltAccount {
    person: Option<PersonId>,
    role: Option<RoleCode>,
    since: Option<Timestamp>,
    is_active: bool,
    is_deleted: bool,
    members: BTreeMap<MailboxId, Timestamp>,
}

#[derive(Debug)]
struct BuiltAgreement {
    in_force: Option<(Day, Option<Day>)>,
    listed: Option<u32>,
    changed_at: Timestamp,
}

impl BuiltAccount {
    /// An account of which no event is known.
    const fn unknown() -> Self {
        Self {
            person: None,
            role: None,
            since: None,
            is_active: true,
            is_deleted: false,
            members: BTreeMap::new(),
        }
    }

    /// Whether the record says the same as the events.
    fn agrees_with(&self, record: &Account) -> bool {
        let members: BTreeSet<_> = record.mailboxes.iter().copied().collect();
        self.members.keys().copied().collect::<BTreeSet<_>>() == members
            && self.is_active == record.unused_since().is_none()
            && self.role.is_none_or(|role| role == role_code(record.role))
            && self.since.is_some()
    }
}

impl Built {
    /// Takes an event up; one that did not happen changes nothing.
    fn apply(&mut self, event: &Event) {
        if event.outcome != Outcome::Done {
            return;
        }
        match event.object {
            Object::Account(account) | Object::Membership { account, .. } => self.change(account, event),
            Object::Agreement { partner, mailbox } => {
                let (in_force, listed) = match event.detail {
                    Some(Detail::InForce { from, until, listed }) => (Some((from, until)), listed),
                    _ => (None, None),
                };
                let agreement = BuiltAgreement { in_force, listed, changed_at: event.at };
                self.agreements.insert((partner, mailbox), agreement);
            }
            Object::Partner(partner) => match (event.action, event.detail) {
                (Action::PartnerSuspended, _) => drop(self.suspended.insert(partner)),
                (_, Some(Detail::Replaced(true))) => drop(self.suspended.remove(&partner)),
                _ => (),
            },
            _ => (),
        }
    }

    fn change(&mut self, account: AccountId, event: &Event) {
        let account = self.accounts.entry(account).or_insert_with(BuiltAccount::unknown);
        if let Some(Detail::Right { person, role }) = event.detail {
            (account.person, account.role) = (Some(person), Some(role));
        }
        match (event.action, event.object) {
            (Action::AccountCreated, _) => account.since = Some(event.at),
            (Action::AccountActivated | Action::RightsChanged, _) => account.is_active = true,
            (Action::AccountDeactivated | Action::AccountCutOff, _) => account.is_active = false,
            (Action::AccountDeleted, _) => {
                (account.is_active, account.is_deleted) = (false, true);
                account.members.clear();
            }
            (Action::MemberAdded, Object::Membership { mailbox, .. }) => {
                account.members.entry(mailbox).or_insert(event.at);
            }
            (Action::MemberRemoved, Object::Membership { mailbox, .. }) => {
                account.members.remove(&mailbox);
            }
            _ => (),
        }
    }
}
