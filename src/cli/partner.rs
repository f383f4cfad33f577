//! `pli partner`: partners.

use std::path::Path;
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::print;
use crate::serve::{Allowed, Exclusion, ListOptions, NewPartner, Request};

#[derive(Subcommand)]
pub(super) enum Action {
    /// List the partners.
    List(ListOptions),
    /// Add a partner, and its agreements with mailboxes from today on.
    Add(NewPartner),
    /// Let a partner deposit into a mailbox from today on, or change what the agreement says.
    Allow(Allowed),
    /// Suspend a structure, or block one of its addresses: no deposit is taken, nothing opens. Its gestionnaires are told.
    Exclude(Exclusion),
    /// End that.
    Readmit(Exclusion),
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    let request = match action {
        Action::List(options) => Request::PartnerList(options),
        Action::Add(new) => Request::PartnerAdd(new),
        Action::Allow(allowed) => Request::PartnerAllow(allowed),
        Action::Exclude(exclusion) => Request::PartnerExclude { exclusion, excluded: true },
        Action::Readmit(exclusion) => Request::PartnerExclude { exclusion, excluded: false },
    };
    print(directory, request)
}
