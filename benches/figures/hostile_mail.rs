//! Mails that made other parsers quadratic or worse, for the benchmark of their cost and the test of what comes out.

/// Shapes that made other parsers quadratic or worse, at 64 KiB each.
pub fn hostile() -> Vec<(&'static str, Vec<u8>)> {
    let fill = |head: &str, unit: &str| {
        format!("{head}{}", unit.repeat((65_536 - head.len()) / unit.len())).into_bytes()
    };
    vec![
        ("one boundary for all", fill("", "Content-Type: multipart/mixed; boundary=b\r\n\r\n--b\r\n")),
        ("boundaries that never come", fill("", "Content-Type: multipart/mixed; boundary=x\r\n\r\n")),
        ("a chain of attached messages", fill("A: b\r\n", "Content-Type: message/rfc822\r\n\r\n")),
        ("a digest of digests", fill("", "Content-Type: multipart/digest; boundary=b\r\n\r\n--b\r\n\r\n")),
        ("empty parts", fill("Content-Type: multipart/mixed; boundary=b\r\n\r\n", "--b\r\n\r\n")),
        (
            "almost delimiters",
            fill("Content-Type: multipart/mixed; boundary=bb\r\n\r\n--bb\r\n\r\n", "--b\r\n"),
        ),
        ("encoded words without end", fill("Subject: ", "=?utf-8?q?")),
        ("encoded names", fill("Content-Type: a/b; name=\"", "=?utf-8?q?")),
        (
            "encoded words in every part",
            fill(
                "Content-Type: multipart/mixed; boundary=b\r\n\r\n",
                &format!("--b\r\nContent-Type: a/b; name=\"{}\r\n\r\n", "=?utf-8?q?".repeat(400)),
            ),
        ),
        ("continuations", fill("Content-Disposition: attachment", "; filename*1*=a")),
        ("comments", fill("From: ", "(")),
        ("groups", fill("From: ", "a:")),
        ("ids", fill("References: ", "<a>")),
        ("fields", fill("", "a:\r\n")),
        ("html", fill("Content-Type: text/html\r\n\r\n", "<a<!--&#x1F600;")),
        ("html entities", fill("Content-Type: text/html\r\n\r\n", "&;&é;<é>&#;")),
        ("quoted-printable", fill("Content-Transfer-Encoding: quoted-printable\r\n\r\n", "=\r\n ")),
        ("base64 garbage", fill("Content-Transfer-Encoding: base64\r\n\r\n", "!A=")),
        ("utf-7", fill("Content-Type: text/plain; charset=utf-7\r\n\r\n", "+AGEA")),
        (
            "a report of many",
            fill(
                "Content-Type: multipart/report; boundary=b\r\n\r\n--b\r\nContent-Type: message/delivery-status\r\n\r\n",
                "Action: x\r\n\r\n",
            ),
        ),
        ("nothing but line ends", fill("A: b\r\n", "\r\n")),
    ]
}
