//! What other programs use up, as Linux tells it under `/proc`; and starting them so that they end with the benchmark.

use std::fs;
use std::net::TcpListener;
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::thread::JoinHandle;
use std::time::Duration;

/// Clock ticks in a second, in `/proc/PID/stat`; 100 on every Linux that is in use.
const TICKS: f64 = 100.0;
const SAMPLE_EVERY: Duration = Duration::from_millis(50);

/// A process that is killed when the benchmark is done with it.
pub struct Running(pub Child);

impl Drop for Running {
    fn drop(&mut self) {
        // Gone already is as well.
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// Whether a program is there to be run.
pub fn is_installed(program: &str) -> bool {
    let quiet = |command: &mut Command| command.stdout(Stdio::null()).stderr(Stdio::null()).status();
    quiet(Command::new("sh").args(["-c", &format!("command -v {program}")]))
        .is_ok_and(|found| found.success())
}

/// A directory that programs under other users may enter.
pub fn let_others_in(directory: &Path) {
    fs::create_dir_all(directory).unwrap();
    fs::set_permissions(directory, fs::Permissions::from_mode(0o755)).unwrap();
}

/// A port that was free a moment ago, for programs that cannot choose one themselves.
pub fn free_port() -> u16 {
    TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port()
}

/// A process and all its descendants.
pub fn tree(root: u32) -> Vec<u32> {
    let parents: Vec<(u32, u32)> = fs::read_dir("/proc")
        .unwrap()
        .filter_map(|entry| entry.ok()?.file_name().to_str()?.parse().ok())
        .filter_map(|pid| Some((pid, stat(pid)?.parent)))
        .collect();
    let mut tree = vec![root];
    let mut next = 0;
    while let Some(&parent) = tree.get(next) {
        tree.extend(parents.iter().filter(|(_, of)| *of == parent).map(|(pid, _)| *pid));
        next += 1;
    }
    tree
}

/// Processor seconds of a process and its descendants, those that have ended included.
pub fn cpu_seconds(root: u32) -> f64 {
    tree(root).into_iter().filter_map(stat).map(|stat| stat.ticks as f64).sum::<f64>() / TICKS
}

/// Processor seconds of the programs that this one started and that have ended.
pub fn children_cpu_seconds() -> f64 {
    stat(std::process::id()).map_or(0.0, |stat| stat.of_children as f64) / TICKS
}

struct Stat {
    parent: u32,
    ticks: u64,
    of_children: u64,
}

/// Fields 4 and 14 to 17 of `/proc/PID/stat` (proc(5)); the name in field 2 may hold anything.
fn stat(pid: u32) -> Option<Stat> {
    let text = fs::read_to_string(format!("/proc/{pid}/stat")).ok()?;
    let fields: Vec<&str> = text.rsplit_once(") ")?.1.split(' ').collect();
    let sum = |fields: &[&str]| fields.iter().filter_map(|field| field.parse::<u64>().ok()).sum();
    let (ticks, of_children) = (sum(fields.get(11..15)?), sum(fields.get(13..15)?));
    Some(Stat { parent: fields.get(1)?.parse().ok()?, ticks, of_children })
}

/// The most memory that a process ever had, in MiB.
pub fn peak_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kibibytes(&status, "VmHWM:") / 1024.0
}

/// What a process has in memory now, in MiB.
pub fn resident_mib(pid: u32) -> f64 {
    let status = fs::read_to_string(format!("/proc/{pid}/status")).unwrap_or_default();
    kibibytes(&status, "VmRSS:") / 1024.0
}

/// Watches the memory of a process and its descendants together, shared pages counted once.
pub struct MemoryWatch {
    over: Arc<AtomicBool>,
    watch: JoinHandle<f64>,
}

impl MemoryWatch {
    pub fn start(root: u32) -> Self {
        let over = Arc::new(AtomicBool::new(false));
        let seen = Arc::clone(&over);
        let watch = std::thread::spawn(move || {
            let mut most = 0.0_f64;
            while !seen.load(Ordering::Relaxed) {
                most = most.max(tree(root).into_iter().map(proportional_kib).sum());
                std::thread::sleep(SAMPLE_EVERY);
            }
            most / 1024.0
        });
        Self { over, watch }
    }

    /// The most that was seen, in MiB.
    pub fn end(self) -> f64 {
        self.over.store(true, Ordering::Relaxed);
        self.watch.join().unwrap()
    }
}

fn proportional_kib(pid: u32) -> f64 {
    let read = |file: &str| fs::read_to_string(format!("/proc/{pid}/{file}"));
    match read("smaps_rollup") {
        Ok(text) => kibibytes(&text, "Pss:"),
        // Not ours to look into: what is resident, shared pages counted each time.
        Err(_) => kibibytes(&read("status").unwrap_or_default(), "VmRSS:"),
    }
}

fn kibibytes(text: &str, name: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(name));
    line.and_then(|line| line.trim().strip_suffix(" kB")?.trim().parse().ok()).unwrap_or(0.0)
}
