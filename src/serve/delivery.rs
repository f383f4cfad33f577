//! The way out for mails: handed to a smart host over SMTP. One try; when to try again is the queue's to decide.

use async_trait::async_trait;
use rustls::RootCertStore;
use rustls::pki_types::ServerName;
use thiserror::Error;

use super::tls::{CertificateError, read_chain};
use crate::app::ports::{Delivery, Dispatched, OutgoingMail};
use crate::config::{Config, RelayTls};
use crate::relay::destination::Destination;
use crate::relay::queue::DeliveryProblem;
use crate::smtp::{
    ClientTls, ClientWaits, Connections, DelayReason, DeliveryOutcome, EnhancedCode, HostReply, Route,
    SentMail, TlsRequirement,
};
use crate::value::Domain;

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
    connections: Connections,
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
        let route = Route {
            host,
            addresses: Vec::new(),
            port: relay.port,
            tls,
            server_name,
            other_names: Vec::new(),
            clear_after_broken_starttls: false,
            helo,
            waits,
        };
        Ok(Self { route, connections: Connections::new(ClientTls::new(roots)?) })
    }
}

#[async_trait]
impl Delivery for SmartHost {
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        let sent =
            SentMail { from: Some(mail.from), to: mail.to, message: mail.message, requires_tls: false };
        into_result(self.connections.deliver(&self.route, sent).await)
    }

    fn destination(&self, _domain: &Domain) -> Destination {
        Destination::host(&self.route.host, self.route.port)
    }
}

fn into_result(outcome: DeliveryOutcome) -> Result<Dispatched, DeliveryProblem> {
    match outcome {
        DeliveryOutcome::Accepted { tls, .. } => Ok(Dispatched { tls }),
        DeliveryOutcome::Delayed { reason, reply } => Err(delay(reason, reply)),
        DeliveryOutcome::Refused(reply) => Err(refusal(reply)),
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
