//! A person's mail program submitted a mail (RFC 6409; the road from Outlook without an add-in): who signed in and may send
//! as that address was judged at the door, and is judged here again. Whoever is outside gets a secure link in the place of
//! text and files; colleagues get what `policies/outgoing.toml` says. Everything is sealed to recipients, so that it needs
//! no key of the sender's: a mailbox in custody `members` sends like any other (decision 0098).
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | parts sealed | sealed objects that no record names; the mail program was told nothing and sends again | the sweep of old objects |
//! | the commit | the transfer, its links' letters, the forwarded mails, its events; a repeat gets the same reference | |

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::accept_deposit::MESSAGE_MAX_BYTES;
use super::fill_draft::content_type;
use super::letters::NewLetter;
use super::mail_sign_in::submits;
use super::ports::{Key, SecretName, UnitOfWork};
use super::release::{ClearPart, Release};
use super::{App, AppError, MailRefusal, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::Account;
use crate::mailbox::Mailbox;
use crate::message::{
    Limits, MailKind, MessageError, ParsedMail, VALIDITY_FIELD, dedup_material, handed_on, parse, untagged,
    wishes,
};
use crate::policy::outgoing::InternalMail;
use crate::policy::title::{MailTitle, TitleRefusal};
use crate::relay::letter::{Letter, LetterKind, SecretText};
use crate::retention::ValidityPolicy;
use crate::transfer::{Depositor, Outgoing, Repeat, Route, TellDownloads};
use crate::value::{
    AccountId, Addressee, ByteSize, Digest, Language, MailAddress, Reference, ReportWish, SecretBytes,
    Timestamp, TransferId, calendar, keyed_digest,
};
use crate::vault::{Identity, PartRole, SealingKey};

/// To how many people one mail goes: what RFC 5321 section 4.5.3.1.8 asks for at least.
const RECIPIENTS_MAX: usize = 100;
/// `Received` fields of a mail that goes round (RFC 5321 section 6.3 asks for 100 at least).
pub(super) const HOPS_MAX: usize = 100;
/// The largest mail that is handed on to a colleague as it is: it waits in the queue's own records.
const FORWARDED_MAX_BYTES: usize = 1024 * 1024;
/// The name of a text that is too long for a message.
const LONG_TEXT_NAME: &str = "message.txt";

/// A mail as a mail program submitted it.
#[derive(Debug)]
pub struct SubmittedMail {
    /// Who signed in. The account was active when the mail began.
    pub account: AccountId,
    /// Where the connection came from.
    pub visitor: Visitor,
    /// From whom, to whom, and how.
    pub envelope: SubmittedEnvelope,
    /// The message as sent, dot-stuffing undone; each line ends with CRLF, it holds no NUL.
    pub message: SecretBytes,
}

/// The envelope of a submitted mail.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SubmittedEnvelope {
    /// MAIL FROM: the account's address, or the team address of a mailbox that it reads.
    pub from: MailAddress,
    /// RCPT TO, each once, at least one.
    pub recipients: Vec<Addressee>,
    /// `ENVID` (RFC 3461).
    pub envelope_id: Option<String>,
    /// The name that the mail program gave itself.
    pub helo: String,
    /// TLS version and suite of the connection: nothing is submitted in clear.
    pub tls: String,
    /// The mail program announced UTF-8 addresses or headers (RFC 6531).
    pub smtp_utf8: bool,
    /// The mail program asked that it goes by verified TLS only (RFC 8689).
    pub requires_tls: bool,
}

/// What became of it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SubmissionAnswer {
    /// It is on its way, durable.
    Sent {
        /// What people quote.
        reference: Reference,
    },
}

/// Why it is refused. The mail program tells the person.
#[derive(Debug, Error)]
pub enum SubmissionRefusal {
    /// The account may not send, or the author that the mail names is somebody else.
    #[error("the account may not send this")]
    MayNotSend,
    /// The account is a member of several mailboxes, and the mail says of none that it sends.
    #[error("it is not clear which mailbox sends it")]
    WhichMailbox,
    /// A program sent it on its own account: an absence notice, a read receipt.
    #[error("it is automatic mail")]
    Automatic,
    /// It goes round in a loop.
    #[error("it came through too many hosts")]
    Loop,
    /// It is no readable mail.
    #[error(transparent)]
    Malformed(#[from] MessageError),
    /// A recipient that takes no such mail.
    #[error("a recipient is not allowed")]
    RecipientRefused,
    /// More recipients than one mail goes to.
    #[error("{limit} recipients at most")]
    TooManyRecipients {
        /// What is allowed.
        limit: usize,
    },
    /// A validity that the rules do not allow, or that cannot be read (V2).
    #[error("a validity of 5 to 20 days is asked for by {VALIDITY_FIELD}")]
    Validity,
    /// Its content is refused as a deposit's would be.
    #[error(transparent)]
    Content(MailRefusal),
    /// A file in it is refused, or its text.
    #[error("a file is refused")]
    FileRefused,
    /// The account sent as much in an hour as one may: the mail program comes back.
    #[error("the account may send {limit} in an hour")]
    TooFast {
        /// What it may send.
        limit: ByteSize,
    },
    /// A fault of ours: the mail program keeps it.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl SubmissionRefusal {
    const fn reason(&self) -> RefusalReason {
        match self {
            Self::MayNotSend | Self::WhichMailbox => RefusalReason::NotEntitled,
            Self::Automatic | Self::RecipientRefused | Self::Fault(_) => RefusalReason::PolicyDenied,
            Self::Loop => RefusalReason::MailLoop,
            Self::Malformed(_) => RefusalReason::Malformed,
            Self::TooManyRecipients { .. } => RefusalReason::TooMany,
            Self::Validity => RefusalReason::ValidityTooLong,
            Self::FileRefused => RefusalReason::FileTypeForbidden,
            Self::TooFast { .. } => RefusalReason::RateLimited,
            Self::Content(refusal) => match refusal {
                MailRefusal::Empty => RefusalReason::NothingSent,
                MailRefusal::TooLarge { .. } => RefusalReason::TooLarge,
                MailRefusal::TooManyFiles { .. } => RefusalReason::TooMany,
                MailRefusal::Title(TitleRefusal::Personal { .. }) => RefusalReason::TitlePersonalData,
                _ => RefusalReason::PolicyDenied,
            },
        }
    }
}

/// A mail that may go.
struct Judged<'a> {
    account: Account,
    mailbox: Mailbox,
    parsed: ParsedMail<'a>,
    title: MailTitle,
    /// Who gets a link, by the address that is written to, and what is told of each.
    links: Vec<Addressee>,
    /// Colleagues who get the mail itself.
    forwards: Vec<Addressee>,
    expires_at: Timestamp,
    tell_downloads: TellDownloads,
    digest: Digest,
}

/// Whom a mail goes to, and how.
#[derive(Default)]
struct Sorted {
    links: Vec<Addressee>,
    forwards: Vec<Addressee>,
    /// The days that tags ask for.
    days: Vec<u8>,
}

/// Whether a mail may go, or went.
enum Verdict<'a> {
    Judged(Box<Judged<'a>>),
    /// The same mail came before.
    Repeat(Reference),
}

impl App {
    /// Takes a submitted mail over, or refuses it.
    pub async fn submit_mail(&self, mail: SubmittedMail) -> Result<SubmissionAnswer, SubmissionRefusal> {
        let now = self.believed_now()?;
        let judged = match self.judge_submission(&mail, now).await {
            Ok(Verdict::Judged(judged)) => judged,
            Ok(Verdict::Repeat(reference)) => return Ok(SubmissionAnswer::Sent { reference }),
            Err(SubmissionRefusal::Fault(error)) => return Err(error.into()),
            Err(refusal) => return Err(self.refuse_submission(&mail, refusal, now).await),
        };
        let (who, hourly) = ((judged.mailbox.id, judged.account.person), judged.mailbox.limits.hourly);
        if self.paces.check(who, hourly, now).is_err() {
            let refusal = SubmissionRefusal::TooFast { limit: hourly };
            return Err(self.refuse_submission(&mail, refusal, now).await);
        }
        let digest = judged.digest;
        match self.commit_submission(&mail, *judged, now).await {
            Ok(reference) => {
                self.paces.count(who, hourly, mail.message.expose().len(), now);
                Ok(SubmissionAnswer::Sent { reference })
            }
            // The same mail on two connections at once: the other one won, and its answer is the answer.
            Err(SubmissionRefusal::Fault(error)) if error.is_conflict() => {
                let reference = self.earlier(digest, now).await?.ok_or(AppError::Contended)?;
                Ok(SubmissionAnswer::Sent { reference })
            }
            Err(SubmissionRefusal::Fault(error)) => Err(error.into()),
            Err(refusal) => Err(self.refuse_submission(&mail, refusal, now).await),
        }
    }

    async fn judge_submission<'a>(
        &self,
        mail: &'a SubmittedMail,
        now: Timestamp,
    ) -> Result<Verdict<'a>, SubmissionRefusal> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(mail.account)).await?;
        let account = found.map(|(account, _)| account).filter(submits);
        let account = account.ok_or(SubmissionRefusal::MayNotSend)?;
        let (bytes, limits) = (mail.message.expose(), Limits::default());
        let parsed = parse(bytes, Some(&mail.envelope.from), &limits)?;
        if parsed.hops > HOPS_MAX {
            return Err(SubmissionRefusal::Loop);
        }
        if parsed.kind != MailKind::Ordinary {
            return Err(SubmissionRefusal::Automatic);
        }
        let mailbox = self.sending_mailbox(&account, mail, &parsed).await?;
        let digest = self.submission_digest(mail)?;
        if let Some(reference) = self.earlier(digest, now).await? {
            return Ok(Verdict::Repeat(reference));
        }
        let asked = wishes(bytes, &limits)?;
        let Sorted { links, forwards, days: tagged } = self.sort_recipients(mail)?;
        // Several wishes: the shortest holds.
        let asked_days = match asked.days {
            Some(None) => return Err(SubmissionRefusal::Validity),
            Some(days) => tagged.into_iter().chain(days).min(),
            None => tagged.into_iter().min(),
        };
        let usual = self.usual_sending(account.id, &mailbox).await?;
        let days = asked_days.unwrap_or(usual.days);
        let expires_at = ValidityPolicy::chosen(days, now).ok_or(SubmissionRefusal::Validity)?;
        let title =
            self.check_mail(&mailbox, &parsed).map_err(|(_, refusal)| SubmissionRefusal::Content(refusal))?;
        let tell_downloads = if asked.tell_downloads { TellDownloads::First } else { usual.tell };
        Ok(Verdict::Judged(Box::new(Judged {
            account,
            mailbox,
            parsed,
            title,
            links,
            forwards,
            expires_at,
            tell_downloads,
            digest,
        })))
    }

    /// The mailbox that the mail is sent for: the one whose team address it is from, else the account's only one. Envelope
    /// and author both are the account's or its team's now (invariant 7).
    async fn sending_mailbox(
        &self,
        account: &Account,
        mail: &SubmittedMail,
        parsed: &ParsedMail<'_>,
    ) -> Result<Mailbox, SubmissionRefusal> {
        let mut mine: Vec<Mailbox> = Vec::new();
        for id in account.mailboxes.iter().filter(|id| account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            mine.extend(found.map(|(mailbox, _)| mailbox));
        }
        let author = parsed.author.as_ref().ok_or(SubmissionRefusal::MayNotSend)?;
        let names = [author, &mail.envelope.from];
        let of_team =
            |address: &MailAddress| mine.iter().position(|mailbox| mailbox.notice_address == *address);
        if names.iter().any(|name| **name != account.address && of_team(name).is_none()) {
            return Err(SubmissionRefusal::MayNotSend);
        }
        match (names.into_iter().find_map(of_team), mine.len()) {
            (Some(place), _) => Ok(mine.swap_remove(place)),
            (None, 0) => Err(SubmissionRefusal::MayNotSend),
            (None, 1) => Ok(mine.swap_remove(0)),
            (None, _) => Err(SubmissionRefusal::WhichMailbox),
        }
    }

    /// Who gets what, and the days that tags ask for. The gateway's own addresses take no such mail: it would be an
    /// automatic one.
    fn sort_recipients(&self, mail: &SubmittedMail) -> Result<Sorted, SubmissionRefusal> {
        let policies = self.policies.load();
        // What is not plain ASCII in its header, or large, is no mail that any host takes as it is.
        let can_be_forwarded = mail.message.expose().len() <= FORWARDED_MAX_BYTES && !mail.envelope.smtp_utf8;
        let mut sorted = Sorted::default();
        for given in &mail.envelope.recipients {
            let (address, tag) = untagged(&given.address);
            sorted.days.extend(tag);
            if address.domain() == &self.settings.mail_domain {
                return Err(SubmissionRefusal::RecipientRefused);
            }
            let forwarded = match policies.outgoing.internal(&address) {
                Some(InternalMail::Refuse) => return Err(SubmissionRefusal::RecipientRefused),
                Some(InternalMail::Forward) => can_be_forwarded,
                Some(InternalMail::Link) | None => false,
            };
            let to = if forwarded { &mut sorted.forwards } else { &mut sorted.links };
            if !to.iter().any(|known| known.address == address) {
                to.push(Addressee { address, ..given.clone() });
            }
        }
        if sorted.links.len() + sorted.forwards.len() > RECIPIENTS_MAX {
            return Err(SubmissionRefusal::TooManyRecipients { limit: RECIPIENTS_MAX });
        }
        Ok(sorted)
    }

    async fn commit_submission(
        &self,
        mail: &SubmittedMail,
        judged: Judged<'_>,
        now: Timestamp,
    ) -> Result<Reference, SubmissionRefusal> {
        let transfer = TransferId::new(self.random.bytes());
        let mut unit = UnitOfWork::default();
        let mut held = false;
        let reference = if judged.links.is_empty() {
            // Nothing leaves the house: no transfer, only the mail itself.
            self.log_forwarding(&mut unit, mail, &judged, now)?;
            Reference::new(self.random.bytes())
        } else {
            let (reference, hold) = self.seal_submission(&mut unit, transfer, mail, &judged, now).await?;
            held = hold;
            reference
        };
        self.forward(&mut unit, mail, &judged, now)?;
        unit.expect_absent(Key::Repeat(judged.digest));
        unit.put(Repeat { digest: judged.digest, transfer, reference: reference.clone(), accepted_at: now });
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        if held {
            self.wake_held();
        }
        Ok(reference)
    }

    /// Seals text and files and puts the transfer, or its hold, into the unit; says whether it is held.
    async fn seal_submission(
        &self,
        unit: &mut UnitOfWork,
        transfer: TransferId,
        mail: &SubmittedMail,
        judged: &Judged<'_>,
        now: Timestamp,
    ) -> Result<(Reference, bool), SubmissionRefusal> {
        let Judged { account, mailbox, parsed, .. } = judged;
        let inspection = self.inspect_mail(parsed, mail.message.expose(), mailbox).await?;
        let refused = inspection.files.iter().chain([&inspection.text]).flatten().any(Result::is_err);
        if refused || !inspection.keeps_original {
            return Err(SubmissionRefusal::FileRefused);
        }
        let text = parsed.text.as_bytes();
        let is_long = text.len() > MESSAGE_MAX_BYTES;
        let mut clear = vec![ClearPart {
            role: PartRole::Message,
            name: "",
            content_type: "text/plain; charset=utf-8",
            bytes: if is_long { b"" } else { text },
        }];
        let mut known = vec![(0, inspection.text.clone().and_then(Result::ok))];
        for ((file, judged), number) in parsed.attachments.iter().zip(&inspection.files).zip(1_u32..) {
            known.push((number, judged.clone().and_then(Result::ok)));
            clear.push(ClearPart {
                role: PartRole::Attachment,
                name: file.name.as_str(),
                content_type: content_type(&file.bytes, file.name.as_str()),
                bytes: &file.bytes,
            });
        }
        if is_long {
            let number = u32::try_from(clear.len()).unwrap_or(u32::MAX);
            known.push((number, inspection.text.clone().and_then(Result::ok)));
            clear.push(ClearPart {
                role: PartRole::Attachment,
                name: LONG_TEXT_NAME,
                content_type: "text/plain; charset=utf-8",
                bytes: text,
            });
        }
        let identity = Identity::generate();
        let sealing = SealingKey::new(&identity.recipient()).map_err(AppError::from)?;
        let mut parts = self.seal_parts(&sealing, &clear, now.day()).await?;
        for (part, (number, check)) in parts.iter_mut().zip(known) {
            (part.number, part.check) = (number, check);
        }
        for told in inspection.events(transfer, mailbox, now, mail.visitor.smtp()) {
            self.log(unit, told.under(self.policies.load().digest))?;
        }
        let depositor = Depositor {
            address: account.address.clone(),
            person: self.note_person(unit, &account.address, now)?,
            partner: None,
            partner_name: self.organisation_of(mailbox).await?.name,
            site: None,
            evidence: None,
        };
        let outgoing = Outgoing {
            by: account.id,
            to: judged.links.iter().map(|to| to.address.clone()).collect(),
            expires_at: judged.expires_at,
            tell_downloads: judged.tell_downloads,
            note: None,
            told: None,
            requires_tls: mail.envelope.requires_tls,
            reports: judged.links.iter().map(|to| report_wish(mail, judged, to, now)).collect(),
        };
        let release = Release {
            transfer,
            reference: None,
            identity: &identity,
            sealing: &sealing,
            mailbox,
            depositor,
            acknowledge_to: &account.address,
            title: judged.title.title.clone(),
            title_replaced: judged.title.replaced,
            route: Route::Composed,
            outgoing: Some(outgoing),
            answers: None,
            form: None,
            language: Language::Fr,
            received_at: now,
            parts,
            refused: Vec::new(),
            original_digest: None,
            report: None,
            origin: mail.visitor.smtp(),
        };
        let held = inspection.hold.is_some();
        Ok((self.release_or_hold(unit, release, inspection.hold).await?, held))
    }

    /// Queues the mail itself for colleagues, sealed as every letter is.
    fn forward(
        &self,
        unit: &mut UnitOfWork,
        mail: &SubmittedMail,
        judged: &Judged<'_>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        if judged.forwards.is_empty() {
            return Ok(());
        }
        let message = handed_on(mail.message.expose(), &self.trace(mail, now));
        let letter = Letter::Forwarded { message: SecretText::new(BASE64.encode(message)) };
        for to in &judged.forwards {
            let mut queued = self.write_letter(&NewLetter {
                kind: LetterKind::Forwarded,
                letter: &letter,
                to: &to.address,
                language: judged.account.language,
                mailbox: Some(judged.mailbox.id),
                transfer: None,
                written_at: now,
            })?;
            queued.requires_tls = mail.envelope.requires_tls;
            queued.report = Some(Box::new(report_wish(mail, judged, to, now)));
            self.queue_mail(unit, queued, mail.visitor.smtp())?;
        }
        Ok(())
    }

    /// RFC 5321 section 4.4, without the address of the person's machine.
    fn trace(&self, mail: &SubmittedMail, now: Timestamp) -> String {
        let protocol = if mail.envelope.smtp_utf8 { "UTF8SMTPSA" } else { "ESMTPSA" };
        let domain = &self.settings.mail_domain;
        format!("Received: by {domain} with {protocol};\r\n\t{}\r\n", calendar::mail_date(now))
    }

    fn log_forwarding(
        &self,
        unit: &mut UnitOfWork,
        mail: &SubmittedMail,
        judged: &Judged<'_>,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let (actor, object) = (Actor::Person(judged.account.person), Object::Mailbox(judged.mailbox.id));
        let told = event(now, actor, Action::MailForwarded, object, Outcome::Done, mail.visitor.smtp());
        self.log(unit, told.under(self.policies.load().digest))
    }

    /// The keyed digest of envelope and message, as of a deposit by mail.
    fn submission_digest(&self, mail: &SubmittedMail) -> Result<Digest, AppError> {
        let key = self.keyring.secret(SecretName::Repeats)?;
        let material = dedup_material(mail.message.expose());
        let mut to: Vec<String> = mail.envelope.recipients.iter().map(|to| to.address.to_string()).collect();
        to.sort_unstable();
        let (from, to) = (mail.envelope.from.to_string(), to.join(" "));
        let fields = [
            b"submission".as_slice(),
            mail.account.as_bytes(),
            from.as_bytes(),
            to.as_bytes(),
            &material.header,
            material.body,
        ];
        Ok(keyed_digest(&key, &fields))
    }

    async fn refuse_submission(
        &self,
        mail: &SubmittedMail,
        refusal: SubmissionRefusal,
        now: Timestamp,
    ) -> SubmissionRefusal {
        let person = match self.person_of_account(mail.account).await {
            Ok(person) => person,
            Err(error) => return error.into(),
        };
        let (action, object) = (Action::SubmissionRefused, Object::Account(mail.account));
        let outcome = Outcome::Refused(refusal.reason());
        let refused = event(now, person, action, object, outcome, mail.visitor.smtp());
        match self.log_alone(refused.under(self.policies.load().digest)).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }

    async fn person_of_account(&self, account: AccountId) -> Result<Actor, AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        Ok(found.map_or(Actor::Anonymous, |(account, _)| Actor::Person(account.person)))
    }
}

/// What the sender is told of one recipient.
fn report_wish(mail: &SubmittedMail, judged: &Judged<'_>, to: &Addressee, now: Timestamp) -> ReportWish {
    ReportWish {
        to: mail.envelope.from.clone(),
        notify: to.notify,
        recipient: to.address.clone(),
        original: to.original.clone(),
        envelope_id: mail.envelope.envelope_id.clone(),
        message_id: judged.parsed.message_id.clone(),
        arrived_at: now,
        delay_told: false,
        success_told: false,
    }
}
