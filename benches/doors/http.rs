//! As much of an HTTP/1.1 client as the load needs (RFC 9112): one kept connection, answers with a length.

use std::io::{BufRead, BufReader, Read, Write};
use std::net::TcpStream;

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

    fn answer(&mut self) -> Answer {
        let status = self.line().split(' ').nth(1).unwrap().parse().unwrap();
        let mut headers = Vec::new();
        loop {
            let line = self.line();
            let Some((name, value)) = line.split_once(':') else { break };
            headers.push((name.to_ascii_lowercase(), value.trim().to_owned()));
        }
        let mut answer = Answer { status, headers, body: Vec::new() };
        let length = answer.header("content-length").parse().unwrap_or(0);
        self.stream.by_ref().take(length).read_to_end(&mut answer.body).unwrap();
        answer
    }

    fn line(&mut self) -> String {
        let mut line = String::new();
        self.stream.read_line(&mut line).unwrap();
        assert!(!line.is_empty(), "the server closed the connection");
        line.trim_end().to_owned()
    }
}
