//! What an agent and an officer see, and that what was swapped in the store is caught (invariants 2, 5, S2).

use std::io::Write;
use std::sync::{Arc, Mutex};

use pli::app::ports::{Change, Key, Record, UnitOfWork};
use pli::app::{AppError, JournalFilter, OlderTransfers, OpenError, PageStart};
use pli::audit::{Action, Actor, Origin, Verdict, verify};
use pli::value::{MailboxId, Reference, TransferId};
use pli::vault::VaultError;

use crate::house::{DEPOSITOR, House, visitor};

async fn overwrite(house: &House, record: Record) {
    let unit = UnitOfWork { changes: vec![Change::Put(record)], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
}

async fn transfer(house: &House, reference: &pli::value::Reference) -> (TransferId, MailboxId) {
    let signed = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&signed), reference, visitor()).await.unwrap();
    (opened.transfer.id, opened.transfer.mailbox)
}

#[tokio::test]
async fn a_manifest_or_a_grant_swapped_in_the_store_does_not_open() {
    let house = House::build().await;
    let (one, two) = (house.deposit().await, house.deposit().await);
    let ((id, mailbox), (other, _)) = (transfer(&house, &one).await, transfer(&house, &two).await);
    let signed = house.sign_in("agent@carsat.example").await;

    let Some(Record::Transfer(original)) = house.record(&Key::Transfer(id)).await else { panic!() };
    let Some(Record::Transfer(foreign)) = house.record(&Key::Transfer(other)).await else { panic!() };
    let mut swapped = original.clone();
    swapped.manifest = foreign.manifest.clone();
    swapped.manifest_digest = foreign.manifest_digest;
    overwrite(&house, swapped.into()).await;
    let opened = house.app.opened_transfer(Some(&signed), &one, visitor()).await;
    assert!(matches!(opened, Err(OpenError::Fault(AppError::Vault(_)))));

    let mut moved = original.clone();
    moved.objects = foreign.objects.clone();
    overwrite(&house, moved.into()).await;
    let opened = house.app.opened_transfer(Some(&signed), &one, visitor()).await.unwrap();
    assert!(house.app.message(&opened).await.is_err(), "another transfer's object was shown");
    overwrite(&house, original.into()).await;

    let Some(Record::Grant(mut grant)) = house.record(&Key::Grant((other, mailbox))).await else { panic!() };
    grant.terms.transfer = id;
    overwrite(&house, grant.into()).await;
    let opened = house.app.opened_transfer(Some(&signed), &one, visitor()).await;
    assert!(matches!(opened, Err(OpenError::Fault(AppError::Vault(VaultError::Swapped)))));
}

#[tokio::test]
async fn any_number_of_openings_are_logged_and_the_first_is_remembered() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let signed = house.sign_in("agent@carsat.example").await;
    for _ in 0..3 {
        house.app.open_transfer(&signed, &reference, visitor()).await.unwrap();
    }
    let opened = house.events().await.into_iter().filter(|action| *action == Action::TransferOpened).count();
    assert_eq!(opened, 3);
    let listed = house.app.list_transfers(&signed, None, visitor()).await.unwrap();
    assert_eq!(listed[0].transfers[0].first_opened_by.as_deref(), Some("agent@carsat.example"));
}

#[tokio::test]
async fn every_transfer_of_a_busy_mailbox_is_on_one_page_and_none_is_skipped() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let (id, _) = transfer(&house, &reference).await;
    let Some(Record::Transfer(sample)) = house.record(&Key::Transfer(id)).await else { panic!() };
    // Pages of 200 would part the transfers of one instant here: three came in each.
    for n in 0..450_u32 {
        let mut other = sample.clone();
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        other.id = TransferId::new(bytes);
        other.reference = Reference::new((u64::from(n) << 40).to_be_bytes());
        other.received_at.0 -= i64::from(n / 3 + 1);
        overwrite(&house, other.into()).await;
    }
    let signed = house.sign_in("agent@carsat.example").await;
    let (mut seen, mut pages, mut page) = (std::collections::HashSet::new(), 0, None);
    loop {
        let listed = house.app.list_transfers(&signed, page.as_ref(), visitor()).await.unwrap();
        pages += 1;
        for line in &listed[0].transfers {
            assert!(seen.insert(line.transfer.id), "shown twice");
        }
        let Some(before) = listed[0].older else { break };
        page = Some(OlderTransfers { mailbox: house.pensions.slug.clone(), before });
    }
    assert_eq!((seen.len(), pages), (451, 3));
}

#[tokio::test]
async fn the_officer_reads_who_did_what_and_nobody_else_does() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let agent = house.sign_in("agent@carsat.example").await;
    assert!(
        house
            .app
            .read_log(&agent, &JournalFilter::default(), PageStart::Newest, visitor())
            .await
            .unwrap()
            .is_none()
    );
    let officer = house.sign_in("securite@carsat.example").await;
    let filter = JournalFilter { person: Some(DEPOSITOR.to_owned()), ..JournalFilter::default() };
    let page = house.app.read_log(&officer, &filter, PageStart::Newest, visitor()).await.unwrap().unwrap();
    assert!(page.lines.iter().all(|line| line.who.as_deref() == Some(DEPOSITOR)), "{:?}", page.lines);
    let nobody = JournalFilter { person: Some("Jeanne".to_owned()), ..JournalFilter::default() };
    let nothing = house.app.read_log(&officer, &nobody, PageStart::Newest, visitor()).await.unwrap().unwrap();
    assert!(
        nothing.lines.is_empty() && nothing.not_understood,
        "a filter that is not understood must not show everybody"
    );
    let sent = page.lines.iter().find(|line| line.action == Action::DepositSent).unwrap();
    assert_eq!(sent.object.as_deref(), Some(reference.as_str()));
    assert!(house.events().await.contains(&Action::LogRead));
}

#[tokio::test(flavor = "multi_thread")]
async fn the_log_verifies_and_holds_nothing_of_the_insured_person() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "NOM-DE-FICHIER.pdf", b"CONTENU").await;
    assert!(house.send(&draft, "M. TITRE-REFUSE 1 84 06 35 288 118 22").await.is_err());
    house.send(&draft, "Demande urgente").await.unwrap();
    let verdict = house.app.verify_log().await.unwrap();
    assert!(matches!(verdict, Verdict::Well(_)), "{verdict}");
    let leaves = house.app.store.leaves(0, 10_000).await.unwrap();
    let log: String = leaves.iter().map(|leaf| leaf.entry.as_ref().unwrap().payload().to_owned()).collect();
    for marker in [
        "NOM-DE-FICHIER",
        "TITRE-REFUSE",
        "35 288 118",
        "Demande urgente",
        "jeanne",
        "dossier urgent",
        "departement",
    ] {
        assert!(!log.contains(marker), "{marker} is in the log");
    }
    let _kept: Arc<pli::app::App> = Arc::clone(&house.app);
}

/// Keeps each piece that it is handed.
#[derive(Clone, Default)]
struct Pieces(Arc<Mutex<Vec<Vec<u8>>>>);

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap().push(bytes.to_vec());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn an_export_is_handed_over_in_large_pieces() {
    let house = House::build().await;
    house.deposit().await;
    let pieces = Pieces::default();
    house.app.export_log(pieces.clone(), Actor::Operator, Origin::Cli).await.unwrap();
    let pieces = pieces.0.lock().unwrap();
    assert_eq!(pieces.len(), 1, "a short log is one piece, not one for each word of it");
    let verdict = verify(&pieces.concat()[..], &house.app.log_key().unwrap(), None);
    assert!(matches!(verdict, Verdict::Well(_)), "{verdict}");
}
