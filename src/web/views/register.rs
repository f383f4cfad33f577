//! The register of cases and its statistics (T7). Charts are drawn by the server as lengths beside their names and figures, so
//! that they read without colour, and a table that follows holds the same.

use askama::Template;

use super::Frame;
use crate::value::{Reference, Timestamp};

/// `GET /registre` and `GET /boites/{mailbox}/registre`.
#[derive(Debug, Clone, Template)]
#[template(path = "register.html")]
pub struct RegisterListPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path, without its query.
    pub path: String,
    /// Where the statistics are.
    pub statistics: String,
    /// The mailbox's name; none where it is all of the person's mailboxes.
    pub mailbox: Option<String>,
    /// What is wrong with what was asked for.
    pub problem: Option<&'static str>,
    /// What was typed.
    pub typed: RegisterTyped,
    /// Partners that can be chosen.
    pub partners: Vec<RegisterChoice>,
    /// Sites and territories that can be chosen.
    pub sites: Vec<RegisterChoice>,
    /// Kinds that can be chosen.
    pub kinds: Vec<RegisterChoice>,
    /// Reasons that can be chosen.
    pub reasons: Vec<RegisterChoice>,
    /// States that can be chosen.
    pub states: Vec<RegisterChoice>,
    /// Where the selection is as CSV.
    pub csv: String,
    /// Where the selection is as a workbook.
    pub xlsx: String,
    /// The lines.
    pub rows: Vec<RegisterLineRow>,
    /// Where the next page is, if there may be one.
    pub next: Option<String>,
    /// Where the first page is, when this is not it.
    pub first: Option<String>,
}

/// What was typed into the filter.
#[derive(Debug, Clone, Default)]
#[expect(missing_docs, reason = "the names say all")]
pub struct RegisterTyped {
    pub from: String,
    pub until: String,
    pub is_empty: bool,
}

/// Something to choose.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say all")]
pub struct RegisterChoice {
    pub value: String,
    pub name: String,
    pub is_chosen: bool,
}

/// A line of the register.
#[derive(Debug, Clone)]
pub struct RegisterLineRow {
    /// What people quote.
    pub reference: Reference,
    /// Whether its transfer can still be opened: the reference then leads there.
    pub is_live: bool,
    /// When it came.
    pub received: Timestamp,
    /// The partner.
    pub partner: Option<String>,
    /// The site.
    pub site: Option<String>,
    /// The site's territory.
    pub territory: Option<String>,
    /// Who sent it, while the name is kept.
    pub sender: Option<String>,
    /// What it is about.
    pub kinds: Vec<String>,
    /// Why it is asked.
    pub reason: Option<String>,
    /// The mailbox that it was deposited into.
    pub mailbox: String,
    /// The mailbox in charge, when it was dispatched.
    pub in_charge: Option<String>,
    /// When it was taken in charge.
    pub taken: Option<Timestamp>,
    /// When and how it was answered.
    pub answered: Option<(Timestamp, &'static str)>,
    /// Where it stands.
    pub state: &'static str,
    /// When it ended.
    pub ended: Option<Timestamp>,
    /// A promise was not kept.
    pub is_late: bool,
    /// Somebody outside wrote back: the case is that one's.
    pub is_reply: bool,
}

/// `GET /statistiques` and `GET /boites/{mailbox}/statistiques`.
#[derive(Debug, Clone, Template)]
#[template(path = "statistics.html")]
pub struct StatisticsPage {
    /// What stands around.
    pub frame: Frame,
    /// The page's own path, without its query.
    pub path: String,
    /// Where the register is.
    pub register: String,
    /// The mailbox's name; none where it is all of the person's mailboxes.
    pub mailbox: Option<String>,
    /// For how many months a line is kept.
    pub keep_months: u16,
    /// The year that is shown.
    pub year: u32,
    /// The years that can be chosen.
    pub years: Vec<u32>,
    /// The month that is shown, 1 to 12; none for the whole year.
    pub month: Option<u32>,
    /// The months that can be chosen, with their names.
    pub months: Vec<(u32, &'static str)>,
    /// The chosen period in words.
    pub period: String,
    /// The year, month by month.
    pub by_month: Vec<TallyRow>,
    /// The whole year.
    pub total: TallyRow,
    /// The chosen period by what cases are grouped by.
    pub groups: Vec<StatisticsGroup>,
    /// The charts.
    pub charts: Vec<Chart>,
    /// Nothing was counted in the period.
    pub is_empty: bool,
    /// More cases than are counted.
    pub is_cut: bool,
    /// The query of the files.
    pub query: String,
}

/// A table of statistics.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say all")]
pub struct StatisticsGroup {
    pub id: &'static str,
    pub title: &'static str,
    pub help: Option<&'static str>,
    pub rows: Vec<TallyRow>,
}

/// What was counted of a group.
#[derive(Debug, Clone)]
#[expect(missing_docs, reason = "the names say all")]
pub struct TallyRow {
    pub name: String,
    pub cases: u64,
    pub dispatched: u64,
    pub unopened: u64,
    pub revoked: u64,
    pub taken_median: String,
    pub taken_ninety: String,
    pub taken_share: String,
    pub answered_median: String,
    pub answered_ninety: String,
    pub answered_share: String,
    pub ways: [u64; 4],
}

/// A chart of lengths.
#[derive(Debug, Clone)]
pub struct Chart {
    /// Its element's id.
    pub id: &'static str,
    /// What it shows.
    pub title: &'static str,
    /// Its bars, from the top.
    pub bars: Vec<Bar>,
}

/// A bar of a chart.
#[derive(Debug, Clone)]
pub struct Bar {
    /// What it is of.
    pub name: String,
    /// Its figure.
    pub figure: String,
    /// Where its text stands, from the top.
    pub text_at: usize,
    /// Where it stands, from the top.
    pub top: usize,
    /// How long it is.
    pub length: u64,
    /// Where its figure stands.
    pub figure_at: u64,
}

/// The height that a bar takes with what is around it.
const BAR_STEP: usize = 28;
/// Where bars begin: names stand before it.
const BARS_AT: u64 = 170;
/// The longest bar.
const LENGTH_MAX: u64 = 400;

impl Chart {
    /// A chart of names with their values and figures; the longest bar is `most`, or the largest value.
    pub fn new(
        id: &'static str,
        title: &'static str,
        of: Vec<(String, u64, String)>,
        most: Option<u64>,
    ) -> Self {
        let most = most.or_else(|| of.iter().map(|(_, value, _)| *value).max()).unwrap_or(0).max(1);
        let bars = of.into_iter().enumerate().map(|(place, (name, value, figure))| {
            let length = value.min(most) * LENGTH_MAX / most;
            let top = place * BAR_STEP + 4;
            Bar { name, figure, text_at: top + 15, top, length, figure_at: BARS_AT + length + 8 }
        });
        Self { id, title, bars: bars.collect() }
    }

    fn height(&self) -> usize {
        self.bars.len() * BAR_STEP + 8
    }
}

impl RegisterListPage {
    fn selects(&self) -> [(&'static str, &'static str, &[RegisterChoice]); 5] {
        let w = self.frame.register_words();
        [
            ("partenaire", w.partner, &self.partners),
            ("site", w.site, &self.sites),
            ("nature", w.kind, &self.kinds),
            ("motif", w.reason, &self.reasons),
            ("etat", w.state, &self.states),
        ]
    }
}

impl StatisticsPage {
    #[expect(clippy::trivially_copy_pass_by_ref, reason = "templates hand out references")]
    fn is_month(&self, month: &u32) -> bool {
        self.month == Some(*month)
    }

    /// The ways that were used, with their names.
    fn ways(&self, row: &TallyRow) -> Vec<(&'static str, u64)> {
        let names = crate::web::register::way_names(self.frame.language).into_iter();
        names.zip(row.ways).filter(|(_, count)| *count > 0).collect()
    }
}

impl TallyRow {
    fn has_cases(&self) -> bool {
        self.cases > 0
    }

    fn has_dispatched(&self) -> bool {
        self.dispatched > 0
    }

    fn has_unopened(&self) -> bool {
        self.unopened > 0
    }

    fn has_revoked(&self) -> bool {
        self.revoked > 0
    }

    fn has_ways(&self) -> bool {
        self.ways.iter().any(|count| *count > 0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn bars_are_as_long_as_their_values_and_never_longer_than_the_chart() {
        let of = |most| {
            let values =
                vec![("a".into(), 5, "5".into()), ("b".into(), 10, "10".into()), ("c".into(), 0, "0".into())];
            Chart::new("id", "title", values, most).bars.iter().map(|bar| bar.length).collect::<Vec<_>>()
        };
        assert_eq!(of(None), [200, 400, 0]);
        assert_eq!(of(Some(100)), [20, 40, 0]);
        assert_eq!(of(Some(1)), [400, 400, 0]);
    }
}
