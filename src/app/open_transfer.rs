//! A named person opens a transfer, reads it and downloads its files (T3). Rights, expiry and the clock are asked of
//! the access policy at each call; what is opened is checked against the manifest, and the manifest against the log.
//!
//! A download commits its intention before the first byte and its result after the last (invariant 2).

use std::io;
use std::sync::Arc;

use thiserror::Error;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::list_sent::{OutgoingView, ThreadLine};
use super::ports::{Key, List, ObjectError, ObjectReader, Objects, UnitOfWork};
use super::receipt::action_of;
use super::{App, AppError, CONFLICT_TRIES, Signed, Visitor, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Outcome, RefusalReason, Selection};
use crate::identity::Session;
use crate::mailbox::{Custody, Mailbox};
use crate::policy::access::{AccessRefusal, Permitted, ReadingFacts, permit_reading};
use crate::policy::form::FilledForm;
use crate::relay::letter::LetterKind;
use crate::relay::queue::{MailState, QueuedMail};
use crate::relay::truth::Cause;
use crate::retention::{Effect, KeyName, PendingEffect};
use crate::transfer::{Check, Ending, ObjectLocator, RegisterLine, SentLine, Transfer};
use crate::value::{ByteSize, Digest, Reference, SecretBytes, Timestamp};
use crate::vault::{
    Grant, Identity, Manifest, ManifestPart, PartOpener, PartRole, SegmentSource, VaultError,
};

/// How many mails of a transfer its page shows.
const MAILS_SHOWN_MAX: usize = 50;

/// Why a transfer is not opened.
#[derive(Debug, Error)]
pub enum OpenError {
    /// The person must sign in first.
    #[error("nobody is signed in")]
    NotSignedIn,
    /// The person has no right to this mailbox.
    #[error("the person is not entitled")]
    NotEntitled,
    /// The person may read the mailbox, but no member has opened it to the person yet.
    #[error("no member has admitted the person to the mailbox's key")]
    NotAdmitted,
    /// The person's key is not open in this session: the password is asked for anew.
    #[error("the personal key is locked")]
    Locked,
    /// Its time is over (V3).
    #[error("the transfer has ended")]
    Gone,
    /// Who sent it withdrew it (V4).
    #[error("the transfer was withdrawn")]
    Withdrawn {
        /// When.
        at: Timestamp,
    },
    /// There is no such transfer, or no such file in it.
    #[error("there is no such thing")]
    NotFound,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A transfer as it shows closed: nothing of its sealed part.
#[derive(Debug)]
pub struct Envelope {
    /// The transfer.
    pub transfer: Transfer,
    /// The mailbox.
    pub mailbox: Mailbox,
    /// What became of its mails.
    pub mails: Vec<MailStatus>,
    /// What it has when the mailbox sent it to people outside.
    pub outgoing: Option<OutgoingView>,
    /// The live transfer that it answers.
    pub answered: Option<ThreadLine>,
    /// The live transfers that answer it, oldest first.
    pub answers: Vec<ThreadLine>,
    /// The person opened it in this session.
    pub opened: bool,
}

/// Where a mail of the transfer stands (invariant 10).
#[derive(Debug, Clone)]
pub struct MailStatus {
    /// What it is for.
    pub kind: LetterKind,
    /// Who gets it.
    pub to: crate::value::MailAddress,
    /// Where it stands.
    pub state: MailState,
    /// Why it is not there, if there is a reason to tell.
    pub cause: Option<Cause>,
}

/// A transfer, opened: made only when the access policy said yes.
#[derive(Debug)]
pub struct OpenedTransfer {
    /// The transfer.
    pub transfer: Transfer,
    /// The mailbox.
    pub mailbox: Mailbox,
    reader: (Actor, Visitor),
    identity: Arc<Identity>,
    manifest: Manifest,
}

/// A file of an opened transfer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FileView {
    /// Its number on the page, from 1.
    pub number: u32,
    /// Its name.
    pub name: String,
    /// The media type that its bytes show.
    pub content_type: String,
    /// Its size in clear.
    pub size: ByteSize,
    /// SHA-256 in clear.
    pub digest: Digest,
    /// What binds its sealed bytes.
    pub binding: Digest,
    /// It is the whole mail as it came in.
    pub is_original: bool,
    /// It is the document that was made of the deposit's form.
    pub is_form: bool,
    /// What is known of it by inspection.
    pub check: Check,
}

/// A sealed part that is being read in clear, where blocking is allowed.
pub type PartStream = PartOpener<StoredSegments>;

/// The segments of a part in the object store; each is opened when it is needed, where blocking is allowed.
pub struct StoredSegments {
    objects: Arc<dyn Objects>,
    locators: Vec<ObjectLocator>,
    handle: Handle,
}

impl StoredSegments {
    /// The objects at these places. Made inside the runtime that is to look for them.
    pub(super) fn new(objects: Arc<dyn Objects>, locators: Vec<ObjectLocator>) -> Self {
        Self { objects, locators, handle: Handle::current() }
    }
}

impl SegmentSource for StoredSegments {
    type Sealed = Box<dyn ObjectReader>;

    fn open(&mut self, place: usize) -> io::Result<Self::Sealed> {
        let locator = self.locators.get(place).ok_or(io::ErrorKind::NotFound)?;
        self.handle.block_on(self.objects.open(locator)).map_err(|error| match error {
            ObjectError::Unavailable(error) => error,
            other => io::Error::new(io::ErrorKind::NotFound, other),
        })
    }
}

impl OpenedTransfer {
    /// Whether rights alone protect the mailbox, which its pages say (DESIGN: custody `gateway`).
    pub fn is_protected_by_rights_alone(&self) -> bool {
        self.mailbox.key.custody == Custody::Gateway
    }

    /// Its files, numbered from 1.
    pub fn files(&self) -> Vec<FileView> {
        let files = self.numbered_files().map(|(number, place, part)| FileView {
            number,
            name: part.name.clone(),
            content_type: part.content_type.clone(),
            size: part.size,
            digest: part.digest,
            binding: part.binding(),
            is_original: part.role == PartRole::Original,
            is_form: part.role == PartRole::FormDocument,
            check: self.transfer.checks.get(place).cloned().unwrap_or(Check::Off),
        });
        files.collect()
    }

    /// Who opened it, and from where.
    pub(super) fn reader(&self) -> (Actor, Visitor) {
        self.reader
    }

    /// The transfer's own key, for what is sealed to it beside the manifest.
    pub(super) fn identity(&self) -> &Identity {
        &self.identity
    }

    fn object(&self) -> Object {
        Object::Transfer { transfer: self.transfer.id, mailbox: self.transfer.mailbox }
    }

    /// Number on the page, place among the objects, manifest entry.
    fn numbered_files(&self) -> impl Iterator<Item = (u32, usize, &ManifestPart)> {
        const fn is_file(part: &ManifestPart) -> bool {
            !matches!(part.role, PartRole::Message | PartRole::Form)
        }
        let files = self.manifest.parts.iter().enumerate().filter(|(_, part)| is_file(part));
        files.zip(1..).map(|((place, part), number)| (number, place, part))
    }
}

impl App {
    /// The transfer as it shows closed. Nothing changes, nothing is logged but a refusal.
    pub async fn envelope(
        &self,
        signed: Option<&Signed>,
        reference: &Reference,
        visitor: Visitor,
    ) -> Result<Envelope, OpenError> {
        let permitted = self.permitted(signed, reference, visitor).await?;
        let transfer = permitted.into_subject();
        let mailbox = self.mailbox_of(signed, &transfer).await?;
        let mails: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsOf(transfer.id), MAILS_SHOWN_MAX).await?;
        let mails = mails.into_iter().map(|(mail, _)| {
            let mail = self.as_it_stands(mail);
            let cause = mail.cause();
            MailStatus { kind: mail.kind, to: mail.to, state: mail.state, cause }
        });
        let opened = signed.is_some_and(|signed| signed.session.opened.contains(&transfer.id));
        Ok(Envelope {
            mails: mails.collect(),
            outgoing: self.outgoing_view(&transfer).await?,
            answered: self.answered_by(&transfer).await?,
            answers: self.answers_to(transfer.id).await?,
            mailbox,
            opened,
            transfer,
        })
    }

    /// The person presses the button: the opening is logged, and this session may read from now on.
    pub async fn open_transfer(
        &self,
        signed: &Signed,
        reference: &Reference,
        visitor: Visitor,
    ) -> Result<(), OpenError> {
        for _ in 0..CONFLICT_TRIES {
            let opened = self.opened_transfer(Some(signed), reference, visitor).await?;
            match self.note_opening(signed, &opened, visitor).await {
                Err(error) if error.is_conflict() => {}
                outcome => return Ok(outcome?),
            }
        }
        Err(AppError::Contended.into())
    }

    async fn note_opening(
        &self,
        signed: &Signed,
        opened: &OpenedTransfer,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let now = self.now().at;
        let mut unit = UnitOfWork::default();
        let id = opened.transfer.id;
        let object = Object::Transfer { transfer: id, mailbox: opened.mailbox.id };
        let actor = Actor::Person(signed.account.person);
        let told = event(now, actor, Action::TransferOpened, object, Outcome::Done, visitor.web());
        self.log(&mut unit, told.concerning(opened.transfer.depositor.partner))?;
        self.note_first_opening(&mut unit, signed, opened, now).await?;
        let session: Option<(Session, u64)> = self.read(&Key::Session(signed.session.token)).await?;
        if let Some((mut session, version)) = session {
            session.open(id);
            unit.expect_unchanged(Key::Session(session.token), version);
            unit.put(session);
        }
        self.store.commit(unit).await?;
        Ok(())
    }

    async fn note_first_opening(
        &self,
        unit: &mut UnitOfWork,
        signed: &Signed,
        opened: &OpenedTransfer,
        now: Timestamp,
    ) -> Result<(), AppError> {
        let id = opened.transfer.id;
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(id)).await?;
        if let Some((mut transfer, version)) = found
            && transfer.note_opening(now, signed.account.id, opened.mailbox.id)
        {
            unit.expect_unchanged(Key::Transfer(id), version);
            unit.put(transfer);
        }
        Ok(())
    }

    /// The transfer with its manifest, for a person who may read it now.
    pub async fn opened_transfer(
        &self,
        signed: Option<&Signed>,
        reference: &Reference,
        visitor: Visitor,
    ) -> Result<OpenedTransfer, OpenError> {
        let permitted = self.permitted(signed, reference, visitor).await?;
        let mailbox = self.mailbox_of(signed, permitted.subject()).await?;
        let (id, holder) = (permitted.subject().id, mailbox.id);
        let reader =
            (signed.map_or(Actor::Anonymous, |signed| Actor::Person(signed.account.person)), visitor);
        match self.unseal(signed, permitted, mailbox, reader).await {
            Err(OpenError::Fault(AppError::Vault(error))) => {
                self.log_damage(signed, Object::Transfer { transfer: id, mailbox: holder }, visitor).await?;
                Err(AppError::Vault(error).into())
            }
            // The person is entitled, and still cannot open it: that was tried too.
            Err(error @ (OpenError::Locked | OpenError::NotAdmitted)) => {
                let reason = match error {
                    OpenError::Locked => RefusalReason::KeyLocked,
                    _ => RefusalReason::NotAdmitted,
                };
                let (at, outcome) = (self.now().at, Outcome::Refused(reason));
                let object = Object::Transfer { transfer: id, mailbox: holder };
                let told = event(at, reader.0, Action::AccessRefused, object, outcome, visitor.web());
                self.log_alone(told).await?;
                Err(error)
            }
            outcome => outcome,
        }
    }

    async fn unseal(
        &self,
        signed: Option<&Signed>,
        permitted: Permitted<Transfer>,
        mailbox: Mailbox,
        reader: (Actor, Visitor),
    ) -> Result<OpenedTransfer, OpenError> {
        let identity = self.transfer_identity(signed, &permitted, &mailbox).await?;
        self.open_manifest(permitted.into_subject(), mailbox, reader, Arc::new(identity)).await
    }

    /// Opens and checks the manifest of a transfer whose reading was permitted.
    pub(super) async fn open_manifest(
        &self,
        transfer: Transfer,
        mailbox: Mailbox,
        reader: (Actor, Visitor),
        identity: Arc<Identity>,
    ) -> Result<OpenedTransfer, OpenError> {
        let logged = self.logged_manifest(&transfer).await?;
        let manifest =
            Manifest::open(&transfer.manifest, &identity, logged, transfer.id).map_err(AppError::from)?;
        let kept = transfer.objects.iter().map(Vec::len);
        if !manifest.parts.iter().map(|part| part.segments.len()).eq(kept) {
            return Err(AppError::from(VaultError::Swapped).into());
        }
        Ok(OpenedTransfer { transfer, mailbox, reader, identity, manifest })
    }

    /// Something sealed is not what was sealed: the officer must see it.
    async fn log_damage(
        &self,
        signed: Option<&Signed>,
        object: Object,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let actor = signed.map_or(Actor::Anonymous, |signed| Actor::Person(signed.account.person));
        let outcome = Outcome::Failed(FailureReason::SealDamaged);
        self.log_alone(event(self.now().at, actor, Action::TransferOpened, object, outcome, visitor.web()))
            .await
    }

    /// The message, in clear.
    pub async fn message(&self, opened: &OpenedTransfer) -> Result<SecretBytes, AppError> {
        let text = self.text_part(opened, PartRole::Message).await?;
        Ok(text.unwrap_or_default())
    }

    /// The form as it was filled; none of a deposit without one.
    pub async fn filled_form(&self, opened: &OpenedTransfer) -> Result<Option<FilledForm>, AppError> {
        let Some(text) = self.text_part(opened, PartRole::Form).await? else { return Ok(None) };
        serde_json::from_slice(text.expose()).map(Some).map_err(|_| AppError::Broken("form of a transfer"))
    }

    /// A part that is a text, in clear; none when there is no such part.
    async fn text_part(
        &self,
        opened: &OpenedTransfer,
        role: PartRole,
    ) -> Result<Option<SecretBytes>, AppError> {
        let place = opened.manifest.parts.iter().position(|part| part.role == role);
        let Some(place) = place else { return Ok(None) };
        let opening = self.open_part(opened, place).await;
        let mut stream = self.told_of_damage(opened, opened.object(), opening).await?;
        let size = usize::try_from(opened.manifest.parts[place].size.bytes()).unwrap_or(usize::MAX);
        let read = spawn_blocking(move || {
            let mut text = Vec::with_capacity(size.min(super::accept_deposit::MESSAGE_MAX_BYTES) + 1);
            let mut buffer = zeroize::Zeroizing::new(vec![0; 64 * 1024]);
            loop {
                match stream.pull(&mut buffer)? {
                    0 => return Ok(SecretBytes::new(text)),
                    count => text.extend_from_slice(&buffer[..count]),
                }
            }
        });
        let read = read.await.map_err(|_| AppError::Broken("message"))?;
        let read = read.map_err(|error: VaultError| error.into());
        self.told_of_damage(opened, opened.object(), read).await.map(Some)
    }

    /// A file's stream; to be pulled where blocking is allowed.
    pub async fn open_file(&self, opened: &OpenedTransfer, number: u32) -> Result<PartStream, OpenError> {
        let place = opened.numbered_files().find(|(n, ..)| *n == number).map(|(_, place, _)| place);
        let opening = self.open_part(opened, place.ok_or(OpenError::NotFound)?).await;
        let Transfer { id: transfer, mailbox, .. } = opened.transfer;
        let object = Object::TransferPart { transfer, mailbox, part: number };
        Ok(self.told_of_damage(opened, object, opening).await?)
    }

    async fn open_part(&self, opened: &OpenedTransfer, place: usize) -> Result<PartStream, AppError> {
        let identity = Arc::clone(&opened.identity);
        let part = opened.manifest.parts[place].clone();
        let segments = StoredSegments::new(Arc::clone(&self.objects), opened.transfer.objects[place].clone());
        let opening = spawn_blocking(move || PartOpener::new(identity, &part, segments));
        Ok(opening.await.map_err(|_| AppError::Broken("opening of a part"))??)
    }

    /// Commits the intention of a download: of one file, or of all when `number` is none. The result is committed by
    /// [`App::end_download`], or, when the gateway is killed meanwhile, by its next run.
    pub async fn begin_download(
        &self,
        signed: &Signed,
        opened: &OpenedTransfer,
        number: Option<u32>,
        visitor: Visitor,
    ) -> Result<PendingEffect, AppError> {
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let effect = Effect::Download {
                person: signed.account.person,
                transfer: opened.transfer.id,
                mailbox: opened.mailbox.id,
                partner: opened.transfer.depositor.partner,
                part: number,
                address: visitor.address,
            };
            let mut unit = UnitOfWork::default();
            let pending = self.intend(&mut unit, effect, now)?;
            self.note_first_opening(&mut unit, signed, opened, now).await?;
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome.map(|_| pending),
            }
        }
        Err(AppError::Contended)
    }

    /// Commits the result of a download: how much was sent, and from which byte when a stretch was asked for.
    pub async fn end_download(
        &self,
        pending: &PendingEffect,
        failure: Option<FailureReason>,
        from: Option<ByteSize>,
        sent: ByteSize,
    ) -> Result<(), AppError> {
        let detail = from.map_or(Detail::Bytes(sent), |from| Detail::Stretch { from, bytes: sent });
        self.end_effect(pending, failure, Some(detail)).await
    }

    /// Whether a transfer may be read on at this moment; asked again and again while bytes stream (invariant 5).
    pub fn may_still_read(&self, transfer: &Transfer) -> bool {
        let now = self.now();
        now.believed && transfer.is_live(now.at) && !self.was_ended(transfer.id)
    }

    /// Finds the transfer and asks the access policy; a refusal is logged.
    pub(super) async fn permitted(
        &self,
        signed: Option<&Signed>,
        reference: &Reference,
        visitor: Visitor,
    ) -> Result<Permitted<Transfer>, OpenError> {
        let Some(signed) = signed else { return Err(OpenError::NotSignedIn) };
        let now = self.now();
        let found: Option<(Transfer, u64)> =
            self.read_one(&List::TransferByReference(reference.clone())).await?;
        let Some((transfer, _)) = found else {
            return Err(self.ended_or_unknown(signed, reference, visitor).await?);
        };
        let facts = ReadingFacts {
            signed_in: true,
            entitled: transfer.holders().any(|holder| signed.account.reads(holder)),
            clock_believed: now.believed,
            live: transfer.is_live(now.at),
        };
        let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.mailbox };
        match permit_reading(transfer, facts) {
            Ok(permitted) => Ok(permitted),
            Err(refusal) => Err(self.refuse_access(signed, object, refusal, visitor).await),
        }
    }

    async fn ended_or_unknown(
        &self,
        signed: &Signed,
        reference: &Reference,
        visitor: Visitor,
    ) -> Result<OpenError, AppError> {
        let line: Option<(RegisterLine, u64)> =
            self.read_one(&List::RegisterByReference(reference.clone())).await?;
        let (object, read_it, withdrawn_at) = if let Some((line, _)) = line {
            let object = Object::Transfer { transfer: line.transfer, mailbox: line.mailbox };
            let withdrawn_at = line.ended_at.filter(|_| line.ending == Some(Ending::Revoked));
            (object, line.holders().any(|id| signed.account.reads(id)), withdrawn_at)
        } else {
            let sent: Option<(SentLine, u64)> =
                self.read_one(&List::SentByReference(reference.clone())).await?;
            let Some((sent, _)) = sent else {
                let (actor, outcome) =
                    (Actor::Person(signed.account.person), Outcome::Refused(RefusalReason::NotFound));
                let (at, action) = (self.now().at, Action::AccessRefused);
                self.log_alone(event(at, actor, action, Object::None, outcome, visitor.web())).await?;
                return Ok(OpenError::NotFound);
            };
            let object = Object::Transfer { transfer: sent.transfer, mailbox: sent.mailbox };
            let withdrawn_at = (sent.ending == Ending::Revoked).then_some(sent.ended_at);
            (object, signed.account.reads(sent.mailbox), withdrawn_at)
        };
        if let Some(at) = withdrawn_at.filter(|_| read_it) {
            let actor = Actor::Person(signed.account.person);
            let outcome = Outcome::Refused(RefusalReason::TransferRevoked);
            let (now, action) = (self.now().at, Action::AccessRefused);
            self.log_alone(event(now, actor, action, object, outcome, visitor.web())).await?;
            return Ok(OpenError::Withdrawn { at });
        }
        let refusal = if read_it { AccessRefusal::Gone } else { AccessRefusal::NotEntitled };
        Ok(self.refuse_access(signed, object, refusal, visitor).await)
    }

    async fn refuse_access(
        &self,
        signed: &Signed,
        object: Object,
        refusal: AccessRefusal,
        visitor: Visitor,
    ) -> OpenError {
        self.refuse_reading(Actor::Person(signed.account.person), object, refusal, visitor).await
    }

    /// Notes why somebody may not read, and says it.
    pub(super) async fn refuse_reading(
        &self,
        actor: Actor,
        object: Object,
        refusal: AccessRefusal,
        visitor: Visitor,
    ) -> OpenError {
        let (reason, error) = match refusal {
            AccessRefusal::NotSignedIn => (RefusalReason::SessionExpired, OpenError::NotSignedIn),
            AccessRefusal::NotEntitled => (RefusalReason::NotEntitled, OpenError::NotEntitled),
            AccessRefusal::Gone => (RefusalReason::TransferExpired, OpenError::Gone),
            AccessRefusal::ClockNotBelieved => {
                (RefusalReason::ClockNotTrusted, AppError::ClockNotBelieved.into())
            }
        };
        let outcome = Outcome::Refused(reason);
        let refused = event(self.now().at, actor, Action::AccessRefused, object, outcome, visitor.web());
        match self.log_alone(refused).await {
            Ok(()) => error,
            Err(fault) => fault.into(),
        }
    }

    /// Opens the grant: the day's key first, without which the rest is of no use.
    pub(super) async fn transfer_identity(
        &self,
        signed: Option<&Signed>,
        permitted: &Permitted<Transfer>,
        mailbox: &Mailbox,
    ) -> Result<Identity, OpenError> {
        let transfer = permitted.subject();
        let found: Option<(Grant, u64)> = self.read(&Key::Grant((transfer.id, mailbox.id))).await?;
        let Some((grant, _)) = found else { return Err(OpenError::Gone) };
        let day = self.day_identity(KeyName::ExpiryDay(grant.terms.day)).await?;
        let holder = self.mailbox_identity(signed.ok_or(OpenError::NotSignedIn)?, mailbox).await?;
        Ok(self.open_grant(&grant, mailbox, &holder, &day).await?)
    }

    /// The manifest's digest as the log has it since the deposit: a manifest swapped in the store is not that one.
    async fn logged_manifest(&self, transfer: &Transfer) -> Result<Digest, AppError> {
        let actions = vec![action_of(transfer.route)];
        let deposit = Selection { transfer: Some(transfer.id), actions, ..Selection::default() };
        let entries = self.store.entries(&deposit, 1).await?;
        let logged = entries.first().and_then(|(_, entry)| entry.event().ok()?.detail);
        match logged {
            Some(Detail::Sealed(digest)) => Ok(digest),
            _ => Err(AppError::Vault(VaultError::Swapped)),
        }
    }

    /// The mailbox that the person reads it from.
    async fn mailbox_of(&self, signed: Option<&Signed>, transfer: &Transfer) -> Result<Mailbox, OpenError> {
        let signed = signed.ok_or(OpenError::NotSignedIn)?;
        self.holder_for(signed, transfer).await?.ok_or(OpenError::NotEntitled)
    }
}
