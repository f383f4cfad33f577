//! Large objects: a file of its own, written beside the others under a passing name, then renamed.
//!
//! | step | a crash after it leaves |
//! | --- | --- |
//! | file made in `incoming` | a file that the next start removes |
//! | all bytes forced to the disk | the same |
//! | renamed, its new name forced to the disk | an object that no record names, until the caller's commit |

use std::fs::{self, File};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use tokio::task::{JoinHandle, spawn_blocking};

use super::super::durable;

/// Bytes that are gathered before they go to the disk.
pub(super) const BUFFER_BYTES: usize = 1024 * 1024;
/// So many bytes at once are written as they are, without being gathered.
const OWN_WRITE_BYTES: usize = 128 * 1024;
/// After this many bytes the file is forced to the disk while it is still being received: the end need not wait for
/// all of it, and the kernel holds no more than this of it in memory.
const FORCE_EVERY_BYTES: u64 = 32 * 1024 * 1024;

/// A large object in the making: one buffer fills while the other is written.
pub(super) struct LargeFile {
    filling: Vec<u8>,
    disk: Disk,
    unfinished: Unfinished,
}

enum Disk {
    /// The file, and an empty buffer to swap.
    Idle(Box<Target>),
    /// A buffer is being written.
    Writing(JoinHandle<io::Result<Box<Target>>>),
    /// An error was told; nothing more is taken.
    Failed,
}

struct Target {
    file: File,
    buffer: Vec<u8>,
    not_forced: u64,
}

/// A file under its passing name; dropped, it is removed.
struct Unfinished(Option<PathBuf>);

impl Drop for Unfinished {
    fn drop(&mut self) {
        if let Some(path) = self.0.take() {
            // What stays is removed at the next start.
            let _ = fs::remove_file(path);
        }
    }
}

impl LargeFile {
    /// Begins a file with the bytes so far.
    pub(super) async fn create(path: PathBuf, bytes: Vec<u8>) -> io::Result<Self> {
        // Made where the file is made: a caller that goes away meanwhile leaves nothing.
        let (file, unfinished) =
            blocking(move || Ok((durable::create_file(&path)?, Unfinished(Some(path))))).await?;
        let target = Target { file, buffer: Vec::new(), not_forced: 0 };
        Ok(Self { filling: bytes, disk: Disk::Idle(Box::new(target)), unfinished })
    }

    /// Adds bytes; waits for the disk when it is slower than the sender.
    pub(super) async fn write(&mut self, mut bytes: &[u8]) -> io::Result<()> {
        while !bytes.is_empty() {
            let room = BUFFER_BYTES.saturating_sub(self.filling.len()).min(bytes.len());
            let (now, later) = bytes.split_at(room);
            self.filling.extend_from_slice(now);
            bytes = later;
            if self.filling.len() >= BUFFER_BYTES {
                self.flush().await?;
            }
        }
        Ok(())
    }

    /// Adds bytes without copying them when there are enough for a write of their own. Gives back the buffer that was
    /// written before, emptied: new memory for each write would cost as many page faults as it has pages.
    pub(super) async fn write_owned(&mut self, mut bytes: Vec<u8>) -> io::Result<Vec<u8>> {
        if bytes.len() < OWN_WRITE_BYTES {
            self.write(&bytes).await?;
            bytes.clear();
            return Ok(bytes);
        }
        if !self.filling.is_empty() {
            self.flush().await?;
        }
        let mut target = self.idle().await?;
        let written = std::mem::replace(&mut target.buffer, bytes);
        self.disk = Disk::Writing(spawn_blocking(move || target.write_buffer()));
        Ok(written)
    }

    /// Forces all to the disk and gives the file its lasting name.
    pub(super) async fn finish(mut self, path: PathBuf) -> io::Result<()> {
        self.flush().await?;
        let target = self.idle().await?;
        let Some(unfinished) = self.unfinished.0.clone() else { return Err(io::ErrorKind::NotFound.into()) };
        blocking(move || {
            target.file.sync_all()?;
            fs::rename(unfinished, &path)?;
            durable::sync_directory(durable::parent_of(&path))
        })
        .await?;
        self.unfinished.0 = None;
        Ok(())
    }

    async fn flush(&mut self) -> io::Result<()> {
        let mut target = self.idle().await?;
        std::mem::swap(&mut target.buffer, &mut self.filling);
        self.disk = Disk::Writing(spawn_blocking(move || target.write_buffer()));
        Ok(())
    }

    /// Waits until nothing is being written.
    async fn idle(&mut self) -> io::Result<Box<Target>> {
        match std::mem::replace(&mut self.disk, Disk::Failed) {
            Disk::Idle(target) => Ok(target),
            Disk::Writing(task) => task.await.map_err(io::Error::other)?,
            Disk::Failed => Err(io::Error::other("the object failed before")),
        }
    }
}

impl Target {
    fn write_buffer(mut self: Box<Self>) -> io::Result<Box<Self>> {
        self.file.write_all(&self.buffer)?;
        self.not_forced += self.buffer.len() as u64;
        if self.not_forced >= FORCE_EVERY_BYTES {
            self.file.sync_data()?;
            self.not_forced = 0;
        }
        self.buffer.clear();
        Ok(self)
    }
}

/// Removes what a crash left; it was sealed and nobody knows its name.
pub(super) fn clear(incoming: &Path) -> io::Result<()> {
    for entry in fs::read_dir(incoming)? {
        fs::remove_file(entry?.path())?;
    }
    Ok(())
}

/// Runs file work where blocking is allowed.
pub(super) async fn blocking<T: Send + 'static>(
    work: impl FnOnce() -> io::Result<T> + Send + 'static,
) -> io::Result<T> {
    spawn_blocking(work).await.map_err(io::Error::other)?
}
