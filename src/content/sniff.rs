//! Tells the type of a file by its first bytes, never by its name. What only its members show (an Office document is a
//! zip, an old one a compound file) is told later, by the walk.

use super::FileKind;

/// How many first bytes are looked at.
pub const SNIFF_BYTES: usize = 4096;
/// How far from its beginning a PDF may say that it is one, as readers accept it.
const PDF_MARK_WITHIN: usize = 1024;
/// The signature of a compound file ([MS-CFB] section 2.2).
const COMPOUND: &[u8] = &[0xD0, 0xCF, 0x11, 0xE0, 0xA1, 0xB1, 0x1A, 0xE1];
/// Fields that stand at the top of a mail that was saved to a file.
const MAIL_FIELDS: [&str; 10] = [
    "received:",
    "return-path:",
    "delivered-to:",
    "mime-version:",
    "from:",
    "date:",
    "subject:",
    "message-id:",
    "x-mozilla-status:",
    "dkim-signature:",
];

/// The type that the first bytes show. `head` is the first [`SNIFF_BYTES`], or all of a shorter file.
pub fn sniff(head: &[u8]) -> FileKind {
    if head.is_empty() {
        return FileKind::Empty;
    }
    by_signature(head).or_else(|| by_infer(head)).unwrap_or_else(|| by_text(head))
}

fn by_signature(head: &[u8]) -> Option<FileKind> {
    let starts = |mark: &[u8]| head.starts_with(mark);
    if starts(b"PK\x03\x04") || starts(b"PK\x05\x06") {
        return Some(FileKind::Zip);
    }
    if starts(COMPOUND) {
        return Some(FileKind::Compound);
    }
    if starts(b"MZ") || starts(b"\x7fELF") || starts(b"\xCA\xFE\xBA\xBE") || starts(b"L\0\0\0\x01\x14\x02\0")
    {
        return Some(FileKind::Executable);
    }
    if starts(b"#!") || starts(b"<?php") {
        return Some(FileKind::Script);
    }
    if starts(b"{\\rtf") {
        return Some(FileKind::RichText);
    }
    if starts(b"\x1F\x8B") {
        return Some(FileKind::Gzip);
    }
    // POSIX.1 ustar: the mark stands in the header of the first member.
    if head.get(257..262) == Some(b"ustar") {
        return Some(FileKind::Tar);
    }
    let within = &head[..head.len().min(PDF_MARK_WITHIN)];
    within.windows(5).any(|window| window == b"%PDF-").then_some(FileKind::Pdf)
}

fn by_infer(head: &[u8]) -> Option<FileKind> {
    let found = infer::get(head)?;
    Some(match (found.matcher_type(), found.mime_type()) {
        (_, "image/jpeg") => FileKind::Jpeg,
        (_, "image/png") => FileKind::Png,
        (_, "image/gif") => FileKind::Gif,
        (_, "image/tiff") => FileKind::Tiff,
        (_, "image/bmp") => FileKind::Bmp,
        (_, "image/webp") => FileKind::Webp,
        (_, "image/heif" | "image/avif") => FileKind::Heif,
        (_, "text/html" | "text/xml" | "image/svg+xml") => return None,
        (infer::MatcherType::Text, "text/x-shellscript") => FileKind::Script,
        (infer::MatcherType::Audio, _) => FileKind::Audio,
        (infer::MatcherType::Video, _) => FileKind::Video,
        (infer::MatcherType::Archive, _) => FileKind::OtherArchive,
        (infer::MatcherType::App, _) => FileKind::Executable,
        _ => FileKind::Unknown,
    })
}

/// Plain text of any of the usual encodings; of it, what is a web page, a mail or a program is told apart.
fn by_text(head: &[u8]) -> FileKind {
    let Some(text) = as_text(head) else { return FileKind::Unknown };
    let lower = text.trim_start_matches('\u{feff}').trim_start().to_ascii_lowercase();
    let marks = ["<!doctype html", "<html", "<svg", "<script", "<body", "<iframe"];
    if marks.iter().any(|mark| lower.starts_with(mark))
        || lower.contains("<script")
        || lower.contains("<html")
    {
        return FileKind::Html;
    }
    if is_mail(&lower) { FileKind::Mail } else { FileKind::Text }
}

fn is_mail(lower: &str) -> bool {
    let fields = lower.lines().take_while(|line| !line.trim().is_empty());
    let known = fields.filter(|line| MAIL_FIELDS.iter().any(|field| line.starts_with(field)));
    MAIL_FIELDS.iter().any(|field| lower.starts_with(field)) && known.count() >= 2
}

fn as_text(head: &[u8]) -> Option<String> {
    if let Some(rest) = head.strip_prefix(b"\xFF\xFE") {
        return utf16(rest, u16::from_le_bytes);
    }
    if let Some(rest) = head.strip_prefix(b"\xFE\xFF") {
        return utf16(rest, u16::from_be_bytes);
    }
    let is_control =
        |byte: &u8| byte.is_ascii_control() && !matches!(byte, b'\t' | b'\n' | b'\r' | 0x0C | 0x1B);
    if head.iter().any(is_control) {
        return None;
    }
    // UTF-8, or an 8-bit encoding without control characters: both are texts to who opens them.
    Some(String::from_utf8_lossy(head).into_owned())
}

fn utf16(bytes: &[u8], unit: fn([u8; 2]) -> u16) -> Option<String> {
    let units = bytes.chunks_exact(2).map(|pair| unit([pair[0], pair[1]]));
    let text: String = char::decode_utf16(units).map(|c| c.unwrap_or(char::REPLACEMENT_CHARACTER)).collect();
    (!text.chars().any(|c| c == '\0')).then_some(text)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn common_files_are_told_by_their_first_bytes() {
        let jpeg = [0xFF, 0xD8, 0xFF, 0xE0, 0, 0x10, b'J', b'F', b'I', b'F', 0];
        let cases: [(&[u8], FileKind); 16] = [
            (b"", FileKind::Empty),
            (b"%PDF-1.7\n", FileKind::Pdf),
            (b"\r\n  %PDF-1.4", FileKind::Pdf),
            (&jpeg, FileKind::Jpeg),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR", FileKind::Png),
            (b"PK\x03\x04\x14\0", FileKind::Zip),
            (b"MZ\x90\0\x03", FileKind::Executable),
            (b"#!/bin/sh\nrm", FileKind::Script),
            (b"<!DOCTYPE html><p>", FileKind::Html),
            (b"  <svg onload=x>", FileKind::Html),
            ("Madame, l’usagère".as_bytes(), FileKind::Text),
            (b"caf\xe9 au lait", FileKind::Text),
            (b"\xFF\xFEa\0b\0", FileKind::Text),
            (b"Received: from a\r\nFrom: b@c.example\r\n\r\nx", FileKind::Mail),
            (b"7z\xBC\xAF\x27\x1C\0\x04", FileKind::OtherArchive),
            (b"\x01\x02\x03\x04", FileKind::Unknown),
        ];
        for (head, kind) in cases {
            assert_eq!(sniff(head), kind, "{:?}", String::from_utf8_lossy(head));
        }
    }

    proptest! {
        #[test]
        fn no_bytes_are_too_strange(head in prop::collection::vec(any::<u8>(), 0..SNIFF_BYTES)) {
            sniff(&head);
        }
    }
}
