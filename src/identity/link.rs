//! Links to people outside (T5, T9, V4): who a link is for, the second step that it asks for, and the short session that
//! follows. The link alone opens nothing: a code is mailed to the same address at the moment of opening and works in the
//! browser that asked, or the sender told a password by another way.
//!
//! Nothing here mails, opens or counts a network's tries.

use serde::{Deserialize, Serialize};

use super::account::PasswordHash;
use super::proof::{CODE_TRIES, PROOF_LIFE, ProofCode};
use crate::value::{
    Digest, Language, LinkId, MailAddress, MailboxId, Millis, PersonId, ProofId, Timestamp, TokenHash,
    TransferId,
};
use crate::vault::{LinkGrant, Recipient, Sealed};

/// How long a person reads after the second step, whatever happens.
pub const LINK_SESSION_LIFE: Millis = Millis::hours(2);
/// How many codes of one link are good at a time: who holds the link cannot fill the recipient's mailbox.
pub const LINK_CODES_AT_ONCE: usize = 5;
/// How many wrong passwords a link takes within [`PROOF_LIFE`]; then it waits, and is never locked for good.
const WRONG_PASSWORDS_MAX: usize = 5;

/// A password that the sender tells by another way.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldPassword {
    /// Tells the right one.
    pub hash: PasswordHash,
    /// What the identity that it gives seals for.
    pub recipient: Recipient,
}

/// A code that was mailed when somebody pressed the link's button.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct CodeChallenge {
    /// Its id, which the keyed digest of the code is bound to.
    pub id: ProofId,
    /// The keyed digest of the code.
    pub code: Digest,
    /// Codes that may still be tried.
    pub tries_left: u8,
    /// The hash of the cookie of the browser that asked: the code works there only.
    pub browser: TokenHash,
    /// When it was asked for.
    pub asked_at: Timestamp,
}

/// Why a second step is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepRefusal {
    /// Wrong; some tries are left.
    Wrong,
    /// Too late, too often, or in another browser.
    Ended,
}

/// A link to one person outside.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecipientLink {
    /// Its id, which pages name.
    pub id: LinkId,
    /// The transfer that it leads to.
    pub transfer: TransferId,
    /// The mailbox that sent it.
    pub mailbox: MailboxId,
    /// The hash of the link's token.
    pub token: TokenHash,
    /// Whom it is for.
    pub address: MailAddress,
    /// The address's pseudonym in the log.
    pub person: PersonId,
    /// The language of its letters.
    pub language: Language,
    /// The transfer's identity, for who has the link and took the second step.
    pub grant: LinkGrant,
    /// The told password; none where a code is mailed.
    pub told: Option<ToldPassword>,
    /// Codes that were mailed and may still be good.
    pub challenges: Vec<CodeChallenge>,
    /// When wrong passwords were typed, as far as it still counts.
    pub wrong_passwords: Vec<Timestamp>,
    /// When the person first opened it.
    pub opened_at: Option<Timestamp>,
    /// When the person first downloaded something of it.
    pub downloaded_at: Option<Timestamp>,
    /// When the sender was last told of a download.
    #[serde(default)]
    pub told_download_at: Option<Timestamp>,
}

/// A person outside who took the second step.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkSession {
    /// The hash of the cookie's token.
    pub token: TokenHash,
    /// The link.
    pub link: LinkId,
    /// Its transfer.
    pub transfer: TransferId,
    /// When it began.
    pub began_at: Timestamp,
    /// What the person brought along, sealed to what only the cookie gives.
    pub keys: Sealed,
}

impl RecipientLink {
    /// Takes a new code up; false when enough are good already.
    pub fn challenge(&mut self, challenge: CodeChallenge, now: Timestamp) -> bool {
        self.challenges.retain(|known| is_recent(known.asked_at, now));
        let room = self.challenges.len() < LINK_CODES_AT_ONCE;
        if room {
            self.challenges.push(challenge);
        }
        room
    }

    /// Tries a typed code; a wrong one costs a try of the browser's challenge, the right one uses it up.
    pub fn try_code(
        &mut self,
        key: &[u8; 32],
        browser: TokenHash,
        typed: &str,
        now: Timestamp,
    ) -> Result<(), StepRefusal> {
        let digits: String = typed.chars().filter(char::is_ascii_digit).take(16).collect();
        let mine = |known: &CodeChallenge| known.browser == browser && is_recent(known.asked_at, now);
        let place = self.challenges.iter().rposition(mine).ok_or(StepRefusal::Ended)?;
        let challenge = &mut self.challenges[place];
        if challenge.tries_left == 0 {
            return Err(StepRefusal::Ended);
        }
        if ProofCode::typed(digits).digest(key, challenge.id) == challenge.code {
            self.challenges.remove(place);
            return Ok(());
        }
        challenge.tries_left -= 1;
        Err(if challenge.tries_left == 0 { StepRefusal::Ended } else { StepRefusal::Wrong })
    }

    /// Whether a password may be tried now.
    pub fn takes_password(&self, now: Timestamp) -> bool {
        self.wrong_passwords.iter().filter(|at| is_recent(**at, now)).count() < WRONG_PASSWORDS_MAX
    }

    /// Notes a wrong password.
    pub fn note_wrong_password(&mut self, now: Timestamp) {
        self.wrong_passwords.retain(|at| is_recent(*at, now));
        self.wrong_passwords.push(now);
    }
}

impl CodeChallenge {
    /// A challenge that was just asked for.
    pub fn new(id: ProofId, code: Digest, browser: TokenHash, asked_at: Timestamp) -> Self {
        Self { id, code, tries_left: CODE_TRIES, browser, asked_at }
    }
}

impl LinkSession {
    /// Whether it is still good. A clock that went back opens nothing.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now >= self.began_at && now < self.began_at + LINK_SESSION_LIFE
    }
}

fn is_recent(at: Timestamp, now: Timestamp) -> bool {
    now >= at && now < at + PROOF_LIFE
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Day, Token};
    use crate::vault::{Identity, LinkTerms};

    const KEY: [u8; 32] = [7; 32];

    fn link() -> RecipientLink {
        let (transfer, link) = (TransferId::new([1; 16]), LinkId::new([2; 16]));
        let terms = LinkTerms { transfer, link, day: Day(1) };
        let any = Identity::generate();
        RecipientLink {
            id: link,
            transfer,
            mailbox: MailboxId::new([3; 16]),
            token: Token::new([4; 32]).hash(),
            address: MailAddress::parse("jeanne.martin@departement.example").unwrap(),
            person: PersonId::new([5; 16]),
            language: Language::Fr,
            grant: LinkGrant::new(terms, &any, &any.recipient(), None, &any.recipient()).unwrap(),
            told: None,
            challenges: Vec::new(),
            wrong_passwords: Vec::new(),
            opened_at: None,
            downloaded_at: None,
            told_download_at: None,
        }
    }

    fn ask(link: &mut RecipientLink, browser: u8, code: &ProofCode, now: i64) -> bool {
        let id = ProofId::new([browser; 16]);
        let browser = Token::new([browser; 32]).hash();
        link.challenge(CodeChallenge::new(id, code.digest(&KEY, id), browser, Timestamp(now)), Timestamp(now))
    }

    #[test]
    fn a_code_works_once_in_the_browser_that_asked_and_five_wrong_ones_end_it() {
        let (mut link, code) = (link(), ProofCode::new([0, 0, 0, 0, 0, 0, 0, 42]));
        assert!(ask(&mut link, 1, &code, 0));
        let (mine, other) = (Token::new([1; 32]).hash(), Token::new([9; 32]).hash());
        assert_eq!(link.try_code(&KEY, other, "00000042", Timestamp(1)), Err(StepRefusal::Ended));
        assert_eq!(link.try_code(&KEY, mine, "0000 0042", Timestamp(1)), Ok(()));
        assert_eq!(link.try_code(&KEY, mine, "0000 0042", Timestamp(1)), Err(StepRefusal::Ended), "used up");
        assert!(ask(&mut link, 1, &code, 2));
        for _ in 0..4 {
            assert_eq!(link.try_code(&KEY, mine, "12345678", Timestamp(3)), Err(StepRefusal::Wrong));
        }
        assert_eq!(link.try_code(&KEY, mine, "12345678", Timestamp(3)), Err(StepRefusal::Ended));
        assert_eq!(link.try_code(&KEY, mine, "00000042", Timestamp(3)), Err(StepRefusal::Ended));
    }

    #[test]
    fn a_code_is_good_for_fifteen_minutes_and_a_link_asks_for_no_flood_of_them() {
        let (mut link, code) = (link(), ProofCode::new([0; 8]));
        for browser in 1..=5 {
            assert!(ask(&mut link, browser, &code, 0));
        }
        assert!(!ask(&mut link, 6, &code, 1), "five at a time");
        let late = Timestamp(PROOF_LIFE.0);
        let mine = Token::new([1; 32]).hash();
        assert_eq!(link.try_code(&KEY, mine, "00000000", late), Err(StepRefusal::Ended));
        assert!(ask(&mut link, 6, &code, late.0), "and then again");
    }

    #[test]
    fn after_five_wrong_passwords_a_link_waits_and_is_never_locked_for_good() {
        let mut link = link();
        for at in 0..5 {
            assert!(link.takes_password(Timestamp(at)));
            link.note_wrong_password(Timestamp(at));
        }
        assert!(!link.takes_password(Timestamp(5)));
        assert!(link.takes_password(Timestamp(0) + PROOF_LIFE));
    }
}
