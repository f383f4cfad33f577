//! How a record is kept: JSON, cut into chunks of a few kilobytes, so that an engine that moves large values to files
//! of their own never does.

use super::KeyspaceError;
use crate::app::ports::{Key, Record, StoreError, Versioned};
use crate::transfer::DefaultsOf;

/// What stands before each record's key.
pub(super) const RECORDS: u8 = b'r';
/// Bytes of a record's JSON in one value. sled moves a tree node of over 128 KiB to a file of its own, which it never
/// forces to the disk; a node holds at most 17 values.
pub(super) const CHUNK_BYTES: usize = 4096;
/// Bytes of a record's JSON in all. The largest is a draft with its files: 600 bytes each, 1,000 of them.
pub(super) const RECORD_MAX_BYTES: usize = 1024 * 1024;
/// Bytes of a head before the JSON: the version, the number of chunks.
const HEAD_BYTES: usize = 8 + 2;

/// Reads one value by its key.
pub(super) type Get<'a> = &'a dyn Fn(&[u8]) -> Result<Option<Vec<u8>>, StoreError>;

macro_rules! kinds {
    ($($variant:ident = $kind:literal),+ $(,)?) => {
        fn kind_of(key: &Key) -> u8 {
            match key { $(Key::$variant(_) => Kind::$variant as u8),+ }
        }

        fn encode(record: &Record) -> Result<Vec<u8>, StoreError> {
            let json = match record { $(Record::$variant(record) => serde_json::to_vec(record)),+ };
            json.map_err(|_| StoreError::Damaged)
        }

        fn decode(kind: u8, json: &[u8]) -> Result<Record, StoreError> {
            let record = match kind {
                $($kind => serde_json::from_slice(json).map(Record::$variant),)+
                _ => return Err(StoreError::Damaged),
            };
            record.map_err(|_| StoreError::Damaged)
        }

        /// The kind of each variant, for ranges.
        #[derive(Debug, Clone, Copy)]
        pub(super) enum Kind { $($variant = $kind),+ }
    };
}

// Never given to another kind: stores exist that were written with them.
kinds! {
    Organisation = 1,
    Mailbox = 2,
    Partner = 3,
    Agreement = 4,
    Account = 5,
    Session = 6,
    Proof = 7,
    Draft = 8,
    Transfer = 9,
    Grant = 10,
    Mail = 11,
    StsPolicy = 51,
    Register = 12,
    Repeat = 13,
    Person = 14,
    Checkpoint = 15,
    Effect = 16,
    MemberWrap = 23,
    PersonalKey = 24,
    KeyRotation = 25,
    MailPassword = 49,
    ForwardCursor = 29,
    Witness = 30,
    StampedCheckpoint = 42,
    TimestampState = 43,
    Restoration = 26,
    RecoveryRequest = 41,
    Receipt = 36,
    Alert = 37,
    Daily = 38,
    Upload = 17,
    Pulse = 56,
    Held = 20,
    RecipientLink = 61,
    LinkSession = 62,
    Sent = 63,
    ApiClient = 90,
    ApiDeposit = 91,
    AccountLink = 80,
    Review = 81,
    MonthlyCounts = 105,
    SendingDefaults = 106,
}

/// A record's kind and key: what index entries lead to.
pub(super) fn address(key: &Key) -> Vec<u8> {
    let mut address = vec![kind_of(key)];
    match key {
        Key::Organisation(id) => address.extend_from_slice(id.as_bytes()),
        Key::Mailbox(id) | Key::KeyRotation(id) | Key::Pulse(id) => address.extend_from_slice(id.as_bytes()),
        Key::Partner(id) | Key::Review(id) => address.extend_from_slice(id.as_bytes()),
        Key::Agreement((mailbox, partner)) => {
            address.extend_from_slice(mailbox.as_bytes());
            address.extend_from_slice(partner.as_bytes());
        }
        Key::Account(id) | Key::PersonalKey(id) | Key::MailPassword(id) => {
            address.extend_from_slice(id.as_bytes());
        }
        Key::ApiClient(id) => address.extend_from_slice(id.as_bytes()),
        Key::ApiDeposit((client, draft)) => {
            address.extend_from_slice(client.as_bytes());
            address.extend_from_slice(draft.as_bytes());
        }
        Key::MemberWrap((mailbox, account)) => {
            address.extend_from_slice(mailbox.as_bytes());
            address.extend_from_slice(account.as_bytes());
        }
        Key::Session(token) | Key::LinkSession(token) | Key::AccountLink(token) => {
            address.extend_from_slice(token.as_digest().as_bytes());
        }
        Key::RecoveryRequest(id) => address.extend_from_slice(id.as_bytes()),
        Key::Proof(id) => address.extend_from_slice(id.as_bytes()),
        Key::Draft(id) => address.extend_from_slice(id.as_bytes()),
        Key::Transfer(id) | Key::Register(id) | Key::Receipt(id) | Key::Held(id) | Key::Sent(id) => {
            address.extend_from_slice(id.as_bytes());
        }
        Key::Grant((transfer, holder)) => {
            address.extend_from_slice(transfer.as_bytes());
            address.extend_from_slice(holder.as_bytes());
        }
        Key::RecipientLink((transfer, id)) => {
            address.extend_from_slice(transfer.as_bytes());
            address.extend_from_slice(id.as_bytes());
        }
        Key::Upload((draft, id)) => {
            address.extend_from_slice(draft.as_bytes());
            address.extend_from_slice(id.as_bytes());
        }
        Key::MonthlyCounts((mailbox, month, origin)) => {
            address.extend_from_slice(mailbox.as_bytes());
            address.extend_from_slice(&month.0.to_be_bytes());
            address.extend_from_slice(origin.as_bytes());
        }
        Key::SendingDefaults(of) => match of {
            DefaultsOf::Account(id) => address.extend([&[0][..], id.as_bytes()].concat()),
            DefaultsOf::Mailbox(id) => address.extend([&[1][..], id.as_bytes()].concat()),
        },
        Key::StsPolicy(domain) => {
            address.extend_from_slice(domain.as_str().as_bytes());
            address.push(0);
        }
        Key::Mail(id) => address.extend_from_slice(id.as_bytes()),
        Key::ForwardCursor(target) => address.push(*target as u8),
        Key::Witness(digest) | Key::Repeat(digest) => address.extend_from_slice(digest.as_bytes()),
        Key::Person(id) => address.extend_from_slice(id.as_bytes()),
        Key::Effect(id) => address.extend_from_slice(id.as_bytes()),
        Key::Alert((kind, organisation)) => {
            address.extend_from_slice(kind.code().as_bytes());
            address.push(0);
            address.extend(organisation.iter().flat_map(|id| *id.as_bytes()));
        }
        // There is one.
        Key::Daily(()) | Key::TimestampState(()) => {}
        Key::Restoration(number) => address.extend_from_slice(&number.to_be_bytes()),
        Key::Checkpoint(size) | Key::StampedCheckpoint(size) => {
            address.extend_from_slice(&size.to_be_bytes());
        }
    }
    address
}

/// The key of the n-th chunk.
pub(super) fn chunk_key(address: &[u8], chunk: u16) -> Vec<u8> {
    [&[RECORDS], address, &chunk.to_be_bytes()].concat()
}

/// The address of the record whose head has this key; `None` for a further chunk.
pub(super) fn head_address(key: &[u8]) -> Option<Vec<u8>> {
    let address = key.strip_prefix(&[RECORDS])?.strip_suffix(&0_u16.to_be_bytes())?;
    Some(address.to_vec())
}

/// Reads a record from its chunks.
pub(super) fn read(get: Get<'_>, address: &[u8]) -> Result<Option<Versioned<Record>>, StoreError> {
    let Some(head) = get(&chunk_key(address, 0))? else { return Ok(None) };
    let (version, chunks) = parse_head(&head)?;
    let mut json = head.get(HEAD_BYTES..).ok_or(StoreError::Damaged)?.to_vec();
    for chunk in 1..chunks {
        json.extend_from_slice(&get(&chunk_key(address, chunk))?.ok_or(StoreError::Damaged)?);
    }
    let kind = address.first().copied().ok_or(StoreError::Damaged)?;
    Ok(Some(Versioned { record: decode(kind, &json)?, version }))
}

/// The version of a record and its number of chunks, by its head.
pub(super) fn parse_head(head: &[u8]) -> Result<(u64, u16), StoreError> {
    let (version, rest) = head.split_first_chunk::<8>().ok_or(StoreError::Damaged)?;
    let (chunks, _) = rest.split_first_chunk::<2>().ok_or(StoreError::Damaged)?;
    Ok((u64::from_be_bytes(*version), u16::from_be_bytes(*chunks)))
}

/// The chunks of a record, the head first.
pub(super) fn chunks(record: &Record, version: u64) -> Result<Vec<Vec<u8>>, StoreError> {
    let json = encode(record)?;
    if json.len() > RECORD_MAX_BYTES {
        return Err(KeyspaceError::RecordTooLarge { limit: RECORD_MAX_BYTES, actual: json.len() }.into());
    }
    let mut pieces = json.chunks(CHUNK_BYTES);
    let count = u16::try_from(pieces.len().max(1)).map_err(|_| StoreError::Damaged)?;
    let mut head = version.to_be_bytes().to_vec();
    head.extend_from_slice(&count.to_be_bytes());
    head.extend_from_slice(pieces.next().unwrap_or_default());
    Ok(std::iter::once(head).chain(pieces.map(<[u8]>::to_vec)).collect())
}
