//! The case that a transfer carries: new, in charge, answered, treated (T2, T5), and by when. Facts and transitions; who may
//! make them is decided elsewhere. No text of anybody: dates, accounts, codes.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::value::{AccountId, Timestamp};

/// Somebody did something at an instant.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Step {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
}

/// How an answer was given (T5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerWay {
    /// By the gateway, as a transfer of its own.
    Secure,
    /// By telephone.
    Telephone,
    /// By letter.
    Letter,
    /// At an appointment or a visit.
    Meeting,
}

impl AnswerWay {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Secure, Self::Telephone, Self::Letter, Self::Meeting];

    /// The word by which forms, exports and the log know it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Secure => "secure",
            Self::Telephone => "telephone",
            Self::Letter => "letter",
            Self::Meeting => "meeting",
        }
    }

    /// The way with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|way| way.code() == code)
    }
}

/// An answer: date, agent, how; no text (T5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Answer {
    /// When it was given.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
    /// How.
    pub how: AnswerWay,
}

/// Where a case stands.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum CaseState {
    /// Nobody has it in charge.
    #[default]
    New,
    /// A named person has.
    InCharge(Step),
    /// It was answered.
    Answered(Answer),
    /// Nothing is left to do.
    Treated(Step),
}

impl CaseState {
    /// Its kind, without who and when.
    pub const fn kind(&self) -> CaseKind {
        match self {
            Self::New => CaseKind::New,
            Self::InCharge(_) => CaseKind::InCharge,
            Self::Answered(_) => CaseKind::Answered,
            Self::Treated(_) => CaseKind::Treated,
        }
    }

    /// Who did the last step.
    pub const fn by(&self) -> Option<AccountId> {
        match self {
            Self::New => None,
            Self::InCharge(step) | Self::Treated(step) => Some(step.by),
            Self::Answered(answer) => Some(answer.by),
        }
    }
}

/// The kinds of [`CaseState`], for lists, filters and the register.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "see the states")]
pub enum CaseKind {
    New,
    InCharge,
    Answered,
    Treated,
}

impl CaseKind {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::New, Self::InCharge, Self::Answered, Self::Treated];

    /// The word by which page addresses and exports know it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::New => "new",
            Self::InCharge => "in_charge",
            Self::Answered => "answered",
            Self::Treated => "treated",
        }
    }
}

/// A mail that a case brings about once (T2, T5, V5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Reminder {
    /// Nobody opened it, and half of its time is over.
    UnopenedHalf,
    /// Nobody opened it, and it ends within two days.
    UnopenedTwoDays,
    /// Nobody opened it, and it ends within a day.
    UnopenedOneDay,
    /// As the last, to the manager.
    UnopenedManager,
    /// Nobody took it in charge, and it is about to be late.
    TakeSoon,
    /// Nobody took it in charge in time.
    TakeLate,
    /// It is not answered, and is about to be late.
    AnswerSoon,
    /// It was not answered in time.
    AnswerLate,
    /// It is late for so long that the mediator is told.
    Mediator,
}

impl Reminder {
    /// Whether it is about nobody having opened it.
    pub const fn is_of_opening(self) -> bool {
        matches!(
            self,
            Self::UnopenedHalf | Self::UnopenedTwoDays | Self::UnopenedOneDay | Self::UnopenedManager
        )
    }
}

/// By when (T2, T5). Fixed when the transfer is released: an agreement that changes later changes no promise that was made.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DueDates {
    /// A person takes it in charge.
    pub taken: Option<Timestamp>,
    /// It is answered.
    pub answered: Option<Timestamp>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Due {
    /// To take it in charge, by then.
    Taken(Timestamp),
    /// To answer it, by then.
    Answered(Timestamp),
}

impl Due {
    /// By when.
    pub const fn at(self) -> Timestamp {
        match self {
            Self::Taken(at) | Self::Answered(at) => at,
        }
    }
}

/// Why a step is refused: the page that offered it was old.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum CaseRefusal {
    /// Somebody else has it in charge.
    #[error("the case is in somebody's charge")]
    InCharge {
        /// Who.
        by: AccountId,
    },
    /// The case is not in a state for this step.
    #[error("the case is not in a state for this")]
    NotFitting,
}

/// Why a case is told to the mediator (T5).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum EscalationReason {
    /// It does not get on.
    Blocked,
    /// It wants care.
    Sensitive,
}

impl EscalationReason {
    /// All that there are.
    pub const ALL: [Self; 2] = [Self::Blocked, Self::Sensitive];

    /// The word by which forms know it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Blocked => "blocked",
            Self::Sensitive => "sensitive",
        }
    }

    /// The reason with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|reason| reason.code() == code)
    }
}

/// A person told the mediator of a case.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Escalation {
    /// Who, and when.
    pub step: Step,
    /// Why.
    pub reason: EscalationReason,
}

/// The case of a transfer.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Case {
    /// Where it stands.
    pub state: CaseState,
    /// Who took it in charge first: that keeps the promise of T2, also when it was released since.
    pub first_taken: Option<Step>,
    /// The first answer: that keeps the agreement's deadline.
    pub first_answer: Option<Answer>,
    /// By when.
    pub due: DueDates,
    /// What was told already.
    pub told: BTreeSet<Reminder>,
    /// When there may be something to tell next; none when there is nothing left.
    pub next_look_at: Option<Timestamp>,
    /// Who told the mediator of it, when somebody did, and why.
    #[serde(default)]
    pub escalated: Option<Escalation>,
}

impl Case {
    /// A person takes a new case in charge, or one that somebody else has when `from` says so.
    pub fn take(mut self, step: Step, from: Option<AccountId>) -> Result<Self, CaseRefusal> {
        match self.state {
            CaseState::InCharge(held) if held.by != step.by && Some(held.by) != from => {
                return Err(CaseRefusal::InCharge { by: held.by });
            }
            CaseState::New | CaseState::InCharge(_) => {}
            CaseState::Answered(_) | CaseState::Treated(_) => return Err(CaseRefusal::NotFitting),
        }
        self.first_taken.get_or_insert(step);
        self.state = CaseState::InCharge(step);
        Ok(self)
    }

    /// Nobody has it in charge any more.
    pub fn release(mut self) -> Result<Self, CaseRefusal> {
        match self.state {
            CaseState::InCharge(_) => self.state = CaseState::New,
            _ => return Err(CaseRefusal::NotFitting),
        }
        Ok(self)
    }

    /// It was answered. Who answers has taken note of it.
    pub fn answer(mut self, answer: Answer) -> Result<Self, CaseRefusal> {
        if matches!(self.state, CaseState::Treated(_)) {
            return Err(CaseRefusal::NotFitting);
        }
        self.first_taken.get_or_insert(Step { at: answer.at, by: answer.by });
        self.first_answer.get_or_insert(answer);
        self.state = CaseState::Answered(answer);
        Ok(self)
    }

    /// Nothing is left to do.
    pub fn treat(mut self, step: Step) -> Result<Self, CaseRefusal> {
        if matches!(self.state, CaseState::Treated(_)) {
            return Err(CaseRefusal::NotFitting);
        }
        self.first_taken.get_or_insert(step);
        self.state = CaseState::Treated(step);
        Ok(self)
    }

    /// It went on to another mailbox: whoever sent it there took note of it, and somebody there is to open it and to take
    /// it in charge.
    pub fn dispatched(mut self, step: Step) -> Self {
        self.first_taken.get_or_insert(step);
        self.told.retain(|reminder| !reminder.is_of_opening());
        self.next_look_at = Some(step.at);
        if matches!(self.state, CaseState::InCharge(_)) {
            self.state = CaseState::New;
        }
        self
    }

    /// Something is left to do after all.
    pub fn reopen(mut self, step: Step) -> Result<Self, CaseRefusal> {
        match self.state {
            CaseState::Answered(_) | CaseState::Treated(_) => {
                self.state = CaseState::InCharge(step);
                self.next_look_at = Some(step.at);
            }
            _ => return Err(CaseRefusal::NotFitting),
        }
        Ok(self)
    }

    /// What is to be done next, and by when; none when nothing is, or no date was promised.
    pub fn next_due(&self) -> Option<Due> {
        if matches!(self.state, CaseState::Answered(_) | CaseState::Treated(_)) {
            return None;
        }
        let taken = self.due.taken.filter(|_| self.first_taken.is_none()).map(Due::Taken);
        let answered = self.due.answered.filter(|_| self.first_answer.is_none()).map(Due::Answered);
        taken.into_iter().chain(answered).min_by_key(|due| due.at())
    }

    /// Whether something should have been done by now.
    pub fn is_late(&self, now: Timestamp) -> bool {
        self.next_due().is_some_and(|due| due.at() <= now)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const ANNE: AccountId = AccountId::new([1; 16]);
    const BRUNO: AccountId = AccountId::new([2; 16]);

    fn step(at: i64, by: AccountId) -> Step {
        Step { at: Timestamp(at), by }
    }

    fn case() -> Case {
        let due = DueDates { taken: Some(Timestamp(48)), answered: Some(Timestamp(72)) };
        Case { due, ..Case::default() }
    }

    #[test]
    fn a_case_goes_from_new_to_treated_and_keeps_who_took_it_first() {
        let taken = case().take(step(1, ANNE), None).unwrap();
        assert_eq!(taken.next_due(), Some(Due::Answered(Timestamp(72))));
        let released = taken.release().unwrap();
        assert_eq!(released.state, CaseState::New);
        assert_eq!(released.next_due(), Some(Due::Answered(Timestamp(72))), "somebody had taken note of it");
        let answer = Answer { at: Timestamp(60), by: BRUNO, how: AnswerWay::Telephone };
        let answered = released.take(step(2, BRUNO), None).unwrap().answer(answer).unwrap();
        assert_eq!((answered.next_due(), answered.is_late(Timestamp(1000))), (None, false));
        let treated = answered.treat(step(80, BRUNO)).unwrap();
        assert_eq!((treated.first_taken, treated.first_answer), (Some(step(1, ANNE)), Some(answer)));
        assert_eq!(treated.clone().take(step(81, ANNE), None), Err(CaseRefusal::NotFitting));
        let again = treated.reopen(step(90, ANNE)).unwrap();
        assert_eq!(again.state, CaseState::InCharge(step(90, ANNE)));
        assert_eq!(again.next_due(), None, "the promise was kept");
    }

    #[test]
    fn nobody_takes_a_case_from_another_without_saying_so() {
        let taken = case().take(step(1, ANNE), None).unwrap();
        assert_eq!(taken.clone().take(step(2, BRUNO), None), Err(CaseRefusal::InCharge { by: ANNE }));
        assert!(taken.clone().take(step(2, BRUNO), Some(BRUNO)).is_err(), "it is not that person's");
        assert_eq!(taken.clone().take(step(2, BRUNO), Some(ANNE)).unwrap().state.by(), Some(BRUNO));
        assert!(taken.take(step(3, ANNE), None).is_ok(), "twice by the same person is no harm");
    }

    #[test]
    fn a_case_is_late_from_the_millisecond_on_that_was_promised() {
        assert!(!case().is_late(Timestamp(47)) && case().is_late(Timestamp(48)));
        let taken = case().take(step(50, ANNE), None).unwrap();
        assert!(!taken.is_late(Timestamp(71)) && taken.is_late(Timestamp(72)));
        assert!(!Case::default().is_late(Timestamp(i64::MAX)), "nothing was promised");
    }

    #[test]
    fn steps_that_do_not_fit_are_refused() {
        assert_eq!(case().release(), Err(CaseRefusal::NotFitting));
        assert_eq!(case().reopen(step(1, ANNE)), Err(CaseRefusal::NotFitting));
        let treated = case().treat(step(1, ANNE)).unwrap();
        let answer = Answer { at: Timestamp(2), by: ANNE, how: AnswerWay::Letter };
        assert!(treated.clone().answer(answer).is_err() && treated.treat(step(2, ANNE)).is_err());
    }

    #[test]
    fn ways_are_found_by_their_codes() {
        for way in AnswerWay::ALL {
            assert_eq!(AnswerWay::from_code(way.code()), Some(way));
            assert_eq!(serde_json::to_string(&way).unwrap(), format!("\"{}\"", way.code()));
        }
    }
}
