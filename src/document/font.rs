//! The two fonts of a document, and what must be known of them to break lines: which characters they have and how wide those
//! are (ISO/IEC 14496-22: `cmap` format 4, `hhea`, `hmtx`, `head`).

use krilla::text::Font;
use unicode_normalization::UnicodeNormalization as _;

use super::DocumentError;

const REGULAR: &[u8] = include_bytes!("fonts/DejaVuSans.ttf");
const BOLD: &[u8] = include_bytes!("fonts/DejaVuSans-Bold.ttf");
/// Stands for a character that the fonts do not have; they have this one.
const REPLACEMENT: char = '\u{fffd}';

/// A font that text is set in.
pub(super) struct Face {
    pub(super) font: Font,
    data: &'static [u8],
    units_per_em: f32,
    /// Where the sub-table of the basic multilingual plane begins.
    cmap: usize,
    hmtx: usize,
    wide_glyphs: u16,
}

impl Face {
    pub(super) fn regular() -> Result<Self, DocumentError> {
        Self::read(REGULAR)
    }

    pub(super) fn bold() -> Result<Self, DocumentError> {
        Self::read(BOLD)
    }

    fn read(data: &'static [u8]) -> Result<Self, DocumentError> {
        let wrong = || DocumentError("a font cannot be read".to_owned());
        let font = Font::new(data.to_vec().into(), 0).ok_or_else(wrong)?;
        Self::tables(data, font).ok_or_else(wrong)
    }

    fn tables(data: &'static [u8], font: Font) -> Option<Self> {
        let cmap = table(data, *b"cmap")?;
        let count = usize::from(u16_at(data, cmap + 2)?);
        // Windows, Unicode, basic multilingual plane.
        let record = (0..count)
            .map(|n| cmap + 4 + 8 * n)
            .find(|at| (u16_at(data, *at), u16_at(data, at + 2)) == (Some(3), Some(1)))?;
        let cmap = cmap + usize::try_from(u32_at(data, record + 4)?).ok()?;
        (u16_at(data, cmap)? == 4).then_some(())?;
        Some(Self {
            font,
            data,
            units_per_em: f32::from(u16_at(data, table(data, *b"head")? + 18)?),
            cmap,
            hmtx: table(data, *b"hmtx")?,
            wide_glyphs: u16_at(data, table(data, *b"hhea")? + 34)?,
        })
    }

    /// The glyph of a character; none when the font does not have it.
    fn glyph(&self, character: char) -> Option<u16> {
        let code = u16::try_from(u32::from(character)).ok()?;
        let segments = usize::from(u16_at(self.data, self.cmap + 6)? / 2);
        let ends = self.cmap + 14;
        let segment =
            (0..segments).find(|n| u16_at(self.data, ends + 2 * n).is_some_and(|end| end >= code))?;
        let starts = ends + 2 * segments + 2;
        let (deltas, offsets) = (starts + 2 * segments, starts + 4 * segments);
        let start = u16_at(self.data, starts + 2 * segment)?;
        if start > code {
            return None;
        }
        let delta = u16_at(self.data, deltas + 2 * segment)?;
        let place = offsets + 2 * segment;
        let glyph = match u16_at(self.data, place)? {
            0 => code.wrapping_add(delta),
            offset => match u16_at(self.data, place + usize::from(offset) + 2 * usize::from(code - start))? {
                0 => 0,
                glyph => glyph.wrapping_add(delta),
            },
        };
        (glyph != 0).then_some(glyph)
    }

    /// A text that this font can set: composed, and every character that it does not have replaced. Where text runs from
    /// right to left it is set letter by letter, which can be read and is not typography.
    pub(super) fn settable(&self, text: &str) -> String {
        let shown = |c: char| match c {
            '\t' => ' ',
            // No standard of archives takes these.
            '\u{e000}'..='\u{f8ff}' | '\u{feff}' | '\u{fff0}'..='\u{fffc}' | '\u{fffe}'..='\u{ffff}' => {
                REPLACEMENT
            }
            c if c.is_control() || self.glyph(c).is_none() => REPLACEMENT,
            c => c,
        };
        text.nfc().map(shown).collect()
    }

    /// How wide a text is at a size, without kerning.
    pub(super) fn width(&self, text: &str, size: f32) -> f32 {
        let units: f32 = text.chars().map(|c| f32::from(self.advance(c))).sum();
        units * size / self.units_per_em
    }

    fn advance(&self, character: char) -> u16 {
        let glyph = self.glyph(character).unwrap_or(0).min(self.wide_glyphs.saturating_sub(1));
        u16_at(self.data, self.hmtx + 4 * usize::from(glyph)).unwrap_or(0)
    }
}

fn table(data: &[u8], tag: [u8; 4]) -> Option<usize> {
    let count = usize::from(u16_at(data, 4)?);
    let record = (0..count).map(|n| 12 + 16 * n).find(|at| data.get(*at..at + 4) == Some(&tag))?;
    usize::try_from(u32_at(data, record + 8)?).ok()
}

fn u16_at(data: &[u8], at: usize) -> Option<u16> {
    Some(u16::from_be_bytes(data.get(at..at + 2)?.try_into().ok()?))
}

fn u32_at(data: &[u8], at: usize) -> Option<u32> {
    Some(u32::from_be_bytes(data.get(at..at + 4)?.try_into().ok()?))
}
