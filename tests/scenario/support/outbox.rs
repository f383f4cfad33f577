//! The mails that the demo gateway sent: `DIR/outbox/*.eml`, read as a mail program would.

use std::fs;
use std::path::Path;
use std::sync::LazyLock;

use mail_parser::MessageParser;
use regex::Regex;

use super::gateway::{Gateway, path_of};
use super::wait_for;

static LINK: LazyLock<Regex> = LazyLock::new(|| Regex::new(r#"https?://[^\s"'<>]+"#).unwrap());
static CODE: LazyLock<Regex> = LazyLock::new(|| Regex::new(r"\b(\d{4}) ?(\d{4})\b").unwrap());

/// A mail that was sent.
#[derive(Debug, Clone)]
pub struct Mail {
    /// Recipients.
    pub to: Vec<String>,
    /// The subject, decoded.
    pub subject: String,
    /// The Message-ID, without brackets.
    pub id: String,
    /// The text part.
    pub text: String,
    /// The HTML part.
    pub html: String,
    /// The whole, as bytes.
    pub raw: Vec<u8>,
}

impl Mail {
    /// Reads a mail.
    pub fn read(raw: &[u8]) -> Self {
        let message = MessageParser::default().parse(raw).expect("a mail that can be read");
        let to = message.to().into_iter().flat_map(|to| to.iter()).filter_map(|to| to.address());
        Self {
            to: to.map(str::to_owned).collect(),
            subject: message.subject().unwrap_or_default().to_owned(),
            id: message.message_id().unwrap_or_default().to_owned(),
            text: message.body_text(0).unwrap_or_default().into_owned(),
            html: message.body_html(0).unwrap_or_default().into_owned(),
            raw: raw.to_vec(),
        }
    }

    /// The paths on the gateway that its text and its HTML link to.
    pub fn links(&self) -> Vec<String> {
        let both = format!("{}\n{}", self.text, self.html.replace("&amp;", "&"));
        let found =
            LINK.find_iter(&both).map(|link| path_of(link.as_str().trim_end_matches(['.', ',', ')'])));
        let mut links: Vec<String> = found.collect();
        links.sort();
        links.dedup();
        links
    }

    /// The typed code, if it carries one.
    pub fn code(&self) -> Option<String> {
        CODE.captures(&self.text).map(|found| format!("{}{}", &found[1], &found[2]))
    }

    /// A header's raw value.
    pub fn header(&self, name: &str) -> Option<String> {
        let message = MessageParser::default().parse(&self.raw)?;
        message.header_raw(name).map(|value| value.trim().to_owned())
    }
}

/// All mails that were sent until now, oldest first. Those to the security officer are left out: a daily mail and alerts
/// come when the hour of the machine says so.
pub fn all(gateway: &Gateway) -> Vec<Mail> {
    let officer = gateway.facts().officer().address;
    let mut mails = read_folder(&gateway.dir().join("outbox"));
    mails.retain(|mail| !mail.to.contains(&officer));
    mails
}

/// All mails of a folder, oldest first.
fn read_folder(folder: &Path) -> Vec<Mail> {
    let entries = fs::read_dir(folder).into_iter().flatten().flatten().map(|entry| entry.path());
    let mut paths: Vec<_> =
        entries.filter(|path| path.extension().is_some_and(|extension| extension == "eml")).collect();
    paths.sort_by_key(|path| (path.metadata().and_then(|about| about.modified()).ok(), path.clone()));
    paths.iter().filter_map(|path| fs::read(path).ok()).map(|raw| Mail::read(&raw)).collect()
}

/// Waits for the first mail to this address that fits.
pub fn wait(gateway: &Gateway, to: &str, what: &str, fits: impl Fn(&Mail) -> bool) -> Mail {
    wait_for(&format!("a mail to {to}: {what}"), || {
        all(gateway).into_iter().find(|mail| mail.to.iter().any(|known| known == to) && fits(mail))
    })
}
