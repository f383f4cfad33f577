//! What a person does with the own account: looks at the sessions that are open, ends them, and is told whether a new
//! password is good enough. Changing it is `personal_keys.rs`.

use std::net::IpAddr;

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::identity::{Account, Password, Session, SignInWay};
use crate::mailbox::Mailbox;
use crate::policy::password::WeakPassword;
use crate::value::{Language, MailAddress, SessionId, Timestamp};

/// How many open sessions of an account are listed.
const LISTED_MAX: usize = 200;
/// How many mailboxes' names no password is made of.
const NAMES_MAX: usize = 1000;

/// An open session, as its person sees it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct OwnSession {
    /// What a form names it by.
    pub id: SessionId,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used, to the minute.
    pub used_at: Timestamp,
    /// The network address that it began from, where it was noted.
    pub from: Option<IpAddr>,
    /// How the person signed in.
    pub way: SignInWay,
    /// The one that asks.
    pub is_this: bool,
}

/// Which of the own sessions are to end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum EndedSessions {
    /// One.
    One(SessionId),
    /// All but the one that asks.
    Others,
}

/// The longest name of a person.
pub const NAME_MAX_CHARS: usize = 100;

/// A name as it may stand on pages and in mails: none when it is empty, too long or holds control characters.
pub fn parse_name(typed: &str) -> Option<String> {
    let name = typed.trim();
    let fits = (1..=NAME_MAX_CHARS).contains(&name.chars().count()) && !name.contains(char::is_control);
    fits.then(|| name.to_owned())
}

impl App {
    /// The person corrects the own name and language (S5). The name of somebody of a structure is changed by others alone (P6):
    /// false when it was asked for, and nothing is changed.
    pub async fn rectify(
        &self,
        signed: &Signed,
        name: Option<String>,
        language: Language,
        visitor: Visitor,
    ) -> Result<bool, AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(signed.account.id)).await?;
        let (mut account, version) = found.ok_or(AppError::Broken("no such account"))?;
        let (actor, object) = (Actor::Person(account.person), Object::Account(account.id));
        let told =
            |outcome| event(self.now().at, actor, Action::AccountChanged, object, outcome, visitor.web());
        let name = name.filter(|name| *name != account.name);
        if name.is_some() && account.role.is_of_structure() {
            self.log_alone(told(Outcome::Refused(RefusalReason::NotEntitled))).await?;
            return Ok(false);
        }
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(Outcome::Done))?;
        unit.expect_unchanged(Key::Account(account.id), version);
        account.name = name.unwrap_or(account.name);
        account.language = language;
        unit.put(account);
        self.store.commit(unit).await?;
        Ok(true)
    }

    /// The open sessions of the person, the one used last first.
    pub async fn own_sessions(&self, signed: &Signed) -> Result<Vec<OwnSession>, AppError> {
        let now = self.now().at;
        let mut open: Vec<OwnSession> = self
            .sessions_of(signed)
            .await?
            .into_iter()
            .filter(|session| session.is_live(now) && session.awaits_code.is_none())
            .map(|session| OwnSession {
                id: session.id,
                began_at: session.began_at,
                used_at: session.used_at,
                from: session.from,
                way: session.way,
                is_this: session.id == signed.session.id,
            })
            .collect();
        open.sort_by_key(|session| std::cmp::Reverse((session.is_this, session.used_at)));
        Ok(open)
    }

    /// Ends own sessions at once, each with an event, and forgets the keys that they had open. Returns how many: one that
    /// is gone already, or somebody else's, ends nothing.
    pub async fn end_own_sessions(
        &self,
        signed: &Signed,
        which: EndedSessions,
        visitor: Visitor,
    ) -> Result<usize, AppError> {
        let mut unit = UnitOfWork::default();
        let (actor, object) = (Actor::Person(signed.account.person), Object::Account(signed.account.id));
        let mut ended = 0;
        for session in self.sessions_of(signed).await? {
            let chosen = match which {
                EndedSessions::One(id) => session.id == id,
                EndedSessions::Others => session.id != signed.session.id,
            };
            if chosen {
                self.unlocked.forget(session.token);
                unit.delete(Key::Session(session.token));
                let now = self.now().at;
                let told = event(now, actor, Action::SessionEnded, object, Outcome::Done, visitor.web());
                self.log(&mut unit, told)?;
                ended += 1;
            }
        }
        if ended > 0 {
            self.store.commit(unit).await?;
        }
        Ok(ended)
    }

    /// Whether a password is hard enough to guess, also for whoever knows its owner by name and address, and the
    /// organisations of this gateway.
    pub async fn judge_password(
        &self,
        password: &Password,
        name: &str,
        address: &MailAddress,
    ) -> Result<Result<(), WeakPassword>, AppError> {
        let mut words = vec![name.to_owned(), address.to_string()];
        words.extend(self.organisations().await?.into_iter().map(|organisation| organisation.name));
        let mailboxes: Vec<(Mailbox, u64)> = self.read_list(&List::Mailboxes, NAMES_MAX).await?;
        words.extend(mailboxes.into_iter().map(|(mailbox, _)| mailbox.name));
        words.push(self.settings.base_url.clone());
        words.push(self.settings.mail_from_name.clone());
        let policies = self.policies.load();
        Ok(password.judge(&words, &|word| policies.titles.lists(word)))
    }

    async fn sessions_of(&self, signed: &Signed) -> Result<Vec<Session>, AppError> {
        let found: Vec<(Session, u64)> =
            self.read_list(&List::SessionsOf(signed.account.id), LISTED_MAX).await?;
        Ok(found.into_iter().map(|(session, _)| session).collect())
    }
}
