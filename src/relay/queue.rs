//! The queue of outgoing mails: what waits, when it is tried again, what became of it (invariant 10: each notice
//! has a state that a person can see).

use serde::{Deserialize, Serialize};

use super::destination::LONGEST_PROBE_WAIT;
use super::letter::LetterKind;
use super::truth::{Cause, EnhancedStatus, PeerReport};
use crate::value::{
    Day, Language, MailAddress, MailId, MailboxId, Millis, ReportWish, Timestamp, TransferId,
};
use crate::vault::Sealed;

/// How long delivery is tried (RFC 5321 section 4.5.4.1 asks for four to five days).
pub const MAIL_LIFE: Millis = Millis::days(5);
/// First wait after a failed try.
const FIRST_WAIT: Millis = Millis::minutes(1);
/// Longest wait between two tries.
const LONGEST_WAIT: Millis = Millis::hours(4);

/// Why a mail was not taken yet, or never. Closed, so that it can stand in the log.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DeliveryProblem {
    /// The host could not be reached or did not answer in time.
    Unreachable,
    /// The connection could not be made private as its policy demands.
    TlsRequired,
    /// The host talks to nobody now: 421, a greeting or EHLO refused, its own system in trouble (X.3.x).
    HostBusy {
        /// The SMTP reply code.
        code: u16,
    },
    /// The host asked to try later (4yz).
    TryLater {
        /// The SMTP reply code.
        code: u16,
    },
    /// The host lets whom it does not know come twice: 450 or 451 without a graver reason.
    Greylisted {
        /// The SMTP reply code.
        code: u16,
    },
    /// The recipient's mailbox is full (452, X.2.2).
    MailboxFull {
        /// The SMTP reply code.
        code: u16,
    },
    /// The host refused for good (5yz).
    Refused {
        /// The SMTP reply code.
        code: u16,
    },
    /// There is no such recipient, the host says (5yz, X.1.x).
    UnknownRecipient {
        /// The SMTP reply code.
        code: u16,
    },
    /// The host's rules keep the mail out (5yz, X.7.x).
    AgainstPolicy {
        /// The SMTP reply code.
        code: u16,
    },
    /// The domain takes no mail: no such domain, or it says so (RFC 7505).
    NoMailDomain,
    /// The names of the DNS do not answer.
    NamesUnavailable,
    /// The way leads back to this gateway.
    Loop,
    /// An operator took it out of the queue.
    Dropped,
    /// The recipient's system sent it back (RFC 3464).
    Bounced,
    /// Five days went by.
    TooLate,
    /// The mail could not be rendered or unsealed: ours to mend.
    Broken,
    /// The host does not promise to hand the mail on by TLS alone, and it may not leave without (RFC 8689 section 4.2.1).
    NotOnward,
}

impl DeliveryProblem {
    /// Whether it is the host's, whatever mail is brought: then other mails for it need not try.
    pub const fn is_about_host(self) -> bool {
        matches!(self, Self::Unreachable | Self::TlsRequired | Self::HostBusy { .. } | Self::NamesUnavailable)
    }

    /// Whether trying again would not help.
    pub const fn is_for_good(self) -> bool {
        match self {
            Self::Refused { .. }
            | Self::UnknownRecipient { .. }
            | Self::AgainstPolicy { .. }
            | Self::NoMailDomain
            | Self::Loop
            | Self::Bounced
            | Self::TooLate
            | Self::Dropped
            | Self::Broken
            | Self::NotOnward => true,
            Self::Unreachable
            | Self::TlsRequired
            | Self::HostBusy { .. }
            | Self::TryLater { .. }
            | Self::Greylisted { .. }
            | Self::MailboxFull { .. }
            | Self::NamesUnavailable => false,
        }
    }

    /// The word for scripts and figures.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Unreachable => "unreachable",
            Self::TlsRequired => "tls_required",
            Self::HostBusy { .. } => "host_busy",
            Self::TryLater { .. } => "try_later",
            Self::Greylisted { .. } => "greylisted",
            Self::MailboxFull { .. } => "mailbox_full",
            Self::Refused { .. } => "refused",
            Self::UnknownRecipient { .. } => "unknown_recipient",
            Self::AgainstPolicy { .. } => "against_policy",
            Self::NoMailDomain => "no_mail_domain",
            Self::NamesUnavailable => "names_unavailable",
            Self::Loop => "loop",
            Self::Bounced => "bounced",
            Self::TooLate => "too_late",
            Self::Dropped => "dropped",
            Self::Broken => "broken",
            Self::NotOnward => "not_onward",
        }
    }

    /// The host's reply code, if it gave one.
    pub const fn code(self) -> Option<u16> {
        match self {
            Self::HostBusy { code }
            | Self::TryLater { code }
            | Self::Greylisted { code }
            | Self::MailboxFull { code }
            | Self::Refused { code }
            | Self::UnknownRecipient { code }
            | Self::AgainstPolicy { code } => Some(code),
            _ => None,
        }
    }
}

/// How well a mail must be protected on its way (RFC 8689).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub enum Protection {
    /// As the way to the host demands.
    #[default]
    Usual,
    /// By TLS to a host that proves who it is, which is asked to hand it on so where it understands that: our own letters,
    /// which hold nothing of what they announce (decision 0065).
    ToHost,
    /// So, and to no host that does not promise to hand it on so: what others wrote.
    Onward,
}

impl Protection {
    /// Whether the mail itself demands TLS to a host that proves who it is, whatever the way demands.
    pub const fn requires_tls(self) -> bool {
        !matches!(self, Self::Usual)
    }
}

/// Where a mail stands.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum MailState {
    /// It waits for its next try.
    Queued {
        /// When.
        next_try_at: Timestamp,
        /// Why the last try failed, if there was one.
        last_problem: Option<DeliveryProblem>,
    },
    /// A backup was restored: it may have left already. An operator resumes or cancels it.
    Suspended {
        /// Since when.
        at: Timestamp,
    },
    /// An operator holds it back.
    Held {
        /// Since when.
        at: Timestamp,
    },
    /// The next host took it.
    Accepted {
        /// When.
        at: Timestamp,
        /// The TLS version of the connection; none when in clear, as to a smart host on loopback.
        tls: Option<String>,
        /// What was reported of it since, short of a failure.
        report: Option<PeerReport>,
    },
    /// It will not arrive.
    Failed {
        /// When that was known.
        at: Timestamp,
        /// Why.
        problem: DeliveryProblem,
        /// What the other side's status said, if it told one.
        status: Option<EnhancedStatus>,
    },
}

/// An outgoing mail.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct QueuedMail {
    /// Its id; its Message-ID and return address are made of it, so that a repeat is recognised.
    pub id: MailId,
    /// What it is for.
    pub kind: LetterKind,
    /// The transfer that it speaks of, if any.
    pub transfer: Option<TransferId>,
    /// The mailbox that it speaks for; none where it speaks for the gateway itself.
    pub mailbox: Option<MailboxId>,
    /// Who gets it.
    pub to: MailAddress,
    /// The language that it is written in.
    pub language: Language,
    /// Its date.
    pub written_at: Timestamp,
    /// It leaves over TLS to hosts that prove who they are, or not at all (RFC 8689); see [`Protection`].
    #[serde(default)]
    pub requires_tls: bool,
    /// The letter, sealed to the queue key of `key_day`; erased when it was accepted or failed.
    pub letter: Option<Sealed>,
    /// The day of the queue key.
    pub key_day: Day,
    /// How often it was tried.
    pub tries: u32,
    /// Where it stands.
    pub state: MailState,
    /// Somebody else was told that it does not arrive: once is enough.
    #[serde(default)]
    pub told_elsewhere: bool,
    /// Who is told what becomes of it, where somebody asked (RFC 3461).
    #[serde(default)]
    pub report: Option<Box<ReportWish>>,
}

impl QueuedMail {
    /// The same mail, which demands TLS where what it speaks of does.
    #[must_use]
    pub fn requiring_tls(self, requires_tls: bool) -> Self {
        Self { requires_tls, ..self }
    }

    /// How well it must be protected on its way.
    pub const fn protection(&self) -> Protection {
        match (self.requires_tls, self.kind) {
            (false, _) => Protection::Usual,
            (true, LetterKind::Forwarded) => Protection::Onward,
            (true, _) => Protection::ToHost,
        }
    }

    /// When it is to be tried, if it still is.
    pub fn due_at(&self) -> Option<Timestamp> {
        match &self.state {
            MailState::Queued { next_try_at, .. } => Some(*next_try_at),
            MailState::Suspended { .. }
            | MailState::Held { .. }
            | MailState::Accepted { .. }
            | MailState::Failed { .. } => None,
        }
    }

    /// Leaves it in the queue without trying it.
    pub fn suspended(self, at: Timestamp) -> Self {
        Self { state: MailState::Suspended { at }, ..self }
    }

    /// Tries a suspended one again from now on; the same letter under the same Message-ID.
    pub fn resumed(self, at: Timestamp) -> Self {
        match self.state {
            MailState::Suspended { .. } => {
                Self { state: MailState::Queued { next_try_at: at, last_problem: None }, ..self }
            }
            _ => self,
        }
    }

    /// Whether it is worth nothing any more: the restore that suspended it voided its link or code.
    pub const fn is_void(&self) -> bool {
        matches!(self.state, MailState::Suspended { .. }) && self.kind.needs_its_link()
    }

    /// Keeps it back until somebody lets it go; only one that waits can be.
    pub fn held(self, at: Timestamp) -> Self {
        match self.state {
            MailState::Queued { .. } => Self { state: MailState::Held { at }, ..self },
            _ => self,
        }
    }

    /// Tries one that waits, is held or suspended from now on; the same letter under the same Message-ID.
    pub fn retried(self, at: Timestamp) -> Self {
        match self.state {
            MailState::Queued { last_problem, .. } => {
                Self { state: MailState::Queued { next_try_at: at, last_problem }, ..self }
            }
            MailState::Suspended { .. } | MailState::Held { .. } => {
                Self { state: MailState::Queued { next_try_at: at, last_problem: None }, ..self }
            }
            MailState::Accepted { .. } | MailState::Failed { .. } => self,
        }
    }

    /// Whether it may still leave.
    pub const fn is_unfinished(&self) -> bool {
        !matches!(self.state, MailState::Accepted { .. } | MailState::Failed { .. })
    }

    /// Notes that the next host took it; the letter is erased.
    pub fn accepted(self, at: Timestamp, tls: Option<String>) -> Self {
        Self {
            letter: None,
            tries: self.tries + 1,
            state: MailState::Accepted { at, tls, report: None },
            ..self
        }
    }

    /// Notes a failed try: for good, or until the next one. `jitter` in 0..=255 spreads the tries.
    pub fn not_taken(self, at: Timestamp, problem: DeliveryProblem, jitter: u8) -> Self {
        let tries = self.tries.saturating_add(1);
        if problem.is_for_good() {
            return Self { tries, ..self.failed(at, problem) };
        }
        // What is the host's trouble ends for all mails at once: none waits long after it.
        let longest = if problem.is_about_host() { LONGEST_PROBE_WAIT } else { LONGEST_WAIT };
        let next_try_at = at + wait_after(tries, jitter, longest);
        if next_try_at >= self.written_at + MAIL_LIFE {
            return Self { tries, ..self.failed(at, DeliveryProblem::TooLate) };
        }
        Self { tries, state: MailState::Queued { next_try_at, last_problem: Some(problem) }, ..self }
    }

    /// Notes that it will not arrive; the letter is erased. A bounce can come after it was accepted.
    pub fn failed(self, at: Timestamp, problem: DeliveryProblem) -> Self {
        Self { letter: None, state: MailState::Failed { at, problem, status: None }, ..self }
    }

    /// Notes that it came back (RFC 3464), with the status that the report gives.
    pub fn bounced(self, at: Timestamp, status: Option<EnhancedStatus>) -> Self {
        let state = MailState::Failed { at, problem: DeliveryProblem::Bounced, status };
        Self { letter: None, state, ..self }
    }

    /// Notes a report that is no failure; only what was accepted can be reported of.
    pub fn reported(self, of: PeerReport) -> Self {
        match self.state {
            MailState::Accepted { at, tls, .. } => {
                Self { state: MailState::Accepted { at, tls, report: Some(of) }, ..self }
            }
            _ => self,
        }
    }

    /// Why it is not there, if there is a reason to tell.
    pub fn cause(&self) -> Option<Cause> {
        match &self.state {
            MailState::Queued { last_problem, .. } => last_problem.map(|problem| Cause::of(problem, None)),
            MailState::Failed { problem, status, .. } => Some(Cause::of(*problem, *status)),
            MailState::Accepted { report: Some(report), .. } => report.cause(),
            MailState::Suspended { .. } | MailState::Held { .. } | MailState::Accepted { .. } => None,
        }
    }
}

/// The wait after the n-th failed try: doubling from one minute to the longest, spread by up to a quarter.
pub(super) fn wait_after(tries: u32, jitter: u8, longest: Millis) -> Millis {
    let doubled =
        FIRST_WAIT.0.saturating_mul(1_i64.checked_shl(tries.saturating_sub(1).min(20)).unwrap_or(i64::MAX));
    let wait = doubled.min(longest.0);
    Millis(wait + wait / 4 * i64::from(jitter) / 255)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Identity, seal};

    fn mail() -> QueuedMail {
        QueuedMail {
            id: MailId::new([1; 16]),
            kind: LetterKind::Notice,
            transfer: None,
            mailbox: Some(MailboxId::new([2; 16])),
            to: MailAddress::parse("retraite@carsat.example").unwrap(),
            language: Language::Fr,
            written_at: Timestamp(0),
            requires_tls: false,
            letter: Some(seal(&Identity::generate().recipient(), b"letter").unwrap()),
            key_day: Day(0),
            tries: 0,
            state: MailState::Queued { next_try_at: Timestamp(0), last_problem: None },
            told_elsewhere: false,
            report: None,
        }
    }

    #[test]
    fn a_host_that_is_down_is_tried_for_five_days_ever_more_slowly() {
        let (mut mail, mut now, mut waits) = (mail(), Timestamp(0), Vec::new());
        while let Some(due) = mail.due_at() {
            waits.push(now.until(due));
            now = due;
            mail = mail.not_taken(now, DeliveryProblem::Unreachable, 0);
        }
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]), "{waits:?}");
        assert_eq!(waits[1], Millis::minutes(1));
        assert!(now.0 > Millis::hours(24 * 5 - 5).0 && now.0 < MAIL_LIFE.0);
        assert_eq!(
            mail.state,
            MailState::Failed { at: now, problem: DeliveryProblem::TooLate, status: None }
        );
        assert!(mail.letter.is_none(), "a letter that will not leave is erased");
    }

    #[test]
    fn a_refusal_for_good_is_not_tried_again() {
        let mail = mail().not_taken(Timestamp(5), DeliveryProblem::Refused { code: 550 }, 0);
        assert_eq!(mail.due_at(), None);
        assert!(mail.letter.is_none());
    }

    #[test]
    fn a_mail_that_is_greylisted_waits_up_to_four_hours_one_behind_a_dead_host_one_hour() {
        for (problem, longest) in [
            (DeliveryProblem::Greylisted { code: 450 }, LONGEST_WAIT),
            (DeliveryProblem::HostBusy { code: 421 }, LONGEST_PROBE_WAIT),
        ] {
            let tried = QueuedMail { tries: 20, ..mail() }.not_taken(Timestamp(0), problem, 0);
            assert_eq!(tried.due_at(), Some(Timestamp(longest.0)));
        }
    }

    #[test]
    fn a_held_mail_is_not_due_until_it_is_let_go() {
        let held = mail().held(Timestamp(3));
        assert_eq!((held.due_at(), held.is_unfinished()), (None, true));
        assert_eq!(held.retried(Timestamp(9)).due_at(), Some(Timestamp(9)));
        let accepted = mail().accepted(Timestamp(1), None);
        assert_eq!(accepted.clone().held(Timestamp(2)), accepted, "what left is gone");
        assert_eq!(accepted.clone().retried(Timestamp(2)), accepted, "and leaves once");
    }

    #[test]
    fn jitter_spreads_the_tries_by_a_quarter_at_most() {
        assert_eq!(wait_after(1, 0, LONGEST_WAIT), Millis::minutes(1));
        assert_eq!(wait_after(1, 255, LONGEST_WAIT), Millis::seconds(75));
        assert_eq!(wait_after(u32::MAX, 255, LONGEST_WAIT), Millis::hours(5));
    }

    #[test]
    fn a_letter_is_erased_on_delivery() {
        assert!(mail().accepted(Timestamp(1), Some("TLSv1.3".into())).letter.is_none());
    }
}
