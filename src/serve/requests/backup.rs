//! Backups over the control socket: sealed to the backup recipients while they are written, so that nothing of one is in
//! clear outside the gateway; and what an operator does after a restore.

use std::io::{self, BufWriter};
use std::str::FromStr;
use std::sync::Arc;

use serde_json::json;

use super::export::ReplyWriter;
use super::{Replies, RequestError, line};
use crate::app::{App, AppError, BackupProgress, BackupTarget, SuspendedMails};
use crate::audit::{Actor, Origin};
use crate::serve::control::{FRAME_MAX_BYTES, Reply};
use crate::vault::Recipient;

/// Who may open one backup.
const RECIPIENTS_MAX: usize = 32;

/// Makes a backup: bytes of an age file, and lines of JSON that say how far it is; the last one says what it holds.
pub(super) async fn make(
    app: &Arc<App>,
    replies: &Replies,
    recipients: &[Recipient],
) -> Result<(), RequestError> {
    let sealed = sealed_to(recipients, ReplyWriter::new(replies.clone()))?;
    let told = replies.clone();
    let progress = Box::new(move |progress: BackupProgress| {
        // Who has gone is found out by the next bytes.
        let _ = told.blocking_send(Reply::Line(json!({ "progress": progress }).to_string()));
    });
    let target = BackupTarget { writer: sealed, progress };
    let (sealed, end) = app.back_up(target, Actor::Operator, Origin::Cli).await?;
    let finished =
        tokio::task::spawn_blocking(move || -> io::Result<()> { io::Write::flush(&mut sealed.finish()?) });
    finished.await.map_err(|_| AppError::Broken("backup"))?.map_err(|_| RequestError::Gone)?;
    line(replies, json!({ "done": end }).to_string()).await
}

type Sealing = age::stream::StreamWriter<BufWriter<ReplyWriter>>;

fn sealed_to(recipients: &[Recipient], writer: ReplyWriter) -> Result<Sealing, RequestError> {
    if recipients.is_empty() || recipients.len() > RECIPIENTS_MAX {
        return Err(RequestError::Missing { what: "a backup recipient, and at most 32 of them" });
    }
    let parsed: Result<Vec<_>, _> =
        recipients.iter().map(|known| age::x25519::Recipient::from_str(&known.to_string())).collect();
    let parsed = parsed.map_err(|_| RequestError::Unfit { what: "a backup recipient is written age1…" })?;
    let each = parsed.iter().map(|known| known as &dyn age::Recipient);
    let encryptor = age::Encryptor::with_recipients(each)
        .map_err(|_| RequestError::Unfit { what: "the backup recipients do not go together" })?;
    let writer = BufWriter::with_capacity(FRAME_MAX_BYTES, writer);
    encryptor.wrap_output(writer).map_err(|_| RequestError::Gone)
}

/// Opens the gateway after a restore.
pub(super) async fn open(app: &Arc<App>, replies: &Replies) -> Result<(), RequestError> {
    let told = if app.open_after_restore(Origin::Cli).await? {
        "The gateway is open."
    } else {
        "The gateway was not closed."
    };
    line(replies, told.to_owned()).await
}

/// Lists, resumes or cancels the mails that a restore suspended.
pub(super) async fn mails(
    app: &Arc<App>,
    replies: &Replies,
    what: SuspendedMails,
) -> Result<(), RequestError> {
    for (mail, treated) in app.treat_suspended_mails(what, Origin::Cli).await? {
        let told = [
            mail.id.to_string(),
            mail.written_at.to_string(),
            mail.kind.as_str().to_owned(),
            treated.as_str().to_owned(),
        ];
        line(replies, told.join("\t")).await?;
    }
    Ok(())
}
