//! Hands the log on to where an organisation watches all its systems (SIEM), entry by entry in order. Nothing waits for
//! it and nothing is lost: the log is the queue, and a durable cursor says how far the receiver has confirmed. What was
//! sent and not confirmed is sent again; each entry has its index, so the receiver knows a repeat.
//!
//! The cursor is no effect on anybody and has no event: an event for each batch would be a batch of its own.

use async_trait::async_trait;
use thiserror::Error;

use super::ports::{ForwardCursor, ForwardTarget, Key, UnitOfWork};
use super::{App, AppError};
use crate::audit::ForwardedEntry;

/// Entries that are handed over and confirmed together.
const BATCH: usize = 500;

/// Why a batch was not confirmed. It is sent again.
#[derive(Debug, Error)]
#[error("the receiver did not confirm: {0}")]
pub struct NotConfirmed(#[source] pub Box<dyn std::error::Error + Send + Sync>);

/// A receiver of entries. Returns once it has confirmed all of them; called by one at a time.
#[async_trait]
pub trait EntrySink: Send + Sync {
    /// Hands entries over.
    async fn deliver(&self, entries: &[ForwardedEntry]) -> Result<(), NotConfirmed>;
}

/// Why forwarding stopped; it goes on from where it was.
#[derive(Debug, Error)]
pub enum ForwardError {
    /// The receiver.
    #[error(transparent)]
    NotConfirmed(#[from] NotConfirmed),
    /// Ours to mend.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Hands on what has come since the cursor, a batch at a time until nothing is left. Returns how many entries.
    pub async fn forward_log(
        &self,
        target: ForwardTarget,
        sink: &dyn EntrySink,
    ) -> Result<u64, ForwardError> {
        let mut forwarded = 0;
        loop {
            let cursor: Option<(ForwardCursor, u64)> = self.read(&Key::ForwardCursor(target)).await?;
            let first = cursor.map_or(0, |(cursor, _)| cursor.next);
            let leaves = self.store.leaves(first, BATCH).await.map_err(AppError::from)?;
            let Some(last) = leaves.last().map(|leaf| leaf.index) else { return Ok(forwarded) };
            let mut entries = Vec::with_capacity(leaves.len());
            for leaf in leaves {
                // Pruned while the receiver was away for months: the gap in the index tells it.
                let Some(entry) = leaf.entry else { continue };
                let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
                let payload = entry.payload().to_owned();
                entries.push(ForwardedEntry { index: leaf.index, leaf: leaf.leaf, payload, event });
            }
            if !entries.is_empty() {
                sink.deliver(&entries).await?;
            }
            forwarded += entries.len() as u64;
            let mut unit = UnitOfWork::default();
            unit.put(ForwardCursor { target, next: last + 1 });
            self.store.commit(unit).await.map_err(AppError::from)?;
        }
    }

    /// How many entries a receiver has not confirmed yet.
    pub async fn forward_backlog(&self, target: ForwardTarget) -> Result<u64, AppError> {
        let cursor: Option<(ForwardCursor, u64)> = self.read(&Key::ForwardCursor(target)).await?;
        Ok(self.store.log().await?.size().saturating_sub(cursor.map_or(0, |(cursor, _)| cursor.next)))
    }
}
