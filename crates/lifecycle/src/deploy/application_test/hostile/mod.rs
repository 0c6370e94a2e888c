//! Hostile input: each body is answered or refused as is promised, with the field that is to blame; none
//! makes the endpoint fail or hang.
//!
//! What is sent is made in [`columns`] from the signature, and in [`bodies`] from what is no row at all.

mod bodies;
mod columns;

use async_trait::async_trait;
use futures::StreamExt;
use futures::stream::FuturesUnordered;
use modelyard_core::Result;
use modelyard_core::package::Answer;
use modelyard_evaluate::application::{Example, Group, Outcome};
use modelyard_serve::ErrorCode;
use serde_json::{Map, Value};

use super::endpoint::{Reply, answer_text};
use super::{Bench, Check, EXAMPLES, Found};

pub(super) struct Hostile;

/// Requests that are under way at once: hostile ones meet each other in batches.
const AT_ONCE: usize = 4;

/// A check that meets so many hangs asks no more.
const HANGS: usize = 3;

/// Characters of a body that a report shows.
const SHOWN: usize = 200;

type Row = Map<String, Value>;

/// A body, and what must become of it.
struct Case {
    group: &'static str,
    /// `hour: a text`.
    what: String,
    body: Vec<u8>,
    wanted: Wanted,
}

enum Wanted {
    /// So many rows are answered, with numbers or classes.
    Answered(usize),
    /// It is no request at all.
    Malformed(ErrorCode),
    /// Refused for this field.
    Refused(String),
    /// Answered, or refused for this field: the model decides.
    Either(String),
}

#[async_trait]
impl Check for Hostile {
    fn name(&self) -> &'static str {
        "hostile"
    }

    async fn run(&self, bench: &Bench<'_>) -> Result<Found> {
        let Some(row) = bench.subject.some_rows(1).pop() else {
            return Ok(Found::new(Outcome::Skipped, "the package has no row to begin with"));
        };
        let mut cases = columns::cases(&bench.subject.manifest.signature, &bench.subject.profile, &row);
        cases.extend(bodies::cases(&bench.subject.manifest.signature, &row));
        let of = cases.len();
        let mut groups: Vec<Group> = Vec::new();
        let (mut done, mut wrong, mut hangs) = (0, 0_u64, 0);
        let mut examples = Vec::new();
        let mut cases = cases.into_iter();
        let mut under_way = FuturesUnordered::new();
        loop {
            while under_way.len() < AT_ONCE && hangs < HANGS {
                let Some(mut case) = cases.next() else { break };
                under_way.push(async {
                    let shown = shown(&case.body);
                    let reply = bench.endpoint.predict(std::mem::take(&mut case.body), bench.patience).await;
                    (case, shown, reply)
                });
            }
            let Some((case, shown, reply)) = under_way.next().await else { break };
            done += 1;
            bench.done(done, of);
            let group = of_name(&mut groups, case.group);
            match reply {
                Reply::Answered(_) => group.answered += 1,
                Reply::Refused { .. } => group.refused += 1,
                _ => {}
            }
            hangs += usize::from(matches!(reply, Reply::TimedOut(_)));
            if let Some(got) = case.wanted.violation(&reply, bench.subject.classes()) {
                group.failed += 1;
                wrong += 1;
                if examples.len() < EXAMPLES {
                    examples.push(Example {
                        what: format!("{}, {}", case.group, case.what),
                        sent: shown,
                        wanted: case.wanted.text(),
                        got,
                    });
                }
            }
        }
        let left_out = cases.len();
        let stopped = match left_out {
            0 => String::new(),
            more => format!("; {more} more were not sent after {hangs} hung"),
        };
        let (outcome, sentence) = match wrong {
            0 => (Outcome::Passed, format!("{of} hostile bodies answered or refused as promised")),
            wrong => (
                Outcome::Failed,
                format!("{wrong} of {done} hostile bodies were not handled as promised{stopped}"),
            ),
        };
        let mut found = Found::new(outcome, sentence);
        found.wanted = Some("an answer, or a refusal that names the field; no failure, no hang".to_owned());
        (found.cases, found.failed, found.examples, found.groups) = (done as u64, wrong, examples, groups);
        Ok(found)
    }
}

fn of_name<'a>(groups: &'a mut Vec<Group>, name: &str) -> &'a mut Group {
    let place = groups.iter().position(|group| group.name == name).unwrap_or_else(|| {
        groups.push(Group { name: name.to_owned(), ..Group::default() });
        groups.len() - 1
    });
    &mut groups[place]
}

/// The beginning of a body, as text.
fn shown(body: &[u8]) -> Value {
    let text = String::from_utf8_lossy(&body[..body.len().min(4 * SHOWN)]);
    let mut cut: String = text.chars().take(SHOWN).collect();
    if cut.len() < body.len() {
        cut.push_str(&format!(" … ({} bytes)", body.len()));
    }
    Value::String(cut)
}

impl Wanted {
    /// What is wrong with `reply`, if anything.
    fn violation(&self, reply: &Reply, classes: &[String]) -> Option<String> {
        let unsound = |answers: &[Answer], rows: usize| {
            if answers.len() != rows {
                return Some(format!("{} answers to {rows} rows", answers.len()));
            }
            answers.iter().find(|answer| !is_sound(answer, classes)).map(answer_text)
        };
        let holds = match (self, reply) {
            (Self::Answered(rows), Reply::Answered(answers)) => return unsound(answers, *rows),
            (Self::Either(_), Reply::Answered(answers)) => return unsound(answers, 1),
            (Self::Malformed(wanted), Reply::Refused { code, .. }) => code == wanted,
            (Self::Refused(wanted), Reply::Refused { code, field, .. }) => {
                is_about_values(*code) && field.as_ref() == Some(wanted)
            }
            // Of an answer that is no number nobody can say which field is to blame.
            (Self::Either(wanted), Reply::Refused { code, field, .. }) => {
                is_about_values(*code) && field.as_ref().is_none_or(|field| field == wanted)
            }
            _ => false,
        };
        (!holds).then(|| reply.text())
    }

    fn text(&self) -> String {
        match self {
            Self::Answered(1) => "an answer".to_owned(),
            Self::Answered(rows) => format!("{rows} answers"),
            Self::Malformed(code) => format!("refused as {}", code.as_str()),
            Self::Refused(field) => format!("refused, field {field}"),
            Self::Either(field) => format!("an answer, or refused (field {field})"),
        }
    }
}

/// Whether a refusal says that a row, rather than the body, is wrong.
fn is_about_values(code: ErrorCode) -> bool {
    matches!(
        code,
        ErrorCode::BadValue | ErrorCode::UnknownField | ErrorCode::MissingField | ErrorCode::Preprocessing
    )
}

/// A known class or a finite number; probabilities that are some.
fn is_sound(answer: &Answer, classes: &[String]) -> bool {
    const ROUNDING: f64 = 1e-6;
    let known = match answer.prediction.as_str() {
        Some(class) => classes.iter().any(|known| known == class),
        None => answer.prediction.as_f64().is_some_and(f64::is_finite),
    };
    let range = -ROUNDING..=1.0 + ROUNDING;
    known && answer.probabilities.iter().flatten().all(|probability| range.contains(probability))
}
