//! Judges what was typed into a form: every field for itself, all of them at once, each fault with the field that it is at.
//! What is accepted is kept in one shape: a NIR in its groups, a telephone number in pairs, a day as a day.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::filled::{Filled, told_day};
use super::{
    Choice, Field, FieldKind, FilledField, FilledForm, FilledSection, Form, OtherText, Picked, Words,
};
use crate::policy::title::{NirFault, judge_nir};
use crate::value::{Day, Language, MailAddress};

/// What may be typed into a form in all, in bytes.
pub const TYPED_MAX_BYTES: usize = 128 * 1024;
/// Inputs of a form.
const INPUTS_MAX: usize = 1000;
/// Bytes of an input's name.
const NAME_MAX_BYTES: usize = 100;
/// Characters of what is typed beside a choice, of a name that signs, of a mail address.
const LINE_MAX_CHARS: usize = 320;

/// What was typed into a form, by the names of its inputs: `{id}`; `{id}.{code}` for what is typed beside a choice; of a
/// signature `{id}.day`, `{id}.name`, `{id}.hand`.
#[derive(Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct TypedForm {
    fields: BTreeMap<String, Vec<String>>,
}

impl fmt::Debug for TypedForm {
    /// How many inputs; never what was typed.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "TypedForm({})", self.fields.len())
    }
}

impl TypedForm {
    /// Takes an input in; false when that is more than a form may hold.
    pub fn take(&mut self, name: &str, value: String) -> bool {
        let held = self
            .fields
            .iter()
            .map(|(name, values)| name.len() + values.iter().map(|value| value.len() + 1).sum::<usize>());
        let inputs: usize = self.fields.values().map(Vec::len).sum();
        if name.len() > NAME_MAX_BYTES
            || inputs >= INPUTS_MAX
            || held.sum::<usize>() + name.len() + value.len() > TYPED_MAX_BYTES
        {
            return false;
        }
        self.fields.entry(name.to_owned()).or_default().push(value);
        true
    }

    /// The first value of an input, as typed.
    pub fn first(&self, name: &str) -> &str {
        self.fields.get(name).and_then(|values| values.first()).map_or("", String::as_str)
    }

    /// All values of an input.
    pub fn all(&self, name: &str) -> &[String] {
        self.fields.get(name).map_or(&[], Vec::as_slice)
    }

    /// Whether anything was typed or chosen.
    pub fn is_empty(&self) -> bool {
        self.fields.values().flatten().all(|value| value.trim().is_empty())
    }

    /// Everything that was typed, one a line, to be scanned.
    pub fn text(&self) -> String {
        self.fields.values().flatten().map(String::as_str).collect::<Vec<_>>().join("\n")
    }
}

/// What is wrong with an answer, and at which input.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Problem {
    /// The input's name.
    pub at: String,
    /// The field's label.
    pub label: Words,
    /// What is wrong.
    pub what: FieldProblem,
}

/// What is wrong with an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum FieldProblem {
    /// Nothing was answered.
    Missing,
    /// Nothing was chosen.
    NotChosen,
    /// A box that must be ticked was not.
    NotTicked,
    /// A choice that the form does not have.
    NoSuchChoice,
    /// What goes with the choice was not said.
    TextMissing,
    /// More than may be typed.
    TooLong {
        /// Characters allowed.
        limit: usize,
    },
    /// No telephone number of France.
    Phone,
    /// No mail address.
    Email,
    /// The NIR has not 15 characters.
    NirLength,
    /// What it says cannot be.
    NirShape,
    /// Its key does not fit.
    NirKey,
    /// No day of the calendar.
    NoSuchDay,
    /// A day that lies too far back.
    TooEarly {
        /// The first that is accepted.
        first: Day,
    },
    /// A day that is too far ahead.
    TooLate {
        /// The last that is accepted.
        last: Day,
    },
    /// A name without a day.
    SignedWithoutDay,
    /// A day without a name.
    SignedWithoutName,
}

impl FieldProblem {
    /// The sentence for who fills the form.
    pub fn told(&self, language: Language) -> String {
        let fr = language == Language::Fr;
        let told = match self {
            Self::Missing if fr => "Répondez à cette question.",
            Self::Missing => "Answer this question.",
            Self::NotChosen if fr => "Choisissez une réponse.",
            Self::NotChosen => "Choose an answer.",
            Self::NotTicked if fr => "Cette case doit être cochée pour envoyer la fiche.",
            Self::NotTicked => "This box must be ticked to send the form.",
            Self::NoSuchChoice if fr => "Cette réponse ne fait pas partie des choix : choisissez-en une.",
            Self::NoSuchChoice => "This answer is none of the choices: choose one.",
            Self::TextMissing if fr => "Précisez votre réponse.",
            Self::TextMissing => "Say more about your answer.",
            Self::TooLong { limit } if fr => return format!("{limit} caractères au plus : raccourcissez."),
            Self::TooLong { limit } => return format!("{limit} characters at most: make it shorter."),
            Self::Phone if fr => {
                "Ce numéro de téléphone n’existe pas en France : dix chiffres, par exemple 02 99 00 00 00."
            }
            Self::Phone => "This is no telephone number of France: ten digits, such as 02 99 00 00 00.",
            Self::Email if fr => "Cette adresse n’est pas complète : par exemple nom@organisme.example.",
            Self::Email => "This address is not complete: it is written like name@organisation.example.",
            Self::NirLength if fr => "Le NIR a 13 caractères suivis d’une clé de 2 chiffres : 15 en tout.",
            Self::NirLength => "A NIR has 13 characters and a key of 2 digits: 15 in all.",
            Self::NirShape if fr => {
                "Ce NIR n’existe pas : vérifiez le premier chiffre, l’année, le mois, le département."
            }
            Self::NirShape => {
                "There is no such NIR: check the first digit, the year, the month, the department."
            }
            Self::NirKey if fr => {
                "La clé (les 2 derniers chiffres) ne correspond pas à ce NIR : un chiffre est inexact."
            }
            Self::NirKey => "The key (the last 2 digits) does not fit this NIR: one digit is wrong.",
            Self::NoSuchDay if fr => {
                "Cette date n’existe pas : écrivez le jour, le mois et l’année, par exemple 21/11/2026."
            }
            Self::NoSuchDay => "There is no such day: write day, month and year, such as 21/11/2026.",
            Self::TooEarly { first } if fr => {
                return format!(
                    "Cette date est trop ancienne : pas avant le {}.",
                    told_day(&first.to_string(), language)
                );
            }
            Self::TooEarly { first } => {
                return format!(
                    "This day is too long ago: not before {}.",
                    told_day(&first.to_string(), language)
                );
            }
            Self::TooLate { last } if fr => {
                return format!(
                    "Cette date est trop lointaine : pas après le {}.",
                    told_day(&last.to_string(), language)
                );
            }
            Self::TooLate { last } => {
                return format!(
                    "This day is too far ahead: not after {}.",
                    told_day(&last.to_string(), language)
                );
            }
            Self::SignedWithoutDay if fr => "Indiquez aussi la date de la signature.",
            Self::SignedWithoutDay => "Say the day of the signature as well.",
            Self::SignedWithoutName if fr => "Indiquez aussi le nom du signataire.",
            Self::SignedWithoutName => "Say who signs as well.",
        };
        told.to_owned()
    }
}

impl Form {
    /// Judges what was typed on a day; `organisation` and `dpo` are what the person was told (S6).
    pub fn judge(
        &self,
        typed: &TypedForm,
        today: Day,
        organisation: &str,
        dpo: &str,
    ) -> Result<FilledForm, Vec<Problem>> {
        let mut problems = Vec::new();
        let sections = self.sections.iter().map(|section| FilledSection {
            title: section.title.clone(),
            fields: section
                .fields
                .iter()
                .map(|field| Judge { field, typed, today }.judge(&mut problems))
                .collect(),
        });
        let sections: Vec<FilledSection> = sections.collect();
        if !problems.is_empty() {
            return Err(problems);
        }
        let notice = Words {
            fr: self.notice_of(organisation, dpo, Language::Fr),
            en: self.notice.en.as_ref().map(|_| self.notice_of(organisation, dpo, Language::En)),
        };
        Ok(FilledForm {
            form: self.name.clone(),
            title: self.title.clone(),
            document: self.document.clone(),
            sections,
            notice,
        })
    }
}

/// One field that is being judged.
struct Judge<'a> {
    field: &'a Field,
    typed: &'a TypedForm,
    today: Day,
}

/// What is wrong, at the field's own input or at one of its others.
struct Wrong(Option<String>, FieldProblem);

impl From<FieldProblem> for Wrong {
    fn from(what: FieldProblem) -> Self {
        Self(None, what)
    }
}

impl Judge<'_> {
    fn judge(&self, problems: &mut Vec<Problem>) -> FilledField {
        let answer = match self.answer() {
            Ok(answer) => answer,
            Err(Wrong(at, what)) => {
                let id = &self.field.id;
                let at = at.map_or_else(|| id.clone(), |part| format!("{id}.{part}"));
                problems.push(Problem { at, label: self.field.label.clone(), what });
                Filled::Nothing
            }
        };
        FilledField {
            id: self.field.id.clone(),
            label: self.field.label.clone(),
            role: self.field.role,
            answer,
        }
    }

    fn answer(&self) -> Result<Filled, Wrong> {
        let typed = self.typed.first(&self.field.id);
        let answer = match &self.field.kind {
            FieldKind::Text(max) => line(typed, *max)?,
            FieldKind::Multiline(max) => lines(typed, *max)?,
            FieldKind::Phone => shaped(line(typed, LINE_MAX_CHARS)?, phone)?,
            FieldKind::Nir => shaped(line(typed, LINE_MAX_CHARS)?, nir)?,
            FieldKind::Email => shaped(line(typed, LINE_MAX_CHARS)?, email)?,
            FieldKind::Date { years_back, days_ahead } => self
                .day(typed, *years_back, *days_ahead)?
                .map_or(Filled::Nothing, |day| Filled::Day(day.to_string())),
            FieldKind::Choice(choices) => self.picked(choices, true)?,
            FieldKind::OneOrMore(choices) => self.picked(choices, false)?,
            FieldKind::YesNo => match typed {
                "yes" => Filled::Flag(true),
                "no" => Filled::Flag(false),
                "" => Filled::Nothing,
                _ => return Err(FieldProblem::NoSuchChoice.into()),
            },
            FieldKind::Checkbox if typed.is_empty() && self.field.required => {
                return Err(FieldProblem::NotTicked.into());
            }
            FieldKind::Checkbox => Filled::Flag(!typed.is_empty()),
            FieldKind::Signature => return self.signature(),
        };
        match (answer, &self.field.kind) {
            (Filled::Nothing, FieldKind::Choice(_) | FieldKind::OneOrMore(_) | FieldKind::YesNo)
                if self.field.required =>
            {
                Err(FieldProblem::NotChosen.into())
            }
            (Filled::Nothing, _) if self.field.required => Err(FieldProblem::Missing.into()),
            (answer, _) => Ok(answer),
        }
    }

    fn day(&self, typed: &str, years_back: u16, days_ahead: u16) -> Result<Option<Day>, FieldProblem> {
        let typed = typed.trim();
        if typed.is_empty() {
            return Ok(None);
        }
        let day = read_day(typed).ok_or(FieldProblem::NoSuchDay)?;
        // Years of 365.25 days: an age in days is exact enough to tell what is absurd.
        let first = self.today.plus(-(i32::from(years_back) * 1461 / 4));
        let last = self.today.plus(i32::from(days_ahead));
        if day < first {
            return Err(FieldProblem::TooEarly { first });
        }
        if day > last {
            return Err(FieldProblem::TooLate { last });
        }
        Ok(Some(day))
    }

    fn picked(&self, choices: &[Choice], only_one: bool) -> Result<Filled, Wrong> {
        let chosen: Vec<&String> =
            self.typed.all(&self.field.id).iter().filter(|code| !code.is_empty()).collect();
        if chosen.iter().any(|code| choices.iter().all(|choice| choice.code != **code))
            || (only_one && chosen.len() > 1)
        {
            return Err(FieldProblem::NoSuchChoice.into());
        }
        let mut picked = Vec::new();
        for choice in choices.iter().filter(|choice| chosen.iter().any(|code| **code == choice.code)) {
            let beside = self.typed.first(&format!("{}.{}", self.field.id, choice.code));
            let at = |what| Wrong(Some(choice.code.clone()), what);
            let text = match (choice.text, line(beside, LINE_MAX_CHARS).map_err(at)?) {
                (None, _) | (Some(OtherText::Optional), Filled::Nothing) => None,
                (Some(_), Filled::Text(text)) => Some(text),
                (Some(_), _) => return Err(at(FieldProblem::TextMissing)),
            };
            picked.push(Picked { code: choice.code.clone(), label: choice.label.clone(), text });
        }
        Ok(if picked.is_empty() { Filled::Nothing } else { Filled::Picked(picked) })
    }

    /// A typed name and its day go together; by hand, neither is asked for.
    fn signature(&self) -> Result<Filled, Wrong> {
        let part = |part: &str| self.typed.first(&format!("{}.{part}", self.field.id));
        let at = |part: &str| {
            let part = part.to_owned();
            move |what| Wrong(Some(part), what)
        };
        let by_hand = !part("hand").is_empty();
        let name = match line(part("name"), LINE_MAX_CHARS).map_err(at("name"))? {
            Filled::Text(name) => Some(name),
            _ => None,
        };
        // Signed today at the latest, and not before anybody thought of this form.
        let day = self.day(part("day"), 1, 0).map_err(at("day"))?;
        match (&name, day) {
            (Some(_), None) => Err(at("day")(FieldProblem::SignedWithoutDay)),
            (None, Some(_)) if !by_hand => Err(at("name")(FieldProblem::SignedWithoutName)),
            (None, None) if !by_hand && self.field.required => Err(at("name")(FieldProblem::Missing)),
            (None, None) if !by_hand => Ok(Filled::Nothing),
            _ => Ok(Filled::Signed { day: day.map(|day| day.to_string()), name, by_hand }),
        }
    }
}

/// One line, its blanks put together.
fn line(typed: &str, max: usize) -> Result<Filled, FieldProblem> {
    let text = typed.split(|c: char| c.is_whitespace() || c.is_control()).filter(|word| !word.is_empty());
    told(text.collect::<Vec<_>>().join(" "), max)
}

/// Lines, ended in one way, without other control characters.
fn lines(typed: &str, max: usize) -> Result<Filled, FieldProblem> {
    let text = typed.replace("\r\n", "\n").replace('\r', "\n");
    let kept = text.chars().filter(|c| *c == '\n' || !c.is_control());
    told(kept.collect::<String>().trim().to_owned(), max)
}

fn told(text: String, max: usize) -> Result<Filled, FieldProblem> {
    if text.chars().count() > max {
        return Err(FieldProblem::TooLong { limit: max });
    }
    Ok(if text.is_empty() { Filled::Nothing } else { Filled::Text(text) })
}

fn shaped(
    answer: Filled,
    shape: impl Fn(&str) -> Result<String, FieldProblem>,
) -> Result<Filled, FieldProblem> {
    match answer {
        Filled::Text(text) => Ok(Filled::Text(shape(&text)?)),
        answer => Ok(answer),
    }
}

/// « 02 99 00 00 00 », whether typed so, without blanks, or with +33 or 0033. A number of another country, overseas parts of
/// France among them, stays as it is behind its +.
fn phone(typed: &str) -> Result<String, FieldProblem> {
    /// Country codes of the overseas parts of France (E.164).
    const OVERSEAS: [&str; 7] = ["262", "508", "590", "594", "596", "687", "689"];
    let kept: String =
        typed.chars().filter(|c| !matches!(c, ' ' | '.' | '-' | '/' | '\u{a0}' | '\u{202f}')).collect();
    let international = kept.strip_prefix('+').or_else(|| kept.strip_prefix("00"));
    let is_digits = |text: &str| text.bytes().all(|c| c.is_ascii_digit());
    let national = match international.map(|rest| (rest, rest.strip_prefix("33"))) {
        None => kept,
        // « +33 (0)2 … » is how many write it.
        Some((_, Some(rest))) => {
            let rest = rest.strip_prefix("(0)").or_else(|| rest.strip_prefix('0')).unwrap_or(rest);
            format!("0{rest}")
        }
        Some((rest, None)) => {
            let known = OVERSEAS.iter().any(|code| rest.starts_with(code));
            let good = known && is_digits(rest) && (9..=12).contains(&rest.len());
            return if good { Ok(format!("+{rest}")) } else { Err(FieldProblem::Phone) };
        }
    };
    let good = national.len() == 10
        && is_digits(&national)
        && national.starts_with('0')
        && !national.starts_with("00");
    if !good {
        return Err(FieldProblem::Phone);
    }
    let pairs: Vec<&str> = (0..5).map(|pair| &national[2 * pair..2 * pair + 2]).collect();
    Ok(pairs.join(" "))
}

fn nir(typed: &str) -> Result<String, FieldProblem> {
    judge_nir(typed).map_err(|fault| match fault {
        NirFault::Length => FieldProblem::NirLength,
        NirFault::Shape => FieldProblem::NirShape,
        NirFault::Key => FieldProblem::NirKey,
    })
}

fn email(typed: &str) -> Result<String, FieldProblem> {
    let address = MailAddress::parse(typed).map_err(|_| FieldProblem::Email)?;
    if address.domain().as_str().contains('.') { Ok(address.to_string()) } else { Err(FieldProblem::Email) }
}

/// « 21/11/2026 », also with dots, hyphens or blanks, and as ISO 8601 writes it.
fn read_day(typed: &str) -> Option<Day> {
    let parts: Vec<&str> = typed.split(['/', '.', '-', ' ']).filter(|part| !part.is_empty()).collect();
    let [one, month, three] = parts.as_slice() else { return None };
    let (year, day) = if one.len() == 4 { (one, three) } else { (three, one) };
    let fits = |text: &str, lengths: std::ops::RangeInclusive<usize>| {
        lengths.contains(&text.len()) && text.bytes().all(|c| c.is_ascii_digit())
    };
    let good = fits(year, 4..=4) && fits(month, 1..=2) && fits(day, 1..=2);
    good.then(|| Day::parse(&format!("{year}-{month:0>2}-{day:0>2}")))?
}
