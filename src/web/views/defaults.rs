//! What is chosen beforehand for what a member sends (T9, V2, V4).

use askama::Template;

use super::{Frame, RegisterChoice};
use crate::web::texts::DefaultsWords;

/// `GET /compte/envois`.
#[derive(Debug, Clone, Template)]
#[template(path = "defaults.html")]
pub struct DefaultsPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path.
    pub path: &'static str,
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
