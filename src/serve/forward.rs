//! Where the log is handed on to: a syslog receiver over TLS (RFC 5425), a file of JSON lines, a socket of JSON lines.
//!
//! Syslog has no answer that confirms. So each batch has a connection of its own: all is written, our side is closed,
//! and only the receiver's orderly end of the connection (TLS close_notify), which comes after it has read all, counts
//! as confirmed. A receiver that dies with anything unread ends it otherwise, and gets the batch again.

use std::fs::OpenOptions;
use std::io::{self, Read, Seek, SeekFrom, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use rustls::ClientConfig;
use rustls::pki_types::ServerName;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio_rustls::TlsConnector;
use tokio_util::sync::CancellationToken;

use super::outside::client_tls;
use crate::app::ports::ForwardTarget;
use crate::app::{App, EntrySink, ForwardError, NotConfirmed};
use crate::audit::ForwardedEntry;

/// How long a batch may take, from the name's look-up to the receiver's end of the connection.
const BATCH_MAX: Duration = Duration::from_secs(30);
/// How often it is looked for new entries, and how long a receiver that failed is left alone.
const LOOK_EVERY: Duration = Duration::from_secs(2);
const LONGEST_WAIT: Duration = Duration::from_mins(1);
/// Bytes that a receiver may say before it ends; none are expected.
const SAID_MAX_BYTES: u64 = 64 * 1024;

/// A syslog receiver.
pub struct SyslogSink {
    address: String,
    server_name: ServerName<'static>,
    tls: Arc<ClientConfig>,
    hostname: String,
}

impl SyslogSink {
    /// The receiver at `host:port` that proves `server_name` under one of these authorities; `hostname` is ours.
    pub fn new(
        address: &str,
        server_name: ServerName<'static>,
        roots: rustls::RootCertStore,
        hostname: &str,
    ) -> Result<Self, rustls::Error> {
        let (address, hostname) = (address.to_owned(), hostname.to_owned());
        Ok(Self { address, server_name, tls: Arc::new(client_tls(roots)?), hostname })
    }
}

#[async_trait]
impl EntrySink for SyslogSink {
    async fn deliver(&self, entries: &[ForwardedEntry]) -> Result<(), NotConfirmed> {
        let frames: String = entries.iter().map(|entry| entry.syslog_frame(&self.hostname)).collect();
        in_time(async {
            let stream = TcpStream::connect(&self.address).await?;
            let tls = TlsConnector::from(Arc::clone(&self.tls));
            hand_over(tls.connect(self.server_name.clone(), stream).await?, frames.as_bytes()).await
        })
        .await
    }
}

/// A program that listens on a Unix socket and reads JSON lines to their end.
pub struct JsonSocket(pub PathBuf);

#[async_trait]
impl EntrySink for JsonSocket {
    async fn deliver(&self, entries: &[ForwardedEntry]) -> Result<(), NotConfirmed> {
        let lines: String = entries.iter().map(ForwardedEntry::json_line).collect();
        in_time(async { hand_over(UnixStream::connect(&self.0).await?, lines.as_bytes()).await }).await
    }
}

/// A file of JSON lines that a shipper follows. Forced to the disk before the cursor moves.
pub struct JsonFile(pub PathBuf);

#[async_trait]
impl EntrySink for JsonFile {
    async fn deliver(&self, entries: &[ForwardedEntry]) -> Result<(), NotConfirmed> {
        let lines: String = entries.iter().map(ForwardedEntry::json_line).collect();
        let path = self.0.clone();
        let appended = tokio::task::spawn_blocking(move || append(&path, lines.as_bytes())).await;
        appended.map_err(io::Error::other).flatten().map_err(not_confirmed)
    }
}

/// Appends whole lines; what a crash left of a line is ended first.
fn append(path: &Path, lines: &[u8]) -> io::Result<()> {
    let mut file = OpenOptions::new().read(true).append(true).create(true).mode(0o600).open(path)?;
    let length = file.metadata()?.len();
    if length > 0 {
        let mut last = [0];
        file.seek(SeekFrom::Start(length - 1))?;
        file.read_exact(&mut last)?;
        if last != *b"\n" {
            file.write_all(b"\n")?;
        }
    }
    file.write_all(lines)?;
    file.sync_data()
}

async fn hand_over(mut stream: impl AsyncRead + AsyncWrite + Unpin, bytes: &[u8]) -> io::Result<()> {
    stream.write_all(bytes).await?;
    stream.shutdown().await?;
    let mut said = stream.take(SAID_MAX_BYTES);
    let mut nothing = [0; 512];
    while said.read(&mut nothing).await? > 0 {}
    if said.limit() == 0 { Err(io::ErrorKind::InvalidData.into()) } else { Ok(()) }
}

async fn in_time(batch: impl Future<Output = io::Result<()>>) -> Result<(), NotConfirmed> {
    let ended = tokio::time::timeout(BATCH_MAX, batch).await;
    ended.unwrap_or_else(|_| Err(io::ErrorKind::TimedOut.into())).map_err(not_confirmed)
}

fn not_confirmed(error: io::Error) -> NotConfirmed {
    NotConfirmed(Box::new(error))
}

/// Hands the log on until the gateway stops. The first failure of a row is told, and that it is over.
pub async fn forward_loop(
    app: Arc<App>,
    target: ForwardTarget,
    sink: Box<dyn EntrySink>,
    stop: CancellationToken,
) {
    let mut wait = LOOK_EVERY;
    while !stop.is_cancelled() {
        match app.forward_log(target, &*sink).await {
            Ok(_) if wait > LOOK_EVERY => {
                tracing::info!(?target, "log.forwarded_again");
                wait = LOOK_EVERY;
            }
            Ok(_) => {}
            Err(error) => {
                if wait == LOOK_EVERY {
                    let cause = match &error {
                        ForwardError::NotConfirmed(NotConfirmed(cause)) => cause.to_string(),
                        ForwardError::Fault(fault) => fault.chain(),
                    };
                    tracing::error!(?target, cause, "log.not_forwarded");
                }
                wait = (wait * 2).min(LONGEST_WAIT);
            }
        }
        if let Ok(backlog) = app.forward_backlog(target).await {
            metrics::gauge!("pli_log_forward_backlog", "target" => target.name()).set(backlog as f64);
        }
        tokio::select! {
            () = stop.cancelled() => {}
            () = tokio::time::sleep(wait) => {}
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_that_a_crash_cut_is_ended_before_the_next_one() {
        let at = tempfile::tempdir().unwrap();
        let path = at.path().join("log.jsonl");
        append(&path, b"{\"index\":0}\n{\"ind").unwrap();
        append(&path, b"{\"index\":1}\n").unwrap();
        assert_eq!(std::fs::read(&path).unwrap(), b"{\"index\":0}\n{\"ind\n{\"index\":1}\n");
    }
}
