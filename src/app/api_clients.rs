//! The tokens and certificates of partners' software: made, listed, revoked, and tried anew at each use (invariant 7). An
//! agreement that ended, a partner that is suspended, an address that is blocked bite at once: they are read each time.

use thiserror::Error;

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::{Agreement, ApiClient, CLIENT_DAYS_MAX, ClientProof, Partner, read_token};
use crate::mailbox::Mailbox;
use crate::value::{ApiClientId, Digest, MailAddress, MailboxId, Millis, PartnerId, Timestamp, Token};

/// How many tokens and certificates there may be.
const CLIENTS_MAX: usize = 10_000;
/// How many characters of a label are kept.
const LABEL_MAX_CHARS: usize = 100;

/// A new token or certificate.
#[derive(Debug, Clone)]
pub struct NewApiClient {
    /// Whose software.
    pub partner: PartnerId,
    /// What people call it.
    pub label: String,
    /// The mailboxes that it may deposit into.
    pub mailboxes: Vec<MailboxId>,
    /// The addresses that it may deposit for.
    pub senders: Vec<MailAddress>,
    /// For how many days.
    pub days: u16,
    /// The certificate that it shows; none makes a token.
    pub certificate: Option<Digest>,
}

/// Why none is made. Whoever asks must act.
#[derive(Debug, Error)]
pub enum NewClientError {
    /// No mailbox or no sender was named.
    #[error("name at least one mailbox and one sender address")]
    Nothing,
    /// An address is not the partner's.
    #[error("{address} is not of a domain of the partner, or blocked")]
    NotOfPartner {
        /// Which.
        address: MailAddress,
    },
    /// The partner has no agreement with a mailbox.
    #[error("the partner has no agreement with the mailbox {slug}")]
    NoAgreement {
        /// Which.
        slug: String,
    },
    /// It would be good for too long.
    #[error("a token is good for 1 to {limit} days, not {actual}")]
    Days {
        /// The longest.
        limit: u16,
        /// What was asked for.
        actual: u16,
    },
    /// The certificate is pinned already.
    #[error("the certificate is pinned already: revoke that first")]
    Taken,
    /// There are too many.
    #[error("there are {limit} tokens and certificates already")]
    TooMany {
        /// How many there may be.
        limit: usize,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Why software is not let in.
#[derive(Debug, Error)]
pub enum ApiAccessError {
    /// No token and no certificate that is good now. The software's owner asks for another.
    #[error("no token or certificate that is good now")]
    Refused(ClientRefusal),
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What the log is told of software that is not let in.
#[derive(Debug, Clone, Copy)]
pub struct ClientRefusal {
    object: Object,
    partner: Option<PartnerId>,
    reason: RefusalReason,
}

impl ClientRefusal {
    fn of(client: Option<&ApiClient>, reason: RefusalReason) -> ApiAccessError {
        ApiAccessError::Refused(Self {
            object: client.map_or(Object::None, |client| Object::Token(client.id)),
            partner: client.map(|client| client.partner),
            reason,
        })
    }
}

/// What software shows of itself.
#[derive(Debug, Clone)]
pub enum ShownProof<'a> {
    /// What stands in the `Authorization` header after `Bearer`.
    Bearer(&'a str),
    /// The digest of the certificate of its connection.
    Certificate(Digest),
    /// Nothing.
    Nothing,
}

impl App {
    /// Makes a token or pins a certificate. The token is returned once, kept as its hash.
    pub async fn make_api_client(
        &self,
        new: NewApiClient,
        (actor, origin): (Actor, Origin),
    ) -> Result<(ApiClient, Option<Token>), NewClientError> {
        let now = self.believed_now()?;
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(new.partner)).await?;
        let (partner, partner_version) = found.ok_or(AppError::Broken("no such partner"))?;
        if new.mailboxes.is_empty() || new.senders.is_empty() {
            return Err(NewClientError::Nothing);
        }
        if !(1..=CLIENT_DAYS_MAX).contains(&new.days) {
            return Err(NewClientError::Days { limit: CLIENT_DAYS_MAX, actual: new.days });
        }
        if let Some(address) = new.senders.iter().find(|sender| !partner.has(sender)) {
            return Err(NewClientError::NotOfPartner { address: address.clone() });
        }
        for mailbox in &new.mailboxes {
            let agreement: Option<(Agreement, u64)> =
                self.read(&Key::Agreement((*mailbox, partner.id))).await?;
            if agreement.is_none() {
                let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*mailbox)).await?;
                let slug = found.map(|(mailbox, _)| mailbox.slug.to_string()).unwrap_or_default();
                return Err(NewClientError::NoAgreement { slug });
            }
        }
        if self.api_clients().await?.len() >= CLIENTS_MAX {
            return Err(NewClientError::TooMany { limit: CLIENTS_MAX });
        }
        let token = new.certificate.is_none().then(|| Token::new(self.random.bytes()));
        let proof = match (&token, new.certificate) {
            (Some(token), _) => ClientProof::Token(token.hash()),
            (None, Some(certificate)) => ClientProof::Certificate(certificate),
            (None, None) => return Err(AppError::Broken("client without proof").into()),
        };
        if self.client_by_proof(proof.digest()).await?.is_some() {
            return Err(NewClientError::Taken);
        }
        let client = ApiClient {
            id: ApiClientId::new(self.random.bytes()),
            partner: partner.id,
            label: new.label.chars().filter(|c| !c.is_control()).take(LABEL_MAX_CHARS).collect(),
            mailboxes: new.mailboxes.into_iter().collect(),
            senders: new.senders.into_iter().collect(),
            proof,
            made_at: now,
            expires_at: now + Millis::days(i64::from(new.days)),
            used_at: None,
        };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Partner(partner.id), partner_version);
        let made = event(now, actor, Action::TokenCreated, Object::Token(client.id), Outcome::Done, origin);
        self.log(&mut unit, made.of_partner(partner.id))?;
        unit.put(client.clone());
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok((client, token))
    }

    /// All tokens and certificates.
    pub async fn api_clients(&self) -> Result<Vec<ApiClient>, AppError> {
        let found: Vec<(ApiClient, u64)> = self.read_list(&List::ApiClients, CLIENTS_MAX).await?;
        Ok(found.into_iter().map(|(client, _)| client).collect())
    }

    /// Ends a token or certificate at once. Returns whether there was one.
    pub async fn revoke_api_client(
        &self,
        client: ApiClientId,
        (actor, origin): (Actor, Origin),
    ) -> Result<bool, AppError> {
        let found: Option<(ApiClient, u64)> = self.read(&Key::ApiClient(client)).await?;
        let Some((client, version)) = found else { return Ok(false) };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::ApiClient(client.id), version);
        let (action, object) = (Action::TokenRevoked, Object::Token(client.id));
        let ended = event(self.now().at, actor, action, object, Outcome::Done, origin);
        self.log(&mut unit, ended.of_partner(client.partner))?;
        unit.delete(Key::ApiClient(client.id));
        self.store.commit(unit).await?;
        Ok(true)
    }

    /// Whose software it is that asks, by what it shows: read anew each time. Its partner must not be suspended.
    pub async fn api_client(&self, shown: ShownProof<'_>) -> Result<ApiClient, ApiAccessError> {
        let now = self.believed_now()?;
        let digest = match shown {
            ShownProof::Bearer(text) => read_token(text).map(|token| *token.hash().as_digest()),
            ShownProof::Certificate(digest) => Some(digest),
            ShownProof::Nothing => None,
        };
        let found = match digest {
            Some(digest) => self.client_by_proof(digest).await?,
            None => None,
        };
        let Some((client, version)) = found else {
            return Err(ClientRefusal::of(None, RefusalReason::CredentialsWrong));
        };
        // What was shown must be of the kind that was kept: a digest of one is no secret of the other.
        let same_kind = matches!(
            (&shown, &client.proof),
            (ShownProof::Bearer(_), ClientProof::Token(_))
                | (ShownProof::Certificate(_), ClientProof::Certificate(_))
        );
        if !same_kind {
            return Err(ClientRefusal::of(None, RefusalReason::CredentialsWrong));
        }
        if !client.is_live(now) {
            return Err(ClientRefusal::of(Some(&client), RefusalReason::SessionExpired));
        }
        let partner: Option<(Partner, u64)> = self.read(&Key::Partner(client.partner)).await?;
        if partner.is_none_or(|(partner, _)| partner.suspended) {
            return Err(ClientRefusal::of(Some(&client), RefusalReason::PartnerSuspended));
        }
        if client.is_stale(now) {
            self.note_use(&client, version, now).await?;
        }
        Ok(client)
    }

    async fn note_use(&self, client: &ApiClient, version: u64, now: Timestamp) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::ApiClient(client.id), version);
        unit.put(ApiClient { used_at: Some(now), ..client.clone() });
        match self.store.commit(unit).await.map_err(AppError::from) {
            // Somebody else noted it, or it was revoked at this moment: the next request is tried anew.
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    async fn client_by_proof(&self, digest: Digest) -> Result<Option<(ApiClient, u64)>, AppError> {
        self.read_one(&List::ApiClientByProof(digest)).await
    }

    /// Logs that software was not let in. Whoever asks without end is not logged without end: that is the door's to count.
    pub async fn log_client_refused(&self, refusal: ClientRefusal, visitor: Visitor) -> Result<(), AppError> {
        let (action, outcome) = (Action::TokenRefused, Outcome::Refused(refusal.reason));
        let refused = event(self.now().at, Actor::Anonymous, action, refusal.object, outcome, visitor.web());
        self.log_alone(refused.concerning(refusal.partner)).await
    }
}
