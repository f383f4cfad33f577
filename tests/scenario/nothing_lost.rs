//! Accepted means durable (invariant 1): deposits come in by page and by mail while the gateway is killed with −9 at
//! random moments. Whatever was told yes is there after the restart, whole, once, with its mails; nothing else is.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::Duration;

use crate::road::reference_in;
use crate::support::gateway::{Gateway, Mailbox, Start};
use crate::support::html::{by_id, text};
use crate::support::http::{Browser, Upload};
use crate::support::outbox;
use crate::support::steps::{Depositor, download, file_names, open_draft, open_transfer, sign_in};
use crate::support::{now, rounds, samples, smtp, wait_until};

/// Killed between these moments after the load begins: a client is done with its mails in about as long.
const KILL_AFTER_MS: std::ops::Range<u64> = 2..90;
const MAIL_CLIENTS: usize = 3;
const WEB_CLIENTS: usize = 2;
/// Enough to keep a client busy until the kill, few enough that an agent's list holds ten rounds.
const MAILS_A_ROUND: usize = 4;
/// How many transfers an agent's list shows of a mailbox.
const LIST_HOLDS: usize = 200;
const FILE_BYTES: usize = 40_000;

/// What one client sent and was told.
#[derive(Debug, Clone)]
struct Told {
    /// A word that is in this deposit only.
    mark: String,
    /// The reference, when the answer was yes.
    yes: Option<String>,
    /// What to send again.
    retry: Retry,
}

#[derive(Debug, Clone)]
enum Retry {
    Mail(Vec<u8>),
    /// `accepted`: the answer was the redirect to the sent page.
    Web {
        cookies: BTreeMap<String, String>,
        page: String,
        accepted: bool,
    },
}

#[test]
fn nothing_that_was_told_yes_is_lost_by_a_kill() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let mut random = Lottery(0x9E37_79B9_7F4A_7C15);
    let mut all: Vec<Told> = Vec::new();
    let marks = Arc::new(AtomicUsize::new(0));
    let (mut yes, mut unanswered) = (0, 0);
    for round in 0..rounds(10, 100) {
        refused(&gateway, &mailbox);
        let mut told = one_round(&mut gateway, &mailbox, &depositor, &marks, random.next(&KILL_AFTER_MS));
        gateway = Gateway::start(Arc::clone(&gateway.home), &Start::default());
        let answered = told.iter().filter(|told| told.was_answered()).count();
        yes += answered;
        unanswered += told.len() - answered;
        for one in told.iter_mut().filter(|told| told.yes.is_none()) {
            one.yes = Some(send_again(&gateway, &mailbox, &depositor, one));
        }
        all.extend(told);
        check(&gateway, &mailbox, &depositor, &all, round);
    }
    println!("{yes} told yes, {unanswered} without an answer and sent again");
    assert!(yes > 0, "some deposits were accepted: else this shows nothing");
    assert!(unanswered > 0, "some were cut: else this shows nothing");
}

impl Told {
    fn was_answered(&self) -> bool {
        self.yes.is_some() || matches!(self.retry, Retry::Web { accepted: true, .. })
    }
}

/// Somebody is told no: what the agent's list shows must not have it.
fn refused(gateway: &Gateway, mailbox: &Mailbox) {
    let (stranger, to) = ("x@ailleurs.example", &mailbox.deposit_address);
    let answer = smtp::send(&gateway.smtp, stranger, to, &mail_of(stranger, to, "refus")).unwrap();
    assert!(answer.code >= 500, "{}", answer.text);
}

/// Clients send until the gateway dies under them.
fn one_round(
    gateway: &mut Gateway,
    mailbox: &Mailbox,
    depositor: &str,
    marks: &Arc<AtomicUsize>,
    kill_after_ms: u64,
) -> Vec<Told> {
    let drafts: Vec<Depositor> = (0..WEB_CLIENTS).map(|_| open_draft(gateway, mailbox, depositor)).collect();
    let stop = Arc::new(AtomicBool::new(false));
    let mail = (0..MAIL_CLIENTS).map(|_| {
        let (server, to, from) =
            (gateway.smtp.clone(), mailbox.deposit_address.clone(), depositor.to_owned());
        let (stop, marks) = (Arc::clone(&stop), Arc::clone(marks));
        std::thread::spawn(move || mail_client(&server, &from, &to, &stop, &marks))
    });
    let web = drafts.into_iter().map(|draft| {
        let mark = next_mark(marks);
        std::thread::spawn(move || vec![web_client(draft, mark)])
    });
    let clients: Vec<_> = mail.chain(web).collect();
    std::thread::sleep(Duration::from_millis(kill_after_ms));
    gateway.kill();
    stop.store(true, Ordering::Relaxed);
    clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
}

fn mail_client(server: &str, from: &str, to: &str, stop: &AtomicBool, marks: &AtomicUsize) -> Vec<Told> {
    let mut told = Vec::new();
    while !stop.load(Ordering::Relaxed) && told.len() < MAILS_A_ROUND {
        let mark = next_mark(marks);
        let message = mail_of(from, to, &mark);
        let answer = smtp::send(server, from, to, &message);
        let yes =
            answer.as_ref().ok().filter(|answer| answer.code == 250).map(|answer| reference_in(&answer.text));
        let cut = yes.is_none();
        if let Ok(answer) = &answer {
            assert!(answer.code < 500, "a kill is no reason to refuse for good: {}", answer.text);
        }
        told.push(Told { mark, yes, retry: Retry::Mail(message) });
        if cut {
            break;
        }
    }
    told
}

fn web_client(mut draft: Depositor, mark: String) -> Told {
    let form = draft.form();
    let (cookies, page) = (draft.browser.cookies.clone(), draft.page.clone());
    let filled = [("title", "Demande urgente"), ("message", mark.as_str()), ("action", "send")];
    let file = file_of(&mark);
    let fields = form.filled(&filled);
    let files = [Upload { name: "piece.bin", kind: "application/octet-stream", bytes: &file }];
    let body = crate::support::http::multipart(&fields, &files);
    let kind = crate::support::http::multipart_kind();
    let sent = draft.browser.try_request("POST", &form.action, &[("Content-Type", &kind)], &body);
    // Told yes is the redirect to the sent page; the reference is read there when the gateway is back.
    let accepted = sent.is_ok_and(|reply| reply.status == 303);
    Told { mark, yes: None, retry: Retry::Web { cookies, page, accepted } }
}

/// The same send once more: the same answer as it would have had, never a second deposit.
fn send_again(gateway: &Gateway, mailbox: &Mailbox, depositor: &str, told: &Told) -> String {
    match &told.retry {
        Retry::Mail(message) => {
            let answer = smtp::send(&gateway.smtp, depositor, &mailbox.deposit_address, message).unwrap();
            assert_eq!(answer.code, 250, "{}", answer.text);
            reference_in(&answer.text)
        }
        Retry::Web { cookies, page, accepted } => {
            let mut browser = Browser::new(&gateway.http);
            browser.cookies.clone_from(cookies);
            let mut draft = Depositor { browser, page: page.clone() };
            // What was sealed before the kill is still listed: it is not added again.
            let again = draft.browser.get(&draft.form().action);
            let again = draft.browser.follow(again);
            if let Some(reference) = by_id(&again.text(), "reference") {
                return reference;
            }
            assert!(
                !accepted,
                "the browser was sent to the sent page, and it is not there: {}",
                again.status
            );
            if again.text().contains("name=\"title\"") {
                draft.page = again.text();
            }
            let file = file_of(&told.mark);
            let listed = file_names(&draft.page).contains(&"piece.bin".to_owned());
            let files = [Upload { name: "piece.bin", kind: "application/octet-stream", bytes: &file }];
            draft.send_well("Demande urgente", &told.mark, if listed { &[] } else { &files })
        }
    }
}

/// Every deposit is there, whole and once, and there is no other.
fn check(gateway: &Gateway, mailbox: &Mailbox, depositor: &str, all: &[Told], round: usize) {
    let references: BTreeSet<&String> = all.iter().map(|told| told.yes.as_ref().unwrap()).collect();
    assert_eq!(references.len(), all.len(), "round {round}: each deposit has a reference of its own");
    let mut agent = sign_in(gateway, &gateway.facts().agent_of(mailbox));
    let listed = listed(&mut agent);
    let unknown: Vec<&String> = listed.iter().filter(|reference| !references.contains(reference)).collect();
    assert!(unknown.is_empty(), "round {round}: nobody was told yes for {unknown:?}");
    if all.len() < LIST_HOLDS {
        assert_eq!(listed.len(), all.len(), "round {round}: all that were told yes are listed");
    }
    // Those of this round and of the one before; the others were looked at in their own.
    for told in all.iter().rev().take(2 * (MAIL_CLIENTS * MAILS_A_ROUND + WEB_CLIENTS)) {
        let reference = told.yes.as_ref().unwrap();
        let page = open_transfer(&mut agent, reference).text();
        assert!(text(&page).contains(&told.mark), "round {round}: {reference} holds its message");
        let names = file_names(&page);
        let files = names.iter().filter(|name| *name == "piece.bin").count();
        assert_eq!(files, 1, "round {round}: {reference} holds its file once");
        let file = download(&mut agent, reference, 1).body;
        assert!(file == file_of(&told.mark), "round {round}: {reference}: its file, byte for byte");
    }
    let started = now();
    wait_until("an acknowledgement and a notice for each deposit", || {
        let missing = missing_mails(gateway, &[depositor, &mailbox.notice_address], &references);
        if started.elapsed() > Duration::from_secs(20) {
            println!("round {round}: still missing: {missing:?}");
        }
        missing.is_empty()
    });
}

/// Which deposit's mail to whom was not delivered yet. Repeats of one mail must be recognisable as such.
fn missing_mails(
    gateway: &Gateway,
    people: &[&str; 2],
    references: &BTreeSet<&String>,
) -> Vec<(String, String)> {
    let mails = outbox::all(gateway);
    let mut missing = Vec::new();
    for reference in references {
        for to in people {
            let about = mails.iter().filter(|mail| mail.to.iter().any(|known| known == to));
            let about = about.filter(|mail| mail.text.contains(reference.as_str()));
            let ids: BTreeSet<&String> = about.map(|mail| &mail.id).collect();
            assert!(ids.len() <= 1, "{reference}: repeats of a mail carry one Message-ID: {ids:?}");
            if ids.is_empty() {
                missing.push(((*reference).clone(), (*to).to_owned()));
            }
        }
    }
    missing
}

/// The references that the agent's list shows.
fn listed(agent: &mut Browser) -> BTreeSet<String> {
    let link = regex::Regex::new(r#"href="/transferts/([0-9A-Z-]+)""#).unwrap();
    let page = agent.get("/boites");
    assert_eq!(page.status, 200);
    link.captures_iter(&page.text()).map(|found| found[1].to_owned()).collect()
}

fn mail_of(from: &str, to: &str, mark: &str) -> Vec<u8> {
    use base64::Engine;
    let encoded = base64::engine::general_purpose::STANDARD.encode(file_of(mark));
    let lines: Vec<&str> =
        encoded.as_bytes().chunks(76).map(|line| std::str::from_utf8(line).unwrap()).collect();
    format!(
        "From: {from}\r\nTo: {to}\r\nSubject: Demande urgente\r\nMessage-ID: <{mark}@cd35.example>\r\nMIME-Version: 1.0\r\n\
         Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\nContent-Type: text/plain\r\n\r\n{mark}\r\n\
         --b\r\nContent-Type: application/octet-stream\r\nContent-Disposition: attachment; filename=piece.bin\r\n\
         Content-Transfer-Encoding: base64\r\n\r\n{}\r\n--b--\r\n",
        lines.join("\r\n")
    )
    .into_bytes()
}

fn file_of(mark: &str) -> Vec<u8> {
    let mut file = samples::scan(FILE_BYTES);
    file[8..8 + mark.len()].copy_from_slice(mark.as_bytes());
    file
}

fn next_mark(marks: &AtomicUsize) -> String {
    format!("marque{:06}", marks.fetch_add(1, Ordering::Relaxed))
}

/// Moments to kill at: the same in every run, so that a failure can be looked for again.
struct Lottery(u64);

impl Lottery {
    fn next(&mut self, range: &std::ops::Range<u64>) -> u64 {
        self.0 = self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        range.start + (self.0 >> 33) % (range.end - range.start)
    }
}
