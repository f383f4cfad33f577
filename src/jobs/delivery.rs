//! Delivers when a mail waits, when one is due again, and now and then in any case. A host that is slow keeps its own mails
//! waiting and nobody else's: whatever ends makes room for what is due.

use std::sync::Arc;
use std::time::Duration;

use futures_util::stream::FuturesUnordered;
use futures_util::{FutureExt, StreamExt};
use tokio::time::Instant;
use tokio_util::sync::CancellationToken;

use super::rhythm::Rhythm;
use super::{DELIVERY_AT_LEAST_EVERY, UPKEEP_EVERY, Work, grace_over};
use crate::app::{App, AppError, DueMails};

/// The loop; it ends after `shutdown`, what is under way given a grace.
pub(super) async fn deliver(work: Arc<Work>, shutdown: CancellationToken) {
    let mut rhythm = Rhythm::new("delivery", DELIVERY_AT_LEAST_EVERY);
    let (app, mut under_way) = (&*work.app, FuturesUnordered::new());
    let grace_over = grace_over(&*work.timer, &shutdown);
    tokio::pin!(grace_over);
    // While outcomes cannot be noted nothing sets out: it would be delivered again and again.
    let mut paused_until = Instant::now();
    loop {
        let paused = paused_until.saturating_duration_since(Instant::now());
        let looks = paused.is_zero() && !shutdown.is_cancelled();
        let wait = match if looks { app.due_mails().await } else { Ok(DueMails::default()) } {
            Ok(_) if !looks => paused.max(Duration::from_millis(1)),
            Ok(due) => {
                metrics::counter!("pli_mail_tries_total").increment(due.set_out.len() as u64);
                let wait =
                    due.next.map_or(rhythm.after(None), |next| until(app, next).min(rhythm.after(None)));
                under_way.extend(due.set_out.into_iter().map(|mail| app.deliver(mail)));
                wait
            }
            // Upkeep tells of it, once; as soon as the clock is believed again, mails leave.
            Err(AppError::ClockNotBelieved | AppError::ClosedAfterRestore) => UPKEEP_EVERY,
            Err(error) => rhythm.after(Some(&error)),
        };
        if shutdown.is_cancelled() && under_way.is_empty() {
            return;
        }
        let ended = tokio::select! {
            ended = under_way.next(), if !under_way.is_empty() => ended,
            () = tokio::time::sleep(wait), if looks || !paused.is_zero() => None,
            () = app.mail_waits(), if looks => None,
            () = shutdown.cancelled(), if !shutdown.is_cancelled() => None,
            () = &mut grace_over => return,
        };
        // Those that ended together, as by one commit, make room for one look at the queue.
        let others = std::iter::from_fn(|| under_way.next().now_or_never().flatten());
        for error in ended.into_iter().chain(others).filter_map(Result::err) {
            paused_until = Instant::now() + rhythm.after(Some(&error));
        }
    }
}

fn until(app: &App, at: crate::value::Timestamp) -> Duration {
    Duration::from_millis(app.now().at.until(at).0.max(0).unsigned_abs())
}
