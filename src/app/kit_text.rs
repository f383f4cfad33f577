//! How the officer's kits are written: sections of labelled lines, told as Markdown and as a page of HTML, tables as CSV,
//! files in one zip. It knows no content of any kit.

use std::io::{Cursor, Write};

use zip::write::{SimpleFileOptions, ZipWriter};
use zip::{CompressionMethod, DateTime};

use super::AppError;

/// What stands where the gateway does not know and a person must fill in.
pub const TO_COMPLETE: &str = "à compléter";

/// A titled group of labelled lines.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Section {
    /// Its title.
    pub title: String,
    /// Labels, each with its lines.
    pub rows: Vec<(String, Vec<String>)>,
}

impl Section {
    /// An empty section.
    pub fn new(title: impl Into<String>) -> Self {
        Self { title: title.into(), rows: Vec::new() }
    }

    /// Adds a line; an empty one is told as to be completed.
    pub fn row(mut self, label: impl Into<String>, line: impl Into<String>) -> Self {
        let line = line.into();
        let line = if line.trim().is_empty() { format!("[{TO_COMPLETE}]") } else { line };
        self.rows.push((label.into(), vec![line]));
        self
    }

    /// Adds lines under one label; none are told as « aucun ».
    pub fn rows(mut self, label: impl Into<String>, lines: Vec<String>) -> Self {
        let lines = if lines.is_empty() { vec!["aucun".to_owned()] } else { lines };
        self.rows.push((label.into(), lines));
        self
    }
}

/// A file of a kit.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct KitFile {
    /// Its name.
    pub name: String,
    /// Its bytes.
    pub bytes: Vec<u8>,
}

impl KitFile {
    /// A text.
    pub fn text(name: &str, text: String) -> Self {
        Self { name: name.to_owned(), bytes: text.into_bytes() }
    }
}

/// Sections as Markdown.
pub fn markdown(title: &str, sections: &[Section]) -> String {
    let mut text = format!("# {}\n", one_line(title));
    for section in sections {
        text.extend(["\n## ", &one_line(&section.title), "\n\n"]);
        for (label, lines) in &section.rows {
            match &lines[..] {
                [line] => text.extend(["- **", &one_line(label), "** : ", &one_line(line), "\n"]),
                lines => {
                    text.extend(["- **", &one_line(label), "** :\n"]);
                    for line in lines {
                        text.extend(["  - ", &one_line(line), "\n"]);
                    }
                }
            }
        }
    }
    text
}

/// Sections as a page that stands alone: no script, nothing fetched.
pub fn html(title: &str, sections: &[Section]) -> String {
    let title = escaped(title);
    let mut text = format!(
        "<!doctype html>\n<html lang=\"fr\"><head><meta charset=\"utf-8\"><title>{title}</title></head>\n<body>\n<h1>{title}</h1>\n"
    );
    for section in sections {
        text.extend(["<h2>", &escaped(&section.title), "</h2>\n<dl>\n"]);
        for (label, lines) in &section.rows {
            text.extend(["<dt>", &escaped(label), "</dt>\n"]);
            for line in lines {
                text.extend(["<dd>", &escaped(line), "</dd>\n"]);
            }
        }
        text.push_str("</dl>\n");
    }
    text.push_str("</body></html>\n");
    text
}

/// A table as CSV (RFC 4180), in UTF-8 with its mark, so that a spreadsheet reads accents; a field that a spreadsheet
/// would compute is made a text.
pub fn csv(header: &[&str], rows: &[Vec<String>]) -> String {
    let mut text = "\u{feff}".to_owned();
    let mut line = |fields: Vec<String>| {
        text.push_str(&fields.join(","));
        text.push_str("\r\n");
    };
    line(header.iter().map(|field| csv_field(field)).collect());
    for row in rows {
        line(row.iter().map(|field| csv_field(field)).collect());
    }
    text
}

fn csv_field(field: &str) -> String {
    let is_formula = field.starts_with(['=', '+', '-', '@', '\t', '\r']);
    let safe = if is_formula { format!("'{field}") } else { field.to_owned() };
    if safe.contains([',', '"', '\r', '\n', ';']) {
        format!("\"{}\"", safe.replace('"', "\"\""))
    } else {
        safe
    }
}

/// The files of a kit as one zip.
pub fn archive(files: &[KitFile]) -> Result<Vec<u8>, AppError> {
    let broken = |_| AppError::Broken("kit archive");
    let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Deflated)
        .last_modified_time(DateTime::default());
    for file in files {
        zip.start_file(file.name.as_str(), options).map_err(broken)?;
        zip.write_all(&file.bytes).map_err(|_| AppError::Broken("kit archive"))?;
    }
    Ok(zip.finish().map_err(broken)?.into_inner())
}

/// What somebody else wrote, on one line.
fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn escaped(text: &str) -> String {
    let mut safe = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            '&' => safe.push_str("&amp;"),
            '<' => safe.push_str("&lt;"),
            '>' => safe.push_str("&gt;"),
            '"' => safe.push_str("&quot;"),
            c => safe.push(c),
        }
    }
    safe
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn nothing_that_somebody_wrote_becomes_markup_a_heading_or_a_formula() {
        let section = Section::new("Un").row("Nom", "<script>x</script>\n# titre").rows("Liste", Vec::new());
        let page = html("t", std::slice::from_ref(&section));
        assert!(page.contains("&lt;script&gt;") && !page.contains("<script>"), "{page}");
        let text = markdown("t", &[section]);
        assert!(text.contains("- **Nom** : <script>x</script> # titre\n"), "{text}");
        assert!(text.contains("- **Liste** : aucun\n"));
        let table = csv(&["a"], &[vec!["=1+1".into()], vec!["x,\"y\"".into()], vec!["-3".into()]]);
        assert_eq!(table, "\u{feff}a\r\n'=1+1\r\n\"x,\"\"y\"\"\"\r\n'-3\r\n");
    }

    #[test]
    fn what_is_not_known_is_to_be_completed() {
        let section = Section::new("Un").row("Hébergement", " ");
        assert_eq!(section.rows[0].1, ["[à compléter]"]);
    }

    #[test]
    fn an_archive_gives_its_files_back() {
        let file = KitFile::text("rapport.md", "texte".into());
        let bytes = archive(&[file]).unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(bytes)).unwrap();
        let mut read = String::new();
        std::io::Read::read_to_string(&mut zip.by_name("rapport.md").unwrap(), &mut read).unwrap();
        assert_eq!(read, "texte");
    }
}
