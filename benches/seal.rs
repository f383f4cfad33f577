//! What sealing and opening cost in the process: a long stream beside the stock `age` tool and beside the age crate's
//! own stream without the digests that the manifest needs, and small blobs, of which each deposit makes several.
//! `cargo bench --bench seal`; with `-- --full` the stream is 1 GiB instead of 256 MiB.

#![expect(clippy::unwrap_used, reason = "a benchmark that cannot go on says where")]
#![expect(clippy::disallowed_methods, reason = "a benchmark measures time, and its peer is another program")]

mod figures;

use std::fs::File;
use std::hint::black_box;
use std::io::{self, Cursor, Read, Write, sink};
use std::path::Path;
use std::process::{Command, Stdio};
use std::str::FromStr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use figures::{RUNS, alone, beside, head, missing, random_bytes};
use pli::vault::{
    Identity, ManifestPart, PartOpener, PartRole, Recipient, Sealer, SealingKey, SegmentSource, open, seal,
};

const MIB: usize = 1024 * 1024;
/// What is pushed at once, about what a socket gives.
const PIECE_BYTES: usize = 64 * 1024;
/// How long each small figure is taken.
const SMALL_MEASURED: Duration = Duration::from_millis(400);
const SMALL_SIZES: [(&str, usize); 3] = [("100 B", 100), ("10 KiB", 10 * 1024), ("100 KiB", 100 * 1024)];

fn main() {
    // `cargo test --benches` starts it too, and wants no figures.
    if !std::env::args().any(|argument| argument == "--bench") {
        return;
    }
    let mebibytes = if std::env::args().any(|argument| argument == "--full") { 1024 } else { 256 };
    let plain = random_bytes(mebibytes * MIB);
    let keys = Keys::generate();
    head(&format!("Sealing {mebibytes} MiB in memory, one core, MiB/s; more is better"));
    streams(&keys, &plain);
    head("Small blobs, one X25519 recipient, microseconds each; less is better");
    small(&keys, &plain);
}

/// One key pair, as we hold it and as the age crate does.
struct Keys {
    ours: Arc<Identity>,
    theirs: age::x25519::Identity,
}

impl Keys {
    fn generate() -> Self {
        let ours = Identity::generate();
        let text = String::from_utf8(ours.expose().expose().to_vec()).unwrap();
        Self { theirs: age::x25519::Identity::from_str(&text).unwrap(), ours: Arc::new(ours) }
    }
}

fn streams(keys: &Keys, plain: &[u8]) {
    let rate = |elapsed: Duration| plain.len() as f64 / MIB as f64 / elapsed.as_secs_f64();
    let (sealed, part) = sealed_in_memory(keys, plain);
    let mut taken = Taken::default();
    let tool = AgeTool::find(keys, plain, &sealed);
    for _ in 0..RUNS {
        taken.seal.push(rate(time(|| seal_stream(keys, plain))));
        taken.crate_seal.push(rate(time(|| crate_seals(keys, plain))));
        taken.open.push(rate(time(|| open_stream(keys, &sealed, &part))));
        taken.crate_open.push(rate(time(|| crate_opens(keys, &sealed))));
        if let Some(tool) = &tool {
            taken.tool_seal.push(rate(time(|| tool.encrypts())));
            taken.tool_open.push(rate(time(|| tool.decrypts())));
        }
    }
    taken.tell();
}

#[derive(Default)]
struct Taken {
    seal: Vec<f64>,
    open: Vec<f64>,
    crate_seal: Vec<f64>,
    crate_open: Vec<f64>,
    tool_seal: Vec<f64>,
    tool_open: Vec<f64>,
}

impl Taken {
    fn tell(&self) {
        beside("seal, with the digest", &self.seal, "age crate, no digest", &self.crate_seal);
        beside("open, with the digest", &self.open, "age crate, no digest", &self.crate_open);
        if self.tool_seal.is_empty() {
            missing("seal, with the digest", &self.seal, "age is not installed");
        } else {
            beside("seal, with the digest", &self.seal, "age tool", &self.tool_seal);
            beside("open, with the digest", &self.open, "age tool", &self.tool_open);
        }
    }
}

fn time(work: impl FnOnce()) -> Duration {
    let start = Instant::now();
    work();
    start.elapsed()
}

fn seal_stream(keys: &Keys, plain: &[u8]) {
    let mut sealer = Sealer::new(&SealingKey::new(&keys.ours.recipient()).unwrap()).unwrap();
    for piece in plain.chunks(PIECE_BYTES) {
        black_box(sealer.push(piece).unwrap());
    }
    black_box(sealer.finish().unwrap());
}

fn sealed_in_memory(keys: &Keys, plain: &[u8]) -> (Vec<u8>, ManifestPart) {
    let mut sealer = Sealer::new(&SealingKey::new(&keys.ours.recipient()).unwrap()).unwrap();
    let mut sealed = Vec::with_capacity(plain.len() + plain.len() / 1000 + 1000);
    for piece in plain.chunks(PIECE_BYTES) {
        sealed.extend(sealer.push(piece).unwrap());
    }
    let (tail, summary) = sealer.finish().unwrap();
    sealed.extend(tail);
    let part = ManifestPart {
        role: PartRole::Attachment,
        name: String::new(),
        content_type: String::new(),
        size: summary.plain_size,
        digest: summary.plain_digest,
        segments: vec![summary.segment],
    };
    (sealed, part)
}

/// A sealed part in memory.
struct Kept<'a>(&'a [u8]);

impl<'a> SegmentSource for Kept<'a> {
    type Sealed = Cursor<&'a [u8]>;

    fn open(&mut self, _place: usize) -> io::Result<Self::Sealed> {
        Ok(Cursor::new(self.0))
    }
}

fn open_stream(keys: &Keys, sealed: &[u8], part: &ManifestPart) {
    let mut opener = PartOpener::new(Arc::clone(&keys.ours), part, Kept(sealed)).unwrap();
    let mut buffer = vec![0; PIECE_BYTES];
    while opener.pull(&mut buffer).unwrap() > 0 {
        black_box(&buffer);
    }
}

fn crate_seals(keys: &Keys, plain: &[u8]) {
    let recipient = keys.theirs.to_public();
    let recipient: &dyn age::Recipient = &recipient;
    let encryptor = age::Encryptor::with_recipients(std::iter::once(recipient)).unwrap();
    let mut stream = encryptor.wrap_output(sink()).unwrap();
    for piece in plain.chunks(PIECE_BYTES) {
        stream.write_all(piece).unwrap();
    }
    stream.finish().unwrap();
}

fn crate_opens(keys: &Keys, sealed: &[u8]) {
    let identity: &dyn age::Identity = &keys.theirs;
    let decryptor = age::Decryptor::new_buffered(sealed).unwrap();
    let mut stream = decryptor.decrypt(std::iter::once(identity)).unwrap();
    let mut buffer = vec![0; PIECE_BYTES];
    while stream.read(&mut buffer).unwrap() > 0 {
        black_box(&buffer);
    }
}

/// The stock tool on files that are in memory where the machine has a place for that.
struct AgeTool {
    place: tempfile::TempDir,
    recipient: String,
}

impl AgeTool {
    fn find(keys: &Keys, plain: &[u8], sealed: &[u8]) -> Option<Self> {
        Command::new("age").arg("--version").stdout(Stdio::null()).status().ok()?;
        let memory = Path::new("/dev/shm");
        let place = if memory.is_dir() { tempfile::tempdir_in(memory) } else { tempfile::tempdir() }.unwrap();
        let write = |name: &str, bytes: &[u8]| {
            File::create(place.path().join(name)).unwrap().write_all(bytes).unwrap();
        };
        write("plain", plain);
        write("sealed", sealed);
        write("identity", keys.ours.expose().expose());
        Some(Self { place, recipient: keys.ours.recipient().to_string() })
    }

    fn encrypts(&self) {
        self.run(&["-r", &self.recipient], "plain");
    }

    fn decrypts(&self) {
        let identity = self.place.path().join("identity");
        self.run(&["-d", "-i", identity.to_str().unwrap()], "sealed");
    }

    fn run(&self, arguments: &[&str], file: &str) {
        let file = self.place.path().join(file);
        let status = Command::new("age").args(arguments).arg(file).stdout(Stdio::null()).status().unwrap();
        assert!(status.success(), "age failed");
    }
}

fn small(keys: &Keys, random: &[u8]) {
    for (name, size) in SMALL_SIZES {
        let plain = &random[..size];
        let recipient = keys.ours.recipient();
        let sealed = seal(&recipient, plain).unwrap();
        let mut taken: [Vec<f64>; 4] = Default::default();
        for _ in 0..RUNS {
            taken[0].push(each(|| seal_small(&recipient, plain)));
            taken[1].push(each(|| age::encrypt(&keys.theirs.to_public(), plain).unwrap().len()));
            taken[2].push(each(|| open(&keys.ours, &sealed).unwrap().expose().len()));
            taken[3].push(each(|| age::decrypt(&keys.theirs, sealed.as_bytes()).unwrap().len()));
        }
        beside(&format!("seal {name}, as a part of a deposit"), &taken[0], "age crate", &taken[1]);
        beside(&format!("open {name}"), &taken[2], "age crate", &taken[3]);
    }
    let identities: Vec<f64> = (0..RUNS).map(|_| each(Identity::generate)).collect();
    alone("make an identity", &identities);
}

/// As `app` seals what is in memory already.
fn seal_small(recipient: &Recipient, plain: &[u8]) -> usize {
    let mut sealer = Sealer::new(&SealingKey::new(recipient).unwrap()).unwrap();
    let begun = sealer.push(plain).unwrap();
    let (tail, summary) = sealer.finish().unwrap();
    black_box(summary);
    begun.len() + tail.len()
}

/// Microseconds that one call takes, over enough of them.
fn each<T>(work: impl Fn() -> T) -> f64 {
    let start = Instant::now();
    let mut count = 0_u32;
    while start.elapsed() < SMALL_MEASURED {
        black_box(work());
        count += 1;
    }
    start.elapsed().as_secs_f64() * 1e6 / f64::from(count)
}
