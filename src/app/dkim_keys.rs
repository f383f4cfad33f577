//! The keys that sign the gateway's mails (T1, T2; RFC 6376): made, looked for in the DNS, put to use, retired. A key that
//! begins to sign takes the place of the older one of its kind, so that there is one RSA and one Ed25519 signature.

use thiserror::Error;

use super::ports::NamesUnanswered;
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome};
use crate::relay::dkim::{DkimKey, DkimState, Selector};
use crate::value::{Digest, Domain};
use crate::vault::{SigningAlgorithm, generate_signing_key, seal};

/// What the DNS says of a key.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DkimRecord {
    /// The record is there and is this key's.
    Published,
    /// There is none, or only another key's.
    Missing,
    /// No name server answered.
    Unknown,
}

/// Why a key is not put to use or retired. The operator must act.
#[derive(Debug, Error)]
pub enum DkimError {
    /// There is a key of this name.
    #[error("there was a key {selector} of {domain} already: a selector is used once")]
    Taken {
        /// Its selector.
        selector: Selector,
        /// Its domain.
        domain: Domain,
    },
    /// There is no such key.
    #[error("there is no key {selector} of {domain}")]
    Unknown {
        /// What was asked for.
        selector: Selector,
        /// Of which domain.
        domain: Domain,
    },
    /// Its record is not in the DNS.
    #[error("{name} holds no record of this key yet: mails that it signs would be refused")]
    NotPublished {
        /// The name of the record.
        name: String,
    },
    /// No name server answers.
    #[error("whether {name} holds the record cannot be told: no name server answers")]
    NoAnswer {
        /// The name of the record.
        name: String,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Makes a key, which waits for its record in the DNS.
    pub async fn add_dkim_key(
        &self,
        domain: Domain,
        selector: Selector,
        algorithm: SigningAlgorithm,
        origin: Origin,
    ) -> Result<DkimKey, DkimError> {
        if self.find_dkim_key(&domain, &selector).is_ok() {
            return Err(DkimError::Taken { selector, domain });
        }
        let pair = tokio::task::spawn_blocking(move || generate_signing_key(algorithm));
        let pair = pair.await.map_err(|_| AppError::Broken("key generation"))?.map_err(AppError::from)?;
        let gateway = self.keyring.gateway().map_err(AppError::from)?.recipient();
        let private = seal(&gateway, pair.private.expose()).map_err(AppError::from)?;
        let key = DkimKey {
            domain,
            selector,
            algorithm,
            public: pair.public,
            made_at: self.now().at,
            state: DkimState::Waiting,
            private: Some(private),
        };
        self.keep_dkim_key(&key, Action::DkimKeyMade, Actor::Operator, origin).await?;
        Ok(key)
    }

    /// All keys, with what the DNS says of each that is needed there.
    pub async fn dkim_keys(&self) -> Result<Vec<(DkimKey, DkimRecord)>, AppError> {
        let mut told = Vec::new();
        for key in self.keyring.dkim_keys()? {
            let record = self.dkim_record(&key).await;
            told.push((key, record));
        }
        Ok(told)
    }

    /// Puts a key to use if its record is in the DNS.
    pub async fn use_dkim_key(
        &self,
        domain: &Domain,
        selector: &Selector,
        origin: Origin,
    ) -> Result<DkimKey, DkimError> {
        let key = self.find_dkim_key(domain, selector)?;
        match self.dkim_record(&key).await {
            DkimRecord::Published => Ok(self.begin_signing(key, Actor::Operator, origin).await?),
            DkimRecord::Missing => Err(DkimError::NotPublished { name: key.record_name() }),
            DkimRecord::Unknown => Err(DkimError::NoAnswer { name: key.record_name() }),
        }
    }

    /// Ends a key: it signs no more, its private half is erased. Its record is needed until the time that it then tells.
    pub async fn retire_dkim_key(
        &self,
        domain: &Domain,
        selector: &Selector,
        origin: Origin,
    ) -> Result<DkimKey, DkimError> {
        let key = self.find_dkim_key(domain, selector)?;
        if matches!(key.state, DkimState::Retired { .. }) {
            return Ok(key);
        }
        let key = key.retired(self.now().at);
        self.keep_dkim_key(&key, Action::DkimKeyRetired, Actor::Operator, origin).await?;
        Ok(key)
    }

    /// Puts waiting keys to use whose record has appeared. Returns how many.
    pub async fn look_for_dkim_records(&self) -> Result<usize, AppError> {
        let mut begun = 0;
        for key in self.keyring.dkim_keys()? {
            if key.state == DkimState::Waiting && self.dkim_record(&key).await == DkimRecord::Published {
                self.begin_signing(key, Actor::System, Origin::Job).await?;
                begun += 1;
            }
        }
        Ok(begun)
    }

    async fn begin_signing(&self, key: DkimKey, actor: Actor, origin: Origin) -> Result<DkimKey, AppError> {
        if key.state != DkimState::Waiting {
            return Ok(key);
        }
        let now = self.now().at;
        let key = key.signing(now);
        self.keep_dkim_key(&key, Action::DkimKeyUsed, actor, origin).await?;
        for older in self.keyring.dkim_keys()? {
            let same_kind = (&older.domain, older.algorithm) == (&key.domain, key.algorithm);
            if same_kind && older.selector != key.selector && older.signs() {
                self.keep_dkim_key(&older.retired(now), Action::DkimKeyRetired, actor, origin).await?;
            }
        }
        Ok(key)
    }

    /// Writes a key down, its event around it: the keyring is outside the store (invariant 2).
    async fn keep_dkim_key(
        &self,
        key: &DkimKey,
        action: Action,
        actor: Actor,
        origin: Origin,
    ) -> Result<(), AppError> {
        let digest = Detail::Recipient(Digest::of(key.public.as_bytes()));
        let told = |outcome| event(self.now().at, actor, action, Object::None, outcome, origin).with(digest);
        self.log_alone(told(Outcome::Intended)).await?;
        let new = key.clone();
        let kept = self.with_keyring(move |keyring| keyring.set_dkim_key(&new)).await;
        let outcome = if kept.is_ok() { Outcome::Done } else { Outcome::Failed(FailureReason::Keyring) };
        self.log_alone(told(outcome)).await?;
        kept
    }

    async fn dkim_record(&self, key: &DkimKey) -> DkimRecord {
        match self.names.text_records(&key.record_name()).await {
            Ok(records) if records.iter().any(|record| key.is_published_as(record)) => DkimRecord::Published,
            Ok(_) => DkimRecord::Missing,
            Err(NamesUnanswered) => DkimRecord::Unknown,
        }
    }

    fn find_dkim_key(&self, domain: &Domain, selector: &Selector) -> Result<DkimKey, DkimError> {
        let keys = self.keyring.dkim_keys().map_err(AppError::from)?;
        let found = keys.into_iter().find(|key| (&key.domain, &key.selector) == (domain, selector));
        found.ok_or_else(|| DkimError::Unknown { selector: selector.clone(), domain: domain.clone() })
    }
}
