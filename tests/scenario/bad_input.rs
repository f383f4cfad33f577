//! Bad input gets a clear answer in the user's language, and the deposit can go on.

use std::fmt::Write as _;

use crate::support::gateway::{Gateway, Mailbox};
use crate::support::html::text;
use crate::support::http::{Browser, Reply, Upload, multipart, multipart_kind};
use crate::support::smtp::{Answer, Session};
use crate::support::steps::{Depositor, file_names, open_draft, open_transfer, sign_in};
use crate::support::{log, samples, smtp, wait_until};

/// More than any mailbox of the demo takes.
const OVER_THE_LIMIT: usize = 64 * 1024 * 1024 * 1024;

#[test]
fn an_empty_deposit_is_explained_and_goes_on() {
    let (gateway, mailbox, mut draft) = drafting();
    let reply = draft.send("Demande urgente", "", &[]);
    assert_explained(&reply, "role=\"alert\"");
    let reply = draft.send("", "Sans titre.", &[]);
    assert_explained(&reply, "role=\"alert\"");
    goes_on(&gateway, &mailbox, draft, &[]);
}

#[test]
fn a_file_of_no_bytes_is_explained_and_goes_on() {
    let (gateway, mailbox, mut draft) = drafting();
    let reply = draft.add(&[Upload { name: "vide.pdf", kind: "application/pdf", bytes: b"" }]);
    assert!(reply.status < 500, "{}", reply.status);
    assert!(text(&reply.text()).contains("vide.pdf"), "the file is named: {}", text(&reply.text()));
    let listed = file_names(&draft.page).len();
    goes_on(&gateway, &mailbox, draft, if listed == 0 { &[] } else { &["vide.pdf"] });
}

#[test]
fn names_that_are_too_long_or_look_like_paths_are_only_names() {
    let (gateway, mailbox, mut draft) = drafting();
    let long = format!("{}.pdf", "é".repeat(300));
    let names = [
        long.as_str(),
        "../../etc/passwd",
        "..\\..\\windows\\system.ini",
        "/etc/shadow",
        "a\u{202e}fdp.exe",
        "%2e%2e%2fx",
        ".",
        "con.txt",
        "{{7*7}}<script>.pdf",
    ];
    for name in names {
        let reply = draft.add(&[Upload { name, kind: "application/pdf", bytes: &samples::pdf("Nom") }]);
        assert!(reply.status < 500, "{name}: {}", reply.status);
        assert!(!reply.text().contains("<script>."), "{name} is shown as text");
    }
    let listed = file_names(&draft.page);
    assert!(!listed.is_empty());
    for name in &listed {
        assert!(
            name.len() <= 255 && !name.contains(['/', '\\', '\u{202e}']) && name != ".." && name != ".",
            "{name}"
        );
    }
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    goes_on(&gateway, &mailbox, draft, &listed);
}

#[test]
fn a_wrong_content_type_is_refused_and_the_draft_stays() {
    let (gateway, mailbox, mut draft) = drafting();
    let action = draft.form().action;
    for (kind, body) in [
        ("text/plain", &b"title=Demande"[..]),
        ("application/json", b"{\"title\": 1}"),
        ("multipart/form-data", b"no boundary"),
        ("multipart/form-data; boundary=x", b"--y\r\nnot this boundary"),
        (
            "application/xml",
            b"<?xml version=\"1.0\"?><!DOCTYPE a [<!ENTITY b SYSTEM \"file:///etc/passwd\">]><a>&b;</a>",
        ),
        ("", b""),
    ] {
        let reply = draft.browser.post(&action, kind, body);
        assert!((400..500).contains(&reply.status), "{kind}: {}", reply.status);
        assert!(reply.text().contains("lang=\"fr\""), "{kind}: explained in French: {}", reply.text());
    }
    goes_on(&gateway, &mailbox, draft, &[]);
}

#[test]
fn a_body_over_the_limit_is_refused_without_being_read() {
    let (gateway, mailbox, mut draft) = drafting();
    let action = draft.form().action;
    // Promised only: the gateway answers from the head.
    let head = multipart(&draft.form().filled(&[("title", "t"), ("message", "m"), ("action", "send")]), &[]);
    let length = OVER_THE_LIMIT.to_string();
    let headers = [("Content-Type", multipart_kind()), ("Content-Length", length)];
    let headers: Vec<(&str, &str)> = headers.iter().map(|(name, value)| (*name, value.as_str())).collect();
    let reply = draft.browser.request("POST", &action, &headers, &head[..head.len() - 6]);
    assert_eq!(reply.status, 413, "{}", text(&reply.text()));
    assert!(reply.text().contains("lang=\"fr\""));
    // A field that is far too long.
    let reply = draft.send("Demande urgente", &"x".repeat(5 * 1024 * 1024), &[]);
    assert!(
        (400..500).contains(&reply.status) || reply.text().contains("role=\"alert\""),
        "{}",
        reply.status
    );
    let reply = draft.send(&"x".repeat(100_000), "message", &[]);
    assert!(
        (400..500).contains(&reply.status) || reply.text().contains("role=\"alert\""),
        "{}",
        reply.status
    );
    goes_on(&gateway, &mailbox, draft, &[]);
}

#[test]
fn a_client_that_goes_away_half_way_leaves_a_draft_that_goes_on() {
    let (gateway, mailbox, draft) = drafting();
    let form = draft.form();
    let scan = samples::scan(3_000_000);
    let file = Upload { name: "scan.tiff", kind: "image/tiff", bytes: &scan };
    let fields = form.filled(&[("title", "Demande urgente"), ("message", "Coupé"), ("action", "send")]);
    let body = multipart(&fields, &[file]);
    for part in [10, 400, body.len() / 2, body.len() - 5] {
        draft.browser.leave_half_way(&form.action, &multipart_kind(), body.len(), &body[..part]);
    }
    // Nothing was deposited by any of them, and the gateway answers.
    let mut agent = sign_in(&gateway, &gateway.facts().agent_of(&mailbox));
    assert!(!agent.get("/boites").text().contains("href=\"/transferts/"), "a half is no deposit");
    let listed = file_names(&draft.page);
    let listed: Vec<&str> = listed.iter().map(String::as_str).collect();
    goes_on(&gateway, &mailbox, draft, &listed);
}

#[test]
fn http_that_is_no_http_is_dropped() {
    let gateway = Gateway::new();
    for junk in [
        &b"\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03"[..],
        b"GET\r\n\r\n",
        b"\0\0\0\0\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
    ] {
        use std::io::{Read, Write};
        let mut stream = std::net::TcpStream::connect(&gateway.http).unwrap();
        stream.write_all(junk).unwrap();
        stream.shutdown(std::net::Shutdown::Write).unwrap();
        let mut answer = Vec::new();
        let _ = stream.read_to_end(&mut answer);
        assert!(
            answer.is_empty() || answer.starts_with(b"HTTP/1.1 4") || answer.starts_with(b"HTTP/1.1 5"),
            "{answer:?}"
        );
    }
    assert_eq!(Browser::new(&gateway.http).get("/").status, 200);
}

#[test]
fn malformed_mail_is_refused_and_the_session_goes_on() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let head =
        format!("From: {depositor}\r\nTo: {}\r\nSubject: Demande urgente\r\n", mailbox.deposit_address);
    let deep = nested(&head, 1000);
    let wide = parts(&head, 5000);
    for (name, mail) in [
        ("no header at all", b"\r\n".to_vec()),
        ("empty", format!("{head}\r\n").into_bytes()),
        ("only NULs", vec![0; 1000]),
        ("a lone LF", format!("{head}\r\nBonjour\nsans CR\r\n").into_bytes()),
        ("1000 nested parts", deep),
        ("5000 parts", wide),
    ] {
        let mut session = Session::open(&gateway.smtp).unwrap();
        let answer = session.mail(&depositor, &mailbox.deposit_address, &mail).unwrap();
        assert!(answer.code >= 500, "{name}: {}", answer.text);
        assert!(answer.text.len() > 20, "{name}: it says why");
    }
    let mut session = Session::open(&gateway.smtp).unwrap();
    let deep = nested(&head, 1000);
    assert!(session.mail(&depositor, &mailbox.deposit_address, &deep).unwrap().code >= 500);
    let good = samples::plain_mail(
        &depositor,
        &mailbox.deposit_address,
        "Demande urgente",
        "g1@cd35.example",
        "Bien.",
    );
    let answer = session.mail(&depositor, &mailbox.deposit_address, &good).unwrap();
    assert_eq!(answer.code, 250, "the same session goes on: {}", answer.text);
}

#[test]
fn smuggled_ends_of_mail_make_no_second_mail() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    let to = &mailbox.deposit_address;
    for end in ["\n.\n", "\n.\r\n", "\r.\r", "\r\n.\r", "\r\n.\n", "\r.\r\n"] {
        let mut session = Session::open(&gateway.smtp).unwrap();
        for line in [format!("MAIL FROM:<{depositor}>"), format!("RCPT TO:<{to}>"), "DATA".into()] {
            assert!(session.say(&line).unwrap().is_yes());
        }
        let inner =
            format!("MAIL FROM:<{depositor}>\r\nRCPT TO:<{to}>\r\nDATA\r\nSubject: second\r\n\r\nsecond");
        session
            .send(
                format!("From: {depositor}\r\nSubject: Demande urgente\r\n\r\nfirst{end}{inner}\r\n.\r\n")
                    .as_bytes(),
            )
            .unwrap();
        let Answer { code, text } = session.answer().unwrap();
        assert!(code >= 500, "{end:?}: {text}");
    }
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert!(!agent.get("/boites").text().contains("href=\"/transferts/"));
}

#[test]
fn a_mail_client_that_goes_away_leaves_nothing() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let (mailbox, depositor) = (facts.generic().remove(0), facts.depositor());
    for sent in ["", "From: a", "From: a@b.example\r\n\r\nHalf of a mess"] {
        let mut session = Session::open(&gateway.smtp).unwrap();
        for line in [
            format!("MAIL FROM:<{depositor}>"),
            format!("RCPT TO:<{}>", mailbox.deposit_address),
            "DATA".into(),
        ] {
            assert!(session.say(&line).unwrap().is_yes());
        }
        session.send(sent.as_bytes()).unwrap();
        drop(session);
    }
    wait_until("mail to be taken all the same", || {
        let mail = samples::plain_mail(
            &depositor,
            &mailbox.deposit_address,
            "Demande urgente",
            "h1@cd35.example",
            "Entier.",
        );
        smtp::send(&gateway.smtp, &depositor, &mailbox.deposit_address, &mail)
            .is_ok_and(|answer| answer.code == 250)
    });
    gateway.interrupt();
    let received = log::actions(&gateway).iter().filter(|(action, _)| action == "mail.received").count();
    assert_eq!(received, 1);
}

/// The gateway, a generic mailbox, and an open draft for it.
fn drafting() -> (Gateway, Mailbox, Depositor) {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let draft = open_draft(&gateway, &mailbox, &facts.depositor());
    (gateway, mailbox, draft)
}

/// A page in French that says what is wrong, with the form to go on.
fn assert_explained(reply: &Reply, mark: &str) {
    assert!(reply.status < 500, "{}", reply.status);
    let page = reply.text();
    assert!(page.contains("lang=\"fr\"") && page.contains(mark), "{}", text(&page));
    assert!(page.contains("name=\"title\""), "the form is there to go on");
    assert!(!page.contains("id=\"reference\""));
}

/// The same draft is sent well, and an agent finds what was listed and one more file.
fn goes_on(gateway: &Gateway, mailbox: &Mailbox, mut draft: Depositor, listed: &[&str]) {
    let pdf = samples::pdf("La suite");
    let reference = draft.send_well(
        "Demande urgente",
        "La suite.",
        &[Upload { name: "suite.pdf", kind: "application/pdf", bytes: &pdf }],
    );
    let mut agent = sign_in(gateway, &gateway.facts().agent_of(mailbox));
    let page = open_transfer(&mut agent, &reference).text();
    assert!(page.contains("La suite."));
    let names = file_names(&page);
    assert!(names.contains(&"suite.pdf".to_owned()), "{names:?}");
    assert_eq!(names.len(), listed.len() + 1, "{names:?} beside {listed:?}");
}

fn nested(head: &str, depth: usize) -> Vec<u8> {
    let mut mail = format!("{head}MIME-Version: 1.0\r\n");
    for level in 0..depth {
        write!(mail, "Content-Type: multipart/mixed; boundary=\"b{level}\"\r\n\r\n--b{level}\r\n").unwrap();
    }
    mail.push_str("Content-Type: text/plain\r\n\r\nfond\r\n");
    for level in (0..depth).rev() {
        write!(mail, "--b{level}--\r\n").unwrap();
    }
    mail.into_bytes()
}

fn parts(head: &str, count: usize) -> Vec<u8> {
    let part = "--b\r\nContent-Type: text/plain\r\n\r\nx\r\n".repeat(count);
    format!("{head}MIME-Version: 1.0\r\nContent-Type: multipart/mixed; boundary=b\r\n\r\n{part}--b--\r\n")
        .into_bytes()
}
