//! Reads the policy files: those of the operator, or those that Pli brings along.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::app::Policies;
use crate::policy::title::{TitleGuard, TitlePolicy, TitlePolicyError};
use crate::retention::{ValidityPolicy, ValidityPolicyError};
use crate::value::Digest;

const TITLES: &str = "title.toml";
const VALIDITY: &str = "validity.toml";
const BUILT_IN_TITLES: &str = include_str!("../../policies/title.toml");
const BUILT_IN_VALIDITY: &str = include_str!("../../policies/validity.toml");

/// Why the policies are refused. The operator must act.
#[derive(Debug, Error)]
pub enum PolicyError {
    /// A file cannot be read.
    #[error("{} cannot be read: {source}", path.display())]
    Unreadable {
        /// Which file.
        path: PathBuf,
        /// Why.
        source: io::Error,
    },
    /// The title policy is refused.
    #[error("{TITLES}: {0}")]
    Titles(#[from] TitlePolicyError),
    /// The validity policy is refused.
    #[error(transparent)]
    Validity(#[from] ValidityPolicyError),
}

/// Reads the policies of a directory, or the built-in ones.
pub fn load(directory: Option<&Path>) -> Result<Policies, PolicyError> {
    let titles = text_of(directory, TITLES, BUILT_IN_TITLES)?;
    let validity = text_of(directory, VALIDITY, BUILT_IN_VALIDITY)?;
    Ok(Policies {
        titles: TitleGuard::new(&TitlePolicy::parse(&titles)?),
        validity: ValidityPolicy::parse(&validity)?,
        digest: digest_of(&[(TITLES, &titles), (VALIDITY, &validity)]),
    })
}

/// The title guard of one policy file, or of the built-in one.
pub fn title_guard(file: Option<&Path>) -> Result<TitleGuard, PolicyError> {
    let text = match file {
        Some(path) => read(path.to_owned())?,
        None => BUILT_IN_TITLES.to_owned(),
    };
    Ok(TitleGuard::new(&TitlePolicy::parse(&text)?))
}

fn text_of(directory: Option<&Path>, name: &str, built_in: &str) -> Result<String, PolicyError> {
    directory.map_or_else(|| Ok(built_in.to_owned()), |directory| read(directory.join(name)))
}

fn read(path: PathBuf) -> Result<String, PolicyError> {
    std::fs::read_to_string(&path).map_err(|source| PolicyError::Unreadable { path, source })
}

/// Names, lengths and texts, so that no two sets of files have the same digest.
fn digest_of(files: &[(&str, &str)]) -> Digest {
    let told = files.iter().map(|(name, text)| format!("{name} {}\n{text}", text.len()));
    Digest::of(told.collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_policies_that_pli_brings_along_are_accepted() {
        load(None).unwrap();
    }

    #[test]
    fn a_change_of_one_file_changes_the_digest_and_a_missing_one_is_told() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(TITLES), BUILT_IN_TITLES).unwrap();
        let missing = load(Some(place.path())).err().unwrap();
        assert!(missing.to_string().contains(VALIDITY), "{missing}");
        std::fs::write(place.path().join(VALIDITY), BUILT_IN_VALIDITY).unwrap();
        assert_eq!(load(Some(place.path())).unwrap().digest, load(None).unwrap().digest);
        std::fs::write(place.path().join(VALIDITY), format!("{BUILT_IN_VALIDITY}\n")).unwrap();
        assert_ne!(load(Some(place.path())).unwrap().digest, load(None).unwrap().digest);
    }
}
