//! The page of one's own passkeys.

use askama::Template;

use super::Frame;
use crate::value::Timestamp;
use crate::web::texts::PasskeyWords;

/// `GET /compte/cles-acces`, and the answers to its forms when they are refused.
#[derive(Debug, Clone, Template)]
#[template(path = "passkeys.html")]
pub struct PasskeysPage {
    /// What stands around.
    pub frame: Frame,
    /// The passkeys, oldest first.
    pub passkeys: Vec<PasskeyRow>,
    /// Whether the person has a key that a passkey could open.
    pub has_vault: bool,
    /// Whether it is open in this session.
    pub vault_open: bool,
    /// Whether this gateway's address can have passkeys.
    pub available: bool,
    /// What to say above the list.
    pub notice: Option<PasskeyNotice>,
}

/// A passkey.
#[derive(Debug, Clone)]
pub struct PasskeyRow {
    /// What the form names it by.
    pub id: String,
    /// Its name.
    pub name: String,
    /// When it was added.
    pub added_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
    /// Whether it opens the vault.
    pub opens_vault: bool,
}

/// What the page has to say of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum PasskeyNotice {
    /// One was added.
    Added,
    /// One was removed.
    Removed,
    /// The ceremony was over, or did not hold.
    Over,
    /// It is there already.
    Known,
    /// There are as many as may be.
    TooMany,
    /// It has no name.
    NoName,
}

impl PasskeysPage {
    fn own(&self) -> PasskeyWords {
        PasskeyWords::of(self.frame.language)
    }

    fn words(&self, notice: PasskeyNotice) -> &'static str {
        let t = self.own();
        match notice {
            PasskeyNotice::Added => t.added,
            PasskeyNotice::Removed => t.removed,
            PasskeyNotice::Over => t.over,
            PasskeyNotice::Known => t.known,
            PasskeyNotice::TooMany => t.too_many,
            PasskeyNotice::NoName => t.no_name,
        }
    }

    fn refused(&self) -> bool {
        !matches!(self.notice, None | Some(PasskeyNotice::Added | PasskeyNotice::Removed))
    }
}
