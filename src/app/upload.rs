//! Files come into a draft in pieces, over days if need be (D4, D8): an upload is begun, asked for, listed and given up
//! here; its bytes come in `upload_append`, and what a crash left is taken up in `upload_recover`.
//!
//! An upload reserves its whole size and one place in its draft, so that uploads side by side cannot pass together a
//! limit that one of them could not.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, DraftView, FileRefusal, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::content::RefusalCause;
use crate::message::clean_file_path;
use crate::transfer::{
    DRAFT_LIFE, Draft, DraftError, DraftState, Reservation, Upload, UploadError, UploadState,
};
use crate::value::{ByteSize, DraftId, SecretBytes, Timestamp, UploadId};
use crate::vault::{ContentDigest, Identity, open};

/// The longest fingerprint that is kept.
const FINGERPRINT_MAX_BYTES: usize = 1024;
/// How many uploads of a draft are read at once: more than any draft may have.
const UPLOADS_MAX: usize = 10_000;

/// A file that is to come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct NewUpload {
    /// Its path in the folder that was chosen, or its name.
    pub path: String,
    /// What the page's script knows it by when it is chosen again; opaque, may be empty.
    pub fingerprint: String,
    /// Its size.
    pub length: ByteSize,
}

/// How far an upload is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UploadProgress {
    /// Which.
    pub id: UploadId,
    /// How many bytes are durable.
    pub offset: ByteSize,
    /// How many there are to be.
    pub length: ByteSize,
    /// Until when it can be gone on with, if nothing more comes.
    pub expires_at: Timestamp,
}

/// An upload that is not whole, as the depositor's page shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct UnfinishedUpload {
    /// How far it is.
    pub progress: UploadProgress,
    /// Its path, opened for this page.
    pub path: String,
    /// See [`NewUpload::fingerprint`].
    pub fingerprint: String,
}

/// Why an upload is not begun or takes no bytes.
#[derive(Debug, Error)]
pub enum UploadRefusal {
    /// There is no such upload in the draft, or not any more.
    #[error("there is no such upload")]
    NotFound,
    /// Another request writes to it; the client comes back.
    #[error("another request writes to this upload")]
    Busy,
    /// Another request took over while this one wrote; what came is kept.
    #[error("another request took over this upload")]
    TakenOver,
    /// A file of no bytes.
    #[error("the file is empty")]
    Empty,
    /// It is whole, and refused for what it is or holds (D8); the draft lists it as refused.
    #[error("the file is refused for what it is")]
    Content(RefusalCause),
    /// The bytes do not have the checksum that was announced; none of them is kept.
    #[error("the bytes do not have the announced checksum")]
    ChecksumMismatch,
    /// They do not belong where they were sent, or are too many.
    #[error(transparent)]
    Upload(#[from] UploadError),
    /// The draft does not take it.
    #[error(transparent)]
    Draft(#[from] DraftError),
    /// The address sent as much in an hour as it may; the client comes back.
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

/// What is sealed of an upload beside its bytes.
#[derive(Serialize, Deserialize)]
pub(super) struct UploadFacts {
    pub(super) path: String,
    pub(super) fingerprint: String,
}

impl App {
    /// Begins an upload: its size and its place are reserved from now on.
    pub async fn begin_upload(
        &self,
        view: DraftView,
        new: NewUpload,
        visitor: Visitor,
    ) -> Result<UploadProgress, UploadRefusal> {
        let DraftView { mut draft, mut version, mailbox: _, limits } = view;
        if new.length == ByteSize(0) {
            self.log_file_refused(&draft, RefusalReason::NothingSent, visitor).await?;
            return Err(UploadRefusal::Empty);
        }
        self.check_pace(&draft, limits.hourly, visitor).await?;
        let id = UploadId::new(self.random.bytes());
        let upload = self.new_upload(&draft, id, new, visitor).await?;
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let number = match draft.reserve(&limits, id, upload.length, now) {
                Ok(number) => number,
                Err(refusal) => return Err(self.refuse_upload(&draft, refusal, visitor).await),
            };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Draft(draft.id), version);
            let (actor, object) =
                (Actor::Person(draft.person), Object::DraftPart { draft: draft.id, part: number });
            self.log(
                &mut unit,
                event(now, actor, Action::UploadBegun, object, Outcome::Done, visitor.web()),
            )?;
            unit.put(upload.clone());
            unit.put(draft.clone());
            match self.store.commit(unit).await.map_err(AppError::from) {
                Ok(_) => return Ok(progress_of(&upload, &draft)),
                Err(error) if error.is_conflict() => {
                    let newer: Option<(Draft, u64)> = self.read(&Key::Draft(draft.id)).await?;
                    (draft, version) = newer.ok_or(UploadRefusal::NotFound)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::Contended.into())
    }

    /// How far an upload is. Whoever still writes to it is asked to end, and what a crash left is taken up first.
    pub async fn upload_progress(
        &self,
        view: &DraftView,
        id: UploadId,
        visitor: Visitor,
    ) -> Result<UploadProgress, UploadRefusal> {
        let _turn = self.uploads.take_over(id).await;
        let (upload, version) = self.upload_of(&view.draft, id).await?;
        let (upload, _) = self.recovered(view, upload, version, visitor).await?;
        Ok(progress_of(&upload, &view.draft))
    }

    /// The uploads of a draft that are not whole, in the order in which they were begun.
    pub async fn unfinished_uploads(&self, draft: &Draft) -> Result<Vec<UnfinishedUpload>, AppError> {
        let Some(identity) = self.draft_identity(draft)? else { return Ok(Vec::new()) };
        let mut unfinished = Vec::new();
        for reservation in &draft.awaited {
            let found: Option<(Upload, u64)> =
                self.read(&Key::Upload((draft.id, reservation.upload))).await?;
            let Some((upload, _)) = found else { continue };
            let UploadFacts { path, fingerprint } = facts_of(&identity, &upload)?;
            let progress = progress_of(&upload, draft);
            unfinished.push(UnfinishedUpload { progress, path, fingerprint });
        }
        Ok(unfinished)
    }

    /// Gives an upload up and erases what came of it; of one that is whole, takes the file out.
    pub async fn drop_upload(
        &self,
        draft: DraftId,
        token: &crate::value::Token,
        id: UploadId,
        visitor: Visitor,
    ) -> Result<(), UploadRefusal> {
        let _turn = self.uploads.take_over(id).await;
        for _ in 0..CONFLICT_TRIES {
            let view = self.draft(draft, token).await?.ok_or(UploadRefusal::NotFound)?;
            let (upload, version) = self.upload_of(&view.draft, id).await?;
            if let UploadState::Complete { part } = upload.state {
                return self.remove_file(draft, token, part, visitor).await.map_err(
                    |refusal| match refusal {
                        FileRefusal::Draft(refusal) => refusal.into(),
                        FileRefusal::Fault(fault) => fault.into(),
                        FileRefusal::Content(_) | FileRefusal::Empty | FileRefusal::TooFast { .. } => {
                            UploadRefusal::NotFound
                        }
                    },
                );
            }
            match self.drop_unfinished(view, &upload, version, visitor).await {
                Err(UploadRefusal::Fault(error)) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn drop_unfinished(
        &self,
        view: DraftView,
        upload: &Upload,
        version: u64,
        visitor: Visitor,
    ) -> Result<(), UploadRefusal> {
        let mut draft = view.draft;
        let Some(Reservation { number, .. }) = draft.release(upload.id)? else {
            return Err(UploadRefusal::NotFound);
        };
        let now = self.believed_now()?;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Draft(draft.id), view.version);
        unit.expect_unchanged(Key::Upload((draft.id, upload.id)), version);
        let (actor, object) =
            (Actor::Person(draft.person), Object::DraftPart { draft: draft.id, part: number });
        self.log(&mut unit, event(now, actor, Action::FileRemoved, object, Outcome::Done, visitor.web()))?;
        let objects = upload.objects();
        let erasing = self.intend_erasing(&mut unit, draft.id, objects, now)?;
        unit.delete(Key::Upload((draft.id, upload.id)));
        unit.put(draft);
        self.store.commit(unit).await.map_err(AppError::from)?;
        match erasing {
            Some(erasing) => Ok(self.carry_out(erasing).await?),
            None => Ok(()),
        }
    }

    /// All uploads of a draft, whole or not.
    pub(super) async fn uploads_of(&self, draft: DraftId) -> Result<Vec<Upload>, AppError> {
        let found: Vec<(Upload, u64)> = self.read_list(&List::UploadsOf(draft), UPLOADS_MAX).await?;
        Ok(found.into_iter().map(|(upload, _)| upload).collect())
    }

    /// The name of the first file of a draft that came in part.
    pub(super) async fn first_unfinished(&self, draft: &Draft) -> Result<Option<String>, AppError> {
        Ok(self.unfinished_uploads(draft).await?.into_iter().next().map(|upload| upload.path))
    }

    /// An upload of an open draft.
    pub(super) async fn upload_of(
        &self,
        draft: &Draft,
        id: UploadId,
    ) -> Result<(Upload, u64), UploadRefusal> {
        if draft.state != DraftState::Open {
            return Err(DraftError::AlreadySent.into());
        }
        let found: Option<(Upload, u64)> = self.read(&Key::Upload((draft.id, id))).await?;
        found.ok_or(UploadRefusal::NotFound)
    }

    /// Whether the address of a draft may send now; a refusal is logged.
    pub(super) async fn check_pace(
        &self,
        draft: &Draft,
        limit: ByteSize,
        visitor: Visitor,
    ) -> Result<(), UploadRefusal> {
        let now = self.believed_now()?;
        let Err(again) = self.paces.check((draft.mailbox, draft.person), limit, now) else { return Ok(()) };
        self.log_file_refused(draft, RefusalReason::RateLimited, visitor).await?;
        Err(UploadRefusal::TooFast { limit, again })
    }

    pub(super) async fn refuse_upload(
        &self,
        draft: &Draft,
        refusal: DraftError,
        visitor: Visitor,
    ) -> UploadRefusal {
        match self.log_file_refused(draft, super::fill_draft::reason_of(refusal), visitor).await {
            Ok(()) => refusal.into(),
            Err(error) => error.into(),
        }
    }

    async fn new_upload(
        &self,
        draft: &Draft,
        id: UploadId,
        new: NewUpload,
        visitor: Visitor,
    ) -> Result<Upload, AppError> {
        let identity = self.draft_identity(draft)?.ok_or(AppError::Broken("open draft without key"))?;
        let key = self.draft_sealing_key(draft, &identity, visitor).await?;
        let mut fingerprint = new.fingerprint;
        if fingerprint.len() > FINGERPRINT_MAX_BYTES {
            fingerprint.clear();
        }
        let facts = UploadFacts { path: clean_file_path(&new.path), fingerprint };
        let facts = serde_json::to_vec(&facts).map_err(|_| AppError::Broken("facts of an upload"))?;
        Ok(Upload {
            id,
            draft: draft.id,
            facts: key.seal(SecretBytes::new(facts).expose())?,
            length: new.length,
            begun_at: self.believed_now()?,
            state: UploadState::Receiving {
                segments: Vec::new(),
                digest: ContentDigest::default().suspend(&draft.recipient)?,
                open: None,
            },
        })
    }
}

/// What an upload tells whoever asks.
pub(super) fn progress_of(upload: &Upload, draft: &Draft) -> UploadProgress {
    let expires_at = draft.touched_at + DRAFT_LIFE;
    UploadProgress { id: upload.id, offset: upload.offset(), length: upload.length, expires_at }
}

/// Opens what is sealed of an upload beside its bytes.
pub(super) fn facts_of(identity: &Identity, upload: &Upload) -> Result<UploadFacts, AppError> {
    let plain = open(identity, &upload.facts)?;
    serde_json::from_slice(plain.expose()).map_err(|_| AppError::Broken("facts of an upload"))
}
