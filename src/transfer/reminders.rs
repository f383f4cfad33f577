//! What a transfer is still to be reminded of, and when: nothing ends unseen (V5), nothing is late in silence (T2, T5). Which
//! mails these become is decided elsewhere; what was told is kept with the case.

use super::{Case, Due, Reminder, Transfer};
use crate::policy::reminders::ReminderPolicy;
use crate::value::{Millis, Timestamp};

/// Reminders of one kind, the mildest first: when a later one is due the earlier are not worth a mail any more.
const LADDERS: [&[Reminder]; 5] = [
    &[Reminder::UnopenedHalf, Reminder::UnopenedTwoDays, Reminder::UnopenedOneDay],
    &[Reminder::UnopenedManager],
    &[Reminder::TakeSoon, Reminder::TakeLate],
    &[Reminder::AnswerSoon, Reminder::AnswerLate],
    &[Reminder::Mediator],
];

impl Transfer {
    /// Whether somebody of the mailbox whose it is to treat has opened it.
    pub fn is_opened_here(&self) -> bool {
        self.opened_in.contains(&self.current_holder())
    }

    /// What it still is to be reminded of as things stand, and when.
    pub fn reminders(&self, policy: &ReminderPolicy) -> Vec<(Timestamp, Reminder)> {
        let mut reminders = Vec::new();
        if !self.is_opened_here() {
            reminders.extend(self.unopened(policy));
        }
        reminders.extend(due(&self.case, policy));
        reminders.retain(|(at, reminder)| *at < self.expires_at && !self.case.told.contains(reminder));
        reminders
    }

    fn unopened(&self, policy: &ReminderPolicy) -> impl Iterator<Item = (Timestamp, Reminder)> {
        // Who got it by dispatch is not reminded of time that was over before.
        let came = self.dispatches.last().map_or(self.received_at, |dispatch| dispatch.at);
        let left = came.until(self.expires_at);
        let half = (came + Millis(left.0 / 2), Reminder::UnopenedHalf);
        let before = |length| self.expires_at - length;
        policy.half_life.then_some(half).into_iter().chain([
            (before(policy.first_before_end), Reminder::UnopenedTwoDays),
            (before(policy.last_before_end), Reminder::UnopenedOneDay),
            (before(policy.manager_before_end), Reminder::UnopenedManager),
        ])
    }

    /// Notes what is due now as told and sets when to look again. Returns what a mail is worth: of each ladder the last step.
    pub fn take_reminders(&mut self, policy: &ReminderPolicy, now: Timestamp) -> Vec<Reminder> {
        let due: Vec<Reminder> =
            self.reminders(policy).into_iter().filter(|(at, _)| *at <= now).map(|(_, due)| due).collect();
        self.case.told.extend(&due);
        self.plan_next_look(policy);
        LADDERS
            .iter()
            .filter_map(|ladder| ladder.iter().rev().find(|step| due.contains(step)).copied())
            .collect()
    }

    /// Sets when there may be something to tell next.
    pub fn plan_next_look(&mut self, policy: &ReminderPolicy) {
        self.case.next_look_at = self.reminders(policy).into_iter().map(|(at, _)| at).min();
    }
}

fn due(case: &Case, policy: &ReminderPolicy) -> Vec<(Timestamp, Reminder)> {
    let mut reminders = Vec::new();
    let open = case.next_due();
    if let Some(Due::Taken(at)) = open {
        reminders.extend([(at - policy.soon, Reminder::TakeSoon), (at, Reminder::TakeLate)]);
    }
    // The answer's clock runs whoever has it in charge.
    if let (Some(_), Some(at)) = (open, case.due.answered.filter(|_| case.first_answer.is_none())) {
        reminders.extend([
            (at - policy.soon, Reminder::AnswerSoon),
            (at, Reminder::AnswerLate),
            (at + policy.mediator_after, Reminder::Mediator),
        ]);
    }
    reminders
}
