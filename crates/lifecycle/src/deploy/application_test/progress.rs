//! How tests get on, told to the home a few times a second, so that whoever waits sees it: the command that
//! tests, one that waits for a server, the API's listeners.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use modelyard_core::deploy::{Release, TestFinished, TestRunning, TestsUnderWay};
use modelyard_core::ports::ObservationStore;
use modelyard_evaluate::application::{CheckResult, Outcome};
use tokio::sync::Notify;
use tokio::task::JoinHandle;

/// Between two writes; each wakes all who watch the home.
const PAUSE: Duration = Duration::from_millis(400);

pub(super) struct Progress {
    shared: Arc<Shared>,
    telling: JoinHandle<()>,
}

struct Shared {
    observations: Arc<dyn ObservationStore>,
    tests: Mutex<TestsUnderWay>,
    news: Notify,
}

impl Progress {
    /// Of `release`; nothing is done yet.
    pub(super) fn new(observations: Arc<dyn ObservationStore>, release: &Release) -> Self {
        let tests = TestsUnderWay {
            version: 1,
            environment: release.environment.clone(),
            release: release.id,
            finished: Vec::new(),
            running: None,
        };
        let shared = Arc::new(Shared { observations, tests: Mutex::new(tests), news: Notify::new() });
        let telling = tokio::spawn({
            let shared = Arc::clone(&shared);
            async move {
                loop {
                    shared.news.notified().await;
                    shared.tell().await;
                    tokio::time::sleep(PAUSE).await;
                }
            }
        });
        Self { shared, telling }
    }

    /// `test` runs now.
    pub(super) fn began(&self, test: &str) {
        self.shared.tests().running = Some(TestRunning { test: test.to_owned(), done: 0, of: 0 });
        self.shared.news.notify_one();
    }

    /// So many of its requests or rows are done.
    pub(super) fn done(&self, done: u64, of: u64) {
        if let Some(running) = &mut self.shared.tests().running {
            (running.done, running.of) = (done, of);
        }
        self.shared.news.notify_one();
    }

    pub(super) fn finished(&self, result: &CheckResult) {
        let mut tests = self.shared.tests();
        tests.running = None;
        tests.finished.push(TestFinished {
            test: result.name.clone(),
            outcome: match result.outcome {
                Outcome::Passed => "passed",
                Outcome::Failed => "failed",
                Outcome::Reported => "reported",
                Outcome::Skipped => "skipped",
            }
            .to_owned(),
            sentence: result.sentence.clone(),
        });
        drop(tests);
        self.shared.news.notify_one();
    }

    /// Tells what is left to tell.
    pub(super) async fn end(self) {
        self.telling.abort();
        self.shared.tell().await;
    }
}

impl Drop for Progress {
    fn drop(&mut self) {
        self.telling.abort();
    }
}

impl Shared {
    fn tests(&self) -> MutexGuard<'_, TestsUnderWay> {
        // Nothing that is done with it can panic half-way.
        self.tests.lock().unwrap_or_else(PoisonError::into_inner)
    }

    async fn tell(&self) {
        let tests = self.tests().clone();
        // It is for people who wait; the verdict does not hang on it, and a home in trouble is told elsewhere.
        let _ = self.observations.note_tests(&tests).await;
    }
}
