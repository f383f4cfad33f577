//! The keys that sign mails (RFC 6376): a new one signs when its record is in the DNS and not before, takes the place of the
//! older one of its kind, and what is retired never signs again.

use pli::app::{DkimError, DkimRecord};
use pli::audit::{Action, Origin, Outcome, Selection};
use pli::relay::dkim::{DkimKey, DkimState, Selector};
use pli::value::Domain;
use pli::vault::SigningAlgorithm;

use crate::house::House;

fn domain() -> Domain {
    Domain::parse("pli.example").unwrap()
}

fn selector(text: &str) -> Selector {
    Selector::parse(text).unwrap()
}

async fn add(house: &House, name: &str, algorithm: SigningAlgorithm) -> DkimKey {
    house.app.add_dkim_key(domain(), selector(name), algorithm, Origin::Cli).await.unwrap()
}

fn publish(house: &House, key: &DkimKey) {
    house.names.0.lock().unwrap().insert(key.record_name(), vec!["other=1".into(), key.record_text()]);
}

async fn signing(house: &House) -> Vec<String> {
    let keys = house.app.dkim_keys().await.unwrap();
    keys.iter().filter(|(key, _)| key.signs()).map(|(key, _)| key.selector.to_string()).collect()
}

async fn outcomes(house: &House, action: Action) -> Vec<Outcome> {
    let selection = Selection { actions: vec![action], ..Selection::default() };
    let entries = house.app.store.entries(&selection, 100).await.unwrap();
    entries.iter().map(|(_, entry)| entry.event().unwrap().outcome).collect()
}

#[tokio::test]
async fn a_new_key_signs_when_its_record_is_seen_and_the_older_one_of_its_kind_ends() {
    let house = House::build().await;
    let first = add(&house, "one", SigningAlgorithm::Ed25519).await;
    let rsa = add(&house, "rsa", SigningAlgorithm::Rsa2048).await;
    assert!(matches!(
        house.app.use_dkim_key(&domain(), &first.selector, Origin::Cli).await,
        Err(DkimError::NotPublished { .. })
    ));
    assert_eq!(house.app.look_for_dkim_records().await.unwrap(), 0);
    assert!(signing(&house).await.is_empty(), "a signature that nobody can check is worse than none");

    publish(&house, &first);
    publish(&house, &rsa);
    assert_eq!(house.app.look_for_dkim_records().await.unwrap(), 2);
    assert_eq!(signing(&house).await.len(), 2);

    let second = add(&house, "two", SigningAlgorithm::Ed25519).await;
    assert_eq!(signing(&house).await.len(), 2, "the older one signs on meanwhile");
    publish(&house, &second);
    house.app.use_dkim_key(&domain(), &second.selector, Origin::Cli).await.unwrap();
    let mut now = signing(&house).await;
    now.sort();
    assert_eq!(now, ["rsa", "two"]);
    let keys = house.app.dkim_keys().await.unwrap();
    let (old, record) = keys.iter().find(|(key, _)| key.selector == first.selector).unwrap();
    assert!(
        matches!(old.state, DkimState::Retired { published_until } if published_until > house.app.now().at)
    );
    assert_eq!(*record, DkimRecord::Published, "its mails are still on their way");
    assert!(old.private.is_none());

    assert_eq!(house.app.look_for_dkim_records().await.unwrap(), 0, "what is retired does not come back");
    assert_eq!(outcomes(&house, Action::DkimKeyMade).await.len(), 6, "intended and done, three keys");
    assert_eq!(outcomes(&house, Action::DkimKeyUsed).await.len(), 6);
    assert_eq!(outcomes(&house, Action::DkimKeyRetired).await.len(), 2);
}

#[tokio::test]
async fn a_selector_is_used_once() {
    let house = House::build().await;
    let key = add(&house, "one", SigningAlgorithm::Ed25519).await;
    house.app.retire_dkim_key(&domain(), &key.selector, Origin::Cli).await.unwrap();
    let again = house.app.add_dkim_key(domain(), key.selector, SigningAlgorithm::Ed25519, Origin::Cli).await;
    assert!(matches!(again, Err(DkimError::Taken { .. })), "verifiers keep the old record for a while");
}
