//! `Keyring`: what is made is durable, what is destroyed is gone.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use pli::app::ports::{Keyring, KeyringError, LogHead, Random, SecretName};
use pli::audit::Frontier;
use pli::relay::dkim::{DkimKey, DkimState, Selector};
use pli::retention::{ClockAnchor, KeyName, Standing, StandingNote, Subject};
use pli::store::{DirectoryKeyring, KeyringPlaces, MemoryKeyring, SystemRandom, make_gateway_key_file};
use pli::value::{AccountId, Day, Digest, Domain, Millis, Timestamp};
use pli::vault::{Identity, SigningAlgorithm, open, seal};

const TODAY: KeyName = KeyName::ExpiryDay(Day(20_778));
const TOMORROW: KeyName = KeyName::ExpiryDay(Day(20_779));

fn random() -> Arc<dyn Random> {
    Arc::new(SystemRandom)
}

fn places(at: &Path) -> KeyringPlaces {
    KeyringPlaces { directory: at.join("keyring"), mirror: None, gateway_key_file: at.join("gateway.key") }
}

fn mirrored(at: &Path) -> KeyringPlaces {
    KeyringPlaces { mirror: Some(at.join("mirror")), ..places(at) }
}

fn reopen(places: &KeyringPlaces) -> DirectoryKeyring {
    DirectoryKeyring::open(places, &random()).unwrap()
}

/// What holds for every adapter.
fn holds_the_contract(keyring: &dyn Keyring) {
    assert!(matches!(keyring.identity(TODAY), Err(KeyringError::NoKey(TODAY))));
    assert!(matches!(keyring.recipient(TODAY), Err(KeyringError::NoKey(TODAY))));
    keyring.make(TODAY).unwrap();
    keyring.make(TOMORROW).unwrap();
    let recipient = keyring.recipient(TODAY).unwrap();
    keyring.make(TODAY).unwrap();
    assert_eq!(keyring.recipient(TODAY).unwrap(), recipient, "a key that exists is left as it is");
    assert_eq!(keyring.names().unwrap(), [TODAY, TOMORROW].into());
    let sealed = seal(&recipient, b"letter").unwrap();
    assert_eq!(open(&keyring.identity(TODAY).unwrap(), &sealed).unwrap().expose(), b"letter");

    keyring.destroy(TODAY).unwrap();
    keyring.destroy(TODAY).unwrap();
    assert_is_gone(keyring);
    assert!(keyring.identity(TOMORROW).is_ok(), "the other keys stay");

    assert_eq!(keyring.secret(SecretName::Codes).unwrap(), keyring.secret(SecretName::Codes).unwrap());
    assert_ne!(keyring.secret(SecretName::Codes).unwrap(), keyring.secret(SecretName::Repeats).unwrap());
    assert_eq!(keyring.gateway().unwrap().recipient(), keyring.gateway().unwrap().recipient());

    assert_eq!(keyring.clock_anchor().unwrap(), None);
    keyring.set_clock_anchor(&anchor()).unwrap();
    assert_eq!(keyring.clock_anchor().unwrap(), Some(anchor()));

    assert!(keyring.standing().unwrap().is_empty());
    keyring.note_standing(&[note(1, Standing::Closed), note(2, Standing::Closed)]).unwrap();
    keyring.note_standing(&[note(1, Standing::Open)]).unwrap();
    assert_eq!(keyring.standing().unwrap(), notes());
    assert_eq!(keyring.dkim_keys().unwrap(), []);
    let key = mail_key();
    keyring.set_dkim_key(&key).unwrap();
    let signing = key.signing(Timestamp(5));
    keyring.set_dkim_key(&signing).unwrap();
    assert_eq!(keyring.dkim_keys().unwrap(), [signing], "one key of a name");
    assert_eq!(keyring.log_head().unwrap(), None);
    keyring.set_log_head(&head(2)).unwrap();
    keyring.set_log_head(&head(3)).unwrap();
    assert_eq!(keyring.log_head().unwrap(), Some(head(3)));
}

fn mail_key() -> DkimKey {
    let gateway = Identity::generate().recipient();
    DkimKey {
        domain: Domain::parse("pli.example").unwrap(),
        selector: Selector::parse("pli-1").unwrap(),
        algorithm: SigningAlgorithm::Ed25519,
        public: "11qYAYKxCrfVS".to_owned(),
        made_at: Timestamp(1),
        state: DkimState::Waiting,
        private: Some(seal(&gateway, b"private half").unwrap()),
    }
}

#[test]
fn a_mail_key_that_was_retired_in_one_copy_does_not_come_back_from_the_other() {
    let home = tempfile::tempdir().unwrap();
    let places = mirrored(home.path());
    make_gateway_key_file(&places.gateway_key_file).unwrap();
    let key = mail_key().signing(Timestamp(5));
    let keyring = reopen(&places);
    keyring.set_dkim_key(&key).unwrap();
    drop(keyring);
    let file = "dkim/pli-1.pli.example.json";
    let signing = fs::read(places.directory.join(file)).unwrap();
    let keyring = reopen(&places);
    keyring.set_dkim_key(&key.clone().retired(Timestamp(6))).unwrap();
    drop(keyring);
    // The first copy is as it was before, as after the loss of its disk.
    fs::write(places.directory.join(file), signing).unwrap();
    assert_eq!(reopen(&places).dkim_keys().unwrap(), [key.retired(Timestamp(6))]);
    let text = fs::read_to_string(places.directory.join(file)).unwrap();
    assert!(text.contains("retired") && text.contains("\"private\":null"), "{text}");
}

fn note(account: u8, standing: Standing) -> StandingNote {
    let subject = Subject::Account(AccountId::new([account; 16]));
    StandingNote { subject, standing, at: Timestamp(1_795_000_000_000) }
}

fn notes() -> Vec<StandingNote> {
    vec![note(1, Standing::Closed), note(2, Standing::Closed), note(1, Standing::Open)]
}

fn head(size: u8) -> LogHead {
    let mut frontier = Frontier::default();
    (0..size).for_each(|leaf| frontier.append(Digest::of(&[leaf])));
    LogHead { note: format!("pli.example\n{size}\n"), frontier }
}

fn assert_is_gone(keyring: &dyn Keyring) {
    assert!(matches!(keyring.identity(TODAY), Err(KeyringError::NoKey(TODAY))));
    assert!(matches!(keyring.recipient(TODAY), Err(KeyringError::NoKey(TODAY))));
    assert!(
        matches!(keyring.make(TODAY), Err(KeyringError::NoKey(TODAY))),
        "no key comes back under its name"
    );
    assert!(!keyring.names().unwrap().contains(&TODAY));
}

fn anchor() -> ClockAnchor {
    ClockAnchor { wall: Timestamp(1_795_000_000_000), since_boot: Millis(5), boot: "boot".into() }
}

#[test]
fn the_keyring_in_memory_holds_the_contract() {
    holds_the_contract(&MemoryKeyring::new(&random()));
}

#[test]
fn the_keyring_in_a_directory_holds_the_contract_and_keeps_it_across_a_restart() {
    let at = tempfile::tempdir().unwrap();
    for places in [places(at.path()), mirrored(&at.path().join("second"))] {
        fs::create_dir_all(places.gateway_key_file.parent().unwrap()).unwrap();
        make_gateway_key_file(&places.gateway_key_file).unwrap();
        let keyring = reopen(&places);
        holds_the_contract(&keyring);
        let kept = (keyring.recipient(TOMORROW).unwrap(), keyring.secret(SecretName::LogSigning).unwrap());
        drop(keyring);
        let keyring = reopen(&places);
        assert_is_gone(&keyring);
        assert_eq!(
            kept,
            (keyring.recipient(TOMORROW).unwrap(), keyring.secret(SecretName::LogSigning).unwrap())
        );
        assert_eq!(keyring.identity(TOMORROW).unwrap().recipient(), kept.0);
        assert_eq!(keyring.clock_anchor().unwrap(), Some(anchor()));
        assert_eq!((keyring.standing().unwrap(), keyring.log_head().unwrap()), (notes(), Some(head(3))));
    }
}

#[test]
fn a_key_file_is_what_the_stock_age_tool_reads() {
    let at = tempfile::tempdir().unwrap();
    let keyring = reopen(&places(at.path()));
    keyring.make(TODAY).unwrap();
    let text = fs::read_to_string(at.path().join(format!("keyring/days/{TODAY}.key"))).unwrap();
    assert!(
        text.lines().any(|line| line.starts_with("AGE-SECRET-KEY-1")),
        "an identity stands on a line of its own"
    );
    assert!(text.lines().all(|line| line.starts_with('#') || line.starts_with("AGE-SECRET-KEY-1")));
    assert_eq!(Identity::parse(&text).unwrap().recipient(), keyring.recipient(TODAY).unwrap());
}

#[test]
fn a_key_that_a_restored_copy_brings_back_is_destroyed_at_the_start() {
    let at = tempfile::tempdir().unwrap();
    let places = places(at.path());
    let file = places.directory.join(format!("days/{TODAY}.key"));
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    let copy = fs::read(&file).unwrap();
    keyring.destroy(TODAY).unwrap();
    fs::write(&file, &copy).unwrap();
    assert!(matches!(keyring.identity(TODAY), Err(KeyringError::NoKey(_))), "nor does it open while open");
    drop(keyring);
    assert_is_gone(&reopen(&places));
    assert!(!file.exists());
}

#[test]
fn what_is_destroyed_is_gone_from_the_mirror_too() {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    let copies =
        [&places.directory, places.mirror.as_ref().unwrap()].map(|p| p.join(format!("days/{TODAY}.key")));
    assert_eq!(fs::read(&copies[0]).unwrap(), fs::read(&copies[1]).unwrap());
    keyring.destroy(TODAY).unwrap();
    assert!(copies.iter().all(|copy| !copy.exists()));
}

#[test]
fn a_mirror_that_is_not_mounted_stops_making_and_destroying_until_it_is_back() {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let (mirror, away) = (places.mirror.clone().unwrap(), at.path().join("away"));
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    fs::rename(&mirror, &away).unwrap();
    fs::create_dir(&mirror).unwrap();
    assert!(matches!(keyring.make(TOMORROW), Err(KeyringError::Unavailable(_))));
    assert!(matches!(keyring.destroy(TODAY), Err(KeyringError::Unavailable(_))), "it is not gone everywhere");
    assert!(matches!(keyring.identity(TODAY), Err(KeyringError::NoKey(_))), "yet it opens nothing any more");
    drop(keyring);
    assert!(DirectoryKeyring::open(&places, &random()).is_err(), "an empty mount point is no mirror");
    fs::remove_dir_all(&mirror).unwrap();
    fs::rename(&away, &mirror).unwrap();
    assert_is_gone(&reopen(&places));
    assert!(!mirror.join(format!("days/{TODAY}.key")).exists(), "the mirror was brought to the same state");
}

#[test]
fn a_key_that_reached_only_the_mirror_before_a_crash_is_completed() {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    let recipient = keyring.recipient(TODAY).unwrap();
    drop(keyring);
    fs::remove_file(places.directory.join(format!("days/{TODAY}.key"))).unwrap();
    assert_eq!(reopen(&places).recipient(TODAY).unwrap(), recipient);
}

#[test]
fn copies_that_differ_and_damaged_files_are_told_not_mended() {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let file = places.directory.join(format!("days/{TODAY}.key"));
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    drop(keyring);
    let other = Identity::generate();
    fs::write(&file, other.expose().expose()).unwrap();
    assert!(matches!(DirectoryKeyring::open(&places, &random()), Err(KeyringError::Damaged(_))));
    fs::write(&file, "no key").unwrap();
    assert!(matches!(DirectoryKeyring::open(&places, &random()), Err(KeyringError::Damaged(_))));
}

#[test]
fn a_secret_that_was_lost_is_not_silently_made_anew() {
    let at = tempfile::tempdir().unwrap();
    let places = places(at.path());
    drop(reopen(&places));
    fs::remove_file(places.directory.join("secrets/log-signing.key")).unwrap();
    assert!(matches!(DirectoryKeyring::open(&places, &random()), Err(KeyringError::Damaged(_))));
}

#[test]
fn two_gateways_do_not_share_a_keyring() {
    let at = tempfile::tempdir().unwrap();
    let _first = reopen(&places(at.path()));
    assert!(matches!(
        DirectoryKeyring::open(&places(at.path()), &random()),
        Err(KeyringError::Unavailable(_))
    ));
}

#[test]
fn the_gateways_key_file_is_made_once_and_for_its_owner_only() {
    use std::os::unix::fs::PermissionsExt;
    let at = tempfile::tempdir().unwrap();
    let file = at.path().join("gateway.key");
    let recipient = make_gateway_key_file(&file).unwrap();
    assert!(make_gateway_key_file(&file).is_err(), "a key is not overwritten");
    assert_eq!(fs::metadata(&file).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(reopen(&places(at.path())).gateway().unwrap().recipient(), recipient);
}

#[test]
fn a_note_that_a_crash_left_unfinished_is_no_note_and_the_next_one_is_whole() {
    let at = tempfile::tempdir().unwrap();
    let places = places(at.path());
    reopen(&places).note_standing(&notes()).unwrap();
    let file = places.directory.join("standing.jsonl");
    let whole = fs::read(&file).unwrap();
    fs::write(&file, &whole[..whole.len() - 5]).unwrap();
    let keyring = reopen(&places);
    assert_eq!(keyring.standing().unwrap(), notes()[..2]);
    keyring.note_standing(&notes()[2..]).unwrap();
    assert_eq!(keyring.standing().unwrap(), notes());
    drop(keyring);
    fs::write(&file, [&whole[..], b"no note\n"].concat()).unwrap();
    assert!(matches!(DirectoryKeyring::open(&places, &random()), Err(KeyringError::Damaged(_))));
}

/// What each place holds of a keyring with a mirror, with one of them taken away while it is open.
fn with_one_place_away(
    which: usize,
) -> (tempfile::TempDir, KeyringPlaces, std::path::PathBuf, DirectoryKeyring) {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    keyring.set_clock_anchor(&anchor()).unwrap();
    let away = [&places.directory, places.mirror.as_ref().unwrap()][which].clone();
    fs::rename(&away, at.path().join("away")).unwrap();
    (at, places, away, keyring)
}

#[test]
fn with_either_place_lost_while_running_what_is_live_opens_and_nothing_counts_as_destroyed() {
    for which in [0, 1] {
        let (at, places, away, keyring) = with_one_place_away(which);
        assert!(keyring.identity(TODAY).is_ok(), "the other copy has it");
        assert!(keyring.secret(SecretName::Codes).is_ok());
        assert_eq!(keyring.clock_anchor().unwrap(), Some(anchor()));
        assert!(
            matches!(keyring.identity(TOMORROW), Err(KeyringError::NoKey(_) | KeyringError::Unavailable(_))),
            "a key that no copy has"
        );
        assert!(matches!(keyring.make(TOMORROW), Err(KeyringError::Unavailable(_))), "not in every copy");
        keyring.note_standing(&notes()).unwrap();
        keyring.set_log_head(&head(3)).unwrap();
        assert_eq!(keyring.standing().unwrap(), notes());
        assert!(matches!(keyring.destroy(TODAY), Err(KeyringError::Unavailable(_))), "not gone everywhere");
        assert!(matches!(keyring.identity(TODAY), Err(KeyringError::NoKey(_))));
        drop(keyring);

        fs::rename(at.path().join("away"), &away).unwrap();
        let keyring = reopen(&places);
        assert_is_gone(&keyring);
        drop(keyring);
        for place in [&places.directory, places.mirror.as_ref().unwrap()] {
            assert!(!place.join(format!("days/{TODAY}.key")).exists(), "{}", place.display());
            assert_eq!(fs::read_to_string(place.join("standing.jsonl")).unwrap().lines().count(), 3);
            assert!(place.join("log-head.json").exists());
        }
    }
}

#[test]
fn with_both_places_lost_no_key_is_told_as_destroyed() {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    fs::remove_dir_all(&places.directory).unwrap();
    fs::remove_dir_all(places.mirror.as_ref().unwrap()).unwrap();
    assert!(matches!(keyring.identity(TODAY), Err(KeyringError::Unavailable(_))));
    assert!(keyring.note_standing(&notes()).is_err());
}

#[test]
fn a_first_place_that_is_lost_is_made_anew_from_the_mirror_by_hand_only() {
    let at = tempfile::tempdir().unwrap();
    let places = mirrored(at.path());
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    keyring.set_clock_anchor(&anchor()).unwrap();
    let recipient = keyring.recipient(TODAY).unwrap();
    drop(keyring);
    fs::remove_dir_all(&places.directory).unwrap();
    assert!(
        matches!(DirectoryKeyring::open(&places, &random()), Err(KeyringError::Damaged(_))),
        "an empty disk in the place of the first one makes no new keyring beside a mirror"
    );
    // The operator's guide: copy the mirror to the new disk.
    fs::remove_dir_all(&places.directory).unwrap();
    copy(places.mirror.as_ref().unwrap(), &places.directory);
    let keyring = reopen(&places);
    assert_eq!(keyring.recipient(TODAY).unwrap(), recipient);
    assert_eq!(keyring.clock_anchor().unwrap(), Some(anchor()), "the clock is held to what it was");
}

fn copy(from: &Path, to: &Path) {
    fs::create_dir_all(to).unwrap();
    for entry in fs::read_dir(from).unwrap().map(Result::unwrap) {
        let target = to.join(entry.file_name());
        if entry.path().is_dir() {
            copy(&entry.path(), &target);
        } else {
            fs::copy(entry.path(), target).unwrap();
        }
    }
}

#[test]
fn on_a_full_disk_a_key_still_goes_yet_counts_as_destroyed_only_when_all_is_noted() {
    let at = tempfile::tempdir().unwrap();
    for full in ["keyring", "mirror"] {
        let places = mirrored(&at.path().join(full).join("of"));
        let place = at.path().join(full).join("of").join(full);
        let keyring = reopen(&places);
        keyring.make(TODAY).unwrap();
        // Whatever is written there answers that no space is left.
        std::os::unix::fs::symlink("/dev/full", place.join("destroyed.tmp")).unwrap();
        std::os::unix::fs::symlink("/dev/full", place.join(format!("days/{TOMORROW}.key.tmp"))).unwrap();
        assert!(matches!(keyring.make(TOMORROW), Err(KeyringError::Unavailable(_))), "{full}");
        assert!(matches!(keyring.destroy(TODAY), Err(KeyringError::Unavailable(_))), "{full}");
        assert!(!place.join(format!("days/{TODAY}.key")).exists(), "its bytes are gone all the same");
        // There is room again.
        fs::remove_file(place.join("destroyed.tmp")).unwrap();
        fs::remove_file(place.join(format!("days/{TOMORROW}.key.tmp"))).unwrap();
        keyring.destroy(TODAY).unwrap();
        keyring.make(TOMORROW).unwrap();
        drop(keyring);
        assert_is_gone(&reopen(&places));
    }
}

/// A disk that hangs holds up who asked it, and nobody who asks what is known; and what is destroyed while it hangs is not
/// given, whatever the disk answers at last.
#[test]
fn a_disk_that_hangs_holds_up_nothing_that_is_known_and_brings_no_destroyed_key_back() {
    let at = tempfile::tempdir().unwrap();
    let places = places(at.path());
    let keyring = reopen(&places);
    keyring.make(TODAY).unwrap();
    keyring.make(TOMORROW).unwrap();
    let file = places.directory.join(format!("days/{TODAY}.key"));
    let text = fs::read(&file).unwrap();
    fs::remove_file(&file).unwrap();
    let (kind, owner) = (rustix::fs::FileType::Fifo, rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR);
    rustix::fs::mknodat(rustix::fs::CWD, &file, kind, owner, 0).unwrap();
    std::thread::scope(|scope| {
        let asking = scope.spawn(|| keyring.identity(TODAY));
        // Returns when the other thread has begun to read.
        let mut disk = fs::File::options().write(true).open(&file).unwrap();
        assert!(keyring.recipient(TOMORROW).is_ok());
        keyring.destroy(TOMORROW).unwrap();
        assert!(matches!(keyring.recipient(TOMORROW), Err(KeyringError::NoKey(_))));
        keyring.set_clock_anchor(&anchor()).unwrap();
        assert!(keyring.destroy(TODAY).is_err(), "a disk that hangs is not overwritten");
        std::io::Write::write_all(&mut disk, &text).unwrap();
        drop(disk);
        assert!(matches!(asking.join().unwrap(), Err(KeyringError::NoKey(_))));
    });
}
