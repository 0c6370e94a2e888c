//! Judges the columns of one file against those of another by `preset = "evidently"`, for `bench/drift.py`:
//!
//! ```text
//! drift judge REFERENCE CURRENT     both as the script writes them
//! drift prepare REFERENCE STORED    what a home would keep of a reference
//! drift stored STORED CURRENT       with such a reference
//! ```
//!
//! A file is a line of JSON (`[{"name", "type": "number" | "text", "rows", "bytes"}, …]`), then the columns one
//! after the other: numbers as little-endian doubles; texts as the 32-bit lengths of all, then all their bytes.
//! A stored reference has its numbers in order, and of texts the counts as JSON (`"type": "counts"`).

use std::error::Error;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Write};

use modelyard_monitor::{Categories, Numbers, Pair, Sample, evidently};
use serde::{Deserialize, Serialize};
use serde_json::json;

type Result<T> = std::result::Result<T, Box<dyn Error>>;

#[derive(Clone, Serialize, Deserialize)]
struct Head {
    name: String,
    #[serde(rename = "type")]
    data_type: String,
    rows: usize,
    bytes: usize,
}

/// Columns of a file, read one at a time into one buffer.
struct Columns {
    file: BufReader<File>,
    heads: std::vec::IntoIter<Head>,
    buffer: Vec<u8>,
}

impl Columns {
    fn open(path: &str) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let mut line = String::new();
        file.read_line(&mut line)?;
        let heads: Vec<Head> = serde_json::from_str(&line)?;
        Ok(Self { file, heads: heads.into_iter(), buffer: Vec::new() })
    }

    fn next(&mut self) -> Result<Option<(String, Sample)>> {
        let Some(head) = self.heads.next() else { return Ok(None) };
        self.buffer.resize(head.bytes, 0);
        self.file.read_exact(&mut self.buffer)?;
        let sample = match head.data_type.as_str() {
            "number" => Sample::Numbers(Numbers::new(doubles(&self.buffer))),
            "counts" => Sample::Categories(serde_json::from_slice(&self.buffer)?),
            _ => Sample::Categories(texts(&self.buffer, head.rows)?),
        };
        Ok(Some((head.name, sample)))
    }
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| f64::from_le_bytes(*word)).collect()
}

fn texts(bytes: &[u8], rows: usize) -> Result<Categories> {
    let (lengths, bytes) = bytes.split_at(rows * 4);
    let mut rest = std::str::from_utf8(bytes)?;
    let (lengths, _) = lengths.as_chunks::<4>();
    Ok(Categories::new(lengths.iter().map(|length| {
        let (text, others) = rest.split_at(u32::from_le_bytes(*length) as usize);
        rest = others;
        Some(text)
    })))
}

fn judge(reference: &str, current: &str) -> Result<()> {
    let (mut before, mut now) = (Columns::open(reference)?, Columns::open(current)?);
    let mut found = Vec::new();
    while let (Some((name, reference)), Some((_, current))) = (before.next()?, now.next()?) {
        let pair = Pair::new(&reference, &current).map_err(|error| error.to_string())?;
        let verdict = evidently::judge(&pair).map_err(|error| error.to_string())?;
        found.push(
            json!({ "name": name, "test": verdict.test, "score": verdict.score, "drift": verdict.drift }),
        );
    }
    writeln!(std::io::stdout(), "{}", json!(found))?;
    Ok(())
}

fn prepare(reference: &str, stored: &str) -> Result<()> {
    let mut columns = Columns::open(reference)?;
    let (mut heads, mut body) = (Vec::new(), Vec::new());
    while let Some((name, sample)) = columns.next()? {
        let start = body.len();
        let (data_type, rows) = match sample.prepare() {
            Sample::Numbers(numbers) => {
                body.extend(numbers.sorted().iter().flat_map(|value| value.to_le_bytes()));
                ("number", numbers.len())
            }
            Sample::Categories(categories) => {
                serde_json::to_writer(&mut body, &categories)?;
                ("counts", categories.distinct())
            }
        };
        heads.push(Head { name, data_type: data_type.to_owned(), rows, bytes: body.len() - start });
    }
    let mut file = File::create(stored)?;
    writeln!(file, "{}", serde_json::to_string(&heads)?)?;
    file.write_all(&body)?;
    Ok(())
}

fn main() -> Result<()> {
    let words: Vec<String> = std::env::args().skip(1).collect();
    match words.iter().map(String::as_str).collect::<Vec<_>>()[..] {
        ["judge" | "stored", reference, current] => judge(reference, current),
        ["prepare", reference, stored] => prepare(reference, stored),
        _ => {
            Err("usage: drift judge REFERENCE CURRENT | prepare REFERENCE STORED | stored STORED CURRENT"
                .into())
        }
    }
}
