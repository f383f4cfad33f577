//! A timestamp authority stamps the checkpoints of a gateway that runs (RFC 3161), over HTTP; what is exported verifies
//! with openssl and with `pli audit verify`, which knows nothing of the gateway.

use std::fs;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::Arc;

use crate::support::gateway::{Gateway, Start, pli};
use crate::support::log::{actions, export};
use crate::support::{run, run_well, wait_for};

#[path = "../tools/timestamp_authority.rs"]
mod timestamp_authority;

use timestamp_authority::{Authority, ELLIPTIC, RSA};

/// Answers timestamp requests over HTTP until the process ends. Returns its address.
fn serve(authority: Arc<Authority>) -> String {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let url = format!("http://{}/tsa", listener.local_addr().unwrap());
    std::thread::spawn(move || {
        for stream in listener.incoming() {
            answer(&authority, stream.unwrap());
        }
    });
    url
}

fn answer(authority: &Authority, stream: TcpStream) {
    let mut reader = BufReader::new(stream);
    let (mut head, mut length) = (String::new(), 0);
    while reader.read_line(&mut head).unwrap() > 2 {
        let line = head.lines().last().unwrap().to_ascii_lowercase();
        if let Some(value) = line.strip_prefix("content-length:") {
            length = value.trim().parse().unwrap();
        }
    }
    assert!(head.starts_with("POST /tsa "), "{head}");
    assert!(head.contains("application/timestamp-query"), "{head}");
    let mut request = vec![0; length];
    reader.read_exact(&mut request).unwrap();
    let body = authority.reply(&request);
    let mut stream = reader.into_inner();
    let head = "HTTP/1.1 200 OK\r\nContent-Type: application/timestamp-reply\r\nConnection: close\r\n";
    write!(stream, "{head}Content-Length: {}\r\n\r\n", body.len()).unwrap();
    stream.write_all(&body).unwrap();
}

#[test]
fn a_gateway_has_its_log_stamped_and_outsiders_verify_it() {
    let (authority, other) = (Arc::new(Authority::new(RSA)), Authority::new(ELLIPTIC));
    let url = serve(Arc::clone(&authority));
    let mut gateway = Gateway::new();
    let log_key = gateway.facts().log_key();
    gateway.interrupt();
    let settings = gateway.dir().join("pli.toml");
    let text = fs::read_to_string(&settings).unwrap();
    let stamped = format!(
        "[audit]\ntimestamp_url = \"{url}\"\ntimestamp_authority = \"{}\"\n",
        authority.certificate().display()
    );
    fs::write(&settings, text.replace("[audit]\n", &stamped)).unwrap();

    let mut gateway = Gateway::start(Arc::clone(&gateway.home), &Start::default());
    let tiles = gateway.home.path().join("tiles");
    let (checkpoint, answer) = wait_for("a timestamp among the tiles", || {
        run_well(pli().args(["audit", "tiles"]).arg(&tiles).arg("--dir").arg(gateway.dir()));
        let found = fs::read_dir(tiles.join("timestamps")).ok()?.next()?.unwrap().path();
        Some((found.with_extension("checkpoint"), found.with_extension("tsr")))
    });
    assert!(authority.verifies(&answer, &checkpoint), "openssl ts -verify");
    assert!(actions(&gateway).contains(&("log.checkpoint_stamped".into(), "done".into())));
    gateway.interrupt();

    let export = export(&gateway);
    let verify = |authority: &Authority| {
        let mut command = pli();
        command.args(["audit", "verify"]).arg(&export).args(["--key", &log_key]);
        command.arg("--checkpoint").arg(&checkpoint).arg("--timestamp").arg(&answer);
        let output = run(command.arg("--authority").arg(authority.certificate()));
        (output.status.code().unwrap(), String::from_utf8(output.stdout).unwrap())
    };
    let (code, said) = verify(&authority);
    assert!(code == 0 && said.contains("was stamped at 20"), "{code}: {said}");
    let (code, said) = verify(&other);
    assert!(code == 1 && said.contains("the timestamp does not verify"), "{code}: {said}");
}
