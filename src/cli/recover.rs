//! `pli recover`: the way out without Pli.

use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Component, Path, PathBuf};
use std::process::ExitCode;

use clap::Subcommand;

use super::gateway::{Sink, run as run_request};
use crate::serve::Request;
use crate::serve::control::Reply;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Write the live mail as plain age files, sealed as it is; index.json says how to open them. Logged.
    Export {
        /// The directory to write into.
        #[arg(short, long, value_name = "DIR", default_value = "recovery-export")]
        output: PathBuf,
    },
}

pub(super) fn run(directory: &Path, action: &Action) -> ExitCode {
    let Action::Export { output } = action;
    run_request(directory, Request::RecoverExport, &mut Files::below(output.clone()))
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
