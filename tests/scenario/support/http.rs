//! A browser without a screen: HTTP/1.1 over a plain socket, cookies kept, redirects followed when asked. Written here
//! because the stories need what client libraries rightly refuse: half a request, a forged origin, a wrong length.

use std::collections::BTreeMap;
use std::io::{self, Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use super::html::Form;

/// How long the gateway may be silent within an answer.
const SILENCE_MAX: Duration = Duration::from_mins(1);
const BOUNDARY: &str = "----a-boundary-of-the-tests";

/// Cookies and an address.
#[derive(Debug, Clone)]
pub struct Browser {
    /// `address:port`.
    pub host: String,
    /// The cookies that it holds.
    pub cookies: BTreeMap<String, String>,
    /// What it says that it prefers.
    pub language: &'static str,
    /// Headers that it adds to each request; an empty value leaves the header out that it would have sent.
    pub extra: Vec<(String, String)>,
}

/// What came back.
#[derive(Debug, Clone)]
pub struct Reply {
    /// The status code.
    pub status: u16,
    /// Headers in their order, names in lower case.
    pub headers: Vec<(String, String)>,
    /// The body, unchunked.
    pub body: Vec<u8>,
}

/// A file to send.
pub struct Upload<'a> {
    /// Its name as the form says it.
    pub name: &'a str,
    /// Its content type.
    pub kind: &'a str,
    /// Its bytes.
    pub bytes: &'a [u8],
}

impl Browser {
    /// A browser that has been nowhere.
    pub fn new(host: &str) -> Self {
        Self { host: host.to_owned(), cookies: BTreeMap::new(), language: "fr", extra: Vec::new() }
    }

    /// With one more header in every request.
    #[must_use]
    pub fn with(mut self, name: &str, value: &str) -> Self {
        self.extra.push((name.to_owned(), value.to_owned()));
        self
    }

    /// The same browser, its cookies kept, where the gateway is reached now.
    #[must_use]
    pub fn moved_to(mut self, host: &str) -> Self {
        host.clone_into(&mut self.host);
        self
    }

    /// Its cookies, as another program would send them.
    pub fn cookie_header(&self) -> String {
        self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ")
    }

    /// GET, without following.
    pub fn get(&mut self, path: &str) -> Reply {
        self.request("GET", path, &[], &[])
    }

    /// POST of any body, without following.
    pub fn post(&mut self, path: &str, kind: &str, body: &[u8]) -> Reply {
        self.request("POST", path, &[("Content-Type", kind)], body)
    }

    /// POST of a form's fields.
    pub fn post_fields(&mut self, path: &str, fields: &[(String, String)]) -> Reply {
        self.post(path, "application/x-www-form-urlencoded", encode(fields).as_bytes())
    }

    /// POST of a form with files.
    pub fn post_multipart(&mut self, path: &str, fields: &[(String, String)], files: &[Upload]) -> Reply {
        self.post(path, &multipart_kind(), &multipart(fields, files))
    }

    /// Sends a form of a page as a person would: its hidden fields, what is filled in, one button.
    pub fn submit(&mut self, form: &Form, filled: &[(&str, &str)], files: &[Upload]) -> Reply {
        let fields = form.filled(filled);
        if form.multipart {
            self.post_multipart(&form.action, &fields, files)
        } else {
            self.post_fields(&form.action, &fields)
        }
    }

    /// Follows redirects by GET, as a browser does.
    pub fn follow(&mut self, mut reply: Reply) -> Reply {
        for _ in 0..5 {
            let Some(to) = reply.header("location").filter(|_| (300..400).contains(&reply.status)) else {
                return reply;
            };
            reply = self.get(&super::gateway::path_of(to));
        }
        panic!("too many redirects");
    }

    /// One request and its answer.
    pub fn request(&mut self, method: &str, path: &str, headers: &[(&str, &str)], body: &[u8]) -> Reply {
        self.try_request(method, path, headers, body)
            .unwrap_or_else(|error| panic!("{method} {path}: no answer: {error}"))
    }

    /// One request; an error when no whole answer came.
    pub fn try_request(
        &mut self,
        method: &str,
        path: &str,
        headers: &[(&str, &str)],
        body: &[u8],
    ) -> io::Result<Reply> {
        let mut stream = self.connect()?;
        let head = self.head(method, path, headers, Some(body.len()));
        // A gateway that refuses early closes while we still write: its answer is read all the same.
        let written = stream.write_all(&head).and_then(|()| stream.write_all(body));
        let reply = read_reply(&mut stream, method).map_err(|error| written.err().unwrap_or(error))?;
        self.keep_cookies(&reply);
        Ok(reply)
    }

    /// Sends a head that promises `length` bytes, and only these of them; then goes away.
    pub fn leave_half_way(&self, path: &str, kind: &str, length: usize, sent: &[u8]) {
        let mut stream = self.connect().unwrap();
        let head = self.head("POST", path, &[("Content-Type", kind)], Some(length));
        stream.write_all(&head).unwrap();
        let _ = stream.write_all(sent);
        let _ = stream.flush();
    }

    /// Sends a head that promises `length` bytes, and gives the connection that they belong on.
    pub fn begin(&self, method: &str, path: &str, headers: &[(&str, &str)], length: usize) -> TcpStream {
        let mut stream = self.connect().unwrap();
        let length = length.to_string();
        let headers: Vec<_> = headers.iter().copied().chain([("Content-Length", length.as_str())]).collect();
        stream.write_all(&self.head(method, path, &headers, None)).unwrap();
        stream
    }

    fn connect(&self) -> io::Result<TcpStream> {
        let stream = TcpStream::connect(&self.host)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        Ok(stream)
    }

    fn head(&self, method: &str, path: &str, headers: &[(&str, &str)], length: Option<usize>) -> Vec<u8> {
        let origin = format!("http://{}", self.host);
        let mut all: Vec<(String, String)> = vec![
            ("Host".into(), self.host.clone()),
            ("User-Agent".into(), "pli-scenario/1".into()),
            ("Accept".into(), "text/html,*/*".into()),
            ("Accept-Language".into(), self.language.into()),
            ("Connection".into(), "close".into()),
        ];
        if method == "POST" {
            all.push(("Origin".into(), origin));
            all.push(("Sec-Fetch-Site".into(), "same-origin".into()));
            all.push(("Content-Length".into(), length.unwrap_or(0).to_string()));
        }
        if !self.cookies.is_empty() {
            let pairs: Vec<String> =
                self.cookies.iter().map(|(name, value)| format!("{name}={value}")).collect();
            all.push(("Cookie".into(), pairs.join("; ")));
        }
        let given = headers.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        for (name, value) in given.chain(self.extra.clone()) {
            all.retain(|(known, _)| !known.eq_ignore_ascii_case(&name));
            if !value.is_empty() {
                all.push((name, value));
            }
        }
        let lines: Vec<String> = all.iter().map(|(name, value)| format!("{name}: {value}\r\n")).collect();
        let lines = lines.concat();
        format!("{method} {path} HTTP/1.1\r\n{lines}\r\n").into_bytes()
    }

    fn keep_cookies(&mut self, reply: &Reply) {
        for (_, cookie) in reply.headers.iter().filter(|(name, _)| name == "set-cookie") {
            let Some((name, value)) = cookie.split(';').next().and_then(|pair| pair.split_once('=')) else {
                continue;
            };
            if value.is_empty() || cookie.to_ascii_lowercase().contains("max-age=0") {
                self.cookies.remove(name.trim());
            } else {
                self.cookies.insert(name.trim().to_owned(), value.trim().to_owned());
            }
        }
    }
}

impl Reply {
    /// A header's value.
    pub fn header(&self, name: &str) -> Option<&str> {
        self.headers.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }
}

/// The content type of [`multipart`].
pub fn multipart_kind() -> String {
    format!("multipart/form-data; boundary={BOUNDARY}")
}

/// A form with files as browsers write it (RFC 7578): names in UTF-8, quotes and line ends percent-encoded.
pub fn multipart(fields: &[(String, String)], files: &[Upload]) -> Vec<u8> {
    let mut body = Vec::new();
    for (name, value) in fields {
        let part =
            format!("--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"{name}\"\r\n\r\n{value}\r\n");
        body.extend_from_slice(part.as_bytes());
    }
    for file in files {
        let name = file.name.replace('"', "%22").replace('\r', "%0D").replace('\n', "%0A");
        let head = format!(
            "--{BOUNDARY}\r\nContent-Disposition: form-data; name=\"files\"; filename=\"{name}\"\r\nContent-Type: {}\r\n\r\n",
            file.kind
        );
        body.extend_from_slice(head.as_bytes());
        body.extend_from_slice(file.bytes);
        body.extend_from_slice(b"\r\n");
    }
    body.extend_from_slice(format!("--{BOUNDARY}--\r\n").as_bytes());
    body
}

fn encode(fields: &[(String, String)]) -> String {
    let encoded = |text: &str| {
        percent_encoding::utf8_percent_encode(text, percent_encoding::NON_ALPHANUMERIC).to_string()
    };
    let pairs: Vec<String> =
        fields.iter().map(|(name, value)| format!("{}={}", encoded(name), encoded(value))).collect();
    pairs.join("&")
}

fn read_reply(stream: &mut TcpStream, method: &str) -> io::Result<Reply> {
    let mut bytes = Vec::new();
    let mut buffer = vec![0; 256 * 1024];
    let short = || io::Error::new(io::ErrorKind::UnexpectedEof, "the answer ended early");
    loop {
        if let Some(reply) = whole(&bytes, method)? {
            return Ok(reply);
        }
        match stream.read(&mut buffer) {
            Ok(0) => return at_end(&bytes).ok_or_else(short),
            Ok(count) => bytes.extend_from_slice(&buffer[..count]),
            Err(error) if error.kind() == io::ErrorKind::ConnectionReset => {
                return at_end(&bytes).ok_or(error);
            }
            Err(error) => return Err(error),
        }
    }
}

/// The answer, if all of it is there and its length is known.
fn whole(bytes: &[u8], method: &str) -> io::Result<Option<Reply>> {
    let Some((reply, body)) = head_of(bytes) else { return Ok(None) };
    if method == "HEAD" || matches!(reply.status, 204 | 304) {
        return Ok(Some(reply));
    }
    let chunked = reply.header("transfer-encoding").is_some_and(|coding| coding.contains("chunked"));
    if chunked {
        // Only the last bytes are looked at first: a large body is not decoded again for every read.
        return if body.ends_with(b"0\r\n\r\n") {
            Ok(unchunked(body).map(|body| Reply { body, ..reply }))
        } else {
            Ok(None)
        };
    }
    match reply.header("content-length").map(str::parse::<usize>) {
        Some(Ok(length)) if body.len() >= length => {
            Ok(Some(Reply { body: body[..length].to_vec(), ..reply }))
        }
        Some(Err(_)) => Err(io::Error::new(io::ErrorKind::InvalidData, "a length that is no number")),
        _ => Ok(None),
    }
}

/// An answer that ends with its connection; one whose length is known and not reached is none.
fn at_end(bytes: &[u8]) -> Option<Reply> {
    let (reply, body) = head_of(bytes)?;
    let measured = reply.header("content-length").is_some() || reply.header("transfer-encoding").is_some();
    (!measured).then(|| Reply { body: body.to_vec(), ..reply })
}

fn head_of(bytes: &[u8]) -> Option<(Reply, &[u8])> {
    let end = bytes.windows(4).position(|window| window == b"\r\n\r\n")?;
    let head = String::from_utf8_lossy(&bytes[..end]).into_owned();
    let mut lines = head.lines();
    let status: u16 = lines.next()?.split_whitespace().nth(1)?.parse().ok()?;
    if status == 100 {
        return head_of(&bytes[end + 4..]);
    }
    let headers = lines
        .filter_map(|line| line.split_once(':'))
        .map(|(name, value)| (name.to_ascii_lowercase(), value.trim().to_owned()))
        .collect();
    Some((Reply { status, headers, body: Vec::new() }, &bytes[end + 4..]))
}

fn unchunked(mut body: &[u8]) -> Option<Vec<u8>> {
    let mut whole = Vec::with_capacity(body.len());
    loop {
        let line = body.windows(2).position(|window| window == b"\r\n")?;
        let size = std::str::from_utf8(&body[..line]).ok()?.split(';').next()?;
        let size = usize::from_str_radix(size.trim(), 16).ok()?;
        body = &body[line + 2..];
        if size == 0 {
            return Some(whole);
        }
        whole.extend_from_slice(body.get(..size)?);
        body = body.get(size + 2..)?;
    }
}
