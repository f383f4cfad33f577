//! The way out for mails: handed to a smart host over SMTP. One try; when to try again is the queue's to decide.

use async_trait::async_trait;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use thiserror::Error;

use super::tls::{CertificateError, read_chain};
use crate::app::ports::{Delivery, Dispatched, OutgoingMail};
use crate::config::{Config, RelayTls};
use crate::relay::queue::DeliveryProblem;
use crate::smtp::{
    ClientTls, ClientWaits, DelayReason, DeliveryOutcome, HostReply, Route, TlsRequirement, deliver,
};

/// "Try again later" without a word why (RFC 5321 section 4.2.2).
const LATER: u16 = 451;

/// Why no way out could be set up. The operator must act.
#[derive(Debug, Error)]
pub enum RelayError {
    /// No smart host is configured.
    #[error("[relay] needs a smart_host to hand mails to")]
    NoHost,
    /// The name that the host must prove is none.
    #[error("[relay] {name:?} is no name that a certificate can prove: set server_name")]
    ServerName {
        /// What was given.
        name: String,
    },
    /// The file of authorities cannot be used.
    #[error(transparent)]
    Authorities(#[from] CertificateError),
    /// The TLS library refuses.
    #[error("[relay] TLS cannot be set up: {0}")]
    Tls(#[from] rustls::Error),
}

/// A host that takes all mails of the gateway.
pub struct SmartHost {
    route: Route,
    tls: ClientTls,
}

impl SmartHost {
    /// As the configuration says.
    pub fn new(config: &Config) -> Result<Self, RelayError> {
        let relay = &config.relay;
        let host = relay.smart_host.clone().ok_or(RelayError::NoHost)?;
        let name = relay.server_name.clone().unwrap_or_else(|| host.clone());
        let server_name = ServerName::try_from(name.clone()).map_err(|_| RelayError::ServerName { name })?;
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        if let Some(path) = &relay.authorities {
            roots.add_parsable_certificates(read_chain(path)?);
        }
        let tls = match relay.tls {
            RelayTls::None => TlsRequirement::None,
            RelayTls::Opportunistic => TlsRequirement::Opportunistic,
            RelayTls::Required => TlsRequirement::Required,
        };
        let helo = config.smtp.hostname.clone();
        let waits = ClientWaits::default();
        let route = Route { host, port: relay.port, tls, server_name, helo, waits };
        Ok(Self { route, tls: ClientTls::new(roots)? })
    }
}

#[async_trait]
impl Delivery for SmartHost {
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        let outcome = deliver(&self.route, &self.tls, Some(mail.from), mail.to, mail.message).await;
        into_result(outcome)
    }
}

fn into_result(outcome: DeliveryOutcome) -> Result<Dispatched, DeliveryProblem> {
    match outcome {
        DeliveryOutcome::Accepted { tls, .. } => Ok(Dispatched { tls }),
        DeliveryOutcome::Delayed { reason, reply } => Err(delay(reason, reply)),
        DeliveryOutcome::Refused(reply) => Err(DeliveryProblem::Refused { code: reply.code }),
        DeliveryOutcome::Unsendable(_) => Err(DeliveryProblem::Broken),
    }
}

fn delay(reason: DelayReason, reply: Option<HostReply>) -> DeliveryProblem {
    match (reason, reply) {
        (DelayReason::TlsNotOffered | DelayReason::TlsFailed | DelayReason::TlsInjected, _) => {
            DeliveryProblem::TlsRequired
        }
        (_, Some(reply)) => DeliveryProblem::TryLater { code: reply.code },
        (DelayReason::ToldLater, None) => DeliveryProblem::TryLater { code: LATER },
        _ => DeliveryProblem::Unreachable,
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
        assert_eq!(into_result(outcome), Err(DeliveryProblem::TryLater { code: 554 }));
    }
}
