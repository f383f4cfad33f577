//! What mail programs put before a subject: `Re:`, `TR:`, `Fwd:`, `[EXTERNE]`. It belongs to nobody's title.

/// Prefixes of answers and forwards, without their colon, in the languages met in French mail.
const PREFIXES: [&str; 14] =
    ["re", "ré", "tr", "fw", "fwd", "rép", "rep", "réf", "aw", "wg", "antw", "sv", "rv", "trans"];
/// Tags that mail filters add, without their brackets.
const TAGS: [&str; 9] =
    ["externe", "external", "ext", "spam", "caution", "attention", "suspect", "marketing", "mail externe"];
/// The longest prefix that is looked at, in bytes.
const MAX_PREFIX: usize = 24;
/// The most prefixes taken off: a thread that was answered more often still has a title.
const MAX_PREFIXES: usize = 50;

/// The title without its prefixes.
pub(super) fn strip(title: &str) -> &str {
    let mut rest = title.trim_start();
    for _ in 0..MAX_PREFIXES {
        let Some(shorter) = after_tag(rest).or_else(|| after_prefix(rest)) else { break };
        rest = shorter.trim_start();
    }
    rest
}

/// After `[EXTERNE]`, `*EXTERNE*`, `(externe)`.
fn after_tag(text: &str) -> Option<&str> {
    let inner = text.strip_prefix(['[', '(', '*', '{'])?.trim_start_matches('*');
    let end = inner.find([']', ')', '*', '}']).filter(|end| *end <= MAX_PREFIX)?;
    let tag = inner[..end].trim().to_lowercase();
    TAGS.contains(&tag.as_str()).then(|| inner[end + 1..].trim_start_matches(['*', ':']))
}

/// After `Re:`, `RE :`, `Re[2]:`, `TR(3) :`.
fn after_prefix(text: &str) -> Option<&str> {
    let colon = text.find([':', '：']).filter(|colon| *colon <= MAX_PREFIX)?;
    let word = text[..colon].trim_end();
    let word =
        word.trim_end_matches(|c: char| c.is_ascii_digit() || matches!(c, '[' | ']' | '(' | ')' | '^'));
    let known = PREFIXES.contains(&word.trim_end().to_lowercase().as_str());
    let after = text[colon..].chars().next().map_or(1, char::len_utf8);
    known.then(|| &text[colon + after..])
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prefixes_are_taken_off_and_titles_left() {
        for written in ["Re: A", "RE : TR:A", "[EXTERNE] Re[2]: Fwd: A", "*** EXTERNE *** Rép : A", "A"] {
            assert_eq!(strip(written), "A", "{written}");
        }
        for title in ["Refus : motif", "Réversion : calcul", "[URGENT] A", "Re", "Demande: re: x"] {
            assert_eq!(strip(title), title);
        }
    }
}
