//! `pli site`: the sites of partners.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::failed;
use super::gateway::print;
use crate::serve::Request;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Import the sites of a partner from a table (CSV) with the columns site, generic_mailbox and, when known, siret and
    /// territory.
    Import {
        /// The partner's name.
        #[arg(long)]
        partner: String,
        /// Only tell what would change.
        #[arg(long)]
        dry_run: bool,
        /// The table.
        file: PathBuf,
    },
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let Action::Import { partner, dry_run, file } = action;
    match std::fs::read_to_string(&file) {
        Ok(text) => print(directory, Request::SiteImport { partner, text, dry_run }),
        Err(error) => failed(&format!("{}: {error}", file.display())),
    }
}
