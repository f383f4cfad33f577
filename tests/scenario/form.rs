//! The form about a person, on the real gateway and without scripts: chosen, filled with faults, put right, sent, read, filed;
//! led to another mailbox; and the next person without another link (D6, D10, T8, S6).

use crate::support::gateway::{Gateway, Mailbox};
use crate::support::html::{Form, by_id, form_to, form_with, text};
use crate::support::http::{Reply, Upload};
use crate::support::steps::{self, Depositor, open_draft, open_transfer, sign_in};

/// What a complete form says; the names are those of the page's inputs.
pub const GOOD: [(&str, &str); 11] = [
    ("f.site", "22350001800187"),
    ("f.pro_name", "Riou Malo"),
    ("f.pro_phone", "02 99 00 00 01"),
    ("f.birth_name", "Kerbrat"),
    ("f.first_name", "Zéphirine"),
    ("f.nir", "2 84 05 2B 321 025 79"),
    ("f.file_kind", "asi_aspa"),
    ("f.reason", "no_answer"),
    ("f.copy_to_partner", "yes"),
    ("f.no_objection", "1"),
    ("f.signed_on.hand", "1"),
];

/// Chooses a form, as its button does.
pub fn choose(depositor: &mut Depositor, name: &str) -> Reply {
    post(depositor, &[("choose", name)])
}

/// Sends the page's form with these values; the page that comes back is kept.
pub fn post(depositor: &mut Depositor, filled: &[(&str, &str)]) -> Reply {
    let form: Form = depositor.form();
    let sent = depositor.browser.submit(&form, filled, &[]);
    let reply = depositor.browser.follow(sent);
    if reply.text().contains("id=\"title\"") {
        depositor.page = reply.text();
    }
    reply
}

/// The mailbox of this name.
pub fn named(mailboxes: &[Mailbox], slug: &str) -> Mailbox {
    mailboxes.iter().find(|mailbox| mailbox.slug() == slug).expect("the demonstration has it").clone()
}

fn send(depositor: &mut Depositor, form: &[(&str, &str)]) -> Reply {
    let mut filled = vec![("title", "Demande urgente"), ("message", ""), ("action", "send")];
    filled.extend(form);
    post(depositor, &filled)
}

#[test]
fn the_form_goes_all_the_way_without_a_script() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, who) = (named(&facts.generic(), "partenaires-retraite"), facts.depositor());
    let mut depositor = open_draft(&gateway, &mailbox, &who);
    for offered in ["fiche-de-liaison-asip", "fiche-de-liaison-rsa", "-file", "-none"] {
        assert!(depositor.page.contains(&format!("value=\"{offered}\"")), "{offered} is offered");
    }
    choose(&mut depositor, "fiche-de-liaison-asip");
    assert!(depositor.page.contains("name=\"f.nir\"") && depositor.page.contains("Pays de Redon"));
    let told = text(&depositor.page);
    assert!(told.contains("article 6-1 e du RGPD") && told.contains("dpo@carsat-bretagne.example"), "S6");

    // Each fault beside its field and linked from the summary, and nothing that was typed is lost.
    let mut wrong = GOOD.to_vec();
    wrong.retain(|(name, _)| !["f.nir", "f.no_objection", "f.reason"].contains(name));
    wrong.push(("f.nir", "2 84 05 2A 321 025 79"));
    wrong.push(("f.comment", "Deux lignes\nde précisions"));
    let refused = send(&mut depositor, &wrong);
    assert_eq!(refused.status, 422);
    let page = refused.text();
    for element in ["f-nir", "f-no_objection", "f-reason"] {
        assert!(page.contains(&format!("href=\"#{element}\"")), "{element} is linked from the summary");
        assert!(page.contains(&format!("id=\"{element}\"")), "{element} is there");
        assert!(by_id(&page, &format!("{element}-error")).is_some_and(|text| !text.is_empty()), "{element}");
    }
    for kept in
        ["2 84 05 2A 321 025 79", "Kerbrat", "Deux lignes\nde précisions", "value=\"Demande urgente\""]
    {
        assert!(page.contains(kept), "{kept} is still there");
    }

    // A killed gateway and a reload lose nothing either.
    let address = form_with(&page, "title").action;
    let gateway = gateway.killed_and_restarted();
    let mut depositor = Depositor { browser: depositor.browser.moved_to(&gateway.http), ..depositor };
    let again = depositor.browser.get(&address);
    assert!(again.text().contains("Kerbrat") && again.text().contains("2 84 05 2A 321 025 79"));
    depositor.page = again.text();

    let sent = send(&mut depositor, &GOOD);
    let reference = steps::reference(&sent);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let opened = open_transfer(&mut agent, &reference).text();
    for read in ["2 84 05 2B 321 025 79", "Kerbrat", "Pays de Redon", "À signer à la main", "<caption"] {
        assert!(opened.contains(read), "{read} on the agent's page");
    }
    assert_eq!(steps::file_names(&opened), ["fiche-de-liaison.pdf"]);
    let document = steps::download(&mut agent, &reference, 1);
    assert_eq!(
        document.header("content-type"),
        Some("application/octet-stream"),
        "kept, not opened by the browser"
    );
    assert!(document.body.starts_with(b"%PDF-1.7"));

    // The next person, in the same breath.
    let button = form_to(&sent.text(), &format!("{address}/autre-personne")).expect("the button");
    let pressed = depositor.browser.submit(&button, &[], &[]);
    let next = depositor.browser.follow(pressed);
    assert_ne!(form_with(&next.text(), "title").action, address);
    assert!(!next.text().contains("Kerbrat"), "nothing of the first person is in it");
}

#[test]
fn what_the_form_says_leads_to_another_mailbox_that_is_shown_first() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailboxes = facts.generic();
    let (pensions, social) = (named(&mailboxes, "partenaires-retraite"), named(&mailboxes, "service-social"));
    let mut depositor = open_draft(&gateway, &social, &facts.depositor());
    choose(&mut depositor, "fiche-de-liaison-asip");
    let shown = send(&mut depositor, &GOOD);
    assert!(shown.text().contains("id=\"leads\""), "{}", text(&shown.text()));
    assert!(!shown.text().contains("id=\"reference\""), "nothing is sent yet");
    let told = by_id(&shown.text(), "leads").unwrap();
    assert!(told.contains("Ce dépôt va à une autre boîte"), "{told}");
    let sent = send(&mut depositor, &GOOD);
    let reference = steps::reference(&sent);
    assert!(sent.text().contains("Partenaires retraite"), "the page says where it went");
    let mut agent = sign_in(&gateway, &facts.agent_of(&pensions));
    assert!(open_transfer(&mut agent, &reference).text().contains("Kerbrat"));
}

#[test]
fn a_scanned_form_goes_in_the_place_of_a_filled_one() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, who) = (named(&facts.generic(), "partenaires-retraite"), facts.depositor());
    let mut depositor = open_draft(&gateway, &mailbox, &who);
    choose(&mut depositor, "-file");
    let refused = send(&mut depositor, &[]);
    assert_eq!(refused.status, 422, "there is no file yet");
    let scan = crate::support::samples::scan(20_000);
    let file = Upload { name: "fiche scannée.tiff", kind: "image/tiff", bytes: &scan };
    let form = depositor.form();
    let filled = [("title", "Demande urgente"), ("message", ""), ("action", "send")];
    let sent = depositor.browser.submit(&form, &filled, &[file]);
    let sent = depositor.browser.follow(sent);
    let reference = steps::reference(&sent);
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    let opened = open_transfer(&mut agent, &reference).text();
    assert_eq!(steps::file_names(&opened), ["fiche scannée.tiff"]);
}

#[test]
fn the_command_checks_the_file_of_a_form() {
    let gateway = Gateway::new();
    let shipped = concat!(env!("CARGO_MANIFEST_DIR"), "/policies/forms/fiche-de-liaison.toml");
    let good = gateway.command(&["form", "check", shipped]);
    let told = String::from_utf8_lossy(&good.stdout).into_owned();
    assert!(good.status.success(), "{told}");
    for said in ["fiche-de-liaison-rsa", "fiche-de-liaison-asip", "register: kind from file_kind (pension,"] {
        assert!(told.contains(said), "{said} in {told}");
    }
    let bad = gateway.home.path().join("bad.toml");
    let text = std::fs::read_to_string(shipped).unwrap().replace("type = \"nir\"", "type = \"ssn\"");
    std::fs::write(&bad, text).unwrap();
    let refused = gateway.command(&["form", "check", bad.to_str().unwrap()]);
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stderr).contains("ssn"));
}
