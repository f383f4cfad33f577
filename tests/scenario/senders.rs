//! Who wrote a mail (D3, D7): a partner without a pinned relay is believed when DMARC passes for its domain, looked up at
//! a real name server, signed by another implementation of DKIM; or when its mail host shows the certificate that the
//! partner pinned. All others read one and the same answer.

use std::fs;
use std::path::Path;
use std::process::{Child, Stdio};

use tempfile::TempDir;

use crate::road::reference_in;
use crate::support::certificates::certify;
use crate::support::html::{form_with, text};
use crate::support::http::Browser;
use crate::support::peers::free_port;
use crate::support::served::{AGENT, PAGE_PASSWORD, Served, Setting};
use crate::support::steps::past_terms;
use crate::support::{program, run, run_well, wait_until};

const MAIL: &str = "From: Lea Prigent <lea.prigent@conseil.example>\r\nTo: retraite@pli.example\r\n\
    Subject: Demande urgente\r\nDate: Sat, 21 Nov 2026 10:00:00 +0100\r\nMessage-ID: <un@conseil.example>\r\n\
    \r\nBonjour.\r\n";

#[test]
fn a_signed_mail_of_a_partner_is_a_deposit_and_no_other_is() {
    let names = NameServer::start();
    let served = names.gateway("--dmarc");
    let send = |mail: &[u8]| deliver(&served.smtp, "lea.prigent@conseil.example", mail);

    let unsigned = send(MAIL.as_bytes());
    assert!(unsigned.contains("550 5.7.1"), "{unsigned}");
    let signed = names.sign(MAIL, "conseil.example");
    let accepted = send(&signed);
    assert!(accepted.contains("250 2.0.0"), "{accepted}");

    let tampered = String::from_utf8(signed).unwrap().replace("Bonjour.", "Bonsoir.");
    assert_eq!(send(tampered.as_bytes()), unsigned, "changed on its way");
    let other = names.sign(MAIL, "ailleurs.example");
    assert_eq!(send(&other), unsigned, "signed by another domain");
    let elsewhere = names.sign(&MAIL.replace("To: retraite@pli", "To: ami@ailleurs"), "conseil.example");
    assert_eq!(send(&elsewhere), unsigned, "a mail to somebody else, sent once more");
    let stranger = names.sign(&MAIL.replace("@conseil.example", "@ailleurs.example"), "ailleurs.example");
    assert_eq!(
        deliver(&served.smtp, "x@ailleurs.example", &stranger),
        unsigned,
        "proved, but nobody's partner: the same words"
    );
}

/// Who forwarded it on the way sealed what it had found (RFC 8617): the agent reads that, and everything else, on the page.
#[test]
fn what_was_found_of_the_sender_stands_on_the_page_of_the_transfer() {
    let names = NameServer::start();
    let served = names.gateway("--dmarc");
    served.add_agent(AGENT, PAGE_PASSWORD);
    let signed = names.sign(MAIL, "conseil.example");
    let sealed = names.seal(&signed, "ailleurs.example");
    let broken =
        replaced(&sealed, "ARC-Authentication-Results: i=1;", "ARC-Authentication-Results: i=1; spf=pass");
    let mut agent = Browser::new(&served.http);
    let page = agent.get("/connexion").text();
    let reply =
        agent.submit(&form_with(&page, "password"), &[("address", AGENT), ("password", PAGE_PASSWORD)], &[]);
    let page = agent.follow(reply);
    past_terms(&mut agent, page);
    for (number, (mail, arc)) in
        [(signed, "none"), (sealed, "pass"), (broken, "fail")].into_iter().enumerate()
    {
        // Each is another mail, not a repeat: by its envelope, which nobody signed.
        let from = format!("lea+{number}@conseil.example");
        let accepted = deliver(&served.smtp, &from, &mail);
        let page = agent.get(&format!("/transferts/{}", reference_in(&accepted))).text();
        let found = text(&page);
        let told = format!(
            "spf=fail (conseil.example) · dkim=pass (conseil.example) · dmarc=pass (conseil.example) · arc={arc} · "
        );
        assert!(found.contains(&told), "{told}: {found}");
    }
}

fn replaced(mail: &[u8], from: &str, to: &str) -> Vec<u8> {
    let text = String::from_utf8(mail.to_vec()).unwrap();
    assert!(text.contains(from), "{text}");
    text.replacen(from, to, 1).into_bytes()
}

#[test]
fn a_host_that_the_domain_names_needs_no_signature() {
    let names = NameServer::start();
    let served = names.gateway_for("--dmarc", "par-hote.example");
    let mail = MAIL.replace("conseil.example", "par-hote.example");
    let accepted = deliver(&served.smtp, "lea.prigent@par-hote.example", mail.as_bytes());
    assert!(accepted.contains("250 2.0.0"), "{accepted}");
}

#[test]
fn when_no_name_server_answers_the_sender_is_asked_to_come_again() {
    let names = NameServer::start();
    let served = names.gateway("--dmarc");
    let signed = names.sign(MAIL, "conseil.example");
    drop(names);
    let later = deliver(&served.smtp, "lea.prigent@conseil.example", &signed);
    assert!(later.contains("451 4.4.3"), "{later}");
}

#[test]
fn without_the_partners_agreement_to_it_a_signature_counts_for_nothing() {
    let names = NameServer::start();
    let served = names.gateway("");
    let refused = deliver(&served.smtp, "lea.prigent@conseil.example", &names.sign(MAIL, "conseil.example"));
    assert!(refused.contains("550 5.7.1"), "{refused}");
}

#[test]
fn a_mail_host_with_the_pinned_certificate_speaks_for_its_partner() {
    let (host, stranger) = (TempDir::new().unwrap(), TempDir::new().unwrap());
    certify(host.path(), "relais.conseil.example");
    certify(stranger.path(), "relais.ailleurs.example");
    let smtp = "asks_certificates = true\nchecks_senders = false\n";
    let partner = format!("--relay-certificate {}", fingerprint(&host.path().join("host.pem")));
    let served = Served::start(&Setting { smtp, partner: &partner, ..Setting::default() });
    let send = |folder: Option<&Path>| {
        let mut command = program("swaks");
        let (address, port) = served.smtp.rsplit_once(':').unwrap();
        command.args(["--server", address, "--port", port, "--tls", "--to", "retraite@pli.example"]);
        command.args(["--from", "lea.prigent@conseil.example", "--header", "Subject: Demande urgente"]);
        if let Some(folder) = folder {
            command
                .arg("--tls-cert")
                .arg(folder.join("host.pem"))
                .arg("--tls-key")
                .arg(folder.join("host.key"));
        }
        let output = run(&mut command);
        String::from_utf8_lossy(&output.stdout).into_owned()
    };
    let accepted = send(Some(host.path()));
    assert!(accepted.contains("250 2.0.0"), "{accepted}");
    for refused in [send(Some(stranger.path())), send(None)] {
        assert!(refused.contains("550"), "{refused}");
    }
}

/// SHA-256 of a certificate, as openssl tells it.
fn fingerprint(certificate: &Path) -> String {
    let told = run_well(
        program("openssl").args(["x509", "-noout", "-fingerprint", "-sha256", "-in"]).arg(certificate),
    );
    String::from_utf8(told).unwrap().split('=').nth(1).unwrap().trim().to_owned()
}

/// Sends a mail as it is, and gives the answer after it.
fn deliver(server: &str, from: &str, mail: &[u8]) -> String {
    let mut session = crate::support::smtp::Session::open(server).unwrap();
    session.say(&format!("MAIL FROM:<{from}>")).unwrap();
    session.say("RCPT TO:<retraite@pli.example>").unwrap();
    assert_eq!(session.say("DATA").unwrap().code, 354);
    session.send(mail).unwrap();
    let answer = session.say(".").unwrap();
    // The reference differs from one mail to the next, the words do not.
    answer.text
}

/// A real name server on loopback with the zones of the story, and the keys behind them.
struct NameServer {
    process: Child,
    port: u16,
    home: TempDir,
}

impl NameServer {
    fn start() -> Self {
        let home = TempDir::new().unwrap();
        let port = free_port();
        let mut command = program("dnsmasq");
        command.args([
            "--keep-in-foreground",
            "--no-resolv",
            "--no-hosts",
            "--conf-file=/dev/null",
            "--user=root",
        ]);
        command.args(["--listen-address=127.0.0.1", "--bind-interfaces", "--local=/example/", "--pid-file"]);
        command.arg(format!("--port={port}"));
        for domain in ["conseil.example", "ailleurs.example"] {
            let key = home.path().join(format!("{domain}.key"));
            run_well(program("openssl").args(["genrsa", "-traditional", "-out"]).arg(&key).arg("2048"));
            let public =
                run_well(program("openssl").args(["rsa", "-pubout", "-outform", "DER", "-in"]).arg(&key));
            let text = base64::Engine::encode(&base64::engine::general_purpose::STANDARD, public);
            let (first, second) = text.split_at(200);
            command.arg(format!("--txt-record=sel._domainkey.{domain},v=DKIM1; k=rsa; p={first},{second}"));
            command.arg(format!("--txt-record={domain},v=spf1 ip4:192.0.2.1 -all"));
            command.arg(format!("--txt-record=_dmarc.{domain},v=DMARC1; p=reject"));
        }
        command.arg("--txt-record=par-hote.example,v=spf1 ip4:127.0.0.0/8 -all");
        command.arg("--txt-record=_dmarc.par-hote.example,v=DMARC1; p=reject");
        let process = command.stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap();
        let server = Self { process, port, home };
        wait_until("the name server to answer", || std::net::TcpStream::connect(("127.0.0.1", port)).is_ok());
        server
    }

    fn gateway(&self, partner: &str) -> Served {
        self.gateway_for(partner, "conseil.example")
    }

    fn gateway_for(&self, partner: &str, domain: &str) -> Served {
        let dns = format!("servers = [\"127.0.0.1:{}\"]\n", self.port);
        let partner = format!("--domain {domain} {partner}");
        Served::start(&Setting { smtp: "", dns: &dns, partner: &partner, ..Setting::default() })
    }

    /// The mail with a signature by dkimpy.
    fn sign(&self, mail: &str, domain: &str) -> Vec<u8> {
        self.by_dkimpy("dkimsign", mail.as_bytes(), domain, &[])
    }

    /// The mail as a host of this domain forwards it: with what it found, sealed by dkimpy.
    fn seal(&self, mail: &[u8], domain: &str) -> Vec<u8> {
        let host = format!("relais.{domain}");
        let found = format!("Authentication-Results: {host}; dkim=pass header.d=conseil.example\r\n");
        self.by_dkimpy("arcsign", &[found.as_bytes(), mail].concat(), domain, &[&host])
    }

    fn by_dkimpy(&self, name: &str, mail: &[u8], domain: &str, more: &[&str]) -> Vec<u8> {
        let file = self.home.path().join("mail");
        fs::write(&file, mail).unwrap();
        run_well(
            program(name)
                .arg("sel")
                .arg(domain)
                .arg(self.home.path().join(format!("{domain}.key")))
                .args(more)
                .stdin(fs::File::open(file).unwrap()),
        )
    }
}

impl Drop for NameServer {
    fn drop(&mut self) {
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}
