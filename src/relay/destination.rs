//! Where mails go, and how many may be on their way there at once: a host that answers is trusted with more, one that does
//! not is asked by one mail now and then, whatever waits behind it. Pure: time and chance come in.

use std::collections::{HashMap, HashSet};
use std::fmt;

use serde::{Deserialize, Serialize};

use super::queue::{DeliveryProblem, Protection, wait_after};
use crate::value::{Domain, MailId, Millis, Timestamp};

/// Longest wait between two probes of a host that does not answer.
pub const LONGEST_PROBE_WAIT: Millis = Millis::hours(1);
/// Destinations that are remembered; more, and those without trouble are forgotten.
const LANES_MAX: usize = 10_000;

/// Who is handed mails: a domain (its mail hosts), or the host that a route names.
#[derive(Debug, Clone, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Destination(String);

impl Destination {
    /// The mail hosts of a domain.
    pub fn domain(domain: &Domain) -> Self {
        Self(domain.as_str().to_owned())
    }

    /// One host, whatever the domain.
    pub fn host(host: &str, port: u16) -> Self {
        Self(format!("{host}:{port}"))
    }
}

impl fmt::Display for Destination {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// How many mails may be on their way at once.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct DeliveryLimits {
    /// In all.
    pub total: usize,
    /// To one destination.
    pub per_destination: usize,
}

impl Default for DeliveryLimits {
    fn default() -> Self {
        Self { total: 100, per_destination: 8 }
    }
}

/// What keeps a destination from being asked by every mail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trouble {
    /// What was met last.
    pub problem: DeliveryProblem,
    /// Since when.
    pub since: Timestamp,
    /// How often in a row.
    pub failures: u32,
    /// When one mail asks again.
    pub next_probe_at: Timestamp,
}

/// One destination.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Lane {
    under_way: usize,
    /// How many may be under way: one at first, twice as many after each that went well.
    width: usize,
    trouble: Option<Trouble>,
}

impl Lane {
    const NEW: Self = Self { under_way: 0, width: 1, trouble: None };

    fn room(&self, now: Timestamp, most: usize) -> usize {
        let width = match self.trouble {
            Some(trouble) if now < trouble.next_probe_at => 0,
            Some(_) => 1,
            None => self.width.min(most),
        };
        width.saturating_sub(self.under_way)
    }

    fn fail(&mut self, problem: DeliveryProblem, now: Timestamp, jitter: u8) {
        self.width = 1;
        // Several that were under way tell of the same failure: it counts once.
        if self.trouble.is_some_and(|trouble| now < trouble.next_probe_at) {
            return;
        }
        let failures = self.trouble.map_or(0, |trouble| trouble.failures).saturating_add(1);
        let since = self.trouble.map_or(now, |trouble| trouble.since);
        let next_probe_at = now + wait_after(failures, jitter, LONGEST_PROBE_WAIT);
        self.trouble = Some(Trouble { problem, since, failures, next_probe_at });
    }
}

/// All destinations that mails are or were on their way to. In memory only: after a restart each is asked once.
#[derive(Debug, Default)]
pub struct Lanes {
    lanes: HashMap<Destination, Lane>,
    under_way: HashSet<MailId>,
}

impl Lanes {
    /// How many more mails may leave for a destination now.
    pub fn room(&self, destination: &Destination, now: Timestamp, limits: DeliveryLimits) -> usize {
        let lane = self.lanes.get(destination).unwrap_or(&Lane::NEW);
        lane.room(now, limits.per_destination).min(limits.total.saturating_sub(self.under_way.len()))
    }

    /// Whether no more mails may leave for anywhere.
    pub fn is_full(&self, limits: DeliveryLimits) -> bool {
        self.under_way.len() >= limits.total
    }

    /// How many mails are on their way to a destination.
    pub fn under_way(&self, destination: &Destination) -> usize {
        self.lanes.get(destination).map_or(0, |lane| lane.under_way)
    }

    /// What is wrong with a destination, if something is.
    pub fn trouble(&self, destination: &Destination) -> Option<Trouble> {
        self.lanes.get(destination)?.trouble
    }

    /// Whether a mail is on its way.
    pub fn has(&self, mail: MailId) -> bool {
        self.under_way.contains(&mail)
    }

    /// A mail sets out. False, and nothing changes, when it is on its way already.
    pub fn begin(&mut self, destination: &Destination, mail: MailId) -> bool {
        if !self.under_way.insert(mail) {
            return false;
        }
        if self.lanes.len() >= LANES_MAX {
            self.lanes.retain(|_, lane| lane.trouble.is_some() || lane.under_way > 0);
        }
        self.lanes.entry(destination.clone()).or_insert(Lane::NEW).under_way += 1;
        true
    }

    /// A mail is no more on its way; nothing is known of what became of it.
    pub fn release(&mut self, destination: &Destination, mail: MailId) {
        if self.under_way.remove(&mail)
            && let Some(lane) = self.lanes.get_mut(destination)
        {
            lane.under_way = lane.under_way.saturating_sub(1);
        }
    }

    /// What came of a mail tells about its destination. A host that answered, whatever it said of the mail, is well. That it
    /// does no TLS as it should, to a mail that demands it by itself, keeps no other mail from it: if the way demands it of
    /// them too, the next of them finds out.
    pub fn learn(
        &mut self,
        destination: &Destination,
        outcome: Result<(), DeliveryProblem>,
        protection: Protection,
        now: Timestamp,
        jitter: u8,
    ) {
        let lane = self.lanes.entry(destination.clone()).or_insert(Lane::NEW);
        match outcome {
            Err(DeliveryProblem::TlsRequired) if protection.requires_tls() => {}
            Err(problem) if problem.is_about_host() => lane.fail(problem, now, jitter),
            // Ours: it says nothing of the host.
            Err(DeliveryProblem::Broken) => {}
            _ => {
                lane.trouble = None;
                lane.width = lane.width.saturating_mul(2).min(LANES_MAX);
            }
        }
    }

    /// Forgets the trouble of a destination: somebody knows that it is over.
    pub fn forget_trouble(&mut self, destination: &Destination) {
        if let Some(lane) = self.lanes.get_mut(destination) {
            lane.trouble = None;
        }
    }

    /// Destinations in trouble, in no order that means anything.
    pub fn troubles(&self) -> impl Iterator<Item = (&Destination, Trouble)> {
        self.lanes.iter().filter_map(|(destination, lane)| Some((destination, lane.trouble?)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const LIMITS: DeliveryLimits = DeliveryLimits { total: 6, per_destination: 4 };

    fn to(name: &str) -> Destination {
        Destination::domain(&Domain::parse(name).unwrap())
    }

    fn mail(n: u8) -> MailId {
        MailId::new([n; 16])
    }

    /// As many mails set out as there is room for.
    fn fill(lanes: &mut Lanes, destination: &Destination, now: Timestamp, from: u8) -> u8 {
        let mut n = 0;
        while lanes.room(destination, now, LIMITS) > 0 {
            assert!(lanes.begin(destination, mail(from + n)));
            n += 1;
        }
        n
    }

    #[test]
    fn a_host_that_answers_is_trusted_with_more_up_to_the_limit() {
        let (mut lanes, host, now) = (Lanes::default(), to("a.example"), Timestamp(0));
        for expected in [1, 2, 4, 4] {
            assert_eq!(fill(&mut lanes, &host, now, 0), expected);
            for n in 0..expected {
                lanes.release(&host, mail(n));
            }
            lanes.learn(&host, Ok(()), Protection::Usual, now, 0);
        }
    }

    #[test]
    fn all_destinations_together_keep_to_the_total() {
        let (mut lanes, now) = (Lanes::default(), Timestamp(0));
        let mut set_out = 0;
        for n in 0..9 {
            set_out += fill(&mut lanes, &to(&format!("h{n}.example")), now, n * 10);
        }
        assert_eq!(set_out, 6);
        assert!(lanes.is_full(LIMITS));
    }

    #[test]
    fn a_mail_sets_out_once() {
        let (mut lanes, host) = (Lanes::default(), to("a.example"));
        assert!(lanes.begin(&host, mail(1)));
        assert!(!lanes.begin(&host, mail(1)));
        lanes.release(&host, mail(1));
        lanes.release(&host, mail(1));
        assert_eq!(lanes.under_way(&host), 0);
    }

    #[test]
    fn a_dead_host_is_probed_by_one_mail_ever_more_rarely_and_no_longer_than_an_hour_apart() {
        let (mut lanes, host, mut now) = (Lanes::default(), to("dead.example"), Timestamp(0));
        let mut waits = Vec::new();
        for _ in 0..9 {
            assert_eq!(fill(&mut lanes, &host, now, 0), 1, "one probe, whatever waits");
            lanes.release(&host, mail(0));
            lanes.learn(&host, Err(DeliveryProblem::Unreachable), Protection::Usual, now, 0);
            assert_eq!(lanes.room(&host, now, LIMITS), 0);
            let next = lanes.trouble(&host).unwrap().next_probe_at;
            waits.push(now.until(next));
            now = next;
        }
        assert_eq!(waits[0], Millis::minutes(1));
        assert!(waits.windows(2).all(|pair| pair[0] <= pair[1]));
        assert_eq!(waits.last(), Some(&LONGEST_PROBE_WAIT));
        lanes.learn(&host, Ok(()), Protection::Usual, now, 0);
        assert_eq!(lanes.trouble(&host), None, "and is well with the first that it takes");
    }

    #[test]
    fn several_that_fail_together_are_one_failure() {
        let (mut lanes, host, now) = (Lanes::default(), to("a.example"), Timestamp(0));
        for _ in 0..5 {
            lanes.learn(&host, Err(DeliveryProblem::Unreachable), Protection::Usual, now, 0);
        }
        assert_eq!(lanes.trouble(&host).unwrap().failures, 1);
    }

    #[test]
    fn a_mail_that_demands_tls_by_itself_says_nothing_of_the_host_that_has_none() {
        let (mut lanes, host, now) = (Lanes::default(), to("a.example"), Timestamp(0));
        let no_tls = Err(DeliveryProblem::TlsRequired);
        for protection in [Protection::ToHost, Protection::Onward] {
            lanes.learn(&host, no_tls, protection, now, 0);
            assert_eq!(lanes.trouble(&host), None, "{protection:?}");
        }
        lanes.learn(&host, no_tls, Protection::Usual, now, 0);
        assert!(lanes.trouble(&host).is_some(), "the way to it demands TLS of all");
        lanes.learn(&host, no_tls, Protection::ToHost, now, 0);
        assert!(lanes.trouble(&host).is_some(), "nor that it is well");
        let unreachable = Err(DeliveryProblem::Unreachable);
        lanes.learn(&to("b.example"), unreachable, Protection::ToHost, now, 0);
        assert!(lanes.trouble(&to("b.example")).is_some(), "a host that nobody reaches is one for all");
    }

    #[test]
    fn a_host_that_greylists_or_refuses_one_mail_is_well() {
        let (mut lanes, host, now) = (Lanes::default(), to("a.example"), Timestamp(0));
        for problem in [DeliveryProblem::Greylisted { code: 450 }, DeliveryProblem::Refused { code: 550 }] {
            lanes.learn(&host, Err(problem), Protection::Usual, now, 0);
            assert_eq!(lanes.trouble(&host), None);
        }
    }
}
