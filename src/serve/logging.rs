//! The operator's log: lines on standard error, for journald or a file. Never an address, a title or the name of a
//! file: what happened to whom stands in the audit log, which is another thing.

use std::io::IsTerminal;

use tracing_subscriber::EnvFilter;

use crate::config::{LogFormat, LogLevel, LogSection};

/// Starts it, once in a process; a second call changes nothing.
pub fn start(section: &LogSection) {
    let level = match section.level {
        LogLevel::Error => "error",
        LogLevel::Warn => "warn",
        LogLevel::Info => "info",
        LogLevel::Debug => "debug",
    };
    // Libraries tell less than we do: their lines are not written with our rule in mind.
    let filter = EnvFilter::new(format!("warn,pli={level}"));
    let lines = tracing_subscriber::fmt().with_writer(std::io::stderr).with_env_filter(filter);
    // The only error is that one was started before.
    let _ = match section.format {
        LogFormat::Plain => lines.with_ansi(std::io::stderr().is_terminal()).try_init(),
        LogFormat::Json => lines.json().try_init(),
    };
}
