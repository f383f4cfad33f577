//! Agreements and sites from files: they change what they say and nothing else, twice is once, and access ends with the
//! agreement by the clock (P4, P6).

use pli::app::ports::Key;
use pli::app::{AgreementPart, ImportChange, ImportError, SiteImport, SiteImportError};
use pli::audit::{Action, Origin};
use pli::identity::{Agreement, AnswerTo};
use pli::mailbox::Custody;
use pli::value::{Language, Millis, PartnerId, Slug};

use crate::custody_house::{log, new_mailbox};
use crate::house::{House, address, visitor};

const RSA: &str = include_str!("../../policies/agreements/bretagne-rsa.toml");
const ALSACE: &str = include_str!("../../policies/agreements/alsace-moselle.toml");

async fn changes(house: &House, text: &str) -> Vec<ImportChange> {
    house.app.import_agreement(text, Origin::Cli).await.unwrap().1
}

fn slug(text: &str) -> Slug {
    Slug::parse(text).unwrap()
}

async fn partner(house: &House, name: &str) -> PartnerId {
    house.app.partners().await.unwrap().into_iter().find(|partner| partner.name == name).unwrap().id
}

#[tokio::test]
async fn an_agreement_says_what_it_changes_and_twice_is_once() {
    let house = House::build().await;
    let refused = house.app.import_agreement(ALSACE, Origin::Cli).await;
    assert!(matches!(refused, Err(ImportError::NoSuchMailbox { .. })));
    assert_eq!(house.app.partners().await.unwrap().len(), 1, "nothing was changed");
    let mut mailboxes = Vec::new();
    for slug in ["aspa", "retraite", "mediateur"] {
        mailboxes.push(new_mailbox(&house, slug, Custody::Gateway, vec![]).await);
    }
    let added = [
        ImportChange::PartnerAdded,
        ImportChange::AgreementAdded(slug("aspa")),
        ImportChange::AgreementAdded(slug("retraite")),
    ];
    assert_eq!(changes(&house, ALSACE).await, added);
    let events = log(&house).await.len();
    let same = [ImportChange::Unchanged(slug("aspa")), ImportChange::Unchanged(slug("retraite"))];
    assert_eq!(changes(&house, ALSACE).await, same);
    assert_eq!(log(&house).await.len(), events, "and nothing was committed");

    let other =
        ALSACE.replacen("days = 3", "days = 2", 1).replacen("breach_hours = 48", "breach_hours = 24", 1);
    let parts = vec![AgreementPart::Deadlines, AgreementPart::BreachHours];
    assert_eq!(changes(&house, &other).await[0], ImportChange::AgreementChanged(slug("aspa"), parts));
    assert_eq!(log(&house).await.last().unwrap().action, Action::AgreementChanged);
    let council = partner(&house, "Collectivité d'Alsace-Moselle (exemple)").await;
    let kept = house.record(&Key::Agreement((mailboxes[0].id, council))).await.unwrap();
    let terms = Agreement::try_from(kept).unwrap().terms;
    assert_eq!((terms.mediator, terms.answer_to), (Some(mailboxes[2].id), AnswerTo::Partner));
}

#[tokio::test]
async fn an_import_blocks_addresses_and_never_unblocks_one() {
    let house = House::build().await;
    new_mailbox(&house, "partenaires-rsa", Custody::Gateway, vec![]).await;
    changes(&house, RSA).await;
    let blocking = RSA.replace(
        "domains = [\"departement-bretagne.example\"]",
        "domains = [\"departement-bretagne.example\"]\nblocked = [\"vole@departement-bretagne.example\"]",
    );
    assert_eq!(changes(&house, &blocking).await[0], ImportChange::AddressesBlocked(1));
    assert_eq!(changes(&house, RSA).await, [ImportChange::Unchanged(slug("partenaires-rsa"))]);
    let kept = house.app.partners().await.unwrap();
    assert!(
        kept.iter().any(|partner| partner.blocked.contains(&address("vole@departement-bretagne.example")))
    );
}

#[tokio::test]
async fn who_is_listed_may_deposit_until_the_last_day_of_the_agreement() {
    let house = House::build().await;
    let mailbox = new_mailbox(&house, "partenaires-rsa", Custody::Gateway, vec![]).await;
    let until = house.app.now().at.day().plus(2).to_string();
    changes(&house, &RSA.replace("2028-12-31", &until)).await;
    let listed = "referent.rsa-t1@departement-bretagne.example";
    let asks = async |who: &str| {
        let before = house.mails_to(who).await.len();
        house.app.request_proof(&mailbox, address(who), Language::Fr, visitor()).await.unwrap();
        house.mails_to(who).await.len() - before
    };
    assert_eq!(asks(listed).await, 1);
    assert_eq!(asks("quelqu.un@departement-bretagne.example").await, 0, "not listed");
    house.clock.advance(Millis::days(2));
    house.app.upkeep().await.unwrap();
    assert_eq!(asks(listed).await, 1, "the last day is in force");
    house.clock.advance(Millis::days(1));
    house.app.upkeep().await.unwrap();
    assert_eq!(asks(listed).await, 0, "it ended by the clock");
}

#[tokio::test]
async fn sites_are_imported_from_a_table_and_twice_is_once() {
    let house = House::build().await;
    let table = "siret,site,generic_mailbox\n1,Redon,cdas-redon@departement.example\n2,Guichen,cdas-guichen@departement.example\n";
    let import = async |table: &str| house.app.import_sites("Département", table, false, Origin::Cli).await;
    assert_eq!(import(table).await.unwrap(), SiteImport { added: 1, changed: 1, unchanged: 0 });
    assert_eq!(import(table).await.unwrap(), SiteImport { added: 0, changed: 0, unchanged: 2 });
    let stranger = import("site,generic_mailbox\nAilleurs,a@ailleurs.example").await;
    assert!(matches!(stranger, Err(SiteImportError::OutsideDomains { line: 2 })));
    let unknown = house.app.import_sites("Personne", table, false, Origin::Cli).await;
    assert!(matches!(unknown, Err(SiteImportError::NoSuchPartner { .. })));
}
