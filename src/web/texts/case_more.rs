//! The words of what a case's page says beside where the case stands, in French and English.

use super::words::words;

words! {
    /// Who is answered, the register's codes, the mediator.
    CaseMoreWords {
        whom_title: "À qui répondre", "Whom to answer";
        whom_partner: "Le partenaire qui a déposé, par une réponse sécurisée.", "The partner who deposited, by a secure answer.";
        whom_person: "La personne assurée, par téléphone ou autrement. Le partenaire seulement s’il le demande.", "The insured person, by telephone or otherwise. The partner only on request.";
        whom_person_copy: "La personne assurée, par téléphone ou autrement, et le partenaire, qui a demandé une copie.", "The insured person, by telephone or otherwise, and the partner, who asked for a copy.";
        whom_person_only: "La personne assurée seule. Ne répondez pas au partenaire.", "The insured person alone. Do not answer the partner.";
        whom_nobody: "Pas le partenaire : la personne ne le souhaite pas. Répondez-lui directement.", "Not the partner: the person does not wish it. Answer the person directly.";
        copy_yes: "Le partenaire a demandé une copie de la réponse.", "The partner asked for a copy of the answer.";
        copy_no: "Le partenaire n’a pas demandé de copie de la réponse.", "The partner did not ask for a copy of the answer.";
        copy_unknown: "Aucune fiche ne dit si le partenaire demande une copie.", "No form says whether the partner asks for a copy.";
        wish_yes: "La personne souhaite que le professionnel soit informé.", "The person wishes that the professional be informed.";
        wish_no: "La personne ne souhaite pas que le professionnel soit informé.", "The person does not wish that the professional be informed.";
        by_when: "Réponse attendue avant le", "Answer due by";
        answer_anyway: "Le partenaire n’a pas demandé de réponse. Je lui réponds quand même.", "The partner did not ask for an answer. I answer the partner all the same.";
        answer_asked: "La convention prévoit de répondre à la personne. Pour répondre au partenaire, cochez la case.", "By the agreement the person is answered. To answer the partner, tick the box.";
        answer_not_wished: "La personne ne souhaite pas que le professionnel soit informé : aucune réponse au partenaire n’est proposée.", "The person does not wish that the professional be informed: no answer to the partner is offered.";
        codes_title: "Codes du tableau de suivi", "Codes of the register";
        codes_missing: "Ce dossier est arrivé sans fiche : ces codes manquent au tableau de suivi.", "This case came without a form: the register lacks these codes.";
        codes_enter: "Saisir les codes", "Enter the codes";
        codes_change: "Corriger les codes", "Correct the codes";
        codes_help: "Seuls ces codes vont au tableau de suivi et aux statistiques, jamais un texte.", "Only these codes go into the register and the statistics, never a text.";
        codes_submit: "Enregistrer les codes", "Record the codes";
        site: "Site", "Site";
        kinds: "Nature du dossier", "Kind of file";
        reason: "Motif de la demande", "Reason of the request";
        copy_asked: "Le partenaire demande une copie de la réponse", "The partner asks for a copy of the answer";
        wish_asked: "La personne souhaite que le professionnel soit informé", "The person wishes that the professional be informed";
        wish_help: "Ce que dit le courriel, ou ce que la personne a dit au téléphone. « Non » ferme la réponse au partenaire.", "What the mail says, or what the person said by telephone. “No” closes the answer to the partner.";
        yes: "oui", "yes";
        no: "non", "no";
        unknown: "non précisé", "not given";
        mediator: "Médiateur", "Mediator";
        escalate: "Signaler au médiateur", "Tell the mediator";
        escalate_help: "Un courriel sans contenu est envoyé à la boîte", "A mail without content is sent to the mailbox";
        why: "Pourquoi", "Why";
        blocked: "Le dossier est bloqué", "The case does not get on";
        sensitive: "Le dossier est sensible", "The case is sensitive";
        escalated: "Signalé par", "Told by";
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::value::Language;

    #[test]
    fn french_sets_narrow_spaces_and_no_word_is_left_in_the_other_language() {
        let all = |language| format!("{:?}", CaseMoreWords::of(language));
        let (fr, en) = (all(Language::Fr), all(Language::En));
        for mark in ["e :", "é :", "s :", "r :"] {
            assert!(!fr.contains(mark), "a plain space in {mark:?}");
        }
        for left in [" vous ", " dossier ", " la "] {
            assert!(!en.contains(left), "{left:?} in the English words");
        }
        for left in [" you ", " case ", " the "] {
            assert!(!fr.contains(left), "{left:?} in the French words");
        }
    }
}
