//! What can be wrong with what a depositor typed or sent, as closed lists: the words for each are here in both
//! languages, so that the page, the upload script's answer and the tests say the same.

use super::draft_form::form_element;
use super::frame::size_in_words;
use crate::content::RefusalCause;
use crate::policy::form::FieldProblem;
use crate::value::calendar;
use crate::value::{ByteSize, Language, Timestamp};
use crate::web::texts::{FormWords, Texts};

/// Why what was typed on a deposit page cannot be used.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AddressProblem {
    /// Nothing was typed.
    Missing,
    /// It is no mail address.
    NotAnAddress,
}

/// Why a typed code was not accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeProblem {
    /// Not eight digits.
    Shape,
    /// Not the code that was sent.
    Wrong,
    /// Too late, or too many tries: a new mail is needed.
    Ended,
}

/// A field of the deposit form.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DraftField {
    /// `title`.
    Title,
    /// `message`.
    Message,
    /// `files`.
    Files,
    /// `recipients`.
    Recipients,
    /// The options: `validity`, `note`, `told`.
    Options,
    /// The form, or a field of it.
    Form,
}

/// Why a deposit cannot be sent as it is, or a file was not taken. Limits and file names are the depositor's own
/// and shown to the depositor alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftProblem {
    /// No title.
    TitleMissing,
    /// The title holds personal data (D5); the findings are shown beside it.
    TitleRefused,
    /// The title is longer than this many characters.
    TitleTooLong {
        /// Characters allowed.
        limit: usize,
    },
    /// The message is longer than this many characters.
    MessageTooLong {
        /// Characters allowed.
        limit: usize,
    },
    /// The message is refused for what is in it (D8).
    MessageRefused {
        /// Why.
        cause: RefusalCause,
    },
    /// What is wrong with a transfer to people outside, at a field of its own.
    Outgoing {
        /// Where.
        field: DraftField,
        /// The sentence.
        text: String,
    },
    /// What is wrong with an answer of the form, at its input.
    Answer {
        /// The input.
        at: String,
        /// What it asks.
        label: String,
        /// What is wrong.
        what: FieldProblem,
    },
    /// What is wrong with the form as a whole.
    Form {
        /// The sentence.
        text: String,
    },
    /// Neither a message nor a file.
    NothingToSend,
    /// More files than this.
    TooManyFiles {
        /// Files allowed.
        limit: u32,
    },
    /// A file is larger than allowed.
    FileTooLarge {
        /// The file.
        name: String,
        /// Its size.
        actual: ByteSize,
        /// Size allowed.
        limit: ByteSize,
    },
    /// All files together would be larger than allowed.
    TotalTooLarge {
        /// The file that would pass the limit.
        name: String,
        /// Their size with it.
        actual: ByteSize,
        /// Size allowed.
        limit: ByteSize,
    },
    /// The address sent as much in an hour as it may.
    TooFast {
        /// What it may send in an hour.
        limit: ByteSize,
        /// When it may go on.
        again: Timestamp,
    },
    /// A file came in part, and the deposit was to be sent.
    UploadUnfinished {
        /// The file.
        name: String,
    },
    /// A fault of ours: nothing of what was sent just now was kept.
    NotKept {
        /// What support finds it by.
        support: String,
    },
    /// A file of 0 bytes.
    FileEmpty {
        /// The file.
        name: String,
    },
    /// A file that is refused for what it is or holds (D8).
    FileRefused {
        /// The file.
        name: String,
        /// Why.
        cause: RefusalCause,
    },
    /// The mailbox's limits were lowered since the files came in, and they are over them; the page says the limits.
    LimitsLowered,
    /// A file was refused when the deposit was to be sent (D8); the list of files says which.
    RefusedAtSending,
    /// The transfer of a file broke off; nothing of it was kept.
    FileInterrupted {
        /// The file.
        name: String,
    },
    /// A refused file is still listed and has to be removed first.
    RefusedFileLeft {
        /// The file.
        name: String,
    },
}

impl AddressProblem {
    /// The sentence for a person.
    pub fn text(self, language: Language) -> &'static str {
        let t = &Texts::of(language).deposit;
        match self {
            Self::Missing => t.address_missing,
            Self::NotAnAddress => t.address_wrong,
        }
    }
}

impl CodeProblem {
    /// The sentence for a person.
    pub fn text(self, language: Language) -> &'static str {
        let t = &Texts::of(language).code;
        match self {
            Self::Shape => t.problem_shape,
            Self::Wrong => t.problem_wrong,
            Self::Ended => t.problem_ended,
        }
    }
}

impl DraftProblem {
    /// The field that the problem is shown at.
    pub const fn field(&self) -> DraftField {
        match self {
            Self::Outgoing { field, .. } => *field,
            Self::Answer { .. } | Self::Form { .. } => DraftField::Form,
            Self::TitleMissing | Self::TitleRefused | Self::TitleTooLong { .. } => DraftField::Title,
            Self::MessageTooLong { .. } | Self::MessageRefused { .. } | Self::NothingToSend => {
                DraftField::Message
            }
            _ => DraftField::Files,
        }
    }

    /// The id of the element that the problem is at.
    pub fn element(&self) -> String {
        match self {
            Self::Answer { at, .. } => form_element(at),
            problem => match problem.field() {
                DraftField::Title => "title",
                DraftField::Message => "message",
                DraftField::Files => "files",
                DraftField::Recipients => "recipients",
                DraftField::Options => "validity",
                DraftField::Form => "form",
            }
            .to_owned(),
        }
    }

    /// The sentence for a person; also the `error` of the answer to the upload script.
    pub fn text(&self, language: Language) -> String {
        let t = &Texts::of(language).problem;
        let size = |size: &ByteSize| size_in_words(*size, language);
        match self {
            Self::Outgoing { text, .. } | Self::Form { text } => text.clone(),
            Self::Answer { label, what, .. } => {
                format!("{label}{}{}", FormWords::of(language).colon, what.told(language))
            }
            Self::TitleMissing => t.title_missing.to_owned(),
            Self::TitleRefused => t.title_refused.to_owned(),
            Self::TitleTooLong { limit } => (t.title_too_long)(*limit),
            Self::MessageTooLong { limit } => (t.message_too_long)(*limit),
            Self::MessageRefused { cause } => (t.message_refused)(&cause.told(language)),
            Self::NothingToSend => t.nothing_to_send.to_owned(),
            Self::TooManyFiles { limit } => (t.too_many_files)(*limit),
            Self::FileTooLarge { name, actual, limit } => {
                (t.file_too_large)(name, &size(actual), &size(limit))
            }
            Self::TotalTooLarge { name, actual, limit } => {
                (t.total_too_large)(name, &size(actual), &size(limit))
            }
            Self::TooFast { limit, again } => (t.too_fast)(&size(limit), &calendar::short(*again, language)),
            Self::UploadUnfinished { name } => (t.upload_unfinished)(name),
            Self::NotKept { support } => (t.not_kept)(support),
            Self::FileEmpty { name } => (t.file_empty)(name),
            Self::FileRefused { name, cause } => (t.file_refused)(name, &cause.told(language)),
            Self::LimitsLowered => t.limits_lowered.to_owned(),
            Self::RefusedAtSending => t.refused_at_sending.to_owned(),
            Self::FileInterrupted { name } => (t.file_interrupted)(name),
            Self::RefusedFileLeft { name } => (t.refused_file_left)(name),
        }
    }
}
