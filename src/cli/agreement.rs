//! `pli agreement`: partnership agreements.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::failed;
use super::gateway::print;
use crate::serve::Request;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Import an agreement from its file, and say what it changes. Importing it again changes nothing.
    Import {
        /// The file; three examples are in policies/agreements.
        file: PathBuf,
    },
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let Action::Import { file } = action;
    match std::fs::read_to_string(&file) {
        Ok(text) => print(directory, Request::AgreementImport { text }),
        Err(error) => failed(&format!("{}: {error}", file.display())),
    }
}
