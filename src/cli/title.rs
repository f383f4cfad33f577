//! `pli title`: asks the title guard, offline.

use std::io::{self, BufRead, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, Subcommand, ValueEnum};

use super::failed;
use crate::policy::title::{TitleGuard, check_line, explain, import_names};
use crate::serve::policies::title_guard;
use crate::value::Language;

#[derive(Subcommand)]
pub(super) enum Action {
    /// Read titles, one a line, from standard input; write one JSON object a line in their order:
    /// {"subject", "personal", "kinds", "redacted", "findings"}.
    Check(Options),
    /// Say of one title what was found, where and why.
    Explain {
        /// The title.
        title: String,
        /// The language of the answer.
        #[arg(long, value_enum, default_value = "fr")]
        language: ToldIn,
        #[command(flatten)]
        options: Options,
    },
    /// Make a list of names of INSEE's official files (first names, surnames; free re-use), to lie beside the title
    /// policy as names.fst. It is read with the policies.
    ImportNames {
        /// The files, as INSEE publishes them.
        #[arg(required = true, value_name = "FILE")]
        files: Vec<PathBuf>,
        /// Where to write the list.
        #[arg(short, long, value_name = "FILE", default_value = "names.fst")]
        output: PathBuf,
    },
}

#[derive(Clone, Copy, ValueEnum)]
pub(super) enum ToldIn {
    Fr,
    En,
}

#[derive(Args)]
pub(super) struct Options {
    /// The title policy. Default: the one that Pli brings along.
    #[arg(long, value_name = "FILE")]
    policy: Option<PathBuf>,
}

pub(super) fn run(action: &Action) -> ExitCode {
    let options = match action {
        Action::Check(options) | Action::Explain { options, .. } => options,
        Action::ImportNames { files, output } => {
            return import(files, output).map_or_else(|error| failed(&error), |()| ExitCode::SUCCESS);
        }
    };
    let guard = match title_guard(options.policy.as_deref()) {
        Ok(guard) => guard,
        Err(error) => return failed(&error),
    };
    let done = match action {
        Action::Explain { title, language: ToldIn::Fr, .. } => told(&guard, title, Language::Fr),
        Action::Explain { title, language: ToldIn::En, .. } => told(&guard, title, Language::En),
        _ => check(&guard, io::stdin().lock(), io::BufWriter::new(io::stdout().lock())),
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

fn told(guard: &TitleGuard, title: &str, language: Language) -> io::Result<()> {
    write!(io::stdout().lock(), "{}", explain(guard, title, language))
}

fn import(files: &[PathBuf], output: &Path) -> Result<(), String> {
    let texts: Result<Vec<String>, String> = files.iter().map(|file| text_of(file)).collect();
    let texts = texts?;
    let texts: Vec<&str> = texts.iter().map(String::as_str).collect();
    let list = import_names(&texts).map_err(|error| error.to_string())?;
    std::fs::write(output, list).map_err(|error| format!("{} cannot be written: {error}", output.display()))
}

/// INSEE's files are in UTF-8, older ones in Latin-1.
fn text_of(file: &Path) -> Result<String, String> {
    let bytes = std::fs::read(file).map_err(|error| format!("{} cannot be read: {error}", file.display()))?;
    Ok(String::from_utf8(bytes)
        .unwrap_or_else(|latin| latin.into_bytes().into_iter().map(char::from).collect()))
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
        assert_eq!(lines[2]["kinds"], serde_json::json!(["nir"]));
    }
}
