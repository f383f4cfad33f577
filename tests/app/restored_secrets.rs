//! After a restore nothing opens by being held alone (DESIGN "Keys"): of each kind of record there is one, and which of them come
//! back is a list that a new kind must be put into.

use std::collections::{BTreeMap, BTreeSet};

use pli::app::ports::{Change, Record, UnitOfWork};
use pli::relay::queue::MailState;

use crate::backups::{back_up, empty, restore};
use crate::house::House;

#[path = "../contract/sample.rs"]
#[expect(dead_code, reason = "one of each is enough here")]
mod sample;

/// What somebody outside the gateway holds, or what is agreed for an hour: sessions, links, codes, tokens, passwords of mail
/// programs, the word of two people. The guide says so to the operator.
const VOID: [&str; 9] = [
    "AccountLink",
    "ApiClient",
    "ApiDeposit",
    "LinkSession",
    "MailPassword",
    "Proof",
    "RecipientLink",
    "RecoveryRequest",
    "Session",
];

/// What is on its way into a draft is not in a backup: its object is still being written.
const UNFINISHED: &str = "Upload";

/// One of each, that names no object which is not there.
fn one_of_each() -> Vec<Record> {
    let mut records = sample::one_of_each();
    for record in &mut records {
        match record {
            Record::Transfer(transfer) => transfer.objects.iter_mut().for_each(Vec::clear),
            Record::Held(held) => held.parts.iter_mut().for_each(|part| part.objects.clear()),
            Record::Draft(_) => *record = sample::draft(1, 5, 0).into(),
            Record::Upload(_) => *record = sample::upload(1, 1, 0).into(),
            _ => {}
        }
    }
    records
}

/// The name of a record's kind.
fn kind(record: &Record) -> String {
    let told = format!("{record:?}");
    told.split('(').next().unwrap().to_owned()
}

async fn records(house: &House) -> BTreeMap<String, Vec<Record>> {
    let picture = house.app.store.snapshot().await.unwrap();
    let (mut found, mut after) = (BTreeMap::<String, Vec<Record>>::new(), None);
    loop {
        let (records, last) = picture.records(after.as_ref(), 100).unwrap();
        for record in records {
            found.entry(kind(&record)).or_default().push(record);
        }
        match last {
            Some(place) => after = Some(place),
            None => return found,
        }
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn whatever_was_handed_out_is_void_after_a_restore_and_nothing_else_is() {
    let house = House::build().await;
    house.draft().await;
    let changes = one_of_each().into_iter().map(Change::Put).collect();
    house.app.store.commit(UnitOfWork { changes, ..UnitOfWork::default() }).await.unwrap();
    let before: BTreeSet<String> = records(&house).await.into_keys().collect();
    for void in VOID {
        assert!(before.contains(void), "{void} was there");
    }

    let restored = empty(&house);
    restore(&restored, back_up(&house).await).await.unwrap();
    let after = records(&restored).await;
    let gone: BTreeSet<&str> =
        before.iter().map(String::as_str).filter(|kind| !after.contains_key(*kind)).collect();
    assert_eq!(gone, VOID.into_iter().chain([UNFINISHED]).collect());

    let drafts = after["Draft"].iter().map(|record| {
        let Record::Draft(draft) = record else { panic!() };
        draft.tokens.len()
    });
    assert_eq!(drafts.sum::<usize>(), 0, "no browser opens its draft again");
    let leaving = after["Mail"].iter().filter(|record| {
        let Record::Mail(mail) = record else { panic!() };
        matches!(mail.state, MailState::Queued { .. })
    });
    assert_eq!(leaving.count(), 0, "no mail leaves by itself");
}
