//! Examines who sent a mail: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 9989) and ARC (RFC 8617) by mail-auth, the names
//! of the DNS by hickory. What follows from the findings is decided by the use case.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolverConfig, ResolverOpts};
use hickory_resolver::proto::rr::{RData, Record};
use hickory_resolver::system_conf::read_system_conf;
use mail_auth::common::crypto::Algorithm;
use mail_auth::dmarc::verify::DmarcParameters;
use mail_auth::spf::verify::SpfParameters;
use mail_auth::{
    AuthenticatedMessage, DkimOutput, DkimResult, DmarcOutput, DmarcResult, MessageAuthenticator, SpfOutput,
    SpfResult,
};
use thiserror::Error;

use crate::app::ports::{ExaminedMail, NamesUnanswered, SenderAuthentication, TextRecords};
use crate::transfer::{CheckResult, DmarcCheck, DomainCheck, SenderFindings};
use crate::value::Domain;

/// Signatures that are verified; a message with more is taken for one without (RFC 6376 section 8.4 lets a verifier
/// limit them).
const SIGNATURES_MAX: usize = 8;
/// All look-ups of one mail together.
const LOOK_UP_TIME: Duration = Duration::from_secs(20);
/// One question to one server.
const QUESTION_TIME: Duration = Duration::from_secs(3);
/// Answers that are kept.
const CACHE_ENTRIES: u64 = 4096;
/// How long it is remembered that a name is not there: a record that is published now is waited for.
const ABSENCE_KEPT: Duration = Duration::from_mins(1);
/// Bytes of a domain that are kept of a finding.
const DOMAIN_MAX_BYTES: usize = 255;

/// Why senders cannot be examined. The operator must act.
#[derive(Debug, Error)]
pub enum ResolverError {
    /// The system's own configuration cannot be read.
    #[error("the system's name servers cannot be read ([dns] servers names others): {0}")]
    System(String),
    /// The resolver cannot be made.
    #[error("names cannot be looked up: {0}")]
    Resolver(String),
    /// The file of the DNSSEC trust anchor cannot be read.
    #[error("[dns] trust_anchor {}: {told}", path.display())]
    TrustAnchor {
        /// Which file.
        path: PathBuf,
        /// Why.
        told: String,
    },
}

/// Examines senders by the DNS.
pub struct DnsAuthentication {
    authenticator: MessageAuthenticator,
    hostname: Domain,
}

impl DnsAuthentication {
    /// Asks these servers, or those of the system when there are none. `hostname` is the gateway's own name, for SPF's
    /// macros.
    pub fn new(servers: &[SocketAddr], hostname: Domain) -> Result<Self, ResolverError> {
        let (config, mut options) = if servers.is_empty() {
            read_system_conf().map_err(|error| ResolverError::System(error.to_string()))?
        } else {
            (
                ResolverConfig::from_name_servers(servers.iter().map(name_server).collect()),
                ResolverOpts::default(),
            )
        };
        options.timeout = QUESTION_TIME;
        options.cache_size = CACHE_ENTRIES;
        options.negative_max_ttl = Some(ABSENCE_KEPT);
        let authenticator = MessageAuthenticator::new(config, options)
            .map_err(|error| ResolverError::Resolver(error.to_string()))?;
        Ok(Self { authenticator, hostname })
    }

    async fn look_up(&self, mail: &ExaminedMail<'_>, message: &AuthenticatedMessage<'_>) -> SenderFindings {
        let helo = mail.helo;
        let sender = mail.envelope_from.map(ToString::to_string).unwrap_or_default();
        let spf = self.spf(mail.peer, helo, &sender).await;
        let mut dkim = if message.dkim_headers.len() + message.errors.len() > SIGNATURES_MAX {
            Vec::new()
        } else {
            self.authenticator.verify_dkim(message).await
        };
        // RFC 8301 section 3.1: SHA-1 proves nothing any more.
        dkim.retain(|output| output.signature().is_none_or(|signature| signature.a != Algorithm::RsaSha1));
        let envelope_domain = sender.rsplit_once('@').map_or(helo, |(_, domain)| domain);
        let dmarc =
            self.authenticator.verify_dmarc(DmarcParameters::new(message, &dkim, envelope_domain, &spf));
        let dmarc = dmarc.await;
        let arc = if message.ams_headers.len() > SIGNATURES_MAX {
            CheckResult::PermError
        } else {
            signature_result(self.authenticator.verify_arc(message).await.result())
        };
        SenderFindings {
            spf: DomainCheck { result: spf_result(spf.result()), domain: cut(spf.domain()) },
            dkim: dkim.iter().map(signature).collect(),
            dmarc: dmarc_check(&dmarc),
            arc,
        }
    }

    /// MAIL FROM's domain; for the null sender the host's own name (RFC 7208 section 2.4).
    async fn spf(&self, peer: IpAddr, helo: &str, sender: &str) -> SpfOutput {
        let host = self.hostname.as_str();
        let parameters = if sender.is_empty() {
            SpfParameters::verify_ehlo(peer, helo, host)
        } else {
            SpfParameters::verify_mail_from(peer, helo, host, sender)
        };
        self.authenticator.verify_spf(parameters).await
    }
}

pub(super) fn name_server(server: &SocketAddr) -> NameServerConfig {
    let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
        connection.port = server.port();
        connection
    });
    NameServerConfig::new(server.ip(), true, connections.to_vec())
}

#[async_trait]
impl SenderAuthentication for DnsAuthentication {
    async fn examine(&self, mail: ExaminedMail<'_>) -> Option<SenderFindings> {
        // Strict: a signature over a part of the body proves nothing of the rest (RFC 6376 section 8.2).
        let Some(message) = AuthenticatedMessage::parse_with_opts(mail.bytes, None, true) else {
            return Some(SenderFindings::default());
        };
        let looked_up = tokio::time::timeout(LOOK_UP_TIME, self.look_up(&mail, &message)).await;
        Some(looked_up.unwrap_or_else(|_| SenderFindings {
            dmarc: DmarcCheck { result: CheckResult::TempError, ..DmarcCheck::default() },
            ..SenderFindings::default()
        }))
    }
}

#[async_trait]
impl TextRecords for DnsAuthentication {
    async fn text_records(&self, name: &str) -> Result<Vec<String>, NamesUnanswered> {
        // With a dot at its end the name is whole: no search list of the system is tried (RFC 1034 section 3.1).
        let asked = self.authenticator.resolver().txt_lookup(format!("{name}."));
        match tokio::time::timeout(LOOK_UP_TIME, asked).await {
            Ok(Ok(found)) => Ok(found.answers().iter().filter_map(text_of).collect()),
            Ok(Err(error)) if error.is_no_records_found() => Ok(Vec::new()),
            _ => Err(NamesUnanswered),
        }
    }
}

/// The strings of a TXT record, put together.
fn text_of(record: &Record) -> Option<String> {
    let RData::TXT(text) = &record.data else { return None };
    let bytes: Vec<u8> = text.txt_data.iter().flatten().copied().collect();
    String::from_utf8(bytes).ok()
}

fn signature(output: &DkimOutput<'_>) -> DomainCheck {
    let domain = output.signature().map(|signature| cut(&signature.d)).unwrap_or_default();
    DomainCheck { result: signature_result(output.result()), domain }
}

const fn signature_result(result: &DkimResult) -> CheckResult {
    match result {
        DkimResult::Pass => CheckResult::Pass,
        DkimResult::Neutral(_) => CheckResult::Neutral,
        DkimResult::Fail(_) => CheckResult::Fail,
        DkimResult::PermError(_) => CheckResult::PermError,
        DkimResult::TempError(_) => CheckResult::TempError,
        DkimResult::None => CheckResult::None,
    }
}

const fn spf_result(result: SpfResult) -> CheckResult {
    match result {
        SpfResult::Pass => CheckResult::Pass,
        SpfResult::Fail => CheckResult::Fail,
        SpfResult::SoftFail => CheckResult::SoftFail,
        SpfResult::Neutral => CheckResult::Neutral,
        SpfResult::TempError => CheckResult::TempError,
        SpfResult::PermError => CheckResult::PermError,
        SpfResult::None => CheckResult::None,
    }
}

/// One aligned pass is enough; a look-up that failed leaves it open, unless something else passed.
fn dmarc_check(output: &DmarcOutput) -> DmarcCheck {
    let (spf, dkim) = (output.spf_result(), output.dkim_result());
    let either = |wanted: fn(&DmarcResult) -> bool| wanted(spf) || wanted(dkim);
    let result = if either(|result| matches!(result, DmarcResult::Pass)) {
        CheckResult::Pass
    } else if either(|result| matches!(result, DmarcResult::TempError(_))) {
        CheckResult::TempError
    } else if either(|result| matches!(result, DmarcResult::PermError(_))) {
        CheckResult::PermError
    } else if output.dmarc_record().is_some() {
        CheckResult::Fail
    } else {
        CheckResult::None
    };
    DmarcCheck { result, domain: cut(output.domain()), by_connection: matches!(spf, DmarcResult::Pass) }
}

fn cut(domain: &str) -> String {
    domain.chars().filter(|c| !c.is_control()).take(DOMAIN_MAX_BYTES).collect()
}
