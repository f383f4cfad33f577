//! Forms that are defined without code, in `policies/forms/*.toml` (D10): which fields a form has, what they take, what of
//! them the register copies, what the person is told (S6). Read here ([`FormSet::read`]) and judged here ([`Form::judge`]);
//! what a form says once it is filled is [`FilledForm`].

mod filled;
mod judge;
mod read;
#[cfg(test)]
mod tests;

use std::sync::Arc;

use serde::{Deserialize, Serialize};

pub use filled::{Filled, FilledField, FilledForm, FilledSection, Picked};
pub use judge::{FieldProblem, Problem, TYPED_MAX_BYTES, TypedForm};
pub use read::{FORM_FILE_MAX_BYTES, FormFileError, TABLE_MAX_BYTES};

use crate::value::Language;

/// Words in both languages; what is said in French only is read in French by everybody.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Words {
    /// French.
    pub fr: String,
    /// English, where the file says it.
    #[serde(default)]
    pub en: Option<String>,
}

impl Words {
    /// The words for a reader.
    pub fn told(&self, language: Language) -> &str {
        match (language, &self.en) {
            (Language::En, Some(words)) => words,
            _ => &self.fr,
        }
    }

    /// Whether a reader gets words of another language, which a page marks (WCAG 3.1.2).
    pub const fn is_foreign(&self, language: Language) -> bool {
        matches!(language, Language::En) && self.en.is_none()
    }
}

/// A form, in one version.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Form {
    /// The name by which agreements open it: that of its file, and of its version behind a hyphen where it has several.
    pub name: String,
    /// Its title.
    pub title: Words,
    /// What stands above it.
    pub lead: Option<Words>,
    /// The name of the document that is made of it, without its ending.
    pub document: String,
    /// Its fields, in order.
    pub sections: Vec<Section>,
    /// What the person is told, with `{organisation}` and `{dpo}` to be filled in.
    pub notice: Words,
}

/// Fields under one heading.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// The heading.
    pub title: Words,
    /// Its fields.
    pub fields: Vec<Field>,
}

/// A field.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Field {
    /// What it is known by, in the form's file and in what is sealed.
    pub id: String,
    /// What it asks.
    pub label: Words,
    /// How to answer.
    pub help: Option<Words>,
    /// Whether it must be answered; of a checkbox: ticked.
    pub required: bool,
    /// What it takes.
    pub kind: FieldKind,
    /// What the register copies of it, as a code (T7).
    pub role: Option<RegisterRole>,
}

/// What a field takes.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldKind {
    /// A line of at most so many characters.
    Text(usize),
    /// Lines of at most so many characters together.
    Multiline(usize),
    /// A telephone number of France.
    Phone,
    /// A social-security number with its key.
    Nir,
    /// An e-mail address.
    Email,
    /// A day, from so many years before today to so many days after.
    Date {
        /// Years before today.
        years_back: u16,
        /// Days after today.
        days_ahead: u16,
    },
    /// One of these.
    Choice(Vec<Choice>),
    /// Any number of these; at least one where it is required.
    OneOrMore(Vec<Choice>),
    /// Yes or no.
    YesNo,
    /// Ticked or not.
    Checkbox,
    /// A day and a typed name, or a line on the document that is signed by hand.
    Signature,
}

/// A choice.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Choice {
    /// Its stable code, which registers and statistics keep.
    pub code: String,
    /// What people read.
    pub label: Words,
    /// Whether a free text goes with it.
    pub text: Option<OtherText>,
}

/// A free text that goes with a choice. It stays sealed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum OtherText {
    /// It may be left empty.
    Optional,
    /// It must be there when the choice is made.
    Required,
}

/// What the register copies of a field.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RegisterRole {
    /// The site that the case comes from.
    Site,
    /// The territory that it comes from, where the form knows no site.
    Territory,
    /// The kinds of file.
    Kind,
    /// The reason.
    Reason,
    /// Whether the partner asks for a copy of the answer (T6).
    CopyToPartner,
    /// Whether the person wishes that the professional be informed (T6).
    InformProfessional,
}

impl Field {
    /// Its choices, where it has any.
    pub fn choices(&self) -> &[Choice] {
        match &self.kind {
            FieldKind::Choice(choices) | FieldKind::OneOrMore(choices) => choices,
            _ => &[],
        }
    }
}

impl Form {
    /// All fields, in order.
    pub fn fields(&self) -> impl Iterator<Item = &Field> {
        self.sections.iter().flat_map(|section| &section.fields)
    }

    /// The field that has a role.
    pub fn with_role(&self, role: RegisterRole) -> Option<&Field> {
        self.fields().find(|field| field.role == Some(role))
    }

    /// What the person is told, by whom.
    pub fn notice_of(&self, organisation: &str, dpo: &str, language: Language) -> String {
        self.notice.told(language).replace("{organisation}", organisation).replace("{dpo}", dpo)
    }
}

/// The forms in force.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct FormSet {
    forms: Vec<Arc<Form>>,
}

impl FormSet {
    /// A form by its name.
    pub fn get(&self, name: &str) -> Option<&Arc<Form>> {
        self.forms.iter().find(|form| form.name == name)
    }

    /// All forms, by name.
    pub fn all(&self) -> &[Arc<Form>] {
        &self.forms
    }

    /// What people read for a code that the register keeps; none when no form in force has it. The form that gave the code is
    /// asked first, then the others: a code says the same in all of them.
    pub fn label_of(&self, form: &str, role: RegisterRole, code: &str, language: Language) -> Option<&str> {
        let first = self.get(form).into_iter().chain(&self.forms);
        let mut fields = first.filter_map(|form| form.with_role(role));
        let choice = fields.find_map(|field| field.choices().iter().find(|choice| choice.code == code));
        choice.map(|choice| choice.label.told(language))
    }
}
