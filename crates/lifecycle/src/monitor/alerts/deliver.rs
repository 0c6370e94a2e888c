//! Telling people: each sink by itself, in the order in which things happened, again where it was not taken.
//!
//! What is to be told lies in the home, so a server that is killed goes on where it was; a message that was on
//! its way then may come twice, with the same id. Every sink is told in a task of its own, so that one that
//! hangs holds up no other.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use async_trait::async_trait;
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{Alert, AlertState, Delivery, Severity, Sink};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result, Timestamp};
use serde::Serialize;
use tokio::task::JoinHandle;
use utoipa::ToSchema;

use super::sink::{self, Message, Outside};
use super::state::{Act, later, next};
use crate::monitor::Duty;

/// For a sink to take a message. One that hangs for a minute and goes on then has it once.
const PATIENCE: Duration = Duration::from_secs(100);

/// Until the second attempt, seconds; twice that until the third, and so on …
const FIRST_PAUSE_SECS: f64 = 1.0;
/// … up to this.
const LONGEST_PAUSE_SECS: f64 = 600.0;
/// About three days.
const ATTEMPTS: u32 = 440;

/// Project and name of a sink.
type SinkId = (String, String);

/// Tells what is to be told.
pub struct Deliveries {
    teller: Teller,
    /// Sinks that are being told.
    busy: Mutex<BTreeMap<SinkId, JoinHandle<()>>>,
}

impl Deliveries {
    pub fn new(home: Home, clock: Arc<dyn Clock>, outside: Outside) -> Self {
        Self { teller: Teller { home, clock, outside }, busy: Mutex::default() }
    }
}

#[async_trait]
impl Duty for Deliveries {
    fn name(&self) -> &'static str {
        "what people are told"
    }

    /// Begins to tell every sink that something waits for.
    async fn look(&self) -> Result<()> {
        let teller = &self.teller;
        for project in teller.home.environments.projects().await? {
            let waiting = teller.home.alerts.deliveries(&project).await?;
            let now = teller.clock.now();
            let is_due = |delivery: &&Delivery| delivery.due.is_some_and(|due| due <= now);
            let sinks: BTreeSet<&String> =
                waiting.iter().filter(is_due).map(|delivery| &delivery.sink).collect();
            let mut busy = self.busy.lock().unwrap_or_else(PoisonError::into_inner);
            busy.retain(|_, task| !task.is_finished());
            for sink in sinks {
                busy.entry((project.clone(), sink.clone())).or_insert_with_key(|(project, sink)| {
                    let (teller, project, sink) = (teller.clone(), project.clone(), sink.clone());
                    tokio::spawn(async move { teller.tell_all(&project, &sink).await })
                });
            }
        }
        Ok(())
    }
}

impl Drop for Deliveries {
    fn drop(&mut self) {
        let busy = self.busy.get_mut().unwrap_or_else(PoisonError::into_inner);
        busy.values().for_each(JoinHandle::abort);
    }
}

#[derive(Clone)]
struct Teller {
    home: Home,
    clock: Arc<dyn Clock>,
    outside: Outside,
}

impl Teller {
    /// Tells a sink what waits for it. The home's faults are met again at the next look.
    async fn tell_all(&self, project: &str, sink: &str) {
        let Ok(waiting) = self.home.alerts.deliveries(project).await else { return };
        for delivery in waiting.into_iter().filter(|delivery| delivery.sink == sink) {
            if self.tell(project, delivery).await.is_err() {
                return;
            }
        }
    }

    async fn tell(&self, project: &str, mut delivery: Delivery) -> Result<()> {
        let (alert, told) = super::find(&self.home, delivery.alert).await?;
        let now = self.clock.now();
        match next(&alert, &delivery, &told, now) {
            Act::Wait => return Ok(()),
            Act::Drop => delivery.due = None,
            Act::Tell => {
                delivery.attempts += 1;
                let message = Message { alert, what: delivery.what, at: now };
                match self.send(project, &delivery.sink, &message).await? {
                    Sent::Taken => {
                        delivery.delivered_at = Some(self.clock.now());
                        delivery.due = None;
                        delivery.last_error = None;
                    }
                    Sent::Gone => {
                        delivery.due = None;
                        delivery.last_error = Some("the project no longer has this sink".to_owned());
                    }
                    Sent::Failed(fault) => {
                        delivery.due = again(delivery.attempts, self.clock.now());
                        delivery.last_error = Some(fault.report());
                    }
                }
            }
        }
        self.home.alerts.keep_delivery(&delivery).await
    }

    async fn send(&self, project: &str, name: &str, message: &Message) -> Result<Sent> {
        let Some(applied) = self.home.environments.applied(project).await? else { return Ok(Sent::Gone) };
        let Some(declared) = applied.monitor.as_ref().and_then(|monitor| monitor.sinks.get(name)) else {
            return Ok(Sent::Gone);
        };
        Ok(match self.send_to(declared, &applied.folder, message).await {
            Ok(()) => Sent::Taken,
            Err(fault) => Sent::Failed(fault),
        })
    }

    async fn send_to(&self, declared: &Sink, folder: &str, message: &Message) -> Result<()> {
        let sink = sink::open(&declared.kind, folder, &self.outside)?;
        tokio::time::timeout(PATIENCE, sink.tell(message)).await.unwrap_or_else(|_| {
            let waited = PATIENCE.as_secs();
            Err(Fault::new(Kind::Timeout, format!("it did not take the message within {waited} s")))
        })
    }
}

enum Sent {
    Taken,
    Gone,
    Failed(Fault),
}

/// When it is tried again after so many attempts; `None` where it is given up.
fn again(attempts: u32, now: Timestamp) -> Option<Timestamp> {
    let pause = FIRST_PAUSE_SECS * 2_f64.powi(attempts.saturating_sub(1).min(30) as i32);
    (attempts < ATTEMPTS).then(|| later(now, pause.min(LONGEST_PAUSE_SECS)))
}

/// Whether a sink took a message that was sent for trial.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Trial {
    pub sink: String,
    pub taken: bool,
    /// Why not.
    pub error: Option<String>,
}

/// Sends a message for trial to the sinks that `project` applied, or to `only` one; answers what became of
/// each.
///
/// # Errors
/// [`Kind::NotFound`] if there are none.
pub async fn test(
    home: &Home,
    clock: Arc<dyn Clock>,
    outside: &Outside,
    project: &str,
    only: Option<&str>,
) -> Result<Vec<Trial>> {
    let applied = crate::deploy::apply::applied(home, project).await?;
    let sinks = applied.monitor.iter().flat_map(|monitor| &monitor.sinks);
    let sinks: Vec<_> = sinks.filter(|(name, _)| only.is_none_or(|only| *name == only)).collect();
    if sinks.is_empty() {
        let what = only.map_or_else(|| "no sinks".to_owned(), |name| format!("no sink `{name}`"));
        return Err(Fault::new(Kind::NotFound, format!("project `{project}` has applied {what}"))
            .hint("declare [monitor.sinks.NAME] in modelyard.toml and run `modelyard apply`"));
    }
    let message = Message { alert: trial(&*clock, project), what: AlertState::Opened, at: clock.now() };
    let teller = Teller { home: home.clone(), clock, outside: outside.clone() };
    let trials = sinks.into_iter().map(|(name, sink)| {
        let (teller, message, folder) = (&teller, &message, &applied.folder);
        async move {
            let error = teller.send_to(sink, folder, message).await.err().map(|fault| fault.report());
            Trial { sink: name.clone(), taken: error.is_none(), error }
        }
    });
    Ok(futures::future::join_all(trials).await)
}

/// An alert that is none.
fn trial(clock: &dyn Clock, project: &str) -> Alert {
    let now = clock.now();
    Alert {
        version: 1,
        id: AlertId::new(clock),
        project: project.to_owned(),
        environment: None,
        rule: "test".to_owned(),
        subject: "sinks".to_owned(),
        severity: Severity::Info,
        state: AlertState::Opened,
        message: "this is a trial: alerts arrive here".to_owned(),
        since: now,
        opened_at: now,
        acknowledged: None,
        resolved_at: None,
        silenced_until: None,
        seen: 1,
        revision: 0,
    }
}
