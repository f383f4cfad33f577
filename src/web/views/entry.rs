//! The way to an account: a forgotten password, the mailed link, the terms of use (P2).

use askama::Template;

use super::Frame;
use crate::web::texts::{AccountWords, EntryWords};

/// `GET /connexion/oubli`, and the answer to its POST, the same for every address.
#[derive(Debug, Clone, Template)]
#[template(path = "forgotten.html")]
pub struct ForgottenPage {
    /// What stands around.
    pub frame: Frame,
    /// The address as it was typed.
    pub address: String,
    /// What was typed is no address.
    pub wrong: bool,
    /// It was asked for.
    pub asked: bool,
}

/// `GET /compte/lien/{token}`: a button, whatever the token.
#[derive(Debug, Clone, Template)]
#[template(path = "account_link.html")]
pub struct AccountLinkPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the button posts to: the link's own path.
    pub action: String,
    /// The link is good no more.
    pub gone: bool,
}

/// What is wrong with a password that was chosen by a link.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ChooseProblem {
    /// Typed in two ways.
    Differ,
    /// Too short.
    TooShort,
    /// Guessed too easily.
    Guessable,
    /// The account is the last that opens these mailboxes.
    LastMember(Vec<String>),
}

/// The answer to the button's POST: the form that chooses a password.
#[derive(Debug, Clone, Template)]
#[template(path = "choose_password.html")]
pub struct ChoosePasswordPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the form goes: the link's own path.
    pub action: String,
    /// Whose account.
    pub name: String,
    /// The address that signs in.
    pub address: String,
    /// The mailboxes that a member must open to the person again.
    pub to_be_admitted: Vec<String>,
    /// What is wrong.
    pub problem: Option<ChooseProblem>,
}

/// A part of the terms.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum TermsPart {
    /// A heading.
    Heading(String),
    /// A paragraph.
    Paragraph(String),
}

/// `GET /conditions`.
#[derive(Debug, Clone, Template)]
#[template(path = "terms.html")]
pub struct TermsPage {
    /// What stands around.
    pub frame: Frame,
    /// The version in force.
    pub version: String,
    /// Its text.
    pub parts: Vec<TermsPart>,
    /// Whether the person who looks has still to accept it.
    pub to_be_accepted: bool,
    /// The local path to go to afterwards.
    pub next: String,
    /// What to say above the form.
    pub notice: Option<TermsNotice>,
}

/// What the page of the terms has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TermsNotice {
    /// The box was not ticked.
    Needed,
    /// They changed meanwhile.
    Changed,
}

impl TermsPart {
    /// Takes a text apart: an empty line ends a part, a heading begins with `# `.
    pub fn of(text: &str) -> Vec<Self> {
        let parts = text.split("\n\n").map(str::trim).filter(|part| !part.is_empty());
        parts
            .map(|part| match part.strip_prefix("# ") {
                Some(heading) => Self::Heading(heading.to_owned()),
                None => Self::Paragraph(part.to_owned()),
            })
            .collect()
    }
}

impl ForgottenPage {
    fn w(&self) -> EntryWords {
        EntryWords::of(self.frame.language)
    }
}

impl AccountLinkPage {
    fn w(&self) -> EntryWords {
        EntryWords::of(self.frame.language)
    }
}

impl ChoosePasswordPage {
    fn w(&self) -> EntryWords {
        EntryWords::of(self.frame.language)
    }

    fn rules(&self) -> &'static str {
        AccountWords::of(self.frame.language).password_rules
    }

    fn told(&self) -> Option<&'static str> {
        let (w, own) = (self.w(), AccountWords::of(self.frame.language));
        Some(match self.problem.as_ref()? {
            ChooseProblem::Differ => w.differ,
            ChooseProblem::TooShort => own.too_short,
            ChooseProblem::Guessable => own.guessable,
            ChooseProblem::LastMember(_) => w.last_title,
        })
    }

    fn last(&self) -> Option<&[String]> {
        match &self.problem {
            Some(ChooseProblem::LastMember(mailboxes)) => Some(mailboxes),
            _ => None,
        }
    }
}

impl TermsPage {
    fn w(&self) -> EntryWords {
        EntryWords::of(self.frame.language)
    }

    fn told(&self) -> Option<&'static str> {
        self.notice.map(|notice| match notice {
            TermsNotice::Needed => self.w().terms_needed,
            TermsNotice::Changed => self.w().terms_changed,
        })
    }
}
