//! Puts objects of a backup back where they were: a file of its own, or its stretch of a pack. Packs come back with holes
//! where nothing was backed up; what follows a header is an age file, as before.

use std::fs::{File, OpenOptions};
use std::io::{self, Read};
use std::os::unix::fs::{FileExt, OpenOptionsExt};
use std::path::Path;

use super::super::durable;
use super::locator::Place;
use super::pack;

/// Bytes that are copied at once.
const COPY_BYTES: usize = 256 * 1024;

/// Puts one object back. Not forced to the disk: [`settle`] does that for all of them.
pub(super) fn put_back(root: &Path, place: Place, size: u64, sealed: &mut dyn Read) -> io::Result<()> {
    let (path, offset) = match place {
        Place::File(name) => (root.join(name.file_path()), 0),
        Place::Packed { pack, offset, length } if length == size => (root.join(pack.pack_path()), offset),
        Place::Packed { .. } => return Err(io::ErrorKind::InvalidData.into()),
    };
    durable::make_directory(durable::parent_of(&path))?;
    let file = OpenOptions::new().write(true).create(true).truncate(false).mode(0o600).open(&path)?;
    if let Place::Packed { offset, length, .. } = place {
        pack::write_header(&file, offset, length)?;
    }
    let copied = copy(&file, offset, sealed)?;
    if copied == size { Ok(()) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

fn copy(file: &File, mut offset: u64, sealed: &mut dyn Read) -> io::Result<u64> {
    let (mut buffer, mut copied) = (vec![0; COPY_BYTES], 0);
    loop {
        let count = sealed.read(&mut buffer)?;
        if count == 0 {
            return Ok(copied);
        }
        file.write_all_at(&buffer[..count], offset)?;
        offset += count as u64;
        copied += count as u64;
    }
}

/// Forces the whole file system of the store to the disk, once.
pub(super) fn settle(root: &Path) -> io::Result<()> {
    let root = File::open(root)?;
    rustix::fs::syncfs(&root)?;
    Ok(())
}
