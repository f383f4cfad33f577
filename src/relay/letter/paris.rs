//! Instants as people in France read them, in French or English, always with the words "heure de Paris".

use jiff::Timestamp as Instant;
use jiff::civil::{DateTime, Weekday};
use jiff::tz::TimeZone;

use crate::value::{Language, Timestamp};

/// Central European time as it has been since 1996 (directive 2000/84/EC), written out so that no
/// file of the system is read.
const PARIS: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

const MONTHS_FR: [&str; 12] = [
    "janvier",
    "février",
    "mars",
    "avril",
    "mai",
    "juin",
    "juillet",
    "août",
    "septembre",
    "octobre",
    "novembre",
    "décembre",
];
const MONTHS_EN: [&str; 12] = [
    "January",
    "February",
    "March",
    "April",
    "May",
    "June",
    "July",
    "August",
    "September",
    "October",
    "November",
    "December",
];

/// `vendredi 11 décembre 2026 à 9 h 30 (heure de Paris)`, whole minutes, so never later than the instant. `None`
/// for an instant out of the calendar's range.
pub fn paris_time(instant: Timestamp, language: Language) -> Option<String> {
    let paris = TimeZone::posix(PARIS).ok()?;
    let local = Instant::from_millisecond(instant.0).ok()?.to_zoned(paris).datetime();
    Some(match language {
        Language::Fr => french(local),
        Language::En => english(local),
    })
}

fn french(local: DateTime) -> String {
    let day = if local.day() == 1 { "1er".to_owned() } else { local.day().to_string() };
    format!(
        "{} {day} {} {} à {}\u{a0}h\u{a0}{:02} (heure de Paris)",
        weekday(local.weekday(), Language::Fr),
        month(local, MONTHS_FR),
        local.year(),
        local.hour(),
        local.minute()
    )
}

fn english(local: DateTime) -> String {
    format!(
        "{} {} {} {} at {:02}:{:02} (Paris time)",
        weekday(local.weekday(), Language::En),
        local.day(),
        month(local, MONTHS_EN),
        local.year(),
        local.hour(),
        local.minute()
    )
}

fn month(local: DateTime, names: [&'static str; 12]) -> &'static str {
    let index = usize::from(local.month().unsigned_abs()).saturating_sub(1);
    names.get(index).copied().unwrap_or_default()
}

fn weekday(day: Weekday, language: Language) -> &'static str {
    let (french, english) = match day {
        Weekday::Monday => ("lundi", "Monday"),
        Weekday::Tuesday => ("mardi", "Tuesday"),
        Weekday::Wednesday => ("mercredi", "Wednesday"),
        Weekday::Thursday => ("jeudi", "Thursday"),
        Weekday::Friday => ("vendredi", "Friday"),
        Weekday::Saturday => ("samedi", "Saturday"),
        Weekday::Sunday => ("dimanche", "Sunday"),
    };
    match language {
        Language::Fr => french,
        Language::En => english,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(utc: &str, language: Language) -> String {
        let instant: Instant = utc.parse().unwrap();
        paris_time(Timestamp(instant.as_millisecond()), language).unwrap()
    }

    #[test]
    fn winter_and_summer_time_are_right_to_the_second() {
        assert_eq!(
            at("2026-12-11T08:30:59Z", Language::Fr),
            "vendredi 11 décembre 2026 à 9\u{a0}h\u{a0}30 (heure de Paris)"
        );
        assert_eq!(at("2026-12-11T08:30:59Z", Language::En), "Friday 11 December 2026 at 09:30 (Paris time)");
        assert!(at("2026-03-29T00:59:59Z", Language::En).contains("at 01:59"));
        assert!(at("2026-03-29T01:00:00Z", Language::En).contains("at 03:00"));
        assert!(at("2026-10-25T00:59:59Z", Language::En).contains("at 02:59"));
        assert!(at("2026-10-25T01:00:00Z", Language::En).contains("at 02:00"));
        assert!(
            at("2026-11-30T23:05:00Z", Language::Fr)
                .starts_with("mardi 1er décembre 2026 à 0\u{a0}h\u{a0}05")
        );
    }

    #[test]
    fn an_instant_out_of_the_calendar_is_refused() {
        assert_eq!(paris_time(Timestamp(i64::MAX), Language::Fr), None);
    }
}
