//! What stands around every page: language, person signed in, demonstration band, the words at hand, and
//! how instants and sizes are written.

use std::fmt;

use askama::filters::HtmlSafe;

use super::{JournalState, LogVerdict};
use crate::value::{ByteSize, Language, Timestamp, calendar};
use crate::web::texts::{
    AccountWords, AccountsWords, CaseMoreWords, CaseWords, CaseloadWords, DefaultsWords, DeliveryWords,
    DispatchWords, EntryWords, KitWords, OutsideWords, ReceiptWords, RegisterWords, SettingsWords,
    StatisticsWords, StructureWords, Texts,
};

/// What every page is given, whatever it shows.
#[derive(Debug, Clone)]
pub struct Frame {
    /// The language of the page.
    pub language: Language,
    /// The instant of the request, for "in 3 days".
    pub now: Timestamp,
    /// Path and query of this page where a GET of it shows the same, for the switch of language; `None` for
    /// the answer to a POST, which a link would lose.
    pub path: Option<String>,
    /// Who is signed in.
    pub person: Option<SignedIn>,
    /// The state of the log and of its witnesses, which an officer has always in view.
    pub log: Option<JournalState>,
    /// Whether there are terms of use, and a page that shows them.
    pub terms: bool,
    /// Whether the gateway runs as a demonstration: a band says so on every page.
    pub demo: bool,
}

/// The person whose session the page is shown in.
#[derive(Debug, Clone)]
#[expect(clippy::struct_excessive_bools, reason = "what the person finds in the menu, each yes or no")]
pub struct SignedIn {
    /// Name or address, as the person knows it.
    pub name: String,
    /// Whether the person belongs to a mailbox, and sees the link to the mailboxes.
    pub reads_mailboxes: bool,
    /// Whether the person is a security officer, and sees the link to the log.
    pub reads_journal: bool,
    /// Whether the person looks after all structures, and reviews all accounts.
    pub sees_structures: bool,
    /// Whether the person looks after the own structure.
    pub has_structure: bool,
}

#[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
impl Frame {
    /// What an officer reads of the log on every page, in few words, and whether it is bad.
    pub(in crate::web) fn log_verdict(&self, log: &JournalState) -> (&'static str, bool) {
        let t = &self.t().journal;
        match log.verdict {
            LogVerdict::Verifies => (t.verifies, false),
            LogVerdict::Broken { .. } => (t.broken, true),
            LogVerdict::Unknown => (t.unknown, false),
        }
    }

    /// The words of the page's language.
    pub(in crate::web) fn t(&self) -> &'static Texts {
        Texts::of(self.language)
    }

    /// The words that tell what became of a mail.
    pub(in crate::web) fn d(&self) -> DeliveryWords {
        DeliveryWords::of(self.language)
    }

    /// The words of answers and of transfers to people outside.
    pub(in crate::web) fn o(&self) -> OutsideWords {
        OutsideWords::of(self.language)
    }

    /// What the link to the verification of receipts says.
    pub(in crate::web) fn verify_receipt(&self) -> &'static str {
        ReceiptWords::of(self.language).title
    }

    /// What the link to one's own account says.
    pub(in crate::web) fn own_account(&self) -> &'static str {
        AccountWords::of(self.language).title
    }

    /// What the link to the structures says.
    pub(in crate::web) fn structures(&self) -> &'static str {
        StructureWords::of(self.language).list
    }

    /// What the link to the accounts of the house says.
    pub(in crate::web) fn accounts(&self) -> &'static str {
        AccountsWords::of(self.language).title
    }

    /// What the link to the own structure says.
    pub(in crate::web) fn own_structure(&self) -> &'static str {
        StructureWords::of(self.language).own
    }

    /// What the link to a mailbox's settings says.
    pub(in crate::web) fn settings(&self) -> &'static str {
        SettingsWords::of(self.language).link
    }

    /// What the link to the terms of use says.
    pub(in crate::web) fn terms_footer(&self) -> &'static str {
        EntryWords::of(self.language).terms_footer
    }

    /// What pages say of a case.
    pub(in crate::web) fn case_words(&self) -> CaseWords {
        CaseWords::of(self.language)
    }

    /// What the page says that dispatches a case.
    pub(in crate::web) fn dispatch_words(&self) -> DispatchWords {
        DispatchWords::of(self.language)
    }

    /// What the desk of a mailbox says.
    pub(in crate::web) fn caseload_words(&self) -> CaseloadWords {
        CaseloadWords::of(self.language)
    }

    /// What a case's page says beside where the case stands.
    pub(in crate::web) fn case_more_words(&self) -> CaseMoreWords {
        CaseMoreWords::of(self.language)
    }

    /// What is said of what is chosen beforehand for what is sent.
    pub(in crate::web) fn defaults_words(&self) -> DefaultsWords {
        DefaultsWords::of(self.language)
    }

    /// What the register of cases says.
    pub(in crate::web) fn register_words(&self) -> RegisterWords {
        RegisterWords::of(self.language)
    }

    /// What its statistics say.
    pub(in crate::web) fn statistics_words(&self) -> StatisticsWords {
        StatisticsWords::of(self.language)
    }

    /// What stands between a label and what it labels.
    pub(in crate::web) fn colon(&self) -> &'static str {
        if self.language == Language::Fr { "\u{202f}:" } else { ":" }
    }

    /// What the link to the officer's kits says.
    pub(in crate::web) fn kits(&self) -> &'static str {
        KitWords::of(self.language).hub
    }

    /// The language that the page is not in.
    pub(in crate::web) fn other_language(&self) -> Language {
        match self.language {
            Language::Fr => Language::En,
            Language::En => Language::Fr,
        }
    }

    /// Where the same page is in the other language.
    pub(in crate::web) fn switch(&self) -> Option<String> {
        let path = self.path.as_ref()?;
        let joint = if path.contains('?') { '&' } else { '?' };
        Some(format!("{path}{joint}lang={}", self.other_language().tag()))
    }

    /// A full instant: « samedi 21 novembre 2026 à 9 h 30 ».
    pub(in crate::web) fn at(&self, instant: &Timestamp) -> TimeTag {
        TimeTag { instant: *instant, words: calendar::full(*instant, self.language) }
    }

    /// A day alone: « 21 nov. 2026 ».
    pub(in crate::web) fn on(&self, instant: &Timestamp) -> TimeTag {
        TimeTag { instant: *instant, words: calendar::day_in_paris(*instant, self.language) }
    }

    /// A short instant, for tables: « 21 nov. 2026, 9 h 30 ».
    pub(in crate::web) fn short(&self, instant: &Timestamp) -> TimeTag {
        TimeTag { instant: *instant, words: calendar::short(*instant, self.language) }
    }

    /// An instant to the second, for the log.
    pub(in crate::web) fn precise(&self, instant: &Timestamp) -> TimeTag {
        TimeTag { instant: *instant, words: calendar::precise(*instant, self.language) }
    }

    /// How far an instant is: « dans 3 jours », "2 hours ago".
    pub(in crate::web) fn away(&self, instant: &Timestamp) -> String {
        calendar::relative(self.now, *instant, self.language)
    }

    /// A count, its digits in groups of three.
    pub(in crate::web) fn number(&self, count: u64) -> String {
        let separator = match self.language {
            Language::Fr => '\u{202f}',
            Language::En => ',',
        };
        let digits = count.to_string();
        let mut written = String::with_capacity(digits.len() * 2);
        for (place, digit) in digits.chars().enumerate() {
            if place > 0 && (digits.len() - place).is_multiple_of(3) {
                written.push(separator);
            }
            written.push(digit);
        }
        written
    }

    /// A size, as [`size_in_words`].
    pub(in crate::web) fn size(&self, size: &ByteSize) -> String {
        size_in_words(*size, self.language)
    }
}

/// A size without an idle ",0", and with a space that does not break: « 2 Go », "20.5 MB".
pub(super) fn size_in_words(size: ByteSize, language: Language) -> String {
    size.for_people(language).replace(",0 ", " ").replace(".0 ", " ").replace(' ', "\u{a0}")
}

/// A `<time>` element. It holds only what this module writes, so it needs no escaping.
pub(in crate::web) struct TimeTag {
    instant: Timestamp,
    words: String,
}

impl fmt::Display for TimeTag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "<time datetime=\"{}\">{}</time>", self.instant, self.words)
    }
}

impl HtmlSafe for TimeTag {}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_round_size_has_no_idle_decimal() {
        assert_eq!(size_in_words(ByteSize(2_000_000_000), Language::Fr), "2\u{a0}Go");
        assert_eq!(size_in_words(ByteSize(20_500_000), Language::En), "20.5\u{a0}MB");
    }

    #[test]
    fn the_switch_of_language_keeps_the_query() {
        let frame = Frame {
            language: Language::Fr,
            now: Timestamp(0),
            path: Some("/journal?page=2".to_owned()),
            person: None,
            log: None,
            terms: false,
            demo: false,
        };
        assert_eq!(frame.switch().as_deref(), Some("/journal?page=2&lang=en"));
    }
}
