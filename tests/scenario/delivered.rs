//! The whole way out, past real programs: the gateway hands its notice to a Postfix, which gives it to a Dovecot over LMTP;
//! the team fetches it over IMAP and opens its link. Where the address does not exist, Postfix's own bounce finds its way
//! back, and the second address is told.

use crate::support::dovecot::{Dovecot, RECIPE};
use crate::support::html::{form_to, form_with};
use crate::support::http::Browser;
use crate::support::outbox::Mail;
use crate::support::peers::{Postfix, swaks};
use crate::support::served::{Served, Setting};
use crate::support::steps::past_terms;
use crate::support::{wait_for, wait_until};

const DEPOSITOR: &str = "lea.prigent@conseil.example";
const NOTICES: &str = "retraite@caisse.example";
const MANAGER: &str = "responsable@caisse.example";
const AGENT: &str = "agent@caisse.example";
const PASSWORD: &str = "girafe lampion tournevis brioche";

/// A gateway whose mails go to a Postfix, which knows the way to the team's Dovecot and back.
fn house(mailboxes: &[&str]) -> (Dovecot, Postfix, Served) {
    let dovecot = Dovecot::with(mailboxes);
    let postfix = Postfix::relaying_to("127.0.0.1:9", &[]);
    let served = Served::start(&Setting { smart_host: &postfix.address, ..Setting::default() });
    let port = |at: &str| format!(":{} ", at.rsplit_once(':').unwrap().1);
    let maps = RECIPE.lines().find(|line| line.trim().starts_with("transport_maps")).unwrap().trim();
    let maps = maps.replace(":24 ", &port(&dovecot.lmtp)).replace(":2525 ", &port(&served.smtp));
    // What goes to depositors is another story's.
    postfix.configure(&maps.replacen('{', "{ { conseil.example = discard: }", 1));
    (dovecot, postfix, served)
}

fn deposit(served: &Served, text: &str) {
    let sent = swaks(&served.smtp, DEPOSITOR, "retraite@pli.example", "Demande urgente", text, &[]);
    assert!(sent.status.success(), "{}", String::from_utf8_lossy(&sent.stdout));
}

fn first_mail(dovecot: &Dovecot, postfix: &Postfix, to: &str) -> Mail {
    wait_for(&format!("a mail to {to}; {}", postfix.log()), || {
        dovecot.fetch(to).first().map(|raw| Mail::read(raw))
    })
}

#[test]
fn a_team_fetches_the_notice_over_imap_and_opens_its_link() {
    let (dovecot, postfix, served) = house(&[NOTICES]);
    served.add_agent(AGENT, PASSWORD);
    deposit(&served, "Par Dovecot.");
    let notice = first_mail(&dovecot, &postfix, NOTICES);
    assert!(
        !String::from_utf8_lossy(&notice.raw).contains("Par Dovecot."),
        "no text of the deposit in clear"
    );
    let link = notice.links().into_iter().find(|link| link.contains("/transferts/")).unwrap();

    let mut browser = Browser::new(&served.http);
    let reply = browser.get(&link);
    let page = browser.follow(reply).text();
    let reply =
        browser.submit(&form_with(&page, "password"), &[("address", AGENT), ("password", PASSWORD)], &[]);
    let page = browser.follow(reply);
    let envelope = past_terms(&mut browser, page).text();
    let path = link.split('?').next().unwrap();
    let form = form_to(&envelope, path).unwrap_or_else(|| panic!("no button: {envelope}"));
    let reply = browser.submit(&form, &[], &[]);
    let opened = browser.follow(reply).text();
    assert!(opened.contains("Par Dovecot."), "{opened}");
    let log = served.log();
    assert!(log.contains("mail.mailbox_heard"), "the button of the notice's link proves that it was read");
}

#[test]
fn the_bounce_of_a_real_postfix_is_told_to_the_second_address() {
    let (dovecot, postfix, served) = house(&[MANAGER]);
    served.command(&format!("mailbox change retraite --second-notice-address {MANAGER}"));
    deposit(&served, "Personne ne lit.");
    let told = first_mail(&dovecot, &postfix, MANAGER);
    assert!(told.subject.contains("Avis non reçu"), "{}", told.subject);
    for said in [NOTICES, "ne connaît pas cette adresse", "/transferts/"] {
        assert!(told.text.contains(said), "{said}: {}", told.text);
    }
    wait_until("the bounce to be in the log", || served.log().contains("mail.bounce_noted"));
    let log = served.log();
    assert!(log.contains("mail.mailbox_unreachable") && log.contains("mail.second_address_told"));
    assert!(!log.contains("mail.bounce_forged"));
    assert_eq!(dovecot.fetch(MANAGER).len(), 1, "once");
}
