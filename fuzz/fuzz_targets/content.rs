//! Any bytes are a file: inspected within the limits or refused, never a crash, whatever the antivirus says.

#![no_main]

use std::io::{Cursor, Read};

use libfuzzer_sys::fuzz_target;
use pli::content::{Antivirus, AntivirusAnswer, FilePolicies, ScanFailure, WalkLimits, inspect};

struct Clean;

impl Antivirus for Clean {
    fn scan(&mut self, member: &mut dyn Read) -> Result<AntivirusAnswer, ScanFailure> {
        std::io::copy(member, &mut std::io::sink()).map_err(ScanFailure::Member)?;
        Ok(AntivirusAnswer::Clean)
    }

    fn largest(&self) -> u64 {
        10_000_000
    }
}

fuzz_target!(|bytes: &[u8]| {
    let lenient = include_str!("../../policies/files.toml").replace("= \"refuse\"", "= \"warn\"");
    let policies = FilePolicies::parse(&lenient).unwrap();
    let limits = WalkLimits { total: 50_000_000, ..WalkLimits::default() };
    let found = inspect(&mut Cursor::new(bytes), "file.zip", None, policies.of("any"), limits, &mut Clean).unwrap();
    assert!(found.members <= limits.members + 1);
});
