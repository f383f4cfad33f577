//! Additions: an organisation, a mailbox, a partner, an account. What a name stands for is looked up here; what a
//! record must hold is the use cases'.

use std::sync::Arc;

use super::list::all;
use super::{
    Allowed, CustodyName, MailboxKindName, NewAccount, NewMailbox, NewOrganisation, NewPartner, Replies,
    RequestError, line,
};
use crate::app::ports::List;
use crate::app::{App, NewAccount as AccountToCreate, NewMailbox as MailboxToCreate};
use crate::audit::Origin;
use crate::identity::{
    Account, Admission, Agreement, AgreementTerms, Organisation, Partner, Password, Role, Site,
};
use crate::mailbox::{Custody, DepositLimits, Mailbox, MailboxKind};
use crate::policy::privacy::HOURS_MAX;
use crate::relay::letter::SecretText;
use crate::value::{MailAddress, OrganisationId, PartnerId, Slug, Token};

pub(super) async fn organisation(
    app: &Arc<App>,
    replies: &Replies,
    new: NewOrganisation,
) -> Result<(), RequestError> {
    if app.organisations().await?.iter().any(|known| known.slug == new.slug) {
        return Err(RequestError::Taken { kind: "organisation", name: new.slug.to_string() });
    }
    let told = format!("organisation {} added", new.slug);
    let organisation = Organisation {
        id: OrganisationId::new(app.random.bytes()),
        slug: new.slug,
        name: new.name,
        postal_address: new.postal_address,
        data_protection_officer: new.data_protection_officer,
    };
    app.create_organisation(organisation, Origin::Cli).await?;
    line(replies, told).await
}

pub(super) async fn mailbox(app: &Arc<App>, replies: &Replies, new: NewMailbox) -> Result<(), RequestError> {
    let organisation = find_organisation(app, new.organisation.as_ref()).await?;
    let known = app.mailboxes().await?;
    if known.iter().any(|mailbox| mailbox.slug == new.slug) {
        return Err(RequestError::Taken { kind: "mailbox", name: new.slug.to_string() });
    }
    if known.iter().any(|mailbox| mailbox.deposit_address == new.deposit_address) {
        return Err(RequestError::Taken { kind: "deposit address", name: new.deposit_address.to_string() });
    }
    if known.iter().any(|mailbox| mailbox.receives_notices_at(&new.deposit_address)) {
        return Err(RequestError::Unfit {
            what: "deposits must not be taken at an address that receives notices",
        });
    }
    let takes_deposits = |address| known.iter().any(|mailbox| &mailbox.deposit_address == address);
    if new.deposit_address == new.notice_address || takes_deposits(&new.notice_address) {
        return Err(RequestError::Unfit { what: "notices must not go to an address that takes deposits" });
    }
    let mut members = Vec::with_capacity(new.members.len());
    for address in &new.members {
        let member = find_account(app, address).await?;
        if member.organisation != Some(organisation.id) {
            return Err(RequestError::Unfit { what: "a mailbox has members of its own organisation only" });
        }
        members.push(member.id);
    }
    if new.custody == CustodyName::Members && members.is_empty() {
        return Err(RequestError::Missing {
            what: "an account that can open the mailbox (--member), or --custody gateway,",
        });
    }
    let told = format!("mailbox {} added", new.slug);
    let mailbox = MailboxToCreate {
        organisation: organisation.id,
        slug: new.slug,
        kind: match new.kind {
            MailboxKindName::Generic => MailboxKind::Generic,
            MailboxKindName::Agency => MailboxKind::Agency,
        },
        name: new.name,
        purpose: new.purpose,
        deposit_address: new.deposit_address,
        notice_address: new.notice_address,
        limits: DepositLimits::default(),
        custody: match new.custody {
            CustodyName::Members => Custody::Members,
            CustodyName::Gateway => Custody::Gateway,
        },
        members,
    };
    let second = new.second_notice_address;
    let mailbox = app.create_mailbox(mailbox, Origin::Cli).await?;
    if second.is_some() {
        app.set_second_notice_address(mailbox.id, second, Origin::Cli).await?;
    }
    line(replies, told).await
}

pub(super) async fn partner(app: &Arc<App>, replies: &Replies, new: NewPartner) -> Result<(), RequestError> {
    let known: Vec<Partner> = all(app, &List::Partners).await?;
    if known.iter().any(|partner| partner.name == new.name) {
        return Err(RequestError::Taken { kind: "partner", name: new.name });
    }
    let breach_hours = agreed_hours(new.breach_hours)?;
    let mailboxes = find_mailboxes(app, &new.mailboxes).await?;
    let told = format!("partner {:?} added", new.name);
    let partner = Partner {
        id: PartnerId::new(app.random.bytes()),
        name: new.name,
        domains: new.domains.into_iter().collect(),
        sites: new.sites.iter().map(|text| parse_site(text)).collect::<Result<_, _>>()?,
        relays: new.relays,
        relay_certificates: new.relay_certificates.into_iter().collect(),
        accepts_dmarc: new.dmarc,
        blocked: [].into(),
        suspended: false,
    };
    let id = partner.id;
    app.put_partner(partner, Origin::Cli).await?;
    let from = app.now().at.day();
    for mailbox in mailboxes {
        let agreement = Agreement {
            partner: id,
            mailbox: mailbox.id,
            from,
            until: None,
            admission: Admission::Domain,
            terms: AgreementTerms::default(),
            breach_hours,
        };
        app.put_agreement(agreement, Origin::Cli).await?;
    }
    line(replies, told).await
}

/// An agreement in force is changed; one that ended begins anew today.
pub(super) async fn agreement(
    app: &Arc<App>,
    replies: &Replies,
    allowed: Allowed,
) -> Result<(), RequestError> {
    let breach_hours = agreed_hours(allowed.breach_hours)?;
    let partner = find_partner(app, &allowed.name).await?;
    let mailbox = find_mailboxes(app, std::slice::from_ref(&allowed.mailbox)).await?.remove(0);
    let today = app.now().at.day();
    let known: Vec<Agreement> = all(app, &List::AgreementsOf(mailbox.id)).await?;
    let known = known.into_iter().find(|agreement| agreement.partner == partner.id);
    let mut agreement = known.unwrap_or_else(|| Agreement {
        partner: partner.id,
        mailbox: mailbox.id,
        from: today,
        until: None,
        admission: Admission::Domain,
        terms: AgreementTerms::default(),
        breach_hours: None,
    });
    if !agreement.in_force(today) {
        (agreement.from, agreement.until) = (today, None);
    }
    agreement.breach_hours = breach_hours.or(agreement.breach_hours);
    app.put_agreement(agreement, Origin::Cli).await?;
    line(replies, format!("partner {:?} may deposit into {}", partner.name, mailbox.slug)).await
}

fn agreed_hours(hours: Option<u32>) -> Result<Option<u32>, RequestError> {
    let is_fit = hours.is_none_or(|hours| (1..=HOURS_MAX).contains(&hours));
    if is_fit {
        Ok(hours)
    } else {
        Err(RequestError::Unfit { what: "a partner is told of a breach within 1 to 720 hours" })
    }
}

pub(super) async fn account(app: &Arc<App>, replies: &Replies, new: NewAccount) -> Result<(), RequestError> {
    let known: Vec<Account> = all(app, &List::AccountByAddress(new.address.clone())).await?;
    if !known.is_empty() {
        return Err(RequestError::Taken { kind: "account", name: new.address.to_string() });
    }
    let password = if new.sso {
        let nobodys = Token::new(app.random.bytes()).expose();
        Password::new(nobodys).ok_or(RequestError::Unfit { what: "no password" })?
    } else {
        password(app, &new.password, &new.name, &new.address).await?
    };
    let mailboxes = find_mailboxes(app, &new.mailboxes).await?;
    let role = Role::from(new.role);
    let partner = match (&new.partner, role.is_of_structure()) {
        (Some(name), true) => {
            let partner = find_partner(app, name).await?;
            app.may_join(&partner, role, &new.address).await?;
            Some(partner.id)
        }
        (None, true) => return Err(RequestError::Missing { what: "the person's structure (--partner)" }),
        (_, false) => None,
    };
    let organisation = match (mailboxes.first(), partner) {
        (Some(mailbox), _) => Some(mailbox.organisation),
        (None, Some(_)) => None,
        (None, None) => Some(find_organisation(app, None).await?.id),
    };
    if mailboxes.iter().any(|mailbox| Some(mailbox.organisation) != organisation) {
        return Err(RequestError::Unfit { what: "a person has mailboxes of one organisation only" });
    }
    let told = format!("account {} added", new.address);
    let account = AccountToCreate {
        address: new.address,
        name: new.name,
        role,
        organisation,
        partner,
        mailboxes: mailboxes.iter().map(|mailbox| mailbox.id).collect(),
        password,
        language: new.language,
    };
    app.create_account(account, Origin::Cli).await?;
    line(replies, told).await
}

/// A password under the stated rules (P2), for the person of this name and address.
pub(super) async fn password(
    app: &Arc<App>,
    typed: &SecretText,
    name: &str,
    address: &MailAddress,
) -> Result<Password, RequestError> {
    let too_long = RequestError::Unfit { what: "a password has at most 1024 bytes" };
    let password = Password::new(typed.expose().to_owned()).ok_or(too_long)?;
    app.judge_password(&password, name, address).await?.map_err(RequestError::Weak)?;
    Ok(password)
}

pub(super) async fn find_account(app: &Arc<App>, address: &MailAddress) -> Result<Account, RequestError> {
    let mut known: Vec<Account> = all(app, &List::AccountByAddress(address.clone())).await?;
    known.pop().ok_or_else(|| RequestError::Unknown { kind: "account", name: address.to_string() })
}

pub(super) async fn find_organisation(
    app: &Arc<App>,
    slug: Option<&Slug>,
) -> Result<Organisation, RequestError> {
    let mut known = app.organisations().await?;
    match (slug, known.len()) {
        (None, 1) => known.pop().ok_or(RequestError::Missing { what: "an organisation" }),
        (None, 0) => Err(RequestError::Missing { what: "an organisation (pli organisation add)" }),
        (None, _) => Err(RequestError::Missing { what: "the organisation's slug (--organisation)" }),
        (Some(slug), _) => known
            .into_iter()
            .find(|organisation| &organisation.slug == slug)
            .ok_or_else(|| RequestError::Unknown { kind: "organisation", name: slug.to_string() }),
    }
}

pub(super) async fn find_mailboxes(app: &Arc<App>, slugs: &[Slug]) -> Result<Vec<Mailbox>, RequestError> {
    let known = app.mailboxes().await?;
    let find = |slug: &Slug| {
        let found = known.iter().find(|mailbox| &mailbox.slug == slug).cloned();
        found.ok_or_else(|| RequestError::Unknown { kind: "mailbox", name: slug.to_string() })
    };
    slugs.iter().map(find).collect()
}

pub(super) async fn find_partner(app: &Arc<App>, name: &str) -> Result<Partner, RequestError> {
    let known: Vec<Partner> = all(app, &List::Partners).await?;
    let found = known.into_iter().find(|partner| partner.name == name);
    found.ok_or_else(|| RequestError::Unknown { kind: "partner", name: name.to_owned() })
}

fn parse_site(text: &str) -> Result<Site, RequestError> {
    let unfit = || RequestError::Unfit { what: "a site is written \"Name=mailbox@domain\"" };
    let (name, mailbox) = text.split_once('=').ok_or_else(unfit)?;
    let mailbox = MailAddress::parse(mailbox).map_err(|_| unfit())?;
    Ok(Site { name: name.trim().to_owned(), mailbox, siret: None, territory: None })
}
