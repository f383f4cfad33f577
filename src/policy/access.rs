//! The access policy: whether a transfer may be opened, as one table of facts. [`Permitted`] can only be made here,
//! so no code path reaches content without having asked (invariants 5 and 7, rules T3, P7).

use thiserror::Error;

/// Proof that the access policy said yes, at the moment it was asked. It is not kept: rights are checked at each use.
#[derive(Debug)]
pub struct Permitted<T>(T);

impl<T> Permitted<T> {
    /// What the permission is for.
    pub const fn subject(&self) -> &T {
        &self.0
    }

    /// Takes the subject out, to act on it.
    pub fn into_subject(self) -> T {
        self.0
    }
}

/// Why access is refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum AccessRefusal {
    /// Nobody is signed in: the person must say who it is.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The person has no right to this mailbox; a manager must give it.
    #[error("the person is not entitled")]
    NotEntitled,
    /// The time of the transfer is over; nothing brings it back (V3).
    #[error("the transfer has ended")]
    Gone,
    /// The gateway's clock is not believed; an operator must look.
    #[error("the clock is not believed")]
    ClockNotBelieved,
}

/// What is known when somebody wants to open a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(clippy::struct_excessive_bools, reason = "a table of facts, each yes or no")]
pub struct ReadingFacts {
    /// A live session of an active account.
    pub signed_in: bool,
    /// The account may read the mailbox now, by name.
    pub entitled: bool,
    /// The clock is believed.
    pub clock_believed: bool,
    /// The time is before the transfer's expiry.
    pub live: bool,
}

/// Decides. The order tells least to those who may least: who is not entitled does not learn that it ended.
pub fn permit_reading<T>(subject: T, facts: ReadingFacts) -> Result<Permitted<T>, AccessRefusal> {
    if !facts.signed_in {
        Err(AccessRefusal::NotSignedIn)
    } else if !facts.entitled {
        Err(AccessRefusal::NotEntitled)
    } else if !facts.clock_believed {
        Err(AccessRefusal::ClockNotBelieved)
    } else if !facts.live {
        Err(AccessRefusal::Gone)
    } else {
        Ok(Permitted(subject))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn of_all_sixteen_cases_one_is_permitted() {
        let mut permitted = 0;
        for case in 0..16u8 {
            let fact = |bit: u8| case & (1 << bit) != 0;
            let facts = ReadingFacts {
                signed_in: fact(0),
                entitled: fact(1),
                clock_believed: fact(2),
                live: fact(3),
            };
            let expected = match (facts.signed_in, facts.entitled, facts.clock_believed, facts.live) {
                (false, ..) => Some(AccessRefusal::NotSignedIn),
                (true, false, ..) => Some(AccessRefusal::NotEntitled),
                (true, true, false, _) => Some(AccessRefusal::ClockNotBelieved),
                (true, true, true, false) => Some(AccessRefusal::Gone),
                (true, true, true, true) => None,
            };
            assert_eq!(permit_reading((), facts).err(), expected, "{facts:?}");
            permitted += u8::from(expected.is_none());
        }
        assert_eq!(permitted, 1);
    }
}
