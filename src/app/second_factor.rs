//! The second factor of a person: set up, asked for at the sign-in, taken away. A sign-in whose account has one is not
//! complete with the password: its session opens nothing until a code was taken.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, SignInError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::{
    Account, FACTOR_TRIES, FactorSecret, Password, RECOVERY_CODES, RecoveryCode, SecondFactor, Session,
};
use crate::value::{AccountId, MailAddress, Millis, SecretBytes, Timestamp, Token};
use crate::vault::{Sealed, open, seal};

/// How long the password is remembered while the code is waited for.
const CODE_WITHIN: Millis = Millis::minutes(10);
/// How long a secret that is being set up may be confirmed.
const SETUP_WITHIN: Millis = Millis::minutes(30);

/// A secret that is being set up. Nothing of it is kept: what the form carries is sealed to the gateway's key.
pub struct NewFactor {
    /// What the form sends back.
    pub sealed: String,
    /// For typing.
    pub secret: String,
    /// For the picture.
    pub uri: String,
}

/// Why a second factor is not set up or taken away.
#[derive(Debug, Error)]
pub enum FactorError {
    /// The present password is not the one.
    #[error("the present password is wrong")]
    WrongPassword,
    /// The code does not belong to the secret: the telephone's clock may be wrong.
    #[error("the code is wrong")]
    WrongCode,
    /// The form is too old, or not of this account: to be begun anew.
    #[error("the set-up is over")]
    Over,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What a form carries while a factor is set up.
#[derive(serde::Serialize, serde::Deserialize)]
struct Setup {
    account: AccountId,
    until: Timestamp,
    secret: Vec<u8>,
}

impl App {
    /// Draws a secret and hands it over to the person alone.
    pub fn begin_second_factor(&self, signed: &Signed) -> Result<NewFactor, AppError> {
        let secret = FactorSecret::new(self.random.bytes());
        let account = signed.account.id;
        let until = self.believed_now()? + SETUP_WITHIN;
        let setup = Setup { account, until, secret: secret.expose().to_vec() };
        let plain = serde_json::to_vec(&setup).map(SecretBytes::new);
        let plain = plain.map_err(|_| AppError::Broken("second factor"))?;
        let sealed = seal(&self.keyring.gateway()?.recipient(), plain.expose())?;
        Ok(NewFactor {
            sealed: BASE64URL.encode(sealed.as_bytes()),
            secret: secret.for_typing(),
            uri: secret.uri("Pli", &signed.account.address.to_string()),
        })
    }

    /// From now on the sign-in asks for a code: the person showed one, and the present password. All other sessions of the
    /// account end. Returns the codes on paper, which are shown once.
    pub async fn confirm_second_factor(
        &self,
        signed: &Signed,
        sealed: &str,
        code: &str,
        present: Option<Password>,
        visitor: Visitor,
    ) -> Result<Vec<RecoveryCode>, FactorError> {
        let now = self.believed_now()?;
        let secret = match self.setup_secret(signed, sealed, now) {
            Err(FactorError::Over) => {
                let over = Outcome::Refused(RefusalReason::ProofExpired);
                self.log_factor(&signed.account, over, visitor).await?;
                return Err(FactorError::Over);
            }
            secret => secret?,
        };
        let (mut account, version) = self.with_password(signed, present, visitor).await?;
        let codes: Vec<RecoveryCode> =
            (0..RECOVERY_CODES).map(|_| RecoveryCode::new(self.random.bytes())).collect();
        let kept = seal(&self.keyring.gateway().map_err(AppError::from)?.recipient(), secret.expose())
            .map_err(AppError::from)?;
        let Some(factor) = SecondFactor::proven(&secret, kept, code, &codes, now) else {
            self.log_factor(&account, Outcome::Refused(RefusalReason::SecondFactorWrong), visitor).await?;
            return Err(FactorError::WrongCode);
        };
        account.second_factor = Some(factor);
        self.put_factor(signed, account, version, visitor).await?;
        Ok(codes)
    }

    /// The sign-in asks for no code any more.
    pub async fn remove_second_factor(
        &self,
        signed: &Signed,
        present: Option<Password>,
        visitor: Visitor,
    ) -> Result<(), FactorError> {
        let (mut account, version) = self.with_password(signed, present, visitor).await?;
        account.second_factor = None;
        Ok(self.put_factor(signed, account, version, visitor).await?)
    }

    /// An operator takes the second factor of somebody away who lost telephone and paper. Returns whether there was one.
    pub async fn drop_second_factor(&self, account: AccountId, origin: Origin) -> Result<bool, AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let (mut account, version) = found.ok_or(AppError::Broken("no such account"))?;
        if account.second_factor.take().is_none() {
            return Ok(false);
        }
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Account(account.id), version);
        let object = Object::Account(account.id);
        let action = Action::SecondFactorChanged;
        self.log(&mut unit, event(self.now().at, Actor::Operator, action, object, Outcome::Done, origin))?;
        unit.put(account);
        self.store.commit(unit).await?;
        Ok(true)
    }

    /// Under which address the session of this cookie waits for a code, if it does.
    pub async fn waiting_address(&self, cookie: &Token) -> Result<Option<MailAddress>, AppError> {
        let found: Option<(Session, u64)> = self.read(&Key::Session(cookie.hash())).await?;
        let Some((session, _)) = found.filter(|(session, _)| session.awaits_code.is_some()) else {
            return Ok(None);
        };
        let account: Option<(Account, u64)> = self.read(&Key::Account(session.account)).await?;
        Ok(account.map(|(account, _)| account.address))
    }

    /// Whether the session of this cookie waits for a code.
    pub async fn awaits_code(&self, cookie: &Token) -> Result<bool, AppError> {
        let found: Option<(Session, u64)> = self.read(&Key::Session(cookie.hash())).await?;
        let now = self.now().at;
        Ok(found.is_some_and(|(session, _)| session.awaits_code.is_some() && is_waiting(&session, now)))
    }

    /// Completes a sign-in with a code. After too many wrong ones the session is gone, and the person begins with the
    /// password again; so after ten minutes.
    pub async fn confirm_sign_in(
        &self,
        cookie: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<(), SignInError> {
        let now = self.believed_now()?;
        let found: Option<(Session, u64)> = self.read(&Key::Session(cookie.hash())).await?;
        let waiting = found.and_then(|(session, version)| Some((session.awaits_code?, session, version)));
        let Some((tries, mut session, version)) = waiting else {
            return Err(self.refuse_code_of_nobody(now, visitor).await);
        };
        let found: Option<(Account, u64)> = self.read(&Key::Account(session.account)).await?;
        let Some((mut account, account_version)) = found else {
            return Err(self.refuse_code_of_nobody(now, visitor).await);
        };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Session(session.token), version);
        let factor = account.second_factor.as_mut().ok_or(AppError::Broken("no second factor"))?;
        let secret = open(&self.keyring.gateway().map_err(AppError::from)?, &factor.secret);
        let secret = FactorSecret::from_bytes(secret.map_err(AppError::from)?);
        let secret = secret.ok_or(AppError::Broken("second factor"))?;
        let accepted = is_waiting(&session, now) && factor.accept(&secret, typed, now).is_some();
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        if accepted && account.is_active() {
            session.awaits_code = None;
            session.used_at = now;
            session.proven_at = now;
            self.log(&mut unit, event(now, actor, Action::SignIn, object, Outcome::Done, visitor.web()))?;
            unit.expect_unchanged(Key::Account(account.id), account_version);
            unit.put(session);
            unit.put(account);
            self.store.commit(unit).await.map_err(AppError::from)?;
            return Ok(());
        }
        let outcome = Outcome::Refused(RefusalReason::SecondFactorWrong);
        self.log(&mut unit, event(now, actor, Action::SignInRefused, object, outcome, visitor.web()))?;
        if tries + 1 >= FACTOR_TRIES || !is_waiting(&session, now) || !account.is_active() {
            unit.delete(Key::Session(session.token));
            self.unlocked.forget(session.token);
        } else {
            session.awaits_code = Some(tries + 1);
            unit.put(session);
        }
        self.store.commit(unit).await.map_err(AppError::from)?;
        Err(SignInError::Refused)
    }

    /// Logs a code that no sign-in waits for.
    async fn refuse_code_of_nobody(&self, now: Timestamp, visitor: Visitor) -> SignInError {
        let (action, over) = (Action::SignInRefused, Outcome::Refused(RefusalReason::SessionExpired));
        let told = event(now, Actor::Anonymous, action, Object::None, over, visitor.web());
        self.log_alone(told).await.map_or_else(SignInError::from, |()| SignInError::Refused)
    }

    fn setup_secret(
        &self,
        signed: &Signed,
        sealed: &str,
        now: Timestamp,
    ) -> Result<FactorSecret, FactorError> {
        let sealed = BASE64URL.decode(sealed).map_err(|_| FactorError::Over)?;
        let sealed = Sealed::from_bytes(sealed).map_err(|_| FactorError::Over)?;
        let gateway = self.keyring.gateway().map_err(AppError::from)?;
        let plain = open(&gateway, &sealed).map_err(|_| FactorError::Over)?;
        let setup: Setup = serde_json::from_slice(plain.expose()).map_err(|_| FactorError::Over)?;
        if setup.account != signed.account.id || now >= setup.until {
            return Err(FactorError::Over);
        }
        FactorSecret::from_bytes(SecretBytes::new(setup.secret)).ok_or(FactorError::Over)
    }

    /// The account as it is, when the present password is the one.
    async fn with_password(
        &self,
        signed: &Signed,
        present: Option<Password>,
        visitor: Visitor,
    ) -> Result<(Account, u64), FactorError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(signed.account.id)).await?;
        let (account, version) = found.ok_or(AppError::Broken("no such account"))?;
        if self.check_password(Some(&account), present).await?.is_none() {
            self.log_factor(&account, Outcome::Refused(RefusalReason::CredentialsWrong), visitor).await?;
            return Err(FactorError::WrongPassword);
        }
        Ok((account, version))
    }

    async fn put_factor(
        &self,
        signed: &Signed,
        account: Account,
        version: u64,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Account(account.id), version);
        self.end_other_sessions(&mut unit, account.id, Some(signed)).await?;
        self.log(&mut unit, factor_event(&account, self.now().at, Outcome::Done, visitor))?;
        unit.put(account);
        self.store.commit(unit).await?;
        Ok(())
    }

    async fn log_factor(
        &self,
        account: &Account,
        outcome: Outcome,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        self.log_alone(factor_event(account, self.now().at, outcome, visitor)).await
    }
}

fn factor_event(
    account: &Account,
    now: Timestamp,
    outcome: Outcome,
    visitor: Visitor,
) -> crate::audit::Event {
    let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
    event(now, actor, Action::SecondFactorChanged, object, outcome, visitor.web())
}

/// Whether a session may still be completed.
fn is_waiting(session: &Session, now: Timestamp) -> bool {
    session.began_at <= now && now < session.began_at + CODE_WITHIN
}
