//! A case as pages show it: where it stands, by when, its way through the mailboxes; and the page that dispatches it (T4).

use askama::Template;

use super::{CaseMore, Frame, TransferHead};
use crate::transfer::{AnswerWay, CaseKind};
use crate::value::Timestamp;

/// The case of a transfer.
#[derive(Debug, Clone)]
pub struct CaseView {
    /// The transfer's path.
    pub path: String,
    /// Where it stands.
    pub kind: CaseKind,
    /// Who did the last step, and when.
    pub last: Option<(String, Timestamp)>,
    /// Who has it in charge, as the form names it.
    pub held_by: Option<String>,
    /// The person who looks did the last step.
    pub is_own: bool,
    /// How it was answered.
    pub how: Option<AnswerWay>,
    /// What is to be done next.
    pub due: Option<CaseDue>,
    /// Its way through the mailboxes.
    pub stages: Vec<CaseStage>,
    /// What is said of the last step.
    pub notice: Option<CaseNotice>,
    /// What is said beside where it stands; none of what the mailbox sent.
    pub more: Option<CaseMore>,
}

/// What is to be done next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CaseDue {
    /// To answer it; else to take it in charge.
    pub is_answer: bool,
    /// By when.
    pub at: Timestamp,
    /// It should have been done.
    pub late: bool,
    /// It is nearly late.
    pub soon: bool,
}

/// A stage of the way.
#[derive(Debug, Clone)]
pub struct CaseStage {
    /// The mailbox that had it.
    pub from: String,
    /// The mailbox that got it.
    pub to: String,
    /// Who dispatched it.
    pub by: String,
    /// When.
    pub at: Timestamp,
    /// Who was told by name.
    pub copy_to: Option<String>,
    /// A note went along.
    pub has_note: bool,
    /// The note, on the opened transfer's page.
    pub note: Option<String>,
}

/// What became of a step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CaseNotice {
    /// It is recorded.
    Done,
    /// The case went to another mailbox.
    Dispatched,
    /// Somebody was quicker.
    TakenByOther,
    /// The case has changed meanwhile.
    NotFitting,
}

impl CaseNotice {
    /// The word by which a page's address knows it.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Done => "fait",
            Self::Dispatched => "ventile",
            Self::TakenByOther => "pris",
            Self::NotFitting => "change",
        }
    }

    /// The notice with this code.
    pub fn from_code(code: &str) -> Option<Self> {
        [Self::Done, Self::Dispatched, Self::TakenByOther, Self::NotFitting]
            .into_iter()
            .find(|notice| notice.code() == code)
    }

    pub(super) const fn is_refusal(self) -> bool {
        matches!(self, Self::TakenByOther | Self::NotFitting)
    }
}

impl CaseView {
    pub(super) fn words(&self, frame: &Frame) -> &'static str {
        let words = frame.case_words();
        match self.notice {
            None => "",
            Some(CaseNotice::Done) => words.done,
            Some(CaseNotice::Dispatched) => words.dispatched,
            Some(CaseNotice::TakenByOther) => words.taken_by_other,
            Some(CaseNotice::NotFitting) => words.not_fitting,
        }
    }

    pub(super) fn is_refused(&self) -> bool {
        self.notice.is_some_and(CaseNotice::is_refusal)
    }

    pub(super) fn state(&self, frame: &Frame) -> &'static str {
        state_in_words(self.kind, frame)
    }

    pub(super) fn way(&self, frame: &Frame) -> &'static str {
        let words = frame.case_words();
        match self.how {
            None => "",
            Some(AnswerWay::Secure) => words.way_secure,
            Some(AnswerWay::Telephone) => words.way_telephone,
            Some(AnswerWay::Letter) => words.way_letter,
            Some(AnswerWay::Meeting) => words.way_meeting,
        }
    }

    pub(super) fn may_take(&self) -> bool {
        self.kind == CaseKind::New
    }

    pub(super) fn may_take_over(&self) -> bool {
        self.kind == CaseKind::InCharge && !self.is_own
    }

    pub(super) fn may_release(&self) -> bool {
        self.kind == CaseKind::InCharge && self.is_own
    }

    pub(super) fn may_treat(&self) -> bool {
        self.kind != CaseKind::Treated
    }

    pub(super) fn may_reopen(&self) -> bool {
        matches!(self.kind, CaseKind::Answered | CaseKind::Treated)
    }
}

pub(super) fn state_in_words(kind: CaseKind, frame: &Frame) -> &'static str {
    let words = frame.case_words();
    match kind {
        CaseKind::New => words.new,
        CaseKind::InCharge => words.in_charge,
        CaseKind::Answered => words.answered,
        CaseKind::Treated => words.treated,
    }
}

/// `GET /transferts/{reference}/ventiler`, and the answer to its POST when it is refused.
#[derive(Debug, Clone, Template)]
#[template(path = "dispatch.html")]
pub struct DispatchPage {
    /// What stands around.
    pub frame: Frame,
    /// The transfer from the outside.
    pub head: TransferHead,
    /// The mailboxes: id, name, and whether the policy refuses it.
    pub targets: Vec<(String, String, bool)>,
    /// Who can be told by name: address, name and mailbox.
    pub people: Vec<(String, String)>,
    /// What was typed.
    pub typed: DispatchTyped,
    /// Why it was refused.
    pub problem: Option<DispatchProblem>,
}

/// What was typed into the form.
#[derive(Debug, Clone, Default)]
pub struct DispatchTyped {
    /// The mailbox, by id.
    pub to: String,
    /// An address.
    pub copy_to: String,
    /// The note.
    pub note: String,
}

/// Why a dispatch was refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum DispatchProblem {
    NoMailbox,
    Already,
    Weaker,
    NotMember,
    NoteTooLong,
    TooMany,
}

impl DispatchPage {
    fn told(&self, problem: DispatchProblem) -> &'static str {
        let words = self.frame.dispatch_words();
        match problem {
            DispatchProblem::NoMailbox => words.no_mailbox,
            DispatchProblem::Already => words.already,
            DispatchProblem::Weaker => words.weaker,
            DispatchProblem::NotMember => words.not_member,
            DispatchProblem::NoteTooLong => words.note_too_long,
            DispatchProblem::TooMany => words.too_many,
        }
    }
}
