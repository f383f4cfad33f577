//! What time it is, as far as it may be believed.

use std::sync::PoisonError;

use super::ports::UnitOfWork;
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome};
use crate::retention::ClockVerdict;
use crate::value::{Millis, Timestamp};

/// The time, and whether it is believed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Now {
    /// The time; when the clock is not believed, the one that it shows.
    pub at: Timestamp,
    /// Whether decisions that open or destroy may rest on it.
    pub believed: bool,
}

impl App {
    /// The time now, judged.
    pub fn now(&self) -> Now {
        let raw = self.clock.read();
        let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
        match guard.observe(&raw) {
            ClockVerdict::Believed(at) => Now { at, believed: true },
            ClockVerdict::Jumped { shown, .. } => Now { at: shown, believed: false },
        }
    }

    /// The time now, for what must not be decided on a clock that jumped.
    pub(crate) fn believed_now(&self) -> Result<Timestamp, AppError> {
        if self.is_closed() {
            return Err(AppError::ClosedAfterRestore);
        }
        let now = self.now();
        if now.believed { Ok(now.at) } else { Err(AppError::ClockNotBelieved) }
    }

    /// An operator says that the wall clock is right; in the demo, whoever moved its clock by `moved`. The intention is
    /// in the log before the clock is believed: keys may be destroyed by it.
    pub async fn confirm_clock(&self, origin: Origin, moved: Option<Millis>) -> Result<Timestamp, AppError> {
        let action = if moved.is_some() { Action::ClockMoved } else { Action::ClockConfirmed };
        let told = |outcome| {
            let confirmed =
                event(self.clock.read().wall, Actor::Operator, action, Object::None, outcome, origin);
            moved.map_or(confirmed, |by| confirmed.with(Detail::Millis(by)))
        };
        self.log_alone(told(Outcome::Intended)).await?;
        let at = self.believe_clock().await?;
        self.log_alone(told(Outcome::Done)).await?;
        Ok(at)
    }

    async fn believe_clock(&self) -> Result<Timestamp, AppError> {
        let raw = self.clock.read();
        let anchor = {
            let mut guard = self.guard.lock().unwrap_or_else(PoisonError::into_inner);
            guard.confirm(&raw);
            guard.anchor().cloned()
        };
        if let Some(anchor) = anchor {
            self.with_keyring(move |keyring| keyring.set_clock_anchor(&anchor)).await?;
        }
        Ok(raw.wall)
    }

    /// Writes the clock's anchor down, so that a restart is held to it.
    pub(crate) async fn save_clock_anchor(&self) -> Result<(), AppError> {
        let anchor = self.guard.lock().unwrap_or_else(PoisonError::into_inner).anchor().cloned();
        let Some(anchor) = anchor else { return Ok(()) };
        self.with_keyring(move |keyring| keyring.set_clock_anchor(&anchor)).await
    }

    /// Logs that the clock jumped.
    pub(crate) fn log_clock_jump(&self, unit: &mut UnitOfWork, shown: Timestamp) -> Result<(), AppError> {
        let outcome = Outcome::Failed(FailureReason::Clock);
        self.log(unit, event(shown, Actor::System, Action::ClockJumped, Object::None, outcome, Origin::Job))
    }
}
