//! Any text is a file name: what comes out is safe as data, and cleaning it again changes nothing.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli::message::{FILE_NAME_MAX_BYTES, clean_file_name};

fuzz_target!(|given: &str| {
    let name = clean_file_name(given);
    let text = name.as_str();
    assert!((1..=FILE_NAME_MAX_BYTES).contains(&text.len()) && text != "." && text != "..");
    assert!(!text.chars().any(|c| c.is_control() || matches!(c, '/' | '\\')));
    assert_eq!(clean_file_name(text), name);
});
