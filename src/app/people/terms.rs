//! The terms of use (CGU): accepted at the first sign-in and again when they change (P2). Until then a session opens nothing
//! but the page that shows them. So does a password that is older than the policy allows, where it sets an age.

use crate::app::ports::{Key, UnitOfWork};
use crate::app::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome, RefusalReason};
use crate::identity::{AcceptedTerms, Account};
use crate::policy::people::Terms;
use crate::value::{AccountId, Token};

/// What a session waits for before it opens anything.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Waiting {
    /// That the terms in force are accepted.
    Terms,
    /// That an old password is changed.
    OldPassword,
}

impl App {
    /// What an account still has to do before its sessions open anything.
    pub(in crate::app) fn waits_for(&self, account: &Account) -> Option<Waiting> {
        let people = &self.policies.load().people;
        let accepted = account.terms.as_ref().map(|accepted| &accepted.version);
        if people.terms.as_ref().is_some_and(|terms| accepted != Some(&terms.version)) {
            return Some(Waiting::Terms);
        }
        let oldest = people.password_age.map(|age| self.now().at - age);
        let is_old = oldest.zip(account.password_set_at).is_some_and(|(oldest, set)| set <= oldest);
        // Who comes by the provider has no password to change here.
        (is_old && account.provider.is_none()).then_some(Waiting::OldPassword)
    }

    /// Who a cookie is that opens nothing yet, and what it waits for.
    pub async fn signed_waiting(
        &self,
        cookie: &Token,
        visitor: Visitor,
    ) -> Result<Option<(Signed, Waiting)>, AppError> {
        let signed = self.signed_whatever(cookie, visitor).await?;
        Ok(signed.and_then(|signed| self.waits_for(&signed.account).map(|waiting| (signed, waiting))))
    }

    /// Whether the person has to change the password first.
    pub fn is_password_old(&self, signed: &Signed) -> bool {
        self.waits_for(&signed.account) == Some(Waiting::OldPassword)
    }

    /// The terms in force, if there are any.
    pub fn terms_in_force(&self) -> Option<Terms> {
        self.policies.load().people.terms.clone()
    }

    /// The person accepts a version of the terms; refused when it is not the one in force any more. Returns whether it was.
    pub async fn accept_terms(
        &self,
        signed: &Signed,
        version: &str,
        visitor: Visitor,
    ) -> Result<bool, AppError> {
        let actor = Actor::Person(signed.account.person);
        self.note_terms(signed.account.id, Some(version), actor, visitor.web()).await
    }

    /// An operator writes down that somebody accepted the terms in force otherwise, such as on paper.
    pub async fn record_terms(&self, account: AccountId, origin: Origin) -> Result<bool, AppError> {
        self.note_terms(account, None, Actor::Operator, origin).await
    }

    async fn note_terms(
        &self,
        account: AccountId,
        version: Option<&str>,
        actor: Actor,
        origin: Origin,
    ) -> Result<bool, AppError> {
        let now = self.now().at;
        let policies = self.policies.load();
        let terms = policies.people.terms.as_ref();
        let accepted = terms.filter(|terms| version.is_none_or(|version| version == terms.version));
        let found: Option<(Account, u64)> = self.read(&Key::Account(account)).await?;
        let (mut account, account_version) = found.ok_or(AppError::Broken("no such account"))?;
        let refused = Outcome::Refused(RefusalReason::TermsNotAccepted);
        let outcome = if accepted.is_some() { Outcome::Done } else { refused };
        let told = event(now, actor, Action::TermsAccepted, Object::Account(account.id), outcome, origin);
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, told.under(policies.digest))?;
        if let Some(terms) = accepted {
            unit.expect_unchanged(Key::Account(account.id), account_version);
            account.terms = Some(AcceptedTerms { version: terms.version.clone(), at: now });
            unit.put(account);
        }
        self.store.commit(unit).await?;
        Ok(accepted.is_some())
    }
}
