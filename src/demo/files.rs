//! The demonstration's directory: what is made at the first start, and how its small files are written.
//!
//! ```text
//! pli.toml  gateway.key  demo.json  demo-people.json  demo-clock.json
//! store/  objects/  keyring/  outbox/  recovery/identity.txt  certs/
//! ```

use std::fs::{self, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::Path;

use super::DemoError;
use crate::app::ports::Clock;
use crate::config::{FILE_NAME, InitialFile};
use crate::serve::authority::make_development_certificates;
use crate::store::{SystemClock, make_gateway_key_file};
use crate::value::SecretBytes;
use crate::vault::Identity;

/// The gateway's names, in certificates and addresses.
pub const HOSTNAME: &str = "pli.example";
const DIRECTORIES: [&str; 6] = ["store", "objects", "keyring", "outbox", "recovery", "certs"];

/// Makes what is missing. Each step can be done again after an interruption; the configuration comes last.
pub fn prepare(directory: &Path, http: &str, smtp: &str) -> Result<(), DemoError> {
    let configuration = directory.join(FILE_NAME);
    if configuration.exists() {
        return Ok(());
    }
    for name in DIRECTORIES {
        let path = directory.join(name);
        fs::DirBuilder::new().recursive(true).mode(0o700).create(&path).map_err(DemoError::file(&path))?;
    }
    let key = directory.join("gateway.key");
    if !key.exists() {
        let made = make_gateway_key_file(&key);
        made.map_err(|error| DemoError::File { path: key.clone(), source: io::Error::other(error) })?;
    }
    let names: Vec<String> =
        [HOSTNAME, "localhost", "127.0.0.1", "::1"].into_iter().map(str::to_owned).collect();
    let today = SystemClock::new(None).read().wall.day();
    make_development_certificates(&directory.join("certs"), &names, today)?;
    let initial = InitialFile {
        base_url: format!("http://{http}"),
        http_listen: http.to_owned(),
        smtp_listen: smtp.to_owned(),
        hostname: HOSTNAME.to_owned(),
        mail_domain: HOSTNAME.to_owned(),
        recovery: Some(recovery_identity(&directory.join("recovery/identity.txt"))?),
        demo: true,
    };
    write_whole(&configuration, initial.text().as_bytes(), 0o600).map_err(DemoError::file(&configuration))
}

/// The recovery recipient; its identity is made where there is none. Outside the demonstration it would be kept on no
/// machine of a network.
fn recovery_identity(path: &Path) -> Result<String, DemoError> {
    if let Some(text) = read_if_there(path).map_err(DemoError::file(path))? {
        let identity = Identity::parse(&text).map_err(|_| DemoError::Damaged { path: path.to_owned() })?;
        return Ok(identity.recipient().to_string());
    }
    let identity = Identity::generate();
    let recipient = identity.recipient().to_string();
    let text = identity_file(&identity, "recovery identity of the demonstration");
    write_whole(path, text.expose(), 0o600).map_err(DemoError::file(path))?;
    Ok(recipient)
}

/// An identity file as `age-keygen` writes it.
pub fn identity_file(identity: &Identity, what: &str) -> SecretBytes {
    let mut text = format!("# Pli, {what}\n# public key: {}\n", identity.recipient()).into_bytes();
    // No growth, which would leave a copy behind: an age identity has 74 characters.
    text.reserve_exact(128);
    text.extend_from_slice(identity.expose().expose());
    text.push(b'\n');
    SecretBytes::new(text)
}

/// Writes a small file whole or not at all, in place of the one that was there, and forces it to the disk.
pub fn write_whole(path: &Path, bytes: &[u8], mode: u32) -> io::Result<()> {
    let unfinished = path.with_extension("tmp");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&unfinished)?;
    file.write_all(bytes)?;
    file.sync_all()?;
    fs::rename(&unfinished, path)?;
    path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
}

/// Reads a small file; `None` when it is not there.
pub fn read_if_there(path: &Path) -> io::Result<Option<String>> {
    match fs::read_to_string(path) {
        Ok(text) => Ok(Some(text)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}
