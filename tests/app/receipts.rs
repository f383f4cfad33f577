//! The signed receipt (D9): promised with the deposit, proved by the next checkpoint, carried by the acknowledgement,
//! verified by anybody, also with other programs than Pli.

use ct_merkle::{InclusionProof, RootHash};
use mail_parser::{MessageParser, MimeHeaders};
use pli::app::AskedFile;
use pli::app::ports::{Key, Record};
use pli::audit::{Action, FileSalt, Receipt, ReceiptError, leaf_of};
use pli::transfer::Transfer;
use pli::value::{Digest, Millis, Reference};
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::house::{DEPOSITOR, House, mail_text, relay, visitor};
use crate::log_upkeep::fill;

const FILE: &[u8] = b"%PDF-1.7 synthetic";
const MAIL: &str = "From: Jeanne Martin <jeanne.martin@departement.example>
To: pensions@pli.example
Subject: Demande urgente
Message-ID: <two@departement.example>

Le texte du courriel.
";

/// The receipt that a mail carries, if it does.
fn joined(mail: &str) -> Option<String> {
    let parsed = MessageParser::default().parse(mail.as_bytes()).unwrap();
    let part = parsed.attachment(0)?;
    assert!(part.attachment_name().unwrap().ends_with(".pli-receipt.txt"));
    Some(String::from_utf8(part.contents().to_vec()).unwrap())
}

async fn acknowledgement(house: &House) -> String {
    let mails = house.mails_to(DEPOSITOR).await;
    mails.into_iter().find(|mail| mail.contains("Subject: =?") && joined(mail).is_some()).unwrap()
}

async fn transfer(house: &House, reference: &Reference) -> Transfer {
    let list = pli::app::ports::List::TransferByReference(reference.clone());
    let found = house.app.store.list(&list, 1).await.unwrap().pop().unwrap();
    Transfer::try_from(found.record).unwrap()
}

#[tokio::test]
async fn the_acknowledgement_carries_a_receipt_that_verifies_and_the_salt_confirms_the_file() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let text = joined(&acknowledgement(&house).await).unwrap();
    let verified = Receipt::parse(&text).unwrap().verify(&house.app.log_key().unwrap()).unwrap();
    assert_eq!(verified.promise.reference, reference);
    assert_eq!((verified.promise.mailbox.as_str(), verified.promise.file_count), ("carsat/pensions", 1));
    assert!(verified.proved.is_some(), "the next checkpoint must prove it");
    let transfer = transfer(&house, &reference).await;
    let salt = house.app.receipt_salt(transfer.id).await.unwrap().unwrap();
    assert!(verified.promise.holds(&salt, &Digest::of(FILE)));
    assert!(!verified.promise.holds(&salt, &Digest::of(b"another file")));
}

#[tokio::test]
async fn the_mail_names_nobody_in_its_receipt_and_never_tells_the_salt() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let mail = acknowledgement(&house).await;
    let (receipt, words) = (joined(&mail).unwrap(), mail_text(&mail));
    let salt = house.app.receipt_salt(transfer(&house, &reference).await.id).await.unwrap().unwrap();
    for secret in ["jeanne", "martin", "Demande", "avis de", "situation", "departement", &salt.to_string()] {
        assert!(!receipt.contains(secret), "{secret:?} is in\n{receipt}");
    }
    assert!(!words.contains(&salt.to_string()));
    assert!(!receipt.contains(&Digest::of(FILE).to_string()), "an unsalted digest confirms a guess");
}

#[tokio::test]
async fn an_acknowledgement_waits_for_its_proof_but_not_longer_than_its_bound() {
    let house = House::build().await;
    let draft = house.draft().await;
    house.add_file(&draft, "a.pdf", FILE).await;
    house.send(&draft, "Demande urgente").await.unwrap();
    let mails = || async {
        house.app.deliver_due_mails().await.unwrap();
        let mails = house.outbox.mails.lock().unwrap();
        let mine = mails.iter().filter(|(_, to, _)| to.to_string() == DEPOSITOR);
        mine.map(|(_, _, mail)| String::from_utf8(mail.clone()).unwrap()).collect::<Vec<_>>()
    };
    assert_eq!(mails().await.len(), 1, "only the link: the acknowledgement waits");
    house.clock.advance(Millis::seconds(14));
    assert_eq!(mails().await.len(), 1);
    house.clock.advance(Millis::seconds(1));
    let receipt = joined(mails().await.last().unwrap()).unwrap();
    let verified = Receipt::parse(&receipt).unwrap().verify(&house.app.log_key().unwrap()).unwrap();
    assert!(verified.proved.is_none(), "it left with the promise alone");
    house.app.sign_checkpoint().await.unwrap();
    assert_eq!(house.app.prove_receipts().await.unwrap(), 1, "the page still gets the proof");
    assert_eq!(house.app.prove_receipts().await.unwrap(), 0);
    assert_eq!(mails().await.len(), 2, "no second acknowledgement");
}

#[tokio::test]
async fn other_programs_verify_it_too() {
    let house = House::build().await;
    house.deposit().await;
    let receipt = Receipt::parse(&joined(&acknowledgement(&house).await).unwrap()).unwrap();
    let key = house.app.log_key().unwrap();
    let verifier = StandardVerifier::new(&key.to_string()).unwrap();
    let verifiers = VerifierList::new(vec![Box::new(verifier)]);
    let open = |note: &str| {
        let note = Note::from_bytes(note.as_bytes()).unwrap();
        let (signed, _) = note.verify(&verifiers).unwrap();
        assert_eq!(signed.len(), 1);
        String::from_utf8(note.text().to_vec()).unwrap()
    };
    let proof = receipt.proof.clone().unwrap();
    let (promise, checkpoint) = (open(&receipt.promise), open(&proof.checkpoint));
    let mut lines = checkpoint.lines().skip(1);
    let size: u64 = lines.next().unwrap().parse().unwrap();
    let root = Digest::try_from(lines.next().unwrap().to_owned()).unwrap();

    // The leaf's input, from the log itself; ct-merkle hashes it by its own means.
    let entry = house.app.store.leaves(proof.index, 1).await.unwrap().pop().unwrap().entry.unwrap();
    assert!(promise.contains(&format!("leaf {}", leaf_of(entry.salt(), entry.payload()))));
    let input = [&b"pli-audit-entry-v1\n"[..], entry.salt(), entry.payload().as_bytes()].concat();
    let hashes = proof.hashes.iter().flat_map(|hash| *hash.as_bytes()).collect::<Vec<u8>>();
    let inclusion = InclusionProof::<sha2::Sha256>::try_from_bytes(hashes).unwrap();
    let root = RootHash::<sha2::Sha256>::new((*root.as_bytes()).into(), size);
    root.verify_inclusion(&input, proof.index, &inclusion).unwrap();
    assert!(root.verify_inclusion(&b"another entry".to_vec(), proof.index, &inclusion).is_err());
}

#[tokio::test]
async fn a_receipt_verifies_still_when_the_log_forgot_its_entry() {
    let house = House::build().await;
    house.deposit().await;
    let text = joined(&acknowledgement(&house).await).unwrap();
    let receipt = Receipt::parse(&text).unwrap();
    let index = receipt.proof.as_ref().unwrap().index;
    fill(&house, 600).await;
    house.clock.advance(Millis::days(366));
    assert_eq!(house.app.prune_log().await.unwrap().payloads, 512);
    let leaf = house.app.store.leaves(index, 1).await.unwrap().pop().unwrap();
    assert!(leaf.entry.is_none(), "the entry of the deposit is pruned, its hash is not");

    assert!(receipt.verify(&house.app.log_key().unwrap()).unwrap().proved.is_some());
    let checked = house.app.check_receipt(&text, None, visitor()).await.unwrap().unwrap();
    assert_eq!(checked.still_there, Some(true), "the log of today is the one that promised");
}

#[tokio::test]
async fn the_public_check_tells_the_same_and_is_logged_and_refuses_what_was_altered() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let text = joined(&acknowledgement(&house).await).unwrap();
    let salt = house.app.receipt_salt(transfer(&house, &reference).await.id).await.unwrap().unwrap();
    let asked = AskedFile { salt, digest: Digest::of(FILE) };
    let checked = house.app.check_receipt(&text, Some(asked), visitor()).await.unwrap().unwrap();
    assert_eq!((checked.still_there, checked.holds_file), (Some(true), Some(true)));
    let guess = AskedFile { salt: FileSalt::new([0; 16]), digest: Digest::of(FILE) };
    let checked = house.app.check_receipt(&text, Some(guess), visitor()).await.unwrap().unwrap();
    assert_eq!(checked.holds_file, Some(false), "without the salt nothing is confirmed");
    let altered = text.replace("carsat/pensions", "carsat/social__");
    let refused = house.app.check_receipt(&altered, None, visitor()).await.unwrap();
    assert!(matches!(refused, Err(ReceiptError::Promise(_))), "{refused:?}");
    let verified =
        house.events().await.into_iter().filter(|action| *action == Action::ReceiptVerified).count();
    assert_eq!(verified, 3, "each check is an event, refused or not");
}

#[tokio::test]
async fn a_deposit_by_mail_has_a_receipt_too_and_its_salt_is_told_by_the_operator_for_a_week() {
    let house = House::build().await;
    let taken = house.mail_in(Some(DEPOSITOR), MAIL, relay()).await.unwrap();
    let pli::app::MailAnswer::Deposited { reference } = taken else { panic!("not taken: {taken:?}") };
    let text = joined(&acknowledgement(&house).await).unwrap();
    let verified = Receipt::parse(&text).unwrap().verify(&house.app.log_key().unwrap()).unwrap();
    let tell =
        || house.app.tell_receipt_salt(&reference, pli::audit::Actor::Operator, pli::audit::Origin::Cli);
    let salt = tell().await.unwrap().unwrap();
    let key = Key::Receipt(transfer(&house, &reference).await.id);
    assert!(verified.promise.holds(&salt, &Digest::of(MAIL.replace('\n', "\r\n").as_bytes())));
    assert!(house.events().await.contains(&Action::ReceiptSaltTold));
    for _ in 0..10 {
        house.clock.advance(Millis::days(1));
        house.app.upkeep().await.unwrap();
    }
    assert_eq!(tell().await.unwrap(), None, "its key was destroyed");
    assert!(matches!(house.record(&key).await, Some(Record::Receipt(_))), "the receipt itself stays a while");
}
