//! What time asks of people (P4, P5): the end of the last agreement, deletion, the review of a structure's list.

use pli::app::ports::{Key, List};
use pli::app::{AccountChange, By};
use pli::audit::{Action, Origin};
use pli::identity::{Account, AccountState, Agreement, Deactivation, Password, Role};
use pli::value::{Day, Language, MailboxId, Millis, Token};

use crate::custody_house::account;
use crate::entry::{council, invite, link_to};
use crate::house::{DEPOSITOR, House, address, mail_text, visitor};

const MANAGER: &str = "gestion@departement.example";
const NEW: &str = "cheval agrafe pile correcte";

async fn active(house: &House, role: Role, who: &str) -> Account {
    invite(house, role, who).await.unwrap();
    let token = Token::parse(link_to(house, who).await.rsplit('/').next().unwrap()).unwrap();
    house.app.choose_password(&token, Password::new(NEW.into()).unwrap(), visitor()).await.unwrap();
    account(house, who).await
}

/// The agreements of the council end after a day.
async fn end_after(house: &House, mailbox: MailboxId, last: Day) {
    let key = Key::Agreement((mailbox, council(house).await.id));
    let known = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    house.app.put_agreement(Agreement { until: Some(last), ..known }, Origin::Cli).await.unwrap();
}

async fn tomorrow(house: &House, days: i64) {
    house.clock.advance(Millis::days(days));
    house.app.upkeep().await.unwrap();
}

async fn mails(house: &House, who: &str) -> String {
    house.mails_to(who).await.into_iter().map(|mail| mail_text(&mail)).collect()
}

#[tokio::test]
async fn accounts_end_with_the_last_agreement_and_no_sooner() {
    let house = House::build().await;
    let manager = active(&house, Role::Gestionnaire, MANAGER).await;
    let technicien = active(&house, Role::Technicien, DEPOSITOR).await;
    let today = house.app.now().at.day();
    let other = house.app.mailboxes().await.unwrap().into_iter().find(|other| other.id != house.pensions.id);
    let other = other.unwrap().id;
    let key = Key::Agreement((house.pensions.id, council(&house).await.id));
    let known = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    let second = Agreement { mailbox: other, until: Some(today.plus(10)), ..known };
    house.app.put_agreement(second, Origin::Cli).await.unwrap();
    end_after(&house, house.pensions.id, today).await;

    tomorrow(&house, 1).await;
    let asked = house.app.request_proof(&house.pensions, address(DEPOSITOR), Language::Fr, visitor()).await;
    asked.unwrap();
    assert!(!mails(&house, DEPOSITOR).await.contains("/depot/lien/"), "the ended agreement admits nobody");
    assert!(account(&house, MANAGER).await.is_active(), "another agreement is still in force");

    tomorrow(&house, 10).await;
    for id in [manager.id, technicien.id] {
        let ended = Account::try_from(house.record(&Key::Account(id)).await.unwrap()).unwrap();
        assert!(
            matches!(ended.state, AccountState::Deactivated { why: Deactivation::AgreementsEnded, .. }),
            "{:?}",
            ended.state
        );
    }
    assert!(mails(&house, MANAGER).await.contains("dernière convention"));
    assert!(house.events().await.contains(&Action::AccountDeactivated));
    assert!(house.app.sign_in(Some(address(MANAGER)), Password::new(NEW.into()), visitor()).await.is_err());
}

#[tokio::test]
async fn a_structure_without_an_agreement_yet_keeps_its_accounts() {
    let house = House::build().await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    let today = house.app.now().at.day();
    let key = Key::Agreement((house.pensions.id, council(&house).await.id));
    let known = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    let later = Agreement { from: today.plus(30), until: Some(today.plus(60)), ..known };
    house.app.put_agreement(later, Origin::Cli).await.unwrap();
    tomorrow(&house, 1).await;
    assert!(account(&house, MANAGER).await.is_active());
}

#[tokio::test]
async fn three_months_after_its_deactivation_an_account_and_its_name_are_deleted_and_the_proof_stays() {
    let house = House::build().await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    let technicien = active(&house, Role::Technicien, DEPOSITOR).await;
    house.clock.advance(Millis::hours(1));
    house
        .app
        .change_account(By::operator(Origin::Cli), technicien.id, AccountChange::Deactivate)
        .await
        .unwrap();
    tomorrow(&house, 89).await;
    assert!(house.record(&Key::Account(technicien.id)).await.is_some());
    tomorrow(&house, 2).await;
    for key in [Key::Account(technicien.id), Key::PersonalKey(technicien.id), Key::Person(technicien.person)]
    {
        assert!(house.record(&key).await.is_none(), "{key:?}");
    }
    let sessions = house.app.store.list(&List::SessionsOf(technicien.id), 10).await.unwrap();
    assert_eq!(sessions, []);
    let events = house.events().await;
    assert!(events.contains(&Action::AccountDeleted) && events.contains(&Action::AccountActivated));
    assert!(account(&house, MANAGER).await.is_active(), "whoever is active stays");
    // The address is free again, and its domain deposits.
    invite(&house, Role::Technicien, DEPOSITOR).await.unwrap();
}

#[tokio::test]
async fn a_structure_is_asked_to_confirm_its_list_until_it_does() {
    let house = House::build().await;
    active(&house, Role::Gestionnaire, MANAGER).await;
    let partner = council(&house).await.id;
    let officer = async || {
        let officer = house.sign_in("securite@carsat.example").await;
        house.app.structures(&officer, visitor()).await.unwrap().remove(0).review
    };
    tomorrow(&house, 1).await;
    let review = officer().await.unwrap();
    assert!(!review.is_due && review.confirmed_at.is_none());
    assert!(!mails(&house, MANAGER).await.contains("Confirmez que la liste"));

    tomorrow(&house, 182).await;
    assert!(officer().await.unwrap().is_due);
    let asked = mails(&house, MANAGER).await.matches("Confirmez que la liste").count();
    assert_eq!(asked, 1);
    tomorrow(&house, 7).await;
    assert_eq!(mails(&house, MANAGER).await.matches("Confirmez que la liste").count(), 1, "not every day");
    tomorrow(&house, 7).await;
    assert_eq!(mails(&house, MANAGER).await.matches("Confirmez que la liste").count(), 2);
    tomorrow(&house, 30).await;
    assert!(officer().await.unwrap().is_late, "it stands out");

    let cookie =
        house.app.sign_in(Some(address(MANAGER)), Password::new(NEW.into()), visitor()).await.unwrap();
    let manager = house.app.signed(&cookie, visitor()).await.unwrap().unwrap();
    house.app.confirm_people(By::person(&manager, visitor()), partner).await.unwrap();
    let review = officer().await.unwrap();
    assert!(!review.is_due && !review.is_late && review.confirmed_at.is_some());
    assert!(house.events().await.contains(&Action::RightsReviewed));
    let operator = By::operator(Origin::Cli);
    assert!(house.app.confirm_people(operator, partner).await.is_err(), "nobody confirms for the structure");
}
