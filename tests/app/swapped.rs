//! Somebody who can write to the store swaps what is sealed, or what it is sealed to: each is caught before a byte of it is
//! shown or sealed for them, and the log has it.

use pli::app::ports::{Change, Key, Record, UnitOfWork};
use pli::app::{AppError, FileRefusal, OpenError};
use pli::audit::{Action, FailureReason, Outcome};
use pli::transfer::Transfer;
use pli::value::{Reference, TransferId};
use pli::vault::{Grant, Identity, VaultError, wrap_identity};

use crate::house::{House, visitor};

async fn overwrite(house: &House, record: impl Into<Record>) {
    let unit = UnitOfWork { changes: vec![Change::Put(record.into())], ..UnitOfWork::default() };
    house.app.store.commit(unit).await.unwrap();
}

async fn transfer(house: &House, reference: &Reference) -> Transfer {
    let signed = house.sign_in("agent@carsat.example").await;
    house.app.opened_transfer(Some(&signed), reference, visitor()).await.unwrap().transfer
}

async fn grant(house: &House, transfer: &Transfer) -> Grant {
    match house.record(&Key::Grant((transfer.id, transfer.mailbox))).await {
        Some(Record::Grant(grant)) => grant,
        other => panic!("{other:?}"),
    }
}

/// How often the log says that something sealed was not what was sealed.
async fn damage_told(house: &House) -> usize {
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
    events.filter(|event| event.outcome == Outcome::Failed(FailureReason::SealDamaged)).count()
}

/// Opens the transfer, its message and its files as an agent's browser does; the error, and that the log has it once.
async fn caught(house: &House, reference: &Reference) -> VaultError {
    let before = damage_told(house).await;
    let outcome = open_all(house, reference).await;
    let Err(OpenError::Fault(AppError::Vault(error))) = outcome else { panic!("not caught: {outcome:?}") };
    assert_eq!(damage_told(house).await, before + 1, "the log has it");
    error
}

async fn open_all(house: &House, reference: &Reference) -> Result<(), OpenError> {
    let signed = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&signed), reference, visitor()).await?;
    house.app.message(&opened).await.map_err(OpenError::Fault)?;
    for file in opened.files() {
        house.app.open_file(&opened, file.number).await?;
    }
    Ok(())
}

/// Two deposits of two files each.
async fn two(house: &House) -> [Reference; 2] {
    let mut references = Vec::new();
    for name in ["un.pdf", "deux.pdf"] {
        let draft = house.draft().await;
        house.add_file(&draft, name, name.repeat(40_000).as_bytes()).await;
        house.add_file(&draft, "petit.txt", b"petit fichier").await;
        references.push(house.send(&draft, "Demande urgente").await.unwrap().reference);
    }
    references.try_into().unwrap()
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_objects_are_caught() {
    let house = House::build().await;
    let [one, two] = two(&house).await;
    let (original, foreign) = (transfer(&house, &one).await, transfer(&house, &two).await);
    open_all(&house, &one).await.unwrap();

    // Of one transfer with another's, and two of the same transfer with each other.
    for (place, other) in [(0, &foreign.objects[0]), (1, &foreign.objects[1]), (1, &original.objects[2])] {
        let mut swapped = original.clone();
        swapped.objects[place] = other.clone();
        overwrite(&house, swapped).await;
        assert!(matches!(caught(&house, &one).await, VaultError::Swapped));
    }
    // One object in the place of two segments, and none in the place of one.
    for objects in [vec![original.objects[0][0].clone(); 2], vec![]] {
        let mut swapped = original.clone();
        swapped.objects[0] = objects;
        overwrite(&house, swapped).await;
        assert!(matches!(caught(&house, &one).await, VaultError::Swapped));
    }
    overwrite(&house, original).await;
    open_all(&house, &one).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_manifest_is_caught() {
    let house = House::build().await;
    let [one, two] = two(&house).await;
    let (original, foreign) = (transfer(&house, &one).await, transfer(&house, &two).await);
    let mut swapped = original.clone();
    swapped.manifest = foreign.manifest.clone();
    swapped.manifest_digest = foreign.manifest_digest;
    overwrite(&house, swapped).await;
    assert!(matches!(caught(&house, &one).await, VaultError::Swapped));
    // With its grant and its objects: a whole transfer in the place of another.
    let mut swapped = Transfer { id: original.id, reference: original.reference.clone(), ..foreign.clone() };
    swapped.received_at = original.received_at;
    overwrite(&house, swapped).await;
    let mut moved = grant(&house, &foreign).await;
    moved.terms.transfer = original.id;
    overwrite(&house, moved).await;
    assert!(matches!(caught(&house, &one).await, VaultError::Swapped));
}

#[tokio::test(flavor = "multi_thread")]
async fn swapped_grants_are_caught() {
    let house = House::build().await;
    let [one, two] = two(&house).await;
    let (original, foreign) = (transfer(&house, &one).await, transfer(&house, &two).await);
    let (mine, theirs) = (grant(&house, &original).await, grant(&house, &foreign).await);

    let mut sealed_of_another = mine.clone();
    sealed_of_another.sealed = theirs.sealed.clone();
    overwrite(&house, sealed_of_another).await;
    assert!(matches!(caught(&house, &one).await, VaultError::Swapped));

    let mut another_day = mine.clone();
    another_day.terms.day = another_day.terms.day.plus(1);
    overwrite(&house, another_day).await;
    assert!(matches!(caught(&house, &one).await, VaultError::WrongKey));

    // Made anew by somebody who knows every recipient and the terms, for an identity of their own.
    let day = pli::retention::KeyName::ExpiryDay(mine.terms.day);
    let (thief, day) = (Identity::generate(), house.app.keyring.recipient(day).unwrap());
    let forged = Grant::new(mine.terms, &thief, &house.pensions.key.recipient, &day).unwrap();
    overwrite(&house, forged).await;
    assert!(matches!(caught(&house, &one).await, VaultError::WrongKey));

    overwrite(&house, mine).await;
    open_all(&house, &one).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_swapped_mailbox_key_opens_nothing() {
    let house = House::build().await;
    let [one, _] = two(&house).await;
    let Some(Record::Mailbox(original)) = house.record(&Key::Mailbox(house.pensions.id)).await else {
        panic!()
    };
    let gateway = house.app.keyring.gateway().unwrap().recipient();
    let mut swapped = original.clone();
    swapped.key.for_gateway = Some(wrap_identity(&gateway, &Identity::generate()).unwrap());
    overwrite(&house, swapped).await;
    assert!(matches!(caught(&house, &one).await, VaultError::Swapped));
    overwrite(&house, original).await;
    open_all(&house, &one).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_is_sealed_to_a_recipient_that_was_swapped_in_a_draft() {
    let house = House::build().await;
    let draft = house.draft().await;
    let Some(Record::Draft(original)) = house.record(&Key::Draft(draft.0)).await else { panic!() };
    let mut swapped = original.clone();
    swapped.recipient = Identity::generate().recipient();
    overwrite(&house, swapped).await;

    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let refused = house.app.begin_file(view, "demande.pdf", visitor()).await.map(|_| ());
    assert!(matches!(refused, Err(FileRefusal::Fault(AppError::Vault(VaultError::Swapped)))));
    assert!(house.send(&draft, "Demande urgente").await.is_err());
    assert_eq!(damage_told(&house).await, 2, "the log has both");
    assert_eq!(house.transfers().await, 0);
    assert!(!house.events().await.contains(&Action::DepositSent));
}

#[tokio::test(flavor = "multi_thread")]
async fn a_transfer_under_another_id_is_caught() {
    let house = House::build().await;
    let [one, _] = two(&house).await;
    let original = transfer(&house, &one).await;
    let mut mine = grant(&house, &original).await;
    let id = TransferId::new([9; 16]);
    let mut moved = original.clone();
    moved.id = id;
    mine.terms.transfer = id;
    let unit = UnitOfWork {
        changes: vec![
            Change::Delete(Key::Transfer(original.id)),
            Change::Put(moved.into()),
            Change::Put(mine.into()),
        ],
        ..UnitOfWork::default()
    };
    house.app.store.commit(unit).await.unwrap();
    assert!(matches!(caught(&house, &one).await, VaultError::Swapped));
}
