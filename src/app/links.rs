//! Somebody outside opens what a member sent: the link's button asks for the second step, a mailed code or a told password,
//! and a short session follows (T5, V4, invariant 6). A link that never was, ended or was withdrawn gets one and the same
//! answer, and whoever only fetches the page learns and changes nothing.
//!
//! Rights are read at each use: the link, its transfer, the session, and whether the address was barred since (P6).

use thiserror::Error;

use super::letters::NewLetter;
use super::ports::{Key, List, SecretName, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{
    CodeChallenge, LINK_SESSION_LIFE, LinkSession, PROOF_LIFE, Partner, Password, ProofCode, RecipientLink,
    StepRefusal,
};
use crate::mailbox::Mailbox;
use crate::relay::letter::{Letter, LetterKind, OutsideLetter, SecretText};
use crate::transfer::Transfer;
use crate::value::{LinkId, MailAddress, Millis, ProofId, Timestamp, Token, TransferId};
use crate::vault::{Identity, LinkKeys};

/// How many partners are looked through for a barred address.
const PARTNERS_MAX: usize = 10_000;
/// How many links of a transfer are read.
pub(super) const LINKS_MAX: usize = crate::transfer::OUTSIDE_RECIPIENTS_MAX;

/// What the link asks for.
#[derive(Debug)]
pub enum SecondStep {
    /// A code was mailed; it works in the browser with this cookie.
    Code {
        /// The cookie.
        browser: Token,
    },
    /// The password that the sender tells by another way.
    Password,
}

/// The second step was taken.
#[derive(Debug)]
pub struct LinkOpened {
    /// The link, which pages name from now on.
    pub link: LinkId,
    /// The cookie of the session.
    pub cookie: Token,
}

/// Why a link does not open.
#[derive(Debug, Error)]
pub enum LinkError {
    /// It is not good, or not any more.
    #[error("the link is not good any more")]
    NotGood,
    /// The code or the password is wrong.
    #[error("the code or the password is wrong")]
    Wrong,
    /// The code is not good any more: another one is asked for by the link.
    #[error("the code is not good any more")]
    CodeEnded,
    /// Too many codes or passwords for now.
    #[error("too many tries for now")]
    TooMany,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// Somebody outside in a live session, with what the person brought along.
#[derive(Debug)]
pub struct OutsideReader {
    /// The link.
    pub link: RecipientLink,
    pub(super) transfer: Transfer,
    pub(super) mailbox: Mailbox,
    pub(super) keys: LinkKeys,
}

/// A link that is good now, and what it leads to.
struct GoodLink {
    link: RecipientLink,
    version: u64,
    transfer: Transfer,
    mailbox: Mailbox,
}

impl App {
    /// A person pressed the link's button: a code is mailed, or the told password is asked for.
    pub async fn ask_to_open(&self, token: &Token, visitor: Visitor) -> Result<SecondStep, LinkError> {
        for _ in 0..CONFLICT_TRIES {
            match self.try_ask(token, visitor).await {
                Err(LinkError::Fault(error)) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn try_ask(&self, token: &Token, visitor: Visitor) -> Result<SecondStep, LinkError> {
        let good = self.good_link(token, visitor).await?;
        if good.link.told.is_some() {
            return Ok(SecondStep::Password);
        }
        let GoodLink { mut link, version, transfer, mailbox } = good;
        let now = self.believed_now()?;
        let (browser, code) = (Token::new(self.random.bytes()), ProofCode::new(self.random.bytes()));
        let id = ProofId::new(self.random.bytes());
        let digest = code.digest(&self.keyring.secret(SecretName::Codes).map_err(AppError::from)?, id);
        if !link.challenge(CodeChallenge::new(id, digest, browser.hash(), now), now) {
            let about = (Action::OpeningCodeAsked, RefusalReason::TooMany);
            return Err(self.refuse_link(&link, about, LinkError::TooMany, visitor).await);
        }
        let letter = Letter::Outside(OutsideLetter::Code {
            reference: transfer.reference.clone(),
            organisation_name: self.organisation_of(&mailbox).await?.name,
            code: SecretText::new(code.expose().to_owned()),
            good_until: now + PROOF_LIFE,
        });
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::OpeningCode,
            letter: &letter,
            to: &link.address,
            language: link.language,
            mailbox: Some(mailbox.id),
            transfer: Some(transfer.id),
            written_at: now,
        })?;
        let mut unit = UnitOfWork::default();
        let (actor, object) = (Actor::Person(link.person), object_of(&link));
        let asked = event(now, actor, Action::OpeningCodeAsked, object, Outcome::Done, visitor.web());
        self.log(&mut unit, asked)?;
        self.queue_mail(&mut unit, mail.requiring_tls(transfer.requires_tls()), visitor.web())?;
        unit.expect_unchanged(Key::RecipientLink((link.transfer, link.id)), version);
        unit.put(link);
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        Ok(SecondStep::Code { browser })
    }

    /// Opens by a typed code, in the browser that asked for it.
    pub async fn open_by_code(
        &self,
        token: &Token,
        browser: &Token,
        typed: &str,
        visitor: Visitor,
    ) -> Result<LinkOpened, LinkError> {
        let key = self.keyring.secret(SecretName::Codes).map_err(AppError::from)?;
        for _ in 0..CONFLICT_TRIES {
            let mut good = self.good_link(token, visitor).await?;
            let now = self.believed_now()?;
            let refused = match good.link.try_code(&key, browser.hash(), typed, now) {
                Ok(()) => None,
                Err(StepRefusal::Wrong) => Some((RefusalReason::ProofWrong, LinkError::Wrong)),
                Err(StepRefusal::Ended) => Some((RefusalReason::TooManyTries, LinkError::CodeEnded)),
            };
            let outcome = match refused {
                None => self.begin_link_session(good, token, None, now, visitor).await,
                Some((reason, error)) => self.note_refused_step(good, reason, error, now, visitor).await,
            };
            match outcome {
                Err(LinkError::Fault(error)) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    /// Opens by the password that the sender told.
    pub async fn open_by_password(
        &self,
        token: &Token,
        password: Option<Password>,
        visitor: Visitor,
    ) -> Result<LinkOpened, LinkError> {
        let good = self.good_link(token, visitor).await?;
        let now = self.believed_now()?;
        let Some(told) = good.link.told.clone() else {
            let about = (Action::LinkFollowed, RefusalReason::ProofWrong);
            return Err(self.refuse_link(&good.link, about, LinkError::CodeEnded, visitor).await);
        };
        if !good.link.takes_password(now) {
            let about = (Action::LinkFollowed, RefusalReason::TooManyTries);
            return Err(self.refuse_link(&good.link, about, LinkError::TooMany, visitor).await);
        }
        let secret = self.run_password_check(Some(told.hash), password).await?;
        for _ in 0..CONFLICT_TRIES {
            let mut good = self.good_link(token, visitor).await?;
            let outcome = if let Some(secret) = &secret {
                let identity = Identity::derived(secret).map_err(AppError::from)?;
                self.begin_link_session(good, token, Some(identity), now, visitor).await
            } else {
                good.link.note_wrong_password(now);
                let (reason, error) = (RefusalReason::CredentialsWrong, LinkError::Wrong);
                self.note_refused_step(good, reason, error, now, visitor).await
            };
            match outcome {
                Err(LinkError::Fault(error)) if error.is_conflict() => {}
                outcome => return outcome,
            }
        }
        Err(AppError::Contended.into())
    }

    async fn begin_link_session(
        &self,
        good: GoodLink,
        token: &Token,
        told: Option<Identity>,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<LinkOpened, LinkError> {
        let GoodLink { mut link, version, .. } = good;
        let cookie = Token::new(self.random.bytes());
        let keys = LinkKeys { link: Identity::of_link(token).map_err(AppError::from)?, told };
        let browser = Identity::of_session(&cookie).map_err(AppError::from)?;
        let mut unit = UnitOfWork::default();
        let (actor, object) = (Actor::Person(link.person), object_of(&link));
        for action in [Action::LinkFollowed, Action::TransferOpened] {
            self.log(&mut unit, event(now, actor, action, object, Outcome::Done, visitor.web()))?;
        }
        unit.put(LinkSession {
            token: cookie.hash(),
            link: link.id,
            transfer: link.transfer,
            began_at: now,
            keys: keys.seal(&browser.recipient()).map_err(AppError::from)?,
        });
        unit.expect_unchanged(Key::RecipientLink((link.transfer, link.id)), version);
        link.opened_at.get_or_insert(now);
        let id = link.id;
        unit.put(link);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(LinkOpened { link: id, cookie })
    }

    async fn note_refused_step(
        &self,
        good: GoodLink,
        reason: RefusalReason,
        error: LinkError,
        now: Timestamp,
        visitor: Visitor,
    ) -> Result<LinkOpened, LinkError> {
        let GoodLink { link, version, .. } = good;
        let mut unit = UnitOfWork::default();
        let (actor, object) = (Actor::Person(link.person), object_of(&link));
        let outcome = Outcome::Refused(reason);
        self.log(&mut unit, event(now, actor, Action::LinkFollowed, object, outcome, visitor.web()))?;
        unit.expect_unchanged(Key::RecipientLink((link.transfer, link.id)), version);
        unit.put(link);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Err(error)
    }

    /// The link of this token, if it is good now. What is wrong with it is told to the log alone.
    async fn good_link(&self, token: &Token, visitor: Visitor) -> Result<GoodLink, LinkError> {
        let now = self.believed_now()?;
        let found: Option<(RecipientLink, u64)> = self.read_one(&List::LinkByToken(token.hash())).await?;
        let Some((link, version)) = found else {
            let outcome = Outcome::Refused(RefusalReason::ProofWrong);
            let (actor, action) = (Actor::Anonymous, Action::LinkFollowed);
            self.log_alone(event(now, actor, action, Object::None, outcome, visitor.web())).await?;
            return Err(LinkError::NotGood);
        };
        match self.what_link_opens(&link, now).await? {
            Ok((transfer, mailbox)) => Ok(GoodLink { link, version, transfer, mailbox }),
            Err(reason) => Err(self
                .refuse_link(&link, (Action::LinkFollowed, reason), LinkError::NotGood, visitor)
                .await),
        }
    }

    /// The transfer that a link opens at this moment, or why it opens none.
    pub(super) async fn what_link_opens(
        &self,
        link: &RecipientLink,
        now: Timestamp,
    ) -> Result<Result<(Transfer, Mailbox), RefusalReason>, AppError> {
        let transfer: Option<(Transfer, u64)> = self.read(&Key::Transfer(link.transfer)).await?;
        let Some((transfer, _)) = transfer.filter(|(transfer, _)| transfer.is_live(now)) else {
            return Ok(Err(RefusalReason::TransferExpired));
        };
        if self.is_barred(&link.address).await? {
            return Ok(Err(RefusalReason::NotEntitled));
        }
        let mailbox: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(transfer.mailbox)).await?;
        let (mailbox, _) = mailbox.ok_or(AppError::Broken("transfer without mailbox"))?;
        Ok(Ok((transfer, mailbox)))
    }

    async fn refuse_link(
        &self,
        link: &RecipientLink,
        (action, reason): (Action, RefusalReason),
        error: LinkError,
        visitor: Visitor,
    ) -> LinkError {
        let (actor, outcome) = (Actor::Person(link.person), Outcome::Refused(reason));
        let refused = event(self.now().at, actor, action, object_of(link), outcome, visitor.web());
        match self.log_alone(refused).await {
            Ok(()) => error,
            Err(fault) => fault.into(),
        }
    }

    /// Who reads by this link in a session of this cookie; none when the session or the link is not good any more.
    pub async fn outside_reader(
        &self,
        link: LinkId,
        cookie: &Token,
        visitor: Visitor,
    ) -> Result<Option<OutsideReader>, AppError> {
        let now = self.believed_now()?;
        let found: Option<(LinkSession, u64)> = self.read(&Key::LinkSession(cookie.hash())).await?;
        let live = found.map(|(session, _)| session);
        let Some(session) = live.filter(|session| session.link == link && session.is_live(now)) else {
            return Ok(None);
        };
        let key = Key::RecipientLink((session.transfer, session.link));
        let Some((link, _)) = self.read::<RecipientLink>(&key).await? else { return Ok(None) };
        let (transfer, mailbox) = match self.what_link_opens(&link, now).await? {
            Ok(opened) => opened,
            Err(reason) => {
                let about = (Action::AccessRefused, reason);
                return match self.refuse_link(&link, about, LinkError::NotGood, visitor).await {
                    LinkError::Fault(error) => Err(error),
                    _ => Ok(None),
                };
            }
        };
        let keys = LinkKeys::unseal(&session.keys, &Identity::of_session(cookie)?)?;
        Ok(Some(OutsideReader { link, transfer, mailbox, keys }))
    }

    /// Whether an address may reply to a transfer: it was sent to it, and can still be opened by it.
    pub(super) async fn may_reply(
        &self,
        address: &MailAddress,
        to: TransferId,
        now: Timestamp,
    ) -> Result<bool, AppError> {
        let links: Vec<(RecipientLink, u64)> = self.read_list(&List::LinksOf(to), LINKS_MAX).await?;
        match links.iter().find(|(link, _)| &link.address == address) {
            Some((link, _)) => Ok(self.what_link_opens(link, now).await?.is_ok()),
            None => Ok(false),
        }
    }

    /// Whether an address is blocked, of a closed account or of a partner that is suspended: whatever it was sent, it opens nothing (P6).
    pub(super) async fn is_barred(&self, address: &MailAddress) -> Result<bool, AppError> {
        let partners: Vec<(Partner, u64)> = self.read_list(&List::Partners, PARTNERS_MAX).await?;
        let barred = self.is_barred_of(address, None).await?;
        Ok(barred || partners.iter().any(|(partner, _)| partner.bars(address)))
    }

    /// Forgets sessions of people outside that are over.
    pub(super) async fn forget_link_sessions(
        &self,
        unit: &mut UnitOfWork,
        now: Timestamp,
        batch: usize,
    ) -> Result<(), AppError> {
        let over = List::LinkSessionsBegunBefore(now - LINK_SESSION_LIFE + Millis(1));
        let sessions: Vec<(LinkSession, u64)> = self.read_list(&over, batch).await?;
        for (session, _) in sessions {
            unit.delete(Key::LinkSession(session.token));
        }
        Ok(())
    }
}

pub(super) const fn object_of(link: &RecipientLink) -> Object {
    Object::Transfer { transfer: link.transfer, mailbox: link.mailbox }
}
