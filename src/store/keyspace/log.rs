//! The log in the key space: entries by their place, and by what they name.

use super::{Direction, Pairs, end_of};
use crate::app::ports::{AuditRange, Entry, StoreError, StoredLeaf};
use crate::audit::{Action, Actor, Entry as LogEntry, Event, Object};
use crate::value::{Digest, MailboxId, PersonId, TransferId};

/// What stands before each entry's key.
const ENTRIES: u8 = b'e';
/// What stands before each key that finds entries by what they name.
const NAMES: u8 = b'n';
const PERSON: u8 = 1;
const MAILBOX: u8 = 2;
const TRANSFER: u8 = 3;
const ACTION: u8 = 4;

/// The pairs that an entry adds at its place.
pub(super) fn pairs_of(place: u64, leaf: Digest, entry: &Entry) -> Result<Vec<super::Pair>, StoreError> {
    let mut value = leaf.as_bytes().to_vec();
    serde_json::to_writer(&mut value, &entry.entry).map_err(|_| StoreError::Damaged)?;
    let mut pairs = vec![(entry_key(place), value)];
    pairs.extend(names_in(&entry.event).into_iter().map(|name| (at_place(name, place), Vec::new())));
    Ok(pairs)
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
    let prefix = narrowest(range);
    let to = range.before.map_or_else(|| end_of(&prefix), |before| at_place(prefix.clone(), before));
    let mut found = Found::default();
    for (step, pair) in pairs.scan(&prefix, &to, Direction::Backward).enumerate() {
        if found.entries.len() >= limit {
            found.resume_before = None;
            break;
        }
        if step >= steps {
            break;
        }
        let (key, value) = pair?;
        let place = place_of(&key)?;
        found.resume_before = (step + 1 >= steps).then_some(place);
        let value = if prefix == [ENTRIES] {
            value
        } else {
            pairs.get(&entry_key(place))?.ok_or(StoreError::Damaged)?
        };
        if let Some(entry) = parse(&value)?.1
            && matches(range, &entry.event().map_err(|_| StoreError::Damaged)?)
        {
            found.entries.push((place, entry));
        }
    }
    Ok(found)
}

/// Entries from a place on, oldest first.
pub(in super::super) fn leaves(
    pairs: &dyn Pairs,
    first: u64,
    limit: usize,
) -> Result<Vec<StoredLeaf>, StoreError> {
    let scan = pairs.scan(&entry_key(first), &end_of(&[ENTRIES]), Direction::Forward);
    let leaf = |pair: Result<super::Pair, StoreError>| {
        let (key, value) = pair?;
        let (leaf, entry) = parse(&value)?;
        Ok(StoredLeaf { index: place_of(&key)?, leaf, entry })
    };
    scan.take(limit).map(leaf).collect()
}

fn entry_key(place: u64) -> Vec<u8> {
    at_place(vec![ENTRIES], place)
}

fn at_place(mut prefix: Vec<u8>, place: u64) -> Vec<u8> {
    prefix.extend_from_slice(&place.to_be_bytes());
    prefix
}

fn place_of(key: &[u8]) -> Result<u64, StoreError> {
    let (_, place) = key.split_last_chunk::<8>().ok_or(StoreError::Damaged)?;
    Ok(u64::from_be_bytes(*place))
}

/// The leaf hash, and the entry unless it was pruned.
fn parse(value: &[u8]) -> Result<(Digest, Option<LogEntry>), StoreError> {
    let (leaf, json) = value.split_first_chunk::<32>().ok_or(StoreError::Damaged)?;
    let entry = if json.is_empty() {
        None
    } else {
        Some(serde_json::from_slice(json).map_err(|_| StoreError::Damaged)?)
    };
    Ok((Digest::from_bytes(*leaf), entry))
}

/// Where the fewest entries have to be looked at.
fn narrowest(range: &AuditRange) -> Vec<u8> {
    let transfer = range.transfer.map(|id| name(TRANSFER, id.as_bytes()));
    let person = range.person.map(|id| name(PERSON, id.as_bytes()));
    let action = range.action.map(action_name);
    let mailbox = range.mailbox.map(|id| name(MAILBOX, id.as_bytes()));
    transfer.or(person).or(action).or(mailbox).unwrap_or_else(|| vec![ENTRIES])
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
