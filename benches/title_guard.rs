//! How fast the title guard is, on one core: `cargo bench --bench title_guard`.
//!
//! Prints the median over the corpus (each title at its fastest of several rounds), the rate of whole rounds, the
//! time of hostile titles of 10 kB and what loading costs. It fails when a bound of the title guard is missed, so
//! that a slow change is seen.

#![expect(clippy::expect_used, reason = "a benchmark without its policy is none")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures the time that passes")]

use std::hint::black_box;
use std::time::{Duration, Instant};

use pli::policy::title::{MAX_INSPECTED_CHARS, TitleGuard, TitlePolicy};

const CORPUS: &str = include_str!("../tests/data/titles/dev.tsv");
const POLICY: &str = include_str!("../policies/title.toml");
const ROUNDS: usize = 101;
/// The bounds: titles a second, time for a hostile title, time and memory to load.
const MIN_RATE: f64 = 200_000.0;
const MAX_HOSTILE: Duration = Duration::from_millis(1);
const MAX_LOAD: Duration = Duration::from_millis(50);
const MAX_LOAD_KB: u64 = 30 * 1024;

fn main() {
    let before = resident_kb();
    let start = Instant::now();
    let guard = TitleGuard::new(&TitlePolicy::parse(POLICY).expect("the shipped policy parses"));
    let load = start.elapsed();
    let titles: Vec<&str> = CORPUS.lines().skip(1).filter_map(|line| line.split('\t').nth(2)).collect();
    let inspect = |title: &str| drop(black_box(guard.inspect(title)));
    for title in &titles {
        inspect(title);
    }
    let memory = resident_kb().saturating_sub(before);

    let rate = report("inspect", &titles, inspect);
    report("inspect and redact", &titles, |title| drop(black_box(guard.inspect(title).redacted())));
    let worst = hostile(&guard);
    println!("hostile 10 kB: {worst:.1?} at worst");
    println!("loading: {load:.1?}, {memory} kB resident after the corpus");
    assert!(rate >= MIN_RATE, "{rate:.0} titles a second, at least {MIN_RATE:.0} wanted");
    assert!(worst <= MAX_HOSTILE, "{worst:?} for a hostile title, at most {MAX_HOSTILE:?} wanted");
    assert!(load <= MAX_LOAD, "{load:?} to load, at most {MAX_LOAD:?} wanted");
    assert!(memory <= MAX_LOAD_KB, "{memory} kB to load, at most {MAX_LOAD_KB} wanted");
}

/// Prints the rates of some work on the corpus; the median over the corpus, in titles a second.
fn report(name: &str, titles: &[&str], work: impl Fn(&str)) -> f64 {
    let mut each: Vec<Duration> = titles.iter().map(|title| fastest(|| work(black_box(title)))).collect();
    each.sort_unstable();
    let median = 1.0 / each[each.len() / 2].as_secs_f64();
    let whole = titles.len() as f64
        / fastest(|| titles.iter().for_each(|title| work(black_box(title)))).as_secs_f64();
    println!(
        "{name}: {median:.0} titles a second (median over the corpus), {whole:.0} (fastest whole round)"
    );
    median
}

/// The slowest of several titles of 10 kB made to cost time, and of their longest part that is looked into.
fn hostile(guard: &TitleGuard) -> Duration {
    let pieces = [
        "1 ",
        "1840635288118",
        "a.",
        "a b ",
        "M. ",
        "Saint-",
        "=?utf-8?Q?=31?= ",
        "l1O",
        "jean@a.b ",
        "5 rue ",
        "né le 1/1 ",
        "Kervennic ",
        "٣",
        "ﷺ",
        "[",
        "Y0h ",
        "IBAN FR76 ",
        "NIR 1 ",
        "MmeX",
        "é",
    ];
    let whole = pieces.iter().map(|piece| piece.repeat(10_000 / piece.len()));
    let both = whole.flat_map(|title| [title.chars().take(MAX_INSPECTED_CHARS).collect(), title]);
    both.map(|title: String| fastest(|| drop(black_box(guard.inspect(black_box(&title))))))
        .max()
        .unwrap_or_default()
}

/// The fastest of the rounds: what the work costs when nothing else has the core.
fn fastest(work: impl Fn()) -> Duration {
    let round = |_| {
        let start = Instant::now();
        work();
        start.elapsed()
    };
    (0..ROUNDS).map(round).min().unwrap_or_default()
}

/// Resident memory of this process, in kB (Linux).
fn resident_kb() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:"));
    line.and_then(|line| line.trim().trim_end_matches(" kB").trim().parse().ok()).unwrap_or(0)
}
