//! Sizes in bytes, and how people read them.

use std::fmt;

use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::Language;

/// It is no size; whoever wrote it writes it anew.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
#[error("a size is a number of bytes, or with kB, MB, GB, KiB, MiB or GiB, such as 2GiB")]
pub struct SizeError;

/// A number of bytes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ByteSize(pub u64);

impl ByteSize {
    /// `n` mebibytes.
    pub const fn mebibytes(n: u64) -> Self {
        Self(n * 1024 * 1024)
    }

    /// The number of bytes.
    pub const fn bytes(self) -> u64 {
        self.0
    }

    /// Reads a size as operators write it: a whole number of bytes, or of `kB`, `MB`, `GB`, `KiB`, `MiB`, `GiB`.
    pub fn parse(text: &str) -> Result<Self, SizeError> {
        let digits = text.trim().bytes().take_while(u8::is_ascii_digit).count();
        let (number, unit) = text.trim().split_at(digits);
        let unit = match unit.trim().to_ascii_lowercase().as_str() {
            "" | "b" => 1,
            "kb" => 1000,
            "mb" => 1_000_000,
            "gb" => 1_000_000_000,
            "kib" => 1024,
            "mib" => 1024 * 1024,
            "gib" => 1024 * 1024 * 1024,
            _ => return Err(SizeError),
        };
        let number: u64 = number.parse().map_err(|_| SizeError)?;
        number.checked_mul(unit).map(Self).ok_or(SizeError)
    }

    /// As people read it: decimal units, one digit after the point, `1,2 Mo` or `1.2 MB`.
    pub fn for_people(self, language: Language) -> String {
        let (units, point) = match language {
            Language::Fr => (["octets", "Ko", "Mo", "Go", "To"], ","),
            Language::En => (["bytes", "kB", "MB", "GB", "TB"], "."),
        };
        let (mut scaled, mut unit) = (self.0 as f64, 0);
        while scaled >= 1000.0 && unit + 1 < units.len() {
            scaled /= 1000.0;
            unit += 1;
        }
        if unit == 0 {
            return format!("{} {}", self.0, units[0]);
        }
        format!("{scaled:.1} {}", units[unit]).replace('.', point)
    }
}

impl std::ops::Add for ByteSize {
    type Output = Self;

    /// Saturating: a total of sizes never wraps to a small one.
    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl std::iter::Sum for ByteSize {
    fn sum<I: Iterator<Item = Self>>(iter: I) -> Self {
        iter.fold(Self(0), |total, size| total + size)
    }
}

impl fmt::Display for ByteSize {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} B", self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn sizes_read_as_the_language_writes_them() {
        assert_eq!(ByteSize(0).for_people(Language::Fr), "0 octets");
        assert_eq!(ByteSize(1_234_567).for_people(Language::Fr), "1,2 Mo");
        assert_eq!(ByteSize(1_234_567).for_people(Language::En), "1.2 MB");
    }

    #[test]
    fn a_size_is_read_as_operators_write_it() {
        for (text, bytes) in
            [("12", 12), ("2GiB", 2 << 30), (" 3 mib ", 3 << 20), ("5 kB", 5000), ("1GB", 1_000_000_000)]
        {
            assert_eq!(ByteSize::parse(text), Ok(ByteSize(bytes)), "{text}");
        }
        for wrong in ["", "GiB", "-1", "1.5GiB", "1 Gio", "99999999999999999999", "99999999999GiB"] {
            assert_eq!(ByteSize::parse(wrong), Err(SizeError), "{wrong}");
        }
    }

    #[test]
    fn a_total_saturates() {
        let total: ByteSize = [ByteSize(u64::MAX), ByteSize(1)].into_iter().sum();
        assert_eq!(total, ByteSize(u64::MAX));
    }
}
