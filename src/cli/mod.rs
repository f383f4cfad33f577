//! The command line: parses, calls, prints. What a command does is told elsewhere; commands that need the store ask
//! the gateway that runs, or open the store themselves when none does.
//!
//! Exit codes: 0 done; 1 not done, and one sentence on standard error says why and who must act; 2 the command line
//! is not understood. `pli audit verify`: 0 well, 1 not well, 2 could not tell.

mod account;
mod agreement;
mod audit;
mod backup;
mod breach;
mod check;
mod clock;
mod demo;
mod form;
mod gateway;
mod init;
mod key;
mod mailbox;
mod organisation;
mod partner;
mod password;
mod privacy;
mod queue;
mod receipt;
mod recover;
mod restore;
mod serve;
mod site;
mod title;
mod token;
mod witness;

use std::fmt::Display;
use std::future::Future;
use std::path::{Path, PathBuf};
use std::process::ExitCode;
use std::time::Duration;

use clap::{Parser, Subcommand};

use crate::config::FILE_NAME;

/// Where a demonstration is when nothing else is said.
const DEMO_DIRECTORY: &str = "demo-data";
/// How long threads that block may still take when a command is done.
const LAST_WORK: Duration = Duration::from_secs(5);

/// Pli: deposits of sensitive files for shared mailboxes, by web page and by mail.
#[derive(Parser)]
#[command(name = "pli", version, after_help = EXIT_CODES)]
struct Line {
    /// The gateway's directory, which holds pli.toml. Default: "." if it does, else "./demo-data".
    #[arg(long, global = true, value_name = "DIR")]
    dir: Option<PathBuf>,
    #[command(subcommand)]
    command: Command,
}

const EXIT_CODES: &str = "Exit codes: 0 done; 1 not done, standard error says why; 2 the command line is not \
understood.\n`pli audit verify`, `pli receipt verify`: 0 well, 1 not well, 2 could not tell.";

#[derive(Subcommand)]
enum Command {
    /// Run the gateway of a directory until SIGTERM; SIGHUP reads certificates and policies anew.
    Serve,
    /// Run a demonstration: a gateway with a world of its own, mails kept as files, a clock that can be moved.
    Demo(demo::Options),
    /// Make the directory of a new gateway: commented configuration, keys, development certificates.
    Init(init::Options),
    /// Say whether configuration, policies, certificates and machine are fit, without starting.
    Check,
    /// Ask the title guard.
    #[command(subcommand)]
    Title(title::Action),
    /// Organisations: list, add.
    #[command(subcommand)]
    Organisation(organisation::Action),
    /// Mailboxes: list, add, limits.
    #[command(subcommand)]
    Mailbox(mailbox::Action),
    /// Partners: list, add.
    #[command(subcommand)]
    Partner(partner::Action),
    /// Forms: check the file of one.
    #[command(subcommand)]
    Form(form::Action),
    /// Agreements: import one from its file.
    #[command(subcommand)]
    Agreement(agreement::Action),
    /// Sites of partners: import them from a table.
    #[command(subcommand)]
    Site(site::Action),
    /// Tokens and client certificates of partners' software: list, add, revoke.
    #[command(subcommand)]
    Token(token::Action),
    /// Accounts: list, add.
    #[command(subcommand)]
    Account(account::Action),
    /// The log: export it, verify an export.
    #[command(subcommand)]
    Audit(audit::Action),
    /// The kit of a breach: what was touched, by whom, whom to tell by when, a draft of the notice, proofs. Logged.
    Breach(breach::Options),
    /// The record of processing; what is held about an address, and its erasure.
    #[command(subcommand)]
    Privacy(privacy::Action),
    /// Receipts of deposits: verify one, tell its salt.
    #[command(subcommand)]
    Receipt(receipt::Action),
    /// Be a witness of other gateways' logs.
    #[command(subcommand)]
    Witness(witness::Action),
    /// Recovery without Pli: export the live mail, sealed as it is; with the keys of the live days when two people agree.
    #[command(subcommand)]
    Recover(recover::Action),
    /// Back the gateway up, while it runs or at rest: sealed to the backup recipients, never with a key of the keyring.
    Backup(backup::Options),
    /// Check a backup, restore one into an empty store, open the gateway afterwards.
    Restore(restore::Options),
    /// The mails that wait to leave: list, show, retry, hold, drop.
    #[command(subcommand)]
    Queue(queue::Action),
    /// The gateway's clock.
    #[command(subcommand)]
    Clock(clock::Action),
    /// The gateway's public keys.
    #[command(subcommand)]
    Key(key::Action),
}

/// Runs the command line of this process.
pub fn run() -> ExitCode {
    let line = Line::parse();
    let directory = directory(line.dir.as_deref());
    match line.command {
        Command::Serve => serve::run(&directory),
        Command::Demo(options) => demo::run(line.dir.as_deref(), &options),
        Command::Init(options) => init::run(&options),
        Command::Check => check::run(&directory),
        Command::Title(action) => title::run(&action),
        Command::Organisation(action) => organisation::run(&directory, action),
        Command::Mailbox(action) => mailbox::run(&directory, action),
        Command::Partner(action) => partner::run(&directory, action),
        Command::Form(action) => form::run(&action),
        Command::Agreement(action) => agreement::run(&directory, action),
        Command::Site(action) => site::run(&directory, action),
        Command::Token(action) => token::run(&directory, action),
        Command::Account(action) => account::run(&directory, action),
        Command::Audit(action) => audit::run(&directory, &action),
        Command::Breach(options) => breach::run(&directory, options),
        Command::Privacy(action) => privacy::run(&directory, action),
        Command::Receipt(action) => receipt::run(&directory, action),
        Command::Witness(action) => witness::run(action),
        Command::Recover(action) => recover::run(&directory, action),
        Command::Backup(options) => backup::run(&directory, &options),
        Command::Restore(options) => restore::run(&directory, &options),
        Command::Queue(action) => queue::run(&directory, action),
        Command::Clock(action) => clock::run(&directory, &action),
        Command::Key(action) => key::run(&directory, action),
    }
}

fn directory(given: Option<&Path>) -> PathBuf {
    match given {
        Some(directory) => directory.to_owned(),
        None if Path::new(FILE_NAME).exists() => PathBuf::from("."),
        None => PathBuf::from(DEMO_DIRECTORY),
    }
}

/// Runs a future to its end on a runtime of its own.
fn block_on<T>(future: impl Future<Output = T>) -> Result<T, std::io::Error> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    let outcome = runtime.block_on(future);
    runtime.shutdown_timeout(LAST_WORK);
    Ok(outcome)
}

/// Says in one sentence why a command is not done.
fn failed(error: &impl Display) -> ExitCode {
    eprintln!("pli: {error}");
    ExitCode::FAILURE
}

/// Ends a command.
fn ended<E: Display>(outcome: Result<Result<(), E>, std::io::Error>) -> ExitCode {
    match outcome {
        Ok(Ok(())) => ExitCode::SUCCESS,
        Ok(Err(error)) => failed(&error),
        Err(error) => failed(&error),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use clap::CommandFactory;

    #[test]
    fn the_command_line_is_sound() {
        Line::command().debug_assert();
    }

    #[test]
    fn what_outsiders_rely_on_parses() {
        for line in [
            "pli demo --dir d --http 127.0.0.1:0 --smtp 127.0.0.1:0",
            "pli audit export -o log.jsonl --dir d",
            "pli audit verify log.jsonl --key pli+00000000+x --checkpoint cp.txt",
            "pli recover export",
            "pli recover export -o out",
            "pli recover ask --as a@b.example --purpose legal-request",
            "pli recover confirm 000102030405060708090a0b0c0d0e0f --as a@b.example",
            "pli mailbox limits pensions --file 2GiB --deposit 4GiB --files 20 --hourly 8GiB",
            "pli mailbox limits pensions --json",
            "pli recover list --json",
            "pli recover export --request 000102030405060708090a0b0c0d0e0f --as a@b.example",
            "pli backup --to b --json",
            "pli restore b -i id.txt --check",
            "pli restore b --identity id.txt",
            "pli restore --open",
            "pli restore --mails resume",
            "pli receipt verify recu.txt --key pli+00000000+x --file a --file b --salt 000102030405060708090a0b0c0d0e0f",
            "pli breach --from 2026-11-21T00:00 --until 2026-11-22T00:00 --mailbox m --account a@b.example -o kit",
            "pli privacy record -o out",
            "pli privacy export a@b.example -o out",
            "pli privacy erase a@b.example --yes",
            "pli token add --partner Council --label SI --mailbox m --sender a@b.example --days 90",
            "pli token list --json",
            "pli token revoke 000102030405060708090a0b0c0d0e0f",
            "pli agreement import bretagne-asip.toml",
            "pli site import --partner Council sites.csv",
            "pli receipt salt 7K3M-9QXD-04TZ",
            "pli title check --policy title.toml",
            "pli queue list --mailbox pensions --destination a.example --state delayed --json",
            "pli queue show 000102030405060708090a0b0c0d0e0f --json",
            "pli queue retry --destination a.example",
            "pli queue hold 000102030405060708090a0b0c0d0e0f",
            "pli queue drop --all --json",
            "pli --dir d clock confirm",
            "pli key show --json",
            "pli key dkim add --algorithm ed25519 --selector s1",
            "pli key dkim list --json",
            "pli key dkim retire s1",
            "pli account add --address a@b.example --name A --role security_officer",
            "pli account invite --address a@b.example --name A --role technicien --partner P",
            "pli account deactivate --address a@b.example",
            "pli account reactivate --address a@b.example",
            "pli account send-link --address a@b.example",
            "pli partner exclude --name P",
            "pli partner exclude --name P --address a@b.example",
            "pli partner readmit --name P",
            "pli mailbox manager pensions --address a@b.example --no-more",
            "pli account import --dry-run people.csv",
            "pli site import --partner Council --dry-run sites.csv",
        ] {
            assert!(Line::try_parse_from(line.split(' ')).is_ok(), "{line}");
        }
    }
}
