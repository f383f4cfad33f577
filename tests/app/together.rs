//! A deposit that is sent in the same request as its last file: one commit, and nothing lost when it is refused or when
//! another tab was quicker.

use pli::app::{DepositRefusal, FileRefusal, FinishedFile, Sending, TogetherRefusal};
use pli::audit::{Action, Selection};
use pli::transfer::{DraftError, DraftState};
use pli::value::{DraftId, SecretBytes, Token};

use crate::house::{House, visitor};

async fn arrived(house: &House, draft: &(DraftId, Token), bytes: &[u8]) -> Box<pli::app::ArrivedFile> {
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let mut sealing = house.app.begin_file(view, "avis de situation.pdf", visitor()).await.unwrap();
    sealing.push(bytes).await.unwrap();
    match sealing.arrive().await.unwrap() {
        FinishedFile::Arrived(file) => file,
        FinishedFile::InDraft(_) => panic!("nothing is inspected here"),
    }
}

fn sending(title: &str) -> Sending {
    Sending::new(title.to_owned(), SecretBytes::new(b"Bonjour.".to_vec()))
}

async fn count(house: &House, action: Action) -> usize {
    let selection = Selection { actions: vec![action], ..Selection::default() };
    house.app.store.entries(&selection, 100).await.unwrap().len()
}

#[tokio::test]
async fn file_and_sending_are_one_commit_and_the_agent_reads_both() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "premier.txt", b"le premier").await;
    let file = arrived(&house, &draft, b"%PDF-1.7 synthetic").await;
    let before = house.app.store.log().await.unwrap().size();
    let answer = house.app.accept_deposit_with(*file, sending("Demande urgente"), visitor()).await.unwrap();
    let after = house.app.store.leaves(before, 100).await.unwrap();
    let told: Vec<_> =
        after.iter().map(|leaf| leaf.entry.as_ref().unwrap().event().unwrap().action).collect();
    assert_eq!(told, [Action::FileSealed, Action::DepositSent, Action::MailQueued, Action::MailQueued]);
    let signed = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&signed), &answer.reference, visitor()).await.unwrap();
    let names: Vec<_> = opened.files().into_iter().map(|file| file.name).collect();
    assert_eq!(names, ["premier.txt", "avis de situation.pdf"]);
    assert_eq!(house.download(&signed, &answer.reference, 2).await, b"%PDF-1.7 synthetic");
}

#[tokio::test]
async fn a_deposit_that_is_refused_keeps_the_file_in_the_draft() {
    let house = House::build().await;
    let draft = house.draft().await;
    let file = arrived(&house, &draft, b"%PDF-1.7 synthetic").await;
    let refused = house.app.accept_deposit_with(*file, sending(""), visitor()).await;
    assert!(matches!(refused, Err(TogetherRefusal::Deposit(DepositRefusal::Title(_)))));
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    assert_eq!((view.draft.parts.len(), &view.draft.state), (1, &DraftState::Open));
    assert_eq!(house.app.listed_files(&view.draft).unwrap()[0].name, "avis de situation.pdf");
    house.send(&draft, "Demande urgente").await.unwrap();
}

#[tokio::test]
async fn a_file_for_a_draft_that_was_sent_meanwhile_is_refused_and_never_half_sent() {
    let house = House::build().await;
    let draft = house.draft().await;
    let file = arrived(&house, &draft, b"%PDF-1.7 synthetic").await;
    house.send(&draft, "Demande urgente").await.unwrap();
    let refused = house.app.accept_deposit_with(*file, sending("Demande urgente"), visitor()).await;
    let Err(TogetherRefusal::File(FileRefusal::Draft(DraftError::AlreadySent))) = refused else {
        panic!("the other tab's answer would be a lie about this file")
    };
    assert_eq!(count(&house, Action::DepositSent).await, 1);
}

#[tokio::test]
async fn a_draft_that_another_tab_added_to_meanwhile_is_sent_with_both_files() {
    let house = House::build().await;
    let draft = house.draft().await;
    let file = arrived(&house, &draft, b"%PDF-1.7 synthetic").await;
    house.add_file(&draft, "autre.txt", b"d'un autre onglet").await;
    let answer = house.app.accept_deposit_with(*file, sending("Demande urgente"), visitor()).await.unwrap();
    let signed = house.sign_in("agent@carsat.example").await;
    let opened = house.app.opened_transfer(Some(&signed), &answer.reference, visitor()).await.unwrap();
    assert_eq!(opened.files().len(), 2);
    assert_eq!(count(&house, Action::FileSealed).await, 2);
}
