//! `pli key`: the public halves of the gateway's keys.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{ListOptions, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Show the log's public key and the recipients.
    Show(ListOptions),
}

pub(super) fn run(directory: &Path, action: &Action) -> ExitCode {
    let Action::Show(options) = action;
    print(directory, Request::KeyShow(*options))
}
