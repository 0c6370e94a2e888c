//! What people are told of trainings.

use modelyard_core::deploy::Applied;
use modelyard_core::monitor::{About, Cause, Severity};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Result};

use super::Loop;
use crate::monitor::alerts::{self, MONITOR, Notice};

/// What a person should know of a trigger.
pub(in crate::monitor) struct Told<'a> {
    pub(in crate::monitor) rule: &'a str,
    pub(in crate::monitor) trigger: &'a str,
    pub(in crate::monitor) message: String,
}

/// Raises an alert.
pub(in crate::monitor) async fn tell(
    home: &Home,
    clock: &dyn Clock,
    applied: &Applied,
    told: Told<'_>,
) -> Result<()> {
    let notice = Notice {
        about: about(applied, told.rule, told.trigger),
        severity: Severity::Warning,
        message: told.message,
        since: clock.now(),
    };
    alerts::raise(home, clock, &notice, MONITOR).await?;
    Ok(())
}

fn about(applied: &Applied, rule: &str, trigger: &str) -> About {
    About {
        project: applied.project.clone(),
        environment: None,
        rule: rule.to_owned(),
        subject: trigger.to_owned(),
    }
}

impl Loop<'_> {
    /// Tells that something went wrong with what each of `causes` set off.
    pub(super) async fn alert(&self, causes: &[&Cause], rule: &str, why: &str) -> Result<()> {
        for cause in causes {
            self.tell(rule, cause, format!("`{}` ({}): {why}", cause.trigger, cause.key)).await?;
        }
        Ok(())
    }

    pub(super) async fn tell(&self, rule: &str, cause: &Cause, message: String) -> Result<()> {
        tell(self.home, self.clock, self.applied, Told { rule, trigger: &cause.trigger, message }).await
    }

    /// Ends what was told by `rule` of the triggers of `causes`.
    pub(super) async fn calm(&self, causes: &[&Cause], rule: &str) -> Result<()> {
        for cause in causes {
            alerts::resolve(self.home, self.clock, &about(self.applied, rule, &cause.trigger), MONITOR)
                .await?;
        }
        Ok(())
    }
}
