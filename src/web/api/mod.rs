//! The HTTP API for partners' software, `/api/v1`: reads a request, calls the same use case as the page, answers in JSON. Errors are
//! problem details (RFC 9457). What it serves is told by `openapi.json`, which a test holds to [`PATHS`].

mod caller;
mod deposits;
mod files;
mod problem;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::http::header::CONTENT_TYPE;
use axum::http::{HeaderValue, Method, StatusCode};
use axum::response::{IntoResponse, Response};
use axum::routing::{MethodFilter, MethodRouter, get, on, post, put};

pub use caller::ClientCertificate;
pub(in crate::web) use problem::Problem;

use super::Shared;
use super::answer::Answer;

/// What the paths begin with.
pub(in crate::web) const ROOT: &str = "/api/v1";
/// The document (OpenAPI 3.1).
pub const OPENAPI: &str = include_str!("openapi.json");
/// The largest JSON body: a message of 256 KiB, however it is escaped.
const JSON_MAX_BYTES: usize = 1024 * 1024;

/// One path: what serves it, and the methods that it takes.
pub(in crate::web) type ApiPath = (&'static str, fn() -> MethodRouter<Shared>, &'static [Method]);

/// All paths, with the methods of each; `HEAD` where `GET` is, besides.
pub(in crate::web) const PATHS: [ApiPath; 9] = [
    ("/openapi.json", || get(document), &[Method::GET]),
    ("/mailboxes", || get(deposits::mailboxes), &[Method::GET]),
    ("/deposits", || get(deposits::list).post(deposits::begin), &[Method::GET, Method::POST]),
    ("/deposits/{id}", || get(deposits::show).delete(deposits::discard), &[Method::GET, Method::DELETE]),
    ("/deposits/{id}/files/{name}", || put(files::put).delete(files::remove), &[Method::PUT, Method::DELETE]),
    (
        "/deposits/{id}/uploads",
        || post(files::uploads).options(files::uploads),
        &[Method::POST, Method::OPTIONS],
    ),
    (
        "/deposits/{id}/uploads/{upload}",
        || {
            on(MethodFilter::HEAD, files::upload)
                .patch(files::upload)
                .delete(files::upload)
                .options(files::upload)
        },
        &[Method::HEAD, Method::PATCH, Method::DELETE, Method::OPTIONS],
    ),
    ("/deposits/{id}/send", || post(deposits::send), &[Method::POST]),
    ("/deposits/{id}/receipt", || get(deposits::receipt), &[Method::GET]),
];

/// The routes. Files are bounded by the mailbox's own limits, while they stream.
pub(in crate::web) fn routes() -> Router<Shared> {
    let add =
        |router: Router<Shared>, (path, serve, _): &ApiPath| router.route(&format!("{ROOT}{path}"), serve());
    PATHS.iter().fold(Router::new(), add).layer(DefaultBodyLimit::disable())
}

/// The document itself: it tells nothing that is not published with the program.
async fn document() -> Response {
    let json = HeaderValue::from_static("application/json");
    Answer::text(StatusCode::OK, OPENAPI).instead(CONTENT_TYPE, json).into_response()
}
