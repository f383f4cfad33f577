//! The sections of `pli.toml`, each setting with its default. Their meaning and units for operators are told in
//! `reference.toml`, which a test holds to these structures.

use std::net::{IpAddr, SocketAddr};
use std::path::PathBuf;

use serde::Deserialize;

use super::{AuditSection, OidcSection};
use crate::value::{ByteSize, Domain, MailAddress};
use crate::vault::Recipient;

/// The whole file.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    /// The directory of the file; every relative path was one below it.
    #[serde(skip)]
    pub directory: PathBuf,
    /// Names that people see.
    pub gateway: GatewaySection,
    /// The pages.
    pub http: HttpSection,
    /// Mail that comes in.
    pub smtp: SmtpSection,
    /// Mail that people submit.
    #[serde(default)]
    pub submission: SubmissionSection,
    /// Names of the DNS.
    #[serde(default)]
    pub dns: DnsSection,
    /// Mail that goes out.
    #[serde(default)]
    pub relay: RelaySection,
    /// Records and the log.
    #[serde(default)]
    pub store: StoreSection,
    /// Sealed objects.
    #[serde(default)]
    pub objects: ObjectsSection,
    /// Keys.
    #[serde(default)]
    pub keyring: KeyringSection,
    /// Recovery without Pli.
    #[serde(default)]
    pub recovery: RecoverySection,
    /// What is allowed.
    #[serde(default)]
    pub policies: PoliciesSection,
    /// The antivirus.
    #[serde(default)]
    pub scanner: ScannerSection,
    /// Figures for Prometheus.
    #[serde(default)]
    pub metrics: MetricsSection,
    /// See [`BackupSection`].
    #[serde(default)]
    pub backup: BackupSection,
    /// Who vouches for the clock.
    #[serde(default)]
    pub clock: ClockSection,
    /// The organisation's own sign-in.
    #[serde(default)]
    pub oidc: OidcSection,
    /// The log that proves itself.
    #[serde(default)]
    pub audit: AuditSection,
    /// What the operator reads.
    #[serde(default)]
    pub log: LogSection,
    /// Only in a directory that `pli demo` made.
    pub demo: Option<DemoSection>,
}

/// `[gateway]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct GatewaySection {
    /// Where people reach the pages.
    pub base_url: String,
    /// The address that mails come from.
    pub mail_from: Option<MailAddress>,
    /// The name beside it.
    #[serde(default = "default_mail_from_name")]
    pub mail_from_name: String,
    /// Who reads what is written to the postmaster.
    pub postmaster: Option<MailAddress>,
    /// The origin of the log's checkpoints.
    pub log_origin: Option<String>,
}

fn default_mail_from_name() -> String {
    "Pli".to_owned()
}

/// `[http]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HttpSection {
    /// Where the pages are served.
    pub listen: String,
    /// Certificate chain, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Served without TLS, behind a proxy or on loopback.
    #[serde(default)]
    pub plain: bool,
    /// Partners' software may show a client certificate.
    #[serde(default)]
    pub asks_certificates: bool,
    /// Issuers that such software is told of, PEM.
    pub certificate_issuers: Option<PathBuf>,
}

/// A certificate chain and its key.
#[derive(Debug, Clone, Copy)]
pub struct TlsFiles<'a> {
    /// The chain, PEM.
    pub certificate: &'a PathBuf,
    /// The key, PEM.
    pub key: &'a PathBuf,
}

impl HttpSection {
    /// The certificate, unless the pages are served without.
    pub fn tls_files(&self) -> Option<TlsFiles<'_>> {
        if self.plain {
            return None;
        }
        Some(TlsFiles { certificate: self.certificate.as_ref()?, key: self.key.as_ref()? })
    }
}

/// `[smtp]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SmtpSection {
    /// The gateway's name in its greeting.
    pub hostname: Domain,
    /// The domain of its addresses.
    pub mail_domain: Domain,
    /// Where mail is taken.
    #[serde(default = "default_smtp_listen")]
    pub listen: String,
    /// Certificate chain for STARTTLS, PEM.
    pub certificate: Option<PathBuf>,
    /// Its key, PEM.
    pub key: Option<PathBuf>,
    /// Mail in clear is refused.
    #[serde(default)]
    pub requires_tls: bool,
    /// Mail hosts are asked for a certificate.
    #[serde(default)]
    pub asks_certificates: bool,
    /// Who sent a mail is looked up in the DNS.
    #[serde(default = "default_checks_senders")]
    pub checks_senders: bool,
    /// The largest mail, in MiB.
    #[serde(default = "default_message_max_mib")]
    pub message_max_mib: u32,
}

fn default_smtp_listen() -> String {
    "[::]:25".to_owned()
}

const fn default_checks_senders() -> bool {
    true
}

const fn default_message_max_mib() -> u32 {
    50
}

impl SmtpSection {
    /// The certificate, if mail may come over TLS.
    pub fn tls_files(&self) -> Option<TlsFiles<'_>> {
        Some(TlsFiles { certificate: self.certificate.as_ref()?, key: self.key.as_ref()? })
    }

    /// The largest mail.
    pub fn message_max(&self) -> ByteSize {
        ByteSize::mebibytes(u64::from(self.message_max_mib))
    }
}

/// `[submission]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct SubmissionSection {
    /// Where mail programs begin with STARTTLS.
    pub listen_starttls: Option<String>,
    /// Where they begin with TLS.
    pub listen_tls: Option<String>,
}

impl SubmissionSection {
    /// Whether mail programs are served.
    pub fn is_on(&self) -> bool {
        self.listen_starttls.is_some() || self.listen_tls.is_some()
    }
}

/// `[dns]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DnsSection {
    /// Who is asked; nobody named means the system's own servers.
    pub servers: Vec<SocketAddr>,
    /// Answers about mail hosts are validated by DNSSEC.
    pub dnssec: bool,
    /// The keys that DNSSEC starts from, instead of the root's.
    pub trust_anchor: Option<PathBuf>,
}

/// Whether outgoing mail may travel in clear.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum RelayTls {
    /// In clear.
    None,
    /// Encrypted if offered.
    Opportunistic,
    /// Encrypted, to a host that proves its name.
    #[default]
    Required,
}

/// `[relay]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RelaySection {
    /// The host that mails are handed to.
    pub smart_host: Option<String>,
    /// Its port.
    pub port: u16,
    /// Whether mail may travel in clear.
    pub tls: RelayTls,
    /// The name that it must prove.
    pub server_name: Option<String>,
    /// More certificate authorities to trust for it.
    pub authorities: Option<PathBuf>,
    /// Without a smart host, mails go to the mail hosts that the DNS names.
    pub direct: bool,
    /// What domains announce by MTA-STS is obeyed.
    pub mta_sts: bool,
    /// A host whose STARTTLS is broken gets mail in clear, where TLS is opportunistic.
    pub clear_after_broken_starttls: bool,
    /// Mails under way at once.
    pub mails_at_once: u32,
    /// Mails under way at once to one destination.
    pub mails_at_once_per_destination: u32,
    /// What is otherwise for the mail of some domains.
    pub domains: Vec<RelayDomain>,
}

impl Default for RelaySection {
    fn default() -> Self {
        Self {
            smart_host: None,
            port: 25,
            tls: RelayTls::Required,
            server_name: None,
            authorities: None,
            direct: false,
            mta_sts: true,
            clear_after_broken_starttls: false,
            mails_at_once: 100,
            mails_at_once_per_destination: 8,
            domains: Vec::new(),
        }
    }
}

/// An entry of `[relay] domains`: how the mail of one domain leaves, where that is otherwise.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RelayDomain {
    /// The domain of the recipients.
    pub domain: Domain,
    /// The host that its mail is handed to.
    pub host: Option<String>,
    /// To the mail hosts that the DNS names, though there is a smart host.
    #[serde(default)]
    pub direct: bool,
    /// The port.
    pub port: Option<u16>,
    /// Whether mail may travel in clear.
    pub tls: Option<RelayTls>,
    /// The name that the host must prove.
    pub server_name: Option<String>,
    /// See [`RelaySection::clear_after_broken_starttls`].
    pub clear_after_broken_starttls: Option<bool>,
}

/// Whether a host is this machine, so that what goes there in clear goes over no line.
fn is_loopback(host: &str) -> bool {
    host == "localhost" || host.parse::<IpAddr>().is_ok_and(|address| address.is_loopback())
}

impl RelaySection {
    /// Whether what follows from a mail that must travel by TLS alone (RFC 8689) can leave so: no way out is set to go in
    /// clear. Where one is, nobody is promised what it cannot keep.
    pub fn can_keep_requiretls(&self) -> bool {
        let own = self.domains.iter().filter_map(|own| own.tls);
        own.chain([self.tls]).all(|tls| tls != RelayTls::None)
    }

    /// The first domain, or none for all of them, whose mail would leave in clear by the configuration's own word.
    #[expect(clippy::option_option, reason = "all domains, one domain, or none at all")]
    pub(super) fn clear_route(&self) -> Option<Option<&Domain>> {
        let is_clear = |host: Option<&String>, tls: RelayTls| {
            tls == RelayTls::None && !host.is_some_and(|host| is_loopback(host))
        };
        if (self.smart_host.is_some() || self.direct) && is_clear(self.smart_host.as_ref(), self.tls) {
            return Some(None);
        }
        let own = self.domains.iter().find(|own| {
            let host = if own.direct { None } else { own.host.as_ref().or(self.smart_host.as_ref()) };
            is_clear(host, own.tls.unwrap_or(self.tls))
        });
        own.map(|own| Some(&own.domain))
    }
}

/// `[store]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct StoreSection {
    /// Where records and the log are.
    pub directory: PathBuf,
}

impl Default for StoreSection {
    fn default() -> Self {
        Self { directory: "store".into() }
    }
}

/// `[objects]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ObjectsSection {
    /// Where sealed objects are.
    pub directory: PathBuf,
}

impl Default for ObjectsSection {
    fn default() -> Self {
        Self { directory: "objects".into() }
    }
}

/// `[keyring]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct KeyringSection {
    /// Where the keys are.
    pub directory: PathBuf,
    /// A second place.
    pub mirror: Option<PathBuf>,
    /// The gateway's own key.
    pub gateway_key_file: PathBuf,
}

impl Default for KeyringSection {
    fn default() -> Self {
        Self { directory: "keyring".into(), mirror: None, gateway_key_file: "gateway.key".into() }
    }
}

/// `[recovery]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct RecoverySection {
    /// The organisation's offline recipient.
    pub recipient: Option<Recipient>,
}

/// `[policies]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct PoliciesSection {
    /// Where the policy files are; none means those that Pli brings along.
    pub directory: Option<PathBuf>,
}

/// Whether files are inspected.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum ScannerMode {
    /// Files go on as they are, and pages say so.
    #[default]
    Off,
    /// By clamd (ClamAV).
    Clamd,
}

/// `[scanner]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScannerSection {
    /// Whether files are inspected.
    pub mode: ScannerMode,
    /// clamd's `LocalSocket`.
    pub socket: PathBuf,
    /// clamd's `TCPAddr` and `TCPSocket`, instead of the socket.
    pub address: Option<String>,
    /// clamd's `TemporaryDirectory`.
    pub temporary_directory: Option<PathBuf>,
    /// The largest file that it scans, in MiB.
    pub file_max_mib: u32,
    /// Streams at once.
    pub streams_at_once: u32,
    /// How old its signatures may be, in hours; 0 when that is not watched.
    pub signatures_max_age_hours: u32,
    /// How long a verdict may take, in seconds.
    pub verdict_within_s: u32,
}

impl Default for ScannerSection {
    fn default() -> Self {
        Self {
            mode: ScannerMode::Off,
            socket: "/run/clamav/clamd.ctl".into(),
            address: None,
            temporary_directory: None,
            file_max_mib: 1000,
            streams_at_once: 4,
            signatures_max_age_hours: 72,
            verdict_within_s: 120,
        }
    }
}

/// `[backup]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct BackupSection {
    /// A file of age recipients, one a line, whose holders can open backups.
    pub recipients_file: PathBuf,
}

impl Default for BackupSection {
    fn default() -> Self {
        Self { recipients_file: "backup-recipients.txt".into() }
    }
}

/// `[metrics]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MetricsSection {
    /// Where figures are served.
    pub listen: Option<String>,
}

/// `[clock]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ClockSection {
    /// The file that the time service makes once the clock is set.
    pub synchronised_file: PathBuf,
}

impl Default for ClockSection {
    fn default() -> Self {
        Self { synchronised_file: "/run/systemd/timesync/synchronized".into() }
    }
}

/// How lines of the operator's log are written.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogFormat {
    /// For people and journald.
    #[default]
    Plain,
    /// One JSON object a line.
    Json,
}

/// How much is logged.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum LogLevel {
    /// What must be mended.
    Error,
    /// What should be looked at.
    Warn,
    /// What happens.
    #[default]
    Info,
    /// What a developer wants to know.
    Debug,
}

/// `[log]`
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LogSection {
    /// The form of a line.
    pub format: LogFormat,
    /// How much.
    pub level: LogLevel,
}

/// `[demo]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DemoSection {
    /// Where mails are kept instead of being sent.
    pub outbox: PathBuf,
    /// How far the clock was moved.
    pub clock_file: PathBuf,
}

impl Default for DemoSection {
    fn default() -> Self {
        Self { outbox: "outbox".into(), clock_file: "demo-clock.json".into() }
    }
}
