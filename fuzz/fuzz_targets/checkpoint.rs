//! Any text is a checkpoint or a note with signatures: none is believed that the key did not sign, and a key that is read
//! is written as it was.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli::audit::{Checkpoint, Note, NoteKey};

fuzz_target!(|text: &str| {
    let key = NoteKey::new("pli.fund.example/audit", [7; 32]).expect("a name");
    assert!(Checkpoint::open(text, &key).is_err());
    if let Ok(note) = Note::parse(text) {
        assert_eq!(Note::parse(&note.to_string()).as_ref(), Ok(&note));
    }
    if let Ok(read) = text.parse::<NoteKey>() {
        assert_eq!(read.to_string().parse(), Ok(read));
    }
});
