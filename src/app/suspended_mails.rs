//! What an operator does with mails that a restore suspended: they may have left already. Resumed, a mail keeps its
//! Message-ID, so that a repeat is recognised; cancelled, its letter is erased.

use serde::{Deserialize, Serialize};

use super::ports::{Key, List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Object, Origin, Outcome};
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
    /// They are tried again.
    Resume,
    /// They are given up.
    Cancel,
}

impl App {
    /// Treats all suspended mails; returns what they were. Each change is one commit with its event.
    pub async fn treat_suspended_mails(
        &self,
        what: SuspendedMails,
        origin: Origin,
    ) -> Result<Vec<QueuedMail>, AppError> {
        let all: Vec<(QueuedMail, u64)> =
            self.read_list(&List::MailsWrittenBefore(Timestamp(i64::MAX)), MAILS_MAX).await?;
        let suspended: Vec<_> =
            all.into_iter().filter(|(mail, _)| matches!(mail.state, MailState::Suspended { .. })).collect();
        let now = self.now().at;
        for (mail, version) in &suspended {
            let (mail, action) = match what {
                SuspendedMails::List => continue,
                SuspendedMails::Resume => (mail.clone().resumed(now), Action::MailResumed),
                SuspendedMails::Cancel => {
                    (mail.clone().failed(now, DeliveryProblem::TooLate), Action::MailCancelled)
                }
            };
            let mut unit = UnitOfWork::default();
            unit.expect_unchanged(Key::Mail(mail.id), *version);
            let object = Object::Mail(mail.id);
            self.log(&mut unit, event(now, Actor::Operator, action, object, Outcome::Done, origin))?;
            unit.put(mail);
            self.store.commit(unit).await?;
        }
        self.wake_delivery();
        Ok(suspended.into_iter().map(|(mail, _)| mail).collect())
    }
}
