//! What happens, as it happens: server-sent events of new audit entries, of alerts that changed, of releases that
//! moved, and of how application tests get on.
//!
//! A client that was cut off sends the number of the last entry it has seen (`Last-Event-ID`, as browsers
//! do by themselves) and misses none.

use std::collections::{HashMap, VecDeque};
use std::convert::Infallible;
use std::sync::Arc;
use std::time::Duration;

use axum::extract::State;
use axum::http::HeaderMap;
use axum::response::Sse;
use axum::response::sse::{Event, KeepAlive};
use futures::Stream;
use modelyard_core::Result;
use modelyard_core::audit::AuditFilter;
use modelyard_core::deploy::{EnvironmentId, Release, ReleaseId, ReleaseStatus, TestsUnderWay};
use modelyard_core::ports::Watch;

use super::Api;
use super::refusal::Refusal;
use super::route::{Route, get};
use crate::connection;

/// How often the home is looked at; looking costs microseconds.
const PAUSE: Duration = Duration::from_millis(200);

pub(super) fn routes() -> Vec<Route> {
    vec![get(
        "/events",
        "New audit entries (`audit`), alerts that changed (`alert`), releases that moved (`release`), how tests get on (`tests`)",
        events,
    )]
}

async fn events(
    State(api): State<Arc<Api>>,
    headers: HeaderMap,
) -> Result<Sse<impl Stream<Item = Result<Event, Infallible>>>, Refusal> {
    let seen = headers.get("last-event-id").and_then(|id| id.to_str().ok()?.parse().ok());
    let follower = Follower::new(api, seen).await?;
    let stream = futures::stream::unfold(follower, async |mut follower| {
        let event = follower.next().await?;
        Some((Ok(event), follower))
    });
    Ok(Sse::new(stream).keep_alive(KeepAlive::default()))
}

struct Follower {
    api: Arc<Api>,
    watch: Box<dyn Watch>,
    /// Number of the last entry that was sent.
    seen: u64,
    /// The last release of each environment, as it was sent.
    releases: HashMap<EnvironmentId, Release>,
    /// The same of tests.
    tests: HashMap<EnvironmentId, TestsUnderWay>,
    waiting: VecDeque<Event>,
}

impl Follower {
    async fn new(api: Arc<Api>, seen: Option<u64>) -> Result<Self> {
        let watch = api.home.observations.watch().await?;
        let newest = api.home.audit.head().await?.map_or(0, |(number, _)| number);
        let mut follower = Self {
            api,
            watch,
            seen: seen.unwrap_or(newest),
            releases: HashMap::new(),
            tests: HashMap::new(),
            waiting: VecDeque::new(),
        };
        for release in follower.moved().await? {
            follower.releases.insert(release.environment.clone(), release);
        }
        Ok(follower)
    }

    /// `None` when the server ends.
    async fn next(&mut self) -> Option<Event> {
        loop {
            if let Some(event) = self.waiting.pop_front() {
                return Some(event);
            }
            if *self.api.ending.borrow() {
                return None;
            }
            match self.look().await {
                Ok(()) if !self.waiting.is_empty() => continue,
                Ok(()) => {}
                Err(fault) => {
                    tracing::warn!("events can't be told: {}", fault.report());
                    return None;
                }
            }
            let mut ending = self.api.ending.clone();
            tokio::select! {
                () = tokio::time::sleep(PAUSE) => {}
                () = connection::until_ending(&mut ending) => {}
            }
        }
    }

    async fn look(&mut self) -> Result<()> {
        if !self.watch.changed().await? {
            return Ok(());
        }
        let newest = self.api.home.audit.head().await?.map_or(0, |(number, _)| number);
        if newest > self.seen {
            self.changed().await?;
        }
        for tests in self.tested().await? {
            self.tell(Event::default().event("tests").json_data(&tests));
            self.tests.insert(tests.environment.clone(), tests);
        }
        Ok(())
    }

    /// Tells what was decided.
    async fn changed(&mut self) -> Result<()> {
        let news = AuditFilter { after: self.seen, ..AuditFilter::default() };
        for entry in self.api.home.audit.list(&news).await?.into_iter().rev() {
            self.seen = entry.number;
            if entry.event.starts_with("alert.") {
                self.tell(Event::default().event("alert").json_data(&entry.details["after"]));
            }
            self.tell(Event::default().event("audit").id(entry.number.to_string()).json_data(&entry));
        }
        for release in self.moved().await? {
            self.tell(Event::default().event("release").json_data(&release));
            self.releases.insert(release.environment.clone(), release);
        }
        Ok(())
    }

    fn tell(&mut self, event: Result<Event, axum::Error>) {
        match event {
            Ok(event) => self.waiting.push_back(event),
            Err(error) => tracing::error!("an event can't be written: {error}"),
        }
    }

    /// Tests under way, where they are not as they were sent.
    async fn tested(&mut self) -> Result<Vec<TestsUnderWay>> {
        let mut moved = Vec::new();
        let is_tested = |release: &&Release| {
            // Also how they ended.
            release.status == ReleaseStatus::Testing || self.tests.contains_key(&release.environment)
        };
        for release in self.releases.values().filter(is_tested) {
            let tests = self.api.home.observations.tests(&release.environment).await?;
            moved.extend(tests.filter(|tests| {
                tests.release == release.id && self.tests.get(&release.environment) != Some(tests)
            }));
        }
        Ok(moved)
    }

    /// Releases under way, and those that were and have ended, where they are not as they were sent.
    async fn moved(&mut self) -> Result<Vec<Release>> {
        let store = Arc::clone(&self.api.home.environments);
        let mut moved = Vec::new();
        for environment in store.environments(None).await? {
            let known = self.releases.get(&environment.id);
            let ids: [Option<ReleaseId>; 2] =
                [known.filter(|known| !known.status.has_ended()).map(|known| known.id), environment.release];
            let mut ids: Vec<ReleaseId> = ids.into_iter().flatten().collect();
            ids.dedup();
            for id in ids {
                if let Some(release) = store.release(id).await?
                    && known != Some(&release)
                {
                    moved.push(release);
                }
            }
        }
        Ok(moved)
    }
}
