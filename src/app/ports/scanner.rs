//! The scanner port: an antivirus that reads one stream at a time and says whether it knows it.

use async_trait::async_trait;
use thiserror::Error;

use crate::content::AntivirusAnswer;
use crate::value::{ByteSize, Timestamp};

/// What can go wrong. The operator must act; what was to be scanned is held meanwhile.
#[derive(Debug, Error)]
pub enum ScannerError {
    /// It does not answer, or broke off.
    #[error("the scanner is not available: {0}")]
    Unavailable(#[source] std::io::Error),
    /// It takes too long.
    #[error("the scanner did not answer within {within_s} seconds")]
    TooSlow {
        /// How long was waited.
        within_s: u64,
    },
    /// The stream is larger than it takes.
    #[error("the scanner takes {limit} at most")]
    TooLarge {
        /// What it takes.
        limit: ByteSize,
    },
    /// It said something that is no verdict.
    #[error("the scanner answered: {0}")]
    Refused(String),
    /// What it is given would be written to a place that is not private.
    #[error("the scanner's temporary directory {place}: {problem}")]
    TemporaryDirectory {
        /// Where.
        place: String,
        /// What is wrong with it.
        problem: &'static str,
    },
}

/// How a scanner is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerState {
    /// What it calls itself.
    pub engine: String,
    /// The version of its signatures, when it tells.
    pub signatures: Option<u64>,
    /// When its signatures were made, when it tells.
    pub signed_at: Option<Timestamp>,
}

/// A stream that is being scanned. Dropped before [`ScanStream::finish`], nothing is known of it and nothing stays.
#[async_trait]
pub trait ScanStream: Send {
    /// Gives the next bytes. Waits while the scanner is behind, not for ever.
    async fn push(&mut self, clear: &[u8]) -> Result<(), ScannerError>;
    /// Ends the stream and returns the verdict.
    async fn finish(self: Box<Self>) -> Result<AntivirusAnswer, ScannerError>;
}

/// Scans streams.
///
/// - A verdict is about exactly the bytes that were pushed. An error is no verdict: the stream is neither clean nor
///   refused, and may be scanned again.
/// - Nothing that is pushed reaches a disk: [`Scanner::state`] and [`Scanner::begin`] fail where that cannot be said.
/// - Concurrent up to a number of its own: [`Scanner::begin`] waits for a place, [`Scanner::begin_now`] does not.
/// - Every call ends within bounds of its own; nobody retries inside.
#[async_trait]
pub trait Scanner: Send + Sync {
    /// Asks how it is, now.
    async fn state(&self) -> Result<ScannerState, ScannerError>;
    /// Begins a stream.
    async fn begin(&self) -> Result<Box<dyn ScanStream>, ScannerError>;
    /// Begins a stream if there is a place for it at once.
    async fn begin_now(&self) -> Result<Option<Box<dyn ScanStream>>, ScannerError>;
    /// The largest stream that it scans as a whole.
    fn largest(&self) -> ByteSize;
}
