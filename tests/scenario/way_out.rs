//! Nothing accepted loses its mails by a kill, on the way out too (invariants 1 and 10): mails come in and go out to a real
//! host while the gateway is killed with −9 at random moments. In the end each deposit that was told yes has its notice and
//! its acknowledgement at the host; what came twice carries the same Message-ID.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::road::reference_in;
use crate::support::peers::Sink;
use crate::support::served::{Served, Setting};
use crate::support::{rounds, smtp, wait_until};

const DEPOSITOR: &str = "lea.prigent@conseil.example";
const NOTICES: &str = "retraite@caisse.example";
const CLIENTS: usize = 3;
const MAILS_A_ROUND: usize = 4;
/// Killed so long after the load began, in milliseconds: while mails come in, and while what they caused goes out.
const KILL_AFTER_MS: std::ops::Range<u64> = 2..250;

#[test]
fn each_deposit_has_its_mails_at_the_next_host_however_often_the_gateway_was_killed() {
    let sink = Sink::new();
    let mut served = Served::start(&Setting { smart_host: &sink.address, ..Setting::default() });
    let marks = Arc::new(AtomicUsize::new(0));
    let mut accepted = BTreeSet::new();
    let mut moment = 0x9E37_79B9_7F4A_7C15_u64;
    for _ in 0..rounds(10, 100) {
        let stop = Arc::new(AtomicBool::new(false));
        let clients = (0..CLIENTS).map(|_| {
            let (server, stop, marks) = (served.smtp.clone(), Arc::clone(&stop), Arc::clone(&marks));
            std::thread::spawn(move || client(&server, &stop, &marks))
        });
        let clients: Vec<_> = clients.collect();
        moment = moment.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let wait = KILL_AFTER_MS.start + (moment >> 33) % (KILL_AFTER_MS.end - KILL_AFTER_MS.start);
        std::thread::sleep(Duration::from_millis(wait));
        served.kill();
        stop.store(true, Ordering::Relaxed);
        accepted.extend(clients.into_iter().flat_map(|client| client.join().unwrap()));
        served = served.kill_and_start_again();
    }
    assert!(!accepted.is_empty(), "some deposits were accepted: else this shows nothing");
    wait_until("a notice and an acknowledgement of each", || {
        let arrived = arrived(&sink);
        let has = |reference: &String, to: &str| arrived.contains_key(&(reference.clone(), to.to_owned()));
        accepted.iter().all(|reference| has(reference, NOTICES) && has(reference, DEPOSITOR))
    });
    let arrived = arrived(&sink);
    for (about, ids) in &arrived {
        assert_eq!(
            ids.iter().collect::<BTreeSet<_>>().len(),
            1,
            "{about:?}: one mail, one Message-ID: {ids:?}"
        );
    }
    let repeats: usize = arrived.values().map(|ids| ids.len() - 1).sum();
    println!(
        "{} deposits told yes, {} mails arrived, {repeats} of them twice",
        accepted.len(),
        arrived.len()
    );
}

/// The Message-IDs of what arrived, by what it is about and whom it went to.
fn arrived(sink: &Sink) -> BTreeMap<(String, String), Vec<String>> {
    let shape = regex::Regex::new(r"\b[0-9A-Z]{4}-[0-9A-Z]{4}-[0-9A-Z]{4}\b").unwrap();
    let mut arrived: BTreeMap<_, Vec<String>> = BTreeMap::new();
    for mail in sink.mails() {
        let (Some(reference), Some(to)) = (shape.find(&mail.text), mail.to.first()) else { continue };
        arrived.entry((reference.as_str().to_owned(), to.clone())).or_default().push(mail.id.clone());
    }
    arrived
}

/// Deposits by mail until it is cut; the references that it was told.
fn client(server: &str, stop: &AtomicBool, marks: &AtomicUsize) -> Vec<String> {
    let mut told = Vec::new();
    while !stop.load(Ordering::Relaxed) && told.len() < MAILS_A_ROUND {
        let mark = marks.fetch_add(1, Ordering::Relaxed);
        let message = format!(
            "From: {DEPOSITOR}\r\nTo: retraite@pli.example\r\nSubject: Demande urgente\r\n\
             Message-ID: <marque{mark}@conseil.example>\r\n\r\nTexte {mark}.\r\n"
        );
        match smtp::send(server, DEPOSITOR, "retraite@pli.example", message.as_bytes()) {
            Ok(answer) if answer.code == 250 => told.push(reference_in(&answer.text)),
            Ok(answer) => {
                assert!(answer.code < 500, "a kill is no reason to refuse for good: {}", answer.text);
            }
            Err(_) => return told,
        }
    }
    told
}
