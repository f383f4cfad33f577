//! The page that asks for a recent proof of the person before a dangerous act.

use askama::Template;

use super::Frame;
use crate::web::texts::{PasskeyWords, ProviderWords, StepUpWords};

/// The answer to a dangerous act whose proof is too old.
#[derive(Debug, Clone, Template)]
#[template(path = "step_up.html")]
pub struct StepUpPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the form goes: where the act went.
    pub path: String,
    /// The act, sealed.
    pub act: String,
    /// The address that is signed in, for password managers.
    pub address: String,
    /// The vault passphrase is asked for, since there is no password.
    pub by_passphrase: bool,
    /// A code is asked for too.
    pub asks_code: bool,
    /// A passkey can be shown instead.
    pub by_passkey: bool,
    /// The provider that the session began with, and where one signs in there again.
    pub provider: Option<(String, String)>,
    /// Where who does not want to goes back to.
    pub back: String,
    /// What to say above the form.
    pub notice: Option<StepUpNotice>,
}

/// What the page has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum StepUpNotice {
    /// It is not the password, or not the code.
    Wrong,
    /// The act was begun too long ago.
    Over,
    /// Too many tries: wait this long, in minutes.
    TooMany {
        /// Minutes to wait.
        minutes: u32,
    },
}

impl StepUpPage {
    fn providers(&self) -> ProviderWords {
        ProviderWords::of(self.frame.language)
    }

    fn keys(&self) -> PasskeyWords {
        PasskeyWords::of(self.frame.language)
    }

    fn own(&self) -> StepUpWords {
        StepUpWords::of(self.frame.language)
    }

    fn words(&self, notice: StepUpNotice) -> String {
        match notice {
            StepUpNotice::Wrong => self.own().wrong.to_owned(),
            StepUpNotice::Over => self.own().over.to_owned(),
            StepUpNotice::TooMany { minutes } => (self.frame.t().sign_in.too_many)(minutes),
        }
    }
}
