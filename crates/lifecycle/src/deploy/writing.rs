//! Changes of an environment: read, decided, written; decided anew where somebody else was first.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{Environment, EnvironmentId, Release};
use modelyard_core::ports::{Change, Home};
use modelyard_core::{Kind, Result};
use serde_json::Value;

use super::environments::find;

/// Lets `decide` say what becomes of the environment `id`, and writes that, by `actor`. Answers the
/// environment as it is then, and what else was decided; with no change it stays as it was.
///
/// # Errors
/// If there is no such environment, what `decide` refuses, or if the home can't be written.
pub(super) async fn change<T, D: Future<Output = Result<(Option<Change>, T)>>>(
    home: &Home,
    id: &EnvironmentId,
    actor: &Actor,
    decide: impl Fn(Environment) -> D,
) -> Result<(Environment, T)> {
    loop {
        let found = find(home, id).await?;
        let (change, answer) = decide(found.clone()).await?;
        let Some(change) = change else { return Ok((found, answer)) };
        match home.environments.change(&change, actor).await {
            Ok(environment) => return Ok((environment, answer)),
            Err(fault) if fault.kind() == Kind::Conflict => {}
            Err(fault) => return Err(fault),
        }
    }
}

/// `environment` and `release` as they are to be, with nothing besides.
pub(super) fn plain(
    environment: Environment,
    release: Option<&Release>,
    event: &'static str,
    cause: String,
) -> Change {
    Change { environment, release: release.cloned(), aliases: Vec::new(), event, cause, details: Value::Null }
}
