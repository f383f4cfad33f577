//! Grants: who holds the key of a transfer, and until which day (DESIGN: "Grant").

use serde::{Deserialize, Serialize};

use super::{Identity, Recipient, Sealed, SealingKey, VaultError, open};
use crate::value::{Day, MailboxId, TransferId};

/// What a grant says of itself, checked each time it is used: a grant that was moved to another transfer,
/// holder or day in the store does not open there.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct GrantTerms {
    /// The transfer whose key it holds.
    pub transfer: TransferId,
    /// The mailbox that it is for.
    pub holder: MailboxId,
    /// Which of the mailbox's identities it is sealed to.
    pub generation: u32,
    /// The UTC day that its transfer expires in; that day's key is the outer lock.
    pub day: Day,
}

/// A transfer's identity, sealed to the holder's recipient and that sealed again to the expiry-day key:
/// `age[day](age[holder](terms, identity))`. Without the day's key nobody opens it, the holder included.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Grant {
    /// What it is for.
    pub terms: GrantTerms,
    /// The doubly sealed identity.
    pub sealed: Sealed,
}

/// What stands inside both seals.
#[derive(Serialize, Deserialize)]
struct GrantContent {
    terms: GrantTerms,
    identity: String,
}

impl Drop for GrantContent {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.identity);
    }
}

impl Grant {
    /// Makes a grant.
    pub fn new(
        terms: GrantTerms,
        transfer: &Identity,
        holder: &Recipient,
        day: &Recipient,
    ) -> Result<Self, VaultError> {
        Self::under(terms, transfer, &SealingKey::new(holder)?, &SealingKey::new(day)?)
    }

    /// As [`Grant::new`], under keys that seal other grants to the same holder, and of the same day, too.
    pub fn under(
        terms: GrantTerms,
        transfer: &Identity,
        holder: &SealingKey,
        day: &SealingKey,
    ) -> Result<Self, VaultError> {
        let exposed = transfer.expose();
        let identity = String::from_utf8_lossy(exposed.expose()).into_owned();
        let content = GrantContent { terms, identity };
        let plain =
            crate::value::SecretBytes::new(serde_json::to_vec(&content).map_err(|_| VaultError::Damaged)?);
        let inner = holder.seal(plain.expose())?;
        Ok(Self { terms, sealed: day.seal(inner.as_bytes())? })
    }

    /// Opens the grant with the day's identity and then the holder's, and checks that it says what the store
    /// says of it.
    pub fn open(&self, day: &Identity, holder: &Identity) -> Result<Identity, VaultError> {
        let inner = Sealed::from_bytes(open(day, &self.sealed)?.expose().to_vec())?;
        let plain = open(holder, &inner)?;
        let content: GrantContent =
            serde_json::from_slice(plain.expose()).map_err(|_| VaultError::Damaged)?;
        if content.terms != self.terms {
            return Err(VaultError::Swapped);
        }
        Identity::parse(&content.identity)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> GrantTerms {
        GrantTerms {
            transfer: TransferId::new([1; 16]),
            holder: MailboxId::new([2; 16]),
            generation: 1,
            day: Day(20_000),
        }
    }

    #[test]
    fn both_keys_open_a_grant_and_neither_does_alone() {
        let (transfer, holder, day) = (Identity::generate(), Identity::generate(), Identity::generate());
        let grant = Grant::new(terms(), &transfer, &holder.recipient(), &day.recipient()).unwrap();
        assert_eq!(grant.open(&day, &holder).unwrap().recipient(), transfer.recipient());
        assert!(matches!(grant.open(&Identity::generate(), &holder), Err(VaultError::WrongKey)));
        assert!(matches!(grant.open(&day, &Identity::generate()), Err(VaultError::WrongKey)));
    }

    #[test]
    fn a_grant_moved_to_another_transfer_holder_or_day_is_caught() {
        let (transfer, holder, day) = (Identity::generate(), Identity::generate(), Identity::generate());
        let grant = Grant::new(terms(), &transfer, &holder.recipient(), &day.recipient()).unwrap();
        for moved in [
            GrantTerms { transfer: TransferId::new([9; 16]), ..terms() },
            GrantTerms { holder: MailboxId::new([9; 16]), ..terms() },
            GrantTerms { generation: 2, ..terms() },
            GrantTerms { day: Day(20_001), ..terms() },
        ] {
            let forged = Grant { terms: moved, sealed: grant.sealed.clone() };
            assert!(matches!(forged.open(&day, &holder), Err(VaultError::Swapped)));
        }
    }
}
