//! Paths of files within a folder that a depositor chose, as data: shown, and used inside an archive. Like a file name
//! they never become a path of the gateway.

use super::file_name::clean_file_name;

/// How many folders a path keeps; of a deeper one, the folders next to the file.
const FOLDERS_MAX: usize = 16;
/// The longest path in bytes; of a longer one, the folders next to the file that fit.
const PATH_MAX_BYTES: usize = 1024;
/// What of an overlong path is looked at at all.
const CONSIDERED_CHARS: usize = 8192;

/// Makes any text a relative path that is safe as data: clean file names, apart by `/`, that lead neither up nor to a
/// root. A file without a folder is its clean name alone.
pub fn clean_file_path(given: &str) -> String {
    let skipped = given.chars().count().saturating_sub(CONSIDERED_CHARS);
    let given: String = given.chars().skip(skipped).collect();
    let parts = given.split(['/', '\\']).filter(|part| !matches!(part.trim(), "" | "." | ".."));
    let mut clean: Vec<String> = parts.map(|part| clean_file_name(part).to_string()).collect();
    let name = clean.pop().unwrap_or_else(|| clean_file_name("").to_string());
    let mut path = name;
    for folder in clean.iter().rev().take(FOLDERS_MAX) {
        if folder.len() + 1 + path.len() > PATH_MAX_BYTES {
            break;
        }
        path = format!("{folder}/{path}");
    }
    path
}

/// The name at the end of a path.
pub fn name_of(path: &str) -> &str {
    path.rsplit('/').next().unwrap_or(path)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_path_leads_up_or_out_and_cleaning_twice_changes_nothing(given in "([./\\\\a-zé :\u{202e}]{0,40}|.{0,60})") {
            let clean = clean_file_path(&given);
            prop_assert!(clean.len() <= PATH_MAX_BYTES && !clean.is_empty());
            prop_assert!(!clean.contains('\\') && !clean.starts_with('/'));
            for part in clean.split('/') {
                prop_assert_eq!(clean_file_name(part).to_string(), part);
                prop_assert!(!matches!(part, "" | "." | ".."));
            }
            prop_assert_eq!(clean_file_path(&clean), clean.clone());
        }
    }

    #[test]
    fn folders_are_kept_and_tricks_are_not() {
        assert_eq!(clean_file_path("dossier/pièces/avis.pdf"), "dossier/pièces/avis.pdf");
        assert_eq!(clean_file_path("../../etc/passwd"), "etc/passwd");
        assert_eq!(clean_file_path("C:\\dossier\\avis.pdf"), "C_/dossier/avis.pdf");
        assert_eq!(clean_file_path("avis.pdf"), "avis.pdf");
        assert_eq!(name_of("dossier/avis.pdf"), "avis.pdf");
        let deep = "a/".repeat(100) + "avis.pdf";
        assert_eq!(clean_file_path(&deep).split('/').count(), FOLDERS_MAX + 1);
    }
}
