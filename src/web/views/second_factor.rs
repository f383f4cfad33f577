//! The second factor: the code of a sign-in, and its set-up.

use askama::Template;

use super::Frame;
use crate::value::Timestamp;
use crate::web::texts::FactorWords;

/// `GET /connexion/code`, and the answer to its POST when it failed.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in_code.html")]
pub struct SignInCodePage {
    /// What stands around.
    pub frame: Frame,
    /// The local path to go to afterwards.
    pub next: Option<String>,
    /// What to say above the form.
    pub notice: Option<CodeNotice>,
}

/// What the page of the code has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum CodeNotice {
    /// It is not the code of now, or was used.
    Wrong,
    /// Too many tries: wait this long, in minutes.
    TooMany {
        /// Minutes to wait.
        minutes: u32,
    },
}

impl SignInCodePage {
    fn own(&self) -> FactorWords {
        FactorWords::of(self.frame.language)
    }

    fn words(&self, notice: CodeNotice) -> String {
        match notice {
            CodeNotice::Wrong => self.own().code_wrong.to_owned(),
            CodeNotice::TooMany { minutes } => (self.frame.t().sign_in.too_many)(minutes),
        }
    }
}

/// `GET /compte/second-facteur`, and the answers to its forms.
#[derive(Clone, Template)]
#[template(path = "second_factor.html")]
pub struct FactorPage {
    /// What stands around.
    pub frame: Frame,
    /// What the page shows.
    pub step: FactorStep,
    /// What to say above it.
    pub notice: Option<FactorNotice>,
}

/// What the page shows.
#[derive(Clone)]
pub enum FactorStep {
    /// There is none.
    Off,
    /// A secret to be taken over and confirmed.
    SetUp {
        /// What the form sends back.
        sealed: String,
        /// The secret, for typing.
        secret: String,
        /// The side of the view box and the path of the picture.
        picture: Option<(i32, String)>,
    },
    /// It was set up just now: the codes on paper, shown this once.
    Done {
        /// The codes.
        codes: Vec<String>,
    },
    /// There is one.
    On {
        /// Since when.
        since: Timestamp,
        /// How many codes on paper are left.
        codes_left: usize,
    },
}

/// What the page has to say of the last step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum FactorNotice {
    /// It was taken away.
    Removed,
    /// The present password is wrong.
    WrongPassword,
    /// The code is wrong.
    WrongCode,
    /// The form was too old.
    Over,
    /// Too many tries: wait this long, in minutes.
    TooMany {
        /// Minutes to wait.
        minutes: u32,
    },
}

impl FactorPage {
    fn own(&self) -> FactorWords {
        FactorWords::of(self.frame.language)
    }

    fn words(&self, notice: FactorNotice) -> String {
        let t = self.own();
        match notice {
            FactorNotice::Removed => t.removed,
            FactorNotice::WrongPassword => t.password_wrong,
            FactorNotice::WrongCode => t.set_up_wrong,
            FactorNotice::Over => t.over,
            FactorNotice::TooMany { minutes } => return (self.frame.t().sign_in.too_many)(minutes),
        }
        .to_owned()
    }

    fn refused(&self) -> bool {
        !matches!(self.notice, None | Some(FactorNotice::Removed))
    }
}
