//! An agent answers a deposit; the depositor opens the answer by link and code, downloads it byte for byte and answers back;
//! the agent sees all of it, and withdraws it (T3, T5, V4).

use crate::support::gateway::Gateway;
use crate::support::html::{by_id, form_to, form_with, text};
use crate::support::http::{Browser, Upload};
use crate::support::outbox::{self, Mail};
use crate::support::samples;
use crate::support::smtp;
use crate::support::steps::{Depositor, file_names, open_draft, open_transfer, press, reference, sign_in};

const ANSWER: &str = "Bonjour, la pension est rétablie depuis « octobre ».";

/// The partner presses "answer" in the mail program: the address that letters come from knows which case it is about.
#[test]
fn an_answer_by_mail_to_an_acknowledgement_stands_on_the_page_of_the_case() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let deposit = open_draft(&gateway, &mailbox, &depositor).send_well("Demande urgente", "Une.", &[]);
    let got = outbox::wait(&gateway, &depositor, "the acknowledgement", |mail| mail.text.contains(&deposit));
    let sender = regex::Regex::new(r"[^\s<>]+@[^\s<>]+").unwrap();
    let letters_from = sender.find(&got.header("From").unwrap()).unwrap().as_str().to_owned();
    let reply = |from: &str, number: u8| {
        format!(
            "From: {from}\r\nTo: {letters_from}\r\nSubject: Re: accuse\r\nMessage-ID: <r{number}@cd35.example>\r\n\
             In-Reply-To: <{}>\r\n\r\nJ'ajoute le releve.\r\n",
            got.id
        )
    };
    let send =
        |from: &str, number| smtp::send(&gateway.smtp, from, &letters_from, reply(from, number).as_bytes());
    let stranger = send("quelqu-un@ailleurs.example", 1).unwrap();
    assert!(stranger.code == 550 && stranger.text.contains("lien"), "{}", stranger.text);
    let taken = send(&depositor, 2).unwrap();
    assert_eq!(taken.code, 250, "{}", taken.text);

    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let page = open_transfer(&mut agent, &deposit).text();
    let added = reference_in_thread(&page);
    assert!(taken.text.contains(&added), "what the sender was told is what the agent sees: {}", taken.text);
    let page = open_transfer(&mut agent, &added).text();
    assert!(by_id(&page, "message").unwrap().contains("J'ajoute le releve."));
    outbox::wait(&gateway, &depositor, "its own acknowledgement", |mail| mail.text.contains(&added));
}

#[test]
fn an_answer_goes_out_is_opened_by_link_and_code_and_comes_back() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let deposit = open_draft(&gateway, &mailbox, &depositor).send_well("Demande urgente", "Bonjour.", &[]);
    let decision = samples::pdf("Décision");

    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let page = open_transfer(&mut agent, &deposit).text();
    let begin = form_to(&page, &format!("/transferts/{deposit}/repondre")).expect("a button to answer");
    let draft = agent.submit(&begin, &[], &[]);
    let draft = agent.follow(draft).text();
    assert!(draft.contains("Réponse à demande urgente"), "the title is offered");
    let mut answering = Depositor { browser: agent, page: draft };
    let file = Upload { name: "décision.pdf", kind: "application/pdf", bytes: &decision };
    let sent = answering.send("Réponse à demande urgente", ANSWER, &[file]);
    assert_eq!(sent.status, 200, "{}", text(&sent.text()));
    let mut agent = answering.browser;

    let notice = outbox::wait(&gateway, &depositor, "the link", |mail| link_of(mail).is_some());
    let raw = String::from_utf8_lossy(&notice.raw).into_owned();
    assert!(!raw.contains("pension") && !notice.text.contains("décision"), "nothing of it travels in clear");
    let link = link_of(&notice).unwrap();

    // A scanner visits the link, and a person still opens it.
    let robot = Browser::new(&gateway.http).get(&link);
    assert_eq!(robot.status, 200);
    assert!(!robot.text().contains(&depositor) && !robot.text().contains("Réponse à"));
    let mut outside = Browser::new(&gateway.http);
    let asked = press(&mut outside, &link);
    let code = outbox::wait(&gateway, &depositor, "the code", |mail| {
        mail.code().is_some() && link_of(mail).is_none() && mail.subject.contains("ouverture")
    });
    let form = form_with(&asked.text(), "code");
    let wrong = outside.submit(&form, &[("code", "00000000")], &[]);
    assert_eq!(wrong.status, 422);
    let opened = outside.submit(&form, &[("code", &code.code().unwrap())], &[]);
    let opened = outside.follow(opened);
    let page = opened.text();
    assert_eq!(by_id(&page, "message").unwrap(), ANSWER);
    assert_eq!(file_names(&page), ["décision.pdf"]);
    let path = download_path(&page);
    let got = outside.get(&path);
    assert!(got.body == decision, "byte for byte");
    assert_eq!(Browser::new(&gateway.http).get(&path).status, 410, "another browser has no session");
    let zip = outside.get(&path.replace("fichiers/1", "tout.zip"));
    assert_eq!(zip.status, 200);

    let reply = form_to(&page, &path.replace("fichiers/1", "repondre")).expect("a button to reply");
    let draft = outside.submit(&reply, &[], &[]);
    let draft = outside.follow(draft).text();
    let mut replying = Depositor { browser: outside, page: draft };
    let file = Upload { name: "pièce.pdf", kind: "application/pdf", bytes: &decision };
    let back = replying.send_well("Demande urgente", "Merci, reçu.", &[file]);
    let mut outside = replying.browser;

    let seen = open_transfer(&mut agent, &deposit).text();
    assert!(by_id(&seen, "given").is_some(), "the case is answered");
    let answer = reference_in_thread(&seen);
    let followed = agent.get(&format!("/transferts/{answer}")).text();
    assert!(text(&followed).contains(&back), "what came back is linked");
    assert_eq!(file_names(&open_transfer(&mut agent, &back).text()), ["pièce.pdf"]);
    assert!(by_id(&followed, "recipients").unwrap().contains(&depositor));
    assert!(agent.get("/boites").text().contains(&back));
    assert!(!agent.get("/boites").text().contains(&answer), "what was sent is not among what came");

    let withdraw =
        form_to(&followed, &format!("/transferts/{answer}/retirer")).expect("a button to withdraw");
    let gone = agent.submit(&withdraw, &[], &[]);
    assert_eq!(agent.follow(gone).status, 200);
    assert_eq!(outside.get(&path).status, 410);
    assert_eq!(press_status(&gateway, &link), 410);
}

#[test]
fn a_new_transfer_goes_to_several_people_under_a_password() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let agent = facts.agent_of(&mailbox);
    let mut browser = sign_in(&gateway, &agent);
    let slug = mailbox.page.rsplit('/').next().unwrap().to_owned();
    let list = browser.get(&format!("/boites/{slug}/envois")).text();
    let begin = form_to(&list, &format!("/boites/{slug}/nouveau")).expect("a button to begin");
    let draft = browser.submit(&begin, &[], &[]);
    let draft = browser.follow(draft).text();
    let form = form_with(&draft, "recipients");
    let mut filled = vec![
        ("recipients", "pas une adresse"),
        ("title", "Point sur un dossier"),
        ("message", "Voici."),
        ("validity", "20"),
        ("note", "Comme convenu par téléphone"),
        ("told", "mot de passe synthétique"),
        ("action", "send"),
    ];
    let refused = browser.submit(&form, &filled, &[]);
    assert_eq!(refused.status, 422);
    assert!(!refused.text().contains("mot de passe synthétique"), "a password is never given back");
    filled[0].1 = "docteur@cabinet.example, assistante@mairie.example";
    let sent = browser.submit(&form_with(&refused.text(), "recipients"), &filled, &[]);
    let page = browser.follow(sent).text();
    assert!(by_id(&page, "recipients").unwrap().contains("assistante@mairie.example"));
    outbox::wait(&gateway, &agent.address, "the confirmation", |mail| mail.text.contains("cabinet.example"));

    let notice =
        outbox::wait(&gateway, "docteur@cabinet.example", "the link", |mail| link_of(mail).is_some());
    assert!(notice.text.contains("Comme convenu"));
    let mut outside = Browser::new(&gateway.http);
    let asked = press(&mut outside, &link_of(&notice).unwrap());
    let form = form_with(&asked.text(), "password");
    let wrong = outside.submit(&form, &[("password", "autre chose")], &[]);
    assert_eq!(wrong.status, 422);
    let opened = outside.submit(&form, &[("password", "mot de passe synthétique")], &[]);
    let opened = outside.follow(opened);
    assert_eq!(by_id(&opened.text(), "message").unwrap(), "Voici.");
    reference(&opened);
    assert!(browser.get(&format!("/boites/{slug}/envois")).text().contains("docteur@cabinet.example"));
}

fn link_of(mail: &Mail) -> Option<String> {
    mail.links().into_iter().find(|link| link.starts_with("/plis/lien/"))
}

fn press_status(gateway: &Gateway, link: &str) -> u16 {
    let mut browser = Browser::new(&gateway.http);
    let form = form_to(&browser.get(link).text(), link).expect("the same button for every link");
    browser.submit(&form, &[], &[]).status
}

fn download_path(page: &str) -> String {
    let link = regex::Regex::new(r#"href="(/plis/[0-9a-f]{32}/fichiers/1)""#).unwrap();
    link.captures(page).expect("a link to the file")[1].to_owned()
}

fn reference_in_thread(page: &str) -> String {
    let thread = page.split("id=\"thread\"").nth(1).expect("related transfers");
    let link = regex::Regex::new(r#"href="/transferts/([0-9A-Z-]+)""#).unwrap();
    link.captures(thread).expect("the answer")[1].to_owned()
}
