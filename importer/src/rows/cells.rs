//! The cells of one record, looked up by column. JSON numbers stay as they were written, digit by digit.

use std::fmt;

use serde::Deserialize;
use serde::de::{Deserializer, MapAccess, Visitor};
use serde_json::value::RawValue;

/// A JSON object with its members in order, each as it was written.
pub(super) struct Members(pub(super) Vec<(String, Box<RawValue>)>);

impl<'de> Deserialize<'de> for Members {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct InOrder;
        impl<'de> Visitor<'de> for InOrder {
            type Value = Members;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("an object such as {\"name\": \"value\"}")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Members, A::Error> {
                let mut members: Vec<(String, Box<RawValue>)> = Vec::new();
                while let Some((name, value)) = map.next_entry::<String, Box<RawValue>>()? {
                    if members.iter().any(|(seen, _)| *seen == name) {
                        return Err(serde::de::Error::custom(format_args!("{name:?} is there twice")));
                    }
                    members.push((name, value));
                }
                Ok(Members(members))
            }
        }
        deserializer.deserialize_map(InOrder)
    }
}

/// What is in one cell.
#[derive(Debug)]
pub enum Cell {
    /// A cell of a CSV file.
    Text(String),
    /// A value of a JSON object.
    Json(Box<RawValue>),
}

/// The cells of one record. Empty cells and JSON's `null` are as good as absent.
#[derive(Debug)]
pub struct Cells(Vec<(String, Cell)>);

impl Cells {
    /// The members of a JSON object.
    pub(super) fn from_json(bytes: &[u8]) -> Result<Self, String> {
        let text = std::str::from_utf8(bytes).map_err(not_utf8)?;
        let members: Members =
            serde_json::from_str(text).map_err(|error| format!("not a JSON object: {}", one_line(&error)))?;
        Ok(Self::from_members(members))
    }

    fn from_members(members: Members) -> Self {
        Self(members.0.into_iter().map(|(name, value)| (name, Cell::Json(value))).collect())
    }

    /// The fields of a CSV record under the header's names.
    pub(super) fn from_csv(bytes: &[u8], names: &[String], delimiter: u8) -> Result<Self, String> {
        let fields = split_csv(bytes, delimiter)?;
        if fields.len() != names.len() {
            return Err(format!("{} cells under a header of {}", fields.len(), names.len()));
        }
        Ok(Self(names.iter().cloned().zip(fields.into_iter().map(Cell::Text)).collect()))
    }

    /// Its columns.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        self.0.iter().map(|(name, _)| name.as_str())
    }

    fn get(&self, column: &str) -> Option<&Cell> {
        let (_, cell) = self.0.iter().find(|(name, _)| name == column)?;
        let absent = match cell {
            Cell::Text(text) => text.trim().is_empty(),
            Cell::Json(value) => value.get() == "null",
        };
        (!absent).then_some(cell)
    }

    /// A text, or a number as it is written. Without the white space around it; an empty text is absent.
    ///
    /// # Errors
    /// When it is something else.
    pub fn text(&self, column: &str) -> Result<Option<String>, String> {
        let text = match self.get(column) {
            None => return Ok(None),
            Some(Cell::Text(text)) => text.trim().to_owned(),
            Some(Cell::Json(value)) => scalar(value).map_err(|error| format!("{column}: {error}"))?.trim().to_owned(),
        };
        Ok((!text.is_empty()).then_some(text))
    }

    /// Names and values: a JSON object of texts, numbers and truth values.
    ///
    /// # Errors
    /// When it is something else.
    pub fn pairs(&self, column: &str) -> Result<Vec<(String, String)>, String> {
        let Some(json) = self.json(column) else { return Ok(Vec::new()) };
        let members: Members =
            serde_json::from_str(json).map_err(|error| format!("{column}: not a JSON object: {}", one_line(&error)))?;
        let mut pairs = Vec::with_capacity(members.0.len());
        for (name, value) in members.0 {
            if value.get() != "null" {
                let value = scalar(&value).map_err(|error| format!("{column}: {name}: {error}"))?;
                pairs.push((name, value));
            }
        }
        Ok(pairs)
    }

    /// Texts: a JSON list of texts or a single one; in CSV also with `|` between them.
    ///
    /// # Errors
    /// When it is something else.
    pub fn list(&self, column: &str) -> Result<Vec<String>, String> {
        let items: Vec<String> = match self.get(column) {
            None => Vec::new(),
            Some(Cell::Text(text)) if !text.trim_start().starts_with('[') => {
                text.split('|').map(str::to_owned).collect()
            }
            Some(Cell::Json(value)) if value.get().starts_with('"') => {
                vec![scalar(value).map_err(|error| format!("{column}: {error}"))?]
            }
            Some(_) => {
                let json = self.json(column).unwrap_or_default();
                let values: Vec<Box<RawValue>> = serde_json::from_str(json)
                    .map_err(|error| format!("{column}: not a JSON list: {}", one_line(&error)))?;
                values
                    .iter()
                    .map(|value| scalar(value).map_err(|error| format!("{column}: {error}")))
                    .collect::<Result<_, _>>()?
            }
        };
        Ok(items.into_iter().map(|item| item.trim().to_owned()).filter(|item| !item.is_empty()).collect())
    }

    /// Records within the record: a JSON list of objects.
    ///
    /// # Errors
    /// When it is something else.
    pub fn records(&self, column: &str) -> Result<Vec<Self>, String> {
        let Some(json) = self.json(column) else { return Ok(Vec::new()) };
        let members: Vec<Members> = serde_json::from_str(json)
            .map_err(|error| format!("{column}: not a JSON list of objects: {}", one_line(&error)))?;
        Ok(members.into_iter().map(Self::from_members).collect())
    }

    fn json(&self, column: &str) -> Option<&str> {
        self.get(column).map(|cell| match cell {
            Cell::Text(text) => text.as_str(),
            Cell::Json(value) => value.get(),
        })
    }
}

/// A JSON text, or a number or truth value as it is written (`Yes` and `No` for the latter).
fn scalar(value: &RawValue) -> Result<String, String> {
    let json = value.get();
    match json.as_bytes().first() {
        Some(b'"') => serde_json::from_str(json).map_err(|error| one_line(&error)),
        Some(b't') => Ok("Yes".to_owned()),
        Some(b'f') => Ok("No".to_owned()),
        Some(b'{' | b'[' | b'n') | None => Err(format!("expected a text or a number, not {}", shorten(json))),
        Some(_) => Ok(json.to_owned()),
    }
}

fn shorten(text: &str) -> String {
    if text.chars().count() <= 40 { text.to_owned() } else { text.chars().take(40).chain(['…']).collect() }
}

/// The message without serde's line number: a record is one line.
fn one_line(error: &serde_json::Error) -> String {
    let text = error.to_string();
    match text.rsplit_once(" at line ") {
        Some((what, _)) => format!("{what} (character {})", error.column()),
        None => text,
    }
}

fn not_utf8(error: std::str::Utf8Error) -> String {
    format!("not UTF-8 text (byte {}): save the file as UTF-8", error.valid_up_to() + 1)
}

/// The fields of one CSV record.
pub(super) fn split_csv(bytes: &[u8], delimiter: u8) -> Result<Vec<String>, String> {
    let text = std::str::from_utf8(bytes).map_err(not_utf8)?;
    let mut reader = csv::ReaderBuilder::new().has_headers(false).delimiter(delimiter).from_reader(text.as_bytes());
    match reader.records().next() {
        Some(Ok(record)) => Ok(record.iter().map(str::to_owned).collect()),
        Some(Err(error)) => Err(format!("not a CSV record: {error}")),
        None => Ok(Vec::new()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn json(text: &str) -> Cells {
        Cells::from_json(text.as_bytes()).unwrap()
    }

    #[test]
    fn numbers_stay_as_they_were_written() {
        let cells = json(r#"{"price": 0.1000000000000000055, "stock": 12345678901234567890, "sku": 42}"#);
        assert_eq!(cells.text("price").unwrap().unwrap(), "0.1000000000000000055");
        assert_eq!(cells.text("stock").unwrap().unwrap(), "12345678901234567890");
        assert_eq!(cells.text("sku").unwrap().unwrap(), "42");
        assert!(json(r#"{"title": ["a"]}"#).text("title").unwrap_err().contains("title"));
    }

    #[test]
    fn nothing_is_as_good_as_absent() {
        let cells = json(r#"{"brand": null, "title": "  ", "images": []}"#);
        assert_eq!(cells.text("brand").unwrap(), None);
        assert_eq!(cells.text("title").unwrap(), None);
        assert_eq!(cells.text("stock").unwrap(), None);
        assert!(cells.list("images").unwrap().is_empty() && cells.pairs("attributes").unwrap().is_empty());
    }

    #[test]
    fn attributes_keep_their_order() {
        let cells = json(r#"{"attributes": {"Weight": 2.50, "Colour": "Red", "New": true, "Old": null}}"#);
        let pairs = cells.pairs("attributes").unwrap();
        let pairs: Vec<_> = pairs.iter().map(|(name, value)| (name.as_str(), value.as_str())).collect();
        assert_eq!(pairs, [("Weight", "2.50"), ("Colour", "Red"), ("New", "Yes")]);
        assert!(json(r#"{"attributes": {"a": {}}}"#).pairs("attributes").unwrap_err().starts_with("attributes: a:"));
        assert!(json(r#"{"attributes": [1]}"#).pairs("attributes").is_err());
    }

    #[test]
    fn csv_cells_hold_json_or_lists_with_bars() {
        let names = ["images", "variants", "attributes"].map(str::to_owned);
        let csv = |line: &str| Cells::from_csv(line.as_bytes(), &names, b',').unwrap();
        let cells = csv(r#"a.jpg | b.jpg,"[{""sku"":""x"",""price"":1.10}]","{""Size"":""M""}""#);
        assert_eq!(cells.list("images").unwrap(), ["a.jpg", "b.jpg"]);
        assert_eq!(cells.records("variants").unwrap()[0].text("price").unwrap().unwrap(), "1.10");
        assert_eq!(cells.pairs("attributes").unwrap(), [("Size".to_owned(), "M".to_owned())]);
        assert_eq!(csv(r#""[""c.jpg""]",,"#).list("images").unwrap(), ["c.jpg"]);
        assert!(csv("[1,,").list("images").is_err());
        assert!(csv(",x,").records("variants").unwrap_err().starts_with("variants:"));
        assert!(Cells::from_csv(b"a,b", &names, b',').unwrap_err().contains("2 cells"));
    }
}
