//! What a form says once it is filled: codes with the words that were read with them, so that it can still be read when the
//! form's file has changed since. It is sealed as it is, and a document is made of it.

use serde::{Deserialize, Serialize};

use super::{RegisterRole, Words};
use crate::value::Language;

/// A form that was filled, every answer judged.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilledForm {
    /// The form's name.
    pub form: String,
    /// Its title.
    pub title: Words,
    /// The name of the document that is made of it, without its ending.
    pub document: String,
    /// What was answered, in order.
    pub sections: Vec<FilledSection>,
    /// What the person was told (S6).
    pub notice: Words,
}

/// Answers under one heading.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilledSection {
    /// The heading.
    pub title: Words,
    /// The answers.
    pub fields: Vec<FilledField>,
}

/// An answer.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FilledField {
    /// The field's id.
    pub id: String,
    /// What it asked.
    pub label: Words,
    /// What the register copies of it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub role: Option<RegisterRole>,
    /// What was answered.
    pub answer: Filled,
}

/// What was answered.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Filled {
    /// Nothing.
    Nothing,
    /// A text, in the shape of its kind.
    Text(String),
    /// A day, as ISO 8601 writes it.
    Day(String),
    /// One or more choices.
    Picked(Vec<Picked>),
    /// Yes or no, ticked or not.
    Flag(bool),
    /// A signature.
    Signed {
        /// The day that was typed.
        day: Option<String>,
        /// The name that was typed.
        name: Option<String>,
        /// Whether the document is signed by hand.
        by_hand: bool,
    },
}

/// A choice that was made.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Picked {
    /// Its code.
    pub code: String,
    /// What was read.
    pub label: Words,
    /// The free text that goes with it.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub text: Option<String>,
}

impl FilledForm {
    /// The answer to the field that has a role.
    fn with_role(&self, role: RegisterRole) -> Option<&Filled> {
        let mut fields = self.sections.iter().flat_map(|section| &section.fields);
        fields.find(|field| field.role == Some(role)).map(|field| &field.answer)
    }

    /// The codes that were chosen in the field that has a role.
    pub fn codes(&self, role: RegisterRole) -> Vec<String> {
        match self.with_role(role) {
            Some(Filled::Picked(picked)) => picked.iter().map(|picked| picked.code.clone()).collect(),
            _ => Vec::new(),
        }
    }

    /// Whether the field that has a role says yes; none where it was not asked or not answered.
    pub fn flag(&self, role: RegisterRole) -> Option<bool> {
        match self.with_role(role) {
            Some(Filled::Flag(yes)) => Some(*yes),
            _ => None,
        }
    }
}

impl FilledField {
    /// The answer as lines for a reader; none when nothing was answered.
    pub fn lines(&self, language: Language) -> Vec<String> {
        let words = |fr: &str, en: &str| if language == Language::Fr { fr.to_owned() } else { en.to_owned() };
        match &self.answer {
            Filled::Nothing => Vec::new(),
            Filled::Text(text) => text.lines().map(ToOwned::to_owned).collect(),
            Filled::Day(day) => vec![told_day(day, language)],
            Filled::Flag(true) => vec![words("Oui", "Yes")],
            Filled::Flag(false) => vec![words("Non", "No")],
            Filled::Picked(picked) => picked
                .iter()
                .map(|picked| {
                    let label = picked.label.told(language);
                    let colon = if language == Language::Fr { "\u{a0}: " } else { ": " };
                    picked
                        .text
                        .as_ref()
                        .map_or_else(|| label.to_owned(), |text| format!("{label}{colon}{text}"))
                })
                .collect(),
            Filled::Signed { day, name, by_hand } => {
                let mut lines: Vec<String> = name.iter().cloned().collect();
                lines.extend(day.iter().map(|day| told_day(day, language)));
                if *by_hand {
                    lines.push(words("À signer à la main", "To be signed by hand"));
                }
                lines
            }
        }
    }

    /// Whether the document leaves room for a signature.
    pub const fn is_signed_by_hand(&self) -> bool {
        matches!(self.answer, Filled::Signed { by_hand: true, .. })
    }
}

/// A day of ISO 8601 for a reader: « 21/11/2026 », "2026-11-21".
pub(super) fn told_day(iso: &str, language: Language) -> String {
    let mut parts = iso.splitn(3, '-');
    match (language, parts.next(), parts.next(), parts.next()) {
        (Language::Fr, Some(year), Some(month), Some(of_month)) => format!("{of_month}/{month}/{year}"),
        _ => iso.to_owned(),
    }
}
