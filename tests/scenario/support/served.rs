//! A gateway in earnest: made by `pli init`, filled by commands, run by `pli serve`.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::Path;
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
    /// More of `[smtp]`.
    pub smtp: &'a str,
    /// More of `[dns]`.
    pub dns: &'a str,
    /// Options of the partner `Conseil`, whose domain is `conseil.example`.
    pub partner: &'a str,
}

impl Default for Setting<'_> {
    /// Everything in clear on loopback, whose hosts speak for the partner; nobody is looked up.
    fn default() -> Self {
        Self {
            smart_host: "127.0.0.1:9",
            relay: "tls = \"none\"\n",
            smtp: "checks_senders = false\n",
            dns: "",
            partner: "--relay 127.0.0.0/8",
        }
    }
}

/// A running gateway. Dropped, it is killed.
pub struct Served {
    /// Where mail is taken, `address:port`.
    pub smtp: String,
    process: Child,
    home: TempDir,
}

impl Served {
    /// Makes it, fills it and starts it.
    pub fn start(setting: &Setting<'_>) -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("pli");
        run_well(pli().arg("init").arg(&directory));
        configure(&directory.join("pli.toml"), setting);
        fill(&directory, setting.partner);
        let mut command = pli();
        command.arg("--dir").arg(&directory).arg("serve").stdin(Stdio::null()).stderr(Stdio::piped());
        let mut process = command.spawn().unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let (mut line, mut said) = (String::new(), String::new());
        while !line.contains("gateway.ready") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended before it was ready:\n{said}");
            said.push_str(&line);
        }
        let smtp = line.split("smtp=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        // Somebody must read on, or the gateway waits for its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { smtp, process, home }
    }

    /// Runs a command of the gateway's own, which must succeed; what it said.
    pub fn command(&self, arguments: &str) -> String {
        String::from_utf8(run_well(&mut self.prepare(arguments))).unwrap()
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
        let _ = self.process.kill();
        let _ = self.process.wait();
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
        .replace("\n[smtp]\n", &format!("\n[smtp]\n{}", setting.smtp))
        .replace("\n[dns]\n", &format!("\n[dns]\n{}", setting.dns));
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
