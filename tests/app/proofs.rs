//! What the log proves, checked by other programs' code: the tree by the crate ct-merkle, checkpoints by the crate
//! signed_note (S3).

use base64::Engine;
use base64::engine::general_purpose::STANDARD as BASE64;
use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use pli::app::ProofError;
use pli::audit::{Actor, Checkpoint, Origin};
use pli::value::Digest;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::house::House;
use crate::log_upkeep::Files;

/// What a leaf is hashed from, as the documentation of the entry says.
fn input(salt: &[u8; 16], payload: &str) -> Vec<u8> {
    [&b"pli-audit-entry-v1\n"[..], salt, payload.as_bytes()].concat()
}

fn bytes(hashes: &[Digest]) -> Vec<u8> {
    hashes.iter().flat_map(|hash| hash.as_bytes().to_vec()).collect()
}

/// The tree of the same inputs, made by the other implementation.
async fn other_tree(house: &House) -> MemoryBackedTree<Sha256, Vec<u8>> {
    let mut tree = MemoryBackedTree::new();
    for leaf in house.app.store.leaves(0, 100_000).await.unwrap() {
        let entry = leaf.entry.unwrap();
        tree.push(input(entry.salt(), entry.payload()));
    }
    tree
}

#[tokio::test]
async fn another_implementation_of_rfc_6962_has_the_same_tree_and_accepts_every_proof() {
    let house = House::build().await;
    house.deposit().await;
    let older = house.app.sign_checkpoint().await.unwrap().unwrap();
    let older_root = RootHash::<Sha256>::new(*other_tree(&house).await.root().as_bytes(), older.size);
    for _ in 0..30 {
        house.sign_in("agent@carsat.example").await;
    }
    let tree = other_tree(&house).await;
    let checkpoint = house.app.sign_checkpoint().await.unwrap().unwrap();
    let opened = Checkpoint::open(&checkpoint.note, &house.app.log_key().unwrap()).unwrap();
    assert_eq!(
        (opened.size, opened.root.as_bytes()),
        (tree.len(), &tree.root().as_bytes()[..].try_into().unwrap())
    );

    for index in 0..opened.size {
        let proved = house.app.prove_entry(index).await.unwrap();
        assert_eq!(proved.checkpoint, checkpoint);
        let proof = InclusionProof::<Sha256>::try_from_bytes(bytes(&proved.hashes)).unwrap();
        let leaf = tree.get(usize::try_from(index).unwrap()).unwrap();
        tree.root().verify_inclusion(leaf, index, &proof).unwrap();
        assert!(tree.root().verify_inclusion(&b"another".to_vec(), index, &proof).is_err());
    }
    let grown = house.app.prove_growth(older.size, None).await.unwrap();
    let proof = ConsistencyProof::<Sha256>::try_from_bytes(bytes(&grown.hashes)).unwrap();
    tree.root().verify_consistency(&older_root, &proof).unwrap();
    let other = RootHash::<Sha256>::new([7; 32].into(), older.size);
    assert!(tree.root().verify_consistency(&other, &proof).is_err());
}

#[tokio::test]
async fn what_no_checkpoint_covers_is_not_proved() {
    let house = House::build().await;
    let signed = house.app.sign_checkpoint().await.unwrap().unwrap();
    house.sign_in("agent@carsat.example").await;
    let index = signed.size;
    assert!(matches!(house.app.prove_entry(index).await, Err(ProofError::NotSigned { .. })));
    assert!(matches!(house.app.prove_growth(index + 1, None).await, Err(ProofError::Outside(_))));
    assert!(matches!(house.app.inclusion_proof(index, index).await, Err(ProofError::Outside(_))));
    assert!(matches!(house.app.inclusion_proof(0, 1_000_000).await, Err(ProofError::Outside(_))));
}

#[tokio::test]
async fn another_implementation_of_signed_notes_accepts_the_checkpoint_and_no_other() {
    let house = House::build().await;
    let checkpoint = house.app.sign_checkpoint().await.unwrap().unwrap();
    let key = house.app.log_key().unwrap().to_string();
    let verifiers = || VerifierList::new(vec![Box::new(StandardVerifier::new(&key).unwrap())]);
    let note = Note::from_bytes(checkpoint.note.as_bytes()).unwrap();
    let (verified, unknown) = note.verify(&verifiers()).unwrap();
    assert_eq!((verified.len(), unknown.len()), (1, 0));
    let altered = checkpoint.note.replacen(&format!("\n{}\n", checkpoint.size), "\n1\n", 1);
    assert!(Note::from_bytes(altered.as_bytes()).unwrap().verify(&verifiers()).is_err());
}

#[tokio::test(flavor = "multi_thread")]
async fn another_implementation_reads_the_tiles() {
    let house = House::build().await;
    crate::log_upkeep::fill(&house, 600).await;
    let files = Files::default();
    let size =
        house.app.write_tiles(Box::new(files.clone()), true, Actor::Operator, Origin::Cli).await.unwrap();
    let written = files.0.lock().unwrap().1.clone();
    // As https://c2sp.org/tlog-tiles says: entry bundles of 256, each entry after its length in two bytes.
    let mut tree = MemoryBackedTree::<Sha256, Vec<u8>>::new();
    for tile in 0..size.div_ceil(256) {
        let width = (size - tile * 256).min(256);
        let part = if width < 256 { format!(".p/{width}") } else { String::new() };
        let mut rest = &written[&format!("tile/entries/{tile:03}{part}")][..];
        while let Some((length, tail)) = rest.split_first_chunk::<2>() {
            let (entry, tail) = tail.split_at(usize::from(u16::from_be_bytes(*length)));
            tree.push(entry.to_vec());
            rest = tail;
        }
    }
    assert_eq!(tree.len(), size);
    let verifier = StandardVerifier::new(&house.app.log_key().unwrap().to_string()).unwrap();
    let note = Note::from_bytes(&written["checkpoint"]).unwrap();
    let (signed, _) = note.verify(&VerifierList::new(vec![Box::new(verifier)])).unwrap();
    assert!(!signed.is_empty(), "signed by the log's key");
    let text = String::from_utf8(written["checkpoint"].clone()).unwrap();
    let lines: Vec<&str> = text.lines().take(3).collect();
    let root = BASE64.encode(tree.root().as_bytes());
    assert_eq!(
        lines,
        ["pli.example/log", &size.to_string(), &root],
        "what is signed is the tree of the tiles"
    );
}
