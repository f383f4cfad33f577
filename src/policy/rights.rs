//! What each role may do, as one table (P1, P5 to P7, D11): role and act give how far the act reaches. Who holds a role, and
//! which mailboxes and which structure are a person's, are facts of the account.

use serde::{Deserialize, Serialize};

/// What a person does with the gateway. A right to a mailbox is given apart, by name. The operator has no account: it acts on
/// the machine, by `pli`, and sees neither content nor log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Role {
    /// Opens, answers, dispatches for the mailboxes that the account is a member of; manages those that it is the manager of.
    Agent,
    /// Deposits for a partner's structure; created by a gestionnaire (P1).
    Technicien,
    /// Appointed by the fund for a partner's structure (P1).
    Gestionnaire,
    /// Of the fund: appoints gestionnaires, suspends structures, looks after rights; sees no content and no log.
    Administrator,
    /// Reads and verifies the log; sees no content.
    SecurityOfficer,
}

impl Role {
    /// All that there are.
    pub const ALL: [Self; 5] =
        [Self::Agent, Self::Technicien, Self::Gestionnaire, Self::Administrator, Self::SecurityOfficer];

    /// Whether the account belongs to a partner's structure, else to the fund.
    pub const fn is_of_structure(self) -> bool {
        matches!(self, Self::Technicien | Self::Gestionnaire)
    }
}

/// Something that a person may be entitled to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Act {
    /// Opens what a mailbox holds, answers, dispatches (T3 to T6, P7).
    ReadMailbox,
    /// Sets a mailbox's defaults, says who is told, entitles members (V2).
    ManageMailbox,
    /// Reads and verifies the log (S2, S3).
    ReadLog,
    /// Sees the people of a structure and where its review stands (P5).
    SeeStructure,
    /// Appoints, changes and deactivates gestionnaires (P1, P6).
    AppointGestionnaires,
    /// Creates, changes and deactivates the techniciens of a structure (P1).
    ManageTechniciens,
    /// Cuts off accounts of a structure, blocks addresses, suspends the structure (P6).
    ExcludeStructures,
    /// Confirms that the list of a structure's people is right (P5).
    ConfirmPeople,
    /// Sees the history of a structure's deposits, without content (D11).
    SeeStructureHistory,
    /// Sees what every account may do and when it was last used, and confirms that it is right (P5).
    ReviewRights,
    /// Creates agents of the fund, changes and closes their accounts; which mailbox they open is its manager's to say (P6, P7).
    ManageAgents,
}

impl Act {
    /// All that there are.
    pub const ALL: [Self; 11] = [
        Self::ReadMailbox,
        Self::ManageMailbox,
        Self::ReadLog,
        Self::SeeStructure,
        Self::AppointGestionnaires,
        Self::ManageTechniciens,
        Self::ExcludeStructures,
        Self::ConfirmPeople,
        Self::SeeStructureHistory,
        Self::ReviewRights,
        Self::ManageAgents,
    ];
}

/// How far an act of a role reaches.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Reach {
    /// Nowhere.
    Nowhere,
    /// The mailboxes that the account is a member of, by name.
    OwnMailboxes,
    /// The mailboxes that the account is a member and the manager of.
    ManagedMailboxes,
    /// The account's own structure.
    OwnStructure,
    /// The whole house.
    Everywhere,
}

/// The table. What it does not name is refused.
pub const fn reach(role: Role, act: Act) -> Reach {
    match (role, act) {
        (Role::Agent, Act::ReadMailbox) => Reach::OwnMailboxes,
        (Role::Agent, Act::ManageMailbox) => Reach::ManagedMailboxes,
        (
            Role::Gestionnaire,
            Act::SeeStructure | Act::ManageTechniciens | Act::ConfirmPeople | Act::SeeStructureHistory,
        ) => Reach::OwnStructure,
        (
            Role::Administrator,
            Act::SeeStructure
            | Act::AppointGestionnaires
            | Act::ExcludeStructures
            | Act::ReviewRights
            | Act::ManageAgents,
        )
        | (Role::SecurityOfficer, Act::ReadLog | Act::SeeStructure | Act::ReviewRights) => Reach::Everywhere,
        _ => Reach::Nowhere,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn content_is_read_by_members_alone_and_the_log_by_officers_alone() {
        for role in Role::ALL {
            let content = reach(role, Act::ReadMailbox);
            assert_eq!(content != Reach::Nowhere, role == Role::Agent, "{role:?}");
            assert_ne!(content, Reach::Everywhere, "nobody reads a mailbox without being named for it (P7)");
            assert_eq!(
                reach(role, Act::ReadLog) != Reach::Nowhere,
                role == Role::SecurityOfficer,
                "{role:?}"
            );
        }
    }

    #[test]
    fn a_structure_never_reaches_beyond_itself_and_does_not_appoint_its_own_gestionnaires() {
        for act in Act::ALL {
            for role in Role::ALL.into_iter().filter(|role| role.is_of_structure()) {
                assert!(matches!(reach(role, act), Reach::Nowhere | Reach::OwnStructure), "{role:?} {act:?}");
            }
        }
        for act in [Act::AppointGestionnaires, Act::ExcludeStructures, Act::ManageAgents] {
            let who = Role::ALL.into_iter().filter(|role| reach(*role, act) != Reach::Nowhere);
            assert_eq!(who.collect::<Vec<_>>(), [Role::Administrator], "{act:?}");
        }
    }

    #[test]
    fn a_technicien_deposits_and_has_no_right_on_pages() {
        assert!(Act::ALL.into_iter().all(|act| reach(Role::Technicien, act) == Reach::Nowhere));
    }
}
