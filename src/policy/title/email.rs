//! E-mail addresses: those of persons are found, functional ones (`contact@`, `cdas-redon@`) pass.
//!
//! Also `(at)`, `[at]`, « arobase », `AT … DOT`. When the local part is not wholly made of words of services,
//! places and organisations, it is taken for a person's.

use super::finding::{Confidence, Kind, Reason};
use super::fold::Folded;
use super::hits::Hits;
use super::lists::{Classes, Lists};
use super::words::Word;

/// The longest local part (RFC 5321 section 4.5.3.1.1).
const MAX_LOCAL: usize = 64;
/// With so many digits a local part is looked at by the rules of numbers.
const MIN_NUMBER: usize = 6;
/// The longest domain that is looked at.
const MAX_DOMAIN: usize = 100;

/// Finds addresses; functional ones are marked as harmless.
pub(super) fn find(text: &Folded, words: &[Word], lists: &Lists, hits: &mut Hits) {
    let signs =
        text.bytes.iter().enumerate().filter(|(_, byte)| **byte == b'@').map(|(cell, _)| (cell, cell + 1));
    let spelt = words.iter().filter_map(|word| match &text.bytes[word.start..word.end] {
        b"arobase" | b"arobas" => Some((word.start, word.end)),
        b"at" => Some(bracketed(text, word)),
        _ => None,
    });
    let all: Vec<(usize, usize)> = signs.chain(spelt).collect();
    for (sign, after) in all {
        let Some((start, local_end)) = local_part(text, sign) else { continue };
        let Some(end) = domain_end(text, after) else { continue };
        if (start..local_end).any(|cell| hits.taken(cell)) {
            continue;
        }
        let local = &text.bytes[start..local_end];
        if is_functional(local, lists) {
            // A number in it may still be somebody's.
            if local.iter().filter(|byte| byte.is_ascii_digit()).count() < MIN_NUMBER {
                hits.clear(start, end);
            }
        } else {
            hits.add(Kind::Email, start, end, Reason::Email, Confidence::High);
        }
    }
}

/// `at` with the brackets around it.
fn bracketed(text: &Folded, word: &Word) -> (usize, usize) {
    let open = word.start > 0 && matches!(text.at(word.start - 1), b'(' | b'[' | b'{');
    let closed = matches!(text.at(word.end), b')' | b']' | b'}');
    if open && closed { (word.start - 1, word.end + 1) } else { (word.start, word.end) }
}

/// The local part before the sign: where it starts and ends.
fn local_part(text: &Folded, sign: usize) -> Option<(usize, usize)> {
    let end = sign - (0..sign).rev().take(2).take_while(|cell| text.at(*cell) == b' ').count();
    let symbol = |cell: &usize| {
        text.at(*cell).is_ascii_alphanumeric()
            || matches!(text.at(*cell), b'.' | b'_' | b'-' | b'+' | b'%' | b'\'')
    };
    let length = (0..end).rev().take(MAX_LOCAL).take_while(symbol).count();
    (length > 0).then_some((end - length, end))
}

/// Where the domain after the sign ends; it has a dot, written or spelt.
fn domain_end(text: &Folded, after: usize) -> Option<usize> {
    let mut cell = after + (after..text.len()).take(2).take_while(|cell| text.at(*cell) == b' ').count();
    let start = cell;
    let mut dotted = false;
    while cell < text.len() && cell - start < MAX_DOMAIN {
        let rest = &text.bytes[cell..];
        let spelt = [b" dot ".as_slice(), b"(dot)", b"[dot]", b" point ", b"(point)"];
        if let Some(dot) = spelt.iter().find(|dot| rest.starts_with(dot)) {
            cell += dot.len();
            dotted = true;
        } else if rest[0] == b'.' && rest.get(1).is_some_and(u8::is_ascii_alphanumeric) {
            cell += 1;
            dotted = true;
        } else if rest[0].is_ascii_alphanumeric() || (rest[0] == b'-' && cell > start) {
            cell += 1;
        } else {
            break;
        }
    }
    (dotted && cell > start).then_some(cell)
}

/// Whether the local part is made of words of services, places and organisations.
fn is_functional(local: &[u8], lists: &Lists) -> bool {
    let function = Classes::GENERIC_MAILBOX.or(Classes::ORGANISATION).or(Classes::PLACE).or(Classes::CONTEXT);
    let function = function.or(Classes::INSTITUTION).or(Classes::FUNCTION).or(Classes::ROLE);
    let parts = || local.split(|byte| !byte.is_ascii_lowercase()).filter(|part| !part.is_empty());
    let generic = |part: &[u8]| lists.classes(part).has(function);
    let ordinary = |part: &[u8]| {
        let classes = lists.classes(part);
        classes.has(Classes::LEXICON) && !classes.has(Classes::FIRST.or(Classes::SURNAME_TOP))
    };
    parts().any(generic) && parts().all(|part| generic(part) || ordinary(part))
}
