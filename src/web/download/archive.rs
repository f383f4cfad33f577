//! All files of a transfer as one zip, made while it is sent: files stored as they are, with their folders, and the list of their
//! digests as `sha256sum --check` reads it. What it holds and how long it is stands before its first byte, so that its reader sees
//! how much is left, and goes on where the line broke (decision 0124).

use std::collections::HashSet;
use std::io::{self, Write};

use flate2::Crc;
use zeroize::Zeroizing;

use super::zip::{Entry, end};
use crate::app::{FileView, PartStream};
use crate::value::{Digest, SecretBytes};

/// The list of digests, in the archive's own folder.
const DIGESTS_NAME: &str = "empreintes-sha256.txt";
const MESSAGE_NAME: &str = "message.txt";

/// What an archive holds, in its order.
pub(super) struct Archive {
    entries: Vec<(Entry, Content)>,
    message: SecretBytes,
    digests: String,
    directory_at: u64,
    size: u64,
}

/// What one of its files is.
#[derive(Debug, Clone, Copy)]
enum Content {
    Message,
    File(u32),
    Digests,
}

impl Archive {
    /// The archive of these files, and of the message if there is one.
    pub(super) fn of(files: &[FileView], message: SecretBytes) -> Self {
        let mut names = Names::default();
        // Its name is taken first: a file of this name gets a number, not the list.
        let list = names.take(DIGESTS_NAME);
        let (mut held, mut digests) = (Vec::new(), String::new());
        let mut hold = |path: &str, size: u64, digest: Digest, content| {
            let name = names.take(path);
            digests.push_str(&digest_line(digest, &name));
            held.push((name, size, content));
        };
        if !message.expose().is_empty() {
            let text = message.expose();
            hold(MESSAGE_NAME, text.len() as u64, Digest::of(text), Content::Message);
        }
        for file in files {
            hold(&entry_path(&file.name), file.size.bytes(), file.digest, Content::File(file.number));
        }
        held.push((list, digests.len() as u64, Content::Digests));
        let mut entries = Vec::new();
        let mut at = 0;
        for (name, size, content) in held {
            let entry = Entry::new(name, size, at);
            at = entry.end();
            entries.push((entry, content));
        }
        let directory: usize = entries.iter().map(|(entry, _)| entry.directory(0).len()).sum();
        let size = at + directory as u64 + end(entries.len() as u64, at, directory as u64).len() as u64;
        Self { entries, message, digests, directory_at: at, size }
    }

    /// How long it is, in bytes.
    pub(super) const fn size(&self) -> u64 {
        self.size
    }

    /// Writes it; `file` writes the content of a file.
    pub(super) fn write<W: Write>(
        &self,
        sink: &mut W,
        mut file: impl FnMut(u32, &mut Summed<'_, W>) -> io::Result<()>,
    ) -> io::Result<()> {
        let mut directory = Vec::new();
        for (entry, content) in &self.entries {
            sink.write_all(&entry.header())?;
            let mut summed = Summed { sink, crc: Crc::new(), size: 0 };
            match content {
                Content::Message => summed.write_all(self.message.expose())?,
                Content::File(number) => file(*number, &mut summed)?,
                Content::Digests => summed.write_all(self.digests.as_bytes())?,
            }
            if summed.size != entry.size() {
                return Err(io::ErrorKind::InvalidData.into());
            }
            let crc = summed.crc.sum();
            sink.write_all(&entry.descriptor(crc))?;
            directory.extend(entry.directory(crc));
        }
        sink.write_all(&directory)?;
        sink.write_all(&end(self.entries.len() as u64, self.directory_at, directory.len() as u64))
    }
}

/// The content of one file on its way into an archive.
pub(super) struct Summed<'s, W> {
    sink: &'s mut W,
    crc: Crc,
    size: u64,
}

impl<W: Write> Summed<'_, W> {
    /// Adds what a sealed file holds.
    pub(super) fn add(&mut self, mut stream: PartStream) -> io::Result<()> {
        while let Some(chunk) = stream.pull_chunk()? {
            self.write_all(&Zeroizing::new(chunk))?;
        }
        Ok(())
    }
}

impl<W: Write> Write for Summed<'_, W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = self.sink.write(bytes)?;
        self.crc.update(&bytes[..taken]);
        self.size += taken as u64;
        Ok(taken)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
    }
}

/// What a stretch is written to: it can say that nobody waits for it any more, while nothing is written.
pub(super) trait Reached: Write {
    /// An error when the reader went, or may not have what comes.
    fn is_waited_for(&self) -> io::Result<()>;
}

/// Lets a stretch of what is written through. Once all of it is through, it takes nothing more: what fails then has not failed.
/// While it skips what comes before, it asks whether anybody waits: nobody reads gigabytes again for a reader who left.
pub(super) struct Window<W> {
    sink: W,
    skip: u64,
    left: u64,
}

impl<W: Reached> Window<W> {
    /// So many bytes, from this one on.
    pub(super) const fn new(sink: W, first: u64, length: u64) -> Self {
        Self { sink, skip: first, left: length }
    }

    /// What became of the stretch, by what became of the writing.
    pub(super) fn end(mut self, outcome: io::Result<()>) -> io::Result<()> {
        if self.left > 0 {
            outcome?;
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.sink.flush()
    }
}

impl<W: Reached> Write for Window<W> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        if self.left == 0 {
            return Err(io::ErrorKind::WriteZero.into());
        }
        let skipped = self.skip.min(bytes.len() as u64);
        if skipped > 0 {
            self.sink.is_waited_for()?;
        }
        self.skip -= skipped;
        let skipped = usize::try_from(skipped).unwrap_or(bytes.len());
        let wanted = usize::try_from(self.left).unwrap_or(usize::MAX).min(bytes.len() - skipped);
        if wanted == 0 {
            return Ok(skipped);
        }
        let sent = self.sink.write(&bytes[skipped..skipped + wanted])?;
        self.left -= sent as u64;
        Ok(skipped + sent)
    }

    fn flush(&mut self) -> io::Result<()> {
        self.sink.flush()
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

    fn view(number: u32, name: &str, bytes: u64, digest: Digest) -> FileView {
        FileView {
            number,
            name: name.into(),
            content_type: String::new(),
            size: crate::value::ByteSize(bytes),
            digest,
            binding: digest,
            is_original: false,
            is_form: false,
            check: crate::transfer::Check::Off,
        }
    }

    #[test]
    fn above_four_gibibytes_the_archive_is_a_zip64_that_opens() {
        const BIG: u64 = (4 << 30) + 5;
        let (zeros, small) = (vec![0; 1 << 20], b"%PDF-1.7 synthetic");
        let mut written = Sparse::default();
        let files = [
            view(1, "plan.tiff", BIG, Digest::of(b"its digest is known")),
            view(2, "avis.pdf", small.len() as u64, Digest::of(small)),
        ];
        let archive = Archive::of(&files, SecretBytes::default());
        let content = |number, summed: &mut Summed<'_, &mut Sparse>| match number {
            1 => {
                for _ in 0..BIG >> 20 {
                    summed.write_all(&zeros)?;
                }
                summed.write_all(&zeros[..5])
            }
            _ => summed.write_all(small),
        };
        archive.write(&mut &mut written, content).unwrap();
        assert_eq!(written.size, archive.size(), "its length was told before");
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
        let mut opened = ::zip::ZipArchive::new(written).unwrap();
        assert_eq!(opened.by_name("plan.tiff").unwrap().size(), BIG);
        let mut read = Vec::new();
        opened.by_name("avis.pdf").unwrap().read_to_end(&mut read).unwrap();
        assert_eq!(read, small);
        let mut list = String::new();
        opened.by_name(DIGESTS_NAME).unwrap().read_to_string(&mut list).unwrap();
        assert_eq!(list.lines().count(), 2);
    }

    impl Reached for &mut Vec<u8> {
        fn is_waited_for(&self) -> io::Result<()> {
            Ok(())
        }
    }

    /// A reader who left after so many looks.
    struct Leaving(std::cell::Cell<usize>);

    impl Write for Leaving {
        fn write(&mut self, _: &[u8]) -> io::Result<usize> {
            panic!("nothing is sent to who left")
        }

        fn flush(&mut self) -> io::Result<()> {
            Ok(())
        }
    }

    impl Reached for Leaving {
        fn is_waited_for(&self) -> io::Result<()> {
            let left = self.0.get().checked_sub(1).ok_or(io::ErrorKind::BrokenPipe)?;
            self.0.set(left);
            Ok(())
        }
    }

    #[test]
    fn nothing_is_read_again_for_a_reader_who_left() {
        let size = 100 * 1000_u64;
        let files = [view(1, "plan.tiff", size, Digest::of(b""))];
        let archive = Archive::of(&files, SecretBytes::new("Bonjour".into()));
        let mut window = Window::new(Leaving(5.into()), archive.size() - 1, 1);
        let mut read = 0;
        let outcome = archive.write(&mut window, |_, summed| {
            (0..100).try_for_each(|_| {
                read += 1;
                summed.write_all(&[0; 1000])
            })
        });
        assert_eq!(window.end(outcome).unwrap_err().kind(), io::ErrorKind::BrokenPipe);
        assert!(read < 5, "{read} pieces were read");
    }

    /// What is asked for in two stretches, or in many, is what is asked for at once.
    #[test]
    fn a_stretch_of_an_archive_is_that_stretch_wherever_it_begins() {
        let bytes: Vec<Vec<u8>> = [0, 1, 700, 33].map(|size| (0..=250).cycle().take(size).collect()).into();
        let files: Vec<FileView> = (1..)
            .zip(&bytes)
            .map(|(number, bytes)| {
                view(number, &format!("d/{number}.pdf"), bytes.len() as u64, Digest::of(bytes))
            })
            .collect();
        let archive = Archive::of(&files, SecretBytes::new("Bonjour".into()));
        let stretch = |first: u64, length: u64| {
            let mut sent = Vec::new();
            let mut window = Window::new(&mut sent, first, length);
            let outcome = archive.write(&mut window, |number, summed| {
                // In pieces, as they come from the store.
                bytes[number as usize - 1].chunks(100).try_for_each(|piece| summed.write_all(piece))
            });
            window.end(outcome).map(|()| sent)
        };
        let whole = stretch(0, archive.size()).unwrap();
        assert_eq!(whole.len() as u64, archive.size());
        let mut opened = ::zip::ZipArchive::new(io::Cursor::new(&whole)).unwrap();
        assert_eq!(opened.len(), 6);
        for (file, bytes) in files.iter().zip(&bytes) {
            let mut read = Vec::new();
            opened.by_name(&file.name).unwrap().read_to_end(&mut read).unwrap();
            assert_eq!(&read, bytes);
        }
        for first in 0..archive.size() {
            let from = usize::try_from(first).unwrap();
            assert_eq!(stretch(first, archive.size() - first).unwrap(), &whole[from..], "from {first}");
            assert_eq!(stretch(first, 1).unwrap(), &whole[from..=from], "{first} alone");
        }
        assert!(stretch(1, archive.size()).is_err(), "more than there is");
    }

    /// A file that is not as long as its manifest says breaks the archive off: what was told of it would not be true.
    #[test]
    fn a_file_of_another_size_ends_the_archive() {
        let archive = Archive::of(&[view(1, "a.pdf", 5, Digest::of(b"12345"))], SecretBytes::default());
        for content in [&b"1234"[..], b"123456"] {
            let outcome = archive.write(&mut Vec::new(), |_, summed| summed.write_all(content));
            assert_eq!(outcome.unwrap_err().kind(), io::ErrorKind::InvalidData);
        }
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
