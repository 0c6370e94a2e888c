//! The queue of a model: concurrent requests become batches, and each caller gets its own answer.
//!
//! One dispatcher per model takes whatever waits, asks the runtime once, and hands the answers
//! out. It never waits for more to come: under load requests pile up while a batch is computed,
//! which is what makes the next one large. If a batch fails, its requests are asked one by one, so
//! that a bad row does not fail its neighbours.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};

use modelyard_core::fault::Attempt;
use modelyard_core::package::Predictions;
use modelyard_core::table::Table;
use modelyard_core::{Kind, Result};
use tokio::sync::{mpsc, oneshot};

use crate::runtime::Runtime;
use crate::{ErrorCode, PredictError};

type Answer = Result<Predictions, PredictError>;

/// Where callers wait.
pub(crate) struct Queue {
    sender: mpsc::UnboundedSender<Job>,
    waiting_rows: Arc<AtomicUsize>,
    most_waiting_rows: usize,
    /// Resolves when the dispatcher has ended.
    ended: oneshot::Receiver<()>,
}

struct Job {
    table: Table,
    answer: oneshot::Sender<Answer>,
}

impl Queue {
    /// Starts the dispatcher of `runtime`. `n_classes` is 0 for regression.
    pub(crate) fn start(
        runtime: Box<dyn Runtime>,
        n_classes: usize,
        most_batch_rows: usize,
        most_waiting_rows: usize,
    ) -> Result<Self> {
        let (sender, receiver) = mpsc::unbounded_channel();
        let (ending, ended) = oneshot::channel();
        let waiting_rows = Arc::new(AtomicUsize::new(0));
        let computes_in_place = runtime.computes_in_place();
        let mut dispatcher =
            Dispatcher { runtime, receiver, held: None, waiting_rows: waiting_rows.clone(), n_classes };
        let work = async move {
            dispatcher.run(most_batch_rows).await;
            dispatcher.runtime.close().await;
            drop(dispatcher);
            let _ = ending.send(());
        };
        if computes_in_place {
            std::thread::Builder::new()
                .name("modelyard-model".to_owned())
                .spawn(move || futures::executor::block_on(work))
                .attempt(Kind::Model, || "cannot start the model's thread".to_owned())?;
        } else {
            tokio::spawn(work);
        }
        Ok(Self { sender, waiting_rows, most_waiting_rows, ended })
    }

    pub(crate) async fn ask(&self, table: Table) -> Answer {
        let rows = table.rows();
        if self.waiting_rows.fetch_add(rows, Ordering::Relaxed) + rows > self.most_waiting_rows.max(rows) {
            self.waiting_rows.fetch_sub(rows, Ordering::Relaxed);
            return Err(PredictError::new(ErrorCode::Overloaded, "too many rows wait for this model")
                .hint("send the request again later"));
        }
        let (answer, answered) = oneshot::channel();
        if self.sender.send(Job { table, answer }).is_err() {
            return Err(gone());
        }
        answered.await.unwrap_or_else(|_| Err(gone()))
    }

    /// Waits until all that was asked is answered.
    pub(crate) async fn close(self) {
        drop(self.sender);
        let _ = self.ended.await;
    }
}

fn gone() -> PredictError {
    PredictError::new(ErrorCode::NotReady, "the model was closed")
}

struct Dispatcher {
    runtime: Box<dyn Runtime>,
    receiver: mpsc::UnboundedReceiver<Job>,
    /// Taken from the queue, but too large for the batch before it.
    held: Option<Job>,
    waiting_rows: Arc<AtomicUsize>,
    n_classes: usize,
}

impl Dispatcher {
    async fn run(&mut self, most_rows: usize) {
        let mut jobs = Vec::new();
        while let Some(first) = self.next().await {
            let mut rows = first.table.rows();
            jobs.push(first);
            while rows < most_rows {
                let Some(job) = self.next_waiting() else { break };
                if rows + job.table.rows() > most_rows {
                    self.held = Some(job);
                    break;
                }
                rows += job.table.rows();
                jobs.push(job);
            }
            self.waiting_rows.fetch_sub(rows, Ordering::Relaxed);
            jobs.retain(|job| !job.answer.is_closed());
            self.answer(&mut jobs).await;
        }
    }

    async fn next(&mut self) -> Option<Job> {
        match self.held.take() {
            Some(job) => Some(job),
            None => self.receiver.recv().await,
        }
    }

    fn next_waiting(&mut self) -> Option<Job> {
        self.receiver.try_recv().ok()
    }

    /// Answers all of `jobs` and empties it.
    async fn answer(&mut self, jobs: &mut Vec<Job>) {
        if jobs.len() < 2 {
            for job in jobs.drain(..) {
                let answer = self.ask_alone(&job.table).await;
                let _ = job.answer.send(answer);
            }
            return;
        }
        let mut callers = Vec::with_capacity(jobs.len());
        let mut all: Option<Table> = None;
        for job in jobs.drain(..) {
            callers.push((job.table.rows(), job.answer));
            match &mut all {
                Some(all) => all.append(job.table),
                None => all = Some(job.table),
            }
        }
        let Some(all) = all else { return };
        let mut start = 0;
        match self.ask(&all).await {
            Ok(predictions) => {
                for (rows, caller) in callers {
                    let _ = caller.send(Ok(part(&predictions, start, start + rows, self.n_classes)));
                    start += rows;
                }
            }
            Err(_) => {
                for (rows, caller) in callers {
                    // Each may take long now: whoever went away is not asked for.
                    if caller.is_closed() {
                        start += rows;
                        continue;
                    }
                    let answer = self.ask_alone(&all.slice(start, start + rows)).await;
                    let _ = caller.send(answer);
                    start += rows;
                }
            }
        }
    }

    /// Once more where the runtime itself was lost: these rows may have been innocent.
    async fn ask_alone(&mut self, table: &Table) -> Answer {
        match self.ask(table).await {
            Err(_) if self.runtime.was_lost() => self.ask(table).await,
            answer => answer,
        }
    }

    async fn ask(&mut self, table: &Table) -> Answer {
        let predictions = self.runtime.predict(table).await?;
        check(&predictions, table.rows(), self.n_classes)?;
        Ok(predictions)
    }
}

/// What every model must keep, whatever runs it.
fn check(predictions: &Predictions, rows: usize, n_classes: usize) -> Result<(), PredictError> {
    let wrong = |message: String| Err(PredictError::new(ErrorCode::Inference, message));
    if predictions.rows() != rows {
        return wrong(format!("the model gave {} answers for {rows} rows", predictions.rows()));
    }
    match predictions {
        Predictions::Values(values) => match values.iter().find(|value| !value.is_finite()) {
            Some(value) => Err(not_finite(format!("the model answered {value}"))),
            None => Ok(()),
        },
        Predictions::Classes { labels, probabilities } => {
            if labels.iter().any(|label| *label >= n_classes) {
                return wrong("the model answered a class that the package does not have".to_owned());
            }
            let Some(probabilities) = probabilities else { return Ok(()) };
            if probabilities.len() != rows * n_classes {
                return wrong(format!(
                    "the model gave {} probabilities for {rows} rows of {n_classes} classes",
                    probabilities.len()
                ));
            }
            match probabilities.iter().find(|value| !value.is_finite()) {
                Some(value) => Err(not_finite(format!("the model gave {value} as a probability"))),
                None => Ok(()),
            }
        }
    }
}

/// Packaging saw finite answers alone: what the row holds is to blame.
fn not_finite(message: String) -> PredictError {
    let error = PredictError::new(ErrorCode::BadValue, message)
        .hint("a number in the row is too far from those the model was trained with");
    PredictError { not_finite: true, ..error }
}

/// Rows `start..end` of `predictions`.
fn part(predictions: &Predictions, start: usize, end: usize, n_classes: usize) -> Predictions {
    match predictions {
        Predictions::Values(values) => Predictions::Values(values[start..end].to_vec()),
        Predictions::Classes { labels, probabilities } => Predictions::Classes {
            labels: labels[start..end].to_vec(),
            probabilities: probabilities.as_ref().map(|all| all[start * n_classes..end * n_classes].to_vec()),
        },
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use async_trait::async_trait;
    use modelyard_core::table::Column;

    use super::*;

    /// Answers each number with its double; notes how many rows it was asked at once.
    struct Doubler {
        asked: Arc<Mutex<Vec<usize>>>,
        /// Deaths still to come.
        deaths: usize,
        was_lost: bool,
    }

    #[async_trait]
    impl Runtime for Doubler {
        fn name(&self) -> &'static str {
            "doubler"
        }

        fn computes_in_place(&self) -> bool {
            false
        }

        fn was_lost(&self) -> bool {
            self.was_lost
        }

        async fn predict(&mut self, table: &Table) -> Result<Predictions, PredictError> {
            self.asked.lock().unwrap().push(table.rows());
            tokio::time::sleep(std::time::Duration::from_millis(5)).await;
            self.was_lost = self.deaths > 0;
            if self.was_lost {
                self.deaths -= 1;
                return Err(PredictError::new(ErrorCode::Inference, "it died"));
            }
            let Some(Column::Float(values)) = table.column("x") else { panic!("a column of floats") };
            let values: Vec<f64> = values.iter().map(|value| value.unwrap_or(f64::NAN) * 2.0).collect();
            match values.contains(&26.0) {
                true => Err(PredictError::new(ErrorCode::Inference, "13 brings bad luck")),
                false => Ok(Predictions::Values(values)),
            }
        }
    }

    fn queue(deaths: usize, most_waiting_rows: usize) -> (Arc<Queue>, Arc<Mutex<Vec<usize>>>) {
        let asked = Arc::new(Mutex::new(Vec::new()));
        let runtime = Doubler { asked: asked.clone(), deaths, was_lost: false };
        (Arc::new(Queue::start(Box::new(runtime), 0, 64, most_waiting_rows).unwrap()), asked)
    }

    fn table(values: &[f64]) -> Table {
        let mut table = Table::new();
        table.push("x", Column::Float(values.iter().map(|value| Some(*value)).collect()));
        table
    }

    /// Asks all of 0 to `n` at once, a caller each.
    async fn ask_all(queue: &Arc<Queue>, n: u32) -> Vec<Answer> {
        let callers: Vec<_> = (0..n)
            .map(|x| {
                let queue = queue.clone();
                tokio::spawn(async move { queue.ask(table(&[f64::from(x)])).await })
            })
            .collect();
        let mut answers = Vec::new();
        for caller in callers {
            answers.push(caller.await.unwrap());
        }
        answers
    }

    #[tokio::test]
    async fn what_waits_is_one_batch_and_each_caller_gets_its_own() {
        let (queue, asked) = queue(0, 1000);
        for (answer, x) in ask_all(&queue, 13).await.into_iter().zip(0..) {
            assert_eq!(answer, Ok(Predictions::Values(vec![f64::from(x) * 2.0])));
        }
        assert!(asked.lock().unwrap().len() < 13);
    }

    #[tokio::test]
    async fn a_batch_has_its_most_rows_and_a_large_request_is_alone() {
        let (queue, asked) = queue(0, 1000);
        let large = table(&vec![1.0; 100]);
        let (large, small) = tokio::join!(queue.ask(large), ask_all(&queue, 10));
        assert_eq!(large.unwrap().rows(), 100);
        assert_eq!(small.len(), 10);
        assert_eq!(asked.lock().unwrap()[0], 100);
    }

    #[tokio::test]
    async fn a_bad_row_fails_alone() {
        let (queue, _) = queue(0, 1000);
        for (answer, x) in ask_all(&queue, 20).await.into_iter().zip(0..) {
            match x {
                13 => assert_eq!(answer.unwrap_err().message, "13 brings bad luck"),
                _ => assert_eq!(answer, Ok(Predictions::Values(vec![f64::from(x) * 2.0]))),
            }
        }
    }

    #[tokio::test]
    async fn a_lost_runtime_is_asked_once_more() {
        let (queue, _) = queue(1, 1000);
        assert!(queue.ask(table(&[1.0])).await.is_ok());
        let (queue, _) = self::queue(2, 1000);
        assert_eq!(queue.ask(table(&[1.0])).await.unwrap_err().message, "it died");
        assert!(queue.ask(table(&[1.0])).await.is_ok());
    }

    #[tokio::test]
    async fn too_many_waiting_rows_are_refused() {
        let (queue, _) = queue(0, 4);
        let answers = ask_all(&queue, 12).await;
        let overloaded =
            |answer: &&Answer| matches!(answer, Err(error) if error.code == ErrorCode::Overloaded);
        assert_eq!(answers.iter().filter(overloaded).count(), 8);
        assert!(queue.ask(table(&[1.0])).await.is_ok());
    }

    #[tokio::test]
    async fn closing_answers_what_waits() {
        let (queue, _) = queue(0, 1000);
        let asking = queue.clone();
        let caller = tokio::spawn(async move {
            let answer = asking.ask(table(&[2.0])).await;
            drop(asking);
            answer
        });
        tokio::task::yield_now().await;
        assert_eq!(caller.await.unwrap(), Ok(Predictions::Values(vec![4.0])));
        Arc::into_inner(queue).unwrap().close().await;
    }

    #[test]
    fn answers_that_are_none_are_refused() {
        let refused =
            |predictions: Predictions, n_classes| check(&predictions, 2, n_classes).unwrap_err().message;
        assert_eq!(refused(Predictions::Values(vec![1.0]), 0), "the model gave 1 answers for 2 rows");
        assert_eq!(refused(Predictions::Values(vec![1.0, f64::NAN]), 0), "the model answered NaN");
        let classes = |labels: [usize; 2], probabilities| Predictions::Classes {
            labels: labels.to_vec(),
            probabilities,
        };
        assert_eq!(
            refused(classes([0, 2], None), 2),
            "the model answered a class that the package does not have"
        );
        assert_eq!(
            refused(classes([0, 1], Some(vec![1.0; 3])), 2),
            "the model gave 3 probabilities for 2 rows of 2 classes"
        );
        assert_eq!(
            refused(classes([0, 1], Some(vec![0.0, 1.0, f64::INFINITY, 0.0])), 2),
            "the model gave inf as a probability"
        );
    }
}
