//! Exports, streamed: the log as bytes and as tiles. Written where blocking is allowed, no faster
//! than they are read.

use std::io::{self, Write};
use std::sync::Arc;

use super::{Replies, RequestError, line};
use crate::app::{App, RecoveryFile};
use crate::audit::{Actor, Origin};
use crate::serve::control::{FRAME_MAX_BYTES, Reply};

/// Bytes of the log that are gathered before they are handed on.
const GATHER_BYTES: usize = 64 * 1024;

pub(super) async fn log(app: &Arc<App>, replies: &Replies) -> Result<(), RequestError> {
    let writer = io::BufWriter::with_capacity(GATHER_BYTES, ReplyWriter(replies.clone()));
    Ok(app.export_log(writer, Actor::Operator, Origin::Cli).await?)
}

pub(super) async fn tiles(app: &Arc<App>, replies: &Replies, entries: bool) -> Result<(), RequestError> {
    let files = Box::new(ReplyWriter(replies.clone()));
    let size = app.write_tiles(files, entries, Actor::Operator, Origin::Cli).await?;
    line(replies, format!("tiles of {size} entries written")).await
}

/// Writes pieces of an answer; where blocking is allowed.
pub(super) struct ReplyWriter(Replies);

impl ReplyWriter {
    pub(super) const fn new(replies: Replies) -> Self {
        Self(replies)
    }

    fn send(&self, reply: Reply) -> io::Result<()> {
        self.0.blocking_send(reply).map_err(|_| io::ErrorKind::BrokenPipe.into())
    }
}

impl Write for ReplyWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let taken = &bytes[..bytes.len().min(FRAME_MAX_BYTES)];
        self.send(Reply::Bytes(taken.to_vec()))?;
        Ok(taken.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl RecoveryFile for ReplyWriter {
    fn begin(&mut self, path: &str) -> io::Result<()> {
        self.send(Reply::File(path.to_owned()))
    }

    fn write(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.write_all(bytes)
    }
}
