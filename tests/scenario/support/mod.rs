//! What the stories share: the gateway as a process, a browser without a screen, a mail client, the outbox, samples.
//! Nothing here knows the gateway's insides: all goes through what outsiders rely on.

pub mod age;
pub mod certificates;
pub mod dovecot;
pub mod gateway;
pub mod html;
pub mod http;
pub mod log;
pub mod outbox;
pub mod peers;
#[path = "../../tools/ports.rs"]
pub mod ports;
pub mod samples;
pub mod served;
pub mod smtp;
pub mod steps;

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};
use std::time::{Duration, Instant};

/// How long a condition may take to come true before the story fails. Nothing waits this long when all is well; the
/// longest that a gateway takes by itself is a held deposit that it looks at again after a minute.
const DEADLINE: Duration = Duration::from_mins(2);
/// How often it is looked at.
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// Waits for something that can be seen from outside, and fails by name when it does not come.
pub fn wait_for<T>(what: &str, mut seen: impl FnMut() -> Option<T>) -> T {
    let deadline = now() + DEADLINE;
    loop {
        if let Some(found) = seen() {
            return found;
        }
        assert!(now() < deadline, "waited {DEADLINE:?} for: {what}");
        std::thread::sleep(LOOK_EVERY);
    }
}

/// Waits until a condition holds.
pub fn wait_until(what: &str, mut holds: impl FnMut() -> bool) {
    wait_for(what, || holds().then_some(()));
}

#[expect(clippy::disallowed_methods, reason = "the test watches a real process in real time")]
pub fn now() -> Instant {
    Instant::now()
}

/// `many` with `PLI_ROUNDS=full`, else `few`.
#[expect(clippy::disallowed_methods, reason = "the one switch of the tests: full or reduced rounds")]
pub fn rounds(few: usize, many: usize) -> usize {
    if std::env::var("PLI_ROUNDS").is_ok_and(|rounds| rounds == "full") { many } else { few }
}

/// A program to run, looked up on the PATH. When it is missing the story fails and says what to do.
#[expect(clippy::disallowed_methods, reason = "the tests drive real programs")]
pub fn program(name: &str) -> Command {
    Command::new(name)
}

/// Runs a program to its end.
pub fn run(command: &mut Command) -> Output {
    command
        .output()
        .unwrap_or_else(|error| panic!("{command:?}: {error}; tests/tools/install installs what is missing"))
}

/// Runs a program that must succeed, and gives what it wrote to its standard output.
pub fn run_well(command: &mut Command) -> Vec<u8> {
    let output = run(command);
    assert!(
        output.status.success(),
        "{command:?}: {}\n{}{}",
        output.status,
        String::from_utf8_lossy(&output.stdout),
        String::from_utf8_lossy(&output.stderr)
    );
    output.stdout
}

/// Every file under a folder; one that disappears meanwhile is left out.
pub fn files_under(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    for entry in fs::read_dir(folder).into_iter().flatten().flatten() {
        match entry.file_type() {
            Ok(kind) if kind.is_dir() => found.extend(files_under(&entry.path())),
            Ok(kind) if kind.is_file() => found.push(entry.path()),
            _ => {}
        }
    }
    found
}

/// Copies a folder as a backup would.
pub fn copy_folder(from: &Path, to: &Path) {
    for file in files_under(from) {
        let target = to.join(file.strip_prefix(from).unwrap());
        fs::create_dir_all(target.parent().unwrap()).unwrap();
        fs::copy(&file, target).unwrap();
    }
}

/// Whether `needle` is somewhere in `hay`.
pub fn holds(hay: &[u8], needle: &[u8]) -> bool {
    hay.windows(needle.len()).any(|window| window == needle)
}
