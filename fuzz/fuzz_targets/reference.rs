//! Any text is a reference as somebody types it, an id or a slug: what is taken reads back as the same one.

#![no_main]

use libfuzzer_sys::fuzz_target;
use pli::value::{Reference, Slug, TransferId};

fuzz_target!(|text: &str| {
    if let Ok(reference) = Reference::parse(text) {
        assert_eq!(Reference::parse(reference.as_str()), Ok(reference));
    }
    if let Ok(id) = text.parse::<TransferId>() {
        assert_eq!(id.to_string(), text);
    }
    assert!(Slug::parse(text).is_ok_and(|slug| slug.as_str() == text) || Slug::parse(text).is_err());
});
