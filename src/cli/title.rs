//! `pli title`: asks the title guard, offline.

use std::io::{self, BufRead, Write};
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Args, Subcommand};
use serde_json::json;

use super::failed;
use crate::policy::title::{Kind, TitleGuard};
use crate::serve::policies::title_guard;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Read titles, one a line, from standard input; write one JSON object a line in their order:
    /// {"subject", "personal", "kinds", "redacted", "findings"}.
    Check(Options),
    /// Say of one title what was found, where and why.
    Explain {
        /// The title.
        title: String,
        #[command(flatten)]
        options: Options,
    },
}

#[derive(Args)]
pub(super) struct Options {
    /// The title policy. Default: the one that Pli brings along.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(super) fn run(action: &Action) -> ExitCode {
    let (Action::Check(options) | Action::Explain { options, .. }) = action;
    let guard = match title_guard(options.policy.as_deref()) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    let done = match action {
        Action::Check(_) => check(&guard, io::stdin().lock(), io::BufWriter::new(io::stdout().lock())),
        Action::Explain { title, .. } => explain(&guard, title),
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => failed(&error),
    }
}

fn check(guard: &TitleGuard, titles: impl BufRead, mut out: impl Write) -> io::Result<()> {
    for title in titles.split(b'\n') {
        let title = title?;
        let title = String::from_utf8_lossy(title.strip_suffix(b"\r").unwrap_or(&title));
        writeln!(out, "{}", check_line(guard, &title))?;
    }
    out.flush()
}

fn check_line(guard: &TitleGuard, title: &str) -> serde_json::Value {
    let inspection = guard.inspect(title);
    let mut kinds: Vec<Kind> = inspection.findings.iter().map(|finding| finding.kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    json!({
        "subject": title,
        "personal": inspection.is_personal(),
        "kinds": kinds,
        "redacted": inspection.redacted(),
        "findings": inspection.findings,
    })
}

fn explain(guard: &TitleGuard, title: &str) -> io::Result<()> {
    let told = serde_json::to_string_pretty(&check_line(guard, title))?;
    writeln!(io::stdout().lock(), "{told}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_object_a_line_in_order_whatever_the_bytes() {
        let guard = title_guard(None).unwrap();
        let mut out = Vec::new();
        let titles = b"Demande urgente\r\n\n2 84 05 88 321 025 32\n\xff\n";
        check(&guard, titles.as_slice(), &mut out).unwrap();
        let lines: Vec<serde_json::Value> = out
            .split(|b| *b == b'\n')
            .filter(|l| !l.is_empty())
            .map(|l| serde_json::from_slice(l).unwrap())
            .collect();
        assert_eq!(lines.len(), 4);
        assert_eq!(lines[0]["subject"], "Demande urgente");
        assert_eq!(lines[0]["personal"], false);
        assert_eq!(lines[2]["personal"], true);
        assert_eq!(lines[2]["kinds"], json!(["nir"]));
    }
}
