//! The control socket: how commands reach a gateway that runs, since only one process can have its store open. A Unix
//! socket for the gateway's user alone; one request a connection.
//!
//! ```text
//! → one line of JSON: the request
//! ← {"line":"…"}            a line for standard output
//! ← {"file":"path"}         a file begins; what follows belongs to it
//! ← {"bytes":n} + n bytes   raw bytes
//! ← {"end":true}            done; or {"error":"…"}: one sentence, nothing follows
//! ```

use std::fs;
use std::future::Future;
use std::io;
use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use serde::{Deserialize, Serialize};
use tokio::io::{AsyncBufRead, AsyncBufReadExt, AsyncReadExt, AsyncWrite, AsyncWriteExt, BufReader};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, mpsc};
use tokio::task::JoinSet;
use tokio::time::timeout;
use tokio_util::sync::CancellationToken;

use super::requests::Request;

/// A line of the protocol, in bytes.
const LINE_MAX_BYTES: u64 = 64 * 1024;
/// Raw bytes of one frame.
pub const FRAME_MAX_BYTES: usize = 1024 * 1024;
/// Replies that wait to be written.
pub const REPLIES_WAITING: usize = 16;
/// Commands at once; more wait.
const COMMANDS_AT_ONCE: usize = 8;
/// How long a command may take to say what it wants, and to take a reply.
const PATIENCE: Duration = Duration::from_mins(1);

/// A piece of an answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Reply {
    /// A line for standard output.
    Line(String),
    /// A file begins: a relative path.
    File(String),
    /// Bytes of the file that began, or of the one answer that there is.
    Bytes(Vec<u8>),
    /// It could not be done: one sentence.
    Error(String),
    /// Done.
    End,
}

/// Where a command's answer goes.
pub type Replies = mpsc::Sender<Reply>;

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case", deny_unknown_fields)]
enum Frame {
    Line(String),
    File(String),
    Bytes(usize),
    Error(String),
    End(bool),
}

/// A socket that listens; its file is removed when it is dropped.
pub struct ControlSocket {
    listener: UnixListener,
    path: PathBuf,
}

impl Drop for ControlSocket {
    fn drop(&mut self) {
        // Nothing can be done about it, and the next start removes it.
        let _ = fs::remove_file(&self.path);
    }
}

/// Makes the socket, for the gateway's user alone from its first moment. To be called by who has the store open: the
/// socket of a gateway that died is replaced.
pub fn listen(path: &Path) -> io::Result<ControlSocket> {
    let private = path.with_extension("new");
    let _ = fs::remove_dir_all(&private);
    fs::DirBuilder::new().mode(0o700).create(&private)?;
    let made = private.join("s");
    let listener = UnixListener::bind(&made)?;
    fs::set_permissions(&made, fs::Permissions::from_mode(0o600))?;
    fs::rename(&made, path)?;
    fs::remove_dir(&private)?;
    Ok(ControlSocket { listener, path: path.to_owned() })
}

/// Answers until `stop`.
pub async fn serve<F>(
    socket: ControlSocket,
    stop: CancellationToken,
    answer: impl Fn(Request, Replies) -> F + Send + Sync + 'static,
) where
    F: Future<Output = ()> + Send + 'static,
{
    let (answer, places) = (Arc::new(answer), Arc::new(Semaphore::new(COMMANDS_AT_ONCE)));
    let mut commands = JoinSet::new();
    loop {
        let Ok(place) = Arc::clone(&places).acquire_owned().await else { return };
        tokio::select! {
            () = stop.cancelled() => break,
            accepted = socket.listener.accept() => match accepted {
                Ok((stream, _)) => {
                    let answer = Arc::clone(&answer);
                    commands.spawn(async move {
                        if let Err(error) = converse(stream, answer.as_ref()).await {
                            tracing::warn!(%error, "control.broken_off");
                        }
                        drop(place);
                    });
                }
                Err(error) => {
                    tracing::warn!(%error, "control.not_accepted");
                    tokio::time::sleep(Duration::from_millis(100)).await;
                }
            },
        }
        while commands.try_join_next().is_some() {}
    }
    // Exports under way end when the process does; what was logged of them stands.
    commands.abort_all();
}

async fn converse<F: Future<Output = ()> + Send>(
    stream: UnixStream,
    answer: &(impl Fn(Request, Replies) -> F + Send + Sync),
) -> io::Result<()> {
    let (reading, mut writing) = stream.into_split();
    let mut reading = BufReader::new(reading);
    let line = timeout(PATIENCE, read_line(&mut reading)).await??;
    let Ok(request) = serde_json::from_str::<Request>(&line) else {
        let told = "The gateway that runs does not know this command; is it of another version?";
        return write_reply(&mut writing, &Reply::Error(told.to_owned())).await;
    };
    let (replies, mut waiting) = mpsc::channel(REPLIES_WAITING);
    let writing = async move {
        while let Some(reply) = waiting.recv().await {
            timeout(PATIENCE, write_reply(&mut writing, &reply)).await??;
        }
        Ok(())
    };
    // When the command has gone, writing ends, the channel closes, and the work stops at its next reply.
    tokio::join!(writing, answer(request, replies)).0
}

/// Asks the gateway that listens at `path`. `None` when none does.
pub async fn ask(path: &Path, request: &Request) -> io::Result<Option<Answer>> {
    let mut stream = match UnixStream::connect(path).await {
        Ok(stream) => stream,
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::ConnectionRefused) => {
            return Ok(None);
        }
        Err(error) => return Err(error),
    };
    let mut line = serde_json::to_vec(request)?;
    line.push(b'\n');
    stream.write_all(&line).await?;
    Ok(Some(Answer(BufReader::new(stream))))
}

/// The answer of a gateway, piece by piece.
pub struct Answer(BufReader<UnixStream>);

impl Answer {
    /// The next piece.
    pub async fn next(&mut self) -> io::Result<Reply> {
        read_reply(&mut self.0).await
    }
}

async fn write_reply(writer: &mut (impl AsyncWrite + Unpin), reply: &Reply) -> io::Result<()> {
    let (frame, bytes): (Frame, &[u8]) = match reply {
        Reply::Line(line) => (Frame::Line(line.clone()), &[]),
        Reply::File(path) => (Frame::File(path.clone()), &[]),
        Reply::Bytes(bytes) => (Frame::Bytes(bytes.len()), bytes),
        Reply::Error(told) => (Frame::Error(told.clone()), &[]),
        Reply::End => (Frame::End(true), &[]),
    };
    let mut line = serde_json::to_vec(&frame)?;
    line.push(b'\n');
    writer.write_all(&line).await?;
    writer.write_all(bytes).await?;
    writer.flush().await
}

async fn read_reply(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<Reply> {
    Ok(match serde_json::from_str(&read_line(reader).await?)? {
        Frame::Line(line) => Reply::Line(line),
        Frame::File(path) => Reply::File(path),
        Frame::Bytes(length) if length > FRAME_MAX_BYTES => return Err(io::ErrorKind::InvalidData.into()),
        Frame::Bytes(length) => {
            let mut bytes = vec![0; length];
            reader.read_exact(&mut bytes).await?;
            Reply::Bytes(bytes)
        }
        Frame::Error(told) => Reply::Error(told),
        Frame::End(_) => Reply::End,
    })
}

async fn read_line(reader: &mut (impl AsyncBufRead + Unpin)) -> io::Result<String> {
    let mut line = String::new();
    reader.take(LINE_MAX_BYTES).read_line(&mut line).await?;
    if line.ends_with('\n') { Ok(line) } else { Err(io::ErrorKind::UnexpectedEof.into()) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[tokio::test]
    async fn every_reply_reads_back_as_it_was_written() {
        let replies = [
            Reply::Line("ligne\navec retour".into()),
            Reply::File("objects/A-1.age".into()),
            Reply::Bytes(b"\n{\"end\":true}\n\0".to_vec()),
            Reply::Bytes(Vec::new()),
            Reply::Error("non".into()),
            Reply::End,
        ];
        let mut wire = Vec::new();
        for reply in &replies {
            write_reply(&mut wire, reply).await.unwrap();
        }
        let mut reader = BufReader::new(wire.as_slice());
        for reply in &replies {
            assert_eq!(&read_reply(&mut reader).await.unwrap(), reply);
        }
        assert!(read_reply(&mut reader).await.is_err(), "the end of the wire is no reply");
    }

    #[tokio::test]
    async fn a_frame_or_line_over_its_limit_is_refused_before_it_is_held() {
        let huge = format!("{{\"bytes\":{}}}\n", usize::MAX);
        assert!(read_reply(&mut BufReader::new(huge.as_bytes())).await.is_err());
        let long = "x".repeat(1 << 20);
        assert!(read_line(&mut BufReader::new(long.as_bytes())).await.is_err());
    }

    #[tokio::test]
    async fn a_gateway_answers_on_its_socket_and_none_is_told_as_none() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("control.sock");
        assert!(ask(&path, &Request::ClockConfirm).await.unwrap().is_none());
        let socket = listen(&path).unwrap();
        assert_eq!(fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(socket, stop.clone(), |request, replies| async move {
            let told = if matches!(request, Request::ClockConfirm) { "confirmed" } else { "?" };
            replies.send(Reply::Line(told.to_owned())).await.unwrap();
            replies.send(Reply::End).await.unwrap();
        }));
        let mut answer = ask(&path, &Request::ClockConfirm).await.unwrap().unwrap();
        assert_eq!(answer.next().await.unwrap(), Reply::Line("confirmed".into()));
        assert_eq!(answer.next().await.unwrap(), Reply::End);
        stop.cancel();
        serving.await.unwrap();
        assert!(!path.exists());
        assert!(ask(&path, &Request::ClockConfirm).await.unwrap().is_none());
    }

    #[tokio::test]
    async fn what_is_no_request_is_answered_with_a_sentence() {
        let place = tempfile::tempdir().unwrap();
        let path = place.path().join("control.sock");
        let stop = CancellationToken::new();
        let serving = tokio::spawn(serve(listen(&path).unwrap(), stop.clone(), |_, _| async {}));
        let mut stream = UnixStream::connect(&path).await.unwrap();
        stream.write_all(b"{\"command\":\"fly\"}\n").await.unwrap();
        let reply = read_reply(&mut BufReader::new(stream)).await.unwrap();
        assert!(matches!(reply, Reply::Error(told) if told.contains("another version")));
        stop.cancel();
        serving.await.unwrap();
    }
}
