//! Figures for Prometheus, on a listener of their own that is not reachable from outside.

use axum::Router;
use axum::routing::get;
use metrics_exporter_prometheus::PrometheusBuilder;
use thiserror::Error;
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

/// Why figures are not kept. The operator must act.
#[derive(Debug, Error)]
#[error("[metrics] figures cannot be kept: {0}")]
pub struct MetricsError(#[from] metrics_exporter_prometheus::BuildError);

/// What each figure says. No address, title or name is ever in one.
const GAUGES: [(&str, &str); 15] = [
    (
        "pli_self_check_clear",
        "1 when the last daily self-check found its marker nowhere in clear; 0: look at once.",
    ),
    ("pli_log_forward_backlog", "Entries of the log that a receiver has not confirmed, by receiver."),
    (
        "pli_witnesses_in_trouble",
        "Witnesses that have not cosigned the newest checkpoint that they were shown.",
    ),
    ("pli_timestamps_failing", "1 while the timestamp authority does not stamp checkpoints."),
    ("pli_scanner_fit", "1 while the scanner can judge files; 0: deposits are held."),
    ("pli_scanner_signatures_age_seconds", "Age of the scanner's signatures, where it tells their date."),
    ("pli_deposits_held", "Deposits that still wait after the last look at them."),
    (
        "pli_mail_queue",
        "Mails that wait to leave, by state: waiting, delayed, held, suspended. The 5,000 oldest are counted.",
    ),
    ("pli_mail_queue_oldest_seconds", "Age of the oldest mail that waits; 0 when none does."),
    (
        "pli_mail_destinations_in_trouble",
        "Destinations that take no mail at present and are probed now and then.",
    ),
    ("pli_clock_believed", "1 while the clock is believed; 0: access is closed until `pli clock confirm`."),
    ("pli_log_verified", "1 when the whole log verified at the last look, every ten minutes; 0: it did not."),
    ("pli_log_signed_entries", "Entries of the log under the newest signed checkpoint."),
    (
        "pli_unlocked_keys",
        "Sessions whose personal key is open, in memory only: 4096 at most, some 600 bytes each.",
    ),
    ("pli_job_failing", "1 while a job fails and is tried again, by job."),
];
const COUNTERS: [(&str, &str); 9] = [
    ("pli_log_pruned_total", "Entries of the log that lost their payload at the end of its retention."),
    ("pli_files_inspected_total", "Files that were judged, by verdict."),
    ("pli_held_ended_total", "Held deposits that came to their end, by outcome."),
    ("pli_mails_in_total", "Mails that came in to their end, by outcome."),
    ("pli_recipients_refused_total", "Recipients refused at RCPT, by whether there was room to log it."),
    ("pli_mails_out_total", "Tries to hand a mail to the next host, by outcome: accepted, or why not."),
    ("pli_mail_tries_total", "Tries to hand a mail to the next host."),
    ("pli_transfers_expired_total", "Transfers that ended by their time."),
    ("pli_keys_destroyed_total", "Day keys that were destroyed."),
];

/// Keeps figures from now on, and makes the route that shows them.
pub fn start() -> Result<Router, MetricsError> {
    let figures = PrometheusBuilder::new().install_recorder()?;
    for (name, told) in GAUGES {
        metrics::describe_gauge!(name, told);
    }
    for (name, told) in COUNTERS {
        metrics::describe_counter!(name, told);
    }
    Ok(Router::new().route(
        "/metrics",
        get(move || async move {
            figures.run_upkeep();
            figures.render()
        }),
    ))
}

/// Serves them until `shutdown`.
pub async fn serve(listener: TcpListener, router: Router, shutdown: CancellationToken) {
    let served = axum::serve(listener, router).with_graceful_shutdown(shutdown.cancelled_owned()).await;
    if let Err(error) = served {
        tracing::error!(%error, "metrics.not_served");
    }
}
