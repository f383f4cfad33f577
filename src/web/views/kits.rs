//! The security officer's kits: a breach (S3), the record of processing (S4), a person's request (S5).

use askama::Template;

use super::Frame;
use crate::app::kit_text::Section;
use crate::web::texts::KitWords;

/// `GET /dossiers`.
#[derive(Debug, Clone, Template)]
#[template(path = "kits.html")]
pub struct KitsPage {
    /// What stands around.
    pub frame: Frame,
}

/// `GET /dossiers/violation`, and the answer to its POST.
#[derive(Debug, Clone, Template)]
#[template(path = "kit_breach.html")]
pub struct BreachPage {
    /// What stands around.
    pub frame: Frame,
    /// What was typed, given back.
    pub typed: BreachTyped,
    /// The mailboxes to choose from: value and name.
    pub mailboxes: Vec<(String, String)>,
    /// What is wrong with what was typed.
    pub problem: Option<KitProblem>,
    /// The kit, once it was made.
    pub sections: Option<Vec<Section>>,
}

/// What the officer typed about a breach. Times as `2026-11-21T09:30`, in Paris.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names are those of the form's fields, in English")]
pub struct BreachTyped {
    pub from: String,
    pub until: String,
    pub aware: String,
    pub mailbox: String,
    pub account: String,
    pub transfer: String,
}

/// `GET /dossiers/traitements`.
#[derive(Debug, Clone, Template)]
#[template(path = "kit_record.html")]
pub struct ProcessingPage {
    /// What stands around.
    pub frame: Frame,
    /// The record.
    pub sections: Vec<Section>,
}

/// `GET /dossiers/personne`, and the answer to its POST.
#[derive(Debug, Clone, Template)]
#[template(path = "kit_person.html")]
pub struct PersonRequestPage {
    /// What stands around.
    pub frame: Frame,
    /// The address as typed.
    pub address: String,
    /// What is wrong.
    pub problem: Option<KitProblem>,
    /// What was found or done.
    pub outcome: PersonOutcome,
}

/// What became of a person's request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum PersonOutcome {
    /// Nothing was asked yet.
    Nothing,
    /// This is held.
    Found(Vec<Section>),
    /// Nothing is held.
    Unknown,
    /// It was erased; this is the report.
    Erased(Vec<Section>),
}

/// What is wrong with what was typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum KitProblem {
    Time,
    Account,
    Transfer,
    Address,
    NotConfirmed,
    Needed,
    OpensMailboxes,
}

impl KitProblem {
    fn text(self, words: &KitWords) -> &'static str {
        match self {
            Self::Time => words.wrong_time,
            Self::Account => words.wrong_account,
            Self::Transfer => words.wrong_transfer,
            Self::Address => words.wrong_address,
            Self::NotConfirmed => words.not_confirmed,
            Self::Needed => words.needed,
            Self::OpensMailboxes => words.opens_mailboxes,
        }
    }
}

impl KitsPage {
    fn w(&self) -> KitWords {
        KitWords::of(self.frame.language)
    }
}

impl BreachPage {
    fn w(&self) -> KitWords {
        KitWords::of(self.frame.language)
    }
}

impl ProcessingPage {
    fn w(&self) -> KitWords {
        KitWords::of(self.frame.language)
    }
}

impl PersonRequestPage {
    fn w(&self) -> KitWords {
        KitWords::of(self.frame.language)
    }
}
