//! The structure of a message (RFC 2046): one pass over its lines splits it into leaves, the parts that are no
//! multipart, under limits of depth and number. Attached messages are leaves too, so that they stay whole.
//!
//! mail-parser would find the parts too, but it reads the rest of the message once for each multipart whose
//! boundary does not come, and enters attached messages; here the cost is one pass whatever is sent, no
//! boundary makes a part contain itself, and each leaf is a slice of the message as it came.

use mail_parser::ContentType;

use super::header::{Fields, is_blank, line_end};
use super::{Limits, MessageError};

/// RFC 2046 section 5.1.1: characters of a boundary. Longer ones are seen; nobody needs more than this.
const BOUNDARY_MAX_BYTES: usize = 256;

/// A part that is no multipart.
#[derive(Debug)]
pub(super) struct Leaf<'x> {
    /// The part's own fields.
    pub fields: Fields<'x>,
    /// `type/subtype` in lower case, with the default of its place when it says none.
    pub media_type: String,
    /// `Content-Type`, when it has one.
    pub content_type: Option<ContentType<'static>>,
    /// The body as transferred.
    pub body: &'x [u8],
    /// The outermost multipart/alternative that it belongs to, by a number of its own.
    pub alternative: Option<usize>,
    /// The multipart/appledouble that it belongs to (RFC 1740), by a number of its own.
    pub appledouble: Option<usize>,
}

/// What the splitter found.
#[derive(Debug)]
pub(super) struct Structure<'x> {
    /// The fields of the message itself.
    pub fields: Fields<'x>,
    /// `Content-Type` of the message itself.
    pub content_type: Option<ContentType<'static>>,
    /// The leaves in the order of the message.
    pub leaves: Vec<Leaf<'x>>,
}

impl Structure<'_> {
    /// Whether a leaf is what the Finder knows of a file, beside the file itself (RFC 1740): nothing that anybody reads.
    pub fn is_resource_fork(&self, leaf: &Leaf<'_>) -> bool {
        let is_file = |other: &&Leaf<'_>| {
            other.appledouble == leaf.appledouble && other.media_type != "application/applefile"
        };
        leaf.appledouble.is_some()
            && leaf.media_type == "application/applefile"
            && self.leaves.iter().any(|other| is_file(&other))
    }
}

/// An open multipart.
struct Frame {
    boundary: Vec<u8>,
    is_digest: bool,
    alternative: Option<usize>,
    appledouble: Option<usize>,
}

/// Where the splitter stands.
enum State<'x> {
    /// In the header section of a part.
    Header { start: usize },
    /// In the body of a leaf.
    Body { start: usize, leaf: Leaf<'x> },
    /// In a multipart before its first delimiter; a multipart whose delimiter never comes is a text.
    Preamble { start: usize, leaf: Leaf<'x> },
    /// After a closing delimiter.
    Epilogue,
}

struct Splitter<'x, 'l> {
    bytes: &'x [u8],
    limits: &'l Limits,
    frames: Vec<Frame>,
    parts: usize,
    leaves: Vec<Leaf<'x>>,
    root: Option<(Fields<'x>, Option<ContentType<'static>>)>,
}

/// Splits a message into its leaves.
pub(super) fn split<'x>(bytes: &'x [u8], limits: &Limits) -> Result<Structure<'x>, MessageError> {
    let mut splitter =
        Splitter { bytes, limits, frames: Vec::new(), parts: 0, leaves: Vec::new(), root: None };
    let mut state = State::Header { start: 0 };
    let mut at = 0;
    while at < bytes.len() {
        let end = line_end(bytes, at);
        let line = &bytes[at..end];
        state = match splitter.delimiter(line) {
            Some((depth, is_close)) => splitter.cross(state, at, end, depth, is_close)?,
            None => splitter.pass(state, line, at, end)?,
        };
        at = end;
    }
    splitter.finish(state)
}

impl<'x> Splitter<'x, '_> {
    /// The open multipart that this line delimits, innermost first, and whether the line closes it.
    fn delimiter(&self, line: &[u8]) -> Option<(usize, bool)> {
        let rest = line.strip_prefix(b"--")?.trim_ascii_end();
        let matches = |frame: &Frame| match rest.strip_prefix(frame.boundary.as_slice()) {
            Some(b"") => Some(false),
            Some(b"--") => Some(true),
            _ => None,
        };
        (0..self.frames.len()).rev().find_map(|depth| Some((depth, matches(&self.frames[depth])?)))
    }

    /// A line that is no delimiter.
    fn pass(
        &mut self,
        state: State<'x>,
        line: &[u8],
        at: usize,
        end: usize,
    ) -> Result<State<'x>, MessageError> {
        match state {
            State::Header { start } if is_blank(line) => self.enter(start, at, end),
            State::Header { start } if at - start > self.limits.header_bytes => {
                Err(MessageError::HeaderTooLarge { limit: self.limits.header_bytes, actual: at - start })
            }
            other => Ok(other),
        }
    }

    /// A delimiter: it ends the part before it and all that is nested deeper.
    fn cross(
        &mut self,
        state: State<'x>,
        at: usize,
        end: usize,
        depth: usize,
        is_close: bool,
    ) -> Result<State<'x>, MessageError> {
        let state = match state {
            State::Header { start } => self.enter(start, at, at)?,
            other => other,
        };
        let depth = depth.min(self.frames.len());
        self.leave(state, without_line_end(self.bytes, at), Some(depth));
        self.frames.truncate(if is_close { depth } else { depth + 1 });
        Ok(if is_close { State::Epilogue } else { State::Header { start: end } })
    }

    /// The header section of a part is over: is it a multipart or a leaf?
    fn enter(&mut self, start: usize, section_end: usize, body: usize) -> Result<State<'x>, MessageError> {
        self.parts += 1;
        if self.parts > self.limits.parts {
            return Err(MessageError::TooManyParts { limit: self.limits.parts });
        }
        let fields = Fields::split(&self.bytes[start..section_end], self.limits)?;
        let content_type = fields.structured("Content-Type", self.limits);
        if self.root.is_none() {
            self.root = Some((fields.clone(), content_type.clone()));
        }
        let boundary = boundary_of(content_type.as_ref());
        let mut leaf = self.leaf(fields, content_type);
        let Some(boundary) = boundary else {
            if leaf.media_type.starts_with("multipart/") {
                "text/plain".clone_into(&mut leaf.media_type);
            }
            return Ok(State::Body { start: body, leaf });
        };
        if self.frames.len() >= self.limits.depth {
            return Err(MessageError::TooDeep { limit: self.limits.depth });
        }
        let is_alternative = leaf.media_type == "multipart/alternative";
        self.frames.push(Frame {
            boundary,
            is_digest: leaf.media_type == "multipart/digest",
            alternative: leaf.alternative.or(is_alternative.then_some(self.parts)),
            appledouble: (leaf.media_type == "multipart/appledouble").then_some(self.parts),
        });
        Ok(State::Preamble { start: body, leaf })
    }

    fn leaf(&self, fields: Fields<'x>, content_type: Option<ContentType<'static>>) -> Leaf<'x> {
        let parent = self.frames.last();
        let media_type = match &content_type {
            Some(ContentType { c_type, c_subtype: Some(subtype), .. }) => {
                format!("{c_type}/{subtype}").to_ascii_lowercase()
            }
            _ if parent.is_some_and(|frame| frame.is_digest) => "message/rfc822".to_owned(),
            _ => "text/plain".to_owned(),
        };
        let alternative = parent.and_then(|frame| frame.alternative);
        let appledouble = parent.and_then(|frame| frame.appledouble);
        Leaf { fields, media_type, content_type, body: &[], alternative, appledouble }
    }

    /// The part before a delimiter or the end of the message is over. A multipart of which not even its own
    /// first delimiter came (`ended_by` is the depth of another one's) holds something all the same: its text.
    fn leave(&mut self, state: State<'x>, end: usize, ended_by: Option<usize>) {
        match state {
            State::Body { start, leaf } => {
                self.leaves.push(Leaf { body: &self.bytes[start..end.max(start)], ..leaf });
            }
            State::Preamble { start, leaf } if ended_by.is_none_or(|depth| depth + 1 < self.frames.len()) => {
                let media_type = "text/plain".to_owned();
                let body = &self.bytes[start..end.max(start)];
                self.leaves.push(Leaf { body, media_type, content_type: None, ..leaf });
            }
            State::Header { .. } | State::Preamble { .. } | State::Epilogue => {}
        }
    }

    fn finish(mut self, state: State<'x>) -> Result<Structure<'x>, MessageError> {
        let end = self.bytes.len();
        let state = match state {
            State::Header { start } => self.enter(start, end, end)?,
            other => other,
        };
        self.leave(state, end, None);
        let (fields, content_type) = self.root.unwrap_or_default();
        Ok(Structure { fields, content_type, leaves: self.leaves })
    }
}

fn boundary_of(content_type: Option<&ContentType<'static>>) -> Option<Vec<u8>> {
    let content_type = content_type.filter(|c| c.c_type.eq_ignore_ascii_case("multipart"))?;
    let boundary = content_type.attribute("boundary")?.trim_end().as_bytes();
    (1..=BOUNDARY_MAX_BYTES).contains(&boundary.len()).then(|| boundary.to_vec())
}

/// RFC 2046 section 5.1.1: the line end before a delimiter belongs to the delimiter.
fn without_line_end(bytes: &[u8], at: usize) -> usize {
    let before = &bytes[..at];
    before.strip_suffix(b"\r\n").or_else(|| before.strip_suffix(b"\n")).unwrap_or(before).len()
}
