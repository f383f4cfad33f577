//! Runs of digits in a folded title, as people write numbers: grouped, dotted, with letters for digits.
//!
//! It says where the groups are and what lies between them; whether they make a NIR, a telephone number or
//! nothing at all is for the modules of those numbers.

use super::fold::Folded;

/// The longest gap between two groups of one number, in cells: ` / `, `  `, `) (`.
const MAX_GAP: usize = 3;
/// The longest word that may stand between two parts of one number, with its blanks.
const MAX_LINK: usize = 12;

/// The groups of a title, in order.
#[derive(Debug, Default)]
pub(super) struct Groups {
    /// All units one after another: `0`-`9`, or `a` / `b` for the Corsican departments.
    pub(super) units: Vec<u8>,
    /// The groups.
    pub(super) groups: Vec<Group>,
}

/// Digits with nothing between them.
#[derive(Debug, Clone, Copy)]
pub(super) struct Group {
    /// The first cell.
    pub(super) start: usize,
    /// The cell after the last.
    pub(super) end: usize,
    /// The index of its first unit.
    pub(super) first: usize,
    /// How many units it has.
    pub(super) len: usize,
    /// What lies between it and the next group.
    pub(super) gap: Gap,
}

/// Which letters are read as digits: each way finds numbers that the others take for something else.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Letters {
    /// None: `C2S184…` is a code and a number.
    No,
    /// Those between digits (`1O8O7`), and the A and B of Corsica.
    Inside,
    /// Those at the ends as well (`l84`).
    Around,
}

/// What lies between a group and the next.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Gap {
    /// One separator, or blanks: the same number goes on.
    Close(u8),
    /// Several separators: it may go on.
    Loose,
    /// A word such as « clé » or « fin ».
    Link,
    /// Something else, or the end: it does not go on.
    Break,
}

impl Groups {
    /// Finds the groups.
    pub(super) fn of(text: &Folded, letters: Letters) -> Self {
        let mut found = Self::default();
        let mut cell = 0;
        while cell < text.len() {
            if starts_group(text, cell, letters) {
                cell = found.read_group(text, cell, letters);
            } else {
                cell += 1;
            }
        }
        for index in 0..found.groups.len() {
            let next = found.groups.get(index + 1).map(|group| group.start);
            let group = &mut found.groups[index];
            group.gap = next.map_or(Gap::Break, |next| gap(&text.bytes[group.end..next]));
        }
        found
    }

    /// The units of the groups `from..=to`.
    pub(super) fn units(&self, from: usize, to: usize) -> &[u8] {
        let last = self.groups[to];
        &self.units[self.groups[from].first..last.first + last.len]
    }

    /// Whether the number of the group before this one could go on here.
    pub(super) fn joined_before(&self, index: usize) -> bool {
        index.checked_sub(1).is_some_and(|before| matches!(self.groups[before].gap, Gap::Close(_)))
    }

    /// Whether the number could go on after this group.
    pub(super) fn joined_after(&self, index: usize) -> bool {
        matches!(self.groups[index].gap, Gap::Close(_))
    }

    /// Reads the group that starts here; the cell after it.
    fn read_group(&mut self, text: &Folded, start: usize, letters: Letters) -> usize {
        let first = self.units.len();
        let mut cell = start;
        while cell < text.len() {
            let byte = text.at(cell);
            let corsica = self.units.len() > first
                && self.units.last() == Some(&b'2')
                && is_corsica(text, cell, self.units.len() - first);
            let department = letters != Letters::No && matches!(byte, b'a' | b'b') && corsica;
            if byte.is_ascii_digit() || department {
                self.units.push(byte);
            } else if let Some(digit) =
                digit_read(byte).filter(|_| letters != Letters::No && goes_on(text, cell, letters))
            {
                self.units.push(digit);
            } else {
                break;
            }
            cell += 1;
        }
        let len = self.units.len() - first;
        self.groups.push(Group { start, end: cell, first, len, gap: Gap::Break });
        cell
    }
}

/// Whether a letter after a 2, with so many units before it in the group, can be that of 2A and 2B: the number
/// goes on behind it.
fn is_corsica(text: &Folded, cell: usize, before: usize) -> bool {
    let follows = text.is_digit(cell + 1) || (!text.is_letter(cell + 1) && text.is_digit(cell + 2));
    matches!(before, 1 | 3 | 5 | 6) && follows
}

/// The digit that a letter is written for.
pub(super) const fn digit_read(byte: u8) -> Option<u8> {
    Some(match byte {
        b'o' => b'0',
        b'l' | b'i' => b'1',
        b's' => b'5',
        b'b' => b'8',
        _ => return None,
    })
}

fn starts_group(text: &Folded, cell: usize, letters: Letters) -> bool {
    let byte = text.at(cell);
    let before_is_letter = cell > 0 && text.is_letter(cell - 1);
    byte.is_ascii_digit()
        || (letters == Letters::Around
            && !before_is_letter
            && digit_read(byte).is_some()
            && ends_plain(text, cell))
}

/// Whether a look-alike letter at this cell is inside a number: a digit follows, or, read widely, nothing
/// but look-alikes up to a blank.
fn goes_on(text: &Folded, cell: usize, letters: Letters) -> bool {
    let after = run_of_look_alikes(text, cell);
    text.is_digit(after) || (letters == Letters::Around && !text.is_letter(after))
}

/// Whether the look-alikes from here run into a digit or a separator, not into a word.
fn ends_plain(text: &Folded, cell: usize) -> bool {
    !text.is_letter(run_of_look_alikes(text, cell))
}

/// The first cell, at most three further, that is no look-alike.
fn run_of_look_alikes(text: &Folded, cell: usize) -> usize {
    (cell..cell + 3).find(|at| digit_read(text.at(*at)).is_none()).unwrap_or(cell + 3)
}

fn gap(between: &[u8]) -> Gap {
    let separator = |byte: &u8| {
        matches!(byte, b' ' | b'.' | b'-' | b'/' | b'_' | b'|' | b',' | b':' | b'(' | b')' | b'\'' | b'+')
    };
    match between {
        [] => Gap::Close(0),
        [one] if separator(one) && !matches!(one, b'(' | b')' | b'+') => Gap::Close(*one),
        [b' ', b' '] => Gap::Close(b' '),
        some if some.len() <= MAX_GAP && some.iter().all(separator) => Gap::Loose,
        some if some.len() <= MAX_LINK && is_link(some) => Gap::Link,
        _ => Gap::Break,
    }
}

/// Whether the only word between is one that goes on with a number.
fn is_link(between: &[u8]) -> bool {
    let mut words = between.split(|byte| !byte.is_ascii_alphanumeric()).filter(|word| !word.is_empty());
    let known: [&[u8]; 7] = [b"cle", b"clef", b"key", b"fin", b"puis", b"suite", b"controle"];
    matches!((words.next(), words.next()), (Some(word), None) if known.contains(&word))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str, letters: Letters) -> Vec<String> {
        let groups = Groups::of(&Folded::of(text.chars(), text.len()), letters);
        let unit = |index: usize| String::from_utf8(groups.units(index, index).to_vec()).unwrap();
        (0..groups.groups.len()).map(unit).collect()
    }

    #[test]
    fn letters_between_digits_are_digits() {
        assert_eq!(read("1O8O714174O4541", Letters::Inside), ["108071417404541"]);
        assert_eq!(read("2 84 05 2A 321", Letters::Inside), ["2", "84", "05", "2a", "321"]);
        assert_eq!(read("nss1660", Letters::Inside), ["1660"]);
        assert_eq!(read("66022aspa", Letters::Inside), ["66022"]);
        assert_eq!(read("l 84 O6", Letters::Around), ["1", "84", "06"]);
        assert_eq!(read("so 84 solo", Letters::Around), ["50", "84"]);
    }

    #[test]
    fn gaps_tell_whether_a_number_goes_on() {
        let groups = Groups::of(&Folded::of("1-2  3 / 4 clé 5 et 6".chars(), 20), Letters::Inside);
        let gaps: Vec<_> = groups.groups.iter().map(|group| group.gap).collect();
        let expected = [Gap::Close(b'-'), Gap::Close(b' '), Gap::Loose, Gap::Link, Gap::Break, Gap::Break];
        assert_eq!(gaps, expected);
    }
}
