//! Exports of a selection, streamed to the officer: memory holds a few pieces, and a reader who takes nothing is cut.

use std::io::{self, BufWriter, Write};
use std::time::Duration;

use axum::body::Body;
use axum::extract::rejection::QueryRejection;
use axum::extract::{Query, State};
use bytes::Bytes;
use futures_util::stream;
use tokio::runtime::Handle;
use tokio::sync::mpsc::{Sender, channel};
use tokio::task::spawn_blocking;
use tokio::time::timeout;

use super::timeline::Asked;
use super::{attachment, signed};
use crate::app::{ExportFormat, SelectionExport};
use crate::web::Shared;
use crate::web::answer::{Errors, Outcome};
use crate::web::request::Guest;
use crate::web::views::ErrorKind;

/// How many bytes go to the browser at once, and how many such pieces may wait for it.
const PIECE_BYTES: usize = 64 * 1024;
const PIECES_WAITING: usize = 4;
/// How long a reader may take no piece before the export is cut.
const READER_PATIENCE: Duration = Duration::from_secs(30);

type AskedQuery = Result<Query<Asked>, QueryRejection>;

pub(super) async fn csv(state: State<Shared>, asked: AskedQuery, guest: Guest) -> Outcome {
    export(state, asked, guest, ExportFormat::Csv).await
}

pub(super) async fn json_lines(state: State<Shared>, asked: AskedQuery, guest: Guest) -> Outcome {
    export(state, asked, guest, ExportFormat::JsonLines).await
}

pub(super) async fn bundle(state: State<Shared>, asked: AskedQuery, guest: Guest) -> Outcome {
    export(state, asked, guest, ExportFormat::Bundle).await
}

async fn export(
    State(shared): State<Shared>,
    asked: AskedQuery,
    guest: Guest,
    format: ExportFormat,
) -> Outcome {
    let errors = Errors::new(&shared, &guest);
    let asked = super::asked(asked, &errors)?;
    let signed = signed(&shared, &guest, "/journal").await?;
    let errors = errors.signed_as(Some(&signed));
    let fault = |error| errors.fault(&error);
    if !shared.app.ask_export(&signed, guest.visitor).await.map_err(fault)? {
        return Err(errors.page(ErrorKind::Forbidden));
    }
    let Some(selection) = shared.app.selection(&asked.filter()).await.map_err(fault)? else {
        return Err(errors.page(ErrorKind::BadRequest));
    };
    let place = shared.downloads.clone().try_acquire_owned();
    let place = place.map_err(|_| errors.page(ErrorKind::Unavailable))?;
    let (sender, mut receiver) = channel::<io::Result<Bytes>>(PIECES_WAITING);
    let export = SelectionExport { selection, format, language: guest.language };
    let (app, handle, visitor) = (shared.app.clone(), Handle::current(), guest.visitor);
    spawn_blocking(move || {
        let pieces = Pieces { sender: sender.clone(), handle: handle.clone() };
        let writer = BufWriter::with_capacity(PIECE_BYTES, pieces);
        if !app.write_selection(&handle, &signed, &export, writer, visitor) {
            // The body breaks off, so that a part is never taken for the whole.
            let _ = sender.blocking_send(Err(io::ErrorKind::UnexpectedEof.into()));
        }
        drop(place);
    });
    let body = Body::from_stream(stream::poll_fn(move |context| receiver.poll_recv(context)));
    let (media_type, name) = match format {
        ExportFormat::Csv => ("text/csv; charset=utf-8; header=present", "journal.csv"),
        ExportFormat::JsonLines => ("application/jsonl", "journal.jsonl"),
        ExportFormat::Bundle => ("application/jsonl", "journal.bundle"),
    };
    Ok(attachment(media_type, name, body))
}

/// Hands pieces to the body.
struct Pieces {
    sender: Sender<io::Result<Bytes>>,
    handle: Handle,
}

impl Write for Pieces {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        let sent = timeout(READER_PATIENCE, self.sender.send(Ok(Bytes::copy_from_slice(bytes))));
        match self.handle.block_on(sent) {
            Ok(Ok(())) => Ok(bytes.len()),
            Ok(Err(_)) => Err(io::ErrorKind::BrokenPipe.into()),
            Err(_) => Err(io::ErrorKind::TimedOut.into()),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}
