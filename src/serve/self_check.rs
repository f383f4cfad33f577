//! The daily self-check of invariant 3: makes throw-away gateways of the same parts, on the same disk, lets a random
//! marker go through each, and searches for it in everything that they wrote, in a backup that is not even sealed, and in
//! the system's temporary directory. One has the scanner that is configured, one has none, and one has a scanner that is
//! not there, so that what it takes is held. A throw-away gateway has a directory, store, objects and keyring of its own:
//! nothing of it is ever in a register, a statistic or the log, and all of it is removed.

use std::collections::BTreeSet;
use std::fs::{self, DirBuilder, File};
use std::io::{self, Read};
use std::os::unix::fs::DirBuilderExt;
use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use base64::{Engine, engine::general_purpose::STANDARD_NO_PAD as BASE64};
use tokio::task::spawn_blocking;
use tokio_util::sync::CancellationToken;

use super::open::{OpenError, Seams, open};
use crate::app::ports::{Delivery, Dispatched, NoNames, NoSenderAuthentication, OutgoingMail};
use crate::app::{App, AppError, BackupTarget, Letters, MarkedWalk, SELF_CHECK_EVERY, WALKED};
use crate::audit::{Action, Actor, Origin};
use crate::config::{Config, ScannerMode};
use crate::relay::queue::DeliveryProblem;
use crate::store::make_gateway_key_file;

/// The directory of the throw-away gateway, below the real one's.
const DIRECTORY: &str = "self-check";
/// After a start the first check waits: there is more urgent work.
const FIRST_AFTER: Duration = Duration::from_mins(1);
/// How often it is looked whether a day has gone by.
const LOOK_EVERY: Duration = Duration::from_mins(10);
/// Bytes that are searched at once.
const SEARCH_BYTES: usize = 1024 * 1024;

/// Why a check was not made. The operator must look.
#[derive(Debug, thiserror::Error)]
pub enum SelfCheckError {
    /// The throw-away gateway could not be made.
    #[error(transparent)]
    Open(#[from] OpenError),
    /// The marker did not get through.
    #[error(transparent)]
    App(#[from] AppError),
    /// A path was not walked: nothing can be said of it.
    #[error("nothing was marked on the way to {}", .0.code())]
    NotWalked(Action),
    /// The disk could not be written or searched.
    #[error("the throw-away gateway: {0}")]
    Io(#[from] io::Error),
}

/// Makes the check once a day, until `stop`.
pub(super) async fn daily(config: Config, app: Arc<App>, stop: CancellationToken) {
    let mut wait = FIRST_AFTER;
    loop {
        tokio::select! {
            () = stop.cancelled() => return,
            () = tokio::time::sleep(wait) => {}
        }
        wait = LOOK_EVERY;
        match is_due(&app).await {
            Ok(true) => tell(&app, check(&config, &app, keep_in_memory()).await).await,
            Ok(false) => {}
            Err(error) => tracing::warn!(%error, "self_check.not_known"),
        }
    }
}

async fn is_due(app: &Arc<App>) -> Result<bool, AppError> {
    let now = app.now();
    let last = app.last_self_check().await?;
    Ok(now.believed && last.is_none_or(|last| last.until(now.at) >= SELF_CHECK_EVERY))
}

/// The event, the figure, and for the operator where it was found.
async fn tell(app: &Arc<App>, outcome: Result<Vec<PathBuf>, SelfCheckError>) {
    let found = match outcome {
        Ok(found) => {
            for path in &found {
                tracing::error!(path = %path.display(), "self_check.found_in_clear");
            }
            Some(found.len() as u64)
        }
        Err(error) => {
            tracing::error!(%error, "self_check.failed");
            None
        }
    };
    metrics::gauge!("pli_self_check_clear").set(if found == Some(0) { 1.0 } else { 0.0 });
    if let Err(error) = app.note_self_check(found).await {
        tracing::error!(%error, "self_check.not_noted");
    }
}

/// What takes the letters of the throw-away gateway.
trait Way: Delivery + Letters {}

impl<T: Delivery + Letters> Way for T {}

fn keep_in_memory() -> Arc<InMemory> {
    Arc::default()
}

/// Which scanner a throw-away gateway has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Scanner {
    /// The one that is configured.
    Configured,
    /// None.
    Off,
    /// One that is not there.
    Gone,
}

/// Sends a marker through throw-away gateways; returns the files that hold it.
async fn check<W: Way + 'static>(
    config: &Config,
    app: &Arc<App>,
    way: Arc<W>,
) -> Result<Vec<PathBuf>, SelfCheckError> {
    let root = config.directory.join(DIRECTORY);
    let mut scanners = vec![Scanner::Off, Scanner::Gone];
    if config.scanner.mode != ScannerMode::Off {
        scanners.push(Scanner::Configured);
    }
    let (mut found, mut walked) = (Vec::new(), BTreeSet::new());
    for scanner in scanners {
        remove(&root)?;
        let outcome = Box::pin(walk_and_search(config, app, Arc::clone(&way), &root, scanner)).await;
        remove(&root)?;
        let (places, actions) = outcome?;
        found.extend(places);
        walked.extend(actions);
    }
    match WALKED.iter().find(|action| !walked.contains(action)) {
        Some(missing) => Err(SelfCheckError::NotWalked(*missing)),
        None => Ok(found),
    }
}

async fn walk_and_search<W: Way + 'static>(
    config: &Config,
    app: &Arc<App>,
    way: Arc<W>,
    root: &Path,
    scanner: Scanner,
) -> Result<(Vec<PathBuf>, BTreeSet<Action>), SelfCheckError> {
    DirBuilder::new().mode(0o700).create(root)?;
    let marker = marker(app);
    let throw_away = throw_away(config, root, scanner)?;
    let seams = Seams {
        clock: Arc::clone(&app.clock),
        delivery: Arc::clone(&way) as Arc<dyn Delivery>,
        senders: Arc::new(NoSenderAuthentication),
        names: Arc::new(NoNames),
    };
    let gateway = spawn_blocking(move || open(&throw_away, seams)).await.map_err(io::Error::other)??;
    let walked = Box::pin(gateway.walk_with_marker(&marker, &*way)).await;
    let backed_up = back_up(&gateway, &root.join("backup.tar")).await;
    // What it holds in memory is written down.
    spawn_blocking(move || drop(gateway)).await.map_err(io::Error::other)?;
    let MarkedWalk { secrets, actions } = walked?;
    backed_up?;
    let mut needles: Vec<Vec<u8>> = secrets.into_iter().map(String::into_bytes).collect();
    needles.extend(forms_of(&marker));
    let root = root.to_owned();
    let search = move || {
        let mut found = search(&root, &needles, Depth::All)?;
        found.extend(search(&std::env::temp_dir(), &needles, Depth::Files)?);
        Ok::<_, io::Error>(found)
    };
    Ok((spawn_blocking(search).await.map_err(io::Error::other)??, actions))
}

/// A backup as it is before it is sealed to its recipients: already then nothing in it is in clear.
async fn back_up(gateway: &Arc<App>, to: &Path) -> Result<(), SelfCheckError> {
    let writer = File::create_new(to)?;
    let target = BackupTarget { writer, progress: Box::new(|_| {}) };
    gateway.back_up(target, Actor::System, Origin::Job).await?;
    Ok(())
}

/// The same configuration, with places of its own and nothing that reaches outside.
fn throw_away(config: &Config, root: &Path, scanner: Scanner) -> Result<Config, SelfCheckError> {
    let mut config = config.clone();
    match scanner {
        Scanner::Configured => {}
        Scanner::Off => config.scanner.mode = ScannerMode::Off,
        Scanner::Gone => {
            config.scanner.mode = ScannerMode::Clamd;
            config.scanner.address = None;
            config.scanner.socket = root.join("no-scanner");
            config.scanner.temporary_directory = Some(root.join("no-scanner"));
        }
    }
    config.store.directory = root.join("store");
    config.objects.directory = root.join("objects");
    config.keyring.directory = root.join("keyring");
    config.keyring.mirror = None;
    config.keyring.gateway_key_file = root.join("gateway.key");
    make_gateway_key_file(&config.keyring.gateway_key_file).map_err(OpenError::from)?;
    Ok(config)
}

/// A word of small letters that nothing else on the machine says; no fold or encoding of ours changes it.
fn marker(app: &App) -> String {
    let random: [u8; 24] = app.random.bytes();
    random.iter().map(|byte| char::from(b'a' + byte % 26)).collect()
}

/// The marker as text, as UTF-16 both ways, as hexadecimal, and what base64 makes of it at each place in a group.
fn forms_of(marker: &str) -> Vec<Vec<u8>> {
    let mut forms = vec![marker.as_bytes().to_vec()];
    forms.push(marker.encode_utf16().flat_map(u16::to_le_bytes).collect());
    forms.push(marker.bytes().flat_map(|byte| format!("{byte:02x}").into_bytes()).collect());
    for skipped in 0..3 {
        let rest = &marker.as_bytes()[skipped..];
        let whole = rest.len() / 3 * 3;
        forms.push(BASE64.encode(&rest[..whole]).into_bytes());
    }
    forms
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Depth {
    /// All that is below.
    All,
    /// The files of the directory itself: other programs' directories are theirs.
    Files,
}

/// The files below a directory that hold one of the needles, in their names or in their bytes.
fn search(directory: &Path, needles: &[Vec<u8>], depth: Depth) -> io::Result<Vec<PathBuf>> {
    let mut found = Vec::new();
    for entry in fs::read_dir(directory)? {
        let entry = entry?;
        let path = entry.path();
        let named = holds(path.as_os_str().as_encoded_bytes(), needles);
        match entry.file_type() {
            Ok(kind) if kind.is_dir() && depth == Depth::All => found.extend(search(&path, needles, depth)?),
            // A file of another program may be gone or closed to us.
            Ok(kind) if kind.is_file() && (named || file_holds(&path, needles).unwrap_or(false)) => {
                found.push(path);
            }
            _ => {}
        }
    }
    Ok(found)
}

fn file_holds(path: &Path, needles: &[Vec<u8>]) -> io::Result<bool> {
    let overlap = needles.iter().map(Vec::len).max().unwrap_or(0);
    let mut file = File::open(path)?;
    let mut window = Vec::new();
    let mut buffer = vec![0; SEARCH_BYTES];
    loop {
        let count = file.read(&mut buffer)?;
        if count == 0 {
            return Ok(false);
        }
        window.extend_from_slice(&buffer[..count]);
        if holds(&window, needles) {
            return Ok(true);
        }
        window.drain(..window.len().saturating_sub(overlap));
    }
}

/// One pass: most bytes begin no needle.
fn holds(bytes: &[u8], needles: &[Vec<u8>]) -> bool {
    let mut begins = [false; 256];
    needles.iter().filter_map(|needle| needle.first()).for_each(|first| begins[usize::from(*first)] = true);
    let mut at = 0;
    while let Some(next) = bytes[at..].iter().position(|byte| begins[usize::from(*byte)]) {
        at += next;
        if needles.iter().any(|needle| bytes[at..].starts_with(needle)) {
            return true;
        }
        at += 1;
    }
    false
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}

/// Keeps letters in memory.
#[derive(Default)]
struct InMemory(Mutex<Vec<Vec<u8>>>);

#[async_trait]
impl Delivery for InMemory {
    async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).push(mail.message.to_vec());
        Ok(Dispatched { tls: None })
    }
}

impl Letters for InMemory {
    fn all(&self) -> Vec<Vec<u8>> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }
}

#[cfg(test)]
mod tests {
    use metrics_exporter_prometheus::PrometheusBuilder;

    use super::*;
    use crate::audit::{Action, Outcome, Selection};
    use crate::demo::Parts;

    fn gateway(place: &Path) -> (Config, Arc<App>) {
        let text = crate::config::InitialFile {
            base_url: "http://localhost:8080".into(),
            http_listen: "localhost:8080".into(),
            smtp_listen: "localhost:2525".into(),
            hostname: "pli.example".into(),
            mail_domain: "pli.example".into(),
            recovery: None,
            demo: true,
        };
        let config = Config::parse(&text.text(), place).unwrap();
        make_gateway_key_file(&config.keyring.gateway_key_file).unwrap();
        let seams = Parts::of(&config, config.demo.as_ref().unwrap()).unwrap().seams();
        let app = open(&config, seams).unwrap();
        (config, app)
    }

    /// Breaks invariant 3 on purpose: a way out that spools letters in clear.
    struct Spool(InMemory, PathBuf);

    #[async_trait]
    impl Delivery for Spool {
        async fn deliver(&self, mail: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
            fs::write(self.1.join(format!("{}.eml", mail.id)), mail.message).unwrap();
            self.0.deliver(mail).await
        }
    }

    impl Letters for Spool {
        fn all(&self) -> Vec<Vec<u8>> {
            self.0.all()
        }
    }

    async fn last_outcome(app: &App) -> Outcome {
        let checks = Selection { actions: vec![Action::SelfChecked], ..Selection::default() };
        app.store.entries(&checks, 1).await.unwrap()[0].1.event().unwrap().outcome
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_gateway_that_seals_passes_once_a_day_and_nothing_stays() {
        let place = tempfile::tempdir().unwrap();
        let (config, app) = gateway(place.path());
        assert!(is_due(&app).await.unwrap());
        let size = app.store.log().await.unwrap().size();
        let found = check(&config, &app, keep_in_memory()).await.unwrap();
        assert!(found.is_empty(), "{found:?}");
        assert!(!place.path().join(DIRECTORY).exists());
        assert_eq!(app.store.log().await.unwrap().size(), size, "the walk is in no log");
        assert!(app.mailboxes().await.unwrap().is_empty(), "nor is its mailbox anywhere");
        tell(&app, Ok(found)).await;
        assert_eq!(last_outcome(&app).await, Outcome::Done);
        assert!(!is_due(&app).await.unwrap());
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn what_is_written_in_clear_is_found_and_told() {
        let place = tempfile::tempdir().unwrap();
        let (config, app) = gateway(place.path());
        // The directory is there when the first letter leaves.
        let spool = Arc::new(Spool(InMemory::default(), place.path().join(DIRECTORY)));
        let found = check(&config, &app, spool).await.unwrap();
        assert!(!found.is_empty(), "letters with links lay there in clear");
        tell(&app, Ok(found)).await;
        assert!(matches!(
            last_outcome(&app).await,
            Outcome::Failed(crate::audit::FailureReason::FoundInClear)
        ));
    }

    #[tokio::test(flavor = "multi_thread")]
    async fn a_path_that_was_not_walked_is_told() {
        let place = tempfile::tempdir().unwrap();
        let (config, app) = gateway(place.path());
        // Every letter is lost: no link, so no draft is opened.
        let failed = check(&config, &app, Arc::new(Lost)).await;
        assert!(matches!(failed, Err(SelfCheckError::App(_))), "{failed:?}");
        tell(&app, failed).await;
        assert!(matches!(last_outcome(&app).await, Outcome::Failed(crate::audit::FailureReason::Internal)));

        let root = place.path().join(DIRECTORY);
        let (_, held) = walk_and_search(&config, &app, keep_in_memory(), &root, Scanner::Gone).await.unwrap();
        assert!(held.contains(&Action::DepositHeld) && !held.contains(&Action::TransferDispatched));
        remove(&root).unwrap();
        let (_, sent) = walk_and_search(&config, &app, keep_in_memory(), &root, Scanner::Off).await.unwrap();
        assert!(sent.contains(&Action::TransferDispatched) && !sent.contains(&Action::DepositHeld));
        assert!(WALKED.iter().all(|action| held.contains(action) || sent.contains(action)));
    }

    /// The figure that an operator's alarm watches.
    #[tokio::test]
    async fn the_figure_says_whether_the_last_check_found_nothing() {
        let place = tempfile::tempdir().unwrap();
        let (_, app) = gateway(place.path());
        let recorder = PrometheusBuilder::new().build_recorder();
        let figures = recorder.handle();
        let _recorded_here = metrics::set_default_local_recorder(&recorder);
        let not_walked = || Err(SelfCheckError::NotWalked(Action::DepositHeld));
        let told = [
            (Ok(vec![]), 1),
            (Ok(vec!["store".into()]), 0),
            (Ok(vec![]), 1),
            (not_walked(), 0),
            (Ok(vec![]), 1),
        ];
        for (outcome, shown) in told {
            tell(&app, outcome).await;
            let line = format!("pli_self_check_clear {shown}");
            assert!(figures.render().lines().any(|shown| shown == line), "{line}: {}", figures.render());
        }
    }

    /// Loses every letter.
    struct Lost;

    #[async_trait]
    impl Delivery for Lost {
        async fn deliver(&self, _: OutgoingMail<'_>) -> Result<Dispatched, DeliveryProblem> {
            Ok(Dispatched { tls: None })
        }
    }

    impl Letters for Lost {
        fn all(&self) -> Vec<Vec<u8>> {
            Vec::new()
        }
    }

    #[test]
    fn a_marker_is_found_in_every_form_and_across_the_pieces_that_are_read() {
        let place = tempfile::tempdir().unwrap();
        let forms = forms_of("qzxjvkwmarqueurqzxjvkwma");
        for form in &forms {
            let path = place.path().join("x");
            fs::write(&path, [&vec![b' '; SEARCH_BYTES - 5][..], form, b"after"].concat()).unwrap();
            assert_eq!(search(place.path(), &forms, Depth::All).unwrap(), [path]);
        }
        fs::write(place.path().join("x"), "nothing").unwrap();
        assert!(search(place.path(), &forms, Depth::All).unwrap().is_empty());
    }
}
