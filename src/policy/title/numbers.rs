//! Numbers that stand for a person beside the NIR: telephone, bank account, and those that a word announces.
//!
//! Sources: French numbering plan (ten digits from 01 to 09, +33), ISO 13616 (IBAN, modulo 97), the RIB's
//! key, facts of the CAF, the tax number and the residence permit. Short numbers (3646), SIREN, SIRET and
//! FINESS stand for nobody and pass.

use super::digits::{Gap, Groups};
use super::finding::{Confidence, Kind, Reason};
use super::fold::{Folded, is_letter};
use super::hits::Hits;
use super::lists::Classes;
use super::scan::announces;
use super::words::Word;

/// The longest IBAN (ISO 13616).
const MAX_IBAN: usize = 34;
/// The lengths of IBANs by country (ISO 13616 registry): Europe and its neighbours.
const LENGTHS: [(&[u8], usize); 37] = [
    (b"at", 20),
    (b"be", 16),
    (b"bg", 22),
    (b"ch", 21),
    (b"cy", 28),
    (b"cz", 24),
    (b"de", 22),
    (b"dk", 18),
    (b"ee", 20),
    (b"es", 24),
    (b"fi", 18),
    (b"gb", 22),
    (b"gr", 27),
    (b"hr", 21),
    (b"hu", 28),
    (b"ie", 22),
    (b"is", 26),
    (b"it", 27),
    (b"li", 21),
    (b"lt", 20),
    (b"lu", 20),
    (b"lv", 21),
    (b"mt", 31),
    (b"nl", 18),
    (b"pl", 28),
    (b"pt", 25),
    (b"ro", 24),
    (b"se", 24),
    (b"si", 19),
    (b"sk", 24),
    (b"sm", 27),
    (b"al", 28),
    (b"ge", 22),
    (b"md", 24),
    (b"tn", 24),
    (b"tr", 26),
    (b"ua", 29),
];
/// The length of a French IBAN, and of the RIB in it.
const FRENCH_IBAN: usize = 27;
const RIB: usize = 23;
/// With a word that announces an account, so many digits are one even when the key is wrong.
const MIN_ACCOUNT: usize = 16;
/// The fewest digits of a personal number in one group, and in several.
const MIN_PERSONAL: usize = 6;
const MIN_PERSONAL_GROUPED: usize = 7;
/// The most digits of a personal number.
const MAX_PERSONAL: usize = 16;
/// Digits of a French telephone number.
const PHONE: usize = 10;

/// Finds IBANs, with or without a right key, and bare RIBs.
pub(super) fn find_accounts(text: &Folded, words: &[Word], groups: &Groups, hits: &mut Hits) {
    let mut free_from = 0;
    for group in &groups.groups {
        if group.start < free_from || hits.taken(group.start) {
            continue;
        }
        if let Some((start, end)) = iban_around(text, words, group.start) {
            hits.add(Kind::Iban, start, end, Reason::Iban, Confidence::High);
            free_from = end;
        }
    }
    for first in 0..groups.groups.len() {
        if let Some(last) = rib_from(groups, first)
            && !hits.taken(groups.groups[first].start)
            && grouped_as_rib(groups, first, last)
        {
            let (start, end) = (groups.groups[first].start, groups.groups[last].end);
            let announced = announces(words, start, Classes::KEYWORD_ACCOUNT, |_| false);
            let right = rib_is_right(groups.units(first, last));
            if announced || right {
                hits.add(
                    Kind::Iban,
                    start,
                    end,
                    Reason::Iban,
                    if right { Confidence::High } else { Confidence::Medium },
                );
            }
        }
    }
}

/// Finds telephone numbers.
pub(super) fn find_phones(text: &Folded, groups: &Groups, hits: &mut Hits) {
    let mut index = 0;
    while index < groups.groups.len() {
        let group = groups.groups[index];
        let found = if hits.taken(group.start) { None } else { phone_from(text, groups, index) };
        if let Some((start, last)) = found {
            hits.add(Kind::Phone, start, groups.groups[last].end, Reason::Phone, Confidence::High);
            index = last;
        }
        index += 1;
    }
}

/// Finds the numbers that a word announces: CAF, tax, residence permit, identity card, passport.
pub(super) fn find_announced(text: &Folded, words: &[Word], groups: &Groups, hits: &mut Hits) {
    let mut index = 0;
    while index < groups.groups.len() {
        let group = groups.groups[index];
        let announced = !hits.taken(group.start)
            && announces(words, group.start, Classes::KEYWORD_NUMBER, |cell| hits.taken(cell));
        if !announced {
            index += 1;
            continue;
        }
        let last = last_of_number(groups, index, MAX_PERSONAL);
        let count = groups.units(index, last).len();
        let (start, end) = alphanumeric_around(text, group.start, groups.groups[last].end);
        let symbols = (start..end).filter(|cell| text.at(*cell).is_ascii_alphanumeric()).count();
        let enough =
            if last == index { symbols >= MIN_PERSONAL && count >= 3 } else { count >= MIN_PERSONAL_GROUPED };
        if enough && !is_date(groups, index, last) {
            hits.add(Kind::Other, start, end, Reason::PersonalNumber, Confidence::High);
        }
        index = last + 1;
    }
}

/// The IBAN of which the check digits start at this cell: two letters before, 11 to 30 symbols after.
fn iban_around(text: &Folded, words: &[Word], digits: usize) -> Option<(usize, usize)> {
    let gap = usize::from(digits > 0 && text.at(digits - 1) == b' ');
    let start = digits.checked_sub(2 + gap)?;
    let country = text.bytes.get(start..start + 2)?;
    let alone = start == 0 || !text.is_letter(start - 1);
    if !alone || !country.iter().all(u8::is_ascii_lowercase) || !text.is_digit(digits + 1) {
        return None;
    }
    let mut symbols: Vec<u8> = country.to_vec();
    let mut ends = Vec::new();
    let mut cell = digits;
    while cell < text.len() && symbols.len() < MAX_IBAN {
        let byte = text.at(cell);
        if byte.is_ascii_alphanumeric() {
            symbols.push(byte);
            ends.push(cell + 1);
        } else if !matches!(byte, b' ' | b'.' | b'-' | b'_') || text.at(cell + 1) == byte && byte != b' ' {
            break;
        }
        cell += 1;
    }
    let end_of = |length: usize| ends.get(length - 3).copied();
    let french = country == b"fr" || country == b"mc";
    if french && symbols.len() >= FRENCH_IBAN && iban_is_right(&symbols[..FRENCH_IBAN]) {
        return Some((start, end_of(FRENCH_IBAN)?));
    }
    let length = LENGTHS.iter().find(|(code, _)| *code == country).map(|(_, length)| *length);
    let right = length.filter(|length| symbols.len() >= *length && iban_is_right(&symbols[..*length]));
    if let Some(end) = right.and_then(end_of).filter(|end| !text.at(*end).is_ascii_alphanumeric()) {
        return Some((start, end));
    }
    // A mistyped one: mostly digits, and France or a word says so.
    let run = symbols.iter().skip(4).take(FRENCH_IBAN - 4).take_while(|byte| byte.is_ascii_digit()).count();
    let announced = announces(words, start, Classes::KEYWORD_ACCOUNT, |_| false);
    let length = (4 + run).min(FRENCH_IBAN);
    (run >= MIN_ACCOUNT && (french || announced)).then_some(())?;
    Some((start, end_of(length)?))
}

/// ISO 13616: the first four symbols at the end, letters as 10 to 35, modulo 97 gives 1.
fn iban_is_right(symbols: &[u8]) -> bool {
    let moved = symbols[4..].iter().chain(&symbols[..4]);
    let remainder = moved.fold(0_u32, |sum, byte| match byte {
        b'0'..=b'9' => (sum * 10 + u32::from(byte - b'0')) % 97,
        _ => (sum * 100 + u32::from(byte.to_ascii_lowercase() - b'a') + 10) % 97,
    });
    remainder == 1
}

/// The last group of 23 digits that start here: bank, branch, account, key.
fn rib_from(groups: &Groups, first: usize) -> Option<usize> {
    let mut count = 0;
    for last in first..groups.groups.len() {
        count += groups.groups[last].len;
        if count == RIB {
            return Some(last);
        }
        if count > RIB || groups.groups[last].gap == Gap::Break {
            return None;
        }
    }
    None
}

/// Whether 23 digits are written in one, or as bank, branch, account and key.
fn grouped_as_rib(groups: &Groups, first: usize, last: usize) -> bool {
    let origin = groups.groups[first].first;
    let ends =
        |end: usize| groups.groups[first..=last].iter().any(|group| group.first + group.len - origin == end);
    first == last || (ends(5) && ends(10) && ends(21))
}

/// The key of a RIB of digits: 97 minus (89 bank + 15 branch + 3 account) modulo 97.
fn rib_is_right(units: &[u8]) -> bool {
    let number =
        |part: &[u8]| part.iter().fold(0_u64, |sum, unit| sum * 10 + u64::from(unit.saturating_sub(b'0')));
    let sum = 89 * number(&units[..5]) + 15 * number(&units[5..10]) + 3 * (number(&units[10..21]) % 97);
    97 - sum % 97 == number(&units[21..])
}

/// The telephone number that starts at this group: its first cell and last group.
fn phone_from(text: &Folded, groups: &Groups, first: usize) -> Option<(usize, usize)> {
    let group = groups.groups[first];
    let units = &groups.units[group.first..];
    let plus = group.start > 0 && text.at(group.start - 1) == b'+';
    if plus {
        let expected =
            if units.starts_with(b"33") { 11 + usize::from(units.get(2) == Some(&b'0')) } else { 15 };
        let last = last_of_number(groups, first, expected);
        return (groups.units(first, last).len() >= 8).then_some((group.start - 1, last));
    }
    if units.starts_with(b"0033") {
        let expected = 13 + usize::from(units.get(4) == Some(&b'0'));
        let last = last_of_number(groups, first, expected);
        return (groups.units(first, last).len() == expected).then_some((group.start, last));
    }
    if !matches!(units, [b'0', b'1'..=b'9', ..]) {
        return None;
    }
    let last = last_of_number(groups, first, PHONE);
    let window = &groups.groups[first..=last];
    let count: usize = window.iter().map(|group| group.len).sum();
    let mut lengths = [0; 5];
    if window.len() > lengths.len() || count != PHONE {
        return None;
    }
    window.iter().zip(&mut lengths).for_each(|(group, length)| *length = group.len);
    let alone = !groups.joined_before(first) && !groups.joined_after(last);
    let grouped = match lengths {
        [2, 2, 2, 2, 2] | [10, ..] => true,
        // A date and an hour, or a reference, have ten digits as well.
        [2, 2, 4, ..] | [4, 6, ..] | [6, 4, ..] => false,
        _ => alone,
    };
    grouped.then_some((group.start, last))
}

/// The last group, from `first` on, with which the number has at most so many digits.
fn last_of_number(groups: &Groups, first: usize, limit: usize) -> usize {
    let mut count = groups.groups[first].len;
    let mut last = first;
    while let Some(next) = groups.groups.get(last + 1) {
        count += next.len;
        if count > limit || matches!(groups.groups[last].gap, Gap::Break | Gap::Link) {
            break;
        }
        last += 1;
    }
    last
}

/// Letters glued to a number belong to it: `1493131L`, `12AB34567`.
fn alphanumeric_around(text: &Folded, start: usize, end: usize) -> (usize, usize) {
    let glued = |cell: usize| is_letter(text.at(cell)) || text.is_digit(cell);
    let before = (0..start).rev().take(4).take_while(|cell| glued(*cell)).count();
    let after = (end..text.len()).take(10).take_while(|cell| glued(*cell)).count();
    (start - before, end + after)
}

fn is_date(groups: &Groups, first: usize, last: usize) -> bool {
    let lengths: Vec<usize> = groups.groups[first..=last].iter().map(|group| group.len).collect();
    matches!(lengths[..], [1 | 2, 1 | 2, 2 | 4] | [4, 2, 2])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_of_accounts_are_computed() {
        assert!(iban_is_right(b"fr7630006000011234567890189"));
        assert!(!iban_is_right(b"fr7630006000011234567890188"));
        assert!(iban_is_right(b"gb82west12345698765432"));
        assert!(rib_is_right(b"30006000011234567890189"));
    }
}
