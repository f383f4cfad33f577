//! A second Pli witnesses the log of the first: it cosigns what only grows, and refuses a history that was written anew
//! (S3). Two real processes.

use std::fs;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Stdio};
use std::sync::Arc;

use crate::support::gateway::{Gateway, Start, pli};
use crate::support::log::{export, payloads, verify};
use crate::support::{program, run_well, wait_for};

/// A witness that runs. Dropped, it is killed.
struct Witness {
    child: Child,
    url: String,
}

impl Witness {
    fn start(directory: &Path) -> Self {
        let mut command = pli();
        command.args(["witness", "serve", "--listen", "127.0.0.1:0"]).arg(directory);
        let mut child = command.stdout(Stdio::piped()).stderr(Stdio::null()).spawn().unwrap();
        let mut line = String::new();
        BufReader::new(child.stdout.take().unwrap()).read_line(&mut line).unwrap();
        let address = line.trim().strip_prefix("ready witness=").unwrap();
        Self { url: format!("http://{address}"), child }
    }
}

impl Drop for Witness {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// What the witness saw last, once it saw something other than `before`.
fn seen(directory: &Path, before: &str) -> (PathBuf, String) {
    wait_for("a checkpoint at the witness", || {
        let found = fs::read_dir(directory.join("checkpoints")).ok()?.next()?.unwrap().path();
        let note = fs::read_to_string(&found).ok()?;
        (note != before).then_some((found, note))
    })
}

fn configure(gateway: &Gateway, witness: &str) {
    let path = gateway.dir().join("pli.toml");
    let text = fs::read_to_string(&path).unwrap();
    let line =
        text.lines().find(|line| line.starts_with("# witnesses = ") || line.starts_with("witnesses = "));
    fs::write(&path, text.replace(line.unwrap(), witness)).unwrap();
}

#[test]
fn a_second_pli_cosigns_what_grows_and_refuses_a_history_written_anew() {
    let mut gateway = Gateway::new();
    let log_key = gateway.facts().log_key();
    gateway.interrupt();
    let (store, earlier) = (gateway.dir().join("store"), gateway.home.path().join("earlier"));
    run_well(program("cp").arg("-a").arg(&store).arg(&earlier));

    let directory = gateway.home.path().join("witness");
    let made = pli()
        .args(["witness", "init", "--name", "witness.example", "--log", &log_key])
        .arg(&directory)
        .output()
        .unwrap();
    let key = String::from_utf8(made.stdout).unwrap().trim().to_owned();
    let witness = Witness::start(&directory);
    configure(&gateway, &format!("witnesses = [{{ url = \"{}\", key = \"{key}\" }}]", witness.url));
    let home = Arc::clone(&gateway.home);
    let mut gateway = Gateway::start(Arc::clone(&home), &Start::default());
    let (file, first) = seen(&directory, "");
    let cosigned = wait_for("the cosignature in the export", || {
        let text = fs::read_to_string(export(&gateway)).unwrap();
        text.contains("— witness.example ").then_some(text)
    });
    assert!(cosigned.contains("log.checkpoint_witnessed"), "it is an event");
    gateway.interrupt();

    // The witness's copy is the checkpoint held elsewhere.
    let public = home.path().join("journal.pub");
    fs::write(&public, log_key + "\n").unwrap();
    let (code, said) = verify(&export(&gateway), &public, Some(&file));
    assert_eq!(code, 0, "{said}");
    assert!(said.contains("held elsewhere"), "{said}");

    // Somebody puts an earlier store back and goes on from there, with the log's own key.
    fs::remove_dir_all(&store).unwrap();
    fs::rename(&earlier, &store).unwrap();
    let gateway = Gateway::start(home, &Start::default());
    wait_for("the refusal in the log", || {
        let refused = payloads(&export(&gateway)).into_iter().any(|event| {
            event["action"] == "log.checkpoint_witnessed" && event["outcome"]["failed"] == "log_not_verified"
        });
        refused.then_some(())
    });
    let (_, last) = seen(&directory, "");
    let size = |note: &str| note.lines().nth(1).unwrap().parse::<u64>().unwrap();
    assert!(size(&last) >= size(&first), "the witness keeps what it saw");
    let (code, said) = verify(&export(&gateway), &public, Some(&file));
    assert_eq!(code, 1, "{said}");
}
