//! A member of a mailbox begins an answer to a transfer, or a new transfer to people outside (T5, T9): a draft of the
//! member's own, filled like a deposit's. Also records an answer that was given by telephone, by letter or at a meeting:
//! its day, the agent, the way; no text.

use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, OpenedDraft, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::Account;
use crate::mailbox::Mailbox;
use crate::policy::partner_answer::PartnerAnswer;
use crate::retention::KeyName;
use crate::transfer::{Answer, AnswerWay, Draft, DraftInspection, DraftPurpose, DraftState, Transfer};
use crate::value::{
    DraftId, Language, MailAddress, PartnerId, PersonId, Reference, Slug, Timestamp, Token, TransferId,
    calendar,
};
use crate::vault::{Identity, wrap_identity_under};

/// Why an answer is not begun or recorded.
#[derive(Debug, Error)]
pub enum AnswerError {
    /// The person may not open the transfer, or not now.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The day is no day, before the transfer came, or yet to come.
    #[error("the day of the answer cannot be")]
    NotADay,
    /// The person is answered by the agreement, and the partner did not ask: who answers the partner says so first (T6).
    #[error("the partner did not ask for an answer")]
    NotAsked,
    /// The person did not wish that the partner be told (T6).
    #[error("the person does not wish that the partner be told")]
    NotWished,
    /// The case is closed, or it is one that the mailbox sent itself.
    #[error("the case takes no answer")]
    NotFitting,
}

impl From<AppError> for AnswerError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
}

/// What a new draft is made of.
pub(super) struct NewDraft<'a> {
    pub purpose: DraftPurpose,
    pub mailbox: &'a Mailbox,
    pub address: MailAddress,
    pub person: PersonId,
    pub partner: Option<PartnerId>,
    pub language: Language,
}

impl App {
    /// Begins an answer to a transfer that the person may open: a draft of the person's own. It quotes nothing. Whether the
    /// partner is answered at all is the agreement's, the form's and the insured person's to say (T5, T6); `confirmed`: who
    /// answers said that the partner is answered without having asked.
    pub async fn begin_answer(
        &self,
        signed: &Signed,
        reference: &Reference,
        confirmed: bool,
        visitor: Visitor,
    ) -> Result<OpenedDraft, AnswerError> {
        let permitted = self.permitted(Some(signed), reference, visitor).await?;
        let transfer = permitted.subject();
        let mailbox = self.holder_for(signed, transfer).await?.ok_or(OpenError::NotEntitled)?;
        if transfer.outgoing.is_some() {
            let refusal = (RefusalReason::StateNotFitting, AnswerError::NotFitting);
            return Err(self.refuse_answer(signed, transfer, refusal, visitor).await?);
        }
        let rule = self.partner_answer(transfer).await?;
        if !rule.allows(confirmed) {
            let error = match rule {
                PartnerAnswer::NotWished => AnswerError::NotWished,
                _ => AnswerError::NotAsked,
            };
            let refusal = (RefusalReason::PolicyDenied, error);
            return Err(self.refuse_answer(signed, transfer, refusal, visitor).await?);
        }
        let (answers, partner) = (Some(transfer.id), transfer.depositor.partner);
        Ok(self.begin_outgoing(signed, mailbox, answers, partner, visitor).await?)
    }

    /// Logs that an answer to the partner is not begun, and says why.
    async fn refuse_answer(
        &self,
        signed: &Signed,
        transfer: &Transfer,
        (reason, error): (RefusalReason, AnswerError),
        visitor: Visitor,
    ) -> Result<AnswerError, AppError> {
        let (actor, outcome) = (Actor::Person(signed.account.person), Outcome::Refused(reason));
        let object = Object::Transfer { transfer: transfer.id, mailbox: transfer.current_holder() };
        let refused = event(self.now().at, actor, Action::TransferAnswered, object, outcome, visitor.web());
        self.log_alone(refused.concerning(transfer.depositor.partner)).await?;
        Ok(error)
    }

    /// Begins a new transfer from a mailbox that the person is a member of.
    pub async fn begin_composing(
        &self,
        signed: &Signed,
        mailbox: &Slug,
        visitor: Visitor,
    ) -> Result<OpenedDraft, OpenError> {
        let Some(mailbox) = self.mailbox_read_by(signed, mailbox).await? else {
            return Err(self.refuse_mailbox(signed, visitor).await);
        };
        Ok(self.begin_outgoing(signed, mailbox, None, None, visitor).await?)
    }

    async fn begin_outgoing(
        &self,
        signed: &Signed,
        mailbox: Mailbox,
        answers: Option<TransferId>,
        partner: Option<PartnerId>,
        visitor: Visitor,
    ) -> Result<OpenedDraft, AppError> {
        let now = self.believed_now()?;
        let Account { id: account, address, person, language, .. } = signed.account.clone();
        let purpose = DraftPurpose::Outgoing { account, answers };
        let new = NewDraft { purpose, mailbox: &mailbox, address, person, partner, language };
        let mut unit = UnitOfWork::default();
        let (draft, token) = self.open_new_draft(&mut unit, new, now, visitor)?;
        self.store.commit(unit).await?;
        Ok(OpenedDraft { draft, mailbox, token })
    }

    /// Puts a new draft and its event into a unit; returns it with the cookie that opens it.
    pub(super) fn open_new_draft(
        &self,
        unit: &mut UnitOfWork,
        new: NewDraft<'_>,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(DraftId, Token), AppError> {
        let token = Token::new(self.random.bytes());
        let draft = self.make_draft(new, &token, now)?;
        let (id, actor) = (draft.id, Actor::Person(draft.person));
        let opened = event(now, actor, Action::DraftOpened, Object::Draft(id), Outcome::Done, visitor.web());
        self.log(unit, opened.concerning(draft.partner))?;
        unit.put(draft);
        Ok((id, token))
    }

    /// A new draft with an identity of its own, wrapped to the day's draft key.
    pub(super) fn make_draft(
        &self,
        new: NewDraft<'_>,
        token: &Token,
        now: Timestamp,
    ) -> Result<Draft, AppError> {
        let identity = Identity::generate();
        let key_day = now.day();
        let draft_key = self.shared_sealing_key(&self.keyring.recipient(KeyName::Draft(key_day))?)?;
        Ok(Draft {
            id: DraftId::new(self.random.bytes()),
            tokens: vec![token.hash()],
            purpose: new.purpose,
            mailbox: new.mailbox.id,
            address: new.address,
            person: new.person,
            partner: new.partner,
            language: new.language,
            transfer: TransferId::new(self.random.bytes()),
            recipient: identity.recipient(),
            wrap: Some(wrap_identity_under(&draft_key, &identity)?),
            key_day,
            parts: Vec::new(),
            awaited: Vec::new(),
            next_number: 1,
            inspection: DraftInspection::default(),
            form: None,
            proved_at: None,
            touched_at: now,
            state: DraftState::Open,
        })
    }

    /// What a member's draft answers, and who gets the answer.
    pub async fn answered_by_draft(
        &self,
        draft: &Draft,
    ) -> Result<Option<(Reference, MailAddress)>, AppError> {
        let DraftPurpose::Outgoing { answers: Some(answered), .. } = draft.purpose else { return Ok(None) };
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(answered)).await?;
        Ok(found.map(|(transfer, _)| (transfer.reference, transfer.depositor.address)))
    }

    /// Whether the owner of a draft may use it now, read anew (invariant 7): a member reads the mailbox; a depositor is
    /// still admitted, and of what was sent sees what was told, unless barred since (P6).
    pub(super) async fn may_fill(
        &self,
        draft: &Draft,
        mailbox: &Mailbox,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let account = match (draft.purpose, &draft.state) {
            (DraftPurpose::Outgoing { account, .. }, _) => account,
            _ if self.is_barred_of(&draft.address, draft.partner).await? => return Ok(false),
            (DraftPurpose::Api { client }, _) => return self.client_may_fill(client, draft).await,
            (_, DraftState::Open) => return self.still_deposits(draft, mailbox, now).await,
            (_, DraftState::Sent { .. }) => return Ok(!self.is_barred(&draft.address).await?),
        };
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let own = |account: &Account| account.organisation == Some(mailbox.organisation);
        Ok(found.is_some_and(|(account, _)| own(&account) && account.reads(draft.mailbox)))
    }

    /// Records that a case was answered by telephone, by letter or at a meeting on a day, `2026-11-21` in Paris (T5).
    pub async fn record_answer(
        &self,
        signed: &Signed,
        reference: &Reference,
        how: AnswerWay,
        day: &str,
        visitor: Visitor,
    ) -> Result<(), AnswerError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_record_answer(signed, reference, how, day, visitor).await {
                Err(AnswerError::Open(OpenError::Fault(error))) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn try_record_answer(
        &self,
        signed: &Signed,
        reference: &Reference,
        how: AnswerWay,
        day: &str,
        visitor: Visitor,
    ) -> Result<(), AnswerError> {
        let permitted = self.permitted(Some(signed), reference, visitor).await?;
        let id = permitted.subject().id;
        let found: Option<(Transfer, u64)> = self.read(&Key::Transfer(id)).await?;
        let (mut transfer, version) = found.ok_or(OpenError::Gone)?;
        let now = self.believed_now()?;
        let answered = match answered_at(&transfer, day, now) {
            Some(at) => Ok(Answer { at, by: signed.account.id, how }),
            None => Err(AnswerError::NotADay),
        };
        let case = answered.and_then(|answer| {
            let takes = transfer.outgoing.is_none() && how != AnswerWay::Secure;
            let case = transfer.case.clone().answer(answer);
            case.ok().filter(|_| takes).ok_or(AnswerError::NotFitting)
        });
        let object = Object::Transfer { transfer: id, mailbox: transfer.mailbox };
        let told = |outcome| {
            let actor = Actor::Person(signed.account.person);
            let told = event(now, actor, Action::AnswerRecorded, object, outcome, visitor.web());
            told.concerning(transfer.depositor.partner)
        };
        let case = match case {
            Ok(case) => case,
            Err(error) => {
                self.log_alone(told(Outcome::Refused(RefusalReason::FormIncomplete))).await?;
                return Err(error);
            }
        };
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(Outcome::Done))?;
        unit.expect_unchanged(Key::Transfer(id), version);
        transfer.case = case;
        unit.put(transfer);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }

    /// The mailbox with this slug among those that the person may read.
    pub(super) async fn mailbox_read_by(
        &self,
        signed: &Signed,
        slug: &Slug,
    ) -> Result<Option<Mailbox>, AppError> {
        for id in signed.account.mailboxes.iter().filter(|id| signed.account.reads(**id)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(*id)).await?;
            if let Some((mailbox, _)) = found.filter(|(mailbox, _)| &mailbox.slug == slug) {
                return Ok(Some(mailbox));
            }
        }
        Ok(None)
    }

    /// Logs that somebody asked for a page that is not for the person's role.
    pub async fn refuse_page(&self, signed: &Signed, visitor: Visitor) -> OpenError {
        self.refuse_mailbox(signed, visitor).await
    }

    /// Logs that somebody wanted to act for a mailbox that is not the person's.
    pub(super) async fn refuse_mailbox(&self, signed: &Signed, visitor: Visitor) -> OpenError {
        let (actor, outcome) =
            (Actor::Person(signed.account.person), Outcome::Refused(RefusalReason::NotEntitled));
        let object = Object::Account(signed.account.id);
        let refused = event(self.now().at, actor, Action::AccessRefused, object, outcome, visitor.web());
        match self.log_alone(refused).await {
            Ok(()) => OpenError::NotEntitled,
            Err(error) => error.into(),
        }
    }
}

/// The instant that stands for the day of an answer: now for today, the day's beginning for an earlier one, never before
/// the transfer came.
fn answered_at(transfer: &Transfer, day: &str, now: Timestamp) -> Option<Timestamp> {
    let (begins, today) = (calendar::start_of_day(day, 0)?, calendar::local_day(now)?);
    let (day, came) = (calendar::local_day(begins)?, calendar::local_day(transfer.received_at)?);
    if day == today {
        return Some(now);
    }
    // ISO days stand in the order of time (ISO 8601).
    (came <= day && day < today).then(|| begins.max(transfer.received_at))
}
