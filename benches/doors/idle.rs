//! One mail at a time, nothing else going on: how long the host that brings it waits, and how soon what follows from it
//! is at the next host. Postfix relays the mail itself, Pli sends a notice.

use std::io::{BufRead, BufReader, Write};
use std::net::TcpStream;
use std::path::Path;
use std::thread;
use std::time::{Duration, Instant};

use super::figures::{RUNS, beside, head, missing};
use super::gateway::{DEPOSITOR, Relay, TITLE};
use super::postfix::Postfix;
use super::process::let_others_in;
use super::watch::Watch;

/// Mails of a run.
const MAILS: usize = 100;
/// Mails before them that are not counted.
const WARM_UP: usize = 10;
/// Between two mails nothing goes on for so long.
const PAUSE: Duration = Duration::from_millis(30);
const BODY_BYTES: usize = 10 * 1024;
/// To whom Postfix relays.
const ELSEWHERE: &str = "depot@carsat.example";

/// Measures, and prints the table.
pub fn measure(place: &Path) {
    head("One mail of 10 KiB at a time, nothing else going on; milliseconds, less is better");
    let (watch, their_watch) = (Watch::start(), Watch::start());
    let their_place = place.join("idle");
    let_others_in(&their_place);
    let postfix = Postfix::start(&their_place, their_watch.port);
    let gateway = Relay::start(place, watch.port);
    let (mut ours, mut theirs) = (Taken::default(), Taken::default());
    for run in 0..RUNS {
        ours.run(|n| one(&gateway.smtp, &gateway.deposit_address, &gateway.notice_address, &watch, run, n));
        if let Ok(postfix) = &postfix {
            theirs.run(|n| one(&postfix.smtp, ELSEWHERE, ELSEWHERE, &their_watch, run, n));
        }
    }
    for (what, ours, theirs) in [
        ("DATA to 250, p50", &ours.answer.p50, &theirs.answer.p50),
        ("DATA to 250, p99", &ours.answer.p99, &theirs.answer.p99),
        ("in to notice at the next host, p50", &ours.onward.p50, &theirs.onward.p50),
        ("in to notice at the next host, p99", &ours.onward.p99, &theirs.onward.p99),
    ] {
        match &postfix {
            Ok(_) => beside(what, ours, "Postfix", theirs),
            Err(why) => missing(what, ours, why),
        }
    }
}

/// The medians of the time from a mail's end to its notice at the live host, one mail at a time.
pub fn onward_p50(gateway: &Relay, watch: &Watch, run: usize) -> f64 {
    let mut taken = Taken::default();
    taken.run(|n| one(&gateway.smtp, &gateway.deposit_address, &gateway.notice_address, watch, run, n));
    taken.onward.p50[0]
}

#[derive(Default)]
struct Taken {
    answer: Ranks,
    onward: Ranks,
}

/// Of each run.
#[derive(Default)]
struct Ranks {
    p50: Vec<f64>,
    p99: Vec<f64>,
}

impl Taken {
    fn run(&mut self, one: impl Fn(usize) -> (Duration, Duration)) {
        let (mut answer, mut onward) = (Vec::new(), Vec::new());
        for n in 0..WARM_UP + MAILS {
            let taken = one(n);
            if n >= WARM_UP {
                answer.push(taken.0);
                onward.push(taken.1);
            }
            thread::sleep(PAUSE);
        }
        self.answer.note(answer);
        self.onward.note(onward);
    }
}

impl Ranks {
    fn note(&mut self, mut each: Vec<Duration>) {
        each.sort_unstable();
        let millis = |rank: usize| each[rank * (each.len() - 1) / 100].as_secs_f64() * 1000.0;
        self.p50.push(millis(50));
        self.p99.push(millis(99));
    }
}

/// Brings a mail: from DATA to its 250, and from its last byte to that of what follows from it at the next host.
fn one(smtp: &str, to: &str, onward: &str, watch: &Watch, run: usize, n: usize) -> (Duration, Duration) {
    let stream = TcpStream::connect(smtp).unwrap();
    stream.set_nodelay(true).unwrap();
    let mut replies = BufReader::new(stream.try_clone().unwrap());
    let mut host = Talk { stream, replies: &mut replies };
    host.expect("220");
    host.say("EHLO relais.ille-et-vilaine.example", "250");
    host.say(&format!("MAIL FROM:<{DEPOSITOR}>"), "250");
    host.say(&format!("RCPT TO:<{to}>"), "250");
    let line = "Le dossier est joint, merci de le lire.\r\n";
    let mail = format!(
        "From: <{DEPOSITOR}>\r\nTo: <{to}>\r\nSubject: {TITLE}\r\nMessage-ID: <{run}.{n}.{}@idle.example>\r\n\r\n{}.\r\n",
        std::process::id(),
        line.repeat(BODY_BYTES / line.len()),
    );
    let data = Instant::now();
    host.say("DATA", "354");
    host.stream.write_all(mail.as_bytes()).unwrap();
    let sent = Instant::now();
    host.expect("250");
    let answered = data.elapsed();
    host.say("QUIT", "221");
    let came = watch.next_to(onward);
    (answered, came.at.saturating_duration_since(sent))
}

struct Talk<'a> {
    stream: TcpStream,
    replies: &'a mut BufReader<TcpStream>,
}

impl Talk<'_> {
    fn say(&mut self, line: &str, code: &str) {
        self.stream.write_all(format!("{line}\r\n").as_bytes()).unwrap();
        self.expect(code);
    }

    fn expect(&mut self, code: &str) {
        loop {
            let mut line = String::new();
            self.replies.read_line(&mut line).unwrap();
            assert!(line.starts_with(code), "{code} is expected: {line}");
            if line.as_bytes().get(3) == Some(&b' ') {
                return;
            }
        }
    }
}
