//! The registry's commands and the test report.

use serde_json::json;

use crate::prepared::{prepare, project};
use crate::{assert_fits, document, refused, told};

#[test]
fn an_empty_registry_says_what_to_do() {
    let folder = project();
    assert_eq!(
        told(folder.path(), &["models", "list"]),
        "No model is registered yet.\nnext: modelyard run\n"
    );
    assert_eq!(document(folder.path(), &["models", "list"]), json!([]));
    let (code, text) = refused(folder.path(), &["models", "show", "house-prices"]);
    assert_eq!(code, 13);
    assert_eq!(
        text,
        "error: there is no model `house-prices` in the home\n  hint: `modelyard run` registers the first one\n"
    );
}

#[test]
fn models_are_listed() {
    let prepared = prepare();
    let listed = document(prepared.path(), &["models", "list"]);
    assert_eq!(
        listed,
        json!([{
            "name": "house-prices",
            "latest_version": 1,
            "aliases": {"champion": 1},
            "created_at": "2020-03-14T09:02:00Z",
            "updated_at": "2020-03-14T09:02:00Z",
            "runtime": "onnx",
            "metric": {"name": "rmse", "value": 10.0},
        }])
    );
    assert_eq!(
        told(prepared.path(), &["models", "list"]),
        "model         latest  aliases      runtime  metric      registered\n\
         house-prices      @1  champion @1  onnx     rmse 10.00  14 March 2020\n"
    );
}

#[test]
fn a_version_shows_the_chain_back_to_its_sources_and_its_commit() {
    let prepared = prepare();
    let shown = document(prepared.path(), &["models", "show", "house-prices@champion"]);
    assert_eq!(
        (&shown["name"], &shown["version"], &shown["runtime"]),
        (&json!("house-prices"), &json!(1), &json!("onnx"))
    );
    assert_eq!(shown["manifest"]["signature"]["inputs"][0]["name"], "area");
    assert_eq!(shown["tested"]["metrics"][0]["value"], 10.0);
    let lineage = &shown["lineage"];
    assert_eq!(lineage["run"]["id"], prepared.registered.to_string());
    assert_eq!(lineage["training"]["params"], json!({"depth": 5}));
    assert_eq!(lineage["data"][0]["sources"][0]["path"], "houses.csv");
    assert_eq!(lineage["commit"]["changed"], true);
    let text = told(prepared.path(), &["models", "show", "house-prices"]);
    assert_fits(&text);
    let package = &shown["package"].as_str().unwrap()[..8];
    let key = &lineage["training"]["key"].as_str().unwrap()[..8];
    let run = prepared.registered;
    let size = text.lines().nth(1).unwrap().rsplit(", ").next().unwrap();
    assert_eq!(
        text,
        format!(
            "house-prices@1   champion · registered 14 March 2020 by ada\n  \
             package   {package}   onnx, exported in float64, 1 input, {size}\n  \
             tested    rmse 10.00 (10.00–10.00) on 3 sealed rows; first model\n            \
             r2 0.985, baseline 0.000\n  \
             from      run {run}\n            \
             ← train {key}   depth 5\n            \
             ← houses@1   15 rows, 1 source\n              \
             ← houses   houses.csv: 1 file, 1.2 kB\n            \
             ← commit 4f1c2aa0 on main, with uncommitted changes\n\n\
             next: modelyard serve house-prices@1\n      \
             modelyard report house-prices@1\n      \
             modelyard reproduce house-prices@1\n"
        )
    );
}

#[test]
fn what_is_not_registered_is_answered_with_what_is() {
    let prepared = prepare();
    let (code, text) = refused(prepared.path(), &["models", "show", "house-price"]);
    assert_eq!(code, 13);
    assert!(text.ends_with("  models: house-prices\n  hint: did you mean `house-prices`?\n"), "{text}");
    let (code, text) = refused(prepared.path(), &["models", "show", "house-prices@2"]);
    assert_eq!(code, 13);
    assert!(text.starts_with("error: `house-prices` has no version 2\n  versions: 1\n"), "{text}");
    let (code, text) = refused(prepared.path(), &["models", "show", "a b"]);
    assert_eq!(code, 2);
    assert!(text.contains("`a b` names no model"), "{text}");
}

#[test]
fn an_alias_moves() {
    let prepared = prepare();
    let path = prepared.path();
    assert_eq!(
        told(path, &["models", "alias", "house-prices@1", "best"]),
        "house-prices@1 is now the best\n"
    );
    assert_eq!(
        told(path, &["models", "alias", "house-prices@best", "best"]),
        "house-prices@1 is the best already\n"
    );
    let document = document(path, &["models", "alias", "house-prices@1", "champion"]);
    assert_eq!(document, json!({"name": "house-prices", "version": 1, "alias": "champion", "before": 1}));
    let (code, text) = refused(path, &["models", "alias", "house-prices@1", "7"]);
    assert_eq!(code, 2);
    assert!(text.starts_with("error: `7` can't be an alias"), "{text}");
    let (code, _) = refused(path, &["models", "alias", "house-prices", "best"]);
    assert_eq!(code, 2);
}

#[test]
fn a_download_is_whole_or_not_there() {
    let prepared = prepare();
    let path = prepared.path();
    let text = told(path, &["models", "download", "house-prices@1", "out/package"]);
    assert!(text.starts_with("house-prices@1 is in out/package: 5 files, "), "{text}");
    assert!(text.ends_with(", verified\nnext: modelyard serve out/package\n"), "{text}");
    modelyard_deploy::package::read(&path.join("out/package")).unwrap();
    assert_eq!(std::fs::read_dir(path.join("out")).unwrap().count(), 1, "nothing is left beside it");

    let (code, text) = refused(path, &["models", "download", "house-prices@1", "out/package"]);
    assert_eq!(code, 14);
    assert!(text.ends_with(": it is not empty\n  hint: name a new or empty folder\n"), "{text}");
    let (code, text) = refused(path, &["models", "download", "house-prices@1", "modelyard.toml"]);
    assert_eq!((code, text.contains(": it is a file\n")), (14, true), "{text}");
    std::fs::create_dir(path.join("empty")).unwrap();
    let document = document(path, &["models", "download", "house-prices", "empty"]);
    assert_eq!((&document["files"], &document["version"]), (&json!(5), &json!(1)));

    // A damaged blob: nothing is left of the attempt.
    let model = modelyard_core::Digest::of(b"a graph").to_string();
    let blob = prepared.home().join("blobs").join(&model[..2]).join(&model[2..]);
    std::fs::remove_file(&blob).unwrap();
    std::fs::write(&blob, "another").unwrap();
    let (_, text) = refused(path, &["models", "download", "house-prices", "damaged"]);
    assert!(text.starts_with("error: "), "{text}");
    assert!(!path.join("damaged").exists());
}

#[test]
fn a_report_is_a_page_a_document_or_a_few_lines() {
    let prepared = prepare();
    let path = prepared.path();
    let report = document(path, &["report", "house-prices@1"]);
    assert_eq!((&report["model"]["name"], &report["model"]["number"]), (&json!("house-prices"), &json!(1)));
    assert_eq!(report["model"]["run"], prepared.registered.to_string());
    assert_eq!(report["model"]["tested_at"], "2020-03-14T09:02:05Z");
    assert_eq!(report["provenance"]["commit"], "4f1c2aa0b3d94e3ea2b5d2a1f0c9e8d7b6a59483, changed since");
    assert_eq!(report["provenance"]["reproduce"], "modelyard reproduce house-prices@1");
    assert_eq!(document(path, &["report", &prepared.registered.to_string()]), report, "the run that made it");

    let text = told(path, &["report", "house-prices@1", "--output", "report.html"]);
    assert!(text.starts_with("house-prices@1: On 3 sealed test rows, rmse is "), "{text}");
    assert!(text.ends_with("page: report.html\n"), "{text}");
    let page = std::fs::read_to_string(path.join("report.html")).unwrap();
    assert!(page.starts_with("<!DOCTYPE html>") && page.contains("house-prices@1"), "{page}");

    let text = told(path, &["report", &prepared.stopped.to_string()]);
    assert!(text.contains("\nmetric  value  95 % interval"), "{text}");
    assert!(text.ends_with(&format!("\nnext: modelyard report {} --open\n", prepared.stopped)), "{text}");
    assert_eq!(
        document(path, &["report"])["model"]["run"],
        prepared.stopped.to_string(),
        "the newest that tested"
    );

    let (code, text) = refused(path, &["report", &prepared.killed.to_string()]);
    assert_eq!(code, 13);
    assert!(text.contains("tested no model"), "{text}");
    let (code, text) = refused(path, &["report", "house-prices@1", "-o", "missing/report.html"]);
    assert_eq!(code, 2);
    assert!(text.starts_with("error: cannot write the report to `missing/report.html`\n  cause: "), "{text}");
}
