//! Alerts about how an environment stands, which no window shows: requests that stop coming, a version that
//! grew old.
//!
//! To add a rule: a function and a line in [`RULES`].

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use async_trait::async_trait;
use modelyard_core::deploy::{Environment, EnvironmentId};
use modelyard_core::model::{ModelRef, ModelVersion, Which};
use modelyard_core::monitor::{About, MonitorSpec, Severity};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Result, Timestamp};

use super::state::later;
use super::{MONITOR, Notice, raise, resolve};
use crate::monitor::Duty;

/// A rule's name, what its alert is about, and whether it holds.
type Rule = (&'static str, &'static str, fn(&Facts) -> Option<Held>);

const RULES: [Rule; 2] = [("silence", "requests", silence), ("age", "model", age)];

/// What rules judge.
#[derive(Clone, Debug)]
struct Facts {
    now: Timestamp,
    silence_secs: Option<f64>,
    max_age_secs: Option<f64>,
    /// Since when it answers, as far as that is known; `None` where it is not to.
    serves_since: Option<Timestamp>,
    last_answer: Option<Timestamp>,
    /// The version that serves.
    version: Option<ModelVersion>,
}

/// Why a rule holds, in words that stay the same as long as it does.
#[derive(Clone, Debug, PartialEq)]
struct Held {
    severity: Severity,
    message: String,
    since: Timestamp,
}

fn silence(facts: &Facts) -> Option<Held> {
    let (limit, serves_since) = (facts.silence_secs?, facts.serves_since?);
    let last = facts.last_answer.map_or(serves_since, |last| last.max(serves_since));
    if facts.now < later(last, limit) {
        return None;
    }
    let came = match facts.last_answer {
        Some(at) => format!("the last came at {}", second(at)),
        None => "none ever came".to_owned(),
    };
    let message = format!("no request for {}: {came}", span(limit));
    Some(Held { severity: Severity::Critical, message, since: last })
}

fn age(facts: &Facts) -> Option<Held> {
    let (limit, version) = (facts.max_age_secs?, facts.version.as_ref()?);
    let since = later(version.created_at, limit);
    let (name, number) = (&version.name, version.number);
    let message =
        format!("{name}@{number} is older than {}: it is of {}", span(limit), second(version.created_at));
    (facts.now >= since).then_some(Held { severity: Severity::Warning, message, since })
}

/// `1 h`, `30 d`, `90 s`: as it is written in the configuration.
fn span(seconds: f64) -> String {
    let units = [(86_400.0, "d"), (3_600.0, "h"), (60.0, "min")];
    let whole = units.into_iter().find(|(unit, _)| seconds >= *unit && seconds % unit == 0.0);
    let (unit, name) = whole.unwrap_or((1.0, "s"));
    format!("{} {name}", seconds / unit)
}

/// To the second.
fn second(at: Timestamp) -> String {
    Timestamp::from_micros(at.micros().div_euclid(1_000_000) * 1_000_000).to_string()
}

/// Looks at how watched environments stand.
pub struct Standing {
    home: Home,
    clock: Arc<dyn Clock>,
    seen: Mutex<BTreeMap<EnvironmentId, Seen>>,
}

/// What the look before saw of an environment.
#[derive(Clone, Debug, Default)]
struct Seen {
    /// Since when it serves, where that was seen to begin.
    serves_since: Option<Timestamp>,
    serves: bool,
    /// What held of each rule; `None`: nothing was looked at yet.
    held: Option<Vec<Option<Held>>>,
}

impl Standing {
    pub fn new(home: Home, clock: Arc<dyn Clock>) -> Self {
        Self { home, clock, seen: Mutex::default() }
    }

    async fn look_at(&self, environment: &Environment, spec: &MonitorSpec) -> Result<()> {
        let id = &environment.id;
        let before = self.seen.lock().unwrap_or_else(PoisonError::into_inner).get(id).cloned();
        let before = before.unwrap_or_default();
        let stable = environment.state.stable();
        let serves = environment.running && !environment.removed && stable.is_some();
        let now = self.clock.now();
        let is_first = before.held.is_none();
        // What was stopped, or could not be seen, is given time from when it serves again.
        let serves_since =
            if serves && !before.serves && !is_first { Some(now) } else { before.serves_since };
        let facts = Facts {
            now,
            silence_secs: spec.silence_secs,
            max_age_secs: spec.max_age_secs,
            serves_since: match (serves, spec.silence_secs, serves_since) {
                (true, Some(_), None) => self.deployed_at(id).await?,
                (serves, _, since) => since.filter(|_| serves),
            },
            last_answer: match spec.silence_secs {
                Some(_) => self.home.observations.served(id).await?.iter().map(|span| span.last).max(),
                None => None,
            },
            version: match (spec.max_age_secs, stable) {
                (Some(_), Some(placed)) => {
                    let version =
                        ModelRef { name: placed.model.clone(), which: Which::Number(placed.number) };
                    self.home.models.resolve(&version).await?
                }
                _ => None,
            },
        };
        let held: Vec<_> = RULES.iter().map(|(_, _, holds)| holds(&facts)).collect();
        for (place, (rule, subject, _)) in RULES.iter().enumerate() {
            let known = before.held.as_ref().map(|held| &held[place]);
            if known != Some(&held[place]) {
                self.tell(id, rule, subject, held[place].as_ref()).await?;
            }
        }
        let seen = Seen { serves_since, serves, held: Some(held) };
        self.seen.lock().unwrap_or_else(PoisonError::into_inner).insert(id.clone(), seen);
        Ok(())
    }

    /// When the environment's last state began.
    async fn deployed_at(&self, id: &EnvironmentId) -> Result<Option<Timestamp>> {
        Ok(self.home.environments.states(id).await?.last().map(|state| state.wanted_from))
    }

    async fn tell(&self, id: &EnvironmentId, rule: &str, subject: &str, held: Option<&Held>) -> Result<()> {
        let about = About {
            project: id.project.clone(),
            environment: Some(id.name.clone()),
            rule: rule.to_owned(),
            subject: subject.to_owned(),
        };
        match held {
            Some(held) => {
                let Held { severity, message, since } = held.clone();
                let notice = Notice { about, severity, message, since };
                raise(&self.home, &*self.clock, &notice, MONITOR).await?;
            }
            None => {
                resolve(&self.home, &*self.clock, &about, MONITOR).await?;
            }
        }
        Ok(())
    }
}

#[async_trait]
impl Duty for Standing {
    fn name(&self) -> &'static str {
        "how environments stand"
    }

    async fn look(&self) -> Result<()> {
        for project in self.home.environments.projects().await? {
            let applied = self.home.environments.applied(&project).await?;
            let Some(spec) = applied.and_then(|applied| applied.monitor) else { continue };
            let id = EnvironmentId { project, name: spec.environment.clone() };
            if let Some(environment) = self.home.environments.environment(&id).await? {
                self.look_at(&environment, &spec).await?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::tests::at;
    use super::*;

    fn facts(now: i64) -> Facts {
        Facts {
            now: at(now),
            silence_secs: Some(3600.0),
            max_age_secs: Some(86_400.0),
            serves_since: Some(at(0)),
            last_answer: None,
            version: Some(ModelVersion {
                version: 1,
                name: "late".to_owned(),
                number: 3,
                package: modelyard_core::Digest::of(b"package"),
                runtime: "onnx".to_owned(),
                created_at: at(0),
                created_by: "ada".to_owned(),
                project: None,
                run: None,
                report: None,
                metric: None,
            }),
        }
    }

    #[test]
    fn silence_counts_from_the_last_answer_or_from_when_it_serves() {
        let held = silence(&facts(3600)).unwrap();
        assert_eq!((held.since, held.message.contains("none ever came")), (at(0), true));
        assert_eq!(silence(&facts(3599)), None);
        let answered = Facts { last_answer: Some(at(100)), ..facts(3700) };
        assert_eq!(silence(&answered).unwrap().since, at(100));
        assert_eq!(silence(&Facts { now: at(3699), ..answered.clone() }), None);
        let later = Facts { now: at(9999), ..answered.clone() };
        assert_eq!(silence(&later), silence(&answered), "it says the same as long as it holds");
        let started_again = Facts { serves_since: Some(at(3000)), ..answered.clone() };
        assert_eq!(silence(&started_again), None);
        assert_eq!(silence(&Facts { serves_since: None, ..answered }), None, "stopped");
        assert_eq!(silence(&Facts { silence_secs: None, ..facts(9999) }), None);
    }

    #[test]
    fn a_version_is_old_from_its_limit_on() {
        assert_eq!(age(&facts(86_399)), None);
        let held = age(&facts(86_400)).unwrap();
        assert_eq!((held.since, held.message), (at(86_400), age(&facts(99_999)).unwrap().message));
        assert_eq!(age(&Facts { version: None, ..facts(99_999) }), None);
    }
}
