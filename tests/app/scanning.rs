//! Files are inspected (D8): an infected one is refused by name and the rest stays, a scanner that is down holds what comes
//! and lets it go on by itself, what cannot be judged is never delivered and never ends in silence. Against the real
//! `clamd`, and against one that is as the test says.

#[path = "../tools/clamd.rs"]
pub mod clamd;

use std::io::{Cursor, Write};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use pli::app::ports::{Key, ScanStream, Scanner, ScannerError, ScannerState};
use pli::app::{DepositRefusal, FileRefusal, HeldRun, MailAnswer, Scanning};
use pli::audit::{Action, Outcome, RefusalReason};
use pli::content::{AntivirusAnswer, FileKind, Finding, RefusalCause};
use pli::scanner::{Clamd, ClamdAddress, ClamdSettings, TemporaryDirectory};
use pli::transfer::{Check, DraftState, HeldDeposit, HoldReason, Transfer};
use pli::value::{ByteSize, DraftId, Millis, Reference, Timestamp, Token, TransferId};

use crate::house::{DEPOSITOR, House, NOW, is_found_below, mail_text, relay, visitor};
use clamd::{LARGEST_MIB, PrivateClamd, eicar, marker};

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n";

pub fn real(clamd: &PrivateClamd) -> Scanning {
    let scanner = Clamd::new(ClamdSettings {
        address: ClamdAddress::Unix(clamd.socket()),
        temporary_directory: TemporaryDirectory::new(clamd.temporary_directory()),
        largest: ByteSize::mebibytes(LARGEST_MIB),
        streams_at_once: 4,
        step_within: Duration::from_secs(20),
        verdict_within: Duration::from_mins(1),
    });
    Scanning { scanner: Arc::new(scanner), signatures_max_age: None }
}

/// Is as the test says: fit, gone, with old signatures.
#[derive(Clone)]
pub struct Told(Arc<Mutex<State>>);

#[derive(Clone, Copy, PartialEq, Eq)]
pub enum State {
    Fit,
    Gone,
    /// Finds something in everything.
    Finds,
    /// Answers, but breaks off every stream.
    BreaksOff,
    SignedAt(Timestamp),
}

impl Told {
    pub fn new(state: State) -> Self {
        Self(Arc::new(Mutex::new(state)))
    }

    pub fn is(&self, state: State) {
        *self.0.lock().unwrap() = state;
    }

    pub fn scanning(&self) -> Scanning {
        Scanning { scanner: Arc::new(self.clone()), signatures_max_age: Some(Millis::days(3)) }
    }

    fn gone() -> ScannerError {
        ScannerError::Unavailable(std::io::ErrorKind::ConnectionRefused.into())
    }
}

#[async_trait]
impl Scanner for Told {
    async fn state(&self) -> Result<ScannerState, ScannerError> {
        let signed_at = match *self.0.lock().unwrap() {
            State::Gone => return Err(Self::gone()),
            State::Fit | State::Finds | State::BreaksOff => NOW + Millis::days(30),
            State::SignedAt(at) => at,
        };
        Ok(ScannerState { engine: "Told".into(), signatures: Some(1), signed_at: Some(signed_at) })
    }

    async fn begin(&self) -> Result<Box<dyn ScanStream>, ScannerError> {
        match *self.0.lock().unwrap() {
            State::Gone => Err(Self::gone()),
            _ => Ok(Box::new(Stream(self.clone()))),
        }
    }

    async fn begin_now(&self) -> Result<Option<Box<dyn ScanStream>>, ScannerError> {
        self.begin().await.map(Some)
    }

    fn largest(&self) -> ByteSize {
        ByteSize::mebibytes(100)
    }
}

struct Stream(Told);

#[async_trait]
impl ScanStream for Stream {
    async fn push(&mut self, _: &[u8]) -> Result<(), ScannerError> {
        match *self.0.0.lock().unwrap() {
            State::Gone | State::BreaksOff => Err(Told::gone()),
            _ => Ok(()),
        }
    }

    async fn finish(self: Box<Self>) -> Result<AntivirusAnswer, ScannerError> {
        match *self.0.0.lock().unwrap() {
            State::Gone | State::BreaksOff => Err(Told::gone()),
            State::Finds => Ok(AntivirusAnswer::Infected { signature: "Told".into() }),
            _ => Ok(AntivirusAnswer::Clean),
        }
    }
}

impl House {
    async fn try_file(&self, draft: &(DraftId, Token), name: &str, bytes: &[u8]) -> Result<(), FileRefusal> {
        let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let mut sealing = self.app.begin_file(view, name, visitor()).await?;
        for piece in bytes.chunks(70_001) {
            sealing.push(piece).await?;
        }
        sealing.finish().await.map(drop)
    }

    /// The policy that Pli brings along, and these sections of mailboxes.
    fn decide_about_files(&self, sections: &str) {
        let text = format!("{}\n{sections}", include_str!("../../policies/files.toml"));
        let files = pli::content::FilePolicies::parse(&text).unwrap();
        let custody = include_str!("../../policies/custody.toml");
        let policies = pli::app::Policies { files, ..crate::custody_house::policies(custody) };
        self.app.policies.store(Arc::new(policies));
    }

    async fn sent(&self, draft: &(DraftId, Token)) -> TransferId {
        let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let DraftState::Sent { transfer, .. } = view.draft.state else { panic!("it was not sent") };
        transfer
    }

    async fn transfer(&self, id: TransferId) -> Transfer {
        self.record(&Key::Transfer(id)).await.expect("it is not released").try_into().unwrap()
    }

    async fn held(&self, id: TransferId) -> HeldDeposit {
        self.record(&Key::Held(id)).await.expect("it is not held").try_into().unwrap()
    }

    async fn outcomes(&self, action: Action) -> Vec<Outcome> {
        let leaves = self.app.store.leaves(0, 100_000).await.unwrap();
        let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
        events.filter(|event| event.action == action).map(|event| event.outcome).collect()
    }

    /// The words of all mails to an address, the newest last.
    async fn words_to(&self, to: &str) -> Vec<String> {
        self.clock.advance(Millis::seconds(10));
        self.app.sign_checkpoint().await.unwrap();
        self.mails_to(to)
            .await
            .iter()
            .map(|mail| mail_text(mail).split_whitespace().collect::<Vec<_>>().join(" "))
            .collect()
    }
}

fn cause(outcome: Result<(), FileRefusal>) -> RefusalCause {
    match outcome {
        Err(FileRefusal::Content(cause)) => cause,
        other => panic!("{other:?}"),
    }
}

pub fn zip_of(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
    for (name, bytes) in members {
        writer.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
        writer.write_all(bytes).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

#[tokio::test(flavor = "multi_thread")]
async fn an_infected_file_is_named_to_the_depositor_and_the_rest_goes_on() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    house.try_file(&draft, "avis.pdf", PDF).await.unwrap();
    assert_eq!(cause(house.try_file(&draft, "eicar.txt", &eicar()).await), RefusalCause::Infected);
    let zipped = zip_of(&[("a.txt", b"ok"), ("in/b.txt", &marker())]);
    assert_eq!(cause(house.try_file(&draft, "dossier.zip", &zipped).await), RefusalCause::Infected);
    house.try_file(&draft, "note.txt", b"Madame Exemple").await.unwrap();

    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let listed: Vec<String> =
        house.app.listed_files(&view.draft).unwrap().into_iter().map(|file| file.name).collect();
    assert_eq!(listed, ["avis.pdf", "note.txt"]);
    let named = house.app.named_refusals(&view.draft.inspection.refused);
    let names: Vec<_> =
        named.iter().map(|file| (file.number, file.name.as_deref().unwrap(), file.cause)).collect();
    assert_eq!(names, [(2, "eicar.txt", RefusalCause::Infected), (3, "dossier.zip", RefusalCause::Infected)]);

    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let transfer = house.transfer(house.sent(&draft).await).await;
    assert_eq!((transfer.file_count, transfer.refused.len()), (2, 2));
    assert!(
        transfer.checks[1..].iter().all(|check| matches!(check, Check::Passed { .. })),
        "{:?}",
        transfer.checks
    );
    let agent = house.sign_in("agent@carsat.example").await;
    assert_eq!(house.download(&agent, &reference, 1).await, PDF);
    assert_eq!(house.download(&agent, &reference, 2).await, b"Madame Exemple");

    let told = house.words_to(DEPOSITOR).await.join("\n");
    assert!(
        told.contains("Le fichier 2 sur 4 (texte, 68 octets) n’a pas été transmis : il contient un virus."),
        "{told}"
    );
    assert!(!told.contains("eicar.txt") && !told.contains("dossier.zip"), "a mail names a file: {told}");
    let refused = house.outcomes(Action::FileRefused).await;
    assert_eq!(refused, [Outcome::Refused(RefusalReason::FileInfected); 2]);
    assert_eq!(house.outcomes(Action::FileScanned).await, [Outcome::Done; 2]);
    assert!(!is_found_below(house.directory.path(), &marker()));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_clamd_passes_above_its_limits_is_caught_by_the_walk() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    // 120 MB that pack to almost nothing, over clamd's MaxFileSize of 100 MB, then the marker: clamd says OK of the zip.
    let mut large = vec![b'0'; 120 * 1024 * 1024];
    large.extend(marker());
    let zip = {
        let mut writer = zip::ZipWriter::new(Cursor::new(Vec::new()));
        let options =
            zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Deflated);
        writer.start_file("a.txt", options).unwrap();
        writer.write_all(&large).unwrap();
        writer.finish().unwrap().into_inner()
    };
    let scanner = real(&clamd).scanner;
    let mut whole = scanner.begin().await.unwrap();
    whole.push(&zip).await.unwrap();
    assert_eq!(
        whole.finish().await.unwrap(),
        AntivirusAnswer::Clean,
        "clamd mended: this walk may be dropped"
    );
    assert_eq!(cause(house.try_file(&draft, "a.zip", &zip).await), RefusalCause::TooComplex);
    assert!(house.app.draft(draft.0, &draft.1).await.unwrap().unwrap().draft.parts.is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_policy_warns_the_agent_or_refuses() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    let script = b"%PDF-1.4 << /S /JavaScript /JS (x) >> %%EOF";
    house.try_file(&draft, "formulaire.pdf", script).await.unwrap();
    let macros = zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/vbaProject.bin", b"x")]);
    assert_eq!(cause(house.try_file(&draft, "a.docm", &macros).await), RefusalCause::Found(Finding::Macros));
    let mut locked = zip_of(&[("a.pdf", PDF)]);
    locked[6] |= 1;
    let directory = locked.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    locked[directory + 8] |= 1;
    let outcome = house.try_file(&draft, "b.zip", &locked).await;
    assert_eq!(cause(outcome), RefusalCause::Found(Finding::LockedArchive));
    let program = cause(house.try_file(&draft, "scan.pdf", b"MZ\x90\0").await);
    assert_eq!(program, RefusalCause::TypeNotAccepted(FileKind::Executable));

    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let agent = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    assert_eq!(opened.files()[0].check.warnings(), [Finding::PdfScript]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_killed_in_mid_stream_holds_the_deposit_and_it_goes_on_by_itself() {
    let mut clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut sealing = house.app.begin_file(view, "scan.txt", visitor()).await.unwrap();
    sealing.push(&vec![b'x'; 300_000]).await.unwrap();
    clamd.kill();
    sealing.push(&vec![b'y'; 300_000]).await.unwrap();
    sealing.finish().await.unwrap();
    house.try_file(&draft, "virus.txt", &marker()).await.unwrap();

    let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
    let id = house.sent(&draft).await;
    assert_eq!(house.transfers().await, 0, "nothing is delivered unscanned");
    assert_eq!(
        (house.held(id).await.reason, house.held(id).await.reference),
        (HoldReason::ScannerDown, reference.clone())
    );
    let told = house.words_to(DEPOSITOR).await;
    assert!(told.last().unwrap().contains("parce que l’antivirus ne répond pas"), "{told:?}");
    let told = house.words_to("balc-pensions@carsat.example").await;
    assert!(told.last().unwrap().contains("Il ne peut pas encore être ouvert"), "{told:?}");
    assert_eq!(house.app.look_at_held().await.unwrap(), HeldRun { waiting: 1, ..HeldRun::default() });
    let agent = house.sign_in("agent@carsat.example").await;
    let listed = house.app.list_transfers(&agent, None, visitor()).await.unwrap();
    assert_eq!(listed[0].held.len(), 1, "the agents see what waits");
    assert_eq!(house.app.look_at_held().await.unwrap().waiting, 0, "it was looked at just now");
    assert_eq!(house.app.held_deposits().await.unwrap(), 1, "and waits all the same, as the figure tells");
    assert!(house.app.envelope(Some(&agent), &reference, visitor()).await.is_err());

    clamd.start_again();
    house.clock.advance(Millis::minutes(5));
    assert_eq!(house.app.look_at_held().await.unwrap(), HeldRun { released: 1, ..HeldRun::default() });
    let transfer = house.transfer(id).await;
    assert_eq!((&transfer.reference, transfer.file_count, transfer.refused.len()), (&reference, 1, 1));
    assert_eq!(transfer.received_at, house.app.now().at, "the time of validity begins at the release");
    let text = [vec![b'x'; 300_000], vec![b'y'; 300_000]].concat();
    assert_eq!(house.download(&agent, &reference, 1).await, text);
    assert!(house.record(&Key::Held(id)).await.is_none());
    let told = house.words_to(DEPOSITOR).await.join("\n");
    assert!(told.contains("Le fichier 2 sur 2"), "{told}");
    assert_eq!(house.outcomes(Action::DepositHeld).await, [Outcome::Done]);
    assert_eq!(house.outcomes(Action::DepositReleased).await, [Outcome::Done]);
    assert_eq!(house.outcomes(Action::FileRefused).await, [Outcome::Refused(RefusalReason::FileInfected)]);
}

#[tokio::test]
async fn agents_are_told_when_more_deposits_wait_than_are_listed() {
    let house = House::build_with(Some(Told::new(State::Gone).scanning())).await;
    let agent = house.sign_in("agent@carsat.example").await;
    let listed = async || house.app.list_transfers(&agent, None, visitor()).await.unwrap().remove(0);
    for _ in 0..100 {
        house.deposit_without_mail().await;
        house.clock.advance(Millis(1));
    }
    let full = listed().await;
    assert_eq!((full.held.len(), full.more_held), (100, false));
    let oldest = full.held[0].reference.clone();
    house.deposit_without_mail().await;
    let cut = listed().await;
    assert_eq!((cut.held.len(), cut.more_held), (100, true));
    assert_eq!(cut.held[0].reference, oldest, "the oldest are listed");
}

#[tokio::test(flavor = "multi_thread")]
async fn old_signatures_hold_what_comes() {
    let told = Told::new(State::SignedAt(NOW - Millis::days(4)));
    let house = House::build_with(Some(told.scanning())).await;
    let draft = house.draft().await;
    house.try_file(&draft, "a.pdf", PDF).await.unwrap();
    house.send(&draft, "Demande urgente").await.unwrap();
    let id = house.sent(&draft).await;
    assert_eq!(house.held(id).await.reason, HoldReason::SignaturesOld);
    told.is(State::SignedAt(NOW));
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    assert_eq!(house.transfers().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn signatures_without_a_date_are_not_taken_for_fresh() {
    let clamd = PrivateClamd::start();
    let scanning = Scanning { signatures_max_age: Some(Millis::days(3)), ..real(&clamd) };
    let house = House::build_with(Some(scanning)).await;
    let health = house.app.scanner_health().await.unwrap();
    assert_eq!(health.unfit, Some(HoldReason::SignaturesOld));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_never_judged_ends_after_warnings_and_not_in_silence() {
    let told = Told::new(State::Gone);
    let house = House::build_with(Some(told.scanning())).await;
    let draft = house.draft().await;
    house.try_file(&draft, "a.pdf", PDF).await.unwrap();
    house.send(&draft, "Demande urgente").await.unwrap();
    let id = house.sent(&draft).await;
    for day in 1..=8 {
        house.clock.advance(Millis::days(1));
        house.app.confirm_clock(pli::audit::Origin::Job, Some(Millis::days(1))).await.unwrap();
        let run = house.app.look_at_held().await.unwrap();
        house.app.upkeep().await.unwrap();
        if day < 7 {
            assert_eq!(run.waiting, 1, "day {day}");
            assert_eq!(house.held(id).await.warned, day >= 5, "day {day}");
        } else if day == 7 {
            assert_eq!(run.ended, 1);
        }
    }
    assert!(house.record(&Key::Held(id)).await.is_none());
    assert_eq!(house.transfers().await, 0);
    assert_eq!(house.outcomes(Action::AlertRaised).await.len(), 1);
    let ended = house.outcomes(Action::DepositReleased).await;
    assert!(matches!(ended.as_slice(), [Outcome::Failed(_)]), "{ended:?}");
    for to in [DEPOSITOR, "balc-pensions@carsat.example"] {
        let words = house.words_to(to).await.join("\n");
        assert!(words.contains("n’a toujours pas pu être analysé"), "{to}: {words}");
        assert!(words.contains("n’a pas pu être analysé en sept jours"), "{to}: {words}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn turning_the_scanner_off_lets_nothing_go_that_was_held() {
    let told = Told::new(State::Gone);
    let house = House::build_with(Some(told.scanning())).await;
    let draft = house.draft().await;
    house.try_file(&draft, "a.pdf", PDF).await.unwrap();
    house.send(&draft, "Demande urgente").await.unwrap();
    let off = crate::custody_house::restarted(&house);
    house.clock.advance(Millis::minutes(1));
    assert!(!off.inspects_files());
    assert_eq!(off.look_at_held().await.unwrap(), HeldRun { waiting: 1, ..HeldRun::default() });
    assert_eq!(house.transfers().await, 0);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_scanner_that_breaks_off_stops_no_upload() {
    let told = Told::new(State::BreaksOff);
    let house = House::build_with(Some(told.scanning())).await;
    let draft = house.draft().await;
    house.try_file(&draft, "a.txt", &vec![b'x'; 900_000]).await.unwrap();
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert!(house.app.listed_files(&view.draft).unwrap()[0].waits);
    told.is(State::Fit);
    house.clock.advance(Millis::minutes(1));
    house.send(&draft, "Demande urgente").await.unwrap();
    assert_eq!(house.transfers().await, 1, "judged when it was sent");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_refused_at_sending_is_told_before_anything_is_sent() {
    let mut clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    clamd.kill();
    house.try_file(&draft, "virus.txt", &marker()).await.unwrap();
    house.try_file(&draft, "a.pdf", PDF).await.unwrap();
    clamd.start_again();
    house.clock.advance(Millis::minutes(1));
    let outcome = house.send(&draft, "Demande urgente").await;
    assert!(matches!(outcome, Err(DepositRefusal::FileRefused)), "{outcome:?}");
    house.send(&draft, "Demande urgente").await.unwrap();
    let transfer = house.transfer(house.sent(&draft).await).await;
    assert_eq!((transfer.file_count, transfer.refused.len()), (1, 1));
}

fn mail(files: &[(&str, &[u8])]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let parts = files.iter().map(|(name, bytes)| {
        let body = STANDARD.encode(bytes);
        format!(
            "--b\nContent-Type: application/octet-stream; name=\"{name}\"\nContent-Disposition: attachment; \
             filename=\"{name}\"\nContent-Transfer-Encoding: base64\n\n{body}\n"
        )
    });
    format!(
        "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Urgence\nDate: Fri, 20 Nov 2026 10:00:00 +0100\n\
         Message-ID: <1@departement.example>\nMIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\n\
         Content-Type: text/plain; charset=utf-8\n\nBonjour\n{}--b--\n",
        parts.collect::<String>()
    )
}

async fn deposited(house: &House, message: &str) -> Reference {
    match house.mail_in(Some(DEPOSITOR), message, relay()).await.unwrap() {
        MailAnswer::Deposited { reference } => reference,
        MailAnswer::Noted => panic!("it was only noted"),
    }
}

async fn by_reference(house: &House, reference: &Reference) -> Transfer {
    let list = pli::app::ports::List::TransferByReference(reference.clone());
    let found = house.app.store.list(&list, 1).await.unwrap().pop().expect("it is not released");
    found.record.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn of_a_mail_with_a_refused_file_the_original_is_not_kept() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let clean = mail(&[("a.pdf", PDF), ("note.txt", b"ok")]);
    let whole = by_reference(&house, &deposited(&house, &clean).await).await;
    assert_eq!((whole.file_count, whole.objects.len(), whole.original_digest), (2, 4, None));

    let infected = mail(&[("a.pdf", PDF), ("b.txt", &marker()), ("note.txt", b"other")]);
    let reference = deposited(&house, &infected).await;
    let transfer = by_reference(&house, &reference).await;
    assert_eq!((transfer.file_count, transfer.objects.len(), transfer.refused.len()), (2, 3, 1));
    let original = infected.replace('\n', "\r\n");
    assert_eq!(transfer.original_digest, Some(pli::value::Digest::of(original.as_bytes())));
    let told = house.words_to(DEPOSITOR).await.join("\n");
    assert!(told.contains("Le fichier 2 sur 3 (texte,"), "{told}");
    assert!(!told.contains("b.txt"), "{told}");
    let agent = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
    let names: Vec<String> = opened.files().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["a.pdf", "note.txt"]);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_is_taken_and_held_while_the_scanner_is_down() {
    let mut clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    clamd.kill();
    let infected = mail(&[("a.pdf", PDF), ("b.txt", &marker())]);
    let reference = deposited(&house, &infected).await;
    assert_eq!(deposited(&house, &infected).await, reference, "a repeat gets the same answer");
    assert_eq!(house.transfers().await, 0);
    clamd.start_again();
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    let transfer = by_reference(&house, &reference).await;
    assert_eq!((transfer.file_count, transfer.objects.len(), transfer.refused.len()), (1, 2, 1));
    assert!(transfer.original_digest.is_some());
}

#[tokio::test(flavor = "multi_thread")]
async fn without_a_scanner_files_go_on_as_they_are_and_are_told_to_be_so() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.try_file(&draft, "eicar.txt", &eicar()).await.unwrap();
    house.send(&draft, "Demande urgente").await.unwrap();
    let transfer = house.transfer(house.sent(&draft).await).await;
    assert_eq!(transfer.checks, [Check::Off, Check::Off]);
    assert!(house.outcomes(Action::FileScanned).await.is_empty());
}

/// What each mailbox's section of `files.toml` says is what happens, for each of the findings that it may decide about.
#[tokio::test(flavor = "multi_thread")]
async fn each_mailbox_has_its_own_list_of_types_and_its_own_measures() {
    let told = Told::new(State::Fit);
    let mut locked = zip_of(&[("a.pdf", PDF)]);
    locked[6] |= 1;
    let directory = locked.windows(4).position(|window| window == b"PK\x01\x02").unwrap();
    locked[directory + 8] |= 1;
    let macros = zip_of(&[("[Content_Types].xml", b"<Types/>"), ("word/vbaProject.bin", b"x")]);
    let (script, launch) =
        (b"%PDF-1.4 << /S /JavaScript /JS (x) >> %%EOF", b"%PDF-1.4 << /S /Launch >> %%EOF");
    let files: [(&str, &[u8], &str, Finding); 4] = [
        ("a.docm", &macros, "macros", Finding::Macros),
        ("b.pdf", script, "pdf_script", Finding::PdfScript),
        ("c.pdf", launch, "pdf_launch", Finding::PdfLaunch),
        ("d.zip", &locked, "locked_archive", Finding::LockedArchive),
    ];
    for measure in ["accept", "warn", "refuse"] {
        let lines: Vec<_> = files.iter().map(|(_, _, key, _)| format!("{key} = \"{measure}\"\n")).collect();
        let section = lines.concat();
        for (name, bytes, _, finding) in &files {
            let house = House::build_with(Some(told.scanning())).await;
            house.decide_about_files(&format!("[mailbox.pensions]\n{section}"));
            let draft = house.draft().await;
            let outcome = house.try_file(&draft, name, bytes).await;
            if measure == "refuse" {
                assert_eq!(cause(outcome), RefusalCause::Found(*finding));
                continue;
            }
            outcome.unwrap();
            let reference = house.send(&draft, "Demande urgente").await.unwrap().reference;
            let agent = house.sign_in("agent@carsat.example").await;
            let opened = house.app.opened_transfer(Some(&agent), &reference, visitor()).await.unwrap();
            let warned: &[Finding] = if measure == "warn" { std::slice::from_ref(finding) } else { &[] };
            assert_eq!(opened.files()[0].check.warnings(), warned, "{name} {measure}");
        }
    }

    let house = House::build_with(Some(told.scanning())).await;
    house.decide_about_files(
        "[mailbox.pensions]\naccept = [\"image\"]\n[mailbox.other]\naccept = [\"pdf\"]\n",
    );
    let draft = house.draft().await;
    let refused = cause(house.try_file(&draft, "a.pdf", PDF).await);
    assert_eq!(refused, RefusalCause::TypeNotAccepted(FileKind::Pdf));
    // By its content, whatever its name says.
    let refused = cause(house.try_file(&draft, "a.png", PDF).await);
    assert_eq!(refused, RefusalCause::TypeNotAccepted(FileKind::Pdf));
    house.try_file(&draft, "a.png", b"\x89PNG\r\n\x1a\n0000000000000000").await.unwrap();
}
