//! Nothing is late in silence and nothing ends unseen (T2, T5, V5): by the injected clock, each mail once.

use pli::app::CaseChange;
use pli::app::ports::Key;
use pli::audit::{Action, Origin};
use pli::identity::Agreement;
use pli::mailbox::Custody;
use pli::transfer::{Answer, AnswerWay, Transfer};
use pli::value::{Millis, PartnerId};

use crate::custody_house::{MEMBER, log, members_house, new_account, new_mailbox};
use crate::house::{House, mail_text, visitor};

const NOTICES: &str = "balc-fragilite@carsat.example";

/// Moves the clock, lets time do its work twice, and tells how many mails of ours with these words came since.
async fn later(house: &House, ahead: Millis, to: &str, words: &str) -> usize {
    let count =
        async || house.mails_to(to).await.iter().filter(|mail| mail_text(mail).contains(words)).count();
    let before = count().await;
    house.clock.advance(ahead);
    house.app.upkeep().await.unwrap();
    house.app.upkeep().await.unwrap();
    count().await - before
}

#[tokio::test]
async fn what_nobody_opens_is_reminded_of_at_half_life_two_days_one_day_and_to_the_manager() {
    let house = members_house().await;
    house.deposit().await;
    let unopened = "ouvert ce d";
    assert_eq!(later(&house, Millis::days(9), NOTICES, unopened).await, 0);
    assert_eq!(later(&house, Millis::days(1), NOTICES, unopened).await, 1, "half of 20 days");
    assert_eq!(later(&house, Millis::hours(1), NOTICES, unopened).await, 0, "each once");
    assert_eq!(later(&house, Millis::hours(191), NOTICES, unopened).await, 1, "48 h before");
    assert_eq!(later(&house, Millis::days(1), NOTICES, unopened).await, 1, "24 h before");
    assert_eq!(later(&house, Millis::hours(12), NOTICES, unopened).await, 1, "12 h before, to the manager");
    assert_eq!(later(&house, Millis::hours(11), NOTICES, unopened).await, 0);
    let told = log(&house).await.into_iter().filter(|event| event.action == Action::ReminderQueued).count();
    assert_eq!(told, 6, "four of these, and one each for the two clocks, which were over at the first look");
}

#[tokio::test]
async fn what_somebody_opened_is_not_reminded_of_until_it_is_dispatched_to_who_has_not() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let member = house.sign_in(MEMBER).await;
    house.app.open_transfer(&member, &reference, visitor()).await.unwrap();
    assert_eq!(later(&house, Millis::days(11), NOTICES, "ouvert ce d").await, 0);
    let agent = new_account(&house, "rennes@carsat.example", &[]).await;
    let agency = new_mailbox(&house, "agence-rennes", Custody::Members, vec![agent.id]).await;
    let member = house.sign_in(MEMBER).await;
    house.app.dispatch(&member, &reference, &agency.id.into(), visitor()).await.unwrap();
    let there = "balc-agence-rennes@carsat.example";
    assert_eq!(later(&house, Millis::hours(107), there, "ouvert ce d").await, 0, "it has just come here");
    assert_eq!(later(&house, Millis::hours(1), there, "ouvert ce d").await, 1, "half of what was left");
    assert_eq!(later(&house, Millis::hours(60), there, "ouvert ce d").await, 1, "48 h before the end");
    assert_eq!(later(&house, Millis::hours(24), there, "ouvert ce d").await, 1, "24 h before");
    assert_eq!(later(&house, Millis::hours(12), there, "ouvert ce d").await, 1, "then the manager");
    assert_eq!(
        later(&house, Millis::hours(1), NOTICES, "ouvert ce d").await,
        0,
        "who opened it hears nothing"
    );
}

#[tokio::test]
async fn the_clocks_of_a_case_remind_before_and_after_and_stop_when_it_is_done() {
    let house = members_house().await;
    let (taken, left) = (house.deposit().await, house.deposit().await);
    let member = house.sign_in(MEMBER).await;
    house.app.change_case(&member, &taken, CaseChange::Take { from: None }, visitor()).await.unwrap();
    assert_eq!(later(&house, Millis::hours(36), NOTICES, left.as_str()).await, 1, "12 h before the 48");
    assert_eq!(later(&house, Millis::hours(12), NOTICES, left.as_str()).await, 1, "late");
    assert_eq!(later(&house, Millis::hours(12), NOTICES, taken.as_str()).await, 1, "12 h before the 72");
    let member = house.sign_in(MEMBER).await;
    house.app.change_case(&member, &taken, CaseChange::Treat, visitor()).await.unwrap();
    assert_eq!(later(&house, Millis::hours(12), NOTICES, taken.as_str()).await, 0, "it is treated");
}

#[tokio::test]
async fn what_stays_late_is_told_to_the_mediator_whom_the_agreement_names() {
    let house = members_house().await;
    let agent = new_account(&house, "mediateur@carsat.example", &[]).await;
    let mediator = new_mailbox(&house, "mediateur", Custody::Members, vec![agent.id]).await;
    let key = Key::Agreement((house.pensions.id, PartnerId::new([2; 16])));
    let mut agreement = Agreement::try_from(house.record(&key).await.unwrap()).unwrap();
    agreement.terms.mediator = Some(mediator.id);
    house.app.put_agreement(agreement, Origin::Cli).await.unwrap();
    let reference = house.deposit().await;
    let to = "balc-mediateur@carsat.example";
    assert_eq!(later(&house, Millis::hours(95), to, reference.as_str()).await, 0);
    assert_eq!(later(&house, Millis::hours(1), to, reference.as_str()).await, 1);
    assert_eq!(later(&house, Millis::hours(1), to, reference.as_str()).await, 0);
    assert!(log(&house).await.iter().any(|event| event.action == Action::TransferEscalated));
}

#[tokio::test]
async fn after_a_long_stop_only_the_last_reminder_of_a_kind_leaves() {
    let house = members_house().await;
    let reference = house.deposit().await;
    let member = house.sign_in(MEMBER).await;
    let transfer: Transfer = house.app.envelope(Some(&member), &reference, visitor()).await.unwrap().transfer;
    let policies = house.app.policies.load();
    let mut late = transfer.clone();
    let told = late.take_reminders(&policies.reminders, transfer.expires_at - Millis::hours(1));
    assert_eq!(told.len(), 5, "one of each ladder: {told:?}");
    assert!(late.case.next_look_at.is_none());
    let mut answered = transfer;
    let answer = Answer { at: answered.received_at, by: member.account.id, how: AnswerWay::Telephone };
    answered.case = std::mem::take(&mut answered.case).answer(answer).unwrap();
    answered.opened_in = vec![answered.mailbox];
    assert!(answered.reminders(&policies.reminders).is_empty(), "nothing is left to be told");
}
