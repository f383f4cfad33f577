//! Mailboxes: generic ones that partners deposit into, agency ones that cases are dispatched to.

use serde::{Deserialize, Serialize};

use crate::value::{ByteSize, MailAddress, MailboxId, OrganisationId, Slug};
use crate::vault::{Recipient, Sealed};

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxKind {
    /// Partners deposit into it, on its page or by mail (D1, D7).
    Generic,
    /// Cases are dispatched to it (T4).
    Agency,
}

/// Who can open what a mailbox holds (DESIGN: "Mailbox key").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Custody {
    /// The mailbox's identity is wrapped to the gateway's key file: rights protect it, not cryptography.
    Gateway,
}

/// The mailbox's identity, wrapped.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxKey {
    /// Who can unwrap it.
    pub custody: Custody,
    /// What transfers are granted to; logged when it changes, since a swapped recipient would be a theft.
    pub recipient: Recipient,
    /// Wrapped to the gateway's key file.
    pub for_gateway: Sealed,
    /// Wrapped to the organisation's offline recovery identity, if it has one.
    pub for_recovery: Option<Sealed>,
}

/// What a deposit into a mailbox may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositLimits {
    /// Largest file, in bytes.
    pub file: ByteSize,
    /// Largest deposit, in bytes, the running total of its files.
    pub deposit: ByteSize,
    /// Most files.
    pub files: u32,
}

impl Default for DepositLimits {
    fn default() -> Self {
        Self { file: ByteSize::mebibytes(2048), deposit: ByteSize::mebibytes(4096), files: 200 }
    }
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
    /// Its key.
    pub key: MailboxKey,
    /// What a deposit may be.
    pub limits: DepositLimits,
}

impl Mailbox {
    /// Whether partners may deposit into it.
    pub fn takes_deposits(&self) -> bool {
        self.kind == MailboxKind::Generic
    }
}
