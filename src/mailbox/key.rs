//! A mailbox's key: in whose custody its identity is, the wraps of its members, and its rotation. Who is a member is the
//! account's to say; who may wrap for whom is decided by the use cases.

use serde::{Deserialize, Serialize};

use crate::value::{AccountId, MailboxId, Timestamp};
use crate::vault::{Identity, Recipient, Sealed, VaultError, unwrap_identity, wrap_identity};

/// Who can open what a mailbox holds (DESIGN: "Mailbox key").
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Custody {
    /// The mailbox's identity is wrapped to the gateway's key file: rights protect it, not cryptography.
    Gateway,
    /// It is wrapped to each member's personal identity, and to nothing that the gateway has.
    Members,
}

impl Custody {
    /// Whether what is here would be less protected there.
    pub fn is_weakened_by(self, other: Self) -> bool {
        self == Self::Members && other == Self::Gateway
    }
}

/// How many recovery wraps of former keys are kept; a transfer lives for 20 days.
pub const FORMER_KEYS_MAX: usize = 8;

/// The mailbox's identity, as it stands with the mailbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MailboxKey {
    /// Who can unwrap it.
    pub custody: Custody,
    /// Which identity this is, from 1; a rotation makes the next one. Grants say which one they are sealed to.
    pub generation: u32,
    /// What transfers are granted to; logged when it changes, since a swapped recipient would be a theft.
    pub recipient: Recipient,
    /// Wrapped to the gateway's key file, in custody `gateway` only.
    pub for_gateway: Option<Sealed>,
    /// Wrapped to the organisation's offline recovery identity, if it has one.
    pub for_recovery: Option<Sealed>,
    /// Keys that no member could open any more, oldest first: their live mail is sealed to them.
    #[serde(default)]
    pub former_for_recovery: Vec<FormerKey>,
    /// Somebody who could unwrap it was cut off: the next member with an open session rotates it.
    pub rotation_due: bool,
}

impl MailboxKey {
    /// Takes an identity as this generation's key. In custody `gateway`, `gateway` is the recipient of its key file.
    pub fn of(
        identity: &Identity,
        generation: u32,
        gateway: Option<&Recipient>,
        recovery: Option<&Recipient>,
    ) -> Result<Self, VaultError> {
        let wrap = |to: Option<&Recipient>| to.map(|to| wrap_identity(to, identity)).transpose();
        Ok(Self {
            custody: if gateway.is_some() { Custody::Gateway } else { Custody::Members },
            generation,
            recipient: identity.recipient(),
            for_gateway: wrap(gateway)?,
            for_recovery: wrap(recovery)?,
            former_for_recovery: Vec::new(),
            rotation_due: false,
        })
    }

    /// Unwraps the identity from one of its wraps, and checks that it is this key's.
    pub fn unwrap_from(&self, wrap: &Sealed, with: &Identity) -> Result<Identity, VaultError> {
        let identity = unwrap_identity(with, wrap)?;
        if identity.recipient() == self.recipient { Ok(identity) } else { Err(VaultError::Swapped) }
    }
}

/// An earlier identity of a mailbox, for recovery alone.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FormerKey {
    /// Which of the mailbox's identities.
    pub generation: u32,
    /// Wrapped to the organisation's offline recovery identity.
    pub for_recovery: Sealed,
}

/// A mailbox's identity, wrapped to one member's personal identity.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct MemberWrap {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The member.
    pub account: AccountId,
    /// Which of the mailbox's identities.
    pub generation: u32,
    /// The wrapped identity.
    pub wrap: Sealed,
}

/// A rotation that is under way: from the commit that put the new key in force until every live grant is sealed to it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeyRotation {
    /// The mailbox.
    pub mailbox: MailboxId,
    /// The generation that grants are moved to.
    pub generation: u32,
    /// The recipient before.
    pub previous_recipient: Recipient,
    /// The identity before, wrapped to the new recipient: whoever opens the mailbox can go on with the rotation.
    pub previous: Sealed,
    /// The same for the organisation's recovery identity, if it has one: what is not moved yet is sealed to it.
    pub previous_for_recovery: Option<FormerKey>,
    /// When it began.
    pub begun_at: Timestamp,
}

impl KeyRotation {
    /// The identity before, which opens the grants that are not moved yet.
    pub fn previous(&self, current: &Identity) -> Result<Identity, VaultError> {
        let identity = unwrap_identity(current, &self.previous)?;
        if identity.recipient() == self.previous_recipient { Ok(identity) } else { Err(VaultError::Swapped) }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_wrap_of_another_mailbox_is_caught() {
        let (member, mine, other) = (Identity::generate(), Identity::generate(), Identity::generate());
        let key = MailboxKey::of(&mine, 1, None, None).unwrap();
        assert_eq!((key.custody, key.for_gateway.is_none()), (Custody::Members, true));
        let wrap = wrap_identity(&member.recipient(), &mine).unwrap();
        assert!(key.unwrap_from(&wrap, &member).is_ok());
        let foreign = wrap_identity(&member.recipient(), &other).unwrap();
        assert!(matches!(key.unwrap_from(&foreign, &member), Err(VaultError::Swapped)));
    }

    #[test]
    fn only_the_way_from_members_to_the_gateway_weakens() {
        assert!(Custody::Members.is_weakened_by(Custody::Gateway));
        assert!(!Custody::Gateway.is_weakened_by(Custody::Members));
        assert!(!Custody::Members.is_weakened_by(Custody::Members));
    }
}
