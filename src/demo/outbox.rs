//! The outbox: mails kept as files instead of being sent, one a mail. A mail that is delivered again, after a crash
//! between its file and the commit, overwrites its file.

use std::fs::{self, DirBuilder};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt};
use std::path::{Path, PathBuf};

use async_trait::async_trait;
use tokio::task::spawn_blocking;

use super::files::write_whole;
use crate::app::ports::{Delivery, Dispatched, OutgoingMail};
use crate::relay::queue::DeliveryProblem;
use crate::value::MailId;

const SUFFIX: &str = "eml";
/// How many mails are listed.
const LISTED_MAX: usize = 500;

/// When a file was written: seconds and nanoseconds, for their order alone.
type WrittenAt = (i64, i64);

/// A directory of mails.
#[derive(Debug)]
pub struct Outbox {
    directory: PathBuf,
}

impl Outbox {
    /// Opens it, or makes it.
    pub fn open(directory: &Path) -> io::Result<Self> {
        DirBuilder::new().recursive(true).mode(0o700).create(directory)?;
        Ok(Self { directory: directory.to_owned() })
    }

    /// The mails, newest first, with their ids.
    pub fn mails(&self) -> io::Result<Vec<(MailId, Vec<u8>)>> {
        let mut found: Vec<(WrittenAt, MailId)> = Vec::new();
        for entry in fs::read_dir(&self.directory)? {
            let entry = entry?;
            let path = entry.path();
            let stem = path.file_stem().and_then(|stem| stem.to_str()).and_then(|stem| stem.parse().ok());
            if let Some(id) = stem.filter(|_| path.extension().is_some_and(|suffix| suffix == SUFFIX)) {
                let data = entry.metadata()?;
                found.push(((data.mtime(), data.mtime_nsec()), id));
            }
        }
        found.sort_unstable_by(|one, other| other.cmp(one));
        found.truncate(LISTED_MAX);
        let read = |(_, id): (WrittenAt, MailId)| Ok((id, fs::read(self.path(id))?));
        found.into_iter().map(read).collect()
    }

    /// One mail.
    pub fn mail(&self, id: MailId) -> io::Result<Option<Vec<u8>>> {
        match fs::read(self.path(id)) {
            Ok(bytes) => Ok(Some(bytes)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn path(&self, id: MailId) -> PathBuf {
        self.directory.join(format!("{id}.{SUFFIX}"))
    }
}

#[async_trait]
impl Delivery for Outbox {
    /// Writes the mail as a host that delivers would: its envelope in `Return-Path` (RFC 5321 section 4.4) and
    /// `Delivered-To`.
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        let from = mail.from.map(ToString::to_string).unwrap_or_default();
        let mut bytes = format!("Return-Path: <{from}>\r\nDelivered-To: {}\r\n", mail.to).into_bytes();
        bytes.extend_from_slice(mail.message);
        let path = self.path(mail.id);
        match spawn_blocking(move || write_whole(&path, &bytes, 0o600)).await {
            Ok(Ok(())) => Ok(Dispatched { tls: None }),
            failed => {
                tracing::error!(?failed, "outbox.not_written");
                Err(DeliveryProblem::Unreachable)
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::MailAddress;

    #[tokio::test]
    async fn a_repeat_overwrites_and_the_newest_comes_first() {
        let place = tempfile::tempdir().unwrap();
        let outbox = Outbox::open(&place.path().join("outbox")).unwrap();
        let (from, to) =
            (MailAddress::parse("retour@pli.example").unwrap(), MailAddress::parse("a@b.example").unwrap());
        for (id, text) in [(1, "one"), (2, "two"), (1, "one again")] {
            let message = format!("Subject: {text}\r\n\r\n");
            let id = MailId::new([id; 16]);
            let message = message.as_bytes();
            let mail = OutgoingMail {
                id,
                from: Some(&from),
                to: &to,
                message,
                protection: crate::relay::queue::Protection::Usual,
            };
            outbox.deliver(mail).await.unwrap();
        }
        let mails = outbox.mails().unwrap();
        assert_eq!(mails.len(), 2);
        let first = outbox.mail(MailId::new([1; 16])).unwrap().unwrap();
        assert!(first.starts_with(b"Return-Path: <retour@pli.example>\r\nDelivered-To: a@b.example\r\n"));
        assert!(first.ends_with(b"Subject: one again\r\n\r\n"));
        assert_eq!(outbox.mail(MailId::new([9; 16])).unwrap(), None);
    }
}
