//! The gateway under measurement: the real binary, on ports of its own. Its world is a demonstration's, which keeps its
//! mails where the links in them can be read; under load it is `pli serve`, which hands its mails to a host.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::TcpStream;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::http::Connection;
use super::process::{Running, free_port};

/// How long a gateway may take to answer at its start.
const START_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);

/// A demonstration that runs.
pub struct Gateway {
    process: Running,
    directory: PathBuf,
    /// `ADDR:PORT` of the pages.
    pub http: String,
}

/// Who deposits: any address of the demonstration's partner may.
pub const DEPOSITOR: &str = "jeanne.martin@ille-et-vilaine.example";
/// Their domain, to which acknowledgements go.
pub const DEPOSITOR_DOMAIN: &str = "ille-et-vilaine.example";
/// A title that needs no change.
pub const TITLE: &str = "Demande urgente";

impl Gateway {
    /// Starts it in `place`, with what is there from an earlier start.
    pub fn start(place: &Path) -> Self {
        let directory = place.join("demo");
        let log = File::options().create(true).append(true).open(place.join("demo.log")).unwrap();
        let mut child = Command::new(env!("CARGO_BIN_EXE_pli"))
            .arg("demo")
            .args(["--http", "127.0.0.1:0", "--smtp", "127.0.0.1:0", "--dir"])
            .arg(&directory)
            .stdout(Stdio::piped())
            .stderr(log)
            .spawn()
            .unwrap();
        let lines = BufReader::new(child.stdout.take().unwrap()).lines();
        let process = Running(child);
        let ready =
            lines.map_while(Result::ok).find_map(|line| line.strip_prefix("ready ").map(str::to_owned));
        let ready = ready.unwrap_or_else(|| panic!("the demonstration does not start: see demo.log"));
        let http = ready.split_once(' ').unwrap().0.strip_prefix("http=http://").unwrap().to_owned();
        Self { process, directory, http }
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// The path of the page of the first mailbox.
    pub fn page(&self) -> String {
        let [_, page, _] = first_mailbox(&self.directory);
        format!("/{}", page.splitn(4, '/').nth(3).unwrap())
    }

    /// The cookie of an agent of the first mailbox, signed in.
    pub fn agent(&self) -> String {
        let text = fs::read(self.directory.join("demo.json")).unwrap();
        let described: serde_json::Value = serde_json::from_slice(&text).unwrap();
        let mailbox = &described["mailboxes"][0]["deposit_address"];
        let reads = |person: &&serde_json::Value| {
            person["role"] == "agent" && person["mailboxes"].as_array().unwrap().contains(mailbox)
        };
        let agent = described["people"].as_array().unwrap().iter().find(reads).unwrap();
        let field = |name: &str| agent[name].as_str().unwrap().replace('@', "%40").replace(' ', "+");
        let form = format!("address={}&password={}", field("address"), field("password"));
        let answer = Connection::open(&self.http).post_form("/connexion", &form);
        assert_eq!(answer.status, 303, "the agent is not signed in");
        answer.header("set-cookie").split(';').next().unwrap_or_default().to_owned()
    }

    /// The paths of the links to deposit forms in the mails sent since it was asked last; the mails are taken away.
    pub fn take_links(&self) -> Vec<String> {
        let mut links = Vec::new();
        for entry in fs::read_dir(self.directory.join("outbox")).unwrap() {
            let path = entry.unwrap().path();
            if path.extension().is_none_or(|suffix| suffix != "eml") {
                continue;
            }
            let text = fs::read_to_string(&path).unwrap().replace("=\r\n", "");
            if let Some(link) = text.find("/depot/lien/").map(|at| &text[at..]) {
                let end = link.find(|c: char| !c.is_ascii_alphanumeric() && !"/-_".contains(c));
                links.push(link[..end.unwrap_or(link.len())].to_owned());
            }
            fs::remove_file(path).unwrap();
        }
        links
    }
}

/// Deposit address, page and notice address of the first mailbox of a demonstration's world.
fn first_mailbox(directory: &Path) -> [String; 3] {
    let text = fs::read(directory.join("demo.json")).unwrap();
    let described: serde_json::Value = serde_json::from_slice(&text).unwrap();
    let text = |name: &str| described["mailboxes"][0][name].as_str().unwrap().to_owned();
    ["deposit_address", "page", "notice_address"].map(text)
}

/// `pli serve` that runs and hands its mails to a host.
pub struct Relay {
    process: Running,
    /// `ADDR:PORT` of the pages.
    pub http: String,
    /// `ADDR:PORT` of the mail door.
    pub smtp: String,
    /// Where deposits go.
    pub deposit_address: String,
    /// Where the notices of them go.
    pub notice_address: String,
    metrics: String,
}

impl Relay {
    /// Starts it in a world that a demonstration has made in `place`; its mails go to a port of this machine.
    pub fn start(place: &Path, relay_port: u16) -> Self {
        Self::start_beside(place, relay_port, None)
    }

    /// As [`Relay::start`]; the mails for a domain go to another port.
    pub fn start_beside(place: &Path, relay_port: u16, other: Option<(&str, u16)>) -> Self {
        let directory = place.join("demo");
        let [deposit_address, _, notice_address] = first_mailbox(&directory);
        let (http, smtp, metrics) = (free_address(), free_address(), free_address());
        let configuration = directory.join("pli.toml");
        let text = fs::read_to_string(&configuration).unwrap();
        let other = other.map_or_else(String::new, |(domain, port)| {
            format!(
                "[[relay.domains]]\ndomain = \"{domain}\"\nhost = \"127.0.0.1\"\nport = {port}\ntls = \"none\"\n"
            )
        });
        let text = as_relay(&text, relay_port, [&http, &smtp, &metrics]) + &other;
        fs::write(&configuration, text).unwrap();
        let log = File::options().create(true).append(true).open(place.join("relay.log")).unwrap();
        let mut serve = Command::new(env!("CARGO_BIN_EXE_pli"));
        let child = serve.args(["serve", "--dir"]).arg(&directory).stderr(log).spawn();
        let process = Running(child.unwrap());
        let start = Instant::now();
        while TcpStream::connect(&smtp).is_err() {
            assert!(start.elapsed() < START_MAX, "the gateway answers");
            std::thread::sleep(LOOK_EVERY);
        }
        Self { process, http, smtp, deposit_address, notice_address, metrics }
    }

    pub fn pid(&self) -> u32 {
        self.process.0.id()
    }

    /// How many mails it has handed over.
    pub fn sent(&self) -> usize {
        let text = Connection::open(&self.metrics).get("/metrics");
        let figure = text.lines().find_map(|line| line.strip_prefix("pli_mail_tries_total "));
        figure.and_then(|figure| figure.parse().ok()).unwrap_or(0)
    }
}

fn free_address() -> String {
    format!("127.0.0.1:{}", free_port())
}

/// The demonstration's configuration without the demonstration, and with what it had left to its defaults.
fn as_relay(demonstration: &str, relay_port: u16, [http, smtp, metrics]: [&str; 3]) -> String {
    let kept = ["[gateway]", "base_url", "hostname", "mail_domain", "certificate", "key", "recipient"];
    let value = |name: &str| {
        let line = demonstration.lines().find(|line| line.starts_with(name));
        line.unwrap_or_else(|| panic!("{name} is configured")).to_owned()
    };
    let [gateway, base_url, hostname, mail_domain, certificate, key, recipient] = kept.map(value);
    format!(
        "{gateway}\n{base_url}\n[http]\nlisten = \"{http}\"\nplain = true\n\
         [smtp]\n{hostname}\n{mail_domain}\nlisten = \"{smtp}\"\n{certificate}\n{key}\nchecks_senders = false\n\
         [relay]\nsmart_host = \"127.0.0.1\"\nport = {relay_port}\ntls = \"none\"\n\
         [recovery]\n{recipient}\n[metrics]\nlisten = \"{metrics}\"\n"
    )
}
