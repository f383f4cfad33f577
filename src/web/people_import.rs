//! A gestionnaire imports techniciens from a table: first what would change, line by line, then the import itself.

use axum::Router;
use axum::extract::{Form, Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use serde::Deserialize;

use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::request::Guest;
use super::structures::{asked_for, path};
use super::views::{ErrorKind, ImportPage, ImportProblem};
use crate::app::{By, Cell, ImportScope, ImportedPerson, PeopleError, PeopleImportError, Signed};
use crate::identity::Place;
use crate::policy::rights::Act;
use crate::value::PartnerId;

/// The routes of this page.
pub(super) fn routes() -> Router<Shared> {
    Router::new().route("/structures/{structure}/import", get(show).post(import))
}

#[derive(Deserialize)]
struct TableForm {
    #[serde(default)]
    tableau: String,
    /// To be done, not only told.
    importer: Option<String>,
}

async fn show(State(shared): State<Shared>, Path(structure): Path<String>, guest: Guest) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    if !signed.account.may(Act::ManageTechniciens, Place::Structure(structure)) {
        let refused = shared.app.refuse_page(&signed, guest.visitor).await;
        return Err(Errors::new(&shared, &guest).signed_as(Some(&signed)).open(&refused, &path(structure)));
    }
    Ok(page(&shared, &guest, &signed, structure, Told::default()))
}

/// What the page has to tell.
#[derive(Default)]
struct Told {
    table: String,
    changes: Option<Vec<ImportedPerson>>,
    is_done: bool,
    problem: Option<ImportProblem>,
}

async fn import(
    State(shared): State<Shared>,
    Path(structure): Path<String>,
    guest: Guest,
    Form(form): Form<TableForm>,
) -> Outcome {
    let (signed, structure) = asked_for(&shared, &guest, &structure).await?;
    let errors = Errors::new(&shared, &guest).signed_as(Some(&signed));
    let (by, scope) = (By::person(&signed, guest.visitor), ImportScope::Structure(structure));
    let is_done = form.importer.is_some();
    let told = match shared.app.import_people(by, scope, &form.tableau, !is_done).await {
        Ok(changes) => Told { table: form.tableau, changes: Some(changes), is_done, problem: None },
        Err(PeopleImportError::NotEntitled) => return Err(errors.page(ErrorKind::Forbidden)),
        Err(PeopleImportError::Fault(error)) => return Err(errors.fault(&error)),
        Err(refused) => Told { table: form.tableau, problem: Some(problem(&refused)), ..Told::default() },
    };
    Ok(page(&shared, &guest, &signed, structure, told))
}

fn problem(refused: &PeopleImportError) -> ImportProblem {
    match refused {
        PeopleImportError::TooMany { limit, .. } => ImportProblem::TooMany { limit: *limit },
        PeopleImportError::Cell { line, cell } => match cell {
            Cell::Address => ImportProblem::Address { line: *line },
            Cell::Name => ImportProblem::Name { line: *line },
            _ => ImportProblem::Other { line: *line, column: cell.column() },
        },
        PeopleImportError::Refused { line, error: PeopleError::Taken } => {
            ImportProblem::Taken { line: *line }
        }
        PeopleImportError::Refused { line, .. } => ImportProblem::Outside { line: *line },
        _ => ImportProblem::Columns,
    }
}

fn page(shared: &Shared, guest: &Guest, signed: &Signed, structure: PartnerId, told: Told) -> Response {
    let status = if told.problem.is_some() { StatusCode::UNPROCESSABLE_ENTITY } else { StatusCode::OK };
    let page = ImportPage {
        frame: guest.frame(shared, Some(signed)),
        structure: path(structure),
        table: told.table,
        changes: told.changes,
        is_done: told.is_done,
        problem: told.problem,
    };
    Answer::page(status, guest, &page).into_response()
}
