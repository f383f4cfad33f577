//! The organisation's live mail is got out without Pli: the commands of `docs/recovery.md` are run as they stand there, by
//! a shell, on the real binary and the stock `age`, and what was deposited comes back byte for byte. Without the second
//! person no key goes out.

use std::collections::BTreeMap;
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::process::{Output, Stdio};
use std::sync::Arc;

use crate::support::gateway::{Gateway, Person, Start};
use crate::support::http::Upload;
use crate::support::log::{export as export_log, payloads};
use crate::support::steps::open_draft;
use crate::support::{age, files_under, holds, program, samples};

const GUIDE: &str = include_str!("../../docs/recovery.md");
const MESSAGE: &str = "Le message à retrouver, avec ses accents : éàü.";
/// Kept by its members: the gateway itself opens nothing of it.
const MAILBOX: &str = "service-social";

/// The guide's commands, by the word behind `sh`.
fn commands() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    let mut rest = GUIDE;
    while let Some((_, after)) = rest.split_once("```sh ") {
        let (name, body) = after.split_once('\n').unwrap();
        let (commands, after) = body.split_once("```").unwrap();
        assert!(found.insert(name.to_owned(), commands.to_owned()).is_none(), "{name} twice");
        rest = after;
    }
    found
}

/// Somebody at a shell, with the guide open.
struct Shell {
    directory: PathBuf,
    commands: BTreeMap<String, String>,
    variables: BTreeMap<&'static str, String>,
}

impl Shell {
    fn new(gateway: &Gateway, first: &Person, second: &Person) -> Self {
        let home = gateway.home.path();
        let tools = home.join("tools");
        fs::create_dir_all(&tools).unwrap();
        let link = tools.join("pli");
        if !link.exists() {
            std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_pli"), link).unwrap();
        }
        let path = format!("{}:{}", tools.display(), search_path());
        let text = |path: PathBuf| path.to_str().unwrap().to_owned();
        let variables = [
            ("PATH", path),
            ("FIRST", first.address.clone()),
            ("SECOND", second.address.clone()),
            ("EXPORT", text(home.join("export"))),
            ("RECOVERY", text(home.join("recovery-identity.txt"))),
        ];
        Self { directory: gateway.dir(), commands: commands(), variables: variables.into() }
    }

    /// Runs a block of the guide in the gateway's directory, this typed.
    fn run(&self, block: &str, typed: &str) -> Output {
        let commands = self.commands.get(block).unwrap_or_else(|| panic!("the guide has no block {block}"));
        let mut shell = program("sh");
        shell.args(["-euc", commands]).current_dir(&self.directory).env_clear().envs(&self.variables);
        let shell = shell.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
        let mut child = shell.spawn().unwrap();
        // A command that reads nothing may be over before this is written.
        let _ = child.stdin.take().unwrap().write_all(format!("{typed}\n").as_bytes());
        child.wait_with_output().unwrap()
    }

    fn well(&self, block: &str, typed: &str) -> String {
        let output = self.run(block, typed);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(output.status.success(), "{block}: {said}");
        String::from_utf8(output.stdout).unwrap()
    }

    fn refused(&self, block: &str, typed: &str, why: &str) {
        let output = self.run(block, typed);
        let said = String::from_utf8_lossy(&output.stderr).into_owned();
        assert!(!output.status.success() && said.contains(why), "{block}: {said}");
    }

    fn is(&mut self, name: &'static str, value: &str) {
        self.variables.insert(name, value.to_owned());
    }

    fn opened(&self, name: &str) -> Vec<u8> {
        let place = PathBuf::from(&self.variables["EXPORT"]).join("open").join(&self.variables["REFERENCE"]);
        fs::read(place.join(name)).unwrap()
    }
}

#[test]
fn two_people_with_the_guide_get_a_message_and_a_file_back() {
    let mut gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().into_iter().find(|mailbox| mailbox.slug() == MAILBOX).unwrap();
    let scan = samples::scan(300_000);
    let upload = Upload { name: "scan.tiff", kind: "image/tiff", bytes: &scan };
    let mut draft = open_draft(&gateway, &mailbox, &facts.depositor());
    let reference = draft.send_well("Demande urgente", MESSAGE, &[upload]);
    take_the_identity_away(&gateway);

    let (agent, officer) = (facts.agent_of(&mailbox), facts.officer());
    let mut shell = Shell::new(&gateway, &agent, &officer);
    shell.refused("ask", "pas le bon mot de passe", "do not go together");
    let asked = shell.well("ask", &agent.password);
    let request = asked.lines().next().unwrap().strip_prefix("request ").unwrap().to_owned();
    shell.is("REQUEST", &request);

    // One person alone gets nothing, whatever is tried.
    shell.refused("export", &agent.password, "a second person is needed");
    shell.is("SECOND", &agent.address);
    shell.refused("confirm", &agent.password, "a second person is needed");
    let other = facts.agent_of_another(&mailbox);
    shell.is("SECOND", &other.address);
    shell.refused("confirm", &other.password, "must be a security officer");
    assert!(!PathBuf::from(&shell.variables["EXPORT"]).exists(), "nothing was written");

    shell.is("SECOND", &officer.address);
    let listed = shell.well("list", "");
    assert!(listed.contains(&request) && listed.contains(&agent.address) && listed.contains("nobody yet"));
    shell.well("confirm", &officer.password);
    shell.well("export", &agent.password);

    // What was carried away opens nothing without the recovery identity.
    let export = PathBuf::from(&shell.variables["EXPORT"]);
    for file in files_under(&export) {
        assert!(!holds(&fs::read(&file).unwrap(), b"AGE-SECRET-KEY-1"), "{} is a key", file.display());
    }
    for day in files_under(&export.join("days")) {
        for key in files_under(&gateway.dir().join("keyring/days")) {
            assert!(age::decrypt(&key, &day).is_err());
        }
    }

    // The gateway is gone; what is left is the export, the identity and stock tools.
    assert!(gateway.interrupt().success());
    shell.is("REFERENCE", &reference);
    assert!(shell.well("look", "").contains(&reference));
    shell.well("open", "");
    assert!(holds(&shell.opened("part-0"), MESSAGE.as_bytes()));
    assert!(shell.opened("part-1") == scan, "the file is not the one that was deposited");
    let verified = shell.well("verify", "");
    assert!(verified.contains("scan.tiff") && verified.matches(" good ").count() == 2, "{verified}");
    the_log_names_both(&gateway);
}

#[test]
fn a_deposit_that_is_held_comes_back_by_the_block_for_it() {
    let mut gateway = with_a_scanner_that_is_gone();
    let facts = gateway.facts();
    let mailbox = facts.generic().into_iter().find(|mailbox| mailbox.slug() == MAILBOX).unwrap();
    let scan = samples::scan(3_000_000);
    let upload = Upload { name: "scan.tiff", kind: "image/tiff", bytes: &scan };
    let mut draft = open_draft(&gateway, &mailbox, &facts.depositor());
    let reference = draft.send_well("Demande urgente", MESSAGE, &[upload]);
    take_the_identity_away(&gateway);

    let (agent, officer) = (facts.agent_of(&mailbox), facts.officer());
    let mut shell = Shell::new(&gateway, &agent, &officer);
    let asked = shell.well("ask", &agent.password);
    shell.is("REQUEST", asked.lines().next().unwrap().strip_prefix("request ").unwrap());
    shell.well("confirm", &officer.password);
    shell.well("export", &agent.password);
    assert!(gateway.interrupt().success());

    shell.is("REFERENCE", &reference);
    let looked = shell.well("look", "");
    assert!(looked.contains(&format!("{reference}\t")), "{looked}");
    shell.well("held", "");
    assert!(holds(&shell.opened("part-0"), MESSAGE.as_bytes()));
    assert!(shell.opened("part-1") == scan, "the file is not the one that was deposited");
    let entry: serde_json::Value = serde_json::from_slice(&shell.opened("entry-1.json")).unwrap();
    assert_eq!(entry["name"], "scan.tiff");
    let events = payloads(&export_log(&gateway));
    assert!(events.iter().any(|event| event["action"] == "key.draft_exported"), "told in the log");
}

/// A demo that inspects files by a scanner that does not answer.
fn with_a_scanner_that_is_gone() -> Gateway {
    let mut gateway = Gateway::new();
    gateway.interrupt();
    let file = gateway.dir().join("pli.toml");
    let socket = gateway.home.path().join("gone.ctl");
    let section = format!("[scanner]\nmode = \"clamd\"\nsocket = \"{}\"\n", socket.display());
    let changed = fs::read_to_string(&file).unwrap().replacen("[scanner]\n", &section, 1);
    assert!(changed.contains("mode = \"clamd\""), "the demo's configuration has no [scanner]");
    fs::write(&file, changed).unwrap();
    let home = Arc::clone(&gateway.home);
    drop(gateway);
    Gateway::start(home, &Start::default())
}

/// The recovery identity leaves the machine, as the organisation was told at the beginning.
fn take_the_identity_away(gateway: &Gateway) {
    let [identity] = &files_under(&gateway.dir().join("recovery"))[..] else { panic!() };
    fs::rename(identity, gateway.home.path().join("recovery-identity.txt")).unwrap();
}

#[expect(clippy::disallowed_methods, reason = "the shell finds the stock tools where the tests do")]
fn search_path() -> String {
    std::env::var("PATH").unwrap()
}

/// Each step with its person, each refusal, and which days went.
fn the_log_names_both(gateway: &Gateway) {
    let events = payloads(&export_log(gateway));
    let told = |action: &str, outcome: &str| {
        let matching = events.iter().filter(|event| event["action"] == action);
        matching.filter(|event| event["outcome"] == *outcome).cloned().collect::<Vec<_>>()
    };
    let refused = |action: &str| {
        let matching = events.iter().filter(|event| event["action"] == action);
        let reasons = matching.filter_map(|event| event["outcome"]["refused"].as_str().map(str::to_owned));
        reasons.collect::<Vec<_>>()
    };
    assert_eq!(refused("key.recovery_asked"), ["credentials_wrong"]);
    assert_eq!(refused("key.recovery_confirmed"), ["second_person_needed", "second_person_needed"]);
    assert_eq!(refused("key.recovery_keys_exported"), ["second_person_needed"]);
    let [asked] = &told("key.recovery_asked", "done")[..] else { panic!("{events:?}") };
    let [confirmed] = &told("key.recovery_confirmed", "done")[..] else { panic!("{events:?}") };
    let first = asked["actor"]["person"].as_str().unwrap();
    let second = confirmed["actor"]["person"].as_str().unwrap();
    assert!(first != second && confirmed["object"]["person"] == first, "{confirmed}");
    assert_eq!(asked["detail"]["recovery"], "drill");
    for outcome in ["intended", "done"] {
        let [exported] = &told("key.recovery_keys_exported", outcome)[..] else { panic!("{events:?}") };
        assert!(exported["actor"]["person"] == first && exported["object"]["person"] == second, "{exported}");
    }
    let [day] = &told("key.day_exported", "done")[..] else { panic!("{events:?}") };
    assert_eq!(day["actor"]["person"], first, "the one day that the one transfer needs");
}
