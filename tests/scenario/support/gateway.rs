//! The gateway as outsiders see it: the real binary in demo mode, in a directory of its own, on free ports.

use std::fs::{self, File};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Output, Stdio};
use std::sync::{Arc, Mutex};

use serde_json::Value;
use tempfile::TempDir;

use super::http::{Browser, Reply};
use super::{program, run, wait_for};

/// A running demo. Dropped, it is killed.
pub struct Gateway {
    /// Holds the demo's directory, its logs and whatever the story puts beside them.
    pub home: Arc<TempDir>,
    /// Where pages are, `address:port`.
    pub http: String,
    /// Where mail is taken, `address:port`.
    pub smtp: String,
    child: Child,
    said: Arc<Mutex<String>>,
}

/// How it is started.
#[derive(Default, Clone)]
pub struct Start {
    /// A program that runs it, with its arguments, such as `faketime +10y`.
    pub under: Vec<String>,
}

impl Gateway {
    /// A new demo.
    pub fn new() -> Self {
        Self::start(Arc::new(TempDir::new().unwrap()), &Start::default())
    }

    /// The demo in this directory, made if it is not there.
    pub fn start(home: Arc<TempDir>, how: &Start) -> Self {
        let mut command = how.command();
        let temporary = home.path().join("tmp");
        fs::create_dir_all(&temporary).unwrap();
        command
            .args(["demo", "--dir"])
            .arg(home.path().join("demo"))
            .args(["--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0"])
            .env("TMPDIR", &temporary)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(append(&home.path().join("stderr.log")));
        let mut child = command.spawn().unwrap();
        let said = Arc::new(Mutex::new(String::new()));
        listen(&mut child, &said, append(&home.path().join("stdout.log")));
        let ready = wait_for("the line `ready http=… smtp=…`", || {
            if let Some(status) = child.try_wait().unwrap() {
                let log = fs::read_to_string(home.path().join("stderr.log")).unwrap_or_default();
                panic!(
                    "the gateway ended with {status} before it was ready:\n{}\n{log}",
                    said.lock().unwrap()
                );
            }
            said.lock().unwrap().lines().find(|line| line.starts_with("ready ")).map(str::to_owned)
        });
        let field = |name: &str| {
            let value = ready.split_whitespace().find_map(|word| word.strip_prefix(name)).unwrap();
            value.trim_start_matches("http://").trim_end_matches('/').to_owned()
        };
        Self { http: field("http="), smtp: field("smtp="), home, child, said }
    }

    /// Ends it at once, as a power cut of the process would, and starts it anew where it was.
    pub fn killed_and_restarted(self) -> Self {
        let home = Arc::clone(&self.home);
        drop(self);
        Self::start(home, &Start::default())
    }

    /// Ends it at once (kill −9).
    pub fn kill(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// How it ended, if it did.
    pub fn ended(&mut self) -> Option<ExitStatus> {
        self.child.try_wait().unwrap()
    }

    /// Ctrl-C, and how it ended.
    pub fn interrupt(&mut self) -> ExitStatus {
        if let Some(ended) = self.child.try_wait().unwrap() {
            return ended;
        }
        super::run_well(program("kill").args(["-INT", &self.child.id().to_string()]));
        let child = &mut self.child;
        wait_for("an end after Ctrl-C", || child.try_wait().unwrap())
    }

    /// The most memory that it has had so far, in bytes (`VmHWM`, proc(5)).
    pub fn peak_memory(&self) -> u64 {
        let status = std::fs::read_to_string(format!("/proc/{}/status", self.child.id())).unwrap();
        let peak = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        peak.split_whitespace().next().unwrap().parse::<u64>().unwrap() * 1024
    }

    /// `DIR`.
    pub fn dir(&self) -> PathBuf {
        self.home.path().join("demo")
    }

    /// What it wrote to its standard output.
    pub fn said(&self) -> String {
        self.said.lock().unwrap().clone()
    }

    /// Runs another command of the binary on the demo's directory.
    pub fn command(&self, arguments: &[&str]) -> Output {
        run(pli().args(arguments).args(["--dir"]).arg(self.dir()))
    }

    /// Moves the demo's clock forward. Comes back when the gateway has said yes.
    pub fn advance(&self, seconds: u64) -> Reply {
        let body = format!("{{\"advance_s\": {seconds}}}");
        let reply = Browser::new(&self.http).post("/demo/clock", "application/json", body.as_bytes());
        assert!(reply.status < 400, "the demo's clock: {} {}", reply.status, reply.text());
        reply
    }

    /// `DIR/demo.json`.
    pub fn facts(&self) -> Facts {
        let text = fs::read(self.dir().join("demo.json")).unwrap();
        Facts(serde_json::from_slice(&text).unwrap())
    }
}

impl Drop for Gateway {
    fn drop(&mut self) {
        self.kill();
    }
}

impl Start {
    fn command(&self) -> Command {
        match self.under.split_first() {
            None => pli(),
            Some((first, rest)) => {
                let mut command = program(first);
                command.args(rest).arg(env!("CARGO_BIN_EXE_pli"));
                command
            }
        }
    }
}

/// The binary, without a directory.
pub fn pli() -> Command {
    program(env!("CARGO_BIN_EXE_pli"))
}

/// What `demo.json` tells.
pub struct Facts(pub Value);

/// A mailbox of the demo.
#[derive(Debug, Clone)]
pub struct Mailbox {
    /// Takes deposits by mail.
    pub deposit_address: String,
    /// Receives notices.
    pub notice_address: String,
    /// The path of its deposit page.
    pub page: String,
    /// `generic` or `agency`.
    pub kind: String,
}

impl Mailbox {
    /// Its name in the page's path.
    pub fn slug(&self) -> &str {
        self.page.rsplit('/').next().unwrap()
    }
}

/// Somebody who signs in.
#[derive(Debug, Clone)]
pub struct Person {
    /// What the person is.
    pub role: String,
    /// What the person signs in with.
    pub address: String,
    /// The password.
    pub password: String,
    /// The person's mailboxes, as the file names them.
    pub mailboxes: Vec<String>,
}

impl Facts {
    /// All mailboxes.
    pub fn mailboxes(&self) -> Vec<Mailbox> {
        let text = |value: &Value, field: &str| value[field].as_str().unwrap_or_default().to_owned();
        self.list("mailboxes")
            .map(|mailbox| Mailbox {
                deposit_address: text(mailbox, "deposit_address"),
                notice_address: text(mailbox, "notice_address"),
                page: path_of(&text(mailbox, "page")),
                kind: text(mailbox, "kind"),
            })
            .collect()
    }

    /// The generic mailboxes, which have a deposit page.
    pub fn generic(&self) -> Vec<Mailbox> {
        let all = self.mailboxes();
        all.into_iter().filter(|mailbox| mailbox.kind == "generic" && !mailbox.page.is_empty()).collect()
    }

    /// An address that a partner agreement admits.
    pub fn depositor(&self) -> String {
        self.depositors().remove(0)
    }

    /// All of them.
    pub fn depositors(&self) -> Vec<String> {
        self.list("partners")
            .flat_map(|partner| partner["addresses"].as_array().unwrap())
            .map(|address| address.as_str().unwrap().to_owned())
            .collect()
    }

    /// Everybody who signs in.
    pub fn people(&self) -> Vec<Person> {
        let text = |value: &Value, field: &str| value[field].as_str().unwrap().to_owned();
        let names = |value: &Value| {
            value.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
        };
        self.list("people")
            .map(|person| Person {
                role: text(person, "role"),
                address: text(person, "address"),
                password: text(person, "password"),
                mailboxes: names(&person["mailboxes"]),
            })
            .collect()
    }

    /// An agent of this mailbox.
    pub fn agent_of(&self, mailbox: &Mailbox) -> Person {
        let mut people = self.people().into_iter();
        people
            .find(|person| person.role == "agent" && is_of(person, mailbox))
            .expect("an agent of the mailbox")
    }

    /// An agent who is not of this mailbox.
    pub fn agent_of_another(&self, mailbox: &Mailbox) -> Person {
        let mut people = self.people().into_iter();
        people
            .find(|person| person.role == "agent" && !is_of(person, mailbox))
            .expect("an agent of another mailbox")
    }

    /// The security officer.
    pub fn officer(&self) -> Person {
        self.people().into_iter().find(|person| person.role.contains("officer")).expect("an officer")
    }

    /// The log's public key.
    pub fn log_key(&self) -> String {
        self.0["audit"]["public_key"].as_str().unwrap().to_owned()
    }

    fn list(&self, name: &str) -> impl Iterator<Item = &Value> {
        self.0[name].as_array().unwrap_or_else(|| panic!("demo.json has no list `{name}`")).iter()
    }
}

fn is_of(person: &Person, mailbox: &Mailbox) -> bool {
    let names = [mailbox.slug(), &mailbox.deposit_address, &mailbox.notice_address];
    person.mailboxes.iter().any(|name| names.contains(&name.as_str()))
}

/// The path of an address on the gateway, whatever host it names.
pub fn path_of(address: &str) -> String {
    match address.split_once("://") {
        Some((_, rest)) => rest.find('/').map_or("/".to_owned(), |at| rest[at..].to_owned()),
        None => address.to_owned(),
    }
}

fn append(path: &Path) -> File {
    File::options().create(true).append(true).open(path).unwrap()
}

fn listen(child: &mut Child, said: &Arc<Mutex<String>>, mut copy: File) {
    let lines = BufReader::new(child.stdout.take().unwrap());
    let said = Arc::clone(said);
    std::thread::spawn(move || {
        for line in lines.lines().map_while(Result::ok) {
            let _ = writeln!(copy, "{line}");
            said.lock().unwrap().push_str(&(line + "\n"));
        }
    });
}
