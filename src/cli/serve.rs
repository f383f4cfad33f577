//! `pli serve`: runs the gateway of a directory.

use std::path::Path;
use std::process::ExitCode;
use std::sync::Arc;

use super::{block_on, ended, failed};
use crate::config::{Config, ConfigError, FILE_NAME};
use crate::jobs::Work;
use crate::serve::{Bound, Doors, Gateway, Seams, ServeError, harden, open, start_logging, swap_is_on};

pub(super) fn run(directory: &Path) -> ExitCode {
    let config = match Config::load(directory) {
        Ok(config) if config.demo.is_some() => {
            return failed(&ConfigError::Demonstration { path: directory.join(FILE_NAME) });
        }
        Ok(config) => config,
        Err(error) => return failed(&error),
    };
    start_logging(&config.log);
    if let Err(error) = harden() {
        tracing::warn!(%error, "process.not_hardened");
    }
    if swap_is_on() == Some(true) {
        tracing::warn!("machine.swap_is_on: memory may be written to a disk; `pli check` says more");
    }
    ended(block_on(serve(config)))
}

async fn serve(config: Config) -> Result<(), ServeError> {
    let doors = Doors::open(&config).await?;
    let app = open(&config, Seams::of(&config)?)?;
    let work = Arc::new(Work::new(Arc::clone(&app)));
    let gateway = Gateway { config, app, work, demo: None };
    let (http, smtp) = (doors.http.address.clone(), doors.smtp.address.clone());
    let told =
        |bound: &Option<Bound>| bound.as_ref().map_or_else(|| "none".to_owned(), |it| it.address.clone());
    let (starttls, tls) = (told(&doors.submission_starttls), told(&doors.submission_tls));
    let metrics = told(&doors.metrics);
    let ready = move || {
        tracing::info!(
            http,
            smtp,
            submission_starttls = starttls,
            submission_tls = tls,
            metrics,
            "gateway.ready"
        );
    };
    gateway.run(doors, ready).await
}
