//! Objects that are kept also while they are unfinished: a segment of an upload is written where it will stay, under a
//! locator that is known before its first byte. What a crash leaves of it can be read by whoever has the key.
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | locator given out | nothing |
//! | bytes written | what was written, but for the last pieces, of [`PIECE_BYTES`] each |
//! | all forced to the disk | the object |

use std::fs::File;
use std::io::{self, Write};
use std::path::PathBuf;
use std::sync::Arc;

use async_trait::async_trait;
use tokio::task::{JoinHandle, spawn_blocking};

use super::super::durable;
use super::days::DayDirectories;
use super::large::blocking;
use super::locator::{FileName, Place};
use crate::app::ports::{ObjectError, ObjectWriter};
use crate::transfer::ObjectLocator;
use crate::vault::AGE_MAGIC;

/// Bytes that are gathered before they are written. A kill loses at most two pieces: one that fills and one on its way.
pub(super) const PIECE_BYTES: usize = 256 * 1024;
/// After this many bytes the file is forced to the disk while it is still being received.
const FORCE_EVERY_BYTES: u64 = 16 * 1024 * 1024;

/// A kept object in the making.
pub(super) struct KeptObject {
    root: PathBuf,
    days: Arc<DayDirectories>,
    name: FileName,
    filling: Vec<u8>,
    has_begun: bool,
    disk: Disk,
}

enum Disk {
    /// The file is made with its first piece.
    NotMade,
    /// A piece is being written.
    Writing(JoinHandle<io::Result<Box<Target>>>),
    /// An error was told; nothing more is taken.
    Failed,
}

struct Target {
    file: File,
    piece: Vec<u8>,
    not_forced: u64,
}

impl KeptObject {
    pub(super) fn new(root: PathBuf, days: Arc<DayDirectories>, name: FileName) -> Self {
        Self { root, days, name, filling: Vec::new(), has_begun: false, disk: Disk::NotMade }
    }

    async fn flush(&mut self) -> io::Result<()> {
        let mut target = self.idle().await?;
        std::mem::swap(&mut target.piece, &mut self.filling);
        self.disk = Disk::Writing(spawn_blocking(move || target.write_piece()));
        Ok(())
    }

    /// Waits until nothing is being written.
    async fn idle(&mut self) -> io::Result<Box<Target>> {
        match std::mem::replace(&mut self.disk, Disk::Failed) {
            Disk::NotMade => {
                let (days, day) = (Arc::clone(&self.days), self.name.day);
                let path = self.root.join(self.name.file_path());
                let file = blocking(move || {
                    days.ensure(day)?;
                    durable::create_file(&path)
                });
                let piece = Vec::with_capacity(PIECE_BYTES);
                Ok(Box::new(Target { file: file.await?, piece, not_forced: 0 }))
            }
            Disk::Writing(task) => task.await.map_err(io::Error::other)?,
            Disk::Failed => Err(io::Error::other("the object failed before")),
        }
    }

    async fn take(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = PIECE_BYTES.saturating_sub(self.filling.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() >= PIECE_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    async fn end(mut self) -> io::Result<ObjectLocator> {
        self.flush().await?;
        let target = self.idle().await?;
        let path = self.root.join(self.name.file_path());
        blocking(move || {
            target.file.sync_all()?;
            durable::sync_directory(durable::parent_of(&path))
        })
        .await?;
        Ok(Place::File(self.name).locator())
    }
}

#[async_trait]
impl ObjectWriter for KeptObject {
    async fn write(&mut self, sealed: &[u8]) -> Result<(), ObjectError> {
        if !self.has_begun && !sealed.is_empty() && !sealed.starts_with(AGE_MAGIC) {
            self.disk = Disk::Failed;
            return Err(ObjectError::NotSealed);
        }
        self.has_begun |= !sealed.is_empty();
        self.take(sealed).await.map_err(ObjectError::Unavailable)
    }

    async fn finish(self: Box<Self>) -> Result<ObjectLocator, ObjectError> {
        if !self.has_begun {
            return Err(ObjectError::NotSealed);
        }
        self.end().await.map_err(ObjectError::Unavailable)
    }
}

impl Target {
    fn write_piece(mut self: Box<Self>) -> io::Result<Box<Self>> {
        self.file.write_all(&self.piece)?;
        self.not_forced += self.piece.len() as u64;
        if self.not_forced >= FORCE_EVERY_BYTES {
            self.file.sync_data()?;
            self.not_forced = 0;
        }
        self.piece.clear();
        Ok(self)
    }
}
