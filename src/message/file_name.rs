//! File names as data: what a depositor called a file, made safe to show, to put in an archive and to save
//! on any desktop. A name never becomes a path of the gateway: sealed objects have random ids.
//!
//! It does not judge the type of a file, and it does not look at the file's bytes.

use std::fmt;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// The longest name in bytes: what ext4, NTFS (in UTF-16 units) and zip tools all take.
pub const FILE_NAME_MAX_BYTES: usize = 255;
/// The longest extension in bytes that is kept when a name is shortened; longer ones are no extension.
const EXTENSION_MAX_BYTES: usize = 16;
/// What of an overlong name is looked at at all: nothing beyond can change the result for people.
const CONSIDERED_CHARS: usize = 4096;
/// What a file is called whose given name holds nothing that can be kept.
const NAMELESS: &str = "piece-jointe";

/// Names that Windows keeps for devices, with any extension ("Naming Files, Paths, and Namespaces").
const DEVICES: [&str; 8] = ["con", "prn", "aux", "nul", "conin$", "conout$", "com", "lpt"];

/// The extension that a file without a name gets by its media type; `bin` for every other type.
const EXTENSIONS: [(&str, &str); 26] = [
    ("application/pdf", "pdf"),
    ("application/msword", "doc"),
    ("application/vnd.openxmlformats-officedocument.wordprocessingml.document", "docx"),
    ("application/vnd.ms-excel", "xls"),
    ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    ("application/vnd.oasis.opendocument.text", "odt"),
    ("application/vnd.oasis.opendocument.spreadsheet", "ods"),
    ("application/rtf", "rtf"),
    ("application/zip", "zip"),
    ("application/ms-tnef", "dat"),
    ("application/pkcs7-mime", "p7m"),
    ("application/x-pkcs7-mime", "p7m"),
    ("application/pkcs7-signature", "p7s"),
    ("application/x-pkcs7-signature", "p7s"),
    ("application/pgp-signature", "asc"),
    ("application/pgp-encrypted", "asc"),
    ("image/jpeg", "jpg"),
    ("image/png", "png"),
    ("image/gif", "gif"),
    ("image/tiff", "tif"),
    ("image/heic", "heic"),
    ("message/rfc822", "eml"),
    ("text/plain", "txt"),
    ("text/html", "html"),
    ("text/csv", "csv"),
    ("text/calendar", "ics"),
];

/// A file name that is safe as data: 1 to 255 bytes, NFC, no separator, no control or direction character,
/// neither `.` nor `..`, no name of a Windows device, no dot or space at either end.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(from = "String", into = "String")]
pub struct FileName(String);

impl FileName {
    /// The name of a file that came without one: `piece-jointe-2.pdf` for the second file of a deposit.
    pub fn unnamed(number: usize, content_type: &str) -> Self {
        let known = EXTENSIONS.iter().find(|(media, _)| media.eq_ignore_ascii_case(content_type.trim()));
        Self(format!("{NAMELESS}-{number}.{}", known.map_or("bin", |(_, extension)| extension)))
    }

    /// The name.
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

/// Makes any text a [`FileName`]. The parts of a path before the last are dropped, characters that cannot
/// be seen or that turn the direction of writing go, those that Windows refuses become `_`, and a name that
/// is too long loses the end of its stem, not its extension. Cleaning a clean name changes nothing.
pub fn clean_file_name(given: &str) -> FileName {
    let given: String = given.chars().take(CONSIDERED_CHARS).collect();
    let last = given.rsplit(['/', '\\']).find(|part| part.chars().any(is_visible)).unwrap_or_default();
    let visible: String = last.chars().filter(|c| !is_hidden(*c)).nfc().map(replaced).collect();
    let shortened = shorten(trimmed(&visible));
    let name = trimmed(&shortened);
    if name.is_empty() {
        return FileName(NAMELESS.to_owned());
    }
    if is_device(name) {
        return FileName(shorten(&format!("_{name}")));
    }
    FileName(name.to_owned())
}

fn is_visible(c: char) -> bool {
    !is_hidden(c) && !c.is_whitespace() && c != '.'
}

/// Control characters, direction overrides (which turn `cod.exe` into `exe.doc`), zero-width and tag characters.
fn is_hidden(c: char) -> bool {
    c.is_control()
        || matches!(c,
            '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{115f}' | '\u{1160}' | '\u{180b}'..='\u{180f}'
            | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{3164}'
            | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{ffa0}' | '\u{fff0}'..='\u{fffb}'
            | '\u{e0000}'..='\u{e0fff}')
}

/// Runs after normalisation, which makes some look-alikes what they look like.
fn replaced(c: char) -> char {
    match c {
        '<' | '>' | ':' | '"' | '|' | '?' | '*' | '/' | '\\' => '_',
        space if space.is_whitespace() => ' ',
        other => other,
    }
}

fn trimmed(name: &str) -> &str {
    name.trim_matches(|c: char| c == '.' || c.is_whitespace())
}

fn shorten(name: &str) -> String {
    if name.len() <= FILE_NAME_MAX_BYTES {
        return name.to_owned();
    }
    let (stem, extension) = match name.rsplit_once('.') {
        Some((stem, extension)) if extension.len() <= EXTENSION_MAX_BYTES => (stem, extension),
        _ => (name, ""),
    };
    let stem = trimmed(prefix(stem, FILE_NAME_MAX_BYTES - extension.len() - 1));
    if extension.is_empty() { stem.to_owned() } else { format!("{stem}.{extension}") }
}

/// The longest prefix of at most `limit` bytes that ends between two characters.
fn prefix(text: &str, limit: usize) -> &str {
    let end = (0..=limit.min(text.len())).rev().find(|end| text.is_char_boundary(*end)).unwrap_or(0);
    &text[..end]
}

/// `NUL`, `com1`, `lpt¹.pdf`, `aux .txt`: the part before the first dot counts.
fn is_device(name: &str) -> bool {
    let stem = name.split('.').next().unwrap_or_default().trim_end().to_lowercase();
    DEVICES.iter().any(|device| match (*device, stem.strip_prefix(device)) {
        ("com" | "lpt", Some(rest)) => {
            let mut digits = rest.chars();
            matches!(digits.next(), Some('0'..='9' | '¹' | '²' | '³')) && digits.next().is_none()
        }
        (_, rest) => rest == Some(""),
    })
}

impl fmt::Display for FileName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl From<String> for FileName {
    fn from(given: String) -> Self {
        clean_file_name(&given)
    }
}

impl From<FileName> for String {
    fn from(name: FileName) -> Self {
        name.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn clean(given: &str) -> String {
        clean_file_name(given).to_string()
    }

    #[test]
    fn what_people_call_their_files_stays_as_it_is() {
        for name in
            ["Bilan social.pdf", "Fiche de liaison – Mme É. (2).docx", "scan_2026-11-21.tar.gz", "été"]
        {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn a_name_that_is_a_path_keeps_its_last_part() {
        assert_eq!(clean("../../etc/passwd"), "passwd");
        assert_eq!(clean("C:\\Users\\jeanne\\Bureau\\bilan.pdf"), "bilan.pdf");
        assert_eq!(clean("/absolute/nom.pdf/"), "nom.pdf");
        assert_eq!(clean("dossier/.."), "dossier");
    }

    #[test]
    fn what_hides_or_turns_a_name_goes() {
        assert_eq!(clean("bilan\u{202e}fdp.exe"), "bilanfdp.exe");
        assert_eq!(clean("a\r\nBcc: x\0.pdf"), "aBcc_ x.pdf");
        assert_eq!(clean(" \u{200b}.pdf "), "pdf");
        assert_eq!(clean("a<b>:\"c\"|?*.txt"), "a_b__\"c\"___.txt".replace('"', "_"));
    }

    #[test]
    fn names_of_windows_devices_are_made_harmless() {
        for name in ["NUL", "con.pdf", "Com1.txt", "lpt¹", "aux .pdf", "CONIN$"] {
            assert_eq!(clean(name), format!("_{name}"));
        }
        for name in ["console.pdf", "com.pdf", "com10.txt", "nuls"] {
            assert_eq!(clean(name), name);
        }
    }

    #[test]
    fn a_name_of_300_characters_loses_its_middle_and_keeps_its_extension() {
        let name = clean(&format!("{}.pdf", "é".repeat(300)));
        assert!(name.len() <= FILE_NAME_MAX_BYTES && name.len() > 240, "{} bytes", name.len());
        assert!(name.ends_with("é.pdf"));
    }

    #[test]
    fn nothing_at_all_still_gets_a_name() {
        for name in ["", ".", "..", "/", "\\\\", "\0", " . ", "\u{202e}"] {
            assert_eq!(clean(name), "piece-jointe", "{name:?}");
        }
        assert_eq!(FileName::unnamed(2, "application/PDF").as_str(), "piece-jointe-2.pdf");
        assert_eq!(FileName::unnamed(1, "x/y").as_str(), "piece-jointe-1.bin");
    }

    proptest! {
        #[test]
        fn whatever_is_given_a_name_is_safe_and_cleaning_is_idempotent(
            given in prop_oneof![any::<String>(), "[./\\\\a-c \u{202e}\u{300}é:]{0,40}", "[a-zé. ]{240,300}"]
        ) {
            let name = clean_file_name(&given);
            let text = name.as_str();
            prop_assert!(!text.is_empty() && text.len() <= FILE_NAME_MAX_BYTES);
            prop_assert!(text != "." && text != "..");
            let forbidden = ['/', '\\', '\0', '\r', '\n', '\u{202e}', '\u{2028}'];
            prop_assert!(!text.contains(forbidden));
            prop_assert!(!is_device(text));
            prop_assert_eq!(&clean_file_name(text), &name);
        }
    }
}
