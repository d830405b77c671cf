//! Files of products: JSON Lines or CSV, plain or gzipped, one product a record. Streamed: whatever the size of the file,
//! one record is in memory at a time. It decides what a record is and which cells it has, never what a cell means.

mod cells;
mod records;

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use flate2::bufread::MultiGzDecoder;

pub use self::cells::{Cell, Cells};
use self::records::{Record, Records};

/// Longest record, in bytes. A product's text has no business being longer; its pictures are beside it.
pub const RECORD_BYTES_MAX: usize = 1024 * 1024;

/// The columns that are read; others are named once and left alone.
pub const COLUMNS: [&str; 18] = [
    "sku",
    "title",
    "description",
    "brand",
    "category",
    "price",
    "currency",
    "attributes",
    "images",
    "stock",
    "seller",
    "variants",
    "codes",
    "status",
    "rating",
    "rating_count",
    "sold",
    "weight_grams",
];

const COLUMNS_REQUIRED: [&str; 3] = ["sku", "title", "price"];

/// How a file is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Format {
    /// One JSON object a line.
    JsonLines,
    /// A header line, then one record a product; `,`, `;` or tab between cells.
    Csv,
}

/// Why a file cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum Unreadable {
    /// The system says so.
    #[error("cannot read {path}: {source}")]
    Io {
        /// the file
        path: String,
        /// why
        source: io::Error,
    },
    /// CSV without what every product needs.
    #[error("the CSV header lacks {}: it has {}", missing.join(", "), if found.is_empty() { "nothing".to_owned() } else { found.join(", ") })]
    MissingColumns {
        /// required columns that are not there
        missing: Vec<String>,
        /// the columns that are
        found: Vec<String>,
    },
    /// A column that is there twice.
    #[error("the CSV header has {0:?} twice")]
    ColumnTwice(String),
    /// One big JSON array.
    #[error("this is one JSON array: write one product a line (JSON Lines), for instance with `jq -c '.[]'`")]
    JsonArray,
    /// A header that is no text.
    #[error("the CSV header is unreadable: {0}")]
    Header(String),
}

/// One record: where it starts, and its cells or what is wrong with it.
#[derive(Debug)]
pub struct Row {
    /// Line of the file on which it starts, from 1.
    pub line: u64,
    /// Its cells, or why it has none.
    pub cells: Result<Cells, String>,
}

/// The rows of a file, in order.
pub struct Rows {
    records: Records<Box<dyn BufRead + Send>>,
    header: Option<Header>,
    unread_columns: Vec<String>,
    failed: bool,
}

struct Header {
    names: Vec<String>,
    delimiter: u8,
}

impl Rows {
    /// Opens `path`. The format is known by the name (`.jsonl`, `.ndjson`, `.json`, `.csv`, `.tsv`, each perhaps with
    /// `.gz`) or else by the first character. `bytes_read` counts the file's bytes as they are read.
    ///
    /// # Errors
    /// When the file as a whole is unusable.
    pub fn open(path: &Path, bytes_read: Arc<AtomicU64>) -> Result<Self, Unreadable> {
        let io_error = |source| Unreadable::Io { path: path.display().to_string(), source };
        let file = File::open(path).map_err(io_error)?;
        let mut reader = BufReader::with_capacity(256 * 1024, Counted { inner: file, bytes: bytes_read });
        let gzipped = reader.fill_buf().map_err(io_error)?.starts_with(&[0x1f, 0x8b]);
        let reader: Box<dyn BufRead + Send> =
            if gzipped { Box::new(BufReader::new(MultiGzDecoder::new(reader))) } else { Box::new(reader) };
        Self::read(reader, format_by_name(path)).map_err(|error| match error {
            Unreadable::Io { source, .. } => io_error(source),
            other @ (Unreadable::MissingColumns { .. }
            | Unreadable::ColumnTwice(_)
            | Unreadable::JsonArray
            | Unreadable::Header(_)) => other,
        })
    }

    /// Reads rows from `reader`; without a `format` the first character tells it.
    ///
    /// # Errors
    /// When the file as a whole is unusable.
    pub fn read(mut reader: Box<dyn BufRead + Send>, format: Option<Format>) -> Result<Self, Unreadable> {
        let io_error = |source| Unreadable::Io { path: "the file".to_owned(), source };
        let start = reader.fill_buf().map_err(io_error)?;
        if start.starts_with(b"\xef\xbb\xbf") {
            reader.consume(3);
        }
        let first = reader.fill_buf().map_err(io_error)?.iter().copied().find(|byte| !byte.is_ascii_whitespace());
        if first == Some(b'[') && format != Some(Format::Csv) {
            return Err(Unreadable::JsonArray);
        }
        let sniffed = if matches!(first, Some(b'{') | None) { Format::JsonLines } else { Format::Csv };
        match format.unwrap_or(sniffed) {
            Format::JsonLines => {
                Ok(Self { records: Records::lines(reader), header: None, unread_columns: Vec::new(), failed: false })
            }
            Format::Csv => Self::read_csv(reader),
        }
    }

    fn read_csv(reader: Box<dyn BufRead + Send>) -> Result<Self, Unreadable> {
        let mut records = Records::quoted(reader);
        let first = loop {
            match records.next() {
                Some(Ok(Record { bytes: Ok(bytes), .. })) if bytes.trim_ascii().is_empty() => {}
                Some(Ok(Record { bytes: Ok(bytes), .. })) => break bytes,
                Some(Ok(Record { bytes: Err(reason), .. })) => return Err(Unreadable::Header(reason)),
                Some(Err(source)) => return Err(Unreadable::Io { path: "the file".to_owned(), source }),
                None => break Vec::new(),
            }
        };
        let delimiter = [b',', b';', b'\t']
            .into_iter()
            .max_by_key(|delimiter| (first.iter().filter(|byte| *byte == delimiter).count(), *delimiter == b','))
            .unwrap_or(b',');
        let names: Vec<String> = cells::split_csv(&first, delimiter)
            .map_err(Unreadable::Header)?
            .into_iter()
            .map(|name| name.trim().to_lowercase())
            .collect();
        let missing: Vec<String> = COLUMNS_REQUIRED
            .iter()
            .filter(|required| !names.iter().any(|name| name == *required))
            .map(|name| (*name).to_owned())
            .collect();
        if !missing.is_empty() {
            let found = names.into_iter().filter(|name| !name.is_empty()).collect();
            return Err(Unreadable::MissingColumns { missing, found });
        }
        for (index, name) in names.iter().enumerate() {
            if !name.is_empty() && names[..index].contains(name) {
                return Err(Unreadable::ColumnTwice(name.clone()));
            }
        }
        let unread_columns = names.iter().filter(|name| !COLUMNS.contains(&name.as_str())).cloned().collect();
        Ok(Self { records, header: Some(Header { names, delimiter }), unread_columns, failed: false })
    }

    /// Columns seen so far that are not among [`COLUMNS`].
    pub fn unread_columns(&self) -> &[String] {
        &self.unread_columns
    }
}

impl Iterator for Rows {
    type Item = Row;

    fn next(&mut self) -> Option<Row> {
        loop {
            if self.failed {
                return None;
            }
            let record = match self.records.next()? {
                Ok(record) => record,
                Err(error) => {
                    // The rest of the file is out of reach; what came before it stands.
                    self.failed = true;
                    let cells = Err(format!("the file cannot be read beyond this line: {error}"));
                    return Some(Row { line: self.records.line(), cells });
                }
            };
            let bytes = match record.bytes {
                Ok(bytes) if bytes.trim_ascii().is_empty() => continue,
                Ok(bytes) => bytes,
                Err(reason) => return Some(Row { line: record.line, cells: Err(reason) }),
            };
            let cells = match &self.header {
                None => Cells::from_json(&bytes),
                Some(header) => Cells::from_csv(&bytes, &header.names, header.delimiter),
            };
            if let (Ok(cells), None) = (&cells, &self.header) {
                for name in cells.names() {
                    if !COLUMNS.contains(&name) && !self.unread_columns.iter().any(|seen| seen == name) {
                        self.unread_columns.push(name.to_owned());
                    }
                }
            }
            return Some(Row { line: record.line, cells });
        }
    }
}

fn format_by_name(path: &Path) -> Option<Format> {
    let name = path.file_name()?.to_str()?.to_lowercase();
    let name = name.strip_suffix(".gz").unwrap_or(&name);
    match name.rsplit_once('.')?.1 {
        "jsonl" | "ndjson" | "json" => Some(Format::JsonLines),
        "csv" | "tsv" => Some(Format::Csv),
        _ => None,
    }
}

struct Counted<R> {
    inner: R,
    bytes: Arc<AtomicU64>,
}

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(buffer)?;
        self.bytes.fetch_add(read as u64, Ordering::Relaxed);
        Ok(read)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn rows(text: impl Into<Vec<u8>>, format: Option<Format>) -> Vec<Row> {
        Rows::read(Box::new(io::Cursor::new(text.into())), format).unwrap().collect()
    }

    fn lines(text: impl Into<Vec<u8>>) -> Vec<(u64, bool)> {
        rows(text, None).into_iter().map(|row| (row.line, row.cells.is_ok())).collect()
    }

    #[test]
    fn the_format_is_known_by_the_first_character() {
        assert_eq!(lines("{\"sku\":\"a\"}\n\n{\"sku\":\"b\"}\n"), [(1, true), (3, true)]);
        assert_eq!(lines("sku,title,price\na,A,1\n"), [(2, true)]);
        assert_eq!(lines(""), []);
        let array = Rows::read(Box::new(io::Cursor::new(b" [{}]".to_vec())), None);
        assert!(matches!(array, Err(Unreadable::JsonArray)));
    }

    #[test]
    fn a_byte_order_mark_is_not_part_of_the_first_cell() {
        let mut json = rows("\u{feff}{\"sku\":\"a\"}", None);
        assert!(json.remove(0).cells.unwrap().text("sku").unwrap() == Some("a".into()));
        let mut csv = rows("\u{feff}sku;title;price\r\na;\"A; B\";1\r\n", None);
        assert_eq!(csv.remove(0).cells.unwrap().text("title").unwrap(), Some("A; B".into()));
    }

    #[test]
    fn a_header_without_the_required_columns_is_refused_as_a_whole() {
        let open = |text: &str| Rows::read(Box::new(io::Cursor::new(text.as_bytes().to_vec())), None);
        let error = open("sku,name\na,A\n").err().unwrap().to_string();
        assert_eq!(error, "the CSV header lacks title, price: it has sku, name");
        assert!(open("sku,title,price,SKU\n").err().unwrap().to_string().contains("twice"));
    }

    #[test]
    fn lines_are_counted_through_quoted_line_breaks() {
        let text = "sku,title,price,description\na,A,1,\"one\ntwo\nthree\"\nb,B,2,\nc,C,3,\"q \"\"uoted\"\" \"\n";
        assert_eq!(lines(text), [(2, true), (5, true), (6, true)]);
    }

    #[test]
    fn an_unclosed_quote_costs_its_own_row_only() {
        let text = "sku,title,price\na,\"A,1\nb,B,2\nc,C,3\n";
        assert_eq!(lines(text), [(2, false), (3, true), (4, true)]);
    }

    #[test]
    fn text_that_is_not_utf8_is_a_bad_row() {
        let mut text = b"{\"sku\":\"a\",\"title\":\"".to_vec();
        text.extend(b"\xff\xfe\"}\n{\"sku\":\"b\"}\n");
        assert_eq!(lines(text), [(1, false), (2, true)]);
        assert_eq!(lines(b"sku,title,price\na,\xff,1\nb,B,2\n".to_vec()), [(2, false), (3, true)]);
    }

    #[test]
    fn a_line_without_end_is_a_bad_row_and_no_memory() {
        let mut text = b"{\"sku\":\"".to_vec();
        text.resize(RECORD_BYTES_MAX * 3, b'x');
        text.extend(b"\n{\"sku\":\"b\"}\n");
        let rows = rows(text, None);
        assert_eq!(rows.iter().map(|row| (row.line, row.cells.is_ok())).collect::<Vec<_>>(), [(1, false), (2, true)]);
        assert!(rows[0].cells.as_ref().unwrap_err().contains("longer than"));
    }

    #[test]
    fn json_that_is_no_object_is_a_bad_row() {
        let text = "{\"sku\":1}\nnull\n[1]\n{\"sku\":\"a\",}\n{\"sku\":\"a\",\"sku\":\"b\"}\n{\"sku\":\"a\"} x\n";
        assert_eq!(lines(text), [(1, true), (2, false), (3, false), (4, false), (5, false), (6, false)]);
    }

    #[test]
    fn columns_that_nobody_reads_are_named() {
        let mut rows = Rows::read(Box::new(io::Cursor::new(b"{\"sku\":\"a\",\"prcie\":1}\n".to_vec())), None).unwrap();
        rows.by_ref().count();
        assert_eq!(rows.unread_columns(), ["prcie"]);
    }
}
