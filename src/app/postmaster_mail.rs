//! A mail for the postmaster of the gateway goes on to the operator's address (RFC 5321 section 4.5.1, RFC 2142), as a
//! letter of the gateway's own with the whole mail as a file. It cannot loop: what comes back, comes to that letter's own
//! return address, which is noted and answered by nobody. What it costs is bounded: bytes a mail, mails an hour.

use std::sync::Mutex;
use std::sync::PoisonError;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::letters::NewLetter;
use super::ports::UnitOfWork;
use super::{App, AppError, Visitor, event};
use crate::audit::{Action, Actor, Object, Outcome, RefusalReason};
use crate::message::{Limits, parse};
use crate::relay::letter::{Letter, LetterKind, PostmasterLetter};
use crate::value::{ByteSize, Language, MailAddress, SecretBytes, Timestamp};

/// The largest mail that goes on to the operator.
const MAIL_MAX: ByteSize = ByteSize(512 * 1024);
/// Mails that go on in an hour.
const MAILS_PER_HOUR: u32 = 100;
/// An hour, in milliseconds.
const HOUR_MS: i64 = 60 * 60 * 1000;

/// Why a mail does not go on to the operator.
#[derive(Debug, Error)]
pub enum PostmasterRefusal {
    /// Nobody reads it: no address is set.
    #[error("no address of an operator is set")]
    NobodyReads,
    /// It is too large.
    #[error("over the limit of {limit}")]
    TooLarge {
        /// What is allowed.
        limit: ByteSize,
    },
    /// It came through too many hosts.
    #[error("it goes round in a loop")]
    Loop,
    /// So many came in this hour that the sender's host is asked to come back.
    #[error("too many in an hour")]
    TooMany,
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// How many mails went on in the hour that is.
#[derive(Debug, Default)]
pub(super) struct PostmasterPace(Mutex<(i64, u32)>);

impl PostmasterPace {
    /// Takes a place in this hour, if there is one.
    fn take(&self, now: Timestamp) -> bool {
        let hour = now.0.div_euclid(HOUR_MS);
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if counted.0 != hour {
            *counted = (hour, 0);
        }
        counted.1 += 1;
        counted.1 <= MAILS_PER_HOUR
    }
}

impl App {
    /// Hands a mail for an address of the postmaster on to the operator.
    pub async fn mail_to_postmaster(
        &self,
        to: &MailAddress,
        from: Option<&MailAddress>,
        bytes: &SecretBytes,
        visitor: Visitor,
    ) -> Result<(), PostmasterRefusal> {
        let now = self.believed_now()?;
        let refused = |reason| {
            event(
                now,
                Actor::Anonymous,
                Action::MailRefused,
                Object::None,
                Outcome::Refused(reason),
                visitor.smtp(),
            )
        };
        let Some(operator) = self.settings.postmaster.clone() else {
            self.log_alone(refused(RefusalReason::PolicyDenied)).await?;
            return Err(PostmasterRefusal::NobodyReads);
        };
        if bytes.expose().len() as u64 > MAIL_MAX.bytes() {
            self.log_alone(refused(RefusalReason::TooLarge)).await?;
            return Err(PostmasterRefusal::TooLarge { limit: MAIL_MAX });
        }
        // What cannot be read goes on too: a file is a file.
        let hops = parse(bytes.expose(), from, &Limits::default()).map_or(0, |parsed| parsed.hops);
        if hops > super::submit_mail::HOPS_MAX {
            self.log_alone(refused(RefusalReason::MailLoop)).await?;
            return Err(PostmasterRefusal::Loop);
        }
        if !self.postmaster_pace.take(now) {
            self.log_alone(refused(RefusalReason::RateLimited)).await?;
            return Err(PostmasterRefusal::TooMany);
        }
        let letter = Letter::Postmaster(PostmasterLetter {
            to: to.to_string(),
            from: from.map(ToString::to_string),
            peer: visitor.address.to_string(),
            received_at: now,
            message: BASE64.encode(bytes.expose()),
        });
        let mail = self.write_letter(&NewLetter {
            kind: LetterKind::Postmaster,
            letter: &letter,
            to: &operator,
            language: Language::Fr,
            mailbox: None,
            transfer: None,
            written_at: now,
        })?;
        let mut unit = UnitOfWork::default();
        self.queue_mail(&mut unit, mail, visitor.smtp())?;
        self.store.commit(unit).await.map_err(AppError::from)?;
        self.wake_delivery();
        Ok(())
    }
}
