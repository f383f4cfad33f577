//! Witnesses (S3): each checkpoint is shown, what comes back is checked and kept, and nothing waits for a silent one.

use std::sync::Mutex;

use async_trait::async_trait;
use pli::app::ports::{StoredCheckpoint, WitnessTrouble};
use pli::app::{AuditSettings, Witness, WitnessDoor, WitnessProblem};
use pli::audit::{
    Action, Checkpoint, Cosigner, Note, NoteKey, NoteSeed, NoteSignature, Seen, Submission, judge,
};
use pli::value::{Millis, Timestamp};

use crate::house::{House, NOW};

const URL: &str = "https://witness.example";

/// A witness without a wire between.
pub struct Beside {
    cosigner: Cosigner,
    log: Mutex<Option<NoteKey>>,
    seen: Mutex<Option<Seen>>,
    pub problem: Mutex<Option<WitnessProblem>>,
    asked: Mutex<u32>,
    signs_at: Timestamp,
}

impl Beside {
    pub fn new() -> Self {
        let cosigner = Cosigner::new("witness.example", &NoteSeed::new([5; 32])).unwrap();
        Self {
            cosigner,
            log: Mutex::default(),
            seen: Mutex::default(),
            problem: Mutex::default(),
            asked: Mutex::default(),
            signs_at: NOW,
        }
    }

    pub async fn house(&self) -> House {
        let witness = Witness { url: URL.to_owned(), key: self.cosigner.public().clone() };
        let house = House::with(AuditSettings { witnesses: vec![witness], ..AuditSettings::default() }).await;
        *self.log.lock().unwrap() = Some(house.app.log_key().unwrap());
        house
    }
}

#[async_trait]
impl WitnessDoor for Beside {
    async fn add_checkpoint(
        &self,
        url: &str,
        submission: &Submission,
    ) -> Result<Vec<NoteSignature>, WitnessProblem> {
        assert_eq!(url, URL);
        *self.asked.lock().unwrap() += 1;
        if let Some(problem) = *self.problem.lock().unwrap() {
            return Err(problem);
        }
        let log = self.log.lock().unwrap().clone().unwrap();
        let mut seen = self.seen.lock().unwrap();
        let read = Submission::parse(&submission.to_string()).unwrap();
        let checkpoint = judge(&read, &log, *seen).map_err(|refusal| match refusal {
            pli::audit::WitnessRefusal::Conflict { size } => WitnessProblem::SawLast { size },
            refusal => WitnessProblem::Refused { status: refusal.status() },
        })?;
        *seen = Some(Seen { size: checkpoint.size, root: checkpoint.root });
        let note = Note::parse(&submission.note).unwrap();
        Ok(vec![self.cosigner.cosign(&note, self.signs_at).unwrap()])
    }
}

async fn newest(house: &House) -> StoredCheckpoint {
    house.app.sign_checkpoint().await.unwrap().unwrap()
}

async fn told(house: &House) -> usize {
    house.events().await.into_iter().filter(|action| *action == Action::CheckpointWitnessed).count()
}

#[tokio::test]
async fn each_checkpoint_is_cosigned_once_and_the_signature_is_kept_beside_it() {
    let witness = Beside::new();
    let house = witness.house().await;
    assert_eq!(
        house.app.witnesses().await.unwrap()[0].cosigned,
        None,
        "nothing is claimed before it happened"
    );
    for round in 0..3_u32 {
        let checkpoint = newest(&house).await;
        assert_eq!(house.app.show_to_witnesses(&witness).await.unwrap(), 1);
        assert_eq!(house.app.show_to_witnesses(&witness).await.unwrap(), 0, "once is enough");
        assert_eq!(*witness.asked.lock().unwrap(), round + 1);
        let kept = house.app.store.get(&pli::app::ports::Key::Checkpoint(checkpoint.size)).await.unwrap();
        let kept = StoredCheckpoint::try_from(kept.unwrap().record).unwrap();
        let note = Note::parse(&kept.note).unwrap();
        assert_eq!(witness.cosigner.public().cosigned_at(&note), Ok(Some(NOW)));
        assert!(Checkpoint::open(&kept.note, &house.app.log_key().unwrap()).is_ok());
        let view = house.app.log_state().await.unwrap().witnesses.remove(0);
        assert_eq!((view.cosigned, view.trouble), (Some((checkpoint.size, NOW)), None));
        house.sign_in("agent@carsat.example").await;
    }
    assert_eq!(
        told(&house).await,
        1,
        "told when it begins, then once an hour, or the log would never be at rest"
    );
    house.clock.advance(Millis::hours(1));
    newest(&house).await;
    house.app.show_to_witnesses(&witness).await.unwrap();
    assert_eq!(told(&house).await, 2);
}

#[tokio::test]
async fn a_silent_witness_holds_nothing_up_and_is_told_once() {
    let witness = Beside::new();
    let house = witness.house().await;
    *witness.problem.lock().unwrap() = Some(WitnessProblem::Unreachable);
    for _ in 0..3 {
        house.deposit().await;
        newest(&house).await;
        assert_eq!(house.app.show_to_witnesses(&witness).await.unwrap(), 0);
    }
    let view = house.app.witnesses().await.unwrap().remove(0);
    assert_eq!(view.trouble, Some(WitnessTrouble::Unreachable));
    assert_eq!(told(&house).await, 1);
    *witness.problem.lock().unwrap() = None;
    assert_eq!(house.app.show_to_witnesses(&witness).await.unwrap(), 1, "and it is shown what it missed");
    assert_eq!(house.app.witnesses().await.unwrap()[0].trouble, None);
    assert_eq!(told(&house).await, 2);
}

#[tokio::test]
async fn a_witness_that_saw_another_history_is_told_as_such() {
    let witness = Beside::new();
    let house = witness.house().await;
    newest(&house).await;
    *witness.seen.lock().unwrap() = Some(Seen { size: 3, root: pli::value::Digest::of(b"another history") });
    assert_eq!(house.app.show_to_witnesses(&witness).await.unwrap(), 0);
    assert_eq!(house.app.witnesses().await.unwrap()[0].trouble, Some(WitnessTrouble::SawAnother));

    // A witness that lost what it saw, or is new, starts from nothing and is no fork.
    *witness.seen.lock().unwrap() = None;
    house.sign_in("agent@carsat.example").await;
    newest(&house).await;
    assert_eq!(house.app.show_to_witnesses(&witness).await.unwrap(), 1);
}
