//! Sessions of people who signed in. The cookie holds a random token; the store its hash.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, Millis, SessionId, Timestamp, TokenHash, TransferId};

/// A session ends this long after the sign-in, whatever happens.
pub const SESSION_LIFE: Millis = Millis::hours(12);
/// A session ends when it was not used for this long.
pub const SESSION_IDLE: Millis = Millis::hours(2);
/// How many transfers a session remembers to have opened; older ones ask for the button again.
const OPENED_MAX: usize = 500;

/// How a person signed in.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SignInWay {
    /// With the password, and a code where the account asks for one.
    #[default]
    Password,
    /// With a passkey.
    Passkey,
    /// By the organisation's own provider.
    Provider,
}

/// Of a session that began before this was noted: no proof of it is recent.
const fn never() -> Timestamp {
    Timestamp(0)
}

/// A signed-in session. Rights are never kept in it: they are read anew at each use (invariant 7).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Session {
    /// Its id, which the log may name.
    pub id: SessionId,
    /// The hash of the cookie's token.
    pub token: TokenHash,
    /// Whose it is.
    pub account: AccountId,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Timestamp,
    /// The transfers that the person opened in it by a POST (invariant 6).
    pub opened: Vec<TransferId>,
    /// When its person was last proved: at the sign-in, or anew before a dangerous act.
    #[serde(default = "never")]
    pub proven_at: Timestamp,
    /// The network address that it began from.
    #[serde(default)]
    pub from: Option<IpAddr>,
    /// How the person signed in.
    #[serde(default)]
    pub way: SignInWay,
    /// How many wrong codes were typed, while the second factor is waited for: until then it opens nothing.
    pub awaits_code: Option<u8>,
}

impl Session {
    /// Whether it is still good.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.began_at + SESSION_LIFE && now < self.used_at + SESSION_IDLE && now >= self.began_at
    }

    /// Whether the use now is worth writing down: once a minute is enough to know that it is idle.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.used_at.until(now) >= Millis::minutes(1)
    }

    /// Remembers that the person opened a transfer.
    pub fn open(&mut self, transfer: TransferId) {
        if !self.opened.contains(&transfer) {
            if self.opened.len() >= OPENED_MAX {
                self.opened.remove(0);
            }
            self.opened.push(transfer);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Token;

    fn session() -> Session {
        Session {
            id: SessionId::new([1; 16]),
            token: Token::new([2; 32]).hash(),
            account: AccountId::new([3; 16]),
            began_at: Timestamp(1000),
            used_at: Timestamp(1000),
            opened: vec![],
            proven_at: Timestamp(1000),
            from: None,
            way: SignInWay::Password,
            awaits_code: None,
        }
    }

    #[test]
    fn a_session_ends_by_age_and_by_disuse_and_never_starts_before_itself() {
        assert!(session().is_live(Timestamp(1000)));
        assert!(!session().is_live(Timestamp(1000) + SESSION_IDLE));
        let used = Session { used_at: Timestamp(1000) + SESSION_LIFE, ..session() };
        assert!(!used.is_live(Timestamp(1000) + SESSION_LIFE));
        assert!(!session().is_live(Timestamp(999)), "a clock that went back opens nothing");
    }

    #[test]
    fn a_session_remembers_a_bounded_number_of_transfers() {
        let mut session = session();
        for n in 0..=500u16 {
            let mut id = [0; 16];
            id[..2].copy_from_slice(&n.to_be_bytes());
            session.open(TransferId::new(id));
        }
        assert_eq!(session.opened.len(), 500);
        assert!(!session.opened.contains(&TransferId::new([0; 16])), "the oldest went");
    }
}
