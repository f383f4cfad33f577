//! The order in which the rules look at a title: the surest first, each leaving the others what is left.

use super::digits::{Groups, Letters, digit_read};
use super::finding::{Confidence, Reason};
use super::fold::Folded;
use super::hits::Hits;
use super::lists::{Classes, Lists, NameListError};
use super::rules::{OwnPattern, TitlePolicy};
use super::words::Word;
use super::{address, dates, email, names, nir, numbers, words};

/// How many words may stand between a keyword and its number.
const MAX_WORDS_BETWEEN: usize = 3;

/// The compiled rules.
#[derive(Debug)]
pub(super) struct Scanner {
    lists: Lists,
    patterns: Vec<OwnPattern>,
}

impl Scanner {
    /// Compiles the rules with the organisation's own words and patterns.
    pub(super) fn new(policy: &TitlePolicy) -> Self {
        Self { lists: Lists::new(&policy.harmless), patterns: policy.patterns.clone() }
    }

    /// Whether the lists know a folded word.
    pub(super) fn lists(&self, word: &str) -> bool {
        self.lists.classes(word.as_bytes()).0 != 0
    }

    /// Adds an imported list of names.
    pub(super) fn import(&mut self, compiled: Vec<u8>) -> Result<(), NameListError> {
        self.lists.import(compiled)
    }

    /// All that is personal in a folded title.
    pub(super) fn scan(&self, text: &Folded) -> Hits {
        let mut hits = Hits::new(text.len());
        clear_omissions(text, &mut hits);
        let words = words::read(text, &self.lists);
        self.own_patterns(text, &mut hits);
        let groups = find_long_numbers(text, &words, &mut hits);
        email::find(text, &words, &self.lists, &mut hits);
        find_short_numbers(text, &words, &groups, &mut hits);
        names::find(text, &words, &self.lists, &mut hits);
        dates::find_beside_names(text, &mut hits);
        hits
    }

    /// The numbers alone.
    pub(super) fn scan_numbers(&self, text: &Folded) -> Hits {
        let mut hits = Hits::new(text.len());
        let words = words::read(text, &self.lists);
        let groups = find_long_numbers(text, &words, &mut hits);
        find_short_numbers(text, &words, &groups, &mut hits);
        hits
    }

    fn own_patterns(&self, text: &Folded, hits: &mut Hits) {
        if self.patterns.is_empty() {
            return;
        }
        // Letters of other scripts show as `?`, so that a cell stays a byte.
        let plain: String =
            text.bytes.iter().map(|byte| if byte.is_ascii() { char::from(*byte) } else { '?' }).collect();
        for pattern in &self.patterns {
            for found in pattern.regex.find_iter(&plain).filter(|found| !found.is_empty()) {
                if !(found.start()..found.end()).any(|cell| hits.taken(cell)) {
                    hits.add(pattern.kind, found.start(), found.end(), Reason::OwnPattern, Confidence::High);
                }
            }
        }
    }
}

/// Accounts and NIRs, which hold shorter numbers.
fn find_long_numbers(text: &Folded, words: &[Word], hits: &mut Hits) -> Groups {
    if !text.bytes.iter().any(u8::is_ascii_digit) {
        return Groups::default();
    }
    let groups = Groups::of(text, Letters::Inside);
    numbers::find_accounts(text, words, &groups, hits);
    let announced = |cell: usize| announces(words, cell, Classes::KEYWORD_NIR, |cell| hits.taken(cell));
    let keywords: Vec<bool> = groups.groups.iter().map(|group| announced(group.start)).collect();
    if groups.units.len() > text.bytes.iter().filter(|byte| byte.is_ascii_digit()).count() {
        nir::find(text, &Groups::of(text, Letters::No), &[], hits);
    }
    nir::find(text, &groups, &keywords, hits);
    if (0..text.len()).any(|cell| may_be_digit(text, cell)) {
        let around = Groups::of(text, Letters::Around);
        if around.units.len() > groups.units.len() {
            nir::find(text, &around, &[], hits);
        }
    }
    groups
}

/// Whether a letter at the end of a group, or alone, may be written for a digit.
fn may_be_digit(text: &Folded, cell: usize) -> bool {
    let letter_before = cell > 0 && text.is_letter(cell - 1);
    digit_read(text.at(cell)).is_some()
        && ((cell > 0 && text.is_digit(cell - 1))
            || (!letter_before && !text.is_letter(cell + 1))
            || (!letter_before && text.is_digit(cell + 2)))
}

/// Telephone numbers, announced numbers, births, addresses.
fn find_short_numbers(text: &Folded, words: &[Word], groups: &Groups, hits: &mut Hits) {
    dates::find_births(text, words, hits);
    if groups.groups.is_empty() {
        return;
    }
    numbers::find_phones(text, groups, hits);
    numbers::find_announced(text, words, groups, hits);
    address::find(text, words, hits);
}

/// Whether a keyword of this class stands shortly before the cell.
pub(super) fn announces(words: &[Word], cell: usize, class: Classes, taken: impl Fn(usize) -> bool) -> bool {
    let before = words.partition_point(|word| word.end <= cell);
    words[..before].iter().rev().take(MAX_WORDS_BETWEEN + 1).any(|word| word.is(class) && !taken(word.start))
}

/// What stands in for a piece that was blotted out is looked at by no rule.
fn clear_omissions(text: &Folded, hits: &mut Hits) {
    const OMISSION: &[u8] = b"[...]";
    let mut cell = 0;
    while let Some(offset) = text.bytes[cell..].iter().position(|byte| *byte == b'[') {
        cell += offset;
        if text.bytes[cell..].starts_with(OMISSION) {
            hits.clear(cell, cell + OMISSION.len());
        }
        cell += 1;
    }
}
