//! `pli mailbox`: mailboxes.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{ListOptions, NewMailbox, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the mailboxes.
    List(ListOptions),
    /// Add a mailbox, with a key of its own.
    Add(NewMailbox),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::List(options) => Request::MailboxList(options),
        Action::Add(new) => Request::MailboxAdd(new),
    };
    print(directory, request)
}
