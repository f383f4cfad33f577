//! Puts names in the place of pseudonyms, at the time of looking: from the table of persons and from the records that
//! still exist. What was erased shows as its pseudonym (S5). Nothing of it is kept.

use std::collections::HashMap;

use crate::app::ports::{Key, List, PersonName};
use crate::app::{App, AppError};
use crate::audit::{Actor, Event, Object};
use crate::identity::{Account, Partner};
use crate::mailbox::Mailbox;
use crate::transfer::{RegisterLine, Transfer};
use crate::value::{AccountId, MailboxId, PartnerId, PersonId, TransferId};

/// How many names one run keeps at hand; an export of a long log looks names up again rather than keep them all.
const NAMES_KEPT_MAX: usize = 10_000;

/// A person as an officer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Named {
    /// The pseudonym in the log.
    pub person: PersonId,
    /// The address; none once the name was erased.
    pub address: Option<String>,
    /// First and last name, of an account's holder.
    pub name: Option<String>,
}

impl Named {
    /// The address, or the pseudonym where the name was erased.
    pub fn shown(&self) -> String {
        self.address.clone().unwrap_or_else(|| self.person.to_string())
    }

    /// « Anne Exemple (anne@fonds.example) »; the address alone of who has no account.
    pub fn in_full(&self) -> String {
        match &self.name {
            Some(name) if Some(name) != self.address.as_ref() => format!("{name} ({})", self.shown()),
            _ => self.shown(),
        }
    }
}

/// What was looked up already.
#[derive(Debug, Default)]
pub(super) struct Names {
    people: HashMap<PersonId, Named>,
    transfers: HashMap<TransferId, Option<String>>,
    mailboxes: HashMap<MailboxId, Option<String>>,
    accounts: HashMap<AccountId, Option<String>>,
    partners: HashMap<PartnerId, Option<String>>,
}

impl Names {
    /// Forgets what is at hand when it is too much.
    pub(super) fn tidy(&mut self) {
        let kept = self.people.len() + self.transfers.len();
        if kept > NAMES_KEPT_MAX {
            *self = Self::default();
        }
    }
}

impl App {
    /// The person behind a pseudonym.
    pub(super) async fn named(&self, person: PersonId, names: &mut Names) -> Result<Named, AppError> {
        if let Some(named) = names.people.get(&person) {
            return Ok(named.clone());
        }
        let found: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
        let mut named = Named { person, address: None, name: None };
        if let Some((found, _)) = found {
            let account: Option<(Account, u64)> =
                self.read_one(&List::AccountByAddress(found.address.clone())).await?;
            named.name = account.map(|(account, _)| account.name);
            named.address = Some(found.address.to_string());
        }
        names.people.insert(person, named.clone());
        Ok(named)
    }

    /// Who acted; none for the gateway itself, its operator, and strangers.
    pub(super) async fn actor_named(
        &self,
        event: &Event,
        names: &mut Names,
    ) -> Result<Option<Named>, AppError> {
        match event.actor {
            Actor::Person(person) => Ok(Some(self.named(person, names).await?)),
            Actor::System | Actor::Operator | Actor::Anonymous => Ok(None),
        }
    }

    /// What was acted upon, in words that a person could look up; none when there are none.
    pub(super) async fn object_named(
        &self,
        event: &Event,
        names: &mut Names,
    ) -> Result<Option<String>, AppError> {
        Ok(match event.object {
            Object::Transfer { transfer, .. }
            | Object::TransferPart { transfer, .. }
            | Object::TransferMail { transfer, .. }
            | Object::Dispatch { transfer, .. } => self.reference_of(transfer, names).await?,
            Object::Mailbox(mailbox) => self.mailbox_named(mailbox, names).await?,
            Object::Account(account) => self.account_named(account, names).await?,
            Object::Membership { account, mailbox } => {
                joined(self.account_named(account, names).await?, self.mailbox_named(mailbox, names).await?)
            }
            Object::Partner(partner) => self.partner_named(partner, names).await?,
            Object::Agreement { partner, mailbox } => {
                joined(self.partner_named(partner, names).await?, self.mailbox_named(mailbox, names).await?)
            }
            Object::Person(person) => Some(self.named(person, names).await?.shown()),
            Object::Day(day) => Some(day.to_string()),
            _ => None,
        })
    }

    /// What people quote of a transfer, while it or its register line exists.
    pub(super) async fn reference_of(
        &self,
        transfer: TransferId,
        names: &mut Names,
    ) -> Result<Option<String>, AppError> {
        if let Some(reference) = names.transfers.get(&transfer) {
            return Ok(reference.clone());
        }
        let live: Option<(Transfer, u64)> = self.read(&Key::Transfer(transfer)).await?;
        let reference = if let Some((transfer, _)) = live {
            Some(transfer.reference.to_string())
        } else {
            let ended: Option<(RegisterLine, u64)> = self.read(&Key::Register(transfer)).await?;
            ended.map(|(line, _)| line.reference.to_string())
        };
        names.transfers.insert(transfer, reference.clone());
        Ok(reference)
    }

    pub(super) async fn mailbox_named(
        &self,
        mailbox: MailboxId,
        names: &mut Names,
    ) -> Result<Option<String>, AppError> {
        if let Some(name) = names.mailboxes.get(&mailbox) {
            return Ok(name.clone());
        }
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
        let name = found.map(|(mailbox, _)| mailbox.name);
        names.mailboxes.insert(mailbox, name.clone());
        Ok(name)
    }

    pub(super) async fn partner_named(
        &self,
        partner: PartnerId,
        names: &mut Names,
    ) -> Result<Option<String>, AppError> {
        if let Some(name) = names.partners.get(&partner) {
            return Ok(name.clone());
        }
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let name = found.map(|(partner, _)| partner.name);
        names.partners.insert(partner, name.clone());
        Ok(name)
    }

    async fn account_named(&self, account: AccountId, names: &mut Names) -> Result<Option<String>, AppError> {
        if let Some(name) = names.accounts.get(&account) {
            return Ok(name.clone());
        }
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let name = found.map(|(account, _)| account.address.to_string());
        names.accounts.insert(account, name.clone());
        Ok(name)
    }
}

fn joined(one: Option<String>, other: Option<String>) -> Option<String> {
    match (one, other) {
        (Some(one), Some(other)) => Some(format!("{one} – {other}")),
        (one, other) => one.or(other),
    }
}
