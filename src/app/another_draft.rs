//! Another person, in the same breath (D6, decision 0080): who has sent a deposit begins the next one in the same browser, for
//! as long as the proof of the address is young. What is open in that browser is no key to anything that was sent.

use super::compose::NewDraft;
use super::ports::UnitOfWork;
use super::{App, AppError, DraftView, OpenedDraft, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome};
use crate::identity::Service;
use crate::transfer::{Draft, DraftPurpose, DraftState};
use crate::value::{Language, Millis, Token};

/// How long after an address was proved another draft can be begun without proving it anew.
pub const PROOF_SERVES: Millis = Millis::hours(2);

impl App {
    /// Whether who has this draft open may begin another one now: it was sent, its address was proved in this browser not long
    /// ago, and an agreement still admits it.
    pub async fn may_begin_another(&self, view: &DraftView) -> Result<bool, AppError> {
        let now = self.believed_now()?;
        let draft = &view.draft;
        let was_sent = matches!(draft.state, DraftState::Sent { .. });
        let is_young = draft.proved_at.is_some_and(|proved| proved <= now && now < proved + PROOF_SERVES);
        if draft.purpose != DraftPurpose::Deposit || !was_sent || !is_young {
            return Ok(false);
        }
        let Some(partner) = self.admitted_partner(&view.mailbox, &draft.address, now).await? else {
            return Ok(false);
        };
        Ok(self.closed_door(&view.mailbox, partner.id, Service::Page).await?.is_none())
    }

    /// Begins another draft for the same address and mailbox; none when the address has to be proved anew. The new draft is as
    /// old as the proof: a chain of drafts ends when the proof does.
    pub async fn open_another_draft(
        &self,
        view: &DraftView,
        language: Language,
        visitor: Visitor,
    ) -> Result<Option<OpenedDraft>, AppError> {
        if !self.may_begin_another(view).await? {
            return Ok(None);
        }
        let now = self.believed_now()?;
        let before = &view.draft;
        let token = Token::new(self.random.bytes());
        let new = NewDraft {
            purpose: DraftPurpose::Deposit,
            mailbox: &view.mailbox,
            address: before.address.clone(),
            person: before.person,
            partner: before.partner,
            language,
        };
        let draft = Draft { proved_at: before.proved_at, ..self.make_draft(new, &token, now)? };
        let (id, actor) = (draft.id, Actor::Person(draft.person));
        let mut unit = UnitOfWork::default();
        let opened = event(now, actor, Action::DraftOpened, Object::Draft(id), Outcome::Done, visitor.web());
        self.log(&mut unit, opened.concerning(draft.partner))?;
        unit.put(draft);
        self.store.commit(unit).await?;
        Ok(Some(OpenedDraft { draft: id, mailbox: view.mailbox.clone(), token }))
    }
}
