//! The one way in which the log's closed lists are written: each variant has a stable code, which is what the log
//! holds, and a fragment of a sentence in French and English, which is what the officer reads. A code, once
//! released, keeps its meaning for ever; a new meaning is a new variant.

/// Declares an enum of codes with their French and English fragments.
macro_rules! coded {
    ($(#[$doc:meta])* $name:ident { $($(#[$item:meta])* $variant:ident = $code:literal, $fr:literal, $en:literal;)+ }) => {
        $(#[$doc])*
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
        pub enum $name {$(
            #[doc = concat!("`", $code, "`: ", $en, ".")]
            $(#[$item])*
            #[serde(rename = $code)]
            $variant,
        )+}

        impl $name {
            /// Every variant, in the order of the declaration; for filters and tables.
            pub const ALL: &'static [Self] = &[$(Self::$variant),+];

            /// The stable code, as the log holds it.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$variant => $code,)+ }
            }

            /// The variant of a code; `None` when there is none.
            pub fn from_code(code: &str) -> Option<Self> {
                match code { $($code => Some(Self::$variant),)+ _ => None }
            }

            /// What a person reads, as part of a sentence.
            pub const fn label(self, language: $crate::value::Language) -> &'static str {
                match (self, language) {
                    $((Self::$variant, $crate::value::Language::Fr) => $fr,
                    (Self::$variant, $crate::value::Language::En) => $en,)+
                }
            }
        }
    };
}

pub(super) use coded;
