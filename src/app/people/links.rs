//! The links by which people activate their account or choose a forgotten password anew (P2). Asking costs the same work
//! whoever is asked about (invariant 8); a link is used up by the POST that sets the password, and by nothing else.

use thiserror::Error;

use crate::app::administer::right_of;
use crate::app::letters::NewLetter;
use crate::app::ports::{Key, List, UnitOfWork};
use crate::app::{App, AppError, ResetError, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::{Account, AccountLink, AccountState, LinkPurpose, Password};
use crate::policy::password::WeakPassword;
use crate::relay::letter::{AccountLetter, AccountTopic, Letter, SecretText};
use crate::value::{AccountId, MailAddress, Timestamp, Token};

/// How many links of an account are looked up: each asking makes one.
const LINKS_MAX: usize = 1000;
/// Where the links lead, below the base URL.
const PATH: &str = "/compte/lien";

/// Why a link sets no password.
#[derive(Debug, Error)]
pub enum AccountLinkError {
    /// It is not good, or not any more: the person asks for another.
    #[error("the link is not good any more")]
    NotGood,
    /// The password is guessed too easily.
    #[error(transparent)]
    Weak(#[from] WeakPassword),
    /// The account is the last that opens mailboxes whose key the members alone keep: nobody could open their live mail any
    /// more. Another member is admitted first, or the operator accepts the loss.
    #[error("the account is the last that opens a mailbox")]
    LastMember {
        /// Their slugs.
        mailboxes: Vec<String>,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What a good link is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountLinkView {
    /// The account.
    pub account: AccountId,
    /// The address that signs in.
    pub address: MailAddress,
    /// First and last name.
    pub name: String,
    /// What the link is for.
    pub purpose: LinkPurpose,
    /// The mailboxes that a member must open to the person again afterwards.
    pub to_be_admitted: Vec<String>,
}

impl App {
    /// Sends a link to whoever says to have forgotten the password. The answer never depends on the address.
    pub async fn request_password_link(
        &self,
        address: MailAddress,
        visitor: Visitor,
    ) -> Result<(), AppError> {
        let now = self.believed_now()?;
        let found: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address.clone())).await?;
        let person = self.person_of(&address)?;
        let found = found.map(|(account, _)| account).filter(Account::may_choose_password);
        let mut unit = UnitOfWork::default();
        let (object, outcome) = match &found {
            Some(account) => (Object::Account(account.id), Outcome::Done),
            None => (Object::None, Outcome::Refused(RefusalReason::AccountInactive)),
        };
        let asked =
            event(now, Actor::Person(person), Action::AccountLinkAsked, object, outcome, visitor.web());
        self.log(&mut unit, asked)?;
        if let Some(account) = &found {
            let purpose = match account.state {
                AccountState::Invited { .. } => LinkPurpose::Activation,
                _ => LinkPurpose::Reset,
            };
            self.put_account_link(&mut unit, account, purpose, now, visitor.web())?;
        } else {
            let token = Token::new(self.random.bytes());
            let until = now + self.policies.load().people.reset;
            // Sealed also for who has no account: the work is the same, only the sending is left out.
            self.write_letter(&NewLetter {
                kind: crate::relay::letter::LetterKind::AccountLink,
                letter: &letter(LinkPurpose::Reset, "", &token, until),
                to: &address,
                language: crate::value::Language::Fr,
                mailbox: None,
                transfer: None,
                written_at: now,
            })?;
            let purpose = LinkPurpose::Reset;
            unit.put(AccountLink { token: token.hash(), account: None, purpose, made_at: now, until });
        }
        self.store.commit(unit).await?;
        self.wake_delivery();
        Ok(())
    }

    /// Makes a link to an account and puts it into a unit, with the mail that carries it.
    pub(in crate::app) fn put_account_link(
        &self,
        unit: &mut UnitOfWork,
        account: &Account,
        purpose: LinkPurpose,
        now: Timestamp,
        origin: Origin,
    ) -> Result<(), AppError> {
        let people = &self.policies.load().people;
        let life = match purpose {
            LinkPurpose::Activation => people.activation,
            LinkPurpose::Reset => people.reset,
        };
        let (token, until) = (Token::new(self.random.bytes()), now + life);
        let mail = self.write_letter(&NewLetter {
            kind: crate::relay::letter::LetterKind::AccountLink,
            letter: &letter(purpose, &account.name, &token, until),
            to: &account.professional_address(),
            language: account.language,
            mailbox: None,
            transfer: None,
            written_at: now,
        })?;
        self.queue_mail(unit, mail, origin)?;
        unit.put(AccountLink {
            token: token.hash(),
            account: Some(account.id),
            purpose,
            made_at: now,
            until,
        });
        Ok(())
    }

    /// What a link is about: for the page that its button opens. Changes nothing but the log, and that only when refused.
    pub async fn account_link(
        &self,
        token: &Token,
        visitor: Visitor,
    ) -> Result<AccountLinkView, AccountLinkError> {
        let (link, account, _) = self.good_account_link(token, visitor).await?;
        let opened = self.opened_by(&account).await?;
        Ok(AccountLinkView {
            account: account.id,
            address: account.address,
            name: account.name,
            purpose: link.purpose,
            to_be_admitted: opened.into_iter().map(|(mailbox, _)| mailbox.name).collect(),
        })
    }

    /// The owner chooses a password: the account is active, the link and all others of the account are used up.
    pub async fn choose_password(
        &self,
        token: &Token,
        new: Password,
        visitor: Visitor,
    ) -> Result<LinkPurpose, AccountLinkError> {
        let (link, mut account, version) = self.good_account_link(token, visitor).await?;
        let (now, actor) = (self.believed_now()?, Actor::Person(account.person));
        let activates = matches!(account.state, AccountState::Invited { .. });
        let action = if activates { Action::AccountActivated } else { Action::PasswordChanged };
        let right = right_of(&account);
        let object = Object::Account(account.id);
        let told = |outcome| event(now, actor, action, object, outcome, visitor.web());
        if let Err(weak) = self.judge_password(&new, &account.name, &account.address).await? {
            self.log_alone(told(Outcome::Refused(RefusalReason::PasswordTooWeak))).await?;
            return Err(weak.into());
        }
        let mut unit = UnitOfWork::default();
        let done = told(Outcome::Done);
        self.log(&mut unit, if activates { done.with(right) } else { done })?;
        self.use_account_links_up(&mut unit, account.id).await?;
        account.state = AccountState::Active;
        let renewed =
            self.put_new_secret(&mut unit, account, version, new, false, (actor, visitor.web())).await;
        match renewed {
            Ok(()) => {}
            Err(ResetError::LastMember { mailboxes }) => {
                self.log_alone(told(Outcome::Refused(RefusalReason::LastMember))).await?;
                return Err(AccountLinkError::LastMember { mailboxes });
            }
            Err(ResetError::Fault(error)) => return Err(error.into()),
        }
        match self.store.commit(unit).await.map_err(AppError::from) {
            // Pressed twice: the other press won, and this link is used up.
            Err(error) if error.is_conflict() => Err(AccountLinkError::NotGood),
            Err(error) => Err(error.into()),
            Ok(_) => Ok(link.purpose),
        }
    }

    /// Deletes all links of an account.
    pub(in crate::app) async fn use_account_links_up(
        &self,
        unit: &mut UnitOfWork,
        account: AccountId,
    ) -> Result<(), AppError> {
        let links: Vec<(AccountLink, u64)> =
            self.read_list(&List::AccountLinksOf(account), LINKS_MAX).await?;
        for (link, version) in links {
            unit.expect_unchanged(Key::AccountLink(link.token), version);
            unit.delete(Key::AccountLink(link.token));
        }
        Ok(())
    }

    async fn good_account_link(
        &self,
        token: &Token,
        visitor: Visitor,
    ) -> Result<(AccountLink, Account, u64), AccountLinkError> {
        let now = self.believed_now()?;
        let found: Option<(AccountLink, u64)> = self.read(&Key::AccountLink(token.hash())).await?;
        let account: Option<(Account, u64)> = match found.as_ref().and_then(|(link, _)| link.account) {
            Some(account) => self.read(&Key::Account(account)).await?,
            None => None,
        };
        match (found, account) {
            (Some((link, _)), Some((account, version)))
                if link.is_live(now) && account.may_choose_password() =>
            {
                Ok((link, account, version))
            }
            (found, account) => {
                let (actor, object) = account.map_or((Actor::Anonymous, Object::None), |(account, _)| {
                    (Actor::Person(account.person), Object::Account(account.id))
                });
                let reason = found.map_or(RefusalReason::ProofWrong, |_| RefusalReason::ProofExpired);
                let outcome = Outcome::Refused(reason);
                self.log_alone(event(now, actor, Action::AccountLinkAsked, object, outcome, visitor.web()))
                    .await?;
                Err(AccountLinkError::NotGood)
            }
        }
    }
}

fn letter(purpose: LinkPurpose, name: &str, token: &Token, until: Timestamp) -> Letter {
    Letter::Account(AccountLetter {
        topic: match purpose {
            LinkPurpose::Activation => AccountTopic::Activation,
            LinkPurpose::Reset => AccountTopic::Reset,
        },
        name: name.to_owned(),
        structure: None,
        who: None,
        path: SecretText::new(format!("{PATH}/{}", token.expose())),
        until: Some(until),
    })
}
