//! `pli restore`: checks a backup, restores it into an empty store, opens the gateway afterwards, and says what becomes of
//! the mails that were suspended.

use std::fs::{self, File};
use std::io::{self, BufReader, Read, Write};
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use clap::{Args, ValueEnum};
use serde_json::json;

use super::gateway::{GatewayError, print};
use super::{block_on, ended};
use crate::app::{CheckedBackup, Restored, SuspendedMails, check_backup};
use crate::audit::Origin;
use crate::config::Config;
use crate::demo::Parts;
use crate::serve::{Request, Seams, SuspendedMailsOptions, harden, open};
use crate::value::SecretBytes;

/// What `pli restore` is told.
#[derive(Debug, Args)]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag of the command line")]
pub(super) struct Options {
    /// The backup.
    #[arg(required_unless_present_any = ["open", "mails"])]
    backup: Option<PathBuf>,
    /// The age identity that opens it.
    #[arg(short, long, value_name = "FILE", required_unless_present_any = ["open", "mails"])]
    identity: Option<PathBuf>,
    /// Read it to its end and verify it; write nothing.
    #[arg(long)]
    check: bool,
    /// Restore although nothing beside the day keys says how far the log was.
    #[arg(long)]
    accept_unknown_gap: bool,
    /// Open the gateway after a restore.
    #[arg(long, conflicts_with_all = ["backup", "mails"])]
    open: bool,
    /// List, resume or cancel the mails that the restore suspended.
    #[arg(long, value_enum, conflicts_with = "backup")]
    mails: Option<Mails>,
    /// One JSON object on standard output.
    #[arg(long)]
    json: bool,
}

/// What becomes of suspended mails.
#[derive(Debug, Clone, Copy, ValueEnum)]
enum Mails {
    /// List them.
    List,
    /// Try them again, under the same Message-IDs.
    Resume,
    /// Give them up.
    Cancel,
}

pub(super) fn run(directory: &Path, options: &Options) -> ExitCode {
    if options.open {
        return print(directory, Request::RestoreOpen);
    }
    if let Some(mails) = options.mails {
        let what = match mails {
            Mails::List => SuspendedMails::List,
            Mails::Resume => SuspendedMails::Resume,
            Mails::Cancel => SuspendedMails::Cancel,
        };
        return print(directory, Request::SuspendedMails(SuspendedMailsOptions { what }));
    }
    let (Some(backup), Some(identity)) = (&options.backup, &options.identity) else {
        return ExitCode::FAILURE;
    };
    if options.check {
        let checked = opened(backup, identity)
            .and_then(|reader| check_backup(reader).map_err(|error| GatewayError::Told(error.to_string())))
            .and_then(|checked| Ok(tell_checked(&checked, options.json)?));
        return ended(Ok(checked));
    }
    ended(block_on(restore(directory, backup, identity, options)))
}

/// Reads a backup with an identity.
fn opened(backup: &Path, identity: &Path) -> Result<impl Read + Send + 'static, GatewayError> {
    let unreadable = |path: &Path, error: &dyn std::fmt::Display| {
        GatewayError::Told(format!("{}: {error}", path.display()))
    };
    let text = fs::read(identity).map(SecretBytes::new).map_err(|error| unreadable(identity, &error))?;
    let text = std::str::from_utf8(text.expose()).map_err(|error| unreadable(identity, &error))?;
    let lines = text.lines().map(str::trim).filter(|line| line.starts_with("AGE-SECRET-KEY-1"));
    let identities: Vec<age::x25519::Identity> = lines.filter_map(|line| line.parse().ok()).collect();
    let file = File::open(backup).map_err(|error| unreadable(backup, &error))?;
    let decryptor =
        age::Decryptor::new_buffered(BufReader::new(file)).map_err(|error| unreadable(backup, &error))?;
    let known = identities.iter().map(|known| known as &dyn age::Identity);
    decryptor.decrypt(known).map_err(|error| unreadable(identity, &error))
}

async fn restore(
    directory: &Path,
    backup: &Path,
    identity: &Path,
    options: &Options,
) -> Result<(), GatewayError> {
    let config = Config::load(directory)?;
    let reader = opened(backup, identity)?;
    let _ = harden();
    let seams = match &config.demo {
        Some(section) => Parts::of(&config, section)?.seams(),
        None => Seams::of(&config)?,
    };
    let app = open(&config, seams)?;
    let restored = app.restore(reader, options.accept_unknown_gap, Origin::Cli).await;
    let restored = restored.map_err(|error| GatewayError::Told(error.to_string()))?;
    Ok(tell_restored(&restored, options.json)?)
}

fn tell_checked(checked: &CheckedBackup, json: bool) -> io::Result<()> {
    let (header, end) = (&checked.header, &checked.end);
    let mut out = io::stdout().lock();
    if json {
        return writeln!(out, "{}", json!({ "backup": header, "holds": end }));
    }
    writeln!(
        out,
        "The backup of {} is whole: {} records, {} objects.",
        header.made_at, end.records, end.objects
    )?;
    writeln!(out, "Its log has {} entries, up to a checkpoint signed by {}.", header.entries, header.log_key)
}

fn tell_restored(restored: &Restored, json: bool) -> io::Result<()> {
    let restoration = &restored.restoration;
    let mut out = io::stdout().lock();
    if json {
        return writeln!(out, "{}", json!({ "restoration": restoration, "holds": restored.backup.end }));
    }
    let lost = restoration.goes_on_from.size() - restoration.lost_from;
    writeln!(
        out,
        "Restored as of {}. The gateway is closed until `pli restore --open`.",
        restoration.backup_made_at
    )?;
    writeln!(out, "{lost} entries of the log are lost; the log says so and goes on after them.")?;
    let report = &restoration.report;
    for (count, what) in [
        (report.accounts_cut_off, "accounts cut off, or changed since: cut off"),
        (report.memberships_removed, "members removed"),
        (report.managers_removed, "managers of a mailbox who are members only"),
        (report.addresses_blocked, "addresses blocked"),
        (report.partners_suspended, "partners suspended"),
        (report.agreements_ended, "agreements ended or changed since: ended"),
        (report.transfers_revoked, "transfers revoked"),
        (report.sessions_ended, "sessions ended"),
        (report.links_voided, "links and codes voided"),
        (report.drafts_discarded, "drafts discarded"),
        (report.mails_suspended, "mails suspended (pli restore --mails list, resume or cancel)"),
    ] {
        writeln!(out, "{count}\t{what}")?;
    }
    Ok(())
}
