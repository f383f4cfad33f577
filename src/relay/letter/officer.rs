//! What the mails to the security officer say: alerts and the daily mail (S2, S3). They name nobody: who it is about
//! stands in the log, behind the button.

use super::wording::{Page, lines, our_link, say, time};
use super::{DailyCounts, Letter, LetterError};
use crate::audit::AlertKind;
use crate::value::{Language, Timestamp, calendar};

pub(super) fn alert_subject(kind: AlertKind, count: u64, language: Language) -> String {
    let what = say(language, "Alerte", "Alert");
    let times = if count > 1 { format!(" ({count})") } else { String::new() };
    format!("{what} – {}{times}", kind.label(language))
}

pub(super) fn alert_summary(kind: AlertKind, language: Language) -> String {
    match language {
        Language::Fr => format!("En français : alerte de la passerelle, {}.", kind.label(language)),
        Language::En => format!("In English: alert of the gateway, {}.", kind.label(language)),
    }
}

pub(super) fn daily_subject(at: Timestamp, language: Language) -> Result<String, LetterError> {
    let day = calendar::local_day(at).ok_or(LetterError::Date)?;
    Ok(format!("{} – {day}", say(language, "Journal de la passerelle", "Log of the gateway")))
}

pub(super) fn daily_summary(language: Language) -> String {
    say(
        language,
        "En français : point de contrôle signé du journal, à conserver.",
        "In English: signed checkpoint of the log, to be kept.",
    )
    .to_owned()
}

pub(super) fn alert(
    page: &mut Page,
    letter: &Letter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let Letter::Alert { kind, count, since, until, path } = letter else { return Ok(()) };
    page.before.push(match language {
        Language::Fr => format!("La passerelle vous signale : {}.", kind.label(language)),
        Language::En => format!("The gateway reports: {}.", kind.label(language)),
    });
    page.facts = vec![
        (say(language, "Nombre", "Number"), count.to_string()),
        (say(language, "Depuis le", "Since"), time(*since, language)?),
        (say(language, "Constaté le", "Noticed"), time(*until, language)?),
    ];
    page.button = Some((say(language, "Voir le journal", "See the log"), our_link(path, base_url)?));
    page.after.push(advice(*kind, language).to_owned());
    page.after.push(
        say(
            language,
            "Ce qui se répète est regroupé : vous ne recevrez pas un message par événement. Le journal dit tout.",
            "What repeats itself is gathered: you will not get a message for each event. The log tells all.",
        )
        .to_owned(),
    );
    Ok(())
}

/// What to do first.
const fn advice(kind: AlertKind, language: Language) -> &'static str {
    match kind {
        AlertKind::LogNotVerified => say(
            language,
            "Ne redémarrez rien. Exportez le journal et vérifiez l’export hors ligne avec un point de contrôle que vous \
             détenez (pli audit verify) : il dit quelles entrées ont été modifiées, retirées ou ajoutées.",
            "Restart nothing. Export the log and verify the export offline with a checkpoint that you hold (pli audit \
             verify): it says which entries were changed, removed or added.",
        ),
        AlertKind::ClockJumped => say(
            language,
            "Tant que l’horloge n’est pas confirmée, rien ne s’ouvre et aucune clé n’est détruite. L’exploitant regarde \
             l’horloge de la machine, puis la confirme (pli clock confirm).",
            "Until the clock is confirmed nothing opens and no key is destroyed. The operator looks at the machine’s \
             clock, then confirms it (pli clock confirm).",
        ),
        AlertKind::ManyRefusals => say(
            language,
            "Une attaque, ou un réglage qui bloque des personnes habilitées : le journal dit qui et d’où.",
            "An attack, or a setting that stops entitled people: the log says who and from where.",
        ),
        AlertKind::MassDownload | AlertKind::OutsideHours => say(
            language,
            "Demandez à la personne si c’est bien elle. Dans le doute, coupez son compte : ses sessions s’arrêtent \
             aussitôt.",
            "Ask the person whether it is really them. In doubt, cut the account off: its sessions end at once.",
        ),
        AlertKind::DayKeyLate => say(
            language,
            "Le contenu expiré reste fermé à tous, mais n’est pas encore détruit. L’exploitant vérifie le trousseau de \
             clés et ses copies.",
            "Expired content stays closed to all, but is not destroyed yet. The operator checks the keyring and its \
             copies.",
        ),
        AlertKind::ScannerTrouble => say(
            language,
            "Les dépôts sont acceptés et retenus jusqu’à leur analyse. L’exploitant vérifie l’antivirus.",
            "Deposits are accepted and held until they are scanned. The operator checks the virus scanner.",
        ),
        AlertKind::WitnessSilent => say(
            language,
            "Le journal continue et se vérifie, mais personne au dehors ne le contresigne. L’exploitant joint le témoin.",
            "The log goes on and verifies, but nobody outside cosigns it. The operator gets in touch with the witness.",
        ),
        AlertKind::TimestampSilent => say(
            language,
            "Le journal continue et se vérifie, mais aucune autorité ne l’horodate. L’exploitant vérifie l’adresse et le \
             certificat de l’autorité, ou la joint.",
            "The log goes on and verifies, but no authority stamps it. The operator checks the authority’s address and \
             certificate, or gets in touch with it.",
        ),
        AlertKind::SelfCheckFailed => say(
            language,
            "Le marqueur d’essai a été trouvé en clair, ou le contrôle n’a pas pu se faire : le journal dit lequel des \
             deux. Tant que ce n’est pas expliqué, demandez à l’exploitant d’arrêter les dépôts.",
            "The test marker was found in clear, or the check could not be made: the log says which of the two. Until \
             it is explained, have the operator stop deposits.",
        ),
        AlertKind::MailboxUnreachable => say(
            language,
            "Une boîte ne reçoit plus ses avis ; ses dépôts arrivent et attendent. La page des boîtes et le journal disent \
             laquelle. Prévenez l’équipe par téléphone, et faites vérifier l’adresse des avis par l’exploitant.",
            "A mailbox no longer gets its notices; its deposits arrive and wait. The page of mailboxes and the log say which. \
             Tell the team by telephone, and have the operator check the address for notices.",
        ),
        AlertKind::BackupOld => say(
            language,
            "L’exploitant vérifie la tâche de sauvegarde et la place qui reste.",
            "The operator checks the backup task and the space left.",
        ),
    }
}

pub(super) fn daily(
    page: &mut Page,
    letter: &Letter,
    language: Language,
    base_url: &str,
) -> Result<(), LetterError> {
    let Letter::Daily { entries, counts, lasting, checkpoint, .. } = letter else { return Ok(()) };
    page.before.push(
        say(
            language,
            "Voici le dernier point de contrôle signé du journal. Conservez ce message hors de la passerelle : il \
             permet de prouver que rien de ce qui précède n’a été changé.",
            "Here is the newest signed checkpoint of the log. Keep this message outside the gateway: it proves that \
             nothing before it was changed.",
        )
        .to_owned(),
    );
    page.facts = facts(*entries, counts, language);
    for kind in lasting {
        page.after.push(match language {
            Language::Fr => format!("Alerte toujours en cours : {}.", kind.label(language)),
            Language::En => format!("Alert that still lasts: {}.", kind.label(language)),
        });
    }
    page.button = Some((say(language, "Voir le journal", "See the log"), our_link("/journal", base_url)?));
    let label = say(
        language,
        "Preuve à conserver : point de contrôle signé du journal",
        "Proof to keep: signed checkpoint of the log",
    );
    page.proof = Some((label, lines(checkpoint)));
    Ok(())
}

fn facts(entries: u64, counts: &DailyCounts, language: Language) -> Vec<(&'static str, String)> {
    let rows = [
        ("Entrées du journal", "Entries of the log", entries),
        ("Nouvelles entrées", "New entries", counts.entries),
        ("Dépôts", "Deposits", counts.deposits),
        ("Ouvertures", "Openings", counts.openings),
        ("Téléchargements", "Downloads", counts.downloads),
        ("Connexions", "Sign-ins", counts.sign_ins),
        ("Transferts expirés", "Transfers expired", counts.expiries),
        ("Refus", "Refusals", counts.refusals),
        ("Échecs", "Failures", counts.failures),
        ("Alertes", "Alerts", counts.alerts),
    ];
    rows.into_iter().map(|(fr, en, count)| (say(language, fr, en), count.to_string())).collect()
}
