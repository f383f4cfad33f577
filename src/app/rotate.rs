//! Gives a mailbox a new key and moves its live grants to it. One commit puts the new key in force for all that comes;
//! then the grants follow in bounded batches, by a session that opens the new key. What a crash leaves between is gone on
//! with by the next member who signs in, and reads well meanwhile: the key before is wrapped to the new one.

use super::custody::{MEMBERS_MAX, member_wrap_for};
use super::ports::{Key, KeyringError, List, UnitOfWork};
use super::{App, AppError, CONFLICT_TRIES, OpenError, event};
use crate::audit::{Action, Actor, FailureReason, Object, Origin, Outcome};
use crate::identity::Account;
use crate::mailbox::{Custody, FormerKey, KeyRotation, Mailbox, MemberWrap};
use crate::retention::KeyName;
use crate::transfer::Transfer;
use crate::value::{MailboxId, Timestamp, Token};
use crate::vault::{Grant, Identity, wrap_identity};

/// How many rotations of custody `gateway` one run goes on with.
const ROTATIONS_AT_ONCE: usize = 20;

/// What the next key of a mailbox is to be.
pub(super) struct NextKey<'a> {
    /// In whose custody.
    pub custody: Custody,
    /// Who opens it, in custody `members`.
    pub members: &'a [Account],
    /// Who makes it.
    pub actor: Actor,
    /// From where.
    pub origin: Origin,
}

impl App {
    /// Puts the next key of a mailbox into a unit, with its wraps and the intention to move the grants. The caller
    /// commits and then calls [`App::move_grants`] with the identity that this returns.
    pub(super) async fn rotate(
        &self,
        unit: &mut UnitOfWork,
        (mut mailbox, version): (Mailbox, u64),
        previous: &Identity,
        next: NextKey<'_>,
    ) -> Result<(Mailbox, Identity), AppError> {
        let identity = Identity::generate();
        let generation = mailbox.key.generation.saturating_add(1);
        let recovery = self.settings.recovery.as_ref();
        let for_recovery = recovery.map(|to| wrap_identity(to, previous)).transpose()?;
        let rotation = KeyRotation {
            mailbox: mailbox.id,
            generation,
            previous_recipient: mailbox.key.recipient,
            previous: wrap_identity(&identity.recipient(), previous)?,
            previous_for_recovery: for_recovery
                .map(|for_recovery| FormerKey { generation: mailbox.key.generation, for_recovery }),
            begun_at: self.now().at,
        };
        let former = std::mem::take(&mut mailbox.key.former_for_recovery);
        mailbox.key = self.mailbox_key(&identity, generation, next.custody)?;
        mailbox.key.former_for_recovery = former;
        unit.expect_unchanged(Key::Mailbox(mailbox.id), version);
        unit.expect_absent(Key::KeyRotation(mailbox.id));
        let wraps: Vec<(MemberWrap, u64)> =
            self.read_list(&List::MemberWrapsOf(mailbox.id), MEMBERS_MAX).await?;
        for (wrap, _) in wraps {
            unit.delete(Key::MemberWrap((wrap.mailbox, wrap.account)));
        }
        if next.custody == Custody::Members {
            for member in next.members {
                if let Some((key, version)) = self.checked_personal_key(member).await? {
                    unit.expect_unchanged(Key::PersonalKey(member.id), version);
                    unit.put(member_wrap_for(&mailbox, &identity, &key)?);
                }
            }
        }
        let told = (next.actor, Action::MailboxKeyRotated, Outcome::Intended, next.origin);
        self.log_mailbox_key(unit, &mailbox, told)?;
        unit.put(rotation);
        unit.put(mailbox.clone());
        self.forget_logged_key(mailbox.id);
        Ok((mailbox, identity))
    }

    /// Moves the live grants of a mailbox to its present key, and ends the rotation. Done again, it goes on where it
    /// was left; without a rotation under way it does nothing.
    pub(super) async fn move_grants(
        &self,
        mailbox: &Mailbox,
        identity: &Identity,
        actor: Actor,
        origin: Origin,
    ) -> Result<(), AppError> {
        let found: Option<(KeyRotation, u64)> = self.read(&Key::KeyRotation(mailbox.id)).await?;
        let Some((rotation, version)) = found else { return Ok(()) };
        let previous = rotation.previous(identity)?;
        let now = self.believed_now()?;
        let mut before = None;
        loop {
            let (page, older) = self.transfers_before(mailbox.id, before).await?;
            for transfer in page.iter().filter(|transfer| transfer.is_live(now)) {
                self.move_grant(transfer, mailbox, &previous).await?;
            }
            let Some(older) = older else { break };
            before = Some(older);
        }
        let mut unit = UnitOfWork::default();
        unit.expect_unchanged(Key::KeyRotation(mailbox.id), version);
        unit.delete(Key::KeyRotation(mailbox.id));
        self.log_mailbox_key(&mut unit, mailbox, (actor, Action::MailboxKeyRotated, Outcome::Done, origin))?;
        match self.store.commit(unit).await.map_err(AppError::from) {
            // Another member's session ended it first.
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }

    /// Moves one grant; one that ended meanwhile, or was moved already, is left as it is.
    async fn move_grant(
        &self,
        transfer: &Transfer,
        mailbox: &Mailbox,
        previous: &Identity,
    ) -> Result<(), AppError> {
        for _ in 0..CONFLICT_TRIES {
            let key = Key::Grant((transfer.id, mailbox.id));
            let found: Option<(Grant, u64)> = self.read(&key).await?;
            let Some((grant, version)) = found else { return Ok(()) };
            if grant.terms.generation == mailbox.key.generation {
                return Ok(());
            }
            let day = match self.day_identity(KeyName::ExpiryDay(grant.terms.day)).await {
                Err(AppError::Keyring(KeyringError::NoKey(_))) => return Ok(()),
                day => day?,
            };
            let Ok(opened) = grant.open(&day, previous) else {
                return self.tell_of_damage(transfer, mailbox.id).await;
            };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(key, version);
            unit.put(self.grant(transfer, &opened, mailbox)?);
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                outcome => return outcome.map(|_| ()),
            }
        }
        Err(AppError::Contended)
    }

    /// A grant that does not open stops nobody else's: it stays behind, and the officer is told.
    async fn tell_of_damage(&self, transfer: &Transfer, mailbox: MailboxId) -> Result<(), AppError> {
        let object = Object::Transfer { transfer: transfer.id, mailbox };
        let outcome = Outcome::Failed(FailureReason::SealDamaged);
        let alert = event(self.now().at, Actor::System, Action::AlertRaised, object, outcome, Origin::Job);
        self.log_alone(alert).await
    }

    /// Goes on with what waits for a member's open session: rotations that were left over, and those that a cut-off
    /// account made due. What fails is tried again at the next sign-in.
    pub(super) async fn settle_rotations(&self, account: &Account, cookie: &Token) {
        for id in account.mailboxes.iter().filter(|id| account.reads(**id)) {
            match self.settle_rotation(*id, account, cookie).await {
                Ok(()) | Err(OpenError::NotAdmitted | OpenError::Locked) => {}
                Err(error) => tracing::warn!(%error, "mailbox.rotation_waits"),
            }
        }
    }

    async fn settle_rotation(
        &self,
        id: MailboxId,
        account: &Account,
        cookie: &Token,
    ) -> Result<(), OpenError> {
        let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(id)).await?;
        let Some((mailbox, version)) = found else { return Ok(()) };
        if mailbox.key.custody != Custody::Members {
            return Ok(());
        }
        let rotating: Option<(KeyRotation, u64)> = self.read(&Key::KeyRotation(id)).await?;
        if rotating.is_none() && !mailbox.key.rotation_due {
            return Ok(());
        }
        self.check_mailbox_key(&mailbox).await?;
        let identity = self.member_identity(account, cookie, &mailbox).await?;
        let (actor, origin) = (Actor::Person(account.person), Origin::Job);
        self.move_grants(&mailbox, &identity, actor, origin).await?;
        if mailbox.key.rotation_due {
            let members = self.admitted(&mailbox).await?;
            let mut unit = UnitOfWork::default();
            let next = NextKey { custody: Custody::Members, members: &members, actor, origin };
            let (mailbox, identity) = self.rotate(&mut unit, (mailbox, version), &identity, next).await?;
            self.store.commit(unit).await.map_err(AppError::from)?;
            self.forget_logged_key(id);
            self.move_grants(&mailbox, &identity, actor, origin).await?;
        }
        Ok(())
    }

    /// Goes on with rotations into custody `gateway`, which wait for nobody.
    pub(super) async fn settle_gateway_rotations(&self) -> Result<(), AppError> {
        let rotations: Vec<(KeyRotation, u64)> =
            self.read_list(&List::KeyRotations, ROTATIONS_AT_ONCE).await?;
        for (rotation, _) in rotations {
            let (mailbox, _) = self.checked_mailbox(rotation.mailbox).await?;
            if mailbox.key.custody == Custody::Gateway {
                let identity = self.gateway_identity(&mailbox.key).await?;
                self.move_grants(&mailbox, &identity, Actor::System, Origin::Job).await?;
            }
        }
        Ok(())
    }

    /// How long ago a rotation of this mailbox began that still moves grants; for its page.
    pub(super) async fn rotation_since(&self, mailbox: MailboxId) -> Result<Option<Timestamp>, AppError> {
        let found: Option<(KeyRotation, u64)> = self.read(&Key::KeyRotation(mailbox)).await?;
        Ok(found.map(|(rotation, _)| rotation.begun_at))
    }
}
