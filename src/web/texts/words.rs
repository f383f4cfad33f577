//! Words of a topic, each with its French and its English on one line. A word that is missing in one language does not
//! compile.

use crate::value::Language;

/// Two languages of one word.
pub(super) const fn say(language: Language, fr: &'static str, en: &'static str) -> &'static str {
    match language {
        Language::Fr => fr,
        Language::En => en,
    }
}

macro_rules! words {
    ($(#[$doc:meta])+ $name:ident { $($word:ident: $fr:literal, $en:literal;)+ }) => {
        $(#[$doc])+
        #[derive(Debug)]
        pub(in crate::web) struct $name {
            $(pub(in crate::web) $word: &'static str,)+
        }

        impl $name {
            /// The words of this language.
            pub(in crate::web) const fn of(language: $crate::value::Language) -> Self {
                Self { $($word: $crate::web::texts::words::say(language, $fr, $en),)+ }
            }
        }
    };
}
pub(super) use words;

#[cfg(test)]
mod tests {
    use crate::value::Language;
    use crate::web::texts::{
        AccountWords, ApiWords, FactorWords, KitWords, PasskeyWords, ProviderWords, QueueWords, ReceiptWords,
        StepUpWords, TokenWords,
    };

    fn all(language: Language) -> String {
        format!(
            "{:?}{:?}{:?}{:?}{:?}{:?}",
            TokenWords::of(language),
            ProviderWords::of(language),
            ReceiptWords::of(language),
            KitWords::of(language),
            AccountWords::of(language),
            FactorWords::of(language)
        ) + &format!(
            "{:?}{:?}{:?}{:?}",
            PasskeyWords::of(language),
            QueueWords::of(language),
            StepUpWords::of(language),
            ApiWords::of(language)
        )
    }

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let (fr, en) = (all(Language::Fr), all(Language::En));
        for mark in ["a :", "e :", "r :", "e ?", "« r", "t ;"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " votre ", " fichier ", " reçu "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " file ", " the "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
