//! Proofs of the log to hand out (S2, S3).

use askama::Template;

use super::{Frame, JournalState, LogVerdict};
use crate::value::Timestamp;
use crate::web::texts::ProofWords;

/// `GET /journal/preuves`.
#[derive(Debug, Clone, Template)]
#[template(path = "desk_proofs.html")]
pub struct ProofsPage {
    /// What stands around.
    pub frame: Frame,
    /// Whether the log is what it was.
    pub state: JournalState,
    /// Checkpoints, newest first: how many entries each covers, and when it was signed.
    pub checkpoints: Vec<(u64, Timestamp)>,
    /// Stamped checkpoints, newest first: how many entries each covers, and when it was stamped.
    pub timestamps: Vec<(u64, Timestamp)>,
}

impl ProofsPage {
    fn w(&self) -> ProofWords {
        ProofWords::of(self.frame.language)
    }
}
