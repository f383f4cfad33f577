//! What the two doors take, measured on the real binary in a world of its own, each beside its peer in the same
//! run: mail by `smtp-source` beside Postfix, deposits by the page beside nginx receiving the same bytes, a large
//! upload and download beside nginx and `rage` (or `age`). Peers that are not installed are said to be missing.
//! `cargo bench --bench doors`; with `-- --full` the large file is 1 GiB instead of 256 MiB; with `-- --large`, `--deposits`,
//! `--mail` or `--idle` nothing but that is measured; with `-- --queued` a queue for a host that never answers.
//!
//! Pli keeps what it accepts forced to the disk, sealed, logged, with two letters on their way; Postfix forces a message
//! to the disk and relays it; nginx forces nothing. Load and server share the machine.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, and its peers are other programs")]

#[path = "../figures/mod.rs"]
mod figures;
mod gateway;
mod http;
mod idle;
mod large;
mod mail;
mod nginx;
mod postfix;
mod process;
mod queued;
mod watch;
mod web;

use gateway::Gateway;

const MIB: usize = 1024 * 1024;

/// The parts that can be asked for alone.
const PARTS: [&str; 5] = ["--large", "--deposits", "--mail", "--idle", "--queued"];

/// Whether a part is asked for: by name, or by no part being named. The queue takes minutes: only by name.
fn wants(part: &str) -> bool {
    let named = |part: &str| std::env::args().any(|argument| argument == part);
    named(part) || part != "--queued" && !PARTS.into_iter().any(named)
}

fn main() {
    // `cargo test --benches` starts it too, and wants no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let full = std::env::args().any(|argument| argument == "--full");
    let place = tempfile::tempdir_in(env!("CARGO_TARGET_TMPDIR")).unwrap();
    process::let_others_in(place.path());
    // The first start makes the demonstration's world; the figures are those of a process that found it made.
    drop(Gateway::start(place.path()));
    if wants("--large") {
        large::measure(place.path(), if full { 1024 * MIB } else { 256 * MIB });
    }
    // From here on the demonstration is a gateway that hands its mails over.
    let sink = postfix::Sink::start();
    if wants("--deposits") {
        web::measure(place.path(), &sink);
    }
    if wants("--mail") {
        mail::measure(place.path(), &sink);
    }
    if wants("--idle") {
        idle::measure(place.path());
    }
    if wants("--queued") {
        queued::measure(place.path());
    }
}
