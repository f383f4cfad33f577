//! Walks zip, gzip, tar and mail: what is in them comes out one by one under the walk's limits. Declared sizes are never
//! believed; what cannot be taken out is not clean.

use std::io::{Read, SeekFrom};

use ::zip::ZipArchive;
use ::zip::result::ZipError;
use flate2::read::MultiGzDecoder;

use super::inspect::{ReadSeek, Stop, Walk, Within};
use super::{FileKind, Finding, RefusalCause, office};
use crate::message::{Limits as MailLimits, parse};

/// How far from its end a zip says where its directory is (APPNOTE 4.3.16: the record and a comment of at most 64 KiB).
const END_WITHIN: u64 = 22 + 65_535;
const END_MARK: &[u8] = b"PK\x05\x06";
const ZIP64_END_MARK: &[u8] = b"PK\x06\x06";

/// Walks a zip; says whether it is an archive or one of the documents that are zips.
pub(super) fn zip(walk: &mut Walk<'_>, source: &mut dyn ReadSeek, depth: u32) -> Result<FileKind, Stop> {
    match directory_entries(source) {
        Ok(Some(entries)) if entries > walk.budget.limits.members => {
            walk.budget.went_over();
            return Err(walk.over());
        }
        Ok(Some(_)) => {}
        Ok(None) => return walk.found(Finding::Unreadable).map(|()| FileKind::Zip),
        Err(error) => return walk.unreadable(&error).map(|()| FileKind::Zip),
    }
    let mut archive = match ZipArchive::new(source) {
        Ok(archive) => archive,
        Err(ZipError::Io(error)) => return walk.unreadable(&error).map(|()| FileKind::Zip),
        Err(_) => return walk.found(Finding::Unreadable).map(|()| FileKind::Zip),
    };
    let kind = office::kind_of(&mut archive);
    let within = if matches!(kind, FileKind::Zip) { Within::Archive } else { Within::Document };
    for finding in office::findings(&mut archive, kind) {
        walk.found(finding)?;
    }
    for index in 0..archive.len() {
        zip_member(walk, &mut archive, index, depth, within)?;
    }
    Ok(kind)
}

fn zip_member(
    walk: &mut Walk<'_>,
    archive: &mut ZipArchive<&mut dyn ReadSeek>,
    index: usize,
    depth: u32,
    within: Within,
) -> Result<(), Stop> {
    let is_locked = archive.by_index_raw(index).is_ok_and(|file| file.encrypted());
    if is_locked {
        return walk.found(match within {
            Within::Archive => Finding::LockedArchive,
            Within::Document => Finding::LockedDocument,
        });
    }
    match archive.by_index(index) {
        Ok(file) if file.is_dir() && file.size() == 0 => Ok(()),
        Ok(mut file) => {
            let name = file.name().to_owned();
            walk.member(&name, &mut file, depth + 1, within)
        }
        // Packed by a method that is not taken out here.
        Err(ZipError::UnsupportedArchive(_)) => Err(Stop::Refused(RefusalCause::NotScannable)),
        Err(ZipError::Io(error)) => walk.unreadable(&error),
        Err(_) => walk.found(Finding::Unreadable),
    }
}

/// How many entries the directory claims, the largest claim of all records at the end; before the directory is read,
/// because all of it is read into memory. None when there is no such record.
fn directory_entries(source: &mut dyn ReadSeek) -> std::io::Result<Option<u64>> {
    let size = source.seek(SeekFrom::End(0))?;
    let from = size.saturating_sub(END_WITHIN + 76);
    source.seek(SeekFrom::Start(from))?;
    let mut end = Vec::new();
    source.take(size - from).read_to_end(&mut end)?;
    // APPNOTE 4.3.16 and 4.3.14: entries in all, 2 bytes at 10; in a zip64, 8 bytes at 32.
    let plain = largest_claim(&end, END_MARK, 10, 2);
    Ok(plain.map(|plain| match (plain, largest_claim(&end, ZIP64_END_MARK, 32, 8)) {
        (0xFFFF, Some(large)) => large,
        (plain, large) => plain.max(large.unwrap_or_default()),
    }))
}

/// The largest number of some bytes that stands at a distance from any of the marks.
fn largest_claim(end: &[u8], mark: &[u8], at: usize, bytes: usize) -> Option<u64> {
    let marks = end.windows(mark.len()).enumerate().filter(|(_, window)| *window == mark);
    let numbers = marks.filter_map(|(place, _)| end.get(place + at..place + at + bytes));
    numbers.map(|number| number.iter().rev().fold(0, |sum, byte| sum << 8 | u64::from(*byte))).max()
}

/// Walks a gzip: one file, whatever it is called.
pub(super) fn gzip(walk: &mut Walk<'_>, name: &str, content: &mut dyn Read, depth: u32) -> Result<(), Stop> {
    let lower = name.to_ascii_lowercase();
    let inner = match lower.strip_suffix(".tgz") {
        Some(stem) => format!("{stem}.tar"),
        None => lower.trim_end_matches(".gz").to_owned(),
    };
    walk.member(&inner, &mut MultiGzDecoder::new(content), depth + 1, Within::Archive)
}

/// Walks a tar. Headers that only lengthen names are passed over as they are, so that none is held in memory.
pub(super) fn tar(walk: &mut Walk<'_>, content: &mut dyn Read, depth: u32) -> Result<(), Stop> {
    let mut archive = ::tar::Archive::new(content);
    let entries = match archive.entries() {
        Ok(entries) => entries.raw(true),
        Err(error) => return walk.unreadable(&error),
    };
    for entry in entries {
        let mut entry = match entry {
            Ok(entry) => entry,
            Err(error) => return walk.unreadable(&error),
        };
        let kind = entry.header().entry_type();
        let is_more_of_a_header = kind.is_gnu_longname()
            || kind.is_gnu_longlink()
            || kind.is_pax_global_extensions()
            || kind.is_pax_local_extensions();
        if is_more_of_a_header || kind.is_dir() {
            continue;
        }
        let name = String::from_utf8_lossy(&entry.path_bytes()).into_owned();
        if entry.size() > 0 {
            walk.member(&name, &mut entry, depth + 1, Within::Archive)?;
        }
    }
    Ok(())
}

/// Walks the files of a mail that was saved to a file.
pub(super) fn mail(walk: &mut Walk<'_>, source: &mut dyn ReadSeek, depth: u32) -> Result<(), Stop> {
    let room = walk.budget.room_to_hold();
    let mut bytes = Vec::new();
    if let Err(error) = source.take(room + 1).read_to_end(&mut bytes) {
        return walk.unreadable(&error);
    }
    let held = bytes.len() as u64;
    if held > room {
        walk.budget.went_over();
        return Err(walk.over());
    }
    walk.budget.hold(held);
    let walked = mail_parts(walk, &bytes, depth);
    crate::value::wipe(&mut bytes);
    walk.budget.let_go(held);
    walked
}

fn mail_parts(walk: &mut Walk<'_>, bytes: &[u8], depth: u32) -> Result<(), Stop> {
    let Ok(parsed) = parse(bytes, None, &MailLimits::default()) else {
        return walk.found(Finding::Unreadable);
    };
    for file in &parsed.attachments {
        walk.member(file.name.as_str(), &mut &file.bytes[..], depth + 1, Within::Archive)?;
    }
    Ok(())
}
