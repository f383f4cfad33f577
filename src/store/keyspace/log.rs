//! The log in the key space: entries found by what they name, and pruned with all that finds them.
//!
//! How entries and hashes are kept is `leaves.rs`, how places are, `postings.rs`.

use std::collections::BTreeSet;

use super::postings::{self, Postings};
use super::write::{Meta, Writes};
use super::{Pairs, leaves as kept};
use crate::app::ports::{AuditRange, StoreError, StoredLeaf};
use crate::audit::{Action, Actor, Entry as LogEntry, Event, Node, Object};
use crate::value::{Digest, MailboxId, PersonId, TransferId};

/// What stands before each key that finds entries by what they name.
const NAMES: u8 = b'n';
const PERSON: u8 = 1;
const MAILBOX: u8 = 2;
const TRANSFER: u8 = 3;
const ACTION: u8 = 4;

/// Notes by what the entry at a place is found.
pub(super) fn note(postings: &mut Postings, place: u64, event: &Event) {
    for name in names_in(event) {
        postings.add(name, place);
    }
}

/// What a part of a search found.
#[derive(Debug, Default)]
pub(in super::super) struct Found {
    /// Entries of the range, newest first, each with its place.
    pub(in super::super) entries: Vec<(u64, LogEntry)>,
    /// The search goes on before this place; none when it is at its end.
    pub(in super::super) resume_before: Option<u64>,
}

/// The newest entries of a range, newest first. At most `steps` are looked at in one call, so that a search through
/// all of the log does not hold up those who write; what was committed stays as it is between the calls.
///
/// It walks the entries by the rarest name that is asked for and judges each by the rest; instants alone narrow
/// nothing down, since the log stands in the order of commits.
pub(in super::super) fn entries(
    pairs: &dyn Pairs,
    range: &AuditRange,
    limit: usize,
    steps: usize,
) -> Result<Found, StoreError> {
    let mut found = Found::default();
    for (step, candidate) in candidates(pairs, range).enumerate() {
        if found.entries.len() >= limit {
            found.resume_before = None;
            break;
        }
        if step >= steps {
            break;
        }
        let (place, entry) = candidate?;
        found.resume_before = (step + 1 >= steps).then_some(place);
        if let Some(entry) = entry
            && matches(range, &entry.event().map_err(|_| StoreError::Damaged)?)
        {
            found.entries.push((place, entry));
        }
    }
    Ok(found)
}

type Candidate = Result<(u64, Option<LogEntry>), StoreError>;

/// Entries that may be in the range, newest first, each with its place.
fn candidates<'a>(pairs: &'a dyn Pairs, range: &AuditRange) -> Box<dyn Iterator<Item = Candidate> + 'a> {
    match narrowest(range) {
        None => {
            let all = kept::entries_before(pairs, range.before.unwrap_or(u64::MAX));
            Box::new(all.map(|found| found.map(|(place, entry)| (place, Some(entry)))))
        }
        Some(name) => {
            let places = postings::places_before(pairs, &name, range.before);
            Box::new(places.map(move |place| place.and_then(|place| Ok((place, kept::entry(pairs, place)?)))))
        }
    }
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
    nodes.iter().map(|node| kept::root(pairs, *node)).collect()
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
    Ok(writes)
}

/// Where the fewest entries have to be looked at.
fn narrowest(range: &AuditRange) -> Option<Vec<u8>> {
    let transfer = range.transfer.map(|id| name(TRANSFER, id.as_bytes()));
    let person = range.person.map(|id| name(PERSON, id.as_bytes()));
    let action = range.action.map(action_name);
    let mailbox = range.mailbox.map(|id| name(MAILBOX, id.as_bytes()));
    transfer.or(person).or(action).or(mailbox)
}

fn name(what: u8, id: &[u8]) -> Vec<u8> {
    [&[NAMES, what], id].concat()
}

/// Codes have different lengths; a NUL ends each, so that none is the beginning of another.
fn action_name(action: Action) -> Vec<u8> {
    [&[NAMES, ACTION], action.code().as_bytes(), &[0]].concat()
}

fn names_in(event: &Event) -> Vec<Vec<u8>> {
    let people = people_in(event).into_iter().map(|id| name(PERSON, id.as_bytes()));
    let mailboxes = mailboxes_in(&event.object).into_iter().map(|id| name(MAILBOX, id.as_bytes()));
    let transfers = transfer_in(&event.object).into_iter().map(|id| name(TRANSFER, id.as_bytes()));
    people.chain(mailboxes).chain(transfers).chain([action_name(event.action)]).collect()
}

fn matches(range: &AuditRange, event: &Event) -> bool {
    range.person.is_none_or(|person| people_in(event).contains(&person))
        && range.mailbox.is_none_or(|mailbox| mailboxes_in(&event.object).contains(&mailbox))
        && range.transfer.is_none_or(|transfer| transfer_in(&event.object) == Some(transfer))
        && range.action.is_none_or(|action| event.action == action)
        && range.from.is_none_or(|from| event.at >= from)
        && range.until.is_none_or(|until| event.at < until)
}

/// Who acted, and who was acted upon.
fn people_in(event: &Event) -> Vec<PersonId> {
    let actor = match event.actor {
        Actor::Person(person) => Some(person),
        Actor::System | Actor::Operator | Actor::Anonymous => None,
    };
    let object = match event.object {
        Object::Person(person) if Some(person) != actor => Some(person),
        _ => None,
    };
    actor.into_iter().chain(object).collect()
}

fn mailboxes_in(object: &Object) -> Vec<MailboxId> {
    match object {
        Object::Mailbox(mailbox)
        | Object::Transfer { mailbox, .. }
        | Object::TransferPart { mailbox, .. }
        | Object::Membership { mailbox, .. }
        | Object::Agreement { mailbox, .. } => vec![*mailbox],
        Object::Dispatch { from, to, .. } if from == to => vec![*from],
        Object::Dispatch { from, to, .. } => vec![*from, *to],
        _ => vec![],
    }
}

fn transfer_in(object: &Object) -> Option<TransferId> {
    match object {
        Object::Transfer { transfer, .. }
        | Object::TransferPart { transfer, .. }
        | Object::Dispatch { transfer, .. } => Some(*transfer),
        _ => None,
    }
}
