//! What is chosen beforehand for what a member sends (T9, V2, V4).

use askama::Template;

use super::{Frame, RegisterChoice};
use crate::web::texts::DefaultsWords;

/// `GET /compte/envois` and `GET /boites/{mailbox}/envois/reglages`.
#[derive(Debug, Clone, Template)]
#[template(path = "defaults.html")]
pub struct DefaultsPage {
    /// What stands around.
    pub frame: Frame,
    /// The mailbox's name; none of a member's own.
    pub mailbox: Option<String>,
    /// The page's own path.
    pub path: String,
    /// The validities.
    pub validities: Vec<RegisterChoice>,
    /// Of which downloads the sender is told.
    pub tells: Vec<RegisterChoice>,
    /// It was just recorded.
    pub is_done: bool,
}

impl DefaultsPage {
    fn w(&self) -> DefaultsWords {
        DefaultsWords::of(self.frame.language)
    }
}
