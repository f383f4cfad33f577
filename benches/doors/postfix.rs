//! The peer of the mail door: a private Postfix with its defaults, which relays to `smtp-sink`.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use super::process::{Running, free_port, is_installed, let_others_in};

/// How long Postfix may take to answer at its start.
const START_MAX: Duration = Duration::from_secs(20);
const LOOK_EVERY: Duration = Duration::from_millis(20);
/// The services that a relay needs, without chroot.
const SERVICES: &str = "\
cleanup unix n - n - 0 cleanup
qmgr unix n - n 300 1 qmgr
rewrite unix - - n - - trivial-rewrite
bounce unix - - n - 0 bounce
defer unix - - n - 0 bounce
trace unix - - n - 0 bounce
flush unix n - n 1000? 0 flush
proxymap unix - - n - - proxymap
smtp unix - - n - - smtp
showq unix n - n - - showq
error unix - - n - - error
retry unix - - n - - error
anvil unix - - n - 1 anvil
scache unix - - n - 1 scache
";

/// `smtp-sink`, which takes all mail and keeps none; where it is not installed, a port that nobody answers on.
pub struct Sink {
    _process: Option<Running>,
    pub port: u16,
}

impl Sink {
    pub fn start() -> Self {
        let port = free_port();
        let mut command = Command::new("smtp-sink");
        if is_root() {
            command.args(["-u", "postfix"]);
        }
        command.args([&format!("127.0.0.1:{port}"), "1000"]).stderr(Stdio::null());
        Self { _process: command.spawn().ok().map(Running), port }
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// Postfix.
pub struct Postfix {
    configuration: PathBuf,
    queue: PathBuf,
    /// Where it takes mail, `ADDR:PORT`.
    pub smtp: String,
    master: u32,
}

impl Postfix {
    /// Starts it, or says why it cannot be.
    pub fn start(place: &Path, relay_port: u16) -> Result<Self, &'static str> {
        if !is_installed("postfix") {
            return Err("postfix is not installed");
        }
        if !is_root() {
            return Err("postfix needs root");
        }
        let port = free_port();
        let (configuration, queue) = (place.join("postfix"), place.join("postfix-queue"));
        let_others_in(&configuration);
        let_others_in(&queue);
        fs::write(configuration.join("main.cf"), main_cf(place, relay_port)).unwrap();
        fs::write(
            configuration.join("master.cf"),
            format!("127.0.0.1:{port} inet n - n - - smtpd\n{SERVICES}"),
        )
        .unwrap();
        if !control(&configuration, "start") {
            return Err("postfix does not start");
        }
        let pid = fs::read_to_string(queue.join("pid/master.pid")).map_err(|_| "postfix does not start")?;
        let master = pid.trim().parse().map_err(|_| "postfix does not start")?;
        let started = Self { configuration, queue, smtp: format!("127.0.0.1:{port}"), master };
        started.wait_until_it_answers()?;
        Ok(started)
    }

    pub fn pid(&self) -> u32 {
        self.master
    }

    /// Mails that wait to be relayed.
    pub fn waiting(&self) -> usize {
        ["maildrop", "incoming", "active", "deferred"]
            .iter()
            .map(|name| files_under(&self.queue.join(name)))
            .sum()
    }

    fn wait_until_it_answers(&self) -> Result<(), &'static str> {
        let start = Instant::now();
        while std::net::TcpStream::connect(&self.smtp).is_err() {
            if start.elapsed() > START_MAX {
                return Err("postfix does not answer");
            }
            std::thread::sleep(LOOK_EVERY);
        }
        Ok(())
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        control(&self.configuration, "stop");
    }
}

fn main_cf(place: &Path, relay_port: u16) -> String {
    let place = place.display();
    format!(
        "compatibility_level = 3.6\n\
         queue_directory = {place}/postfix-queue\n\
         data_directory = {place}/postfix-data\n\
         myhostname = relais.carsat.example\n\
         inet_interfaces = 127.0.0.1\n\
         inet_protocols = ipv4\n\
         mynetworks = 127.0.0.0/8\n\
         mydestination =\n\
         relayhost = [127.0.0.1]:{relay_port}\n\
         disable_dns_lookups = yes\n\
         smtp_tls_security_level = none\n\
         alias_maps =\n"
    )
}

fn control(configuration: &Path, verb: &str) -> bool {
    let mut command = Command::new("postfix");
    command.arg("-c").arg(configuration).arg(verb).stdout(Stdio::null()).stderr(Stdio::null());
    command.status().is_ok_and(|status| status.success())
}

fn files_under(directory: &Path) -> usize {
    let Ok(entries) = fs::read_dir(directory) else { return 0 };
    entries.flatten().map(|entry| if entry.path().is_dir() { files_under(&entry.path()) } else { 1 }).sum()
}
