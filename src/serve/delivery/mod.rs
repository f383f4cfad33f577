//! The way out for mails: handed over SMTP to a smart host or to the mail hosts of their domain. One try; when to try again
//! is the queue's to decide.

mod routes;
mod sts;

use std::sync::Arc;

use async_trait::async_trait;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use thiserror::Error;

use self::routes::{RouteParts, Routes};
use self::sts::StsPolicies;
use super::tls::{CertificateError, read_chain};
use crate::app::ports::{Delivery, Dispatched, KeptPolicies, OutgoingMail, Random};
use crate::config::{Config, RelaySection};
use crate::relay::destination::{DeliveryLimits, Destination};
use crate::relay::queue::DeliveryProblem;
use crate::smtp::{
    ClientTls, Connections, DelayReason, DeliveryOutcome, EnhancedCode, HostReply, Names, ResolverError,
    SentMail, Unsendable,
};
use crate::value::Domain;

/// "Try again later" without a word why (RFC 5321 section 4.2.2).
const LATER: u16 = 451;

/// Why no way out could be set up. The operator must act.
#[derive(Debug, Error)]
pub enum RelayError {
    /// The name that a host must prove is none.
    #[error("[relay] {name:?} is no name that a certificate can prove: set server_name")]
    ServerName {
        /// What was given.
        name: String,
    },
    /// The file of authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] CertificateError),
    /// The name servers cannot be asked.
    #[error(transparent)]
    Names(#[from] ResolverError),
    /// The TLS library refuses.
    #[error("[relay] TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// Takes all mails of the gateway to where the configuration and the DNS say.
pub struct MailRelay {
    routes: Routes,
    connections: Connections,
    limits: DeliveryLimits,
}

impl MailRelay {
    /// As the configuration says.
    pub fn new(config: &Config, random: Arc<dyn Random>) -> Result<Self, RelayError> {
        let relay = &config.relay;
        check_names(relay)?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &relay.authorities {
            roots.add_parsable_certificates(read_chain(path)?);
        }
        let dns = &config.dns;
        let names = if asks_names(relay) {
            Some(Names::new(&dns.servers, dns.dnssec, dns.trust_anchor.as_deref())?)
        } else {
            None
        };
        let sts = if relay.mta_sts { Some(StsPolicies::new(roots.clone())?) } else { None };
        let parts = RouteParts {
            names,
            sts,
            helo: config.smtp.hostname.clone(),
            own_domain: config.smtp.mail_domain.clone(),
            listen: config.smtp.listen.clone(),
            random,
        };
        let at_once = |given: u32| usize::try_from(given).unwrap_or(1);
        let limits = DeliveryLimits {
            total: at_once(relay.mails_at_once),
            per_destination: at_once(relay.mails_at_once_per_destination),
        };
        let connections = Connections::new(ClientTls::new(roots)?);
        Ok(Self { routes: Routes::new(relay, parts), connections, limits })
    }
}

/// Whether the mail of some domain goes to the hosts that the DNS names.
fn asks_names(relay: &RelaySection) -> bool {
    relay.smart_host.is_none() || relay.domains.iter().any(|own| own.direct)
}

/// Each host that is named can prove a name.
fn check_names(relay: &RelaySection) -> Result<(), RelayError> {
    let own = relay.domains.iter().map(|own| own.server_name.as_ref().or(own.host.as_ref()));
    let all = own.chain([relay.server_name.as_ref().or(relay.smart_host.as_ref())]);
    for name in all.flatten() {
        if ServerName::try_from(name.as_str()).is_err() {
            return Err(RelayError::ServerName { name: name.clone() });
        }
    }
    Ok(())
}

#[async_trait]
impl Delivery for MailRelay {
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        let routes = self.routes.to(mail.to.domain(), mail.protection.requires_tls()).await?;
        let sent =
            SentMail { from: mail.from, to: mail.to, message: mail.message, protection: mail.protection };
        into_result(self.connections.deliver(&routes, sent).await)
    }

    fn destination(&self, domain: &Domain) -> Destination {
        self.routes.destination(domain)
    }

    fn keep_policies_in(&self, kept: Arc<dyn KeptPolicies>) {
        if let Some(sts) = self.routes.sts() {
            sts.keep_in(kept);
        }
    }

    fn limits(&self) -> DeliveryLimits {
        self.limits
    }
}

fn into_result(outcome: DeliveryOutcome) -> Result<Dispatched, DeliveryProblem> {
    match outcome {
        DeliveryOutcome::Accepted { tls, .. } => Ok(Dispatched { tls }),
        DeliveryOutcome::Delayed { reason, reply } => Err(delay(reason, reply)),
        DeliveryOutcome::Refused(reply) => Err(refusal(reply)),
        DeliveryOutcome::Unsendable(Unsendable::NeedsRequireTls) => Err(DeliveryProblem::NotOnward),
        DeliveryOutcome::Unsendable(_) => Err(DeliveryProblem::Broken),
    }
}

/// What a refusal says (RFC 3463 sections 3.2 and 3.8).
const fn refusal(reply: HostReply) -> DeliveryProblem {
    let code = reply.code;
    match reply.enhanced {
        Some(EnhancedCode(_, 1, _)) => DeliveryProblem::UnknownRecipient { code },
        Some(EnhancedCode(_, 7, _)) => DeliveryProblem::AgainstPolicy { code },
        _ => DeliveryProblem::Refused { code },
    }
}

fn delay(reason: DelayReason, reply: Option<HostReply>) -> DeliveryProblem {
    match (reason, reply) {
        (
            DelayReason::TlsNotOffered
            | DelayReason::TlsRefused
            | DelayReason::TlsFailed
            | DelayReason::TlsInjected,
            _,
        ) => DeliveryProblem::TlsRequired,
        (DelayReason::NotWelcome, Some(reply)) => DeliveryProblem::HostBusy { code: reply.code },
        (_, Some(reply)) => told_later(reply),
        (DelayReason::ToldLater, None) => DeliveryProblem::TryLater { code: LATER },
        _ => DeliveryProblem::Unreachable,
    }
}

/// What "try again later" says: of the host (421, X.3.x), of the mailbox (X.2.2, 452), or of this mail; 450 and 451 without
/// a graver reason are what greylisting hosts say.
const fn told_later(reply: HostReply) -> DeliveryProblem {
    let code = reply.code;
    match (code, reply.enhanced) {
        (421, _) | (_, Some(EnhancedCode(_, 3, _))) => DeliveryProblem::HostBusy { code },
        (_, Some(EnhancedCode(_, 2, 2))) | (452, None) => DeliveryProblem::MailboxFull { code },
        (450 | 451, None | Some(EnhancedCode(_, 2, 0 | 1) | EnhancedCode(_, 7, _))) => {
            DeliveryProblem::Greylisted { code }
        }
        _ => DeliveryProblem::TryLater { code },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_a_refusal_for_good_ends_a_mail() {
        let reply = HostReply { code: 550, enhanced: None };
        assert_eq!(into_result(DeliveryOutcome::Refused(reply)), Err(DeliveryProblem::Refused { code: 550 }));
        for reason in
            [DelayReason::Unreachable, DelayReason::TimedOut, DelayReason::Lost, DelayReason::Protocol]
        {
            let outcome = DeliveryOutcome::Delayed { reason, reply: None };
            assert_eq!(into_result(outcome), Err(DeliveryProblem::Unreachable));
        }
        // A host that does not talk to us at all says nothing about this mail, even with 5yz.
        let turned_away = HostReply { code: 554, enhanced: None };
        let outcome = DeliveryOutcome::Delayed { reason: DelayReason::NotWelcome, reply: Some(turned_away) };
        assert_eq!(into_result(outcome), Err(DeliveryProblem::HostBusy { code: 554 }));
    }

    #[test]
    fn what_a_host_says_is_told_apart() {
        let problem = |code: u16, enhanced: Option<(u16, u16)>| {
            let enhanced = enhanced.map(|(subject, detail)| EnhancedCode(code / 100, subject, detail));
            let reply = HostReply { code, enhanced };
            if code >= 500 { refusal(reply) } else { delay(DelayReason::ToldLater, Some(reply)) }
        };
        for (code, enhanced, expected) in [
            (421, Some((4, 2)), DeliveryProblem::HostBusy { code: 421 }),
            (451, Some((3, 0)), DeliveryProblem::HostBusy { code: 451 }),
            (450, None, DeliveryProblem::Greylisted { code: 450 }),
            (450, Some((2, 0)), DeliveryProblem::Greylisted { code: 450 }),
            (451, Some((7, 1)), DeliveryProblem::Greylisted { code: 451 }),
            (452, Some((2, 2)), DeliveryProblem::MailboxFull { code: 452 }),
            (452, None, DeliveryProblem::MailboxFull { code: 452 }),
            (452, Some((3, 1)), DeliveryProblem::HostBusy { code: 452 }),
            (451, Some((4, 0)), DeliveryProblem::TryLater { code: 451 }),
            (550, Some((1, 1)), DeliveryProblem::UnknownRecipient { code: 550 }),
            (550, Some((7, 26)), DeliveryProblem::AgainstPolicy { code: 550 }),
            (552, Some((2, 2)), DeliveryProblem::Refused { code: 552 }),
            (550, None, DeliveryProblem::Refused { code: 550 }),
        ] {
            assert_eq!(problem(code, enhanced), expected, "{code} {enhanced:?}");
        }
    }
}
