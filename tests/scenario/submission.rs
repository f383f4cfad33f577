//! Agents' mail programs, as swaks, msmtp and openssl are: they sign in over TLS with the mail password, on the port for
//! STARTTLS and on the one for TLS from the start, and no weak TLS is to be had there or on the door for mail hosts.

use std::io::Write;
use std::process::{Output, Stdio};

use crate::support::served::{AGENT, PAGE_PASSWORD, Served, Setting};
use crate::support::{program, run};

const BOTH_PORTS: &str = "listen_starttls = \"127.0.0.1:0\"\nlisten_tls = \"127.0.0.1:0\"\n";

fn served() -> Served {
    Served::start(&Setting { submission: BOTH_PORTS, ..Setting::default() })
}

/// Signs in and says whom a mail is from and for; goes no further. What both sides said.
fn swaks(server: &str, more: &[&str], secret: &str, from: &str) -> (bool, String) {
    let done = run(program("swaks")
        .args(["--server", server, "--auth-user", AGENT, "--auth-password", secret, "--from", from])
        .args(["--to", "lea.prigent@conseil.example,paul@ailleurs.example", "--quit-after", "RCPT"])
        .args(more));
    (done.status.success(), said_by(&done))
}

fn said_by(done: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&done.stdout), String::from_utf8_lossy(&done.stderr))
}

#[test]
fn a_mail_program_signs_in_on_both_ports_by_both_mechanisms_with_the_mail_password_alone() {
    let served = served();
    let secret = served.mail_password();
    let ports = [(&served.submission_starttls, "--tls"), (&served.submission_tls, "--tls-on-connect")];
    for (server, tls) in ports {
        for mechanism in ["PLAIN", "LOGIN"] {
            let (done, said) = swaks(server, &[tls, "--auth", mechanism], &secret, AGENT);
            assert!(done && said.contains("235 2.7.0"), "{mechanism} {tls}: {said}");
            assert_eq!(said.matches("250 2.1.5").count(), 2, "{said}");
        }
        for wrong in [PAGE_PASSWORD, "0000-0000-0000-0000-0000-0000"] {
            let (done, said) = swaks(server, &[tls, "--auth", "PLAIN"], wrong, AGENT);
            assert!(!done && said.contains("535 5.7.8"), "{said}");
        }
        let (_, said) = swaks(server, &[tls, "--auth", "PLAIN"], &secret, "chef@caisse.example");
        assert!(said.contains("553 5.7.1"), "{said}");
    }
    served.command(&format!("account mail-password --address {AGENT} --revoke"));
    let (_, said) = swaks(&served.submission_starttls, &["--tls", "--auth", "PLAIN"], &secret, AGENT);
    assert!(said.contains("535 5.7.8"), "{said}");
}

#[test]
fn nobody_signs_in_in_clear() {
    let served = served();
    let secret = served.mail_password();
    let (done, said) = swaks(&served.submission_starttls, &["--auth", "PLAIN"], &secret, AGENT);
    assert!(!done && !said.contains("250-AUTH") && !said.contains("235 "), "{said}");
}

/// ANSSI's recommendations for TLS (SDE-NT-35, annex A): ephemeral elliptic curves, AEAD, nothing older than TLS 1.2.
#[test]
fn no_old_protocol_and_no_weak_suite_is_to_be_had_on_any_port() {
    let served = served();
    let anssi = "ECDHE+AESGCM:ECDHE+CHACHA20";
    let rest = "ALL:COMPLEMENTOFALL:!ECDHE+AESGCM:!ECDHE+CHACHA20:@SECLEVEL=0";
    let ports: [(&String, &[&str]); 3] = [
        (&served.smtp, &["-starttls", "smtp"]),
        (&served.submission_starttls, &["-starttls", "smtp"]),
        (&served.submission_tls, &[]),
    ];
    for (server, how) in ports {
        let connect = |more: &[&str]| {
            let mut client = program("openssl");
            client.args(["s_client", "-connect", server]).args(how).args(more).stdin(Stdio::null());
            let said = said_by(&run(&mut client));
            // An established session tells its cipher, a refused one "(NONE)".
            let cipher = said.split("Cipher is ").nth(1).and_then(|rest| rest.lines().next());
            (cipher.is_some_and(|cipher| cipher != "(NONE)"), said)
        };
        let versions = [("-tls1_3", true), ("-tls1_2", true), ("-tls1_1", false), ("-tls1", false)];
        for (version, taken) in versions {
            let (established, said) = connect(&[version, "-cipher", "ALL:@SECLEVEL=0"]);
            assert_eq!(established, taken, "{version} on {server}: {said}");
        }
        let (strong, said) = connect(&["-tls1_2", "-cipher", anssi]);
        assert!(strong && said.contains("Compression: NONE"), "{said}");
        let (weak, said) = connect(&["-tls1_2", "-cipher", rest]);
        assert!(!weak, "a suite outside of ANSSI's: {said}");
    }
}

/// A client that asks for a new handshake within TLS 1.2 (CVE-2009-3555 and its like) gets none.
#[test]
fn nobody_renegotiates() {
    let served = served();
    // Whoever asks waits for an answer that never comes.
    let mut client = program("timeout");
    client.args(["3", "openssl", "s_client", "-tls1_2", "-connect", &served.submission_tls]);
    client.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut asking = client.spawn().unwrap();
    // `R` at the start of a line asks for a renegotiation (openssl-s_client(1)).
    asking.stdin.take().unwrap().write_all(b"R\nNOOP\n").unwrap();
    let said = said_by(&asking.wait_with_output().unwrap());
    assert!(said.contains("RENEGOTIATING"), "it was asked for: {said}");
    assert!(!said.contains("250 2.0.0"), "and the session went on: {said}");
}
