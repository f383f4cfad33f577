//! Bounces that are no report of RFC 3464: plain text, as old Exchange, qmail, sendmail and home-made systems write it. Only
//! two things are looked for: an enhanced status (RFC 3463), and whether it is a warning or the end.

use super::Limits;
use super::body::transfer_decoded;
use super::kind::{DeliveryAction, RecipientReport};
use super::mime::Structure;

/// How much of the text is looked at.
const LOOKED_AT_BYTES: usize = 16 * 1024;

/// What says that the mail is still tried, in lower case.
const DELAYS: [&str; 12] = [
    "delivery delayed",
    "delivery status notification (delay)",
    "delayed mail",
    "delayed:",
    "still being retried",
    "will keep trying",
    "warning message only",
    "could not send message for past",
    "has not yet been delivered",
    "remise retardée",
    "remise différée",
    "n'a pas encore été remis",
];

/// What an old-style bounce says, if it says something that is understood; a list of one or none.
pub(super) fn old_style(structure: &Structure<'_>, limits: &Limits) -> Vec<RecipientReport> {
    let mut text = structure.fields.text("Subject", limits).unwrap_or_default().to_lowercase();
    if let Some(leaf) = structure.leaves.iter().find(|leaf| leaf.media_type.starts_with("text/")) {
        let bytes = transfer_decoded(leaf, limits);
        let bytes = &bytes[..bytes.len().min(LOOKED_AT_BYTES)];
        text.push('\n');
        text.push_str(&String::from_utf8_lossy(bytes).to_lowercase().replace('’', "'"));
    }
    let is_delay = DELAYS.iter().any(|said| text.contains(said));
    let status = find_status(&text, if is_delay { '4' } else { '5' });
    if !is_delay && status.is_none() {
        return Vec::new();
    }
    let action = if is_delay { DeliveryAction::Delayed } else { DeliveryAction::Failed };
    vec![RecipientReport { address: None, action, status, diagnostic: None }]
}

/// The first enhanced status of this class. An IP address, which has four numbers, is none.
fn find_status(text: &str, class: char) -> Option<String> {
    let words = text.split(|c: char| !c.is_ascii_digit() && c != '.').map(|word| word.trim_matches('.'));
    let mut found = words.filter(|word| {
        let parts: Vec<&str> = word.split('.').collect();
        parts.len() == 3
            && parts[0].len() == 1
            && parts[0].starts_with(class)
            && parts[1..].iter().all(|part| (1..=3).contains(&part.len()))
    });
    found.next().map(str::to_owned)
}
