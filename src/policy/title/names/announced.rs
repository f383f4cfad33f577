//! Names that the words before them announce: a civility, a family tie, a noun that names follow.
//!
//! Usage: « M. », « Mme », « née », « veuve », « dossier de »; conventions of docs/title-guard.md.

use super::super::finding::{Confidence, Reason};
use super::super::hits::Hits;
use super::super::lists::Classes;
use super::super::words::{Before, Case};
use super::{CURATED, KNOWN, LISTED, Names, Regime};

impl Names<'_> {
    /// Names that a civility, a family tie or a noun announces.
    pub(super) fn mark_announced(&mut self, hits: &Hits) {
        for index in 0..self.words.len() {
            let word = self.words[index];
            if hits.taken(word.start) {
                continue;
            }
            if self.is_civility(index) {
                if let Some(name) = self.name_after_civility(index + 1, word.case) {
                    self.mark(name, Reason::NameCivility, Confidence::High);
                }
            } else if word.is(Classes::FAMILY) {
                self.mark_family(index);
            } else if word.is(Classes::CONTEXT) && !word.phrase {
                self.mark_context(index);
            } else if index > 0 && matches!(self.bytes(index), b"pour" | b"chez" | b"avec") {
                self.mark_context(index - 1);
            }
        }
    }

    /// `M.`, `Mme`, `Dr`; `m`, `me` and `pr` only where they are written as abbreviations.
    pub(super) fn is_civility(&self, index: usize) -> bool {
        let word = self.words[index];
        if word.phrase {
            return false;
        }
        let bytes = self.bytes(index);
        let dotted = self.text.at(word.end) == b'.';
        match bytes {
            b"m" => {
                dotted
                    || (word.case != Case::Lower && self.next_is_space(index))
                    || self.next_is_listed(index)
            }
            b"maitre" | b"me" if word.case != Case::Lower && self.next_is_common(index) => true,
            b"mm" => dotted || word.case == Case::Upper,
            b"me" | b"pr" | b"ms" | b"sir" | b"pere" | b"soeur" | b"soeurs" | b"abbe" | b"maitre"
            | b"miss" => {
                let capital = word.case != Case::Lower || self.regime == Regime::Flat;
                capital
                    && self
                        .words
                        .get(index + 1)
                        .is_some_and(|next| next.case == word.case || next.case != Case::Lower)
            }
            _ => word.is(Classes::CIVILITY),
        }
    }

    pub(super) fn next_is_space(&self, index: usize) -> bool {
        self.words.get(index + 1).is_some_and(|next| next.before == Before::Space && next.len > 1)
    }

    pub(super) fn next_is_listed(&self, index: usize) -> bool {
        self.next_is_space(index)
            && self.words.get(index + 1).is_some_and(|next| next.is(LISTED) && !next.is(CURATED))
    }

    pub(super) fn next_is_common(&self, index: usize) -> bool {
        let common = Classes::FIRST_COMMON.or(Classes::SURNAME_TOP);
        self.words.get(index + 1).is_some_and(|next| {
            Self::joins(next.before)
                && (next.is(common) || (next.is(LISTED) && !next.is(KNOWN)))
                && !next.is(CURATED)
        })
    }

    /// The words of the name that starts at `first`, after a civility written in `case`.
    pub(super) fn name_after_civility(&self, first: usize, case: Case) -> Option<std::ops::Range<usize>> {
        let word = *self.words.get(first)?;
        if matches!(word.before, Before::Hard | Before::Soft) || (word.len == 1 && !self.is_particle(first)) {
            return self.initial_and_name(first);
        }
        if self.is_particle(first)
            && let Some(range) = self.particle_and_name(first)
        {
            return Some(range);
        }
        if word.is(Classes::FUNCTION) {
            let capital = self.regime == Regime::Sentence && word.case != Case::Lower && word.is(LISTED);
            return capital.then_some(first..first + 1);
        }
        let flat = self.regime == Regime::Flat || (case == Case::Lower && word.case == Case::Lower);
        // « Mme » is followed by a name even in lower case, « madame » may not be.
        let abbreviated = first > 0 && self.words[first - 1].len <= 4;
        let feast = word.is(Classes::CALENDAR) && word.is(Classes::FIRST_COMMON.or(Classes::SURNAME_TOP));
        let plain = word.is(Classes::SURNAME) && (feast || !word.is(CURATED));
        let common = plain && word.is(Classes::SURNAME_TOP) && !word.is(Classes::VERB);
        let taken = if flat { self.flat_name(first) } else { self.written_name(first) };
        let taken = taken || (abbreviated && plain) || common;
        taken.then_some(first..first + 1)
    }

    /// `M. J. Dupont`: an initial between. A lone letter is a placeholder or bare initials: clean.
    pub(super) fn initial_and_name(&self, first: usize) -> Option<std::ops::Range<usize>> {
        let word = *self.words.get(first)?;
        let next = *self.words.get(first + 1)?;
        let joined = matches!(word.before, Before::Space | Before::DotSpace | Before::Joined(_))
            && matches!(next.before, Before::DotSpace | Before::Joined(_) | Before::Space);
        let flat = self.regime == Regime::Flat && (next.is(LISTED) || self.is_unknown(first + 1));
        let name = next.len > 1 && (next.case != Case::Lower || flat) && !next.is(CURATED);
        (word.len == 1 && joined && name).then_some(first..first + 2)
    }

    /// A name after a civility where capitals say nothing.
    pub(super) fn flat_name(&self, index: usize) -> bool {
        let word = self.words[index];
        if word.is(CURATED) {
            return false;
        }
        if word.is(Classes::LEXICON) && !word.is(Classes::FIRST) {
            let before_name = self
                .words
                .get(index + 1)
                .is_some_and(|next| self.goes_on(index + 1) && (next.is(Classes::FIRST) || !next.is(KNOWN)));
            return word.is(Classes::SURNAME_COMMON)
                || (word.is(Classes::SURNAME) && self.ends_segment(index))
                || before_name;
        }
        true
    }

    /// A name after a civility in a sentence: a capital, or a word that is no ordinary one.
    pub(super) fn written_name(&self, index: usize) -> bool {
        let word = self.words[index];
        if word.is(Classes::ORGANISATION) && word.case == Case::Upper && !word.is(LISTED) {
            return false;
        }
        if word.case == Case::Lower {
            self.is_unknown(index) || self.is_plain_first(index)
        } else {
            !word.is(Classes::CIVILITY)
        }
    }

    /// `Le Goff`, `de la Tour`, `Van der Berg`; never `le maire`, `de nationalité`.
    pub(super) fn particle_and_name(&self, first: usize) -> Option<std::ops::Range<usize>> {
        let mut index = first + 1;
        while self.words.get(index).is_some_and(|word| self.is_particle(index) && Self::joins(word.before))
            && index < first + 3
        {
            index += 1;
        }
        let word = *self.words.get(index)?;
        if !Self::joins(word.before) || word.len < 2 {
            return None;
        }
        let article = matches!(self.bytes(first), b"le" | b"la" | b"les" | b"l");
        let odd = self.is_unknown(index) || self.is_plain_first(index);
        let named = match (self.regime, self.words[first].case) {
            (Regime::Flat, _) => odd || (word.is(Classes::SURNAME_COMMON) && !word.is(CURATED)),
            (Regime::Sentence, Case::Lower) if article => odd,
            (Regime::Sentence, _) => odd || (word.case != Case::Lower && !word.is(Classes::ORGANISATION)),
        };
        named.then_some(first..index + 1)
    }

    /// After née, épouse, fils: the name, or `de` and the name.
    pub(super) fn mark_family(&mut self, index: usize) {
        let birth_name = matches!(
            self.bytes(index),
            b"nee" | b"epouse" | b"epx" | b"epse" | b"ep" | b"veuve" | b"vve" | b"veuf"
        );
        let mut first = index + 1;
        // « né(e) » folds to two words; « fille de ».
        while self.words.get(first).is_some_and(|word| word.len == 1 && self.bytes(first) == b"e")
            || (!birth_name
                && self.words.get(first).is_some_and(|_| matches!(self.bytes(first), b"de" | b"d" | b"du")))
        {
            first += 1;
        }
        let Some(word) = self.words.get(first).copied() else { return };
        let far = if birth_name { word.before == Before::Hard } else { !Self::joins(word.before) };
        if far || (self.exempt[first] && word.phrase && !birth_name) {
            return;
        }
        let range = if self.is_particle(first) { self.particle_and_name(first) } else { None };
        let capital = self.regime == Regime::Sentence && word.case != Case::Lower;
        let odd = self.is_unknown(first) || self.is_plain_first(first);
        let listed = word.is(LISTED) && !word.is(CURATED);
        let single = word.len > 1
            && !word.is(Classes::FUNCTION.or(Classes::CIVILITY))
            && if birth_name {
                odd || capital
                    || (listed && (self.regime == Regime::Flat || word.is(Classes::SURNAME_COMMON)))
            } else {
                let common =
                    word.is(Classes::FIRST_COMMON.or(Classes::SURNAME_TOP)) && !word.is(Classes::VERB);
                odd || (listed && (capital || common))
            };
        if let Some(range) = range.or(single.then_some(first..first + 1)) {
            self.mark(range, Reason::NameFamily, Confidence::High);
        }
    }

    /// After « dossier », « situation de »: a word that could be a name is one.
    pub(super) fn mark_context(&mut self, index: usize) {
        let mut first = index + 1;
        let mut linked = false;
        while self.words.get(first).is_some_and(|word| {
            Self::joins(word.before)
                && matches!(
                    self.bytes(first),
                    b"de" | b"d" | b"pour" | b"chez" | b"avec" | b"par" | b"concernant"
                )
        }) {
            first += 1;
            linked = true;
        }
        let Some(word) = self.words.get(first).copied() else { return };
        if !Self::joins(word.before) || self.exempt[first] || word.is(CURATED) || word.len < 2 {
            return;
        }
        let capital = self.is_capital(first);
        let ambiguous_first =
            word.is(Classes::FIRST) && (capital || (linked && word.is(Classes::FIRST_COMMON)));
        let surname = word.is(Classes::SURNAME_COMMON) && !word.is(Classes::PLACE) && capital;
        let flat_surname = self.regime == Regime::Flat
            && word.is(Classes::SURNAME_TOP)
            && !word.is(Classes::PLACE)
            && (self.ends_segment(first)
                || self.words.get(first + 1).is_some_and(|next| next.is(Classes::FIRST)));
        let short = word.len == 2 && !word.is(KNOWN) && word.is(LISTED);
        if ambiguous_first || surname || flat_surname || short {
            self.mark(first..first + 1, Reason::NameContext, Confidence::Medium);
        }
    }
}
