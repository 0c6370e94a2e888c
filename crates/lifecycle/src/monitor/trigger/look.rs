//! Triggers and causes as people see them.

use modelyard_core::monitor::{Cause, TriggerSpec};
use modelyard_core::ports::Home;
use modelyard_core::{Result, Timestamp};
use serde::Serialize;
use utoipa::ToSchema;

use super::origin;
use crate::deploy::apply;

/// A trigger on a line.
#[derive(Clone, Debug, Serialize, ToSchema)]
#[schema(as = TriggerListed)]
pub struct Listed {
    #[serde(flatten)]
    pub trigger: TriggerSpec,
    /// When its schedule is due next.
    pub due: Option<Timestamp>,
    /// Its newest cause.
    pub last: Option<Cause>,
}

/// The triggers that `project` applied.
///
/// # Errors
/// [`Kind::NotFound`](modelyard_core::Kind::NotFound) if it applied nothing.
pub async fn listed(home: &Home, project: &str, now: Timestamp) -> Result<Vec<Listed>> {
    let triggers = apply::applied(home, project).await?.triggers;
    let causes = home.causes.causes(project).await?;
    let look = |trigger: TriggerSpec| {
        let due = origin::due(&trigger, now)?;
        let last = causes.iter().find(|cause| cause.trigger == trigger.name).cloned();
        Ok(Listed { due, last, trigger })
    };
    triggers.into_iter().map(look).collect()
}

/// Causes of training of `project`, the newest first: all, or those of one `trigger`.
///
/// # Errors
/// If the home can't be read.
pub async fn log(home: &Home, project: &str, trigger: Option<&str>) -> Result<Vec<Cause>> {
    let mut causes = home.causes.causes(project).await?;
    causes.retain(|cause| trigger.is_none_or(|trigger| cause.trigger == trigger));
    Ok(causes)
}
