//! `pli organisation`: organisations.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{ListOptions, NewOrganisation, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the organisations.
    List(ListOptions),
    /// Add an organisation.
    Add(NewOrganisation),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::List(options) => Request::OrganisationList(options),
        Action::Add(new) => Request::OrganisationAdd(new),
    };
    print(directory, request)
}
