//! What a partner's software signs in with: a bearer token or a client certificate, for named mailboxes and sender addresses.
//! It deposits and follows its own deposits; it opens nothing. Rights are read anew at each use (invariant 7).

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::value::{
    ApiClientId, Digest, DraftId, MailAddress, MailboxId, Millis, PartnerId, Timestamp, Token, TokenHash,
    TransferId,
};

/// What stands before a token, so that a scan for leaked secrets knows it.
const TOKEN_PREFIX: &str = "pli_";
/// The longest that a token or certificate is good, in days.
pub const CLIENT_DAYS_MAX: u16 = 730;
/// How long a deposit by the API is known to its client, after it was begun: its transfer, and then a margin in which an
/// idempotency key is remembered.
pub const API_DEPOSIT_LIFE: Millis = Millis::days(60);

/// How it proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ClientProof {
    /// A bearer token (RFC 6750), of which the hash is kept.
    Token(TokenHash),
    /// The very certificate that it shows in the TLS handshake: SHA-256 of its DER form.
    Certificate(Digest),
}

impl ClientProof {
    /// What finds its client.
    pub fn digest(&self) -> Digest {
        match self {
            Self::Token(hash) => *hash.as_digest(),
            Self::Certificate(digest) => *digest,
        }
    }
}

/// What a partner's software may do, and with what it proves itself.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiClient {
    /// Its id.
    pub id: ApiClientId,
    /// Whose software it is.
    pub partner: PartnerId,
    /// What people call it: the software, the site.
    pub label: String,
    /// The mailboxes that it may deposit into; an agreement in force is needed too, each time.
    pub mailboxes: BTreeSet<MailboxId>,
    /// The addresses that it may deposit for.
    pub senders: BTreeSet<MailAddress>,
    /// How it proves itself.
    pub proof: ClientProof,
    /// When it was made.
    pub made_at: Timestamp,
    /// From when on it is of no use.
    pub expires_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Option<Timestamp>,
}

impl ApiClient {
    /// Whether it is good now.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.made_at <= now && now < self.expires_at
    }

    /// Whether it may deposit into a mailbox for an address.
    pub fn allows(&self, mailbox: MailboxId, sender: &MailAddress) -> bool {
        self.mailboxes.contains(&mailbox) && self.senders.contains(sender)
    }

    /// Whether the use now is worth writing down.
    pub fn is_stale(&self, now: Timestamp) -> bool {
        self.used_at.is_none_or(|used| used.until(now) >= Millis::minutes(1))
    }
}

/// A token as its software keeps it: `pli_` and 43 characters. Shown once.
pub fn token_text(token: &Token) -> String {
    format!("{TOKEN_PREFIX}{}", token.expose())
}

/// Reads a token; anything else is none.
pub fn read_token(text: &str) -> Option<Token> {
    text.strip_prefix(TOKEN_PREFIX).and_then(Token::parse)
}

/// A deposit that a partner's software began.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ApiDeposit {
    /// Which software.
    pub client: ApiClientId,
    /// The draft; the deposit's id for its software.
    pub draft: DraftId,
    /// What it becomes.
    pub transfer: TransferId,
    /// Into which mailbox.
    pub mailbox: MailboxId,
    /// The keyed digest of the idempotency key that it was begun with, if there was one.
    pub key: Option<Digest>,
    /// The keyed digest of mailbox and address: the same key with another wish is a mistake of the software.
    pub wish: Digest,
    /// When.
    pub begun_at: Timestamp,
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_and_nothing_else_does() {
        let token = Token::new([7; 32]);
        let text = token_text(&token);
        assert_eq!(read_token(&text).unwrap().hash(), token.hash());
        for other in ["", "pli_", &text[4..], &format!("{text}x"), &text.to_uppercase()] {
            assert!(read_token(other).is_none(), "{other}");
        }
    }

    #[test]
    fn it_is_good_from_its_making_to_its_end_for_what_was_named() {
        let sender = MailAddress::parse("cdas@departement.example").unwrap();
        let client = ApiClient {
            id: ApiClientId::new([1; 16]),
            partner: PartnerId::new([2; 16]),
            label: "SI social".into(),
            mailboxes: [MailboxId::new([3; 16])].into(),
            senders: [sender.clone()].into(),
            proof: ClientProof::Token(Token::new([7; 32]).hash()),
            made_at: Timestamp(1000),
            expires_at: Timestamp(2000),
            used_at: None,
        };
        assert!(client.is_live(Timestamp(1000)) && client.is_live(Timestamp(1999)));
        assert!(!client.is_live(Timestamp(2000)) && !client.is_live(Timestamp(999)));
        assert!(client.allows(MailboxId::new([3; 16]), &sender));
        assert!(!client.allows(MailboxId::new([4; 16]), &sender));
        assert!(
            !client.allows(MailboxId::new([3; 16]), &MailAddress::parse("a@departement.example").unwrap())
        );
    }
}
