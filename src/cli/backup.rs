//! `pli backup`: writes what the gateway that runs, or the store at rest, hands over sealed; reads it again to verify that
//! the disk has it; gives it its name only then.

use std::fs::{self, File, OpenOptions};
use std::io::{self, Read, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use serde_json::{Value, json};

use super::gateway::{GatewayError, Sink, answer};
use super::{block_on, ended};
use crate::app::ports::Clock;
use crate::config::{Config, ConfigError};
use crate::serve::Request;
use crate::serve::control::Reply;
use crate::store::SystemClock;
use crate::value::{Digest, DigestBuilder};
use crate::vault::Recipient;

/// Bytes that are read again at once.
const READ_BYTES: usize = 1024 * 1024;

/// What `pli backup` is told.
#[derive(Debug, Args)]
pub(super) struct Options {
    /// The file to write, or a directory, in which the file is named after the time.
    #[arg(long, value_name = "FILE|DIR")]
    to: PathBuf,
    /// A file of age recipients instead of [backup] recipients_file.
    #[arg(long, value_name = "FILE")]
    recipients: Option<PathBuf>,
    /// One JSON object on standard output; progress is not told.
    #[arg(long)]
    json: bool,
}

pub(super) fn run(directory: &Path, options: &Options) -> ExitCode {
    ended(block_on(back_up(directory, options)))
}

async fn back_up(directory: &Path, options: &Options) -> Result<(), GatewayError> {
    let config = Config::load(directory)?;
    let file = options.recipients.clone().unwrap_or_else(|| config.backup.recipients_file.clone());
    let recipients = recipients(&file)?;
    let path = if options.to.is_dir() { options.to.join(default_name()) } else { options.to.clone() };
    let mut writing = Writing::begin(&path, options.json)?;
    let made = answer(directory, Request::Backup { recipients }, &mut writing).await;
    if let Err(error) = made {
        writing.give_up();
        return Err(error);
    }
    let (done, digest) = writing.finish()?;
    let mut out = io::stdout().lock();
    if options.json {
        let told = json!({ "file": path, "sha256": digest.to_hex(), "holds": done });
        writeln!(out, "{told}")?;
    } else {
        writeln!(out, "{}\tsha256 {}", path.display(), digest.to_hex())?;
        writeln!(out, "{}", told(&done))?;
    }
    Ok(())
}

/// The recipients of a file, one a line, remarks left out.
fn recipients(file: &Path) -> Result<Vec<Recipient>, GatewayError> {
    let unreadable = |source| ConfigError::Unreadable { path: file.to_owned(), source };
    let text = fs::read_to_string(file).map_err(unreadable)?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
    let parsed = lines.map(|line| serde_json::from_value(Value::String(line.to_owned())));
    let parsed: Result<Vec<Recipient>, _> = parsed.collect();
    parsed.map_err(|_| GatewayError::Told(format!("{}: a recipient is written age1…", file.display())))
}

fn default_name() -> String {
    let now = jiff::Timestamp::from_millisecond(SystemClock::new(None).read().wall.0).unwrap_or_default();
    format!("pli-{}.backup.age", now.strftime("%Y-%m-%dT%H%M%SZ"))
}

fn told(done: &Value) -> String {
    let count = |name: &str| done[name].as_u64().unwrap_or(0);
    format!(
        "{} records, {} entries of the log, {} objects of {} MiB; {} ended meanwhile",
        count("records"),
        count("entries"),
        count("objects"),
        count("object_bytes") / (1024 * 1024),
        done["erased"].as_array().map_or(0, Vec::len)
    )
}

/// A backup under its passing name.
struct Writing {
    path: PathBuf,
    passing: PathBuf,
    file: File,
    digest: DigestBuilder,
    done: Option<Value>,
    quiet: bool,
}

impl Writing {
    fn begin(path: &Path, quiet: bool) -> io::Result<Self> {
        let mut passing = path.as_os_str().to_owned();
        passing.push(".part");
        let passing = PathBuf::from(passing);
        let file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&passing)?;
        let (path, digest) = (path.to_owned(), DigestBuilder::default());
        Ok(Self { path, passing, file, digest, done: None, quiet })
    }

    fn give_up(self) {
        // What stays is named as unfinished.
        let _ = fs::remove_file(&self.passing);
    }

    /// Forces it to the disk, reads it again, names it; with a file beside it that `sha256sum -c` reads.
    fn finish(self) -> Result<(Value, Digest), GatewayError> {
        let Some(done) = self.done else { return Err(GatewayError::Unfinished) };
        self.file.sync_all()?;
        let written = self.digest.finish();
        if digest_of(&self.passing)? != written {
            return Err(GatewayError::Told(format!("{} does not read as written", self.passing.display())));
        }
        fs::rename(&self.passing, &self.path)?;
        let name = self.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let mut beside = self.path.as_os_str().to_owned();
        beside.push(".sha256");
        fs::write(beside, format!("{}  {name}\n", written.to_hex()))?;
        let parent = self.path.parent().filter(|parent| !parent.as_os_str().is_empty());
        File::open(parent.unwrap_or(Path::new(".")))?.sync_all()?;
        Ok((done, written))
    }
}

impl Sink for Writing {
    fn take(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::Bytes(bytes) => {
                self.digest.update(&bytes);
                self.file.write_all(&bytes)
            }
            Reply::Line(line) => {
                let mut told: Value = serde_json::from_str(&line)?;
                if told["done"].is_object() {
                    self.done = Some(told["done"].take());
                } else if !self.quiet {
                    let (done, named) = (&told["progress"]["objects"], &told["progress"]["objects_named"]);
                    writeln!(io::stderr().lock(), "objects {done}/{named}")?;
                }
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let (mut file, mut digest) = (File::open(path)?, DigestBuilder::default());
    let mut buffer = vec![0; READ_BYTES];
    loop {
        match file.read(&mut buffer)? {
            0 => return Ok(digest.finish()),
            count => digest.update(&buffer[..count]),
        }
    }
}
