//! Yesterday's backup, restored: what expired opens nowhere, what was cut off stays cut off, nothing that was handed out
//! opens any more, no letter leaves twice, what is missing of the log is told; and what was deposited opens.

use std::sync::Arc;

use pli::app::ports::{Change, Key, List, Record, RestorationState, UnitOfWork};
use pli::app::{
    App, AppError, AppParts, BackupError, BackupTarget, OpenError, Policies, QueueChange, Restored,
    SignInError, SuspendedMails, TreatedAs, check_backup,
};
use pli::audit::{Action, Actor, Origin, Verdict, verify};
use pli::identity::{Account, AccountState, Password};
use pli::relay::letter::LetterKind;
use pli::relay::queue::MailState;
use pli::retention::KeyName;
use pli::store::testing::FaultyStore;
use pli::store::{DirectoryObjects, MemoryStore};
use pli::value::{Language, MailboxId, Millis, Reference, Token};

use crate::custody_house::new_account;
use crate::house::{DEPOSITOR, House, PASSWORD, address, is_found_below, mail_text, relay, visitor};

const AGENT: &str = "agent@carsat.example";
const OTHER: &str = "autre@carsat.example";
const MANAGERS: [&str; 2] = ["une.fois@carsat.example", "encore@carsat.example"];

pub async fn back_up(house: &House) -> Vec<u8> {
    let target = BackupTarget { writer: Vec::new(), progress: Box::new(|_| ()) };
    house.app.back_up(target, Actor::Operator, Origin::Cli).await.unwrap().0
}

/// An empty gateway beside the same keyring, as after a disk was lost.
pub fn empty(house: &House) -> House {
    let directory = tempfile::tempdir().unwrap();
    let store = Arc::new(FaultyStore::watched(Arc::new(MemoryStore::default()), crate::log_coverage::watch));
    let policies = house.app.policies.load();
    let app = App::new(AppParts {
        store: store.clone(),
        objects: Arc::new(DirectoryObjects::open(directory.path(), house.app.random.clone()).unwrap()),
        keyring: house.app.keyring.clone(),
        clock: house.clock.clone(),
        random: house.app.random.clone(),
        delivery: house.outbox.clone(),
        names: house.names.clone(),
        senders: house.senders.clone(),
        policies: Policies {
            digest: policies.digest,
            people: policies.people.clone(),
            ..pli::serve::policies::load(None).unwrap()
        },
        settings: house.app.settings.clone(),
        scanning: None,
    });
    let (clock, outbox) = (house.clock.clone(), house.outbox.clone());
    let senders = house.senders.clone();
    House {
        app: Arc::new(app.unwrap()),
        store,
        clock,
        outbox,
        senders,
        names: house.names.clone(),
        pensions: house.pensions.clone(),
        directory,
    }
}

pub async fn restore(house: &House, backup: Vec<u8>) -> Result<Restored, BackupError> {
    house.app.restore(std::io::Cursor::new(backup), false, Origin::Cli).await
}

async fn account(house: &House, who: &str) -> Account {
    let found = house.app.store.list(&List::AccountByAddress(address(who)), 1).await.unwrap();
    let Record::Account(account) = found[0].record.clone() else { panic!() };
    account
}

async fn managers(house: &House, who: &str, change: impl FnOnce(&mut Vec<MailboxId>)) {
    let mut account = account(house, who).await;
    change(&mut account.manages);
    put(house, account.into()).await;
}

async fn put(house: &House, record: Record) {
    house
        .app
        .store
        .commit(UnitOfWork { changes: vec![Change::Put(record)], ..UnitOfWork::default() })
        .await
        .unwrap();
}

async fn verdict(house: &House, outside: Option<&str>) -> Verdict {
    let path = house.directory.path().join("journal.export");
    let file = std::fs::File::create(&path).unwrap();
    house.app.export_log(file, Actor::Operator, Origin::Cli).await.unwrap();
    let reader = std::io::BufReader::new(std::fs::File::open(&path).unwrap());
    verify(reader, &house.app.log_key().unwrap(), outside)
}

#[tokio::test(flavor = "multi_thread")]
async fn yesterdays_backup_brings_back_what_may_be_and_nothing_else() {
    let house = House::build().await;
    let mail = format!("From: {DEPOSITOR}\nSubject: x\nMessage-ID: <e@departement.example>\n\nBonjour\n");
    house.mail_in(Some(DEPOSITOR), &mail, relay()).await.unwrap();
    house.clock.advance(Millis::days(4));
    house.app.upkeep().await.unwrap();
    let draft = house.draft().await;
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    house.app.deliver_due_mails().await.unwrap();
    let a = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let cookie =
        house.app.sign_in(Some(address(AGENT)), Password::new(PASSWORD.into()), visitor()).await.unwrap();
    house.app.request_proof(&house.pensions, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    let before = house.app.sign_checkpoint().await.unwrap().unwrap().note;

    let backup = back_up(&house).await;
    let checked = check_backup(&backup[..]).unwrap();
    assert!(checked.end.objects >= 4 && checked.end.erased.is_empty(), "{:?}", checked.end);
    holds_no_key(&house, &backup);

    // A day goes on: the letters leave, another deposit, an account is cut off, a member removed, content expires.
    house.app.deliver_due_mails().await.unwrap();
    let link = house
        .mails_to(DEPOSITOR)
        .await
        .into_iter()
        .map(|mail| mail_text(&mail))
        .rfind(|text| text.contains("/depot/lien/"))
        .unwrap();
    let link = link.split("/depot/lien/").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
    let b = house.deposit().await;
    let mut cut_off = account(&house, "securite@carsat.example").await;
    cut_off.state = AccountState::CutOff { since: house.app.now().at };
    put(&house, cut_off.into()).await;
    let mut removed = account(&house, OTHER).await;
    removed.mailboxes.clear();
    put(&house, removed.into()).await;
    let after = house.app.sign_checkpoint().await.unwrap().unwrap();
    house.clock.advance(Millis::days(2));
    let e_day = (crate::house::NOW + Millis::days(5)).day();
    house.app.upkeep().await.unwrap();
    assert!(house.app.keyring.identity(KeyName::ExpiryDay(e_day)).is_err(), "the day's key is destroyed");
    let delivered = house.outbox.mails.lock().unwrap().len();

    let restored = empty(&house);
    let done = restore(&restored, backup.clone()).await.unwrap();
    let report = done.restoration.report;
    assert_eq!((report.accounts_cut_off, report.memberships_removed), (1, 1), "{report:?}");
    assert!(
        report.mails_suspended >= 3 && report.sessions_ended == 1 && report.links_voided >= 1,
        "{report:?}"
    );

    // Closed, also for a gateway that starts anew on the same store.
    assert!(restored.app.is_closed());
    restored.app.look_for_restoration().await.unwrap();
    let asked =
        restored.app.request_proof(&restored.pensions, address(DEPOSITOR), Language::Fr, visitor()).await;
    assert!(matches!(asked, Err(AppError::ClosedAfterRestore)));
    assert!(restored.mail_in(Some(DEPOSITOR), &mail, relay()).await.is_err());
    let password = || Password::new(PASSWORD.into());
    let signing_in = restored.app.sign_in(Some(address(AGENT)), password(), visitor()).await;
    assert!(matches!(signing_in, Err(SignInError::Fault(AppError::ClosedAfterRestore))));
    assert!(restored.app.open_after_restore(Origin::Cli).await.unwrap());
    assert!(!restored.app.open_after_restore(Origin::Cli).await.unwrap(), "once");

    // What was handed out before opens nothing.
    assert!(restored.app.signed(&cookie, visitor()).await.unwrap().is_none(), "the session ended");
    assert!(restored.app.open_draft_by_link(&Token::parse(&link).unwrap(), visitor()).await.is_err());
    assert!(restored.app.draft(draft.0, &draft.1).await.unwrap().is_none(), "the browser is shut out");
    let officer = restored.app.sign_in(Some(address("securite@carsat.example")), password(), visitor()).await;
    assert!(matches!(officer, Err(SignInError::Refused)), "who was cut off stays cut off");
    assert!(account(&restored, OTHER).await.mailboxes.is_empty(), "who was removed stays removed");

    // No letter leaves a second time; a person can see that it waits for an operator.
    restored.app.deliver_due_mails().await.unwrap();
    assert_eq!(restored.outbox.mails.lock().unwrap().len(), delivered);
    let mails = restored.app.store.list(&List::MailsWrittenBefore(restored.app.now().at), 100).await.unwrap();
    let suspended = |record: &Record| matches!(record, Record::Mail(mail) if matches!(mail.state, MailState::Suspended { .. }));
    assert_eq!(mails.iter().filter(|found| suspended(&found.record)).count() as u64, report.mails_suspended);

    // A opens; B was lost; what expired does not open although its bytes are there.
    let agent = restored.sign_in(AGENT).await;
    assert_eq!(restored.download(&agent, &a, 1).await, b"%PDF-1.7 synthetic");
    assert!(matches!(open(&restored, &b).await, Err(OpenError::NotFound)));
    assert!(is_found_below(restored.directory.path(), b"age-encryption"), "sealed bytes came back");
    let expired =
        restored.app.store.list(&List::TransfersExpiringBy(restored.app.now().at), 10).await.unwrap();
    let Record::Transfer(expired) = expired[0].record.clone() else { panic!() };
    assert!(matches!(open(&restored, &expired.reference).await, Err(OpenError::Gone)));

    // The log says what it lost, contradicts no checkpoint, and verifies.
    assert!(restored.events().await.contains(&Action::BackupRestored));
    for (held, compared) in [(Some(before.as_str()), true), (Some(after.note.as_str()), true), (None, false)]
    {
        match verdict(&restored, held).await {
            Verdict::Well(summary) => {
                assert!(summary.lost > 0, "{summary}");
                assert_eq!(summary.outside.is_some(), compared, "{summary}");
            }
            other => panic!("{other}"),
        }
    }
    assert!(matches!(restored.app.verify_log().await.unwrap(), Verdict::Well(_)));

    // And what was restored is backed up and restored again, its gap with it.
    let again = back_up(&restored).await;
    let twice = empty(&house);
    restore(&twice, again).await.unwrap();
    assert!(matches!(verdict(&twice, Some(&after.note)).await, Verdict::Well(_)));
}

#[tokio::test(flavor = "multi_thread")]
async fn of_the_letters_that_waited_those_with_a_dead_link_do_not_leave() {
    let house = House::build().await;
    let deposit = house.deposit().await;
    let agent = house.sign_in(AGENT).await;
    let draft = house.app.begin_answer(&agent, &deposit, false, visitor()).await.unwrap();
    let view = house.app.draft(draft.draft, &draft.token).await.unwrap().unwrap();
    let sending = pli::app::OutgoingSending {
        title: "Réponse".into(),
        message: pli::value::SecretBytes::new(b"Bonjour".to_vec()),
        recipients: String::new(),
        days: None,
        tell_downloads: None,
        note: String::new(),
        told: None,
        told_chars: 0,
    };
    house.app.send_outgoing(&agent, view, sending, visitor()).await.unwrap();
    house.app.request_proof(&house.pensions, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    house.app.request_status(&deposit, address(DEPOSITOR), Language::Fr, visitor()).await.unwrap();
    house.outbox.mails.lock().unwrap().clear();

    let restored = empty(&house);
    restore(&restored, back_up(&house).await).await.unwrap();
    restored.app.open_after_restore(Origin::Cli).await.unwrap();
    let waiting = restored.app.treat_suspended_mails(SuspendedMails::List, Origin::Cli).await.unwrap();
    for (mail, _) in waiting.iter().filter(|(mail, _)| mail.kind.needs_its_link()) {
        let retry =
            restored.app.change_queue(mail.id, QueueChange::Retry, Actor::Operator, Origin::Cli).await;
        assert!(!retry.unwrap(), "{:?} is not tried again one by one either", mail.kind);
    }
    let treated = restored.app.treat_suspended_mails(SuspendedMails::Resume, Origin::Cli).await.unwrap();
    let void = |kind| {
        let mut of_kind = treated.iter().filter(|(mail, _)| mail.kind == kind).peekable();
        assert!(of_kind.peek().is_some(), "{kind:?} waited in the backup");
        of_kind.all(|(_, treated)| *treated == TreatedAs::LinkVoid)
    };
    for kind in [LetterKind::DepositLink, LetterKind::StatusLink, LetterKind::SecureLink] {
        assert!(void(kind), "{kind:?}");
    }
    assert!(!void(LetterKind::Notice), "notices go on");
    for (mail, treated) in &treated {
        let Some(Record::Mail(now)) = restored.record(&Key::Mail(mail.id)).await else { panic!() };
        let is_given_up = matches!(now.state, MailState::Failed { .. }) && now.letter.is_none();
        assert_eq!(is_given_up, *treated == TreatedAs::LinkVoid, "{:?}", mail.kind);
    }
    let cancelled = treated.iter().filter(|(_, treated)| *treated == TreatedAs::LinkVoid).count();
    let told = restored.events().await.into_iter().filter(|action| *action == Action::MailCancelled);
    assert_eq!(told.count(), cancelled, "each is told in the log");

    restored.prove_receipts().await;
    restored.app.deliver_due_mails().await.unwrap();
    let left: Vec<_> = restored.outbox.mails.lock().unwrap().iter().map(|mail| mail.2.clone()).collect();
    assert!(!left.is_empty(), "the notice left");
    for mail in left {
        let text = mail_text(&String::from_utf8(mail).unwrap());
        assert!(!text.contains("/lien/"), "{text}");
    }
}

async fn open(house: &House, reference: &Reference) -> Result<(), OpenError> {
    let agent = house.sign_in(AGENT).await;
    house.app.opened_transfer(Some(&agent), reference, visitor()).await.map(drop)
}

/// No key of the keyring is in a backup, in any form in which one is written.
fn holds_no_key(house: &House, backup: &[u8]) {
    let holds = |needle: &[u8]| backup.windows(needle.len()).any(|window| window == needle);
    assert!(
        holds(b"BEGIN") || holds(b"backup.json"),
        "the backup is in clear here: it is sealed on its way out"
    );
    assert!(!holds(b"AGE-SECRET-KEY-1"));
    for name in house.app.keyring.names().unwrap() {
        assert!(!holds(house.app.keyring.identity(name).unwrap().expose().expose()), "{name}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_that_was_cut_or_changed_is_found_and_is_no_gateway() {
    let house = House::build().await;
    house.deposit().await;
    let backup = back_up(&house).await;
    check_backup(&backup[..]).unwrap();
    assert!(check_backup(&backup[..backup.len() / 2]).is_err(), "cut");
    assert!(check_backup(&b"not a backup"[..]).is_err());
    let mut changed = backup.clone();
    let place = backup.windows(13).position(|window| window == b"age-encryptio").unwrap();
    changed[place + 200] ^= 1;
    assert!(matches!(check_backup(&changed[..]), Err(BackupError::Damaged { .. })));

    let restored = empty(&house);
    assert!(restore(&restored, backup[..backup.len() / 2].to_vec()).await.is_err());
    let looked = restored.app.look_for_restoration().await;
    assert!(matches!(looked, Err(AppError::RestoreUnfinished)), "no gateway starts on half of it");
    assert!(matches!(restore(&restored, backup.clone()).await, Err(BackupError::NotEmpty)));
    assert!(
        matches!(restore(&house, backup).await, Err(BackupError::NotEmpty)),
        "nor over one that is there"
    );
}

#[tokio::test(flavor = "multi_thread")]
async fn a_backup_of_another_gateway_or_beside_an_old_copy_of_the_keyring_is_refused() {
    let (house, other) = (House::build().await, House::build().await);
    house.deposit().await;
    let backup = back_up(&house).await;
    assert!(matches!(restore(&empty(&other), backup.clone()).await, Err(BackupError::OtherLog { .. })));
    let head = house.app.keyring.log_head().unwrap().unwrap();
    let mut older = head;
    older.frontier = pli::audit::Frontier::default();
    house.app.keyring.set_log_head(&older).unwrap();
    assert!(matches!(restore(&empty(&house), backup).await, Err(BackupError::KeyringOlder { .. })));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_was_closed_after_the_backup_is_closed_again_whatever_it_is() {
    let house = House::build().await;
    let (revoked, pensions) = (house.deposit().await, house.pensions.id);
    for who in MANAGERS {
        new_account(&house, who, &[&house.pensions]).await;
        managers(&house, who, |manages| manages.push(pensions)).await;
    }
    let backup = back_up(&house).await;
    let transfer = house.app.store.list(&List::TransferByReference(revoked.clone()), 1).await.unwrap();
    let Record::Partner(mut partner) =
        house.app.store.list(&List::Partners, 1).await.unwrap()[0].record.clone()
    else {
        panic!()
    };
    partner.blocked.insert(address(DEPOSITOR));
    put(&house, partner.clone().into()).await;
    partner.suspended = true;
    put(&house, partner.into()).await;
    let Record::Agreement(mut agreement) =
        house.app.store.list(&List::AgreementsOf(house.pensions.id), 1).await.unwrap()[0].record.clone()
    else {
        panic!()
    };
    agreement.until = Some(house.app.now().at.day());
    put(&house, agreement.into()).await;
    let delete = vec![Change::Delete(transfer[0].record.key())];
    house.app.store.commit(UnitOfWork { changes: delete, ..UnitOfWork::default() }).await.unwrap();
    // One manager of a mailbox is only a member now, another one was so for a while.
    for who in MANAGERS {
        managers(&house, who, Vec::clear).await;
    }
    managers(&house, MANAGERS[1], |manages| manages.push(pensions)).await;
    // Cut off and let in again: it stays as it was backed up.
    let mut agent = account(&house, AGENT).await;
    for state in [AccountState::CutOff { since: house.app.now().at }, AccountState::Active] {
        agent.state = state;
        put(&house, agent.clone().into()).await;
    }

    let restored = empty(&house);
    let done = restore(&restored, backup).await.unwrap();
    let key = transfer[0].record.key();
    assert!(restored.record(&key).await.is_none(), "revoked");
    let Key::Transfer(id) = key else { panic!() };
    assert!(restored.app.store.list(&List::GrantsOf(id), 9).await.unwrap().is_empty());
    let Record::Partner(partner) =
        restored.app.store.list(&List::Partners, 1).await.unwrap()[0].record.clone()
    else {
        panic!()
    };
    assert!(partner.suspended && partner.blocked.contains(&address(DEPOSITOR)));
    let Record::Agreement(agreement) =
        restored.app.store.list(&List::AgreementsOf(house.pensions.id), 1).await.unwrap()[0].record.clone()
    else {
        panic!()
    };
    assert!(!agreement.in_force(restored.app.now().at.day()), "what it admits is for the operator to say");
    assert!(account(&restored, AGENT).await.is_active());
    let [once, again] = MANAGERS;
    let (once, again) = (account(&restored, once).await, account(&restored, again).await);
    assert!(once.reads(pensions) && once.manages.is_empty(), "a member, who manages no more");
    assert!(again.manages.contains(&pensions), "it was given back before the loss");
    assert_eq!(done.restoration.report.managers_removed, 1);
    let events = restored.events().await;
    for action in [
        Action::TransferRevoked,
        Action::AddressBlocked,
        Action::PartnerSuspended,
        Action::AgreementChanged,
        Action::RightsChanged,
    ] {
        assert!(events.contains(&action), "{action:?} is not in the log");
    }
    let newest = restored.app.look_for_restoration().await.unwrap().unwrap();
    assert_eq!(newest.state, RestorationState::Closed);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_change_that_met_a_conflict_is_unsaid_beside_the_keys() {
    let house = House::build().await;
    let mut agent = account(&house, AGENT).await;
    agent.state = AccountState::CutOff { since: house.app.now().at };
    let unit = UnitOfWork {
        expectations: vec![pli::app::ports::Expectation::Absent(Key::Account(agent.id))],
        changes: vec![Change::Put(agent.into())],
        ..UnitOfWork::default()
    };
    assert!(house.app.store.commit(unit).await.is_err());
    let notes = house.app.keyring.standing().unwrap();
    assert_eq!(notes.len(), 2);
    assert_eq!(notes[1].standing, pli::retention::Standing::Open);
}
