//! Says again in the log which key a mailbox or a person has, before the entry that said it is pruned: each use of a key
//! is checked against the log (`custody.rs`), and must find it there. What is said again is what the log has, never what
//! the store has: a key that was swapped stays found out.

use super::custody::{MAILBOX_KEY_ACTIONS, PERSONAL_KEY_ACTIONS};
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome, Selection};
use crate::identity::{Account, PersonalKey};
use crate::mailbox::Mailbox;
use crate::value::{Digest, Millis, Timestamp};

/// How many mailboxes, and accounts, are looked through.
const KEYS_MAX: usize = 10_000;

impl App {
    /// Restates the keys whose newest entry is older than half of what the log keeps.
    pub(super) async fn attest_keys(&self, horizon: Timestamp, now: Timestamp) -> Result<(), AppError> {
        let due = horizon + Millis(horizon.until(now).0 / 2);
        let mailboxes: Vec<(Mailbox, u64)> = self.read_list(&List::Mailboxes, KEYS_MAX).await?;
        for (mailbox, version) in mailboxes {
            let of = Selection { mailbox: Some(mailbox.id), ..Selection::default() };
            let logged = self.newest_logged_key(&of, &MAILBOX_KEY_ACTIONS).await?;
            let restated = (Action::MailboxKeyAttested, Object::Mailbox(mailbox.id));
            self.attest(logged, due, restated, (Key::Mailbox(mailbox.id), version)).await?;
        }
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, KEYS_MAX).await?;
        for (account, _) in accounts {
            let key: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
            let Some((_, version)) = key else { continue };
            let of = Selection { person: Some(account.person), ..Selection::default() };
            let logged = self.newest_logged_key(&of, &PERSONAL_KEY_ACTIONS).await?;
            let restated = (Action::PersonalKeyAttested, Object::Person(account.person));
            self.attest(logged, due, restated, (Key::PersonalKey(account.id), version)).await?;
        }
        Ok(())
    }

    /// Restates one key, unless its record was changed since: then the log has a newer one.
    async fn attest(
        &self,
        logged: Option<(Timestamp, Digest)>,
        due: Timestamp,
        (action, object): (Action, Object),
        (key, version): (Key, u64),
    ) -> Result<(), AppError> {
        let Some((_, digest)) = logged.filter(|(at, _)| *at < due) else { return Ok(()) };
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(key, version);
        let told = event(self.now().at, Actor::System, action, object, Outcome::Done, Origin::Job);
        self.log(&mut unit, told.with(Detail::Recipient(digest)))?;
        match self.store.commit(unit).await.map_err(AppError::from) {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }
}
