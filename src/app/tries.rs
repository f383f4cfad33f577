//! Who fails often waits: tries counted by origin, in memory. It knows neither accounts nor what was tried.

use std::collections::HashMap;
use std::hash::Hash;
use std::net::IpAddr;
use std::sync::{Mutex, PoisonError};

use crate::value::{Millis, Timestamp};

/// How many failed sign-ins and codes an origin may have, or wrong passwords a person at a recovery, before it waits.
pub(super) const FAILURES_MAX: u32 = 20;
/// How many links an origin may ask for before it waits: a whole office may stand behind one address.
const ASKS_MAX: u32 = 60;
/// How many sign-ins by passkey or provider an origin may begin before it waits: a whole organisation may stand behind one
/// address, at nine in the morning.
const STARTS_MAX: u32 = 3000;
/// How long tries are remembered.
const TRIES_LIFE: Millis = Millis::minutes(15);
/// How many times as many this machine itself may: a proxy in front of the pages stands for everybody.
const LOOPBACK_FACTOR: u32 = 100;
/// How many origins are remembered; beyond, the oldest is forgotten for a new one.
const ORIGINS_MAX: usize = 10_000;
/// The part of an IPv6 address that names a network: one visitor has all of the rest (RFC 4291 section 2.5.4).
const IPV6_NETWORK: u128 = !0 << 64;

/// Counts tries by network: an IPv4 address, or the /64 of an IPv6 one. It slows one attacker down without locking
/// anybody else out: accounts are never blocked by it, and a full memory forgets the oldest origin, never the newest.
pub struct Tries {
    max: u32,
    counted: Counted<IpAddr>,
}

impl Tries {
    /// For failed sign-ins and codes.
    pub fn of_secrets() -> Self {
        Self::up_to(FAILURES_MAX)
    }

    /// For links and codes that are asked for.
    pub fn of_asking() -> Self {
        Self::up_to(ASKS_MAX)
    }

    /// For sign-ins by passkey or provider that are begun.
    pub fn of_starting() -> Self {
        Self::up_to(STARTS_MAX)
    }

    fn up_to(max: u32) -> Self {
        Self { max, counted: Counted::default() }
    }

    /// Counts a try before it is made, so that one which the visitor breaks off counts too; or says how many minutes
    /// the origin has to wait.
    pub fn begin(&self, origin: IpAddr, now: Timestamp) -> Result<(), u32> {
        let origin = network(origin);
        let max = if origin.is_loopback() { self.max.saturating_mul(LOOPBACK_FACTOR) } else { self.max };
        self.counted.begin(&origin, max, now)
    }

    /// Takes one try back that was no failure of the visitor.
    pub fn take_back(&self, origin: IpAddr) {
        self.counted.take_back(&network(origin));
    }

    /// Forgets an origin that succeeded.
    pub fn forget(&self, origin: IpAddr) {
        self.counted.forget(&network(origin));
    }
}

/// Counts the tries of each, origin or person; a full memory forgets the oldest.
pub(super) struct Counted<K>(Mutex<HashMap<K, (u32, Timestamp)>>);

impl<K> Default for Counted<K> {
    fn default() -> Self {
        Self(Mutex::default())
    }
}

impl<K: Clone + Eq + Hash> Counted<K> {
    /// Counts a try before it is made; or says how many minutes are left to wait once there were `max`.
    pub(super) fn begin(&self, who: &K, max: u32, now: Timestamp) -> Result<(), u32> {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        counted.retain(|_, (_, since)| since.until(now) < TRIES_LIFE);
        if counted.len() >= ORIGINS_MAX && !counted.contains_key(who) {
            let oldest =
                counted.iter().min_by_key(|(_, (_, since))| *since).map(|(oldest, _)| oldest.clone());
            oldest.map(|oldest| counted.remove(&oldest));
        }
        let (count, since) = counted.entry(who.clone()).or_insert((0, now));
        if *count >= max {
            let left = TRIES_LIFE.0 - since.until(now).0;
            return Err(u32::try_from(left / 60_000 + 1).unwrap_or(15));
        }
        *count += 1;
        Ok(())
    }

    /// Takes one try back that was no failure of whoever tried.
    pub(super) fn take_back(&self, who: &K) {
        let mut counted = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((count, _)) = counted.get_mut(who) {
            *count = count.saturating_sub(1);
        }
    }

    /// Forgets one that succeeded.
    pub(super) fn forget(&self, who: &K) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(who);
    }
}

/// What of an address stands for one visitor.
pub fn network(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => IpAddr::V6((address.to_bits() & IPV6_NETWORK).into()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn who_fails_often_waits_and_nobody_else_does() {
        let tries = Tries::of_secrets();
        let (attacker, other) = ("192.0.2.1".parse().unwrap(), "192.0.2.2".parse().unwrap());
        for _ in 0..FAILURES_MAX {
            assert_eq!(tries.begin(attacker, Timestamp(0)), Ok(()));
        }
        assert_eq!(tries.begin(attacker, Timestamp(0)), Err(16));
        assert_eq!(tries.begin(other, Timestamp(0)), Ok(()));
        tries.take_back(attacker);
        assert_eq!(tries.begin(attacker, Timestamp(0)), Ok(()), "a try that was taken back");
        assert_eq!(tries.begin(attacker, Timestamp(0)), Err(16));
        assert_eq!(tries.begin(attacker, Timestamp(0) + TRIES_LIFE), Ok(()));
    }

    #[test]
    fn all_addresses_of_one_ipv6_network_are_one_origin() {
        let tries = Tries::up_to(1);
        assert_eq!(tries.begin("2001:db8::1".parse().unwrap(), Timestamp(0)), Ok(()));
        assert_eq!(tries.begin("2001:db8::ffff:2".parse().unwrap(), Timestamp(0)), Err(16));
        assert_eq!(tries.begin("2001:db8:0:1::1".parse().unwrap(), Timestamp(0)), Ok(()));
        assert_eq!(tries.begin("192.0.2.1".parse().unwrap(), Timestamp(0)), Ok(()));
        assert_eq!(tries.begin("::ffff:192.0.2.1".parse().unwrap(), Timestamp(0)), Err(16));
    }

    #[test]
    fn a_full_memory_still_counts_whoever_is_new() {
        let tries = Tries::up_to(1);
        let origin = |number: u32| IpAddr::V4(number.into());
        for number in 0..=u32::try_from(ORIGINS_MAX).unwrap() {
            assert_eq!(tries.begin(origin(number), Timestamp(i64::from(number))), Ok(()));
        }
        let now = Timestamp(20_000);
        assert!(tries.begin(origin(10_000), now).is_err(), "the newest was not counted");
        assert!(tries.begin(origin(1), now).is_err(), "more than the oldest was forgotten");
        assert_eq!(tries.begin(origin(0), now), Ok(()), "the oldest made room");
    }
}
