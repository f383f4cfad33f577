//! The demonstration: the same gateway, in one directory, with a world of its own, its mails kept as files and a clock
//! that can be moved. Nothing here exists outside `pli demo`.

mod clock;
mod described;
mod files;
mod host;
mod outbox;
mod people;
mod world;

use std::io::{self, Write};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use thiserror::Error;

pub use clock::DemoClock;
pub use files::identity_file;
pub use outbox::Outbox;

use crate::app::ports::{NoNames, NoSenderAuthentication};
use crate::app::{App, AppError};
use crate::audit::Origin;
use crate::config::{Config, ConfigError, DemoSection};
use crate::jobs::Work;
use crate::serve::authority::AuthorityError;
use crate::serve::{BindError, Doors, Gateway, OpenError, Seams, ServeError, harden, open, start_logging};
use crate::value::IdError;
use described::Described;
use host::Host;

/// Why the demonstration does not run. Whoever started it must act.
#[derive(Debug, Error)]
pub enum DemoError {
    /// A file of its directory cannot be read or written.
    #[error("{} cannot be read or written: {source}", path.display())]
    File {
        /// Which one.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// A file of its directory does not hold what it should.
    #[error("{} does not hold what a demonstration wrote: remove the directory to begin anew", path.display())]
    Damaged {
        /// Which one.
        path: PathBuf,
    },
    /// The directory is that of a gateway which is no demonstration.
    #[error("{} is no demonstration: choose another directory with --dir", path.display())]
    NoDemonstration {
        /// Which one.
        path: PathBuf,
    },
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The gateway cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// An address is taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// The certificates cannot be made.
    #[error(transparent)]
    Authority(#[from] AuthorityError),
    /// The gateway ended by an error.
    #[error(transparent)]
    Serve(#[from] ServeError),
    /// The world could not be made.
    #[error(transparent)]
    App(#[from] AppError),
    /// A name of the world is refused: a defect.
    #[error("defect: a name of the demonstration's world is refused")]
    Name,
}

impl From<IdError> for DemoError {
    fn from(_: IdError) -> Self {
        Self::Name
    }
}

impl From<crate::value::AddressError> for DemoError {
    fn from(_: crate::value::AddressError) -> Self {
        Self::Name
    }
}

impl DemoError {
    fn file(path: &Path) -> impl FnOnce(io::Error) -> Self + '_ {
        |source| Self::File { path: path.to_owned(), source }
    }
}

/// The parts that a demonstration has of its own; also for a command that opens its store while it does not run.
pub struct Parts {
    clock: Arc<DemoClock>,
    outbox: Arc<Outbox>,
}

impl Parts {
    /// The clock as it was moved last, and the outbox.
    pub fn of(config: &Config, section: &DemoSection) -> Result<Self, DemoError> {
        let clock = DemoClock::open(&section.clock_file, &config.clock.synchronised_file)
            .map_err(DemoError::file(&section.clock_file))?;
        let outbox = Outbox::open(&section.outbox).map_err(DemoError::file(&section.outbox))?;
        Ok(Self { clock: Arc::new(clock), outbox: Arc::new(outbox) })
    }

    /// As the gateway takes them.
    pub fn seams(&self) -> Seams {
        Seams {
            clock: Arc::clone(&self.clock) as _,
            delivery: Arc::clone(&self.outbox) as _,
            // A demonstration asks nobody outside.
            senders: Arc::new(NoSenderAuthentication),
            names: Arc::new(NoNames),
        }
    }
}

/// Runs the demonstration of a directory, made now if it is not there.
pub async fn run(directory: &Path, http: &str, smtp: &str) -> Result<(), DemoError> {
    files::prepare(directory, http, smtp)?;
    let mut config = Config::load(directory)?;
    let Some(section) = config.demo.clone() else {
        return Err(DemoError::NoDemonstration { path: directory.to_owned() });
    };
    start_logging(&config.log);
    if let Err(error) = harden() {
        tracing::warn!(%error, "process.not_hardened");
    }
    http.clone_into(&mut config.http.listen);
    smtp.clone_into(&mut config.smtp.listen);
    let doors = Doors::open(&config).await?;
    config.gateway.base_url = format!("http://{}", doors.http.address);

    let parts = Parts::of(&config, &section)?;
    let app = open(&config, parts.seams())?;
    believe_the_clock(&app, &parts.clock).await?;
    let people = people::load_or_choose(directory)?;
    world::complete(&app, &people).await?;
    let described = Described::of(&app, &people, &doors).await?;
    described.write(directory)?;

    let work = Arc::new(Work::new(Arc::clone(&app)));
    let host = Host::new(&app, &work, parts, described.clone());
    let gateway = Gateway { config, app, work, demo: Some(Arc::new(host)) };
    gateway.run(doors, || tell(&described)).await?;
    Ok(())
}

/// Confirms the clock where nobody else would: after the machine was started anew, or when the process died between
/// moving the clock and confirming that. A clock that jumped while the machine ran stays unbelieved, as in any gateway.
async fn believe_the_clock(app: &Arc<App>, clock: &DemoClock) -> Result<(), DemoError> {
    use crate::app::ports::Clock;
    let anchor = app.keyring.clock_anchor().map_err(AppError::from)?;
    let rebooted = anchor.is_some_and(|anchor| clock::went_on_after_a_reboot(&anchor, &clock.read()));
    if rebooted || clock.was_moved_without_confirmation() {
        app.confirm_clock(Origin::Job, None).await?;
        clock.confirmed().map_err(DemoError::file(clock.file()))?;
    }
    if !app.now().believed {
        tracing::error!("clock.not_believed: access is closed; look at it, then `pli clock confirm`");
    }
    Ok(())
}

/// The table for people, then the one line for programs.
fn tell(described: &Described) {
    let mut out = io::stdout().lock();
    let told = write!(out, "{}", described.table())
        .and_then(|()| writeln!(out, "{}", described.ready_line()))
        .and_then(|()| out.flush());
    if let Err(error) = told {
        tracing::warn!(%error, "demo.not_told");
    }
}
