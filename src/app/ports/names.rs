//! The port to the names of the DNS: what is published there for a key of ours.

use async_trait::async_trait;
use thiserror::Error;

/// Whether a record is there cannot be told. The operator must look at the name servers.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the name servers give no answer")]
pub struct NamesUnanswered;

/// Reads TXT records.
///
/// - A name without records is no error.
/// - Bounded in time; concurrent. Answers may be as old as their time to live says.
#[async_trait]
pub trait TextRecords: Send + Sync {
    /// The TXT records of a name, the strings of each put together (RFC 7208 section 3.3 says how).
    async fn text_records(&self, name: &str) -> Result<Vec<String>, NamesUnanswered>;
}

/// Knows no name server: whether a record is there is never known.
pub struct NoNames;

#[async_trait]
impl TextRecords for NoNames {
    async fn text_records(&self, _name: &str) -> Result<Vec<String>, NamesUnanswered> {
        Err(NamesUnanswered)
    }
}
