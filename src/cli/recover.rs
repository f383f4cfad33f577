//! `pli recover`: the way out without Pli, and the two people who open it.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand};

use super::failed;
use super::gateway::{Sink, print, run as run_request};
use super::password::read_password;
use crate::serve::control::Reply;
use crate::serve::{ListOptions, RecoveryAsk, RecoveryConfirm, RecoveryKeys, Request};
use crate::value::{MailAddress, RecoveryId};

#[derive(Subcommand)]
pub(super) enum Action {
    /// Ask for the keys of the live days. The password is read from standard input, one line. Logged.
    Ask(RecoveryAsk),
    /// Confirm that somebody else asked, within 24 hours. The password is read from standard input, one line. Logged.
    Confirm(RecoveryConfirm),
    /// List the requests that can be confirmed or used: who asked, when, what for, who confirmed.
    List(ListOptions),
    /// Write the live mail as plain age files, sealed as it is; index.json says how to open them. Logged.
    Export(Export),
}

#[derive(Args)]
pub(super) struct Export {
    /// The directory to write into.
    #[arg(short, long, value_name = "DIR", default_value = "recovery-export")]
    output: PathBuf,
    /// A confirmed request: the keys of the live days are written too, sealed to the recovery recipient.
    #[arg(long, requires = "address")]
    request: Option<RecoveryId>,
    /// With --request: the address of your account, one of the two. The password is read from standard input, one line.
    #[arg(long = "as", value_name = "ADDRESS", requires = "request", value_parser = MailAddress::parse)]
    address: Option<MailAddress>,
}

pub(super) fn run(directory: &Path, action: Action) -> ExitCode {
    match with_password(action) {
        Ok(Action::Ask(ask)) => print(directory, Request::RecoverAsk(ask)),
        Ok(Action::Confirm(confirm)) => print(directory, Request::RecoverConfirm(confirm)),
        Ok(Action::List(options)) => print(directory, Request::RecoverList(options)),
        Ok(Action::Export(export)) => run_export(directory, export),
        Err(error) => no_password(&error),
    }
}

fn with_password(mut action: Action) -> io::Result<Action> {
    match &mut action {
        Action::Ask(ask) => ask.password = read_password()?,
        Action::Confirm(confirm) => confirm.password = read_password()?,
        Action::List(_) | Action::Export(_) => {}
    }
    Ok(action)
}

fn run_export(directory: &Path, Export { output, request, address }: Export) -> ExitCode {
    let asked = match request.zip(address) {
        None => Request::RecoverExport,
        Some((request, address)) => match read_password() {
            Ok(password) => Request::RecoverKeys(RecoveryKeys { request, address, password }),
            Err(error) => return no_password(&error),
        },
    };
    run_request(directory, asked, &mut Files::below(output))
}

fn no_password(error: &io::Error) -> ExitCode {
    failed(&format!("no password on standard input: {error}"))
}

/// Files below a directory.
pub(super) struct Files {
    root: PathBuf,
    file: Option<File>,
}

impl Sink for Files {
    fn take(&mut self, reply: Reply) -> io::Result<()> {
        match reply {
            Reply::File(path) => {
                self.file = Some(self.create(Path::new(&path))?);
                Ok(())
            }
            Reply::Bytes(bytes) => {
                let file = self.file.as_mut().ok_or_else(|| io::Error::from(io::ErrorKind::InvalidData))?;
                file.write_all(&bytes)
            }
            Reply::Line(line) => writeln!(io::stdout().lock(), "{line}"),
            Reply::Error(_) | Reply::End => Ok(()),
        }
    }
}

impl Files {
    /// Below this one, which is made when the first file comes.
    pub(super) const fn below(root: PathBuf) -> Self {
        Self { root, file: None }
    }

    /// Makes a file of a relative path that leads nowhere else.
    fn create(&self, path: &Path) -> io::Result<File> {
        if !path.components().all(|part| matches!(part, Component::Normal(_))) {
            return Err(io::ErrorKind::InvalidInput.into());
        }
        let path = self.root.join(path);
        if let Some(parent) = path.parent() {
            DirBuilder::new().recursive(true).mode(0o700).create(parent)?;
        }
        OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn files_stay_below_the_directory() {
        let place = tempfile::tempdir().unwrap();
        let mut files = Files { root: place.path().join("out"), file: None };
        for path in ["../x", "/etc/x", "a/../../x"] {
            assert!(files.take(Reply::File(path.into())).is_err(), "{path}");
        }
        files.take(Reply::File("objects/A-1.age".into())).unwrap();
        files.take(Reply::Bytes(b"age".to_vec())).unwrap();
        assert_eq!(std::fs::read(place.path().join("out/objects/A-1.age")).unwrap(), b"age");
    }
}
