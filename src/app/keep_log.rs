//! Keeps the log provable: signs checkpoints, verifies the whole, exports it (DESIGN section 6).

use std::io::{self, BufReader, BufWriter, Read, Write};
use std::iter::Peekable;
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};
use std::sync::{Arc, PoisonError};

use tokio::runtime::Handle;
use tokio::task::spawn_blocking;

use super::ports::{Key, List, LogHead, Restoration, SecretName, StoredCheckpoint, UnitOfWork};
use super::{App, AppError, TimestampView, WitnessView, event};
use crate::audit::{
    Action, Actor, Checkpoint, Disclosure, ExportHeader, ExportWriter, FailureReason, Frontier, Note,
    NoteKey, NoteSeed, NoteSigner, Object, Origin, Outcome, Verdict, verify,
};
use crate::value::Timestamp;

/// How many entries are read from the store at once.
const READ_AT_ONCE: usize = 2000;
/// How many checkpoints an export holds: at two an hour, more than five years.
const CHECKPOINTS_MAX: usize = 100_000;
/// How many bytes of an export are written at once: who takes them may be another thread.
const EXPORT_PIECE_BYTES: usize = 64 * 1024;

/// What is known of the log's health, always in the officer's view.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct LogState {
    /// How many entries there are.
    pub size: u64,
    /// When the last checkpoint was signed, and how many entries it covers.
    pub last_checkpoint: Option<(Timestamp, u64)>,
    /// When the log was last verified from its first entry, and whether all was well.
    pub last_verification: Option<(Timestamp, bool)>,
    /// The witnesses of the configuration; none when there are none.
    pub witnesses: Vec<WitnessView>,
    /// The timestamp authority of the configuration, if there is one.
    pub timestamps: Option<TimestampView>,
}

impl App {
    /// The log's public key, `name+id+base64` (C2SP signed-note).
    pub fn log_key(&self) -> Result<NoteKey, AppError> {
        Ok(self.log_signer()?.public().clone())
    }

    /// What signs promises and checkpoints. Made once: key and origin are the installation's for as long as it runs.
    pub(super) fn log_signer(&self) -> Result<&NoteSigner, AppError> {
        if let Some(signer) = self.log_signer.get() {
            return Ok(signer);
        }
        let seed = NoteSeed::new(self.keyring.secret(SecretName::LogSigning)?);
        let signer = NoteSigner::new(&self.settings.log_origin, &seed);
        let signer = signer.map_err(|_| AppError::Broken("log signing key"))?;
        Ok(self.log_signer.get_or_init(|| signer))
    }

    /// Signs the log as it is, unless nothing came since the last checkpoint. Returns the newest checkpoint.
    pub async fn sign_checkpoint(&self) -> Result<Option<StoredCheckpoint>, AppError> {
        let log = self.store.log().await?;
        let last: Vec<(StoredCheckpoint, u64)> = self.read_list(&List::Checkpoints, 2).await?;
        let newest = last.first().map(|(checkpoint, _)| checkpoint.clone());
        if log.size() == 0 || newest.as_ref().is_some_and(|checkpoint| checkpoint.size == log.size()) {
            return Ok(newest);
        }
        let now = self.now().at;
        let note = Checkpoint::sign(self.log_signer()?, log.size(), log.root(), now)
            .map_err(|_| AppError::Broken("checkpoint"))?;
        let checkpoint = StoredCheckpoint { size: log.size(), note: note.to_string(), signed_at: now };
        let mut unit = UnitOfWork::default();
        if let [(newest, _), (before, _)] = &last[..]
            && is_same_hour(newest.signed_at, now)
            && is_same_hour(before.signed_at, now)
            && !is_cosigned(newest)
            && !self.bounds_a_gap(newest.size).await?
        {
            // The first and the last of each hour are enough to say where a fault lies; those who were given another one
            // have it still.
            unit.delete(Key::Checkpoint(newest.size));
        }
        unit.put(checkpoint.clone());
        // Beside the keys first: whoever is shown a checkpoint must find it there after a restore.
        let head = LogHead { note: checkpoint.note.clone(), frontier: log };
        self.with_keyring(move |keyring| keyring.set_log_head(&head)).await?;
        self.store.commit(unit).await?;
        Ok(Some(checkpoint))
    }

    /// Whether a checkpoint proves where entries were lost before a restore: it must stay.
    async fn bounds_a_gap(&self, size: u64) -> Result<bool, AppError> {
        let last: Option<(Restoration, u64)> = self.read_one(&List::Restorations).await?;
        Ok(last.is_some_and(|(last, _)| last.lost_from == size || last.goes_on_from.size() == size))
    }

    pub(super) async fn newest_checkpoint(&self) -> Result<Option<StoredCheckpoint>, AppError> {
        let found: Option<(StoredCheckpoint, u64)> = self.read_one(&List::Checkpoints).await?;
        Ok(found.map(|(checkpoint, _)| checkpoint))
    }

    /// What the officer's page always shows.
    pub async fn log_state(&self) -> Result<LogState, AppError> {
        let last_checkpoint = self.newest_checkpoint().await?.map(|last| (last.signed_at, last.size));
        let last_verification = *self.verification.lock().unwrap_or_else(PoisonError::into_inner);
        let witnesses = self.witnesses().await?;
        let (size, timestamps) = (self.store.log().await?.size(), self.timestamp_view().await?);
        Ok(LogState { size, last_checkpoint, last_verification, witnesses, timestamps })
    }

    /// Notes how a verification of the whole log ended.
    pub fn note_verification(&self, at: Timestamp, well: bool) {
        *self.verification.lock().unwrap_or_else(PoisonError::into_inner) = Some((at, well));
    }

    /// Verifies the whole log as an outsider would: from an export, with the public key alone.
    pub async fn verify_log(self: &Arc<Self>) -> Result<Verdict, AppError> {
        let key = self.log_key()?;
        let (sender, receiver) = sync_channel(4);
        let app = Arc::clone(self);
        let handle = Handle::current();
        let export = spawn_blocking(move || app.write_export(&handle, ChannelWriter(sender)));
        let verdict =
            spawn_blocking(move || verify(BufReader::new(ChannelReader::new(receiver)), &key, None));
        let verdict = verdict.await.map_err(|_| AppError::Broken("verification"))?;
        let exported = export.await.map_err(|_| AppError::Broken("export"))?;
        let now = self.now().at;
        // A log that cannot be read to the end that it signed is not well, whatever was read of it.
        let well = matches!(verdict, Verdict::Well(_)) && exported.is_ok();
        self.note_verification(now, well);
        let outcome = if well { Outcome::Done } else { Outcome::Failed(FailureReason::LogNotVerified) };
        self.log_alone(event(now, Actor::System, Action::LogVerified, Object::Log, outcome, Origin::Job))
            .await?;
        exported?;
        Ok(verdict)
    }

    /// Exports the whole log, up to a checkpoint signed just now; the export itself is logged first.
    pub async fn export_log<W: Write + Send + 'static>(
        self: &Arc<Self>,
        writer: W,
        actor: Actor,
        origin: Origin,
    ) -> Result<(), AppError> {
        let exported = event(self.now().at, actor, Action::LogExported, Object::Log, Outcome::Done, origin);
        self.log_alone(exported).await?;
        let app = Arc::clone(self);
        let handle = Handle::current();
        let run = spawn_blocking(move || app.write_export(&handle, writer));
        run.await.map_err(|_| AppError::Broken("export"))?
    }

    /// Writes entries and checkpoints in order; where blocking is allowed.
    fn write_export(&self, handle: &Handle, writer: impl Write) -> Result<(), AppError> {
        let end = handle.block_on(self.sign_checkpoint())?.map_or(0, |checkpoint| checkpoint.size);
        let listed: Vec<(StoredCheckpoint, u64)> =
            handle.block_on(self.read_list(&List::Checkpoints, CHECKPOINTS_MAX))?;
        let mut checkpoints = listed.into_iter().rev().map(|(checkpoint, _)| checkpoint).peekable();
        let header =
            ExportHeader::new(&self.log_key()?, self.settings.audit.retention_months, Disclosure::All);
        let writer = BufWriter::with_capacity(EXPORT_PIECE_BYTES, writer);
        let mut export = ExportWriter::new(writer, &header).map_err(broken_export)?;
        let gaps = handle.block_on(self.gaps(end))?;
        let mut frontier = Frontier::default();
        while frontier.size() < end {
            let leaves = handle.block_on(self.store.leaves(frontier.size(), READ_AT_ONCE))?;
            if leaves.is_empty() {
                return Err(AppError::Broken("the log has fewer entries than its checkpoint says"));
            }
            for leaf in leaves.into_iter().take_while(|leaf| leaf.index < end) {
                if leaf.index > frontier.size() {
                    // Lost before a restore: the checkpoints on both sides prove that nothing else is.
                    let gap = gaps.iter().find(|gap| gap.size() == leaf.index);
                    frontier = gap.cloned().ok_or(AppError::Broken("entries are missing from the log"))?;
                    write_checkpoints(&mut export, &mut checkpoints, &frontier)?;
                }
                match &leaf.entry {
                    Some(entry) => export.entry(leaf.index, entry),
                    None => export.leaf(leaf.index, &leaf.leaf),
                }
                .map_err(broken_export)?;
                frontier.append(leaf.leaf);
                write_checkpoints(&mut export, &mut checkpoints, &frontier)?;
            }
        }
        export.finish().map_err(broken_export)?;
        Ok(())
    }
}

/// The checkpoint with the log's own signature alone: each witness signs the same text.
pub(super) fn own_part(note: &str) -> Result<String, AppError> {
    Ok(Note::parse(note).map_err(|_| AppError::Broken("stored checkpoint"))?.first_signed())
}

/// Cosigned ones give way to the next cosigned one only (`witness.rs`).
pub(super) fn is_cosigned(checkpoint: &StoredCheckpoint) -> bool {
    Note::parse(&checkpoint.note).is_ok_and(|note| note.signatures().len() > 1)
}

/// Writes the checkpoints that sign a tree.
fn write_checkpoints<W: Write>(
    export: &mut ExportWriter<W>,
    checkpoints: &mut Peekable<impl Iterator<Item = StoredCheckpoint>>,
    frontier: &Frontier,
) -> Result<(), AppError> {
    while let Some(checkpoint) = checkpoints.next_if(|checkpoint| checkpoint.size <= frontier.size()) {
        // One of a size inside a gap: the entries that it signs are not there to be proved.
        if checkpoint.size == frontier.size() {
            let note = Note::parse(&checkpoint.note).map_err(|_| AppError::Broken("stored checkpoint"))?;
            export.checkpoint(&note, frontier).map_err(broken_export)?;
        }
    }
    Ok(())
}

pub(super) const fn is_same_hour(one: Timestamp, other: Timestamp) -> bool {
    one.unix_seconds().div_euclid(3600) == other.unix_seconds().div_euclid(3600)
}

#[expect(clippy::needless_pass_by_value, reason = "the shape that map_err wants")]
fn broken_export(error: crate::audit::ExportError) -> AppError {
    tracing::error!(error = %error, "log.export_failed");
    AppError::Broken("export could not be written")
}

/// Hands written bytes to another thread.
struct ChannelWriter(SyncSender<Vec<u8>>);

impl Write for ChannelWriter {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.send(bytes.to_vec()).map_err(|_| io::Error::from(io::ErrorKind::BrokenPipe))?;
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// Reads what another thread writes; its end is the end of the file.
struct ChannelReader {
    receiver: Receiver<Vec<u8>>,
    current: io::Cursor<Vec<u8>>,
}

impl ChannelReader {
    fn new(receiver: Receiver<Vec<u8>>) -> Self {
        Self { receiver, current: io::Cursor::default() }
    }
}

impl Read for ChannelReader {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        loop {
            let count = self.current.read(buffer)?;
            if count > 0 || buffer.is_empty() {
                return Ok(count);
            }
            match self.receiver.recv() {
                Ok(bytes) => self.current = io::Cursor::new(bytes),
                Err(_) => return Ok(0),
            }
        }
    }
}
