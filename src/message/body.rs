//! What a message holds: its text for reading, and its files byte for byte. Transfer encodings (RFC 2045
//! section 6) are undone for both, character sets for the text alone.

use std::borrow::Cow;

use mail_parser::decoders::base64::base64_decode;
use mail_parser::decoders::charsets::map::charset_decoder;
use mail_parser::decoders::html::html_to_text;
use mail_parser::decoders::quoted_printable::quoted_printable_decode;

use super::mime::{Leaf, Structure};
use super::tnef::{self, Tnef, TnefFile};
use super::{Attachment, FileName, Limits, MessageError, clean_file_name};
use crate::value::ByteSize;

/// RFC 6838 section 4.2: 127 characters of a type, as many of a subtype.
const MEDIA_TYPE_MAX_BYTES: usize = 255;

/// The text and the files of a message.
pub(super) struct Content<'x> {
    pub text: String,
    pub attachments: Vec<Attachment<'x>>,
}

/// A piece of the body in one of its forms.
struct Piece {
    alternative: Option<usize>,
    is_html: bool,
    text: String,
}

/// Decodes every leaf, as text or as file.
pub(super) fn extract<'x>(structure: &Structure<'x>, limits: &Limits) -> Result<Content<'x>, MessageError> {
    let mut total = 0;
    let mut pieces = Vec::new();
    let mut attachments = Vec::new();
    let mut outlook = String::new();
    let leaves: Vec<_> = structure.leaves.iter().filter(|leaf| !structure.is_resource_fork(leaf)).collect();
    for (number, leaf) in leaves.iter().enumerate() {
        let bytes = transfer_decoded(leaf, limits);
        count(&mut total, bytes.len(), limits)?;
        if is_body(leaf, limits) && bytes.len() <= limits.text_bytes {
            let piece = piece(leaf, &bytes);
            count(&mut total, piece.text.len(), limits)?;
            pieces.push(piece);
        } else {
            let name = name(leaf, attachments.len() + 1, limits);
            let has_text = pieces.iter().any(|piece| !piece.text.trim().is_empty());
            // Each leaf that is left, this one too, may be a file of its own.
            let taken = attachments.len() + leaves.len() - number;
            if let Some(found) = tnef_of(leaf, &name, &bytes, limits.parts.saturating_sub(taken)) {
                if !has_text {
                    outlook = text_of_tnef(&found, limits);
                    count(&mut total, outlook.len(), limits)?;
                }
                for file in found.files {
                    count(&mut total, file.bytes.len(), limits)?;
                    attachments.push(attachment_of_tnef(file, attachments.len() + 1));
                }
                if has_text || !outlook.is_empty() {
                    continue;
                }
            }
            attachments.push(Attachment { name, content_type: leaf.media_type.clone(), bytes });
        }
    }
    let text = joined(&pieces);
    Ok(Content { text: if text.is_empty() { outlook } else { text }, attachments })
}

/// What Outlook's `winmail.dat` holds. One that is not understood, or holds nothing that is, stays a file.
fn tnef_of(leaf: &Leaf<'_>, name: &FileName, bytes: &[u8], files_max: usize) -> Option<Tnef> {
    let is_tnef = matches!(leaf.media_type.as_str(), "application/ms-tnef" | "application/vnd.ms-tnef")
        || name.as_str().eq_ignore_ascii_case("winmail.dat");
    let found = is_tnef.then(|| tnef::read(bytes, files_max))?.ok()?;
    (!found.files.is_empty() || found.text.is_some() || found.html.is_some()).then_some(found)
}

fn text_of_tnef(found: &Tnef, limits: &Limits) -> String {
    let fits = |text: &&String| text.len() <= limits.text_bytes && !text.trim().is_empty();
    let plain = found.text.as_ref().filter(fits).map(|text| text.replace("\r\n", "\n"));
    let html = || found.html.as_ref().filter(fits).map(|html| text_of_html(html));
    plain.or_else(html).unwrap_or_default().trim().to_owned()
}

fn attachment_of_tnef(file: TnefFile, number: usize) -> Attachment<'static> {
    let is_media_type = |text: &String| {
        let is_token = |byte: u8| byte.is_ascii_alphanumeric() || b"+-./_".contains(&byte);
        (3..=MEDIA_TYPE_MAX_BYTES).contains(&text.len()) && text.contains('/') && text.bytes().all(is_token)
    };
    let given = file.media_type.filter(is_media_type).map(|given| given.to_ascii_lowercase());
    let content_type = given.unwrap_or_else(|| "application/octet-stream".to_owned());
    let name = file.name.filter(|name| !name.trim().is_empty());
    let name = name.map_or_else(|| FileName::unnamed(number, &content_type), |name| clean_file_name(&name));
    Attachment { name, content_type, bytes: Cow::Owned(file.bytes) }
}

fn count(total: &mut u64, more: usize, limits: &Limits) -> Result<(), MessageError> {
    *total = total.saturating_add(more as u64);
    if *total > limits.decoded_bytes.bytes() {
        return Err(MessageError::TooLarge { limit: limits.decoded_bytes, actual: ByteSize(*total) });
    }
    Ok(())
}

/// Undoes the transfer encoding. What is no valid encoding is read as RFC 2045 section 6.8 asks (characters
/// outside the alphabet are ignored), and what cannot be read at all is kept as it came.
pub(super) fn transfer_decoded<'x>(leaf: &Leaf<'x>, limits: &Limits) -> Cow<'x, [u8]> {
    match leaf.fields.token("Content-Transfer-Encoding", limits).as_deref() {
        Some("base64") => {
            Cow::Owned(base64_decode(leaf.body).unwrap_or_else(|| base64_decode_lenient(leaf.body)))
        }
        Some("quoted-printable") => {
            quoted_printable_decode(leaf.body).map_or(Cow::Borrowed(leaf.body), Cow::Owned)
        }
        _ => Cow::Borrowed(leaf.body),
    }
}

fn base64_decode_lenient(body: &[u8]) -> Vec<u8> {
    let in_alphabet = |byte: &u8| byte.is_ascii_alphanumeric() || matches!(byte, b'+' | b'/' | b'=');
    let letters: Vec<u8> = body.iter().copied().filter(in_alphabet).collect();
    base64_decode(&letters).unwrap_or_default()
}

/// Plain text or HTML that is no file: no name, not marked as an attachment.
fn is_body(leaf: &Leaf<'_>, limits: &Limits) -> bool {
    let disposition = leaf.fields.structured("Content-Disposition", limits);
    matches!(leaf.media_type.as_str(), "text/plain" | "text/html")
        && !disposition.is_some_and(|d| d.is_attachment() || d.has_attribute("filename"))
        && !leaf.content_type.as_ref().is_some_and(|c| c.has_attribute("name"))
}

fn piece(leaf: &Leaf<'_>, bytes: &[u8]) -> Piece {
    let charset = leaf.content_type.as_ref().and_then(|c| c.attribute("charset"));
    let text = match charset.and_then(|charset| charset_decoder(charset.as_bytes())) {
        Some(decoder) => decoder(bytes),
        None => String::from_utf8_lossy(bytes).into_owned(),
    };
    let is_html = leaf.media_type == "text/html";
    let text = if is_html { text_of_html(&text) } else { text };
    Piece { alternative: leaf.alternative, is_html, text: text.replace("\r\n", "\n") }
}

/// HTML as text, one line for each block, without blank lines.
fn text_of_html(html: &str) -> String {
    let text = html_to_text(&with_breaks(html));
    let lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    lines.join("\n")
}

/// Says in `<br>` and spaces what the tags of blocks and cells say, which the converter does not know: without
/// them a table reads as one word.
fn with_breaks(html: &str) -> String {
    let mut out = String::with_capacity(html.len() + html.len() / 4);
    for (place, piece) in html.split('<').enumerate() {
        if place > 0 {
            out.push_str(separator(piece));
            out.push('<');
        }
        out.push_str(piece);
    }
    out
}

/// What goes before a tag, of which this is the text after its `<`.
fn separator(tag: &str) -> &'static str {
    let name = tag.trim_start_matches('/').split(|c: char| !c.is_ascii_alphanumeric()).next();
    match name.unwrap_or_default().to_ascii_lowercase().as_str() {
        "blockquote" | "div" | "h1" | "h2" | "h3" | "h4" | "h5" | "h6" | "hr" | "li" | "pre" | "table"
        | "tr" => "<br>",
        "td" | "th" => " ",
        _ => "",
    }
}

/// Of each multipart/alternative the plain text, or where that is blank the HTML; all other pieces; in order.
fn joined(pieces: &[Piece]) -> String {
    let has_plain = |group: usize| {
        pieces.iter().any(|p| p.alternative == Some(group) && !p.is_html && !p.text.trim().is_empty())
    };
    let chosen = pieces.iter().filter(|p| !p.is_html || !p.alternative.is_some_and(has_plain));
    let texts: Vec<&str> = chosen.map(|p| p.text.trim()).filter(|text| !text.is_empty()).collect();
    texts.join("\n\n")
}

fn name(leaf: &Leaf<'_>, number: usize, limits: &Limits) -> FileName {
    let disposition = leaf.fields.structured("Content-Disposition", limits);
    let given = disposition
        .as_ref()
        .and_then(|d| d.attribute("filename"))
        .or_else(|| leaf.content_type.as_ref().and_then(|c| c.attribute("name")))
        .filter(|name| !name.trim().is_empty());
    given.map_or_else(|| FileName::unnamed(number, &leaf.media_type), clean_file_name)
}
