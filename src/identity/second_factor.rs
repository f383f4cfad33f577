//! A person's second factor: one-time codes of an authenticator (RFC 6238, SHA-1, 6 digits, 30 seconds, as every such
//! program understands), and codes on paper for the day on which the telephone is lost. Whether one is asked for is the
//! sign-in's to decide.

use serde::{Deserialize, Serialize};
use totp_rs::{Builder, Secret};

use crate::value::{Digest, SecretBytes, Timestamp};
use crate::vault::Sealed;

/// Bytes of a secret: 160 bits (RFC 4226 section 4).
pub const FACTOR_SECRET_BYTES: usize = 20;
/// Random bytes of a recovery code: 80 bits, so that a fast digest is enough.
pub const RECOVERY_CODE_BYTES: usize = 10;
/// How many recovery codes are given out.
pub const RECOVERY_CODES: usize = 8;
/// Characters between two hyphens.
const GROUP_CHARS: usize = 4;
/// How many wrong codes a sign-in may have before it begins anew with the password.
pub const FACTOR_TRIES: u8 = 5;

/// What the authenticator and the gateway share.
pub struct FactorSecret(SecretBytes);

impl FactorSecret {
    /// Makes one of random bytes.
    pub fn new(random: [u8; FACTOR_SECRET_BYTES]) -> Self {
        Self(SecretBytes::new(random.to_vec()))
    }

    /// Takes an unsealed one over; none if it is not of the right length.
    pub fn from_bytes(bytes: SecretBytes) -> Option<Self> {
        (bytes.expose().len() == FACTOR_SECRET_BYTES).then_some(Self(bytes))
    }

    /// The bytes, to be sealed.
    pub fn expose(&self) -> &[u8] {
        self.0.expose()
    }

    /// As it is typed into an authenticator that cannot read the picture: base 32 in groups of four.
    pub fn for_typing(&self) -> String {
        grouped(&self.base32())
    }

    /// What the picture says, in the form that authenticators agree on: `otpauth://totp/…`.
    pub fn uri(&self, issuer: &str, account: &str) -> String {
        let escape = |text: &str| {
            percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
        };
        let (issuer, account) = (escape(issuer), escape(account));
        format!("otpauth://totp/{issuer}:{account}?secret={}&issuer={issuer}", self.base32())
    }

    /// The step that a code belongs to: the present one, the one before or the one after (RFC 6238 section 5.2). None if
    /// it is another code, or one of a step that was used.
    fn step_of(&self, code: &str, now: Timestamp, used: u64) -> Option<u64> {
        let seconds = u64::try_from(now.0 / 1000).ok()?;
        let totp = Builder::new().with_secret(self.0.expose().to_vec()).build().ok()?;
        totp.check(code, seconds).filter(|step| *step > used)
    }

    fn base32(&self) -> String {
        Secret::from(self.0.expose().to_vec()).to_base32()
    }
}

/// A code on paper, good once.
pub struct RecoveryCode(String);

impl RecoveryCode {
    /// Makes one of random bytes.
    pub fn new(random: [u8; RECOVERY_CODE_BYTES]) -> Self {
        Self(Secret::from(random.to_vec()).to_base32())
    }

    /// As it is shown, once.
    pub fn expose(&self) -> String {
        grouped(&self.0)
    }

    fn digest(&self) -> Digest {
        Digest::of(self.0.as_bytes())
    }
}

/// What was typed, when it was right.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum AcceptedCode {
    /// A code of the authenticator.
    OneTime,
    /// A code on paper, used up now.
    Recovery,
}

/// The second factor of an account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SecondFactor {
    /// The secret, sealed to the gateway's own key.
    pub secret: Sealed,
    /// Since when it is asked for.
    pub since: Timestamp,
    /// The last step whose code was taken: no code is taken twice (RFC 6238 section 5.2).
    last_step: u64,
    recovery: Vec<Digest>,
}

impl SecondFactor {
    /// A factor that its person has just shown to work; none if the code is wrong.
    pub fn proven(
        secret: &FactorSecret,
        sealed: Sealed,
        code: &str,
        recovery: &[RecoveryCode],
        now: Timestamp,
    ) -> Option<Self> {
        let last_step = secret.step_of(&tidied(code), now, 0)?;
        let recovery = recovery.iter().map(RecoveryCode::digest).collect();
        Some(Self { secret: sealed, since: now, last_step, recovery })
    }

    /// Takes a code, and uses it up; none if it is wrong or was used. `secret` is this factor's, unsealed.
    pub fn accept(&mut self, secret: &FactorSecret, typed: &str, now: Timestamp) -> Option<AcceptedCode> {
        let typed = tidied(typed);
        if let Some(step) = secret.step_of(&typed, now, self.last_step) {
            self.last_step = step;
            return Some(AcceptedCode::OneTime);
        }
        let digest = RecoveryCode(typed.to_ascii_uppercase()).digest();
        let place = self.recovery.iter().position(|kept| *kept == digest)?;
        self.recovery.remove(place);
        Some(AcceptedCode::Recovery)
    }

    /// How many codes on paper are left.
    pub fn recovery_codes_left(&self) -> usize {
        self.recovery.len()
    }
}

/// Without what people put between the characters.
fn tidied(typed: &str) -> String {
    typed.chars().filter(char::is_ascii_alphanumeric).take(64).collect()
}

fn grouped(text: &str) -> String {
    let mut grouped = String::with_capacity(text.len() * 2);
    for (place, character) in text.chars().enumerate() {
        if place > 0 && place % GROUP_CHARS == 0 {
            grouped.push('-');
        }
        grouped.push(character);
    }
    grouped
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::vault::{Identity, seal};

    /// RFC 6238, appendix B: the secret of its SHA-1 vectors.
    fn secret() -> FactorSecret {
        FactorSecret::new(*b"12345678901234567890")
    }

    fn sealed() -> Sealed {
        seal(&Identity::generate().recipient(), secret().expose()).unwrap()
    }

    fn proven(code: &str, at: Timestamp) -> Option<SecondFactor> {
        SecondFactor::proven(&secret(), sealed(), code, &[RecoveryCode::new([7; 10])], at)
    }

    #[test]
    fn the_codes_are_those_of_rfc_6238() {
        // Appendix B, the last six of eight digits.
        for (seconds, code) in
            [(59, "287082"), (1_111_111_109, "081804"), (1_234_567_890, "005924"), (20_000_000_000, "353130")]
        {
            assert!(proven(code, Timestamp(seconds * 1000)).is_some(), "{seconds}");
            assert!(proven("000000", Timestamp(seconds * 1000)).is_none(), "{seconds}");
        }
    }

    #[test]
    fn a_code_is_taken_once_and_within_a_step_of_its_time() {
        let at = Timestamp(1_111_111_109_000);
        let mut factor = proven("081 804", at).unwrap();
        assert_eq!(factor.accept(&secret(), "081804", at), None, "the code that proved it is used");
        let next = Timestamp(1_111_111_111_000);
        assert_eq!(factor.accept(&secret(), "050471", next), Some(AcceptedCode::OneTime), "appendix B");
        assert_eq!(factor.accept(&secret(), "050471", next), None, "a code that was read over a shoulder");
        let later = Timestamp(1_111_111_109_000 + 90_000);
        assert!(proven("081804", later).is_none(), "three steps late");
    }

    #[test]
    fn a_code_on_paper_is_good_once_however_it_is_typed() {
        let at = Timestamp(59_000);
        let mut factor = proven("287082", at).unwrap();
        let paper = RecoveryCode::new([7; 10]).expose();
        assert_eq!(paper.len(), 19, "{paper}");
        let typed = paper.to_lowercase().replace('-', " ");
        assert_eq!(factor.accept(&secret(), &typed, at), Some(AcceptedCode::Recovery));
        assert_eq!(factor.recovery_codes_left(), 0);
        assert_eq!(factor.accept(&secret(), &paper, at), None);
    }

    #[test]
    fn an_authenticator_is_told_who_asks_and_for_whom() {
        let uri = secret().uri("Pli – Carsat", "a.b@carsat.example");
        assert!(uri.starts_with("otpauth://totp/Pli%20%E2%80%93%20Carsat:a%2Eb%40carsat%2Eexample?secret=GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ&"), "{uri}");
        assert_eq!(secret().for_typing(), "GEZD-GNBV-GY3T-QOJQ-GEZD-GNBV-GY3T-QOJQ");
    }
}
