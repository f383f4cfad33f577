//! Accepted means durable (invariant 1), held against a power cut: an ext4 image on a loop device is cut off under
//! load, mounted again, and whatever was acknowledged must be there, and what is there must be whole.
//!
//! What the writer is told after the cut is not counted: an fdatasync that extends a file and is overtaken by the
//! shutdown was seen to answer that all is well. After a power cut nobody is told anything.
//!
//! Units and objects take turns: each forces the journal of the whole file system, and would hide what the other
//! forgets to force.
//!
//! A disk that is full is told as such, and spoils nothing.
//!
//! It needs root, a loop device, `mkfs.ext4` and `python3`; where one is missing it says SKIPPED on stderr and passes.
//! Three rounds, or twenty with `PLI_ROUNDS=full`.

#![expect(clippy::unwrap_used, reason = "a test that cannot go on says where")]
#![expect(
    clippy::disallowed_methods,
    reason = "the test mounts file systems and starts itself as the one that is cut"
)]

mod disk;
mod load;

use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, RecvTimeoutError, channel};
use std::time::Duration;

use disk::{Disk, SmallDisk};
use load::{Acknowledged, Load};

/// Names the directory that the writing process works in; set, this binary is that process.
const WRITE_IN: &str = "PLI_POWER_CUT_WRITE_IN";
/// Names the round, so that no round repeats the numbers of another.
const WRITE_ROUND: &str = "PLI_POWER_CUT_ROUND";
/// How long the writer may take to notice that its disk is gone.
const NOTICE: Duration = Duration::from_secs(10);

#[test]
fn what_was_acknowledged_survives_a_power_cut() {
    let disk = match Disk::make() {
        Ok(disk) => disk,
        Err(missing) => return skip(&missing),
    };
    let full = std::env::var("PLI_ROUNDS").is_ok_and(|rounds| rounds == "full");
    let mut acknowledged = Acknowledged::default();
    for round in 0..if full { 20 } else { 3 } {
        disk.mount();
        cut_under_load(&disk, round, &mut acknowledged);
        disk.unmount();
        disk.mount();
        load::check(disk.path(), &acknowledged);
        disk.unmount();
        let _ = writeln!(std::io::stderr(), "power cut {}: {acknowledged} all there", round + 1);
    }
}

/// Past the harness's capture: nobody may take a skipped test for a passed one.
fn skip(missing: &str) {
    let _ = writeln!(std::io::stderr(), "\n*** power cut test SKIPPED: {missing} ***\n");
}

#[test]
fn a_full_disk_refuses_objects_and_leaves_nothing_half_made() {
    match SmallDisk::make(4) {
        Ok(disk) => load::fill_with_objects(disk.path()),
        Err(missing) => skip(&missing),
    }
}

#[test]
fn a_full_disk_refuses_units_and_keeps_what_was_acknowledged() {
    match SmallDisk::make(40) {
        Ok(disk) => load::fill_with_units(disk.path()),
        Err(missing) => skip(&missing),
    }
}

/// Starts a writer, notes what it is told, and cuts the disk off in the middle.
fn cut_under_load(disk: &Disk, round: u32, acknowledged: &mut Acknowledged) {
    let mut writer = start_writer(disk.path(), round);
    let lines = lines_of(&mut writer);
    let cut = disk.ready_to_cut();
    let enough = 1000 + 350 * (round % 5);
    let mut told = 0;
    while told < enough {
        told += u32::from(acknowledged.note(&lines.recv().unwrap()));
    }
    while let Ok(line) = lines.try_recv() {
        acknowledged.note(&line);
    }
    cut.now();
    while !matches!(lines.recv_timeout(NOTICE), Err(RecvTimeoutError::Disconnected)) {
        // Still telling, or hanging on a disk that is gone.
        writer.kill().unwrap();
    }
    writer.wait().unwrap();
}

fn start_writer(directory: &Path, round: u32) -> Child {
    Command::new(std::env::current_exe().unwrap())
        .args(["the_writer_that_is_cut_off", "--exact", "--nocapture"])
        .env(WRITE_IN, directory)
        .env(WRITE_ROUND, round.to_string())
        .stdout(Stdio::piped())
        .stderr(Stdio::null())
        .spawn()
        .unwrap()
}

fn lines_of(writer: &mut Child) -> Receiver<String> {
    let (sender, receiver) = channel();
    let output = BufReader::new(writer.stdout.take().unwrap());
    std::thread::spawn(move || {
        for line in output.lines().map_while(Result::ok) {
            if sender.send(line).is_err() {
                break;
            }
        }
    });
    receiver
}

/// No test of its own: the process that the test above starts.
#[test]
fn the_writer_that_is_cut_off() {
    if let Ok(directory) = std::env::var(WRITE_IN) {
        let round = std::env::var(WRITE_ROUND).unwrap().parse().unwrap();
        load::write_until_cut_off(Path::new(&directory), round, Load::of(round));
        // Without unwinding: the store's disk is gone, there is nothing to put in order.
        std::process::exit(0);
    }
}
