//! What a witness keeps: its key, the public keys of the logs that it watches, and of each log the last checkpoint that
//! it cosigned, on the disk before the cosignature leaves.
//!
//! ```text
//! witness.key              name and 32 secret bytes in base64, 0600
//! logs                     public keys, name+id+base64, one a line; # begins a comment
//! checkpoints/<digest>     the last checkpoint of the log with this key
//! ```

use std::io;
use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use thiserror::Error;

use super::durable;
use crate::audit::{Cosigner, NoteError, NoteKey, NoteSeed};
use crate::value::Digest;

const KEY_FILE: &str = "witness.key";
const LOGS_FILE: &str = "logs";
const CHECKPOINTS: &str = "checkpoints";

/// Why a witness cannot start or keep something. The operator must act.
#[derive(Debug, Error)]
pub enum WitnessFilesError {
    /// The disk.
    #[error("the witness's files cannot be read or written: {0}")]
    Io(#[from] io::Error),
    /// The key file is not one.
    #[error("witness.key is damaged")]
    Key,
    /// A line of `logs` is no public key, or a name is none.
    #[error("{0}")]
    Note(#[from] NoteError),
}

/// The directory of a witness.
#[derive(Debug)]
pub struct WitnessFiles {
    checkpoints: PathBuf,
}

impl WitnessFiles {
    /// Makes a new witness; one that is there is left alone and an error.
    pub fn create(
        directory: &Path,
        name: &str,
        seed: [u8; 32],
        logs: &[NoteKey],
    ) -> Result<Cosigner, WitnessFilesError> {
        let cosigner = Cosigner::new(name, &NoteSeed::new(seed))?;
        durable::make_directory(directory)?;
        if directory.join(KEY_FILE).exists() {
            return Err(io::Error::from(io::ErrorKind::AlreadyExists).into());
        }
        let lines = logs.iter().map(|log| log.to_string() + "\n").collect::<String>();
        durable::write_whole(directory, LOGS_FILE, lines.as_bytes())?;
        durable::write_whole(directory, KEY_FILE, format!("{name}\n{}\n", BASE64.encode(seed)).as_bytes())?;
        Ok(cosigner)
    }

    /// Opens a witness: its key, the logs that it watches.
    pub fn open(directory: &Path) -> Result<(Self, Cosigner, Vec<NoteKey>), WitnessFilesError> {
        let checkpoints = directory.join(CHECKPOINTS);
        durable::make_directory(&checkpoints)?;
        durable::remove_unfinished(&checkpoints)?;
        let text = std::fs::read_to_string(directory.join(KEY_FILE))?;
        let (name, seed) = text.trim_end().split_once('\n').ok_or(WitnessFilesError::Key)?;
        let seed = BASE64.decode(seed).map_err(|_| WitnessFilesError::Key)?;
        let seed = NoteSeed::new(seed.try_into().map_err(|_| WitnessFilesError::Key)?);
        let logs = std::fs::read_to_string(directory.join(LOGS_FILE))?;
        let lines = logs.lines().map(str::trim).filter(|line| !line.is_empty() && !line.starts_with('#'));
        let logs = lines.map(str::parse).collect::<Result<_, NoteError>>()?;
        Ok((Self { checkpoints }, Cosigner::new(name, &seed)?, logs))
    }

    /// The last checkpoint of a log.
    pub fn last(&self, log: &NoteKey) -> Result<Option<String>, WitnessFilesError> {
        let bytes = durable::read_if_there(&self.checkpoints.join(file_name(log)))?;
        Ok(bytes.map(|bytes| String::from_utf8_lossy(&bytes).into_owned()))
    }

    /// Keeps a checkpoint; it is on the disk when this returns.
    pub fn keep(&self, log: &NoteKey, note: &str) -> Result<(), WitnessFilesError> {
        Ok(durable::write_whole(&self.checkpoints, &file_name(log), note.as_bytes())?)
    }
}

fn file_name(log: &NoteKey) -> String {
    Digest::of(log.to_string().as_bytes()).to_hex()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::audit::NoteSigner;

    #[test]
    fn a_witness_is_there_after_a_restart_with_what_it_saw() {
        let at = tempfile::tempdir().unwrap();
        let log = NoteSigner::new("log.example", &NoteSeed::new([1; 32])).unwrap().public().clone();
        let made =
            WitnessFiles::create(at.path(), "witness.example", [2; 32], std::slice::from_ref(&log)).unwrap();
        assert!(WitnessFiles::create(at.path(), "witness.example", [3; 32], &[]).is_err(), "kept as it is");
        let (files, cosigner, logs) = WitnessFiles::open(at.path()).unwrap();
        assert_eq!((cosigner.public(), logs), (made.public(), vec![log.clone()]));
        assert_eq!(files.last(&log).unwrap(), None);
        files.keep(&log, "note").unwrap();
        let (files, ..) = WitnessFiles::open(at.path()).unwrap();
        assert_eq!(files.last(&log).unwrap().as_deref(), Some("note"));
    }
}
