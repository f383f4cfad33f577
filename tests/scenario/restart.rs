//! A demo goes on where it was: Ctrl-C stops it cleanly, a second start finds what was there.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::sync::Arc;

use crate::support::gateway::{Gateway, Start};
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{log, wait_until};

#[test]
fn ctrl_c_stops_it_cleanly_and_a_second_start_goes_on() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference =
        open_draft(&gateway, &mailbox, &facts.depositor()).send_well("Demande urgente", "Avant.", &[]);
    let people = facts.0["people"].clone();
    gateway.advance(3600);
    assert_eq!(gateway.interrupt().code(), Some(0));
    assert!(TcpStream::connect(&gateway.http).is_err(), "its ports are free");

    let mut gateway = Gateway::start(Arc::clone(&gateway.home), &Start::default());
    let facts = gateway.facts();
    assert_eq!(facts.0["people"], people, "the same people and passwords");
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(open_transfer(&mut agent, &reference).text().contains("Avant."));
    assert_eq!(gateway.interrupt().code(), Some(0));
    let actions = log::actions(&gateway);
    let count = |wanted: &str| actions.iter().filter(|(action, _)| action == wanted).count();
    assert_eq!((count("gateway.started"), count("gateway.stopped")), (2, 2));
}

#[test]
fn it_says_who_and_where_before_it_says_ready() {
    let gateway = Gateway::new();
    let said = gateway.said();
    let facts = gateway.facts();
    for person in facts.people() {
        assert!(
            said.contains(&person.address) && said.contains(&person.password),
            "{} is in the table",
            person.role
        );
    }
    for mailbox in facts.mailboxes() {
        assert!(said.contains(&mailbox.deposit_address));
    }
    assert_eq!(said.lines().filter(|line| line.starts_with("ready http=")).count(), 1);
    assert_eq!(facts.generic().len(), 2);
    assert_eq!(facts.mailboxes().len(), 4, "two generic, two of agencies");
    assert!(facts.depositors().len() >= 2);
    let domains = facts
        .depositors()
        .iter()
        .chain(facts.mailboxes().iter().map(|mailbox| &mailbox.notice_address))
        .all(|address| address.ends_with(".example"));
    assert!(domains, "nobody real");
}

#[test]
fn open_connections_do_not_keep_it_from_stopping() {
    let mut gateway = Gateway::new();
    let idle = TcpStream::connect(&gateway.http).unwrap();
    let mut kept = TcpStream::connect(&gateway.http).unwrap();
    kept.write_all(b"GET /health HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    kept.read_exact(&mut [0; 12]).unwrap();
    let mail = crate::support::smtp::Session::open(&gateway.smtp).unwrap();
    assert_eq!(gateway.interrupt().code(), Some(0));
    drop((idle, kept, mail));
}

#[test]
fn two_gateways_on_one_directory_are_one_too_many() {
    let gateway = Gateway::new();
    let second = crate::support::run(
        crate::support::gateway::pli().args(["demo", "--dir"]).arg(gateway.dir()).args([
            "--http",
            "127.0.0.1:0",
            "--smtp",
            "127.0.0.1:0",
        ]),
    );
    assert!(!second.status.success());
    assert!(!second.stderr.is_empty(), "it says why");
    wait_until("the first one to answer", || {
        crate::support::http::Browser::new(&gateway.http).get("/").status == 200
    });
}
