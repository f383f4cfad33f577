//! Structures and their people (P1, P5, P6).

use askama::Template;

use super::Frame;
use crate::app::{ReviewStanding, StructureAgreement};
use crate::identity::Admission;
use crate::value::{Language, Timestamp, calendar};
use crate::web::texts::StructureWords;

/// `GET /structures`.
#[derive(Debug, Clone, Template)]
#[template(path = "structures.html")]
pub struct StructuresPage {
    /// What stands around.
    pub frame: Frame,
    /// The structures, by name.
    pub rows: Vec<StructureRow>,
}

/// A structure in the list.
#[derive(Debug, Clone)]
pub struct StructureRow {
    /// Where its page is.
    pub path: String,
    /// Its name.
    pub name: String,
    /// How many gestionnaires.
    pub gestionnaires: usize,
    /// How many techniciens.
    pub techniciens: usize,
    /// It is suspended.
    pub suspended: bool,
    /// An agreement is in force.
    pub in_force: bool,
    /// Where its confirmation stands.
    pub review: Option<ReviewStanding>,
}

/// A person of a structure.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "what the page offers, each yes or no")]
pub struct PersonRow {
    /// What forms name the account by.
    pub id: String,
    /// First and last name.
    pub name: String,
    /// The address that signs in.
    pub address: String,
    /// The account's state, for a mark.
    pub state: &'static str,
    /// The state in words.
    pub state_words: &'static str,
    /// Since when, where it is known.
    pub since: Option<Timestamp>,
    /// When the person was last met.
    pub met_at: Option<Timestamp>,
    /// Whether it is the person who looks.
    pub is_self: bool,
    /// Whether the person who looks may change it.
    pub may_change: bool,
    /// Whether it is closed, and may be opened again.
    pub is_closed: bool,
    /// Whether the person who looks may cut it off.
    pub may_cut: bool,
}

/// `GET /structures/{id}`, and the answer to its forms when they are refused.
#[derive(Debug, Clone, Template)]
#[template(path = "structure.html")]
#[expect(clippy::struct_excessive_bools, reason = "what the page offers, each yes or no")]
pub struct StructurePage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path, where its forms go.
    pub path: String,
    /// The structure's name.
    pub name: String,
    /// It is suspended.
    pub suspended: bool,
    /// Its gestionnaires.
    pub gestionnaires: Vec<PersonRow>,
    /// Its techniciens.
    pub techniciens: Vec<PersonRow>,
    /// Its agreements: mailbox, from, until, who is admitted, in force.
    pub agreements: Vec<(String, String, Option<String>, bool, bool)>,
    /// Its blocked addresses.
    pub blocked: Vec<String>,
    /// Where its confirmation stands.
    pub review: Option<ReviewStanding>,
    /// Whether the person who looks appoints gestionnaires.
    pub may_appoint: bool,
    /// Whether the person who looks creates techniciens.
    pub may_manage: bool,
    /// Whether the person who looks excludes.
    pub may_exclude: bool,
    /// Whether the person who looks confirms the list.
    pub may_confirm: bool,
    /// Whether the person who looks sees the history of deposits.
    pub may_see_history: bool,
    /// Whether there is a way back to the list.
    pub has_list: bool,
    /// What to say above.
    pub notice: Option<StructureNotice>,
    /// What was typed, when it was refused.
    pub typed: Option<NewPerson>,
}

/// A form that makes an account or names an address, as it was typed: what is refused stays where it was typed.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct NewPerson {
    /// What the form's button says.
    pub action: &'static str,
    /// First and last name.
    pub name: String,
    /// The address.
    pub address: String,
    /// The fund's id, where one is asked for.
    pub organisation: String,
    /// The language of mails, as a tag.
    pub language: String,
}

impl NewPerson {
    /// Whether nothing was typed.
    pub const fn is_empty(&self) -> bool {
        self.action.is_empty()
    }
}

/// What the page has to say of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum StructureNotice {
    Made,
    Saved,
    LinkSent,
    CutOff,
    Confirmed,
    Taken,
    Outside,
    TooMany,
    Last,
    LastMember,
    NotFitting,
    NotFound,
    NameUnfit,
    AddressUnfit,
}

impl StructureNotice {
    /// Whether nothing was changed.
    pub const fn is_refusal(self) -> bool {
        !matches!(self, Self::Made | Self::Saved | Self::LinkSent | Self::CutOff | Self::Confirmed)
    }
}

/// An agreement as the page lists it.
pub fn agreement_row(
    agreement: StructureAgreement,
    language: Language,
) -> (String, String, Option<String>, bool, bool) {
    let day = |day| calendar::day(day, language);
    let StructureAgreement { mailbox, agreement, in_force } = agreement;
    let listed = matches!(agreement.admission, Admission::Listed(_));
    (mailbox, day(agreement.from), agreement.until.map(day), listed, in_force)
}

impl StructuresPage {
    fn w(&self) -> StructureWords {
        StructureWords::of(self.frame.language)
    }
}

impl StructurePage {
    /// What was typed into the form with this button.
    fn typed(&self, action: &str) -> NewPerson {
        self.typed.clone().filter(|typed| typed.action == action).unwrap_or_default()
    }

    fn w(&self) -> StructureWords {
        StructureWords::of(self.frame.language)
    }

    fn refused(&self) -> bool {
        self.notice.is_some_and(StructureNotice::is_refusal)
    }

    fn told(&self) -> Option<&'static str> {
        Some(self.notice?.told(&self.w()))
    }
}

impl StructureNotice {
    /// In words.
    pub(super) const fn told(self, w: &StructureWords) -> &'static str {
        match self {
            Self::Made => w.done_account,
            Self::Saved => w.done,
            Self::LinkSent => w.done_link,
            Self::CutOff => w.done_cut,
            Self::Confirmed => w.done_review,
            Self::Taken => w.taken,
            Self::Outside => w.outside,
            Self::TooMany => w.too_many,
            Self::Last => w.last,
            Self::LastMember => w.last_member,
            Self::NotFitting => w.not_fitting,
            Self::NotFound => w.not_found,
            Self::NameUnfit => w.name_unfit,
            Self::AddressUnfit => w.address_unfit,
        }
    }
}
