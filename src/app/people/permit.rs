//! Who asks for something about people, and whether it may be done: one place asks the table of rights and logs a refusal.

use super::PeopleError;
use crate::app::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome};
use crate::identity::{Account, Place};
use crate::policy::rights::Act;

/// Who acts.
#[derive(Debug, Clone, Copy)]
enum Who<'a> {
    Operator,
    System,
    Person(&'a Account),
}

/// Who asks: the operator of the machine, the clock, or a person who is signed in.
#[derive(Debug, Clone, Copy)]
pub struct By<'a> {
    who: Who<'a>,
    /// From where, for the log.
    pub(in crate::app) origin: Origin,
}

impl<'a> By<'a> {
    /// The operator.
    pub const fn operator(origin: Origin) -> Self {
        Self { who: Who::Operator, origin }
    }

    /// The clock.
    pub(in crate::app) const fn system() -> Self {
        Self { who: Who::System, origin: Origin::Job }
    }

    /// A person.
    pub const fn person(signed: &'a Signed, visitor: Visitor) -> Self {
        Self { who: Who::Person(&signed.account), origin: visitor.web() }
    }

    /// For the log.
    pub(in crate::app) fn actor(&self) -> Actor {
        match self.who {
            Who::Operator => Actor::Operator,
            Who::System => Actor::System,
            Who::Person(account) => Actor::Person(account.person),
        }
    }

    /// The account that asks, if a person does.
    pub(super) const fn account(&self) -> Option<&'a Account> {
        match self.who {
            Who::Person(account) => Some(account),
            Who::Operator | Who::System => None,
        }
    }

    fn may(&self, act: Act, place: Place) -> bool {
        self.account().is_none_or(|account| account.may(act, place))
    }
}

impl App {
    /// Asks the table of rights; a refusal is logged as the action that it keeps from happening.
    pub(in crate::app) async fn permit(
        &self,
        by: By<'_>,
        act: Act,
        place: Place,
        about: (Action, Object),
    ) -> Result<(), PeopleError> {
        if by.may(act, place) {
            Ok(())
        } else {
            Err(self.refuse_people(by, about, PeopleError::NotEntitled).await)
        }
    }

    /// Logs a refusal and hands it on; a fault is handed on as it is.
    pub(super) async fn refuse_people(
        &self,
        by: By<'_>,
        (action, object): (Action, Object),
        error: PeopleError,
    ) -> PeopleError {
        let Some(reason) = error.reason() else { return error };
        let outcome = Outcome::Refused(reason);
        let refused = event(self.now().at, by.actor(), action, object, outcome, by.origin);
        match self.log_alone(refused).await {
            Ok(()) => error,
            Err(fault) => PeopleError::Fault(fault),
        }
    }
}

impl PeopleError {
    /// Whether somebody else changed the same thing at the same time.
    pub(super) fn is_conflict(&self) -> bool {
        matches!(self, Self::Fault(error) if AppError::is_conflict(error))
    }
}
