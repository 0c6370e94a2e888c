//! Logical digests: what a table says, whatever file holds it.
//!
//! **Encoding, version 1.** Each column is the BLAKE3 digest of its values, one after the other:
//! `00` where missing, else `01` and the value — bool one byte, int and timestamp (microseconds)
//! eight, date (days) four, float the eight bytes of its IEEE 754 form with one zero and no NaN
//! (which is missing), string its length in eight bytes and its UTF-8; all little-endian. The
//! table is the digest, with the context `modelyard table v1`, of its number of rows (eight
//! bytes), its number of columns (eight) and for each column the length of its name (eight), the
//! name, the length of its type's name (eight), that name, and the column's digest (32).
//!
//! Values come column by column, so a table can be digested in chunks of any size.

use modelyard_core::Digest;
use modelyard_core::table::{Column, DataType, Table};

/// The digest of `table`: column names, types and order, and the rows in their order.
pub fn logical_digest(table: &Table) -> Digest {
    let mut hasher =
        TableHasher::new(table.columns().map(|(name, column)| (name.to_owned(), column.data_type())));
    hasher.update(table);
    hasher.finish()
}

/// Digests a table chunk by chunk.
pub(crate) struct TableHasher {
    columns: Vec<(String, DataType, blake3::Hasher)>,
    rows: u64,
    buffer: Vec<u8>,
}

impl TableHasher {
    pub(crate) fn new(columns: impl IntoIterator<Item = (String, DataType)>) -> Self {
        let columns =
            columns.into_iter().map(|(name, data_type)| (name, data_type, blake3::Hasher::new())).collect();
        Self { columns, rows: 0, buffer: Vec::new() }
    }

    /// Adds rows; `chunk` has the columns given to [`TableHasher::new`], in that order.
    pub(crate) fn update(&mut self, chunk: &Table) {
        for ((_, _, hasher), (_, column)) in self.columns.iter_mut().zip(chunk.columns()) {
            self.buffer.clear();
            for row in 0..column.len() {
                encode(column, row, &mut self.buffer);
            }
            hasher.update(&self.buffer);
        }
        self.rows += chunk.rows() as u64;
    }

    pub(crate) fn finish(self) -> Digest {
        let mut bytes = Vec::new();
        bytes.extend_from_slice(&self.rows.to_le_bytes());
        bytes.extend_from_slice(&(self.columns.len() as u64).to_le_bytes());
        for (name, data_type, hasher) in self.columns {
            encode_text(&name, &mut bytes);
            encode_text(data_type.name(), &mut bytes);
            bytes.extend_from_slice(hasher.finalize().as_bytes());
        }
        Digest::derived("modelyard table v1", &bytes)
    }
}

/// Appends the encoding of one value.
pub(crate) fn encode(column: &Column, row: usize, out: &mut Vec<u8>) {
    match column {
        Column::Bool(values) => encode_value(values[row].map(|value| [u8::from(value)]), out),
        Column::Int(values) | Column::Timestamp(values) => {
            encode_value(values[row].map(i64::to_le_bytes), out);
        }
        Column::Float(values) => {
            let value = values[row].and_then(crate::cell::canonical_float);
            encode_value(value.map(|value| value.to_bits().to_le_bytes()), out);
        }
        Column::Date(values) => encode_value(values[row].map(i32::to_le_bytes), out),
        Column::String(values) => match &values[row] {
            None => out.push(0),
            Some(text) => {
                out.push(1);
                encode_text(text, out);
            }
        },
    }
}

fn encode_value<const N: usize>(bytes: Option<[u8; N]>, out: &mut Vec<u8>) {
    match bytes {
        None => out.push(0),
        Some(bytes) => {
            out.push(1);
            out.extend_from_slice(&bytes);
        }
    }
}

fn encode_text(text: &str, out: &mut Vec<u8>) {
    out.extend_from_slice(&(text.len() as u64).to_le_bytes());
    out.extend_from_slice(text.as_bytes());
}

#[cfg(test)]
mod tests {
    use super::*;

    fn table(numbers: &[Option<f64>], words: &[Option<&str>]) -> Table {
        let mut table = Table::new();
        table.push("x", Column::Float(numbers.to_vec()));
        table.push("w", Column::String(words.iter().map(|word| word.map(str::to_owned)).collect()));
        table
    }

    /// A change of the encoding would make every data version a new one.
    #[test]
    fn the_encoding_is_a_promise() {
        let digest = logical_digest(&table(&[Some(1.5), None], &[Some("a"), Some("")]));
        assert_eq!(digest.to_string(), "7eb47fe4709ad641b70abebbee95a4d4f5b22fc471460367f3f260c9859cace6");
    }

    #[test]
    fn zeros_are_one_and_nan_is_missing() {
        let digest = |value| logical_digest(&table(&[value], &[None]));
        assert_eq!(digest(Some(-0.0)), digest(Some(0.0)));
        assert_eq!(digest(Some(f64::NAN)), digest(None));
        assert_ne!(digest(Some(0.0)), digest(None));
    }

    #[test]
    fn values_order_names_and_types_count() {
        let one = table(&[Some(1.0), Some(2.0)], &[Some("ab"), Some("c")]);
        for other in [
            table(&[Some(2.0), Some(1.0)], &[Some("ab"), Some("c")]),
            table(&[Some(1.0), Some(2.0)], &[Some("a"), Some("bc")]),
            table(&[Some(1.0), Some(2.0)], &[Some(""), Some("c")]),
            table(&[Some(1.0)], &[Some("ab")]),
        ] {
            assert_ne!(logical_digest(&one), logical_digest(&other));
        }
        let mut typed = Table::new();
        typed.push("x", Column::Timestamp(vec![Some(1)]));
        let mut untyped = Table::new();
        untyped.push("x", Column::Int(vec![Some(1)]));
        assert_ne!(logical_digest(&typed), logical_digest(&untyped));
    }

    #[test]
    fn chunks_do_not_count() {
        let whole = table(&[Some(1.0), None, Some(3.0)], &[Some("a"), None, Some("c")]);
        let mut hasher =
            TableHasher::new([("x".to_owned(), DataType::Float), ("w".to_owned(), DataType::String)]);
        hasher.update(&whole.slice(0, 1));
        hasher.update(&whole.slice(1, 3));
        assert_eq!(hasher.finish(), logical_digest(&whole));
    }
}
