//! Passkeys (WebAuthn): added, named, removed by their person; sign in without a password; prove the person anew. A passkey whose
//! authenticator has a PRF also opens the personal key, in the password's place (decision 0090). Each ceremony is good once, for
//! five minutes, and is kept in memory only.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use thiserror::Error;
use webauthn_rs::prelude::{
    DiscoverableAuthentication, Passkey as Credential, PasskeyRegistration, PublicKeyCredential,
    RegisterPublicKeyCredential, Url, Uuid, Webauthn, WebauthnBuilder,
};

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, SignInError, Signed, Visitor, event};
use crate::audit::{Action, Actor, FailureReason, Object, Outcome, RefusalReason};
use crate::identity::{
    Account, PASSKEYS_MAX, Passkey, PersonalKey, Session, SignInWay, passkey_name, prf_secret,
};
use crate::value::{AccountId, Digest, Millis, SecretBytes, SessionId, Timestamp, Token, TokenHash};

/// How long a ceremony may take.
const CEREMONY_LIFE: Millis = Millis::minutes(5);
/// How many may be under way; the oldest makes room.
const CEREMONIES_MAX: usize = 4096;
/// The longest answer of an authenticator that is looked at, in bytes.
pub const CREDENTIAL_MAX_BYTES: usize = 32 * 1024;

/// A ceremony under way: what the browser is told, and what it gives back to name it.
pub struct Ceremony {
    /// What names it.
    pub token: Token,
    /// The options for the browser, as JSON.
    pub options: String,
}

/// What a browser gives back.
#[derive(Debug)]
pub struct ShownPasskey {
    /// What names the ceremony.
    pub ceremony: Option<Token>,
    /// The credential, as JSON.
    pub credential: String,
    /// The PRF's output, where the authenticator has one. Wiped on drop.
    pub prf: Option<SecretBytes>,
}

/// Why a passkey is not added or removed.
#[derive(Debug, Error)]
pub enum PasskeyError {
    /// The ceremony is over, or the authenticator's answer does not hold: to be begun anew.
    #[error("the ceremony is over")]
    Over,
    /// Another one is under this credential already.
    #[error("the passkey is there already")]
    Known,
    /// There are as many as may be.
    #[error("{limit} passkeys at most")]
    TooMany {
        /// How many.
        limit: usize,
    },
    /// It has no name.
    #[error("the passkey has no name")]
    NoName,
    /// This gateway's address is none that passkeys can be bound to.
    #[error("passkeys need a host name and https")]
    NotHere,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

enum Started {
    Registration(AccountId, Box<PasskeyRegistration>),
    SignIn(Box<DiscoverableAuthentication>),
}

/// The ceremonies under way.
#[derive(Default)]
pub(super) struct Ceremonies(Mutex<HashMap<Digest, (Timestamp, Started)>>);

impl Ceremonies {
    fn keep(&self, token: &Token, started: Started, now: Timestamp) {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        under_way.retain(|_, (since, _)| *since <= now && now < *since + CEREMONY_LIFE);
        if under_way.len() >= CEREMONIES_MAX {
            let oldest = under_way.iter().min_by_key(|(_, (since, _))| *since).map(|(token, _)| *token);
            oldest.map(|oldest| under_way.remove(&oldest));
        }
        under_way.insert(*token.hash().as_digest(), (now, started));
    }

    /// Takes a ceremony: it is good once.
    fn take(&self, token: Option<&TokenHash>, now: Timestamp) -> Option<Started> {
        let mut under_way = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let (since, started) = under_way.remove(token?.as_digest())?;
        (since <= now && now < since + CEREMONY_LIFE).then_some(started)
    }
}

impl App {
    /// What verifies passkeys for this gateway's address; none where it is no host name, or without TLS.
    fn webauthn(&self) -> Option<Webauthn> {
        let origin = Url::parse(&self.settings.base_url).ok()?;
        let host = origin.domain()?;
        if origin.scheme() != "https" && host != "localhost" {
            return None;
        }
        WebauthnBuilder::new(host, &origin).ok()?.rp_name("Pli").build().ok()
    }

    /// Whether people can have passkeys here.
    pub fn has_passkeys(&self) -> bool {
        self.webauthn().is_some()
    }

    /// Begins to add a passkey.
    pub async fn begin_passkey(&self, signed: &Signed, visitor: Visitor) -> Result<Ceremony, PasskeyError> {
        let now = self.believed_now()?;
        let webauthn = self.webauthn().ok_or(PasskeyError::NotHere)?;
        let (account, _) = self.own_account_now(signed).await?;
        if account.passkeys.len() >= PASSKEYS_MAX {
            let refusal = (RefusalReason::TooMany, PasskeyError::TooMany { limit: PASSKEYS_MAX });
            return Err(self.refuse_passkey(&account, refusal, visitor).await);
        }
        let known = account.passkeys.iter().filter_map(|kept| credential_of(kept).ok());
        let known = known.map(|credential| credential.cred_id().clone()).collect();
        let user = Uuid::from_bytes(*account.id.as_bytes());
        let (options, state) = webauthn
            .start_passkey_registration(user, &account.address.to_string(), &account.name, Some(known))
            .map_err(|_| AppError::Broken("passkey options"))?;
        let token = Token::new(self.random.bytes());
        self.ceremonies.keep(&token, Started::Registration(account.id, Box::new(state)), now);
        let mut options = serde_json::to_value(&options).map_err(|_| AppError::Broken("passkey options"))?;
        // Found by the authenticator itself at the sign-in, without an address being typed.
        let chosen = &mut options["publicKey"]["authenticatorSelection"];
        chosen["residentKey"] = "required".into();
        chosen["requireResidentKey"] = true.into();
        Ok(Ceremony { token, options: options.to_string() })
    }

    /// Adds a passkey. Where its PRF was evaluated and the personal key is open in this session, the passkey opens it from now
    /// on. All other sessions of the account end.
    pub async fn add_passkey(
        &self,
        signed: &Signed,
        name: &str,
        shown: ShownPasskey,
        visitor: Visitor,
    ) -> Result<(), PasskeyError> {
        let now = self.believed_now()?;
        let name = passkey_name(name).ok_or(PasskeyError::NoName)?;
        let webauthn = self.webauthn().ok_or(PasskeyError::NotHere)?;
        let ceremony = shown.ceremony.as_ref().map(Token::hash);
        let Some(Started::Registration(id, state)) = self.ceremonies.take(ceremony.as_ref(), now) else {
            let refusal = (RefusalReason::ProofExpired, PasskeyError::Over);
            return Err(self.refuse_passkey(&signed.account, refusal, visitor).await);
        };
        if id != signed.account.id || shown.credential.len() > CREDENTIAL_MAX_BYTES {
            let refusal = (RefusalReason::ProofWrong, PasskeyError::Over);
            return Err(self.refuse_passkey(&signed.account, refusal, visitor).await);
        }
        let (mut account, version) = self.own_account_now(signed).await?;
        let credential: Option<RegisterPublicKeyCredential> = serde_json::from_str(&shown.credential).ok();
        let verified = credential.and_then(|shown| webauthn.finish_passkey_registration(&shown, &state).ok());
        let Some(credential) = verified else {
            let refusal = (RefusalReason::CredentialsWrong, PasskeyError::Over);
            return Err(self.refuse_passkey(&account, refusal, visitor).await);
        };
        let kept = Passkey {
            id: Digest::of(credential.cred_id().as_ref()),
            name,
            credential: written(&credential)?,
            added_at: now,
            used_at: None,
        };
        if account.passkeys.iter().any(|other| other.id == kept.id) {
            let refusal = (RefusalReason::StateNotFitting, PasskeyError::Known);
            return Err(self.refuse_passkey(&account, refusal, visitor).await);
        }
        if account.passkeys.len() >= PASSKEYS_MAX {
            let refusal = (RefusalReason::TooMany, PasskeyError::TooMany { limit: PASSKEYS_MAX });
            return Err(self.refuse_passkey(&account, refusal, visitor).await);
        }
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(&account, Action::PasskeyAdded, Outcome::Done, now, visitor))?;
        self.wrap_to_prf(&mut unit, signed, kept.id, shown.prf.as_ref(), now).await?;
        account.passkeys.push(kept);
        unit.expect_unchanged(Key::Account(account.id), version);
        self.end_other_sessions(&mut unit, account.id, Some(signed)).await?;
        unit.put(account);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }

    /// Logs that a passkey is not added, and says why.
    async fn refuse_passkey(
        &self,
        account: &Account,
        (reason, error): (RefusalReason, PasskeyError),
        visitor: Visitor,
    ) -> PasskeyError {
        let refused = Outcome::Refused(reason);
        let told = told(account, Action::PasskeyAdded, refused, self.now().at, visitor);
        self.log_alone(told).await.map_or_else(PasskeyError::from, |()| error)
    }

    /// Wraps the personal key, open in this session, to what a passkey's PRF gives.
    async fn wrap_to_prf(
        &self,
        unit: &mut UnitOfWork,
        signed: &Signed,
        passkey: Digest,
        prf: Option<&SecretBytes>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let Some(secret) = prf.and_then(|output| prf_secret(signed.account.id, output)) else {
            return Ok(());
        };
        let Some(identity) = self.unlocked.open(&signed.cookie, now)? else { return Ok(()) };
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(signed.account.id)).await?;
        let Some((key, version)) = found else { return Ok(()) };
        unit.expect_unchanged(Key::PersonalKey(signed.account.id), version);
        unit.put(key.with_passkey(passkey, &identity, &secret)?);
        Ok(())
    }

    /// Takes a passkey away: it signs in no more and opens nothing any more. All other sessions of the account end.
    pub async fn remove_passkey(
        &self,
        signed: &Signed,
        id: Digest,
        visitor: Visitor,
    ) -> Result<bool, AppError> {
        let now = self.believed_now()?;
        let (mut account, version) = self.own_account_now(signed).await?;
        let before = account.passkeys.len();
        account.passkeys.retain(|kept| kept.id != id);
        if account.passkeys.len() == before {
            return Ok(false);
        }
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(&account, Action::PasskeyRemoved, Outcome::Done, now, visitor))?;
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        if let Some((key, key_version)) = found {
            unit.expect_unchanged(Key::PersonalKey(account.id), key_version);
            unit.put(key.without_passkey(id));
        }
        unit.expect_unchanged(Key::Account(account.id), version);
        self.end_other_sessions(&mut unit, account.id, Some(signed)).await?;
        unit.put(account);
        self.store.commit(unit).await?;
        Ok(true)
    }

    /// Which of the person's passkeys open the personal key.
    pub async fn vault_passkeys(&self, signed: &Signed) -> Result<Vec<Digest>, AppError> {
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(signed.account.id)).await?;
        Ok(found.map(|(key, _)| key.passkeys().collect()).unwrap_or_default())
    }

    /// Begins a sign-in, or a proof, by whatever passkey the person chooses. It tells nothing of anybody.
    pub fn begin_passkey_sign_in(&self) -> Result<Ceremony, PasskeyError> {
        let now = self.believed_now()?;
        let webauthn = self.webauthn().ok_or(PasskeyError::NotHere)?;
        let (options, state) =
            webauthn.start_discoverable_authentication().map_err(|_| AppError::Broken("passkey options"))?;
        let token = Token::new(self.random.bytes());
        self.ceremonies.keep(&token, Started::SignIn(Box::new(state)), now);
        let options = serde_json::to_string(&options).map_err(|_| AppError::Broken("passkey options"))?;
        Ok(Ceremony { token, options })
    }

    /// Signs a person in with a passkey, its user verified by the authenticator: no code is asked for. Where its PRF opens the
    /// personal key, that is open; else what needs it asks for the passphrase or the password. Returns the cookie.
    pub async fn sign_in_with_passkey(
        &self,
        shown: ShownPasskey,
        visitor: Visitor,
    ) -> Result<(Token, Account), SignInError> {
        let now = self.believed_now()?;
        let (account, version, passkey) = match self.verified(&shown, now).await? {
            Ok(verified) => verified,
            Err((actor, reason)) => return Err(self.refuse_sign_in(actor, reason, visitor).await),
        };
        let actor = Actor::Person(account.person);
        if !account.is_active() {
            return Err(self.refuse_sign_in(actor, RefusalReason::AccountCutOff, visitor).await);
        }
        let token = Token::new(self.random.bytes());
        let mut unit = UnitOfWork::default();
        self.note_person(&mut unit, &account.address, now)?;
        let object = Object::Account(account.id);
        self.log(&mut unit, event(now, actor, Action::SignIn, object, Outcome::Done, visitor.web()))?;
        unit.expect_unchanged(Key::Account(account.id), version);
        unit.put(account.clone());
        unit.put(Session {
            id: SessionId::new(self.random.bytes()),
            token: token.hash(),
            account: account.id,
            began_at: now,
            used_at: now,
            opened: Vec::new(),
            proven_at: now,
            from: Some(visitor.address),
            way: SignInWay::Passkey,
            awaits_code: None,
        });
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.unlock_by_prf(&account, passkey, shown.prf.as_ref(), &token, visitor).await?;
        Ok((token, account))
    }

    /// Proves the person of a session anew with one of the own passkeys; opens the personal key where that can.
    pub async fn prove_with_passkey(
        &self,
        signed: &Signed,
        shown: ShownPasskey,
        visitor: Visitor,
    ) -> Result<(), SignInError> {
        let now = self.believed_now()?;
        match self.verified(&shown, now).await? {
            Ok((account, version, passkey)) if account.id == signed.account.id && account.is_active() => {
                let mut unit = UnitOfWork::default();
                unit.expect_unchanged(Key::Account(account.id), version);
                unit.put(account.clone());
                self.put_proof(unit, signed, &account, visitor).await?;
                Ok(self.unlock_by_prf(&account, passkey, shown.prf.as_ref(), &signed.cookie, visitor).await?)
            }
            _ => {
                let wrong = Outcome::Refused(RefusalReason::CredentialsWrong);
                let told = told(&signed.account, Action::PersonProven, wrong, now, visitor);
                self.log_alone(told).await?;
                Err(SignInError::Refused)
            }
        }
    }

    async fn unlock_by_prf(
        &self,
        account: &Account,
        passkey: Digest,
        prf: Option<&SecretBytes>,
        cookie: &Token,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let Some(secret) = prf.and_then(|output| prf_secret(account.id, output)) else { return Ok(()) };
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        let Some(opened) = found.and_then(|(key, _)| key.open_with_passkey(passkey, &secret)) else {
            return Ok(());
        };
        match opened {
            Ok(identity) => self.keep_open(account, &identity, cookie).await,
            Err(_) => self.log_unlocking(account, Outcome::Failed(FailureReason::SealDamaged), visitor).await,
        }
    }

    /// Whose passkey it is that was shown, its counter moved on; or who is refused, and why.
    async fn verified(
        &self,
        shown: &ShownPasskey,
        now: Timestamp,
    ) -> Result<Result<(Account, u64, Digest), (Actor, RefusalReason)>, AppError> {
        let nobody = Ok(Err((Actor::Anonymous, RefusalReason::CredentialsWrong)));
        let Some(webauthn) = self.webauthn() else { return nobody };
        let ceremony = shown.ceremony.as_ref().map(Token::hash);
        let Some(Started::SignIn(state)) = self.ceremonies.take(ceremony.as_ref(), now) else {
            return nobody;
        };
        if shown.credential.len() > CREDENTIAL_MAX_BYTES {
            return nobody;
        }
        let credential: Option<PublicKeyCredential> = serde_json::from_str(&shown.credential).ok();
        let Some(credential) = credential else { return nobody };
        let Ok((user, id)) = webauthn.identify_discoverable_authentication(&credential) else {
            return nobody;
        };
        let id = Digest::of(id);
        let found: Option<(Account, u64)> =
            self.read(&Key::Account(AccountId::new(*user.as_bytes()))).await?;
        let Some((mut account, version)) = found else { return nobody };
        let wrong = Ok(Err((Actor::Person(account.person), RefusalReason::CredentialsWrong)));
        let Some(kept) = account.passkeys.iter_mut().find(|kept| kept.id == id) else { return wrong };
        let mut known = credential_of(kept)?;
        // A counter that did not move on may mean a copy: the library refuses it.
        let Ok(result) = webauthn.finish_discoverable_authentication_v2(&credential, *state, &known) else {
            return wrong;
        };
        if !result.user_verified() {
            return wrong;
        }
        known.update_credential(&result);
        kept.credential = written(&known)?;
        kept.used_at = Some(now);
        Ok(Ok((account, version, id)))
    }

    pub(super) async fn own_account_now(&self, signed: &Signed) -> Result<(Account, u64), AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(signed.account.id)).await?;
        found.ok_or(AppError::Broken("no such account"))
    }
}

fn told(
    account: &Account,
    action: Action,
    outcome: Outcome,
    now: Timestamp,
    visitor: Visitor,
) -> crate::audit::Event {
    let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
    event(now, actor, action, object, outcome, visitor.web())
}

fn credential_of(kept: &Passkey) -> Result<Credential, AppError> {
    serde_json::from_str(&kept.credential).map_err(|_| AppError::Broken("passkey"))
}

fn written(credential: &Credential) -> Result<String, AppError> {
    serde_json::to_string(credential).map_err(|_| AppError::Broken("passkey"))
}
