//! All files of a transfer as one zip (PKWARE APPNOTE 6.3.10), made while it is sent: files stored as they are, with their
//! folders, and the list of their digests as `sha256sum --check` reads it.

use std::collections::HashSet;
use std::io::{self, Write};

use tokio::runtime::Handle;
use zip::result::ZipError;
use zip::write::{SimpleFileOptions, StreamWriter, ZipWriter};
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
    let mut archive = Archive::new(&mut *pipe);
    let message = handle.block_on(app.message(opened)).map_err(unreadable)?;
    let message = message.expose();
    if !message.is_empty() {
        let size = message.len() as u64;
        archive.add(MESSAGE_NAME, size, Digest::of(message), |zip| zip.write_all(message))?;
    }
    for file in opened.files() {
        archive.add(&entry_path(&file.name), file.size.bytes(), file.digest, |zip| {
            let opening = handle.block_on(app.open_file(opened, file.number));
            let stream = opening.map_err(|error| match error {
                OpenError::Fault(fault) => unreadable(fault),
                other => io::Error::other(other),
            })?;
            copy(stream, zip)
        })?;
    }
    archive.finish()?;
    pipe.flush()
}

/// An archive that is written from its beginning to its end, never going back.
struct Archive<W: Write> {
    zip: ZipWriter<StreamWriter<W>>,
    names: Names,
    digests: String,
    list: String,
}

impl<W: Write> Archive<W> {
    fn new(sink: W) -> Self {
        let mut names = Names::default();
        // Its name is taken first: a file of this name gets a number, not the list.
        let list = names.take(DIGESTS_NAME);
        Self { zip: ZipWriter::new_stream(sink), names, digests: String::new(), list }
    }

    /// Adds a file of this size; `content` writes it.
    fn add(
        &mut self,
        path: &str,
        size: u64,
        digest: Digest,
        content: impl FnOnce(&mut ZipWriter<StreamWriter<W>>) -> io::Result<()>,
    ) -> io::Result<()> {
        let name = self.names.take(path);
        self.digests.push_str(&digest_line(digest, &name));
        self.zip.start_file(name, options(size)).map_err(broken)?;
        content(&mut self.zip)
    }

    /// Adds the list of digests and the directory.
    fn finish(mut self) -> io::Result<()> {
        let size = self.digests.len() as u64;
        self.zip.start_file(self.list, options(size)).map_err(broken)?;
        self.zip.write_all(self.digests.as_bytes())?;
        self.zip.finish().map_err(broken).map(drop)
    }
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
    use std::io::{Read, Seek, SeekFrom};

    use super::*;

    /// Where an archive was written to: what is not a run of zeros is kept, the rest is only counted.
    #[derive(Default)]
    struct Sparse {
        kept: Vec<(u64, Vec<u8>)>,
        size: u64,
        at: u64,
    }

    impl Write for &mut Sparse {
        fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
            if bytes.iter().any(|byte| *byte != 0) {
                self.kept.push((self.size, bytes.to_vec()));
            }
            self.size += bytes.len() as u64;
            Ok(bytes.len())
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Read for Sparse {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            let count = buffer.len().min(usize::try_from(self.size - self.at).unwrap_or(usize::MAX));
            buffer[..count].fill(0);
            let end = self.at + count as u64;
            // Pieces stand in their order; only a few bytes are ever read at once.
            let first = self.kept.partition_point(|(from, piece)| from + piece.len() as u64 <= self.at);
            for (from, piece) in self.kept[first..].iter().take_while(|(from, _)| *from < end) {
                for (place, byte) in (*from..).zip(piece).filter(|(place, _)| (self.at..end).contains(place))
                {
                    buffer[usize::try_from(place - self.at).unwrap()] = *byte;
                }
            }
            self.at = end;
            Ok(count)
        }
    }

    impl Seek for Sparse {
        fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
            let at = match to {
                SeekFrom::Start(at) => Some(at),
                SeekFrom::End(by) => self.size.checked_add_signed(by),
                SeekFrom::Current(by) => self.at.checked_add_signed(by),
            };
            self.at = at.filter(|at| *at <= self.size).ok_or(io::ErrorKind::InvalidInput)?;
            Ok(self.at)
        }
    }

    /// The bytes of a number that stands in the archive, as APPNOTE writes it.
    fn number(archive: &mut Sparse, at: u64, bytes: usize) -> u64 {
        let mut read = [0; 8];
        archive.seek(SeekFrom::Start(at)).unwrap();
        archive.read_exact(&mut read[..bytes]).unwrap();
        u64::from_le_bytes(read)
    }

    #[test]
    fn above_four_gibibytes_the_archive_is_a_zip64_that_opens() {
        const BIG: u64 = (4 << 30) + 5;
        let (zeros, small) = (vec![0; 1 << 20], b"%PDF-1.7 synthetic");
        let mut written = Sparse::default();
        let mut archive = Archive::new(&mut written);
        let big = |zip: &mut ZipWriter<StreamWriter<&mut Sparse>>| {
            for _ in 0..BIG >> 20 {
                zip.write_all(&zeros)?;
            }
            zip.write_all(&zeros[..5])
        };
        archive.add("plan.tiff", BIG, Digest::of(b"its digest is known"), big).unwrap();
        let (digest, size) = (Digest::of(small), small.len() as u64);
        archive.add("avis.pdf", size, digest, |zip| zip.write_all(small)).unwrap();
        archive.finish().unwrap();
        let held: usize = written.kept.iter().map(|(_, piece)| piece.len()).sum();
        assert!(written.size > BIG && held < 4096, "{held} bytes are no zeros");

        // By hand, APPNOTE 4.3.16, 4.3.15, 4.3.14: the end, its zip64 locator, the zip64 end.
        let end = written.size - 22;
        assert_eq!(number(&mut written, end, 4), 0x0605_4b50);
        assert_eq!(
            number(&mut written, end + 16, 4),
            0xffff_ffff,
            "the directory is said to be in the zip64 end"
        );
        assert_eq!(number(&mut written, end - 20, 4), 0x0706_4b50);
        let zip64_end = number(&mut written, end - 20 + 8, 8);
        assert_eq!(number(&mut written, zip64_end, 4), 0x0606_4b50);
        assert_eq!(number(&mut written, zip64_end + 32, 8), 3, "entries");
        let directory = number(&mut written, zip64_end + 48, 8);
        assert!(directory > BIG, "{directory}");
        // 4.3.12 and 4.5.3: the first entry, its sizes in the extra field behind its name.
        assert_eq!(number(&mut written, directory, 4), 0x0201_4b50);
        assert_eq!(number(&mut written, directory + 24, 4), 0xffff_ffff);
        let extra = directory + 46 + number(&mut written, directory + 28, 2);
        assert_eq!(number(&mut written, extra, 2), 1);
        assert_eq!((number(&mut written, extra + 4, 8), number(&mut written, extra + 12, 8)), (BIG, BIG));

        // And as a reader takes it: what stands behind the big file is found.
        let mut opened = zip::ZipArchive::new(written).unwrap();
        assert_eq!(opened.by_name("plan.tiff").unwrap().size(), BIG);
        let mut read = Vec::new();
        opened.by_name("avis.pdf").unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, small);
        let mut list = String::new();
        opened.by_name(DIGESTS_NAME).unwrap().read_to_string(&mut list).unwrap();
        assert_eq!(list.lines().count(), 2);
    }

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
