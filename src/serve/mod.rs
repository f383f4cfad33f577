//! Runs a gateway: opens its doors, starts its jobs, waits for the word to stop, drains, and ends the log with a
//! signature. What it is made of comes from [`open`]; the demonstration runs the same.

mod any_certificate;
pub mod authority;
pub mod control;
mod delivery;
mod figures;
mod forward;
mod hardening;
mod listeners;
mod logging;
mod mail_door;
mod oidc;
mod open;
mod outside;
pub mod policies;
mod requests;
mod self_check;
mod service_manager;
mod submission_door;
mod tls;
mod witness;

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use thiserror::Error;
use tokio::signal::unix::{Signal, SignalKind, signal};
use tokio::task::JoinSet;
use tokio_util::sync::CancellationToken;

pub use delivery::{MailRelay, RelayError};
pub use forward::{JsonFile, JsonSocket, SyslogSink};
pub use hardening::{harden, swap_is_on};
pub use listeners::{BindError, Bound, bind};
pub use logging::start as start_logging;
pub use open::{OpenError, Seams, clamd, names, open, timestamps};
pub use outside::{Outside, OutsideError};
pub use requests::{
    AccountNamed, AccountStep, Allowed, BreachRequest, DkimNamed, Exclusion, Foundation, Invited,
    ListOptions, MailPasswordRequest, MailboxChange, MailboxLimits, ManagerNamed, Membership, NewAccount,
    NewDkimKey, NewMailbox, NewOrganisation, NewPartner, NewToken, ProofWanted, QueueChosen, QueueListed,
    QueueSelection, QueueShown, QueueStateName, RecoveryAsk, RecoveryConfirm, RecoveryKeys, Request,
    RequestError, Reset, SuspendedMailsOptions, TokenNamed, execute,
};
pub use tls::{CertificateError, Certificates, read_chain};
pub use witness::{WitnessError, run_witness};

use crate::app::ports::ForwardTarget;
use crate::app::{App, AppError, EntrySink};
use crate::audit::Action;
use crate::config::{Config, ConfigError};
use crate::jobs::{self, Work};
use crate::smtp::{self, ListenerConfig, ListenerLimits, ListenerTls, SessionLimits};
use crate::web::{self, DemoHost, HttpLimits, WebConfig};
use mail_door::MailDoor;
use submission_door::SubmissionDoor;

/// How long what is under way may take when the gateway stops.
const DRAIN: Duration = Duration::from_secs(20);
/// How often the store is asked whether it still answers, and how many times it may not before the gateway stops.
const STORE_WATCH_EVERY: Duration = Duration::from_secs(10);
const STORE_SILENCES_MAX: u32 = 3;

/// Why a gateway does not run. The operator must act.
#[derive(Debug, Error)]
pub enum ServeError {
    /// It could not be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address is taken or not there.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// A certificate cannot be used.
    #[error(transparent)]
    Certificate(#[from] CertificateError),
    /// Services outside cannot be reached with TLS.
    #[error(transparent)]
    Outside(#[from] OutsideError),
    /// The configuration does not fit together.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// A use case failed.
    #[error(transparent)]
    App(#[from] AppError),
    /// Figures cannot be kept.
    #[error(transparent)]
    Metrics(#[from] figures::MetricsError),
    /// The control socket cannot be made.
    #[error("the control socket {} cannot be made: {source}", path.display())]
    Control {
        /// Where.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The provider's secret cannot be read.
    #[error("the secret of [oidc], {}, cannot be read: {source}", path.display())]
    ProviderSecret {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The provider's address is none.
    #[error("[oidc] issuer is no address")]
    ProviderAddress,
    /// Signals cannot be listened to.
    #[error("signals cannot be listened to: {0}")]
    Signals(io::Error),
}

/// The doors of a gateway, open but not yet answering: whoever comes waits.
pub struct Doors {
    /// The pages.
    pub http: Bound,
    /// Mail.
    pub smtp: Bound,
    /// Mail programs that begin with STARTTLS, if they are served.
    pub submission_starttls: Option<Bound>,
    /// Mail programs that begin with TLS, if they are served.
    pub submission_tls: Option<Bound>,
    /// Figures, if they are served.
    pub metrics: Option<Bound>,
}

impl Doors {
    /// Binds what the configuration says.
    pub async fn open(config: &Config) -> Result<Self, BindError> {
        Ok(Self {
            http: bind(&config.http.listen).await?,
            smtp: bind(&config.smtp.listen).await?,
            submission_starttls: bind_some(config.submission.listen_starttls.as_deref()).await?,
            submission_tls: bind_some(config.submission.listen_tls.as_deref()).await?,
            metrics: bind_some(config.metrics.listen.as_deref()).await?,
        })
    }
}

async fn bind_some(address: Option<&str>) -> Result<Option<Bound>, BindError> {
    match address {
        Some(address) => bind(address).await.map(Some),
        None => Ok(None),
    }
}

/// A gateway that is ready to run.
pub struct Gateway {
    /// Its configuration.
    pub config: Config,
    /// The use cases.
    pub app: Arc<App>,
    /// Its jobs' work, shared with who moves the demonstration's clock.
    pub work: Arc<Work>,
    /// The demonstration, if it is one.
    pub demo: Option<Arc<dyn DemoHost>>,
}

impl Gateway {
    /// Runs until SIGTERM or SIGINT. `ready` is called once everything answers.
    pub async fn run(self, doors: Doors, ready: impl FnOnce()) -> Result<(), ServeError> {
        let mut signals = Signals::listen().map_err(ServeError::Signals)?;
        let certificates = Certificates::load(&self.config)?;
        self.begin().await?;
        let (door, refusals) = MailDoor::new(Arc::clone(&self.app)).await?;
        let door = Arc::new(door);
        let (stop, doors_closed) = (CancellationToken::new(), CancellationToken::new());
        let mut answering = self.answer(doors, &certificates, &door, &doors_closed)?;
        let mut jobs = jobs::start(&self.work, &stop);
        jobs.spawn(refusals.log());
        let outside = Outside::new(tls::roots(self.config.audit.authorities.as_deref())?)?;
        self.provide(&outside)?;
        self.forward(&mut jobs, &stop)?;
        jobs.spawn(outside::timestamp_loop(Arc::clone(&self.app), outside.clone(), stop.clone()));
        jobs.spawn(outside::witness_loop(Arc::clone(&self.app), outside, stop.clone()));
        let control = self.control(&door, &stop)?;
        jobs.spawn(control);
        jobs.spawn(service_manager::keep_alive(stop.clone()));
        service_manager::ready();
        ready();
        let lost = CancellationToken::new();
        jobs.spawn(watch_store(Arc::clone(&self.app), lost.clone(), stop.clone()));
        jobs.spawn(self_check::daily(self.config.clone(), Arc::clone(&self.app), stop.clone()));
        loop {
            tokio::select! {
                word = signals.next() => match word {
                    Word::Reload => self.reload(&certificates, &door).await,
                    Word::Stop => break,
                },
                // What was told is on the disk; what the store holds in memory is not known any more. A new start reads
                // what is durable, so the service manager is left to make one.
                () = lost.cancelled() => {
                    tracing::error!("store.lost: the gateway stops; start it again when the disk is well");
                    break;
                }
            }
        }
        tracing::info!("gateway.stopping");
        service_manager::stopping();
        signals.end_at_once_on_the_next();
        doors_closed.cancel();
        drain(&mut answering).await;
        // The log of refusals ends with the last door.
        drop(door);
        stop.cancel();
        drain(&mut jobs).await;
        self.end().await
    }

    /// Keys are there before the first deposit, and the log tells of the start.
    async fn begin(&self) -> Result<(), AppError> {
        self.app.look_for_restoration().await?;
        if self.app.is_closed() {
            tracing::warn!("gateway.closed: a backup was restored; look at it, then `pli restore --open`");
        }
        self.app.log_gateway(Action::GatewayStarted).await?;
        let now = self.app.now();
        if now.believed { self.app.make_keys(now.at).await } else { Ok(()) }
    }

    /// The log ends with a signature.
    async fn end(&self) -> Result<(), ServeError> {
        self.app.log_gateway(Action::GatewayStopped).await?;
        self.work.checkpoint().await?;
        tracing::info!("gateway.stopped");
        Ok(())
    }

    fn answer(
        &self,
        doors: Doors,
        certificates: &Certificates,
        door: &Arc<MailDoor>,
        closed: &CancellationToken,
    ) -> Result<JoinSet<()>, ServeError> {
        let mut answering = JoinSet::new();
        let secure_cookies = self.config.gateway.base_url.starts_with("https://");
        let pages = web::router(Arc::clone(&self.app), WebConfig { secure_cookies, demo: self.demo.clone() });
        for listener in doors.http.listeners {
            let (tls, limits) = (certificates.http.clone(), HttpLimits::default());
            answering.spawn(web::serve(listener, tls, pages.clone(), limits, closed.clone()));
        }
        for listener in doors.smtp.listeners {
            let config = self.mail_listener(certificates);
            answering.spawn(smtp::serve(listener, config, Arc::clone(door) as _, closed.clone()));
        }
        if let Some(certificate) = &certificates.submission {
            let submission = [
                (doors.submission_starttls, ListenerTls::StartTls(certificate.clone())),
                (doors.submission_tls, ListenerTls::Implicit(certificate.clone())),
            ];
            let door = Arc::new(SubmissionDoor::new(Arc::clone(&self.app)));
            for (bound, tls) in submission {
                for listener in bound.into_iter().flat_map(|bound| bound.listeners) {
                    let config = ListenerConfig { tls: tls.clone(), ..self.mail_listener(certificates) };
                    let door = Arc::clone(&door) as _;
                    answering.spawn(smtp::serve_submission(listener, config, door, closed.clone()));
                }
            }
        }
        if let Some(bound) = doors.metrics {
            let router = figures::start()?;
            for listener in bound.listeners {
                answering.spawn(figures::serve(listener, router.clone(), closed.clone()));
            }
        }
        Ok(answering)
    }

    /// Sets the organisation's own sign-in up, where the configuration has one.
    fn provide(&self, outside: &Outside) -> Result<(), ServeError> {
        let section = &self.config.oidc;
        let Some(file) = section.client_secret_file.as_ref().filter(|_| section.is_on()) else {
            return Ok(());
        };
        let secret = std::fs::read_to_string(file)
            .map_err(|source| ServeError::ProviderSecret { path: file.clone(), source })?;
        let (base, secret) = (&self.config.gateway.base_url, secret.trim().to_owned());
        let provider = oidc::Oidc::new(section.clone(), base, secret, outside.clone());
        self.app.use_provider(Arc::new(provider.ok_or(ServeError::ProviderAddress)?));
        Ok(())
    }

    /// Hands the log on to where the configuration says.
    fn forward(&self, jobs: &mut JoinSet<()>, stop: &CancellationToken) -> Result<(), ServeError> {
        let audit = &self.config.audit;
        let mut add = |target, sink| {
            jobs.spawn(forward::forward_loop(Arc::clone(&self.app), target, sink, stop.clone()));
        };
        if let Some(address) = &audit.forward_syslog {
            let roots = tls::roots(audit.authorities.as_deref())?;
            let name = audit.syslog_server_name()?;
            let hostname = self.config.smtp.hostname.to_string();
            let sink = SyslogSink::new(address, name, roots, &hostname).map_err(OutsideError::from)?;
            add(ForwardTarget::Syslog, Box::new(sink) as Box<dyn EntrySink>);
        }
        if let Some(file) = &audit.forward_json_file {
            add(ForwardTarget::JsonFile, Box::new(JsonFile(file.clone())));
        }
        if let Some(socket) = &audit.forward_json_socket {
            add(ForwardTarget::JsonSocket, Box::new(JsonSocket(socket.clone())));
        }
        Ok(())
    }

    fn mail_listener(&self, certificates: &Certificates) -> ListenerConfig {
        let smtp = &self.config.smtp;
        let session = SessionLimits { message: smtp.message_max(), ..SessionLimits::default() };
        ListenerConfig {
            hostname: smtp.hostname.clone(),
            tls: certificates.smtp.clone().map_or(ListenerTls::Off, ListenerTls::StartTls),
            requires_tls: smtp.requires_tls,
            offers_requiretls: self.config.relay.can_keep_requiretls(),
            limits: ListenerLimits { session, ..ListenerLimits::default() },
        }
    }

    fn control(
        &self,
        door: &Arc<MailDoor>,
        stop: &CancellationToken,
    ) -> Result<impl Future<Output = ()> + use<>, ServeError> {
        let path = self.config.control_socket();
        let socket = control::listen(&path).map_err(|source| ServeError::Control { path, source })?;
        let (app, work, door) = (Arc::clone(&self.app), Arc::clone(&self.work), Arc::clone(door));
        Ok(control::serve(socket, stop.clone(), move |request, replies| {
            let (app, work, door) = (Arc::clone(&app), Arc::clone(&work), Arc::clone(&door));
            async move {
                let confirmed = matches!(request, Request::ClockConfirm);
                execute(&app, request, replies).await;
                // What the request changed bites now: addresses that mail is taken for, keys that were not made.
                let refreshed = door.refresh().await;
                let kept_up = if confirmed { work.upkeep().await.map(drop) } else { Ok(()) };
                if let Err(error) = refreshed.and(kept_up) {
                    tracing::error!(%error, "control.not_followed_up");
                }
            }
        }))
    }

    /// Reads certificates and policies anew; on an error all stays as it was, and the operator reads why.
    async fn reload(&self, certificates: &Certificates, door: &MailDoor) {
        service_manager::reloading();
        let loaded = policies::load(self.config.policies.directory.as_deref());
        let reloaded = match (certificates.reload(&self.config), loaded) {
            (Ok(()), Ok(policies)) => {
                self.app.policies.store(Arc::new(policies));
                let logged = self.app.log_gateway(Action::ConfigurationReloaded).await;
                tracing::info!("gateway.reloaded");
                door.refresh().await.and(logged)
            }
            (certificates, policies) => {
                let certificates = certificates.err().map(|error| error.to_string());
                let policies = policies.err().map(|error| error.to_string());
                tracing::error!(?certificates, ?policies, "gateway.not_reloaded");
                Ok(())
            }
        };
        if let Err(error) = reloaded {
            tracing::error!(%error, "gateway.not_reloaded");
        }
        service_manager::ready();
    }
}

/// Waits for tasks, not for ever.
/// Says that the store is lost when it does not answer for half a minute.
async fn watch_store(app: Arc<App>, lost: CancellationToken, stop: CancellationToken) {
    let mut silent = 0;
    while silent < STORE_SILENCES_MAX {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(STORE_WATCH_EVERY) => {}
        }
        silent = if app.log_state().await.is_ok() { 0 } else { silent + 1 };
    }
    lost.cancel();
}

async fn drain(tasks: &mut JoinSet<()>) {
    let ended = tokio::time::timeout(DRAIN, async { while tasks.join_next().await.is_some() {} });
    if ended.await.is_err() {
        tracing::warn!(tasks = tasks.len(), "gateway.cut_off");
        tasks.shutdown().await;
    }
}

/// What a signal asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Word {
    Stop,
    Reload,
}

struct Signals {
    terminate: Signal,
    interrupt: Signal,
    hang_up: Signal,
}

impl Signals {
    fn listen() -> io::Result<Self> {
        Ok(Self {
            terminate: signal(SignalKind::terminate())?,
            interrupt: signal(SignalKind::interrupt())?,
            hang_up: signal(SignalKind::hangup())?,
        })
    }

    async fn next(&mut self) -> Word {
        tokio::select! {
            _ = self.terminate.recv() => Word::Stop,
            _ = self.interrupt.recv() => Word::Stop,
            _ = self.hang_up.recv() => Word::Reload,
        }
    }

    /// Somebody who asks twice does not want to wait.
    fn end_at_once_on_the_next(mut self) {
        tokio::spawn(async move {
            while self.next().await == Word::Reload {}
            tracing::warn!("gateway.ended_at_once");
            std::process::exit(1);
        });
    }
}
