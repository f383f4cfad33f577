//! What a verification says: well, not well and why, or that it could not tell. The words are for a person at a
//! terminal, in English like the rest of the command line; pages have their own.

use std::fmt;

use super::checkpoint::CheckpointError;
use super::export::ExportError;
use crate::value::Timestamp;

/// How many faults are told one by one; the number of all is told too.
pub const FAULTS_MAX: usize = 1000;

/// The answer to "is this log whole and untouched?".
#[derive(Debug)]
pub enum Verdict {
    /// All is well.
    Well(Summary),
    /// Something was done to the log.
    NotWell {
        /// What, at most [`FAULTS_MAX`] of them, in the order of discovery.
        faults: Vec<Fault>,
        /// How many there are.
        count: u64,
    },
    /// The question cannot be answered.
    CouldNotTell(Doubt),
}

impl Verdict {
    /// Exit code of a command: 0 well, 1 not well, 2 could not tell.
    pub const fn exit_code(&self) -> u8 {
        match self {
            Self::Well(_) => 0,
            Self::NotWell { .. } => 1,
            Self::CouldNotTell(_) => 2,
        }
    }
}

/// One line; the faults are for the caller to list.
impl fmt::Display for Verdict {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Well(summary) => write!(f, "all is well: {summary}"),
            Self::NotWell { faults, count } => match faults.first() {
                Some(first) if *count > 1 => write!(f, "NOT well: {count} faults, first: {first}"),
                Some(first) => write!(f, "NOT well: {first}"),
                None => write!(f, "NOT well: {count} faults"),
            },
            Self::CouldNotTell(doubt) => write!(f, "could not tell: {doubt}"),
        }
    }
}

/// What was verified.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Summary {
    /// Entries, all under a signed root.
    pub entries: u64,
    /// Of these, payloads that were pruned, as the log itself says.
    pub pruned: u64,
    /// Of these, payloads that a selection leaves out.
    pub undisclosed: u64,
    /// Checkpoints of the export that verified.
    pub checkpoints: u64,
    /// When the last checkpoint was signed.
    pub signed_at: Option<Timestamp>,
    /// Of these, entries that were lost before a restore, as the log itself says.
    pub lost: u64,
    /// The checkpoint held elsewhere is of entries that were lost: it could not be compared.
    pub outside_lost: bool,
    /// Entries under the checkpoint held elsewhere, if one was given: it agrees.
    pub outside: Option<u64>,
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} entries under {} signed checkpoints", self.entries, self.checkpoints)?;
        if let Some(at) = self.signed_at {
            write!(f, ", the last of {at}")?;
        }
        if self.pruned > 0 {
            write!(f, "; {} payloads pruned as the log says", self.pruned)?;
        }
        if self.undisclosed > 0 {
            write!(f, "; {} payloads not disclosed in this selection", self.undisclosed)?;
        }
        if self.lost > 0 {
            write!(f, "; {} entries were lost before a restore, as the log says", self.lost)?;
        }
        match self.outside {
            None if self.outside_lost => {
                f.write_str("; the checkpoint held elsewhere is of lost entries and could not be compared")
            }
            Some(size) => write!(f, "; the checkpoint held elsewhere ({size} entries) agrees"),
            None => f.write_str("; nothing held elsewhere was compared, so a cut at the end would not show"),
        }
    }
}

/// One thing that was done to a log. Numbers of entries count from 0.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Fault {
    /// The payload or salt of an entry does not hash to its leaf.
    Edited {
        /// Number of the entry.
        seq: u64,
    },
    /// Entries are missing.
    Removed {
        /// The first that is missing.
        first: u64,
        /// The last that is missing.
        last: u64,
    },
    /// An entry stands where none was signed.
    Inserted {
        /// The number that it claims.
        seq: u64,
        /// Its line in the export.
        line: u64,
    },
    /// Entries do not stand in their order.
    Reordered {
        /// The lowest number of the stretch.
        first: u64,
        /// The highest number of the stretch.
        last: u64,
    },
    /// The entries of an interval between checkpoints do not lead to the signed root: any of them may be changed.
    Altered {
        /// Number of the first entry of the interval.
        from: u64,
        /// Number of the first entry after it.
        to: u64,
        /// Entries more (or, negative, fewer) than were signed.
        surplus: i64,
    },
    /// Entries at the end are under no checkpoint.
    Unsigned {
        /// The first of them.
        from: u64,
        /// How many.
        count: u64,
    },
    /// The log ends before the checkpoint held elsewhere.
    CutOff {
        /// Entries of the log.
        entries: u64,
        /// Entries under the checkpoint held elsewhere.
        expected: u64,
    },
    /// The same key signed two histories.
    Rewritten {
        /// Size at which they differ.
        size: u64,
    },
    /// Payloads are missing that the log does not say were pruned.
    Withheld {
        /// The first.
        first: u64,
        /// The last.
        last: u64,
    },
    /// A line is neither an entry nor a checkpoint.
    Malformed {
        /// Number of the line.
        line: u64,
    },
    /// A checkpoint of the export does not verify.
    Checkpoint {
        /// Number of the line.
        line: u64,
        /// Why.
        error: CheckpointError,
    },
    /// A checkpoint stands after a larger one.
    CheckpointOrder {
        /// Number of the line.
        line: u64,
    },
    /// The export names another key than the one it is verified with.
    Key,
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Edited { seq } => write!(f, "entry {seq} was edited"),
            Self::Removed { first, last } if first == last => write!(f, "entry {first} was removed"),
            Self::Removed { first, last } => write!(f, "entries {first} to {last} were removed"),
            Self::Inserted { seq, line } => write!(f, "an entry numbered {seq} was inserted at line {line}"),
            Self::Reordered { first, last } => write!(f, "entries {first} to {last} were reordered"),
            Self::Altered { from, to, surplus } => {
                write!(f, "entries {from} to {} are not those that were signed", to.saturating_sub(1))?;
                match surplus {
                    0 => Ok(()),
                    1.. => write!(f, ", {surplus} too many"),
                    _ => write!(f, ", {} missing", surplus.unsigned_abs()),
                }
            }
            Self::Unsigned { from, count } => {
                write!(f, "{count} entries from {from} on are under no checkpoint")
            }
            Self::CutOff { entries, expected } => {
                write!(f, "cut off at the end: {entries} entries, {expected} were signed elsewhere")
            }
            Self::Rewritten { size } => write!(f, "two histories were signed for the first {size} entries"),
            Self::Withheld { first, last } => {
                write!(f, "the payloads of entries {first} to {last} are missing, and were not pruned")
            }
            Self::Malformed { line } => write!(f, "line {line} is neither an entry nor a checkpoint"),
            Self::Checkpoint { line, error } => {
                write!(f, "the checkpoint at line {line} does not hold: {error}")
            }
            Self::CheckpointOrder { line } => {
                write!(f, "the checkpoint at line {line} is older than one before")
            }
            Self::Key => f.write_str("the export names another key than the one given"),
        }
    }
}

/// Why a verification could not tell.
#[derive(Debug, thiserror::Error)]
pub enum Doubt {
    /// The export cannot be read.
    #[error(transparent)]
    Export(#[from] ExportError),
    /// The checkpoint held elsewhere is none of this key.
    #[error("the checkpoint held elsewhere: {0}")]
    Outside(CheckpointError),
    /// More entries stand between two checkpoints than are held in memory.
    #[error("more than {limit} entries without a checkpoint")]
    Interval {
        /// Entries that are held.
        limit: usize,
    },
    /// There is no entry and no checkpoint.
    #[error("there is no entry and no checkpoint")]
    Nothing,
}
