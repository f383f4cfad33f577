//! The depositor's view of one deposit (D8, D11): who proves the address that sent it sees where it stands and which files
//! were refused, by name. By the page or by mail makes no difference; each acknowledgement leads here.
//!
//! The answer to an asking never depends on who asks: known or not, the same records are read, the same letter is sealed,
//! the same records are written (invariant 8). A proof of this kind opens no draft, and one for a draft shows no deposit.

use thiserror::Error;

use super::letters::NewLetter;
use super::ports::{Key, List, SecretName, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, NamedRefusal, ProofAsked, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{AddressProof, CODE_TRIES, CodeAnswer, PROOF_LIFE, ProofCode, ProofPurpose};
use crate::mailbox::Mailbox;
use crate::relay::letter::{Letter, LetterKind, SecretText};
use crate::transfer::{Ending, HeldDeposit, HoldReason, RefusedFile, RegisterLine, Transfer};
use crate::value::{
    ByteSize, Language, MailAddress, MailboxId, PartnerId, PersonId, ProofId, Reference, Timestamp, Token,
    TransferId,
};

/// Why nothing is shown.
#[derive(Debug, Error)]
pub enum StatusError {
    /// The link or code is not good, or not any more: the depositor asks for another.
    #[error("the link or the code is not good any more")]
    NotGood,
    /// A wrong code; some tries are left.
    #[error("a wrong code; {tries_left} tries are left")]
    WrongCode {
        /// Tries left.
        tries_left: u8,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Where a deposit stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DepositStanding {
    /// It waits to be inspected.
    Held {
        /// Why.
        reason: HoldReason,
        /// When it ends if it cannot be.
        ends_at: Timestamp,
    },
    /// It can be opened.
    Released {
        /// When somebody of the mailbox opened it first, if anybody did.
        opened_at: Option<Timestamp>,
        /// Until when.
        expires_at: Timestamp,
        /// What came after.
        then: Afterwards,
    },
    /// Its content is destroyed.
    Ended {
        /// When somebody opened it first, if anybody did.
        opened_at: Option<Timestamp>,
        /// When it ended.
        at: Timestamp,
        /// Whether who deposited withdrew it.
        is_withdrawn: bool,
        /// What came of it before.
        then: Afterwards,
    },
}

/// What became of a deposit in the house, as its depositor may know it: when, and neither to whom nor how.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct Afterwards {
    /// When it was last dispatched to another mailbox (T4); no instant is kept of one that ended.
    pub dispatched_at: Option<Timestamp>,
    /// When it was first answered, in whichever way (T5).
    pub answered_at: Option<Timestamp>,
}

impl Afterwards {
    pub(super) fn of(transfer: &Transfer) -> Self {
        Self {
            dispatched_at: transfer.dispatches.last().map(|dispatch| dispatch.at),
            answered_at: transfer.case.first_answer.map(|answer| answer.at),
        }
    }

    pub(super) fn of_line(line: &RegisterLine) -> Self {
        Self { dispatched_at: None, answered_at: line.answered.map(|answer| answer.at) }
    }
}

/// A deposit, as its depositor may see it: no content.
#[derive(Debug, Clone)]
pub struct DepositStatus {
    /// What people quote.
    pub reference: Reference,
    /// Its mailbox.
    pub mailbox: Mailbox,
    /// The title, while it is kept.
    pub title: Option<String>,
    /// When it was taken.
    pub received_at: Timestamp,
    /// How many files are in it.
    pub file_count: u32,
    /// Their size.
    pub total_size: ByteSize,
    /// Where it stands.
    pub standing: DepositStanding,
    /// The files that were refused, with their names as long as those are kept.
    pub refused: Vec<NamedRefusal>,
}

/// A deposit in whichever state it is.
pub(super) enum Sent {
    Held(Box<HeldDeposit>),
    Released(Box<Transfer>),
    Ended(Box<RegisterLine>),
}

impl Sent {
    pub(super) fn whose(&self) -> (TransferId, MailboxId, PersonId, Option<PartnerId>) {
        match self {
            Self::Held(held) => (held.id, held.mailbox, held.depositor.person, held.depositor.partner),
            Self::Released(sent) => (sent.id, sent.mailbox, sent.depositor.person, sent.depositor.partner),
            Self::Ended(line) => (line.transfer, line.mailbox, line.depositor, line.partner),
        }
    }
}

impl App {
    /// Asks to see a deposit. A mail goes out only when the address is the one that sent it.
    pub async fn request_status(
        &self,
        reference: &Reference,
        address: MailAddress,
        language: Language,
        visitor: Visitor,
    ) -> Result<ProofAsked, AppError> {
        let now = self.believed_now()?;
        let (person, found) = (self.person_of(&address)?, self.sent_by_reference(reference).await?);
        let whose = found.map(|sent| sent.whose());
        let barred = self.is_barred(&address).await?;
        let whose =
            whose.filter(|(_, _, depositor, partner)| !barred && *depositor == person && partner.is_some());
        let (token, browser) = (Token::new(self.random.bytes()), Token::new(self.random.bytes()));
        let (id, code) = (ProofId::new(self.random.bytes()), ProofCode::new(self.random.bytes()));
        let nowhere = (TransferId::new(self.random.bytes()), MailboxId::new(self.random.bytes()));
        let (transfer, mailbox) = whose.map_or(nowhere, |(transfer, mailbox, _, _)| (transfer, mailbox));

        let mut unit = UnitOfWork::default();
        let letter = Letter::StatusLink {
            reference: Some(reference.clone()),
            path: SecretText::new(format!("/suivi/lien/{}", token.expose())),
            code: SecretText::new(code.expose().to_owned()),
            starts_until: now + PROOF_LIFE,
        };
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::StatusLink,
            letter: &letter,
            to: &address,
            language,
            mailbox: whose.map(|(_, mailbox, _, _)| mailbox),
            transfer: None,
            written_at: now,
        })?;
        let outcome = match whose {
            Some(_) => Outcome::Done,
            None => Outcome::Refused(RefusalReason::AddressNotAdmitted),
        };
        let (actor, object) = (Actor::Person(person), Object::Proof(id));
        self.log(
            &mut unit,
            event(now, actor, Action::DepositProofRequested, object, outcome, visitor.web()),
        )?;
        if whose.is_some() {
            self.queue_mail(&mut unit, mail, visitor.web())?;
        }
        unit.put(AddressProof {
            id,
            token: token.hash(),
            code: code.digest(&self.keyring.secret(SecretName::Codes)?, id),
            tries_left: CODE_TRIES,
            browser: browser.hash(),
            mailbox,
            address,
            person,
            partner: whose.and_then(|(_, _, _, partner)| partner),
            language,
            asked_at: now,
            purpose: ProofPurpose::Status(transfer),
        });
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(ProofAsked { proof: id, browser })
    }

    /// Shows the deposit of a mailed link; pressed again within its time, it shows it again.
    pub async fn status_by_link(
        &self,
        token: &Token,
        visitor: Visitor,
    ) -> Result<DepositStatus, StatusError> {
        let proof = self.proof_of_link(token).await?;
        self.show_status(proof, visitor).await
    }

    /// The proof that a mailed link belongs to.
    pub(super) async fn proof_of_link(&self, token: &Token) -> Result<Option<AddressProof>, AppError> {
        let proof: Option<(AddressProof, u64)> = self.read_one(&List::ProofByToken(token.hash())).await?;
        Ok(proof.map(|(proof, _)| proof))
    }

    /// Shows the deposit of a typed code, in the browser that asked for it.
    pub async fn status_by_code(
        &self,
        proof: ProofId,
        browser: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<DepositStatus, StatusError> {
        let proof = self.proof_of_code(proof, browser, typed, visitor).await?;
        self.show_status(proof, visitor).await
    }

    /// The proof that a typed code belongs to, in the browser that asked; none when there is none there. A wrong code costs a
    /// try.
    pub(super) async fn proof_of_code(
        &self,
        proof: ProofId,
        browser: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<Option<AddressProof>, StatusError> {
        let key = self.keyring.secret(SecretName::Codes).map_err(AppError::from)?;
        for _ in 0..CONFLICT_TRIES {
            let now = self.believed_now()?;
            let found: Option<(AddressProof, u64)> = self.read(&Key::Proof(proof)).await?;
            let mine = |(proof, _): &(AddressProof, u64)| {
                proof.browser == browser.hash() && matches!(proof.purpose, ProofPurpose::Status(_))
            };
            let Some((mut proof, version)) = found.filter(mine) else { return Ok(None) };
            let CodeAnswer::Wrong { tries_left } = proof.try_code(&key, typed, now) else {
                return Ok(Some(proof));
            };
            match self.note_wrong_code(proof, version, now, visitor).await {
                // Two tries at once: each must cost one.
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(()) if tries_left == 0 => return Err(StatusError::NotGood),
                Ok(()) => return Err(StatusError::WrongCode { tries_left }),
            }
        }
        Err(AppError::Contended.into())
    }

    pub(super) async fn show_status(
        &self,
        proof: Option<AddressProof>,
        visitor: Visitor,
    ) -> Result<DepositStatus, StatusError> {
        let (proof, sent) = self.proved(proof, visitor).await?;
        let now = self.believed_now()?;
        let (transfer, _, _, _) = sent.whose();
        let told = |action, object| {
            let told = event(now, Actor::Person(proof.person), action, object, Outcome::Done, visitor.web());
            told.concerning(proof.partner)
        };
        let mut unit = UnitOfWork::default();
        let object = Object::Transfer { transfer, mailbox: proof.mailbox };
        self.log(&mut unit, told(Action::DepositProofUsed, Object::Proof(proof.id)))?;
        self.log(&mut unit, told(Action::DepositHistoryListed, object))?;
        unit.put(proof);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(self.status_of(sent, now).await?)
    }

    /// What a proof shows, once it is good; a refusal is logged.
    pub(super) async fn proved(
        &self,
        proof: Option<AddressProof>,
        visitor: Visitor,
    ) -> Result<(AddressProof, Sent), StatusError> {
        let now = self.believed_now()?;
        let wanted = proof.and_then(|proof| match proof.purpose {
            ProofPurpose::Status(transfer) => Some((proof, transfer)),
            ProofPurpose::Deposit { .. } | ProofPurpose::History => None,
        });
        let Some((proof, transfer)) = wanted else {
            let outcome = Outcome::Refused(RefusalReason::ProofWrong);
            let (actor, action) = (Actor::Anonymous, Action::DepositProofUsed);
            self.log_alone(event(now, actor, action, Object::None, outcome, visitor.web())).await?;
            return Err(StatusError::NotGood);
        };
        // The address may have been blocked, or its structure suspended, since the mail went out (P6).
        let live = proof.is_live(now) && !self.is_barred(&proof.address).await?;
        let found = if live { self.sent_by_id(transfer).await? } else { None };
        let told = |action, object, outcome| {
            let told = event(now, Actor::Person(proof.person), action, object, outcome, visitor.web());
            proof.partner.map_or(told, |partner| told.of_partner(partner))
        };
        let Some(sent) = found.filter(|sent| sent.whose().2 == proof.person) else {
            let outcome = Outcome::Refused(RefusalReason::ProofExpired);
            self.log_alone(told(Action::DepositProofUsed, Object::Proof(proof.id), outcome)).await?;
            return Err(StatusError::NotGood);
        };
        Ok((proof, sent))
    }

    async fn status_of(&self, sent: Sent, now: Timestamp) -> Result<DepositStatus, AppError> {
        let (_, mailbox, _, _) = sent.whose();
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
        let (mailbox, _) = found.ok_or(AppError::Broken("deposit without mailbox"))?;
        let named = |refused: &[RefusedFile]| self.named_refusals(refused);
        Ok(match sent {
            Sent::Held(held) => DepositStatus {
                mailbox,
                title: Some(held.title.to_string()),
                received_at: held.accepted_at,
                file_count: held.file_count(),
                total_size: held.total_size(),
                standing: DepositStanding::Held { reason: held.reason, ends_at: held.ends_at() },
                refused: named(&held.refused),
                reference: held.reference,
            },
            Sent::Released(transfer) => {
                let opened_at = transfer.first_opening.map(|opening| opening.at);
                let (expires_at, then) = (transfer.expires_at, Afterwards::of(&transfer));
                let standing = if transfer.is_live(now) {
                    DepositStanding::Released { opened_at, expires_at, then }
                } else {
                    DepositStanding::Ended { opened_at, at: expires_at, is_withdrawn: false, then }
                };
                DepositStatus {
                    mailbox,
                    title: Some(transfer.title.to_string()),
                    received_at: transfer.received_at,
                    file_count: transfer.file_count,
                    total_size: transfer.total_size,
                    standing,
                    refused: named(&transfer.refused),
                    reference: transfer.reference,
                }
            }
            Sent::Ended(line) => DepositStatus {
                mailbox,
                title: None,
                received_at: line.received_at,
                file_count: line.file_count,
                total_size: line.total_size,
                standing: DepositStanding::Ended {
                    opened_at: line.first_opened_at,
                    at: line.ended_at.unwrap_or(line.received_at),
                    is_withdrawn: line.ending == Some(Ending::Revoked),
                    then: Afterwards::of_line(&line),
                },
                refused: Vec::new(),
                reference: line.reference,
            },
        })
    }

    /// Where a deposit stands, for who is known to be its depositor; none if nothing was sent.
    pub(super) async fn deposit_status(
        &self,
        transfer: TransferId,
        now: Timestamp,
    ) -> Result<Option<DepositStatus>, AppError> {
        match self.sent_by_id(transfer).await? {
            Some(sent) => self.status_of(sent, now).await.map(Some),
            None => Ok(None),
        }
    }

    /// A deposit by what people quote. Reads the same lists whatever is found.
    async fn sent_by_reference(&self, reference: &Reference) -> Result<Option<Sent>, AppError> {
        let held: Option<(HeldDeposit, u64)> =
            self.read_one(&List::HeldByReference(reference.clone())).await?;
        let released: Option<(Transfer, u64)> =
            self.read_one(&List::TransferByReference(reference.clone())).await?;
        let ended: Option<(RegisterLine, u64)> =
            self.read_one(&List::RegisterByReference(reference.clone())).await?;
        Ok(either(held, released, ended))
    }

    async fn sent_by_id(&self, id: TransferId) -> Result<Option<Sent>, AppError> {
        let held: Option<(HeldDeposit, u64)> = self.read(&Key::Held(id)).await?;
        let released: Option<(Transfer, u64)> = self.read(&Key::Transfer(id)).await?;
        let ended: Option<(RegisterLine, u64)> = self.read(&Key::Register(id)).await?;
        Ok(either(held, released, ended))
    }
}

fn either(
    held: Option<(HeldDeposit, u64)>,
    released: Option<(Transfer, u64)>,
    ended: Option<(RegisterLine, u64)>,
) -> Option<Sent> {
    // What a mailbox sent is no deposit.
    let released = released.filter(|(transfer, _)| transfer.outgoing.is_none());
    let released = released.map(|(transfer, _)| Sent::Released(Box::new(transfer)));
    let held = held.map(|(held, _)| Sent::Held(Box::new(held)));
    released.or(held).or(ended.map(|(line, _)| Sent::Ended(Box::new(line))))
}
