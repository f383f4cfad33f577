//! `pli check`: says whether a gateway would start and is fit to, without starting one. Each line is
//! one finding; a fault ends with exit code 1, a warning does not.

use std::fs;
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::Path;
use std::process::ExitCode;

use super::block_on;
use super::gateway::{GatewayError, Sink, answer};
use crate::app::ports::{Clock, NamesUnanswered, Scanner, ScannerError, ScannerState, TextRecords};
use crate::config::Config;
use crate::demo::Parts;
use crate::policy::agreement::AgreementFile;
use crate::relay::dkim::{DkimKey, DkimState};
use crate::serve::control::Reply;
use crate::serve::{
    Certificates, ListOptions, Request, Seams, clamd, names, policies, swap_is_on, timestamps,
};
use crate::store::{SystemClock, read_dkim_keys};
use crate::value::{MailAddress, Millis, Timestamp};
use crate::vault::Identity;

/// What was found.
#[derive(Debug, Default)]
struct Findings {
    faults: Vec<String>,
    warnings: Vec<String>,
}

pub(super) fn run(directory: &Path) -> ExitCode {
    let findings = match Config::load(directory) {
        Ok(config) => {
            let mut findings = check(&config);
            addresses(directory, &config, &mut findings);
            findings
        }
        Err(error) => Findings { faults: vec![error.to_string()], warnings: Vec::new() },
    };
    for warning in &findings.warnings {
        println!("warning: {warning}");
    }
    for fault in &findings.faults {
        println!("fault: {fault}");
    }
    if findings.faults.is_empty() {
        println!("The gateway of {} is fit to start.", directory.display());
        ExitCode::SUCCESS
    } else {
        ExitCode::FAILURE
    }
}

/// Keeps the lines of an answer.
#[derive(Default)]
struct Lines(Vec<String>);

impl Sink for Lines {
    fn take(&mut self, reply: Reply) -> std::io::Result<()> {
        if let Reply::Line(line) = reply {
            self.0.push(line);
        }
        Ok(())
    }
}

/// Whether the addresses of the mailboxes keep apart what comes in and what is told (invariant 10). Asked of the gateway
/// that runs, else of its store; a gateway that was never started has none.
fn addresses(directory: &Path, config: &Config, found: &mut Findings) {
    if !config.store.directory.exists() {
        return;
    }
    let mut lines = Lines::default();
    let request = Request::MailboxList(ListOptions { json: true });
    match block_on(answer(directory, request, &mut lines)).map_err(GatewayError::from).flatten() {
        Ok(()) => judge_addresses(&lines.0, config, found),
        Err(error) => found.warnings.push(format!("the addresses of the mailboxes cannot be read: {error}")),
    }
}

/// The rules: what takes deposits receives no notice, and what is sent to the gateway's own domain comes back to it.
fn judge_addresses(mailboxes: &[String], config: &Config, found: &mut Findings) {
    let rows = mailboxes.iter().filter_map(|line| serde_json::from_str::<serde_json::Value>(line).ok());
    let rows: Vec<_> = rows.collect();
    let address = |row: &serde_json::Value, key: &str| {
        row.get(key).and_then(|value| value.as_str()).and_then(|text| MailAddress::parse(text).ok())
    };
    let deposits: Vec<_> = rows.iter().filter_map(|row| address(row, "deposit_address")).collect();
    for row in &rows {
        let slug = row.get("slug").and_then(|slug| slug.as_str()).unwrap_or_default();
        for key in ["notice_address", "second_notice_address"] {
            let Some(notices) = address(row, key) else { continue };
            if deposits.contains(&notices) {
                found.faults.push(format!(
                    "mailbox {slug}: {notices} takes deposits and would receive notices: mails would go round"
                ));
            } else if notices.domain() == &config.smtp.mail_domain {
                found.faults.push(format!(
                    "mailbox {slug}: notices to {notices} would come back to the gateway, which has no such mailbox"
                ));
            }
        }
    }
    if let Some(from) = config.gateway.mail_from.as_ref().filter(|from| deposits.contains(from)) {
        found
            .faults
            .push(format!("[gateway] mail_from = \"{from}\" takes deposits: answers would be deposits"));
    }
}

/// What is wrong with the files of agreements beside the policies; what they name is looked up when they are imported.
fn agreement_faults(config: &Config) -> Vec<String> {
    let Some(directory) = &config.policies.directory else { return Vec::new() };
    let Ok(files) = std::fs::read_dir(directory.join("agreements")) else { return Vec::new() };
    let files = files.flatten().map(|file| file.path());
    let files = files.filter(|path| path.extension().is_some_and(|extension| extension == "toml"));
    // Without them the policies themselves are a fault already.
    let forms = policies::load(Some(directory)).map(|policies| policies.forms).ok();
    let no_form = |file: &AgreementFile| {
        let named = file.mailboxes.iter().flat_map(|mailbox| &mailbox.forms);
        let unknown =
            named.filter(|name| forms.as_ref().is_some_and(|forms| forms.get(name.as_str()).is_none()));
        unknown.map(|name| format!("there is no form {name}")).next()
    };
    let fault = |path: std::path::PathBuf| match std::fs::read_to_string(&path) {
        Ok(text) => match AgreementFile::parse(&text) {
            Ok(file) => no_form(&file).map(|what| format!("{}: {what}", path.display())),
            Err(error) => Some(format!("{}: {error}", path.display())),
        },
        Err(error) => Some(format!("{}: {error}", path.display())),
    };
    files.filter_map(fault).collect()
}

fn check(config: &Config) -> Findings {
    let mut found = Findings::default();
    if let Err(error) = policies::load(config.policies.directory.as_deref()) {
        found.faults.push(error.to_string());
    }
    found.faults.extend(agreement_faults(config));
    if let Err(error) = Certificates::load(config) {
        found.faults.push(error.to_string());
    }
    found.faults.extend(timestamps(config).err().map(|error| error.to_string()));
    let relay = match &config.demo {
        Some(section) => Parts::of(config, section).map(drop).map_err(|error| error.to_string()),
        None => Seams::of(config).map(drop).map_err(|error| error.to_string()),
    };
    found.faults.extend(relay.err());
    secrets(config, &mut found);
    sign_in(config, &mut found);
    places(config, &mut found);
    scanner(config, &mut found);
    mirror(config, &mut found);
    mail_keys(config, &mut found);
    machine(config, &mut found);
    found
}

fn secrets(config: &Config, found: &mut Findings) {
    let key = &config.keyring.gateway_key_file;
    match fs::read_to_string(key).map_err(|error| error.to_string()) {
        Ok(text) if Identity::parse(&text).is_err() => {
            found.faults.push(format!("{} is no age identity file", key.display()));
        }
        Ok(_) => {}
        Err(error) => found.faults.push(format!("{} cannot be read: {error}", key.display())),
    }
    let provider = config.oidc.client_secret_file.as_ref().filter(|_| config.oidc.is_on());
    let keys = [Some(key), config.http.key.as_ref(), config.smtp.key.as_ref(), provider];
    for file in keys.into_iter().flatten() {
        let mode = fs::metadata(file).map(|metadata| metadata.permissions().mode());
        if mode.is_ok_and(|mode| mode & 0o077 != 0) {
            found.warnings.push(format!("{} can be read by others than its owner", file.display()));
        }
    }
    if config.gateway.postmaster.is_none() {
        found.warnings.push(
            "no [gateway] postmaster: mail for postmaster@ and abuse@ is refused (RFC 5321 section 4.5.1)"
                .to_owned(),
        );
    }
    if config.recovery.recipient.is_none() {
        found
            .warnings
            .push("no [recovery] recipient: live mail cannot be opened without this gateway".to_owned());
    }
}

/// Who else says who people are.
fn sign_in(config: &Config, found: &mut Findings) {
    let oidc = &config.oidc;
    if let Some(file) = oidc.client_secret_file.as_ref().filter(|_| oidc.is_on())
        && let Err(error) = fs::read_to_string(file)
    {
        found.faults.push(format!("{} cannot be read: {error}", file.display()));
    }
    if oidc.is_on() && oidc.email_is_verified && oidc.idp_ids.is_empty() {
        let told = "[oidc] email_is_verified without idp_ids: whoever signs in at any identity provider behind it can be \
                    linked to the account of any address that it names";
        found.warnings.push(told.to_owned());
    }
    if config.http.asks_certificates && config.http.plain {
        let told = "[http] asks_certificates has no effect: a client certificate is seen where TLS ends, and that is not here";
        found.warnings.push(told.to_owned());
    }
}

/// Whether files are inspected, and whether the scanner is fit to.
fn scanner(config: &Config, found: &mut Findings) {
    let Some(clamd) = clamd(config) else {
        found
            .warnings
            .push("[scanner] mode is off: files are passed on without a virus scan (rule D8)".to_owned());
        return;
    };
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let Ok(runtime) = runtime else { return };
    match runtime.block_on(clamd.state()) {
        Err(error @ ScannerError::TemporaryDirectory { .. }) => {
            found.faults.push(format!("[scanner] {error}; nothing is scanned there, deposits are held"));
        }
        Err(error) => found.warnings.push(format!("[scanner] {error}; deposits are held meanwhile")),
        Ok(state) => {
            let (hours, now) = (config.scanner.signatures_max_age_hours, SystemClock::new(None).read().wall);
            found.warnings.extend(unfit_signatures(&state, hours, now));
        }
    }
}

/// Why the signatures would hold what is deposited; none when they would not, or when their age is not watched.
fn unfit_signatures(state: &ScannerState, max_hours: u32, now: Timestamp) -> Option<String> {
    match state.signed_at.map(|at| at.until(now)) {
        _ if max_hours == 0 => None,
        None => Some(format!(
            "[scanner] {} does not say how old its signatures are; deposits are held",
            state.engine
        )),
        Some(age) => (age > Millis::hours(i64::from(max_hours))).then(|| {
            let hours = age.0 / Millis::hours(1).0;
            format!("[scanner] the signatures are {hours} hours old, over the {max_hours} of signatures_max_age_hours; deposits are held")
        }),
    }
}

/// Whether outgoing mail is signed, and whether the DNS has the records that verifiers need.
fn mail_keys(config: &Config, found: &mut Findings) {
    let keys = match read_dkim_keys(&config.keyring.directory) {
        Ok(keys) => keys,
        Err(error) => return found.faults.push(error.to_string()),
    };
    if !keys.iter().any(DkimKey::signs) {
        found
            .warnings
            .push("no key signs outgoing mail: many hosts refuse or hide it (`pli key dkim add`)".to_owned());
    }
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let (Ok(runtime), Ok(names)) = (runtime, names(config)) else { return };
    for key in keys.iter().filter(|key| !matches!(key.state, DkimState::Retired { .. })) {
        match runtime.block_on(names.text_records(&key.record_name())) {
            Ok(records) if records.iter().any(|record| key.is_published_as(record)) => {}
            Ok(_) if key.signs() => found.faults.push(format!(
                "{} is not in the DNS, and mails are signed with its key: they will be refused",
                key.record_name()
            )),
            Ok(_) => found.warnings.push(format!(
                "{} is not in the DNS yet: its key waits (`pli key dkim list` tells the record)",
                key.record_name()
            )),
            Err(error @ NamesUnanswered) => found.warnings.push(format!("{}: {error}", key.record_name())),
        }
    }
}

/// The keyring must not go where the store goes: into its backups.
fn places(config: &Config, found: &mut Findings) {
    let keyring = &config.keyring.directory;
    for data in [&config.store.directory, &config.objects.directory] {
        if keyring.starts_with(data) || data.starts_with(keyring) {
            let (keyring, data) = (keyring.display(), data.display());
            found
                .faults
                .push(format!("{keyring} and {data} are one in the other: a backup would hold the keys"));
        }
    }
    if volume(keyring) == volume(&config.store.directory) {
        found.warnings.push(format!(
            "{} is on the volume of the store: a snapshot of it would defeat expiry",
            keyring.display()
        ));
    }
}

/// The two places of the keyring are for the loss of one disk, and neither may be on a file system that keeps what was
/// overwritten.
fn mirror(config: &Config, found: &mut Findings) {
    let first = &config.keyring.directory;
    let mirror = config.keyring.mirror.as_ref();
    for place in [Some(first), mirror].into_iter().flatten() {
        if let Some(kind) = snapshot_kind(place) {
            found.warnings.push(format!(
                "{} is on {kind}: a snapshot of it, or a block that is not overwritten, would defeat expiry",
                place.display()
            ));
        }
    }
    let Some(mirror) = mirror else {
        found.warnings.push("no [keyring] mirror: the loss of one disk loses all live mail".to_owned());
        return;
    };
    if mirror.starts_with(first) || first.starts_with(mirror) {
        found.faults.push(format!("{} and {} are one in the other", first.display(), mirror.display()));
    }
    if volume(first) == volume(mirror) {
        found.warnings.push(format!(
            "{} and its mirror {} are on one volume: the loss of it loses both",
            first.display(),
            mirror.display()
        ));
    }
}

/// The volume of the nearest directory that is there.
fn volume(path: &Path) -> Option<u64> {
    path.ancestors().find_map(|path| fs::metadata(path).ok()).map(|data| data.dev())
}

/// The name of a file system that copies on write, by its number (linux/magic.h).
fn snapshot_kind(path: &Path) -> Option<&'static str> {
    let there = path.ancestors().find(|path| path.exists())?;
    match u64::try_from(rustix::fs::statfs(there).ok()?.f_type).ok()? {
        0x9123_683E => Some("btrfs"),
        0x2FC1_2FC1 => Some("ZFS"),
        0xCA45_1A4E => Some("bcachefs"),
        _ => None,
    }
}

fn machine(config: &Config, found: &mut Findings) {
    match swap_is_on() {
        Some(true) => {
            found.warnings.push("swap is on: memory may be written to a disk; turn it off".to_owned());
        }
        Some(false) => {}
        None => found.warnings.push("whether swap is on cannot be told".to_owned()),
    }
    if !config.clock.synchronised_file.exists() {
        found.warnings.push(format!(
            "{} is not there: after a reboot access stays closed until `pli clock confirm`",
            config.clock.synchronised_file.display()
        ));
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn config(place: &Path) -> Config {
        let text = crate::config::InitialFile {
            base_url: "http://localhost:8080".into(),
            http_listen: "localhost:8080".into(),
            smtp_listen: "localhost:2525".into(),
            hostname: "pli.example".into(),
            mail_domain: "pli.example".into(),
            recovery: None,
            demo: true,
        };
        Config::parse(&text.text(), place).unwrap()
    }

    #[test]
    fn what_is_missing_and_what_is_unwise_is_told_apart() {
        let place = tempfile::tempdir().unwrap();
        let mut config = config(place.path());
        config.keyring.directory = config.store.directory.join("keyring");
        let found = check(&config);
        let faults = found.faults.join("\n");
        for told in ["gateway.key", "server.pem", "one in the other"] {
            assert!(faults.contains(told), "{told}: {faults}");
        }
        assert!(found.warnings.iter().any(|told| told.contains("[recovery]")), "{:?}", found.warnings);
    }

    #[test]
    fn a_provider_without_its_secret_is_a_fault_and_one_that_links_anybody_is_told() {
        let place = tempfile::tempdir().unwrap();
        let mut config = config(place.path());
        config.oidc.issuer = "https://fi.example".into();
        config.oidc.client_secret_file = Some(place.path().join("nothing"));
        config.oidc.email_is_verified = true;
        let found = check(&config);
        assert!(found.faults.iter().any(|fault| fault.contains("nothing")), "{:?}", found.faults);
        assert!(found.warnings.iter().any(|warning| warning.contains("without idp_ids")));
        config.oidc.idp_ids = vec!["caisse".into()];
        assert!(!check(&config).warnings.iter().any(|warning| warning.contains("without idp_ids")));
    }

    #[test]
    fn an_address_that_takes_deposits_and_receives_notices_is_a_fault() {
        let place = tempfile::tempdir().unwrap();
        let mut config = config(place.path());
        let row = |deposit: &str, notice: &str, second: &str| {
            format!(
                r#"{{"slug":"m","deposit_address":"{deposit}@pli.example","notice_address":"{notice}","second_notice_address":{second}}}"#
            )
        };
        let faults = |config: &Config, rows: &[String]| {
            let mut found = Findings::default();
            judge_addresses(rows, config, &mut found);
            found.faults
        };
        let well =
            [row("a", "a@caisse.example", "null"), row("b", "b@caisse.example", "\"c@caisse.example\"")];
        assert_eq!(faults(&config, &well), Vec::<String>::new());
        for mixed in [
            row("a", "a@pli.example", "null"),
            row("c", "b@pli.example", "null"),
            row("c", "c@caisse.example", "\"a@pli.example\""),
        ] {
            let rows = [well.as_slice(), &[mixed]].concat();
            let found = faults(&config, &rows);
            assert!(found.len() == 1 && found[0].contains("would receive notices"), "{found:?}");
        }
        let ours = faults(&config, &[row("a", "equipe@pli.example", "null")]);
        assert!(ours[0].contains("come back to the gateway"), "{ours:?}");
        config.gateway.mail_from = Some(MailAddress::parse("a@pli.example").unwrap());
        assert!(faults(&config, &well)[0].contains("mail_from"));
    }

    #[test]
    fn a_mirror_that_saves_nothing_is_told() {
        let place = tempfile::tempdir().unwrap();
        let mut config = config(place.path());
        let warned =
            |config: &Config, what: &str| check(config).warnings.iter().any(|told| told.contains(what));
        assert!(warned(&config, "no [keyring] mirror"));
        config.keyring.mirror = Some(place.path().join("mirror"));
        assert!(warned(&config, "are on one volume") && !warned(&config, "no [keyring] mirror"));
        config.keyring.mirror = Some(config.keyring.directory.join("mirror"));
        assert!(check(&config).faults.iter().any(|told| told.contains("one in the other")));
    }

    #[test]
    fn a_scanner_whose_temporary_directory_is_no_private_memory_is_a_fault() {
        let place = tempfile::tempdir().unwrap();
        let mut config = config(place.path());
        let off = check(&config);
        assert!(off.warnings.iter().any(|told| told.contains("mode is off")), "{:?}", off.warnings);
        config.scanner.mode = crate::config::ScannerMode::Clamd;
        for directory in [None, Some(place.path().to_owned())] {
            config.scanner.temporary_directory = directory;
            let found = check(&config);
            assert!(
                found.faults.iter().any(|told| told.contains("temporary directory")),
                "{:?}",
                found.faults
            );
        }
    }

    #[test]
    fn signatures_that_would_hold_what_comes_are_told() {
        let made = Timestamp(1_800_000_000_000);
        let state = |signed_at| ScannerState { engine: "ClamAV 1.4.3".into(), signatures: None, signed_at };
        let after = |hours| unfit_signatures(&state(Some(made)), 48, made + Millis::hours(hours));
        assert_eq!(after(48), None);
        assert!(after(49).unwrap().contains("49 hours old"));
        assert!(unfit_signatures(&state(None), 48, made).unwrap().contains("does not say"));
        assert_eq!(unfit_signatures(&state(None), 0, made), None, "the operator does not watch it");
    }

    #[test]
    fn a_key_that_others_can_read_is_told() {
        let place = tempfile::tempdir().unwrap();
        let config = config(place.path());
        crate::store::make_gateway_key_file(&config.keyring.gateway_key_file).unwrap();
        let told = |found: &Findings| found.warnings.iter().any(|told| told.contains("gateway.key"));
        assert!(!told(&check(&config)));
        fs::set_permissions(&config.keyring.gateway_key_file, fs::Permissions::from_mode(0o644)).unwrap();
        assert!(told(&check(&config)));
    }
}
