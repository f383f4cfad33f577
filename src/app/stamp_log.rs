//! Has a checkpoint stamped by an outside authority now and then (RFC 3161), and keeps what it answered once that
//! verifies. Nothing waits for the authority; its silence is there to be seen.
//!
//! What a timestamp is, is `audit::timestamp`; how the authority is reached is the port [`TimestampDoor`].

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::audit_settings::Timestamping;
use super::keep_log::own_part;
use super::ports::{Key, List, StampedCheckpoint, TimestampState, TimestampTrouble, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{
    Action, Actor, Detail, FailureReason, Object, Origin, Outcome, TimestampError, TimestampRequest,
};
use crate::value::{Millis, Timestamp};

/// How long an authority that failed is left alone.
const ASKED_AGAIN_AFTER: Millis = Millis::minutes(5);
/// Timestamps that are kept: one an hour for three years.
pub(super) const TIMESTAMPS_MAX: usize = 27_000;

/// The authority gave no answer. Tried again later.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum TimestampDoorError {
    /// It does not answer, or not in time.
    #[error("the timestamp authority does not answer")]
    Unreachable,
    /// It answers with something other than a timestamp.
    #[error("the timestamp authority refuses with status {status}")]
    Refused {
        /// The HTTP status of its answer.
        status: u16,
    },
}

/// The way to a timestamp authority (RFC 3161 section 3.4). One try, bounded in time and bytes.
#[async_trait]
pub trait TimestampDoor: Send + Sync {
    /// Sends a request; the answer is not judged.
    async fn stamp(&self, url: &str, request: Vec<u8>) -> Result<Vec<u8>, TimestampDoorError>;
}

/// The timestamp authority as the officer sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct TimestampView {
    /// Entries under the last checkpoint that it stamped, and when.
    pub stamped: Option<(u64, Timestamp)>,
    /// What keeps it from stamping, and since when.
    pub trouble: Option<(TimestampTrouble, Timestamp)>,
}

impl App {
    /// Has the newest checkpoint stamped if it is time. Says whether it was.
    pub async fn stamp_checkpoint(&self, door: &dyn TimestampDoor) -> Result<bool, AppError> {
        let Some(settings) = &self.settings.audit.timestamps else { return Ok(false) };
        let Some(checkpoint) = self.newest_checkpoint().await? else { return Ok(false) };
        let (before, version) = self.timestamp_state().await?;
        let now = self.now();
        let is_new = before.stamped.is_none_or(|(size, _)| size != checkpoint.size);
        // A clock that is not believed says nothing of what is due.
        if !now.believed || !is_new || !is_due(&before, settings, now.at) {
            return Ok(false);
        }
        let note = own_part(&checkpoint.note)?;
        let request = TimestampRequest::new(note.as_bytes(), self.random.bytes());
        let answered = ask(door, settings, &request).await;
        let mut unit = UnitOfWork::default();
        let mut state = TimestampState { asked_at: Some(now.at), ..before.clone() };
        let outcome = match &answered {
            Ok((answer, stamped_at)) => {
                let (size, answer) = (checkpoint.size, BASE64.encode(answer));
                unit.put(StampedCheckpoint { size, note, answer, stamped_at: *stamped_at });
                (state.stamped, state.trouble, state.trouble_since) = (Some((size, now.at)), None, None);
                Outcome::Done
            }
            Err(trouble) => {
                state.trouble_since = before.trouble_since.or(Some(now.at));
                state.trouble = Some(*trouble);
                Outcome::Failed(reason(*trouble))
            }
        };
        // A trouble is told when it begins or changes.
        if answered.is_ok() || before.trouble != state.trouble {
            let told =
                event(now.at, Actor::System, Action::CheckpointStamped, Object::Log, outcome, Origin::Job);
            self.log(&mut unit, told.with(Detail::Before(checkpoint.size)))?;
        }
        match version {
            0 => unit.expect_absent(Key::TimestampState(())),
            version => unit.expect_unchanged(Key::TimestampState(()), version),
        }
        unit.put(state);
        self.store.commit(unit).await?;
        Ok(answered.is_ok())
    }

    /// How the authority of the configuration fares; none when there is none.
    pub async fn timestamp_view(&self) -> Result<Option<TimestampView>, AppError> {
        if self.settings.audit.timestamps.is_none() {
            return Ok(None);
        }
        let (state, _) = self.timestamp_state().await?;
        Ok(Some(TimestampView { stamped: state.stamped, trouble: state.trouble.zip(state.trouble_since) }))
    }

    /// The timestamps that are kept, newest first.
    pub async fn timestamps(&self, most: usize) -> Result<Vec<StampedCheckpoint>, AppError> {
        let found: Vec<(StampedCheckpoint, u64)> =
            self.read_list(&List::Timestamps, most.min(TIMESTAMPS_MAX)).await?;
        Ok(found.into_iter().map(|(stamped, _)| stamped).collect())
    }

    /// The checkpoint of this size, if it was stamped.
    pub(super) async fn timestamp_of(&self, size: u64) -> Result<Option<StampedCheckpoint>, AppError> {
        Ok(self.read(&Key::StampedCheckpoint(size)).await?.map(|(stamped, _)| stamped))
    }

    async fn timestamp_state(&self) -> Result<(TimestampState, u64), AppError> {
        Ok(self.read(&Key::TimestampState(())).await?.unwrap_or_default())
    }
}

impl StampedCheckpoint {
    /// The authority's answer in DER, as `openssl ts -verify -in` reads it.
    pub fn answer_der(&self) -> Result<Vec<u8>, AppError> {
        BASE64.decode(&self.answer).map_err(|_| AppError::Broken("stored timestamp"))
    }
}

fn is_due(state: &TimestampState, settings: &Timestamping, now: Timestamp) -> bool {
    // One that is in the future was written by a clock that was set back since.
    let is_over = |since: Timestamp, span| since > now || now >= since + span;
    let rested = state.trouble.is_none() || state.asked_at.is_none_or(|at| is_over(at, ASKED_AGAIN_AFTER));
    rested && state.stamped.is_none_or(|(_, at)| is_over(at, settings.every))
}

async fn ask(
    door: &dyn TimestampDoor,
    settings: &Timestamping,
    request: &TimestampRequest,
) -> Result<(Vec<u8>, Timestamp), TimestampTrouble> {
    let answer = door.stamp(&settings.url, request.to_der()).await.map_err(|error| {
        tracing::warn!(%error, "timestamp.no_answer");
        match error {
            TimestampDoorError::Unreachable => TimestampTrouble::Unreachable,
            TimestampDoorError::Refused { .. } => TimestampTrouble::Refused,
        }
    })?;
    let stamped_at = settings.authority.answered(&answer, request).map_err(|error| {
        tracing::warn!(%error, "timestamp.not_accepted");
        match error {
            TimestampError::Refused { .. } => TimestampTrouble::Refused,
            _ => TimestampTrouble::NotVerified,
        }
    })?;
    Ok((answer, stamped_at))
}

const fn reason(trouble: TimestampTrouble) -> FailureReason {
    match trouble {
        TimestampTrouble::Unreachable => FailureReason::Connection,
        TimestampTrouble::Refused => FailureReason::PeerPermanent,
        TimestampTrouble::NotVerified => FailureReason::TimestampNotVerified,
    }
}
