//! An environment's settings as one writes them in `modelyard.toml`: its keys, with units.
//!
//! What is stored has defaults filled in, seconds and bytes; whoever reads it knows the file.

use modelyard_core::deploy::EnvironmentSpec;
use serde_json::Value;

use crate::config::duration;

/// In which order they stand, as in the manual.
const ORDER: [&str; 13] = [
    "runs_on",
    "listen",
    "replicas",
    "requires",
    "approvals",
    "strategy",
    "weights",
    "tests",
    "limits",
    "python",
    "sandbox",
    "batch",
    "env",
];

/// The settings of `spec` that have an effect, each with its key below `[environments.NAME]` and its value in TOML.
pub(super) fn lines(spec: &EnvironmentSpec) -> Vec<(String, String)> {
    let mut found = Vec::new();
    let stored = serde_json::to_value(spec).unwrap_or_default();
    collect("", &stored, &mut found);
    let kind = spec.strategy.kind;
    found.retain(|(key, _)| match key.strip_prefix("strategy.") {
        // Where versions are tested they take over alone, whatever the strategy.
        _ if spec.tests.on && (key.starts_with("strategy.") || key == "weights") => false,
        Some("method") => true,
        Some(key) => kind.heeds().contains(&key),
        None => true,
    });
    if kind.heeds().is_empty() {
        // Alone it needs no table.
        for (key, _) in found.iter_mut().filter(|(key, _)| key == "strategy.method") {
            "strategy".clone_into(key);
        }
    }
    if spec.tests.on && !found.iter().any(|(key, _)| key.starts_with("tests.")) {
        found.push(("tests".to_owned(), "{}".to_owned()));
    }
    found.sort_by_key(|(key, _)| {
        let first = key.split('.').next().unwrap_or_default();
        ORDER.iter().position(|known| *known == first)
    });
    found
}

/// What `key` of the stored settings is called in the file, and how `value` is written there; `None` where it can't
/// be written, as it is the default or follows from something else.
pub(super) fn written(key: &str, value: &Value) -> Option<(String, String)> {
    let key = match key.strip_prefix("strategy.") {
        Some("kind") => "strategy.method".to_owned(),
        Some("weights") => "weights".to_owned(),
        Some(rest) => format!("strategy.{}", rest.strip_prefix("judge.").unwrap_or(rest)),
        None if key == "batch.rows" => "batch".to_owned(),
        None => key.to_owned(),
    };
    if value.is_null() || key == "tests.on" {
        return None;
    }
    // A variable may be called anything.
    if key.starts_with("env.") {
        return Some((key, plain(value)));
    }
    Some(match (key.as_str(), value) {
        ("weights", Value::Array(shares)) if shares.is_empty() => return None,
        ("weights", Value::Array(shares)) => {
            let percents: Vec<String> = shares.iter().map(percent).collect();
            (key, format!("[{}]", percents.join(", ")))
        }
        ("sandbox", Value::Bool(on)) => (key, if *on { "\"on\"" } else { "\"off\"" }.to_owned()),
        (_, Value::Array(items)) if items.is_empty() => return None,
        _ => match (key.strip_suffix("_secs"), key.strip_suffix("_bytes")) {
            (Some(key), _) => {
                (key.to_owned(), format!("\"{}\"", duration::text(value.as_f64().unwrap_or_default())))
            }
            (_, Some(key)) => (key.to_owned(), format!("\"{}\"", size(value.as_u64().unwrap_or_default()))),
            _ => (key, plain(value)),
        },
    })
}

fn collect(key: &str, value: &Value, into: &mut Vec<(String, String)>) {
    let Some(table) = value.as_object() else {
        into.extend(written(key, value));
        return;
    };
    if key == "approvals" && table.get("independent") == Some(&Value::Bool(false)) {
        into.push((key.to_owned(), plain(table.get("count").unwrap_or(&Value::Null))));
        return;
    }
    for (below, value) in table {
        let is_bare = below.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_-".contains(&byte));
        let name = if is_bare { below.clone() } else { plain(&Value::from(below.as_str())) };
        let below = if key.is_empty() { name } else { format!("{key}.{name}") };
        collect(&below, value, into);
    }
}

/// JSON is TOML here: texts, numbers, flags, and lists of them. Whole numbers have no decimals.
fn plain(value: &Value) -> String {
    match value.as_f64() {
        Some(number) if value.is_f64() => number.to_string(),
        _ => value.to_string(),
    }
}

/// `25` of 0.25, without what dividing by a hundred left.
fn percent(share: &Value) -> String {
    let percent = share.as_f64().unwrap_or_default() * 100.0;
    ((percent * 1e9).round() / 1e9).to_string()
}

/// `512MB`, in the largest unit that it is a whole number of.
fn size(bytes: u64) -> String {
    const UNITS: [(&str, u64); 6] = [
        ("GB", 1_000_000_000),
        ("GiB", 1 << 30),
        ("MB", 1_000_000),
        ("MiB", 1 << 20),
        ("KB", 1_000),
        ("KiB", 1 << 10),
    ];
    let unit = UNITS.iter().find(|(_, factor)| bytes > 0 && bytes.is_multiple_of(*factor));
    unit.map_or_else(|| format!("{bytes}B"), |(unit, factor)| format!("{}{unit}", bytes / factor))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::config;

    /// The settings of an environment that `lines` declare.
    fn spec(lines: &str) -> EnvironmentSpec {
        let text = format!(
            "[project]\nname = \"small\"\ntask = \"regression\"\ntarget = \"y\"\n\
             [environments.live]\n{lines}\n[environments.staging]\ntests.startup = \"5s\"\n"
        );
        let folder = tempfile::tempdir().unwrap();
        let file = folder.path().join(config::FILE);
        std::fs::write(&file, text).unwrap();
        match config::load(&file) {
            Ok(loaded) => loaded.project.environments["live"].clone(),
            Err(fault) => panic!("{}", fault.report()),
        }
    }

    fn shown(spec: &EnvironmentSpec) -> String {
        lines(spec).into_iter().map(|(key, value)| format!("{key} = {value}\n")).collect()
    }

    #[test]
    fn what_is_shown_is_what_one_writes() {
        for (declared, among) in [
            ("", &["strategy = \"all-at-once\"", "limits.timeout = \"30s\"", "sandbox = \"on\""][..]),
            (
                "strategy = \"canary\"\nweights = [5, 7, 33.3, 100]",
                &[
                    "strategy.method = \"canary\"",
                    "strategy.max_time = \"1h\"",
                    "strategy.latency_margin = 0.05",
                    "weights = [5, 7, 33.3, 100]",
                ],
            ),
            (
                "strategy = { method = \"blue-green\", min_time = \"90s\" }",
                &["strategy.min_time = \"1m30s\""],
            ),
            ("limits = { memory = \"1.5GB\", timeout = \"250ms\" }", &["limits.memory = \"1500MB\""]),
            ("limits.memory = \"3GiB\"\napprovals = 2", &["limits.memory = \"3GiB\"", "approvals = 2"]),
            ("approvals = { count = 1, independent = true }", &["approvals.independent = true"]),
            ("tests = {}", &["tests = {}"]),
            (
                "tests = { load = { rate = 200, p95_ms = 20, errors = 0.01 }, command = \"true {url}\" }",
                &["tests.load.rate = 200", "tests.command = [\"true\",\"{url}\"]"],
            ),
            ("env = { A_B = \"a \\\"b\\\"\", LEVEL = 3 }\nrequires = \"staging\"", &["env.LEVEL = \"3\""]),
        ] {
            let spec_declared = spec(declared);
            let shown = shown(&spec_declared);
            for line in among {
                assert!(shown.lines().any(|shown| shown == *line), "{line} is missing in\n{shown}");
            }
            assert_eq!(spec(&shown), spec_declared, "{shown}");
        }
    }

    #[test]
    fn what_has_no_effect_is_not_shown() {
        let has = |declared: &str, key: &str| shown(&spec(declared)).contains(key);
        assert!(!has("strategy = { method = \"all-at-once\", min_time = \"2m\" }", "min_time"));
        assert!(!has("strategy = \"blue-green\"", "latency_margin"));
        assert!(!has("tests = {}", "strategy"));
        assert!(has("strategy = \"a-b\"", "latency_margin"));
    }
}
