//! Keys that serve more than one use case, for a minute: what is sealed to one recipient shares a wrap, and what was
//! sealed so opens after one exchange of keys. X25519 is the dearest step of a small deposit. Why that gives nothing away:
//! `docs/decisions/0057-a-wrap-serves-for-a-minute.md`. Nothing of it is ever stored.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use super::{App, AppError};
use crate::retention::KeyName;
use crate::value::{Millis, SecretBytes, Timestamp};
use crate::vault::{OpenedHeader, Recipient, Sealed, SealingKey, VaultError};

/// How long a key serves.
const LIFE: Millis = Millis::minutes(1);
/// How many keys of each sort are kept; with more, all are made anew.
const KEPT_MAX: usize = 128;

/// The keys of the last minute. Wiped as they are dropped.
#[derive(Default)]
pub(super) struct RecentKeys {
    sealing: Mutex<HashMap<Recipient, Aged<SealingKey>>>,
    opened: Mutex<Vec<(KeyName, Aged<OpenedHeader>)>>,
}

struct Aged<T> {
    made_at: Timestamp,
    key: Arc<T>,
}

impl<T> Aged<T> {
    fn new(key: T, made_at: Timestamp) -> Self {
        Self { made_at, key: Arc::new(key) }
    }

    /// A clock that went backwards makes none live longer.
    fn serves(&self, now: Timestamp) -> bool {
        self.made_at <= now && now < self.made_at + LIFE
    }
}

impl RecentKeys {
    /// Lets go of what is over a minute old.
    pub(super) fn forget_old(&self, now: Timestamp) {
        lock(&self.sealing).retain(|_, aged| aged.serves(now));
        lock(&self.opened).retain(|(_, aged)| aged.serves(now));
    }

    fn sealing(&self, recipient: &Recipient, now: Timestamp) -> Result<Arc<SealingKey>, VaultError> {
        let known = lock(&self.sealing)
            .get(recipient)
            .filter(|aged| aged.serves(now))
            .map(|aged| Arc::clone(&aged.key));
        if let Some(key) = known {
            return Ok(key);
        }
        let made = Aged::new(SealingKey::new(recipient)?, now);
        let key = Arc::clone(&made.key);
        let mut keys = lock(&self.sealing);
        keys.retain(|_, aged| aged.serves(now));
        if keys.len() >= KEPT_MAX {
            keys.clear();
        }
        keys.insert(recipient.clone(), made);
        Ok(key)
    }

    fn opened(&self, name: KeyName, sealed: &Sealed, now: Timestamp) -> Option<Arc<OpenedHeader>> {
        let opened = lock(&self.opened);
        let mut fitting = opened.iter().filter(|(of, aged)| *of == name && aged.serves(now));
        fitting.find(|(_, aged)| aged.key.is_of(sealed)).map(|(_, aged)| Arc::clone(&aged.key))
    }

    fn note_opened(&self, name: KeyName, header: OpenedHeader, now: Timestamp) -> Arc<OpenedHeader> {
        let aged = Aged::new(header, now);
        let key = Arc::clone(&aged.key);
        let mut opened = lock(&self.opened);
        opened.retain(|(_, aged)| aged.serves(now));
        if opened.len() >= KEPT_MAX {
            opened.clear();
        }
        opened.push((name, aged));
        key
    }
}

impl App {
    /// A key that seals to a recipient whose identity opens all that is sealed to it anyway: a day's key, a mailbox's.
    pub(super) fn shared_sealing_key(&self, recipient: &Recipient) -> Result<Arc<SealingKey>, AppError> {
        Ok(self.recent_keys.sealing(recipient, self.now().at)?)
    }

    /// Opens what was sealed to a working key of the keyring. Never for the keys of expiry days: those are asked for each
    /// time.
    pub(super) fn open_with(&self, name: KeyName, sealed: &Sealed) -> Result<SecretBytes, AppError> {
        // A key that was destroyed opens nothing any more, whatever is remembered.
        self.keyring.recipient(name)?;
        let now = self.now().at;
        if let Some(header) = self.recent_keys.opened(name, sealed, now) {
            return Ok(header.open(sealed)?);
        }
        let header = OpenedHeader::new(&self.keyring.identity(name)?, sealed)?;
        Ok(self.recent_keys.note_opened(name, header, now).open(sealed)?)
    }
}

fn lock<T>(keys: &Mutex<T>) -> MutexGuard<'_, T> {
    keys.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Day;
    use crate::vault::{Identity, open};

    const NOW: Timestamp = Timestamp(1_800_000_000_000);
    const NAME: KeyName = KeyName::Queue(Day(20_000));

    #[test]
    fn a_key_serves_for_a_minute_and_a_clock_that_goes_back_does_not_prolong_it() {
        let (keys, recipient) = (RecentKeys::default(), Identity::generate().recipient());
        let first = keys.sealing(&recipient, NOW).unwrap();
        let same = |at| Arc::ptr_eq(&first, &keys.sealing(&recipient, at).unwrap());
        assert!(same(NOW + Millis::seconds(59)));
        assert!(!same(NOW + Millis::seconds(60)));
        let (keys, recipient) = (RecentKeys::default(), Identity::generate().recipient());
        let first = keys.sealing(&recipient, NOW).unwrap();
        assert!(!Arc::ptr_eq(&first, &keys.sealing(&recipient, Timestamp(NOW.0 - 1)).unwrap()));
    }

    #[test]
    fn two_recipients_never_share_a_key() {
        let (keys, one, two) = (RecentKeys::default(), Identity::generate(), Identity::generate());
        let sealed = keys.sealing(&one.recipient(), NOW).unwrap().seal(b"lettre").unwrap();
        keys.sealing(&two.recipient(), NOW).unwrap();
        assert_eq!(open(&one, &sealed).unwrap().expose(), b"lettre");
        assert!(matches!(open(&two, &sealed), Err(VaultError::WrongKey)));
    }

    #[test]
    fn what_is_remembered_opens_its_own_header_under_its_own_name_and_is_let_go() {
        let (keys, identity) = (RecentKeys::default(), Identity::generate());
        let key = keys.sealing(&identity.recipient(), NOW).unwrap();
        let (one, two) = (key.seal(b"une").unwrap(), key.seal(b"deux").unwrap());
        keys.note_opened(NAME, OpenedHeader::new(&identity, &one).unwrap(), NOW);
        assert_eq!(keys.opened(NAME, &two, NOW).unwrap().open(&two).unwrap().expose(), b"deux");
        let other = crate::vault::seal(&identity.recipient(), b"trois").unwrap();
        assert!(keys.opened(NAME, &other, NOW).is_none());
        assert!(keys.opened(KeyName::Draft(Day(20_000)), &two, NOW).is_none());
        keys.forget_old(NOW + LIFE);
        assert!(lock(&keys.opened).is_empty() && lock(&keys.sealing).is_empty());
    }
}
