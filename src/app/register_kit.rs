//! The record of processing activities (GDPR art. 30, S4), made from what is really set: organisations, mailboxes,
//! partners, agreements, validities, retention, keys, relays. What the gateway cannot know comes from
//! `policies/privacy.toml`, or is marked to be completed.

use super::kit_text::{KitFile, Section, html, markdown};
use super::ports::List;
use super::{App, AppError, BreachError, KitReader};
use crate::audit::{Action, Object, Origin};
use crate::identity::{Account, Agreement, Organisation, Partner, Role};
use crate::mailbox::{Custody, Mailbox};
use crate::retention::{DAY_KEYS_AHEAD, DRAFT_KEY_DAYS};
use crate::transfer::Route;
use crate::value::{Day, Language, Timestamp, calendar};

/// Records of a kind that are looked through.
const LIST_MAX: usize = 10_000;
/// The title of the record.
pub const PROCESSING_RECORD_TITLE: &str =
    "Registre des activités de traitement : échange sécurisé de dossiers (Pli)";

/// The record of processing.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ProcessingRecord {
    /// When it was made.
    pub made_at: Timestamp,
    /// What it says, in French.
    pub sections: Vec<Section>,
}

impl ProcessingRecord {
    /// The record as files: Markdown and a page that stands alone.
    pub fn files(&self) -> Vec<KitFile> {
        vec![
            KitFile::text("registre-des-traitements.md", markdown(PROCESSING_RECORD_TITLE, &self.sections)),
            KitFile::text("registre-des-traitements.html", html(PROCESSING_RECORD_TITLE, &self.sections)),
        ]
    }
}

/// What the record is made from.
struct House {
    organisations: Vec<Organisation>,
    mailboxes: Vec<Mailbox>,
    partners: Vec<Partner>,
    agreements: Vec<Agreement>,
    accounts: Vec<Account>,
}

impl App {
    /// Makes the record. Logged, refused or done.
    pub async fn processing_record(
        &self,
        who: KitReader<'_>,
        origin: Origin,
    ) -> Result<ProcessingRecord, BreachError> {
        let entitled = self.log_kit_asked(who, Action::ProcessingRecordMade, Object::None, origin).await?;
        entitled.map_err(|()| BreachError::NotEntitled)?;
        let house = self.house().await?;
        let now = self.now().at;
        let sections = vec![
            self.about(&house, now),
            self.why(),
            recipients(&house, now.day()),
            self.how_long(),
            self.security(&house),
            rights(&house),
        ];
        Ok(ProcessingRecord { made_at: now, sections })
    }

    async fn house(&self) -> Result<House, AppError> {
        let organisations = self.organisations().await?;
        let mailboxes = self.mailboxes().await?;
        let partners: Vec<(Partner, u64)> = self.read_list(&List::Partners, LIST_MAX).await?;
        let accounts: Vec<(Account, u64)> = self.read_list(&List::Accounts, LIST_MAX).await?;
        let mut agreements = Vec::new();
        for mailbox in &mailboxes {
            let found: Vec<(Agreement, u64)> =
                self.read_list(&List::AgreementsOf(mailbox.id), LIST_MAX).await?;
            agreements.extend(found.into_iter().map(|(agreement, _)| agreement));
        }
        Ok(House {
            organisations,
            mailboxes,
            partners: partners.into_iter().map(|(partner, _)| partner).collect(),
            agreements,
            accounts: accounts.into_iter().map(|(account, _)| account).collect(),
        })
    }

    fn about(&self, house: &House, now: Timestamp) -> Section {
        let controllers = house.organisations.iter().map(|of| format!("{}, {}", of.name, of.postal_address));
        let officers =
            house.organisations.iter().map(|of| format!("{} : {}", of.name, of.data_protection_officer));
        let policies = self.policies.load();
        Section::new("Responsable du traitement")
            .rows("Organismes", controllers.collect())
            .rows("Délégués à la protection des données", officers.collect())
            .row("Hébergement et exploitation", policies.privacy.processing.hosting.clone())
            .row("Adresse du service", self.settings.base_url.clone())
            .row("État au", full(now))
    }

    fn why(&self) -> Section {
        let policies = self.policies.load();
        let processing = &policies.privacy.processing;
        Section::new("Finalité, base légale, données")
            .row("Finalité", processing.purpose.clone())
            .row("Base légale", processing.legal_basis.clone())
            .row("Personnes concernées", processing.data_subjects.clone())
            .row("Catégories de données", processing.data_categories.clone())
            .row(
                "Numéro de sécurité sociale",
                "seulement dans les contenus chiffrés ; refusé dans les titres, absent du journal",
            )
            .row("Décision automatisée, profilage", "aucun")
            .row("Transfert hors de l'Union européenne", "aucun par la passerelle")
    }

    fn how_long(&self) -> Section {
        let validity = &self.policies.load().validity;
        let days = |route| {
            let length = Timestamp(0).until(validity.expiry(route, Timestamp(0)));
            format!(
                "{} jours, puis destruction de la clé du jour",
                length.0 / crate::value::Millis::days(1).0
            )
        };
        let months = self.settings.audit.retention_months;
        Section::new("Durées de conservation")
            .row("Contenu déposé par la page", days(Route::Page))
            .row("Contenu déposé par courriel", days(Route::Mail))
            .row(
                "Clés de jour",
                format!("faites {DAY_KEYS_AHEAD} jours d'avance, détruites à la fin de leur jour"),
            )
            .row("Brouillons et courriels en file", format!("clés détruites après {DRAFT_KEY_DAYS} jours"))
            .row("Journal", format!("{months} mois ; ensuite seules des empreintes restent"))
            .row(
                "Tableau de suivi",
                format!(
                    "codes et dates, sans contenu, sans titre, sans adresse ; {} mois après la fin du dossier, puis des comptes mensuels sans pseudonyme",
                    self.policies.load().register.keep_months()
                ),
            )
    }

    fn security(&self, house: &House) -> Section {
        let by_rights = house.mailboxes.iter().filter(|m| m.key.custody == Custody::Gateway).count();
        let recovery = if self.settings.recovery.is_some() { "oui, identité hors ligne" } else { "non" };
        let protected = if self.settings.base_url.starts_with("https://") {
            "HTTPS (TLS 1.2 ou 1.3)".to_owned()
        } else {
            "HTTP sans TLS : à corriger hors démonstration".to_owned()
        };
        let witnesses = self.settings.audit.witnesses.len();
        Section::new("Mesures de sécurité en vigueur")
            .row(
                "Chiffrement des contenus",
                "age (X25519, ChaCha20-Poly1305), dès l'arrivée ; rien en clair sur disque",
            )
            .row(
                "Boîtes dont la clé est gardée par la passerelle",
                format!("{by_rights} sur {}", house.mailboxes.len()),
            )
            .row("Recouvrement", recovery)
            .row("Pages", protected)
            .row(
                "Authentification",
                "personnes nommées ; mot de passe Argon2id ; droits relus à chaque usage",
            )
            .row("Journal", "arbre de Merkle signé (RFC 6962, C2SP) ; pseudonymes ; ni titre ni contenu")
            .row("Témoins extérieurs du journal", witnesses.to_string())
            .row("Contrôle des titres", "aucune donnée personnelle ne voyage en clair")
            .row("Alertes à l'officier de sécurité", "par courriel, selon policies/alerts.toml")
    }
}

fn recipients(house: &House, today: Day) -> Section {
    let mut section = Section::new("Destinataires");
    for mailbox in &house.mailboxes {
        let readers = house.accounts.iter().filter(|account| account.reads(mailbox.id)).count();
        let mut lines = vec![format!("{readers} agents habilités")];
        let in_force = house.agreements.iter().filter(|a| a.mailbox == mailbox.id && a.in_force(today));
        for agreement in in_force {
            let partner = house.partners.iter().find(|partner| partner.id == agreement.partner);
            let name = partner.map_or("partenaire inconnu", |partner| partner.name.as_str());
            let until = agreement.until.map_or("sans terme".to_owned(), |day| format!("jusqu'au {day}"));
            lines.push(format!("dépose : {name}, convention du {} {until}", agreement.from));
        }
        section = section.rows(format!("Boîte « {} »", mailbox.name), lines);
    }
    let officers = house.accounts.iter().filter(|account| account.reads_log()).count();
    let managers = house.accounts.iter().filter(|account| account.role == Role::Gestionnaire).count();
    section
        .row("Officiers de sécurité", format!("{officers}, sans accès aux contenus"))
        .row("Gestionnaires de structures", format!("{managers}, sans accès aux contenus"))
        .row("Sous-traitants", "")
}

fn rights(house: &House) -> Section {
    let officers = house.organisations.iter().map(|of| of.data_protection_officer.to_string());
    Section::new("Droits des personnes")
        .rows("Où s'adresser", officers.collect())
        .row("Accès et effacement d'un professionnel", "par l'officier de sécurité : tout ce qui concerne une adresse est trouvé, exporté, effacé")
        .row("Usagers", "par les membres des boîtes, qui seuls peuvent lire ; l'effacement a lieu à l'expiration au plus tard")
        .row("Réclamation", "CNIL, 3 place de Fontenoy, TSA 80715, 75334 Paris Cedex 07, www.cnil.fr")
}

fn full(at: Timestamp) -> String {
    calendar::full(at, Language::Fr).replace('\u{a0}', " ")
}
