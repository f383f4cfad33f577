//! Before a dangerous act: a proof of the person that is recent enough, or the page that asks for one and goes on with the act.
//! It stands around the routes, so that no handler can forget it; [`DANGEROUS`] names them.

use axum::body::{Body, to_bytes};
use axum::extract::{Form, FromRequest, FromRequestParts, MatchedPath, Query, Request, State};
use axum::http::header::{CONTENT_LENGTH, CONTENT_TYPE};
use axum::http::{HeaderValue, Method, StatusCode};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use bytes::Bytes;
use serde::Deserialize;
use zeroize::Zeroizing;

use super::answer::{Answer, Errors, Outcome};
use super::passkey::shown;
use super::request::Guest;
use super::sign_in::{START, is_local};
use super::views::{ErrorKind, StepUpNotice, StepUpPage};
use super::{FORM_BODY_MAX_BYTES, Shared};
use crate::app::{OpenError, SignInError, Signed, TypedProof};
use crate::identity::{Password, SignInWay};
use crate::value::ByteSize;

/// The longest body that is looked at.
const WHOLE_BODY_MAX_BYTES: usize = 4 * 1024 * 1024;
/// The media type of what forms send.
const FORM: &str = "application/x-www-form-urlencoded";

/// The routes that ask for a recent proof: who opens a mailbox, who has an account, what ends a transfer, what leaves the gateway, the
/// own keys.
/// Changing the password and the second factor ask for the password themselves.
pub(in crate::web) const DANGEROUS: [(Method, &str); 22] = [
    (Method::POST, "/boites/{mailbox}/membres"),
    (Method::POST, "/boites/{mailbox}/membres/garde"),
    (Method::POST, "/boites/{mailbox}/reglages"),
    (Method::POST, "/comptes"),
    (Method::GET, "/comptes.csv"),
    (Method::POST, "/structures/{structure}"),
    (Method::POST, "/structures/{structure}/import"),
    (Method::POST, "/transferts/{reference}/retirer"),
    (Method::POST, "/compte/phrase"),
    (Method::GET, "/compte/cles-acces"),
    (Method::POST, "/compte/cles-acces/retirer"),
    (Method::GET, "/structures/{structure}/comptes.csv"),
    (Method::GET, "/structures/{structure}/historique.csv"),
    (Method::POST, "/structures/{structure}/jetons"),
    (Method::POST, "/structures/{structure}/jetons/revoquer"),
    (Method::POST, "/dossiers/violation"),
    (Method::POST, "/dossiers/traitements"),
    (Method::POST, "/dossiers/personne"),
    (Method::GET, "/journal/droits.csv"),
    (Method::GET, "/journal/export.csv"),
    (Method::GET, "/journal/export.jsonl"),
    (Method::GET, "/journal/export.bundle"),
];

/// Where one goes on to.
#[derive(Deserialize)]
pub(in crate::web) struct Asked {
    suite: Option<String>,
}

/// What the page of proof sends.
#[derive(Deserialize)]
pub(in crate::web) struct ProofForm {
    acte: String,
    #[serde(default)]
    preuve: String,
    #[serde(default)]
    code: String,
    #[serde(default)]
    ceremonie: String,
    #[serde(default)]
    cle: String,
    #[serde(default)]
    prf: Zeroizing<String>,
}

/// The layer around the routes.
pub(in crate::web) async fn ask(State(shared): State<Shared>, request: Request, next: Next) -> Response {
    let matched = request.extensions().get::<MatchedPath>().map(|path| path.as_str().to_owned());
    if !is_dangerous(request.method(), matched.as_deref()) {
        return next.run(request).await;
    }
    let (mut parts, body) = request.into_parts();
    let Ok(guest) = Guest::from_request_parts(&mut parts, &shared).await;
    let errors = Errors::new(&shared, &guest);
    let signed = match guest.signed(&shared).await {
        Ok(Some(signed)) => signed,
        // The handler sends whoever is not signed in to where one signs in.
        Ok(None) => return next.run(Request::from_parts(parts, body)).await,
        Err(error) => return errors.fault(&error),
    };
    let is_form =
        parts.headers.get(CONTENT_TYPE).is_none_or(|kind| kind.as_bytes().starts_with(FORM.as_bytes()));
    let by_get = parts.method == Method::GET;
    let asking = Asking { shared: &shared, guest: &guest, signed: &signed, by_get };
    let Ok(body) = to_bytes(body, WHOLE_BODY_MAX_BYTES).await else {
        return errors.page(ErrorKind::TooLarge { limit: ByteSize(WHOLE_BODY_MAX_BYTES as u64) });
    };
    let path = parts.uri.path_and_query().map_or("/", |path| path.as_str()).to_owned();
    let proof = if is_form { proof_in(&body).await } else { None };
    let act = match proof {
        // How large it may be is the handler's to say.
        None if shared.app.is_recently_proven(&signed) => body.to_vec(),
        None if is_form && body.len() <= FORM_BODY_MAX_BYTES => {
            return asking.page(StatusCode::FORBIDDEN, &path, &body, None);
        }
        // Too large to be carried along, or no plain form: the person proves first, and comes back to the page.
        None => return Asking { by_get: true, ..asking }.page(StatusCode::FORBIDDEN, &path, b"", None),
        Some(proof) => match asking.take(&path, proof).await {
            Ok(act) => act,
            Err(answer) => return answer,
        },
    };
    parts.headers.insert(CONTENT_LENGTH, HeaderValue::from(act.len()));
    next.run(Request::from_parts(parts, Body::from(act))).await
}

/// Takes the proof for what is asked for by GET, and goes there.
pub(in crate::web) async fn confirm(
    State(shared): State<Shared>,
    Query(asked): Query<Asked>,
    guest: Guest,
    Form(proof): Form<ProofForm>,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let path = asked.suite.filter(|path| is_local(path)).ok_or_else(|| errors.page(ErrorKind::BadRequest))?;
    let signed = guest.signed(&shared).await.map_err(|error| errors.fault(&error))?;
    let signed = signed.ok_or_else(|| errors.open(&OpenError::NotSignedIn, &path))?;
    let asking = Asking { shared: &shared, guest: &guest, signed: &signed, by_get: true };
    asking.take(&path, proof).await?;
    Ok(Answer::see_other(&path).into_response())
}

/// Whether a request is one that asks for a proof.
fn is_dangerous(asked: &Method, matched: Option<&str>) -> bool {
    DANGEROUS.iter().any(|(method, path)| asked == method && matched == Some(path))
}

/// The proof in a form's body; none if it is the form of the act itself.
async fn proof_in(body: &Bytes) -> Option<ProofForm> {
    if !body.starts_with(b"acte=") {
        return None;
    }
    let form = Request::builder().method(Method::POST).header(CONTENT_TYPE, FORM);
    let form = form.body(Body::from(body.clone())).ok()?;
    Form::<ProofForm>::from_request(form, &()).await.ok().map(|form| form.0)
}

struct Asking<'a> {
    shared: &'a Shared,
    guest: &'a Guest,
    signed: &'a Signed,
    /// What is done is asked for by GET: its proof goes to a place of its own.
    by_get: bool,
}

impl Asking<'_> {
    /// Takes a proof; the act that goes on.
    async fn take(&self, path: &str, proof: ProofForm) -> Result<Vec<u8>, Response> {
        let Self { shared, guest, signed, .. } = *self;
        let errors = Errors::new(shared, guest).signed_as(Some(signed));
        let act = shared.app.unseal_act(signed, path, &proof.acte).map_err(|error| errors.fault(&error))?;
        let Some(act) = act else {
            return Err(self.page(StatusCode::UNPROCESSABLE_ENTITY, path, b"", Some(StepUpNotice::Over)));
        };
        let session = signed.session.id;
        if let Err(minutes) = shared.own_failures.begin(session, shared.app.now().at) {
            let notice = Some(StepUpNotice::TooMany { minutes });
            return Err(self.page(StatusCode::TOO_MANY_REQUESTS, path, &act, notice));
        }
        let proven = if proof.cle.is_empty() {
            let typed = TypedProof { password: Password::new(proof.preuve), code: proof.code };
            shared.app.prove_again(signed, typed, guest.visitor).await
        } else {
            let shown = shown(&proof.ceremonie, proof.cle, &proof.prf);
            shared.app.prove_with_passkey(signed, shown, guest.visitor).await
        };
        match proven {
            Ok(()) => {
                shared.own_failures.take_back(session);
                Ok(act)
            }
            Err(SignInError::Refused) => {
                Err(self.page(StatusCode::UNPROCESSABLE_ENTITY, path, &act, Some(StepUpNotice::Wrong)))
            }
            Err(SignInError::Fault(error)) => {
                shared.own_failures.take_back(session);
                Err(errors.fault(&error))
            }
        }
    }

    fn page(&self, status: StatusCode, path: &str, body: &[u8], notice: Option<StepUpNotice>) -> Response {
        let Self { shared, guest, signed, by_get } = *self;
        let errors = Errors::new(shared, guest).signed_as(Some(signed));
        let act = match shared.app.seal_act(signed, path, body) {
            Ok(act) => act,
            Err(error) => return errors.fault(&error),
        };
        let mut frame = guest.frame(shared, Some(signed));
        // The page is an answer to an act: a link to it in the other language would lose that.
        frame.path = None;
        let view = StepUpPage {
            frame,
            path: if by_get {
                let next = percent_encoding::utf8_percent_encode(path, percent_encoding::NON_ALPHANUMERIC);
                format!("/confirmer?suite={next}")
            } else {
                path.to_owned()
            },
            act,
            address: signed.account.address.to_string(),
            by_passphrase: signed.session.way == SignInWay::Provider,
            asks_code: signed.account.second_factor.is_some(),
            by_passkey: !signed.account.passkeys.is_empty(),
            provider: shared.app.provider_name().filter(|_| signed.session.way == SignInWay::Provider).map(
                |name| {
                    let next = if by_get { path } else { START };
                    let next =
                        percent_encoding::utf8_percent_encode(next, percent_encoding::NON_ALPHANUMERIC);
                    (name.to_owned(), format!("/connexion/fournisseur?encore=1&suite={next}"))
                },
            ),
            back: START.to_owned(),
            notice,
        };
        Answer::page(status, guest, &view).into_response()
    }
}
