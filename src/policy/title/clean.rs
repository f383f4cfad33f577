//! A title that may travel in clear: made by the title policy alone, or read back from the store.
//!
//! Nothing here looks for personal data: that is the guard's work, and the guard calls in here when it is
//! done. What is here holds for every title, whoever made it: one line, no control character, not too long.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The longest title, in characters. RFC 5322 section 2.1.1 recommends lines of 78; a title of twice that
/// and a little still reads in one glance.
pub const MAX_TITLE_CHARS: usize = 200;

/// A title that went through the title policy (D5): fit for a mail header, a page, an export.
///
/// There is no public constructor. Deserialising is for the store, which only ever holds titles that were
/// clean when they were written; it still refuses what could break a header.
#[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct CleanTitle(String);

impl CleanTitle {
    /// Makes a title of text that the policy has judged clean: white space is tidied, invisible characters
    /// are dropped.
    pub(super) fn from_judged(text: &str) -> Result<Self, TitleShapeError> {
        Self::try_from(tidy(text))
    }

    /// The title.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Why a text cannot be a title, whatever it says.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum TitleShapeError {
    /// Nothing is left once white space is dropped.
    #[error("the title is empty")]
    Empty,
    /// More characters than [`MAX_TITLE_CHARS`].
    #[error("the title has {actual} characters, at most {limit} are allowed")]
    TooLong {
        /// The bound, in characters.
        limit: usize,
        /// What came, in characters.
        actual: usize,
    },
    /// A character that would break a header or turn text around.
    #[error("the title holds the control character U+{code:04X}")]
    Control {
        /// The character's code point.
        code: u32,
    },
}

impl TryFrom<String> for CleanTitle {
    type Error = TitleShapeError;

    fn try_from(text: String) -> Result<Self, TitleShapeError> {
        let actual = text.chars().count();
        if text.trim().is_empty() {
            return Err(TitleShapeError::Empty);
        }
        if actual > MAX_TITLE_CHARS {
            return Err(TitleShapeError::TooLong { limit: MAX_TITLE_CHARS, actual });
        }
        match text.chars().find(|c| breaks_a_line(*c)) {
            Some(c) => Err(TitleShapeError::Control { code: u32::from(c) }),
            None => Ok(Self(text)),
        }
    }
}

impl From<CleanTitle> for String {
    fn from(title: CleanTitle) -> Self {
        title.0
    }
}

impl fmt::Display for CleanTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// No title is in the log, cleaned or not: only its length is shown.
impl fmt::Debug for CleanTitle {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "CleanTitle({} characters)", self.0.chars().count())
    }
}

/// One line, single spaces, nothing invisible.
pub(super) fn tidy(text: &str) -> String {
    let mut line = String::with_capacity(text.len());
    for c in text.chars() {
        if c.is_whitespace() || c.is_control() {
            if !line.is_empty() && !line.ends_with(' ') {
                line.push(' ');
            }
        } else if !is_invisible(c) {
            line.push(c);
        }
    }
    line.truncate(line.trim_end().len());
    line
}

/// Format characters that show nothing: zero-width, joiners, soft hyphen, direction marks.
pub(super) const fn is_invisible(c: char) -> bool {
    matches!(c,
        '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{17b4}' | '\u{17b5}'
        | '\u{180b}'..='\u{180f}' | '\u{200b}'..='\u{200f}' | '\u{202a}'..='\u{202e}'
        | '\u{2060}'..='\u{206f}' | '\u{feff}' | '\u{fe00}'..='\u{fe0f}' | '\u{fff9}'..='\u{fffb}'
        | '\u{1d173}'..='\u{1d17a}' | '\u{e0000}'..='\u{e0fff}')
}

/// Line ends of any kind, other controls, and marks that turn the direction of text.
fn breaks_a_line(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}')
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn the_store_gives_back_only_one_line() {
        for bad in ["a\r\nBcc: b", "a\0", "a\u{2028}b", "a\u{202e}b", "", "  "] {
            assert!(serde_json::from_value::<CleanTitle>(bad.into()).is_err(), "{bad:?}");
        }
        let title: CleanTitle = serde_json::from_value("Demande urgente".into()).unwrap();
        assert_eq!(title.as_str(), "Demande urgente");
        assert_eq!(format!("{title:?}"), "CleanTitle(15 characters)");
    }

    #[test]
    fn a_long_title_is_told_the_limit() {
        let error = CleanTitle::from_judged(&"é".repeat(201)).unwrap_err();
        assert_eq!(error, TitleShapeError::TooLong { limit: 200, actual: 201 });
        assert!(CleanTitle::from_judged(&"é".repeat(200)).is_ok());
    }

    proptest! {
        #[test]
        fn whatever_is_tidied_is_one_line(text in "\\PC{0,40}[\\r\\n\\t\u{2028}\u{200b}]{0,3}\\PC{0,40}") {
            if let Ok(title) = CleanTitle::from_judged(&text) {
                prop_assert!(!title.as_str().chars().any(breaks_a_line));
                prop_assert_eq!(CleanTitle::from_judged(title.as_str()).unwrap(), title);
            }
        }
    }
}
