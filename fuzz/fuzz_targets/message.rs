//! Any bytes are a mail: it is parsed within the limits or refused, and a part of it that is kept is within them too.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli::message::{Limits, dedup_material, parse};

fuzz_target!(|bytes: &[u8]| {
    let limits = Limits::default();
    if let Ok(mail) = parse(bytes, None, &limits) {
        assert!(mail.attachments.len() <= limits.parts);
        assert!(mail.references.len() <= limits.message_ids);
        let files: u64 = mail.attachments.iter().map(|file| file.bytes.len() as u64).sum();
        assert!(files <= limits.decoded_bytes.bytes());
    }
    assert!(dedup_material(bytes).header.len() <= bytes.len());
});
