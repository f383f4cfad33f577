//! The page of a structure's tokens.

use askama::Template;

use super::Frame;
use crate::value::Timestamp;
use crate::web::texts::TokenWords;

/// `GET /structures/{structure}/jetons`, and the answers to its form.
#[derive(Debug, Clone, Template)]
#[template(path = "tokens.html")]
pub struct TokensPage {
    /// What stands around.
    pub frame: Frame,
    /// The structure's id, for the forms.
    pub structure: String,
    /// Its name.
    pub name: String,
    /// Its tokens and certificates.
    pub rows: Vec<TokenRow>,
    /// The mailboxes that are open to it.
    pub mailboxes: Vec<TokenMailbox>,
    /// The label as it was typed.
    pub label: String,
    /// The addresses as they were typed.
    pub senders: String,
    /// The days as they were typed.
    pub days: String,
    /// What to say above the list.
    pub notice: Option<TokenNotice>,
}

/// A token or certificate.
#[derive(Debug, Clone)]
pub struct TokenRow {
    /// What the form names it by.
    pub id: String,
    /// What people call it.
    pub label: String,
    /// It is a certificate.
    pub by_certificate: bool,
    /// Its mailboxes.
    pub mailboxes: String,
    /// Its addresses.
    pub senders: String,
    /// Until when it is good.
    pub expires_at: Timestamp,
    /// When it was last used.
    pub used_at: Option<Timestamp>,
}

/// A mailbox that can be chosen.
#[derive(Debug, Clone)]
pub struct TokenMailbox {
    /// Its id.
    pub id: String,
    /// Its name.
    pub name: String,
    /// It was chosen.
    pub chosen: bool,
}

/// What the page has to say of the last step.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TokenNotice {
    /// One was made: it is shown this once.
    Made {
        /// The token.
        token: String,
    },
    /// One was revoked.
    Revoked,
    /// It has no name.
    NoLabel,
    /// An address is none of the structure's.
    Address {
        /// Which.
        text: String,
    },
    /// The days are not 1 to 730.
    Days,
    /// No mailbox or no address was chosen.
    Nothing,
}

impl TokensPage {
    fn own(&self) -> TokenWords {
        TokenWords::of(self.frame.language)
    }

    fn words(&self, notice: &TokenNotice) -> String {
        let t = self.own();
        match notice {
            TokenNotice::Made { .. } => t.made,
            TokenNotice::Revoked => t.revoked,
            TokenNotice::NoLabel => t.no_label,
            TokenNotice::Address { text } => return format!("{} {text}", t.address_wrong),
            TokenNotice::Days => t.days_wrong,
            TokenNotice::Nothing => t.nothing,
        }
        .to_owned()
    }

    fn refused(&self) -> bool {
        !matches!(self.notice, None | Some(TokenNotice::Made { .. } | TokenNotice::Revoked))
    }

    fn made(&self) -> Option<&str> {
        match &self.notice {
            Some(TokenNotice::Made { token }) => Some(token),
            _ => None,
        }
    }
}
