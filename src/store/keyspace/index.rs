//! Index entries: which ones a record has, and where the entries of a list stand.

use super::record::{Kind, RECORDS, address};
use super::{Direction, end_of};
use crate::app::ports::{CaseSearch, CaseTerm, Key, List, Record, terms_of};
use crate::transfer::Transfer;
use crate::value::{MailboxId, PartnerId, PersonId, Timestamp};

/// What stands before each index entry's key.
pub(super) const INDEXES: u8 = b'i';

/// The indexes. A number is never given to another index: stores exist that were written with it.
#[derive(Debug, Clone, Copy)]
enum Index {
    MailboxByPage = 1,
    OrganisationBySlug = 2,
    MailboxByDepositAddress = 3,
    AccountByAddress = 4,
    SessionByAccount = 5,
    SessionByBeginning = 6,
    ProofByToken = 7,
    ProofByAsking = 8,
    DraftByTouch = 9,
    TransferByReference = 10,
    RegisterByReference = 11,
    TransferByMailbox = 12,
    TransferByExpiry = 13,
    MailByDue = 14,
    MailByTransfer = 15,
    MailByWriting = 16,
    MailByDomain = 51,
    MailWaiting = 52,
    MailUnfinished = 53,
    RepeatByAcceptance = 17,
    ReceiptByPromise = 36,
    ReceiptWithoutProof = 37,
    HeldByMailbox = 20,
    HeldByTry = 21,
    LinkByToken = 61,
    LinkSessionByBeginning = 62,
    OutgoingByMailbox = 63,
    TransferByAnswered = 64,
    SentByMailbox = 65,
    SentByReference = 66,
    SentByEnd = 67,
    HeldByReference = 45,
    DraftByPerson = 46,
    AccountBySubject = 94,
    ApiClientByProof = 90,
    ApiDepositByClient = 91,
    ApiDepositByKey = 92,
    ApiDepositByBeginning = 93,
    CaseByTerm = 70,
    CaseByDue = 71,
    CaseByLook = 72,
    AccountLinkByAccount = 80,
    AccountLinkByEnd = 81,
    DepositByPerson = 82,
    DepositByPartner = 83,
    RegisterByMailbox = 105,
    RegisterByEnd = 106,
}

/// The keys of a record's index entries, without the record's address at their end.
pub(super) fn entries_of(record: &Record) -> Vec<Vec<u8>> {
    match record {
        Record::Organisation(r) => vec![key(Index::OrganisationBySlug).text(r.slug.as_str()).0],
        Record::Mailbox(r) => vec![
            key(Index::MailboxByPage).bytes(r.organisation.as_bytes()).text(r.slug.as_str()).0,
            key(Index::MailboxByDepositAddress).text(&r.deposit_address.to_string()).0,
        ],
        Record::Account(r) => {
            let subject = r
                .provider
                .as_ref()
                .map(|link| key(Index::AccountBySubject).bytes(link.digest().as_bytes()).0);
            subject.into_iter().chain([key(Index::AccountByAddress).text(&r.address.to_string()).0]).collect()
        }
        Record::AccountLink(r) => {
            let of = r.account.map(|account| key(Index::AccountLinkByAccount).bytes(account.as_bytes()).0);
            of.into_iter().chain([key(Index::AccountLinkByEnd).time(r.until).0]).collect()
        }
        Record::Session(r) => vec![
            key(Index::SessionByAccount).bytes(r.account.as_bytes()).0,
            key(Index::SessionByBeginning).time(r.began_at).0,
        ],
        Record::Proof(r) => vec![
            key(Index::ProofByToken).bytes(r.token.as_digest().as_bytes()).0,
            key(Index::ProofByAsking).time(r.asked_at).0,
        ],
        // What a mailbox sent is not among what it received.
        Record::Transfer(r) if r.outgoing.is_some() => {
            let found = [
                key(Index::TransferByReference).text(r.reference.as_str()).0,
                key(Index::TransferByExpiry).time(r.expires_at).0,
                key(Index::OutgoingByMailbox).bytes(r.mailbox.as_bytes()).time_backwards(r.received_at).0,
            ];
            found.into_iter().chain(answering(r)).collect()
        }
        Record::Draft(r) => vec![
            key(Index::DraftByTouch).time(r.touched_at).0,
            key(Index::DraftByPerson).bytes(r.mailbox.as_bytes()).bytes(r.person.as_bytes()).0,
        ],
        Record::Transfer(r) => {
            let held = |holder: MailboxId| {
                key(Index::TransferByMailbox).bytes(holder.as_bytes()).time_backwards(r.received_at).0
            };
            let found = [
                key(Index::TransferByReference).text(r.reference.as_str()).0,
                key(Index::TransferByExpiry).time(r.expires_at).0,
            ];
            let deposit = deposited(r.depositor.person, r.depositor.partner, r.received_at);
            let lines = r.holders().map(|holder| register_entry(holder, r.received_at));
            r.holders()
                .map(held)
                .chain(found)
                .chain(lines)
                .chain(answering(r))
                .chain(case_entries(r))
                .chain(deposit)
                .collect()
        }
        Record::ApiClient(r) => vec![key(Index::ApiClientByProof).bytes(r.proof.digest().as_bytes()).0],
        Record::ApiDeposit(r) => {
            let of = key(Index::ApiDepositByClient).bytes(r.client.as_bytes()).time_backwards(r.begun_at).0;
            let begun = key(Index::ApiDepositByBeginning).time(r.begun_at).0;
            let by_key = r.key.map(|digest| key(Index::ApiDepositByKey).bytes(digest.as_bytes()).0);
            by_key.into_iter().chain([of, begun]).collect()
        }
        Record::RecipientLink(r) => vec![key(Index::LinkByToken).bytes(r.token.as_digest().as_bytes()).0],
        Record::LinkSession(r) => vec![key(Index::LinkSessionByBeginning).time(r.began_at).0],
        Record::Sent(r) => vec![
            key(Index::SentByMailbox).bytes(r.mailbox.as_bytes()).time_backwards(r.sent_at).0,
            key(Index::SentByReference).text(r.reference.as_str()).0,
            key(Index::SentByEnd).time(r.ended_at).0,
        ],
        Record::Register(r) => {
            let lines = r.holders().map(|holder| register_entry(holder, r.received_at));
            let ended = r.ended_at.map(|at| key(Index::RegisterByEnd).time(at).0);
            let reference = key(Index::RegisterByReference).text(r.reference.as_str()).0;
            let deposit = deposited(r.depositor, r.partner, r.received_at);
            lines.chain(ended).chain(deposit).chain([reference]).collect()
        }
        Record::Mail(r) => {
            let due = r.due_at().map(|at| key(Index::MailByDue).time(at).0);
            let of = r.transfer.map(|t| key(Index::MailByTransfer).bytes(t.as_bytes()).time(r.written_at).0);
            let written = key(Index::MailByWriting).time(r.written_at).0;
            let to = r.due_at().map(|at| key(Index::MailByDomain).text(r.to.domain().as_str()).time(at).0);
            let waiting = r.due_at().map(|_| key(Index::MailWaiting).time(r.written_at).0);
            let unfinished = key(Index::MailUnfinished).time(r.written_at).0;
            let unfinished = r.is_unfinished().then_some(unfinished);
            due.into_iter().chain(of).chain(to).chain(waiting).chain(unfinished).chain([written]).collect()
        }
        Record::Repeat(r) => vec![key(Index::RepeatByAcceptance).time(r.accepted_at).0],
        Record::Receipt(r) => {
            let waits = r.proof.is_none().then(|| key(Index::ReceiptWithoutProof).time(r.promised_at).0);
            waits.into_iter().chain([key(Index::ReceiptByPromise).time(r.promised_at).0]).collect()
        }
        Record::Held(r) => {
            let found = [
                key(Index::HeldByMailbox).bytes(r.mailbox.as_bytes()).time(r.accepted_at).0,
                key(Index::HeldByTry).time(r.next_try_at).0,
                key(Index::HeldByReference).text(r.reference.as_str()).0,
            ];
            let deposit = deposited(r.depositor.person, r.depositor.partner, r.accepted_at);
            found.into_iter().chain(deposit.filter(|_| r.outgoing.is_none())).collect()
        }
        Record::Partner(_)
        | Record::Review(_)
        | Record::Agreement(_)
        | Record::Grant(_)
        | Record::StsPolicy(_)
        | Record::MemberWrap(_)
        | Record::PersonalKey(_)
        | Record::MailPassword(_)
        | Record::KeyRotation(_)
        | Record::Upload(_)
        | Record::Person(_)
        | Record::ForwardCursor(_)
        | Record::Witness(_)
        | Record::Checkpoint(_)
        | Record::StampedCheckpoint(_)
        | Record::TimestampState(_)
        | Record::Restoration(_)
        | Record::RecoveryRequest(_)
        | Record::Pulse(_)
        | Record::Alert(_)
        | Record::Daily(_)
        | Record::MonthlyCounts(_)
        | Record::SendingDefaults(_)
        | Record::Effect(_) => vec![],
    }
}

/// Under what a deposit is found by who made it.
fn deposited(person: PersonId, partner: Option<PartnerId>, at: Timestamp) -> impl Iterator<Item = Vec<u8>> {
    let by = key(Index::DepositByPerson).bytes(person.as_bytes()).time_backwards(at).0;
    let of =
        partner.map(|partner| key(Index::DepositByPartner).bytes(partner.as_bytes()).time_backwards(at).0);
    of.into_iter().chain([by])
}

/// Under what a transfer is found that answers another one.
fn answering(transfer: &Transfer) -> Option<Vec<u8>> {
    let answered = transfer.answers?;
    Some(key(Index::TransferByAnswered).bytes(answered.as_bytes()).time(transfer.received_at).0)
}

/// Bytes at the end of each index entry of a case: when it was received, the address of its record.
pub(super) const CASE_TAIL_BYTES: usize = 8 + 1 + 16;

/// The entries by which the desks of its holders find a case, and time's work.
fn case_entries(r: &Transfer) -> Vec<Vec<u8>> {
    let mut entries = Vec::new();
    for holder in r.holders() {
        let terms = terms_of(r, holder).into_iter();
        entries.extend(terms.map(|term| case_term(holder, &term).time_backwards(r.received_at).0));
    }
    let due = r.case.next_due().map(|due| {
        key(Index::CaseByDue)
            .bytes(r.current_holder().as_bytes())
            .time(due.at())
            .time_backwards(r.received_at)
            .0
    });
    entries.extend(due);
    entries.extend(r.case.next_look_at.map(|at| key(Index::CaseByLook).time(at).0));
    entries
}

fn case_term(mailbox: MailboxId, term: &CaseTerm) -> IndexKey {
    let key = key(Index::CaseByTerm).bytes(mailbox.as_bytes());
    match term {
        CaseTerm::Standing(standing) => key.bytes(b"s").text(standing.code()),
        CaseTerm::Partner(partner) => key.bytes(b"p").bytes(partner.as_bytes()),
        CaseTerm::Site(site) => key.bytes(b"l").text(site),
        CaseTerm::Kind(code) => key.bytes(b"k").text(code),
        CaseTerm::Reason(code) => key.bytes(b"r").text(code),
        CaseTerm::Person(account) => key.bytes(b"a").bytes(account.as_bytes()),
        CaseTerm::Word(word) => key.bytes(b"w").text(word),
    }
}

/// Under what the register of a mailbox finds a line, wherever the line is kept.
fn register_entry(holder: MailboxId, received_at: Timestamp) -> Vec<u8> {
    key(Index::RegisterByMailbox).bytes(holder.as_bytes()).time_backwards(received_at).0
}

/// What the entries of a mailbox's register begin with.
pub(super) fn register_prefix(mailbox: MailboxId) -> Vec<u8> {
    key(Index::RegisterByMailbox).bytes(mailbox.as_bytes()).0
}

/// Where the lines stand that were received at the first instant or later, before the second one.
pub(super) fn register_range(
    mailbox: MailboxId,
    from: Option<Timestamp>,
    until: Option<Timestamp>,
) -> (Vec<u8>, Vec<u8>) {
    let all = register_prefix(mailbox);
    // The newest stand first.
    let first = until.map_or_else(|| all.clone(), |until| end_of(&register_entry(mailbox, until)));
    let end = from.map_or_else(|| end_of(&all), |from| end_of(&register_entry(mailbox, from)));
    (first, end)
}

/// What the entries of each term of a search begin with; those of the whole mailbox when it has none.
pub(super) fn case_prefixes(search: &CaseSearch) -> Vec<Vec<u8>> {
    if search.terms.is_empty() {
        return vec![key(Index::TransferByMailbox).bytes(search.mailbox.as_bytes()).0];
    }
    search.terms.iter().map(|term| case_term(search.mailbox, term).0).collect()
}

/// What the entries of a mailbox by due date begin with.
pub(super) fn case_due_prefix(mailbox: MailboxId) -> Vec<u8> {
    key(Index::CaseByDue).bytes(mailbox.as_bytes()).0
}

/// Where the cases stand that are due after the first instant, and at the second one or before it.
pub(super) fn case_due_range(mailbox: MailboxId, due: (Timestamp, Timestamp)) -> (Vec<u8>, Vec<u8>) {
    let at = |at| end_of(&key(Index::CaseByDue).bytes(mailbox.as_bytes()).time(at).0);
    (at(due.0), at(due.1))
}

/// What a range holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Holds {
    /// Records, by their own keys.
    Records,
    /// Index entries, which lead to records.
    IndexEntries,
}

/// Where a list stands.
#[derive(Debug)]
pub(super) struct Range {
    pub(super) from: Vec<u8>,
    pub(super) to: Vec<u8>,
    pub(super) direction: Direction,
    pub(super) holds: Holds,
    /// Of entries that have this many texts in common after the index, only the first one counts.
    pub(super) first_of_each: Option<FirstOfEach>,
}

/// How a list is read that has one entry of each text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct FirstOfEach {
    /// Where the text begins in a key; it ends with its NUL.
    text_at: usize,
}

impl FirstOfEach {
    /// The smallest key after all that have the same text.
    pub(super) fn after(self, key: &[u8]) -> Vec<u8> {
        let text = key.get(self.text_at..).unwrap_or_default();
        let length = text.iter().position(|byte| *byte == 0).map_or(text.len(), |nul| nul + 1);
        end_of(key.get(..self.text_at + length).unwrap_or(key))
    }
}

/// Where a list stands.
pub(super) fn range_of(list: &List) -> Range {
    match list {
        List::Organisations => records(Kind::Organisation, &[]),
        List::Mailboxes => records(Kind::Mailbox, &[]),
        List::Partners => records(Kind::Partner, &[]),
        List::Accounts => records(Kind::Account, &[]),
        List::AccountBySubject(digest) => all(key(Index::AccountBySubject).bytes(digest.as_bytes())),
        List::ApiClients => records(Kind::ApiClient, &[]),
        List::ApiClientByProof(digest) => all(key(Index::ApiClientByProof).bytes(digest.as_bytes())),
        List::ApiDepositsOf { client, before: None } => {
            all(key(Index::ApiDepositByClient).bytes(client.as_bytes()))
        }
        List::ApiDepositsOf { client, before: Some(at) } => {
            let client = key(Index::ApiDepositByClient).bytes(client.as_bytes());
            // After all that were begun at that instant; older ones stand behind them.
            Range { from: end_of(&client.clone().time_backwards(*at).0), ..all(client) }
        }
        List::ApiDepositByKey(digest) => all(key(Index::ApiDepositByKey).bytes(digest.as_bytes())),
        List::ApiDepositsBegunBefore(at) => before(Index::ApiDepositByBeginning, *at),
        List::AgreementsOf(mailbox) => records(Kind::Agreement, mailbox.as_bytes()),
        List::GrantsOf(transfer) => records(Kind::Grant, transfer.as_bytes()),
        List::MemberWrapsOf(mailbox) => records(Kind::MemberWrap, mailbox.as_bytes()),
        List::KeyRotations => records(Kind::KeyRotation, &[]),
        List::UploadsOf(draft) => records(Kind::Upload, draft.as_bytes()),
        List::PendingEffects => records(Kind::Effect, &[]),
        List::People => records(Kind::Person, &[]),
        List::Restorations => Range { direction: Direction::Backward, ..records(Kind::Restoration, &[]) },
        List::Checkpoints => Range { direction: Direction::Backward, ..records(Kind::Checkpoint, &[]) },
        List::Timestamps => Range { direction: Direction::Backward, ..records(Kind::StampedCheckpoint, &[]) },
        List::RegisterLines => records(Kind::Register, &[]),
        List::RegisterEndedBefore(at) => before(Index::RegisterByEnd, *at),
        List::MonthlyCountsOf(mailbox) => records(Kind::MonthlyCounts, mailbox.as_bytes()),
        List::RecoveryRequests => records(Kind::RecoveryRequest, &[]),
        List::Alerts => records(Kind::Alert, &[]),
        List::Pulses => records(Kind::Pulse, &[]),
        List::ReceiptsWithoutProof => all(key(Index::ReceiptWithoutProof)),
        List::ReceiptsPromisedBefore(at) => before(Index::ReceiptByPromise, *at),
        List::MailboxByPage(organisation, slug) => {
            all(key(Index::MailboxByPage).bytes(organisation.as_bytes()).text(slug.as_str()))
        }
        List::OrganisationBySlug(slug) => all(key(Index::OrganisationBySlug).text(slug.as_str())),
        List::MailboxByDepositAddress(address) => {
            all(key(Index::MailboxByDepositAddress).text(&address.to_string()))
        }
        List::AccountByAddress(address) => all(key(Index::AccountByAddress).text(&address.to_string())),
        List::AccountLinksOf(account) => all(key(Index::AccountLinkByAccount).bytes(account.as_bytes())),
        List::AccountLinksEndedBefore(at) => before(Index::AccountLinkByEnd, *at),
        List::SessionsOf(account) => all(key(Index::SessionByAccount).bytes(account.as_bytes())),
        List::SessionsBegunBefore(at) => before(Index::SessionByBeginning, *at),
        List::ProofByToken(token) => all(key(Index::ProofByToken).bytes(token.as_digest().as_bytes())),
        List::ProofsAskedBefore(at) => before(Index::ProofByAsking, *at),
        List::DraftsTouchedBefore(at) => before(Index::DraftByTouch, *at),
        List::TransferByReference(reference) => all(key(Index::TransferByReference).text(reference.as_str())),
        List::RegisterByReference(reference) => all(key(Index::RegisterByReference).text(reference.as_str())),
        List::TransfersOf { mailbox, before: None } => {
            all(key(Index::TransferByMailbox).bytes(mailbox.as_bytes()))
        }
        List::TransfersOf { mailbox, before: Some(at) } => {
            let mailbox = key(Index::TransferByMailbox).bytes(mailbox.as_bytes());
            // After all that were received at that instant; older ones stand behind them.
            Range { from: end_of(&mailbox.clone().time_backwards(*at).0), ..all(mailbox) }
        }
        List::DepositsBy { person, before } => {
            older(&key(Index::DepositByPerson).bytes(person.as_bytes()), *before)
        }
        List::DepositsOfPartner { partner, before } => {
            older(&key(Index::DepositByPartner).bytes(partner.as_bytes()), *before)
        }
        List::TransfersExpiringBy(at) => by(Index::TransferByExpiry, *at),
        List::LinksOf(transfer) => records(Kind::RecipientLink, transfer.as_bytes()),
        List::LinkByToken(token) => all(key(Index::LinkByToken).bytes(token.as_digest().as_bytes())),
        List::LinkSessionsBegunBefore(at) => before(Index::LinkSessionByBeginning, *at),
        List::OutgoingOf(mailbox) => all(key(Index::OutgoingByMailbox).bytes(mailbox.as_bytes())),
        List::SentOf(mailbox) => all(key(Index::SentByMailbox).bytes(mailbox.as_bytes())),
        List::SentByReference(reference) => all(key(Index::SentByReference).text(reference.as_str())),
        List::SentEndedBefore(at) => before(Index::SentByEnd, *at),
        List::AnswersTo(transfer) => all(key(Index::TransferByAnswered).bytes(transfer.as_bytes())),
        List::CasesToLookAtBy(at) => by(Index::CaseByLook, *at),
        List::HeldOf(mailbox) => all(key(Index::HeldByMailbox).bytes(mailbox.as_bytes())),
        List::HeldByReference(reference) => all(key(Index::HeldByReference).text(reference.as_str())),
        List::DraftsOf(mailbox, person) => {
            all(key(Index::DraftByPerson).bytes(mailbox.as_bytes()).bytes(person.as_bytes()))
        }
        List::HeldDueBy(at) => by(Index::HeldByTry, *at),
        List::MailsDueBy(at) => by(Index::MailByDue, *at),
        List::MailDomains { after } => {
            let all =
                Range { first_of_each: Some(FirstOfEach { text_at: 2 }), ..all(key(Index::MailByDomain)) };
            match after {
                None => all,
                Some(domain) => {
                    Range { from: end_of(&key(Index::MailByDomain).text(domain.as_str()).0), ..all }
                }
            }
        }
        List::MailsDueTo { domain, by } => {
            let domain = key(Index::MailByDomain).text(domain.as_str());
            Range { to: end_of(&domain.clone().time(*by).0), ..all(domain) }
        }
        List::MailsWaitingSince(at) => before(Index::MailWaiting, *at),
        List::UnfinishedMails { after: None } => all(key(Index::MailUnfinished)),
        List::UnfinishedMails { after: Some((at, mail)) } => {
            let last = key(Index::MailUnfinished).time(*at).bytes(&address(&Key::Mail(*mail)));
            Range { from: end_of(&last.0), ..all(key(Index::MailUnfinished)) }
        }
        List::MailsOf(transfer) => all(key(Index::MailByTransfer).bytes(transfer.as_bytes())),
        List::MailsWrittenBefore(at) => before(Index::MailByWriting, *at),
        List::RepeatsAcceptedBefore(at) => before(Index::RepeatByAcceptance, *at),
    }
}

fn records(kind: Kind, prefix: &[u8]) -> Range {
    let from = [&[RECORDS, kind as u8], prefix].concat();
    Range {
        to: end_of(&from),
        from,
        direction: Direction::Forward,
        holds: Holds::Records,
        first_of_each: None,
    }
}

fn all(prefix: IndexKey) -> Range {
    Range {
        to: end_of(&prefix.0),
        from: prefix.0,
        direction: Direction::Forward,
        holds: Holds::IndexEntries,
        first_of_each: None,
    }
}

/// Entries of an index by time backwards, those before an instant when one is given.
fn older(of: &IndexKey, before: Option<Timestamp>) -> Range {
    match before {
        None => all(of.clone()),
        // After all that were taken at that instant; older ones stand behind them.
        Some(at) => Range { from: end_of(&of.clone().time_backwards(at).0), ..all(of.clone()) },
    }
}

/// Entries before an instant, oldest first.
fn before(index: Index, at: Timestamp) -> Range {
    Range { to: key(index).time(at).0, ..all(key(index)) }
}

/// Entries at an instant or before it, oldest first.
fn by(index: Index, at: Timestamp) -> Range {
    Range { to: end_of(&key(index).time(at).0), ..all(key(index)) }
}

/// A key in the making.
#[derive(Debug, Clone)]
struct IndexKey(Vec<u8>);

fn key(index: Index) -> IndexKey {
    IndexKey(vec![INDEXES, index as u8])
}

impl IndexKey {
    /// Bytes of a fixed length.
    fn bytes(mut self, bytes: &[u8]) -> Self {
        self.0.extend_from_slice(bytes);
        self
    }

    /// A text that holds no NUL, ended by one so that no text is the beginning of another.
    fn text(self, text: &str) -> Self {
        self.bytes(text.as_bytes()).bytes(&[0])
    }

    fn time(self, at: Timestamp) -> Self {
        self.bytes(&ordered(at).to_be_bytes())
    }

    fn time_backwards(self, at: Timestamp) -> Self {
        self.bytes(&(!ordered(at)).to_be_bytes())
    }
}

/// The instant as a number whose unsigned order is that of time, before 1970 too.
const fn ordered(at: Timestamp) -> u64 {
    at.0.cast_unsigned() ^ (1 << 63)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn keys_stand_in_the_order_of_time(a: i64, b: i64) {
            let forwards = |at| key(Index::MailByDue).time(Timestamp(at)).0;
            let backwards = |at| key(Index::MailByDue).time_backwards(Timestamp(at)).0;
            prop_assert_eq!(a.cmp(&b), forwards(a).cmp(&forwards(b)));
            prop_assert_eq!(b.cmp(&a), backwards(a).cmp(&backwards(b)));
        }

        #[test]
        fn the_end_of_a_prefix_is_after_all_that_begin_with_it(prefix in prop::collection::vec(any::<u8>(), 1..6),
                                                               rest in prop::collection::vec(any::<u8>(), 0..6)) {
            let prefix = [&[INDEXES][..], &prefix].concat();
            let longer = [&prefix[..], &rest].concat();
            let end = end_of(&prefix);
            prop_assert!(longer < end);
            prop_assert!(!end.starts_with(&prefix));
        }
    }

    #[test]
    fn a_text_that_begins_another_does_not_find_it() {
        let (short, long) = (key(Index::AccountByAddress).text("a"), key(Index::AccountByAddress).text("ab"));
        let range = all(short);
        assert!(!(range.from <= long.0 && long.0 < range.to));
    }
}
