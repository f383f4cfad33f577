//! Shows each checkpoint to the witnesses and keeps what they signed. Nothing waits for a witness: a deposit, a
//! checkpoint, an export go on while one is silent, and its state is there to be seen.
//!
//! What a witness does is `audit::witness`; how it is reached is the port [`WitnessDoor`].

use async_trait::async_trait;
use thiserror::Error;

use super::audit_settings::Witness;
use super::keep_log::{is_same_hour, own_part};
use super::ports::{Key, StoredCheckpoint, UnitOfWork, WitnessState, WitnessTrouble};
use super::prove_log::ProofError;
use super::{App, AppError, event};
use crate::audit::{
    Action, Actor, Detail, FailureReason, Note, NoteSignature, Object, Origin, Outcome, Submission,
};
use crate::value::{Digest, Millis, Timestamp};

/// A cosignature is told in the log when something changed, and this often: each entry of the log asks for a
/// checkpoint, and each checkpoint for a cosignature.
const TOLD_EVERY: Millis = Millis::hours(1);

/// Why a witness did not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WitnessProblem {
    /// It does not answer, or not in time.
    #[error("the witness does not answer")]
    Unreachable,
    /// It saw another size last (409).
    #[error("the witness saw {size} entries last")]
    SawLast {
        /// That size.
        size: u64,
    },
    /// It refuses.
    #[error("the witness refuses with status {status}")]
    Refused {
        /// The status of its answer.
        status: u16,
    },
    /// Its answer is not what the protocol has.
    #[error("the answer of the witness is not understood")]
    Malformed,
}

/// The way to a witness (C2SP tlog-witness). One try, bounded in time and bytes; the caller tries again.
#[async_trait]
pub trait WitnessDoor: Send + Sync {
    /// Shows a checkpoint; the signature lines that come back are not judged.
    async fn add_checkpoint(
        &self,
        url: &str,
        submission: &Submission,
    ) -> Result<Vec<NoteSignature>, WitnessProblem>;
}

/// A witness as the officer sees it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WitnessView {
    /// Its name.
    pub name: String,
    /// Entries under the last checkpoint that it cosigned, and when it did; none when it never did.
    pub cosigned: Option<(u64, Timestamp)>,
    /// What keeps it from cosigning the newest one.
    pub trouble: Option<WitnessTrouble>,
    /// Since when it is kept from it in this way.
    pub trouble_since: Option<Timestamp>,
}

impl App {
    /// Shows the newest checkpoint to each witness that has not cosigned it. Returns how many did.
    pub async fn show_to_witnesses(&self, door: &dyn WitnessDoor) -> Result<usize, AppError> {
        let Some(checkpoint) = self.newest_checkpoint().await? else { return Ok(0) };
        let mut cosigned = 0;
        for witness in &self.settings.audit.witnesses {
            let state = self.witness_state(witness).await?;
            if state
                .as_ref()
                .is_some_and(|(state, _)| state.size == checkpoint.size && state.trouble.is_none())
            {
                continue;
            }
            let before = state.map_or_else(|| WitnessState::new(witness_id(witness)), |(state, _)| state);
            let outcome = self.show(door, witness, before.size, &checkpoint).await?;
            cosigned += usize::from(outcome.is_ok());
            self.keep_witness(before, outcome, &checkpoint).await?;
        }
        Ok(cosigned)
    }

    /// The witnesses of the configuration, with what is known of each.
    pub async fn witnesses(&self) -> Result<Vec<WitnessView>, AppError> {
        let mut views = Vec::new();
        for witness in &self.settings.audit.witnesses {
            let state = self.witness_state(witness).await?.map(|(state, _)| state);
            let cosigned = state.as_ref().and_then(|state| Some((state.size, state.cosigned_at?)));
            let trouble = state.as_ref().and_then(|state| state.trouble);
            // A trouble is told once, when it begins.
            let trouble_since = trouble.and(state.and_then(|state| state.told_at));
            let name = witness.key.name().to_owned();
            views.push(WitnessView { name, cosigned, trouble, trouble_since });
        }
        Ok(views)
    }

    async fn witness_state(&self, witness: &Witness) -> Result<Option<(WitnessState, u64)>, AppError> {
        self.read(&Key::Witness(witness_id(witness))).await
    }

    /// One try, and a second one from the size that the witness says it saw.
    async fn show(
        &self,
        door: &dyn WitnessDoor,
        witness: &Witness,
        old: u64,
        checkpoint: &StoredCheckpoint,
    ) -> Result<Result<(Note, Timestamp), WitnessTrouble>, AppError> {
        let mut outcome = self.show_from(door, witness, old, checkpoint).await?;
        if let Err(WitnessProblem::SawLast { size }) = outcome
            && size < checkpoint.size
            && size != old
        {
            outcome = self.show_from(door, witness, size, checkpoint).await?;
        }
        let lines = match outcome {
            Ok(lines) => lines,
            Err(WitnessProblem::Unreachable) => return Ok(Err(WitnessTrouble::Unreachable)),
            // It holds a checkpoint that this log did not lead to: the log was cut or written anew, or restored.
            Err(WitnessProblem::SawLast { .. } | WitnessProblem::Refused { status: 422 }) => {
                return Ok(Err(WitnessTrouble::SawAnother));
            }
            Err(WitnessProblem::Refused { .. } | WitnessProblem::Malformed) => {
                return Ok(Err(WitnessTrouble::Refused));
            }
        };
        let mut note = Note::parse(&checkpoint.note).map_err(|_| AppError::Broken("stored checkpoint"))?;
        for line in lines {
            note = match note.with(line) {
                Ok(note) => note,
                Err(_) => return Ok(Err(WitnessTrouble::Refused)),
            };
        }
        Ok(match witness.key.cosigned_at(&note) {
            Ok(Some(at)) => Ok((note, at)),
            Ok(None) | Err(_) => Err(WitnessTrouble::Refused),
        })
    }

    async fn show_from(
        &self,
        door: &dyn WitnessDoor,
        witness: &Witness,
        old: u64,
        checkpoint: &StoredCheckpoint,
    ) -> Result<Result<Vec<NoteSignature>, WitnessProblem>, AppError> {
        let proof = match self.consistency_proof(old, checkpoint.size).await {
            Ok(proof) => proof,
            Err(ProofError::Fault(error)) => return Err(error),
            Err(_) => return Ok(Err(WitnessProblem::SawLast { size: old })),
        };
        let submission = Submission { old, proof, note: own_part(&checkpoint.note)? };
        Ok(door.add_checkpoint(&witness.url, &submission).await)
    }

    async fn keep_witness(
        &self,
        before: WitnessState,
        outcome: Result<(Note, Timestamp), WitnessTrouble>,
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), AppError> {
        let now = self.now().at;
        let trouble = outcome.as_ref().err().copied();
        let changed = before.trouble != trouble || before.told_at.is_none();
        let is_told =
            changed || (trouble.is_none() && before.told_at.is_some_and(|at| at.until(now) >= TOLD_EVERY));
        if !is_told && trouble.is_some() {
            return Ok(());
        }
        let mut unit = UnitOfWork::default();
        let before_size = before.size;
        let mut state = WitnessState { trouble, ..before };
        if let Ok((note, at)) = outcome {
            (state.size, state.note, state.cosigned_at) = (checkpoint.size, Some(note.to_string()), Some(at));
            self.keep_cosignature(&mut unit, &note, checkpoint.size).await?;
            self.thin_out(&mut unit, before_size, checkpoint).await?;
        }
        if is_told {
            state.told_at = Some(now);
            let outcome = match trouble {
                None => Outcome::Done,
                Some(WitnessTrouble::Unreachable) => Outcome::Failed(FailureReason::Connection),
                Some(WitnessTrouble::Refused) => Outcome::Failed(FailureReason::PeerPermanent),
                Some(WitnessTrouble::SawAnother) => Outcome::Failed(FailureReason::LogNotVerified),
            };
            let told =
                event(now, Actor::System, Action::CheckpointWitnessed, Object::Log, outcome, Origin::Job);
            self.log(&mut unit, told.with(Detail::Before(checkpoint.size)))?;
        }
        unit.put(state);
        match self.store.commit(unit).await.map_err(AppError::from) {
            // The checkpoint was thinned out meanwhile; the next one is shown in its turn.
            Err(error) if error.is_conflict() => Ok(()),
            outcome => outcome.map(drop),
        }
    }

    /// Of the checkpoints that this witness cosigned in one hour, the last is kept.
    async fn thin_out(
        &self,
        unit: &mut UnitOfWork,
        before: u64,
        checkpoint: &StoredCheckpoint,
    ) -> Result<(), AppError> {
        let key = Key::Checkpoint(before);
        let kept: Option<(StoredCheckpoint, u64)> = self.read(&key).await?;
        if let Some((kept, version)) = kept
            && before < checkpoint.size
            && is_same_hour(kept.signed_at, checkpoint.signed_at)
        {
            unit.expect_unchanged(key.clone(), version);
            unit.delete(key);
        }
        Ok(())
    }

    /// Adds the lines to the checkpoint itself, if it is still kept.
    async fn keep_cosignature(&self, unit: &mut UnitOfWork, note: &Note, size: u64) -> Result<(), AppError> {
        let key = Key::Checkpoint(size);
        let kept: Option<(StoredCheckpoint, u64)> = self.read(&key).await?;
        if let Some((kept, version)) = kept {
            let whole = Note::parse(&kept.note).and_then(|kept| kept.cosigned(note.clone()));
            let note = whole.map_err(|_| AppError::Broken("cosignature"))?.to_string();
            unit.expect_unchanged(key, version);
            unit.put(StoredCheckpoint { note, ..kept });
        }
        Ok(())
    }
}

fn witness_id(witness: &Witness) -> Digest {
    Digest::of(witness.key.to_string().as_bytes())
}
