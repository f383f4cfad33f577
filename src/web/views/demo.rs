//! The pages of the demonstration: the guide to the walk, the clock, the mails that were "sent". They exist in demo
//! mode alone.

use askama::Template;

use super::Frame;
use crate::value::Timestamp;

/// `GET /demo`.
#[derive(Debug, Clone, Template)]
#[template(path = "demo.html")]
pub struct DemoGuidePage {
    /// What stands around.
    pub frame: Frame,
    /// The mailboxes.
    pub mailboxes: Vec<DemoMailbox>,
    /// Addresses that may deposit.
    pub depositors: Vec<String>,
    /// The people who can sign in.
    pub people: Vec<DemoPerson>,
    /// How many mails there are to read.
    pub mails: u32,
}

/// A mailbox of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoMailbox {
    /// Its name.
    pub name: String,
    /// The path of its deposit page, for a generic mailbox.
    pub page: Option<String>,
    /// The address that takes deposits by mail.
    pub address: String,
}

/// A person of the demonstration.
#[derive(Debug, Clone)]
pub struct DemoPerson {
    /// What the person does.
    pub role: DemoRole,
    /// The address to sign in with.
    pub address: String,
    /// The password; the person is not real.
    pub password: String,
    /// The names of the mailboxes that the person reads.
    pub mailboxes: Vec<String>,
}

/// What a person of the demonstration does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum DemoRole {
    /// Reads a mailbox.
    Agent,
    /// Keeps the accounts of a structure.
    Manager,
    /// Deposits for a structure.
    Technicien,
    /// Appoints gestionnaires.
    Administrator,
    /// Reads the log.
    Officer,
}

/// `GET /demo/mail`.
#[derive(Debug, Clone, Template)]
#[template(path = "demo_mails.html")]
pub struct DemoMailListPage {
    /// What stands around.
    pub frame: Frame,
    /// The mails, the latest first.
    pub mails: Vec<DemoMail>,
}

/// A mail that the gateway sent.
#[derive(Debug, Clone)]
pub struct DemoMail {
    /// What `/demo/mail/{id}` names it by.
    pub id: String,
    /// Whom it went to.
    pub to: String,
    /// Whom it came from.
    pub from: String,
    /// Its subject, decoded.
    pub subject: String,
    /// When it was sent.
    pub sent: Timestamp,
}

/// `GET /demo/mail/{id}`.
#[derive(Debug, Clone, Template)]
#[template(path = "demo_mail.html")]
pub struct DemoMailPage {
    /// What stands around.
    pub frame: Frame,
    /// The mail.
    pub mail: DemoMail,
    /// Whether it has an HTML part, which `/demo/mail/{id}/html` gives.
    pub has_html: bool,
    /// Its text part.
    pub text: String,
    /// Its bytes, as text.
    pub raw: String,
}

impl DemoGuidePage {
    fn role(&self, person: &DemoPerson) -> &'static str {
        let t = &self.frame.t().demo;
        match person.role {
            DemoRole::Agent => t.role_agent,
            DemoRole::Manager => t.role_manager,
            DemoRole::Technicien => t.role_technicien,
            DemoRole::Administrator => t.role_administrator,
            DemoRole::Officer => t.role_officer,
        }
    }

    fn first_page(&self) -> &str {
        self.mailboxes.iter().find_map(|mailbox| mailbox.page.as_deref()).unwrap_or("/")
    }
}

impl DemoMailPage {
    /// The text cut into words for reading and links for following, each with whether it is a link.
    fn text_pieces(&self) -> Vec<(bool, &str)> {
        let mut pieces = Vec::new();
        let mut rest = self.text.as_str();
        while let Some(start) = link_start(rest) {
            let end = rest[start..].find(|c: char| c.is_whitespace() || "<>\"".contains(c));
            let end = end.map_or(rest.len(), |length| start + length);
            pieces.push((false, &rest[..start]));
            pieces.push((true, &rest[start..end]));
            rest = &rest[end..];
        }
        pieces.push((false, rest));
        pieces
    }
}

fn link_start(text: &str) -> Option<usize> {
    [text.find("http://"), text.find("https://")].into_iter().flatten().min()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_starts_at_its_scheme_whichever_comes_first() {
        assert_eq!(link_start("à https://a.example puis http://b.example"), Some("à ".len()));
        assert_eq!(link_start("rien"), None);
    }
}
