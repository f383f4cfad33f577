//! Real mail programs around the gateway: swaks as a client, a private Postfix as a relay.

use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Child, Output, Stdio};

use tempfile::TempDir;

use super::outbox::Mail;
pub use super::ports::free_port;
use super::{program, run, run_well, wait_until};

/// swaks sends a mail with attachments.
pub fn swaks(server: &str, from: &str, to: &str, subject: &str, body: &str, attachments: &[&Path]) -> Output {
    let (host, port) = server.rsplit_once(':').unwrap();
    let mut command = program("swaks");
    command.args([
        "--server",
        host,
        "--port",
        port,
        "--from",
        from,
        "--to",
        to,
        "--helo",
        "poste-12.cd35.example",
    ]);
    command.args(["--header", &format!("Subject: {subject}"), "--body", body]);
    for path in attachments {
        command.args(["--attach-type", "application/octet-stream"]);
        command.arg("--attach").arg(format!("@{}", path.display()));
    }
    run(&mut command)
}

/// A Postfix of the test's own: its configuration, its queue, one port on loopback. Stopped when dropped.
pub struct Postfix {
    /// Where it takes mail.
    pub address: String,
    home: TempDir,
}

impl Postfix {
    /// A Postfix that relays everything to `next` (`address:port`).
    pub fn relaying_to(next: &str, more: &[&str]) -> Self {
        let home = TempDir::new_in(short_folder()).unwrap();
        let port = free_port();
        let config = home.path().join("etc");
        let path = |name: &str| home.path().join(name);
        for name in ["etc", "queue", "data"] {
            fs::create_dir(path(name)).unwrap();
        }
        let (host, to) = next.rsplit_once(':').unwrap();
        let mut main = format!(
            "compatibility_level = 3.6\nqueue_directory = {}\ndata_directory = {}\nmyhostname = relais.cd35.example\n\
             inet_interfaces = 127.0.0.1\ninet_protocols = ipv4\nmynetworks = 127.0.0.0/8\nmydestination =\n\
             local_recipient_maps =\nlocal_transport = error:no local mail\nalias_maps =\nalias_database =\n\
             relayhost = [{host}]:{to}\ndisable_dns_lookups = yes\nsmtp_tls_security_level = none\n\
             smtpd_relay_restrictions = permit_mynetworks, reject\nmaillog_file = {}\nmaillog_file_prefixes = {}\n\
             message_size_limit = 104857600\nminimal_backoff_time = 1s\nmaximal_backoff_time = 2s\nqueue_run_delay = 1s\n",
            path("queue").display(),
            path("data").display(),
            path("postfix.log").display(),
            home.path().display()
        );
        for line in more {
            main.push_str(line);
            main.push('\n');
        }
        fs::write(config.join("main.cf"), main).unwrap();
        fs::write(config.join("master.cf"), master(port)).unwrap();
        run_well(program("chmod").args(["755"]).arg(home.path()));
        run_well(program("chown").args(["postfix"]).arg(path("data")));
        let postfix = Self { address: format!("127.0.0.1:{port}"), home };
        let started = postfix.control("start");
        assert!(
            started.status.success(),
            "postfix start: {}{}\n{}",
            String::from_utf8_lossy(&started.stdout),
            String::from_utf8_lossy(&started.stderr),
            postfix.log()
        );
        wait_until("Postfix to take mail", || super::smtp::Session::open(&postfix.address).is_ok());
        postfix
    }

    /// Adds to its configuration while it runs.
    pub fn configure(&self, line: &str) {
        let file = self.home.path().join("etc/main.cf");
        let text = fs::read_to_string(&file).unwrap();
        fs::write(file, format!("{text}{line}\n")).unwrap();
        assert!(self.control("reload").status.success());
    }

    /// What it wrote down.
    pub fn log(&self) -> String {
        fs::read_to_string(self.home.path().join("postfix.log")).unwrap_or_default()
    }

    /// A folder that goes with it.
    pub fn folder(&self) -> PathBuf {
        self.home.path().to_owned()
    }

    fn control(&self, what: &str) -> Output {
        run(program("postfix").arg("-c").arg(self.home.path().join("etc")).arg(what))
    }
}

impl Drop for Postfix {
    fn drop(&mut self) {
        // What `postfix abort` does, without its script: that waits for the log daemon, which may have ended already.
        let Ok(master) = fs::read_to_string(self.home.path().join("queue/pid/master.pid")) else { return };
        run(program("kill").arg("-TERM").arg(master.trim()));
    }
}

/// Postfix's own sink: takes every mail and keeps it.
pub struct Sink {
    /// Where it takes mail.
    pub address: String,
    home: TempDir,
    process: Child,
}

impl Sink {
    const FILE: &str = "mails";

    /// Starts one.
    pub fn new() -> Self {
        let home = TempDir::new().unwrap();
        run_well(program("chown").arg("postfix").arg(home.path()));
        let address = format!("127.0.0.1:{}", free_port());
        let process = program("smtp-sink")
            .current_dir(home.path())
            .args(["-u", "postfix", "-D", Self::FILE, &address, "10"])
            .stdout(Stdio::null())
            .stderr(Stdio::null())
            .spawn()
            .unwrap_or_else(|error| panic!("smtp-sink: {error}; tests/tools/install installs it"));
        wait_until("smtp-sink to take mail", || super::smtp::Session::open(&address).is_ok());
        Self { address, home, process }
    }

    /// The mails that it took, oldest first. They stand in one file, each after lines of its envelope.
    pub fn mails(&self) -> Vec<Mail> {
        let text = fs::read_to_string(self.home.path().join(Self::FILE)).unwrap_or_default();
        let mut mails: Vec<&str> = text
            .split("X-Client-Addr:")
            .filter_map(|mail| mail.find("Received:").map(|start| &mail[start..]))
            .collect();
        // The one that is being written has no empty line behind its last one yet.
        mails.pop_if(|last| !last.ends_with("\n\n"));
        mails.into_iter().map(|mail| Mail::read(mail.as_bytes())).collect()
    }
}

impl Drop for Sink {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Postfix's sockets live under its queue directory, and the length of their paths is bounded.
fn short_folder() -> PathBuf {
    std::env::temp_dir()
}

fn master(port: u16) -> String {
    format!(
        "127.0.0.1:{port} inet n - n - - smtpd\npickup unix n - n 60 1 pickup\ncleanup unix n - n - 0 cleanup\n\
         qmgr unix n - n 300 1 qmgr\ntlsmgr unix - - n 1000? 1 tlsmgr\nrewrite unix - - n - - trivial-rewrite\n\
         bounce unix - - n - 0 bounce\ndefer unix - - n - 0 bounce\ntrace unix - - n - 0 bounce\n\
         flush unix n - n 1000? 0 flush\nproxymap unix - - n - - proxymap\nsmtp unix - - n - - smtp\n\
         relay unix - - n - - smtp\nlmtp unix - - n - - lmtp\nerror unix - - n - - error\nretry unix - - n - - error\n\
         discard unix - - n - - discard\nanvil unix - - n - 1 anvil\nverify unix - - n - 1 verify\nscache unix - - n - 1 scache\n\
         postlog unix-dgram n - n - 1 postlogd\n"
    )
}
