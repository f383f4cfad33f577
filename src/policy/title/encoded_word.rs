//! Encoded-words in a raw header (RFC 2047), decoded with the place that each character comes from.
//!
//! A mail's parser hands over decoded subjects; what is decoded here are words that were pasted, forwarded
//! or encoded twice. Words that follow one another are decoded as one, since mailers split them inside a
//! number or a character. What is malformed stays as it is written.

use base64::Engine as _;
use base64::alphabet;
use base64::engine::{DecodePaddingMode, GeneralPurpose, GeneralPurposeConfig};

/// Base64 as found in mail: padding or none, stray bits forgiven.
const BASE64: GeneralPurpose = GeneralPurpose::new(
    &alphabet::STANDARD,
    GeneralPurposeConfig::new()
        .with_decode_padding_mode(DecodePaddingMode::Indifferent)
        .with_decode_allow_trailing_bits(true),
);

/// A title of which the encoded-words are decoded.
#[derive(Debug)]
pub(super) struct Decoded {
    /// The characters.
    pub(super) chars: Vec<char>,
    /// For each, where it stands in the raw title, in characters: start, end.
    pub(super) spans: Vec<(usize, usize)>,
}

/// Decodes the title if it holds an encoded-word.
pub(super) fn decode(title: &str) -> Option<Decoded> {
    if !title.contains("=?") {
        return None;
    }
    let raw: Vec<char> = title.chars().collect();
    let mut decoded = Decoded { chars: Vec::new(), spans: Vec::new() };
    let (mut at, mut found) = (0, false);
    while at < raw.len() {
        if let Some((sequence, end)) = sequence(&raw, at) {
            sequence.append_to(&mut decoded);
            found = true;
            at = end;
        } else {
            decoded.chars.push(raw[at]);
            decoded.spans.push((at, at + 1));
            at += 1;
        }
    }
    found.then_some(decoded)
}

/// Where a byte stands in the raw title, in characters: start, end.
type Place = (usize, usize);

/// Bytes of one charset, each with its place.
struct Sequence {
    charset: String,
    bytes: Vec<u8>,
    places: Vec<Place>,
}

/// The encoded-words from here on that have one charset and only white space between, and where they end.
fn sequence(raw: &[char], start: usize) -> Option<(Sequence, usize)> {
    let (mut all, mut end) = word(raw, start)?;
    loop {
        let next = (end..raw.len()).find(|at| !raw[*at].is_whitespace()).unwrap_or(raw.len());
        match word(raw, next) {
            Some((more, after)) if more.charset == all.charset => {
                all.bytes.extend(more.bytes);
                all.places.extend(more.places);
                end = after;
            }
            Some(_) => return Some((all, next)),
            None => return Some((all, end)),
        }
    }
}

/// One encoded-word that starts here: `=?charset?B|Q?text?=`.
fn word(raw: &[char], start: usize) -> Option<(Sequence, usize)> {
    if raw.get(start..start + 2)? != ['=', '?'] {
        return None;
    }
    let part = |from: usize| (from..raw.len()).take(MAX_WORD).find(|at| raw[*at] == '?');
    let charset_end = part(start + 2)?;
    let encoding_end = part(charset_end + 1)?;
    let text_start = encoding_end + 1;
    let text_end = part(text_start)?;
    if raw.get(text_end + 1) != Some(&'=') || raw[start..text_end].iter().any(|c| c.is_whitespace()) {
        return None;
    }
    let charset: String = raw[start + 2..charset_end].iter().collect();
    let charset = charset.split('*').next().unwrap_or_default().to_ascii_lowercase();
    let end = text_end + 2;
    let text = &raw[text_start..text_end];
    let (bytes, places) = match raw.get(charset_end + 1..encoding_end)? {
        ['B' | 'b'] => {
            let text: String = text.iter().collect();
            let bytes = BASE64.decode(text).ok()?;
            let places = vec![(start, end); bytes.len()];
            (bytes, places)
        }
        ['Q' | 'q'] => quoted(text, text_start)?,
        _ => return None,
    };
    Some((Sequence { charset, bytes, places }, end))
}

/// The longest part of an encoded-word that is looked at; RFC 2047 allows 75 characters, mailers more.
const MAX_WORD: usize = 1000;

/// Decodes the Q encoding (RFC 2047 section 4.2).
fn quoted(text: &[char], offset: usize) -> Option<(Vec<u8>, Vec<Place>)> {
    let (mut bytes, mut places) = (Vec::new(), Vec::new());
    let mut at = 0;
    while let Some(c) = text.get(at) {
        let (byte, length) = match c {
            '_' => (b' ', 1),
            '=' => {
                let hex = |index: usize| text.get(index).and_then(|c| c.to_digit(16));
                (u8::try_from(hex(at + 1)? * 16 + hex(at + 2)?).ok()?, 3)
            }
            c if c.is_ascii() => (u8::try_from(*c).ok()?, 1),
            _ => return None,
        };
        bytes.push(byte);
        places.push((offset + at, offset + at + length));
        at += length;
    }
    Some((bytes, places))
}

impl Sequence {
    /// Decodes the charset; the characters of UTF-8 and of one-byte charsets keep exact places.
    fn append_to(self, decoded: &mut Decoded) {
        match self.charset.as_str() {
            "utf-8" | "utf8" | "us-ascii" => self.append_utf8(decoded),
            _ => self.append_charset(decoded),
        }
    }

    fn append_utf8(self, decoded: &mut Decoded) {
        let mut at = 0;
        for chunk in self.bytes.utf8_chunks() {
            let replaced = std::iter::repeat_n('\u{fffd}', usize::from(!chunk.invalid().is_empty()));
            for (c, length) in chunk
                .valid()
                .chars()
                .map(|c| (c, c.len_utf8()))
                .chain(replaced.map(|c| (c, chunk.invalid().len())))
            {
                let place = self.places[at..at + length].iter();
                let start = place.clone().map(|p| p.0).min().unwrap_or_default();
                let end = place.map(|p| p.1).max().unwrap_or_default();
                decoded.chars.push(c);
                decoded.spans.push((start, end));
                at += length;
            }
        }
    }

    fn append_charset(self, decoded: &mut Decoded) {
        let text = mail_parser::decoders::charsets::map::charset_decoder(self.charset.as_bytes())
            .map_or_else(|| String::from_utf8_lossy(&self.bytes).into_owned(), |decode| decode(&self.bytes));
        let one_to_one = text.chars().count() == self.bytes.len();
        let whole =
            (self.places.first().map_or(0, |place| place.0), self.places.last().map_or(0, |place| place.1));
        for (index, c) in text.chars().enumerate() {
            decoded.chars.push(c);
            decoded.spans.push(if one_to_one { self.places[index] } else { whole });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn text(title: &str) -> Option<String> {
        decode(title).map(|decoded| decoded.chars.into_iter().collect())
    }

    #[test]
    fn words_are_read_as_one() {
        assert_eq!(text("=?UTF-8?Q?No=C3=ABl_1?= =?utf-8?q?84?= fin").as_deref(), Some("Noël 184 fin"));
        assert_eq!(text("=?utf-8?B?Tm/Dq2w=?=").as_deref(), Some("Noël"));
        assert_eq!(text("=?UTF-8?Q?=C3?= =?UTF-8?Q?=A9?=").as_deref(), Some("é"));
        assert_eq!(text("=?iso-8859-1?Q?=E9t=E9?=").as_deref(), Some("été"));
        assert_eq!(text("a =? b ?c"), None);
        assert_eq!(text("plain"), None);
    }

    #[test]
    fn each_character_knows_its_place() {
        let decoded = decode("x =?UTF-8?Q?a=C3=A9?=").unwrap();
        assert_eq!(decoded.spans, [(0, 1), (1, 2), (12, 13), (13, 19)]);
    }

    proptest! {
        #[test]
        fn any_title_decodes_within_its_bounds(title in "(=\\?(utf-8|iso-8859-1|x)\\?[QBz]\\?[a-zA-Z0-9=_ ]{0,9}\\?=|.){0,6}") {
            if let Some(decoded) = decode(&title) {
                let length = title.chars().count();
                prop_assert!(decoded.spans.iter().all(|(start, end)| start < end && *end <= length));
            }
        }
    }
}
