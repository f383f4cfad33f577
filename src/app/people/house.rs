//! The accounts of the fund's own people, for its administrators (P5, P6, P7): agents are created, changed and closed here; who
//! opens which mailbox is its manager's to say (`mailbox_settings.rs`), so that nobody who makes accounts reads by that. And the
//! review of rights over the whole house, for the officer too.

use super::change::purpose;
use super::permit::By;
use super::structures::was_used;
use super::{ACCOUNTS_MAX, AccountChange, Invitation, PeopleError};
use crate::app::administer::{right_of, role_code};
use crate::app::kit_text::csv;
use crate::app::ports::{Key, List, LogSearch, UnitOfWork};
use crate::app::{App, AppError, CONFLICT_TRIES, Signed, Visitor, event, state_in_words};
use crate::audit::{Action, Detail, Object, Outcome, OutcomeClass, Selection};
use crate::identity::{Account, AccountState, Deactivation, Place, Role};
use crate::mailbox::Custody;
use crate::policy::rights::Act;
use crate::value::{AccountId, Language, OrganisationId, Timestamp, calendar};

/// How many reviews of structures are passed over to find the house's own.
const REVIEWS_MAX: usize = 1_000;
/// How many looks into the store that takes at most.
const STEPS: usize = 10_000;

/// An account in the review of the house.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HousePerson {
    /// The account.
    pub account: Account,
    /// The fund or the structure that it belongs to, by name; none of those that belong to all.
    pub of: Option<String>,
    /// The mailboxes that it may read, by name, and whether it manages them.
    pub mailboxes: Vec<(String, bool)>,
    /// When it was last used; none when never, or when that is not kept any more.
    pub met_at: Option<Timestamp>,
}

/// The accounts of the whole house.
#[derive(Debug, Clone)]
pub struct HouseReview {
    /// The accounts: the fund's first, then the structures', by name.
    pub people: Vec<HousePerson>,
    /// The funds that an agent can be created for, by name.
    pub organisations: Vec<(OrganisationId, String)>,
    /// When somebody last confirmed that all of it is right.
    pub confirmed_at: Option<Timestamp>,
}

/// What is changed of an agent's account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AgentChange {
    /// What may be changed of anybody.
    Account(AccountChange),
    /// It is cut off at once: fraud, loss, theft (P6).
    CutOff,
}

impl App {
    /// All accounts with what they may do and when they were last used (P5), for an administrator or an officer.
    pub async fn house_review(&self, signed: &Signed, visitor: Visitor) -> Result<HouseReview, PeopleError> {
        let by = By::person(signed, visitor);
        self.permit(by, Act::ReviewRights, Place::House, (Action::RightsReviewed, Object::None)).await?;
        let own = signed.account.organisation;
        let mut organisations: Vec<(OrganisationId, String)> =
            self.organisations().await?.into_iter().map(|one| (one.id, one.name)).collect();
        organisations.retain(|(id, _)| own.is_none_or(|own| own == *id));
        organisations.sort_by(|(_, one), (_, other)| one.cmp(other));
        let partners = self.partners().await?;
        let mailboxes = self.mailboxes().await?;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let mut people = Vec::new();
        for (account, _) in accounts {
            if !is_reviewed_by(own, &account) {
                continue;
            }
            let fund =
                account.organisation.and_then(|id| organisations.iter().find(|(known, _)| *known == id));
            let partner = account.partner.and_then(|id| partners.iter().find(|known| known.id == id));
            let read = mailboxes.iter().filter(|mailbox| account.mailboxes.contains(&mailbox.id));
            let met_at = self.met_at(&account).await?.filter(|at| was_used(&account, *at));
            people.push(HousePerson {
                of: fund.map(|(_, name)| name.clone()).or(partner.map(|partner| partner.name.clone())),
                mailboxes: read
                    .map(|mailbox| (mailbox.name.clone(), account.manages.contains(&mailbox.id)))
                    .collect(),
                met_at,
                account,
            });
        }
        people.sort_by(|one, other| {
            let key = |person: &HousePerson| {
                let account = &person.account;
                (account.role.is_of_structure(), person.of.clone(), account.name.clone())
            };
            key(one).cmp(&key(other))
        });
        Ok(HouseReview { people, organisations, confirmed_at: self.house_confirmed_at(own).await? })
    }

    /// When the accounts that somebody of this fund reviews were last confirmed: the log knows.
    async fn house_confirmed_at(&self, own: Option<OrganisationId>) -> Result<Option<Timestamp>, AppError> {
        let actions = vec![Action::RightsReviewed];
        let selection = Selection { actions, outcome: Some(OutcomeClass::Done), ..Selection::default() };
        let found = self.store.search(&LogSearch::newest(selection), REVIEWS_MAX, STEPS).await?;
        for (_, entry) in found.entries {
            let told = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            if [Object::None, house_of(own)].contains(&told.object) {
                return Ok(Some(told.at));
            }
        }
        Ok(None)
    }

    /// Somebody confirms that the accounts of the house are right (P5).
    pub async fn confirm_house(&self, by: By<'_>) -> Result<(), PeopleError> {
        let own = by.account().and_then(|account| account.organisation);
        let about = (Action::RightsReviewed, house_of(own));
        self.permit(by, Act::ReviewRights, Place::House, about).await?;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let seen = accounts.iter().filter(|(account, _)| is_reviewed_by(own, account));
        let count = seen.filter(|(account, _)| account.unused_since().is_none()).count();
        let told = event(self.believed_now()?, by.actor(), about.0, about.1, Outcome::Done, by.origin);
        self.log_alone(told.with(Detail::Count(count as u64))).await?;
        Ok(())
    }

    /// Creates an agent of a fund, who activates the account by a mailed link. It opens no mailbox yet.
    pub async fn create_agent(&self, by: By<'_>, invitation: Invitation) -> Result<Account, PeopleError> {
        let about = (Action::AccountCreated, Object::None);
        self.permit(by, Act::ManageAgents, Place::House, about).await?;
        let organisations = self.organisations().await?;
        let fits = invitation.role == Role::Agent
            && invitation.partner.is_none()
            && invitation.mailboxes.is_empty()
            && organisations.iter().any(|one| Some(one.id) == invitation.organisation)
            && reaches(by, invitation.organisation);
        if !fits {
            return Err(self.refuse_people(by, about, PeopleError::NotFound).await);
        }
        self.invite_by(by, about, &invitation).await
    }

    /// Changes the account of an agent.
    pub async fn change_agent(
        &self,
        by: By<'_>,
        account: AccountId,
        change: AgentChange,
    ) -> Result<(), PeopleError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_change_agent(by, account, &change).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn try_change_agent(
        &self,
        by: By<'_>,
        id: AccountId,
        change: &AgentChange,
    ) -> Result<(), PeopleError> {
        let action = match change {
            AgentChange::Account(change) => change.action(),
            AgentChange::CutOff => Action::AccountCutOff,
        };
        let about = (action, Object::Account(id));
        self.permit(by, Act::ManageAgents, Place::House, about).await?;
        let found: Option<(Account, u64)> = self.read(&Key::Account(id)).await?;
        let found =
            found.filter(|(account, _)| account.role == Role::Agent && reaches(by, account.organisation));
        let Some((account, version)) = found else {
            return Err(self.refuse_people(by, about, PeopleError::NotFound).await);
        };
        let AgentChange::Account(change) = change else {
            if matches!(account.state, AccountState::CutOff { .. }) {
                return Err(self.refuse_people(by, about, PeopleError::NotFitting).await);
            }
            return self.cut_off_by(id, by).await.map(drop);
        };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Account(id), version);
        if let Err(error) = self.put_agent(&mut unit, by, account, change).await {
            return Err(self.refuse_people(by, about, error).await);
        }
        self.store.commit(unit).await.map_err(AppError::from)?;
        if *change == AccountChange::Deactivate {
            self.unlocked.forget_account(id);
        }
        self.wake_delivery();
        Ok(())
    }

    async fn put_agent(
        &self,
        unit: &mut UnitOfWork,
        by: By<'_>,
        mut account: Account,
        change: &AccountChange,
    ) -> Result<(), PeopleError> {
        let (now, object, right) = (self.now().at, Object::Account(account.id), right_of(&account));
        let told = |action, object| event(now, by.actor(), action, object, Outcome::Done, by.origin);
        match change {
            AccountChange::Rename(name) => {
                self.log(unit, told(Action::AccountChanged, object))?;
                account.name.clone_from(name);
            }
            AccountChange::Deactivate => {
                if account.unused_since().is_some() {
                    return Err(PeopleError::NotFitting);
                }
                if self.opens_alone(&account).await? {
                    return Err(PeopleError::LastMember);
                }
                self.log(unit, told(Action::AccountDeactivated, object).with(right))?;
                self.end_ways_in(unit, &account).await?;
                account.state = AccountState::Deactivated { since: now, why: Deactivation::ByPerson };
            }
            AccountChange::Reactivate => {
                let was_cut = matches!(account.state, AccountState::CutOff { .. });
                if account.unused_since().is_none() {
                    return Err(PeopleError::NotFitting);
                }
                if was_cut {
                    // Who was cut off comes back without mailboxes: their managers entitle anew.
                    for mailbox in std::mem::take(&mut account.mailboxes) {
                        let membership = Object::Membership { account: account.id, mailbox };
                        self.log(unit, told(Action::MemberRemoved, membership).with(right))?;
                    }
                    account.manages.clear();
                }
                let told = |action| told(action, object).with(right);
                self.put_usable_again(unit, &mut account, by.origin, told)?;
            }
            AccountChange::SendLink => {
                if !account.may_choose_password() {
                    return Err(PeopleError::NotFitting);
                }
                self.log(unit, told(Action::AccountLinkAsked, object))?;
                self.put_account_link(unit, &account, purpose(&account), now, by.origin)?;
            }
        }
        unit.put(account);
        Ok(())
    }

    /// Whether there is a mailbox in custody of its members that nobody else opens.
    async fn opens_alone(&self, account: &Account) -> Result<bool, AppError> {
        for (mailbox, _) in self.opened_by(account).await? {
            let others = self.admitted(&mailbox).await?;
            if mailbox.key.custody == Custody::Members && others.iter().all(|member| member.id == account.id)
            {
                return Ok(true);
            }
        }
        Ok(false)
    }
}

/// What somebody of a fund reviews: that fund's accounts and those of no fund; whoever belongs to none reviews all.
fn house_of(own: Option<OrganisationId>) -> Object {
    own.map_or(Object::None, Object::Organisation)
}

/// Another fund's people are that fund's to review.
fn is_reviewed_by(own: Option<OrganisationId>, account: &Account) -> bool {
    own.is_none() || account.organisation.is_none() || account.organisation == own
}

/// Whether the people of a fund are this person's to change; those of another fund are not.
fn reaches(by: By<'_>, organisation: Option<OrganisationId>) -> bool {
    let own = by.account().and_then(|account| account.organisation);
    own.is_none_or(|own| organisation == Some(own))
}

/// The accounts of the house as a table for a spreadsheet (P5): who has what, and when it was last used.
pub fn house_table(review: &HouseReview, language: Language) -> String {
    let (header, manages): (&[&str], _) = match language {
        Language::Fr => {
            (&["de", "rôle", "nom", "adresse", "état", "depuis", "dernier usage", "boîtes"], "responsable")
        }
        Language::En => {
            (&["of", "role", "name", "address", "state", "since", "last used", "mailboxes"], "manager")
        }
    };
    let instant = |at: Option<Timestamp>| at.map(|at| calendar::precise(at, language)).unwrap_or_default();
    let rows = review.people.iter().map(|HousePerson { account, of, mailboxes, met_at }| {
        let (state, since) = state_in_words(&account.state, language);
        let mailboxes = mailboxes
            .iter()
            .map(|(name, is_manager)| if *is_manager { format!("{name} ({manages})") } else { name.clone() });
        vec![
            of.clone().unwrap_or_default(),
            role_code(account.role).label(language).to_owned(),
            account.name.clone(),
            account.address.to_string(),
            state.to_owned(),
            instant(since),
            instant(*met_at),
            mailboxes.collect::<Vec<_>>().join(" ; "),
        ]
    });
    csv(header, &rows.collect::<Vec<_>>())
}
