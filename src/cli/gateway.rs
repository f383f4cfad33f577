//! Commands that need the store: asked of the gateway that runs, or done on the store when none runs. Either way the
//! answer comes in the same pieces.

use std::io::{self, Write};
use std::path::Path;
use std::process::ExitCode;

use thiserror::Error;
use tokio::sync::mpsc;

use super::{block_on, ended};
use crate::config::{Config, ConfigError};
use crate::demo::{DemoError, Parts};
use crate::serve::control::{REPLIES_WAITING, Reply, ask};
use crate::serve::{OpenError, Request, Seams, execute, harden, open};

/// Why a command is not done.
#[derive(Debug, Error)]
pub(super) enum GatewayError {
    /// The configuration is refused.
    #[error(transparent)]
    Config(#[from] ConfigError),
    /// The store cannot be opened.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The demonstration's parts cannot be opened.
    #[error(transparent)]
    Demo(#[from] DemoError),
    /// The gateway that runs cannot be talked to, or the answer cannot be written.
    #[error("{0}")]
    Io(#[from] io::Error),
    /// It was refused, or went wrong.
    #[error("{0}")]
    Told(String),
    /// The answer stopped in the middle.
    #[error("the gateway ended before its answer did")]
    Unfinished,
}

/// Takes an answer's pieces, but for its end.
pub(super) trait Sink {
    /// Takes one.
    fn take(&mut self, reply: Reply) -> io::Result<()>;
}

/// Prints lines.
pub(super) struct Print;

impl Sink for Print {
    fn take(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::Line(line) => writeln!(io::stdout().lock(), "{line}"),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

/// Does a request and prints its lines.
pub(super) fn print(directory: &Path, request: Request) -> ExitCode {
    run(directory, request, &mut Print)
}

/// Does a request.
pub(super) fn run(directory: &Path, request: Request, sink: &mut dyn Sink) -> ExitCode {
    ended(block_on(answer(directory, request, sink)))
}

/// Does a request; every piece of the answer goes to `sink`.
pub(super) async fn answer(
    directory: &Path,
    request: Request,
    sink: &mut dyn Sink,
) -> Result<(), GatewayError> {
    let config = Config::load(directory)?;
    if let Some(mut answer) = ask(&config.control_socket(), &request).await? {
        loop {
            match answer.next().await? {
                Reply::End => return Ok(()),
                Reply::Error(told) => return Err(GatewayError::Told(told)),
                reply => sink.take(reply)?,
            }
        }
    }
    // Not a core file, whatever happens: keys are about to be in memory.
    let _ = harden();
    let seams = match &config.demo {
        Some(section) => Parts::of(&config, section)?.seams(),
        None => Seams::of(&config)?,
    };
    let app = open(&config, seams)?;
    app.look_for_restoration().await.map_err(OpenError::from)?;
    let (replies, mut pieces) = mpsc::channel(REPLIES_WAITING);
    let work = tokio::spawn(async move { execute(&app, request, replies).await });
    let mut outcome = Err(GatewayError::Unfinished);
    while let Some(reply) = pieces.recv().await {
        match reply {
            Reply::End => outcome = Ok(()),
            Reply::Error(told) => outcome = Err(GatewayError::Told(told)),
            reply => sink.take(reply)?,
        }
    }
    work.await.map_err(io::Error::other)?;
    outcome
}
