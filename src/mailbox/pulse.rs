//! Whether a mailbox's notices arrive: what proved it last, when it was asked last, since when it is known to be dead.
//!
//! | evidence | what it proves |
//! | --- | --- |
//! | a button of a notice or of a heartbeat was pressed | a person has the mail before them |
//! | a delivery report | it is in the mailbox |
//! | a mail after the bounce was accepted, and came back not for a day | that the address takes mail again, no more |

use serde::{Deserialize, Serialize};

use crate::value::{MailId, MailboxId, Millis, Timestamp};

/// How often a dead mailbox is asked again.
pub const ASKED_AGAIN_AFTER: Millis = Millis::days(1);
/// How long an accepted mail may still come back: what does not within this time counts as taken.
pub const COMES_BACK_WITHIN: Millis = Millis::hours(24);

/// The pulse of a mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Pulse {
    /// Whose.
    pub mailbox: MailboxId,
    /// Since when it is watched.
    pub watched_since: Timestamp,
    /// When it was proved last that its mail arrives.
    pub heard_at: Option<Timestamp>,
    /// The heartbeat that was sent last, and when.
    pub asked: Option<(MailId, Timestamp)>,
    /// Since when mail to it is known not to arrive.
    pub dead_since: Option<Timestamp>,
}

impl Pulse {
    /// Watched from now on.
    pub const fn new(mailbox: MailboxId, now: Timestamp) -> Self {
        Self { mailbox, watched_since: now, heard_at: None, asked: None, dead_since: None }
    }

    /// Whether it is to be asked: nothing was heard for so long, and nobody asked since; more often while it is dead.
    pub fn is_due(&self, now: Timestamp, every: Millis) -> bool {
        let asked = self.asked.map(|(_, at)| at);
        if self.dead_since.is_some() {
            return asked.is_none_or(|at| at + ASKED_AGAIN_AFTER <= now);
        }
        let last = self.heard_at.max(asked).unwrap_or(self.watched_since).max(self.watched_since);
        last + every <= now
    }

    /// A heartbeat was sent.
    pub fn asked(self, mail: MailId, at: Timestamp) -> Self {
        Self { asked: Some((mail, at)), ..self }
    }

    /// It was proved that its mail arrives.
    pub fn heard(self, at: Timestamp) -> Self {
        Self { heard_at: Some(at), dead_since: None, ..self }
    }

    /// The address takes mail again; nobody has proved that it is read.
    pub fn takes_mail_again(self) -> Self {
        Self { dead_since: None, ..self }
    }

    /// A mail to it did not arrive.
    pub fn dead(self, at: Timestamp) -> Self {
        Self { dead_since: self.dead_since.or(Some(at)), ..self }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const WEEK: Millis = Millis::days(7);

    fn day(n: i64) -> Timestamp {
        Timestamp(0) + Millis::days(n)
    }

    #[test]
    fn a_mailbox_that_is_heard_of_each_week_is_never_asked() {
        let mut pulse = Pulse::new(MailboxId::new([1; 16]), day(0));
        for n in 1..30 {
            pulse = pulse.heard(day(n * 6));
            assert!(!pulse.is_due(day(n * 6 + 6), WEEK));
        }
        assert!(pulse.is_due(day(29 * 6 + 7), WEEK));
    }

    #[test]
    fn a_silent_one_is_asked_once_a_week_and_a_dead_one_once_a_day_until_it_is_heard() {
        let mail = MailId::new([2; 16]);
        let pulse = Pulse::new(MailboxId::new([1; 16]), day(0));
        assert!(!pulse.is_due(day(6), WEEK) && pulse.is_due(day(7), WEEK));
        let asked = pulse.asked(mail, day(7));
        assert!(!asked.is_due(day(13), WEEK) && asked.is_due(day(14), WEEK));
        let dead = asked.dead(day(8)).dead(day(9));
        assert_eq!(dead.dead_since, Some(day(8)), "since the first mail that did not arrive");
        assert!(dead.is_due(day(8), WEEK));
        let again = dead.asked(mail, day(8));
        assert!(!again.is_due(day(8), WEEK) && again.is_due(day(9), WEEK));
        assert!(!again.heard(day(9)).is_due(day(15), WEEK));
    }
}
