//! A download over a bad line, with a program that others wrote: `curl --continue-at -` goes on where it was cut, and
//! `sha256sum --check` finds the archive's own list right (T3).

use std::fs;

use tempfile::TempDir;

use crate::support::gateway::Gateway;
use crate::support::http::Upload;
use crate::support::steps::{open_draft, open_transfer, sign_in};
use crate::support::{log, program, run, run_well, samples};

#[test]
fn curl_goes_on_where_it_was_cut_and_the_archive_checks_itself() {
    let gateway = Gateway::new();
    let facts = gateway.facts();
    let mailbox = facts.generic().remove(0);
    let (scan, pdf) = (samples::scan(5_000_000), samples::pdf("Demande"));
    let mut draft = open_draft(&gateway, &mailbox, &facts.depositor());
    let reference = draft.send_well(
        "Demande urgente",
        "Bonjour",
        &[
            Upload { name: samples::SCAN_NAME, kind: "image/tiff", bytes: &scan },
            Upload { name: "demande.pdf", kind: "application/pdf", bytes: &pdf },
        ],
    );
    let mut agent = sign_in(&gateway, &facts.agent_of(&mailbox));
    assert_eq!(open_transfer(&mut agent, &reference).status, 200);

    let place = TempDir::new().unwrap();
    let (kept, url) =
        (place.path().join("scan.tiff"), format!("http://{}/transferts/{reference}", gateway.http));
    let curl = |more: &[&str]| {
        let mut curl = program("curl");
        curl.args(["--silent", "--show-error", "--fail", "--cookie", &agent.cookie_header()]).args(more);
        curl
    };
    let file = format!("{url}/fichiers/1");
    // The line breaks after two megabytes.
    fs::write(&kept, &scan[..2_000_001]).unwrap();
    run_well(curl(&["--continue-at", "-", "--output"]).arg(&kept).arg(&file));
    assert!(fs::read(&kept).unwrap() == scan, "what was resumed is the file");
    // Whole already: nothing is left to send.
    let again = run(curl(&["--continue-at", "-", "--output"]).arg(&kept).arg(&file));
    assert!(again.status.success() || fs::read(&kept).unwrap() == scan);
    let sent =
        log::actions(&gateway).into_iter().filter(|(action, _)| action == "transfer.file_downloaded").count();
    assert!(sent >= 1, "a resumed download is in the log");

    let archive = place.path().join("tout.zip");
    run_well(curl(&["--output"]).arg(&archive).arg(format!("{url}/tout.zip")));
    // It goes on as well: the line breaks in the middle of the scan.
    let whole = fs::read(&archive).unwrap();
    fs::write(&archive, &whole[..2_500_000]).unwrap();
    run_well(curl(&["--continue-at", "-", "--output"]).arg(&archive).arg(format!("{url}/tout.zip")));
    assert!(fs::read(&archive).unwrap() == whole, "what was resumed is the archive");
    let unpack = "import sys, zipfile; z = zipfile.ZipFile(sys.argv[1]); assert z.testzip() is None; z.extractall(sys.argv[2])";
    let folder = place.path().join("tout");
    run_well(program("python3").args(["-c", unpack]).arg(&archive).arg(&folder));
    run_well(program("sha256sum").current_dir(&folder).args([
        "--check",
        "--strict",
        "empreintes-sha256.txt",
    ]));
    assert!(fs::read(folder.join(samples::SCAN_NAME)).unwrap() == scan, "under its own name");
}
