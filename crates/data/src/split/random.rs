//! `random`: by a keyed hash, so that a row keeps its part whatever rows come and go.

use std::collections::HashMap;

use datafusion::arrow::array::RecordBatch;
use modelyard_core::data::Part;
use modelyard_core::{Fault, Kind, Result};

use crate::{bridge, digest};

/// Rows encoded at a time.
const CHUNK: usize = 8192;

/// Each row by the hash of its `key` columns; without any by that of the whole row and of how
/// many equal rows stand before it. Shares are approximate: each row decides for itself.
///
/// The hash is BLAKE3, keyed with the seed, over the values as [`digest`] encodes them; its first
/// 53 bits are a number in [0, 1): below `test` the row is tested, below `test + validation` it
/// validates. So another share of validation moves no row into or out of test.
pub(super) fn assign(
    table: &RecordBatch,
    seed: u64,
    key: &[String],
    test: f64,
    validation: f64,
) -> Result<Vec<Part>> {
    let hash_key = blake3::derive_key("modelyard split v1", &seed.to_le_bytes());
    let columns = if key.is_empty() { (0..table.num_columns()).collect() } else { places(table, key)? };
    let table = table
        .project(&columns)
        .map_err(|error| Fault::new(Kind::Internal, "cannot select the split's key").because(error))?;
    let mut parts = Vec::with_capacity(table.num_rows());
    let mut occurrences: HashMap<[u8; 32], u64> = HashMap::new();
    let mut bytes = Vec::new();
    for start in (0..table.num_rows()).step_by(CHUNK) {
        let chunk = bridge::table(&table.slice(start, CHUNK.min(table.num_rows() - start)));
        for row in 0..chunk.rows() {
            bytes.clear();
            for (_, column) in chunk.columns() {
                digest::encode(column, row, &mut bytes);
            }
            if key.is_empty() {
                let occurrence = occurrences.entry(*blake3::hash(&bytes).as_bytes()).or_default();
                bytes.extend_from_slice(&occurrence.to_le_bytes());
                *occurrence += 1;
            }
            let place = unit(blake3::keyed_hash(&hash_key, &bytes));
            parts.push(if place < test {
                Part::Test
            } else if place < test + validation {
                Part::Validation
            } else {
                Part::Train
            });
        }
    }
    Ok(parts)
}

/// The first 53 bits of `hash` as a number in [0, 1).
fn unit(hash: blake3::Hash) -> f64 {
    let mut first = [0; 8];
    first.copy_from_slice(&hash.as_bytes()[..8]);
    (u64::from_le_bytes(first) >> 11) as f64 / (1_u64 << 53) as f64
}

fn places(table: &RecordBatch, key: &[String]) -> Result<Vec<usize>> {
    key.iter()
        .map(|name| {
            table.schema_ref().index_of(name).map_err(|_| {
                Fault::new(Kind::Config, format!("the split's key `{name}` is no column of the data set"))
            })
        })
        .collect()
}
