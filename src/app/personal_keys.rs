//! What becomes of a person's own key: its lock changes with the password, a forgotten password makes a new key that
//! must be admitted anew, and a cut-off account loses it at once (P6). Who opens which mailbox is `members.rs`.

use thiserror::Error;

use super::administer::right_of;
use super::custody::member_wrap_for;
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, By, PeopleError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::{Account, AccountState, Password, PersonalKey, PersonalLock, Session, SignInWay};
use crate::mailbox::{Custody, FORMER_KEYS_MAX, FormerKey, KeyRotation, Mailbox, MemberWrap};
use crate::policy::password::WeakPassword;
use crate::value::AccountId;
use crate::vault::Identity;

/// How many mailboxes a cut-off looks through.
const MAILBOXES_MAX: usize = 10_000;
/// How many sessions of an account are ended at once; the rest end with the account's state all the same.
const SESSIONS_MAX: usize = 1000;

/// Why a password or passphrase is not changed.
#[derive(Debug, Error)]
pub enum SecretError {
    /// The present password is not the one.
    #[error("the present password is wrong")]
    Wrong,
    /// The new one is guessed too easily.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The person's key is not open in this session.
    #[error("the personal key is locked")]
    Locked,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Why a forgotten password is not reset.
#[derive(Debug, Error)]
pub enum ResetError {
    /// Nobody else opens these mailboxes: their live mail would be lost to all but the recovery identity. To be asked for
    /// again with the loss accepted.
    #[error("the account is the last that opens {}; its live mail would be lost to all but the recovery identity", .mailboxes.join(", "))]
    LastMember {
        /// Their slugs.
        mailboxes: Vec<String>,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// The person changes the password. The key stays the same under a new lock, so that nobody needs to admit the person
    /// again; all other sessions of the account end, and links to a new password.
    pub async fn change_password(
        &self,
        signed: &Signed,
        present: Option<Password>,
        new: Password,
        visitor: Visitor,
    ) -> Result<(), SecretError> {
        let now = self.believed_now()?;
        let found: Option<(Account, u64)> = self.read(&Key::Account(signed.account.id)).await?;
        let (mut account, version) = found.ok_or(AppError::Broken("no such account"))?;
        let actor = Actor::Person(account.person);
        let told = |outcome| {
            event(now, actor, Action::PasswordChanged, Object::Account(account.id), outcome, visitor.web())
        };
        let Some(secret) = self.check_password(Some(&account), present).await? else {
            self.log_alone(told(Outcome::Refused(RefusalReason::CredentialsWrong))).await?;
            return Err(SecretError::Wrong);
        };
        if let Err(weak) = self.judge_password(&new, &account.name, &account.address).await? {
            self.log_alone(told(Outcome::Refused(RefusalReason::PolicyDenied))).await?;
            return Err(weak.into());
        }
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(Outcome::Done))?;
        let (hash, new_secret) = self.hash_password(new).await?;
        let key: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        if let Some((key, key_version)) = key
            && key.lock == PersonalLock::SignIn
        {
            let identity = key.open(&secret).map_err(AppError::from)?;
            unit.expect_unchanged(Key::PersonalKey(account.id), key_version);
            unit.put(key.relocked(PersonalLock::SignIn, &identity, &new_secret).map_err(AppError::from)?);
        }
        account.password = hash;
        account.password_set_at = Some(now);
        unit.expect_unchanged(Key::Account(account.id), version);
        self.end_other_sessions(&mut unit, account.id, Some(signed)).await?;
        // A link that somebody asked for before would undo the choice.
        self.use_account_links_up(&mut unit, account.id).await?;
        unit.put(account);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }

    /// The person gives the key a vault passphrase of its own: for people whose sign-in gives no secret.
    pub async fn set_passphrase(
        &self,
        signed: &Signed,
        passphrase: Password,
        visitor: Visitor,
    ) -> Result<(), SecretError> {
        let now = self.believed_now()?;
        let account = &signed.account;
        let opened = self.unlocked.open(&signed.cookie, now).map_err(AppError::from)?;
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        let told = |outcome| event(now, actor, Action::PersonalKeyLocked, object, outcome, visitor.web());
        let usable = match (found, opened) {
            (Some((key, version)), Some(identity)) => Some((key, version, identity, false)),
            // Who comes by the provider never had what opens the first key: while nothing is wrapped to it, a new one takes its place.
            (Some((key, version)), None)
                if signed.session.way == SignInWay::Provider
                    && key.lock == PersonalLock::SignIn
                    && self.opened_by(account).await?.is_empty() =>
            {
                Some((key, version, Identity::generate(), true))
            }
            _ => None,
        };
        let Some((mut key, version, identity, is_first)) = usable else {
            self.log_alone(told(Outcome::Refused(RefusalReason::KeyLocked))).await?;
            return Err(SecretError::Locked);
        };
        if let Err(weak) = self.judge_password(&passphrase, &account.name, &account.address).await? {
            self.log_alone(told(Outcome::Refused(RefusalReason::PolicyDenied))).await?;
            return Err(weak.into());
        }
        let (hash, secret) = self.hash_password(passphrase).await?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::PersonalKey(account.id), version);
        if is_first {
            let lock = PersonalLock::SignIn;
            key = PersonalKey::locked(account.id, &identity, lock, &secret).map_err(AppError::from)?;
            self.log_personal_key(&mut unit, account, &key, (actor, visitor.web()))?;
        }
        unit.put(key.relocked(PersonalLock::Passphrase(hash), &identity, &secret).map_err(AppError::from)?);
        self.log(&mut unit, told(Outcome::Done))?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        if is_first {
            self.keep_open(account, &identity, &signed.cookie).await?;
        }
        Ok(())
    }

    /// An operator resets a forgotten password. What the old one locked nobody opens any more: the account gets a new key,
    /// loses its wraps, and waits to be admitted again. Refused for the last member of a mailbox, unless the loss is
    /// accepted.
    pub async fn reset_password(
        &self,
        account: AccountId,
        new: Password,
        accept_loss: bool,
        origin: Origin,
    ) -> Result<(), ResetError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let (mut account, version) = found.ok_or(AppError::Broken("no such account"))?;
        let (now, object) = (self.now().at, Object::Account(account.id));
        let told = |outcome| event(now, Actor::Operator, Action::PasswordChanged, object, outcome, origin);
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(Outcome::Done))?;
        self.use_account_links_up(&mut unit, account.id).await?;
        if matches!(account.state, AccountState::Invited { .. }) {
            let activated =
                event(now, Actor::Operator, Action::AccountActivated, object, Outcome::Done, origin);
            self.log(&mut unit, activated.with(right_of(&account)))?;
            account.state = AccountState::Active;
        }
        let by = (Actor::Operator, origin);
        let renewed = self.put_new_secret(&mut unit, account, version, new, accept_loss, by).await;
        if matches!(renewed, Err(ResetError::LastMember { .. })) {
            self.log_alone(told(Outcome::Refused(RefusalReason::LastMember))).await?;
        }
        renewed?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }

    /// Gives an account another password and a key of its own, new: what the old one locked nobody opens any more.
    pub(super) async fn put_new_secret(
        &self,
        unit: &mut UnitOfWork,
        mut account: Account,
        version: u64,
        new: Password,
        accept_loss: bool,
        (actor, origin): (Actor, Origin),
    ) -> Result<(), ResetError> {
        let opened = self.opened_by(&account).await?;
        let mut alone = Vec::new();
        for (mailbox, _) in &opened {
            if self.admitted(mailbox).await?.iter().all(|member| member.id == account.id) {
                alone.push(mailbox.slug.to_string());
            }
        }
        if !alone.is_empty() && !accept_loss {
            return Err(ResetError::LastMember { mailboxes: alone });
        }
        let (hash, secret) = self.hash_password(new).await?;
        let key = PersonalKey::locked(account.id, &Identity::generate(), PersonalLock::SignIn, &secret)
            .map_err(AppError::from)?;
        self.log_personal_key(unit, &account, &key, (actor, origin))?;
        for (mailbox, _) in &opened {
            unit.delete(Key::MemberWrap((mailbox.id, account.id)));
        }
        unit.expect_unchanged(Key::Account(account.id), version);
        // Whoever forgot a password may have lost more than that.
        unit.delete(Key::MailPassword(account.id));
        self.end_other_sessions(unit, account.id, None).await?;
        account.password = hash;
        // The new key is not theirs to open, and whoever has one of them may be the reason.
        account.passkeys.clear();
        account.password_set_at = Some(self.now().at);
        unit.put(key);
        unit.put(account);
        Ok(())
    }

    /// Cuts an account off at once (P6): its state, its sessions, its open keys, its wraps and its own key go in one
    /// commit, and the mailboxes that it opened get a new key with the next member's session. Returns the slugs of
    /// mailboxes that nobody opens any more: only the recovery identity does.
    pub async fn cut_off(&self, account: AccountId, origin: Origin) -> Result<Vec<String>, AppError> {
        match self.cut_off_by(account, By::operator(origin)).await {
            Ok(orphaned) => Ok(orphaned),
            Err(PeopleError::Fault(error)) => Err(error),
            Err(_) => Err(AppError::Broken("cut-off")),
        }
    }

    /// As [`App::cut_off`], by whoever may. The address of somebody of a structure is blocked with it.
    pub(super) async fn cut_off_by(
        &self,
        account: AccountId,
        by: By<'_>,
    ) -> Result<Vec<String>, PeopleError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let (mut account, version) = found.ok_or(AppError::Broken("no such account"))?;
        let (now, object) = (self.now().at, Object::Account(account.id));
        let mut unit = UnitOfWork::default();
        self.log(
            &mut unit,
            event(now, by.actor(), Action::AccountCutOff, object, Outcome::Done, by.origin)
                .with(right_of(&account)),
        )?;
        let mut orphaned = Vec::new();
        for (mut mailbox, mailbox_version) in self.opened_by(&account).await? {
            if self.admitted(&mailbox).await?.iter().all(|member| member.id == account.id) {
                orphaned.push(mailbox.slug.to_string());
            }
            mailbox.key.rotation_due = true;
            unit.expect_unchanged(Key::Mailbox(mailbox.id), mailbox_version);
            unit.delete(Key::MemberWrap((mailbox.id, account.id)));
            unit.put(mailbox);
        }
        unit.expect_unchanged(Key::Account(account.id), version);
        if let Some(partner) = account.partner {
            let address = account.professional_address();
            match self.put_address_blocked(&mut unit, by, partner, &address, true).await {
                // The structure is gone, or has another domain: there is nothing that the address could do.
                Ok(()) | Err(PeopleError::NotFound | PeopleError::OutsideDomains) => {}
                Err(error) => return Err(error),
            }
        }
        self.end_other_sessions(&mut unit, account.id, None).await?;
        self.use_account_links_up(&mut unit, account.id).await?;
        unit.delete(Key::PersonalKey(account.id));
        unit.delete(Key::MailPassword(account.id));
        let id = account.id;
        account.state = AccountState::CutOff { since: now };
        unit.put(account);
        // Also when the commit fails: to ask for a password once more is little, to keep a stolen key open is much.
        self.unlocked.forget_account(id);
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.unlocked.forget_account(id);
        self.wake_delivery();
        Ok(orphaned)
    }

    /// Makes a new key for a mailbox that nobody opens any more, with these accounts as its members. Live mail stays
    /// sealed to the key before, which the recovery identity alone has. Refused while a member can open the mailbox: then
    /// members admit. Returns whether it was done.
    pub async fn found_anew(
        &self,
        mailbox: crate::value::MailboxId,
        members: &[AccountId],
        origin: Origin,
    ) -> Result<bool, AppError> {
        let (mut mailbox, version) = self.checked_mailbox(mailbox).await?;
        if mailbox.key.custody != Custody::Members || !self.admitted(&mailbox).await?.is_empty() {
            // By an action of its own: what tells of a key always says which.
            let (action, object) = (Action::CustodyChanged, Object::Mailbox(mailbox.id));
            let outcome = Outcome::Refused(RefusalReason::PolicyDenied);
            self.log_alone(event(self.now().at, Actor::Operator, action, object, outcome, origin)).await?;
            return Ok(false);
        }
        let identity = Identity::generate();
        let generation = mailbox.key.generation.saturating_add(1);
        let mut former = std::mem::take(&mut mailbox.key.former_for_recovery);
        // A rotation that nobody can go on with: what it had not moved needs the key before.
        let rotation: Option<(KeyRotation, u64)> = self.read(&Key::KeyRotation(mailbox.id)).await?;
        former.extend(rotation.and_then(|(rotation, _)| rotation.previous_for_recovery));
        let (last, for_recovery) = (mailbox.key.generation, mailbox.key.for_recovery.take());
        former.extend(for_recovery.map(|for_recovery| FormerKey { generation: last, for_recovery }));
        former.drain(..former.len().saturating_sub(FORMER_KEYS_MAX));
        mailbox.key = self.mailbox_key(&identity, generation, Custody::Members)?;
        mailbox.key.former_for_recovery = former;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Mailbox(mailbox.id), version);
        for id in members {
            let found: Option<(Account, u64)> = self.read(&Key::Account(*id)).await?;
            let account = found.map(|(account, _)| account).filter(|account| account.reads(mailbox.id));
            let account = account.ok_or(AppError::Broken("the member is not entitled to the mailbox"))?;
            let key = self.checked_personal_key(&account).await?;
            let (key, _) = key.ok_or(AppError::Broken("the member has no personal key"))?;
            unit.put(member_wrap_for(&mailbox, &identity, &key)?);
        }
        unit.delete(Key::KeyRotation(mailbox.id));
        self.log_mailbox_key(
            &mut unit,
            &mailbox,
            (Actor::Operator, Action::MailboxKeyMade, Outcome::Done, origin),
        )?;
        let id = mailbox.id;
        unit.put(mailbox);
        self.store.commit(unit).await?;
        self.forget_logged_key(id);
        Ok(true)
    }

    /// The mailboxes in custody `members` that an account has a wrap of, whether or not it is entitled still.
    pub(super) async fn opened_by(&self, account: &Account) -> Result<Vec<(Mailbox, u64)>, AppError> {
        let mailboxes: Vec<(Mailbox, u64)> = self.read_list(&List::Mailboxes, MAILBOXES_MAX).await?;
        let mut opened = Vec::new();
        for (mailbox, version) in mailboxes {
            let wrap: Option<(MemberWrap, u64)> =
                self.read(&Key::MemberWrap((mailbox.id, account.id))).await?;
            if wrap.is_some() {
                opened.push((mailbox, version));
            }
        }
        Ok(opened)
    }

    /// Ends the sessions of an account, but for one that may stay, and forgets their open keys.
    pub(super) async fn end_other_sessions(
        &self,
        unit: &mut UnitOfWork,
        account: AccountId,
        stays: Option<&Signed>,
    ) -> Result<(), AppError> {
        let sessions: Vec<(Session, u64)> = self.read_list(&List::SessionsOf(account), SESSIONS_MAX).await?;
        let stays = stays.map(|signed| signed.session.token);
        for (session, _) in sessions.into_iter().filter(|(session, _)| Some(session.token) != stays) {
            self.unlocked.forget(session.token);
            unit.delete(Key::Session(session.token));
        }
        Ok(())
    }
}
