//! What a hostile mail of 64 KiB costs to parse: `cargo bench --bench hostile_mail`.
//!
//! Each shape is parsed in a process of its own, so that the peak of its memory is its own. Prints time and memory of each and
//! fails when a bound of issue 5 is missed: 50 ms and 32 MB.

#![expect(clippy::expect_used, reason = "a benchmark that cannot run is none")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures the time that passes")]

#[path = "figures/hostile_mail.rs"]
mod hostile_mail;

use std::process::Command;
use std::time::{Duration, Instant};

use pli::message::{Limits, parse};

const MAX_TIME: Duration = Duration::from_millis(50);
const MAX_PEAK_KB: u64 = 32_000;

fn main() {
    let shapes = hostile_mail::hostile();
    if let Some(number) = std::env::args().nth(1).and_then(|number| number.parse::<usize>().ok()) {
        return one(&shapes[number].1);
    }
    let this = std::env::current_exe().expect("a benchmark knows its own file");
    let mut missed = Vec::new();
    for (number, (shape, _)) in shapes.iter().enumerate() {
        let done = Command::new(&this).arg(number.to_string()).output().expect("it runs again");
        let text = String::from_utf8_lossy(&done.stdout).into_owned();
        let mut told = text.split_whitespace().filter_map(|word| word.parse::<u64>().ok());
        let (micros, kb) = (told.next().unwrap_or(u64::MAX), told.next().unwrap_or(u64::MAX));
        println!("{shape}: {micros} µs, {kb} kB more than before");
        if !done.status.success() || Duration::from_micros(micros) > MAX_TIME || kb > MAX_PEAK_KB {
            missed.push(*shape);
        }
    }
    assert!(missed.is_empty(), "over 50 ms or 32 MB: {missed:?}");
}

/// Parses one mail, once: microseconds, and how far the peak of memory rose.
fn one(bytes: &[u8]) {
    let before = peak_kb();
    let started = Instant::now();
    let parsed = parse(bytes, None, &Limits::default());
    let taken = started.elapsed();
    drop(parsed);
    println!("{} {}", taken.as_micros(), peak_kb().saturating_sub(before));
}

/// The most memory that this process ever had, in kB (proc(5), `VmHWM`).
fn peak_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:"));
    line.and_then(|line| line.split_whitespace().next()?.parse().ok()).unwrap_or(u64::MAX)
}
