//! `pli clock`: an operator vouches for the machine's clock.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::Request;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Say that the machine's clock is right, after it jumped or the machine was started anew. Look at it first: what
    /// it shows as over is destroyed for good. Logged.
    Confirm,
}

pub(super) fn run(directory: &Path, action: &Action) -> ExitCode {
    let Action::Confirm = action;
    print(directory, Request::ClockConfirm)
}
