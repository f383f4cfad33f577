//! Where `clamd` writes what it is streamed, and whether that is memory, private and limited. Read from the kernel's table
//! of mounts each time it is asked: a mount that went away must be noticed.

use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::app::ports::ScannerError;

const MOUNTS: &str = "/proc/self/mountinfo";

/// The scanner's temporary directory.
#[derive(Debug, Clone)]
pub struct TemporaryDirectory(PathBuf);

impl TemporaryDirectory {
    /// The directory that `TemporaryDirectory` of `clamd.conf` names.
    pub fn new(path: PathBuf) -> Self {
        Self(path)
    }

    /// Whether it is a private tmpfs of limited size.
    pub fn check(&self) -> Result<(), ScannerError> {
        let wrong =
            |problem| ScannerError::TemporaryDirectory { place: self.0.display().to_string(), problem };
        let real = fs::canonicalize(&self.0).map_err(|_| wrong("it is not there, or cannot be seen"))?;
        let metadata = fs::metadata(&real).map_err(|_| wrong("it is not there, or cannot be seen"))?;
        if !metadata.is_dir() {
            return Err(wrong("it is no directory"));
        }
        if metadata.permissions().mode() & 0o077 != 0 {
            return Err(wrong("others than its owner can look into it (mode 0700 is needed)"));
        }
        let mounts = fs::read_to_string(MOUNTS).map_err(|_| wrong("the mounts cannot be read"))?;
        judge(&mounts, &real).map_err(wrong)
    }
}

/// Judges the mount that a path is on (proc(5), mountinfo). The last one that fits hides those before it.
fn judge(mounts: &str, path: &Path) -> Result<(), &'static str> {
    let mut best: Option<(usize, &str, &str)> = None;
    for line in mounts.lines() {
        let Some((before, after)) = line.split_once(" - ") else { continue };
        let Some(point) = before.split(' ').nth(4) else { continue };
        let mut after = after.split(' ');
        let (Some(kind), _, Some(options)) = (after.next(), after.next(), after.next()) else { continue };
        let length = point.len();
        if path.starts_with(unescaped(point)) && best.is_none_or(|(longest, _, _)| length >= longest) {
            best = Some((length, kind, options));
        }
    }
    let (_, kind, options) = best.ok_or("its mount cannot be told")?;
    if kind != "tmpfs" {
        return Err("it is not on a tmpfs: what is scanned would reach a disk in clear");
    }
    if !options.split(',').any(|option| option.starts_with("size=")) {
        return Err("its tmpfs has no size of its own (mount it with size=)");
    }
    Ok(())
}

/// Spaces and the like stand as octal numbers in the table.
fn unescaped(point: &str) -> PathBuf {
    PathBuf::from(point.replace("\\040", " ").replace("\\011", "\t").replace("\\134", "\\"))
}

#[cfg(test)]
mod tests {
    use super::*;

    const MOUNTED: &str = "\
22 1 8:1 / / rw,relatime shared:1 - ext4 /dev/sda1 rw
23 22 0:20 / /run rw,nosuid shared:2 - tmpfs tmpfs rw,mode=755
24 23 0:21 / /run/pli-clamd rw,nosuid,nodev - tmpfs tmpfs rw,size=2097152k,mode=700,uid=105
25 22 0:22 / /mnt/a\\040b rw - tmpfs tmpfs rw,size=1024k
26 24 8:1 /x /run/pli-clamd/disk rw - ext4 /dev/sda1 rw
27 22 0:23 / /gone rw - tmpfs tmpfs rw,size=1k
28 22 8:2 / /gone rw - ext4 /dev/sdb rw";

    #[test]
    fn a_tmpfs_of_its_own_size_will_do_and_nothing_else() {
        let judged = |path: &str| judge(MOUNTED, Path::new(path));
        assert_eq!(judged("/run/pli-clamd"), Ok(()));
        assert_eq!(judged("/run/pli-clamd/tmp"), Ok(()));
        assert_eq!(judged("/mnt/a b"), Ok(()));
        assert!(judged("/var/tmp").unwrap_err().contains("disk"));
        assert!(judged("/run/clamav").unwrap_err().contains("size="));
        assert!(judged("/run/pli-clamd/disk").unwrap_err().contains("disk"));
        assert!(judged("/gone").unwrap_err().contains("disk"), "the later mount hides the earlier");
        assert!(judge("", Path::new("/")).is_err());
    }

    #[test]
    fn a_directory_that_others_can_look_into_is_refused() {
        let place = tempfile::tempdir().unwrap();
        fs::set_permissions(place.path(), fs::Permissions::from_mode(0o755)).unwrap();
        let told = TemporaryDirectory::new(place.path().to_owned()).check().unwrap_err().to_string();
        assert!(told.contains("0700"), "{told}");
        let missing = TemporaryDirectory::new(place.path().join("missing")).check().unwrap_err().to_string();
        assert!(missing.contains("not there"), "{missing}");
    }
}
