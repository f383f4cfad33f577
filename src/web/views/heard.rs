//! The page of a heartbeat: one button, by which a mailbox says that its notices arrive.

use askama::Template;

use super::Frame;

/// `GET` and `POST /avis-recus/{mail}.{tag}`: the button, then whether it was believed.
#[derive(Debug, Clone, Template)]
#[template(path = "heard.html")]
pub struct HeardPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the button posts to.
    pub action: String,
    /// None before it is pressed.
    pub outcome: Option<bool>,
}
