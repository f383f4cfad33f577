//! The life of a transfer: a draft that fills, a transfer that can be opened until it expires, the register
//! line that stays.

mod case;
mod defaults;
mod draft;
mod form_codes;
mod held;
mod outgoing;
mod pace;
mod register;
mod reminders;
mod repeat;
mod sender;
mod statistics;
mod upload;

use serde::{Deserialize, Serialize};

pub use case::{
    Answer, AnswerWay, Case, CaseKind, CaseRefusal, CaseState, Due, DueDates, Escalation, EscalationReason,
    Reminder, Step,
};
pub use defaults::{DefaultsOf, SendingDefaults, TellDownloads};
pub use draft::{DRAFT_LIFE, Draft, DraftError, DraftPart, DraftPurpose, DraftState, Reservation};
pub use form_codes::FormCodes;
pub use held::{
    Check, DraftInspection, HOLD_LIFE, HOLD_WARNING, HeldDeposit, HeldPart, HoldReason, REFUSED_TEXT,
    RefusedFile,
};
pub use outgoing::{OUTSIDE_RECIPIENTS_MAX, Outgoing, SentLine};
pub use pace::Pace;
pub use register::{Ending, GivenAnswer, Promise, RegisterLine};
pub use repeat::Repeat;
pub use sender::{
    Belief, CertificateDigest, CheckResult, DmarcCheck, DomainCheck, SenderEvidence, SenderFindings,
};
pub use statistics::{Counts, Delays, Group, MonthOfYear, MonthlyCounts, Tally};
pub use upload::{
    KeptSegment, OpenSegment, SEGMENT_FULL, SEGMENT_SMALL, SEGMENTS_MAX, Upload, UploadError, UploadState,
    fold_from,
};

use crate::policy::title::CleanTitle;
use crate::value::{
    AccountId, ByteSize, Digest, Language, MailAddress, MailboxId, PartnerId, PersonId, Reference, Timestamp,
    TransferId,
};
use crate::vault::Sealed;

/// Where the object store keeps a sealed object: given by the store, opaque to everybody else.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ObjectLocator(pub String);

/// By which door a transfer came in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Route {
    /// The deposit page.
    Page,
    /// A partner's software, by the HTTP API.
    Api,
    /// A mail to the mailbox's address at the gateway (D7).
    Mail,
    /// A member of the mailbox answered a transfer (T5).
    Answer,
    /// A member of the mailbox composed it (T9).
    Composed,
}

/// Who deposited; stays visible to every later holder (T4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Depositor {
    /// The proven address.
    pub address: MailAddress,
    /// Its pseudonym in the log.
    pub person: PersonId,
    /// The partner; none of a member of the house, nor of somebody outside who answers and whom no agreement knows.
    pub partner: Option<PartnerId>,
    /// The partner's name at the time; where there is no partner, the organisation's, or the domain of the address.
    pub partner_name: String,
    /// The site, when the address is a site's.
    pub site: Option<String>,
    /// What a mail brought along to prove who sent it; none of a deposit by the page, whose address was proved.
    pub evidence: Option<SenderEvidence>,
}

impl Transfer {
    /// Whether the mails that speak of it go by verified TLS only (RFC 8689): whoever brought it here by mail asked for it.
    pub fn requires_tls(&self) -> bool {
        self.depositor.requires_tls() || self.outgoing.as_ref().is_some_and(|outgoing| outgoing.requires_tls)
    }
}

impl Depositor {
    /// Whether the mails that speak of the deposit go by verified TLS only (RFC 8689).
    pub fn requires_tls(&self) -> bool {
        self.evidence.as_ref().is_some_and(|evidence| evidence.requires_tls)
    }
}

/// The first time that somebody opened a transfer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct FirstOpening {
    /// When.
    pub at: Timestamp,
    /// By whom.
    pub by: AccountId,
}

/// A transfer was passed on to another mailbox; the data is not copied, a grant was added (T4).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Dispatch {
    /// The mailbox that had it.
    pub from: MailboxId,
    /// The mailbox that has it since.
    pub to: MailboxId,
    /// By whom.
    pub by: AccountId,
    /// When.
    pub at: Timestamp,
    /// The member of that mailbox who was told by name, if one was.
    pub copy_to: Option<AccountId>,
    /// What was said along with it, sealed to the transfer's own key.
    pub note: Option<Sealed>,
}

/// A transfer that was released to its mailbox. It ends at `expires_at`, and then only a [`RegisterLine`] stays.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Transfer {
    /// Its id.
    pub id: TransferId,
    /// What people quote.
    pub reference: Reference,
    /// The mailbox that it was deposited into.
    pub mailbox: MailboxId,
    /// Who deposited.
    pub depositor: Depositor,
    /// The title, which travels in clear.
    pub title: CleanTitle,
    /// By which door.
    pub route: Route,
    /// The depositor's language.
    pub language: Language,
    /// When it was released.
    pub received_at: Timestamp,
    /// From this millisecond on nobody opens it (V1 to V3).
    pub expires_at: Timestamp,
    /// How many files, the message not counted.
    pub file_count: u32,
    /// Their size in clear.
    pub total_size: ByteSize,
    /// The sealed manifest.
    pub manifest: Sealed,
    /// Its digest, which stands in the log too.
    pub manifest_digest: Digest,
    /// The sealed objects: the n-th are the segments of the manifest's n-th part, in order.
    pub objects: Vec<Vec<ObjectLocator>>,
    /// What is known of each part by inspection, in the order of the parts.
    pub checks: Vec<Check>,
    /// Files of the deposit that were refused and are not in it.
    pub refused: Vec<RefusedFile>,
    /// SHA-256 of the mail as it came in, when that was not kept because a file of it was refused.
    pub original_digest: Option<Digest>,
    /// Set once.
    pub first_opening: Option<FirstOpening>,
    /// The mailboxes from which somebody opened it.
    #[serde(default)]
    pub opened_in: Vec<MailboxId>,
    /// Where its case stands, and by when.
    #[serde(default)]
    pub case: Case,
    /// To whom it was passed on, in order.
    #[serde(default)]
    pub dispatches: Vec<Dispatch>,
    /// What it has when a member sent it to people outside; none of a deposit.
    #[serde(default)]
    pub outgoing: Option<Box<Outgoing>>,
    /// The transfer that it answers, whichever side answers.
    #[serde(default)]
    pub answers: Option<TransferId>,
    /// What its form says in codes, where it has one.
    #[serde(default)]
    pub form: Option<Box<FormCodes>>,
}

impl Transfer {
    /// Whether it can still be opened. A clock that shows a time before the deposit opens nothing.
    pub fn is_live(&self, now: Timestamp) -> bool {
        now < self.expires_at
    }

    /// The mailboxes that hold a grant of it: its own first, then those that it was dispatched to.
    pub fn holders(&self) -> impl Iterator<Item = MailboxId> {
        std::iter::once(self.mailbox).chain(self.dispatches.iter().map(|dispatch| dispatch.to))
    }

    /// The mailbox whose it is to treat: the one that it was dispatched to last.
    pub fn current_holder(&self) -> MailboxId {
        self.dispatches.last().map_or(self.mailbox, |dispatch| dispatch.to)
    }

    /// Notes an opening from one of the mailboxes that hold it; says whether it was the first, or the first from there.
    pub fn note_opening(&mut self, at: Timestamp, by: AccountId, from: MailboxId) -> bool {
        self.first_opening.get_or_insert(FirstOpening { at, by });
        let first = !self.opened_in.contains(&from);
        if first {
            self.opened_in.push(from);
        }
        first
    }

    /// What stays of one that a member sent when it ended.
    pub fn into_sent_line(self, by: AccountId, opened: u32, ending: Ending, ended_at: Timestamp) -> SentLine {
        let recipients = self.outgoing.as_ref().map_or(0, |outgoing| outgoing.to.len());
        SentLine {
            transfer: self.id,
            reference: self.reference,
            mailbox: self.mailbox,
            by,
            sent_at: self.received_at,
            recipients: u32::try_from(recipients).unwrap_or(u32::MAX),
            opened,
            ending,
            ended_at,
        }
    }
}
