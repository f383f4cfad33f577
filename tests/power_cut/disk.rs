//! An ext4 file system on a loop device, which can be cut off; a small one in memory, which fills up.

use std::fs::File;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

const IMAGE_BYTES: u64 = 1024 * 1024 * 1024;

pub struct Disk {
    image: PathBuf,
    mount_point: PathBuf,
    _place: tempfile::TempDir,
}

impl Disk {
    /// Makes one; says what is missing where that is not possible.
    pub fn make() -> Result<Self, String> {
        if !rustix::process::geteuid().is_root() {
            return Err("it needs root".to_owned());
        }
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        let (image, mount_point) = (place.path().join("image"), place.path().join("disk"));
        std::fs::create_dir(&mount_point).map_err(|error| error.to_string())?;
        File::create(&image).and_then(|file| file.set_len(IMAGE_BYTES)).map_err(|error| error.to_string())?;
        run("mkfs.ext4", &["-q", "-F", text(&image)])?;
        run("python3", &["--version"])?;
        let disk = Self { image, mount_point, _place: place };
        disk.try_mount()?;
        disk.unmount();
        Ok(disk)
    }

    pub fn path(&self) -> &Path {
        &self.mount_point
    }

    pub fn mount(&self) {
        self.try_mount().unwrap();
    }

    /// The journal is not written out on its own: what is forced to the disk is all that is there.
    fn try_mount(&self) -> Result<(), String> {
        run("mount", &["-o", "loop,commit=600", text(&self.image), text(&self.mount_point)])
    }

    pub fn unmount(&self) {
        run("umount", &[text(&self.mount_point)]).unwrap();
    }

    /// Gets ready to cut it off; takes a moment, so that the cut itself does not.
    pub fn ready_to_cut(&self) -> Cut {
        let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/tools/fs_shutdown.py");
        let mut tool = Command::new("python3")
            .args([script, text(&self.mount_point)])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut ready = String::new();
        BufReader::new(tool.stdout.take().unwrap()).read_line(&mut ready).unwrap();
        assert_eq!(ready, "ready\n");
        Cut(tool)
    }
}

/// A small file system in memory, soon full.
pub struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    /// Makes one; says what is missing where that is not possible.
    pub fn make(mebibytes: u32) -> Result<Self, String> {
        let place = tempfile::tempdir().map_err(|error| error.to_string())?;
        run("mount", &["-t", "tmpfs", "-o", &format!("size={mebibytes}m"), "tmpfs", text(place.path())])?;
        Ok(Self(place))
    }

    pub fn path(&self) -> &Path {
        self.0.path()
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = run("umount", &["--lazy", text(self.0.path())]);
    }
}

/// A finger on the switch.
pub struct Cut(Child);

impl Cut {
    /// Nothing more reaches the disk.
    pub fn now(mut self) {
        self.0.stdin.take().unwrap().write_all(b"\n").unwrap();
        assert!(self.0.wait().unwrap().success());
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        // Not mounted after a test that went well.
        let _ = run("umount", &["--lazy", text(&self.mount_point)]);
    }
}

fn run(program: &str, arguments: &[&str]) -> Result<(), String> {
    let output = Command::new(program).args(arguments).stdin(Stdio::null()).output();
    let output = output.map_err(|error| format!("{program}: {error}"))?;
    if output.status.success() {
        Ok(())
    } else {
        Err(format!("{program}: {}", String::from_utf8_lossy(&output.stderr).trim()))
    }
}

fn text(path: &Path) -> &str {
    path.to_str().unwrap()
}
