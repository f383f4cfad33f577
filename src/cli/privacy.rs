//! `pli privacy`: the record of processing (S4), and what is held about an address (S5).

use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::{print, run as run_request};
use super::recover::Files;
use crate::serve::Request;
use crate::value::MailAddress;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Write the record of processing activities (GDPR art. 30), made from what is really set. Logged.
    Record {
        /// The directory to write into.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Write all that is held about an address, as JSON and as a page to read. Logged.
    Export {
        /// The address.
        #[arg(value_parser = MailAddress::parse)]
        address: MailAddress,
        /// The directory to write into.
        #[arg(short, long, value_name = "DIR")]
        output: PathBuf,
    },
    /// Erase what is held about an address where the law allows, and tell what stays and why. It cannot be undone. Logged.
    Erase {
        /// The address.
        #[arg(value_parser = MailAddress::parse)]
        address: MailAddress,
        /// Say that the law allows it.
        #[arg(long, required = true)]
        yes: bool,
    },
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    match action {
        Action::Record { output } => {
            run_request(directory, Request::ProcessingRecord, &mut Files::below(output))
        }
        Action::Export { address, output } => {
            run_request(directory, Request::PersonExport { address }, &mut Files::below(output))
        }
        Action::Erase { address, yes: _ } => print(directory, Request::PersonErase { address }),
    }
}
