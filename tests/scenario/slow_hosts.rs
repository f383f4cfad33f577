//! A host that greylists, a real Postfix, and a host that takes the connection and says nothing: mail for a third one arrives
//! at once all the same; what was put off leaves when the host lets it (invariant 10, S8).

use std::net::TcpListener;

use serde_json::Value;

use crate::support::log::events;
use crate::support::peers::{Postfix, Sink, free_port, swaks};
use crate::support::served::{Served, Setting};
use crate::support::{run, wait_until};

const AT_GREYLISTING: &str = "jeanne@timide.example";
const AT_SILENT: &str = "paul@muet.example";
const AT_WELL: &str = "lea@conseil.example";

/// The host of timide.example: it puts off all that comes for it.
fn greylisting(sink: &Sink) -> Postfix {
    let greylists = "smtpd_recipient_restrictions = check_recipient_access \
        inline:{ { timide.example = 450 4.2.0 Greylisted, try again later } }";
    Postfix::relaying_to(&sink.address, &[greylists, "smtpd_timeout = 2s"])
}

/// A gateway whose mail for timide.example goes to the host that greylists, for muet.example to this port, all other to the
/// sink.
fn served_beside(sink: &Sink, shy: &Postfix, silent: u16) -> Served {
    let (_, shy) = shy.address.rsplit_once(':').unwrap();
    let domains = format!(
        "tls = \"none\"\ndomains = [{{ domain = \"timide.example\", host = \"127.0.0.1\", port = {shy} }}, \
         {{ domain = \"muet.example\", host = \"127.0.0.1\", port = {silent} }}]\n",
    );
    Served::start(&Setting {
        smart_host: &sink.address,
        relay: &domains,
        partner: "--relay 127.0.0.0/8 --domain timide.example --domain muet.example",
        ..Setting::default()
    })
}

fn deposit(served: &Served, from: &str) {
    let sent = swaks(&served.smtp, from, "retraite@pli.example", "Demande urgente", "Bonjour.", &[]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
}

#[test]
fn a_host_that_greylists_and_one_that_hangs_delay_nobody_else() {
    let sink = Sink::new();
    let shy = greylisting(&sink);
    // The kernel takes connections for it; nobody ever greets.
    let silent = TcpListener::bind("127.0.0.1:0").unwrap();
    let served = served_beside(&sink, &shy, silent.local_addr().unwrap().port());
    let deposit = |from: &str| deposit(&served, from);
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

/// What an operator types while hosts are shy or dead: each mail is found by its id, and what is done to one is done to no other.
#[test]
fn an_operator_shows_holds_retries_and_drops_mails_by_their_ids_or_all_at_once() {
    let sink = Sink::new();
    let shy = greylisting(&sink);
    let served = served_beside(&sink, &shy, free_port());
    let deposit = |from: &str| deposit(&served, from);
    let json = |command: &str| -> Vec<Value> {
        let told = served.command(command);
        told.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    };
    let show = |id: &str| json(&format!("queue show {id} --json")).remove(0);
    let state = |id: &str| show(id)["state"].as_str().unwrap().to_owned();
    let arrived = || sink.mails().iter().filter(|mail| mail.to.iter().any(|at| at == AT_GREYLISTING)).count();

    (0..3).for_each(|_| deposit(AT_GREYLISTING));
    wait_until("the greylisted mails to be known as such", || {
        served.command("queue list").matches("greylisted").count() == 3
    });
    let listed = json(&format!("queue list --destination {} --json", shy.address));
    let ids: Vec<_> = listed.iter().map(|mail| mail["id"].as_str().unwrap().to_owned()).collect();
    let [held, dropped, retried] = ids.as_slice() else { panic!("{listed:?}") };
    for (id, listed) in ids.iter().zip(&listed) {
        let (shown, line) = (show(id), served.command(&format!("queue show {id}")));
        for name in ["id", "kind", "state", "destination", "problem", "reply_code"] {
            assert_eq!(shown[name], listed[name], "{name}");
        }
        let cells: Vec<_> = line.trim_end().split('\t').collect();
        let expected = [id, "acknowledgement", "delayed", shy.address.as_str(), "greylisted", "450"];
        assert_eq!(cells[..6], expected, "{line}");
        assert!(!line.contains("jeanne"), "a destination, no address: {line}");
    }
    let unknown = run(&mut served.prepare("queue show 00000000000000000000000000000000"));
    assert!(!unknown.status.success() && unknown.stdout.is_empty());

    assert_eq!(served.command(&format!("queue hold {held}")), "1 mail\n");
    assert_eq!(served.command(&format!("queue drop {dropped} --json")), "{\"changed\":1}\n");
    assert_eq!(
        (state(held), state(dropped), state(retried)),
        ("held".into(), "failed".into(), "delayed".into())
    );
    assert_eq!(show(dropped)["problem"], "dropped");
    let again = run(&mut served.prepare(&format!("queue retry {dropped}")));
    assert!(!again.status.success(), "what was given up is gone");

    // The host takes mail again; one that is retried leaves, also a new one does, and the held one stays.
    shy.configure("smtpd_recipient_restrictions =");
    wait_until("the one that is retried to arrive", || {
        let _ = run(&mut served.prepare(&format!("queue retry {retried}")));
        arrived() == 1
    });
    wait_until("it to be known", || state(retried) == "accepted");
    deposit(AT_GREYLISTING);
    wait_until("a new one to arrive", || arrived() == 2);
    assert_eq!(state(held), "held", "though its host is alive");
    assert_eq!(served.command(&format!("queue retry {held}")), "1 mail\n");
    wait_until("it to arrive once it is let go", || arrived() == 3);
    wait_until("it to be known", || state(held) == "accepted");
    assert_eq!(served.command("queue list"), "");

    // All of them, and never by forgetting to say which.
    (0..2).for_each(|_| deposit(AT_SILENT));
    wait_until("both to be known as not to be delivered", || {
        served.command("queue list --state delayed").lines().count() == 2
    });
    for what in ["retry", "hold", "drop"] {
        let said = run(&mut served.prepare(&format!("queue {what}")));
        assert!(!said.status.success(), "{what} says which");
        assert!(String::from_utf8_lossy(&said.stderr).contains("--all"), "{what}");
    }
    assert_eq!(served.command("queue hold --all"), "2 mails\n");
    assert_eq!(served.command("queue list --state held").lines().count(), 2);
    assert_eq!(served.command("queue drop --all --json"), "{\"changed\":2}\n");
    assert_eq!(served.command("queue list"), "");

    let told = events(&served.log());
    let count = |action: &str, mail: Option<&str>| {
        let by_hand = told.iter().filter(|event| event["action"] == action && event["actor"] == "operator");
        by_hand.filter(|event| mail.is_none_or(|id| event["object"].to_string().contains(id))).count()
    };
    assert_eq!((count("mail.held", Some(held)), count("mail.held", None)), (1, 3));
    assert_eq!((count("mail.cancelled", Some(dropped)), count("mail.cancelled", None)), (1, 3));
    assert_eq!(count("mail.retried", Some(held)), 1);
    assert_eq!(arrived(), 3, "what was dropped never arrived");
}
