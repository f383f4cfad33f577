//! Any bytes are a `winmail.dat`: its files are taken out within the limits, or it is kept as it came.

#![no_main]

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use libfuzzer_sys::fuzz_target;
use pli::message::{Limits, parse};

fuzz_target!(|bytes: &[u8]| {
    let stream = [&0x223e_9f78_u32.to_le_bytes()[..], &[0, 0], bytes].concat();
    let head = "From: a@b.example\r\nContent-Type: application/ms-tnef; name=winmail.dat\r\n\
        Content-Transfer-Encoding: base64\r\n\r\n";
    let mail = format!("{head}{}\r\n", BASE64.encode(&stream));
    let limits = Limits::default();
    if let Ok(mail) = parse(mail.as_bytes(), None, &limits) {
        assert!(!mail.attachments.is_empty() || !mail.text.is_empty() || stream.len() == 6);
        assert!(mail.attachments.len() <= limits.parts + 1);
    }
});
