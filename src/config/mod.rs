//! The configuration: one TOML file, `pli.toml`, in the gateway's directory. Read once, checked as a whole, paths made
//! absolute. The commented file that [`InitialFile`] writes is the reference of every setting.
//!
//! It opens no secret and no certificate: who uses one reads its file.

mod audit;
mod initial;
mod oidc;
mod sections;

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::value::MailAddress;

pub use audit::{AuditSection, WitnessSection};
pub use initial::InitialFile;
pub use oidc::OidcSection;
pub use sections::{
    BackupSection, ClockSection, Config, DemoSection, GatewaySection, HttpSection, KeyringSection, LogFormat,
    LogLevel, LogSection, MetricsSection, ObjectsSection, PoliciesSection, RecoverySection, RelayDomain,
    RelaySection, RelayTls, ScannerMode, ScannerSection, SmtpSection, StoreSection, SubmissionSection,
    TlsFiles,
};

/// The name of the file.
pub const FILE_NAME: &str = "pli.toml";
/// The name of the control socket beside it.
pub const CONTROL_SOCKET: &str = "control.sock";

/// ClamAV scans no file of 2 GiB or more.
const SCANNER_FILE_MAX_MIB: u32 = 2047;
/// Mails under way at once, each with a connection and its message in memory.
const RELAY_AT_ONCE_MAX: u32 = 1000;

/// Why the configuration is refused. The operator must act.
#[derive(Debug, Error)]
pub enum ConfigError {
    /// The provider's section does not fit together.
    #[error("{fault}")]
    Oidc {
        /// What is wrong.
        fault: &'static str,
    },
    /// The file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// No TOML, an unknown setting, a missing one or one of another type.
    #[error("{}: {source}", path.display())]
    Syntax {
        /// Which file.
        path: PathBuf,
        /// Where and what.
        source: Box<toml::de::Error>,
    },
    /// The pages need a certificate or the word that they go without.
    #[error("[http] needs certificate and key, or plain = true behind a proxy that does TLS")]
    HttpTls,
    /// One of certificate and key is missing.
    #[error("[smtp] certificate and key belong together")]
    SmtpTls,
    /// Mail programs are only served over TLS.
    #[error("[submission] needs the certificate and key of [smtp]: nobody signs in in clear")]
    SubmissionTls,
    /// The postmaster's mail would come back as the postmaster's mail.
    #[error(
        "[gateway] postmaster = \"{given}\": an address that is not of [smtp] mail_domain, else its mail goes round"
    )]
    PostmasterIsOurs {
        /// What was given.
        given: MailAddress,
    },
    /// Mails have no way out.
    #[error("[relay] needs a smart_host to hand mails to, or direct = true")]
    NoRelay,
    /// Mails would leave in clear.
    #[error("[relay] tls = \"none\" is for a host on this machine only (mails for {domain})")]
    RelayInClear {
        /// Whose mails.
        domain: String,
    },
    /// None would ever leave, or too many at once.
    #[error("[relay] mails_at_once and mails_at_once_per_destination: 1 to {RELAY_AT_ONCE_MAX}")]
    RelayAtOnce,
    /// The base URL is no such thing.
    #[error("[gateway] base_url = {given:?}: http:// or https://, host and port, without a path")]
    BaseUrl {
        /// What it says.
        given: String,
    },
    /// The scanner would be given more than it can scan.
    #[error("[scanner] file_max_mib = {given}: 1 to {SCANNER_FILE_MAX_MIB}")]
    ScannerFileMax {
        /// What it says.
        given: u32,
    },
    /// An address to listen on is none.
    #[error("{key} = {given:?}: an address or name and a port are needed, as in \"localhost:8080\"")]
    Listen {
        /// Which setting.
        key: &'static str,
        /// What it says.
        given: String,
    },
    /// Payloads of the log are kept too short or too long.
    #[error("[audit] retention_months = {actual}: {min} to {max} (CNIL 2021-122)")]
    Retention {
        /// The least.
        min: u8,
        /// The most.
        max: u8,
        /// What it says.
        actual: u8,
    },
    /// Timestamps need an authority to believe, and somebody to ask.
    #[error("[audit] timestamp_url and timestamp_authority belong together")]
    Timestamps,
    /// Timestamps would be asked for too often or too seldom.
    #[error("[audit] timestamp_hours = {actual}: {min} to {max}")]
    TimestampHours {
        /// The least.
        min: u8,
        /// The most.
        max: u8,
        /// What it says.
        actual: u8,
    },
    /// The address of a service is none.
    #[error("{key} = {given:?}: http:// or https:// with host, port and path, or host:port for syslog")]
    ServiceUrl {
        /// Which setting.
        key: &'static str,
        /// What it says.
        given: String,
    },
    /// The directory belongs to the demonstration, or does not.
    #[error("{} belongs to the demonstration: start it with `pli demo`", path.display())]
    Demonstration {
        /// Which file.
        path: PathBuf,
    },
}

impl Config {
    /// Reads `pli.toml` of a directory.
    pub fn load(directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join(FILE_NAME);
        let unreadable = |source| ConfigError::Unreadable { path: path.clone(), source };
        let text = std::fs::read_to_string(&path).map_err(unreadable)?;
        let directory = std::path::absolute(directory).map_err(unreadable)?;
        Self::parse(&text, &directory)
    }

    /// Reads the text of the file as if it stood in `directory`, an absolute path.
    pub fn parse(text: &str, directory: &Path) -> Result<Self, ConfigError> {
        let path = directory.join(FILE_NAME);
        let read: Result<Self, _> = toml::from_str(text);
        let mut config = read.map_err(|source| ConfigError::Syntax { path, source: Box::new(source) })?;
        config.resolve(directory);
        config.validate()?;
        Ok(config)
    }

    /// The control socket of the gateway that runs in this directory.
    pub fn control_socket(&self) -> PathBuf {
        self.directory.join(CONTROL_SOCKET)
    }

    fn resolve(&mut self, directory: &Path) {
        directory.clone_into(&mut self.directory);
        for path in self.paths_mut() {
            // `join` keeps an absolute path as it is.
            *path = directory.join(&*path);
        }
    }

    fn paths_mut(&mut self) -> impl Iterator<Item = &mut PathBuf> {
        let needed = [
            &mut self.store.directory,
            &mut self.objects.directory,
            &mut self.keyring.directory,
            &mut self.keyring.gateway_key_file,
            &mut self.backup.recipients_file,
            &mut self.clock.synchronised_file,
            &mut self.scanner.socket,
        ];
        let optional = [
            &mut self.http.certificate,
            &mut self.http.key,
            &mut self.oidc.client_secret_file,
            &mut self.http.certificate_issuers,
            &mut self.smtp.certificate,
            &mut self.smtp.key,
            &mut self.relay.authorities,
            &mut self.dns.trust_anchor,
            &mut self.keyring.mirror,
            &mut self.policies.directory,
            &mut self.audit.authorities,
            &mut self.audit.timestamp_authority,
            &mut self.audit.forward_json_file,
            &mut self.audit.forward_json_socket,
            &mut self.scanner.temporary_directory,
        ];
        let demo = self.demo.iter_mut().flat_map(|demo| [&mut demo.outbox, &mut demo.clock_file]);
        needed.into_iter().chain(optional.into_iter().flatten()).chain(demo)
    }

    fn validate(&self) -> Result<(), ConfigError> {
        self.audit.validate()?;
        if let Some(fault) = self.oidc.fault() {
            return Err(ConfigError::Oidc { fault });
        }
        if !is_base_url(&self.gateway.base_url) {
            return Err(ConfigError::BaseUrl { given: self.gateway.base_url.clone() });
        }
        if let Some(given) = &self.gateway.postmaster
            && given.domain() == &self.smtp.mail_domain
        {
            return Err(ConfigError::PostmasterIsOurs { given: given.clone() });
        }
        let listens =
            [("[http] listen", Some(&self.http.listen)), ("[smtp] listen", Some(&self.smtp.listen))];
        let others = [
            ("[metrics] listen", self.metrics.listen.as_ref()),
            ("[submission] listen_starttls", self.submission.listen_starttls.as_ref()),
            ("[submission] listen_tls", self.submission.listen_tls.as_ref()),
        ];
        for (key, given) in listens.into_iter().chain(others) {
            if let Some(given) = given.filter(|given| !is_listen(given)) {
                return Err(ConfigError::Listen { key, given: given.clone() });
            }
        }
        if self.http.tls_files().is_none() && !self.http.plain {
            return Err(ConfigError::HttpTls);
        }
        if self.smtp.certificate.is_some() != self.smtp.key.is_some() {
            return Err(ConfigError::SmtpTls);
        }
        if self.submission.is_on() && self.smtp.tls_files().is_none() {
            return Err(ConfigError::SubmissionTls);
        }
        // ClamAV scans nothing larger.
        if self.scanner.file_max_mib == 0 || self.scanner.file_max_mib > SCANNER_FILE_MAX_MIB {
            return Err(ConfigError::ScannerFileMax { given: self.scanner.file_max_mib });
        }
        self.validate_relay()
    }

    fn validate_relay(&self) -> Result<(), ConfigError> {
        let relay = &self.relay;
        if relay.smart_host.is_none() && !relay.direct && self.demo.is_none() {
            return Err(ConfigError::NoRelay);
        }
        if let Some(domain) = relay.clear_route() {
            let domain = domain.map_or_else(|| "all domains".to_owned(), ToString::to_string);
            return Err(ConfigError::RelayInClear { domain });
        }
        let limits = 1..=RELAY_AT_ONCE_MAX;
        if !limits.contains(&relay.mails_at_once) || !limits.contains(&relay.mails_at_once_per_destination) {
            return Err(ConfigError::RelayAtOnce);
        }
        Ok(())
    }
}

fn is_base_url(text: &str) -> bool {
    let host = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
    host.is_some_and(|host| {
        !host.is_empty() && host.bytes().all(|b| b.is_ascii_alphanumeric() || b".-:[]".contains(&b))
    })
}

fn is_listen(text: &str) -> bool {
    text.rsplit_once(':').is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HERE: &str = "/srv/pli";

    fn initial() -> InitialFile {
        InitialFile {
            base_url: "https://pli.carsat.example".into(),
            http_listen: "[::]:443".into(),
            smtp_listen: "[::]:25".into(),
            hostname: "pli.carsat.example".into(),
            mail_domain: "pli.carsat.example".into(),
            recovery: Some("age1ql3z7hjy54pw3hyww5ayyfg7zqgvc7w3j2elw8zmrj2kg5sfn9aqmcac8p".into()),
            demo: false,
        }
    }

    fn parse(text: &str) -> Result<Config, ConfigError> {
        Config::parse(text, Path::new(HERE))
    }

    /// RFC 8689: nobody is promised what a way out that is in clear cannot keep.
    #[test]
    fn requiretls_can_be_kept_where_no_way_out_is_in_clear() {
        for (relay, kept) in [
            ("direct = true", true),
            ("direct = true\ntls = \"opportunistic\"", true),
            ("smart_host = \"mx.example\"", true),
            ("smart_host = \"127.0.0.1\"\ntls = \"none\"", false),
            (
                "direct = true\ndomains = [{ domain = \"a.example\", host = \"127.0.0.1\", tls = \"none\" }]",
                false,
            ),
            ("direct = true\ndomains = [{ domain = \"a.example\", tls = \"required\" }]", true),
        ] {
            let relay: RelaySection = toml::from_str(relay).unwrap();
            assert_eq!(relay.can_keep_requiretls(), kept, "{relay:?}");
        }
    }

    /// serde tells the fields that it knows when it meets one that it does not.
    fn fields_of(section: Option<&str>) -> Vec<String> {
        let head = section.map(|name| format!("[{name}]\n")).unwrap_or_default();
        let error = toml::from_str::<Config>(&format!("{head}no_such_field = 1\n")).unwrap_err();
        let message = error.message().to_owned();
        assert!(message.contains("no_such_field"), "{section:?}: {message}");
        message.split('`').skip(3).step_by(2).map(str::to_owned).collect()
    }

    /// The text of one section of the file, comments included.
    fn section_text<'a>(text: &'a str, section: &str) -> &'a str {
        let start = text.find(&format!("[{section}]\n")).unwrap_or_else(|| panic!("no [{section}]"));
        let rest = &text[start + 1..];
        rest.split("\n[").next().unwrap()
    }

    #[test]
    fn the_file_that_init_writes_tells_every_setting_there_is() {
        let text = InitialFile { demo: true, ..initial() }.text();
        let sections = fields_of(None);
        assert!(sections.len() >= 11, "{sections:?}");
        for section in sections {
            let body = section_text(&text, &section);
            let fields = fields_of(Some(&section));
            assert!(!fields.is_empty(), "{section}");
            for field in fields {
                let told = body.lines().any(|line| {
                    line.trim_start_matches(['#', ' '])
                        .strip_prefix(&field)
                        .is_some_and(|rest| rest.starts_with(" = "))
                });
                assert!(told, "[{section}] {field} is not in the reference");
            }
        }
    }

    #[test]
    fn the_file_that_init_writes_is_accepted_and_its_comments_too() {
        for demo in [false, true] {
            let text = InitialFile { demo, ..initial() }.text();
            let config = parse(&text).unwrap();
            assert_eq!(config.demo.is_some(), demo);
            // Every commented setting, taken as one, has a value of the right type.
            let uncommented: Vec<&str> = text
                .lines()
                .map(|line| {
                    let bare = line.strip_prefix("# ").unwrap_or(line);
                    let name = bare.split(" = ").next().unwrap_or_default();
                    let is_setting =
                        bare.contains(" = ") && name.bytes().all(|b| b.is_ascii_lowercase() || b == b'_');
                    if is_setting { bare } else { line }
                })
                .collect();
            parse(&uncommented.join("\n")).unwrap();
        }
    }

    #[test]
    fn the_log_is_kept_for_a_year_unless_six_to_thirty_six_months_are_said() {
        let text = initial().text();
        let kept = |months: &str| {
            let said = text.replace("# retention_months = 12", &format!("retention_months = {months}"));
            assert_ne!(said, text, "the setting is there to be said");
            parse(&said).map(|config| config.audit.settings().retention_months)
        };
        assert_eq!(parse(&text).unwrap().audit.settings().retention_months, 12);
        for months in [6, 12, 36] {
            assert_eq!(kept(&months.to_string()).unwrap(), months);
        }
        for months in [0, 5, 37] {
            let refused = kept(&months.to_string());
            assert!(matches!(refused, Err(ConfigError::Retention { min: 6, max: 36, .. })), "{refused:?}");
        }
    }

    #[test]
    fn an_unknown_setting_is_refused_by_name() {
        let text = initial().text().replace("[store]\n", "[store]\ndirectoyr = \"x\"\n");
        let error = parse(&text).unwrap_err().to_string();
        assert!(error.contains("directoyr"), "{error}");
    }

    #[test]
    fn paths_are_those_of_the_files_directory() {
        let text = initial().text().replace("# mirror = ", "mirror = ");
        let config = parse(&text).unwrap();
        assert_eq!(config.store.directory, Path::new("/srv/pli/store"));
        assert_eq!(config.http.certificate.unwrap(), Path::new("/srv/pli/certs/server.pem"));
        assert_eq!(config.keyring.mirror.unwrap(), Path::new("/srv/pli-keyring-mirror"), "absolute stays");
    }

    #[test]
    fn what_does_not_fit_together_is_refused_with_what_to_do() {
        let text = initial().text();
        for (from, to, told) in [
            ("certificate = \"certs/server.pem\"\n", "", "plain = true"),
            ("smart_host = ", "# smart_host = ", "smart_host"),
            ("smart_host = \"localhost\"", "smart_host = \"mx.example\"\ntls = \"none\"", "this machine"),
            ("smart_host = \"localhost\"", "direct = true\ntls = \"none\"", "this machine"),
            (
                "smart_host = \"localhost\"",
                "smart_host = \"localhost\"\ndomains = [{ domain = \"a.example\", direct = true, tls = \"none\" }]",
                "a.example",
            ),
            ("# mails_at_once = 100", "mails_at_once = 0", "mails_at_once"),
            ("https://pli.carsat.example\"", "https://pli.carsat.example/\"", "base_url"),
            ("listen = \"[::]:443\"", "listen = \"443\"", "[http] listen"),
            ("# listen_tls = \"[::]:465\"", "listen_tls = \"465\"", "[submission] listen_tls"),
        ] {
            let changed = text.replacen(from, to, 1);
            assert_ne!(changed, text, "{from}");
            let error = parse(&changed).unwrap_err().to_string();
            assert!(error.contains(told), "{error}");
        }
    }
}
