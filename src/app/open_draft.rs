//! A proven address opens its draft: by the mailed link's button, or by the typed code (D2, invariant 6).

use thiserror::Error;

use super::compose::NewDraft;
use super::doors::ClosedDoor;
use super::ports::{Key, List, SecretName, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{AddressProof, CodeAnswer, Partner, ProofPurpose, Service};
use crate::mailbox::{DepositLimits, Mailbox};
use crate::retention::KeyName;
use crate::transfer::{Draft, DraftPurpose};
use crate::value::{DraftId, ProofId, Timestamp, Token};

/// Why no draft is opened.
#[derive(Debug, Error)]
pub enum OpenDraftError {
    /// The link or code is not good, or not any more: the depositor asks for another.
    #[error("the link or the code is not good any more")]
    NotGood,
    /// A wrong code; some tries are left.
    #[error("a wrong code; {tries_left} tries are left")]
    WrongCode {
        /// Tries left.
        tries_left: u8,
    },
    /// The address is admitted, and its agreement does not open the page (D11).
    #[error("the agreement does not open the page")]
    Closed(Box<ClosedDoor>),
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// A draft, opened.
#[derive(Debug)]
pub struct OpenedDraft {
    /// Which.
    pub draft: DraftId,
    /// Its mailbox.
    pub mailbox: Mailbox,
    /// The cookie that opens it from now on.
    pub token: Token,
}

/// A draft as its page needs it.
#[derive(Debug)]
pub struct DraftView {
    /// The draft.
    pub draft: Draft,
    /// Its version in the store.
    pub(super) version: u64,
    /// Its mailbox.
    pub mailbox: Mailbox,
    /// What it may hold.
    pub limits: DepositLimits,
}

impl App {
    /// The limits of deposits into a mailbox as they are in force: the page says them before anything is sent, and each
    /// way in holds to them.
    pub fn limits_in_force(&self, mailbox: &Mailbox) -> DepositLimits {
        self.scannable(mailbox.limits)
    }

    /// Opens the draft of a mailed link; pressed twice, it opens the same draft.
    pub async fn open_draft_by_link(
        &self,
        token: &Token,
        visitor: Visitor,
    ) -> Result<OpenedDraft, OpenDraftError> {
        for _ in 0..CONFLICT_TRIES {
            let proof: Option<(AddressProof, u64)> = self.read_one(&List::ProofByToken(token.hash())).await?;
            match self.open_proven(proof, visitor).await {
                // The button was pressed twice: the second press opens the draft that the first one made.
                Err(OpenDraftError::Fault(error)) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    /// Opens the draft of a typed code, in the browser that asked for it.
    pub async fn open_draft_by_code(
        &self,
        proof: ProofId,
        browser: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<OpenedDraft, OpenDraftError> {
        let key = self.keyring.secret(SecretName::Codes).map_err(AppError::from)?;
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let found: Option<(AddressProof, u64)> = self.read(&Key::Proof(proof)).await?;
            let Some((mut proof, version)) =
                found.filter(|(proof, _)| is_for_deposit(proof) && proof.browser == browser.hash())
            else {
                return self.refuse_proof(None, now, visitor).await;
            };
            let CodeAnswer::Wrong { tries_left } = proof.try_code(&key, typed, now) else {
                match self.open_proven(Some((proof, version)), visitor).await {
                    Err(OpenDraftError::Fault(error)) if error.is_conflict() => continue,
                    outcome => return outcome,
                }
            };
            match self.note_wrong_code(proof, version, now, visitor).await {
                // Two tries at once: each must cost one.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(()) if tries_left == 0 => return Err(OpenDraftError::NotGood),
                Ok(()) => return Err(OpenDraftError::WrongCode { tries_left }),
            }
        }
        Err(AppError::Contended.into())
    }

    pub(super) async fn note_wrong_code(
        &self,
        proof: AddressProof,
        version: u64,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let reason =
            if proof.tries_left == 0 { RefusalReason::TooManyTries } else { RefusalReason::ProofWrong };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::Proof(proof.id), version);
        let (actor, object) = (Actor::Person(proof.person), Object::Proof(proof.id));
        let refused =
            event(now, actor, Action::DepositProofUsed, object, Outcome::Refused(reason), visitor.web());
        self.log(&mut unit, refused)?;
        unit.put(proof);
        self.store.commit(unit).await?;
        Ok(())
    }

    async fn open_proven(
        &self,
        proof: Option<(AddressProof, u64)>,
        visitor: Visitor,
    ) -> Result<OpenedDraft, OpenDraftError> {
        let now = self.believed_now()?;
        let Some((proof, version)) = proof.filter(|(proof, _)| is_for_deposit(proof)) else {
            return self.refuse_proof(None, now, visitor).await;
        };
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(proof.mailbox)).await?;
        // The agreement may have ended since the mail went out.
        let admitted = match &mailbox {
            Some((mailbox, _)) => self.admitted_partner(mailbox, &proof.address, now).await?,
            None => None,
        };
        match (mailbox, admitted) {
            (Some((mailbox, _)), Some(partner)) if proof.is_live(now) => {
                if let Some(closed) = self.closed_door(&mailbox, partner.id, Service::Page).await? {
                    self.log_unopened(Some(&proof), ClosedDoor::REASON, now, visitor).await?;
                    return Err(OpenDraftError::Closed(Box::new(closed)));
                }
                Ok(self.open_or_reopen(proof, version, mailbox, &partner, now, visitor).await?)
            }
            _ => self.refuse_proof(Some(&proof), now, visitor).await,
        }
    }

    async fn refuse_proof(
        &self,
        proof: Option<&AddressProof>,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<OpenedDraft, OpenDraftError> {
        let reason = if proof.is_some() { RefusalReason::ProofExpired } else { RefusalReason::ProofWrong };
        self.log_unopened(proof, reason, now, visitor).await?;
        Err(OpenDraftError::NotGood)
    }

    async fn log_unopened(
        &self,
        proof: Option<&AddressProof>,
        reason: RefusalReason,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let (actor, object) = proof.map_or((Actor::Anonymous, Object::None), |proof| {
            (Actor::Person(proof.person), Object::Proof(proof.id))
        });
        let outcome = Outcome::Refused(reason);
        self.log_alone(event(now, actor, Action::DepositProofUsed, object, outcome, visitor.web())).await
    }

    async fn open_or_reopen(
        &self,
        mut proof: AddressProof,
        version: u64,
        mailbox: Mailbox,
        partner: &Partner,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<OpenedDraft, AppError> {
        let token = Token::new(self.random.bytes());
        let mut unit = UnitOfWork::default();
        let earlier: Option<(Draft, u64)> = match proof.purpose {
            ProofPurpose::Deposit { draft: Some(draft) } => self.read(&Key::Draft(draft)).await?,
            _ => None,
        };
        let draft = match earlier {
            Some((mut draft, draft_version)) if draft.is_live(now) && draft.person == proof.person => {
                unit.expect_unchanged(Key::Draft(draft.id), draft_version);
                draft.admit(token.hash());
                draft.proved_at = Some(now);
                draft
            }
            _ => {
                let new = NewDraft {
                    purpose: DraftPurpose::Deposit,
                    mailbox: &mailbox,
                    address: proof.address.clone(),
                    person: proof.person,
                    partner: Some(partner.id),
                    language: proof.language,
                };
                Draft { proved_at: Some(now), ..self.make_draft(new, &token, now)? }
            }
        };
        unit.expect_unchanged(Key::Proof(proof.id), version);
        proof.purpose = ProofPurpose::Deposit { draft: Some(draft.id) };
        let id = draft.id;
        let actor = Actor::Person(proof.person);
        let used = event(
            now,
            actor,
            Action::DepositProofUsed,
            Object::Proof(proof.id),
            Outcome::Done,
            visitor.web(),
        );
        self.log(&mut unit, used)?;
        self.log(
            &mut unit,
            event(now, actor, Action::DraftOpened, Object::Draft(id), Outcome::Done, visitor.web())
                .concerning(draft.partner),
        )?;
        unit.put(proof);
        unit.put(draft);
        self.store.commit(unit).await?;
        Ok(OpenedDraft { draft: id, mailbox, token })
    }

    /// Finds a draft by its id and cookie. None when it is not there, not this browser's, or over.
    pub async fn draft(&self, id: DraftId, token: &Token) -> Result<Option<DraftView>, AppError> {
        let now = self.believed_now()?;
        let found: Option<(Draft, u64)> = self.read(&Key::Draft(id)).await?;
        // A draft that is touched again and again lives no longer than its key.
        let has_key = |draft: &Draft| !KeyName::Draft(draft.key_day).is_over(now.day());
        let is_mine =
            |draft: &Draft| draft.tokens.contains(&token.hash()) && draft.is_live(now) && has_key(draft);
        let Some((draft, version)) = found.filter(|(draft, _)| is_mine(draft)) else { return Ok(None) };
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(draft.mailbox)).await?;
        let Some((mailbox, _)) = mailbox else { return Ok(None) };
        if !self.may_fill(&draft, &mailbox, now).await? {
            return Ok(None);
        }
        let limits = self.limits_in_force(&mailbox);
        Ok(Some(DraftView { draft, version, mailbox, limits }))
    }

    /// Logs that somebody wanted to use a draft that is not theirs, or not any more. One that never was leaves nothing:
    /// its number was made up.
    pub async fn log_draft_refused(
        &self,
        id: DraftId,
        by: Option<&Signed>,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let found: Option<(Draft, u64)> = self.read(&Key::Draft(id)).await?;
        let Some((draft, _)) = found else { return Ok(()) };
        let actor = by.map_or(Actor::Anonymous, |signed| Actor::Person(signed.account.person));
        let (action, outcome) = (Action::AccessRefused, Outcome::Refused(RefusalReason::NotEntitled));
        let refused = event(self.now().at, actor, action, Object::Draft(id), outcome, visitor.web());
        self.log_alone(refused.concerning(draft.partner)).await
    }
}

/// Whether a proof opens drafts; one that shows a deposit's state does not.
const fn is_for_deposit(proof: &AddressProof) -> bool {
    matches!(proof.purpose, ProofPurpose::Deposit { .. })
}
