//! What opens a transfer for somebody outside (DESIGN: "Link key"): an identity that only the mailed link gives, and,
//! where the sender told a password by another way, an identity that only that password gives. The store holds their
//! recipients alone; the expiry day's key locks all of it, as it locks a grant.

use serde::{Deserialize, Serialize};

use super::{Identity, Recipient, Sealed, VaultError, open, seal};
use crate::value::{Day, LinkId, SecretBytes, Token, TransferId};

/// The label under which a link's token gives the link's identity.
const LINK_LABEL: &[u8] = b"pli/1 link of a recipient";

/// What a link's grant says of itself, checked each time it is used.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkTerms {
    /// The transfer whose key it holds.
    pub transfer: TransferId,
    /// The link that it is for.
    pub link: LinkId,
    /// The UTC day that the transfer expires in; that day's key is the outer lock.
    pub day: Day,
}

/// A transfer's identity for one link: `age[day](age[told](age[link](terms, identity)))`, the middle lock only where a
/// password was told.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct LinkGrant {
    /// What it is for.
    pub terms: LinkTerms,
    /// The sealed identity.
    pub sealed: Sealed,
}

/// What the person brings along: the link's identity, and the told password's where there is one.
#[derive(Debug)]
pub struct LinkKeys {
    /// The link's.
    pub link: Identity,
    /// The password's.
    pub told: Option<Identity>,
}

/// What stands inside the seals; wiped on drop.
#[derive(Serialize, Deserialize)]
struct Content<T> {
    terms: T,
    identity: SecretLine,
}

#[derive(Serialize, Deserialize)]
struct Keys {
    link: SecretLine,
    told: Option<SecretLine>,
}

#[derive(Serialize, Deserialize)]
#[serde(transparent)]
struct SecretLine(String);

impl Drop for SecretLine {
    fn drop(&mut self) {
        zeroize::Zeroize::zeroize(&mut self.0);
    }
}

impl SecretLine {
    fn of(identity: &Identity) -> Self {
        Self(String::from_utf8_lossy(identity.expose().expose()).into_owned())
    }
}

impl Identity {
    /// The identity that only the holder of a mailed link has.
    pub fn of_link(token: &Token) -> Result<Self, VaultError> {
        Self::derived(&token.derive(LINK_LABEL).ok_or(VaultError::NotAKey)?)
    }
}

impl LinkGrant {
    /// Makes a grant for a link.
    pub fn new(
        terms: LinkTerms,
        transfer: &Identity,
        link: &Recipient,
        told: Option<&Recipient>,
        day: &Recipient,
    ) -> Result<Self, VaultError> {
        let content = Content { terms, identity: SecretLine::of(transfer) };
        let plain = SecretBytes::new(serde_json::to_vec(&content).map_err(|_| VaultError::Damaged)?);
        let mut sealed = seal(link, plain.expose())?;
        if let Some(told) = told {
            sealed = seal(told, sealed.as_bytes())?;
        }
        Ok(Self { terms, sealed: seal(day, sealed.as_bytes())? })
    }

    /// Opens the grant with the day's identity and what the person brought, and checks that it says what the store says
    /// of it.
    pub fn open(&self, day: &Identity, keys: &LinkKeys) -> Result<Identity, VaultError> {
        let mut inner = Sealed::from_bytes(open(day, &self.sealed)?.expose().to_vec())?;
        if let Some(told) = &keys.told {
            inner = Sealed::from_bytes(open(told, &inner)?.expose().to_vec())?;
        }
        let plain = open(&keys.link, &inner)?;
        let content: Content<LinkTerms> =
            serde_json::from_slice(plain.expose()).map_err(|_| VaultError::Damaged)?;
        if content.terms != self.terms {
            return Err(VaultError::Swapped);
        }
        Identity::parse(&content.identity.0)
    }
}

impl LinkKeys {
    /// Seals what the person brought to what only the browser's cookie gives, for the time of a session.
    pub fn seal(&self, session: &Recipient) -> Result<Sealed, VaultError> {
        let keys = Keys { link: SecretLine::of(&self.link), told: self.told.as_ref().map(SecretLine::of) };
        let plain = SecretBytes::new(serde_json::to_vec(&keys).map_err(|_| VaultError::Damaged)?);
        seal(session, plain.expose())
    }

    /// Opens what [`LinkKeys::seal`] sealed.
    pub fn unseal(sealed: &Sealed, session: &Identity) -> Result<Self, VaultError> {
        let plain = open(session, sealed)?;
        let keys: Keys = serde_json::from_slice(plain.expose()).map_err(|_| VaultError::Damaged)?;
        let told = keys.told.as_ref().map(|line| Identity::parse(&line.0)).transpose()?;
        Ok(Self { link: Identity::parse(&keys.link.0)?, told })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn terms() -> LinkTerms {
        LinkTerms { transfer: TransferId::new([1; 16]), link: LinkId::new([2; 16]), day: Day(20_000) }
    }

    fn keys(token: u8, told: Option<&Identity>) -> LinkKeys {
        let told = told.map(|told| {
            let text = told.expose();
            Identity::parse(std::str::from_utf8(text.expose()).unwrap()).unwrap()
        });
        LinkKeys { link: Identity::of_link(&Token::new([token; 32])).unwrap(), told }
    }

    #[test]
    fn the_day_and_the_link_open_it_and_neither_does_alone() {
        let (transfer, day) = (Identity::generate(), Identity::generate());
        let link = Identity::of_link(&Token::new([7; 32])).unwrap();
        let grant = LinkGrant::new(terms(), &transfer, &link.recipient(), None, &day.recipient()).unwrap();
        assert_eq!(grant.open(&day, &keys(7, None)).unwrap().recipient(), transfer.recipient());
        assert!(matches!(grant.open(&Identity::generate(), &keys(7, None)), Err(VaultError::WrongKey)));
        assert!(matches!(grant.open(&day, &keys(8, None)), Err(VaultError::WrongKey)));
    }

    #[test]
    fn a_told_password_is_a_lock_of_its_own() {
        let (transfer, day, told) = (Identity::generate(), Identity::generate(), Identity::generate());
        let link = keys(7, None).link.recipient();
        let grant = LinkGrant::new(terms(), &transfer, &link, Some(&told.recipient()), &day.recipient());
        let grant = grant.unwrap();
        assert!(grant.open(&day, &keys(7, None)).is_err(), "the link alone does not open it");
        assert!(grant.open(&day, &keys(7, Some(&Identity::generate()))).is_err());
        assert_eq!(grant.open(&day, &keys(7, Some(&told))).unwrap().recipient(), transfer.recipient());
    }

    #[test]
    fn a_grant_moved_to_another_transfer_link_or_day_is_caught() {
        let (transfer, day) = (Identity::generate(), Identity::generate());
        let link = keys(7, None).link.recipient();
        let grant = LinkGrant::new(terms(), &transfer, &link, None, &day.recipient()).unwrap();
        for moved in [
            LinkTerms { transfer: TransferId::new([9; 16]), ..terms() },
            LinkTerms { link: LinkId::new([9; 16]), ..terms() },
            LinkTerms { day: Day(20_001), ..terms() },
        ] {
            let forged = LinkGrant { terms: moved, sealed: grant.sealed.clone() };
            assert!(matches!(forged.open(&day, &keys(7, None)), Err(VaultError::Swapped)));
        }
    }

    #[test]
    fn a_session_gives_back_what_the_person_brought() {
        let (session, told) = (Identity::generate(), Identity::generate());
        let brought = keys(7, Some(&told));
        let sealed = brought.seal(&session.recipient()).unwrap();
        let again = LinkKeys::unseal(&sealed, &session).unwrap();
        assert_eq!(again.link.recipient(), brought.link.recipient());
        assert_eq!(again.told.unwrap().recipient(), told.recipient());
        assert!(LinkKeys::unseal(&sealed, &Identity::generate()).is_err());
    }
}
