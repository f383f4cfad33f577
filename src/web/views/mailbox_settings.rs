//! The settings of a mailbox, for its manager.

use askama::Template;

use super::{Frame, RegisterChoice};
use crate::identity::Agreement;
use crate::policy::deadline::{Counting, Deadline, Length};
use crate::value::Language;
use crate::web::texts::SettingsWords;

/// `GET /boites/{mailbox}/reglages`, and the answer to its forms when they are refused.
#[derive(Debug, Clone, Template)]
#[template(path = "mailbox_settings.html")]
pub struct SettingsPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path, where its forms go.
    pub path: String,
    /// Where the desk is.
    pub back: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// For how many days what its members send is valid; none is the usual.
    pub days: Option<u8>,
    /// The usual number of days.
    pub usual_days: u8,
    /// Of which downloads the sender is told.
    pub tells: Vec<RegisterChoice>,
    /// Where notices go.
    pub notice_address: String,
    /// Who is told when one does not arrive.
    pub second_address: Option<String>,
    /// Each partner with its agreement.
    pub agreements: Vec<(String, Agreement)>,
    /// Its managers: id, name, whether it is the person who looks.
    pub managers: Vec<(String, String, bool)>,
    /// Its other members: id, name.
    pub members: Vec<(String, String)>,
    /// What to say above.
    pub notice: Option<SettingsNotice>,
}

/// What the page has to say of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[expect(missing_docs, reason = "the names say all")]
pub enum SettingsNotice {
    Saved,
    Validity,
    AddressUnfit,
    NotFound,
}

impl SettingsPage {
    fn w(&self) -> SettingsWords {
        SettingsWords::of(self.frame.language)
    }

    fn refused(&self) -> bool {
        self.notice.is_some_and(|notice| notice != SettingsNotice::Saved)
    }

    fn told(&self) -> Option<&'static str> {
        let w = self.w();
        Some(match self.notice? {
            SettingsNotice::Saved => w.saved,
            SettingsNotice::Validity => w.validity_unfit,
            SettingsNotice::AddressUnfit => w.address_unfit,
            SettingsNotice::NotFound => w.not_found,
        })
    }

    /// The days that can be chosen.
    #[expect(clippy::unused_self, reason = "templates call methods")]
    fn choices(&self) -> std::ops::RangeInclusive<u8> {
        5..=20
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
    fn is_chosen(&self, days: &u8) -> bool {
        self.days == Some(*days)
    }

    /// « 72 heures », "3 working days".
    fn within(&self, deadline: Deadline) -> String {
        let working = deadline.counting() == Counting::Working;
        match (deadline.length(), self.frame.language) {
            (Length::Hours(hours), Language::Fr) => {
                format!("{hours}\u{a0}heures{}", if working { " ouvrées" } else { "" })
            }
            (Length::Hours(hours), Language::En) => {
                format!("{hours}\u{a0}{}hours", if working { "working " } else { "" })
            }
            (Length::Days(days), Language::Fr) => {
                format!("{days}\u{a0}jours{}", if working { " ouvrés" } else { "" })
            }
            (Length::Days(days), Language::En) => {
                format!("{days}\u{a0}{}days", if working { "working " } else { "" })
            }
        }
    }
}
