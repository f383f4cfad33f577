//! A mail host that says when it had what: `smtp-sink` cannot tell. It takes all mail and keeps none. And a host that takes
//! connections and never says a word.

use std::io::{self, BufRead, BufReader, Write};
use std::net::{TcpListener, TcpStream};
use std::sync::mpsc::{Receiver, Sender, channel};
use std::thread;
use std::time::{Duration, Instant};

/// How long a mail may take to come.
const MAIL_MAX: Duration = Duration::from_secs(30);

/// A mail that came.
pub struct Came {
    /// Whom it is for.
    pub to: String,
    /// When its last byte was here.
    pub at: Instant,
}

/// The host.
pub struct Watch {
    pub port: u16,
    came: Receiver<Came>,
}

impl Watch {
    pub fn start() -> Self {
        let listener = TcpListener::bind("127.0.0.1:0").unwrap();
        let port = listener.local_addr().unwrap().port();
        let (sender, came) = channel();
        thread::spawn(move || {
            for stream in listener.incoming().flatten() {
                let sender = sender.clone();
                // Whoever hangs up in the middle has brought nothing.
                thread::spawn(move || drop(take_mails(stream, &sender)));
            }
        });
        Self { port, came }
    }

    /// The next mail for an address.
    pub fn next_to(&self, address: &str) -> Came {
        loop {
            let came = self.came.recv_timeout(MAIL_MAX).unwrap_or_else(|_| panic!("no mail to {address}"));
            if came.to == address {
                return came;
            }
        }
    }
}

fn take_mails(stream: TcpStream, came: &Sender<Came>) -> io::Result<()> {
    stream.set_nodelay(true)?;
    let mut replies = stream.try_clone()?;
    let mut lines = BufReader::new(stream);
    let (mut line, mut to) = (Vec::new(), String::new());
    replies.write_all(b"220 watch.example\r\n")?;
    loop {
        line.clear();
        if lines.read_until(b'\n', &mut line)? == 0 {
            return Ok(());
        }
        let said = String::from_utf8_lossy(&line).to_ascii_uppercase();
        match said.get(..4) {
            Some("RCPT") => {
                let text = String::from_utf8_lossy(&line);
                let address = text.split_once('<').and_then(|(_, rest)| rest.split_once('>'));
                to = address.map(|(address, _)| address.to_owned()).unwrap_or_default();
                replies.write_all(b"250 ok\r\n")?;
            }
            Some("DATA") => {
                replies.write_all(b"354 go on\r\n")?;
                while line != b".\r\n" {
                    line.clear();
                    if lines.read_until(b'\n', &mut line)? == 0 {
                        return Ok(());
                    }
                }
                let at = Instant::now();
                replies.write_all(b"250 ok\r\n")?;
                // The measurement may be over.
                let _ = came.send(Came { to: to.clone(), at });
            }
            Some("QUIT") => return replies.write_all(b"221 bye\r\n"),
            _ => replies.write_all(b"250 ok\r\n")?,
        }
    }
}

/// A port whose host takes connections and never answers.
pub fn silent_host() -> u16 {
    let listener = TcpListener::bind("127.0.0.1:0").unwrap();
    let port = listener.local_addr().unwrap().port();
    thread::spawn(move || {
        let _kept: Vec<TcpStream> = listener.incoming().flatten().collect();
    });
    port
}
