//! Proofs for the officer to hand out: that an entry is in the log, that the log only grew between two checkpoints, and
//! what a timestamp authority stamped. Hashes and checkpoints only; each is a look that is logged.

use crate::app::ports::{List, StampedCheckpoint, StoredCheckpoint};
use crate::app::{App, AppError, EntryProof, GrowthProof, LogState, ProofError, Signed, Visitor};
use crate::audit::LogView;
use crate::value::Timestamp;

/// Checkpoints that are offered, newest first: at two an hour, more than four days.
const CHECKPOINTS_OFFERED: usize = 200;
/// Timestamps that are offered, newest first.
const TIMESTAMPS_OFFERED: usize = 60;

/// What can be proved.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProofsOffered {
    /// Checkpoints: how many entries each covers, and when it was signed.
    pub checkpoints: Vec<(u64, Timestamp)>,
    /// Stamped checkpoints: how many entries each covers, and when the authority says that it was there.
    pub timestamps: Vec<(u64, Timestamp)>,
    /// The log's health.
    pub state: LogState,
}

/// What a look for a proof came to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ProofAnswer<P> {
    /// The person is no security officer.
    NotEntitled,
    /// There is no such entry or checkpoint.
    Unknown,
    /// The proof.
    Proof(P),
}

impl App {
    /// What can be proved. `None` when the person is no security officer.
    pub async fn offer_proofs(
        &self,
        signed: &Signed,
        visitor: Visitor,
    ) -> Result<Option<ProofsOffered>, AppError> {
        if !self.officer_looks(signed, LogView::Proofs, visitor).await? {
            return Ok(None);
        }
        let listed: Vec<(StoredCheckpoint, u64)> =
            self.read_list(&List::Checkpoints, CHECKPOINTS_OFFERED).await?;
        let checkpoints = listed.into_iter().map(|(one, _)| (one.size, one.signed_at)).collect();
        let timestamps = self.timestamps(TIMESTAMPS_OFFERED).await?;
        let timestamps = timestamps.into_iter().map(|one| (one.size, one.stamped_at)).collect();
        Ok(Some(ProofsOffered { checkpoints, timestamps, state: self.log_state().await? }))
    }

    /// Proves that an entry is in the log, under a checkpoint signed now if none covers it.
    pub async fn officer_proves_entry(
        &self,
        signed: &Signed,
        index: u64,
        visitor: Visitor,
    ) -> Result<ProofAnswer<EntryProof>, AppError> {
        if !self.officer_looks(signed, LogView::Proofs, visitor).await? {
            return Ok(ProofAnswer::NotEntitled);
        }
        if self.newest_checkpoint().await?.is_none_or(|newest| newest.size <= index) {
            self.sign_checkpoint().await?;
        }
        answered(self.prove_entry(index).await)
    }

    /// Proves that the log only grew from one checkpoint to another.
    pub async fn officer_proves_growth(
        &self,
        signed: &Signed,
        older: u64,
        newer: u64,
        visitor: Visitor,
    ) -> Result<ProofAnswer<GrowthProof>, AppError> {
        if !self.officer_looks(signed, LogView::Proofs, visitor).await? {
            return Ok(ProofAnswer::NotEntitled);
        }
        answered(self.prove_growth(older, Some(newer)).await)
    }

    /// The checkpoint of this size with its timestamp.
    pub async fn officer_takes_timestamp(
        &self,
        signed: &Signed,
        size: u64,
        visitor: Visitor,
    ) -> Result<ProofAnswer<StampedCheckpoint>, AppError> {
        if !self.officer_looks(signed, LogView::Proofs, visitor).await? {
            return Ok(ProofAnswer::NotEntitled);
        }
        let found = self.timestamp_of(size).await?;
        Ok(found.map_or(ProofAnswer::Unknown, ProofAnswer::Proof))
    }
}

fn answered<P>(proof: Result<P, ProofError>) -> Result<ProofAnswer<P>, AppError> {
    match proof {
        Ok(proof) => Ok(ProofAnswer::Proof(proof)),
        Err(ProofError::Fault(error)) => Err(error),
        Err(ProofError::Outside(_) | ProofError::NotSigned { .. } | ProofError::NoCheckpoint { .. }) => {
            Ok(ProofAnswer::Unknown)
        }
    }
}
