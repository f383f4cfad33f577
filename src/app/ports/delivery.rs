//! The delivery port: hands a rendered mail to the next host.

use std::sync::Arc;

use async_trait::async_trait;

use crate::relay::destination::{DeliveryLimits, Destination};
use crate::relay::mta_sts::{KeptStsPolicy, StsPolicy};
use crate::relay::queue::{DeliveryProblem, Protection};
use crate::value::{Domain, MailAddress, MailId};

/// A rendered mail, ready to leave.
pub struct OutgoingMail<'a> {
    /// Its id; the adapter may use it to recognise a repeat.
    pub id: MailId,
    /// The return address (RFC 5321 MAIL FROM); none is the null sender, of what nobody may report of.
    pub from: Option<&'a MailAddress>,
    /// Who gets it (RCPT TO).
    pub to: &'a MailAddress,
    /// The message, CRLF line ends.
    pub message: &'a [u8],
    /// How well it must be protected, beside what the way demands (RFC 8689).
    pub protection: Protection,
}

/// The next host took it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Dispatched {
    /// The TLS version of the connection; none when it was in clear.
    pub tls: Option<String>,
}

/// Keeps what domains demand of who brings them mail (MTA-STS, RFC 8461), across restarts. A fault is no answer: it is
/// the caller's to fetch again.
#[async_trait]
pub trait KeptPolicies: Send + Sync {
    /// The policy of a domain that still holds, if one is kept.
    async fn kept(&self, domain: &Domain) -> Option<KeptStsPolicy>;

    /// Keeps a policy that was fetched now, in the place of an older one.
    async fn keep(&self, domain: &Domain, id: String, policy: &StsPolicy);
}

/// Delivers mails. At least once: a mail whose answer was lost is handed over again, with the same Message-ID.
/// The caller retries and limits how many are under way; the adapter limits how long one takes.
#[async_trait]
pub trait Delivery: Send + Sync {
    /// Hands one mail over. `Ok` means that the next host has taken responsibility for it.
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem>;

    /// Who takes the mails for a domain: those for one destination share its fate. Its own mail hosts, unless a route says
    /// otherwise. Cheap: asked again and again.
    fn destination(&self, domain: &Domain) -> Destination {
        Destination::domain(domain)
    }

    /// Told once, before the first mail: where what domains demand is kept.
    fn keep_policies_in(&self, _kept: Arc<dyn KeptPolicies>) {}

    /// How many mails may be on their way at once.
    fn limits(&self) -> DeliveryLimits {
        DeliveryLimits::default()
    }
}
