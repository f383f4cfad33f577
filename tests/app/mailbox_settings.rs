//! The manager of a mailbox sets its defaults, entitles agents and names other managers, on the page; a member who is no manager
//! does not (V2, P7).

use axum::http::{Method, StatusCode};
use pli::app::ports::Key;
use pli::app::{By, SettingsChange, SettingsError};
use pli::audit::{Action, Origin};
use pli::identity::Password;
use pli::mailbox::Mailbox;
use pli::transfer::{DefaultsOf, TellDownloads};
use pli::web::{WebConfig, router};

use crate::custody_house::{account, new_account};
use crate::entry::ask;
use crate::house::{House, PASSWORD, address, visitor};

const AGENT: &str = "agent@carsat.example";

async fn mailbox(house: &House) -> Mailbox {
    Mailbox::try_from(house.record(&Key::Mailbox(house.pensions.id)).await.unwrap()).unwrap()
}

async fn cookie(house: &House, who: &str) -> String {
    let token =
        house.app.sign_in(Some(address(who)), Password::new(PASSWORD.into()), visitor()).await.unwrap();
    format!("pli_session={}", token.expose())
}

async fn manages(house: &House, who: &str, manages: bool) -> Result<(), SettingsError> {
    let change = SettingsChange::Manager { account: account(house, who).await.id, manages };
    house.app.change_settings(By::operator(Origin::Cli), &house.pensions.slug, change).await
}

#[tokio::test]
async fn a_manager_sets_what_holds_for_the_team() {
    let house = House::build().await;
    let pages = router(house.app.clone(), WebConfig { secure_cookies: false, demo: None });
    let path = format!("/boites/{}/reglages", house.pensions.slug);
    let cookie = cookie(&house, AGENT).await;
    assert_eq!(
        ask(&pages, Method::GET, &path, &cookie, "").await.0,
        StatusCode::FORBIDDEN,
        "a member is no manager"
    );
    manages(&house, AGENT, true).await.unwrap();
    let (status, _, page) = ask(&pages, Method::GET, &path, &cookie, "").await;
    assert!(status == StatusCode::OK && page.contains("72\u{a0}heures"), "{page}");
    for (body, expected) in [
        ("action=envois&jours=12&avis=every", StatusCode::SEE_OTHER),
        ("action=envois&jours=21", StatusCode::UNPROCESSABLE_ENTITY),
        ("action=envois&jours=4", StatusCode::UNPROCESSABLE_ENTITY),
        ("action=adresse&adresse=chef%40carsat.example", StatusCode::SEE_OTHER),
        ("action=adresse&adresse=pensions%40pli.example", StatusCode::UNPROCESSABLE_ENTITY),
        ("action=habiliter&adresse=inconnue%40carsat.example", StatusCode::UNPROCESSABLE_ENTITY),
        ("action=habiliter&adresse=securite%40carsat.example", StatusCode::UNPROCESSABLE_ENTITY),
        ("action=habiliter&adresse=autre%40carsat.example", StatusCode::SEE_OTHER),
    ] {
        assert_eq!(ask(&pages, Method::POST, &path, &cookie, body).await.0, expected, "{body}");
    }
    let set = mailbox(&house).await;
    let tell = house.app.sending_defaults(DefaultsOf::Mailbox(set.id)).await.unwrap().unwrap().tell;
    assert_eq!(tell, Some(TellDownloads::Every));
    assert_eq!(
        (set.validity_days, set.second_notice_address),
        (Some(12), Some(address("chef@carsat.example")))
    );
    assert!(account(&house, "autre@carsat.example").await.mailboxes.contains(&set.id));
    let body = format!("action=gerer&compte={}", account(&house, "autre@carsat.example").await.id);
    assert_eq!(ask(&pages, Method::POST, &path, &cookie, &body).await.0, StatusCode::SEE_OTHER);
    let events = house.events().await;
    assert!(events.contains(&Action::MailboxChanged) && events.contains(&Action::RightsChanged));
    manages(&house, AGENT, false).await.unwrap();
    assert_eq!(
        ask(&pages, Method::GET, &path, &cookie, "").await.0,
        StatusCode::FORBIDDEN,
        "rights bite at once"
    );
}

#[tokio::test]
async fn whoever_is_no_member_manages_nothing() {
    let house = House::build().await;
    new_account(&house, "neuve@carsat.example", &[]).await;
    assert!(matches!(manages(&house, "neuve@carsat.example", true).await, Err(SettingsError::NotFound)));
    manages(&house, AGENT, true).await.unwrap();
    let (agent, colleague) = (account(&house, AGENT).await, "autre@carsat.example");
    house.app.entitle(account(&house, colleague).await.id, house.pensions.id, Origin::Cli).await.unwrap();
    let signed = house.sign_in(colleague).await;
    house.app.remove_member(&signed, &house.pensions.slug, agent.id, visitor()).await.unwrap();
    let manages = |agent: &pli::identity::Account| {
        agent.may(pli::policy::rights::Act::ManageMailbox, pli::identity::Place::Mailbox(house.pensions.id))
    };
    assert!(!manages(&account(&house, AGENT).await));
    house.app.entitle(agent.id, house.pensions.id, Origin::Cli).await.unwrap();
    let back = account(&house, AGENT).await;
    assert!(back.reads(house.pensions.id) && !manages(&back), "who comes back is a member, and no manager");
}
