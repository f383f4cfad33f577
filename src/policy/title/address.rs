//! Postal addresses: a number in a street, or a locality with its postcode.
//!
//! A street without a number is clean: offices move, meetings are held.

use super::finding::{Confidence, Kind, Reason};
use super::fold::Folded;
use super::hits::Hits;
use super::lists::Classes;
use super::words::{Before, Case, Word};

/// The most words after the kind of way: « rue du général de gaulle à saint-jouan-des-guérets ».
const MAX_WORDS: usize = 14;
/// The most digits of a house number.
const MAX_NUMBER: usize = 4;
/// Digits of a postcode.
const POSTCODE: usize = 5;

/// Finds addresses.
pub(super) fn find(text: &Folded, words: &[Word], hits: &mut Hits) {
    for index in 0..words.len() {
        let word = words[index];
        if hits.taken(word.start) {
            continue;
        }
        let start = if word.is(Classes::STREET) {
            number_before(text, words, index).filter(|_| is_way(text, words, index))
        } else if is_locality(text, words, index) {
            Some(word.start)
        } else {
            None
        };
        let Some(start) = start.filter(|start| !hits.taken(*start)) else { continue };
        let (end, postcode) = end_of_address(text, words, index, hits);
        if text.is_digit(start) || postcode {
            hits.add(Kind::Address, start, end, Reason::Address, Confidence::High);
        }
    }
}

/// Where the house number before a way starts: `5`, `5 bis,`, `12-14`, `5B`.
fn number_before(text: &Folded, words: &[Word], index: usize) -> Option<usize> {
    let mut cell = words[index].start;
    cell = skip_back(text, cell);
    let before = index.checked_sub(1).map(|before| words[before]).filter(|word| word.end == cell);
    if let Some(word) = before {
        let suffix = matches!(
            &text.bytes[word.start..word.end],
            b"bis" | b"ter" | b"quater" | b"a" | b"b" | b"c" | b"d"
        );
        if !suffix {
            return None;
        }
        cell = skip_back(text, word.start);
    }
    let glued = cell > 1 && matches!(text.at(cell - 1), b'a'..=b'd') && text.is_digit(cell - 2);
    let end = cell - usize::from(glued);
    let start = (0..end).rev().take_while(|at| text.is_digit(*at)).last()?;
    let plain = start == 0 || !matches!(text.at(start - 1), b'.' | b'*') && !text.is_letter(start - 1);
    (end - start <= MAX_NUMBER && plain).then_some(start)
}

/// The cell after what stands before blanks and at most one comma.
fn skip_back(text: &Folded, cell: usize) -> usize {
    (0..cell).rev().take(3).take_while(|at| matches!(text.at(*at), b' ' | b',')).last().unwrap_or(cell)
}

/// Words such as « place », « cours », « lot » are ways only before a name.
fn is_way(text: &Folded, words: &[Word], index: usize) -> bool {
    let ambiguous = matches!(
        &text.bytes[words[index].start..words[index].end],
        b"place"
            | b"cours"
            | b"lot"
            | b"mail"
            | b"all"
            | b"che"
            | b"imp"
            | b"mas"
            | b"galerie"
            | b"tour"
            | b"bloc"
            | b"lots"
    );
    let following = words[index + 1..].iter().take(3);
    let named = following
        .into_iter()
        .take_while(|word| word.before != Before::Hard)
        .any(|word| word.case != Case::Lower || !word.is(Classes::LEXICON) || word.is(Classes::PLACE));
    !ambiguous || named
}

/// `lieu-dit`, `lieudit`, `hameau`.
fn is_locality(text: &Folded, words: &[Word], index: usize) -> bool {
    let bytes = |word: &Word| &text.bytes[word.start..word.end];
    match bytes(&words[index]) {
        b"lieudit" | b"hameau" => true,
        b"lieu" => words.get(index + 1).is_some_and(|next| bytes(next) == b"dit"),
        _ => false,
    }
}

/// Where an address ends, and whether it has a postcode.
fn end_of_address(text: &Folded, words: &[Word], way: usize, hits: &Hits) -> (usize, bool) {
    let mut end = words[way].end;
    let mut postcode = false;
    for next in words[way + 1..].iter().take(MAX_WORDS) {
        if let Some(code) = postcode_between(text, end, next.start) {
            end = code;
            postcode = true;
        } else if next.before == Before::Hard || (end..next.start).any(|cell| text.is_digit(cell)) {
            break;
        }
        let bytes = &text.bytes[next.start..next.end];
        let date_follows = matches!(bytes, b"le" | b"du" | b"au") && text.is_digit(next.end + 1);
        let stops = next
            .is(Classes::CONTEXT.or(Classes::ORGANISATION).or(Classes::CIVILITY).or(Classes::KEYWORD_BIRTH))
            && !next.phrase;
        if date_follows || stops || hits.taken(next.start) {
            break;
        }
        end = next.end;
    }
    if let Some(code) = postcode_between(text, end, text.len()) {
        return (code, true);
    }
    (end, postcode)
}

/// Where a postcode that follows at once ends.
fn postcode_between(text: &Folded, from: usize, to: usize) -> Option<usize> {
    let start = (from..to.min(text.len())).take(4).find(|cell| text.is_digit(*cell))?;
    let end = (start..text.len()).find(|cell| !text.is_digit(*cell)).unwrap_or(text.len());
    let separators = (from..start).all(|cell| matches!(text.at(cell), b' ' | b',' | b'-' | b'('));
    (end - start == POSTCODE && separators && end <= to).then_some(end)
}
