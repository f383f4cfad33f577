//! `pli audit`: exports the log, verifies an export offline.

use std::fs::{self, File, OpenOptions};
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::gateway::{Sink, answer, print, run as run_request};
use super::recover::Files;
use super::{block_on, ended};
use crate::audit::{
    BundleVerdict, Note, NoteKey, TimestampAuthority, Verdict, is_bundle, verify, verify_bundle,
};
use crate::serve::control::Reply;
use crate::serve::{ProofWanted, Request, read_chain};
use crate::value::Timestamp;

/// The question could not be answered.
const COULD_NOT_TELL: u8 = 2;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Write the whole log, signed up to now, to a file. That it was exported is logged.
    Export {
        /// The file to write.
        #[arg(short, long, value_name = "FILE")]
        output: PathBuf,
    },
    /// Prove an entry, or that the log only grew, to whoever holds the public key: one JSON object.
    Prove(ProofWanted),
    /// Write the log as C2SP tlog-tiles, for monitors and other programs. Hash tiles tell nothing of anybody.
    Tiles {
        /// The directory to write into.
        directory: PathBuf,
        /// With the entries: pseudonyms and network addresses, for officers only.
        #[arg(long)]
        entries: bool,
    },
    /// Verify an export or a signed bundle, offline. Exit code 0: well; 1: not well; 2: could not tell.
    Verify(VerifyOptions),
}

#[derive(Args)]
pub(super) struct VerifyOptions {
    /// The export.
    file: PathBuf,
    /// The log's public key, `name+id+base64`, or a file that holds it.
    #[arg(long)]
    key: String,
    /// A checkpoint that was held elsewhere, such as one that came with an acknowledgement: a cut at the end shows.
    #[arg(long, value_name = "FILE")]
    checkpoint: Option<PathBuf>,
    /// The timestamp of that checkpoint, as `pli audit tiles` writes it (RFC 3161): says since when it has been there.
    #[arg(long, value_name = "FILE", requires_all = ["checkpoint", "authority"])]
    timestamp: Option<PathBuf>,
    /// The certificate of the timestamp authority, PEM.
    #[arg(long, value_name = "FILE", requires = "timestamp")]
    authority: Option<PathBuf>,
}

pub(super) fn run(directory: &Path, action: &Action) -> ExitCode {
    match action {
        Action::Export { output } => {
            let export = async {
                let mut sink = OneFile::begin(output)?;
                answer(directory, Request::AuditExport, &mut sink).await?;
                sink.finish()
            };
            ended::<super::gateway::GatewayError>(block_on(export))
        }
        Action::Prove(wanted) => print(directory, Request::AuditProve(*wanted)),
        Action::Tiles { directory: tiles, entries } => {
            let request = Request::AuditTiles { entries: *entries };
            run_request(directory, request, &mut Files::below(tiles.clone()))
        }
        Action::Verify(options) => verify_file(options),
    }
}

/// An export in the making; it gets its name when it is whole.
struct OneFile {
    file: File,
    unfinished: PathBuf,
    path: PathBuf,
}

impl OneFile {
    fn begin(path: &Path) -> io::Result<Self> {
        let mut name = path.as_os_str().to_owned();
        name.push(".part");
        let unfinished = PathBuf::from(name);
        let file =
            OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&unfinished)?;
        Ok(Self { file, unfinished, path: path.to_owned() })
    }

    fn finish(self) -> Result<(), super::gateway::GatewayError> {
        self.file.sync_all()?;
        Ok(fs::rename(&self.unfinished, &self.path)?)
    }
}

impl Sink for OneFile {
    fn take(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::Bytes(bytes) => self.file.write_all(&bytes),
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn verify_file(options: &VerifyOptions) -> ExitCode {
    let code = verify_contents(options);
    let (Some(timestamp), Some(authority), Some(checkpoint)) =
        (&options.timestamp, &options.authority, &options.checkpoint)
    else {
        return code;
    };
    match stamped_at(timestamp, authority, checkpoint) {
        Ok(at) => {
            println!("the checkpoint held elsewhere was stamped at {at}");
            code
        }
        Err(told) => {
            println!("not well: the timestamp does not verify: {told}");
            if code == ExitCode::SUCCESS { ExitCode::FAILURE } else { code }
        }
    }
}

/// When an authority stamped the checkpoint, its cosignatures left out.
fn stamped_at(timestamp: &Path, authority: &Path, checkpoint: &Path) -> Result<Timestamp, String> {
    let unreadable = |path: &Path, error: io::Error| format!("{} cannot be read: {error}", path.display());
    let chain = read_chain(authority).map_err(|error| error.to_string())?;
    let authority = TimestampAuthority::new(chain).map_err(|error| error.to_string())?;
    let answer = fs::read(timestamp).map_err(|error| unreadable(timestamp, error))?;
    let text = fs::read_to_string(checkpoint).map_err(|error| unreadable(checkpoint, error))?;
    let note = Note::parse(&pasted(&text)).map_err(|error| error.to_string())?;
    authority.stamped_at(&answer, note.first_signed().as_bytes()).map_err(|error| error.to_string())
}

fn verify_contents(options: &VerifyOptions) -> ExitCode {
    let verdict = match verdict(options) {
        Ok(Judged::Log(verdict)) => verdict,
        Ok(Judged::Bundle(verdict)) => return tell_bundle(&verdict),
        Err(told) => {
            println!("could not tell: {told}");
            return ExitCode::from(COULD_NOT_TELL);
        }
    };
    println!("{verdict}");
    if let Verdict::NotWell { faults, count } = &verdict {
        for fault in faults {
            println!("  {fault}");
        }
        let untold = count.saturating_sub(faults.len() as u64);
        if untold > 0 {
            println!("  and {untold} more");
        }
    }
    ExitCode::from(verdict.exit_code())
}

/// What a file turned out to be, with what was found.
enum Judged {
    Log(Verdict),
    Bundle(BundleVerdict),
}

fn tell_bundle(verdict: &BundleVerdict) -> ExitCode {
    println!("{verdict}");
    if let BundleVerdict::NotWell { faults, .. } = verdict {
        for fault in faults {
            println!("  {fault}");
        }
    }
    ExitCode::from(verdict.exit_code())
}

fn verdict(options: &VerifyOptions) -> Result<Judged, String> {
    let key = read_key(&options.key)?;
    let unreadable = |path: &Path, error: io::Error| format!("{} cannot be read: {error}", path.display());
    let checkpoint = match &options.checkpoint {
        Some(path) => Some(pasted(&fs::read_to_string(path).map_err(|error| unreadable(path, error))?)),
        None => None,
    };
    let file = File::open(&options.file).map_err(|error| unreadable(&options.file, error))?;
    let mut reader = BufReader::new(file);
    let begin = reader.fill_buf().map_err(|error| unreadable(&options.file, error))?;
    Ok(if is_bundle(begin) {
        Judged::Bundle(verify_bundle(reader, &key, checkpoint.as_deref()))
    } else {
        Judged::Log(verify(reader, &key, checkpoint.as_deref()))
    })
}

/// A checkpoint as people copy it out of a mail: other line ends, blank lines around, the last line not ended.
fn pasted(text: &str) -> String {
    let text = text.replace("\r\n", "\n");
    format!("{}\n", text.trim_matches(['\n', ' ', '\t', '\u{feff}']))
}

fn read_key(given: &str) -> Result<NoteKey, String> {
    if let Ok(key) = given.parse() {
        return Ok(key);
    }
    let text = fs::read_to_string(given)
        .map_err(|error| format!("the key is neither a public key nor a file that can be read: {error}"))?;
    text.trim().parse().map_err(|error| format!("{given} holds no public key: {error}"))
}
