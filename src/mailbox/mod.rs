//! Mailboxes: generic ones that partners deposit into, agency ones that cases are dispatched to.

mod key;
mod limits;
mod pulse;

use serde::{Deserialize, Serialize};

pub use key::{Custody, FORMER_KEYS_MAX, FormerKey, KeyRotation, MailboxKey, MemberWrap};
pub use limits::{DepositLimits, FILE_MOST, LimitsChange, LimitsError};
pub use pulse::{ASKED_AGAIN_AFTER, COMES_BACK_WITHIN, Pulse};

use crate::value::{MailAddress, MailboxId, OrganisationId, Slug};

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxKind {
    /// Partners deposit into it, on its page or by mail (D1, D7).
    Generic,
    /// Cases are dispatched to it (T4).
    Agency,
}

/// A mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Mailbox {
    /// Its id.
    pub id: MailboxId,
    /// The fund that runs it.
    pub organisation: OrganisationId,
    /// Its part of the deposit page's address, and the name that policy files know it by.
    pub slug: Slug,
    /// What it is for.
    pub kind: MailboxKind,
    /// Its name as people know it.
    pub name: String,
    /// What to deposit here, one sentence for the page.
    pub purpose: String,
    /// Its address at the gateway, which takes deposits.
    pub deposit_address: MailAddress,
    /// Where notices go: the shared mailbox of the team. Never the deposit address (invariant 10).
    pub notice_address: MailAddress,
    /// Who is told when a notice does not arrive there; neither a deposit address nor the notice address.
    #[serde(default)]
    pub second_notice_address: Option<MailAddress>,
    /// Its key.
    pub key: MailboxKey,
    /// What a deposit may be.
    pub limits: DepositLimits,
    /// For how many days what its members send can be opened, unless they choose otherwise; none is the policy's (V2).
    #[serde(default)]
    pub validity_days: Option<u8>,
}

impl Mailbox {
    /// Whether its notices go to this address, the first or the second.
    pub fn receives_notices_at(&self, address: &MailAddress) -> bool {
        self.notice_address == *address || self.second_notice_address.as_ref() == Some(address)
    }

    /// Whether partners may deposit into it.
    pub fn takes_deposits(&self) -> bool {
        self.kind == MailboxKind::Generic
    }
}
