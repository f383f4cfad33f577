//! What systemd is told: ready, alive, reloading, stopping (sd_notify(3)). Without systemd nothing is told to nobody.

use std::time::Duration;

use sd_notify::NotifyState;
use tokio_util::sync::CancellationToken;

/// The gateway takes work.
pub fn ready() {
    tell(&[NotifyState::Ready]);
}

/// The gateway takes no more work and ends what it has.
pub fn stopping() {
    tell(&[NotifyState::Stopping]);
}

/// Certificates and policies are read anew; [`ready`] follows.
pub fn reloading() {
    match NotifyState::monotonic_usec_now() {
        Ok(now) => tell(&[NotifyState::Reloading, now]),
        Err(error) => tracing::warn!(%error, "systemd.not_told"),
    }
}

/// Says that the gateway is alive, twice in each interval that systemd watches, until `shutdown`.
pub async fn keep_alive(shutdown: CancellationToken) {
    let Some(interval) = sd_notify::watchdog_enabled() else { return };
    let mut beats = tokio::time::interval((interval / 2).max(Duration::from_millis(1)));
    loop {
        tokio::select! {
            () = shutdown.cancelled() => return,
            _ = beats.tick() => tell(&[NotifyState::Watchdog]),
        }
    }
}

fn tell(states: &[NotifyState<'_>]) {
    if let Err(error) = sd_notify::notify(states) {
        tracing::warn!(%error, "systemd.not_told");
    }
}
