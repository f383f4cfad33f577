//! What of the log is looked at: a selection of events by what they name (S3), and what an event names. It finds
//! nothing by itself: a store's indexes lead to the entries, the selection judges each.

use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use super::event::{Action, Actor, Event, Object, Origin, Outcome};
use crate::value::{AccountId, Language, MailboxId, PartnerId, PersonId, Timestamp, TransferId};

/// Which events are meant; what is left out narrows nothing down. The default is the whole log.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct Selection {
    /// Those that this person did, or that were done to this person.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub person: Option<PersonId>,
    /// Those that were done to this account.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub account: Option<AccountId>,
    /// Those that concern this partner: its deposits, what became of them, its agreements.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub partner: Option<PartnerId>,
    /// Those that concern this mailbox.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub mailbox: Option<MailboxId>,
    /// Those that concern this transfer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub transfer: Option<TransferId>,
    /// One of these actions; empty means any.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub actions: Vec<Action>,
    /// Those that ended like this.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub outcome: Option<OutcomeClass>,
    /// Those that came from this network address.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub origin: Option<IpAddr>,
    /// At this instant or later.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub from: Option<Timestamp>,
    /// Before this instant.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub until: Option<Timestamp>,
}

/// How an event ended, without the reason.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OutcomeClass {
    /// It happened.
    Done,
    /// It was about to happen.
    Intended,
    /// A rule said no.
    Refused,
    /// Something broke.
    Failed,
}

impl OutcomeClass {
    /// Every class.
    pub const ALL: [Self; 4] = [Self::Done, Self::Intended, Self::Refused, Self::Failed];

    /// The code, as [`Outcome::code`].
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "done",
            Self::Intended => "intended",
            Self::Refused => "refused",
            Self::Failed => "failed",
        }
    }

    /// What a person reads.
    pub const fn label(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Done, Language::Fr) => "fait",
            (Self::Done, Language::En) => "done",
            (Self::Intended, Language::Fr) => "engagé",
            (Self::Intended, Language::En) => "begun",
            (Self::Refused, Language::Fr) => "refusé",
            (Self::Refused, Language::En) => "refused",
            (Self::Failed, Language::Fr) => "échoué",
            (Self::Failed, Language::En) => "failed",
        }
    }

    /// The class of a code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|class| class.code() == code)
    }
}

impl Outcome {
    /// The class, without the reason.
    pub const fn class(self) -> OutcomeClass {
        match self {
            Self::Done => OutcomeClass::Done,
            Self::Intended => OutcomeClass::Intended,
            Self::Refused(_) => OutcomeClass::Refused,
            Self::Failed(_) => OutcomeClass::Failed,
        }
    }
}

impl Selection {
    /// Whether the event is meant.
    pub fn matches(&self, event: &Event) -> bool {
        self.person.is_none_or(|person| event.people().contains(&Some(person)))
            && self.account.is_none_or(|account| event.account() == Some(account))
            && self.partner.is_none_or(|partner| event.partners().contains(&Some(partner)))
            && self.mailbox.is_none_or(|mailbox| event.mailboxes().contains(&Some(mailbox)))
            && self.transfer.is_none_or(|transfer| event.transfer() == Some(transfer))
            && (self.actions.is_empty() || self.actions.contains(&event.action))
            && self.outcome.is_none_or(|outcome| event.outcome.class() == outcome)
            && self.origin.is_none_or(|address| event.address() == Some(address))
            && self.from.is_none_or(|from| event.at >= from)
            && self.until.is_none_or(|until| event.at < until)
    }

    /// Whether it means the whole log.
    pub fn is_everything(&self) -> bool {
        *self == Self::default()
    }
}

/// What an event names.
impl Event {
    /// Who acted, and who was acted upon; nobody twice.
    pub fn people(&self) -> [Option<PersonId>; 2] {
        let actor = match self.actor {
            Actor::Person(person) => Some(person),
            Actor::System | Actor::Operator | Actor::Anonymous => None,
        };
        let object = match self.object {
            Object::Person(person) => Some(person),
            _ => self.detail.and_then(super::event::Detail::person),
        };
        [actor, object.filter(|person| Some(*person) != actor)]
    }

    /// The account that was acted upon.
    pub const fn account(&self) -> Option<AccountId> {
        match self.object {
            Object::Account(account) | Object::Membership { account, .. } => Some(account),
            _ => None,
        }
    }

    /// The partner for whom the event happened, and the one acted upon; none twice.
    pub fn partners(&self) -> [Option<PartnerId>; 2] {
        let object = match self.object {
            Object::Partner(partner) | Object::Agreement { partner, .. } => Some(partner),
            _ => None,
        };
        [self.partner, object.filter(|partner| Some(*partner) != self.partner)]
    }

    /// The mailboxes that it concerns; none twice.
    pub fn mailboxes(&self) -> [Option<MailboxId>; 2] {
        match self.object {
            Object::Mailbox(mailbox)
            | Object::Transfer { mailbox, .. }
            | Object::TransferPart { mailbox, .. }
            | Object::TransferMail { mailbox, .. }
            | Object::Membership { mailbox, .. }
            | Object::Agreement { mailbox, .. } => [Some(mailbox), None],
            Object::Dispatch { from, to, .. } => [Some(from), Some(to).filter(|to| *to != from)],
            _ => [None, None],
        }
    }

    /// The transfer that it concerns.
    pub const fn transfer(&self) -> Option<TransferId> {
        match self.object {
            Object::Transfer { transfer, .. }
            | Object::TransferPart { transfer, .. }
            | Object::TransferMail { transfer, .. }
            | Object::Dispatch { transfer, .. } => Some(transfer),
            _ => None,
        }
    }

    /// The network address that it came from.
    pub const fn address(&self) -> Option<IpAddr> {
        match self.origin {
            Origin::Web { address } | Origin::Smtp { address } => Some(address),
            Origin::Cli | Origin::Job => None,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::event::RefusalReason;
    use super::*;

    fn event() -> Event {
        let object =
            Object::Transfer { transfer: TransferId::new([1; 16]), mailbox: MailboxId::new([2; 16]) };
        let origin = Origin::Web { address: "192.0.2.7".parse().unwrap() };
        let actor = Actor::Person(PersonId::new([3; 16]));
        let outcome = Outcome::Refused(RefusalReason::NotEntitled);
        Event::new(Timestamp(5), actor, Action::AccessRefused, object, outcome, origin)
            .of_partner(PartnerId::new([4; 16]))
    }

    #[test]
    fn each_field_narrows_down_by_itself() {
        let all = Selection::default;
        let kept = [
            Selection { person: Some(PersonId::new([3; 16])), ..all() },
            Selection { partner: Some(PartnerId::new([4; 16])), ..all() },
            Selection { mailbox: Some(MailboxId::new([2; 16])), ..all() },
            Selection { transfer: Some(TransferId::new([1; 16])), ..all() },
            Selection { actions: vec![Action::SignIn, Action::AccessRefused], ..all() },
            Selection { outcome: Some(OutcomeClass::Refused), ..all() },
            Selection { origin: Some("192.0.2.7".parse().unwrap()), ..all() },
            Selection { from: Some(Timestamp(5)), until: Some(Timestamp(6)), ..all() },
            all(),
        ];
        assert!(kept.iter().all(|selection| selection.matches(&event())));
        let left_out = [
            Selection { person: Some(PersonId::new([9; 16])), ..all() },
            Selection { account: Some(AccountId::new([9; 16])), ..all() },
            Selection { partner: Some(PartnerId::new([9; 16])), ..all() },
            Selection { mailbox: Some(MailboxId::new([9; 16])), ..all() },
            Selection { transfer: Some(TransferId::new([9; 16])), ..all() },
            Selection { actions: vec![Action::SignIn], ..all() },
            Selection { outcome: Some(OutcomeClass::Failed), ..all() },
            Selection { origin: Some("192.0.2.8".parse().unwrap()), ..all() },
            Selection { from: Some(Timestamp(6)), ..all() },
            Selection { until: Some(Timestamp(5)), ..all() },
        ];
        assert!(left_out.iter().all(|selection| !selection.matches(&event())));
    }

    #[test]
    fn who_is_named_twice_is_told_once() {
        let person = PersonId::new([3; 16]);
        assert_eq!(Event { object: Object::Person(person), ..event() }.people(), [Some(person), None]);
        let (partner, mailbox) = (PartnerId::new([4; 16]), MailboxId::new([2; 16]));
        let agreement = Event { object: Object::Agreement { partner, mailbox }, ..event() };
        assert_eq!(agreement.partners(), [Some(partner), None]);
    }

    #[test]
    fn codes_are_those_of_outcomes() {
        assert_eq!(event().outcome.class().code(), event().outcome.code());
        assert!(OutcomeClass::ALL.iter().all(|class| OutcomeClass::from_code(class.code()) == Some(*class)));
    }
}
