//! The store port: records, lists of them, and the one way to change them, a unit of work with its log entries.

use async_trait::async_trait;
use thiserror::Error;

use super::cases::{CaseSearch, CasesFound};
use super::kits::{AlertState, DailyMail, DepositReceipt};
use super::log::{StampedCheckpoint, TimestampState};
use super::register::{RegisterFound, RegisterSearch};
use super::restoration::Restoration;
use crate::audit::{AlertKind, Entry as LogEntry, Event, Frontier, Node, Selection};
use crate::identity::{
    Account, AccountLink, AddressProof, Agreement, ApiClient, ApiDeposit, LinkSession, MailPassword,
    Organisation, Partner, PersonalKey, RecipientLink, Session, StructureReview,
};
use crate::mailbox::{KeyRotation, Mailbox, MemberWrap, Pulse};
use crate::relay::mta_sts::KeptStsPolicy;
use crate::relay::queue::QueuedMail;
use crate::retention::{PendingEffect, RecoveryRequest};
use crate::transfer::{
    DefaultsOf, Draft, HeldDeposit, MonthOfYear, MonthlyCounts, RegisterLine, Repeat, SendingDefaults,
    SentLine, Transfer, Upload,
};
use crate::value::{
    AccountId, ApiClientId, Digest, Domain, DraftId, EffectId, LinkId, MailAddress, MailId, MailboxId,
    OrganisationId, PartnerId, PersonId, ProofId, RecoveryId, Reference, Slug, Timestamp, TokenHash,
    TransferId, UploadId,
};
use crate::vault::Grant;

/// How many looks into the store a search takes before it is taken up again.
const SEARCH_STEPS: usize = 20_000;

/// A pseudonym's name, for the officer who looks; kept apart from the log, with a retention of its own.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct PersonName {
    /// The pseudonym.
    pub person: PersonId,
    /// The address that it stands for.
    pub address: MailAddress,
    /// When it was last met.
    pub met_at: Timestamp,
}

/// A signed checkpoint of the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredCheckpoint {
    /// How many entries it covers.
    pub size: u64,
    /// The signed note (C2SP tlog-checkpoint).
    pub note: String,
    /// When it was signed.
    pub signed_at: Timestamp,
}

/// Where the log is handed on to.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum ForwardTarget {
    /// A syslog receiver.
    Syslog,
    /// A file of JSON lines.
    JsonFile,
    /// A socket that takes JSON lines.
    JsonSocket,
}

impl ForwardTarget {
    /// A word for figures.
    pub const fn name(self) -> &'static str {
        match self {
            Self::Syslog => "syslog",
            Self::JsonFile => "json_file",
            Self::JsonSocket => "json_socket",
        }
    }
}

/// How far a receiver of the log has confirmed.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct ForwardCursor {
    /// Which receiver.
    pub target: ForwardTarget,
    /// The index of the first entry that it has not confirmed.
    pub next: u64,
}

/// What is known of a witness of the log.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct WitnessState {
    /// The digest of its public key.
    pub witness: Digest,
    /// Entries under the last checkpoint that it cosigned; 0 when it never did.
    pub size: u64,
    /// That checkpoint, with its signature.
    pub note: Option<String>,
    /// When it did.
    pub cosigned_at: Option<Timestamp>,
    /// What keeps it from cosigning the newest.
    pub trouble: Option<WitnessTrouble>,
    /// When the log last told of it.
    pub told_at: Option<Timestamp>,
}

impl WitnessState {
    /// Nothing is known yet.
    pub const fn new(witness: Digest) -> Self {
        Self { witness, size: 0, note: None, cosigned_at: None, trouble: None, told_at: None }
    }
}

/// Why a witness does not cosign.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum WitnessTrouble {
    /// It does not answer.
    Unreachable,
    /// It refuses, or its answer does not hold: one of both is set up wrongly.
    Refused,
    /// It saw a log that this one does not continue: this log was cut, restored from a backup or written anew.
    SawAnother,
}

/// Declares the records that a store keeps, each with the key that finds it.
macro_rules! records {
    ($($(#[$doc:meta])* $variant:ident($record:ty) by $key:ty = $of:expr),+ $(,)?) => {
        /// A record. Small: large bytes are objects. Its written form is that of a backup.
        #[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
        #[serde(tag = "kind", content = "record", rename_all = "snake_case")]
        pub enum Record { $($(#[$doc])* $variant($record)),+ }

        /// What finds one record.
        #[derive(Debug, Clone, PartialEq, Eq)]
        pub enum Key { $($(#[$doc])* $variant($key)),+ }

        impl Record {
            /// The key that finds it.
            pub fn key(&self) -> Key {
                match self { $(Self::$variant(record) => {
                    let of: fn(&$record) -> $key = $of;
                    Key::$variant(of(record))
                }),+ }
            }
        }

        $(impl From<$record> for Record {
            fn from(record: $record) -> Self {
                Self::$variant(record)
            }
        }

        impl TryFrom<Record> for $record {
            type Error = StoreError;

            fn try_from(record: Record) -> Result<Self, StoreError> {
                match record {
                    Record::$variant(record) => Ok(record),
                    _ => Err(StoreError::Damaged),
                }
            }
        })+
    };
}

records! {
    /// A fund.
    Organisation(Organisation) by OrganisationId = |r| r.id,
    /// A mailbox.
    Mailbox(Mailbox) by MailboxId = |r| r.id,
    /// A structure that deposits.
    Partner(Partner) by PartnerId = |r| r.id,
    /// An agreement.
    Agreement(Agreement) by (MailboxId, PartnerId) = |r| (r.mailbox, r.partner),
    /// Where a structure stands with the confirmation of its people.
    Review(StructureReview) by PartnerId = |r| r.partner,
    /// An account.
    Account(Account) by AccountId = |r| r.id,
    /// A person's own key.
    PersonalKey(PersonalKey) by AccountId = |r| r.account,
    /// What signs a person's mail program in.
    MailPassword(MailPassword) by AccountId = |r| r.account,
    /// What a partner's software signs in with.
    ApiClient(ApiClient) by ApiClientId = |r| r.id,
    /// A deposit that such software began.
    ApiDeposit(ApiDeposit) by (ApiClientId, DraftId) = |r| (r.client, r.draft),
    /// A mailbox's identity, wrapped to a member.
    MemberWrap(MemberWrap) by (MailboxId, AccountId) = |r| (r.mailbox, r.account),
    /// A rotation of a mailbox's key that is under way.
    KeyRotation(KeyRotation) by MailboxId = |r| r.mailbox,
    /// A session, by its cookie.
    Session(Session) by TokenHash = |r| r.token,
    /// A proof of an address.
    Proof(AddressProof) by ProofId = |r| r.id,
    /// A link to an account, by its token.
    AccountLink(AccountLink) by TokenHash = |r| r.token,
    /// A draft.
    Draft(Draft) by DraftId = |r| r.id,
    /// A file on its way into a draft.
    Upload(Upload) by (DraftId, UploadId) = |r| (r.draft, r.id),
    /// A transfer that can still be opened.
    Transfer(Transfer) by TransferId = |r| r.id,
    /// A grant, by transfer and holder.
    Grant(Grant) by (TransferId, MailboxId) = |r| (r.terms.transfer, r.terms.holder),
    /// A link to somebody outside, by transfer.
    RecipientLink(RecipientLink) by (TransferId, LinkId) = |r| (r.transfer, r.id),
    /// Somebody outside who took the second step, by the cookie.
    LinkSession(LinkSession) by TokenHash = |r| r.token,
    /// What stays of an outgoing transfer that ended.
    Sent(SentLine) by TransferId = |r| r.transfer,
    /// An outgoing mail.
    Mail(QueuedMail) by MailId = |r| r.id,
    /// What a domain demands of who brings it mail.
    StsPolicy(KeptStsPolicy) by Domain = |r| r.domain.clone(),
    /// What stays of a transfer that ended.
    Register(RegisterLine) by TransferId = |r| r.transfer,
    /// What stays of a month's register lines.
    MonthlyCounts(MonthlyCounts) by (MailboxId, MonthOfYear, MailboxId) = |r| (r.mailbox, r.month, r.origin),
    /// What is chosen beforehand for what members send.
    SendingDefaults(SendingDefaults) by DefaultsOf = |r| r.of,
    /// A send that was accepted.
    Repeat(Repeat) by Digest = |r| r.digest,
    /// A pseudonym's name.
    Person(PersonName) by PersonId = |r| r.person,
    /// A checkpoint of the log, by its size.
    Checkpoint(StoredCheckpoint) by u64 = |r| r.size,
    /// The receipt of a deposit.
    Receipt(DepositReceipt) by TransferId = |r| r.transfer,
    /// Whether a mailbox's notices arrive.
    Pulse(Pulse) by MailboxId = |r| r.mailbox,
    /// How far an alert was told.
    Alert(AlertState) by (AlertKind, Option<OrganisationId>) = |r| (r.kind, r.organisation),
    /// How far the daily mail got.
    Daily(DailyMail) by () = |_| (),
    /// How far a receiver of the log is.
    ForwardCursor(ForwardCursor) by ForwardTarget = |r| r.target,
    /// What is known of a witness, by the digest of its key.
    Witness(WitnessState) by Digest = |r| r.witness,
    /// A checkpoint with its timestamp, by its size.
    StampedCheckpoint(StampedCheckpoint) by u64 = |r| r.size,
    /// How the timestamp authority fares.
    TimestampState(TimestampState) by () = |_| (),
    /// A deposit that is held until its files are judged.
    Held(HeldDeposit) by TransferId = |r| r.id,
    /// A restore of a backup, by its number.
    Restoration(Restoration) by u64 = |r| r.number,
    /// A request to export keys for recovery.
    RecoveryRequest(RecoveryRequest) by RecoveryId = |r| r.id,
    /// An effect outside the store whose result is not in the log yet.
    Effect(PendingEffect) by EffectId = |r| r.id,
}

/// A list of records, each in a stated order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum List {
    /// All organisations.
    Organisations,
    /// All mailboxes.
    Mailboxes,
    /// The mailbox with this slug of the organisation with that one; at most one.
    MailboxByPage(OrganisationId, Slug),
    /// The organisation with this slug; at most one.
    OrganisationBySlug(Slug),
    /// The mailbox that takes deposits at this address; at most one.
    MailboxByDepositAddress(MailAddress),
    /// All partners.
    Partners,
    /// The agreements of a mailbox.
    AgreementsOf(MailboxId),
    /// All accounts.
    Accounts,
    /// The account that signs in with this address; at most one.
    AccountByAddress(MailAddress),
    /// All tokens and certificates of partners' software.
    ApiClients,
    /// The one that proves itself by this digest; at most one.
    ApiClientByProof(Digest),
    /// The deposits of a partner's software, newest first; those begun before `before` when given.
    ApiDepositsOf {
        /// Whose.
        client: ApiClientId,
        /// Where the page before ended.
        before: Option<Timestamp>,
    },
    /// The deposit that was begun with this idempotency key; at most one.
    ApiDepositByKey(Digest),
    /// Deposits of partners' software that were begun before an instant, oldest first.
    ApiDepositsBegunBefore(Timestamp),
    /// The account that is linked to this subject of a provider, by its digest; at most one.
    AccountBySubject(Digest),
    /// The links to an account, in no order that means anything.
    AccountLinksOf(AccountId),
    /// Links to accounts that are good until before an instant, soonest first.
    AccountLinksEndedBefore(Timestamp),
    /// The wraps of a mailbox's members.
    MemberWrapsOf(MailboxId),
    /// Rotations of mailbox keys that are under way, in no order that means anything.
    KeyRotations,
    /// The sessions of an account.
    SessionsOf(AccountId),
    /// Sessions that began before an instant, oldest first.
    SessionsBegunBefore(Timestamp),
    /// The proof that this link's token belongs to; at most one.
    ProofByToken(TokenHash),
    /// Proofs that were asked for before an instant, oldest first.
    ProofsAskedBefore(Timestamp),
    /// Drafts whose last byte came before an instant, oldest first.
    DraftsTouchedBefore(Timestamp),
    /// The drafts of an address for a mailbox, sent ones too, in no order that means anything.
    DraftsOf(MailboxId, PersonId),
    /// The uploads of a draft, in no order that means anything.
    UploadsOf(DraftId),
    /// The live transfer with this reference; at most one.
    TransferByReference(Reference),
    /// The register line with this reference; at most one.
    RegisterByReference(Reference),
    /// The transfers that a mailbox holds, deposited there or dispatched to it, newest first; those received before `before` when given.
    TransfersOf {
        /// The mailbox.
        mailbox: MailboxId,
        /// Where the page before ended.
        before: Option<Timestamp>,
    },
    /// All deposits of a person, held, live and ended (each a record of its own kind), newest first; those taken before
    /// `before` when given.
    DepositsBy {
        /// The depositor's pseudonym.
        person: PersonId,
        /// Where the page before ended.
        before: Option<Timestamp>,
    },
    /// The same of all people of a partner.
    DepositsOfPartner {
        /// The partner.
        partner: PartnerId,
        /// Where the page before ended.
        before: Option<Timestamp>,
    },
    /// Transfers that expire at an instant or before it, soonest first.
    TransfersExpiringBy(Timestamp),
    /// The held deposit with this reference; at most one.
    HeldByReference(Reference),
    /// Transfers whose case is to be looked at at an instant or before it, longest due first.
    CasesToLookAtBy(Timestamp),
    /// The held deposits of a mailbox, oldest first.
    HeldOf(MailboxId),
    /// Held deposits that are to be looked at at an instant or before it, longest due first.
    HeldDueBy(Timestamp),
    /// The grants of a transfer.
    GrantsOf(TransferId),
    /// The links of a transfer, in no order that means anything.
    LinksOf(TransferId),
    /// The link that this token belongs to; at most one.
    LinkByToken(TokenHash),
    /// Sessions of people outside that began before an instant, oldest first.
    LinkSessionsBegunBefore(Timestamp),
    /// The live transfers that a mailbox sent to people outside, newest first.
    OutgoingOf(MailboxId),
    /// What stays of the transfers that a mailbox sent and that ended, newest first.
    SentOf(MailboxId),
    /// What stays of the sent transfer with this reference; at most one.
    SentByReference(Reference),
    /// What stays of sent transfers that ended before an instant, oldest first.
    SentEndedBefore(Timestamp),
    /// The live transfers that answer a transfer, oldest first.
    AnswersTo(TransferId),
    /// Mails to be tried at an instant or before it, longest due first.
    MailsDueBy(Timestamp),
    /// Of each recipient's domain that has mails in the queue, the one that is due first; in the order of the domains,
    /// those after one when it is given. The work is that of the domains named, however many mails wait.
    MailDomains {
        /// Where the page before ended.
        after: Option<Domain>,
    },
    /// Mails to a domain that are to be tried at an instant or before it, longest due first.
    MailsDueTo {
        /// The recipient's domain.
        domain: Domain,
        /// The instant.
        by: Timestamp,
    },
    /// Mails that still wait for their next try and were written before an instant, oldest first.
    MailsWaitingSince(Timestamp),
    /// Mails that may still leave: waiting, held or suspended; oldest first, those written after `after` or with a larger id
    /// when given.
    UnfinishedMails {
        /// Where the page before ended: when that mail was written, and its id.
        after: Option<(Timestamp, MailId)>,
    },
    /// The mails that speak of a transfer.
    MailsOf(TransferId),
    /// Mails written before an instant, oldest first.
    MailsWrittenBefore(Timestamp),
    /// Accepted sends before an instant, oldest first.
    RepeatsAcceptedBefore(Timestamp),
    /// All pseudonyms' names, in no order that means anything.
    People,
    /// Checkpoints, newest first.
    Checkpoints,
    /// Checkpoints with a timestamp, newest first.
    Timestamps,
    /// Restores of backups, newest first.
    Restorations,
    /// Register lines whose transfer ended before an instant, the longest ago first.
    RegisterEndedBefore(Timestamp),
    /// What stays of the lines of a mailbox, month by month, oldest first.
    MonthlyCountsOf(MailboxId),
    /// All register lines of transfers that ended, in no order that means anything.
    RegisterLines,
    /// Requests to export keys for recovery, in no order that means anything.
    RecoveryRequests,
    /// Whether each mailbox's notices arrive.
    Pulses,
    /// How far each alert was told.
    Alerts,
    /// Receipts that wait for their proof, oldest first.
    ReceiptsWithoutProof,
    /// Receipts promised before an instant, oldest first.
    ReceiptsPromisedBefore(Timestamp),
    /// Effects whose result is not in the log yet, in no order that means anything.
    PendingEffects,
}

/// A record and how often it was written; for [`Expectation::Unchanged`].
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Versioned<R> {
    /// The record.
    pub record: R,
    /// Rises with each write; never 0 for a record that exists.
    pub version: u64,
}

/// What must still hold when a unit is committed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Expectation {
    /// No record has this key.
    Absent(Key),
    /// The record with this key was not written since it was read.
    Unchanged(Key, u64),
}

/// One change.
#[derive(Debug, Clone, PartialEq, Eq)]
#[expect(clippy::large_enum_variant, reason = "changes are moved once, into the commit")]
pub enum Change {
    /// Writes a record, new or not.
    Put(Record),
    /// Deletes the record with this key; one that does not exist is no error.
    Delete(Key),
    /// Deletes payload and salt of the log's entries before a place, and all by which they are found; their leaf hashes
    /// stay. A store may keep the last few hundred of them until there are more.
    PruneLog {
        /// The first entry that is kept whole.
        before: u64,
    },
}

/// An event and the log entry that was made of it.
#[derive(Debug, Clone)]
pub struct Entry {
    /// The event, for the store's indexes.
    pub event: Event,
    /// The entry, its salt in it; the store only gives it its place.
    pub entry: LogEntry,
}

/// All or nothing: records and the log entries that tell of them (invariants 1 and 2).
#[derive(Debug, Clone, Default)]
#[must_use = "a unit that is not committed has no effect"]
pub struct UnitOfWork {
    /// What must still hold.
    pub expectations: Vec<Expectation>,
    /// What changes, in order.
    pub changes: Vec<Change>,
    /// What a restored log brings back, before the entries; nothing otherwise.
    pub restored: RestoredLog,
    /// What the log gains, in order.
    pub entries: Vec<Entry>,
}

/// Entries that come back from a backup as they were, pruned ones included.
#[derive(Debug, Clone, Default)]
pub struct RestoredLog {
    /// The entries; the first one's index is the log's size.
    pub leaves: Vec<StoredLeaf>,
    /// Where the log goes on when entries after them are lost: a larger tree, as it was signed. The lost ones' places
    /// stay empty.
    pub goes_on_from: Option<Frontier>,
}

/// The unit is durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Committed {
    /// The log's size before the first entry of the unit: that entry's index (RFC 6962 leaf index).
    pub first_entry: u64,
}

/// Why a read failed. Ours to mend.
#[derive(Debug, Error)]
pub enum StoreError {
    /// The disk or the database does not answer.
    #[error("the store is not available")]
    Unavailable(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// A record does not read as what it should be.
    #[error("the store holds a damaged record")]
    Damaged,
}

/// Why a unit was not committed.
#[derive(Debug, Error)]
pub enum CommitError {
    /// An expectation does not hold: somebody was quicker. Nothing happened; read again and decide anew.
    #[error("the records were changed meanwhile")]
    Conflict,
    /// Nothing is known to have happened; the sender must keep its copy and retry.
    #[error(transparent)]
    Store(#[from] StoreError),
}

/// Which way a search goes through the log, which stands in the order of commits.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum LogOrder {
    /// Backwards.
    #[default]
    NewestFirst,
    /// Forwards.
    OldestFirst,
}

/// A search through the log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct LogSearch {
    /// Which events are meant.
    pub selection: Selection,
    /// Only entries with this index or a higher one.
    pub from: u64,
    /// Only entries with a lower index than this.
    pub before: u64,
    /// Which way.
    pub order: LogOrder,
}

impl LogSearch {
    /// All of a selection, newest first.
    pub const fn newest(selection: Selection) -> Self {
        Self { selection, from: 0, before: u64::MAX, order: LogOrder::NewestFirst }
    }

    /// All of a selection, oldest first.
    pub const fn oldest(selection: Selection) -> Self {
        Self { selection, from: 0, before: u64::MAX, order: LogOrder::OldestFirst }
    }

    /// What is left of the search at a place where it stopped ([`LogFound::resume`]).
    pub fn resumed(self, place: u64) -> Self {
        match self.order {
            LogOrder::NewestFirst => Self { before: place, ..self },
            LogOrder::OldestFirst => Self { from: place, ..self },
        }
    }
}

/// What a search found.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct LogFound {
    /// The entries in the order of the search, each with its index.
    pub entries: Vec<(u64, LogEntry)>,
    /// Where the search goes on ([`LogSearch::resumed`]); none when it came to its end.
    pub resume: Option<u64>,
}

/// Keeps records and the log.
///
/// - **Atomic**: a unit of work happens wholly or not at all, also across a crash.
/// - **Durable**: when [`Store::commit`] returns `Ok`, the unit survives a power cut. When it returns
///   [`CommitError::Store`], the unit may or may not have happened, but was told to nobody; every unit that matters is
///   written so that doing it again is harmless (an expectation, or a repeat that is recognised).
/// - **Serial**: units take effect one after the other; a read after a commit sees it; a list may miss what is
///   committed while it runs, never half of a unit.
/// - **Concurrent**: all methods may be called from many tasks; commits may share one disk write (group commit).
/// - Not found is `None` or an empty list, never an error.
/// - The log only grows: entry `n` of the log is the `n`-th that was ever committed, and its leaf hash never changes.
///   After a restore the places of lost entries are empty: [`Store::leaves`] passes them over.
#[async_trait]
pub trait Store: Send + Sync {
    /// Reads one record.
    async fn get(&self, key: &Key) -> Result<Option<Versioned<Record>>, StoreError>;

    /// Reads the first `limit` records of a list.
    async fn list(&self, list: &List, limit: usize) -> Result<Vec<Versioned<Record>>, StoreError>;

    /// Commits a unit.
    async fn commit(&self, unit: UnitOfWork) -> Result<Committed, CommitError>;

    /// The log as a whole: how many entries, and the tree over them. One consistent picture.
    async fn log(&self) -> Result<Frontier, StoreError>;

    /// Up to `limit` cases of a mailbox. It takes no more than about `steps` looks into the store and then stops: a page's
    /// work is bounded, however many the mailbox has.
    async fn cases(&self, search: &CaseSearch, limit: usize, steps: usize) -> Result<CasesFound, StoreError>;

    /// How many cases a search of at most one term has, up to `limit`. No record is read.
    async fn count_cases(&self, search: &CaseSearch, limit: usize) -> Result<usize, StoreError>;

    /// Up to `limit` lines of the register. The work is that of the lines and of the mailboxes named.
    async fn register(&self, search: &RegisterSearch, limit: usize) -> Result<RegisterFound, StoreError>;

    /// Up to `limit` entries of a search. It takes no more than about `steps` looks into the store and then stops, with or
    /// without having found anything: a page's work is bounded whatever is looked for.
    async fn search(&self, search: &LogSearch, limit: usize, steps: usize) -> Result<LogFound, StoreError>;

    /// The newest `limit` entries of a selection, newest first, each with its index, however long it takes.
    async fn entries(&self, selection: &Selection, limit: usize) -> Result<Vec<(u64, LogEntry)>, StoreError> {
        let mut search = LogSearch::newest(selection.clone());
        let mut entries = Vec::new();
        loop {
            let found = self.search(&search, limit - entries.len(), SEARCH_STEPS).await?;
            entries.extend(found.entries);
            match found.resume {
                Some(place) if entries.len() < limit => search = search.resumed(place),
                _ => return Ok(entries),
            }
        }
    }

    /// Up to `limit` entries from index `first` on, oldest first, for exports and proofs. An entry whose payload was
    /// pruned has only its leaf hash.
    async fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError>;

    /// Entries with a smaller index have lost their payload ([`Change::PruneLog`]).
    async fn pruned(&self) -> Result<u64, StoreError>;

    /// The roots of complete subtrees of the tree over the log, for proofs. One that is not complete yet is damage.
    async fn roots(&self, nodes: &[Node]) -> Result<Vec<Digest>, StoreError>;
    /// A picture of everything as it is between two units, durable; commits go on meanwhile. To be dropped soon: what is
    /// overwritten is kept for it in memory, and it ends with an error when that is too much.
    async fn snapshot(&self) -> Result<Box<dyn StoreSnapshot>, StoreError>;
}

/// A picture of the store at one moment. Read where blocking is allowed, in pieces.
pub trait StoreSnapshot: Send + Sync {
    /// The tree over the log.
    fn log(&self) -> Result<Frontier, StoreError>;

    /// Up to `limit` entries from index `first` on, oldest first.
    fn leaves(&self, first: u64, limit: usize) -> Result<Vec<StoredLeaf>, StoreError>;

    /// Up to `limit` records after a place, each kind together; the place of the last one, none at the end.
    fn records(
        &self,
        after: Option<&RecordPlace>,
        limit: usize,
    ) -> Result<(Vec<Record>, Option<RecordPlace>), StoreError>;
}

/// Where a record stands in a [`StoreSnapshot`]: given by the store, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecordPlace(pub Vec<u8>);

/// An entry as the log keeps it; its written form is that of a backup.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize, serde::Deserialize)]
pub struct StoredLeaf {
    /// Its index.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
    /// The entry; none once it was pruned.
    pub entry: Option<LogEntry>,
}
