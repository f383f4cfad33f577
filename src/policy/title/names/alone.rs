//! Names by what the words are: first names, words in no list, words written or placed as names.
//!
//! It looks at one word and those that touch it; what goes on beside a name is found in `beside`.

use super::super::finding::{Confidence, Reason};
use super::super::lists::Classes;
use super::super::words::{Before, Case};
use super::{CURATED, KNOWN, LISTED, Names, Regime};

/// The longest word that may be an unknown acronym.
const MAX_ACRONYM: usize = 5;

impl Names<'_> {
    /// Names by what the words are.
    pub(super) fn mark_words(&mut self) {
        for index in 0..self.words.len() {
            let word = self.words[index];
            if self.marks[index].is_some() || word.len < 2 {
                continue;
            }
            if word.disguised && self.is_disguised_name(index) && !word.phrase {
                self.mark(index..index + 1, Reason::NameDisguised, Confidence::High);
            } else if self.exempt[index] {
            } else if word.foreign {
                self.mark(index..index + 1, Reason::NameUnknown, Confidence::Medium);
            } else if word.len > 2 && self.is_plain_first(index) {
                self.mark(index..index + 1, Reason::NameFirst, Confidence::High);
            } else if word.len > 2
                && self.is_unknown(index)
                && !self.is_acronym(index)
                && !self.is_derived(index)
            {
                let confidence = if word.is(Classes::SURNAME) { Confidence::Medium } else { Confidence::Low };
                self.mark(index..index + 1, Reason::NameUnknown, confidence);
            } else if self.is_pair(index) {
                self.mark(index..index + 1, Reason::NameFirst, Confidence::Medium);
            } else if self.is_after_initial(index) || self.is_before_initial(index) {
                self.mark(index..index + 1, Reason::NameInitial, Confidence::Medium);
            } else if self.is_capital(index)
                && word.is(Classes::FIRST_COMMON.or(Classes::SURNAME_TOP))
                && !word.is(CURATED.or(Classes::PLACE))
            {
                self.mark(index..index + 1, Reason::NameShape, Confidence::Low);
            } else if self.is_coordinated(index) {
                self.mark(index..index + 3, Reason::NameFirst, Confidence::Low);
            } else if self.is_alone(index) || self.is_after_article(index) {
                self.mark(index..index + 1, Reason::NameShape, Confidence::Low);
            }
        }
    }

    /// Spaced or disguised letters make a name unless the word they hide is an ordinary one.
    pub(super) fn is_disguised_name(&self, index: usize) -> bool {
        let word = self.words[index];
        word.len > 2
            && !word.is(CURATED)
            && (!word.is(Classes::LEXICON.or(Classes::PLACE)) || word.is(Classes::FIRST))
    }

    /// An ambiguous first name (Rose, Pierre, Marin) beside a word written as a name.
    pub(super) fn is_pair(&self, index: usize) -> bool {
        let word = self.words[index];
        let feast = word.is(Classes::CALENDAR);
        if !word.is(Classes::FIRST_COMMON) || (word.is(CURATED) && !feast) {
            return false;
        }
        if self.regime == Regime::Sentence && word.case == Case::Lower {
            return false;
        }
        let beside = |other: usize| {
            let other_word = self.words[other];
            let near = Self::joins(self.words[other.max(index)].before);
            let capital = self.regime == Regime::Sentence && other_word.case != Case::Lower;
            let place = other_word.is(Classes::PLACE) && !other_word.is(Classes::SURNAME_TOP);
            let surname = other_word.is(Classes::SURNAME_COMMON) && !other_word.is(CURATED) && !place;
            let flat =
                self.regime == Regime::Flat && other_word.is(Classes::SURNAME_TOP.or(Classes::FIRST_COMMON));
            let ordinary = feast && other_word.is(Classes::LEXICON);
            near && !self.exempt[other] && other_word.len > 1 && surname && !ordinary && (capital || flat)
        };
        (index > 0 && beside(index - 1)) || (index + 1 < self.words.len() && beside(index + 1))
    }

    /// `clémence et charlotte`.
    pub(super) fn is_coordinated(&self, index: usize) -> bool {
        let first = |at: usize| {
            self.words
                .get(at)
                .is_some_and(|word| word.is(Classes::FIRST_COMMON) && !word.is(CURATED.or(Classes::PLACE)))
                && !self.exempt[at]
        };
        first(index)
            && first(index + 2)
            && self.bytes(index + 1) == b"et"
            && Self::joins(self.words[index + 1].before)
    }

    /// `F. Marchand`, `K. Le Merle`.
    pub(super) fn is_after_initial(&self, index: usize) -> bool {
        let word = self.words[index];
        let after_particle = index > 1 && self.is_particle(index - 1) && self.words[index - 1].len > 1;
        let initial = if after_particle { index - 1 } else { index };
        let Some(before) = initial.checked_sub(1).map(|before| self.words[before]) else { return false };
        let dotted = before.len == 1 && self.words[initial].before == Before::DotSpace;
        let lower = before.case == Case::Lower && word.case == Case::Lower;
        dotted
            && !self.is_civility(initial - 1)
            && (lower || (before.case != Case::Lower && word.case != Case::Lower))
            && word.is(LISTED)
            && !word.is(CURATED)
    }

    /// `Beaumont K.`: a surname and an initial that ends the piece.
    pub(super) fn is_before_initial(&self, index: usize) -> bool {
        let word = self.words[index];
        let Some(next) =
            self.words.get(index + 1).filter(|next| next.len == 1 && next.before == Before::Space)
        else {
            return false;
        };
        let ends = self.text.at(next.end) == b'.' && self.ends_after_dot(index + 1);
        let written = next.case != Case::Lower && word.case != Case::Lower;
        ends && written && word.is(Classes::SURNAME_COMMON) && !word.is(CURATED)
    }

    pub(super) fn ends_after_dot(&self, index: usize) -> bool {
        self.words.get(index + 1).is_none_or(|next| next.before != Before::Joined(b'.'))
    }

    /// A title, or a piece of one, that is nothing but a frequent name: `Barbier`, `Chevalier : dossier`.
    pub(super) fn is_alone(&self, index: usize) -> bool {
        let word = self.words[index];
        let common = word.is(Classes::SURNAME_TOP.or(Classes::FIRST_COMMON)) && word.is(Classes::SURNAME);
        let plain = !word.is(CURATED.or(Classes::PLACE).or(Classes::VERB)) && !self.is_digit_after(index);
        let before_acronym = self.words.get(index + 1).is_some_and(|next| {
            matches!(next.before, Before::Joined(b'-' | b'_')) && next.is(Classes::ORGANISATION)
        });
        let whole = self.starts_segment(index) && (self.ends_segment(index) || before_acronym);
        let written =
            word.case != Case::Lower || (self.regime == Regime::Flat && word.is(Classes::SURNAME_TOP));
        whole && common && plain && written && word.len > 2
    }

    /// `LE BARS - relance`: a piece that is nothing but an article and a name.
    pub(super) fn is_after_article(&self, index: usize) -> bool {
        let word = self.words[index];
        let article =
            index > 0 && self.starts_segment(index - 1) && matches!(self.bytes(index - 1), b"le" | b"la");
        let ends = self.ends_segment(index)
            || self.words.get(index + 1).is_some_and(|next| next.is(Classes::FIRST) || next.len == 1);
        let written = word.before == Before::Space
            && word.case != Case::Lower
            && self.words[index - usize::from(index > 0)].case != Case::Lower;
        article && ends && written && word.is(Classes::SURNAME) && !word.is(CURATED.or(Classes::PLACE))
    }

    /// Short, in capitals, in no list of names: more likely an acronym that the lists lack.
    pub(super) fn is_acronym(&self, index: usize) -> bool {
        let word = self.words[index];
        if word.case != Case::Upper || word.len > MAX_ACRONYM || word.is(LISTED) {
            return false;
        }
        let vowels = self
            .bytes(index)
            .iter()
            .filter(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
            .count();
        let pronounced = vowels * 3 >= word.len && vowels < word.len;
        if self.capitals {
            word.len <= 3 || vowels * 4 < word.len
        } else {
            word.len < MAX_ACRONYM || !pronounced
        }
    }

    /// An ordinary word that the lexicon lacks: a plural, a prefix, a suffix of the language.
    pub(super) fn is_derived(&self, index: usize) -> bool {
        const SUFFIXES: [&[u8]; 22] = [
            b"tion", b"tions", b"sion", b"sions", b"ement", b"ements", b"isme", b"iste", b"istes", b"ique",
            b"iques", b"able", b"ables", b"ible", b"ibles", b"iser", b"ateur", b"ateurs", b"atrice",
            b"logie", b"logue", b"ilite",
        ];
        const PREFIXES: [&[u8]; 20] = [
            b"tele", b"re", b"pre", b"de", b"co", b"inter", b"multi", b"auto", b"sur", b"sous", b"anti",
            b"micro", b"mini", b"pluri", b"post", b"extra", b"cyber", b"non", b"bio", b"geo",
        ];
        let word = self.words[index];
        let bytes = self.bytes(index);
        if word.is(LISTED)
            || (self.regime == Regime::Sentence && word.case != Case::Lower && !self.starts_segment(index))
        {
            return false;
        }
        let known = |part: &[u8]| part.len() > 3 && self.lists.classes(part).has(KNOWN);
        let suffix = bytes.len() > 7 && SUFFIXES.iter().any(|suffix| bytes.ends_with(suffix));
        let prefix = PREFIXES.iter().any(|prefix| bytes.strip_prefix(*prefix).is_some_and(known));
        suffix || prefix || bytes.strip_suffix(b"s").is_some_and(known)
    }
}
