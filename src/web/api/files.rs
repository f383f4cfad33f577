//! Files of a deposit by the API: one streamed PUT each, or tus 1.0 for what is large.

use axum::body::to_bytes;
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::CONTENT_LENGTH;
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;
use serde_json::{Value, json};

use super::ROOT;
use super::caller::Caller;
use super::deposits::{DepositPath, Desk};
use super::problem::ProblemCode;
use crate::app::{ApiDepositState, DraftView, FileRefusal, ListedFile, SealedFile};
use crate::message::clean_file_name;
use crate::transfer::DraftError;
use crate::value::{ByteSize, DraftId, Token};
use crate::web::Shared;
use crate::web::answer::{Answer, Outcome};
use crate::web::tus::{self, Uploads};
use crate::web::upload::{FormError, problem_of};
use crate::web::views::DraftProblem;

/// The path of a file, or of an upload: the deposit, and its name.
type PartPath = Result<Path<(String, String)>, PathRejection>;

/// A draft that takes files.
struct Filling {
    id: DraftId,
    view: DraftView,
    token: Token,
}

async fn filling(desk: &Desk<'_>, path: DepositPath) -> Result<Filling, Response> {
    let found = desk.find(path).await?;
    match found.state {
        ApiDepositState::Open(view, token) => Ok(Filling { id: found.deposit.draft, view: *view, token }),
        ApiDepositState::Sent(_) => Err(desk.problem(ProblemCode::AlreadySent).into_response()),
        ApiDepositState::Gone => Err(desk.problem(ProblemCode::Over).into_response()),
    }
}

fn split(desk: &Desk<'_>, path: PartPath) -> Result<(DepositPath, String), Response> {
    match path {
        Ok(Path((deposit, part))) => Ok((Ok(Path(deposit)), part)),
        Err(_) => Err(desk.problem(ProblemCode::NotFound).into_response()),
    }
}

/// Takes a file while it streams in. The same file put again is the same file.
pub(super) async fn put(
    State(shared): State<Shared>,
    caller: Caller,
    path: PartPath,
    request: Request,
) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let (deposit, name) = split(&desk, path)?;
    let Filling { id, view, token } = filling(&desk, deposit).await?;
    let refuse = |refusal| refused(&desk, &name, refusal);
    // What says that it is too large is not read first.
    let length = request.headers().get(CONTENT_LENGTH).and_then(|length| length.to_str().ok()?.parse().ok());
    if let Some(actual) = length.map(ByteSize).filter(|length| *length > view.limits.file) {
        return Err(refuse(DraftError::FileTooLarge { limit: view.limits.file, actual }.into()));
    }
    let mut sealing = shared.app.begin_file(view, &name, caller.guest.visitor).await.map_err(refuse)?;
    let mut pieces = request.into_body().into_data_stream();
    while let Some(piece) = pieces.next().await {
        // The line broke: nobody reads the answer, nothing is kept.
        let Ok(piece) = piece else { return Err(desk.problem(ProblemCode::InvalidRequest).into_response()) };
        sealing.push(&piece).await.map_err(refuse)?;
    }
    let sealed = sealing.finish().await.map_err(refuse)?;
    let files = files(&desk, id, &token).await?;
    let Some(file) = files.iter().find(|file| file.number == sealed.number) else {
        return Err(desk.problem(ProblemCode::AlreadySent).into_response());
    };
    let same = |other: &&ListedFile| {
        other.number < file.number && other.name == file.name && other.digest == file.digest
    };
    match files.iter().find(same) {
        None => Ok(Answer::json(StatusCode::CREATED, &shown(file)).into_response()),
        Some(first) => {
            let SealedFile { number, .. } = sealed;
            let removed = shared.app.remove_file(id, &token, number, caller.guest.visitor).await;
            removed.map_err(refuse)?;
            Ok(Answer::json(StatusCode::OK, &shown(first)).into_response())
        }
    }
}

/// Takes a file out again, by its name.
pub(super) async fn remove(State(shared): State<Shared>, caller: Caller, path: PartPath) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let (deposit, name) = split(&desk, path)?;
    let Filling { id, token, .. } = filling(&desk, deposit).await?;
    let cleaned = clean_file_name(&name);
    let files = files(&desk, id, &token).await?;
    let named: Vec<u32> =
        files.iter().filter(|file| file.name == cleaned.as_str()).map(|file| file.number).collect();
    if named.is_empty() {
        return Err(desk.problem(ProblemCode::NotFound).into_response());
    }
    for number in named {
        let removed = shared.app.remove_file(id, &token, number, caller.guest.visitor).await;
        removed.map_err(|refusal| refused(&desk, &name, refusal))?;
    }
    Ok(Answer::empty(StatusCode::NO_CONTENT).into_response())
}

async fn files(desk: &Desk<'_>, id: DraftId, token: &Token) -> Result<Vec<ListedFile>, Response> {
    let view = desk.shared.app.draft(id, token).await.map_err(|error| desk.fault(&error))?;
    let view = view.ok_or_else(|| desk.problem(ProblemCode::Over).into_response())?;
    desk.shared.app.listed_files(&view.draft).map_err(|error| desk.fault(&error))
}

fn shown(file: &ListedFile) -> Value {
    json!({
        "name": file.name, "size": file.size.bytes(), "sha256": file.digest.to_hex(),
        "state": if file.waits { "received" } else { "accepted" },
    })
}

fn refused(desk: &Desk<'_>, name: &str, refusal: FileRefusal) -> Response {
    let problem = match problem_of(refusal, name, ByteSize(0)) {
        Ok(problem) => problem,
        Err(FormError::Fault(error)) => return desk.fault(&error),
        Err(_) => return desk.problem(ProblemCode::AlreadySent).into_response(),
    };
    let detail = problem.text(desk.caller.guest.language);
    let code = match problem {
        DraftProblem::FileTooLarge { .. }
        | DraftProblem::TotalTooLarge { .. }
        | DraftProblem::TooManyFiles { .. } => ProblemCode::TooLarge,
        DraftProblem::TooFast { again, .. } => {
            let wait = desk.shared.app.now().at.until(again).0.max(0) / 1000 + 1;
            let problem = desk.problem(ProblemCode::TooMany).detail(detail);
            return problem.retry_after(wait.unsigned_abs()).into_response();
        }
        _ => ProblemCode::FileRefused,
    };
    desk.problem(code).detail(detail).into_response()
}

/// Where tus uploads are created.
pub(super) async fn uploads(
    State(shared): State<Shared>,
    caller: Caller,
    path: DepositPath,
    request: Request,
) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let filling = filling(&desk, path).await?;
    let outcome = tus::uploads_of(place(&desk, filling), request).await;
    told(&desk, outcome).await
}

/// One tus upload.
pub(super) async fn upload(
    State(shared): State<Shared>,
    caller: Caller,
    path: PartPath,
    request: Request,
) -> Outcome {
    let desk = Desk { shared: &shared, caller: &caller };
    let (deposit, upload) = split(&desk, path)?;
    let filling = filling(&desk, deposit).await?;
    let outcome = tus::upload_of(place(&desk, filling), &upload, request).await;
    told(&desk, outcome).await
}

fn place<'a>(desk: &Desk<'a>, filling: Filling) -> Uploads<'a> {
    let Filling { id, view, token } = filling;
    let path = format!("{ROOT}/deposits/{id}/uploads");
    Uploads { shared: desk.shared, guest: &desk.caller.guest, view, token, path }
}

/// What the protocol answers, its errors as problems with the same status and headers.
async fn told(desk: &Desk<'_>, outcome: Outcome) -> Outcome {
    let (parts, body) = match outcome {
        Ok(answer) => return Ok(answer),
        Err(answer) => answer.into_parts(),
    };
    let body = to_bytes(body, super::JSON_MAX_BYTES).await.unwrap_or_default();
    let said: Value = serde_json::from_slice(&body).unwrap_or_default();
    if said.get("type").is_some() {
        return Err(Response::from_parts(parts, body.into()));
    }
    let mut problem = desk.problem(ProblemCode::UploadRefused).with_status(parts.status);
    if let Some(detail) = said.get("error").and_then(Value::as_str) {
        problem = problem.detail(detail);
    }
    let mut answer = problem.into_response();
    for (name, value) in parts.headers {
        if let Some(name) = name.filter(|name| {
            name.as_str().starts_with("tus-")
                || name.as_str() == "location"
                || name.as_str() == "retry-after"
                || name.as_str() == "allow"
        }) {
            let _earlier: Option<HeaderValue> = answer.headers_mut().insert(name, value);
        }
    }
    Err(answer)
}
