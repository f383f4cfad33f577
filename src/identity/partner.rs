//! Partners and their agreements: who may deposit into which mailbox, from when to when (D3, P4, P6).

use std::collections::BTreeSet;
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::AgreementTerms;
use crate::value::{Day, Digest, Domain, MailAddress, MailboxId, PartnerId};

/// A structure that deposits: a departmental council, a family or health fund.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Partner {
    /// Its id.
    pub id: PartnerId,
    /// Its name as people know it.
    pub name: String,
    /// The domains of its professional addresses.
    pub domains: BTreeSet<Domain>,
    /// Its sites (CDAS), each with the generic mailbox that it writes from.
    pub sites: Vec<Site>,
    /// Mail hosts whose word is taken for who wrote a mail of this partner; MAIL FROM alone is never enough.
    pub relays: Vec<NetworkRange>,
    /// Certificates by which such a host may prove itself instead, wherever it connects from: SHA-256 of the DER form.
    pub relay_certificates: BTreeSet<Digest>,
    /// A mail that passes DMARC for the author's domain is taken for the author's.
    pub accepts_dmarc: bool,
    /// Addresses that are always refused (P6: fraud, loss, theft).
    pub blocked: BTreeSet<MailAddress>,
    /// The whole structure may not deposit for now (P6).
    pub suspended: bool,
}

impl Partner {
    /// Whether the address is one of this partner's, and not blocked.
    pub fn has(&self, address: &MailAddress) -> bool {
        !self.suspended && self.domains.contains(address.domain()) && !self.blocked.contains(address)
    }

    /// Whether an address may use nothing that it was given, by the partner's word: it is blocked, or one of a structure that is
    /// suspended (P6).
    pub fn bars(&self, address: &MailAddress) -> bool {
        self.blocked.contains(address) || (self.suspended && self.domains.contains(address.domain()))
    }

    /// Whether a mail host may speak for this partner.
    pub fn trusts_relay(&self, peer: IpAddr) -> bool {
        self.relays.iter().any(|range| range.contains(peer))
    }

    /// Whether a mail host that showed this certificate may speak for this partner.
    pub fn trusts_certificate(&self, certificate: &Digest) -> bool {
        self.relay_certificates.contains(certificate)
    }

    /// The site whose generic mailbox the address is; a person's own address names no site.
    pub fn site_of(&self, address: &MailAddress) -> Option<&Site> {
        self.sites.iter().find(|site| &site.mailbox == address)
    }
}

/// A local centre of a partner.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Site {
    /// Its name.
    pub name: String,
    /// The generic mailbox that it writes from.
    pub mailbox: MailAddress,
    /// What its structure's register knows it by (SIRET), where it was imported.
    #[serde(default)]
    pub siret: Option<String>,
    /// The territory that it belongs to, such as a TIS, where the table said so.
    #[serde(default)]
    pub territory: Option<String>,
}

/// Which addresses of a partner an agreement admits (P6).
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Admission {
    /// Every address of the partner's domains.
    Domain,
    /// Only these.
    Listed(BTreeSet<MailAddress>),
}

/// An agreement: this partner may deposit into this mailbox, from one day to another.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Agreement {
    /// Who deposits.
    pub partner: PartnerId,
    /// Into which mailbox.
    pub mailbox: MailboxId,
    /// First UTC day in force.
    pub from: Day,
    /// Last UTC day in force; none means until it is ended.
    pub until: Option<Day>,
    /// Which of the partner's addresses.
    pub admission: Admission,
    /// What it says of the cases deposited under it.
    #[serde(default)]
    pub terms: AgreementTerms,
    /// Within how many hours the partner is told of a breach (S3); none: within those of the privacy policy.
    #[serde(default)]
    pub breach_hours: Option<u32>,
}

impl Agreement {
    /// Whether it is in force on a day.
    pub fn in_force(&self, today: Day) -> bool {
        self.from <= today && self.until.is_none_or(|last| today <= last)
    }

    /// Whether an address of the partner may deposit today (D3). Where addresses are listed, those of the structure's active
    /// techniciens are too (P1): `technicien_of` says of which structure the address is one.
    pub fn admits(
        &self,
        partner: &Partner,
        address: &MailAddress,
        technicien_of: Option<PartnerId>,
        today: Day,
    ) -> bool {
        let listed = match &self.admission {
            Admission::Domain => true,
            Admission::Listed(addresses) => {
                addresses.contains(address) || technicien_of == Some(self.partner)
            }
        };
        partner.id == self.partner && self.in_force(today) && partner.has(address) && listed
    }
}

/// Why a text is no range of network addresses. The operator must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a network range is written 192.0.2.0/24 or 2001:db8::/32")]
pub struct NetworkRangeError;

/// A range of network addresses in CIDR notation (RFC 4632, RFC 4291).
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct NetworkRange {
    base: IpAddr,
    prefix: u8,
}

impl NetworkRange {
    /// Reads `192.0.2.0/24`; a bare address is a range of one.
    pub fn parse(text: &str) -> Result<Self, NetworkRangeError> {
        let (base, prefix) = text.split_once('/').map_or((text, None), |(base, prefix)| (base, Some(prefix)));
        let base: IpAddr = base.trim().parse().map_err(|_| NetworkRangeError)?;
        let width = if base.is_ipv4() { 32 } else { 128 };
        let prefix = prefix.map_or(Ok(width), |text| text.trim().parse()).map_err(|_| NetworkRangeError)?;
        if prefix <= width { Ok(Self { base, prefix }) } else { Err(NetworkRangeError) }
    }

    /// Whether an address lies in the range; an IPv4 address mapped into IPv6 is taken as IPv4.
    pub fn contains(&self, address: IpAddr) -> bool {
        match (self.base, address.to_canonical()) {
            (IpAddr::V4(base), IpAddr::V4(address)) => {
                let mask = u32::MAX.checked_shl(32 - u32::from(self.prefix)).unwrap_or(0);
                (u32::from(base) ^ u32::from(address)) & mask == 0
            }
            (IpAddr::V6(base), IpAddr::V6(address)) => {
                let mask = u128::MAX.checked_shl(128 - u32::from(self.prefix)).unwrap_or(0);
                (u128::from(base) ^ u128::from(address)) & mask == 0
            }
            _ => false,
        }
    }
}

impl fmt::Display for NetworkRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}/{}", self.base, self.prefix)
    }
}

impl TryFrom<String> for NetworkRange {
    type Error = NetworkRangeError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        Self::parse(&text)
    }
}

impl From<NetworkRange> for String {
    fn from(range: NetworkRange) -> Self {
        range.to_string()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn council() -> Partner {
        Partner {
            id: PartnerId::new([1; 16]),
            name: "Département".into(),
            domains: [Domain::parse("departement.example").unwrap()].into(),
            sites: vec![],
            relays: vec![],
            relay_certificates: [].into(),
            accepts_dmarc: false,
            blocked: [MailAddress::parse("vole@departement.example").unwrap()].into(),
            suspended: false,
        }
    }

    fn agreement() -> Agreement {
        Agreement {
            partner: PartnerId::new([1; 16]),
            mailbox: MailboxId::new([2; 16]),
            from: Day(100),
            until: Some(Day(200)),
            admission: Admission::Domain,
            terms: AgreementTerms::default(),
            breach_hours: None,
        }
    }

    #[test]
    fn only_addresses_of_an_agreement_in_force_are_admitted() {
        let jeanne = MailAddress::parse("jeanne.martin@departement.example").unwrap();
        let admits = |address: &str, day| {
            agreement().admits(&council(), &MailAddress::parse(address).unwrap(), None, Day(day))
        };
        assert!(admits("jeanne.martin@departement.example", 100));
        assert!(admits("jeanne.martin@departement.example", 200));
        assert!(!admits("jeanne.martin@departement.example", 99), "not yet in force");
        assert!(!admits("jeanne.martin@departement.example", 201), "ended");
        assert!(!admits("jeanne.martin@sous.departement.example", 150), "a sub-domain is another domain");
        assert!(!admits("jeanne.martin@xdepartement.example", 150));
        assert!(!admits("vole@departement.example", 150), "blocked");
        let suspended = Partner { suspended: true, ..council() };
        assert!(!agreement().admits(&suspended, &jeanne, None, Day(150)));
        let listed = Agreement { admission: Admission::Listed([jeanne.clone()].into()), ..agreement() };
        assert!(listed.admits(&council(), &jeanne, None, Day(150)));
        let other_one = MailAddress::parse("a@departement.example").unwrap();
        assert!(!listed.admits(&council(), &other_one, None, Day(150)));
        let of = Some(council().id);
        assert!(listed.admits(&council(), &other_one, of, Day(150)), "an active technicien is listed");
        let elsewhere = Some(PartnerId::new([99; 16]));
        assert!(!listed.admits(&council(), &other_one, elsewhere, Day(150)));
        assert!(suspended.bars(&jeanne) && !council().bars(&jeanne));
        let other = Partner { id: PartnerId::new([9; 16]), ..council() };
        assert!(!agreement().admits(&other, &jeanne, None, Day(150)), "another partner's agreement");
    }

    #[test]
    fn ranges_hold_their_addresses_and_no_others() {
        let range = NetworkRange::parse("192.0.2.0/24").unwrap();
        assert!(range.contains("192.0.2.255".parse().unwrap()));
        assert!(range.contains("::ffff:192.0.2.1".parse().unwrap()));
        assert!(!range.contains("192.0.3.0".parse().unwrap()));
        assert!(!range.contains("2001:db8::1".parse().unwrap()));
        assert!(NetworkRange::parse("0.0.0.0/0").unwrap().contains("203.0.113.9".parse().unwrap()));
        assert!(NetworkRange::parse("::1").unwrap().contains("::1".parse().unwrap()));
        assert!(NetworkRange::parse("2001:db8::/32").unwrap().contains("2001:db8:1::".parse().unwrap()));
        for text in ["", "192.0.2.0/33", "a/8", "192.0.2.0/-1"] {
            assert!(NetworkRange::parse(text).is_err(), "{text:?} was accepted");
        }
    }
}
