//! The words of a folded title: where they stand, how they are written, what the lists know of them.
//!
//! It undoes what hides a word: letters spaced out (`D.U.V.A.L`), digits for letters (`Y0hann`), a civility
//! or a first name glued to a surname (`MmeDuvallet`). What the words mean together is `names`' concern.

use super::fold::{FOREIGN, Folded, LOOK_ALIKE, UPPER, is_letter};
use super::lists::{Classes, Lists};

/// The fewest single letters in a row that make a spaced word.
const MIN_SPACED: usize = 4;
/// The longest word that is looked up, in bytes: the lexicon has none longer.
const MAX_WORD: usize = 40;
/// The most words of an entry of the lists.
const MAX_PHRASE: usize = 6;

/// How a word is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Case {
    Lower,
    Title,
    Upper,
}

/// What stands between a word and the one before.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Before {
    /// Nothing: two words in one.
    Glued,
    /// A hyphen, an apostrophe, an underscore, a dot.
    Joined(u8),
    /// Blanks.
    Space,
    /// A dot and blanks, as after an abbreviation.
    DotSpace,
    /// A comma, a bracket, a slash, a quotation mark.
    Soft,
    /// A colon, a dash between blanks, a number, the start of the title.
    Hard,
}

/// One word.
#[derive(Debug, Clone, Copy)]
pub(super) struct Word {
    pub(super) start: usize,
    pub(super) end: usize,
    /// How many letters it has.
    pub(super) len: usize,
    pub(super) classes: Classes,
    pub(super) case: Case,
    pub(super) before: Before,
    /// Letters spaced out, of mixed scripts, or digits for letters.
    pub(super) disguised: bool,
    /// A letter of a script that is not Latin.
    pub(super) foreign: bool,
    /// Part of an entry of several words: a place, an organisation, a person of history.
    pub(super) phrase: bool,
}

impl Word {
    /// Whether any of these classes is the word's.
    pub(super) fn is(&self, any: Classes) -> bool {
        self.classes.has(any)
    }
}

/// Reads the words of a title.
pub(super) fn read(text: &Folded, lists: &Lists) -> Vec<Word> {
    let mut words = Vec::with_capacity(text.len() / 5 + 2);
    let mut cell = 0;
    while cell < text.len() {
        if !text.at(cell).is_ascii_alphanumeric() && text.at(cell) != FOREIGN {
            cell += 1;
            continue;
        }
        let start = cell;
        let mut digits = false;
        while cell < text.len() && (is_letter(text.at(cell)) || text.is_digit(cell)) {
            digits |= text.is_digit(cell);
            cell += 1;
        }
        if digits {
            read_mixed(text, lists, start, cell, &mut words);
        } else {
            read_letters(text, lists, start, cell, &mut words);
        }
    }
    disguise_neighbours(text, lists, &mut words);
    let mut words = join_spaced(text, lists, words);
    set_gaps(text, &mut words);
    mark_phrases(text, lists, &mut words);
    words
}

/// A run of letters: one word, or two glued ones of different case.
fn read_letters(text: &Folded, lists: &Lists, start: usize, end: usize, words: &mut Vec<Word>) {
    let whole = word(text, lists, start, end);
    let known = whole.classes.0 != 0 || whole.len < 5;
    match split_at_case(text, start, end).filter(|_| !known) {
        Some(middle) => {
            words.push(word(text, lists, start, middle));
            words.push(word(text, lists, middle, end));
        }
        None => words.push(whole),
    }
}

/// Where the case changes inside a run: `LEBAS|Gatien`, `Mme|Duvallet`.
fn split_at_case(text: &Folded, start: usize, end: usize) -> Option<usize> {
    let upper = |cell: usize| text.marks[cell] & UPPER != 0;
    let boundary = |cell: usize| {
        let after_lower = !upper(cell - 1) && upper(cell);
        let after_capitals =
            upper(cell - 1) && upper(cell) && cell + 1 < end && !upper(cell + 1) && cell > start + 1;
        after_lower || after_capitals
    };
    (start + 1..end).find(|cell| boundary(*cell))
}

/// A run of letters and digits: digits for letters, a code, or a word with a number glued to it.
fn read_mixed(text: &Folded, lists: &Lists, start: usize, end: usize, words: &mut Vec<Word>) {
    let bytes = &text.bytes[start..end];
    if !bytes.iter().any(|byte| is_letter(*byte)) {
        return;
    }
    let mut whole = word(text, lists, start, end);
    if whole.classes.0 != 0 {
        words.push(whole);
        return;
    }
    if let Some(read) = digits_for_letters(bytes) {
        whole.classes = lists.classes(&read);
        whole.disguised = true;
        words.push(whole);
        return;
    }
    let mut cell = start;
    while cell < end {
        let first = cell;
        while cell < end && is_letter(text.at(cell)) {
            cell += 1;
        }
        if cell > first {
            let part = word(text, lists, first, cell);
            // One to three letters with digits are a code, unless they announce what follows.
            if part.len > 3 || part.is(Classes::KEYWORD_NIR.or(Classes::CIVILITY)) {
                words.push(part);
            }
        }
        cell += usize::from(cell == first);
    }
}

/// `y0hann` read as `yohann`, if single digits stand between letters; codes such as `C2S` do not count.
fn digits_for_letters(bytes: &[u8]) -> Option<Vec<u8>> {
    if bytes.len() < 3 || bytes.len() > MAX_WORD || bytes.iter().filter(|byte| is_letter(**byte)).count() < 2
    {
        return None;
    }
    let mut read = bytes.to_vec();
    for index in 0..bytes.len() {
        if bytes[index].is_ascii_digit() {
            let inside = index > 0
                && is_letter(bytes[index - 1])
                && bytes.get(index + 1).is_some_and(|b| is_letter(*b));
            read[index] = match bytes[index] {
                b'0' => b'o',
                b'1' => b'i',
                b'3' => b'e',
                b'4' => b'a',
                b'5' => b's',
                b'7' => b't',
                b'8' => b'b',
                _ => return None,
            };
            if !inside {
                return None;
            }
        }
    }
    Some(read)
}

/// Beside a word with digits for letters, a shorter one or one that ends in a digit (`L3 Dall1c Hug0`) is
/// read the same way.
fn disguise_neighbours(text: &Folded, lists: &Lists, words: &mut Vec<Word>) {
    let symbol = |cell: &usize| is_letter(text.at(*cell)) || text.is_digit(*cell);
    let mut added: Vec<Word> = Vec::new();
    let leet =
        |word: &&Word| word.disguised && text.bytes[word.start..word.end].iter().any(u8::is_ascii_digit);
    for beside in words.iter().filter(leet).take(MAX_PHRASE) {
        let before = beside.start.saturating_sub(1);
        let first = before - (0..before).rev().take(MAX_WORD).take_while(symbol).count();
        let after = beside.end + 1;
        let last = after + (after..text.len()).take(MAX_WORD).take_while(symbol).count();
        for (from, to) in [(first, before), (after, last)] {
            let bytes = text.bytes.get(from..to).unwrap_or_default();
            let mixed =
                bytes.first().is_some_and(|byte| is_letter(*byte)) && bytes.iter().any(u8::is_ascii_digit);
            if mixed && !lists.classes(bytes).has(Classes::ORGANISATION) {
                added.push(Word { disguised: true, len: to - from, ..word(text, lists, from, to) });
            }
        }
    }
    for neighbour in added {
        words.retain(|word| word.end <= neighbour.start || word.start >= neighbour.end);
        let place = words.partition_point(|word| word.start < neighbour.start);
        words.insert(place, neighbour);
    }
}

fn word(text: &Folded, lists: &Lists, start: usize, end: usize) -> Word {
    let bytes = &text.bytes[start..end];
    let marks = &text.marks[start..end];
    let capitals = marks.iter().filter(|mark| **mark & UPPER != 0).count();
    let letters = bytes.iter().filter(|byte| is_letter(**byte)).count();
    let case = match capitals {
        0 => Case::Lower,
        n if n == letters && n > 1 => Case::Upper,
        _ if marks[0] & UPPER != 0 => Case::Title,
        _ => Case::Lower,
    };
    let look_alikes = marks.iter().filter(|mark| **mark & LOOK_ALIKE != 0).count();
    Word {
        start,
        end,
        len: letters,
        classes: if bytes.len() <= MAX_WORD { lists.classes(bytes) } else { Classes::default() },
        case,
        before: Before::Hard,
        disguised: look_alikes > 0 && look_alikes < letters,
        foreign: bytes.contains(&FOREIGN),
        phrase: false,
    }
}

/// Joins single letters with the same separator between them into one word.
fn join_spaced(text: &Folded, lists: &Lists, words: Vec<Word>) -> Vec<Word> {
    if words.iter().filter(|word| word.len == 1).count() < MIN_SPACED {
        return words;
    }
    let mut joined: Vec<Word> = Vec::with_capacity(words.len());
    let mut index = 0;
    while index < words.len() {
        let run = spaced_run(text, &words[index..]);
        let after_spaced =
            joined.last().is_some_and(|word| word.disguised && word.end + 2 >= words[index].start);
        if run < if after_spaced { 2 } else { MIN_SPACED } {
            joined.push(words[index]);
            index += 1;
            continue;
        }
        let (first, last) = (words[index], words[index + run - 1]);
        let letters: Vec<u8> = words[index..index + run].iter().map(|word| text.at(word.start)).collect();
        let upper = words[index..index + run].iter().all(|word| word.case != Case::Lower);
        let case = if upper { Case::Upper } else { first.case };
        let end = last.end + usize::from(text.at(last.end) == b'.');
        let classes = lists.classes(&letters[..letters.len().min(MAX_WORD)]);
        joined.push(Word { end, len: run, classes, case, disguised: true, ..first });
        index += run;
    }
    joined
}

/// How many single letters stand here with one and the same separator between them.
fn spaced_run(text: &Folded, words: &[Word]) -> usize {
    let Some(first) = words.first().filter(|word| word.len == 1 && word.end - word.start == 1) else {
        return 0;
    };
    let separator = text.at(first.end);
    let follows = |pair: &&[Word]| {
        let [before, word] = pair else { return false };
        word.len == 1
            && word.end - word.start == 1
            && word.start == before.end + 1
            && text.at(before.end) == separator
    };
    1 + words.windows(2).take_while(follows).count()
}

fn set_gaps(text: &Folded, words: &mut [Word]) {
    let mut end = 0;
    for (index, word) in words.iter_mut().enumerate() {
        if index > 0 {
            word.before = gap(&text.bytes[end..word.start]);
        }
        end = word.end;
    }
}

fn gap(between: &[u8]) -> Before {
    match between {
        [] => return Before::Glued,
        [b' '] => return Before::Space,
        [one @ (b'-' | b'\'' | b'_' | b'.')] => return Before::Joined(*one),
        _ => {}
    }
    let (mut dot, mut soft) = (false, false);
    for byte in between {
        match byte {
            b' ' => {}
            b'.' if !dot => dot = true,
            b',' | b'(' | b')' | b'/' | b'"' | b'&' | b'+' | b'\'' | b'<' | b'>' | b'*' => soft = true,
            _ => return Before::Hard,
        }
    }
    match (soft, dot) {
        (true, _) => Before::Soft,
        (false, true) => Before::DotSpace,
        (false, false) => Before::Space,
    }
}

/// Finds entries of several words, the longest first.
fn mark_phrases(text: &Folded, lists: &Lists, words: &mut [Word]) {
    let mut index = 0;
    while index < words.len() {
        let found = if words[index].is(Classes::PHRASE_START) {
            longest_phrase(text, lists, &words[index..])
        } else {
            None
        };
        let Some((length, classes)) = found else {
            index += 1;
            continue;
        };
        for word in &mut words[index..index + length] {
            word.phrase = classes.has(Classes::PLACE.or(Classes::ORGANISATION).or(Classes::FIGURE));
            word.classes = word.classes.or(Classes(classes.0 & Classes::KEYWORD_NIR.0));
            word.classes =
                word.classes.or(Classes(classes.0 & (Classes::KEYWORD_BIRTH.0 | Classes::KEYWORD_NUMBER.0)));
        }
        index += length;
    }
}

fn longest_phrase(text: &Folded, lists: &Lists, words: &[Word]) -> Option<(usize, Classes)> {
    const USEFUL: Classes = Classes(!(Classes::PHRASE_START.0 | Classes::SURNAME.0));
    let joins = |word: &Word| matches!(word.before, Before::Space | Before::Joined(_) | Before::DotSpace);
    let joined = words.iter().skip(1).take_while(|word| joins(word)).take(MAX_PHRASE - 1);
    let bytes = words.iter().take(1).chain(joined).map(|word| &text.bytes[word.start..word.end]);
    lists.longest_entry(bytes, USEFUL)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(title: &str) -> Vec<(String, Case, bool)> {
        let text = Folded::of(title.chars(), title.len());
        let read = read(&text, &Lists::new(&[]));
        read.iter()
            .map(|w| (String::from_utf8_lossy(&text.bytes[w.start..w.end]).into_owned(), w.case, w.disguised))
            .collect()
    }

    #[test]
    fn hidden_words_are_read() {
        assert_eq!(words("LEBASGatien").len(), 2);
        assert_eq!(words("MmeDuvallet")[1], ("duvallet".to_owned(), Case::Title, false));
        assert_eq!(words("D.U.V.A.L.L.E.T. fin")[0], ("d.u.v.a.l.l.e.t.".to_owned(), Case::Upper, true));
        assert_eq!(words("Y0hann")[0], ("y0hann".to_owned(), Case::Title, true));
        assert!(words("C2S 35238 A830172 T4").iter().all(|word| !word.2));
    }

    #[test]
    fn entries_of_several_words_are_found() {
        let text = Folded::of("Atelier à Saint-Méen-le-Grand demain".chars(), 40);
        let phrase: Vec<bool> = read(&text, &Lists::new(&[])).iter().map(|word| word.phrase).collect();
        assert_eq!(phrase, [false, false, true, true, true, true, false]);
    }
}
