//! `pli init`: makes the directory of a new gateway. Nothing that is there is overwritten.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::Args;
use thiserror::Error;

use super::failed;
use crate::app::ports::{Clock, KeyringError};
use crate::config::{FILE_NAME, InitialFile};
use crate::demo::identity_file;
use crate::serve::authority::{AuthorityError, make_development_certificates};
use crate::store::{SystemClock, make_gateway_key_file};
use crate::value::Domain;
use crate::vault::{Identity, Recipient};

#[derive(Args)]
pub(super) struct Options {
    /// The directory to make.
    directory: PathBuf,
    /// The gateway's name: pages, mail, certificate.
    #[arg(long, value_parser = Domain::parse, default_value = "pli.example")]
    hostname: Domain,
}

#[derive(Debug, Error)]
enum InitError {
    #[error("{} is a gateway's directory already", .0.display())]
    Exists(PathBuf),
    #[error("{} cannot be written: {source}", path.display())]
    Unwritten { path: PathBuf, source: io::Error },
    #[error("the gateway's key cannot be made: {0}")]
    Key(#[from] KeyringError),
    #[error(transparent)]
    Authority(#[from] AuthorityError),
}

pub(super) fn run(options: &Options) -> ExitCode {
    match init(options) {
        Ok(recovery) => {
            println!("{}", next_steps(&options.directory, &recovery));
            ExitCode::SUCCESS
        }
        Err(error) => failed(&error),
    }
}

fn init(options: &Options) -> Result<Recipient, InitError> {
    let directory = &options.directory;
    let configuration = directory.join(FILE_NAME);
    if configuration.exists() {
        return Err(InitError::Exists(directory.clone()));
    }
    for name in ["", "certs", "recovery"] {
        let path = directory.join(name);
        let made = DirBuilder::new().recursive(true).mode(0o700).create(&path);
        made.map_err(|source| InitError::Unwritten { path, source })?;
    }
    make_gateway_key_file(&directory.join("gateway.key"))?;
    let identity = Identity::generate();
    let file = identity_file(&identity, "recovery identity: keep it on no machine of a network");
    write_new(&directory.join("recovery/identity.txt"), file.expose())?;
    let hostname = options.hostname.to_string();
    let names = [hostname.clone(), "localhost".to_owned(), "127.0.0.1".to_owned(), "::1".to_owned()];
    let today = SystemClock::new(None).read().wall.day();
    make_development_certificates(&directory.join("certs"), &names, today)?;
    let initial = InitialFile {
        base_url: format!("https://{hostname}"),
        http_listen: "[::]:443".to_owned(),
        smtp_listen: "[::]:25".to_owned(),
        mail_domain: hostname.clone(),
        hostname,
        recovery: Some(identity.recipient().to_string()),
        demo: false,
    };
    write_new(&configuration, initial.text().as_bytes())?;
    Ok(identity.recipient())
}

fn write_new(path: &Path, bytes: &[u8]) -> Result<(), InitError> {
    let written = || -> io::Result<()> {
        let mut file = OpenOptions::new().write(true).create_new(true).mode(0o600).open(path)?;
        file.write_all(bytes)?;
        file.sync_all()?;
        path.parent().map_or(Ok(()), |directory| File::open(directory)?.sync_all())
    };
    written().map_err(|source| InitError::Unwritten { path: path.to_owned(), source })
}

fn next_steps(directory: &Path, recovery: &Recipient) -> String {
    let shown = directory.display();
    format!(
        "{shown} is made. Next:\n\
         1. Move {shown}/recovery/identity.txt to a medium that is on no network (its recipient is {recovery}).\n\
         2. Read {shown}/{FILE_NAME}; put your certificate in the place of the development one in {shown}/certs.\n\
         3. pli --dir {shown} check\n\
         4. pli --dir {shown} organisation add …, mailbox add …, partner add …, account add …\n\
         5. pli --dir {shown} serve"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config::Config;

    #[test]
    fn what_is_made_is_accepted_and_made_once_only() {
        use std::os::unix::fs::PermissionsExt;
        let place = tempfile::tempdir().unwrap();
        let options = Options {
            directory: place.path().join("pli"),
            hostname: Domain::parse("pli.carsat.example").unwrap(),
        };
        let recovery = init(&options).unwrap();
        let config = Config::load(&options.directory).unwrap();
        assert_eq!(config.recovery.recipient, Some(recovery));
        for secret in [&config.keyring.gateway_key_file, &options.directory.join("recovery/identity.txt")] {
            assert_eq!(std::fs::metadata(secret).unwrap().permissions().mode() & 0o777, 0o600);
        }
        assert!(matches!(init(&options), Err(InitError::Exists(_))));
    }
}
