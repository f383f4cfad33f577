//! The sign-in of agents, gestionnaires and officers.

use askama::Template;

use super::Frame;
use crate::web::texts::{EntryWords, PasskeyWords, ProviderWords};

/// `GET /connexion`, and the answer to its POST when it failed.
#[derive(Debug, Clone, Template)]
#[template(path = "sign_in.html")]
pub struct SignInPage {
    /// What stands around.
    pub frame: Frame,
    /// The address as it was typed; the password is never given back.
    pub address: String,
    /// The local path to go to afterwards, sent back as `suite`; the handler judges it.
    pub next: Option<String>,
    /// What the organisation's own provider is called, if there is one.
    pub provider: Option<String>,
    /// Whether the person who signed out may sign out there too.
    pub provider_out: bool,
    /// Where the link to it leads.
    pub provider_path: String,
    /// Whether a passkey can be used here.
    pub passkeys: bool,
    /// What to say above the form.
    pub notice: Option<SignInNotice>,
}

/// What the sign-in page has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum SignInNotice {
    /// Address or password is wrong; the page never says which.
    Failed,
    /// Too many tries: wait this long, in minutes.
    TooMany {
        /// Minutes to wait.
        minutes: u32,
    },
    /// The passkey is not known.
    PasskeyRefused,
    /// The provider does not answer.
    ProviderSilent,
    /// What the provider says does not hold.
    ProviderRefused,
    /// Nobody here is who the provider says.
    NoAccount,
    /// A password was chosen by a mailed link.
    PasswordChosen,
    /// The person has signed out.
    SignedOut,
    /// The session has ended by itself.
    SessionEnded,
    /// A page needs the person to sign in first.
    NeedsSignIn,
}

impl SignInPage {
    fn words(&self, notice: SignInNotice) -> String {
        let t = &self.frame.t().sign_in;
        match notice {
            SignInNotice::Failed => t.failed.to_owned(),
            SignInNotice::TooMany { minutes } => (t.too_many)(minutes),
            SignInNotice::PasskeyRefused => self.keys().refused.to_owned(),
            SignInNotice::ProviderSilent => self.providers().silent.to_owned(),
            SignInNotice::ProviderRefused => self.providers().refused.to_owned(),
            SignInNotice::NoAccount => self.providers().no_account.to_owned(),
            SignInNotice::PasswordChosen => self.w().done.to_owned(),
            SignInNotice::SignedOut => t.signed_out.to_owned(),
            SignInNotice::SessionEnded => t.session_ended.to_owned(),
            SignInNotice::NeedsSignIn => t.needs_sign_in.to_owned(),
        }
    }

    fn providers(&self) -> ProviderWords {
        ProviderWords::of(self.frame.language)
    }

    fn keys(&self) -> PasskeyWords {
        PasskeyWords::of(self.frame.language)
    }

    fn w(&self) -> EntryWords {
        EntryWords::of(self.frame.language)
    }

    fn refused(&self) -> bool {
        !matches!(
            self.notice,
            None | Some(SignInNotice::SignedOut | SignInNotice::SessionEnded | SignInNotice::NeedsSignIn)
        )
    }
}
