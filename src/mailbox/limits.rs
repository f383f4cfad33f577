//! What a deposit into a mailbox may be, and how that is changed: each limit has a least and a most, and a file is never
//! allowed more than a deposit. Where a scanner lowers the file's limit is not decided here.

use serde::{Deserialize, Serialize};
use thiserror::Error;

use crate::value::ByteSize;

/// The least that any size may be limited to: below, no document goes through.
const SIZE_LEAST: ByteSize = ByteSize::mebibytes(1);
/// The largest file that any mailbox may take: what one upload's segments are made for.
pub const FILE_MOST: ByteSize = ByteSize::mebibytes(10 * 1024);
/// The most that a deposit may be, and that an address may send in an hour.
const TOTAL_MOST: ByteSize = ByteSize::mebibytes(1024 * 1024);
/// The most files of a deposit: a draft with all of them is still one record.
const FILES_MOST: u32 = 1000;

/// What a deposit into a mailbox may be.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct DepositLimits {
    /// Largest file, in bytes.
    pub file: ByteSize,
    /// Largest deposit, in bytes, the running total of its files.
    pub deposit: ByteSize,
    /// Most files.
    pub files: u32,
    /// Pace: most bytes that one proven address may send in an hour, over all its deposits into the mailbox.
    pub hourly: ByteSize,
}

impl Default for DepositLimits {
    /// A file of 10 GiB where no scanner lowers it; four of them in an hour.
    fn default() -> Self {
        Self {
            file: FILE_MOST,
            deposit: ByteSize::mebibytes(20 * 1024),
            files: 200,
            hourly: ByteSize::mebibytes(40 * 1024),
        }
    }
}

/// A change of limits: what is not named stays.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct LimitsChange {
    /// See [`DepositLimits::file`].
    pub file: Option<ByteSize>,
    /// See [`DepositLimits::deposit`].
    pub deposit: Option<ByteSize>,
    /// See [`DepositLimits::files`].
    pub files: Option<u32>,
    /// See [`DepositLimits::hourly`].
    pub hourly: Option<ByteSize>,
}

/// Why limits cannot be what they were asked to be. Whoever sets them must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum LimitsError {
    /// A size is too small or too large to be a limit.
    #[error("the limit of {what} must be from {least} to {most}, not {actual}")]
    Size {
        /// Of what.
        what: &'static str,
        /// The least.
        least: ByteSize,
        /// The most.
        most: ByteSize,
        /// What was asked.
        actual: ByteSize,
    },
    /// No file at all, or more than a draft holds.
    #[error("the number of files must be from 1 to {most}, not {actual}")]
    Files {
        /// The most.
        most: u32,
        /// What was asked.
        actual: u32,
    },
    /// A file could never be as large as its limit says.
    #[error("a file of {file} does not fit into a deposit of {deposit}")]
    FileOverDeposit {
        /// The file's limit.
        file: ByteSize,
        /// The deposit's.
        deposit: ByteSize,
    },
}

impl LimitsChange {
    /// Whether nothing is to change.
    pub fn is_none(&self) -> bool {
        *self == Self::default()
    }
}

impl DepositLimits {
    /// The limits with a change, if they make sense together.
    pub fn changed(self, change: LimitsChange) -> Result<Self, LimitsError> {
        let changed = Self {
            file: change.file.unwrap_or(self.file),
            deposit: change.deposit.unwrap_or(self.deposit),
            files: change.files.unwrap_or(self.files),
            hourly: change.hourly.unwrap_or(self.hourly),
        };
        let sizes = [
            ("a file", change.file, FILE_MOST),
            ("a deposit", change.deposit, TOTAL_MOST),
            ("an hour", change.hourly, TOTAL_MOST),
        ];
        for (what, actual, most) in sizes {
            if let Some(actual) = actual.filter(|actual| !(SIZE_LEAST..=most).contains(actual)) {
                return Err(LimitsError::Size { what, least: SIZE_LEAST, most, actual });
            }
        }
        if let Some(actual) = change.files.filter(|actual| !(1..=FILES_MOST).contains(actual)) {
            return Err(LimitsError::Files { most: FILES_MOST, actual });
        }
        if changed.file > changed.deposit {
            return Err(LimitsError::FileOverDeposit { file: changed.file, deposit: changed.deposit });
        }
        Ok(changed)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_not_named_stays_as_it_was() {
        let change = LimitsChange { files: Some(5), ..LimitsChange::default() };
        let changed = DepositLimits::default().changed(change).unwrap();
        assert_eq!(changed, DepositLimits { files: 5, ..DepositLimits::default() });
    }

    #[test]
    fn a_limit_that_nothing_could_keep_to_is_not_set() {
        let none = LimitsChange::default();
        let (mebibyte, most) = (ByteSize::mebibytes(1), FILE_MOST);
        for (change, told) in [
            (LimitsChange { file: Some(ByteSize(most.bytes() + 1)), ..none }, "a file"),
            (LimitsChange { deposit: Some(ByteSize(mebibyte.bytes() - 1)), ..none }, "a deposit"),
            (LimitsChange { hourly: Some(ByteSize(0)), ..none }, "an hour"),
        ] {
            let refused = DepositLimits::default().changed(change);
            assert!(matches!(refused, Err(LimitsError::Size { what, .. }) if what == told), "{refused:?}");
        }
        for files in [0, FILES_MOST + 1] {
            let refused = DepositLimits::default().changed(LimitsChange { files: Some(files), ..none });
            assert_eq!(refused, Err(LimitsError::Files { most: FILES_MOST, actual: files }));
        }
        let refused = DepositLimits::default().changed(LimitsChange { deposit: Some(mebibyte), ..none });
        assert_eq!(refused, Err(LimitsError::FileOverDeposit { file: most, deposit: mebibyte }));
    }
}
