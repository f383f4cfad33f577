//! A gateway in earnest: made by `pli init`, filled by commands, run by `pli serve`.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use tempfile::TempDir;

use super::gateway::pli;
use super::run_well;

/// How it is set up. Each text is added to its section.
pub struct Setting<'a> {
    /// The host that mails are handed to.
    pub smart_host: &'a str,
    /// More of `[relay]`.
    pub relay: &'a str,
    /// More of `[gateway]`.
    pub gateway: &'a str,
    /// More of `[smtp]`.
    pub smtp: &'a str,
    /// More of `[submission]`.
    pub submission: &'a str,
    /// More of `[dns]`.
    pub dns: &'a str,
    /// The whole of `[http]`, where it is not plain HTTP.
    pub http: &'a str,
    /// Options of the partner `Conseil`, whose domain is `conseil.example`.
    pub partner: &'a str,
}

impl Default for Setting<'_> {
    /// Everything in clear on loopback, whose hosts speak for the partner; nobody is looked up.
    fn default() -> Self {
        Self {
            smart_host: "127.0.0.1:9",
            relay: "tls = \"none\"\n",
            gateway: "",
            smtp: "checks_senders = false\n",
            submission: "",
            dns: "",
            http: "",
            partner: "--relay 127.0.0.0/8",
        }
    }
}

/// A running gateway. Dropped, it is killed.
pub struct Served {
    /// Where mail is taken, `address:port`.
    pub smtp: String,
    /// Where mail programs begin with STARTTLS, if they are served.
    pub submission_starttls: String,
    /// Where they begin with TLS, if they are served.
    pub submission_tls: String,
    /// Where the pages are, `address:port`.
    pub http: String,
    process: Child,
    home: TempDir,
}

/// The agent of the mailbox `retraite`, once it has a mail password.
pub const AGENT: &str = "agent@caisse.example";
/// The password of that agent for the pages.
pub const PAGE_PASSWORD: &str = "marmite girafe tunnel accordeon verglas";

impl Served {
    /// Makes it, fills it and starts it.
    pub fn start(setting: &Setting<'_>) -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("pli");
        run_well(pli().arg("init").arg(&directory));
        configure(&directory.join("pli.toml"), setting);
        fill(&directory, setting.partner);
        Self::serve(home)
    }

    /// Kills it with −9 and starts it again, on new ports.
    pub fn kill_and_start_again(self) -> Self {
        let mut killed = self;
        killed.kill();
        let home = std::mem::replace(&mut killed.home, TempDir::new().unwrap());
        Self::serve(home)
    }

    /// Kills it with −9.
    pub fn kill(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }

    /// Adds an agent who reads the mailbox.
    pub fn add_agent(&self, address: &str, password: &str) {
        let mut command = self.prepare(&format!(
            "account add --address {address} --name Agent --role agent --mailbox retraite"
        ));
        let mut process = command.stdin(Stdio::piped()).stdout(Stdio::null()).spawn().unwrap();
        writeln!(process.stdin.take().unwrap(), "{password}").unwrap();
        assert!(process.wait().unwrap().success());
    }

    fn serve(home: TempDir) -> Self {
        let mut command = pli();
        command
            .arg("--dir")
            .arg(home.path().join("pli"))
            .arg("serve")
            .stdin(Stdio::null())
            .stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let (mut line, mut said) = (String::new(), String::new());
        while !line.contains("gateway.ready") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended before it was ready:\n{said}");
            said.push_str(&line);
        }
        let told = |name: &str| line.split(name).nth(1).unwrap().split('"').next().unwrap().to_owned();
        let (smtp, http) = (told(" smtp=\""), told("http=\""));
        let (submission_starttls, submission_tls) =
            (told("submission_starttls=\""), told("submission_tls=\""));
        // Somebody must read on, or the gateway waits for its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { smtp, submission_starttls, submission_tls, http, process, home }
    }

    /// Its directory.
    pub fn directory(&self) -> PathBuf {
        self.home.path().join("pli")
    }

    /// Gives the mailbox an agent whose mail program has a password, and says which.
    pub fn mail_password(&self) -> String {
        self.add_agent(AGENT, PAGE_PASSWORD);
        let told = self.command(&format!("account mail-password --address {AGENT}"));
        told.trim().rsplit(' ').next().unwrap().to_owned()
    }

    /// Runs a command of the gateway's own, which must succeed; what it said.
    pub fn command(&self, arguments: &str) -> String {
        String::from_utf8(run_well(&mut self.prepare(arguments))).unwrap()
    }

    /// The log, as it is exported.
    pub fn log(&self) -> String {
        let file = self.home.path().join("log.jsonl");
        let _ = fs::remove_file(&file);
        self.command(&format!("audit export -o {}", file.display()));
        fs::read_to_string(file).unwrap()
    }

    /// A command of the gateway's own, to be run.
    pub fn prepare(&self, arguments: &str) -> Command {
        let mut command = pli();
        command.arg("--dir").arg(self.home.path().join("pli")).args(arguments.split_whitespace());
        command
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        self.kill();
    }
}

/// Loopback, ports that the system chooses, and what the setting says.
fn configure(file: &Path, setting: &Setting<'_>) {
    let (host, port) = setting.smart_host.rsplit_once(':').unwrap();
    let relay = format!("[relay]\nsmart_host = \"{host}\"\nport = {port}\n{}", setting.relay);
    let text = fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once("[relay]").unwrap();
    let after = &rest[rest.find("\n[").unwrap()..];
    let changed = format!("{before}{relay}{after}")
        .replace("base_url = \"https://pli.example\"", "base_url = \"http://localhost\"")
        .replace("listen = \"[::]:443\"", "listen = \"127.0.0.1:0\"")
        .replace("listen = \"[::]:25\"", "listen = \"127.0.0.1:0\"")
        .replace("# plain = false", "plain = true")
        .replace("[gateway]\n", &format!("[gateway]\n{}", setting.gateway))
        .replace("\n[smtp]\n", &format!("\n[smtp]\n{}", setting.smtp))
        .replace("\n[submission]\n", &format!("\n[submission]\n{}", setting.submission))
        .replace("\n[dns]\n", &format!("\n[dns]\n{}", setting.dns));
    let changed = match setting.http {
        "" => changed,
        http => {
            let (before, rest) = changed.split_once("[http]\n").unwrap();
            format!("{before}[http]\n{http}{}", &rest[rest.find("\n[smtp]").unwrap()..])
        }
    };
    fs::write(file, changed).unwrap();
}

fn fill(directory: &Path, partner: &str) {
    for arguments in [
        "organisation add --slug caisse --name Caisse --postal-address Rennes --data-protection-officer dpo@caisse.example",
        "mailbox add --slug retraite --custody gateway --name Retraite --purpose Dossiers --deposit-address retraite@pli.example \
         --notice-address retraite@caisse.example",
        &format!(
            "partner add --name Conseil --domain conseil.example --site Centre=centre@conseil.example \
             --mailbox retraite {partner}"
        ),
    ] {
        run_well(pli().arg("--dir").arg(directory).args(arguments.split_whitespace()));
    }
}
