//! What an event of the log says: who did what to what, how it ended, when, from where, under which policies (S2).
//!
//! Closed and versioned. There is no field of free text anywhere: ids, codes, numbers, addresses of machines; so no
//! title, name, file name or NIR can get in. Who a pseudonym is, is kept elsewhere, with its own retention.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use super::action::Action;
use super::alert::AlertKind;
pub use super::reason::{FailureReason, LogView, Outcome, RecoveryPurpose, RefusalReason, RoleCode};
use crate::value::{
    AccountId, ApiClientId, ByteSize, Day, Digest, DraftId, MailId, MailboxId, Millis, OrganisationId,
    PartnerId, PersonId, ProofId, Timestamp, TransferId,
};

/// Version of the event's form that this program writes.
pub const EVENT_VERSION: u8 = 1;

/// One thing that happened.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(into = "WrittenEvent", try_from = "WrittenEvent")]
pub struct Event {
    /// When, by the gateway's clock.
    pub at: Timestamp,
    /// Who.
    pub actor: Actor,
    /// Did what.
    pub action: Action,
    /// To what.
    pub object: Object,
    /// How it ended.
    pub outcome: Outcome,
    /// From where.
    pub origin: Origin,
    /// Digest of the policy set that decided, where one did.
    pub policy: Option<Digest>,
    /// The partner whom it concerns: whose deposit it is, or for whom somebody acted.
    pub partner: Option<PartnerId>,
    /// A number that belongs to the action.
    pub detail: Option<Detail>,
}

impl Event {
    /// An event without policy, partner and detail, to be completed by [`Event::under`], [`Event::of_partner`] and
    /// [`Event::with`].
    pub const fn new(
        at: Timestamp,
        actor: Actor,
        action: Action,
        object: Object,
        outcome: Outcome,
        origin: Origin,
    ) -> Self {
        Self { at, actor, action, object, outcome, origin, policy: None, partner: None, detail: None }
    }

    /// The event, decided under this policy set.
    pub const fn under(self, policy: Digest) -> Self {
        Self { policy: Some(policy), ..self }
    }

    /// The event, which concerns this partner.
    pub const fn of_partner(self, partner: PartnerId) -> Self {
        Self { partner: Some(partner), ..self }
    }

    /// The event, which concerns this partner if there is one.
    pub const fn concerning(self, partner: Option<PartnerId>) -> Self {
        Self { partner, ..self }
    }

    /// The event with its number.
    pub const fn with(self, detail: Detail) -> Self {
        Self { detail: Some(detail), ..self }
    }
}

/// Why a written event is not read. A newer program wrote it, or it is no event.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum EventError {
    /// Written in a form that this program does not know.
    #[error("an event of version {actual}; this program reads version {EVENT_VERSION}")]
    Version {
        /// The version that was found.
        actual: u8,
    },
}

/// The event as it stands in the log: fields in this order, the version first.
#[derive(Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenEvent {
    version: u8,
    at: Timestamp,
    actor: Actor,
    action: Action,
    object: Object,
    outcome: Outcome,
    origin: Origin,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    policy: Option<Digest>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    partner: Option<PartnerId>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    detail: Option<Detail>,
}

impl From<Event> for WrittenEvent {
    fn from(event: Event) -> Self {
        let Event { at, actor, action, object, outcome, origin, policy, partner, detail } = event;
        Self { version: EVENT_VERSION, at, actor, action, object, outcome, origin, policy, partner, detail }
    }
}

impl TryFrom<WrittenEvent> for Event {
    type Error = EventError;

    fn try_from(written: WrittenEvent) -> Result<Self, EventError> {
        let WrittenEvent { version, at, actor, action, object, outcome, origin, policy, partner, detail } =
            written;
        if version != EVENT_VERSION {
            return Err(EventError::Version { actual: version });
        }
        Ok(Self { at, actor, action, object, outcome, origin, policy, partner, detail })
    }
}

/// Who acted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Actor {
    /// The gateway by itself.
    System,
    /// Whoever has the command line of the machine.
    Operator,
    /// A visitor or a peer of whom nothing is proved.
    Anonymous,
    /// A person, by pseudonym: the holder of an account, or of an address that deposits.
    Person(PersonId),
}

/// What was acted upon.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Object {
    /// Nothing in particular.
    None,
    /// An organisation.
    Organisation(OrganisationId),
    /// A mailbox.
    Mailbox(MailboxId),
    /// A transfer in a mailbox.
    Transfer {
        /// The transfer.
        transfer: TransferId,
        /// The mailbox that it was deposited for, or opened from.
        mailbox: MailboxId,
    },
    /// A file or the message of a transfer.
    TransferPart {
        /// The transfer.
        transfer: TransferId,
        /// The mailbox that it was deposited for, or opened from.
        mailbox: MailboxId,
        /// Its number in the manifest.
        part: u32,
    },
    /// A transfer that was passed on to another mailbox.
    Dispatch {
        /// The transfer.
        transfer: TransferId,
        /// The mailbox that had it.
        from: MailboxId,
        /// The mailbox that has it now.
        to: MailboxId,
    },
    /// A deposit in the making.
    Draft(DraftId),
    /// A file of a deposit in the making.
    DraftPart {
        /// The draft.
        draft: DraftId,
        /// Its number in the draft.
        part: u32,
    },
    /// An outgoing mail that speaks of no transfer.
    Mail(MailId),
    /// An outgoing mail that speaks of a transfer.
    TransferMail {
        /// The transfer.
        transfer: TransferId,
        /// The mailbox that it was deposited for.
        mailbox: MailboxId,
        /// The mail.
        mail: MailId,
        /// What it is for.
        purpose: MailPurpose,
    },
    /// An account.
    Account(AccountId),
    /// An account's membership of a mailbox.
    Membership {
        /// The account.
        account: AccountId,
        /// The mailbox.
        mailbox: MailboxId,
    },
    /// A partner.
    Partner(PartnerId),
    /// A partner's agreement with a mailbox.
    Agreement {
        /// The partner.
        partner: PartnerId,
        /// The mailbox.
        mailbox: MailboxId,
    },
    /// A person, by pseudonym.
    Person(PersonId),
    /// A UTC day and its key.
    Day(Day),
    /// The log.
    Log,
    /// A proof of an address.
    Proof(ProofId),
    /// A token or certificate of a partner's software.
    Token(ApiClientId),
}

/// What a mail about a transfer is for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailPurpose {
    /// The acknowledgement to the depositor (T2).
    Acknowledgement,
    /// The notice to the mailbox (T1).
    Notice,
    /// Anything else, such as a reminder or an answer.
    Other,
}

/// From where the action came.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Origin {
    /// The pages and the HTTP API.
    Web {
        /// The peer.
        address: IpAddr,
    },
    /// A mail connection.
    Smtp {
        /// The peer.
        address: IpAddr,
    },
    /// The command line.
    Cli,
    /// Work that the gateway does by itself.
    Job,
}

/// A number that belongs to an action. Closed, so that it can hold no text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Detail {
    /// How many (files, tries, grants, lines).
    Count(u64),
    /// How much.
    Bytes(ByteSize),
    /// Which stretch of a file: from which byte, and how much.
    Stretch {
        /// The first byte.
        from: ByteSize,
        /// How many.
        bytes: ByteSize,
    },
    /// How long, or by how much a clock jumped.
    Millis(Millis),
    /// Whether something was replaced, as a title.
    Replaced(bool),
    /// Digest of ciphertexts: a sealed manifest or object. Never of a plaintext, which could be guessed from it.
    Sealed(Digest),
    /// Digest of a public key's text: whose key a mailbox or a person has from now on.
    Recipient(Digest),
    /// The protection that a mail travelled under.
    Tls(TlsVersion),
    /// Entries of the log with a smaller number.
    Before(u64),
    /// What went at the end of its retention ([`Action::LogPruned`]).
    Pruned {
        /// All entries with a smaller number have lost their payload.
        before: u64,
        /// How many of them now.
        payloads: u64,
        /// How many names went from the table of persons.
        names: u64,
    },
    /// Entries of the log from this number on, up to the entry that says so, were lost before a restore.
    LostFrom(u64),
    /// Until when, as a validity that was chosen.
    Until(Timestamp),
    /// What an alert warns of.
    Alert(AlertKind),
    /// Whose account it is and what it may do, so that rights can be told as they were on a day (P5).
    Right {
        /// The holder, by pseudonym.
        person: PersonId,
        /// What the account may do.
        role: RoleCode,
    },
    /// What kind of look into the log it was.
    View(LogView),
    /// What keys are exported for.
    Recovery(RecoveryPurpose),
    /// When an agreement is in force.
    InForce {
        /// Its first UTC day.
        from: Day,
        /// Its last UTC day; none means until it is ended.
        until: Option<Day>,
        /// How many addresses are admitted by name; none when the partner's domains are.
        listed: Option<u32>,
    },
    /// What a deposit into a mailbox may be from now on ([`Action::MailboxChanged`]).
    Limits {
        /// Largest file.
        file: ByteSize,
        /// Largest deposit.
        deposit: ByteSize,
        /// Most files.
        files: u32,
        /// What an address may send in an hour.
        hourly: ByteSize,
    },
}

impl Detail {
    /// The person that it names.
    pub const fn person(self) -> Option<PersonId> {
        match self {
            Self::Right { person, .. } => Some(person),
            _ => None,
        }
    }
}

/// Protection of a mail on its way.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum TlsVersion {
    /// In clear.
    None,
    /// TLS 1.2 (RFC 5246).
    Tls12,
    /// TLS 1.3 (RFC 8446).
    Tls13,
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Event {
        let object =
            Object::Transfer { transfer: TransferId::new([1; 16]), mailbox: MailboxId::new([2; 16]) };
        let origin = Origin::Web { address: "192.0.2.7".parse().unwrap() };
        let actor = Actor::Person(PersonId::new([3; 16]));
        Event::new(Timestamp(1_700_000_000_123), actor, Action::DepositSent, object, Outcome::Done, origin)
    }

    #[test]
    fn the_written_form_of_version_1_does_not_change() {
        let written = serde_json::to_string(&sample().with(Detail::Count(3))).unwrap();
        assert_eq!(
            written,
            r#"{"version":1,"at":1700000000123,"actor":{"person":"03030303030303030303030303030303"},"#
                .to_owned()
                + r#""action":"deposit.sent","object":{"transfer":{"transfer":"01010101010101010101010101010101","#
                + r#""mailbox":"02020202020202020202020202020202"}},"outcome":"done","#
                + r#""origin":{"web":{"address":"192.0.2.7"}},"detail":{"count":3}}"#
        );
    }

    #[test]
    fn every_action_reads_back() {
        for action in Action::ALL {
            let event = Event { action: *action, ..sample() }.under(Digest::of(b"policy"));
            let written = serde_json::to_string(&event).unwrap();
            assert_eq!(serde_json::from_str::<Event>(&written).unwrap(), event);
        }
    }

    #[test]
    fn another_version_or_an_unknown_word_is_refused() {
        let written = serde_json::to_string(&sample()).unwrap();
        for wrong in [
            written.replace(r#""version":1"#, r#""version":2"#),
            written.replace("deposit.sent", "deposit.unheard_of"),
            written.replace(r#""at":"#, r#""title":"a name","at":"#),
            written.replace("done", "perhaps"),
        ] {
            assert!(serde_json::from_str::<Event>(&wrong).is_err(), "{wrong}");
        }
    }
}
