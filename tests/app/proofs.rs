//! What the log proves, checked by other programs' code: the tree by the crate ct-merkle, checkpoints by the crate
//! signed_note (S3).

use ct_merkle::mem_backed_tree::MemoryBackedTree;
use ct_merkle::{ConsistencyProof, InclusionProof, RootHash};
use pli::app::ProofError;
use pli::audit::Checkpoint;
use pli::value::Digest;
use sha2::Sha256;
use signed_note::{Note, StandardVerifier, VerifierList};

use crate::house::House;

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
