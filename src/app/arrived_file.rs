//! A file that came with the request that sends the deposit: one commit puts it into the draft and sends that, and its
//! bytes are forced to the disk together with the message's (D4, D9). Where files are inspected they go into the draft first.
//!
//! | after | a crash leaves | who cleans |
//! | --- | --- | --- |
//! | the bytes sealed | a sealed object that no record names, at most; the draft is as before | the sweep of old objects |
//! | the commit | the transfer with the file, or the draft with the file when the deposit was refused | |

use std::sync::Arc;

use thiserror::Error;

use super::accept_deposit::Ready;
use super::fill_draft::{FileSealing, SealedFile, reason_of};
use super::ports::{Key, ObjectWriter, UnitOfWork};
use super::{
    App, AppError, CONFLICT_TRIES, DepositAnswer, DepositRefusal, DraftView, FileRefusal, Sending, Visitor,
    event,
};
use crate::audit::{Action, Actor, Detail, Object, Outcome};
use crate::message::FileName;
use crate::transfer::{Draft, DraftError, ObjectLocator};
use crate::value::{DraftId, Timestamp};
use crate::vault::{Identity, ManifestPart, Sealed, SealingKey};

/// What became of a file that came in whole.
pub enum FinishedFile {
    /// It is in the draft.
    InDraft(SealedFile),
    /// It goes into the draft with what the request asks for next: [`App::keep_arrived`] or [`App::accept_deposit_with`].
    Arrived(Box<ArrivedFile>),
}

/// A file that is sealed, and in no draft yet.
pub struct ArrivedFile {
    pub(super) view: DraftView,
    pub(super) name: FileName,
    pub(super) entry: ManifestPart,
    pub(super) sealed_entry: Sealed,
    pub(super) object: ArrivedObject,
    pub(super) identity: Arc<Identity>,
    pub(super) sealing: Arc<SealingKey>,
}

/// Where its sealed bytes are.
pub(super) enum ArrivedObject {
    /// With the store, not forced to the disk.
    Written(Box<dyn ObjectWriter>),
    /// Durable.
    Kept(ObjectLocator),
    /// An error was told.
    Lost,
}

/// Why a deposit was not sent together with its last file.
#[derive(Debug, Error)]
pub enum TogetherRefusal {
    /// The file is refused, and nothing was sent.
    #[error(transparent)]
    File(#[from] FileRefusal),
    /// The deposit is refused; the file is in the draft.
    #[error(transparent)]
    Deposit(#[from] DepositRefusal),
}

impl From<AppError> for TogetherRefusal {
    fn from(error: AppError) -> Self {
        Self::Deposit(error.into())
    }
}

impl ArrivedFile {
    /// Its name as it was cleaned.
    pub const fn name(&self) -> &FileName {
        &self.name
    }

    /// Forces its bytes to the disk, once.
    pub(super) async fn kept(&mut self) -> Result<ObjectLocator, AppError> {
        match std::mem::replace(&mut self.object, ArrivedObject::Lost) {
            ArrivedObject::Written(writer) => self.object = ArrivedObject::Kept(writer.finish().await?),
            object => self.object = object,
        }
        match &self.object {
            ArrivedObject::Kept(locator) => Ok(locator.clone()),
            _ => Err(AppError::Broken("arrived file after an error")),
        }
    }
}

impl FileSealing<'_> {
    /// Ends the file. Where files are inspected it is in the draft then, or refused, as after [`FileSealing::finish`].
    pub async fn arrive(self) -> Result<FinishedFile, FileRefusal> {
        if self.is_inspected() {
            return Ok(FinishedFile::InDraft(self.finish().await?));
        }
        Ok(FinishedFile::Arrived(Box::new(self.end().await?)))
    }
}

impl App {
    /// Puts a file into its draft: durable, under the limits as they are at that moment.
    pub async fn keep_arrived(
        &self,
        mut file: ArrivedFile,
        visitor: Visitor,
    ) -> Result<SealedFile, FileRefusal> {
        let object = file.kept().await?;
        let ArrivedFile { view, name, entry, sealed_entry, .. } = file;
        let DraftView { mut draft, mut version, mailbox, limits: _ } = view;
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let limits = self.limits_in_force(&self.mailbox_again(mailbox.clone()).await?);
            let added = draft.add(&limits, vec![object.clone()], sealed_entry.clone(), entry.size, now);
            let number = match added {
                Ok(number) => number,
                Err(refusal) => {
                    self.objects.erase(&[object]).await.map_err(AppError::from)?;
                    self.log_file_refused(&draft, reason_of(refusal), visitor).await?;
                    return Err(refusal.into());
                }
            };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Draft(draft.id), version);
            self.log_sealed(&mut unit, &draft, number, &entry, now, visitor)?;
            unit.put(draft.clone());
            match self.store.commit(unit).await.map_err(AppError::from) {
                Ok(_) => return Ok(SealedFile { number, name, size: entry.size }),
                // Another file of the same draft was quicker: add to the draft as it is now.
                Err(error) if error.is_conflict() => {
                    let newer: Option<(Draft, u64)> = self.read(&Key::Draft(draft.id)).await?;
                    (draft, version) = newer.ok_or(DraftError::AlreadySent)?;
                }
                Err(error) => return Err(error.into()),
            }
        }
        Err(AppError::Contended.into())
    }

    /// Notes in a unit that a file of a draft was sealed.
    pub(super) fn log_sealed(
        &self,
        unit: &mut UnitOfWork,
        draft: &Draft,
        number: u32,
        entry: &ManifestPart,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let (actor, target) =
            (Actor::Person(draft.person), Object::DraftPart { draft: draft.id, part: number });
        let sealed = event(now, actor, Action::FileSealed, target, Outcome::Done, visitor.web());
        self.log(unit, sealed.with(Detail::Sealed(entry.binding())))
    }

    /// Sends a draft with the file that came last: one commit for both. When the deposit is refused the file is in the
    /// draft, as if it had come alone.
    pub async fn accept_deposit_with(
        &self,
        mut file: ArrivedFile,
        sending: Sending,
        visitor: Visitor,
    ) -> Result<DepositAnswer, TogetherRefusal> {
        let (draft, mailbox) = (file.view.draft.id, self.mailbox_again(file.view.mailbox.clone()).await?);
        let limits = self.limits_in_force(&mailbox);
        let mut view =
            DraftView { draft: file.view.draft.clone(), version: file.view.version, mailbox, limits };
        let now = self.believed_now()?;
        let added = view.draft.add(&limits, Vec::new(), file.sealed_entry.clone(), file.entry.size, now);
        if added.is_ok() {
            match self.ready(view, &sending, visitor).await {
                Err(refusal) => {
                    self.keep_arrived(file, visitor).await?;
                    return Err(refusal.into());
                }
                Ok(Ready::Sent(answer)) => return Ok(answer),
                Ok(Ready::Deposit(deposit)) => {
                    match self.commit_deposit(*deposit, &sending.message, Some(&mut file), visitor).await {
                        Ok(answer) => return Ok(answer),
                        Err(error) if error.is_conflict() => {}
                        Err(error) => return Err(error.into()),
                    }
                }
            }
        }
        // The draft was changed meanwhile, or has no room: one after the other, each told for itself.
        self.keep_arrived(file, visitor).await?;
        let view = self.view_of(draft).await?;
        Ok(self.accept_deposit(view, sending, visitor).await?)
    }

    async fn view_of(&self, id: DraftId) -> Result<DraftView, AppError> {
        let found: Option<(Draft, u64)> = self.read(&Key::Draft(id)).await?;
        let (draft, version) = found.ok_or(AppError::Contended)?;
        let found = self.read(&Key::Mailbox(draft.mailbox)).await?;
        let (mailbox, _) = found.ok_or(AppError::Broken("draft without mailbox"))?;
        let limits = self.limits_in_force(&mailbox);
        Ok(DraftView { draft, version, mailbox, limits })
    }
}
