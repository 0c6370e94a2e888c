//! The inference log of an environment, for a file that is answered as its requests are.

use std::sync::Arc;
use std::time::{Duration, Instant};

use modelyard_core::package::{Manifest, Predictions};
use modelyard_core::{Digest, Fault, Kind, Result};
use modelyard_lifecycle::deploy::environments;
use modelyard_lifecycle::monitor::record::{Recorder, watching};
use modelyard_serve::log::{Asked, Entry, Log};
use modelyard_serve::request::Question;

use crate::cli::serve::{self, OpenedPackage};
use crate::cli::{Context, print, session};

/// Between two looks whether the log has room.
const PAUSE: Duration = Duration::from_millis(10);

pub(super) struct Logbook {
    recorder: Recorder,
    log: Arc<Log>,
    version: Option<u32>,
}

impl Logbook {
    /// What `environment` serves, and its log.
    ///
    /// # Errors
    /// If it serves nothing.
    pub(super) async fn open(environment: &str, ctx: &Context) -> Result<(OpenedPackage, Self)> {
        let (home, id) = session::environment(ctx, environment).await?;
        let found = environments::find(&home, &id).await?;
        let stable = found.state.stable().ok_or_else(|| {
            Fault::new(Kind::NotFound, format!("{id} serves no version that could answer"))
                .hint("deploy one first: modelyard release")
        })?;
        let opened = serve::open_in(&home, &format!("{}@{}", stable.model, stable.number)).await?;
        let note = Arc::new(|text: &str| print::remark(format!("remark: {text}")));
        let recorder = Recorder::start(home.log.clone(), id.clone(), note)?;
        let applied = home.environments.applied(&id.project).await?;
        recorder.follow(applied.as_ref(), &id);
        if !ctx.quiet && applied.is_none_or(|applied| watching(&applied, &id).is_none()) {
            print::remark(format!("remark: the answers are not logged, since no [monitor] watches {id}"));
        }
        let (log, version) = (recorder.log(), opened.version);
        Ok((opened, Self { recorder, log, version }))
    }

    /// Logs a piece; answers the ids of its rows. It waits for the log rather than drop a row.
    pub(super) async fn note(
        &self,
        manifest: &Manifest,
        package: Digest,
        question: Question,
        answers: &Predictions,
        began: Instant,
        ctx: &Context,
    ) -> Vec<Option<String>> {
        let rows = answers.rows();
        let id = format!("{:032x}", ctx.clock.entropy());
        let ids = (0..rows).map(|row| Some(format!("{id}/{row}"))).collect();
        if self.log.sample() > 0.0 {
            while !self.log.has_room(rows) {
                tokio::time::sleep(PAUSE).await;
            }
            self.log.offer(Entry {
                id,
                is_list: true,
                key: None,
                at: ctx.clock.now(),
                latency: began.elapsed(),
                asked: Some(Asked { version: self.version, package, manifest: Arc::new(manifest.clone()) }),
                question: Some(question),
                answer: Ok(answers.clone()),
            });
        }
        ids
    }

    /// Waits until all is logged.
    ///
    /// # Errors
    /// If some of it could not be.
    pub(super) async fn close(self) -> Result<()> {
        self.recorder.end().await;
        match self.log.counts() {
            (_, 0) => Ok(()),
            (_, dropped) => {
                Err(Fault::new(Kind::Store, format!("{dropped} answers are written and not logged")))
            }
        }
    }
}
