//! What an inspection finds, and what becomes of the file by it.

use serde::{Deserialize, Serialize};

use super::FileKind;
use crate::value::Language;

/// Something in a file that the policy may accept, warn of or refuse. Kept in records by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Finding {
    /// An Office or OpenDocument file carries programs.
    Macros,
    /// A PDF runs JavaScript.
    PdfScript,
    /// A PDF starts a program.
    PdfLaunch,
    /// A PDF carries files.
    PdfAttachment,
    /// A PDF is locked, so that what is in it was not seen.
    LockedPdf,
    /// An Office document is locked.
    LockedDocument,
    /// An archive is locked, wholly or in part.
    LockedArchive,
    /// The name promises another type than the content is.
    NameContradictsContent,
    /// It cannot be read as what it is.
    Unreadable,
}

impl Finding {
    /// Every finding.
    pub const ALL: &'static [Self] = &[
        Self::Macros,
        Self::PdfScript,
        Self::PdfLaunch,
        Self::PdfAttachment,
        Self::LockedPdf,
        Self::LockedDocument,
        Self::LockedArchive,
        Self::NameContradictsContent,
        Self::Unreadable,
    ];

    /// What people read of it, after « ce fichier » or "this file".
    pub const fn told(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::Macros, Language::Fr) => "contient des macros (programmes)",
            (Self::Macros, Language::En) => "contains macros (programs)",
            (Self::PdfScript, Language::Fr) => "est un PDF qui contient du JavaScript",
            (Self::PdfScript, Language::En) => "is a PDF that contains JavaScript",
            (Self::PdfLaunch, Language::Fr) => "est un PDF qui lance un programme",
            (Self::PdfLaunch, Language::En) => "is a PDF that starts a program",
            (Self::PdfAttachment, Language::Fr) => "est un PDF qui contient d’autres fichiers",
            (Self::PdfAttachment, Language::En) => "is a PDF that contains other files",
            (Self::LockedPdf, Language::Fr) => "est un PDF chiffré : son contenu n’a pas pu être examiné",
            (Self::LockedPdf, Language::En) => "is an encrypted PDF: its content could not be examined",
            (Self::LockedDocument, Language::Fr) => {
                "est protégé par mot de passe : son contenu n’a pas pu être analysé"
            }
            (Self::LockedDocument, Language::En) => {
                "is protected by a password: its content could not be scanned"
            }
            (Self::LockedArchive, Language::Fr) => {
                "est une archive protégée par mot de passe : son contenu n’a pas pu être analysé"
            }
            (Self::LockedArchive, Language::En) => {
                "is an archive protected by a password: its content could not be scanned"
            }
            (Self::NameContradictsContent, Language::Fr) => {
                "a une extension qui ne correspond pas à son contenu"
            }
            (Self::NameContradictsContent, Language::En) => {
                "has an extension that does not match its content"
            }
            (Self::Unreadable, Language::Fr) => "est illisible ou abîmé",
            (Self::Unreadable, Language::En) => "is unreadable or damaged",
        }
    }
}

/// Why a file is refused. Kept in records by its code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum RefusalCause {
    /// The antivirus knows it.
    Infected,
    /// Its type, or that of a file in it, is not accepted.
    TypeNotAccepted(FileKind),
    /// The policy refuses what was found.
    Found(Finding),
    /// An archive over the limits of members, depth, ratio or total: it cannot be scanned as a whole.
    TooComplex,
    /// It, or a file in it, is larger than the antivirus scans.
    TooLargeToScan,
    /// The antivirus gave up on it.
    NotScannable,
}

impl RefusalCause {
    /// What the depositor reads of it, after « ce fichier » or "this file".
    pub fn told(self, language: Language) -> String {
        match (self, language) {
            (Self::Infected, Language::Fr) => "contient un virus".into(),
            (Self::Infected, Language::En) => "contains a virus".into(),
            (Self::TypeNotAccepted(kind), Language::Fr) => {
                format!("est, ou contient, un type de fichier non accepté ici ({})", kind.label(language))
            }
            (Self::TypeNotAccepted(kind), Language::En) => {
                format!(
                    "is, or contains, a type of file that is not accepted here ({})",
                    kind.label(language)
                )
            }
            (Self::Found(finding), _) => finding.told(language).into(),
            (Self::TooComplex, Language::Fr) => {
                "est une archive trop imbriquée ou trop volumineuse pour être analysée".into()
            }
            (Self::TooComplex, Language::En) => "is an archive too nested or too large to be scanned".into(),
            (Self::TooLargeToScan, Language::Fr) => {
                "est trop volumineux pour être analysé, ou contient un tel fichier".into()
            }
            (Self::TooLargeToScan, Language::En) => {
                "is too large to be scanned, or contains such a file".into()
            }
            (Self::NotScannable, Language::Fr) => {
                "n’a pas pu être analysé entièrement par l’antivirus".into()
            }
            (Self::NotScannable, Language::En) => "could not be scanned wholly by the antivirus".into(),
        }
    }
}

/// What becomes of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Judgement {
    /// It goes on, with what the agent is warned of.
    Accepted {
        /// Warnings, in the order of [`Finding::ALL`]; often none.
        warnings: Vec<Finding>,
    },
    /// It goes nowhere.
    Refused {
        /// Why.
        cause: RefusalCause,
    },
}
