//! Connections that carry several mails: what a host was greeted for once serves the next mail that goes the same way
//! (RFC 5321 section 3.3), for a few seconds and a few mails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError, Weak};
use std::time::Duration;

use tokio::time::timeout;

use super::{
    ClientTls, DelayReason, DeliveryOutcome, Host, Route, SentMail, Unsendable, delayed, greet, is_sendable,
};

/// How long a connection waits for another mail.
const IDLE: Duration = Duration::from_secs(5);
/// Mails over one connection: a host that counts them is not provoked.
const MAILS_MAX: u32 = 50;
/// Connections that wait at once.
const PARKED_MAX: usize = 32;
/// How long a host may take to say that a waiting connection still stands; one that does not is opened anew.
const RESET_WAIT: Duration = Duration::from_secs(10);
/// The host closes the connection (RFC 5321 section 3.8).
const CLOSING: u16 = 421;

/// Connections to mail hosts.
pub struct Connections {
    tls: ClientTls,
    parked: Arc<Mutex<Parked>>,
}

/// Connections that wait for another mail.
#[derive(Default)]
struct Parked {
    by_route: HashMap<String, Vec<(u64, Host)>>,
    count: usize,
    last: u64,
}

impl Parked {
    fn take(&mut self, route: &str) -> Option<Host> {
        let hosts = self.by_route.get_mut(route)?;
        let (_, host) = hosts.pop()?;
        self.count -= 1;
        if hosts.is_empty() {
            self.by_route.remove(route);
        }
        Some(host)
    }

    fn take_this(&mut self, route: &str, number: u64) -> Option<Host> {
        let hosts = self.by_route.get_mut(route)?;
        let at = hosts.iter().position(|(parked, _)| *parked == number)?;
        let (_, host) = hosts.swap_remove(at);
        self.count -= 1;
        if hosts.is_empty() {
            self.by_route.remove(route);
        }
        Some(host)
    }

    /// Keeps a connection under a number, or gives it back when there is no room.
    fn put(&mut self, route: &str, host: Host) -> Result<u64, Host> {
        if self.count >= PARKED_MAX {
            return Err(host);
        }
        self.count += 1;
        self.last += 1;
        self.by_route.entry(route.to_owned()).or_default().push((self.last, host));
        Ok(self.last)
    }
}

impl Connections {
    /// None is open yet.
    pub fn new(tls: ClientTls) -> Self {
        Self { tls, parked: Arc::default() }
    }

    /// Delivers one message to one recipient at the first of these hosts that greets us. Never in clear when the route
    /// requires TLS. What that host says of the mail is the outcome: the others are not asked, unless it does not promise to
    /// hand the mail on as protected as it must be (RFC 8689 section 4.2.1).
    ///
    /// When the outcome is [`DelayReason::Lost`] or [`DelayReason::TimedOut`] the host may have the mail all the same: the
    /// next try must carry the same Message-ID.
    pub async fn deliver(&self, routes: &[Route], sent: SentMail<'_>) -> DeliveryOutcome {
        if !is_sendable(sent.message) {
            return DeliveryOutcome::Unsendable(Unsendable::LineEnding);
        }
        let mut last = None;
        for route in routes {
            let wait = route.waits.mail(sent.message.len());
            match timeout(wait, self.attempt(route, sent)).await {
                Ok(Ok(outcome)) => return outcome,
                // No mail was named: the next host may do better.
                Ok(Err(outcome)) => last = Some(graver(last, outcome)),
                Err(_) => return delayed(DelayReason::TimedOut),
            }
        }
        last.unwrap_or(delayed(DelayReason::Unreachable))
    }

    /// What the host says of the mail, or why it was not asked.
    async fn attempt(&self, route: &Route, sent: SentMail<'_>) -> Result<DeliveryOutcome, DeliveryOutcome> {
        let key = route.key();
        let mut host = match self.waiting(&key).await {
            Some(host) => host,
            None => greet(route, &self.tls).await?,
        };
        let outcome = match host.transact(route, sent).await {
            Ok(code) => DeliveryOutcome::Accepted { tls: host.tls.clone(), code },
            Err(outcome) => outcome,
        };
        self.park(key, host, &outcome).await;
        match outcome {
            DeliveryOutcome::Unsendable(Unsendable::NeedsRequireTls) => Err(outcome),
            _ => Ok(outcome),
        }
    }

    /// A connection that was opened for this route and still stands.
    async fn waiting(&self, key: &str) -> Option<Host> {
        loop {
            let mut host = lock(&self.parked).take(key)?;
            if host.reset(RESET_WAIT).await {
                return Some(host);
            }
        }
    }

    /// Keeps a connection for the next mail if the host still answers on it, else takes leave.
    async fn park(&self, key: String, host: Host, outcome: &DeliveryOutcome) {
        let stands = match outcome {
            DeliveryOutcome::Accepted { .. } | DeliveryOutcome::Refused(_) => true,
            DeliveryOutcome::Delayed { reply, .. } => reply.is_some_and(|reply| reply.code != CLOSING),
            DeliveryOutcome::Unsendable(_) => false,
        };
        if !stands || host.mails >= MAILS_MAX {
            return host.quit().await;
        }
        let parked = lock(&self.parked).put(&key, host);
        match parked {
            Ok(number) => leave_after(Arc::downgrade(&self.parked), key, number),
            Err(host) => host.quit().await,
        }
    }
}

/// What came of several hosts that were not given the mail: while one of them may do better later, that it is not sent is
/// not for good.
fn graver(last: Option<DeliveryOutcome>, outcome: DeliveryOutcome) -> DeliveryOutcome {
    match (last, outcome) {
        (Some(waits @ DeliveryOutcome::Delayed { .. }), DeliveryOutcome::Unsendable(_)) => waits,
        (_, outcome) => outcome,
    }
}

fn lock(parked: &Mutex<Parked>) -> MutexGuard<'_, Parked> {
    parked.lock().unwrap_or_else(PoisonError::into_inner)
}

/// Takes leave when no mail came in time.
fn leave_after(parked: Weak<Mutex<Parked>>, key: String, number: u64) {
    tokio::spawn(async move {
        tokio::time::sleep(IDLE).await;
        let host = parked.upgrade().and_then(|parked| lock(&parked).take_this(&key, number));
        if let Some(host) = host {
            host.quit().await;
        }
    });
}
