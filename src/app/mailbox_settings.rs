//! What the manager of a mailbox sets: what is chosen beforehand for what its members send (V2, V4), who is told when a notice does not arrive,
//! who is entitled to it, who else manages it. Opening it to a new member stays with those who can open it (`members.rs`).

use thiserror::Error;

use super::administer::right_of;
use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, By, CONFLICT_TRIES, SecondAddressError, Signed, Visitor, event};
use crate::audit::{Action, Object, Outcome, RefusalReason};
use crate::identity::{Account, Agreement, Partner, Place, Role};
use crate::mailbox::Mailbox;
use crate::policy::rights::Act;
use crate::retention::ValidityPolicy;
use crate::transfer::{DefaultsOf, SendingDefaults, TellDownloads};
use crate::value::{AccountId, MailAddress, MailboxId, Slug};

/// How many agreements and accounts are looked through.
const LISTED_MAX: usize = 10_000;

/// Why a setting is not changed.
#[derive(Debug, Error)]
pub enum SettingsError {
    /// The person is not the manager of this mailbox.
    #[error("the person does not manage this mailbox")]
    NotEntitled,
    /// There is no such mailbox, or no active agent of this address in its organisation.
    #[error("there is no such mailbox, or no such agent")]
    NotFound,
    /// So many days cannot be chosen.
    #[error("{days} days cannot be chosen")]
    Validity {
        /// How many were asked for.
        days: u8,
    },
    /// The address cannot be the second one.
    #[error(transparent)]
    SecondAddress(#[from] SecondAddressError),
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What is set of a mailbox.
#[derive(Debug, Clone)]
pub struct MailboxSettings {
    /// The mailbox.
    pub mailbox: Mailbox,
    /// For how many days what its members send is valid where nothing else is set.
    pub usual_days: u8,
    /// Of which downloads its senders are told beforehand.
    pub tell: Option<TellDownloads>,
    /// Each partner with its agreement, by name: what is due within how long.
    pub agreements: Vec<(String, Agreement)>,
    /// Its managers: account, name.
    pub managers: Vec<(AccountId, String)>,
    /// Members who do not manage it: account, name.
    pub members: Vec<(AccountId, String)>,
}

/// What is changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum SettingsChange {
    /// What is chosen beforehand for what members send: for how many days it is valid, of which downloads the sender is told;
    /// none is the policy's (V2, V4).
    Sending {
        /// The validity in days.
        days: Option<u8>,
        /// Of which downloads.
        tell: Option<TellDownloads>,
    },
    /// Who is told when a notice does not arrive.
    SecondAddress(Option<MailAddress>),
    /// An agent is entitled to the mailbox.
    Entitle(MailAddress),
    /// A member manages it, or not any more.
    Manager {
        /// Who.
        account: AccountId,
        /// Whether it does.
        manages: bool,
    },
}

impl App {
    /// The settings of a mailbox, for its manager.
    pub async fn mailbox_settings(
        &self,
        signed: &Signed,
        slug: &Slug,
        visitor: Visitor,
    ) -> Result<MailboxSettings, SettingsError> {
        let mailbox = self.managed(By::person(signed, visitor), slug).await?;
        let found: Vec<(Agreement, u64)> =
            self.read_list(&List::AgreementsOf(mailbox.id), LISTED_MAX).await?;
        let mut agreements = Vec::new();
        for (agreement, _) in found {
            let partner: Option<(Partner, u64)> = self.read(&Key::Partner(agreement.partner)).await?;
            agreements.extend(partner.map(|(partner, _)| (partner.name, agreement)));
        }
        agreements.sort_by(|(one, _), (other, _)| one.cmp(other));
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, LISTED_MAX).await?;
        let mut own: Vec<Account> = accounts.into_iter().map(|(account, _)| account).collect();
        own.retain(|account| account.reads(mailbox.id));
        own.sort_by(|one, other| one.name.cmp(&other.name));
        let (managers, members): (Vec<_>, Vec<_>) =
            own.into_iter().partition(|account| account.manages.contains(&mailbox.id));
        let named = |accounts: Vec<Account>| accounts.into_iter().map(|one| (one.id, one.name)).collect();
        Ok(MailboxSettings {
            usual_days: self.policies.load().validity.member_days(),
            tell: self.sending_defaults(DefaultsOf::Mailbox(mailbox.id)).await?.and_then(|set| set.tell),
            agreements,
            managers: named(managers),
            members: named(members),
            mailbox,
        })
    }

    /// Changes a setting of a mailbox, for its manager or the operator.
    pub async fn change_settings(
        &self,
        by: By<'_>,
        slug: &Slug,
        change: SettingsChange,
    ) -> Result<(), SettingsError> {
        let mailbox = self.managed(by, slug).await?;
        match change {
            SettingsChange::Sending { days, tell } => self.set_sending(by, mailbox.id, days, tell).await,
            SettingsChange::SecondAddress(second) => {
                Ok(self.set_second_notice_address_by(mailbox.id, second, by).await?)
            }
            SettingsChange::Entitle(address) => {
                let found: Option<(Account, u64)> = self.read_one(&List::AccountByAddress(address)).await?;
                let fits = |account: &Account| {
                    account.role == Role::Agent
                        && account.unused_since().is_none()
                        && account.organisation == Some(mailbox.organisation)
                };
                let Some(account) = found.map(|(account, _)| account).filter(fits) else {
                    let about = (Action::MemberAdded, Object::Mailbox(mailbox.id));
                    return Err(self.refuse_setting(by, about).await);
                };
                Ok(self.entitle_by(account.id, mailbox.id, by).await?)
            }
            SettingsChange::Manager { account, manages } => {
                self.set_manager(by, mailbox.id, account, manages).await
            }
        }
    }

    /// Logs that there is nobody of whom this could be set.
    async fn refuse_setting(&self, by: By<'_>, (action, object): (Action, Object)) -> SettingsError {
        let outcome = Outcome::Refused(RefusalReason::NotFound);
        let refused = event(self.now().at, by.actor(), action, object, outcome, by.origin);
        self.log_alone(refused).await.map_or_else(SettingsError::from, |()| SettingsError::NotFound)
    }

    async fn managed(&self, by: By<'_>, slug: &Slug) -> Result<Mailbox, SettingsError> {
        let found = self.mailboxes().await?.into_iter().find(|mailbox| &mailbox.slug == slug);
        let mailbox = found.ok_or(SettingsError::NotFound)?;
        let about = (Action::MailboxChanged, Object::Mailbox(mailbox.id));
        match self.permit(by, Act::ManageMailbox, Place::Mailbox(mailbox.id), about).await {
            Err(super::PeopleError::Fault(error)) => Err(error.into()),
            Err(_) => Err(SettingsError::NotEntitled),
            Ok(()) => Ok(mailbox),
        }
    }

    async fn set_sending(
        &self,
        by: By<'_>,
        mailbox: MailboxId,
        days: Option<u8>,
        tell: Option<TellDownloads>,
    ) -> Result<(), SettingsError> {
        let now = self.now().at;
        let told = |outcome| {
            event(now, by.actor(), Action::MailboxChanged, Object::Mailbox(mailbox), outcome, by.origin)
        };
        if let Some(days) = days.filter(|days| ValidityPolicy::chosen(*days, now).is_none()) {
            self.log_alone(told(Outcome::Refused(RefusalReason::ValidityTooLong))).await?;
            return Err(SettingsError::Validity { days });
        }
        for _ in 0..CONFLICT_TRIES {
            let found: Option<(Mailbox, u64)> = self.read(&Key::Mailbox(mailbox)).await?;
            let (mut record, version) = found.ok_or(SettingsError::NotFound)?;
            let mut unit = UnitOfWork::default();
            self.log(&mut unit, told(Outcome::Done))?;
            unit.expect_unchanged(Key::Mailbox(mailbox), version);
            record.validity_days = days;
            unit.put(record);
            // The days stand with the mailbox alone.
            unit.put(SendingDefaults { of: DefaultsOf::Mailbox(mailbox), days: None, tell });
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => return Ok(()),
            }
        }
        Err(AppError::Contended.into())
    }

    async fn set_manager(
        &self,
        by: By<'_>,
        mailbox: MailboxId,
        id: AccountId,
        manages: bool,
    ) -> Result<(), SettingsError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(id)).await?;
        let membership = Object::Membership { account: id, mailbox };
        let Some((mut account, version)) = found.filter(|(account, _)| account.reads(mailbox)) else {
            return Err(self.refuse_setting(by, (Action::RightsChanged, membership)).await);
        };
        if account.manages.contains(&mailbox) == manages {
            return Ok(());
        }
        if manages {
            account.manages.push(mailbox);
        } else {
            account.manages.retain(|managed| *managed != mailbox);
        }
        let mut unit = UnitOfWork::default();
        let told =
            event(self.now().at, by.actor(), Action::RightsChanged, membership, Outcome::Done, by.origin);
        self.log(&mut unit, told.with(right_of(&account)))?;
        unit.expect_unchanged(Key::Account(id), version);
        unit.put(account);
        self.store.commit(unit).await.map_err(AppError::from)?;
        Ok(())
    }
}
