//! The gateway's own work, by hand: what it does once, and what it does not do on a clock that jumped.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures_util::future::BoxFuture;
use pli::app::ports::{List, StoredCheckpoint};
use pli::audit::{Action, Origin};
use pli::jobs::{Timer, Work, start};
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

/// A timer on which time passes when the test says so.
#[derive(Default)]
struct ManualTimer(Mutex<Waiting>);

#[derive(Default)]
struct Waiting {
    now: Duration,
    sleepers: Vec<(Duration, tokio::sync::oneshot::Sender<()>)>,
}

impl ManualTimer {
    fn advance(&self, by: Duration) {
        let mut waiting = self.0.lock().unwrap();
        waiting.now += by;
        let now = waiting.now;
        let (due, asleep) = std::mem::take(&mut waiting.sleepers).into_iter().partition(|(at, _)| *at <= now);
        waiting.sleepers = asleep;
        for (_, sleeper) in Vec::from_iter(due) {
            let _ = sleeper.send(());
        }
    }

    /// How many wait.
    fn asleep(&self) -> usize {
        self.0.lock().unwrap().sleepers.iter().filter(|(_, woken)| !woken.is_closed()).count()
    }
}

impl Timer for ManualTimer {
    fn sleep(&self, wait: Duration) -> BoxFuture<'static, ()> {
        let mut waiting = self.0.lock().unwrap();
        let (sender, woken) = tokio::sync::oneshot::channel();
        let at = waiting.now + wait;
        waiting.sleepers.push((at, sender));
        Box::pin(async move {
            let _ = woken.await;
        })
    }
}

async fn newest(house: &House) -> Option<StoredCheckpoint> {
    let found = house.app.store.list(&List::Checkpoints, 1).await.unwrap().pop()?;
    Some(StoredCheckpoint::try_from(found.record).unwrap())
}

#[tokio::test]
async fn a_checkpoint_is_signed_each_minute_while_there_are_events_and_only_then() {
    const MINUTE: Duration = Duration::from_mins(1);
    let house = House::build().await;
    let timer = Arc::new(ManualTimer::default());
    let work = Arc::new(Work::with_timer(Arc::clone(&house.app), timer.clone()));
    let stop = CancellationToken::new();
    let mut loops = start(&work, &stop);
    // Upkeep, checkpoint, the queue's count, alerts, verification, heartbeats, silences, mail keys, pruning, held deposits;
    // receipts and deliveries are waited for otherwise.
    let settled = async || {
        while timer.asleep() < 10 {
            tokio::task::yield_now().await;
        }
    };
    settled().await;
    for _ in 0..3 {
        let before = newest(&house).await.unwrap();
        house.sign_in("agent@carsat.example").await;
        let size = house.app.store.log().await.unwrap().size();
        assert!(size > before.size);
        // Nothing that is asleep wakes, so nothing can be signed.
        timer.advance(MINUTE.checked_sub(Duration::from_secs(51)).unwrap());
        house.clock.advance(Millis::minutes(1));
        assert_eq!(newest(&house).await.unwrap(), before, "not before its minute");
        timer.advance(Duration::from_secs(51));
        settled().await;
        assert!(newest(&house).await.unwrap().size >= size, "in its minute");
    }
    stop.cancel();
    timer.advance(Duration::from_hours(1));
    while let Some(ended) = loops.join_next().await {
        ended.unwrap();
    }
}
