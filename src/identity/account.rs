//! Accounts: named persons who sign in (invariant 7), and their password.

use argon2::{Algorithm, Argon2, Block, Params, Version};
use aws_lc_rs::constant_time;
use serde::{Deserialize, Serialize};
use thiserror::Error;
use zeroize::{Zeroize, ZeroizeOnDrop};

use super::{Passkey, SecondFactor};
use crate::policy::password::WeakPassword;
pub use crate::policy::rights::Role;
use crate::policy::rights::{Act, Reach, reach};
use crate::value::{
    AccountId, Digest, Language, MailAddress, MailboxId, OrganisationId, PartnerId, PersonId, SecretBytes,
    Timestamp, derive_secret,
};

/// Argon2id memory in KiB, passes and lanes: OWASP's first choice, above RFC 9106's second recommendation for
/// what a sign-in may cost a shared machine.
const ARGON2_MEMORY_KIB: u32 = 19 * 1024;
const ARGON2_PASSES: u32 = 2;
const ARGON2_LANES: u32 = 1;
/// The labels under which one Argon2id run gives, by HKDF, the verifier that is kept and the secret that is not.
const VERIFIER_LABEL: &[u8] = b"pli/1 sign-in verifier";
const SECRET_LABEL: &[u8] = b"pli/1 personal key lock";
/// Longer passwords are refused before any work is done on them.
const PASSWORD_MAX_BYTES: usize = 1024;

/// The end of a local part by which the technicien's account of somebody who is a gestionnaire too is told apart (P1): it signs
/// in with it, mails and deposits go without it (decision 0084).
const SECOND_ACCOUNT: &str = "+technicien";

/// Whether an account may sign in.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case", tag = "state")]
pub enum AccountState {
    /// It may.
    Active,
    /// Made, and not activated by its owner yet (P2).
    Invited {
        /// Since when.
        since: Timestamp,
    },
    /// It may not for now, and is deleted when that lasts (P1, P4).
    Deactivated {
        /// Since when.
        since: Timestamp,
        /// Why.
        why: Deactivation,
    },
    /// Cut off at once with all its sessions (P6).
    CutOff {
        /// Since when.
        since: Timestamp,
    },
}

/// Who a person is at the organisation's own provider (OpenID Connect): the subject is never given to another there.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct ProviderLink {
    /// Who vouches.
    pub issuer: String,
    /// The person there.
    pub subject: String,
}

impl ProviderLink {
    /// What finds its account.
    pub fn digest(&self) -> Digest {
        Digest::of(format!("{} {}\n{}", self.issuer.len(), self.issuer, self.subject).as_bytes())
    }
}

/// Why an account is deactivated.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Deactivation {
    /// Somebody who may did it.
    ByPerson,
    /// The structure's last agreement ended (P4).
    AgreementsEnded,
}

/// Which terms of use somebody accepted, and when (P2).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AcceptedTerms {
    /// The version.
    pub version: String,
    /// When.
    pub at: Timestamp,
}

/// What an act is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// The house as a whole.
    House,
    /// A mailbox.
    Mailbox(MailboxId),
    /// A partner's structure.
    Structure(PartnerId),
}

/// A named person's account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Account {
    /// Its id.
    pub id: AccountId,
    /// The person's pseudonym in the log.
    pub person: PersonId,
    /// The address that signs in.
    pub address: MailAddress,
    /// First and last name, for other members of the house.
    pub name: String,
    /// What the person does.
    pub role: Role,
    /// The fund, for its members.
    pub organisation: Option<OrganisationId>,
    /// The structure, for a gestionnaire or a technicien.
    pub partner: Option<PartnerId>,
    /// The mailboxes that the person may read, by name (P7).
    pub mailboxes: Vec<MailboxId>,
    /// The mailboxes that the person manages; without being a member of one it is of no use.
    #[serde(default)]
    pub manages: Vec<MailboxId>,
    /// The password's verifier.
    pub password: PasswordHash,
    /// When that was chosen; none of accounts of before this was noted.
    #[serde(default)]
    pub password_set_at: Option<Timestamp>,
    /// The terms of use that the person accepted last.
    #[serde(default)]
    pub terms: Option<AcceptedTerms>,
    /// What the sign-in asks for beside it, if the person set one up.
    pub second_factor: Option<SecondFactor>,
    /// What signs in without it.
    #[serde(default)]
    pub passkeys: Vec<Passkey>,
    /// Who it is at the organisation's own provider, once linked.
    #[serde(default)]
    pub provider: Option<ProviderLink>,
    /// Whether it may sign in.
    pub state: AccountState,
    /// The language of its pages.
    pub language: Language,
}

impl Account {
    /// Whether it may sign in now.
    pub fn is_active(&self) -> bool {
        self.state == AccountState::Active
    }

    /// Whether the person may do this now, by the table of [`crate::policy::rights`].
    pub fn may(&self, act: Act, place: Place) -> bool {
        self.is_active()
            && match (reach(self.role, act), place) {
                (Reach::Everywhere, _) => true,
                (Reach::OwnMailboxes, Place::Mailbox(mailbox)) => self.mailboxes.contains(&mailbox),
                (Reach::ManagedMailboxes, Place::Mailbox(mailbox)) => {
                    self.mailboxes.contains(&mailbox) && self.manages.contains(&mailbox)
                }
                (Reach::OwnStructure, Place::Structure(partner)) => self.partner == Some(partner),
                (Reach::Nowhere | Reach::OwnMailboxes | Reach::ManagedMailboxes | Reach::OwnStructure, _) => {
                    false
                }
            }
    }

    /// Whether the person may read a mailbox now: an active agent who is a member of it by name (P7).
    pub fn reads(&self, mailbox: MailboxId) -> bool {
        self.may(Act::ReadMailbox, Place::Mailbox(mailbox))
    }

    /// Whether the person may read the log now.
    pub fn reads_log(&self) -> bool {
        self.may(Act::ReadLog, Place::House)
    }

    /// The professional address: where mails to the person go, and with which a technicien deposits.
    pub fn professional_address(&self) -> MailAddress {
        let plain =
            self.address.local().strip_suffix(SECOND_ACCOUNT).filter(|_| self.role == Role::Technicien);
        let plain =
            plain.and_then(|local| MailAddress::parse(&format!("{local}@{}", self.address.domain())).ok());
        plain.unwrap_or_else(|| self.address.clone())
    }

    /// Since when it has been of no use to anybody, for what is deleted after a while (P4).
    pub const fn unused_since(&self) -> Option<Timestamp> {
        match self.state {
            AccountState::Active | AccountState::Invited { .. } => None,
            AccountState::Deactivated { since, .. } | AccountState::CutOff { since } => Some(since),
        }
    }

    /// Whether a password that was forgotten may be chosen anew, or one chosen for the first time.
    pub const fn may_choose_password(&self) -> bool {
        matches!(self.state, AccountState::Active | AccountState::Invited { .. })
    }
}

/// The address with which the technicien's account signs in of somebody who has an account by the plain one (P1). None where
/// it would be no address.
pub fn second_account_address(plain: &MailAddress) -> Option<MailAddress> {
    MailAddress::parse(&format!("{}{SECOND_ACCOUNT}@{}", plain.local(), plain.domain())).ok()
}

/// A password as typed, wiped on drop.
#[derive(Zeroize, ZeroizeOnDrop)]
pub struct Password(String);

impl Password {
    /// Takes a typed password over; one that is too long to be one is `None`.
    pub fn new(typed: String) -> Option<Self> {
        (typed.len() <= PASSWORD_MAX_BYTES).then_some(Self(typed))
    }
}

impl Password {
    /// Whether it is hard enough to guess: see [`crate::policy::password`].
    pub fn judge(&self, near: &[String], listed: &dyn Fn(&str) -> bool) -> Result<(), WeakPassword> {
        crate::policy::password::judge(&self.0, near, listed)
    }
}

impl std::fmt::Debug for Password {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Password(…)")
    }
}

/// Why a password could not be hashed. The operator must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("the password could not be hashed")]
pub struct PasswordHashError;

/// An Argon2id verifier (RFC 9106) with a salt of its own and the cost that it was made with.
///
/// One run gives two things by HKDF (RFC 5869) under two labels: the verifier, which is kept here, and a secret, which
/// is kept nowhere and unlocks the person's key (DESIGN: "Mailbox key"). Neither tells the other.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PasswordHash {
    salt: Digest,
    memory_kib: u32,
    passes: u32,
    lanes: u32,
    verifier: Digest,
}

impl PasswordHash {
    /// Hashes a password. Costs tens of milliseconds and 19 MiB: to be run where that may block.
    pub fn new(password: &Password, salt: [u8; 32]) -> Result<Self, PasswordHashError> {
        Self::with_secret(password, salt).map(|(hash, _)| hash)
    }

    /// Hashes a password, and gives the secret that it will give each time it is typed; the same one run.
    pub fn with_secret(
        password: &Password,
        salt: [u8; 32],
    ) -> Result<(Self, SecretBytes), PasswordHashError> {
        let mut hash = Self {
            salt: Digest::from_bytes(salt),
            memory_kib: ARGON2_MEMORY_KIB,
            passes: ARGON2_PASSES,
            lanes: ARGON2_LANES,
            verifier: Digest::from_bytes([0; 32]),
        };
        let (verifier, secret) = hash.derive(password)?;
        hash.verifier = verifier;
        Ok((hash, secret))
    }

    /// A verifier that no password has, for an account whose owner has not chosen one yet. Both are random.
    pub const fn of_nobody(salt: [u8; 32], verifier: [u8; 32]) -> Self {
        Self {
            salt: Digest::from_bytes(salt),
            memory_kib: ARGON2_MEMORY_KIB,
            passes: ARGON2_PASSES,
            lanes: ARGON2_LANES,
            verifier: Digest::from_bytes(verifier),
        }
    }

    /// Whether the password is the one; the same cost as [`PasswordHash::new`].
    pub fn verify(&self, password: &Password) -> bool {
        self.open(password).is_some()
    }

    /// The secret that the right password gives; none for another one, at the same cost.
    pub fn open(&self, password: &Password) -> Option<SecretBytes> {
        let (verifier, secret) = self.derive(password).ok()?;
        constant_time::verify_slices_are_equal(verifier.as_bytes(), self.verifier.as_bytes()).ok()?;
        Some(secret)
    }

    fn derive(&self, password: &Password) -> Result<(Digest, SecretBytes), PasswordHashError> {
        let params = Params::new(self.memory_kib, self.passes, self.lanes, Some(32));
        let argon2 = Argon2::new(Algorithm::Argon2id, Version::V0x13, params.map_err(|_| PasswordHashError)?);
        let mut key = zeroize::Zeroizing::new([0; 32]);
        let mut memory = working_memory(argon2.params().block_count());
        let outcome = argon2.hash_password_into_with_memory(
            password.0.as_bytes(),
            self.salt.as_bytes(),
            key.as_mut(),
            &mut memory,
        );
        memory.zeroize();
        outcome.map_err(|_| PasswordHashError)?;
        let derive = |label| derive_secret(key.as_ref(), label).ok_or(PasswordHashError);
        let verifier = derive(VERIFIER_LABEL)?.expose().try_into().map_err(|_| PasswordHashError)?;
        Ok((Digest::from_bytes(verifier), derive(SECRET_LABEL)?))
    }
}

/// Memory for one run. The C library keeps what was freed for later, and each thread that runs this keeps its own, unless
/// the piece is so large that it comes from the system and goes back to it: 32 MiB (mallopt(3), `M_MMAP_THRESHOLD`). What
/// is reserved beyond the blocks is never touched, so it takes no memory.
fn working_memory(blocks: usize) -> Vec<Block> {
    const FROM_THE_SYSTEM_BYTES: usize = 33 * 1024 * 1024;
    let mut memory = Vec::with_capacity(blocks.max(FROM_THE_SYSTEM_BYTES / Block::SIZE));
    memory.resize(blocks, Block::default());
    memory
}

#[cfg(test)]
mod tests {
    use super::*;

    fn typed(text: &str) -> Password {
        Password::new(text.to_owned()).unwrap()
    }

    #[test]
    fn a_password_is_known_again_and_no_other_is() {
        let hash = PasswordHash::new(&typed("correct cheval pile agrafe"), [4; 32]).unwrap();
        assert!(hash.verify(&typed("correct cheval pile agrafe")));
        assert!(!hash.verify(&typed("correct cheval pile agraf")));
    }

    #[test]
    fn the_same_password_of_two_people_has_two_hashes() {
        let one = PasswordHash::new(&typed("a"), [1; 32]).unwrap();
        assert_ne!(one, PasswordHash::new(&typed("a"), [2; 32]).unwrap());
    }

    #[test]
    fn the_argon2id_run_is_the_one_of_another_implementation() {
        // argon2-cffi: hash_secret_raw(b"password", b"\x04" * 32, 2, 19456, 1, 32, Type.ID), then HKDF.
        let hash = PasswordHash::new(&typed("password"), [4; 32]).unwrap();
        let raw = [
            0x35, 0x36, 0xa2, 0x78, 0x50, 0x72, 0x8c, 0xce, 0x7d, 0xc7, 0x0d, 0x23, 0xc9, 0xdb, 0x5d, 0x08,
            0x7d, 0x4f, 0x4b, 0x01, 0xf9, 0x4b, 0x66, 0x77, 0xd9, 0x53, 0x1d, 0xc2, 0xb8, 0x33, 0x18, 0xf8,
        ];
        assert_eq!(hash.verifier.as_bytes(), derive_secret(&raw, VERIFIER_LABEL).unwrap().expose());
        let secret = hash.open(&typed("password")).unwrap();
        assert_eq!(secret.expose(), derive_secret(&raw, SECRET_LABEL).unwrap().expose());
        assert_ne!(secret.expose(), hash.verifier.as_bytes(), "the verifier in the store unlocks nothing");
    }

    #[test]
    fn a_megabyte_is_no_password() {
        assert!(Password::new("a".repeat(1 << 20)).is_none());
    }
}
