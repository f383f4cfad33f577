//! Merkle tree hashing of RFC 6962 section 2.1 (unchanged in RFC 9162 section 2.1): leaf and node hashes, the
//! append-only [`Frontier`], inclusion and consistency proofs, made and verified.
//!
//! It knows hashes only: what a leaf is made of is `entry.rs`, what a root is signed with is `checkpoint.rs`.
//! Proofs are made from the hashes of complete subtrees, by level and place, so that a store of tiles can answer
//! them as well as a slice of leaves.

use aws_lc_rs::digest;
use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::value::Digest;

/// More hashes than a proof over 2^64 leaves can have.
const PROOF_HASHES_MAX: usize = 130;

/// Why a proof does not hold, or hashes are no frontier. Who presented them must explain.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum MerkleError {
    /// A frontier has one hash for each bit set in its size.
    #[error("a tree of {size} leaves has {expected} peaks, not {actual}")]
    Peaks {
        /// Leaves of the tree.
        size: u64,
        /// Peaks that such a tree has.
        expected: usize,
        /// Peaks that were given.
        actual: usize,
    },
    /// The place or the older size is not inside the tree.
    #[error("{index} is not inside a tree of {size} leaves")]
    Outside {
        /// The place, or the size of the older tree.
        index: u64,
        /// The size of the tree.
        size: u64,
    },
    /// The proof has too few or too many hashes for these sizes.
    #[error("the proof has {actual} hashes, which does not fit the sizes")]
    Length {
        /// Hashes that were given.
        actual: usize,
    },
    /// The hashes lead to another root.
    #[error("the proof leads to another root")]
    Root,
}

/// `SHA-256(0x00 || input)`, RFC 6962 section 2.1.
pub fn leaf_hash(input: &[u8]) -> Digest {
    let mut bytes = Vec::with_capacity(1 + input.len());
    bytes.push(0x00);
    bytes.extend_from_slice(input);
    sha256(&bytes)
}

/// `SHA-256(0x01 || left || right)`, RFC 6962 section 2.1.
pub fn node_hash(left: &Digest, right: &Digest) -> Digest {
    let mut bytes = [0x01; 65];
    bytes[1..33].copy_from_slice(left.as_bytes());
    bytes[33..].copy_from_slice(right.as_bytes());
    sha256(&bytes)
}

/// One call on one buffer: half the time of a context for inputs as short as these.
pub(super) fn sha256(bytes: &[u8]) -> Digest {
    let mut out = [0; 32];
    out.copy_from_slice(digest::digest(&digest::SHA256, bytes).as_ref());
    Digest::from_bytes(out)
}

/// The right edge of a growing tree: the roots of its complete subtrees, largest first. Enough to append and to
/// tell the root; at most 64 hashes, whatever the size.
#[derive(Debug, Clone, PartialEq, Eq, Default, Serialize, Deserialize)]
#[serde(try_from = "FrontierParts")]
pub struct Frontier {
    size: u64,
    peaks: Vec<Digest>,
}

#[derive(Deserialize)]
struct FrontierParts {
    size: u64,
    peaks: Vec<Digest>,
}

impl TryFrom<FrontierParts> for Frontier {
    type Error = MerkleError;

    fn try_from(parts: FrontierParts) -> Result<Self, MerkleError> {
        Self::from_parts(parts.size, parts.peaks)
    }
}

impl Frontier {
    /// A frontier that was kept elsewhere.
    pub fn from_parts(size: u64, peaks: Vec<Digest>) -> Result<Self, MerkleError> {
        let expected = size.count_ones() as usize;
        if peaks.len() == expected {
            Ok(Self { size, peaks })
        } else {
            Err(MerkleError::Peaks { size, expected, actual: peaks.len() })
        }
    }

    /// Leaves so far.
    pub const fn size(&self) -> u64 {
        self.size
    }

    /// Roots of the complete subtrees, largest first.
    pub fn peaks(&self) -> &[Digest] {
        &self.peaks
    }

    /// Appends a leaf, by its leaf hash.
    pub fn append(&mut self, leaf: Digest) {
        self.append_with(leaf, |_, _, _| ());
    }

    /// Appends a leaf and tells each complete subtree that came to be, as `(level, place, hash)`, the leaf itself
    /// (level 0) first: what a store of tiles has to write.
    pub fn append_with(&mut self, leaf: Digest, mut completed: impl FnMut(u32, u64, Digest)) {
        completed(0, self.size, leaf);
        let mut hash = leaf;
        for level in 0..self.size.trailing_ones() {
            if let Some(left) = self.peaks.pop() {
                hash = node_hash(&left, &hash);
                completed(level + 1, self.size >> (level + 1), hash);
            }
        }
        self.peaks.push(hash);
        self.size += 1;
    }

    /// The root of the tree so far; of the empty tree, the hash of nothing (RFC 6962 section 2.1).
    pub fn root(&self) -> Digest {
        let mut peaks = self.peaks.iter().rev();
        match peaks.next() {
            None => sha256(&[]),
            Some(last) => peaks.fold(*last, |right, left| node_hash(left, &right)),
        }
    }
}

/// Where the hash of a complete subtree is asked for: `level` 0 is a leaf, `place` counts subtrees of that level
/// from the left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Node {
    /// Height of the subtree: it has `2^level` leaves.
    pub level: u32,
    /// How many subtrees of this height stand left of it.
    pub place: u64,
}

/// Answers [`Node`]s from a slice of all leaf hashes. For tests and small trees: each answer hashes the whole
/// subtree. A node outside the slice hashes as the leaves that are there.
pub fn nodes_of(leaves: &[Digest]) -> impl Fn(Node) -> Digest {
    move |node| {
        let first = usize::try_from(node.place << node.level).unwrap_or(usize::MAX).min(leaves.len());
        let width = 1_usize.checked_shl(node.level).unwrap_or(usize::MAX);
        let last = first.saturating_add(width).min(leaves.len());
        let mut frontier = Frontier::default();
        leaves[first..last].iter().for_each(|leaf| frontier.append(*leaf));
        frontier.root()
    }
}

/// The inclusion proof of the leaf `index` in the tree of the first `size` leaves (RFC 9162 section 2.1.3.1).
pub fn inclusion_proof(
    index: u64,
    size: u64,
    mut node: impl FnMut(Node) -> Digest,
) -> Result<Vec<Digest>, MerkleError> {
    if index >= size {
        return Err(MerkleError::Outside { index, size });
    }
    let (mut start, mut end, mut proof) = (0, size, Vec::new());
    while end - start > 1 {
        let middle = start + split(end - start);
        if index < middle {
            proof.push(range_hash(middle, end, &mut node));
            end = middle;
        } else {
            proof.push(range_hash(start, middle, &mut node));
            start = middle;
        }
    }
    proof.reverse();
    Ok(proof)
}

/// The proof that the tree of the first `older` leaves is the beginning of the tree of the first `size` leaves
/// (RFC 9162 section 2.1.4.1). Empty when they are the same, or the older is empty.
pub fn consistency_proof(
    older: u64,
    size: u64,
    mut node: impl FnMut(Node) -> Digest,
) -> Result<Vec<Digest>, MerkleError> {
    if older > size {
        return Err(MerkleError::Outside { index: older, size });
    }
    let (mut start, mut end, mut proof) = (0, size, Vec::new());
    if older == 0 || older == size {
        return Ok(proof);
    }
    // Down to the subtree that ends where the older tree ends.
    while end != older {
        let middle = start + split(end - start);
        if older <= middle {
            proof.push(range_hash(middle, end, &mut node));
            end = middle;
        } else {
            proof.push(range_hash(start, middle, &mut node));
            start = middle;
        }
    }
    // The verifier knows that subtree already when it is the whole older tree.
    if start != 0 {
        proof.push(range_hash(start, end, &mut node));
    }
    proof.reverse();
    Ok(proof)
}

/// The largest power of two below `width`, which is at least 2.
fn split(width: u64) -> u64 {
    1 << (width - 1).ilog2()
}

/// The root of the leaves `start..end`, where `start` is aligned as the recursion of RFC 6962 leaves it.
fn range_hash(start: u64, end: u64, node: &mut impl FnMut(Node) -> Digest) -> Digest {
    let width = end - start;
    if width.is_power_of_two() {
        let level = width.trailing_zeros();
        return node(Node { level, place: start >> level });
    }
    let middle = start + split(width);
    let left = range_hash(start, middle, node);
    node_hash(&left, &range_hash(middle, end, node))
}

/// Checks an inclusion proof (RFC 9162 section 2.1.3.2).
pub fn verify_inclusion(
    leaf: &Digest,
    index: u64,
    size: u64,
    proof: &[Digest],
    root: &Digest,
) -> Result<(), MerkleError> {
    if index >= size {
        return Err(MerkleError::Outside { index, size });
    }
    let length = MerkleError::Length { actual: proof.len() };
    let (mut place, mut last, mut hash) = (index, size - 1, *leaf);
    for step in proof.iter().take(PROOF_HASHES_MAX) {
        if last == 0 {
            return Err(length);
        }
        if place & 1 == 1 || place == last {
            hash = node_hash(step, &hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            hash = node_hash(&hash, step);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length);
    }
    if hash == *root { Ok(()) } else { Err(MerkleError::Root) }
}

/// Checks that the tree `(older, older_root)` is the beginning of `(size, root)` (RFC 9162 section 2.1.4.2).
pub fn verify_consistency(
    older: u64,
    older_root: &Digest,
    size: u64,
    root: &Digest,
    proof: &[Digest],
) -> Result<(), MerkleError> {
    let length = MerkleError::Length { actual: proof.len() };
    if older > size {
        return Err(MerkleError::Outside { index: older, size });
    }
    if older == size || older == 0 {
        let same = older != size || older_root == root;
        let empty_is_empty = older != 0 || *older_root == Frontier::default().root();
        return match (proof.is_empty(), same && empty_is_empty) {
            (false, _) => Err(length),
            (true, false) => Err(MerkleError::Root),
            (true, true) => Ok(()),
        };
    }
    let seed_is_older_root = older.is_power_of_two();
    let (seed, steps) = match (seed_is_older_root, proof.split_first()) {
        (true, _) => (older_root, proof),
        (false, Some((first, rest))) => (first, rest),
        (false, None) => return Err(length),
    };
    let shift = (older - 1).trailing_ones();
    let (mut place, mut last) = ((older - 1) >> shift, (size - 1) >> shift);
    let (mut old_hash, mut new_hash) = (*seed, *seed);
    for step in steps.iter().take(PROOF_HASHES_MAX) {
        if last == 0 {
            return Err(length);
        }
        if place & 1 == 1 || place == last {
            old_hash = node_hash(step, &old_hash);
            new_hash = node_hash(step, &new_hash);
            while place & 1 == 0 && place != 0 {
                (place, last) = (place >> 1, last >> 1);
            }
        } else {
            new_hash = node_hash(&new_hash, step);
        }
        (place, last) = (place >> 1, last >> 1);
    }
    if last != 0 {
        return Err(length);
    }
    if old_hash == *older_root && new_hash == *root { Ok(()) } else { Err(MerkleError::Root) }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The reference tree of the Certificate Transparency project: eight leaf inputs, in hexadecimal.
    const INPUTS: [&str; 8] =
        ["", "00", "10", "2021", "3031", "40414243", "5051525354555657", "606162636465666768696a6b6c6d6e6f"];
    /// Its roots after one to eight leaves.
    const ROOTS: [&str; 8] = [
        "6e340b9cffb37a989ca544e6bb780a2c78901d3fb33738768511a30617afa01d",
        "fac54203e7cc696cf0dfcb42c92a1d9dbaf70ad9e621f4bd8d98662f00e3c125",
        "aeb6bcfe274b70a14fb067a5e5578264db0fa9b51af5e0ba159158f329e06e77",
        "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
        "4e3bbb1f7b478dcfe71fb631631519a3bca12c9aefca1612bfce4c13a86264d4",
        "76e67dadbcdf1e10e1b74ddc608abd2f98dfb16fbce75277b5232a127f2087ef",
        "ddb89be403809e325750d3d263cd78929c2942b7942a34b77e122c9594a74c8c",
        "5dc9da79a70659a9ad559cb701ded9a2ab9d823aad2f4960cfe370eff4604328",
    ];
    const EMPTY_ROOT: &str = "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855";

    fn from_hex(text: &str) -> Vec<u8> {
        (0..text.len()).step_by(2).map(|i| u8::from_str_radix(&text[i..i + 2], 16).unwrap()).collect()
    }

    fn reference_leaves() -> Vec<Digest> {
        INPUTS.iter().map(|input| leaf_hash(&from_hex(input))).collect()
    }

    fn hex(proof: &[Digest]) -> Vec<String> {
        proof.iter().map(|hash| hash.to_hex()).collect()
    }

    /// RFC 6962 section 2.1, word by word.
    fn naive_root(leaves: &[Digest]) -> Digest {
        match leaves {
            [] => Digest::of(&[]),
            [leaf] => *leaf,
            _ => {
                let k = leaves.len().next_power_of_two() / 2;
                node_hash(&naive_root(&leaves[..k]), &naive_root(&leaves[k..]))
            }
        }
    }

    fn some_leaves(n: usize) -> Vec<Digest> {
        (0..n).map(|i| leaf_hash(&i.to_be_bytes())).collect()
    }

    #[test]
    fn the_reference_tree_has_its_published_roots() {
        let mut frontier = Frontier::default();
        assert_eq!(frontier.root().to_hex(), EMPTY_ROOT);
        for (leaf, root) in reference_leaves().into_iter().zip(ROOTS) {
            frontier.append(leaf);
            assert_eq!(frontier.root().to_hex(), root);
        }
    }

    #[test]
    fn the_reference_tree_has_its_published_proofs() {
        let leaves = reference_leaves();
        assert_eq!(
            hex(&inclusion_proof(5, 8, nodes_of(&leaves)).unwrap()),
            [
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(hex(&inclusion_proof(2, 3, nodes_of(&leaves)).unwrap()), [ROOTS[1]]);
        assert_eq!(
            hex(&consistency_proof(6, 8, nodes_of(&leaves)).unwrap()),
            [
                "0ebc5d3437fbe2db158b9f126a1d118e308181031d0a949f8dededebc558ef6a",
                "ca854ea128ed050b41b35ffc1b87b8eb2bde461e9e3b5596ece6b9d5975a0ae0",
                "d37ee418976dd95753c1c73862b9398fa2a2cf9b4ff0fdfe8b30cd95209614b7",
            ]
        );
        assert_eq!(
            hex(&consistency_proof(2, 5, nodes_of(&leaves)).unwrap()),
            [
                "5f083f0a1a33ca076a95279832580db3e0ef4584bdff1f54c8a360f50de3031e",
                "bc1a0643b12e4d2d7c77918f44e0f4f79a838b6cf9ec5b5c283e1f4d88599e6b",
            ]
        );
    }

    #[test]
    fn a_place_outside_the_tree_has_no_proof() {
        let leaves = some_leaves(4);
        assert_eq!(inclusion_proof(4, 4, nodes_of(&leaves)), Err(MerkleError::Outside { index: 4, size: 4 }));
        assert_eq!(
            consistency_proof(5, 4, nodes_of(&leaves)),
            Err(MerkleError::Outside { index: 5, size: 4 })
        );
    }

    #[test]
    fn a_frontier_with_the_wrong_number_of_peaks_is_refused() {
        assert!(serde_json::from_str::<Frontier>(r#"{"size":3,"peaks":[]}"#).is_err());
        let mut frontier = Frontier::default();
        for leaf in some_leaves(7) {
            frontier.append(leaf);
        }
        let kept = serde_json::to_string(&frontier).unwrap();
        assert_eq!(serde_json::from_str::<Frontier>(&kept).unwrap(), frontier);
    }

    #[test]
    fn what_is_told_to_a_store_of_tiles_is_every_complete_subtree_once() {
        let leaves = some_leaves(21);
        let (mut frontier, mut told) = (Frontier::default(), Vec::new());
        for leaf in &leaves {
            frontier.append_with(*leaf, |level, place, hash| told.push((level, place, hash)));
        }
        assert_eq!(told.len(), 21 + 10 + 5 + 2 + 1);
        for (level, place, hash) in told {
            assert_eq!(hash, nodes_of(&leaves)(Node { level, place }));
        }
    }

    proptest! {
        #[test]
        fn the_frontier_has_the_root_of_the_definition(n in 0_usize..300) {
            let leaves = some_leaves(n);
            let mut frontier = Frontier::default();
            for leaf in &leaves {
                frontier.append(*leaf);
            }
            prop_assert_eq!(frontier.root(), naive_root(&leaves));
        }

        #[test]
        fn an_inclusion_proof_holds_for_its_leaf_place_and_tree_only(n in 1_usize..200, seed: u64, flip in 0_usize..8) {
            let leaves = some_leaves(n);
            let (size, index) = (n as u64, seed % n as u64);
            let (leaf, root) = (leaves[usize::try_from(index).unwrap()], naive_root(&leaves));
            let mut proof = inclusion_proof(index, size, nodes_of(&leaves)).unwrap();
            prop_assert_eq!(verify_inclusion(&leaf, index, size, &proof, &root), Ok(()));
            prop_assert!(verify_inclusion(&leaf_hash(b"other"), index, size, &proof, &root).is_err());
            prop_assert!(verify_inclusion(&leaf, index, size, &proof, &leaf_hash(b"other")).is_err());
            if n > 1 {
                prop_assert!(verify_inclusion(&leaf, (index + 1) % size, size, &proof, &root).is_err());
                let at = flip % proof.len();
                proof[at] = node_hash(&proof[at], &proof[at]);
                prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
            }
            proof.push(root);
            prop_assert!(verify_inclusion(&leaf, index, size, &proof, &root).is_err());
        }

        #[test]
        fn a_consistency_proof_holds_for_its_two_trees_only(n in 1_usize..200, seed: usize, flip: usize) {
            let leaves = some_leaves(n);
            let m = seed % (n + 1);
            let (older, size) = (m as u64, n as u64);
            let (older_root, root) = (naive_root(&leaves[..m]), naive_root(&leaves));
            let mut proof = consistency_proof(older, size, nodes_of(&leaves)).unwrap();
            prop_assert_eq!(verify_consistency(older, &older_root, size, &root, &proof), Ok(()));
            let other = leaf_hash(b"other");
            prop_assert!(verify_consistency(older, &other, size, &root, &proof).is_err());
            if m > 0 {
                prop_assert!(verify_consistency(older, &older_root, size, &other, &proof).is_err());
            }
            if !proof.is_empty() {
                let at = flip % proof.len();
                proof[at] = other;
                prop_assert!(verify_consistency(older, &older_root, size, &root, &proof).is_err());
            }
            proof.push(root);
            prop_assert!(verify_consistency(older, &older_root, size, &root, &proof).is_err());
        }
    }
}
