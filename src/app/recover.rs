//! Gets the organisation's live mail out without Pli: one plain age file per sealed object, which the stock `age` tool
//! opens with the offline recovery identity and the identities of the live days (DESIGN section 4). Nothing is opened
//! here: what is written is as sealed as what is stored, so this needs no secret.

use std::io;
use std::sync::Arc;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::ports::{List, UnitOfWork};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, Object, Origin, Outcome};
use crate::mailbox::Mailbox;
use crate::transfer::{ObjectLocator, Transfer};
use crate::value::{Reference, Timestamp};
use crate::vault::Grant;

/// How many mailboxes, and transfers of one, are written.
const EXPORT_MAX: usize = 1_000_000;
/// How many bytes are copied at once.
const COPY_BYTES: usize = 128 * 1024;

/// Where the files go. Called where blocking is allowed.
pub trait RecoveryFile: Send {
    /// Begins a file; `path` is relative, of letters, digits, `-`, `.` and `/`.
    fn begin(&mut self, path: &str) -> io::Result<()>;
    /// Adds to the file that was begun last.
    fn write(&mut self, bytes: &[u8]) -> io::Result<()>;
}

/// What the export holds, as its `index.json` says it.
#[derive(Debug, Default, Serialize)]
pub struct RecoveryIndex {
    /// How to open it.
    pub read_me: &'static str,
    /// The mailboxes' identities, each wrapped to the recovery identity.
    pub mailboxes: Vec<RecoveredMailbox>,
    /// The live transfers.
    pub transfers: Vec<RecoveredTransfer>,
}

/// A mailbox of the export.
#[derive(Debug, Serialize)]
pub struct RecoveredMailbox {
    /// Its name in page addresses.
    pub mailbox: String,
    /// `age --decrypt -i recovery` gives the mailbox's identity.
    pub key: String,
}

/// A transfer of the export.
#[derive(Debug, Serialize)]
pub struct RecoveredTransfer {
    /// What people quote.
    pub reference: Reference,
    /// The mailbox that it is in.
    pub mailbox: String,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The UTC day whose identity is the outer lock of the grant.
    pub day: String,
    /// The grant: opened by the day's identity, then by the mailbox's, it holds the transfer's identity.
    pub grant: String,
    /// The manifest, which names the files; opened by the transfer's identity, as the objects are.
    pub manifest: String,
    /// The objects: for each part of the manifest, in its order, the segments of the part, in order.
    pub objects: Vec<Vec<String>>,
}

const READ_ME: &str = "Open with the stock age tool, in this order. \
1: age -d -i RECOVERY mailboxes/M.age > m.key (the mailbox's identity). \
2: age -d -i DAY grants/T.age | age -d -i m.key > t.json (DAY is the identity of the transfer's day in the keyring; \
the field identity of t.json, put into a file, is t.key). \
3: age -d -i t.key manifests/T.age gives names, sizes and digests. \
4: for part N of the manifest, from 0: age -d -i t.key objects/T-N-S.age for each segment S, from 0 upwards, one after \
the other into one file (most parts have one segment). sha256sum of that file is the digest of the manifest, there in \
base64.";

impl App {
    /// Writes the export; logged before the first file.
    pub async fn export_recovery(
        self: &Arc<Self>,
        files: Box<dyn RecoveryFile>,
        actor: Actor,
        origin: Origin,
    ) -> Result<usize, AppError> {
        let mailboxes: Vec<(Mailbox, u64)> = self.read_list(&List::Mailboxes, EXPORT_MAX).await?;
        let mut unit = UnitOfWork::default();
        let count = Detail::Count(mailboxes.len() as u64);
        let told = event(self.now().at, actor, Action::RecoveryExported, Object::None, Outcome::Done, origin);
        self.log(&mut unit, told.with(count))?;
        self.store.commit(unit).await?;
        let app = Arc::clone(self);
        let handle = Handle::current();
        let run = spawn_blocking(move || {
            let mut export = Export { app: &app, handle: &handle, files, index: RecoveryIndex::default() };
            mailboxes.iter().try_for_each(|(mailbox, _)| export.mailbox(mailbox))?;
            export.finish()
        });
        run.await.map_err(|_| AppError::Broken("recovery export"))?
    }
}

struct Export<'a> {
    app: &'a App,
    handle: &'a Handle,
    files: Box<dyn RecoveryFile>,
    index: RecoveryIndex,
}

impl Export<'_> {
    fn mailbox(&mut self, mailbox: &Mailbox) -> Result<(), AppError> {
        if let Some(wrap) = &mailbox.key.for_recovery {
            let key = format!("mailboxes/{}.age", mailbox.slug);
            self.file(&key, wrap.as_bytes())?;
            self.index.mailboxes.push(RecoveredMailbox { mailbox: mailbox.slug.to_string(), key });
        }
        for (number, wrap) in mailbox.key.former_for_recovery.iter().enumerate() {
            let key = format!("mailboxes/{}-former-{number}.age", mailbox.slug);
            self.file(&key, wrap.as_bytes())?;
            self.index.mailboxes.push(RecoveredMailbox { mailbox: mailbox.slug.to_string(), key });
        }
        let list = List::TransfersOf { mailbox: mailbox.id, before: None };
        let transfers: Vec<(Transfer, u64)> = self.handle.block_on(self.app.read_list(&list, EXPORT_MAX))?;
        // What was dispatched here is written with the mailbox that it was deposited into.
        let deposited = transfers.iter().filter(|(transfer, _)| transfer.mailbox == mailbox.id);
        deposited.map(|(transfer, _)| transfer).try_for_each(|transfer| self.transfer(mailbox, transfer))
    }

    fn transfer(&mut self, mailbox: &Mailbox, transfer: &Transfer) -> Result<(), AppError> {
        let grants: Vec<(Grant, u64)> =
            self.handle.block_on(self.app.read_list(&List::GrantsOf(transfer.id), 100))?;
        let Some((grant, _)) = grants.into_iter().find(|(grant, _)| grant.terms.holder == mailbox.id) else {
            return Ok(());
        };
        let name = transfer.reference.as_str();
        let (grant_path, manifest) = (format!("grants/{name}.age"), format!("manifests/{name}.age"));
        self.file(&grant_path, grant.sealed.as_bytes())?;
        self.file(&manifest, transfer.manifest.as_bytes())?;
        let mut objects = Vec::with_capacity(transfer.objects.len());
        for (part, segments) in transfer.objects.iter().enumerate() {
            let paths = segments.iter().enumerate().map(|(segment, locator)| {
                let path = format!("objects/{name}-{part}-{segment}.age");
                self.object(&path, locator).map(|()| path)
            });
            objects.push(paths.collect::<Result<_, _>>()?);
        }
        self.index.transfers.push(RecoveredTransfer {
            reference: transfer.reference.clone(),
            mailbox: mailbox.slug.to_string(),
            expires_at: transfer.expires_at,
            day: grant.terms.day.to_string(),
            grant: grant_path,
            manifest,
            objects,
        });
        Ok(())
    }

    fn object(&mut self, path: &str, locator: &ObjectLocator) -> Result<(), AppError> {
        self.files.begin(path).map_err(unwritten)?;
        let mut sealed = self.handle.block_on(self.app.objects.open(locator))?;
        let mut buffer = vec![0; COPY_BYTES];
        loop {
            match sealed.read(&mut buffer).map_err(unwritten)? {
                0 => return Ok(()),
                count => self.files.write(&buffer[..count]).map_err(unwritten)?,
            }
        }
    }

    fn finish(mut self) -> Result<usize, AppError> {
        self.index.read_me = READ_ME;
        let index = serde_json::to_vec_pretty(&self.index).map_err(|_| AppError::Broken("recovery index"))?;
        self.file("index.json", &index)?;
        Ok(self.index.transfers.len())
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), AppError> {
        self.files.begin(path).and_then(|()| self.files.write(bytes)).map_err(unwritten)
    }
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unwritten(error: io::Error) -> AppError {
    tracing::error!(error = %error, "recovery.export_failed");
    AppError::Broken("recovery export could not be read or written")
}
