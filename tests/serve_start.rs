//! The real binary outside the demonstration: a directory made by `pli init` is checked, served, filled by commands,
//! reloaded and stopped.
#![expect(clippy::unwrap_used, reason = "a test ends where its premise does not hold")]
#![expect(clippy::disallowed_methods, reason = "the binary is run as an operator runs it")]

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::process::{Child, ChildStderr, Command, Output, Stdio};
use std::time::Duration;

/// Longer than any answer takes on a busy machine; nothing waits for it when all is well.
const PATIENCE: Duration = Duration::from_mins(1);

/// A gateway that runs, and ends with the test.
struct Gateway {
    process: Child,
    log: BufReader<ChildStderr>,
}

impl Gateway {
    fn start(directory: &Path) -> Self {
        let mut process = pli(directory).arg("serve").stderr(Stdio::piped()).spawn().unwrap();
        let log = BufReader::new(process.stderr.take().unwrap());
        Self { process, log }
    }

    /// Reads the operator's log up to a line with this event.
    fn wait_for(&mut self, event: &str) -> String {
        let mut read = String::new();
        loop {
            let mut line = String::new();
            assert_ne!(self.log.read_line(&mut line).unwrap(), 0, "it ended before {event}:\n{read}");
            read.push_str(&line);
            if line.contains(event) {
                return line;
            }
        }
    }

    fn signal(&self, name: &str) {
        let id = self.process.id().to_string();
        assert!(Command::new("kill").args([name, &id]).status().unwrap().success());
    }
}

impl Drop for Gateway {
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
    run_with(directory, arguments, "")
}

fn run_with(directory: &Path, arguments: &[&str], input: &str) -> Output {
    let mut process = pli(directory)
        .args(arguments)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    process.stdin.take().unwrap().write_all(input.as_bytes()).unwrap();
    process.wait_with_output().unwrap()
}

/// The value of a field in a line of the operator's log.
fn field<'a>(line: &'a str, name: &str) -> &'a str {
    let start = line.find(&format!("{name}=\"")).unwrap() + name.len() + 2;
    line[start..].split('"').next().unwrap()
}

fn get(address: &str, path: &str) -> String {
    let mut stream = TcpStream::connect(address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    let request = format!("GET {path} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n");
    stream.write_all(request.as_bytes()).unwrap();
    let mut answer = String::new();
    stream.read_to_string(&mut answer).unwrap();
    answer
}

/// Makes a directory whose gateway serves on ports that the system chooses, pages in clear.
fn make(directory: &Path) {
    assert!(run(directory, &["init", directory.to_str().unwrap()]).status.success());
    let file = directory.join("pli.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let changed = text
        .replace("base_url = \"https://pli.example\"", "base_url = \"http://localhost\"")
        .replace("listen = \"[::]:443\"", "listen = \"localhost:0\"")
        .replace("listen = \"[::]:25\"", "listen = \"localhost:0\"")
        .replace("# plain = false", "plain = true")
        .replace("# listen = \"127.0.0.1:9464\"", "listen = \"localhost:0\"");
    std::fs::write(file, changed).unwrap();
}

#[test]
fn a_new_gateway_is_checked_served_filled_reloaded_and_stopped() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("gateway");
    make(&directory);
    let checked = run(&directory, &["check"]);
    assert_eq!(checked.status.code(), Some(0), "{}", String::from_utf8_lossy(&checked.stdout));

    let mut gateway = Gateway::start(&directory);
    let ready = gateway.wait_for("gateway.ready");
    for arguments in [
        [
            "organisation",
            "add",
            "--slug",
            "caisse",
            "--name",
            "Caisse",
            "--postal-address",
            "1 rue de l'Exemple",
            "--data-protection-officer",
            "dpo@caisse.example",
        ]
        .as_slice(),
        &[
            "mailbox",
            "add",
            "--slug",
            "retraite",
            "--name",
            "Retraite",
            "--purpose",
            "Dossiers de retraite",
            "--deposit-address",
            "retraite@pli.example",
            "--notice-address",
            "retraite@caisse.example",
            "--custody",
            "gateway",
        ],
        &[
            "partner",
            "add",
            "--name",
            "Conseil",
            "--domain",
            "conseil.example",
            "--relay",
            "192.0.2.0/24",
            "--site",
            "Centre=centre@conseil.example",
            "--mailbox",
            "retraite",
        ],
    ] {
        let added = run(&directory, arguments);
        assert!(added.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&added.stderr));
    }
    let account = [
        "account",
        "add",
        "--address",
        "anne@caisse.example",
        "--name",
        "Anne",
        "--role",
        "agent",
        "--mailbox",
        "retraite",
    ];
    assert_eq!(run_with(&directory, &account, "court\n").status.code(), Some(1), "too short a password");
    assert!(run_with(&directory, &account, "une phrase de passe assez longue\n").status.success());
    assert_eq!(run_with(&directory, &account, "une phrase de passe assez longue\n").status.code(), Some(1));

    // The address that was added while the gateway runs takes mail at once.
    let mut stream = BufReader::new(TcpStream::connect(field(&ready, "smtp")).unwrap());
    stream.get_ref().set_read_timeout(Some(PATIENCE)).unwrap();
    let mut line = String::new();
    stream.read_line(&mut line).unwrap();
    for command in ["HELO t.example", "MAIL FROM:<a@conseil.example>", "RCPT TO:<retraite@pli.example>"] {
        stream.get_mut().write_all(format!("{command}\r\n").as_bytes()).unwrap();
        line.clear();
        stream.read_line(&mut line).unwrap();
        assert!(line.starts_with("250 "), "{command}: {line}");
    }
    drop(stream);

    gateway.signal("-HUP");
    gateway.wait_for("gateway.reloaded");
    std::fs::write(directory.join("certs/server.pem"), "no certificate").unwrap();
    gateway.signal("-HUP");
    gateway.wait_for("gateway.not_reloaded");
    let answer = get(field(&ready, "http"), "/depot/caisse/retraite");
    assert!(answer.starts_with("HTTP/1.1 200 "), "{answer}");
    let figures = get(field(&ready, "metrics"), "/metrics");
    assert!(figures.contains("\npli_clock_believed 1\n"), "{figures}");

    gateway.signal("-TERM");
    gateway.wait_for("gateway.stopped");
    assert_eq!(gateway.process.wait().unwrap().code(), Some(0));
}

#[test]
fn what_is_wrong_is_told_in_a_sentence_with_exit_code_1() {
    let place = tempfile::tempdir().unwrap();
    let directory = place.path().join("gateway");
    let missing = run(&directory, &["serve"]);
    assert_eq!(missing.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&missing.stderr).contains("pli.toml cannot be read"));

    make(&directory);
    let again = run(&directory, &["init", directory.to_str().unwrap()]);
    assert_eq!(again.status.code(), Some(1), "nothing is overwritten");
    std::fs::remove_file(directory.join("gateway.key")).unwrap();
    let checked = run(&directory, &["check"]);
    assert_eq!(checked.status.code(), Some(1));
    assert!(String::from_utf8_lossy(&checked.stdout).contains("gateway.key cannot be read"));
}
