//! `pli account`: accounts of people who sign in.

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::failed;
use super::gateway::print;
use super::password::read_password;
use crate::serve::{
    AccountNamed, AccountStep, Invited, ListOptions, MailPasswordRequest, NewAccount, Request, Reset,
};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the accounts.
    List(ListOptions),
    /// Add an account. Its first password is read from standard input, one line, unless it signs in by the provider (--sso).
    Add(NewAccount),
    /// Make an account that its owner activates by a mailed link.
    Invite(Invited),
    /// Invite people from a table (CSV) with the columns role (agent, gestionnaire or technicien), name, address, structure,
    /// mailboxes (slugs with spaces between) and, when it is not fr, language. All of it, or nothing.
    Import {
        /// Only tell what would change.
        #[arg(long)]
        dry_run: bool,
        /// The table.
        file: PathBuf,
    },
    /// Deactivate the account of a gestionnaire or a technicien: it neither signs in nor deposits.
    Deactivate(AccountNamed),
    /// Let it sign in and deposit again.
    Reactivate(AccountNamed),
    /// Send somebody of a structure another link to choose a password.
    SendLink(AccountNamed),
    /// Cut an account off at once, with its sessions and keys.
    CutOff(AccountNamed),
    /// Ask somebody who lost telephone and recovery codes for no code any more. Check first who asks you to.
    DropCode(AccountNamed),
    /// Make the password of a mail program, which takes the place of the one before, or revoke it. It is shown once.
    MailPassword(MailPasswordRequest),
    /// Reset a forgotten password. The new one is read from standard input, one line.
    Reset(Reset),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    match action {
        Action::List(options) => print(directory, Request::AccountList(options)),
        Action::Add(new) if new.sso => print(directory, Request::AccountAdd(new)),
        Action::Add(mut new) => match read_password() {
            Ok(password) => {
                new.password = password;
                print(directory, Request::AccountAdd(new))
            }
            Err(error) => failed(&format!("no password on standard input: {error}")),
        },
        Action::Import { dry_run, file } => match std::fs::read_to_string(&file) {
            Ok(text) => print(directory, Request::PeopleImport { text, dry_run }),
            Err(error) => failed(&format!("{}: {error}", file.display())),
        },
        Action::Invite(new) => print(directory, Request::AccountInvite(new)),
        Action::Deactivate(named) => print(directory, step(named, AccountStep::Deactivate)),
        Action::Reactivate(named) => print(directory, step(named, AccountStep::Reactivate)),
        Action::SendLink(named) => print(directory, step(named, AccountStep::SendLink)),
        Action::DropCode(named) => print(directory, Request::AccountDropCode(named)),
        Action::CutOff(named) => print(directory, Request::AccountCutOff(named)),
        Action::MailPassword(asked) => print(directory, Request::AccountMailPassword(asked)),
        Action::Reset(mut reset) => match read_password() {
            Ok(password) => {
                reset.password = password;
                print(directory, Request::AccountReset(reset))
            }
            Err(error) => failed(&format!("no password on standard input: {error}")),
        },
    }
}

fn step(named: AccountNamed, step: AccountStep) -> Request {
    Request::AccountChange { address: named.address, step }
}
