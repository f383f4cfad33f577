//! The members of a mailbox, and the page that asks for the secret of one's own key.

use askama::Template;

use super::Frame;
use crate::value::Timestamp;

/// `GET /boites/{mailbox}/membres`, and the answer to its forms when they are refused.
#[expect(clippy::struct_excessive_bools, reason = "what the page offers, each yes or no")]
#[derive(Debug, Clone, Template)]
#[template(path = "members.html")]
pub struct MembersPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path, where its forms go.
    pub path: String,
    /// The mailbox's name.
    pub mailbox: String,
    /// Whether the gateway keeps the key.
    pub gateway_custody: bool,
    /// Whether the policy in force lets the key go back to the gateway.
    pub may_return_to_gateway: bool,
    /// Since when live mail is being moved to a new key, if it is.
    pub rotating_since: Option<Timestamp>,
    /// Whether the person who looks can open the mailbox, and so admit and remove.
    pub opens: bool,
    /// Whether the person who looks manages the mailbox.
    pub manages: bool,
    /// The members.
    pub members: Vec<MemberRow>,
    /// What to say above the list.
    pub notice: Option<MembersNotice>,
}

/// A member.
#[derive(Debug, Clone)]
pub struct MemberRow {
    /// What the forms name the account by.
    pub id: String,
    /// First and last name.
    pub name: String,
    /// The address that signs in.
    pub address: String,
    /// Entitled, but not admitted yet.
    pub waits: bool,
    /// The person who looks.
    pub is_self: bool,
}

/// What the page has to say of the last change.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MembersNotice {
    /// The person was admitted.
    Admitted,
    /// The person was removed.
    Removed,
    /// The key is in other custody.
    CustodyChanged,
    /// The last who opens cannot go.
    LastMember,
    /// The account is in no state for what was asked.
    NotFitting,
    /// The policy in force does not allow it.
    Denied,
}

impl MembersPage {
    fn words(&self, notice: MembersNotice) -> &'static str {
        let t = &self.frame.t().members;
        match notice {
            MembersNotice::Admitted => t.admitted,
            MembersNotice::Removed => t.removed,
            MembersNotice::CustodyChanged => t.custody_changed,
            MembersNotice::LastMember => t.last_member,
            MembersNotice::NotFitting => t.not_fitting,
            MembersNotice::Denied => t.denied,
        }
    }

    fn refused(&self) -> bool {
        use MembersNotice::{Denied, LastMember, NotFitting};
        matches!(self.notice, Some(LastMember | NotFitting | Denied))
    }

    fn settings_path(&self) -> String {
        self.path.replace("/membres", "/reglages")
    }

    fn custody_path(&self) -> String {
        format!("{}/garde", self.path)
    }
}

/// `GET /cle`, and the answer to its POST when it failed.
#[derive(Debug, Clone, Template)]
#[template(path = "key.html")]
pub struct KeyPage {
    /// What stands around.
    pub frame: Frame,
    /// The local path to go to afterwards.
    pub next: Option<String>,
    /// What to say above the form.
    pub notice: Option<KeyNotice>,
}

/// What the page of one's own key has to say.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum KeyNotice {
    /// What was typed does not open it.
    Wrong,
    /// Too many tries: wait this long, in minutes.
    TooMany {
        /// Minutes to wait.
        minutes: u32,
    },
}

impl KeyPage {
    fn words(&self, notice: KeyNotice) -> String {
        let t = self.frame.t();
        match notice {
            KeyNotice::Wrong => t.key.wrong.to_owned(),
            KeyNotice::TooMany { minutes } => (t.sign_in.too_many)(minutes),
        }
    }
}
