//! What is written until the disk is gone, and how it is checked afterwards. A number stands for each unit and each
//! object, so that what must be there can be told from the number alone.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::io::{Read, Write};
use std::path::Path;
use std::sync::Arc;

use pli::app::ports::{
    Change, Entry, Key, List, ObjectError, Objects, PersonName, Record, Store, UnitOfWork,
};
use pli::audit::{self, Action, Actor, Event, Frontier, Object, Origin, Outcome};
use pli::store::{DirectoryObjects, EmbeddedStore, SystemRandom};
use pli::transfer::{ObjectLocator, Repeat};
use pli::value::{Day, Digest, MailAddress, PersonId, Reference, Timestamp, TransferId};
use pli::vault::AGE_MAGIC;
use tokio::task::JoinHandle;

const UNIT_WRITERS: u64 = 16;
const OBJECT_WRITERS: u64 = 16;
/// Numbers of one round.
const ROUND: u64 = 1_000_000;
/// Records that each writer writes over and over, so that the store's file is tidied while it is cut off.
const OVERWRITTEN: u64 = 40;
const TODAY: Day = Day(20_778);

/// What the writer was told is durable.
#[derive(Default)]
pub struct Acknowledged {
    /// Number and place in the log of each unit.
    units: BTreeMap<u64, u64>,
    objects: BTreeMap<u64, ObjectLocator>,
}

impl Acknowledged {
    /// Notes a line of the writer's output; false for another, which the test harness wrote.
    pub fn note(&mut self, line: &str) -> bool {
        let words: Vec<_> = line.split(' ').collect();
        match words.as_slice() {
            ["unit", number, place] => {
                self.units.insert(number.parse().unwrap(), place.parse().unwrap());
                true
            }
            ["object", number, locator] => {
                self.objects.insert(number.parse().unwrap(), ObjectLocator((*locator).to_owned()));
                true
            }
            _ => false,
        }
    }
}

impl fmt::Display for Acknowledged {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} units and {} objects", self.units.len(), self.objects.len())
    }
}

/// What is written in a round.
#[derive(Debug, Clone, Copy)]
pub enum Load {
    /// Units of work.
    Units,
    /// Sealed objects.
    Objects,
}

impl Load {
    /// They take turns.
    pub fn of(round: u64) -> Self {
        if round.is_multiple_of(2) { Self::Units } else { Self::Objects }
    }
}

/// Writes, and says what is acknowledged, until the disk is gone.
pub fn write_until_cut_off(directory: &Path, round: u64, load: Load) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let tasks = match load {
            Load::Units => write_units(directory, round),
            Load::Objects => write_objects(directory, round),
        };
        for task in tasks {
            task.await.unwrap();
        }
    });
}

fn write_units(directory: &Path, round: u64) -> Vec<JoinHandle<()>> {
    let store = Arc::new(EmbeddedStore::open(&directory.join("store")).unwrap());
    let write = |writer| {
        let store = Arc::clone(&store);
        tokio::spawn(async move {
            for turn in 0.. {
                let number = round * ROUND + turn * UNIT_WRITERS + writer;
                let Ok(committed) = store.commit(unit(number)).await else { return };
                tell(&format!("unit {number} {}", committed.first_entry));
            }
        })
    };
    (0..UNIT_WRITERS).map(write).collect()
}

fn write_objects(directory: &Path, round: u64) -> Vec<JoinHandle<()>> {
    let objects = Arc::new(open_objects(directory));
    let write = |writer| {
        let objects = Arc::clone(&objects);
        tokio::spawn(async move {
            for turn in 0.. {
                let number = round * ROUND + turn * OBJECT_WRITERS + writer;
                let Some(locator) = put(&objects, number).await else { return };
                tell(&format!("object {number} {}", locator.0));
            }
        })
    };
    (0..OBJECT_WRITERS).map(write).collect()
}

/// Puts objects until the disk is full. What was acknowledged is whole, the rest is not there, and erasing makes room.
pub fn fill_with_objects(directory: &Path) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let objects = open_objects(directory);
        let mut acknowledged = Acknowledged::default();
        let large = 3;
        for number in [0, 1, large, 4] {
            acknowledged.objects.insert(number, put(&objects, number).await.unwrap());
        }
        let mut huge = objects.create(TODAY).await.unwrap();
        let mut refused = huge.write(&object(0)).await;
        for _ in 0..8 {
            refused = refused.and(huge.write(&vec![7; 1024 * 1024]).await);
        }
        refused = refused.and(huge.finish().await.map(|_| ()));
        assert!(matches!(refused, Err(ObjectError::Unavailable(_))), "{refused:?}");
        assert_eq!(std::fs::read_dir(directory.join("objects/incoming")).unwrap().count(), 0);

        let mut number = 100;
        while let Some(locator) = put(&objects, number).await {
            acknowledged.objects.insert(number, locator);
            number += 1;
        }
        check_objects(&objects, &acknowledged).await;
        objects.erase(&[acknowledged.objects.remove(&large).unwrap()]).await.unwrap();
        acknowledged.objects.insert(number, put(&objects, number).await.unwrap());
        drop(objects);
        check_objects(&open_objects(directory), &acknowledged).await;
    });
}

/// Commits until the disk is full; what was acknowledged is there once there is room again.
pub fn fill_with_units(directory: &Path) {
    let ballast = directory.join("ballast");
    // To open, the store needs as much room as its journal holds: it is put into sled first.
    std::fs::write(&ballast, vec![7; 16 * 1024 * 1024]).unwrap();
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = EmbeddedStore::open(&directory.join("store")).unwrap();
        let mut acknowledged = Acknowledged::default();
        for number in 0.. {
            let Ok(committed) = store.commit(unit(number)).await else { break };
            acknowledged.units.insert(number, committed.first_entry);
        }
        assert!(store.log().await.is_err(), "after an error nothing is certain");
        drop(store);
        std::fs::remove_file(ballast).unwrap();
        let store = EmbeddedStore::open(&directory.join("store")).unwrap();
        check_units(&store, &acknowledged).await;
        store.commit(unit(ROUND)).await.unwrap();
    });
}

/// One write a line: a line is told whole or not at all.
fn tell(line: &str) {
    let mut output = std::io::stdout().lock();
    output.write_all(format!("\n{line}\n").as_bytes()).unwrap();
    output.flush().unwrap();
}

/// Checks that what was acknowledged is there, and that what is there is whole.
pub fn check(directory: &Path, acknowledged: &Acknowledged) {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build().unwrap();
    runtime.block_on(async {
        let store = EmbeddedStore::open(&directory.join("store")).unwrap();
        check_units(&store, acknowledged).await;
        check_objects(&open_objects(directory), acknowledged).await;
    });
}

async fn check_units(store: &EmbeddedStore, acknowledged: &Acknowledged) {
    let mut tree = Frontier::default();
    let mut logged = BTreeSet::new();
    for leaf in store.leaves(0, usize::MAX).await.unwrap() {
        let entry = leaf.entry.unwrap();
        assert_eq!(leaf.index, tree.size(), "the log has a gap");
        assert_eq!(leaf.leaf, entry.leaf(), "entry {} is not the one that was hashed", leaf.index);
        tree.append(leaf.leaf);
        let number = u64::from_be_bytes(entry.salt()[..8].try_into().unwrap());
        logged.insert(number);
        if let Some(place) = acknowledged.units.get(&number) {
            assert!(leaf.index == *place || leaf.index == place + 1, "entry of unit {number} moved");
        }
    }
    assert_eq!(store.log().await.unwrap(), tree, "the tree is not that of the entries");
    let repeats = store.list(&List::RepeatsAcceptedBefore(Timestamp(i64::MAX)), usize::MAX).await.unwrap();
    let mut kept = BTreeSet::new();
    for found in repeats {
        let number = u64::try_from(Repeat::try_from(found.record).unwrap().accepted_at.0).unwrap();
        assert!(kept.insert(number));
        check_overwritten(store, number).await;
    }
    assert_eq!(kept, logged, "a unit is there by half: its record or its entries");
    assert_eq!(tree.size(), 2 * kept.len() as u64, "each unit has two entries");
    for number in acknowledged.units.keys() {
        assert!(kept.contains(number), "unit {number} was acknowledged and is lost");
    }
}

/// The record that unit `number` overwrote is as new as that, or newer.
async fn check_overwritten(store: &EmbeddedStore, number: u64) {
    let found = store.get(&Key::Person(person_id(number))).await.unwrap();
    let person = PersonName::try_from(found.unwrap().record).unwrap();
    assert!(
        person.met_at.0 >= i64::try_from(number).unwrap(),
        "the record of unit {number} went back in time"
    );
}

async fn check_objects(objects: &DirectoryObjects, acknowledged: &Acknowledged) {
    for (number, locator) in &acknowledged.objects {
        let mut bytes = Vec::new();
        let reader = objects.open(locator).await;
        let mut reader = reader.unwrap_or_else(|error| panic!("object {number} at {locator:?}: {error}"));
        reader.read_to_end(&mut bytes).unwrap();
        assert!(bytes == object(*number), "object {number} at {locator:?} is not what was acknowledged");
    }
}

fn open_objects(directory: &Path) -> DirectoryObjects {
    DirectoryObjects::open(&directory.join("objects"), Arc::new(SystemRandom)).unwrap()
}

/// A unit of about the size of a small deposit: a record of its own, one that is overwritten, two entries.
fn unit(number: u64) -> UnitOfWork {
    let at = Timestamp(i64::try_from(number).unwrap());
    let address = MailAddress::parse("anne.exemple@departement.example").unwrap();
    let person = PersonName { person: person_id(number), address, met_at: at };
    let repeat = Repeat {
        digest: Digest::of(&number.to_be_bytes()),
        transfer: TransferId::new([7; 16]),
        reference: Reference::new(number.to_be_bytes()),
        accepted_at: at,
    };
    UnitOfWork {
        changes: [Record::from(person), repeat.into()].into_iter().map(Change::Put).collect(),
        entries: vec![entry(number, 0), entry(number, 1)],
        ..UnitOfWork::default()
    }
}

fn person_id(number: u64) -> PersonId {
    let writer = number % UNIT_WRITERS;
    let turn = number / UNIT_WRITERS % OVERWRITTEN;
    PersonId::new(u128::from(writer * OVERWRITTEN + turn).to_be_bytes())
}

fn entry(number: u64, which: u8) -> Entry {
    let at = Timestamp(i64::try_from(number).unwrap());
    let event =
        Event::new(at, Actor::System, Action::GatewayStarted, Object::None, Outcome::Done, Origin::Job);
    let mut salt = [which; 16];
    salt[..8].copy_from_slice(&number.to_be_bytes());
    Entry { event, entry: audit::Entry::new(&event, salt).unwrap() }
}

async fn put(objects: &DirectoryObjects, number: u64) -> Option<ObjectLocator> {
    let mut writer = objects.create(TODAY).await.ok()?;
    writer.write(&object(number)).await.ok()?;
    writer.finish().await.ok()
}

/// Mostly small; one in seventeen has a file of its own.
fn object(number: u64) -> Vec<u8> {
    let length =
        if number % 17 == 3 { 300_000 } else { 1000 + usize::try_from(number * 7919 % 20_000).unwrap() };
    let mut bytes = AGE_MAGIC.to_vec();
    while bytes.len() < length {
        bytes.extend_from_slice(Digest::of(&(number + bytes.len() as u64).to_be_bytes()).as_bytes());
    }
    bytes
}
