//! What the demonstration tells of itself: `demo.json` for programs, a table for people, the line that says that it is
//! ready. The shape of `demo.json` and of that line is relied on from outside.

use std::fmt::Write as _;
use std::path::Path;
use std::sync::Arc;

use serde::Serialize;

use super::DemoError;
use super::files::write_whole;
use super::people::DemoPassword;
use super::world::{DEPOSITORS, ORGANISATION};
use crate::app::App;
use crate::app::ports::List;
use crate::identity::{Account, Partner, Role};
use crate::mailbox::{Custody, MailboxKind};
use crate::serve::Doors;

const FILE: &str = "demo.json";
const LIST_MAX: usize = 1000;

/// `demo.json`.
#[derive(Debug, Clone, Serialize)]
pub struct Described {
    /// Where the pages are, without a slash at the end.
    pub http: String,
    /// Where mail is taken, `host:port`.
    pub smtp: String,
    /// The mailboxes.
    pub mailboxes: Vec<DescribedMailbox>,
    /// The partners.
    pub partners: Vec<DescribedPartner>,
    /// Who signs in.
    pub people: Vec<DescribedPerson>,
    /// The log.
    pub audit: DescribedLog,
}

/// A mailbox.
#[derive(Debug, Clone, Serialize)]
pub struct DescribedMailbox {
    /// Takes deposits by mail.
    pub deposit_address: String,
    /// Gets the notices.
    pub notice_address: String,
    /// The deposit page; none for an agency's mailbox.
    pub page: Option<String>,
    /// Who can open what it holds.
    pub custody: Custody,
    /// What it is for.
    pub kind: MailboxKind,
    /// Its name, for the table and the pages.
    #[serde(skip)]
    pub name: String,
}

/// A partner.
#[derive(Debug, Clone, Serialize)]
pub struct DescribedPartner {
    /// Its name.
    pub name: String,
    /// The domain of its addresses.
    pub domain: String,
    /// Addresses that may deposit.
    pub addresses: Vec<String>,
}

/// A person who signs in.
#[derive(Debug, Clone, Serialize)]
pub struct DescribedPerson {
    /// `agent`, `gestionnaire` or `security_officer`.
    pub role: Role,
    /// Signs in.
    pub address: String,
    /// The password.
    pub password: String,
    /// The deposit addresses of the mailboxes that the person reads.
    pub mailboxes: Vec<String>,
}

/// The log.
#[derive(Debug, Clone, Serialize)]
pub struct DescribedLog {
    /// Verifies it, `name+id+base64`.
    pub public_key: String,
}

impl Described {
    /// The world as the gateway holds it.
    pub async fn of(app: &Arc<App>, passwords: &[DemoPassword], doors: &Doors) -> Result<Self, DemoError> {
        let http = format!("http://{}", doors.http.address);
        let mut mailboxes = app.mailboxes().await?;
        mailboxes.sort_by_key(|mailbox| (!mailbox.takes_deposits(), mailbox.slug.to_string()));
        let accounts: Vec<(Account, u64)> = app.read_list(&List::Accounts, LIST_MAX).await?;
        let partners: Vec<(Partner, u64)> = app.read_list(&List::Partners, LIST_MAX).await?;
        let person = |kept: &DemoPassword| {
            let (account, _) =
                accounts.iter().find(|(account, _)| account.address.to_string() == kept.address)?;
            let reads = mailboxes.iter().filter(|mailbox| account.mailboxes.contains(&mailbox.id));
            Some(DescribedPerson {
                role: account.role,
                address: kept.address.clone(),
                password: kept.password.clone(),
                mailboxes: reads.map(|mailbox| mailbox.deposit_address.to_string()).collect(),
            })
        };
        Ok(Self {
            people: passwords.iter().filter_map(person).collect(),
            mailboxes: mailboxes
                .iter()
                .map(|mailbox| DescribedMailbox {
                    deposit_address: mailbox.deposit_address.to_string(),
                    notice_address: mailbox.notice_address.to_string(),
                    page: mailbox
                        .takes_deposits()
                        .then(|| format!("{http}/depot/{ORGANISATION}/{}", mailbox.slug)),
                    custody: mailbox.key.custody,
                    kind: mailbox.kind,
                    name: mailbox.name.clone(),
                })
                .collect(),
            partners: partners.iter().map(|(partner, _)| described_partner(partner)).collect(),
            audit: DescribedLog { public_key: app.log_key()?.to_string() },
            smtp: doors.smtp.address.clone(),
            http,
        })
    }

    /// Writes `demo.json`.
    pub fn write(&self, directory: &Path) -> Result<(), DemoError> {
        let path = directory.join(FILE);
        let text = serde_json::to_vec_pretty(self).map_err(|_| DemoError::Name)?;
        write_whole(&path, &text, 0o600).map_err(DemoError::file(&path))
    }

    /// The table for people.
    pub fn table(&self) -> String {
        let mut text = format!(
            "\nPli, démonstration : {}/demo\n\nDéposer (ou par courriel à {})\n",
            self.http, self.smtp
        );
        for mailbox in &self.mailboxes {
            let page = mailbox.page.as_deref().unwrap_or("(boîte d'agence)");
            // Writing into a String does not fail.
            let _ = writeln!(text, "  {:<22} {:<36} {page}", mailbox.name, mailbox.deposit_address);
        }
        let _ = writeln!(text, "\nAdresses qui peuvent déposer\n  {}", DEPOSITORS.join("\n  "));
        let _ = writeln!(text, "\nSe connecter : {}/connexion", self.http);
        for person in &self.people {
            let role = match person.role {
                Role::Agent => "agent",
                Role::Gestionnaire => "gestionnaire",
                Role::Technicien => "technicien",
                Role::Administrator => "administrateur des droits",
                Role::SecurityOfficer => "officier de sécurité",
            };
            let _ = writeln!(text, "  {role:<25} {:<44} {}", person.address, person.password);
        }
        let _ = writeln!(text, "\nCourriels envoyés : {}/demo/mail · Ctrl-C pour arrêter\n", self.http);
        text
    }

    /// The line that says that the gateway answers.
    pub fn ready_line(&self) -> String {
        format!("ready http={} smtp={}", self.http, self.smtp)
    }
}

fn described_partner(partner: &Partner) -> DescribedPartner {
    let sites = partner.sites.iter().map(|site| site.mailbox.to_string());
    let of_partner = |address: &&&str| {
        address
            .split_once('@')
            .is_some_and(|(_, domain)| partner.domains.iter().any(|known| known.as_str() == domain))
    };
    let mut addresses: Vec<String> =
        DEPOSITORS.iter().filter(of_partner).map(|address| (*address).to_owned()).chain(sites).collect();
    let mut seen = std::collections::BTreeSet::new();
    addresses.retain(|address| seen.insert(address.clone()));
    DescribedPartner {
        name: partner.name.clone(),
        domain: partner.domains.first().map(ToString::to_string).unwrap_or_default(),
        addresses,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn demo_json_has_the_shape_that_others_rely_on() {
        let described = Described {
            http: "http://localhost:8080".into(),
            smtp: "localhost:2525".into(),
            mailboxes: vec![DescribedMailbox {
                deposit_address: "a@pli.example".into(),
                notice_address: "a@carsat.example".into(),
                page: None,
                custody: Custody::Gateway,
                kind: MailboxKind::Agency,
                name: "A".into(),
            }],
            partners: vec![DescribedPartner {
                name: "P".into(),
                domain: "p.example".into(),
                addresses: vec!["x@p.example".into()],
            }],
            people: vec![DescribedPerson {
                role: Role::SecurityOfficer,
                address: "s@carsat.example".into(),
                password: "secret".into(),
                mailboxes: vec![],
            }],
            audit: DescribedLog { public_key: "pli+0+x".into() },
        };
        let expected = json!({
            "http": "http://localhost:8080",
            "smtp": "localhost:2525",
            "mailboxes": [{
                "deposit_address": "a@pli.example",
                "notice_address": "a@carsat.example",
                "page": null,
                "custody": "gateway",
                "kind": "agency",
            }],
            "partners": [{ "name": "P", "domain": "p.example", "addresses": ["x@p.example"] }],
            "people": [{
                "role": "security_officer",
                "address": "s@carsat.example",
                "password": "secret",
                "mailboxes": [],
            }],
            "audit": { "public_key": "pli+0+x" },
        });
        assert_eq!(serde_json::to_value(&described).unwrap(), expected);
        assert_eq!(described.ready_line(), "ready http=http://localhost:8080 smtp=localhost:2525");
    }
}
