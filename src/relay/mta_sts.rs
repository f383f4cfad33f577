//! MTA-STS (RFC 8461): what a domain demands of who brings it mail. Reads the record that announces a policy and the policy
//! itself, and says which hosts it names. Fetching, keeping and obeying are others'.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::value::{Domain, Millis, Timestamp};

/// The largest policy that is read, in bytes; one is some hundred.
pub const POLICY_MAX_BYTES: usize = 64 * 1024;
/// Longest life of a policy (section 3.2: a year).
const MAX_AGE: i64 = 31_557_600;
/// Hosts that a policy may name.
const HOSTS_MAX: usize = 64;
/// The longest id of a policy (section 3.1).
const ID_MAX: usize = 32;

/// What a policy demands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum StsMode {
    /// Mail goes only to hosts that it names and that prove their name over TLS.
    Enforce,
    /// As if there were none; but it is worth a line in the log when it does not hold.
    Testing,
    /// There is none any more.
    None,
}

/// A domain's policy.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct StsPolicy {
    /// What it demands.
    pub mode: StsMode,
    /// The hosts that it names, `*.` for any one label before the rest.
    pub hosts: Vec<String>,
    /// How long it holds, in seconds.
    pub max_age: i64,
}

/// A policy that is kept until it is over or another one is announced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct KeptStsPolicy {
    /// Whose.
    pub domain: Domain,
    /// The id under which it was announced.
    pub id: String,
    /// What it says.
    pub policy: StsPolicy,
    /// Until when it holds.
    pub until: Timestamp,
}

impl KeptStsPolicy {
    /// A policy that was fetched at an instant.
    pub fn new(domain: Domain, id: String, policy: StsPolicy, fetched_at: Timestamp) -> Self {
        let until = fetched_at + Millis::seconds(policy.max_age);
        Self { domain, id, policy, until }
    }

    /// Whether it still holds.
    pub fn holds(&self, at: Timestamp) -> bool {
        at < self.until
    }
}

/// Why a policy is none. Its domain must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum StsError {
    /// It is larger than any should be.
    #[error("{actual} bytes are over the limit of {limit}")]
    TooLarge {
        /// What is read.
        limit: usize,
        /// What there is.
        actual: usize,
    },
    /// A field is missing, twice there or not understood.
    #[error("the policy's {0} is missing, twice there or not understood")]
    Field(&'static str),
}

/// The id that the texts at `_mta-sts.` announce (section 3.1); none when they announce no policy, or more than one.
pub fn announced_id(texts: &[String]) -> Option<String> {
    let mut records = texts.iter().filter(|text| {
        let version = text.split(';').next().unwrap_or_default();
        version.trim_end() == "v=STSv1"
    });
    let (record, None) = (records.next()?, records.next()) else { return None };
    let id = record.split(';').find_map(|field| field.trim().strip_prefix("id="))?.trim();
    let fits = (1..=ID_MAX).contains(&id.len()) && id.bytes().all(|byte| byte.is_ascii_alphanumeric());
    fits.then(|| id.to_owned())
}

impl StsPolicy {
    /// Reads the text of a policy (section 3.2). Of a field that is there twice the first counts; unknown ones do not.
    pub fn parse(bytes: &[u8]) -> Result<Self, StsError> {
        if bytes.len() > POLICY_MAX_BYTES {
            return Err(StsError::TooLarge { limit: POLICY_MAX_BYTES, actual: bytes.len() });
        }
        let text = std::str::from_utf8(bytes).map_err(|_| StsError::Field("text"))?;
        let fields: Vec<(&str, &str)> =
            text.lines().filter_map(|line| line.split_once(':')).map(|(k, v)| (k.trim(), v.trim())).collect();
        let first = |name: &'static str| {
            let found = fields.iter().find(|(key, _)| *key == name).map(|(_, value)| *value);
            found.ok_or(StsError::Field(name))
        };
        if first("version")? != "STSv1" {
            return Err(StsError::Field("version"));
        }
        let mode = match first("mode")? {
            "enforce" => StsMode::Enforce,
            "testing" => StsMode::Testing,
            "none" => StsMode::None,
            _ => return Err(StsError::Field("mode")),
        };
        let max_age: i64 = first("max_age")?.parse().map_err(|_| StsError::Field("max_age"))?;
        if max_age < 0 {
            return Err(StsError::Field("max_age"));
        }
        let hosts: Vec<String> = fields
            .iter()
            .filter(|(key, _)| *key == "mx")
            .take(HOSTS_MAX)
            .map(|(_, host)| host.trim_end_matches('.').to_ascii_lowercase())
            .collect();
        if hosts.is_empty() && mode != StsMode::None {
            return Err(StsError::Field("mx"));
        }
        Ok(Self { mode, hosts, max_age: max_age.min(MAX_AGE) })
    }

    /// Whether it names a host (section 4.1).
    pub fn names(&self, host: &Domain) -> bool {
        let host = host.as_str();
        self.hosts.iter().any(|pattern| match pattern.strip_prefix("*.") {
            Some(rest) => {
                host.split_once('.').is_some_and(|(label, parent)| !label.is_empty() && parent == rest)
            }
            None => pattern == host,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const POLICY: &str = "version: STSv1\r\nmode: enforce\r\nmx: mail.partenaire.example\r\n\
        mx: *.mx.partenaire.example\r\nmax_age: 604800\r\nfuture: whatever\r\n";

    fn host(name: &str) -> Domain {
        Domain::parse(name).unwrap()
    }

    #[test]
    fn a_policy_names_hosts_and_one_label_before_a_star() {
        let policy = StsPolicy::parse(POLICY.as_bytes()).unwrap();
        assert_eq!((policy.mode, policy.max_age), (StsMode::Enforce, 604_800));
        assert!(policy.names(&host("mail.partenaire.example")));
        assert!(policy.names(&host("a.mx.partenaire.example")));
        for other in
            ["partenaire.example", "mx.partenaire.example", "a.b.mx.partenaire.example", "mail.autre.example"]
        {
            assert!(!policy.names(&host(other)), "{other}");
        }
    }

    #[test]
    fn a_policy_that_is_not_whole_is_none() {
        for (from, to, field) in [
            ("STSv1", "STSv2", "version"),
            ("enforce", "strict", "mode"),
            ("mode: enforce\r\n", "", "mode"),
            ("max_age: 604800\r\n", "", "max_age"),
            ("604800", "-1", "max_age"),
            ("mx: ", "my: ", "mx"),
        ] {
            let text = POLICY.replace(from, to);
            assert_eq!(StsPolicy::parse(text.as_bytes()), Err(StsError::Field(field)), "{to:?}");
        }
        let huge = vec![b'x'; POLICY_MAX_BYTES + 1];
        assert!(matches!(StsPolicy::parse(&huge), Err(StsError::TooLarge { .. })));
        let none = "version: STSv1\nmode: none\nmax_age: 99999999999\n";
        assert_eq!(StsPolicy::parse(none.as_bytes()).unwrap().max_age, MAX_AGE);
    }

    #[test]
    fn one_record_announces_a_policy_and_two_announce_none() {
        let texts =
            |texts: &[&str]| announced_id(&texts.iter().map(|text| (*text).to_owned()).collect::<Vec<_>>());
        assert_eq!(texts(&["v=spf1 -all", "v=STSv1; id=20261121T1;"]).as_deref(), Some("20261121T1"));
        assert_eq!(texts(&["v=STSv1;id=a"]).as_deref(), Some("a"));
        for none in [
            &["v=STSv1; id=a", "v=STSv1; id=b"][..],
            &["v=STSv10; id=a"],
            &["v=STSv1;"],
            &["v=STSv1; id=a-b"],
            &[],
        ] {
            assert_eq!(texts(none), None, "{none:?}");
        }
    }

    #[test]
    fn a_kept_policy_holds_for_its_age_to_the_millisecond() {
        let policy = StsPolicy::parse(POLICY.as_bytes()).unwrap();
        let kept = KeptStsPolicy::new(host("partenaire.example"), "a".into(), policy, Timestamp(5));
        assert!(kept.holds(Timestamp(604_800_004)));
        assert!(!kept.holds(Timestamp(604_800_005)));
    }
}
