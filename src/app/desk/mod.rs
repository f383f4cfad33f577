//! The security officer's desk (S1 to S3, P5): what happened, told from the log with the names of professionals put in
//! the place of their pseudonyms. The officer sees no content and no title, has no other right, and each look is itself
//! an event that says what kind of look it was.
//!
//! Every look is bounded, whatever is asked for: a search stops after [`STEPS_PER_PAGE`] looks into the store and says
//! where it goes on.

mod export;
mod names;
mod person;
mod proofs;
mod refusals;
mod rights;
mod rights_table;
mod story;
mod timeline;
mod verify;

pub use export::{ExportFormat, SelectionExport};
pub use names::Named;
pub use person::{PersonActivity, PersonFacts};
pub use proofs::{ProofAnswer, ProofsOffered};
pub use refusals::{RefusalGroup, RefusalsPage};
pub use rights::{AccountRights, AgreementRights, MemberSince, RightsPage};
pub use rights_table::rights_table;
pub use story::{DayKeyFate, StoryPage, StoryStep};
pub use timeline::{JournalFilter, JournalLine, JournalPage, PageStart};

use super::ports::UnitOfWork;
use super::{App, AppError, Signed, Visitor, event};
use crate::audit::{Action, Actor, Detail, LogView, Object, Outcome, RefusalReason};

/// How many lines a page shows.
const LINES_PER_PAGE: usize = 50;
/// How many looks into the store one search of a page takes at most: some tens of milliseconds.
const STEPS_PER_PAGE: usize = 10_000;

impl App {
    /// Logs a look into the log. `false` when the person is no security officer: that is logged as a refusal.
    async fn officer_looks(
        &self,
        signed: &Signed,
        view: LogView,
        visitor: Visitor,
    ) -> Result<bool, AppError> {
        let is_officer = signed.account.reads_log();
        let outcome = if is_officer { Outcome::Done } else { Outcome::Refused(RefusalReason::NotEntitled) };
        let actor = Actor::Person(signed.account.person);
        let looked = event(self.now().at, actor, Action::LogRead, Object::Log, outcome, visitor.web());
        let mut unit = UnitOfWork::default();
        self.log(&mut unit, looked.with(Detail::View(view)))?;
        self.store.commit(unit).await?;
        Ok(is_officer)
    }
}
