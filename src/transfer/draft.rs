//! Drafts: a deposit in the making. What is already in it is sealed; its identity is wrapped to the draft key of
//! the day it was begun, so that a restart loses nothing and a backup holds nothing in clear.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::{DraftInspection, ObjectLocator};
use crate::mailbox::DepositLimits;
use crate::value::{
    AccountId, ApiClientId, ByteSize, Day, DraftId, Language, MailAddress, MailboxId, Millis, PartnerId,
    PersonId, Reference, Timestamp, TokenHash, TransferId, UploadId,
};
use crate::vault::{Recipient, Sealed};

/// A draft lives this long after its last byte (DESIGN section 5).
pub const DRAFT_LIFE: Millis = Millis::hours(24);

/// What a draft is to become.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "purpose")]
pub enum DraftPurpose {
    /// A deposit by an address that an agreement admits.
    Deposit,
    /// A reply by somebody outside to a transfer of the mailbox.
    Reply {
        /// To which.
        to: TransferId,
    },
    /// A deposit by a partner's software, with a token or certificate.
    Api {
        /// Which software, whose right is read anew at each step.
        client: ApiClientId,
    },
    /// A transfer by a member of the mailbox to people outside.
    Outgoing {
        /// The member, who alone fills it.
        account: AccountId,
        /// The transfer that it answers; none when the member composes a new one.
        answers: Option<TransferId>,
    },
}

/// Where a draft stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum DraftState {
    /// It can be filled and sent.
    Open,
    /// It was sent; a repeat gets the same reference.
    Sent {
        /// The answer.
        reference: Reference,
        /// What it became.
        transfer: TransferId,
    },
}

/// A file that is sealed already.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftPart {
    /// Its number in the draft, from 1, never reused.
    pub number: u32,
    /// Where its segments are kept, in order.
    pub objects: Vec<ObjectLocator>,
    /// Its manifest entry, sealed to the transfer's recipient: the name is in it.
    pub entry: Sealed,
    /// Size in clear.
    pub size: ByteSize,
    /// The upload that it came by, if it came by one.
    pub upload: Option<UploadId>,
}

/// Room that is kept for a file on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reservation {
    /// Its upload.
    pub upload: UploadId,
    /// The number that it will have.
    pub number: u32,
    /// Its size, as announced.
    pub size: ByteSize,
}

/// Why a draft does not take what it is given. The depositor must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DraftError {
    /// It was sent already.
    #[error("the deposit was sent already")]
    AlreadySent,
    /// One file is too large.
    #[error("a file of {actual} is over the limit of {limit}")]
    FileTooLarge {
        /// What is allowed.
        limit: ByteSize,
        /// What was given, at least.
        actual: ByteSize,
    },
    /// All files together are too large.
    #[error("a deposit of {actual} is over the limit of {limit}")]
    DepositTooLarge {
        /// What is allowed.
        limit: ByteSize,
        /// What was given, at least.
        actual: ByteSize,
    },
    /// There are too many files.
    #[error("{limit} files at most")]
    TooManyFiles {
        /// What is allowed.
        limit: u32,
    },
}

/// A deposit in the making.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Draft {
    /// Its id.
    pub id: DraftId,
    /// The hashes of the cookies that open it: one for each browser that followed the link, the newest last.
    pub tokens: Vec<TokenHash>,
    /// What it is to become.
    pub purpose: DraftPurpose,
    /// The mailbox that it is for, or that it is sent from.
    pub mailbox: MailboxId,
    /// The proven address, or the member's.
    pub address: MailAddress,
    /// Its pseudonym in the log.
    pub person: PersonId,
    /// The partner, where an agreement names one.
    pub partner: Option<PartnerId>,
    /// The depositor's language.
    pub language: Language,
    /// The id of the transfer that it will be.
    pub transfer: TransferId,
    /// What its parts are sealed to.
    pub recipient: Recipient,
    /// The transfer's identity, wrapped to the draft key of `key_day`; deleted when the draft is sent.
    pub wrap: Option<Sealed>,
    /// The day of the draft key.
    pub key_day: Day,
    /// The files, by their number.
    pub parts: Vec<DraftPart>,
    /// Room for the files on their way, by their number.
    pub awaited: Vec<Reservation>,
    /// The number of the next file.
    pub next_number: u32,
    /// What is known of its files by inspection.
    pub inspection: DraftInspection,
    /// The form as far as it is filled, sealed to the transfer's recipient.
    #[serde(default)]
    pub form: Option<Sealed>,
    /// When the address was proved in the browser that fills it, or in the one whose draft this one follows; none of what a
    /// member sends, and of a reply.
    #[serde(default)]
    pub proved_at: Option<Timestamp>,
    /// When the last byte came.
    pub touched_at: Timestamp,
    /// Where it stands.
    pub state: DraftState,
}

/// How many browsers may have a draft open; the one that came first makes room.
const BROWSERS_MAX: usize = 4;

impl Draft {
    /// Lets one more browser in.
    pub fn admit(&mut self, token: TokenHash) {
        if self.tokens.len() >= BROWSERS_MAX {
            self.tokens.remove(0);
        }
        self.tokens.push(token);
    }

    /// Whether it can still be filled or its answer seen.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.touched_at + DRAFT_LIFE
    }

    /// The size in clear of its files, those on their way too.
    pub fn total_size(&self) -> ByteSize {
        let awaited = self.awaited.iter().map(|awaited| awaited.size);
        self.parts.iter().map(|part| part.size).chain(awaited).sum()
    }

    /// What the next file may weigh; refuses when there may be none.
    pub fn room(&self, limits: &DepositLimits) -> Result<ByteSize, DraftError> {
        if self.state != DraftState::Open {
            return Err(DraftError::AlreadySent);
        }
        if self.parts.len() + self.awaited.len() >= limits.files as usize {
            return Err(DraftError::TooManyFiles { limit: limits.files });
        }
        let left = limits.deposit.bytes().saturating_sub(self.total_size().bytes());
        Ok(ByteSize(left.min(limits.file.bytes())))
    }

    /// Says which limit a file of at least this size breaks.
    pub fn check_size(&self, limits: &DepositLimits, size: ByteSize) -> Result<(), DraftError> {
        if size > limits.file {
            return Err(DraftError::FileTooLarge { limit: limits.file, actual: size });
        }
        let total = self.total_size() + size;
        if total > limits.deposit {
            return Err(DraftError::DepositTooLarge { limit: limits.deposit, actual: total });
        }
        Ok(())
    }

    /// Says which limit the draft as it is breaks: limits may have been lowered since its files came in.
    pub fn check_whole(&self, limits: &DepositLimits) -> Result<(), DraftError> {
        if self.parts.len() + self.awaited.len() > limits.files as usize {
            return Err(DraftError::TooManyFiles { limit: limits.files });
        }
        let awaited = self.awaited.iter().map(|awaited| awaited.size);
        let sizes = self.parts.iter().map(|part| part.size).chain(awaited);
        if let Some(actual) = sizes.max().filter(|largest| *largest > limits.file) {
            return Err(DraftError::FileTooLarge { limit: limits.file, actual });
        }
        let actual = self.total_size();
        if actual > limits.deposit {
            return Err(DraftError::DepositTooLarge { limit: limits.deposit, actual });
        }
        Ok(())
    }

    /// Takes a sealed file in, under the limits as they are now: two uploads at once cannot pass together what
    /// one of them could not. Returns its number.
    pub fn add(
        &mut self,
        limits: &DepositLimits,
        objects: Vec<ObjectLocator>,
        entry: Sealed,
        size: ByteSize,
        now: Timestamp,
    ) -> Result<u32, DraftError> {
        self.room(limits)?;
        self.check_size(limits, size)?;
        let number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        self.parts.push(DraftPart { number, objects, entry, size, upload: None });
        self.touched_at = now;
        Ok(number)
    }

    /// Keeps room for a file on its way: its whole size counts from now on, so that uploads side by side cannot pass
    /// together what one of them could not. Returns the number that it will have.
    pub fn reserve(
        &mut self,
        limits: &DepositLimits,
        upload: UploadId,
        size: ByteSize,
        now: Timestamp,
    ) -> Result<u32, DraftError> {
        self.room(limits)?;
        self.check_size(limits, size)?;
        let number = self.next_number;
        self.next_number = self.next_number.saturating_add(1);
        self.awaited.push(Reservation { upload, number, size });
        self.touched_at = now;
        Ok(number)
    }

    /// Gives up the room of an upload; none when none was kept.
    pub fn release(&mut self, upload: UploadId) -> Result<Option<Reservation>, DraftError> {
        if self.state != DraftState::Open {
            return Err(DraftError::AlreadySent);
        }
        let place = self.awaited.iter().position(|awaited| awaited.upload == upload);
        Ok(place.map(|place| self.awaited.remove(place)))
    }

    /// An upload is whole: its room becomes a file. None when its room was given up meanwhile.
    pub fn complete(
        &mut self,
        upload: UploadId,
        objects: Vec<ObjectLocator>,
        entry: Sealed,
        now: Timestamp,
    ) -> Result<Option<u32>, DraftError> {
        let Some(Reservation { number, size, .. }) = self.release(upload)? else { return Ok(None) };
        let place = self.parts.partition_point(|part| part.number < number);
        self.parts.insert(place, DraftPart { number, objects, entry, size, upload: Some(upload) });
        self.touched_at = now;
        Ok(Some(number))
    }

    /// Takes a file out; returns it so that its object can be erased.
    pub fn remove(&mut self, number: u32) -> Result<Option<DraftPart>, DraftError> {
        if self.state != DraftState::Open {
            return Err(DraftError::AlreadySent);
        }
        let place = self.parts.iter().position(|part| part.number == number);
        Ok(place.map(|place| self.parts.remove(place)))
    }

    /// Marks it as sent: its parts belong to the transfer now, and its wrap is deleted, so that from here on only a
    /// grant opens them.
    pub fn send(&mut self, reference: Reference) -> Result<(), DraftError> {
        if self.state != DraftState::Open {
            return Err(DraftError::AlreadySent);
        }
        self.parts.clear();
        self.awaited.clear();
        self.form = None;
        self.wrap = None;
        self.state = DraftState::Sent { reference, transfer: self.transfer };
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Token;
    use crate::vault::{Identity, seal, wrap_identity};

    const LIMITS: DepositLimits =
        DepositLimits { file: ByteSize(100), deposit: ByteSize(150), files: 2, hourly: ByteSize(1000) };

    fn draft() -> Draft {
        let (transfer, day) = (Identity::generate(), Identity::generate());
        Draft {
            id: DraftId::new([1; 16]),
            tokens: vec![Token::new([1; 32]).hash()],
            purpose: DraftPurpose::Deposit,
            mailbox: MailboxId::new([2; 16]),
            address: MailAddress::parse("jeanne.martin@departement.example").unwrap(),
            person: PersonId::new([3; 16]),
            partner: Some(PartnerId::new([4; 16])),
            language: Language::Fr,
            transfer: TransferId::new([5; 16]),
            recipient: transfer.recipient(),
            wrap: Some(wrap_identity(&day.recipient(), &transfer).unwrap()),
            key_day: Day(1),
            parts: vec![],
            awaited: vec![],
            next_number: 1,
            inspection: DraftInspection::default(),
            form: None,
            proved_at: None,
            touched_at: Timestamp(0),
            state: DraftState::Open,
        }
    }

    fn add(draft: &mut Draft, size: u64) -> Result<u32, DraftError> {
        let entry = seal(&draft.recipient, b"{}").unwrap();
        draft.add(&LIMITS, vec![ObjectLocator("x".into())], entry, ByteSize(size), Timestamp(9))
    }

    #[test]
    fn the_running_total_is_what_counts_not_each_file() {
        let mut draft = draft();
        assert_eq!(draft.room(&LIMITS), Ok(ByteSize(100)));
        assert_eq!(add(&mut draft, 100), Ok(1));
        assert_eq!(draft.room(&LIMITS), Ok(ByteSize(50)));
        let refused = DraftError::DepositTooLarge { limit: ByteSize(150), actual: ByteSize(151) };
        assert_eq!(add(&mut draft, 51), Err(refused));
        assert_eq!(add(&mut draft, 50), Ok(2));
        assert_eq!(add(&mut draft, 0), Err(DraftError::TooManyFiles { limit: 2 }));
    }

    #[test]
    fn one_file_over_its_own_limit_is_told_that_limit() {
        let refused = DraftError::FileTooLarge { limit: ByteSize(100), actual: ByteSize(101) };
        assert_eq!(add(&mut draft(), 101), Err(refused));
    }

    #[test]
    fn a_number_is_never_used_twice() {
        let mut draft = draft();
        assert_eq!(add(&mut draft, 1), Ok(1));
        assert!(draft.remove(1).unwrap().is_some());
        assert!(draft.remove(1).unwrap().is_none());
        assert_eq!(add(&mut draft, 1), Ok(2));
    }

    #[test]
    fn a_file_on_its_way_counts_whole_from_its_first_byte() {
        let mut draft = draft();
        let (first, second) = (UploadId::new([1; 16]), UploadId::new([2; 16]));
        assert_eq!(draft.reserve(&LIMITS, first, ByteSize(100), Timestamp(1)), Ok(1));
        let refused = DraftError::DepositTooLarge { limit: ByteSize(150), actual: ByteSize(151) };
        assert_eq!(draft.reserve(&LIMITS, second, ByteSize(51), Timestamp(1)), Err(refused));
        assert_eq!(add(&mut draft, 51), Err(refused), "whichever way it comes");
        assert_eq!(add(&mut draft, 10), Ok(2));
        assert_eq!(
            draft.reserve(&LIMITS, second, ByteSize(1), Timestamp(1)),
            Err(DraftError::TooManyFiles { limit: 2 })
        );
        let entry = seal(&draft.recipient, b"{}").unwrap();
        assert_eq!(draft.complete(first, vec![], entry.clone(), Timestamp(5)), Ok(Some(1)));
        assert_eq!(
            draft.parts.iter().map(|part| part.number).collect::<Vec<_>>(),
            [1, 2],
            "in the order of their beginning"
        );
        assert_eq!(draft.complete(first, vec![], entry, Timestamp(5)), Ok(None));
        assert_eq!(draft.total_size(), ByteSize(110));
    }

    #[test]
    fn limits_that_are_lowered_hold_for_what_is_in_already() {
        let mut draft = draft();
        add(&mut draft, 90).unwrap();
        draft.reserve(&LIMITS, UploadId::new([1; 16]), ByteSize(60), Timestamp(1)).unwrap();
        assert_eq!(draft.check_whole(&LIMITS), Ok(()));
        let lowered = |change: fn(&mut DepositLimits)| {
            let mut limits = LIMITS;
            change(&mut limits);
            limits
        };
        let file = lowered(|limits| limits.file = ByteSize(89));
        let (limit, actual) = (ByteSize(89), ByteSize(90));
        assert_eq!(draft.check_whole(&file), Err(DraftError::FileTooLarge { limit, actual }));
        let deposit = lowered(|limits| limits.deposit = ByteSize(149));
        let (limit, actual) = (ByteSize(149), ByteSize(150));
        assert_eq!(draft.check_whole(&deposit), Err(DraftError::DepositTooLarge { limit, actual }));
        let files = lowered(|limits| limits.files = 1);
        assert_eq!(draft.check_whole(&files), Err(DraftError::TooManyFiles { limit: 1 }));
    }

    #[test]
    fn room_that_is_given_up_is_there_again() {
        let mut draft = draft();
        let upload = UploadId::new([1; 16]);
        draft.reserve(&LIMITS, upload, ByteSize(100), Timestamp(1)).unwrap();
        assert!(draft.release(upload).unwrap().is_some());
        assert!(draft.release(upload).unwrap().is_none());
        assert_eq!(draft.room(&LIMITS), Ok(ByteSize(100)));
        draft.send(Reference::new([0; 8])).unwrap();
        assert_eq!(draft.release(upload), Err(DraftError::AlreadySent));
    }

    #[test]
    fn what_was_sent_takes_nothing_more() {
        let mut draft = draft();
        draft.send(Reference::new([0; 8])).unwrap();
        assert_eq!(draft.send(Reference::new([1; 8])), Err(DraftError::AlreadySent));
        assert_eq!(add(&mut draft, 1), Err(DraftError::AlreadySent));
        assert_eq!(draft.remove(1), Err(DraftError::AlreadySent));
    }

    #[test]
    fn a_second_browser_does_not_shut_the_first_one_out() {
        let mut draft = draft();
        let first = Token::new([1; 32]).hash();
        for browser in 2..=4 {
            draft.admit(Token::new([browser; 32]).hash());
            assert!(draft.tokens.contains(&first));
        }
        draft.admit(Token::new([5; 32]).hash());
        assert!(!draft.tokens.contains(&first), "four browsers are enough for one deposit");
    }

    #[test]
    fn a_draft_lives_a_day_after_its_last_byte() {
        let mut draft = draft();
        assert!(!draft.is_live(Timestamp(0) + DRAFT_LIFE));
        add(&mut draft, 1).unwrap();
        assert!(draft.is_live(Timestamp(0) + DRAFT_LIFE));
    }
}
