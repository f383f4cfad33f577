//! Recovery without Pli: what two people took out opens with the recovery identity alone, also while a key rotation is
//! unfinished, in pieces, and of held deposits; one person, another's password and a day later get nothing, and the log
//! tells of each try.

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use pli::app::ports::{Key, List, ScanStream, Scanner, ScannerError, ScannerState};
use pli::app::{RecoveryError, RecoveryFile, Scanning, Voucher};
use pli::audit::{Action, Actor, Object, Origin, Outcome, RecoveryPurpose, RefusalReason};
use pli::identity::Password;
use pli::retention::RecoveryRefusal;
use pli::store::testing::Fault;
use pli::value::{ByteSize, Millis, RecoveryId};
use pli::vault::{Identity, Sealed, open};
use serde_json::Value;

use crate::custody_house::{COLLEAGUE, MEMBER, account, admit, log, members_house};
use crate::house::{House, PASSWORD, address, visitor};

const OFFICER: &str = "securite@carsat.example";

/// The file that is being written, and all that was written.
type Written = (String, BTreeMap<String, Vec<u8>>);

/// Keeps the files of an export.
#[derive(Clone, Default)]
struct Files(Arc<Mutex<Written>>);

impl RecoveryFile for Files {
    fn begin(&mut self, path: &str) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap();
        path.clone_into(&mut kept.0);
        assert!(kept.1.insert(path.to_owned(), Vec::new()).is_none(), "{path} twice");
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let mut kept = self.0.lock().unwrap();
        let path = kept.0.clone();
        kept.1.get_mut(&path).unwrap().extend_from_slice(bytes);
        Ok(())
    }
}

impl Files {
    fn open(&self, key: &Identity, path: &Value) -> Vec<u8> {
        let bytes = self.0.lock().unwrap().1[path.as_str().unwrap()].clone();
        open(key, &Sealed::from_bytes(bytes).unwrap()).unwrap().expose().to_vec()
    }

    fn key(&self, with: &Identity, path: &Value) -> Identity {
        Identity::parse(std::str::from_utf8(&self.open(with, path)).unwrap().trim()).unwrap()
    }

    fn index(&self) -> Value {
        serde_json::from_slice(&self.0.lock().unwrap().1["index.json"]).unwrap()
    }

    /// The parts of a transfer, as somebody opens them who has the recovery identity and nothing else.
    fn parts(&self, recovery: &Identity, transfer: &Value) -> Vec<Vec<u8>> {
        let day = self.key(recovery, &transfer["day_key"]);
        let mailbox = self.key(recovery, &transfer["mailbox_key"]);
        let inner = Sealed::from_bytes(self.open(&day, &transfer["grant"])).unwrap();
        let grant: Value = serde_json::from_slice(open(&mailbox, &inner).unwrap().expose()).unwrap();
        let own = Identity::parse(grant["identity"].as_str().unwrap()).unwrap();
        transfer["objects"].as_array().unwrap().iter().map(|part| self.joined(&own, part)).collect()
    }

    fn joined(&self, own: &Identity, segments: &Value) -> Vec<u8> {
        segments.as_array().unwrap().iter().flat_map(|segment| self.open(own, segment)).collect()
    }
}

fn with_recovery(mut house: House) -> (House, Identity) {
    let recovery = Identity::generate();
    Arc::get_mut(&mut house.app).unwrap().settings.recovery = Some(recovery.recipient());
    (house, recovery)
}

fn voucher(who: &str) -> Voucher {
    Voucher { address: address(who), password: Password::new(PASSWORD.into()) }
}

impl House {
    async fn asked(&self, who: &str) -> RecoveryId {
        let purpose = RecoveryPurpose::Drill;
        self.app.ask_for_recovery(voucher(who), purpose, Origin::Cli).await.unwrap().id
    }

    async fn agreed(&self) -> RecoveryId {
        let id = self.asked(MEMBER).await;
        self.app.confirm_recovery(id, voucher(OFFICER), Origin::Cli).await.unwrap();
        id
    }

    async fn export(&self, id: RecoveryId, who: &str) -> Result<Files, RecoveryError> {
        let files = Files::default();
        let to = Box::new(files.clone());
        self.app.export_recovery_keys(id, voucher(who), to, Origin::Cli).await.map(|_| files)
    }
}

fn refusal<T>(answer: Result<T, RecoveryError>) -> RecoveryRefusal {
    match answer {
        Err(RecoveryError::Refused(refusal)) => refusal,
        Err(other) => panic!("{other}"),
        Ok(_) => panic!("it was not refused"),
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn while_a_key_rotation_is_unfinished_old_and_new_mail_comes_out() {
    let (house, recovery) = with_recovery(members_house().await);
    let member = house.sign_in(MEMBER).await;
    admit(&house, &member, COLLEAGUE).await;
    house.deposit().await;
    let colleague = account(&house, COLLEAGUE).await.id;
    house.store.fail_commit_after(1, Fault::NotPersisted);
    house.app.remove_member(&member, &house.pensions.slug, colleague, visitor()).await.unwrap();
    assert_eq!(house.app.store.list(&List::KeyRotations, 10).await.unwrap().len(), 1, "under way");
    house.deposit().await;

    let id = house.agreed().await;
    let files = house.export(id, OFFICER).await.unwrap();
    let index = files.index();
    let transfers = index["transfers"].as_array().unwrap();
    assert_eq!(transfers.len(), 2);
    assert_ne!(transfers[0]["mailbox_key"], transfers[1]["mailbox_key"], "one is sealed to the key before");
    for transfer in transfers {
        let parts = files.parts(&recovery, transfer);
        assert!(parts[0].windows(7).any(|text| text == b"dossier"));
        assert_eq!(parts[1], b"%PDF-1.7 synthetic");
    }

    // Nobody opens the mailbox any more before the rotation ends: what it left behind is not lost.
    let password = Password::new("une phrase de passe oubliée".into()).unwrap();
    house.app.reset_password(member.account.id, password, true, Origin::Cli).await.unwrap();
    assert!(house.app.found_anew(house.pensions.id, &[member.account.id], Origin::Cli).await.unwrap());
    let again = house.export(id, OFFICER).await.unwrap();
    for transfer in again.index()["transfers"].as_array().unwrap() {
        assert_eq!(again.parts(&recovery, transfer)[1], b"%PDF-1.7 synthetic");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn wrong_passwords_are_slowed_down_by_address_and_the_refusals_are_told() {
    let (house, _) = with_recovery(members_house().await);
    let wrong = || Voucher { address: address(OFFICER), password: None };
    let ask = |voucher| house.app.ask_for_recovery(voucher, RecoveryPurpose::Drill, Origin::Cli);
    for _ in 0..20 {
        assert_eq!(refusal(ask(wrong()).await), RecoveryRefusal::Credentials);
    }
    let waits = RecoveryRefusal::TooManyTries { minutes: 16 };
    assert_eq!(refusal(ask(wrong()).await), waits);
    assert_eq!(refusal(ask(voucher(OFFICER)).await), waits, "the right one is not even looked at");
    assert!(ask(voucher(MEMBER)).await.is_ok(), "nobody else waits");
    let last = log(&house).await.into_iter().rev().find(|event| event.actor == Actor::Anonymous).unwrap();
    assert_eq!(last.outcome, Outcome::Refused(RefusalReason::TooManyTries));
    house.clock.advance(Millis::minutes(15));
    assert!(ask(voucher(OFFICER)).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_two_people_no_key_goes_out_and_each_try_is_told() {
    let (house, _) = with_recovery(members_house().await);
    house.deposit().await;
    let wrong = Voucher { address: address(OFFICER), password: Password::new("une autre phrase".into()) };
    let asked = house.app.ask_for_recovery(wrong, RecoveryPurpose::Breakdown, Origin::Cli).await;
    assert_eq!(refusal(asked), RecoveryRefusal::Credentials);
    let nobody =
        house.app.ask_for_recovery(voucher("x@y.example"), RecoveryPurpose::Drill, Origin::Cli).await;
    assert_eq!(refusal(nobody), RecoveryRefusal::Credentials);

    let id = house.asked(MEMBER).await;
    assert_eq!(refusal(house.export(id, MEMBER).await), RecoveryRefusal::SecondPerson);
    let confirm = |who, id| house.app.confirm_recovery(id, voucher(who), Origin::Cli);
    assert_eq!(refusal(confirm(MEMBER, id).await), RecoveryRefusal::SecondPerson);
    assert_eq!(refusal(confirm(COLLEAGUE, id).await), RecoveryRefusal::NoOfficer);
    assert_eq!(refusal(confirm(OFFICER, RecoveryId::new([7; 16])).await), RecoveryRefusal::Unknown);
    confirm(OFFICER, id).await.unwrap();
    assert_eq!(refusal(confirm(COLLEAGUE, id).await), RecoveryRefusal::Confirmed);
    assert_eq!(refusal(house.export(id, COLLEAGUE).await), RecoveryRefusal::NotOfTheTwo);

    // A second person who is cut off meanwhile takes the word back.
    let late = house.asked(COLLEAGUE).await;
    confirm(OFFICER, late).await.unwrap();
    house.app.cut_off(account(&house, COLLEAGUE).await.id, Origin::Cli).await.unwrap();
    assert_eq!(refusal(house.export(late, OFFICER).await), RecoveryRefusal::CutOff);

    // A day later the word of both is over, and forgotten.
    house.clock.advance(Millis::hours(24));
    assert_eq!(refusal(house.export(id, OFFICER).await), RecoveryRefusal::Over);
    house.app.upkeep().await.unwrap();
    assert!(house.record(&Key::RecoveryRequest(id)).await.is_none());

    let events = log(&house).await;
    let count =
        |action, outcome| events.iter().filter(|e| (e.action, e.outcome) == (action, outcome)).count();
    let refused = |reason| Outcome::Refused(reason);
    assert_eq!(count(Action::RecoveryAsked, refused(RefusalReason::CredentialsWrong)), 2);
    assert_eq!(count(Action::RecoveryConfirmed, refused(RefusalReason::SecondPersonNeeded)), 2);
    assert_eq!(count(Action::RecoveryConfirmed, refused(RefusalReason::NotFound)), 1);
    assert_eq!(count(Action::RecoveryConfirmed, refused(RefusalReason::PolicyDenied)), 1);
    assert_eq!(count(Action::RecoveryKeysExported, refused(RefusalReason::SecondPersonNeeded)), 1);
    assert_eq!(count(Action::RecoveryKeysExported, refused(RefusalReason::NotEntitled)), 1);
    assert_eq!(count(Action::RecoveryKeysExported, refused(RefusalReason::AccountCutOff)), 1);
    assert_eq!(count(Action::RecoveryKeysExported, refused(RefusalReason::RecoveryRequestOver)), 1);
    assert_eq!(count(Action::DayKeyExported, Outcome::Done), 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_held_deposit_comes_out_by_its_draft_key_and_the_log_names_both_people() {
    let scanning = Scanning { scanner: Arc::new(Gone), signatures_max_age: None };
    let (house, recovery) = with_recovery(House::build_with(Some(scanning)).await);
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    house.send(&draft, "Demande urgente").await.unwrap();

    let files = house.export(house.agreed().await, MEMBER).await.unwrap();
    let index = files.index();
    let [held] = &index["held"].as_array().unwrap()[..] else { panic!("{index}") };
    let own = files.key(&files.key(&recovery, &held["day_key"]), &held["key"]);
    let parts = held["parts"].as_array().unwrap();
    assert_eq!(files.joined(&own, &parts[1]["objects"]), b"%PDF-1.7 synthetic");
    let entry: Value = serde_json::from_slice(&files.open(&own, &parts[1]["entry"])).unwrap();
    assert_eq!(entry["name"], "avis.pdf");

    let events = log(&house).await;
    let (first, second) = (account(&house, MEMBER).await.person, account(&house, OFFICER).await.person);
    for outcome in [Outcome::Intended, Outcome::Done] {
        let told = events.iter().find(|e| (e.action, e.outcome) == (Action::RecoveryKeysExported, outcome));
        let told = told.unwrap();
        assert_eq!((told.actor, told.object), (Actor::Person(first), Object::Person(second)));
    }
    assert_eq!(events.iter().filter(|e| e.action == Action::DraftKeyExported).count(), 1);
}

/// A scanner that does not answer.
struct Gone;

#[async_trait]
impl Scanner for Gone {
    async fn state(&self) -> Result<ScannerState, ScannerError> {
        Err(ScannerError::Unavailable(io::ErrorKind::ConnectionRefused.into()))
    }

    async fn begin(&self) -> Result<Box<dyn ScanStream>, ScannerError> {
        Err(ScannerError::Unavailable(io::ErrorKind::ConnectionRefused.into()))
    }

    async fn begin_now(&self) -> Result<Option<Box<dyn ScanStream>>, ScannerError> {
        self.begin().await.map(Some)
    }

    fn largest(&self) -> ByteSize {
        ByteSize::mebibytes(100)
    }
}
