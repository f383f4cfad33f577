//! The house with a mailbox in custody of its members: `agent` opens it, `collegue` is entitled and waits, a council may
//! deposit into it.

use pli::app::ports::{Key, List, Record};
use pli::app::{App, AppParts, NewAccount, NewMailbox, Policies, Signed};
use pli::audit::{Entry, Event, Origin};
use pli::identity::{Account, Admission, Agreement, Password, Role};
use pli::mailbox::{Custody, Mailbox, MailboxKind};
use pli::policy::alerts::AlertPolicy;
use pli::policy::custody::CustodyPolicy;
use pli::policy::privacy::PrivacyPolicy;
use pli::policy::title::{TitleGuard, TitlePolicy};
use pli::retention::ValidityPolicy;
use pli::value::{AccountId, Day, Digest, Language, OrganisationId, PartnerId, Slug, Token};

use crate::house::{House, LIMITS, PASSWORD, address, visitor};

pub const MEMBER: &str = "agent@carsat.example";
pub const COLLEAGUE: &str = "collegue@carsat.example";
pub const OTHER: &str = "autre@carsat.example";

/// The house; its deposits go into the members' mailbox.
pub async fn members_house() -> House {
    let mut house = House::build().await;
    let member = account(&house, MEMBER).await.id;
    let mailbox = new_mailbox(&house, "fragilite", Custody::Members, vec![member]).await;
    let agreement = Agreement {
        partner: PartnerId::new([2; 16]),
        mailbox: mailbox.id,
        from: Day(0),
        until: None,
        admission: Admission::Domain,
        terms: pli::identity::AgreementTerms::default(),
        breach_hours: None,
    };
    house.app.put_agreement(agreement, Origin::Cli).await.unwrap();
    new_account(&house, COLLEAGUE, &[&mailbox]).await;
    house.pensions = mailbox;
    house
}

pub async fn new_mailbox(house: &House, slug: &str, custody: Custody, members: Vec<AccountId>) -> Mailbox {
    let new = NewMailbox {
        organisation: OrganisationId::new([1; 16]),
        slug: Slug::parse(slug).unwrap(),
        kind: MailboxKind::Generic,
        name: slug.into(),
        purpose: "Des demandes.".into(),
        deposit_address: address(&format!("{slug}@pli.example")),
        notice_address: address(&format!("balc-{slug}@carsat.example")),
        limits: LIMITS,
        custody,
        members,
    };
    house.app.create_mailbox(new, Origin::Cli).await.unwrap()
}

pub async fn new_account(house: &House, who: &str, reads: &[&Mailbox]) -> Account {
    let account = NewAccount {
        address: address(who),
        name: who.into(),
        role: Role::Agent,
        organisation: Some(OrganisationId::new([1; 16])),
        partner: None,
        mailboxes: reads.iter().map(|mailbox| mailbox.id).collect(),
        password: Password::new(PASSWORD.into()).unwrap(),
        language: Language::Fr,
    };
    house.app.create_account(account, Origin::Cli).await.unwrap()
}

pub async fn account(house: &House, who: &str) -> Account {
    let found = house.app.store.list(&List::AccountByAddress(address(who)), 1).await.unwrap();
    let Some(Record::Account(account)) = found.into_iter().next().map(|found| found.record) else { panic!() };
    account
}

pub async fn mailbox(house: &House) -> Mailbox {
    let Some(Record::Mailbox(mailbox)) = house.record(&Key::Mailbox(house.pensions.id)).await else {
        panic!()
    };
    mailbox
}

/// Admits an account, by a session of `by`.
pub async fn admit(house: &House, by: &Signed, who: &str) {
    let account = account(house, who).await.id;
    house.app.admit(by, &house.pensions.slug, account, visitor()).await.unwrap();
}

pub async fn cookie(app: &App, who: &str) -> Token {
    app.sign_in(Some(address(who)), Password::new(PASSWORD.into()), visitor()).await.unwrap()
}

/// All that the log has, oldest first.
pub async fn log(house: &House) -> Vec<Event> {
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    leaves.into_iter().map(|leaf: pli::app::ports::StoredLeaf| event_of(&leaf.entry.unwrap())).collect()
}

fn event_of(entry: &Entry) -> Event {
    entry.event().unwrap()
}

/// The policies of the house, but for custody.
pub fn policies(custody: &str) -> Policies {
    let titles = TitlePolicy::parse(include_str!("../../policies/title.toml")).unwrap();
    Policies {
        files: pli::content::FilePolicies::parse(include_str!("../../policies/files.toml")).unwrap(),
        titles: TitleGuard::new(&titles),
        validity: ValidityPolicy::parse(include_str!("../../policies/validity.toml")).unwrap(),
        alerts: AlertPolicy::parse(include_str!("../../policies/alerts.toml")).unwrap(),
        sign_in: pli::policy::sign_in::SignInPolicy::parse(include_str!("../../policies/sign_in.toml"))
            .unwrap(),
        register: pli::policy::register::RegisterPolicy::parse(include_str!("../../policies/register.toml"))
            .unwrap(),
        reminders: pli::policy::reminders::ReminderPolicy::parse(include_str!(
            "../../policies/reminders.toml"
        ))
        .unwrap(),
        outgoing: pli::policy::outgoing::OutgoingPolicy::parse(include_str!("../../policies/outgoing.toml"))
            .unwrap(),
        custody: CustodyPolicy::parse(custody).unwrap(),
        people: pli::policy::people::PeoplePolicy {
            terms: None,
            ..pli::policy::people::PeoplePolicy::parse(include_str!("../../policies/people.toml")).unwrap()
        },
        privacy: PrivacyPolicy::parse(include_str!("../../policies/privacy.toml")).unwrap(),
        forms: crate::house::shipped_forms(),
        digest: Digest::of(custody.as_bytes()),
    }
}

/// The gateway, started anew over what it had stored.
pub fn restarted(house: &House) -> App {
    let app = &house.app;
    let parts = AppParts {
        scanning: None,
        store: app.store.clone(),
        objects: app.objects.clone(),
        keyring: app.keyring.clone(),
        clock: app.clock.clone(),
        random: app.random.clone(),
        delivery: app.delivery.clone(),
        names: app.names.clone(),
        senders: app.senders.clone(),
        policies: policies(include_str!("../../policies/custody.toml")),
        settings: app.settings.clone(),
    };
    App::new(parts).unwrap()
}
