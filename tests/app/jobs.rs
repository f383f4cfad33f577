//! The gateway's own work, by hand: what it does once, and what it does not do on a clock that jumped.

use std::sync::Arc;
use std::time::Duration;

use pli::audit::{Action, Origin};
use pli::jobs::{Work, start};
use pli::relay::queue::DeliveryProblem;
use pli::value::Millis;
use tokio_util::sync::CancellationToken;

use crate::house::{DEPOSITOR, House, NOW};

async fn count(house: &House, action: Action) -> usize {
    house.events().await.into_iter().filter(|event| *event == action).count()
}

#[tokio::test]
async fn a_jump_of_the_clock_is_logged_once_and_destroys_nothing_until_it_is_confirmed() {
    let house = House::build().await;
    let work = Work::new(Arc::clone(&house.app));
    house.deposit().await;
    work.upkeep().await.unwrap();
    house.clock.jump_to(NOW + Millis::days(3650));
    for _ in 0..3 {
        assert!(work.upkeep().await.unwrap().clock_not_believed);
    }
    assert_eq!(count(&house, Action::ClockJumped).await, 1);
    assert_eq!(house.transfers().await, 1);
    assert_eq!(count(&house, Action::DayKeyDestroyed).await, 0);

    house.app.confirm_clock(Origin::Cli, None).await.unwrap();
    assert_eq!(work.upkeep().await.unwrap().transfers_expired, 1);
    house.clock.jump_to(NOW);
    assert!(work.upkeep().await.unwrap().clock_not_believed);
    assert_eq!(count(&house, Action::ClockJumped).await, 2, "another jump is another event");
}

#[tokio::test]
async fn a_mail_that_is_not_taken_waits_and_goes_out_when_it_is_due() {
    let house = House::build().await;
    let work = Work::new(Arc::clone(&house.app));
    house.deposit().await;
    work.checkpoint().await.unwrap();
    *house.outbox.problem.lock().unwrap() = Some(DeliveryProblem::Unreachable);
    let wait = work.deliver().await.unwrap().expect("a mail waits");
    assert!(wait >= Duration::from_mins(1) && wait <= Duration::from_secs(75), "{wait:?}");
    assert_eq!(work.deliver().await.unwrap(), Some(wait), "not tried before it is due");
    *house.outbox.problem.lock().unwrap() = None;
    house.clock.advance(Millis::minutes(2));
    assert_eq!(work.deliver().await.unwrap(), None, "nothing waits any more");
    assert_eq!(house.mails_to(DEPOSITOR).await.len(), 2, "the link and the acknowledgement");
}

#[tokio::test]
async fn a_mail_is_delivered_as_soon_as_it_is_queued_and_the_loops_end_when_told() {
    let house = House::build().await;
    let work = Arc::new(Work::new(Arc::clone(&house.app)));
    let stop = CancellationToken::new();
    let mut loops = start(&work, &stop);
    house.deposit().await;
    let delivered = async {
        while count(&house, Action::MailSent).await < 3 {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(Duration::from_secs(50), delivered)
        .await
        .expect("sooner than the loop looks by itself");
    stop.cancel();
    while let Some(ended) = loops.join_next().await {
        ended.unwrap();
    }
}
