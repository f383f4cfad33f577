//! What somebody outside sees (T5, V4), and the member's lists of what was sent (T9).

use askama::Template;

use super::{Frame, OpenedFile};
use crate::app::{OutgoingView, SentByMailbox, ThreadLine};
use crate::policy::partner_answer::PartnerAnswer;
use crate::transfer::{AnswerWay, Ending};
use crate::value::{Reference, Timestamp};
use crate::web::texts::OutsideWords;

/// `GET /plis/lien/{token}`: a button, whatever the token.
#[derive(Debug, Clone, Template)]
#[template(path = "outside_link.html")]
pub struct OutsideLinkPage {
    /// What stands around.
    pub frame: Frame,
    /// Where the button posts to: the link's own path.
    pub action: String,
}

/// The second step: the mailed code, or the told password.
#[derive(Debug, Clone, Template)]
#[template(path = "outside_step.html")]
pub struct OutsideStepPage {
    /// What stands around.
    pub frame: Frame,
    /// The link's own path.
    pub path: String,
    /// Whether a told password is asked for.
    pub by_password: bool,
    /// Why what was typed was not accepted.
    pub problem: Option<&'static str>,
}

/// A link or a session that is not good any more; the same page whatever the reason.
#[derive(Debug, Clone, Template)]
#[template(path = "outside_gone.html")]
pub struct OutsideGonePage {
    /// What stands around.
    pub frame: Frame,
    /// Whether there was a session: following the link again may help.
    pub session: bool,
}

/// `GET /plis/{link}`: what was sent, opened.
#[derive(Debug, Clone, Template)]
#[template(path = "outside_opened.html")]
pub struct OutsideOpenedPage {
    /// What stands around.
    pub frame: Frame,
    /// Its own path.
    pub path: String,
    /// What people quote.
    pub reference: Reference,
    /// The clean title.
    pub title: String,
    /// The organisation.
    pub organisation: String,
    /// The mailbox that sent it.
    pub mailbox: String,
    /// The address of the data protection officer.
    pub dpo: String,
    /// When it was sent.
    pub sent: Timestamp,
    /// Until when it can be opened.
    pub expires: Timestamp,
    /// The message as it was written.
    pub message: String,
    /// The files, in order.
    pub files: Vec<OpenedFile>,
    /// Whether a file of it was not scanned.
    pub unscanned: bool,
}

/// What a member may do about a transfer beside reading it, and what became of it.
#[derive(Debug, Clone)]
pub struct AnswerPart {
    /// Whether the partner who deposited it is answered.
    pub rule: PartnerAnswer,
    /// Why an answer to the partner was not begun.
    pub unanswered: Option<&'static str>,
    /// What it has when the mailbox sent it.
    pub outgoing: Option<OutgoingView>,
    /// The live transfer that it answers.
    pub answered: Option<ThreadLine>,
    /// The live transfers that answer it.
    pub answers: Vec<ThreadLine>,
    /// How, when and by whom it was answered, at last.
    pub given: Option<(AnswerWay, Timestamp, String)>,
    /// Today in Paris, the latest day of an answer.
    pub today: String,
    /// Why what was typed was not accepted.
    pub problem: Option<&'static str>,
}

/// `GET /boites/{mailbox}/envois`.
#[derive(Debug, Template)]
#[template(path = "sent_list.html")]
pub struct SentListPage {
    /// What stands around.
    pub frame: Frame,
    /// What was sent, and what became of it.
    pub sent: SentByMailbox,
}

impl AnswerPart {
    /// Whether an answer to the partner is offered at all (T6).
    pub(super) fn is_offered(&self) -> bool {
        self.rule != PartnerAnswer::NotWished
    }

    /// Whether who answers the partner says so first.
    pub(super) fn must_confirm(&self) -> bool {
        self.rule == PartnerAnswer::NotAsked
    }

    #[expect(clippy::unused_self, reason = "templates call methods")]
    pub(super) fn way(&self, way: AnswerWay, w: &OutsideWords) -> &'static str {
        match way {
            AnswerWay::Secure => w.by_secure,
            AnswerWay::Telephone => w.by_telephone,
            AnswerWay::Letter => w.by_letter,
            AnswerWay::Meeting => w.by_meeting,
        }
    }
}

impl SentListPage {
    fn new_path(&self) -> String {
        format!("/boites/{}/nouveau", self.sent.mailbox.slug)
    }

    fn ending(&self, ending: Ending) -> &'static str {
        match ending {
            Ending::Expired => self.frame.o().ended_expired,
            Ending::Revoked => self.frame.o().ended_revoked,
        }
    }
}
