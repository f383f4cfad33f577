//! The register line: what the register tells of a case from its release on, and what stays of it when its content is
//! gone (T7). Codes and dates, never free text, never the title. While the transfer lives its line is read from it
//! ([`Transfer::register_line`]), so that the two cannot contradict each other.

use serde::{Deserialize, Serialize};

use super::{Answer, AnswerWay, CaseKind, DueDates, FormCodes, Route, Transfer};
use crate::value::{ByteSize, MailboxId, PartnerId, PersonId, Reference, Timestamp, TransferId};

/// How a transfer ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Ending {
    /// Its time was over (V3).
    Expired,
    /// Who sent it revoked it (V4).
    Revoked,
}

/// When and how a case was answered (T5, T7); by whom is the case's to say, and ends with it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GivenAnswer {
    /// When.
    pub at: Timestamp,
    /// How.
    pub how: AnswerWay,
}

impl From<Answer> for GivenAnswer {
    fn from(Answer { at, how, .. }: Answer) -> Self {
        Self { at, how }
    }
}

/// A line of the register.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RegisterLine {
    /// The transfer.
    pub transfer: TransferId,
    /// What people quote.
    pub reference: Reference,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The partner, where an agreement named one.
    pub partner: Option<PartnerId>,
    /// The site, when known: as the form names it, else that of the address.
    pub site: Option<String>,
    /// The depositor's pseudonym.
    pub depositor: PersonId,
    /// By which door it came in.
    pub route: Route,
    /// When it was released.
    pub received_at: Timestamp,
    /// How many files.
    pub file_count: u32,
    /// Their size in clear.
    pub total_size: ByteSize,
    /// The mailboxes that it was dispatched to.
    #[serde(default)]
    pub dispatched_to: Vec<MailboxId>,
    /// When it was first opened, if it ever was.
    pub first_opened_at: Option<Timestamp>,
    /// What its form said in codes, or an agent of the mailbox, where one of them did.
    #[serde(default)]
    pub form: Option<Box<FormCodes>>,
    /// The transfer that it answers, when somebody outside wrote back: the case is that one's.
    #[serde(default)]
    pub answers: Option<TransferId>,
    /// By when it was promised.
    #[serde(default)]
    pub due: DueDates,
    /// When somebody first took it in charge.
    #[serde(default)]
    pub taken_at: Option<Timestamp>,
    /// Its first answer.
    #[serde(default)]
    pub answered: Option<GivenAnswer>,
    /// Where its case stands, or stood at the end.
    #[serde(default = "new_case")]
    pub kind: CaseKind,
    /// How it ended; none of a line whose transfer can still be opened.
    #[serde(default)]
    pub ending: Option<Ending>,
    /// When its end was carried out.
    #[serde(default)]
    pub ended_at: Option<Timestamp>,
}

/// What lines say that were written before cases were kept with them.
const fn new_case() -> CaseKind {
    CaseKind::New
}

impl RegisterLine {
    /// The mailboxes in whose register it stands: its own first.
    pub fn holders(&self) -> impl Iterator<Item = MailboxId> {
        std::iter::once(self.mailbox).chain(self.dispatched_to.iter().copied())
    }

    /// The mailbox in charge: the one that it was dispatched to last.
    pub fn in_charge(&self) -> MailboxId {
        self.dispatched_to.last().copied().unwrap_or(self.mailbox)
    }

    /// What became of the promise that a person takes it in charge (T2).
    pub fn taken_promise(&self, now: Timestamp) -> Promise {
        Promise::of(self.due.taken, self.taken_at, self.ended_at.unwrap_or(now))
    }

    /// What became of the promise of an answer (T5). A case that was closed without one needed none.
    pub fn answered_promise(&self, now: Timestamp) -> Promise {
        match self.answered {
            None if self.kind == CaseKind::Treated => Promise::None,
            answered => {
                Promise::of(self.due.answered, answered.map(|answer| answer.at), self.ended_at.unwrap_or(now))
            }
        }
    }

    /// Whether a promise was not kept.
    pub fn is_late(&self, now: Timestamp) -> bool {
        [self.taken_promise(now), self.answered_promise(now)].contains(&Promise::Missed)
    }
}

/// What became of a promise.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Promise {
    /// Nothing was promised, or nothing needed to be done.
    None,
    /// There is time.
    Open,
    /// It was kept.
    Kept,
    /// It was not, or too late.
    Missed,
}

impl Promise {
    /// What was due at an instant is late from that millisecond on, as on the desk ([`super::Case::is_late`]).
    fn of(due: Option<Timestamp>, done: Option<Timestamp>, until: Timestamp) -> Self {
        match (due, done) {
            (None, _) => Self::None,
            (Some(due), Some(done)) if done < due => Self::Kept,
            (Some(due), None) if until < due => Self::Open,
            _ => Self::Missed,
        }
    }
}

impl Transfer {
    /// What the register tells of it as it stands.
    pub fn register_line(&self) -> RegisterLine {
        let site = self.form.as_ref().and_then(|form| form.site.as_ref());
        RegisterLine {
            transfer: self.id,
            reference: self.reference.clone(),
            mailbox: self.mailbox,
            partner: self.depositor.partner,
            site: site.or(self.depositor.site.as_ref()).cloned(),
            depositor: self.depositor.person,
            route: self.route,
            received_at: self.received_at,
            file_count: self.file_count,
            total_size: self.total_size,
            dispatched_to: self.dispatches.iter().map(|dispatch| dispatch.to).collect(),
            first_opened_at: self.first_opening.map(|opening| opening.at),
            form: self.form.clone(),
            answers: self.answers,
            due: self.case.due,
            taken_at: self.case.first_taken.map(|step| step.at),
            answered: self.case.first_answer.map(GivenAnswer::from),
            kind: self.case.state.kind(),
            ending: None,
            ended_at: None,
        }
    }

    /// What stays of it when it ended.
    pub fn into_register_line(self, ending: Ending, ended_at: Timestamp) -> RegisterLine {
        RegisterLine { ending: Some(ending), ended_at: Some(ended_at), ..self.register_line() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_promise_is_missed_from_the_millisecond_on_that_was_promised() {
        let of = |done: Option<i64>, until| {
            Promise::of(Some(Timestamp(48)), done.map(Timestamp), Timestamp(until))
        };
        assert_eq!((of(None, 47), of(None, 48)), (Promise::Open, Promise::Missed));
        assert_eq!((of(Some(47), 99), of(Some(48), 99)), (Promise::Kept, Promise::Missed));
        assert_eq!(Promise::of(None, None, Timestamp(i64::MAX)), Promise::None);
    }
}
