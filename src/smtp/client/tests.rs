//! The conversation with the next host, real and faked.

use std::net::{Ipv4Addr, SocketAddr};
use std::sync::Mutex;

use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::task::JoinHandle;

use super::super::limits::ListenerLimits;
use super::super::listener::ListenerTls;
use super::super::testing::{Keeper, certificate, start, start_with};
use super::*;

const MESSAGE: &[u8] = b"Subject: x\r\n\r\nBonjour\r\n";

fn route(to: SocketAddr, tls: TlsRequirement) -> Route {
    Route {
        host: to.ip().to_string(),
        port: to.port(),
        tls,
        server_name: ServerName::try_from("mx.carsat.example").unwrap(),
        addresses: Vec::new(),
        names: vec![ServerName::try_from("mx.carsat.example").unwrap()],
        clear_after_broken_starttls: false,
        helo: Domain::parse("pli.carsat.example").unwrap(),
        // Long enough for any machine; a defect shows before the default would let it.
        waits: ClientWaits { whole: Duration::from_secs(30), ..ClientWaits::default() },
    }
}

fn address(text: &str) -> MailAddress {
    MailAddress::parse(text).unwrap()
}

fn no_roots() -> ClientTls {
    ClientTls::new(rustls::RootCertStore::empty()).unwrap()
}

async fn send(route: &Route, message: &[u8]) -> DeliveryOutcome {
    let (from, to) = (address("retour@pli.example"), address("depot@carsat.example"));
    let sent = SentMail { from: Some(&from), to: &to, message, protection: Protection::Usual };
    Connections::new(no_roots()).deliver(std::slice::from_ref(route), sent).await
}

/// A host that answers by rote and keeps every byte that it is told.
#[derive(Clone)]
struct FakeHost {
    greeting: &'static [u8],
    ehlo: &'static [u8],
    starttls: &'static [u8],
    reset: &'static [u8],
    mail: &'static [u8],
    rcpt: &'static [u8],
    data: &'static [u8],
    end: &'static [u8],
}

const WILLING: FakeHost = FakeHost {
    greeting: b"220 fake.example\r\n",
    ehlo: b"250-fake.example\r\n250-SIZE 1000000\r\n250 8BITMIME\r\n",
    starttls: b"502 no\r\n",
    reset: b"250 ok\r\n",
    mail: b"250 ok\r\n",
    rcpt: b"250 ok\r\n",
    data: b"354 go\r\n",
    end: b"250 2.0.0 taken\r\n",
};

impl FakeHost {
    /// Serves one connection; gives the bytes heard.
    async fn start(self) -> (SocketAddr, JoinHandle<Vec<u8>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let address = listener.local_addr().unwrap();
        let heard = tokio::spawn(async move {
            let (stream, _) = listener.accept().await.unwrap();
            self.converse(stream).await
        });
        (address, heard)
    }

    /// Serves connections one after the other; gives the bytes heard so far.
    async fn start_twice(self) -> (SocketAddr, Arc<Mutex<Vec<u8>>>) {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
        let (address, heard) = (listener.local_addr().unwrap(), Arc::new(Mutex::default()));
        let keeps = Arc::clone(&heard);
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let more = self.clone().converse(stream).await;
                Vec::extend(&mut *keeps.lock().unwrap(), more);
            }
        });
        (address, heard)
    }

    async fn converse(self, mut stream: TcpStream) -> Vec<u8> {
        let (mut heard, mut line_start, mut in_data) = (Vec::new(), 0, false);
        let _ = stream.write_all(self.greeting).await;
        let mut byte = [0];
        while stream.read(&mut byte).await.unwrap_or(0) == 1 {
            heard.push(byte[0]);
            let said = &heard[line_start..];
            if !said.ends_with(b"\r\n") || in_data && !heard.ends_with(b"\r\n.\r\n") {
                continue;
            }
            let answer = match () {
                () if in_data => self.end,
                () if said.starts_with(b"EHLO") => self.ehlo,
                () if said.starts_with(b"STARTTLS") => self.starttls,
                () if said.starts_with(b"RSET") => self.reset,
                () if said.starts_with(b"MAIL") => self.mail,
                () if said.starts_with(b"RCPT") => self.rcpt,
                () if said.starts_with(b"DATA") => self.data,
                () => b"221 bye\r\n",
            };
            in_data = !in_data && answer.starts_with(b"354");
            line_start = heard.len();
            let _ = stream.write_all(answer).await;
        }
        heard
    }
}

/// The outcome with this host, and what it heard.
async fn try_host(host: FakeHost, tls: TlsRequirement) -> (DeliveryOutcome, String) {
    let (at, heard) = host.start().await;
    let outcome = send(&route(at, tls), MESSAGE).await;
    (outcome, String::from_utf8_lossy(&heard.await.unwrap()).into_owned())
}

#[tokio::test]
async fn what_arrives_is_byte_for_byte_what_was_sent() {
    for (message, on_the_wire) in [
        ("a\r\n", "a\r\n.\r\n"),
        ("\r\n", "\r\n.\r\n"),
        ("a\r\n\r\n", "a\r\n\r\n.\r\n"),
        (".\r\n", "..\r\n.\r\n"),
        ("a\r\n.\r\nb\r\n", "a\r\n..\r\nb\r\n.\r\n"),
        ("..a\r\n.b.\r\n", "...a\r\n..b.\r\n.\r\n"),
        ("x: é\r\n", "x: é\r\n.\r\n"),
    ] {
        let (at, heard) = WILLING.start().await;
        let outcome = send(&route(at, TlsRequirement::None), message.as_bytes()).await;
        assert_eq!(outcome, DeliveryOutcome::Accepted { tls: None, code: 250 });
        let heard = String::from_utf8(heard.await.unwrap()).unwrap();
        let (_, after_data) = heard.split_once("DATA\r\n").unwrap();
        assert_eq!(after_data, on_the_wire, "{message:?}");
    }
}

/// RUSTSEC-2026-0561: lettre sends these as they are, and a lax host takes what follows for commands.
#[tokio::test]
async fn a_body_cannot_bring_commands_of_its_own() {
    let (at, heard) = WILLING.start().await;
    let route = route(at, TlsRequirement::None);
    for ending in ["\n.\n", "\n.\r\n", "\r.\r", "\r.\r\n", "\r\n.\n", "\r\n.\r", "\r\n\0.\r\n", "\n"] {
        let body = format!("Bonjour{ending}MAIL FROM:<evil@b.example>\r\n");
        let outcome = send(&route, body.as_bytes()).await;
        assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::LineEnding), "{ending:?}");
    }
    assert_eq!(send(&route, b"no end").await, DeliveryOutcome::Unsendable(Unsendable::LineEnding));
    // The host serves one connection only: this one.
    assert_eq!(send(&route, MESSAGE).await, DeliveryOutcome::Accepted { tls: None, code: 250 });
    assert!(!String::from_utf8(heard.await.unwrap()).unwrap().contains("evil"));
}

#[tokio::test]
async fn our_own_server_takes_a_mail_over_tls_from_a_client_that_requires_it() {
    let (keeper, certificate) = (Keeper::open(), certificate());
    let tls = ListenerTls::StartTls(certificate.server);
    let server = start(keeper.clone(), tls, ListenerLimits::default()).await;
    let roots = ClientTls::new(certificate.roots).unwrap();
    let to = address("depot@carsat.example");
    let route = route(server.address, TlsRequirement::Required);
    let message = b".Objet: \xc3\xa9t\xc3\xa9\r\n.\r\n";
    let sent = SentMail { from: None, to: &to, message, protection: Protection::Usual };
    match Connections::new(roots).deliver(&[route], sent).await {
        DeliveryOutcome::Accepted { tls: Some(tls), code: 250 } => {
            assert!(tls.starts_with("TLSv1.3 "), "{tls}");
        }
        other => panic!("{other:?}"),
    }
    let kept = keeper.kept.lock().unwrap();
    assert_eq!(kept[0].bytes.expose(), ".Objet: été\r\n.\r\n".as_bytes());
    assert_eq!((kept[0].from.as_ref(), kept[0].helo.as_str()), (None, "pli.carsat.example"));
    assert!(kept[0].tls.is_some());
}

/// RFC 8689 section 4.2.1: said where the host knows it; what others wrote goes to no host that does not.
#[tokio::test]
async fn requiretls_is_said_to_who_offers_it_and_what_must_go_on_so_goes_to_nobody_else() {
    for (offers, protection, goes) in [
        (true, Protection::Usual, true),
        (true, Protection::ToHost, true),
        (true, Protection::Onward, true),
        (false, Protection::ToHost, true),
        (false, Protection::Onward, false),
    ] {
        let (keeper, certificate) = (Keeper::open(), certificate());
        let tls = ListenerTls::StartTls(certificate.server);
        let server = start_with(keeper.clone(), tls, ListenerLimits::default(), offers).await;
        let connections = Connections::new(ClientTls::new(certificate.roots).unwrap());
        let (to, route) = (address("depot@carsat.example"), route(server.address, TlsRequirement::Required));
        let sent = SentMail { from: None, to: &to, message: MESSAGE, protection };
        let outcome = connections.deliver(&[route], sent).await;
        let told: Vec<bool> = keeper.kept.lock().unwrap().iter().map(|mail| mail.requires_tls).collect();
        if goes {
            assert!(matches!(outcome, DeliveryOutcome::Accepted { tls: Some(_), .. }), "{outcome:?}");
            assert_eq!(told, [offers && protection.requires_tls()], "{protection:?} offered: {offers}");
        } else {
            assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::NeedsRequireTls));
            assert!(told.is_empty(), "{told:?}");
        }
    }
}

#[tokio::test]
async fn what_must_go_on_protected_goes_to_the_next_host_when_the_first_does_not_promise_it() {
    let certificate = certificate();
    let mut servers = Vec::new();
    for offers in [false, true] {
        let keeper = Keeper::open();
        let tls = ListenerTls::StartTls(certificate.server.clone());
        servers.push((start_with(keeper.clone(), tls, ListenerLimits::default(), offers).await, keeper));
    }
    let connections = Connections::new(ClientTls::new(certificate.roots).unwrap());
    let to = address("depot@carsat.example");
    let sent = SentMail { from: None, to: &to, message: MESSAGE, protection: Protection::Onward };
    let mut routes: Vec<Route> =
        servers.iter().map(|(server, _)| route(server.address, TlsRequirement::Required)).collect();
    assert!(matches!(connections.deliver(&routes, sent).await, DeliveryOutcome::Accepted { .. }));
    let taken: Vec<usize> = servers.iter().map(|(_, keeper)| keeper.kept.lock().unwrap().len()).collect();
    assert_eq!(taken, [0, 1]);
    // One that does not answer now may promise it later: not for good.
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    routes[1] = route(dead.local_addr().unwrap(), TlsRequirement::Required);
    drop(dead);
    for _ in 0..2 {
        assert_eq!(connections.deliver(&routes, sent).await, delayed(DelayReason::Unreachable));
        routes.reverse();
    }
}

#[tokio::test]
async fn a_host_that_does_not_prove_its_name_gets_only_opportunistic_mail() {
    let (keeper, certificate) = (Keeper::open(), certificate());
    let tls = ListenerTls::StartTls(certificate.server);
    let server = start(keeper.clone(), tls, ListenerLimits::default()).await;
    let required = send(&route(server.address, TlsRequirement::Required), MESSAGE).await;
    assert_eq!(required, delayed(DelayReason::TlsFailed));
    assert!(keeper.kept.lock().unwrap().is_empty());
    let opportunistic = send(&route(server.address, TlsRequirement::Opportunistic), MESSAGE).await;
    assert!(matches!(opportunistic, DeliveryOutcome::Accepted { tls: Some(_), .. }), "{opportunistic:?}");
}

#[tokio::test]
async fn tls_required_never_goes_in_clear() {
    for starttls in [&b"502 no\r\n"[..], b"454 4.7.0 not now\r\n"] {
        for ehlo in [WILLING.ehlo, b"250-fake.example\r\n250 STARTTLS\r\n"] {
            let host = FakeHost { ehlo, starttls, ..WILLING };
            let (outcome, heard) = try_host(host, TlsRequirement::Required).await;
            let reason_is_tls =
                matches!(outcome, DeliveryOutcome::Delayed { reason: DelayReason::TlsNotOffered, .. });
            assert!(reason_is_tls, "{outcome:?}");
            assert!(!heard.contains("MAIL") && !heard.contains("Bonjour"), "{heard}");
        }
    }
}

#[tokio::test]
async fn opportunistic_goes_in_clear_to_a_host_without_tls_and_says_so() {
    let (outcome, _) = try_host(WILLING, TlsRequirement::Opportunistic).await;
    assert_eq!(outcome, DeliveryOutcome::Accepted { tls: None, code: 250 });
}

fn says(heard: &Mutex<Vec<u8>>, text: &str) -> bool {
    String::from_utf8_lossy(&heard.lock().unwrap()).contains(text)
}

/// Says that it does TLS, and does not.
const BROKEN: FakeHost = FakeHost { ehlo: b"250-fake.example\r\n250 STARTTLS\r\n", ..WILLING };

#[tokio::test]
async fn a_broken_starttls_delays_the_mail() {
    for starttls in [&b"454 4.7.0 not now\r\n"[..], b"220 go\r\nno TLS at all\r\n", b"220 go\r\n"] {
        let host = FakeHost { starttls, ..BROKEN };
        let (outcome, heard) = try_host(host, TlsRequirement::Opportunistic).await;
        assert!(matches!(outcome, DeliveryOutcome::Delayed { .. }), "{outcome:?}");
        assert!(!heard.contains("MAIL"), "{heard}");
    }
}

#[tokio::test]
async fn a_broken_starttls_lets_the_mail_go_in_clear_where_that_is_told_and_tls_is_not_required() {
    let dane = TlsRequirement::Dane(Arc::new([]));
    for (tls, goes) in
        [(TlsRequirement::Opportunistic, true), (TlsRequirement::Required, false), (dane, false)]
    {
        let host = FakeHost { starttls: b"454 4.7.0 not now\r\n", ..BROKEN };
        let (at, heard) = host.start_twice().await;
        let mut route = route(at, tls);
        route.clear_after_broken_starttls = true;
        let accepted = DeliveryOutcome::Accepted { tls: None, code: 250 };
        assert_eq!(send(&route, MESSAGE).await == accepted, goes);
        // The host tells what it heard once a connection is over.
        while goes && !says(&heard, "Bonjour") {
            tokio::task::yield_now().await;
        }
        assert!(goes || !says(&heard, "Bonjour"));
    }
}

#[tokio::test]
async fn bytes_injected_behind_the_go_ahead_for_tls_end_the_delivery() {
    let host = FakeHost {
        ehlo: b"250-fake.example\r\n250 STARTTLS\r\n",
        starttls: b"220 go\r\n250-fake.example\r\n250 AUTH PLAIN\r\n",
        ..WILLING
    };
    for tls in [TlsRequirement::Required, TlsRequirement::Opportunistic] {
        let (outcome, heard) = try_host(host.clone(), tls).await;
        assert_eq!(outcome, delayed(DelayReason::TlsInjected));
        assert!(heard.ends_with("STARTTLS\r\n"), "{heard:?}");
    }
}

#[tokio::test]
async fn what_a_host_says_decides_who_must_act() {
    let refused = |code, enhanced| DeliveryOutcome::Refused(HostReply { code, enhanced });
    let delayed = |reason, code, enhanced| DeliveryOutcome::Delayed {
        reason,
        reply: Some(HostReply { code, enhanced }),
    };
    let cases = [
        (FakeHost { rcpt: b"550 5.1.1 unknown\r\n", ..WILLING }, refused(550, Some(EnhancedCode(5, 1, 1)))),
        (
            FakeHost { rcpt: b"550-5.2.1 a\r\n550 5.2.1 b\r\n", ..WILLING },
            refused(550, Some(EnhancedCode(5, 2, 1))),
        ),
        (FakeHost { end: b"554 r\xe9fus\xe9\r\n", ..WILLING }, refused(554, None)),
        (
            FakeHost { rcpt: b"450 4.2.0 greylisted\r\n", ..WILLING },
            delayed(DelayReason::ToldLater, 450, Some(EnhancedCode(4, 2, 0))),
        ),
        (
            FakeHost { mail: b"421 4.3.2 stopping\r\n", ..WILLING },
            delayed(DelayReason::ToldLater, 421, Some(EnhancedCode(4, 3, 2))),
        ),
        (FakeHost { end: b"452 full\r\n", ..WILLING }, delayed(DelayReason::ToldLater, 452, None)),
        (
            FakeHost { greeting: b"554 5.7.1 go away\r\n", ..WILLING },
            delayed(DelayReason::NotWelcome, 554, Some(EnhancedCode(5, 7, 1))),
        ),
        (FakeHost { ehlo: b"502 what?\r\n", ..WILLING }, delayed(DelayReason::NotWelcome, 502, None)),
    ];
    for (host, expected) in cases {
        let (outcome, _) = try_host(host, TlsRequirement::None).await;
        assert_eq!(outcome, expected);
    }
}

#[tokio::test]
async fn a_host_that_talks_nonsense_delays_the_mail_and_costs_no_memory() {
    const ENDLESS: &[u8] = &[b'2'; 512 * 1024];
    for host in [
        FakeHost { greeting: ENDLESS, ..WILLING },
        FakeHost { greeting: b"HTTP/1.1 400 Bad Request\r\n", ..WILLING },
        FakeHost { rcpt: ENDLESS, ..WILLING },
        FakeHost { data: b"250 ok\r\n", ..WILLING },
        FakeHost { end: b"354 more?\r\n", ..WILLING },
    ] {
        let (outcome, heard) = try_host(host, TlsRequirement::None).await;
        let nonsense = [delayed(DelayReason::Protocol), delayed(DelayReason::Lost)];
        assert!(nonsense.contains(&outcome), "{outcome:?} after {heard:?}");
    }
}

#[tokio::test]
async fn a_host_that_says_nothing_is_given_up_in_time() {
    let (at, _heard) = FakeHost { rcpt: b"", ..WILLING }.start().await;
    let mut route = route(at, TlsRequirement::None);
    route.waits.reply = Duration::from_millis(20);
    assert_eq!(send(&route, MESSAGE).await, delayed(DelayReason::TimedOut));
    let (at, _heard) = FakeHost { greeting: b"", ..WILLING }.start().await;
    route.port = at.port();
    route.waits = ClientWaits { whole: Duration::from_millis(20), ..ClientWaits::default() };
    assert_eq!(send(&route, MESSAGE).await, delayed(DelayReason::TimedOut));
}

/// RFC 5321 section 4.5.3.2: none of the waits is shorter than it says, and a host that takes its time at each step, by right,
/// is heard to its end.
#[test]
fn no_wait_is_shorter_than_rfc_5321_allows_a_host() {
    let (waits, minutes) = (ClientWaits::default(), Duration::from_mins);
    // 4.5.3.2.1 to .3: greeting, MAIL, RCPT, 5 minutes each; 4.5.3.2.4: DATA, 2 minutes. One wait serves them all.
    assert!(waits.reply >= minutes(5));
    // 4.5.3.2.6: 10 minutes after the final dot, whatever the message took before it.
    assert!(waits.message(0) >= minutes(10));
    let steps =
        [waits.connect, minutes(5), minutes(5), minutes(5), minutes(5), minutes(5), minutes(2), minutes(10)];
    assert!(
        waits.mail(0) >= steps.iter().sum::<Duration>(),
        "greeting, EHLO before and after TLS, MAIL, RCPT, DATA, the end"
    );
    let large = 50 * 1024 * 1024;
    let slow_line = Duration::from_secs(50 * 64);
    assert!(waits.message(large) >= minutes(10) + slow_line && waits.mail(large) >= minutes(42) + slow_line);
}

#[tokio::test]
async fn nobody_at_home_delays_the_mail() {
    let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let at = listener.local_addr().unwrap();
    drop(listener);
    let outcome = send(&route(at, TlsRequirement::None), MESSAGE).await;
    assert_eq!(outcome, delayed(DelayReason::Unreachable));
}

#[tokio::test]
async fn what_a_host_cannot_take_is_not_forced_on_it() {
    let plain = FakeHost { ehlo: b"250 fake.example\r\n", ..WILLING };
    let (at, heard) = plain.clone().start().await;
    let outcome = send(&route(at, TlsRequirement::None), "x: é\r\n".as_bytes()).await;
    assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::NeedsEightBitMime));
    assert!(!String::from_utf8(heard.await.unwrap()).unwrap().contains("MAIL"));
    let (at, _heard) = plain.start().await;
    let to = address("dépôt@carsat.example");
    let sent = SentMail { from: None, to: &to, message: MESSAGE, protection: Protection::Usual };
    let outcome = Connections::new(no_roots()).deliver(&[route(at, TlsRequirement::None)], sent).await;
    assert_eq!(outcome, DeliveryOutcome::Unsendable(Unsendable::NeedsSmtpUtf8));
}

#[tokio::test]
async fn one_connection_carries_several_mails_each_after_a_reset() {
    let (at, heard) = WILLING.start().await;
    let (connections, routes) = (Connections::new(no_roots()), [route(at, TlsRequirement::None)]);
    let to = address("depot@carsat.example");
    // The host serves one connection only.
    for _ in 0..3 {
        let sent = SentMail { from: None, to: &to, message: MESSAGE, protection: Protection::Usual };
        let accepted = DeliveryOutcome::Accepted { tls: None, code: 250 };
        assert_eq!(connections.deliver(&routes, sent).await, accepted);
    }
    drop(connections);
    let heard = String::from_utf8(heard.await.unwrap()).unwrap();
    assert_eq!(heard.matches("Bonjour").count(), 3);
    assert_eq!(heard.matches("RSET\r\nMAIL").count(), 2, "{heard}");
    assert_eq!(heard.matches("EHLO").count(), 2, "ours and lettre's, once");
}

#[tokio::test]
async fn the_next_host_is_tried_when_one_does_not_greet_and_not_when_it_refuses() {
    let dead = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).await.unwrap();
    let nobody = route(dead.local_addr().unwrap(), TlsRequirement::None);
    drop(dead);
    let refuses = FakeHost { rcpt: b"550 5.1.1 unknown\r\n", ..WILLING };
    let turns_away = FakeHost { greeting: b"554 go away\r\n", ..WILLING };
    for (second, accepted) in [(WILLING, true), (refuses, false)] {
        let (at, _heard) = turns_away.clone().start().await;
        let away = route(at, TlsRequirement::None);
        let (at, _heard) = second.start().await;
        let (next, _heard) = WILLING.start().await;
        let hosts =
            [nobody.clone(), away, route(at, TlsRequirement::None), route(next, TlsRequirement::None)];
        let to = address("depot@carsat.example");
        let sent = SentMail { from: None, to: &to, message: MESSAGE, protection: Protection::Usual };
        let outcome = Connections::new(no_roots()).deliver(&hosts, sent).await;
        assert_eq!(matches!(outcome, DeliveryOutcome::Accepted { .. }), accepted, "{outcome:?}");
    }
}

#[tokio::test]
async fn a_connection_that_was_closed_meanwhile_is_opened_anew() {
    let host = FakeHost { reset: b"421 4.4.2 idle\r\n", ..WILLING };
    let (at, heard) = host.start_twice().await;
    let (connections, routes) = (Connections::new(no_roots()), [route(at, TlsRequirement::None)]);
    let to = address("depot@carsat.example");
    for _ in 0..2 {
        let sent = SentMail { from: None, to: &to, message: MESSAGE, protection: Protection::Usual };
        let accepted = DeliveryOutcome::Accepted { tls: None, code: 250 };
        assert_eq!(connections.deliver(&routes, sent).await, accepted);
    }
    while !says(&heard, "RSET\r\n") {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn what_is_refused_leaves_the_connection_to_the_next_mail() {
    let host = FakeHost { rcpt: b"550 5.1.1 unknown\r\n", ..WILLING };
    let (at, heard) = host.start().await;
    let (connections, routes) = (Connections::new(no_roots()), [route(at, TlsRequirement::None)]);
    let to = address("depot@carsat.example");
    for _ in 0..2 {
        let sent = SentMail { from: None, to: &to, message: MESSAGE, protection: Protection::Usual };
        assert!(matches!(connections.deliver(&routes, sent).await, DeliveryOutcome::Refused(_)));
    }
    drop(connections);
    assert_eq!(String::from_utf8(heard.await.unwrap()).unwrap().matches("RSET\r\nMAIL").count(), 1);
}

#[test]
fn enhanced_codes_are_read_and_nothing_else_is() {
    assert_eq!(EnhancedCode::leading("5.7.26 DMARC"), Some(EnhancedCode(5, 7, 26)));
    for text in ["", "no", "9.1.1 x", "5.1 x", "192.0.2.1 blocked", "5.1.1.1 x", "5.9999.1"] {
        assert_eq!(EnhancedCode::leading(text), None, "{text:?}");
    }
}
