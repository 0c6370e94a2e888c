//! What application tests need of HTTP, without a word of it: `modelyard_http` implements it.

use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::Result;
use modelyard_core::package::Answer;
use modelyard_serve::ErrorCode;

/// Opens endpoints.
pub trait Connect: Send + Sync {
    /// # Errors
    /// If `address` can't be one.
    fn connect(&self, address: &Address) -> Result<Arc<dyn Endpoint>>;
}

/// Where a version is asked, and what it must call itself.
#[derive(Clone, Debug)]
pub struct Address {
    /// `127.0.0.1:8101`.
    pub listen: String,
    pub model: String,
    /// Its number; an answer by another one is a failure.
    pub number: u32,
    /// In the order in which answers carry probabilities.
    pub classes: Vec<String>,
}

/// A deployed version, asked for predictions. Many may ask at once.
#[async_trait]
pub trait Endpoint: Send + Sync {
    /// `http://127.0.0.1:8101`.
    fn url(&self) -> String;

    /// Sends `body` to where predictions are asked for; waits `patience` at most.
    async fn predict(&self, body: Vec<u8>, patience: Duration) -> Reply;

    /// Sends requests when they are due, however slow the answers.
    ///
    /// # Errors
    /// If it can't begin.
    async fn load(&self, plan: LoadPlan) -> Result<LoadMeasured>;
}

/// What became of a request.
#[derive(Clone, Debug, PartialEq)]
pub enum Reply {
    /// The answers, one a row; a JSON object has one.
    Answered(Vec<Answer>),
    /// The request is at fault, says the endpoint.
    Refused {
        code: ErrorCode,
        field: Option<String>,
        message: String,
    },
    /// The endpoint is at fault: it says so, or its answer is none.
    Failed(String),
    TimedOut(Duration),
}

impl Reply {
    /// For people: `refused as bad_value (field hour): …`.
    pub fn text(&self) -> String {
        match self {
            Self::Answered(answers) => match answers.as_slice() {
                [one] => format!("answered {}", answer_text(one)),
                several => format!("answered {} rows", several.len()),
            },
            Self::Refused { code, field, message } => {
                let field = field.as_ref().map(|field| format!(" (field {field})")).unwrap_or_default();
                format!("refused as {}{field}: {message}", code.as_str())
            }
            Self::Failed(message) => format!("failed: {message}"),
            Self::TimedOut(waited) => format!("no answer within {:.0} s", waited.as_secs_f64()),
        }
    }
}

/// `late, probabilities 0.2, 0.8`.
pub fn answer_text(answer: &Answer) -> String {
    rounded(answer, 4)
}

/// Both with as many digits as show that they differ.
pub fn answer_texts(one: &Answer, other: &Answer) -> (String, String) {
    let texts = |places| (rounded(one, places), rounded(other, places));
    (4..17).map(texts).find(|(one, other)| one != other).unwrap_or_else(|| texts(17))
}

fn rounded(answer: &Answer, places: usize) -> String {
    let number = |value: f64| {
        let text = format!("{value:.places$}");
        if text.contains('.') { text.trim_end_matches('0').trim_end_matches('.').to_owned() } else { text }
    };
    let prediction = match (answer.prediction.as_str(), answer.prediction.as_f64()) {
        (Some(text), _) => text.to_owned(),
        (None, Some(value)) => number(value),
        (None, None) => answer.prediction.to_string(),
    };
    match &answer.probabilities {
        None => prediction,
        Some(all) => {
            let all: Vec<_> = all.iter().map(|value| number(*value)).collect();
            format!("{prediction}, probabilities {}", all.join(", "))
        }
    }
}

/// An open-loop load.
#[derive(Clone, Debug)]
pub struct LoadPlan {
    /// Requests a second, evenly spaced.
    pub rate: f64,
    pub duration: Duration,
    /// Sent in turn, again and again; at least one.
    pub bodies: Vec<Vec<u8>>,
    /// From the moment due to giving up on an answer.
    pub patience: Duration,
}

/// What a load came to.
#[derive(Clone, Debug, Default)]
pub struct LoadMeasured {
    pub sent: u64,
    pub answered: u64,
    pub refused: u64,
    pub failed: u64,
    pub timed_out: u64,
    /// From the moment due to the answer, in microseconds, of every request; unordered.
    pub latencies_us: Vec<u32>,
    /// From the moment due to that of sending, in microseconds; unordered.
    pub late_us: Vec<u32>,
    /// From the first moment due to the last answer.
    pub took: Duration,
    /// What sending and receiving cost.
    pub own_cpu: Duration,
    /// Connections that were open at once.
    pub connections: u32,
    /// What the first request that was not answered met.
    pub first_failure: Option<String>,
}
