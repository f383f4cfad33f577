//! Sets and reads what is chosen beforehand for what members send (T9, V2, V4): a member's own choice comes first, then the
//! mailbox's, which its manager sets (`mailbox_settings.rs`), then the policy's. Whoever sends may choose otherwise each time.

use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::mailbox::Mailbox;
use crate::retention::ValidityPolicy;
use crate::transfer::{DefaultsOf, SendingDefaults, TellDownloads};
use crate::value::AccountId;

/// What is chosen for a transfer before its sender chooses.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct UsualSending {
    /// The validity in days.
    pub days: u8,
    /// Of which downloads the sender is told.
    pub tell: TellDownloads,
}

/// Why defaults are not set.
#[derive(Debug, Error)]
pub enum DefaultsError {
    /// A validity that the rules do not allow (V2).
    #[error("a validity of {days} days")]
    Validity {
        /// What was asked for.
        days: u8,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// What is chosen for what this account sends from this mailbox.
    pub async fn usual_sending(
        &self,
        account: AccountId,
        mailbox: &Mailbox,
    ) -> Result<UsualSending, AppError> {
        let own = self.sending_defaults(DefaultsOf::Account(account)).await?;
        let mailbox_s = self.sending_defaults(DefaultsOf::Mailbox(mailbox.id)).await?;
        let days = own.as_ref().and_then(|own| own.days).or(mailbox.validity_days);
        let tell = own.and_then(|own| own.tell).or(mailbox_s.and_then(|mailbox_s| mailbox_s.tell));
        Ok(UsualSending {
            days: days.unwrap_or_else(|| self.policies.load().validity.member_days()),
            tell: tell.unwrap_or_default(),
        })
    }

    /// What somebody chose beforehand, as it stands.
    pub async fn sending_defaults(&self, of: DefaultsOf) -> Result<Option<SendingDefaults>, AppError> {
        Ok(self.read(&Key::SendingDefaults(of)).await?.map(|(defaults, _)| defaults))
    }

    /// Sets a member's own defaults.
    pub async fn set_own_defaults(
        &self,
        signed: &Signed,
        days: Option<u8>,
        tell: Option<TellDownloads>,
        visitor: Visitor,
    ) -> Result<(), DefaultsError> {
        let account = signed.account.id;
        let defaults = SendingDefaults { of: DefaultsOf::Account(account), days, tell };
        let now = self.believed_now()?;
        let told = |outcome| {
            let (actor, object) = (Actor::Person(signed.account.person), Object::Account(account));
            event(now, actor, Action::AccountChanged, object, outcome, visitor.web())
        };
        if let Some(days) = defaults.days.filter(|days| ValidityPolicy::chosen(*days, now).is_none()) {
            self.log_alone(told(Outcome::Refused(RefusalReason::ValidityTooLong))).await?;
            return Err(DefaultsError::Validity { days });
        }
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told(Outcome::Done))?;
        unit.put(defaults);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }
}
