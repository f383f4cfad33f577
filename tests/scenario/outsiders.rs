//! Outsiders learn nothing and reach nothing (invariants 7 and 8): known and unknown addresses cannot be told apart, no
//! open relay, and whoever is not entitled is refused, logged, and without any side effect.

use regex::Regex;

use crate::expired::routes;
use crate::support::gateway::{Facts, Gateway, Mailbox};
use crate::support::html::{form_to, form_with, forms, text};
use crate::support::http::{Browser, Reply};
use crate::support::smtp::Session;
use crate::support::steps::{ask_for_link, link_mail, link_mails, open_draft, open_transfer, sign_in};
use crate::support::{log, outbox, samples};

const MESSAGE: &str = "Pour les agents de la boîte seulement.";

#[test]
fn a_known_and_an_unknown_address_get_the_same_answers() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, known) = (facts.generic().remove(0), facts.depositor());
    // As long as the known one, so that lengths can be compared too.
    let unknown = format!("{}@ailleurs.example", "x".repeat(known.len() - "@ailleurs.example".len()));
    let conversation = |address: &str| {
        let (mut browser, asked) = ask_for_link(&gateway, &mailbox, address);
        let shown = browser.follow(asked.clone());
        let form = form_with(&shown.text(), "code");
        let mut answers = vec![plain(&asked, address), plain(&shown, address)];
        for wrong in ["00000000", "12345678", "x", "", "99999999", "11111111", "22222222"] {
            let tried = browser.submit(&form, &[("code", wrong)], &[]);
            answers.push(plain(&browser.follow(tried), address));
        }
        answers
    };
    let (of_known, of_unknown) = (conversation(&known), conversation(&unknown));
    for (step, (known, unknown)) in of_known.iter().zip(&of_unknown).enumerate() {
        assert_eq!(known, unknown, "step {step}: 0 asked, 1 shown, then wrong codes");
    }
    link_mail(&gateway, &known, 0);
    assert_eq!(link_mails(&gateway, &unknown), 0, "no mail goes to whoever may not deposit");
}

#[test]
fn five_wrong_codes_end_a_code() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (mut browser, asked) = ask_for_link(&gateway, &mailbox, &depositor);
    let shown = browser.follow(asked);
    let form = form_with(&shown.text(), "code");
    let code = link_mail(&gateway, &depositor, 0).code().unwrap();
    let wrong = if code == "00000000" { "00000001" } else { "00000000" };
    for _ in 0..5 {
        let tried = browser.submit(&form, &[("code", wrong)], &[]);
        assert!(!opens_a_draft(&browser.follow(tried)));
    }
    let right = browser.submit(&form, &[("code", &code)], &[]);
    assert!(!opens_a_draft(&browser.follow(right)), "the right code comes too late");
}

#[test]
fn a_link_ends_after_fifteen_minutes() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (mut browser, _) = ask_for_link(&gateway, &mailbox, &depositor);
    let link = crate::support::steps::deposit_link(&gateway, &link_mail(&gateway, &depositor, 0));
    let page = browser.get(&link);
    let form = form_to(&page.text(), &link).unwrap();
    gateway.advance(15 * 60);
    let pressed = browser.submit(&form, &[], &[]);
    assert!(!opens_a_draft(&browser.follow(pressed)));
}

#[test]
fn it_relays_for_nobody() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let ours = mailbox.deposit_address.split_once('@').unwrap();
    let elsewhere = [
        "victime@ailleurs.example".to_owned(),
        mailbox.notice_address.clone(),
        format!("victime%ailleurs.example@{}", ours.1),
        format!("\"victime@ailleurs.example\"@{}", ours.1),
        format!("@{}:victime@ailleurs.example", ours.1),
        format!("ailleurs.example!victime@{}", ours.1),
        format!("inconnu@{}", ours.1),
    ];
    let before = outbox::all(&gateway).len();
    for to in &elsewhere {
        let mut session = Session::open(&gateway.smtp).unwrap();
        assert!(session.say(&format!("MAIL FROM:<{depositor}>")).unwrap().is_yes());
        let answer = session.say(&format!("RCPT TO:<{to}>")).unwrap();
        assert!(answer.code >= 500, "{to}: {}", answer.text);
        assert!(!session.say("DATA").unwrap().is_yes(), "{to}: no recipient, no data");
    }
    assert_eq!(outbox::all(&gateway).len(), before);
    gateway.interrupt();
    let refused = log::actions(&gateway).iter().filter(|(action, _)| action == "mail.relay_refused").count();
    assert!(refused >= 2, "logged: {refused}");
}

#[test]
fn who_may_deposit_by_mail_is_judged_after_the_mail_with_one_answer() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let domain = depositor.split_once('@').unwrap().1;
    let stranger = "assistante@ailleurs.example";
    // The envelope of a partner is no proof of the author, nor the other way round.
    let tries = [(stranger, stranger), (depositor.as_str(), stranger), (stranger, depositor.as_str())];
    let answers = tries.map(|(envelope, author)| {
        let mail =
            samples::plain_mail(author, &mailbox.deposit_address, "Demande urgente", "o1@x.example", MESSAGE);
        let mut session = Session::open(&gateway.smtp).unwrap();
        assert!(session.say(&format!("MAIL FROM:<{envelope}>")).unwrap().is_yes());
        assert!(session.say(&format!("RCPT TO:<{}>", mailbox.deposit_address)).unwrap().is_yes());
        assert_eq!(session.say("DATA").unwrap().code, 354, "judged after the mail");
        session.send(&[&mail[..], b".\r\n"].concat()).unwrap();
        session.answer().unwrap()
    });
    for answer in &answers {
        assert!(answer.code >= 500, "{}", answer.text);
        assert_eq!(answer, &answers[0]);
        assert!(!answer.text.contains(domain), "it names no partner");
    }
}

#[test]
fn another_mailbox_s_agent_is_refused_and_logged_and_nothing_moves() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference = deposit(&gateway, &mailbox);
    let mut other = sign_in(&gateway, &facts.agent_of_another(&mailbox));
    for (route, status) in routes(&mut other, &reference) {
        assert_eq!(status, 403, "{route}");
    }
    assert!(!other.get("/boites").text().contains(&reference), "nor is it listed");
    let mut officer = sign_in(&gateway, &facts.officer());
    for (route, status) in routes(&mut officer, &reference) {
        assert_eq!(status, 403, "{route}: the officer sees the log and no content");
    }
    assert_eq!(other.get("/journal").status, 403, "an agent does not read the log");
    assert_unopened(&gateway, &facts, &mailbox, &reference);
    gateway.interrupt();
    let refused =
        log::actions(&gateway).into_iter().filter(|(action, _)| action == "transfer.access_refused").count();
    assert!(refused >= 8, "each refusal is logged: {refused}");
}

#[test]
fn a_session_ends_and_a_signed_out_one_is_nothing() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference = deposit(&gateway, &mailbox);
    let agent = facts.agent_of(&mailbox);

    let mut left = sign_in(&gateway, &agent);
    let page = left.get("/boites");
    let mut stolen = left.clone();
    let out = form_to(&page.text(), "/deconnexion").unwrap();
    left.submit(&out, &[], &[]);
    assert_closed(&mut stolen, &reference);

    let mut idle = sign_in(&gateway, &agent);
    assert_eq!(idle.get("/boites").status, 200);
    gateway.advance(13 * 3600);
    assert_closed(&mut idle, &reference);
    assert_unopened(&gateway, &facts, &mailbox, &reference);
}

#[test]
fn a_wrong_password_and_an_unknown_person_get_the_same_answer() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let known = facts.people().remove(0).address;
    let unknown =
        format!("{}@carsat-bretagne.example", "x".repeat(known.len() - "@carsat-bretagne.example".len()));
    let answers = [known, unknown].map(|address| {
        let mut browser = Browser::new(&gateway.http);
        let page = browser.get("/connexion");
        let form = form_with(&page.text(), "password");
        let reply = browser.submit(&form, &[("address", &address), ("password", "pas le bon mot")], &[]);
        assert!(reply.status != 303 || reply.header("location").is_some_and(|to| to.contains("connexion")));
        plain(&reply, &address)
    });
    assert_eq!(answers[0], answers[1]);
}

#[test]
fn a_forged_or_tampered_form_does_nothing() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let reference = deposit(&gateway, &mailbox);
    let path = format!("/transferts/{reference}");
    let agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let form = form_to(&agent.clone().get(&path).text(), &path).unwrap();

    let forged = [
        vec![("Origin", "https://mechant.example"), ("Sec-Fetch-Site", "cross-site")],
        vec![("Origin", "https://mechant.example"), ("Sec-Fetch-Site", "")],
        vec![("Origin", "null"), ("Sec-Fetch-Site", "cross-site")],
        vec![("Origin", ""), ("Sec-Fetch-Site", "same-site")],
    ];
    for headers in forged {
        let mut browser =
            headers.iter().fold(agent.clone(), |browser, (name, value)| browser.with(name, value));
        let reply = browser.submit(&form, &[], &[]);
        assert_eq!(reply.status, 403, "{headers:?}");
    }
    assert_unopened(&gateway, &facts, &mailbox, &reference);
}

#[test]
fn one_depositor_cannot_touch_anothers_draft() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let addresses = facts.depositors();
    let mut mine = open_draft(&gateway, &mailbox, &addresses[0]);
    let theirs = open_draft(&gateway, &mailbox, &addresses[1]);
    let form = mine.form();
    let filled = [("title", "Demande urgente"), ("message", "Intrus"), ("action", "send")];
    for mut intruder in [Browser::new(&gateway.http), theirs.browser.clone()] {
        let reply = intruder.post_multipart(&form.action, &form.filled(&filled), &[]);
        let _ = intruder.follow(reply);
    }
    let reference = mine.send_well("Demande urgente", MESSAGE, &[]);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let page = open_transfer(&mut agent, &reference).text();
    assert!(page.contains(MESSAGE) && !page.contains("Intrus"), "{}", text(&page));
    assert!(page.contains(&addresses[0]));
}

#[test]
fn nothing_of_the_demo_is_found_where_it_should_not_be() {
    let gateway = Gateway::new();
    let mut browser = Browser::new(&gateway.http);
    for path in [
        "/depot/inconnu/inconnue",
        "/transferts/../boites",
        "/assets/../Cargo.toml",
        "/assets/%2e%2e/Cargo.toml",
        "/.git/config",
    ] {
        let status = browser.get(path).status;
        assert!((400..500).contains(&status) || status == 303, "{path}: {status}");
    }
    let home = browser.get("/");
    let policy = home.header("content-security-policy").expect("a content security policy");
    assert!(policy.contains("default-src 'none'") || policy.contains("default-src 'self'"), "{policy}");
    assert!(!policy.contains("unsafe-inline") && !policy.contains("unsafe-eval"), "{policy}");
    for (name, value) in [("x-content-type-options", "nosniff"), ("referrer-policy", "")] {
        assert!(home.header(name).is_some_and(|found| found.contains(value)), "{name}");
    }
}

/// A reply without what is random for everybody: tokens, ids, times, and the address itself.
fn plain(reply: &Reply, address: &str) -> (u16, Vec<(String, String)>, String) {
    let random = Regex::new(r"[A-Za-z0-9_-]{20,}|[0-9a-f]{8}-[0-9a-f-]{27}").unwrap();
    let hide = |text: &str| random.replace_all(&text.replace(address, "ADDRESS"), "RANDOM").into_owned();
    let headers = reply.headers.iter().filter(|(name, _)| name != "date");
    let headers = headers.map(|(name, value)| (name.clone(), hide(value))).collect();
    let support = Regex::new(r#"<code id="support">[^<]*</code>"#).unwrap();
    (reply.status, headers, support.replace_all(&hide(&reply.text()), "").into_owned())
}

fn opens_a_draft(reply: &Reply) -> bool {
    forms(&reply.text()).iter().any(|form| form.names.iter().any(|name| name == "title"))
}

fn deposit(gateway: &Gateway, mailbox: &Mailbox) -> String {
    let pdf = samples::pdf("À part");
    let file = crate::support::http::Upload { name: "a.pdf", kind: "application/pdf", bytes: &pdf };
    open_draft(gateway, mailbox, &gateway.facts().depositor()).send_well("Demande urgente", MESSAGE, &[file])
}

fn assert_closed(browser: &mut Browser, reference: &str) {
    for (route, status) in routes(browser, reference) {
        assert!(status == 303 || status == 401 || status == 403, "{route}: {status}");
    }
    assert!(!open_transfer(browser, reference).text().contains(MESSAGE));
}

fn assert_unopened(gateway: &Gateway, facts: &Facts, mailbox: &Mailbox, reference: &str) {
    let list = sign_in(gateway, &facts.agent_of(mailbox)).get("/boites").text();
    let row = list.split("<tr").find(|row| row.contains(reference)).expect("it is listed");
    assert!(row.contains("unopened"), "nobody has opened it: {}", text(row));
}
