//! What an agreement says beyond who may deposit: within how long a case is taken in charge and answered, who is answered,
//! whom a blocked case goes to, which services are open (T2, T5, T6, D11). Values only; clocks are kept with the case.

use std::collections::BTreeSet;

use serde::{Deserialize, Serialize};

use crate::policy::deadline::Deadline;
use crate::value::{MailboxId, Slug};

/// A person of the service takes note within this (T2), where the agreement says nothing else.
pub const TAKEN_WITHIN: Deadline = Deadline::calendar_hours(48);
/// A case is answered within this (T5), where the agreement says nothing else.
pub const ANSWERED_WITHIN: Deadline = Deadline::calendar_hours(72);

/// Who is answered (T5, T6).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum AnswerTo {
    /// The insured person, by telephone or otherwise; the partner only where the form or the person asks for it.
    Person,
    /// The partner who deposited.
    Partner,
}

/// A service that an agreement opens to the partner (D11).
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Service {
    /// Depositing on the page.
    Page,
    /// Depositing by mail (D7).
    Mail,
    /// Following what was sent, and the structure's history.
    Tracking,
    /// Depositing by the partner's software.
    Api,
}

impl Service {
    /// All that there are.
    pub const ALL: [Self; 4] = [Self::Page, Self::Mail, Self::Tracking, Self::Api];
}

/// What an agreement says of the cases deposited under it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AgreementTerms {
    /// Within how long a person takes the case in charge (T2).
    pub taken_within: Deadline,
    /// Within how long it is answered (T5).
    pub answered_within: Deadline,
    /// Who is answered.
    pub answer_to: AnswerTo,
    /// The title of a secure answer to the partner (D5).
    pub answer_title: Option<String>,
    /// The mediator's mailbox, to which a blocked or late case can be escalated (T5).
    pub mediator: Option<MailboxId>,
    /// What is open to the partner (D11).
    pub services: BTreeSet<Service>,
    /// The forms that are open to the partner, by name (D10, D11).
    #[serde(default)]
    pub forms: BTreeSet<Slug>,
    /// Whether a deposit needs one: on the page filled or joined as a file, by mail and by software joined as a file.
    #[serde(default)]
    pub form_required: bool,
    /// To which mailbox a deposit goes for what its form says (T8).
    #[serde(default)]
    pub routes: Vec<RouteRow>,
    /// The name by which the agreement's file knows it; none when it was not imported.
    pub file: Option<String>,
}

/// A row of a routing table. What it names must all fit; of the kinds of a form, one is enough.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RouteRow {
    /// Forms, by name; any form when empty.
    pub forms: BTreeSet<Slug>,
    /// Codes of kinds of file; any when empty.
    pub kinds: BTreeSet<String>,
    /// Codes of reasons; any when empty.
    pub reasons: BTreeSet<String>,
    /// The mailbox that the deposit goes to.
    pub to: MailboxId,
}

impl RouteRow {
    fn fits(&self, form: &str, kinds: &[String], reason: Option<&str>) -> bool {
        (self.forms.is_empty() || self.forms.iter().any(|known| known.as_str() == form))
            && (self.kinds.is_empty() || kinds.iter().any(|kind| self.kinds.contains(kind)))
            && (self.reasons.is_empty() || reason.is_some_and(|reason| self.reasons.contains(reason)))
    }
}

impl AgreementTerms {
    /// The mailbox that a deposit goes to for what its form says; none when it stays where it is. The first row that fits
    /// decides (T8).
    pub fn route(&self, form: &str, kinds: &[String], reason: Option<&str>) -> Option<MailboxId> {
        self.routes.iter().find(|row| row.fits(form, kinds, reason)).map(|row| row.to)
    }
}

impl Default for AgreementTerms {
    /// 48 hours, 72 hours, the partner, every service.
    fn default() -> Self {
        Self {
            taken_within: TAKEN_WITHIN,
            answered_within: ANSWERED_WITHIN,
            answer_to: AnswerTo::Partner,
            answer_title: None,
            mediator: None,
            services: Service::ALL.into(),
            forms: BTreeSet::new(),
            form_required: false,
            routes: Vec::new(),
            file: None,
        }
    }
}
