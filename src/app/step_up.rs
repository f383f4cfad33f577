//! A dangerous act asks for a recent proof of the person (P2): who opens a mailbox, an export, a withdrawal, the own keys. A
//! session proves it when it begins; once that is older than the policy says, the person proves it anew and goes on. What was
//! being done travels sealed through the page that asks, so that nothing typed is lost and nothing of it is shown.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;
use serde::{Deserialize, Serialize};

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, SignInError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{
    Account, FactorSecret, Password, PasswordHash, PersonalKey, PersonalLock, Session, SignInWay,
};
use crate::value::{AccountId, Millis, SecretBytes, Timestamp};
use crate::vault::{Sealed, open, seal};

/// How long a sealed act can be gone on with.
const ACT_LIFE: Millis = Millis::minutes(30);
/// The longest sealed act that is looked at, in characters: a form of 64 KiB, sealed, in base64.
const ACT_MAX_CHARS: usize = 100 * 1024;

/// What was being done.
#[derive(Serialize, Deserialize)]
struct Act {
    account: AccountId,
    path: String,
    until: Timestamp,
    body: Vec<u8>,
}

/// What a person shows.
#[derive(Debug)]
pub struct TypedProof {
    /// The password; the vault passphrase of whoever has no password.
    pub password: Option<Password>,
    /// The code, where the sign-in asks for one.
    pub code: String,
}

impl App {
    /// Whether the person of a session was proved recently enough for a dangerous act.
    pub fn is_recently_proven(&self, signed: &Signed) -> bool {
        let (now, within) = (self.now().at, self.policies.load().sign_in.proof_within);
        signed.session.proven_at <= now && now < signed.session.proven_at + within
    }

    /// Seals what was being done, for the page that asks for the proof.
    pub fn seal_act(&self, signed: &Signed, path: &str, body: &[u8]) -> Result<String, AppError> {
        let (account, until) = (signed.account.id, self.now().at + ACT_LIFE);
        let act = Act { account, path: path.to_owned(), until, body: body.to_vec() };
        let plain = serde_json::to_vec(&act).map(SecretBytes::new);
        let plain = plain.map_err(|_| AppError::Broken("act"))?;
        let sealed = seal(&self.keyring.gateway()?.recipient(), plain.expose())?;
        Ok(BASE64URL.encode(sealed.as_bytes()))
    }

    /// What was being done, if it was by this person, at this path, and not too long ago.
    pub fn unseal_act(&self, signed: &Signed, path: &str, sealed: &str) -> Result<Option<Vec<u8>>, AppError> {
        if sealed.len() > ACT_MAX_CHARS {
            return Ok(None);
        }
        let Ok(sealed) = BASE64URL.decode(sealed) else { return Ok(None) };
        let Ok(sealed) = Sealed::from_bytes(sealed) else { return Ok(None) };
        let Ok(plain) = open(&self.keyring.gateway()?, &sealed) else { return Ok(None) };
        let act: Option<Act> = serde_json::from_slice(plain.expose()).ok();
        let fits =
            |act: &Act| act.account == signed.account.id && act.path == path && self.now().at < act.until;
        Ok(act.filter(fits).map(|act| act.body))
    }

    /// Proves the person anew: what the sign-in asks for, password and code.
    pub async fn prove_again(
        &self,
        signed: &Signed,
        typed: TypedProof,
        visitor: Visitor,
    ) -> Result<(), SignInError> {
        let now = self.believed_now()?;
        let found: Option<(Account, u64)> = self.read(&Key::Account(signed.account.id)).await?;
        let (mut account, version) = found.ok_or(SignInError::Refused)?;
        let hash = match self.passphrase_of(&account).await? {
            // Who comes by the provider has no password; the passphrase is what that person knows.
            Some(hash) if signed.session.way == SignInWay::Provider => hash,
            _ => account.password.clone(),
        };
        let is_right = self.run_password_check(Some(hash), typed.password).await?.is_some();
        let mut unit = UnitOfWork::default();
        let passes = match account.second_factor.as_mut() {
            _ if !is_right => false,
            None => true,
            Some(factor) => {
                let secret = open(&self.keyring.gateway().map_err(AppError::from)?, &factor.secret);
                let secret = FactorSecret::from_bytes(secret.map_err(AppError::from)?);
                let secret = secret.ok_or(AppError::Broken("second factor"))?;
                factor.accept(&secret, &typed.code, now).is_some()
            }
        };
        if !passes || !account.is_active() {
            let reason =
                if is_right { RefusalReason::SecondFactorWrong } else { RefusalReason::CredentialsWrong };
            self.log_proof(&account, Outcome::Refused(reason), visitor).await?;
            return Err(SignInError::Refused);
        }
        if account.second_factor.is_some() {
            unit.expect_unchanged(Key::Account(account.id), version);
            unit.put(account.clone());
        }
        self.put_proof(unit, signed, &account, visitor).await
    }

    /// Notes in a unit that the person of a session was proved now, and commits it.
    pub(super) async fn put_proof(
        &self,
        mut unit: UnitOfWork,
        signed: &Signed,
        account: &Account,
        visitor: Visitor,
    ) -> Result<(), SignInError> {
        let now = self.believed_now()?;
        let found: Option<(Session, u64)> = self.read(&Key::Session(signed.session.token)).await?;
        let (mut session, session_version) = found.ok_or(SignInError::Refused)?;
        session.proven_at = now;
        unit.expect_unchanged(Key::Session(session.token), session_version);
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        self.log(&mut unit, event(now, actor, Action::PersonProven, object, Outcome::Done, visitor.web()))?;
        unit.put(session);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }

    /// The verifier of a person's vault passphrase, if there is one.
    async fn passphrase_of(&self, account: &Account) -> Result<Option<PasswordHash>, AppError> {
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        Ok(found.and_then(|(key, _)| match key.lock {
            PersonalLock::Passphrase(hash) => Some(hash),
            PersonalLock::SignIn => None,
        }))
    }

    async fn log_proof(&self, account: &Account, outcome: Outcome, visitor: Visitor) -> Result<(), AppError> {
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        self.log_alone(event(self.now().at, actor, Action::PersonProven, object, outcome, visitor.web()))
            .await
    }
}
