//! What turned out to be true, on its way into the home.
//!
//! Labels are committed in groups: while one transaction is under way, what comes gathers for the next. Whoever
//! gave a label is answered when the transaction that holds it is durable, with what became of its own labels.
//!
//! ```text
//! truth   which labels a model's answers can be compared with
//! known   which predictions the log has
//! ```

mod known;
mod truth;

use std::sync::Arc;

use modelyard_core::deploy::EnvironmentId;
use modelyard_core::fault::Attempt;
use modelyard_core::monitor::{Added, Became, Figure, NewLabel};
use modelyard_core::ports::{Home, LabelStore};
use modelyard_core::{Clock, Fault, Kind, Result};
use serde::Serialize;
use tokio::sync::{mpsc, oneshot};

pub use known::Known;
pub use truth::Truth;

/// Labels of one transaction, about: what is given at once stays together.
const MOST_AT_ONCE: usize = 20_000;

/// What somebody knows by now.
#[derive(Clone, Debug, Default)]
pub struct Given {
    /// As [`Truth::read`] made them.
    pub labels: Vec<NewLabel>,
    pub figures: Vec<Figure>,
}

/// What became of it. It is durable.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize)]
pub struct Kept {
    #[serde(flatten)]
    pub labels: Added,
    /// Labels for predictions that the log does not have (yet). They are kept all the same.
    pub unknown: u64,
    pub figures: u64,
}

/// Takes in labels and figures of one environment.
pub struct Feedback {
    sender: mpsc::UnboundedSender<(Given, oneshot::Sender<Result<Added>>)>,
    known: Known,
}

impl Feedback {
    /// To be called within a tokio runtime.
    pub fn start(home: &Home, environment: &EnvironmentId, clock: Arc<dyn Clock>, known: Known) -> Self {
        let (sender, receiver) = mpsc::unbounded_channel();
        let labels = home.labels.clone();
        tokio::spawn(Writer { labels, environment: environment.clone(), clock, receiver }.run());
        Self { sender, known }
    }

    /// Keeps `given`; nothing of it where this fails.
    ///
    /// # Errors
    /// If the home can't be written.
    pub async fn give(&self, given: Given) -> Result<Kept> {
        let ids: Vec<String> = given.labels.iter().map(|label| label.id.clone()).collect();
        let figures = given.figures.len() as u64;
        let gone = || Fault::new(Kind::Internal, "nobody takes in labels any more");
        let (answer, answered) = oneshot::channel();
        self.sender.send((given, answer)).map_err(|_| gone())?;
        let labels = answered.await.map_err(|_| gone())??;
        // They are kept: that the log can't be read makes them no less.
        let unknown = self.known.unknown(&ids).await.unwrap_or(0);
        Ok(Kept { labels, unknown, figures })
    }
}

struct Writer {
    labels: Arc<dyn LabelStore>,
    environment: EnvironmentId,
    clock: Arc<dyn Clock>,
    receiver: mpsc::UnboundedReceiver<(Given, oneshot::Sender<Result<Added>>)>,
}

impl Writer {
    async fn run(mut self) {
        while let Some((given, answer)) = self.receiver.recv().await {
            let mut all = given;
            let mut parts = vec![(all.labels.len(), answer)];
            while all.labels.len() < MOST_AT_ONCE
                && let Ok((given, answer)) = self.receiver.try_recv()
            {
                parts.push((given.labels.len(), answer));
                all.labels.extend(given.labels);
                all.figures.extend(given.figures);
            }
            match self.keep(&all).await {
                Ok(became) => {
                    let mut became = became.into_iter();
                    for (count, answer) in parts {
                        let _ = answer.send(Ok(became.by_ref().take(count).collect()));
                    }
                }
                Err(fault) => {
                    for (_, answer) in parts {
                        let _ = answer.send(Err(Fault::new(fault.kind(), "the labels are not kept")
                            .because(fault.report())
                            .hint("send them again later: a label that is known already changes nothing")));
                    }
                }
            }
        }
    }

    async fn keep(&self, all: &Given) -> Result<Vec<Became>> {
        // Figures first: labels may be given again and again, and nothing comes after them that could fail.
        if !all.figures.is_empty() {
            self.labels.add_figures(&self.environment, &all.figures).await?;
        }
        if all.labels.is_empty() {
            return Ok(Vec::new());
        }
        self.labels.add_labels(&self.environment, &all.labels, self.clock.now()).await
    }
}

/// The rule for labels of what `environment` serves.
///
/// # Errors
/// If it serves nothing, or the home can't be read.
pub async fn truth(home: &Home, environment: &EnvironmentId) -> Result<Truth> {
    let found = crate::deploy::environments::find(home, environment).await?;
    let stable = found.state.stable().ok_or_else(|| {
        Fault::new(
            Kind::NotFound,
            format!("{environment} serves no version, so that nobody knows what a label of it is"),
        )
        .hint("deploy one first: modelyard release")
    })?;
    let manifest = crate::manifest::of(home, stable.package)
        .await
        .attempt(Kind::Store, || format!("cannot tell what labels of {environment} are"))?;
    Ok(Truth::of(&manifest))
}
