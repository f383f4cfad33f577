//! `pli witness`: a second Pli that watches other logs (C2SP tlog-witness). It answers `POST /add-checkpoint`, keeps the
//! last checkpoint of each log, and cosigns only what leads on from there. It needs no gateway and has no content.
//!
//! Plain HTTP: what passes is signed and public; a proxy does TLS where it is wanted.

use std::path::Path;
use std::sync::Arc;

use axum::Router;
use axum::extract::{DefaultBodyLimit, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use axum::routing::{get, post};
use thiserror::Error;
use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::Mutex;

use super::listeners::{BindError, Bound};
use crate::app::ports::Clock;
use crate::audit::{
    Checkpoint, Cosigner, Note, NoteKey, SUBMISSION_MAX_BYTES, Seen, Submission, WitnessRefusal,
    claimed_origin, judge,
};
use crate::store::{SystemClock, WitnessFiles, WitnessFilesError};

/// Why a witness does not run. The operator must act.
#[derive(Debug, Error)]
pub enum WitnessError {
    /// Its files.
    #[error(transparent)]
    Files(#[from] WitnessFilesError),
    /// Its address.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The listener or the signals.
    #[error("{0}")]
    Io(#[from] std::io::Error),
}

/// A witness that runs.
struct Witness {
    /// One submission at a time: what was seen last must not change between judging and keeping.
    files: Mutex<WitnessFiles>,
    cosigner: Cosigner,
    logs: Vec<NoteKey>,
    clock: SystemClock,
}

/// Answers until SIGTERM or SIGINT; `ready` is called with the address once it does.
pub async fn run_witness(
    directory: &Path,
    bound: Bound,
    ready: impl FnOnce(&str),
) -> Result<(), WitnessError> {
    let (files, cosigner, logs) = WitnessFiles::open(directory)?;
    let files = Mutex::new(files);
    let router = router(Arc::new(Witness { files, cosigner, logs, clock: SystemClock::new(None) }));
    let (mut terminate, mut interrupt) = (signal(SignalKind::terminate())?, signal(SignalKind::interrupt())?);
    let mut serving = tokio::task::JoinSet::new();
    for listener in bound.listeners {
        let router = router.clone();
        serving.spawn(async move { axum::serve(listener, router).await });
    }
    ready(&bound.address);
    tokio::select! {
        _ = terminate.recv() => {}
        _ = interrupt.recv() => {}
        _ = serving.join_next() => {}
    }
    Ok(())
}

fn router(witness: Arc<Witness>) -> Router {
    Router::new()
        .route("/add-checkpoint", post(add_checkpoint))
        .route("/health", get(|| async { "ok\n" }))
        .layer(DefaultBodyLimit::max(SUBMISSION_MAX_BYTES))
        .with_state(witness)
}

async fn add_checkpoint(State(witness): State<Arc<Witness>>, body: String) -> Response {
    match witness.cosign(&body).await {
        Ok(Ok(line)) => line.into_response(),
        Ok(Err(refusal)) => {
            tracing::warn!(%refusal, "witness.refused");
            let status = StatusCode::from_u16(refusal.status()).unwrap_or(StatusCode::BAD_REQUEST);
            match refusal {
                WitnessRefusal::Conflict { size } => {
                    (status, [(header::CONTENT_TYPE, "text/x.tlog.size")], format!("{size}\n"))
                        .into_response()
                }
                _ => (status, format!("{refusal}\n")).into_response(),
            }
        }
        Err(error) => {
            tracing::error!(%error, "witness.failed");
            StatusCode::SERVICE_UNAVAILABLE.into_response()
        }
    }
}

impl Witness {
    async fn cosign(&self, body: &str) -> Result<Result<String, WitnessRefusal>, WitnessFilesError> {
        let files = self.files.lock().await;
        let judged = Submission::parse(body).and_then(|submission| {
            let origin = claimed_origin(&submission.note).to_owned();
            let log = self.logs.iter().find(|log| log.name() == origin).ok_or(WitnessRefusal::UnknownLog)?;
            Ok((submission, log))
        });
        let (submission, log) = match judged {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err(refusal)),
        };
        let seen = match files.last(log)? {
            None => None,
            Some(note) => {
                let checkpoint = Checkpoint::open(&note, log).map_err(|_| WitnessFilesError::Key)?;
                Some(Seen { size: checkpoint.size, root: checkpoint.root })
            }
        };
        if let Err(refusal) = judge(&submission, log, seen) {
            return Ok(Err(refusal));
        }
        let note = Note::parse(&submission.note)?;
        let line = self.cosigner.cosign(&note, self.clock.read().wall)?;
        files.keep(log, &submission.note)?;
        Ok(Ok(line.to_string()))
    }
}
