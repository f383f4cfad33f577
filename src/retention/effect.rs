//! Effects outside the store, from the commit of their intention to the commit of their result (invariant 2). The record
//! outlives a crash, so that whoever starts next finishes the pair.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::KeyName;
use crate::transfer::ObjectLocator;
use crate::value::{DraftId, EffectId, MailboxId, Millis, PartnerId, PersonId, Timestamp, TransferId};

/// An effect whose result is not in the log yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PendingEffect {
    /// Its id.
    pub id: EffectId,
    /// What is to be done.
    pub effect: Effect,
    /// The run of the gateway that began it: another run finds it left over.
    pub run: EffectId,
    /// When it was begun.
    pub begun_at: Timestamp,
}

impl PendingEffect {
    /// How long an effect of this run may take before it counts as left over.
    const PATIENCE: Millis = Millis::minutes(1);

    /// Whether nobody is at work on it any more: it is of an earlier run, or it failed in this one. A download of this
    /// run may take as long as it takes.
    pub fn is_left_over(&self, run: EffectId, now: Timestamp) -> bool {
        let is_download = matches!(self.effect, Effect::Download { .. });
        self.run != run || (!is_download && self.begun_at.until(now) >= Self::PATIENCE)
    }
}

/// What can be under way outside the store. Doing any of it again is harmless, but for a download, which is over.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Effect {
    /// Keys are made.
    MakeKeys(Vec<KeyName>),
    /// A key is destroyed.
    DestroyKey(KeyName),
    /// Objects are erased.
    EraseObjects {
        /// What they were of.
        of: ErasureOf,
        /// Which.
        objects: Vec<ObjectLocator>,
    },
    /// Bytes are streamed to a person.
    Download {
        /// Who.
        person: PersonId,
        /// Of which transfer.
        transfer: TransferId,
        /// In which mailbox.
        mailbox: MailboxId,
        /// Whose deposit, where a partner's.
        partner: Option<PartnerId>,
        /// Which file; none for all of them.
        part: Option<u32>,
        /// From where.
        address: IpAddr,
    },
}

/// What erased objects were of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ErasureOf {
    /// A transfer that ended.
    Transfer {
        /// The transfer.
        transfer: TransferId,
        /// Its mailbox.
        mailbox: MailboxId,
    },
    /// A draft that was given up.
    Draft(DraftId),
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Day;

    #[test]
    fn what_another_run_began_is_left_over_and_a_download_of_this_one_never_is() {
        let (this, other) = (EffectId::new([1; 16]), EffectId::new([2; 16]));
        let begun =
            |effect, run| PendingEffect { id: EffectId::new([3; 16]), effect, run, begun_at: Timestamp(0) };
        let key = Effect::DestroyKey(KeyName::ExpiryDay(Day(1)));
        assert!(begun(key.clone(), other).is_left_over(this, Timestamp(1)));
        assert!(!begun(key.clone(), this).is_left_over(this, Timestamp(59_999)));
        assert!(begun(key, this).is_left_over(this, Timestamp(60_000)));
        let download = Effect::Download {
            person: PersonId::new([4; 16]),
            transfer: TransferId::new([5; 16]),
            mailbox: MailboxId::new([6; 16]),
            partner: Some(PartnerId::new([7; 16])),
            part: None,
            address: IpAddr::from([192, 0, 2, 1]),
        };
        assert!(!begun(download.clone(), this).is_left_over(this, Timestamp(i64::MAX)));
        assert!(begun(download, other).is_left_over(this, Timestamp(0)));
    }
}
