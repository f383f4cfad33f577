//! Any bytes are an age file, with or without the magic before them: nothing opens that was not sealed to the key, as a
//! blob or as a stream.

#![no_main]

use std::sync::LazyLock;

use libfuzzer_sys::fuzz_target;
use pli::value::Digest;
use pli::vault::{AGE_MAGIC, Identity, Recipient, Sealed, TruncatedSegment, open};

static IDENTITY: LazyLock<Identity> = LazyLock::new(Identity::generate);

fuzz_target!(|bytes: &[u8]| {
    let sealed = [AGE_MAGIC, bytes].concat();
    assert!(TruncatedSegment::new(&IDENTITY, &sealed[..], Digest::of(&sealed)).is_err());
    let sealed = Sealed::from_bytes(sealed).expect("it begins as an age file");
    assert!(open(&IDENTITY, &sealed).is_err());
    let _ = std::str::from_utf8(bytes).map(|text| (Identity::parse(text), Recipient::parse(text)));
});
