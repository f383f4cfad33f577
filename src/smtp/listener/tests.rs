//! The door, spoken to over real connections.

use super::super::mail::MailOutcome;
use super::super::testing::{Keeper, ask, certificate, client_config, read_reply, start};
use super::*;
use crate::value::{ByteSize, Reference};
use rustls::pki_types::ServerName;

const ENVELOPE: &[u8] =
    b"HELO x.example\r\nMAIL FROM:<a@b.example>\r\nRCPT TO:<depot@carsat.example>\r\nDATA\r\n";

async fn connect(address: std::net::SocketAddr) -> TcpStream {
    let mut stream = TcpStream::connect(address).await.unwrap();
    assert!(read_reply(&mut stream).await.starts_with("220 mx.carsat.example"));
    stream
}

/// Sends the envelope; the server awaits the message.
async fn begin_message(stream: &mut TcpStream) {
    assert!(ask(stream, ENVELOPE).await.starts_with("250"));
    for code in ["250", "250", "354"] {
        assert!(read_reply(stream).await.starts_with(code));
    }
}

#[tokio::test]
async fn a_deposit_is_answered_with_its_reference_after_the_handler_took_it() {
    let keeper = Keeper::open();
    let reference = Reference::new([3; 8]);
    keeper.outcomes.lock().unwrap().push_back(MailOutcome::Accepted { reference: reference.clone() });
    let server = start(keeper.clone(), ListenerTls::Off, ListenerLimits::default()).await;
    let mut stream = connect(server.address).await;
    begin_message(&mut stream).await;
    let reply = ask(&mut stream, b"Subject: x\r\n\r\nBonjour\r\n.\r\n").await;
    assert_eq!(reply, format!("250 2.0.0 Deposited, reference {reference}\r\n"));
    let kept = keeper.kept.lock().unwrap();
    assert_eq!(kept[0].bytes.expose(), b"Subject: x\r\n\r\nBonjour\r\n");
    assert_eq!((kept[0].tls.as_ref(), kept[0].peer.is_loopback()), (None, true));
}

#[tokio::test]
async fn starttls_leads_to_tls_and_the_mail_says_which() {
    let (keeper, certificate) = (Keeper::open(), certificate());
    let tls = ListenerTls::StartTls(certificate.server);
    let server = start(keeper.clone(), tls, ListenerLimits::default()).await;
    let mut stream = connect(server.address).await;
    assert!(ask(&mut stream, b"EHLO x.example\r\n").await.contains("STARTTLS"));
    assert!(ask(&mut stream, b"STARTTLS\r\n").await.starts_with("220 "));
    let connector = tokio_rustls::TlsConnector::from(client_config(certificate.roots));
    let name = ServerName::try_from("mx.carsat.example").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    assert!(!ask(&mut stream, b"EHLO x.example\r\n").await.contains("STARTTLS"));
    for (said, code) in [
        (&b"MAIL FROM:<a@b.example>\r\n"[..], "250"),
        (b"RCPT TO:<depot@carsat.example>\r\n", "250"),
        (b"DATA\r\n", "354"),
        (b"x\r\n.\r\n", "250"),
    ] {
        assert!(ask(&mut stream, said).await.starts_with(code));
    }
    let kept = keeper.kept.lock().unwrap();
    assert!(kept[0].tls.as_ref().unwrap().protocol.starts_with("TLSv1.3 TLS13_"), "{:?}", kept[0].tls);
}

#[tokio::test]
async fn implicit_tls_greets_inside_tls() {
    let (keeper, certificate) = (Keeper::open(), certificate());
    let tls = ListenerTls::Implicit(certificate.server);
    let server = start(keeper, tls, ListenerLimits::default()).await;
    let stream = TcpStream::connect(server.address).await.unwrap();
    let connector = tokio_rustls::TlsConnector::from(client_config(certificate.roots));
    let name = ServerName::try_from("mx.carsat.example").unwrap();
    let mut stream = connector.connect(name, stream).await.unwrap();
    assert!(read_reply(&mut stream).await.starts_with("220 "));
}

#[tokio::test]
async fn a_peer_with_too_many_connections_is_turned_away_until_one_ends() {
    let limits = ListenerLimits { connections_per_peer: 1, ..ListenerLimits::default() };
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let mut first = connect(server.address).await;
    let mut second = TcpStream::connect(server.address).await.unwrap();
    assert!(read_reply(&mut second).await.starts_with("421 4.7.0"));
    assert!(ask(&mut first, b"QUIT\r\n").await.starts_with("221"));
    drop(first);
    // The place comes free when the server has seen the end: soon, at a time nobody knows.
    loop {
        let mut third = TcpStream::connect(server.address).await.unwrap();
        if read_reply(&mut third).await.starts_with("220") {
            break;
        }
    }
}

#[tokio::test]
async fn a_full_house_says_so() {
    let limits = ListenerLimits { connections: 0, ..ListenerLimits::default() };
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let mut stream = TcpStream::connect(server.address).await.unwrap();
    assert!(read_reply(&mut stream).await.starts_with("421 4.3.2"));
}

#[tokio::test]
async fn what_does_not_fit_in_memory_is_told_to_come_later_and_what_fits_is_taken() {
    let mut limits = ListenerLimits { memory: ByteSize(0), ..ListenerLimits::default() };
    limits.session.message = ByteSize(256 * 1024);
    let keeper = Keeper::gated();
    let server = start(keeper.clone(), ListenerTls::Off, limits).await;
    let message = [&b"0123456789\r\n".repeat(20_000)[..], b".\r\n"].concat();
    // The first message waits in the handler and holds nearly all the memory.
    let mut first = connect(server.address).await;
    begin_message(&mut first).await;
    first.write_all(&message).await.unwrap();
    keeper.entered.acquire().await.unwrap().forget();
    let mut second = connect(server.address).await;
    begin_message(&mut second).await;
    assert!(ask(&mut second, &message).await.starts_with("452 4.3.1"));
    keeper.gate.add_permits(2);
    assert!(read_reply(&mut first).await.starts_with("250"));
    // Same connection, same message, later.
    second.write_all(&ENVELOPE[16..]).await.unwrap();
    for code in ["250", "250", "354"] {
        assert!(read_reply(&mut second).await.starts_with(code));
    }
    assert!(ask(&mut second, &message).await.starts_with("250"));
}

/// Connected from this address of the loopback net.
async fn connect_from(peer: [u8; 4], address: std::net::SocketAddr) -> TcpStream {
    let socket = tokio::net::TcpSocket::new_v4().unwrap();
    socket.bind((peer, 0).into()).unwrap();
    let mut stream = socket.connect(address).await.unwrap();
    assert!(read_reply(&mut stream).await.starts_with("220 "));
    stream
}

/// Whoever announces large mails and then sends nothing fills its own share, and not the house.
#[tokio::test]
async fn a_peer_that_announces_much_leaves_room_for_the_mail_of_others() {
    let mut limits = ListenerLimits { memory: ByteSize::mebibytes(1), ..ListenerLimits::default() };
    limits.session.message = ByteSize(256 * 1024);
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let announced = b"EHLO x.example\r\nMAIL FROM:<a@b.example> SIZE=250000\r\nRCPT TO:<depot@carsat.example>\r\nDATA\r\n";
    let begin = async |peer| {
        let mut stream = connect_from(peer, server.address).await;
        stream.write_all(announced).await.unwrap();
        for code in ["250", "250", "250", "354"] {
            assert!(read_reply(&mut stream).await.starts_with(code));
        }
        stream
    };
    let mut greedy = Vec::new();
    for _ in 0..3 {
        greedy.push(begin([127, 0, 0, 2]).await);
    }
    let mut over = begin([127, 0, 0, 2]).await;
    assert!(ask(&mut over, b"x\r\n.\r\n").await.starts_with("452 4.3.1"), "it has its share already");
    let mut other = begin([127, 0, 0, 3]).await;
    assert!(ask(&mut other, b"x\r\n.\r\n").await.starts_with("250"), "another peer's mail is taken");
    // What is given back may be taken again.
    let mut first = greedy.remove(0);
    assert!(ask(&mut first, b"x\r\n.\r\n").await.starts_with("250"));
    let mut again = begin([127, 0, 0, 2]).await;
    assert!(ask(&mut again, b"x\r\n.\r\n").await.starts_with("250"));
}

#[tokio::test]
async fn who_says_nothing_is_told_goodbye() {
    let limits = ListenerLimits { command_wait: Duration::from_millis(20), ..ListenerLimits::default() };
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let mut stream = connect(server.address).await;
    assert!(read_reply(&mut stream).await.starts_with("421 4.4.2"));
    assert_eq!(read_reply(&mut stream).await, "");
}

/// Sends one byte after the other until it is cut off, and gives what it was told.
async fn trickle(stream: TcpStream, bytes: &'static [u8]) -> String {
    let (mut reading, mut writing) = stream.into_split();
    let trickling = tokio::spawn(async move {
        for byte in bytes.iter().cycle() {
            if writing.write_all(&[*byte]).await.is_err() {
                break;
            }
            tokio::task::yield_now().await;
        }
    });
    let told = read_reply(&mut reading).await;
    drop(reading);
    trickling.await.unwrap();
    told
}

#[tokio::test]
async fn a_message_below_the_pace_is_cut_off_long_before_the_longest_wait() {
    let wait = Duration::from_millis(20);
    let limits = ListenerLimits { data_wait: wait, pace: u64::MAX, ..ListenerLimits::default() };
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let mut stream = connect(server.address).await;
    begin_message(&mut stream).await;
    assert!(trickle(stream, b"x").await.starts_with("421 4.4.2"));
}

#[tokio::test]
async fn a_peer_that_talks_and_sends_no_mail_is_told_goodbye() {
    let mut limits = ListenerLimits { session_wait: Duration::from_millis(20), ..ListenerLimits::default() };
    limits.session.commands = u32::MAX;
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let mut stream = connect(server.address).await;
    loop {
        let told = ask(&mut stream, b"NOOP\r\n").await;
        if told.starts_with("421") {
            assert!(told.starts_with("421 4.4.2"), "{told}");
            break;
        }
        assert!(told.starts_with("250"), "{told}");
    }
}

#[tokio::test]
async fn a_message_that_trickles_without_end_is_cut_off() {
    let limits = ListenerLimits { message_wait: Duration::from_millis(20), ..ListenerLimits::default() };
    let server = start(Keeper::open(), ListenerTls::Off, limits).await;
    let mut stream = connect(server.address).await;
    begin_message(&mut stream).await;
    let (mut reading, mut writing) = stream.into_split();
    let trickle = tokio::spawn(async move { while writing.write_all(b"x").await.is_ok() {} });
    assert!(read_reply(&mut reading).await.starts_with("421 4.4.2"));
    drop(reading);
    trickle.await.unwrap();
}

#[tokio::test]
async fn stopping_finishes_the_transaction_in_progress_and_sends_idle_sessions_away() {
    let keeper = Keeper::gated();
    let server = start(keeper.clone(), ListenerTls::Off, ListenerLimits::default()).await;
    let mut idle = connect(server.address).await;
    let mut busy = connect(server.address).await;
    begin_message(&mut busy).await;
    busy.write_all(b"x\r\n.\r\n").await.unwrap();
    keeper.entered.acquire().await.unwrap().forget();
    let mut half_way = connect(server.address).await;
    begin_message(&mut half_way).await;
    server.shutdown.cancel();
    assert!(read_reply(&mut idle).await.starts_with("421 4.3.2"));
    drop(idle);
    half_way.write_all(b"y\r\n.\r\n").await.unwrap();
    keeper.gate.add_permits(2);
    for mut stream in [busy, half_way] {
        assert!(read_reply(&mut stream).await.starts_with("250"));
        assert!(read_reply(&mut stream).await.starts_with("421 4.3.2"));
    }
    server.task.await.unwrap();
    assert_eq!(keeper.kept.lock().unwrap().len(), 2);
}

#[tokio::test]
async fn a_mail_whose_sender_hung_up_before_its_end_never_reaches_the_handler() {
    let keeper = Keeper::open();
    let server = start(keeper.clone(), ListenerTls::Off, ListenerLimits::default()).await;
    let mut stream = connect(server.address).await;
    begin_message(&mut stream).await;
    stream.write_all(b"half a mess").await.unwrap();
    drop(stream);
    server.shutdown.cancel();
    server.task.await.unwrap();
    assert!(keeper.kept.lock().unwrap().is_empty());
}

#[tokio::test]
async fn a_defect_in_the_handler_ends_one_session_only() {
    let server = start(Keeper::open(), ListenerTls::Off, ListenerLimits::default()).await;
    let mut broken = connect(server.address).await;
    assert!(ask(&mut broken, b"HELO panic.example\r\n").await.starts_with("250"));
    broken.write_all(&ENVELOPE[16..]).await.unwrap();
    for code in ["250", "250", "354"] {
        assert!(read_reply(&mut broken).await.starts_with(code));
    }
    assert_eq!(ask(&mut broken, b"x\r\n.\r\n").await, "", "no answer: the sender keeps the mail");
    let mut other = connect(server.address).await;
    begin_message(&mut other).await;
    assert!(ask(&mut other, b"x\r\n.\r\n").await.starts_with("250"));
}

#[test]
fn an_ipv6_customer_is_one_peer_and_mapped_addresses_are_ipv4() {
    let [a, b, c] =
        ["2001:db8:1:2::1", "2001:db8:1:2:ffff::9", "2001:db8:1:3::1"].map(|a| a.parse().unwrap());
    assert_eq!(network_of(a), network_of(b));
    assert_ne!(network_of(a), network_of(c));
    let [mapped, plain] = ["::ffff:192.0.2.1", "192.0.2.1"].map(|a| a.parse::<IpAddr>().unwrap());
    assert_eq!(network_of(mapped), plain);
}
