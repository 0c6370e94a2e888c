//! Gates: rules on a candidate's values that can stop the line.
//!
//! Pure judgement, repeated at every run: nothing is computed here but comparisons. A gate without
//! a value fails and says why; it never passes because something is missing.

use modelyard_core::config::{Better, Bound, Gates, Goal};
use modelyard_core::{Fault, Kind, Result};
use serde::{Deserialize, Serialize};

use crate::evaluation::{ChampionOutcome, MetricResult};
use crate::text;

/// What a gate wanted and what it got.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct GateVerdict {
    /// The metric, `baseline` or `champion`.
    pub name: String,
    pub wanted: String,
    pub got: String,
    pub passed: bool,
    /// `first model`, why there is no value, what the difference may be by chance.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub note: Option<String>,
}

/// Judges a candidate: bounds by metric, then baseline, then champion. `metrics` holds what was
/// scored, the primary metric first. `accept_champion` passes a champion that is not comparable.
///
/// # Errors
/// Of kind `Config`: a bound on a metric that was not scored.
pub fn judge(
    gates: &Gates,
    metrics: &[MetricResult],
    champion: &ChampionOutcome,
    accept_champion: bool,
) -> Result<Vec<GateVerdict>> {
    let mut verdicts = Vec::new();
    for (name, bound) in &gates.bounds {
        let Some(metric) = metrics.iter().find(|metric| metric.name == *name) else {
            let scored: Vec<&str> = metrics.iter().map(|metric| metric.name.as_str()).collect();
            return Err(Fault::new(Kind::Config, format!("the gate `{name}` has no metric to judge"))
                .detail("scored", scored.join(", "))
                .hint("gates are metrics, `baseline` and `champion`"));
        };
        verdicts.push(bounded(metric, *bound));
    }
    let wanted = [("baseline", gates.baseline), ("champion", gates.champion)];
    if let ([], true) = (metrics, wanted.iter().any(|(_, better)| better.is_some())) {
        return Err(Fault::new(Kind::Config, "the gates compare models, but no metric was scored"));
    }
    for (name, better) in wanted {
        let Some(better) = better else { continue };
        let primary = &metrics[0];
        verdicts.push(match name {
            "baseline" => against_baseline(primary, better),
            _ => against_champion(primary, better, champion, accept_champion),
        });
    }
    Ok(verdicts)
}

fn bounded(metric: &MetricResult, bound: Bound) -> GateVerdict {
    let wanted = match (bound.min, bound.max) {
        (Some(min), Some(max)) => format!("{} to {}", text::score(min), text::score(max)),
        (Some(min), None) => format!("at least {}", text::score(min)),
        (None, Some(max)) => format!("at most {}", text::score(max)),
        (None, None) => "a value".to_owned(),
    };
    let Some(value) = usable(metric) else { return without_value(&metric.name, wanted, metric) };
    let passed = bound.min.is_none_or(|min| value >= min) && bound.max.is_none_or(|max| value <= max);
    // The bound that decides, with as many digits as show on which side the value lies.
    let (wanted, got) = match (bound.min, bound.max) {
        (Some(min), None) => {
            let (got, min) = text::pair(value, min);
            (format!("at least {min}"), got)
        }
        (None, Some(max)) => {
            let (got, max) = text::pair(value, max);
            (format!("at most {max}"), got)
        }
        _ => (wanted, text::score(value)),
    };
    GateVerdict { name: metric.name.clone(), wanted, got, passed, note: None }
}

/// A value that can be compared; a NaN that came from elsewhere can't.
fn usable(metric: &MetricResult) -> Option<f64> {
    metric.value.filter(|value| !value.is_nan())
}

fn without_value(name: &str, wanted: String, metric: &MetricResult) -> GateVerdict {
    let reason = metric.undefined.as_deref().unwrap_or("it is not a number");
    let note = Some(format!("{} is undefined: {reason}", metric.name));
    GateVerdict { name: name.to_owned(), wanted, got: "no value".to_owned(), passed: false, note }
}

fn against_baseline(primary: &MetricResult, better: Better) -> GateVerdict {
    let name = "baseline".to_owned();
    let Some(value) = usable(primary) else {
        return without_value("baseline", words(better, "the baseline"), primary);
    };
    let Some(baseline) = primary.baseline.filter(|baseline| baseline.is_finite()) else {
        let note = Some("the baseline has no value on these rows".to_owned());
        let wanted = words(better, "the baseline");
        return GateVerdict { name, wanted, got: text::score(value), passed: false, note };
    };
    let (got, other) = text::pair(value, baseline);
    let passed = holds(better, gain(primary.goal, value, baseline));
    GateVerdict { name, wanted: words(better, &other), got, passed, note: None }
}

fn against_champion(
    primary: &MetricResult,
    better: Better,
    champion: &ChampionOutcome,
    accept: bool,
) -> GateVerdict {
    let name = "champion".to_owned();
    let Some(value) = usable(primary) else {
        return without_value("champion", words(better, "the champion"), primary);
    };
    match champion {
        ChampionOutcome::None => GateVerdict {
            name,
            wanted: words(better, "the champion"),
            got: text::score(value),
            passed: true,
            note: Some("first model".to_owned()),
        },
        ChampionOutcome::Same { name: champion } => GateVerdict {
            name,
            wanted: words(better, champion),
            got: text::score(value),
            passed: true,
            note: Some(format!("this package is the champion, {champion}")),
        },
        ChampionOutcome::NotComparable { name: champion, reason } => GateVerdict {
            name,
            wanted: words(better, champion),
            got: "not comparable".to_owned(),
            passed: accept,
            note: Some(match accept {
                false => reason.clone(),
                true => format!("{reason}; passed by --accept-champion"),
            }),
        },
        ChampionOutcome::Compared { value: other, difference, .. } => {
            let (got, other_text) = text::pair(value, *other);
            let note = difference.interval.map(|interval| {
                let [difference, low, high] = text::signed([difference.value, interval.low, interval.high]);
                format!("difference {difference}, 95 % interval {low} to {high}")
            });
            let passed = holds(better, gain(primary.goal, value, *other));
            GateVerdict { name, wanted: words(better, &other_text), got, passed, note }
        }
    }
}

fn gain(goal: Goal, value: f64, other: f64) -> f64 {
    match goal {
        Goal::Maximize => value - other,
        Goal::Minimize => other - value,
    }
}

fn holds(better: Better, gain: f64) -> bool {
    match better {
        Better::Better => gain > 0.0,
        Better::NotWorse => gain >= 0.0,
        // 0.698 − 0.693 is a little less than 0.005 in binary; a person means what was written.
        Better::By(by) => gain >= by - 1e-12 * by.abs().max(1.0),
    }
}

fn words(better: Better, other: &str) -> String {
    match better {
        Better::Better => format!("better than {other}"),
        Better::NotWorse => format!("not worse than {other}"),
        Better::By(by) => format!("better than {other} by {by}"),
    }
}
