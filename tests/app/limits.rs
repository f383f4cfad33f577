//! The limits of a mailbox are set while deposits are on their way: they bite at once, for open drafts too, whichever way
//! the files come; each change and each refused change is in the log.

use std::sync::Arc;

use bytes::Bytes;
use pli::app::{Append, DepositRefusal, FileRefusal, LimitsRefusal, MailRefusal, NewUpload, UploadRefusal};
use pli::audit::{Action, Detail, Event, Origin, Outcome, RefusalReason};
use pli::mailbox::{LimitsChange, LimitsError};
use pli::transfer::DraftError;
use pli::value::ByteSize;

use crate::house::{DEPOSITOR, House, relay, visitor};

const MIB: ByteSize = ByteSize::mebibytes(1);
/// The house of these tests takes so much to begin with.
const WIDE: LimitsChange = LimitsChange {
    file: Some(ByteSize::mebibytes(8)),
    deposit: Some(ByteSize::mebibytes(16)),
    files: Some(10),
    hourly: Some(ByteSize::mebibytes(100)),
};

async fn house() -> House {
    let house = House::build().await;
    house.set(WIDE).await;
    house
}

impl House {
    async fn set(&self, change: LimitsChange) {
        self.app.change_limits(self.pensions.id, change, Origin::Cli).await.unwrap();
    }

    async fn changes(&self) -> Vec<Event> {
        let leaves = self.app.store.leaves(0, 100_000).await.unwrap();
        let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
        events.filter(|event| event.action == Action::MailboxChanged).collect()
    }
}

#[tokio::test]
async fn a_change_says_what_holds_from_now_on_and_a_senseless_one_changes_nothing() {
    let house = house().await;
    house.set(LimitsChange { files: Some(2), ..LimitsChange::default() }).await;
    let senseless = LimitsChange { deposit: Some(ByteSize::mebibytes(7)), ..LimitsChange::default() };
    let refused = house.app.change_limits(house.pensions.id, senseless, Origin::Cli).await;
    assert!(
        matches!(refused, Err(LimitsRefusal::Limits(LimitsError::FileOverDeposit { .. }))),
        "{refused:?}"
    );
    let events = house.changes().await;
    let told = Detail::Limits {
        file: ByteSize::mebibytes(8),
        deposit: ByteSize::mebibytes(16),
        files: 2,
        hourly: ByteSize::mebibytes(100),
    };
    assert_eq!((events[1].detail, events[1].outcome), (Some(told), Outcome::Done));
    assert_eq!(events[2].outcome, Outcome::Refused(RefusalReason::PolicyDenied));
    let mailboxes = house.app.mailboxes().await.unwrap();
    assert!(mailboxes.iter().all(|mailbox| (mailbox.limits.files == 2) == (mailbox.id == house.pensions.id)));
}

#[tokio::test(flavor = "multi_thread")]
async fn an_open_draft_over_lowered_limits_is_told_so_and_goes_when_it_fits() {
    let house = house().await;
    let draft = house.draft().await;
    house.add_file(&draft, "grand.pdf", &vec![b'x'; 3 << 20]).await;
    house.add_file(&draft, "petit.pdf", b"%PDF-1.7 synthetic").await;
    // A file is half way when the limits are lowered.
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut half = house.app.begin_file(view, "encore.pdf", visitor()).await.unwrap();
    half.push(&vec![b'y'; 2 << 20]).await.unwrap();
    house.set(LimitsChange { file: Some(MIB), ..LimitsChange::default() }).await;

    let ended = half.finish().await;
    let (limit, actual) = (MIB, ByteSize::mebibytes(2));
    assert!(
        matches!(ended, Err(FileRefusal::Draft(error)) if error == DraftError::FileTooLarge { limit, actual }),
        "the file that was half way: {ended:?}"
    );
    let sent = house.send(&draft, "Demande urgente").await;
    let actual = ByteSize::mebibytes(3);
    assert!(
        matches!(sent, Err(DepositRefusal::OverLimit(error)) if error == DraftError::FileTooLarge { limit, actual }),
        "{sent:?}"
    );
    house.app.remove_file(draft.0, &draft.1, 1, visitor()).await.unwrap();
    house.send(&draft, "Demande urgente").await.unwrap();
    assert_eq!(house.transfers().await, 1);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_upload_that_is_half_way_takes_no_more_once_its_draft_is_over_the_limits() {
    let house = house().await;
    let draft = house.draft().await;
    let view = || async { house.app.draft(draft.0, &draft.1).await.unwrap().unwrap() };
    let new =
        NewUpload { path: "grand.pdf".into(), fingerprint: String::new(), length: ByteSize::mebibytes(4) };
    let begun = house.app.begin_upload(view().await, new, visitor()).await.unwrap();
    let send = |offset| Append { offset: ByteSize(offset), length: None, checksum: None };
    let app = Arc::clone(&house.app);
    let mut appending = app.append_to_upload(view().await, begun.id, send(0), visitor()).await.unwrap();
    assert!(appending.push(Bytes::from(vec![b'x'; 1 << 20])).await);
    appending.finish().await.unwrap();

    house.set(LimitsChange { file: Some(MIB), deposit: Some(MIB), ..LimitsChange::default() }).await;
    let refused = app.append_to_upload(view().await, begun.id, send(1 << 20), visitor()).await;
    assert!(
        matches!(refused, Err(UploadRefusal::Draft(DraftError::FileTooLarge { limit: MIB, .. }))),
        "more of it was taken"
    );
    house
        .set(LimitsChange {
            file: Some(ByteSize::mebibytes(8)),
            deposit: WIDE.deposit,
            ..LimitsChange::default()
        })
        .await;
    assert!(app.append_to_upload(view().await, begun.id, send(1 << 20), visitor()).await.is_ok());
}

#[tokio::test(flavor = "multi_thread")]
async fn the_pace_that_is_lowered_holds_for_the_address_in_every_draft() {
    let house = house().await;
    let (first, second) = (house.draft().await, house.draft().await);
    house.add_file(&first, "grand.pdf", &vec![b'x'; 3 << 20]).await;
    house.set(LimitsChange { hourly: Some(ByteSize::mebibytes(2)), ..LimitsChange::default() }).await;
    let view = house.app.draft(second.0, &second.1).await.unwrap().unwrap();
    let refused = house.app.begin_file(view, "autre.pdf", visitor()).await.map(drop);
    assert!(matches!(refused, Err(FileRefusal::TooFast { .. })), "{refused:?}");
}

fn mail(number: u32, files: usize) -> String {
    let line = format!("{}\n", "Bonjour. ".repeat(8));
    let text = line.repeat(20_000 / files);
    let parts = (0..files).map(|file| {
        format!("--b\nContent-Type: text/plain\nContent-Disposition: attachment; filename=\"{file}.txt\"\n\n{text}\n")
    });
    format!(
        "From: {DEPOSITOR}\nTo: pensions@pli.example\nSubject: Urgence\nMessage-ID: <{number}@departement.example>\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=b\n\n--b\nContent-Type: text/plain\n\nBonjour\n\
         {}--b--\n",
        parts.collect::<String>()
    )
}

#[tokio::test(flavor = "multi_thread")]
async fn a_mail_keeps_to_the_number_of_files_and_to_the_pace() {
    let house = house().await;
    house.set(LimitsChange { files: Some(2), hourly: Some(MIB), ..LimitsChange::default() }).await;
    let many = house.mail_in(Some(DEPOSITOR), &mail(1, 3), relay()).await;
    assert!(matches!(many, Err(MailRefusal::TooManyFiles { limit: 2 })), "{many:?}");
    let first = house.mail_in(Some(DEPOSITOR), &mail(2, 2), relay()).await.unwrap();
    let again = house.mail_in(Some(DEPOSITOR), &mail(3, 2), relay()).await;
    assert!(matches!(again, Err(MailRefusal::TooFast { limit: MIB })), "{again:?}");
    let repeat = house.mail_in(Some(DEPOSITOR), &mail(2, 2), relay()).await.unwrap();
    assert_eq!(repeat, first, "a repeat is no new mail");
}
