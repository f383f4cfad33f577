//! What two deliveries of one mail have in common: a sending server that saw no answer sends again, and
//! only the trace fields on top differ (RFC 5321 section 4.4).

use super::header::{field_ranges, split_message};

/// Fields that servers on the way add, each time anew.
const TRACE_FIELDS: [&str; 14] = [
    "received",
    "return-path",
    "delivered-to",
    "x-original-to",
    "x-delivered-to",
    "envelope-to",
    "x-envelope-to",
    "x-received",
    "received-spf",
    "authentication-results",
    "arc-seal",
    "arc-message-signature",
    "arc-authentication-results",
    "delivery-date",
];

/// The part of a message that a repeat of the same send has unchanged, as two fields for a keyed digest.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DedupMaterial<'x> {
    /// The header section without its trace fields.
    pub header: Vec<u8>,
    /// Everything after the header section.
    pub body: &'x [u8],
}

/// Takes the trace fields out of a message, wherever in the header section they stand: a server in between may
/// have put other fields above.
pub fn dedup_material(bytes: &[u8]) -> DedupMaterial<'_> {
    let (section, body) = split_message(bytes);
    let header = field_ranges(section).map(|range| &section[range]).filter(|field| !is_trace(field));
    DedupMaterial { header: header.flatten().copied().collect(), body }
}

fn is_trace(field: &[u8]) -> bool {
    let name = field.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
    TRACE_FIELDS.iter().any(|trace| name.eq_ignore_ascii_case(trace.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    const SENT: &[u8] = b"From: a@b.example\r\nSubject: Urgence CD35\r\n\r\nReceived: is text here\r\n";

    #[test]
    fn a_second_delivery_of_the_same_mail_is_the_same() {
        let first = [b"Received: from x by y;\r\n\tSat, 21 Nov 2026 00:00:00 +0000\r\n", SENT].concat();
        let trace = b"Return-Path: <a@b.example>\r\nRECEIVED : from x\r\n by y; later\r\n";
        let second = [&trace[..], SENT].concat();
        assert_eq!(dedup_material(&first), dedup_material(&second));
        assert_eq!(dedup_material(SENT).header, b"From: a@b.example\r\nSubject: Urgence CD35\r\n");
    }

    #[test]
    fn another_text_or_subject_is_another_mail() {
        let text = String::from_utf8(SENT.to_vec()).unwrap();
        for other in [text.replace("CD35", "CD36"), text.replace("here", "there")] {
            assert_ne!(dedup_material(other.as_bytes()), dedup_material(SENT));
        }
    }
}
