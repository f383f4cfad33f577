//! The file of a partnership agreement (`policies/agreements/*.toml`): which partner may deposit into which mailboxes, from
//! when to when, who is answered and by when, what is open to the partner (D3, D11, T5, P6). Read and checked here; what it
//! changes is decided where it is imported.

use std::collections::BTreeSet;

use serde::Deserialize;
use thiserror::Error;

use super::deadline::{Counting, Deadline, DeadlineError, Length};
use super::holidays::Region;
use crate::value::{Day, Domain, MailAddress, Slug};

/// Bytes of a file.
pub const FILE_MAX_BYTES: usize = 32 * 1024;
/// Mailboxes of one agreement.
const MAILBOXES_MAX: usize = 50;
/// The longest time within which a partner is told of a breach, in hours.
const BREACH_HOURS_MAX: u32 = 30 * 24;
/// Characters of a name or title.
const NAME_MAX_CHARS: usize = 200;
/// Forms that are open on one mailbox.
const FORMS_MAX: usize = 20;
/// Rows of one mailbox's routing table.
const ROUTES_MAX: usize = 50;

/// Why the file is refused. Who wrote it must act.
#[derive(Debug, Error)]
pub enum AgreementFileError {
    /// Larger than any agreement.
    #[error("an agreement's file has {limit} bytes at most, not {actual}")]
    TooLarge {
        /// Bytes allowed.
        limit: usize,
        /// Bytes given.
        actual: usize,
    },
    /// Not the expected keys and values.
    #[error("{0}")]
    Syntax(#[from] toml::de::Error),
    /// A value that is none of its kind.
    #[error("{key}: {value:?} is not {what}")]
    Value {
        /// The key in the file.
        key: &'static str,
        /// What it says.
        value: String,
        /// What it should be.
        what: &'static str,
    },
    /// A number out of its range.
    #[error("{key}: 1 to {limit}, not {actual}")]
    Range {
        /// The key in the file.
        key: &'static str,
        /// The largest.
        limit: usize,
        /// What it says.
        actual: usize,
    },
    /// A deadline that is none.
    #[error("{key}: {source}")]
    Deadline {
        /// The key in the file.
        key: &'static str,
        /// Why.
        source: DeadlineError,
    },
    /// Two tables speak of one mailbox.
    #[error("two tables speak of the mailbox {slug}")]
    Twice {
        /// Its slug.
        slug: Slug,
    },
    /// An address outside the partner's domains (P3).
    #[error("{address} is in none of the partner's domains")]
    OutsideDomains {
        /// The address.
        address: MailAddress,
    },
    /// A routing table without a form whose codes it could go by.
    #[error("the mailbox {slug}: `route` goes by what a form says, and no form is open")]
    RoutesWithoutForms {
        /// Its slug.
        slug: Slug,
    },
    /// A row that fits everything.
    #[error("the route to {to:?} has none of forms, kinds, reasons: everything would take it")]
    RouteWithoutCondition {
        /// Where it leads.
        to: String,
    },
    /// It would end before it begins.
    #[error("the mailbox {slug}: `until` is before `from`")]
    Backwards {
        /// Its slug.
        slug: Slug,
    },
}

/// An agreement as its file says it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreementFile {
    /// The name by which it is known.
    pub name: String,
    /// The partner's name.
    pub partner: String,
    /// The domains of the partner's professional addresses.
    pub domains: BTreeSet<Domain>,
    /// Addresses that are always refused.
    pub blocked: BTreeSet<MailAddress>,
    /// What it says of each mailbox.
    pub mailboxes: Vec<AgreedMailbox>,
}

/// What an agreement says of one mailbox.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedMailbox {
    /// The mailbox.
    pub slug: Slug,
    /// First day in force.
    pub from: Day,
    /// Last day in force.
    pub until: Option<Day>,
    /// Only these addresses; none when every address of the domains.
    pub listed: Option<BTreeSet<MailAddress>>,
    /// Within how long it is taken in charge.
    pub taken: Deadline,
    /// Within how long it is answered.
    pub answered: Deadline,
    /// The insured person is answered, and the partner on request only.
    pub answers_person: bool,
    /// The title of a secure answer to the partner.
    pub answer_title: Option<String>,
    /// The mediator's mailbox.
    pub mediator: Option<Slug>,
    /// The words of the services that are open.
    pub services: BTreeSet<ServiceWord>,
    /// Within how many hours a breach is told.
    pub breach_hours: Option<u32>,
    /// The forms that are open (D10), by name.
    pub forms: BTreeSet<Slug>,
    /// Whether a deposit needs one, filled on the page or joined as a file.
    pub form_required: bool,
    /// To which mailbox a deposit goes for what its form says; the first row that fits (T8).
    pub routes: Vec<AgreedRoute>,
}

/// A row of a routing table. What it names must all fit; of the kinds, one is enough.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AgreedRoute {
    /// Forms; any form when empty.
    pub forms: BTreeSet<Slug>,
    /// Codes of kinds of file; any when empty.
    pub kinds: BTreeSet<String>,
    /// Codes of reasons; any when empty.
    pub reasons: BTreeSet<String>,
    /// The mailbox that the deposit goes to.
    pub to: Slug,
}

/// A service, as the file names it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all")]
pub enum ServiceWord {
    Page,
    Mail,
    Tracking,
    Api,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenFile {
    name: String,
    partner: WrittenPartner,
    mailbox: Vec<WrittenMailbox>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenPartner {
    name: String,
    domains: Vec<String>,
    #[serde(default)]
    blocked: Vec<String>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenMailbox {
    slug: String,
    from: String,
    until: Option<String>,
    admission: WrittenAdmission,
    #[serde(default)]
    addresses: Vec<String>,
    taken: WrittenDeadline,
    answered: WrittenDeadline,
    answer_to: WrittenAnswerTo,
    answer_title: Option<String>,
    mediator: Option<String>,
    services: BTreeSet<ServiceWord>,
    breach_hours: Option<u32>,
    #[serde(default)]
    forms: Vec<String>,
    #[serde(default)]
    form_required: bool,
    #[serde(default)]
    route: Vec<WrittenRoute>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenRoute {
    #[serde(default)]
    forms: Vec<String>,
    #[serde(default)]
    kinds: BTreeSet<String>,
    #[serde(default)]
    reasons: BTreeSet<String>,
    to: String,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenAdmission {
    Domain,
    Listed,
}

#[derive(Deserialize)]
#[serde(rename_all = "snake_case")]
enum WrittenAnswerTo {
    Person,
    Partner,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WrittenDeadline {
    hours: Option<u32>,
    days: Option<u32>,
    #[serde(default)]
    counting: Counting,
    #[serde(default)]
    region: Region,
}

impl AgreementFile {
    /// Reads a file. Unknown keys are refused.
    pub fn parse(text: &str) -> Result<Self, AgreementFileError> {
        if text.len() > FILE_MAX_BYTES {
            return Err(AgreementFileError::TooLarge { limit: FILE_MAX_BYTES, actual: text.len() });
        }
        let WrittenFile { name, partner, mailbox } = toml::from_str(text)?;
        let count = mailbox.len();
        if count == 0 || count > MAILBOXES_MAX {
            return Err(AgreementFileError::Range { key: "mailbox", limit: MAILBOXES_MAX, actual: count });
        }
        let domain = |text: String| value("domains", text, "a mail domain", |text| Domain::parse(text).ok());
        let domains: BTreeSet<Domain> = partner.domains.into_iter().map(domain).collect::<Result<_, _>>()?;
        if domains.is_empty() {
            return Err(AgreementFileError::Range { key: "domains", limit: MAILBOXES_MAX, actual: 0 });
        }
        let mailboxes: Vec<AgreedMailbox> = mailbox.into_iter().map(agreed).collect::<Result<_, _>>()?;
        for (place, mailbox) in mailboxes.iter().enumerate() {
            if mailboxes[..place].iter().any(|other| other.slug == mailbox.slug) {
                return Err(AgreementFileError::Twice { slug: mailbox.slug.clone() });
            }
            let outside = mailbox.listed.iter().flatten().find(|address| !domains.contains(address.domain()));
            if let Some(address) = outside {
                return Err(AgreementFileError::OutsideDomains { address: address.clone() });
            }
        }
        Ok(Self {
            name: words("name", &name)?,
            partner: words("partner.name", &partner.name)?,
            domains,
            blocked: addresses("blocked", partner.blocked)?,
            mailboxes,
        })
    }
}

fn agreed(written: WrittenMailbox) -> Result<AgreedMailbox, AgreementFileError> {
    let day = |key, text| value(key, text, "a day such as 2026-01-31", Day::parse);
    let slug = |key, text| value(key, text, "a mailbox's slug", |text| Slug::parse(text).ok());
    let agreed = AgreedMailbox {
        slug: slug("slug", written.slug)?,
        from: day("from", written.from)?,
        until: written.until.map(|text| day("until", text)).transpose()?,
        listed: match written.admission {
            WrittenAdmission::Domain => None,
            WrittenAdmission::Listed => Some(addresses("addresses", written.addresses)?),
        },
        taken: deadline("taken", &written.taken)?,
        answered: deadline("answered", &written.answered)?,
        answers_person: matches!(written.answer_to, WrittenAnswerTo::Person),
        answer_title: written.answer_title.map(|title| words("answer_title", &title)).transpose()?,
        mediator: written.mediator.map(|text| slug("mediator", text)).transpose()?,
        services: written.services,
        breach_hours: written.breach_hours,
        forms: slugs("forms", written.forms)?,
        form_required: written.form_required,
        routes: written.route.into_iter().map(route).collect::<Result<_, _>>()?,
    };
    if agreed.forms.len() > FORMS_MAX {
        let (limit, actual) = (FORMS_MAX, agreed.forms.len());
        return Err(AgreementFileError::Range { key: "forms", limit, actual });
    }
    if agreed.routes.len() > ROUTES_MAX {
        let (limit, actual) = (ROUTES_MAX, agreed.routes.len());
        return Err(AgreementFileError::Range { key: "route", limit, actual });
    }
    if !agreed.routes.is_empty() && agreed.forms.is_empty() {
        return Err(AgreementFileError::RoutesWithoutForms { slug: agreed.slug });
    }
    if let Some(hours) = agreed.breach_hours.filter(|hours| !(1..=BREACH_HOURS_MAX).contains(hours)) {
        let (limit, actual) = (BREACH_HOURS_MAX as usize, hours as usize);
        return Err(AgreementFileError::Range { key: "breach_hours", limit, actual });
    }
    if agreed.until.is_some_and(|until| until < agreed.from) {
        return Err(AgreementFileError::Backwards { slug: agreed.slug });
    }
    Ok(agreed)
}

fn route(written: WrittenRoute) -> Result<AgreedRoute, AgreementFileError> {
    let forms = slugs("route.forms", written.forms)?;
    if forms.is_empty() && written.kinds.is_empty() && written.reasons.is_empty() {
        return Err(AgreementFileError::RouteWithoutCondition { to: written.to });
    }
    let to = value("route.to", written.to, "a mailbox's slug", |text| Slug::parse(text).ok())?;
    Ok(AgreedRoute { forms, kinds: written.kinds, reasons: written.reasons, to })
}

fn slugs(key: &'static str, texts: Vec<String>) -> Result<BTreeSet<Slug>, AgreementFileError> {
    let slug = |text| value(key, text, "a form's name", |text| Slug::parse(text).ok());
    texts.into_iter().map(slug).collect()
}

fn deadline(key: &'static str, written: &WrittenDeadline) -> Result<Deadline, AgreementFileError> {
    let length = match (written.hours, written.days) {
        (Some(hours), None) => Length::Hours(hours),
        (None, Some(days)) => Length::Days(days),
        _ => return Err(AgreementFileError::Deadline { key, source: DeadlineError::Unit }),
    };
    Deadline::new(length, written.counting, written.region)
        .map_err(|source| AgreementFileError::Deadline { key, source })
}

fn addresses(key: &'static str, texts: Vec<String>) -> Result<BTreeSet<MailAddress>, AgreementFileError> {
    let address = |text| value(key, text, "a mail address", |text| MailAddress::parse(text).ok());
    texts.into_iter().map(address).collect()
}

fn words(key: &'static str, text: &str) -> Result<String, AgreementFileError> {
    let length = text.trim().chars().count();
    if length == 0 || length > NAME_MAX_CHARS {
        return Err(AgreementFileError::Range { key, limit: NAME_MAX_CHARS, actual: length });
    }
    Ok(text.trim().to_owned())
}

fn value<T>(
    key: &'static str,
    text: String,
    what: &'static str,
    parse: impl FnOnce(&str) -> Option<T>,
) -> Result<T, AgreementFileError> {
    parse(&text).ok_or(AgreementFileError::Value { key, value: text, what })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::{Millis, Timestamp};

    const ASIP: &str = include_str!("../../policies/agreements/bretagne-asip.toml");
    const RSA: &str = include_str!("../../policies/agreements/bretagne-rsa.toml");
    const ALSACE: &str = include_str!("../../policies/agreements/alsace-moselle.toml");

    #[test]
    fn the_three_examples_differ_in_their_files_only() {
        let [asip, rsa, alsace] = [ASIP, RSA, ALSACE].map(|text| AgreementFile::parse(text).unwrap());
        assert!(asip.mailboxes[0].answers_person && !rsa.mailboxes[0].answers_person);
        assert_eq!(rsa.mailboxes[0].answer_title.as_deref(), Some("Réponse à demande urgente"));
        assert_eq!(rsa.mailboxes[0].listed.as_ref().map(BTreeSet::len), Some(2));
        assert_eq!(alsace.mailboxes.len(), 2);
        assert_eq!(alsace.mailboxes[0].answered.region(), Region::AlsaceMoselle);
        let begun = Timestamp(1_795_000_000_000);
        assert_eq!(asip.mailboxes[0].answered.due(begun), begun + Millis::hours(72));
        let aspa = alsace.mailboxes.iter().find(|mailbox| mailbox.slug.as_str() == "retraite").unwrap();
        assert_eq!((aspa.routes.len(), aspa.routes[0].to.as_str()), (1, "aspa"));
        assert!(asip.mailboxes[0].form_required && asip.mailboxes[0].forms.len() == 1);
        assert_eq!((asip.mailboxes[0].breach_hours, alsace.mailboxes[0].breach_hours), (Some(72), Some(48)));
    }

    #[test]
    fn what_is_wrong_is_refused_by_name() {
        for (said, instead) in [
            ("admission = \"domain\"", "admission = \"anybody\""),
            ("answered = { hours = 72 }", "answered = { hours = 72, days = 3 }"),
            ("answered = { hours = 72 }", "answered = {}"),
            ("answered = { hours = 72 }", "answered = { days = 21 }"),
            ("until = \"2028-12-31\"", "until = \"2025-12-31\""),
            ("until = \"2028-12-31\"", "until = \"31/12/2028\""),
            ("breach_hours = 72", "breach_hours = 0"),
            ("breach_hours = 72", "breach_hours = 72\nmore = 1"),
            ("services = [\"page\",", "services = [\"fax\","),
            ("[\"departement-bretagne.example\"]", "[]"),
            ("slug = \"partenaires-retraite\"", "slug = \"Partenaires Retraite\""),
            ("forms = [\"fiche-de-liaison-asip\"]", "forms = [\"../fiche\"]"),
        ] {
            assert!(ASIP.contains(said), "{said}");
            assert!(AgreementFile::parse(&ASIP.replace(said, instead)).is_err(), "{instead}");
        }
        let stranger = RSA.replace("referent.rsa-t1@departement-bretagne", "referent.rsa-t1@ailleurs");
        let refused = AgreementFile::parse(&stranger);
        assert!(matches!(refused, Err(AgreementFileError::OutsideDomains { .. })), "{refused:?}");
        let open_to_all = ALSACE.replace("kinds = [\"asi_aspa\"]", "");
        let refused = AgreementFile::parse(&open_to_all);
        assert!(matches!(refused, Err(AgreementFileError::RouteWithoutCondition { .. })), "{refused:?}");
        let formless = ALSACE.replace("forms = [\"fiche-de-liaison-asip\"]", "");
        let refused = AgreementFile::parse(&formless);
        assert!(matches!(refused, Err(AgreementFileError::RoutesWithoutForms { .. })), "{refused:?}");
        let twice = ALSACE.replace("slug = \"retraite\"", "slug = \"aspa\"");
        assert!(matches!(AgreementFile::parse(&twice), Err(AgreementFileError::Twice { .. })));
        assert!(AgreementFile::parse(&"#".repeat(FILE_MAX_BYTES + 1)).is_err());
    }
}
