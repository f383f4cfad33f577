//! Bytes come into an upload. Each request's bytes are sealed as they arrive by a task of their own, which ends in order
//! whatever becomes of the request: what came before the line broke is ended as a segment and committed.
//!
//! | after | a crash leaves | what the next request does |
//! | --- | --- | --- |
//! | up to 256 KiB sealed in memory | nothing | the client sends them again |
//! | the commit that names the open segment | the name of an object that is not there | begins another |
//! | bytes written | sealed bytes without an end | seals again what is authentic of them (`upload_recover`) |
//! | the segment durable, not committed | a whole segment that only the open one's name leads to | the same |
//! | the commit of the segment | all of it | goes on after it |
//!
//! Bytes with an announced checksum are kept whole or not at all: they are written where a crash leaves nothing.

use std::sync::Arc;

use bytes::Bytes;
use tokio::sync::{mpsc, oneshot};

use super::ports::{Key, ObjectWriter, UnitOfWork};
use super::scan_tee::ScanTee;
use super::upload::{UploadProgress, UploadRefusal, progress_of};
use super::upload_turns::Turn;
use super::{App, AppError, DraftView, Visitor};
use crate::transfer::{
    Draft, KeptSegment, OpenSegment, SEGMENT_FULL, SEGMENTS_MAX, Upload, UploadError, UploadState,
};
use crate::value::{ByteSize, Checksum, ChecksumCheck, Millis, UploadId};
use crate::vault::{ContentDigest, SealingKey, SegmentSealer};

/// Pieces of a request that wait to be sealed: one, so that memory stays small and the sender feels a slow disk.
const PIECES_WAITING: usize = 1;
/// A segment that stays below this many sealed bytes is kept with other small objects; a crash may lose it.
const HELD_MAX_BYTES: usize = 256 * 1024;
/// The most bytes that one checksum may cover: they stay one segment.
pub const CHECKED_MAX: ByteSize = SEGMENT_FULL;
/// How old a draft's last touch may be before coming bytes touch it again: not each piece writes the draft.
const TOUCH_EVERY: Millis = Millis::minutes(10);

/// The bytes of one request.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Append {
    /// Where they belong.
    pub offset: ByteSize,
    /// How many, when the client says so.
    pub length: Option<ByteSize>,
    /// Their checksum, when the client announces one.
    pub checksum: Option<Checksum>,
}

/// An upload that takes bytes. Dropped before [`Appending::finish`], it keeps what came, unless a checksum was announced.
pub struct Appending {
    pieces: mpsc::Sender<Piece>,
    ended: oneshot::Receiver<Result<UploadProgress, UploadRefusal>>,
}

enum Piece {
    Bytes(Bytes),
    End,
}

impl App {
    /// Begins to take bytes. One request at a time: a second one is [`UploadRefusal::Busy`].
    pub async fn append_to_upload(
        self: &Arc<Self>,
        view: DraftView,
        id: UploadId,
        append: Append,
        visitor: Visitor,
    ) -> Result<Appending, UploadRefusal> {
        let turn = self.uploads.try_take(id).ok_or(UploadRefusal::Busy)?;
        let (upload, version) = self.upload_of(&view.draft, id).await?;
        let (upload, version) = self.recovered(&view, upload, version, visitor).await?;
        let room = upload.room(append.offset, append.length)?;
        if append.checksum.is_some() && append.length.is_some_and(|length| length > CHECKED_MAX) {
            let actual = append.length.unwrap_or_default();
            return Err(UploadError::TooLong { limit: CHECKED_MAX, actual }.into());
        }
        if let Err(refusal) = view.draft.check_whole(&view.limits) {
            return Err(self.refuse_upload(&view.draft, refusal, visitor).await);
        }
        self.check_pace(&view.draft, view.limits.hourly, visitor).await?;
        let identity = self.draft_identity(&view.draft)?.ok_or(UploadRefusal::NotFound)?;
        let digest = match &upload.state {
            UploadState::Receiving { digest, .. } => {
                ContentDigest::resume(&identity, digest).map_err(AppError::from)?
            }
            UploadState::Complete { .. } => ContentDigest::default(),
        };
        let key = self.draft_sealing_key(&view.draft, &identity, visitor).await?;
        let check = append.checksum.map(Checksum::check);
        let app = Arc::clone(self);
        let room = if check.is_some() { room.bytes().min(CHECKED_MAX.bytes()) } else { room.bytes() };
        let receiver =
            Receiver { app, view, upload, version, digest, key, check, room, visitor, segment: None };
        let (pieces, waiting) = mpsc::channel(PIECES_WAITING);
        let (tell, ended) = oneshot::channel();
        tokio::spawn(async move {
            let outcome = receiver.run(waiting, turn).await;
            // Whoever asked may have gone away with its line.
            let _ = tell.send(outcome);
        });
        Ok(Appending { pieces, ended })
    }
}

impl Appending {
    /// Takes the next bytes. False when no more are taken: [`Appending::finish`] says why.
    pub async fn push(&mut self, bytes: Bytes) -> bool {
        self.pieces.send(Piece::Bytes(bytes)).await.is_ok()
    }

    /// All bytes of the request were given: waits until they are durable.
    pub async fn finish(self) -> Result<UploadProgress, UploadRefusal> {
        // When the task has ended already, it tells why.
        let _ = self.pieces.send(Piece::End).await;
        self.broken_off().await
    }

    /// The request broke off, or no more was taken: waits until what came is durable.
    pub async fn broken_off(self) -> Result<UploadProgress, UploadRefusal> {
        let Self { pieces, ended } = self;
        drop(pieces);
        ended.await.unwrap_or(Err(UploadRefusal::Fault(AppError::Broken("task of an upload"))))
    }
}

/// Seals what one request brings.
struct Receiver {
    app: Arc<App>,
    view: DraftView,
    upload: Upload,
    version: u64,
    digest: ContentDigest,
    key: SealingKey,
    check: Option<ChecksumCheck>,
    /// How many bytes may still come.
    room: u64,
    visitor: Visitor,
    segment: Option<Writing>,
}

/// A segment in the making.
struct Writing {
    sealer: SegmentSealer,
    place: Place,
}

/// Where its sealed bytes go.
enum Place {
    /// Into memory, while they are few.
    Held(Vec<u8>),
    /// To the disk.
    Written(Box<dyn ObjectWriter>),
}

impl Receiver {
    async fn run(
        mut self,
        mut pieces: mpsc::Receiver<Piece>,
        turn: Turn,
    ) -> Result<UploadProgress, UploadRefusal> {
        let mut stopped = None;
        let is_whole = loop {
            let piece = tokio::select! {
                biased;
                () = turn.stop.cancelled() => {
                    stopped = Some(UploadRefusal::TakenOver);
                    break false;
                }
                piece = pieces.recv() => piece,
            };
            match piece {
                Some(Piece::Bytes(bytes)) => {
                    if let Err(refusal) = self.take(&bytes).await {
                        stopped = Some(refusal);
                        break false;
                    }
                }
                Some(Piece::End) => break true,
                None => break false,
            }
        };
        drop(pieces);
        if let Some(check) = self.check.take() {
            // What is not known to be right is not kept.
            if !is_whole {
                return Err(stopped.unwrap_or(UploadRefusal::TakenOver));
            }
            if !check.holds() {
                let draft = &self.view.draft;
                let reason = crate::audit::RefusalReason::Malformed;
                self.app.log_file_refused(draft, reason, self.visitor).await?;
                return Err(UploadRefusal::ChecksumMismatch);
            }
        }
        let progress = self.end().await?;
        stopped.map_or(Ok(progress), Err)
    }

    /// Seals the next bytes, or says why no more are taken; what was taken before stays.
    async fn take(&mut self, bytes: &Bytes) -> Result<(), UploadRefusal> {
        let size = bytes.len() as u64;
        if size > self.room {
            let limit = self.upload.length;
            return Err(UploadError::TooLong { limit, actual: limit + ByteSize(size - self.room) }.into());
        }
        let (draft, hourly) = (&self.view.draft, self.view.limits.hourly);
        self.app.check_pace(draft, hourly, self.visitor).await?;
        let who = (draft.mailbox, draft.person);
        self.app.paces.count(who, hourly, bytes.len(), self.app.now().at);
        self.room -= size;
        let mut rest = &bytes[..];
        while !rest.is_empty() {
            let begun = self.segment.as_ref().map_or(0, |writing| writing.sealer.plain_size().bytes());
            let left = SEGMENT_FULL.bytes().saturating_sub(begun);
            if left == 0 {
                self.end_segment(false).await?;
                continue;
            }
            let (now, later) = rest.split_at(usize::try_from(left).unwrap_or(usize::MAX).min(rest.len()));
            self.seal(now).await?;
            rest = later;
        }
        Ok(())
    }

    async fn seal(&mut self, plain: &[u8]) -> Result<(), AppError> {
        self.digest.update(plain);
        if let Some(check) = &mut self.check {
            check.update(plain);
        }
        let mut writing = match self.segment.take() {
            Some(writing) => writing,
            None => self.begin_segment()?,
        };
        let sealed = writing.sealer.push(plain)?;
        writing.place = match writing.place {
            Place::Held(mut held) if held.len() + sealed.len() <= HELD_MAX_BYTES => {
                held.extend_from_slice(&sealed);
                Place::Held(held)
            }
            Place::Held(held) => {
                let mut writer = self.open_place(&writing.sealer).await?;
                writer.write(&held).await?;
                writer.write(&sealed).await?;
                Place::Written(writer)
            }
            Place::Written(mut writer) => {
                if !sealed.is_empty() {
                    writer.write(&sealed).await?;
                }
                Place::Written(writer)
            }
        };
        self.segment = Some(writing);
        Ok(())
    }

    fn begin_segment(&self) -> Result<Writing, AppError> {
        Ok(Writing { sealer: SegmentSealer::new(&self.key)?, place: Place::Held(Vec::new()) })
    }

    /// The segment outgrows memory. Its place and what binds it are recorded before its first byte is on the disk, so that
    /// what a crash leaves can be told from what somebody else put there.
    async fn open_place(&mut self, sealer: &SegmentSealer) -> Result<Box<dyn ObjectWriter>, AppError> {
        let today = self.app.believed_now()?.day();
        if self.check.is_some() {
            return Ok(self.app.objects.create(today).await?);
        }
        let (object, writer) = self.app.objects.create_kept(today).await?;
        if let UploadState::Receiving { open, .. } = &mut self.upload.state {
            *open = Some(OpenSegment { object, binding: sealer.binding() });
        }
        let mut unit = UnitOfWork::default();
        self.commit(&mut unit).await?;
        Ok(writer)
    }

    /// Ends the segment, and commits it: from here on it is never lost. When it is the last of the file, the file goes
    /// into the draft in the same commit.
    async fn end_segment(&mut self, may_complete: bool) -> Result<(), UploadRefusal> {
        let Some(Writing { sealer, place }) = self.segment.take() else { return Ok(()) };
        let (tail, segment) = sealer.finish().map_err(AppError::from)?;
        let mut writer = match place {
            Place::Written(writer) => writer,
            Place::Held(held) => {
                let today = self.app.believed_now()?.day();
                let mut writer = self.app.objects.create(today).await.map_err(AppError::from)?;
                writer.write(&held).await.map_err(AppError::from)?;
                writer
            }
        };
        writer.write(&tail).await.map_err(AppError::from)?;
        let object = writer.finish().await.map_err(AppError::from)?;
        let suspended = self.digest.suspend(&self.view.draft.recipient).map_err(AppError::from)?;
        if let UploadState::Receiving { segments, digest, open } = &mut self.upload.state {
            if segments.len() >= SEGMENTS_MAX {
                return Err(UploadError::TooManySegments { limit: SEGMENTS_MAX }.into());
            }
            segments.push(KeptSegment { object, segment });
            *digest = suspended;
            *open = None;
        }
        if may_complete && self.upload.offset() == self.upload.length {
            return self.complete().await;
        }
        self.commit(&mut UnitOfWork::default()).await?;
        Ok(())
    }

    async fn complete(&mut self) -> Result<(), UploadRefusal> {
        let digest = std::mem::take(&mut self.digest);
        let upload = self.upload.clone();
        let (upload, version) =
            self.app.complete_upload(&self.view, upload, self.version, digest, self.visitor).await?;
        (self.upload, self.version) = (upload, version);
        // In pieces, and perhaps by several requests: it is inspected over its sealed segments.
        let UploadState::Complete { part } = self.upload.state else { return Ok(()) };
        let (draft, tee) = (self.view.draft.id, ScanTee::default());
        match self.app.inspect_new_file(draft, part, &[], tee, self.visitor).await? {
            None => Ok(()),
            Some(cause) => Err(UploadRefusal::Content(cause)),
        }
    }

    /// The request is over: what came is a segment, small ones are folded, and the draft lives on.
    async fn end(mut self) -> Result<UploadProgress, UploadRefusal> {
        let came = self.segment.is_some();
        self.end_segment(true).await?;
        if came && matches!(self.upload.state, UploadState::Receiving { .. }) {
            let folded = self.app.fold_upload(&self.view, self.upload.clone(), self.version).await;
            match folded {
                Ok((upload, version)) => (self.upload, self.version) = (upload, version),
                // Nothing is lost: the segments stay as many as they are until the next request.
                Err(error) => tracing::warn!(error = error.chain(), "upload.not_folded"),
            }
            self.app.touch_draft(&mut self.view.draft).await?;
        }
        Ok(progress_of(&self.upload, &self.view.draft))
    }

    async fn commit(&mut self, unit: &mut UnitOfWork) -> Result<(), AppError> {
        self.version = self.app.commit_upload(&self.upload, self.version, std::mem::take(unit)).await?;
        Ok(())
    }
}

impl App {
    /// Commits an upload as it is now, with whatever else is in the unit; returns its new version.
    pub(super) async fn commit_upload(
        &self,
        upload: &Upload,
        version: u64,
        mut unit: UnitOfWork,
    ) -> Result<u64, AppError> {
        let key = Key::Upload((upload.draft, upload.id));
        unit.expect_unchanged(key.clone(), version);
        unit.put(upload.clone());
        self.store.commit(unit).await?;
        let written: Option<(Upload, u64)> = self.read(&key).await?;
        written.map(|(_, version)| version).ok_or(AppError::Contended)
    }

    /// A draft lives a day after its last byte, also after one of a file that is not whole.
    async fn touch_draft(&self, draft: &mut Draft) -> Result<(), AppError> {
        let now = self.believed_now()?;
        if draft.touched_at.until(now) < TOUCH_EVERY {
            return Ok(());
        }
        let Some((mut newest, version)) = self.read::<Draft>(&Key::Draft(draft.id)).await? else {
            return Ok(());
        };
        newest.touched_at = now;
        draft.touched_at = now;
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Draft(draft.id), version);
        unit.put(newest);
        match self.store.commit(unit).await.map_err(AppError::from) {
            // Whoever was quicker touched it too.
            Err(error) if error.is_conflict() => Ok(()),
            outcome => outcome.map(drop),
        }
    }
}
