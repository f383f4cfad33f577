//! The TLS profile of each door as a tool of others sees it: testssl.sh (TLS 1.2 and 1.3, ephemeral elliptic curves and AEAD
//! alone, as ANSSI's SDE-NT-35 recommends).

use std::fs;
use std::process::Stdio;

use serde_json::Value;

use crate::support::served::{Served, Setting};
use crate::support::{program, run};

/// What testssl.sh finds of protocols, suites and forward secrecy: `(id, severity, finding)`.
fn judged(served: &Served, door: &str, starttls: bool) -> Vec<(String, String, String)> {
    let file = served.directory().join("testssl.json");
    let _ = fs::remove_file(&file);
    let mut command = program("testssl");
    command.args([
        "--quiet",
        "--color",
        "0",
        "--warnings",
        "off",
        "--ip",
        "one",
        "-p",
        "-s",
        "-f",
        "--jsonfile",
    ]);
    command.arg(&file).stdin(Stdio::null());
    if starttls {
        command.args(["--starttls", "smtp"]);
    }
    let done = run(command.arg(door));
    let text = fs::read_to_string(&file)
        .unwrap_or_else(|error| panic!("{error}: {}", String::from_utf8_lossy(&done.stdout)));
    let rows: Vec<Value> = serde_json::from_str(&text).unwrap_or_else(|error| panic!("{error}: {text}"));
    let word = |row: &Value, key: &str| row[key].as_str().unwrap_or_default().to_owned();
    rows.iter().map(|row| (word(row, "id"), word(row, "severity"), word(row, "finding"))).collect()
}

#[test]
fn testssl_finds_nothing_weak_on_the_doors_for_mail() {
    let submission = "listen_starttls = \"127.0.0.1:0\"\nlisten_tls = \"127.0.0.1:0\"\n";
    let served = Served::start(&Setting { submission, ..Setting::default() });
    for (door, starttls) in [(&served.smtp, true), (&served.submission_tls, false)] {
        let found = judged(&served, door, starttls);
        let of =
            |id: &str| found.iter().find(|row| row.0 == id).map(|row| row.2.as_str()).unwrap_or_default();
        for old in ["SSLv2", "SSLv3", "TLS1", "TLS1_1"] {
            assert!(of(old).starts_with("not offered"), "{door}: {old} {}", of(old));
        }
        for new in ["TLS1_2", "TLS1_3"] {
            assert!(of(new).starts_with("offered"), "{door}: {new} {}", of(new));
        }
        let weak =
            |row: &&(String, String, String)| ["LOW", "MEDIUM", "HIGH", "CRITICAL"].contains(&row.1.as_str());
        let weak: Vec<_> = found.iter().filter(weak).collect();
        assert!(weak.is_empty(), "{door}: {weak:?}");
        let suites =
            found.iter().filter(|row| row.0.contains("PFS_ciphers")).flat_map(|row| row.2.split(' '));
        let suites: Vec<_> = suites.filter(|suite| !suite.is_empty()).collect();
        assert!(!suites.is_empty(), "{found:?}");
        for suite in suites {
            let aead = suite.contains("GCM") || suite.contains("CHACHA20");
            let ephemeral = suite.starts_with("TLS_") || suite.starts_with("ECDHE-");
            assert!(aead && ephemeral, "{door}: {suite}");
        }
    }
}

/// Postfix's own view, with the rules that a strict sender has (`smtp_tls_security_level = secure`): a chain that it trusts, and
/// the gateway's name in it.
#[test]
fn posttls_finger_verifies_the_gateways_name_and_no_other() {
    let served =
        Served::start(&Setting { submission: "listen_tls = \"127.0.0.1:0\"\n", ..Setting::default() });
    let config = served.directory().join("postfix");
    fs::create_dir(&config).unwrap();
    fs::write(config.join("main.cf"), "compatibility_level = 3.6\n").unwrap();
    let look = |door: &str, more: &[&str], name: &str| {
        let (host, port) = door.rsplit_once(':').unwrap();
        let mut command = program("posttls-finger");
        command.env("MAIL_CONFIG", &config).args(["-c", "-t", "30", "-l", "secure", "-F"]);
        command.arg(served.directory().join("certs/authority.pem")).args(more);
        let done = run(command.arg(format!("[{host}]:{port}")).arg(name));
        format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
    };
    for (door, more) in [(&served.smtp, &[][..]), (&served.submission_tls, &["-w"][..])] {
        let said = look(door, more, "pli.example");
        assert!(said.contains("Verified TLS connection established") && said.contains("TLSv1.3"), "{said}");
        let said = look(door, more, "autre.example");
        assert!(!said.contains("Verified TLS connection established"), "another name: {said}");
    }
}
