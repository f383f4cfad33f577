//! Which bytes of a file a request wants: `Range` and `If-Range` (RFC 9110 sections 14.2 and 13.1.5). Single ranges of
//! bytes; whatever else is asked for, or is not well written, gets the whole file, as the standard allows.

use axum::http::header::{IF_RANGE, RANGE};
use axum::http::{HeaderMap, HeaderValue};

/// What a GET wants of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Wanted {
    /// All of it.
    Whole,
    /// A stretch of it; it is there.
    Stretch(Stretch),
    /// A stretch that begins after its end: 416.
    NotThere,
}

/// Bytes of a file, both ends counted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Stretch {
    pub(super) first: u64,
    pub(super) last: u64,
}

impl Stretch {
    /// How many bytes.
    pub(super) const fn length(self) -> u64 {
        self.last - self.first + 1
    }

    /// As `Content-Range` says it (section 14.4).
    pub(super) fn content_range(self, size: u64) -> String {
        format!("bytes {}-{}/{size}", self.first, self.last)
    }
}

/// Reads what a GET wants of a file of this size, whose present form has this strong entity tag.
pub(super) fn wanted(headers: &HeaderMap, size: u64, tag: &HeaderValue) -> Wanted {
    let mut ranges = headers.get_all(RANGE).iter();
    let (Some(range), None) = (ranges.next(), ranges.next()) else { return Wanted::Whole };
    // A date never matches: there is none here. Nor does a weak tag, which does not vouch for each byte.
    if headers.get(IF_RANGE).is_some_and(|known| known != tag) {
        return Wanted::Whole;
    }
    let Some(asked) = range.to_str().ok().and_then(one_range) else { return Wanted::Whole };
    match asked {
        Asked::From(first, _) if first >= size => Wanted::NotThere,
        Asked::From(first, last) => {
            Wanted::Stretch(Stretch { first, last: last.unwrap_or(u64::MAX).min(size - 1) })
        }
        Asked::Last(count) if count == 0 || size == 0 => Wanted::NotThere,
        Asked::Last(count) => Wanted::Stretch(Stretch { first: size.saturating_sub(count), last: size - 1 }),
    }
}

/// One range as it was asked for.
enum Asked {
    /// `first-last` or `first-`.
    From(u64, Option<u64>),
    /// `-count`.
    Last(u64),
}

fn one_range(text: &str) -> Option<Asked> {
    let (unit, ranges) = text.split_once('=')?;
    if !unit.trim().eq_ignore_ascii_case("bytes") || ranges.contains(',') {
        return None;
    }
    let (first, last) = ranges.trim().split_once('-')?;
    match (first.is_empty(), last.is_empty()) {
        (true, false) => number(last).map(Asked::Last),
        (false, true) => number(first).map(|first| Asked::From(first, None)),
        (false, false) => {
            let (first, last) = (number(first)?, number(last)?);
            (first <= last).then_some(Asked::From(first, Some(last)))
        }
        (true, true) => None,
    }
}

/// Digits only; one that is too large to count is as good as the largest.
fn number(digits: &str) -> Option<u64> {
    let all_digits = digits.bytes().all(|byte| byte.is_ascii_digit());
    (all_digits && !digits.is_empty()).then(|| digits.parse().unwrap_or(u64::MAX))
}

#[cfg(test)]
mod tests {
    use super::*;

    const TAG: HeaderValue = HeaderValue::from_static("\"abc\"");

    fn asked(range: &'static str, size: u64) -> Wanted {
        let mut headers = HeaderMap::new();
        headers.insert(RANGE, HeaderValue::from_static(range));
        wanted(&headers, size, &TAG)
    }

    fn stretch(first: u64, last: u64) -> Wanted {
        Wanted::Stretch(Stretch { first, last })
    }

    #[test]
    fn single_ranges_are_those_of_the_standard() {
        // The examples of RFC 9110 section 14.1.2, of a file of 10,000 bytes.
        assert_eq!(asked("bytes=0-499", 10_000), stretch(0, 499));
        assert_eq!(asked("bytes=500-999", 10_000), stretch(500, 999));
        assert_eq!(asked("bytes=-500", 10_000), stretch(9_500, 9_999));
        assert_eq!(asked("bytes=9500-", 10_000), stretch(9_500, 9_999));
        assert_eq!(asked("bytes=0-0", 10_000), stretch(0, 0));
        assert_eq!(asked("bytes=-20000", 10_000), stretch(0, 9_999));
        assert_eq!(asked("bytes=9990-99999999999999999999999", 10_000), stretch(9_990, 9_999));
        assert_eq!(asked("Bytes=1-", 10_000), stretch(1, 9_999));
    }

    #[test]
    fn what_begins_after_the_end_is_not_there() {
        for range in ["bytes=10000-", "bytes=10000-10001", "bytes=99999999999999999999999-", "bytes=-0"] {
            assert_eq!(asked(range, 10_000), Wanted::NotThere, "{range}");
        }
        assert_eq!(asked("bytes=0-", 0), Wanted::NotThere);
        assert_eq!(asked("bytes=-5", 0), Wanted::NotThere);
    }

    #[test]
    fn what_is_not_one_range_of_bytes_gets_the_whole() {
        for range in [
            "bytes=0-0,-1",
            "bytes=0-1,",
            "items=0-5",
            "bytes",
            "bytes=",
            "bytes=-",
            "bytes=5-2",
            "bytes=+1-2",
            "bytes=1-2x",
            "bytes=a-b",
            "0-5",
            "bytes=1--2",
        ] {
            assert_eq!(asked(range, 10_000), Wanted::Whole, "{range}");
        }
    }

    #[test]
    fn a_range_of_another_form_of_the_file_gets_the_whole() {
        for (known, is_whole) in [
            ("\"abc\"", false),
            ("\"other\"", true),
            ("W/\"abc\"", true),
            ("Sat, 21 Nov 2026 00:00:00 GMT", true),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(RANGE, HeaderValue::from_static("bytes=1-"));
            headers.insert(IF_RANGE, HeaderValue::from_static(known));
            assert_eq!(wanted(&headers, 10, &TAG) == Wanted::Whole, is_whole, "{known}");
        }
        let mut twice = HeaderMap::new();
        twice.append(RANGE, HeaderValue::from_static("bytes=1-"));
        twice.append(RANGE, HeaderValue::from_static("bytes=2-"));
        assert_eq!(wanted(&twice, 10, &TAG), Wanted::Whole);
    }
}
