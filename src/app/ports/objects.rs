//! The object port: where sealed bytes of any size are kept.

use std::io::{Read, Seek};

use async_trait::async_trait;
use thiserror::Error;

use crate::transfer::ObjectLocator;
use crate::value::Day;

/// What can go wrong. Ours to mend; the sender is told to retry.
#[derive(Debug, Error)]
pub enum ObjectError {
    /// The first bytes are not those of an age file: somebody tried to store something in clear. Nothing was
    /// stored.
    #[error("refused to store bytes that are not sealed")]
    NotSealed,
    /// The object is not there: erased, or never finished.
    #[error("the object is not there")]
    Missing,
    /// The disk is full, or could not be read or written.
    #[error("the object store is not available")]
    Unavailable(#[source] std::io::Error),
}

/// An object in the making. Dropped before [`ObjectWriter::finish`], it leaves nothing that can be found, save of an
/// object that is kept unfinished ([`Objects::create_kept`]).
#[async_trait]
pub trait ObjectWriter: Send {
    /// Adds sealed bytes. The first call must bring at least the first line of an age file.
    async fn write(&mut self, sealed: &[u8]) -> Result<(), ObjectError>;
    /// As [`ObjectWriter::write`], of bytes that the caller needs no more: a store may keep them without copying. Gives
    /// back an empty buffer, if it has one with room, to be filled anew.
    async fn write_owned(&mut self, mut sealed: Vec<u8>) -> Result<Vec<u8>, ObjectError> {
        self.write(&sealed).await?;
        sealed.clear();
        Ok(sealed)
    }
    /// Ends the object and returns where it is kept. When this returns, the object survives a power cut.
    async fn finish(self: Box<Self>) -> Result<ObjectLocator, ObjectError>;
}

/// Reads a sealed object, at first from its beginning; used where blocking is allowed.
pub trait ObjectReader: Read + Seek + Send {}

impl<R: Read + Seek + Send> ObjectReader for R {}

/// Keeps sealed objects.
///
/// - An object is written once, never changed; a locator is never reused.
/// - Durable when [`ObjectWriter::finish`] returns. Many writers may be at work; small objects may share one disk
///   write (group commit).
/// - An object that no record names (the process died between `finish` and the commit) is harmless: it is sealed,
///   and [`Objects::sweep`] ends it.
#[async_trait]
pub trait Objects: Send + Sync {
    /// Begins an object. `today` dates it for [`Objects::sweep`].
    async fn create(&self, today: Day) -> Result<Box<dyn ObjectWriter>, ObjectError>;
    /// Begins an object that is kept also when it is never finished, under a locator that is known before its first
    /// byte: an upload that was interrupted goes on from what there is of it. Nothing exists before the first
    /// [`ObjectWriter::write`]; from then on [`Objects::open`] reads what reached the disk, after a kill at most 512 KiB
    /// less than was written, until it is erased or swept. Written only once, like every object.
    async fn create_kept(&self, today: Day) -> Result<(ObjectLocator, Box<dyn ObjectWriter>), ObjectError>;
    /// Opens an object for reading.
    async fn open(&self, locator: &ObjectLocator) -> Result<Box<dyn ObjectReader>, ObjectError>;
    /// Erases objects; one that is not there is no error. Readers that are at work may fail.
    async fn erase(&self, locators: &[ObjectLocator]) -> Result<(), ObjectError>;
    /// Erases whatever was begun before a day, named by a record or not. Returns how many objects or groups went.
    async fn sweep(&self, before: Day) -> Result<u64, ObjectError>;
    /// Puts an object back where its locator says, from a backup; where blocking is allowed. Durable after
    /// [`Objects::settle`] only.
    fn put_back(&self, locator: &ObjectLocator, size: u64, sealed: &mut dyn Read) -> Result<(), ObjectError>;
    /// Forces all that was put back to the disk; where blocking is allowed.
    fn settle(&self) -> Result<(), ObjectError>;
}
