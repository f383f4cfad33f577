//! Whether a password is hard enough to guess: CNIL's recommendation on passwords (deliberation 2022-100) asks for 50 bits
//! where tries are limited, as they are here. Nothing is asked of its composition, and no change at intervals (P2, S7).
//!
//! Two judgements, both must hold. The bits are counted by us, as the cheapest way to write the password down with
//! listed French words, what stands near its owner, repeats and runs; zxcvbn knows the world's common passwords, keyboards
//! and dates. It holds no password and keeps none.

use thiserror::Error;

use super::title::fold_key;

/// The fewest characters.
pub const PASSWORD_MIN_CHARS: usize = 12;
/// The fewest bits, where tries are limited (CNIL, case 2).
pub const PASSWORD_MIN_BITS: f64 = 50.0;
/// The fewest guesses of the second judgement, as a power of ten: zxcvbn's best score.
const GUESSES_LOG10_MIN: f64 = 10.0;
/// How many characters are looked at: what follows can only make it better.
const JUDGED_CHARS: usize = 100;
/// The shortest and the longest piece that is looked up as a word.
const WORD_CHARS: std::ops::RangeInclusive<usize> = 3..=24;
/// What a listed word is worth: one of 8,192, as in lists made for dice.
const WORD_BITS: f64 = 13.0;
/// What a word that stands near the owner is worth: one of four.
const NEAR_BITS: f64 = 2.0;
/// What a repeated or the next character is worth.
const RUN_BITS: f64 = 1.0;

/// Why a password is not taken. The person chooses another one.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Error)]
pub enum WeakPassword {
    /// Too few characters.
    #[error("a password has at least {limit} characters, this one has {actual}")]
    TooShort {
        /// The fewest.
        limit: usize,
        /// How many it has.
        actual: usize,
    },
    /// It is guessed too soon.
    #[error(
        "the password is guessed too easily: use four words or more that have nothing to do with each other"
    )]
    Guessable,
}

/// Judges a password. `near` are words that stand near its owner (names, address, organisation); `listed` says of a folded
/// word whether it is in a list of the language.
pub fn judge(typed: &str, near: &[String], listed: &dyn Fn(&str) -> bool) -> Result<(), WeakPassword> {
    let actual = typed.chars().count();
    if actual < PASSWORD_MIN_CHARS {
        return Err(WeakPassword::TooShort { limit: PASSWORD_MIN_CHARS, actual });
    }
    let head: String = typed.chars().take(JUDGED_CHARS).collect();
    let near_folded: Vec<String> = near_words(near);
    let near_given: Vec<&str> = near_folded.iter().map(String::as_str).collect();
    let guesses = zxcvbn::zxcvbn(&head, &near_given).guesses_log10();
    let strong = bits(&head, &near_folded, listed) >= PASSWORD_MIN_BITS && guesses >= GUESSES_LOG10_MIN;
    if strong { Ok(()) } else { Err(WeakPassword::Guessable) }
}

/// Names and addresses taken apart into their words.
fn near_words(near: &[String]) -> Vec<String> {
    near.iter()
        .flat_map(|text| text.split(|c: char| !c.is_alphanumeric()))
        .map(fold_key)
        .filter(|word| WORD_CHARS.contains(&word.chars().count()))
        .collect()
}

/// The cheapest way to write it down, in bits.
fn bits(typed: &str, near: &[String], listed: &dyn Fn(&str) -> bool) -> f64 {
    let chars: Vec<char> = typed.chars().collect();
    let mut cheapest = vec![0.0_f64; chars.len() + 1];
    for end in 1..=chars.len() {
        let mut best = cheapest[end - 1] + char_bits(&chars, end - 1);
        for length in WORD_CHARS.take_while(|length| *length <= end) {
            let piece = &chars[end - length..end];
            if let Some(bits) = word_bits(piece, near, listed) {
                best = best.min(cheapest[end - length] + bits);
            }
        }
        cheapest[end] = best;
    }
    cheapest[chars.len()]
}

fn word_bits(piece: &[char], near: &[String], listed: &dyn Fn(&str) -> bool) -> Option<f64> {
    if !piece.iter().all(|c| c.is_alphanumeric()) {
        return None;
    }
    let folded = fold_key(&piece.iter().collect::<String>());
    // One bit for how it is written: small, or with capitals.
    let capitals = if piece.iter().any(|c| c.is_uppercase()) { 1.0 } else { 0.0 };
    if near.contains(&folded) {
        Some(NEAR_BITS + capitals)
    } else if piece.iter().all(|c| c.is_alphabetic()) && listed(&folded) {
        Some(WORD_BITS + capitals)
    } else {
        None
    }
}

fn char_bits(chars: &[char], at: usize) -> f64 {
    let c = chars[at];
    if at > 0 {
        let (before, now) = (u32::from(chars[at - 1]), u32::from(c));
        if before.abs_diff(now) <= 1 {
            return RUN_BITS;
        }
    }
    let alphabet: f64 = match c {
        '0'..='9' => 10.0,
        _ if c.is_alphabetic() => 26.0,
        ' ' | '-' | '.' | '_' => 2.0,
        _ => 32.0,
    };
    alphabet.log2() + if c.is_uppercase() { 1.0 } else { 0.0 }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A list of a few words, some of them as short as they come.
    fn listed(word: &str) -> bool {
        ["bonjour", "soleil", "cheval", "agrafe", "pile", "correcte", "mot", "passe", "retraite", "vacances"]
            .contains(&word)
    }

    fn judged(typed: &str) -> Result<(), WeakPassword> {
        let near = ["Jeanne Martin".to_owned(), "jeanne.martin@departement.example".to_owned()];
        judge(typed, &near, &listed)
    }

    #[test]
    fn words_that_have_nothing_to_do_with_each_other_are_taken() {
        assert_eq!(judged("cheval agrafe pile correcte"), Ok(()));
        assert_eq!(judged("7xKq!vP2mz#RtB"), Ok(()), "fourteen characters drawn at random");
        assert_eq!(judged("wmcp-ehpt-9v2z-dfkt-81sn"), Ok(()));
    }

    #[test]
    fn what_is_guessed_soon_is_not_taken_however_it_is_decorated() {
        for typed in [
            "Bonjour2026!",
            "SoleilSoleil1!",
            "azertyuiop123",
            "motdepasse2026",
            "aaaaaaaaaaaaaaaa",
            "123456789012345",
            "JeanneMartin35!",
            "Departement-2026",
            "jeanne.martin@departement.example",
            "VacancesRetraite",
        ] {
            assert_eq!(judged(typed), Err(WeakPassword::Guessable), "{typed}");
        }
    }

    #[test]
    fn a_short_one_is_told_how_short_it_is() {
        assert_eq!(judged("7xKq!vP2mz#"), Err(WeakPassword::TooShort { limit: 12, actual: 11 }));
    }

    #[test]
    fn what_follows_never_makes_a_password_weaker_and_a_long_one_costs_no_more() {
        let long = "cheval agrafe pile correcte ".repeat(40);
        assert_eq!(judged(&long), Ok(()));
        let bits_of = |text: &str| bits(text, &[], &listed);
        assert!(bits_of("cheval agrafe") < bits_of("cheval agrafe pile"));
    }
}
