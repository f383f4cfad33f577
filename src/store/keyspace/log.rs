//! The log in the key space: entries found by what they name, and pruned with all that finds them.
//!
//! How entries and hashes are kept is `leaves.rs`, how places are, `postings.rs` and `days.rs`, how they are searched,
//! `search.rs`.

use std::collections::BTreeSet;
use std::net::IpAddr;

use super::postings::{self, Postings};
use super::write::{Meta, Writes};
use super::{Pairs, days, leaves as kept};
use crate::app::ports::{StoreError, StoredLeaf};
use crate::audit::{Action, Event, Node, OutcomeClass, Selection};
use crate::value::Digest;

/// What stands before each key that finds entries by what they name.
pub(super) const NAMES: u8 = b'n';

/// What entries are found by. A number is never given to another one: stores exist that were written with it.
#[derive(Debug, Clone, Copy)]
enum Name {
    Person = 1,
    Mailbox = 2,
    Transfer = 3,
    Action = 4,
    Account = 5,
    Partner = 6,
    Outcome = 7,
    Origin = 8,
}

/// Notes by what the entry at a place is found.
pub(super) fn note(postings: &mut Postings, place: u64, event: &Event) {
    for name in names_in(event) {
        postings.add(name, place);
    }
}

/// What the entries of a selection stand under: each must be met, by one of its names. Empty when nothing but instants
/// is asked for.
pub(super) fn names_of(selection: &Selection) -> Vec<Vec<Vec<u8>>> {
    let single = [
        selection.transfer.map(|id| id_name(Name::Transfer, id.as_bytes())),
        selection.account.map(|id| id_name(Name::Account, id.as_bytes())),
        selection.person.map(|id| id_name(Name::Person, id.as_bytes())),
        selection.origin.map(origin_name),
        selection.outcome.and_then(outcome_name),
        selection.partner.map(|id| id_name(Name::Partner, id.as_bytes())),
        selection.mailbox.map(|id| id_name(Name::Mailbox, id.as_bytes())),
    ];
    let mut names: Vec<Vec<Vec<u8>>> = single.into_iter().flatten().map(|name| vec![name]).collect();
    if !selection.actions.is_empty() {
        names.push(selection.actions.iter().copied().map(action_name).collect());
    }
    names
}

/// Entries from a place on, oldest first.
pub(in super::super) fn leaves(
    pairs: &dyn Pairs,
    first: u64,
    limit: usize,
) -> Result<Vec<StoredLeaf>, StoreError> {
    kept::leaves(pairs, Meta::read(pairs)?.pruned, first, limit)
}

/// The roots of complete subtrees.
pub(in super::super) fn roots(pairs: &dyn Pairs, nodes: &[Node]) -> Result<Vec<Digest>, StoreError> {
    let mut tiles = kept::KnownTiles::default();
    nodes.iter().map(|node| kept::root(pairs, &mut tiles, *node)).collect()
}

/// Removes the payloads and salts before a place that begins a tile, and all by which they are found.
pub(super) fn prune(pairs: &dyn Pairs, before: u64) -> Result<Writes, StoreError> {
    let (mut writes, gone) = kept::prune(pairs, before)?;
    let mut names = BTreeSet::new();
    for (_, entry) in gone {
        names.extend(names_in(&entry.event().map_err(|_| StoreError::Damaged)?));
    }
    for name in names {
        writes.extend(postings::remove(pairs, &name, before)?);
    }
    writes.extend(days::remove(pairs, before)?);
    Ok(writes)
}

/// What finds an event. Parts of ids and hashes are enough: whoever searches judges each entry.
fn names_in(event: &Event) -> Vec<Vec<u8>> {
    let people = event.people().into_iter().flatten().map(|id| id_name(Name::Person, id.as_bytes()));
    let account = event.account().map(|id| id_name(Name::Account, id.as_bytes()));
    let partners = event.partners().into_iter().flatten().map(|id| id_name(Name::Partner, id.as_bytes()));
    let mailboxes = event.mailboxes().into_iter().flatten().map(|id| id_name(Name::Mailbox, id.as_bytes()));
    let transfer = event.transfer().map(|id| id_name(Name::Transfer, id.as_bytes()));
    let origin = event.address().map(origin_name);
    let others = [account, transfer, origin, outcome_name(event.outcome.class())];
    people
        .chain(partners)
        .chain(mailboxes)
        .chain(others.into_iter().flatten())
        .chain([action_name(event.action)])
        .collect()
}

fn id_name(what: Name, id: &[u8; 16]) -> Vec<u8> {
    [&[NAMES, what as u8], &id[..8]].concat()
}

/// The whole of an IPv4 address, the network of an IPv6 one (RFC 4291 section 2.5.4).
fn origin_name(address: IpAddr) -> Vec<u8> {
    let mut part = [0; 8];
    match address.to_canonical() {
        IpAddr::V4(address) => part[4..].copy_from_slice(&address.octets()),
        IpAddr::V6(address) => part.copy_from_slice(&address.octets()[..8]),
    }
    [&[NAMES, Name::Origin as u8], &part[..]].concat()
}

/// Most events happened: that finds nothing worth an index entry.
fn outcome_name(class: OutcomeClass) -> Option<Vec<u8>> {
    let code = match class {
        OutcomeClass::Done => return None,
        OutcomeClass::Intended => 1,
        OutcomeClass::Refused => 2,
        OutcomeClass::Failed => 3,
    };
    Some(vec![NAMES, Name::Outcome as u8, code])
}

/// Four bytes of the code's hash (FNV-1a): two actions that shared them would only be searched together.
fn action_name(action: Action) -> Vec<u8> {
    let hash = action
        .code()
        .bytes()
        .fold(0x811c_9dc5_u32, |hash, byte| (hash ^ u32::from(byte)).wrapping_mul(0x0100_0193));
    [&[NAMES, Name::Action as u8], &hash.to_be_bytes()[..]].concat()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_two_actions_are_searched_together() {
        let names: BTreeSet<_> = Action::ALL.iter().map(|action| action_name(*action)).collect();
        assert_eq!(names.len(), Action::ALL.len());
    }
}
