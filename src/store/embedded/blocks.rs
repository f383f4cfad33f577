//! Small pairs in blocks: many keys that stand close together share one value of sled, which keeps a record in memory of
//! each of its pages, and sixteen keys at most in one (`docs/decisions/0125`).
//!
//! ```text
//! shared    bytes that the key has in common with the one before it; the first one's is the block's own key, LEB128
//! rest      bytes that follow them in the key, LEB128
//! length    of the value, doubled; one more when the value is how the key ends, LEB128
//! the rest of the key; the value, unless it is how the key ends
//! ```
//!
//! A block holds the keys from its own on, before the next block's. What stands behind that is what a crash left between
//! the two writes of a block that was cut in two: nobody reads it, and the next change of the block leaves it out.

use std::iter::Peekable;
use std::ops::Range;

use super::super::number;
use crate::app::ports::StoreError;

/// Bytes of a block that is cut into two; a pair that is larger has one of its own. Small, since a change of one pair writes
/// its block anew.
pub(super) const BLOCK_BYTES: usize = 512;

/// A change of a pair; `None` removes it.
pub(super) type Change<'a> = (&'a [u8], Option<&'a [u8]>);

/// Goes through the pairs of a block, in order.
#[derive(Debug)]
pub(super) struct Cursor<B> {
    block: B,
    at: usize,
    key: Vec<u8>,
    value: Value,
}

/// Where the value of the pair stands that a cursor is at.
#[derive(Debug)]
enum Value {
    InBlock(Range<usize>),
    EndsKey(usize),
}

impl<B: AsRef<[u8]>> Cursor<B> {
    /// Before the first pair of the block of this key.
    pub(super) fn before(first: &[u8], block: B) -> Self {
        Self { block, at: 0, key: first.to_vec(), value: Value::InBlock(0..0) }
    }

    /// Goes to the next pair; says whether there is one.
    pub(super) fn advance(&mut self) -> Result<bool, StoreError> {
        let Some(rest) = self.block.as_ref().get(self.at..).filter(|rest| !rest.is_empty()) else {
            return Ok(false);
        };
        let mut rest = rest;
        let (shared, end, value) = (length(&mut rest)?, length(&mut rest)?, length(&mut rest)?);
        let (end, rest) = rest.split_at_checked(end).ok_or(StoreError::Damaged)?;
        if shared > self.key.len() {
            return Err(StoreError::Damaged);
        }
        self.key.truncate(shared);
        self.key.extend_from_slice(end);
        let at = self.block.as_ref().len() - rest.len();
        let value_length = value / 2;
        if value % 2 == 1 {
            let from = self.key.len().checked_sub(value_length).ok_or(StoreError::Damaged)?;
            (self.value, self.at) = (Value::EndsKey(from), at);
        } else {
            if value_length > rest.len() {
                return Err(StoreError::Damaged);
            }
            (self.value, self.at) = (Value::InBlock(at..at + value_length), at + value_length);
        }
        Ok(true)
    }

    /// The key of the pair that it is at.
    pub(super) fn key(&self) -> &[u8] {
        &self.key
    }

    /// The value of the pair that it is at.
    pub(super) fn value(&self) -> &[u8] {
        match &self.value {
            Value::InBlock(range) => &self.block.as_ref()[range.clone()],
            Value::EndsKey(from) => &self.key[*from..],
        }
    }
}

/// The value of a key in the block that would hold it.
pub(super) fn find(first: &[u8], block: &[u8], key: &[u8]) -> Result<Option<Vec<u8>>, StoreError> {
    let mut cursor = Cursor::before(first, block);
    while cursor.advance()? {
        if cursor.key() >= key {
            return Ok((cursor.key() == key).then(|| cursor.value().to_vec()));
        }
    }
    Ok(None)
}

/// A block: its key, and its pairs.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Block {
    pub(super) first: Vec<u8>,
    pub(super) pairs: Vec<u8>,
}

/// What a block becomes by changes, in order, of keys that it would hold: itself first, then what no longer fits into it.
/// `end` is the key of the next block. None when nothing changes.
pub(super) fn changed(
    first: &[u8],
    block: &[u8],
    end: &[u8],
    changes: &[Change<'_>],
) -> Result<Option<Vec<Block>>, StoreError> {
    let mut writer = Writer::begin(first);
    let (mut old, mut changes) = (Cursor::before(first, block), changes.iter().peekable());
    let mut differs = false;
    while old.advance()? && old.key() < end {
        differs |= put_before(&mut writer, &mut changes, Some(old.key()));
        match changes.next_if(|(key, _)| *key == old.key()) {
            Some((_, None)) => differs = true,
            Some((key, Some(value))) => {
                differs |= *value != old.value();
                writer.put(key, value);
            }
            None => writer.put(old.key(), old.value()),
        }
    }
    differs |= put_before(&mut writer, &mut changes, None);
    if differs { Ok(Some(cut(writer.block)?)) } else { Ok(None) }
}

/// Puts the new pairs before a key, or all that are left; says whether there were any.
fn put_before<'a>(
    writer: &mut Writer,
    changes: &mut Peekable<impl Iterator<Item = &'a Change<'a>>>,
    before: Option<&[u8]>,
) -> bool {
    let mut any = false;
    while let Some((key, value)) = changes.next_if(|(key, _)| before.is_none_or(|before| *key < before)) {
        if let Some(value) = value {
            writer.put(key, value);
            any = true;
        }
    }
    any
}

/// Two blocks as one: the second one's keys stand before `end`.
pub(super) fn joined(lower: &Block, upper: (&[u8], &[u8]), end: &[u8]) -> Result<Block, StoreError> {
    let mut writer = Writer::begin(&lower.first);
    let mut copy = |(first, block): (&[u8], &[u8]), end: &[u8]| {
        let mut cursor = Cursor::before(first, block);
        while cursor.advance()? && cursor.key() < end {
            writer.put(cursor.key(), cursor.value());
        }
        Ok::<(), StoreError>(())
    };
    copy((&lower.first, &lower.pairs), upper.0)?;
    copy(upper, end)?;
    Ok(writer.block)
}

/// Blocks of about the same size; none is too large but for a single pair.
fn cut(whole: Block) -> Result<Vec<Block>, StoreError> {
    let length = whole.pairs.len();
    if length <= BLOCK_BYTES {
        return Ok(vec![whole]);
    }
    let target = length.div_ceil(length.div_ceil(BLOCK_BYTES));
    let mut blocks = Vec::new();
    let mut writer = Writer::begin(&whole.first);
    let mut cursor = Cursor::before(&whole.first, &whole.pairs[..]);
    while cursor.advance()? {
        let length = writer.block.pairs.len();
        writer.put(cursor.key(), cursor.value());
        if length > 0 && (length >= target || writer.block.pairs.len() > BLOCK_BYTES) {
            writer.block.pairs.truncate(length);
            blocks.push(std::mem::replace(&mut writer, Writer::begin(cursor.key())).block);
            writer.put(cursor.key(), cursor.value());
        }
    }
    blocks.push(writer.block);
    Ok(blocks)
}

/// Writes a block, pair by pair.
struct Writer {
    block: Block,
    last: Vec<u8>,
}

impl Writer {
    fn begin(first: &[u8]) -> Self {
        Self { block: Block { first: first.to_vec(), pairs: Vec::new() }, last: first.to_vec() }
    }

    fn put(&mut self, key: &[u8], value: &[u8]) {
        let shared = self.last.iter().zip(key).take_while(|(last, byte)| last == byte).count();
        let ends_key = !value.is_empty() && key.ends_with(value);
        let pairs = &mut self.block.pairs;
        number::write(pairs, shared as u64);
        number::write(pairs, (key.len() - shared) as u64);
        number::write(pairs, value.len() as u64 * 2 + u64::from(ends_key));
        pairs.extend_from_slice(&key[shared..]);
        if !ends_key {
            pairs.extend_from_slice(value);
        }
        self.last.truncate(shared);
        self.last.extend_from_slice(&key[shared..]);
    }
}

/// A number that says how long something is.
fn length(rest: &mut &[u8]) -> Result<usize, StoreError> {
    let number = number::read(rest).ok_or(StoreError::Damaged)?;
    usize::try_from(number).map_err(|_| StoreError::Damaged)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    type Pairs = BTreeMap<Vec<u8>, Vec<u8>>;

    fn read(block: &Block) -> Pairs {
        let mut cursor = Cursor::before(&block.first, &block.pairs[..]);
        let mut pairs = Pairs::new();
        while cursor.advance().unwrap() {
            pairs.insert(cursor.key().to_vec(), cursor.value().to_vec());
        }
        pairs
    }

    fn changes(writes: &BTreeMap<Vec<u8>, Option<Vec<u8>>>) -> Vec<Change<'_>> {
        writes.iter().map(|(key, value)| (&key[..], value.as_deref())).collect()
    }

    /// Keys under one prefix, so that many share some bytes; values that end their keys and others.
    fn pairs() -> impl Strategy<Value = BTreeMap<Vec<u8>, Option<Vec<u8>>>> {
        let key = prop::collection::vec(0_u8..4, 1..24).prop_map(|rest| [b"i", &rest[..]].concat());
        let value = prop_oneof![
            Just(Some(0)),
            Just(None),
            (1_usize..24).prop_map(Some),
            (24_usize..1500).prop_map(Some)
        ];
        prop::collection::btree_map(key, value, 0..80).prop_map(|pairs| {
            let value = |key: &[u8], length: usize| match length {
                0..24 => key[key.len().saturating_sub(length)..].to_vec(),
                _ => vec![7; length],
            };
            pairs.into_iter().map(|(key, length)| (key.clone(), length.map(|n| value(&key, n)))).collect()
        })
    }

    proptest! {
        #[test]
        fn changes_of_a_block_are_those_of_its_pairs(first in pairs(), second in pairs()) {
            let (first, second) = (changes(&first), changes(&second));
            let mut expected = Pairs::new();
            let mut kept = vec![Block { first: b"i".to_vec(), pairs: Vec::new() }];
            for writes in [first, second] {
                for (key, value) in &writes {
                    match value {
                        Some(value) => expected.insert(key.to_vec(), value.to_vec()),
                        None => expected.remove(*key),
                    };
                }
                let mut next = Vec::new();
                for (n, block) in kept.iter().enumerate() {
                    let end = kept.get(n + 1).map_or(&b"j"[..], |next| &next.first);
                    let mine: Vec<_> =
                        writes.iter().copied().filter(|(key, _)| *key >= &block.first[..] && *key < end).collect();
                    match changed(&block.first, &block.pairs, end, &mine).unwrap() {
                        Some(blocks) => next.extend(blocks),
                        None => next.push(Block { first: block.first.clone(), pairs: block.pairs.clone() }),
                    }
                }
                kept = next;
                prop_assert_eq!(&kept.iter().flat_map(read).collect::<Pairs>(), &expected);
            }
            for (n, block) in kept.iter().enumerate() {
                let end = kept.get(n + 1).map(|next| next.first.clone());
                let pairs = read(block);
                prop_assert!(pairs.keys().all(|key| *key >= block.first && end.as_ref().is_none_or(|end| key < end)));
                prop_assert!(block.pairs.len() <= BLOCK_BYTES || pairs.len() == 1);
                for (key, value) in &expected {
                    let inside = pairs.contains_key(key).then(|| value.clone());
                    prop_assert_eq!(find(&block.first, &block.pairs, key).unwrap(), inside);
                }
            }
        }

        #[test]
        fn bytes_that_are_no_block_are_damage_or_some_pairs_never_a_panic(bytes: Vec<u8>) {
            let mut cursor = Cursor::before(b"i", &bytes[..]);
            while let Ok(true) = cursor.advance() {
                prop_assert!(cursor.key().len() + cursor.value().len() <= 2 * bytes.len() + 1);
            }
        }
    }

    #[test]
    fn what_stands_behind_the_end_of_a_block_is_left_out_by_the_next_change() {
        let writes: BTreeMap<_, _> = (0..9_u8).map(|n| (vec![b'i', n], Some(vec![n]))).collect();
        let whole = changed(b"i", b"", b"j", &changes(&writes)).unwrap().unwrap().swap_remove(0);
        let change = [(&[b'i', 0][..], None)];
        let cut = changed(b"i", &whole.pairs, &[b'i', 5], &change).unwrap().unwrap().swap_remove(0);
        assert_eq!(
            read(&cut).into_keys().collect::<Vec<_>>(),
            (1..5).map(|n| vec![b'i', n]).collect::<Vec<_>>()
        );
        let both = joined(&cut, (&[b'i', 5], &whole.pairs[..0]), b"j").unwrap();
        assert_eq!(read(&both), read(&cut));
    }

    #[test]
    fn what_changes_nothing_writes_nothing() {
        let pairs = [(&b"ia"[..], Some(&b"a"[..])), (b"ib", Some(b"b"))];
        let block = changed(b"i", b"", b"j", &pairs).unwrap().unwrap().swap_remove(0);
        assert_eq!(changed(b"i", &block.pairs, b"j", &pairs).unwrap(), None);
        assert_eq!(changed(b"i", &block.pairs, b"j", &[(b"ic", None)]).unwrap(), None);
        assert!(changed(b"i", &block.pairs, b"j", &[(b"ib", None)]).unwrap().is_some());
    }
}
