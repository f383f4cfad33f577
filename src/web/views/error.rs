//! The page for what cannot be answered: what happened in plain words, what to do next, a reference for support.
//! It says nothing of the inside.

use askama::Template;

use super::Frame;
use crate::app::ClosedDoor;
use crate::value::{ByteSize, Language, MailAddress, Timestamp};
use crate::web::texts::{DoorWords, WithdrawnWords};

/// Any answer of 400 or more.
#[derive(Debug, Clone, Template)]
#[template(path = "error.html")]
pub struct ErrorPage {
    /// What stands around.
    pub frame: Frame,
    /// What happened.
    pub kind: ErrorKind,
    /// What support finds the request by.
    pub support: String,
}

/// What cannot be answered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ErrorKind {
    /// 400: the request makes no sense, or a form was tampered with or too old.
    BadRequest,
    /// 403: the person is not entitled.
    Forbidden,
    /// 403: the person is entitled, and waits for a member to open the mailbox.
    NotAdmitted,
    /// 403: an agreement admits the person, and does not open this way of depositing (D11).
    DoorClosed(Box<ClosedDoor>),
    /// 404: there is no such page.
    NotFound,
    /// 405: the page is not asked for that way.
    MethodNotAllowed,
    /// 410: the transfer has expired (V3).
    TransferExpired {
        /// When, where it may be said.
        at: Option<Timestamp>,
    },
    /// 410: who sent the transfer withdrew it (V4).
    TransferWithdrawn {
        /// When.
        at: Timestamp,
    },
    /// 410: the mailed link or its draft is of no use any more.
    LinkExpired {
        /// The path of the deposit page to start again at, where it is known.
        again: Option<String>,
    },
    /// 413: more than may be sent.
    TooLarge {
        /// Size allowed.
        limit: ByteSize,
    },
    /// 429: too often.
    TooMany {
        /// Seconds to wait.
        seconds: u32,
    },
    /// 500: a fault of ours.
    Internal,
    /// 503: a backup was restored, and an operator has not opened the gateway yet.
    Restored,
    /// 503: closed for a moment; nothing accepted is lost (S8).
    Unavailable,
}

impl ErrorKind {
    /// The HTTP status code (RFC 9110 section 15) that goes with the page.
    pub const fn status(&self) -> u16 {
        match self {
            Self::BadRequest => 400,
            Self::Forbidden | Self::NotAdmitted | Self::DoorClosed(_) => 403,
            Self::NotFound => 404,
            Self::MethodNotAllowed => 405,
            Self::TransferExpired { .. } | Self::TransferWithdrawn { .. } | Self::LinkExpired { .. } => 410,
            Self::TooLarge { .. } => 413,
            Self::TooMany { .. } => 429,
            Self::Internal => 500,
            Self::Restored | Self::Unavailable => 503,
        }
    }
}

/// What is closed, and which way is open instead.
fn door_closed(closed: &ClosedDoor, language: Language) -> (&'static str, String, String) {
    let w = DoorWords::of(language);
    let next = match &closed.mail {
        Some(_) => format!("{} {}", w.by_mail, w.or_ask),
        None => w.ask.to_owned(),
    };
    (w.title, format!("{} {}.", w.what, closed.mailbox), next)
}

impl ErrorPage {
    /// Title, what happened, what to do next.
    fn words(&self) -> (&'static str, String, String) {
        let t = &self.frame.t().error;
        let fixed = |words: &(&'static str, &'static str, &'static str)| {
            (words.0, words.1.to_owned(), words.2.to_owned())
        };
        match &self.kind {
            ErrorKind::BadRequest | ErrorKind::MethodNotAllowed => fixed(&t.bad_request),
            ErrorKind::Forbidden => fixed(&t.forbidden),
            ErrorKind::NotAdmitted => fixed(&t.not_admitted),
            ErrorKind::DoorClosed(closed) => door_closed(closed, self.frame.language),
            ErrorKind::NotFound => fixed(&t.not_found),
            ErrorKind::TransferExpired { .. } => fixed(&t.transfer_expired),
            ErrorKind::TransferWithdrawn { .. } => {
                let w = WithdrawnWords::of(self.frame.language);
                (w.gone_title, w.gone.to_owned(), w.gone_next.to_owned())
            }
            ErrorKind::LinkExpired { .. } => fixed(&t.link_expired),
            ErrorKind::TooLarge { limit } => {
                (t.too_large.0, (t.too_large_limit)(&self.frame.size(limit)), t.too_large.2.to_owned())
            }
            ErrorKind::TooMany { seconds } => {
                (t.too_many.0, t.too_many.1.to_owned(), (t.too_many_wait)(seconds.div_ceil(60)))
            }
            ErrorKind::Internal => fixed(&t.internal),
            ErrorKind::Restored => fixed(&t.restored),
            ErrorKind::Unavailable => fixed(&t.unavailable),
        }
    }

    /// The address to which a mail is the open way.
    fn write_to(&self) -> Option<&MailAddress> {
        match &self.kind {
            ErrorKind::DoorClosed(closed) => closed.mail.as_ref(),
            _ => None,
        }
    }

    fn ended_on(&self) -> &'static str {
        match self.kind {
            ErrorKind::TransferWithdrawn { .. } => WithdrawnWords::of(self.frame.language).gone_on,
            _ => self.frame.t().error.expired_on,
        }
    }

    fn expired_at(&self) -> Option<Timestamp> {
        match self.kind {
            ErrorKind::TransferExpired { at } => at,
            ErrorKind::TransferWithdrawn { at } => Some(at),
            _ => None,
        }
    }

    /// Where to go on: path and words.
    fn way_on(&self) -> (String, &'static str) {
        let t = self.frame.t();
        match &self.kind {
            ErrorKind::LinkExpired { again: Some(path) } => (path.clone(), t.error.start_again),
            ErrorKind::TransferExpired { .. }
            | ErrorKind::TransferWithdrawn { .. }
            | ErrorKind::Forbidden
            | ErrorKind::NotAdmitted
                if self.frame.person.is_some() =>
            {
                ("/boites".to_owned(), t.common.boxes)
            }
            _ => ("/".to_owned(), t.common.back_home),
        }
    }
}
