//! Compound files ([MS-CFB]): Office 97-2003, Outlook mails, and the locked form of newer documents. Tells them apart by
//! their streams and finds macros and locks; the attachments of a mail come out one by one.

use std::io::{Read, SeekFrom};

use cfb::CompoundFile;

use super::inspect::{ReadSeek, Stop, Walk, Within};
use super::{FileKind, Finding};

/// Entries of a compound file that are looked at.
const ENTRIES_MAX: usize = 100_000;
/// Bytes of a workbook's stream that are looked through for its sheets ([MS-XLS] section 2.1.7.20.1: they stand first).
const GLOBALS_MAX: u64 = 4 * 1024 * 1024;
/// The property that holds the bytes of a mail's attachment ([MS-OXMSG] section 2.2.2.1).
const ATTACHED_BYTES: &str = "__substg1.0_37010102";

type Compound<'a> = CompoundFile<&'a mut dyn ReadSeek>;

/// Looks into a compound file; says what it is.
pub(super) fn open(walk: &mut Walk<'_>, source: &mut dyn ReadSeek, depth: u32) -> Result<FileKind, Stop> {
    let size =
        match source.seek(SeekFrom::End(0)).and_then(|size| source.seek(SeekFrom::Start(0)).map(|_| size)) {
            Ok(size) => size,
            Err(error) => return walk.unreadable(&error).map(|()| FileKind::Compound),
        };
    if size > walk.budget.limits.compound {
        walk.budget.went_over();
        return Err(walk.over());
    }
    let mut file = match CompoundFile::open(source) {
        Ok(file) => file,
        Err(error) => return walk.unreadable(&error).map(|()| FileKind::Compound),
    };
    let names: Vec<String> =
        file.walk().take(ENTRIES_MAX).map(|entry| entry.path().to_string_lossy().into_owned()).collect();
    let kind = kind_of(&names);
    for finding in findings(&mut file, &names, kind) {
        walk.found(finding)?;
    }
    if kind == FileKind::OutlookMail {
        for path in names.iter().filter(|name| name.ends_with(ATTACHED_BYTES)) {
            match file.open_stream(path) {
                Ok(mut stream) => walk.member("", &mut stream, depth + 1, Within::Archive)?,
                Err(error) => walk.unreadable(&error)?,
            }
        }
    }
    Ok(kind)
}

fn kind_of(names: &[String]) -> FileKind {
    let has = |name: &str| names.iter().any(|path| path.eq_ignore_ascii_case(name));
    if has("/EncryptedPackage") {
        FileKind::LockedOffice
    } else if has("/WordDocument") {
        FileKind::Word
    } else if has("/Workbook") || has("/Book") {
        FileKind::Excel
    } else if has("/PowerPoint Document") {
        FileKind::PowerPoint
    } else if names.iter().any(|path| path.starts_with("/__properties_version1.0")) {
        FileKind::OutlookMail
    } else {
        FileKind::Compound
    }
}

fn findings(file: &mut Compound<'_>, names: &[String], kind: FileKind) -> Vec<Finding> {
    let is_program = |path: &String| {
        path.split('/').any(|part| {
            ["VBA", "Macros", "_VBA_PROJECT_CUR", "_VBA_PROJECT"]
                .iter()
                .any(|name| part.eq_ignore_ascii_case(name))
        })
    };
    let (mut macros, mut locked) = (names.iter().any(is_program), false);
    match kind {
        FileKind::LockedOffice => locked = true,
        FileKind::Word => locked = is_locked_word(file),
        FileKind::Excel => {
            let (sheets, password) = workbook(file);
            macros |= sheets;
            locked = password;
        }
        // [MS-PPT] section 2.3.7: a locked presentation has this stream.
        FileKind::PowerPoint => locked = names.iter().any(|path| path == "/EncryptedSummary"),
        _ => {}
    }
    let findings = [(macros, Finding::Macros), (locked, Finding::LockedDocument)];
    findings.into_iter().filter(|(is, _)| *is).map(|(_, finding)| finding).collect()
}

/// [MS-DOC] section 2.5.2: bit 8 of the flags at 10 says that the document is encrypted.
fn is_locked_word(file: &mut Compound<'_>) -> bool {
    let head = stream(file, "/WordDocument", 32);
    head.get(10..12).is_some_and(|flags| flags[1] & 0x01 != 0)
}

/// Whether a workbook has macro sheets of the old kind (XLM), and whether it is locked, by its first records
/// ([MS-XLS] sections 2.4.28 and 2.4.117).
fn workbook(file: &mut Compound<'_>) -> (bool, bool) {
    const END: u16 = 0x000A;
    const FILE_PASS: u16 = 0x002F;
    const BOUND_SHEET: u16 = 0x0085;
    let mut bytes = stream(file, "/Workbook", GLOBALS_MAX);
    if bytes.is_empty() {
        bytes = stream(file, "/Book", GLOBALS_MAX);
    }
    let (mut macro_sheet, mut locked, mut rest) = (false, false, &bytes[..]);
    while let Some((head, after)) = rest.split_first_chunk::<4>() {
        let (record, length) =
            (u16::from_le_bytes([head[0], head[1]]), usize::from(u16::from_le_bytes([head[2], head[3]])));
        match record {
            END => break,
            FILE_PASS => locked = true,
            BOUND_SHEET => macro_sheet |= after.get(5) == Some(&0x01),
            _ => {}
        }
        rest = after.get(length..).unwrap_or_default();
    }
    (macro_sheet, locked)
}

fn stream(file: &mut Compound<'_>, path: &str, most: u64) -> Vec<u8> {
    let mut bytes = Vec::new();
    if let Ok(stream) = file.open_stream(path) {
        // What does not read is not there; the antivirus saw the file as a whole.
        let _ = stream.take(most).read_to_end(&mut bytes);
    }
    bytes
}
