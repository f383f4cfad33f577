//! The word lists: what each word of a title may be.
//!
//! One automaton (fst), made by `policies/names/build.py` and `compile`, carries first names, surnames, the
//! lexicon of ordinary words, places and the curated classes; `policies/names/NOTICE` has sources and
//! licences. An operator's own words and INSEE's official files come beside it. Membership is evidence, never
//! a decision: that is taken in `names`.

use std::collections::BTreeMap;

use super::fold::fold_key;

/// The shipped list.
static SHIPPED: &[u8] = include_bytes!("../../../policies/names/words.fst");

/// The fewest births of a first name in INSEE's file to count: rarer ones are masked or misspelt there.
const MIN_BIRTHS: u64 = 20;
/// The most lines of an imported file.
const MAX_IMPORT_LINES: usize = 5_000_000;

/// The classes of a word, as a set of bits; the order is that of `CLASSES` in `build.py`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Classes(pub(super) u32);

macro_rules! classes {
    ($($(#[doc = $doc:literal])+ $name:ident = $bit:literal;)+) => {
        impl Classes { $($(#[doc = $doc])+ pub(super) const $name: Self = Self(1 << $bit);)+ }
    };
}

classes! {
    /// An ordinary French word, in any form.
    LEXICON = 0;
    /// A first name.
    FIRST = 1;
    /// A frequent first name.
    FIRST_COMMON = 2;
    /// A surname.
    SURNAME = 3;
    /// A surname among the first 30,000.
    SURNAME_COMMON = 4;
    /// A surname among the first 3,000.
    SURNAME_TOP = 5;
    /// A place.
    PLACE = 6;
    /// The first word of an entry of several words.
    PHRASE_START = 7;
    /// An organisation, an acronym, a tool.
    ORGANISATION = 8;
    /// An article, a preposition, a pronoun.
    FUNCTION = 9;
    /// Monsieur, Mme, Dr.
    CIVILITY = 10;
    /// née, veuve, fils.
    FAMILY = 11;
    /// A word that a person's name follows in titles.
    CONTEXT = 12;
    /// An office: maire, présidente.
    ROLE = 13;
    /// A house, a law, a tool that bears a name.
    INSTITUTION = 14;
    /// rue, avenue.
    STREET = 15;
    /// Months, days, feasts.
    CALENDAR = 16;
    /// A word of functional e-mail addresses.
    GENERIC_MAILBOX = 17;
    /// A person of history, by whole name.
    FIGURE = 18;
    /// A form of a verb.
    VERB = 19;
    /// Announces a NIR.
    KEYWORD_NIR = 20;
    /// Announces a birth.
    KEYWORD_BIRTH = 21;
    /// Announces another personal number.
    KEYWORD_NUMBER = 22;
    /// Announces a bank account.
    KEYWORD_ACCOUNT = 23;
}

impl Classes {
    /// Whether any of these classes is among them.
    pub(super) const fn has(self, any: Self) -> bool {
        self.0 & any.0 != 0
    }

    /// The set that a list holds.
    #[expect(clippy::cast_possible_truncation, reason = "there are 24 classes")]
    const fn of_value(value: u64) -> Self {
        Self(value as u32)
    }

    /// Both sets together.
    pub(super) const fn or(self, other: Self) -> Self {
        Self(self.0 | other.0)
    }
}

/// Why an imported list is refused.
#[derive(Debug, thiserror::Error)]
pub enum NameListError {
    /// The first line is that of none of INSEE's files.
    #[error("line 1: neither INSEE's first names (sexe;preusuel;annais;nombre) nor its surnames (NOM, tabs)")]
    Header,
    /// A line that the header does not explain.
    #[error("line {line}: expected {expected} fields, found {actual}")]
    Line {
        /// The line, from 1.
        line: usize,
        /// The fields of the header.
        expected: usize,
        /// What the line has.
        actual: usize,
    },
    /// More lines than a file of names has.
    #[error("more than {limit} lines")]
    TooLong {
        /// The bound.
        limit: usize,
    },
    /// The compiled list is damaged.
    #[error("the compiled list cannot be read: {0}")]
    Damaged(#[from] fst::Error),
}

/// The lists, compiled.
#[derive(Debug)]
pub(super) struct Lists {
    shipped: Option<fst::Map<&'static [u8]>>,
    /// Where each beginning of three letters leads in the shipped list: half of the way of most words.
    beginnings: Vec<Option<(usize, fst::raw::Output)>>,
    imported: Option<fst::Map<Vec<u8>>>,
    own: fst::Map<Vec<u8>>,
}

impl Lists {
    /// The shipped list with the organisation's harmless words.
    pub(super) fn new(harmless: &[String]) -> Self {
        let mut own = BTreeMap::new();
        for entry in harmless {
            let key = fold_key(entry);
            if let Some((head, _)) = key.split_once(' ') {
                add(&mut own, head, Classes::PHRASE_START);
            }
            add(&mut own, &key, Classes::ORGANISATION);
        }
        // The shipped list is compiled in and read by a test: it is never damaged.
        let own = fst::Map::from_iter(own.into_iter().map(|(key, classes)| (key, u64::from(classes.0))));
        let shipped = fst::Map::new(SHIPPED).ok();
        let beginnings = shipped.as_ref().map(|list| beginnings(list.as_fst())).unwrap_or_default();
        Self { shipped, beginnings, imported: None, own: own.unwrap_or_default() }
    }

    /// Adds a list made by [`import_names`].
    pub(super) fn import(&mut self, compiled: Vec<u8>) -> Result<(), NameListError> {
        self.imported = Some(fst::Map::new(compiled)?);
        Ok(())
    }

    /// The classes of a folded word, or of several with blanks between.
    pub(super) fn classes(&self, key: &[u8]) -> Classes {
        let shipped = self.shipped_value(key).unwrap_or(0);
        let imported = self.imported.as_ref().and_then(|list| list.get(key)).unwrap_or(0);
        let own = self.own.get(key).unwrap_or(0);
        Classes::of_value(shipped | imported | own)
    }

    /// What the shipped list says of a word.
    fn shipped_value(&self, key: &[u8]) -> Option<u64> {
        let list = self.shipped.as_ref()?.as_fst();
        let (beginning, rest) = match key.split_at_checked(BEGINNING) {
            Some((beginning, rest)) => match place_of(beginning) {
                Some(place) => ((*self.beginnings.get(place)?)?, rest),
                None => ((list.root().addr(), fst::raw::Output::zero()), key),
            },
            None => ((list.root().addr(), fst::raw::Output::zero()), key),
        };
        let (node, output) = walk(list, beginning, rest)?;
        let node = list.node(node);
        node.is_final().then(|| output.cat(node.final_output()).value())
    }

    /// The longest entry that starts with the first of these words: how many words it has, its classes. `useful`
    /// says which classes count.
    pub(super) fn longest_entry<'w>(
        &self,
        words: impl Iterator<Item = &'w [u8]> + Clone,
        useful: Classes,
    ) -> Option<(usize, Classes)> {
        let shipped = self.shipped.as_ref().and_then(|list| longest_in(list.as_fst(), words.clone(), useful));
        let own = longest_in(self.own.as_fst(), words, useful);
        shipped.into_iter().chain(own).max_by_key(|(length, _)| *length)
    }
}

/// How many letters of a word the table of beginnings takes.
const BEGINNING: usize = 3;
/// How many letters there are.
const ALPHABET: usize = 26;

/// The place of three letters in the table.
fn place_of(beginning: &[u8]) -> Option<usize> {
    beginning.iter().try_fold(0, |place, byte| {
        byte.is_ascii_lowercase().then(|| place * ALPHABET + usize::from(byte - b'a'))
    })
}

fn beginnings(list: &fst::raw::Fst<&'static [u8]>) -> Vec<Option<(usize, fst::raw::Output)>> {
    let start = (list.root().addr(), fst::raw::Output::zero());
    let letters = || b'a'..=b'z';
    let mut table = Vec::with_capacity(ALPHABET.pow(3));
    for first in letters() {
        for second in letters() {
            let two = walk(list, start, &[first, second]);
            table.extend(letters().map(|third| walk(list, two?, &[third])));
        }
    }
    table
}

/// Follows these bytes from a node on.
fn walk<D: AsRef<[u8]>>(
    list: &fst::raw::Fst<D>,
    (mut address, mut output): (usize, fst::raw::Output),
    bytes: &[u8],
) -> Option<(usize, fst::raw::Output)> {
    for byte in bytes {
        let node = list.node(address);
        let transition = node.transition(node.find_input(*byte)?);
        output = output.cat(transition.out);
        address = transition.addr;
    }
    Some((address, output))
}

/// Walks the automaton word by word and stops where no entry goes on.
fn longest_in<'w, D: AsRef<[u8]>>(
    list: &fst::raw::Fst<D>,
    words: impl Iterator<Item = &'w [u8]>,
    useful: Classes,
) -> Option<(usize, Classes)> {
    let mut node = list.root();
    let mut output = fst::raw::Output::zero();
    let mut best = None;
    for (index, word) in words.enumerate() {
        let blank: &[u8] = if index > 0 { b" " } else { b"" };
        for byte in blank.iter().chain(word) {
            let Some(transition) = node.find_input(*byte) else { return best };
            let transition = node.transition(transition);
            output = output.cat(transition.out);
            node = list.node(transition.addr);
        }
        if index > 0 && node.is_final() {
            let classes = Classes::of_value(output.cat(node.final_output()).value());
            if classes.has(useful) {
                best = Some((index + 1, classes));
            }
        }
    }
    best
}

fn add(own: &mut BTreeMap<Vec<u8>, Classes>, key: &str, classes: Classes) {
    let known = own.entry(key.as_bytes().to_vec()).or_default();
    *known = known.or(classes);
}

/// Compiles lines of `word TAB classes`, sorted by word, as `build.py` writes them.
pub fn compile_word_list(lines: &str) -> Result<Vec<u8>, NameListError> {
    let mut builder = fst::MapBuilder::memory();
    for (index, line) in lines.lines().enumerate() {
        let wrong = NameListError::Line { line: index + 1, expected: 2, actual: line.split('\t').count() };
        let Some((word, classes)) = line.split_once('\t') else { return Err(wrong) };
        let Ok(classes) = classes.parse::<u32>() else { return Err(wrong) };
        builder.insert(word, u64::from(classes))?;
    }
    Ok(builder.into_inner()?)
}

/// Compiles INSEE's official files (free re-use): first names (`sexe;preusuel;annais;nombre`) or surnames (`NOM` and one
/// column a decade, separated by tabs), one or both. The bytes go to `TitleGuard::with_names`.
pub fn import_names(insee: &[&str]) -> Result<Vec<u8>, NameListError> {
    let mut names: BTreeMap<String, Classes> = BTreeMap::new();
    for file in insee {
        let (class, births) = births_of(file)?;
        let kept = |name: &str| name.len() >= 3 && !name.contains(' ') && !name.starts_with("prenoms rares");
        for (name, _) in births.into_iter().filter(|(name, count)| *count >= MIN_BIRTHS && kept(name)) {
            let known = names.entry(name).or_default();
            *known = known.or(class);
        }
    }
    let mut builder = fst::MapBuilder::memory();
    for (name, class) in names {
        builder.insert(name, u64::from(class.0))?;
    }
    Ok(builder.into_inner()?)
}

/// What kind of names a file of INSEE's holds, and the births that it counts for each.
fn births_of(insee: &str) -> Result<(Classes, BTreeMap<String, u64>), NameListError> {
    let header = insee.lines().next().unwrap_or_default().trim_start_matches('\u{feff}').to_lowercase();
    let (separator, class) = match header.as_str() {
        h if h.starts_with("sexe;preusuel;") || h.starts_with("sexe;prenom;") => (';', Classes::FIRST),
        h if h.starts_with("nom\t") => ('\t', Classes::SURNAME.or(Classes::SURNAME_COMMON)),
        _ => return Err(NameListError::Header),
    };
    let expected = header.split(separator).count();
    let mut births: BTreeMap<String, u64> = BTreeMap::new();
    for (index, line) in insee.lines().enumerate().skip(1).filter(|(_, line)| !line.trim().is_empty()) {
        if index > MAX_IMPORT_LINES {
            return Err(NameListError::TooLong { limit: MAX_IMPORT_LINES });
        }
        let fields: Vec<&str> = line.split(separator).collect();
        if fields.len() != expected {
            return Err(NameListError::Line { line: index + 1, expected, actual: fields.len() });
        }
        let (name, count) = if class == Classes::FIRST {
            (fields[1], fields.last().map_or(0, |field| number(field)))
        } else {
            (fields[0], fields[1..].iter().map(|field| number(field)).sum())
        };
        *births.entry(fold_key(name)).or_default() += count;
    }
    Ok((class, births))
}

fn number(field: &str) -> u64 {
    field.trim().parse().unwrap_or(0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_shipped_list_knows_words_names_and_places() {
        let lists = Lists::new(&["Solis 35".to_owned()]);
        for (word, class) in [
            ("demande", Classes::LEXICON),
            ("jean", Classes::FIRST),
            ("duvallet", Classes::SURNAME),
            ("redon", Classes::PLACE),
            ("saint meen le grand", Classes::PLACE),
            ("carsat", Classes::ORGANISATION),
            ("solis 35", Classes::ORGANISATION),
            ("nir", Classes::KEYWORD_NIR),
        ] {
            assert!(lists.classes(word.as_bytes()).has(class), "{word}");
        }
        assert_eq!(lists.classes(b"zzyzzy"), Classes::default());
    }

    #[test]
    fn insee_files_are_imported_and_others_refused() {
        let first =
            "sexe;preusuel;annais;nombre\n1;MAËLWENN;1990;12\n2;MAËLWENN;1991;30\n1;RARISSIME;1900;3\n";
        let mut lists = Lists::new(&[]);
        lists.import(import_names(&[first]).unwrap()).unwrap();
        assert!(lists.classes(b"maelwenn").has(Classes::FIRST));
        assert!(!lists.classes(b"rarissime").has(Classes::FIRST));
        let surnames = "NOM\t_1891_1900\t_1901_1910\nKERVENNIC\t12\t40\n";
        assert!(import_names(&[surnames]).is_ok());
        assert!(matches!(import_names(&["a,b\n"]), Err(NameListError::Header)));
        let short = "NOM\t_1891_1900\t_1901_1910\nKERVENNIC\t12\n";
        assert!(matches!(
            import_names(&[short]),
            Err(NameListError::Line { line: 2, expected: 3, actual: 2 })
        ));
    }
}
