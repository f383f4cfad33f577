//! `pli breach`: the kit of a breach (S3), as files.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;

use super::gateway::run as run_request;
use super::recover::Files;
use crate::serve::{BreachRequest, Request};

#[derive(Args)]
pub(super) struct Options {
    #[command(flatten)]
    scope: BreachRequest,
    /// The directory to write into.
    #[arg(short, long, value_name = "DIR")]
    output: PathBuf,
}

pub(super) fn run(directory: &Path, options: Options) -> ExitCode {
    run_request(directory, Request::BreachKit(options.scope), &mut Files::below(options.output))
}
