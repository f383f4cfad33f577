//! One copy of the keyring: a directory.
//!
//! ```text
//! keyring-id                  of this keyring; another copy has the same, an empty mount point has none
//! days/expiry-2026-12-11.key  an age identity file
//! secrets/pseudonyms.key      32 bytes in base64
//! mirrored                    there is a mirror (first copy only)
//! destroyed                   the names of keys that must never come back, one a line
//! clock.json                  the clock's anchor
//! standing.jsonl              what must outlive a restored backup, one note a line
//! log-head.json               the log as it was signed last
//! dkim/pli-1.pli.example.json a key that signs mails, its private half sealed to the gateway's key
//! ```

use std::collections::BTreeSet;
use std::io;
use std::path::{Path, PathBuf};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::super::durable;
use crate::app::ports::{KeyringError, LogHead, SecretName};
use crate::relay::dkim::DkimKey;
use crate::retention::{ClockAnchor, KeyName, StandingNote};
use crate::value::SecretBytes;
use crate::vault::Identity;

const MIRRORED_FILE: &str = "mirrored";
const ID_FILE: &str = "keyring-id";
const DAYS: &str = "days";
const SECRETS: &str = "secrets";
const DESTROYED_FILE: &str = "destroyed";
const CLOCK_FILE: &str = "clock.json";
const STANDING_FILE: &str = "standing.jsonl";
const LOG_HEAD_FILE: &str = "log-head.json";
const KEY_SUFFIX: &str = ".key";
const DKIM: &str = "dkim";
const DKIM_SUFFIX: &str = ".json";

/// A copy of the keyring.
#[derive(Debug)]
pub(super) struct Place {
    directory: PathBuf,
}

impl Place {
    /// Opens a copy; what a crash left unfinished is removed.
    pub(super) fn open(directory: &Path) -> Result<Self, KeyringError> {
        let place = Self { directory: directory.to_owned() };
        for directory in [place.directory.clone(), place.days(), place.secrets(), place.dkim()] {
            durable::make_directory(&directory).map_err(KeyringError::Unavailable)?;
            durable::remove_unfinished(&directory).map_err(KeyringError::Unavailable)?;
        }
        Ok(place)
    }

    /// The keyring's id; none when the copy is new, or what is looked at is an empty mount point.
    pub(super) fn id(&self) -> Result<Option<Vec<u8>>, KeyringError> {
        read(&self.directory.join(ID_FILE))
    }

    pub(super) fn set_id(&self, id: &[u8]) -> Result<(), KeyringError> {
        write(&self.directory, ID_FILE, id)
    }

    /// Whether the keyring ever had a mirror. Who gives it up removes this file.
    pub(super) fn is_mirrored(&self) -> bool {
        self.directory.join(MIRRORED_FILE).exists()
    }

    pub(super) fn set_mirrored(&self) -> Result<(), KeyringError> {
        if self.is_mirrored() { Ok(()) } else { write(&self.directory, MIRRORED_FILE, b"") }
    }

    /// Refuses to work on a copy that is not there: a mirror that is not mounted looks like an empty directory, and
    /// a key that is destroyed in it would come back with the mount.
    pub(super) fn check(&self, id: &[u8]) -> Result<(), KeyringError> {
        match self.id()? {
            Some(found) if found == id => Ok(()),
            Some(_) => {
                Err(KeyringError::Damaged(format!("{} is of another keyring", self.directory.display())))
            }
            None => Err(KeyringError::Unavailable(io::Error::new(
                io::ErrorKind::NotFound,
                format!("no keyring at {}; is it mounted?", self.directory.display()),
            ))),
        }
    }

    /// The keys whose files are here, those that are being destroyed included.
    pub(super) fn names(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        let entries = std::fs::read_dir(self.days()).map_err(KeyringError::Unavailable)?;
        let mut names = BTreeSet::new();
        for entry in entries {
            let file = entry.map_err(KeyringError::Unavailable)?.file_name();
            let name = file.to_str().and_then(|file| file.strip_suffix(KEY_SUFFIX)).and_then(KeyName::parse);
            names.extend(name);
        }
        Ok(names)
    }

    pub(super) fn key(&self, name: KeyName) -> Result<Option<Identity>, KeyringError> {
        let Some(bytes) = read(&self.days().join(key_file(name)))?.map(SecretBytes::new) else {
            return Ok(None);
        };
        let text = std::str::from_utf8(bytes.expose()).map_err(|_| damaged(name))?;
        Identity::parse(text).map(Some).map_err(|_| damaged(name))
    }

    pub(super) fn write_key(&self, name: KeyName, key: &Identity) -> Result<(), KeyringError> {
        let mut text = format!("# Pli, key {name}\n# public key: {}\n", key.recipient()).into_bytes();
        // One allocation that is wiped: the text may not be left behind where it grew.
        text.reserve_exact(128);
        text.extend_from_slice(key.expose().expose());
        text.push(b'\n');
        write(&self.days(), &key_file(name), SecretBytes::new(text).expose())
    }

    pub(super) fn wipe_key(&self, name: KeyName) -> Result<(), KeyringError> {
        durable::wipe(&self.days().join(key_file(name))).map_err(KeyringError::Unavailable)
    }

    /// The keys that must never come back. A line that is no name is passed over: the file may be annotated.
    pub(super) fn destroyed(&self) -> Result<BTreeSet<KeyName>, KeyringError> {
        let bytes = read(&self.directory.join(DESTROYED_FILE))?.unwrap_or_default();
        Ok(String::from_utf8_lossy(&bytes).lines().filter_map(KeyName::parse).collect())
    }

    /// Three short lines a day: a hundred years are two megabytes.
    pub(super) fn set_destroyed(&self, names: &BTreeSet<KeyName>) -> Result<(), KeyringError> {
        let lines: Vec<_> = names.iter().map(ToString::to_string).collect();
        write(&self.directory, DESTROYED_FILE, lines.join("\n").as_bytes())
    }

    pub(super) fn secret(&self, name: SecretName) -> Result<Option<[u8; 32]>, KeyringError> {
        let file = secret_file(name);
        let Some(text) = read(&self.secrets().join(file))?.map(SecretBytes::new) else { return Ok(None) };
        let bytes = BASE64.decode(text.expose().trim_ascii()).map(SecretBytes::new);
        let secret = bytes.ok().and_then(|bytes| bytes.expose().try_into().ok());
        secret.map(Some).ok_or_else(|| KeyringError::Damaged(format!("{SECRETS}/{file}")))
    }

    pub(super) fn write_secret(&self, name: SecretName, secret: &[u8; 32]) -> Result<(), KeyringError> {
        let text = SecretBytes::new(BASE64.encode(secret).into_bytes());
        write(&self.secrets(), secret_file(name), text.expose())
    }

    pub(super) fn clock_anchor(&self) -> Result<Option<ClockAnchor>, KeyringError> {
        let bytes = read(&self.directory.join(CLOCK_FILE))?;
        let anchor = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        anchor.map_err(|_| KeyringError::Damaged(CLOCK_FILE.to_owned()))
    }

    pub(super) fn set_clock_anchor(&self, anchor: &ClockAnchor) -> Result<(), KeyringError> {
        let bytes = serde_json::to_vec(anchor).map_err(|_| KeyringError::Damaged(CLOCK_FILE.to_owned()))?;
        write(&self.directory, CLOCK_FILE, &bytes)
    }

    /// The notes, in their order. A line that a crash left unfinished was told to nobody.
    pub(super) fn standing(&self) -> Result<Vec<StandingNote>, KeyringError> {
        let bytes = read(&self.directory.join(STANDING_FILE))?.unwrap_or_default();
        let whole = bytes.iter().rposition(|byte| *byte == b'\n').map_or(0, |end| end + 1);
        let lines = bytes[..whole].split(|byte| *byte == b'\n').filter(|line| !line.is_empty());
        let notes = lines.map(serde_json::from_slice).collect::<Result<_, _>>();
        notes.map_err(|_| KeyringError::Damaged(STANDING_FILE.to_owned()))
    }

    /// Whether the file of notes ends with a whole line.
    pub(super) fn ends_its_notes(&self) -> Result<bool, KeyringError> {
        let bytes = read(&self.directory.join(STANDING_FILE))?;
        Ok(bytes.is_none_or(|bytes| bytes.is_empty() || bytes.ends_with(b"\n")))
    }

    pub(super) fn set_standing(&self, notes: &[StandingNote]) -> Result<(), KeyringError> {
        write(&self.directory, STANDING_FILE, &standing_lines(notes)?)
    }

    pub(super) fn add_standing(&self, notes: &[StandingNote]) -> Result<(), KeyringError> {
        durable::append(&self.directory, STANDING_FILE, &standing_lines(notes)?)
            .map_err(KeyringError::Unavailable)
    }

    /// The keys that sign mails, in the order of their making.
    pub(super) fn dkim_keys(&self) -> Result<Vec<DkimKey>, KeyringError> {
        read_dkim_keys(&self.directory)
    }

    pub(super) fn set_dkim_key(&self, key: &DkimKey) -> Result<(), KeyringError> {
        let file = dkim_file(key);
        let bytes = serde_json::to_vec(key).map_err(|_| KeyringError::Damaged(file.clone()))?;
        write(&self.dkim(), &file, &bytes)
    }

    pub(super) fn log_head(&self) -> Result<Option<LogHead>, KeyringError> {
        let bytes = read(&self.directory.join(LOG_HEAD_FILE))?;
        let head = bytes.map(|bytes| serde_json::from_slice(&bytes)).transpose();
        head.map_err(|_| KeyringError::Damaged(LOG_HEAD_FILE.to_owned()))
    }

    pub(super) fn set_log_head(&self, head: &LogHead) -> Result<(), KeyringError> {
        let bytes = serde_json::to_vec(head).map_err(|_| KeyringError::Damaged(LOG_HEAD_FILE.to_owned()))?;
        write(&self.directory, LOG_HEAD_FILE, &bytes)
    }

    fn days(&self) -> PathBuf {
        self.directory.join(DAYS)
    }

    fn dkim(&self) -> PathBuf {
        self.directory.join(DKIM)
    }

    fn secrets(&self) -> PathBuf {
        self.directory.join(SECRETS)
    }
}

/// The keys that sign mails, as they stand in a keyring's directory: nothing of them is secret to who has not the
/// gateway's key. Read without the keyring's lock, so that they can be looked at while the gateway runs.
pub fn read_dkim_keys(keyring: &Path) -> Result<Vec<DkimKey>, KeyringError> {
    let entries = match std::fs::read_dir(keyring.join(DKIM)) {
        Ok(entries) => entries,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        Err(error) => return Err(KeyringError::Unavailable(error)),
    };
    let mut keys = Vec::new();
    for entry in entries {
        let path = entry.map_err(KeyringError::Unavailable)?.path();
        if !path.to_string_lossy().ends_with(DKIM_SUFFIX) {
            continue;
        }
        let bytes = std::fs::read(&path).map_err(KeyringError::Unavailable)?;
        let key: Result<DkimKey, _> = serde_json::from_slice(&bytes);
        keys.push(key.map_err(|_| KeyringError::Damaged(path.display().to_string()))?);
    }
    keys.sort_by_key(|key| (key.made_at, key.selector.clone()));
    Ok(keys)
}

fn dkim_file(key: &DkimKey) -> String {
    format!("{}.{}{DKIM_SUFFIX}", key.selector, key.domain)
}

fn standing_lines(notes: &[StandingNote]) -> Result<Vec<u8>, KeyringError> {
    let mut lines = Vec::new();
    for note in notes {
        serde_json::to_writer(&mut lines, note)
            .map_err(|_| KeyringError::Damaged(STANDING_FILE.to_owned()))?;
        lines.push(b'\n');
    }
    Ok(lines)
}

fn key_file(name: KeyName) -> String {
    format!("{name}{KEY_SUFFIX}")
}

const fn secret_file(name: SecretName) -> &'static str {
    match name {
        SecretName::Pseudonyms => "pseudonyms.key",
        SecretName::Repeats => "repeats.key",
        SecretName::Codes => "codes.key",
        SecretName::MailTags => "mail-tags.key",
        SecretName::LogSigning => "log-signing.key",
    }
}

fn damaged(name: KeyName) -> KeyringError {
    KeyringError::Damaged(format!("{DAYS}/{}", key_file(name)))
}

fn read(path: &Path) -> Result<Option<Vec<u8>>, KeyringError> {
    durable::read_if_there(path).map_err(KeyringError::Unavailable)
}

fn write(directory: &Path, name: &str, bytes: &[u8]) -> Result<(), KeyringError> {
    durable::write_whole(directory, name, bytes).map_err(KeyringError::Unavailable)
}
