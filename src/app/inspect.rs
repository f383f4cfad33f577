//! Inspects files: asks whether the scanner is fit to judge, has one file walked and scanned, says why it was not. What
//! becomes of the file is decided by who asks.
//!
//! A walk blocks: it runs on a thread of its own, a few at once, and a parser that panics ends that walk alone, with the
//! judgement that the file is unreadable.

use std::io::{Cursor, Read, Seek, SeekFrom};
use std::sync::{Arc, Mutex, PoisonError};

use tokio::runtime::Handle;
use tokio::sync::Semaphore;
use tokio::task::spawn_blocking;
use zeroize::Zeroizing;

use super::open_transfer::StoredSegments;
use super::ports::{Scanner, ScannerError, ScannerState};
use super::{App, AppError};
use crate::audit::RefusalReason;
use crate::content::{
    Antivirus, AntivirusAnswer, FileKind, FilePolicy, Finding, InspectError, Inspection, Judgement, ReadSeek,
    RefusalCause, ScanFailure, WalkLimits, inspect,
};
use crate::mailbox::{DepositLimits, Mailbox};
use crate::transfer::{HoldReason, ObjectLocator};
use crate::value::{Millis, Timestamp};
use crate::vault::{Identity, ManifestPart, PartOpener};

/// How many walks go on at once; each may hold what [`WalkLimits::held`] allows.
const WALKS_AT_ONCE: usize = 2;
/// How long what the scanner said of itself is believed.
const STATE_LIFE: Millis = Millis::seconds(20);
/// Bytes that are given to the scanner at once.
const STEP_BYTES: usize = 256 * 1024;

/// The scanner that a gateway inspects with.
#[derive(Clone)]
pub struct Scanning {
    /// The scanner.
    pub scanner: Arc<dyn Scanner>,
    /// How old its signatures may be; none when that is not watched.
    pub signatures_max_age: Option<Millis>,
}

/// How the scanner is, for figures and `pli check`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScannerHealth {
    /// What it said of itself; none when it did not answer.
    pub state: Option<ScannerState>,
    /// Why it is not fit to judge, if it is not.
    pub unfit: Option<HoldReason>,
}

/// What an [`App`] keeps for inspecting.
pub(super) struct Inspecting {
    pub(super) scanning: Scanning,
    walks: Arc<Semaphore>,
    health: Mutex<Option<(Timestamp, ScannerHealth)>>,
}

/// How a file is looked at.
#[derive(Debug, Clone)]
pub(super) enum Look {
    /// Walked and judged by the policy.
    Walk {
        /// Its name, of which the extension counts.
        name: String,
        /// What the antivirus said of the whole already.
        scanned: Option<AntivirusAnswer>,
    },
    /// Scanned as a whole: a mail as it came in, whose parts are judged by themselves, or a text.
    Whole(FileKind),
}

/// An inspection, or why there is none yet.
pub(super) type Inspected = Result<Inspection, HoldReason>;

impl Inspecting {
    pub(super) fn new(scanning: Scanning) -> Self {
        Self { scanning, walks: Arc::new(Semaphore::new(WALKS_AT_ONCE)), health: Mutex::new(None) }
    }
}

impl App {
    /// Whether files are inspected. When not, pages say so and files go on as they are.
    pub const fn inspects_files(&self) -> bool {
        self.inspecting.is_some()
    }

    /// The limits of a mailbox as far as the scanner goes: a file that it cannot scan as a whole is not taken.
    pub fn scannable(&self, limits: DepositLimits) -> DepositLimits {
        match &self.inspecting {
            None => limits,
            Some(inspecting) => {
                DepositLimits { file: limits.file.min(inspecting.scanning.scanner.largest()), ..limits }
            }
        }
    }

    /// The acceptance policy of a mailbox.
    pub fn file_policy(&self, mailbox: &Mailbox) -> FilePolicy {
        self.policies.load().files.of(mailbox.slug.as_str()).clone()
    }

    /// How the scanner is; none where files are not inspected. Asked at most every [`STATE_LIFE`].
    pub async fn scanner_health(&self) -> Option<ScannerHealth> {
        let inspecting = self.inspecting.as_ref()?;
        let now = self.now().at;
        let known = inspecting.health.lock().unwrap_or_else(PoisonError::into_inner).clone();
        if let Some((asked, health)) = known
            && asked <= now
            && now < asked + STATE_LIFE
            && health.unfit.is_none()
        {
            return Some(health);
        }
        let health = match inspecting.scanning.scanner.state().await {
            Ok(state) => {
                let is_old = is_old(&state, inspecting.scanning.signatures_max_age, now);
                ScannerHealth { unfit: is_old.then_some(HoldReason::SignaturesOld), state: Some(state) }
            }
            Err(error) => ScannerHealth { state: None, unfit: Some(reason_of(&error)) },
        };
        *inspecting.health.lock().unwrap_or_else(PoisonError::into_inner) = Some((now, health.clone()));
        Some(health)
    }

    /// Inspects a sealed part, reading it in clear from the object store.
    pub(super) async fn inspect_part(
        &self,
        identity: &Arc<Identity>,
        part: &ManifestPart,
        objects: &[ObjectLocator],
        look: Look,
        policy: FilePolicy,
    ) -> Result<Inspected, AppError> {
        let segments = StoredSegments::new(Arc::clone(&self.objects), objects.to_vec());
        let (identity, part) = (Arc::clone(identity), part.clone());
        self.walk(look, policy, move || PartOpener::new(identity, &part, segments).map_err(AppError::from))
            .await
    }

    /// Inspects bytes that are in memory.
    pub(super) async fn inspect_bytes(
        &self,
        bytes: Zeroizing<Vec<u8>>,
        look: Look,
        policy: FilePolicy,
    ) -> Result<Inspected, AppError> {
        self.walk(look, policy, move || Ok(Cursor::new(bytes.to_vec()))).await
    }

    async fn walk<R: Read + Seek + 'static>(
        &self,
        look: Look,
        policy: FilePolicy,
        open: impl FnOnce() -> Result<R, AppError> + Send + 'static,
    ) -> Result<Inspected, AppError> {
        let Some(inspecting) = &self.inspecting else {
            return Err(AppError::Broken("inspection without scanner"));
        };
        if let Some(reason) = self.scanner_health().await.and_then(|health| health.unfit) {
            return Ok(Err(reason));
        }
        let place = Arc::clone(&inspecting.walks).acquire_owned().await;
        let _place = place.map_err(|_| AppError::Broken("places for walks"))?;
        let scanner = Arc::clone(&inspecting.scanning.scanner);
        let mut antivirus = Blocking { scanner, handle: Handle::current(), failure: None };
        let walked = spawn_blocking(move || {
            let mut source = open()?;
            let found = look_at(&mut source, look, &policy, &mut antivirus);
            Ok((found, antivirus.failure))
        });
        match walked.await {
            Ok(Ok((Ok(inspection), _))) => Ok(Ok(inspection)),
            Ok(Ok((Err(InspectError::Antivirus), failure))) => {
                Ok(Err(failure.unwrap_or(HoldReason::ScannerDown)))
            }
            Ok(Ok((Err(InspectError::Source(error)), _))) => Err(AppError::Vault(error.into())),
            Ok(Err(error)) => Err(error),
            // A parser panicked: the file is not what it seems, and the gateway goes on.
            Err(_) => {
                tracing::error!("inspection.panicked: the file counts as unreadable");
                let judgement = Judgement::Refused { cause: RefusalCause::Found(Finding::Unreadable) };
                Ok(Ok(Inspection { kind: FileKind::Unknown, judgement, members: 0, signature: None }))
            }
        }
    }
}

/// Looks at a source in clear. Blocks.
fn look_at(
    source: &mut dyn ReadSeek,
    look: Look,
    policy: &FilePolicy,
    antivirus: &mut Blocking,
) -> Result<Inspection, InspectError> {
    match look {
        Look::Walk { name, scanned } => {
            inspect(source, &name, scanned, policy, WalkLimits::default(), antivirus)
        }
        Look::Whole(kind) => {
            source.seek(SeekFrom::Start(0)).map_err(InspectError::Source)?;
            let answer = antivirus.scan(source).map_err(|error| match error {
                ScanFailure::Antivirus => InspectError::Antivirus,
                ScanFailure::Member(error) => InspectError::Source(error),
            })?;
            let (judgement, signature) = match answer {
                AntivirusAnswer::Infected { signature } => {
                    (Judgement::Refused { cause: RefusalCause::Infected }, Some(signature))
                }
                _ => (Judgement::Accepted { warnings: Vec::new() }, None),
            };
            Ok(Inspection { kind, judgement, members: 0, signature })
        }
    }
}

/// The scanner, for who blocks.
struct Blocking {
    scanner: Arc<dyn Scanner>,
    handle: Handle,
    failure: Option<HoldReason>,
}

impl Antivirus for Blocking {
    fn scan(&mut self, member: &mut dyn Read) -> Result<AntivirusAnswer, ScanFailure> {
        let begun = self.handle.block_on(self.scanner.begin());
        let mut stream = self.heard(begun)?;
        let mut buffer = Zeroizing::new(vec![0; STEP_BYTES]);
        loop {
            let count = match member.read(&mut buffer) {
                Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
                Err(error) => return Err(ScanFailure::Member(error)),
                Ok(count) => count,
            };
            if count == 0 {
                break;
            }
            match self.handle.block_on(stream.push(&buffer[..count])) {
                // Time does not mend it: it is a limit, not a fault.
                Err(ScannerError::TooLarge { .. }) => return Ok(AntivirusAnswer::LimitsMet),
                pushed => self.heard(pushed)?,
            }
        }
        let answer = self.handle.block_on(stream.finish());
        if matches!(answer, Err(ScannerError::TooLarge { .. })) {
            return Ok(AntivirusAnswer::LimitsMet);
        }
        self.heard(answer)
    }

    fn largest(&self) -> u64 {
        self.scanner.largest().bytes()
    }
}

impl Blocking {
    fn heard<T>(&mut self, outcome: Result<T, ScannerError>) -> Result<T, ScanFailure> {
        outcome.map_err(|error| {
            tracing::warn!(%error, "scanner.failed");
            self.failure = Some(reason_of(&error));
            ScanFailure::Antivirus
        })
    }
}

fn is_old(state: &ScannerState, max_age: Option<Millis>, now: Timestamp) -> bool {
    match (max_age, state.signed_at) {
        (None, _) => false,
        // Signatures without a date are not known to be fresh.
        (Some(_), None) => true,
        (Some(max_age), Some(signed_at)) => signed_at + max_age < now,
    }
}

const fn reason_of(error: &ScannerError) -> HoldReason {
    match error {
        ScannerError::TemporaryDirectory { .. } => HoldReason::NotPrivate,
        _ => HoldReason::ScannerDown,
    }
}

/// The log's word for why a file is refused.
pub(super) const fn logged(cause: RefusalCause) -> RefusalReason {
    match cause {
        RefusalCause::Infected => RefusalReason::FileInfected,
        RefusalCause::TypeNotAccepted(_) => RefusalReason::FileTypeForbidden,
        RefusalCause::Found(Finding::NameContradictsContent) => RefusalReason::FileTypeMismatch,
        RefusalCause::Found(Finding::LockedArchive | Finding::LockedDocument | Finding::LockedPdf) => {
            RefusalReason::FileProtected
        }
        RefusalCause::Found(Finding::Unreadable) | RefusalCause::NotScannable => {
            RefusalReason::FileUnreadable
        }
        RefusalCause::Found(_) => RefusalReason::PolicyDenied,
        RefusalCause::TooComplex => RefusalReason::ArchiveTooDeep,
        RefusalCause::TooLargeToScan => RefusalReason::TooLarge,
    }
}

/// Counts a verdict.
pub(super) fn count(inspection: &Inspection) {
    let verdict = match &inspection.judgement {
        Judgement::Accepted { warnings } if warnings.is_empty() => "accepted",
        Judgement::Accepted { .. } => "warned",
        Judgement::Refused { cause: RefusalCause::Infected } => "infected",
        Judgement::Refused { .. } => "refused",
    };
    if let Some(signature) = &inspection.signature {
        tracing::warn!(signature, "file.infected");
    }
    metrics::counter!("pli_files_inspected_total", "verdict" => verdict).increment(1);
}
