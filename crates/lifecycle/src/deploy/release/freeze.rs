//! Freezing an environment: no release begins in it.

use modelyard_core::audit::Actor;
use modelyard_core::deploy::{Environment, EnvironmentId, Freeze};
use modelyard_core::ports::Home;
use modelyard_core::{Fault, Result, Timestamp};

use crate::deploy::writing::{self, plain};

/// Lets no release begin until `until`, or until [`unfreeze`].
///
/// # Errors
/// If there is no such environment.
pub async fn freeze(home: &Home, id: &EnvironmentId, freeze: Freeze, now: Timestamp) -> Result<Environment> {
    let by = freeze.by.clone();
    let cause = match freeze.until {
        Some(until) => format!("frozen until {until}"),
        None => "frozen".to_owned(),
    };
    set_frozen(home, id, Some(freeze), "environment.frozen", &cause, &by, now).await
}

/// Lets releases begin again.
///
/// # Errors
/// If there is no such environment.
pub async fn unfreeze(home: &Home, id: &EnvironmentId, by: &str, now: Timestamp) -> Result<Environment> {
    set_frozen(home, id, None, "environment.unfrozen", "no longer frozen", by, now).await
}

async fn set_frozen(
    home: &Home,
    id: &EnvironmentId,
    frozen: Option<Freeze>,
    event: &'static str,
    cause: &str,
    by: &str,
    now: Timestamp,
) -> Result<Environment> {
    let frozen = &frozen;
    let decide = |mut environment: Environment| async move {
        if environment.frozen == *frozen {
            return Ok((None, ()));
        }
        environment.frozen = frozen.clone();
        Ok::<_, Fault>((Some(plain(environment, None, event, cause.to_owned())), ()))
    };
    let actor = Actor { name: by.to_owned(), at: now };
    Ok(writing::change(home, id, &actor, decide).await?.0)
}

/// Who lets no release begin in `environment` now.
pub(super) fn frozen(environment: &Environment, now: Timestamp) -> Option<String> {
    let freeze = environment.frozen.as_ref().filter(|_| environment.is_frozen(now))?;
    let until = freeze.until.map_or_else(String::new, |until| format!(" until {until}"));
    Some(format!("`{}` froze it{until}", freeze.by))
}
