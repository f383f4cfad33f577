//! The agent's list: the transfers of each mailbox that the person may read, with what is new and what expires soon.

use super::ports::{Key, List};
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::identity::Account;
use crate::mailbox::Mailbox;
use crate::transfer::Transfer;
use crate::value::AccountId;

/// How many transfers of a mailbox one page shows.
const SHOWN_MAX: usize = 200;

/// A mailbox with its transfers.
#[derive(Debug)]
pub struct ListedMailbox {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its live transfers, newest first.
    pub transfers: Vec<ListedTransfer>,
}

/// A line of the list.
#[derive(Debug)]
pub struct ListedTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// Who opened it first, by name; none when it is new.
    pub first_opened_by: Option<String>,
}

impl App {
    /// Lists what the person may read now. Logged, as every reading is (S2).
    pub async fn list_transfers(
        &self,
        signed: &Signed,
        visitor: Visitor,
    ) -> Result<Vec<ListedMailbox>, AppError> {
        let now = self.believed_now()?;
        let mut listed = Vec::new();
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            let Some((mailbox, _)) = found else { continue };
            let list = List::TransfersOf { mailbox: *id, before: None };
            let transfers: Vec<(Transfer, u64)> = self.read_list(&list, SHOWN_MAX).await?;
            let mut lines = Vec::with_capacity(transfers.len());
            for (transfer, _) in transfers {
                if transfer.is_live(now) {
                    lines.push(self.listed(transfer).await?);
                }
            }
            listed.push(ListedMailbox { mailbox, transfers: lines });
        }
        let (actor, object) = (Actor::Person(signed.account.person), Object::Account(signed.account.id));
        self.log_alone(event(now, actor, Action::TransferListed, object, Outcome::Done, visitor.web()))
            .await?;
        Ok(listed)
    }

    async fn listed(&self, transfer: Transfer) -> Result<ListedTransfer, AppError> {
        let first_opened_by = match transfer.first_opening {
            Some(opening) => Some(self.name_of_account(opening.by).await?),
            None => None,
        };
        Ok(ListedTransfer { transfer, first_opened_by })
    }

    /// The name of an account's person; empty when the account is gone.
    pub async fn name_of_account(&self, id: AccountId) -> Result<String, AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(id)).await?;
        Ok(found.map(|(account, _)| account.name).unwrap_or_default())
    }
}
