//! The files of a breach kit, in French: report, draft of the notice (GDPR art. 33(3)), tables, proofs.

use std::fmt::Write as _;

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};

use super::super::kit_text::{KitFile, Section, TO_COMPLETE, csv, markdown};
use super::{BreachReport, Deadline, ENTRIES_MAX};
use crate::value::{Language, Timestamp, calendar};

const FR: Language = Language::Fr;

impl BreachReport {
    /// The kit as files. Names and order do not change.
    pub fn files(&self) -> Vec<KitFile> {
        vec![
            KitFile::text("LISEZ-MOI.txt", READ_ME.to_owned()),
            KitFile::text("rapport.md", markdown("Violation de données : rapport", &self.sections())),
            KitFile::text("notification.md", self.notice()),
            KitFile::text("chronologie.csv", self.timeline_table()),
            KitFile::text("transferts.csv", self.transfers_table()),
            KitFile::text("personnes.csv", self.people_table()),
            KitFile::text("preuves.jsonl", self.proofs_text()),
            KitFile::text("point-de-controle.txt", self.checkpoint.note.clone()),
        ]
    }

    /// What the page shows and the report holds.
    pub fn sections(&self) -> Vec<Section> {
        vec![self.scope_section(), self.numbers_section(), self.deadline_section(), self.people_section()]
    }

    fn scope_section(&self) -> Section {
        let scope = &self.scope;
        let mut section = Section::new("Périmètre")
            .row("Du", full(scope.from))
            .row("Au", full(scope.until))
            .row("Connaissance de la violation", full(scope.aware_at))
            .row("Rapport établi le", full(self.made_at));
        if let Some(account) = scope.account.as_deref().filter(|typed| !typed.trim().is_empty()) {
            section = section.row("Compte", account);
        }
        if let Some(reference) = &scope.transfer {
            section = section.row("Transfert", reference.to_string());
        }
        if self.is_cut {
            let told = format!(
                "le périmètre compte plus de {ENTRIES_MAX} entrées : les plus anciennes manquent, réduisez la période"
            );
            section = section.row("Attention", told);
        }
        section
    }

    fn numbers_section(&self) -> Section {
        let read = self.read().count();
        Section::new("Ce qui a été touché")
            .row("Transferts dont le contenu a été lu", read.to_string())
            .row("Personnes concernées (environ)", format!("{read}, à raison d'un dossier par usager"))
            .row("Fichiers de ces transferts (environ)", self.files_read().to_string())
            .row("Transferts nommés dans le journal", self.transfers.len().to_string())
            .row("Entrées du journal", self.timeline.len().to_string())
    }

    fn deadline_section(&self) -> Section {
        self.deadlines.iter().fold(Section::new("Qui prévenir, et avant quand"), |section, deadline| {
            section.row(deadline.who.clone(), in_words(deadline, self.made_at))
        })
    }

    fn people_section(&self) -> Section {
        let lines = self.people.iter().map(|doer| {
            let done = doer.done.iter().map(|(action, count)| format!("{} : {count}", action.label(FR)));
            let done: Vec<String> = done.collect();
            format!(
                "{} – transferts lus : {} ; refus ou échecs : {} ; {}",
                doer.who,
                doer.transfers,
                doer.refused,
                done.join(", ")
            )
        });
        Section::new("Qui a agi").rows("Personnes", lines.collect())
    }

    /// The draft of the notice to the authority: each point of GDPR art. 33(3).
    fn notice(&self) -> String {
        let who = |line: fn(&crate::identity::Organisation) -> String| -> Vec<String> {
            self.organisations.iter().map(line).collect()
        };
        let read = self.read().count();
        let sections = [
            Section::new("Responsable du traitement")
                .rows("Organisme", who(|of| format!("{}, {}", of.name, of.postal_address)))
                .row("Notification", format!("initiale, le [{TO_COMPLETE}] ; complémentaire, le [{TO_COMPLETE}]"))
                .row("Connaissance de la violation", full(self.scope.aware_at))
                .row("Motif d'un éventuel retard au-delà de 72 heures", ""),
            Section::new("a) Nature de la violation")
                .row("Description des faits", "")
                .row("Nature", format!("perte de confidentialité, d'intégrité ou de disponibilité : [{TO_COMPLETE}]"))
                .row("Période", format!("du {} au {}", full(self.scope.from), full(self.scope.until)))
                .row("Catégories de personnes concernées", "usagers dont un dossier a été transmis ; professionnels")
                .row("Nombre approximatif de personnes concernées", format!("{read} (un dossier par usager), à vérifier"))
                .row("Catégories d'enregistrements", "dossiers transmis : message et pièces jointes")
                .row("Nombre approximatif d'enregistrements", format!("{read} transferts, {} fichiers", self.files_read())),
            Section::new("b) Point de contact")
                .rows("Délégué à la protection des données", who(|of| format!("{} : {}", of.name, of.data_protection_officer)))
                .row("Autre contact", ""),
            Section::new("c) Conséquences probables")
                .row("Pour les personnes", "")
                .row("Gravité et vraisemblance", "")
                .row("Risque élevé (information des personnes, article 34)", format!("oui / non : [{TO_COMPLETE}]")),
            Section::new("d) Mesures prises ou proposées")
                .row("Déjà en place", "contenus chiffrés à l'arrivée ; ouverture par des personnes nommées et habilitées ; journal infalsifiable ; destruction des clés à l'expiration")
                .row("Pour mettre fin à la violation", "")
                .row("Pour en atténuer les conséquences", "")
                .row("Information des personnes concernées", ""),
            self.deadline_section(),
            Section::new("Registre des violations (article 33, paragraphe 5)")
                .row("À inscrire même sans notification", "faits, effets, mesures")
                .row("Preuves", "chronologie.csv, preuves.jsonl, point-de-controle.txt de ce dossier"),
        ];
        markdown("Notification d'une violation de données personnelles (projet)", &sections)
    }

    fn timeline_table(&self) -> String {
        let rows = self.timeline.iter().map(|line| {
            let outcome = match line.event.outcome.reason(FR) {
                Some(reason) => format!("{} : {reason}", line.event.outcome.label(FR)),
                None => line.event.outcome.label(FR).to_owned(),
            };
            vec![
                line.index.to_string(),
                calendar::precise(line.event.at, FR),
                line.who.clone(),
                line.event.action.label(FR).to_owned(),
                line.object.clone(),
                outcome,
                origin(line.event.origin),
            ]
        });
        let header = ["entrée", "heure de Paris", "qui", "action", "objet", "résultat", "origine"];
        csv(&header, &rows.collect::<Vec<_>>())
    }

    fn transfers_table(&self) -> String {
        let rows = self.transfers.iter().map(|transfer| {
            vec![
                transfer.reference.as_ref().map(ToString::to_string).unwrap_or_default(),
                transfer.mailbox.clone(),
                transfer.partner.as_ref().map(|(_, name)| name.clone()).unwrap_or_default(),
                transfer.site.clone().unwrap_or_default(),
                transfer.received_at.map(|at| calendar::precise(at, FR)).unwrap_or_default(),
                transfer.file_count.to_string(),
                transfer.total_size.bytes().to_string(),
                transfer.readings.to_string(),
                transfer.readers.to_string(),
                if transfer.live { "oui" } else { "non" }.to_owned(),
            ]
        });
        let header = [
            "référence",
            "boîte",
            "partenaire",
            "site",
            "reçu le",
            "fichiers",
            "octets",
            "lectures",
            "lecteurs",
            "encore ouvrable",
        ];
        csv(&header, &rows.collect::<Vec<_>>())
    }

    fn people_table(&self) -> String {
        let rows = self.people.iter().map(|doer| {
            let done: u64 = doer.done.values().sum();
            vec![doer.who.clone(), doer.transfers.to_string(), done.to_string(), doer.refused.to_string()]
        });
        csv(&["personne", "transferts lus", "actions", "refus ou échecs"], &rows.collect::<Vec<_>>())
    }

    /// One line an entry: payload, salt and inclusion proof, which lead to the checkpoint beside.
    fn proofs_text(&self) -> String {
        let mut text = String::new();
        for (line, hashes) in self.timeline.iter().zip(&self.proofs) {
            let proof = serde_json::json!({
                "index": line.index,
                "leaf": line.entry.leaf(),
                "payload": line.entry.payload(),
                "salt": BASE64.encode(line.entry.salt()),
                "proof": hashes,
            });
            // A String takes all that is written.
            let _ = writeln!(text, "{proof}");
        }
        text
    }
}

fn in_words(deadline: &Deadline, now: Timestamp) -> String {
    let state = if now > deadline.by { "délai dépassé" } else { "reste" };
    let away = calendar::relative(now, deadline.by, FR);
    format!("avant le {} ({} h, {}) – {state} : {away}", full(deadline.by), deadline.hours, deadline.ground)
}

fn full(at: Timestamp) -> String {
    calendar::full(at, FR).replace('\u{a0}', " ")
}

fn origin(origin: crate::audit::Origin) -> String {
    match origin {
        crate::audit::Origin::Web { address } => format!("web {address}"),
        crate::audit::Origin::Smtp { address } => format!("SMTP {address}"),
        crate::audit::Origin::Cli => "ligne de commande".to_owned(),
        crate::audit::Origin::Job => "tâche interne".to_owned(),
    }
}

const READ_ME: &str = "Dossier de violation de données (RGPD, articles 33 et 34)

rapport.md             ce qui a été touché, par qui, qui prévenir et avant quand
notification.md        projet de notification ; ce que la passerelle ne sait pas est marqué [à compléter]
chronologie.csv        les entrées du journal, dans l'ordre
transferts.csv         les transferts nommés, ceux qui ont été lus d'abord
personnes.csv          les personnes qui ont agi
preuves.jsonl          une ligne par entrée : son contenu exact, son sel, sa preuve d'inclusion (RFC 9162)
point-de-controle.txt  le point de contrôle signé du journal auquel ces preuves mènent (C2SP tlog-checkpoint)

Aucun contenu, aucun titre, aucun nom de fichier et aucun nom d'usager ne figurent ici : le journal n'en contient pas.
Vérifier une entrée : SHA-256(0x00 || \"pli-audit-entry-v1\\n\" || sel || payload) est sa feuille ; les empreintes de
\"proof\" mènent de la feuille à la racine du point de contrôle, que signe la clé publique du journal (pli key show).
";
