//! What is typed is scanned like a file, and a file that comes in pieces like one that comes at once (D8): whichever way it
//! came in, nothing infected goes on, the depositor is told which and why, and the rest stays.

use std::sync::Arc;

use bytes::Bytes;
use pli::app::ports::{Change, Key, List, Record, UnitOfWork};
use pli::app::{Append, DepositRefusal, MailAnswer, NewUpload, Sending, UploadRefusal};
use pli::content::{FileKind, RefusalCause};
use pli::transfer::{OpenSegment, REFUSED_TEXT, Transfer, UploadState};
use pli::value::{ByteSize, DraftId, Millis, Reference, SecretBytes, Token, UploadId};
use pli::vault::{SealingKey, SegmentSealer};

use crate::house::{DEPOSITOR, House, is_found_below, mail_text, relay, visitor};
use crate::scanning::clamd::{PrivateClamd, marker};
use crate::scanning::{State, Told, real, zip_of};

const PDF: &[u8] = b"%PDF-1.4\n1 0 obj << /Type /Catalog >> endobj\n%%EOF\n";

type Draft = (DraftId, Token);

impl House {
    async fn begun(&self, draft: &Draft, path: &str, length: usize) -> UploadId {
        let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let length = ByteSize(length as u64);
        let new = NewUpload { path: path.into(), fingerprint: String::new(), length };
        self.app.begin_upload(view, new, visitor()).await.unwrap().id
    }

    /// Sends a file in two requests.
    async fn in_pieces(&self, draft: &Draft, path: &str, bytes: &[u8]) -> Result<(), UploadRefusal> {
        let id = self.begun(draft, path, bytes.len()).await;
        let (first, second) = bytes.split_at(bytes.len() / 2);
        for (offset, piece) in [(0, first), (first.len(), second)] {
            let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
            let append = Append { offset: ByteSize(offset as u64), length: None, checksum: None };
            let app = Arc::clone(&self.app);
            let mut appending = app.append_to_upload(view, id, append, visitor()).await?;
            assert!(appending.push(Bytes::copy_from_slice(piece)).await);
            appending.finish().await?;
        }
        Ok(())
    }

    async fn say(&self, draft: &Draft, message: &[u8]) -> Result<(), DepositRefusal> {
        let view = self.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
        let sending = Sending::new("Demande urgente".into(), SecretBytes::new(message.to_vec()));
        self.app.accept_deposit(view, sending, visitor()).await.map(drop)
    }

    async fn released(&self, reference: &Reference) -> Transfer {
        let list = List::TransferByReference(reference.clone());
        let found = self.app.store.list(&list, 1).await.unwrap().pop().expect("it is not released");
        found.record.try_into().unwrap()
    }
}

fn refused(outcome: Result<(), UploadRefusal>) -> RefusalCause {
    match outcome {
        Err(UploadRefusal::Content(cause)) => cause,
        other => panic!("{other:?}"),
    }
}

/// A mail whose text is infected, and whose file is not.
fn mail() -> String {
    let text = String::from_utf8(marker()).unwrap();
    format!(
        "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Urgence\nMessage-ID: <1@departement.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nBonjour {text}\n\
         --b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=\"note.txt\"\n\nMadame Exemple\n--b--\n"
    )
}

async fn deposited(house: &House) -> Reference {
    match house.mail_in(Some(DEPOSITOR), &mail(), relay()).await.unwrap() {
        MailAnswer::Deposited { reference } => reference,
        MailAnswer::Noted => panic!("it was only noted"),
    }
}

/// Of the mail above the file goes on, the text and the mail as it came in do not.
async fn judge(house: &House, reference: &Reference) {
    let transfer = house.released(reference).await;
    assert_eq!((transfer.file_count, transfer.objects.len()), (1, 2), "the original is not kept");
    assert!(transfer.original_digest.is_some());
    let told: Vec<_> = transfer.refused.iter().map(|file| (file.number, file.kind, file.cause)).collect();
    assert_eq!(told, [(REFUSED_TEXT, FileKind::Text, RefusalCause::Infected)]);
    let agent = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&agent), reference, visitor()).await.unwrap();
    assert!(house.app.message(&opened).await.unwrap().expose().is_empty());
    let file = house.download(&agent, reference, 1).await;
    assert!(file.starts_with(b"Madame Exemple"), "the file kept its number");
    house.clock.advance(Millis::seconds(20));
    let mails = house.mails_to(DEPOSITOR).await;
    let words = mails.iter().map(|mail| mail_text(mail).split_whitespace().collect::<Vec<_>>().join(" "));
    let words: Vec<String> = words.collect();
    let told = "Le texte de votre envoi n’a pas été transmis : il contient un virus.";
    assert!(words.iter().any(|mail| mail.contains(told)), "{words:?}");
}

#[tokio::test(flavor = "multi_thread")]
async fn an_infected_file_or_archive_that_comes_in_pieces_is_refused_and_the_rest_stays() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    let infected = [b"lettre ".repeat(5000), marker()].concat();
    assert_eq!(refused(house.in_pieces(&draft, "lettre.txt", &infected).await), RefusalCause::Infected);
    let zip = zip_of(&[("a.txt", b"ok"), ("in/b.txt", &marker())]);
    assert_eq!(refused(house.in_pieces(&draft, "dossier.zip", &zip).await), RefusalCause::Infected);
    house.in_pieces(&draft, "avis.pdf", PDF).await.unwrap();

    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let files = house.app.listed_files(&view.draft).unwrap();
    assert_eq!(
        files.iter().map(|file| (file.name.as_str(), file.waits)).collect::<Vec<_>>(),
        [("avis.pdf", false)]
    );
    let named = house.app.named_refusals(&view.draft.inspection.refused);
    let names: Vec<_> = named.iter().map(|file| file.name.as_deref().unwrap()).collect();
    assert_eq!(names, ["lettre.txt", "dossier.zip"]);
    house.send(&draft, "Demande urgente").await.unwrap();
    assert_eq!(house.transfers().await, 1);
    assert!(!is_found_below(house.directory.path(), &marker()));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_infected_message_is_refused_with_its_reason_and_the_draft_stays() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let draft = house.draft().await;
    house.in_pieces(&draft, "avis.pdf", PDF).await.unwrap();
    let outcome = house.say(&draft, &[b"Bonjour ".as_slice(), &marker()].concat()).await;
    assert!(matches!(outcome, Err(DepositRefusal::MessageRefused(RefusalCause::Infected))), "{outcome:?}");
    assert_eq!(house.transfers().await, 0);
    house.say(&draft, b"Bonjour").await.unwrap();
    assert_eq!(house.transfers().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn the_infected_text_of_a_mail_does_not_go_on_and_its_files_do() {
    let clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    let reference = deposited(&house).await;
    judge(&house, &reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn the_same_when_the_scanner_was_down_and_the_mail_was_held() {
    let mut clamd = PrivateClamd::start();
    let house = House::build_with(Some(real(&clamd))).await;
    clamd.kill();
    let reference = deposited(&house).await;
    assert_eq!(house.transfers().await, 0);
    clamd.start_again();
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
    judge(&house, &reference).await;
}

#[tokio::test(flavor = "multi_thread")]
async fn a_message_that_cannot_be_scanned_holds_the_deposit() {
    let told = Told::new(State::Gone);
    let house = House::build_with(Some(told.scanning())).await;
    let draft = house.draft().await;
    house.say(&draft, b"Bonjour").await.unwrap();
    assert_eq!(house.transfers().await, 0, "a message alone is content too");
    told.is(State::Fit);
    house.clock.advance(Millis::minutes(1));
    assert_eq!(house.app.look_at_held().await.unwrap().released, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_that_is_whole_after_a_crash_is_judged_before_it_is_said_to_be_fine() {
    let house = House::build_with(Some(Told::new(State::Fit).scanning())).await;
    let draft = house.draft().await;
    let program = [b"MZ\x90\0".as_slice(), &[b'x'; 5000]].concat();
    let id = house.begun(&draft, "photo.jpg", program.len()).await;
    // The gateway was killed between the last segment's end and its commit.
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut sealer = SegmentSealer::new(&SealingKey::new(&view.draft.recipient).unwrap()).unwrap();
    let binding = sealer.binding();
    let (object, mut writer) = house.app.objects.create_kept(house.app.now().at.day()).await.unwrap();
    writer.write(&sealer.push(&program).unwrap()).await.unwrap();
    writer.write(&sealer.finish().unwrap().0).await.unwrap();
    writer.finish().await.unwrap();
    let Some(Record::Upload(mut left)) = house.record(&Key::Upload((draft.0, id))).await else { panic!() };
    if let UploadState::Receiving { open, .. } = &mut left.state {
        *open = Some(OpenSegment { object, binding });
    }
    let changes = vec![Change::Put(Record::Upload(left))];
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();

    let asked = house.app.upload_progress(&view, id, visitor()).await.map(drop);
    assert_eq!(refused(asked), RefusalCause::TypeNotAccepted(FileKind::Executable));
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert!(view.draft.parts.is_empty() && view.draft.inspection.refused.len() == 1);
}
