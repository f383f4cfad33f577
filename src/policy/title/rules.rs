//! The policy file `policies/title.toml`: which titles a mailbox takes, and what happens to the others.
//!
//! It is parsed whole and refused whole: an unknown key, an empty list or a canonical title that could not
//! travel is an error here, not a surprise at the first deposit. Reading the file is the caller's.

use std::collections::BTreeMap;

use regex::Regex;
use serde::Deserialize;

use super::clean::{CleanTitle, TitleShapeError};
use super::finding::Kind;
use crate::value::Digest;

/// The only version of the file's format.
const VERSION: u32 = 1;
/// The most canonical titles of one mailbox: a choice that fits on a page.
const MAX_CANONICAL: usize = 50;
/// The most mailboxes with rules of their own.
const MAX_MAILBOXES: usize = 10_000;
/// The most harmless words of an organisation.
const MAX_HARMLESS: usize = 10_000;
/// The most patterns of an organisation: each costs time on every title.
const MAX_PATTERNS: usize = 50;
/// The largest compiled pattern, in bytes.
const MAX_PATTERN_BYTES: usize = 1 << 20;

/// The parsed policy file.
#[derive(Debug, Clone)]
pub struct TitlePolicy {
    digest: Digest,
    default: MailboxTitleRules,
    mailboxes: BTreeMap<String, MailboxTitleRules>,
    pub(super) harmless: Vec<String>,
    pub(super) patterns: Vec<OwnPattern>,
}

/// What holds for the titles of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailboxTitleRules {
    /// The titles to choose from; the first is the default. Never empty.
    pub canonical: Vec<CleanTitle>,
    /// The title of an answer (D5).
    pub answer: CleanTitle,
    /// Whether the page and the API take free text.
    pub web_mode: TitleMode,
    /// What the page and the API do with a finding.
    pub on_web: OnWeb,
    /// Whether a mail keeps a title of its own.
    pub mail_mode: TitleMode,
    /// What a mail with a finding meets.
    pub on_smtp: OnSmtp,
}

impl MailboxTitleRules {
    /// The title that stands in for another one.
    pub fn default_title(&self) -> &CleanTitle {
        // `parse` refuses an empty list, so `answer` is never reached.
        self.canonical.first().unwrap_or(&self.answer)
    }
}

/// Which titles a channel takes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TitleMode {
    /// One of the list: the only mode that is a promise.
    Canonical,
    /// Free text under the guard.
    Checked,
}

/// What the page and the API do with a title that has findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnWeb {
    /// Refuse it, with what was found and a suggestion that one click accepts.
    Refuse,
}

/// What SMTP does with a title that has findings.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum OnSmtp {
    /// Blot out what was found.
    Redact,
    /// Put the mailbox's first canonical title.
    Replace,
    /// Refuse the mail: 550 5.7.1 with a plain reason.
    Reject,
}

/// A pattern of the organisation's own.
#[derive(Debug, Clone)]
pub(super) struct OwnPattern {
    pub(super) kind: Kind,
    pub(super) regex: Regex,
}

/// Why a policy file is refused. Everything here is for the operator who wrote it.
#[derive(Debug, thiserror::Error)]
pub enum TitlePolicyError {
    /// No TOML, a missing key, an unknown key or a value outside its vocabulary.
    #[error("the title policy cannot be read: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A version that this program does not know.
    #[error("the title policy has version {actual}, this program reads version {expected}")]
    Version {
        /// What this program reads.
        expected: u32,
        /// What the file says.
        actual: u32,
    },
    /// A mailbox with no title to choose from.
    #[error("{place}: the list of canonical titles is empty")]
    NoCanonical {
        /// The table in the file.
        place: String,
    },
    /// Too many entries of one kind.
    #[error("{place}: {actual} entries, at most {limit} are allowed")]
    TooMany {
        /// The table or list in the file.
        place: String,
        /// The bound.
        limit: usize,
        /// What the file has.
        actual: usize,
    },
    /// A canonical title that cannot travel.
    #[error("{place}: {source}")]
    Title {
        /// The table in the file.
        place: String,
        /// What is wrong with the title.
        source: TitleShapeError,
    },
    /// A pattern that is no regular expression, or too large a one.
    #[error("pattern {name:?}: {source}")]
    Pattern {
        /// The pattern's name in the file.
        name: String,
        /// What the expression's compiler says.
        source: Box<regex::Error>,
    },
}

impl TitlePolicy {
    /// Parses the file.
    pub fn parse(toml: &str) -> Result<Self, TitlePolicyError> {
        let file: PolicyFile = toml::from_str(toml)?;
        if file.version != VERSION {
            return Err(TitlePolicyError::Version { expected: VERSION, actual: file.version });
        }
        bounded("mailbox", file.mailbox.len(), MAX_MAILBOXES)?;
        bounded("guard.harmless", file.guard.harmless.len(), MAX_HARMLESS)?;
        bounded("guard.pattern", file.guard.pattern.len(), MAX_PATTERNS)?;
        let default = file.default.rules()?;
        let mut mailboxes = BTreeMap::new();
        for (slug, table) in file.mailbox {
            let rules = table.rules(&slug, &default)?;
            mailboxes.insert(slug, rules);
        }
        let patterns = file.guard.pattern.into_iter().map(PatternTable::compile).collect::<Result<_, _>>()?;
        let digest = Digest::of(toml.as_bytes());
        Ok(Self { digest, default, mailboxes, harmless: file.guard.harmless, patterns })
    }

    /// The digest of the file's bytes, cited by audit events.
    pub fn digest(&self) -> Digest {
        self.digest
    }

    /// The rules of a mailbox, by the name in its page's address; the default ones if it has none.
    pub fn rules_for(&self, mailbox_slug: &str) -> &MailboxTitleRules {
        self.mailboxes.get(mailbox_slug).unwrap_or(&self.default)
    }

    /// The mailboxes that have rules of their own, so that a misspelt name can be found.
    pub fn mailboxes(&self) -> impl Iterator<Item = &str> {
        self.mailboxes.keys().map(String::as_str)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PolicyFile {
    version: u32,
    default: DefaultTable,
    #[serde(default)]
    guard: GuardTable,
    #[serde(default)]
    mailbox: BTreeMap<String, MailboxTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DefaultTable {
    canonical: Vec<String>,
    answer: String,
    web: WebTable,
    mail: MailTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailboxTable {
    canonical: Option<Vec<String>>,
    answer: Option<String>,
    web: Option<WebTable>,
    mail: Option<MailTable>,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct WebTable {
    mode: TitleMode,
    on_finding: OnWeb,
}

#[derive(Deserialize, Clone, Copy)]
#[serde(deny_unknown_fields)]
struct MailTable {
    mode: TitleMode,
    on_finding: OnSmtp,
}

#[derive(Deserialize, Default)]
#[serde(deny_unknown_fields)]
struct GuardTable {
    #[serde(default)]
    harmless: Vec<String>,
    #[serde(default)]
    pattern: Vec<PatternTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct PatternTable {
    name: String,
    kind: Kind,
    regex: String,
}

impl DefaultTable {
    fn rules(self) -> Result<MailboxTitleRules, TitlePolicyError> {
        Ok(MailboxTitleRules {
            canonical: titles("default", &self.canonical)?,
            answer: title("default", &self.answer)?,
            web_mode: self.web.mode,
            on_web: self.web.on_finding,
            mail_mode: self.mail.mode,
            on_smtp: self.mail.on_finding,
        })
    }
}

impl MailboxTable {
    /// The mailbox's own rules, the default's where it says nothing.
    fn rules(self, slug: &str, default: &MailboxTitleRules) -> Result<MailboxTitleRules, TitlePolicyError> {
        let place = format!("mailbox.{slug}");
        let canonical = self.canonical.map(|list| titles(&place, &list)).transpose()?;
        let answer = self.answer.map(|text| title(&place, &text)).transpose()?;
        let web = self.web.map(|web| (web.mode, web.on_finding));
        let mail = self.mail.map(|mail| (mail.mode, mail.on_finding));
        let (web_mode, on_web) = web.unwrap_or((default.web_mode, default.on_web));
        let (mail_mode, on_smtp) = mail.unwrap_or((default.mail_mode, default.on_smtp));
        Ok(MailboxTitleRules {
            canonical: canonical.unwrap_or_else(|| default.canonical.clone()),
            answer: answer.unwrap_or_else(|| default.answer.clone()),
            web_mode,
            on_web,
            mail_mode,
            on_smtp,
        })
    }
}

impl PatternTable {
    fn compile(self) -> Result<OwnPattern, TitlePolicyError> {
        let regex = regex::RegexBuilder::new(&self.regex)
            .size_limit(MAX_PATTERN_BYTES)
            .build()
            .map_err(|source| TitlePolicyError::Pattern { name: self.name, source: Box::new(source) })?;
        Ok(OwnPattern { kind: self.kind, regex })
    }
}

fn titles(place: &str, list: &[String]) -> Result<Vec<CleanTitle>, TitlePolicyError> {
    if list.is_empty() {
        return Err(TitlePolicyError::NoCanonical { place: place.to_owned() });
    }
    bounded(place, list.len(), MAX_CANONICAL)?;
    list.iter().map(|text| title(place, text)).collect()
}

fn title(place: &str, text: &str) -> Result<CleanTitle, TitlePolicyError> {
    CleanTitle::from_judged(text)
        .map_err(|source| TitlePolicyError::Title { place: place.to_owned(), source })
}

fn bounded(place: &str, actual: usize, limit: usize) -> Result<(), TitlePolicyError> {
    if actual > limit {
        return Err(TitlePolicyError::TooMany { place: place.to_owned(), limit, actual });
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHIPPED: &str = include_str!("../../../policies/title.toml");

    #[test]
    fn the_shipped_policy_checks_the_page_and_replaces_on_mail() {
        let policy = TitlePolicy::parse(SHIPPED).unwrap();
        let rules = policy.rules_for("cdas-redon");
        assert_eq!(rules.web_mode, TitleMode::Checked);
        assert_eq!((rules.mail_mode, rules.on_smtp), (TitleMode::Canonical, OnSmtp::Replace));
        assert_eq!(rules.default_title().as_str(), "Demande urgente");
        assert_eq!(policy.digest(), Digest::of(SHIPPED.as_bytes()));
    }

    #[test]
    fn a_mailbox_takes_the_default_where_it_says_nothing() {
        let more = "[mailbox.pensions]\ncanonical = [\"Demande ASPA\"]\n\
                    [mailbox.pensions.mail]\nmode = \"checked\"\non_finding = \"reject\"\n";
        let policy = TitlePolicy::parse(&format!("{SHIPPED}\n{more}")).unwrap();
        let rules = policy.rules_for("pensions");
        assert_eq!(rules.default_title().as_str(), "Demande ASPA");
        assert_eq!((rules.mail_mode, rules.on_smtp), (TitleMode::Checked, OnSmtp::Reject));
        assert_eq!(rules.answer, policy.rules_for("other").answer);
        assert_eq!(policy.mailboxes().collect::<Vec<_>>(), ["pensions"]);
    }

    #[test]
    fn a_wrong_file_is_refused_whole() {
        for (from, to) in [
            ("version = 1", "version = 2"),
            ("version = 1", "version = 1\ncolour = \"red\""),
            ("canonical = [\"Demande urgente\", \"Urgence CD35\"]", "canonical = []"),
            ("on_finding = \"replace\"", "on_finding = \"ignore\""),
            ("answer = \"Réponse à demande urgente\"", "answer = \" \""),
            ("[guard]", "[[guard.pattern]]\nname = \"x\"\nkind = \"other\"\nregex = \"(\"\n[guard]"),
        ] {
            assert!(SHIPPED.contains(from), "{from}");
            assert!(TitlePolicy::parse(&SHIPPED.replace(from, to)).is_err(), "{to}");
        }
    }
}
