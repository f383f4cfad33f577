//! Instants as people in France read them, in French or English. All are in the time of Paris, by the rule
//! of directive 2000/84/EC written out, so that no time-zone file of the system is needed.

use jiff::civil::Date;
use jiff::tz::TimeZone;
use jiff::{Span, Zoned};

use super::{Day, Language, Millis, Timestamp};

/// Central European time as it has been since 1996, as a POSIX rule.
const PARIS: &str = "CET-1CEST,M3.5.0,M10.5.0/3";

/// Short names of the months, in French.
const MONTHS_SHORT_FR: [&str; 12] =
    ["janv.", "févr.", "mars", "avr.", "mai", "juin", "juil.", "août", "sept.", "oct.", "nov.", "déc."];
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
const WEEKDAYS_FR: [&str; 7] = ["lundi", "mardi", "mercredi", "jeudi", "vendredi", "samedi", "dimanche"];

/// « samedi 21 novembre 2026 à 9 h 30 », "Saturday 21 November 2026 at 09:30". Whole minutes, so never later than
/// the instant; one out of the calendar's range is told in milliseconds.
pub fn full(instant: Timestamp, language: Language) -> String {
    try_full(instant, language).unwrap_or_else(|| instant.to_string())
}

/// As [`full`]; none for an instant out of the calendar's range.
pub fn try_full(instant: Timestamp, language: Language) -> Option<String> {
    let local = paris(instant)?;
    Some(match language {
        Language::Fr => format!(
            "{} {} {} {} à {}",
            name(&WEEKDAYS_FR, local.weekday().to_monday_zero_offset()),
            day_fr(&local),
            name(&MONTHS_FR, local.month() - 1),
            local.year(),
            hour_fr(&local)
        ),
        Language::En => local.strftime("%A %-d %B %Y at %H:%M").to_string(),
    })
}

/// « 21 nov. 2026, 9 h 30 », "21 Nov 2026, 09:30".
pub fn short(instant: Timestamp, language: Language) -> String {
    let Some(local) = paris(instant) else { return instant.to_string() };
    match language {
        Language::Fr => format!(
            "{}\u{a0}{} {}, {}",
            day_fr(&local),
            name(&MONTHS_SHORT_FR, local.month() - 1),
            local.year(),
            hour_fr(&local)
        ),
        Language::En => local.strftime("%-d\u{a0}%b %Y, %H:%M").to_string(),
    }
}

/// A day of the calendar, wherever it begins: « 21 nov. 2026 », "21 Nov 2026".
pub fn day(day: Day, language: Language) -> String {
    let local = jiff::Timestamp::from_millisecond(day.start().0).map(|start| start.to_zoned(TimeZone::UTC));
    local.map_or_else(|_| day.to_string(), |local| day_of(&local, language))
}

/// The day in Paris of an instant, written as [`day`] writes one.
pub fn day_in_paris(instant: Timestamp, language: Language) -> String {
    paris(instant).map_or_else(|| instant.to_string(), |local| day_of(&local, language))
}

fn day_of(local: &Zoned, language: Language) -> String {
    match language {
        Language::Fr => {
            format!("{}\u{a0}{} {}", day_fr(local), name(&MONTHS_SHORT_FR, local.month() - 1), local.year())
        }
        Language::En => local.strftime("%-d\u{a0}%b %Y").to_string(),
    }
}

/// The name of a month, from 1 to 12; empty for another number.
pub fn month(month: u32, language: Language) -> &'static str {
    let names = match language {
        Language::Fr => &MONTHS_FR,
        Language::En => &MONTHS_EN,
    };
    let place = month.checked_sub(1).and_then(|place| usize::try_from(place).ok());
    place.and_then(|place| names.get(place)).copied().unwrap_or_default()
}

/// « 21/11/2026 09:30:05 », "2026-11-21 09:30:05": what a log is read by.
pub fn precise(instant: Timestamp, language: Language) -> String {
    let Some(local) = paris(instant) else { return instant.to_string() };
    match language {
        Language::Fr => local.strftime("%d/%m/%Y %H:%M:%S").to_string(),
        Language::En => local.strftime("%Y-%m-%d %H:%M:%S").to_string(),
    }
}

/// "Sat, 21 Nov 2026 08:30:05 GMT": what HTTP headers say (RFC 9110 section 5.6.7).
pub fn http_date(instant: Timestamp) -> String {
    let utc = paris(instant).map(|local| local.with_time_zone(TimeZone::UTC));
    utc.map_or_else(|| instant.to_string(), |utc| utc.strftime("%a, %d %b %Y %H:%M:%S GMT").to_string())
}

/// "Sat, 21 Nov 2026 08:30:05 +0000": what mail headers say (RFC 5322 section 3.3).
pub fn mail_date(instant: Timestamp) -> String {
    http_date(instant).replace("GMT", "+0000")
}

/// « dans 3 jours », « il y a 2 heures », "in 5 minutes": whole units, rounded down, so that what is left is
/// never said to be more than it is.
pub fn relative(now: Timestamp, instant: Timestamp, language: Language) -> String {
    let Millis(ahead) = now.until(instant);
    let minutes = ahead.unsigned_abs() / 60_000;
    let (count, fr, en) = match minutes {
        0 => return just_now(ahead >= 0, language).to_owned(),
        1..=59 => (minutes, "minute", "minute"),
        60..=2879 => (minutes / 60, "heure", "hour"),
        _ => (minutes / 1440, "jour", "day"),
    };
    let plural = if count > 1 { "s" } else { "" };
    match (language, ahead >= 0) {
        (Language::Fr, true) => format!("dans {count}\u{a0}{fr}{plural}"),
        (Language::Fr, false) => format!("il y a {count}\u{a0}{fr}{plural}"),
        (Language::En, true) => format!("in {count}\u{a0}{en}{plural}"),
        (Language::En, false) => format!("{count}\u{a0}{en}{plural} ago"),
    }
}

const fn just_now(ahead: bool, language: Language) -> &'static str {
    match (language, ahead) {
        (Language::Fr, true) => "dans moins d’une minute",
        (Language::Fr, false) => "à l’instant",
        (Language::En, true) => "in less than a minute",
        (Language::En, false) => "just now",
    }
}

/// The first instant, in Paris, of the day `days_after` a day that was typed as `2026-11-21`.
pub fn start_of_day(typed: &str, days_after: i64) -> Option<Timestamp> {
    let date: Date = typed.parse().ok()?;
    let day = date.checked_add(Span::new().try_days(days_after).ok()?).ok()?;
    Some(Timestamp(day.to_zoned(TimeZone::posix(PARIS).ok()?).ok()?.timestamp().as_millisecond()))
}

/// A day of the week.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, serde::Serialize, serde::Deserialize)]
#[serde(rename_all = "snake_case")]
#[expect(missing_docs, reason = "the names say all")]
pub enum Weekday {
    Monday,
    Tuesday,
    Wednesday,
    Thursday,
    Friday,
    Saturday,
    Sunday,
}

/// The day of the week and the minute of the day, in Paris; none out of the calendar's range.
pub fn time_of_day(instant: Timestamp) -> Option<(Weekday, u32)> {
    let local = paris(instant)?;
    let day = match local.weekday().to_monday_zero_offset() {
        0 => Weekday::Monday,
        1 => Weekday::Tuesday,
        2 => Weekday::Wednesday,
        3 => Weekday::Thursday,
        4 => Weekday::Friday,
        5 => Weekday::Saturday,
        _ => Weekday::Sunday,
    };
    let minute = i32::from(local.hour()) * 60 + i32::from(local.minute());
    Some((day, u32::try_from(minute).ok()?))
}

/// The day in Paris, `2026-11-21`.
pub fn local_day(instant: Timestamp) -> Option<String> {
    Some(paris(instant)?.strftime("%Y-%m-%d").to_string())
}

/// An instant written as RFC 3339 says, `2026-11-21T08:30:00Z`.
pub fn parse_utc(text: &str) -> Option<Timestamp> {
    let instant: jiff::Timestamp = text.trim().parse().ok()?;
    Some(Timestamp(instant.as_millisecond()))
}

/// The instant of a time that was typed as `2026-11-21T09:30`, in Paris, as a form's field gives it.
pub fn parse_local(typed: &str) -> Option<Timestamp> {
    let local: jiff::civil::DateTime = typed.trim().parse().ok()?;
    Some(Timestamp(local.to_zoned(TimeZone::posix(PARIS).ok()?).ok()?.timestamp().as_millisecond()))
}

/// The instant on the clocks of Paris; none out of the calendar's range.
pub fn paris(instant: Timestamp) -> Option<Zoned> {
    let zone = TimeZone::posix(PARIS).ok()?;
    Some(jiff::Timestamp::from_millisecond(instant.0).ok()?.to_zoned(zone))
}

fn day_fr(local: &Zoned) -> String {
    if local.day() == 1 { "1er".to_owned() } else { local.day().to_string() }
}

fn hour_fr(local: &Zoned) -> String {
    format!("{}\u{a0}h\u{a0}{:02}", local.hour(), local.minute())
}

fn name<'a>(names: &[&'a str], place: i8) -> &'a str {
    usize::try_from(place).ok().and_then(|place| names.get(place)).copied().unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn http_reads_universal_time_in_its_own_form() {
        assert_eq!(http_date(Timestamp(784_111_777_000)), "Sun, 06 Nov 1994 08:49:37 GMT");
    }

    /// 2026-11-21T08:30:00Z, winter time in Paris.
    const WINTER: Timestamp = Timestamp(1_795_249_800_000);
    /// 2026-07-01T08:30:00Z, summer time in Paris.
    const SUMMER: Timestamp = Timestamp(1_782_894_600_000);

    fn plain(text: &str) -> String {
        text.replace('\u{a0}', " ")
    }

    #[test]
    fn an_instant_is_told_in_the_time_of_paris() {
        assert_eq!(plain(&full(WINTER, Language::Fr)), "samedi 21 novembre 2026 à 9 h 30");
        assert_eq!(plain(&full(WINTER, Language::En)), "Saturday 21 November 2026 at 09:30");
        assert_eq!(plain(&full(SUMMER, Language::Fr)), "mercredi 1er juillet 2026 à 10 h 30");
        assert_eq!(plain(&short(WINTER, Language::Fr)), "21 nov. 2026, 9 h 30");
        assert_eq!(plain(&short(WINTER, Language::En)), "21 Nov 2026, 09:30");
        assert_eq!(precise(WINTER, Language::Fr), "21/11/2026 09:30:00");
        assert_eq!(plain(&day(WINTER.day(), Language::Fr)), "21 nov. 2026");
        assert_eq!(plain(&day(WINTER.day(), Language::En)), "21 Nov 2026");
    }

    #[test]
    fn winter_and_summer_time_are_right_to_the_second() {
        let at = |utc: &str| {
            let instant: jiff::Timestamp = utc.parse().unwrap();
            full(Timestamp(instant.as_millisecond()), Language::En)
        };
        assert!(at("2026-03-29T00:59:59Z").ends_with("at 01:59"));
        assert!(at("2026-03-29T01:00:00Z").ends_with("at 03:00"));
        assert!(at("2026-10-25T00:59:59Z").ends_with("at 02:59"));
        assert!(at("2026-10-25T01:00:00Z").ends_with("at 02:00"));
    }

    #[test]
    fn an_instant_out_of_the_calendar_is_refused() {
        assert_eq!(try_full(Timestamp(i64::MAX), Language::Fr), None);
    }

    #[test]
    fn a_typed_day_begins_at_midnight_in_paris() {
        assert_eq!(start_of_day("2026-11-21", 0).unwrap().to_string(), "2026-11-20T23:00:00.000Z");
        assert_eq!(start_of_day("2026-07-31", 1).unwrap().to_string(), "2026-07-31T22:00:00.000Z");
        assert_eq!(start_of_day("21/11/2026", 0), None);
    }

    #[test]
    fn what_is_left_is_never_said_to_be_more() {
        let in_words = |ahead| plain(&relative(WINTER, WINTER + ahead, Language::Fr));
        assert_eq!(in_words(Millis::seconds(59)), "dans moins d’une minute");
        assert_eq!(in_words(Millis::minutes(119)), "dans 1 heure");
        assert_eq!(in_words(Millis::hours(47)), "dans 47 heures");
        assert_eq!(in_words(Millis::hours(71)), "dans 2 jours");
        assert_eq!(plain(&relative(WINTER, WINTER - Millis::hours(3), Language::En)), "3 hours ago");
    }
}
