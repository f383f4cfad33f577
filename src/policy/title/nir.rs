//! The NIR (numéro de sécurité sociale) and its kin, in all their typographies.
//!
//! Structure: décret 82-103 art. 4 (13 characters: sex, year, month, department, commune, order) and the
//! key, 97 minus the number modulo 97. A right key confirms; a wrong one does not clear, since a mistyped
//! NIR is still personal. Waiting numbers (NIA, NNP, MIG) count as well. A window of a longer number (SIRET,
//! reference) is never a NIR.

use super::digits::{Gap, Group, Groups};
use super::finding::{Confidence, Kind, Reason};
use super::fold::Folded;
use super::hits::Hits;

/// Characters of the number itself.
const NUMBER: usize = 13;
/// Characters with the key.
const WITH_KEY: usize = 15;
/// The fewest digits that a keyword makes a NIR of: less is a code.
const MIN_AFTER_KEYWORD: usize = 7;
/// The most: a NIR with its key, mistyped by some digits.
const MAX_AFTER_KEYWORD: usize = 18;
/// The fewest digits before a mask: sex, year, month, department.
const MIN_BEFORE_MASK: usize = 7;
/// The fewest masked characters.
const MIN_MASK: usize = 3;

/// Finds NIRs among the groups that nothing else has taken; `announced` says for each group whether a keyword
/// stands before it.
pub(super) fn find(text: &Folded, groups: &Groups, announced: &[bool], hits: &mut Hits) {
    let mut index = 0;
    while index < groups.groups.len() {
        let group = groups.groups[index];
        if hits.taken(group.start) {
            index += 1;
            continue;
        }
        let keyword = announced.get(index).copied().unwrap_or(false);
        if let Some(found) = window(groups, index, keyword) {
            index = claim(text, groups, index, found, hits);
        } else if let Some((end, last)) = masked(text, groups, index, keyword) {
            hits.add(Kind::Nir, group.start, end, Reason::NirMasked, Confidence::High);
            index = last + 1;
        } else if let Some(found) = after_keyword(groups, index, keyword) {
            index = claim(text, groups, index, found, hits);
        } else {
            index += 1;
        }
    }
}

/// Claims the number that starts at the group `first`; the group after it.
fn claim(text: &Folded, groups: &Groups, first: usize, found: Found, hits: &mut Hits) -> usize {
    let start = groups.groups[first];
    let end = closing(text, &groups.groups[found.last], start);
    hits.add(Kind::Nir, start.start, end, found.reason, found.confidence);
    found.last + 1
}

/// A number found: its last group and why.
#[derive(Clone, Copy)]
struct Found {
    last: usize,
    reason: Reason,
    confidence: Confidence,
}

/// The best window of groups that starts at `first` and has the structure of a NIR.
fn window(groups: &Groups, first: usize, keyword: bool) -> Option<Found> {
    let mut thirteen = None;
    let mut count = 0;
    for last in first..groups.groups.len() {
        count += groups.groups[last].len;
        if count > WITH_KEY {
            break;
        }
        let read = as_read(groups.units(first, last));
        let units = &read[..count];
        if count == NUMBER && accepted(groups, first, last, units, keyword) {
            thirteen = Some(last);
        }
        if count == WITH_KEY
            && key_is_right(units)
            && (has_structure(units) || matches!(units[0], b'1'..=b'8'))
        {
            return Some(Found { last, reason: Reason::NirKey, confidence: Confidence::High });
        }
        if count == WITH_KEY && has_structure(units) {
            let other_number = thirteen.is_some() && starts_other_number(groups, last);
            if !other_number && accepted(groups, first, last, units, keyword) {
                return Some(Found { last, reason: Reason::NirShape, confidence: Confidence::High });
            }
        }
        if groups.groups[last].gap == Gap::Break {
            break;
        }
    }
    let last = thirteen?;
    let provisional = !has_structure(&as_read(groups.units(first, last))[..NUMBER]);
    let reason = if provisional { Reason::NirProvisional } else { Reason::NirShape };
    let confidence = if keyword { Confidence::High } else { Confidence::Medium };
    Some(Found { last, reason, confidence })
}

/// The units of a window of at most 15, with B read as 8 anywhere but in the department.
fn as_read(units: &[u8]) -> [u8; WITH_KEY] {
    let mut read = [0; WITH_KEY];
    for (index, (unit, read)) in units.iter().zip(&mut read).enumerate() {
        *read = if *unit == b'b' && index != 6 { b'8' } else { *unit };
    }
    read
}

/// Whether a window of the right length without a right key counts: it stands alone, or is grouped as a NIR
/// is, or a keyword announces it.
fn accepted(groups: &Groups, first: usize, last: usize, units: &[u8], keyword: bool) -> bool {
    let alone = !groups.joined_before(first) && !groups.joined_after(last);
    let single = first == last;
    if has_structure(units) {
        return keyword || alone || single || grouped_as_nir(groups, first, last);
    }
    units.len() == NUMBER && is_provisional(units) && (keyword || alone)
}

/// With a keyword, any number of about the right length.
fn after_keyword(groups: &Groups, first: usize, keyword: bool) -> Option<Found> {
    if !keyword {
        return None;
    }
    let mut count = 0;
    let mut last = first;
    for index in first..groups.groups.len() {
        count += groups.groups[index].len;
        last = index;
        if matches!(groups.groups[index].gap, Gap::Break | Gap::Loose) {
            break;
        }
    }
    let units = groups.units(first, last);
    let starts_well = matches!(units.first(), Some(b'1'..=b'8'));
    let fits = (MIN_AFTER_KEYWORD..=MAX_AFTER_KEYWORD).contains(&count);
    (starts_well && fits && !is_date(groups, first, last)).then_some(Found {
        last,
        reason: Reason::NirKeyword,
        confidence: Confidence::High,
    })
}

/// Whether the groups are a date, such as the date of a request about a NIR.
fn is_date(groups: &Groups, first: usize, last: usize) -> bool {
    let lengths: Vec<usize> = groups.groups[first..=last].iter().map(|group| group.len).collect();
    matches!(lengths[..], [1 | 2, 1 | 2, 2 | 4] | [4, 2, 2])
}

/// The beginning of a NIR, then a mask: `1 84 06 35 XXX XXX XX`, `184063528****`.
fn masked(text: &Folded, groups: &Groups, first: usize, keyword: bool) -> Option<(usize, usize)> {
    let mut count = 0;
    for last in first..groups.groups.len() {
        let group = groups.groups[last];
        count += group.len;
        if count >= NUMBER {
            return None;
        }
        let (end, masks) = mask_after(text, group.end);
        let units = groups.units(first, last);
        let enough = count >= MIN_BEFORE_MASK || (keyword && count >= 3);
        if masks >= MIN_MASK && enough && starts_as_nir(units) {
            let further = groups.groups.iter().skip(last + 1).take_while(|next| next.start < end).count();
            return Some((end, last + further));
        }
        if group.gap == Gap::Break {
            return None;
        }
    }
    None
}

/// Where the mask after this cell ends, and how many masked characters it has. Digits may stand in it.
fn mask_after(text: &Folded, start: usize) -> (usize, usize) {
    let (mut end, mut masks) = (start, 0);
    let mut cell = start;
    while cell < text.len() && cell < start + 24 {
        let byte = text.at(cell);
        let run = (cell..text.len()).take_while(|at| text.at(*at) == byte).count().min(16);
        match byte {
            b'x' | b'*' | b'#' | b'?' if byte != b'x' || !text.is_letter(cell + run) => masks += run,
            b'-' | b'_' | b'.' if run >= 2 => masks += run,
            b' ' | b'.' | b'-' | b'/' | b'_' => {
                cell += run;
                continue;
            }
            b'0'..=b'9' if masks > 0 && run <= 3 => {}
            _ => break,
        }
        cell += run;
        end = cell;
    }
    (end, masks)
}

/// Whether these 13 or 15 units have the structure of a NIR: sex, month, department, commune, order.
pub(super) fn has_structure(units: &[u8]) -> bool {
    let Some(number) = units.get(..NUMBER) else { return false };
    starts_as_nir(number)
        && department_and_commune(number)
        && digits(&number[10..13]).is_some_and(|order| order > 0)
        && units[NUMBER..].iter().all(u8::is_ascii_digit)
}

/// Whether the first units are a sex, a year, a month that exists, a department: as many as there are.
fn starts_as_nir(units: &[u8]) -> bool {
    let sex = matches!(units.first(), Some(b'1'..=b'4' | b'7' | b'8'));
    let year = units.get(1..3).is_none_or(|year| digits(year).is_some());
    let month = units.get(3..5).is_none_or(|month| matches!(digits(month), Some(1..=12 | 20..=99)));
    let department = units.get(5..7).is_none_or(|department| match department {
        [b'2', b'a' | b'b'] => true,
        other => digits(other).is_some_and(|number| number > 0),
    });
    sex && year && month && department
}

/// Department 01-99, 2A, 2B, then commune or country 001-990; overseas 970-989, then commune 01-90.
fn department_and_commune(number: &[u8]) -> bool {
    match &number[5..7] {
        [b'9', b'7' | b'8'] => digits(&number[8..10]).is_some_and(|commune| (1..=90).contains(&commune)),
        _ => digits(&number[7..10]).is_some_and(|commune| (1..=990).contains(&commune)),
    }
}

/// NNP `[78][12]` and MIG `[56][12]`, then the fund and a number; 13 digits without month or commune.
fn is_provisional(units: &[u8]) -> bool {
    matches!(units, [b'5'..=b'8', b'1' | b'2', ..]) && digits(units).is_some()
}

/// Whether the key of these 15 units is right. Corsica counts 2A as 19 and 2B as 18.
pub(super) fn key_is_right(units: &[u8]) -> bool {
    let Some((number, key)) = units.split_at_checked(NUMBER) else { return false };
    let corsica = match number[5..7] {
        [b'2', b'a'] => Some(b"19"),
        [b'2', b'b'] => Some(b"18"),
        _ => None,
    };
    let mut plain = [0; NUMBER];
    plain.copy_from_slice(number);
    if let Some(department) = corsica {
        plain[5..7].copy_from_slice(department);
    }
    let expected = digits(&plain).map(|number| 97 - number % 97);
    expected.is_some() && expected == digits(key)
}

/// Whether each group ends where a part of a NIR ends, in four groups or more.
fn grouped_as_nir(groups: &Groups, first: usize, last: usize) -> bool {
    let origin = groups.groups[first].first;
    let ends = groups.groups[first..=last].iter().map(|group| group.first + group.len - origin);
    last - first >= 3 && ends.into_iter().all(|end| matches!(end, 1 | 3 | 5 | 7 | 8 | 10 | 13 | 15))
}

/// Whether the last group of a window, rather than a key, begins a telephone number or a date.
fn starts_other_number(groups: &Groups, last: usize) -> bool {
    let group = groups.groups[last];
    let follows = matches!(group.gap, Gap::Close(_)) && last + 1 < groups.groups.len();
    let begins_phone = groups.units[group.first] == b'0';
    let begins_date = matches!(group.gap, Gap::Close(b'/' | b'.'));
    follows && (begins_phone || begins_date)
}

/// The end of the number, with the bracket that closes a key.
fn closing(text: &Folded, last: &Group, first: Group) -> usize {
    let bracketed = first.start < last.start && text.at(last.start - 1) == b'(' && text.at(last.end) == b')';
    last.end + usize::from(bracketed)
}

fn digits(units: &[u8]) -> Option<u64> {
    units.iter().try_fold(0_u64, |sum, unit| unit.is_ascii_digit().then(|| sum * 10 + u64::from(unit - b'0')))
}

/// Why what was typed in the field of a NIR is none.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NirFault {
    /// It has not 15 characters.
    Length,
    /// Its sex, year, month, department, commune or order cannot be.
    Shape,
    /// Its key does not fit.
    Key,
}

/// Reads what was typed in the field of a NIR, blanks and dots anywhere: the number with its key, in the groups that cards
/// show. A waiting number (NIA) has the same key and is taken as well.
pub fn judge_nir(typed: &str) -> Result<String, NirFault> {
    let is_blank = |c: char| c.is_whitespace() || matches!(c, '.' | '-' | '/' | '(' | ')');
    let kept: String = typed.chars().filter(|c| !is_blank(*c)).map(|c| c.to_ascii_lowercase()).collect();
    let units = kept.as_bytes();
    if units.len() != WITH_KEY || !kept.is_ascii() {
        return Err(NirFault::Length);
    }
    let as_usual = has_structure(units);
    let waiting = matches!(units[0], b'1'..=b'8') && digits(units).is_some();
    match (as_usual, key_is_right(units)) {
        (true, true) => {}
        (true, false) => return Err(NirFault::Key),
        (false, true) if waiting => {}
        (false, _) => return Err(NirFault::Shape),
    }
    let shown = kept.to_ascii_uppercase();
    let groups = [0..1, 1..3, 3..5, 5..7, 7..10, 10..13, 13..15];
    Ok(groups.into_iter().map(|group| &shown[group]).collect::<Vec<_>>().join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn units(text: &str) -> Vec<u8> {
        text.bytes().filter(u8::is_ascii_alphanumeric).map(|byte| byte.to_ascii_lowercase()).collect()
    }

    #[test]
    fn keys_of_the_published_examples_are_right() {
        for good in [
            "255081416802538",
            "2 84 05 88 321 025 32",
            "2 84 05 2A 321 025 52",
            "2 84 05 2B 321 025 79",
            "295109912611193",
            "253072B07300470",
            "269054958815780",
        ] {
            assert!(key_is_right(&units(good)) && has_structure(&units(good)), "{good}");
        }
        assert!(!key_is_right(&units("2 84 05 88 321 025 30")));
    }

    #[test]
    fn what_cannot_be_a_nir_has_no_structure() {
        for bad in [
            "0205920741569",
            "9305127413356",
            "1931835332647",
            "1840035288118",
            "1840635000118",
            "1840635288000",
        ] {
            assert!(!has_structure(&units(bad)), "{bad}");
        }
    }

    #[test]
    fn a_typed_nir_is_read_with_its_key_corsica_and_all() {
        assert_eq!(judge_nir("2 84 05 2A 321 025 52").as_deref(), Ok("2 84 05 2A 321 025 52"));
        assert_eq!(judge_nir("284052b32102579").as_deref(), Ok("2 84 05 2B 321 025 79"));
        assert_eq!(judge_nir(" 2.84.05.88.321.025 (32) ").as_deref(), Ok("2 84 05 88 321 025 32"));
        assert_eq!(judge_nir("2 84 05 88 321 025"), Err(NirFault::Length), "without its key");
        assert_eq!(judge_nir("2 84 05 88 321 025 33"), Err(NirFault::Key));
        assert_eq!(judge_nir("2 84 05 2B 321 025 52"), Err(NirFault::Key), "the key of 2A");
        assert_eq!(judge_nir("2 84 15 88 321 025 32"), Err(NirFault::Shape), "no such month");
        assert_eq!(judge_nir("２８４０５８８３２１０２５３２"), Err(NirFault::Length), "other digits");
    }
}
