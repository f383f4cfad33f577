//! The words of the register of cases and of its statistics, in French and English.

use super::words::words;

words! {
    /// The register: its page, its files.
    RegisterWords {
        title: "Tableau de suivi", "Register of cases";
        lead: "Chaque dossier y figure de lui-même, dès sa réception : dates, partenaire, site, nature et motif, réponse. Ni titre, ni message, ni nom d’assuré.",
            "Every case stands here by itself from its receipt on: dates, partner, site, kind and reason, answer. No title, no message, no name of an insured person.";
        all_mailboxes: "Toutes mes boîtes", "All my mailboxes";
        statistics: "Statistiques", "Statistics";
        filter: "Filtrer le tableau de suivi", "Filter the register";
        from: "Reçu du", "Received from";
        until: "au", "to";
        partner: "Partenaire", "Partner";
        site: "Site ou territoire", "Site or territory";
        kind: "Nature du dossier", "Kind of file";
        reason: "Motif", "Reason";
        state: "État", "State";
        any: "Tous", "All";
        apply: "Appliquer", "Apply";
        clear: "Effacer les filtres", "Clear the filters";
        csv: "Exporter en CSV", "Export as CSV";
        xlsx: "Exporter en XLSX", "Export as XLSX";
        export_help: "L’export porte sur toute la sélection, au plus 50 000 lignes.", "The export holds the whole selection, 50,000 lines at most.";
        too_many: "La sélection dépasse 50 000 lignes. Choisissez une période plus courte.", "The selection has more than 50,000 lines. Choose a shorter period.";
        not_a_day: "Ce n’est pas une date.", "This is no date.";
        none: "Aucune ligne", "No line";
        none_text: "Rien ne correspond à ce choix.", "Nothing meets this choice.";
        go_on_text: "La recherche n’est pas finie : poursuivez-la.", "The search is not over: go on.";
        next: "Suite", "Next";
        first: "Début", "Beginning";
        pages: "Pages du tableau de suivi", "Pages of the register";
        reference: "Référence", "Reference";
        received: "Reçu le", "Received";
        territory: "Territoire", "Territory";
        sender: "Expéditeur", "Sender";
        sender_gone: "nom effacé", "name erased";
        unknown: "non précisé", "not given";
        mailbox: "Boîte", "Mailbox";
        in_charge: "Boîte en charge", "Mailbox in charge";
        copy_box: "Copie demandée par le partenaire", "Copy asked for by the partner";
        wish: "La personne souhaite que le professionnel soit informé", "The person wishes that the professional be informed";
        route: "Voie", "By";
        by_page: "page de dépôt", "deposit page";
        by_mail: "courriel", "mail";
        by_api: "logiciel du partenaire", "partner’s software";
        by_other: "échange", "exchange";
        files: "Fichiers", "Files";
        taken: "Pris en charge le", "Taken in charge";
        taken_in_time: "Pris en charge à temps", "Taken in time";
        answered: "Répondu le", "Answered";
        how: "Réponse", "Answer";
        answered_in_time: "Répondu à temps", "Answered in time";
        ended: "Fin", "End";
        ended_on: "Terminé le", "Ended";
        expired: "Expiré", "Expired";
        revoked: "Retiré par l’expéditeur", "Withdrawn by the sender";
        live: "En cours", "Open";
        late: "En retard", "Late";
        reply: "suite d’un échange", "follows an exchange";
        yes: "oui", "yes";
        no: "non", "no";
        not_yet: "à venir", "not yet due";
        nothing_due: "sans objet", "none due";
        not_taken: "pas encore", "not yet";
        way_secure: "sécurisée", "secure";
        way_telephone: "téléphone", "telephone";
        way_letter: "courrier", "letter";
        way_meeting: "rendez-vous", "appointment";
    }
}

words! {
    /// The statistics of the register.
    StatisticsWords {
        title: "Statistiques", "Statistics";
        lead: "Comptées sur le tableau de suivi, par mois de réception. Les délais sont des heures entières, arrondies vers le haut.",
            "Counted from the register, by month of receipt. Delays are whole hours, rounded up.";
        kept_for: "Une ligne est conservée", "A line is kept for";
        kept_months: "mois après la fin du dossier ; il n’en reste ensuite que ces comptes.", "months after its case ended; after that only these counts stay.";
        year: "Année", "Year";
        month: "Mois", "Month";
        whole_year: "Toute l’année", "The whole year";
        show: "Afficher", "Show";
        period: "Période", "Period";
        by_month: "Par mois", "By month";
        by_partner: "Par partenaire", "By partner";
        by_site: "Par site", "By site";
        by_kind: "Par nature de dossier", "By kind of file";
        kinds_help: "Un dossier de plusieurs natures compte dans chacune.", "A case of several kinds counts in each.";
        by_reason: "Par motif", "By reason";
        by_way: "Manières de répondre", "Ways of answering";
        cases: "Dossiers", "Cases";
        dispatched: "Ventilés", "Dispatched";
        unopened: "Expirés sans ouverture", "Expired unopened";
        revoked: "Retirés", "Withdrawn";
        taken_median: "Prise en charge : médiane", "Taken in charge: median";
        taken_ninety: "Prise en charge : 9 sur 10 en", "Taken in charge: 9 in 10 within";
        taken_share: "Prise en charge à temps", "Taken in time";
        answered_median: "Réponse : médiane", "Answer: median";
        answered_ninety: "Réponse : 9 sur 10 en", "Answer: 9 in 10 within";
        answered_share: "Répondus à temps", "Answered in time";
        taken: "Prise en charge (médiane)", "Taken in charge (median)";
        answered: "Réponse (médiane)", "Answer (median)";
        nine_in_ten: "9 sur 10 en", "9 in 10 within";
        in_time: "À temps", "In time";
        total: "Total", "Total";
        none: "Aucun dossier sur cette période", "No case in this period";
        nobody: "Sans partenaire", "No partner";
        unknown: "Non précisé", "Not given";
        until_24: "moins de 24 h", "less than 24 h";
        until_48: "24 à 48 h", "24 to 48 h";
        until_72: "48 à 72 h", "48 to 72 h";
        until_120: "3 à 5 jours", "3 to 5 days";
        until_240: "5 à 10 jours", "5 to 10 days";
        longer: "plus de 10 jours", "more than 10 days";
        chart_cases: "Dossiers reçus par mois", "Cases received by month";
        chart_share: "Part répondue à temps, par mois", "Share answered in time, by month";
        chart_delay: "Dossiers par délai de réponse", "Cases by delay of the answer";
        chart_table: "Les mêmes chiffres sont dans le tableau qui suit.", "The table that follows holds the same figures.";
        cut: "Il y a plus de dossiers qu’il n’en est compté : ces chiffres sont trop petits.", "There are more cases than are counted: these figures are too small.";
        group: "Regroupement", "Group";
        value: "Valeur", "Value";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let all = |language| format!("{:?}{:?}", RegisterWords::of(language), StatisticsWords::of(language));
        let (fr, en) = (all(Language::Fr), all(Language::En));
        for mark in ["e :", "s :", "n :", "r ;", "r :"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " dossier ", " la ", " moins "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " case ", " the ", " less "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
