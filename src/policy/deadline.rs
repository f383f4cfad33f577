//! By when something is to be done (T2, T5): a length, in hours or days, of calendar or of working time. It says instants;
//! it reminds nobody.
//!
//! Working time passes on worked days only, from midnight to midnight in Paris: no opening hours are agreed anywhere.
//! 48 hours of it from Friday 15:00 end on Tuesday 15:00.

use jiff::civil::Date;
use jiff::{ToSpan, Zoned};
use serde::{Deserialize, Serialize};
use thiserror::Error;

use super::holidays::Region;
use crate::value::{Millis, Timestamp, calendar};

/// The longest deadline: nothing is valid for longer (V2).
pub const DAYS_MAX: u32 = 20;
/// How many days a deadline may pass over: 20 worked ones, with every week-end and holiday between.
const DAYS_LOOKED_AT: i32 = 60;

/// Why a deadline is refused. Who wrote the agreement must act.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum DeadlineError {
    /// Neither hours nor days, or both.
    #[error("a deadline has either hours or days")]
    Unit,
    /// Longer than anything is valid, or nothing at all.
    #[error("a deadline has 1 to {limit} days (or as many hours), not {actual} {unit}")]
    Length {
        /// Days allowed.
        limit: u32,
        /// What it says.
        actual: u32,
        /// In which unit.
        unit: &'static str,
    },
}

/// Which time counts.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Counting {
    /// All of it.
    #[default]
    Calendar,
    /// That of worked days.
    Working,
}

/// A length of time within which something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Length {
    /// So many hours.
    Hours(u32),
    /// So many days, to the same hour in Paris.
    Days(u32),
}

/// By when something is to be done.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Deadline {
    length: Length,
    counting: Counting,
    region: Region,
}

impl Deadline {
    /// A deadline of at least an hour and at most [`DAYS_MAX`] days.
    pub const fn new(length: Length, counting: Counting, region: Region) -> Result<Self, DeadlineError> {
        let (actual, limit, unit) = match length {
            Length::Hours(hours) => (hours, DAYS_MAX * 24, "hours"),
            Length::Days(days) => (days, DAYS_MAX, "days"),
        };
        if actual == 0 || actual > limit {
            return Err(DeadlineError::Length { limit: DAYS_MAX, actual, unit });
        }
        Ok(Self { length, counting, region })
    }

    /// So many hours of calendar time; for what is fixed in the code.
    pub const fn calendar_hours(hours: u32) -> Self {
        Self { length: Length::Hours(hours), counting: Counting::Calendar, region: Region::France }
    }

    /// How long.
    pub const fn length(self) -> Length {
        self.length
    }

    /// Which time counts.
    pub const fn counting(self) -> Counting {
        self.counting
    }

    /// Whose holidays are not worked.
    pub const fn region(self) -> Region {
        self.region
    }

    /// When it is over, begun at an instant. Out of the calendar's range its hours are all counted.
    pub fn due(self, begun: Timestamp) -> Timestamp {
        let exact = match self.length {
            Length::Hours(hours) => begun + Millis::hours(i64::from(hours)),
            Length::Days(days) => begun + Millis::days(i64::from(days)),
        };
        let due = match (self.length, self.counting) {
            (Length::Hours(_), Counting::Calendar) => Some(exact),
            (Length::Days(days), Counting::Calendar) => same_hour_after(begun, days),
            (Length::Hours(hours), Counting::Working) => {
                self.after_worked_time(begun, Millis::hours(i64::from(hours)))
            }
            (Length::Days(days), Counting::Working) => self.after_worked_days(begun, days),
        };
        due.unwrap_or(exact)
    }

    fn after_worked_time(self, begun: Timestamp, mut left: Millis) -> Option<Timestamp> {
        let mut day = calendar::paris(begun)?.date();
        let mut from = begun;
        for _ in 0..DAYS_LOOKED_AT {
            let tomorrow = day.tomorrow().ok()?;
            let end = midnight(tomorrow)?;
            if self.region.is_worked(day) {
                let rest = from.until(end);
                if left <= rest {
                    return Some(from + left);
                }
                left = Millis(left.0 - rest.0);
            }
            (day, from) = (tomorrow, end);
        }
        None
    }

    /// So many worked days later, at the same hour; what begins on a day of rest begins with the next worked one.
    fn after_worked_days(self, begun: Timestamp, days: u32) -> Option<Timestamp> {
        let local = calendar::paris(begun)?;
        let mut day = local.date();
        let begins_at_rest = !self.region.is_worked(day);
        let mut left = days;
        for _ in 0..DAYS_LOOKED_AT {
            day = day.tomorrow().ok()?;
            if self.region.is_worked(day) {
                left -= 1;
                if left == 0 && begins_at_rest {
                    return midnight(day.tomorrow().ok()?);
                }
                if left == 0 {
                    return instant(&day.to_datetime(local.time()).to_zoned(local.time_zone().clone()).ok()?);
                }
            }
        }
        None
    }
}

fn same_hour_after(begun: Timestamp, days: u32) -> Option<Timestamp> {
    instant(&calendar::paris(begun)?.checked_add(i64::from(days).days()).ok()?)
}

fn midnight(day: Date) -> Option<Timestamp> {
    calendar::start_of_day(&day.to_string(), 0)
}

#[expect(clippy::unnecessary_wraps, reason = "the end of a chain of options")]
fn instant(local: &Zoned) -> Option<Timestamp> {
    Some(Timestamp(local.timestamp().as_millisecond()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn at(local: &str) -> Timestamp {
        calendar::parse_local(local).unwrap()
    }

    fn due(length: Length, counting: Counting, region: Region, begun: &str) -> Timestamp {
        Deadline::new(length, counting, region).unwrap().due(at(begun))
    }

    #[test]
    fn hours_of_the_calendar_are_all_counted() {
        let calendar = |hours, begun| due(Length::Hours(hours), Counting::Calendar, Region::France, begun);
        assert_eq!(calendar(48, "2026-11-20T15:00"), at("2026-11-22T15:00"));
        // Over the end of summer time 72 hours end an hour earlier on the clock.
        assert_eq!(calendar(72, "2026-10-23T15:00"), at("2026-10-26T14:00"));
    }

    #[test]
    fn days_end_at_the_same_hour() {
        let days = |begun| due(Length::Days(3), Counting::Calendar, Region::France, begun);
        assert_eq!(days("2026-10-23T15:00"), at("2026-10-26T15:00"));
    }

    #[test]
    fn working_time_does_not_pass_at_week_ends_and_on_holidays() {
        let hours = |begun| due(Length::Hours(48), Counting::Working, Region::France, begun);
        assert_eq!(hours("2026-11-20T15:00"), at("2026-11-24T15:00"), "over a week-end");
        assert_eq!(hours("2026-11-21T10:00"), at("2026-11-25T00:00"), "from a Saturday");
        assert_eq!(hours("2026-11-10T09:00"), at("2026-11-13T09:00"), "over the 11th of November");
        let days = |region, begun| due(Length::Days(3), Counting::Working, region, begun);
        // Easter 2026: Good Friday is the 3rd of April, Easter Monday the 6th.
        assert_eq!(days(Region::France, "2026-04-02T11:00"), at("2026-04-08T11:00"));
        assert_eq!(days(Region::AlsaceMoselle, "2026-04-02T11:00"), at("2026-04-09T11:00"));
        assert_eq!(days(Region::France, "2026-11-21T10:00"), at("2026-11-26T00:00"), "three whole days");
    }

    #[test]
    fn a_deadline_of_nothing_or_of_months_is_refused() {
        for length in [Length::Hours(0), Length::Days(0), Length::Days(21), Length::Hours(481)] {
            assert!(Deadline::new(length, Counting::Working, Region::France).is_err(), "{length:?}");
        }
    }

    proptest! {
        #[test]
        fn working_time_is_never_shorter_and_ends_on_a_worked_day(
            hours in 1u32..=480, begun in 1_700_000_000_000i64..1_900_000_000_000,
        ) {
            let begun = Timestamp(begun);
            let of = |counting| Deadline::new(Length::Hours(hours), counting, Region::AlsaceMoselle).unwrap().due(begun);
            let (calendar, working) = (of(Counting::Calendar), of(Counting::Working));
            prop_assert!(working >= calendar);
            let last = calendar::paris(working - Millis(1)).unwrap().date();
            prop_assert!(Region::AlsaceMoselle.is_worked(last), "{last}");
        }

        #[test]
        fn who_begins_later_is_due_no_sooner(days in 1u32..=20, a in 1_700_000_000_000i64..1_900_000_000_000, more in 0i64..400_000_000) {
            let deadline = Deadline::new(Length::Days(days), Counting::Working, Region::France).unwrap();
            prop_assert!(deadline.due(Timestamp(a)) <= deadline.due(Timestamp(a + more)));
        }
    }
}
