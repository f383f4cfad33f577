//! The log is handed on to a SIEM: in order, whole, across receivers that die, and without anybody waiting (S2).

use std::sync::{Arc, Mutex};
use std::time::Duration;

use pli::app::ports::ForwardTarget;
use pli::app::{EntrySink, ForwardError};
use pli::serve::{JsonFile, JsonSocket, SyslogSink};
use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, IsCa, KeyPair};
use rustls::pki_types::{PrivateKeyDer, PrivatePkcs8KeyDer, ServerName};
use rustls::{RootCertStore, ServerConfig};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, UnixListener};
use tokio_rustls::TlsAcceptor;

use crate::custody_house::restarted;
use crate::house::House;

/// How the receiver treats its next connections; after them, well.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Manner {
    /// Reads all, keeps it, ends in order.
    Well,
    /// Reads a little, keeps what is whole, and dies.
    DiesMidway,
    /// Reads all, keeps nothing, and dies without an orderly end.
    DiesAtTheEnd,
    /// Takes the connection, and reads nothing for as long as it lasts.
    Stalls,
}

/// A syslog receiver over TLS on loopback.
struct Receiver {
    address: String,
    roots: RootCertStore,
    messages: Arc<Mutex<Vec<String>>>,
    manners: Arc<Mutex<Vec<Manner>>>,
}

impl Receiver {
    async fn start() -> Self {
        let mut params = CertificateParams::new(Vec::new()).unwrap();
        params.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
        let authority = CertifiedIssuer::self_signed(params, KeyPair::generate().unwrap()).unwrap();
        let key = KeyPair::generate().unwrap();
        let leaf = CertificateParams::new(vec!["siem.example".to_owned()]).unwrap();
        let leaf = leaf.signed_by(&key, &authority).unwrap();
        let mut roots = RootCertStore::empty();
        roots.add(authority.der().clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let key = PrivateKeyDer::Pkcs8(PrivatePkcs8KeyDer::from(key.serialize_der()));
        let config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .unwrap()
            .with_no_client_auth()
            .with_single_cert(vec![leaf.der().clone()], key)
            .unwrap();
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let (messages, manners) = (Arc::default(), Arc::default());
        tokio::spawn(receive(
            listener,
            TlsAcceptor::from(Arc::new(config)),
            Arc::clone(&messages),
            Arc::clone(&manners),
        ));
        Self { address, roots, messages, manners }
    }

    fn sink(&self, name: &str) -> SyslogSink {
        let name = ServerName::try_from(name.to_owned()).unwrap();
        SyslogSink::new(&self.address, name, self.roots.clone(), "pli.example").unwrap()
    }

    fn messages(&self) -> Vec<String> {
        self.messages.lock().unwrap().clone()
    }
}

async fn receive(
    listener: TcpListener,
    tls: TlsAcceptor,
    messages: Arc<Mutex<Vec<String>>>,
    manners: Arc<Mutex<Vec<Manner>>>,
) {
    let mut stalled = Vec::new();
    loop {
        let (stream, _) = listener.accept().await.unwrap();
        let manner = manners.lock().unwrap().pop().unwrap_or(Manner::Well);
        let Ok(mut stream) = tls.accept(stream).await else { continue };
        if manner == Manner::Stalls {
            stalled.push(stream);
            continue;
        }
        let mut bytes = Vec::new();
        if manner == Manner::DiesMidway {
            let mut some = vec![0; 1000];
            let count = stream.read(&mut some).await.unwrap();
            messages.lock().unwrap().extend(frames(&some[..count]));
            continue;
        }
        stream.read_to_end(&mut bytes).await.unwrap();
        if manner == Manner::Well {
            messages.lock().unwrap().extend(frames(&bytes));
            stream.shutdown().await.unwrap();
        }
    }
}

/// The whole messages of a stream: their length, a space, the message (RFC 6587 section 3.4.1).
fn frames(mut bytes: &[u8]) -> Vec<String> {
    let mut found = Vec::new();
    while let Some(space) = bytes.iter().position(|byte| *byte == b' ') {
        let length: usize = std::str::from_utf8(&bytes[..space]).unwrap().parse().unwrap();
        let Some(message) = bytes.get(space + 1..space + 1 + length) else { break };
        found.push(String::from_utf8(message.to_vec()).unwrap());
        bytes = &bytes[space + 1 + length..];
    }
    found
}

/// A parameter of the structured data, unescaped (RFC 5424 section 6.3.3).
fn parameter(message: &str, name: &str) -> String {
    let mut value = String::new();
    let mut rest = message.split_once(&format!(" {name}=\"")).unwrap().1.chars();
    loop {
        match rest.next().unwrap() {
            '\\' => value.push(rest.next().unwrap()),
            '"' => return value,
            character => value.push(character),
        }
    }
}

fn indexes(messages: &[String]) -> Vec<u64> {
    messages.iter().map(|message| parameter(message, "index").parse().unwrap()).collect()
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_dies_and_comes_back_has_every_entry_in_the_end() {
    let house = House::build().await;
    house.deposit().await;
    let receiver = Receiver::start().await;
    let sink = receiver.sink("siem.example");
    *receiver.manners.lock().unwrap() = vec![Manner::DiesAtTheEnd, Manner::DiesMidway];
    for _ in 0..2 {
        let size = house.app.store.log().await.unwrap().size();
        let failed = house.app.forward_log(ForwardTarget::Syslog, &sink).await;
        assert!(matches!(failed, Err(ForwardError::NotConfirmed(_))));
        assert_eq!(
            house.app.forward_backlog(ForwardTarget::Syslog).await.unwrap(),
            size,
            "nothing is confirmed"
        );
        house.deposit().await;
    }
    let size = house.app.store.log().await.unwrap().size();
    assert_eq!(house.app.forward_log(ForwardTarget::Syslog, &sink).await.unwrap(), size);
    let received = indexes(&receiver.messages());
    let from = received.len() - usize::try_from(size).unwrap();
    assert_eq!(received[from..], (0..size).collect::<Vec<_>>(), "all of them, in order");
    assert_eq!(house.app.forward_backlog(ForwardTarget::Syslog).await.unwrap(), 0);

    house.sign_in("agent@carsat.example").await;
    assert_eq!(
        house.app.forward_log(ForwardTarget::Syslog, &sink).await.unwrap(),
        1,
        "it goes on where it was"
    );
    let messages = receiver.messages();
    let last = messages.last().unwrap();
    assert!(
        last.starts_with("<110>1 2026-11-18T11:06:40.000Z pli.example pli - session.sign_in [pli@32473 "),
        "{last}"
    );
    assert_eq!(parameter(last, "action"), "session.sign_in");
    assert_eq!(parameter(last, "outcome"), "done");
    let leaf = house.app.store.leaves(size, 1).await.unwrap().remove(0).leaf;
    assert_eq!(parameter(last, "leaf"), leaf.to_string());
}

#[tokio::test(flavor = "multi_thread")]
async fn who_does_not_prove_its_name_gets_nothing() {
    let house = House::build().await;
    let receiver = Receiver::start().await;
    let refused = house.app.forward_log(ForwardTarget::Syslog, &receiver.sink("other.example")).await;
    assert!(matches!(refused, Err(ForwardError::NotConfirmed(_))));
    assert!(receiver.messages().is_empty());
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_is_away_holds_nothing_up() {
    let house = House::build().await;
    let nobody = SyslogSink::new(
        "127.0.0.1:9",
        ServerName::try_from("siem.example").unwrap(),
        RootCertStore::empty(),
        "pli.example",
    )
    .unwrap();
    assert!(house.app.forward_log(ForwardTarget::Syslog, &nobody).await.is_err());
    tokio::time::timeout(Duration::from_secs(20), house.deposit()).await.unwrap();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_file_and_a_socket_get_lines_that_a_program_reads() {
    let house = House::build().await;
    house.deposit().await;
    let size = house.app.store.log().await.unwrap().size();
    let path = house.directory.path().join("journal.jsonl");
    let file: Box<dyn EntrySink> = Box::new(JsonFile(path.clone()));
    assert_eq!(house.app.forward_log(ForwardTarget::JsonFile, &*file).await.unwrap(), size);

    let socket = house.directory.path().join("shipper.sock");
    let listener = UnixListener::bind(&socket).unwrap();
    let reading = tokio::spawn(async move {
        let mut text = String::new();
        listener.accept().await.unwrap().0.read_to_string(&mut text).await.unwrap();
        text
    });
    house.app.forward_log(ForwardTarget::JsonSocket, &JsonSocket(socket)).await.unwrap();
    let text = reading.await.unwrap();
    assert_eq!(text, std::fs::read_to_string(&path).unwrap());
    for (line, leaf) in text.lines().zip(house.app.store.leaves(0, 10_000).await.unwrap()) {
        let read: serde_json::Value = serde_json::from_str(line).unwrap();
        assert_eq!(read["index"], leaf.index);
        assert!(line.contains(leaf.entry.unwrap().payload()), "the payload is untouched");
    }
}

#[tokio::test(flavor = "multi_thread")]
async fn a_receiver_that_stops_reading_holds_nothing_up_and_gets_all_of_it_later() {
    let house = House::build().await;
    house.deposit().await;
    let receiver = Receiver::start().await;
    receiver.manners.lock().unwrap().push(Manner::Stalls);
    let (app, sink) = (house.app.clone(), receiver.sink("siem.example"));
    let stalled =
        tokio::spawn(async move { app.forward_log(ForwardTarget::Syslog, &sink).await.map_err(drop) });
    while !receiver.manners.lock().unwrap().is_empty() {
        tokio::task::yield_now().await;
    }
    for _ in 0..3 {
        tokio::time::timeout(Duration::from_secs(20), house.deposit()).await.expect("nobody waits for it");
    }
    assert!(!stalled.is_finished(), "it stalls still");
    let size = house.app.store.log().await.unwrap().size();
    let backlog = house.app.forward_backlog(ForwardTarget::Syslog).await.unwrap();
    assert_eq!(backlog, size, "nothing counts as forwarded that was not confirmed");
    stalled.abort();
    let sink = receiver.sink("siem.example");
    assert_eq!(house.app.forward_log(ForwardTarget::Syslog, &sink).await.unwrap(), size);
    assert_eq!(indexes(&receiver.messages()), (0..size).collect::<Vec<_>>(), "all of them, once, in order");
}

#[tokio::test(flavor = "multi_thread")]
async fn a_gateway_that_starts_anew_goes_on_where_it_was_in_each_form() {
    let house = House::build().await;
    house.deposit().await;
    let receiver = Receiver::start().await;
    let syslog = receiver.sink("siem.example");
    let path = house.directory.path().join("journal.jsonl");
    let file = JsonFile(path.clone());
    let first = house.app.store.log().await.unwrap().size();
    assert_eq!(house.app.forward_log(ForwardTarget::Syslog, &syslog).await.unwrap(), first);
    assert_eq!(house.app.forward_log(ForwardTarget::JsonFile, &file).await.unwrap(), first);
    let again = restarted(&house);
    house.deposit().await;
    let size = house.app.store.log().await.unwrap().size();
    assert!(size > first);
    assert_eq!(again.forward_log(ForwardTarget::Syslog, &syslog).await.unwrap(), size - first);
    assert_eq!(again.forward_log(ForwardTarget::JsonFile, &file).await.unwrap(), size - first);
    let all = (0..size).collect::<Vec<_>>();
    assert_eq!(indexes(&receiver.messages()), all, "nothing lost, nothing twice");
    let lines = std::fs::read_to_string(&path).unwrap();
    let told =
        lines.lines().map(|line| serde_json::from_str::<serde_json::Value>(line).unwrap()["index"].as_u64());
    assert_eq!(told.map(Option::unwrap).collect::<Vec<_>>(), all);
}
