//! The words of a text as a search compares them: without case, accents and punctuation. It finds whole words; it corrects
//! nothing.

use std::collections::BTreeSet;

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Words of one text that count.
const WORDS_MAX: usize = 24;
/// Characters of one word that count.
const WORD_MAX_CHARS: usize = 40;

/// The words of a text, each once: « Évaluation de l'accès » gives `acces`, `de`, `evaluation`, `l`.
pub fn words(text: &str) -> BTreeSet<String> {
    let folded = folded(text);
    let words = folded.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    words.map(|word| word.chars().take(WORD_MAX_CHARS).collect()).take(WORDS_MAX).collect()
}

/// A text without case and accents.
pub fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c) && *c != '\0').flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn list(text: &str) -> Vec<String> {
        words(text).into_iter().collect()
    }

    #[test]
    fn words_are_found_whatever_their_case_accents_and_marks() {
        assert_eq!(list("Évaluation de l'Accès, URGENCE"), ["acces", "de", "evaluation", "l", "urgence"]);
        assert_eq!(list("jeanne.martin@departement.example"), ["departement", "example", "jeanne", "martin"]);
        assert_eq!(list("7K3M-9QXD-04TZ"), ["04tz", "7k3m", "9qxd"]);
        assert!(words(" - …").is_empty());
    }

    proptest! {
        #[test]
        fn a_word_is_its_own_only_word(text: String) {
            for word in words(&text) {
                prop_assert!(!word.contains('\0') && word.chars().count() <= WORD_MAX_CHARS);
                prop_assert!(words(&word).len() <= 1, "{word:?}");
            }
        }
    }
}
