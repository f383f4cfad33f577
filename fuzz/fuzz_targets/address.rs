//! Any text is an address: one that is taken reads back as the same one and cannot break a header or a command.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli::value::{Domain, MailAddress};

fuzz_target!(|text: &str| {
    if let Ok(address) = MailAddress::parse(text) {
        let written = address.to_string();
        assert!(!written.chars().any(|c| c.is_control() || matches!(c, '<' | '>')));
        assert_eq!(MailAddress::parse(&written), Ok(address));
    }
    if let Ok(domain) = Domain::parse(text) {
        assert_eq!(Domain::parse(domain.as_str()), Ok(domain));
    }
});
