//! What the security officer is warned of: a closed list, so that the log can say which alert was raised (S2).

use super::coded::coded;

coded! {
    /// What an alert warns of.
    AlertKind {
        LogNotVerified = "log_not_verified", "le journal ne se vérifie plus", "the log no longer verifies";
        ClockJumped = "clock_jumped", "l'horloge a sauté", "the clock has jumped";
        ManyRefusals = "many_refusals", "refus nombreux", "many refusals";
        MassDownload = "mass_download", "ouvertures ou téléchargements en nombre par une personne", "openings or downloads in numbers by one person";
        OutsideHours = "outside_hours", "accès en dehors des heures de travail", "access outside working hours";
        DayKeyLate = "day_key_late", "clé d'un jour passé non détruite", "key of a day that is over not destroyed";
        ScannerTrouble = "scanner_trouble", "antivirus sans réponse", "virus scanner not answering";
        WitnessSilent = "witness_silent", "témoin du journal silencieux", "witness of the log silent";
        TimestampSilent = "timestamp_silent", "autorité d'horodatage silencieuse", "timestamp authority silent";
        SelfCheckFailed = "self_check_failed", "contrôle quotidien du chiffrement en échec", "daily check of the encryption failed";
        MailboxUnreachable = "mailbox_unreachable", "boîte que les avis n'atteignent plus", "mailbox that notices no longer reach";
        BackupOld = "backup_old", "sauvegarde trop ancienne", "backup too old";
    }
}
