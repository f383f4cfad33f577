//! Imports the sites of a partner from a table (CSV, RFC 4180): name, generic mailbox, SIRET, territory. Sites that the table
//! does not name stay. Importing the same table again changes nothing.

use thiserror::Error;

use super::{App, AppError};
use crate::audit::Origin;
use crate::identity::Site;
use crate::value::{MailAddress, csv_fields};

/// Rows of a table.
const ROWS_MAX: usize = 2000;
/// Characters of a field.
const FIELD_MAX_CHARS: usize = 200;

/// Why a table is not imported. Nothing was changed.
#[derive(Debug, Error)]
pub enum SiteImportError {
    /// There is no such partner.
    #[error("there is no partner {name:?}")]
    NoSuchPartner {
        /// The name that was given.
        name: String,
    },
    /// The first line does not name these columns.
    #[error("the table's first line must name the columns `site` and `generic_mailbox`")]
    Columns,
    /// Too many rows.
    #[error("a table of sites has {limit} rows at most, not {actual}")]
    TooMany {
        /// Rows allowed.
        limit: usize,
        /// Rows given.
        actual: usize,
    },
    /// A row that cannot be read.
    #[error("line {line}: a name and a mail address are needed")]
    Row {
        /// Counted from 1, the first line included.
        line: usize,
    },
    /// An address outside the partner's domains (P3).
    #[error("line {line}: the address is in none of the partner's domains")]
    OutsideDomains {
        /// Counted from 1, the first line included.
        line: usize,
    },
    /// A fault of ours.
    #[error(transparent)]
    Fault(#[from] AppError),
}

/// What an import came to.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub struct SiteImport {
    /// Sites that were not known.
    pub added: usize,
    /// Sites that are told otherwise now.
    pub changed: usize,
    /// Sites that are as they were.
    pub unchanged: usize,
}

impl App {
    /// Imports the sites of a partner, each known by its mailbox; or says only what would change.
    pub async fn import_sites(
        &self,
        partner: &str,
        table: &str,
        dry_run: bool,
        origin: Origin,
    ) -> Result<SiteImport, SiteImportError> {
        let known = self.partners().await?.into_iter().find(|known| known.name == partner);
        let mut partner = known.ok_or_else(|| SiteImportError::NoSuchPartner { name: partner.to_owned() })?;
        let mut done = SiteImport::default();
        for (line, site) in sites_of(table)? {
            if !partner.domains.contains(site.mailbox.domain()) {
                return Err(SiteImportError::OutsideDomains { line });
            }
            match partner.sites.iter_mut().find(|known| known.mailbox == site.mailbox) {
                Some(known) if *known == site => done.unchanged += 1,
                Some(known) => {
                    *known = site;
                    done.changed += 1;
                }
                None => {
                    partner.sites.push(site);
                    done.added += 1;
                }
            }
        }
        if done.added + done.changed > 0 && !dry_run {
            self.put_partner(partner, origin).await?;
        }
        Ok(done)
    }
}

/// The sites of a table, each with its line.
fn sites_of(table: &str) -> Result<Vec<(usize, Site)>, SiteImportError> {
    let mut lines = table.trim_start_matches('\u{feff}').lines().enumerate();
    let header = lines.next().map(|(_, line)| csv_fields(line)).unwrap_or_default();
    let column = |name: &str| header.iter().position(|title| title.trim() == name);
    let (Some(name), Some(mailbox)) = (column("site"), column("generic_mailbox")) else {
        return Err(SiteImportError::Columns);
    };
    let (siret, territory) = (column("siret"), column("territory"));
    let rows: Vec<_> = lines.filter(|(_, line)| !line.trim().is_empty()).collect();
    if rows.len() > ROWS_MAX {
        return Err(SiteImportError::TooMany { limit: ROWS_MAX, actual: rows.len() });
    }
    let site = |(place, line): (usize, &str)| {
        let fields = csv_fields(line);
        let field = |column: usize| {
            let text: String =
                fields.get(column).map(|text| text.trim().chars().take(FIELD_MAX_CHARS).collect())?;
            Some(text).filter(|text| !text.is_empty())
        };
        let mailbox = field(mailbox).and_then(|text| MailAddress::parse(&text).ok());
        let (siret, territory) = (siret.and_then(field), territory.and_then(field));
        let site = field(name).zip(mailbox).map(|(name, mailbox)| Site { name, mailbox, siret, territory });
        site.map(|site| (place + 1, site)).ok_or(SiteImportError::Row { line: place + 1 })
    };
    rows.into_iter().map(site).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_table_gives_its_sites_with_what_it_knows_of_them() {
        let table = "\u{feff}siret,site,generic_mailbox,postcode,city\r\n\
            22350001800187,\"Pays de Redon, centre\",cdas-redon@departement.example,35600,REDON\r\n\
            ,Guichen,cdas-guichen@departement.example,35580,GUICHEN\r\n";
        let sites = sites_of(table).unwrap();
        assert_eq!(sites[0].1.name, "Pays de Redon, centre");
        assert_eq!(sites[0].1.siret.as_deref(), Some("22350001800187"));
        assert_eq!((sites[1].0, sites[1].1.siret.as_deref()), (3, None));
    }

    #[test]
    fn a_table_that_cannot_be_read_is_refused_with_its_line() {
        assert!(matches!(sites_of("nom,adresse\na,b"), Err(SiteImportError::Columns)));
        let no_address = sites_of("site,generic_mailbox\nRedon,nobody");
        assert!(matches!(no_address, Err(SiteImportError::Row { line: 2 })));
        let rows = "a,a@b.example\n".repeat(ROWS_MAX + 1);
        let long = sites_of(&format!("site,generic_mailbox\n{rows}"));
        assert!(matches!(long, Err(SiteImportError::TooMany { .. })));
    }
}
