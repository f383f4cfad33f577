//! The import of techniciens from a table: what would change, what was changed, what is wrong with which line.

use askama::Template;

use super::Frame;
use crate::app::{ImportedPerson, PersonChange};
use crate::web::texts::{ImportWords, StructureWords};

/// `GET /structures/{id}/import`, and the answer to its POST.
#[derive(Debug, Clone, Template)]
#[template(path = "people_import.html")]
pub struct ImportPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the structure's page is.
    pub structure: String,
    /// The table as it was typed.
    pub table: String,
    /// What changes or was changed.
    pub changes: Option<Vec<ImportedPerson>>,
    /// Whether it was done.
    pub is_done: bool,
    /// What is wrong.
    pub problem: Option<ImportProblem>,
}

/// What is wrong with a table.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum ImportProblem {
    Columns,
    TooMany { limit: usize },
    Address { line: usize },
    Name { line: usize },
    Other { line: usize, column: &'static str },
    Outside { line: usize },
    Taken { line: usize },
}

impl ImportPage {
    fn w(&self) -> ImportWords {
        ImportWords::of(self.frame.language)
    }

    fn back(&self) -> &'static str {
        StructureWords::of(self.frame.language).own
    }

    fn told(&self) -> Option<String> {
        let w = self.w();
        let line = |line: usize, what: &str| format!("{} {line}{} {what}", w.line, self.frame.colon());
        Some(match self.problem? {
            ImportProblem::Columns => w.columns.to_owned(),
            ImportProblem::TooMany { limit } => format!("{} {limit}.", w.too_many),
            ImportProblem::Address { line: at } => line(at, w.address),
            ImportProblem::Name { line: at } => line(at, w.name),
            ImportProblem::Other { line: at, column } => line(at, &format!("{} {column}.", w.other)),
            ImportProblem::Outside { line: at } => line(at, w.outside),
            ImportProblem::Taken { line: at } => line(at, w.taken),
        })
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
    fn change(&self, change: &PersonChange) -> &'static str {
        let w = self.w();
        match change {
            PersonChange::Invited => w.invited,
            PersonChange::Renamed => w.renamed,
            PersonChange::Entitled => w.entitled,
            PersonChange::Unchanged => w.unchanged,
            PersonChange::Closed => w.closed,
        }
    }
}
