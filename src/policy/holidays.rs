//! The public holidays of France (Code du travail art. L3133-1) and the two more of Alsace-Moselle (art. L3134-13), and which
//! days are worked. Computed, for any year of the Gregorian calendar; nothing is fetched. Bridges between a holiday and a
//! week-end are nobody's law and are worked.

use jiff::ToSpan;
use jiff::civil::{Date, Weekday};
use serde::{Deserialize, Serialize};

/// Whose holidays count.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Region {
    /// Metropolitan France but Alsace and Moselle.
    #[default]
    France,
    /// Haut-Rhin, Bas-Rhin, Moselle: Good Friday and the day after Christmas too.
    AlsaceMoselle,
}

/// Days of the year that are always holidays, as month and day.
const FIXED: [(i8, i8); 8] = [(1, 1), (5, 1), (5, 8), (7, 14), (8, 15), (11, 1), (11, 11), (12, 25)];
/// Easter Monday, Ascension Day and Whit Monday, in days after Easter Sunday.
const AFTER_EASTER: [i32; 3] = [1, 39, 50];
/// Good Friday, in days after Easter Sunday.
const GOOD_FRIDAY: i32 = -2;

impl Region {
    /// Whether a day is a public holiday.
    pub fn is_holiday(self, day: Date) -> bool {
        let fixed = FIXED.contains(&(day.month(), day.day()));
        let easter = easter(day.year());
        let moves = |after: i32| easter.and_then(|easter| easter.checked_add(after.days()).ok()) == Some(day);
        let local =
            self == Self::AlsaceMoselle && ((day.month(), day.day()) == (12, 26) || moves(GOOD_FRIDAY));
        fixed || AFTER_EASTER.into_iter().any(moves) || local
    }

    /// Whether offices work on a day: Monday to Friday, but for holidays.
    pub fn is_worked(self, day: Date) -> bool {
        !matches!(day.weekday(), Weekday::Saturday | Weekday::Sunday) && !self.is_holiday(day)
    }
}

/// Easter Sunday by the Gregorian calendar (Meeus, Jones and Butcher); none for a year that the calendar does not have.
#[expect(clippy::many_single_char_names, reason = "the names of the published algorithm")]
pub fn easter(year: i16) -> Option<Date> {
    let y = i32::from(year);
    let (a, b, c) = (y % 19, y / 100, y % 100);
    let (d, e) = (b / 4, b % 4);
    let g = (b - (b + 8) / 25 + 1) / 3;
    let h = (19 * a + b - d - g + 15) % 30;
    let l = (32 + 2 * e + 2 * (c / 4) - h - c % 4) % 7;
    let m = (a + 11 * h + 22 * l) / 451;
    let sum = h + l - 7 * m + 114;
    Date::new(year, i8::try_from(sum / 31).ok()?, i8::try_from(sum % 31 + 1).ok()?).ok()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn day(text: &str) -> Date {
        text.parse().unwrap()
    }

    fn holidays(year: i16, region: Region) -> Vec<String> {
        let first = Date::new(year, 1, 1).unwrap();
        let days = (0..366).map(|n| first.checked_add(n.days()).unwrap()).filter(|day| day.year() == year);
        days.filter(|day| region.is_holiday(*day)).map(|day| day.to_string()[5..].to_owned()).collect()
    }

    #[test]
    fn easter_is_where_the_tables_have_it() {
        // Years of the official calendar, the earliest and the latest Easter that there can be among them.
        for (year, sunday) in [
            (1818, "03-22"),
            (1943, "04-25"),
            (2000, "04-23"),
            (2008, "03-23"),
            (2011, "04-24"),
            (2016, "03-27"),
            (2019, "04-21"),
            (2020, "04-12"),
            (2021, "04-04"),
            (2022, "04-17"),
            (2023, "04-09"),
            (2024, "03-31"),
            (2025, "04-20"),
            (2026, "04-05"),
            (2027, "03-28"),
            (2028, "04-16"),
            (2029, "04-01"),
            (2030, "04-21"),
            (2038, "04-25"),
        ] {
            assert_eq!(easter(year).unwrap(), day(&format!("{year}-{sunday}")), "{year}");
        }
    }

    #[test]
    fn the_holidays_of_two_years_are_those_of_the_official_calendar() {
        assert_eq!(
            holidays(2026, Region::France),
            [
                "01-01", "04-06", "05-01", "05-08", "05-14", "05-25", "07-14", "08-15", "11-01", "11-11",
                "12-25"
            ]
        );
        assert_eq!(
            holidays(2027, Region::AlsaceMoselle),
            [
                "01-01", "03-26", "03-29", "05-01", "05-06", "05-08", "05-17", "07-14", "08-15", "11-01",
                "11-11", "12-25", "12-26"
            ]
        );
        // Ascension Day on the 1st of May: one holiday less.
        assert_eq!(holidays(2008, Region::France).len(), 10);
    }

    proptest! {
        #[test]
        fn easter_is_a_sunday_between_its_two_bounds(year in 1583i16..4000) {
            let easter = easter(year).unwrap();
            prop_assert_eq!(easter.weekday(), Weekday::Sunday);
            let (first, last) = (Date::new(year, 3, 22).unwrap(), Date::new(year, 4, 25).unwrap());
            prop_assert!((first..=last).contains(&easter));
        }

        #[test]
        fn alsace_moselle_has_all_of_the_others_and_two_more(year in 1900i16..2200) {
            let (france, local) = (holidays(year, Region::France), holidays(year, Region::AlsaceMoselle));
            prop_assert_eq!(local.len(), france.len() + 2);
            prop_assert!(france.iter().all(|day| local.contains(day)));
        }
    }

    #[test]
    fn week_ends_and_holidays_are_not_worked() {
        for rest in ["2026-11-21", "2026-11-22", "2026-11-11", "2026-04-06"] {
            assert!(!Region::France.is_worked(day(rest)), "{rest}");
        }
        assert!(
            Region::France.is_worked(day("2026-04-03"))
                && !Region::AlsaceMoselle.is_worked(day("2026-04-03"))
        );
    }
}
