//! Timestamps (RFC 3161): a checkpoint is stamped in its rhythm, what comes back is checked before it is kept, and
//! nothing waits for a silent authority. Answers are made, and checked once more, by openssl.

use std::fs;
use std::sync::Mutex;

use async_trait::async_trait;
use pli::app::ports::TimestampTrouble;
use pli::app::{AuditSettings, TimestampDoor, TimestampDoorError, Timestamping};
use pli::audit::{Action, AlertKind, Checkpoint, TimestampAuthority, TimestampError, TimestampRequest};
use pli::value::Millis;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;

use crate::house::House;

#[path = "../tools/timestamp_authority.rs"]
mod timestamp_authority;

use timestamp_authority::{Authority, ELLIPTIC, RSA};

const URL: &str = "https://tsa.example/stamp";

/// An authority without a wire between.
struct Beside {
    authority: Authority,
    problem: Mutex<Option<TimestampDoorError>>,
    /// What it answers instead.
    instead: Mutex<Option<Vec<u8>>>,
    asked: Mutex<u32>,
}

impl Beside {
    fn new() -> Self {
        let authority = Authority::new(ELLIPTIC);
        Self { authority, problem: Mutex::default(), instead: Mutex::default(), asked: Mutex::default() }
    }

    async fn house(&self) -> House {
        let every = Millis::hours(24);
        let timestamps = Timestamping { url: URL.to_owned(), authority: trusted(&self.authority), every };
        House::with(AuditSettings { timestamps: Some(timestamps), ..AuditSettings::default() }).await
    }

    fn asked(&self) -> u32 {
        *self.asked.lock().unwrap()
    }
}

#[async_trait]
impl TimestampDoor for Beside {
    async fn stamp(&self, url: &str, request: Vec<u8>) -> Result<Vec<u8>, TimestampDoorError> {
        assert_eq!(url, URL);
        *self.asked.lock().unwrap() += 1;
        if let Some(problem) = *self.problem.lock().unwrap() {
            return Err(problem);
        }
        Ok(self.instead.lock().unwrap().clone().unwrap_or_else(|| self.authority.reply(&request)))
    }
}

fn trusted(authority: &Authority) -> TimestampAuthority {
    let certificates = CertificateDer::pem_file_iter(authority.certificate()).unwrap();
    TimestampAuthority::new(certificates.collect::<Result<_, _>>().unwrap()).unwrap()
}

async fn told(house: &House) -> usize {
    house.events().await.into_iter().filter(|action| *action == Action::CheckpointStamped).count()
}

#[tokio::test]
async fn a_checkpoint_is_stamped_once_a_day_and_openssl_agrees() {
    let beside = Beside::new();
    let house = beside.house().await;
    assert!(!house.app.stamp_checkpoint(&beside).await.unwrap(), "there is nothing to stamp yet");
    house.app.sign_checkpoint().await.unwrap();
    assert!(house.app.stamp_checkpoint(&beside).await.unwrap());
    house.deposit().await;
    house.app.sign_checkpoint().await.unwrap();
    assert!(!house.app.stamp_checkpoint(&beside).await.unwrap(), "one a day is enough");
    assert_eq!((beside.asked(), told(&house).await), (1, 1));

    let kept = house.app.timestamps(10).await.unwrap().remove(0);
    assert!(Checkpoint::open(&kept.note, &house.app.log_key().unwrap()).is_ok(), "a signed checkpoint");
    let (answer, stamped) =
        (house.directory.path().join("a.tsr"), house.directory.path().join("a.checkpoint"));
    fs::write(&answer, kept.answer_der().unwrap()).unwrap();
    fs::write(&stamped, &kept.note).unwrap();
    assert!(beside.authority.verifies(&answer, &stamped));
    fs::write(&stamped, kept.note.replace('\n', "\n\n")).unwrap();
    assert!(!beside.authority.verifies(&answer, &stamped), "another text is not stamped");

    let view = house.app.log_state().await.unwrap().timestamps.unwrap();
    assert_eq!(view.stamped, Some((kept.size, house.app.now().at)));
    assert_eq!(view.trouble, None);
    house.clock.advance(Millis::hours(24));
    assert!(house.app.stamp_checkpoint(&beside).await.unwrap());
    let sizes: Vec<u64> = house.app.timestamps(10).await.unwrap().iter().map(|one| one.size).collect();
    assert!(sizes.len() == 2 && sizes[0] > sizes[1], "newest first: {sizes:?}");
}

#[tokio::test]
async fn a_silent_authority_is_told_once_left_alone_for_a_while_and_alerts_the_officer() {
    let beside = Beside::new();
    let house = beside.house().await;
    *beside.problem.lock().unwrap() = Some(TimestampDoorError::Unreachable);
    house.app.sign_checkpoint().await.unwrap();
    for _ in 0..3 {
        assert!(!house.app.stamp_checkpoint(&beside).await.unwrap());
    }
    assert_eq!((beside.asked(), told(&house).await), (1, 1), "it is left alone");
    house.clock.advance(Millis::minutes(6));
    assert!(!house.app.stamp_checkpoint(&beside).await.unwrap());
    assert_eq!((beside.asked(), told(&house).await), (2, 1), "the same trouble is told once");
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [], "not yet a silence");
    house.clock.advance(Millis::hours(3));
    house.app.watch().await.unwrap();
    assert_eq!(house.alerts().await, [AlertKind::TimestampSilent]);
    *beside.problem.lock().unwrap() = None;
    assert!(house.app.stamp_checkpoint(&beside).await.unwrap());
    assert_eq!(house.app.timestamp_view().await.unwrap().unwrap().trouble, None);
}

#[tokio::test]
async fn an_answer_that_does_not_hold_is_not_kept() {
    let beside = Beside::new();
    let house = beside.house().await;
    house.app.sign_checkpoint().await.unwrap();
    let another = TimestampRequest::new(b"something else", [1; 8]).to_der();
    *beside.instead.lock().unwrap() = Some(beside.authority.reply(&another));
    assert!(!house.app.stamp_checkpoint(&beside).await.unwrap());
    assert_eq!(house.app.timestamps(10).await.unwrap(), []);
    let (trouble, _) = house.app.timestamp_view().await.unwrap().unwrap().trouble.unwrap();
    assert_eq!(trouble, TimestampTrouble::NotVerified);
}

#[test]
fn tokens_of_both_kinds_of_key_verify_and_nothing_else_does() {
    for kind in [ELLIPTIC, RSA] {
        let mut refused = 0;
        let authority = Authority::new(kind);
        let trusted = trusted(&authority);
        let request = TimestampRequest::new(b"a checkpoint", [7; 8]);
        let answer = authority.reply(&request.to_der());
        let at = trusted.answered(&answer, &request).unwrap();
        assert_eq!(trusted.stamped_at(&answer, b"a checkpoint"), Ok(at));
        assert_eq!(trusted.stamped_at(&answer, b"another one"), Err(TimestampError::Imprint));
        let again = TimestampRequest::new(b"a checkpoint", [8; 8]);
        assert_eq!(trusted.answered(&answer, &again), Err(TimestampError::Nonce), "an old answer sent again");
        let signature = answer.len() - 40..answer.len();
        let imprint = place_of(&answer, pli::value::Digest::of(b"a checkpoint").as_bytes());
        // From the hash over the serial number to the time.
        let content = imprint..imprint + 32 + 20;
        for place in 0..answer.len() {
            let mut changed = answer.clone();
            changed[place] ^= 1;
            match trusted.answered(&changed, &request) {
                // Names of algorithms and of the signer stand outside of what is signed, and nothing is read from them.
                Ok(said) => {
                    assert!(!content.contains(&place) && !signature.contains(&place), "byte {place}");
                    assert_eq!(said, at, "byte {place}");
                }
                Err(_) => refused += 1,
            }
        }
        assert!(refused > answer.len() / 2, "{refused} of {} changes are refused", answer.len());
        for length in 0..answer.len() {
            assert!(trusted.answered(&answer[..length], &request).is_err(), "cut at {length}");
        }
    }
}

fn place_of(bytes: &[u8], what: &[u8]) -> usize {
    bytes.windows(what.len()).position(|window| window == what).unwrap()
}

#[test]
fn an_authority_of_another_name_or_for_another_use_is_not_believed() {
    let (authority, other) = (Authority::new(ELLIPTIC), Authority::new(ELLIPTIC));
    let request = TimestampRequest::new(b"a checkpoint", [7; 8]);
    let answer = authority.reply(&request.to_der());
    assert_eq!(trusted(&other).answered(&answer, &request), Err(TimestampError::Signer));
    assert_eq!(TimestampAuthority::new(Vec::new()), Err(TimestampError::Authority));
    assert_eq!(
        TimestampAuthority::new(vec![CertificateDer::from(vec![0x30, 0x00])]),
        Err(TimestampError::Authority)
    );
}
