//! Sets up organisations, mailboxes, partners and accounts. Each change is one commit with its event (S2).

use super::custody::member_wrap_for;
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, RoleCode};
use crate::identity::{
    Account, AccountState, Admission, Agreement, Organisation, Partner, Password, PersonalKey, PersonalLock,
    Role,
};
use crate::mailbox::{Custody, DepositLimits, Mailbox, MailboxKey, MailboxKind};
use crate::value::{AccountId, Language, MailAddress, MailboxId, OrganisationId, PartnerId, Slug};
use crate::vault::Identity;

/// How many of a kind the lists of the house hold.
const LIST_MAX: usize = 10_000;

/// A mailbox to be created.
#[derive(Debug, Clone)]
pub struct NewMailbox {
    /// The fund that runs it.
    pub organisation: OrganisationId,
    /// Its part of page addresses.
    pub slug: Slug,
    /// What it is for.
    pub kind: MailboxKind,
    /// Its name.
    pub name: String,
    /// What to deposit here.
    pub purpose: String,
    /// Its address at the gateway.
    pub deposit_address: MailAddress,
    /// Where notices go.
    pub notice_address: MailAddress,
    /// What a deposit may be.
    pub limits: DepositLimits,
    /// In whose custody its key is.
    pub custody: Custody,
    /// Who can open it from the first day on, in custody `members`: at least one.
    pub members: Vec<AccountId>,
}

/// An account to be created.
#[derive(Debug)]
pub struct NewAccount {
    /// The address that signs in.
    pub address: MailAddress,
    /// First and last name.
    pub name: String,
    /// What the person does.
    pub role: Role,
    /// The fund, for its members.
    pub organisation: Option<OrganisationId>,
    /// The structure, for a gestionnaire.
    pub partner: Option<PartnerId>,
    /// The mailboxes that the person may read.
    pub mailboxes: Vec<MailboxId>,
    /// The first password.
    pub password: Password,
    /// The language of its pages.
    pub language: Language,
}

impl App {
    /// Creates an organisation.
    pub async fn create_organisation(
        &self,
        organisation: Organisation,
        origin: Origin,
    ) -> Result<(), AppError> {
        let object = Object::Organisation(organisation.id);
        self.administer(|unit| unit.put(organisation), Action::OrganisationCreated, object, origin).await
    }

    /// Creates a mailbox with a key of its own: wrapped to the gateway's key file, or to its first members, who are
    /// entitled to it by that; and for recovery as well when the organisation has a recovery identity. Its deposit address
    /// must be no notice address of any mailbox, nor the other way round (invariant 10).
    pub async fn create_mailbox(&self, new: NewMailbox, origin: Origin) -> Result<Mailbox, AppError> {
        let others = self.mailboxes().await?;
        let mixed = new.deposit_address == new.notice_address
            || others.iter().any(|other| {
                other.receives_notices_at(&new.deposit_address) || other.deposit_address == new.notice_address
            });
        if mixed {
            return Err(AppError::Broken("a deposit address must not receive notices"));
        }
        if new.custody == Custody::Members && new.members.is_empty() {
            return Err(AppError::Broken("a mailbox in custody of its members needs one"));
        }
        let identity = Identity::generate();
        let mailbox = Mailbox {
            id: MailboxId::new(self.random.bytes()),
            organisation: new.organisation,
            slug: new.slug,
            kind: new.kind,
            name: new.name,
            purpose: new.purpose,
            deposit_address: new.deposit_address,
            notice_address: new.notice_address,
            second_notice_address: None,
            key: self.mailbox_key(&identity, 1, new.custody)?,
            limits: new.limits,
            validity_days: None,
        };
        let object = Object::Mailbox(mailbox.id);
        let mut unit = UnitOfWork::default();
        self.log(
            &mut unit,
            event(self.now().at, Actor::Operator, Action::MailboxCreated, object, Outcome::Done, origin),
        )?;
        let told = (Actor::Operator, Action::MailboxKeyMade, Outcome::Done, origin);
        self.log_mailbox_key(&mut unit, &mailbox, told)?;
        for member in new.members {
            self.found_with(&mut unit, &mailbox, &identity, member, origin).await?;
        }
        unit.put(mailbox.clone());
        self.store.commit(unit).await?;
        Ok(mailbox)
    }

    /// Creates or replaces a partner. A suspension, and its end, are events of their own.
    pub async fn put_partner(&self, partner: Partner, origin: Origin) -> Result<(), AppError> {
        let object = Object::Partner(partner.id);
        let known: Option<(Partner, u64)> = self.read(&Key::Partner(partner.id)).await?;
        let was_suspended = known.as_ref().is_some_and(|(known, _)| known.suspended);
        let action = match (&known, partner.suspended) {
            (_, true) if !was_suspended => Action::PartnerSuspended,
            (None, _) => Action::PartnerCreated,
            (Some(_), _) => Action::PartnerChanged,
        };
        let resumed = was_suspended && !partner.suspended;
        let told = event(self.now().at, Actor::Operator, action, object, Outcome::Done, origin);
        let told = if resumed { told.with(Detail::Replaced(true)) } else { told };
        let mut unit = UnitOfWork::default();
        unit.put(partner);
        self.log(&mut unit, told)?;
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Creates or replaces an agreement. When it is in force goes into the log; whom it admits by name does not.
    pub async fn put_agreement(&self, agreement: Agreement, origin: Origin) -> Result<(), AppError> {
        let object = Object::Agreement { partner: agreement.partner, mailbox: agreement.mailbox };
        let listed = match &agreement.admission {
            Admission::Domain => None,
            Admission::Listed(addresses) => Some(u32::try_from(addresses.len()).unwrap_or(u32::MAX)),
        };
        let in_force = Detail::InForce { from: agreement.from, until: agreement.until, listed };
        let changed =
            event(self.now().at, Actor::Operator, Action::AgreementChanged, object, Outcome::Done, origin);
        let mut unit = UnitOfWork::default();
        unit.put(agreement);
        self.log(&mut unit, changed.with(in_force))?;
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Creates an account. Its mailboxes are all of its own organisation, whose security officer reads what it does (P7).
    pub async fn create_account(&self, new: NewAccount, origin: Origin) -> Result<Account, AppError> {
        for mailbox in &new.mailboxes {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*mailbox)).await?;
            let (mailbox, _) = found.ok_or(AppError::Broken("no such mailbox"))?;
            if new.organisation != Some(mailbox.organisation) {
                return Err(AppError::Broken("a person has mailboxes of one organisation only"));
            }
        }
        let (hash, secret) = self.hash_password(new.password).await?;
        let account = Account {
            id: AccountId::new(self.random.bytes()),
            person: self.person_of(&new.address)?,
            address: new.address,
            name: new.name,
            role: new.role,
            organisation: new.organisation,
            partner: new.partner,
            mailboxes: new.mailboxes,
            manages: Vec::new(),
            password: hash,
            password_set_at: Some(self.now().at),
            terms: None,
            second_factor: None,
            passkeys: Vec::new(),
            provider: None,
            state: AccountState::Active,
            language: new.language,
        };
        let created = account.clone();
        let object = Object::Account(account.id);
        let now = self.now().at;
        let mut unit = UnitOfWork::default();
        self.note_person(&mut unit, &account.address, now)?;
        self.log(
            &mut unit,
            event(now, Actor::Operator, Action::AccountCreated, object, Outcome::Done, origin)
                .with(right_of(&account)),
        )?;
        for mailbox in &account.mailboxes {
            let membership = Object::Membership { account: account.id, mailbox: *mailbox };
            self.log(
                &mut unit,
                event(now, Actor::Operator, Action::MemberAdded, membership, Outcome::Done, origin)
                    .with(right_of(&account)),
            )?;
        }
        let identity = Identity::generate();
        let key = PersonalKey::locked(account.id, &identity, PersonalLock::SignIn, &secret)?;
        self.log_personal_key(&mut unit, &account, &key, (Actor::Operator, origin))?;
        unit.put(key);
        unit.put(account);
        self.store.commit(unit).await?;
        Ok(created)
    }

    /// An identity as a mailbox's key of a generation.
    pub(super) fn mailbox_key(
        &self,
        identity: &Identity,
        generation: u32,
        custody: Custody,
    ) -> Result<MailboxKey, AppError> {
        let gateway = match custody {
            Custody::Gateway => Some(self.keyring.gateway()?.recipient()),
            Custody::Members => None,
        };
        let recovery = self.settings.recovery.as_ref();
        Ok(MailboxKey::of(identity, generation, gateway.as_ref(), recovery)?)
    }

    /// Entitles a first member of a new mailbox, and wraps its key for it in custody `members`.
    async fn found_with(
        &self,
        unit: &mut UnitOfWork,
        mailbox: &Mailbox,
        identity: &Identity,
        member: AccountId,
        origin: Origin,
    ) -> Result<(), AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(member)).await?;
        let (mut account, version) = found.ok_or(AppError::Broken("no such account"))?;
        if account.organisation != Some(mailbox.organisation) {
            return Err(AppError::Broken("a mailbox has members of its own organisation only"));
        }
        unit.expect_unchanged(Key::Account(member), version);
        account.mailboxes.push(mailbox.id);
        let membership = Object::Membership { account: member, mailbox: mailbox.id };
        self.log(
            unit,
            event(self.now().at, Actor::Operator, Action::MemberAdded, membership, Outcome::Done, origin)
                .with(right_of(&account)),
        )?;
        if mailbox.key.custody == Custody::Members {
            let key = self.checked_personal_key(&account).await?;
            let (key, _) = key.ok_or(AppError::Broken("the member has no personal key"))?;
            unit.put(member_wrap_for(mailbox, identity, &key)?);
        }
        unit.put(account);
        Ok(())
    }

    /// All mailboxes.
    pub async fn mailboxes(&self) -> Result<Vec<Mailbox>, AppError> {
        Ok(self
            .read_list(&List::Mailboxes, LIST_MAX)
            .await?
            .into_iter()
            .map(|(mailbox, _)| mailbox)
            .collect())
    }

    /// All partners.
    pub async fn partners(&self) -> Result<Vec<Partner>, AppError> {
        let listed: Vec<(Partner, u64)> = self.read_list(&List::Partners, LIST_MAX).await?;
        Ok(listed.into_iter().map(|(partner, _)| partner).collect())
    }

    /// All organisations.
    pub async fn organisations(&self) -> Result<Vec<Organisation>, AppError> {
        Ok(self
            .read_list(&List::Organisations, LIST_MAX)
            .await?
            .into_iter()
            .map(|(found, _)| found)
            .collect())
    }

    /// The mailbox behind a page's address.
    pub async fn mailbox_by_page(
        &self,
        organisation: &Slug,
        mailbox: &Slug,
    ) -> Result<Option<Mailbox>, AppError> {
        let found: Option<(Organisation, u64)> =
            self.read_one(&List::OrganisationBySlug(organisation.clone())).await?;
        let Some((organisation, _)) = found else { return Ok(None) };
        let list = List::MailboxByPage(organisation.id, mailbox.clone());
        let found: Option<(Mailbox, u64)> = self.read_one(&list).await?;
        Ok(found.map(|(mailbox, _)| mailbox).filter(Mailbox::takes_deposits))
    }

    /// Logs a start or a stop of the gateway, or that its configuration was read anew.
    pub async fn log_gateway(&self, action: Action) -> Result<(), AppError> {
        self.log_alone(event(self.now().at, Actor::System, action, Object::None, Outcome::Done, Origin::Job))
            .await
    }

    async fn administer(
        &self,
        change: impl FnOnce(&mut UnitOfWork),
        action: Action,
        object: Object,
        origin: Origin,
    ) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        change(&mut unit);
        self.log(&mut unit, event(self.now().at, Actor::Operator, action, object, Outcome::Done, origin))?;
        self.store.commit(unit).await?;
        Ok(())
    }
}

/// Whose account it is and what it may do, as the log has it.
pub(super) fn right_of(account: &Account) -> Detail {
    Detail::Right { person: account.person, role: role_code(account.role) }
}

/// A role as the log has it.
pub const fn role_code(role: Role) -> RoleCode {
    match role {
        Role::Agent => RoleCode::Agent,
        Role::Technicien => RoleCode::Technicien,
        Role::Gestionnaire => RoleCode::Manager,
        Role::Administrator => RoleCode::Administrator,
        Role::SecurityOfficer => RoleCode::SecurityOfficer,
    }
}
