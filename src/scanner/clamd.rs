//! The client of `clamd`: one connection a stream, every step under a limit of time, a bounded number of streams at once.

use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::{TcpStream, UnixStream};
use tokio::sync::{OwnedSemaphorePermit, Semaphore};
use tokio::time::timeout;

use super::TemporaryDirectory;
use super::reply::{state, verdict};
use crate::app::ports::{ScanStream, Scanner, ScannerError, ScannerState};
use crate::content::AntivirusAnswer;
use crate::value::ByteSize;

/// Bytes of an answer: a name of a signature, a version.
const REPLY_MAX_BYTES: u64 = 4096;
/// Bytes in one chunk of a stream.
const CHUNK_BYTES: usize = 1024 * 1024;

/// Where `clamd` listens.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum ClamdAddress {
    /// `LocalSocket`.
    Unix(PathBuf),
    /// `TCPSocket` and `TCPAddr`: `localhost:3310`.
    Tcp(String),
}

/// How `clamd` is used.
#[derive(Debug, Clone)]
pub struct ClamdSettings {
    /// Where it listens.
    pub address: ClamdAddress,
    /// Where it writes what it is streamed.
    pub temporary_directory: TemporaryDirectory,
    /// The largest stream that it scans as a whole: the least of its `StreamMaxLength`, `MaxFileSize`, `MaxScanSize`.
    pub largest: ByteSize,
    /// Streams at once, under its `MaxThreads`.
    pub streams_at_once: usize,
    /// How long a connection, a greeting or the taking of a chunk may take.
    pub step_within: Duration,
    /// How long a verdict may take once all was given.
    pub verdict_within: Duration,
}

/// A `clamd` that runs beside the gateway.
pub struct Clamd {
    settings: ClamdSettings,
    places: Arc<Semaphore>,
}

impl Clamd {
    /// The client; connects to nothing yet.
    pub fn new(settings: ClamdSettings) -> Self {
        let places = Arc::new(Semaphore::new(settings.streams_at_once.max(1)));
        Self { settings, places }
    }

    async fn ask(&self, command: &[u8]) -> Result<String, ScannerError> {
        let mut connection = self.connect().await?;
        let within = self.settings.step_within;
        in_time(within, connection.write_all(command)).await?;
        read_reply(&mut connection, within).await
    }

    async fn connect(&self) -> Result<Connection, ScannerError> {
        let within = self.settings.step_within;
        Ok(match &self.settings.address {
            ClamdAddress::Unix(path) => Box::new(in_time(within, UnixStream::connect(path)).await?),
            ClamdAddress::Tcp(address) => Box::new(in_time(within, TcpStream::connect(address)).await?),
        })
    }

    async fn begin_at(&self, place: OwnedSemaphorePermit) -> Result<Box<dyn ScanStream>, ScannerError> {
        self.settings.temporary_directory.check()?;
        let mut connection = self.connect().await?;
        in_time(self.settings.step_within, connection.write_all(b"zINSTREAM\0")).await?;
        let settings = self.settings.clone();
        Ok(Box::new(Stream { connection, settings, given: 0, _place: place }))
    }
}

#[async_trait]
impl Scanner for Clamd {
    async fn state(&self) -> Result<ScannerState, ScannerError> {
        self.settings.temporary_directory.check()?;
        state(&self.ask(b"zVERSION\0").await?)
    }

    async fn begin(&self) -> Result<Box<dyn ScanStream>, ScannerError> {
        let place = Arc::clone(&self.places).acquire_owned();
        let within = self.settings.verdict_within;
        let place = timeout(within, place).await.map_err(|_| too_slow(within))?;
        self.begin_at(place.map_err(|_| ScannerError::Unavailable(io::ErrorKind::Other.into()))?).await
    }

    async fn begin_now(&self) -> Result<Option<Box<dyn ScanStream>>, ScannerError> {
        match Arc::clone(&self.places).try_acquire_owned() {
            Ok(place) => self.begin_at(place).await.map(Some),
            Err(_) => Ok(None),
        }
    }

    fn largest(&self) -> ByteSize {
        self.settings.largest
    }
}

/// A connection of either kind.
trait Both: AsyncRead + AsyncWrite + Send + Unpin {}

impl<C: AsyncRead + AsyncWrite + Send + Unpin> Both for C {}

type Connection = Box<dyn Both>;

struct Stream {
    connection: Connection,
    settings: ClamdSettings,
    given: u64,
    _place: OwnedSemaphorePermit,
}

impl Stream {
    async fn send(&mut self, chunk: &[u8]) -> Result<(), ScannerError> {
        let length = u32::try_from(chunk.len()).unwrap_or_default().to_be_bytes();
        let within = self.settings.step_within;
        let sent = async {
            self.connection.write_all(&length).await?;
            self.connection.write_all(chunk).await
        };
        match in_time(within, sent).await {
            // It closes when it has enough, and says why before.
            Err(ScannerError::Unavailable(error)) => match read_reply(&mut self.connection, within).await {
                Ok(reply) if !reply.is_empty() => Err(verdict(&reply, self.settings.largest)
                    .err()
                    .unwrap_or(ScannerError::Unavailable(error))),
                _ => Err(ScannerError::Unavailable(error)),
            },
            outcome => outcome,
        }
    }
}

#[async_trait]
impl ScanStream for Stream {
    async fn push(&mut self, clear: &[u8]) -> Result<(), ScannerError> {
        self.given = self.given.saturating_add(clear.len() as u64);
        if self.given > self.settings.largest.bytes() {
            return Err(ScannerError::TooLarge { limit: self.settings.largest });
        }
        // An empty chunk would end the stream.
        for chunk in clear.chunks(CHUNK_BYTES) {
            self.send(chunk).await?;
        }
        Ok(())
    }

    async fn finish(mut self: Box<Self>) -> Result<AntivirusAnswer, ScannerError> {
        self.send(&[]).await?;
        let reply = read_reply(&mut self.connection, self.settings.verdict_within).await?;
        verdict(&reply, self.settings.largest)
    }
}

async fn read_reply(connection: &mut Connection, within: Duration) -> Result<String, ScannerError> {
    let mut reply = Vec::new();
    let mut limited = connection.take(REPLY_MAX_BYTES);
    let read = async {
        // Up to the NUL that ends an answer; it may keep the connection open.
        loop {
            let mut byte = [0; 256];
            let count = limited.read(&mut byte).await?;
            reply.extend_from_slice(&byte[..count]);
            if count == 0 || reply.contains(&0) {
                return Ok(());
            }
        }
    };
    in_time(within, read).await?;
    if reply.is_empty() {
        return Err(ScannerError::Unavailable(io::ErrorKind::UnexpectedEof.into()));
    }
    Ok(String::from_utf8_lossy(&reply).into_owned())
}

async fn in_time<T>(within: Duration, step: impl Future<Output = io::Result<T>>) -> Result<T, ScannerError> {
    match timeout(within, step).await {
        Ok(outcome) => outcome.map_err(ScannerError::Unavailable),
        Err(_) => Err(too_slow(within)),
    }
}

fn too_slow(within: Duration) -> ScannerError {
    ScannerError::TooSlow { within_s: within.as_secs() }
}
