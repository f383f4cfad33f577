//! What the gateway does by itself: ends what is over, delivers mails, signs and verifies the log. Loops over use
//! cases, with the shutdown token; what is to be done is decided there. [`Work`] is the same by hand, for who moves the
//! demonstration's clock.

mod delivery;
mod rhythm;
mod timer;

use std::sync::Arc;
use std::time::Duration;

use futures_util::future::BoxFuture;
use tokio::sync::Mutex;
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

use crate::app::{App, AppError, QueueState, Upkeep};
use crate::audit::Verdict;
use rhythm::{Rhythm, Wake};
pub use timer::{SystemTimer, Timer};

/// How often time's work is looked at: a transfer's grants go within a minute of its end (invariant 5).
const UPKEEP_EVERY: Duration = Duration::from_secs(10);
/// How often the log is signed.
const CHECKPOINT_EVERY: Duration = Duration::from_mins(1);
/// How long deposits are gathered before the log is signed for their receipts: within five seconds in all.
const RECEIPTS_GATHER: Duration = Duration::from_secs(2);
/// How often the officer's alerts are looked for.
const ALERTS_EVERY: Duration = Duration::from_secs(30);
/// How often the mails that wait are counted.
const COUNT_QUEUE_EVERY: Duration = Duration::from_mins(1);
/// How often the whole log is verified.
const VERIFY_EVERY: Duration = Duration::from_mins(10);
/// How often it is looked for notices that wait too long.
const SILENCES_EVERY: Duration = Duration::from_mins(1);
/// How often mailboxes are looked at of which nothing was heard for long.
const HEARTBEATS_EVERY: Duration = Duration::from_hours(1);
/// How often the DNS is asked whether the record of a new mail signing key has appeared.
const MAIL_KEYS_EVERY: Duration = Duration::from_mins(15);
/// How often the log is looked at for what is older than its retention.
const PRUNE_EVERY: Duration = Duration::from_hours(1);
/// Mails are looked at this often even when nobody says that one waits.
const DELIVERY_AT_LEAST_EVERY: Duration = Duration::from_mins(1);
/// How often held deposits are looked at; each of them less often while it waits in vain.
const HELD_EVERY: Duration = Duration::from_secs(10);
/// How long a delivery under way may still take when the gateway stops; cut off, the mail is delivered again.
const DELIVERY_GRACE: Duration = Duration::from_secs(10);

/// The work, each kind of it done by one at a time.
pub struct Work {
    app: Arc<App>,
    timer: Arc<dyn Timer>,
    upkeep: Mutex<ClockSeen>,
    delivery: Mutex<()>,
    held: Mutex<()>,
}

/// What the last upkeep saw of the clock.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum ClockSeen {
    Believed,
    Jumped,
}

impl Work {
    /// The work of a gateway.
    pub fn new(app: Arc<App>) -> Self {
        Self::with_timer(app, Arc::new(SystemTimer))
    }

    /// The same, waiting by this timer.
    pub fn with_timer(app: Arc<App>, timer: Arc<dyn Timer>) -> Self {
        Self {
            app,
            timer,
            upkeep: Mutex::new(ClockSeen::Believed),
            delivery: Mutex::new(()),
            held: Mutex::new(()),
        }
    }

    /// Does what time asks for. A jump of the clock is noted once, when it begins.
    pub async fn upkeep(&self) -> Result<Upkeep, AppError> {
        let mut seen = self.upkeep.lock().await;
        let done = self.app.upkeep().await?;
        metrics::gauge!("pli_clock_believed").set(if done.clock_not_believed { 0.0 } else { 1.0 });
        metrics::counter!("pli_transfers_expired_total").increment(done.transfers_expired as u64);
        metrics::counter!("pli_keys_destroyed_total").increment(done.keys_destroyed as u64);
        match (*seen, done.clock_not_believed) {
            (ClockSeen::Believed, true) => {
                tracing::error!("clock.not_believed: access is closed; look at it, then `pli clock confirm`");
                self.app.note_clock_jump(self.app.now().at).await?;
                *seen = ClockSeen::Jumped;
            }
            (ClockSeen::Jumped, false) => {
                tracing::info!("clock.believed");
                *seen = ClockSeen::Believed;
            }
            _ => {}
        }
        Ok(done)
    }

    /// Tries every mail that is due. Returns how long until the next one is, if any waits.
    pub async fn deliver(&self) -> Result<Option<Duration>, AppError> {
        let _alone = self.delivery.lock().await;
        loop {
            let (tried, next) = self.app.deliver_due_mails().await?;
            metrics::counter!("pli_mail_tries_total").increment(tried as u64);
            if tried == 0 {
                let wait = next.map(|due| self.app.now().at.until(due).0.max(0));
                return Ok(wait.map(|millis| Duration::from_millis(millis.unsigned_abs())));
            }
        }
    }

    /// Counts what waits to leave.
    pub async fn count_queue(&self) -> Result<(), AppError> {
        let depth = self.app.queue_depth().await?;
        for (state, count) in QueueState::ALL.into_iter().zip(depth.counts) {
            metrics::gauge!("pli_mail_queue", "state" => state.as_str()).set(count as f64);
        }
        let age = depth.oldest.map_or(0, |oldest| oldest.until(self.app.now().at).0.max(0));
        metrics::gauge!("pli_mail_queue_oldest_seconds").set(age as f64 / 1000.0);
        metrics::gauge!("pli_mail_destinations_in_trouble").set(depth.destinations_in_trouble as f64);
        Ok(())
    }

    /// Looks at what is held, and how the scanner is.
    pub async fn held(&self) -> Result<(), AppError> {
        let _alone = self.held.lock().await;
        if let Some(health) = self.app.scanner_health().await {
            metrics::gauge!("pli_scanner_fit").set(if health.unfit.is_none() { 1.0 } else { 0.0 });
            let signed_at = health.state.and_then(|state| state.signed_at);
            if let Some(signed_at) = signed_at {
                let age = signed_at.until(self.app.now().at).0;
                metrics::gauge!("pli_scanner_signatures_age_seconds").set(age as f64 / 1000.0);
            }
        }
        let run = self.app.look_at_held().await?;
        metrics::gauge!("pli_deposits_held").set(self.app.held_deposits().await? as f64);
        metrics::counter!("pli_held_ended_total", "outcome" => "released").increment(run.released as u64);
        metrics::counter!("pli_held_ended_total", "outcome" => "given_up").increment(run.ended as u64);
        if run.ended > 0 {
            tracing::error!(deposits = run.ended, "held.given_up: deposits ended without a scan");
        }
        Ok(())
    }

    /// Signs the log as it is, and proves the receipts that waited for it.
    pub async fn checkpoint(&self) -> Result<(), AppError> {
        if let Some(checkpoint) = self.app.sign_checkpoint().await? {
            metrics::gauge!("pli_log_signed_entries").set(checkpoint.size as f64);
        }
        self.app.prove_receipts().await?;
        Ok(())
    }

    /// Prunes the log; while the clock is not believed nothing is old.
    pub async fn prune(&self) -> Result<(), AppError> {
        match self.app.prune_log().await {
            Ok(pruned) => metrics::counter!("pli_log_pruned_total").increment(pruned.payloads),
            Err(AppError::ClockNotBelieved) => {}
            Err(error) => return Err(error),
        }
        Ok(())
    }

    /// Verifies the whole log. What is not well is the security officer's to see; the operator is told that it is.
    pub async fn verify(&self) -> Result<(), AppError> {
        let verdict = self.app.verify_log().await?;
        let well = matches!(verdict, Verdict::Well(_));
        metrics::gauge!("pli_log_verified").set(if well { 1.0 } else { 0.0 });
        if !well {
            tracing::error!(%verdict, "log.not_verified");
        }
        Ok(())
    }
}

/// Starts the loops; they end after `shutdown`.
pub fn start(work: &Arc<Work>, shutdown: &CancellationToken) -> JoinSet<()> {
    let mut loops = JoinSet::new();
    let mut add = |name, every, job: fn(Arc<Work>) -> Job| {
        loops.spawn(repeat(Arc::clone(work), shutdown.clone(), name, every, job));
    };
    add("upkeep", UPKEEP_EVERY, |work| Box::pin(async move { work.upkeep().await.map(drop) }));
    add("checkpoint", CHECKPOINT_EVERY, |work| Box::pin(async move { work.checkpoint().await }));
    add("queue", COUNT_QUEUE_EVERY, |work| Box::pin(async move { work.count_queue().await }));
    add("alerts", ALERTS_EVERY, |work| Box::pin(async move { work.app.watch().await.map(drop) }));
    add("verify", VERIFY_EVERY, |work| Box::pin(async move { work.verify().await }));
    add("heartbeats", HEARTBEATS_EVERY, |work| {
        Box::pin(async move { work.app.ask_silent_mailboxes().await.map(drop) })
    });
    add("silences", SILENCES_EVERY, |work| {
        Box::pin(async move { work.app.tell_of_silences().await.map(drop) })
    });
    add("mail-keys", MAIL_KEYS_EVERY, |work| {
        Box::pin(async move { work.app.look_for_dkim_records().await.map(drop) })
    });
    add("prune", PRUNE_EVERY, |work| Box::pin(async move { work.prune().await }));
    loops.spawn(delivery::deliver(Arc::clone(work), shutdown.clone()));
    loops.spawn(receipts(Arc::clone(work), shutdown.clone()));
    loops.spawn(look_at_held(Arc::clone(work), shutdown.clone()));
    loops
}

/// One run of a job.
type Job = BoxFuture<'static, Result<(), AppError>>;

/// Does one kind of work at the start and then at an interval, more slowly while it fails.
async fn repeat(
    work: Arc<Work>,
    shutdown: CancellationToken,
    name: &'static str,
    every: Duration,
    job: fn(Arc<Work>) -> Job,
) {
    let mut rhythm = Rhythm::new(name, every);
    loop {
        let outcome = job(Arc::clone(&work)).await;
        let wait = rhythm.after(outcome.as_ref().err());
        if Wake::after(wait, &*work.timer, &shutdown).await == Wake::Stop {
            return;
        }
    }
}

/// Signs the log soon after a deposit, so that its acknowledgement leaves with its proof.
async fn receipts(work: Arc<Work>, shutdown: CancellationToken) {
    let mut rhythm = Rhythm::new("receipts", RECEIPTS_GATHER);
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            () = work.app.receipt_waits() => {}
        }
        if Wake::after(RECEIPTS_GATHER, &*work.timer, &shutdown).await == Wake::Stop {
            return;
        }
        // When it fails, the checkpoint of the minute proves what waits; acknowledgements do not wait for it.
        let outcome = work.checkpoint().await;
        rhythm.after(outcome.as_ref().err());
    }
}

/// Looks at held deposits at once when one is held, and again and again.
async fn look_at_held(work: Arc<Work>, shutdown: CancellationToken) {
    let mut rhythm = Rhythm::new("held", HELD_EVERY);
    loop {
        let outcome = tokio::select! {
            outcome = work.held() => outcome,
            () = grace_over(&*work.timer, &shutdown) => return,
        };
        let wait = match &outcome {
            Err(AppError::ClockNotBelieved) => UPKEEP_EVERY,
            outcome => rhythm.after(outcome.as_ref().err()),
        };
        tokio::select! {
            woken = Wake::after(wait, &*work.timer, &shutdown) => if woken == Wake::Stop { return },
            () = work.app.deposit_is_held(), if outcome.is_ok() => {}
        }
    }
}

async fn grace_over(timer: &dyn Timer, shutdown: &CancellationToken) {
    shutdown.cancelled().await;
    timer.sleep(DELIVERY_GRACE).await;
}
