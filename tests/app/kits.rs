//! The officer's kits: what a breach touched (S3), the record of processing (S4), what is held about an address, and its
//! erasure, which leaves the proof whole (S5).

use std::sync::Arc;

use pli::app::kit_text::{KitFile, archive};
use pli::app::ports::{Key, List, Record};
use pli::app::{BreachError, BreachScope, ErasureError, KitReader, NewUpload};
use pli::audit::{Action, Checkpoint, Origin, Outcome, Verdict, leaf_of, verify_inclusion};
use pli::value::{ByteSize, Digest, Millis, Timestamp};

use crate::custody_house::{COLLEAGUE, MEMBER, admit, members_house};
use crate::house::{DEPOSITOR, House, NOW, address, visitor};
use crate::scanning::{State, Told};

const CLI: Origin = Origin::Cli;

fn scope() -> BreachScope {
    let (from, until) = (NOW - Millis::hours(1), NOW + Millis::days(40));
    BreachScope { from, until, mailbox: None, account: None, transfer: None, aware_at: NOW }
}

fn file<'a>(files: &'a [KitFile], name: &str) -> &'a str {
    let found = files.iter().find(|file| file.name == name).unwrap();
    std::str::from_utf8(&found.bytes).unwrap()
}

/// Every record that the store holds, as text.
async fn records(house: &House) -> Vec<String> {
    let end = Timestamp(i64::MAX);
    let mut lists = vec![
        List::Organisations,
        List::Mailboxes,
        List::Partners,
        List::Accounts,
        List::ProofsAskedBefore(end),
        List::DraftsTouchedBefore(end),
        List::TransfersExpiringBy(end),
        List::HeldDueBy(end),
        List::MailsWrittenBefore(end),
        List::RepeatsAcceptedBefore(end),
        List::SessionsBegunBefore(end),
        List::RegisterLines,
        List::Alerts,
        List::ReceiptsPromisedBefore(end),
        List::PendingEffects,
        List::Checkpoints,
    ];
    lists.extend(house.app.mailboxes().await.unwrap().iter().map(|mailbox| List::AgreementsOf(mailbox.id)));
    let mut texts = Vec::new();
    for list in lists {
        let found = house.app.store.list(&list, 100_000).await.unwrap();
        texts.extend(found.into_iter().map(|found| format!("{:?}", found.record)));
    }
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    texts.extend(leaves.into_iter().map(|leaf| leaf.entry.unwrap().payload().to_owned()));
    texts
}

#[tokio::test]
async fn a_breach_kit_tells_what_was_read_by_whom_and_who_must_be_told_by_when() {
    let house = House::build().await;
    let (read, unread) = (house.deposit().await, house.deposit().await);
    let signed = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&signed, &read, visitor()).await.unwrap();
    let report = house.app.breach_report(scope(), KitReader::Operator, CLI).await.unwrap();
    assert_eq!((report.read().count(), report.files_read(), report.transfers.len()), (1, 1, 2));
    assert_eq!(report.transfers[0].reference.as_ref(), Some(&read));
    assert_eq!(report.people[0].who, "agent@carsat.example");
    let told: Vec<_> = report.deadlines.iter().map(|line| (line.who.as_str(), line.hours, line.by)).collect();
    let in_72_hours = NOW + Millis::hours(72);
    assert_eq!(told, [("CNIL", 72, in_72_hours), ("Département", 72, in_72_hours)]);
    let files = report.files();
    let notice = file(&files, "notification.md");
    for point in [
        "a) Nature",
        "b) Point de contact",
        "c) Conséquences",
        "d) Mesures",
        "dpo@carsat.example",
        "[à compléter]",
    ] {
        assert!(notice.contains(point), "{point} is missing in\n{notice}");
    }
    assert!(file(&files, "chronologie.csv").contains("ouverture d'un transfert"));
    assert!(file(&files, "transferts.csv").contains(unread.as_str()));
    assert!(house.events().await.contains(&Action::BreachKitMade));
}

#[tokio::test]
async fn a_partner_is_told_within_the_hours_of_its_agreement() {
    let house = House::build().await;
    house.deposit().await;
    let found = house.app.store.list(&List::AgreementsOf(house.pensions.id), 1).await.unwrap().remove(0);
    let agreement = pli::identity::Agreement::try_from(found.record).unwrap();
    let agreed = pli::identity::Agreement { breach_hours: Some(48), ..agreement };
    house.app.put_agreement(agreed, CLI).await.unwrap();
    let report = house.app.breach_report(scope(), KitReader::Operator, CLI).await.unwrap();
    let told: Vec<_> = report.deadlines.iter().map(|line| (line.who.as_str(), line.hours, line.by)).collect();
    let by = |hours| NOW + Millis::hours(hours);
    assert_eq!(told, [("Département", 48, by(48)), ("CNIL", 72, by(72))], "soonest first");
}

#[tokio::test]
async fn a_kit_is_narrowed_to_an_account_a_transfer_or_a_mailbox() {
    let house = House::build().await;
    let (one, other) = (house.deposit().await, house.deposit().await);
    let signed = house.sign_in("agent@carsat.example").await;
    house.app.open_transfer(&signed, &one, visitor()).await.unwrap();
    let report = |scope| house.app.breach_report(scope, KitReader::Operator, CLI);
    let by_agent =
        report(BreachScope { account: Some("agent@carsat.example".into()), ..scope() }).await.unwrap();
    assert_eq!(by_agent.transfers.len(), 1);
    let of_other = report(BreachScope { transfer: Some(other.clone()), ..scope() }).await.unwrap();
    assert!(of_other.transfers.len() == 1 && of_other.read().count() == 0);
    assert_eq!(of_other.transfers[0].reference, Some(other));
    let elsewhere =
        house.app.mailboxes().await.unwrap().into_iter().find(|m| m.id != house.pensions.id).unwrap();
    let of_social = report(BreachScope { mailbox: Some(elsewhere.id), ..scope() }).await.unwrap();
    assert!(of_social.transfers.is_empty() && of_social.deadlines[0].who == "CNIL");
    let before = report(BreachScope { until: NOW - Millis::minutes(1), ..scope() }).await.unwrap();
    assert!(before.timeline.is_empty());
    let nobody = report(BreachScope { account: Some("personne".into()), ..scope() }).await;
    assert!(matches!(nobody, Err(BreachError::Account)));
}

#[tokio::test]
async fn every_entry_of_a_kit_is_proved_and_none_holds_content_title_or_file_name() {
    let house = House::build().await;
    house.deposit().await;
    let files = house.app.breach_report(scope(), KitReader::Operator, CLI).await.unwrap().files();
    let key = house.app.log_key().unwrap();
    let checkpoint = Checkpoint::open(file(&files, "point-de-controle.txt"), &key).unwrap();
    let mut proved = 0;
    for line in file(&files, "preuves.jsonl").lines() {
        let told: serde_json::Value = serde_json::from_str(line).unwrap();
        let digest =
            |value: &serde_json::Value| Digest::try_from(value.as_str().unwrap().to_owned()).unwrap();
        let salt = base64::Engine::decode(&base64::prelude::BASE64_STANDARD, told["salt"].as_str().unwrap())
            .unwrap();
        let leaf = leaf_of(&salt.try_into().unwrap(), told["payload"].as_str().unwrap());
        assert_eq!(leaf, digest(&told["leaf"]));
        let hashes: Vec<_> = told["proof"].as_array().unwrap().iter().map(digest).collect();
        let index = told["index"].as_u64().unwrap();
        verify_inclusion(&leaf, index, checkpoint.size, &hashes, &checkpoint.root).unwrap();
        proved += 1;
    }
    assert!(proved > 10);
    for secret in ["Demande urgente", "avis de situation", "Bonjour, dossier"] {
        assert!(files.iter().all(|file| !String::from_utf8_lossy(&file.bytes).contains(secret)), "{secret}");
    }
    assert!(archive(&files).unwrap().starts_with(b"PK"));
}

#[tokio::test]
async fn only_an_officer_or_the_operator_has_a_kit_and_the_refusal_is_logged() {
    let house = House::build().await;
    let agent = house.sign_in("agent@carsat.example").await;
    let officer = house.sign_in("securite@carsat.example").await;
    let (agent, officer) = (KitReader::Member(&agent.account), KitReader::Member(&officer.account));
    let web = visitor().web();
    let refused = house.app.breach_report(scope(), agent, web).await;
    assert!(matches!(refused, Err(BreachError::NotEntitled)));
    assert!(matches!(house.app.processing_record(agent, web).await, Err(BreachError::NotEntitled)));
    let refused = house.app.person_data(&address(DEPOSITOR), agent, web).await;
    assert!(matches!(refused, Err(BreachError::NotEntitled)));
    let refused = house.app.erase_person(&address(DEPOSITOR), agent, web).await;
    assert!(matches!(refused, Err(ErasureError::NotEntitled)));
    let leaves = house.app.store.leaves(0, 100_000).await.unwrap();
    let events = leaves.into_iter().map(|leaf| leaf.entry.unwrap().event().unwrap());
    let refusals: Vec<_> = events
        .filter(|event| matches!(event.outcome, Outcome::Refused(_)))
        .map(|event| event.action)
        .collect();
    let expected =
        [Action::BreachKitMade, Action::ProcessingRecordMade, Action::PersonExported, Action::NameErased];
    assert_eq!(refusals, expected);
    house.app.breach_report(scope(), officer, web).await.unwrap();
    house.app.processing_record(officer, web).await.unwrap();
}

#[tokio::test]
async fn the_record_of_processing_says_what_is_really_set() {
    let house = House::build().await;
    let record = house.app.processing_record(KitReader::Operator, CLI).await.unwrap();
    let files = record.files();
    let text = file(&files, "registre-des-traitements.md");
    for said in [
        "Carsat, Rennes",
        "dpo@carsat.example",
        "article 6-1 e",
        "20 jours",
        "5 jours",
        "12 mois",
        "Boîte « pensions »",
        "1 agents habilités",
        "dépose : Département",
        "**Hébergement et exploitation** : [à compléter]",
    ] {
        assert!(text.contains(said), "{said:?} is missing in\n{text}");
    }
    assert!(file(&files, "registre-des-traitements.html").contains("<h2>Destinataires</h2>"));
}

#[tokio::test]
async fn all_that_is_held_about_a_depositor_is_found_and_exported() {
    let house = House::build().await;
    let reference = house.deposit().await;
    let data = house.app.person_data(&address(DEPOSITOR), KitReader::Operator, CLI).await.unwrap();
    assert!(data.is_known());
    assert_eq!(data.transfers[0].reference, reference.to_string());
    assert!(!data.proofs.is_empty() && !data.drafts.is_empty() && !data.mails.is_empty());
    assert!(data.log.iter().any(|line| line.action == Action::DepositSent));
    let files = data.files().unwrap();
    let json: serde_json::Value = serde_json::from_str(file(&files, "donnees.json")).unwrap();
    assert_eq!(json["address"], DEPOSITOR);
    let page = file(&files, "donnees.html");
    assert!(page.contains(reference.as_str()) && page.contains("accusé de réception"), "{page}");
    assert!(page.contains("(fait)") && !page.contains("(done)"), "in French: {page}");
    assert!(!file(&files, "donnees.json").contains("Demande urgente"), "no title");
    let nobody = house.app.person_data(&address("personne@ailleurs.example"), KitReader::Operator, CLI).await;
    assert!(!nobody.unwrap().is_known());
}

#[tokio::test]
async fn a_file_on_its_way_and_a_deposit_that_waits_for_the_scanner_are_among_it() {
    let house = House::build_with(Some(Told::new(State::Gone).scanning())).await;
    let reference = house.deposit().await;
    let draft = house.draft().await;
    let view = house.app.draft(draft.0, &draft.1).await.unwrap().unwrap();
    let path = "avis de situation.pdf".to_owned();
    let new = NewUpload { path, fingerprint: String::new(), length: ByteSize(1000) };
    house.app.begin_upload(view, new, visitor()).await.unwrap();

    let data = house.app.person_data(&address(DEPOSITOR), KitReader::Operator, CLI).await.unwrap();
    let held: Vec<_> = data.held.iter().map(|held| (held.reference.as_str(), held.files)).collect();
    assert_eq!(held, [(reference.as_str(), 1)]);
    let uploads: Vec<_> = data.uploads.iter().map(|upload| (upload.bytes, upload.received)).collect();
    assert_eq!(uploads, [(ByteSize(1000), ByteSize(0))]);
    let files = data.files().unwrap();
    let page = file(&files, "donnees.html");
    assert!(page.contains(reference.as_str()) && page.contains("0 octets reçus sur 1000"), "{page}");
    assert!(!page.contains("avis de situation"), "no file name");

    let report = house.app.erase_person(&address(DEPOSITOR), KitReader::Operator, CLI).await.unwrap();
    let kept = report.kept.iter().find(|kept| kept.what == "dépôts retenus pour analyse").unwrap();
    assert_eq!(kept.count, 1, "it was accepted, so it is delivered");
    let list = List::HeldDueBy(Timestamp(i64::MAX));
    assert_eq!(house.app.store.list(&list, 10).await.unwrap().len(), 1);
}

#[tokio::test]
async fn the_keys_of_a_member_are_among_it() {
    let house = members_house().await;
    let opens = async |who: &str| {
        let data = house.app.person_data(&address(who), KitReader::Operator, CLI).await.unwrap();
        let account = data.account.unwrap();
        let opens: Vec<_> = account.opens.into_iter().map(|of| (of.mailbox, of.generation)).collect();
        (account.personal_key, opens)
    };
    assert_eq!(opens(MEMBER).await, (true, vec![("fragilite".to_owned(), 1)]));
    assert_eq!(opens(COLLEAGUE).await, (true, vec![]), "entitled, but nobody admitted the account");
    let member = house.sign_in(MEMBER).await;
    admit(&house, &member, COLLEAGUE).await;
    assert_eq!(opens(COLLEAGUE).await.1, [("fragilite".to_owned(), 1)]);
    let refused = house.app.erase_person(&address(COLLEAGUE), KitReader::Operator, CLI).await;
    assert!(matches!(refused, Err(ErasureError::OpensMailboxes)), "removed there first");
}

#[tokio::test]
async fn after_erasure_the_address_is_nowhere_but_where_the_report_says_and_the_log_still_verifies() {
    let house = House::build().await;
    house.deposit().await;
    house.mails_to(DEPOSITOR).await;
    let report = house.app.erase_person(&address(DEPOSITOR), KitReader::Operator, CLI).await.unwrap();
    let kept: Vec<_> = report.kept.iter().map(|kept| (kept.what.as_str(), kept.count)).collect();
    assert_eq!(kept, [("transferts en cours", 1)], "the mailbox must know who wrote, until it expires");
    let left: Vec<_> = records(&house).await.into_iter().filter(|text| holds(text)).collect();
    assert_eq!(left.len(), 1, "{left:?}");
    assert!(left[0].starts_with("Transfer("));

    house.clock.advance(Millis::days(21));
    house.app.upkeep().await.unwrap();
    let left: Vec<_> = records(&house).await.into_iter().filter(|text| holds(text)).collect();
    assert_eq!(left, Vec::<String>::new(), "expired, nothing of the address is left");
    let person = Key::Person(report.pseudonym);
    assert!(house.record(&person).await.is_none());
    let mut export = tempfile::NamedTempFile::new().unwrap();
    house.app.export_log(export.reopen().unwrap(), pli::audit::Actor::Operator, CLI).await.unwrap();
    let mut text = String::new();
    std::io::Read::read_to_string(&mut export, &mut text).unwrap();
    assert!(!holds(&text) && text.contains(&report.pseudonym.to_string()), "the pseudonym stays");
    assert!(matches!(Arc::clone(&house.app).verify_log().await.unwrap(), Verdict::Well(_)));
    assert!(house.events().await.contains(&Action::NameErased));
}

fn holds(text: &str) -> bool {
    // Addresses print as parts in some records.
    text.contains(DEPOSITOR) || text.contains("jeanne.martin")
}

#[tokio::test]
async fn an_account_is_erased_with_its_sessions_but_never_the_last_officer_nor_ones_own() {
    let house = House::build().await;
    let agent = house.sign_in("agent@carsat.example").await;
    let report =
        house.app.erase_person(&address("agent@carsat.example"), KitReader::Operator, CLI).await.unwrap();
    assert!(report.erased.contains(&("sessions".to_owned(), 1)));
    assert!(house.record(&Key::Account(agent.account.id)).await.is_none());
    assert!(!records(&house).await.iter().any(|text| text.contains("agent@carsat.example")));
    let officer = house.sign_in("securite@carsat.example").await;
    let needed = house.app.erase_person(&address("securite@carsat.example"), KitReader::Operator, CLI).await;
    assert!(matches!(needed, Err(ErasureError::Needed)));
    let own = house
        .app
        .erase_person(&address("securite@carsat.example"), KitReader::Member(&officer.account), CLI)
        .await;
    assert!(matches!(own, Err(ErasureError::Needed)));
    assert!(matches!(house.record(&Key::Account(officer.account.id)).await, Some(Record::Account(_))));
}
