//! A person belongs to one organisation, whose security officer reads what the person does (P7).

use pli::app::{AppError, NewAccount, NewMailbox};
use pli::audit::Origin;
use pli::identity::{Organisation, Password, Role};
use pli::mailbox::{Custody, MailboxKind};
use pli::value::{AccountId, Language, MailboxId, OrganisationId, Slug};

use crate::house::{House, LIMITS, PASSWORD, address};

const CPAM: OrganisationId = OrganisationId::new([9; 16]);

fn droits(members: Vec<AccountId>) -> NewMailbox {
    NewMailbox {
        organisation: CPAM,
        slug: Slug::parse("droits").unwrap(),
        kind: MailboxKind::Generic,
        name: "droits".into(),
        purpose: "Des demandes.".into(),
        deposit_address: address("droits@pli.example"),
        notice_address: address("balc-droits@cpam.example"),
        limits: LIMITS,
        custody: Custody::Members,
        members,
    }
}

fn account(who: &str, organisation: OrganisationId, mailboxes: &[MailboxId]) -> NewAccount {
    NewAccount {
        address: address(who),
        name: "Prénom Nom".into(),
        role: Role::Agent,
        organisation: Some(organisation),
        partner: None,
        mailboxes: mailboxes.to_vec(),
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    }
}

#[tokio::test]
async fn nobody_has_mailboxes_of_two_organisations_nor_of_another_one() {
    let house = House::build().await;
    let cpam = Organisation {
        id: CPAM,
        slug: Slug::parse("cpam").unwrap(),
        name: "CPAM".into(),
        postal_address: "Nantes".into(),
        data_protection_officer: address("dpo@cpam.example"),
    };
    house.app.create_organisation(cpam, Origin::Cli).await.unwrap();
    let own = house.app.create_account(account("un@cpam.example", CPAM, &[]), Origin::Cli).await.unwrap();
    let droits_of = |member: AccountId| house.app.create_mailbox(droits(vec![member]), Origin::Cli);
    let foreign = house.sign_in("agent@carsat.example").await.account.id;
    house.store.take_units();
    assert!(matches!(droits_of(foreign).await, Err(AppError::Broken(_))), "a member from elsewhere");
    assert!(house.store.take_units().is_empty());
    let other = droits_of(own.id).await.unwrap().id;
    house.store.take_units();
    let carsat = OrganisationId::new([1; 16]);
    for (organisation, mailboxes) in [
        (carsat, vec![house.pensions.id, other]),
        (CPAM, vec![house.pensions.id, other]),
        (carsat, vec![other]),
    ] {
        let made =
            house.app.create_account(account("deux@cpam.example", organisation, &mailboxes), Origin::Cli);
        assert!(matches!(made.await, Err(AppError::Broken(_))));
        assert!(house.store.take_units().is_empty(), "nothing was made");
    }
    let made = house.app.create_account(account("deux@cpam.example", CPAM, &[other]), Origin::Cli).await;
    assert_eq!(made.unwrap().mailboxes, [other]);
}
