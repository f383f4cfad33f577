//! What becomes of an upload's segments after they were written: what a crash left of an open one is taken up, small ones
//! are folded together, and all of them become a file of the draft.
//!
//! Neither continues a segment. A chunk of an age file that was half written and is written again would be sealed twice
//! under one nonce; so whatever is kept of an unfinished segment is sealed anew, under a key and a nonce of its own
//! (`docs/decisions/0025`).

use std::sync::Arc;

use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::fill_draft::{SNIFF_BYTES, content_type};
use super::ports::{Key, ObjectError, ObjectReader, ObjectWriter, UnitOfWork};
use super::scan_tee::ScanTee;
use super::upload::{UploadFacts, UploadRefusal, facts_of};
use super::{App, AppError, CONFLICT_TRIES, DraftView, Visitor, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Outcome};
use crate::message::name_of;
use crate::transfer::{Draft, KeptSegment, ObjectLocator, Upload, UploadState, fold_from};
use crate::value::{ByteSize, Digest};
use crate::vault::{
    ContentDigest, Identity, ManifestPart, PartRole, SealingKey, Segment, SegmentSealer, TruncatedSegment,
    VaultError, seal,
};

/// How many chunks of 64 KiB are opened at a time where blocking is allowed.
const CHUNKS_AT_ONCE: usize = 8;

/// What was sealed again, and how it ended.
struct Resealed {
    kept: Option<KeptSegment>,
    /// The object does not begin as was recorded: it is not what was being written.
    is_foreign: bool,
}

impl App {
    /// The upload with what a crash left of its open segment taken up; as it is when there is none. Whoever calls has the
    /// turn, so nobody is writing to it.
    pub(super) async fn recovered(
        &self,
        view: &DraftView,
        mut upload: Upload,
        version: u64,
        visitor: Visitor,
    ) -> Result<(Upload, u64), UploadRefusal> {
        let UploadState::Receiving { segments, digest, open } = &mut upload.state else {
            return Ok((upload, version));
        };
        let Some(left) = open.take() else { return Ok((upload, version)) };
        let identity = self.identity_of(&view.draft)?;
        let mut running = ContentDigest::resume(&identity, digest).map_err(AppError::from)?;
        let missing =
            upload.length.bytes().saturating_sub(segments.iter().map(|kept| kept.segment.size.bytes()).sum());
        let from = vec![(left.object.clone(), left.binding, None)];
        let resealed = self.reseal(&identity, from, Some(&mut running)).await?;
        let came = resealed.kept.as_ref().map_or(ByteSize(0), |kept| kept.segment.size);
        if came.bytes() > missing {
            return Err(AppError::Broken("more bytes than were announced").into());
        }
        if let Some(kept) = resealed.kept {
            segments.push(kept);
            *digest = running.suspend(&identity.recipient()).map_err(AppError::from)?;
        }
        let mut unit = UnitOfWork::default();
        self.log_recovered(&mut unit, view, &upload, came, resealed.is_foreign, visitor)?;
        let outcome = if upload.offset() == upload.length {
            self.complete_with(view, upload, version, running, visitor, unit).await?
        } else {
            let version = self.commit_upload(&upload, version, unit).await?;
            (upload, version)
        };
        self.erase_replaced(vec![left.object]).await;
        // Whole at last: it is judged like every other file before anybody is told that it is fine.
        if let UploadState::Complete { part } = outcome.0.state {
            let (draft, tee) = (view.draft.id, ScanTee::default());
            if let Some(cause) = self.inspect_new_file(draft, part, &[], tee, visitor).await? {
                return Err(UploadRefusal::Content(cause));
            }
        }
        Ok(outcome)
    }

    fn log_recovered(
        &self,
        unit: &mut UnitOfWork,
        view: &DraftView,
        upload: &Upload,
        came: ByteSize,
        is_foreign: bool,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let number = view.draft.awaited.iter().find(|awaited| awaited.upload == upload.id);
        let object = number.map_or(Object::Draft(view.draft.id), |awaited| Object::DraftPart {
            draft: view.draft.id,
            part: awaited.number,
        });
        let outcome = if is_foreign { Outcome::Failed(FailureReason::SealDamaged) } else { Outcome::Done };
        let (now, actor) = (self.believed_now()?, Actor::Person(view.draft.person));
        let told = event(now, actor, Action::UploadRecovered, object, outcome, visitor.web());
        self.log(unit, told.with(Detail::Bytes(came)))
    }

    /// The upload with its small trailing segments folded into one, when there are any to fold.
    pub(super) async fn fold_upload(
        &self,
        view: &DraftView,
        mut upload: Upload,
        version: u64,
    ) -> Result<(Upload, u64), AppError> {
        let UploadState::Receiving { segments, .. } = &mut upload.state else { return Ok((upload, version)) };
        let sizes: Vec<ByteSize> = segments.iter().map(|kept| kept.segment.size).collect();
        let from = fold_from(&sizes);
        if from >= segments.len() {
            return Ok((upload, version));
        }
        let identity = self.identity_of(&view.draft)?;
        let replaced: Vec<KeptSegment> = segments.drain(from..).collect();
        let sources =
            replaced.iter().map(|kept| (kept.object.clone(), kept.segment.binding, Some(kept.segment.size)));
        let resealed = self.reseal(&identity, sources.collect(), None).await?;
        segments.push(resealed.kept.ok_or(AppError::Broken("segments without bytes"))?);
        let version = self.commit_upload(&upload, version, UnitOfWork::default()).await?;
        self.erase_replaced(replaced.into_iter().map(|kept| kept.object).collect()).await;
        Ok((upload, version))
    }

    /// Makes a whole upload a file of its draft, in one commit with the upload's last segment.
    pub(super) async fn complete_upload(
        &self,
        view: &DraftView,
        upload: Upload,
        version: u64,
        digest: ContentDigest,
        visitor: Visitor,
    ) -> Result<(Upload, u64), UploadRefusal> {
        self.complete_with(view, upload, version, digest, visitor, UnitOfWork::default()).await
    }

    async fn complete_with(
        &self,
        view: &DraftView,
        mut upload: Upload,
        version: u64,
        digest: ContentDigest,
        visitor: Visitor,
        with: UnitOfWork,
    ) -> Result<(Upload, u64), UploadRefusal> {
        let objects = upload.objects();
        let identity = self.identity_of(&view.draft)?;
        let entry = self.manifest_entry_of(&identity, &upload, digest.finish()).await?;
        let binding = entry.binding();
        let plain =
            Zeroizing::new(serde_json::to_vec(&entry).map_err(|_| AppError::Broken("manifest entry"))?);
        let sealed = seal(&identity.recipient(), &plain).map_err(AppError::from)?;
        for _ in 0..CONFLICT_TRIES {
            let found: Option<(Draft, u64)> = self.read(&Key::Draft(view.draft.id)).await?;
            let (mut draft, draft_version) = found.ok_or(UploadRefusal::NotFound)?;
            let now = self.believed_now()?;
            let completed = draft.complete(upload.id, objects.clone(), sealed.clone(), now)?;
            let part = completed.ok_or(UploadRefusal::NotFound)?;
            upload.state = UploadState::Complete { part };
            let mut unit = with.clone();
            unit.expect_unchanged(Key::Draft(draft.id), draft_version);
            let (actor, object) = (Actor::Person(draft.person), Object::DraftPart { draft: draft.id, part });
            let told = event(now, actor, Action::FileSealed, object, Outcome::Done, visitor.web());
            self.log(&mut unit, told.with(Detail::Sealed(binding)))?;
            unit.put(draft);
            match self.commit_upload(&upload, version, unit).await {
                // Another file of the draft was quicker, or it was sent: decide anew.
                Err(error) if error.is_conflict() => {}
                outcome => return Ok((upload, outcome?)),
            }
        }
        Err(AppError::Contended.into())
    }

    async fn manifest_entry_of(
        &self,
        identity: &Arc<Identity>,
        upload: &Upload,
        digest: Digest,
    ) -> Result<ManifestPart, AppError> {
        let UploadState::Receiving { segments, .. } = &upload.state else {
            return Err(AppError::Broken("an upload that was whole already"));
        };
        let UploadFacts { path, .. } = facts_of(identity, upload)?;
        let head = match segments.first() {
            Some(first) => self.head_of(identity, first).await?,
            None => Zeroizing::default(),
        };
        Ok(ManifestPart {
            role: PartRole::Attachment,
            content_type: content_type(&head, name_of(&path)).to_owned(),
            name: path,
            size: upload.length,
            digest,
            segments: segments.iter().map(|kept| kept.segment).collect(),
        })
    }

    /// The first bytes of a file, which tell its type.
    async fn head_of(
        &self,
        identity: &Arc<Identity>,
        first: &KeptSegment,
    ) -> Result<Zeroizing<Vec<u8>>, AppError> {
        let reader = self.objects.open(&first.object).await?;
        let (identity, binding) = (Arc::clone(identity), first.segment.binding);
        let reading = spawn_blocking(move || {
            let mut chunk =
                TruncatedSegment::new(&identity, reader, binding)?.next_chunk()?.unwrap_or_default();
            chunk.truncate(SNIFF_BYTES);
            Ok::<_, VaultError>(chunk)
        });
        Ok(reading.await.map_err(|_| AppError::Broken("reading of a segment"))??)
    }

    /// Seals again what can be opened of these objects, one after the other, into one new segment. Where a size is told
    /// an object must have it; else it is taken as far as it goes, and one that is not there, or has no whole beginning,
    /// is nothing.
    async fn reseal(
        &self,
        identity: &Arc<Identity>,
        from: Vec<(ObjectLocator, Digest, Option<ByteSize>)>,
        mut digest: Option<&mut ContentDigest>,
    ) -> Result<Resealed, AppError> {
        let key = SealingKey::new(&identity.recipient())?;
        let mut sealer = SegmentSealer::new(&key)?;
        let mut writer = self.objects.create(self.believed_now()?.day()).await?;
        let mut is_foreign = false;
        for (object, binding, size) in from {
            let before = sealer.plain_size();
            match self.objects.open(&object).await {
                Ok(reader) => {
                    let opened = self.open_kept(identity, reader, binding).await;
                    match opened {
                        Ok(opened) => {
                            reseal_one(opened, &mut sealer, writer.as_mut(), digest.as_deref_mut()).await?;
                        }
                        Err(AppError::Vault(VaultError::Damaged)) if size.is_none() => {}
                        Err(AppError::Vault(VaultError::Swapped | VaultError::WrongKey))
                            if size.is_none() =>
                        {
                            is_foreign = true;
                        }
                        Err(error) => return Err(error),
                    }
                }
                Err(ObjectError::Missing) if size.is_none() => {}
                Err(error) => return Err(error.into()),
            }
            let came = ByteSize(sealer.plain_size().bytes() - before.bytes());
            if size.is_some_and(|size| size != came) {
                return Err(VaultError::Damaged.into());
            }
        }
        if sealer.plain_size() == ByteSize(0) {
            return Ok(Resealed { kept: None, is_foreign });
        }
        let (tail, segment): (Vec<u8>, Segment) = sealer.finish()?;
        writer.write(&tail).await?;
        let object = writer.finish().await?;
        Ok(Resealed { kept: Some(KeptSegment { object, segment }), is_foreign })
    }

    async fn open_kept(
        &self,
        identity: &Arc<Identity>,
        reader: Box<dyn ObjectReader>,
        binding: Digest,
    ) -> Result<TruncatedSegment<Box<dyn ObjectReader>>, AppError> {
        let identity = Arc::clone(identity);
        let opening = spawn_blocking(move || TruncatedSegment::new(&identity, reader, binding));
        Ok(opening.await.map_err(|_| AppError::Broken("opening of a segment"))??)
    }

    /// Erases objects whose bytes are kept elsewhere now. One that stays is sealed, and named by nobody: the sweep of old
    /// objects ends it.
    async fn erase_replaced(&self, objects: Vec<ObjectLocator>) {
        if let Err(error) = self.objects.erase(&objects).await {
            tracing::warn!(error = %error, "upload.replaced_not_erased");
        }
    }

    fn identity_of(&self, draft: &Draft) -> Result<Arc<Identity>, AppError> {
        let identity = self.draft_identity(draft)?.ok_or(AppError::Broken("open draft without key"))?;
        Ok(Arc::new(identity))
    }
}

async fn reseal_one(
    mut opened: TruncatedSegment<Box<dyn ObjectReader>>,
    sealer: &mut SegmentSealer,
    writer: &mut dyn ObjectWriter,
    mut digest: Option<&mut ContentDigest>,
) -> Result<(), AppError> {
    loop {
        let reading = spawn_blocking(move || {
            let mut chunks = Vec::with_capacity(CHUNKS_AT_ONCE);
            while chunks.len() < CHUNKS_AT_ONCE {
                let Some(chunk) = opened.next_chunk()? else { break };
                chunks.push(chunk);
            }
            Ok::<_, VaultError>((opened, chunks))
        });
        let chunks;
        (opened, chunks) = reading.await.map_err(|_| AppError::Broken("reading of a segment"))??;
        if chunks.is_empty() {
            return Ok(());
        }
        for chunk in chunks {
            if let Some(digest) = digest.as_deref_mut() {
                digest.update(&chunk);
            }
            let sealed = sealer.push(&chunk)?;
            if !sealed.is_empty() {
                writer.write(&sealed).await?;
            }
        }
    }
}
