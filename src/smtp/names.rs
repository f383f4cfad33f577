//! Looks up where a domain's mail goes: its mail hosts (RFC 5321 section 5.1), their addresses, the TLSA records of a host
//! (RFC 7672) and the record that announces an MTA-STS policy (RFC 8461). Names by hickory, which validates DNSSEC itself
//! when it is told to: the answer of a name server that says so is no proof.

use std::net::{IpAddr, SocketAddr};
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::dnssec::{Proof, TrustAnchors};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::rdata::tlsa::{CertUsage, Matching, Selector, TLSA};
use hickory_resolver::proto::rr::{Name, RData, Record, RecordType};
use hickory_resolver::system_conf::read_system_conf;

use super::authentication::{ResolverError, name_server};
use super::client::{TlsaMatching, TlsaRecord, TlsaSelector, TlsaUsage};
use crate::value::Domain;

/// One question to one server.
const QUESTION_TIME: Duration = Duration::from_secs(5);
/// One look-up, with all that its validation asks.
const LOOK_UP_TIME: Duration = Duration::from_secs(20);
/// Answers that are kept.
const CACHE_ENTRIES: u64 = 4096;
/// Mail hosts of a domain that are considered.
const HOSTS_MAX: usize = 16;
/// Addresses of a host that are tried.
const ADDRESSES_MAX: usize = 8;
/// TLSA records of a host that are used.
const TLSA_MAX: usize = 32;

/// Why a name is not known.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NamesError {
    /// No answer, or one that is no proof of what it says: try later (RFC 7672 section 2.1).
    NoAnswer,
    /// There is no such domain, or it says that it takes no mail (RFC 7505): never.
    NoMail,
}

/// The mail hosts of a domain.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct MailHosts {
    /// Preference and name, in the order of preference.
    pub hosts: Vec<(u16, Domain)>,
    /// Whether the answer is proved by DNSSEC.
    pub proved: bool,
}

/// The addresses of a host.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct HostAddresses {
    /// IPv6 before IPv4; none when it has none.
    pub addresses: Vec<IpAddr>,
    /// Whether they are proved by DNSSEC.
    pub proved: bool,
    /// The name that an alias leads to, where that is proved too: TLSA records may stand there (RFC 7672 section 2.2.2).
    pub alias: Option<Domain>,
}

/// The names of the DNS.
pub struct Names {
    resolver: TokioResolver,
    validates: bool,
}

impl Names {
    /// Asks these servers, or those of the system when there are none. With `dnssec` every answer is validated, up to the
    /// root's keys or those of a file.
    pub fn new(
        servers: &[SocketAddr],
        dnssec: bool,
        trust_anchor: Option<&Path>,
    ) -> Result<Self, ResolverError> {
        let (config, mut options) = if servers.is_empty() {
            read_system_conf().map_err(|error| ResolverError::System(error.to_string()))?
        } else {
            let servers = servers.iter().map(name_server).collect();
            (ResolverConfig::from_name_servers(servers), ResolverOpts::default())
        };
        options.timeout = QUESTION_TIME;
        options.cache_size = CACHE_ENTRIES;
        options.validate = dnssec;
        let mut builder =
            TokioResolver::builder_with_config(config, TokioRuntimeProvider::default()).with_options(options);
        if let Some(path) = trust_anchor.filter(|_| dnssec) {
            let anchors = TrustAnchors::from_file(path).map_err(|error| ResolverError::TrustAnchor {
                path: path.to_owned(),
                told: error.to_string(),
            })?;
            builder = builder.with_trust_anchor(Arc::new(anchors));
        }
        let resolver = builder.build().map_err(|error| ResolverError::Resolver(error.to_string()))?;
        Ok(Self { resolver, validates: dnssec })
    }

    /// The mail hosts of a domain; the domain itself where it names none and has an address (implicit MX).
    pub async fn mail_hosts(&self, domain: &Domain) -> Result<MailHosts, NamesError> {
        let answer = self.look_up(domain.as_str(), RecordType::MX).await?;
        let mut proved = answer.proved;
        let mut hosts: Vec<(u16, String)> = Vec::new();
        for record in &answer.records {
            if let RData::MX(mx) = &record.data {
                hosts.push((mx.preference, text_of(&mx.exchange)));
            }
        }
        // Null MX: a single one, for the root (RFC 7505 section 3).
        if hosts.len() == 1 && hosts.iter().all(|(_, host)| host.is_empty()) {
            return Err(NamesError::NoMail);
        }
        if hosts.is_empty() {
            if !answer.exists {
                return Err(NamesError::NoMail);
            }
            let own = self.addresses(domain).await?;
            if own.addresses.is_empty() {
                return Err(NamesError::NoMail);
            }
            proved &= own.proved;
            return Ok(MailHosts { hosts: vec![(0, domain.clone())], proved });
        }
        hosts.sort_by_key(|(preference, _)| *preference);
        hosts.truncate(HOSTS_MAX);
        let known =
            hosts.into_iter().filter_map(|(preference, host)| Some((preference, Domain::parse(&host).ok()?)));
        let hosts: Vec<_> = known.collect();
        if hosts.is_empty() { Err(NamesError::NoMail) } else { Ok(MailHosts { hosts, proved }) }
    }

    /// The addresses of a host, IPv6 and IPv4. An answer for one kind is enough when the other's does not come.
    pub async fn addresses(&self, host: &Domain) -> Result<HostAddresses, NamesError> {
        let (six, four) = tokio::join!(
            self.look_up(host.as_str(), RecordType::AAAA),
            self.look_up(host.as_str(), RecordType::A)
        );
        let failed = six.as_ref().err().or(four.as_ref().err()).copied();
        let answers: Vec<Answer> = [six, four].into_iter().flatten().collect();
        let records = || answers.iter().flat_map(|answer| &answer.records);
        let addresses: Vec<IpAddr> = records()
            .filter_map(|record| match &record.data {
                RData::AAAA(address) => Some(IpAddr::V6(address.0)),
                RData::A(address) => Some(IpAddr::V4(address.0)),
                _ => None,
            })
            .take(ADDRESSES_MAX)
            .collect();
        // That there is none is only known when both answers came.
        if let (true, Some(error)) = (addresses.is_empty(), failed) {
            return Err(error);
        }
        // What there is must be proved; that there is nothing else of the other kind need not be.
        let proved = answers.iter().filter(|answer| !answer.records.is_empty()).all(|answer| answer.proved);
        let mut last = records().filter_map(|record| match &record.data {
            RData::CNAME(alias) => Domain::parse(&text_of(&alias.0)).ok(),
            _ => None,
        });
        let alias = last.next_back().filter(|_| proved);
        Ok(HostAddresses { addresses, proved, alias })
    }

    /// The TLSA records of a host that are proved: none when it has none, or when that is not proved to be otherwise. `Some`
    /// of an empty list: it has some, and none that can be used, so that TLS is required without a proof of the host's name
    /// (RFC 7672 section 2.2).
    pub async fn tlsa(&self, host: &Domain, port: u16) -> Result<Option<Vec<TlsaRecord>>, NamesError> {
        if !self.validates {
            return Ok(None);
        }
        let answer = self.look_up(&format!("_{port}._tcp.{host}"), RecordType::TLSA).await?;
        let found: Vec<&TLSA> = answer
            .records
            .iter()
            .filter_map(|record| match &record.data {
                RData::TLSA(tlsa) => Some(tlsa),
                _ => None,
            })
            .collect();
        if !answer.proved || found.is_empty() {
            return Ok(None);
        }
        Ok(Some(found.into_iter().filter_map(usable).take(TLSA_MAX).collect()))
    }

    /// The texts at a name, each with its pieces put together.
    pub async fn texts(&self, name: &str) -> Result<Vec<String>, NamesError> {
        let answer = self.look_up(name, RecordType::TXT).await?;
        let texts = answer.records.iter().filter_map(|record| match &record.data {
            RData::TXT(text) => {
                let pieces: Vec<u8> = text.txt_data.iter().flat_map(|piece| piece.iter().copied()).collect();
                String::from_utf8(pieces).ok()
            }
            _ => None,
        });
        Ok(texts.collect())
    }

    async fn look_up(&self, name: &str, kind: RecordType) -> Result<Answer, NamesError> {
        // With its dot, a name is whole: no search list is tried.
        let name =
            Name::from_ascii(format!("{}.", name.trim_end_matches('.'))).map_err(|_| NamesError::NoMail)?;
        let asked = tokio::time::timeout(LOOK_UP_TIME, self.resolver.lookup(name, kind)).await;
        match asked.map_err(|_| NamesError::NoAnswer)? {
            Ok(found) => {
                let told = |record: &&Record| record.record_type() != RecordType::RRSIG;
                let records: Vec<Record> = found.answers().iter().filter(told).cloned().collect();
                let proved = self.validates && !records.is_empty() && records.iter().all(is_proved);
                if self.validates && records.iter().any(|record| record.proof.is_bogus()) {
                    return Err(NamesError::NoAnswer);
                }
                Ok(Answer { records, proved, exists: true })
            }
            Err(NetError::Dns(DnsError::NoRecordsFound(none))) => {
                let exists = none.response_code != ResponseCode::NXDomain;
                // A server that fails is no proof that there is nothing.
                if exists && none.response_code != ResponseCode::NoError {
                    return Err(NamesError::NoAnswer);
                }
                Ok(Answer { records: Vec::new(), proved: false, exists })
            }
            Err(NetError::Dns(DnsError::Nsec { proof, response, .. })) if !proof.is_bogus() => {
                let exists = response.response_code != ResponseCode::NXDomain;
                Ok(Answer { records: Vec::new(), proved: proof.is_secure(), exists })
            }
            Err(_) => Err(NamesError::NoAnswer),
        }
    }
}

/// What the DNS says.
struct Answer {
    records: Vec<Record>,
    /// By DNSSEC, aliases included.
    proved: bool,
    /// False when there is no such name.
    exists: bool,
}

fn is_proved(record: &Record) -> bool {
    record.proof == Proof::Secure
}

/// The name without its last dot; empty for the root.
fn text_of(name: &Name) -> String {
    name.to_ascii().trim_end_matches('.').to_ascii_lowercase()
}

/// RFC 7672 section 3.1.3: usages 0 and 1 are not used for mail.
fn usable(record: &TLSA) -> Option<TlsaRecord> {
    let usage = match record.cert_usage {
        CertUsage::DaneTa => TlsaUsage::TrustAnchor,
        CertUsage::DaneEe => TlsaUsage::EndEntity,
        _ => return None,
    };
    let selector = match record.selector {
        Selector::Full => TlsaSelector::Certificate,
        Selector::Spki => TlsaSelector::PublicKey,
        _ => return None,
    };
    let (matching, length) = match record.matching {
        Matching::Raw => (TlsaMatching::Exact, None),
        Matching::Sha256 => (TlsaMatching::Sha256, Some(32)),
        Matching::Sha512 => (TlsaMatching::Sha512, Some(64)),
        _ => return None,
    };
    let fits = length.is_none_or(|length| record.cert_data.len() == length);
    fits.then(|| TlsaRecord { usage, selector, matching, data: record.cert_data.clone() })
}
