//! The whole road: a deposit by the page and by mail, acknowledged, noticed, opened by a named agent, every file
//! byte-identical (D1, D2, D4, D7, T1 to T3).

use std::collections::BTreeMap;
use std::io::{Cursor, Read};

use crate::support::gateway::{Gateway, Mailbox};
use crate::support::html::{by_id, form_to, form_with, forms, text};
use crate::support::http::{Browser, Upload};
use crate::support::outbox::{self, Mail};
use crate::support::steps::{
    Depositor, ask_for_link, deposit_link, download, file_names, link_mail, open_draft, open_transfer, press,
    sign_in,
};
use crate::support::{peers, samples};

const MESSAGE: &str =
    "Bonjour,\n\nmère de trois enfants, hébergée chez sa sœur ; pension suspendue depuis « mars ».";
const SCAN_BYTES: usize = 20 * 1024 * 1024;

#[test]
fn a_deposit_by_the_page_reaches_an_agent_byte_for_byte() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let depositor = facts.depositor();
    let (pdf, docx, scan) =
        (samples::pdf("Demande de pension"), samples::docx("Évaluation"), samples::scan(SCAN_BYTES));

    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    draft.add(&[Upload { name: samples::SCAN_NAME, kind: "image/tiff", bytes: &scan }]);
    assert!(text(&draft.page).contains(samples::SCAN_NAME), "what is sealed already stays listed");
    let reference = draft.send_well(
        "Demande urgente",
        MESSAGE,
        &[
            Upload { name: "évaluation sociale.docx", kind: "application/octet-stream", bytes: &docx },
            Upload { name: "demande.pdf", kind: "application/pdf", bytes: &pdf },
        ],
    );

    let acknowledgement = about(&gateway, &depositor, &reference);
    assert!(acknowledgement.header("Auto-Submitted").unwrap().contains("auto-"), "RFC 3834");
    let notice = about(&gateway, &mailbox.notice_address, &reference);
    assert!(
        notice.links().iter().any(|link| link.contains(&format!("/transferts/{reference}"))),
        "{notice:?}"
    );

    let sent: BTreeMap<&str, &[u8]> =
        [(samples::SCAN_NAME, &scan[..]), ("évaluation sociale.docx", &docx), ("demande.pdf", &pdf)].into();
    let page = comes_out(&gateway, &mailbox, &reference, &sent);
    assert_eq!(by_id(&page, "message").unwrap().split_whitespace().collect::<Vec<_>>(), words(MESSAGE));
    assert!(text(&page).contains(&depositor), "the sender is named");
}

#[test]
fn the_links_page_shows_a_button_and_nothing_else_until_it_is_pressed() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (mut browser, _) = ask_for_link(&gateway, &mailbox, &depositor);
    let link = deposit_link(&gateway, &link_mail(&gateway, &depositor, 0));
    let page = browser.get(&link).text();
    let posts: Vec<_> = forms(&page).into_iter().filter(|form| form.action == link).collect();
    assert_eq!(posts.len(), 1);
    assert!(posts[0].names.is_empty(), "a button, no field: {posts:?}");
    assert!(!page.contains(&depositor), "the page names nobody");
    assert!(press(&mut browser, &link).text().contains("name=\"title\""));
}

#[test]
fn the_typed_code_opens_the_draft_in_the_browser_that_asked() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (mut browser, asked) = ask_for_link(&gateway, &mailbox, &depositor);
    let page = browser.follow(asked);
    let form = form_with(&page.text(), "code");
    let code = link_mail(&gateway, &depositor, 0).code().unwrap();

    let mut elsewhere = Browser::new(&gateway.http);
    let stolen = elsewhere.submit(&form, &[("code", &code)], &[]);
    let stolen = elsewhere.follow(stolen);
    assert!(
        forms(&stolen.text()).iter().all(|form| !form.names.contains(&"title".to_owned())),
        "not elsewhere"
    );

    let typed = format!("{} {}", &code[..4], &code[4..]);
    let opened = browser.submit(&form, &[("code", &typed)], &[]);
    let opened = browser.follow(opened);
    let mut draft = Depositor { browser, page: opened.text() };
    draft.send_well("Urgence CD35", "Par le code.", &[]);
}

#[test]
fn the_same_send_twice_is_one_deposit() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let mut draft = open_draft(&gateway, &mailbox, &depositor);
    let first = draft.send_well("Demande urgente", MESSAGE, &[]);
    let again = draft.send_well("Demande urgente", MESSAGE, &[]);
    assert_eq!(first, again);
}

#[test]
fn a_mail_by_swaks_is_a_deposit_like_any_other() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let files = [("demande.pdf", samples::pdf("Par courriel")), ("scan.tiff", samples::scan(300_000))];
    let paths = files.clone().map(|(name, bytes)| {
        let path = gateway.home.path().join(name);
        std::fs::write(&path, bytes).unwrap();
        path
    });
    let attached: Vec<_> = paths.iter().map(std::path::PathBuf::as_path).collect();
    let sent = peers::swaks(
        &gateway.smtp,
        &depositor,
        &mailbox.deposit_address,
        "Demande urgente",
        "Bonjour, voici.",
        &attached,
    );
    let said = String::from_utf8_lossy(&sent.stdout);
    assert!(sent.status.success(), "{said}");
    let reference = reference_in(&said);
    about(&gateway, &depositor, &reference);
    about(&gateway, &mailbox.notice_address, &reference);
    let sent: BTreeMap<&str, &[u8]> = files.iter().map(|(name, bytes)| (*name, &bytes[..])).collect();
    let page = comes_out(&gateway, &mailbox, &reference, &sent);
    assert!(by_id(&page, "message").unwrap().contains("Bonjour, voici."));
}

#[test]
fn a_mail_with_nested_parts_and_a_forwarded_message_keeps_every_file() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let (pdf, docx) = (samples::pdf("Nested"), samples::docx("Hébergement"));
    let mail = samples::nested_mail(gateway.home.path(), &depositor, &mailbox.deposit_address, &pdf, &docx);
    let answer =
        crate::support::smtp::send(&gateway.smtp, &depositor, &mailbox.deposit_address, &mail).unwrap();
    assert_eq!(answer.code, 250, "{}", answer.text);
    let reference = reference_in(&answer.text);

    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let page = open_transfer(&mut agent, &reference).text();
    assert!(by_id(&page, "message").unwrap().contains("voici le dossier complété"));
    let names = file_names(&page);
    let number = |name: &str| {
        names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name} in {names:?}")) + 1
    };
    assert!(
        download(&mut agent, &reference, number("Évaluation – été.pdf")).body == pdf,
        "the PDF, byte for byte"
    );
    let all: Vec<Vec<u8>> =
        (1..=names.len()).map(|number| download(&mut agent, &reference, number).body).collect();
    let inside = |bytes: &[u8]| {
        let message = mail_parser::MessageParser::default().parse(bytes);
        message.is_some_and(|message| message.attachments().any(|part| part.contents() == docx))
    };
    assert!(
        all.iter().any(|bytes| *bytes == docx || inside(bytes)),
        "the forwarded message's DOCX: {names:?}"
    );
}

/// The first mail to this address that tells the reference.
fn about(gateway: &Gateway, to: &str, reference: &str) -> Mail {
    outbox::wait(gateway, to, reference, |mail| {
        mail.text.contains(reference) || mail.subject.contains(reference)
    })
}

/// An agent opens the transfer and gets each file as it was, one by one and all in one zip.
fn comes_out(gateway: &Gateway, mailbox: &Mailbox, reference: &str, sent: &BTreeMap<&str, &[u8]>) -> String {
    let mut agent = sign_in(gateway, &gateway.facts().agent_of(mailbox));
    let list = agent.get("/boites");
    assert!(list.text().contains(reference), "it is in the mailbox's list");
    let envelope = agent.get(&format!("/transferts/{reference}"));
    assert_eq!(envelope.status, 200);
    assert!(
        form_to(&envelope.text(), &format!("/transferts/{reference}")).is_some(),
        "a closed envelope has a button"
    );
    let page = open_transfer(&mut agent, reference).text();
    let names = file_names(&page);
    for (name, bytes) in sent {
        let number =
            names.iter().position(|known| known == name).unwrap_or_else(|| panic!("{name} in {names:?}")) + 1;
        let got = download(&mut agent, reference, number);
        assert_eq!(got.status, 200, "{name}");
        assert!(got.body == *bytes, "{name} comes out byte for byte");
        assert!(
            got.header("content-disposition").unwrap().starts_with("attachment"),
            "never shown in the browser"
        );
        assert_eq!(got.header("x-content-type-options"), Some("nosniff"));
    }
    let zip = agent.get(&format!("/transferts/{reference}/tout.zip"));
    assert_eq!(zip.status, 200);
    let mut archive = zip::ZipArchive::new(Cursor::new(zip.body)).unwrap();
    for (name, bytes) in sent {
        let mut file = archive.by_name(name).unwrap_or_else(|error| panic!("{name} in the zip: {error}"));
        let mut content = Vec::new();
        file.read_to_end(&mut content).unwrap();
        assert!(content == *bytes, "{name} comes out of the zip byte for byte");
    }
    page
}

/// The reference that the mail server's answer names.
pub fn reference_in(answer: &str) -> String {
    let found = regex::Regex::new(r"reference ([0-9A-Z-]+)").unwrap().captures(answer);
    found.unwrap_or_else(|| panic!("no reference in: {answer}"))[1].to_owned()
}

fn words(text: &str) -> Vec<&str> {
    text.split_whitespace().collect()
}
