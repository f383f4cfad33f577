//! Which host gets a domain's mail and how sure of it TLS must be: a route of the configuration, or the mail hosts that the
//! DNS names (RFC 5321 section 5.1), each under the strictest of DANE (RFC 7672), MTA-STS (RFC 8461) and the configuration.

use std::collections::HashMap;
use std::net::{IpAddr, SocketAddr};
use std::sync::Arc;

use futures_util::future::join_all;
use rustls::pki_types::ServerName;

use super::sts::StsPolicies;
use crate::app::ports::Random;
use crate::config::{RelaySection, RelayTls};
use crate::relay::destination::Destination;
use crate::relay::mta_sts::{StsMode, StsPolicy};
use crate::relay::queue::DeliveryProblem;
use crate::smtp::{ClientWaits, MailHosts, Names, NamesError, Route, TlsRequirement};
use crate::value::Domain;

/// Mail hosts of a domain that one delivery tries.
const HOSTS_TRIED: usize = 5;

/// How the mail of a domain leaves.
#[derive(Debug, Clone)]
pub(super) struct Way {
    /// The host that it is handed to; none when the DNS names them.
    host: Option<String>,
    port: u16,
    tls: RelayTls,
    server_name: Option<String>,
    clear_after_broken_starttls: bool,
}

impl Way {
    fn of(relay: &RelaySection) -> Self {
        Self {
            host: relay.smart_host.clone(),
            port: relay.port,
            tls: relay.tls,
            server_name: relay.server_name.clone(),
            clear_after_broken_starttls: relay.clear_after_broken_starttls,
        }
    }
}

/// The ways out.
pub(super) struct Routes {
    default: Way,
    domains: HashMap<String, Way>,
    /// None when no mail is routed by them.
    names: Option<Names>,
    sts: Option<StsPolicies>,
    helo: Domain,
    /// Addresses at which this gateway takes mail.
    own_port: Option<u16>,
    own_domain: Domain,
    random: Arc<dyn Random>,
}

/// What routes are made of beside the configuration.
pub(super) struct RouteParts {
    pub(super) names: Option<Names>,
    pub(super) sts: Option<StsPolicies>,
    pub(super) helo: Domain,
    pub(super) own_domain: Domain,
    pub(super) listen: String,
    pub(super) random: Arc<dyn Random>,
}

impl Routes {
    /// As the configuration says.
    pub(super) fn new(relay: &RelaySection, parts: RouteParts) -> Self {
        let default = Way::of(relay);
        let domains = relay.domains.iter().map(|own| {
            let host = if own.direct { None } else { own.host.clone().or_else(|| default.host.clone()) };
            let server_name = own.server_name.clone();
            let way = Way {
                // A host of its own proves its own name.
                server_name: if own.host.is_some() || own.direct {
                    server_name
                } else {
                    server_name.or(default.server_name.clone())
                },
                host,
                port: own.port.unwrap_or(default.port),
                tls: own.tls.unwrap_or(default.tls),
                clear_after_broken_starttls: own
                    .clear_after_broken_starttls
                    .unwrap_or(default.clear_after_broken_starttls),
            };
            (own.domain.as_str().to_owned(), way)
        });
        Self {
            domains: domains.collect(),
            default,
            names: parts.names,
            sts: parts.sts,
            helo: parts.helo,
            own_port: parts.listen.rsplit_once(':').and_then(|(_, port)| port.parse().ok()),
            own_domain: parts.own_domain,
            random: parts.random,
        }
    }

    fn way(&self, domain: &Domain) -> &Way {
        self.domains.get(domain.as_str()).unwrap_or(&self.default)
    }

    /// Mails for the same destination share its fate.
    pub(super) fn destination(&self, domain: &Domain) -> Destination {
        let way = self.way(domain);
        way.host
            .as_ref()
            .map_or_else(|| Destination::domain(domain), |host| Destination::host(host, way.port))
    }

    pub(super) fn sts(&self) -> Option<&StsPolicies> {
        self.sts.as_ref()
    }

    /// The hosts to try, in this order. With `requires_tls` none that need not prove its name.
    pub(super) async fn to(
        &self,
        domain: &Domain,
        requires_tls: bool,
    ) -> Result<Vec<Route>, DeliveryProblem> {
        let way = self.way(domain);
        match &way.host {
            Some(host) => Ok(vec![self.to_host(way, host, requires_tls)?]),
            None => self.to_mail_hosts(way, domain, requires_tls).await,
        }
    }

    fn to_host(&self, way: &Way, host: &str, requires_tls: bool) -> Result<Route, DeliveryProblem> {
        let name = server_name(way.server_name.as_deref().unwrap_or(host))?;
        let tls = configured(way.tls, requires_tls);
        Ok(self.route(way, host.to_owned(), Vec::new(), tls, (name.clone(), vec![name])))
    }

    fn route(
        &self,
        way: &Way,
        host: String,
        addresses: Vec<IpAddr>,
        tls: TlsRequirement,
        (server_name, names): (ServerName<'static>, Vec<ServerName<'static>>),
    ) -> Route {
        Route {
            host,
            addresses,
            port: way.port,
            tls,
            server_name,
            names,
            clear_after_broken_starttls: way.clear_after_broken_starttls,
            helo: self.helo.clone(),
            waits: ClientWaits::default(),
        }
    }

    async fn to_mail_hosts(
        &self,
        way: &Way,
        domain: &Domain,
        requires_tls: bool,
    ) -> Result<Vec<Route>, DeliveryProblem> {
        if *domain == self.own_domain {
            return Err(DeliveryProblem::Loop);
        }
        let names = self.names.as_ref().ok_or(DeliveryProblem::NamesUnavailable)?;
        let MailHosts { hosts, proved } = names.mail_hosts(domain).await.map_err(problem)?;
        let policy = match &self.sts {
            Some(sts) => sts.policy(domain, names).await,
            None => None,
        };
        let hosts = self.in_order(hosts)?;
        let target = Target { way, names, domain, proved, policy: policy.as_ref(), requires_tls };
        let prepared = join_all(hosts.iter().take(HOSTS_TRIED).map(|host| self.prepare(&target, host))).await;
        let mut last = DeliveryProblem::Unreachable;
        let mut routes = Vec::new();
        for route in prepared {
            match route {
                Ok(route) => routes.push(route),
                Err(problem) => last = problem,
            }
        }
        if routes.is_empty() { Err(last) } else { Ok(routes) }
    }

    /// In the order of preference, equals shuffled; without ourselves and whatever is preferred no more than we are
    /// (RFC 5321 section 5.1).
    fn in_order(&self, hosts: Vec<(u16, Domain)>) -> Result<Vec<Domain>, DeliveryProblem> {
        let ours =
            hosts.iter().filter(|(_, host)| *host == self.helo).map(|(preference, _)| *preference).min();
        let kept = hosts.into_iter().filter(|(preference, _)| ours.is_none_or(|ours| *preference < ours));
        let mut keyed: Vec<_> =
            kept.map(|(preference, host)| (preference, self.random.bytes::<8>(), host)).collect();
        keyed.sort_by_key(|(preference, chance, _)| (*preference, *chance));
        let hosts: Vec<Domain> = keyed.into_iter().map(|(_, _, host)| host).collect();
        if hosts.is_empty() { Err(DeliveryProblem::Loop) } else { Ok(hosts) }
    }

    /// One mail host: its addresses, and how sure of it TLS must be.
    async fn prepare(&self, target: &Target<'_>, host: &Domain) -> Result<Route, DeliveryProblem> {
        let found = target.names.addresses(host).await.map_err(|_| DeliveryProblem::NamesUnavailable)?;
        let addresses: Vec<IpAddr> = found
            .addresses
            .into_iter()
            .filter(|address| !self.is_own(SocketAddr::new(*address, target.way.port)))
            .collect();
        if addresses.is_empty() {
            return Err(DeliveryProblem::Unreachable);
        }
        let own_name = server_name(host.as_str())?;
        let mut names = vec![own_name.clone()];
        if target.proved && found.proved {
            // RFC 7672 section 2.2.2: where an alias leads, and where it starts.
            for base in found.alias.iter().chain([host]) {
                match target.names.tlsa(base, target.way.port).await {
                    // Neither a failure nor a forgery lets the mail go less safely.
                    Err(_) => return Err(DeliveryProblem::TlsRequired),
                    Ok(None) => {}
                    Ok(Some(records)) if records.is_empty() => {
                        let tls = match target.without_dane(host)? {
                            TlsRequirement::None | TlsRequirement::Opportunistic => TlsRequirement::Encrypted,
                            stricter => stricter,
                        };
                        return Ok(self.verified(target, host, addresses, tls));
                    }
                    Ok(Some(records)) => {
                        // Section 3.2.2: the host's name, and the domain's.
                        names.push(server_name(target.domain.as_str())?);
                        let sni = server_name(base.as_str())?;
                        names.push(sni.clone());
                        let tls = TlsRequirement::Dane(records.into());
                        return Ok(self.route(target.way, host.to_string(), addresses, tls, (sni, names)));
                    }
                }
            }
        }
        let tls = target.without_dane(host)?;
        Ok(self.verified(target, host, addresses, tls))
    }

    /// A host whose name authorities vouch for, where it must prove one. The DNS alone does not say which: anybody on the way
    /// could have named the host. So it must lie in the domain, be proved by DNSSEC or a policy, be named in the
    /// configuration, or show the domain's own name.
    fn verified(
        &self,
        target: &Target<'_>,
        host: &Domain,
        addresses: Vec<IpAddr>,
        tls: TlsRequirement,
    ) -> Route {
        let sni = server_name(host.as_str());
        let domain = target.domain.as_str();
        let mut names = Vec::new();
        let within = host.as_str() == domain
            || host.as_str().strip_suffix(domain).is_some_and(|rest| rest.ends_with('.'));
        if within || target.proved || target.enforces() {
            names.extend(sni.clone());
        }
        if !target.enforces() {
            names.extend(target.way.server_name.as_deref().map(server_name).into_iter().flatten());
            names.extend(server_name(domain));
        }
        let sni = sni.unwrap_or(ServerName::IpAddress(std::net::Ipv4Addr::UNSPECIFIED.into()));
        self.route(target.way, host.to_string(), addresses, tls, (sni, names))
    }

    fn is_own(&self, address: SocketAddr) -> bool {
        self.own_port == Some(address.port()) && (address.ip().is_loopback() || address.ip().is_unspecified())
    }
}

/// What the hosts of a domain are judged by.
struct Target<'a> {
    way: &'a Way,
    names: &'a Names,
    domain: &'a Domain,
    /// Whether DNSSEC proves which hosts they are.
    proved: bool,
    policy: Option<&'a StsPolicy>,
    requires_tls: bool,
}

impl Target<'_> {
    fn enforces(&self) -> bool {
        self.policy.is_some_and(|policy| policy.mode == StsMode::Enforce)
    }

    /// What MTA-STS and the configuration demand of a host, the stricter of both.
    fn without_dane(&self, host: &Domain) -> Result<TlsRequirement, DeliveryProblem> {
        if let Some(policy) = self.policy
            && !policy.names(host)
        {
            tracing::warn!(domain = %self.domain, %host, mode = ?policy.mode, "relay.host_not_in_policy");
            if self.enforces() {
                return Err(DeliveryProblem::TlsRequired);
            }
        }
        if self.enforces() {
            Ok(TlsRequirement::Required)
        } else {
            Ok(configured(self.way.tls, self.requires_tls))
        }
    }
}

const fn configured(tls: RelayTls, requires_tls: bool) -> TlsRequirement {
    match tls {
        RelayTls::Required => TlsRequirement::Required,
        _ if requires_tls => TlsRequirement::Required,
        RelayTls::None => TlsRequirement::None,
        RelayTls::Opportunistic => TlsRequirement::Opportunistic,
    }
}

const fn problem(error: NamesError) -> DeliveryProblem {
    match error {
        NamesError::NoAnswer => DeliveryProblem::NamesUnavailable,
        NamesError::NoMail => DeliveryProblem::NoMailDomain,
    }
}

fn server_name(name: &str) -> Result<ServerName<'static>, DeliveryProblem> {
    ServerName::try_from(name.to_owned()).map_err(|_| DeliveryProblem::Broken)
}
