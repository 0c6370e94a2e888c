//! Asking many things over several connections, and judging answers one by one.

use futures::StreamExt;
use futures::stream;
use modelyard_core::package::Answer;
use modelyard_evaluate::application::Example;
use serde_json::{Map, Value};

use super::endpoint::{Reply, answer_text, answer_texts};
use super::{Bench, EXAMPLES};

/// Requests that are under way at once.
const AT_ONCE: usize = 8;

/// A check that meets so many hangs asks no more: each costs its whole patience.
const HANGS: usize = 3;

type Row = Map<String, Value>;

/// Rows to send, with the answers they must get.
pub(super) struct Question {
    /// `row 17`, a row each.
    pub(super) names: Vec<String>,
    pub(super) rows: Vec<Row>,
    pub(super) wanted: Vec<Answer>,
    /// A JSON object rather than a list; of one row.
    pub(super) alone: bool,
}

/// What answers came to.
#[derive(Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    pub(super) wrong: u64,
    pub(super) largest: f64,
    pub(super) examples: Vec<Example>,
    pub(super) hangs: usize,
    /// Rows that were not asked any more.
    pub(super) left_out: u64,
}

/// Asks `questions` over several connections; each is made when its turn comes.
pub(super) async fn ask(
    bench: &Bench<'_>,
    questions: impl ExactSizeIterator<Item = Question> + Send,
) -> Tally {
    let of = questions.len();
    let mut tally = Tally::default();
    let mut questions = questions;
    let mut under_way = stream::FuturesUnordered::new();
    let mut done = 0;
    loop {
        while under_way.len() < AT_ONCE && tally.hangs < HANGS {
            let Some(question) = questions.next() else { break };
            under_way.push(async {
                let body = body(&question);
                let reply = bench.endpoint.predict(body, bench.patience).await;
                (question, reply)
            });
        }
        let Some((question, reply)) = under_way.next().await else { break };
        done += 1;
        tally.judge(bench, &question, &reply);
        bench.done(done, of);
    }
    tally.left_out = questions.map(|question| question.rows.len() as u64).sum();
    tally
}

fn body(question: &Question) -> Vec<u8> {
    let text = match (question.alone, question.rows.first()) {
        (true, Some(row)) => serde_json::to_vec(row),
        _ => serde_json::to_vec(&question.rows),
    };
    // Maps of values are JSON by construction.
    text.unwrap_or_default()
}

impl Tally {
    fn judge(&mut self, bench: &Bench<'_>, question: &Question, reply: &Reply) {
        let subject = bench.subject;
        self.rows += question.rows.len() as u64;
        let answers = match reply {
            Reply::Answered(answers) if answers.len() == question.rows.len() => answers,
            other => {
                self.hangs += usize::from(matches!(other, Reply::TimedOut(_)));
                self.wrong += question.rows.len() as u64;
                self.example(question, 0, (other.text(), answer_text(&question.wanted[0])));
                return;
            }
        };
        for (place, (got, wanted)) in answers.iter().zip(&question.wanted).enumerate() {
            let apart = got.distance(wanted, subject.classes(), subject.manifest.tolerance);
            // A distance that is no number is none.
            if apart <= subject.manifest.tolerance {
                self.largest = self.largest.max(apart);
            } else {
                self.wrong += 1;
                self.example(question, place, answer_texts(got, wanted));
            }
        }
    }

    fn example(&mut self, question: &Question, place: usize, (got, wanted): (String, String)) {
        if self.examples.len() >= EXAMPLES {
            return;
        }
        let how = match question.rows.len() {
            1 if question.alone => ", by itself".to_owned(),
            rows => format!(", in a list of {rows}"),
        };
        self.examples.push(Example {
            what: format!("{}{how}", question.names[place]),
            sent: Value::Object(question.rows[place].clone()),
            wanted,
            got,
        });
    }

    /// ` (stopped …)`, where it stopped asking.
    pub(super) fn stopped(&self) -> String {
        match self.left_out {
            0 => String::new(),
            rows => format!("; {rows} more were not asked after {} requests hung", self.hangs),
        }
    }
}
