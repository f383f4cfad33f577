//! The mailed link by which its owner activates a new account, or chooses a password anew (P2). Fetching it does nothing; the
//! POST that sets the password uses it up, and all others of the account with it (invariant 6).

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, Timestamp, TokenHash};

/// What a link is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum LinkPurpose {
    /// A new account is activated.
    Activation,
    /// A forgotten password is chosen anew.
    Reset,
}

/// A link to one account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountLink {
    /// The hash of its token.
    pub token: TokenHash,
    /// The account; none of a link that was asked for an address without one, and then no mail went out: the record is there
    /// so that the same work was done (invariant 8).
    pub account: Option<AccountId>,
    /// What it is for.
    pub purpose: LinkPurpose,
    /// When it was made.
    pub made_at: Timestamp,
    /// The first instant at which it is good no more.
    pub until: Timestamp,
}

impl AccountLink {
    /// Whether it is good now.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.account.is_some() && now >= self.made_at && now < self.until
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Token;

    #[test]
    fn a_link_is_good_in_its_time_and_for_an_account() {
        let link = AccountLink {
            token: Token::new([1; 32]).hash(),
            account: Some(AccountId::new([2; 16])),
            purpose: LinkPurpose::Reset,
            made_at: Timestamp(10),
            until: Timestamp(20),
        };
        assert!(link.is_live(Timestamp(10)) && link.is_live(Timestamp(19)));
        assert!(!link.is_live(Timestamp(20)) && !link.is_live(Timestamp(9)));
        assert!(!AccountLink { account: None, ..link }.is_live(Timestamp(15)));
    }
}
