//! What is known of the files of a deposit by their inspection, and deposits that are held until it is known (D8). A held
//! deposit was accepted: it has a reference, its parts are sealed and durable, and its identity is wrapped to the draft
//! key of the day on which it was held, so that the gateway can inspect it and nobody can read it.

use serde::{Deserialize, Serialize};

use super::{Depositor, FormCodes, ObjectLocator, Outgoing, Route};
use crate::content::{FileKind, Finding, Inspection, Judgement, RefusalCause};
use crate::policy::title::CleanTitle;
use crate::value::{
    ByteSize, Day, Digest, Language, MailAddress, MailboxId, Millis, Reference, ReportWish, Timestamp,
    TransferId,
};
use crate::vault::{PartRole, Recipient, Sealed};

/// A held deposit lives this long; its draft key lives a little longer (DESIGN section 4).
pub const HOLD_LIFE: Millis = Millis::days(7);
/// Everybody is warned this long before a held deposit ends.
pub const HOLD_WARNING: Millis = Millis::days(2);

/// What is known of a file.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Check {
    /// Nothing: no scanner is configured, files go on as they are.
    Off,
    /// It was inspected and goes on.
    Passed {
        /// Its type by its content.
        kind: FileKind,
        /// What the agent is warned of.
        warnings: Vec<Finding>,
    },
}

/// The number by which a refused text stands among refused files; files count from 1.
pub const REFUSED_TEXT: u32 = 0;

/// A file that was refused, or the text. Its bytes are erased; what stays tells the depositor which one it was.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RefusedFile {
    /// Its number in the deposit, from 1; [`REFUSED_TEXT`] for the text.
    pub number: u32,
    /// Its name, sealed to the draft key of `key_day`: for the depositor's own page, never for a mail.
    pub name: Sealed,
    /// The day of that draft key.
    pub key_day: Day,
    /// Its type by its content.
    pub kind: FileKind,
    /// Its size.
    pub size: ByteSize,
    /// Why.
    pub cause: RefusalCause,
}

/// What is known of the files of a draft. A file of which nothing is written here has not been judged.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DraftInspection {
    /// Files that were judged and go on, by their number.
    pub passed: Vec<(u32, Check)>,
    /// Files that were refused.
    pub refused: Vec<RefusedFile>,
}

impl DraftInspection {
    /// What is known of a file; none when it has not been judged.
    pub fn of(&self, number: u32) -> Option<&Check> {
        self.passed.iter().find(|(judged, _)| *judged == number).map(|(_, check)| check)
    }

    /// Takes a refused file off the list; false when it was not on it. That it was refused stays in the log.
    pub fn forget(&mut self, number: u32) -> bool {
        let before = self.refused.len();
        self.refused.retain(|file| file.number != number);
        self.refused.len() < before
    }

    /// Notes that a file goes on.
    pub fn pass(&mut self, number: u32, check: Check) {
        self.passed.retain(|(judged, _)| *judged != number);
        self.passed.push((number, check));
    }
}

impl Check {
    /// The check of an inspection that let the file go on, or why it did not.
    pub fn of(inspection: Inspection) -> Result<Self, (FileKind, RefusalCause)> {
        match inspection.judgement {
            Judgement::Accepted { warnings } => Ok(Self::Passed { kind: inspection.kind, warnings }),
            Judgement::Refused { cause } => Err((inspection.kind, cause)),
        }
    }

    /// What the agent is warned of.
    pub fn warnings(&self) -> &[Finding] {
        match self {
            Self::Off => &[],
            Self::Passed { warnings, .. } => warnings,
        }
    }
}

/// Why a deposit is held.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum HoldReason {
    /// It is large: the inspection goes on.
    InspectionGoesOn,
    /// The scanner does not answer, or not in time.
    ScannerDown,
    /// The scanner's signatures are too old, or have no date.
    SignaturesOld,
    /// What the scanner is given might reach a disk.
    NotPrivate,
}

impl HoldReason {
    /// The code for figures.
    pub const fn code(self) -> &'static str {
        match self {
            Self::InspectionGoesOn => "inspection_goes_on",
            Self::ScannerDown => "scanner_down",
            Self::SignaturesOld => "signatures_old",
            Self::NotPrivate => "not_private",
        }
    }

    /// What people read, after « parce que » or "because".
    pub const fn told(self, language: Language) -> &'static str {
        match (self, language) {
            (Self::InspectionGoesOn, Language::Fr) => "l’analyse des fichiers est en cours",
            (Self::InspectionGoesOn, Language::En) => "the files are being scanned",
            (Self::ScannerDown, Language::Fr) => "l’antivirus ne répond pas",
            (Self::ScannerDown, Language::En) => "the antivirus does not answer",
            (Self::SignaturesOld, Language::Fr) => "les signatures de l’antivirus ne sont pas à jour",
            (Self::SignaturesOld, Language::En) => "the signatures of the antivirus are not up to date",
            (Self::NotPrivate, Language::Fr) => "l’antivirus n’est pas installé de façon sûre",
            (Self::NotPrivate, Language::En) => "the antivirus is not installed safely",
        }
    }
}

/// A part of a held deposit.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldPart {
    /// Its number among the files of the deposit, from 1; 0 for the message and the original.
    pub number: u32,
    /// What it is.
    pub role: PartRole,
    /// Its manifest entry, sealed to the transfer's recipient.
    pub entry: Sealed,
    /// Where its segments are kept.
    pub objects: Vec<ObjectLocator>,
    /// Size in clear.
    pub size: ByteSize,
    /// What is known of it; none when it has not been judged.
    pub check: Option<Check>,
}

/// A deposit that was accepted and is held until its files are judged.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct HeldDeposit {
    /// The id of the transfer that it will be.
    pub id: TransferId,
    /// What people quote.
    pub reference: Reference,
    /// The mailbox.
    pub mailbox: MailboxId,
    /// Who deposited.
    pub depositor: Depositor,
    /// Where the acknowledgement goes.
    pub acknowledge_to: MailAddress,
    /// The title.
    pub title: CleanTitle,
    /// Whether the policy put it in the place of the sender's.
    pub title_replaced: bool,
    /// By which door.
    pub route: Route,
    /// What it has when a member sends it to people outside.
    #[serde(default)]
    pub outgoing: Option<Outgoing>,
    /// What its sender asks to be told of it (RFC 3461).
    #[serde(default)]
    pub report: Option<Box<ReportWish>>,
    /// The transfer that it answers.
    #[serde(default)]
    pub answers: Option<TransferId>,
    /// What its form says in codes.
    #[serde(default)]
    pub form: Option<Box<FormCodes>>,
    /// The depositor's language.
    pub language: Language,
    /// When it was accepted.
    pub accepted_at: Timestamp,
    /// What its parts are sealed to.
    pub recipient: Recipient,
    /// The transfer's identity, wrapped to the draft key of `key_day`.
    pub wrap: Sealed,
    /// The day of that draft key.
    pub key_day: Day,
    /// Its parts, the message first.
    pub parts: Vec<HeldPart>,
    /// Files that were refused already.
    pub refused: Vec<RefusedFile>,
    /// SHA-256 of the mail as it came in, when that was not kept.
    pub original_digest: Option<Digest>,
    /// Why it is held.
    pub reason: HoldReason,
    /// When it is looked at again.
    pub next_try_at: Timestamp,
    /// Whether the mailbox was told.
    pub mailbox_told: bool,
    /// Whether everybody was warned that it will end.
    pub warned: bool,
}

impl HeldDeposit {
    /// When it ends unreleased.
    pub fn ends_at(&self) -> Timestamp {
        self.accepted_at + HOLD_LIFE
    }

    /// How many files it holds.
    pub fn file_count(&self) -> u32 {
        u32::try_from(self.files().count()).unwrap_or(u32::MAX)
    }

    /// Their size in clear.
    pub fn total_size(&self) -> ByteSize {
        self.files().map(|part| part.size).sum()
    }

    fn files(&self) -> impl Iterator<Item = &HeldPart> {
        let is_file = |role| matches!(role, PartRole::Attachment | PartRole::FormDocument);
        self.parts.iter().filter(move |part| is_file(part.role))
    }

    /// Takes a refused form out, and the document that was made of it; its codes go too. Returns where they are kept, to be
    /// erased.
    pub fn drop_form(&mut self) -> Vec<ObjectLocator> {
        self.form = None;
        let is_form = |role| matches!(role, PartRole::Form | PartRole::FormDocument);
        let (form, kept) = std::mem::take(&mut self.parts).into_iter().partition(|part| is_form(part.role));
        self.parts = kept;
        let form: Vec<HeldPart> = form;
        form.into_iter().flat_map(|part| part.objects).collect()
    }

    /// Takes a file out that was refused; returns where it is kept, to be erased.
    pub fn refuse(&mut self, number: u32, file: RefusedFile) -> Vec<ObjectLocator> {
        let place =
            self.parts.iter().position(|part| part.number == number && part.role == PartRole::Attachment);
        let Some(place) = place else { return Vec::new() };
        self.refused.push(file);
        self.refused.sort_by_key(|file| file.number);
        self.parts.remove(place).objects
    }
}
