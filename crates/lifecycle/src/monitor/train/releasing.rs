//! From a registered version to one that serves: through the environments that production requires, then by
//! production's strategy.
//!
//! Nothing is remembered but what releases say of themselves: each is known by its package and by its cause, in
//! which stands what set the training off.

use modelyard_core::deploy::{Environment, EnvironmentId, Facts, Release, ReleaseKind, ReleaseStatus};
use modelyard_core::model::{ModelRef, ModelVersion};
use modelyard_core::monitor::{Cause, CauseState};
use modelyard_core::{Fault, Kind, Result};

use super::Loop;
use crate::deploy::environments::find;
use crate::deploy::release::{self, Asked, Begun, title};
use crate::monitor::trigger;

/// Where a version is on its way.
enum Way {
    /// What it waits for.
    Waits(String),
    /// It has arrived.
    There(String),
    Stopped(String),
}

impl Loop<'_> {
    /// Does what is next about the version that `causes` trained; answers what is under way then.
    pub(super) async fn go_on_releasing(&self, causes: &[&Cause]) -> Result<Option<String>> {
        let Some((first, model)) = causes.iter().find_map(|cause| Some((*cause, cause.model.clone()?)))
        else {
            return Ok(None);
        };
        let (way, release) = self.way(first, &model).await?;
        let (state, reason) = match way {
            Way::Waits(reason) => (CauseState::Releasing, reason),
            Way::There(reason) => (CauseState::Done, reason),
            Way::Stopped(reason) => (CauseState::Failed, reason),
        };
        for cause in causes {
            let next = Cause {
                release: release.as_ref().map(|release| release.id).or(cause.release),
                ..(*cause).clone()
            };
            if next.release != cause.release || (cause.state, &cause.reason) != (state, &reason) {
                self.write(&next, state, &reason).await?;
            }
        }
        match state {
            CauseState::Failed => {
                self.alert(causes, "release-failed", &reason).await?;
                Ok(None)
            }
            CauseState::Done => {
                self.calm(causes, "release-failed").await?;
                Ok(None)
            }
            _ => Ok(Some(format!("{model} is being released"))),
        }
    }

    /// Takes the next step of `model`, and answers the release that it is on.
    async fn way(&self, cause: &Cause, model: &str) -> Result<(Way, Option<Release>)> {
        let Some(production) = trigger::production(self.applied) else {
            return Ok((Way::Stopped("the project has no environment to release to".to_owned()), None));
        };
        let reference: ModelRef = model.parse()?;
        let Some(version) = self.home.models.resolve(&reference).await? else {
            return Ok((Way::Stopped(format!("{model} is no longer registered")), None));
        };
        let why = format!("{} {}", cause.trigger, cause.key);
        for (environment, is_target) in self.chain(&production).await? {
            let name = &environment.id.name;
            let releases = self.home.environments.releases(&environment.id).await?;
            let of_package: Vec<&Release> =
                releases.iter().filter(|release| release.package == version.package).collect();
            if !is_target && self.has_passed(&environment, &of_package, &version).await? {
                continue;
            }
            let ours = of_package.iter().find(|release| release.cause == why);
            match ours {
                Some(release) if !release.status.has_ended() => {
                    let reason = match release.status {
                        ReleaseStatus::Waiting => {
                            let missing = release::missing(self.home, &environment, release).await?;
                            missing.unwrap_or_else(|| format!("{model} → {name}, waiting"))
                        }
                        _ => format!("{model} → {name}, {}", release::status(release, false)),
                    };
                    return Ok((Way::Waits(reason), Some((*release).clone())));
                }
                Some(release) if release.status == ReleaseStatus::Done => {
                    if is_target {
                        return Ok((Way::There(format!("{model} serves {name}")), Some((*release).clone())));
                    }
                    continue;
                }
                Some(release) => {
                    let reason = release.reason.as_deref().unwrap_or("no reason was given");
                    let what =
                        format!("{} → {name}, {}: {reason}", title(release), release::status(release, false));
                    return Ok((Way::Stopped(what), Some((*release).clone())));
                }
                None => {}
            }
            let kind = if is_target { ReleaseKind::Release } else { ReleaseKind::Deploy };
            return self.begin_release(cause, &environment, &version, reference.clone(), kind, why).await;
        }
        Ok((Way::There(format!("{model} is where it is to be")), None))
    }

    async fn begin_release(
        &self,
        cause: &Cause,
        environment: &Environment,
        version: &ModelVersion,
        model: ModelRef,
        kind: ReleaseKind,
        why: String,
    ) -> Result<(Way, Option<Release>)> {
        let (name, title) = (&environment.id.name, model.to_string());
        if let Some(obstacle) = self.obstacle(environment) {
            return Ok((Way::Waits(format!("{title} → {name}: {obstacle}")), None));
        }
        let machine = self.hands.machine(version.runtime == "onnx").await?;
        let asked = Asked {
            environment: environment.id.clone(),
            model: Some(model),
            kind,
            strategy: None,
            cause: why,
        };
        let by = trigger::actor(&cause.trigger, self.clock.now()).name;
        Ok(match release::begin(self.home, self.clock, machine, &asked, &by).await {
            Ok(Begun::Release(release)) => (Way::Waits(format!("{title} → {name}")), Some(*release)),
            Ok(Begun::Already(_)) => (Way::There(format!("{title} serves {name} already")), None),
            Err(fault) if fault.kind() == Kind::Release => (Way::Stopped(told(&fault)), None),
            Err(fault) => return Err(fault),
        })
    }

    /// What keeps any release from beginning now, and passes.
    fn obstacle(&self, environment: &Environment) -> Option<String> {
        if environment.removed || !environment.running {
            return Some("it is stopped".to_owned());
        }
        if environment.is_frozen(self.clock.now()) {
            let by = environment.frozen.as_ref().map_or("", |freeze| freeze.by.as_str());
            return Some(format!("`{by}` froze it"));
        }
        environment.release.map(|_| "another release is under way".to_owned())
    }

    /// The environments up to `target`, first the one where a version begins.
    async fn chain(&self, target: &EnvironmentId) -> Result<Vec<(Environment, bool)>> {
        let mut chain = vec![(find(self.home, target).await?, true)];
        while let Some(required) = chain.last().and_then(|(environment, _)| environment.spec.requires.clone())
        {
            if chain.iter().any(|(environment, _)| environment.id.name == required) {
                break;
            }
            let id = EnvironmentId { project: target.project.clone(), name: required };
            chain.push((find(self.home, &id).await?, false));
        }
        chain.reverse();
        Ok(chain)
    }

    /// Whether the package has passed its tests in `environment`, as it is.
    async fn has_passed(
        &self,
        environment: &Environment,
        releases: &[&Release],
        version: &ModelVersion,
    ) -> Result<bool> {
        let Some(tested) = releases.iter().find(|release| release.passed.is_some()) else { return Ok(false) };
        if tested.passed != Some(true) {
            return Ok(false);
        }
        let machine = self.hands.machine(version.runtime == "onnx").await?;
        let facts = Facts::of(&environment.spec, machine.program, machine.onnx_library);
        Ok(tested.facts.as_ref().is_none_or(|then| then.differences(&facts).is_empty()))
    }
}

/// The message of `fault` with its details, on a line.
fn told(fault: &Fault) -> String {
    let details = fault.details().iter().map(|(label, text)| format!("; {label}: {text}"));
    format!("{}{}", fault.message(), details.collect::<String>())
}
