//! What kind of mail a message is (RFC 3834, RFC 3464, RFC 2919): only an ordinary mail can be a deposit, and
//! none of the others is ever acknowledged (invariant 10).
//!
//! It looks at what the sender wrote, so it protects against loops, not against liars.

use super::body::transfer_decoded;
use super::header::{Fields, split_message};
use super::mime::{Leaf, Structure};
use super::old_bounce::old_style;
use super::{Limits, MessageError};
use crate::value::MailAddress;

/// The longest diagnostic text that is kept, in characters.
const DIAGNOSTIC_MAX_CHARS: usize = 500;

/// Fields whose mere presence marks an automatic answer, by the programs that write them.
const AUTO_REPLY_FIELDS: [&str; 6] = [
    "X-Autoreply",
    "X-Auto-Reply",
    "X-Autorespond",
    "X-Autoresponder",
    "X-AutoReply-From",
    "X-Mail-Autoreply",
];

/// How an automatic answer's subject starts, in lower case; counts only on a mail that answers another one.
const AUTO_REPLY_SUBJECTS: [&str; 12] = [
    "réponse automatique",
    "reponse automatique",
    "absence du bureau",
    "absent du bureau",
    "message d'absence",
    "message d’absence",
    "notification d'absence",
    "automatic reply",
    "auto-reply",
    "autoreply",
    "out of office",
    "abwesenheitsnotiz",
];

/// What kind of mail a message is.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum MailKind {
    /// Written by a program on its own account: notifications, read receipts, bulk mail.
    AutomaticGenerated,
    /// An automatic answer: out of office, a ticket system's acknowledgement.
    AutomaticReply,
    /// A delivery report on a mail that was sent from here.
    Bounce(BounceReport),
    /// Came through a mailing list.
    ListMail,
    /// Written by a person, as far as one can see.
    Ordinary,
}

/// What a delivery report says (RFC 3464). A report in no known form is empty.
#[derive(Debug, Clone, PartialEq, Eq, Default)]
pub struct BounceReport {
    /// The `Message-ID` of the mail that came back, without angle brackets.
    pub original_message_id: Option<String>,
    /// What became of it, recipient by recipient.
    pub recipients: Vec<RecipientReport>,
}

/// The fields of one recipient (RFC 3464 section 2.3).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RecipientReport {
    /// `Original-Recipient` where there is one, else `Final-Recipient`; `None` if it is no address.
    pub address: Option<MailAddress>,
    /// `Action`.
    pub action: DeliveryAction,
    /// `Status`, an enhanced status code such as `5.1.1` (RFC 3463).
    pub status: Option<String>,
    /// `Diagnostic-Code`, one line, cut to 500 characters. Words of a stranger: never shown as our own.
    pub diagnostic: Option<String>,
}

/// `Action` of a recipient (RFC 3464 section 2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DeliveryAction {
    /// Still being tried.
    Delayed,
    /// Arrived.
    Delivered,
    /// Given to several, of whom no more will be heard.
    Expanded,
    /// Will not arrive.
    Failed,
    /// Given on to a system that reports nothing.
    Relayed,
    /// Not said, or not a word of the standard.
    Unknown,
}

/// Says what kind of mail this is. `envelope_sender` is `None` for the null sender.
pub(super) fn classify(
    structure: &Structure<'_>,
    envelope_sender: Option<&MailAddress>,
    limits: &Limits,
) -> MailKind {
    let fields = &structure.fields;
    if let Some(kind) = report_kind(structure, limits) {
        return kind;
    }
    if is_automatic_reply(fields, limits) {
        return MailKind::AutomaticReply;
    }
    if envelope_sender.is_none() {
        return MailKind::Bounce(BounceReport {
            original_message_id: answered(fields, limits),
            recipients: old_style(structure, limits),
        });
    }
    if is_list_mail(fields, limits) {
        return MailKind::ListMail;
    }
    if is_generated(fields, limits) {
        return MailKind::AutomaticGenerated;
    }
    MailKind::Ordinary
}

/// multipart/report (RFC 6522): a delivery report, or another one such as a read receipt (RFC 8098).
fn report_kind(structure: &Structure<'_>, limits: &Limits) -> Option<MailKind> {
    let content_type = structure.content_type.as_ref()?;
    let is_report = content_type.c_type.eq_ignore_ascii_case("multipart")
        && content_type.c_subtype.as_deref().is_some_and(|s| s.eq_ignore_ascii_case("report"));
    if !is_report {
        return None;
    }
    let status = structure.leaves.iter().find(|leaf| {
        matches!(leaf.media_type.as_str(), "message/delivery-status" | "message/global-delivery-status")
    });
    let Some(status) = status else { return Some(MailKind::AutomaticGenerated) };
    Some(MailKind::Bounce(BounceReport {
        original_message_id: returned_message_id(structure, limits),
        recipients: recipients(status, limits).unwrap_or_default(),
    }))
}

/// The groups of fields of a delivery-status part; the first speaks of the message, the others of one recipient each.
fn recipients(status: &Leaf<'_>, limits: &Limits) -> Result<Vec<RecipientReport>, MessageError> {
    let bytes = transfer_decoded(status, limits);
    let mut rest = bytes.trim_ascii_start();
    let mut reports = Vec::new();
    while !rest.is_empty() && reports.len() < limits.reported_recipients {
        let (group, after) = split_message(rest);
        let fields = Fields::split(group, limits)?;
        if fields.has("Final-Recipient") || fields.has("Action") {
            reports.push(recipient(&fields, limits));
        }
        rest = after.trim_ascii_start();
    }
    Ok(reports)
}

fn recipient(fields: &Fields<'_>, limits: &Limits) -> RecipientReport {
    let address = |name| {
        let text = fields.text(name, limits)?;
        let (_, address) = text.split_once(';')?;
        MailAddress::parse(address.trim().trim_matches(['<', '>'])).ok()
    };
    let diagnostic = fields
        .text("Diagnostic-Code", limits)
        .map(|text| text.chars().filter(|c| !c.is_control()).take(DIAGNOSTIC_MAX_CHARS).collect::<String>());
    RecipientReport {
        address: address("Original-Recipient").or_else(|| address("Final-Recipient")),
        action: action(fields.token("Action", limits).as_deref()),
        status: fields.token("Status", limits).filter(|s| s.len() <= 11 && s.contains('.')),
        diagnostic,
    }
}

fn action(token: Option<&str>) -> DeliveryAction {
    match token {
        Some("delayed") => DeliveryAction::Delayed,
        Some("delivered") => DeliveryAction::Delivered,
        Some("expanded") => DeliveryAction::Expanded,
        Some("failed") => DeliveryAction::Failed,
        Some("relayed") => DeliveryAction::Relayed,
        _ => DeliveryAction::Unknown,
    }
}

/// The returned message, whole or its header section alone (RFC 6522 section 4).
fn returned_message_id(structure: &Structure<'_>, limits: &Limits) -> Option<String> {
    let returned = structure.leaves.iter().rev().find(|leaf| {
        matches!(
            leaf.media_type.as_str(),
            "message/rfc822"
                | "message/global"
                | "text/rfc822-headers"
                | "message/rfc822-headers"
                | "message/global-headers"
        )
    })?;
    let bytes = transfer_decoded(returned, limits);
    let fields = Fields::split(split_message(&bytes).0, limits).ok()?;
    fields.ids("Message-ID", limits).into_iter().next()
}

/// What a mail says that it answers.
fn answered(fields: &Fields<'_>, limits: &Limits) -> Option<String> {
    let mut ids = fields.ids("In-Reply-To", limits);
    ids.extend(fields.ids("References", limits).into_iter().rev());
    ids.into_iter().next()
}

fn is_automatic_reply(fields: &Fields<'_>, limits: &Limits) -> bool {
    let token = |name| fields.token(name, limits);
    token("Auto-Submitted").as_deref() == Some("auto-replied")
        || AUTO_REPLY_FIELDS.iter().any(|name| token(name).is_some_and(|value| value != "no"))
        || matches!(token("Precedence").as_deref(), Some("auto_reply" | "auto-reply"))
        || token("X-POST-MessageClass").is_some_and(|class| class.starts_with('9'))
        || has_automatic_subject(fields, limits)
}

/// Exchange marks an out-of-office answer as `auto-generated` and says the rest in the subject.
fn has_automatic_subject(fields: &Fields<'_>, limits: &Limits) -> bool {
    let is_marked = fields.token("Auto-Submitted", limits).is_some_and(|value| value != "no");
    let is_answer = is_marked || fields.has("In-Reply-To") || fields.has("References");
    let subject = fields.text("Subject", limits).unwrap_or_default().to_lowercase();
    is_answer && AUTO_REPLY_SUBJECTS.iter().any(|start| subject.starts_with(start))
}

fn is_list_mail(fields: &Fields<'_>, limits: &Limits) -> bool {
    fields.has("List-Id")
        || fields.has("List-Post")
        || fields.token("Precedence", limits).as_deref() == Some("list")
}

fn is_generated(fields: &Fields<'_>, limits: &Limits) -> bool {
    fields.token("Auto-Submitted", limits).is_some_and(|value| value != "no")
        || matches!(fields.token("Precedence", limits).as_deref(), Some("bulk" | "junk"))
        || fields.has("X-FC-MachineGenerated")
}
