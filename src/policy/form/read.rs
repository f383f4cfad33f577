//! Reads the files of forms: a closed vocabulary, unknown keys refused, everything under a limit.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::Deserialize;
use thiserror::Error;

use super::{Choice, Field, FieldKind, Form, FormSet, OtherText, RegisterRole, Section, Words};
use crate::value::{Slug, csv_fields};

/// Bytes of a form's file.
pub const FORM_FILE_MAX_BYTES: usize = 128 * 1024;
/// Bytes of a table that choices come from.
pub const TABLE_MAX_BYTES: usize = 512 * 1024;
/// Forms in all, each version counted.
const FORMS_MAX: usize = 50;
/// Fields of a form.
const FIELDS_MAX: usize = 100;
/// Choices of a field.
const CHOICES_MAX: usize = 2000;
/// Characters of a label.
const LABEL_MAX_CHARS: usize = 500;
/// Characters of the notice.
const NOTICE_MAX_CHARS: usize = 5000;
/// Characters of an id or code.
const CODE_MAX_CHARS: usize = 40;
/// Characters of a line, unless the file says fewer or more.
const TEXT_USUAL_CHARS: usize = 200;
/// Characters of lines, unless the file says fewer or more.
const MULTILINE_USUAL_CHARS: usize = 2000;
/// Characters that a file may allow.
const TEXT_MAX_CHARS: usize = 10_000;
/// Years before today that a day may lie, unless the file says fewer.
const YEARS_BACK_MAX: u16 = 130;
/// Days after today that a file may allow.
const DAYS_AHEAD_MAX: u16 = 3660;

/// Why a form's file is refused. Who wrote it must act.
#[derive(Debug, Error)]
pub enum FormFileError {
    /// Larger than any form.
    #[error("{file}: {limit} bytes at most, not {actual}")]
    TooLarge {
        /// Which file.
        file: String,
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// Not the expected keys and values.
    #[error("{file}: {source}")]
    Syntax {
        /// Which file.
        file: String,
        /// Where and why.
        source: Box<toml::de::Error>,
    },
    /// Something in it does not fit.
    #[error("{file}: {at}: {what}")]
    Form {
        /// Which file.
        file: String,
        /// Where in it.
        at: String,
        /// What is wrong.
        what: String,
    },
    /// There are more than any agreement needs.
    #[error("{limit} forms at most, each version counted")]
    TooMany {
        /// Forms allowed.
        limit: usize,
    },
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenForm {
    title: Words,
    lead: Option<Words>,
    document: String,
    #[serde(default)]
    version: Vec<WrittenVersion>,
    section: Vec<WrittenSection>,
    notice: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenVersion {
    code: String,
    title: Words,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSection {
    title: Words,
    versions: Option<BTreeSet<String>>,
    field: Vec<WrittenField>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenField {
    id: String,
    label: Words,
    help: Option<Words>,
    #[serde(rename = "type")]
    kind: KindWord,
    #[serde(default)]
    required: bool,
    max: Option<usize>,
    years_back: Option<u16>,
    days_ahead: Option<u16>,
    choices: Option<Vec<WrittenChoice>>,
    source: Option<WrittenSource>,
    versions: Option<BTreeSet<String>>,
    role: Option<RegisterRole>,
}

#[derive(Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "snake_case")]
enum KindWord {
    Text,
    Multiline,
    Phone,
    Nir,
    Email,
    Date,
    Choice,
    OneOrMore,
    YesNo,
    Checkbox,
    Signature,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenChoice {
    code: String,
    fr: String,
    en: Option<String>,
    text: Option<OtherText>,
    versions: Option<BTreeSet<String>>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenSource {
    file: String,
    code: String,
    label: String,
}

impl FormSet {
    /// Reads files, each by its name without the ending; `table` gives the text of a table by its file name.
    pub fn read<'a>(
        files: impl IntoIterator<Item = (&'a str, &'a str)>,
        table: impl Fn(&str) -> Option<String>,
    ) -> Result<Self, FormFileError> {
        let mut forms: Vec<Form> = Vec::new();
        for (name, text) in files {
            forms.extend(Reader { file: name, table: &table }.read(text)?);
            if forms.len() > FORMS_MAX {
                return Err(FormFileError::TooMany { limit: FORMS_MAX });
            }
        }
        forms.sort_by(|one, other| one.name.cmp(&other.name));
        if let Some(twice) = forms.windows(2).find(|pair| pair[0].name == pair[1].name) {
            let (file, at) = (format!("{}.toml", twice[0].name), "version".to_owned());
            return Err(FormFileError::Form { file, at, what: "two forms have this name".to_owned() });
        }
        Ok(Self { forms: forms.into_iter().map(Arc::new).collect() })
    }
}

/// One file that is being read.
struct Reader<'a, T> {
    file: &'a str,
    table: &'a T,
}

impl<T: Fn(&str) -> Option<String>> Reader<'_, T> {
    fn wrong<V>(&self, at: &str, what: impl Into<String>) -> Result<V, FormFileError> {
        let file = format!("{}.toml", self.file);
        Err(FormFileError::Form { file, at: at.to_owned(), what: what.into() })
    }

    fn read(&self, text: &str) -> Result<Vec<Form>, FormFileError> {
        let file = || format!("{}.toml", self.file);
        if text.len() > FORM_FILE_MAX_BYTES {
            let (limit, actual) = (FORM_FILE_MAX_BYTES, text.len());
            return Err(FormFileError::TooLarge { file: file(), limit, actual });
        }
        let written: WrittenForm = toml::from_str(text)
            .map_err(|source| FormFileError::Syntax { file: file(), source: Box::new(source) })?;
        self.slug("the file's name", self.file)?;
        self.slug("document", &written.document)?;
        self.words("title", &written.title, LABEL_MAX_CHARS)?;
        self.words("notice", &written.notice, NOTICE_MAX_CHARS)?;
        if let Some(lead) = &written.lead {
            self.words("lead", lead, NOTICE_MAX_CHARS)?;
        }
        let codes: BTreeSet<&str> = written.version.iter().map(|version| version.code.as_str()).collect();
        if codes.len() != written.version.len() {
            return self.wrong("version", "two versions have one code");
        }
        self.check_versions(&written, &codes)?;
        let mut forms = Vec::new();
        if written.version.is_empty() {
            forms.push(self.form(&written, None)?);
        }
        for version in &written.version {
            self.slug("version.code", &version.code)?;
            self.words("version.title", &version.title, LABEL_MAX_CHARS)?;
            forms.push(self.form(&written, Some(version))?);
        }
        Ok(forms)
    }

    /// Every condition names a version that there is: a misspelt one would hide a field for ever.
    fn check_versions(&self, written: &WrittenForm, codes: &BTreeSet<&str>) -> Result<(), FormFileError> {
        let sections = written.section.iter().map(|section| ("section", &section.versions));
        let all_fields = || written.section.iter().flat_map(|section| &section.field);
        let fields = all_fields().map(|field| (field.id.as_str(), &field.versions));
        let choices = all_fields().flat_map(|field| field.choices.iter().flatten());
        let choices = choices.map(|choice| (choice.code.as_str(), &choice.versions));
        for (at, named) in sections.chain(fields).chain(choices) {
            let Some(named) = named else { continue };
            if named.is_empty() {
                return self.wrong(at, "`versions` names none: leave it out, or take the field out");
            }
            if let Some(unknown) = named.iter().find(|code| !codes.contains(code.as_str())) {
                return self.wrong(at, format!("there is no version {unknown:?}"));
            }
        }
        Ok(())
    }

    fn form(&self, written: &WrittenForm, version: Option<&WrittenVersion>) -> Result<Form, FormFileError> {
        let is_in = |named: &Option<BTreeSet<String>>| match (named, version) {
            (Some(named), Some(version)) => named.contains(&version.code),
            _ => true,
        };
        let mut sections = Vec::new();
        let (mut ids, mut roles) = (BTreeSet::new(), BTreeSet::new());
        for section in written.section.iter().filter(|section| is_in(&section.versions)) {
            self.words("section", &section.title, LABEL_MAX_CHARS)?;
            let mut fields = Vec::new();
            for written in section.field.iter().filter(|field| is_in(&field.versions)) {
                let field = self.field(written, &is_in)?;
                if !ids.insert(field.id.clone()) {
                    return self.wrong(&field.id, "two fields have this id");
                }
                // A site and a territory say the same in the register.
                let role = field.role.map(|role| match role {
                    RegisterRole::Territory => RegisterRole::Site,
                    role => role,
                });
                if role.is_some_and(|role| !roles.insert(role)) {
                    return self.wrong(&field.id, "two fields have this role");
                }
                fields.push(field);
            }
            if !fields.is_empty() {
                sections.push(Section { title: section.title.clone(), fields });
            }
        }
        if ids.is_empty() || ids.len() > FIELDS_MAX {
            return self.wrong("section", format!("1 to {FIELDS_MAX} fields, not {}", ids.len()));
        }
        Ok(Form {
            name: version
                .map_or_else(|| self.file.to_owned(), |version| format!("{}-{}", self.file, version.code)),
            title: version.map_or(&written.title, |version| &version.title).clone(),
            lead: written.lead.clone(),
            document: written.document.clone(),
            sections,
            notice: Words {
                fr: written.notice.fr.trim().to_owned(),
                en: written.notice.en.as_ref().map(|words| words.trim().to_owned()),
            },
        })
    }

    fn field(
        &self,
        written: &WrittenField,
        is_in: &impl Fn(&Option<BTreeSet<String>>) -> bool,
    ) -> Result<Field, FormFileError> {
        let id = written.id.as_str();
        let letters = |c: u8| c.is_ascii_lowercase() || c.is_ascii_digit() || c == b'_';
        if !id.bytes().all(letters)
            || !id.starts_with(|c: char| c.is_ascii_lowercase())
            || id.len() > CODE_MAX_CHARS
        {
            return self.wrong(id, "an id is a small letter, then small letters, digits and _");
        }
        self.words(id, &written.label, LABEL_MAX_CHARS)?;
        if let Some(help) = &written.help {
            self.words(id, help, LABEL_MAX_CHARS)?;
        }
        self.check_keys(written)?;
        let max = |usual: usize| written.max.unwrap_or(usual);
        let kind = match written.kind {
            KindWord::Text => FieldKind::Text(max(TEXT_USUAL_CHARS)),
            KindWord::Multiline => FieldKind::Multiline(max(MULTILINE_USUAL_CHARS)),
            KindWord::Phone => FieldKind::Phone,
            KindWord::Nir => FieldKind::Nir,
            KindWord::Email => FieldKind::Email,
            KindWord::Date => FieldKind::Date {
                years_back: written.years_back.unwrap_or(YEARS_BACK_MAX),
                days_ahead: written.days_ahead.unwrap_or(0),
            },
            KindWord::Choice => FieldKind::Choice(self.choices(written, is_in)?),
            KindWord::OneOrMore => FieldKind::OneOrMore(self.choices(written, is_in)?),
            KindWord::YesNo => FieldKind::YesNo,
            KindWord::Checkbox => FieldKind::Checkbox,
            KindWord::Signature => FieldKind::Signature,
        };
        let fits = match written.role {
            None => true,
            Some(RegisterRole::Site | RegisterRole::Territory | RegisterRole::Reason) => {
                matches!(kind, FieldKind::Choice(_))
            }
            Some(RegisterRole::Kind) => matches!(kind, FieldKind::Choice(_) | FieldKind::OneOrMore(_)),
            Some(RegisterRole::CopyToPartner | RegisterRole::InformProfessional) => {
                matches!(kind, FieldKind::YesNo | FieldKind::Checkbox)
            }
        };
        if !fits {
            return self.wrong(id, "the role does not fit the type: the register keeps codes, never text");
        }
        Ok(Field {
            id: id.to_owned(),
            label: written.label.clone(),
            help: written.help.clone(),
            required: written.required,
            kind,
            role: written.role,
        })
    }

    /// Keys that a type does not take are refused, as unknown ones are.
    fn check_keys(&self, written: &WrittenField) -> Result<(), FormFileError> {
        let id = written.id.as_str();
        let chooses = matches!(written.kind, KindWord::Choice | KindWord::OneOrMore);
        let is_text = matches!(written.kind, KindWord::Text | KindWord::Multiline);
        if written.max.is_some() && !is_text {
            return self.wrong(id, "`max` goes with text and multiline only");
        }
        if written.max.is_some_and(|max| !(1..=TEXT_MAX_CHARS).contains(&max)) {
            return self.wrong(id, format!("`max` is 1 to {TEXT_MAX_CHARS} characters"));
        }
        let dated = written.years_back.is_some() || written.days_ahead.is_some();
        if dated && written.kind != KindWord::Date {
            return self.wrong(id, "`years_back` and `days_ahead` go with a date only");
        }
        if written.years_back.is_some_and(|years| years > YEARS_BACK_MAX)
            || written.days_ahead.is_some_and(|days| days > DAYS_AHEAD_MAX)
        {
            let what = format!("`years_back` is {YEARS_BACK_MAX} at most, `days_ahead` {DAYS_AHEAD_MAX}");
            return self.wrong(id, what);
        }
        match (chooses, &written.choices, &written.source) {
            (true, Some(_), None) | (true, None, Some(_)) | (false, None, None) => Ok(()),
            (true, ..) => self.wrong(id, "a choice has either `choices` or a `source`"),
            (false, ..) => self.wrong(id, "`choices` and `source` go with choice and one_or_more only"),
        }
    }

    fn choices(
        &self,
        written: &WrittenField,
        is_in: &impl Fn(&Option<BTreeSet<String>>) -> bool,
    ) -> Result<Vec<Choice>, FormFileError> {
        let id = written.id.as_str();
        let choices: Vec<Choice> = match (&written.choices, &written.source) {
            (Some(choices), _) => choices
                .iter()
                .filter(|choice| is_in(&choice.versions))
                .map(|choice| Choice {
                    code: choice.code.clone(),
                    label: Words { fr: choice.fr.clone(), en: choice.en.clone() },
                    text: choice.text,
                })
                .collect(),
            (None, Some(source)) => self.choices_of_table(id, source)?,
            (None, None) => Vec::new(),
        };
        if choices.is_empty() || choices.len() > CHOICES_MAX {
            return self.wrong(id, format!("1 to {CHOICES_MAX} choices, not {}", choices.len()));
        }
        let mut codes = BTreeSet::new();
        for choice in &choices {
            let letters = |c: u8| c.is_ascii_alphanumeric() || matches!(c, b'_' | b'-');
            let code = choice.code.as_str();
            if code.is_empty() || code.len() > CODE_MAX_CHARS || !code.bytes().all(letters) {
                let what = format!("{code:?}: a code has 1 to {CODE_MAX_CHARS} letters, digits, _ and -");
                return self.wrong(id, what);
            }
            if !codes.insert(code) {
                return self.wrong(id, format!("two choices have the code {code:?}"));
            }
            self.words(id, &choice.label, LABEL_MAX_CHARS)?;
        }
        Ok(choices)
    }

    /// Choices from two columns of a table (RFC 4180) whose first line names its columns.
    fn choices_of_table(&self, id: &str, source: &WrittenSource) -> Result<Vec<Choice>, FormFileError> {
        let (name, kind) = source.file.rsplit_once('.').unwrap_or_default();
        if kind != "csv" || Slug::parse(name).is_err() {
            return self.wrong(id, format!("{:?} is no name such as sites.csv", source.file));
        }
        let Some(text) = (self.table)(&source.file) else {
            return self.wrong(id, format!("the table {} is not beside the form's file", source.file));
        };
        if text.len() > TABLE_MAX_BYTES {
            return self.wrong(id, format!("the table {} has {TABLE_MAX_BYTES} bytes at most", source.file));
        }
        let mut lines = text.trim_start_matches('\u{feff}').lines();
        let header = csv_fields(lines.next().unwrap_or_default());
        let column = |name: &str| header.iter().position(|title| title.trim() == name);
        let (Some(code), Some(label)) = (column(&source.code), column(&source.label)) else {
            let what = format!("the table has no columns {:?} and {:?}", source.code, source.label);
            return self.wrong(id, what);
        };
        let choice = |line: &str| {
            let fields = csv_fields(line);
            let field = |column: usize| fields.get(column).map(|text| text.trim().to_owned());
            Choice {
                code: field(code).unwrap_or_default(),
                label: Words { fr: field(label).unwrap_or_default(), en: None },
                text: None,
            }
        };
        Ok(lines.filter(|line| !line.trim().is_empty()).take(CHOICES_MAX + 1).map(choice).collect())
    }

    fn words(&self, at: &str, words: &Words, limit: usize) -> Result<(), FormFileError> {
        for text in std::iter::once(&words.fr).chain(&words.en) {
            let length = text.trim().chars().count();
            if length == 0 || length > limit {
                return self.wrong(at, format!("words have 1 to {limit} characters, not {length}"));
            }
        }
        Ok(())
    }

    fn slug(&self, at: &str, text: &str) -> Result<(), FormFileError> {
        match Slug::parse(text) {
            Ok(_) => Ok(()),
            Err(_) => self.wrong(at, format!("{text:?}: small letters, digits and hyphens only")),
        }
    }
}
