//! `pli mailbox`: mailboxes.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{Foundation, ListOptions, Membership, NewMailbox, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the mailboxes.
    List(ListOptions),
    /// Add a mailbox, with a key of its own.
    Add(NewMailbox),
    /// Entitle an account to a mailbox; in custody "members" a member must open it to the person.
    Entitle(Membership),
    /// Make a new key for a mailbox that nobody opens any more.
    FoundAnew(Foundation),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::List(options) => Request::MailboxList(options),
        Action::Add(new) => Request::MailboxAdd(new),
        Action::Entitle(membership) => Request::MailboxEntitle(membership),
        Action::FoundAnew(foundation) => Request::MailboxFoundAnew(foundation),
    };
    print(directory, request)
}
