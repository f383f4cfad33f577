//! A depositor sends a draft (D4, D5, D9).
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | the message sealed | a sealed object that no record names; the draft is open as before | the sweep of old objects |
//! | the commit | the transfer, its grant, its mails, its events: all of it | |
//!
//! Sending twice gets the same reference: the draft remembers what it became.

use std::sync::Arc;

use thiserror::Error;

use super::arrived_file::ArrivedFile;
use super::doors::{ClosedDoor, service_of};
use super::draft_form::{DraftForm, FormParts, FormRefusal, JudgedForm};
use super::fill_draft::reason_of;
use super::inspect::logged;
use super::inspect_draft::Standing;
use super::ports::{Key, UnitOfWork};
use super::release::{ClearPart, Release, SealedPart};
use super::{App, AppError, DraftView, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::content::{FileKind, RefusalCause};
use crate::identity::{Partner, Service};
use crate::mailbox::Mailbox;
use crate::policy::form::FilledForm;
use crate::policy::title::{CleanTitle, TitleRefusal};
use crate::transfer::{Check, Draft, DraftError, DraftPurpose, DraftState, HoldReason, Route, Transfer};
use crate::value::{ByteSize, MailboxId, Reference, SecretBytes, Timestamp, TransferId};
use crate::vault::{Identity, PartRole, SealingKey};

/// How long a message may be.
pub(super) const MESSAGE_MAX_BYTES: usize = 256 * 1024;

/// What the depositor typed. The title is not kept when it is refused, and never logged.
pub struct Sending {
    /// The title as typed.
    pub title: String,
    /// The message as typed.
    pub message: SecretBytes,
    /// The form as it was sent; none: as it was kept in the draft.
    pub form: Option<DraftForm>,
    /// The mailbox that the depositor was told the deposit goes to, where that is another than the page's.
    pub seen: Option<MailboxId>,
}

impl Sending {
    /// A title and a message; the form as it was kept in the draft.
    pub const fn new(title: String, message: SecretBytes) -> Self {
        Self { title, message, form: None, seen: None }
    }
}

/// The deposit is durable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DepositAnswer {
    /// What people quote (D9).
    pub reference: Reference,
}

/// Why a draft is not sent. The depositor can mend it, the draft stays as it is.
#[derive(Debug, Error)]
pub enum DepositRefusal {
    /// The title is not clean, or empty.
    #[error("the title is refused")]
    Title(TitleRefusal),
    /// Neither a message nor a file.
    #[error("the deposit is empty")]
    Empty,
    /// A file came in part only: it is finished or given up first.
    #[error("a file came in part only")]
    Unfinished {
        /// Its path, for the depositor's own page.
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
    /// The limits of the mailbox were lowered since its files came in.
    #[error(transparent)]
    OverLimit(DraftError),
    /// The typed message is refused for what is in it: the depositor types it anew.
    #[error("the message is refused for what is in it")]
    MessageRefused(RefusalCause),
    /// What is wrong with the form, or where it leads.
    #[error(transparent)]
    Form(FormRefusal),
    /// A file was refused just now: the deposit goes on without it once the depositor has seen that.
    #[error("a file of the deposit is refused")]
    FileRefused,
    /// An agreement admits the address, and does not open this way of depositing any more (D11).
    #[error("the agreement does not open this way of depositing")]
    Closed(Box<ClosedDoor>),
    /// No agreement in force admits the address any more.
    #[error("the address may not deposit here any more")]
    NotAdmitted,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// As what somebody deposits.
struct Owner {
    /// The partner, where an agreement names one.
    partner: Option<Partner>,
    /// What is replied to.
    answers: Option<TransferId>,
}

/// What is to be committed, or was before.
pub(super) enum Ready {
    /// The draft was sent before.
    Sent(DepositAnswer),
    /// All that a deposit is refused for was looked at.
    Deposit(Box<ReadyDeposit>),
}

/// A deposit that is accepted once it is committed.
pub(super) struct ReadyDeposit {
    view: DraftView,
    owner: Owner,
    title: CleanTitle,
    message_check: Option<Check>,
    form: Option<(FilledForm, Option<Check>)>,
    hold: Option<HoldReason>,
    now: Timestamp,
}

impl App {
    /// Sends a draft: checks again who may, checks the title, seals the message, commits.
    pub async fn accept_deposit(
        &self,
        view: DraftView,
        sending: Sending,
        visitor: Visitor,
    ) -> Result<DepositAnswer, DepositRefusal> {
        let draft = view.draft.id;
        let deposit = match self.ready(view, &sending, visitor).await? {
            Ready::Sent(answer) => return Ok(answer),
            Ready::Deposit(deposit) => *deposit,
        };
        match self.commit_deposit(deposit, &sending.message, None, visitor).await {
            // Sent from two tabs at once: the other one won, and its answer is the answer.
            Err(error) if error.is_conflict() => {
                Ok(DepositAnswer { reference: self.reference_of_the_other(draft).await? })
            }
            Err(error) => Err(error.into()),
            Ok(answer) => Ok(answer),
        }
    }

    /// Checks all that a deposit is refused for.
    pub(super) async fn ready(
        &self,
        view: DraftView,
        sending: &Sending,
        visitor: Visitor,
    ) -> Result<Ready, DepositRefusal> {
        if let DraftState::Sent { reference, .. } = view.draft.state {
            return Ok(Ready::Sent(DepositAnswer { reference }));
        }
        let now = self.believed_now()?;
        let form = match &sending.form {
            Some(form) => form.clone(),
            None => self.draft_form(&view.draft)?,
        };
        let (view, form) = match self.form_and_mailbox(view, &form, sending.seen, now).await? {
            Ok(judged) => judged,
            Err((view, refusal)) => {
                let reason = match &refusal {
                    FormRefusal::Content(cause) => logged(*cause),
                    FormRefusal::Closed { .. } => RefusalReason::AddressNotAdmitted,
                    _ => RefusalReason::FormIncomplete,
                };
                return Err(self.refuse(&view.draft, reason, visitor, DepositRefusal::Form(refusal)).await);
            }
        };
        let (view, standing) = self.settle_files(view, visitor).await?;
        let Some(owner) = self.may_deposit(&view.draft, &view.mailbox, now).await? else {
            return Err(self
                .refuse(&view.draft, RefusalReason::AddressNotAdmitted, visitor, DepositRefusal::NotAdmitted)
                .await);
        };
        if let Some((service, partner)) = service_of(view.draft.purpose).zip(owner.partner.as_ref()) {
            let terms = self.agreed_terms(&view.mailbox, partner.id).await?;
            if let Some(closed) = ClosedDoor::of(&terms, &view.mailbox, service) {
                let refusal = DepositRefusal::Closed(Box::new(closed));
                return Err(self.refuse(&view.draft, ClosedDoor::REASON, visitor, refusal).await);
            }
            // Software fills no form: where one is needed it is joined as a file (D10).
            if service == Service::Api && terms.form_required && view.draft.parts.is_empty() {
                let refusal = DepositRefusal::Form(FormRefusal::FileMissing);
                return Err(self.refuse(&view.draft, RefusalReason::FormIncomplete, visitor, refusal).await);
            }
        }
        if let Some(name) = self.first_unfinished(&view.draft).await? {
            let refusal = DepositRefusal::Unfinished { name };
            return Err(self.refuse(&view.draft, RefusalReason::FormIncomplete, visitor, refusal).await);
        }
        if let Err(error) = view.draft.check_whole(&self.limits_in_force(&view.mailbox)) {
            let (reason, refusal) = (reason_of(error), DepositRefusal::OverLimit(error));
            return Err(self.refuse(&view.draft, reason, visitor, refusal).await);
        }
        let title = match self.check(&view, sending, form.is_some()) {
            Ok(title) => title,
            Err((reason, refusal)) => return Err(self.refuse(&view.draft, reason, visitor, refusal).await),
        };
        let message_check = match self.inspect_text(sending.message.expose(), &view.mailbox).await? {
            None => None,
            Some(Ok(Ok(check))) => Some(Ok(check)),
            Some(Ok(Err((_, cause)))) => {
                let refusal = DepositRefusal::MessageRefused(cause);
                return Err(self.refuse(&view.draft, logged(cause), visitor, refusal).await);
            }
            Some(Err(reason)) => Some(Err(reason)),
        };
        let form_check = match &form {
            None => None,
            Some(form) => match self.inspect_text(form.text.expose(), &view.mailbox).await? {
                None => None,
                Some(Ok(Ok(check))) => Some(Ok(check)),
                Some(Ok(Err((_, cause)))) => {
                    let refusal = DepositRefusal::Form(FormRefusal::Content(cause));
                    return Err(self.refuse(&view.draft, logged(cause), visitor, refusal).await);
                }
                Some(Err(reason)) => Some(Err(reason)),
            },
        };
        let waits = |check: &Option<Result<Check, HoldReason>>| check.as_ref()?.as_ref().err().copied();
        let hold = match standing {
            Standing::Judged => waits(&message_check).or_else(|| waits(&form_check)),
            Standing::Waiting(reason) => Some(reason),
            // Told before anything is sent: the depositor may have another copy of it.
            Standing::Refused => return Err(DepositRefusal::FileRefused),
        };
        let message_check = message_check.and_then(Result::ok);
        let form = form.map(|form| (form.filled, form_check.and_then(Result::ok)));
        Ok(Ready::Deposit(Box::new(ReadyDeposit { view, owner, title, message_check, form, hold, now })))
    }

    /// Judges the form, and puts the mailbox that it leads to in the place of the page's: its rules for titles and files, its
    /// limits and its clocks are those of the deposit from here on (T8).
    async fn form_and_mailbox(
        &self,
        mut view: DraftView,
        form: &DraftForm,
        seen: Option<MailboxId>,
        now: Timestamp,
    ) -> Result<Result<(DraftView, Option<JudgedForm>), (DraftView, FormRefusal)>, AppError> {
        let agreement = self.agreement_of_draft(&view).await?;
        let Some(agreement) = &agreement else { return Ok(Ok((view, None))) };
        let judged = match self.judge_form(&view, agreement, form, now).await? {
            Ok(judged) => judged,
            Err(refusal) => return Ok(Err((view, refusal))),
        };
        let Some(form) = &judged else { return Ok(Ok((view, None))) };
        match self.led_to(&view, agreement, &form.filled, seen, now).await? {
            Err(refusal) => return Ok(Err((view, refusal))),
            Ok(None) => {}
            Ok(Some(target)) => {
                // Files that were judged by another policy are judged anew.
                if self.file_policy(&target) != self.file_policy(&view.mailbox) {
                    view.draft.inspection.passed.clear();
                }
                view.limits = self.limits_in_force(&target);
                view.mailbox = target;
            }
        }
        Ok(Ok((view, judged)))
    }

    /// As what the owner of a draft deposits now: admitted by an agreement, or as the recipient of a transfer that can
    /// still be opened; none when as neither.
    async fn may_deposit(
        &self,
        draft: &Draft,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<Option<Owner>, AppError> {
        let partner = self.admitted_partner(mailbox, &draft.address, now).await?;
        match draft.purpose {
            DraftPurpose::Outgoing { .. } => Ok(None),
            DraftPurpose::Deposit => {
                Ok(partner.map(|partner| Owner { partner: Some(partner), answers: None }))
            }
            DraftPurpose::Api { client } => {
                let may = self.client_may_fill(client, draft).await?;
                let partner = partner.filter(|partner| may && Some(partner.id) == draft.partner);
                Ok(partner.map(|partner| Owner { partner: Some(partner), answers: None }))
            }
            DraftPurpose::Reply { to } => {
                let may = self.may_reply(&draft.address, to, now).await?;
                Ok(may.then_some(Owner { partner, answers: Some(to) }))
            }
        }
    }

    /// Whether the owner of a draft may deposit at this moment.
    pub(super) async fn still_deposits(
        &self,
        draft: &Draft,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        Ok(self.may_deposit(draft, mailbox, now).await?.is_some())
    }

    fn check(
        &self,
        view: &DraftView,
        sending: &Sending,
        has_form: bool,
    ) -> Result<CleanTitle, (RefusalReason, DepositRefusal)> {
        let policies = self.policies.load();
        let title = policies
            .titles
            .clean_for_web(view.mailbox.slug.as_str(), &sending.title)
            .map_err(|refusal| (RefusalReason::TitlePersonalData, DepositRefusal::Title(refusal)))?;
        let message = sending.message.expose();
        if message.len() > MESSAGE_MAX_BYTES {
            let (limit, actual) = (ByteSize(MESSAGE_MAX_BYTES as u64), ByteSize(message.len() as u64));
            return Err((RefusalReason::TooLarge, DepositRefusal::MessageTooLong { limit, actual }));
        }
        if message.trim_ascii().is_empty() && view.draft.parts.is_empty() && !has_form {
            return Err((RefusalReason::NothingSent, DepositRefusal::Empty));
        }
        Ok(title)
    }

    /// Commits a deposit, with the file that came last when that is not in the draft yet.
    pub(super) async fn commit_deposit(
        &self,
        deposit: ReadyDeposit,
        message: &SecretBytes,
        file: Option<&mut ArrivedFile>,
        visitor: Visitor,
    ) -> Result<DepositAnswer, AppError> {
        let ReadyDeposit { view, owner, title, message_check, form, hold, now } = deposit;
        let DraftView { mut draft, version, mailbox, .. } = view;
        let mut unit = UnitOfWork::default();
        if let Some((file, part)) = file.as_deref().zip(draft.parts.last()) {
            self.log_sealed(&mut unit, &draft, part.number, &file.entry, now, visitor)?;
        }
        let depositor = self.depositor(&mut unit, &draft.address, owner.partner.as_ref(), now)?;
        let (form, form_check) = form.unzip();
        let form = match form {
            Some(filled) => Some(self.form_parts(filled, &depositor, &mailbox, now).await?),
            None => None,
        };
        let more = form.as_ref().map(FormParts::clear);
        let more = more.as_ref().map_or([].as_slice(), |parts| parts.as_slice());
        let (identity, sealing, mut parts) =
            self.sealed_draft(&draft, message, more, file, now, visitor).await?;
        for part in &mut parts {
            match part.entry.role {
                PartRole::Message => part.check.clone_from(&message_check),
                PartRole::Form => part.check.clone_from(form_check.as_ref().unwrap_or(&None)),
                // Made by us of what was judged.
                PartRole::FormDocument => {
                    let passed = || Check::Passed { kind: FileKind::Pdf, warnings: Vec::new() };
                    part.check = form_check.as_ref().and_then(Option::as_ref).map(|_| passed());
                }
                _ => {}
            }
        }
        if mailbox.id != draft.mailbox {
            let object = Object::Transfer { transfer: draft.transfer, mailbox: mailbox.id };
            let actor = Actor::Person(draft.person);
            let routed = event(now, actor, Action::DepositRouted, object, Outcome::Done, visitor.web());
            let policy = self.policies.load().digest;
            self.log(&mut unit, routed.under(policy).concerning(depositor.partner))?;
        }
        let reference = self
            .release_or_hold(
                &mut unit,
                Release {
                    transfer: draft.transfer,
                    reference: None,
                    identity: &identity,
                    sealing: &sealing,
                    mailbox: &mailbox,
                    depositor,
                    acknowledge_to: &draft.address,
                    title,
                    title_replaced: false,
                    route: match draft.purpose {
                        DraftPurpose::Api { .. } => Route::Api,
                        _ => Route::Page,
                    },
                    outgoing: None,
                    answers: owner.answers,
                    form: form.as_ref().map(|form| Box::new(form.codes.clone())),
                    language: draft.language,
                    received_at: now,
                    parts,
                    refused: draft.inspection.refused.clone(),
                    original_digest: None,
                    report: None,
                    origin: visitor.web(),
                },
                hold,
            )
            .await?;
        unit.expect_unchanged(Key::Draft(draft.id), version);
        for upload in draft.parts.iter().filter_map(|part| part.upload) {
            unit.delete(Key::Upload((draft.id, upload)));
        }
        draft.send(reference.clone()).map_err(|_| AppError::Contended)?;
        let transfer = draft.transfer;
        unit.put(draft);
        self.commit_release(transfer, unit).await?;
        self.wake_delivery();
        self.wake_receipts();
        if hold.is_some() {
            self.wake_held();
        }
        Ok(DepositAnswer { reference })
    }

    async fn draft_keys(
        &self,
        draft: &Draft,
        visitor: Visitor,
    ) -> Result<(Arc<Identity>, Arc<SealingKey>), AppError> {
        let identity = self.draft_identity(draft)?.ok_or(AppError::Broken("open draft without key"))?;
        let sealing = self.draft_sealing_key(draft, &identity, visitor).await?;
        Ok((Arc::new(identity), Arc::new(sealing)))
    }

    /// What a draft holds, ready to be released: its message and what else is sealed now, and its files, the one that came last too. What
    /// is not durable yet is forced to the disk together.
    pub(super) async fn sealed_draft(
        &self,
        draft: &Draft,
        message: &SecretBytes,
        more: &[ClearPart<'_>],
        arrived: Option<&mut ArrivedFile>,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(Arc<Identity>, Arc<SealingKey>, Vec<SealedPart>), AppError> {
        let (identity, sealing) = match arrived.as_deref() {
            Some(file) => (Arc::clone(&file.identity), Arc::clone(&file.sealing)),
            None => self.draft_keys(draft, visitor).await?,
        };
        let mut clear = vec![ClearPart {
            role: PartRole::Message,
            name: "",
            content_type: "text/plain; charset=utf-8",
            bytes: message.expose(),
        }];
        clear.extend_from_slice(more);
        let texts = self.seal_parts(&sealing, &clear, now.day());
        let (mut parts, arrived) = match arrived {
            Some(file) => {
                let entry = file.entry.clone();
                let (parts, object) = futures_util::try_join!(texts, file.kept())?;
                (parts, Some((entry, object)))
            }
            None => (texts.await?, None),
        };
        // What was made for the deposit stands behind its files, so that those keep their numbers.
        let made = parts.split_off(1.min(parts.len()));
        let known = draft.parts.len() - usize::from(arrived.is_some());
        for part in draft.parts.iter().take(known) {
            parts.push(SealedPart {
                entry: Self::draft_entry(part, &identity)?,
                objects: part.objects.clone(),
                number: part.number,
                check: draft.inspection.of(part.number).cloned(),
            });
        }
        let last = arrived.zip(draft.parts.last());
        parts.extend(last.map(|((entry, object), part)| SealedPart {
            entry,
            objects: vec![object],
            number: part.number,
            check: None,
        }));
        parts.extend(made);
        Ok((identity, sealing, parts))
    }

    /// What a sent draft became, for the depositor's own page; none when its time is over.
    pub async fn sent_transfer(&self, id: TransferId) -> Result<Option<Transfer>, AppError> {
        let now = self.believed_now()?;
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(id)).await?;
        Ok(found.map(|(transfer, _)| transfer).filter(|transfer| transfer.is_live(now)))
    }

    /// The reference that a draft got from whoever sent it at the same time.
    pub(super) async fn reference_of_the_other(
        &self,
        draft: crate::value::DraftId,
    ) -> Result<Reference, AppError> {
        let found: Option<(Draft, u64)> = self.read(&Key::Draft(draft)).await?;
        match found.map(|(draft, _)| draft.state) {
            Some(DraftState::Sent { reference, .. }) => Ok(reference),
            // A file was added or removed meanwhile: what is to be sent is not what was seen.
            _ => Err(AppError::Contended),
        }
    }

    async fn refuse(
        &self,
        draft: &Draft,
        reason: RefusalReason,
        visitor: Visitor,
        refusal: DepositRefusal,
    ) -> DepositRefusal {
        let (actor, object) = (Actor::Person(draft.person), Object::Draft(draft.id));
        let outcome = Outcome::Refused(reason);
        let refused = event(self.now().at, actor, Action::DepositRefused, object, outcome, visitor.web())
            .concerning(draft.partner);
        match self.log_alone(refused.under(self.policies.load().digest)).await {
            Ok(()) => refusal,
            Err(error) => error.into(),
        }
    }
}
