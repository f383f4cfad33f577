//! No effect without its log entry, no entry without its effect (invariant 2, S2): one walk through the use cases and
//! their refusals, and a look at each unit that was committed on the way.
//!
//! What a unit holds is judged for every commit of the walk, each of whose steps says which events it leaves and no
//! others. `stories.rs` does the same with every story of the suite, and compares what was met with the closed lists of
//! use cases, actions and reasons.

mod letters;
mod people;
mod rare;
mod refusals;
mod refused;
mod seldom_refused;
mod stories;

use std::collections::BTreeSet;
use std::io;
use std::sync::{Arc, Mutex};

use pli::app::ports::{Change, Key, Record, UnitOfWork};
use pli::app::{JournalFilter, PageStart, RecoveryFile, Voucher};
use pli::audit::{Action, Actor, ForwardedEntry, Origin, Outcome, RecoveryPurpose};
use pli::identity::Password;
use pli::store::testing::Fault;
use pli::value::{Language, Millis, Token};

use crate::house::{DEPOSITOR, House, PASSWORD, address, visitor};

pub use stories::watch;

/// What the walk met.
#[derive(Default)]
struct Walk {
    units: usize,
}

impl Walk {
    /// Judges what a step committed, and that it left what it should: each of these and nothing else.
    fn step(&mut self, house: &House, step: &str, expected: &[(Action, &'static str)]) {
        let mut met = BTreeSet::new();
        for unit in house.store.take_units() {
            judge(step, &unit);
            self.units += 1;
            met.extend(unit.entries.iter().map(|entry| (entry.event.action, entry.event.outcome.code())));
        }
        let expected: BTreeSet<_> = expected.iter().copied().collect();
        assert_eq!(met, expected, "{step}");
    }
}

/// Holds a unit of a step to the law.
fn judge(step: &str, unit: &UnitOfWork) {
    let is_over = |effect: &str| OVER.iter().any(|begin| effect.starts_with(begin));
    if let Some(broken) = broken_law(unit, is_over) {
        panic!("{step}: {broken}");
    }
}

/// What upkeep forgets because its time is over. The walk takes it from anybody; `stories.rs` from upkeep alone.
const OVER: [&str; 7] = [
    "Delete(Draft(",
    "Delete(Proof(",
    "Delete(RecoveryRequest(",
    "Delete(Repeat(",
    "Delete(Session(",
    "Delete(AccountLink(",
    "Delete(Mail(",
];

/// The law of one unit, and what breaks it; some effects may be without an event.
fn broken_law(unit: &UnitOfWork, may_be_silent: impl Fn(&str) -> bool) -> Option<String> {
    // Grants alone are wrapped anew by a rotation, whose intention and result are in the log.
    let is_rewrap = unit.changes.iter().all(|change| matches!(change, Change::Put(Record::Grant(_))));
    let effects = unit.changes.iter().filter(|change| !is_rewrap && !is_bookkeeping(change));
    let effects: Vec<_> = effects.map(kind).filter(|effect| !may_be_silent(effect)).collect();
    if !effects.is_empty() && unit.entries.is_empty() {
        return Some(format!("an effect without an entry: {effects:?}"));
    }
    for entry in &unit.entries {
        let event = entry.event;
        if entry.entry.event().ok() != Some(event) {
            return Some(format!("the entry of {} says something else", event.action.code()));
        }
        if event.outcome == Outcome::Done && changes_records(event.action) && unit.changes.is_empty() {
            return Some(format!("{} without its effect", event.action.code()));
        }
        // One file is refused, and the deposit goes on without it.
        if matches!(event.outcome, Outcome::Refused(_)) && event.action != Action::FileRefused {
            let sealed = |change: &Change| match change {
                // One that still waits for its code opens nothing; it counts the wrong ones.
                Change::Put(Record::Session(session)) => session.awaits_code.is_none(),
                Change::Put(record) => matches!(record, Record::Transfer(_) | Record::Grant(_)),
                _ => false,
            };
            if unit.changes.iter().any(sealed) {
                return Some(format!("{} is refused, and yet done", event.action.code()));
            }
        }
    }
    None
}

/// The kind of what is changed, without what is in it.
fn kind(change: &Change) -> String {
    match change {
        Change::Put(record) => format!("put {:?}", record.key()),
        other => format!("{other:?}"),
    }
}

/// What is kept for the gateway itself: nothing that a person did, sees or could miss.
fn is_bookkeeping(change: &Change) -> bool {
    match change {
        Change::Put(record) => matches!(
            record,
            Record::Checkpoint(_)
                | Record::ForwardCursor(_)
                | Record::Witness(_)
                | Record::StampedCheckpoint(_)
                | Record::TimestampState(_)
                | Record::Receipt(_)
                | Record::Pulse(_)
                | Record::Alert(_)
                // That a review begins; its confirmation has an event.
                | Record::Review(_)
        ),
        Change::Delete(key) => matches!(key, Key::Checkpoint(_) | Key::Receipt(_) | Key::Alert(_)),
        Change::PruneLog { .. } => false,
    }
}

/// Actions whose effect is in the records that the same unit writes.
fn changes_records(action: Action) -> bool {
    use Action::*;
    matches!(
        action,
        DepositProofUsed
            | DraftOpened
            | DraftDiscarded
            | FormKept
            | FileSealed
            | FileRemoved
            | DepositSent
            | MailReceived
            | MailQueued
            | MailSent
            | MailDelayed
            | MailFailed
            | SignIn
            | SignOut
            | TransferExpired
            | GrantsDestroyed
            | OrganisationCreated
            | MailboxCreated
            | PartnerCreated
            | AgreementChanged
            | MailSuspended
            | MailResumed
            | MailCancelled
            | RestoreOpened
            | NameErased
            | AccountDeleted
            | AccountCreated
            | MailPasswordMade
            | MailPasswordRevoked
            | LogPruned
            | RecoveryAsked
            | RecoveryConfirmed
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn every_use_case_and_every_refusal_leaves_its_event_and_no_event_lacks_its_effect() {
    let house = House::build().await;
    let mut walk = Walk::default();
    walk.step(
        &house,
        "the house is set up",
        &[
            (Action::DayKeyMade, "done"),
            (Action::DayKeyMade, "intended"),
            (Action::DraftKeyMade, "done"),
            (Action::DraftKeyMade, "intended"),
            (Action::MailboxKeyMade, "done"),
            (Action::PersonalKeyMade, "done"),
            (Action::OrganisationCreated, "done"),
            (Action::MailboxCreated, "done"),
            (Action::MemberAdded, "done"),
            (Action::PartnerCreated, "done"),
            (Action::AgreementChanged, "done"),
            (Action::AccountCreated, "done"),
        ],
    );
    gateway(&house, &mut walk).await;
    partners(&house, &mut walk).await;
    proofs(&house, &mut walk).await;
    deposits(&house, &mut walk).await;
    letters::mails_in(&house, &mut walk).await;
    letters::letters(&house, &mut walk).await;
    people::people(&house, &mut walk).await;
    people::mail_programs(&house, &mut walk).await;
    reading(&house, &mut walk).await;
    the_log_itself(&house, &mut walk).await;
    rare::walk(&house, &mut walk).await;
    nothing_of_the_insured_is_told(&house).await;
    time(&house, &mut walk).await;
    assert!(walk.units > 50, "the walk saw {} units", walk.units);
}

async fn gateway(house: &House, walk: &mut Walk) {
    for action in [Action::GatewayStarted, Action::ConfigurationReloaded, Action::GatewayStopped] {
        house.app.log_gateway(action).await.unwrap();
        walk.step(house, "the gateway tells of itself", &[(action, "done")]);
    }
}

async fn partners(house: &House, walk: &mut Walk) {
    let list = pli::app::ports::List::Partners;
    let found = house.app.store.list(&list, 1).await.unwrap().remove(0).record;
    let partner = pli::identity::Partner::try_from(found).unwrap();
    for (suspended, action) in [(true, Action::PartnerSuspended), (false, Action::PartnerChanged)] {
        let changed = pli::identity::Partner { suspended, ..partner.clone() };
        house.app.put_partner(changed, Origin::Cli).await.unwrap();
        walk.step(house, "a partner is changed", &[(action, "done")]);
    }
}

async fn proofs(house: &House, walk: &mut Walk) {
    let ask = async |who: &str| {
        house.app.request_proof(&house.pensions, address(who), Language::Fr, visitor()).await.unwrap()
    };
    ask(DEPOSITOR).await;
    walk.step(
        house,
        "a depositor asks for a link",
        &[(Action::DepositProofRequested, "done"), (Action::MailQueued, "done")],
    );
    ask("inconnu@ailleurs.example").await;
    walk.step(house, "a stranger asks for a link", &[(Action::DepositProofRequested, "refused")]);
    let wrong = Token::new([9; 32]);
    assert!(house.app.open_draft_by_link(&wrong, visitor()).await.is_err());
    walk.step(house, "a link that never was is followed", &[(Action::DepositProofUsed, "refused")]);
    let asked = ask(DEPOSITOR).await;
    house.store.take_units();
    assert!(house.app.open_draft_by_code(asked.proof, &asked.browser, "00000000", visitor()).await.is_err());
    walk.step(house, "a wrong code is typed", &[(Action::DepositProofUsed, "refused")]);
}

async fn deposits(house: &House, walk: &mut Walk) {
    let draft = house.draft().await;
    walk.step(
        house,
        "a link is followed",
        &[
            (Action::DepositProofRequested, "done"),
            (Action::DepositProofUsed, "done"),
            (Action::DraftOpened, "done"),
            (Action::MailQueued, "done"),
            (Action::MailSent, "done"),
        ],
    );
    house.add_file(&draft, "avis.pdf", b"%PDF-1.7 synthetic").await;
    walk.step(house, "a file is added", &[(Action::FileSealed, "done")]);
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut sealing = house.app.begin_file(view, "trop.pdf", visitor()).await.unwrap();
    assert!(sealing.push(&vec![0; 1_000_001]).await.is_err());
    drop(sealing);
    walk.step(house, "a file is too large", &[(Action::FileRefused, "refused")]);
    house.add_file(&draft, "de-trop.pdf", b"%PDF-1.7 synthetic").await;
    house.store.take_units();
    house.app.remove_file(draft.0, &draft.1, 1, visitor()).await.unwrap();
    walk.step(
        house,
        "a file is taken back",
        &[
            (Action::FileRemoved, "done"),
            (Action::ObjectsErased, "done"),
            (Action::ObjectsErased, "intended"),
        ],
    );
    assert!(house.send(&draft, "M. Dupont 1 84 06 35 288 118 22").await.is_err());
    walk.step(house, "a title with personal data", &[(Action::DepositRefused, "refused")]);
    house.send(&draft, "Demande urgente").await.unwrap();
    walk.step(house, "a deposit is sent", &[(Action::DepositSent, "done"), (Action::MailQueued, "done")]);
    house.send(&draft, "Demande urgente").await.unwrap();
    walk.step(house, "and sent again", &[]);
    let before = house.transfers().await;
    let other = house.draft().await;
    house.add_file(&other, "autre.pdf", b"%PDF-1.7 synthetic").await;
    house.store.take_units();
    house.store.fail_commit_after(0, Fault::NotPersisted);
    assert!(house.send(&other, "Demande urgente").await.is_err());
    walk.step(house, "the disk fails: no effect, no event", &[]);
    assert_eq!(house.transfers().await, before);
}

async fn reading(house: &House, walk: &mut Walk) {
    let reference = house.deposit().await;
    let (agent, other) =
        (house.sign_in("agent@carsat.example").await, house.sign_in("autre@carsat.example").await);
    let officer = house.sign_in("securite@carsat.example").await;
    house.store.take_units();
    house.app.list_transfers(&agent, None, visitor()).await.unwrap();
    walk.step(house, "an agent lists the transfers", &[(Action::TransferListed, "done")]);
    house.app.open_transfer(&agent, &reference, visitor()).await.unwrap();
    walk.step(house, "an agent opens a transfer", &[(Action::TransferOpened, "done")]);
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    for (number, action) in [(Some(1), Action::FileDownloaded), (None, Action::ArchiveDownloaded)] {
        let begun = house.app.begin_download(&agent, &opened, number, visitor()).await.unwrap();
        house.app.end_download(&begun, None, None, pli::value::ByteSize(18)).await.unwrap();
        walk.step(house, "an agent downloads", &[(action, "intended"), (action, "done")]);
    }
    for signed in [&other, &officer] {
        assert!(house.app.open_transfer(signed, &reference, visitor()).await.is_err());
        walk.step(house, "who is not entitled opens", &[(Action::AccessRefused, "refused")]);
    }
    house.app.read_log(&officer, &JournalFilter::default(), PageStart::Newest, visitor()).await.unwrap();
    walk.step(house, "the officer reads the log", &[(Action::LogRead, "done")]);
    house.app.read_log(&agent, &JournalFilter::default(), PageStart::Newest, visitor()).await.unwrap();
    walk.step(house, "an agent asks for the log", &[(Action::LogRead, "refused")]);
    house.app.check_receipt("no receipt", None, visitor()).await.unwrap().unwrap_err();
    walk.step(house, "a receipt that is none", &[(Action::ReceiptVerified, "refused")]);
}

async fn the_log_itself(house: &House, walk: &mut Walk) {
    house.app.verify_log().await.unwrap();
    walk.step(house, "the log is verified", &[(Action::LogVerified, "done")]);
    house.app.export_log(std::io::sink(), Actor::Operator, Origin::Cli).await.unwrap();
    walk.step(house, "the log is exported", &[(Action::LogExported, "done")]);
    let files = Box::new(Written::default());
    house.app.export_recovery(files, Actor::Operator, Origin::Cli).await.unwrap();
    walk.step(house, "the live mail is exported for recovery", &[(Action::RecoveryExported, "done")]);
    let voucher = |who| Voucher { address: address(who), password: Password::new(PASSWORD.into()) };
    let (first, second) = ("agent@carsat.example", "securite@carsat.example");
    let asked =
        house.app.ask_for_recovery(voucher(first), RecoveryPurpose::Drill, Origin::Cli).await.unwrap();
    walk.step(house, "one person asks for the keys", &[(Action::RecoveryAsked, "done")]);
    house.app.confirm_recovery(asked.id, voucher(second), Origin::Cli).await.unwrap();
    walk.step(house, "another one confirms", &[(Action::RecoveryConfirmed, "done")]);
    house.app.confirm_recovery(asked.id, voucher(second), Origin::Cli).await.unwrap_err();
    walk.step(house, "and tries again", &[(Action::RecoveryConfirmed, "refused")]);
    let files = Box::new(Written::default());
    house.app.export_recovery_keys(asked.id, voucher(first), files, Origin::Cli).await.unwrap();
    let told = [
        (Action::RecoveryKeysExported, "intended"),
        (Action::RecoveryExported, "done"),
        (Action::DayKeyExported, "done"),
        (Action::RecoveryKeysExported, "done"),
    ];
    walk.step(house, "the keys go out", &told);
}

/// What was typed, sent and named on the way is in nothing that the log gives out.
async fn nothing_of_the_insured_is_told(house: &House) {
    let officer = house.sign_in("securite@carsat.example").await;
    let mut told = String::new();
    let mut start = Some(PageStart::Newest);
    while let Some(page) = start {
        let page = house.app.read_log(&officer, &JournalFilter::default(), page, visitor()).await;
        let page = page.unwrap().unwrap();
        told.extend([format!("{page:?}")]);
        start = page.older;
    }
    for leaf in house.app.store.leaves(0, 100_000).await.unwrap() {
        let (index, entry) = (leaf.index, leaf.entry.unwrap());
        let (event, payload) = (entry.event().unwrap(), entry.payload().to_owned());
        let entry = ForwardedEntry { index, leaf: leaf.leaf, payload, event };
        told += &entry.syslog("pli.example");
        told += &entry.json_line();
    }
    let written = Written::default();
    house.app.export_log(written.clone(), Actor::Operator, Origin::Cli).await.unwrap();
    house.app.write_tiles(Box::new(written.clone()), true, Actor::Operator, Origin::Cli).await.unwrap();
    told += &String::from_utf8_lossy(&written.0.lock().unwrap());
    assert!(
        told.contains("deposit.sent") && told.contains("pli-audit-export"),
        "there is something to look at"
    );
    for marker in [
        "Demande urgente",
        "Dupont",
        "1 84 06",
        "184063528811822",
        "288 118",
        "dossier urgent",
        "avis.pdf",
        "trop.pdf",
        "autre.pdf",
        "Bonjour",
        "Je suis absente",
        "Undelivered",
        "00000000\"",
        "faux",
        PASSWORD,
    ] {
        assert!(!told.contains(marker), "{marker} is told");
    }
    let export = String::from_utf8_lossy(&written.0.lock().unwrap()).into_owned();
    for name in [DEPOSITOR, "agent@carsat.example", "securite@carsat.example"] {
        assert!(!export.contains(name), "{name} is in what leaves the gateway");
    }
    house.store.take_units();
}

/// Takes what is written.
#[derive(Clone, Default)]
struct Written(Arc<Mutex<Vec<u8>>>);

impl io::Write for Written {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl RecoveryFile for Written {
    fn begin(&mut self, path: &str) -> io::Result<()> {
        io::Write::write_all(self, path.as_bytes())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        io::Write::write_all(self, bytes)
    }
}

async fn time(house: &House, walk: &mut Walk) {
    let password = Password::new(PASSWORD.into());
    let cookie = house.app.sign_in(Some(address("agent@carsat.example")), password, visitor()).await.unwrap();
    house.clock.advance(Millis::days(2));
    house.store.take_units();
    assert!(house.app.signed(&cookie, visitor()).await.unwrap().is_none());
    walk.step(house, "a session is over", &[(Action::SessionEnded, "refused")]);
    house.app.note_clock_jump(house.app.now().at).await.unwrap();
    walk.step(house, "the clock jumps", &[(Action::ClockJumped, "failed")]);
    house.app.confirm_clock(Origin::Cli, None).await.unwrap();
    walk.step(
        house,
        "the clock is confirmed",
        &[(Action::ClockConfirmed, "done"), (Action::ClockConfirmed, "intended")],
    );
    house.app.confirm_clock(Origin::Job, Some(Millis::hours(1))).await.unwrap();
    walk.step(
        house,
        "the demonstration's clock is moved",
        &[(Action::ClockMoved, "done"), (Action::ClockMoved, "intended")],
    );
    house.clock.advance(Millis::days(21));
    house.app.upkeep().await.unwrap();
    walk.step(
        house,
        "three weeks pass",
        &[
            (Action::DraftDiscarded, "done"),
            (Action::TransferExpired, "done"),
            (Action::GrantsDestroyed, "done"),
            (Action::ObjectsErased, "done"),
            (Action::ObjectsErased, "intended"),
            (Action::DayKeyMade, "done"),
            (Action::DayKeyMade, "intended"),
            (Action::DayKeyDestroyed, "done"),
            (Action::DayKeyDestroyed, "intended"),
            (Action::DraftKeyMade, "done"),
            (Action::DraftKeyMade, "intended"),
            (Action::DraftKeyDestroyed, "done"),
            (Action::DraftKeyDestroyed, "intended"),
        ],
    );
    house.clock.advance(Millis::days(2));
    house.app.upkeep().await.unwrap();
    walk.step(
        house,
        "and two days",
        &[
            (Action::DayKeyMade, "done"),
            (Action::DayKeyMade, "intended"),
            (Action::DayKeyDestroyed, "done"),
            (Action::DayKeyDestroyed, "intended"),
            (Action::DraftKeyMade, "done"),
            (Action::DraftKeyMade, "intended"),
        ],
    );
    let officer = house.sign_in("securite@carsat.example").await;
    while house.app.store.log().await.unwrap().size() < 300 {
        house.app.read_log(&officer, &JournalFilter::default(), PageStart::Newest, visitor()).await.unwrap();
    }
    house.store.take_units();
    house.clock.advance(Millis::days(400));
    house.app.confirm_clock(Origin::Cli, None).await.unwrap();
    house.store.take_units();
    house.app.prune_log().await.unwrap();
    let attested = [(Action::MailboxKeyAttested, "done"), (Action::PersonalKeyAttested, "done")];
    walk.step(house, "the log is pruned", &[attested[0], attested[1], (Action::LogPruned, "done")]);
}
