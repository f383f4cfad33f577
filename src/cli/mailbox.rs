//! `pli mailbox`: mailboxes.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{
    Foundation, ListOptions, MailboxChange, MailboxLimits, ManagerNamed, Membership, NewMailbox, Request,
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the mailboxes.
    List(ListOptions),
    /// Add a mailbox, with a key of its own.
    Add(NewMailbox),
    /// Change who else is told when a notice does not arrive.
    Change(MailboxChange),
    /// Entitle an account to a mailbox; in custody "members" a member must open it to the person.
    Entitle(Membership),
    /// Make a member the manager of a mailbox, who sets its defaults and entitles others.
    Manager(ManagerNamed),
    /// Show what a deposit into a mailbox may be, or set what is given: it holds at once, for open drafts too.
    Limits(MailboxLimits),
    /// Make a new key for a mailbox that nobody opens any more.
    FoundAnew(Foundation),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::List(options) => Request::MailboxList(options),
        Action::Add(new) => Request::MailboxAdd(new),
        Action::Change(change) => Request::MailboxChange(change),
        Action::Entitle(membership) => Request::MailboxEntitle(membership),
        Action::Manager(named) => Request::MailboxManager(named),
        Action::Limits(limits) => Request::MailboxLimits(limits),
        Action::FoundAnew(foundation) => Request::MailboxFoundAnew(foundation),
    };
    print(directory, request)
}
