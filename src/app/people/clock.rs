//! What time asks of people (P4, P5): part of upkeep. When a structure's last agreement ended its accounts are deactivated;
//! what was deactivated for long enough is deleted, the name with it, while the proof in the log stays; and a structure is
//! reminded to confirm its list.

use std::collections::BTreeMap;
use std::sync::PoisonError;

use super::{ACCOUNTS_MAX, By};
use crate::app::administer::right_of;
use crate::app::ports::{Key, List, PersonName, UnitOfWork};
use crate::app::{App, AppError, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome};
use crate::identity::{Account, AccountState, Agreement, Deactivation, Partner, Role, StructureReview};
use crate::relay::letter::AccountTopic;
use crate::value::{Day, Millis, PartnerId, Timestamp};

/// How often people are looked at: nothing of it is counted in less than a day.
const LOOKED_AT_EVERY: Millis = Millis::minutes(10);

impl App {
    /// Does all that time asks of people now, at most every ten minutes.
    pub(in crate::app) async fn settle_people(&self, now: Timestamp) -> Result<(), AppError> {
        {
            let mut last = self.people_settled.lock().unwrap_or_else(PoisonError::into_inner);
            if last.is_some_and(|last| last <= now && now < last + LOOKED_AT_EVERY) {
                return Ok(());
            }
            *last = Some(now);
        }
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, ACCOUNTS_MAX).await?;
        let accounts: Vec<Account> = accounts.into_iter().map(|(account, _)| account).collect();
        let agreements = self.all_agreements().await?;
        let mut of: BTreeMap<PartnerId, Vec<&Account>> = BTreeMap::new();
        for account in accounts.iter().filter(|account| account.role.is_of_structure()) {
            of.entry(account.partner.unwrap_or(PartnerId::new([0; 16]))).or_default().push(account);
        }
        for (partner, people) in of {
            let own = agreements.iter().map(|(_, agreement)| agreement).filter(|own| own.partner == partner);
            if have_ended(own, now.day()) {
                self.deactivate_structure(partner, &people, now).await?;
            } else {
                self.ask_for_review(partner, &people, now).await?;
            }
        }
        let deleted_after = self.policies.load().people.deleted_after;
        for account in accounts {
            if account.unused_since().is_some_and(|since| now >= since + deleted_after) {
                match self.delete_account(account, now).await {
                    // Somebody changed it at this moment: the next look decides anew.
                    Err(error) if error.is_conflict() => {}
                    outcome => outcome?,
                }
            }
        }
        Ok(())
    }

    /// The last agreement ended: nobody of the structure signs in or deposits any more (P4).
    async fn deactivate_structure(
        &self,
        partner: PartnerId,
        people: &[&Account],
        now: Timestamp,
    ) -> Result<(), AppError> {
        let open: Vec<&&Account> = people.iter().filter(|account| account.unused_since().is_none()).collect();
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let (false, Some((structure, _))) = (open.is_empty(), found) else { return Ok(()) };
        let mut unit = UnitOfWork::default();
        let deleted_at = now + self.policies.load().people.deleted_after;
        let topic = AccountTopic::AgreementsEnded;
        self.tell_gestionnaires(&mut unit, &structure, topic, None, deleted_at, By::system()).await?;
        for account in open {
            let found: Option<(Account, u64)> = self.read(&Key::Account(account.id)).await?;
            let Some((mut account, version)) = found else { continue };
            let (object, right) = (Object::Account(account.id), right_of(&account));
            let told =
                event(now, Actor::System, Action::AccountDeactivated, object, Outcome::Done, Origin::Job);
            self.log(&mut unit, told.with(right).of_partner(partner))?;
            self.end_ways_in(&mut unit, &account).await?;
            unit.expect_unchanged(Key::Account(account.id), version);
            account.state = AccountState::Deactivated { since: now, why: Deactivation::AgreementsEnded };
            self.unlocked.forget_account(account.id);
            unit.put(account);
        }
        match self.store.commit(unit).await.map_err(AppError::from) {
            Err(error) if !error.is_conflict() => return Err(error),
            _ => self.wake_delivery(),
        }
        Ok(())
    }

    /// Deletes an account that has been of no use for long. Its name goes unless it was met since: the same address may have
    /// deposited. The log keeps the pseudonym (S5).
    async fn delete_account(&self, account: Account, now: Timestamp) -> Result<(), AppError> {
        let found: Option<(Account, u64)> = self.read(&Key::Account(account.id)).await?;
        let Some((account, version)) = found.filter(|(found, _)| found.state == account.state) else {
            return Ok(());
        };
        let mut unit = UnitOfWork::default();
        let (object, right) = (Object::Account(account.id), right_of(&account));
        let told = event(now, Actor::System, Action::AccountDeleted, object, Outcome::Done, Origin::Job);
        self.log(&mut unit, told.with(right).concerning(account.partner))?;
        self.end_other_sessions(&mut unit, account.id, None).await?;
        self.use_account_links_up(&mut unit, account.id).await?;
        for (mailbox, _) in self.opened_by(&account).await? {
            unit.delete(Key::MemberWrap((mailbox.id, account.id)));
        }
        unit.delete(Key::PersonalKey(account.id));
        unit.delete(Key::MailPassword(account.id));
        let since = account.unused_since().unwrap_or(now);
        for person in [account.person, self.person_of(&account.professional_address())?] {
            let name: Option<(PersonName, u64)> = self.read(&Key::Person(person)).await?;
            if name.is_some_and(|(name, _)| name.met_at <= since) {
                unit.delete(Key::Person(person));
            }
        }
        unit.expect_unchanged(Key::Account(account.id), version);
        unit.delete(Key::Account(account.id));
        self.store.commit(unit).await?;
        Ok(())
    }

    /// Begins the review of a structure that has people, and reminds its gestionnaires when it is due (P5).
    async fn ask_for_review(
        &self,
        partner: PartnerId,
        people: &[&Account],
        now: Timestamp,
    ) -> Result<(), AppError> {
        let has_gestionnaire =
            people.iter().any(|account| account.role == Role::Gestionnaire && account.is_active());
        let found: Option<(Partner, u64)> = self.read(&Key::Partner(partner)).await?;
        let (true, Some((structure, _))) = (has_gestionnaire, found) else { return Ok(()) };
        let policies = self.policies.load();
        let (every, reminded_every) = (policies.people.review_every, policies.people.review_reminded_every);
        let known: Option<(StructureReview, u64)> = self.read(&Key::Review(partner)).await?;
        let mut unit = UnitOfWork::default();
        let Some((mut review, version)) = known else {
            unit.expect_absent(Key::Review(partner));
            unit.put(StructureReview::new(partner, now));
            return self.commit_unless_met(unit).await;
        };
        if !review.is_to_be_reminded(now, every, reminded_every) {
            return Ok(());
        }
        let (topic, due) = (AccountTopic::ReviewDue, review.due_at(every));
        self.tell_gestionnaires(&mut unit, &structure, topic, None, due, By::system()).await?;
        unit.expect_unchanged(Key::Review(partner), version);
        review.reminded_at = Some(now);
        unit.put(review);
        self.commit_unless_met(unit).await?;
        self.wake_delivery();
        Ok(())
    }

    /// Commits what is decided anew at the next look when somebody else was first.
    async fn commit_unless_met(&self, unit: UnitOfWork) -> Result<(), AppError> {
        match self.store.commit(unit).await.map_err(AppError::from) {
            Err(error) if !error.is_conflict() => Err(error),
            _ => Ok(()),
        }
    }
}

/// Whether a structure had agreements and all of them are over. One that has none yet, or one that begins later, is not.
fn have_ended<'a>(agreements: impl Iterator<Item = &'a Agreement>, today: Day) -> bool {
    let mut any = false;
    for agreement in agreements {
        if agreement.until.is_none_or(|last| today <= last) {
            return false;
        }
        any = true;
    }
    any
}
