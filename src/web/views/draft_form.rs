//! The form's part of the deposit page, and the form as agents read it (D6, D10, S6).

use askama::Template;

use super::{DraftProblem, Frame};
use crate::policy::form::{Choice, Field, FieldKind, FilledForm, Form, RegisterRole, TypedForm, Words};
use crate::value::Language;
use crate::web::texts::FormWords;

/// Up to so many choices are shown one below the other; more fold into a list.
const RADIOS_MAX: usize = 8;

/// The form's part of the deposit page.
#[derive(Debug, Clone, Template)]
#[template(path = "draft_form.html")]
pub struct FormPart {
    /// What is read, and in which language.
    pub language: Language,
    /// Where the page's form posts to.
    pub action: String,
    /// What the hidden field says of the choice, to be posted back.
    pub chosen: String,
    /// Whether the form is joined as a file.
    pub joined: bool,
    /// Whether it was chosen to send none.
    pub without: bool,
    /// Whether the agreement asks for a form.
    pub required: bool,
    /// Forms that can be chosen: name, title, whether the title is in another language.
    pub offered: Vec<(String, String, bool)>,
    /// The form that is being filled.
    pub filling: Option<FormFields>,
    /// What is wrong with the choice.
    pub problems: Vec<String>,
}

/// A form that is being filled.
#[derive(Debug, Clone)]
pub struct FormFields {
    /// Its title.
    pub title: Said,
    /// What stands above it.
    pub lead: Option<Said>,
    /// Its fields, by heading.
    pub sections: Vec<(Said, Vec<FieldView>)>,
    /// What the person is told.
    pub notice: Said,
}

/// Words, and whether they are in another language than the page.
#[derive(Debug, Clone)]
pub struct Said {
    /// The words.
    pub text: String,
    /// They are French on an English page.
    pub foreign: bool,
}

/// How a field looks.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Shape {
    Line,
    Lines,
    List,
    Radios,
    Boxes,
    Check,
    Signature,
}

/// A field.
#[derive(Debug, Clone)]
pub struct FieldView {
    /// The element's id.
    pub id: String,
    /// The input's name.
    pub name: String,
    /// How it looks.
    pub shape: Shape,
    /// What it asks.
    pub label: Said,
    /// How to answer.
    pub help: Option<Said>,
    /// Whether it must be answered.
    pub required: bool,
    /// What was typed.
    pub value: String,
    /// What kind of keyboard fits.
    pub mode: &'static str,
    /// Its choices.
    pub choices: Vec<ChoiceView>,
    /// A signature's three inputs: name, day, whether by hand.
    pub signature: Option<(String, String, bool)>,
    /// What is wrong with it, by input.
    pub errors: Vec<(String, String)>,
}

/// A choice.
#[derive(Debug, Clone)]
pub struct ChoiceView {
    /// The element's id.
    pub id: String,
    /// What is posted.
    pub code: String,
    /// What is read.
    pub label: Said,
    /// Whether it is chosen.
    pub chosen: bool,
    /// What was typed beside it, where something may be.
    pub beside: Option<String>,
}

impl FieldView {
    /// What is wrong with the field's own input.
    fn error(&self) -> Option<&str> {
        self.error_at("")
    }

    /// What is wrong with one of its other inputs.
    fn error_at(&self, part: &str) -> Option<&str> {
        self.errors.iter().find(|(at, _)| at == part).map(|(_, text)| text.as_str())
    }

    fn described(&self) -> String {
        let mut ids = Vec::new();
        if self.error().is_some() {
            ids.push(format!("{}-error", self.id));
        }
        if self.help.is_some() {
            ids.push(format!("{}-help", self.id));
        }
        ids.join(" ")
    }
}

impl FormPart {
    fn w(&self) -> FormWords {
        FormWords::of(self.language)
    }
}

/// The id of the element that an input of a form has on the page.
pub fn form_element(at: &str) -> String {
    // The first part is the field; what follows is one of its other inputs.
    format!("f-{}", at.replacen('.', "--", 1))
}

impl FormFields {
    /// The fields of a form with what was typed and what is wrong with it.
    pub fn of(
        form: &Form,
        typed: &TypedForm,
        problems: &[DraftProblem],
        language: Language,
        notice: String,
    ) -> Self {
        let sections = form.sections.iter().map(|section| {
            let fields = section.fields.iter().map(|field| field_view(field, typed, problems, language));
            (said(&section.title, language), fields.collect())
        });
        Self {
            title: said(&form.title, language),
            lead: form.lead.as_ref().map(|lead| said(lead, language)),
            sections: sections.collect(),
            notice: Said { text: notice, foreign: form.notice.is_foreign(language) },
        }
    }
}

pub(in crate::web) fn said(words: &Words, language: Language) -> Said {
    Said { text: words.told(language).to_owned(), foreign: words.is_foreign(language) }
}

fn field_view(field: &Field, typed: &TypedForm, problems: &[DraftProblem], language: Language) -> FieldView {
    let w = FormWords::of(language);
    let (shape, mode, usual_help) = match &field.kind {
        FieldKind::Text(_) => (Shape::Line, "text", None),
        FieldKind::Multiline(_) => (Shape::Lines, "text", None),
        FieldKind::Phone => (Shape::Line, "tel", Some(w.help_phone)),
        FieldKind::Nir => (Shape::Line, "text", Some(w.help_nir)),
        FieldKind::Email => (Shape::Line, "email", Some(w.help_email)),
        FieldKind::Date { .. } => (Shape::Line, "numeric", Some(w.help_day)),
        FieldKind::Choice(choices) if choices.len() > RADIOS_MAX => (Shape::List, "text", None),
        FieldKind::Choice(_) | FieldKind::YesNo => (Shape::Radios, "text", None),
        FieldKind::OneOrMore(_) => (Shape::Boxes, "text", None),
        FieldKind::Checkbox => (Shape::Check, "text", None),
        FieldKind::Signature => (Shape::Signature, "text", None),
    };
    let help = field.help.as_ref().map(|help| said(help, language));
    let usual_help = usual_help.map(|help| Said { text: help.to_owned(), foreign: false });
    let part = |part: &str| typed.first(&format!("{}.{part}", field.id)).to_owned();
    FieldView {
        id: form_element(&field.id),
        name: format!("f.{}", field.id),
        shape,
        label: said(&field.label, language),
        help: help.or(usual_help),
        required: field.required,
        value: typed.first(&field.id).to_owned(),
        mode,
        choices: choices(field, typed, language),
        signature: (shape == Shape::Signature).then(|| (part("name"), part("day"), !part("hand").is_empty())),
        errors: errors(field, problems, language),
    }
}

fn choices(field: &Field, typed: &TypedForm, language: Language) -> Vec<ChoiceView> {
    let w = FormWords::of(language);
    let chosen = typed.all(&field.id);
    let view = |place: usize, code: &str, label: Said, beside: Option<String>| ChoiceView {
        // The summary of what is wrong leads to the first.
        id: if place == 0 { form_element(&field.id) } else { format!("{}-{code}", form_element(&field.id)) },
        code: code.to_owned(),
        label,
        chosen: chosen.iter().any(|chosen| chosen == code),
        beside,
    };
    if field.kind == FieldKind::YesNo {
        let words = [("yes", w.yes), ("no", w.no)];
        let answer = |(place, (code, text)): (usize, (&str, &str))| {
            view(place, code, Said { text: text.to_owned(), foreign: false }, None)
        };
        return words.into_iter().enumerate().map(answer).collect();
    }
    let beside = |choice: &Choice| {
        choice.text.map(|_| typed.first(&format!("{}.{}", field.id, choice.code)).to_owned())
    };
    let choices = field.choices().iter().enumerate();
    choices
        .map(|(place, choice)| view(place, &choice.code, said(&choice.label, language), beside(choice)))
        .collect()
}

/// What is wrong with a field, by the part of it: its own input is the empty part.
fn errors(field: &Field, problems: &[DraftProblem], language: Language) -> Vec<(String, String)> {
    let at_field = problems.iter().filter_map(|problem| {
        let DraftProblem::Answer { at, what, .. } = problem else { return None };
        let part = match at.split_once('.') {
            Some((id, part)) if id == field.id => part,
            None if *at == field.id => "",
            _ => return None,
        };
        Some((part.to_owned(), what.told(language)))
    });
    at_field.collect()
}

/// A question, and the lines of its answer.
pub type Answered = (Said, Vec<String>);

/// The form of an opened transfer: headings, questions, answers.
#[derive(Debug, Clone)]
pub struct OpenedForm {
    /// Its title.
    pub title: Said,
    /// By heading.
    pub sections: Vec<(Said, Vec<Answered>)>,
    /// The number of the file that is its document, if that is in the transfer.
    pub document: Option<u32>,
    /// Whether the partner asks for a copy of the answer, and the person that the professional be informed (T6).
    pub wishes: (Option<bool>, Option<bool>),
}

impl OpenedForm {
    /// A filled form for a reader.
    pub fn of(form: &FilledForm, document: Option<u32>, language: Language) -> Self {
        let sections = form.sections.iter().map(|section| {
            let fields =
                section.fields.iter().map(|field| (said(&field.label, language), field.lines(language)));
            (said(&section.title, language), fields.collect())
        });
        Self {
            title: said(&form.title, language),
            sections: sections.collect(),
            document,
            wishes: (form.flag(RegisterRole::CopyToPartner), form.flag(RegisterRole::InformProfessional)),
        }
    }

    pub(super) fn w(frame: &Frame) -> FormWords {
        FormWords::of(frame.language)
    }
}
