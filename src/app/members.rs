//! The members of a mailbox: who is entitled, who can open it, and how the one becomes the other. Only a member with an
//! open key admits; whoever leaves takes no key along, for the mailbox gets another one (P7, DESIGN "Mailbox key").
//! What a person does with the own key is `personal_keys.rs`.

use thiserror::Error;

use super::administer::right_of;
use super::custody::member_wrap_for;
use super::ports::{Key, List, UnitOfWork};
use super::rotate::NextKey;
use super::{App, AppError, By, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::Account;
use crate::mailbox::{Custody, Mailbox};
use crate::value::{AccountId, MailboxId, Slug, Timestamp};
use crate::vault::Identity;

/// How many accounts are looked through for the members of a mailbox.
const ACCOUNTS_MAX: usize = 10_000;

/// Why a change of members is refused.
#[derive(Debug, Error)]
pub enum MembersError {
    /// The person may not open the mailbox, or not now; nothing was changed.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// Nobody could open the mailbox any more: the live mail would be lost to all but the recovery identity.
    #[error("the last member who can open the mailbox cannot be removed")]
    LastMember,
    /// The account is not one that this can be done to: not entitled, not admitted, or without a key.
    #[error("the account is not in a state for this")]
    NotFitting,
    /// The policy in force does not allow it.
    #[error("the policy in force does not allow it")]
    Denied,
}

impl From<AppError> for MembersError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
}

/// How far a member has come.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberState {
    /// Opens the mailbox.
    Admitted,
    /// Is entitled by name, and waits for a member to open the mailbox.
    Waiting,
}

/// A member, as the page lists it.
#[derive(Debug, Clone)]
pub struct MemberView {
    /// The account.
    pub account: AccountId,
    /// First and last name.
    pub name: String,
    /// The address that signs in.
    pub address: String,
    /// How far it has come.
    pub state: MemberState,
    /// It is the person who looks.
    pub is_self: bool,
}

/// The members of a mailbox.
#[derive(Debug)]
pub struct MembersView {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its members, by name.
    pub members: Vec<MemberView>,
    /// Since when live mail is being moved to a new key, if it is.
    pub rotating_since: Option<Timestamp>,
    /// The policy in force lets the key go back to the gateway.
    pub may_return_to_gateway: bool,
}

/// What a refused or done change is about.
type About = (Action, MailboxId, Option<AccountId>);

impl App {
    /// The members of a mailbox, for one of them.
    pub async fn members(
        &self,
        signed: &Signed,
        slug: &Slug,
        visitor: Visitor,
    ) -> Result<MembersView, MembersError> {
        let (mailbox, _) = self.mailbox_of_member(signed, slug, visitor).await?;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let mut members = Vec::new();
        for (account, _) in accounts.into_iter().filter(|(account, _)| account.reads(mailbox.id)) {
            let opens = mailbox.key.custody == Custody::Gateway
                || self.member_wrap(&mailbox, &account).await?.is_some();
            members.push(MemberView {
                account: account.id,
                name: account.name,
                address: account.address.to_string(),
                state: if opens { MemberState::Admitted } else { MemberState::Waiting },
                is_self: account.id == signed.account.id,
            });
        }
        members.sort_by(|one, other| one.name.cmp(&other.name));
        let rotating_since = self.rotation_since(mailbox.id).await?;
        let may_return_to_gateway = self.policies.load().custody.allows_return_to_gateway();
        Ok(MembersView { mailbox, members, rotating_since, may_return_to_gateway })
    }

    /// A member opens the mailbox to an account that is entitled to it: wraps its identity, and nothing else changes.
    pub async fn admit(
        &self,
        signed: &Signed,
        slug: &Slug,
        account: AccountId,
        visitor: Visitor,
    ) -> Result<(), MembersError> {
        let (mailbox, version) = self.mailbox_of_member(signed, slug, visitor).await?;
        let about = (Action::MemberAdmitted, mailbox.id, Some(account));
        let identity = self.identity_or_refusal(signed, &mailbox, about, visitor).await?;
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let entitled = found.filter(|(account, _)| account.reads(mailbox.id));
        let Some((account, account_version)) = entitled else {
            return Err(self
                .refuse_member(signed, about, RefusalReason::NotEntitled, MembersError::NotFitting, visitor)
                .await);
        };
        let Some((key, key_version)) = self.checked_personal_key(&account).await? else {
            return Err(self
                .refuse_member(signed, about, RefusalReason::NotFound, MembersError::NotFitting, visitor)
                .await);
        };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Mailbox(mailbox.id), version);
        unit.expect_unchanged(Key::Account(account.id), account_version);
        unit.expect_unchanged(Key::PersonalKey(account.id), key_version);
        unit.put(member_wrap_for(&mailbox, &identity, &key)?);
        self.log_member(&mut unit, signed, about, Outcome::Done, visitor)?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }

    /// A member takes another, or itself, out: the right goes at once, and the mailbox gets a new key.
    pub async fn remove_member(
        &self,
        signed: &Signed,
        slug: &Slug,
        account: AccountId,
        visitor: Visitor,
    ) -> Result<(), MembersError> {
        let (mailbox, version) = self.mailbox_of_member(signed, slug, visitor).await?;
        let about = (Action::MemberRemoved, mailbox.id, Some(account));
        let identity = self.identity_or_refusal(signed, &mailbox, about, visitor).await?;
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let member = found.filter(|(account, _)| account.mailboxes.contains(&mailbox.id));
        let Some((mut leaving, leaving_version)) = member else {
            return Err(self
                .refuse_member(signed, about, RefusalReason::NotFound, MembersError::NotFitting, visitor)
                .await);
        };
        let mut remaining = self.admitted(&mailbox).await?;
        remaining.retain(|member| member.id != account);
        if mailbox.key.custody == Custody::Members && remaining.is_empty() {
            return Err(self
                .refuse_member(signed, about, RefusalReason::LastMember, MembersError::LastMember, visitor)
                .await);
        }
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Account(account), leaving_version);
        leaving.mailboxes.retain(|id| *id != mailbox.id);
        // Who is admitted again one day manages nothing until somebody says so.
        leaving.manages.retain(|id| *id != mailbox.id);
        unit.put(leaving);
        self.log_member(&mut unit, signed, about, Outcome::Done, visitor)?;
        if mailbox.key.custody == Custody::Gateway {
            self.store.commit(unit).await.map_err(AppError::from)?;
            return Ok(());
        }
        let next = next_key(signed, Custody::Members, &remaining, visitor);
        self.change_key(unit, (mailbox, version), &identity, next).await
    }

    /// A member takes the key out of the gateway's custody: all who are entitled and have a key of their own open it.
    pub async fn take_into_custody(
        &self,
        signed: &Signed,
        slug: &Slug,
        visitor: Visitor,
    ) -> Result<(), MembersError> {
        let (mailbox, version) = self.mailbox_of_member(signed, slug, visitor).await?;
        let about = (Action::CustodyChanged, mailbox.id, None);
        if mailbox.key.custody == Custody::Members {
            let reason = RefusalReason::StateNotFitting;
            return Err(self.refuse_member(signed, about, reason, MembersError::NotFitting, visitor).await);
        }
        let identity = self.identity_or_refusal(signed, &mailbox, about, visitor).await?;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let entitled = accounts.into_iter().map(|(account, _)| account);
        let entitled: Vec<Account> = entitled.filter(|account| account.reads(mailbox.id)).collect();
        if !self.has_key_open(signed) {
            // Whoever goes first must be able to go on: the key that the mailbox gets is the person's to open.
            return Err(self
                .refuse_member(signed, about, RefusalReason::KeyLocked, OpenError::Locked.into(), visitor)
                .await);
        }
        let mut unit = UnitOfWork::default();
        self.log_member(&mut unit, signed, about, Outcome::Done, visitor)?;
        let next = next_key(signed, Custody::Members, &entitled, visitor);
        self.change_key(unit, (mailbox, version), &identity, next).await
    }

    /// A member gives the key back to the gateway, where the policy in force allows it.
    pub async fn return_to_gateway(
        &self,
        signed: &Signed,
        slug: &Slug,
        visitor: Visitor,
    ) -> Result<(), MembersError> {
        let (mailbox, version) = self.mailbox_of_member(signed, slug, visitor).await?;
        let about = (Action::CustodyChanged, mailbox.id, None);
        if mailbox.key.custody == Custody::Gateway {
            let reason = RefusalReason::StateNotFitting;
            return Err(self.refuse_member(signed, about, reason, MembersError::NotFitting, visitor).await);
        }
        if !self.policies.load().custody.allows_return_to_gateway() {
            return Err(self
                .refuse_member(signed, about, RefusalReason::PolicyDenied, MembersError::Denied, visitor)
                .await);
        }
        let identity = self.identity_or_refusal(signed, &mailbox, about, visitor).await?;
        let mut unit = UnitOfWork::default();
        self.log_member(&mut unit, signed, about, Outcome::Done, visitor)?;
        let next = next_key(signed, Custody::Gateway, &[], visitor);
        self.change_key(unit, (mailbox, version), &identity, next).await
    }

    /// Adds the next key to a unit, commits it, and moves the grants. What is left to move when that fails is moved by
    /// the next session: the change itself holds.
    async fn change_key(
        &self,
        mut unit: UnitOfWork,
        (mailbox, version): (Mailbox, u64),
        identity: &Identity,
        next: NextKey<'_>,
    ) -> Result<(), MembersError> {
        let (id, actor, origin) = (mailbox.id, next.actor, next.origin);
        let (mailbox, identity) = self.rotate(&mut unit, (mailbox, version), identity, next).await?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.forget_logged_key(id);
        if let Err(error) = self.move_grants(&mailbox, &identity, actor, origin).await {
            tracing::warn!(error = error.chain(), "mailbox.rotation_waits");
        }
        Ok(())
    }

    /// The mailbox of this name, for a person who may read it; its key as it is after what was left to move is moved.
    async fn mailbox_of_member(
        &self,
        signed: &Signed,
        slug: &Slug,
        visitor: Visitor,
    ) -> Result<(Mailbox, u64), MembersError> {
        self.believed_now()?;
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            let Some((mailbox, version)) = found.filter(|(mailbox, _)| &mailbox.slug == slug) else {
                continue;
            };
            return Ok((mailbox, version));
        }
        Err(self.refuse_mailbox(signed, visitor).await.into())
    }

    /// The mailbox's identity; a rotation that was left over is finished first. A refusal is logged.
    async fn identity_or_refusal(
        &self,
        signed: &Signed,
        mailbox: &Mailbox,
        about: About,
        visitor: Visitor,
    ) -> Result<Identity, MembersError> {
        match self.mailbox_identity(signed, mailbox).await {
            Ok(identity) => {
                let actor = Actor::Person(signed.account.person);
                self.move_grants(mailbox, &identity, actor, visitor.web()).await?;
                Ok(identity)
            }
            Err(error) => {
                let reason = match &error {
                    OpenError::Locked => RefusalReason::KeyLocked,
                    OpenError::NotAdmitted => RefusalReason::NotAdmitted,
                    _ => return Err(error.into()),
                };
                Err(self.refuse_member(signed, about, reason, error.into(), visitor).await)
            }
        }
    }

    async fn refuse_member(
        &self,
        signed: &Signed,
        about: About,
        reason: RefusalReason,
        error: MembersError,
        visitor: Visitor,
    ) -> MembersError {
        let mut unit = UnitOfWork::default();
        let logged = self.log_member(&mut unit, signed, about, Outcome::Refused(reason), visitor);
        let committed = match logged {
            Ok(()) => self.store.commit(unit).await.map(|_| ()).map_err(AppError::from),
            Err(fault) => Err(fault),
        };
        committed.map_or_else(MembersError::from, |()| error)
    }

    fn log_member(
        &self,
        unit: &mut UnitOfWork,
        signed: &Signed,
        (action, mailbox, account): About,
        outcome: Outcome,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let object = match account {
            Some(account) => Object::Membership { account, mailbox },
            None => Object::Mailbox(mailbox),
        };
        let actor = Actor::Person(signed.account.person);
        let told = event(self.now().at, actor, action, object, outcome, visitor.web());
        self.log(unit, told.under(self.policies.load().digest))
    }

    /// An operator entitles an account to a mailbox, by name (P7). In custody `members` that opens nothing: a member must.
    pub async fn entitle(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        origin: Origin,
    ) -> Result<(), AppError> {
        self.entitle_by(account, mailbox, By::operator(origin)).await
    }

    /// As [`App::entitle`], by whoever may.
    pub(super) async fn entitle_by(
        &self,
        account: AccountId,
        mailbox: MailboxId,
        by: By<'_>,
    ) -> Result<(), AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let (mut entitled, version) = found.ok_or(AppError::Broken("no such account"))?;
        if entitled.mailboxes.contains(&mailbox) {
            return Ok(());
        }
        entitled.mailboxes.push(mailbox);
        let right = right_of(&entitled);
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Account(account), version);
        unit.put(entitled);
        let object = Object::Membership { account, mailbox };
        let now = self.now().at;
        let added = event(now, by.actor(), Action::MemberAdded, object, Outcome::Done, by.origin);
        self.log(&mut unit, added.with(right))?;
        self.store.commit(unit).await?;
        Ok(())
    }
}

fn next_key<'a>(signed: &Signed, custody: Custody, members: &'a [Account], visitor: Visitor) -> NextKey<'a> {
    NextKey { custody, members, actor: Actor::Person(signed.account.person), origin: visitor.web() }
}
