//! The demonstration's world: an organisation with four mailboxes, a partner with some of its sites, their agreements,
//! and the people. Synthetic, on `.example` domains. What is there is left as it is, so that an interrupted first
//! start is completed by the next one.

use std::sync::Arc;

use super::DemoError;
use super::people::{CAST, Cast, DemoPassword, MANAGER, PENSIONS, SOCIAL_SERVICE};
use crate::app::ports::List;
use crate::app::{App, By, NewAccount, NewMailbox, SettingsChange};
use crate::audit::Origin;
use crate::identity::{
    Account, Admission, Agreement, AgreementTerms, NetworkRange, Organisation, Partner, Password, RouteRow,
    Site,
};
use crate::mailbox::{Custody, DepositLimits, Mailbox, MailboxKind};
use crate::value::{AccountId, Domain, Language, MailAddress, OrganisationId, PartnerId, Slug};

/// The organisation's part of page addresses.
pub const ORGANISATION: &str = "carsat-bretagne";
const ORGANISATION_NAME: &str = "Carsat Bretagne (démonstration)";
const PARTNER_NAME: &str = "Département d'Ille-et-Vilaine (démonstration)";
const PARTNER_DOMAIN: &str = "ille-et-vilaine.example";
/// Some of the partner's sites.
const SITES: [(&str, &str); 6] = [
    ("Pays de Saint Malo", "cdas-stmalo"),
    ("Pays de Fougères", "cdas-fougeres"),
    ("Pays de Vitré", "cdas-vitre"),
    ("Pays de Redon", "cdas-redon"),
    ("Pays de Brocéliande", "cdas-broceliande"),
    ("Maurepas", "cdas-maurepas"),
];
/// People of the partner who deposit; any other address of its domain may as well.
pub const DEPOSITORS: [&str; 3] = [
    "jeanne.martin@ille-et-vilaine.example",
    "malo.riou@ille-et-vilaine.example",
    "cdas-redon@ille-et-vilaine.example",
];
/// Mail hosts on this machine speak for the partner.
const RELAYS: [&str; 2] = ["127.0.0.0/8", "::1"];
/// The mailbox whose key its members keep; the gateway keeps those of the others, as anybody may try them.
const MEMBERS_KEPT: &str = SOCIAL_SERVICE;
const LIST_MAX: usize = 1000;

struct MailboxOfWorld {
    slug: &'static str,
    kind: MailboxKind,
    name: &'static str,
    purpose: &'static str,
    notice: &'static str,
}

const MAILBOXES: [MailboxOfWorld; 4] = [
    MailboxOfWorld {
        slug: PENSIONS,
        kind: MailboxKind::Generic,
        name: "Partenaires retraite",
        purpose: "Déposez ici les dossiers de retraite des personnes que vous accompagnez : un dépôt par personne.",
        notice: "partenaires-retraite@carsat-bretagne.example",
    },
    MailboxOfWorld {
        slug: SOCIAL_SERVICE,
        kind: MailboxKind::Generic,
        name: "Service social",
        purpose: "Déposez ici les fiches de repérage de fragilité destinées au service social.",
        notice: "service-social@carsat-bretagne.example",
    },
    MailboxOfWorld {
        slug: "agence-rennes",
        kind: MailboxKind::Agency,
        name: "Agence de Rennes",
        purpose: "Dossiers confiés à l'agence de Rennes.",
        notice: "agence-rennes@carsat-bretagne.example",
    },
    MailboxOfWorld {
        slug: "agence-saint-malo",
        kind: MailboxKind::Agency,
        name: "Agence de Saint-Malo",
        purpose: "Dossiers confiés à l'agence de Saint-Malo.",
        notice: "agence-saint-malo@carsat-bretagne.example",
    },
];

/// Makes what is missing of the world.
pub async fn complete(app: &Arc<App>, passwords: &[DemoPassword]) -> Result<(), DemoError> {
    let organisation = organisation(app).await?;
    let kept_by_gateway = mailboxes(app, organisation, Custody::Gateway).await?;
    let structure = partner(app, &kept_by_gateway).await?;
    for person in &CAST {
        account(app, person, passwords, organisation, structure, &kept_by_gateway).await?;
    }
    manager(app).await?;
    // A key that its members keep needs one of them to be there.
    let all = mailboxes(app, organisation, Custody::Members).await?;
    partner(app, &all).await?;
    for person in CAST.iter().filter(|person| person.mailboxes.contains(&MEMBERS_KEPT)) {
        entitle(app, person, &all).await?;
    }
    Ok(())
}

/// Somebody manages the mailbox for pensions.
async fn manager(app: &Arc<App>) -> Result<(), DemoError> {
    let accounts: Vec<(Account, u64)> =
        app.read_list(&List::AccountByAddress(MailAddress::parse(MANAGER)?), 1).await?;
    let Some((account, _)) = accounts.first().filter(|(account, _)| account.manages.is_empty()) else {
        return Ok(());
    };
    let change = SettingsChange::Manager { account: account.id, manages: true };
    let slug = Slug::parse(PENSIONS)?;
    app.change_settings(By::operator(Origin::Job), &slug, change).await.map_err(|_| DemoError::Name)
}

/// The members beside the first one are entitled, and wait for it to admit them.
async fn entitle(app: &Arc<App>, person: &Cast, mailboxes: &[Mailbox]) -> Result<(), DemoError> {
    let address = MailAddress::parse(person.address)?;
    let accounts: Vec<(Account, u64)> = app.read_list(&List::AccountByAddress(address), 1).await?;
    let mailbox = mailboxes.iter().find(|mailbox| mailbox.slug.as_str() == MEMBERS_KEPT);
    if let (Some((account, _)), Some(mailbox)) = (accounts.first(), mailbox) {
        app.entitle(account.id, mailbox.id, Origin::Job).await?;
    }
    Ok(())
}

/// The account that opens the mailbox that its members keep from the first day on.
async fn first_member(app: &Arc<App>) -> Result<Vec<AccountId>, DemoError> {
    let first = CAST.iter().find(|person| person.mailboxes.contains(&MEMBERS_KEPT)).ok_or(DemoError::Name)?;
    let address = MailAddress::parse(first.address)?;
    let accounts: Vec<(Account, u64)> = app.read_list(&List::AccountByAddress(address), 1).await?;
    Ok(accounts.into_iter().map(|(account, _)| account.id).collect())
}

async fn organisation(app: &Arc<App>) -> Result<OrganisationId, DemoError> {
    let slug = Slug::parse(ORGANISATION)?;
    if let Some(known) = app.organisations().await?.into_iter().find(|known| known.slug == slug) {
        return Ok(known.id);
    }
    let id = OrganisationId::new(app.random.bytes());
    let organisation = Organisation {
        id,
        slug,
        name: ORGANISATION_NAME.to_owned(),
        postal_address: "1 rue de l'Exemple, 35000 Rennes".to_owned(),
        data_protection_officer: MailAddress::parse("dpo@carsat-bretagne.example")?,
    };
    app.create_organisation(organisation, Origin::Job).await?;
    Ok(id)
}

/// Makes the mailboxes of a custody that are missing; returns all that there are.
async fn mailboxes(
    app: &Arc<App>,
    organisation: OrganisationId,
    custody: Custody,
) -> Result<Vec<Mailbox>, DemoError> {
    let known = app.mailboxes().await?;
    let in_custody =
        |wanted: &&MailboxOfWorld| (wanted.slug == MEMBERS_KEPT) == (custody == Custody::Members);
    let missing = |wanted: &&MailboxOfWorld| known.iter().all(|known| known.slug.as_str() != wanted.slug);
    for wanted in MAILBOXES.iter().filter(in_custody).filter(missing) {
        let new = NewMailbox {
            organisation,
            slug: Slug::parse(wanted.slug)?,
            kind: wanted.kind,
            name: wanted.name.to_owned(),
            purpose: wanted.purpose.to_owned(),
            deposit_address: MailAddress::parse(&format!("{}@{}", wanted.slug, app.settings.mail_domain))?,
            notice_address: MailAddress::parse(wanted.notice)?,
            limits: DepositLimits::default(),
            custody,
            members: if custody == Custody::Members { first_member(app).await? } else { Vec::new() },
        };
        app.create_mailbox(new, Origin::Job).await?;
    }
    Ok(app.mailboxes().await?)
}

async fn partner(app: &Arc<App>, mailboxes: &[Mailbox]) -> Result<PartnerId, DemoError> {
    let known: Vec<(Partner, u64)> = app.read_list(&List::Partners, LIST_MAX).await?;
    let id = if let Some((known, _)) = known.into_iter().find(|(known, _)| known.name == PARTNER_NAME) {
        known.id
    } else {
        let partner = new_partner(PartnerId::new(app.random.bytes()))?;
        let id = partner.id;
        app.put_partner(partner, Origin::Job).await?;
        id
    };
    for mailbox in mailboxes.iter().filter(|mailbox| mailbox.takes_deposits()) {
        let agreements: Vec<(Agreement, u64)> =
            app.read_list(&List::AgreementsOf(mailbox.id), LIST_MAX).await?;
        if agreements.iter().all(|(agreement, _)| agreement.partner != id) {
            // From yesterday on: a clock that is set back by an hour finds it in force.
            let from = app.now().at.day().plus(-1);
            let admission = Admission::Domain;
            let terms = terms_of(mailbox, mailboxes)?;
            let agreement = Agreement {
                partner: id,
                mailbox: mailbox.id,
                from,
                until: None,
                admission,
                terms,
                breach_hours: None,
            };
            app.put_agreement(agreement, Origin::Job).await?;
        }
    }
    Ok(id)
}

/// The liaison form is open on both mailboxes; a pension case that is deposited on the social service's page goes to the
/// mailbox for pensions (T8).
fn terms_of(mailbox: &Mailbox, mailboxes: &[Mailbox]) -> Result<AgreementTerms, DemoError> {
    let forms: &[&str] = match mailbox.slug.as_str() {
        PENSIONS => &["fiche-de-liaison-asip", "fiche-de-liaison-rsa"],
        _ => &["fiche-de-liaison-asip"],
    };
    let pensions = mailboxes.iter().find(|known| known.slug.as_str() == PENSIONS);
    let routes = pensions.filter(|pensions| pensions.id != mailbox.id).map(|pensions| RouteRow {
        forms: [].into(),
        kinds: ["pension", "survivor", "asi_aspa"].map(ToOwned::to_owned).into(),
        reasons: [].into(),
        to: pensions.id,
    });
    Ok(AgreementTerms {
        forms: forms.iter().map(|name| Slug::parse(name)).collect::<Result<_, _>>()?,
        routes: routes.into_iter().collect(),
        ..AgreementTerms::default()
    })
}

fn new_partner(id: PartnerId) -> Result<Partner, DemoError> {
    let site = |(name, local): (&str, &str)| -> Result<Site, DemoError> {
        let mailbox = MailAddress::parse(&format!("{local}@{PARTNER_DOMAIN}"))?;
        Ok(Site { name: name.to_owned(), mailbox, siret: None, territory: None })
    };
    let relays = RELAYS.into_iter().map(|range| NetworkRange::parse(range).map_err(|_| DemoError::Name));
    Ok(Partner {
        id,
        name: PARTNER_NAME.to_owned(),
        domains: [Domain::parse(PARTNER_DOMAIN)?].into(),
        sites: SITES.into_iter().map(site).collect::<Result<_, _>>()?,
        relays: relays.collect::<Result<_, _>>()?,
        relay_certificates: [].into(),
        accepts_dmarc: false,
        blocked: [].into(),
        suspended: false,
    })
}

async fn account(
    app: &Arc<App>,
    person: &Cast,
    passwords: &[DemoPassword],
    organisation: OrganisationId,
    partner: PartnerId,
    mailboxes: &[Mailbox],
) -> Result<(), DemoError> {
    let address = MailAddress::parse(person.address)?;
    let known: Vec<(Account, u64)> = app.read_list(&List::AccountByAddress(address.clone()), 1).await?;
    let Some(kept) = passwords.iter().find(|kept| kept.address == person.address) else { return Ok(()) };
    if let Some((known, _)) = known.first() {
        return accept_terms(app, known).await;
    }
    let of_partner = person.role.is_of_structure();
    let new = NewAccount {
        address,
        name: person.name.to_owned(),
        role: person.role,
        organisation: (!of_partner).then_some(organisation),
        partner: of_partner.then_some(partner),
        mailboxes: mailboxes
            .iter()
            .filter(|mailbox| person.mailboxes.contains(&mailbox.slug.as_str()))
            .map(|mailbox| mailbox.id)
            .collect(),
        password: Password::new(kept.password.clone()).ok_or(DemoError::Name)?,
        language: Language::Fr,
    };
    let made = app.create_account(new, Origin::Job).await?;
    accept_terms(app, &made).await
}

/// People who are not real have accepted the terms in force; whoever is invited later is asked.
async fn accept_terms(app: &Arc<App>, account: &Account) -> Result<(), DemoError> {
    let accepted = account.terms.as_ref().map(|terms| &terms.version);
    if app.terms_in_force().is_some_and(|terms| accepted != Some(&terms.version)) {
        app.record_terms(account.id, Origin::Job).await?;
    }
    Ok(())
}
