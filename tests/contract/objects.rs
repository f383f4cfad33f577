//! `Objects`: sealed or refused, whole or not there, erased for good.

use std::fs;
use std::io::Read;
use std::path::Path;
use std::sync::Arc;

use pli::app::ports::{ObjectError, Objects};
use pli::store::{DirectoryObjects, SystemRandom};
use pli::transfer::ObjectLocator;
use pli::value::Day;
use pli::vault::AGE_MAGIC;

const TODAY: Day = Day(20_778);

fn reopen(at: &Path) -> DirectoryObjects {
    DirectoryObjects::open(at, Arc::new(SystemRandom)).unwrap()
}

/// Bytes that begin as an age file, of this length, unlike those of another seed.
fn sealed(seed: u64, length: usize) -> Vec<u8> {
    let mut bytes = AGE_MAGIC.to_vec();
    let mut state = seed.wrapping_mul(0x9E37_79B9_7F4A_7C15) | 1;
    while bytes.len() < length {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        bytes.extend_from_slice(&state.to_le_bytes());
    }
    bytes.truncate(length);
    bytes
}

async fn put(objects: &dyn Objects, day: Day, bytes: &[u8]) -> ObjectLocator {
    let mut writer = objects.create(day).await.unwrap();
    for piece in bytes.chunks(70_000) {
        writer.write(piece).await.unwrap();
    }
    writer.finish().await.unwrap()
}

async fn get(objects: &dyn Objects, locator: &ObjectLocator) -> Result<Vec<u8>, ObjectError> {
    let mut reader = objects.open(locator).await?;
    let mut bytes = Vec::new();
    reader.read_to_end(&mut bytes).map_err(ObjectError::Unavailable)?;
    Ok(bytes)
}

async fn is_missing(objects: &dyn Objects, locator: &ObjectLocator) -> bool {
    matches!(get(objects, locator).await, Err(ObjectError::Missing))
}

/// Every file below a directory, but the lock.
fn files(at: &Path) -> Vec<std::path::PathBuf> {
    let entries = fs::read_dir(at).unwrap().map(|entry| entry.unwrap().path());
    let below = |path: std::path::PathBuf| if path.is_dir() { files(&path) } else { vec![path] };
    entries.flat_map(below).filter(|path| !path.ends_with("lock")).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn objects_of_every_size_come_back_byte_for_byte_also_after_a_restart() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    let mebibyte = 1024 * 1024;
    let sizes = [22, 23, 4096, 256 * 1024 - 1, 256 * 1024, 256 * 1024 + 1, mebibyte, 5 * mebibyte + 7];
    let mut kept = Vec::new();
    for size in sizes {
        let bytes = sealed(size as u64, size);
        kept.push((put(&objects, TODAY, &bytes).await, bytes));
    }
    for (locator, bytes) in &kept {
        assert_eq!(&get(&objects, locator).await.unwrap(), bytes, "{locator:?}");
    }
    drop(objects);
    let objects = reopen(at.path());
    for (locator, bytes) in &kept {
        assert_eq!(&get(&objects, locator).await.unwrap(), bytes, "{locator:?} after a restart");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_not_sealed_is_refused_and_leaves_nothing() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    for clear in
        [b"%PDF-1.7 a letter in clear".as_slice(), b"age-encryption.org/v1", b"age-encryption.org/v2\n..."]
    {
        let mut writer = objects.create(TODAY).await.unwrap();
        assert!(matches!(writer.write(clear).await, Err(ObjectError::NotSealed)), "{clear:?} was taken");
        assert!(writer.write(&sealed(1, 100)).await.is_err(), "what was refused stays refused");
        assert!(writer.finish().await.is_err());
    }
    let nothing = objects.create(TODAY).await.unwrap();
    assert!(matches!(nothing.finish().await, Err(ObjectError::NotSealed)));
    assert_eq!(files(at.path()), [] as [std::path::PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn an_object_that_is_dropped_before_its_end_leaves_nothing() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    for size in [1000, 300_000, 3_000_000] {
        let mut writer = objects.create(TODAY).await.unwrap();
        for piece in sealed(1, size).chunks(65_536) {
            writer.write(piece).await.unwrap();
        }
        drop(writer);
    }
    assert_eq!(files(at.path()), [] as [std::path::PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn what_a_crash_left_half_received_is_removed_at_the_start() {
    let at = tempfile::tempdir().unwrap();
    drop(reopen(at.path()));
    fs::write(at.path().join("incoming/half.part"), sealed(1, 1000)).unwrap();
    let _objects = reopen(at.path());
    assert_eq!(files(at.path()), [] as [std::path::PathBuf; 0]);
}

#[tokio::test(flavor = "multi_thread")]
async fn erased_objects_are_gone_and_their_neighbours_stay() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    let mut kept = Vec::new();
    for (n, size) in [100, 50_000, 400_000, 9000, 100, 700_000].into_iter().enumerate() {
        let bytes = sealed(n as u64, size);
        kept.push((put(&objects, TODAY, &bytes).await, bytes));
    }
    let erased: Vec<_> = kept.iter().skip(1).step_by(2).map(|(locator, _)| locator.clone()).collect();
    objects.erase(&erased).await.unwrap();
    objects.erase(&erased).await.unwrap();
    for (n, (locator, bytes)) in kept.iter().enumerate() {
        if n % 2 == 1 {
            assert!(is_missing(&objects, locator).await, "{locator:?} can still be read");
            assert!(!holds(at.path(), &bytes[22..]), "the bytes of {locator:?} are still on the disk");
        } else {
            assert_eq!(&get(&objects, locator).await.unwrap(), bytes);
        }
    }
}

/// Whether a file below a directory holds these bytes, or their first 4 KiB.
fn holds(at: &Path, bytes: &[u8]) -> bool {
    let needle = &bytes[..bytes.len().min(4096)];
    files(at).iter().any(|file| fs::read(file).unwrap().windows(needle.len()).any(|window| window == needle))
}

#[tokio::test(flavor = "multi_thread")]
async fn a_locator_that_was_tampered_with_reads_and_erases_nothing() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    let (first, second) = (sealed(1, 5000), sealed(2, 5000));
    let (a, b) = (put(&objects, TODAY, &first).await, put(&objects, TODAY, &second).await);
    let (pack, _) = a.0.rsplit_once('/').unwrap();
    for forged in [
        format!("{pack}/16+10032"),
        format!("{pack}/17+5000"),
        format!("{pack}/0+5000"),
        format!("{pack}/99999+5000"),
        format!("{pack}/../../../x/16+5000"),
        "f/2026-11-21/../../lock".to_owned(),
        "lock".to_owned(),
    ] {
        let forged = ObjectLocator(forged);
        assert!(is_missing(&objects, &forged).await, "{forged:?} was read");
        objects.erase(&[forged]).await.unwrap();
    }
    assert_eq!(get(&objects, &a).await.unwrap(), first);
    assert_eq!(get(&objects, &b).await.unwrap(), second);
    assert!(at.path().join("lock").exists());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_sweep_ends_whatever_was_begun_before_its_day() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    let mut old = Vec::new();
    for day in [TODAY.plus(-2), TODAY.plus(-1)] {
        for size in [100, 400_000] {
            old.push(put(&objects, day, &sealed(9, size)).await);
        }
    }
    let kept = [put(&objects, TODAY, &sealed(1, 100)).await, put(&objects, TODAY, &sealed(2, 400_000)).await];
    assert_eq!(
        objects.sweep(TODAY).await.unwrap(),
        4,
        "two days, a directory of files and one of packs each"
    );
    assert_eq!(objects.sweep(TODAY).await.unwrap(), 0);
    for locator in &old {
        assert!(is_missing(&objects, locator).await);
    }
    assert_eq!(get(&objects, &kept[0]).await.unwrap(), sealed(1, 100));
    assert_eq!(get(&objects, &kept[1]).await.unwrap(), sealed(2, 400_000));
    // A writer that still holds yesterday's date gets a new pack, not the one that was removed under it.
    let late = put(&objects, TODAY.plus(-1), &sealed(3, 100)).await;
    assert_eq!(get(&objects, &late).await.unwrap(), sealed(3, 100));
}

#[tokio::test(flavor = "multi_thread")]
async fn many_writers_at_once_each_get_their_own_bytes_back() {
    let at = tempfile::tempdir().unwrap();
    let objects: Arc<dyn Objects> = Arc::new(reopen(at.path()));
    let tasks = (0..64).map(|writer| {
        let objects = Arc::clone(&objects);
        tokio::spawn(async move {
            let mut kept = Vec::new();
            for n in 0..10 {
                let size = 200 + usize::try_from((writer * 7919 + n * 104_729) % 300_000_u64).unwrap();
                let bytes = sealed(writer * 100 + n, size);
                kept.push((put(&*objects, TODAY, &bytes).await, bytes));
            }
            kept
        })
    });
    let mut locators = std::collections::BTreeSet::new();
    for task in tasks.collect::<Vec<_>>() {
        for (locator, bytes) in task.await.unwrap() {
            assert_eq!(get(&*objects, &locator).await.unwrap(), bytes);
            assert!(locators.insert(locator), "a locator was given twice");
        }
    }
    assert_eq!(locators.len(), 640);
}

#[tokio::test(flavor = "multi_thread")]
async fn two_gateways_do_not_share_an_object_store() {
    let at = tempfile::tempdir().unwrap();
    let _first = reopen(at.path());
    let second = DirectoryObjects::open(at.path(), Arc::new(SystemRandom));
    assert!(matches!(second, Err(ObjectError::Unavailable(_))));
}

#[tokio::test(flavor = "multi_thread")]
async fn what_is_kept_unfinished_can_be_read_after_a_restart_but_for_its_end() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    let bytes = sealed(7, 3 * 1024 * 1024 + 11);
    let (finished, mut writer) = objects.create_kept(TODAY).await.unwrap();
    assert!(is_missing(&objects, &finished).await, "nothing is there before the first byte");
    for piece in bytes.chunks(70_000) {
        writer.write(piece).await.unwrap();
    }
    assert_eq!(writer.finish().await.unwrap(), finished);
    let (unfinished, mut writer) = objects.create_kept(TODAY).await.unwrap();
    for piece in bytes.chunks(70_000) {
        writer.write(piece).await.unwrap();
    }
    drop((writer, objects));

    let objects = reopen(at.path());
    assert_eq!(get(&objects, &finished).await.unwrap(), bytes);
    let beginning = get(&objects, &unfinished).await.unwrap();
    assert!(bytes.starts_with(&beginning));
    assert!(bytes.len() - beginning.len() <= 512 * 1024, "{} bytes were lost", bytes.len() - beginning.len());
    objects.erase(&[unfinished.clone(), finished.clone()]).await.unwrap();
    assert!(is_missing(&objects, &unfinished).await && is_missing(&objects, &finished).await);
    assert_eq!(files(at.path()), Vec::<std::path::PathBuf>::new());
}

#[tokio::test(flavor = "multi_thread")]
async fn nothing_in_clear_is_kept_unfinished() {
    let at = tempfile::tempdir().unwrap();
    let objects = reopen(at.path());
    let (locator, mut writer) = objects.create_kept(TODAY).await.unwrap();
    let clear = vec![b'M'; 600_000];
    assert!(matches!(writer.write(&clear).await, Err(ObjectError::NotSealed)));
    assert!(writer.write(&sealed(1, 600_000)).await.is_err(), "what was refused takes nothing more");
    drop(writer);
    assert!(is_missing(&objects, &locator).await);
    let (_, writer) = objects.create_kept(TODAY).await.unwrap();
    assert!(matches!(writer.finish().await, Err(ObjectError::NotSealed)), "nothing is no object");
    assert_eq!(files(at.path()), Vec::<std::path::PathBuf>::new());
}
