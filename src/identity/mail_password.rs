//! The password of a person's mail program (decision 0061): made by the gateway, shown once, good for submitting mail
//! and for nothing else. It opens no page and no key.

use std::fmt;

use aws_lc_rs::constant_time;
use serde::{Deserialize, Serialize};
use zeroize::{Zeroize, ZeroizeOnDrop};

use crate::value::{AccountId, Digest, Timestamp};

/// Random bytes of a mail password: 120 bits, in 24 characters. So much that its digest may be a fast one: what slows
/// guessing down for passwords that people think of is of no use here.
const SECRET_BYTES: usize = 15;
/// Characters between two hyphens.
const GROUP_CHARS: usize = 4;
/// Crockford's base 32, in lower case: no letter that is taken for a digit.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";

/// What stands in the mail program.
#[derive(PartialEq, Eq, Zeroize, ZeroizeOnDrop)]
pub struct MailSecret([u8; SECRET_BYTES]);

impl MailSecret {
    /// Makes one of random bytes.
    pub const fn new(random: [u8; SECRET_BYTES]) -> Self {
        Self(random)
    }

    /// Reads one as a person types or copies it: any case, hyphens and spaces or none; anything else is `None`.
    pub fn parse(text: &[u8]) -> Option<Self> {
        let (mut secret, mut bits, mut value, mut count) = (Self([0; SECRET_BYTES]), 0, 0_u32, 0);
        for character in text.iter().filter(|c| !matches!(c, b'-' | b' ')) {
            let digit = match character.to_ascii_lowercase() {
                b'o' => 0,
                b'i' | b'l' => 1,
                other => ALPHABET.iter().position(|c| *c == other)?,
            };
            value = (value << 5 | u32::try_from(digit).ok()?) & 0xfff;
            bits += 5;
            if bits >= 8 {
                bits -= 8;
                *secret.0.get_mut(count)? = u8::try_from((value >> bits) & 0xff).ok()?;
                count += 1;
            }
        }
        (count == SECRET_BYTES && bits == 0).then_some(secret)
    }

    /// As it is shown, once.
    pub fn expose(&self) -> String {
        let (mut text, mut bits, mut value) = (String::new(), 0, 0_u32);
        for byte in self.0 {
            value = (value << 8 | u32::from(byte)) & 0xfff;
            bits += 8;
            while bits >= 5 {
                bits -= 5;
                if text.len() % (GROUP_CHARS + 1) == GROUP_CHARS {
                    text.push('-');
                }
                let digit = usize::try_from((value >> bits) & 31).unwrap_or_default();
                text.push(char::from(ALPHABET.get(digit).copied().unwrap_or(b'0')));
            }
        }
        text
    }

    fn digest(&self) -> Digest {
        Digest::of(&self.0)
    }
}

impl fmt::Debug for MailSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("MailSecret(…)")
    }
}

/// What is kept of it. One an account; a new one takes the place of the one before.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailPassword {
    /// Whose.
    pub account: AccountId,
    /// When it was made.
    pub made_at: Timestamp,
    digest: Digest,
}

/// A mail program that signed in: as whom, and with which mail password, so that its connection ends with that.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MailSession {
    /// As whom.
    pub account: AccountId,
    /// Tells the mail password from another, and is no use for anything else.
    pub mark: Digest,
}

impl MailPassword {
    /// What is remembered of whoever signed in with it.
    pub fn session(&self) -> MailSession {
        MailSession { account: self.account, mark: Digest::of(self.digest.as_bytes()) }
    }

    /// What is kept of a secret.
    pub fn of(account: AccountId, secret: &MailSecret, made_at: Timestamp) -> Self {
        Self { account, made_at, digest: secret.digest() }
    }

    /// Whether this is the secret.
    pub fn verify(&self, secret: &MailSecret) -> bool {
        constant_time::verify_slices_are_equal(self.digest.as_bytes(), secret.digest().as_bytes()).is_ok()
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn a_mail_password_is_known_however_it_was_copied_and_no_other_is() {
        let secret = MailSecret::new([0, 1, 2, 253, 254, 255, 6, 7, 8, 9, 10, 11, 12, 13, 14]);
        let kept = MailPassword::of(AccountId::new([1; 16]), &secret, Timestamp(0));
        let shown = secret.expose();
        assert_eq!(shown.len(), 29, "{shown}");
        for typed in [shown.clone(), shown.to_uppercase(), shown.replace('-', ""), shown.replace('-', " ")] {
            assert!(kept.verify(&MailSecret::parse(typed.as_bytes()).unwrap()), "{typed}");
        }
        let (last, other) = (&shown[..28], if shown.ends_with('0') { '1' } else { '0' });
        assert!(!kept.verify(&MailSecret::parse(format!("{last}{other}").as_bytes()).unwrap()));
        for unfit in ["", "phrase de passe", last, &format!("{shown}0"), "éééé-éééé-éééé-éééé-éééé-éééé"]
        {
            assert!(MailSecret::parse(unfit.as_bytes()).is_none(), "{unfit}");
        }
    }

    #[test]
    fn a_mail_password_does_not_print() {
        assert_eq!(format!("{:?}", MailSecret::new([7; 15])), "MailSecret(…)");
    }

    proptest! {
        #[test]
        fn what_is_shown_reads_back(bytes: [u8; 15]) {
            let secret = MailSecret::new(bytes);
            prop_assert_eq!(MailSecret::parse(secret.expose().as_bytes()), Some(secret));
        }
    }
}
