//! Whose software asks: a bearer token (RFC 6750), else the certificate of the connection. Read anew at each request.

use axum::extract::FromRequestParts;
use axum::http::StatusCode;
use axum::http::header::AUTHORIZATION;
use axum::http::request::Parts;
use axum::response::{IntoResponse, Response};

use super::problem::{Problem, ProblemCode};
use crate::app::{ApiAccessError, ShownProof};
use crate::identity::ApiClient;
use crate::value::Digest;
use crate::web::Shared;
use crate::web::answer::Errors;
use crate::web::request::Guest;

/// The certificate that a connection showed in its TLS handshake: SHA-256 of its DER form. That it has the key is proved.
#[derive(Debug, Clone, Copy)]
pub struct ClientCertificate(pub Digest);

/// A partner's software that may ask now.
pub(super) struct Caller {
    pub(super) client: ApiClient,
    pub(super) guest: Guest,
}

impl FromRequestParts<Shared> for Caller {
    type Rejection = Response;

    async fn from_request_parts(parts: &mut Parts, shared: &Shared) -> Result<Self, Response> {
        let Ok(guest) = Guest::from_request_parts(parts, shared).await;
        let bearer = parts.headers.get(AUTHORIZATION).map(|value| value.to_str().unwrap_or_default());
        let certificate = parts.extensions.get::<ClientCertificate>();
        let shown = match (bearer, certificate) {
            (Some(header), _) => ShownProof::Bearer(bearer_of(header)),
            (None, Some(certificate)) => ShownProof::Certificate(certificate.0),
            (None, None) => ShownProof::Nothing,
        };
        let errors = Errors::new(shared, &guest);
        match shared.app.api_client(shown).await {
            Ok(client) => Ok(Self { client, guest }),
            Err(ApiAccessError::Fault(error)) => Err(errors.fault(&error)),
            Err(ApiAccessError::Refused(refusal)) => {
                // Who asks without end is refused without an entry each.
                if let Err(minutes) = shared.failures.begin(guest.visitor.address, shared.app.now().at) {
                    let problem = Problem::new(ProblemCode::TooMany, guest.language);
                    return Err(problem.retry_after(u64::from(minutes) * 60).into_response());
                }
                let logged = shared.app.log_client_refused(refusal, guest.visitor).await;
                logged.map_err(|error| errors.fault(&error))?;
                let problem = Problem::new(ProblemCode::Unauthorized, guest.language);
                Err(problem.with_status(StatusCode::UNAUTHORIZED).into_response())
            }
        }
    }
}

/// The token of an `Authorization` header; the scheme in any case (RFC 9110 section 11.1).
fn bearer_of(header: &str) -> &str {
    match header.split_once(' ') {
        Some((scheme, token)) if scheme.eq_ignore_ascii_case("bearer") => token.trim(),
        _ => "",
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_bearer_token_is_read_whatever_the_case_of_its_scheme_and_no_other_scheme() {
        assert_eq!(bearer_of("Bearer pli_x"), "pli_x");
        assert_eq!(bearer_of("bearer  pli_x"), "pli_x");
        for other in ["Basic pli_x", "pli_x", "", "Bearer"] {
            assert_eq!(bearer_of(other), "", "{other}");
        }
    }
}
