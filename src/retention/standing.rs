//! What must outlive a restored backup: that an account was cut off, a member removed, a transfer revoked. Noted beside
//! the day keys at the moment it happens, applied to a store that was restored (DESIGN section 4). A note can close
//! something again, never open it: what stands last about a subject counts.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, Digest, MailAddress, MailboxId, PartnerId, Timestamp, TransferId};

/// What a note is about.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Subject {
    /// Whether an account may sign in.
    Account(AccountId),
    /// What an account signs in with, and its role.
    Credentials(AccountId),
    /// That an account reads a mailbox.
    Membership {
        /// The account.
        account: AccountId,
        /// The mailbox.
        mailbox: MailboxId,
    },
    /// That an account manages a mailbox.
    Manager {
        /// The account.
        account: AccountId,
        /// The mailbox.
        mailbox: MailboxId,
    },
    /// That an address of a partner may deposit.
    Address {
        /// The partner.
        partner: PartnerId,
        /// The address.
        address: MailAddress,
    },
    /// That a partner may deposit at all.
    Partner(PartnerId),
    /// A partner's agreement with a mailbox.
    Agreement {
        /// The mailbox.
        mailbox: MailboxId,
        /// The partner.
        partner: PartnerId,
    },
    /// A transfer, which may have been revoked.
    Transfer(TransferId),
    /// A holder's access to a transfer.
    Grant {
        /// The transfer.
        transfer: TransferId,
        /// The mailbox that held it.
        holder: MailboxId,
    },
}

/// What stands about a subject.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Standing {
    /// It is ended, cut off, blocked, revoked.
    Closed,
    /// It was closed and is open again: the restored store is left as it is.
    Open,
    /// The record has this digest since its last change; a restored one that differs is closed until somebody looks.
    Is(Digest),
}

/// One note.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct StandingNote {
    /// What it is about.
    pub subject: Subject,
    /// What stands.
    pub standing: Standing,
    /// Since when, by the gateway's clock.
    pub at: Timestamp,
}

/// The last note about each subject, of notes in the order in which they were made.
pub fn last_standing(notes: &[StandingNote]) -> BTreeMap<Subject, StandingNote> {
    notes.iter().map(|note| (note.subject.clone(), note.clone())).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_was_noted_last_about_a_subject_stands() {
        let note = |id: u8, standing, at| StandingNote {
            subject: Subject::Account(AccountId::new([id; 16])),
            standing,
            at: Timestamp(at),
        };
        // The order of the notes counts, not what the clock showed.
        let notes = [note(1, Standing::Closed, 9), note(2, Standing::Closed, 2), note(1, Standing::Open, 3)];
        let last = last_standing(&notes);
        assert_eq!(last.len(), 2);
        assert_eq!(last[&notes[0].subject], notes[2]);
        assert_eq!(last[&notes[1].subject].standing, Standing::Closed);
    }

    #[test]
    fn a_note_reads_back_as_written_and_an_unknown_word_is_refused() {
        let subject =
            Subject::Membership { account: AccountId::new([1; 16]), mailbox: MailboxId::new([2; 16]) };
        let note = StandingNote { subject, standing: Standing::Is(Digest::of(b"x")), at: Timestamp(7) };
        let text = serde_json::to_string(&note).unwrap();
        assert_eq!(serde_json::from_str::<StandingNote>(&text).unwrap(), note);
        assert!(serde_json::from_str::<StandingNote>(&text.replace("membership", "friendship")).is_err());
    }
}
