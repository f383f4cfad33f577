//! The fault table: each durable step of a deposit fails once without and once with its effect (invariant 1). Whatever
//! was told, a repeat ends with one transfer, one acknowledgement and one notice.

use pli::app::MailAnswer;
use pli::app::ports::List;
use pli::audit::Action;
use pli::store::testing::Fault;

use crate::house::{DEPOSITOR, House, relay};

const NOTICES: &str = "balc-pensions@carsat.example";

#[tokio::test]
async fn a_deposit_whose_commit_fails_is_sent_again_and_is_one() {
    for fault in [Fault::NotPersisted, Fault::Persisted] {
        let house = House::build().await;
        let draft = house.draft().await;
        house.add_file(&draft, "a.pdf", b"%PDF-1.7").await;
        house.store.fail_commit_after(0, fault);
        let first = house.send(&draft, "Demande urgente").await;
        assert!(first.is_err(), "nobody may be told yes before the commit");
        assert_eq!(house.transfers().await, usize::from(fault == Fault::Persisted));
        let again = house.send(&draft, "Demande urgente").await;
        assert!(again.is_ok(), "{fault:?}");
        assert_eq!(house.transfers().await, 1, "{fault:?}");
        assert_eq!(house.mails_to(NOTICES).await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_mail_whose_commit_fails_is_sent_again_and_is_one() {
    let mail = format!("From: {DEPOSITOR}\nSubject: x\nMessage-ID: <a@departement.example>\n\nBonjour\n");
    for fault in [Fault::NotPersisted, Fault::Persisted] {
        let house = House::build().await;
        house.store.fail_commit_after(0, fault);
        assert!(house.mail_in(Some(DEPOSITOR), &mail, relay()).await.is_err());
        let again = house.mail_in(Some(DEPOSITOR), &mail, relay()).await;
        assert!(matches!(again, Ok(MailAnswer::Deposited { .. })), "{fault:?}");
        assert_eq!(house.transfers().await, 1, "{fault:?}");
        assert_eq!(house.mails_to(NOTICES).await.len(), 1, "{fault:?}");
    }
}

#[tokio::test]
async fn a_delivery_whose_result_is_lost_delivers_the_same_message_again() {
    let house = House::build().await;
    house.deposit().await;
    house.store.fail_commit_after(0, Fault::NotPersisted);
    assert!(house.app.deliver_due_mails().await.is_err());
    let mails = house.mails_to(NOTICES).await;
    assert!(!mails.is_empty());
    assert!(mails.windows(2).all(|pair| pair[0] == pair[1]), "a repeat is byte for byte the same");
}

#[tokio::test]
async fn a_store_that_is_down_refuses_and_shows_nothing_half_made() {
    let house = House::build().await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    house.store.set_down(true);
    let message = pli::value::SecretBytes::new(b"Bonjour".to_vec());
    let sending = pli::app::Sending::new("Demande urgente".into(), message);
    assert!(house.app.accept_deposit(view, sending, crate::house::visitor()).await.is_err());
    house.store.set_down(false);
    assert_eq!(house.transfers().await, 0);
    assert!(house.send(&draft, "Demande urgente").await.is_ok());
}

/// How often an action is in the log.
async fn count(house: &House, action: Action) -> usize {
    house.events().await.into_iter().filter(|found| *found == action).count()
}

#[tokio::test]
async fn what_was_done_but_not_noted_is_noted_by_the_next_run() {
    let house = House::build().await;
    house.deposit().await;
    house.app.upkeep().await.unwrap();
    let destroyed = count(&house, Action::DayKeyDestroyed).await;
    house.clock.advance(pli::value::Millis::days(20));
    // Keys are made (two commits), the transfer ends (one), its objects are erased: the commit that says so fails.
    house.store.fail_commit_after(3, Fault::NotPersisted);
    // Then the first key that is over is destroyed, and the commit that says so fails too.
    house.store.fail_commit_after(1, Fault::NotPersisted);
    assert!(house.app.upkeep().await.is_err());
    assert!(!crate::house::is_found_below(house.directory.path(), b"age-encryption"));
    assert_eq!(count(&house, Action::ObjectsErased).await, 1, "the intention alone");
    house.clock.advance(pli::value::Millis::minutes(1));
    house.app.upkeep().await.unwrap();
    assert_eq!(count(&house, Action::ObjectsErased).await, 2, "intention and result");
    let destroyed = count(&house, Action::DayKeyDestroyed).await - destroyed;
    assert_eq!(destroyed % 2, 0, "a key's destruction has its intention and its result");
    assert!(house.app.store.list(&List::PendingEffects, 10).await.unwrap().is_empty());
}

#[tokio::test]
async fn an_expiry_whose_commit_fails_is_carried_out_by_the_next_run() {
    for fault in [Fault::NotPersisted, Fault::Persisted] {
        let house = House::build().await;
        house.deposit().await;
        house.app.upkeep().await.unwrap();
        house.clock.advance(pli::value::Millis::days(20));
        // The keys of new days are made first, in two commits; the expiry is the next.
        house.store.fail_commit_after(2, fault);
        assert!(house.app.upkeep().await.is_err());
        house.clock.advance(pli::value::Millis::minutes(1));
        house.app.upkeep().await.unwrap();
        assert_eq!(house.transfers().await, 0, "{fault:?}");
        assert!(!crate::house::is_found_below(house.directory.path(), b"age-encryption"), "{fault:?}");
    }
}
