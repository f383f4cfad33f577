//! The personal keys of those who are signed in: in memory only, each sealed to an identity that only its session's
//! cookie gives. A dump of this table without the cookies opens nothing; a restart forgets it.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::identity::{SESSION_IDLE, SESSION_LIFE};
use crate::value::{AccountId, Digest, SecretBytes, Timestamp, Token, TokenHash};
use crate::vault::{Identity, Sealed, VaultError, unwrap_identity, wrap_identity};

/// How many sessions may have a key open: some 600 bytes each, under 3 MiB in all. Who comes after that takes the place
/// of the one that was used longest ago, whose person is asked to open the key again.
pub(super) const UNLOCKED_MAX: usize = 4096;
/// How many sessions of one account: nobody can push the others out alone.
pub(super) const UNLOCKED_OF_ACCOUNT_MAX: usize = 8;

/// The table.
#[derive(Default)]
pub(super) struct UnlockedKeys(Mutex<HashMap<Digest, Unlocked>>);

struct Unlocked {
    account: AccountId,
    /// Wiped on drop.
    sealed: SecretBytes,
    began_at: Timestamp,
    used_at: Timestamp,
}

impl UnlockedKeys {
    /// Keeps a key open for the session of this cookie.
    pub(super) fn keep(
        &self,
        cookie: &Token,
        account: AccountId,
        identity: &Identity,
        now: Timestamp,
    ) -> Result<(), VaultError> {
        let sealed = wrap_identity(&Identity::of_session(cookie)?.recipient(), identity)?;
        let sealed = SecretBytes::new(sealed.as_bytes().to_vec());
        let mut table = self.table();
        let of_account = |key: &Unlocked| key.account == account;
        make_room(&mut table, UNLOCKED_OF_ACCOUNT_MAX, of_account);
        make_room(&mut table, UNLOCKED_MAX, |_| true);
        let unlocked = Unlocked { account, sealed, began_at: now, used_at: now };
        table.insert(*cookie.hash().as_digest(), unlocked);
        metrics::gauge!("pli_unlocked_keys").set(table.len() as f64);
        Ok(())
    }

    /// The key of this cookie's session; none when it is not open.
    pub(super) fn open(&self, cookie: &Token, now: Timestamp) -> Result<Option<Identity>, VaultError> {
        let sealed = {
            let mut table = self.table();
            let Some(unlocked) = table.get_mut(cookie.hash().as_digest()) else { return Ok(None) };
            unlocked.used_at = now;
            Sealed::from_bytes(unlocked.sealed.expose().to_vec())?
        };
        unwrap_identity(&Identity::of_session(cookie)?, &sealed).map(Some)
    }

    /// Whether a session has its key open.
    pub(super) fn is_open(&self, session: TokenHash) -> bool {
        self.table().contains_key(session.as_digest())
    }

    /// The session was used: its key stays open as long as the session does.
    pub(super) fn touch(&self, session: TokenHash, now: Timestamp) {
        if let Some(unlocked) = self.table().get_mut(session.as_digest()) {
            unlocked.used_at = now;
        }
    }

    /// Forgets the key of a session that ended.
    pub(super) fn forget(&self, session: TokenHash) {
        self.retain(|token, _| token != session.as_digest());
    }

    /// Forgets all keys of an account (P6).
    pub(super) fn forget_account(&self, account: AccountId) {
        self.retain(|_, unlocked| unlocked.account != account);
    }

    /// Forgets what no live session uses any more.
    pub(super) fn sweep(&self, now: Timestamp) {
        self.retain(|_, unlocked| {
            now < unlocked.began_at + SESSION_LIFE && now < unlocked.used_at + SESSION_IDLE
        });
    }

    fn retain(&self, keep: impl Fn(&Digest, &Unlocked) -> bool) {
        let mut table = self.table();
        table.retain(|token, unlocked| keep(token, unlocked));
        metrics::gauge!("pli_unlocked_keys").set(table.len() as f64);
    }

    fn table(&self) -> MutexGuard<'_, HashMap<Digest, Unlocked>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Makes room for one more among those that count, if they are at their limit.
fn make_room(table: &mut HashMap<Digest, Unlocked>, limit: usize, counts: impl Fn(&Unlocked) -> bool) {
    if table.values().filter(|unlocked| counts(unlocked)).count() < limit {
        return;
    }
    let counted = table.iter().filter(|(_, unlocked)| counts(unlocked));
    if let Some(oldest) = counted.min_by_key(|(_, unlocked)| unlocked.used_at).map(|(token, _)| *token) {
        table.remove(&oldest);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const NOW: Timestamp = Timestamp(1_000_000);

    fn cookie(n: u32) -> Token {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        Token::new(bytes)
    }

    fn account(n: u32) -> AccountId {
        let mut bytes = [0; 16];
        bytes[..4].copy_from_slice(&n.to_be_bytes());
        AccountId::new(bytes)
    }

    #[test]
    fn the_cookie_opens_its_key_and_the_table_alone_opens_none() {
        let (keys, identity) = (UnlockedKeys::default(), Identity::generate());
        keys.keep(&cookie(1), account(1), &identity, NOW).unwrap();
        let opened = keys.open(&cookie(1), NOW).unwrap().unwrap();
        assert_eq!(opened.recipient(), identity.recipient());
        assert!(keys.open(&cookie(2), NOW).unwrap().is_none());
        let table = keys.table();
        let sealed = Sealed::from_bytes(table.values().next().unwrap().sealed.expose().to_vec()).unwrap();
        for hash in table.keys() {
            let guess = Identity::derived(&SecretBytes::new(hash.as_bytes().to_vec())).unwrap();
            assert!(unwrap_identity(&guess, &sealed).is_err(), "the hash that the store has opens it");
        }
    }

    #[test]
    fn a_key_goes_with_its_session_by_disuse_by_age_and_with_its_account() {
        let (keys, identity) = (UnlockedKeys::default(), Identity::generate());
        for n in 1..=3 {
            keys.keep(&cookie(n), account(n), &identity, NOW).unwrap();
        }
        keys.forget(cookie(1).hash());
        keys.forget_account(account(2));
        assert!(!keys.is_open(cookie(1).hash()) && !keys.is_open(cookie(2).hash()));
        keys.touch(cookie(3).hash(), NOW + SESSION_IDLE);
        keys.sweep(NOW + SESSION_IDLE);
        assert!(keys.is_open(cookie(3).hash()), "it was used meanwhile");
        keys.touch(cookie(3).hash(), NOW + SESSION_LIFE);
        keys.sweep(NOW + SESSION_LIFE);
        assert!(!keys.is_open(cookie(3).hash()));
    }

    #[test]
    fn the_table_is_bounded_and_nobody_pushes_the_others_out() {
        let (keys, identity) = (UnlockedKeys::default(), Identity::generate());
        keys.keep(&cookie(0), account(0), &identity, NOW).unwrap();
        for n in 1..=20 {
            keys.keep(&cookie(n), account(1), &identity, NOW + crate::value::Millis(i64::from(n))).unwrap();
        }
        assert_eq!(keys.table().len(), 1 + UNLOCKED_OF_ACCOUNT_MAX);
        assert!(keys.is_open(cookie(0).hash()) && !keys.is_open(cookie(1).hash()));
        let sealed = wrap_identity(&identity.recipient(), &identity).unwrap();
        {
            let mut table = keys.table();
            for n in 100..100 + u32::try_from(UNLOCKED_MAX).unwrap() {
                let sealed = SecretBytes::new(sealed.as_bytes().to_vec());
                let unlocked = Unlocked { account: account(n), sealed, began_at: NOW, used_at: NOW };
                make_room(&mut table, UNLOCKED_MAX, |_| true);
                table.insert(*cookie(n).hash().as_digest(), unlocked);
            }
        }
        keys.keep(&cookie(99), account(99), &identity, NOW).unwrap();
        assert_eq!(keys.table().len(), UNLOCKED_MAX);
        let sealed: usize = keys.table().values().map(|key| key.sealed.expose().len()).sum();
        assert!(sealed <= UNLOCKED_MAX * 512, "{sealed} bytes");
    }
}
