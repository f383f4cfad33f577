//! Mails as the programs of partners write them, and mails as nobody should. All people are invented.

use std::fmt::Write;

use mail_parser::MessageParser;
use proptest::prelude::*;

use super::*;

#[path = "../../benches/figures/hostile_mail.rs"]
mod hostile_mail;

const PDF: &[u8] = b"%PDF-1.7\r\n\x00\x01\x02\xff\xfe\n--b1\r\nnot a delimiter\r%%EOF\n";

fn parse_from_person(bytes: &[u8]) -> Result<ParsedMail<'_>, MessageError> {
    parse(bytes, Some(&MailAddress::parse("lea.petit@ccas.example").unwrap()), &Limits::default())
}

fn base64(bytes: &[u8]) -> String {
    use base64::{Engine, engine::general_purpose::STANDARD};
    let encoded = STANDARD.encode(bytes);
    let lines: Vec<&str> = encoded.as_bytes().chunks(76).map(|l| std::str::from_utf8(l).unwrap()).collect();
    lines.join("\r\n") + "\r\n"
}

fn crlf(text: &str) -> Vec<u8> {
    text.replace("\r\n", "\n").replace('\n', "\r\n").into_bytes()
}

fn names<'a>(mail: &'a ParsedMail<'_>) -> Vec<&'a str> {
    mail.attachments.iter().map(|a| a.name.as_str()).collect()
}

#[test]
fn a_mail_made_by_swaks_gives_its_text_and_its_file() {
    let mail = crlf(&format!(
        "Date: Sat, 21 Nov 2026 09:30:00 +0100\nTo: depot@pli.example\nFrom: lea.petit@ccas.example\n\
         Subject: Urgence CD35\nMessage-Id: <20261121093000.004711@ccas.example>\nX-Mailer: swaks v20201014.0\n\
         MIME-Version: 1.0\nContent-Type: multipart/mixed; boundary=\"----=_MIME_BOUNDARY_000_4711\"\n\n\
         ------=_MIME_BOUNDARY_000_4711\nContent-Type: text/plain\n\nBonjour,\nvoici le dossier.\n\
         ------=_MIME_BOUNDARY_000_4711\nContent-Type: application/pdf; name=\"bilan.pdf\"\n\
         Content-Description: bilan.pdf\nContent-Disposition: attachment; filename=\"bilan.pdf\"\n\
         Content-Transfer-Encoding: BASE64\n\n{}\n------=_MIME_BOUNDARY_000_4711--\n",
        base64(PDF)
    ));
    let parsed = parse_from_person(&mail).unwrap();
    assert_eq!(parsed.author.unwrap().to_string(), "lea.petit@ccas.example");
    assert_eq!(parsed.subject.as_deref(), Some("Urgence CD35"));
    assert_eq!(parsed.message_id.as_deref(), Some("20261121093000.004711@ccas.example"));
    assert_eq!(parsed.date, Some(Timestamp(1_795_249_800_000)));
    assert_eq!(parsed.text, "Bonjour,\nvoici le dossier.");
    assert_eq!(parsed.attachments.len(), 1);
    assert_eq!(parsed.attachments[0].name.as_str(), "bilan.pdf");
    assert_eq!(parsed.attachments[0].content_type, "application/pdf");
    assert_eq!(parsed.attachments[0].bytes, PDF);
    assert_eq!(parsed.kind, MailKind::Ordinary);
}

#[test]
fn nested_multiparts_with_a_forwarded_message_come_apart_without_touching_it() {
    let forwarded = "From: usager@foyer.example\nSubject: =?utf-8?q?D=C3=A9tresse?=\n\
         Content-Type: multipart/mixed; boundary=\"inner\"\n\n--inner\n\nCourrier d'origine\n--inner\n\
         Content-Type: application/pdf\n\nabc\n--inner--\n";
    let mail = crlf(&format!(
        "From: =?utf-8?b?TMOpYSBQZXRpdA==?= <lea.petit@ccas.example>\nSubject: Demande urgente\n\
         Content-Type: multipart/mixed; boundary=\"===============outer==\"\nMIME-Version: 1.0\n\n\
         This is a multi-part message in MIME format.\n--===============outer==\n\
         Content-Type: multipart/related; boundary=\"===============rel==\"\n\n--===============rel==\n\
         Content-Type: multipart/alternative; boundary=\"===============alt==\"\n\n--===============alt==\n\
         Content-Type: text/plain; charset=\"utf-8\"\nContent-Transfer-Encoding: quoted-printable\n\n\
         Dossier de Mme X : =C3=A0 voir=\n aujourd=27hui.\n--===============alt==\n\
         Content-Type: text/html; charset=\"utf-8\"\n\n<p>Dossier</p>\n--===============alt==--\n\
         --===============rel==\nContent-Type: image/png\nContent-ID: <logo>\nContent-Disposition: inline\n\
         Content-Transfer-Encoding: base64\n\niVBORw0K\n--===============rel==--\n\n--===============outer==\n\
         Content-Type: message/rfc822\n\n{forwarded}\n--===============outer==\n\
         Content-Type: text/csv; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: base64\n\
         Content-Disposition: attachment; filename*0*=utf-8''re%CC%81partition; filename*1=\".csv\"\n\n\
         {}\n--===============outer==--\nepilogue\n",
        base64(b"nom;pr\xe9nom\n")
    ));
    let parsed = parse_from_person(&mail).unwrap();
    assert_eq!(parsed.text, "Dossier de Mme X : à voir aujourd'hui.");
    assert_eq!(names(&parsed), ["piece-jointe-1.png", "piece-jointe-2.eml", "répartition.csv"]);
    assert_eq!(parsed.attachments[0].bytes, &b"\x89PNG\r\n"[..]);
    assert_eq!(parsed.attachments[1].bytes, crlf(forwarded), "an attached message is kept byte for byte");
    assert_eq!(parsed.attachments[2].bytes, &b"nom;pr\xe9nom\n"[..], "a text file keeps its character set");
}

#[test]
fn outlook_and_apple_mail_read_as_their_authors_meant() {
    let outlook = crlf(
        "From: lea.petit@ccas.example\nSubject: Urgence CD35\nX-Auto-Response-Suppress: DR, OOF, AutoReply\n\
         Thread-Index: Adx\nContent-Type: multipart/mixed;\n\tboundary=\"_004_AM0\"\n\n--_004_AM0\n\
         Content-Type: text/html; charset=\"iso-8859-1\"\nContent-Transfer-Encoding: quoted-printable\n\n\
         <html><head><style>p {color:red}</style></head><body><p>D=E9p=F4t &amp; suite</p><p>Merci</p></body></html>\n\
         --_004_AM0\nContent-Type: application/ms-tnef; name=\"winmail.dat\"\nContent-Transfer-Encoding: base64\n\n\
         eJ8+\n--_004_AM0\nContent-Type: application/vnd.openxmlformats-officedocument.wordprocessingml.document;\n\
         \tname=\"=?iso-8859-1?Q?Synth=E8se_sociale.docx?=\"\nContent-Disposition: attachment;\n\
         \tfilename=\"=?iso-8859-1?Q?Synth=E8se_sociale.docx?=\"; size=4\nContent-Transfer-Encoding: base64\n\n\
         UEsDBA==\n--_004_AM0--\n",
    );
    let parsed = parse_from_person(&outlook).unwrap();
    assert_eq!(parsed.text, "Dépôt & suite\nMerci");
    assert_eq!(names(&parsed), ["winmail.dat", "Synthèse sociale.docx"]);
    assert_eq!(parsed.kind, MailKind::Ordinary, "asking for no automatic answer is not being one");

    let apple = crlf(
        "From: lea.petit@ccas.example\nSubject: Demande urgente\nContent-Type: multipart/alternative;\n boundary=A\n\n\
         --A\nContent-Type: text/plain; charset=us-ascii\n\nVoir ci-joint.\n--A\n\
         Content-Type: multipart/mixed; boundary=B\n\n--B\nContent-Type: text/html\n\n<p>Voir</p>\n--B\n\
         Content-Type: application/pdf; x-unix-mode=0644; name=\"Fiche.pdf\"\nContent-Disposition: inline;\n\
         \tfilename=Fiche.pdf\nContent-Transfer-Encoding: base64\n\nJVBERg==\n--B\n\
         Content-Type: text/html\n\n<p>ci-joint.</p>\n--B--\n--A--\n",
    );
    let parsed = parse_from_person(&apple).unwrap();
    assert_eq!((parsed.text.as_str(), names(&parsed)), ("Voir ci-joint.", vec!["Fiche.pdf"]));
    assert_eq!(parsed.attachments[0].bytes, &b"%PDF"[..]);
}

#[test]
fn a_page_of_html_keeps_its_lines_and_the_cells_of_its_tables_apart() {
    let mail = crlf(
        "From: lea.petit@ccas.example\nContent-Type: text/html; charset=utf-8\n\n\
         <div dir=\"ltr\">Bonjour,<div>deux lignes</div></div><TABLE><tr><th>Nom</th><TD>Martin</TD></tr>\
         <tr><td>Ville</td><td>Redon</td></tr></TABLE><ul><li>un</li><li>deux</li></ul><script>a</script>\n",
    );
    let text = parse_from_person(&mail).unwrap().text;
    assert_eq!(text, "Bonjour,\ndeux lignes\nNom Martin\nVille Redon\nun\ndeux");
}

#[test]
fn signed_and_calendar_parts_are_files() {
    let mail = crlf(
        "From: lea.petit@ccas.example\nContent-Type: multipart/signed; boundary=S; micalg=sha-256\n\n--S\n\
         Content-Type: text/plain\n\nSigné\n--S\nContent-Type: application/pkcs7-signature; name=smime.p7s\n\
         Content-Transfer-Encoding: base64\n\nMIAG\n--S\nContent-Type: text/calendar; method=REQUEST\n\n\
         BEGIN:VCALENDAR\n--S--\n",
    );
    let parsed = parse_from_person(&mail).unwrap();
    assert_eq!((parsed.text.as_str(), names(&parsed)), ("Signé", vec!["smime.p7s", "piece-jointe-2.ics"]));
}

#[test]
fn automatic_answers_are_recognised_in_their_dialects() {
    for marks in [
        "Auto-Submitted: auto-replied (vacation)\nSubject: Re: Urgence CD35",
        "Auto-Submitted: auto-generated\nX-Auto-Response-Suppress: All\nSubject: =?utf-8?q?R=C3=A9ponse_automatique_?=: x",
        "X-Autoreply: yes\nPrecedence: bulk\nSubject: Je suis absente",
        "Precedence: auto_reply\nSubject: x",
        "X-POST-MessageClass: 9; Autoresponder\nSubject: x",
        "In-Reply-To: <notice.1@pli.example>\nSubject: Automatic reply: Urgence CD35",
        "References: <notice.1@pli.example>\nSubject: Absence du bureau : Urgence CD35",
    ] {
        let mail = crlf(&format!("From: lea.petit@ccas.example\n{marks}\n\nJe suis absente.\n"));
        assert_eq!(parse_from_person(&mail).unwrap().kind, MailKind::AutomaticReply, "{marks}");
        let null_sender = parse(&mail, None, &Limits::default()).unwrap();
        assert_eq!(null_sender.kind, MailKind::AutomaticReply, "{marks}, null sender");
    }
}

#[test]
fn what_a_person_writes_is_ordinary_whatever_the_subject() {
    for marks in
        ["Subject: Réponse automatique : x", "Auto-Submitted: no\nSubject: x", "X-Autoreply: no\nSubject: y"]
    {
        let mail = crlf(&format!("From: lea.petit@ccas.example\n{marks}\n\nBonjour\n"));
        assert_eq!(parse_from_person(&mail).unwrap().kind, MailKind::Ordinary, "{marks}");
    }
    for (marks, kind) in [
        ("List-Id: <veille.social.example>", MailKind::ListMail),
        ("List-Post: <mailto:veille@social.example>", MailKind::ListMail),
        ("List-Post: NO", MailKind::ListMail),
        ("Precedence: list", MailKind::ListMail),
        ("Precedence: List (RFC 3834)", MailKind::ListMail),
        ("Precedence: bulk", MailKind::AutomaticGenerated),
        ("Precedence: junk", MailKind::AutomaticGenerated),
        ("X-FC-MachineGenerated: true", MailKind::AutomaticGenerated),
        ("Auto-Submitted: auto-generated", MailKind::AutomaticGenerated),
        ("Precedence: first-class", MailKind::Ordinary),
        ("List-Unsubscribe: <https://social.example/x>", MailKind::Ordinary),
    ] {
        let mail = crlf(&format!("From: lea.petit@ccas.example\n{marks}\n\nBonjour\n"));
        assert_eq!(parse_from_person(&mail).unwrap().kind, kind, "{marks}");
    }
}

#[test]
fn a_postfix_bounce_says_which_mail_came_back_and_why() {
    let mail = crlf(
        "From: MAILER-DAEMON@mx.ccas.example (Mail Delivery System)\nSubject: Undelivered Mail Returned to Sender\n\
         Auto-Submitted: auto-replied\nMIME-Version: 1.0\nContent-Type: multipart/report; report-type=delivery-status;\n\
         \tboundary=\"8A1.1795249800/mx.ccas.example\"\n\n--8A1.1795249800/mx.ccas.example\n\
         Content-Description: Notification\nContent-Type: text/plain; charset=us-ascii\n\nI'm sorry.\n\n\
         --8A1.1795249800/mx.ccas.example\nContent-Description: Delivery report\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.ccas.example\n\
         X-Postfix-Queue-ID: 8A1\nArrival-Date: Sat, 21 Nov 2026 09:30:00 +0100 (CET)\n\n\
         Final-Recipient: rfc822; lea.petit@ccas.example\nOriginal-Recipient: rfc822;Lea.Petit@ccas.example\n\
         Action: failed\nStatus: 5.1.1\nRemote-MTA: dns; mx.ccas.example\n\
         Diagnostic-Code: smtp; 550 5.1.1 <lea.petit@ccas.example>: Recipient address\n    rejected: User unknown\n\n\
         --8A1.1795249800/mx.ccas.example\nContent-Description: Undelivered Message\n\
         Content-Type: message/rfc822\n\nReceived: by mx\nMessage-ID: <acknowledgement.0a@pli.example>\n\
         Subject: x\n\nSecret\n--8A1.1795249800/mx.ccas.example--\n",
    );
    let kind = parse(&mail, None, &Limits::default()).unwrap().kind;
    let MailKind::Bounce(report) = kind else { panic!("{kind:?}") };
    assert_eq!(report.original_message_id.as_deref(), Some("acknowledgement.0a@pli.example"));
    let [recipient] = report.recipients.as_slice() else { panic!("{report:?}") };
    assert_eq!(recipient.address.as_ref().unwrap().to_string(), "lea.petit@ccas.example");
    assert_eq!((recipient.action, recipient.status.as_deref()), (DeliveryAction::Failed, Some("5.1.1")));
    assert!(recipient.diagnostic.as_ref().unwrap().ends_with("rejected: User unknown"), "{recipient:?}");
}

#[test]
fn an_old_style_bounce_is_known_by_its_null_sender() {
    let mail =
        crlf("From: postmaster@x.example\nIn-Reply-To: <notice.1@pli.example>\nSubject: failure\n\nSorry.\n");
    let expected =
        BounceReport { original_message_id: Some("notice.1@pli.example".to_owned()), recipients: Vec::new() };
    assert_eq!(parse(&mail, None, &Limits::default()).unwrap().kind, MailKind::Bounce(expected));
}

/// Bounces in words alone, as systems write them that know no RFC 3464.
#[test]
fn an_old_style_bounce_tells_its_status_and_whether_it_is_the_end() {
    let exchange = "From: System Administrator <postmaster@x.example>\nSubject: Undeliverable: Demande urgente\n\n\
        Your message did not reach some or all of the intended recipients.\n\nThe following recipient(s) could not be reached:\n\n\
        retraite@x.example on 21/11/2026 10:00\n  The e-mail account does not exist at the organization this message was sent to.\n\
          <mx.x.example #5.1.1 smtp;550 5.1.1 [192.0.2.15] User unknown>\n";
    let qmail = "From: MAILER-DAEMON@x.example\nSubject: failure notice\n\nHi. This is the qmail-send program at x.example.\n\
        <retraite@x.example>:\n192.0.2.1 failed after I sent the message.\nRemote host said: 552 5.2.2 mailbox full\n";
    let sendmail = "From: MAILER-DAEMON@x.example\nSubject: Warning: could not send message for past 4 hours\n\n\
        ** THIS IS A WARNING MESSAGE ONLY **\nDeferred: 4.4.1 Connection timed out with mx.x.example.\n";
    let french = "From: postmaster@x.example\nSubject: Remise diff=C3=A9r=C3=A9e\nContent-Type: text/plain; charset=utf-8\n\n\
        Votre message n’a pas encore été remis.\n";
    let silent = "From: postmaster@x.example\nSubject: Retour\n\nVersion 10.0.0.1 du 2026.11.21.\n";
    let read = |mail: &str| {
        let kind = parse(&crlf(mail), None, &Limits::default()).unwrap().kind;
        let MailKind::Bounce(report) = kind else { panic!("{kind:?}") };
        report.recipients.first().map(|one| (one.action, one.status.clone()))
    };
    let failed = |status: &str| Some((DeliveryAction::Failed, Some(status.to_owned())));
    assert_eq!(read(exchange), failed("5.1.1"));
    assert_eq!(read(qmail), failed("5.2.2"));
    assert_eq!(read(sendmail), Some((DeliveryAction::Delayed, Some("4.4.1".to_owned()))));
    assert_eq!(read(french), Some((DeliveryAction::Delayed, None)));
    assert_eq!(read(silent), None, "an address of a machine and a date are no status");
}

/// As Exchange Online writes them: the report is one of RFC 3464, around it much else.
#[test]
fn a_report_of_exchange_is_read_as_one() {
    let mail = crlf(
        "From: <postmaster@x.example>\nSubject: =?utf-8?B?Tm9uIHJlbWlzwqA6IERlbWFuZGUgdXJnZW50ZQ==?=\n\
         Auto-Submitted: auto-replied\nX-MS-Exchange-Message-Is-Ndr:\nMIME-Version: 1.0\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=\"_000_x\"\n\n--_000_x\n\
         Content-Type: multipart/alternative; boundary=\"_001_x\"\n\n--_001_x\nContent-Type: text/plain; charset=\"utf-8\"\n\n\
         Votre message à retraite@x.example n’a pas pu être remis.\n--_001_x\nContent-Type: text/html\n\n<p>Non remis</p>\n\
         --_001_x--\n--_000_x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns;PR0.x.example\n\
         Received-From-MTA: dns;pli.example\nArrival-Date: Sat, 21 Nov 2026 09:30:00 +0000\n\n\
         Final-Recipient: rfc822;retraite@x.example\nAction: failed\nStatus: 5.1.10\n\
         Diagnostic-Code: smtp;550 5.1.10 RESOLVER.ADR.RecipientNotFound; Recipient not found by SMTP address lookup\n\n\
         --_000_x\nContent-Type: message/rfc822\n\nMessage-ID: <notice.0a@pli.example>\n\nx\n--_000_x--\n",
    );
    let kind = parse(&mail, None, &Limits::default()).unwrap().kind;
    let MailKind::Bounce(report) = kind else { panic!("{kind:?}") };
    assert_eq!(report.recipients[0].action, DeliveryAction::Failed);
    assert_eq!(report.recipients[0].status.as_deref(), Some("5.1.10"));
}

#[test]
fn malformed_mails_lose_nothing() {
    let cases: [(&str, &str, &[&str]); 5] = [
        ("Content-Type: multipart/mixed; boundary=never\n\nDu texte\n", "Du texte", &[]),
        ("Content-Type: multipart/mixed\n\nDu texte\n", "Du texte", &[]),
        (
            "Content-Type: multipart/mixed; boundary=b\n\n--b\n\nUn\n--b\nContent-Type: text/plain; name=x.txt",
            "Un",
            &["x.txt"],
        ),
        ("Content-Transfer-Encoding: base64\n\nQm9uam91ciE!*\n", "Bonjour!", &[]),
        ("Content-Transfer-Encoding: quoted-printable\n\nA =ZZ B\n", "A =ZZ B", &[]),
    ];
    for (tail, text, files) in cases {
        let mail = crlf(&format!("From: a@b.example\n{tail}"));
        let parsed = parse_from_person(&mail).unwrap();
        assert_eq!((parsed.text.as_str(), names(&parsed).as_slice()), (text, files), "{tail:?}");
    }
    assert_eq!(parse_from_person(b"").unwrap_err(), MessageError::Empty);
    assert_eq!(parse_from_person(b"\r\nno header\r\n").unwrap_err(), MessageError::Empty);
}

#[test]
fn every_limit_refuses_by_name() {
    let multiparts = |count: usize| {
        let open = |n: usize| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n");
        crlf(&(0..count).map(open).collect::<String>())
    };
    assert!(parse_from_person(&multiparts(64)).is_ok());
    assert_eq!(parse_from_person(&multiparts(65)).unwrap_err(), MessageError::TooDeep { limit: 64 });
    assert_eq!(parse_from_person(&multiparts(1000)).unwrap_err(), MessageError::TooDeep { limit: 64 });

    let flat = |count: usize| {
        crlf(&format!("Content-Type: multipart/mixed; boundary=b\n\n{}--b--\n", "--b\n\n.\n".repeat(count)))
    };
    assert!(parse_from_person(&flat(999)).is_ok());
    assert_eq!(parse_from_person(&flat(10_000)).unwrap_err(), MessageError::TooManyParts { limit: 1000 });

    let giant = format!("Subject: {}\r\n\r\n", "x".repeat(1 << 20)).into_bytes();
    assert!(matches!(parse_from_person(&giant), Err(MessageError::HeaderTooLarge { .. })));
    let unending = vec![b'x'; 1 << 20];
    assert!(matches!(parse_from_person(&unending), Err(MessageError::HeaderTooLarge { .. })));

    let small = Limits { decoded_bytes: ByteSize(100), ..Limits::default() };
    let mail = format!("Subject: x\r\n\r\n{}", "é".repeat(80));
    assert!(matches!(parse(mail.as_bytes(), None, &small), Err(MessageError::TooLarge { .. })));
}

/// Counted, not timed: whatever the shape, what comes out is no more than a few times what went in. Time and memory are
/// measured by `benches/hostile_mail.rs`.
#[test]
fn a_hostile_message_of_64_kib_gives_no_more_than_it_holds() {
    for (shape, bytes) in hostile_mail::hostile() {
        let Ok(parsed) = parse(&bytes, None, &Limits::default()) else { continue };
        let files: usize =
            parsed.attachments.iter().map(|file| file.bytes.len() + file.name.as_str().len()).sum();
        let ids: usize = parsed.references.iter().map(String::len).sum();
        let out = parsed.text.len() + files + ids + parsed.subject.map_or(0, |subject| subject.len());
        assert!(out <= 4 * bytes.len(), "{shape}: {out} bytes of {}", bytes.len());
        assert!(parsed.attachments.len() <= Limits::default().parts, "{shape}");
    }
}

/// What is not understood, or holds more than is taken, stays the one file that it came as.
#[test]
fn a_hostile_winmail_dat_comes_apart_within_the_limits_or_stays_a_file() {
    let shapes: Vec<_> =
        hostile_mail::hostile().into_iter().filter(|(shape, _)| shape.contains("winmail.dat")).collect();
    assert_eq!(shapes.len(), 6);
    for (shape, bytes) in shapes {
        assert!((40_000..=66_000).contains(&bytes.len()), "{shape}: {} bytes", bytes.len());
        let parsed = parse_from_person(&bytes).unwrap();
        let sizes: Vec<_> = parsed.attachments.iter().map(|file| file.bytes.len()).collect();
        let head = bytes.windows(4).position(|found| found == b"\r\n\r\n").unwrap() + 4;
        let whole = bytes.len() - head;
        let expected = match shape.strip_prefix("a winmail.dat ").unwrap() {
            // Nothing is in it: it is kept. A text alone: that is the mail's.
            "of empty attributes" => vec![whole],
            "of many values" => vec![],
            // The innermost text; the stream too, since it has none of its own to show.
            "of messages within one another" => vec![60_000, whole],
            "of files without end" | "whose last length lies" | "of too many messages within one another" => {
                vec![whole]
            }
            other => panic!("{other} is not known"),
        };
        assert_eq!(sizes, expected, "{shape}");
    }
}

#[test]
fn the_files_of_a_winmail_dat_are_parts_among_the_others() {
    let files = |count| hostile_mail::winmail(&hostile_mail::files(count));
    let count = |mail: &[u8]| parse_from_person(mail).unwrap().attachments.len();
    assert_eq!(count(&files(999)), 1000, "and the stream itself, which has no text to show");
    assert_eq!(count(&files(1000)), 1, "one more, and it stays as it came");
    let beside = |inside, others| {
        let head = b"Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n";
        let file = b"\r\n--b\r\nContent-Type: application/pdf\r\n\r\n%PDF".repeat(others);
        count(&[&head[..], &files(inside), &file, b"\r\n--b--\r\n"].concat())
    };
    assert_eq!((beside(399, 600), beside(400, 600)), (1000, 601));
}

/// A small MIME tree, written out in the form that every program agrees on.
#[derive(Debug, Clone)]
enum Tree {
    File(Vec<u8>),
    Multipart(Vec<Tree>),
}

fn tree() -> impl Strategy<Value = Tree> {
    let file = proptest::collection::vec(any::<u8>(), 0..200).prop_map(Tree::File);
    file.prop_recursive(4, 24, 4, |inner| proptest::collection::vec(inner, 1..4).prop_map(Tree::Multipart))
}

fn write_tree(tree: &Tree, counter: &mut usize, out: &mut String) {
    match tree {
        Tree::File(bytes) => {
            let head = "Content-Type: application/pdf\r\nContent-Transfer-Encoding: base64\r\n\r\n";
            out.push_str(head);
            out.push_str(&base64(bytes));
        }
        Tree::Multipart(children) => {
            *counter += 1;
            let boundary = format!("b{counter}");
            write!(out, "Content-Type: multipart/mixed; boundary=\"{boundary}\"\r\n\r\n").unwrap();
            for child in children {
                write!(out, "\r\n--{boundary}\r\n").unwrap();
                write_tree(child, counter, out);
            }
            write!(out, "\r\n--{boundary}--\r\n").unwrap();
        }
    }
}

/// Pieces of syntax that upset parsers when they meet.
const PIECES: [&[u8]; 26] = [
    b"Content-Type: multipart/mixed; boundary=b\r\n",
    b"--b\r\n",
    b"--b--\r\n",
    b"\r\n",
    b"Content-Type: text/html\r\n",
    b"<!--",
    b"&#x",
    b"<br",
    b";",
    b"Content-Transfer-Encoding: quoted-printable\r\n",
    b"=\r",
    b" \r\n",
    b"\xc3",
    b"Content-Transfer-Encoding: base64\r\n",
    b"AAA=",
    b"From: ",
    b"\"<a@b.c>,(",
    b"Date: 99 Foo 99999999 99:99:99 +9999\r\n",
    b"Subject: =?utf-16?b?AAA",
    b"?=",
    b"\n",
    b"Content-Disposition: attachment; filename*0*=utf-8''%",
    b"; filename*9=x\r\n",
    b"> -",
    b"Content-Type: text/plain; charset=utf-7\r\n",
    b"Content-Type: message/delivery-status\r\n",
];

proptest! {
    #[test]
    fn files_of_any_tree_come_out_whole_and_as_mail_parser_finds_them(tree in tree()) {
        let mut mail = "From: a@b.example\r\nMIME-Version: 1.0\r\n".to_owned();
        write_tree(&tree, &mut 0, &mut mail);
        let parsed = parse_from_person(mail.as_bytes()).unwrap();
        let ours: Vec<&[u8]> = parsed.attachments.iter().map(|a| a.bytes.as_ref()).collect();
        let other = MessageParser::default().parse(mail.as_bytes()).unwrap();
        let theirs: Vec<&[u8]> = other.attachments().map(mail_parser::MessagePart::contents).collect();
        prop_assert_eq!(ours, theirs);
    }

    #[test]
    fn no_bytes_make_the_parser_panic(
        pieces in proptest::collection::vec(proptest::sample::select(&PIECES[..]), 0..24),
        noise: Vec<u8>,
    ) {
        let mut bytes: Vec<u8> = pieces.concat();
        let _ = parse(&bytes, None, &Limits::default());
        bytes.extend(noise);
        let _ = parse(&bytes, None, &Limits::default());
    }
}
