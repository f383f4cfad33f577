//! The use cases, one verb a file, and the ports that they need. This is where order is decided: what is checked
//! first, what is sealed before what, and what one commit holds. A use case reads like the story that it tells;
//! pages, the API and SMTP call the same ones.

mod accept_deposit;
mod accept_mail;
mod administer;
mod alerts;
mod another_draft;
mod answered_letter;
mod api_clients;
mod api_deposit;
mod arrived_file;
mod ask_keyring;
mod attempts;
mod attest_keys;
mod audit_settings;
mod backup;
mod breach_kit;
mod case;
mod case_rules;
mod caseload;
mod change_limits;
mod clock;
mod compose;
mod custody;
mod deliver_mails;
mod depositor_status;
mod desk;
mod dispatch;
mod dkim_keys;
mod doors;
mod draft_form;
mod effects;
mod error;
mod expire;
mod fill_draft;
mod forward_log;
mod heartbeat;
mod hold;
mod import_agreement;
mod import_sites;
mod inspect;
mod inspect_draft;
mod inspect_mail;
mod keep_log;
mod keep_policies;
pub mod kit_text;
mod letters;
mod links;
mod list_sent;
mod list_transfers;
mod mail_queue;
mod mail_sign_in;
mod mailbox_settings;
mod members;
mod note_bounce;
mod open_draft;
mod open_transfer;
mod other_drafts;
mod own_account;
mod passkeys;
mod people;
mod person_data;
mod personal_keys;
pub mod ports;
mod postmaster_mail;
mod prove_log;
mod provider_sign_in;
mod prune_log;
mod read_outside;
mod reads_on;
mod receipt;
mod recent_keys;
mod recover;
mod recovery_consent;
mod register;
mod register_kit;
mod release;
mod remind;
mod report_mail;
mod request_proof;
mod restore;
mod revoke;
mod rotate;
mod scan_tee;
mod seal_stream;
mod sealing;
mod second_factor;
mod second_notice;
mod self_check;
mod send_outgoing;
mod sending_defaults;
mod sign_in;
mod stamp_log;
mod standing;
mod step_up;
mod structure_tokens;
mod submit_mail;
mod suspended_mails;
mod tries;
mod unlocked;
mod upload;
mod upload_append;
mod upload_recover;
mod upload_turns;
mod withdraw_deposit;
mod witness;
mod write_tiles;

use std::collections::{HashMap, VecDeque};
use std::net::IpAddr;
use std::sync::atomic::AtomicBool;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use tokio::sync::{Notify, Semaphore};

pub use accept_deposit::{DepositAnswer, DepositRefusal, Sending};
pub use accept_mail::{InboundMail, MailAnswer, MailRefusal};
pub use administer::{NewAccount, NewMailbox, role_code};
pub use another_draft::PROOF_SERVES;
pub use api_clients::{ApiAccessError, ClientRefusal, NewApiClient, NewClientError, ShownProof};
pub use api_deposit::{
    API_LISTED_MAX, ApiDepositError, ApiDepositState, ApiDepositView, IDEMPOTENCY_KEY_MAX, NewApiDeposit,
};
pub use arrived_file::{ArrivedFile, FinishedFile, TogetherRefusal};
pub use attempts::{OwnTries, SignInTry, TryEnd};
pub use audit_settings::{AuditSettings, Timestamping, Witness};
pub use backup::{
    BackupEnd, BackupError, BackupHeader, BackupProgress, BackupTarget, CheckedBackup, check_backup,
};
pub use breach_kit::{
    BreachError, BreachReport, BreachScope, Deadline, Doer, ENTRIES_MAX, KitReader, ScopeEntry,
    TouchedTransfer,
};
pub use case::{CaseChange, CaseError};
pub use case_rules::{CaseCodes, CaseRules};
pub use caseload::{CASE_COUNT_MAX, CaseFilter, CaseTab, Caseload, CaseloadRow, DUE_SOON};
pub use change_limits::LimitsRefusal;
pub use clock::Now;
pub use compose::AnswerError;
pub use deliver_mails::{DueMails, SetOut};
pub use depositor_status::{Afterwards, DepositStanding, DepositStatus, StatusError};
pub use desk::{
    AccountRights, AgreementRights, DayKeyFate, ExportFormat, JournalFilter, JournalLine, JournalPage,
    MemberSince, Named, PageStart, PersonActivity, PersonFacts, ProofAnswer, ProofsOffered, RefusalGroup,
    RefusalsPage, RightsPage, SelectionExport, StoryPage, StoryStep, rights_table,
};
pub use dispatch::{DispatchError, DispatchOrder, DispatchStage, DispatchTarget, NOTE_MAX_BYTES};
pub use dkim_keys::{DkimError, DkimRecord};
pub use doors::ClosedDoor;
pub use draft_form::{DraftForm, FormChoice, FormOffer, FormRefusal};
pub use error::AppError;
pub use expire::Upkeep;
pub use fill_draft::{FileRefusal, FileSealing, ListedFile, SealedFile};
pub use forward_log::{EntrySink, ForwardError, NotConfirmed};
pub use heartbeat::HEARTBEAT_PATH;
pub use hold::HeldRun;
pub use import_agreement::{AgreementPart, ImportChange, ImportError};
pub use import_sites::{SiteImport, SiteImportError};
pub use inspect::{ScannerHealth, Scanning};
pub use inspect_draft::NamedRefusal;
pub use keep_log::LogState;
pub use links::{LinkError, LinkOpened, OutsideReader, SecondStep};
pub use list_sent::{OutgoingView, RecipientState, SentByMailbox, SentTransfer, ThreadLine};
pub use list_transfers::{ListedMailbox, ListedTransfer, OlderTransfers};
pub use mail_queue::{QueueChange, QueueDepth, QueueFilter, QueueLine, QueuePage, QueueState};
pub use mail_sign_in::{MailPasswordError, MailSenderError, MailSignInError};
pub use mailbox_settings::{MailboxSettings, SettingsChange, SettingsError};
pub use members::{MemberState, MemberView, MembersError, MembersView};
pub use open_draft::{DraftView, OpenDraftError, OpenedDraft};
pub use open_transfer::{Envelope, FileView, MailStatus, OpenError, OpenedTransfer, PartStream};
pub use other_drafts::OtherDraft;
pub use own_account::{EndedSessions, NAME_MAX_CHARS, OwnSession, parse_name};
pub use passkeys::{Ceremony, PasskeyError, ShownPasskey};
pub use people::{
    AccountChange, AccountLinkError, AccountLinkView, AgentChange, By, Cell, GESTIONNAIRES_MAX,
    HistoryFilter, HistoryPage, HistoryRow, HistoryState, HousePerson, HouseReview, ImportScope,
    ImportedPerson, Invitation, PeopleError, PeopleImportError, PersonChange, ReviewStanding,
    StructureAgreement, StructurePerson, StructureSummary, StructureView, Waiting, history_state,
    house_table, people_table, state_in_words,
};
pub use person_data::{ErasureError, ErasureReport, Kept, PersonData};
pub use personal_keys::{ResetError, SecretError};
pub use postmaster_mail::PostmasterRefusal;
pub use prove_log::{EntryProof, GrowthProof, ProofError};
pub use provider_sign_in::{BackFromProvider, GoingToProvider, ProviderSignInError};
pub use prune_log::Pruned;
pub use receipt::{AskedFile, CheckedReceipt};
pub use recover::{RecoveryFile, RecoveryIndex};
pub use recovery_consent::{RecoveryError, Voucher};
pub use register::{
    EXPORT_LINES_MAX, RegisterExportError, RegisterFilter, RegisterPage, RegisterRow, RegisterState,
    YearStatistics,
};
pub use register_kit::{PROCESSING_RECORD_TITLE, ProcessingRecord};
pub use request_proof::ProofAsked;
pub use restore::Restored;
pub use revoke::RevokeError;
pub use second_factor::{FactorError, NewFactor};
pub use second_notice::SecondAddressError;
pub use self_check::{Letters, MarkedWalk, SELF_CHECK_EVERY, WALKED};
pub use send_outgoing::{OutgoingSending, SendRefusal, TOLD_PASSWORD_MIN_CHARS};
pub use sending_defaults::{DefaultsError, UsualSending};
pub use sign_in::{SignInError, Signed};
pub use step_up::TypedProof;
pub use structure_tokens::{StructureTokenError, StructureTokens, WantedToken};
pub use submit_mail::{SubmissionAnswer, SubmissionRefusal, SubmittedEnvelope, SubmittedMail};
pub use tries::{Tries, network};
pub use upload::{NewUpload, UnfinishedUpload, UploadProgress, UploadRefusal};
pub use upload_append::{Append, Appending, CHECKED_MAX};

pub use stamp_log::{TimestampDoor, TimestampDoorError, TimestampView};
pub use suspended_mails::{SuspendedMails, TreatedAs};
pub use witness::{WitnessDoor, WitnessProblem, WitnessView};

use self::standing::WatchedStore;
use crate::audit::{Action, Actor, Entry as LogEntry, Event, NoteSigner, Object, Origin, Outcome};
use crate::content::FilePolicies;
use crate::policy::alerts::AlertPolicy;
use crate::policy::custody::CustodyPolicy;
use crate::policy::form::FormSet;
use crate::policy::outgoing::OutgoingPolicy;
use crate::policy::people::PeoplePolicy;
use crate::policy::privacy::PrivacyPolicy;
use crate::policy::register::RegisterPolicy;
use crate::policy::reminders::ReminderPolicy;
use crate::policy::sign_in::SignInPolicy;
use crate::policy::title::TitleGuard;
use crate::retention::{ClockGuard, ValidityPolicy};
use crate::value::{
    Digest, Domain, EffectId, MailAddress, MailboxId, PersonId, Timestamp, TransferId, keyed_digest,
};
use ports::{
    Clock, Delivery, Entry, Key, Keyring, List, Objects, PersonName, Random, Record, SecretName,
    SenderAuthentication, Store, TextRecords, UnitOfWork,
};
use tries::Counted;
use upload_turns::{Paces, UploadTurns};

/// How many withdrawn transfers are remembered, to cut the downloads that were under way: the oldest goes first.
const ENDED_MAX: usize = 10_000;
/// How many password checks run at once: each costs 19 MiB and tens of milliseconds.
const PASSWORD_CHECKS_AT_ONCE: usize = 2;
/// How often a unit that met a conflict is decided anew before the sender is asked to retry.
const CONFLICT_TRIES: usize = 8;

/// The policy files in force.
pub struct Policies {
    /// What a title may say.
    pub titles: TitleGuard,
    /// How long transfers live.
    pub validity: ValidityPolicy,
    /// When the security officer is told.
    pub alerts: AlertPolicy,
    /// The register's own codes, and how long its lines are kept.
    pub register: RegisterPolicy,
    /// When a mailbox is reminded of a case.
    pub reminders: ReminderPolicy,
    /// How people sign in.
    pub sign_in: SignInPolicy,
    /// Where content may go that only members can open.
    pub custody: CustodyPolicy,
    /// What becomes of mails that mail programs submit.
    pub outgoing: OutgoingPolicy,
    /// Which files are accepted.
    pub files: FilePolicies,
    /// What records of processing and notices of a breach say.
    pub privacy: PrivacyPolicy,
    /// What is asked of people who have an account.
    pub people: PeoplePolicy,
    /// The forms that agreements may open.
    pub forms: FormSet,
    /// The digest of all policy files together, which goes into the log with each decision.
    pub digest: Digest,
}

/// What the operator decides once.
#[derive(Debug, Clone)]
pub struct Settings {
    /// Where people reach the pages, without a slash at the end: `https://pli.carsat.example`.
    pub base_url: String,
    /// The gateway's mail domain: deposit addresses, return addresses, Message-IDs.
    pub mail_domain: Domain,
    /// The address that the gateway's mails come from; it takes no replies.
    pub mail_from: MailAddress,
    /// The name that they come from.
    pub mail_from_name: String,
    /// Who reads what is written to the postmaster of the gateway; none is nobody.
    pub postmaster: Option<MailAddress>,
    /// The origin line of the log's checkpoints (C2SP tlog-checkpoint).
    pub log_origin: String,
    /// The organisation's offline recovery recipient, if it has one.
    pub recovery: Option<crate::vault::Recipient>,
    /// What is decided about the log.
    pub audit: AuditSettings,
}

/// Everything that a use case may use. Shared by pages, SMTP, jobs and the command line.
pub struct App {
    /// Records and the log.
    pub store: Arc<dyn Store>,
    /// Sealed objects.
    pub objects: Arc<dyn Objects>,
    /// Keys.
    pub keyring: Arc<dyn Keyring>,
    /// The machine's clocks.
    pub clock: Arc<dyn Clock>,
    /// Randomness.
    pub random: Arc<dyn Random>,
    /// The way out for mails.
    pub delivery: Arc<dyn Delivery>,
    /// Examines who sent a mail.
    pub senders: Arc<dyn SenderAuthentication>,
    /// Reads what is published for keys of ours.
    pub names: Arc<dyn TextRecords>,
    /// The policy files in force; replaced as one when they are read anew.
    pub policies: arc_swap::ArcSwap<Policies>,
    /// What the operator decided.
    pub settings: Settings,
    guard: Mutex<ClockGuard>,
    /// A backup was restored and not opened since.
    closed: AtomicBool,
    /// Which run of the gateway this is.
    run: EffectId,
    verification: Mutex<Option<(Timestamp, bool)>>,
    /// When it was last looked at what time asks of people.
    people_settled: Mutex<Option<Timestamp>>,
    /// Whether a verification that the officer asked for is under way.
    verifying: AtomicBool,
    password_checks: Arc<Semaphore>,
    /// Failed sign-ins of mail programs, apart from those of the pages: one that has an old password must not keep its
    /// office from the pages.
    mail_tries: Tries,
    sign_in_tries: attempts::SignInTries,
    ceremonies: passkeys::Ceremonies,
    /// The organisation's own sign-in, once it is set up.
    provider: OnceLock<Arc<dyn ports::IdentityProvider>>,
    provider_memory: provider_sign_in::ProviderMemory,
    /// Who vouches for a recovery with a wrong password.
    recovery_tries: Counted<PersonId>,
    unlocked: unlocked::UnlockedKeys,
    recent_keys: recent_keys::RecentKeys,
    log_signer: OnceLock<NoteSigner>,
    /// The digests of mailbox recipients that were read from the log.
    logged_keys: Mutex<HashMap<MailboxId, Digest>>,
    mail_waits: Notify,
    /// Where outgoing mails are under way, and what is known of who takes them.
    lanes: Mutex<crate::relay::destination::Lanes>,
    /// Where the last look at the queue ended.
    walked_to: Mutex<Option<Domain>>,
    /// When mails were last given up for their age, all of them.
    gave_up_at: Mutex<Option<crate::value::Timestamp>>,
    receipt_waits: Notify,
    deposit_places: receipt::DepositPlaces,
    log_watch: tokio::sync::Mutex<Option<alerts::LogWatch>>,
    uploads: UploadTurns,
    paces: Paces,
    postmaster_pace: postmaster_mail::PostmasterPace,
    inspecting: Option<inspect::Inspecting>,
    held_waits: Notify,
    /// Transfers that were withdrawn in this run: downloads of them are cut.
    ended: Mutex<VecDeque<TransferId>>,
}

impl App {
    /// Puts the parts together. The clock's anchor is read from the keyring.
    pub fn new(parts: AppParts) -> Result<Self, AppError> {
        let anchor = parts.keyring.clock_anchor()?;
        let run = EffectId::new(parts.random.bytes());
        let store = WatchedStore {
            inner: parts.store,
            keyring: Arc::clone(&parts.keyring),
            clock: Arc::clone(&parts.clock),
        };
        let store: Arc<dyn Store> = Arc::new(store);
        parts.delivery.keep_policies_in(Arc::new(keep_policies::PoliciesInStore {
            store: Arc::clone(&store),
            clock: Arc::clone(&parts.clock),
        }));
        Ok(Self {
            store,
            objects: parts.objects,
            keyring: parts.keyring,
            clock: parts.clock,
            random: parts.random,
            delivery: parts.delivery,
            senders: parts.senders,
            names: parts.names,
            policies: arc_swap::ArcSwap::from_pointee(parts.policies),
            settings: parts.settings,
            guard: Mutex::new(ClockGuard::new(anchor)),
            closed: AtomicBool::new(false),
            run,
            verification: Mutex::new(None),
            people_settled: Mutex::new(None),
            verifying: AtomicBool::new(false),
            password_checks: Arc::new(Semaphore::new(PASSWORD_CHECKS_AT_ONCE)),
            mail_tries: Tries::of_secrets(),
            sign_in_tries: attempts::SignInTries::default(),
            ceremonies: passkeys::Ceremonies::default(),
            provider: OnceLock::new(),
            provider_memory: provider_sign_in::ProviderMemory::default(),
            recovery_tries: Counted::default(),
            unlocked: unlocked::UnlockedKeys::default(),
            recent_keys: recent_keys::RecentKeys::default(),
            log_signer: OnceLock::new(),
            logged_keys: Mutex::default(),
            mail_waits: Notify::new(),
            lanes: Mutex::default(),
            walked_to: Mutex::default(),
            gave_up_at: Mutex::default(),
            receipt_waits: Notify::new(),
            deposit_places: receipt::DepositPlaces::default(),
            log_watch: tokio::sync::Mutex::new(None),
            uploads: UploadTurns::default(),
            paces: Paces::default(),
            postmaster_pace: postmaster_mail::PostmasterPace::default(),
            inspecting: parts.scanning.map(inspect::Inspecting::new),
            held_waits: Notify::new(),
            ended: Mutex::default(),
        })
    }

    /// Notes that a transfer was withdrawn: whoever still reads it is cut.
    fn note_ended(&self, transfer: TransferId) {
        let mut ended = self.ended.lock().unwrap_or_else(PoisonError::into_inner);
        if ended.len() >= ENDED_MAX {
            ended.pop_front();
        }
        ended.push_back(transfer);
    }

    /// Whether a transfer was withdrawn in this run.
    fn was_ended(&self, transfer: TransferId) -> bool {
        self.ended.lock().unwrap_or_else(PoisonError::into_inner).contains(&transfer)
    }

    /// Waits until a commit has put a mail into the queue.
    pub async fn mail_waits(&self) {
        self.mail_waits.notified().await;
    }

    /// The pseudonym of an address in the log (DESIGN section 6): keyed, so that the log tells no address.
    pub(crate) fn person_of(&self, address: &MailAddress) -> Result<PersonId, AppError> {
        let key = self.keyring.secret(SecretName::Pseudonyms)?;
        let digest = keyed_digest(&key, &[b"person", address.to_string().as_bytes()]);
        let mut id = [0; 16];
        id.copy_from_slice(&digest.as_bytes()[..16]);
        Ok(PersonId::new(id))
    }

    /// Notes in a unit the name that a pseudonym stands for.
    pub(crate) fn note_person(
        &self,
        unit: &mut UnitOfWork,
        address: &MailAddress,
        now: Timestamp,
    ) -> Result<PersonId, AppError> {
        let person = self.person_of(address)?;
        unit.put(PersonName { person, address: address.clone(), met_at: now });
        Ok(person)
    }

    /// Adds an event to a unit.
    pub(crate) fn log(&self, unit: &mut UnitOfWork, event: Event) -> Result<(), AppError> {
        let entry = LogEntry::new(&event, self.random.bytes()).map_err(|_| AppError::Broken("log entry"))?;
        unit.entries.push(Entry { event, entry });
        Ok(())
    }

    /// Commits a unit that holds nothing but one event, such as a refusal.
    pub(crate) async fn log_alone(&self, event: Event) -> Result<(), AppError> {
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, event)?;
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Reads one record of a known kind.
    pub(crate) async fn read<R: TryFrom<Record, Error = ports::StoreError>>(
        &self,
        key: &Key,
    ) -> Result<Option<(R, u64)>, AppError> {
        let found = self.store.get(key).await?;
        Ok(found
            .map(|found| Ok::<_, ports::StoreError>((R::try_from(found.record)?, found.version)))
            .transpose()?)
    }

    /// Reads the records of a list of a known kind.
    pub(crate) async fn read_list<R: TryFrom<Record, Error = ports::StoreError>>(
        &self,
        list: &List,
        limit: usize,
    ) -> Result<Vec<(R, u64)>, AppError> {
        let found = self.store.list(list, limit).await?;
        let typed = found.into_iter().map(|found| Ok((R::try_from(found.record)?, found.version)));
        Ok(typed.collect::<Result<_, ports::StoreError>>()?)
    }

    /// Reads the one record of a list that holds at most one.
    pub(crate) async fn read_one<R: TryFrom<Record, Error = ports::StoreError>>(
        &self,
        list: &List,
    ) -> Result<Option<(R, u64)>, AppError> {
        Ok(self.read_list(list, 1).await?.pop())
    }
}

/// What [`App::new`] needs.
pub struct AppParts {
    /// See [`App::store`].
    pub store: Arc<dyn Store>,
    /// See [`App::objects`].
    pub objects: Arc<dyn Objects>,
    /// See [`App::keyring`].
    pub keyring: Arc<dyn Keyring>,
    /// See [`App::clock`].
    pub clock: Arc<dyn Clock>,
    /// See [`App::random`].
    pub random: Arc<dyn Random>,
    /// See [`App::delivery`].
    pub delivery: Arc<dyn Delivery>,
    /// The scanner that files are inspected with; none when they are not inspected.
    pub scanning: Option<Scanning>,
    /// See [`App::senders`].
    pub senders: Arc<dyn SenderAuthentication>,
    /// See [`App::names`].
    pub names: Arc<dyn TextRecords>,
    /// See [`App::policies`].
    pub policies: Policies,
    /// See [`App::settings`].
    pub settings: Settings,
}

/// Where a request comes from, for the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Visitor {
    /// The network address.
    pub address: IpAddr,
}

impl Visitor {
    /// The log's form of it, for a page or the API.
    pub const fn web(self) -> Origin {
        Origin::Web { address: self.address }
    }

    /// The log's form of it, for a mail connection.
    pub const fn smtp(self) -> Origin {
        Origin::Smtp { address: self.address }
    }
}

/// Begins an event.
pub(crate) const fn event(
    at: Timestamp,
    actor: Actor,
    action: Action,
    object: Object,
    outcome: Outcome,
    origin: Origin,
) -> Event {
    Event::new(at, actor, action, object, outcome, origin)
}

impl UnitOfWork {
    /// Writes a record.
    pub(crate) fn put(&mut self, record: impl Into<Record>) {
        self.changes.push(ports::Change::Put(record.into()));
    }

    /// Deletes a record.
    pub(crate) fn delete(&mut self, key: Key) {
        self.changes.push(ports::Change::Delete(key));
    }

    /// Demands that a record was not written since it was read.
    pub(crate) fn expect_unchanged(&mut self, key: Key, version: u64) {
        self.expectations.push(ports::Expectation::Unchanged(key, version));
    }

    /// Demands that no record has this key.
    pub(crate) fn expect_absent(&mut self, key: Key) {
        self.expectations.push(ports::Expectation::Absent(key));
    }
}
