//! The depositor's view of one deposit (D8, D11) and the way to it: an address is asked for, a mailed link or code opens
//! the page. The pages on the way say the same of every address and every reference.

use askama::Template;

use super::{AddressProblem, CodeProblem, Frame};
use crate::app::{Afterwards, DepositStanding};
use crate::value::{ByteSize, DraftId, Reference, Timestamp};
use crate::web::texts::{HistoryWords, StatusWords, WithdrawnWords};

/// `GET /suivi/{reference}`, and the answer to its POST when what was typed is no address.
#[derive(Debug, Clone, Template)]
#[template(path = "status_ask.html")]
pub struct StatusAskPage {
    /// What stands around.
    pub frame: Frame,
    /// The reference that was asked for, whether it exists or not; none: all deposits of the address.
    pub reference: Option<Reference>,
    /// What was typed before.
    pub address: String,
    /// What is wrong with it.
    pub problem: Option<AddressProblem>,
}

/// The answer to every address: "we have sent a mail if…", and a field for the typed code.
#[derive(Debug, Clone, Template)]
#[template(path = "status_code.html")]
pub struct StatusCodePage {
    /// What stands around.
    pub frame: Frame,
    /// The reference that was asked for; none: all deposits of the address.
    pub reference: Option<Reference>,
    /// The address as it was typed, empty when it is not known any more.
    pub address: String,
    /// How long link and code are valid, in minutes.
    pub minutes: u32,
    /// Why the code was not accepted.
    pub problem: Option<CodeProblem>,
}

/// `GET /suivi/lien/{token}`: a button, whatever the token.
#[derive(Debug, Clone, Template)]
#[template(path = "status_link.html")]
pub struct StatusLinkPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the button posts to: the link's own path.
    pub action: String,
}

/// Where a deposit stands: the answer to a person's POST.
#[derive(Debug, Clone, Template)]
#[template(path = "status.html")]
pub struct StatusPage {
    /// What stands around.
    pub frame: Frame,
    /// The organisation that runs the mailbox.
    pub organisation: String,
    /// The mailbox.
    pub mailbox: String,
    /// What people quote.
    pub reference: Reference,
    /// The title, while it is kept.
    pub title: Option<String>,
    /// When it was taken.
    pub received: Timestamp,
    /// How many files.
    pub files: u32,
    /// Their size.
    pub size: ByteSize,
    /// Where it stands.
    pub standing: DepositStanding,
    /// Files that were refused: name, and why.
    pub refused: Vec<(String, String)>,
    /// Where it is withdrawn; none when there is nothing to withdraw.
    pub withdraw: Option<WithdrawForm>,
}

/// The form that withdraws a deposit.
#[derive(Debug, Clone)]
pub struct WithdrawForm {
    /// Where it goes.
    pub action: String,
    /// The code that showed the page, where a code did: it proves the address once more.
    pub code: Option<String>,
}

/// Another open draft of the depositor.
#[derive(Debug, Clone)]
pub struct OtherDraftRow {
    /// Which.
    pub id: DraftId,
    /// When its last byte came.
    pub touched_at: Timestamp,
    /// How many files it has.
    pub files: u32,
    /// Their size.
    pub size: ByteSize,
}

impl StatusAskPage {
    fn path(&self) -> String {
        path_of(self.reference.as_ref())
    }

    fn h(&self) -> HistoryWords {
        HistoryWords::of(self.frame.language)
    }

    fn w(&self) -> StatusWords {
        StatusWords::of(self.frame.language)
    }
}

/// Where the way to one deposit, or to all of an address, begins.
fn path_of(reference: Option<&Reference>) -> String {
    reference.map_or_else(|| "/suivi".to_owned(), |reference| format!("/suivi/{reference}"))
}

impl StatusCodePage {
    fn path(&self) -> String {
        path_of(self.reference.as_ref())
    }

    fn h(&self) -> HistoryWords {
        HistoryWords::of(self.frame.language)
    }

    fn w(&self) -> StatusWords {
        StatusWords::of(self.frame.language)
    }
}

impl StatusLinkPage {
    fn w(&self) -> StatusWords {
        StatusWords::of(self.frame.language)
    }
}

impl StatusPage {
    fn x(&self) -> WithdrawnWords {
        WithdrawnWords::of(self.frame.language)
    }

    fn w(&self) -> StatusWords {
        StatusWords::of(self.frame.language)
    }

    fn state(&self) -> &'static str {
        match self.standing {
            DepositStanding::Held { .. } => self.w().state_held,
            DepositStanding::Released { then: Afterwards { answered_at: Some(_), .. }, .. } => {
                self.w().state_answered
            }
            DepositStanding::Released { then: Afterwards { dispatched_at: Some(_), .. }, .. } => {
                self.w().state_dispatched
            }
            DepositStanding::Released { opened_at: None, .. } => self.w().state_waiting,
            DepositStanding::Released { .. } => self.w().state_opened,
            DepositStanding::Ended { is_withdrawn: true, .. } => self.x().state,
            DepositStanding::Ended { .. } => self.w().state_ended,
        }
    }
}
