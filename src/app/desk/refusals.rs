//! Failed sign-ins and refusals, gathered by where they came from and by whom: an attack stands out by its numbers.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;

use super::names::{Named, Names};
use crate::app::ports::LogSearch;
use crate::app::{App, AppError, LogState, Signed, Visitor};
use crate::audit::{Action, Event, LogView, Outcome, OutcomeClass, RefusalReason, Selection};
use crate::value::Timestamp;

/// How many refusals a page gathers, the latest ones; older ones are gathered by the next page. Each is read and
/// decoded, which bounds what a page costs (decision 0044).
const GATHERED_MAX: usize = 2_000;
/// How many looks into the store that takes at most.
const STEPS: usize = 5_000;
/// How many groups are told of each kind.
const GROUPS_MAX: usize = 30;

/// Refusals that have something in common.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalGroup<K> {
    /// What: where they came from, or who was refused.
    pub key: K,
    /// How many.
    pub count: u64,
    /// How many of them were sign-ins.
    pub sign_ins: u64,
    /// How many different persons, or addresses, are behind them.
    pub others: u64,
    /// The most frequent reasons, the most frequent first.
    pub reasons: Vec<(RefusalReason, u64)>,
    /// The first of them.
    pub first: Timestamp,
    /// The last of them.
    pub last: Timestamp,
}

/// The refusals of a period.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefusalsPage {
    /// How many were gathered.
    pub gathered: u64,
    /// How many of them were sign-ins.
    pub sign_ins: u64,
    /// The first and the last of them.
    pub span: Option<(Timestamp, Timestamp)>,
    /// Where the gathering goes on: older ones of the period were not gathered.
    pub older: Option<u64>,
    /// By network address, most refusals first.
    pub by_origin: Vec<RefusalGroup<IpAddr>>,
    /// By person, most refusals first.
    pub by_person: Vec<RefusalGroup<Named>>,
    /// The log's health.
    pub state: LogState,
}

impl App {
    /// Gathers the refusals of a period, the latest ones, or the latest ones before an entry of the log
    /// ([`RefusalsPage::older`]). `None` when the person is no security officer.
    pub async fn tell_refusals(
        &self,
        signed: &Signed,
        from: Option<Timestamp>,
        until: Option<Timestamp>,
        before: Option<u64>,
        visitor: Visitor,
    ) -> Result<Option<RefusalsPage>, AppError> {
        if !self.officer_looks(signed, LogView::Refusals, visitor).await? {
            return Ok(None);
        }
        let outcome = Some(OutcomeClass::Refused);
        let selection = Selection { outcome, from, until, ..Selection::default() };
        let search = LogSearch::newest(selection);
        let search = before.map_or(search.clone(), |place| search.resumed(place));
        let found = self.store.search(&search, GATHERED_MAX, STEPS).await?;
        let (mut origins, mut people) = (Groups::default(), Groups::default());
        let (mut sign_ins, mut span) = (0, None);
        for (_, entry) in &found.entries {
            let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
            let (first, last) = span.unwrap_or((event.at, event.at));
            span = Some((event.at.min(first), event.at.max(last)));
            sign_ins += u64::from(event.action == Action::SignInRefused);
            let (address, person) = (event.address(), event.people()[0]);
            if let Some(address) = address {
                origins.add(address, person, &event);
            }
            if let Some(person) = person {
                people.add(person, address, &event);
            }
        }
        let mut names = Names::default();
        let mut by_person = Vec::new();
        for group in people.largest() {
            let key: Named = self.named(group.key, &mut names).await?;
            let RefusalGroup { count, sign_ins, others, reasons, first, last, .. } = group;
            by_person.push(RefusalGroup { key, count, sign_ins, others, reasons, first, last });
        }
        Ok(Some(RefusalsPage {
            gathered: found.entries.len() as u64,
            sign_ins,
            span,
            older: found.resume,
            by_origin: origins.largest(),
            by_person,
            state: self.log_state().await?,
        }))
    }
}

/// Groups in the making, with the others that each met.
struct Groups<K, O>(HashMap<K, (RefusalGroup<K>, Vec<O>)>);

impl<K, O> Default for Groups<K, O> {
    fn default() -> Self {
        Self(HashMap::new())
    }
}

/// How many different others of one group are told apart.
const OTHERS_MAX: usize = 200;

impl<K: Copy + Eq + Hash, O: PartialEq> Groups<K, O> {
    fn add(&mut self, key: K, other: Option<O>, event: &Event) {
        let (group, others) = self.0.entry(key).or_insert_with(|| {
            let (first, last) = (event.at, event.at);
            let group =
                RefusalGroup { key, count: 0, sign_ins: 0, others: 0, reasons: Vec::new(), first, last };
            (group, Vec::new())
        });
        group.count += 1;
        group.sign_ins += u64::from(event.action == Action::SignInRefused);
        group.first = group.first.min(event.at);
        group.last = group.last.max(event.at);
        if let Some(other) = other
            && others.len() < OTHERS_MAX
            && !others.contains(&other)
        {
            others.push(other);
            group.others += 1;
        }
        let Outcome::Refused(reason) = event.outcome else { return };
        match group.reasons.iter_mut().find(|(known, _)| *known == reason) {
            Some((_, count)) => *count += 1,
            None => group.reasons.push((reason, 1)),
        }
    }

    fn largest(self) -> Vec<RefusalGroup<K>> {
        let mut groups: Vec<_> = self.0.into_values().map(|(group, _)| group).collect();
        groups.sort_by_key(|group| (std::cmp::Reverse(group.count), std::cmp::Reverse(group.last)));
        groups.truncate(GROUPS_MAX);
        for group in &mut groups {
            group.reasons.sort_by_key(|(_, count)| std::cmp::Reverse(*count));
        }
        groups
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::{Actor, Object, Origin};
    use crate::value::PersonId;

    #[test]
    fn the_address_that_tries_most_comes_first_with_all_whom_it_tried() {
        let mut groups: Groups<IpAddr, PersonId> = Groups::default();
        for n in 0..40_u8 {
            let address = if n % 4 == 0 { "198.51.100.1" } else { "192.0.2.66" }.parse().unwrap();
            let person = PersonId::new([n; 16]);
            let outcome = Outcome::Refused(RefusalReason::CredentialsWrong);
            let (actor, origin) = (Actor::Person(person), Origin::Web { address });
            let at = Timestamp(i64::from(n));
            let event = Event::new(at, actor, Action::SignInRefused, Object::None, outcome, origin);
            groups.add(address, Some(person), &event);
        }
        let groups = groups.largest();
        let attack = &groups[0];
        assert_eq!((attack.count, attack.sign_ins, attack.others), (30, 30, 30));
        assert_eq!((attack.first, attack.last), (Timestamp(1), Timestamp(39)));
        assert_eq!(attack.reasons, [(RefusalReason::CredentialsWrong, 30)]);
        assert_eq!(groups.len(), 2);
    }
}
