//! The log through the years: what is pruned, what still verifies, and how it is read by other programs (D8, S2, S3).

use std::collections::BTreeMap;
use std::io;
use std::sync::{Arc, Mutex};

use pli::app::ports::Key;
use pli::app::{Pruned, RecoveryFile};
use pli::audit::{
    Action, Actor, Checkpoint, Detail, Frontier, Origin, Selection, Verdict, leaf_hash, verify,
};
use pli::store::testing::Fault;
use pli::value::{Digest, Millis};

use crate::house::{DEPOSITOR, House, visitor};

/// What an export holds.
async fn exported(house: &House) -> Vec<u8> {
    let bytes = Shared::default();
    house.app.export_log(bytes.clone(), Actor::Operator, Origin::Cli).await.unwrap();
    bytes.0.lock().unwrap().clone()
}

#[derive(Clone, Default)]
struct Shared(Arc<Mutex<Vec<u8>>>);

impl io::Write for Shared {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().unwrap().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The path that is written to, and all files by path.
pub type Written = (String, BTreeMap<String, Vec<u8>>);

/// Files by path.
#[derive(Clone, Default)]
pub struct Files(pub Arc<Mutex<Written>>);

impl RecoveryFile for Files {
    fn begin(&mut self, path: &str) -> io::Result<()> {
        let mut files = self.0.lock().unwrap();
        path.clone_into(&mut files.0);
        assert!(files.1.insert(path.to_owned(), Vec::new()).is_none(), "{path} twice");
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        let (current, files) = &mut *self.0.lock().unwrap();
        files.get_mut(current).unwrap().extend_from_slice(bytes);
        Ok(())
    }
}

/// Refused readings, until the log has so many entries.
pub async fn fill(house: &House, size: u64) {
    let agent = house.sign_in("agent@carsat.example").await;
    while house.app.store.log().await.unwrap().size() < size {
        house.app.list_transfers(&agent, None, visitor()).await.unwrap();
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn after_a_year_payloads_and_names_go_and_the_log_still_verifies_and_says_what_went() {
    let house = House::build().await;
    house.deposit().await;
    let depositor = house.app.store.entries(&Selection::default(), 100).await.unwrap();
    let depositor = depositor.iter().find_map(|(_, entry)| match entry.event().unwrap() {
        event if event.action == Action::DepositSent => Some(event.actor),
        _ => None,
    });
    let Some(Actor::Person(depositor)) = depositor else { panic!("nobody deposited") };
    fill(&house, 600).await;
    house.clock.advance(Millis::days(364));
    assert_eq!(house.app.prune_log().await.unwrap(), Pruned::default(), "a year is not over");
    assert!(!house.events().await.contains(&Action::LogPruned));
    let tree = house.app.store.log().await.unwrap();

    house.clock.advance(Millis::days(2));
    house.sign_in("agent@carsat.example").await;
    let pruned = house.app.prune_log().await.unwrap();
    assert_eq!((pruned.payloads, pruned.names), (512, 1), "whole tiles of 256, and who is named no more");
    assert!(house.record(&Key::Person(depositor)).await.is_none(), "{DEPOSITOR} is forgotten");
    assert_eq!(house.app.prune_log().await.unwrap(), Pruned::default(), "once is enough");

    let leaves = house.app.store.leaves(0, 10_000).await.unwrap();
    let mut again = Frontier::default();
    leaves.iter().filter(|leaf| leaf.index < tree.size()).for_each(|leaf| again.append(leaf.leaf));
    assert_eq!(again, tree, "no hash changed");
    let told: Vec<_> = leaves.iter().filter_map(|leaf| leaf.entry.as_ref()?.event().ok()?.detail).collect();
    assert!(told.contains(&Detail::Pruned { before: 512, payloads: 512, names: 0 }), "{told:?}");
    assert!(told.contains(&Detail::Pruned { before: 512, payloads: 0, names: 1 }), "{told:?}");

    let (export, key) = (exported(&house).await, house.app.log_key().unwrap());
    assert!(!String::from_utf8(export.clone()).unwrap().contains("deposit.sent"));
    match verify(&export[..], &key, None) {
        Verdict::Well(summary) => assert_eq!(summary.pruned, 512),
        other => panic!("{other}"),
    }
    let proof = house.app.prove_entry(5).await.unwrap();
    let root = Checkpoint::open(&proof.checkpoint.note, &key).unwrap().root;
    pli::audit::verify_inclusion(&proof.leaf, 5, proof.checkpoint.size, &proof.hashes, &root).unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_payload_that_goes_before_its_time_is_told_as_withheld() {
    let house = House::build().await;
    fill(&house, 300).await;
    let unit = pli::app::ports::UnitOfWork {
        changes: vec![pli::app::ports::Change::PruneLog { before: 256 }],
        ..Default::default()
    };
    house.app.store.commit(unit).await.unwrap();
    let verdict = verify(&exported(&house).await[..], &house.app.log_key().unwrap(), None);
    assert!(matches!(verdict, Verdict::NotWell { .. }), "{verdict}");
    assert!(verdict.to_string().contains("payloads of entries 0 to 255 are missing"), "{verdict}");
}

#[tokio::test]
async fn a_pruning_that_fails_leaves_whole_batches_and_is_done_again() {
    for (fault, left) in [(Fault::NotPersisted, 512), (Fault::Persisted, 0)] {
        let house = House::build().await;
        fill(&house, 513).await;
        house.clock.advance(Millis::days(400));
        // Before it prunes, it restates two mailboxes' keys and three people's.
        house.store.fail_commit_after(5, fault);
        assert!(house.app.prune_log().await.is_err());
        assert_eq!(house.app.prune_log().await.unwrap().payloads, left);
        let leaves = house.app.store.leaves(0, 10_000).await.unwrap();
        assert!(leaves.iter().all(|leaf| leaf.entry.is_some() == (leaf.index >= 512)));
        let told = leaves.iter().filter_map(|leaf| leaf.entry.as_ref()?.event().ok());
        let told = told.filter(|event| matches!(event.detail, Some(Detail::Pruned { payloads: 512, .. })));
        assert_eq!(told.count(), 1, "one batch, one event");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn tiles_make_the_tree_of_the_checkpoint_without_telling_anything_else() {
    let house = House::build().await;
    fill(&house, 700).await;
    let files = Files::default();
    let size =
        house.app.write_tiles(Box::new(files.clone()), false, Actor::Operator, Origin::Cli).await.unwrap();
    let written = files.0.lock().unwrap().1.clone();
    let partial = size - 512;
    let expected =
        ["checkpoint", "tile/0/000", "tile/0/001", &format!("tile/0/002.p/{partial}"), "tile/1/000.p/2"];
    assert_eq!(written.keys().map(String::as_str).collect::<Vec<_>>(), expected);
    let hashes = |path: &str| -> Vec<Digest> {
        let (whole, rest) = written[path].as_chunks::<32>();
        assert!(rest.is_empty());
        whole.iter().map(|hash| Digest::from_bytes(*hash)).collect()
    };
    let mut tree = Frontier::default();
    let mut tiles = Vec::new();
    for path in &expected[1..4] {
        let mut tile = Frontier::default();
        for leaf in hashes(path) {
            tile.append(leaf);
            tree.append(leaf);
        }
        tiles.push(tile.root());
    }
    assert_eq!(hashes("tile/1/000.p/2"), tiles[..2]);
    let note = String::from_utf8(written["checkpoint"].clone()).unwrap();
    let checkpoint = Checkpoint::open(&note, &house.app.log_key().unwrap()).unwrap();
    assert_eq!((checkpoint.size, checkpoint.root), (size, tree.root()));

    let with_entries = Files::default();
    house.app.write_tiles(Box::new(with_entries.clone()), true, Actor::Operator, Origin::Cli).await.unwrap();
    let bundle = with_entries.0.lock().unwrap().1["tile/entries/001"].clone();
    let (mut rest, mut leaves) = (&bundle[..], Vec::new());
    while let Some((length, tail)) = rest.split_first_chunk::<2>() {
        let (input, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
        leaves.push(leaf_hash(input));
        rest = tail;
    }
    assert_eq!(leaves, hashes("tile/0/001"), "an entry hashes to its leaf");
}
