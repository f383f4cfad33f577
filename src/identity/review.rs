//! Where a structure stands with the confirmation of its list of people (P5). It begins with the first of them and is due
//! again and again; what is late stands out.

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, Millis, PartnerId, Timestamp};

/// A confirmation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Confirmation {
    /// When.
    pub at: Timestamp,
    /// By which gestionnaire.
    pub by: AccountId,
}

/// The review of a structure's people.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StructureReview {
    /// The structure.
    pub partner: PartnerId,
    /// When it had its first people.
    pub since: Timestamp,
    /// The last confirmation.
    pub confirmed: Option<Confirmation>,
    /// When its gestionnaires were last reminded.
    pub reminded_at: Option<Timestamp>,
}

impl StructureReview {
    /// The review of a structure that just got people.
    pub const fn new(partner: PartnerId, since: Timestamp) -> Self {
        Self { partner, since, confirmed: None, reminded_at: None }
    }

    /// By when the list is to be confirmed.
    pub fn due_at(&self, every: Millis) -> Timestamp {
        self.confirmed.map_or(self.since, |confirmed| confirmed.at) + every
    }

    /// Whether its gestionnaires are to be reminded now.
    pub fn is_to_be_reminded(&self, now: Timestamp, every: Millis, reminded_every: Millis) -> bool {
        let due = self.due_at(every);
        let last = self.reminded_at.filter(|at| *at >= due);
        now >= due && last.is_none_or(|at| now >= at + reminded_every)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const DAY: Millis = Millis::days(1);

    #[test]
    fn a_list_is_due_after_its_time_and_reminded_of_until_it_is_confirmed() {
        let mut review = StructureReview::new(PartnerId::new([1; 16]), Timestamp(0));
        let asks = |review: &StructureReview, day: i64| {
            review.is_to_be_reminded(Timestamp(0) + Millis::days(day), Millis::days(10), Millis::days(2))
        };
        assert!(!asks(&review, 9) && asks(&review, 10));
        review.reminded_at = Some(Timestamp(0) + Millis::days(10));
        assert!(!asks(&review, 11) && asks(&review, 12));
        let at = Timestamp(0) + Millis::days(12);
        review.confirmed = Some(Confirmation { at, by: AccountId::new([2; 16]) });
        assert!(!asks(&review, 21) && asks(&review, 22), "an earlier reminder does not count");
        assert_eq!(review.due_at(DAY), at + DAY);
    }
}
