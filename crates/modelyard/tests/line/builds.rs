//! The first build makes version 1, the second finds everything in the cache.

use serde_json::{Value, json};

use crate::common::{Example, Project, text};

/// Builds `example` and looks at all that is said of it; `packaged` is how its model came to serve.
fn check(example: Example, packaged: &str) {
    let project = Project::built(example);
    let first: Value = serde_json::from_str(&project.read("first-run.json")).unwrap();
    let version = format!("{}@1", example.model());
    assert_eq!(first["model"], json!(version));
    assert_eq!(first["runtime"], json!(example.runtime()));
    assert_eq!(first["all_cached"], json!(false));
    assert_eq!(first["data"][example.data()]["number"], json!(1));
    let gates = first["gates"].as_array().unwrap();
    assert!(!gates.is_empty() && gates.iter().all(|gate| gate["passed"] == true), "{gates:?}");

    let second = project.document(&["run"]);
    assert_eq!(second["all_cached"], json!(true));
    for same in ["model", "package", "runtime", "params", "data"] {
        assert_eq!(second[same], first[same], "{same}");
    }
    let told = project.modelyard(&["run"]);
    let told = told.text();
    assert!(told.contains(packaged), "{told}");
    assert!(told.contains(", everything from cache."), "{told}");

    let status = project.document(&["status"]);
    assert!(status.as_array().unwrap().iter().all(|step| step["state"] == "ready"), "{status}");
    assert!(project.succeeds(&["status"]).ends_with("\nEverything is up to date.\n"));

    let listed = project.document(&["models", "list"]);
    assert_eq!(listed.as_array().unwrap().len(), 1);
    assert_eq!(listed[0]["name"], json!(example.model()));
    assert_eq!(listed[0]["latest_version"], json!(1));
    assert_eq!(listed[0]["aliases"], json!({"champion": 1}));
    assert_eq!(listed[0]["runtime"], json!(example.runtime()));

    let shown = project.document(&["models", "show", example.model()]);
    assert_eq!((&shown["version"], &shown["aliases"]), (&json!(1), &json!(["champion"])));
    assert_eq!(shown["package"], first["package"]);
    assert_eq!(shown["run"], first["run"]);
    assert_eq!(shown["lineage"]["data"][0]["name"], json!(example.data()));
    assert!(shown["tested"]["rows"].as_u64().unwrap() > 30, "{shown}");
    let report = project.document(&["report", &version]);
    let inputs = shown["manifest"]["signature"]["inputs"].as_array().unwrap();
    let columns = report["importance"]["columns"].as_array().unwrap_or_else(|| panic!("{report}"));
    assert_eq!(columns.len(), inputs.len(), "{report}");
    // Without its most important column a model that learnt something is worse.
    let (first, rows) = (&columns[0]["mean"], report["importance"]["rows"].as_u64().unwrap());
    assert!(first.as_f64().unwrap() > 0.0 && rows > 30 && rows <= 2_000, "{report}");
    assert_eq!(report["importance"]["metric"], report["metrics"][0]["name"]);
    let runtime = &shown["manifest"]["stages"][0]["runtime"];
    assert_eq!(text(&runtime["type"]), example.runtime());
    if example.runtime() == "onnx" {
        assert_eq!(text(&runtime["origin"]), "exported");
    }
}

#[test]
fn diabetes_a_regression() {
    check(Example::Diabetes, "onnx, exact on ");
}

#[test]
fn wine_three_classes() {
    check(Example::Wine, "onnx, exact on ");
}

#[test]
fn topics_several_files_that_only_python_can_ask() {
    check(Example::Topics, "not onnx: a `predict.py` is asked by Python");
}

#[test]
fn flights_three_tables_with_a_refit() {
    check(Example::Flights, "refit on train and validation");
}

/// The same project in another place, built from nothing, comes to the same digests.
#[test]
fn a_build_depends_on_no_place() {
    let (one, other) = (Project::built(Example::Wine), Project::untouched(Example::Wine));
    let (one, other) = (one.document(&["run"]), other.document(&["run"]));
    assert_eq!(other["all_cached"], json!(false));
    assert_eq!((&one["package"], &one["data"]), (&other["package"], &other["data"]));
}
