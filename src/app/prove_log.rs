//! Proofs over the log (RFC 6962 section 2.1): that an entry is in it, and that a smaller log is its beginning. Whoever
//! holds a signed checkpoint checks them without the gateway.
//!
//! They tell hashes only: no payload, no salt.

use std::collections::{BTreeMap, BTreeSet};

use serde_json::json;
use thiserror::Error;

use super::ports::{Key, List, StoreError, StoredCheckpoint};
use super::{App, AppError};
use crate::audit::{MerkleError, Node, consistency_proof, inclusion_proof};
use crate::value::Digest;

/// Checkpoints that are looked through for one that was thinned out: at two an hour, more than four days.
const CHECKPOINTS_LOOKED_AT: usize = 200;

/// Why there is no proof.
#[derive(Debug, Error)]
pub enum ProofError {
    /// The entry or the size is not inside the log; who asked must ask otherwise.
    #[error(transparent)]
    Outside(#[from] MerkleError),
    /// No checkpoint covers it yet; the next one will.
    #[error("no checkpoint covers entry {index} yet")]
    NotSigned {
        /// The entry.
        index: u64,
    },
    /// No checkpoint of this size is kept; another one must be named.
    #[error("no checkpoint of {size} entries is kept")]
    NoCheckpoint {
        /// That size.
        size: u64,
    },
    /// Ours to mend.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl From<StoreError> for ProofError {
    fn from(error: StoreError) -> Self {
        Self::Fault(error.into())
    }
}

/// That an entry is in the log, under a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EntryProof {
    /// The entry's index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
    /// The inclusion proof in the tree of the checkpoint.
    pub hashes: Vec<Digest>,
    /// The checkpoint, as a signed note.
    pub checkpoint: StoredCheckpoint,
}

/// That the log of a smaller size is the beginning of the log under a signed checkpoint.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct GrowthProof {
    /// The smaller size.
    pub older: u64,
    /// The consistency proof.
    pub hashes: Vec<Digest>,
    /// The checkpoint of the larger size, as a signed note.
    pub checkpoint: StoredCheckpoint,
}

impl EntryProof {
    /// The proof as one JSON object: hashes in standard base64, the checkpoint as its signed note.
    pub fn to_json(&self) -> String {
        let Self { index, leaf, hashes, checkpoint } = self;
        json!({"kind": "inclusion", "entry": index, "leaf": leaf, "size": checkpoint.size, "hashes": hashes,
            "checkpoint": checkpoint.note})
        .to_string()
    }
}

impl GrowthProof {
    /// The proof as one JSON object: hashes in standard base64, the checkpoint as its signed note.
    pub fn to_json(&self) -> String {
        let Self { older, hashes, checkpoint } = self;
        json!({"kind": "consistency", "older": older, "size": checkpoint.size, "hashes": hashes,
            "checkpoint": checkpoint.note})
        .to_string()
    }
}

impl App {
    /// The inclusion proof of the entry `index` in the log of the first `size` entries (RFC 9162 section 2.1.3.1).
    pub async fn inclusion_proof(&self, index: u64, size: u64) -> Result<Vec<Digest>, ProofError> {
        self.inside(size).await?;
        self.proof(|node| inclusion_proof(index, size, node)).await
    }

    /// The inclusion proofs of several entries under one size, in their order. Each hash that they need is read once.
    pub(super) async fn inclusion_proofs(
        &self,
        places: &[u64],
        size: u64,
    ) -> Result<Vec<Vec<Digest>>, ProofError> {
        self.inside(size).await?;
        let mut needed = BTreeSet::new();
        for place in places {
            inclusion_proof(*place, size, &mut |node: Node| {
                needed.insert((node.level, node.place));
                Digest::from_bytes([0; 32])
            })?;
        }
        let nodes: Vec<Node> =
            needed.iter().map(|(level, place)| Node { level: *level, place: *place }).collect();
        let found: BTreeMap<(u32, u64), Digest> =
            needed.into_iter().zip(self.store.roots(&nodes).await?).collect();
        let missing = Digest::from_bytes([0; 32]);
        let read = |node: Node| found.get(&(node.level, node.place)).copied().unwrap_or(missing);
        Ok(places
            .iter()
            .map(|place| inclusion_proof(*place, size, &mut { read }))
            .collect::<Result<_, _>>()?)
    }

    /// The proof that the log of the first `older` entries is the beginning of that of the first `size` (RFC 9162
    /// section 2.1.4.1).
    pub async fn consistency_proof(&self, older: u64, size: u64) -> Result<Vec<Digest>, ProofError> {
        self.inside(size).await?;
        self.proof(|node| consistency_proof(older, size, node)).await
    }

    /// Proves an entry under the newest checkpoint, with all that a stranger needs.
    pub async fn prove_entry(&self, index: u64) -> Result<EntryProof, ProofError> {
        let newest = self.newest_checkpoint().await?;
        let covers = |checkpoint: &StoredCheckpoint| checkpoint.size > index;
        let checkpoint = newest.filter(covers).ok_or(ProofError::NotSigned { index })?;
        let hashes = self.inclusion_proof(index, checkpoint.size).await?;
        let leaf = self.store.leaves(index, 1).await?.pop().ok_or(StoreError::Damaged)?.leaf;
        Ok(EntryProof { index, leaf, hashes, checkpoint })
    }

    /// Proves that the log of the first `older` entries is the beginning of the log under the checkpoint of `newer`
    /// entries, or, once that was thinned out, of the next one that is kept; without `newer` under the newest.
    pub async fn prove_growth(&self, older: u64, newer: Option<u64>) -> Result<GrowthProof, ProofError> {
        let checkpoint = match newer {
            Some(size) => self.kept_checkpoint(size).await?.ok_or(ProofError::NoCheckpoint { size })?,
            None => self.newest_checkpoint().await?.ok_or(ProofError::NotSigned { index: older })?,
        };
        let hashes = self.consistency_proof(older, checkpoint.size).await?;
        Ok(GrowthProof { older, hashes, checkpoint })
    }

    /// The checkpoint of this size; once it was thinned out, the next larger one that is kept.
    async fn kept_checkpoint(&self, size: u64) -> Result<Option<StoredCheckpoint>, AppError> {
        let kept: Option<(StoredCheckpoint, u64)> = self.read(&Key::Checkpoint(size)).await?;
        if let Some((kept, _)) = kept {
            return Ok(Some(kept));
        }
        let newest: Vec<(StoredCheckpoint, u64)> =
            self.read_list(&List::Checkpoints, CHECKPOINTS_LOOKED_AT).await?;
        let larger = newest.into_iter().map(|(one, _)| one).take_while(|one| one.size >= size);
        Ok(larger.last())
    }

    async fn inside(&self, size: u64) -> Result<(), ProofError> {
        let signed = self.store.log().await?.size();
        if size <= signed { Ok(()) } else { Err(MerkleError::Outside { index: size, size: signed }.into()) }
    }

    /// Makes a proof twice: once to learn which hashes it needs, which does not depend on them, and once with them.
    async fn proof(
        &self,
        make: impl Fn(&mut dyn FnMut(Node) -> Digest) -> Result<Vec<Digest>, MerkleError>,
    ) -> Result<Vec<Digest>, ProofError> {
        let mut needed = Vec::new();
        make(&mut |node| {
            needed.push(node);
            Digest::from_bytes([0; 32])
        })?;
        let mut found = self.store.roots(&needed).await?.into_iter();
        Ok(make(&mut |_| found.next().unwrap_or(Digest::from_bytes([0; 32])))?)
    }
}
