//! The operator is told that a person belongs to one organisation, and nothing is made.

use std::io::Write;
use std::process::Stdio;

use crate::support::served::{Served, Setting};

const AGENT: &str = "lea.prigent@caisse.example";
const PASSWORD: &str = "phrase de passe tout à fait synthétique";

#[test]
fn an_account_with_mailboxes_of_two_organisations_is_refused_with_the_reason() {
    let served = Served::start(&Setting::default());
    served.add_agent(AGENT, PASSWORD);
    served.command(
        "organisation add --slug autre --name Autre --postal-address Nantes --data-protection-officer dpo@autre.example",
    );
    let mailbox = "mailbox add --organisation autre --name Droits --purpose Dossiers";
    let addresses = |slug: &str| {
        format!("--slug {slug} --deposit-address {slug}@pli.example --notice-address {slug}@autre.example")
    };
    served.command(&format!("{mailbox} {} --custody gateway", addresses("droits")));
    for refused in [
        "account add --address lea@caisse.example --name Agent --role agent --mailbox retraite --mailbox droits".to_owned(),
        format!("{mailbox} {} --member {AGENT}", addresses("soins")),
    ] {
        let mut done = served.prepare(&refused).stdin(Stdio::piped()).stderr(Stdio::piped()).spawn().unwrap();
        // One that asks for no password may have ended before it reads this.
        let _ = writeln!(done.stdin.take().unwrap(), "{PASSWORD}");
        let done = done.wait_with_output().unwrap();
        let said = String::from_utf8_lossy(&done.stderr).into_owned();
        assert!(!done.status.success() && said.contains("organisation only"), "{refused}: {said}");
    }
    assert!(!served.command("mailbox list").contains("soins"));
}
