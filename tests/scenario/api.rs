//! A partner's software and the real binary: the commands of `docs/api.md` are run as they stand there, a pinned client certificate is
//! as good as a token, and schemathesis finds no answer that the OpenAPI document does not tell.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Output;

use serde_json::Value;

use crate::support::certificates::certify;
use crate::support::gateway::Gateway;
use crate::support::peers::free_port;
use crate::support::served::{Served, Setting};
use crate::support::{program, run, run_well, wait_for};

const GUIDE: &str = include_str!("../../docs/api.md");

/// The guide's commands, by the word behind `sh`.
fn commands() -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for block in GUIDE.split("```sh ").skip(1) {
        let (name, body) = block.split_once('\n').unwrap();
        let (commands, _) = body.split_once("```").unwrap();
        assert!(found.insert(name.to_owned(), commands.to_owned()).is_none(), "{name} twice");
    }
    found
}

/// A shell in a folder, with the guide open.
struct Shell {
    directory: PathBuf,
    variables: BTreeMap<String, String>,
    /// Where the gateway's own directory is, for `pli`.
    tools: PathBuf,
}

impl Shell {
    fn new(folder: &Path, gateway: &Path) -> Self {
        let tools = folder.join("tools");
        fs::create_dir_all(&tools).unwrap();
        let script =
            format!("#!/bin/sh\nexec {} --dir {} \"$@\"\n", env!("CARGO_BIN_EXE_pli"), gateway.display());
        fs::write(tools.join("pli"), script).unwrap();
        run_well(program("chmod").arg("755").arg(tools.join("pli")));
        Self { directory: folder.to_owned(), variables: BTreeMap::new(), tools }
    }

    fn is(&mut self, name: &str, value: &str) {
        self.variables.insert(name.to_owned(), value.to_owned());
    }

    fn run(&self, block: &str) -> Output {
        let commands = commands();
        let commands = commands.get(block).unwrap_or_else(|| panic!("the guide has no block {block}"));
        let path = format!("{}:/usr/local/bin:/usr/bin:/bin", self.tools.display());
        let mut shell = program("sh");
        shell.args(["-euc", commands]).current_dir(&self.directory).env_clear();
        run(shell.env("PATH", path).envs(&self.variables))
    }

    fn well(&self, block: &str) -> String {
        let output = self.run(block);
        let said = String::from_utf8_lossy(&output.stdout).into_owned();
        assert!(output.status.success(), "{block}: {said}{}", String::from_utf8_lossy(&output.stderr));
        said
    }

    fn json(&self, block: &str) -> Value {
        let said = self.well(block);
        serde_json::from_str(&said).unwrap_or_else(|error| panic!("{block}: {error}: {said}"))
    }
}

/// A shell that knows the demonstration's first partner, mailbox and depositor.
fn shell_of(gateway: &Gateway) -> Shell {
    let facts = gateway.facts();
    let mut shell = Shell::new(gateway.home.path(), &gateway.dir());
    let mailbox = &facts.generic()[0];
    shell.is("PLI", &format!("http://{}", gateway.http));
    shell.is("MAILBOX", mailbox.slug());
    shell.is("ORGANISATION", mailbox.page.split('/').nth(2).unwrap());
    shell.is("SENDER", &facts.depositor());
    shell.is("PARTNER", facts.0["partners"][0]["name"].as_str().unwrap());
    shell
}

fn token_in(said: &str) -> String {
    said.split_whitespace().find(|word| word.starts_with("pli_")).unwrap().to_owned()
}

#[test]
fn the_guides_commands_deposit_and_follow() {
    let gateway = Gateway::new();
    let mut shell = shell_of(&gateway);
    let said = shell.well("token");
    shell.is("TOKEN", &token_in(&said));
    shell.well("header");
    assert!(!shell.json("mailboxes")["mailboxes"].as_array().unwrap().is_empty());
    shell.is("KEY", "case-4711");
    let begun = shell.json("begin");
    assert_eq!(shell.json("begin")["id"], begun["id"], "the same key, the same deposit");
    shell.is("ID", begun["id"].as_str().unwrap());
    fs::write(gateway.home.path().join("avis.pdf"), b"%PDF-1.7 synthetic").unwrap();
    shell.is("FILE", "avis.pdf");
    assert_eq!(shell.json("file")["name"], "avis.pdf");
    let sent = shell.json("send");
    let reference = sent["reference"].as_str().unwrap().to_owned();
    assert_eq!(shell.json("send")["reference"], reference.as_str(), "told again, not sent again");
    assert_eq!(shell.json("status")["state"], "released");
    let receipt = wait_for("a receipt with its proof", || {
        let receipt = shell.well("receipt");
        receipt.contains("index").then_some(receipt)
    });
    assert!(receipt.contains(&reference));
    // Revoked in the middle of things.
    let id = said.split_whitespace().nth(1).unwrap();
    let revoked = gateway.command(&["token", "revoke", id]);
    assert!(revoked.status.success());
    let refused = shell.run("status");
    assert!(!refused.status.success());
    assert!(String::from_utf8_lossy(&refused.stdout).contains("urn:pli:problem:unauthorized"));
}

#[test]
fn a_pinned_certificate_is_as_good_as_a_token_and_no_other_is() {
    let folder = tempfile::tempdir().unwrap();
    certify(folder.path(), "client.example");
    for (made, named) in [("host.pem", "client.pem"), ("host.key", "client.key")] {
        fs::copy(folder.path().join(made), folder.path().join(named)).unwrap();
    }
    let other = tempfile::tempdir().unwrap();
    certify(other.path(), "other.example");
    let server = tempfile::tempdir().unwrap();
    certify(server.path(), "localhost");
    let port = free_port();
    let tls = format!(
        "listen = \"127.0.0.1:{port}\"\ncertificate = \"{0}/host.pem\"\nkey = \"{0}/host.key\"\nasks_certificates = true\n",
        server.path().display()
    );
    let served = Served::start(&Setting { http: &tls, ..Setting::default() });
    let mut shell = Shell::new(folder.path(), &served.directory());
    fs::copy(server.path().join("authority.pem"), folder.path().join("authority.pem")).unwrap();
    shell.is("PLI", &format!("https://localhost:{port}"));
    shell.is("PARTNER", "Conseil");
    shell.is("MAILBOX", "retraite");
    shell.is("SENDER", "lea.prigent@conseil.example");
    let before = shell.run("by-certificate");
    assert!(!before.status.success(), "a certificate that nobody pinned");
    shell.well("certificate");
    assert_eq!(shell.json("by-certificate")["mailboxes"][0]["mailbox"], "retraite");
    for name in ["client.pem", "client.key"] {
        let made = name.replace("client", "host");
        fs::copy(other.path().join(made), folder.path().join(name)).unwrap();
    }
    assert!(!shell.run("by-certificate").status.success(), "another certificate");
    let page = program("curl")
        .args(["--silent", "--cacert"])
        .arg(server.path().join("authority.pem"))
        .arg(format!("https://localhost:{port}/health"))
        .output()
        .unwrap();
    assert_eq!(String::from_utf8_lossy(&page.stdout), "ok\n", "who shows none is served all the same");
}

#[test]
fn schemathesis_finds_no_answer_that_the_document_does_not_tell() {
    let gateway = Gateway::new();
    let mut shell = shell_of(&gateway);
    let token = token_in(&shell.well("token"));
    shell.is("TOKEN", &token);
    let tool = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/tools/venv/bin/schemathesis");
    assert!(tool.exists(), "tests/tools/install installs schemathesis");
    // What does not fit is refused, and where a deposit stands is said before what is wrong with the request.
    let config = gateway.home.path().join("schemathesis.toml");
    let refused = "[\"400\", \"401\", \"403\", \"404\", \"405\", \"409\", \"410\", \"412\", \"413\", \"415\", \"422\", \"429\"]";
    let checks = format!(
        "[checks]\nnegative_data_rejection.expected-statuses = {refused}\nmissing_required_header.expected-statuses = {refused}\n"
    );
    fs::write(&config, checks).unwrap();
    let mut command = program(tool.to_str().unwrap());
    command.arg("--config-file").arg(&config).arg("run").current_dir(gateway.home.path());
    command.args(["--max-examples", "8", "--seed", "4711", "--no-color", "--continue-on-failure"]);
    command.args(["--phases", "examples,coverage,fuzzing,stateful", "--generation-database", "none"]);
    // What a rule refuses (a title, a mailbox) is no fault of the request's form; and it cannot write tus' own media type.
    command.args([
        "--exclude-checks",
        "positive_data_acceptance",
        "--exclude-operation-id",
        "appendToUpload",
    ]);
    command.args(["--header", &format!("Authorization: Bearer {token}")]);
    command.arg(format!("http://{}/api/v1/openapi.json", gateway.http));
    let output = run(&mut command);
    let said = String::from_utf8_lossy(&output.stdout);
    assert!(output.status.success(), "{said}\n{}", String::from_utf8_lossy(&output.stderr));
}
