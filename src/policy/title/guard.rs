//! The guard: title in, findings out, and from them the redacted title and the [`CleanTitle`].
//!
//! It is compiled once from the policy and the lists, holds no state between titles and answers the same for
//! the same title, always. It knows no mail, no page and no language of a reader.

use std::fmt;

use super::clean::{CleanTitle, TitleShapeError};
use super::encoded_word;
use super::finding::{Confidence, Finding, Kind, Reason};
use super::fold::{Folded, fold_key};
use super::hits::Hit;
use super::lists::NameListError;
use super::prefix;
use super::rules::{MailboxTitleRules, OnSmtp, TitleMode, TitlePolicy};
use super::scan::Scanner;

/// The most characters of a title that are looked into. A longer one is withheld whole: no mail program
/// writes such a subject, and the time a title takes stays bounded.
pub const MAX_INSPECTED_CHARS: usize = 1000;
/// The most bytes of a title that are decoded at all: encoded-words take several bytes for one character.
const MAX_DECODED_BYTES: usize = 8 * MAX_INSPECTED_CHARS;
/// How often a redacted title is inspected again before nothing of it is kept.
const MAX_ROUNDS: usize = 4;
/// How many words a redacted title keeps to be worth suggesting.
const MIN_SUGGESTED_WORDS: usize = 2;

/// The compiled guard: build it once, use it from any thread.
#[derive(Debug)]
pub struct TitleGuard {
    policy: TitlePolicy,
    scanner: Scanner,
}

/// What the guard says of one title.
#[derive(Clone)]
pub struct Inspection<'g> {
    /// What was found, in the order of the title, never overlapping.
    pub findings: Vec<Finding>,
    guard: &'g TitleGuard,
    /// The decoded title with the findings blotted out, not yet inspected again.
    draft: String,
}

impl Inspection<'_> {
    /// Whether the title holds personal data.
    pub fn is_personal(&self) -> bool {
        !self.findings.is_empty()
    }

    /// The title with each piece blotted out and encoded-words decoded; the title itself if nothing was
    /// found. The guard finds nothing in it: it is inspected again here, which takes as long as `inspect`.
    pub fn redacted(&self) -> String {
        if self.is_personal() {
            self.guard.redact_until_clean(self.draft.clone())
        } else {
            self.draft.clone()
        }
    }
}

/// No title is in the log: only the findings are shown.
impl fmt::Debug for Inspection<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Inspection").field("findings", &self.findings).finish_non_exhaustive()
    }
}

/// What goes on from a mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailTitle {
    /// The title to use.
    pub title: CleanTitle,
    /// Whether it is another one than the sender wrote, prefixes such as `Re:` aside.
    pub replaced: bool,
}

/// Why a title is refused. All of it is for the depositor, who can act on it; it holds no text of the title
/// that was found to be personal.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum TitleRefusal {
    /// Nothing was written.
    #[error("the title is empty")]
    Empty {
        /// A title to take instead.
        suggestion: CleanTitle,
    },
    /// More than [`super::MAX_TITLE_CHARS`].
    #[error("the title has {actual} characters, at most {limit} are allowed")]
    TooLong {
        /// The bound, in characters.
        limit: usize,
        /// What came, in characters.
        actual: usize,
        /// A title to take instead.
        suggestion: CleanTitle,
    },
    /// The mailbox takes only titles of its list.
    #[error("the title is none of the mailbox's list")]
    NotCanonical {
        /// The list's first title.
        suggestion: CleanTitle,
    },
    /// Personal data was found.
    #[error("the title holds personal data: {} found", findings.len())]
    Personal {
        /// What, where and why.
        findings: Vec<Finding>,
        /// The redacted title if enough is left of it, else the list's first one.
        suggestion: CleanTitle,
    },
}

impl TitleRefusal {
    /// The title that one click accepts.
    pub fn suggestion(&self) -> &CleanTitle {
        match self {
            Self::Empty { suggestion }
            | Self::TooLong { suggestion, .. }
            | Self::NotCanonical { suggestion }
            | Self::Personal { suggestion, .. } => suggestion,
        }
    }

    /// What was found; empty for the other refusals.
    pub fn findings(&self) -> &[Finding] {
        match self {
            Self::Personal { findings, .. } => findings,
            _ => &[],
        }
    }
}

impl TitleGuard {
    /// Compiles the guard.
    pub fn new(policy: &TitlePolicy) -> Self {
        Self { scanner: Scanner::new(policy), policy: policy.clone() }
    }

    /// Compiles the guard with a list of names that [`super::import_names`] made.
    pub fn with_names(policy: &TitlePolicy, names: Vec<u8>) -> Result<Self, NameListError> {
        let mut guard = Self::new(policy);
        guard.scanner.import(names)?;
        Ok(guard)
    }

    /// The titles that a mailbox offers to choose from (D5).
    pub fn canonical_titles(&self, mailbox_slug: &str) -> &[CleanTitle] {
        &self.policy.rules_for(mailbox_slug).canonical
    }

    /// The title that an answer is given unless the sender writes another (D5).
    pub fn answer_title(&self, mailbox_slug: &str) -> &CleanTitle {
        &self.policy.rules_for(mailbox_slug).answer
    }

    /// A personal text that travels in clear, such as in a notice (V4): free text under the guard, in a title's length.
    pub fn clean_note(&self, mailbox_slug: &str, text: &str) -> Result<CleanTitle, TitleRefusal> {
        let one_line = text.split_whitespace().collect::<Vec<_>>().join(" ");
        self.checked(self.policy.rules_for(mailbox_slug), &one_line)
    }

    /// Whether the lists know a word, as a word or as a name.
    pub fn lists(&self, word: &str) -> bool {
        self.scanner.lists(word)
    }

    /// Says what personal data the title holds.
    pub fn inspect(&self, title: &str) -> Inspection<'_> {
        if title.len() > MAX_DECODED_BYTES {
            return self.withheld(title);
        }
        let reading = Reading::of(title);
        if reading.chars_exceed(MAX_INSPECTED_CHARS) {
            return self.withheld(title);
        }
        let hits = self.scanner.scan(&reading.folded);
        if hits.list.is_empty() && self.raw_is_clean(title, &reading) {
            return Inspection { findings: Vec::new(), guard: self, draft: reading.into_text() };
        }
        if hits.list.is_empty() {
            return self.withheld(title);
        }
        let findings = reading.findings(&hits.list);
        Inspection { findings, guard: self, draft: reading.redact(&hits.list) }
    }

    /// The title of a deposit made on the page or by the API.
    pub fn clean_for_web(&self, mailbox_slug: &str, title: &str) -> Result<CleanTitle, TitleRefusal> {
        let rules = self.policy.rules_for(mailbox_slug);
        let default = || rules.default_title().clone();
        let shape = CleanTitle::from_judged(title);
        match shape {
            Err(TitleShapeError::Empty | TitleShapeError::Control { .. }) => {
                return Err(TitleRefusal::Empty { suggestion: default() });
            }
            Err(TitleShapeError::TooLong { limit, actual }) => {
                return Err(TitleRefusal::TooLong { limit, actual, suggestion: default() });
            }
            Ok(_) => {}
        }
        if let Some(canonical) = canonical_of(rules, title) {
            return Ok(canonical.clone());
        }
        if rules.web_mode == TitleMode::Canonical {
            return Err(TitleRefusal::NotCanonical { suggestion: default() });
        }
        self.checked(rules, title)
    }

    /// The title of a deposit that came by mail.
    pub fn clean_for_mail(&self, mailbox_slug: &str, subject: &str) -> Result<MailTitle, TitleRefusal> {
        let rules = self.policy.rules_for(mailbox_slug);
        let subject = prefix::strip(subject);
        if let Some(canonical) = canonical_of(rules, subject) {
            return Ok(MailTitle { title: canonical.clone(), replaced: false });
        }
        let replacement = MailTitle { title: rules.default_title().clone(), replaced: true };
        if rules.mail_mode == TitleMode::Canonical {
            return match rules.on_smtp {
                OnSmtp::Reject => Err(TitleRefusal::NotCanonical { suggestion: replacement.title }),
                OnSmtp::Redact | OnSmtp::Replace => Ok(replacement),
            };
        }
        match (self.checked(rules, subject), rules.on_smtp) {
            (Ok(title), _) => Ok(MailTitle { title, replaced: false }),
            (Err(TitleRefusal::Personal { findings, suggestion }), OnSmtp::Reject) => {
                Err(TitleRefusal::Personal { findings, suggestion })
            }
            (Err(TitleRefusal::Personal { suggestion, .. }), OnSmtp::Redact) => {
                Ok(MailTitle { title: suggestion, replaced: true })
            }
            (Err(_), _) => Ok(replacement),
        }
    }

    /// Free text under the guard.
    fn checked(&self, rules: &MailboxTitleRules, title: &str) -> Result<CleanTitle, TitleRefusal> {
        let inspection = self.inspect(title);
        let redacted = inspection.redacted();
        let shape = CleanTitle::from_judged(&redacted);
        let default = || rules.default_title().clone();
        if inspection.is_personal() {
            let worth = shape.ok().filter(|_| words_kept(&redacted) >= MIN_SUGGESTED_WORDS);
            let suggestion = worth.unwrap_or_else(default);
            return Err(TitleRefusal::Personal { findings: inspection.findings, suggestion });
        }
        shape.map_err(|error| match error {
            TitleShapeError::TooLong { limit, actual } => {
                TitleRefusal::TooLong { limit, actual, suggestion: default() }
            }
            TitleShapeError::Empty | TitleShapeError::Control { .. } => {
                TitleRefusal::Empty { suggestion: default() }
            }
        })
    }

    /// A title that cannot be looked into: nothing of it is kept.
    fn withheld(&self, title: &str) -> Inspection<'_> {
        let end = title.chars().count();
        let (kind, reason, confidence) = (Kind::Other, Reason::Withheld, Confidence::Low);
        let findings = vec![Finding { kind, start: 0, end, reason, confidence }];
        Inspection { findings, guard: self, draft: OMISSION.to_owned() }
    }

    /// Encoded-words can hide a number from the decoded reading that still stands in the raw one.
    fn raw_is_clean(&self, title: &str, reading: &Reading<'_>) -> bool {
        reading.spans.is_none() || {
            let folded = Folded::of(title.chars(), title.len());
            self.scanner.scan_numbers(&folded).list.is_empty()
        }
    }

    /// Blotting out a piece changes what stands beside it: the redacted title is inspected again, and a
    /// title that does not come clean is withheld.
    fn redact_until_clean(&self, mut text: String) -> String {
        for _ in 0..MAX_ROUNDS {
            let reading = Reading::of(&text);
            let hits = self.scanner.scan(&reading.folded);
            if hits.list.is_empty() {
                let clean = self.raw_is_clean(&text, &reading);
                return if clean { text } else { OMISSION.to_owned() };
            }
            text = reading.redact(&hits.list);
        }
        OMISSION.to_owned()
    }
}

/// What stands in a redacted title where a piece was, and for a title of which nothing can be kept. It is the
/// usual mark of an omission, and no rule looks at it.
const OMISSION: &str = "[…]";

/// The canonical title, or the answer's, that this title is: case, accents, blanks and prefixes aside.
fn canonical_of<'r>(rules: &'r MailboxTitleRules, title: &str) -> Option<&'r CleanTitle> {
    if title.len() > 4 * super::MAX_TITLE_CHARS {
        return None;
    }
    let key = fold_key(prefix::strip(title));
    let mut known = rules.canonical.iter().chain([&rules.answer]);
    known.find(|canonical| fold_key(canonical.as_str()) == key)
}

/// How many words of a redacted title say something.
fn words_kept(redacted: &str) -> usize {
    let word = |word: &&str| word.chars().filter(|c| c.is_alphabetic()).count() >= 3 && !word.contains('[');
    redacted.split_whitespace().filter(word).count()
}

/// A title decoded and folded, with the way back to what was written.
struct Reading<'t> {
    title: &'t str,
    /// The decoded characters and their places, if the title had encoded-words.
    chars: Vec<char>,
    spans: Option<Vec<(usize, usize)>>,
    folded: Folded,
}

impl<'t> Reading<'t> {
    fn of(title: &'t str) -> Self {
        match encoded_word::decode(title) {
            None => {
                let folded = Folded::of(title.chars().take(MAX_INSPECTED_CHARS + 1), title.len());
                Self { title, chars: Vec::new(), spans: None, folded }
            }
            Some(decoded) => {
                let chars = decoded.chars.iter().copied().take(MAX_INSPECTED_CHARS + 1);
                let folded = Folded::of(chars, decoded.chars.len());
                Self { title, chars: decoded.chars, spans: Some(decoded.spans), folded }
            }
        }
    }

    fn chars_exceed(&self, limit: usize) -> bool {
        self.title.len() > limit && self.title.chars().nth(limit).is_some() || self.chars.len() > limit
    }

    fn into_text(self) -> String {
        if self.spans.is_some() { self.chars.into_iter().collect() } else { self.title.to_owned() }
    }

    /// The decoded characters that a hit covers: start, end.
    fn covered(&self, hit: &Hit) -> (usize, usize) {
        let source = |cell: usize| self.folded.source.get(cell).map_or(0, |index| *index as usize);
        (source(hit.start), source(hit.end.saturating_sub(1)) + 1)
    }

    fn findings(&self, hits: &[Hit]) -> Vec<Finding> {
        let mut findings: Vec<Finding> = hits
            .iter()
            .map(|hit| {
                let (first, end) = self.covered(hit);
                let (start, end) = match &self.spans {
                    None => (first, end),
                    Some(spans) => (spans[first].0, spans[end - 1].1),
                };
                Finding { kind: hit.kind, start, end, reason: hit.reason, confidence: hit.confidence }
            })
            .collect();
        findings.sort_by_key(|finding| (finding.start, finding.end));
        findings
    }

    fn redact(&self, hits: &[Hit]) -> String {
        let mut pieces: Vec<(usize, usize)> = hits.iter().map(|hit| self.covered(hit)).collect();
        pieces.sort_unstable();
        let mut redacted = String::with_capacity(self.title.len());
        let mut pieces = pieces.into_iter().peekable();
        let mut hidden_until = 0;
        let mut push = |index: usize, c: char| {
            while let Some((_, end)) = pieces.next_if(|piece| piece.0 <= index) {
                if end > hidden_until {
                    hidden_until = end;
                    redacted.push_str(OMISSION);
                }
            }
            if index >= hidden_until {
                redacted.push(c);
            }
        };
        match &self.spans {
            None => self.title.chars().enumerate().for_each(|(index, c)| push(index, c)),
            Some(_) => self.chars.iter().enumerate().for_each(|(index, c)| push(index, *c)),
        }
        redacted
    }
}
