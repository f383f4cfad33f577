//! Directories by creation day, made when they are needed and removed whole.

use std::collections::BTreeSet;
use std::fs;
use std::io;
use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};

use super::super::durable;
use crate::value::Day;

/// A directory of day directories.
pub(super) struct DayDirectories {
    root: PathBuf,
    /// The days whose directory is known to be on the disk. Locked while one is made: who finds it made may rely on
    /// it to survive a power cut.
    made: Mutex<BTreeSet<Day>>,
}

impl DayDirectories {
    pub(super) fn open(root: PathBuf) -> io::Result<Self> {
        durable::make_directory(&root)?;
        Ok(Self { root, made: Mutex::new(BTreeSet::new()) })
    }

    /// The directory of a day, durable. True when this call made it.
    pub(super) fn ensure(&self, day: Day) -> io::Result<(PathBuf, bool)> {
        let mut made = self.made();
        let path = self.root.join(day.to_string());
        if made.contains(&day) {
            return Ok((path, false));
        }
        let is_new = !path.is_dir();
        durable::make_directory(&path)?;
        // It may have been made just before the process was killed.
        durable::sync_directory(&self.root)?;
        made.insert(day);
        Ok((path, is_new))
    }

    /// Removes the directories of days before one, with all that is in them; returns how many. What is not named as
    /// a day is left alone.
    pub(super) fn remove_before(&self, before: Day) -> io::Result<u64> {
        let mut removed = 0;
        for entry in fs::read_dir(&self.root)? {
            let entry = entry?;
            let day = entry.file_name().to_str().and_then(Day::parse);
            if let Some(day) = day.filter(|day| *day < before) {
                let mut made = self.made();
                made.remove(&day);
                fs::remove_dir_all(entry.path())?;
                removed += 1;
            }
        }
        if removed > 0 {
            durable::sync_directory(&self.root)?;
        }
        Ok(removed)
    }

    fn made(&self) -> MutexGuard<'_, BTreeSet<Day>> {
        self.made.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
