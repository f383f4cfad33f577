//! The two languages of the pages and mails: French first, English complete.

use serde::{Deserialize, Serialize};

/// A language that a person reads.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Language {
    /// French, what a person gets who asks for nothing else (D1).
    #[default]
    Fr,
    /// English.
    En,
}

impl Language {
    /// The BCP 47 tag, for `lang` attributes and `Content-Language`.
    pub const fn tag(self) -> &'static str {
        match self {
            Self::Fr => "fr",
            Self::En => "en",
        }
    }

    /// Reads a tag (`fr`, `en`, `en-GB`); another language is `None`.
    pub fn from_tag(tag: &str) -> Option<Self> {
        let primary = tag.trim().split(['-', '_']).next().unwrap_or_default();
        match primary.to_ascii_lowercase().as_str() {
            "fr" => Some(Self::Fr),
            "en" => Some(Self::En),
            _ => None,
        }
    }

    /// Chooses by an `Accept-Language` header (RFC 9110 section 12.5.4): the first language listed that is
    /// known, in order of weight; French when there is none.
    pub fn negotiate(accept_language: &str) -> Self {
        let mut best: Option<(f32, Self)> = None;
        for item in accept_language.split(',').take(16) {
            let mut parts = item.split(';');
            let Some(language) = parts.next().and_then(Self::from_tag) else { continue };
            let weight = parts
                .find_map(|p| p.trim().strip_prefix("q=")?.parse::<f32>().ok())
                .filter(|q| (0.0..=1.0).contains(q))
                .unwrap_or(1.0);
            if weight > 0.0 && best.is_none_or(|(w, _)| weight > w) {
                best = Some((weight, language));
            }
        }
        best.map_or(Self::Fr, |(_, language)| language)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn french_is_what_a_visitor_gets_who_says_nothing() {
        assert_eq!(Language::negotiate(""), Language::Fr);
        assert_eq!(Language::negotiate("de-DE,de;q=0.9"), Language::Fr);
    }

    #[test]
    fn the_heavier_known_language_wins() {
        assert_eq!(Language::negotiate("de, en-GB;q=0.8, fr;q=0.7"), Language::En);
        assert_eq!(Language::negotiate("en;q=0.1, fr"), Language::Fr);
        assert_eq!(Language::negotiate("en;q=0, fr;q=0.1"), Language::Fr);
    }
}
