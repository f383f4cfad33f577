//! The keyring in memory, for tests: it forgets everything at the end of the process.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use crate::app::ports::{Keyring, KeyringError, LogHead, Random, SecretName};
use crate::relay::dkim::DkimKey;
use crate::retention::{ClockAnchor, KeyName, StandingNote};
use crate::value::{Digest, SecretBytes};
use crate::vault::{Identity, Recipient};

/// A keyring that keeps nothing on a disk.
pub struct MemoryKeyring {
    master: [u8; 32],
    gateway: SecretBytes,
    state: Mutex<State>,
}

#[derive(Default)]
struct State {
    keys: BTreeMap<KeyName, SecretBytes>,
    destroyed: BTreeSet<KeyName>,
    anchor: Option<ClockAnchor>,
    standing: Vec<StandingNote>,
    log_head: Option<LogHead>,
    dkim_keys: Vec<DkimKey>,
}

impl MemoryKeyring {
    /// A new keyring, with a gateway's identity and secrets of its own.
    pub fn new(random: &Arc<dyn Random>) -> Self {
        Self {
            master: random.bytes::<32>(),
            gateway: Identity::generate().expose(),
            state: Mutex::new(State::default()),
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn parse(key: &SecretBytes) -> Result<Identity, KeyringError> {
    let damaged = || KeyringError::Damaged("a key in memory".to_owned());
    Identity::parse(std::str::from_utf8(key.expose()).map_err(|_| damaged())?).map_err(|_| damaged())
}

impl Keyring for MemoryKeyring {
    fn recipient(&self, name: KeyName) -> Result<Recipient, KeyringError> {
        self.identity(name).map(|key| key.recipient())
    }

    fn identity(&self, name: KeyName) -> Result<Identity, KeyringError> {
        parse(self.state().keys.get(&name).ok_or(KeyringError::NoKey(name))?)
    }

    fn names(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        Ok(self.state().keys.keys().copied().collect())
    }

    fn destroyed(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        Ok(self.state().destroyed.clone())
    }

    fn make(&self, name: KeyName) -> Result<(), KeyringError> {
        let mut state = self.state();
        if state.destroyed.contains(&name) {
            return Err(KeyringError::NoKey(name));
        }
        state.keys.entry(name).or_insert_with(|| Identity::generate().expose());
        Ok(())
    }

    fn destroy(&self, name: KeyName) -> Result<(), KeyringError> {
        let mut state = self.state();
        state.keys.remove(&name);
        state.destroyed.insert(name);
        Ok(())
    }

    fn secret(&self, name: SecretName) -> Result<[u8; 32], KeyringError> {
        let label = match name {
            SecretName::Pseudonyms => 1,
            SecretName::Repeats => 2,
            SecretName::Codes => 3,
            SecretName::LogSigning => 4,
            SecretName::MailTags => 5,
        };
        let mut input = self.master.to_vec();
        input.push(label);
        Ok(*Digest::of(&input).as_bytes())
    }

    fn gateway(&self) -> Result<Identity, KeyringError> {
        parse(&self.gateway)
    }

    fn clock_anchor(&self) -> Result<Option<ClockAnchor>, KeyringError> {
        Ok(self.state().anchor.clone())
    }

    fn set_clock_anchor(&self, anchor: &ClockAnchor) -> Result<(), KeyringError> {
        self.state().anchor = Some(anchor.clone());
        Ok(())
    }

    fn note_standing(&self, notes: &[StandingNote]) -> Result<(), KeyringError> {
        self.state().standing.extend_from_slice(notes);
        Ok(())
    }

    fn standing(&self) -> Result<Vec<StandingNote>, KeyringError> {
        Ok(self.state().standing.clone())
    }

    fn dkim_keys(&self) -> Result<Vec<DkimKey>, KeyringError> {
        Ok(self.state().dkim_keys.clone())
    }

    fn set_dkim_key(&self, key: &DkimKey) -> Result<(), KeyringError> {
        let keys = &mut self.state().dkim_keys;
        keys.retain(|other| (&other.selector, &other.domain) != (&key.selector, &key.domain));
        keys.push(key.clone());
        keys.sort_by_key(|key| (key.made_at, key.selector.clone()));
        Ok(())
    }

    fn log_head(&self) -> Result<Option<LogHead>, KeyringError> {
        Ok(self.state().log_head.clone())
    }

    fn set_log_head(&self, head: &LogHead) -> Result<(), KeyringError> {
        self.state().log_head = Some(head.clone());
        Ok(())
    }
}
