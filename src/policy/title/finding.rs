//! What the guard found: kind, place in the title as it was written, reason, confidence.
//!
//! A finding holds no text of the title, so that it may be shown, sent and counted without carrying
//! further what it is there to stop. Reasons are a closed list with a stable code and a sentence in each
//! language.

use serde::{Deserialize, Serialize};

use crate::value::Language;

/// What sort of personal data was found.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Kind {
    /// Social security number, waiting numbers (NIA, NNP, MIG) included.
    Nir,
    /// Name or first name of a person.
    Name,
    /// Telephone number.
    Phone,
    /// E-mail address of a person.
    Email,
    /// Date of birth.
    Dob,
    /// Bank account.
    Iban,
    /// Postal address of a home.
    Address,
    /// Another number that stands for a person: CAF, tax, residence permit, passport.
    Other,
}

impl Kind {
    /// The stable code, as in `pli title check`.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Nir => "nir",
            Self::Name => "name",
            Self::Phone => "phone",
            Self::Email => "email",
            Self::Dob => "dob",
            Self::Iban => "iban",
            Self::Address => "address",
            Self::Other => "other",
        }
    }
}

/// How sure the guard is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Confidence {
    /// It may be an ordinary word or number.
    Low,
    /// More likely personal than not.
    Medium,
    /// A check key, a keyword or a civility says so.
    High,
}

/// One piece of personal data.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Finding {
    /// What it is.
    pub kind: Kind,
    /// Where it starts in the title as given, in characters (Unicode code points), from 0.
    pub start: usize,
    /// Where it ends, in characters, exclusive.
    pub end: usize,
    /// Why it was found.
    pub reason: Reason,
    /// How sure that is.
    pub confidence: Confidence,
}

macro_rules! reasons {
    ($($(#[doc = $doc:literal])+ $name:ident, $code:literal, $fr:literal, $en:literal;)+) => {
        /// Why a piece was found. The codes are stable: pages and scripts may depend on them.
        #[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        pub enum Reason {
            $($(#[doc = $doc])+ #[serde(rename = $code)] $name,)+
        }

        impl Reason {
            /// All reasons, in the order of the documentation.
            pub const ALL: &[Self] = &[$(Self::$name),+];

            /// The stable code.
            pub const fn code(self) -> &'static str {
                match self { $(Self::$name => $code,)+ }
            }

            /// The sentence for a person.
            pub const fn sentence(self, language: Language) -> &'static str {
                match (self, language) {
                    $((Self::$name, Language::Fr) => $fr, (Self::$name, Language::En) => $en,)+
                }
            }
        }
    };
}

reasons! {
    /// Structure of a NIR and its key is right.
    NirKey, "nir-key", "La clé de ce numéro de Sécurité sociale est exacte.",
        "This is a social security number: its key is right.";
    /// Structure of a NIR, the key being absent or wrong.
    NirShape, "nir-shape", "Ce numéro a la forme d’un numéro de Sécurité sociale.",
        "This number has the form of a social security number.";
    /// A keyword announces a NIR.
    NirKeyword, "nir-keyword", "Un mot annonce ici un numéro de Sécurité sociale.",
        "A word announces a social security number here.";
    /// A NIR of which some digits are masked.
    NirMasked, "nir-masked", "Ce numéro de Sécurité sociale, même masqué en partie, désigne une personne.",
        "This social security number points to a person, even partly masked.";
    /// NNP or MIG.
    NirProvisional, "nir-provisional", "Ce numéro a la forme d’un numéro d’attente ou provisoire.",
        "This number has the form of a waiting or provisional number.";
    /// A name after a civility.
    NameCivility, "name-civility", "Une civilité annonce ici le nom d’une personne.",
        "A title (Mr, Mrs, Dr) announces a person’s name here.";
    /// A name after née, époux, veuve, fils.
    NameFamily, "name-family", "Un lien de famille ou de naissance annonce ici un nom.",
        "A word of family or birth announces a name here.";
    /// A name after a word that a person's name follows in such titles.
    NameContext, "name-context", "Le mot qui précède est suivi, dans un titre, du nom d’une personne.",
        "The word before is followed, in a title, by a person’s name.";
    /// A known first name.
    NameFirst, "name-first", "Ce mot est un prénom.", "This word is a first name.";
    /// A word that is in no lexicon, no list of places, no list of acronyms.
    NameUnknown, "name-unknown", "Ce mot n’est ni un mot courant, ni un lieu, ni un sigle connu : ce peut être un nom.",
        "This is no ordinary word, place or known acronym: it may be a name.";
    /// An ordinary word written or placed as a name.
    NameShape, "name-shape", "Ce mot est écrit ou placé comme un nom de personne.",
        "This word is written or placed as a person’s name.";
    /// Letters spaced out, look-alikes, digits for letters.
    NameDisguised, "name-disguised", "Ces lettres sont espacées ou remplacées comme pour cacher un nom.",
        "These letters are spaced or replaced as if to hide a name.";
    /// Initial and name.
    NameInitial, "name-initial", "Une initiale accompagne ici un nom.", "An initial goes with a name here.";
    /// A telephone number.
    Phone, "phone", "Ce numéro est un numéro de téléphone.", "This is a telephone number.";
    /// An e-mail address that is no functional mailbox.
    Email, "email", "Cette adresse de courriel est celle d’une personne.",
        "This e-mail address belongs to a person.";
    /// A date announced as a birth.
    Birth, "birth", "Cette date est annoncée comme une date de naissance.",
        "This date is announced as a date of birth.";
    /// A date beside a name.
    BirthBesideName, "birth-beside-name", "Une date à côté d’un nom : ce peut être une date de naissance.",
        "A date beside a name: it may be a date of birth.";
    /// An IBAN or a RIB.
    Iban, "iban", "Ce numéro désigne un compte bancaire.", "This number is a bank account.";
    /// A number in a street, or a locality with its postcode.
    Address, "address", "Ceci est une adresse postale.", "This is a postal address.";
    /// A number that a keyword ties to a person.
    PersonalNumber, "personal-number", "Un mot annonce ici un numéro qui désigne une personne.",
        "A word announces a number that stands for a person.";
    /// A pattern of the organisation's own.
    OwnPattern, "own-pattern", "L’organisation a demandé que ceci ne figure pas dans un titre.",
        "The organisation asked that this be kept out of titles.";
    /// The redacted text would still hold something: nothing of it is kept.
    Withheld, "withheld", "Ce titre ne peut pas être nettoyé : il est écarté en entier.",
        "This title cannot be cleaned: it is withheld whole.";
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_distinct_and_every_reason_speaks_both_languages() {
        let mut codes: Vec<_> = Reason::ALL.iter().map(|reason| reason.code()).collect();
        codes.sort_unstable();
        codes.dedup();
        assert_eq!(codes.len(), Reason::ALL.len());
        for reason in Reason::ALL {
            assert!(reason.sentence(Language::Fr).ends_with('.'));
            assert!(reason.sentence(Language::En).ends_with('.'));
            assert_eq!(serde_json::to_value(reason).unwrap(), reason.code());
        }
    }
}
