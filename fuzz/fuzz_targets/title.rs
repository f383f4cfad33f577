//! Any text is a title: the guard answers it without a panic, its findings lie in the title, and what it lets
//! through or redacts has no finding and no control character.

#![no_main]

use std::sync::OnceLock;

use libfuzzer_sys::fuzz_target;
use pli::policy::title::{TitleGuard, TitlePolicy};

fn guard() -> &'static TitleGuard {
    static GUARD: OnceLock<TitleGuard> = OnceLock::new();
    GUARD.get_or_init(|| {
        let policy = TitlePolicy::parse(include_str!("../../policies/title.toml")).expect("the shipped policy parses");
        TitleGuard::new(&policy)
    })
}

fuzz_target!(|title: &str| {
    let inspection = guard().inspect(title);
    let length = title.chars().count();
    for finding in &inspection.findings {
        assert!(finding.start < finding.end && finding.end <= length);
    }
    assert!(!guard().inspect(&inspection.redacted()).is_personal());
    if let Ok(clean) = guard().clean_for_web("x", title) {
        assert!(!clean.as_str().chars().any(char::is_control));
    }
});
