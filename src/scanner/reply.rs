//! What `clamd` answers (clamd(8), section COMMANDS), read into values. Pure.

use crate::app::ports::{ScannerError, ScannerState};
use crate::content::AntivirusAnswer;
use crate::value::{ByteSize, Timestamp};

/// Characters of an answer that is told to the operator.
const TOLD_CHARS: usize = 200;

/// Reads the answer to INSTREAM.
pub(super) fn verdict(reply: &str, limit: ByteSize) -> Result<AntivirusAnswer, ScannerError> {
    let reply = reply.trim_end_matches(['\0', '\n']);
    if reply == "stream: OK" {
        return Ok(AntivirusAnswer::Clean);
    }
    if reply.contains("size limit exceeded") {
        return Err(ScannerError::TooLarge { limit });
    }
    let signature = reply.strip_prefix("stream: ").and_then(|rest| rest.strip_suffix(" FOUND"));
    match signature {
        Some(name) if name.starts_with("Heuristics.Limits.Exceeded") => Ok(AntivirusAnswer::LimitsMet),
        Some(name) if name.starts_with("Heuristics.Encrypted") => Ok(AntivirusAnswer::Locked),
        Some(name) if name.starts_with("Heuristics.OLE2.ContainsMacros") => Ok(AntivirusAnswer::Macros),
        Some(name) => Ok(AntivirusAnswer::Infected { signature: told(name) }),
        None => Err(ScannerError::Refused(told(reply))),
    }
}

/// Reads the answer to VERSION: `ClamAV 1.4.6/27829/Fri Nov 20 08:26:32 2026`, or without signatures that have a date.
pub(super) fn state(reply: &str) -> Result<ScannerState, ScannerError> {
    let reply = reply.trim_end_matches(['\0', '\n']);
    let mut fields = reply.splitn(3, '/');
    let engine = fields.next().filter(|engine| engine.starts_with("ClamAV "));
    let engine = engine.ok_or_else(|| ScannerError::Refused(told(reply)))?;
    Ok(ScannerState {
        engine: told(engine),
        signatures: fields.next().and_then(|version| version.parse().ok()),
        signed_at: fields.next().and_then(instant),
    })
}

/// C's `ctime` in UTC, as the Debian service runs it. A machine in another zone is off by hours, which days of allowed age
/// do not notice.
fn instant(text: &str) -> Option<Timestamp> {
    let words: Vec<&str> = text.split_whitespace().collect();
    let [_, month, day, time, year] = words.as_slice() else { return None };
    let parsed =
        jiff::civil::DateTime::strptime("%b %d %H:%M:%S %Y", format!("{month} {day} {time} {year}")).ok()?;
    let instant = parsed.to_zoned(jiff::tz::TimeZone::UTC).ok()?.timestamp();
    Some(Timestamp(instant.as_millisecond()))
}

/// Without what could upset a terminal or a log.
fn told(text: &str) -> String {
    text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(TOLD_CHARS).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    const LIMIT: ByteSize = ByteSize(100);

    #[test]
    fn verdicts_are_read_and_everything_else_is_none() {
        assert_eq!(verdict("stream: OK\0", LIMIT).unwrap(), AntivirusAnswer::Clean);
        let infected = AntivirusAnswer::Infected { signature: "Win.Test.EICAR_HDB-1".into() };
        assert_eq!(verdict("stream: Win.Test.EICAR_HDB-1 FOUND\0", LIMIT).unwrap(), infected);
        let limits = "stream: Heuristics.Limits.Exceeded.MaxFileSize FOUND";
        assert_eq!(verdict(limits, LIMIT).unwrap(), AntivirusAnswer::LimitsMet);
        assert_eq!(
            verdict("stream: Heuristics.Encrypted.Zip FOUND", LIMIT).unwrap(),
            AntivirusAnswer::Locked
        );
        assert!(matches!(
            verdict("INSTREAM size limit exceeded. ERROR\0", LIMIT),
            Err(ScannerError::TooLarge { limit: LIMIT })
        ));
        for garbage in ["", "OK", "stream: OK and more", "stream: ", "PONG", "stream: Can't allocate ERROR"] {
            assert!(matches!(verdict(garbage, LIMIT), Err(ScannerError::Refused(_))), "{garbage}");
        }
    }

    #[test]
    fn the_date_of_the_signatures_is_read_where_there_is_one() {
        let full = state("ClamAV 1.4.6/27829/Fri Nov 20 08:26:32 2026\0").unwrap();
        assert_eq!((full.engine.as_str(), full.signatures), ("ClamAV 1.4.6", Some(27829)));
        assert_eq!(full.signed_at, Some(Timestamp(1_795_163_192_000)));
        assert_eq!(
            state("ClamAV 1.4.6/1/Sun Nov  1 08:26:32 2026").unwrap().signed_at.unwrap().day().0,
            20758
        );
        let bare = state("ClamAV 1.4.6\0").unwrap();
        assert_eq!((bare.signatures, bare.signed_at), (None, None));
        assert!(state("SSH-2.0").is_err());
    }

    proptest! {
        #[test]
        fn no_answer_is_too_strange(reply in ".{0,300}") {
            let _ = (verdict(&reply, LIMIT), state(&reply));
        }
    }
}
