//! Laws of the database: it reads like a map, and neither crashes nor readers in between change that.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::Path;
use std::thread;

use proptest::prelude::*;

use super::super::super::keyspace::Pairs;
use super::super::database::BLOCKS;
use super::super::open_database;
use super::*;

type Writes = BTreeMap<Vec<u8>, Option<Vec<u8>>>;
type Model = BTreeMap<Vec<u8>, Vec<u8>>;

fn database() -> (tempfile::TempDir, Database) {
    let at = tempfile::tempdir().unwrap();
    let database = open(at.path());
    (at, database)
}

fn open(at: &Path) -> Database {
    let sled = open_database(at).unwrap();
    Database::open((*sled).clone(), File::open(at.join("db")).unwrap(), at).unwrap()
}

fn change(database: &Database, writes: &Writes) {
    database.put(writes.iter().map(|(key, value)| (&key[..], value.as_deref()))).unwrap();
}

fn apply(model: &mut Model, writes: &Writes) {
    for (key, value) in writes {
        match value {
            Some(value) => model.insert(key.clone(), value.clone()),
            None => model.remove(key),
        };
    }
}

fn all(database: &Database, from: &[u8], to: &[u8], direction: Direction) -> Vec<Pair> {
    database.scan(from, to, direction).map(Result::unwrap).collect()
}

fn key(kind: u8, n: u16) -> Vec<u8> {
    [&[kind][..], b"a beginning that keys have in common", &n.to_be_bytes(), b"and an end"].concat()
}

fn writes() -> impl Strategy<Value = Writes> {
    let kind = prop::sample::select(vec![b'i', b'n', b'r']);
    let value = prop::option::weighted(0.6, prop::collection::vec(any::<u8>(), 0..60));
    prop::collection::btree_map((kind, 0_u16..400).prop_map(|(kind, n)| key(kind, n)), value, 0..300)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(48))]

    #[test]
    fn it_reads_like_a_map_whatever_was_put_and_removed(
        steps in prop::collection::vec(writes(), 1..6),
        from in 0_u16..400,
        to in 0_u16..400,
    ) {
        let (_at, database) = database();
        let mut model = Model::new();
        for writes in &steps {
            change(&database, writes);
            apply(&mut model, writes);
        }
        for kind in [b'i', b'n', b'r'] {
            for n in 0..400 {
                let key = key(kind, n);
                prop_assert_eq!(database.get(&key).unwrap(), model.get(&key).cloned());
            }
            for (from, to) in [(vec![kind], vec![kind + 1]), (key(kind, from), key(kind, to))] {
                let expected = |(key, value): (&Vec<u8>, &Vec<u8>)| (key.clone(), value.clone());
                let mut expected: Vec<Pair> = if from < to {
                    model.range(from.clone()..to.clone()).map(expected).collect()
                } else {
                    Vec::new()
                };
                prop_assert_eq!(&all(&database, &from, &to, Direction::Forward), &expected);
                expected.reverse();
                prop_assert_eq!(&all(&database, &from, &to, Direction::Backward), &expected);
            }
        }
    }

    /// sled loses the last writes in a crash, never one before another.
    #[test]
    fn whichever_step_a_crash_comes_after_nothing_is_lost_and_the_journal_brings_the_rest(
        before in writes(),
        writes in writes(),
    ) {
        let small = |writes: Writes| -> Writes {
            writes.into_iter().filter(|(key, _)| is_small(key)).collect()
        };
        let (before, writes) = (small(before), small(writes));
        let mut cut = 0;
        loop {
            let (_at, database) = database();
            let mut model = Model::new();
            change(&database, &before);
            apply(&mut model, &before);
            let mut changes = writes.iter().map(|(key, value)| (&key[..], value.as_deref())).peekable();
            let mut left = cut;
            while left > 0 && changes.peek().is_some() {
                for (key, pairs) in database.steps(&mut changes).unwrap().into_iter().take(left) {
                    left -= 1;
                    match pairs {
                        Some(pairs) => database.tree.insert(key, pairs).unwrap(),
                        None => database.tree.remove(key).unwrap(),
                    };
                }
            }
            let is_over = left > 0;
            // What is not being changed is there, once, whatever the crash left.
            let untouched = |(key, _): &Pair| !writes.contains_key(key);
            for kind in SMALL {
                let expected: Vec<Pair> =
                    model.clone().into_iter().filter(|pair| pair.0[0] == kind).filter(untouched).collect();
                let (from, to) = (vec![kind], vec![kind + 1]);
                let mut found = all(&database, &from, &to, Direction::Forward);
                let mut backward = all(&database, &from, &to, Direction::Backward);
                backward.reverse();
                prop_assert_eq!(&found, &backward);
                found.retain(untouched);
                prop_assert_eq!(found, expected);
            }
            // The journal is put into it again.
            change(&database, &writes);
            apply(&mut model, &writes);
            for kind in SMALL {
                let expected: Vec<Pair> = model.clone().into_iter().filter(|pair| pair.0[0] == kind).collect();
                prop_assert_eq!(all(&database, &[kind], &[kind + 1], Direction::Forward), expected);
            }
            if is_over {
                break;
            }
            cut += 1 + cut / 4;
        }
    }
}

#[test]
fn who_reads_while_pairs_move_sees_each_pair_that_stays_once_and_in_order() {
    let (_at, database) = database();
    // Every tenth pair stays; those between come and go, and blocks are cut and joined.
    let stays: Writes = (0..2000).step_by(10).map(|n| (key(b'i', n), Some(vec![1; 9]))).collect();
    let others = |value: Option<Vec<u8>>| -> Writes {
        (0..2000).filter(|n| n % 10 != 0).map(|n| (key(b'i', n), value.clone())).collect()
    };
    change(&database, &stays);
    let expected: Vec<Vec<u8>> = stays.keys().cloned().collect();
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for _ in 0..20 {
                change(&database, &others(Some(vec![2; 40])));
                change(&database, &others(None));
            }
        });
        let mut looks = 0;
        while looks < 4 || !writer.is_finished() {
            looks += 1;
            for direction in [Direction::Forward, Direction::Backward] {
                let mut keys: Vec<Vec<u8>> =
                    all(&database, b"i", b"j", direction).into_iter().map(|pair| pair.0).collect();
                if direction == Direction::Backward {
                    keys.reverse();
                }
                assert!(keys.is_sorted_by(|a, b| a < b));
                keys.retain(|key| stays.contains_key(key));
                assert_eq!(keys, expected);
            }
            for key in &expected {
                assert!(database.get(key).unwrap().is_some());
            }
        }
    });
}

#[test]
fn a_look_during_which_pairs_moved_is_done_again_while_nobody_can_move_them() {
    let (_at, database) = database();
    let looks = Cell::new(0);
    let look = |moved: &dyn Fn()| {
        looks.set(looks.get() + 1);
        if looks.get() == 1 {
            moved();
        } else {
            assert!(database.changing.try_lock().is_err());
        }
        Ok(looks.get())
    };
    assert_eq!(database.steady(|| look(&|| ())).unwrap(), 1, "nothing moved");
    looks.set(0);
    assert_eq!(database.steady(|| look(&|| drop(Moving::begin(&database.moves)))).unwrap(), 2);
    looks.set(1);
    let moving = Moving::begin(&database.moves);
    assert_eq!(database.steady(|| look(&|| ())).unwrap(), 2, "none while they move");
    drop(moving);
}

#[test]
fn blocks_that_empty_are_joined_and_a_kind_that_is_empty_holds_one() {
    // A value that is none of its key, and one that is how its key ends, as those of index entries.
    blocks_empty(|_| vec![2; 40]);
    blocks_empty(|key| key[key.len() - 12..].to_vec());
}

fn blocks_empty(value: fn(&[u8]) -> Vec<u8>) {
    let (_at, database) = database();
    let keys = (0..2000).map(|n| key(b'i', n));
    let put: Writes = keys.map(|key| (key.clone(), Some(value(&key)))).collect();
    change(&database, &put);
    let blocks = || database.tree.scan_prefix([BLOCKS]).count();
    let full = blocks();
    assert!((2000 * 10 / BLOCK_BYTES..2000 * 80 / BLOCK_BYTES).contains(&full), "{full} blocks");
    let mut removed: Vec<Writes> = put.into_keys().map(|key| [(key, None)].into()).collect();
    let last = removed.pop().unwrap();
    for writes in &removed {
        change(&database, writes);
    }
    assert_eq!(all(&database, b"i", b"j", Direction::Forward).len(), 1);
    assert!(blocks() <= 2, "{} blocks", blocks());
    change(&database, &last);
    assert_eq!(all(&database, b"i", b"j", Direction::Backward), []);
}

#[test]
fn pairs_that_an_earlier_program_wrote_are_put_into_blocks_after_a_crash_too() {
    let (_at, database) = database();
    let pairs: Model =
        (0..3000).map(|n| (key([b'i', b'n', b'r'][usize::from(n % 3)], n), vec![3; 20])).collect();
    for (key, value) in &pairs {
        database.tree.insert(key, &value[..]).unwrap();
    }
    // A crash after the first pairs were copied, before they were removed.
    let first: Writes =
        pairs.iter().take(500).map(|(key, value)| (key.clone(), Some(value.clone()))).collect();
    change(&database, &first);
    assert_eq!(database.pack().unwrap(), pairs.len());
    assert_eq!(database.pack().unwrap(), 0, "once");
    for kind in [b'i', b'n', b'r'] {
        let expected: Vec<Pair> = pairs.clone().into_iter().filter(|pair| pair.0[0] == kind).collect();
        assert_eq!(all(&database, &[kind], &[kind + 1], Direction::Forward), expected);
        assert_eq!(database.tree.scan_prefix([kind]).count(), 0);
    }
}

/// Values of a mebibyte each, so that a file is soon full.
fn large(numbers: impl IntoIterator<Item = u16>, byte: u8) -> Writes {
    numbers.into_iter().map(|n| (key(b'r', n), Some(vec![byte; 1024 * 1024]))).collect()
}

fn files(at: &Path) -> Vec<String> {
    let names = fs::read_dir(at.join("values")).unwrap();
    let mut names: Vec<String> =
        names.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    names
}

fn bytes_of(database: &Database, n: u16) -> Option<u8> {
    let value = database.get(&key(b'r', n)).unwrap()?;
    assert_eq!(value.len(), 1024 * 1024);
    Some(value[0])
}

#[test]
fn a_file_of_values_goes_when_most_of_it_is_out_of_use_and_what_is_in_use_stays() {
    let (at, database) = database();
    change(&database, &large(0..40, 1));
    assert_eq!(files(at.path()), ["00000001", "00000002", "00000003"]);
    database.tidy().unwrap();
    assert_eq!(files(at.path()).len(), 3, "all of it is in use");
    // Of the first file two thirds are put anew or removed, of the second one nothing.
    change(&database, &large(0..5, 2));
    change(&database, &(5..10).map(|n| (key(b'r', n), None)).collect());
    database.tidy().unwrap();
    assert_eq!(files(at.path()), ["00000002", "00000003", "00000004"]);
    let expected = |n: u16| [Some(2), None, Some(1)][usize::from((n / 5).min(2))];
    assert!((0..40).all(|n| bytes_of(&database, n) == expected(n)));
    database.set_mark(7).unwrap();
    database.force().unwrap();
    drop(database);
    let database = open(at.path());
    assert_eq!(database.mark().unwrap(), 7);
    assert!((0..40).all(|n| bytes_of(&database, n) == expected(n)));
    // How much is in use is known still: the second file goes as soon as it is less than half.
    change(&database, &(16..26).map(|n| (key(b'r', n), None)).collect());
    database.tidy().unwrap();
    assert!(!files(at.path()).contains(&"00000002".to_owned()), "{:?}", files(at.path()));
    assert!((26..40).all(|n| bytes_of(&database, n) == Some(1)));
}

#[test]
fn what_was_removed_before_a_crash_and_not_told_is_counted_after_it() {
    let (at, database) = database();
    change(&database, &large(0..60, 1));
    database.set_mark(1).unwrap();
    // The committer removes at once; how much is in use then is told with the next mark, which does not come.
    let removals: Writes = (0..40).map(|n| (key(b'r', n), None)).collect();
    let mut removals = removals.iter().map(|(key, value)| (&key[..], value.as_deref())).peekable();
    while removals.peek().is_some() {
        database.change_next(&mut removals).unwrap();
    }
    database.force().unwrap();
    drop(database);
    let database = open(at.path());
    database.tidy().unwrap();
    assert_eq!(files(at.path()).len(), 4, "nobody knows");
    database.recount().unwrap();
    database.tidy().unwrap();
    assert_eq!(files(at.path()), ["00000003", "00000004"], "all that are out of use, at once");
    assert!((40..60).all(|n| bytes_of(&database, n) == Some(1)));
}

#[test]
fn what_a_crash_left_behind_the_end_of_the_values_is_cut_off_and_nothing_else() {
    let (at, database) = database();
    change(&database, &large(0..3, 1));
    // Appended, and then the power went.
    let rest = large(3..40, 2);
    let rest = rest.iter().filter_map(|(key, value)| Some((&key[..], value.as_deref()?)));
    database.values.append(rest).unwrap();
    database.force().unwrap();
    let length = |name: &str| fs::metadata(at.path().join("values").join(name)).unwrap().len();
    assert!(files(at.path()).len() > 1 && length("00000001") > 4 * 1024 * 1024);
    drop(database);
    let database = open(at.path());
    assert_eq!(files(at.path()), ["00000001"]);
    assert!((3 * 1024 * 1024..3 * 1024 * 1024 + 1024).contains(&length("00000001")));
    assert!((0..40).all(|n| bytes_of(&database, n) == (n < 3).then_some(1)));
    change(&database, &large(3..6, 3));
    assert!((0..6).all(|n| bytes_of(&database, n) == Some(if n < 3 { 1 } else { 3 })));
    drop(database);
    fs::File::options().write(true).open(at.path().join("values/00000002")).unwrap().set_len(9).unwrap();
    let sled = open_database(at.path()).unwrap();
    let file = File::open(at.path().join("db")).unwrap();
    let again = || Database::open((*sled).clone(), file.try_clone().unwrap(), at.path());
    assert!(matches!(again(), Err(StoreError::Damaged)), "it is shorter: what was told to somebody is lost");
    fs::remove_file(at.path().join("values/00000002")).unwrap();
    assert!(matches!(again(), Err(StoreError::Damaged)), "it is gone");
    sled.remove(b"\0values").unwrap();
    assert!(matches!(again(), Err(StoreError::Damaged)), "where it ends is not known");
    assert!(files(at.path()).contains(&"00000001".to_owned()), "nothing is removed then");
}

#[test]
fn a_damaged_value_is_told_and_its_file_stays_with_all_the_others() {
    let (at, database) = database();
    change(&database, &large(0..20, 1));
    let path = at.path().join("values/00000001");
    let mut bytes = fs::read(&path).unwrap();
    bytes[1024 * 1024 * 9 / 2] ^= 1;
    fs::write(&path, bytes).unwrap();
    assert!(matches!(database.get(&key(b'r', 4)), Err(StoreError::Damaged)));
    assert_eq!(bytes_of(&database, 5), Some(1));
    let found: Vec<_> = database.scan(b"r", b"s", Direction::Forward).collect();
    assert_eq!(found.iter().filter(|pair| pair.is_err()).count(), 1);
    change(&database, &(6..16).map(|n| (key(b'r', n), None)).collect());
    database.tidy().unwrap();
    database.tidy().unwrap();
    assert!(files(at.path()).contains(&"00000001".to_owned()));
    assert!([0, 1, 2, 3, 5, 16].into_iter().all(|n| bytes_of(&database, n) == Some(1)));
}

#[test]
fn who_reads_while_values_are_put_anew_and_moved_finds_each() {
    let (at, database) = database();
    let put = |byte| -> Writes { (0..2000).map(|n| (key(b'r', n), Some(vec![byte; 4096]))).collect() };
    change(&database, &put(0));
    thread::scope(|scope| {
        let writer = scope.spawn(|| {
            for byte in 1..20 {
                // Every second value stays where it is until its file is emptied.
                let even: Writes = put(byte).into_iter().step_by(2).collect();
                change(&database, &even);
                database.tidy().unwrap();
            }
        });
        let mut looks = 0;
        while looks < 2 || !writer.is_finished() {
            looks += 1;
            for direction in [Direction::Forward, Direction::Backward] {
                assert_eq!(all(&database, b"r", b"s", direction).len(), 2000);
            }
            assert!((0..2000).all(|n| database.get(&key(b'r', n)).unwrap().is_some()));
        }
    });
    assert!(files(at.path()).len() < 5, "{:?}", files(at.path()));
}
