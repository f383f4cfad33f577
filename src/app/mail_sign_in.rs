//! Signing in from a mail program, to submit mail (RFC 6409): with the mail password, never with the password of the
//! pages (decision 0061). It opens no personal key, so custody `members` is not weakened by it. Rights are read anew
//! for each mail (invariant 7).

use thiserror::Error;

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::{Account, MailPassword, MailSecret, MailSession, Role};
use crate::mailbox::Mailbox;
use crate::value::{AccountId, MailAddress, Timestamp};

/// Why nobody is signed in.
#[derive(Debug, Error)]
pub enum MailSignInError {
    /// Address and mail password do not go together, or the account is not active. The peer is told one thing for all.
    #[error("address and mail password do not go together")]
    Refused,
    /// This origin failed too often.
    #[error("too many tries")]
    TooMany,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Why a mail password is not made.
#[derive(Debug, Error)]
pub enum MailPasswordError {
    /// Only agents who are active submit mail.
    #[error("only an active agent has a mail password")]
    NotEntitled,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Why an account does not send as an address.
#[derive(Debug, Error)]
pub enum MailSenderError {
    /// The account was cut off, or is no agent's any more.
    #[error("the account may not send any more")]
    Ended,
    /// The address is not the account's, nor the team address of a mailbox that it reads.
    #[error("the account does not send under this address")]
    NotYours,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Makes a person's mail password; the one before ends. Returned once, kept as its digest.
    pub async fn make_own_mail_password(
        &self,
        signed: &Signed,
        visitor: Visitor,
    ) -> Result<MailSecret, MailPasswordError> {
        let actor = Actor::Person(signed.account.person);
        self.make_mail_password(signed.account.id, actor, visitor.web()).await
    }

    /// The same, at an operator's hands.
    pub async fn make_mail_password(
        &self,
        account: AccountId,
        actor: Actor,
        origin: Origin,
    ) -> Result<MailSecret, MailPasswordError> {
        let now = self.believed_now()?;
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let (account, version) = found.ok_or(AppError::Broken("no such account"))?;
        let told = |outcome| {
            event(now, actor, Action::MailPasswordMade, Object::Account(account.id), outcome, origin)
        };
        if !submits(&account) {
            self.log_alone(told(Outcome::Refused(RefusalReason::NotEntitled))).await?;
            return Err(MailPasswordError::NotEntitled);
        }
        let secret = MailSecret::new(self.random.bytes());
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(Outcome::Done))?;
        // An account that is cut off at this moment gets none.
        unit.expect_unchanged(Key::Account(account.id), version);
        unit.put(MailPassword::of(account.id, &secret, now));
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(secret)
    }

    /// Ends a mail password. Returns whether there was one.
    pub async fn revoke_mail_password(
        &self,
        account: AccountId,
        actor: Actor,
        origin: Origin,
    ) -> Result<bool, AppError> {
        if self.mail_password_of(account).await?.is_none() {
            return Ok(false);
        }
        let (action, object) = (Action::MailPasswordRevoked, Object::Account(account));
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, event(self.now().at, actor, action, object, Outcome::Done, origin))?;
        unit.delete(Key::MailPassword(account));
        self.store.commit(unit).await?;
        Ok(true)
    }

    /// Since when an account has a mail password, if it has one.
    pub async fn mail_password_of(&self, account: AccountId) -> Result<Option<Timestamp>, AppError> {
        let found: Option<(MailPassword, u64)> = self.read(&Key::MailPassword(account)).await?;
        Ok(found.map(|(password, _)| password.made_at))
    }

    /// Signs a mail program in. Whoever is unknown costs the same look-ups as who is known (invariant 8).
    pub async fn sign_in_to_submit(
        &self,
        address: Option<MailAddress>,
        secret: Option<MailSecret>,
        visitor: Visitor,
    ) -> Result<MailSession, MailSignInError> {
        let now = self.believed_now()?;
        if self.mail_tries.begin(visitor.address, now).is_err() {
            let reason = RefusalReason::RateLimited;
            self.log_mail_sign_in(Actor::Anonymous, Outcome::Refused(reason), visitor).await?;
            return Err(MailSignInError::TooMany);
        }
        match self.judge_mail_sign_in(address, secret, visitor).await {
            Ok(Ok(session)) => {
                self.mail_tries.forget(visitor.address);
                Ok(session)
            }
            Ok(Err((actor, reason))) => {
                self.log_mail_sign_in(actor, Outcome::Refused(reason), visitor).await?;
                Err(MailSignInError::Refused)
            }
            Err(error) => {
                self.mail_tries.take_back(visitor.address);
                Err(error.into())
            }
        }
    }

    async fn judge_mail_sign_in(
        &self,
        address: Option<MailAddress>,
        secret: Option<MailSecret>,
        visitor: Visitor,
    ) -> Result<Result<MailSession, (Actor, RefusalReason)>, AppError> {
        let nobody =
            MailAddress::parse("inconnu@inconnu.example").map_err(|_| AppError::Broken("address"))?;
        let list = List::AccountByAddress(address.unwrap_or(nobody));
        let found: Option<(Account, u64)> = self.read_one(&list).await?;
        let account = found.map(|(account, _)| account);
        let id = account.as_ref().map_or_else(|| AccountId::new([0; 16]), |account| account.id);
        let kept: Option<(MailPassword, u64)> = self.read(&Key::MailPassword(id)).await?;
        let Some(account) = account else {
            return Ok(Err((Actor::Anonymous, RefusalReason::CredentialsWrong)));
        };
        let actor = Actor::Person(account.person);
        let secret = secret.unwrap_or_else(|| MailSecret::new([0; 15]));
        let Some((kept, _)) = kept.filter(|(kept, _)| kept.verify(&secret)) else {
            return Ok(Err((actor, RefusalReason::CredentialsWrong)));
        };
        if !submits(&account) {
            return Ok(Err((actor, RefusalReason::AccountCutOff)));
        }
        self.log_mail_sign_in(actor, Outcome::Done, visitor).await?;
        Ok(Ok(kept.session()))
    }

    /// Whether who signed in may send as an address now: the account's own, or the team address of a mailbox that it reads. A
    /// connection ends with the mail password that it was opened with.
    pub async fn check_mail_sender(
        &self,
        session: MailSession,
        from: &MailAddress,
        visitor: Visitor,
    ) -> Result<(), MailSenderError> {
        let now = self.believed_now()?;
        let id = session.account;
        let kept: Option<(MailPassword, u64)> = self.read(&Key::MailPassword(id)).await?;
        let stands = kept.is_some_and(|(kept, _)| kept.session() == session);
        let found: Option<(Account, u64)> = self.read(&Key::Account(id)).await?;
        let submits = found.filter(|(account, _)| submits(account));
        let reason =
            if submits.is_some() { RefusalReason::CredentialsWrong } else { RefusalReason::AccountCutOff };
        let Some((account, _)) = submits.filter(|_| stands) else {
            self.refuse_sender(Actor::System, id, reason, (now, visitor)).await?;
            return Err(MailSenderError::Ended);
        };
        if account.address == *from || self.sends_for(&account, from).await? {
            return Ok(());
        }
        let actor = Actor::Person(account.person);
        self.refuse_sender(actor, account.id, RefusalReason::NotEntitled, (now, visitor)).await?;
        Err(MailSenderError::NotYours)
    }

    /// Whether an address is the team address of a mailbox that the person reads.
    async fn sends_for(&self, account: &Account, from: &MailAddress) -> Result<bool, AppError> {
        for id in account.mailboxes.iter().filter(|id| account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            let own = |mailbox: &Mailbox| account.organisation == Some(mailbox.organisation);
            if found.is_some_and(|(mailbox, _)| own(&mailbox) && mailbox.notice_address == *from) {
                return Ok(true);
            }
        }
        Ok(false)
    }

    async fn refuse_sender(
        &self,
        actor: Actor,
        account: AccountId,
        reason: RefusalReason,
        (now, visitor): (Timestamp, Visitor),
    ) -> Result<(), AppError> {
        let (action, object) = (Action::SubmissionRefused, Object::Account(account));
        self.log_alone(event(now, actor, action, object, Outcome::Refused(reason), visitor.smtp())).await
    }

    /// A refusal says by its origin that it was a mail program and no page.
    async fn log_mail_sign_in(
        &self,
        actor: Actor,
        outcome: Outcome,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let action = if outcome == Outcome::Done { Action::MailSignIn } else { Action::SignInRefused };
        self.log_alone(event(self.now().at, actor, action, Object::None, outcome, visitor.smtp())).await
    }
}

/// Whether an account may submit mail now.
pub(super) fn submits(account: &Account) -> bool {
    account.is_active() && account.role == Role::Agent
}
