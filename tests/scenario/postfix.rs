//! A real Postfix before the gateway and behind it: what a partner's relay hands over is a deposit, and what a gateway in
//! earnest (`pli init`, `pli serve`) sends goes out over STARTTLS to a smart host that demands it.

use std::fs;

use tempfile::TempDir;

use crate::support::certificates::certify;
use crate::support::gateway::Gateway;
use crate::support::log::events;
use crate::support::outbox::{self, Mail};
use crate::support::peers::{Postfix, Sink, swaks};
use crate::support::served::{AGENT, PAGE_PASSWORD, Served, Setting};
use crate::support::steps::{download, file_names, open_transfer, sign_in, sign_in_as};
use crate::support::{program, run, samples, wait_for, wait_until};

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
    let relay = format!(
        "tls = \"required\"\nserver_name = \"relais.conseil.example\"\nauthorities = \"{}\"\n",
        file("authority.pem")
    );
    let served = Served::start(&Setting { smart_host: &host.address, relay: &relay, ..Setting::default() });
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

    // What protected both mails stands where people look for it.
    served.add_agent(AGENT, PAGE_PASSWORD);
    let mut agent = sign_in_as(&served.http, AGENT, PAGE_PASSWORD);
    let notice = sink.mails().into_iter().find(|mail| mail.to.iter().any(|to| to == NOTICES)).unwrap();
    let path = format!("/transferts/{}", reference(&notice).unwrap());
    wait_until("the transfer's page to tell how both mails travelled", || {
        agent.get(&path).text().matches("par une connexion chiffrée (TLS 1.3)").count() == 2
    });
    let log = served.log();
    let sent = events(&log).into_iter().filter(|event| event["action"] == "mail.sent");
    let details: Vec<_> = sent.map(|event| event["detail"].clone()).collect();
    assert!(details.len() == 2 && details.iter().all(|detail| detail["tls"] == "tls13"), "{details:?}");
}

/// RFC 8689 section 2, decision 0126: what the way out cannot keep is promised to nobody.
#[test]
fn requiretls_is_offered_where_the_way_out_can_keep_it() {
    let sink = Sink::new();
    for (relay, offered) in [("tls = \"none\"\n", false), ("tls = \"required\"\n", true)] {
        let served = Served::start(&Setting { smart_host: &sink.address, relay, ..Setting::default() });
        let asked =
            ["--server", &served.smtp, "--tls", "--to", "retraite@pli.example", "--quit-after", "EHLO"];
        let said = run(program("swaks").args(asked));
        let said = String::from_utf8_lossy(&said.stdout).into_owned();
        assert!(said.contains("TLS started"), "{said}");
        assert_eq!(said.contains("REQUIRETLS"), offered, "{relay}{said}");
    }
}

/// The recipe of `deploy/`, its lines as they stand but for the port. Who is nobody here is refused while the sender waits.
#[test]
fn a_postfix_in_front_hands_over_what_the_gateway_takes_and_asks_it_first() {
    let served = Served::start(&Setting::default());
    let recipe = include_str!("../../deploy/postfix/in-front.cf");
    let (_, port) = served.smtp.rsplit_once(':').unwrap();
    let recipe = recipe.replace(":2525 ", &format!(":{port} "));
    // The test's own client is a stranger to this Postfix: only then are recipients asked for.
    let recipe = recipe.replace("permit_mynetworks, reject_unauth", "reject_unauth");
    let mut lines: Vec<&str> = recipe.lines().filter(|line| !line.starts_with('#')).collect();
    lines.push("smtpd_relay_restrictions = reject_unauth_destination");
    let front = Postfix::relaying_to("127.0.0.1:9", &lines);
    let send = |to: &str| {
        let sent = swaks(&front.address, DEPOSITOR, to, "Demande urgente", "Par la poste.", &[]);
        (sent.status.success(), String::from_utf8_lossy(&sent.stdout).into_owned())
    };
    let (taken, said) = send("retraite@pli.example");
    assert!(taken, "{said}\n{}", front.log());
    wait_until("Postfix to hand it over", || front.log().contains("status=sent (250 2.0.0 Deposited"));
    let (taken, said) = send("personne@pli.example");
    assert!(!taken && said.contains("550 5.1.1"), "{said}");
    let (taken, said) = send("ami@ailleurs.example");
    assert!(!taken && said.contains("554 5.7.1"), "{said}");
}

/// The reference that a mail tells.
fn reference(mail: &Mail) -> Option<String> {
    let shape = regex::Regex::new(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b").unwrap();
    shape.find(&mail.text).map(|found| found.as_str().to_owned())
}
