//! Files that survive a power cut: each function returns after its effect, and the name that leads to it, is on the
//! disk. Everything is made for the gateway's user alone (0600, 0700). It does not know what the bytes mean.

use std::fs::{self, DirBuilder, File, OpenOptions};
use std::io::{self, Seek, SeekFrom, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

/// How the name of a file in the making ends; one that is found after a crash is removed.
const UNFINISHED_SUFFIX: &str = ".tmp";
/// Bytes that a file is overwritten with at a time.
const WIPE_CHUNK_BYTES: usize = 4096;

/// Makes a directory and those above it; one that exists is left as it is.
pub(super) fn make_directory(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    let parent = parent_of(path);
    make_directory(parent)?;
    match DirBuilder::new().mode(0o700).create(path) {
        Err(error) if error.kind() != io::ErrorKind::AlreadyExists => return Err(error),
        _ => {}
    }
    sync_directory(parent)
}

/// Forces the names in a directory to the disk.
pub(super) fn sync_directory(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Makes a new file for writing; one of that name must not exist.
pub(super) fn create_file(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).read(true).create_new(true).mode(0o600).open(path)
}

/// Writes a small file whole or not at all, in place of the one that was there.
pub(super) fn write_whole(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let unfinished = directory.join(format!("{name}{UNFINISHED_SUFFIX}"));
    let mut file =
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    let renamed = written.and_then(|()| fs::rename(&unfinished, directory.join(name)));
    if renamed.is_err() {
        // The error that is reported is the first one; what is left is removed at the next start.
        let _ = wipe(&unfinished);
    }
    renamed.and_then(|()| sync_directory(directory))
}

/// Adds to the end of a small file, which is made if it is not there.
pub(super) fn append(directory: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let path = directory.join(name);
    let is_new = !path.exists();
    let mut file = OpenOptions::new().append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    let written = file.write_all(bytes).and_then(|()| file.sync_all());
    if written.is_err() {
        // Half of it must not stand before what is added next; if that fails too, the next opening cuts it off.
        let _ = file.set_len(length);
    }
    written?;
    if is_new { sync_directory(directory) } else { Ok(()) }
}

/// Reads a small file; `None` when it is not there.
pub(super) fn read_if_there(path: &Path) -> io::Result<Option<Vec<u8>>> {
    match fs::read(path) {
        Ok(bytes) => Ok(Some(bytes)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

/// Overwrites a file with zeros and removes it; one that is not there is no error.
///
/// On flash and on file systems that copy on write the old blocks may live on below: a disk that must forget is an
/// encrypted disk.
pub(super) fn wipe(path: &Path) -> io::Result<()> {
    let mut file = match OpenOptions::new().write(true).open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        Err(error) => return Err(error),
    };
    overwrite(&mut file)?;
    fs::remove_file(path)?;
    sync_directory(parent_of(path))
}

fn overwrite(file: &mut File) -> io::Result<()> {
    let mut left = file.metadata()?.len();
    file.seek(SeekFrom::Start(0))?;
    while left > 0 {
        let length = usize::try_from(left).unwrap_or(usize::MAX).min(WIPE_CHUNK_BYTES);
        file.write_all(&[0; WIPE_CHUNK_BYTES][..length])?;
        left -= length as u64;
    }
    file.sync_all()
}

/// Removes what a crash left unfinished in a directory.
pub(super) fn remove_unfinished(directory: &Path) -> io::Result<()> {
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        if entry.file_name().to_string_lossy().ends_with(UNFINISHED_SUFFIX) {
            wipe(&entry.path())?;
        }
    }
    Ok(())
}

/// The directory that holds a path; `.` for a bare name.
pub(super) fn parent_of(path: &Path) -> &Path {
    match path.parent() {
        Some(parent) if parent.as_os_str().is_empty() => Path::new("."),
        Some(parent) => parent,
        None => path,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::os::unix::fs::PermissionsExt;

    #[test]
    fn a_file_is_replaced_whole_and_for_its_owner_only() {
        let place = tempfile::tempdir().unwrap();
        let directory = place.path().join("a/b");
        make_directory(&directory).unwrap();
        write_whole(&directory, "x", b"one, which is longer").unwrap();
        write_whole(&directory, "x", b"two").unwrap();
        assert_eq!(fs::read(directory.join("x")).unwrap(), b"two");
        assert_eq!(fs::metadata(directory.join("x")).unwrap().permissions().mode() & 0o777, 0o600);
        assert_eq!(fs::metadata(&directory).unwrap().permissions().mode() & 0o777, 0o700);
        assert_eq!(fs::read_dir(&directory).unwrap().count(), 1, "nothing unfinished is left");
    }

    #[test]
    fn a_wiped_file_holds_zeros_before_it_goes() {
        let place = tempfile::tempdir().unwrap();
        let (path, other_name) = (place.path().join("x"), place.path().join("y"));
        fs::write(&path, [7; 10_000]).unwrap();
        fs::hard_link(&path, &other_name).unwrap();
        wipe(&path).unwrap();
        wipe(&path).unwrap();
        assert!(!path.exists());
        assert_eq!(fs::read(other_name).unwrap(), [0; 10_000]);
    }

    #[test]
    fn what_a_crash_left_unfinished_is_removed() {
        let place = tempfile::tempdir().unwrap();
        fs::write(place.path().join("a.key.tmp"), b"half").unwrap();
        fs::write(place.path().join("b.key"), b"whole").unwrap();
        remove_unfinished(place.path()).unwrap();
        assert!(!place.path().join("a.key.tmp").exists());
        assert!(place.path().join("b.key").exists());
    }
}
