//! Where an object is: a file of its own, or a stretch of a pack.
//!
//! ```text
//! f/2026-11-21/0123456789abcdef0123456789abcdef           files/2026-11-21/0123….age
//! p/2026-11-21/0123456789abcdef0123456789abcdef/16+1234   packs/2026-11-21/0123….pack, 1,234 bytes from byte 16 on
//! ```
//!
//! A locator comes back from a record; it is read as strictly as anything from outside, so that none leads out of the
//! store's directory.

use std::path::PathBuf;

use crate::transfer::ObjectLocator;
use crate::value::{Day, ObjectId};

/// The name of the directory of single files.
pub(super) const FILES: &str = "files";
/// The name of the directory of packs.
pub(super) const PACKS: &str = "packs";

/// A locator that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Place {
    /// A file of its own.
    File(FileName),
    /// A stretch of a pack.
    Packed {
        /// The pack.
        pack: FileName,
        /// Its first byte.
        offset: u64,
        /// How many bytes.
        length: u64,
    },
}

/// What names a file: the day that it was begun and random bits, so that no name is used twice.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct FileName {
    pub(super) day: Day,
    pub(super) id: ObjectId,
}

impl FileName {
    /// The path of a single file, from the store's directory.
    pub(super) fn file_path(self) -> PathBuf {
        PathBuf::from(FILES).join(self.day.to_string()).join(format!("{}.age", self.id))
    }

    /// The path of a pack, from the store's directory.
    pub(super) fn pack_path(self) -> PathBuf {
        PathBuf::from(PACKS).join(self.day.to_string()).join(format!("{}.pack", self.id))
    }

    fn parse(day: &str, id: &str) -> Option<Self> {
        let parsed = Day::parse(day)?;
        // The one way to write a day: other ways that a date parser knows are refused.
        (parsed.to_string() == day).then_some(())?;
        Some(Self { day: parsed, id: id.parse().ok()? })
    }
}

impl Place {
    /// Reads a locator; `None` when no store of this kind wrote it.
    pub(super) fn parse(locator: &ObjectLocator) -> Option<Self> {
        let parts: Vec<&str> = locator.0.split('/').collect();
        match parts.as_slice() {
            ["f", day, id] => Some(Self::File(FileName::parse(day, id)?)),
            ["p", day, id, stretch] => {
                let (offset, length) = stretch.split_once('+')?;
                let pack = FileName::parse(day, id)?;
                Some(Self::Packed { pack, offset: parse_number(offset)?, length: parse_number(length)? })
            }
            _ => None,
        }
    }

    /// The locator, as records keep it.
    pub(super) fn locator(self) -> ObjectLocator {
        ObjectLocator(match self {
            Self::File(name) => format!("f/{}/{}", name.day, name.id),
            Self::Packed { pack, offset, length } => format!("p/{}/{}/{offset}+{length}", pack.day, pack.id),
        })
    }
}

/// Decimal digits without a sign or a leading zero.
fn parse_number(text: &str) -> Option<u64> {
    let plain = text.bytes().all(|b| b.is_ascii_digit()) && (text == "0" || !text.starts_with('0'));
    if plain { text.parse().ok() } else { None }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_locator_reads_back_as_written(day in 0i32..50_000, id: [u8; 16], offset: u64, length: u64) {
            let name = FileName { day: Day(day), id: ObjectId::new(id) };
            for place in [Place::File(name), Place::Packed { pack: name, offset, length }] {
                prop_assert_eq!(Place::parse(&place.locator()), Some(place));
            }
        }

        #[test]
        fn nothing_leads_out_of_the_store(text in "[fp]/[./a-f0-9+-]{0,60}") {
            if let Some(place) = Place::parse(&ObjectLocator(text)) {
                let path = match place {
                    Place::File(name) => name.file_path(),
                    Place::Packed { pack, .. } => pack.pack_path(),
                };
                prop_assert!(path.components().all(|c| matches!(c, std::path::Component::Normal(_))));
            }
        }
    }

    #[test]
    fn what_the_store_did_not_write_is_no_locator() {
        let id = "0123456789abcdef0123456789abcdef";
        for text in [
            String::new(),
            "f/2026-11-21/../../etc/passwd".to_owned(),
            format!("f/../{id}"),
            format!("f/2026-11-21/{id}/"),
            format!("f/2026-11-21/{}", id.to_uppercase()),
            format!("f/20261121/{id}"),
            format!("/f/2026-11-21/{id}"),
            format!("p/2026-11-21/{id}"),
            format!("p/2026-11-21/{id}/16"),
            format!("p/2026-11-21/{id}/+16+1"),
            format!("p/2026-11-21/{id}/016+1"),
            format!("p/2026-11-21/{id}/16+99999999999999999999"),
            format!("x/2026-11-21/{id}"),
        ] {
            assert_eq!(Place::parse(&ObjectLocator(text.clone())), None, "{text:?} was read");
        }
    }
}
