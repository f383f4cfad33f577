//! What the author of a submitted mail asks of the gateway beside the mail itself: by fields of the header, and by a tag
//! in the address of a recipient. Read on the door where people sign in, and nowhere else: in a mail from outside these
//! are fields and addresses like any other.

use super::header::{Fields, field_ranges, split_message};
use super::{Limits, MessageError};
use crate::value::MailAddress;

/// The field that says for how many days what is sent can be opened: `Pli-Validity-Days: 10` (V2).
pub const VALIDITY_FIELD: &str = "Pli-Validity-Days";
/// How every field begins that speaks to the gateway.
const CONTROL_PREFIX: &[u8] = b"pli-";
/// The start of the tag that says the same in a recipient's address: `jeanne.martin+pli-10j@…`, or `+pli-10d`.
const TAG_START: &str = "+pli-";

/// What a mail asks for.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Wishes {
    /// For how many days it can be opened, as it was asked for: `Some(None)` cannot be read.
    pub days: Option<Option<u8>>,
    /// The author is told when it is downloaded: what mail programs call a read receipt (RFC 8098).
    pub tell_downloads: bool,
}

/// Reads what a mail asks for.
pub fn wishes(message: &[u8], limits: &Limits) -> Result<Wishes, MessageError> {
    let fields = Fields::split(split_message(message).0, limits)?;
    let days = fields.has(VALIDITY_FIELD).then(|| fields.text(VALIDITY_FIELD, limits)?.parse().ok());
    Ok(Wishes { days, tell_downloads: fields.has("Disposition-Notification-To") })
}

/// Takes the tag off a recipient's address: the address as it is written to, and the days that the tag asks for.
pub fn untagged(address: &MailAddress) -> (MailAddress, Option<u8>) {
    let tag = address.local().rsplit_once(TAG_START).and_then(|(local, tag)| {
        let days = tag.strip_suffix(['j', 'd', 'J', 'D'])?;
        let is_number = (1..=3).contains(&days.len()) && days.bytes().all(|digit| digit.is_ascii_digit());
        let plain = MailAddress::parse(&format!("{local}@{}", address.domain())).ok()?;
        // More than a byte holds is more than any rule allows.
        is_number.then(|| (plain, days.parse().unwrap_or(u8::MAX)))
    });
    tag.map_or_else(|| (address.clone(), None), |(plain, days)| (plain, Some(days)))
}

/// A submitted mail as it goes on: without what speaks to the gateway, and without `Bcc` (RFC 5322 section 3.6.3), under a
/// trace field of our own (RFC 5321 section 4.4).
pub fn handed_on(message: &[u8], trace: &str) -> Vec<u8> {
    let (section, _) = split_message(message);
    let mut out = trace.as_bytes().to_vec();
    for range in field_ranges(section) {
        let field = &section[range];
        let name = field.split(|byte| *byte == b':').next().unwrap_or_default().trim_ascii_end();
        let is_ours =
            name.get(..CONTROL_PREFIX.len()).is_some_and(|start| start.eq_ignore_ascii_case(CONTROL_PREFIX));
        if !is_ours && !name.eq_ignore_ascii_case(b"bcc") && !name.eq_ignore_ascii_case(b"return-path") {
            out.extend_from_slice(field);
        }
    }
    out.extend_from_slice(&message[section.len()..]);
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    fn address(text: &str) -> MailAddress {
        MailAddress::parse(text).unwrap()
    }

    #[test]
    fn days_are_asked_for_by_a_field() {
        let read = |text: &str| wishes(text.as_bytes(), &Limits::default()).unwrap();
        assert_eq!(read("Subject: x\r\n\r\nPli-Validity-Days: 9\r\n"), Wishes::default());
        assert_eq!(read("pli-validity-days: 12\r\n\r\n").days, Some(Some(12)));
        assert_eq!(read("Pli-Validity-Days: dix\r\n\r\n").days, Some(None));
        assert!(read("Disposition-Notification-To: a@b.example\r\n\r\n").tell_downloads);
    }

    #[test]
    fn days_are_asked_for_by_a_tag_and_other_tags_are_the_recipients_own() {
        for (text, plain, days) in [
            ("jeanne.martin+pli-10j@cd35.example", "jeanne.martin@cd35.example", Some(10)),
            ("jeanne+dossiers+pli-7D@cd35.example", "jeanne+dossiers@cd35.example", Some(7)),
            ("jeanne+pli-999j@cd35.example", "jeanne@cd35.example", Some(255)),
            ("jeanne+pli-10@cd35.example", "jeanne+pli-10@cd35.example", None),
            ("jeanne+pli-j@cd35.example", "jeanne+pli-j@cd35.example", None),
            ("jeanne+dossiers@cd35.example", "jeanne+dossiers@cd35.example", None),
            ("+pli-10j@cd35.example", "+pli-10j@cd35.example", None),
        ] {
            assert_eq!(untagged(&address(text)), (address(plain), days), "{text}");
        }
    }

    #[test]
    fn what_goes_on_keeps_every_byte_but_the_fields_that_are_not_for_its_reader() {
        let sent = b"From: a@b.example\r\nBCC: c@d.example,\r\n e@f.example\r\nPli-Validity-Days: 9\r\nSubject: x\r\n\r\nBcc: text\r\n";
        let told = handed_on(sent, "Received: by pli.example\r\n");
        assert_eq!(told, b"Received: by pli.example\r\nFrom: a@b.example\r\nSubject: x\r\n\r\nBcc: text\r\n");
    }
}
