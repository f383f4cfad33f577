//! The other open drafts of an address for the same mailbox, so that what was sent from another computer is not lost. Who
//! has one draft open learns that the others are there, not what is in them; to go on with one the address is proved anew.

use super::ports::List;
use super::{App, AppError, DraftView, ProofAsked, Visitor};
use crate::retention::KeyName;
use crate::transfer::{Draft, DraftPurpose, DraftState};
use crate::value::{ByteSize, DraftId, Language, Timestamp};

/// How many drafts of an address are looked at.
const DRAFTS_MAX: usize = 50;

/// Another open draft: that it is there, and how much is in it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OtherDraft {
    /// Which.
    pub id: DraftId,
    /// When its last byte came.
    pub touched_at: Timestamp,
    /// How many files it has, those on their way too.
    pub files: usize,
    /// Their size.
    pub size: ByteSize,
}

impl App {
    /// The other open drafts of the address, the one that was touched last first. Empty ones are left out: each proof
    /// makes one.
    pub async fn other_drafts(&self, view: &DraftView) -> Result<Vec<OtherDraft>, AppError> {
        let now = self.believed_now()?;
        let mine = List::DraftsOf(view.draft.mailbox, view.draft.person);
        let found: Vec<(Draft, u64)> = self.read_list(&mine, DRAFTS_MAX).await?;
        let is_other = |draft: &Draft| {
            draft.id != view.draft.id
                && draft.purpose == DraftPurpose::Deposit
                && view.draft.purpose == DraftPurpose::Deposit
                && draft.state == DraftState::Open
                && draft.is_live(now)
                && !KeyName::Draft(draft.key_day).is_over(now.day())
                && !(draft.parts.is_empty() && draft.awaited.is_empty())
        };
        let others = found.into_iter().map(|(draft, _)| draft).filter(is_other);
        let mut others: Vec<OtherDraft> = others
            .map(|draft| OtherDraft {
                id: draft.id,
                touched_at: draft.touched_at,
                files: draft.parts.len() + draft.awaited.len(),
                size: draft.total_size(),
            })
            .collect();
        others.sort_by_key(|draft| std::cmp::Reverse(draft.touched_at));
        Ok(others)
    }

    /// Asks for a link to another open draft of the address: a mail to the address, as for a new one. None when there is
    /// no such draft.
    pub async fn request_other_draft(
        &self,
        view: &DraftView,
        other: DraftId,
        language: Language,
        visitor: Visitor,
    ) -> Result<Option<ProofAsked>, AppError> {
        let others = self.other_drafts(view).await?;
        if !others.iter().any(|draft| draft.id == other) {
            return Ok(None);
        }
        let address = view.draft.address.clone();
        let asked = self.request_proof_for(&view.mailbox, address, language, Some(other), visitor).await?;
        Ok(Some(asked))
    }
}
