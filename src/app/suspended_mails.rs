//! What an operator does with mails that a restore suspended: they may have left already. Resumed, a mail keeps its
//! Message-ID, so that a repeat is recognised; cancelled, its letter is erased. The restore voided every link and code, so
//! that a letter that is worth nothing without one never goes on: who waits for it asks for another.

use serde::{Deserialize, Serialize};

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome};
use crate::relay::letter::LetterKind;
use crate::relay::queue::{DeliveryProblem, MailState, QueuedMail};
use crate::value::Timestamp;

/// How many mails are treated by one call.
const MAILS_MAX: usize = 100_000;

/// What is done with suspended mails.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum SuspendedMails {
    /// They are listed.
    List,
    /// They are tried again, save those whose link or code is void: they are given up.
    Resume,
    /// They are given up.
    Cancel,
}

/// What became of a suspended mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TreatedAs {
    /// It waits still.
    Listed,
    /// It is tried again.
    Resumed,
    /// It was given up.
    Cancelled,
    /// It was given up because its link or code opens nothing any more.
    LinkVoid,
}

impl SuspendedMails {
    /// What this does to a mail of the kind.
    const fn treats(self, kind: LetterKind) -> TreatedAs {
        match self {
            Self::List => TreatedAs::Listed,
            Self::Resume if kind.needs_its_link() => TreatedAs::LinkVoid,
            Self::Resume => TreatedAs::Resumed,
            Self::Cancel => TreatedAs::Cancelled,
        }
    }
}

impl TreatedAs {
    /// A word for an operator.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Listed => "waits",
            Self::Resumed => "resumed",
            Self::Cancelled => "cancelled",
            Self::LinkVoid => "cancelled: its link is void",
        }
    }
}

impl App {
    /// Treats all suspended mails; returns what they were and what became of them. Each change is one commit with its event.
    pub async fn treat_suspended_mails(
        &self,
        what: SuspendedMails,
        origin: Origin,
    ) -> Result<Vec<(QueuedMail, TreatedAs)>, AppError> {
        let all: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsWrittenBefore(Timestamp(i64::MAX)), MAILS_MAX).await?;
        let suspended: Vec<_> =
            all.into_iter().filter(|(mail, _)| matches!(mail.state, MailState::Suspended { .. })).collect();
        let now = self.now().at;
        for (mail, version) in &suspended {
            let (mail, action) = match what.treats(mail.kind) {
                TreatedAs::Listed => continue,
                TreatedAs::Resumed => (mail.clone().resumed(now), Action::MailResumed),
                TreatedAs::Cancelled | TreatedAs::LinkVoid => {
                    (mail.clone().failed(now, DeliveryProblem::Dropped), Action::MailCancelled)
                }
            };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Mail(mail.id), *version);
            let object = Object::Mail(mail.id);
            self.log(&mut unit, event(now, Actor::Operator, action, object, Outcome::Done, origin))?;
            // Who waits for one that was given up, or asked to be told, learns it.
            let mail = self.follow_up(&mut unit, mail, now, origin).await?;
            unit.put(mail);
            self.store.commit(unit).await?;
        }
        self.wake_delivery();
        let treated = suspended.into_iter().map(|(mail, _)| {
            let treated = what.treats(mail.kind);
            (mail, treated)
        });
        Ok(treated.collect())
    }
}
