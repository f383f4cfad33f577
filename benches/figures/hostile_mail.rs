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
        ("a winmail.dat of empty attributes", winmail(&attribute(BODY, b"").repeat(5900))),
        ("a winmail.dat of files without end", winmail(&files(5900))),
        ("a winmail.dat of many values", winmail(&attribute(MESSAGE_PROPERTIES, &values(4000)))),
        ("a winmail.dat whose last length lies", {
            let texts = attribute(BODY, &[0xe9; 1000]).repeat(64);
            winmail(&[&texts[..], &[2], &BODY.to_le_bytes(), &u32::MAX.to_le_bytes()].concat())
        }),
        (
            "a winmail.dat of messages within one another",
            winmail(&nested(7, &attribute(BODY, &[b'x'; 60_000]))),
        ),
        ("a winmail.dat of too many messages within one another", winmail(&nested(700, b""))),
    ]
}

// Attributes of a `winmail.dat` ([MS-OXTNEF] section 2.1.3.2).
const BODY: u32 = 0x0002_800c;
const ATTACH_RENDERING: u32 = 0x0006_9002;
const ATTACH_PROPERTIES: u32 = 0x0006_9005;
const MESSAGE_PROPERTIES: u32 = 0x0006_9003;

/// A mail that is a `winmail.dat` with these attributes.
pub fn winmail(attributes: &[u8]) -> Vec<u8> {
    let head =
        "Content-Type: application/ms-tnef; name=winmail.dat\r\nContent-Transfer-Encoding: binary\r\n\r\n";
    [head.as_bytes(), &stream(attributes)].concat()
}

/// Empty files.
pub fn files(count: usize) -> Vec<u8> {
    attribute(ATTACH_RENDERING, b"").repeat(count)
}

/// The signature, a key, the attributes.
fn stream(attributes: &[u8]) -> Vec<u8> {
    [&0x223e_9f78_u32.to_le_bytes()[..], &[1, 0], attributes].concat()
}

/// A level, an id, a length, the data, a checksum that nobody looks at.
fn attribute(id: u32, data: &[u8]) -> Vec<u8> {
    let length = u32::try_from(data.len()).unwrap_or(u32::MAX);
    [&[2][..], &id.to_le_bytes(), &length.to_le_bytes(), data, &[0, 0]].concat()
}

/// A list of properties, each a text of one character.
fn values(count: u16) -> Vec<u8> {
    let one = b"\x1e\0\0\x10\x01\0\0\0\x01\0\0\0x\0\0\0";
    [&u32::from(count).to_le_bytes()[..], &one.repeat(usize::from(count))].concat()
}

/// A message that is attached to a message, and so on, the attributes in the innermost.
fn nested(depth: usize, attributes: &[u8]) -> Vec<u8> {
    (0..depth).fold(attributes.to_vec(), |inner, _| {
        let inner = stream(&inner);
        let length = u32::try_from(inner.len() + 16).unwrap_or(u32::MAX);
        // One property: the attached object, behind the id of its interface.
        let head =
            [&[1, 0, 0, 0, 0x0d, 0, 0x01, 0x37, 1, 0, 0, 0][..], &length.to_le_bytes(), &[0; 16]].concat();
        [attribute(ATTACH_RENDERING, b""), attribute(ATTACH_PROPERTIES, &[head, inner].concat())].concat()
    })
}
