//! Mails a second, processor time and memory of each mail door, under the same load of `smtp-source`.

use std::path::Path;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::figures::{RUNS, beside, head, missing};
use super::gateway::{DEPOSITOR, Relay, TITLE};
use super::postfix::{Postfix, Sink};
use super::process::{MemoryWatch, cpu_seconds, is_installed};

/// How long what was accepted may take on its way out before the measurement goes on without it.
const DRAIN_MAX: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);

struct Load {
    name: &'static str,
    messages: usize,
    bytes: usize,
    sessions: usize,
    keep: bool,
}

const LOADS: [Load; 3] = [
    Load { name: "10 KiB, 50 sessions, kept", messages: 2000, bytes: 10 * 1024, sessions: 50, keep: true },
    Load {
        name: "10 KiB, 1 session, new connections",
        messages: 500,
        bytes: 10 * 1024,
        sessions: 1,
        keep: false,
    },
    Load { name: "1 MiB, 10 sessions, kept", messages: 200, bytes: 1024 * 1024, sessions: 10, keep: true },
];

/// What one run of a load showed.
#[derive(Default)]
struct Taken {
    accepted: Vec<f64>,
    on_its_way: Vec<f64>,
    cpu_ms: Vec<f64>,
    memory: Vec<f64>,
}

/// Measures, and prints the table.
pub fn measure(place: &Path, sink: &Sink) {
    head("Mail: accepted a second, durable; more is better. CPU and memory: less is better");
    if !["smtp-source", "smtp-sink"].into_iter().all(is_installed) {
        println!("smtp-source and smtp-sink are not installed (Debian package postfix): no figures");
        return;
    }
    let postfix = Postfix::start(place, sink.port);
    for load in &LOADS {
        // A process each load: memory is that of the load alone.
        let gateway = Relay::start(place, sink.port);
        let (mut ours, mut theirs) = (Taken::default(), Taken::default());
        for _ in 0..RUNS {
            take_ours(&gateway, load, &mut ours);
            if let Ok(postfix) = &postfix {
                take_theirs(postfix, load, &mut theirs);
            }
        }
        match &postfix {
            Ok(_) => tell(load, &ours, &theirs),
            Err(why) => missing(&format!("{}: accepted/s", load.name), &ours.accepted, why),
        }
    }
}

fn tell(load: &Load, ours: &Taken, theirs: &Taken) {
    let line = |what: &str, ours, theirs| beside(&format!("{}: {what}", load.name), ours, "Postfix", theirs);
    line("accepted/s", &ours.accepted, &theirs.accepted);
    line("all on its way, /s", &ours.on_its_way, &theirs.on_its_way);
    line("CPU ms", &ours.cpu_ms, &theirs.cpu_ms);
    line("memory, MiB", &ours.memory, &theirs.memory);
}

/// Two letters leave for each mail.
fn take_ours(gateway: &Relay, load: &Load, taken: &mut Taken) {
    let all = gateway.sent() + 2 * load.messages;
    take(load, &gateway.smtp, &gateway.deposit_address, gateway.pid(), || gateway.sent() >= all, taken);
}

fn take_theirs(postfix: &Postfix, load: &Load, taken: &mut Taken) {
    take(load, &postfix.smtp, "depot@carsat.example", postfix.pid(), || postfix.waiting() == 0, taken);
}

/// One run: the rate is of what was accepted, the processor time is until all that follows from it is done.
fn take(load: &Load, smtp: &str, to: &str, pid: u32, is_done: impl Fn() -> bool, taken: &mut Taken) {
    let cpu = cpu_seconds(pid);
    let memory = MemoryWatch::start(pid);
    let start = Instant::now();
    send(load, smtp, to);
    let accepted = start.elapsed();
    while !is_done() && start.elapsed() < accepted + DRAIN_MAX {
        std::thread::sleep(LOOK_EVERY);
    }
    let messages = load.messages as f64;
    taken.accepted.push(messages / accepted.as_secs_f64());
    taken.on_its_way.push(messages / start.elapsed().as_secs_f64());
    taken.cpu_ms.push((cpu_seconds(pid) - cpu) * 1000.0 / messages);
    taken.memory.push(memory.end());
}

/// Each message has a Message-ID of its own: none is a repeat.
fn send(load: &Load, smtp: &str, to: &str) {
    let mut command = Command::new("smtp-source");
    command.args(["-s", &load.sessions.to_string(), "-m", &load.messages.to_string()]);
    command.args(["-l", &load.bytes.to_string(), "-M", "relais.ille-et-vilaine.example"]);
    command.args(["-f", DEPOSITOR, "-t", to, "-S", TITLE]);
    if load.keep {
        command.arg("-d");
    }
    let status = command.arg(smtp).stdout(Stdio::null()).status().unwrap();
    assert!(status.success(), "the load was not taken: {}", load.name);
}
