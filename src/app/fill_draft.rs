//! Files go into a draft: each is sealed while it streams in, and is in the draft once it is durable (D4, D8).
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | some bytes written | a temporary file, sealed, nameless | the object store at its next start |
//! | the object finished | a sealed object that no record names | the sweep of old objects |
//! | the commit | the file in the draft | |

use std::sync::Arc;

use thiserror::Error;
use zeroize::Zeroizing;

use super::arrived_file::{ArrivedFile, ArrivedObject};
use super::ports::{Key, ObjectWriter, UnitOfWork};
use super::scan_tee::ScanTee;
use super::seal_stream::SealStream;
use super::{App, AppError, CONFLICT_TRIES, DraftView, UploadRefusal, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::content::RefusalCause;
use crate::message::{FileName, clean_file_name};
use crate::retention::KeyName;
use crate::transfer::{Draft, DraftError, DraftPart};
use crate::value::{ByteSize, Digest, DraftId, Timestamp};
use crate::vault::{Identity, ManifestPart, PartRole, SealingKey, open, read_identity};

/// How many first bytes are kept to tell the type of a file.
pub(super) const SNIFF_BYTES: usize = 4096;

/// Why a file does not go into a draft. The depositor can mend it; the rest of the deposit stays.
#[derive(Debug, Error)]
pub enum FileRefusal {
    /// The file has no byte.
    #[error("the file is empty")]
    Empty,
    /// What is in it.
    #[error("the file is refused for what it is")]
    Content(RefusalCause),
    /// Over a limit, or the draft was sent.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The address sent as much in an hour as it may.
    #[error("the address may send {limit} in an hour; again at {again}")]
    TooFast {
        /// What it may send.
        limit: ByteSize,
        /// When it may go on.
        again: Timestamp,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A file of a draft, as its page shows it to the depositor.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ListedFile {
    /// Its number in the draft.
    pub number: u32,
    /// Its name, opened for this page.
    pub name: String,
    /// Its size in clear.
    pub size: ByteSize,
    /// SHA-256 in clear, which the depositor can compare.
    pub digest: Digest,
    /// Whether it is still to be inspected.
    pub waits: bool,
}

/// A file that is in the draft now.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SealedFile {
    /// Its number in the draft.
    pub number: u32,
    /// Its name as it was cleaned.
    pub name: FileName,
    /// Its size in clear.
    pub size: ByteSize,
}

/// A file that streams in. Dropped before [`FileSealing::finish`], it leaves nothing.
pub struct FileSealing<'a> {
    app: &'a App,
    view: DraftView,
    name: FileName,
    head: Vec<u8>,
    identity: Identity,
    key: SealingKey,
    sealer: SealStream,
    writer: Box<dyn ObjectWriter>,
    tee: ScanTee,
    visitor: Visitor,
}

impl App {
    /// Begins a file. Refuses at once when the draft takes none.
    pub async fn begin_file(
        &self,
        view: DraftView,
        name: &str,
        visitor: Visitor,
    ) -> Result<FileSealing<'_>, FileRefusal> {
        if let Err(refusal) = view.draft.room(&view.limits) {
            self.log_file_refused(&view.draft, reason_of(refusal), visitor).await?;
            return Err(refusal.into());
        }
        self.check_file_pace(&view, visitor).await?;
        let identity = self.draft_identity(&view.draft)?.ok_or(DraftError::AlreadySent)?;
        let key = self.draft_sealing_key(&view.draft, &identity, visitor).await?;
        let sealer = SealStream::new(&key).map_err(AppError::from)?;
        let writer = self.objects.create(self.believed_now()?.day()).await.map_err(AppError::from)?;
        let name = clean_file_name(name);
        let tee = ScanTee::begin(self).await;
        Ok(FileSealing {
            app: self,
            view,
            name,
            head: Vec::new(),
            identity,
            key,
            sealer,
            writer,
            tee,
            visitor,
        })
    }

    async fn check_file_pace(&self, view: &DraftView, visitor: Visitor) -> Result<(), FileRefusal> {
        match self.check_pace(&view.draft, view.limits.hourly, visitor).await {
            Err(UploadRefusal::TooFast { limit, again }) => Err(FileRefusal::TooFast { limit, again }),
            Err(UploadRefusal::Fault(error)) => Err(error.into()),
            _ => Ok(()),
        }
    }

    /// Takes a file out of a draft and erases it.
    pub async fn remove_file(
        &self,
        draft: DraftId,
        token: &crate::value::Token,
        number: u32,
        visitor: Visitor,
    ) -> Result<(), FileRefusal> {
        for _ in 0..CONFLICT_TRIES {
            let Some(mut view) = self.draft(draft, token).await? else { return Ok(()) };
            if view.draft.inspection.forget(number) {
                let mut unit = UnitOfWork::default();
                unit.expect_unchanged(Key::Draft(draft), view.version);
                unit.put(view.draft);
                self.store.commit(unit).await.map_err(AppError::from)?;
                return Ok(());
            }
            let part = match view.draft.remove(number) {
                Ok(Some(part)) => part,
                Ok(None) => return Ok(()),
                Err(refusal) => {
                    self.log_file_refused(&view.draft, reason_of(refusal), visitor).await?;
                    return Err(refusal.into());
                }
            };
            let now = self.believed_now()?;
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Draft(draft), view.version);
            let (actor, object) =
                (Actor::Person(view.draft.person), Object::DraftPart { draft, part: number });
            self.log(
                &mut unit,
                event(now, actor, Action::FileRemoved, object, Outcome::Done, visitor.web()),
            )?;
            if let Some(upload) = part.upload {
                unit.delete(Key::Upload((draft, upload)));
            }
            let erasing = self.intend_erasing_parts(&mut unit, draft, vec![part], now)?;
            unit.put(view.draft);
            match (self.store.commit(unit).await.map_err(AppError::from), erasing) {
                (Err(error), _) if error.is_conflict() => {}
                (Err(error), _) => return Err(error.into()),
                (Ok(_), Some(erasing)) => return Ok(self.carry_out(erasing).await?),
                (Ok(_), None) => return Ok(()),
            }
        }
        Err(AppError::Contended.into())
    }

    /// The files of a draft with their names, for the depositor who proved the address.
    pub fn listed_files(&self, draft: &Draft) -> Result<Vec<ListedFile>, AppError> {
        let Some(identity) = self.draft_identity(draft)? else { return Ok(Vec::new()) };
        let entries = Self::draft_entries(draft, &identity)?;
        let listed = draft.parts.iter().zip(entries).map(|(part, entry)| ListedFile {
            number: part.number,
            name: entry.name,
            size: part.size,
            digest: entry.digest,
            waits: self.inspects_files() && draft.inspection.of(part.number).is_none(),
        });
        Ok(listed.collect())
    }

    /// The transfer's identity while the draft is open.
    pub(super) fn draft_identity(&self, draft: &Draft) -> Result<Option<Identity>, AppError> {
        let Some(wrap) = &draft.wrap else { return Ok(None) };
        Ok(Some(read_identity(&self.open_with(KeyName::Draft(draft.key_day), wrap)?)?))
    }

    /// The manifest entries of a draft's files, in order.
    pub(super) fn draft_entries(draft: &Draft, identity: &Identity) -> Result<Vec<ManifestPart>, AppError> {
        draft.parts.iter().map(|part| Self::draft_entry(part, identity)).collect()
    }

    /// The manifest entry of one file of a draft.
    pub(super) fn draft_entry(part: &DraftPart, identity: &Identity) -> Result<ManifestPart, AppError> {
        let plain = open(identity, &part.entry)?;
        serde_json::from_slice(plain.expose()).map_err(|_| AppError::Broken("draft entry"))
    }

    pub(super) async fn log_file_refused(
        &self,
        draft: &Draft,
        reason: RefusalReason,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let (actor, object) = (Actor::Person(draft.person), Object::Draft(draft.id));
        let outcome = Outcome::Refused(reason);
        self.log_alone(event(self.now().at, actor, Action::FileRefused, object, outcome, visitor.web())).await
    }
}

impl FileSealing<'_> {
    /// Seals the next bytes. Refuses as soon as a limit is passed, so that no more is read.
    pub async fn push(&mut self, plain: &[u8]) -> Result<(), FileRefusal> {
        let size = ByteSize(self.sealer.plain_size().bytes().saturating_add(plain.len() as u64));
        if let Err(refusal) = self.view.draft.check_size(&self.view.limits, size) {
            self.app.log_file_refused(&self.view.draft, reason_of(refusal), self.visitor).await?;
            return Err(refusal.into());
        }
        self.app.check_file_pace(&self.view, self.visitor).await?;
        let who = (self.view.draft.mailbox, self.view.draft.person);
        self.app.paces.count(who, self.view.limits.hourly, plain.len(), self.app.now().at);
        let wanted = SNIFF_BYTES.saturating_sub(self.head.len()).min(plain.len());
        self.head.extend_from_slice(&plain[..wanted]);
        self.tee.push(plain).await;
        let sealed = self.sealer.push(plain).await?;
        if !sealed.is_empty() {
            let emptied = self.writer.write_owned(sealed).await.map_err(AppError::from)?;
            self.sealer.reuse(emptied);
        }
        Ok(())
    }

    /// Ends the file: durable and in the draft, under the limits as they are at that moment; then judged, where files are
    /// inspected. One that is refused is not in the draft any more.
    pub async fn finish(mut self) -> Result<SealedFile, FileRefusal> {
        let (app, draft, visitor) = (self.app, self.view.draft.id, self.visitor);
        let (tee, head) = (std::mem::take(&mut self.tee), Zeroizing::new(self.head.clone()));
        let sealed = app.keep_arrived(self.end().await?, visitor).await?;
        match app.inspect_new_file(draft, sealed.number, &head, tee, visitor).await? {
            None => Ok(sealed),
            Some(cause) => Err(FileRefusal::Content(cause)),
        }
    }

    pub(super) fn is_inspected(&self) -> bool {
        self.app.inspects_files()
    }

    /// Seals what is left. Its bytes are with the store then, the draft does not know of it yet.
    pub(super) async fn end(self) -> Result<ArrivedFile, FileRefusal> {
        let Self { app, view, name, head, identity, key, sealer, mut writer, tee: _, visitor } = self;
        if sealer.plain_size() == ByteSize(0) {
            app.log_file_refused(&view.draft, RefusalReason::NothingSent, visitor).await?;
            return Err(FileRefusal::Empty);
        }
        let (tail, summary) = sealer.finish().await?;
        writer.write_owned(tail).await.map_err(AppError::from)?;
        let entry = ManifestPart {
            role: PartRole::Attachment,
            name: name.to_string(),
            content_type: content_type(&head, name.as_str()).to_owned(),
            size: summary.plain_size,
            digest: summary.plain_digest,
            segments: vec![summary.segment],
        };
        let plain = serde_json::to_vec(&entry).map_err(|_| AppError::Broken("manifest entry"))?;
        let sealed_entry = key.seal(&plain).map_err(AppError::from)?;
        let object = ArrivedObject::Written(writer);
        Ok(ArrivedFile {
            view,
            name,
            entry,
            sealed_entry,
            object,
            identity: Arc::new(identity),
            sealing: Arc::new(key),
        })
    }
}

pub(super) const fn reason_of(error: DraftError) -> RefusalReason {
    match error {
        DraftError::AlreadySent => RefusalReason::ProofUsed,
        DraftError::FileTooLarge { .. } | DraftError::DepositTooLarge { .. } => RefusalReason::TooLarge,
        DraftError::TooManyFiles { .. } => RefusalReason::TooMany,
    }
}

/// The media type that the bytes show; of plain text and the unknown, what the extension says of the harmless few.
pub(super) fn content_type(head: &[u8], name: &str) -> &'static str {
    if let Some(kind) = infer::get(head) {
        return kind.mime_type();
    }
    let extension = name.rsplit_once('.').map(|(_, extension)| extension.to_ascii_lowercase());
    match extension.as_deref() {
        Some("txt") => "text/plain",
        Some("csv") => "text/csv",
        Some("eml") => "message/rfc822",
        _ => "application/octet-stream",
    }
}
