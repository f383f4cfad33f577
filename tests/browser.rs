//! The pages in a real browser: each script of `tests/browser/` is run by Node against the real binary. They start the
//! gateway themselves, drive headless Chromium, and say what went wrong; `make tools` installs what they need.

#![expect(clippy::unwrap_used, reason = "what fails here fails the test")]

use std::path::Path;
use std::process::Command;

#[test]
fn the_loop_works_at_a_desk_and_on_a_phone_with_scripts_and_without() {
    run("walk.mjs");
}

#[test]
fn axe_reports_nothing_on_any_page_in_either_language() {
    run("accessibility.mjs");
}

#[test]
fn people_are_appointed_activated_and_see_their_history_on_sound_pages() {
    run("people.mjs");
}

#[test]
fn while_a_deposit_is_held_its_pages_are_sound_for_everybody() {
    run("held.mjs");
}

#[test]
fn a_killed_gateway_a_full_disk_and_a_wrong_file_are_told_in_words_and_it_goes_on() {
    run("faults.mjs");
}

#[test]
fn a_deposit_can_be_made_with_the_keyboard_alone() {
    run("keyboard.mjs");
}

#[test]
fn who_comes_by_the_organisations_provider_is_signed_in_and_a_lying_one_signs_nobody_in() {
    run("provider.mjs");
}

#[test]
fn a_passkey_signs_in_and_its_prf_opens_the_vault() {
    run("passkey.mjs");
}

#[test]
fn a_gestionnaire_makes_a_token_and_the_api_takes_it() {
    run("tokens.mjs");
}

#[test]
fn the_form_about_a_person_is_filled_by_anybody_anywhere() {
    run("form.mjs");
}

#[test]
fn the_client_that_most_people_use_uploads_resumes_and_gives_up() {
    run("tus.mjs");
}

#[test]
fn files_are_dropped_paused_resumed_and_gone_on_with_after_the_page_was_closed() {
    run("upload.mjs");
}

#[expect(clippy::disallowed_methods, reason = "the tests drive a real browser")]
fn run(script: &str) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/browser");
    assert!(folder.join("node_modules").exists(), "tests/tools/install installs what the browser tests need");
    let output = Command::new("node")
        .args(["--test", "--test-reporter=spec", "--test-timeout=600000", script])
        .current_dir(folder)
        .env("PLI_BINARY", env!("CARGO_BIN_EXE_pli"))
        .output()
        .unwrap();
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{script}:\n{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
