//! The header section of a message or of a part (RFC 5322 section 2.2): found, counted and bounded here, and
//! decoded field by field by mail-parser. Only the fields that someone asks for are decoded.
//!
//! It decides nothing about a message: see `kind`.

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;
use mail_parser::{Address, ContentType, HeaderValue};

use super::{Limits, MessageError};
use crate::value::{MailAddress, Timestamp};

/// One field: its name, and its value as it stands, folding included.
#[derive(Debug, Clone, Copy)]
struct Field<'x> {
    name: &'x [u8],
    value: &'x [u8],
}

/// The fields of a header section, in order.
#[derive(Debug, Clone, Default)]
pub(super) struct Fields<'x>(Vec<Field<'x>>);

impl<'x> Fields<'x> {
    /// Splits a header section. A line that is no field (an mbox `From ` line, say) is passed over.
    pub fn split(section: &'x [u8], limits: &Limits) -> Result<Self, MessageError> {
        if section.len() > limits.header_bytes {
            return Err(MessageError::HeaderTooLarge { limit: limits.header_bytes, actual: section.len() });
        }
        let mut fields = Vec::new();
        for range in field_ranges(section) {
            let line = &section[range];
            let Some(colon) = line.iter().position(|byte| *byte == b':') else { continue };
            let name = line[..colon].trim_ascii_end();
            if name.is_empty() || !name.iter().all(u8::is_ascii_graphic) {
                continue;
            }
            fields.push(Field { name, value: &line[colon + 1..] });
            if fields.len() > limits.header_fields {
                return Err(MessageError::TooManyFields { limit: limits.header_fields });
            }
        }
        Ok(Self(fields))
    }

    /// Whether there is no field at all.
    pub fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    fn all(&self, name: &str) -> impl Iterator<Item = &'x [u8]> {
        self.0.iter().filter(move |f| f.name.eq_ignore_ascii_case(name.as_bytes())).map(|f| f.value)
    }

    /// Whether there is such a field.
    pub fn has(&self, name: &str) -> bool {
        self.all(name).next().is_some()
    }

    /// How many such fields there are.
    pub fn count(&self, name: &str) -> usize {
        self.all(name).count()
    }

    /// The first such field as text: unfolded, encoded words decoded (RFC 2047), trimmed.
    pub fn text(&self, name: &str, limits: &Limits) -> Option<String> {
        let value = bounded(self.all(name).next()?, limits);
        MessageStream::new(&value)
            .parse_unstructured()
            .into_text()
            .map(|text| text.trim().to_owned())
            .filter(|text| !text.is_empty())
    }

    /// The first word of the first such field, in lower case, without its parameters and comments.
    pub fn token(&self, name: &str, limits: &Limits) -> Option<String> {
        let text = self.text(name, limits)?;
        let word = text.split([';', '(', ' ', '\t']).find(|word| !word.is_empty())?;
        Some(word.to_ascii_lowercase())
    }

    /// The message ids of the first such field, without angle brackets.
    pub fn ids(&self, name: &str, limits: &Limits) -> Vec<String> {
        let Some(value) = self.all(name).next() else { return Vec::new() };
        let value = bounded(value, limits);
        let decoded = MessageStream::new(&value).parse_id().into_text_list().unwrap_or_default();
        decoded.into_iter().take(limits.message_ids).map(Cow::into_owned).collect()
    }

    /// The only address of the only such field: two senders are no sender (RFC 5322 section 3.6.2 allows
    /// several authors; a deposit has one).
    pub fn single_address(&self, name: &str, limits: &Limits) -> Option<MailAddress> {
        let mut values = self.all(name);
        let (Some(value), None) = (values.next(), values.next()) else { return None };
        let value = bounded(value, limits);
        let HeaderValue::Address(Address::List(list)) = MessageStream::new(&value).parse_address() else {
            return None;
        };
        match list.as_slice() {
            [only] => MailAddress::parse(only.address.as_deref()?).ok(),
            _ => None,
        }
    }

    /// The addresses of all such fields, groups taken apart; what is no address is passed over.
    pub fn addresses(&self, names: &[&str], limits: &Limits) -> Vec<MailAddress> {
        let values = names.iter().flat_map(|name| self.all(name));
        let mut found = Vec::new();
        for value in values {
            let value = bounded(value, limits);
            if let HeaderValue::Address(addresses) = MessageStream::new(&value).parse_address() {
                let parsed = addresses.iter().filter_map(|one| MailAddress::parse(one.address()?).ok());
                found.extend(parsed.take(limits.recipients - found.len()));
            }
        }
        found
    }

    /// The first such field as an instant.
    pub fn date(&self, name: &str, limits: &Limits) -> Option<Timestamp> {
        let value = bounded(self.all(name).next()?, limits);
        let date = MessageStream::new(&value).parse_date().into_datetime()?;
        date.is_valid().then(|| Timestamp(date.to_timestamp().saturating_mul(1000)))
    }

    /// `Content-Type` or `Content-Disposition`, parameters decoded (RFC 2231, and the encoded words that many
    /// programs write instead).
    pub fn structured(&self, name: &str, limits: &Limits) -> Option<ContentType<'static>> {
        let value = bounded(self.all(name).next()?, limits);
        MessageStream::new(&value).parse_content_type().into_owned().into_content_type()
    }
}

/// One value, ready for a decoder. A value beyond the limit is decoded as far as the limit: the decoder of
/// encoded words takes quadratic time on hostile input.
fn bounded(value: &[u8], limits: &Limits) -> Vec<u8> {
    let mut bounded = value[..value.len().min(limits.field_bytes)].trim_ascii_end().to_vec();
    bounded.extend_from_slice(b"\r\n");
    bounded
}

/// The ranges of the fields of a header section, each with its folded lines and line end.
pub(super) fn field_ranges(section: &[u8]) -> impl Iterator<Item = std::ops::Range<usize>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at;
        while at < section.len() {
            at = line_end(section, at);
            if !matches!(section.get(at), Some(b' ' | b'\t')) {
                break;
            }
        }
        (start < at).then_some(start..at)
    })
}

/// Where the header section that starts a message ends and where its body starts.
pub(super) fn split_message(bytes: &[u8]) -> (&[u8], &[u8]) {
    let mut at = 0;
    while at < bytes.len() {
        let end = line_end(bytes, at);
        if is_blank(&bytes[at..end]) {
            return (&bytes[..at], &bytes[end..]);
        }
        at = end;
    }
    (bytes, &[])
}

/// The offset after the line that starts at `start`.
pub(super) fn line_end(bytes: &[u8], start: usize) -> usize {
    bytes[start..].iter().position(|byte| *byte == b'\n').map_or(bytes.len(), |at| start + at + 1)
}

/// Whether a line holds nothing but its line end.
pub(super) fn is_blank(line: &[u8]) -> bool {
    matches!(line, b"\r\n" | b"\n")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn fields(section: &[u8]) -> Fields<'_> {
        Fields::split(section, &Limits::default()).unwrap()
    }

    #[test]
    fn folded_and_encoded_fields_read_as_one_text() {
        let found = fields(
            b"From - Sat Nov 21\r\nSUBJECT : =?utf-8?q?Demande?=\r\n =?iso-8859-1?Q?_urgente_=E9?=\r\nX: y\r\n",
        );
        assert_eq!(found.text("Subject", &Limits::default()).unwrap(), "Demande urgente é");
        assert!(found.has("x") && !found.has("From"));
    }

    #[test]
    fn two_authors_are_no_author() {
        let limits = Limits::default();
        let one = fields(b"From: =?utf-8?q?L=C3=A9a?= <Lea.Petit@ccas.example>\r\n");
        assert_eq!(one.single_address("from", &limits).unwrap().to_string(), "lea.petit@ccas.example");
        for text in [
            &b"From: a@b.example, c@d.example\r\n"[..],
            b"From: a@b.example\r\nFrom: c@d.example\r\n",
            b"From: group: a@b.example;\r\n",
            b"From: nobody\r\n",
        ] {
            assert_eq!(fields(text).single_address("From", &limits), None);
        }
    }

    #[test]
    fn limits_refuse_with_what_was_found() {
        let limits = Limits { header_bytes: 10, header_fields: 2, ..Limits::default() };
        let refused = Fields::split(b"A: 1\r\nB: 2\r\n", &limits).unwrap_err();
        assert_eq!(refused, MessageError::HeaderTooLarge { limit: 10, actual: 12 });
        let refused = Fields::split(b"A:\nB:\nC:\n", &limits).unwrap_err();
        assert_eq!(refused, MessageError::TooManyFields { limit: 2 });
    }
}
