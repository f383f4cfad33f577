//! A real Postfix before the gateway and behind it: what a partner's relay hands over is a deposit, and what a gateway in
//! earnest (`pli init`, `pli serve`) sends goes out over STARTTLS to a smart host that demands it.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::support::gateway::{Gateway, pli};
use crate::support::outbox::{self, Mail};
use crate::support::peers::{Postfix, Sink, swaks};
use crate::support::steps::{download, file_names, open_transfer, sign_in};
use crate::support::{program, run_well, samples, wait_for, wait_until};

const DEPOSITOR: &str = "lea.prigent@conseil.example";
const NOTICES: &str = "retraite@caisse.example";

#[test]
fn what_a_partners_postfix_relays_is_a_deposit() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let relay = Postfix::relaying_to(&gateway.smtp, &[]);
    let scan = samples::scan(2_000_000);
    let path = relay.folder().join("scan.tiff");
    fs::write(&path, &scan).unwrap();
    let sent = swaks(
        &relay.address,
        &depositor,
        &mailbox.deposit_address,
        "Demande urgente",
        "Par le relais.",
        &[&path],
    );
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    wait_until("Postfix to hand it over", || relay.log().contains("status=sent (250"));
    let mail = outbox::wait(&gateway, &depositor, "the acknowledgement", |mail| reference(mail).is_some());
    let reference = reference(&mail).unwrap();
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let page = open_transfer(&mut agent, &reference).text();
    assert!(page.contains("Par le relais."));
    let number = file_names(&page).iter().position(|name| name == "scan.tiff").unwrap() + 1;
    assert!(download(&mut agent, &reference, number).body == scan, "byte for byte");
}

#[test]
fn what_a_postfix_is_refused_comes_back_to_its_sender_and_is_no_deposit() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let relay = Postfix::relaying_to(&gateway.smtp, &[]);
    let sent =
        swaks(&relay.address, "x@ailleurs.example", &mailbox.deposit_address, "Bonjour", "Bonjour.", &[]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    wait_until("Postfix to be refused for good", || relay.log().contains("status=bounced"));
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(!agent.get("/boites").text().contains("href=\"/transferts/"));
}

#[test]
fn a_gateway_in_earnest_sends_its_mails_over_starttls_to_its_smart_host() {
    let sink = Sink::new();
    let certificates = TempDir::new().unwrap();
    certify(certificates.path(), "relais.conseil.example");
    let file = |name: &str| certificates.path().join(name).display().to_string();
    let host = Postfix::relaying_to(
        &sink.address,
        &[
            "smtpd_tls_security_level = encrypt",
            "smtpd_tls_received_header = yes",
            &format!("smtpd_tls_cert_file = {}", file("host.pem")),
            &format!("smtpd_tls_key_file = {}", file("host.key")),
        ],
    );
    let served = Served::behind(&host.address, &certificates.path().join("authority.pem"));
    let sent = swaks(&served.smtp, DEPOSITOR, "retraite@pli.example", "Demande urgente", "En vrai.", &[]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    for to in [DEPOSITOR, NOTICES] {
        let mail = wait_for(&format!("a mail to {to}; {}", host.log()), || {
            sink.mails().into_iter().find(|mail| mail.to.iter().any(|known| known == to))
        });
        let raw = String::from_utf8_lossy(&mail.raw).into_owned();
        assert!(raw.contains("using TLSv1.3"), "Postfix took it over TLS:\n{raw}");
        assert!(reference(&mail).is_some());
    }
}

/// A gateway made by `pli init`, filled by commands, run by `pli serve`.
struct Served {
    smtp: String,
    process: Child,
    _home: TempDir,
}

impl Served {
    fn behind(smart_host: &str, authority: &Path) -> Self {
        let home = TempDir::new().unwrap();
        let directory = home.path().join("pli");
        run_well(pli().arg("init").arg(&directory));
        configure(&directory.join("pli.toml"), smart_host, authority);
        fill(&directory);
        let mut process = pli()
            .arg("--dir")
            .arg(&directory)
            .arg("serve")
            .stdin(Stdio::null())
            .stderr(Stdio::piped())
            .spawn()
            .unwrap();
        let mut log = BufReader::new(process.stderr.take().unwrap());
        let mut line = String::new();
        while !line.contains("gateway.ready") {
            line.clear();
            assert_ne!(log.read_line(&mut line).unwrap(), 0, "it ended before it was ready");
        }
        let smtp = line.split("smtp=\"").nth(1).unwrap().split('"').next().unwrap().to_owned();
        // Somebody must read on, or the gateway waits for its log.
        std::thread::spawn(move || std::io::copy(&mut log, &mut std::io::sink()));
        Self { smtp, process, _home: home }
    }
}

impl Drop for Served {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// Loopback, ports that the system chooses, and the smart host with its proof.
fn configure(file: &Path, smart_host: &str, authority: &Path) {
    let (host, port) = smart_host.rsplit_once(':').unwrap();
    let relay = format!(
        "[relay]\nsmart_host = \"{host}\"\nport = {port}\ntls = \"required\"\nserver_name = \"relais.conseil.example\"\n\
         authorities = \"{}\"\n",
        authority.display()
    );
    let text = fs::read_to_string(file).unwrap();
    let (before, rest) = text.split_once("[relay]").unwrap();
    let after = &rest[rest.find("\n[").unwrap()..];
    let changed = format!("{before}{relay}{after}")
        .replace("base_url = \"https://pli.example\"", "base_url = \"http://localhost\"")
        .replace("listen = \"[::]:443\"", "listen = \"127.0.0.1:0\"")
        .replace("listen = \"[::]:25\"", "listen = \"127.0.0.1:0\"")
        .replace("# plain = false", "plain = true");
    fs::write(file, changed).unwrap();
}

fn fill(directory: &Path) {
    for arguments in [
        "organisation add --slug caisse --name Caisse --postal-address Rennes --data-protection-officer dpo@caisse.example",
        "mailbox add --slug retraite --name Retraite --purpose Dossiers --deposit-address retraite@pli.example \
         --notice-address retraite@caisse.example",
        "partner add --name Conseil --domain conseil.example --relay 127.0.0.0/8 --site Centre=centre@conseil.example \
         --mailbox retraite",
    ] {
        run_well(pli().arg("--dir").arg(directory).args(arguments.split_whitespace()));
    }
}

/// An authority, and a certificate of it for this name.
fn certify(folder: &Path, name: &str) {
    let file = |name: &str| -> PathBuf { folder.join(name) };
    let openssl = |arguments: &[&str]| {
        run_well(program("openssl").current_dir(folder).args(arguments));
    };
    let curve = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"];
    let authority = [
        "req",
        "-x509",
        "-days",
        "2",
        "-subj",
        "/CN=Autorite de test",
        "-keyout",
        "authority.key",
        "-out",
        "authority.pem",
    ];
    openssl(&[&authority[..], &curve].concat());
    let request = ["req", "-subj", "/CN=relais", "-keyout", "host.key", "-out", "host.csr"];
    openssl(&[&request[..], &curve].concat());
    let mut names = fs::File::create(file("names")).unwrap();
    writeln!(names, "subjectAltName = DNS:{name}").unwrap();
    openssl(&[
        "x509",
        "-req",
        "-in",
        "host.csr",
        "-CA",
        "authority.pem",
        "-CAkey",
        "authority.key",
        "-CAcreateserial",
        "-days",
        "2",
        "-extfile",
        "names",
        "-out",
        "host.pem",
    ]);
}

/// The reference that a mail tells.
fn reference(mail: &Mail) -> Option<String> {
    let shape = regex::Regex::new(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b").unwrap();
    shape.find(&mail.text).map(|found| found.as_str().to_owned())
}
