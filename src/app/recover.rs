//! Gets the organisation's live mail out without Pli: one plain age file per sealed object, which the stock `age` tool
//! opens with the offline recovery identity and the identities of the live days (DESIGN section 4). Nothing is opened
//! here: what is written is as sealed as what is stored, so this needs no secret. The identities of the days go out only
//! when two people agreed (`recovery_consent`), sealed to the recovery identity.

use std::collections::BTreeSet;
use std::io;
use std::sync::Arc;

use serde::Serialize;
use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::ports::{Key, KeyringError, List, ObjectError, UnitOfWork};
use super::recovery_consent::{AgreedExport, RecoveryError, Voucher};
use super::{App, AppError, event};
use crate::audit::{Action, Actor, Detail, FailureReason, Object, Origin, Outcome};
use crate::mailbox::{KeyRotation, Mailbox};
use crate::retention::KeyName;
use crate::transfer::{HeldDeposit, ObjectLocator, Transfer};
use crate::value::{RecoveryId, Reference, Timestamp};
use crate::vault::{Grant, Recipient, Sealed, wrap_identity};

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
    /// Deposits that were accepted and wait for their inspection.
    pub held: Vec<RecoveredHeld>,
    /// The identities of the days, sealed to the recovery identity; empty when two people did not agree to it.
    pub days: Vec<RecoveredDay>,
}

/// A mailbox's identity of the export.
#[derive(Debug, Serialize)]
pub struct RecoveredMailbox {
    /// Its name in page addresses.
    pub mailbox: String,
    /// Which of its identities.
    pub generation: u32,
    /// `age --decrypt -i recovery` gives the mailbox's identity.
    pub key: String,
}

/// The identity of a day.
#[derive(Debug, Serialize)]
pub struct RecoveredDay {
    /// The UTC day.
    pub day: String,
    /// `age --decrypt -i recovery` gives the day's identity.
    pub key: String,
}

/// A transfer of the export.
#[derive(Debug, Serialize)]
pub struct RecoveredTransfer {
    /// What people quote.
    pub reference: Reference,
    /// The mailbox that it is in.
    pub mailbox: String,
    /// Where the identity of the mailbox is that opens the grant; none when it was never wrapped for recovery.
    pub mailbox_key: Option<String>,
    /// When it ends.
    pub expires_at: Timestamp,
    /// The UTC day whose identity is the outer lock of the grant.
    pub day: String,
    /// Where that identity is, when it was exported.
    pub day_key: String,
    /// The grant: opened by the day's identity, then by the mailbox's, it holds the transfer's identity.
    pub grant: String,
    /// The manifest, which names the files; opened by the transfer's identity, as the objects are.
    pub manifest: String,
    /// The objects: for each part of the manifest, in its order, the segments of the part, in order.
    pub objects: Vec<Vec<String>>,
}

/// A held deposit of the export. Its files are not inspected.
#[derive(Debug, Serialize)]
pub struct RecoveredHeld {
    /// What people quote.
    pub reference: Reference,
    /// The mailbox that it is for.
    pub mailbox: String,
    /// When it ends.
    pub ends_at: Timestamp,
    /// The UTC day whose draft identity opens `key`.
    pub day: String,
    /// Where that identity is, when it was exported.
    pub day_key: String,
    /// Opened by the draft identity of the day, it is the deposit's identity.
    pub key: String,
    /// The parts, the message first.
    pub parts: Vec<RecoveredPart>,
}

/// A part of a held deposit.
#[derive(Debug, Serialize)]
pub struct RecoveredPart {
    /// Its name, size and digest; opened by the deposit's identity, as the objects are.
    pub entry: String,
    /// Its segments, in order.
    pub objects: Vec<String>,
}

const READ_ME: &str = "Open with the stock age tool, in this order; docs/recovery.md has the commands. \
1: age -d -i RECOVERY of the transfer's mailbox_key gives m.key, of its day_key day.key. \
2: age -d -i day.key GRANT | age -d -i m.key > t.json; the field identity of t.json, put into a file, is t.key. \
3: age -d -i t.key MANIFEST gives names, sizes and digests. \
4: for part N of the manifest, from 0: age -d -i t.key for each of its objects, one after the other into one file (most \
parts have one). sha256sum of that file is the digest of the manifest, there in base64. \
A held deposit: age -d -i RECOVERY of its day_key gives day.key, age -d -i day.key of its key gives t.key; its files were \
not inspected.";

impl App {
    /// Writes the export, without the identities of days; logged before the first file.
    pub async fn export_recovery(
        self: &Arc<Self>,
        files: Box<dyn RecoveryFile>,
        actor: Actor,
        origin: Origin,
    ) -> Result<usize, AppError> {
        self.run_export(files, actor, origin, None).await
    }

    /// Writes the export with the identities of the live days, which two people agreed to. Its intention is logged before
    /// the first file, each key before it goes, and how it ended.
    pub async fn export_recovery_keys(
        self: &Arc<Self>,
        request: RecoveryId,
        voucher: Voucher,
        files: Box<dyn RecoveryFile>,
        origin: Origin,
    ) -> Result<usize, RecoveryError> {
        let agreed = self.agreed_export(request, voucher, origin).await?;
        self.tell_of_export(&agreed, Outcome::Intended, origin).await?;
        let keys = KeysWanted {
            recipient: agreed.recipient.clone(),
            actor: agreed.actor,
            origin,
            names: BTreeSet::new(),
        };
        let run = self.run_export(files, agreed.actor, origin, Some(keys)).await;
        let outcome = match &run {
            Ok(_) => Outcome::Done,
            Err(_) => Outcome::Failed(FailureReason::Interrupted),
        };
        self.tell_of_export(&agreed, outcome, origin).await?;
        Ok(run?)
    }

    async fn tell_of_export(
        &self,
        agreed: &AgreedExport,
        outcome: Outcome,
        origin: Origin,
    ) -> Result<(), AppError> {
        let action = Action::RecoveryKeysExported;
        let told = event(self.now().at, agreed.actor, action, agreed.other, outcome, origin);
        self.log_alone(told.with(Detail::Recovery(agreed.purpose))).await
    }

    async fn run_export(
        self: &Arc<Self>,
        files: Box<dyn RecoveryFile>,
        actor: Actor,
        origin: Origin,
        keys: Option<KeysWanted>,
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
            let index = RecoveryIndex::default();
            let mut export = Export { app: &app, handle: &handle, files, index, keys };
            mailboxes.iter().try_for_each(|(mailbox, _)| export.mailbox(mailbox))?;
            export.days()?;
            export.finish()
        });
        run.await.map_err(|_| AppError::Broken("recovery export"))?
    }
}

/// The identities that go out, and who takes them.
struct KeysWanted {
    recipient: Recipient,
    actor: Actor,
    origin: Origin,
    names: BTreeSet<KeyName>,
}

struct Export<'a> {
    app: &'a App,
    handle: &'a Handle,
    files: Box<dyn RecoveryFile>,
    index: RecoveryIndex,
    keys: Option<KeysWanted>,
}

impl Export<'_> {
    fn mailbox(&mut self, mailbox: &Mailbox) -> Result<(), AppError> {
        self.mailbox_keys(mailbox)?;
        // Before the transfers: a deposit that is released meanwhile is written twice rather than not at all.
        let held: Vec<(HeldDeposit, u64)> =
            self.handle.block_on(self.app.read_list(&List::HeldOf(mailbox.id), EXPORT_MAX))?;
        for (held, _) in &held {
            let written = self.held(mailbox, held);
            self.unless_gone(written, &Key::Held(held.id))?;
        }
        let list = List::TransfersOf { mailbox: mailbox.id, before: None };
        let transfers: Vec<(Transfer, u64)> = self.handle.block_on(self.app.read_list(&list, EXPORT_MAX))?;
        // What was dispatched here is written with the mailbox that it was deposited into.
        for (transfer, _) in transfers.iter().filter(|(transfer, _)| transfer.mailbox == mailbox.id) {
            let written = self.transfer(mailbox, transfer);
            self.unless_gone(written, &Key::Transfer(transfer.id))?;
        }
        Ok(())
    }

    /// What ended while it was written is left out of the index.
    fn unless_gone(&self, written: Result<(), AppError>, key: &Key) -> Result<(), AppError> {
        match written {
            Err(AppError::Objects(ObjectError::Missing))
                if self.handle.block_on(self.app.store.get(key))?.is_none() =>
            {
                Ok(())
            }
            other => other,
        }
    }

    fn mailbox_keys(&mut self, mailbox: &Mailbox) -> Result<(), AppError> {
        let rotation: Option<(KeyRotation, u64)> =
            self.handle.block_on(self.app.read(&Key::KeyRotation(mailbox.id)))?;
        let previous = rotation.and_then(|(rotation, _)| rotation.previous_for_recovery);
        let former = mailbox.key.former_for_recovery.iter().chain(&previous);
        let former = former.map(|former| (former.generation, &former.for_recovery));
        let present = mailbox.key.for_recovery.iter().map(|wrap| (mailbox.key.generation, wrap));
        let wraps: Vec<(u32, &Sealed)> = former.chain(present).collect();
        for (generation, wrap) in wraps {
            let key = format!("mailboxes/{}-{generation}.age", mailbox.id);
            self.file(&key, wrap.as_bytes())?;
            let mailbox = mailbox.slug.to_string();
            self.index.mailboxes.push(RecoveredMailbox { mailbox, generation, key });
        }
        Ok(())
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
        let parts = transfer.objects.iter().enumerate();
        let objects = parts.map(|(part, segments)| self.segments(name, part, segments));
        let objects = objects.collect::<Result<_, _>>()?;
        let key = format!("mailboxes/{}-{}.age", mailbox.id, grant.terms.generation);
        let day_key = self.day_key(KeyName::ExpiryDay(grant.terms.day));
        self.index.transfers.push(RecoveredTransfer {
            reference: transfer.reference.clone(),
            mailbox: mailbox.slug.to_string(),
            mailbox_key: self.index.mailboxes.iter().any(|known| known.key == key).then_some(key),
            expires_at: transfer.expires_at,
            day: grant.terms.day.to_string(),
            day_key,
            grant: grant_path,
            manifest,
            objects,
        });
        Ok(())
    }

    fn held(&mut self, mailbox: &Mailbox, held: &HeldDeposit) -> Result<(), AppError> {
        let name = held.reference.as_str();
        let key = format!("held/{name}.age");
        self.file(&key, held.wrap.as_bytes())?;
        let mut parts = Vec::with_capacity(held.parts.len());
        for (number, part) in held.parts.iter().enumerate() {
            let entry = format!("held/{name}-{number}.age");
            self.file(&entry, part.entry.as_bytes())?;
            parts.push(RecoveredPart { entry, objects: self.segments(name, number, &part.objects)? });
        }
        let day_key = self.day_key(KeyName::Draft(held.key_day));
        self.index.held.push(RecoveredHeld {
            reference: held.reference.clone(),
            mailbox: mailbox.slug.to_string(),
            ends_at: held.ends_at(),
            day: held.key_day.to_string(),
            day_key,
            key,
            parts,
        });
        Ok(())
    }

    fn segments(
        &mut self,
        name: &str,
        part: usize,
        segments: &[ObjectLocator],
    ) -> Result<Vec<String>, AppError> {
        let paths = segments.iter().enumerate().map(|(segment, locator)| {
            let path = format!("objects/{name}-{part}-{segment}.age");
            self.object(&path, locator).map(|()| path)
        });
        paths.collect()
    }

    /// Where the identity of a day will be, if identities go out.
    fn day_key(&mut self, name: KeyName) -> String {
        if let Some(keys) = &mut self.keys {
            keys.names.insert(name);
        }
        path_of(name)
    }

    /// Writes the identities of the days that something in the export needs, each sealed to the recovery identity, once
    /// the log has it that they go.
    fn days(&mut self) -> Result<(), AppError> {
        let Some(keys) = self.keys.take() else { return Ok(()) };
        for name in keys.names {
            let identity = match self.app.keyring.identity(name) {
                // Its day ended meanwhile.
                Err(KeyringError::NoKey(_)) => continue,
                identity => identity?,
            };
            let action = match name {
                KeyName::ExpiryDay(_) => Action::DayKeyExported,
                KeyName::Draft(_) | KeyName::Queue(_) => Action::DraftKeyExported,
            };
            let (at, object) = (self.app.now().at, Object::Day(name.day()));
            let told = event(at, keys.actor, action, object, Outcome::Done, keys.origin);
            self.handle.block_on(self.app.log_alone(told))?;
            let key = path_of(name);
            self.file(&key, wrap_identity(&keys.recipient, &identity)?.as_bytes())?;
            self.index.days.push(RecoveredDay { day: name.day().to_string(), key });
        }
        Ok(())
    }

    fn object(&mut self, path: &str, locator: &ObjectLocator) -> Result<(), AppError> {
        let mut sealed = self.handle.block_on(self.app.objects.open(locator))?;
        self.files.begin(path).map_err(unwritten)?;
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
        Ok(self.index.transfers.len() + self.index.held.len())
    }

    fn file(&mut self, path: &str, bytes: &[u8]) -> Result<(), AppError> {
        self.files.begin(path).and_then(|()| self.files.write(bytes)).map_err(unwritten)
    }
}

fn path_of(name: KeyName) -> String {
    let kind = match name {
        KeyName::ExpiryDay(_) => "expiry",
        KeyName::Draft(_) => "draft",
        KeyName::Queue(_) => "queue",
    };
    format!("days/{kind}-{}.age", name.day())
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn unwritten(error: io::Error) -> AppError {
    tracing::error!(error = %error, "recovery.export_failed");
    AppError::Broken("recovery export could not be read or written")
}
