//! What follows from windows: causes of training, and what people are told as long as it holds.

use modelyard_core::deploy::{Applied, EnvironmentId};
use modelyard_core::monitor::{About, Cause, ColumnFound, Origin, Severity, WindowRecord};
use modelyard_core::ports::Home;
use modelyard_core::{Clock, Digest, Result, Timestamp};
use modelyard_monitor::findings::Finding;

use super::alerts::{self, MONITOR, Notice};
use super::memory::{Memory, Standing};
use super::trigger::new_cause;

/// Share of missing values from which on a column counts as gone.
const GONE: f64 = 0.9;

/// Rules whose alerts begin and end with what windows show.
const RULES: [&str; 6] = ["drift", "output", "decay", "schema", "missing", "not-finite"];

/// The causes that `windows`, all of one span, are for triggers. What a version that no longer serves saw sets off
/// nothing: its successor learnt from that already, or is watched by itself.
pub(crate) fn causes(
    applied: &Applied,
    windows: &[WindowRecord],
    serving: Option<Digest>,
    clock: &dyn Clock,
) -> Vec<Cause> {
    let Some(window) = windows.iter().find(|window| Some(window.package) == serving) else {
        return Vec::new();
    };
    let mut causes = Vec::new();
    for trigger in &applied.triggers {
        let reasons = [(Origin::Drift, drifted(window)), (Origin::Decay, decayed(window))];
        let found = reasons.into_iter().find_map(|(origin, reason)| {
            let reason = reason.filter(|_| trigger.on.contains(&origin))?;
            Some((origin, reason))
        });
        let Some((origin, reason)) = found else { continue };
        let (key, actor) = (format!("window {}", window.start), format!("trigger {}", trigger.name));
        let cause = new_cause(clock, &applied.project, trigger, origin, key, &actor);
        causes.push(Cause { reason, ..cause });
    }
    causes
}

/// Why the window is one of drift: columns that have moved, and are still away in it.
fn drifted(window: &WindowRecord) -> Option<String> {
    let is_away = |found: &ColumnFound| found.moved && found.above == Some(true);
    let moved: Vec<_> = window.columns.iter().filter(|(_, found)| is_away(found)).collect();
    let since = moved.iter().filter_map(|(_, found)| found.since).min()?;
    let names: Vec<String> = moved.iter().map(|(name, _)| format!("`{name}`")).collect();
    let have = if names.len() == 1 { "has" } else { "have" };
    Some(format!("{} {have} moved since {}", listed(&names), day(since)))
}

fn decayed(window: &WindowRecord) -> Option<String> {
    let found = window.decay.as_ref().filter(|found| found.moved && found.above == Some(true))?;
    Some(format!("{} has got worse by {:.3} since {}", found.test, found.value, day(found.since?)))
}

/// Notes what holds after the windows that begin at `start`, as far as the version says that serves.
pub(crate) fn stand(
    memory: &mut Memory,
    windows: &[WindowRecord],
    serving: Option<Digest>,
    start: Timestamp,
) {
    let Some(window) = windows.iter().find(|window| Some(window.package) == serving) else { return };
    let Some(states) = memory.states.get(&window.package) else { return };
    let mut standing = Vec::new();
    let mut add = |rule: &str, subject: &str, severity, message: String, since| {
        let (rule, subject) = (rule.to_owned(), subject.to_owned());
        standing.push(Standing { rule, subject, severity, message, since });
    };
    for (name, since) in states.columns.iter().filter_map(|(name, state)| Some((name, state.since()?))) {
        add("drift", name, Severity::Warning, format!("`{name}` has moved since {}", day(since)), since);
    }
    if let Some(since) = states.output.since() {
        let message = format!("answers are distributed otherwise since {}", day(since));
        add("output", "answers", Severity::Warning, message, since);
    }
    if let (Some(since), Some(found)) = (states.decay.since(), &window.decay) {
        let message =
            format!("{} is worse than where the model was tested, since {}", found.test, day(since));
        add("decay", &found.test, Severity::Warning, message, since);
    }
    if memory.last == Some(start) {
        let findings = window.findings.iter();
        for finding in findings.filter_map(|finding| serde_json::from_value::<Finding>(finding.clone()).ok())
        {
            if let Some((rule, subject, message)) = said(&finding) {
                add(rule, &subject, Severity::Warning, message, window.start);
            }
        }
        if window.not_finite > 0 {
            let message = "answers are no numbers: NaN or infinite".to_owned();
            add("not-finite", "answers", Severity::Critical, message, window.start);
        }
    } else {
        // An older window, judged again, says nothing of what the newest one showed.
        let kept = ["schema", "missing", "not-finite"];
        standing.extend(memory.standing.iter().filter(|one| kept.contains(&one.rule.as_str())).cloned());
    }
    // What held before holds since then.
    for one in &mut standing {
        let known =
            memory.standing.iter().find(|known| known.rule == one.rule && known.subject == one.subject);
        if let Some(known) = known {
            one.since = one.since.min(known.since);
        }
    }
    memory.standing = standing;
}

/// Rule, column and sentence of a finding that people are told of.
fn said(finding: &Finding) -> Option<(&'static str, String, String)> {
    Some(match finding {
        Finding::Vanished { column } => {
            ("schema", column.clone(), format!("`{column}` is not sent any more"))
        }
        Finding::TypeChanged { column, reference, window } => (
            "schema",
            column.clone(),
            format!("`{column}` was of type {} and is of type {} now", reference.name(), window.name()),
        ),
        // A few more are a finding; a column that is gone in all but name is news.
        Finding::Missing { column, reference, window } if *window >= GONE && *reference < 1.0 - GONE => {
            ("missing", column.clone(), format!("`{column}` is missing in nearly all rows"))
        }
        Finding::Missing { .. }
        | Finding::Appeared { .. }
        | Finding::OutOfRange { .. }
        | Finding::Unseen { .. } => return None,
    })
}

/// Raises what stands and resolves what does not any more.
///
/// # Errors
/// If the home can't be read or written.
pub(crate) async fn tell(
    home: &Home,
    clock: &dyn Clock,
    id: &EnvironmentId,
    standing: &[Standing],
) -> Result<()> {
    let open = home.alerts.alerts(&id.project, true).await?;
    let ours = open.iter().filter(|alert| {
        RULES.contains(&alert.rule.as_str()) && alert.environment.as_deref() == Some(id.name.as_str())
    });
    let ours: Vec<_> = ours.collect();
    for one in standing {
        let known = ours.iter().any(|alert| {
            alert.rule == one.rule && alert.subject == one.subject && alert.message == one.message
        });
        if !known {
            let notice = Notice {
                about: about(id, &one.rule, &one.subject),
                severity: one.severity,
                message: one.message.clone(),
                since: one.since,
            };
            alerts::raise(home, clock, &notice, MONITOR).await?;
        }
    }
    for alert in ours {
        let holds = standing.iter().any(|one| one.rule == alert.rule && one.subject == alert.subject);
        if !holds {
            alerts::resolve(home, clock, &about(id, &alert.rule, &alert.subject), MONITOR).await?;
        }
    }
    Ok(())
}

fn about(id: &EnvironmentId, rule: &str, subject: &str) -> About {
    About {
        project: id.project.clone(),
        environment: Some(id.name.clone()),
        rule: rule.to_owned(),
        subject: subject.to_owned(),
    }
}

/// `a, b and c`.
pub(crate) fn listed(names: &[String]) -> String {
    match names {
        [rest @ .., last] if !rest.is_empty() => format!("{} and {last}", rest.join(", ")),
        names => names.concat(),
    }
}

/// The day on which a window began, with its time of day where it has one.
pub(crate) fn day(at: Timestamp) -> String {
    let text = at.to_string();
    text.strip_suffix("T00:00:00Z").map_or_else(|| text.replace('T', " ").replace('Z', ""), str::to_owned)
}
