//! A new account, which its owner activates (P1, P2). It is made without a password that anybody knows; one commit holds the
//! account, its event and the mail with the link.

use super::{ACCOUNTS_MAX, GESTIONNAIRES_MAX, PeopleError};
use crate::app::administer::right_of;
use crate::app::ports::{Key, List, UnitOfWork};
use crate::app::{App, AppError, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome};
use crate::identity::{
    Account, AccountState, LinkPurpose, Partner, PasswordHash, Role, second_account_address,
};
use crate::value::{AccountId, Language, MailAddress, MailboxId, OrganisationId, PartnerId, Timestamp};

/// Somebody who is to have an account.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Invitation {
    /// The professional address. Where it has an account already and a technicien is invited, the new account signs in with
    /// another one that leads to the same person ([`second_account_address`]).
    pub address: MailAddress,
    /// First and last name.
    pub name: String,
    /// What the person will do.
    pub role: Role,
    /// The fund, for its members.
    pub organisation: Option<OrganisationId>,
    /// The structure, for its people.
    pub partner: Option<PartnerId>,
    /// The mailboxes that the person may read.
    pub mailboxes: Vec<MailboxId>,
    /// The language of the person's pages and mails.
    pub language: Language,
}

impl App {
    /// Invites somebody. Whether whoever asks may do so was asked before.
    pub async fn invite(
        &self,
        invitation: Invitation,
        actor: Actor,
        origin: Origin,
    ) -> Result<Account, PeopleError> {
        let now = self.now().at;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let known: Vec<&Account> = accounts.iter().map(|(account, _)| account).collect();
        let partner = self.structure_of(&invitation).await?;
        let account = self.invited(invitation, partner.as_ref().map(|(partner, _)| partner), &known, now)?;
        let mut unit = UnitOfWork::default();
        if let Some((partner, version)) = partner {
            // Two that are appointed at once must not make six: whoever comes second reads anew.
            unit.expect_unchanged(Key::Partner(partner.id), version);
            unit.put(partner);
        }
        self.put_invited(&mut unit, &account, actor, now, origin)?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        Ok(account)
    }

    /// Whether somebody may get an account of a structure: by the address (P3), and by how many there are (P1).
    pub async fn may_join(
        &self,
        partner: &Partner,
        role: Role,
        address: &MailAddress,
    ) -> Result<(), PeopleError> {
        if !partner.domains.contains(address.domain()) {
            return Err(PeopleError::OutsideDomains);
        }
        let people = self.people_of(partner.id).await?;
        let known: Vec<&Account> = people.iter().collect();
        if role == Role::Gestionnaire && gestionnaires(&known, Some(partner.id)) >= GESTIONNAIRES_MAX {
            return Err(PeopleError::TooMany { limit: GESTIONNAIRES_MAX });
        }
        Ok(())
    }

    /// The structure that the invitation is for.
    async fn structure_of(&self, invitation: &Invitation) -> Result<Option<(Partner, u64)>, PeopleError> {
        match invitation.partner {
            None if invitation.role.is_of_structure() => Err(PeopleError::NotFound),
            None => Ok(None),
            Some(partner) => {
                let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
                found.map(Some).ok_or(PeopleError::NotFound)
            }
        }
    }

    /// The account that is to be, where the rules allow it.
    pub(in crate::app) fn invited(
        &self,
        invitation: Invitation,
        partner: Option<&Partner>,
        known: &[&Account],
        now: Timestamp,
    ) -> Result<Account, PeopleError> {
        let Invitation { address, name, role, organisation, mailboxes, language, .. } = invitation;
        if partner.is_some_and(|partner| !partner.domains.contains(address.domain())) {
            return Err(PeopleError::OutsideDomains);
        }
        let partner = partner.map(|partner| partner.id);
        if role == Role::Gestionnaire && gestionnaires(known, partner) >= GESTIONNAIRES_MAX {
            return Err(PeopleError::TooMany { limit: GESTIONNAIRES_MAX });
        }
        let address = free_address(address, role, partner, known)?;
        Ok(Account {
            id: AccountId::new(self.random.bytes()),
            person: self.person_of(&address)?,
            address,
            name,
            role,
            organisation,
            partner,
            mailboxes,
            manages: Vec::new(),
            password: PasswordHash::of_nobody(self.random.bytes(), self.random.bytes()),
            password_set_at: None,
            terms: None,
            second_factor: None,
            passkeys: Vec::new(),
            provider: None,
            state: AccountState::Invited { since: now },
            language,
        })
    }

    /// Puts an invited account into a unit, with its events and the mail that tells its owner.
    pub(in crate::app) fn put_invited(
        &self,
        unit: &mut UnitOfWork,
        account: &Account,
        actor: Actor,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        self.note_person(unit, &account.address, now)?;
        let told =
            |action, object| event(now, actor, action, object, Outcome::Done, origin).with(right_of(account));
        self.log(unit, told(Action::AccountCreated, Object::Account(account.id)))?;
        for mailbox in &account.mailboxes {
            let membership = Object::Membership { account: account.id, mailbox: *mailbox };
            self.log(unit, told(Action::MemberAdded, membership))?;
        }
        unit.expect_absent(Key::Account(account.id));
        unit.put(account.clone());
        self.put_account_link(unit, account, LinkPurpose::Activation, now, origin)
    }
}

/// How many gestionnaires a structure has who may sign in, or are about to.
pub(super) fn gestionnaires(known: &[&Account], partner: Option<PartnerId>) -> usize {
    let of = known.iter().filter(|account| account.role == Role::Gestionnaire && account.partner == partner);
    of.filter(|account| account.unused_since().is_none()).count()
}

/// The address that signs in: the one that was given; for a technicien who is a gestionnaire too, one of its own (P1).
fn free_address(
    address: MailAddress,
    role: Role,
    partner: Option<PartnerId>,
    known: &[&Account],
) -> Result<MailAddress, PeopleError> {
    let taken = |address: &MailAddress| known.iter().find(|account| account.address == *address);
    let Some(other) = taken(&address) else { return Ok(address) };
    let is_second = role == Role::Technicien && other.role == Role::Gestionnaire && other.partner == partner;
    let second = second_account_address(&address).filter(|second| is_second && taken(second).is_none());
    second.ok_or(PeopleError::Taken)
}
