//! MIME as mail programs write it (RFC 2045 to 2047, 2231, 1740, 1847, 3156, 8551; [MS-OXTNEF]): for each sample in
//! `tests/data/mime` the text and the files that a reader must see, in the file beside it. A line is one of
//!
//! ```text
//! # a remark
//! text: a line of the text
//! file: name | media type | its first line, or how many bytes it has
//! ```

use std::fs;
use std::path::Path;

use pli::message::{Limits, parse};

#[test]
fn every_sample_reads_as_its_author_meant() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/mime");
    let mut samples = 0;
    for entry in fs::read_dir(&folder).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "eml") {
            continue;
        }
        let mail = fs::read_to_string(&path).unwrap().replace('\n', "\r\n").into_bytes();
        let expected = fs::read_to_string(path.with_extension("txt")).unwrap();
        let expected: Vec<&str> = expected.lines().filter(|line| !line.starts_with('#')).collect();
        assert_eq!(told(&mail, &expected), expected, "{}", path.display());
        samples += 1;
    }
    assert!(samples >= 15, "{samples} samples");
}

/// What is in a mail, in the words of the expectation.
fn told(mail: &[u8], expected: &[&str]) -> Vec<String> {
    let parsed = parse(mail, None, &Limits::default()).unwrap();
    let mut told: Vec<String> = parsed.text.lines().map(|line| format!("text: {line}")).collect();
    for file in &parsed.attachments {
        let head = format!("file: {} | {} | ", file.name.as_str(), file.content_type);
        let first = String::from_utf8_lossy(&file.bytes).lines().next().unwrap_or_default().to_owned();
        let by_text = format!("{head}{first}");
        let by_size = format!("{head}{} bytes", file.bytes.len());
        told.push(if expected.contains(&by_text.as_str()) { by_text } else { by_size });
    }
    told
}

/// What was sent is what is kept: the files of a sample are pieces of it, decoded and otherwise untouched.
#[test]
fn an_attached_message_is_the_bytes_that_were_sent() {
    let mail = include_str!("../data/mime/forwarded_with_attachments.eml").replace('\n', "\r\n");
    let parsed = parse(mail.as_bytes(), None, &Limits::default()).unwrap();
    let whole = std::str::from_utf8(&parsed.attachments[0].bytes).unwrap();
    assert!(mail.contains(whole) && !whole.contains("filename") && whole.contains("Interieur."));
}
