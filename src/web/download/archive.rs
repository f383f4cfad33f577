//! All files of a transfer as one zip (PKWARE APPNOTE 6.3.10), made while it is sent: files stored as they are, with their
//! folders, and the list of their digests as `sha256sum --check` reads it.

use std::collections::HashSet;
use std::io::{self, Write};

use tokio::runtime::Handle;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::pipe::Pipe;
use crate::app::{App, AppError, OpenError, OpenedTransfer, PartStream};
use crate::value::Digest;

/// The list of digests, in the archive's own folder.
const DIGESTS_NAME: &str = "empreintes-sha256.txt";
const MESSAGE_NAME: &str = "message.txt";
/// From here on a file's entry needs zip64; below, readers that do not know it can read it.
const ZIP64_FROM_BYTES: u64 = 0xffff_ffff;

/// Writes the archive, where blocking is allowed.
pub(super) fn write(
    app: &App,
    opened: &OpenedTransfer,
    pipe: &mut Pipe<'_>,
    handle: &Handle,
) -> io::Result<()> {
    let mut zip = ZipWriter::new_stream(&mut *pipe);
    let mut names = Names::default();
    let mut digests = String::new();
    // Its name is taken first: a file of this name gets a number, not the list.
    let list = names.take(DIGESTS_NAME);
    let message = handle.block_on(app.message(opened)).map_err(unreadable)?;
    if !message.expose().is_empty() {
        let name = names.take(MESSAGE_NAME);
        digests.push_str(&digest_line(Digest::of(message.expose()), &name));
        zip.start_file(name, options(message.expose().len() as u64)).map_err(broken)?;
        zip.write_all(message.expose())?;
    }
    for file in opened.files() {
        let name = names.take(&entry_path(&file.name));
        digests.push_str(&digest_line(file.digest, &name));
        zip.start_file(name, options(file.size.bytes())).map_err(broken)?;
        let opening = handle.block_on(app.open_file(opened, file.number));
        let stream = opening.map_err(|error| match error {
            OpenError::Fault(fault) => unreadable(fault),
            other => io::Error::other(other),
        })?;
        copy(stream, &mut zip)?;
    }
    zip.start_file(list, options(digests.len() as u64)).map_err(broken)?;
    zip.write_all(digests.as_bytes())?;
    zip.finish().map_err(broken)?;
    pipe.flush()
}

fn copy(mut stream: PartStream, writer: &mut impl Write) -> io::Result<()> {
    while let Some(chunk) = stream.pull_chunk()? {
        writer.write_all(&zeroize::Zeroizing::new(chunk))?;
    }
    Ok(())
}

fn options(size: u64) -> SimpleFileOptions {
    SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .last_modified_time(DateTime::default())
        .large_file(size >= ZIP64_FROM_BYTES)
}

/// Damage stays damage, so that the log says so.
fn unreadable(error: AppError) -> io::Error {
    match error {
        AppError::Vault(error) => error.into(),
        other => io::Error::other(other),
    }
}

fn broken(error: ZipError) -> io::Error {
    match error {
        ZipError::Io(error) => error,
        other => io::Error::other(other),
    }
}

fn digest_line(digest: Digest, name: &str) -> String {
    format!("{}  {name}\n", digest.to_hex())
}

/// A name of a file with its folders, as it may stand in an archive: no step leads out of the folder that it is
/// unpacked in, on no system.
fn entry_path(name: &str) -> String {
    let is_step = |step: &&str| !matches!(*step, "" | "." | "..");
    let steps: Vec<String> = name
        .split('/')
        .filter(is_step)
        .map(|step| step.chars().map(|c| if c.is_control() || "\\:".contains(c) { '_' } else { c }).collect())
        .collect();
    if steps.is_empty() { "fichier".to_owned() } else { steps.join("/") }
}

/// The names that were given out, letter case apart: some systems know no other.
#[derive(Default)]
struct Names(HashSet<String>);

impl Names {
    /// The name itself, or with a number before its extension when another file has it.
    fn take(&mut self, name: &str) -> String {
        let (folder, file) = name.rsplit_once('/').map_or(("", name), |(folder, file)| (folder, file));
        let (stem, extension) = match file.rsplit_once('.') {
            Some((stem, extension)) if !stem.is_empty() => (stem, format!(".{extension}")),
            _ => (file, String::new()),
        };
        let folder = if folder.is_empty() { String::new() } else { format!("{folder}/") };
        let mut candidate = name.to_owned();
        let mut number = 2;
        while !self.0.insert(candidate.to_lowercase()) {
            candidate = format!("{folder}{stem} ({number}){extension}");
            number += 1;
        }
        candidate
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_files_of_one_name_are_two_files_in_the_archive() {
        let mut names = Names::default();
        let given: Vec<_> =
            ["a.pdf", "A.pdf", "a.pdf", ".x", "b", "d.1/a.pdf", "D.1/a.pdf", "d.1/b", "d.1/b"]
                .iter()
                .map(|name| names.take(name))
                .collect();
        let expected = [
            "a.pdf",
            "A (2).pdf",
            "a (3).pdf",
            ".x",
            "b",
            "d.1/a.pdf",
            "D.1/a (2).pdf",
            "d.1/b",
            "d.1/b (2)",
        ];
        assert_eq!(given, expected);
    }

    #[test]
    fn no_name_leads_out_of_the_folder() {
        for (name, expected) in [
            ("dossier/été 2026/plan.pdf", "dossier/été 2026/plan.pdf"),
            ("../../etc/passwd", "etc/passwd"),
            ("/absolu", "absolu"),
            ("a//./b/../c", "a/b/c"),
            ("C:\\Windows\\x", "C__Windows_x"),
            ("..", "fichier"),
            ("", "fichier"),
            ("ligne\nfausse", "ligne_fausse"),
        ] {
            assert_eq!(entry_path(name), expected);
        }
    }
}
