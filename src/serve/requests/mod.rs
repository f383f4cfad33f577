//! What the command line asks of a gateway, running or opened for the purpose, and how it is done: each request calls
//! use cases and answers in lines, files and bytes. The command line parses and prints; nothing is decided there.

mod add;
mod backup;
mod change;
mod dkim;
mod export;
mod import;
mod kits;
mod limits;
mod list;
mod log;
mod people;
mod queue;
mod recover;
mod recovery;
mod second_address;
mod token;

use std::io;
use std::sync::Arc;

use clap::{Args, ValueEnum};
use serde::{Deserialize, Serialize};
use thiserror::Error;

pub use dkim::{DkimNamed, NewDkimKey};
pub use log::ProofWanted;

use super::control::{Replies, Reply};
use crate::app::{
    App, AppError, DkimError, ImportError, NewClientError, PeopleError, PeopleImportError, ProofError,
    QueueChange, RecoveryError, SecondAddressError, SettingsError, SiteImportError, SuspendedMails,
};
use crate::audit::Origin;
use crate::identity::{NetworkRange, Role};
use crate::mailbox::LimitsError;
use crate::policy::password::WeakPassword;
use crate::relay::letter::SecretText;
use crate::value::{Digest, Domain, Language, MailAddress, Reference, Slug};
use crate::vault::Recipient;
pub use kits::BreachRequest;
pub use limits::MailboxLimits;
pub use people::{AccountStep, Exclusion, Invited, ManagerNamed};
pub use queue::{QueueChosen, QueueListed, QueueSelection, QueueShown, QueueStateName};
pub use recovery::{RecoveryAsk, RecoveryConfirm, RecoveryKeys};
pub use second_address::MailboxChange;
pub use token::{NewToken, TokenNamed};

/// A request.
#[derive(Debug, Serialize, Deserialize)]
#[serde(tag = "command", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// The whole log, as bytes.
    AuditExport,
    /// Proofs of the log, as JSON.
    AuditProve(ProofWanted),
    /// The log in the layout of C2SP tlog-tiles, as files.
    AuditTiles {
        /// With the entries themselves.
        entries: bool,
    },
    /// One plain age file per sealed object, as files.
    RecoverExport,
    /// The same, with the identities of the live days.
    RecoverKeys(RecoveryKeys),
    /// Ask for the identities of the live days.
    RecoverAsk(RecoveryAsk),
    /// Confirm that somebody else asked.
    RecoverConfirm(RecoveryConfirm),
    /// Who asked, and whether it is confirmed.
    RecoverList(ListOptions),
    /// A backup, as bytes of an age file to these recipients.
    Backup {
        /// Who can open it.
        recipients: Vec<Recipient>,
    },
    /// An operator looked at what was restored: the gateway opens.
    RestoreOpen,
    /// What a restore suspended.
    SuspendedMails(SuspendedMailsOptions),
    /// The mails that wait to leave.
    QueueList(QueueListed),
    /// One of them.
    QueueShow(QueueShown),
    /// Mails are tried now.
    QueueRetry(QueueChosen),
    /// Mails are held back.
    QueueHold(QueueChosen),
    /// Mails are given up.
    QueueDrop(QueueChosen),
    /// An operator looked at the clock: it is right.
    ClockConfirm,
    /// The kit of a breach, as files.
    BreachKit(BreachRequest),
    /// The record of processing, as files.
    ProcessingRecord,
    /// All that is held about an address, as files.
    PersonExport {
        /// The address.
        address: MailAddress,
    },
    /// Erase what is held about an address.
    PersonErase {
        /// The address.
        address: MailAddress,
    },
    /// The salt of a deposit's receipt.
    ReceiptSalt {
        /// The deposit.
        reference: Reference,
    },
    /// The public keys.
    KeyShow(ListOptions),
    /// A new key that signs mails.
    DkimAdd(NewDkimKey),
    /// The keys that sign mails.
    DkimList(ListOptions),
    /// A key whose record is published signs from now on.
    DkimUse(DkimNamed),
    /// A key signs no more.
    DkimRetire(DkimNamed),
    /// The organisations.
    OrganisationList(ListOptions),
    /// A new organisation.
    OrganisationAdd(NewOrganisation),
    /// The mailboxes.
    MailboxList(ListOptions),
    /// A new mailbox.
    MailboxAdd(NewMailbox),
    /// A mailbox is changed.
    MailboxChange(MailboxChange),
    /// A member manages a mailbox, or not any more.
    MailboxManager(ManagerNamed),
    /// An account is entitled to a mailbox.
    MailboxEntitle(Membership),
    /// What a deposit into a mailbox may be.
    MailboxLimits(MailboxLimits),
    /// A new key for a mailbox that nobody opens any more.
    MailboxFoundAnew(Foundation),
    /// The partners.
    PartnerList(ListOptions),
    /// A new partner.
    PartnerAdd(NewPartner),
    /// An agreement, from its file.
    AgreementImport {
        /// The file's text.
        text: String,
    },
    /// The sites of a partner, from a table.
    SiteImport {
        /// The partner's name.
        partner: String,
        /// The table's text.
        text: String,
        /// Only tell what would change.
        dry_run: bool,
    },
    /// People, from a table.
    PeopleImport {
        /// The table's text.
        text: String,
        /// Only tell what would change.
        dry_run: bool,
    },
    /// An agreement of a partner that is there.
    PartnerAllow(Allowed),
    /// Tokens and certificates of partners' software.
    TokenList(ListOptions),
    /// A new one.
    TokenAdd(NewToken),
    /// One is revoked.
    TokenRevoke(TokenNamed),
    /// The accounts.
    AccountList(ListOptions),
    /// A new account, with its first password.
    AccountAdd(NewAccount),
    /// A new account, which its owner activates.
    AccountInvite(Invited),
    /// An account of a structure is changed.
    AccountChange {
        /// The address that signs in.
        address: MailAddress,
        /// How.
        step: AccountStep,
    },
    /// A structure or an address of it is excluded, or not any more.
    PartnerExclude {
        /// Which.
        exclusion: Exclusion,
        /// Whether it is.
        excluded: bool,
    },
    /// An account is cut off.
    AccountCutOff(AccountNamed),
    /// Somebody lost telephone and recovery codes: no code is asked for any more.
    AccountDropCode(AccountNamed),
    /// A mail program's password is made or revoked.
    AccountMailPassword(MailPasswordRequest),
    /// A forgotten password is reset.
    AccountReset(Reset),
}

/// What is done with the mails that a restore suspended.
#[derive(Debug, Clone, Copy, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SuspendedMailsOptions {
    /// What.
    pub what: SuspendedMails,
}

/// How a list is written.
#[derive(Debug, Clone, Copy, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ListOptions {
    /// One JSON object a line, for scripts.
    #[arg(long)]
    pub json: bool,
}

/// A new organisation.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewOrganisation {
    /// Its part of page addresses: lower-case letters, digits, hyphens.
    #[arg(long, value_parser = Slug::parse)]
    pub slug: Slug,
    /// Its name as people know it.
    #[arg(long)]
    pub name: String,
    /// Its postal address, for the information notice.
    #[arg(long)]
    pub postal_address: String,
    /// The mail address of its data protection officer.
    #[arg(long, value_parser = MailAddress::parse)]
    pub data_protection_officer: MailAddress,
}

/// What a mailbox is for.
#[derive(Debug, Clone, Copy, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum MailboxKindName {
    /// Partners deposit into it.
    Generic,
    /// Cases are dispatched to it.
    Agency,
}

/// In whose custody a mailbox's key is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum CustodyName {
    /// Its members alone open it.
    Members,
    /// The gateway's key file opens it: rights protect it, not cryptography.
    Gateway,
}

/// A new mailbox.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewMailbox {
    /// The organisation's slug; can be left out when there is one organisation.
    #[arg(long, value_parser = Slug::parse)]
    pub organisation: Option<Slug>,
    /// Its part of the deposit page's address, and its name in policy files.
    #[arg(long, value_parser = Slug::parse)]
    pub slug: Slug,
    /// What it is for.
    #[arg(long, value_enum, default_value = "generic")]
    pub kind: MailboxKindName,
    /// Its name as people know it.
    #[arg(long)]
    pub name: String,
    /// What to deposit here, one sentence for the page.
    #[arg(long)]
    pub purpose: String,
    /// Its address at the gateway, which takes deposits by mail.
    #[arg(long, value_parser = MailAddress::parse)]
    pub deposit_address: MailAddress,
    /// The team's own address, where notices go; never the deposit address.
    #[arg(long, value_parser = MailAddress::parse)]
    pub notice_address: MailAddress,
    /// Who is told when a notice does not arrive there, such as the team's manager.
    #[arg(long, value_parser = MailAddress::parse)]
    pub second_notice_address: Option<MailAddress>,
    /// In whose custody its key is.
    #[arg(long, value_enum, default_value = "members")]
    pub custody: CustodyName,
    /// The address of an account that can open it from the first day on; can be repeated. Custody "members" needs one.
    #[arg(long = "member", value_parser = MailAddress::parse)]
    pub members: Vec<MailAddress>,
}

/// A new partner.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewPartner {
    /// Its name as people know it.
    #[arg(long)]
    pub name: String,
    /// A domain of its professional addresses; can be repeated.
    #[arg(long = "domain", required = true, value_parser = Domain::parse)]
    pub domains: Vec<Domain>,
    /// A site, written "Name=mailbox@domain"; can be repeated.
    #[arg(long = "site")]
    pub sites: Vec<String>,
    /// A network whose mail hosts speak for this partner, such as 192.0.2.0/24; can be repeated.
    #[arg(long = "relay", value_parser = NetworkRange::parse)]
    pub relays: Vec<NetworkRange>,
    /// SHA-256 of a certificate (DER, in hexadecimal) by which such a host proves itself instead; can be repeated.
    #[arg(long = "relay-certificate", value_parser = parse_digest)]
    pub relay_certificates: Vec<Digest>,
    /// A mail that passes DMARC for the author's domain is taken for the author's.
    #[arg(long)]
    pub dmarc: bool,
    /// The slug of a mailbox that it may deposit into from today on; can be repeated.
    #[arg(long = "mailbox", value_parser = Slug::parse)]
    pub mailboxes: Vec<Slug>,
    /// Within how many hours it is told of a breach; without it, within those of policies/privacy.toml.
    #[arg(long, value_name = "HOURS")]
    pub breach_hours: Option<u32>,
}

/// An agreement of a partner with a mailbox.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Allowed {
    /// The partner's name.
    #[arg(long)]
    pub name: String,
    /// The slug of the mailbox that it may deposit into.
    #[arg(long, value_parser = Slug::parse)]
    pub mailbox: Slug,
    /// Within how many hours it is told of a breach; without it, what is agreed stays.
    #[arg(long, value_name = "HOURS")]
    pub breach_hours: Option<u32>,
}

/// Reads a digest as `openssl x509 -fingerprint -sha256` writes it, colons or not.
fn parse_digest(text: &str) -> Result<Digest, &'static str> {
    const UNFIT: &str = "a SHA-256 digest has 64 hexadecimal digits";
    let digits: Vec<u32> =
        text.chars().filter(|c| *c != ':').map(|c| c.to_digit(16)).collect::<Option<_>>().ok_or(UNFIT)?;
    let bytes: Vec<u8> = digits
        .chunks(2)
        .map(|pair| u8::try_from(pair.iter().fold(0, |byte, digit| byte * 16 + digit)).map_err(|_| UNFIT))
        .collect::<Result<_, _>>()?;
    if digits.len() % 2 == 1 {
        return Err(UNFIT);
    }
    bytes.try_into().map(Digest::from_bytes).map_err(|_| UNFIT)
}

/// What a person does.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
#[value(rename_all = "snake_case")]
pub enum RoleName {
    /// Opens and treats what comes into mailboxes.
    Agent,
    /// Manages the people of a partner's structure.
    Gestionnaire,
    /// Deposits for a partner's structure.
    Technicien,
    /// Appoints gestionnaires and looks after rights; sees no content and no log.
    Administrator,
    /// Reads and verifies the log.
    SecurityOfficer,
}

impl From<RoleName> for Role {
    fn from(name: RoleName) -> Self {
        match name {
            RoleName::Agent => Self::Agent,
            RoleName::Gestionnaire => Self::Gestionnaire,
            RoleName::Technicien => Self::Technicien,
            RoleName::Administrator => Self::Administrator,
            RoleName::SecurityOfficer => Self::SecurityOfficer,
        }
    }
}

/// A new account.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewAccount {
    /// The address that signs in.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// First and last name.
    #[arg(long)]
    pub name: String,
    /// What the person does.
    #[arg(long, value_enum)]
    pub role: RoleName,
    /// The slug of a mailbox that an agent reads; can be repeated.
    #[arg(long = "mailbox", value_parser = Slug::parse)]
    pub mailboxes: Vec<Slug>,
    /// The name of the structure of a gestionnaire or a technicien.
    #[arg(long)]
    pub partner: Option<String>,
    /// The person signs in by the organisation's provider ([oidc]) alone: no password is read, nobody has one.
    #[arg(long)]
    pub sso: bool,
    /// The language of the person's pages, "fr" or "en".
    #[arg(long, default_value = "fr", value_parser = parse_language)]
    pub language: Language,
    /// The first password. Read from standard input, never from the command line.
    #[arg(skip = SecretText::new(String::new()))]
    pub password: SecretText,
}

/// An account, by its address.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AccountNamed {
    /// The address that signs in.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
}

/// The password of a person's mail program.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct MailPasswordRequest {
    /// The address that signs in.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// End the one that there is, without a new one.
    #[arg(long)]
    pub revoke: bool,
}

/// A forgotten password, reset.
#[derive(Debug, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Reset {
    /// The address that signs in.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
    /// Also when the account is the last that opens a mailbox, whose live mail is then lost to all but the recovery
    /// identity.
    #[arg(long)]
    pub accept_loss: bool,
    /// The new password. Read from standard input, never from the command line.
    #[arg(skip = SecretText::new(String::new()))]
    pub password: SecretText,
}

/// An account and a mailbox.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Membership {
    /// The mailbox's slug.
    #[arg(long, value_parser = Slug::parse)]
    pub mailbox: Slug,
    /// The address of the account.
    #[arg(long, value_parser = MailAddress::parse)]
    pub address: MailAddress,
}

/// A mailbox that nobody opens any more, and who shall from now on.
#[derive(Debug, Clone, Args, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Foundation {
    /// The mailbox's slug.
    #[arg(long, value_parser = Slug::parse)]
    pub mailbox: Slug,
    /// The address of an account that is entitled to it; can be repeated.
    #[arg(long = "member", required = true, value_parser = MailAddress::parse)]
    pub members: Vec<MailAddress>,
}

fn parse_language(text: &str) -> Result<Language, &'static str> {
    Language::from_tag(text).ok_or("the languages are fr and en")
}

/// Why a request is not done.
#[derive(Debug, Error)]
pub enum RequestError {
    /// A use case failed; the operator must look.
    #[error(transparent)]
    App(#[from] AppError),
    /// There is no such proof; the operator must ask for another.
    #[error(transparent)]
    Proof(#[from] ProofError),
    /// The limits make no sense; the operator asks for others.
    #[error(transparent)]
    Limits(#[from] LimitsError),
    /// The password is guessed too easily; the operator asks for another.
    #[error(transparent)]
    Weak(WeakPassword),
    /// Two people did not agree, or a rule says no; they must act.
    #[error(transparent)]
    Recovery(#[from] RecoveryError),
    /// A key that signs mails; the operator must look.
    #[error(transparent)]
    Dkim(#[from] DkimError),
    /// An address cannot be a second one; the operator must name another.
    #[error(transparent)]
    SecondAddress(#[from] SecondAddressError),
    /// A setting of a mailbox is refused; the operator must ask for another.
    #[error(transparent)]
    Settings(#[from] SettingsError),
    /// A rule about people says no; the operator must act by it.
    #[error(transparent)]
    People(#[from] PeopleError),
    /// An agreement's file is refused; who wrote it must act.
    #[error(transparent)]
    Agreement(#[from] ImportError),
    /// A table of people is refused; who wrote it must act.
    #[error(transparent)]
    PeopleTable(#[from] PeopleImportError),
    /// A table of sites is refused; who wrote it must act.
    #[error(transparent)]
    Sites(#[from] SiteImportError),
    /// A token is not made; the operator asks for another.
    #[error(transparent)]
    Token(#[from] NewClientError),
    /// Who asked has gone.
    #[error("nobody reads the answer any more")]
    Gone,
    /// There is nothing of that name; the operator must name another.
    #[error("there is no {kind} {name:?}")]
    Unknown {
        /// Of what kind.
        kind: &'static str,
        /// The name that was given.
        name: String,
    },
    /// There is one of that name already.
    #[error("there is a {kind} {name:?} already")]
    Taken {
        /// Of what kind.
        kind: &'static str,
        /// The name that was given.
        name: String,
    },
    /// Something that is needed was not given.
    #[error("{what} is needed")]
    Missing {
        /// What.
        what: &'static str,
    },
    /// Something that was given cannot be taken.
    #[error("{what}")]
    Unfit {
        /// What, and how it should be.
        what: &'static str,
    },
}

impl From<RequestError> for io::Error {
    fn from(error: RequestError) -> Self {
        Self::other(error)
    }
}

/// Does what is asked, and answers to the end.
pub async fn execute(app: &Arc<App>, request: Request, replies: Replies) {
    let last = match answer(app, request, &replies).await {
        Ok(()) => Reply::End,
        Err(error) => Reply::Error(error.to_string()),
    };
    // Who has gone needs no answer.
    let _ = replies.send(last).await;
}

async fn answer(app: &Arc<App>, request: Request, replies: &Replies) -> Result<(), RequestError> {
    match request {
        Request::AuditExport => export::log(app, replies).await,
        Request::AuditProve(wanted) => log::prove(app, replies, wanted).await,
        Request::AuditTiles { entries } => export::tiles(app, replies, entries).await,
        Request::RecoverExport => recover::export(app, replies).await,
        Request::RecoverKeys(keys) => recover::keys(app, replies, keys).await,
        Request::RecoverAsk(ask) => recover::ask(app, replies, ask).await,
        Request::RecoverConfirm(confirm) => recover::confirm(app, replies, confirm).await,
        Request::RecoverList(options) => recover::list(app, replies, options).await,
        Request::Backup { recipients } => backup::make(app, replies, &recipients).await,
        Request::RestoreOpen => backup::open(app, replies).await,
        Request::SuspendedMails(options) => backup::mails(app, replies, options.what).await,
        Request::QueueList(asked) => queue::list(app, replies, asked).await,
        Request::QueueShow(asked) => queue::show(app, replies, asked).await,
        Request::QueueRetry(chosen) => queue::change(app, replies, QueueChange::Retry, chosen).await,
        Request::QueueHold(chosen) => queue::change(app, replies, QueueChange::Hold, chosen).await,
        Request::QueueDrop(chosen) => queue::change(app, replies, QueueChange::Drop, chosen).await,
        Request::ClockConfirm => {
            let at = app.confirm_clock(Origin::Cli, None).await?;
            line(replies, format!("The clock is confirmed: {at}")).await
        }
        Request::BreachKit(asked) => kits::breach(app, replies, asked).await,
        Request::ProcessingRecord => kits::processing_record(app, replies).await,
        Request::PersonExport { address } => kits::person_export(app, replies, &address).await,
        Request::PersonErase { address } => kits::person_erase(app, replies, &address).await,
        Request::ReceiptSalt { reference } => kits::receipt_salt(app, replies, &reference).await,
        Request::KeyShow(options) => list::keys(app, replies, options).await,
        Request::DkimAdd(new) => dkim::add(app, replies, new).await,
        Request::DkimList(options) => dkim::list(app, replies, options).await,
        Request::DkimUse(named) => dkim::put_to_use(app, replies, named).await,
        Request::DkimRetire(named) => dkim::retire(app, replies, named).await,
        Request::OrganisationList(options) => list::organisations(app, replies, options).await,
        Request::OrganisationAdd(new) => add::organisation(app, replies, new).await,
        Request::MailboxList(options) => list::mailboxes(app, replies, options).await,
        Request::MailboxAdd(new) => add::mailbox(app, replies, new).await,
        Request::MailboxChange(change) => second_address::change(app, replies, change).await,
        Request::MailboxManager(named) => people::manager(app, replies, named).await,
        Request::MailboxEntitle(membership) => change::entitle(app, replies, membership).await,
        Request::MailboxLimits(wanted) => limits::show_or_set(app, replies, wanted).await,
        Request::MailboxFoundAnew(foundation) => change::found_anew(app, replies, foundation).await,
        Request::PartnerList(options) => list::partners(app, replies, options).await,
        Request::PartnerAllow(allowed) => add::agreement(app, replies, allowed).await,
        Request::AgreementImport { text } => import::agreement(app, replies, &text).await,
        Request::SiteImport { partner, text, dry_run } => {
            import::sites(app, replies, &partner, &text, dry_run).await
        }
        Request::PeopleImport { text, dry_run } => import::people(app, replies, &text, dry_run).await,
        Request::PartnerAdd(new) => add::partner(app, replies, new).await,
        Request::TokenList(options) => token::list(app, replies, options).await,
        Request::TokenAdd(new) => token::add(app, replies, new).await,
        Request::TokenRevoke(named) => token::revoke(app, replies, named).await,
        Request::AccountList(options) => list::accounts(app, replies, options).await,
        Request::AccountAdd(new) => add::account(app, replies, new).await,
        Request::AccountInvite(new) => people::invite(app, replies, new).await,
        Request::AccountChange { address, step } => {
            people::change_account(app, replies, &address, step).await
        }
        Request::PartnerExclude { exclusion, excluded } => {
            people::exclude(app, replies, exclusion, excluded).await
        }
        Request::AccountDropCode(named) => change::drop_code(app, replies, named).await,
        Request::AccountCutOff(named) => change::cut_off(app, replies, named).await,
        Request::AccountMailPassword(asked) => change::mail_password(app, replies, asked).await,
        Request::AccountReset(reset) => change::reset(app, replies, reset).await,
    }
}

async fn line(replies: &Replies, text: String) -> Result<(), RequestError> {
    replies.send(Reply::Line(text)).await.map_err(|_| RequestError::Gone)
}
