//! The pages and what serves them: handlers that parse a request, call one use case and render a view. No rule is
//! decided here; no view knows of HTTP.

mod account;
mod accounts;
mod answer;
mod api;
pub mod assets;
mod boxes;
mod case;
mod case_more;
mod caseload;
mod defaults;
mod demo;
mod deposit;
mod desk;
mod dispatch;
mod download;
mod draft;
mod entry;
mod guard;
mod heard;
mod history;
mod key;
mod kits;
mod letter_states;
mod listener;
mod mailbox_settings;
mod members;
mod outside;
mod passkey;
mod people_import;
mod provider;
mod public;
mod receipt;
mod register;
mod request;
mod second_factor;
mod sent;
mod sign_in;
mod status;
mod step_up;
mod structures;
pub mod texts;
mod tokens;
mod transfer;
mod tus;
mod upload;
pub mod views;

use std::sync::Arc;

use axum::Router;
use axum::extract::DefaultBodyLimit;
use axum::middleware;
use axum::routing::{any, get, post};
use tokio::sync::Semaphore;

pub use api::{ClientCertificate, OPENAPI};
pub use demo::{DemoHost, DemoMailboxInfo, DemoPersonInfo, OutboxMail};
pub use listener::{HttpLimits, serve};
pub use views::DemoRole;

use crate::app::{App, OwnTries, Tries};

/// The largest body of a form without files.
const FORM_BODY_MAX_BYTES: usize = 64 * 1024;

/// What the pages need to know of their surroundings.
#[derive(Clone)]
pub struct WebConfig {
    /// Whether people reach the pages by HTTPS: cookies are then marked `Secure` and bound to the host.
    pub secure_cookies: bool,
    /// The demonstration, in demo mode only: its pages do not exist otherwise.
    pub demo: Option<Arc<dyn DemoHost>>,
}

/// What every handler shares.
#[derive(Clone)]
pub(in crate::web) struct Shared {
    app: Arc<App>,
    config: WebConfig,
    failures: Arc<Tries>,
    own_failures: Arc<OwnTries>,
    asks: Arc<Tries>,
    starts: Arc<Tries>,
    receipts: Arc<Tries>,
    downloads: Arc<Semaphore>,
}

/// All routes, on one page.
pub fn router(app: Arc<App>, config: WebConfig) -> Router {
    let (failures, asks) = (Tries::of_secrets(), Tries::of_asking());
    let downloads = Arc::new(Semaphore::new(download::DOWNLOADS_AT_ONCE));
    let shared = Shared {
        app,
        config,
        failures: Arc::new(failures),
        own_failures: Arc::default(),
        asks: Arc::new(asks),
        starts: Arc::new(Tries::of_starting()),
        receipts: Arc::new(Tries::of_asking()),
        downloads,
    };
    let forms = Router::new()
        .route("/", get(public::home))
        .route("/protection-des-donnees", get(public::data_protection))
        .route("/accessibilite", get(public::accessibility))
        .route("/assets/{name}", get(public::asset))
        .route("/health", get(public::health))
        .route("/ready", get(public::ready))
        .route("/depot/titre", post(deposit::check_title))
        .route("/depot/lien/{token}", get(deposit::show_link).post(deposit::follow_link))
        .route("/depot/{organisation}/{mailbox}", get(deposit::show).post(deposit::ask))
        .route("/depot/{organisation}/{mailbox}/code", post(deposit::type_code))
        .route("/connexion", get(sign_in::show).post(sign_in::sign_in))
        .route("/confirmer", post(step_up::confirm))
        .route("/cle", get(key::show).post(key::unlock))
        .route("/avis-recus/{link}", get(heard::show).post(heard::press))
        .route("/deconnexion", post(sign_in::sign_out))
        .route("/boites", get(boxes::show))
        .route("/boites/{mailbox}", get(caseload::show))
        .route("/boites/{mailbox}/membres", get(members::show).post(members::change))
        .route("/boites/{mailbox}/membres/garde", post(members::custody))
        .route("/transferts/{reference}", get(transfer::show).post(transfer::open))
        .route("/transferts/{reference}/dossier", post(case::change))
        .route("/transferts/{reference}/ventiler", get(dispatch::show).post(dispatch::send))
        .route("/transferts/{reference}/fichiers/{number}", get(download::file))
        .route("/transferts/{reference}/tout.zip", get(download::archive))
        .merge(account::routes())
        .merge(entry::routes())
        .merge(case_more::routes())
        .merge(accounts::routes())
        .merge(defaults::routes())
        .merge(register::routes())
        .merge(outside::routes())
        .merge(passkey::routes())
        .merge(provider::routes())
        .merge(tokens::routes())
        .merge(sent::routes())
        .merge(status::routes())
        .merge(history::routes())
        .merge(mailbox_settings::routes())
        .merge(structures::routes())
        .merge(people_import::routes())
        .merge(second_factor::routes())
        .merge(desk::routes())
        .merge(kits::routes())
        .layer(middleware::from_fn_with_state(shared.clone(), step_up::ask))
        .layer(DefaultBodyLimit::max(FORM_BODY_MAX_BYTES));
    // Files are bounded by the mailbox's own limits, while they stream.
    let uploads = Router::new()
        .route("/depot/{organisation}/{mailbox}/brouillon/{draft}", get(draft::show).post(draft::submit))
        .route("/depot/{organisation}/{mailbox}/brouillon/{draft}/recu", get(draft::receipt))
        .route("/depot/{organisation}/{mailbox}/brouillon/{draft}/autres", post(draft::ask_for_other))
        .route("/depot/{organisation}/{mailbox}/brouillon/{draft}/autre-personne", post(draft::another))
        .route("/depot/{organisation}/{mailbox}/brouillon/{draft}/fichiers/tus", any(tus::uploads))
        .route("/depot/{organisation}/{mailbox}/brouillon/{draft}/fichiers/tus/{upload}", any(tus::upload))
        .layer(DefaultBodyLimit::disable());
    let mut routes = forms.merge(uploads).merge(api::routes()).merge(receipt::routes());
    if shared.config.demo.is_some() {
        routes = routes.merge(demo::routes());
    }
    routes
        .fallback(public::not_found)
        .method_not_allowed_fallback(public::method_not_allowed)
        .layer(middleware::from_fn_with_state(shared.clone(), guard::protect))
        .with_state(shared)
}
