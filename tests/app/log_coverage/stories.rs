//! Every story of this suite once more, with the log watched: which use case left which events.
//!
//! The suite runs itself in a process of its own. There each commit is held to the law of a unit and noted with the
//! use cases that were at work, as the call stack names them, so that a table of use cases and what they leave is what
//! happened and not what somebody wrote. It is kept in `docs/events.md`: a change of what the log tells is its diff.

use std::backtrace::Backtrace;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::fs;
use std::io::Write as _;
use std::ops::Range;
use std::path::Path;
use std::process::Command;

use pli::app::ports::UnitOfWork;
use pli::audit::{Action, FailureReason, Outcome, RefusalReason};

use super::broken_law;

/// Where the process that watches writes what it sees; without it nothing is noted.
const NOTES: &str = "PLI_TEST_LOG_NOTES";
const TABLE: &str = "docs/events.md";
/// What is left by a task that a use case began.
const APART: &str = "(a task apart)";

/// Shown each unit that a use case of the suite committed.
pub fn watch(unit: &UnitOfWork) {
    let Some(path) = std::env::var_os(NOTES) else { return };
    // Most units keep the law without any excuse; only for the others is the stack worth its time.
    if unit.entries.is_empty() && broken_law(unit, |_| false).is_none() {
        return;
    }
    let stack = Backtrace::force_capture().to_string();
    let places: BTreeSet<&str> = stack.lines().filter_map(place).collect();
    // The store that the use cases get stands below `app` too.
    if places.iter().all(|place| place.starts_with("standing.rs:")) {
        return; // A test that sets something up in the store itself.
    }
    let places = Vec::from_iter(places).join(" ");
    let mut notes = String::new();
    let excused = |effect: &str| {
        let rows =
            BOOKKEEPING.iter().filter(|(_, begins, _)| begins.iter().any(|begin| effect.starts_with(begin)));
        rows.into_iter().any(|(file, ..)| places.split(' ').any(|place| place.starts_with(file)))
    };
    if let Some(broken) = broken_law(unit, excused) {
        let story = std::thread::current().name().unwrap_or_default().to_owned();
        let _ = writeln!(notes, "{places}\tbroken\tin {story}: {}", broken.replace(['\n', '\t'], " "));
    }
    for entry in &unit.entries {
        let _ = writeln!(notes, "{places}\t{}\t{}", entry.event.action.code(), told(entry.event.outcome));
    }
    let file = fs::OpenOptions::new().append(true).create(true).open(path);
    file.and_then(|mut file| file.write_all(notes.as_bytes())).unwrap();
}

/// The place below `src/app` that a line of a stack names: `people/change.rs:52`.
fn place(line: &str) -> Option<&str> {
    let (_, place) = line.trim().strip_prefix("at ")?.split_once("src/app/")?;
    let (place, _column) = place.rsplit_once(':')?;
    (!place.starts_with("ports/")).then_some(place)
}

fn told(outcome: Outcome) -> String {
    match outcome {
        Outcome::Done | Outcome::Intended => outcome.code().to_owned(),
        Outcome::Refused(reason) => format!("refused:{}", reason.code()),
        Outcome::Failed(reason) => format!("failed:{}", reason.code()),
    }
}

/// A use case as the source declares it.
struct UseCase {
    name: String,
    /// The file below `src/app`, and the lines from its head to the next function's.
    file: String,
    lines: Range<usize>,
    /// What the caller gets, as written.
    result: String,
}

/// Every public asynchronous function below `src/app`, ports apart: only these can commit for somebody outside.
fn use_cases() -> Vec<UseCase> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/app");
    let (mut found, mut folders) = (Vec::new(), vec![root.clone()]);
    while let Some(folder) = folders.pop() {
        for entry in fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() && !path.ends_with("ports") {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let file = path.strip_prefix(&root).unwrap().to_string_lossy().into_owned();
                found.extend(declared(&file, &fs::read_to_string(&path).unwrap()));
            }
        }
    }
    found
}

fn declared(file: &str, text: &str) -> Vec<UseCase> {
    let lines: Vec<&str> = text.lines().collect();
    let is_head = |line: &str| {
        let line = line.strip_prefix("    ").unwrap_or(line);
        let words = line.split('(').next().unwrap_or_default().split(' ');
        !line.starts_with(' ') && !line.starts_with("//") && words.take(4).any(|word| word == "fn")
            || line.starts_with("pub(") && line.contains(" fn ")
    };
    let heads: Vec<usize> = (0..lines.len()).filter(|n| is_head(lines[*n])).collect();
    let module = file.strip_suffix(".rs").unwrap_or(file).replace('/', "::");
    let module = module.strip_suffix("::mod").unwrap_or(&module);
    let mut found = Vec::new();
    for (n, at) in heads.iter().enumerate() {
        let Some((_, name)) = lines[*at].split_once("pub async fn ") else { continue };
        let name: String = name.chars().take_while(|c| c.is_ascii_alphanumeric() || *c == '_').collect();
        let head = lines[*at..].iter().take_while(|line| !line.ends_with('}')).copied();
        let head = head.collect::<Vec<_>>().join(" ");
        let head = head.split(" {").next().unwrap_or_default();
        let result = head.split_once("->").map(|(_, result)| result.trim().to_owned()).unwrap_or_default();
        let until = heads.get(n + 1).copied().unwrap_or(lines.len());
        let name = if module == "mod" { name } else { format!("{module}::{name}") };
        found.push(UseCase { name, file: file.to_owned(), lines: at + 1..until + 1, result });
    }
    found
}

/// What each use case left, by its name: action and outcome.
type Left = BTreeMap<String, BTreeSet<(String, String)>>;

#[test]
#[expect(clippy::disallowed_methods, reason = "the stories run once more in a process of their own")]
fn every_use_case_of_every_story_leaves_its_events() {
    if std::env::var_os(NOTES).is_some() {
        return;
    }
    let directory = tempfile::tempdir().unwrap();
    let notes = directory.path().join("notes");
    let ran = Command::new(std::env::current_exe().unwrap())
        .args(["--quiet", "--skip", "every_use_case_of_every_story"])
        .env(NOTES, &notes)
        .output()
        .unwrap();
    let notes = fs::read_to_string(notes).unwrap();
    if let Some(copy) = std::env::var_os("PLI_KEEP_LOG_NOTES") {
        fs::write(copy, &notes).unwrap();
    }
    let cases = use_cases();
    let at_work = |places: &str| -> BTreeSet<&str> {
        let places = places.split(' ').filter_map(|place| place.rsplit_once(':'));
        let named = places.filter_map(|(file, line)| {
            let line = line.parse().ok()?;
            cases.iter().find(|case| case.file == file && case.lines.contains(&line))
        });
        named.map(|case| case.name.as_str()).collect()
    };
    let (mut left, mut wrong) = (Left::new(), BTreeSet::new());
    for line in notes.lines() {
        let [places, action, outcome] = line.split('\t').collect::<Vec<_>>()[..] else { panic!("{line}") };
        let named = at_work(places);
        if action == "broken" {
            wrong.insert(format!("{named:?} {outcome}"));
            continue;
        }
        // A task that a use case began, which its stack does not name.
        let named = if named.is_empty() { BTreeSet::from([APART]) } else { named };
        for case in named {
            left.entry(case.to_owned()).or_default().insert((action.to_owned(), outcome.to_owned()));
        }
    }
    // What the others left is judged all the same: a story that fails says so by itself too.
    if !ran.status.success() {
        let said = String::from_utf8_lossy(&ran.stdout).into_owned();
        let failed = said.lines().filter(|line| line.ends_with("--- FAILED"));
        wrong.extend(failed.map(|line| format!("a story fails: {line}")));
        wrong.insert("stories fail, and what they leave is missing here".to_owned());
    }
    wrong.extend(missing(&left));
    wrong.extend(silent(&cases, &left));
    wrong.extend(super::refusals::untold(&notes));
    wrong.extend(changed(&left));
    assert!(wrong.is_empty(), "{}", wrong.into_iter().collect::<Vec<_>>().join("\n"));
}

/// Actions and reasons that no story met.
fn missing(left: &Left) -> Vec<String> {
    let met: BTreeSet<&(String, String)> = left.values().flatten().collect();
    let has_action = |code: &str| met.iter().any(|(action, _)| action == code);
    let has_outcome = |told: String| met.iter().any(|(_, outcome)| *outcome == told);
    let actions = Action::ALL.iter().map(|action| action.code()).filter(|code| !has_action(code));
    let refusals = RefusalReason::ALL.iter().map(|reason| reason.code());
    let failures = FailureReason::ALL.iter().map(|reason| reason.code());
    let reasons = refusals
        .filter(|code| !has_outcome(format!("refused:{code}")))
        .chain(failures.filter(|code| !has_outcome(format!("failed:{code}"))));
    let reasons = reasons.map(|code| format!("no story meets the reason {code}"));
    actions.map(|code| format!("no story meets the action {code}")).chain(reasons).collect()
}

/// Use cases without an event, and those that can refuse without one, that do not say why.
fn silent(cases: &[UseCase], left: &Left) -> Vec<String> {
    let mut wrong = Vec::new();
    let quiet: BTreeMap<&str, &str> = QUIET.iter().copied().collect();
    for (case, why) in &quiet {
        if !cases.iter().any(|declared| declared.name == *case) {
            wrong.push(format!("{case} ({why}) is no use case any more: take it out of QUIET"));
        }
    }
    for UseCase { name: case, result, .. } in cases {
        let events = left.get(case);
        match (events, quiet.get(case.as_str())) {
            (None, None) => {
                wrong.push(format!("{case} leaves no event in any story: tell one, or say why in QUIET"));
            }
            (Some(_), Some(_)) => wrong.push(format!("{case} leaves events: take it out of QUIET")),
            _ => {}
        }
        let refused =
            |(_, outcome): &(String, String)| outcome.starts_with("refused") || outcome.starts_with("failed");
        let told = events.is_some_and(|events| events.iter().any(refused));
        let excused = UNTOLD.iter().any(|(name, _)| name == case);
        if events.is_some() && can_refuse(result) && !told && !excused {
            wrong.push(format!("{case} can refuse ({result}), and no story meets an event of it"));
        }
        if excused && told {
            wrong.push(format!("{case} tells of its refusals: take it out of UNTOLD"));
        }
    }
    wrong
}

/// Whether the caller may get a refusal, which is any error that is not a fault of ours.
fn can_refuse(result: &str) -> bool {
    let words = result.split(|c: char| !c.is_ascii_alphanumeric());
    words.filter(|word| *word != "AppError").any(|word| word.ends_with("Error") || word.ends_with("Refusal"))
}

/// Where the table differs from what happened: an event that it does not have, or one of which nobody leaves its like any
/// more. Which of two that race meets an event differs from run to run, and is no difference.
fn changed(left: &Left) -> Vec<String> {
    let place = Path::new(env!("CARGO_MANIFEST_DIR")).join(TABLE);
    let mut kept = read_table(&fs::read_to_string(&place).unwrap_or_default());
    if std::env::var_os("PLI_WRITE_EVENTS").is_some() {
        fs::write(&place, table(left)).unwrap();
        kept.clone_from(left);
    }
    let met: BTreeSet<_> = left.values().flatten().collect();
    let none = BTreeSet::new();
    let mut wrong = Vec::new();
    for (case, events) in left {
        let new = events.difference(kept.get(case).unwrap_or(&none));
        wrong.extend(new.map(|(action, outcome)| {
            format!("{case} leaves {action} {outcome}, which {TABLE} does not have")
        }));
    }
    for (case, events) in &kept {
        let gone = events.iter().filter(|event| !left.contains_key(case) || !met.contains(event));
        wrong.extend(
            gone.map(|(action, outcome)| {
                format!("{case} leaves {action} {outcome} no more, which {TABLE} has")
            }),
        );
    }
    if !wrong.is_empty() {
        wrong.push(format!(
            "If that is meant: write {TABLE} anew with `PLI_WRITE_EVENTS=1` and read its diff."
        ));
    }
    wrong
}

/// The table as it is kept.
fn read_table(text: &str) -> Left {
    let rows =
        text.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |")?.split_once("` | "));
    let events = |told: &str| -> BTreeSet<(String, String)> {
        let actions = told.split("; ").filter_map(|part| part.strip_prefix('`')?.split_once("` "));
        actions
            .flat_map(|(action, all)| all.split(", ").map(|one| (action.to_owned(), one.to_owned())))
            .collect()
    };
    rows.map(|(case, told)| (case.to_owned(), events(told))).collect()
}

fn table(left: &Left) -> String {
    let mut told = String::from(
        "# What each use case leaves in the log\n\n\
         Written by `tests/app/log_coverage/stories.rs` from what happened in the stories of the suite: for each use case \
         that leaves events, its actions with their outcomes; of a refusal or a failure, the reasons that were met. A use \
         case that calls another one has the events of both.\n\n| use case | leaves |\n| --- | --- |\n",
    );
    for (case, events) in left {
        let mut actions: BTreeMap<&str, Vec<&str>> = BTreeMap::new();
        for (action, outcome) in events {
            actions.entry(action).or_default().push(outcome);
        }
        let actions = actions.iter().map(|(action, outcomes)| format!("`{action}` {}", outcomes.join(", ")));
        let _ = writeln!(told, "| `{case}` | {} |", actions.collect::<Vec<_>>().join("; "));
    }
    told
}

/// What is kept for the gateway itself, without an event of its own: where, which records, and why.
const BOOKKEEPING: &[(&str, &[&str], &str)] = &[
    ("receipt.rs", &["put Mail("], "a letter that was queued gets the proof that it waits for"),
    (
        "api_clients.rs",
        &["put ApiClient("],
        "when a token was last used; each use that does something has its event",
    ),
    (
        "restore/",
        &["put ", "Delete(Restoration("],
        "a restore is told at its end, in one event with what it closed",
    ),
    (
        "api_deposit.rs",
        &["Delete(ApiDeposit("],
        "the software's own name of a draft that was discarded with its event",
    ),
    ("remind.rs", &["put Transfer("], "when a case is looked at again, while nobody is to be told"),
    (
        "upload_append.rs",
        &["put Upload("],
        "how far a file has come; that it begins, ends or is refused has its event",
    ),
    ("hold.rs", &["put Held("], "when a deposit that stays held was looked at last"),
    (
        "expire.rs",
        &[
            "Delete(Proof(",
            "Delete(AccountLink(",
            "Delete(Session(",
            "Delete(RecoveryRequest(",
            "Delete(Repeat(",
            "Delete(Mail(",
            "Delete(ApiDeposit(",
            "Delete(Sent(",
            "Delete(LinkSession(",
        ],
        "what is over and opens nothing any more",
    ),
    ("expire.rs", &["Delete(Draft("], "a draft whose deposit was sent; one that is discarded has its event"),
    (
        "keep_policies.rs",
        &["put StsPolicy("],
        "what another domain demands of who brings it mail: a record of the outside world",
    ),
    ("sign_in.rs", &["put Session("], "when a session was last used; that one begins or ends has its event"),
];

/// Use cases that leave no event, each with the reason.
const QUIET: &[(&str, &str)] = &[
    ("accept_deposit::sent_transfer", "a query; the page that shows it opened the draft"),
    ("administer::mailbox_by_page", "a query of names"),
    ("administer::mailboxes", "a query of names"),
    ("administer::organisations", "a query of names"),
    ("administer::partners", "a query of names"),
    ("another_draft::may_begin_another", "a query"),
    ("answered_letter::mailbox_answered", "which mailbox a mail is for; taking or refusing it has its event"),
    ("api_clients::api_client", "who shows a token; the use case that it is for leaves `token.used`"),
    ("api_clients::api_clients", "a query of the operator's"),
    ("api_deposit::api_deposit", "the software's own draft; its answer is the state that events tell of"),
    ("api_deposit::api_deposits", "the software's own drafts"),
    ("api_deposit::api_mailboxes", "a query of names"),
    ("case_rules::agreed_answer_title", "a query of the agreement"),
    ("case_rules::case_rules", "a query of the agreement"),
    ("compose::answered_by_draft", "a query; opening the case left its event"),
    ("desk::timeline::selection", "what a filter means; the look has its event"),
    ("dispatch::dispatch_stages", "a part of an opened case"),
    ("dispatch::dispatch_targets", "a query of names"),
    ("dkim_keys::dkim_keys", "a query of the operator's"),
    ("draft_form::form_offer", "a query of the form"),
    ("draft_form::mailbox_name", "a query of names"),
    ("forward_log::forward_backlog", "how far the forwarding is"),
    ("forward_log::forward_log", "the log itself goes on; an entry for each entry would never end"),
    ("heartbeat::unreachable_mailboxes", "a query of the health page"),
    ("hold::deposit_is_held", "waits, and does nothing"),
    ("hold::held_deposit", "a query of the operator's"),
    ("hold::held_deposits", "a query of the operator's"),
    ("inspect::scanner_health", "a query of the health page"),
    ("keep_log::log_state", "a query of the log's health"),
    ("keep_log::sign_checkpoint", "a checkpoint is its own proof; an entry for each would never end"),
    ("list_transfers::name_of_account", "a query of names"),
    ("mail_queue::queue_depth", "a query of the health page"),
    ("mail_queue::queue_page", "a part of the queue's page, which leaves `mail.queue_read`"),
    ("mail_queue::queued_mail", "a part of the queue's page, which leaves `mail.queue_read`"),
    ("mail_sign_in::mail_password_of", "a query of one's own"),
    ("mail_waits", "waits, and does nothing"),
    ("open_draft::draft", "the depositor's own draft, behind the proof that left its event"),
    ("open_transfer::filled_form", "a part of an opened case"),
    ("other_drafts::other_drafts", "the depositor's own drafts"),
    ("own_account::judge_password", "judges, and keeps nothing"),
    ("own_account::own_sessions", "a query of one's own"),
    ("passkeys::vault_passkeys", "a query of one's own"),
    ("people::invite::may_join", "judges, and keeps nothing"),
    ("people::terms::signed_waiting", "a session that waits for the terms, and opens nothing"),
    ("prove_log::consistency_proof", "hashes of the log, which tell nothing of what is in it"),
    ("prove_log::inclusion_proof", "hashes of the log, which tell nothing of what is in it"),
    ("prove_log::prove_entry", "hashes of the log, which tell nothing of what is in it"),
    ("prove_log::prove_growth", "hashes of the log, which tell nothing of what is in it"),
    ("provider_sign_in::go_to_provider", "leads to the provider; who comes back leaves the event"),
    ("provider_sign_in::provider_sign_out", "an address at the provider; signing out leaves its event"),
    (
        "reads_on::member_reads_on",
        "asks the right again while bytes leave; a refusal ends the download, whose end is told",
    ),
    (
        "reads_on::outsider_reads_on",
        "asks the right again while bytes leave; a refusal ends the download, whose end is told",
    ),
    ("receipt::prove_receipts", "a letter that was queued gets the proof that it waits for"),
    ("receipt::receipt_of", "a query of the sent page"),
    ("receipt::receipt_salt", "a query; telling the salt has its event"),
    ("receipt::receipt_waits", "waits, and does nothing"),
    ("recovery_consent::recovery_requests", "a query of the operator's"),
    ("release::organisation_of", "a query of names"),
    ("restore::look_for_restoration", "a query at the start"),
    ("second_factor::awaits_code", "a query of one's own"),
    ("second_factor::waiting_address", "a query of one's own"),
    ("self_check::last_self_check", "a query of the health page"),
    ("self_check::walk_with_marker", "on a gateway of its own; its result leaves `gateway.self_checked`"),
    ("sending_defaults::sending_defaults", "a query"),
    ("sending_defaults::usual_sending", "a query"),
    ("stamp_log::timestamp_view", "a query of the log's health"),
    ("stamp_log::timestamps", "a query of the log's health"),
    ("upload::unfinished_uploads", "the depositor's own draft"),
    ("upload_append::broken_off", "how far a file has come; its end is told by the task behind it"),
    ("upload_append::finish", "hands over to the task behind it, which tells"),
    ("upload_append::push", "hands over to the task behind it, which tells"),
    ("witness::witnesses", "a query of the log's health"),
];

/// Use cases whose refusals leave no event, each with the reason.
const UNTOLD: &[(&str, &str)] = &[
    ("api_clients::make_api_client", "what the operator mistypes is answered at the shell"),
    ("api_deposit::discard_api_deposit", "there is no such deposit of the software's"),
    ("dkim_keys::retire_dkim_key", "what the operator mistypes is answered at the shell"),
    ("dkim_keys::use_dkim_key", "what the operator mistypes is answered at the shell"),
    ("import_agreement::import_agreement", "a file that is not understood is answered at the shell"),
    ("import_sites::import_sites", "a file that is not understood is answered at the shell"),
    (
        "people::invite::invite",
        "what the operator mistypes is answered at the shell; on pages `appoint` tells",
    ),
    ("restore::restore", "a backup that does not open changes nothing, and there is no log to tell it yet"),
    ("upload::drop_upload", "there is no such upload of this draft"),
];
