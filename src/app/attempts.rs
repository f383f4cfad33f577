//! How often a sign-in may fail (P2, S7), without letting an attacker lock anybody out: a browser that an account was signed
//! in with is known by a signed cookie and has an allowance of its own; all others share the account's, beside their
//! origin's. An address that nobody has is counted like any other, so that the answers tell nothing (invariant 8).
//!
//! In memory: a restart forgets the counts, and takes longer than what it gives an attacker.

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD as BASE64URL;

use super::ports::SecretName;
use super::tries::{Counted, Tries};
use super::{App, AppError, Visitor};
use crate::value::{Digest, MailAddress, SessionId, Timestamp, are_same_bytes, keyed_digest};

/// Random bytes that tell one known browser from another.
const BROWSER_BYTES: usize = 16;
/// Bytes of a known browser's cookie: since when, which browser, the keyed digest.
const KNOWN_BYTES: usize = 8 + BROWSER_BYTES + 32;
/// What separates these keyed digests from others under the same key.
const KNOWN_LABEL: &[u8] = b"known browser";
const TAG_LABEL: &[u8] = b"known browser tag";

/// How many failures one session may have, where it asks for a password, code or passphrase of its own person.
const OWN_FAILURES_MAX: u32 = 10;

/// Counts what fails in a session: who stole one does not keep its person from going on in another.
#[derive(Default)]
pub struct OwnTries(Counted<SessionId>);

impl OwnTries {
    /// Counts a try before it is made; or says how many minutes the session has to wait.
    pub fn begin(&self, session: SessionId, now: Timestamp) -> Result<(), u32> {
        self.0.begin(&session, OWN_FAILURES_MAX, now)
    }

    /// Takes one try back that was no failure.
    pub fn take_back(&self, session: SessionId) {
        self.0.take_back(&session);
    }
}

/// The counts.
pub(super) struct SignInTries {
    origins: Tries,
    accounts: Counted<Digest>,
    known: Counted<Digest>,
}

impl Default for SignInTries {
    fn default() -> Self {
        Self { origins: Tries::of_secrets(), accounts: Counted::default(), known: Counted::default() }
    }
}

/// A try that was counted before it is made, so that one which is broken off counts too.
#[derive(Debug, Clone, Copy)]
pub struct SignInTry {
    account: Digest,
    known: Option<Digest>,
    visitor: Visitor,
}

/// How a try ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TryEnd {
    /// The sign-in is complete: earlier failures are forgiven.
    SignedIn,
    /// It was no failure of the visitor.
    NotCounted,
}

impl App {
    /// Counts a try to sign in under a typed address; or says how many minutes to wait. `shown` is the known browser's
    /// cookie, if there is one.
    pub fn begin_sign_in_try(
        &self,
        typed: &str,
        shown: Option<&str>,
        visitor: Visitor,
    ) -> Result<Result<SignInTry, u32>, AppError> {
        let (now, policy) = (self.now().at, self.policies.load().sign_in);
        let address = folded(typed);
        let account = Digest::of(address.as_bytes());
        let browser =
            shown.and_then(|shown| self.known_browser(&address, shown, now).transpose()).transpose()?;
        let tries = &self.sign_in_tries;
        let known = browser.map(|browser| Digest::of(&[account.as_bytes().as_slice(), &browser].concat()));
        let begun = match &known {
            Some(known) => tries.known.begin(known, policy.per_known_browser, now),
            None => tries.origins.begin(visitor.address, now).and_then(|()| {
                let begun = tries.accounts.begin(&account, policy.per_account, now);
                if begun.is_err() {
                    // An account that waits costs its office nothing.
                    tries.origins.take_back(visitor.address);
                }
                begun
            }),
        };
        Ok(begun.map(|()| SignInTry { account, known, visitor }))
    }

    /// Ends a try that did not fail. One that is not ended stays counted.
    pub fn end_sign_in_try(&self, tried: SignInTry, end: TryEnd) {
        let tries = &self.sign_in_tries;
        match (tried.known, end) {
            (Some(known), TryEnd::SignedIn) => tries.known.forget(&known),
            (Some(known), TryEnd::NotCounted) => tries.known.take_back(&known),
            (None, TryEnd::SignedIn) => {
                tries.origins.forget(tried.visitor.address);
                tries.accounts.forget(&tried.account);
            }
            (None, TryEnd::NotCounted) => {
                tries.origins.take_back(tried.visitor.address);
                tries.accounts.take_back(&tried.account);
            }
        }
    }

    /// What tells this account's cookie from those of others who sign in with the same browser; it tells no address.
    pub fn known_browser_tag(&self, typed: &str) -> Result<[u8; 6], AppError> {
        let key = self.keyring.secret(SecretName::Codes)?;
        let digest = keyed_digest(&key, &[TAG_LABEL, folded(typed).as_bytes()]);
        let mut tag = [0; 6];
        tag.copy_from_slice(&digest.as_bytes()[..6]);
        Ok(tag)
    }

    /// The cookie of a browser that an account was signed in with just now, and for how long it is good, in seconds. It
    /// signs nobody in.
    pub fn remember_browser(&self, address: &MailAddress) -> Result<(String, i64), AppError> {
        let browser: [u8; BROWSER_BYTES] = self.random.bytes();
        let since = self.now().at.0.to_be_bytes();
        let mac = self.known_mac(&folded(&address.to_string()), since, &browser)?;
        let cookie = [since.as_slice(), &browser, mac.as_bytes()].concat();
        Ok((BASE64URL.encode(cookie), self.policies.load().sign_in.known_for.0 / 1000))
    }

    /// Which known browser a cookie is; none if it is none of this account, or too old.
    fn known_browser(
        &self,
        address: &str,
        shown: &str,
        now: Timestamp,
    ) -> Result<Option<[u8; BROWSER_BYTES]>, AppError> {
        let Some(cookie) = BASE64URL.decode(shown).ok().filter(|cookie| cookie.len() == KNOWN_BYTES) else {
            return Ok(None);
        };
        let Some((since, rest)) = cookie.split_first_chunk::<8>() else { return Ok(None) };
        let Some((browser, mac)) = rest.split_first_chunk::<BROWSER_BYTES>() else { return Ok(None) };
        let at = Timestamp(i64::from_be_bytes(*since));
        let is_live = at <= now && now < at + self.policies.load().sign_in.known_for;
        let is_ours = are_same_bytes(self.known_mac(address, *since, browser)?.as_bytes(), mac);
        Ok((is_ours && is_live).then_some(*browser))
    }

    fn known_mac(
        &self,
        address: &str,
        since: [u8; 8],
        browser: &[u8; BROWSER_BYTES],
    ) -> Result<Digest, AppError> {
        let key = self.keyring.secret(SecretName::Codes)?;
        Ok(keyed_digest(&key, &[KNOWN_LABEL, address.as_bytes(), &since, browser]))
    }
}

/// An address as it is counted: however it was typed.
fn folded(typed: &str) -> String {
    let typed = typed.trim();
    MailAddress::parse(typed).map_or_else(|_| typed.to_owned(), |address| address.to_string()).to_lowercase()
}
