//! A mail client that says exactly what a story wants it to say, and tells what it was answered.

use std::io::{self, BufRead, BufReader, Write};
use std::net::TcpStream;
use std::time::Duration;

const SILENCE_MAX: Duration = Duration::from_mins(1);

/// A session with a mail server.
pub struct Session {
    reader: BufReader<TcpStream>,
}

/// An answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Answer {
    /// The three digits.
    pub code: u16,
    /// All its lines.
    pub text: String,
}

impl Answer {
    /// 2xx or 3xx.
    pub fn is_yes(&self) -> bool {
        self.code < 400
    }
}

impl Session {
    /// Connects and says EHLO.
    pub fn open(server: &str) -> io::Result<Self> {
        let stream = TcpStream::connect(server)?;
        stream.set_read_timeout(Some(SILENCE_MAX))?;
        stream.set_write_timeout(Some(SILENCE_MAX))?;
        stream.set_nodelay(true)?;
        let mut session = Self { reader: BufReader::new(stream) };
        session.answer()?;
        session.say("EHLO client.cd35.example")?;
        Ok(session)
    }

    /// One command and its answer.
    pub fn say(&mut self, line: &str) -> io::Result<Answer> {
        self.send(format!("{line}\r\n").as_bytes())?;
        self.answer()
    }

    /// Bytes as they are.
    pub fn send(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.reader.get_mut().write_all(bytes)
    }

    /// The next answer.
    pub fn answer(&mut self) -> io::Result<Answer> {
        let mut text = String::new();
        loop {
            let mut line = String::new();
            if self.reader.read_line(&mut line)? == 0 {
                return Err(io::Error::new(io::ErrorKind::UnexpectedEof, "the server closed"));
            }
            text.push_str(&line);
            if line.as_bytes().get(3) != Some(&b'-') {
                let code = line.get(..3).and_then(|code| code.parse().ok()).unwrap_or(0);
                return Ok(Answer { code, text });
            }
        }
    }

    /// A whole mail in this session: the first answer that says no, else the one after the mail.
    pub fn mail(&mut self, from: &str, to: &str, message: &[u8]) -> io::Result<Answer> {
        for line in [format!("MAIL FROM:<{from}>"), format!("RCPT TO:<{to}>"), "DATA".to_owned()] {
            let answer = self.say(&line)?;
            if !answer.is_yes() {
                let _ = self.say("RSET");
                return Ok(answer);
            }
        }
        self.send(&stuffed(message))?;
        self.answer()
    }
}

/// Sends one mail in a session of its own.
pub fn send(server: &str, from: &str, to: &str, message: &[u8]) -> io::Result<Answer> {
    Session::open(server)?.mail(from, to, message)
}

/// A message as DATA wants it (RFC 5321 section 4.5.2).
fn stuffed(message: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(message.len() + 16);
    let mut line_begins = true;
    for &byte in message {
        if line_begins && byte == b'.' {
            out.push(b'.');
        }
        line_begins = byte == b'\n';
        out.push(byte);
    }
    if !message.ends_with(b"\r\n") {
        out.extend_from_slice(b"\r\n");
    }
    out.extend_from_slice(b".\r\n");
    out
}
