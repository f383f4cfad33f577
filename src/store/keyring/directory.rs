//! The keyring in a directory, with a live mirror in a second one if that is configured.
//!
//! | step of `make` | a crash after it leaves |
//! | --- | --- |
//! | written to the mirror | a key that nobody has used; the next start copies it to the first place |
//! | written to the first place | the key, in every copy |
//!
//! | step of `destroy` | a crash after it leaves |
//! | --- | --- |
//! | name written to `destroyed`, in every copy | a key that no call gives; the next start ends it |
//! | file overwritten and removed, in every copy | nothing |

use std::collections::{BTreeMap, BTreeSet};
use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, RwLock, RwLockReadGuard, RwLockWriteGuard};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use zeroize::Zeroizing;

use super::super::durable;
use super::place::Place;
use crate::app::ports::{Keyring, KeyringError, LogHead, Random, SecretName};
use crate::relay::dkim::DkimKey;
use crate::retention::{ClockAnchor, KeyName, StandingNote, last_standing};
use crate::value::SecretBytes;
use crate::vault::{Identity, Recipient};

/// Notes that a later one replaces are left out at an opening when they are more than this.
const REPLACED_NOTES_MAX: usize = 1000;
const SECRET_NAMES: [SecretName; 5] = [
    SecretName::Pseudonyms,
    SecretName::Repeats,
    SecretName::Codes,
    SecretName::MailTags,
    SecretName::LogSigning,
];

/// Where the keyring is.
#[derive(Debug, Clone)]
pub struct KeyringPlaces {
    /// The keyring's directory, apart from the store.
    pub directory: PathBuf,
    /// A second one, on another disk, kept alike.
    pub mirror: Option<PathBuf>,
    /// The gateway's own identity, an age key file apart from both.
    pub gateway_key_file: PathBuf,
}

/// The keyring in a directory.
pub struct DirectoryKeyring {
    id: Vec<u8>,
    /// The copies, the first place last: a key that is there is in every copy.
    copies: Vec<Place>,
    gateway_key_file: PathBuf,
    /// Never held while a disk is waited for: what is known is told at once, whatever changes.
    known: RwLock<Known>,
    /// Held through each change: changes happen one after the other.
    changes: Mutex<()>,
    // Held while the keyring is open: two gateways on one keyring would each destroy what the other needs.
    _lock: File,
}

/// What need not be read from the disk each time. No identity is in it.
struct Known {
    destroyed: BTreeSet<KeyName>,
    recipients: BTreeMap<KeyName, Recipient>,
    /// The private halves in it are sealed.
    dkim_keys: Vec<DkimKey>,
    /// They stay as they are for as long as the installation lives.
    secrets: BTreeMap<SecretName, Zeroizing<[u8; 32]>>,
}

impl DirectoryKeyring {
    /// Opens a keyring, or makes a new one where there is none; ends what a crash interrupted, and brings the copies
    /// to the same state.
    pub fn open(places: &KeyringPlaces, random: &Arc<dyn Random>) -> Result<Self, KeyringError> {
        let first = Place::open(&places.directory)?;
        let lock = lock(&places.directory.join("lock"))?;
        let mut copies =
            places.mirror.iter().map(|mirror| Place::open(mirror)).collect::<Result<Vec<_>, _>>()?;
        copies.push(first);
        let id = identify(&copies, random)?;
        let known = Known {
            destroyed: BTreeSet::new(),
            recipients: BTreeMap::new(),
            dkim_keys: Vec::new(),
            secrets: BTreeMap::new(),
        };
        let gateway_key_file = places.gateway_key_file.clone();
        let keyring = Self {
            id,
            copies,
            gateway_key_file,
            known: RwLock::new(known),
            changes: Mutex::default(),
            _lock: lock,
        };
        keyring.reconcile()?;
        Ok(keyring)
    }

    /// Ends interrupted destructions, copies keys and secrets that a copy lacks.
    fn reconcile(&self) -> Result<(), KeyringError> {
        let mut known = self.known_mut();
        for copy in &self.copies {
            known.destroyed.extend(copy.destroyed()?);
        }
        for copy in &self.copies {
            if copy.destroyed()? != known.destroyed {
                copy.set_destroyed(&known.destroyed)?;
            }
        }
        for name in self.existing()? {
            if known.destroyed.contains(&name) {
                self.copies.iter().try_for_each(|copy| copy.wipe_key(name))?;
            } else {
                self.complete(name)?;
            }
        }
        known.dkim_keys = self.reconcile_dkim_keys()?;
        self.reconcile_notes()?;
        self.copies
            .iter()
            .try_for_each(|copy| SECRET_NAMES.iter().try_for_each(|name| self.give(copy, *name)))
    }

    /// Brings the keys that sign mails to the same state in every copy. Of two states of one key the later counts: a key
    /// that was retired in one copy does not come back from the other.
    fn reconcile_dkim_keys(&self) -> Result<Vec<DkimKey>, KeyringError> {
        let of_copies = self.copies.iter().map(Place::dkim_keys).collect::<Result<Vec<_>, _>>()?;
        let mut keys: BTreeMap<_, DkimKey> = BTreeMap::new();
        for key in of_copies.iter().flatten() {
            let name = (key.made_at, key.selector.clone(), key.domain.clone());
            if keys.get(&name).is_none_or(|other| key.state.is_later_than(other.state)) {
                keys.insert(name, key.clone());
            }
        }
        for (copy, has) in self.copies.iter().zip(&of_copies) {
            keys.values().filter(|key| !has.contains(key)).try_for_each(|key| copy.set_dkim_key(key))?;
        }
        Ok(keys.into_values().collect())
    }

    /// Brings the copies' notes, log head and clock anchor to the same state: what one copy alone took, all have.
    fn reconcile_notes(&self) -> Result<(), KeyringError> {
        let of_copies = self.copies.iter().map(Place::standing).collect::<Result<Vec<_>, _>>()?;
        let mut notes = of_copies.last().cloned().unwrap_or_default();
        let missing: Vec<_> = of_copies
            .iter()
            .filter(|of_copy| **of_copy != notes)
            .flatten()
            .filter(|note| !notes.contains(note))
            .cloned()
            .collect();
        if !missing.is_empty() {
            notes.extend(missing);
            notes.sort_by_key(|note| note.at);
        }
        let last = last_standing(&notes);
        if notes.len() > last.len() + REPLACED_NOTES_MAX {
            notes.retain(|note| last.get(&note.subject) == Some(note));
        }
        let heads = self.copies.iter().map(Place::log_head).collect::<Result<Vec<_>, _>>()?;
        let head = heads.iter().flatten().max_by_key(|head| head.frontier.size());
        let anchors = self.copies.iter().map(Place::clock_anchor).collect::<Result<Vec<_>, _>>()?;
        let anchor = anchors.iter().rev().flatten().next();
        for (place, copy) in self.copies.iter().enumerate() {
            // An unfinished line is written over as well: the next note must begin a line of its own.
            if of_copies[place] != notes || !copy.ends_its_notes()? {
                copy.set_standing(&notes)?;
            }
            if let Some(head) = head.filter(|head| heads[place].as_ref() != Some(head)) {
                copy.set_log_head(head)?;
            }
            if let Some(anchor) = anchor.filter(|anchor| anchors[place].as_ref() != Some(anchor)) {
                copy.set_clock_anchor(anchor)?;
            }
        }
        Ok(())
    }

    /// Reads from the first copy that answers, the first place before the mirror. A place that lost its keyring (a disk
    /// that went away) is passed over; it is told when no copy answers.
    fn read_any<T>(
        &self,
        read: impl Fn(&Place) -> Result<Option<T>, KeyringError>,
    ) -> Result<Option<T>, KeyringError> {
        let mut first_error = None;
        for copy in self.copies.iter().rev() {
            match read(copy) {
                Ok(Some(found)) => return Ok(Some(found)),
                Ok(None) => match copy.check(&self.id) {
                    Ok(()) => return Ok(None),
                    Err(error) => drop(first_error.get_or_insert(error)),
                },
                Err(error) => drop(first_error.get_or_insert(error)),
            }
        }
        first_error.map_or(Ok(None), Err)
    }

    /// Does the work on each copy; enough that one succeeds, the others are told to the operator.
    fn at_least_one(
        &self,
        what: &'static str,
        work: impl Fn(&Place) -> Result<(), KeyringError>,
    ) -> Result<(), KeyringError> {
        let mut outcome = Ok(());
        let mut done = false;
        for copy in self.copies.iter().rev() {
            match copy.check(&self.id).and_then(|()| work(copy)) {
                Ok(()) => done = true,
                Err(error) => {
                    tracing::error!(%error, what, "keyring.copy_failed");
                    outcome = Err(error);
                }
            }
        }
        if done { Ok(()) } else { outcome }
    }

    /// Brings a key to every copy, made new when no copy has it.
    fn complete(&self, name: KeyName) -> Result<Recipient, KeyringError> {
        let keys = self.copies.iter().map(|copy| copy.key(name)).collect::<Result<Vec<_>, _>>()?;
        let recipients: Vec<_> = keys.iter().flatten().map(Identity::recipient).collect();
        if recipients.windows(2).any(|pair| pair[0] != pair[1]) {
            return Err(KeyringError::Damaged(format!("{name} differs between the copies")));
        }
        let lacking: Vec<_> = self.copies.iter().zip(&keys).filter(|(_, key)| key.is_none()).collect();
        let new = if recipients.is_empty() { Some(Identity::generate()) } else { None };
        let key = keys.iter().flatten().next().or(new.as_ref()).ok_or(KeyringError::NoKey(name))?;
        lacking.iter().try_for_each(|(copy, _)| copy.write_key(name, key))?;
        Ok(key.recipient())
    }

    /// Gives a copy a secret that it lacks, from the first copy that has it.
    fn give(&self, copy: &Place, name: SecretName) -> Result<(), KeyringError> {
        if copy.secret(name)?.is_some() { Ok(()) } else { copy.write_secret(name, &self.find_secret(name)?) }
    }

    fn find_secret(&self, name: SecretName) -> Result<[u8; 32], KeyringError> {
        let mut outcome = Err(KeyringError::Damaged(format!("the secret {name:?} is missing")));
        for copy in self.copies.iter().rev() {
            match copy.secret(name) {
                Ok(Some(secret)) => return Ok(secret),
                Ok(None) => {}
                Err(error) => outcome = Err(error),
            }
        }
        outcome
    }

    /// Every key that a copy has.
    fn existing(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        let mut names = BTreeSet::new();
        for copy in &self.copies {
            copy.check(&self.id)?;
            names.extend(copy.names()?);
        }
        Ok(names)
    }

    fn known(&self) -> RwLockReadGuard<'_, Known> {
        self.known.read().unwrap_or_else(PoisonError::into_inner)
    }

    fn changing(&self) -> MutexGuard<'_, ()> {
        self.changes.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn is_destroyed(&self, name: KeyName) -> bool {
        self.known().destroyed.contains(&name)
    }

    /// Reads a key. One whose destruction was begun while it was read is not given, whatever the read brought.
    fn read_key(&self, name: KeyName) -> Result<Identity, KeyringError> {
        if self.is_destroyed(name) {
            return Err(KeyringError::NoKey(name));
        }
        let read = self.read_any(|copy| copy.key(name));
        if self.is_destroyed(name) {
            return Err(KeyringError::NoKey(name));
        }
        read?.ok_or(KeyringError::NoKey(name))
    }

    fn known_mut(&self) -> RwLockWriteGuard<'_, Known> {
        self.known.write().unwrap_or_else(PoisonError::into_inner)
    }
}

/// The id that all copies share. A new keyring gets its secrets before its id. A mirror without one is taken in once;
/// later it is a mirror that is not mounted.
fn identify(copies: &[Place], random: &Arc<dyn Random>) -> Result<Vec<u8>, KeyringError> {
    let ids = copies.iter().map(Place::id).collect::<Result<Vec<_>, _>>()?;
    let id = match ids.last().cloned().flatten() {
        Some(id) => id,
        None if ids.iter().any(Option::is_some) => {
            return Err(KeyringError::Damaged("the mirror holds a keyring, the directory none".to_owned()));
        }
        None => make_new(copies, random)?,
    };
    let Some((first, mirrors)) = copies.split_last() else { return Ok(id) };
    if first.id()?.is_none() {
        first.set_id(&id)?;
    }
    for mirror in mirrors {
        if mirror.id()?.is_none() && !first.is_mirrored() {
            mirror.set_id(&id)?;
        }
        mirror.check(&id)?;
        first.set_mirrored()?;
    }
    Ok(id)
}

fn make_new(copies: &[Place], random: &Arc<dyn Random>) -> Result<Vec<u8>, KeyringError> {
    let Some(first) = copies.last() else { return Ok(Vec::new()) };
    for name in SECRET_NAMES {
        first.write_secret(name, &random.bytes::<32>())?;
    }
    Ok(BASE64.encode(random.bytes::<16>()).into_bytes())
}

fn lock(path: &Path) -> Result<File, KeyringError> {
    let file = File::options().write(true).create(true).truncate(false).open(path);
    let file = file.map_err(KeyringError::Unavailable)?;
    file.try_lock().map_err(|error| KeyringError::Unavailable(error.into()))?;
    Ok(file)
}

impl Keyring for DirectoryKeyring {
    fn recipient(&self, name: KeyName) -> Result<Recipient, KeyringError> {
        if let Some(recipient) = self.known().recipients.get(&name) {
            return Ok(recipient.clone());
        }
        let recipient = self.read_key(name)?.recipient();
        let mut known = self.known_mut();
        if known.destroyed.contains(&name) {
            return Err(KeyringError::NoKey(name));
        }
        known.recipients.insert(name, recipient.clone());
        Ok(recipient)
    }

    fn identity(&self, name: KeyName) -> Result<Identity, KeyringError> {
        self.read_key(name)
    }

    /// A key that is still in a copy is named, so that its destruction is asked for again.
    fn names(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        self.existing()
    }

    fn destroyed(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        Ok(self.known().destroyed.clone())
    }

    fn make(&self, name: KeyName) -> Result<(), KeyringError> {
        let _one_at_a_time = self.changing();
        if self.is_destroyed(name) {
            return Err(KeyringError::NoKey(name));
        }
        self.copies.iter().try_for_each(|copy| copy.check(&self.id))?;
        let recipient = self.complete(name)?;
        self.known_mut().recipients.insert(name, recipient);
        Ok(())
    }

    fn destroy(&self, name: KeyName) -> Result<(), KeyringError> {
        let _one_at_a_time = self.changing();
        let destroyed = {
            let mut known = self.known_mut();
            known.recipients.remove(&name);
            known.destroyed.insert(name);
            known.destroyed.clone()
        };
        // A copy that fails does not spare the others.
        let marked = attempt_all(&self.copies, |copy| {
            copy.check(&self.id)?;
            copy.set_destroyed(&destroyed)
        });
        let wiped = attempt_all(&self.copies, |copy| {
            copy.check(&self.id)?;
            copy.wipe_key(name)
        });
        marked.and(wiped)
    }

    fn secret(&self, name: SecretName) -> Result<[u8; 32], KeyringError> {
        if let Some(secret) = self.known().secrets.get(&name) {
            return Ok(**secret);
        }
        let secret = self.find_secret(name)?;
        self.known_mut().secrets.insert(name, Zeroizing::new(secret));
        Ok(secret)
    }

    fn gateway(&self) -> Result<Identity, KeyringError> {
        let damaged = || KeyringError::Damaged("the gateway's key file is no age identity".to_owned());
        let bytes = std::fs::read(&self.gateway_key_file).map_err(KeyringError::Unavailable)?;
        let bytes = SecretBytes::new(bytes);
        Identity::parse(std::str::from_utf8(bytes.expose()).map_err(|_| damaged())?).map_err(|_| damaged())
    }

    fn clock_anchor(&self) -> Result<Option<ClockAnchor>, KeyringError> {
        self.read_any(Place::clock_anchor)
    }

    fn set_clock_anchor(&self, anchor: &ClockAnchor) -> Result<(), KeyringError> {
        let _one_at_a_time = self.changing();
        self.at_least_one("clock anchor", |copy| copy.set_clock_anchor(anchor))
    }

    fn note_standing(&self, notes: &[StandingNote]) -> Result<(), KeyringError> {
        let _one_at_a_time = self.changing();
        self.at_least_one("standing notes", |copy| copy.add_standing(notes))
    }

    fn standing(&self) -> Result<Vec<StandingNote>, KeyringError> {
        let _no_change_meanwhile = self.changing();
        let found =
            self.read_any(|copy| copy.standing().map(|notes| (!notes.is_empty()).then_some(notes)))?;
        Ok(found.unwrap_or_default())
    }

    fn dkim_keys(&self) -> Result<Vec<DkimKey>, KeyringError> {
        Ok(self.known().dkim_keys.clone())
    }

    fn set_dkim_key(&self, key: &DkimKey) -> Result<(), KeyringError> {
        let _one_at_a_time = self.changing();
        attempt_all(&self.copies, |copy| {
            copy.check(&self.id)?;
            copy.set_dkim_key(key)
        })?;
        let mut known = self.known_mut();
        known.dkim_keys.retain(|other| (&other.selector, &other.domain) != (&key.selector, &key.domain));
        known.dkim_keys.push(key.clone());
        known.dkim_keys.sort_by_key(|key| (key.made_at, key.selector.clone()));
        Ok(())
    }

    fn log_head(&self) -> Result<Option<LogHead>, KeyringError> {
        self.read_any(Place::log_head)
    }

    fn set_log_head(&self, head: &LogHead) -> Result<(), KeyringError> {
        let _one_at_a_time = self.changing();
        self.at_least_one("log head", |copy| copy.set_log_head(head))
    }
}

/// Does the work on each copy; the first error is reported after all were tried.
fn attempt_all(
    copies: &[Place],
    work: impl Fn(&Place) -> Result<(), KeyringError>,
) -> Result<(), KeyringError> {
    copies.iter().map(work).fold(Ok(()), Result::and)
}

/// Makes the gateway's own identity as an age key file; refuses where there is a file.
pub fn make_gateway_key_file(path: &Path) -> Result<Recipient, KeyringError> {
    let key = Identity::generate();
    let mut text = format!("# Pli, key of the gateway\n# public key: {}\n", key.recipient()).into_bytes();
    text.reserve_exact(128);
    text.extend_from_slice(key.expose().expose());
    text.push(b'\n');
    let text = SecretBytes::new(text);
    let written = durable::create_file(path).and_then(|mut file| {
        file.write_all(text.expose())?;
        file.sync_all()?;
        durable::sync_directory(durable::parent_of(path))
    });
    written.map_err(KeyringError::Unavailable)?;
    Ok(key.recipient())
}
