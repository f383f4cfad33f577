//! Sets text on pages, line by line, and knows for each line what it is in the structure that screen readers follow.

use std::num::NonZeroU16;

use krilla::Document;
use krilla::color::rgb;
use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::{PathBuilder, Point};
use krilla::metadata::{DateTime, Metadata};
use krilla::num::NormalizedF32;
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::paint::{Fill, FillRule, Stroke};
use krilla::surface::Surface;
use krilla::tagging::{
    Artifact, ArtifactType, ContentTag, Identifier, Node, SpanTag, TableHeaderScope, Tag, TagGroup, TagTree,
};
use krilla::text::TextDirection;

use super::DocumentError;
use super::font::Face;

/// A4, in points.
const WIDTH: f32 = 595.0;
const HEIGHT: f32 = 842.0;
/// The margins.
const LEFT: f32 = 56.0;
const RIGHT: f32 = WIDTH - 56.0;
const TOP: f32 = 60.0;
const BOTTOM: f32 = HEIGHT - 64.0;
/// Where the answers of a table begin.
const ANSWERS: f32 = LEFT + 178.0;
/// From one line to the next, in sizes.
const LEADING: f32 = 1.35;
/// Pages of a document: far more than the longest form has.
const PAGES_MAX: usize = 200;
/// Room for a signature.
const SIGNATURE_HEIGHT: f32 = 64.0;

/// What is drawn.
enum Drawn {
    Line { x: f32, y: f32, size: f32, bold: bool, text: String },
    Rule { y: f32, from: f32, to: f32 },
}

/// What a line belongs to.
enum Tagged {
    Group(Kind, Vec<Tagged>),
    /// The n-th thing drawn.
    Leaf(usize),
}

enum Kind {
    Title(String),
    Heading(String),
    Paragraph,
    Table,
    Row,
    Label,
    Answer,
}

/// A document that is being set.
pub(super) struct Pages {
    regular: Face,
    bold: Face,
    drawn: Vec<(usize, Drawn)>,
    tree: Vec<Tagged>,
    /// Headings: text, page, height.
    outline: Vec<(String, usize, f32)>,
    page: usize,
    y: f32,
}

/// A row of a table.
pub(super) struct Row<'a> {
    pub label: &'a str,
    pub lines: Vec<String>,
    /// Whether room is left for a signature by hand.
    pub to_sign: bool,
}

impl Pages {
    pub(super) fn new() -> Result<Self, DocumentError> {
        Ok(Self {
            regular: Face::regular()?,
            bold: Face::bold()?,
            drawn: Vec::new(),
            tree: Vec::new(),
            outline: Vec::new(),
            page: 0,
            y: TOP,
        })
    }

    /// The document's title.
    pub(super) fn title(&mut self, text: &str) {
        let lines = self.broken(text, 17.0, true, RIGHT - LEFT);
        self.outline.push((lines.join(" "), self.page, self.y));
        let leaves = self.set(&lines, LEFT, 17.0, true);
        self.tree.push(Tagged::Group(Kind::Title(text.to_owned()), leaves));
        self.y += 6.0;
    }

    /// A heading, with room below it for the first lines of what it is about.
    pub(super) fn heading(&mut self, text: &str) {
        self.y += 12.0;
        self.needs(3.0 * 11.5 * LEADING);
        let lines = self.broken(text, 11.5, true, RIGHT - LEFT);
        self.outline.push((lines.join(" "), self.page, self.y));
        let leaves = self.set(&lines, LEFT, 11.5, true);
        self.tree.push(Tagged::Group(Kind::Heading(text.to_owned()), leaves));
        self.y += 3.0;
    }

    pub(super) fn paragraph(&mut self, text: &str, size: f32) {
        let lines = self.broken(text, size, false, RIGHT - LEFT);
        let leaves = self.set(&lines, LEFT, size, false);
        self.tree.push(Tagged::Group(Kind::Paragraph, leaves));
        self.y += 4.0;
    }

    /// Questions and answers.
    pub(super) fn table(&mut self, rows: &[Row<'_>]) {
        let rows = rows.iter().map(|row| self.row(row)).collect();
        self.tree.push(Tagged::Group(Kind::Table, rows));
    }

    fn row(&mut self, row: &Row<'_>) -> Tagged {
        let label = self.broken(row.label, 9.0, true, ANSWERS - LEFT - 12.0);
        let answer: Vec<String> =
            row.lines.iter().flat_map(|line| self.broken(line, 10.0, false, RIGHT - ANSWERS)).collect();
        // A short row stays together; a long answer may go on over the page.
        let height = (label.len() as f32 * 9.0).max(answer.len().min(6) as f32 * 10.0) * LEADING;
        self.needs(height + 8.0 + if row.to_sign { SIGNATURE_HEIGHT } else { 0.0 });
        self.rule(LEFT, RIGHT);
        self.y += 4.0;
        let (page, top) = (self.page, self.y);
        let label = self.set(&label, LEFT, 9.0, true);
        let below = (self.page, self.y);
        (self.page, self.y) = (page, top);
        let answer = self.set(&answer, ANSWERS, 10.0, false);
        if below > (self.page, self.y) {
            (self.page, self.y) = below;
        }
        if row.to_sign {
            self.y += SIGNATURE_HEIGHT - 14.0;
            self.rule(ANSWERS, RIGHT);
            self.y += 14.0;
        }
        self.y += 4.0;
        Tagged::Group(Kind::Row, vec![Tagged::Group(Kind::Label, label), Tagged::Group(Kind::Answer, answer)])
    }

    fn rule(&mut self, from: f32, to: f32) {
        self.drawn.push((self.page, Drawn::Rule { y: self.y, from, to }));
    }

    /// Goes on with the next page when so much room is not left on this one.
    fn needs(&mut self, height: f32) {
        if self.y + height > BOTTOM && self.y > TOP {
            self.page += 1;
            self.y = TOP;
        }
    }

    fn set(&mut self, lines: &[String], x: f32, size: f32, bold: bool) -> Vec<Tagged> {
        let last = lines.len().saturating_sub(1);
        let mut leaves = Vec::with_capacity(lines.len());
        for (place, line) in lines.iter().enumerate() {
            self.needs(size * LEADING);
            // A word ends at the end of a line too: readers of the text see the blank.
            let text = if place == last { line.clone() } else { format!("{line} ") };
            let y = self.y + size;
            self.drawn.push((self.page, Drawn::Line { x, y, size, bold, text }));
            leaves.push(Tagged::Leaf(self.drawn.len() - 1));
            self.y += size * LEADING;
        }
        leaves
    }

    /// A text in lines that are no wider than this; a word that is wider is cut.
    fn broken(&self, text: &str, size: f32, bold: bool, width: f32) -> Vec<String> {
        let face = if bold { &self.bold } else { &self.regular };
        let mut lines = Vec::new();
        let mut line = String::new();
        for word in face.settable(text).split(' ').filter(|word| !word.is_empty()) {
            let together = if line.is_empty() { word.to_owned() } else { format!("{line} {word}") };
            if face.width(&together, size) <= width {
                line = together;
                continue;
            }
            if !line.is_empty() {
                lines.push(std::mem::take(&mut line));
            }
            for character in word.chars() {
                let mut longer = line.clone();
                longer.push(character);
                if face.width(&longer, size) > width && !line.is_empty() {
                    lines.push(std::mem::take(&mut line));
                    line.push(character);
                } else {
                    line = longer;
                }
            }
        }
        if !line.is_empty() {
            lines.push(line);
        }
        lines
    }

    /// Writes the document, in French; `day` is that of its making, as ISO 8601 writes it. `footer` stands on every page.
    pub(super) fn write(self, title: &str, day: &str, footer: &str) -> Result<Vec<u8>, DocumentError> {
        let wrong = |what: String| DocumentError(what);
        let count = self.page + 1;
        if count > PAGES_MAX {
            return Err(wrong(format!("{count} pages")));
        }
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_A)
            .with_accessibility_validator(Accessibility::UA1)
            .finish();
        let settings = krilla::SerializeSettings {
            configuration: configuration.map_err(|error| wrong(format!("{error:?}")))?,
            ..Default::default()
        };
        let mut document = Document::new_with(settings);
        let mut identifiers: Vec<Option<Identifier>> = vec![None; self.drawn.len()];
        for page in 0..count {
            let settings = PageSettings::from_wh(WIDTH, HEIGHT).ok_or_else(|| wrong("page".to_owned()))?;
            let mut leaf = document.start_page_with(settings);
            let mut surface = leaf.surface();
            for (place, (_, drawn)) in self.drawn.iter().enumerate().filter(|(_, (at, _))| *at == page) {
                identifiers[place] = self.draw(&mut surface, drawn);
            }
            self.foot(&mut surface, &format!("{footer} – page {} sur {count}", page + 1));
            surface.finish();
            leaf.finish();
        }
        let mut tree = TagTree::new().with_lang(Some("fr".to_owned()));
        for tagged in &self.tree {
            tree.children.extend(node(tagged, &identifiers));
        }
        document.set_tag_tree(tree);
        let mut outline = Outline::new();
        for (text, page, y) in &self.outline {
            let place = XyzDestination::new(*page, Point::from_xy(LEFT, *y));
            outline.push_child(OutlineNode::new(text.clone(), place));
        }
        document.set_outline(outline);
        document.set_metadata(
            Metadata::new()
                .title(title.to_owned())
                .language("fr".to_owned())
                .creator("Pli".to_owned())
                .creation_date(date(day)),
        );
        document.finish().map_err(|error| wrong(format!("{error:?}")))
    }

    fn draw(&self, surface: &mut Surface<'_>, drawn: &Drawn) -> Option<Identifier> {
        match drawn {
            Drawn::Line { x, y, size, bold, text } => {
                let face = if *bold { &self.bold } else { &self.regular };
                let identifier = surface.start_tagged(ContentTag::Span(SpanTag::empty()));
                surface.set_fill(Some(ink(20)));
                surface.draw_text(
                    Point::from_xy(*x, *y),
                    face.font.clone(),
                    *size,
                    text,
                    false,
                    TextDirection::LeftToRight,
                );
                surface.end_tagged();
                Some(identifier)
            }
            Drawn::Rule { y, from, to } => {
                surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
                let mut path = PathBuilder::new();
                path.move_to(*from, *y);
                path.line_to(*to, *y);
                if let Some(path) = path.finish() {
                    surface.set_fill(None);
                    surface.set_stroke(Some(Stroke {
                        paint: rgb::Color::new(150, 150, 160).into(),
                        width: 0.6,
                        ..Stroke::default()
                    }));
                    surface.draw_path(&path);
                    surface.set_stroke(None);
                }
                surface.end_tagged();
                None
            }
        }
    }

    fn foot(&self, surface: &mut Surface<'_>, text: &str) {
        surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Footer)));
        surface.set_fill(Some(ink(80)));
        let at = Point::from_xy(LEFT, HEIGHT - 36.0);
        let text = self.regular.settable(text);
        surface.draw_text(at, self.regular.font.clone(), 8.0, &text, false, TextDirection::LeftToRight);
        surface.end_tagged();
    }
}

fn ink(grey: u8) -> Fill {
    Fill {
        paint: rgb::Color::new(grey, grey, grey).into(),
        opacity: NormalizedF32::ONE,
        rule: FillRule::default(),
    }
}

/// The structure with the identifiers of what was drawn; none of a group in which nothing was.
fn node(tagged: &Tagged, identifiers: &[Option<Identifier>]) -> Option<Node> {
    let (kind, children) = match tagged {
        Tagged::Leaf(place) => return identifiers.get(*place).copied().flatten().map(Node::Leaf),
        Tagged::Group(kind, children) => (kind, children),
    };
    let nodes: Vec<Node> = children.iter().filter_map(|child| node(child, identifiers)).collect();
    let group = match kind {
        Kind::Title(text) => TagGroup::with_children(Tag::Hn(NonZeroU16::MIN, Some(text.clone())), nodes),
        Kind::Heading(text) => {
            let level = NonZeroU16::MIN.saturating_add(1);
            TagGroup::with_children(Tag::Hn(level, Some(text.clone())), nodes)
        }
        Kind::Paragraph => TagGroup::with_children(Tag::P, nodes),
        Kind::Table => TagGroup::with_children(Tag::Table, nodes),
        Kind::Row => TagGroup::with_children(Tag::TR, nodes),
        Kind::Label => TagGroup::with_children(Tag::TH(TableHeaderScope::Row), nodes),
        Kind::Answer => TagGroup::with_children(Tag::TD, nodes),
    };
    Some(Node::Group(group))
}

fn date(day: &str) -> DateTime {
    let mut parts = day.splitn(3, '-').map(|part| part.parse::<u16>().unwrap_or(1));
    let year = parts.next().unwrap_or(1);
    let mut small = || u8::try_from(parts.next().unwrap_or(1)).unwrap_or(1);
    let (month, of_month) = (small(), small());
    DateTime::new(year).month(month).day(of_month)
}
