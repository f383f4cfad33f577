//! `pli key`: the public halves of the gateway's keys; the keys that sign its mails.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{DkimNamed, ListOptions, NewDkimKey, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Show the log's public key and the recipients.
    Show(ListOptions),
    /// Keys that sign mails (DKIM): add, list, use, retire.
    #[command(subcommand)]
    Dkim(Dkim),
}

#[derive(Subcommand)]
pub(super) enum Dkim {
    /// Make a key and print the TXT record to publish; it signs once its record is in the DNS.
    Add(NewDkimKey),
    /// List the keys, with what the DNS says of each.
    List(ListOptions),
    /// Look in the DNS now, and sign with this key if its record is there.
    Use(DkimNamed),
    /// Sign no more with this key; says how long its record must stay.
    Retire(DkimNamed),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::Show(options) => Request::KeyShow(options),
        Action::Dkim(Dkim::Add(new)) => Request::DkimAdd(new),
        Action::Dkim(Dkim::List(options)) => Request::DkimList(options),
        Action::Dkim(Dkim::Use(named)) => Request::DkimUse(named),
        Action::Dkim(Dkim::Retire(named)) => Request::DkimRetire(named),
    };
    print(directory, request)
}
