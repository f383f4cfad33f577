//! Dates of birth: a date that a word announces, or a date beside a name.
//!
//! The dates of meetings, laws and letters are no birth: « réunion du 12/03/2026 », « mise en ligne le 21/04 ».

use super::finding::{Confidence, Kind, Reason};
use super::fold::Folded;
use super::hits::Hits;
use super::lists::Classes;
use super::words::{Before, Word};

/// How far after its word a date of birth may stand, in words: « née Dupont à Redon le ».
const MAX_WORDS: usize = 6;
/// A full date up to this year is a birth where a name stands in the title, whatever preposition precedes it.
/// Titles speak of events of the last years; a fixed year keeps the guard free of any clock.
const BIRTH_YEAR: u32 = 2015;
/// How many cells of blanks and brackets may stand between a name and its date.
const MAX_BESIDE: usize = 3;

/// A date in the title.
struct Date {
    end: usize,
    /// The year, if it has one with a day and a month.
    full_year: Option<u32>,
}

/// Finds the dates that né, ddn, naissance announce.
pub(super) fn find_births(text: &Folded, words: &[Word], hits: &mut Hits) {
    for (index, word) in words.iter().enumerate() {
        let assured = matches!(&text.bytes[word.start..word.end], b"assure" | b"assuree");
        if !(word.is(Classes::KEYWORD_BIRTH) || assured) || hits.taken(word.start) {
            continue;
        }
        if let Some((start, date)) = announced_date(text, words, index)
            && !hits.taken(start)
            && (!assured || date.full_year.is_some_and(|year| year <= BIRTH_YEAR))
        {
            hits.add(Kind::Dob, start, date.end, Reason::Birth, Confidence::High);
        }
    }
}

/// Finds full dates beside a name.
pub(super) fn find_beside_names(text: &Folded, hits: &mut Hits) {
    let persons: Vec<(usize, usize)> = hits
        .list
        .iter()
        .filter(|hit| matches!(hit.kind, Kind::Name | Kind::Nir))
        .map(|hit| (hit.start, hit.end))
        .collect();
    if persons.is_empty() {
        return;
    }
    let mut cell = 0;
    while cell < text.len() {
        let starts = text.is_digit(cell) && (cell == 0 || !text.is_digit(cell - 1)) && !hits.taken(cell);
        let date = if starts { date_at(text, cell) } else { None };
        let Some((date, year)) = date.and_then(|date| date.full_year.map(|year| (date, year))) else {
            cell += 1;
            continue;
        };
        let beside = persons.iter().any(|(start, end)| {
            let before = *end <= cell
                && cell - end <= MAX_BESIDE
                && !(*end..cell).any(|at| matches!(text.at(at), b':' | b';'));
            let after = *start >= date.end && start - date.end <= 1;
            before || after
        });
        if beside || (year <= BIRTH_YEAR && !after_law(text, cell)) {
            hits.add(Kind::Dob, cell, date.end, Reason::BirthBesideName, Confidence::Medium);
        }
        cell = date.end;
    }
}

/// The date after a keyword, and where it starts.
fn announced_date(text: &Folded, words: &[Word], keyword: usize) -> Option<(usize, Date)> {
    let bytes = |word: &Word| &text.bytes[word.start..word.end];
    let negation = matches!(bytes(&words[keyword]), b"ne" | b"nes");
    let mut cell = words[keyword].end;
    let mut linked = !negation;
    for (count, next) in words[keyword + 1..].iter().enumerate().take(MAX_WORDS) {
        if let Some(digit) = first_digit(text, cell, next.start) {
            return linked.then_some((digit, date_at(text, digit)?));
        }
        let link = matches!(bytes(next), b"le" | b"en" | b"du" | b"l" | b"e");
        let first = count == 0 || (count == 1 && bytes(&words[keyword + 1]) == b"e");
        if negation && first && !link && !matches!(bytes(next), b"a") {
            return None;
        }
        if next.before == Before::Hard && !first {
            return None;
        }
        linked = link || (first && !negation);
        if next.is(Classes::CALENDAR) || ordinal(bytes(next)) {
            return Some((next.start, worded_date(text, next.start)?));
        }
        cell = next.end;
    }
    let digit = first_digit(text, cell, text.len())?;
    linked.then_some((digit, date_at(text, digit)?))
}

/// The first digit in these cells, if only separators stand before it.
fn first_digit(text: &Folded, from: usize, to: usize) -> Option<usize> {
    let digit = (from..to.min(text.len())).find(|cell| text.is_digit(*cell))?;
    (digit - from <= 8).then_some(digit)
}

/// Reads the date that starts at a digit.
fn date_at(text: &Folded, start: usize) -> Option<Date> {
    let (first, first_end) = number(text, start)?;
    let digits = first_end - start;
    match digits {
        8 => compact(text, start, first_end),
        6 => Some(Date { end: first_end, full_year: None }),
        4 => iso(text, first, first_end).or_else(|| year_only(first, first_end)),
        1 | 2 if (1..=31).contains(&first) => numeric(text, first_end).or_else(|| worded_date(text, start)),
        _ => None,
    }
}

/// `12/03/1957`, `12.3.57`, `12 03 1957`, `12/03`.
fn numeric(text: &Folded, first_end: usize) -> Option<Date> {
    let separator = text.at(first_end);
    let month_start = after_separator(text, first_end)?;
    let (month, month_end) = number(text, month_start)?;
    if !(1..=12).contains(&month) || month_end - month_start > 2 {
        return None;
    }
    let year = after_separator(text, month_end).and_then(|start| Some((number(text, start)?, start)));
    match year {
        Some(((year, end), start)) if end - start == 4 && (1900..=2100).contains(&year) => {
            Some(Date { end, full_year: Some(year) })
        }
        Some(((year, end), start)) if end - start == 2 && separator != b' ' => {
            Some(Date { end, full_year: Some(if year > 30 { 1900 + year } else { 2000 + year }) })
        }
        _ => Some(Date { end: month_end, full_year: None }),
    }
}

/// `12031957`.
fn compact(text: &Folded, start: usize, end: usize) -> Option<Date> {
    let part = |from: usize, to: usize| {
        text.bytes[start + from..start + to].iter().fold(0, |n, b| n * 10 + u32::from(b - b'0'))
    };
    let (day, month, year) = (part(0, 2), part(2, 4), part(4, 8));
    let read = (1..=31).contains(&day) && (1..=12).contains(&month) && (1900..=2100).contains(&year);
    read.then_some(Date { end, full_year: Some(year) })
}

/// `1957-03-12`.
fn iso(text: &Folded, year: u32, year_end: usize) -> Option<Date> {
    let month_start = after_separator(text, year_end)?;
    let (month, month_end) = number(text, month_start)?;
    let day_start = after_separator(text, month_end)?;
    let (day, end) = number(text, day_start)?;
    let read = (1900..=2100).contains(&year) && (1..=12).contains(&month) && (1..=31).contains(&day);
    (read && end - day_start == 2).then_some(Date { end, full_year: Some(year) })
}

fn year_only(year: u32, end: usize) -> Option<Date> {
    (1900..=2030).contains(&year).then_some(Date { end, full_year: None })
}

/// `19 septembre 1935`, `1er mars`, `premier mars 1948`, `mars 1948`.
fn worded_date(text: &Folded, start: usize) -> Option<Date> {
    let mut cell = start;
    let mut day = false;
    for _ in 0..3 {
        let end = (cell..text.len()).find(|at| !text.at(*at).is_ascii_alphanumeric()).unwrap_or(text.len());
        let word = &text.bytes[cell..end];
        if is_month(word) {
            let after = (end..text.len())
                .take(3)
                .find(|at| text.at(*at) != b' ' && text.at(*at) != b'.')
                .unwrap_or(text.len());
            let year =
                number(text, after).filter(|(year, stop)| stop - after == 4 && (1900..=2100).contains(year));
            let full_year = year.filter(|_| day).map(|(year, _)| year);
            return Some(Date { end: year.map_or(end, |(_, stop)| stop), full_year });
        }
        let number = word.first().is_some_and(u8::is_ascii_digit) || ordinal(word);
        if !number || day {
            return None;
        }
        day = true;
        cell = (end + 1).min(text.len());
    }
    None
}

fn is_month(word: &[u8]) -> bool {
    const MONTHS: [&[u8]; 12] = [
        b"janvier",
        b"fevrier",
        b"mars",
        b"avril",
        b"mai",
        b"juin",
        b"juillet",
        b"aout",
        b"septembre",
        b"octobre",
        b"novembre",
        b"decembre",
    ];
    MONTHS
        .iter()
        .any(|month| *month == word || (word.len() >= 3 && word.len() <= 4 && month.starts_with(word)))
}

/// Days written in words.
fn ordinal(word: &[u8]) -> bool {
    matches!(
        word,
        b"premier"
            | b"deux"
            | b"trois"
            | b"quatre"
            | b"cinq"
            | b"six"
            | b"sept"
            | b"huit"
            | b"neuf"
            | b"dix"
            | b"onze"
            | b"douze"
            | b"treize"
            | b"quatorze"
            | b"quinze"
            | b"seize"
            | b"vingt"
            | b"trente"
    )
}

/// Whether the date is that of a law: « loi du », « décret du », « arrêté du ».
fn after_law(text: &Folded, cell: usize) -> bool {
    let before = &text.bytes[..cell];
    [b"loi du ".as_slice(), b"arrete du ", b"decret du ", b"circulaire du "]
        .iter()
        .any(|law| before.ends_with(law))
}

fn after_separator(text: &Folded, cell: usize) -> Option<usize> {
    let one = matches!(text.at(cell), b'/' | b'.' | b'-' | b' ' | b'_') && cell < text.len();
    let blanks = usize::from(one && text.at(cell + 1) == b' ');
    one.then_some(cell + 1 + blanks)
}

/// The number that starts at this cell, of at most eight digits, and where it ends.
fn number(text: &Folded, start: usize) -> Option<(u32, usize)> {
    let end = (start..text.len()).find(|cell| !text.is_digit(*cell)).unwrap_or(text.len());
    if end <= start || end - start > 8 {
        return None;
    }
    Some((text.bytes[start..end].iter().fold(0, |sum, byte| sum * 10 + u32::from(byte - b'0')), end))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn dates_are_read_in_every_usual_form() {
        for (written, year) in [
            ("12/03/1957", Some(1957)),
            ("12.3.57", Some(1957)),
            ("1957-03-12", Some(1957)),
            ("19 SEPTEMBRE 1935", Some(1935)),
            ("1er mars 1948", Some(1948)),
            ("05061979", Some(1979)),
            ("12/03", None),
        ] {
            let text = Folded::of(written.chars(), written.len());
            let date = date_at(&text, 0).expect(written);
            assert_eq!((date.full_year, date.end), (year, text.len()), "{written}");
        }
        for other in ["35238", "62 ans", "13/13/2020", "815-24"] {
            let text = Folded::of(other.chars(), other.len());
            assert!(date_at(&text, 0).is_none_or(|date| date.full_year.is_none()), "{other}");
        }
    }
}
