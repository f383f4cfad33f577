//! `pli queue`: the mails that wait to leave.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{QueueChosen, QueueListed, QueueShown, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List what waits, oldest first: id, kind, state, destination, problem, reply code, tries, age in seconds, next try.
    List(QueueListed),
    /// Show one mail, also when it left or was given up. Never its text.
    Show(QueueShown),
    /// Try mails now, held ones too, under the same Message-IDs; their destinations are asked again. Logged.
    Retry(QueueChosen),
    /// Keep mails back until they are retried. Logged.
    Hold(QueueChosen),
    /// Give mails up: their letters are erased. Logged.
    Drop(QueueChosen),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    print(
        directory,
        match action {
            Action::List(listed) => Request::QueueList(listed),
            Action::Show(shown) => Request::QueueShow(shown),
            Action::Retry(chosen) => Request::QueueRetry(chosen),
            Action::Hold(chosen) => Request::QueueHold(chosen),
            Action::Drop(chosen) => Request::QueueDrop(chosen),
        },
    )
}
