//! The demonstration's people, none of them real, and their passwords: random, made at the first start, kept so that
//! they can be told again. No other gateway keeps a password.

use std::path::Path;

use serde::{Deserialize, Serialize};

use super::DemoError;
use super::files::{read_if_there, write_whole};
use crate::app::ports::Random;
use crate::identity::Role;
use crate::store::SystemRandom;

const FILE: &str = "demo-people.json";
/// Lower case, without letters that people confuse.
const LETTERS: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Five letters in four groups: 100 bits.
const GROUPS: usize = 4;
const GROUP_LETTERS: usize = 5;

/// The slugs of the mailboxes.
pub const PENSIONS: &str = "partenaires-retraite";
/// The social service's mailbox.
pub const SOCIAL_SERVICE: &str = "service-social";

/// Who manages the first mailbox.
pub const MANAGER: &str = "ronan.tanguy@carsat-bretagne.example";

/// Who signs in.
pub struct Cast {
    /// What the person does.
    pub role: Role,
    /// First and last name.
    pub name: &'static str,
    /// The address that signs in.
    pub address: &'static str,
    /// The slugs of the mailboxes that the person reads.
    pub mailboxes: &'static [&'static str],
}

/// All who sign in.
pub const CAST: [Cast; 7] = [
    Cast {
        role: Role::Agent,
        name: "Awen Le Goff",
        address: "awen.legoff@carsat-bretagne.example",
        mailboxes: &[PENSIONS],
    },
    Cast {
        role: Role::Agent,
        name: "Maïwenn Cadiou",
        address: "maiwenn.cadiou@carsat-bretagne.example",
        mailboxes: &[SOCIAL_SERVICE],
    },
    Cast {
        role: Role::Agent,
        name: "Ronan Tanguy",
        address: "ronan.tanguy@carsat-bretagne.example",
        mailboxes: &[PENSIONS, SOCIAL_SERVICE],
    },
    Cast {
        role: Role::Gestionnaire,
        name: "Nolwenn Salaün",
        address: "nolwenn.salaun@ille-et-vilaine.example",
        mailboxes: &[],
    },
    Cast {
        role: Role::Technicien,
        name: "Malo Riou",
        address: "malo.riou@ille-et-vilaine.example",
        mailboxes: &[],
    },
    Cast {
        role: Role::Administrator,
        name: "Yann Le Bihan",
        address: "yann.lebihan@carsat-bretagne.example",
        mailboxes: &[],
    },
    Cast {
        role: Role::SecurityOfficer,
        name: "Gwenola Kerbrat",
        address: "gwenola.kerbrat@carsat-bretagne.example",
        mailboxes: &[],
    },
];

/// A person's password, as it is kept.
#[derive(Clone, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DemoPassword {
    /// Whose.
    pub address: String,
    /// The password of a person who is not real.
    pub password: String,
}

/// The passwords of the cast, chosen at the first start before any account is made, so that an interrupted start
/// leaves no account whose password nobody knows.
pub fn load_or_choose(directory: &Path) -> Result<Vec<DemoPassword>, DemoError> {
    let path = directory.join(FILE);
    if let Some(text) = read_if_there(&path).map_err(DemoError::file(&path))? {
        return serde_json::from_str(&text).map_err(|_| DemoError::Damaged { path });
    }
    let choose = |person: &Cast| DemoPassword { address: person.address.to_owned(), password: password() };
    let chosen: Vec<_> = CAST.iter().map(choose).collect();
    let text = serde_json::to_vec_pretty(&chosen).map_err(|_| DemoError::Name)?;
    write_whole(&path, &text, 0o600).map_err(DemoError::file(&path))?;
    Ok(chosen)
}

fn password() -> String {
    let random: &dyn Random = &SystemRandom;
    let letters =
        random.bytes::<{ GROUPS * GROUP_LETTERS }>().map(|byte| char::from(LETTERS[usize::from(byte & 31)]));
    let groups: Vec<String> = letters.chunks(GROUP_LETTERS).map(|group| group.iter().collect()).collect();
    groups.join("-")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn passwords_stay_the_same_from_one_start_to_the_next_and_differ_between_people() {
        let place = tempfile::tempdir().unwrap();
        let first = load_or_choose(place.path()).unwrap();
        let second = load_or_choose(place.path()).unwrap();
        let all: std::collections::BTreeSet<_> = first.iter().map(|person| &person.password).collect();
        assert_eq!(all.len(), CAST.len());
        for (one, other) in first.iter().zip(&second) {
            assert_eq!((&one.address, &one.password), (&other.address, &other.password));
            assert_eq!(one.password.len(), GROUPS * GROUP_LETTERS + GROUPS - 1);
        }
    }
}
