//! Signing in by the organisation's own provider (OpenID Connect, decision 0091). The account is found by the subject that it was
//! linked to, or by the address that the provider vouches for, which links it, logged. No account is ever made here. Whoever comes
//! so has no password: the personal key is opened by a vault passphrase or a passkey.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};

use thiserror::Error;
use zeroize::Zeroizing;

use super::ports::{
    IdentityProvider, Key, List, PendingProvider, ProvidedIdentity, ProviderError, UnitOfWork,
};
use super::{App, AppError, SignInError, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{Account, ProviderLink, Session, SignInWay};
use crate::value::{Digest, Millis, SessionId, Timestamp, Token, are_same_bytes};

/// How long a person may stay at the provider.
const AWAY_MAX: Millis = Millis::minutes(10);
/// How many may be there at once, and how many identity tokens are kept for signing out: the oldest makes room.
const KEPT_MAX: usize = 4096;
/// How long an identity token is kept.
const TOKEN_LIFE: Millis = Millis::hours(12);
/// The longest code that is looked at.
const CODE_MAX_BYTES: usize = 2048;

/// What the provider is not asked, and why nobody is signed in.
#[derive(Debug, Error)]
pub enum ProviderSignInError {
    /// None is set up.
    #[error("no provider is set up")]
    None,
    /// The provider does not answer.
    #[error("the provider does not answer")]
    Unreachable,
    /// What came back does not hold, is too old, or was begun in another browser.
    #[error("the answer does not hold")]
    Refused,
    /// Nobody here has that identity, or the account is not active: the person asks the organisation.
    #[error("no account is linked to that identity")]
    NoAccount,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A browser that goes to the provider.
pub struct GoingToProvider {
    /// Where it goes.
    pub url: String,
    /// The cookie that it comes back with.
    pub cookie: Token,
}

/// Who came back.
pub struct BackFromProvider {
    /// The session's cookie.
    pub session: Token,
    /// Where the person was on the way to.
    pub next: Option<String>,
    /// The account.
    pub account: Account,
}

/// What is kept in memory between leaving and coming back, and for signing out.
#[derive(Default)]
pub(super) struct ProviderMemory {
    away: Mutex<HashMap<Digest, Away>>,
    tokens: Mutex<HashMap<Digest, (Timestamp, Zeroizing<String>)>>,
}

struct Away {
    since: Timestamp,
    pending: PendingProvider,
    next: Option<String>,
}

fn make_room<T>(kept: &mut HashMap<Digest, T>, since: impl Fn(&T) -> Timestamp) {
    if kept.len() >= KEPT_MAX {
        let oldest = kept.iter().min_by_key(|(_, value)| since(value)).map(|(key, _)| *key);
        oldest.map(|oldest| kept.remove(&oldest));
    }
}

impl App {
    /// Sets the organisation's provider up, once.
    pub fn use_provider(&self, provider: Arc<dyn IdentityProvider>) {
        let _was_none = self.provider.set(provider);
    }

    /// What people call the provider, if there is one.
    pub fn provider_name(&self) -> Option<&str> {
        self.provider.get().map(|provider| provider.name())
    }

    /// Sends a browser to the provider.
    pub async fn go_to_provider(
        &self,
        next: Option<String>,
        anew: bool,
    ) -> Result<GoingToProvider, ProviderSignInError> {
        let now = self.believed_now()?;
        let provider = self.provider.get().ok_or(ProviderSignInError::None)?;
        let sent = provider.send(anew).await.map_err(|error| {
            tracing::warn!(%error, "provider.not_reached");
            ProviderSignInError::Unreachable
        })?;
        let cookie = Token::new(self.random.bytes());
        let mut away = self.provider_memory.away.lock().unwrap_or_else(PoisonError::into_inner);
        away.retain(|_, away| away.since <= now && now < away.since + AWAY_MAX);
        make_room(&mut away, |away| away.since);
        away.insert(*cookie.hash().as_digest(), Away { since: now, pending: sent.pending, next });
        Ok(GoingToProvider { url: sent.url, cookie })
    }

    /// Takes who comes back: good once, in the browser that left, with the state that it left with.
    pub async fn back_from_provider(
        &self,
        cookie: Option<&Token>,
        state: &str,
        code: &str,
        visitor: Visitor,
    ) -> Result<BackFromProvider, ProviderSignInError> {
        let now = self.believed_now()?;
        let provider = self.provider.get().ok_or(ProviderSignInError::None)?;
        let left = cookie.and_then(|cookie| {
            let mut away = self.provider_memory.away.lock().unwrap_or_else(PoisonError::into_inner);
            away.remove(cookie.hash().as_digest())
        });
        let fits = |away: &Away| {
            away.since <= now
                && now < away.since + AWAY_MAX
                && are_same_bytes(away.pending.state.as_bytes(), state.as_bytes())
        };
        let Some(away) = left.filter(fits).filter(|_| code.len() <= CODE_MAX_BYTES) else {
            return Err(self.refuse_provided(Actor::Anonymous, RefusalReason::RequestForged, visitor).await);
        };
        let identity = match provider.receive(code, away.pending).await {
            Ok(identity) => identity,
            Err(ProviderError::Unreachable(error)) => {
                tracing::warn!(%error, "provider.not_reached");
                return Err(ProviderSignInError::Unreachable);
            }
            Err(ProviderError::NotHeld(error)) => {
                tracing::warn!(%error, "provider.answer_refused");
                return Err(self.refuse_provided(Actor::Anonymous, RefusalReason::ProofWrong, visitor).await);
            }
        };
        let (session, account) = self.sign_in_provided(identity, now, visitor).await?;
        Ok(BackFromProvider { session, next: away.next, account })
    }

    async fn sign_in_provided(
        &self,
        identity: ProvidedIdentity,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(Token, Account), ProviderSignInError> {
        let link = ProviderLink { issuer: identity.issuer.clone(), subject: identity.subject.clone() };
        let mut unit = UnitOfWork::default();
        let linked: Option<(Account, u64)> = self.read_one(&List::AccountBySubject(link.digest())).await?;
        let account = match linked {
            Some((account, _)) => account,
            None => match self.account_to_link(&identity).await? {
                Ok((mut account, version)) => {
                    unit.expect_unchanged(Key::Account(account.id), version);
                    account.provider = Some(link);
                    let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
                    let (action, done) = (Action::ProviderLinked, Outcome::Done);
                    self.log(&mut unit, event(now, actor, action, object, done, visitor.web()))?;
                    unit.put(account.clone());
                    account
                }
                Err(actor) => {
                    let refused = self.refuse_provided(actor, RefusalReason::CredentialsWrong, visitor).await;
                    return Err(match refused {
                        ProviderSignInError::Refused => ProviderSignInError::NoAccount,
                        other => other,
                    });
                }
            },
        };
        let actor = Actor::Person(account.person);
        if !account.is_active() {
            return Err(match self.refuse_provided(actor, RefusalReason::AccountCutOff, visitor).await {
                ProviderSignInError::Refused => ProviderSignInError::NoAccount,
                other => other,
            });
        }
        let token = Token::new(self.random.bytes());
        self.note_person(&mut unit, &account.address, now)?;
        let object = Object::Account(account.id);
        self.log(&mut unit, event(now, actor, Action::SignIn, object, Outcome::Done, visitor.web()))?;
        unit.put(Session {
            id: SessionId::new(self.random.bytes()),
            token: token.hash(),
            account: account.id,
            began_at: now,
            used_at: now,
            opened: Vec::new(),
            proven_at: now,
            from: Some(visitor.address),
            way: SignInWay::Provider,
            awaits_code: None,
        });
        self.store.commit(unit).await.map_err(AppError::from)?;
        let mut tokens = self.provider_memory.tokens.lock().unwrap_or_else(PoisonError::into_inner);
        tokens.retain(|_, (since, _)| *since <= now && now < *since + TOKEN_LIFE);
        make_room(&mut tokens, |(since, _)| *since);
        tokens.insert(*token.hash().as_digest(), (now, identity.id_token));
        Ok((token, account))
    }

    /// The account of the address that the provider vouches for, if it is linked to nobody yet; or who is refused.
    async fn account_to_link(
        &self,
        identity: &ProvidedIdentity,
    ) -> Result<Result<(Account, u64), Actor>, AppError> {
        let Some(address) = &identity.verified_email else { return Ok(Err(Actor::Anonymous)) };
        let found: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address.clone())).await?;
        Ok(match found {
            Some((account, version)) if account.provider.is_none() => Ok((account, version)),
            Some((account, _)) => Err(Actor::Person(account.person)),
            None => Err(Actor::Anonymous),
        })
    }

    /// Where a browser goes to sign out at the provider too, once.
    pub async fn provider_sign_out(&self, session: &Token) -> Option<String> {
        let token = {
            let mut tokens = self.provider_memory.tokens.lock().unwrap_or_else(PoisonError::into_inner);
            tokens.remove(session.hash().as_digest())
        };
        let ((_, token), provider) = token.zip(self.provider.get())?;
        provider.sign_out_url(&token).await
    }

    async fn refuse_provided(
        &self,
        actor: Actor,
        reason: RefusalReason,
        visitor: Visitor,
    ) -> ProviderSignInError {
        match self.refuse_sign_in(actor, reason, visitor).await {
            SignInError::Refused => ProviderSignInError::Refused,
            SignInError::Fault(error) => error.into(),
        }
    }
}
