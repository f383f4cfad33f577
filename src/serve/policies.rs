//! Reads the policy files: those of the operator, or those that Pli brings along.

use std::io;
use std::path::{Path, PathBuf};

use thiserror::Error;

use crate::app::Policies;
use crate::content::{FilePolicies, FilePolicyError};
use crate::policy::alerts::{AlertPolicy, AlertPolicyError};
use crate::policy::custody::{CustodyPolicy, CustodyPolicyError};
use crate::policy::form::{FormFileError, FormSet};
use crate::policy::outgoing::{OutgoingPolicy, OutgoingPolicyError};
use crate::policy::people::{PeoplePolicy, PeoplePolicyError};
use crate::policy::privacy::{PrivacyPolicy, PrivacyPolicyError};
use crate::policy::register::{RegisterPolicy, RegisterPolicyError};
use crate::policy::reminders::{ReminderPolicy, ReminderPolicyError};
use crate::policy::sign_in::{SignInPolicy, SignInPolicyError};
use crate::policy::title::{NameListError, TitleGuard, TitlePolicy, TitlePolicyError};
use crate::retention::{ValidityPolicy, ValidityPolicyError};
use crate::value::Digest;

const TITLES: &str = "title.toml";
const VALIDITY: &str = "validity.toml";
const ALERTS: &str = "alerts.toml";
const CUSTODY: &str = "custody.toml";
const FILES: &str = "files.toml";
const PEOPLE: &str = "people.toml";
const PRIVACY: &str = "privacy.toml";
const REGISTER: &str = "register.toml";
const REMINDERS: &str = "reminders.toml";
const SIGN_IN: &str = "sign_in.toml";
const OUTGOING: &str = "outgoing.toml";
/// The list of names that `pli title import-names` makes, beside the title policy; it need not be there.
const NAMES: &str = "names.fst";
const BUILT_IN_TITLES: &str = include_str!("../../policies/title.toml");
const BUILT_IN_FILES: &str = include_str!("../../policies/files.toml");
const BUILT_IN_VALIDITY: &str = include_str!("../../policies/validity.toml");
const BUILT_IN_ALERTS: &str = include_str!("../../policies/alerts.toml");
const BUILT_IN_CUSTODY: &str = include_str!("../../policies/custody.toml");
const BUILT_IN_REGISTER: &str = include_str!("../../policies/register.toml");
const BUILT_IN_REMINDERS: &str = include_str!("../../policies/reminders.toml");
const BUILT_IN_SIGN_IN: &str = include_str!("../../policies/sign_in.toml");
const BUILT_IN_OUTGOING: &str = include_str!("../../policies/outgoing.toml");
const BUILT_IN_PEOPLE: &str = include_str!("../../policies/people.toml");
/// The folder of forms and of the tables that their choices come from; where it is not there, the forms that Pli brings along.
const FORMS: &str = "forms";
const BUILT_IN_FORMS: [(&str, &str); 2] = [
    ("fiche-de-liaison.toml", include_str!("../../policies/forms/fiche-de-liaison.toml")),
    ("sites-cd35.csv", include_str!("../../policies/forms/sites-cd35.csv")),
];
const BUILT_IN_PRIVACY: &str = include_str!("../../policies/privacy.toml");

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
    /// The list of names is not one that `pli title import-names` made.
    #[error("{NAMES}: {0}")]
    Names(#[from] NameListError),
    /// The title policy is refused.
    #[error("{TITLES}: {0}")]
    Titles(#[from] TitlePolicyError),
    /// The acceptance policy of files is refused.
    #[error("{FILES}: {0}")]
    Files(#[from] FilePolicyError),
    /// The validity policy is refused.
    #[error(transparent)]
    Validity(#[from] ValidityPolicyError),
    /// The alert policy is refused.
    #[error(transparent)]
    Alerts(#[from] AlertPolicyError),
    /// The custody policy is refused.
    #[error(transparent)]
    Custody(#[from] CustodyPolicyError),
    /// A form is refused.
    #[error("{FORMS}/{0}")]
    Forms(#[from] FormFileError),
    /// The privacy policy is refused.
    #[error(transparent)]
    Privacy(#[from] PrivacyPolicyError),
    /// The policy on people is refused.
    #[error(transparent)]
    People(#[from] PeoplePolicyError),
    /// The register's list of codes is refused.
    #[error(transparent)]
    Register(#[from] RegisterPolicyError),
    /// The policy on reminders is refused.
    #[error(transparent)]
    Reminders(#[from] ReminderPolicyError),
    /// The policy on signing in is refused.
    #[error(transparent)]
    SignIn(#[from] SignInPolicyError),
    /// The policy on submitted mails is refused.
    #[error(transparent)]
    Outgoing(#[from] OutgoingPolicyError),
}

/// Reads the policies of a directory, or the built-in ones.
pub fn load(directory: Option<&Path>) -> Result<Policies, PolicyError> {
    let titles = text_of(directory, TITLES, BUILT_IN_TITLES)?;
    let validity = text_of(directory, VALIDITY, BUILT_IN_VALIDITY)?;
    let alerts = text_of(directory, ALERTS, BUILT_IN_ALERTS)?;
    let custody = text_of(directory, CUSTODY, BUILT_IN_CUSTODY)?;
    let files = text_of(directory, FILES, BUILT_IN_FILES)?;
    let privacy = text_of(directory, PRIVACY, BUILT_IN_PRIVACY)?;
    let register = text_of(directory, REGISTER, BUILT_IN_REGISTER)?;
    let reminders = text_of(directory, REMINDERS, BUILT_IN_REMINDERS)?;
    let sign_in = text_of(directory, SIGN_IN, BUILT_IN_SIGN_IN)?;
    let outgoing = text_of(directory, OUTGOING, BUILT_IN_OUTGOING)?;
    let people = text_of(directory, PEOPLE, BUILT_IN_PEOPLE)?;
    let forms = form_files(directory)?;
    let all = [
        (TITLES, &titles),
        (VALIDITY, &validity),
        (ALERTS, &alerts),
        (CUSTODY, &custody),
        (FILES, &files),
        (PRIVACY, &privacy),
        (REGISTER, &register),
        (REMINDERS, &reminders),
        (SIGN_IN, &sign_in),
        (OUTGOING, &outgoing),
        (PEOPLE, &people),
    ];
    let all = all.into_iter().map(|(name, text)| (name.to_owned(), text.as_str()));
    let all = all.chain(forms.iter().map(|(name, text)| (format!("{FORMS}/{name}"), text.as_str())));
    Ok(Policies {
        titles: compile(&TitlePolicy::parse(&titles)?, directory)?,
        validity: ValidityPolicy::parse(&validity)?,
        custody: CustodyPolicy::parse(&custody)?,
        alerts: AlertPolicy::parse(&alerts)?,
        files: FilePolicies::parse(&files)?,
        privacy: PrivacyPolicy::parse(&privacy)?,
        people: PeoplePolicy::parse(&people)?,
        register: RegisterPolicy::parse(&register)?,
        reminders: ReminderPolicy::parse(&reminders)?,
        sign_in: SignInPolicy::parse(&sign_in)?,
        outgoing: OutgoingPolicy::parse(&outgoing)?,
        digest: digest_of(all),
        forms: form_set(&forms)?,
    })
}

/// Reads one form's file, with the tables beside it.
pub fn form_file(path: &Path) -> Result<FormSet, PolicyError> {
    let name = path.file_name().and_then(|name| name.to_str()).unwrap_or_default().to_owned();
    let mut files = vec![(name, read(path.to_owned())?)];
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let beside = forms_of(folder.unwrap_or(Path::new(".")))?;
    files.extend(beside.into_iter().filter(|(name, _)| has_ending(name, "csv")));
    Ok(form_set(&files)?)
}

fn form_set(files: &[(String, String)]) -> Result<FormSet, FormFileError> {
    let forms = files.iter().filter_map(|(name, text)| Some((name.strip_suffix(".toml")?, text.as_str())));
    let table = |name: &str| files.iter().find(|(known, _)| known == name).map(|(_, text)| text.clone());
    FormSet::read(forms, table)
}

fn form_files(directory: Option<&Path>) -> Result<Vec<(String, String)>, PolicyError> {
    match directory.map(|directory| directory.join(FORMS)).filter(|folder| folder.is_dir()) {
        Some(folder) => forms_of(&folder),
        None => Ok(BUILT_IN_FORMS.map(|(name, text)| (name.to_owned(), text.to_owned())).into()),
    }
}

/// The forms and tables of a folder, by name.
fn forms_of(folder: &Path) -> Result<Vec<(String, String)>, PolicyError> {
    let unreadable = |source| PolicyError::Unreadable { path: folder.to_owned(), source };
    let mut files = Vec::new();
    for entry in std::fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let name = path.file_name().and_then(|name| name.to_str()).map(ToOwned::to_owned);
        if let Some(name) = name.filter(|name| has_ending(name, "toml") || has_ending(name, "csv")) {
            files.push((name, read(path)?));
        }
    }
    files.sort();
    Ok(files)
}

fn has_ending(name: &str, ending: &str) -> bool {
    Path::new(name).extension().is_some_and(|found| found == ending)
}

/// The title guard of one policy file, or of the built-in one.
pub fn title_guard(file: Option<&Path>) -> Result<TitleGuard, PolicyError> {
    let text = match file {
        Some(path) => read(path.to_owned())?,
        None => BUILT_IN_TITLES.to_owned(),
    };
    compile(&TitlePolicy::parse(&text)?, file.and_then(Path::parent))
}

/// The guard, with the imported names of its directory if there are any.
fn compile(policy: &TitlePolicy, directory: Option<&Path>) -> Result<TitleGuard, PolicyError> {
    let Some(path) = directory.map(|directory| directory.join(NAMES)).filter(|path| path.exists()) else {
        return Ok(TitleGuard::new(policy));
    };
    let names = std::fs::read(&path).map_err(|source| PolicyError::Unreadable { path, source })?;
    Ok(TitleGuard::with_names(policy, names)?)
}

fn text_of(directory: Option<&Path>, name: &str, built_in: &str) -> Result<String, PolicyError> {
    directory.map_or_else(|| Ok(built_in.to_owned()), |directory| read(directory.join(name)))
}

fn read(path: PathBuf) -> Result<String, PolicyError> {
    std::fs::read_to_string(&path).map_err(|source| PolicyError::Unreadable { path, source })
}

/// Names, lengths and texts, so that no two sets of files have the same digest.
fn digest_of<'a>(files: impl Iterator<Item = (String, &'a str)>) -> Digest {
    let told = files.map(|(name, text)| format!("{name} {}\n{text}", text.len()));
    Digest::of(told.collect::<String>().as_bytes())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::policy::title::import_names;

    #[test]
    fn the_policies_that_pli_brings_along_are_accepted() {
        load(None).unwrap();
    }

    #[test]
    fn names_that_were_imported_beside_the_policy_are_known() {
        let place = tempfile::tempdir().unwrap();
        let policy = place.path().join(TITLES);
        std::fs::write(&policy, BUILT_IN_TITLES).unwrap();
        let births = "sexe;preusuel;annais;nombre\n1;ZORBLANC;1950;4000\n";
        std::fs::write(place.path().join(NAMES), import_names(&[births]).unwrap()).unwrap();
        assert!(title_guard(Some(&policy)).is_ok());
        std::fs::write(place.path().join(NAMES), "no list").unwrap();
        assert!(matches!(title_guard(Some(&policy)), Err(PolicyError::Names(_))));
    }

    #[test]
    fn a_change_of_one_file_changes_the_digest_and_a_missing_one_is_told() {
        let place = tempfile::tempdir().unwrap();
        std::fs::write(place.path().join(TITLES), BUILT_IN_TITLES).unwrap();
        let missing = load(Some(place.path())).err().unwrap();
        assert!(missing.to_string().contains(VALIDITY), "{missing}");
        std::fs::write(place.path().join(VALIDITY), BUILT_IN_VALIDITY).unwrap();
        std::fs::write(place.path().join(ALERTS), BUILT_IN_ALERTS).unwrap();
        std::fs::write(place.path().join(CUSTODY), BUILT_IN_CUSTODY).unwrap();
        std::fs::write(place.path().join(FILES), BUILT_IN_FILES).unwrap();
        std::fs::write(place.path().join(PRIVACY), BUILT_IN_PRIVACY).unwrap();
        std::fs::write(place.path().join(REGISTER), BUILT_IN_REGISTER).unwrap();
        std::fs::write(place.path().join(REMINDERS), BUILT_IN_REMINDERS).unwrap();
        std::fs::write(place.path().join(SIGN_IN), BUILT_IN_SIGN_IN).unwrap();
        std::fs::write(place.path().join(OUTGOING), BUILT_IN_OUTGOING).unwrap();
        std::fs::write(place.path().join(PEOPLE), BUILT_IN_PEOPLE).unwrap();
        assert_eq!(load(Some(place.path())).unwrap().digest, load(None).unwrap().digest);
        std::fs::create_dir(place.path().join(FORMS)).unwrap();
        for (name, text) in BUILT_IN_FORMS {
            std::fs::write(place.path().join(FORMS).join(name), text).unwrap();
        }
        assert_eq!(load(Some(place.path())).unwrap().digest, load(None).unwrap().digest);
        let table = BUILT_IN_FORMS[1].1.replace("Redon", "Redon centre");
        std::fs::write(place.path().join(FORMS).join(BUILT_IN_FORMS[1].0), table).unwrap();
        assert_ne!(load(Some(place.path())).unwrap().digest, load(None).unwrap().digest);
        std::fs::remove_dir_all(place.path().join(FORMS)).unwrap();
        std::fs::write(place.path().join(VALIDITY), format!("{BUILT_IN_VALIDITY}\n")).unwrap();
        assert_ne!(load(Some(place.path())).unwrap().digest, load(None).unwrap().digest);
    }
}
