//! Verification of the whole log when the officer asks for it: it runs beside everything else, and the page tells how
//! it ended.

use std::sync::Arc;
use std::sync::atomic::Ordering;

use crate::app::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};

impl App {
    /// Begins a verification, unless one is under way. `false` when the person is no security officer.
    pub async fn ask_verification(
        self: &Arc<Self>,
        signed: &Signed,
        visitor: Visitor,
    ) -> Result<bool, AppError> {
        let is_officer = signed.account.reads_log();
        let outcome =
            if is_officer { Outcome::Intended } else { Outcome::Refused(RefusalReason::NotEntitled) };
        let actor = Actor::Person(signed.account.person);
        self.log_alone(event(self.now().at, actor, Action::LogVerified, Object::Log, outcome, visitor.web()))
            .await?;
        if is_officer && !self.verifying.swap(true, Ordering::AcqRel) {
            let app = Arc::clone(self);
            tokio::spawn(async move {
                if let Err(error) = app.verify_log().await {
                    tracing::error!(error = error.chain(), "log.verification_failed");
                }
                app.verifying.store(false, Ordering::Release);
            });
        }
        Ok(is_officer)
    }

    /// Whether a verification that the officer asked for is under way.
    pub fn is_verifying(&self) -> bool {
        self.verifying.load(Ordering::Acquire)
    }
}
