//! A person's own account: password, open sessions, vault passphrase.

use askama::Template;

use super::Frame;
use crate::identity::SignInWay;
use crate::value::{Language, Timestamp};
use crate::web::texts::{AccountWords, EntryWords, PasskeyWords, TokenWords};

/// `GET /compte`, and the answer to its forms when they are refused.
#[derive(Debug, Clone, Template)]
#[template(path = "account.html")]
#[expect(clippy::struct_excessive_bools, reason = "what the page offers, each yes or no")]
pub struct AccountPage {
    /// What stands around.
    pub frame: Frame,
    /// First and last name.
    pub name: String,
    /// The address that signs in.
    pub address: String,
    /// Whether the person may change the own name.
    pub keeps_name: bool,
    /// The language of the account.
    pub language: Language,
    /// The open sessions, this one first.
    pub sessions: Vec<SessionRow>,
    /// Whether the person has a key that a vault passphrase could lock.
    pub has_vault: bool,
    /// Whether the person looks after tokens of a structure's software.
    pub has_software: bool,
    /// Whether a code is asked for at the sign-in.
    pub has_factor: bool,
    /// What to say above the forms.
    pub notice: Option<AccountNotice>,
}

/// An open session.
#[derive(Debug, Clone)]
pub struct SessionRow {
    /// What the form names it by.
    pub id: String,
    /// When it began.
    pub began_at: Timestamp,
    /// When it was last used.
    pub used_at: Timestamp,
    /// Where it began from, and how.
    pub from: String,
    /// The way of signing in.
    pub way: SignInWay,
    /// The one that asks.
    pub is_this: bool,
}

/// What the page has to say of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AccountNotice {
    /// The password was changed.
    PasswordChanged,
    /// The vault passphrase was changed.
    PassphraseChanged,
    /// Sessions were ended.
    SessionEnded,
    /// Name or language were changed.
    IdentityChanged,
    /// The name cannot be one.
    NameUnfit,
    /// The password is older than the policy allows.
    OldPassword,
    /// The present password is wrong.
    Wrong,
    /// The new one was typed in two ways.
    Differ,
    /// The new one is too short.
    TooShort,
    /// The new one is guessed too easily.
    Guessable,
    /// The vault is not open in this session.
    Locked,
    /// Too many tries: wait this long, in minutes.
    TooMany {
        /// Minutes to wait.
        minutes: u32,
    },
}

impl AccountPage {
    fn software(&self) -> &'static str {
        TokenWords::of(self.frame.language).title
    }

    fn keys(&self) -> PasskeyWords {
        PasskeyWords::of(self.frame.language)
    }

    fn own(&self) -> AccountWords {
        AccountWords::of(self.frame.language)
    }

    fn entry(&self) -> EntryWords {
        EntryWords::of(self.frame.language)
    }

    fn words(&self, notice: AccountNotice) -> String {
        let t = self.own();
        match notice {
            AccountNotice::PasswordChanged => t.password_changed,
            AccountNotice::PassphraseChanged => t.passphrase_changed,
            AccountNotice::SessionEnded => t.session_ended,
            AccountNotice::IdentityChanged => self.entry().saved,
            AccountNotice::NameUnfit => self.entry().name_wrong,
            AccountNotice::OldPassword => self.entry().old_password,
            AccountNotice::Wrong => t.wrong,
            AccountNotice::Differ => t.differ,
            AccountNotice::TooShort => t.too_short,
            AccountNotice::Guessable => t.guessable,
            AccountNotice::Locked => t.locked,
            AccountNotice::TooMany { minutes } => return (self.frame.t().sign_in.too_many)(minutes),
        }
        .to_owned()
    }

    fn refused(&self) -> bool {
        use AccountNotice::{IdentityChanged, PassphraseChanged, PasswordChanged, SessionEnded};
        !matches!(
            self.notice,
            None | Some(IdentityChanged | PasswordChanged | PassphraseChanged | SessionEnded)
        )
    }

    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
    fn way(&self, way: &SignInWay) -> &'static str {
        match way {
            SignInWay::Password => self.own().by_password,
            SignInWay::Passkey => self.own().by_passkey,
            SignInWay::Provider => self.own().by_provider,
        }
    }

    fn has_others(&self) -> bool {
        self.sessions.len() > 1
    }
}
