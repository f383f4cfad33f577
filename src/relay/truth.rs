//! What became of a mail, and why, in words that a person understands (invariant 10). Replies and reports of other hosts are
//! reduced to their enhanced status (RFC 3463): their own words are a stranger's and are shown to nobody.

use std::fmt;

use serde::{Deserialize, Serialize};

use super::queue::DeliveryProblem;
use crate::value::{Language, Timestamp};

/// An enhanced status code (RFC 3463 section 2).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
pub struct EnhancedStatus {
    /// 2 done, 4 for now, 5 for good.
    pub class: u8,
    /// What it is about.
    pub subject: u16,
    /// What exactly.
    pub detail: u16,
}

impl EnhancedStatus {
    /// Reads `5.1.1`; anything else is `None`.
    pub fn parse(text: &str) -> Option<Self> {
        let mut parts = text.trim().split('.');
        let (class, subject, detail) = (parts.next()?, parts.next()?, parts.next()?);
        let number = |text: &str| {
            let plain = (1..=3).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| text.parse().ok())?
        };
        let class = match class {
            "2" => 2,
            "4" => 4,
            "5" => 5,
            _ => return None,
        };
        if parts.next().is_some() {
            return None;
        }
        Some(Self { class, subject: number(subject)?, detail: number(detail)? })
    }
}

impl fmt::Display for EnhancedStatus {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.class, self.subject, self.detail)
    }
}

/// What another system reported of a mail after the next host had taken it (RFC 3464).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct PeerReport {
    /// When the report came.
    pub at: Timestamp,
    /// What it says.
    pub what: Reported,
    /// Why.
    pub status: Option<EnhancedStatus>,
}

impl PeerReport {
    /// Why it is late further on, if it is.
    pub fn cause(&self) -> Option<Cause> {
        match self.what {
            Reported::Delayed => Some(self.status.and_then(Cause::of_status).unwrap_or(Cause::AskedToWait)),
            Reported::Delivered | Reported::Relayed => None,
        }
    }
}

/// What a report says that is no failure.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reported {
    /// Still being tried, further on.
    Delayed,
    /// It is in the recipient's mailbox.
    Delivered,
    /// Given to a system that reports nothing.
    Relayed,
}

/// Why a mail is not there, as a person may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Cause {
    /// The address does not exist, or no more.
    AddressUnknown,
    /// The mailbox is full.
    MailboxFull,
    /// The mailbox takes no mail.
    MailboxClosed,
    /// The mail is larger than the other side takes.
    TooLarge,
    /// The other side's system is in trouble.
    SystemTrouble,
    /// No host answers.
    Unreachable,
    /// The connection could not be made private.
    NotPrivate,
    /// The next host does not promise to keep it private on its way.
    NotPrivateOnward,
    /// The other side's rules or filters refuse it.
    Policy,
    /// The address's domain takes no mail.
    NoMailDomain,
    /// No name server says where the mail goes.
    NamesSilent,
    /// An operator took it out of the queue.
    Withdrawn,
    /// It goes round in circles.
    Loop,
    /// The other side asks to wait.
    AskedToWait,
    /// It was refused, no more is known.
    Refused,
    /// It came back, no more is known.
    CameBack,
    /// Five days went by, or it was cancelled.
    TimeOver,
    /// It waits and nobody has said why.
    StillWaiting,
    /// A defect of the gateway.
    Ours,
}

impl Cause {
    /// Why a mail was not taken, or came back with this status.
    pub fn of(problem: DeliveryProblem, status: Option<EnhancedStatus>) -> Self {
        if let Some(cause) = status.and_then(Self::of_status) {
            return cause;
        }
        match problem {
            DeliveryProblem::Unreachable => Self::Unreachable,
            DeliveryProblem::TlsRequired => Self::NotPrivate,
            DeliveryProblem::NotOnward => Self::NotPrivateOnward,
            DeliveryProblem::TryLater { .. }
            | DeliveryProblem::HostBusy { .. }
            | DeliveryProblem::Greylisted { .. } => Self::AskedToWait,
            DeliveryProblem::AgainstPolicy { .. } => Self::Policy,
            DeliveryProblem::NoMailDomain => Self::NoMailDomain,
            DeliveryProblem::NamesUnavailable => Self::NamesSilent,
            DeliveryProblem::Loop => Self::Loop,
            DeliveryProblem::Dropped => Self::Withdrawn,
            // RFC 5321 section 4.2.3: what the codes say of an address where the host said no more.
            DeliveryProblem::UnknownRecipient { .. } | DeliveryProblem::Refused { code: 550 | 551 | 553 } => {
                Self::AddressUnknown
            }
            DeliveryProblem::MailboxFull { .. } | DeliveryProblem::Refused { code: 552 } => Self::MailboxFull,
            DeliveryProblem::Refused { .. } => Self::Refused,
            DeliveryProblem::Bounced => Self::CameBack,
            DeliveryProblem::TooLate => Self::TimeOver,
            DeliveryProblem::Broken => Self::Ours,
        }
    }

    /// RFC 3463 section 3.
    const fn of_status(status: EnhancedStatus) -> Option<Self> {
        Some(match (status.subject, status.detail) {
            (5 | 2, 3) | (3, 4) => Self::TooLarge,
            (1, _) => Self::AddressUnknown,
            (2, 2) => Self::MailboxFull,
            (2, _) => Self::MailboxClosed,
            (3, _) => Self::SystemTrouble,
            (4, 6) => Self::Loop,
            (4, 7) => Self::TimeOver,
            (4, _) => Self::Unreachable,
            (7, 10 | 11) => Self::NotPrivate,
            (7, 30) => Self::NotPrivateOnward,
            (7, _) => Self::Policy,
            _ => return None,
        })
    }

    /// The reason as a sentence without its beginning: « l'adresse n'existe pas », "the address does not exist".
    pub const fn told(self, language: Language) -> &'static str {
        let (french, english) = match self {
            Self::AddressUnknown => (
                "le serveur du destinataire ne connaît pas cette adresse",
                "the recipient's server does not know this address",
            ),
            Self::MailboxFull => ("la boîte aux lettres est pleine", "the mailbox is full"),
            Self::MailboxClosed => {
                ("la boîte aux lettres n’accepte pas de courriels", "the mailbox takes no mail")
            }
            Self::TooLarge => (
                "le courriel est trop volumineux pour le serveur du destinataire",
                "the mail is too large for the recipient's server",
            ),
            Self::SystemTrouble => {
                ("le serveur du destinataire est en panne", "the recipient's server is in trouble")
            }
            Self::Unreachable => ("aucun serveur de messagerie ne répond", "no mail server answers"),
            Self::NotPrivate => (
                "la connexion au serveur n’a pas pu être chiffrée comme il se doit",
                "the connection to the server could not be encrypted as it must be",
            ),
            Self::NotPrivateOnward => (
                "le serveur suivant ne promet pas que le courriel restera chiffré sur tout son chemin, comme l’expéditeur le demande",
                "the next server does not promise that the mail stays encrypted all the way, as its sender demands",
            ),
            Self::Policy => (
                "les règles ou les filtres du serveur du destinataire le refusent",
                "the rules or filters of the recipient's server refuse it",
            ),
            Self::NoMailDomain => {
                ("le domaine de l’adresse n’accepte pas de courriels", "the address’s domain takes no mail")
            }
            Self::NamesSilent => (
                "les serveurs de noms ne disent pas où l’envoyer",
                "the name servers do not say where to send it",
            ),
            Self::Withdrawn => ("un opérateur l’a retiré de la file", "an operator took it out of the queue"),
            Self::Loop => {
                ("le courriel tourne en rond entre des serveurs", "the mail goes round between servers")
            }
            Self::AskedToWait => {
                ("le serveur du destinataire demande d’attendre", "the recipient's server asks to wait")
            }
            Self::Refused => ("le serveur du destinataire l’a refusé", "the recipient's server refused it"),
            Self::CameBack => (
                "le courriel est revenu, sans que la raison en soit donnée",
                "the mail came back without a reason that can be read",
            ),
            Self::TimeOver => (
                "il n’a pas pu être remis dans le temps imparti",
                "it could not be delivered within the time that it had",
            ),
            Self::StillWaiting => ("il attend toujours d’être envoyé", "it still waits to be sent"),
            Self::Ours => ("la passerelle n’a pas pu le préparer", "the gateway could not prepare it"),
        };
        match language {
            Language::Fr => french,
            Language::En => english,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_status_is_three_numbers_and_nothing_else() {
        let status = EnhancedStatus::parse("5.1.10").unwrap();
        assert_eq!((status.to_string().as_str(), status.class), ("5.1.10", 5));
        for wrong in ["", "5", "5.1", "5.1.1.1", "6.1.1", "5.a.1", "5.1.1234", "5..1", "+5.1.1", "5.-1.1"] {
            assert_eq!(EnhancedStatus::parse(wrong), None, "{wrong}");
        }
    }

    #[test]
    fn what_hosts_say_most_often_is_told_in_plain_words() {
        let cause = |status| Cause::of(DeliveryProblem::Bounced, EnhancedStatus::parse(status));
        for (status, expected) in [
            ("5.1.1", Cause::AddressUnknown),
            ("5.1.10", Cause::AddressUnknown),
            ("5.2.2", Cause::MailboxFull),
            ("5.2.1", Cause::MailboxClosed),
            ("5.2.3", Cause::TooLarge),
            ("5.3.4", Cause::TooLarge),
            ("4.4.1", Cause::Unreachable),
            ("4.4.7", Cause::TimeOver),
            ("5.4.6", Cause::Loop),
            ("5.7.1", Cause::Policy),
            ("5.0.0", Cause::CameBack),
        ] {
            assert_eq!(cause(status), expected, "{status}");
        }
        assert_eq!(Cause::of(DeliveryProblem::Refused { code: 550 }, None), Cause::AddressUnknown);
        assert_eq!(Cause::of(DeliveryProblem::Refused { code: 554 }, None), Cause::Refused);
    }
}
