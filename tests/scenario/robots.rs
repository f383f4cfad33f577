//! GET changes nothing (invariant 6): a mail scanner that fetches every link of every mail, again and again and from
//! several places, consumes nothing, learns nothing and leaves no trace of a reading.

use crate::support::gateway::Gateway;
use crate::support::html::text;
use crate::support::http::{Browser, Upload};
use crate::support::outbox::{self, Mail};
use crate::support::steps::{
    ask_for_link, deposit_link, link_mail, open_draft, open_transfer, press, sign_in,
};
use crate::support::{log, samples};

const MESSAGE: &str = "confidentielles-paroles";
const FILE: &str = "certificat-medical.pdf";
const ROBOTS: [&str; 3] = ["SafeLinks-Preview/1.0", "Mozilla/5.0 (Windows NT 10.0)", "curl/8"];

#[test]
fn a_scanner_that_fetches_every_link_changes_and_sees_nothing() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let pdf = samples::pdf("Certificat");
    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    let reference = draft.send_well(
        "Demande urgente",
        MESSAGE,
        &[Upload { name: FILE, kind: "application/pdf", bytes: &pdf }],
    );
    let about = |mail: &Mail| mail.text.contains(&reference);
    outbox::wait(&gateway, &depositor, "acknowledgement", about);
    outbox::wait(&gateway, &mailbox.notice_address, "notice", about);
    // A second link, not used yet, and a draft behind it that is being written.
    let other = facts.depositors().remove(1);
    let (mut browser, _) = ask_for_link(&gateway, &mailbox, &other);
    let unused = link_mail(&gateway, &other, 0);

    let fetched = fetch_all(&gateway, &depositor);
    assert!(fetched >= 3 * ROBOTS.len() * 3, "each mail has a link: {fetched} fetches");

    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let list = agent.get("/boites").text();
    let row = list.split("<tr").find(|row| row.contains(&reference)).unwrap();
    assert!(row.contains("unopened"), "nobody has opened it: {}", text(row));
    let link = deposit_link(&gateway, &unused);
    assert!(press(&mut browser, &link).text().contains("name=\"title\""), "the link still opens the draft");
    fetch_all(&gateway, &depositor);
    assert!(press(&mut browser, &link).text().contains("name=\"title\""), "and again, pressed twice");

    gateway.interrupt();
    let actions = log::actions(&gateway);
    for effect in [
        "transfer.opened",
        "transfer.file_downloaded",
        "transfer.archive_downloaded",
        "session.link_followed",
    ] {
        assert!(!actions.iter().any(|(action, _)| action == effect), "{effect} after robots");
    }
    // One for the deposit, two for the person who pressed twice: none by a robot.
    let proofs = actions
        .iter()
        .filter(|(action, outcome)| action == "deposit.draft_opened" && outcome == "done")
        .count();
    assert_eq!(proofs, 3, "drafts are opened by people: {actions:?}");
}

/// Fetches every link of every mail from several clients, three times each; asserts that nothing is told.
fn fetch_all(gateway: &Gateway, depositor: &str) -> usize {
    let mut fetched = 0;
    for mail in outbox::all(gateway) {
        let links = mail.links();
        assert!(!links.is_empty(), "a mail without a link: {}", mail.subject);
        for link in links {
            for robot in ROBOTS {
                for _ in 0..3 {
                    let mut browser = Browser::new(&gateway.http).with("User-Agent", robot);
                    let reply = browser.get(&link);
                    let page = browser.follow(reply);
                    assert!(page.status < 500, "{link}: {}", page.status);
                    for secret in [MESSAGE, FILE, depositor] {
                        assert!(!page.text().contains(secret), "{link} shows {secret}");
                    }
                    fetched += 1;
                }
            }
        }
    }
    fetched
}

#[test]
fn a_reference_alone_opens_nothing() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference =
        open_draft(&gateway, &mailbox, &facts.depositor()).send_well("Demande urgente", MESSAGE, &[]);
    let mut visitor = Browser::new(&gateway.http);
    assert!(!open_transfer(&mut visitor, &reference).text().contains(MESSAGE));
    for (route, status) in crate::expired::routes(&mut visitor, &reference) {
        assert!(status == 303 || status >= 400, "{route}: {status}");
    }
}
