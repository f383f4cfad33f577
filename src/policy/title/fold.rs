//! Folding: what a title reads like, whatever characters it is written in, with a way back to them.
//!
//! Each character becomes zero or more cells of one byte: `a`-`z`, `0`-`9`, a blank, ASCII punctuation, or
//! [`FOREIGN`] for a letter of another script. Case, accents, compatibility forms (Unicode NFKD, UAX 15),
//! look-alikes of other scripts, decimal digits of any script and invisible characters are dealt with here,
//! so that the rules above see plain text. Encoded-words are `encoded_word`'s.

use unicode_normalization::char::{decompose_compatible, is_combining_mark};

use super::clean::is_invisible;

/// The most parts of one character that are read: ligatures of whole phrases have up to eighteen.
const MAX_PARTS: usize = 4;

/// A letter that has no Latin form.
pub(super) const FOREIGN: u8 = 0xff;

/// A folded title. Index `i` of each vector speaks of the same cell.
#[derive(Debug, Default)]
pub(super) struct Folded {
    /// The folded characters.
    pub(super) bytes: Vec<u8>,
    /// Whether the letter was a capital, and whether it came from another script (bits below).
    pub(super) marks: Vec<u8>,
    /// The index of the character that each cell comes from.
    pub(super) source: Vec<u32>,
}

/// The letter was a capital.
pub(super) const UPPER: u8 = 1;
/// The letter is a look-alike of another script.
pub(super) const LOOK_ALIKE: u8 = 2;

impl Folded {
    /// Folds these characters.
    pub(super) fn of(chars: impl Iterator<Item = char>, expected: usize) -> Self {
        let mut folded = Self {
            bytes: Vec::with_capacity(expected),
            marks: Vec::with_capacity(expected),
            source: Vec::with_capacity(expected),
        };
        for (index, c) in chars.enumerate() {
            #[expect(clippy::cast_possible_truncation, reason = "titles are bounded far below 2^32")]
            folded.push(c, index as u32);
        }
        folded
    }

    /// How many cells there are.
    pub(super) fn len(&self) -> usize {
        self.bytes.len()
    }

    /// The byte of a cell, a blank outside.
    pub(super) fn at(&self, cell: usize) -> u8 {
        self.bytes.get(cell).copied().unwrap_or(b' ')
    }

    /// Whether the cell holds a letter.
    pub(super) fn is_letter(&self, cell: usize) -> bool {
        is_letter(self.at(cell))
    }

    /// Whether the cell holds a digit.
    pub(super) fn is_digit(&self, cell: usize) -> bool {
        self.at(cell).is_ascii_digit()
    }

    fn push(&mut self, c: char, index: u32) {
        if c.is_ascii() {
            self.cell(fold_ascii(c as u8), if c.is_ascii_uppercase() { UPPER } else { 0 }, index);
        } else {
            self.push_wide(c, index);
        }
    }

    /// Folds a character outside ASCII.
    fn push_wide(&mut self, c: char, index: u32) {
        if let Some(letter) = latin_1(c) {
            let upper = if u32::from(c) < 0xe0 { UPPER } else { 0 };
            self.cell(letter, upper, index);
            return;
        }
        if is_invisible(c) {
            return;
        }
        if let Some(text) = special(c) {
            let upper = if c.is_uppercase() { UPPER } else { 0 };
            text.bytes().for_each(|byte| self.cell(byte, upper, index));
            return;
        }
        if let Some(latin) = look_alike(c) {
            let upper = if latin.is_ascii_uppercase() { UPPER } else { 0 };
            self.cell(latin.to_ascii_lowercase(), upper | LOOK_ALIKE, index);
            return;
        }
        let mut parts = 0;
        decompose_compatible(c, |part| {
            parts += 1;
            if parts <= MAX_PARTS {
                self.push_part(part, c, index);
            }
        });
    }

    /// Folds one part of a decomposed character.
    fn push_part(&mut self, part: char, whole: char, index: u32) {
        if part.is_ascii() {
            let upper = part.is_ascii_uppercase() || whole.is_uppercase();
            self.cell(fold_ascii(part as u8), if upper { UPPER } else { 0 }, index);
        } else if is_combining_mark(part) || is_invisible(part) {
            // Accents say nothing of who is meant.
        } else if let Some(latin) = look_alike(part) {
            let upper = if latin.is_ascii_uppercase() { UPPER } else { 0 };
            self.cell(latin.to_ascii_lowercase(), upper | LOOK_ALIKE, index);
        } else if let Some(text) = special(part) {
            text.bytes().for_each(|byte| self.cell(byte, 0, index));
        } else if let Some(digit) = decimal_digit(part) {
            self.cell(digit, 0, index);
        } else if part.is_alphabetic() {
            self.cell(FOREIGN, if part.is_uppercase() { UPPER } else { 0 }, index);
        } else {
            self.cell(if part.is_whitespace() || part.is_control() { b' ' } else { b';' }, 0, index);
        }
    }

    fn cell(&mut self, byte: u8, marks: u8, index: u32) {
        self.bytes.push(byte);
        self.marks.push(marks);
        self.source.push(index);
    }
}

/// Whether a folded byte is a letter.
pub(super) const fn is_letter(byte: u8) -> bool {
    byte.is_ascii_lowercase() || byte == FOREIGN
}

/// Folds a word of a list as a title would be folded; punctuation and blanks become single blanks.
pub(crate) fn fold_key(text: &str) -> String {
    let folded = Folded::of(text.chars(), text.len());
    let mut key = String::with_capacity(folded.len());
    for byte in folded.bytes {
        if byte.is_ascii_alphanumeric() {
            key.push(char::from(byte));
        } else if !key.is_empty() && !key.ends_with(' ') {
            key.push(' ');
        }
    }
    key.truncate(key.trim_end().len());
    key
}

const fn fold_ascii(byte: u8) -> u8 {
    match byte {
        b'A'..=b'Z' => byte | 0x20,
        b'`' => b'\'',
        0..=b' ' | 0x7f => b' ',
        other => other,
    }
}

/// The accented letters of French and its neighbours at once (U+00C0 to U+00FF), all but the few that fold to
/// two letters or to none.
fn latin_1(c: char) -> Option<u8> {
    const LETTERS: &[u8; 64] = b"aaaaaa.ceeeeiiii.nooooo..uuuuy..aaaaaa.ceeeeiiii.nooooo..uuuuy.y";
    let offset = u32::from(c).checked_sub(0xc0)?;
    let letter = *LETTERS.get(usize::try_from(offset).ok()?)?;
    (letter != b'.').then_some(letter)
}

/// Characters that no decomposition turns into what they read like.
fn special(c: char) -> Option<&'static str> {
    Some(match c {
        'Ł' | 'ł' | 'Ƚ' | 'ƚ' | 'ʟ' => "l",
        'Ø' | 'ø' | 'ᴏ' | '°' | 'º' => "o",
        'Đ' | 'đ' | 'Ð' | 'ð' | 'Ɖ' | 'ɖ' | 'Ɗ' | 'ɗ' | 'ᴅ' => "d",
        'ı' | 'ɪ' | 'Ɪ' => "i",
        'Ħ' | 'ħ' | 'ʜ' => "h",
        'Ŧ' | 'ŧ' | 'ᴛ' => "t",
        'ẞ' | 'ß' => "ss",
        'Æ' | 'æ' => "ae",
        'Œ' | 'œ' => "oe",
        'Þ' | 'þ' => "th",
        'Ŋ' | 'ŋ' => "ng",
        'Ə' | 'ə' | 'Ǝ' | 'ǝ' | 'ᴇ' => "e",
        'Ɓ' | 'ɓ' | 'ʙ' => "b",
        'Ƙ' | 'ƙ' | 'ᴋ' => "k",
        'Ɣ' | 'ɣ' | 'ɡ' | 'ɢ' => "g",
        'ᴀ' | 'ª' => "a",
        'ᴄ' => "c",
        'ᴊ' | 'ȷ' => "j",
        'ᴍ' => "m",
        'ɴ' => "n",
        'ᴘ' => "p",
        'ʀ' => "r",
        'ꜱ' => "s",
        'ᴜ' => "u",
        'ᴠ' => "v",
        'ᴡ' => "w",
        'ʏ' => "y",
        'ᴢ' => "z",
        '‘' | '’' | 'ʼ' | 'ʻ' | '´' | '′' | '‛' | '＇' => "'",
        '‐' | '‑' | '‒' | '–' | '—' | '―' | '−' | '⁃' | '﹣' | '－' => "-",
        '¦' | '│' | '｜' | 'ǀ' => "|",
        '«' | '»' | '“' | '”' | '„' => "\"",
        '⁄' | '∕' | '／' => "/",
        _ => return None,
    })
}

/// The Latin letter that a Cyrillic, Greek or other letter looks like (Unicode UTS 39, the pairs of plain
/// letters).
const fn look_alike(c: char) -> Option<u8> {
    Some(match c {
        'А' | 'Α' => b'A',
        'В' | 'Β' => b'B',
        'С' | 'Ϲ' => b'C',
        'Е' | 'Ε' => b'E',
        'Н' | 'Η' => b'H',
        'І' | 'Ι' | 'Ӏ' => b'I',
        'Ј' => b'J',
        'К' | 'Κ' => b'K',
        'М' | 'Μ' => b'M',
        'Ν' => b'N',
        'О' | 'Ο' => b'O',
        'Р' | 'Ρ' => b'P',
        'Ѕ' => b'S',
        'Т' | 'Τ' => b'T',
        'Х' | 'Χ' => b'X',
        'Υ' | 'Ү' => b'Y',
        'Ζ' => b'Z',
        'Ԛ' => b'Q',
        'Ԝ' => b'W',
        'а' | 'α' => b'a',
        'с' | 'ϲ' => b'c',
        'ԁ' => b'd',
        'е' | 'ε' => b'e',
        'һ' => b'h',
        'і' | 'ι' => b'i',
        'ј' | 'ϳ' => b'j',
        'к' | 'κ' => b'k',
        'м' => b'm',
        'ո' => b'n',
        'о' | 'ο' | 'σ' | 'օ' => b'o',
        'р' | 'ρ' => b'p',
        'ԛ' => b'q',
        'г' => b'r',
        'ѕ' => b's',
        'т' | 'τ' => b't',
        'υ' | 'ս' => b'u',
        'ν' | 'ѵ' => b'v',
        'ԝ' | 'ω' => b'w',
        'х' | 'χ' => b'x',
        'у' | 'ү' | 'γ' => b'y',
        _ => return None,
    })
}

/// The decimal digit of another script (general category Nd comes in runs of ten).
fn decimal_digit(c: char) -> Option<u8> {
    const ZEROS: [u32; 40] = [
        0x660, 0x6f0, 0x7c0, 0x966, 0x9e6, 0xa66, 0xae6, 0xb66, 0xbe6, 0xc66, 0xce6, 0xd66, 0xde6, 0xe50,
        0xed0, 0xf20, 0x1040, 0x1090, 0x17e0, 0x1810, 0x1946, 0x19d0, 0x1a80, 0x1a90, 0x1b50, 0x1bb0, 0x1c40,
        0x1c50, 0xa620, 0xa8d0, 0xa900, 0xa9d0, 0xa9f0, 0xaa50, 0xabf0, 0x104a0, 0x11066, 0x110f0, 0x11136,
        0x1e950,
    ];
    let code = u32::from(c);
    let after = ZEROS.partition_point(|zero| *zero <= code);
    let offset = code - ZEROS.get(after.checked_sub(1)?)?;
    u8::try_from(offset).ok().filter(|digit| *digit < 10).map(|digit| b'0' + digit)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn folded(text: &str) -> String {
        let bytes = Folded::of(text.chars(), text.len()).bytes;
        bytes.iter().map(|byte| if *byte == FOREIGN { '?' } else { char::from(*byte) }).collect()
    }

    #[test]
    fn different_writings_read_the_same() {
        for (written, read) in [
            ("Élodie LE GOFF", "elodie le goff"),
            ("Ｚａｂｉ", "zabi"),
            ("𝟏𝟖𝟒 ٣٥ ०", "184 35 0"),
            ("Dou\u{feff}chet\u{ad}", "douchet"),
            ("Lе Mоnze", "le monze"),
            ("Œuvre Łukasz", "oeuvre lukasz"),
            ("L’Hélias\u{a0}– n°", "l'helias - no"),
            ("e\u{301}te\u{301}", "ete"),
            ("张伟", "??"),
        ] {
            assert_eq!(folded(written), read);
        }
    }

    #[test]
    fn each_cell_knows_its_character() {
        let cells = Folded::of("\u{200b}Œé1".chars(), 4);
        assert_eq!(cells.source, [1, 1, 2, 3]);
        assert_eq!(cells.marks[0] & UPPER, UPPER);
        assert_eq!(fold_key("  L'Haÿ-les-Roses "), "l hay les roses");
    }

    proptest! {
        #[test]
        fn folding_makes_plain_bytes_in_order(text in any::<String>()) {
            let cells = Folded::of(text.chars(), text.len());
            prop_assert!(cells.bytes.iter().all(|b| *b == FOREIGN || (b' '..0x7f).contains(b)));
            prop_assert!(!cells.bytes.iter().any(u8::is_ascii_uppercase));
            prop_assert!(cells.source.is_sorted());
        }
    }
}
