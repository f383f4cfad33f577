//! The real binary: a demonstration starts on ports that the system chooses, answers by web and by mail, stops cleanly,
//! and a second start goes on with what was there.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise does not hold")]
#![expect(clippy::disallowed_methods, reason = "the binary is run as an operator runs it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStdout, Command, Output, Stdio};
use std::time::Duration;

use serde_json::Value;

/// Longer than any answer takes on a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_mins(1);

/// A demonstration that runs, and ends with the test.
struct Demo {
    process: Child,
    out: BufReader<ChildStdout>,
    http: String,
    smtp: String,
}

impl Demo {
    fn start(directory: &Path) -> Self {
        let mut process = pli(directory)
            .args(["demo", "--http", "localhost:0", "--smtp", "localhost:0"])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let mut out = BufReader::new(process.stdout.take().unwrap());
        let mut line = String::new();
        while !line.starts_with("ready ") {
            line.clear();
            assert_ne!(out.read_line(&mut line).unwrap(), 0, "it ended before it was ready");
        }
        let mut words = line.trim_end().split(' ').skip(1);
        let http = words.next().unwrap().strip_prefix("http=http://").unwrap().to_owned();
        let smtp = words.next().unwrap().strip_prefix("smtp=").unwrap().to_owned();
        assert_eq!(words.next(), None);
        Self { process, out, http, smtp }
    }

    /// Sends SIGTERM; returns what it still printed, and its exit code.
    fn stop(mut self) -> (String, Option<i32>) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &id]).status().unwrap().success());
        let mut rest = String::new();
        self.out.read_to_string(&mut rest).unwrap();
        (rest, self.process.wait().unwrap().code())
    }
}

impl Drop for Demo {
    fn drop(&mut self) {
        // Ended already where the test went well.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

fn pli(directory: &Path) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_pli"));
    command.arg("--dir").arg(directory);
    command
}

fn run(directory: &Path, arguments: &[&str]) -> Output {
    pli(directory).args(arguments).output().unwrap()
}

fn connect(address: &str) -> TcpStream {
    let stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream
}

fn request(address: &str, request: &str) -> String {
    let mut stream = connect(address);
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

fn get(address: &str, path: &str) -> String {
    request(address, &format!("GET {path} HTTP/1.1\r\nHost: {address}\r\nConnection: close\r\n\r\n"))
}

/// Says EHLO; returns the lines of the answer.
fn extensions(address: &str) -> Vec<String> {
    let mut stream = BufReader::new(connect(address));
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    assert!(line.starts_with("220 pli.example "), "{line}");
    stream.get_mut().write_all(b"EHLO test.example\r\n").unwrap();
    let mut lines = Vec::new();
    loop {
        line.clear();
        stream.read_line(&mut line).unwrap();
        lines.push(line.trim_end().get(4..).unwrap().to_owned());
        if line.starts_with("250 ") {
            return lines;
        }
        assert!(line.starts_with("250-"), "{line}");
    }
}

fn described(directory: &Path) -> Value {
    serde_json::from_slice(&std::fs::read(directory.join("demo.json")).unwrap()).unwrap()
}

#[test]
fn a_demonstration_starts_answers_stops_and_goes_on() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo-data");

    let demo = Demo::start(&directory);
    assert!(get(&demo.http, "/health").starts_with("HTTP/1.1 200 "));
    assert!(extensions(&demo.smtp).iter().any(|line| line == "STARTTLS"));
    let first = described(&directory);
    assert_eq!(first["http"], format!("http://{}", demo.http));
    assert_eq!(first["smtp"], demo.smtp.as_str());
    for name in ["store", "objects", "keyring", "outbox", "recovery"] {
        assert!(directory.join(name).is_dir(), "{name}");
    }
    let page = first["mailboxes"][0]["page"].as_str().unwrap();
    let path = page.strip_prefix(first["http"].as_str().unwrap()).unwrap();
    assert!(get(&demo.http, path).starts_with("HTTP/1.1 200 "), "{path}");
    let (rest, code) = demo.stop();
    assert_eq!(code, Some(0));
    assert_eq!(rest, "", "nothing follows the ready line");

    let demo = Demo::start(&directory);
    let second = described(&directory);
    assert_eq!(second["http"], format!("http://{}", demo.http), "the address follows the listener");
    for kept in ["people", "audit", "partners"] {
        assert_eq!(second[kept], first[kept], "{kept}");
    }
    assert_eq!(demo.stop().1, Some(0));
}

#[test]
fn commands_reach_the_store_through_the_gateway_and_without_it() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo-data");
    let export = place.path().join("log.jsonl");
    let export = export.to_str().unwrap();

    let demo = Demo::start(&directory);
    let key = described(&directory)["audit"]["public_key"].as_str().unwrap().to_owned();
    let listed = |json: &[u8]| -> Vec<Value> {
        String::from_utf8_lossy(json).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let running = listed(&run(&directory, &["mailbox", "list", "--json"]).stdout);
    assert_eq!(running.len(), 4);
    assert!(run(&directory, &["audit", "export", "-o", export]).status.success());
    assert_eq!(run(&directory, &["audit", "verify", export, "--key", &key]).status.code(), Some(0));
    let taken = run(&directory, &["demo", "--http", "localhost:0", "--smtp", "localhost:0"]);
    assert_eq!(taken.status.code(), Some(1), "two gateways cannot share a directory");
    assert_eq!(demo.stop().1, Some(0));

    let stopped = listed(&run(&directory, &["mailbox", "list", "--json"]).stdout);
    assert_eq!(stopped, running);
    assert!(run(&directory, &["audit", "export", "-o", export]).status.success());
    assert_eq!(run(&directory, &["audit", "verify", export, "--key", &key]).status.code(), Some(0));

    let text = std::fs::read_to_string(export).unwrap();
    let changed = text.replacen("gateway.started", "gateway.stopped", 1);
    assert_ne!(changed, text);
    std::fs::write(export, changed).unwrap();
    assert_eq!(run(&directory, &["audit", "verify", export, "--key", &key]).status.code(), Some(1));
    assert_eq!(run(&directory, &["audit", "verify", "no-such-file", "--key", &key]).status.code(), Some(2));
}

#[test]
fn the_clock_moves_from_its_page_and_a_directory_of_a_demonstration_is_no_gateways() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo-data");
    let demo = Demo::start(&directory);
    let before = get(&demo.http, "/health");
    assert!(before.starts_with("HTTP/1.1 200 "));
    let body = "{\"advance_s\":86400}";
    let host = &demo.http;
    let head = format!("POST /demo/clock HTTP/1.1\r\nHost: {host}\r\nContent-Type: application/json\r\n");
    let rest = format!("Content-Length: {}\r\nConnection: close\r\n\r\n{body}", body.len());
    assert!(request(host, &(head + &rest)).starts_with("HTTP/1.1 200 "));
    assert!(demo.stop().1 == Some(0));
    let kept: Value =
        serde_json::from_slice(&std::fs::read(directory.join("demo-clock.json")).unwrap()).unwrap();
    assert_eq!(kept, serde_json::json!({ "offset_ms": 86_400_000, "confirmed": true }));

    let served = run(&directory, &["serve"]);
    assert_eq!(served.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&served.stderr).contains("pli demo"));
}

#[test]
fn a_clock_that_jumped_closes_access_until_an_operator_confirms_it() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo-data");
    assert_eq!(Demo::start(&directory).stop().1, Some(0));
    // As if the machine's clock had jumped: nobody moved it from the demonstration's page.
    let jumped = "{\"offset_ms\":315360000000,\"confirmed\":true}";
    std::fs::write(directory.join("demo-clock.json"), jumped).unwrap();

    let demo = Demo::start(&directory);
    let days = || std::fs::read_dir(directory.join("keyring/days")).unwrap().count();
    let keys = days();
    assert!(!get(&demo.http, "/ready").starts_with("HTTP/1.1 200 "), "access is closed");
    assert_eq!(days(), keys, "no key is destroyed");
    let confirmed = run(&directory, &["clock", "confirm"]);
    assert!(confirmed.status.success(), "{confirmed:?}");
    assert!(get(&demo.http, "/ready").starts_with("HTTP/1.1 200 "));
    assert_eq!(demo.stop().1, Some(0));
}

#[test]
fn a_mail_for_another_domain_is_refused_and_the_refusal_is_in_the_log() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("demo-data");
    let demo = Demo::start(&directory);
    let mut stream = BufReader::new(connect(&demo.smtp));
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    for (command, code) in [
        ("HELO test.example", "250 "),
        ("MAIL FROM:<jeanne.martin@ille-et-vilaine.example>", "250 "),
        ("RCPT TO:<someone@elsewhere.example>", "550-"),
    ] {
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        line.clear();
        stream.read_line(&mut line).unwrap();
        assert!(line.starts_with(code), "{command}: {line}");
    }
    drop(stream);
    assert_eq!(demo.stop().1, Some(0));
    let export = place.path().join("log.jsonl");
    assert!(run(&directory, &["audit", "export", "-o", export.to_str().unwrap()]).status.success());
    let log = std::fs::read_to_string(export).unwrap();
    assert!(log.contains("mail.relay_refused") && !log.contains("elsewhere"));
}
