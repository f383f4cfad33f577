//! TNEF, the `winmail.dat` of Outlook ([MS-OXTNEF], with the properties of [MS-OXPROPS]): its files with their names, and
//! its body where that is text or HTML. One pass over the bytes; every length is checked before it is believed, and
//! nothing is taken that is not there, so that the cost is that of the input.
//!
//! Not read: rich text (LZFu), meeting requests, contacts. A stream that is not understood as a whole is kept as a file by
//! the caller, and the mail itself is kept sealed.

use mail_parser::decoders::charsets::map::charset_decoder;
use thiserror::Error;

const SIGNATURE: u32 = 0x223e_9f78;
/// Attributes ([MS-OXTNEF] section 2.1.3.2).
const ATTACH_RENDERING: u32 = 0x0006_9002;
const ATTACH_DATA: u32 = 0x0006_800f;
const ATTACH_TITLE: u32 = 0x0001_8010;
const ATTACH_PROPERTIES: u32 = 0x0006_9005;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;
const BODY: u32 = 0x0002_800c;
const OEM_CODE_PAGE: u32 = 0x0006_9007;
/// Properties ([MS-OXPROPS]).
const PR_BODY: u16 = 0x1000;
const PR_HTML: u16 = 0x1013;
const PR_DISPLAY_NAME: u16 = 0x3001;
const PR_ATTACH_DATA: u16 = 0x3701;
const PR_ATTACH_FILENAME: u16 = 0x3704;
const PR_ATTACH_LONG_FILENAME: u16 = 0x3707;
const PR_ATTACH_MIME_TAG: u16 = 0x370e;
/// Property types ([MS-OXCDATA] section 2.11.1).
const TYPE_OBJECT: u16 = 0x000d;
const TYPE_STRING8: u16 = 0x001e;
const TYPE_UNICODE: u16 = 0x001f;
const TYPE_BINARY: u16 = 0x0102;
const MULTIPLE: u16 = 0x1000;
/// Named properties have a name of their own before the value.
const NAMED_FROM: u16 = 0x8000;
/// An embedded message begins with the id of its interface.
const INTERFACE_BYTES: usize = 16;
/// Messages within one another. Forwarding nests two or three.
const DEPTH_MAX: usize = 8;
/// Properties of one list: Outlook writes about a hundred.
const PROPERTIES_MAX: u32 = 10_000;

/// Why a stream is not understood. The caller keeps it as it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub(super) enum TnefError {
    /// It is something else.
    #[error("no TNEF stream")]
    NotTnef,
    /// It ends before what it announces.
    #[error("the stream ends early")]
    Truncated,
    /// A property of a type that is not known: what follows cannot be found.
    #[error("a property of an unknown type")]
    UnknownType,
    /// More properties than [`PROPERTIES_MAX`].
    #[error("more than {PROPERTIES_MAX} properties")]
    TooManyProperties,
    /// More messages within one another than [`DEPTH_MAX`].
    #[error("more than {DEPTH_MAX} messages within one another")]
    TooDeep,
    /// More files than the caller takes.
    #[error("more than {limit} files")]
    TooManyFiles {
        /// What is allowed.
        limit: usize,
    },
}

/// What a stream holds.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct Tnef {
    /// The body as text.
    pub(super) text: Option<String>,
    /// The body as HTML.
    pub(super) html: Option<String>,
    /// The files, in their order; those of embedded messages among them.
    pub(super) files: Vec<TnefFile>,
}

/// A file.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct TnefFile {
    /// Its name as given, not cleaned.
    pub(super) name: Option<String>,
    /// Its media type as given.
    pub(super) media_type: Option<String>,
    /// Its bytes.
    pub(super) bytes: Vec<u8>,
}

/// Reads a whole stream, or none of it.
pub(super) fn read(bytes: &[u8], files_max: usize) -> Result<Tnef, TnefError> {
    read_at(bytes, files_max, 0)
}

fn read_at(bytes: &[u8], files_max: usize, depth: usize) -> Result<Tnef, TnefError> {
    if depth >= DEPTH_MAX {
        return Err(TnefError::TooDeep);
    }
    let mut input = Input(bytes);
    if input.u32() != Ok(SIGNATURE) {
        return Err(TnefError::NotTnef);
    }
    input.take(2)?;
    let charset = "windows-1252".to_owned();
    let mut stream = Stream { found: Tnef::default(), files_max, depth, charset, file: None };
    while !input.0.is_empty() {
        input.take(1)?;
        let (id, length) = (input.u32()?, input.length()?);
        let data = input.take(length)?;
        // A checksum, which not every writer computes alike.
        input.take(2)?;
        stream.attribute(id, data)?;
    }
    stream.end_file()?;
    Ok(stream.found)
}

/// A file as it comes together.
#[derive(Default)]
struct Attached<'a> {
    title: Option<String>,
    long_name: Option<String>,
    short_name: Option<String>,
    display_name: Option<String>,
    media_type: Option<String>,
    data: Option<&'a [u8]>,
    message: Option<&'a [u8]>,
}

struct Stream<'a> {
    found: Tnef,
    files_max: usize,
    depth: usize,
    charset: String,
    file: Option<Attached<'a>>,
}

impl<'a> Stream<'a> {
    fn attribute(&mut self, id: u32, data: &'a [u8]) -> Result<(), TnefError> {
        match id {
            OEM_CODE_PAGE => self.charset = charset_of(Input(data).u32()?),
            BODY => self.found.text = Some(self.text8(data)),
            MESSAGE_PROPERTIES => self.message(data)?,
            ATTACH_RENDERING => {
                self.end_file()?;
                self.file = Some(Attached::default());
            }
            ATTACH_TITLE => self.attached().title = Some(self.text8(data)),
            ATTACH_DATA => self.attached().data = Some(data),
            ATTACH_PROPERTIES => self.attachment(data)?,
            _ => {}
        }
        Ok(())
    }

    fn attached(&mut self) -> &mut Attached<'a> {
        self.file.get_or_insert_default()
    }

    fn message(&mut self, data: &'a [u8]) -> Result<(), TnefError> {
        for (id, value) in properties(data)? {
            match (id, value) {
                (PR_BODY, value @ (Value::String8(_) | Value::Unicode(_))) => {
                    self.found.text = Some(self.text(value));
                }
                (PR_HTML, value) => self.found.html = Some(self.text(value)),
                _ => {}
            }
        }
        Ok(())
    }

    fn attachment(&mut self, data: &'a [u8]) -> Result<(), TnefError> {
        for (id, value) in properties(data)? {
            match (id, value) {
                (PR_ATTACH_DATA, Value::Object(object)) => {
                    self.attached().message = object.get(INTERFACE_BYTES..);
                }
                (PR_ATTACH_DATA, Value::Binary(binary)) => self.attached().data = Some(binary),
                (PR_ATTACH_LONG_FILENAME, value) => self.attached().long_name = Some(self.text(value)),
                (PR_ATTACH_FILENAME, value) => self.attached().short_name = Some(self.text(value)),
                (PR_DISPLAY_NAME, value) => self.attached().display_name = Some(self.text(value)),
                (PR_ATTACH_MIME_TAG, value) => self.attached().media_type = Some(self.text(value)),
                _ => {}
            }
        }
        Ok(())
    }

    /// An embedded message is taken apart: its files stand where it stood, its body becomes a text.
    fn end_file(&mut self) -> Result<(), TnefError> {
        let Some(file) = self.file.take() else { return Ok(()) };
        let names = [file.long_name, file.title, file.short_name, file.display_name];
        let name = names.into_iter().flatten().find(|name| !name.trim().is_empty());
        if let Some(message) = file.message {
            return self.embedded(message, name);
        }
        let bytes = file.data.unwrap_or_default().to_vec();
        self.add(TnefFile { name, media_type: file.media_type, bytes })
    }

    fn embedded(&mut self, message: &[u8], name: Option<String>) -> Result<(), TnefError> {
        let left = self.files_max.saturating_sub(self.found.files.len());
        let inner = read_at(message, left, self.depth + 1)?;
        let name = name.unwrap_or_else(|| "message".to_owned());
        let body = match (inner.text, inner.html) {
            (Some(text), _) if !text.trim().is_empty() => Some((text, "txt", "text/plain")),
            (_, Some(html)) => Some((html, "html", "text/html")),
            _ => None,
        };
        if let Some((text, extension, media_type)) = body {
            self.add(TnefFile {
                name: Some(format!("{name}.{extension}")),
                media_type: Some(media_type.to_owned()),
                bytes: text.into_bytes(),
            })?;
        }
        inner.files.into_iter().try_for_each(|file| self.add(file))
    }

    fn add(&mut self, file: TnefFile) -> Result<(), TnefError> {
        if self.found.files.len() >= self.files_max {
            return Err(TnefError::TooManyFiles { limit: self.files_max });
        }
        self.found.files.push(file);
        Ok(())
    }

    fn text(&self, value: Value<'_>) -> String {
        match value {
            Value::Unicode(utf16) => {
                let units = utf16.chunks_exact(2).map(|unit| u16::from_le_bytes([unit[0], unit[1]]));
                let text = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER));
                text.take_while(|c| *c != '\0').collect()
            }
            Value::String8(bytes) | Value::Binary(bytes) | Value::Object(bytes) => self.text8(bytes),
            Value::Other => String::new(),
        }
    }

    /// Text of the code page, up to its NUL.
    fn text8(&self, bytes: &[u8]) -> String {
        let bytes = bytes.split(|byte| *byte == 0).next().unwrap_or_default();
        match (std::str::from_utf8(bytes), charset_decoder(self.charset.as_bytes())) {
            (Ok(text), _) => text.to_owned(),
            (Err(_), Some(decoder)) => decoder(bytes),
            (Err(_), None) => String::from_utf8_lossy(bytes).into_owned(),
        }
    }
}

/// The name of a Windows code page.
fn charset_of(code_page: u32) -> String {
    match code_page {
        65001 => "utf-8".to_owned(),
        932 => "shift_jis".to_owned(),
        936 => "gbk".to_owned(),
        28591..=28606 => format!("iso-8859-{}", code_page - 28590),
        1250..=1258 => format!("windows-{code_page}"),
        _ => "windows-1252".to_owned(),
    }
}

/// A value that may be looked at.
#[derive(Clone, Copy)]
enum Value<'a> {
    String8(&'a [u8]),
    Unicode(&'a [u8]),
    Binary(&'a [u8]),
    Object(&'a [u8]),
    Other,
}

/// The properties of a list, by their ids ([MS-OXTNEF] section 2.1.3.4).
fn properties(data: &[u8]) -> Result<Vec<(u16, Value<'_>)>, TnefError> {
    let mut input = Input(data);
    let count = input.u32()?;
    if count > PROPERTIES_MAX {
        return Err(TnefError::TooManyProperties);
    }
    let mut found = Vec::new();
    for _ in 0..count {
        let (kind, id) = (input.u16()?, input.u16()?);
        if id >= NAMED_FROM {
            input.name()?;
        }
        let value = input.value(kind)?;
        if !matches!(value, Value::Other) {
            found.push((id, value));
        }
    }
    Ok(found)
}

/// Bytes that are taken from the front.
struct Input<'a>(&'a [u8]);

impl<'a> Input<'a> {
    fn take(&mut self, count: usize) -> Result<&'a [u8], TnefError> {
        let (taken, rest) = self.0.split_at_checked(count).ok_or(TnefError::Truncated)?;
        self.0 = rest;
        Ok(taken)
    }

    fn u16(&mut self) -> Result<u16, TnefError> {
        let bytes = self.take(2)?;
        bytes.try_into().map(u16::from_le_bytes).map_err(|_| TnefError::Truncated)
    }

    fn u32(&mut self) -> Result<u32, TnefError> {
        let bytes = self.take(4)?;
        bytes.try_into().map(u32::from_le_bytes).map_err(|_| TnefError::Truncated)
    }

    fn length(&mut self) -> Result<usize, TnefError> {
        usize::try_from(self.u32()?).map_err(|_| TnefError::Truncated)
    }

    /// A length, its bytes, and what fills them up to a multiple of four.
    fn counted(&mut self) -> Result<&'a [u8], TnefError> {
        let length = self.length()?;
        let bytes = self.take(length)?;
        // Some writers leave the last filling out.
        let filling = length.next_multiple_of(4) - length;
        self.take(filling.min(self.0.len()))?;
        Ok(bytes)
    }

    /// The name of a named property: a number or a text, in a set of names.
    fn name(&mut self) -> Result<(), TnefError> {
        self.take(16)?;
        if self.u32()? == 0 { self.take(4) } else { self.counted() }.map(drop)
    }

    fn value(&mut self, kind: u16) -> Result<Value<'a>, TnefError> {
        let fixed = match kind & !MULTIPLE {
            0x0002 | 0x0003 | 0x0004 | 0x000a | 0x000b => Some(4),
            0x0005 | 0x0006 | 0x0007 | 0x0014 | 0x0040 => Some(8),
            0x0048 => Some(16),
            TYPE_OBJECT | TYPE_STRING8 | TYPE_UNICODE | TYPE_BINARY => None,
            _ => return Err(TnefError::UnknownType),
        };
        let Some(bytes) = fixed else { return self.variable(kind) };
        let times = if kind & MULTIPLE == 0 { 1 } else { self.length()? };
        self.take(bytes * times.min(self.0.len() + 1))?;
        Ok(Value::Other)
    }

    /// Of several values the last; each has its length.
    fn variable(&mut self, kind: u16) -> Result<Value<'a>, TnefError> {
        let mut last = Value::Other;
        // Each value takes four bytes at least, so a false count ends with the input.
        for _ in 0..self.u32()? {
            let bytes = self.counted()?;
            last = match kind {
                TYPE_STRING8 => Value::String8(bytes),
                TYPE_UNICODE => Value::Unicode(bytes),
                TYPE_BINARY => Value::Binary(bytes),
                TYPE_OBJECT => Value::Object(bytes),
                _ => Value::Other,
            };
        }
        Ok(last)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn stream(attributes: &[(u32, &[u8])]) -> Vec<u8> {
        let mut bytes = [&SIGNATURE.to_le_bytes()[..], &[1, 0]].concat();
        for (id, data) in attributes {
            let sum = data.iter().fold(0_u16, |sum, byte| sum.wrapping_add(u16::from(*byte)));
            bytes.push(if *id == BODY || *id == MESSAGE_PROPERTIES { 1 } else { 2 });
            bytes.extend(id.to_le_bytes());
            bytes.extend(u32::try_from(data.len()).unwrap().to_le_bytes());
            bytes.extend_from_slice(data);
            bytes.extend(sum.to_le_bytes());
        }
        bytes
    }

    fn property(kind: u16, id: u16, value: &[u8]) -> Vec<u8> {
        let mut bytes = [kind.to_le_bytes(), id.to_le_bytes()].concat();
        bytes.extend([1, 0, 0, 0]);
        bytes.extend(u32::try_from(value.len()).unwrap().to_le_bytes());
        bytes.extend_from_slice(value);
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    }

    fn list(properties: &[Vec<u8>]) -> Vec<u8> {
        let count = u32::try_from(properties.len()).unwrap().to_le_bytes();
        [&count[..], &properties.concat()].concat()
    }

    fn utf16(text: &str) -> Vec<u8> {
        text.encode_utf16().chain([0]).flat_map(u16::to_le_bytes).collect()
    }

    #[test]
    fn a_file_has_its_long_name_before_its_short_one_and_its_bytes() {
        let long = list(&[property(TYPE_UNICODE, PR_ATTACH_LONG_FILENAME, &utf16("relevé de carrière.pdf"))]);
        let bytes = stream(&[
            (BODY, b"Bonjour\xe9\0"),
            (ATTACH_RENDERING, &[0; 14]),
            (ATTACH_TITLE, b"RELEVE~1.PDF\0"),
            (ATTACH_DATA, b"%PDF-1.7"),
            (ATTACH_PROPERTIES, &long),
            (ATTACH_RENDERING, &[0; 14]),
            (ATTACH_TITLE, b"note.txt\0"),
            (ATTACH_DATA, b""),
        ]);
        let found = read(&bytes, 10).unwrap();
        assert_eq!(found.text.as_deref(), Some("Bonjouré"));
        let files: Vec<_> = found.files.iter().map(|f| (f.name.as_deref().unwrap(), &f.bytes[..])).collect();
        assert_eq!(files, [("relevé de carrière.pdf", &b"%PDF-1.7"[..]), ("note.txt", b"")]);
        assert_eq!(read(&bytes, 1), Err(TnefError::TooManyFiles { limit: 1 }));
    }

    #[test]
    fn a_forwarded_message_becomes_its_text_and_its_files() {
        let inner = stream(&[(BODY, b"Transmis\0"), (ATTACH_RENDERING, &[]), (ATTACH_TITLE, b"a.pdf\0")]);
        let object = [&[0; INTERFACE_BYTES][..], &inner].concat();
        let outer = list(&[
            property(TYPE_STRING8, PR_DISPLAY_NAME, b"Demande\0"),
            property(TYPE_OBJECT, PR_ATTACH_DATA, &object),
        ]);
        let found = read(&stream(&[(ATTACH_RENDERING, &[]), (ATTACH_PROPERTIES, &outer)]), 10).unwrap();
        let names: Vec<_> = found.files.iter().map(|f| f.name.as_deref().unwrap()).collect();
        assert_eq!(names, ["Demande.txt", "a.pdf"]);
        assert_eq!(found.files[0].bytes, b"Transmis");
    }

    #[test]
    fn messages_within_one_another_have_an_end() {
        let mut bytes = stream(&[(BODY, b"x\0")]);
        for depth in 1..=DEPTH_MAX {
            let object = [&[0; INTERFACE_BYTES][..], &bytes].concat();
            let properties = list(&[property(TYPE_OBJECT, PR_ATTACH_DATA, &object)]);
            bytes = stream(&[(ATTACH_RENDERING, &[]), (ATTACH_PROPERTIES, &properties)]);
            let told = read(&bytes, 100).map(drop);
            assert_eq!(told, if depth < DEPTH_MAX { Ok(()) } else { Err(TnefError::TooDeep) });
        }
    }

    #[test]
    fn lengths_that_lie_are_not_believed() {
        let whole = stream(&[(ATTACH_RENDERING, &[0; 14]), (ATTACH_DATA, b"12345678")]);
        // Only where an attribute ends may a stream end.
        for end in 0..whole.len() {
            let is_whole = end == 6 || end == 6 + 25;
            assert_eq!(read(&whole[..end], 10).is_ok(), is_whole, "cut at {end}");
        }
        let many = [&u32::MAX.to_le_bytes()[..], &[0; 64]].concat();
        assert_eq!(read(&stream(&[(MESSAGE_PROPERTIES, &many)]), 10), Err(TnefError::TooManyProperties));
        let mut values = list(&[property(TYPE_BINARY, PR_HTML, b"")]);
        values[8..12].copy_from_slice(&u32::MAX.to_le_bytes());
        assert_eq!(read(&stream(&[(MESSAGE_PROPERTIES, &values)]), 10), Err(TnefError::Truncated));
        let times =
            list(&[[&0x1014_u16.to_le_bytes()[..], &1_u16.to_le_bytes(), &u32::MAX.to_le_bytes()].concat()]);
        assert_eq!(read(&stream(&[(MESSAGE_PROPERTIES, &times)]), 10), Err(TnefError::Truncated));
    }

    proptest! {
        /// Nothing comes out that did not go in: whatever is sent, the files are no larger than the stream.
        #[test]
        fn no_stream_gives_more_than_it_holds(
            attributes in prop::collection::vec(
                (
                    prop_oneof![
                        Just(ATTACH_RENDERING), Just(ATTACH_DATA), Just(ATTACH_TITLE), Just(ATTACH_PROPERTIES),
                        Just(MESSAGE_PROPERTIES), Just(BODY), Just(OEM_CODE_PAGE), any::<u32>(),
                    ],
                    prop::collection::vec(any::<u8>(), 0..64),
                ),
                0..12,
            ),
            cut in any::<prop::sample::Index>(),
        ) {
            let attributes: Vec<_> = attributes.iter().map(|(id, data)| (*id, &data[..])).collect();
            let bytes = stream(&attributes);
            for bytes in [&bytes[..], &bytes[..cut.index(bytes.len())]] {
                if let Ok(found) = read(bytes, 1000) {
                    let files: usize = found.files.iter().map(|file| file.bytes.len()).sum();
                    prop_assert!(files <= bytes.len());
                }
            }
        }
    }
}
