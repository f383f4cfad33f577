//! Packs: many small objects in one file, so that many of them share one forced write (group commit).
//!
//! Each object stands behind a header of 16 bytes: `PLIOBJ1\n` and its length, big-endian. A pack can be read without
//! the store: what follows a header is an age file. A pack is appended to by the process that made it, never after.
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | pack made, its name forced to the disk | an empty pack |
//! | objects appended | objects, whole or not, that no record names |
//! | forced to the disk | objects that no record names, until the caller's commit |

use std::fs::File;
use std::io::{self, IoSlice, Write};
use std::num::NonZeroU64;
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use rustix::fs::{Advice, FallocateFlags, fadvise, fallocate};
use rustix::io::Errno;
use tokio::sync::{mpsc, oneshot};

use super::super::durable;
use super::days::DayDirectories;
use super::locator::{FileName, Place};
use crate::app::ports::{ObjectError, Random};
use crate::transfer::ObjectLocator;
use crate::value::{Day, ObjectId};

/// What stands before each object.
const HEADER_MAGIC: &[u8; 8] = b"PLIOBJ1\n";
/// Bytes of the magic and the length.
pub(super) const HEADER_BYTES: usize = 16;
/// A pack that has reached this is left, and a new one begun.
const PACK_MAX_BYTES: u64 = 256 * 1024 * 1024;
/// Objects that share one forced write at most.
const GROUP_MAX_OBJECTS: usize = 256;
/// Bytes that share one forced write at most; more wait for the next.
const GROUP_MAX_BYTES: usize = 16 * 1024 * 1024;
/// Groups of so many bytes do not stay in the kernel's memory.
const FORGOTTEN_FROM_BYTES: u64 = 512 * 1024;
/// Bytes that the kernel forgets together.
const PAGE_BYTES: u64 = 4096;
/// Objects that may wait; more writers wait to hand theirs over.
const QUEUE_OBJECTS: usize = 64;

type Answer = Result<ObjectLocator, ObjectError>;

struct Order {
    day: Day,
    bytes: Vec<u8>,
    answer: oneshot::Sender<Answer>,
}

/// Hands small objects to the one thread that writes packs. Dropped, it ends the thread after what waits is written.
pub(super) struct Packer(mpsc::Sender<Order>);

impl Packer {
    /// Starts the thread.
    pub(super) fn start(
        root: PathBuf,
        days: Arc<DayDirectories>,
        random: Arc<dyn Random>,
    ) -> io::Result<Self> {
        let (sender, receiver) = mpsc::channel(QUEUE_OBJECTS);
        let writer = PackWriter { root, days, random, pack: None };
        std::thread::Builder::new().name("pli-packs".to_owned()).spawn(move || writer.run(receiver))?;
        Ok(Self(sender))
    }

    /// Keeps an object; returns when it is forced to the disk.
    pub(super) async fn put(&self, day: Day, bytes: Vec<u8>) -> Answer {
        let (answer, outcome) = oneshot::channel();
        self.0.send(Order { day, bytes, answer }).await.map_err(|_| stopped())?;
        outcome.await.map_err(|_| stopped())?
    }
}

fn stopped() -> ObjectError {
    ObjectError::Unavailable(io::Error::new(io::ErrorKind::BrokenPipe, "the writer of packs has stopped"))
}

/// A pack that is being appended to.
struct Pack {
    name: FileName,
    file: File,
    end: u64,
}

struct PackWriter {
    root: PathBuf,
    days: Arc<DayDirectories>,
    random: Arc<dyn Random>,
    pack: Option<Pack>,
}

impl PackWriter {
    fn run(mut self, mut orders: mpsc::Receiver<Order>) {
        let mut held_over = None;
        while let Some(first) = held_over.take().or_else(|| orders.blocking_recv()) {
            let group = gather(first, &mut orders, &mut held_over);
            match self.write_group(&group) {
                Ok(locators) => {
                    for (order, locator) in group.into_iter().zip(locators) {
                        // A writer that went away leaves an object that no record names.
                        let _ = order.answer.send(Ok(locator));
                    }
                }
                Err(error) => {
                    tracing::error!(error = %error, objects = group.len(), "store.objects.pack_failed");
                    for order in group {
                        let _ = order.answer.send(Err(ObjectError::Unavailable(copy_of(&error))));
                    }
                }
            }
        }
    }

    /// Writes a group and forces it to the disk. After an error the pack is left: what it holds is unknown, and was
    /// told to nobody.
    fn write_group(&mut self, group: &[Order]) -> io::Result<Vec<ObjectLocator>> {
        let day = group.first().map_or(Day(0), |order| order.day);
        let mut pack = self.pack_for(day)?;
        let start = pack.end;
        match append(&mut pack, group) {
            Ok(locators) => {
                self.pack = Some(pack);
                Ok(locators)
            }
            Err(error) => {
                // Gives the room back on a full disk; an error in doing so is the same trouble once more.
                let _ = pack.file.set_len(start);
                Err(error)
            }
        }
    }

    /// The pack at hand, or a new one when there is none, it is full, of another day, or was swept.
    fn pack_for(&mut self, day: Day) -> io::Result<Pack> {
        let (directory, is_new) = self.days.ensure(day)?;
        let fits = |pack: &Pack| !is_new && pack.name.day == day && pack.end < PACK_MAX_BYTES;
        if let Some(pack) = self.pack.take().filter(fits) {
            return Ok(pack);
        }
        let name = FileName { day, id: ObjectId::new(self.random.bytes()) };
        let file = durable::create_file(&self.root.join(name.pack_path()))?;
        durable::sync_directory(&directory)?;
        Ok(Pack { name, file, end: 0 })
    }
}

/// The first order and those of its day that wait already; one that does not fit is held over.
fn gather(first: Order, orders: &mut mpsc::Receiver<Order>, held_over: &mut Option<Order>) -> Vec<Order> {
    let (day, mut bytes) = (first.day, first.bytes.len());
    let mut group = vec![first];
    while group.len() < GROUP_MAX_OBJECTS && bytes < GROUP_MAX_BYTES {
        match orders.try_recv() {
            Ok(order) if order.day == day => {
                bytes += order.bytes.len();
                group.push(order);
            }
            Ok(order) => {
                *held_over = Some(order);
                break;
            }
            Err(_) => break,
        }
    }
    group
}

fn append(pack: &mut Pack, group: &[Order]) -> io::Result<Vec<ObjectLocator>> {
    let headers: Vec<_> = group.iter().map(|order| header(order.bytes.len() as u64)).collect();
    let mut slices: Vec<_> = headers
        .iter()
        .zip(group)
        .flat_map(|(header, order)| [IoSlice::new(header), IoSlice::new(&order.bytes)])
        .collect();
    write_all(&mut pack.file, &mut slices)?;
    pack.file.sync_data()?;
    let start = pack.end;
    let mut locators = Vec::with_capacity(group.len());
    for order in group {
        let (offset, length) = (pack.end + HEADER_BYTES as u64, order.bytes.len() as u64);
        locators.push(Place::Packed { pack: pack.name, offset, length }.locator());
        pack.end = offset + length;
    }
    forget(&pack.file, start, pack.end);
    Ok(locators)
}

/// Lets the kernel give the memory that a large group was written from to what is written next: what is sealed is opened
/// hours later, if ever.
fn forget(file: &File, start: u64, end: u64) {
    let start = start - start % PAGE_BYTES;
    if end - start >= FORGOTTEN_FROM_BYTES {
        // Only advice: where it is not taken nothing is wrong.
        let _ = fadvise(file, start, NonZeroU64::new(end - start), Advice::DontNeed);
    }
}

/// Writes all slices; the kernel takes at most 1,024 at a time and may take a part of one.
fn write_all(file: &mut File, mut slices: &mut [IoSlice<'_>]) -> io::Result<()> {
    while !slices.is_empty() {
        match file.write_vectored(slices) {
            Ok(0) => return Err(io::ErrorKind::WriteZero.into()),
            Ok(written) => IoSlice::advance_slices(&mut slices, written),
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            Err(error) => return Err(error),
        }
    }
    Ok(())
}

/// What stands before an object of this length.
fn header(length: u64) -> [u8; HEADER_BYTES] {
    let mut header = [0; HEADER_BYTES];
    header[..8].copy_from_slice(HEADER_MAGIC);
    header[8..].copy_from_slice(&length.to_be_bytes());
    header
}

/// Whether an object of this length begins at this place of a pack, erased or not. What a record says of a place is
/// not believed: a hole in the wrong place would be somebody else's object.
pub(super) fn is_object(pack: &File, offset: u64, length: u64) -> io::Result<bool> {
    let Some(start) = offset.checked_sub(HEADER_BYTES as u64) else { return Ok(false) };
    let mut found = [0; HEADER_BYTES];
    match pack.read_exact_at(&mut found, start) {
        Ok(()) => Ok(found == header(length)),
        Err(error) if error.kind() == io::ErrorKind::UnexpectedEof => Ok(false),
        Err(error) => Err(error),
    }
}

/// Writes the header that stands before an object.
pub(super) fn write_header(pack: &File, offset: u64, length: u64) -> io::Result<()> {
    let start = offset.checked_sub(HEADER_BYTES as u64).ok_or(io::ErrorKind::InvalidData)?;
    pack.write_all_at(&header(length), start)
}

/// Erases stretches of a pack, and forces that to the disk.
pub(super) fn erase(path: &Path, stretches: &[(u64, u64)]) -> io::Result<()> {
    let pack = match File::options().read(true).write(true).open(path) {
        Ok(pack) => pack,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    for (offset, length) in stretches {
        if is_object(&pack, *offset, *length)? {
            punch(&pack, *offset, *length)?;
        }
    }
    pack.sync_all()
}

/// Gives the blocks back to the file system; where it cannot, they are overwritten.
fn punch(pack: &File, offset: u64, length: u64) -> io::Result<()> {
    match fallocate(pack, FallocateFlags::PUNCH_HOLE | FallocateFlags::KEEP_SIZE, offset, length) {
        Ok(()) => Ok(()),
        Err(Errno::OPNOTSUPP | Errno::NOSYS) => overwrite(pack, offset, length),
        Err(error) => Err(error.into()),
    }
}

fn overwrite(pack: &File, offset: u64, length: u64) -> io::Result<()> {
    const ZEROS: [u8; 4096] = [0; 4096];
    let end = offset.saturating_add(length);
    let mut at = offset;
    while at < end {
        let step = (end - at).min(ZEROS.len() as u64);
        pack.write_all_at(&ZEROS[..usize::try_from(step).unwrap_or(ZEROS.len())], at)?;
        at += step;
    }
    Ok(())
}

fn copy_of(error: &io::Error) -> io::Error {
    error.raw_os_error().map_or_else(|| error.kind().into(), io::Error::from_raw_os_error)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn where_holes_cannot_be_punched_the_bytes_are_overwritten_and_no_others() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("x");
        std::fs::write(&path, vec![7; 20_000]).unwrap();
        let file = File::options().read(true).write(true).open(&path).unwrap();
        overwrite(&file, 10, 10_000).unwrap();
        let bytes = std::fs::read(&path).unwrap();
        assert!(bytes[..10].iter().chain(&bytes[10_010..]).all(|byte| *byte == 7));
        assert!(bytes[10..10_010].iter().all(|byte| *byte == 0));
    }
}
