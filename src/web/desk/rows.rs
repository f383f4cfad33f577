//! Lines of the log as rows of a page.

use super::encoded;
use crate::app::JournalLine;
use crate::audit::{Actor, Origin, Outcome};
use crate::value::Language;
use crate::web::views::{JournalOutcome, JournalRow};

pub(super) fn row(line: JournalLine, language: Language) -> JournalRow {
    let who_link = match line.actor {
        Actor::Person(person) => Some(format!("/journal/personne?person={person}")),
        Actor::System | Actor::Operator | Actor::Anonymous => None,
    };
    let object = line.object.unwrap_or_default();
    let story = line.transfer.map(|transfer| {
        let name = if object.is_empty() { transfer.to_string() } else { object.clone() };
        (format!("/journal/transferts/{}", encoded(&name)), name)
    });
    let (object_link, object) = story.map_or((None, object), |(link, name)| (Some(link), name));
    JournalRow {
        index: line.index,
        time: line.at,
        who: line.who.unwrap_or_else(|| nobody(line.actor, language).to_owned()),
        who_link,
        action: line.action.label(language).to_owned(),
        object,
        object_link,
        outcome: outcome(line.outcome, language),
        origin: origin(line.origin, language),
    }
}

pub(super) fn outcome(outcome: Outcome, language: Language) -> JournalOutcome {
    let reason = outcome.reason(language).unwrap_or_default().to_owned();
    match outcome {
        Outcome::Done => JournalOutcome::Done,
        Outcome::Intended => JournalOutcome::Intended,
        Outcome::Refused(_) => JournalOutcome::Refused { reason },
        Outcome::Failed(_) => JournalOutcome::Failed { reason },
    }
}

pub(super) const fn nobody(actor: Actor, language: Language) -> &'static str {
    match (actor, language) {
        (Actor::System, Language::Fr) => "la passerelle",
        (Actor::System, Language::En) => "the gateway",
        (Actor::Operator, Language::Fr) => "l’exploitant",
        (Actor::Operator, Language::En) => "the operator",
        (_, Language::Fr) => "un inconnu",
        (_, Language::En) => "a stranger",
    }
}

pub(super) fn origin(origin: Origin, language: Language) -> String {
    match (origin, language) {
        (Origin::Web { address }, _) => format!("web {address}"),
        (Origin::Smtp { address }, _) => format!("SMTP {address}"),
        (Origin::Cli, Language::Fr) => "ligne de commande".to_owned(),
        (Origin::Cli, Language::En) => "command line".to_owned(),
        (Origin::Job, Language::Fr) => "tâche interne".to_owned(),
        (Origin::Job, Language::En) => "internal task".to_owned(),
    }
}
