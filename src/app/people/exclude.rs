//! Fraud, loss, theft (P6): an account is cut off at once with its address, an address is blocked, a whole structure is
//! suspended. Each is one commit, and the structure's gestionnaires are told by mail.

use super::{By, PeopleError};
use crate::app::letters::NewLetter;
use crate::app::ports::{Key, UnitOfWork};
use crate::app::{App, AppError, CONFLICT_TRIES, event};
use crate::audit::{Action, Detail, Object, Outcome};
use crate::identity::{Account, Partner, Place, Role};
use crate::policy::rights::Act;
use crate::relay::letter::{AccountLetter, AccountTopic, Letter, LetterKind, SecretText};
use crate::value::{AccountId, MailAddress, PartnerId, Timestamp};

impl App {
    /// Cuts an account of a structure off, and blocks its address.
    pub async fn exclude_account(&self, by: By<'_>, account: AccountId) -> Result<(), PeopleError> {
        let about = (Action::AccountCutOff, Object::Account(account));
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let of_structure = found.and_then(|(account, _)| Some((account.partner?, account)));
        let Some((partner, account)) = of_structure.filter(|(_, account)| account.role.is_of_structure())
        else {
            return Err(self.refuse_people(by, about, PeopleError::NotFound).await);
        };
        self.permit(by, Act::ExcludeStructures, Place::Structure(partner), about).await?;
        self.cut_off_by(account.id, by).await?;
        Ok(())
    }

    /// Blocks an address of a structure, or frees it.
    pub async fn block_address(
        &self,
        by: By<'_>,
        partner: PartnerId,
        address: &MailAddress,
        blocked: bool,
    ) -> Result<(), PeopleError> {
        let action = if blocked { Action::AddressBlocked } else { Action::AddressUnblocked };
        let about = (action, Object::Partner(partner));
        self.permit(by, Act::ExcludeStructures, Place::Structure(partner), about).await?;
        for _ in 0..CONFLICT_TRIES {
            let mut unit = UnitOfWork::default();
            if let Err(error) = self.put_address_blocked(&mut unit, by, partner, address, blocked).await {
                return Err(self.refuse_people(by, about, error).await);
            }
            match self.store.commit(unit).await.map_err(AppError::from) {
                Err(error) if error.is_conflict() => {}
                Err(error) => return Err(error.into()),
                Ok(_) => {
                    self.wake_delivery();
                    return Ok(());
                }
            }
        }
        Err(AppError::Contended.into())
    }

    /// Puts it into a unit: the partner's list, the event, what the address had under way, the mail to the gestionnaires. What
    /// is so already stays so, without a word.
    pub(in crate::app) async fn put_address_blocked(
        &self,
        unit: &mut UnitOfWork,
        by: By<'_>,
        partner: PartnerId,
        address: &MailAddress,
        blocked: bool,
    ) -> Result<(), PeopleError> {
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let (mut partner, version) = found.ok_or(PeopleError::NotFound)?;
        if !partner.domains.contains(address.domain()) {
            return Err(PeopleError::OutsideDomains);
        }
        if partner.blocked.contains(address) == blocked {
            return Ok(());
        }
        let action = if blocked {
            partner.blocked.insert(address.clone());
            self.end_deposits_of(unit, address).await?;
            Action::AddressBlocked
        } else {
            partner.blocked.remove(address);
            Action::AddressUnblocked
        };
        let (now, object) = (self.now().at, Object::Partner(partner.id));
        self.log(unit, event(now, by.actor(), action, object, Outcome::Done, by.origin))?;
        let topic = if blocked { AccountTopic::Excluded } else { AccountTopic::Readmitted };
        self.tell_gestionnaires(unit, &partner, topic, Some(address), now, by).await?;
        unit.expect_unchanged(Key::Partner(partner.id), version);
        unit.put(partner);
        Ok(())
    }

    /// Suspends a whole structure, or ends that.
    pub async fn suspend_structure(
        &self,
        by: By<'_>,
        partner: PartnerId,
        suspended: bool,
    ) -> Result<(), PeopleError> {
        let action = if suspended { Action::PartnerSuspended } else { Action::PartnerChanged };
        let about = (action, Object::Partner(partner));
        self.permit(by, Act::ExcludeStructures, Place::Structure(partner), about).await?;
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let Some((mut partner, version)) = found.filter(|(partner, _)| partner.suspended != suspended) else {
            return Err(self.refuse_people(by, about, PeopleError::NotFitting).await);
        };
        let now = self.now().at;
        let mut unit = UnitOfWork::default();
        let told = event(now, by.actor(), action, about.1, Outcome::Done, by.origin);
        self.log(&mut unit, if suspended { told } else { told.with(Detail::Replaced(true)) })?;
        let topic = if suspended { AccountTopic::Excluded } else { AccountTopic::Readmitted };
        self.tell_gestionnaires(&mut unit, &partner, topic, None, now, by).await?;
        unit.expect_unchanged(Key::Partner(partner.id), version);
        partner.suspended = suspended;
        unit.put(partner);
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        Ok(())
    }

    /// Writes to all gestionnaires of a structure who may sign in.
    pub(in crate::app) async fn tell_gestionnaires(
        &self,
        unit: &mut UnitOfWork,
        partner: &Partner,
        topic: AccountTopic,
        who: Option<&MailAddress>,
        when: Timestamp,
        by: By<'_>,
    ) -> Result<(), AppError> {
        let people = self.people_of(partner.id).await?;
        let gestionnaires =
            people.iter().filter(|account| account.role == Role::Gestionnaire && account.is_active());
        // Whoever is cut off is not told by the mail that tells of it.
        for account in gestionnaires.filter(|account| who != Some(&account.address)) {
            let letter = Letter::Account(AccountLetter {
                topic,
                name: account.name.clone(),
                structure: Some(partner.name.clone()),
                who: who.map(ToString::to_string),
                path: SecretText::new("/structure".to_owned()),
                until: Some(when),
            });
            let mail = self.write_letter(&NewLetter {
                kind: LetterKind::AccountNotice,
                letter: &letter,
                to: &account.professional_address(),
                language: account.language,
                mailbox: None,
                transfer: None,
                written_at: self.now().at,
            })?;
            self.queue_mail(unit, mail, by.origin)?;
        }
        Ok(())
    }
}
