//! Names of persons: which words of a title are one.
//!
//! No list decides. A word is taken for a name because of what stands before it (a civility, a family tie, a
//! noun that names follow), because it is a first name and no ordinary word, because it is in no list at
//! all, or because it stands beside a name and is written like one. Names inside the name of a house, a
//! street or a law are clean (docs/title-guard.md, conventions).

mod alone;
mod announced;
mod beside;

use super::finding::{Confidence, Kind, Reason};
use super::fold::Folded;
use super::hits::Hits;
use super::lists::{Classes, Lists};
use super::words::{Before, Case, Word};

/// Classes that are written into the lists by hand: such a word is no name without strong evidence.
const CURATED: Classes = Classes::FUNCTION
    .or(Classes::ORGANISATION)
    .or(Classes::CIVILITY)
    .or(Classes::FAMILY)
    .or(Classes::CONTEXT)
    .or(Classes::ROLE)
    .or(Classes::INSTITUTION)
    .or(Classes::STREET)
    .or(Classes::CALENDAR)
    .or(Classes::KEYWORD_NIR)
    .or(Classes::KEYWORD_NUMBER)
    .or(Classes::KEYWORD_ACCOUNT);
/// What makes a word known.
const KNOWN: Classes =
    CURATED.or(Classes::LEXICON).or(Classes::PLACE).or(Classes::FIGURE).or(Classes::KEYWORD_BIRTH);
/// Names of the lists.
const LISTED: Classes = Classes::FIRST.or(Classes::SURNAME);
/// How many words the name of a house or a law has at most.
const MAX_INSTITUTION: usize = 6;

/// How capitals are used in a title.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Regime {
    /// All capitals, none, or a capital on each word: they say nothing.
    Flat,
    /// As in a sentence: a capital inside says something.
    Sentence,
}

/// Why a word is part of a name.
type Mark = Option<(Reason, Confidence)>;

/// The state of one title.
struct Names<'a> {
    text: &'a Folded,
    words: &'a [Word],
    lists: &'a Lists,
    regime: Regime,
    capitals: bool,
    /// Words that an institution, a phrase or an earlier rule clears.
    exempt: Vec<bool>,
    marks: Vec<Mark>,
}

/// Finds names among the words that nothing else has taken.
pub(super) fn find(text: &Folded, words: &[Word], lists: &Lists, hits: &mut Hits) {
    if words.is_empty() {
        return;
    }
    let exempt = words.iter().map(|word| hits.taken(word.start) || word.phrase).collect();
    let (regime, capitals) = regime(words);
    let mut names = Names { text, words, lists, regime, capitals, exempt, marks: vec![None; words.len()] };
    names.clear_saints();
    names.clear_institutions();
    names.mark_announced(hits);
    names.mark_words();
    if names.marks.iter().any(Option::is_some) {
        names.extend(hits);
        names.report(hits);
    }
}

/// Whether capitals say something, and whether all is written in capitals.
fn regime(words: &[Word]) -> (Regime, bool) {
    let (mut lower, mut title, mut upper, mut plain_title) = (0, 0, 0, 0);
    let (mut titled_function, mut lower_function) = (false, false);
    for (index, word) in words.iter().enumerate().filter(|(_, word)| word.len > 1) {
        let organisation = word.is(Classes::ORGANISATION);
        match word.case {
            Case::Lower if word.is(Classes::FUNCTION) && word.len <= 3 => lower_function = true,
            Case::Lower => lower += 1,
            Case::Upper if !organisation => upper += 1,
            Case::Title if !organisation => {
                title += 1;
                let ordinary =
                    word.is(Classes::LEXICON) && !word.is(Classes::FIRST.or(Classes::SURNAME_COMMON));
                plain_title += usize::from(ordinary);
                let small =
                    matches!(word.len, 2..=4) && word.is(Classes::FUNCTION) && !word.is(Classes::CIVILITY);
                titled_function |= index > 0 && small && !word.is(LISTED) && word.before == Before::Space;
            }
            _ => {}
        }
    }
    let all_capitals = lower == 0 && !lower_function && title == 0 && upper > 0;
    let each_word = lower == 0 && !lower_function && (titled_function || plain_title >= 3);
    let none = title + upper == 0;
    (if all_capitals || each_word || none { Regime::Flat } else { Regime::Sentence }, all_capitals)
}

impl Names<'_> {
    /// Clears « Saint-Méen », « Sainte Anne »: towns, churches and schools, unless a civility announces them.
    fn clear_saints(&mut self) {
        for index in 1..self.words.len() {
            let saint = matches!(self.bytes(index - 1), b"saint" | b"sainte" | b"st" | b"ste");
            if saint && matches!(self.words[index].before, Before::Space | Before::Joined(b'-')) {
                self.exempt[index - 1] = true;
                self.exempt[index] = true;
            }
        }
    }

    /// Clears what follows the name of a house, a street, a law, a tool.
    fn clear_institutions(&mut self) {
        for index in 0..self.words.len() {
            let word = self.words[index];
            if !word.is(Classes::INSTITUTION.or(Classes::STREET)) || word.is(Classes::CIVILITY) {
                continue;
            }
            let mut proper = false;
            for next in index + 1..(index + 1 + MAX_INSTITUTION).min(self.words.len()) {
                let word = self.words[next];
                // « Sortie d'hôpital de Jarvoux »: houses bear a name without « de », streets with it.
                let linked = next == index + 2
                    && self.is_house(index)
                    && matches!(self.bytes(index + 1), b"de" | b"d");
                let moved = next == index + 1 && self.is_moved_to(index);
                let owner = (linked || moved)
                    && (word.is(Classes::FIRST.or(Classes::SURNAME_TOP))
                        || self.is_unknown(next)
                        || self.is_particle(next))
                    && !word.phrase
                    && !word.is(CURATED.or(Classes::PLACE));
                let ends = matches!(word.before, Before::Hard | Before::Soft)
                    || owner
                    || (word.is(Classes::CIVILITY) && !word.phrase)
                    || (word.is(Classes::FAMILY) && word.is(Classes::KEYWORD_BIRTH));
                let plain = word.case == Case::Lower && word.is(Classes::LEXICON.or(Classes::FUNCTION));
                if ends || (proper && plain && self.regime == Regime::Sentence && !self.is_particle(next)) {
                    break;
                }
                proper |= !plain;
                self.exempt[next] = true;
            }
        }
    }

    /// Houses where a person may live or be treated.
    fn is_house(&self, index: usize) -> bool {
        matches!(
            self.bytes(index),
            b"ehpad"
                | b"ehpa"
                | b"hopital"
                | b"foyer"
                | b"clinique"
                | b"chu"
                | b"chrs"
                | b"mecs"
                | b"usld"
                | b"ssr"
                | b"maison"
                | b"internat"
                | b"maternite"
                | b"ime"
                | b"esat"
                | b"ecole"
                | b"college"
                | b"lycee"
                | b"creche"
        )
    }

    /// « Transfert EHPAD », « entrée en foyer »: the house is where a person goes, what follows is not its name.
    fn is_moved_to(&self, index: usize) -> bool {
        let moves = |word: usize| {
            matches!(
                self.bytes(word),
                b"entree"
                    | b"sortie"
                    | b"transfert"
                    | b"admission"
                    | b"placement"
                    | b"retour"
                    | b"hebergement"
                    | b"orientation"
                    | b"inscription"
                    | b"arrivee"
            )
        };
        let link = |word: usize| matches!(self.bytes(word), b"en" | b"d" | b"vers" | b"a");
        self.is_house(index)
            && index > 0
            && (moves(index - 1) || (link(index - 1) && index > 1 && moves(index - 2)))
    }

    fn mark(&mut self, words: std::ops::Range<usize>, reason: Reason, confidence: Confidence) {
        for mark in &mut self.marks[words] {
            mark.get_or_insert((reason, confidence));
        }
    }

    /// In no list but those of names.
    fn is_unknown(&self, index: usize) -> bool {
        !self.words[index].is(KNOWN)
    }

    /// A first name that is nothing else.
    fn is_plain_first(&self, index: usize) -> bool {
        self.words[index].is(Classes::FIRST) && self.is_unknown(index)
    }

    /// A capital that says something: inside a sentence, or a whole word of capitals.
    fn is_capital(&self, index: usize) -> bool {
        let word = self.words[index];
        self.regime == Regime::Sentence
            && (word.case == Case::Upper || (word.case == Case::Title && !self.starts_segment(index)))
    }

    fn is_initial(&self, index: usize) -> bool {
        let word = self.words[index];
        word.len == 1
            && (word.case != Case::Lower || (self.text.at(word.end) == b'.' && !word.is(Classes::CIVILITY)))
    }

    /// Particles of names, in French and in the languages of those who live here.
    fn is_particle(&self, index: usize) -> bool {
        matches!(
            self.bytes(index),
            b"le"
                | b"la"
                | b"l"
                | b"de"
                | b"du"
                | b"des"
                | b"d"
                | b"da"
                | b"das"
                | b"do"
                | b"dos"
                | b"di"
                | b"del"
                | b"della"
                | b"dello"
                | b"van"
                | b"von"
                | b"der"
                | b"den"
                | b"ten"
                | b"ter"
                | b"te"
                | b"el"
                | b"al"
                | b"ben"
                | b"bel"
                | b"bin"
                | b"bou"
                | b"ould"
                | b"ait"
                | b"abu"
                | b"abou"
                | b"abd"
                | b"mac"
                | b"mc"
                | b"o"
                | b"n"
                | b"zu"
                | b"ul"
                | b"ur"
                | b"st"
                | b"saint"
                | b"sainte"
                | b"san"
                | b"santa"
        )
    }

    /// A particle that is an ordinary French link as well.
    fn is_french_link(&self, index: usize) -> bool {
        matches!(
            self.bytes(index),
            b"le" | b"la" | b"les" | b"l" | b"de" | b"du" | b"des" | b"d" | b"te" | b"o" | b"n"
        )
    }

    /// Whether the name before can go on with this word.
    fn goes_on(&self, index: usize) -> bool {
        let word = self.words[index];
        let after_initial = index > 0 && self.words[index - 1].len == 1 && word.before == Before::DotSpace;
        let after_spaced = index > 0 && self.words[index - 1].disguised && word.disguised;
        Self::joins(word.before) || after_initial || (after_spaced && word.before == Before::DotSpace)
    }

    const fn joins(before: Before) -> bool {
        matches!(before, Before::Space | Before::Joined(_) | Before::Glued)
    }

    fn starts_segment(&self, index: usize) -> bool {
        index == 0 || self.words[index].before == Before::Hard
    }

    fn ends_segment(&self, index: usize) -> bool {
        self.words.get(index + 1).is_none_or(|next| matches!(next.before, Before::Hard | Before::Soft))
    }

    fn bytes(&self, index: usize) -> &[u8] {
        &self.text.bytes[self.words[index].start..self.words[index].end]
    }

    /// Makes one finding of each run of marked words.
    fn report(&self, hits: &mut Hits) {
        let mut index = 0;
        while index < self.words.len() {
            let Some((mut reason, mut confidence)) = self.marks[index] else {
                index += 1;
                continue;
            };
            let first = index;
            while index + 1 < self.words.len()
                && !matches!(self.words[index + 1].before, Before::Hard | Before::Soft)
                && let Some((other, sure)) = self.marks[index + 1]
            {
                if sure > confidence {
                    (reason, confidence) = (other, sure);
                }
                index += 1;
            }
            hits.add(Kind::Name, self.words[first].start, self.words[index].end, reason, confidence);
            index += 1;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::words;
    use super::*;

    /// The names found in a title, as written.
    fn names(title: &str) -> Vec<String> {
        let text = Folded::of(title.chars(), title.len());
        let lists = Lists::new(&[]);
        let mut hits = Hits::new(text.len());
        find(&text, &words::read(&text, &lists), &lists, &mut hits);
        let chars: Vec<char> = title.chars().collect();
        let source = |cell: usize| text.source[cell] as usize;
        hits.list.iter().map(|hit| chars[source(hit.start)..=source(hit.end - 1)].iter().collect()).collect()
    }

    #[test]
    fn a_word_before_announces_a_name() {
        for (title, name) in [
            ("Mme Boulanger, droits fermés", "Boulanger"),
            ("rappeler mme boulanger", "boulanger"),
            ("M. Le Guilchet et la CARSAT", "Le Guilchet"),
            ("Pièces de Mme Petit, née Carpentier", "Petit"),
            ("Maman de Nolwenn : C2S", "Nolwenn"),
            ("Dossier Marchand - ASPA", "Marchand"),
        ] {
            assert_eq!(names(title).first().map(String::as_str), Some(name), "{title}");
        }
        assert_eq!(names("Mme Gentil (née Lethour) et son fils Paulin"), ["Gentil", "Lethour", "Paulin"]);
    }

    #[test]
    fn a_name_in_no_list_and_a_hidden_one_are_found() {
        for name in [
            "Brelquin",
            "KERSOLEC Anatole",
            "D.U.V.A.L.L.E.T.",
            "Y0hann N3gre",
            "LEBASGatien",
            "张伟",
            "Lе Mоnze",
        ] {
            assert_eq!(names(&format!("Relance {name} - urgent")), [name], "{name}");
        }
    }

    #[test]
    fn houses_laws_offices_and_placeholders_are_no_person() {
        for title in [
            "Espace social Simone Iff : calendrier",
            "Loi Badinter - indemnisation",
            "Rue Alphonse Guérin, bureaux fermés",
            "M. le Maire de Redon : courrier",
            "Mme la tutrice injoignable",
            "Monsieur X - cas d'école",
            "Monsieur en attente de titre de séjour",
            "Madame, Monsieur : formule de politesse",
            "Marché de Noël - fermeture à 16h",
            "MUTATION DE DOSSIER CPAM VERS MSA",
            "Permanence Saint-Méen-le-Grand",
            "Famille nombreuse - C2S",
        ] {
            assert_eq!(names(title), Vec::<String>::new(), "{title}");
        }
    }
}
