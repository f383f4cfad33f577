//! `pli token`: tokens and client certificates of partners' software.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{ListOptions, NewToken, Request, TokenNamed};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List tokens and certificates: whose, for what, until when, last used when.
    List(ListOptions),
    /// Make a token, which is shown once, or pin a client certificate.
    Add(NewToken),
    /// Revoke one at once.
    Revoke(TokenNamed),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::List(options) => Request::TokenList(options),
        Action::Add(new) => Request::TokenAdd(new),
        Action::Revoke(named) => Request::TokenRevoke(named),
    };
    print(directory, request)
}
