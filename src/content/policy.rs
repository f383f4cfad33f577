//! The acceptance policy of files, `policies/files.toml`: which types a mailbox accepts, and what becomes of macros,
//! scripts and locks.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use super::{FileKind, Finding};
use crate::value::Language;

/// The version of the file's form that this program reads.
const VERSION: u8 = 1;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum FilePolicyError {
    /// Not the expected keys and values.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// Another version.
    #[error("version {actual}; this program reads version {VERSION}")]
    Version {
        /// The version that was found.
        actual: u8,
    },
    /// A type or group that does not exist.
    #[error("accept: {name:?} is no type of file; known are {known}")]
    UnknownType {
        /// What it says.
        name: String,
        /// What it may say.
        known: String,
    },
    /// A type that cannot be examined cannot be accepted.
    #[error("accept: {name:?} cannot be examined, so it cannot be accepted")]
    NotExaminable {
        /// What it says.
        name: String,
    },
    /// Nothing is accepted.
    #[error("accept: at least one type is needed")]
    NothingAccepted,
}

/// What is done about a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Measure {
    /// Nothing.
    Accept,
    /// The agent is told.
    Warn,
    /// The file is refused.
    Refuse,
}

/// The policies of all mailboxes.
#[derive(Debug, Clone)]
pub struct FilePolicies {
    default: FilePolicy,
    mailboxes: BTreeMap<String, FilePolicy>,
}

/// What one mailbox accepts.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FilePolicy {
    accepted: BTreeSet<FileKind>,
    measures: Measures,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    version: u8,
    default: Section,
    #[serde(default)]
    mailbox: BTreeMap<String, Section>,
}

/// A section; what it leaves out is as in the default section, and there as [`Measures::STRICT`].
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
struct Section {
    accept: Option<Vec<String>>,
    macros: Option<Measure>,
    pdf_script: Option<Measure>,
    pdf_launch: Option<Measure>,
    pdf_attachment: Option<Measure>,
    locked_pdf: Option<Measure>,
    locked_document: Option<Measure>,
    locked_archive: Option<Measure>,
    name_contradicts_content: Option<Measure>,
    unreadable: Option<Measure>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Measures([Measure; Finding::ALL.len()]);

impl Measures {
    /// What holds where a file says nothing: refuse.
    const STRICT: Self = Self([Measure::Refuse; Finding::ALL.len()]);

    fn of(self, finding: Finding) -> Measure {
        self.0[finding as usize]
    }
}

impl FilePolicies {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, FilePolicyError> {
        let file: PolicyFile = toml::from_str(text)?;
        if file.version != VERSION {
            return Err(FilePolicyError::Version { actual: file.version });
        }
        let nothing = FilePolicy { accepted: BTreeSet::new(), measures: Measures::STRICT };
        let default = file.default.over(&nothing)?;
        let mailboxes = file.mailbox.into_iter().map(|(slug, section)| Ok((slug, section.over(&default)?)));
        Ok(Self { mailboxes: mailboxes.collect::<Result<_, FilePolicyError>>()?, default })
    }

    /// The policy of a mailbox, by the name in its page's address.
    pub fn of(&self, slug: &str) -> &FilePolicy {
        self.mailboxes.get(slug).unwrap_or(&self.default)
    }
}

impl FilePolicy {
    /// Whether files of a type are accepted.
    pub fn accepts(&self, kind: FileKind) -> bool {
        kind == FileKind::Empty || self.accepted.contains(&kind)
    }

    /// What is done about a finding.
    pub fn measure(&self, finding: Finding) -> Measure {
        self.measures.of(finding)
    }

    /// The accepted types as people read them before they deposit, groups as a whole.
    pub fn accepted_in_words(&self, language: Language) -> String {
        let mut told: Vec<&str> = Vec::new();
        for kind in &self.accepted {
            let group = kind.group();
            let whole =
                FileKind::ALL.iter().filter(|other| other.group() == group).all(|other| self.accepts(*other));
            let words = if whole {
                group_in_words(group, language).unwrap_or(kind.label(language))
            } else {
                kind.label(language)
            };
            if !told.contains(&words) {
                told.push(words);
            }
        }
        told.join(", ")
    }
}

const fn is_examinable(kind: FileKind) -> bool {
    !matches!(kind, FileKind::OtherArchive)
}

fn group_in_words(group: &str, language: Language) -> Option<&'static str> {
    Some(match (group, language) {
        ("image", _) => "images",
        ("office", Language::Fr) => "documents Word, Excel, PowerPoint et LibreOffice",
        ("office", Language::En) => "Word, Excel, PowerPoint and LibreOffice documents",
        ("text", Language::Fr) => "textes",
        ("text", Language::En) => "text files",
        ("mail", Language::Fr) => "courriels",
        ("mail", Language::En) => "mails",
        ("archive", Language::Fr) => "archives ZIP, GZIP et TAR",
        ("archive", Language::En) => "ZIP, GZIP and TAR archives",
        ("audio", Language::Fr) => "enregistrements sonores",
        ("audio", Language::En) => "audio recordings",
        ("video", Language::Fr) => "vidéos",
        ("video", Language::En) => "videos",
        _ => return None,
    })
}

impl Section {
    fn over(self, below: &FilePolicy) -> Result<FilePolicy, FilePolicyError> {
        let accepted = match &self.accept {
            Some(names) => accepted(names)?,
            None => below.accepted.clone(),
        };
        if accepted.is_empty() {
            return Err(FilePolicyError::NothingAccepted);
        }
        let measures =
            Finding::ALL.iter().map(|finding| self.measure(*finding).unwrap_or(below.measure(*finding)));
        let mut all = Measures::STRICT;
        for (place, measure) in all.0.iter_mut().zip(measures) {
            *place = measure;
        }
        Ok(FilePolicy { accepted, measures: all })
    }

    const fn measure(&self, finding: Finding) -> Option<Measure> {
        match finding {
            Finding::Macros => self.macros,
            Finding::PdfScript => self.pdf_script,
            Finding::PdfLaunch => self.pdf_launch,
            Finding::PdfAttachment => self.pdf_attachment,
            Finding::LockedPdf => self.locked_pdf,
            Finding::LockedDocument => self.locked_document,
            Finding::LockedArchive => self.locked_archive,
            Finding::NameContradictsContent => self.name_contradicts_content,
            Finding::Unreadable => self.unreadable,
        }
    }
}

fn accepted(names: &[String]) -> Result<BTreeSet<FileKind>, FilePolicyError> {
    let mut accepted = BTreeSet::new();
    for name in names {
        let before = accepted.len();
        let named = FileKind::ALL.iter().filter(|kind| kind.code() == name || kind.group() == name);
        for kind in named {
            if !is_examinable(*kind) {
                return Err(FilePolicyError::NotExaminable { name: name.clone() });
            }
            accepted.insert(*kind);
        }
        let is_known = FileKind::ALL.iter().any(|kind| kind.code() == name || kind.group() == name);
        if accepted.len() == before && !is_known {
            let mut known: Vec<&str> =
                FileKind::ALL.iter().flat_map(|kind| [kind.group(), kind.code()]).collect();
            known.sort_unstable();
            known.dedup();
            return Err(FilePolicyError::UnknownType { name: name.clone(), known: known.join(", ") });
        }
    }
    Ok(accepted)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: &str = include_str!("../../policies/files.toml");

    #[test]
    fn the_policy_that_pli_brings_along_suits_social_files() {
        let policies = FilePolicies::parse(BUILT_IN).unwrap();
        let policy = policies.of("pensions");
        for kind in
            [FileKind::Pdf, FileKind::Jpeg, FileKind::WordXml, FileKind::Text, FileKind::Mail, FileKind::Zip]
        {
            assert!(policy.accepts(kind), "{kind:?}");
        }
        for kind in [
            FileKind::Executable,
            FileKind::Script,
            FileKind::Html,
            FileKind::OtherArchive,
            FileKind::Unknown,
        ] {
            assert!(!policy.accepts(kind), "{kind:?}");
        }
        assert_eq!(policy.measure(Finding::PdfScript), Measure::Warn, "administrative forms compute with it");
        assert_eq!(policy.measure(Finding::PdfLaunch), Measure::Refuse);
        assert!(policy.accepted_in_words(Language::Fr).starts_with("PDF, images, documents Word"));
    }

    #[test]
    fn a_mailbox_says_only_what_differs() {
        let text = format!(
            "{BUILT_IN}\n[mailbox.photos]\naccept = [\"image\", \"gzip\"]\n[mailbox.forms]\nmacros = \"warn\"\n"
        );
        let policies = FilePolicies::parse(&text).unwrap();
        assert!(!policies.of("photos").accepts(FileKind::Pdf));
        assert_eq!(policies.of("photos").accepted_in_words(Language::Fr), "images, archive GZIP");
        assert_eq!(
            policies.of("photos").measure(Finding::Macros),
            policies.of("other").measure(Finding::Macros)
        );
        assert_eq!(policies.of("forms").measure(Finding::Macros), Measure::Warn);
        assert!(policies.of("forms").accepts(FileKind::Pdf));
    }

    #[test]
    fn what_the_file_does_not_say_is_refused() {
        let policies = FilePolicies::parse("version = 1\n[default]\naccept = [\"pdf\"]\n").unwrap();
        for finding in Finding::ALL {
            assert_eq!(policies.of("any").measure(*finding), Measure::Refuse);
        }
    }

    #[test]
    fn a_file_that_is_not_understood_is_refused() {
        let error = |text: &str| FilePolicies::parse(text).unwrap_err().to_string();
        assert!(error("version = 2\n[default]\naccept = [\"pdf\"]").contains("version 2"));
        assert!(error("version = 1\n[default]\naccept = [\"word\"]").contains("known are"));
        assert!(error("version = 1\n[default]\naccept = [\"other-archive\"]").contains("cannot be examined"));
        assert!(error("version = 1\n[default]\n").contains("at least one"));
        assert!(error("version = 1\n[default]\naccept = [\"pdf\"]\nmacro = \"warn\"").contains("macro"));
    }
}
