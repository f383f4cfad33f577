//! The first page: what this is, for whom, and where to go.

use askama::Template;

use super::Frame;

/// `GET /`.
#[derive(Debug, Clone, Template)]
#[template(path = "home.html")]
pub struct HomePage {
    /// What stands around.
    pub frame: Frame,
    /// The deposit pages that may be listed.
    pub deposits: Vec<DepositLink>,
}

/// A deposit page, as the home page lists it.
#[derive(Debug, Clone)]
pub struct DepositLink {
    /// The organisation that runs the mailbox.
    pub organisation: String,
    /// The name of the mailbox.
    pub mailbox: String,
    /// What it is for, one sentence.
    pub purpose: String,
    /// The path of its page.
    pub path: String,
}
