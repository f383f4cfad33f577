//! Proof of a professional address by a mail: a link, or an eight-digit code typed in the browser that asked
//! (D2, 15 minutes). Fetching the link proves nothing; a person's POST does (invariant 6).

use serde::{Deserialize, Serialize};

use crate::value::{
    Digest, DraftId, Language, MailAddress, MailboxId, Millis, PartnerId, PersonId, ProofId, Timestamp,
    TokenHash, TransferId, keyed_digest,
};

/// How long the link and the code are good to start with (D2).
pub const PROOF_LIFE: Millis = Millis::minutes(15);
/// How many codes may be tried.
pub const CODE_TRIES: u8 = 5;

/// An address that is being proven.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressProof {
    /// Its id.
    pub id: ProofId,
    /// The hash of the link's token.
    pub token: TokenHash,
    /// The keyed digest of the code.
    pub code: Digest,
    /// Codes that may still be tried.
    pub tries_left: u8,
    /// The hash of the cookie of the browser that asked: the code works there only.
    pub browser: TokenHash,
    /// The mailbox that the deposit is for.
    pub mailbox: MailboxId,
    /// The address.
    pub address: MailAddress,
    /// The address's pseudonym in the log.
    pub person: PersonId,
    /// The partner that may deposit with it; none when nobody may, and then no mail went out: the record is
    /// there so that the same work was done (invariant 8).
    pub partner: Option<PartnerId>,
    /// The language of the page that asked.
    pub language: Language,
    /// When it was asked for.
    pub asked_at: Timestamp,
    /// What it opens.
    pub purpose: ProofPurpose,
}

/// What a proof opens, and nothing else.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ProofPurpose {
    /// A draft.
    Deposit {
        /// Which: the one that it opened, so that a second click opens the same one, or one that was asked for by name.
        draft: Option<DraftId>,
    },
    /// The state of what was sent.
    Status(TransferId),
    /// The state of all that the address sent (D11).
    History,
}

/// What became of a typed code.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeAnswer {
    /// It is the one.
    Right,
    /// It is not; this many tries are left.
    Wrong {
        /// Tries left.
        tries_left: u8,
    },
}

impl AddressProof {
    /// Whether link and code are still good, and ever were.
    pub fn is_live(&self, now: Timestamp) -> bool {
        self.partner.is_some() && self.is_in_time(now)
    }

    /// Tries a typed code; a wrong one costs a try. For an address that may not deposit every code is a wrong one,
    /// and is counted like any other: the answers tell nobody who may (invariant 8).
    pub fn try_code(&mut self, key: &[u8; 32], typed: &str, now: Timestamp) -> CodeAnswer {
        let digits: String = typed.chars().filter(char::is_ascii_digit).take(16).collect();
        if self.tries_left == 0 || !self.is_in_time(now) {
            return CodeAnswer::Wrong { tries_left: 0 };
        }
        if ProofCode(digits).digest(key, self.id) == self.code && self.partner.is_some() {
            return CodeAnswer::Right;
        }
        self.tries_left -= 1;
        CodeAnswer::Wrong { tries_left: self.tries_left }
    }

    fn is_in_time(&self, now: Timestamp) -> bool {
        now >= self.asked_at && now < self.asked_at + PROOF_LIFE
    }
}

/// Eight digits that a person reads in a mail and types.
#[derive(Clone)]
pub struct ProofCode(String);

impl ProofCode {
    /// Makes a code of random bits; the bias of 2^64 modulo 10^8 is far below what five tries can use.
    pub fn new(random: [u8; 8]) -> Self {
        Self(format!("{:08}", u64::from_be_bytes(random) % 100_000_000))
    }

    /// The digits that somebody typed.
    pub(super) const fn typed(digits: String) -> Self {
        Self(digits)
    }

    /// The digits, for the mail.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What the store keeps: keyed, since eight digits alone would be guessed from a plain hash.
    pub fn digest(&self, key: &[u8; 32], proof: ProofId) -> Digest {
        keyed_digest(key, &[b"proof-code", proof.as_bytes(), self.0.as_bytes()])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Token;

    const KEY: [u8; 32] = [7; 32];

    fn proof(code: &ProofCode) -> AddressProof {
        let id = ProofId::new([1; 16]);
        AddressProof {
            id,
            token: Token::new([2; 32]).hash(),
            code: code.digest(&KEY, id),
            tries_left: CODE_TRIES,
            browser: Token::new([3; 32]).hash(),
            mailbox: MailboxId::new([4; 16]),
            address: MailAddress::parse("jeanne.martin@departement.example").unwrap(),
            person: PersonId::new([5; 16]),
            partner: Some(PartnerId::new([6; 16])),
            language: Language::Fr,
            asked_at: Timestamp(0),
            purpose: ProofPurpose::Deposit { draft: None },
        }
    }

    #[test]
    fn a_code_typed_with_spaces_is_right_and_five_wrong_ones_end_it() {
        let code = ProofCode::new([0, 0, 0, 0, 0, 0, 0, 42]);
        assert_eq!(code.expose(), "00000042");
        let mut proof = proof(&code);
        assert_eq!(proof.try_code(&KEY, " 0000 0042 ", Timestamp(1)), CodeAnswer::Right);
        for left in (0..5).rev() {
            assert_eq!(
                proof.try_code(&KEY, "12345678", Timestamp(1)),
                CodeAnswer::Wrong { tries_left: left }
            );
        }
        assert_eq!(proof.try_code(&KEY, "00000042", Timestamp(1)), CodeAnswer::Wrong { tries_left: 0 });
    }

    #[test]
    fn who_may_not_deposit_gets_the_answers_of_one_who_typed_a_wrong_code() {
        let code = ProofCode::new([0, 0, 0, 0, 0, 0, 0, 42]);
        let (mut known, mut unknown) = (proof(&code), AddressProof { partner: None, ..proof(&code) });
        for at in [1, 2, 3, 4, 5, 6, PROOF_LIFE.0] {
            let wrong = known.try_code(&KEY, "12345678", Timestamp(at));
            assert_eq!(unknown.try_code(&KEY, "00000042", Timestamp(at)), wrong);
        }
    }

    #[test]
    fn a_proof_is_good_for_fifteen_minutes_and_never_for_one_who_may_not() {
        let proof = proof(&ProofCode::new([0; 8]));
        assert!(proof.is_live(Timestamp(0) + Millis(15 * 60 * 1000 - 1)));
        assert!(!proof.is_live(Timestamp(0) + PROOF_LIFE));
        assert!(!AddressProof { partner: None, ..proof }.is_live(Timestamp(0)));
    }
}
