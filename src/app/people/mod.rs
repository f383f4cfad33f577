//! People and their accounts (P1 to P6): invited, activated by a mailed link, deactivated, cut off, deleted; the structures
//! that they belong to. Who may do what is `policy::rights`; what a person does with the own account is `own_account.rs`.

mod change;
mod clock;
mod cut;
mod exclude;
mod history;
mod house;
mod import;
mod invite;
mod links;
mod permit;
mod structures;
mod terms;

use thiserror::Error;

use super::AppError;
use crate::audit::RefusalReason;

pub use change::AccountChange;
pub(super) use cut::AddressStanding;
pub use history::{HistoryFilter, HistoryPage, HistoryRow, HistoryState, history_state};
pub use house::{AgentChange, HousePerson, HouseReview, house_table};
pub use import::{Cell, ImportScope, ImportedPerson, PeopleImportError, PersonChange};
pub use invite::Invitation;
pub use links::{AccountLinkError, AccountLinkView};
pub use permit::By;
pub use structures::{
    ReviewStanding, StructureAgreement, StructurePerson, StructureSummary, StructureView, people_table,
    state_in_words,
};
pub use terms::Waiting;

/// How many gestionnaires a structure has at most (P1).
pub const GESTIONNAIRES_MAX: usize = 5;
/// How many accounts are looked through.
pub(super) const ACCOUNTS_MAX: usize = 10_000;

/// Why nothing was changed about people.
#[derive(Debug, Error)]
pub enum PeopleError {
    /// The person may not do this.
    #[error("the person is not entitled")]
    NotEntitled,
    /// There is no such account, structure or mailbox.
    #[error("there is no such account, structure or mailbox")]
    NotFound,
    /// Another account signs in with this address.
    #[error("another account has this address")]
    Taken,
    /// The address is in none of the structure's domains (P3).
    #[error("the address is in none of the structure's domains")]
    OutsideDomains,
    /// The structure has as many gestionnaires as it may have (P1).
    #[error("a structure has {limit} gestionnaires at most")]
    TooMany {
        /// How many it may have.
        limit: usize,
    },
    /// The last active gestionnaire cannot go (P1).
    #[error("the last active gestionnaire of a structure cannot be deactivated")]
    LastGestionnaire,
    /// Nobody else opens a mailbox in custody of its members.
    #[error("nobody else opens a mailbox of this account")]
    LastMember,
    /// The account is in no state for this.
    #[error("the account is in no state for this")]
    NotFitting,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl PeopleError {
    /// What the log says of it; none of a fault, which is no refusal.
    pub(super) const fn reason(&self) -> Option<RefusalReason> {
        Some(match self {
            Self::NotEntitled => RefusalReason::NotEntitled,
            Self::NotFound => RefusalReason::NotFound,
            Self::Taken | Self::NotFitting => RefusalReason::StateNotFitting,
            Self::OutsideDomains => RefusalReason::AddressNotAdmitted,
            Self::TooMany { .. } => RefusalReason::TooMany,
            Self::LastGestionnaire => RefusalReason::LastManager,
            Self::LastMember => RefusalReason::LastMember,
            Self::Fault(_) => return None,
        })
    }
}
