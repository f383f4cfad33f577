//! Mails handed to the mail hosts of their domain: which host (RFC 5321 section 5.1, RFC 7505), and how sure of it TLS must
//! be (DANE: RFC 7672; MTA-STS: RFC 8461 section 5). Real zones, real connections.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::path::Path;
use std::sync::{Arc, Mutex};

use arc_swap::ArcSwap;
use async_trait::async_trait;
use aws_lc_rs::digest::{SHA256, digest};
use pli::app::ports::{Delivery, Dispatched, KeptPolicies, OutgoingMail, Random};
use pli::config::{Config, InitialFile};
use pli::relay::mta_sts::{KeptStsPolicy, StsMode, StsPolicy};
use pli::relay::queue::{DeliveryProblem, Protection};
use pli::serve::MailRelay;
use pli::smtp::{
    ListenerConfig, ListenerLimits, ListenerTls, MailHandler, MailOutcome, ReceivedMail, RecipientAnswer,
    RecipientRole, Recipients, serve,
};
use pli::store::SystemRandom;
use pli::value::{Domain, MailAddress, MailId, MailboxId, Timestamp};
use rustls::pki_types::{CertificateDer, PrivatePkcs8KeyDer};
use tokio::net::TcpListener;
use tokio_util::sync::CancellationToken;

use crate::signed_names::NameServer;

/// Takes every mail, and keeps who it was for and whether it came over TLS.
#[derive(Default)]
struct Taken(Mutex<Vec<(String, bool)>>);

impl Recipients for Taken {
    fn judge(&self, _address: &MailAddress) -> RecipientAnswer {
        RecipientAnswer::Accepted(RecipientRole::Deposit(MailboxId::new([1; 16])))
    }
}

#[async_trait]
impl MailHandler for Taken {
    async fn handle(&self, mail: ReceivedMail) -> MailOutcome {
        self.0.lock().unwrap().push((mail.recipient.addressee.address.to_string(), mail.tls.is_some()));
        MailOutcome::Noted
    }
}

/// Mail hosts on addresses of the loopback net, all at one port.
struct Hosts {
    port: u16,
    taken: BTreeMap<u8, Arc<Taken>>,
    stop: CancellationToken,
}

impl Drop for Hosts {
    fn drop(&mut self) {
        self.stop.cancel();
    }
}

impl Hosts {
    /// 127.0.0.n for each n; those with a certificate offer STARTTLS.
    async fn start(hosts: &[(u8, Option<&Own>)]) -> Self {
        let first = TcpListener::bind((Ipv4Addr::new(127, 0, 0, 99), 0)).await.unwrap();
        let (port, stop) = (first.local_addr().unwrap().port(), CancellationToken::new());
        let mut taken = BTreeMap::new();
        for (n, own) in hosts {
            let listener = TcpListener::bind((Ipv4Addr::new(127, 0, 0, *n), port)).await.unwrap();
            let keeps = Arc::new(Taken::default());
            let tls = own.map_or(ListenerTls::Off, |own| ListenerTls::StartTls(own.server.clone()));
            let hostname = Domain::parse("mx.example").unwrap();
            let limits = ListenerLimits::default();
            let offers_requiretls = true;
            let config = ListenerConfig { hostname, tls, requires_tls: false, offers_requiretls, limits };
            tokio::spawn(serve(listener, config, keeps.clone(), stop.clone()));
            taken.insert(*n, keeps);
        }
        Self { port, taken, stop }
    }

    /// What a host was given: for whom, and whether over TLS.
    fn taken(&self, n: u8) -> Vec<(String, bool)> {
        std::mem::take(&mut *self.taken[&n].0.lock().unwrap())
    }
}

/// A certificate that vouches for itself.
struct Own {
    server: Arc<ArcSwap<rustls::ServerConfig>>,
    der: CertificateDer<'static>,
    pem: String,
    key_digest: String,
}

fn own(name: &str) -> Own {
    let made = rcgen::generate_simple_self_signed(vec![name.to_owned()]).unwrap();
    let key = PrivatePkcs8KeyDer::from(made.signing_key.serialize_der());
    let der = made.cert.der().clone();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let server = rustls::ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_no_client_auth()
        .with_single_cert(vec![der.clone()], key.into())
        .unwrap();
    let parsed = rustls::server::ParsedCertificate::try_from(&der).unwrap();
    let key_digest = digest(&SHA256, &parsed.subject_public_key_info());
    let key_digest =
        key_digest.as_ref().iter().map(|byte| format!("{byte:02x}")).collect::<Vec<_>>().concat();
    Own { server: Arc::new(ArcSwap::from_pointee(server)), der, pem: made.cert.pem(), key_digest }
}

fn relay(names: &NameServer, port: u16, settings: &str, dnssec: bool) -> MailRelay {
    let initial = InitialFile {
        base_url: "https://pli.example".into(),
        http_listen: "localhost:8443".into(),
        smtp_listen: "localhost:2525".into(),
        hostname: "pli.example".into(),
        mail_domain: "pli.example".into(),
        recovery: None,
        demo: false,
    };
    let anchor = names.trust_anchor.display();
    let dns = format!("servers = [\"{}\"]\ndnssec = {dnssec}\ntrust_anchor = \"{anchor}\"", names.address);
    let text = initial.text().replacen("# servers = []", &dns, 1);
    let text =
        text.replacen("smart_host = \"localhost\"", &format!("direct = true\nport = {port}\n{settings}"), 1);
    let random: Arc<dyn Random> = Arc::new(SystemRandom);
    MailRelay::new(&Config::parse(&text, Path::new("/")).unwrap(), random).unwrap()
}

async fn send(relay: &MailRelay, domain: &str) -> Result<Dispatched, DeliveryProblem> {
    send_as(relay, domain, false).await
}

async fn send_as(relay: &MailRelay, domain: &str, requires_tls: bool) -> Result<Dispatched, DeliveryProblem> {
    let from = MailAddress::parse("retour@pli.example").unwrap();
    let to = MailAddress::parse(&format!("boite@{domain}")).unwrap();
    let protection = if requires_tls { Protection::ToHost } else { Protection::Usual };
    let message = b"Subject: x\r\n\r\nBonjour\r\n";
    relay
        .deliver(OutgoingMail { id: MailId::new([1; 16]), from: Some(&from), to: &to, message, protection })
        .await
}

const NO_STS: &str = "mta_sts = false\ntls = \"opportunistic\"";

#[tokio::test(flavor = "multi_thread")]
async fn rfc5321_5_1_mail_goes_to_the_preferred_host_that_answers_and_never_in_a_circle() {
    let hosts = Hosts::start(&[(11, None), (12, None), (13, None)]).await;
    let names = NameServer::start(
        "h11 IN A 127.0.0.11\nh12 IN A 127.0.0.12\nh14 IN A 127.0.0.14\npli IN A 127.0.0.15\n\
         order IN MX 20 h12\norder IN MX 10 h11\nfallback IN MX 10 h14\nfallback IN MX 20 h12\n\
         equal IN MX 10 h11\nequal IN MX 10 h12\nimplicit IN A 127.0.0.13\nalias IN CNAME order\n\
         nothing IN TXT \"no mail\"\nnull IN MX 0 .\ncircle IN MX 10 pli\ncircle IN MX 20 h12\n\
         backup IN MX 10 h11\nbackup IN MX 20 pli\nbackup IN MX 30 h12\n",
        "@ IN A 127.0.0.13\n",
        None,
    );
    for dnssec in [false, true] {
        let relay = relay(&names, hosts.port, NO_STS, dnssec);
        for (domain, host) in [
            ("order.example", 11),
            ("fallback.example", 12),
            ("implicit.example", 13),
            ("alias.example", 11),
            ("backup.example", 11),
            ("unsigned.example", 13),
        ] {
            send(&relay, domain)
                .await
                .unwrap_or_else(|problem| panic!("{domain} dnssec={dnssec}: {problem:?}"));
            assert_eq!(hosts.taken(host), [(format!("boite@{domain}"), false)], "{domain}");
        }
        for (domain, problem) in [
            ("null.example", DeliveryProblem::NoMailDomain),
            ("nothing.example", DeliveryProblem::NoMailDomain),
            ("nowhere.example", DeliveryProblem::NoMailDomain),
            ("circle.example", DeliveryProblem::Loop),
            ("pli.example", DeliveryProblem::Loop),
        ] {
            assert_eq!(send(&relay, domain).await, Err(problem), "{domain} dnssec={dnssec}");
        }
        for _ in 0..24 {
            send(&relay, "equal.example").await.unwrap();
        }
        let (one, other) = (hosts.taken(11).len(), hosts.taken(12).len());
        assert_eq!(one + other, 24);
        assert!(one > 0 && other > 0, "equals share the load: {one} and {other}");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc7672_a_host_that_its_signed_records_name_gets_the_mail_and_no_other_does() {
    let (good, bad, plain) = (own("h21.example"), own("h22.example"), own("whoever.example"));
    let hosts = Hosts::start(&[(21, Some(&good)), (22, Some(&bad)), (23, None), (24, Some(&plain))]).await;
    let (port, right) = (hosts.port, &good.key_digest);
    let hosts_of = "h21 IN A 127.0.0.21\nh22 IN A 127.0.0.22\nh23 IN A 127.0.0.23\nh24 IN A 127.0.0.24\nh25 IN A 127.0.0.25\n";
    let signed = format!(
        "{hosts_of}_{port}._tcp.h21 IN TLSA 3 1 1 {right}\n_{port}._tcp.h22 IN TLSA 3 1 1 {right}\n\
         _{port}._tcp.h23 IN TLSA 3 1 1 {right}\n_{port}._tcp.h24 IN TLSA 0 0 1 {right}\n\
         right IN MX 10 h21\nwrong IN MX 10 h22\nbare IN MX 10 h23\nunusable IN MX 10 h24\n\
         second IN MX 10 h22\nsecond IN MX 20 h21\nforged IN MX 10 h25\n"
    );
    let unsigned = format!("@ IN MX 10 h\nh IN A 127.0.0.24\n_{port}._tcp.h IN TLSA 3 1 1 {right}\n");
    // Somebody turns the mail of one domain to a host of theirs, which would take it.
    let names = NameServer::start(&signed, &unsigned, Some(("127.0.0.25", "127.0.0.24")));
    let relay = relay(&names, port, NO_STS, true);

    assert!(send(&relay, "right.example").await.unwrap().tls.is_some());
    assert_eq!(hosts.taken(21), [("boite@right.example".to_owned(), true)]);
    assert_eq!(send(&relay, "wrong.example").await, Err(DeliveryProblem::TlsRequired), "another certificate");
    assert_eq!(
        send(&relay, "bare.example").await,
        Err(DeliveryProblem::TlsRequired),
        "no STARTTLS: never in clear"
    );
    assert!(send(&relay, "second.example").await.unwrap().tls.is_some());
    assert_eq!(hosts.taken(21), [("boite@second.example".to_owned(), true)], "the next host is as good");
    assert_eq!(send(&relay, "forged.example").await, Err(DeliveryProblem::NamesUnavailable));
    assert!(
        send(&relay, "unusable.example").await.unwrap().tls.is_some(),
        "records of no use: TLS, unproved"
    );
    assert!(send(&relay, "unsigned.example").await.unwrap().tls.is_some(), "unsigned records are none");
    assert_eq!(send_as(&relay, "unsigned.example", true).await, Err(DeliveryProblem::TlsRequired));
    assert!(send_as(&relay, "right.example", true).await.is_ok(), "a proof by DANE is one");
    for host in [22, 23] {
        assert_eq!(hosts.taken(host), [], "127.0.0.{host}");
    }
}

/// A policy that was fetched.
struct Kept(StsPolicy);

#[async_trait]
impl KeptPolicies for Kept {
    async fn kept(&self, domain: &Domain) -> Option<KeptStsPolicy> {
        Some(KeptStsPolicy::new(domain.clone(), "1".into(), self.0.clone(), Timestamp(0)))
    }

    async fn keep(&self, _domain: &Domain, _id: String, _policy: &StsPolicy) {}
}

#[tokio::test(flavor = "multi_thread")]
async fn rfc8461_5_a_policy_that_is_enforced_is_obeyed_and_one_that_is_tested_is_not() {
    let known = own("h31.example");
    let hosts = Hosts::start(&[(31, Some(&known)), (32, None)]).await;
    let names = NameServer::start(
        "h31 IN A 127.0.0.31\nh32 IN A 127.0.0.32\na IN MX 10 h31\nb IN MX 10 h32\nc IN MX 10 h32\nc IN MX 20 h31\n",
        "",
        None,
    );
    let place = tempfile::tempdir().unwrap();
    let authorities = place.path().join("authorities.pem");
    std::fs::write(&authorities, &known.pem).unwrap();
    assert!(!known.der.is_empty());
    let trusting = format!("tls = \"opportunistic\"\nauthorities = \"{}\"", authorities.display());
    let with = |settings: &str, mode, host: &str| {
        let relay = relay(&names, hosts.port, settings, false);
        relay.keep_policies_in(Arc::new(Kept(StsPolicy { mode, hosts: vec![host.into()], max_age: 86_400 })));
        relay
    };
    let enforced = with(&trusting, StsMode::Enforce, "*.example");
    assert!(send(&enforced, "a.example").await.unwrap().tls.is_some());
    assert_eq!(send(&enforced, "b.example").await, Err(DeliveryProblem::TlsRequired), "it offers no TLS");
    assert!(send(&enforced, "c.example").await.is_ok(), "the next host obeys");
    let other_host = with(&trusting, StsMode::Enforce, "mx.example");
    assert_eq!(send(&other_host, "a.example").await, Err(DeliveryProblem::TlsRequired), "it is not named");
    let distrusting = with("tls = \"opportunistic\"", StsMode::Enforce, "*.example");
    assert_eq!(
        send(&distrusting, "a.example").await,
        Err(DeliveryProblem::TlsRequired),
        "nobody vouches for it"
    );
    assert_eq!(hosts.taken(32), []);
    let tested = with("tls = \"opportunistic\"", StsMode::Testing, "mx.example");
    assert!(send(&tested, "b.example").await.unwrap().tls.is_none());
    assert_eq!(hosts.taken(31).len(), 2);
}

#[tokio::test(flavor = "multi_thread")]
async fn a_domain_has_its_own_route_and_a_name_from_the_dns_alone_proves_nothing() {
    let (within, elsewhere) = (own("mx.within.example"), own("h42.example"));
    let hosts = Hosts::start(&[(41, Some(&within)), (42, Some(&elsewhere))]).await;
    let names = NameServer::start(
        "mx.within IN A 127.0.0.41\nwithin IN MX 10 mx.within\nh42 IN A 127.0.0.42\nhosted IN MX 10 h42\nnamed IN MX 10 h42\n",
        "",
        None,
    );
    let place = tempfile::tempdir().unwrap();
    let authorities = place.path().join("authorities.pem");
    std::fs::write(&authorities, format!("{}{}", within.pem, elsewhere.pem)).unwrap();
    let settings = format!(
        "mta_sts = false\nauthorities = \"{}\"\ndomains = [{{ domain = \"named.example\", server_name = \"h42.example\" }}, \
         {{ domain = \"own.example\", host = \"127.0.0.42\", server_name = \"h42.example\" }}]",
        authorities.display()
    );
    let relay = relay(&names, hosts.port, &settings, false);
    assert!(send(&relay, "within.example").await.is_ok());
    assert_eq!(send(&relay, "hosted.example").await, Err(DeliveryProblem::TlsRequired));
    assert!(send(&relay, "named.example").await.is_ok(), "the operator says which name is the right one");
    assert!(send(&relay, "own.example").await.is_ok());
    let to = |name: &str| relay.destination(&Domain::parse(name).unwrap()).to_string();
    assert_eq!(to("own.example"), format!("127.0.0.42:{}", hosts.port));
    assert_eq!(to("within.example"), "within.example");
}
