//! The package's golden rows: each by itself, then all of them as a list.

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_evaluate::application::Outcome;

use super::asking::{Question, ask};
use super::{Bench, Check, Found};

pub(super) struct GoldenRows;

#[async_trait]
impl Check for GoldenRows {
    fn name(&self) -> &'static str {
        "golden"
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let golden = &bench.subject.golden;
        let count = golden.rows.len();
        let question = |rows: std::ops::Range<usize>, alone| Question {
            names: rows.clone().map(|row| format!("golden row {}", row + 1)).collect(),
            wanted: golden.answers[rows.clone()].to_vec(),
            rows: golden.rows[rows].to_vec(),
            alone,
        };
        let questions: Vec<_> =
            (0..count).map(|row| question(row..row + 1, true)).chain([question(0..count, false)]).collect();
        let tally = ask(bench, questions.into_iter()).await;
        let (outcome, sentence) = match tally.wrong {
            0 => (
                Outcome::Passed,
                format!("{count} golden rows answered as at packaging, each by itself and as one list"),
            ),
            wrong => (
                Outcome::Failed,
                format!(
                    "{wrong} of {} golden rows answered otherwise than at packaging{}",
                    tally.rows,
                    tally.stopped()
                ),
            ),
        };
        let mut found = Found::new(outcome, sentence);
        found.wanted =
            Some(format!("the answers of packaging, within {:e}", bench.subject.manifest.tolerance));
        (found.cases, found.failed, found.examples) = (tally.rows, tally.wrong, tally.examples);
        Ok(found)
    }
}
