//! Partners' software deposits: the draft is begun, filled and sent by the same use cases as the page's. What is different is who
//! proves the address: the token or certificate, for the addresses and mailboxes that it was made for. Its right is read anew at
//! each step, at the sending too (invariant 7).

use thiserror::Error;

use super::compose::NewDraft;
use super::doors::ClosedDoor;
use super::people::AddressStanding;
use super::ports::{Key, List, SecretName, UnitOfWork};
use super::revoke::Ender;
use super::{App, AppError, DepositStatus, DraftView, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{API_DEPOSIT_LIFE, Agreement, ApiClient, ApiDeposit, Partner, Service};
use crate::mailbox::Mailbox;
use crate::transfer::{Draft, DraftPurpose, DraftState};
use crate::value::{
    ApiClientId, Digest, DraftId, Language, MailAddress, MailboxId, PersonId, Slug, Timestamp, Token,
    keyed_digest,
};

/// How many deposits are listed at once.
pub const API_LISTED_MAX: usize = 100;
/// The longest idempotency key, in bytes.
pub const IDEMPOTENCY_KEY_MAX: usize = 255;
const KEY_LABEL: &[u8] = b"api idempotency key";
const TOKEN_LABEL: &[u8] = b"api draft";

/// What software wants to deposit.
#[derive(Debug, Clone)]
pub struct NewApiDeposit {
    /// The slug of the organisation.
    pub organisation: Slug,
    /// The slug of the mailbox.
    pub mailbox: Slug,
    /// For which address.
    pub sender: MailAddress,
    /// The language of the acknowledgement.
    pub language: Language,
    /// The software's own key: the same one begins the same deposit.
    pub key: Option<String>,
}

/// Why no deposit is begun, or none is found.
#[derive(Debug, Error)]
pub enum ApiDepositError {
    /// Mailbox or address are not among the token's, or no agreement in force admits them. One answer for all.
    #[error("the software may not deposit there for this address")]
    NotAllowed,
    /// An agreement admits the address, and does not open deposits by software (D11).
    #[error("the agreement does not open deposits by software")]
    Closed(Box<ClosedDoor>),
    /// The key was used for another wish.
    #[error("the idempotency key was used for another deposit")]
    KeyReused,
    /// There is no such deposit of this software.
    #[error("no such deposit")]
    NotFound,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A deposit as its software sees it.
#[derive(Debug)]
pub struct ApiDepositView {
    /// What was begun.
    pub deposit: ApiDeposit,
    /// Where it stands.
    pub state: ApiDepositState,
}

/// Where it stands.
#[derive(Debug)]
pub enum ApiDepositState {
    /// It can be filled and sent; the token opens its draft.
    Open(Box<DraftView>, Token),
    /// It was sent.
    Sent(Box<DepositStatus>),
    /// It was neither sent nor touched for a day, or its mailbox's right went.
    Gone,
}

impl App {
    /// The mailboxes that software may deposit into today, with its partner's agreement in force.
    pub async fn api_mailboxes(&self, client: &ApiClient) -> Result<Vec<Mailbox>, AppError> {
        let now = self.believed_now()?;
        let mut open = Vec::new();
        for id in &client.mailboxes {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            let Some((mailbox, _)) = found else { continue };
            let mut admitted = false;
            for sender in &client.senders {
                admitted = admitted || self.admits_client(client, &mailbox, sender, now).await?;
            }
            if admitted && self.closed_door(&mailbox, client.partner, Service::Api).await?.is_none() {
                open.push(mailbox);
            }
        }
        open.sort_by(|one, other| one.slug.cmp(&other.slug));
        Ok(open)
    }

    /// Begins a deposit; with a key that was used for it before, returns that one. Returns whether it is new.
    pub async fn begin_api_deposit(
        &self,
        client: &ApiClient,
        new: NewApiDeposit,
        visitor: Visitor,
    ) -> Result<(ApiDepositView, bool), ApiDepositError> {
        let now = self.believed_now()?;
        let wish = format!("{}/{} {}", new.organisation, new.mailbox, new.sender);
        let wish = self.idempotency_digest(client.id, &wish)?;
        let key = new.key.as_ref().map(|key| self.idempotency_digest(client.id, key)).transpose()?;
        if let Some(key) = key {
            let known: Option<(ApiDeposit, u64)> = self.read_one(&List::ApiDepositByKey(key)).await?;
            if let Some((known, _)) = known.filter(|(known, _)| now < known.begun_at + API_DEPOSIT_LIFE) {
                if known.wish != wish {
                    let refusal = ApiDepositError::KeyReused;
                    return Err(self.refuse_api_deposit(client, &new, None, visitor, refusal).await);
                }
                return Ok((self.api_deposit_view(client, known).await?, false));
            }
        }
        let organisation: Option<(crate::identity::Organisation, u64)> =
            self.read_one(&List::OrganisationBySlug(new.organisation.clone())).await?;
        let mailbox: Option<(Mailbox, u64)> = match organisation {
            Some((organisation, _)) => {
                self.read_one(&List::MailboxByPage(organisation.id, new.mailbox.clone())).await?
            }
            None => None,
        };
        let Some((mailbox, _)) = mailbox else {
            let refusal = ApiDepositError::NotAllowed;
            return Err(self.refuse_api_deposit(client, &new, None, visitor, refusal).await);
        };
        if !self.admits_client(client, &mailbox, &new.sender, now).await? {
            let refusal = ApiDepositError::NotAllowed;
            return Err(self.refuse_api_deposit(client, &new, Some(mailbox.id), visitor, refusal).await);
        }
        if let Some(closed) = self.closed_door(&mailbox, client.partner, Service::Api).await? {
            let refusal = ApiDepositError::Closed(Box::new(closed));
            return Err(self.refuse_api_deposit(client, &new, Some(mailbox.id), visitor, refusal).await);
        }
        let mut unit = UnitOfWork::default();
        let person = self.note_person(&mut unit, &new.sender, now)?;
        let made = self.make_api_draft(client, &mailbox, &new, person, now)?;
        let (draft, transfer) = (made.id, made.transfer);
        let actor = Actor::Person(person);
        for (action, object) in
            [(Action::DraftOpened, Object::Draft(draft)), (Action::TokenUsed, Object::Token(client.id))]
        {
            let told = event(now, actor, action, object, Outcome::Done, visitor.web());
            self.log(&mut unit, told.of_partner(client.partner))?;
        }
        unit.put(made);
        let deposit =
            ApiDeposit { client: client.id, draft, transfer, mailbox: mailbox.id, key, wish, begun_at: now };
        unit.put(deposit.clone());
        let token = self.api_draft_token(client.id, draft)?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        let view = self.draft(draft, &token).await?.ok_or(AppError::Contended)?;
        Ok((ApiDepositView { deposit, state: ApiDepositState::Open(Box::new(view), token) }, true))
    }

    fn make_api_draft(
        &self,
        client: &ApiClient,
        mailbox: &Mailbox,
        new: &NewApiDeposit,
        person: PersonId,
        now: Timestamp,
    ) -> Result<Draft, AppError> {
        let made = NewDraft {
            purpose: DraftPurpose::Api { client: client.id },
            mailbox,
            address: new.sender.clone(),
            person,
            partner: Some(client.partner),
            language: new.language,
        };
        let mut draft = self.make_draft(made, &Token::new(self.random.bytes()), now)?;
        draft.tokens = vec![self.api_draft_token(client.id, draft.id)?.hash()];
        Ok(draft)
    }

    /// Gives a deposit up that was not sent: there is no such deposit from then on, and its idempotency key begins another.
    /// Returns whether it was given up.
    pub async fn discard_api_deposit(
        &self,
        client: &ApiClient,
        id: DraftId,
        visitor: Visitor,
    ) -> Result<bool, ApiDepositError> {
        let ApiDepositState::Open(view, _) = self.api_deposit(client, id).await?.state else {
            return Ok(false);
        };
        let DraftView { draft, version, .. } = *view;
        let by = Ender { actor: Actor::Person(draft.person), origin: visitor.web() };
        self.discard(draft, version, &by, self.believed_now()?).await?;
        let mut unit = UnitOfWork::default();
        unit.delete(Key::ApiDeposit((client.id, id)));
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(true)
    }

    /// A deposit of this software.
    pub async fn api_deposit(
        &self,
        client: &ApiClient,
        id: DraftId,
    ) -> Result<ApiDepositView, ApiDepositError> {
        let found: Option<(ApiDeposit, u64)> = self.read(&Key::ApiDeposit((client.id, id))).await?;
        let (deposit, _) = found.ok_or(ApiDepositError::NotFound)?;
        Ok(self.api_deposit_view(client, deposit).await?)
    }

    /// The deposits of this software, the newest first, those begun before an instant when it is given.
    pub async fn api_deposits(
        &self,
        client: &ApiClient,
        before: Option<Timestamp>,
        limit: usize,
    ) -> Result<Vec<ApiDepositView>, AppError> {
        let list = List::ApiDepositsOf { client: client.id, before };
        let found: Vec<(ApiDeposit, u64)> = self.read_list(&list, limit.min(API_LISTED_MAX)).await?;
        let mut views = Vec::with_capacity(found.len());
        for (deposit, _) in found {
            views.push(self.api_deposit_view(client, deposit).await?);
        }
        Ok(views)
    }

    async fn api_deposit_view(
        &self,
        client: &ApiClient,
        deposit: ApiDeposit,
    ) -> Result<ApiDepositView, AppError> {
        let now = self.believed_now()?;
        if let Some(status) = self.deposit_status(deposit.transfer, now).await? {
            return Ok(ApiDepositView { deposit, state: ApiDepositState::Sent(Box::new(status)) });
        }
        let token = self.api_draft_token(client.id, deposit.draft)?;
        let view = self.draft(deposit.draft, &token).await?;
        let open = view.filter(|view| view.draft.state == DraftState::Open);
        let state = open.map_or(ApiDepositState::Gone, |view| ApiDepositState::Open(Box::new(view), token));
        Ok(ApiDepositView { deposit, state })
    }

    /// Whether software may still fill and send a draft of its own: its token or certificate, the mailbox, the address and
    /// the agreement are read anew.
    pub(super) async fn client_may_fill(&self, client: ApiClientId, draft: &Draft) -> Result<bool, AppError> {
        let now = self.believed_now()?;
        let found: Option<(ApiClient, u64)> = self.read(&Key::ApiClient(client)).await?;
        let Some((client, _)) = found.filter(|(client, _)| client.is_live(now)) else { return Ok(false) };
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(draft.mailbox)).await?;
        match mailbox {
            Some((mailbox, _)) => self.admits_client(&client, &mailbox, &draft.address, now).await,
            None => Ok(false),
        }
    }

    /// Whether the agreement of the software's own partner admits an address today; another partner's does not count.
    async fn admits_client(
        &self,
        client: &ApiClient,
        mailbox: &Mailbox,
        sender: &MailAddress,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        if !client.allows(mailbox.id, sender) || !mailbox.takes_deposits() {
            return Ok(false);
        }
        let agreement: Option<(Agreement, u64)> =
            self.read(&Key::Agreement((mailbox.id, client.partner))).await?;
        let partner: Option<(Partner, u64)> = self.read(&Key::Partner(client.partner)).await?;
        let technicien_of = match self.standing_of(sender).await? {
            AddressStanding::Barred => return Ok(false),
            AddressStanding::Technicien(partner) => Some(partner),
            AddressStanding::Open => None,
        };
        Ok(agreement.zip(partner).is_some_and(|((agreement, _), (partner, _))| {
            agreement.admits(&partner, sender, technicien_of, now.day())
        }))
    }

    async fn refuse_api_deposit(
        &self,
        client: &ApiClient,
        new: &NewApiDeposit,
        mailbox: Option<MailboxId>,
        visitor: Visitor,
        refusal: ApiDepositError,
    ) -> ApiDepositError {
        let person = match self.person_of(&new.sender) {
            Ok(person) => person,
            Err(error) => return error.into(),
        };
        let object = mailbox.map_or(Object::Token(client.id), Object::Mailbox);
        let reason = match refusal {
            ApiDepositError::Closed(_) => ClosedDoor::REASON,
            ApiDepositError::KeyReused => RefusalReason::StateNotFitting,
            _ => RefusalReason::AddressNotAdmitted,
        };
        let outcome = Outcome::Refused(reason);
        let (at, actor) = (self.now().at, Actor::Person(person));
        let refused = event(at, actor, Action::DepositRefused, object, outcome, visitor.web());
        match self.log_alone(refused.of_partner(client.partner)).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }

    fn idempotency_digest(&self, client: ApiClientId, key: &str) -> Result<Digest, AppError> {
        let secret = self.keyring.secret(SecretName::Repeats)?;
        Ok(keyed_digest(&secret, &[KEY_LABEL, client.as_bytes(), key.as_bytes()]))
    }

    /// What opens a draft of this software: derived, so that it is nowhere kept.
    fn api_draft_token(&self, client: ApiClientId, draft: DraftId) -> Result<Token, AppError> {
        let secret = self.keyring.secret(SecretName::Codes)?;
        let digest = keyed_digest(&secret, &[TOKEN_LABEL, client.as_bytes(), draft.as_bytes()]);
        Ok(Token::new(*digest.as_bytes()))
    }
}
