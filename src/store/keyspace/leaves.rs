//! The entries of the log in the key space, and the tree over them: entries in blocks, leaf hashes in tiles once 256 of
//! them are there, the roots of larger subtrees one by one. Few and larger values are what makes appending cheap.
//!
//! The places of entries that were lost before a restore hold [`LOST`] in their tiles, and only those roots that the signed
//! tree told are known of them. Leaf hashes and roots stay for ever; blocks go when their entries are pruned. What entries are found by is `log.rs`.

use std::collections::BTreeMap;

use super::write::Writes;
use super::{Direction, KeyspaceError, Pair, Pairs, end_of};
use crate::app::ports::{Entry, RestoredLog, StoreError, StoredLeaf};
use crate::audit::{Entry as LogEntry, Frontier, Node};
use crate::value::Digest;

/// What stands before the key of each block of entries.
pub(super) const ENTRIES: u8 = b'e';
/// What stands before the key of each half of a tile of leaf hashes.
pub(super) const TILES: u8 = b't';
/// What stands before the key of the root of each subtree of a tile or more.
const ROOTS: u8 = b'h';
/// Leaves of a tile: a subtree of this height, as in C2SP tlog-tiles.
const TILE_LEVEL: u32 = 8;
/// How many leaves that is.
pub(super) const TILE_LEAVES: u64 = 1 << TILE_LEVEL;
/// Leaf hashes in one value: half a tile.
const HALF_LEAVES: usize = 128;
/// Bytes of one hash.
const HASH_BYTES: usize = 32;
/// Bytes of a block, unless it holds a single entry; as small as chunks of records, for the same reason.
const BLOCK_BYTES: usize = 4096;
/// Bytes of one payload; events have no free text and stay far below.
const PAYLOAD_MAX_BYTES: usize = 4096;
/// Bytes before a payload in a block: leaf hash, salt, length.
const HEAD_BYTES: usize = HASH_BYTES + 16 + 2;

/// Stands for the hash of a leaf that was lost before a restore; no leaf hashes to it.
const LOST: Digest = Digest::from_bytes([0; HASH_BYTES]);
/// Entries that a restore may find lost: two gigabytes of them.
const LOST_MAX: u64 = 10_000_000;

/// Refuses entries that do not come back in their places, or a tree that is smaller than what came back.
pub(super) fn check_restored(restored: &RestoredLog, size: u64) -> Result<(), StoreError> {
    for (place, leaf) in (size..).zip(&restored.leaves) {
        let entry = leaf.entry.as_ref();
        let hashes = entry.is_none_or(|entry| entry.leaf() == leaf.leaf && entry.event().is_ok());
        if leaf.index != place || leaf.leaf == LOST || !hashes {
            return Err(StoreError::Damaged);
        }
    }
    let size = size + restored.leaves.len() as u64;
    match &restored.goes_on_from {
        Some(larger) if larger.size() < size || larger.size() - size > LOST_MAX => Err(StoreError::Damaged),
        _ => Ok(()),
    }
}

/// Refuses entries that are larger than any event is.
pub(super) fn check(entries: &[Entry]) -> Result<(), StoreError> {
    let largest = entries.iter().map(|entry| entry.entry.payload().len()).max().unwrap_or(0);
    if largest <= PAYLOAD_MAX_BYTES {
        Ok(())
    } else {
        Err(KeyspaceError::RecordTooLarge { limit: PAYLOAD_MAX_BYTES, actual: largest }.into())
    }
}

/// Entries that a group of units appends.
#[derive(Debug)]
pub(super) struct Appended {
    start: u64,
    leaves: Vec<Digest>,
    block: Vec<u8>,
    block_first: u64,
    pairs: Vec<Pair>,
}

impl Appended {
    /// Nothing yet, after so many entries.
    pub(super) fn after(size: u64) -> Self {
        Self { start: size, leaves: Vec::new(), block: Vec::new(), block_first: size, pairs: Vec::new() }
    }

    /// The size of the log without them.
    pub(super) const fn start(&self) -> u64 {
        self.start
    }

    /// The place of the next entry.
    fn next(&self) -> u64 {
        self.start + self.leaves.len() as u64
    }

    /// Appends an entry that [`check`] let pass, to the frontier too; returns its place.
    pub(super) fn push(&mut self, entry: &LogEntry, frontier: &mut Frontier) -> u64 {
        let (place, payload) = (self.next(), entry.payload().as_bytes());
        let length = u16::try_from(payload.len()).unwrap_or(u16::MAX);
        if !self.block.is_empty() && self.block.len() + HEAD_BYTES + payload.len() > BLOCK_BYTES {
            self.end_block(place);
        }
        let leaf = entry.leaf();
        self.block.extend_from_slice(leaf.as_bytes());
        self.block.extend_from_slice(entry.salt());
        self.block.extend_from_slice(&length.to_be_bytes());
        self.block.extend_from_slice(payload);
        self.leaves.push(leaf);
        let pairs = &mut self.pairs;
        frontier.append_with(leaf, |level, place, hash| {
            if level >= TILE_LEVEL {
                pairs.push((root_key(Node { level, place }), hash.as_bytes().to_vec()));
            }
        });
        place
    }

    /// Appends the leaf of an entry whose payload was pruned. Whole tiles of them must come in one group.
    pub(super) fn push_bare(&mut self, leaf: Digest, frontier: &mut Frontier) -> u64 {
        let place = self.next();
        self.end_block(place);
        self.leaves.push(leaf);
        self.block_first = place + 1;
        let pairs = &mut self.pairs;
        frontier.append_with(leaf, |level, place, hash| {
            if level >= TILE_LEVEL {
                pairs.push((root_key(Node { level, place }), hash.as_bytes().to_vec()));
            }
        });
        place
    }

    /// Goes on after lost entries, from a tree of which only the peaks are known.
    pub(super) fn skip_to(&mut self, larger: &Frontier) {
        self.end_block(self.next());
        while self.next() < larger.size() {
            self.leaves.push(LOST);
        }
        self.block_first = self.next();
        let mut first = 0;
        let levels = (0..u64::BITS).rev().filter(|level| larger.size() & (1 << level) != 0);
        for (level, peak) in levels.zip(larger.peaks()) {
            self.pairs.push((root_key(Node { level, place: first >> level }), peak.as_bytes().to_vec()));
            first += 1 << level;
        }
    }

    fn end_block(&mut self, next: u64) {
        if !self.block.is_empty() {
            self.pairs.push((block_key(self.block_first), std::mem::take(&mut self.block)));
        }
        self.block_first = next;
    }

    /// What is to be written.
    pub(super) fn into_pairs(mut self, pairs: &dyn Pairs) -> Result<Vec<Pair>, StoreError> {
        self.end_block(self.next());
        for tile in self.start / TILE_LEAVES..self.next() / TILE_LEAVES {
            let first = tile * TILE_LEAVES;
            let mut hashes = vec![LOST; 2 * HALF_LEAVES];
            if first < self.start {
                let before = usize::try_from(self.start - first).map_err(|_| StoreError::Damaged)?;
                let known = stored(pairs, first, before)?.into_iter().filter(|leaf| leaf.index < self.start);
                known.for_each(|leaf| hashes[offset(leaf.index)] = leaf.leaf);
            }
            let skipped =
                usize::try_from(first.saturating_sub(self.start)).map_err(|_| StoreError::Damaged)?;
            for (place, leaf) in (first.max(self.start)..first + TILE_LEAVES).zip(&self.leaves[skipped..]) {
                hashes[offset(place)] = *leaf;
            }
            let hashes: Vec<u8> = hashes.iter().flat_map(|hash| *hash.as_bytes()).collect();
            for (half, bytes) in (0_u8..).zip(hashes.chunks(HALF_LEAVES * HASH_BYTES)) {
                self.pairs.push((tile_key(tile, half), bytes.to_vec()));
            }
        }
        Ok(self.pairs)
    }
}

/// Entries from a place on, oldest first, with what is left of those before `pruned`.
pub(super) fn leaves(
    pairs: &dyn Pairs,
    pruned: u64,
    first: u64,
    limit: usize,
) -> Result<Vec<StoredLeaf>, StoreError> {
    let (mut found, mut place) = (Vec::new(), first);
    while found.len() < limit && place < pruned {
        let tile = tile(pairs, place / TILE_LEAVES)?.ok_or(StoreError::Damaged)?;
        let bare = (place..pruned.min((place / TILE_LEAVES + 1) * TILE_LEAVES)).take(limit - found.len());
        for index in bare {
            place = index + 1;
            if tile[offset(index)] != LOST {
                found.push(StoredLeaf { index, leaf: tile[offset(index)], entry: None });
            }
        }
    }
    let left = limit - found.len();
    if left > 0 {
        found.extend(stored(pairs, place, left)?);
    }
    Ok(found)
}

/// The entry at a place; none when it was pruned.
pub(super) fn entry(pairs: &dyn Pairs, place: u64) -> Result<Option<LogEntry>, StoreError> {
    let Some((first, block)) = block_of(pairs, place)? else { return Ok(None) };
    let mut entries = Block { next: first, rest: &block };
    let found = entries.find(|leaf| leaf.as_ref().map_or(true, |leaf| leaf.index == place));
    Ok(found.transpose()?.and_then(|leaf| leaf.entry))
}

/// Entries from a place on and before another, in order or in the opposite one, pruned ones left out.
pub(super) fn entries_between(
    pairs: &dyn Pairs,
    from: u64,
    before: u64,
    direction: Direction,
) -> impl Iterator<Item = Result<(u64, LogEntry), StoreError>> {
    // The block that `from` stands in may begin before it; a read that fails shows again in the scan.
    let first = block_of(pairs, from).ok().flatten().map_or(from, |(first, _)| first);
    pairs.scan(&block_key(first), &block_key(before), direction).flat_map(move |pair| {
        let mut found = Vec::new();
        match pair.and_then(|(key, block)| Ok((place_of(&key)?, block))) {
            Ok((first, block)) => found.extend(Block { next: first, rest: &block }),
            Err(error) => found.push(Err(error)),
        }
        if direction == Direction::Backward {
            found.reverse();
        }
        found.into_iter().filter_map(move |leaf| match leaf {
            Ok(StoredLeaf { index, entry: Some(entry), .. }) if (from..before).contains(&index) => {
                Some(Ok((index, entry)))
            }
            Ok(_) => None,
            Err(error) => Some(Err(error)),
        })
    })
}

/// The root of a complete subtree.
pub(super) fn root(pairs: &dyn Pairs, known: &mut KnownTiles, node: Node) -> Result<Digest, StoreError> {
    // Below a tile only what a signed tree told of lost entries has a root of its own.
    if let Some(bytes) = pairs.get(&root_key(node))? {
        return Ok(Digest::from_bytes(bytes.try_into().map_err(|_| StoreError::Damaged)?));
    }
    if node.level >= TILE_LEVEL {
        return Err(StoreError::Damaged);
    }
    let (first, width) = (node.place << node.level, 1_u64 << node.level);
    let tile = known.get(pairs, first / TILE_LEAVES)?;
    let leaves = tile.get(offset(first)..offset(first) + offset(width)).ok_or(StoreError::Damaged)?;
    let mut frontier = Frontier::default();
    leaves.iter().take_while(|leaf| **leaf != LOST).for_each(|leaf| frontier.append(*leaf));
    if frontier.size() == width { Ok(frontier.root()) } else { Err(StoreError::Damaged) }
}

/// The leaf hashes of the tiles that were read last: neighbours in a tree are asked for together.
#[derive(Default)]
pub(super) struct KnownTiles(BTreeMap<u64, Vec<Digest>>);

impl KnownTiles {
    /// The hashes of a tile as far as there are leaves; of one that still grows, from its entries.
    fn get(&mut self, pairs: &dyn Pairs, number: u64) -> Result<&[Digest], StoreError> {
        if let std::collections::btree_map::Entry::Vacant(e) = self.0.entry(number) {
            let leaves = match tile(pairs, number)? {
                Some(leaves) => leaves,
                None => growing_tile(pairs, number)?,
            };
            e.insert(leaves);
        }
        Ok(self.0.get(&number).map_or(&[], Vec::as_slice))
    }
}

fn growing_tile(pairs: &dyn Pairs, number: u64) -> Result<Vec<Digest>, StoreError> {
    let first = number * TILE_LEAVES;
    let mut leaves = Vec::with_capacity(2 * HALF_LEAVES);
    let within = |leaf: &StoredLeaf| leaf.index < first + TILE_LEAVES;
    for leaf in stored(pairs, first, 2 * HALF_LEAVES)?.into_iter().take_while(within) {
        let place = offset(leaf.index);
        leaves.resize(place.max(leaves.len()), LOST);
        leaves.push(leaf.leaf);
    }
    Ok(leaves)
}

/// Removes the payloads before a place that begins a tile; a block that reaches over it keeps the rest.
pub(super) fn prune(pairs: &dyn Pairs, before: u64) -> Result<(Writes, Vec<(u64, LogEntry)>), StoreError> {
    let (mut writes, mut gone) = (Writes::new(), Vec::new());
    for pair in pairs.scan(&[ENTRIES], &block_key(before), Direction::Forward) {
        let (key, block) = pair?;
        let mut entries = Block { next: place_of(&key)?, rest: &block };
        while entries.next < before {
            let Some(leaf) = entries.next().transpose()? else { break };
            gone.push((leaf.index, leaf.entry.ok_or(StoreError::Damaged)?));
        }
        if !entries.rest.is_empty() {
            writes.insert(block_key(entries.next), Some(entries.rest.to_vec()));
        }
        writes.insert(key, None);
    }
    Ok((writes, gone))
}

/// Entries that are stored whole, from a place on.
fn stored(pairs: &dyn Pairs, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError> {
    let mut found = Vec::with_capacity(limit.min(1024));
    let start = block_of(pairs, first)?.map_or(first, |(block_first, _)| block_first);
    for pair in pairs.scan(&block_key(start), &end_of(&[ENTRIES]), Direction::Forward) {
        let (key, block) = pair?;
        for leaf in (Block { next: place_of(&key)?, rest: &block }) {
            let leaf = leaf?;
            if found.len() >= limit {
                return Ok(found);
            }
            if leaf.index >= first {
                found.push(leaf);
            }
        }
    }
    Ok(found)
}

/// The block that a place would stand in.
fn block_of(pairs: &dyn Pairs, place: u64) -> Result<Option<(u64, Vec<u8>)>, StoreError> {
    let to = place.checked_add(1).map_or_else(|| end_of(&[ENTRIES]), block_key);
    let Some(pair) = pairs.scan(&[ENTRIES], &to, Direction::Backward).next() else { return Ok(None) };
    let (key, block) = pair?;
    Ok(Some((place_of(&key)?, block)))
}

/// The hashes of a tile; none until it is complete.
fn tile(pairs: &dyn Pairs, tile: u64) -> Result<Option<Vec<Digest>>, StoreError> {
    let mut hashes = Vec::with_capacity(2 * HALF_LEAVES);
    for half in 0..2 {
        let Some(bytes) = pairs.get(&tile_key(tile, half))? else { return Ok(None) };
        let (whole, rest) = bytes.as_chunks::<HASH_BYTES>();
        if whole.len() != HALF_LEAVES || !rest.is_empty() {
            return Err(StoreError::Damaged);
        }
        hashes.extend(whole.iter().map(|hash| Digest::from_bytes(*hash)));
    }
    Ok(Some(hashes))
}

/// Where in its tile a leaf stands.
const fn offset(place: u64) -> usize {
    (place % TILE_LEAVES) as usize
}

fn block_key(first: u64) -> Vec<u8> {
    [&[ENTRIES][..], &first.to_be_bytes()].concat()
}

fn tile_key(tile: u64, half: u8) -> Vec<u8> {
    [&[TILES][..], &tile.to_be_bytes(), &[half]].concat()
}

fn root_key(node: Node) -> Vec<u8> {
    let level = u8::try_from(node.level).unwrap_or(u8::MAX);
    [&[ROOTS, level][..], &node.place.to_be_bytes()].concat()
}

fn place_of(key: &[u8]) -> Result<u64, StoreError> {
    let (_, place) = key.split_last_chunk::<8>().ok_or(StoreError::Damaged)?;
    Ok(u64::from_be_bytes(*place))
}

/// The entries of a block.
struct Block<'a> {
    next: u64,
    rest: &'a [u8],
}

impl Block<'_> {
    fn take(&mut self) -> Option<StoredLeaf> {
        let (leaf, rest) = self.rest.split_first_chunk::<HASH_BYTES>()?;
        let (salt, rest) = rest.split_first_chunk::<16>()?;
        let (length, rest) = rest.split_first_chunk::<2>()?;
        let (payload, rest) = rest.split_at_checked(usize::from(u16::from_be_bytes(*length)))?;
        let payload = String::from_utf8(payload.to_vec()).ok()?;
        let entry = Some(LogEntry::kept(payload, *salt));
        let leaf = StoredLeaf { index: self.next, leaf: Digest::from_bytes(*leaf), entry };
        self.next += 1;
        self.rest = rest;
        Some(leaf)
    }
}

impl Iterator for Block<'_> {
    type Item = Result<StoredLeaf, StoreError>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        let taken = self.take();
        if taken.is_none() {
            self.rest = &[];
        }
        Some(taken.ok_or(StoreError::Damaged))
    }
}
