//! Looks through a PDF (ISO 32000) while it streams by: scripts, launch actions, files in it, locks. Names are read
//! wherever they stand, inside object streams too, which are inflated under a limit; so nothing is hidden by a broken
//! table, an incremental update or a strange name (`/J#61vaScript`), and memory does not grow with the file.
//!
//! It understands no page and renders nothing: `docs/decisions/0029-pdfs-are-read-as-a-stream-of-names.md`.

use std::collections::BTreeSet;

use flate2::{Decompress, FlushDecompress, Status};

use super::Finding;

/// The longest name that is told apart, and how many bytes of it are kept.
const NAME_MAX: usize = 32;
/// Bytes that the object streams of one PDF may inflate to.
const INFLATED_MAX: u64 = 256 * 1024 * 1024;
/// Bytes that are inflated at once.
const INFLATE_STEP: usize = 16 * 1024;

/// Looks through one PDF.
#[derive(Default)]
pub(super) struct PdfReader {
    found: BTreeSet<Finding>,
    names: Names,
    dictionary: Dictionary,
    /// The last bytes, to see `obj`, `stream` and `%%EOF`.
    last: [u8; 9],
    begins: Begins,
    inflating: Option<Box<Inflating>>,
    inflated: u64,
    has_end: bool,
}

/// Where the reader stands between `stream` and the data of an object stream (ISO 32000-1 section 7.3.8: the keyword is
/// followed by LF or by CR LF).
#[derive(Default, Clone, Copy, PartialEq, Eq)]
enum Begins {
    #[default]
    No,
    AfterKeyword,
    AfterReturn,
}

struct Inflating {
    inflater: Decompress,
    names: Names,
}

impl PdfReader {
    /// Takes the next bytes.
    pub(super) fn push(&mut self, bytes: &[u8]) {
        self.inflate(bytes);
        for (at, byte) in bytes.iter().enumerate() {
            match (self.begins, byte) {
                (Begins::No, _) => {}
                (Begins::AfterKeyword, b'\r') => self.begins = Begins::AfterReturn,
                (_, b'\n') => self.begin_inflating(&bytes[at + 1..]),
                (_, _) => self.begin_inflating(&bytes[at..]),
            }
            self.take(*byte);
        }
    }

    /// What was found, once all was pushed.
    pub(super) fn finish(mut self) -> BTreeSet<Finding> {
        self.take(b' ');
        if !self.has_end {
            self.found.insert(Finding::Unreadable);
        }
        if self.inflating.is_some() || self.begins != Begins::No {
            self.hidden();
        }
        self.found
    }

    /// Something that a viewer reads was not seen.
    fn hidden(&mut self) {
        self.found.insert(Finding::LockedPdf);
    }

    fn take(&mut self, byte: u8) {
        if let Some(name) = self.names.take(byte) {
            note(name, &mut self.found);
            self.dictionary.note(name);
        }
        self.last.rotate_left(1);
        self.last[8] = byte;
        if self.last[4..] == *b"%%EOF" {
            self.has_end = true;
        }
        if self.last[3..] == *b"stream" && self.last[..3] != *b"end" {
            self.see_stream();
        } else if self.last[6..] == *b"obj" {
            self.dictionary = Dictionary::default();
        }
    }

    fn see_stream(&mut self) {
        let dictionary = std::mem::take(&mut self.dictionary);
        if !dictionary.is_object_stream() {
            return;
        }
        match dictionary.filter() {
            // Its names stand in the file as they are.
            Filter::None => {}
            Filter::Deflate => self.begins = Begins::AfterKeyword,
            Filter::Other => self.hidden(),
        }
    }

    fn begin_inflating(&mut self, data: &[u8]) {
        self.begins = Begins::No;
        if self.inflating.is_some() {
            self.hidden();
        }
        self.inflating =
            Some(Box::new(Inflating { inflater: Decompress::new(true), names: Names::default() }));
        self.inflate(data);
    }

    fn inflate(&mut self, mut data: &[u8]) {
        let Some(mut inflating) = self.inflating.take() else { return };
        let mut plain = [0; INFLATE_STEP];
        loop {
            let (read, written) = (inflating.inflater.total_in(), inflating.inflater.total_out());
            let status = inflating.inflater.decompress(data, &mut plain, FlushDecompress::None);
            let taken = usize::try_from(inflating.inflater.total_in() - read).unwrap_or(data.len());
            let given = usize::try_from(inflating.inflater.total_out() - written).unwrap_or(0);
            data = &data[taken..];
            self.inflated += given as u64;
            for byte in &plain[..given] {
                if let Some(name) = inflating.names.take(*byte) {
                    note(name, &mut self.found);
                }
            }
            match status {
                Ok(Status::StreamEnd) => {
                    if let Some(name) = inflating.names.take(b' ') {
                        note(name, &mut self.found);
                    }
                    return;
                }
                Ok(_) if self.inflated > INFLATED_MAX => return self.hidden(),
                Ok(_) if taken == 0 && given == 0 => break,
                Ok(_) => {}
                Err(_) => return self.hidden(),
            }
        }
        self.inflating = Some(inflating);
    }
}

fn note(name: &[u8], found: &mut BTreeSet<Finding>) {
    let finding = match name {
        // Long names only: two letters are met by chance in a gigabyte of packed images. A script action always has
        // the name JavaScript; a dynamic form (XFA) has its scripts in XML.
        b"JavaScript" | b"XFA" => Finding::PdfScript,
        b"Launch" => Finding::PdfLaunch,
        b"EmbeddedFile" | b"EmbeddedFiles" => Finding::PdfAttachment,
        b"Encrypt" => Finding::LockedPdf,
        _ => return,
    };
    found.insert(finding);
}

/// What is known of the dictionary before a stream.
#[derive(Default)]
#[expect(clippy::struct_excessive_bools, reason = "each says that a name was met")]
struct Dictionary {
    is_called_object_stream: bool,
    has_count: bool,
    has_first: bool,
    has_filter: bool,
    deflates: u32,
    others: bool,
}

enum Filter {
    None,
    Deflate,
    Other,
}

impl Dictionary {
    fn note(&mut self, name: &[u8]) {
        match name {
            b"ObjStm" => self.is_called_object_stream = true,
            b"N" => self.has_count = true,
            b"First" => self.has_first = true,
            b"Filter" | b"F" => self.has_filter = true,
            b"FlateDecode" | b"Fl" => self.deflates += 1,
            // A predictor moves bytes about: names would not be seen.
            b"Predictor" | b"ASCIIHexDecode" | b"AHx" | b"ASCII85Decode" | b"A85" | b"LZWDecode" | b"LZW"
            | b"RunLengthDecode" | b"RL" | b"Crypt" => self.others = true,
            _ => {}
        }
    }

    /// Viewers do not ask for the type where the count and the place of the first object are given.
    const fn is_object_stream(&self) -> bool {
        self.is_called_object_stream || (self.has_count && self.has_first)
    }

    const fn filter(&self) -> Filter {
        match (self.has_filter, self.deflates, self.others) {
            (false, 0, false) => Filter::None,
            (_, 1, false) => Filter::Deflate,
            _ => Filter::Other,
        }
    }
}

/// Reads names (ISO 32000-1 section 7.3.5) out of any bytes.
#[derive(Default)]
struct Names {
    name: [u8; NAME_MAX],
    length: usize,
    state: NameState,
}

#[derive(Default, Clone, Copy)]
enum NameState {
    #[default]
    Outside,
    Inside,
    /// After `#`.
    Escape,
    /// After `#` and one digit.
    EscapeDigit(u8),
}

impl Names {
    /// Takes a byte; returns the name that it ended.
    fn take(&mut self, byte: u8) -> Option<&[u8]> {
        let is_delimiter = matches!(
            byte,
            b'\0'
                | b'\t'
                | b'\n'
                | 0x0C
                | b'\r'
                | b' '
                | b'('
                | b')'
                | b'<'
                | b'>'
                | b'['
                | b']'
                | b'{'
                | b'}'
                | b'/'
                | b'%'
        );
        if is_delimiter {
            let ended = !matches!(self.state, NameState::Outside) && self.length <= NAME_MAX;
            let length = std::mem::take(&mut self.length);
            self.state = if byte == b'/' { NameState::Inside } else { NameState::Outside };
            return ended.then(|| &self.name[..length.min(NAME_MAX)]);
        }
        match (self.state, (byte as char).to_digit(16)) {
            (NameState::Outside, _) => {}
            (NameState::Inside, _) if byte == b'#' => self.state = NameState::Escape,
            (NameState::Escape, Some(digit)) => {
                self.state = NameState::EscapeDigit(u8::try_from(digit).unwrap_or_default());
            }
            (NameState::EscapeDigit(high), Some(low)) => {
                self.state = NameState::Inside;
                self.keep(high << 4 | u8::try_from(low).unwrap_or_default());
            }
            (NameState::Inside | NameState::Escape | NameState::EscapeDigit(_), _) => {
                self.state = NameState::Inside;
                self.keep(byte);
            }
        }
        None
    }

    fn keep(&mut self, byte: u8) {
        if let Some(place) = self.name.get_mut(self.length) {
            *place = byte;
        }
        // One more than fits means too long.
        self.length = (self.length + 1).min(NAME_MAX + 1);
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use flate2::Compression;
    use flate2::write::ZlibEncoder;
    use proptest::prelude::*;

    use super::*;

    fn read(pieces: &[&[u8]]) -> Vec<Finding> {
        let mut reader = PdfReader::default();
        for piece in pieces {
            reader.push(piece);
        }
        reader.finish().into_iter().collect()
    }

    fn packed(plain: &[u8]) -> Vec<u8> {
        let mut encoder = ZlibEncoder::new(Vec::new(), Compression::default());
        encoder.write_all(plain).unwrap();
        encoder.finish().unwrap()
    }

    fn object_stream(dictionary: &str, data: &[u8]) -> Vec<u8> {
        let head = format!("%PDF-1.7\n1 0 obj\n<< {dictionary} /Length {} >>\nstream\r\n", data.len());
        [head.as_bytes(), data, b"\nendstream endobj\n%%EOF"].concat()
    }

    #[test]
    fn a_plain_document_holds_nothing_to_speak_of() {
        assert!(read(&[b"%PDF-1.4\n1 0 obj << /Type /Catalog /Pages 2 0 R >> endobj\n%%EOF\n"]).is_empty());
    }

    #[test]
    fn scripts_launches_and_files_are_seen_whatever_their_names_look_like() {
        let script = b"%PDF-1.4\n<< /S /J#61vaScr#69pt /JS (app.alert) >>\n%%EOF";
        assert_eq!(read(&[script]), [Finding::PdfScript]);
        assert_eq!(read(&[b"%PDF-1.4 << /S/Launch/F(cmd.exe)>> %%EOF"]), [Finding::PdfLaunch]);
        assert_eq!(
            read(&[b"%PDF-1.4 << /Names << /EmbeddedFiles 3 0 R >> >> %%EOF"]),
            [Finding::PdfAttachment]
        );
        assert_eq!(read(&[b"%PDF-1.4 trailer << /Encrypt 9 0 R >> %%EOF"]), [Finding::LockedPdf]);
        assert!(read(&[b"%PDF-1.4 (JavaScript) /JavaScripts /JavaScriptX %%EOF"]).is_empty());
    }

    #[test]
    fn what_an_object_stream_packs_is_seen() {
        let inner = b"7 0 << /S /JavaScript /JS 8 0 R >>";
        for dictionary in ["/Type /ObjStm /N 1 /First 4 /Filter /FlateDecode", "/N 1 /First 4 /Filter [/Fl]"]
        {
            let file = object_stream(dictionary, &packed(inner));
            assert_eq!(read(&[&file]), [Finding::PdfScript], "{dictionary}");
        }
        let plain = object_stream("/Type /ObjStm /N 1 /First 4", inner);
        assert_eq!(read(&[&plain]), [Finding::PdfScript]);
    }

    #[test]
    fn what_cannot_be_looked_into_is_said_to_be_locked() {
        let chained = object_stream("/Type /ObjStm /Filter [/ASCII85Decode /FlateDecode]", b"x");
        assert_eq!(read(&[&chained]), [Finding::LockedPdf]);
        let broken = object_stream("/Type /ObjStm /Filter /FlateDecode", b"no zlib at all");
        assert_eq!(read(&[&broken]), [Finding::LockedPdf]);
        let indirect = object_stream("/Type /ObjStm /Filter 9 0 R", b"x");
        assert_eq!(read(&[&indirect]), [Finding::LockedPdf]);
    }

    #[test]
    fn a_bomb_in_an_object_stream_is_given_up() {
        let bomb = packed(&vec![b' '; usize::try_from(INFLATED_MAX).unwrap() + 1_000_000]);
        assert_eq!(
            read(&[&object_stream("/Type /ObjStm /Filter /FlateDecode", &bomb)]),
            [Finding::LockedPdf]
        );
    }

    #[test]
    fn a_cut_document_is_unreadable() {
        assert_eq!(read(&[b"%PDF-1.4\n1 0 obj <<"]), [Finding::Unreadable]);
    }

    proptest! {
        #[test]
        fn pieces_make_no_difference(cuts in prop::collection::vec(0usize..400, 0..6)) {
            let file = object_stream("/Type /ObjStm /Filter /FlateDecode", &packed(b"<< /S /Launch >> /JavaScript "));
            let mut cuts: Vec<usize> = cuts.into_iter().map(|cut| cut.min(file.len())).collect();
            cuts.sort_unstable();
            let (mut pieces, mut from) = (Vec::new(), 0);
            for cut in cuts.into_iter().chain([file.len()]) {
                pieces.push(&file[from..cut]);
                from = cut;
            }
            prop_assert_eq!(read(&pieces), [Finding::PdfScript, Finding::PdfLaunch]);
        }

        #[test]
        fn no_bytes_are_too_strange(bytes in prop::collection::vec(any::<u8>(), 0..2000), dictionary in ".{0,40}") {
            read(&[&bytes]);
            read(&[&object_stream(&format!("/ObjStm /Filter /FlateDecode {dictionary}"), &bytes)]);
        }
    }
}
