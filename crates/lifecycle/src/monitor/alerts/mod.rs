//! Alerts: what holds and should not, from its first notice to its end, and who is told.
//!
//! Whoever finds something calls [`raise`], and [`resolve`] when it holds no more; to say the same again
//! changes nothing. What an alert becomes is decided in [`state`], without a home. [`deliver`] tells people,
//! through the sinks of `[monitor]`.
//!
//! ```text
//! state     what becomes of an alert, and which sinks are to hear of it
//! deliver   telling them, each by itself
//! sink      how each kind of them is told
//! standing  alerts about how an environment stands
//! ```

mod deliver;
mod sink;
mod standing;
mod state;

use modelyard_core::audit::Actor;
use modelyard_core::id::AlertId;
use modelyard_core::monitor::{About, Alert, Delivery, MonitorSpec, Severity};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Fault, Kind, Result, Timestamp};

pub use deliver::{Deliveries, Trial, test};
pub use sink::{Outside, Post};
pub use standing::Standing;
use state::Change;

/// Who raises and resolves what nobody asked for.
pub const MONITOR: &str = "monitor";

/// What was noticed.
#[derive(Clone, Debug, PartialEq)]
pub struct Notice {
    pub about: About,
    pub severity: Severity,
    /// One sentence. Another sentence is news; the same one is not, so it says nothing that changes by itself.
    pub message: String,
    /// Since when it holds, on the rule's own clock.
    pub since: Timestamp,
}

/// Opens an alert, or adds to the one that is open; answers it. Sinks are told of it once.
///
/// # Errors
/// If the home can't be read or written.
pub async fn raise(home: &Home, clock: &dyn Clock, notice: &Notice, by: &str) -> Result<Alert> {
    let spec = spec(home, &notice.about.project).await?;
    let id = AlertId::new(clock);
    let raised = change(home, clock, &notice.about, by, |latest, told, now| {
        Ok(state::noticed(latest, notice, spec.as_ref(), told, now, id))
    });
    raised.await?.ok_or_else(|| Fault::new(Kind::Internal, "an alert that was raised is not there"))
}

/// Ends the alert about this, if one is open; answers the last one about it.
///
/// # Errors
/// If the home can't be read or written.
pub async fn resolve(home: &Home, clock: &dyn Clock, about: &About, by: &str) -> Result<Option<Alert>> {
    let resolved = change(home, clock, about, by, |latest, told, now| {
        Ok(latest.filter(|alert| alert.is_open()).map(|open| state::resolved(open, told, now)))
    });
    resolved.await
}

/// Notes that `by` has seen to the alert; to do so again changes nothing.
///
/// # Errors
/// [`Kind::NotFound`] if there is none, [`Kind::Conflict`] if it is resolved.
pub async fn acknowledge(home: &Home, clock: &dyn Clock, id: AlertId, by: &str) -> Result<Alert> {
    changed(home, clock, id, by, |alert, now| state::acknowledged(alert, by, now)).await
}

/// Tells nobody of the alert before `until`, nor of another about the same that opens before then; `None` ends
/// the silence.
///
/// # Errors
/// [`Kind::NotFound`] if there is none, [`Kind::Conflict`] if it is resolved.
pub async fn silence(
    home: &Home,
    clock: &dyn Clock,
    id: AlertId,
    until: Option<Timestamp>,
    by: &str,
) -> Result<Alert> {
    changed(home, clock, id, by, |alert, _| state::silenced(alert, until)).await
}

/// Alerts of all projects, the newest first; those that are not resolved alone where `open`.
///
/// # Errors
/// If the home can't be read.
pub async fn list(home: &Home, open: bool) -> Result<Vec<Alert>> {
    let mut all = Vec::new();
    for project in home.environments.projects().await? {
        all.extend(home.alerts.alerts(&project, open).await?);
    }
    all.sort_by_key(|alert| std::cmp::Reverse(alert.id));
    Ok(all)
}

/// The alert whose id is `text`, or alone begins with it.
///
/// # Errors
/// [`Kind::NotFound`] if there is none, [`Kind::Usage`] if there are several.
pub async fn named(home: &Home, text: &str) -> Result<Alert> {
    let wanted = text.to_ascii_uppercase();
    let mut found = list(home, false).await?;
    found.retain(|alert| alert.id.to_string().starts_with(&wanted));
    match found.len() {
        1 => Ok(found.remove(0)),
        0 => Err(no_alert(text)),
        _ => Err(Fault::new(Kind::Usage, format!("several alerts begin with `{text}`"))
            .hint("give more of its id: `modelyard alerts list --all` shows them")),
    }
}

fn no_alert(id: &str) -> Fault {
    Fault::new(Kind::NotFound, format!("there is no alert `{id}`"))
        .hint("`modelyard alerts list --all` shows them")
}

/// The alert, and what is or was to be told of it.
///
/// # Errors
/// [`Kind::NotFound`] if there is none.
pub async fn find(home: &Home, id: AlertId) -> Result<(Alert, Vec<Delivery>)> {
    let alert = home.alerts.alert(id).await?.ok_or_else(|| no_alert(&id.to_string()))?;
    Ok((alert, home.alerts.told(id).await?))
}

/// The `[monitor]` that `project` applied.
///
/// # Errors
/// If the home can't be read.
pub(crate) async fn spec(home: &Home, project: &str) -> Result<Option<MonitorSpec>> {
    Ok(home.environments.applied(project).await?.and_then(|applied| applied.monitor))
}

/// How often somebody else may be quicker.
const ATTEMPTS: usize = 5;

/// Changes the last alert about this as `decide` says, from what it and its deliveries are by then; answers what
/// it is at the end.
async fn change(
    home: &Home,
    clock: &dyn Clock,
    about: &About,
    by: &str,
    decide: impl Fn(Option<&Alert>, &[Delivery], Timestamp) -> Result<Option<Change>>,
) -> Result<Option<Alert>> {
    let mut left = ATTEMPTS;
    loop {
        let latest = home.alerts.latest(about).await?;
        let told = match &latest {
            Some(alert) => home.alerts.told(alert.id).await?,
            None => Vec::new(),
        };
        let now = clock.now();
        let Some(change) = decide(latest.as_ref(), &told, now)? else { return Ok(latest) };
        let actor = Actor { name: by.to_owned(), at: now };
        match home.alerts.keep_alert(&change.alert, &change.deliveries, &actor).await {
            Err(fault) if fault.kind() == Kind::Conflict && left > 0 => left -= 1,
            kept => return kept.map(Some),
        }
    }
}

/// Changes an alert that is open.
async fn changed(
    home: &Home,
    clock: &dyn Clock,
    id: AlertId,
    by: &str,
    decide: impl Fn(&Alert, Timestamp) -> Option<Alert>,
) -> Result<Alert> {
    let (alert, _) = find(home, id).await?;
    let kept = change(home, clock, &alert.about(), by, |latest, _, now| {
        let open = latest.filter(|latest| latest.id == id && latest.is_open()).ok_or_else(|| {
            let message = format!("cannot change alert `{id}`: it is resolved");
            Fault::new(Kind::Conflict, message).hint("`modelyard alerts list` shows those that are open")
        })?;
        Ok(decide(open, now).map(|alert| Change { alert, deliveries: Vec::new() }))
    })
    .await?;
    Ok(kept.unwrap_or(alert))
}

#[cfg(test)]
mod tests;
