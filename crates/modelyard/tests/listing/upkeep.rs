//! What keeps a home and a project in order.

use serde_json::json;

use crate::prepared::{prepare, project};
use crate::{assert_fits, document, modelyard, refused, told};

#[test]
fn the_audit_log_tells_who_changed_what_and_is_verified() {
    let prepared = prepare();
    let path = prepared.path();
    told(path, &["models", "alias", "house-prices@1", "best"]);
    let entries = document(path, &["audit", "list"]);
    let events: Vec<_> = entries.as_array().unwrap().iter().map(|entry| &entry["event"]).collect();
    assert_eq!(json!(events), json!(["model.alias.set", "model.alias.set", "model.version.registered"]));
    assert_eq!((&entries[2]["number"], &entries[2]["at"]), (&json!(1), &json!("2020-03-14T09:02:00Z")));
    assert_eq!(entries[1]["previous"], entries[2]["digest"]);
    assert_eq!(document(path, &["audit", "house-prices"]).as_array().unwrap().len(), 3);
    assert_eq!(document(path, &["audit", "house-prices@2"]), json!([]));
    assert_eq!(document(path, &["audit", "-n", "1"])[0]["number"], 3);
    let text = told(path, &["audit"]);
    assert_fits(&text);
    assert!(text.contains("house-prices@1  registered, rmse 10.00  ada"), "{text}");
    let verified = told(path, &["audit", "--verify"]);
    let head = entries[0]["digest"].as_str().unwrap();
    assert_eq!(verified, format!("chain verified: 3 entries, head {}\n", &head[..8]));
    let verdict = document(path, &["audit", "--verify"]);
    assert_eq!(
        verdict,
        json!({"intact": true, "entries": 3, "head": head, "broken_at": null, "altered": []})
    );
}

#[test]
fn an_empty_log_is_whole() {
    let folder = project();
    assert_eq!(told(folder.path(), &["audit"]), "Nothing was registered, applied or released yet.\n");
    assert_eq!(told(folder.path(), &["audit", "--verify"]), "chain verified: 0 entries\n");
}

/// Whoever looks before anything was done is told what to do, and leaves nothing behind.
#[test]
fn looking_makes_no_home_and_says_what_comes_first() {
    let folder = project();
    let path = folder.path();
    let file = path.join("modelyard.toml");
    let text = std::fs::read_to_string(&file).unwrap();
    let environments =
        "\n[environments.staging]\ntests = {}\n\n[environments.production]\nrequires = \"staging\"\n";
    std::fs::write(&file, text + environments).unwrap();
    for args in [
        &["history", "production"][..],
        &["release", "status"],
        &["environments", "show", "production"],
        &["environments", "stop", "production"],
        &["rollback", "production"],
    ] {
        let (code, said) = refused(path, args);
        assert_eq!(code, 13, "{args:?}: {said}");
        assert_eq!(
            said,
            "error: environment `production` is declared, and nothing of it was applied or deployed yet\n  \
             hint: `modelyard run`, then `modelyard apply`, then `modelyard deploy staging`, then \
             `modelyard release --to production`\n",
            "{args:?}"
        );
    }
    let (_, said) = refused(path, &["history", "prodution"]);
    assert!(said.starts_with("error: project `prices` has no environment `prodution`"), "{said}");
    assert_eq!(told(path, &["environments", "list"]), "No environments yet.\n");
    told(path, &["audit"]);
    assert!(!path.join(".modelyard").exists(), "looking made a home");
}

#[test]
fn a_home_of_this_version_needs_no_upgrade() {
    let prepared = prepare();
    let done = document(prepared.path(), &["home", "upgrade"]);
    assert_eq!((&done["from"], &done["to"]), (&json!(2), &json!(2)));
    let text = told(prepared.path(), &["home", "upgrade"]);
    assert_eq!(text, format!("the home {} has version 2 already\n", prepared.home().display()));
    let folder = project();
    assert_eq!(refused(folder.path(), &["home", "upgrade"]).0, 13);
}

#[test]
fn what_can_not_be_locked_is_said() {
    let folder = project();
    let (code, text) = refused(folder.path(), &["lock"]);
    assert_eq!(code, 3);
    assert_eq!(
        text,
        "error: the project has no requirements to lock\n  \
         hint: set `requirements = \"requirements.txt\"` in [python]\n"
    );
}

#[test]
fn requirements_without_a_package_are_locked_without_a_registry() {
    let folder = project();
    let file = folder.path().join("modelyard.toml");
    let config =
        std::fs::read_to_string(&file).unwrap() + "\n[python]\nrequirements = \"requirements.txt\"\n";
    std::fs::write(&file, config).unwrap();
    std::fs::write(folder.path().join("requirements.txt"), "# nothing yet\n").unwrap();
    assert_eq!(told(folder.path(), &["lock"]), "requirements.lock made from requirements.txt; commit it\n");
    assert_eq!(told(folder.path(), &["lock"]), "requirements.lock is up to date\n");
    assert_eq!(document(folder.path(), &["lock"])["outcome"], "unchanged");
}

#[test]
fn a_home_that_was_named_must_be_there() {
    let folder = project();
    let missing = folder.path().join("nowhere");
    let output = modelyard(folder.path(), &["runs", "list", "--home", missing.to_str().unwrap()]);
    assert_eq!(output.status.code(), Some(13), "{}", String::from_utf8_lossy(&output.stderr));
}
