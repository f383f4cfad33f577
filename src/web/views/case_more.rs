//! What a case's page says beside where the case stands: who is answered and by when, the register's codes, the mediator (T5,
//! T6, T7).

use super::{Frame, RegisterChoice};
use crate::policy::partner_answer::{AnswerFacts, PartnerAnswer};
use crate::value::Timestamp;

/// What a case's page says beside where the case stands.
#[derive(Debug, Clone)]
pub struct CaseMore {
    /// Whether the partner is answered.
    pub answer: PartnerAnswer,
    /// What that was decided by.
    pub facts: AnswerFacts,
    /// Until when an answer is owed; none when none is any more.
    pub answer_due: Option<Timestamp>,
    /// The codes that the register has.
    pub codes: Option<CodesTold>,
    /// The sites that an agent can choose.
    pub sites: Vec<RegisterChoice>,
    /// The kinds that an agent can choose; none when the codes are not an agent's to enter.
    pub kinds: Vec<RegisterChoice>,
    /// The reasons that an agent can choose.
    pub reasons: Vec<RegisterChoice>,
    /// The mediator's mailbox, to which the case can be told.
    pub mediator: Option<String>,
    /// Who told the mediator, when, and why.
    pub escalated: Option<(String, Timestamp, &'static str)>,
}

/// Codes in words.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names say all")]
pub struct CodesTold {
    pub site: Option<String>,
    pub kinds: Vec<String>,
    pub reason: Option<String>,
}

impl CaseMore {
    pub(super) fn whom(&self, frame: &Frame) -> &'static str {
        let words = frame.case_more_words();
        match self.answer {
            PartnerAnswer::Expected => words.whom_partner,
            PartnerAnswer::OnRequest => words.whom_person_copy,
            PartnerAnswer::NotAsked => words.whom_person,
            PartnerAnswer::NotWished if self.facts.answers_person => words.whom_person_only,
            PartnerAnswer::NotWished => words.whom_nobody,
        }
    }

    pub(super) fn copy_said(&self, frame: &Frame) -> Option<&'static str> {
        let words = frame.case_more_words();
        match self.facts.copy_to_partner {
            Some(true) => Some(words.copy_yes),
            Some(false) => Some(words.copy_no),
            None => self.facts.answers_person.then_some(words.copy_unknown),
        }
    }

    pub(super) fn wish_said(&self, frame: &Frame) -> Option<&'static str> {
        let words = frame.case_more_words();
        self.facts.inform_professional.map(|wished| if wished { words.wish_yes } else { words.wish_no })
    }

    pub(super) fn is_coded(&self) -> bool {
        self.codes.is_some()
    }

    pub(super) fn may_code(&self) -> bool {
        !self.kinds.is_empty()
    }

    pub(super) fn site_told(&self, frame: &Frame) -> String {
        let site = self.codes.as_ref().and_then(|codes| codes.site.clone());
        site.unwrap_or_else(|| frame.case_more_words().unknown.to_owned())
    }

    pub(super) fn kinds_told(&self, frame: &Frame) -> String {
        let kinds = self.codes.as_ref().map(|codes| codes.kinds.join(", ")).unwrap_or_default();
        if kinds.is_empty() { frame.case_more_words().unknown.to_owned() } else { kinds }
    }

    pub(super) fn reason_told(&self, frame: &Frame) -> String {
        let reason = self.codes.as_ref().and_then(|codes| codes.reason.clone());
        reason.unwrap_or_else(|| frame.case_more_words().unknown.to_owned())
    }
}
