//! One file under inspection: sniffed, scanned, walked. The first thing that the policy refuses ends the walk, so that a
//! hostile file costs no more than it takes to refuse it.

use std::cell::Cell;
use std::collections::BTreeSet;
use std::io::{self, Cursor, Read, Seek, SeekFrom};

use thiserror::Error;

use super::budget::{Budget, Metered, Over};
use super::pdf::PdfReader;
use super::{
    FileKind, FilePolicy, Finding, Judgement, Measure, RefusalCause, SNIFF_BYTES, WalkLimits, archive,
    compound, sniff,
};

/// What a walk reads.
pub trait ReadSeek: Read + Seek {}

impl<R: Read + Seek + ?Sized> ReadSeek for R {}

/// What the antivirus says of one stream.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum AntivirusAnswer {
    /// It knows nothing bad of it.
    Clean,
    /// It knows it.
    Infected {
        /// By what name; for the operator.
        signature: String,
    },
    /// It met a limit of its own: it did not see all.
    LimitsMet,
    /// It could not look inside: locked.
    Locked,
    /// It saw macros.
    Macros,
}

/// Scans one stream at a time.
pub trait Antivirus {
    /// Reads `member` to its end and judges it.
    fn scan(&mut self, member: &mut dyn Read) -> Result<AntivirusAnswer, ScanFailure>;
    /// The largest stream that it scans, in bytes.
    fn largest(&self) -> u64;
}

/// Why a stream was not judged.
#[derive(Debug, Error)]
pub enum ScanFailure {
    /// The stream could not be read to its end.
    #[error("the member cannot be read: {0}")]
    Member(io::Error),
    /// The antivirus does not answer.
    #[error("the antivirus does not answer")]
    Antivirus,
}

/// Why a file was not judged. Ours to mend; the file is neither clean nor refused.
#[derive(Debug, Error)]
pub enum InspectError {
    /// The file cannot be read where it is kept.
    #[error("the file cannot be read: {0}")]
    Source(io::Error),
    /// The antivirus does not answer.
    #[error("the antivirus does not answer")]
    Antivirus,
}

/// What an inspection came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Inspection {
    /// The type of the file.
    pub kind: FileKind,
    /// What becomes of it.
    pub judgement: Judgement,
    /// Files in it that were looked at.
    pub members: u64,
    /// The name that the antivirus gave, when it knows the file.
    pub signature: Option<String>,
}

/// Inspects one file.
///
/// `name` is its name as it was given, of which the extension counts. `scanned` is what the antivirus said of the whole
/// file already, if it did; else the file is scanned here as well.
pub fn inspect(
    source: &mut dyn ReadSeek,
    name: &str,
    scanned: Option<AntivirusAnswer>,
    policy: &FilePolicy,
    limits: WalkLimits,
    antivirus: &mut dyn Antivirus,
) -> Result<Inspection, InspectError> {
    let size = source.seek(SeekFrom::End(0)).map_err(InspectError::Source)?;
    let failed = Cell::new(false);
    let budget = Budget::new(limits, size, antivirus.largest());
    let mut watched = Watched { inner: source, failed: &failed };
    let mut walk = Walk { policy, antivirus, budget: &budget, warnings: BTreeSet::new(), signature: None };
    let mut kind = FileKind::Unknown;
    let walked = walk.deposited(&mut watched, size, name, scanned, &mut kind);
    let judgement = match walked {
        Err(Stop::Antivirus) => return Err(InspectError::Antivirus),
        // Whatever was made of it, the file was not read as it is.
        _ if failed.get() => {
            return Err(InspectError::Source(io::Error::other("the sealed file cannot be read")));
        }
        Err(Stop::Refused(cause)) => Judgement::Refused { cause },
        Ok(()) => Judgement::Accepted { warnings: walk.warnings.iter().copied().collect() },
    };
    Ok(Inspection { kind, judgement, members: budget.members(), signature: walk.signature })
}

/// Why a walk ends before its end.
#[derive(Debug)]
pub(super) enum Stop {
    Refused(RefusalCause),
    Antivirus,
}

/// Where a member is: in something that people put files into, or in a document made of parts of its own.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Within {
    Archive,
    Document,
}

/// A walk through one deposited file.
pub(super) struct Walk<'a> {
    policy: &'a FilePolicy,
    antivirus: &'a mut dyn Antivirus,
    pub(super) budget: &'a Budget,
    warnings: BTreeSet<Finding>,
    signature: Option<String>,
}

impl Walk<'_> {
    /// The deposited file itself.
    fn deposited(
        &mut self,
        source: &mut dyn ReadSeek,
        size: u64,
        name: &str,
        scanned: Option<AntivirusAnswer>,
        kind: &mut FileKind,
    ) -> Result<(), Stop> {
        let head = self.head_of(source)?;
        *kind = sniff(&head);
        if size > self.antivirus.largest() {
            return Err(Stop::Refused(RefusalCause::TooLargeToScan));
        }
        self.rewind(source)?;
        if *kind == FileKind::Pdf || scanned.is_none() {
            let answer = self.scan_member(*kind, source, scanned.is_none())?;
            self.hear(answer, *kind)?;
        }
        if let Some(answer) = scanned {
            self.hear(answer, *kind)?;
        }
        self.rewind(source)?;
        *kind = self.open(*kind, source, name, 0)?;
        self.accept(*kind, name, Within::Archive)
    }

    /// A file in an archive or document. It is scanned on its own, whatever was said of the whole.
    pub(super) fn member(
        &mut self,
        name: &str,
        content: &mut dyn Read,
        depth: u32,
        within: Within,
    ) -> Result<(), Stop> {
        if !self.budget.enter(depth) {
            return Err(self.over());
        }
        let mut content = Metered::new(content, self.budget);
        let mut head = Vec::with_capacity(SNIFF_BYTES);
        if let Err(error) = (&mut content).take(SNIFF_BYTES as u64).read_to_end(&mut head) {
            return self.unreadable(&error);
        }
        let kind = sniff(&head);
        let mut whole = Cursor::new(head).chain(content);
        let told = match kind {
            // These are read in one go: what is in them is scanned on its own.
            FileKind::Gzip => archive::gzip(self, name, &mut whole, depth).map(|()| kind)?,
            FileKind::Tar => archive::tar(self, &mut whole, depth).map(|()| kind)?,
            FileKind::Zip | FileKind::Compound | FileKind::Mail => {
                self.held_member(kind, name, &mut whole, depth)?
            }
            _ => {
                if within == Within::Archive {
                    self.accept(kind, name, within)?;
                }
                let answer = self.scan_member(kind, &mut whole, true)?;
                self.hear(answer, kind)?;
                kind
            }
        };
        self.accept(told, name, within)
    }

    /// A member that can only be read by jumping about in it: it is held in memory, under a limit.
    fn held_member(
        &mut self,
        kind: FileKind,
        name: &str,
        content: &mut dyn Read,
        depth: u32,
    ) -> Result<FileKind, Stop> {
        let room = self.budget.room_to_hold();
        let mut bytes = Vec::new();
        if let Err(error) = content.take(room + 1).read_to_end(&mut bytes) {
            return self.unreadable(&error).map(|()| kind);
        }
        let held = bytes.len() as u64;
        if held > room {
            self.budget.went_over();
            return Err(self.over());
        }
        self.budget.hold(held);
        let mut bytes = Cursor::new(bytes);
        let answer = self.scan_member(kind, &mut bytes, true)?;
        self.hear(answer, kind)?;
        bytes.set_position(0);
        let told = self.open(kind, &mut bytes, name, depth);
        crate::value::wipe(bytes.get_mut());
        self.budget.let_go(held);
        told
    }

    /// Looks into a container; says what it is by what is in it.
    fn open(
        &mut self,
        kind: FileKind,
        source: &mut dyn ReadSeek,
        name: &str,
        depth: u32,
    ) -> Result<FileKind, Stop> {
        match kind {
            FileKind::Zip => archive::zip(self, source, depth),
            FileKind::Gzip => archive::gzip(self, name, source, depth).map(|()| kind),
            FileKind::Tar => archive::tar(self, source, depth).map(|()| kind),
            FileKind::Compound => compound::open(self, source, depth),
            FileKind::Mail => archive::mail(self, source, depth).map(|()| kind),
            _ => Ok(kind),
        }
    }

    /// Has a stream scanned, and looked through where it is a PDF.
    fn scan_member(
        &mut self,
        kind: FileKind,
        content: &mut dyn Read,
        scan: bool,
    ) -> Result<AntivirusAnswer, Stop> {
        let mut pdf = (kind == FileKind::Pdf).then(PdfReader::default);
        let mut tee = Tee { inner: content, pdf: pdf.as_mut() };
        let scanned = if scan {
            self.antivirus.scan(&mut tee)
        } else {
            io::copy(&mut tee, &mut io::sink()).map(|_| AntivirusAnswer::Clean).map_err(ScanFailure::Member)
        };
        let answer = match scanned {
            Ok(answer) => answer,
            Err(ScanFailure::Antivirus) => return Err(Stop::Antivirus),
            Err(ScanFailure::Member(error)) => {
                self.unreadable(&error)?;
                AntivirusAnswer::Clean
            }
        };
        for finding in pdf.map(PdfReader::finish).into_iter().flatten() {
            self.found(finding)?;
        }
        Ok(answer)
    }

    fn hear(&mut self, answer: AntivirusAnswer, kind: FileKind) -> Result<(), Stop> {
        match answer {
            AntivirusAnswer::Clean => Ok(()),
            AntivirusAnswer::Infected { signature } => {
                self.signature = Some(signature);
                Err(Stop::Refused(RefusalCause::Infected))
            }
            // Of what we walk ourselves, each member is scanned on its own.
            AntivirusAnswer::LimitsMet if kind.is_container() => Ok(()),
            AntivirusAnswer::LimitsMet => Err(Stop::Refused(RefusalCause::NotScannable)),
            AntivirusAnswer::Macros => self.found(Finding::Macros),
            AntivirusAnswer::Locked => self.found(match kind {
                FileKind::Pdf => Finding::LockedPdf,
                FileKind::Zip | FileKind::OtherArchive | FileKind::Gzip | FileKind::Tar => {
                    Finding::LockedArchive
                }
                _ => Finding::LockedDocument,
            }),
        }
    }

    /// Notes a finding; ends the walk if the policy refuses it.
    pub(super) fn found(&mut self, finding: Finding) -> Result<(), Stop> {
        match self.policy.measure(finding) {
            Measure::Accept => Ok(()),
            Measure::Warn => {
                self.warnings.insert(finding);
                Ok(())
            }
            Measure::Refuse => Err(Stop::Refused(RefusalCause::Found(finding))),
        }
    }

    /// Something did not read: by our limits, or by what it is.
    pub(super) fn unreadable(&mut self, _error: &io::Error) -> Result<(), Stop> {
        match self.budget.over() {
            Some(_) => Err(self.over()),
            None => self.found(Finding::Unreadable),
        }
    }

    pub(super) fn over(&self) -> Stop {
        Stop::Refused(match self.budget.over() {
            Some(Over::Member) => RefusalCause::TooLargeToScan,
            Some(Over::Walk) | None => RefusalCause::TooComplex,
        })
    }

    fn accept(&mut self, kind: FileKind, name: &str, within: Within) -> Result<(), Stop> {
        let refused = Err(Stop::Refused(RefusalCause::TypeNotAccepted(kind)));
        match within {
            // The parts of a document are its own affair, but a program is none of them.
            Within::Document if kind == FileKind::Executable => return refused,
            Within::Document => return Ok(()),
            Within::Archive if is_left_by_a_desktop(name) => return Ok(()),
            Within::Archive if !self.policy.accepts(kind) => return refused,
            Within::Archive => {}
        }
        let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
        match extension {
            Some(extension) if kind.contradicts(&extension) => self.found(Finding::NameContradictsContent),
            _ => Ok(()),
        }
    }

    fn head_of(&mut self, source: &mut dyn ReadSeek) -> Result<Vec<u8>, Stop> {
        self.rewind(source)?;
        let mut head = Vec::with_capacity(SNIFF_BYTES);
        match source.take(SNIFF_BYTES as u64).read_to_end(&mut head) {
            Ok(_) => Ok(head),
            Err(error) => self.unreadable(&error).map(|()| head),
        }
    }

    fn rewind(&mut self, source: &mut dyn ReadSeek) -> Result<(), Stop> {
        match source.seek(SeekFrom::Start(0)) {
            Ok(_) => Ok(()),
            Err(error) => self.unreadable(&error),
        }
    }
}

/// What desktops leave in archives and nobody put there. It is scanned as all else.
fn is_left_by_a_desktop(name: &str) -> bool {
    let last = name.rsplit(['/', '\\']).next().unwrap_or(name);
    name.starts_with("__MACOSX/") || matches!(last, ".DS_Store" | "Thumbs.db" | "desktop.ini")
}

/// Shows what passes to the reader of PDFs.
struct Tee<'a> {
    inner: &'a mut dyn Read,
    pdf: Option<&'a mut PdfReader>,
}

impl Read for Tee<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.inner.read(buffer)?;
        if let Some(pdf) = &mut self.pdf {
            pdf.push(&buffer[..count]);
        }
        Ok(count)
    }
}

/// Remembers that the file itself, not what is in it, could not be read.
struct Watched<'a> {
    inner: &'a mut dyn ReadSeek,
    failed: &'a Cell<bool>,
}

impl Read for Watched<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.inner.read(buffer).inspect_err(|error| {
            if error.kind() != io::ErrorKind::Interrupted {
                self.failed.set(true);
            }
        })
    }
}

impl Seek for Watched<'_> {
    // A place before the beginning is asked for by a broken archive, not refused by the store.
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.inner.seek(to)
    }
}
