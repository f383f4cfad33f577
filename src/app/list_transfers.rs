//! The agent's list: the transfers of each mailbox that the person may read, with what is new and what expires soon.

use super::ports::{Key, List};
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::identity::Account;
use crate::mailbox::{Custody, Mailbox};
use crate::transfer::{HeldDeposit, Transfer};
use crate::value::{AccountId, MailboxId, Slug, Timestamp};

/// How many transfers of a mailbox one page shows; more where more came in one instant.
const SHOWN_MAX: usize = 200;

/// A page of one mailbox's list, further back than the newest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OlderTransfers {
    /// The mailbox, by its slug.
    pub mailbox: Slug,
    /// Only transfers that were received before this.
    pub before: Timestamp,
}

/// A mailbox with its transfers.
#[derive(Debug)]
pub struct ListedMailbox {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// Its live transfers, newest first.
    pub transfers: Vec<ListedTransfer>,
    /// Deposits that wait for their scan, oldest first; on the newest page only.
    pub held: Vec<HeldDeposit>,
    /// More deposits wait than are listed.
    pub more_held: bool,
    /// The instant before which the next page's transfers were received, if there is a next page.
    pub older: Option<Timestamp>,
    /// The person is entitled, and no member has opened the mailbox to the person yet.
    pub waits: bool,
    /// Since when notices do not reach it, if they do not.
    pub unreachable_since: Option<Timestamp>,
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
    /// Lists what the person may read now: the newest of every mailbox, or a page further back of one. Logged, as every
    /// reading is (S2).
    pub async fn list_transfers(
        &self,
        signed: &Signed,
        page: Option<&OlderTransfers>,
        visitor: Visitor,
    ) -> Result<Vec<ListedMailbox>, AppError> {
        let now = self.believed_now()?;
        let unreachable = self.unreachable_mailboxes().await?;
        let mut listed = Vec::new();
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            let Some((mailbox, _)) = found else { continue };
            if page.is_some_and(|page| page.mailbox != mailbox.slug) {
                continue;
            }
            let (transfers, older) = self.transfers_before(*id, page.map(|page| page.before)).await?;
            let mut lines = Vec::with_capacity(transfers.len());
            for transfer in transfers {
                if transfer.is_live(now) {
                    lines.push(self.listed(transfer).await?);
                }
            }
            let (held, more_held) = match page {
                None => self.held_of(*id).await?,
                Some(_) => (Vec::new(), false),
            };
            let waits = mailbox.key.custody == Custody::Members
                && self.member_wrap(&mailbox, &signed.account).await?.is_none();
            let unreachable_since = unreachable.get(id).copied();
            listed.push(ListedMailbox {
                mailbox,
                transfers: lines,
                held,
                more_held,
                older,
                waits,
                unreachable_since,
            });
        }
        let (actor, object) = (Actor::Person(signed.account.person), Object::Account(signed.account.id));
        self.log_alone(event(now, actor, Action::TransferListed, object, Outcome::Done, visitor.web()))
            .await?;
        Ok(listed)
    }

    /// A page of a mailbox, newest first, and where the next one begins. Transfers of one instant stay on one page, so
    /// that the instant says where the next begins and none is skipped.
    pub(super) async fn transfers_before(
        &self,
        mailbox: MailboxId,
        before: Option<Timestamp>,
    ) -> Result<(Vec<Transfer>, Option<Timestamp>), AppError> {
        let list = List::TransfersOf { mailbox, before };
        let mut limit = SHOWN_MAX;
        loop {
            let found: Vec<(Transfer, u64)> = self.read_list(&list, limit + 1).await?;
            let mut found: Vec<Transfer> = found.into_iter().map(|(transfer, _)| transfer).collect();
            if found.len() <= limit {
                return Ok((found, None));
            }
            let next = found[limit].received_at;
            found.retain(|transfer| transfer.received_at > next);
            if let Some(last) = found.last() {
                let older = last.received_at;
                return Ok((found, Some(older)));
            }
            limit *= 2;
        }
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
