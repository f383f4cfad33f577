//! The draft that uploads go into, whoever fills it: a depositor's page, a member's, a partner's software.

use crate::app::{Append, Appending, DraftView, NewUpload, UploadProgress, UploadRefusal};
use crate::value::{Token, UploadId};
use crate::web::Shared;
use crate::web::request::Guest;

/// Where uploads are created, and what opens their draft.
pub(in crate::web) struct Uploads<'a> {
    pub(in crate::web) shared: &'a Shared,
    pub(in crate::web) guest: &'a Guest,
    pub(in crate::web) view: DraftView,
    pub(in crate::web) token: Token,
    /// The path of the collection, without a slash at its end.
    pub(in crate::web) path: String,
}

impl Uploads<'_> {
    pub(super) async fn begin(&self, new: NewUpload) -> Result<UploadProgress, UploadRefusal> {
        let view = self.view_again().await?;
        self.shared.app.begin_upload(view, new, self.guest.visitor).await
    }

    pub(super) async fn progress(&self, id: UploadId) -> Result<UploadProgress, UploadRefusal> {
        self.shared.app.upload_progress(&self.view, id, self.guest.visitor).await
    }

    pub(super) async fn append(&self, id: UploadId, append: Append) -> Result<Appending, UploadRefusal> {
        let view = self.view_again().await?;
        self.shared.app.append_to_upload(view, id, append, self.guest.visitor).await
    }

    pub(super) async fn drop(&self, id: UploadId) -> Result<(), UploadRefusal> {
        self.shared.app.drop_upload(self.view.draft.id, &self.token, id, self.guest.visitor).await
    }

    /// The draft as it is now, for a use case that takes it.
    async fn view_again(&self) -> Result<DraftView, UploadRefusal> {
        let view = self.shared.app.draft(self.view.draft.id, &self.token).await?;
        view.ok_or(UploadRefusal::NotFound)
    }
}
