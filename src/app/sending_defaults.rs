//! Sets and reads what is chosen beforehand for what members send (T9, V2, V4): a member's own choice comes first, then the
//! mailbox's, then the policy's. Whoever sends may choose otherwise each time.

use thiserror::Error;

use super::ports::{Key, UnitOfWork};
use super::{App, AppError, OpenError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::mailbox::Mailbox;
use crate::retention::ValidityPolicy;
use crate::transfer::{DefaultsOf, SendingDefaults, TellDownloads};
use crate::value::{AccountId, Slug};

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
    /// The person may not, or a fault.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// A validity that the rules do not allow (V2).
    #[error("a validity of {days} days")]
    Validity {
        /// What was asked for.
        days: u8,
    },
}

impl From<AppError> for DefaultsError {
    fn from(error: AppError) -> Self {
        Self::Open(error.into())
    }
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
        let chosen = || own.iter().chain(&mailbox_s);
        let days = chosen().find_map(|chosen| chosen.days).or(mailbox.validity_days);
        Ok(UsualSending {
            days: days.unwrap_or_else(|| self.policies.load().validity.member_days()),
            tell: chosen().find_map(|chosen| chosen.tell).unwrap_or_default(),
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
        let (action, object) = (Action::AccountChanged, Object::Account(account));
        let defaults = SendingDefaults { of: DefaultsOf::Account(account), days, tell };
        self.set_defaults(signed, defaults, action, object, visitor).await
    }

    /// The defaults of a mailbox that the person is a member of.
    pub async fn mailbox_defaults(
        &self,
        signed: &Signed,
        mailbox: &Slug,
        visitor: Visitor,
    ) -> Result<(Mailbox, Option<SendingDefaults>), OpenError> {
        let mailbox = self.mailbox_to_read(signed, mailbox, visitor).await?;
        let defaults = self.sending_defaults(DefaultsOf::Mailbox(mailbox.id)).await?;
        Ok((mailbox, defaults))
    }

    /// Sets the defaults of a mailbox; any member may.
    pub async fn set_mailbox_defaults(
        &self,
        signed: &Signed,
        mailbox: &Slug,
        days: Option<u8>,
        tell: Option<TellDownloads>,
        visitor: Visitor,
    ) -> Result<(), DefaultsError> {
        let mailbox = self.mailbox_to_read(signed, mailbox, visitor).await?.id;
        let (action, object) = (Action::MailboxChanged, Object::Mailbox(mailbox));
        let defaults = SendingDefaults { of: DefaultsOf::Mailbox(mailbox), days, tell };
        self.set_defaults(signed, defaults, action, object, visitor).await
    }

    async fn set_defaults(
        &self,
        signed: &Signed,
        defaults: SendingDefaults,
        action: Action,
        object: Object,
        visitor: Visitor,
    ) -> Result<(), DefaultsError> {
        let now = self.believed_now()?;
        let told = |outcome| {
            event(now, Actor::Person(signed.account.person), action, object, outcome, visitor.web())
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
