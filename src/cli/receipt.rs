//! `pli receipt`: verifies a receipt of a deposit, offline with the log's public key; tells a depositor's salt.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::block_on;
use super::gateway::{Sink, answer, print};
use crate::audit::{FileSalt, NoteKey, RECEIPT_MAX_BYTES, Receipt, VerifiedReceipt};
use crate::serve::control::Reply;
use crate::serve::{ListOptions, Request};
use crate::value::{Digest, DigestBuilder, Language, Reference, calendar};

/// The question could not be answered.
const COULD_NOT_TELL: u8 = 2;
/// Bytes of a file that are hashed at once.
const PIECE_BYTES: usize = 64 * 1024;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Verify a receipt. Exit code 0: it holds, and so does what was asked of files; 1: it does not; 2: could not tell.
    Verify(VerifyOptions),
    /// Tell the salt of a receipt to a depositor who asks for it and cannot see the page after sending, as after a
    /// deposit by mail. It is gone a week after the deposit. Logged.
    Salt {
        /// The reference of the deposit.
        #[arg(value_parser = Reference::parse)]
        reference: Reference,
    },
}

#[derive(Args)]
pub(super) struct VerifyOptions {
    /// The receipt, as it came with the acknowledgement.
    file: PathBuf,
    /// The log's public key, `name+id+base64`, or a file that holds it. Without it, the gateway of the directory is asked.
    #[arg(long)]
    key: Option<String>,
    /// A file that may be one of the deposit's; can be repeated.
    #[arg(long = "file", value_name = "FILE", requires = "salt")]
    files: Vec<PathBuf>,
    /// The salt that the depositor was shown, 32 hexadecimal digits.
    #[arg(long, value_parser = parse_salt)]
    salt: Option<FileSalt>,
}

fn parse_salt(text: &str) -> Result<FileSalt, &'static str> {
    text.parse().map_err(|_| "a salt has 32 hexadecimal digits")
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    match action {
        Action::Salt { reference } => print(directory, Request::ReceiptSalt { reference }),
        Action::Verify(options) => match verify(directory, &options) {
            Ok(code) => code,
            Err(told) => {
                println!("could not tell: {told}");
                ExitCode::from(COULD_NOT_TELL)
            }
        },
    }
}

fn verify(directory: &Path, options: &VerifyOptions) -> Result<ExitCode, String> {
    let key = match &options.key {
        Some(given) => read_key(given)?,
        None => gateway_key(directory)?,
    };
    let text = read_text(&options.file).map_err(|error| format!("{}: {error}", options.file.display()))?;
    let verified = match Receipt::parse(&text).and_then(|receipt| receipt.verify(&key)) {
        Ok(verified) => verified,
        Err(error) => {
            println!("does not hold: {error}");
            return Ok(ExitCode::FAILURE);
        }
    };
    tell(&verified);
    let mut all = true;
    for path in &options.files {
        let Some(salt) = &options.salt else { return Err("--file needs --salt".to_owned()) };
        let digest = digest_of(path).map_err(|error| format!("{}: {error}", path.display()))?;
        let held = verified.promise.holds(salt, &digest);
        all &= held;
        println!(
            "{}: {}",
            path.display(),
            if held { "was deposited" } else { "not one of the files deposited" }
        );
    }
    Ok(if all { ExitCode::SUCCESS } else { ExitCode::FAILURE })
}

fn tell(verified: &VerifiedReceipt) {
    let promise = &verified.promise;
    let at = calendar::precise(promise.received_at, Language::En);
    println!(
        "holds: deposit {} for {} with {} files, accepted {at}",
        promise.reference, promise.mailbox, promise.file_count
    );
    match &verified.proved {
        Some(proved) => println!("entry {} of the log, proved under {} entries", proved.index, proved.size),
        None => println!("the promise alone: no proof that the log holds it"),
    }
}

/// A receipt is small; more is not read.
fn read_text(path: &Path) -> io::Result<String> {
    let mut text = String::new();
    File::open(path)?.take(RECEIPT_MAX_BYTES as u64 + 1).read_to_string(&mut text)?;
    Ok(text)
}

fn digest_of(path: &Path) -> io::Result<Digest> {
    let (mut file, mut builder, mut piece) =
        (File::open(path)?, DigestBuilder::default(), vec![0; PIECE_BYTES]);
    loop {
        match file.read(&mut piece)? {
            0 => return Ok(builder.finish()),
            count => builder.update(&piece[..count]),
        }
    }
}

fn read_key(given: &str) -> Result<NoteKey, String> {
    if let Ok(key) = given.parse() {
        return Ok(key);
    }
    let text = fs::read_to_string(given)
        .map_err(|error| format!("the key is neither a public key nor a file that can be read: {error}"))?;
    text.trim().parse().map_err(|error| format!("{given} holds no public key: {error}"))
}

/// Keeps the lines of an answer.
#[derive(Default)]
struct Lines(String);

impl Sink for Lines {
    fn take(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::Line(line) => {
                self.0.push_str(&line);
                Ok(())
            }
            _ => Err(io::ErrorKind::InvalidData.into()),
        }
    }
}

fn gateway_key(directory: &Path) -> Result<NoteKey, String> {
    let mut lines = Lines::default();
    block_on(answer(directory, Request::KeyShow(ListOptions { json: true }), &mut lines))
        .map_err(|error| error.to_string())?
        .map_err(|error| format!("no --key was given, and the gateway cannot be asked: {error}"))?;
    let told: serde_json::Value = serde_json::from_str(&lines.0).map_err(|error| error.to_string())?;
    let key = told["log_public_key"].as_str().unwrap_or_default();
    key.parse().map_err(|_| "the gateway told no public key".to_owned())
}
