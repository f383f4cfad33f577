//! `[audit]`: what the operator decides about the log that proves itself.

use std::path::PathBuf;

use rustls::pki_types::ServerName;
use serde::Deserialize;

use super::ConfigError;
use crate::app::{AuditSettings, Witness};
use crate::audit::CosignerKey;
use crate::value::Millis;

/// The least and the most that payloads are kept, in months (CNIL 2021-122).
const RETENTION_MONTHS: std::ops::RangeInclusive<u8> = 6..=36;

/// Hours from one timestamp to the next when nothing else is said, and the least and the most.
const TIMESTAMP_HOURS: u8 = 24;
const TIMESTAMP_HOURS_RANGE: std::ops::RangeInclusive<u8> = 1..=168;

/// `[audit]`
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct AuditSection {
    /// Months that payloads are kept.
    pub retention_months: u8,
    /// Who is shown each checkpoint and signs it too.
    pub witnesses: Vec<WitnessSection>,
    /// The timestamp authority that stamps checkpoints (RFC 3161).
    pub timestamp_url: Option<String>,
    /// The certificates that its answers must lead to, PEM.
    pub timestamp_authority: Option<PathBuf>,
    /// Hours from one timestamp to the next.
    pub timestamp_hours: u8,
    /// More certificate authorities to trust for services outside.
    pub authorities: Option<PathBuf>,
    /// The syslog receiver that the log is handed on to.
    pub forward_syslog: Option<String>,
    /// The name that it must prove.
    pub forward_syslog_name: Option<String>,
    /// The file that the log is handed on to.
    pub forward_json_file: Option<PathBuf>,
    /// The socket that the log is handed on to.
    pub forward_json_socket: Option<PathBuf>,
}

/// A witness.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct WitnessSection {
    /// Where it answers.
    pub url: String,
    /// Its public key, `name+id+base64`.
    #[serde(deserialize_with = "key")]
    pub key: CosignerKey,
}

fn key<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<CosignerKey, D::Error> {
    String::deserialize(deserializer)?.parse().map_err(serde::de::Error::custom)
}

impl Default for AuditSection {
    fn default() -> Self {
        let AuditSettings { retention_months, .. } = AuditSettings::default();
        Self {
            retention_months,
            witnesses: Vec::new(),
            timestamp_url: None,
            timestamp_authority: None,
            timestamp_hours: TIMESTAMP_HOURS,
            authorities: None,
            forward_syslog: None,
            forward_syslog_name: None,
            forward_json_file: None,
            forward_json_socket: None,
        }
    }
}

impl AuditSection {
    pub(super) fn validate(&self) -> Result<(), ConfigError> {
        if !RETENTION_MONTHS.contains(&self.retention_months) {
            let (min, max) = (*RETENTION_MONTHS.start(), *RETENTION_MONTHS.end());
            return Err(ConfigError::Retention { min, max, actual: self.retention_months });
        }
        if let Some(url) = &self.timestamp_url {
            is_service(url, "[audit] timestamp_url")?;
        }
        if self.timestamp_url.is_some() != self.timestamp_authority.is_some() {
            return Err(ConfigError::Timestamps);
        }
        if !TIMESTAMP_HOURS_RANGE.contains(&self.timestamp_hours) {
            let (min, max) = (*TIMESTAMP_HOURS_RANGE.start(), *TIMESTAMP_HOURS_RANGE.end());
            return Err(ConfigError::TimestampHours { min, max, actual: self.timestamp_hours });
        }
        if self.forward_syslog.is_some() {
            self.syslog_server_name()?;
        }
        for witness in &self.witnesses {
            is_service(&witness.url, "[audit] witnesses")?;
        }
        Ok(())
    }

    /// The name that the syslog receiver must prove: as said, or that of its address.
    pub fn syslog_server_name(&self) -> Result<ServerName<'static>, ConfigError> {
        let address = self.forward_syslog.clone().unwrap_or_default();
        let host = address.rsplit_once(':').map_or("", |(host, _)| host);
        let name = self.forward_syslog_name.clone().unwrap_or_else(|| host.to_owned());
        let key = "[audit] forward_syslog";
        ServerName::try_from(name).map_err(|_| ConfigError::ServiceUrl { key, given: address })
    }

    /// How long after a timestamp the next one is asked for.
    pub fn timestamps_every(&self) -> Millis {
        Millis::hours(i64::from(self.timestamp_hours))
    }

    /// The same for the use cases, but for the timestamp authority, whose certificates are read elsewhere.
    pub fn settings(&self) -> AuditSettings {
        let witnesses = self.witnesses.iter();
        let witnesses =
            witnesses.map(|witness| Witness { url: witness.url.clone(), key: witness.key.clone() });
        AuditSettings {
            retention_months: self.retention_months,
            witnesses: witnesses.collect(),
            timestamps: None,
        }
    }
}

fn is_service(url: &str, key: &'static str) -> Result<(), ConfigError> {
    let host = url.strip_prefix("https://").or_else(|| url.strip_prefix("http://"));
    let is_url = host.is_some_and(|rest| {
        !rest.is_empty() && !rest.ends_with('/') && rest.bytes().all(|b| b.is_ascii_graphic())
    });
    if is_url { Ok(()) } else { Err(ConfigError::ServiceUrl { key, given: url.to_owned() }) }
}
