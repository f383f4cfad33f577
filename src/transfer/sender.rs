//! What was found about who sent a mail: SPF (RFC 7208), DKIM (RFC 6376), DMARC (RFC 7489, RFC 9989), ARC (RFC 8617), and
//! the connection. Kept with the transfer and shown to the agent. The checks are made elsewhere; what follows from them
//! is decided by the partner's agreement.

use serde::{Deserialize, Serialize};

use crate::value::Digest;

/// How a check ended, in the keywords of RFC 8601 section 2.7.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum CheckResult {
    /// Nothing to check.
    #[default]
    None,
    /// It holds.
    Pass,
    /// It does not hold.
    Fail,
    /// It probably does not hold (SPF).
    SoftFail,
    /// The domain says nothing, or the signature counts for nothing.
    Neutral,
    /// It could not be checked now; another time it may.
    TempError,
    /// It can never be checked: what the domain published, or the signature, cannot be read.
    PermError,
}

impl CheckResult {
    /// The keyword.
    pub const fn keyword(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::Pass => "pass",
            Self::Fail => "fail",
            Self::SoftFail => "softfail",
            Self::Neutral => "neutral",
            Self::TempError => "temperror",
            Self::PermError => "permerror",
        }
    }
}

/// One check of a domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DomainCheck {
    /// How it ended.
    pub result: CheckResult,
    /// Which domain; empty when none was named.
    pub domain: String,
}

/// DMARC's answer for the author's domain.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct DmarcCheck {
    /// How it ended.
    pub result: CheckResult,
    /// The author's domain.
    pub domain: String,
    /// It passed by the connection's own address (SPF), not by a signature alone, which anybody may send once more.
    pub by_connection: bool,
}

/// All that was found.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderFindings {
    /// Whether the host may send for the domain of MAIL FROM.
    pub spf: DomainCheck,
    /// The signatures, as far as they were looked at.
    pub dkim: Vec<DomainCheck>,
    /// What the two mean for the author's domain.
    pub dmarc: DmarcCheck,
    /// The chain of those who passed it on.
    pub arc: CheckResult,
}

/// What a mail brought along, and why it was taken for its author's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct SenderEvidence {
    /// Why it was believed.
    pub believed: Belief,
    /// TLS version and suite of the connection; none when it was in clear.
    pub tls: Option<String>,
    /// What was found; none when nothing was looked up, because a pinned relay vouched for it.
    pub findings: Option<SenderFindings>,
    /// Its sender asked that it goes by verified TLS only (RFC 8689): so do the mails that speak of it.
    #[serde(default)]
    pub requires_tls: bool,
}

/// Why a mail was taken for its author's.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Belief {
    /// It came from a network address that the partner pinned.
    RelayAddress,
    /// The host showed a certificate that the partner pinned.
    RelayCertificate,
    /// DMARC passes for the author's domain.
    Dmarc,
}

/// SHA-256 of a certificate in DER, by which a partner pins its relay.
pub type CertificateDigest = Digest;
