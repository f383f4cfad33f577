//! The agent's list: the transfers of each mailbox that the person may read, with what is new and what expires soon.

use super::ports::{Key, List};
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::mailbox::Mailbox;
use crate::transfer::Transfer;

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
}

impl App {
    /// Lists what the person may read now. Logged, as every reading is (S2).
    pub async fn list_transfers(
        &self,
        signed: &Signed,
        visitor: Visitor,
    ) -> Result<Vec<ListedMailbox>, AppError> {
        let now = self.now();
        let mut listed = Vec::new();
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            let Some((mailbox, _)) = found else { continue };
            let list = List::TransfersOf { mailbox: *id, before: None };
            let transfers: Vec<(Transfer, u64)> = self.read_list(&list, SHOWN_MAX).await?;
            let live = transfers
                .into_iter()
                .map(|(transfer, _)| transfer)
                .filter(|transfer| transfer.is_live(now.at));
            listed.push(ListedMailbox {
                mailbox,
                transfers: live.map(|transfer| ListedTransfer { transfer }).collect(),
            });
        }
        let (actor, object) = (Actor::Person(signed.account.person), Object::Account(signed.account.id));
        self.log_alone(event(now.at, actor, Action::TransferListed, object, Outcome::Done, visitor.web()))
            .await?;
        Ok(listed)
    }
}
