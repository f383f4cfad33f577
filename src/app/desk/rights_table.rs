//! Rights as a table for a spreadsheet (RFC 4180): one line for each account and mailbox, and for each agreement.

use super::export::row;
use super::rights::{AccountRights, AgreementRights, RightsPage};
use crate::value::{Language, Timestamp, calendar};

/// The whole table, in UTF-8 with its mark.
pub fn rights_table(page: &RightsPage, language: Language) -> String {
    let head = match language {
        Language::Fr => [
            "nature",
            "qui",
            "pseudonyme",
            "rôle",
            "état",
            "boîte",
            "depuis",
            "dernière connexion",
            "écart avec le journal",
        ],
        Language::En => [
            "kind",
            "who",
            "pseudonym",
            "role",
            "state",
            "mailbox",
            "since",
            "last sign-in",
            "differs from the log",
        ],
    };
    let mut table = format!("\u{feff}{}", row(&head.map(str::to_owned)));
    for account in &page.accounts {
        for line in account_lines(account, language) {
            table.push_str(&row(&line));
        }
    }
    for agreement in &page.agreements {
        table.push_str(&row(&agreement_line(agreement, language)));
    }
    table
}

fn account_lines(account: &AccountRights, language: Language) -> Vec<Vec<String>> {
    let say = |fr: &str, en: &str| if language == Language::Fr { fr.to_owned() } else { en.to_owned() };
    let named = account.named.as_ref();
    let line = |mailbox: &str, since: Option<Timestamp>| {
        vec![
            say("compte", "account"),
            named.map_or_else(|| account.account.to_string(), super::names::Named::in_full),
            named.map(|named| named.person.to_string()).unwrap_or_default(),
            account.role.map(|role| role.label(language).to_owned()).unwrap_or_default(),
            if account.is_active { say("actif", "active") } else { say("coupé", "cut off") },
            mailbox.to_owned(),
            instant(since, language),
            instant(account.last_sign_in, language),
            if account.differs { say("oui", "yes") } else { String::new() },
        ]
    };
    if account.mailboxes.is_empty() {
        return vec![line("", account.since)];
    }
    account.mailboxes.iter().map(|member| line(&member.mailbox, member.since)).collect()
}

fn agreement_line(agreement: &AgreementRights, language: Language) -> Vec<String> {
    let say = |fr: &str, en: &str| if language == Language::Fr { fr.to_owned() } else { en.to_owned() };
    vec![
        say("convention", "agreement"),
        agreement.partner.clone(),
        String::new(),
        agreement.listed.map_or_else(|| say("domaine", "domain"), |count| count.to_string()),
        if agreement.is_open { say("dépôt possible", "open") } else { say("dépôt impossible", "closed") },
        agreement.mailbox.clone(),
        instant(Some(agreement.changed_at), language),
        String::new(),
        String::new(),
    ]
}

fn instant(at: Option<Timestamp>, language: Language) -> String {
    at.map(|at| calendar::precise(at, language)).unwrap_or_default()
}
