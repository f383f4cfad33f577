//! Deposits a second by the page. The drafts are opened beforehand, by mailed links as a depositor does it; what is timed
//! is the one request that carries the file and sends the deposit.

use std::fs::{self, File};
use std::io::Write;
use std::path::Path;
use std::sync::Mutex;
use std::time::{Duration, Instant};

use super::figures::{RUNS, alone, beside, head, missing, random_bytes};
use super::gateway::{DEPOSITOR, Gateway, Relay, TITLE};
use super::http::Connection;
use super::nginx::Nginx;
use super::postfix::Sink;
use super::process::{MemoryWatch, cpu_seconds};

const CLIENTS: usize = 64;
const DEPOSITS_EACH: usize = 12;
const DEPOSITS: usize = CLIENTS * DEPOSITS_EACH;
const FILE_BYTES: usize = 100 * 1024;
/// How long the links may take to arrive.
const LINKS_MAX: Duration = Duration::from_mins(1);
/// How long the letters of a run may take to leave before the measurement goes on without them.
const LETTERS_MAX: Duration = Duration::from_mins(1);
const LOOK_EVERY: Duration = Duration::from_millis(50);
const BOUNDARY: &str = "----pli-benchmark-7d1f0c";

/// A draft that is ready to be sent: its path and the cookie that opens it.
pub struct Draft {
    /// Of its form, and of the page with the reference once it is sent.
    pub path: String,
    /// Opens it.
    pub cookie: String,
}

/// How the clients hold their connections.
#[derive(Clone, Copy, PartialEq)]
enum Connections {
    /// One each for all that they send.
    Kept,
    /// A new one for each deposit, opened within the time that is measured.
    New,
}

/// Measures deposits of one small file, and prints the tables.
pub fn measure(place: &Path, sink: &Sink) {
    // All drafts first: from the first relay on the directory is no demonstration any more.
    // A process for each run's: what one address may ask of one process in an hour is less than all of them.
    let mut drafts: Vec<_> = (0..2 * RUNS).map(|_| prepare(&Gateway::start(place), DEPOSITS)).collect();
    for (how, said) in [(Connections::Kept, "kept connections"), (Connections::New, "a new connection each")]
    {
        head(&format!(
            "Deposits of one file of 100 KiB, 64 clients, {said}: a second, sealed and durable; times in ms"
        ));
        measure_with(place, sink, how, drafts.split_off(drafts.len() - RUNS));
    }
}

fn measure_with(place: &Path, sink: &Sink, how: Connections, drafts: Vec<Vec<Draft>>) {
    let gateway = Relay::start(place, sink.port);
    let nginx = Nginx::start(place);
    let file = random_bytes(FILE_BYTES);
    let (mut ours, mut theirs, mut disk) = (Taken::default(), Taken::default(), Taken::default());
    for drafts in drafts {
        deposits(&gateway, drafts, &file, how, &mut ours);
        files(&place.join("files"), &file, &mut disk);
        if let Ok(nginx) = &nginx {
            puts(nginx, &file, how, &mut theirs);
        }
    }
    ours.tell("a file each, forced", &disk);
    match &nginx {
        Ok(_) => ours.tell("nginx, not forced", &theirs),
        Err(why) => missing("deposits/s", &ours.rate, why),
    }
    alone("CPU ms a deposit", &ours.cpu_ms);
    alone("memory, MiB", &ours.memory);
}

#[derive(Default)]
struct Taken {
    rate: Vec<f64>,
    p50: Vec<f64>,
    p99: Vec<f64>,
    cpu_ms: Vec<f64>,
    memory: Vec<f64>,
}

impl Taken {
    fn note(&mut self, elapsed: Duration, mut each: Vec<Duration>) {
        each.sort_unstable();
        let millis = |rank: usize| each[rank * (each.len() - 1) / 100].as_secs_f64() * 1000.0;
        self.rate.push(each.len() as f64 / elapsed.as_secs_f64());
        self.p50.push(millis(50));
        self.p99.push(millis(99));
    }

    fn tell(&self, peer: &str, theirs: &Self) {
        beside("deposits/s", &self.rate, peer, &theirs.rate);
        beside("p50, ms", &self.p50, peer, &theirs.p50);
        beside("p99, ms", &self.p99, peer, &theirs.p99);
    }
}

/// Runs the clients, each with its share; returns how long each piece of work took.
fn clients<W: Send, C>(
    work: Vec<W>,
    open: impl Fn() -> C + Sync,
    act: impl Fn(&mut C, W) + Sync,
) -> Vec<Duration> {
    let (queue, taken) = (Mutex::new(work), Mutex::new(Vec::new()));
    std::thread::scope(|scope| {
        for _ in 0..CLIENTS {
            scope.spawn(|| {
                let mut client = open();
                loop {
                    let Some(piece) = queue.lock().unwrap().pop() else { return };
                    let start = Instant::now();
                    act(&mut client, piece);
                    taken.lock().unwrap().push(start.elapsed());
                }
            });
        }
    });
    taken.into_inner().unwrap()
}

/// Opens drafts: asks for links, waits for the mails, follows them.
pub fn prepare(gateway: &Gateway, count: usize) -> Vec<Draft> {
    gateway.take_links();
    let page = gateway.page();
    let form = format!("address={}", DEPOSITOR.replace('@', "%40"));
    clients(
        vec![(); count],
        || Connection::open(&gateway.http),
        |connection, ()| {
            assert_eq!(connection.post_form(&page, &form).status, 200, "no link was promised");
        },
    );
    let (start, mut links) = (Instant::now(), Vec::new());
    while links.len() < count {
        assert!(start.elapsed() < LINKS_MAX, "the links do not arrive");
        std::thread::sleep(LOOK_EVERY);
        links.extend(gateway.take_links());
    }
    let drafts = Mutex::new(Vec::new());
    clients(
        links,
        || Connection::open(&gateway.http),
        |connection, link| {
            let answer = connection.post_form(&link, "");
            assert_eq!(answer.status, 303, "the link {link} opens no draft");
            let cookie = answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned();
            drafts.lock().unwrap().push(Draft { path: answer.header("location").to_owned(), cookie });
        },
    );
    drafts.into_inner().unwrap()
}

fn deposits(gateway: &Relay, drafts: Vec<Draft>, file: &[u8], how: Connections, taken: &mut Taken) {
    let (cpu, memory) = (cpu_seconds(gateway.pid()), MemoryWatch::start(gateway.pid()));
    let all = gateway.sent() + 2 * drafts.len();
    let start = Instant::now();
    let open = || Connection::open(&gateway.http);
    let each = clients(drafts, open, |connection, draft| {
        if how == Connections::New {
            *connection = open();
        }
        send(connection, &draft, file);
    });
    taken.note(start.elapsed(), each);
    taken.memory.push(memory.end());
    while gateway.sent() < all && start.elapsed() < LETTERS_MAX {
        std::thread::sleep(LOOK_EVERY);
    }
    taken.cpu_ms.push((cpu_seconds(gateway.pid()) - cpu) * 1000.0 / DEPOSITS as f64);
}

/// What the disk allows who keeps each deposit in a file of its own: written, forced, renamed, the name forced.
fn files(directory: &Path, file: &[u8], taken: &mut Taken) {
    fs::create_dir_all(directory).unwrap();
    let start = Instant::now();
    let each = clients(
        (0..DEPOSITS).collect(),
        || (),
        |(), number: usize| {
            let (passing, lasting) =
                (directory.join(format!("{number}.tmp")), directory.join(number.to_string()));
            let mut kept = File::create(&passing).unwrap();
            kept.write_all(file).unwrap();
            kept.sync_all().unwrap();
            fs::rename(passing, lasting).unwrap();
            File::open(directory).unwrap().sync_all().unwrap();
        },
    );
    taken.note(start.elapsed(), each);
    fs::remove_dir_all(directory).unwrap();
}

/// Fills in the form and sends it (RFC 7578). The answer leads to the page with the reference.
pub fn send(connection: &mut Connection, draft: &Draft, file: &[u8]) {
    let field = |name: &str, value: &str| {
        format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n")
    };
    let disposition = "form-data; name=\"files\"; filename=\"dossier.pdf\"";
    let opening = format!(
        "{}{}--{BOUNDARY}\r\nContent-Disposition: {disposition}\r\nContent-Type: application/pdf\r\n\r\n",
        field("title", TITLE),
        field("message", ""),
    );
    let closing = format!("\r\n{}--{BOUNDARY}--\r\n", field("action", "send"));
    let headers =
        format!("Cookie: {}\r\nContent-Type: multipart/form-data; boundary={BOUNDARY}\r\n", draft.cookie);
    let body = [opening.as_bytes(), file, closing.as_bytes()];
    let answer = connection.send("POST", &draft.path, &headers, &body);
    assert_eq!(
        (answer.status, answer.header("location")),
        (303, draft.path.as_str()),
        "the deposit was not taken"
    );
}

fn puts(nginx: &Nginx, file: &[u8], how: Connections, taken: &mut Taken) {
    let start = Instant::now();
    let open = || Connection::open(&nginx.http);
    let each = clients((0..DEPOSITS).collect(), open, |connection, number: usize| {
        if how == Connections::New {
            *connection = open();
        }
        let answer = connection.send("PUT", &format!("/{number}"), "", &[file]);
        assert!(matches!(answer.status, 201 | 204), "nginx answers {}", answer.status);
    });
    taken.note(start.elapsed(), each);
}
