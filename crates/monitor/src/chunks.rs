//! The reference in chunks of the size of a window, which say how much windows differ by themselves.

use std::collections::BTreeMap;

use modelyard_core::Timestamp;
use modelyard_core::table::Column;
use modelyard_evaluate::random::Random;

use crate::Sample;

/// Fewer say too little about the noise.
pub const MIN_CHUNKS: usize = 10;
/// More random ones cost time and say little more.
const MAX_RANDOM_CHUNKS: usize = 50;

/// Rows of the reference, chunk by chunk: numbers of rows, from 0, ascending. No row is in two.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Chunks {
    pub rows: Vec<Vec<usize>>,
    pub how: How,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum How {
    /// By the windows in which the rows fell.
    Windows,
    /// By lot, so that what changes from week to week is not in them.
    Random,
}

/// The windows of length `micros` (at least 1), counted from `origin`, in which `times` fell. Those with fewer
/// than `min_rows` rows are left out: the first and the last are seldom whole. `None` where fewer than
/// [`MIN_CHUNKS`] are left; then [`random`] ones serve.
pub fn by_time(times: &[Option<i64>], origin: Timestamp, micros: i64, min_rows: usize) -> Option<Chunks> {
    let mut windows: BTreeMap<i64, Vec<usize>> = BTreeMap::new();
    for (row, time) in times.iter().enumerate() {
        if let Some(time) = time {
            windows.entry(time.saturating_sub(origin.micros()).div_euclid(micros)).or_default().push(row);
        }
    }
    let rows: Vec<_> = windows.into_values().filter(|rows| rows.len() >= min_rows).collect();
    (rows.len() >= MIN_CHUNKS).then_some(Chunks { rows, how: How::Windows })
}

/// Chunks of `chunk_rows` of `rows` rows, drawn by lot from `seed`: as many as there are rows for, at most 50,
/// and 10 smaller ones where there are not rows enough for 10 (smaller ones differ more, so the rule gets more
/// careful, not less). `None` for fewer than 10 rows.
pub fn random(rows: usize, chunk_rows: usize, seed: u64) -> Option<Chunks> {
    if rows < MIN_CHUNKS {
        return None;
    }
    let chunk_rows = chunk_rows.clamp(1, rows / MIN_CHUNKS);
    let chunks = (rows / chunk_rows).min(MAX_RANDOM_CHUNKS);
    let mut order: Vec<usize> = (0..rows).collect();
    let mut random = Random::new(seed);
    // Fisher and Yates, as far as rows are needed.
    for place in 0..chunks * chunk_rows {
        let other = place + random.below(rows - place);
        order.swap(place, other);
    }
    let rows = order.chunks_exact(chunk_rows).take(chunks).map(|rows| {
        let mut rows = rows.to_vec();
        rows.sort_unstable();
        rows
    });
    Some(Chunks { rows: rows.collect(), how: How::Random })
}

impl Chunks {
    /// The column's values chunk by chunk; `None` for columns that are not compared.
    pub fn samples(&self, column: &Column) -> Option<Vec<Sample>> {
        self.rows.iter().map(|rows| Sample::of(&take(column, rows))).collect()
    }
}

fn take(column: &Column, rows: &[usize]) -> Column {
    match column {
        Column::Bool(values) => Column::Bool(rows.iter().map(|row| values[*row]).collect()),
        Column::Int(values) => Column::Int(rows.iter().map(|row| values[*row]).collect()),
        Column::Float(values) => Column::Float(rows.iter().map(|row| values[*row]).collect()),
        Column::String(values) => Column::String(rows.iter().map(|row| values[*row].clone()).collect()),
        Column::Timestamp(values) => Column::Timestamp(rows.iter().map(|row| values[*row]).collect()),
        Column::Date(values) => Column::Date(rows.iter().map(|row| values[*row]).collect()),
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    #[test]
    fn windows_with_few_rows_are_left_out() {
        let times: Vec<_> = (0..115).map(|row| Some(row * 10)).chain([None]).collect();
        let chunks = by_time(&times, Timestamp::from_micros(5), 100, 10).unwrap();
        assert_eq!(chunks.rows.len(), 11);
        assert_eq!(chunks.rows[0], (1..11).collect::<Vec<_>>());
        assert_eq!(by_time(&times, Timestamp::from_micros(5), 200, 10), None);
    }

    #[test]
    fn the_same_seed_draws_the_same_chunks() {
        assert_eq!(random(1000, 50, 7), random(1000, 50, 7));
        assert_ne!(random(1000, 50, 7), random(1000, 50, 8));
        assert_eq!(random(9, 5, 7), None);
    }

    proptest! {
        #[test]
        fn no_row_is_in_two_chunks(rows in 10usize..3000, chunk_rows in 0usize..400, seed: u64) {
            let chunks = random(rows, chunk_rows, seed).unwrap().rows;
            prop_assert!((MIN_CHUNKS..=MAX_RANDOM_CHUNKS).contains(&chunks.len()));
            let wanted = chunk_rows.clamp(1, rows / MIN_CHUNKS);
            prop_assert!(chunks.iter().all(|chunk| chunk.len() == wanted));
            let mut all: Vec<usize> = chunks.concat();
            all.sort_unstable();
            all.dedup();
            prop_assert_eq!(all.len(), chunks.len() * wanted);
            prop_assert!(all.iter().all(|row| *row < rows));
        }
    }
}
