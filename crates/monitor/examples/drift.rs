//! Judges the columns of one file against those of another by `preset = "evidently"`, for `bench/drift.py`:
//!
//! ```text
//! drift judge REFERENCE CURRENT     both as the script writes them
//! drift prepare REFERENCE STORED    what a home would keep of a reference
//! drift stored STORED CURRENT       with such a reference
//! ```
//!
//! Prints the verdicts and the CPU seconds they took from memory, reading apart. A file is a line of JSON (`[{"name", "type": "number" | "text", "rows", "bytes"}, …]`), then the columns one
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

/// Columns of a file, read one at a time.
struct Columns {
    file: BufReader<File>,
    heads: std::vec::IntoIter<Head>,
}

impl Columns {
    fn open(path: &str) -> Result<Self> {
        let mut file = BufReader::new(File::open(path)?);
        let mut line = String::new();
        file.read_line(&mut line)?;
        let heads: Vec<Head> = serde_json::from_str(&line)?;
        Ok(Self { file, heads: heads.into_iter() })
    }

    fn next(&mut self) -> Result<Option<(String, Values)>> {
        let Some(head) = self.heads.next() else { return Ok(None) };
        let mut bytes = vec![0; head.bytes];
        self.file.read_exact(&mut bytes)?;
        let values = match head.data_type.as_str() {
            "number" => Values::Numbers(doubles(&bytes)),
            "counts" => Values::Counts(serde_json::from_slice(&bytes)?),
            _ => {
                let text = String::from_utf8(bytes.split_off(head.rows * 4))?;
                let (lengths, _) = bytes.as_chunks::<4>();
                Values::Texts {
                    lengths: lengths.iter().map(|word| u32::from_le_bytes(*word)).collect(),
                    text,
                }
            }
        };
        Ok(Some((head.name, values)))
    }
}

/// A column in memory.
enum Values {
    Numbers(Vec<f64>),
    Texts { lengths: Vec<u32>, text: String },
    Counts(Categories),
}

impl Values {
    fn sample(self) -> Result<Sample> {
        Ok(match self {
            Self::Numbers(values) => Sample::Numbers(Numbers::new(values)),
            Self::Counts(counts) => Sample::Categories(counts),
            Self::Texts { lengths, text } => {
                let mut rest = text.as_str();
                Sample::Categories(Categories::new(lengths.iter().map(|length| {
                    let (value, others) = rest.split_at(*length as usize);
                    rest = others;
                    Some(value)
                })))
            }
        })
    }
}

fn doubles(bytes: &[u8]) -> Vec<f64> {
    let (words, _) = bytes.as_chunks::<8>();
    words.iter().map(|word| f64::from_le_bytes(*word)).collect()
}

/// CPU seconds of this thread so far, as Linux counts them.
fn cpu_seconds() -> Result<f64> {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat")?;
    let nanoseconds: u64 = text.split_whitespace().next().ok_or("an empty schedstat")?.parse()?;
    Ok(nanoseconds as f64 / 1e9)
}

/// Prints verdicts, and the CPU seconds between having the columns in memory and having judged them. A stored
/// reference is what it says, ready; making it ready again from a file (tallying) counts as reading.
fn judge(reference: &str, current: &str, is_stored: bool) -> Result<()> {
    let (mut before, mut now) = (Columns::open(reference)?, Columns::open(current)?);
    let (mut found, mut seconds) = (Vec::new(), 0.0);
    while let (Some((name, reference)), Some((_, current))) = (before.next()?, now.next()?) {
        let mut start = cpu_seconds()?;
        let mut reference = reference.sample()?;
        if is_stored {
            reference = reference.prepare();
            start = cpu_seconds()?;
        }
        let current = current.sample()?;
        let pair = Pair::new(&reference, &current).map_err(|error| error.to_string())?;
        let verdict = evidently::judge(&pair).map_err(|error| error.to_string())?;
        seconds += cpu_seconds()? - start;
        found.push(
            json!({ "name": name, "test": verdict.test, "score": verdict.score, "drift": verdict.drift }),
        );
    }
    writeln!(std::io::stdout(), "{}", json!({ "cpu": seconds, "columns": found }))?;
    Ok(())
}

fn prepare(reference: &str, stored: &str) -> Result<()> {
    let mut columns = Columns::open(reference)?;
    let (mut heads, mut body) = (Vec::new(), Vec::new());
    while let Some((name, values)) = columns.next()? {
        let start = body.len();
        let (data_type, rows) = match values.sample()?.prepare() {
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
        ["judge", reference, current] => judge(reference, current, false),
        ["stored", reference, current] => judge(reference, current, true),
        ["prepare", reference, stored] => prepare(reference, stored),
        _ => {
            Err("usage: drift judge REFERENCE CURRENT | prepare REFERENCE STORED | stored STORED CURRENT"
                .into())
        }
    }
}
