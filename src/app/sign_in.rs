//! Signing in and out, and who a session is (T3, invariant 7: rights are read anew at each use). An unknown address
//! costs the same work as a known one (invariant 8).

use std::sync::Arc;

use thiserror::Error;
use tokio::sync::Semaphore;

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, FailureReason, Object, Outcome, RefusalReason};
use crate::identity::{
    Account, AccountState, Password, PasswordHash, PersonalKey, PersonalLock, Session, SignInWay,
};
use crate::mailbox::Mailbox;
use crate::value::{MailAddress, SecretBytes, SessionId, Token};
use crate::vault::Identity;

/// Why nobody is signed in. The page says the same for all of them.
#[derive(Debug, Error)]
pub enum SignInError {
    /// Address and password do not go together, or the account is not active.
    #[error("address and password do not go together")]
    Refused,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A person with a live session.
#[derive(Debug, Clone)]
pub struct Signed {
    /// The account, as it is now.
    pub account: Account,
    /// The session.
    pub session: Session,
    /// The session's cookie, which alone opens the person's unlocked key.
    pub(super) cookie: Token,
}

impl App {
    /// Signs a person in; returns the session's cookie. Where the account has a second factor the session opens nothing
    /// until [`App::confirm_sign_in`].
    pub async fn sign_in(
        &self,
        address: Option<MailAddress>,
        password: Option<Password>,
        visitor: Visitor,
    ) -> Result<Token, SignInError> {
        let now = self.believed_now()?;
        let unknown =
            MailAddress::parse("inconnu@inconnu.example").map_err(|_| AppError::Broken("address"))?;
        let found: Option<(Account, u64)> =
            self.read_one(&List::AccountByAddress(address.unwrap_or(unknown))).await?;
        let account = found.map(|(account, _)| account);
        let secret = self.check_password(account.as_ref(), password).await?;
        let Some(account) = account else {
            return Err(self
                .refuse_sign_in(Actor::Anonymous, RefusalReason::CredentialsWrong, visitor)
                .await);
        };
        let actor = Actor::Person(account.person);
        let Some(secret) = secret else {
            return Err(self.refuse_sign_in(actor, RefusalReason::CredentialsWrong, visitor).await);
        };
        if !account.is_active() {
            let reason = match account.state {
                AccountState::CutOff { .. } => RefusalReason::AccountCutOff,
                _ => RefusalReason::AccountInactive,
            };
            return Err(self.refuse_sign_in(actor, reason, visitor).await);
        }
        let token = Token::new(self.random.bytes());
        let mut unit = UnitOfWork::default();
        self.note_person(&mut unit, &account.address, now)?;
        let object = Object::Account(account.id);
        let awaits_code = account.second_factor.as_ref().map(|_| 0);
        let outcome = if awaits_code.is_some() { Outcome::Intended } else { Outcome::Done };
        self.log(&mut unit, event(now, actor, Action::SignIn, object, outcome, visitor.web()))?;
        unit.put(Session {
            id: SessionId::new(self.random.bytes()),
            token: token.hash(),
            account: account.id,
            began_at: now,
            used_at: now,
            opened: Vec::new(),
            proven_at: now,
            from: Some(visitor.address),
            way: SignInWay::Password,
            awaits_code,
        });
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.unlock_at_sign_in(&account, &secret, &token, visitor).await?;
        Ok(token)
    }

    /// Ends a session.
    pub async fn sign_out(&self, signed: Signed, visitor: Visitor) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        let (actor, object) = (Actor::Person(signed.account.person), Object::Account(signed.account.id));
        self.log(
            &mut unit,
            event(self.now().at, actor, Action::SignOut, object, Outcome::Done, visitor.web()),
        )?;
        unit.delete(Key::Session(signed.session.token));
        self.unlocked.forget(signed.session.token);
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Who a cookie is: a live session of an account that is active now and waits for nothing ([`App::signed_waiting`]). A
    /// cookie of an ended session is logged, anything else is nobody.
    pub async fn signed(&self, cookie: &Token, visitor: Visitor) -> Result<Option<Signed>, AppError> {
        let signed = self.signed_whatever(cookie, visitor).await?;
        Ok(signed.filter(|signed| self.waits_for(&signed.account).is_none()))
    }

    /// As [`App::signed`], also when the account has still to accept the terms or to change its password.
    pub(super) async fn signed_whatever(
        &self,
        cookie: &Token,
        visitor: Visitor,
    ) -> Result<Option<Signed>, AppError> {
        let now = self.now();
        let found: Option<(Session, u64)> = self.read(&Key::Session(cookie.hash())).await?;
        let Some((mut session, version)) = found else { return Ok(None) };
        let account: Option<(Account, u64)> = self.read(&Key::Account(session.account)).await?;
        let Some((mut account, _)) = account else { return Ok(None) };
        if session.awaits_code.is_some() {
            return Ok(None);
        }
        self.keep_own_mailboxes(&mut account).await?;
        if !now.believed {
            // A false clock must not end sessions, nor open anything; the officer may still look.
            let cookie = cookie.clone();
            return Ok((account.is_active() && account.reads_log()).then_some(Signed {
                account,
                session,
                cookie,
            }));
        }
        if !session.is_live(now.at) || !account.is_active() {
            self.end_session(&session, &account, visitor).await?;
            return Ok(None);
        }
        if session.is_stale(now.at) {
            session.used_at = now.at;
            self.unlocked.touch(session.token, now.at);
            self.touch_session(&session, version).await?;
        }
        Ok(Some(Signed { account, session, cookie: cookie.clone() }))
    }

    /// Rights end with the organisation: whatever the record says, nobody is a member of another one's mailbox (P7).
    async fn keep_own_mailboxes(&self, account: &mut Account) -> Result<(), AppError> {
        for id in std::mem::take(&mut account.mailboxes) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
            if found.is_some_and(|(mailbox, _)| account.organisation == Some(mailbox.organisation)) {
                account.mailboxes.push(id);
            }
        }
        Ok(())
    }

    /// Writes down that a session was used. Somebody else doing the same at the same time is no error.
    pub(super) async fn touch_session(&self, session: &Session, version: u64) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Session(session.token), version);
        unit.put(session.clone());
        match self.store.commit(unit).await.map_err(AppError::from) {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    async fn end_session(
        &self,
        session: &Session,
        account: &Account,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        let outcome = Outcome::Refused(RefusalReason::SessionExpired);
        self.log(
            &mut unit,
            event(self.now().at, actor, Action::SessionEnded, object, outcome, visitor.web()),
        )?;
        unit.delete(Key::Session(session.token));
        self.unlocked.forget(session.token);
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Opens the personal key for a session that just began, when the sign-in's own run unlocks it. One that does not open
    /// stops nobody from signing in: what needs it says so.
    async fn unlock_at_sign_in(
        &self,
        account: &Account,
        secret: &SecretBytes,
        cookie: &Token,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        match found {
            Some((key, _)) if key.lock == PersonalLock::SignIn => {
                self.keep_unlocked(account, &key, secret, cookie, visitor).await
            }
            _ => Ok(()),
        }
    }

    /// What does not open was damaged or swapped: the officer is told.
    async fn keep_unlocked(
        &self,
        account: &Account,
        key: &PersonalKey,
        secret: &SecretBytes,
        cookie: &Token,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let Ok(identity) = key.open(secret) else {
            return self.log_unlocking(account, Outcome::Failed(FailureReason::SealDamaged), visitor).await;
        };
        self.keep_open(account, &identity, cookie).await
    }

    /// Keeps a key open for the session of a cookie.
    pub(super) async fn keep_open(
        &self,
        account: &Account,
        identity: &Identity,
        cookie: &Token,
    ) -> Result<(), AppError> {
        self.unlocked.keep(cookie, account.id, identity, self.now().at)?;
        self.settle_rotations(account, cookie).await;
        Ok(())
    }

    pub(super) async fn log_unlocking(
        &self,
        account: &Account,
        outcome: Outcome,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        let action = Action::PersonalKeyOpened;
        self.log_alone(event(self.now().at, actor, action, object, outcome, visitor.web())).await
    }

    /// Whether the person's key is open in this session: after a restart it is not, and is asked for anew.
    pub fn has_key_open(&self, signed: &Signed) -> bool {
        self.unlocked.is_open(signed.session.token)
    }

    /// Opens the person's key in a session that goes on: with the password, or with the vault passphrase of whoever has
    /// one. The same work and the same answer whatever is wrong.
    pub async fn unlock(
        &self,
        signed: &Signed,
        typed: Option<Password>,
        visitor: Visitor,
    ) -> Result<(), SignInError> {
        self.believed_now()?;
        let actor = Actor::Person(signed.account.person);
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(signed.account.id)).await?;
        let key = found.map(|(key, _)| key);
        let hash = match key.as_ref().map(|key| &key.lock) {
            Some(PersonalLock::Passphrase(hash)) => hash.clone(),
            _ => signed.account.password.clone(),
        };
        let secret = self.run_password_check(Some(hash), typed).await?;
        let (Some(secret), Some(key)) = (secret, key) else {
            return Err(self.refuse_sign_in(actor, RefusalReason::CredentialsWrong, visitor).await);
        };
        self.log_unlocking(&signed.account, Outcome::Done, visitor).await?;
        Ok(self.keep_unlocked(&signed.account, &key, &secret, &signed.cookie, visitor).await?)
    }

    /// One Argon2id run, whoever asks; few at a time, off the threads that serve pages.
    pub(super) async fn check_password(
        &self,
        account: Option<&Account>,
        password: Option<Password>,
    ) -> Result<Option<SecretBytes>, AppError> {
        self.run_password_check(account.map(|account| account.password.clone()), password).await
    }

    pub(super) async fn run_password_check(
        &self,
        hash: Option<PasswordHash>,
        password: Option<Password>,
    ) -> Result<Option<SecretBytes>, AppError> {
        let salt = self.random.bytes();
        run_aside(&self.password_checks, move || match (hash, password) {
            (Some(hash), Some(password)) => hash.open(&password),
            (None, Some(password)) => {
                let _same_work = PasswordHash::new(&password, salt);
                None
            }
            (_, None) => None,
        })
        .await
    }

    /// Hashes a new password or passphrase where that may block, in its turn.
    pub(super) async fn hash_password(
        &self,
        password: Password,
    ) -> Result<(PasswordHash, SecretBytes), AppError> {
        let salt = self.random.bytes();
        let hashed =
            run_aside(&self.password_checks, move || PasswordHash::with_secret(&password, salt)).await?;
        hashed.map_err(|_| AppError::Broken("password"))
    }

    /// Logs that a request came from another site and was refused.
    pub async fn log_forged_request(&self, visitor: Visitor) -> Result<(), AppError> {
        let outcome = Outcome::Refused(RefusalReason::RequestForged);
        let action = Action::AccessRefused;
        self.log_alone(event(self.now().at, Actor::Anonymous, action, Object::None, outcome, visitor.web()))
            .await
    }

    pub(super) async fn refuse_sign_in(
        &self,
        actor: Actor,
        reason: RefusalReason,
        visitor: Visitor,
    ) -> SignInError {
        let outcome = Outcome::Refused(reason);
        let refused =
            event(self.now().at, actor, Action::SignInRefused, Object::None, outcome, visitor.web());
        match self.log_alone(refused).await {
            Ok(()) => SignInError::Refused,
            Err(error) => error.into(),
        }
    }
}

/// Runs a check where blocking is allowed, when there is a place for it. The place is taken until the check has ended,
/// even when nobody waits for its outcome any more.
async fn run_aside<T: Send + 'static>(
    places: &Arc<Semaphore>,
    check: impl FnOnce() -> T + Send + 'static,
) -> Result<T, AppError> {
    let place = Arc::clone(places).acquire_owned().await.map_err(|_| AppError::Broken("password checks"))?;
    let run = tokio::task::spawn_blocking(move || {
        let outcome = check();
        drop(place);
        outcome
    });
    run.await.map_err(|_| AppError::Broken("password check"))
}

#[cfg(test)]
mod tests {
    use std::sync::mpsc;

    use futures_util::FutureExt;

    use super::*;

    #[tokio::test]
    async fn a_check_that_nobody_waits_for_keeps_its_place_until_it_ends() {
        let places = Arc::new(Semaphore::new(1));
        let (end, ended) = mpsc::channel::<()>();
        let check = run_aside(&places, move || ended.recv().is_ok());
        assert!(check.now_or_never().is_none(), "the visitor hangs up while the check runs");
        assert_eq!(places.available_permits(), 0, "the place was given away under a running check");
        end.send(()).unwrap();
        let _place = places.acquire().await.unwrap();
    }
}
