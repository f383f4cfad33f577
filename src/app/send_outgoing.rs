//! A member sends a draft to people outside: an answer or a new transfer (T5, T9, V4). Sealed and released as a deposit is,
//! with a grant for the mailbox itself, so that the team sees what was sent, and one link for each recipient.
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | the message sealed | a sealed object that no record names; the draft is open as before | the sweep of old objects |
//! | the commit | the transfer, its grants, its links' letters, its events: all of it | |

use thiserror::Error;

use super::accept_deposit::{DepositAnswer, MESSAGE_MAX_BYTES};
use super::inspect_draft::Standing;
use super::letters::NewLetter;
use super::ports::{Key, UnitOfWork};
use super::release::Release;
use super::{App, AppError, DraftView, Signed, Visitor, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, RefusalReason};
use crate::identity::{Account, Password, RecipientLink, ToldPassword};
use crate::mailbox::Mailbox;
use crate::policy::title::{CleanTitle, TitleRefusal};
use crate::relay::letter::{Letter, LetterKind, OutsideLetter, SecretText};
use crate::retention::{KeyName, ValidityPolicy};
use crate::transfer::{
    Answer, AnswerWay, Depositor, Draft, DraftPurpose, DraftState, HoldReason, OUTSIDE_RECIPIENTS_MAX,
    Outgoing, Route, TellDownloads, Transfer,
};
use crate::value::{ByteSize, Language, LinkId, MailAddress, SecretBytes, Timestamp, Token, TransferId};
use crate::vault::{Identity, LinkGrant, LinkTerms};

/// The shortest password that is told by another way: five wrong ones end the tries for a while.
pub const TOLD_PASSWORD_MIN_CHARS: usize = 8;
/// How much of a list of recipients is read.
const RECIPIENTS_MAX_BYTES: usize = 16 * 1024;

/// What the member typed.
pub struct OutgoingSending {
    /// The title as typed.
    pub title: String,
    /// The message as typed.
    pub message: SecretBytes,
    /// The addresses as typed, between commas, semicolons, spaces or line ends; not read for an answer.
    pub recipients: String,
    /// For how many days it can be opened; none is what was chosen beforehand (V2).
    pub days: Option<u8>,
    /// Of which downloads the member is told; none is what was chosen beforehand (V4).
    pub tell_downloads: Option<TellDownloads>,
    /// The personal text of the notice; empty for none (V4).
    pub note: String,
    /// The password that is told by another way; none when a code is mailed (V4).
    pub told: Option<Password>,
    /// How long that password is, in characters.
    pub told_chars: usize,
}

/// Why a draft is not sent to people outside. The member can mend it, the draft stays as it is.
#[derive(Debug, Error)]
pub enum SendRefusal {
    /// The title is not clean, or empty.
    #[error("the title is refused")]
    Title(TitleRefusal),
    /// The personal text is not clean, or too long.
    #[error("the personal text is refused")]
    Note(TitleRefusal),
    /// No recipient.
    #[error("there is no recipient")]
    NoRecipient,
    /// What was typed is no address outside.
    #[error("a recipient is no address outside")]
    NotAnAddress {
        /// What was typed, for the member's own page.
        typed: String,
    },
    /// Too many recipients.
    #[error("{actual} recipients are over the limit of {limit}")]
    TooManyRecipients {
        /// How many are allowed.
        limit: usize,
        /// How many were given.
        actual: usize,
    },
    /// A validity that the rules do not allow (V2).
    #[error("a validity of {days} days")]
    Validity {
        /// What was asked for.
        days: u8,
    },
    /// The told password is too short.
    #[error("a password of less than {limit} characters")]
    PasswordTooShort {
        /// How many it has at least.
        limit: usize,
    },
    /// Neither a message nor a file.
    #[error("there is nothing to send")]
    Empty,
    /// The insured person does not wish that the partner be told (T6).
    #[error("the person does not wish that the partner be told")]
    NotWished,
    /// A file came in part only.
    #[error("a file came in part only")]
    Unfinished {
        /// Its path.
        name: String,
    },
    /// The message is too long to be one.
    #[error("a message of {actual} is over the limit of {limit}")]
    MessageTooLong {
        /// What is allowed.
        limit: ByteSize,
        /// What was given.
        actual: ByteSize,
    },
    /// A file was refused just now.
    #[error("a file is refused")]
    FileRefused,
    /// The person may not send for the mailbox any more, or the answered transfer is gone.
    #[error("the person may not send this")]
    NotEntitled,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl SendRefusal {
    const fn reason(&self) -> RefusalReason {
        match self {
            Self::Title(_) | Self::Note(_) => RefusalReason::TitlePersonalData,
            Self::NoRecipient | Self::NotAnAddress { .. } | Self::Unfinished { .. } => {
                RefusalReason::FormIncomplete
            }
            Self::TooManyRecipients { .. } => RefusalReason::TooMany,
            Self::Validity { .. } => RefusalReason::ValidityTooLong,
            Self::PasswordTooShort { .. } => RefusalReason::PasswordTooWeak,
            Self::Empty => RefusalReason::NothingSent,
            Self::MessageTooLong { .. } => RefusalReason::TooLarge,
            Self::NotWished => RefusalReason::PolicyDenied,
            Self::FileRefused | Self::NotEntitled | Self::Fault(_) => RefusalReason::NotEntitled,
        }
    }
}

/// What was typed, checked.
struct Checked {
    title: CleanTitle,
    note: Option<CleanTitle>,
    to: Vec<MailAddress>,
    language: Language,
    answered: Option<Transfer>,
    expires_at: Timestamp,
    tell: TellDownloads,
}

impl App {
    /// Sends a draft to people outside: rights, recipients, title, text, validity are checked, then one commit.
    pub async fn send_outgoing(
        &self,
        signed: &Signed,
        view: DraftView,
        sending: OutgoingSending,
        visitor: Visitor,
    ) -> Result<DepositAnswer, SendRefusal> {
        if let DraftState::Sent { reference, .. } = view.draft.state {
            return Ok(DepositAnswer { reference });
        }
        let (view, standing) = self.settle_files(view, visitor).await?;
        let checked = match self.check_sending(signed, &view, &sending).await {
            Ok(checked) => checked,
            Err(SendRefusal::Fault(error)) => return Err(error.into()),
            Err(refusal) => return Err(self.refuse_sending(&view.draft, refusal, visitor).await),
        };
        let hold = match standing {
            Standing::Judged => None,
            Standing::Waiting(reason) => Some(reason),
            Standing::Refused => return Err(SendRefusal::FileRefused),
        };
        let told = match sending.told {
            Some(password) => Some(self.told_password(password).await?),
            None => None,
        };
        let outgoing = Outgoing {
            by: signed.account.id,
            to: checked.to.clone(),
            expires_at: checked.expires_at,
            tell_downloads: checked.tell,
            note: checked.note.clone(),
            told,
            requires_tls: false,
            reports: Vec::new(),
        };
        let draft = view.draft.id;
        match self.commit_outgoing(signed, view, checked, outgoing, &sending.message, hold, visitor).await {
            Err(error) if error.is_conflict() => {
                Ok(DepositAnswer { reference: self.reference_of_the_other(draft).await? })
            }
            Err(error) => Err(error.into()),
            Ok(answer) => Ok(answer),
        }
    }

    async fn check_sending(
        &self,
        signed: &Signed,
        view: &DraftView,
        sending: &OutgoingSending,
    ) -> Result<Checked, SendRefusal> {
        let DraftPurpose::Outgoing { account, answers } = view.draft.purpose else {
            return Err(SendRefusal::NotEntitled);
        };
        if account != signed.account.id || !signed.account.reads(view.mailbox.id) {
            return Err(SendRefusal::NotEntitled);
        }
        let now = self.believed_now()?;
        let answered = match answers {
            Some(answered) => {
                let answered = self.answered_transfer(signed, answered, now).await?;
                // What was not wished when the answer was begun, or is not any more, is not sent (T6).
                if !self.partner_answer(&answered).await?.allows(true) {
                    return Err(SendRefusal::NotWished);
                }
                Some(answered)
            }
            None => None,
        };
        let (to, language) = match &answered {
            Some(answered) => (vec![answered.depositor.address.clone()], answered.language),
            None => (self.recipients(&sending.recipients)?, Language::Fr),
        };
        let usual = self.usual_sending(signed.account.id, &view.mailbox).await?;
        let policies = self.policies.load();
        let slug = view.mailbox.slug.as_str();
        let title = policies.titles.clean_for_web(slug, &sending.title).map_err(SendRefusal::Title)?;
        let note = match sending.note.trim() {
            "" => None,
            note => Some(policies.titles.clean_note(slug, note).map_err(SendRefusal::Note)?),
        };
        let days = sending.days.unwrap_or(usual.days);
        let expires_at = ValidityPolicy::chosen(days, now).ok_or(SendRefusal::Validity { days })?;
        if sending.told.is_some() && sending.told_chars < TOLD_PASSWORD_MIN_CHARS {
            return Err(SendRefusal::PasswordTooShort { limit: TOLD_PASSWORD_MIN_CHARS });
        }
        if let Some(name) = self.first_unfinished(&view.draft).await? {
            return Err(SendRefusal::Unfinished { name });
        }
        check_message(&view.draft, sending.message.expose())?;
        let tell = sending.tell_downloads.unwrap_or(usual.tell);
        Ok(Checked { title, note, to, language, answered, expires_at, tell })
    }

    /// The transfer that is answered: live, and the person may still read it.
    async fn answered_transfer(
        &self,
        signed: &Signed,
        answered: TransferId,
        now: Timestamp,
    ) -> Result<Transfer, SendRefusal> {
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(answered)).await?;
        let readable = |transfer: &Transfer| {
            transfer.is_live(now) && transfer.holders().any(|holder| signed.account.reads(holder))
        };
        let found = found.map(|(transfer, _)| transfer).filter(readable);
        found.ok_or(SendRefusal::NotEntitled)
    }

    /// Reads typed addresses. The gateway's own take no such mail: it would be an automatic one.
    fn recipients(&self, typed: &str) -> Result<Vec<MailAddress>, SendRefusal> {
        if typed.len() > RECIPIENTS_MAX_BYTES {
            return Err(SendRefusal::TooManyRecipients { limit: OUTSIDE_RECIPIENTS_MAX, actual: usize::MAX });
        }
        let mut to: Vec<MailAddress> = Vec::new();
        for word in typed.split(|c: char| c.is_whitespace() || c == ',' || c == ';') {
            if word.is_empty() {
                continue;
            }
            let address = MailAddress::parse(word).ok();
            let address = address.filter(|address| address.domain() != &self.settings.mail_domain);
            let address = address.ok_or_else(|| SendRefusal::NotAnAddress { typed: word.to_owned() })?;
            if !to.contains(&address) {
                to.push(address);
            }
        }
        match to.len() {
            0 => Err(SendRefusal::NoRecipient),
            actual if actual > OUTSIDE_RECIPIENTS_MAX => {
                Err(SendRefusal::TooManyRecipients { limit: OUTSIDE_RECIPIENTS_MAX, actual })
            }
            _ => Ok(to),
        }
    }

    async fn told_password(&self, password: Password) -> Result<ToldPassword, AppError> {
        let (hash, secret) = self.hash_password(password).await?;
        Ok(ToldPassword { hash, recipient: Identity::derived(&secret)?.recipient() })
    }

    async fn refuse_sending(&self, draft: &Draft, refusal: SendRefusal, visitor: Visitor) -> SendRefusal {
        let (actor, object) = (Actor::Person(draft.person), Object::Draft(draft.id));
        let outcome = Outcome::Refused(refusal.reason());
        let refused = event(self.now().at, actor, Action::TransferComposed, object, outcome, visitor.web());
        match self.log_alone(refused.under(self.policies.load().digest)).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }

    #[expect(clippy::too_many_arguments, reason = "what one commit is decided by, each its own type")]
    async fn commit_outgoing(
        &self,
        signed: &Signed,
        view: DraftView,
        checked: Checked,
        outgoing: Outgoing,
        message: &SecretBytes,
        hold: Option<HoldReason>,
        visitor: Visitor,
    ) -> Result<DepositAnswer, AppError> {
        let now = self.believed_now()?;
        let DraftView { mut draft, version, mailbox, .. } = view;
        let (identity, sealing, parts) = self.sealed_draft(&draft, message, &[], None, now, visitor).await?;
        let mut unit = UnitOfWork::default();
        let organisation = self.organisation_of(&mailbox).await?;
        let depositor = Depositor {
            address: draft.address.clone(),
            person: self.note_person(&mut unit, &draft.address, now)?,
            partner: draft.partner,
            partner_name: organisation.name,
            site: None,
            evidence: None,
        };
        let answers = checked.answered.as_ref().map(|answered| answered.id);
        let release = Release {
            transfer: draft.transfer,
            reference: None,
            identity: &identity,
            sealing: &sealing,
            mailbox: &mailbox,
            depositor,
            acknowledge_to: &signed.account.address,
            title: checked.title,
            title_replaced: false,
            route: if answers.is_some() { Route::Answer } else { Route::Composed },
            outgoing: Some(outgoing),
            answers,
            form: None,
            language: checked.language,
            received_at: now,
            parts,
            refused: draft.inspection.refused.clone(),
            original_digest: None,
            report: None,
            origin: visitor.web(),
        };
        let reference = self.release_or_hold(&mut unit, release, hold).await?;
        unit.expect_unchanged(Key::Draft(draft.id), version);
        for upload in draft.parts.iter().filter_map(|part| part.upload) {
            unit.delete(Key::Upload((draft.id, upload)));
        }
        draft.send(reference.clone()).map_err(|_| AppError::Contended)?;
        unit.put(draft);
        self.store.commit(unit).await?;
        self.wake_delivery();
        if hold.is_some() {
            self.wake_held();
        }
        Ok(DepositAnswer { reference })
    }

    /// Puts the links of an outgoing transfer, their letters, the member's confirmation and what became of the answered
    /// case into the unit of its release.
    pub(super) async fn release_outside(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        outgoing: &Outgoing,
        identity: &Identity,
        mailbox: &Mailbox,
        origin: Origin,
    ) -> Result<(), AppError> {
        let sender: Option<(Account, u64)> = self.read(&Key::Account(outgoing.by)).await?;
        let (sender, _) = sender.ok_or(AppError::Broken("sender without account"))?;
        let organisation = self.organisation_of(mailbox).await?.name;
        for address in &outgoing.to {
            let (link, token) = self.make_link(unit, transfer, outgoing, identity, address)?;
            let letter = Letter::Outside(OutsideLetter::Link {
                reference: transfer.reference.clone(),
                organisation_name: organisation.clone(),
                mailbox_name: mailbox.name.clone(),
                sender: sender.name.clone(),
                title: transfer.title.to_string(),
                note: outgoing.note.as_ref().map(ToString::to_string),
                file_count: transfer.file_count,
                total: transfer.total_size,
                can_be_opened_until: transfer.expires_at,
                by_password: outgoing.told.is_some(),
                path: SecretText::new(format!("/plis/lien/{}", token.expose())),
            });
            let (kind, language) = (LetterKind::SecureLink, link.language);
            self.write_outside(unit, transfer, mailbox, (kind, &letter, address, language), origin)?;
            unit.put(link);
        }
        let confirmation = Letter::Outside(OutsideLetter::Sent {
            reference: transfer.reference.clone(),
            title: transfer.title.to_string(),
            recipients: outgoing.to.iter().map(ToString::to_string).collect(),
            file_count: transfer.file_count,
            total: transfer.total_size,
            can_be_opened_until: transfer.expires_at,
            path: format!("/transferts/{}", transfer.reference),
        });
        let to = (LetterKind::SentConfirmation, &confirmation, &sender.address, sender.language);
        self.write_outside(unit, transfer, mailbox, to, origin)?;
        self.note_answer(unit, transfer, outgoing, origin).await
    }

    /// Puts a letter about an outgoing transfer into a unit.
    pub(super) fn write_outside(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        mailbox: &Mailbox,
        (kind, letter, to, language): (LetterKind, &Letter, &MailAddress, Language),
        origin: Origin,
    ) -> Result<(), AppError> {
        let (written_at, mailbox) = (self.now().at, Some(mailbox.id));
        let mut mail = self.write_letter(&NewLetter {
            kind,
            letter,
            to,
            language,
            mailbox,
            transfer: Some(transfer.id),
            written_at,
        })?;
        if let Some(outgoing) = &transfer.outgoing {
            mail.requires_tls = outgoing.requires_tls;
            let asked = outgoing.reports.iter().find(|wish| wish.recipient == *to);
            mail.report = asked.filter(|_| kind == LetterKind::SecureLink).cloned().map(Box::new);
        }
        self.queue_mail(unit, mail, origin)
    }

    /// A link to one recipient, and the token that stands in the mail alone.
    fn make_link(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        outgoing: &Outgoing,
        identity: &Identity,
        address: &MailAddress,
    ) -> Result<(RecipientLink, Token), AppError> {
        let token = Token::new(self.random.bytes());
        let (id, day) = (LinkId::new(self.random.bytes()), transfer.expires_at.day());
        let terms = LinkTerms { transfer: transfer.id, link: id, day };
        let day_key = self.keyring.recipient(KeyName::ExpiryDay(day))?;
        let link = Identity::of_link(&token)?.recipient();
        let told = outgoing.told.as_ref().map(|told| &told.recipient);
        let link = RecipientLink {
            id,
            transfer: transfer.id,
            mailbox: transfer.mailbox,
            token: token.hash(),
            address: address.clone(),
            person: self.note_person(unit, address, self.now().at)?,
            language: transfer.language,
            grant: LinkGrant::new(terms, identity, &link, told, &day_key)?,
            told: outgoing.told.clone(),
            challenges: Vec::new(),
            wrong_passwords: Vec::new(),
            opened_at: None,
            downloaded_at: None,
            told_download_at: None,
        };
        Ok((link, token))
    }

    /// The case that was answered is answered from this unit on (T5); one that ended meanwhile, or is closed, stays so.
    async fn note_answer(
        &self,
        unit: &mut UnitOfWork,
        transfer: &Transfer,
        outgoing: &Outgoing,
        origin: Origin,
    ) -> Result<(), AppError> {
        let Some(answered) = transfer.answers else { return Ok(()) };
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(answered)).await?;
        let Some((mut case, version)) = found else { return Ok(()) };
        let at = self.now().at;
        let object = Object::Transfer { transfer: case.id, mailbox: case.mailbox };
        let actor = Actor::Person(transfer.depositor.person);
        let told = event(at, actor, Action::TransferAnswered, object, Outcome::Done, origin);
        self.log(unit, told.concerning(case.depositor.partner).with(Detail::Until(transfer.expires_at)))?;
        let answer = Answer { at, by: outgoing.by, how: AnswerWay::Secure };
        if let Ok(answered) = case.case.clone().answer(answer) {
            unit.expect_unchanged(Key::Transfer(case.id), version);
            case.case = answered;
            unit.put(case);
        }
        Ok(())
    }
}

fn check_message(draft: &Draft, message: &[u8]) -> Result<(), SendRefusal> {
    if message.len() > MESSAGE_MAX_BYTES {
        let (limit, actual) = (ByteSize(MESSAGE_MAX_BYTES as u64), ByteSize(message.len() as u64));
        return Err(SendRefusal::MessageTooLong { limit, actual });
    }
    if message.trim_ascii().is_empty() && draft.parts.is_empty() {
        return Err(SendRefusal::Empty);
    }
    Ok(())
}
