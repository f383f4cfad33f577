//! The documents that are zips: Office Open XML (ECMA-376) and OpenDocument (OASIS). Tells them from plain archives, and
//! what of theirs the policy speaks of: macros and locks.

use std::io::Read;

use ::zip::ZipArchive;

use super::inspect::ReadSeek;
use super::{FileKind, Finding};

/// Bytes of a description part that are read.
const PART_MAX: u64 = 1024 * 1024;

type Archive<'a> = ZipArchive<&'a mut dyn ReadSeek>;

/// What a zip is, by what is in it.
pub(super) fn kind_of(archive: &mut Archive<'_>) -> FileKind {
    let has = |archive: &Archive<'_>, start: &str| archive.file_names().any(|name| name.starts_with(start));
    if has(archive, "[Content_Types].xml") {
        let kinds =
            [("word/", FileKind::WordXml), ("xl/", FileKind::ExcelXml), ("ppt/", FileKind::PowerPointXml)];
        let found = kinds.into_iter().find(|(start, _)| has(archive, start));
        return found.map_or(FileKind::Zip, |(_, kind)| kind);
    }
    let named = part(archive, "mimetype").unwrap_or_default();
    match String::from_utf8_lossy(&named).trim().strip_prefix("application/vnd.oasis.opendocument.") {
        Some(rest) if rest.starts_with("text") => FileKind::OpenText,
        Some(rest) if rest.starts_with("spreadsheet") => FileKind::OpenSheet,
        Some(rest) if rest.starts_with("presentation") => FileKind::OpenSlides,
        Some(_) => FileKind::OpenText,
        None if has(archive, "META-INF/MANIFEST.MF") || has(archive, "AndroidManifest.xml") => {
            FileKind::Executable
        }
        None => FileKind::Zip,
    }
}

/// What the document's own lists and names tell.
pub(super) fn findings(archive: &mut Archive<'_>, kind: FileKind) -> Vec<Finding> {
    match kind {
        FileKind::WordXml | FileKind::ExcelXml | FileKind::PowerPointXml => {
            if has_office_macros(archive) {
                vec![Finding::Macros]
            } else {
                vec![]
            }
        }
        FileKind::OpenText | FileKind::OpenSheet | FileKind::OpenSlides => open_document(archive),
        _ => vec![],
    }
}

fn has_office_macros(archive: &mut Archive<'_>) -> bool {
    let named = archive.file_names().any(|name| {
        let name = name.to_ascii_lowercase();
        name.ends_with("vbaproject.bin") || name.contains("/macrosheets/")
    });
    // A macro part may have any name; the list of types has to tell it.
    let types = part(archive, "[Content_Types].xml").map(|xml| folded(&xml)).unwrap_or_default();
    let marks = ["vbaproject", "macroenabled", "macrosheet"];
    named || marks.iter().any(|mark| types.contains(mark))
}

fn open_document(archive: &mut Archive<'_>) -> Vec<Finding> {
    let is_program = |name: &str| {
        ["Basic/", "Scripts/"]
            .iter()
            .any(|start| name.strip_prefix(start).is_some_and(|rest| !rest.is_empty()))
    };
    let macros = archive.file_names().any(is_program).then_some(Finding::Macros);
    let manifest = part(archive, "META-INF/manifest.xml").map(|xml| folded(&xml)).unwrap_or_default();
    let locked = manifest.contains("encryption-data").then_some(Finding::LockedDocument);
    macros.into_iter().chain(locked).collect()
}

/// XML in lower case without NUL, so that UTF-16 reads as well.
fn folded(xml: &[u8]) -> String {
    let kept: Vec<u8> =
        xml.iter().copied().filter(|byte| *byte != 0).map(|byte| byte.to_ascii_lowercase()).collect();
    String::from_utf8_lossy(&kept).into_owned()
}

fn part(archive: &mut Archive<'_>, name: &str) -> Option<Vec<u8>> {
    let file = archive.by_name(name).ok()?;
    let mut bytes = Vec::new();
    file.take(PART_MAX).read_to_end(&mut bytes).ok()?;
    Some(bytes)
}
