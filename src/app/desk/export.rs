//! Exports a selection of the log as it is streamed: as a table for a spreadsheet (RFC 4180), as JSON lines, or as a
//! signed bundle that verifies offline. Memory does not grow with the selection. That it was asked for is logged before
//! the first byte, how many events it held, or that it broke off, after the last.

use std::io::{self, Write};
use std::sync::Arc;

use tokio::runtime::Handle;

use super::names::Names;
use crate::app::ports::LogSearch;
use crate::app::{App, AppError, Signed, Visitor, event};
use crate::audit::{
    Action, Actor, BundleWriter, Detail, Entry as LogEntry, Event, FailureReason, Object, Origin, Outcome,
    RefusalReason, Selection,
};
use crate::value::{Language, calendar};

/// How many entries are read from the store at once, and after how many looks into it at the latest.
const READ_AT_ONCE: usize = 500;
const STEPS_AT_ONCE: usize = 50_000;

/// How a selection is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ExportFormat {
    /// A table for a spreadsheet: RFC 4180, UTF-8 with its mark, names resolved.
    Csv,
    /// One JSON object a line, names resolved.
    JsonLines,
    /// Payloads with their proofs, signed; pseudonyms only.
    Bundle,
}

/// A selection to be exported.
#[derive(Debug, Clone)]
pub struct SelectionExport {
    /// Which events.
    pub selection: Selection,
    /// How.
    pub format: ExportFormat,
    /// The language of a table's words.
    pub language: Language,
}

/// Why an export broke off.
#[derive(Debug, thiserror::Error)]
enum Broken {
    #[error("who asked for it did not take it")]
    Taker(#[from] io::Error),
    #[error(transparent)]
    Fault(#[from] AppError),
}

impl App {
    /// Logs that an export is asked for. `false` when the person is no security officer: that is logged as a refusal.
    pub async fn ask_export(&self, signed: &Signed, visitor: Visitor) -> Result<bool, AppError> {
        let is_officer = signed.account.reads_log();
        let outcome =
            if is_officer { Outcome::Intended } else { Outcome::Refused(RefusalReason::NotEntitled) };
        self.log_alone(exported(self, signed, outcome, visitor)).await?;
        Ok(is_officer)
    }

    /// Writes an export that [`App::ask_export`] allowed, where blocking is allowed, and logs how it ended. Returns whether
    /// it was written whole.
    pub fn write_selection(
        self: &Arc<Self>,
        handle: &Handle,
        signed: &Signed,
        export: &SelectionExport,
        mut writer: impl Write,
        visitor: Visitor,
    ) -> bool {
        let (outcome, count) = match self.write_all(handle, export, &mut writer) {
            Ok(count) => (Outcome::Done, Some(Detail::Count(count))),
            Err(Broken::Taker(_)) => (Outcome::Failed(FailureReason::ConnectionLost), None),
            Err(Broken::Fault(error)) => {
                tracing::error!(error = error.chain(), "log.export_failed");
                (Outcome::Failed(FailureReason::Internal), None)
            }
        };
        let ended = exported(self, signed, outcome, visitor);
        let ended = count.map_or(ended, |count| ended.with(count));
        if let Err(error) = handle.block_on(self.log_alone(ended)) {
            tracing::error!(error = error.chain(), "log.export_result_not_logged");
        }
        outcome == Outcome::Done
    }

    fn write_all(
        &self,
        handle: &Handle,
        export: &SelectionExport,
        writer: &mut impl Write,
    ) -> Result<u64, Broken> {
        // What is committed while it is written is not part of it: an export has an end.
        let signed = handle.block_on(self.sign_checkpoint())?;
        let signed = signed.ok_or(AppError::Broken("an empty log"))?;
        let search = LogSearch { before: signed.size, ..LogSearch::oldest(export.selection.clone()) };
        match export.format {
            ExportFormat::Bundle => {
                let signer = self.log_signer()?;
                let mut bundle = BundleWriter::new(&mut *writer, signer, &signed.note, &export.selection)?;
                self.each(handle, search, |index, entry, _| {
                    let proof = handle.block_on(self.inclusion_proof(index, signed.size));
                    let proof = proof.map_err(|_| AppError::Broken("inclusion proof"))?;
                    Ok(bundle.entry(index, &entry, &proof)?)
                })?;
                let count = bundle.count();
                bundle.finish(signer).map_err(Broken::Taker)?;
                Ok(count)
            }
            ExportFormat::Csv | ExportFormat::JsonLines => {
                let mut names = Names::default();
                let is_table = export.format == ExportFormat::Csv;
                if is_table {
                    writer.write_all("\u{feff}".as_bytes())?;
                    writer.write_all(row(&head(export.language)).as_bytes())?;
                }
                let count = self.each(handle, search, |index, entry, event| {
                    names.tidy();
                    let who = handle.block_on(self.actor_named(&event, &mut names))?;
                    let about = handle.block_on(self.object_named(&event, &mut names))?;
                    let who = who.map(|who| who.in_full());
                    let line = if is_table {
                        row(&cells(index, &event, who, about, export.language)?)
                    } else {
                        json_line(index, &entry, who.as_deref(), about.as_deref())
                    };
                    Ok(writer.write_all(line.as_bytes())?)
                })?;
                writer.flush()?;
                Ok(count)
            }
        }
    }

    fn each(
        &self,
        handle: &Handle,
        mut search: LogSearch,
        mut take: impl FnMut(u64, LogEntry, Event) -> Result<(), Broken>,
    ) -> Result<u64, Broken> {
        let mut count = 0;
        loop {
            let found = handle.block_on(self.store.search(&search, READ_AT_ONCE, STEPS_AT_ONCE));
            let found = found.map_err(AppError::from)?;
            for (index, entry) in found.entries {
                let event = entry.event().map_err(|_| AppError::Broken("log entry"))?;
                take(index, entry, event)?;
                count += 1;
            }
            match found.resume {
                Some(place) => search = search.resumed(place),
                None => return Ok(count),
            }
        }
    }
}

fn exported(app: &App, signed: &Signed, outcome: Outcome, visitor: Visitor) -> Event {
    let actor = Actor::Person(signed.account.person);
    event(app.now().at, actor, Action::LogExported, Object::Log, outcome, visitor.web())
}

fn head(language: Language) -> Vec<String> {
    let words = match language {
        Language::Fr => [
            "ligne",
            "instant (UTC)",
            "heure de Paris",
            "qui",
            "pseudonyme",
            "action",
            "code",
            "sur quoi",
            "objet",
            "issue",
            "motif",
            "origine",
            "détail",
            "politique",
        ],
        Language::En => [
            "entry",
            "instant (UTC)",
            "time of Paris",
            "who",
            "pseudonym",
            "action",
            "code",
            "on what",
            "object",
            "outcome",
            "reason",
            "origin",
            "detail",
            "policy",
        ],
    };
    words.map(str::to_owned).to_vec()
}

fn cells(
    index: u64,
    event: &Event,
    who: Option<String>,
    about: Option<String>,
    language: Language,
) -> Result<Vec<String>, AppError> {
    let json = |value: Result<String, serde_json::Error>| value.map_err(|_| AppError::Broken("log entry"));
    let pseudonym = match event.actor {
        Actor::Person(person) => person.to_string(),
        actor => json(serde_json::to_string(&actor))?.trim_matches('"').to_owned(),
    };
    let origin = match event.origin {
        Origin::Web { address } => format!("web {address}"),
        Origin::Smtp { address } => format!("smtp {address}"),
        origin => json(serde_json::to_string(&origin))?.trim_matches('"').to_owned(),
    };
    let detail = event.detail.map(|detail| json(serde_json::to_string(&detail))).transpose()?;
    Ok(vec![
        index.to_string(),
        event.at.to_string(),
        calendar::precise(event.at, language),
        who.unwrap_or_default(),
        pseudonym,
        event.action.label(language).to_owned(),
        event.action.code().to_owned(),
        about.unwrap_or_default(),
        json(serde_json::to_string(&event.object))?,
        event.outcome.label(language).to_owned(),
        event.outcome.reason(language).unwrap_or_default().to_owned(),
        origin,
        detail.unwrap_or_default(),
        event.policy.map(|policy| policy.to_string()).unwrap_or_default(),
    ])
}

/// A row (RFC 4180). A cell that a spreadsheet would take for a formula gets an apostrophe before it.
pub(super) fn row(cells: &[String]) -> String {
    let quoted: Vec<String> = cells
        .iter()
        .map(|cell| {
            let guard = if cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']) { "'" } else { "" };
            format!("\"{guard}{}\"", cell.replace('"', "\"\""))
        })
        .collect();
    format!("{}\r\n", quoted.join(","))
}

/// The payload as it was written, with the names beside it.
fn json_line(index: u64, entry: &LogEntry, who: Option<&str>, about: Option<&str>) -> String {
    let named = |name: Option<&str>| name.map_or(serde_json::Value::Null, Into::into);
    let (who, about) = (named(who), named(about));
    format!("{{\"index\":{index},\"who\":{who},\"about\":{about},\"event\":{}}}\n", entry.payload())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_cell_is_a_formula_and_no_quote_ends_a_cell() {
        let cells = ["=1+1", "+33", "-2", "@x", "\tx", "a\"b", "c,d\r\ne", ""].map(str::to_owned);
        let expected = "\"'=1+1\",\"'+33\",\"'-2\",\"'@x\",\"'\tx\",\"a\"\"b\",\"c,d\r\ne\",\"\"\r\n";
        assert_eq!(row(&cells), expected);
    }
}
