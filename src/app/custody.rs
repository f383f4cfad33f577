//! Who can open a mailbox, and whether its key is the one that the log knows (DESIGN: "Mailbox key"). Every grant is
//! sealed to a key that was checked here, and every opening goes through here; changes of custody are `members.rs` and
//! `rotate.rs`.

use std::sync::PoisonError;

use super::open_transfer::OpenError;
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, Signed, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome, Selection};
use crate::identity::{Account, PersonalKey};
use crate::mailbox::{Custody, KeyRotation, Mailbox, MailboxKey, MemberWrap};
use crate::transfer::Transfer;
use crate::value::{Digest, MailboxId, Timestamp, Token};
use crate::vault::{Grant, Identity, Recipient, VaultError, wrap_identity};

/// How many members a mailbox may have.
pub(super) const MEMBERS_MAX: usize = 1000;

/// What the log tells a mailbox's key by.
pub(super) const MAILBOX_KEY_ACTIONS: [Action; 3] =
    [Action::MailboxKeyMade, Action::MailboxKeyRotated, Action::MailboxKeyAttested];
/// What it tells a person's key by.
pub(super) const PERSONAL_KEY_ACTIONS: [Action; 2] = [Action::PersonalKeyMade, Action::PersonalKeyAttested];

/// What the log has of a key: the digest of its recipient, never the recipient.
pub(super) fn recipient_digest(recipient: &Recipient) -> Digest {
    Digest::of(recipient.to_string().as_bytes())
}

/// Wraps a mailbox's identity for a member whose personal key was checked.
pub(super) fn member_wrap_for(
    mailbox: &Mailbox,
    identity: &Identity,
    key: &PersonalKey,
) -> Result<MemberWrap, AppError> {
    let (account, generation) = (key.account, mailbox.key.generation);
    let wrap = wrap_identity(&key.recipient, identity)?;
    Ok(MemberWrap { mailbox: mailbox.id, account, generation, wrap })
}

impl App {
    /// The mailbox as it is now, with its version, its recipient checked against the log.
    pub(super) async fn checked_mailbox(&self, id: MailboxId) -> Result<(Mailbox, u64), AppError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
        let (mailbox, version) = found.ok_or(AppError::Broken("no such mailbox"))?;
        self.check_mailbox_key(&mailbox).await?;
        Ok((mailbox, version))
    }

    /// Refuses a mailbox whose recipient is not the one that the log has: whoever wrote it there would read all that
    /// comes. The officer is told.
    pub(super) async fn check_mailbox_key(&self, mailbox: &Mailbox) -> Result<(), AppError> {
        let digest = Some(recipient_digest(&mailbox.key.recipient));
        if self.logged_mailbox_key(mailbox.id).await? == digest {
            return Ok(());
        }
        // A rotation may have been committed between the reading of the one and of the other.
        self.forget_logged_key(mailbox.id);
        let now: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox.id)).await?;
        if now.is_none_or(|(now, _)| now.key.recipient != mailbox.key.recipient) {
            return Err(AppError::Contended);
        }
        if self.logged_mailbox_key(mailbox.id).await? == digest {
            return Ok(());
        }
        let outcome = Outcome::Failed(FailureReason::SealDamaged);
        let (action, object) = (Action::AlertRaised, Object::Mailbox(mailbox.id));
        self.log_alone(event(self.now().at, Actor::System, action, object, outcome, Origin::Job)).await?;
        Err(VaultError::Swapped.into())
    }

    /// The digest of a mailbox's recipient as the log has it. What was read once is remembered: one process writes the
    /// store, and each change passes [`App::forget_logged_key`].
    async fn logged_mailbox_key(&self, mailbox: MailboxId) -> Result<Option<Digest>, AppError> {
        let known = self.logged_keys.lock().unwrap_or_else(PoisonError::into_inner).get(&mailbox).copied();
        if known.is_some() {
            return Ok(known);
        }
        let of_mailbox = Selection { mailbox: Some(mailbox), ..Selection::default() };
        let newest = self.newest_logged_key(&of_mailbox, &MAILBOX_KEY_ACTIONS).await?;
        if let Some((_, digest)) = newest {
            self.logged_keys.lock().unwrap_or_else(PoisonError::into_inner).insert(mailbox, digest);
        }
        Ok(newest.map(|(_, digest)| digest))
    }

    /// When the log last said which key somebody has, by one of these actions, and its digest.
    pub(super) async fn newest_logged_key(
        &self,
        of: &Selection,
        actions: &[Action],
    ) -> Result<Option<(Timestamp, Digest)>, AppError> {
        let mut newest: Option<(u64, Timestamp, Digest)> = None;
        // One action at a time: key events are rare, and found by their action at once.
        for action in actions {
            let told = Selection { actions: vec![*action], ..of.clone() };
            for (place, entry) in self.store.entries(&told, 1).await? {
                let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
                if let Some(Detail::Recipient(digest)) = event.detail {
                    newest = newest.max(Some((place, event.at, digest)));
                }
            }
        }
        Ok(newest.map(|(_, at, digest)| (at, digest)))
    }

    /// The log has, or may have, a new key of the mailbox.
    pub(super) fn forget_logged_key(&self, mailbox: MailboxId) {
        self.logged_keys.lock().unwrap_or_else(PoisonError::into_inner).remove(&mailbox);
    }

    /// The personal key of an account, its recipient checked against the log; none when it has none.
    pub(super) async fn checked_personal_key(
        &self,
        account: &Account,
    ) -> Result<Option<(PersonalKey, u64)>, AppError> {
        let found: Option<(PersonalKey, u64)> = self.read(&Key::PersonalKey(account.id)).await?;
        let Some((key, version)) = found else { return Ok(None) };
        let of_person = Selection { person: Some(account.person), ..Selection::default() };
        let logged = self.newest_logged_key(&of_person, &PERSONAL_KEY_ACTIONS).await?;
        if logged.map(|(_, digest)| digest) == Some(recipient_digest(&key.recipient)) {
            return Ok(Some((key, version)));
        }
        let outcome = Outcome::Failed(FailureReason::SealDamaged);
        let (action, object) = (Action::AlertRaised, Object::Account(account.id));
        self.log_alone(event(self.now().at, Actor::System, action, object, outcome, Origin::Job)).await?;
        Err(VaultError::Swapped.into())
    }

    /// The mailbox's identity, for a person who may open it now.
    pub(super) async fn mailbox_identity(
        &self,
        signed: &Signed,
        mailbox: &Mailbox,
    ) -> Result<Identity, OpenError> {
        self.check_mailbox_key(mailbox).await?;
        match mailbox.key.custody {
            Custody::Gateway => Ok(self.gateway_identity(&mailbox.key).await?),
            Custody::Members => self.member_identity(&signed.account, &signed.cookie, mailbox).await,
        }
    }

    /// The mailbox's identity, by the gateway's key file.
    pub(super) async fn gateway_identity(&self, key: &MailboxKey) -> Result<Identity, AppError> {
        let wrap = key.for_gateway.as_ref().ok_or(VaultError::Swapped)?;
        Ok(key.unwrap_from(wrap, &self.with_keyring(|keyring| keyring.gateway()).await?)?)
    }

    /// The mailbox's identity, by the member's wrap and the key that the session of this cookie has open.
    pub(super) async fn member_identity(
        &self,
        account: &Account,
        cookie: &Token,
        mailbox: &Mailbox,
    ) -> Result<Identity, OpenError> {
        let Some(wrap) = self.member_wrap(mailbox, account).await? else {
            return Err(OpenError::NotAdmitted);
        };
        let personal = self.unlocked.open(cookie, self.believed_now()?).map_err(AppError::from)?;
        let personal = personal.ok_or(OpenError::Locked)?;
        Ok(mailbox.key.unwrap_from(&wrap.wrap, &personal).map_err(AppError::from)?)
    }

    /// The wrap by which an account opens a mailbox's present key; none when no member admitted it.
    pub(super) async fn member_wrap(
        &self,
        mailbox: &Mailbox,
        account: &Account,
    ) -> Result<Option<MemberWrap>, AppError> {
        let found: Option<(MemberWrap, u64)> = self.read(&Key::MemberWrap((mailbox.id, account.id))).await?;
        Ok(found.map(|(wrap, _)| wrap).filter(|wrap| wrap.generation == mailbox.key.generation))
    }

    /// The accounts that open a mailbox's present key, and are entitled to it still.
    pub(super) async fn admitted(&self, mailbox: &Mailbox) -> Result<Vec<Account>, AppError> {
        let wraps: Vec<(MemberWrap, u64)> =
            self.read_list(&List::MemberWrapsOf(mailbox.id), MEMBERS_MAX).await?;
        let mut admitted = Vec::with_capacity(wraps.len());
        for (wrap, _) in wraps.into_iter().filter(|(wrap, _)| wrap.generation == mailbox.key.generation) {
            let account: Option<(Account, u64)> = self.read(&Key::Account(wrap.account)).await?;
            admitted.extend(account.map(|(account, _)| account).filter(|account| account.reads(mailbox.id)));
        }
        Ok(admitted)
    }

    /// The mailbox that a person reads a transfer from: of those that hold it and that the person may read, the first
    /// that is open to the person; none when the person may read none of them.
    pub(super) async fn holder_for(
        &self,
        signed: &Signed,
        transfer: &Transfer,
    ) -> Result<Option<Mailbox>, AppError> {
        let mut entitled = None;
        for holder in transfer.holders().filter(|holder| signed.account.reads(*holder)) {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(holder)).await?;
            let (mailbox, _) = found.ok_or(AppError::Broken("transfer without mailbox"))?;
            let is_open = mailbox.key.custody == Custody::Gateway
                || self.member_wrap(&mailbox, &signed.account).await?.is_some();
            if is_open {
                return Ok(Some(mailbox));
            }
            entitled.get_or_insert(mailbox);
        }
        Ok(entitled)
    }

    /// Opens a grant with the day's key and the mailbox's identity: the present one, or the one before while a rotation
    /// is moving grants.
    pub(super) async fn open_grant(
        &self,
        grant: &Grant,
        mailbox: &Mailbox,
        identity: &Identity,
        day: &Identity,
    ) -> Result<Identity, AppError> {
        if grant.terms.generation == mailbox.key.generation {
            return Ok(grant.open(day, identity)?);
        }
        let rotation: Option<(KeyRotation, u64)> = self.read(&Key::KeyRotation(mailbox.id)).await?;
        let (rotation, _) = rotation.ok_or(VaultError::Swapped)?;
        Ok(grant.open(day, &rotation.previous(identity)?)?)
    }

    /// Logs which key a mailbox has from this unit on.
    pub(super) fn log_mailbox_key(
        &self,
        unit: &mut UnitOfWork,
        mailbox: &Mailbox,
        told: (Actor, Action, Outcome, Origin),
    ) -> Result<(), AppError> {
        let (actor, action, outcome, origin) = told;
        let object = Object::Mailbox(mailbox.id);
        let told = event(self.now().at, actor, action, object, outcome, origin);
        self.log(unit, told.with(Detail::Recipient(recipient_digest(&mailbox.key.recipient))))
    }

    /// Logs which key a person has from this unit on.
    pub(super) fn log_personal_key(
        &self,
        unit: &mut UnitOfWork,
        account: &Account,
        key: &PersonalKey,
        (actor, origin): (Actor, Origin),
    ) -> Result<(), AppError> {
        let object = Object::Person(account.person);
        let told = event(self.now().at, actor, Action::PersonalKeyMade, object, Outcome::Done, origin);
        self.log(unit, told.with(Detail::Recipient(recipient_digest(&key.recipient))))
    }
}
