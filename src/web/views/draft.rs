//! The deposit form (D4 to D6, D8, S6) and the page after sending (D9).
//!
//! The form keeps everything that was typed, whatever went wrong, and works without a script: `action=add` takes
//! the chosen files without sending, `remove=n` takes one away, `action=send` sends.

use askama::Template;

use super::{DepositHost, DraftField, DraftProblem, FormPart, Frame, OtherDraftRow, RegisterChoice};
use crate::retention::{LONGEST_VALIDITY_DAYS, SHORTEST_VALIDITY_DAYS};
use crate::value::{ByteSize, Digest, Reference, Timestamp, UploadId};
use crate::web::texts::{FormWords, OtherDraftsWords, ReceiptWords};

/// What one deposit may hold, said in words on the pages.
#[derive(Debug, Clone, Copy)]
pub struct Limits {
    /// Files of a deposit.
    pub files: u32,
    /// Size of one file.
    pub file_size: ByteSize,
    /// Size of all files together.
    pub total_size: ByteSize,
    /// What one address may send in an hour.
    pub hourly: ByteSize,
    /// Characters of the title.
    pub title_characters: usize,
    /// Days that a deposit can be opened (V2).
    pub days: u32,
}

/// `GET /depot/{organisation}/{mailbox}/brouillon/{draft}`, and the answer to its POST unless it was sent.
#[derive(Debug, Clone, Template)]
#[template(path = "draft.html")]
pub struct DraftPage {
    /// What stands around.
    pub frame: Frame,
    /// Whose mailbox.
    pub host: DepositHost,
    /// The slug of the mailbox, for the live check of the title.
    pub mailbox_slug: String,
    /// Where the form posts to: the draft's own path.
    pub action: String,
    /// The proven address of the depositor.
    pub depositor: String,
    /// The title as typed.
    pub title: String,
    /// The message as typed.
    pub message: String,
    /// The files already taken, in order.
    pub files: Vec<DraftFile>,
    /// Files that came in part, and can be gone on with.
    pub unfinished: Vec<UnfinishedFile>,
    /// Titles offered (D5).
    pub canonical_titles: Vec<String>,
    /// What is wrong, in the order of the fields.
    pub problems: Vec<DraftProblem>,
    /// The pieces of the title that must go.
    pub findings: Vec<TitleFinding>,
    /// A title that would be accepted.
    pub suggestion: Option<String>,
    /// The form about a person that goes with the deposit; none where none is open.
    pub form: Option<FormPart>,
    /// The mailbox that the depositor was told of, to be posted back.
    pub seen: Option<String>,
    /// The other mailbox that the deposit goes to, which the depositor is shown before anything is sent (T8).
    pub leads: Option<LedTo>,
    /// What the form has when a member sends to people outside; none of a deposit.
    pub outgoing: Option<OutgoingForm>,
    /// Other drafts of the same address that are open.
    pub others: Vec<OtherDraftRow>,
    /// What may be sent.
    pub limits: Limits,
    /// Whether files are scanned, and which are accepted, in a sentence.
    pub inspection: String,
}

/// The mailbox that a deposit goes to for what its form says.
#[derive(Debug, Clone)]
pub struct LedTo {
    /// Its name.
    pub name: String,
    /// What it is for.
    pub purpose: String,
}

/// What the form of a member has beside a depositor's (T5, T9, V4).
#[derive(Debug, Clone)]
pub struct OutgoingForm {
    /// The transfer that is answered, and who gets the answer; none of a new transfer.
    pub answers: Option<(Reference, String)>,
    /// The recipients as typed.
    pub recipients: String,
    /// The validity that is chosen, in days.
    pub days: u8,
    /// Of which downloads the sender can be told, one chosen.
    pub tell: Vec<RegisterChoice>,
    /// The personal text as typed.
    pub note: String,
    /// The shortest password.
    pub told_min: usize,
    /// Whether something is to be said of the options, which are then unfolded.
    pub unfolded: bool,
}

impl OutgoingForm {
    /// The validities to choose from (V2).
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn choices(&self) -> Vec<u8> {
        (SHORTEST_VALIDITY_DAYS..=LONGEST_VALIDITY_DAYS).collect()
    }
}

/// A file of a draft.
#[derive(Debug, Clone)]
pub struct DraftFile {
    /// Its number in the draft, from 1; `remove` names it.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// Its size.
    pub size: ByteSize,
    /// SHA-256 of its bytes, which the depositor can compare; none of a refused file.
    pub digest: Option<Digest>,
    /// What became of it.
    pub state: DraftFileState,
}

/// A file that came in part.
#[derive(Debug, Clone)]
pub struct UnfinishedFile {
    /// The upload; `drop` names it.
    pub id: UploadId,
    /// Its name, with its path in the folder that it was chosen in.
    pub name: String,
    /// Its whole size.
    pub size: ByteSize,
    /// What came of it.
    pub received: ByteSize,
    /// What the page's script knows the file by when it is chosen again.
    pub fingerprint: String,
}

impl UnfinishedFile {
    /// How many hundredths came, rounded down: 100 is never said of what is not whole.
    fn percent(&self) -> u64 {
        self.received.bytes().saturating_mul(100) / self.size.bytes().max(1)
    }
}

/// What became of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum DraftFileState {
    /// Sealed, and checked where checks are on.
    Sealed,
    /// Sealed, and waiting for the virus check; the deposit can be sent.
    Held,
    /// Not accepted: the sentence says why.
    Refused {
        /// Why.
        reason: String,
    },
}

/// A piece of the title that must not be there.
#[derive(Debug, Clone)]
pub struct TitleFinding {
    /// Where it starts in the title, in characters (Unicode code points), from 0.
    pub start: usize,
    /// Where it ends, in characters, exclusive.
    pub end: usize,
    /// Why, a sentence for a person.
    pub reason: String,
}

impl DraftPage {
    fn o(&self) -> OtherDraftsWords {
        OtherDraftsWords::of(self.frame.language)
    }

    fn problems_at(&self, field: DraftField) -> Vec<String> {
        let here = self.problems.iter().filter(|problem| problem.field() == field);
        here.map(|problem| problem.text(self.frame.language)).collect()
    }

    fn title_problems(&self) -> Vec<String> {
        self.problems_at(DraftField::Title)
    }

    fn message_problems(&self) -> Vec<String> {
        self.problems_at(DraftField::Message)
    }

    fn recipient_problems(&self) -> Vec<String> {
        self.problems_at(DraftField::Recipients)
    }

    fn option_problems(&self) -> Vec<String> {
        self.problems_at(DraftField::Options)
    }

    fn file_problems(&self) -> Vec<String> {
        self.problems_at(DraftField::Files)
    }

    /// All problems with the id of the element that each is at, for the summary.
    fn summary(&self) -> Vec<(String, String)> {
        let entry = |problem: &DraftProblem| (problem.element(), problem.text(self.frame.language));
        self.problems.iter().map(entry).collect()
    }

    fn form_words(&self) -> FormWords {
        FormWords::of(self.frame.language)
    }

    /// The title cut into pieces, each with whether it is found fault with.
    fn title_pieces(&self) -> Vec<(bool, String)> {
        let characters: Vec<char> = self.title.chars().collect();
        let mut marked = vec![false; characters.len()];
        for finding in &self.findings {
            let end = finding.end.min(marked.len());
            marked[finding.start.min(end)..end].fill(true);
        }
        let mut pieces: Vec<(bool, String)> = Vec::new();
        for (character, mark) in characters.into_iter().zip(marked) {
            match pieces.last_mut() {
                Some((last, text)) if *last == mark => text.push(character),
                _ => pieces.push((mark, character.to_string())),
            }
        }
        pieces
    }

    fn title_is_refused(&self) -> bool {
        !self.findings.is_empty()
    }

    fn described_by_title(&self) -> &'static str {
        if self.title_problems().is_empty() { "title-help" } else { "title-error title-help" }
    }

    fn described_by_message(&self) -> &'static str {
        if self.message_problems().is_empty() { "message-help" } else { "message-error message-help" }
    }

    fn described_by_files(&self) -> &'static str {
        if self.file_problems().is_empty() { "files-help" } else { "files-error files-help" }
    }
}

/// The page after a deposit was sent: it is durable, and this is its reference (D9).
#[derive(Debug, Clone, Template)]
#[template(path = "sent.html")]
pub struct SentPage {
    /// What stands around.
    pub frame: Frame,
    /// Whose mailbox.
    pub host: DepositHost,
    /// The reference to quote.
    pub reference: Reference,
    /// The title as it was sent.
    pub title: String,
    /// How many files.
    pub files: u32,
    /// Their size.
    pub size: ByteSize,
    /// When it was taken.
    pub received: Timestamp,
    /// Until when it can be opened.
    pub expires: Timestamp,
    /// The depositor, whom the acknowledgement goes to.
    pub depositor: String,
    /// The mailbox that it went to, where that is another than the page's (T8).
    pub went_to: Option<String>,
    /// Where another deposit is begun without proving the address anew; none when it has to be (D6).
    pub another: Option<String>,
    /// Whether a check is still to be made before the mailbox gets it; `expires` is then until when it is kept.
    pub held: bool,
    /// Files that were refused: name, and why.
    pub refused: Vec<(String, String)>,
    /// Where its signed receipt is; none once it is forgotten.
    pub receipt: Option<String>,
    /// The salt of the receipt's digests, shown here alone; none once it is gone.
    pub salt: Option<String>,
}

impl SentPage {
    fn form_words(&self) -> FormWords {
        FormWords::of(self.frame.language)
    }

    fn w(&self) -> ReceiptWords {
        ReceiptWords::of(self.frame.language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn pieces_are_marked_by_character_and_overlaps_are_one_mark() {
        let mut page = empty();
        page.title = "Été de Mme Zoé Ker".to_owned();
        page.findings = vec![finding(7, 14), finding(11, 18), finding(90, 99)];
        let expected = [(false, "Été de ".to_owned()), (true, "Mme Zoé Ker".to_owned())];
        assert_eq!(page.title_pieces(), expected);
    }

    fn finding(start: usize, end: usize) -> TitleFinding {
        TitleFinding { start, end, reason: String::new() }
    }

    fn empty() -> DraftPage {
        let frame = Frame {
            language: Language::Fr,
            now: Timestamp(0),
            path: None,
            person: None,
            log: None,
            terms: false,
            demo: false,
        };
        let host = DepositHost {
            organisation: String::new(),
            mailbox: String::new(),
            purpose: String::new(),
            path: String::new(),
            dpo: String::new(),
        };
        let limits = Limits {
            files: 1,
            file_size: ByteSize(1),
            total_size: ByteSize(1),
            hourly: ByteSize(1),
            title_characters: 1,
            days: 20,
        };
        DraftPage {
            frame,
            host,
            mailbox_slug: String::new(),
            action: String::new(),
            depositor: String::new(),
            title: String::new(),
            message: String::new(),
            files: Vec::new(),
            unfinished: Vec::new(),
            form: None,
            seen: None,
            leads: None,
            outgoing: None,
            others: Vec::new(),
            canonical_titles: Vec::new(),
            problems: Vec::new(),
            findings: Vec::new(),
            suggestion: None,
            limits,
            inspection: String::new(),
        }
    }
}
