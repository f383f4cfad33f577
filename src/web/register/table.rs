//! A table as a file for a spreadsheet: CSV whose fields compute nothing, or a workbook whose texts are texts. Made in
//! memory: it is bounded by what one export may hold.

use axum::body::Body;
use axum::http::header::{CONTENT_DISPOSITION, CONTENT_TYPE};
use axum::http::{HeaderValue, StatusCode};
use axum::response::{IntoResponse, Response};
use rust_xlsxwriter::{ExcelDateTime, Format, Workbook, Worksheet, XlsxError};
use tokio::task::spawn_blocking;

use crate::app::kit_text;
use crate::value::{Timestamp, calendar};
use crate::web::answer::Errors;
use crate::web::views::ErrorKind;

/// The width of a column, in characters.
const COLUMN_WIDTH: f64 = 22.0;

/// How a table is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum FileFormat {
    /// RFC 4180, UTF-8 with its mark.
    Csv,
    /// Office Open XML.
    Xlsx,
}

/// What stands in a cell.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Cell {
    /// Nothing.
    Empty,
    /// A text, never a formula.
    Text(String),
    /// A count.
    Number(u64),
    /// An instant, told in the time of Paris.
    Instant(Timestamp),
}

impl Cell {
    /// A text.
    pub(super) fn text(text: &str) -> Self {
        Self::Text(text.to_owned())
    }
}

/// A table.
pub(super) struct Table<const N: usize> {
    /// Its name.
    pub name: &'static str,
    /// The names of its columns.
    pub head: [&'static str; N],
    /// Its rows.
    pub rows: Vec<[Cell; N]>,
}

impl<const N: usize> Table<N> {
    /// As CSV: fields that a spreadsheet would compute are made texts.
    fn csv(&self) -> Vec<u8> {
        let field = |cell: &Cell| match cell {
            Cell::Empty => String::new(),
            Cell::Text(text) => text.clone(),
            Cell::Number(number) => number.to_string(),
            Cell::Instant(at) => local(*at).unwrap_or_else(|| at.to_string()),
        };
        let rows: Vec<Vec<String>> = self.rows.iter().map(|row| row.iter().map(field).collect()).collect();
        kit_text::csv(&self.head, &rows).into_bytes()
    }

    /// As a workbook.
    fn xlsx(&self) -> Result<Vec<u8>, XlsxError> {
        let mut book = Workbook::new();
        let sheet = book.add_worksheet();
        sheet.set_name(self.name)?;
        let (bold, date) = (Format::new().set_bold(), Format::new().set_num_format("yyyy-mm-dd hh:mm"));
        for (column, name) in (0..).zip(self.head) {
            sheet.set_column_width(column, COLUMN_WIDTH)?;
            sheet.write_string_with_format(0, column, name, &bold)?;
        }
        for (number, row) in (1..).zip(&self.rows) {
            for (column, cell) in (0..).zip(row) {
                write(sheet, number, column, cell, &date)?;
            }
        }
        sheet.set_freeze_panes(1, 1)?;
        let (last, end) = (self.rows.len().max(1), N.max(1) - 1);
        if let (Ok(last), Ok(end)) = (u32::try_from(last), u16::try_from(end)) {
            sheet.autofilter(0, 0, last, end)?;
        }
        book.save_to_buffer()
    }
}

fn write(sheet: &mut Worksheet, row: u32, column: u16, cell: &Cell, date: &Format) -> Result<(), XlsxError> {
    match cell {
        Cell::Empty => {}
        Cell::Text(text) => {
            sheet.write_string(row, column, text)?;
        }
        #[expect(clippy::cast_precision_loss, reason = "counts of cases")]
        Cell::Number(number) => {
            sheet.write_number(row, column, *number as f64)?;
        }
        Cell::Instant(at) => match local(*at).map(|text| ExcelDateTime::parse_from_str(&text)) {
            Some(Ok(instant)) => {
                sheet.write_datetime_with_format(row, column, &instant, date)?;
            }
            _ => {
                sheet.write_string(row, column, at.to_string())?;
            }
        },
    }
    Ok(())
}

/// `2026-11-21 09:30`, in Paris.
fn local(at: Timestamp) -> Option<String> {
    Some(calendar::paris(at)?.strftime("%Y-%m-%d %H:%M").to_string())
}

/// Makes the file where that may take its time, and answers with it.
pub(super) async fn answer<const N: usize>(
    format: FileFormat,
    table: impl FnOnce() -> Table<N> + Send + 'static,
    name: &str,
    errors: &Errors<'_>,
) -> Result<Response, Response> {
    let made = spawn_blocking(move || {
        let table = table();
        match format {
            FileFormat::Csv => Ok(table.csv()),
            FileFormat::Xlsx => table.xlsx(),
        }
    });
    let bytes = match made.await {
        Ok(Ok(bytes)) => bytes,
        Ok(Err(error)) => {
            tracing::error!(error = %error, "web.table_not_written");
            return Err(errors.page(ErrorKind::Internal));
        }
        Err(_) => return Err(errors.page(ErrorKind::Internal)),
    };
    let (media_type, ending) = match format {
        FileFormat::Csv => ("text/csv; charset=utf-8; header=present", "csv"),
        FileFormat::Xlsx => ("application/vnd.openxmlformats-officedocument.spreadsheetml.sheet", "xlsx"),
    };
    let mut response = (StatusCode::OK, Body::from(bytes)).into_response();
    let headers = response.headers_mut();
    headers.insert(CONTENT_TYPE, HeaderValue::from_static(media_type));
    let disposition = format!("attachment; filename=\"{name}.{ending}\"");
    if let Ok(disposition) = HeaderValue::from_str(&disposition) {
        headers.insert(CONTENT_DISPOSITION, disposition);
    }
    Ok(response)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::io::{Cursor, Read};

    fn table() -> Table<3> {
        let row = [Cell::text("=HYPERLINK(1)"), Cell::Number(7), Cell::Instant(Timestamp(1_795_000_000_000))];
        Table { name: "Tableau", head: ["a", "b", "c"], rows: vec![row] }
    }

    #[test]
    fn nothing_that_somebody_typed_is_computed() {
        let csv = String::from_utf8(table().csv()).unwrap();
        assert!(csv.contains("'=HYPERLINK(1)") && !csv.contains("\n=HYPERLINK"), "{csv}");
        let book = table().xlsx().unwrap();
        let mut zip = zip::ZipArchive::new(Cursor::new(book)).unwrap();
        let mut read = |name: &str| {
            let mut text = String::new();
            zip.by_name(name).unwrap().read_to_string(&mut text).unwrap();
            text
        };
        let sheet = read("xl/worksheets/sheet1.xml");
        assert!(!sheet.contains("<f>"), "a formula: {sheet}");
        assert!(read("xl/sharedStrings.xml").contains("=HYPERLINK(1)"));
        assert!(sheet.contains("<v>7</v>"));
        assert!(sheet.contains("<v>46344."), "a date is a number that a spreadsheet sorts: {sheet}");
    }
}
