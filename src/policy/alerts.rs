//! When the security officer is told, from `policies/alerts.toml`: thresholds, hours, quiet windows, recipients. It says
//! what is too much; noticing it and writing the mail is done above.

use std::collections::{BTreeMap, BTreeSet};

use serde::Deserialize;
use thiserror::Error;

use crate::value::calendar::{self, Weekday};
use crate::value::{MailAddress, Millis, Slug, Timestamp};

/// Minutes of a day.
const DAY_MINUTES: u32 = 24 * 60;
/// The longest window, quiet time or silence, in minutes: a month.
const MINUTES_MAX: u32 = 31 * DAY_MINUTES;
/// The largest count: what is noticed is kept in memory while it is counted.
const COUNT_MAX: u32 = 10_000;
/// Recipients of one organisation.
const RECIPIENTS_MAX: usize = 20;

/// Why the policy file is refused. The operator must act.
#[derive(Debug, Error)]
pub enum AlertPolicyError {
    /// Not the expected keys and values.
    #[error("policies/alerts.toml: {0}")]
    Syntax(#[from] toml::de::Error),
    /// A number out of its range.
    #[error("policies/alerts.toml: {key} = {actual}, but it is 1 to {limit}")]
    OutOfRange {
        /// The key in the file.
        key: &'static str,
        /// The largest value.
        limit: u32,
        /// What it says.
        actual: u32,
    },
    /// A time of day that is none, or hours that end before they begin.
    #[error(
        "policies/alerts.toml: [outside_hours] opening and closing are written \"07:00\", the first before the second"
    )]
    Hours,
    /// Too many addresses.
    #[error("policies/alerts.toml: {actual} recipients for {slug}, but {limit} are enough")]
    Recipients {
        /// The organisation.
        slug: Slug,
        /// How many are allowed.
        limit: usize,
        /// How many there are.
        actual: usize,
    },
}

/// So many within so long.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Threshold {
    /// How many are too many.
    pub count: usize,
    /// Within how long.
    pub window: Millis,
}

/// The hours in which members work.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct WorkingHours {
    opening: u32,
    closing: u32,
    days: BTreeSet<Weekday>,
}

impl WorkingHours {
    /// Whether an instant lies outside, in the time of Paris.
    pub fn is_outside(&self, at: Timestamp) -> bool {
        calendar::time_of_day(at).is_none_or(|(day, minute)| {
            !self.days.contains(&day) || minute < self.opening || minute >= self.closing
        })
    }
}

/// When the officer is told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AlertPolicy {
    /// How long a kind of alert is quiet after a mail about it.
    pub quiet: Millis,
    /// The hour of the daily mail, in Paris.
    pub daily_hour: u32,
    /// Refusals of anybody.
    pub many_refusals: Threshold,
    /// Openings and downloads by one person.
    pub mass_download: Threshold,
    /// None when nobody cares.
    pub working_hours: Option<WorkingHours>,
    /// How long after its day a day's key may still be there.
    pub day_key_grace: Millis,
    /// Whether a scanner that does not answer is told.
    pub scanner: bool,
    /// How long a witness may be silent.
    pub witness_silence: Millis,
    /// How long the timestamp authority may be silent.
    pub timestamp_silence: Millis,
    /// How long a notice may wait in the queue before the mailbox's second address is told.
    pub notice_silence: Millis,
    /// How long a mailbox may be silent before it is asked whether notices arrive; none when nobody asks.
    pub heartbeat: Option<Millis>,
    /// How long no backup may be made.
    pub backup_silence: Millis,
    recipients: BTreeMap<Slug, Vec<MailAddress>>,
}

impl AlertPolicy {
    /// Reads the policy file.
    pub fn parse(text: &str) -> Result<Self, AlertPolicyError> {
        let file: AlertsFile = toml::from_str(text)?;
        let minutes = |key, value| in_range(key, value, MINUTES_MAX).map(|n| Millis::minutes(i64::from(n)));
        for (slug, addresses) in &file.recipients {
            if addresses.len() > RECIPIENTS_MAX {
                let (limit, actual) = (RECIPIENTS_MAX, addresses.len());
                return Err(AlertPolicyError::Recipients { slug: slug.clone(), limit, actual });
            }
        }
        let hours = in_range("[backup] silent_hours", file.backup.silent_hours, MINUTES_MAX / 60)?;
        if file.mail.daily_hour > 23 {
            let (key, limit, actual) = ("[mail] daily_hour", 23, file.mail.daily_hour);
            return Err(AlertPolicyError::OutOfRange { key, limit, actual });
        }
        Ok(Self {
            quiet: minutes("[mail] quiet_minutes", file.mail.quiet_minutes)?,
            daily_hour: file.mail.daily_hour,
            many_refusals: file.many_refusals.threshold("[many_refusals]")?,
            mass_download: file.mass_download.threshold("[mass_download]")?,
            working_hours: file.outside_hours.hours()?,
            day_key_grace: minutes("[day_key] grace_minutes", file.day_key.grace_minutes)?,
            scanner: file.scanner.enabled,
            witness_silence: minutes("[witness] silent_minutes", file.witness.silent_minutes)?,
            timestamp_silence: minutes("[timestamp] silent_minutes", file.timestamp.silent_minutes)?,
            notice_silence: minutes("[notice] silent_minutes", file.notice.silent_minutes)?,
            heartbeat: file.heartbeat.every()?,
            backup_silence: Millis::hours(i64::from(hours)),
            recipients: file.recipients,
        })
    }

    /// Who is told for an organisation; none when its officers are.
    pub fn recipients(&self, organisation: &Slug) -> Option<&[MailAddress]> {
        self.recipients.get(organisation).map(Vec::as_slice)
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct AlertsFile {
    mail: MailTable,
    #[serde(default)]
    recipients: BTreeMap<Slug, Vec<MailAddress>>,
    many_refusals: ThresholdTable,
    mass_download: ThresholdTable,
    outside_hours: HoursTable,
    day_key: DayKeyTable,
    scanner: ScannerTable,
    witness: WitnessTable,
    timestamp: WitnessTable,
    #[serde(default)]
    notice: NoticeTable,
    #[serde(default)]
    heartbeat: HeartbeatTable,
    backup: BackupTable,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct MailTable {
    quiet_minutes: u32,
    daily_hour: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ThresholdTable {
    count: u32,
    window_minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HoursTable {
    enabled: bool,
    opening: String,
    closing: String,
    days: BTreeSet<Weekday>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct DayKeyTable {
    grace_minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct ScannerTable {
    enabled: bool,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct WitnessTable {
    silent_minutes: u32,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct NoticeTable {
    silent_minutes: u32,
}

impl Default for NoticeTable {
    fn default() -> Self {
        Self { silent_minutes: 240 }
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct HeartbeatTable {
    enabled: bool,
    every_days: u32,
}

impl Default for HeartbeatTable {
    fn default() -> Self {
        Self { enabled: true, every_days: 7 }
    }
}

impl HeartbeatTable {
    fn every(&self) -> Result<Option<Millis>, AlertPolicyError> {
        let days = in_range("[heartbeat] every_days", self.every_days, MINUTES_MAX / (60 * 24))?;
        Ok(self.enabled.then_some(Millis::days(i64::from(days))))
    }
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct BackupTable {
    silent_hours: u32,
}

impl ThresholdTable {
    fn threshold(&self, key: &'static str) -> Result<Threshold, AlertPolicyError> {
        let count = in_range(key, self.count, COUNT_MAX)? as usize;
        let window = in_range(key, self.window_minutes, MINUTES_MAX)?;
        Ok(Threshold { count, window: Millis::minutes(i64::from(window)) })
    }
}

impl HoursTable {
    fn hours(self) -> Result<Option<WorkingHours>, AlertPolicyError> {
        let minutes = (minute_of_day(&self.opening), minute_of_day(&self.closing));
        match minutes {
            (Some(opening), Some(closing)) if opening < closing => {
                Ok(self.enabled.then_some(WorkingHours { opening, closing, days: self.days }))
            }
            _ => Err(AlertPolicyError::Hours),
        }
    }
}

const fn in_range(key: &'static str, actual: u32, limit: u32) -> Result<u32, AlertPolicyError> {
    if actual >= 1 && actual <= limit {
        Ok(actual)
    } else {
        Err(AlertPolicyError::OutOfRange { key, limit, actual })
    }
}

fn minute_of_day(text: &str) -> Option<u32> {
    let (hour, minute) = text.split_once(':')?;
    let two_digits = |part: &str| part.len() == 2 && part.bytes().all(|digit| digit.is_ascii_digit());
    if !two_digits(hour) || !two_digits(minute) {
        return None;
    }
    let (hour, minute): (u32, u32) = (hour.parse().ok()?, minute.parse().ok()?);
    (hour <= 24 && minute < 60 && hour * 60 + minute <= DAY_MINUTES).then_some(hour * 60 + minute)
}

#[cfg(test)]
mod tests {
    use super::*;

    const BUILT_IN: &str = include_str!("../../policies/alerts.toml");

    #[test]
    fn the_policy_that_pli_brings_along_is_accepted() {
        let policy = AlertPolicy::parse(BUILT_IN).unwrap();
        assert_eq!(policy.many_refusals, Threshold { count: 50, window: Millis::minutes(10) });
        assert_eq!(policy.recipients(&Slug::parse("carsat").unwrap()), None);
    }

    #[test]
    fn the_hours_are_those_of_paris_and_of_working_days() {
        let hours = AlertPolicy::parse(BUILT_IN).unwrap().working_hours.unwrap();
        let at = |utc: &str| hours.is_outside(calendar::parse_utc(utc).unwrap());
        assert!(!at("2026-11-20T06:00:00Z"), "Friday, 07:00 in winter");
        assert!(at("2026-11-20T05:59:59Z"));
        assert!(!at("2026-11-20T18:59:59Z"));
        assert!(at("2026-11-20T19:00:00Z"), "20:00 is outside");
        assert!(!at("2026-07-03T05:00:00Z"), "Friday, 07:00 in summer");
        assert!(at("2026-11-21T10:00:00Z"), "Saturday");
        assert!(at("2026-11-22T23:30:00Z"), "Monday in Paris, half past midnight");
    }

    #[test]
    fn what_makes_no_sense_is_refused() {
        for (from, to) in [
            ("count = 50", "count = 0"),
            ("count = 50", "count = 10001"),
            ("quiet_minutes = 60", "quiet_minutes = 0"),
            ("daily_hour = 7", "daily_hour = 24"),
            ("\"07:00\"", "\"7:00\""),
            ("\"07:00\"", "\"21:00\""),
            ("\"monday\"", "\"lundi\""),
            ("[scanner]", "[scaner]"),
            ("# carsat = [\"securite@", "carsat = [\"no address "),
        ] {
            assert!(BUILT_IN.contains(from), "{from}");
            assert!(AlertPolicy::parse(&BUILT_IN.replacen(from, to, 1)).is_err(), "{from} -> {to}");
        }
    }

    #[test]
    fn an_organisation_may_name_who_is_told() {
        let policy = AlertPolicy::parse(&BUILT_IN.replace("# carsat = ", "carsat = ")).unwrap();
        let told = policy.recipients(&Slug::parse("carsat").unwrap()).unwrap();
        assert_eq!(told.iter().map(ToString::to_string).collect::<Vec<_>>(), ["securite@carsat.example"]);
    }
}
