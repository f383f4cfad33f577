//! Changes of the people of a structure (P1, P6): appointed, renamed, deactivated, reactivated, confirmed. A gestionnaire
//! changes techniciens, the fund changes gestionnaires. What ends an account's ways in is `cut.rs`.

use super::invite::gestionnaires;
use super::{ACCOUNTS_MAX, By, GESTIONNAIRES_MAX, Invitation, PeopleError};
use crate::app::administer::right_of;
use crate::app::ports::{Key, List, UnitOfWork};
use crate::app::{App, AppError, CONFLICT_TRIES, event};
use crate::audit::{Action, Detail, Event, Object, Origin, Outcome};
use crate::identity::{
    Account, AccountState, Confirmation, Deactivation, LinkPurpose, Partner, Place, Role, StructureReview,
};
use crate::policy::rights::Act;
use crate::value::{AccountId, PartnerId};

/// What is changed of an account of a structure.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AccountChange {
    /// Another name.
    Rename(String),
    /// It may not sign in nor deposit any more.
    Deactivate,
    /// It may again.
    Reactivate,
    /// Its owner is sent another link.
    SendLink,
}

impl AccountChange {
    pub(super) const fn action(&self) -> Action {
        match self {
            Self::Rename(_) => Action::AccountChanged,
            Self::Deactivate => Action::AccountDeactivated,
            Self::Reactivate => Action::RightsChanged,
            Self::SendLink => Action::AccountLinkAsked,
        }
    }
}

/// The right that changing an account of this role needs.
const fn act_on(role: Role) -> Act {
    match role {
        Role::Technicien => Act::ManageTechniciens,
        Role::Gestionnaire => Act::AppointGestionnaires,
        // No page changes those: the operator does.
        Role::Agent | Role::Administrator | Role::SecurityOfficer => Act::ExcludeStructures,
    }
}

impl App {
    /// Appoints a gestionnaire, or creates a technicien.
    pub async fn appoint(&self, by: By<'_>, invitation: Invitation) -> Result<Account, PeopleError> {
        let partner = invitation.partner.ok_or(PeopleError::NotFound)?;
        let about = (Action::AccountCreated, Object::Partner(partner));
        if !invitation.role.is_of_structure() {
            return Err(self.refuse_people(by, about, PeopleError::NotFitting).await);
        }
        self.permit(by, act_on(invitation.role), Place::Structure(partner), about).await?;
        self.invite_by(by, about, &invitation).await
    }

    /// Makes the account that somebody may make; a refusal is in the log as what was tried, `about`.
    pub(super) async fn invite_by(
        &self,
        by: By<'_>,
        about: (Action, Object),
        invitation: &Invitation,
    ) -> Result<Account, PeopleError> {
        for _ in 0..CONFLICT_TRIES {
            match self.invite(invitation.clone(), by.actor(), by.origin).await {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(self.refuse_people(by, about, error).await),
                Ok(account) => return Ok(account),
            }
        }
        Err(AppError::Contended.into())
    }

    /// Changes an account of a structure.
    pub async fn change_account(
        &self,
        by: By<'_>,
        account: AccountId,
        change: AccountChange,
    ) -> Result<(), PeopleError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_change_account(by, account, &change).await {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn try_change_account(
        &self,
        by: By<'_>,
        id: AccountId,
        change: &AccountChange,
    ) -> Result<(), PeopleError> {
        let about = (change.action(), Object::Account(id));
        let found: Option<(Account, u64)> = self.read(&Key::Account(id)).await?;
        let of_structure = found.and_then(|(account, version)| Some((account.partner?, account, version)));
        let Some((partner, account, version)) =
            of_structure.filter(|(_, account, _)| account.role.is_of_structure())
        else {
            return Err(self.refuse_people(by, about, PeopleError::NotFound).await);
        };
        self.permit(by, act_on(account.role), Place::Structure(partner), about).await?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Account(id), version);
        if let Err(error) = self.put_changed(&mut unit, by, partner, account, change).await {
            return Err(self.refuse_people(by, about, error).await);
        }
        self.store.commit(unit).await.map_err(AppError::from)?;
        if *change == AccountChange::Deactivate {
            self.unlocked.forget_account(id);
        }
        self.wake_delivery();
        Ok(())
    }

    async fn put_changed(
        &self,
        unit: &mut UnitOfWork,
        by: By<'_>,
        partner: PartnerId,
        mut account: Account,
        change: &AccountChange,
    ) -> Result<(), PeopleError> {
        let (now, object, right) = (self.now().at, Object::Account(account.id), right_of(&account));
        let told =
            |action| event(now, by.actor(), action, object, Outcome::Done, by.origin).of_partner(partner);
        match change {
            AccountChange::Rename(name) => {
                self.log(unit, told(Action::AccountChanged))?;
                account.name.clone_from(name);
            }
            AccountChange::Deactivate if account.unused_since().is_some() => {
                return Err(PeopleError::NotFitting);
            }
            AccountChange::Deactivate => {
                self.keep_one_gestionnaire(unit, partner, &account).await?;
                self.log(unit, told(Action::AccountDeactivated).with(right))?;
                self.end_ways_in(unit, &account).await?;
                account.state = AccountState::Deactivated { since: now, why: Deactivation::ByPerson };
            }
            AccountChange::Reactivate => {
                self.put_reactivated(unit, by, partner, &mut account).await?;
            }
            AccountChange::SendLink if !account.may_choose_password() => return Err(PeopleError::NotFitting),
            AccountChange::SendLink => {
                self.log(unit, told(Action::AccountLinkAsked))?;
                let purpose = purpose(&account);
                self.put_account_link(unit, &account, purpose, now, by.origin)?;
            }
        }
        unit.put(account);
        Ok(())
    }

    /// The last active gestionnaire stays (P1). The partner's record is written too, so that two who go at once meet.
    async fn keep_one_gestionnaire(
        &self,
        unit: &mut UnitOfWork,
        partner: PartnerId,
        account: &Account,
    ) -> Result<(), PeopleError> {
        if account.role != Role::Gestionnaire || !account.is_active() {
            return Ok(());
        }
        let people = self.people_of(partner).await?;
        let others = people.iter().filter(|other| other.role == Role::Gestionnaire && other.id != account.id);
        if others.filter(|other| other.is_active()).count() == 0 {
            return Err(PeopleError::LastGestionnaire);
        }
        self.touch_partner(unit, partner).await
    }

    async fn touch_partner(&self, unit: &mut UnitOfWork, partner: PartnerId) -> Result<(), PeopleError> {
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let (partner, version) = found.ok_or(PeopleError::NotFound)?;
        unit.expect_unchanged(Key::Partner(partner.id), version);
        unit.put(partner);
        Ok(())
    }

    /// Whoever was cut off comes back by a new link alone, and only by those who cut off; the address is freed with it (P6).
    async fn put_reactivated(
        &self,
        unit: &mut UnitOfWork,
        by: By<'_>,
        partner: PartnerId,
        account: &mut Account,
    ) -> Result<(), PeopleError> {
        let (now, object, right) = (self.now().at, Object::Account(account.id), right_of(account));
        let was_cut = matches!(account.state, AccountState::CutOff { .. });
        if account.unused_since().is_none() {
            return Err(PeopleError::NotFitting);
        }
        if was_cut
            && by.account().is_some_and(|who| !who.may(Act::ExcludeStructures, Place::Structure(partner)))
        {
            return Err(PeopleError::NotEntitled);
        }
        if account.role == Role::Gestionnaire {
            let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
            let known: Vec<&Account> = accounts.iter().map(|(account, _)| account).collect();
            if gestionnaires(&known, Some(partner)) >= GESTIONNAIRES_MAX {
                return Err(PeopleError::TooMany { limit: GESTIONNAIRES_MAX });
            }
        }
        if was_cut {
            self.put_address_blocked(unit, by, partner, &account.professional_address(), false).await?;
        } else if account.role == Role::Gestionnaire {
            self.touch_partner(unit, partner).await?;
        }
        let told = |action| {
            let told = event(now, by.actor(), action, object, Outcome::Done, by.origin);
            told.of_partner(partner).with(right)
        };
        self.put_usable_again(unit, account, by.origin, told)
    }

    /// Somebody who was cut off or deactivated may come again. A chosen password is still good, unless it may be in the wrong
    /// hands: then by a new link.
    pub(super) fn put_usable_again(
        &self,
        unit: &mut UnitOfWork,
        account: &mut Account,
        origin: Origin,
        told: impl Fn(Action) -> Event,
    ) -> Result<(), PeopleError> {
        let was_cut = matches!(account.state, AccountState::CutOff { .. });
        if account.password_set_at.is_some() && !was_cut {
            account.state = AccountState::Active;
            self.log(unit, told(Action::AccountActivated))?;
        } else {
            let now = self.now().at;
            account.state = AccountState::Invited { since: now };
            self.log(unit, told(Action::RightsChanged))?;
            self.put_account_link(unit, account, LinkPurpose::Activation, now, origin)?;
        }
        Ok(())
    }

    /// A gestionnaire confirms that the list of the structure's people is right (P5).
    pub async fn confirm_people(&self, by: By<'_>, partner: PartnerId) -> Result<(), PeopleError> {
        let about = (Action::RightsReviewed, Object::Partner(partner));
        self.permit(by, Act::ConfirmPeople, Place::Structure(partner), about).await?;
        let Some(who) = by.account() else {
            return Err(self.refuse_people(by, about, PeopleError::NotEntitled).await);
        };
        let now = self.believed_now()?;
        let found: Option<(StructureReview, u64)> = self.read(&Key::Review(partner)).await?;
        let review = found.map_or_else(|| StructureReview::new(partner, now), |(review, _)| review);
        let confirmed = Some(Confirmation { at: now, by: who.id });
        let people = self.people_of(partner).await?;
        let count = people.iter().filter(|account| account.unused_since().is_none()).count();
        let mut unit = UnitOfWork::default();
        let told = event(now, by.actor(), about.0, about.1, Outcome::Done, by.origin).of_partner(partner);
        self.log(&mut unit, told.with(Detail::Count(count as u64)))?;
        unit.put(StructureReview { confirmed, ..review });
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }
}

/// What a link to an account is for.
pub(super) const fn purpose(account: &Account) -> LinkPurpose {
    match account.state {
        AccountState::Invited { .. } => LinkPurpose::Activation,
        _ => LinkPurpose::Reset,
    }
}
