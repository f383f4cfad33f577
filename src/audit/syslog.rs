//! Entries of the log as a SIEM reads them: RFC 5424 messages with structured data, framed by octet counting (RFC 6587
//! section 3.4.1, as RFC 5425 has it), and JSON lines. Pseudonyms stay pseudonyms: nothing is looked up.

use std::fmt::Write as _;

use serde_json::Value;

use super::event::{Event, Outcome};
use crate::value::{Digest, Language};

/// "Log audit" (RFC 5424 section 6.2.1).
const FACILITY: u8 = 13;
/// The name of the structured data; the number is that of examples (RFC 5612), since Pli has none of its own.
const DATA_NAME: &str = "pli@32473";
/// Characters of a name of a parameter, and of a message's kind (RFC 5424 section 6).
const NAME_MAX: usize = 32;

/// An entry on its way out.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ForwardedEntry {
    /// Its index: whoever gets it twice knows it by that.
    pub index: u64,
    /// Its leaf hash.
    pub leaf: Digest,
    /// Its payload, byte for byte.
    pub payload: String,
    /// The same, read.
    pub event: Event,
}

impl ForwardedEntry {
    /// The RFC 5424 message, from this host.
    pub fn syslog(&self, hostname: &str) -> String {
        let severity = match self.event.outcome {
            Outcome::Done | Outcome::Intended => 6,
            Outcome::Refused(_) => 4,
            Outcome::Failed(_) => 3,
        };
        let (action, priority) = (self.event.action, FACILITY * 8 + severity);
        let mut data = format!("[{DATA_NAME} index=\"{}\" leaf=\"{}\"", self.index, self.leaf);
        if let Ok(Value::Object(fields)) = serde_json::from_str(&self.payload) {
            for (name, value) in fields.iter().filter(|(name, _)| *name != "at") {
                parameters(&mut data, name, value);
            }
        }
        data.push(']');
        let kind = &action.code()[..action.code().len().min(NAME_MAX)];
        let label = action.label(Language::En);
        let outcome = self.event.outcome.code();
        format!("<{priority}>1 {} {hostname} pli - {kind} {data} {label}: {outcome}", self.event.at)
    }

    /// The message behind its length.
    pub fn syslog_frame(&self, hostname: &str) -> String {
        let message = self.syslog(hostname);
        format!("{} {message}", message.len())
    }

    /// One line of JSON, its end included.
    pub fn json_line(&self) -> String {
        format!("{{\"index\":{},\"leaf\":\"{}\",\"event\":{}}}\n", self.index, self.leaf, self.payload)
    }
}

/// Fields inside fields have names with dots.
fn parameters(data: &mut String, name: &str, value: &Value) {
    match value {
        Value::Object(fields) => {
            for (inner, value) in fields {
                parameters(data, &format!("{name}.{inner}"), value);
            }
        }
        Value::String(text) => parameter(data, name, text),
        other => parameter(data, name, &other.to_string()),
    }
}

fn parameter(data: &mut String, name: &str, value: &str) {
    let name: String =
        name.chars().filter(|c| c.is_ascii_graphic() && !"=]\"".contains(*c)).take(NAME_MAX).collect();
    // Writing to a text cannot fail.
    let _ = write!(data, " {name}=\"");
    for character in value.chars() {
        if matches!(character, '"' | '\\' | ']') {
            data.push('\\');
        }
        data.push(character);
    }
    data.push('"');
}

#[cfg(test)]
mod tests {
    use super::super::event::{Action, Actor, Object, Origin, RefusalReason};
    use super::*;
    use crate::value::{MailboxId, PersonId, Timestamp, TransferId};

    fn entry() -> ForwardedEntry {
        let object =
            Object::Transfer { transfer: TransferId::new([1; 16]), mailbox: MailboxId::new([2; 16]) };
        let origin = Origin::Web { address: "2001:db8::7".parse().unwrap() };
        let outcome = Outcome::Refused(RefusalReason::NotEntitled);
        let at = Timestamp(1_795_000_000_123);
        let actor = Actor::Person(PersonId::new([3; 16]));
        let event = Event::new(at, actor, Action::AccessRefused, object, outcome, origin);
        let payload = serde_json::to_string(&event).unwrap();
        ForwardedEntry { index: 7, leaf: Digest::of(b"leaf"), payload, event }
    }

    #[test]
    fn a_message_has_the_form_of_rfc_5424() {
        let message = entry().syslog("pli.example");
        let leaf = Digest::of(b"leaf");
        let (ones, twos, threes) = ("01".repeat(16), "02".repeat(16), "03".repeat(16));
        assert_eq!(
            message,
            format!(
                "<108>1 2026-11-18T11:06:40.123Z pli.example pli - transfer.access_refused \
                 [pli@32473 index=\"7\" leaf=\"{leaf}\" action=\"transfer.access_refused\" \
                 actor.person=\"{threes}\" object.transfer.mailbox=\"{twos}\" object.transfer.transfer=\"{ones}\" \
                 origin.web.address=\"2001:db8::7\" outcome.refused=\"not_entitled\" version=\"1\"] \
                 refusal of an access: refused"
            )
        );
        assert_eq!(entry().syslog_frame("pli.example"), format!("{} {message}", message.len()));
    }

    #[test]
    fn what_would_end_a_value_is_escaped() {
        let mut data = String::new();
        parameter(&mut data, "a=b]\" é", "x\"y]z\\é");
        assert_eq!(data, " ab=\"x\\\"y\\]z\\\\é\"");
    }

    #[test]
    fn no_name_is_too_long_and_a_line_of_json_reads_back() {
        for action in Action::ALL {
            assert!(action.code().len() <= NAME_MAX, "{action:?} would be cut");
        }
        let line: Value = serde_json::from_str(&entry().json_line()).unwrap();
        assert_eq!(serde_json::from_value::<Event>(line["event"].clone()).unwrap(), entry().event);
    }
}
