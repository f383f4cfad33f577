//! A host that greylists, a real Postfix, and a host that takes the connection and says nothing: mail for a third one arrives
//! at once all the same; what was put off leaves when the host lets it (invariant 10, S8).

use std::net::TcpListener;

use crate::support::peers::{Postfix, Sink, swaks};
use crate::support::served::{Served, Setting};
use crate::support::wait_until;

const AT_GREYLISTING: &str = "jeanne@timide.example";
const AT_SILENT: &str = "paul@muet.example";
const AT_WELL: &str = "lea@conseil.example";

#[test]
fn a_host_that_greylists_and_one_that_hangs_delay_nobody_else() {
    let sink = Sink::new();
    let greylists = "smtpd_recipient_restrictions = check_recipient_access \
        inline:{ { timide.example = 450 4.2.0 Greylisted, try again later } }";
    let shy = Postfix::relaying_to(&sink.address, &[greylists, "smtpd_timeout = 2s"]);
    // The kernel takes connections for it; nobody ever greets.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = |address: &str| address.rsplit_once(':').unwrap().1.to_owned();
    let domains = format!(
        "tls = \"none\"\ndomains = [{{ domain = \"timide.example\", host = \"127.0.0.1\", port = {} }}, \
         {{ domain = \"muet.example\", host = \"127.0.0.1\", port = {} }}]\n",
        port(&shy.address),
        silent.local_addr().unwrap().port(),
    );
    let served = Served::start(&Setting {
        smart_host: &sink.address,
        relay: &domains,
        partner: "--relay 127.0.0.0/8 --domain timide.example --domain muet.example",
        ..Setting::default()
    });
    let deposit = |from: &str| {
        let sent = swaks(&served.smtp, from, "retraite@pli.example", "Demande urgente", "Bonjour.", &[]);
        assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
    };
    let arrived = |to: &str| sink.mails().iter().filter(|mail| mail.to.iter().any(|at| at == to)).count();

    for _ in 0..3 {
        deposit(AT_GREYLISTING);
        deposit(AT_SILENT);
    }
    wait_until("the greylisted mails to be known as such", || {
        served.command("queue list").matches("greylisted").count() == 3
    });
    deposit(AT_WELL);
    wait_until("the mail for the third host, long before the silent one is given up", || {
        arrived(AT_WELL) == 1 && arrived("retraite@caisse.example") == 7
    });
    let waits = served.command("queue list");
    assert_eq!((arrived(AT_GREYLISTING), arrived(AT_SILENT)), (0, 0));
    let silent_at = silent.local_addr().unwrap().to_string();
    assert_eq!(waits.matches(&shy.address).count(), 3, "{waits}");
    assert_eq!(waits.matches(&silent_at).count(), 3, "{waits}");

    // The time that greylisting asks for went by. Connections from before, and a process of Postfix that has not ended yet,
    // know the old rule.
    shy.configure("smtpd_recipient_restrictions =");
    wait_until("each greylisted mail to arrive, once", || {
        served.command(&format!("queue retry --destination {}", shy.address));
        arrived(AT_GREYLISTING) >= 3
    });
    assert_eq!((arrived(AT_GREYLISTING), arrived(AT_SILENT)), (3, 0));
    drop(silent);
}
