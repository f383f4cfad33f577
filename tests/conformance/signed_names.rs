//! A name server (nsd) with a zone that DNSSEC signs (ldns), one that it does not, and a record that was forged after it
//! was signed.

#![expect(clippy::disallowed_methods, reason = "the name server is another program, in real time")]
#![expect(clippy::expect_used, reason = "what fails here fails the test")]

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, UdpSocket};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::time::{Duration, Instant};

use tempfile::TempDir;

use crate::ports::free_port;

const HEAD: &str =
    "$TTL 300\n@ IN SOA ns.example. admin.example. 1 3600 600 86400 300\n@ IN NS ns.example.\n";

/// The name server; it ends with this.
pub struct NameServer {
    process: Child,
    pub address: SocketAddr,
    /// The keys that prove `example.`.
    pub trust_anchor: PathBuf,
    _home: TempDir,
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

impl NameServer {
    /// Serves the lines of a zone file for `example.`, signed, and of one for `unsigned.example.`. Where `forged` is told,
    /// its first text is put in the place of the second after signing.
    pub fn start(signed: &str, unsigned: &str, forged: Option<(&str, &str)>) -> Self {
        let home = TempDir::new().unwrap();
        let at = home.path();
        let zone = format!("$ORIGIN example.\n{HEAD}ns IN A 127.0.0.1\nunsigned IN NS ns.example.\n{signed}");
        fs::write(at.join("example.zone"), zone).unwrap();
        fs::write(at.join("unsigned.zone"), format!("$ORIGIN unsigned.example.\n{HEAD}{unsigned}")).unwrap();
        let key = run(Command::new("ldns-keygen").args(["-a", "ECDSAP256SHA256", "-k", "example"]), at);
        let key = key.trim();
        run(Command::new("ldns-signzone").args(["-f", "example.signed", "example.zone", key]), at);
        if let Some((from, to)) = forged {
            let text = fs::read_to_string(at.join("example.signed")).unwrap();
            assert!(text.contains(from), "{from} is not in the signed zone");
            fs::write(at.join("example.signed"), text.replace(from, to)).unwrap();
        }
        let address = SocketAddr::from((Ipv4Addr::LOCALHOST, free_port()));
        fs::write(at.join("nsd.conf"), config(at, address)).unwrap();
        let mut command = Command::new("nsd");
        command.args(["-d", "-c", "nsd.conf"]).current_dir(at).stdout(Stdio::null()).stderr(Stdio::null());
        let process = command.spawn().expect("nsd (tests/tools/install)");
        let trust_anchor = at.join(format!("{key}.key"));
        let server = Self { process, address, trust_anchor, _home: home };
        server.wait();
        server
    }

    /// Until it answers.
    fn wait(&self) {
        let asks = UdpSocket::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        asks.set_read_timeout(Some(Duration::from_millis(100))).unwrap();
        let question = b"\0\x01\0\0\0\x01\0\0\0\0\0\0\x07example\0\0\x06\0\x01";
        let begun = Instant::now();
        loop {
            let _ = asks.send_to(question, self.address);
            if asks.recv(&mut [0; 512]).is_ok() {
                return;
            }
            assert!(begun.elapsed() < Duration::from_secs(30), "nsd does not answer");
        }
    }
}

fn config(at: &Path, address: SocketAddr) -> String {
    let at = at.display();
    format!(
        "server:\n ip-address: {}@{}\n username: \"\"\n zonesdir: \"{at}\"\n database: \"\"\n pidfile: \"{at}/nsd.pid\"\n \
         xfrdfile: \"{at}/xfrd.state\"\n zonelistfile: \"{at}/zone.list\"\n server-count: 1\nremote-control:\n \
         control-enable: no\nzone:\n name: example\n zonefile: example.signed\nzone:\n name: unsigned.example\n \
         zonefile: unsigned.zone\n",
        address.ip(),
        address.port()
    )
}

fn run(command: &mut Command, at: &Path) -> String {
    let output = command.current_dir(at).output().expect("ldnsutils (tests/tools/install)");
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    String::from_utf8(output.stdout).unwrap()
}
