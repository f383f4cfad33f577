//! A private `clamd` (Debian's) for tests: a database made by hand, a unix socket in a directory of its own, a temporary
//! directory in memory. It can be killed and started again; it touches nothing of the system's own.

#![expect(clippy::disallowed_methods, reason = "it starts a real scanner and waits for it")]

use std::fmt::Write;
use std::fs;
use std::os::unix::fs::PermissionsExt;
use std::os::unix::net::UnixStream;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

/// What the database knows anywhere in a file. Put together here, so that this file does not hold it.
pub fn marker() -> Vec<u8> {
    [b"PLI-SYNTHETIC-".as_slice(), b"SIGNATURE-FOR-TESTS"].concat()
}

/// The EICAR test file (eicar.org), put together for the same reason.
pub fn eicar() -> Vec<u8> {
    [br"X5O!P%@AP[4\PZX54(P^)7CC)7}$".as_slice(), b"EICAR-STANDARD-", b"ANTIVIRUS-TEST-FILE!$H+H*"].concat()
}

/// How much it may take, in MiB.
pub const LARGEST_MIB: u64 = 100;
const STARTS_WITHIN: Duration = Duration::from_secs(30);

pub struct PrivateClamd {
    place: tempfile::TempDir,
    memory: Memory,
    process: Option<Child>,
}

/// A private tmpfs of limited size.
struct Memory {
    place: tempfile::TempDir,
    is_mounted: bool,
}

impl Memory {
    /// Within the one that every Linux has where that one is limited; else one of its own, which needs root.
    fn make() -> Self {
        let shared = fs::read_to_string("/proc/self/mountinfo").unwrap();
        let is_limited = |line: &str| line.contains(" /dev/shm ") && line.contains("size=");
        let place = if shared.lines().any(is_limited) { Path::new("/dev/shm") } else { Path::new("/tmp") };
        let memory = tempfile::tempdir_in(place).unwrap();
        fs::set_permissions(memory.path(), fs::Permissions::from_mode(0o700)).unwrap();
        let is_mounted = place == Path::new("/tmp");
        if is_mounted {
            let options = "size=512m,mode=0700";
            let mut mount = Command::new("mount");
            mount.args(["-t", "tmpfs", "-o", options, "tmpfs"]).arg(memory.path());
            assert!(mount.status().unwrap().success(), "a tmpfs of limited size cannot be mounted");
        }
        Self { place: memory, is_mounted }
    }
}

impl Drop for Memory {
    fn drop(&mut self) {
        if self.is_mounted {
            let _ = Command::new("umount").arg(self.place.path()).status();
        }
    }
}

impl PrivateClamd {
    pub fn start() -> Self {
        let mut clamd = Self { place: tempfile::tempdir().unwrap(), memory: Memory::make(), process: None };
        clamd.write();
        clamd.start_again();
        clamd
    }

    pub fn socket(&self) -> PathBuf {
        self.place.path().join("clamd.sock")
    }

    pub fn temporary_directory(&self) -> PathBuf {
        self.memory.place.path().to_owned()
    }

    pub fn kill(&mut self) {
        if let Some(mut process) = self.process.take() {
            process.kill().unwrap();
            process.wait().unwrap();
        }
    }

    /// Starts it; returns when it takes connections.
    pub fn start_again(&mut self) {
        self.kill();
        let _ = fs::remove_file(self.socket());
        let process = Command::new("/usr/sbin/clamd")
            .arg("--config-file")
            .arg(self.place.path().join("clamd.conf"))
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn();
        let missing = |error| panic!("clamd: {error}; tests/tools/install installs it");
        self.process = Some(process.unwrap_or_else(missing));
        let begun = Instant::now();
        while UnixStream::connect(self.socket()).is_err() {
            assert!(begun.elapsed() < STARTS_WITHIN, "clamd does not start");
            std::thread::yield_now();
        }
    }

    fn write(&self) {
        let database = self.place.path().join("database");
        fs::create_dir(&database).unwrap();
        let mut hex = String::new();
        for byte in marker() {
            write!(hex, "{byte:02x}").unwrap();
        }
        fs::write(database.join("pli.ndb"), format!("Pli.Test.Marker:0:*:{hex}\n")).unwrap();
        // MD5 and size of the EICAR file.
        fs::write(database.join("pli.hdb"), "44d88612fea8a8f36de82e1278abb02f:68:Eicar-Test\n").unwrap();
        let user = if rustix::process::geteuid().is_root() { "User root\n" } else { "" };
        let configuration = format!(
            "Foreground yes\nLocalSocket {}\nLocalSocketMode 600\nDatabaseDirectory {}\nTemporaryDirectory {}\n\
             StreamMaxLength {LARGEST_MIB}M\nMaxFileSize {LARGEST_MIB}M\nMaxScanSize 400M\nAlertExceedsMax yes\n\
             AlertEncrypted yes\nAlertOLE2Macros yes\nSelfCheck 0\n{user}",
            self.socket().display(),
            database.display(),
            self.temporary_directory().display(),
        );
        fs::write(self.place.path().join("clamd.conf"), configuration).unwrap();
    }
}

impl Drop for PrivateClamd {
    fn drop(&mut self) {
        self.kill();
    }
}
