//! What passes between a log and its witness, C2SP tlog-witness `add-checkpoint`, and what a witness decides: it cosigns
//! a checkpoint only if it can prove that the log it saw before is the beginning of it.
//!
//! No connection and no file: the caller keeps what the witness saw last, one submission at a time.

use std::fmt;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::checkpoint::{Checkpoint, CheckpointError};
use super::merkle::verify_consistency;
use super::note::NoteKey;
use crate::value::Digest;

/// Hashes of a proof that are read, as the specification says.
const PROOF_HASHES_MAX: usize = 63;
/// Bytes of a submission: a proof and a note.
pub const SUBMISSION_MAX_BYTES: usize = 64 * 1024;
/// What begins the first line.
const OLD_WORD: &str = "old ";

/// A checkpoint on its way to a witness.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Submission {
    /// The size that the witness saw last, as the log believes.
    pub old: u64,
    /// The consistency proof from there.
    pub proof: Vec<Digest>,
    /// The checkpoint, a signed note.
    pub note: String,
}

impl Submission {
    /// Reads the body of a request.
    pub fn parse(body: &str) -> Result<Self, WitnessRefusal> {
        let malformed = WitnessRefusal::Malformed;
        let (head, note) = body.split_once("\n\n").ok_or(malformed)?;
        let mut lines = head.split('\n');
        let old = lines.next().and_then(|line| line.strip_prefix(OLD_WORD)).ok_or(malformed)?;
        let plain = old.bytes().all(|b| b.is_ascii_digit()) && (old == "0" || !old.starts_with('0'));
        let old = old.parse().ok().filter(|_| plain).ok_or(malformed)?;
        let proof: Option<Vec<Digest>> = lines.take(PROOF_HASHES_MAX + 1).map(hash).collect();
        let proof = proof.filter(|proof| proof.len() <= PROOF_HASHES_MAX).ok_or(malformed)?;
        Ok(Self { old, proof, note: note.to_owned() })
    }
}

/// The body of a request.
impl fmt::Display for Submission {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "{OLD_WORD}{}", self.old)?;
        self.proof.iter().try_for_each(|hash| writeln!(f, "{hash}"))?;
        write!(f, "\n{}", self.note)
    }
}

fn hash(line: &str) -> Option<Digest> {
    Some(Digest::from_bytes(BASE64.decode(line).ok()?.try_into().ok()?))
}

/// What a witness saw last of a log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    /// How many entries.
    pub size: u64,
    /// Under which root.
    pub root: Digest,
}

/// Why a witness does not cosign. The log that asked must explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WitnessRefusal {
    /// The request is not read.
    #[error("not a submission")]
    Malformed,
    /// The witness knows no log of this name.
    #[error("no log of this name is witnessed here")]
    UnknownLog,
    /// The log's key did not sign.
    #[error("not signed by the log's key")]
    Unsigned,
    /// The log believes that another size was seen last, or shows another root for the same size.
    #[error("another checkpoint was seen last, of {size} entries")]
    Conflict {
        /// The size that was seen last.
        size: u64,
    },
    /// The log that was seen before is not the beginning of this one: a history was written anew.
    #[error("the proof does not lead from what was seen to this checkpoint")]
    Forked,
}

impl WitnessRefusal {
    /// The status of the answer (RFC 9110), as the specification has it.
    pub const fn status(self) -> u16 {
        match self {
            Self::Malformed => 400,
            Self::Unsigned => 403,
            Self::UnknownLog => 404,
            Self::Conflict { .. } => 409,
            Self::Forked => 422,
        }
    }
}

/// The log's name that a note claims: its first line.
pub fn claimed_origin(note: &str) -> &str {
    note.split('\n').next().unwrap_or_default()
}

/// Whether a witness that saw `seen` of the log with this key may cosign what is submitted; the checkpoint to keep.
pub fn judge(
    submission: &Submission,
    key: &NoteKey,
    seen: Option<Seen>,
) -> Result<Checkpoint, WitnessRefusal> {
    let checkpoint = Checkpoint::open(&submission.note, key).map_err(|error| match error {
        CheckpointError::Note(super::note::NoteError::Unsigned | super::note::NoteError::Signature) => {
            WitnessRefusal::Unsigned
        }
        CheckpointError::Origin => WitnessRefusal::UnknownLog,
        CheckpointError::Note(_) | CheckpointError::Text => WitnessRefusal::Malformed,
    })?;
    if submission.old > checkpoint.size {
        return Err(WitnessRefusal::Malformed);
    }
    let size = seen.map_or(0, |seen| seen.size);
    if submission.old != size {
        return Err(WitnessRefusal::Conflict { size });
    }
    let Some(seen) = seen.filter(|seen| seen.size > 0) else {
        let nothing = submission.proof.is_empty();
        return if nothing { Ok(checkpoint) } else { Err(WitnessRefusal::Forked) };
    };
    if seen.size == checkpoint.size && seen.root != checkpoint.root {
        return Err(WitnessRefusal::Conflict { size });
    }
    let (root, proof) = (&checkpoint.root, &submission.proof);
    verify_consistency(seen.size, &seen.root, checkpoint.size, root, proof)
        .map_err(|_| WitnessRefusal::Forked)?;
    Ok(checkpoint)
}

#[cfg(test)]
mod tests {
    use super::super::merkle::{Frontier, consistency_proof, leaf_hash, nodes_of};
    use super::super::note::{NoteSeed, NoteSigner};
    use super::*;
    use crate::value::Timestamp;

    fn signer() -> NoteSigner {
        NoteSigner::new("log.example", &NoteSeed::new([1; 32])).unwrap()
    }

    fn leaves(n: u32, salt: u8) -> Vec<Digest> {
        (0..n).map(|n| leaf_hash(&[&n.to_be_bytes()[..], &[salt]].concat())).collect()
    }

    fn root(leaves: &[Digest]) -> Digest {
        let mut tree = Frontier::default();
        for leaf in leaves {
            tree.append(*leaf);
        }
        tree.root()
    }

    fn submission(leaves: &[Digest], old: u64) -> Submission {
        let size = leaves.len() as u64;
        let note = Checkpoint::sign(&signer(), size, root(leaves), Timestamp(5)).unwrap().to_string();
        Submission { old, proof: consistency_proof(old, size, nodes_of(leaves)).unwrap(), note }
    }

    #[test]
    fn a_submission_reads_back() {
        let submission = submission(&leaves(21, 0), 7);
        assert_eq!(Submission::parse(&submission.to_string()), Ok(submission.clone()));
        for wrong in ["", "old 7\n", "old 07\n\nx\n", "new 7\n\nx\n", "old 7\nAAAA\n\nx\n", "old -1\n\nx\n"] {
            assert_eq!(Submission::parse(wrong), Err(WitnessRefusal::Malformed), "{wrong:?}");
        }
        let many = format!("old 7\n{}\nx\n", format!("{}\n", Digest::of(b"x")).repeat(64));
        assert_eq!(Submission::parse(&many), Err(WitnessRefusal::Malformed));
    }

    #[test]
    fn a_log_that_only_grows_is_cosigned_and_a_fork_is_not() {
        let log = leaves(30, 0);
        let mut seen = None;
        for size in [1, 7, 8, 8, 21, 30] {
            let old = seen.map_or(0, |seen: Seen| seen.size);
            let checkpoint = judge(&submission(&log[..size], old), signer().public(), seen).unwrap();
            seen = Some(Seen { size: checkpoint.size, root: checkpoint.root });
        }
        let forked = [&log[..12], &leaves(40, 9)[12..]].concat();
        assert_eq!(judge(&submission(&forked, 30), signer().public(), seen), Err(WitnessRefusal::Forked));
        let same_size = submission(&forked[..30], 30);
        assert_eq!(judge(&same_size, signer().public(), seen), Err(WitnessRefusal::Conflict { size: 30 }));
        let cut = submission(&log[..20], 20);
        assert_eq!(judge(&cut, signer().public(), seen), Err(WitnessRefusal::Conflict { size: 30 }));
    }

    #[test]
    fn what_the_log_did_not_sign_or_is_not_of_this_log_is_refused() {
        let log = leaves(3, 0);
        let other = NoteSigner::new("log.example", &NoteSeed::new([2; 32])).unwrap();
        let submitted = submission(&log, 0);
        assert_eq!(judge(&submitted, other.public(), None), Err(WitnessRefusal::Unsigned));
        let garbage = Submission { note: "x".into(), ..submitted.clone() };
        assert_eq!(judge(&garbage, signer().public(), None), Err(WitnessRefusal::Malformed));
        let too_old = Submission { old: 4, ..submitted.clone() };
        assert_eq!(judge(&too_old, signer().public(), None), Err(WitnessRefusal::Malformed));
        let with_proof = Submission { proof: vec![Digest::of(b"x")], ..submitted };
        assert_eq!(judge(&with_proof, signer().public(), None), Err(WitnessRefusal::Forked));
    }
}
