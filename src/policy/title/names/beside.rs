//! What stands beside a name and belongs to it: other names, initials, particles.
//!
//! A first name wants a surname, were it a town's or an ordinary word; too much is better than half a name.

use super::super::finding::{Confidence, Reason};
use super::super::hits::Hits;
use super::super::lists::Classes;
use super::super::words::{Before, Case};
use super::{CURATED, LISTED, Names, Regime};

impl Names<'_> {
    /// Takes in what stands beside a name and is written like one: other names, initials, particles.
    pub(super) fn extend(&mut self, hits: &Hits) {
        for index in 1..self.words.len() {
            if self.marks[index - 1].is_some()
                && self.marks[index].is_none()
                && !hits.taken(self.words[index].start)
            {
                self.extend_right(index);
            }
        }
        for index in (0..self.words.len() - 1).rev() {
            if self.marks[index + 1].is_some()
                && self.marks[index].is_none()
                && !hits.taken(self.words[index].start)
            {
                self.extend_left(index);
            }
        }
    }

    pub(super) fn extend_right(&mut self, index: usize) {
        let word = self.words[index];
        if self.is_initial(index) && self.goes_on(index) {
            self.mark(index..index + 1, Reason::NameInitial, Confidence::Medium);
        } else if self.goes_on(index) && self.is_beside_name(index, index - 1) {
            self.mark(index..index + 1, Reason::NameShape, Confidence::Medium);
        } else if self.is_particle(index) && Self::joins(word.before) {
            let next = if self.words.get(index + 1).is_some_and(|_| self.is_particle(index + 1)) {
                index + 2
            } else {
                index + 1
            };
            let named = self
                .words
                .get(next)
                .is_some_and(|word| Self::joins(word.before) && word.len > 1 && !word.is(CURATED))
                && (self.marks[next].is_some()
                    || (self.is_capital(next) && !self.exempt[next])
                    || (self.words[index].case == Case::Title && self.words[next].case == Case::Title));
            let joined = self
                .words
                .get(next)
                .is_some_and(|_| self.words[index].case != Case::Lower || !self.is_french_link(index));
            if named
                && (joined
                    || self.words.get(next).is_some_and(|word| word.is(LISTED) || self.is_unknown(next)))
            {
                self.mark(index..next + 1, Reason::NameShape, Confidence::Medium);
            }
        }
    }

    pub(super) fn extend_left(&mut self, index: usize) {
        let near = Self::joins(self.words[index + 1].before);
        if self.is_initial(index)
            && !self.is_civility(index)
            && (near || self.words[index + 1].before == Before::DotSpace)
        {
            self.mark(index..index + 1, Reason::NameInitial, Confidence::Medium);
        } else if near && self.is_particle(index) {
            let after_link = index > 0
                && self.words[index - 1].is(Classes::FUNCTION)
                && Self::joins(self.words[index].before);
            let capital = self.words[index].case != Case::Lower && !self.starts_segment(index);
            let first_before = index > 0 && {
                let before = self.words[index - 1];
                before.is(Classes::FIRST) && !before.is(CURATED) && before.case != Case::Lower
            };
            let name_before = first_before || (index > 0 && self.marks[index - 1].is_some());
            if name_before
                || (!self.is_french_link(index) && self.words[index].len > 1)
                || after_link
                || (capital && self.regime == Regime::Sentence)
            {
                self.mark(index..index + 1, Reason::NameShape, Confidence::Medium);
            }
        } else if near && self.is_beside_name(index, index + 1) {
            self.mark(index..index + 1, Reason::NameShape, Confidence::Medium);
        }
    }

    /// Whether a word beside a name is part of it. `name` is the word of the name beside it.
    pub(super) fn is_beside_name(&self, index: usize, name: usize) -> bool {
        let (word, named) = (self.words[index], self.words[name]);
        if word.phrase || word.len < 2 || self.exempt[index] {
            return false;
        }
        let hyphen = matches!(self.words[index.max(name)].before, Before::Joined(b'-' | b'_'));
        let capital = self.is_capital(index)
            || (self.regime == Regime::Sentence && word.case != Case::Lower && word.is(LISTED));
        if word.is(CURATED) {
            let soft = Classes::CALENDAR.or(Classes::ROLE).or(Classes::FAMILY);
            let hard = Classes::FUNCTION.or(Classes::ORGANISATION).or(Classes::CONTEXT);
            let written = self.is_capital(index) || !self.is_digit_after(index);
            return word.is(soft)
                && !word.is(hard)
                && (written || hyphen)
                && word.is(Classes::FIRST_COMMON.or(Classes::SURNAME_TOP));
        }
        if self.is_unknown(index) {
            return word.is(LISTED)
                || (!self.is_derived(index)
                    && (word.case != Case::Upper || self.capitals || self.has_vowel(index)));
        }
        if hyphen && word.is(LISTED) {
            return true;
        }
        // A first name wants a surname, were it a town's or an ordinary word.
        let given = named.is(Classes::FIRST) || self.is_unknown(name);
        let first_alone = given && !self.is_marked_beyond(index, name);
        if word.is(Classes::PLACE) && !word.is(Classes::FIRST) {
            return first_alone
                && word.is(Classes::SURNAME_COMMON)
                && (self.regime == Regime::Flat || word.case != Case::Lower);
        }
        match (self.regime, word.case) {
            (Regime::Sentence, Case::Title | Case::Upper) => capital,
            (Regime::Sentence, Case::Lower) if named.case != Case::Lower => {
                word.is(Classes::FIRST_COMMON) && !word.is(Classes::VERB)
            }
            _ => {
                let last = self.ends_segment(index) && !word.is(Classes::VERB) && index > name;
                let listed = word.is(Classes::FIRST_COMMON.or(Classes::SURNAME_TOP));
                listed || (first_alone && (word.is(Classes::SURNAME) || last))
            }
        }
    }

    /// Whether the name that a word stands beside has another word already.
    pub(super) fn is_marked_beyond(&self, index: usize, name: usize) -> bool {
        let beyond = if name < index { name.checked_sub(1) } else { Some(name + 1) };
        beyond.and_then(|beyond| self.marks.get(beyond)).is_some_and(Option::is_some)
    }

    pub(super) fn has_vowel(&self, index: usize) -> bool {
        self.bytes(index).iter().any(|byte| matches!(byte, b'a' | b'e' | b'i' | b'o' | b'u' | b'y'))
    }

    pub(super) fn is_digit_after(&self, index: usize) -> bool {
        let end = self.words[index].end;
        self.text.is_digit(end) || self.text.is_digit(end + 1)
    }
}
