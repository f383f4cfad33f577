//! The tus 1.0 server under a draft (`…/brouillon/{draft}/fichiers/tus`): reads a request ([`protocol`]), calls one use
//! case, and answers as the protocol says. Authorised like the draft's page, by its cookie; what another site starts is
//! refused before (`web::guard`).
//!
//! Errors are JSON, `{"error": "…"}`, with a sentence for the person who uploads, in their language.

mod metadata;
mod place;
mod protocol;

use axum::body::{Body, BodyDataStream};
use axum::extract::rejection::PathRejection;
use axum::extract::{Path, Request, State};
use axum::http::header::{ALLOW, LOCATION, RETRY_AFTER};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use futures_util::StreamExt as _;

pub(in crate::web) use self::place::Uploads;
use self::protocol::{Command, Content, Misspoken, Resource};
use super::Shared;
use super::answer::{Answer, Errors, Outcome};
use super::draft::{DraftPath, Place};
use super::request::Guest;
use super::texts::Texts;
use super::views::DraftProblem;
use crate::app::{Append, Appending, NewUpload, UploadProgress, UploadRefusal};
use crate::transfer::{DraftError, UploadError};
use crate::value::{ByteSize, ChecksumAlgorithm, Timestamp, UploadId};

/// What a checksum does not hold for (tus 1.0, "Checksum").
const CHECKSUM_MISMATCH: u16 = 460;

/// The path of one upload: organisation, mailbox, draft, upload.
type UploadPath = Result<Path<(String, String, String, String)>, PathRejection>;

/// Requests to where uploads are created.
pub(super) async fn uploads(
    State(shared): State<Shared>,
    path: DraftPath,
    mut guest: Guest,
    request: Request,
) -> Outcome {
    guest.wants_json = true;
    let command = protocol::read(Resource::Uploads, request.method(), request.headers());
    if matches!(command, Ok(Command::Discover)) {
        return discover(&shared, &guest, path).await;
    }
    let command = command.map_err(misspoken)?;
    let place = Place::find(&shared, &guest, path).await.map_err(in_tus)?.uploads();
    create_in(place, command, request).await
}

/// Requests to where the uploads of a draft are created, once it is known which draft.
pub(in crate::web) async fn uploads_of(place: Uploads<'_>, request: Request) -> Outcome {
    let command =
        protocol::read(Resource::Uploads, request.method(), request.headers()).map_err(misspoken)?;
    create_in(place, command, request).await
}

async fn create_in(place: Uploads<'_>, command: Command, request: Request) -> Outcome {
    let server = Server { place };
    match command {
        Command::Discover => Ok(server.discovered()),
        Command::Create { length, metadata, content } => {
            let path =
                if metadata.relative_path.is_empty() { metadata.filename } else { metadata.relative_path };
            let new = NewUpload { path, fingerprint: metadata.fingerprint, length };
            server.create(new, content, request.into_body()).await
        }
        _ => Err(misspoken(Misspoken::Method)),
    }
}

/// Requests to one upload.
pub(super) async fn upload(
    State(shared): State<Shared>,
    path: UploadPath,
    mut guest: Guest,
    request: Request,
) -> Outcome {
    guest.wants_json = true;
    let command = protocol::read(Resource::Upload, request.method(), request.headers()).map_err(misspoken)?;
    let Ok(Path((organisation, mailbox, draft, upload))) = path else {
        return Err(refused(StatusCode::NOT_FOUND, "not found"));
    };
    let path = Ok(Path((organisation, mailbox, draft)));
    if command == Command::Discover {
        return discover(&shared, &guest, path).await;
    }
    let place = Place::find(&shared, &guest, path).await.map_err(in_tus)?.uploads();
    work_on(place, command, &upload, request).await
}

/// Requests to one upload, once it is known of which draft.
pub(in crate::web) async fn upload_of(place: Uploads<'_>, upload: &str, request: Request) -> Outcome {
    let command = protocol::read(Resource::Upload, request.method(), request.headers()).map_err(misspoken)?;
    work_on(place, command, upload, request).await
}

async fn work_on(place: Uploads<'_>, command: Command, upload: &str, request: Request) -> Outcome {
    let server = Server { place };
    let Ok(upload) = upload.parse::<UploadId>() else {
        return Err(server.refuse(UploadRefusal::NotFound, ""));
    };
    match command {
        Command::Ask => server.ask(upload).await,
        Command::Append { offset, content } => {
            let append = Append { offset, length: content.length, checksum: content.checksum };
            server.append(upload, append, request.into_body()).await
        }
        Command::Terminate => server.terminate(upload).await,
        Command::Discover => Ok(server.discovered()),
        Command::Create { .. } => Err(misspoken(Misspoken::Method)),
    }
}

/// What the server can do. What a file may weigh is said to who may upload one.
async fn discover(shared: &Shared, guest: &Guest, path: DraftPath) -> Outcome {
    match Place::find(shared, guest, path).await {
        Ok(place) => Ok(Server { place: place.uploads() }.discovered()),
        Err(_) => Ok(abilities().into_response()),
    }
}

fn abilities() -> Answer {
    let algorithms = ChecksumAlgorithm::ALL.map(ChecksumAlgorithm::name).join(",");
    with_version(Answer::empty(StatusCode::NO_CONTENT))
        .with(protocol::TUS_VERSION, HeaderValue::from_static(protocol::VERSION))
        .with(protocol::TUS_EXTENSION, HeaderValue::from_static(protocol::EXTENSIONS))
        .with(protocol::TUS_CHECKSUM_ALGORITHM, text(&algorithms))
}

/// Serves one draft.
struct Server<'a> {
    place: Uploads<'a>,
}

impl Server<'_> {
    fn discovered(&self) -> Response {
        abilities().with(protocol::TUS_MAX_SIZE, number(self.place.view.limits.file)).into_response()
    }

    /// "Creation", and "Creation With Upload" when bytes come along.
    async fn create(self, new: NewUpload, content: Option<Content>, body: Body) -> Outcome {
        let name = new.path.clone();
        let begun = self.place.begin(new).await.map_err(|refusal| self.refuse(refusal, &name))?;
        let location = text(&format!("{}/{}", self.place.path, begun.id));
        let created = |progress: UploadProgress| {
            let answer = with_version(Answer::empty(StatusCode::CREATED))
                .with(LOCATION, location.clone())
                .with(protocol::UPLOAD_OFFSET, number(progress.offset));
            expiring(answer, progress.expires_at).into_response()
        };
        let Some(Content { length, checksum }) = content else { return Ok(created(begun)) };
        let append = Append { offset: ByteSize(0), length, checksum };
        match self.take(begun.id, append, body).await {
            Ok(progress) => Ok(created(progress)),
            // The upload is there: its bytes can be sent again, but the client must learn where.
            Err(refusal) => {
                let mut answer = self.refuse(refusal, &name);
                answer.headers_mut().insert(LOCATION, location);
                Err(answer)
            }
        }
    }

    /// How far an upload is.
    async fn ask(self, id: UploadId) -> Outcome {
        let progress = self.place.progress(id).await.map_err(|refusal| self.refuse(refusal, ""))?;
        let answer = with_version(Answer::empty(StatusCode::OK))
            .with(protocol::UPLOAD_OFFSET, number(progress.offset))
            .with(protocol::UPLOAD_LENGTH, number(progress.length));
        Ok(expiring(answer, progress.expires_at).into_response())
    }

    async fn append(self, id: UploadId, append: Append, body: Body) -> Outcome {
        let progress = self.take(id, append, body).await.map_err(|refusal| self.refuse(refusal, ""))?;
        let answer = with_version(Answer::empty(StatusCode::NO_CONTENT))
            .with(protocol::UPLOAD_OFFSET, number(progress.offset));
        Ok(expiring(answer, progress.expires_at).into_response())
    }

    async fn terminate(self, id: UploadId) -> Outcome {
        self.place.drop(id).await.map_err(|refusal| self.refuse(refusal, ""))?;
        Ok(with_version(Answer::empty(StatusCode::NO_CONTENT)).into_response())
    }

    /// Gives a body to an upload while it comes in.
    async fn take(&self, id: UploadId, append: Append, body: Body) -> Result<UploadProgress, UploadRefusal> {
        let mut appending: Appending = self.place.append(id, append).await?;
        let mut pieces: BodyDataStream = body.into_data_stream();
        while let Some(piece) = pieces.next().await {
            match piece {
                Ok(bytes) if bytes.is_empty() => {}
                Ok(bytes) => {
                    if !appending.push(bytes).await {
                        break;
                    }
                }
                // The line broke: nobody reads the answer, what came is kept.
                Err(_) => return appending.broken_off().await,
            }
        }
        appending.finish().await
    }

    /// The answer to who is refused.
    fn refuse(&self, refusal: UploadRefusal, name: &str) -> Response {
        let words = Texts::of(self.place.guest.language);
        let problem = |problem: DraftProblem| problem.text(self.place.guest.language);
        let name = name.to_owned();
        let (status, said) = match refusal {
            UploadRefusal::NotFound => (StatusCode::NOT_FOUND, words.upload.failed.to_owned()),
            UploadRefusal::Busy => (StatusCode::LOCKED, words.upload.lost.to_owned()),
            UploadRefusal::TakenOver => (StatusCode::CONFLICT, words.upload.lost.to_owned()),
            UploadRefusal::Empty => (StatusCode::BAD_REQUEST, problem(DraftProblem::FileEmpty { name })),
            UploadRefusal::Content(cause) => {
                (StatusCode::UNPROCESSABLE_ENTITY, problem(DraftProblem::FileRefused { name, cause }))
            }
            UploadRefusal::ChecksumMismatch => {
                let status = StatusCode::from_u16(CHECKSUM_MISMATCH).unwrap_or(StatusCode::BAD_REQUEST);
                (status, words.upload.failed.to_owned())
            }
            UploadRefusal::Upload(UploadError::WrongOffset { .. }) => {
                (StatusCode::CONFLICT, words.upload.failed.to_owned())
            }
            UploadRefusal::Upload(_) => (StatusCode::PAYLOAD_TOO_LARGE, words.upload.failed.to_owned()),
            UploadRefusal::Draft(DraftError::AlreadySent) => {
                (StatusCode::GONE, words.problem.already_sent.to_owned())
            }
            UploadRefusal::Draft(DraftError::FileTooLarge { limit, actual }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, problem(DraftProblem::FileTooLarge { name, actual, limit }))
            }
            UploadRefusal::Draft(DraftError::DepositTooLarge { limit, actual }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, problem(DraftProblem::TotalTooLarge { name, actual, limit }))
            }
            UploadRefusal::Draft(DraftError::TooManyFiles { limit }) => {
                (StatusCode::PAYLOAD_TOO_LARGE, problem(DraftProblem::TooManyFiles { limit }))
            }
            UploadRefusal::TooFast { limit, again } => {
                let mut answer =
                    refused(StatusCode::TOO_MANY_REQUESTS, &problem(DraftProblem::TooFast { limit, again }));
                let wait = self.place.shared.app.now().at.until(again).0.max(0) / 1000 + 1;
                answer.headers_mut().insert(RETRY_AFTER, HeaderValue::from(wait));
                return answer;
            }
            UploadRefusal::Fault(error) => {
                return in_tus(Errors::new(self.place.shared, self.place.guest).fault(&error));
            }
        };
        refused(status, &said)
    }
}

fn misspoken(misspoken: Misspoken) -> Response {
    let mut answer = refused(misspoken.status(), misspoken.text());
    let headers = answer.headers_mut();
    match misspoken {
        Misspoken::Version => {
            headers.insert(protocol::TUS_VERSION, HeaderValue::from_static(protocol::VERSION));
        }
        Misspoken::Method => {
            headers.insert(ALLOW, HeaderValue::from_static("OPTIONS, POST, HEAD, PATCH, DELETE"));
        }
        _ => {}
    }
    answer
}

fn refused(status: StatusCode, said: &str) -> Response {
    with_version(Answer::json(status, &serde_json::json!({ "error": said }))).into_response()
}

/// The same answer, with the version that every answer of this protocol carries.
fn in_tus(mut answer: Response) -> Response {
    answer.headers_mut().insert(protocol::TUS_RESUMABLE, HeaderValue::from_static(protocol::VERSION));
    answer
}

fn with_version(answer: Answer) -> Answer {
    answer.with(protocol::TUS_RESUMABLE, HeaderValue::from_static(protocol::VERSION))
}

/// "Expiration": until when the upload can be gone on with, as an HTTP date (RFC 9110 section 5.6.7).
fn expiring(answer: Answer, at: Timestamp) -> Answer {
    answer.with(protocol::UPLOAD_EXPIRES, text(&crate::value::calendar::http_date(at)))
}

fn number(size: ByteSize) -> HeaderValue {
    HeaderValue::from(size.bytes())
}

fn text(value: &str) -> HeaderValue {
    HeaderValue::from_str(value).unwrap_or(HeaderValue::from_static(""))
}
