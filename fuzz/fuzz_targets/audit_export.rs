//! Any bytes are an export of a log: the verifier ends with a verdict, and says "well" of nothing that no key signed.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli::audit::{NoteKey, Verdict, verify};

fuzz_target!(|bytes: &[u8]| {
    let key = NoteKey::new("pli.fund.example/audit", [7; 32]).expect("a name");
    let verdict = verify(bytes, &key, None);
    if let Verdict::Well(summary) = verdict {
        assert_eq!(summary.entries, 0, "nothing here is signed by the key");
    }
});
