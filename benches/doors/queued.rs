//! A queue for a host that takes connections and never answers: what it costs in memory, and what it does to a notice for
//! a host that is alive, before and after, in one run. The real binary; `PLI_QUEUED` says how many letters, 100,000 by
//! default.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::figures::{RUNS, alone, beside, head};
use super::gateway::{DEPOSITOR_DOMAIN, Relay, TITLE};
use super::idle::onward_p50;
use super::process::{peak_mib, resident_mib};
use super::watch::{Watch, silent_host};

/// Mails from one address: what one may bring in an hour is bounded.
const EACH: usize = 2000;
/// How long what leaves may take to leave.
const DRAIN_MAX: Duration = Duration::from_mins(10);

/// Measures, and prints the lines.
pub fn measure(place: &Path) {
    let queued: usize =
        std::env::var("PLI_QUEUED").ok().and_then(|text| text.parse().ok()).unwrap_or(100_000);
    head(&format!(
        "{queued} letters to a host that never answers; milliseconds to a notice at a live host, MiB"
    ));
    let watch = Watch::start();
    let gateway = Relay::start_beside(place, watch.port, Some((DEPOSITOR_DOMAIN, silent_host())));
    let before: Vec<f64> = (0..RUNS).map(|run| onward_p50(&gateway, &watch, run)).collect();
    // Acknowledgements go to the silent host, notices to the live one.
    for batch in 0..queued.div_ceil(EACH) {
        let count = EACH.min(queued - batch * EACH);
        bring(&gateway, batch, count);
        let start = Instant::now();
        for _ in 0..count {
            watch.next_to(&gateway.notice_address);
            assert!(start.elapsed() < DRAIN_MAX, "notices do not leave");
        }
    }
    let while_they_came = peak_mib(gateway.pid());
    // Until the receipts of the last ones are proved and their letters due.
    std::thread::sleep(Duration::from_secs(20));
    let after: Vec<f64> = (0..RUNS).map(|run| onward_p50(&gateway, &watch, RUNS + run)).collect();
    let resident = resident_mib(gateway.pid());
    drop(gateway);
    let gateway = Relay::start_beside(place, watch.port, Some((DEPOSITOR_DOMAIN, silent_host())));
    let anew: Vec<f64> = (0..RUNS).map(|run| onward_p50(&gateway, &watch, 2 * RUNS + run)).collect();
    beside("a notice to a live host, p50", &after, "without the queue", &before);
    beside("the same, after a restart", &anew, "without the queue", &before);
    alone("most memory ever while they came (VmHWM)", &[while_they_came]);
    alone("memory at rest with them (VmRSS)", &[resident]);
    alone("memory after a restart with them, most ever (VmHWM)", &[peak_mib(gateway.pid())]);
}

fn bring(gateway: &Relay, batch: usize, count: usize) {
    let mut command = Command::new("smtp-source");
    command.args(["-s", "20", "-m", &count.to_string(), "-l", "1024", "-d"]);
    command.args(["-M", "relais.ille-et-vilaine.example", "-S", TITLE, "-t", &gateway.deposit_address]);
    command.args(["-f", &format!("personne{batch}@{DEPOSITOR_DOMAIN}"), &gateway.smtp]);
    assert!(command.stdout(Stdio::null()).status().unwrap().success(), "the mails were not taken");
}
