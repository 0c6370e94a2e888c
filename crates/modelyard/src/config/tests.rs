//! Messages against files in `tests/config`, what is read against what is written, and that
//! nothing makes the reader panic.

use std::collections::BTreeSet;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};

use modelyard_core::action::OutputKind;
use modelyard_core::config::{Better, Features, Make, RuntimeChoice, Space, Split};
use modelyard_core::monitor::Then;
use proptest::prelude::*;
use serde_json::{Value, json};

use super::keys::ROOT;
use super::shape::{Others, Section, Shape};
use super::{Loaded, Refusal, json_schema, read};

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/config")
}

fn read_in_project(text: &str) -> Result<Loaded, Refusal> {
    read("modelyard.toml".to_owned(), text.to_owned(), folder().join("project"))
}

#[track_caller]
fn good(file: &str) -> Loaded {
    let text = std::fs::read_to_string(folder().join(file)).unwrap();
    read_in_project(&text).unwrap_or_else(|refusal| panic!("{}", refusal.into_fault()))
}

/// Each `problems/NAME.toml` is answered with `NAME.txt`; `MODELYARD_UPDATE_SNAPSHOTS=1` writes
/// the answers anew.
#[test]
fn problems_are_told_with_their_places() {
    let update = std::env::var_os("MODELYARD_UPDATE_SNAPSHOTS").is_some();
    let mut wrong = String::new();
    let mut cases = 0;
    for entry in std::fs::read_dir(folder().join("problems")).unwrap() {
        let path = entry.unwrap().path();
        if path.extension().is_none_or(|extension| extension != "toml") {
            continue;
        }
        cases += 1;
        let told = |remarks: &[String]| -> String {
            remarks.iter().map(|remark| format!("remark: {remark}\n")).collect()
        };
        let answer = match read_in_project(&std::fs::read_to_string(&path).unwrap()) {
            Ok(loaded) => format!("in order\n{}", told(&loaded.remarks)),
            Err(refusal) => {
                let remarks = told(&refusal.remarks);
                format!("{}\n{remarks}", refusal.into_fault())
            }
        };
        let expected = path.with_extension("txt");
        if update {
            std::fs::write(&expected, &answer).unwrap();
        }
        let expected = std::fs::read_to_string(&expected).unwrap_or_default();
        if answer != expected {
            let _ = write!(wrong, "\n{}\n{answer}\nexpected:\n{expected}", path.display());
        }
    }
    assert!(cases > 10, "no cases found");
    assert!(wrong.is_empty(), "{wrong}");
}

#[test]
fn the_design_s_example_is_in_order() {
    let loaded = good("design.toml");
    assert_eq!(loaded.remarks, Vec::<String>::new());
    let project = loaded.project;
    let monitor = project.monitor.unwrap();
    assert_eq!((monitor.environment.as_str(), monitor.time.as_deref()), ("production", Some("time_hour")));
    assert_eq!((monitor.window_secs, monitor.grace_secs), (604_800.0, 604_800.0));
    assert_eq!((monitor.log, monitor.drift, monitor.decay), Default::default());
    let [trigger] = &project.triggers[..] else { panic!("there is one trigger") };
    assert_eq!((trigger.name.as_str(), trigger.then), ("drift", Then::Release));
    let flights = &project.data["flights"];
    assert_eq!(flights.sources.len(), 3);
    assert!(matches!(&flights.make, Make::Sql { text, file: None } if text.contains("left join weather")));
    assert_eq!(flights.checks.min_rows, Some(10_000));
    assert_eq!(flights.split, Split::Time { column: "time_hour".into(), test: 0.1, validation: 0.1 });
    let train = project.train.unwrap();
    assert_eq!(train.step.run[2..4], ["--train", "{data.flights.train}"]);
    assert!(train.refit);
    assert_eq!(train.search.unwrap().space["leaves"], Space::Choices(vec![json!(15), json!(31)]));
    assert_eq!(project.test.data.as_deref(), Some("flights"));
    assert_eq!(project.test.gates.champion, Some(Better::Better));
    assert_eq!(project.register, "late-flights");
}

#[test]
fn the_example_projects_are_in_order() {
    let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
    for entry in std::fs::read_dir(examples).unwrap() {
        let file = entry.unwrap().path().join(super::FILE);
        if file.is_file() {
            let loaded = super::load(&file).unwrap_or_else(|fault| panic!("{}", fault.report()));
            assert_eq!(loaded.remarks, Vec::<String>::new(), "{}", file.display());
        }
    }
}

#[test]
fn every_key_is_read() {
    let loaded = good("every_key.toml");
    assert_eq!(loaded.home.as_deref(), Some("../state"));
    let project = loaded.project;
    assert_eq!(project.classes, Some(vec!["no".to_owned(), "yes".to_owned()]));
    assert_eq!(project.positive.as_deref(), Some("yes"));
    assert_eq!(project.python.version.as_deref(), Some("3.11"));
    let plain = serde_json::to_value(&project.data["plain"]).unwrap();
    assert_eq!(
        plain,
        json!({
            "sources": { "a": { "path": "data/a.csv", "delimiter": ";", "header": false, "nulls": ["NA"], "types": { "x": "float" } } },
            "make": "as_is",
            "checks": { "min_rows": 1, "max_rows": 1000, "columns": { "x": {
                "min": 0.0, "max": 1.5, "nulls": 0.1, "unique": true, "values": ["0", "1"], "type": "int"
            } } },
            "split": { "method": "random", "seed": 7, "key": ["x"], "test": 0.1, "validation": 0.1 },
            "roles": { "id": "i", "time": "t", "private": ["p"] },
            "format": "csv",
        })
    );
    assert!(
        matches!(&project.data["filed"].make, Make::Sql { file: Some(_), text } if text.contains("select"))
    );
    assert_eq!(project.data["queried"].split, Split::Column { column: "part".into() });
    let Make::Run(made) = &project.data["made"].make else { panic!("it is made by a command") };
    assert_eq!(made.env["LEVEL"], "3");
    assert!(!made.sandbox.on && made.sandbox.network);
    assert_eq!((made.threads, made.seed, made.timeout_secs), (1, 1, Some(600.0)));
    let clean = &project.steps["clean"];
    assert_eq!(clean.outputs["plots"], OutputKind::Folder);
    assert_eq!(clean.outputs["clean.parquet"], OutputKind::File);
    assert_eq!(clean.params["limits"], json!([1, 2.5, null]));
    assert_eq!(clean.params["nothing"], Value::Null);
    assert_eq!(clean.sandbox.read, ["data"]);
    assert!(clean.gate && clean.sandbox.network && clean.sandbox.on);
    assert_eq!(clean.run.last().map(String::as_str), Some("{{literal}}"));
    let train = project.train.unwrap();
    let search = train.search.unwrap();
    assert_eq!(search.trials, Some(5));
    assert_eq!(search.seed, 4);
    assert_eq!(search.space["leaves"], Space::Int { min: 3, max: 31, log: false, step: Some(4) });
    assert_eq!(search.space["rate"], Space::Float { min: 0.01, max: 0.1, log: true, step: None });
    assert_eq!(project.test.slices, ["x"]);
    assert_eq!(project.test.gates.champion, Some(Better::By(0.005)));
    assert_eq!(project.test.gates.bounds["roc_auc"].max, Some(1.0));
    assert_eq!(project.package.runtime, RuntimeChoice::Onnx);
    assert_eq!(project.package.tolerance, 1e-6);
    assert_eq!(project.package.features, Some(Features::Many(vec!["x".into()])));
    assert_eq!(project.package.code, Some(vec!["src/fit.py".into()]));
    assert_eq!(
        serde_json::to_value(&project.monitor).unwrap(),
        json!({
            "environment": "production", "window_secs": 604_800.0, "time": null, "grace_secs": 1_209_600.0,
            "log": { "sample": 0.5, "rows": 1000, "seconds": 2.0, "queue": 2000, "keep_secs": 7_776_000.0, "keep_bytes": 1_000_000_000 },
            "drift": {
                "preset": "own", "effect": 0.2, "deviations": 2.0, "min_rows": 100, "windows": 3, "of": 4,
                "columns": { "x": { "watch": true, "test": "ks", "threshold": 0.01 } },
            },
            "decay": { "by": 0.05, "min_labels": 50, "windows": 1, "of": 1 },
            "sinks": {
                "team": { "kind": "webhook", "url": "https://example.org/alerts", "secret": "TEAM_TOKEN", "severity": "info" },
                "mail": {
                    "kind": "email", "server": "smtp.example.org:587", "from": "yard@example.org",
                    "to": ["team@example.org"], "user": "yard", "secret": "MAIL_PASSWORD", "severity": "warning",
                },
                "own": { "kind": "command", "run": ["notify", "--all"], "severity": "critical" },
                "kept": { "kind": "file", "path": "alerts.jsonl", "severity": "warning" },
            },
            "cool_down_secs": 600.0, "silence_secs": 3_600.0, "max_age_secs": 15_724_800.0,
        })
    );
    assert_eq!(
        serde_json::to_value(&project.triggers[1]).unwrap(),
        json!({
            "name": "nightly", "on": ["schedule", "new-data", "registry", "request"], "then": "register",
            "set": { "depth": 4 }, "cron": "0 2 * * 1-5", "zone": "Europe/Berlin", "missed": "skip",
            "min_rows": 1000, "model": "other@champion", "secret": "HOOK_SECRET", "cool_down_secs": 86_400.0,
            "budget": 4, "budget_secs": 2_419_200.0,
        })
    );
    assert_eq!(project.triggers[0].name, "drift-decay");
}

/// Dotted names of all keys; `*` stands for names of the user's choice, `[]` for items.
fn keys_of(section: &Section, path: &str, keys: &mut BTreeSet<String>) {
    for key in section.keys {
        let path = format!("{path}.{}", key.name);
        keys_below(&key.shape, &path, keys);
        keys.insert(path);
    }
    if let Others::Named(_, shape) = &section.others {
        keys_below(shape, &format!("{path}.*"), keys);
    }
}

fn keys_below(shape: &Shape, path: &str, keys: &mut BTreeSet<String>) {
    match shape {
        Shape::Table(section) => keys_of(section, path, keys),
        Shape::List(item) => keys_below(item, path, keys),
        Shape::Either(shapes) => shapes.iter().for_each(|shape| keys_below(shape, path, keys)),
        _ => {}
    }
}

fn schema_keys(schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    for (name, below) in schema["properties"].as_object().into_iter().flatten() {
        let path = format!("{path}.{name}");
        assert!(below["description"].is_string(), "{path} is described");
        schema_keys(below, &path, keys);
        keys.insert(path);
    }
    schema_keys_below(&schema["additionalProperties"], &format!("{path}.*"), keys);
    schema_keys_below(&schema["items"], path, keys);
    for shape in schema["anyOf"].as_array().into_iter().flatten() {
        schema_keys(shape, path, keys);
    }
}

fn schema_keys_below(schema: &Value, path: &str, keys: &mut BTreeSet<String>) {
    if schema.is_object() {
        schema_keys(schema, path, keys);
    }
}

fn file_keys(section: &Section, table: &toml::Table, path: &str, keys: &mut BTreeSet<String>) {
    for (name, value) in table {
        let (path, shape) = match (section.key(name), &section.others) {
            (Some(key), _) => (format!("{path}.{name}"), &key.shape),
            (None, Others::Named(_, shape)) => (format!("{path}.*"), *shape),
            (None, _) => panic!("`{path}.{name}` is not in the table of keys"),
        };
        let tables = match value {
            toml::Value::Table(table) => vec![table],
            toml::Value::Array(items) => items.iter().filter_map(toml::Value::as_table).collect(),
            _ => Vec::new(),
        };
        let shape = if let Shape::List(item) = shape { item } else { shape };
        for table in tables {
            if let Some(section) = shape.section() {
                file_keys(section, table, &path, keys);
            }
        }
        if section.key(name).is_some() {
            keys.insert(path);
        }
    }
}

#[test]
fn the_schema_and_the_full_file_have_the_keys_that_the_parser_knows() {
    let (mut known, mut schema, mut written) = (BTreeSet::new(), BTreeSet::new(), BTreeSet::new());
    keys_of(&ROOT, "", &mut known);
    schema_keys(&json_schema(), "", &mut schema);
    let text = std::fs::read_to_string(folder().join("every_key.toml")).unwrap();
    file_keys(&ROOT, &text.parse().unwrap(), "", &mut written);
    assert_eq!(known, schema);
    assert_eq!(known, written);
    assert!(known.len() > 100);
}

#[test]
fn an_unknown_key_is_refused_wherever_the_schema_refuses_it() {
    for path in
        ["project", "python", "data.a", "data.a.split", "steps.s", "train", "train.search", "test", "package"]
    {
        let text = format!("[{path}]\nno_such_key = 1\n");
        let refusal = read_in_project(&text).unwrap_err();
        let message = format!("unknown key in [{path}]");
        assert!(refusal.problems().any(|problem| problem.message.starts_with(&message)), "{path}");
    }
}

#[test]
fn how_long_a_version_may_take_to_start_is_a_duration() {
    let read = |start: &str| {
        let text = std::fs::read_to_string(folder().join("every_key.toml")).unwrap();
        let written = ", start = \"90s\" }";
        assert_eq!(text.matches(written).count(), 1);
        read_in_project(&text.replace(written, &format!("{start} }}")))
    };
    for (start, seconds) in [
        ("", 60.0),
        (", start = \"90s\"", 90.0),
        (", start = \"5m\"", 300.0),
        (", start = \"1h 30m\"", 5_400.0),
        (", start = \"250ms\"", 0.25),
    ] {
        let loaded = read(start).unwrap_or_else(|refusal| panic!("{start}: {}", refusal.into_fault()));
        assert_eq!(loaded.project.environments["staging"].limits.start_secs, seconds, "{start}");
    }
    for start in ["90", "\"90\"", "\"soon\"", "\"-1s\"", "\"0s\""] {
        let Err(refusal) = read(&format!(", start = {start}")) else { panic!("{start} is taken") };
        assert!(refusal.problems().any(|problem| problem.message.contains("duration")), "{start}");
    }
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(200))]

    #[test]
    fn garbage_never_panics(text in "\\PC{0,200}", lines in "([a-z.\\[\\]\"'={} \n\r\t#,0-9-]{0,12}\n){0,20}") {
        for text in [text, lines] {
            if let Err(refusal) = read_in_project(&text) {
                let _ = refusal.into_fault();
            }
        }
    }

    #[test]
    fn a_good_file_with_a_wound_never_panics(at in 0_usize..4_000, length in 0_usize..40, put in "\\PC{0,4}") {
        let text = std::fs::read_to_string(folder().join("every_key.toml")).unwrap();
        let start = (0..=at.min(text.len())).rev().find(|at| text.is_char_boundary(*at)).unwrap_or(0);
        let end = (start + length).min(text.len());
        let end = (end..=text.len()).find(|end| text.is_char_boundary(*end)).unwrap_or(text.len());
        let wounded = format!("{}{put}{}", &text[..start], &text[end..]);
        if let Err(refusal) = read_in_project(&wounded) {
            prop_assert!(refusal.problems().count() > 0);
            let _ = refusal.into_fault();
        }
    }
}
