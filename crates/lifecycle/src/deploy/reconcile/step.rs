//! One environment: its replicas, and its release's next move.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{Environment, EnvironmentId, Release, ReleaseStatus};
use modelyard_core::ports::Change;
use modelyard_core::{Digest, Fault, Kind, Result, Timestamp, canonical};
use modelyard_deploy::target::{Target, Wanted};
use serde_json::{Value, json};

use super::{Read, Reconciler, Test};
use crate::deploy::labelled::{self, Labels};
use crate::deploy::moves::{self, Moved};
use crate::deploy::{View, judge, release};

/// The target is told again what is wanted at least so often.
const TOLD_MICROS: i64 = 1_000_000;

/// Labels are read again no sooner.
const READ_MICROS: i64 = 10_000_000;

impl Reconciler {
    /// The next move of the release of `environment`; answers whether something moved.
    pub(super) async fn step(&self, environment: Environment) -> Result<bool> {
        let id = environment.id.clone();
        let release = match environment.release {
            Some(release) => self.home.environments.release(release).await?,
            None => None,
        };
        let has_leaving = environment.state.placed.len() != environment.state.wanted().count();
        if release.is_none() && !has_leaving {
            self.with_memory(&id, |memory| memory.test = None);
            return Ok(false);
        }
        let set_by = self.with_memory(&id, |memory| std::mem::take(&mut memory.set_by));
        if let Some(release) = release.as_ref().filter(|_| set_by != 0) {
            return self.adjust(environment, release, set_by).await;
        }
        let now = self.clock.now();
        let mut view = View::of(self.home.observations.reports(&id).await?, now);
        let wanted = wanted(&environment, self.program).ok();
        (view.trouble, view.replacing) = self.with_memory(&id, |memory| {
            (memory.trouble.clone(), memory.told.as_ref().map(|(told, _)| told) != wanted.as_ref())
        });
        let Some(release) = release else {
            let Some(tidied) = moves::tidied(&environment, &view) else { return Ok(false) };
            let cause = "a version has left every replica".to_owned();
            let change = Change {
                environment: tidied,
                release: None,
                aliases: Vec::new(),
                event: "environment.tidied",
                cause,
                details: Value::Null,
            };
            return self.write(change, moves::ACTOR).await;
        };
        view.rejected = release::rejection(&self.home, &release).await?;
        match release.status {
            ReleaseStatus::Waiting => {
                view.missing = release::missing(&self.home, &environment, &release).await?;
            }
            ReleaseStatus::Testing => {
                view.tested = self.tested(&environment, &release, &view).await;
                view.testing = self.with_memory(&id, |memory| memory.test.is_some());
            }
            _ => self.with_memory(&id, |memory| memory.test = None),
        }
        if release.status == ReleaseStatus::Rolling {
            view.labels = self.labels(&release, now).await?;
        }
        let Some(moved) = moves::next(&release, &environment, &view, now) else { return Ok(false) };
        let Moved { environment, release, aliases, event, cause, by } = moved;
        let saw = release.decisions.last().map_or(Value::Null, |decision| decision.saw.clone());
        let details = if saw.is_null() { Value::Null } else { json!({ "saw": saw }) };
        let change = Change { environment, release: Some(release), aliases, event, cause, details };
        self.write(change, &by).await
    }

    /// What labels say of the step: read anew now and then, since it takes reading the log.
    async fn labels(&self, release: &Release, now: Timestamp) -> Result<Option<Labels>> {
        let id = &release.environment;
        let Some(incumbent) = judge::incumbent(&release.before, release.package) else { return Ok(None) };
        let step = (release.id, release.step);
        let known = self.with_memory(id, |memory| memory.labels.clone());
        let is_new = |(of, at, _): &Read| *of == step && now.micros() - at.micros() < READ_MICROS;
        if let Some((.., labels)) = known.filter(is_new) {
            return Ok(labels);
        }
        let labels = labelled::labels(&self.home, release, incumbent, now).await?;
        self.with_memory(id, |memory| memory.labels = Some((step, now, labels.clone())));
        Ok(labels)
    }

    /// The step of `release` began when it did, by the time as it is told now: what a step lasts is judged by
    /// how time passed, not by how somebody set it.
    async fn adjust(&self, environment: Environment, release: &Release, set_by: i64) -> Result<bool> {
        let id = environment.id.clone();
        let mut next = release.clone();
        next.step_since = Timestamp::from_micros(next.step_since.micros().saturating_add(set_by));
        let cause = format!("release {}: the clock was set by {} s", next.id, set_by as f64 / 1e6);
        let change = Change {
            environment,
            release: Some(next),
            aliases: Vec::new(),
            event: "release.clock_set",
            cause,
            details: Value::Null,
        };
        let actor = Actor { name: moves::ACTOR.to_owned(), at: self.clock.now() };
        let written = self.home.environments.change(&change, &actor).await;
        if written.is_err() {
            self.with_memory(&id, |memory| memory.set_by += set_by);
        }
        match written {
            Err(fault) if fault.kind() != Kind::Conflict => Err(fault),
            _ => Ok(true),
        }
    }

    /// Writes a move; one that was made from what is no longer so is made again.
    async fn write(&self, change: Change, by: &str) -> Result<bool> {
        let actor = Actor { name: by.to_owned(), at: self.clock.now() };
        match self.home.environments.change(&change, &actor).await {
            Ok(_) => Ok(true),
            Err(fault) if fault.kind() == Kind::Conflict => Ok(true),
            Err(fault) => Err(fault),
        }
    }

    /// Tells the target what is wanted, where that is news or was long ago. Takes as long as replacing a
    /// replica does. `None` where nothing was to be told.
    pub(super) async fn tell(&self, environment: &Environment) -> Option<Result<()>> {
        let id = &environment.id;
        let wanted = match wanted(environment, self.program) {
            Ok(wanted) => wanted,
            Err(fault) => {
                self.with_memory(id, |memory| memory.trouble = Some(fault.report()));
                return Some(Err(fault));
            }
        };
        let now = self.clock.now();
        let due = self.with_memory(id, |memory| match &memory.told {
            Some((told, at)) => {
                let age = now.micros() - at.micros();
                *told != wanted || !(0..TOLD_MICROS).contains(&age)
            }
            // Where nothing was ever wanted there is nothing to tell.
            None => wanted.replicas > 0 || environment.state.generation > 0,
        });
        if !due {
            return None;
        }
        let told = told(&*self.target, environment, &wanted).await;
        self.with_memory(id, |memory| {
            memory.told = Some((wanted, now));
            memory.trouble = told.as_ref().err().map(Fault::report);
        });
        Some(told.map(|_| ()))
    }

    /// What the tests of `release` came to; begins them where they are not under way.
    async fn tested(
        &self,
        environment: &Environment,
        release: &Release,
        view: &View,
    ) -> Option<Result<crate::deploy::Tested, String>> {
        let ready = view.is_settled() && view.is_ready(release.package, environment.state.generation);
        let ended = self.with_memory(&environment.id, |memory| {
            if memory.test.as_ref().is_some_and(|test| test.release != release.id) {
                memory.test = None;
            }
            // Replicas take a moment until they answer with it.
            if memory.test.is_none() && ready {
                let (tester, woken) = (Arc::clone(&self.tester), Arc::clone(&self.woken));
                let (environment, of) = (environment.clone(), release.clone());
                let task = tokio::spawn(async move {
                    let tested = tester.test(&environment, &of).await;
                    woken.notify_one();
                    tested
                });
                memory.test = Some(Test { release: release.id, task });
            }
            memory.test.take_if(|test| test.task.is_finished())
        });
        let mut test = ended?;
        Some(match (&mut test.task).await {
            Ok(tested) => tested.map_err(|fault| fault.report()),
            Err(error) => Err(format!("the tester ended: {error}")),
        })
    }
}

/// Has `target` bring about what is wanted in `environment`; of one that the project no longer has nothing is kept.
///
/// # Errors
/// As [`Target::apply`] and [`Target::remove`].
pub async fn told(target: &dyn Target, environment: &Environment, wanted: &Wanted) -> Result<()> {
    match environment.removed {
        true => target.remove(&environment.id).await,
        false => target.apply(wanted).await,
    }
}

/// The replicas that `environment` is to have, processes of the program with the digest `program`.
///
/// # Errors
/// If its address is none.
pub fn wanted(environment: &Environment, program: Digest) -> Result<Wanted> {
    let spec = &environment.spec;
    let listen: SocketAddr = spec.listen.parse().map_err(|error| {
        Fault::new(Kind::Config, format!("`{}` is no address to listen on", spec.listen)).because(error)
    })?;
    let serves = environment.running && environment.state.wanted().next().is_some();
    let settings = json!({
        "program": program,
        "limits": spec.limits,
        "python": spec.python,
        "sandbox": spec.sandbox,
        "batch": spec.batch,
        "env": spec.env,
    });
    Ok(Wanted {
        environment: EnvironmentId::clone(&environment.id),
        listen,
        replicas: if serves { spec.replicas } else { 0 },
        settings: canonical::digest("modelyard replica v2", &settings),
        longest_answer: Duration::try_from_secs_f64(spec.limits.timeout_secs).unwrap_or(Duration::MAX),
        longest_start: Duration::try_from_secs_f64(spec.limits.start_secs + moves::FETCHING_SECS)
            .unwrap_or(Duration::MAX),
    })
}
