//! Which doors and forms an agreement opens (D10, D11), at each of them: the page, mail, the API. Who was admitted is told what is
//! closed; an outsider is told what everybody is told.

use axum::http::{Method, StatusCode};
use pli::app::ports::Key;
use pli::app::{DepositRefusal, FormRefusal, MailAnswer, MailRefusal};
use pli::audit::{Action, Origin, Outcome, RefusalReason};
use pli::identity::{Agreement, AgreementTerms, Service};
use pli::value::{Language, PartnerId};
use pli::web::{WebConfig, router};
use serde_json::json;

use crate::api::{kind, software, wish};
use crate::entry::ask;
use crate::house::{DEPOSITOR, House, address, mail_text, relay, visitor};

const MAIL: &str = "From: Jeanne Martin <jeanne.martin@departement.example>
To: pensions@pli.example
Subject: Demande urgente
Message-ID: <door@departement.example>
MIME-Version: 1.0
Content-Type: text/plain; charset=utf-8

Le texte du courriel.
";

async fn agree(house: &House, change: impl FnOnce(&mut AgreementTerms)) {
    let key = Key::Agreement((house.pensions.id, PartnerId::new([2; 16])));
    let mut known = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    change(&mut known.terms);
    house.app.put_agreement(known, Origin::Cli).await.unwrap();
}

async fn without(house: &House, service: Service) {
    agree(house, |terms| assert!(terms.services.remove(&service))).await;
}

async fn refused_for(house: &House, action: Action, reason: RefusalReason) -> bool {
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let events = leaves.into_iter().filter_map(|leaf| leaf.entry).map(|entry| entry.event().unwrap());
    events.into_iter().any(|event| event.action == action && event.outcome == Outcome::Refused(reason))
}

/// The path of the link that was mailed last.
async fn asked(house: &House) -> String {
    let (to, language) = (address(DEPOSITOR), Language::Fr);
    house.app.request_proof(&house.pensions, to, language, visitor()).await.unwrap();
    let mail = mail_text(&house.mails_to(DEPOSITOR).await.pop().unwrap());
    let token = mail.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    format!("/depot/lien/{token}")
}

#[tokio::test]
async fn the_page_is_closed_to_who_proved_the_address_and_says_which_way_is_open() {
    let house = House::build().await;
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    without(&house, Service::Page).await;
    let link = asked(&house).await;
    let told = ask(&pages, Method::POST, &link, "", "").await;
    assert_eq!(told.0, StatusCode::FORBIDDEN);
    assert!(told.2.contains("dépôt sur la page") && told.2.contains("pensions@pli.example"), "{}", told.2);
    assert!(refused_for(&house, Action::DepositProofUsed, RefusalReason::ServiceNotOpen).await);
    without(&house, Service::Mail).await;
    let told = ask(&pages, Method::POST, &asked(&house).await, "", "").await;
    assert!(told.0 == StatusCode::FORBIDDEN && !told.2.contains("pensions@pli.example"), "{}", told.2);
    agree(&house, |terms| terms.services = Service::ALL.into()).await;
    let opened = ask(&pages, Method::POST, &link, "", "").await;
    assert_eq!(opened.0, StatusCode::SEE_OTHER, "the same link opens once the agreement does");
}

#[tokio::test]
async fn what_is_closed_while_a_draft_is_filled_is_not_sent() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    without(&house, Service::Page).await;
    let refused = house.send(&draft, "Demande urgente").await;
    assert!(matches!(refused, Err(DepositRefusal::Closed(_))), "{refused:?}");
    assert_eq!(house.transfers().await, 0);
    assert!(refused_for(&house, Action::DepositRefused, RefusalReason::ServiceNotOpen).await);
    agree(&house, |terms| terms.services = [Service::Page].into()).await;
    assert!(house.send(&draft, "Demande urgente").await.is_ok(), "nothing was lost");
}

#[tokio::test]
async fn a_mail_is_refused_with_its_reason_to_its_author_and_without_to_a_stranger() {
    let house = House::build().await;
    without(&house, Service::Mail).await;
    let refused = house.mail_in(Some(DEPOSITOR), MAIL, relay()).await;
    assert!(matches!(&refused, Err(MailRefusal::Closed(closed)) if closed.page), "{refused:?}");
    assert!(refused_for(&house, Action::MailRefused, RefusalReason::ServiceNotOpen).await);
    let stranger = house.mail_in(Some(DEPOSITOR), MAIL, visitor()).await;
    assert!(matches!(stranger, Err(MailRefusal::MayNotDeposit)), "{stranger:?}");
    assert_eq!(house.transfers().await, 0);
    agree(&house, |terms| terms.services = [Service::Mail].into()).await;
    let taken = house.mail_in(Some(DEPOSITOR), MAIL, relay()).await;
    assert!(matches!(taken, Ok(MailAnswer::Deposited { .. })), "{taken:?}");
}

#[tokio::test]
async fn a_mail_brings_the_form_that_the_agreement_asks_for_as_a_file() {
    let house = House::build().await;
    agree(&house, |terms| terms.form_required = true).await;
    let refused = house.mail_in(Some(DEPOSITOR), MAIL, relay()).await;
    assert!(matches!(refused, Err(MailRefusal::FormNeeded)), "{refused:?}");
    assert!(refused_for(&house, Action::MailRefused, RefusalReason::FormIncomplete).await);
    let joined = MAIL.replace(
        "Content-Type: text/plain; charset=utf-8\n",
        "Content-Type: application/pdf; name=fiche.pdf\nContent-Disposition: attachment; filename=fiche.pdf\n",
    );
    let joined = joined.replace("Le texte du courriel.", "%PDF-1.7 synthetic");
    let taken = house.mail_in(Some(DEPOSITOR), &joined, relay()).await;
    assert!(matches!(taken, Ok(MailAnswer::Deposited { .. })), "{taken:?}");
}

#[tokio::test]
async fn software_is_told_that_its_door_is_closed_and_which_are_open() {
    let house = House::build().await;
    let (software, _) = software(&house).await;
    let id = software.begin().await;
    without(&house, Service::Api).await;
    let refused = software.post("/deposits", &wish()).await;
    assert_eq!((refused.status, kind(&refused)), (StatusCode::FORBIDDEN, "not-allowed"), "{}", refused.text);
    assert_eq!(refused.body["open"], json!(["page", "mail"]), "{}", refused.text);
    let send = json!({"title": "Demande urgente", "message": "Bonjour."});
    let refused = software.post(&format!("/deposits/{id}/send"), &send).await;
    assert_eq!((refused.status, kind(&refused)), (StatusCode::FORBIDDEN, "not-allowed"), "{}", refused.text);
    assert_eq!(software.get("/mailboxes").await.body["mailboxes"], json!([]));
    assert!(refused_for(&house, Action::DepositRefused, RefusalReason::ServiceNotOpen).await);
    assert_eq!(house.transfers().await, 0);

    agree(&house, |terms| {
        terms.services = [Service::Api].into();
        terms.form_required = true;
    })
    .await;
    let refused = software.post(&format!("/deposits/{id}/send"), &send).await;
    assert_eq!(kind(&refused), "deposit-refused");
    assert!(refused.text.contains("fiche de liaison"), "{}", refused.text);
    let path = format!("/deposits/{id}/files/fiche.pdf");
    software.ask(Method::PUT, &path, &[], "%PDF-1.7 synthetic").await;
    let sent = software.post(&format!("/deposits/{id}/send"), &send).await;
    assert_eq!(sent.status, StatusCode::CREATED, "{}", sent.text);
}

#[tokio::test]
async fn a_form_that_the_agreement_does_not_open_is_not_taken_on_the_page() {
    let house = House::build().await;
    agree(&house, |terms| terms.forms = [pli::value::Slug::parse("fiche-de-liaison-rsa").unwrap()].into())
        .await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let sending = pli::app::Sending {
        form: Some(crate::forms::typed("fiche-de-liaison-asip", &crate::forms::GOOD)),
        ..pli::app::Sending::new("Demande urgente".into(), pli::value::SecretBytes::default())
    };
    let refused = house.app.accept_deposit(view, sending, visitor()).await;
    assert!(matches!(refused, Err(DepositRefusal::Form(FormRefusal::NotOpen))), "{refused:?}");
}
