//! The two pages that the law asks for: how personal data are handled (S4 to S6), and how far the pages are
//! accessible (RGAA).

use askama::Template;

use super::Frame;

/// `GET /protection-des-donnees`.
#[derive(Debug, Clone, Template)]
#[template(path = "data_protection.html")]
pub struct DataProtectionPage {
    /// What stands around.
    pub frame: Frame,
    /// The organisation that processes the data.
    pub organisation: String,
    /// The mail address of its data protection officer.
    pub dpo: String,
    /// The longest time that content is kept, in days (V2).
    pub days: u32,
    /// How long the log is kept, in months.
    pub log_months: u32,
}

/// `GET /accessibilite`.
#[derive(Debug, Clone, Template)]
#[template(path = "accessibility.html")]
pub struct AccessibilityPage {
    /// What stands around.
    pub frame: Frame,
    /// The organisation that answers for the pages.
    pub organisation: String,
    /// The mail address to write to about a difficulty.
    pub contact: String,
}
