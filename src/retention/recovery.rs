//! Who may take the keys of the live days out for recovery, and when: two persons, within a day (DESIGN section 4). Only
//! the rules; who a person is, is proved by the use case, and what is taken out is written there.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::audit::{RecoveryPurpose, RefusalReason};
use crate::identity::{Account, Role};
use crate::value::{AccountId, Millis, PersonId, RecoveryId, Timestamp};

/// How long a request can be confirmed, and the keys be exported on it.
pub const RECOVERY_LIFE: Millis = Millis::hours(24);

/// One of the two.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryParty {
    /// The account whose password was typed.
    pub account: AccountId,
    /// The person's pseudonym in the log.
    pub person: PersonId,
    /// Whether it was a security officer's account.
    pub officer: bool,
    /// When.
    pub at: Timestamp,
}

impl RecoveryParty {
    /// The holder of an account; refused when the account may have no part in it: it is cut off, or a partner's.
    pub fn of(account: &Account, at: Timestamp) -> Result<Self, RecoveryRefusal> {
        if !account.is_active() {
            return Err(RecoveryRefusal::CutOff);
        }
        match account.role {
            Role::Gestionnaire | Role::Technicien | Role::Administrator => Err(RecoveryRefusal::NotEntitled),
            Role::Agent | Role::SecurityOfficer => Ok(Self {
                account: account.id,
                person: account.person,
                officer: account.role == Role::SecurityOfficer,
                at,
            }),
        }
    }

    fn is_another_than(&self, other: &Self) -> bool {
        self.account != other.account && self.person != other.person
    }
}

/// A request for the keys of the live days.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecoveryRequest {
    /// What the second person names.
    pub id: RecoveryId,
    /// What for.
    pub purpose: RecoveryPurpose,
    /// Who asked.
    pub asked: RecoveryParty,
    /// Who confirmed.
    pub confirmed: Option<RecoveryParty>,
}

/// Why the keys stay where they are.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum RecoveryRefusal {
    /// Address and password do not go together.
    #[error("address and password do not go together")]
    Credentials,
    /// Too many wrong passwords for this address.
    #[error("too many wrong passwords for this address; wait {minutes} minutes")]
    TooManyTries {
        /// How long, in minutes.
        minutes: u32,
    },
    /// The account is cut off.
    #[error("the account is cut off")]
    CutOff,
    /// A partner's account.
    #[error("only agents and security officers of the organisation have part in a recovery")]
    NotEntitled,
    /// There is no such request.
    #[error("there is no such request; `pli recover list` shows those that are open")]
    Unknown,
    /// It was made more than a day ago.
    #[error("the request is more than 24 hours old; ask anew")]
    Over,
    /// A second person has confirmed already.
    #[error("the request is confirmed already")]
    Confirmed,
    /// Nobody else has confirmed, or the one who asked tries to.
    #[error("a second person is needed: `pli recover confirm` by another account than the one that asked")]
    SecondPerson,
    /// Neither of the two is a security officer.
    #[error("one of the two persons must be a security officer")]
    NoOfficer,
    /// Somebody else than the two.
    #[error("only the two persons who asked and confirmed export the keys")]
    NotOfTheTwo,
    /// The keys go out sealed to the organisation's recovery identity only, and none is configured.
    #[error("the organisation has no recovery recipient in pli.toml: nothing to seal the keys to")]
    NoRecipient,
    /// Too many requests are open.
    #[error("{limit} requests are open; confirm one or wait until they are over")]
    TooMany {
        /// How many may be.
        limit: usize,
    },
}

impl RecoveryRefusal {
    /// What the log says.
    pub const fn reason(self) -> RefusalReason {
        match self {
            Self::Credentials => RefusalReason::CredentialsWrong,
            Self::TooManyTries { .. } => RefusalReason::TooManyTries,
            Self::CutOff => RefusalReason::AccountCutOff,
            Self::NotEntitled | Self::NotOfTheTwo => RefusalReason::NotEntitled,
            Self::Unknown => RefusalReason::NotFound,
            Self::Over => RefusalReason::RecoveryRequestOver,
            Self::Confirmed | Self::NoRecipient => RefusalReason::PolicyDenied,
            Self::SecondPerson | Self::NoOfficer => RefusalReason::SecondPersonNeeded,
            Self::TooMany { .. } => RefusalReason::TooMany,
        }
    }
}

impl RecoveryRequest {
    /// Whether it can no longer be used.
    pub fn is_over(&self, now: Timestamp) -> bool {
        now >= self.ends_at()
    }

    /// When it can no longer be used.
    pub fn ends_at(&self) -> Timestamp {
        self.asked.at + RECOVERY_LIFE
    }

    /// The request, confirmed by a second person.
    pub fn confirmed_by(self, second: RecoveryParty) -> Result<Self, RecoveryRefusal> {
        if self.is_over(second.at) {
            return Err(RecoveryRefusal::Over);
        }
        if self.confirmed.is_some() {
            return Err(RecoveryRefusal::Confirmed);
        }
        if !second.is_another_than(&self.asked) {
            return Err(RecoveryRefusal::SecondPerson);
        }
        if !second.officer && !self.asked.officer {
            return Err(RecoveryRefusal::NoOfficer);
        }
        Ok(Self { confirmed: Some(second), ..self })
    }

    /// The other of the two, when `one` may export the keys now.
    pub fn other_than(&self, one: &RecoveryParty) -> Result<RecoveryParty, RecoveryRefusal> {
        if self.is_over(one.at) {
            return Err(RecoveryRefusal::Over);
        }
        let Some(second) = self.confirmed else { return Err(RecoveryRefusal::SecondPerson) };
        match one.account {
            account if account == self.asked.account => Ok(second),
            account if account == second.account => Ok(self.asked),
            _ => Err(RecoveryRefusal::NotOfTheTwo),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ASKED: Timestamp = Timestamp(1_795_000_000_000);

    fn party(number: u8, officer: bool, at: Timestamp) -> RecoveryParty {
        RecoveryParty {
            account: AccountId::new([number; 16]),
            person: PersonId::new([number; 16]),
            officer,
            at,
        }
    }

    fn asked_by(number: u8, officer: bool) -> RecoveryRequest {
        RecoveryRequest {
            id: RecoveryId::new([9; 16]),
            purpose: RecoveryPurpose::Drill,
            asked: party(number, officer, ASKED),
            confirmed: None,
        }
    }

    #[test]
    fn one_person_is_never_two() {
        let request = asked_by(1, true);
        let same = party(1, true, ASKED);
        assert_eq!(request.clone().confirmed_by(same), Err(RecoveryRefusal::SecondPerson));
        // Another account of the same person.
        let again = RecoveryParty { account: AccountId::new([2; 16]), ..same };
        assert_eq!(request.clone().confirmed_by(again), Err(RecoveryRefusal::SecondPerson));
        assert_eq!(request.other_than(&same), Err(RecoveryRefusal::SecondPerson), "unconfirmed");
    }

    #[test]
    fn one_of_the_two_is_a_security_officer() {
        assert_eq!(asked_by(1, false).confirmed_by(party(2, false, ASKED)), Err(RecoveryRefusal::NoOfficer));
        assert!(asked_by(1, true).confirmed_by(party(2, false, ASKED)).is_ok());
        assert!(asked_by(1, false).confirmed_by(party(2, true, ASKED)).is_ok());
    }

    #[test]
    fn either_of_the_two_exports_and_nobody_else() {
        let request = asked_by(1, true).confirmed_by(party(2, false, ASKED)).unwrap();
        assert_eq!(request.other_than(&party(1, true, ASKED)).unwrap().person, PersonId::new([2; 16]));
        assert_eq!(request.other_than(&party(2, false, ASKED)).unwrap().person, PersonId::new([1; 16]));
        assert_eq!(request.other_than(&party(3, true, ASKED)), Err(RecoveryRefusal::NotOfTheTwo));
        assert_eq!(request.clone().confirmed_by(party(3, true, ASKED)), Err(RecoveryRefusal::Confirmed));
    }

    #[test]
    fn after_a_day_it_is_over_to_the_millisecond() {
        let (last, over) = (ASKED + RECOVERY_LIFE - Millis(1), ASKED + RECOVERY_LIFE);
        assert!(asked_by(1, true).confirmed_by(party(2, false, last)).is_ok());
        assert_eq!(asked_by(1, true).confirmed_by(party(2, false, over)), Err(RecoveryRefusal::Over));
        let request = asked_by(1, true).confirmed_by(party(2, false, last)).unwrap();
        assert_eq!(request.other_than(&party(1, true, over)), Err(RecoveryRefusal::Over));
    }
}
