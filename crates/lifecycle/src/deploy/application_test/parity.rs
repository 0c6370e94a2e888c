//! Every row of the sealed test part, against the answers that the package gave when the model was tested:
//! what was measured then is what is deployed now.
//!
//! All rows are asked in lists of several lengths, some of them once more by themselves, over several
//! connections at once, so that batching and neighbours are part of the test.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_evaluate::application::Outcome;

use super::asking::{Question, ask};
use super::subject::{Sealed, spread};
use super::{Bench, Check, Found};

pub(super) struct Parity;

/// Lengths of the lists, in turn; none so long that another request would have to wait for it.
const LISTS: [usize; 6] = [1, 7, 64, 256, 100, 1000];

/// Rows that are asked once more, by themselves.
const ALONE: usize = 500;

#[async_trait]
impl Check for Parity {
    fn name(&self) -> &'static str {
        "parity"
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let sealed = match &bench.subject.sealed {
            Ok(sealed) => sealed,
            Err(why) => return Ok(Found::new(Outcome::Failed, why.clone())),
        };
        let count = sealed.rows.rows();
        let mut ranges: Vec<_> = spread(count, ALONE).map(|row| (row..row + 1, true)).collect();
        let (mut start, mut lengths) = (0, LISTS.into_iter().cycle());
        while start < count {
            let end = (start + lengths.next().unwrap_or(1)).min(count);
            ranges.push((start..end, false));
            start = end;
        }
        let questions = ranges.into_iter().map(|(rows, alone)| question(bench, sealed, rows, alone));
        let tally = ask(bench, questions).await;
        let tolerance = bench.subject.manifest.tolerance;
        let (outcome, sentence) = match tally.wrong {
            0 => {
                let largest = match tally.largest {
                    0.0 => "to the last bit".to_owned(),
                    largest => format!("largest difference {largest:.1e}"),
                };
                (Outcome::Passed, format!("all {count} rows of the test part answered as offline, {largest}"))
            }
            wrong => (
                Outcome::Failed,
                format!("{wrong} of {} rows were not answered as offline{}", tally.rows, tally.stopped()),
            ),
        };
        let mut found = Found::new(outcome, sentence);
        found.wanted = Some(format!("the answers given offline, within {tolerance:e}"));
        (found.cases, found.failed, found.examples) = (tally.rows, tally.wrong, tally.examples);
        Ok(found)
    }
}

fn question(bench: &Bench<'_>, sealed: &Sealed, rows: std::ops::Range<usize>, alone: bool) -> Question {
    Question {
        names: rows.clone().map(|row| format!("row {} of the test part", row + 1)).collect(),
        wanted: rows.clone().map(|row| sealed.offline.answer(row, bench.subject.classes())).collect(),
        rows: rows.map(|row| sealed.row(row)).collect(),
        alone,
    }
}
