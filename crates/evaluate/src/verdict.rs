//! The answer to "is it good, is it better than what we have?", in two or three sentences.

use serde::{Deserialize, Serialize};

use crate::compare::Difference;
use crate::evaluation::{ChampionOutcome, Evaluation, MetricResult};
use crate::gates::GateVerdict;
use crate::report::DataFacts;
use crate::text::{count, number, pair, score, unsigned};

#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Verdict {
    /// Whether every gate passed.
    pub passed: bool,
    pub sentence: String,
}

pub(crate) fn verdict(evaluation: &Evaluation, gates: &[GateVerdict], data: &DataFacts) -> Verdict {
    let failed: Vec<&GateVerdict> = gates.iter().filter(|gate| !gate.passed).collect();
    let mut sentences = vec![standing(evaluation, data)];
    sentences.extend(comparison(evaluation));
    sentences.push(match (failed.as_slice(), gates.len()) {
        ([], 0) => "No gates were set.".to_owned(),
        ([], 1) => "The gate passed.".to_owned(),
        ([], 2) => "Both gates passed.".to_owned(),
        ([], n) => format!("All {n} gates passed."),
        ([gate], _) => format!(
            "The gate {} failed: wanted {}, got {}.",
            gate.name,
            gate.wanted.replace("not worse", "no worse"),
            gate.got
        ),
        (many, n) => {
            let names: Vec<&str> = many.iter().map(|gate| gate.name.as_str()).collect();
            format!("{} of {n} gates failed: {}.", many.len(), names.join(", "))
        }
    });
    Verdict { passed: failed.is_empty(), sentence: sentences.join(" ") }
}

/// How good: the primary metric beside the baseline.
fn standing(evaluation: &Evaluation, data: &DataFacts) -> String {
    let kind = if data.sealed { "sealed test rows" } else { "test rows" };
    let rows = format!("{} {kind}", count(evaluation.rows));
    let Some(primary) = evaluation.metrics.first() else {
        return format!("No metric was scored on {rows}.");
    };
    let name = &primary.name;
    let Some(value) = primary.value else {
        let reason = primary.undefined.as_deref().unwrap_or("it is not a number");
        return format!("On {rows}, {name} is undefined: {reason}.");
    };
    let Some(baseline) = primary.baseline else {
        return format!("On {rows}, {name} is {}.", score(value));
    };
    let (value_text, baseline_text) = pair(value, baseline);
    let word = standing_word(primary, value, baseline);
    format!("On {rows}, {name} is {value_text}, {word} the trivial baseline’s {baseline_text}.")
}

fn standing_word(primary: &MetricResult, value: f64, baseline: f64) -> &'static str {
    use modelyard_core::config::Goal;
    let gain = match primary.goal {
        Goal::Maximize => value - baseline,
        Goal::Minimize => baseline - value,
    };
    if gain > 0.0 {
        "better than"
    } else if gain == 0.0 {
        "no better than"
    } else {
        "worse than"
    }
}

/// Better than what we have: the champion, with what of the difference may be chance.
fn comparison(evaluation: &Evaluation) -> Option<String> {
    let primary = evaluation.metrics.first()?;
    let ChampionOutcome::Compared { name, value, difference } = &evaluation.champion else {
        return match &evaluation.champion {
            ChampionOutcome::Same { name } => Some(format!("It is the champion, {name}.")),
            ChampionOutcome::NotComparable { name, reason } => {
                Some(format!("It can’t be compared with the champion {name}: {reason}."))
            }
            _ => Some("There is no champion yet: it is the first model.".to_owned()),
        };
    };
    let (_, champion) = pair(primary.value?, *value);
    let gain = difference.gain(primary.goal);
    if gain == 0.0 {
        return Some(format!("It is exactly as good as the champion {name}."));
    }
    let (word, sign) = if gain > 0.0 { ("better", 1.0) } else { ("worse", -1.0) };
    // As an amount of better or worse, whichever way the metric counts.
    let amount = |value: f64| sign * Difference { value, interval: None }.gain(primary.goal);
    let Some(interval) = difference.interval else {
        let by = number(gain.abs());
        return Some(format!("It is {word} than the champion {name}’s {champion} by {by}."));
    };
    let (one, other) = (amount(interval.low), amount(interval.high));
    let [by, low, high] = unsigned([gain.abs(), one.min(other), one.max(other)]);
    Some(if difference.is_clear() {
        format!("It is {word} than the champion {name}’s {champion} by {by} (95 % interval {low} to {high}).")
    } else {
        format!(
            "It is {word} than the champion {name}’s {champion} by {by}, which may be chance \
             (95 % interval {low} to {high})."
        )
    })
}
