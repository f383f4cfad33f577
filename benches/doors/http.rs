//! As much of an HTTP/1.1 client as the load needs (RFC 9112): one kept connection, answers with a length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

/// How many bytes of a download are read at once.
const FETCH_BYTES: usize = 256 * 1024;

/// A kept connection.
pub struct Connection {
    host: String,
    stream: BufReader<TcpStream>,
}

/// An answer.
pub struct Answer {
    pub status: u16,
    headers: Vec<(String, String)>,
    body: Vec<u8>,
}

impl Answer {
    pub fn header(&self, name: &str) -> &str {
        let found = self.headers.iter().find(|(known, _)| known == name);
        found.map_or("", |(_, value)| value.as_str())
    }
}

impl Connection {
    pub fn open(host: &str) -> Self {
        let stream = TcpStream::connect(host).unwrap();
        stream.set_nodelay(true).unwrap();
        Self { host: host.to_owned(), stream: BufReader::new(stream) }
    }

    /// The text of a page.
    pub fn get(&mut self, path: &str) -> String {
        String::from_utf8_lossy(&self.send("GET", path, "", &[]).body).into_owned()
    }

    /// Sends a form without files.
    pub fn post_form(&mut self, path: &str, form: &str) -> Answer {
        let headers = "Content-Type: application/x-www-form-urlencoded\r\n";
        self.send("POST", path, headers, &[form.as_bytes()])
    }

    /// Sends a request whose body is in pieces, and reads the answer.
    pub fn send(&mut self, method: &str, path: &str, headers: &str, body: &[&[u8]]) -> Answer {
        let length: usize = body.iter().map(|piece| piece.len()).sum();
        let host = &self.host;
        let head =
            format!("{method} {path} HTTP/1.1\r\nHost: {host}\r\n{headers}Content-Length: {length}\r\n\r\n");
        let stream = self.stream.get_mut();
        stream.write_all(head.as_bytes()).unwrap();
        for piece in body {
            stream.write_all(piece).unwrap();
        }
        self.answer()
    }

    /// Fetches a path and lets go of its bytes as they come; how many there were.
    pub fn fetch(&mut self, path: &str, cookie: &str) -> u64 {
        let host = &self.host;
        let head = format!("GET {path} HTTP/1.1\r\nHost: {host}\r\nCookie: {cookie}\r\n\r\n");
        self.stream.get_mut().write_all(head.as_bytes()).unwrap();
        let answer = self.head();
        assert_eq!(answer.status, 200, "{path} is not sent");
        let mut left: u64 = answer.header("content-length").parse().unwrap();
        let mut buffer = vec![0; FETCH_BYTES];
        let mut fetched = 0;
        while left > 0 {
            let most = usize::try_from(left).unwrap_or(usize::MAX).min(FETCH_BYTES);
            let count = self.stream.read(&mut buffer[..most]).unwrap();
            assert!(count > 0, "{path} was cut");
            left -= count as u64;
            fetched += count as u64;
        }
        fetched
    }

    /// The text of a page that a cookie opens.
    pub fn get_with(&mut self, path: &str, cookie: &str) -> String {
        let headers = format!("Cookie: {cookie}\r\n");
        String::from_utf8_lossy(&self.send("GET", path, &headers, &[]).body).into_owned()
    }

    fn answer(&mut self) -> Answer {
        let mut answer = self.head();
        let length = answer.header("content-length").parse().unwrap_or(0);
        self.stream.by_ref().take(length).read_to_end(&mut answer.body).unwrap();
        answer
    }

    fn head(&mut self) -> Answer {
        let status = self.line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        Answer { status, headers, body: Vec::new() }
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the server closed the connection");
        line.trim_end().to_owned()
    }
}
