//! The log that proves itself (DESIGN.md section 6, rules S1 to S3): what an event says, how it is hashed and
//! signed, how it is exported, and how anyone with the public key verifies an export.
//!
//! Pure: it keeps nothing, opens nothing, and knows no clock. The store keeps entries and the [`Frontier`]; the
//! unit of work appends; jobs sign checkpoints.

mod action;
mod alert;
mod bundle;
mod checkpoint;
mod coded;
mod cosignature;
mod der;
mod entry;
mod event;
mod export;
mod interval;
mod merkle;
mod note;
mod reason;
mod receipt;
mod selection;
mod syslog;
mod tile;
mod timestamp;
mod verdict;
mod verify;
mod witness;

pub use alert::AlertKind;
pub use bundle::{BundleDoubt, BundleFault, BundleVerdict, BundleWriter, is_bundle, verify_bundle};
pub use checkpoint::{Checkpoint, CheckpointError};
pub use cosignature::{Cosigner, CosignerKey};
pub use entry::{Entry, EntryError, leaf_input, leaf_of};
pub use event::{
    Action, Actor, Detail, EVENT_VERSION, Event, EventError, FailureReason, LogView, MailPurpose, Object,
    Origin, Outcome, RecoveryPurpose, RefusalReason, RoleCode, TlsVersion,
};
pub use export::{
    Disclosure, ExportError, ExportHeader, ExportLine, ExportReader, ExportWriter, ExportedCheckpoint,
    ExportedEntry,
};
pub use merkle::{
    Frontier, MerkleError, Node, consistency_proof, inclusion_proof, leaf_hash, node_hash, nodes_of,
    verify_consistency, verify_inclusion,
};
pub use note::{Note, NoteError, NoteKey, NoteSeed, NoteSignature, NoteSigner};
pub use receipt::{
    FileSalt, LogProof, Promise, ProvedEntry, RECEIPT_MAX_BYTES, Receipt, ReceiptError, VerifiedReceipt,
};
pub use selection::{OutcomeClass, Selection};
pub use syslog::ForwardedEntry;
pub use tile::tile_path;
pub use timestamp::{TIMESTAMP_MAX_BYTES, TimestampAuthority, TimestampError, TimestampRequest};
pub use verdict::{Doubt, FAULTS_MAX, Fault, Summary, Verdict};
pub use verify::verify;
pub use witness::{SUBMISSION_MAX_BYTES, Seen, Submission, WitnessRefusal, claimed_origin, judge};
