//! Sealed objects in a directory: large ones a file each, small ones together in packs.
//!
//! ```text
//! incoming/…                   being received; removed at the start
//! files/2026-11-21/….age       one object; also one that is being written, if it is kept unfinished
//! packs/2026-11-21/….pack      many small objects
//! lock                         held by the gateway that has the store open
//! ```
//!
//! Days are those of creation: [`Objects::sweep`] removes whole days. Why packs: `docs/decisions/0004`.

mod days;
mod kept;
mod large;
mod locator;
mod pack;
mod put_back;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::{self, File};
use std::io::{self, Read, Seek, SeekFrom};
use std::os::unix::fs::FileExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use async_trait::async_trait;

use self::days::DayDirectories;
use self::kept::KeptObject;
use self::large::{LargeFile, blocking};
use self::locator::{FILES, FileName, PACKS, Place};
use self::pack::Packer;
use super::durable;
use crate::app::ports::{ObjectError, ObjectReader, ObjectWriter, Objects, Random};
use crate::transfer::ObjectLocator;
use crate::value::{Day, ObjectId};
use crate::vault::AGE_MAGIC;

/// Objects up to this size go into packs; their bytes are held in memory until they are whole.
pub const SMALL_OBJECT_MAX_BYTES: usize = 256 * 1024;
/// Objects that are handed over as a whole, by who holds all of their bytes anyway, go into packs up to this size: a mail
/// with an attachment shares its disk write with others.
pub const WHOLE_OBJECT_MAX_BYTES: usize = 4 * 1024 * 1024;
const INCOMING: &str = "incoming";

/// The object store in a directory.
pub struct DirectoryObjects(Arc<Inner>);

struct Inner {
    root: PathBuf,
    files: Arc<DayDirectories>,
    packs: Arc<DayDirectories>,
    packer: Packer,
    random: Arc<dyn Random>,
    // Held while the store is open: another gateway would remove what this one receives.
    _lock: File,
}

impl DirectoryObjects {
    /// Opens the store, or makes a new one; removes what a crash left unfinished.
    pub fn open(directory: &Path, random: Arc<dyn Random>) -> Result<Self, ObjectError> {
        Self::try_open(directory, random).map_err(ObjectError::Unavailable)
    }

    fn try_open(directory: &Path, random: Arc<dyn Random>) -> io::Result<Self> {
        let root = directory.to_owned();
        durable::make_directory(&root.join(INCOMING))?;
        let lock = File::options().write(true).create(true).truncate(false).open(root.join("lock"))?;
        lock.try_lock()?;
        large::clear(&root.join(INCOMING))?;
        let files = Arc::new(DayDirectories::open(root.join(FILES))?);
        let packs = Arc::new(DayDirectories::open(root.join(PACKS))?);
        let packer = Packer::start(root.clone(), Arc::clone(&packs), Arc::clone(&random))?;
        Ok(Self(Arc::new(Inner { root, files, packs, packer, random, _lock: lock })))
    }
}

#[async_trait]
impl Objects for DirectoryObjects {
    async fn create(&self, today: Day) -> Result<Box<dyn ObjectWriter>, ObjectError> {
        let store = Arc::clone(&self.0);
        Ok(Box::new(Writer { store, today, state: WriterState::Small(Vec::new()) }))
    }

    async fn create_kept(&self, today: Day) -> Result<(ObjectLocator, Box<dyn ObjectWriter>), ObjectError> {
        let store = &self.0;
        let name = FileName { day: today, id: ObjectId::new(store.random.bytes()) };
        let writer = KeptObject::new(store.root.clone(), Arc::clone(&store.files), name);
        Ok((Place::File(name).locator(), Box::new(writer)))
    }

    async fn open(&self, locator: &ObjectLocator) -> Result<Box<dyn ObjectReader>, ObjectError> {
        let place = Place::parse(locator).ok_or(ObjectError::Missing)?;
        let store = Arc::clone(&self.0);
        match blocking(move || open(&store.root, place)).await {
            Ok(Some(reader)) => Ok(reader),
            Ok(None) => Err(ObjectError::Missing),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Err(ObjectError::Missing),
            Err(error) => Err(ObjectError::Unavailable(error)),
        }
    }

    async fn erase(&self, locators: &[ObjectLocator]) -> Result<(), ObjectError> {
        let places: Vec<_> = locators.iter().filter_map(Place::parse).collect();
        let store = Arc::clone(&self.0);
        blocking(move || erase(&store.root, &places)).await.map_err(ObjectError::Unavailable)
    }

    async fn sweep(&self, before: Day) -> Result<u64, ObjectError> {
        let store = Arc::clone(&self.0);
        let swept = move || Ok(store.files.remove_before(before)? + store.packs.remove_before(before)?);
        blocking(swept).await.map_err(ObjectError::Unavailable)
    }

    fn put_back(&self, locator: &ObjectLocator, size: u64, sealed: &mut dyn Read) -> Result<(), ObjectError> {
        let place = Place::parse(locator).ok_or(ObjectError::NotSealed)?;
        put_back::put_back(&self.0.root, place, size, sealed).map_err(ObjectError::Unavailable)
    }

    fn settle(&self) -> Result<(), ObjectError> {
        put_back::settle(&self.0.root).map_err(ObjectError::Unavailable)
    }
}

struct Writer {
    store: Arc<Inner>,
    today: Day,
    state: WriterState,
}

enum WriterState {
    /// Still small enough for a pack.
    Small(Vec<u8>),
    /// Has a file of its own.
    Large(Box<LargeFile>),
    /// Refused or failed; nothing more is taken.
    Ended,
}

#[async_trait]
impl ObjectWriter for Writer {
    async fn write(&mut self, sealed: &[u8]) -> Result<(), ObjectError> {
        let state = std::mem::replace(&mut self.state, WriterState::Ended);
        self.state = match state {
            WriterState::Small(held) => self.grow(held, sealed).await?,
            WriterState::Large(mut file) => {
                file.write(sealed).await.map_err(ObjectError::Unavailable)?;
                WriterState::Large(file)
            }
            WriterState::Ended => return Err(ended()),
        };
        Ok(())
    }

    async fn write_owned(&mut self, mut sealed: Vec<u8>) -> Result<Vec<u8>, ObjectError> {
        match &mut self.state {
            WriterState::Small(held) if held.is_empty() && may_be_packed(&sealed) => {
                *held = sealed;
                Ok(Vec::new())
            }
            WriterState::Large(file) => {
                let written = file.write_owned(sealed).await;
                if written.is_err() {
                    self.state = WriterState::Ended;
                }
                written.map_err(ObjectError::Unavailable)
            }
            _ => {
                self.write(&sealed).await?;
                sealed.clear();
                Ok(sealed)
            }
        }
    }

    async fn finish(self: Box<Self>) -> Result<ObjectLocator, ObjectError> {
        let Self { store, today, state } = *self;
        match state {
            WriterState::Small(held) if held.is_empty() => Err(ObjectError::NotSealed),
            WriterState::Small(held) => store.packer.put(today, held).await,
            WriterState::Large(file) => {
                let name = FileName { day: today, id: ObjectId::new(store.random.bytes()) };
                let days = Arc::clone(&store.files);
                blocking(move || days.ensure(today)).await.map_err(ObjectError::Unavailable)?;
                let path = store.root.join(name.file_path());
                file.finish(path).await.map_err(ObjectError::Unavailable)?;
                Ok(Place::File(name).locator())
            }
            WriterState::Ended => Err(ended()),
        }
    }
}

impl Writer {
    /// Takes bytes in while the object may still turn out to be small. The first must show that it is sealed.
    async fn grow(&self, mut held: Vec<u8>, sealed: &[u8]) -> Result<WriterState, ObjectError> {
        if held.is_empty() && !sealed.is_empty() && !sealed.starts_with(AGE_MAGIC) {
            return Err(ObjectError::NotSealed);
        }
        if held.len() + sealed.len() <= SMALL_OBJECT_MAX_BYTES {
            held.extend_from_slice(sealed);
            return Ok(WriterState::Small(held));
        }
        let name = format!("{}.part", ObjectId::new(self.store.random.bytes()));
        let path = self.store.root.join(INCOMING).join(name);
        let mut file = LargeFile::create(path, held).await.map_err(ObjectError::Unavailable)?;
        file.write(sealed).await.map_err(ObjectError::Unavailable)?;
        Ok(WriterState::Large(Box::new(file)))
    }
}

/// Whether these first bytes show that they are sealed, and may turn out to be all of an object that fits into a pack.
fn may_be_packed(first: &[u8]) -> bool {
    first.starts_with(AGE_MAGIC) && first.len() <= WHOLE_OBJECT_MAX_BYTES
}

fn ended() -> ObjectError {
    ObjectError::Unavailable(io::Error::other("the object was refused or failed before"))
}

/// Opens what begins as an age file at a place; an erased stretch of a pack begins with zeros.
fn open(root: &Path, place: Place) -> io::Result<Option<Box<dyn ObjectReader>>> {
    let stretch = match place {
        Place::File(name) => {
            return Ok(Some(Box::new(File::open(root.join(name.file_path()))?)));
        }
        Place::Packed { pack, offset, length } => {
            let file = File::open(root.join(pack.pack_path()))?;
            if !pack::is_object(&file, offset, length)? {
                return Ok(None);
            }
            Stretch { file, offset, length, at: 0 }
        }
    };
    let mut beginning = [0; AGE_MAGIC.len()];
    let sealed = stretch.length >= beginning.len() as u64 && {
        stretch.file.read_exact_at(&mut beginning, stretch.offset)?;
        beginning == AGE_MAGIC
    };
    Ok(sealed.then(|| Box::new(stretch) as Box<dyn ObjectReader>))
}

/// Reads one object of a pack.
struct Stretch {
    file: File,
    /// Where the object begins in the pack.
    offset: u64,
    length: u64,
    at: u64,
}

impl Read for Stretch {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = self.length.saturating_sub(self.at);
        let most = usize::try_from(left).unwrap_or(usize::MAX).min(buffer.len());
        let read = self.file.read_at(&mut buffer[..most], self.offset + self.at)?;
        self.at += read as u64;
        Ok(read)
    }
}

impl Seek for Stretch {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let target = match to {
            SeekFrom::Start(at) => Some(at),
            SeekFrom::End(by) => self.length.checked_add_signed(by),
            SeekFrom::Current(by) => self.at.checked_add_signed(by),
        };
        self.at = target.ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.at)
    }
}

/// Erases places, and forces that to the disk once for each directory and pack.
fn erase(root: &Path, places: &[Place]) -> io::Result<()> {
    let mut directories = BTreeSet::new();
    let mut stretches: BTreeMap<FileName, Vec<(u64, u64)>> = BTreeMap::new();
    for place in places {
        match place {
            Place::File(name) => {
                let path = root.join(name.file_path());
                match fs::remove_file(&path) {
                    Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
                    // Not there, its removal may still have to be forced: a call that did not return removed it.
                    _ => directories.insert(durable::parent_of(&path).to_owned()),
                };
            }
            Place::Packed { pack, offset, length } => {
                stretches.entry(*pack).or_default().push((*offset, *length));
            }
        }
    }
    for directory in directories.iter().filter(|directory| directory.is_dir()) {
        durable::sync_directory(directory)?;
    }
    stretches.iter().try_for_each(|(pack, stretches)| pack::erase(&root.join(pack.pack_path()), stretches))
}
