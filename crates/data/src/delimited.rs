//! Delimited text, record by record, with the file and line in every error.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use csv::ByteRecord;
use flate2::read::MultiGzDecoder;
use modelyard_core::fault::Attempt;
use modelyard_core::{Fault, Kind, Result};

use crate::names;

/// How delimited text is written.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TextFormat {
    /// Default a comma, a tab for `.tsv`.
    pub delimiter: Option<char>,
    /// Whether the first line names the columns; without one they are `column_1`, `column_2`, ….
    pub header: bool,
    /// Texts that stand for a missing value, besides the empty one.
    pub nulls: Vec<String>,
}

impl Default for TextFormat {
    fn default() -> Self {
        Self { delimiter: None, header: true, nulls: Vec::new() }
    }
}

impl TextFormat {
    /// The delimiter of `path`.
    ///
    /// # Errors
    /// A declared delimiter of more than one byte.
    pub(crate) fn delimiter_of(&self, path: &str) -> Result<u8> {
        match self.delimiter {
            Some(delimiter) => u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
                Fault::new(Kind::Config, format!("the delimiter `{delimiter}` is not an ASCII character"))
            }),
            None => Ok(if path.trim_end_matches(".gz").ends_with(".tsv") { b'\t' } else { b',' }),
        }
    }

    pub(crate) fn is_null(&self, text: &[u8]) -> bool {
        text.is_empty() || self.nulls.iter().any(|null| null.as_bytes() == text)
    }
}

/// The records of one file.
pub(crate) struct Records {
    reader: csv::Reader<Box<dyn Read + Send>>,
    record: ByteRecord,
    /// A first line that is no header, waiting to be a record.
    pending: bool,
    names: Vec<String>,
    shown: String,
}

impl Records {
    /// Opens `path`, unpacking `.gz`; messages call it `shown`.
    pub(crate) fn open(path: &Path, shown: &str, format: &TextFormat) -> Result<Self> {
        let file = File::open(path).attempt(Kind::Data, || format!("cannot read `{shown}`"))?;
        Self::of(file, shown, format)
    }

    /// The records in `bytes`, which are packed where `shown` ends in `.gz`.
    pub(crate) fn of(bytes: impl Read + Send + 'static, shown: &str, format: &TextFormat) -> Result<Self> {
        const BUFFER: usize = 1 << 16;
        let text: Box<dyn Read + Send> = if shown.ends_with(".gz") {
            Box::new(MultiGzDecoder::new(BufReader::with_capacity(BUFFER, bytes)))
        } else {
            Box::new(bytes)
        };
        let reader = csv::ReaderBuilder::new()
            .delimiter(format.delimiter_of(shown)?)
            .has_headers(false)
            .flexible(true)
            .buffer_capacity(BUFFER)
            .from_reader(text);
        let mut records = Self {
            reader,
            record: ByteRecord::new(),
            pending: false,
            names: Vec::new(),
            shown: shown.to_owned(),
        };
        if !records.fetch()? {
            return Err(Fault::new(Kind::Data, format!("`{shown}` is empty"))
                .hint("a file without rows has at least the line that names its columns"));
        }
        records.pending = !format.header;
        records.names = if format.header {
            records.header()?
        } else {
            (1..=records.record.len()).map(|place| format!("column_{place}")).collect()
        };
        Ok(records)
    }

    /// The columns' names.
    pub(crate) fn names(&self) -> &[String] {
        &self.names
    }

    /// The file's name in messages.
    pub(crate) fn shown(&self) -> &str {
        &self.shown
    }

    /// Moves to the next record; false at the end.
    ///
    /// # Errors
    /// A record of another length, damaged compression, an unreadable file.
    pub(crate) fn advance(&mut self) -> Result<bool> {
        if self.pending {
            self.pending = false;
            return Ok(true);
        }
        if !self.fetch()? {
            return Ok(false);
        }
        if self.record.len() == self.names.len() {
            return Ok(true);
        }
        let fields = |count: usize| format!("{count} {}", if count == 1 { "field" } else { "fields" });
        let (found, expected) = (fields(self.record.len()), fields(self.names.len()));
        Err(self
            .fault(format!("line {} has {found}, the first line {expected}", self.line()))
            .hint("a text that holds the delimiter or a line break has to stand in quotes"))
    }

    pub(crate) fn record(&self) -> &ByteRecord {
        &self.record
    }

    /// The line on which the current record begins, from 1.
    pub(crate) fn line(&self) -> u64 {
        self.record.position().map_or(0, csv::Position::line)
    }

    /// A fault about this file.
    pub(crate) fn fault(&self, found: impl std::fmt::Display) -> Fault {
        Fault::new(Kind::Data, format!("cannot read `{}`: {found}", self.shown))
    }

    fn fetch(&mut self) -> Result<bool> {
        let shown = &self.shown;
        self.reader
            .read_byte_record(&mut self.record)
            .attempt(Kind::Data, || format!("cannot read `{shown}`"))
    }

    fn header(&self) -> Result<Vec<String>> {
        let mut names: Vec<String> = Vec::with_capacity(self.record.len());
        for (place, field) in self.record.iter().enumerate() {
            let name = std::str::from_utf8(field)
                .map_err(|_| self.fault(format!("the name of column {} is not UTF-8", place + 1)))?;
            if name.trim().is_empty() {
                return Err(self
                    .fault(format!("column {} has no name", place + 1))
                    .hint("name it in the first line, leave it out (pandas: `to_csv(…, index=False)`), or set `header = false`"));
            }
            if names.iter().any(|known| known == name) {
                return Err(self.fault(format!("two columns are called `{name}`")));
            }
            names.push(name.to_owned());
        }
        Ok(names)
    }
}

/// Where each of `wanted` stands among the columns of `records`.
pub(crate) fn places(records: &Records, wanted: &[String]) -> Result<Vec<usize>> {
    let known = records.names();
    let missing: Vec<&String> = wanted.iter().filter(|name| !known.contains(name)).collect();
    if let [first, ..] = missing[..] {
        let noun = if missing.len() == 1 { "column" } else { "columns" };
        let fault =
            Fault::new(Kind::Data, format!("`{}` has no {noun} {}", records.shown(), names::list(&missing)));
        return Err(names::suggest(fault, first, known.iter().map(String::as_str)));
    }
    Ok(wanted.iter().filter_map(|name| known.iter().position(|column| column == name)).collect())
}

/// Appends `text` as a field to `out`, in quotes where it needs them.
pub(crate) fn write_field(text: &[u8], delimiter: u8, out: &mut Vec<u8>) {
    let special = |byte: &u8| *byte == delimiter || matches!(byte, b'"' | b'\n' | b'\r');
    if !text.iter().any(special) {
        out.extend_from_slice(text);
        return;
    }
    out.push(b'"');
    for byte in text {
        if *byte == b'"' {
            out.push(b'"');
        }
        out.push(*byte);
    }
    out.push(b'"');
}
