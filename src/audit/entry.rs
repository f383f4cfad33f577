//! An entry of the log: the written event, its salt, and the leaf hash that stands for it in the tree.
//!
//! The leaf is `SHA-256(0x00 || "pli-audit-entry-v1\n" || salt || payload)`: the first byte is that of RFC 6962
//! section 2.1, the label is 19 bytes of ASCII, the salt 16 bytes, the payload the UTF-8 bytes of the event's JSON
//! as it was first written. It is never written anew, so no rule of canonical JSON has to be trusted.
//!
//! The salt keeps a pruned or undisclosed payload from being guessed from its leaf; it goes when the payload goes.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::event::Event;
use super::merkle::leaf_hash;
use crate::value::Digest;

/// What stands before the salt in the leaf's input; another form of entry gets another label.
const LABEL: &[u8; 19] = b"pli-audit-entry-v1\n";

/// Why an entry is not made or not read.
#[derive(Debug, Error)]
pub enum EntryError {
    /// The payload is no event that this program knows: a newer program wrote it, or it is damaged.
    #[error("the payload is no event that this program knows")]
    Event(#[from] serde_json::Error),
}

/// An event as it is kept.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Entry {
    payload: String,
    salt: [u8; 16],
}

impl Entry {
    /// Writes an event down with its salt of 16 random bytes.
    pub fn new(event: &Event, salt: [u8; 16]) -> Result<Self, EntryError> {
        Ok(Self { payload: serde_json::to_string(event)?, salt })
    }

    /// An entry as it was kept. What it says is not judged: whoever reads it verifies its leaf, or trusts its store.
    pub const fn kept(payload: String, salt: [u8; 16]) -> Self {
        Self { payload, salt }
    }

    /// The event's JSON, byte for byte as the leaf has it.
    pub fn payload(&self) -> &str {
        &self.payload
    }

    /// The salt.
    pub const fn salt(&self) -> &[u8; 16] {
        &self.salt
    }

    /// The leaf hash.
    pub fn leaf(&self) -> Digest {
        leaf_of(&self.salt, &self.payload)
    }

    /// The event.
    pub fn event(&self) -> Result<Event, EntryError> {
        Ok(serde_json::from_str(&self.payload)?)
    }
}

/// The leaf hash of a payload and its salt.
pub fn leaf_of(salt: &[u8; 16], payload: &str) -> Digest {
    leaf_hash(&leaf_input(salt, payload))
}

/// What the leaf of a payload and its salt is hashed from, without the byte of RFC 6962.
pub fn leaf_input(salt: &[u8; 16], payload: &str) -> Vec<u8> {
    let mut input = Vec::with_capacity(LABEL.len() + salt.len() + payload.len());
    input.extend_from_slice(LABEL);
    input.extend_from_slice(salt);
    input.extend_from_slice(payload.as_bytes());
    input
}

#[cfg(test)]
mod tests {
    use super::super::event::{Action, Actor, Object, Origin, Outcome};
    use super::*;
    use crate::value::Timestamp;

    fn event() -> Event {
        Event::new(
            Timestamp(5),
            Actor::System,
            Action::GatewayStarted,
            Object::None,
            Outcome::Done,
            Origin::Job,
        )
    }

    #[test]
    fn an_entry_gives_its_event_back() {
        assert_eq!(Entry::new(&event(), [7; 16]).unwrap().event().unwrap(), event());
    }

    #[test]
    fn the_leaf_is_what_the_documentation_says() {
        let entry = Entry::new(&event(), [7; 16]).unwrap();
        let input = [&[0][..], b"pli-audit-entry-v1\n", &[7; 16], entry.payload().as_bytes()].concat();
        assert_eq!(entry.leaf(), Digest::of(&input));
    }

    #[test]
    fn the_same_event_twice_has_two_leaves() {
        let leaf = |salt| Entry::new(&event(), [salt; 16]).unwrap().leaf();
        assert_ne!(leaf(1), leaf(2));
    }
}
