//! What the store is asked for by the register: the lines of some mailboxes in one order, those of transfers that can still
//! be opened and those that stayed, wherever each is kept.

use crate::transfer::RegisterLine;
use crate::value::{MailboxId, Timestamp};

/// Which lines are asked for: newest first.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterSearch {
    /// Those of these mailboxes, their own and what was dispatched to them; a line that stands in two is told once.
    pub mailboxes: Vec<MailboxId>,
    /// Received at this instant or later.
    pub from: Option<Timestamp>,
    /// Received before this instant.
    pub until: Option<Timestamp>,
    /// Where the page before ended.
    pub after: Option<RegisterPlace>,
}

impl RegisterSearch {
    /// All lines of these mailboxes.
    pub const fn of(mailboxes: Vec<MailboxId>) -> Self {
        Self { mailboxes, from: None, until: None, after: None }
    }
}

/// Where the next page of lines begins: given by the store, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RegisterPlace(pub Vec<u8>);

/// What was found.
#[derive(Debug, Default)]
pub struct RegisterFound {
    /// The lines, each with the place after it.
    pub lines: Vec<(RegisterLine, RegisterPlace)>,
    /// Whether there is nothing more.
    pub is_all: bool,
}
