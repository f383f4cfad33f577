//! A gestionnaire looks after the tokens of the own structure's software: sees them, makes one, revokes one. Nobody else's are seen,
//! and no certificate is pinned here: that is the operator's.

use thiserror::Error;

use super::ports::{Key, List};
use super::{App, AppError, NewApiClient, NewClientError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{Account, Agreement, ApiClient, Partner, Role};
use crate::mailbox::Mailbox;
use crate::value::{ApiClientId, MailAddress, MailboxId, PartnerId, Token};

/// How many mailboxes are offered.
const MAILBOXES_MAX: usize = 10_000;

/// Why nothing is shown or done.
#[derive(Debug, Error)]
pub enum StructureTokenError {
    /// The person is no gestionnaire of that structure.
    #[error("the person does not manage that structure")]
    NotEntitled,
    /// What was asked for cannot be; the person asks otherwise.
    #[error(transparent)]
    Unfit(#[from] NewClientError),
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// The tokens of a structure.
#[derive(Debug, Clone)]
pub struct StructureTokens {
    /// The structure.
    pub partner: Partner,
    /// Its tokens and certificates.
    pub clients: Vec<ApiClient>,
    /// The mailboxes that its agreements in force open.
    pub mailboxes: Vec<Mailbox>,
}

/// A token that a gestionnaire asks for.
#[derive(Debug, Clone)]
pub struct WantedToken {
    /// What people call the software.
    pub label: String,
    /// The mailboxes, among those that are open.
    pub mailboxes: Vec<MailboxId>,
    /// The addresses.
    pub senders: Vec<MailAddress>,
    /// For how many days.
    pub days: u16,
}

impl App {
    /// The tokens of the structure that the person manages.
    pub async fn structure_tokens(
        &self,
        signed: &Signed,
        structure: PartnerId,
        visitor: Visitor,
    ) -> Result<StructureTokens, StructureTokenError> {
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(structure)).await?;
        let Some((partner, _)) = found.filter(|_| manages(&signed.account, structure)) else {
            return Err(self.refuse_tokens(signed, structure, visitor).await);
        };
        let now = self.believed_now()?;
        let all: Vec<(Mailbox, u64)> = self.read_list(&List::Mailboxes, MAILBOXES_MAX).await?;
        let mut mailboxes = Vec::new();
        for (mailbox, _) in all {
            let agreement: Option<(Agreement, u64)> =
                self.read(&Key::Agreement((mailbox.id, structure))).await?;
            if mailbox.takes_deposits()
                && agreement.is_some_and(|(agreement, _)| agreement.in_force(now.day()))
            {
                mailboxes.push(mailbox);
            }
        }
        let clients = self.api_clients().await?.into_iter().filter(|client| client.partner == structure);
        Ok(StructureTokens { partner, clients: clients.collect(), mailboxes })
    }

    /// Makes a token for the structure that the person manages. It is returned once.
    pub async fn make_structure_token(
        &self,
        signed: &Signed,
        structure: PartnerId,
        wanted: WantedToken,
        visitor: Visitor,
    ) -> Result<Token, StructureTokenError> {
        let open = self.structure_tokens(signed, structure, visitor).await?.mailboxes;
        let mailboxes =
            wanted.mailboxes.into_iter().filter(|id| open.iter().any(|mailbox| mailbox.id == *id));
        let new = NewApiClient {
            partner: structure,
            label: wanted.label,
            mailboxes: mailboxes.collect(),
            senders: wanted.senders,
            days: wanted.days,
            certificate: None,
        };
        let by = (Actor::Person(signed.account.person), visitor.web());
        let (_, token) = self.make_api_client(new, by).await?;
        Ok(token.ok_or(AppError::Broken("token"))?)
    }

    /// Revokes a token of the structure that the person manages. Returns whether there was one.
    pub async fn revoke_structure_token(
        &self,
        signed: &Signed,
        structure: PartnerId,
        id: ApiClientId,
        visitor: Visitor,
    ) -> Result<bool, StructureTokenError> {
        let own = self.structure_tokens(signed, structure, visitor).await?.clients;
        if !own.iter().any(|client| client.id == id) {
            return Ok(false);
        }
        let by = (Actor::Person(signed.account.person), visitor.web());
        Ok(self.revoke_api_client(id, by).await?)
    }

    async fn refuse_tokens(
        &self,
        signed: &Signed,
        structure: PartnerId,
        visitor: Visitor,
    ) -> StructureTokenError {
        let (actor, object) = (Actor::Person(signed.account.person), Object::Partner(structure));
        let outcome = Outcome::Refused(RefusalReason::NotEntitled);
        let (at, action) = (self.now().at, Action::AccessRefused);
        match self.log_alone(event(at, actor, action, object, outcome, visitor.web())).await {
            Ok(()) => StructureTokenError::NotEntitled,
            Err(error) => error.into(),
        }
    }
}

fn manages(account: &Account, structure: PartnerId) -> bool {
    account.is_active() && account.role == Role::Gestionnaire && account.partner == Some(structure)
}
