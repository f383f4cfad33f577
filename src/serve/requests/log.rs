//! Proofs of the log, as one JSON object that a program can check. They hold no payload.

use std::sync::Arc;

use clap::Args;
use serde::{Deserialize, Serialize};

use super::{Replies, RequestError, line};
use crate::app::App;

/// What is to be proved.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
#[group(required = true, multiple = false)]
#[serde(deny_unknown_fields)]
pub struct ProofWanted {
    /// That the entry of this number is in the log (RFC 6962 inclusion proof).
    #[arg(long, value_name = "NUMBER")]
    pub entry: Option<u64>,
    /// That the log of this size is the beginning of the log now (RFC 6962 consistency proof).
    #[arg(long, value_name = "SIZE")]
    pub since: Option<u64>,
}

/// Signs the log as it is, and proves.
pub(super) async fn prove(
    app: &Arc<App>,
    replies: &Replies,
    wanted: ProofWanted,
) -> Result<(), RequestError> {
    app.sign_checkpoint().await?;
    let proof = match (wanted.entry, wanted.since) {
        (Some(entry), _) => app.prove_entry(entry).await?.to_json(),
        (None, Some(since)) => app.prove_growth(since, None).await?.to_json(),
        (None, None) => return Err(RequestError::Missing { what: "--entry or --since" }),
    };
    line(replies, proof).await
}
