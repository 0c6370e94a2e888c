//! What an audit entry says besides: its cause, and before and after, short enough to read.

use serde_json::{Map, Value};

use super::super::text;

/// Longer lines are cut; `--json` has them whole.
const WIDTH: usize = 100;

/// The cause, a line for each thing that changed, and a comment.
pub(super) fn lines(details: &Value) -> Vec<String> {
    let mut lines = Vec::new();
    if let Some(cause) = details["cause"].as_str().filter(|cause| !cause.is_empty()) {
        lines.push(cause.to_owned());
    }
    lines.extend(differences("", &details["before"], &details["after"]));
    let release = &details["release"];
    if let Some(id) = release["id"].as_str() {
        let subject = release["subject"].as_str().unwrap_or_default();
        match release["before"].is_null() {
            true => lines.push(format!("release {id} of {subject}")),
            false => lines.extend(differences("release ", &release["before"], &release["after"])),
        }
    }
    if let Some(comment) = details["comment"].as_str() {
        lines.push(format!("comment: {comment}"));
    }
    lines.into_iter().map(|line| clipped(&line)).collect()
}

/// `replicas: 1 → 2`, a line for each value that differs; of what is new nothing.
fn differences(prefix: &str, before: &Value, after: &Value) -> Vec<String> {
    let Some(after) = after.as_object() else { return Vec::new() };
    let nothing = Map::new();
    let old = before.as_object().unwrap_or(&nothing);
    let is_new = before.is_null();
    let mut lines = Vec::new();
    for (key, value) in after {
        let earlier = old.get(key).unwrap_or(&Value::Null);
        match key.as_str() {
            _ if is_new => {}
            "state" => lines.push(format!("{} → {}", state(earlier), state(value))),
            // A list that grows says what is new in it.
            "decisions" => lines.extend(decided(earlier, value)),
            "spec" => lines.extend(differences("", earlier, &changed(earlier, value))),
            _ => lines.push(format!("{prefix}{key}: {} → {}", short(earlier), short(value))),
        }
    }
    lines
}

/// Those keys of `after` whose values are others in `before`.
fn changed(before: &Value, after: &Value) -> Value {
    let mut after = after.clone();
    if let Some(map) = after.as_object_mut() {
        map.retain(|key, value| before[key.as_str()] != *value);
    }
    after
}

/// `late@2 25 %, late@1 75 %`; `nothing` where none serves.
fn state(state: &Value) -> String {
    let placed = state["placed"].as_array().map_or(&[][..], |placed| placed);
    let words: Vec<String> = placed
        .iter()
        .map(|placed| {
            let name = placed["model"].as_str().unwrap_or_default();
            let number = &placed["number"];
            match placed["phase"].as_str() {
                Some("serve") => {
                    let share = text::number(placed["weight"].as_f64().unwrap_or_default() * 100.0);
                    let role = if placed["role"] == "shadow" { " of copies" } else { "" };
                    format!("{name}@{number} {share} %{role}")
                }
                phase => format!("{name}@{number} {}", phase.unwrap_or_default()),
            }
        })
        .collect();
    if words.is_empty() { "nothing".to_owned() } else { words.join(", ") }
}

fn decided(before: &Value, after: &Value) -> Vec<String> {
    let known = before.as_array().map_or(0, Vec::len);
    let new = after.as_array().into_iter().flatten().skip(known);
    new.map(|decision| {
        let word = |key: &str| decision[key].as_str().unwrap_or_default();
        format!("decided: {} ({})", word("what"), word("why"))
    })
    .collect()
}

/// A value in a few words.
fn short(value: &Value) -> String {
    match value {
        Value::String(text) if text.len() == 64 && text.bytes().all(|byte| byte.is_ascii_hexdigit()) => {
            text[..8].to_owned()
        }
        Value::Object(map) if map.contains_key("kind") => short(&map["kind"]),
        other => text::value(other),
    }
}

fn clipped(line: &str) -> String {
    let line = line.replace('\n', " ");
    match line.char_indices().nth(WIDTH) {
        Some((end, _)) => format!("{}…", &line[..end]),
        None => line,
    }
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_change_is_told_in_lines() {
        let placed = |number: u32, phase: &str, weight: f64| json!({"model": "late", "number": number, "phase": phase, "weight": weight, "role": "stable"});
        let details = json!({
            "cause": "step 2 of 3: not worse",
            "before": {"state": {"placed": [placed(1, "serve", 1.0)]}, "spec": {"replicas": 1, "listen": "x"}},
            "after": {
                "state": {"placed": [placed(1, "serve", 0.75), placed(2, "load", 0.0)]},
                "spec": {"replicas": 2, "listen": "x"},
            },
            "release": {
                "id": "01J", "subject": "late@2",
                "before": {"status": "loading", "decisions": []},
                "after": {"status": "rolling", "decisions": [{"what": "step 2", "why": "not worse"}]},
            },
        });
        assert_eq!(
            lines(&details),
            [
                "step 2 of 3: not worse",
                "replicas: 1 → 2",
                "late@1 100 % → late@1 75 %, late@2 load",
                "decided: step 2 (not worse)",
                "release status: loading → rolling",
            ]
        );
    }

    #[test]
    fn what_is_new_is_said_shortly_and_long_lines_are_cut() {
        let new = json!({"cause": "applied", "before": null, "after": {"spec": {"replicas": 1}, "state": {"placed": []}}});
        assert_eq!(lines(&new), ["applied"]);
        assert_eq!(lines(&json!({"cause": "x".repeat(200)}))[0].chars().count(), 101);
        assert_eq!(lines(&json!({"comment": "slow"})), ["comment: slow"]);
        assert!(lines(&json!({"alias": "champion", "before": 1})).is_empty());
    }
}
