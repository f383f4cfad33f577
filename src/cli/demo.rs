//! `pli demo`: runs a demonstration.

use std::path::Path;
use std::process::ExitCode;

use clap::Args;

use super::{DEMO_DIRECTORY, block_on, ended};
use crate::demo;

#[derive(Args)]
pub(super) struct Options {
    /// Where the pages are served; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", default_value = "localhost:8080")]
    http: String,
    /// Where mail is taken; port 0 lets the system choose.
    #[arg(long, value_name = "ADDR:PORT", default_value = "localhost:2525")]
    smtp: String,
}

pub(super) fn run(directory: Option<&Path>, options: &Options) -> ExitCode {
    let directory = directory.unwrap_or_else(|| Path::new(DEMO_DIRECTORY));
    ended(block_on(demo::run(directory, &options.http, &options.smtp)))
}
