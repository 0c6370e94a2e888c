//! `reproduce`: a version is built again from what was stored, and compared.

use std::process::Command;

use serde_json::{Value, json};

use crate::common::{Ended, Example, Project, modelyard};

fn check_identical(example: Example) {
    let project = Project::built(example);
    let version = format!("{}@1", example.model());
    let reproduction = project.document(&["reproduce", &version]);
    assert_eq!(reproduction["verdict"], json!("identical"), "{reproduction}");
    assert_eq!(reproduction["first_difference"], Value::Null);
    let actions = reproduction["actions"].as_array().unwrap();
    for step in [example.data(), "train", "package", "test"] {
        assert!(actions.iter().any(|action| action["step"] == step), "{step}: {reproduction}");
    }
    // It leaves the home as it was.
    assert_eq!(project.versions(), [1]);
    assert_eq!(project.document(&["run"])["all_cached"], json!(true));
}

#[test]
fn diabetes_is_reproducible() {
    check_identical(Example::Diabetes);
}

#[test]
fn wine_is_reproducible() {
    check_identical(Example::Wine);
}

/// scikit-learn keeps an address of its process in a vectorizer's pickle.
#[test]
fn topics_is_reproducible_though_its_pickle_holds_an_address() {
    let refused = !Command::new("setarch").args(["-R", "true"]).status().unwrap().success();
    if !refused {
        return check_identical(Example::Topics);
    }
    // A container that does not let addresses be fixed: only the address differs.
    let project = Project::built(Example::Topics);
    let reproduction = project.document(&["reproduce", "topics@1"]);
    assert_eq!(reproduction["verdict"], json!("same_answers"), "{reproduction}");
    assert_eq!(reproduction["first_difference"]["step"], json!("train"));
    assert_eq!(reproduction["first_difference"]["differences"], json!(["output `model`"]));
    assert_eq!(reproduction["largest_answer_difference"], json!(0.0));
}

#[test]
fn flights_is_reproducible() {
    check_identical(Example::Flights);
}

#[test]
fn training_without_a_seed_comes_out_different() {
    let project = Project::built(Example::Wine);
    project.edit(
        "train.py",
        "    model.fit(train.drop",
        "    train = train.sample(frac=0.8)\n    model.fit(train.drop",
    );
    project.document(&["run", "--set", "params.c=1.0"]);
    let reproduction = project.document_of(&["reproduce"], 12);
    assert_eq!(reproduction["verdict"], json!("different"));
    assert_eq!(reproduction["first_difference"]["step"], json!("train"));
    assert_eq!(reproduction["actions"][0], {
        let mut data = reproduction["actions"][0].clone();
        data["same"] = json!(true);
        data["step"] = json!("wine");
        data
    });
    let ended = project.modelyard(&["reproduce", "wine-cultivar@2"]);
    assert_eq!(ended.code, 12);
    assert!(ended.stdout.starts_with("wine-cultivar@2 came out different\n"), "{}", ended.text());
    assert!(ended.stdout.contains("\nfirst difference: `train` (action "), "{}", ended.text());
    assert!(ended.stdout.contains("random_state=0"), "{}", ended.text());
    // The version before it still is what it says, whatever the folder holds now.
    assert_eq!(project.document(&["reproduce", "wine-cultivar@1"])["verdict"], json!("identical"));
}

#[test]
fn a_time_beside_the_model_leaves_its_answers_the_same() {
    let project = Project::built(Example::Wine);
    project.edit(
        "train.py",
        "    joblib.dump(model",
        "    import time\n    (options.model / \"made.txt\").write_text(str(time.time_ns()))\n    joblib.dump(model",
    );
    project.document(&["run", "--set", "params.c=1.0"]);
    let reproduction = project.document(&["reproduce"]);
    assert_eq!(reproduction["verdict"], json!("same_answers"));
    assert_eq!(reproduction["first_difference"]["step"], json!("train"));
    assert_eq!(reproduction["largest_answer_difference"], json!(0.0));
}

/// Not on the project's folder, only on the home: sources, code and configuration may have changed since.
#[test]
fn a_version_depends_on_its_home_alone() {
    let project = Project::built(Example::Diabetes);
    let text = project.read("data/diabetes.csv");
    project.write("data/diabetes.csv", text.trim_end().rsplit_once('\n').unwrap().0);
    let reproduction = project.document(&["reproduce", "diabetes-progression@1"]);
    assert_eq!(reproduction["verdict"], json!("identical"), "{reproduction}");
    let remark = "the sources of `diabetes` are not there as they were: its stored rows stood in for them";
    assert_eq!(reproduction["remarks"], json!([remark]));
    let actions = reproduction["actions"].as_array().unwrap();
    assert!(actions.iter().all(|action| action["step"] != "diabetes"), "{reproduction}");

    for file in ["data/diabetes.csv", "train.py", "requirements.lock"] {
        std::fs::remove_file(project.root().join(file)).unwrap();
    }
    project.write("modelyard.toml", "[");
    assert_eq!(project.document(&["reproduce"])["verdict"], json!("identical"));
    let home = project.beside("home");
    std::fs::rename(project.home(), &home).unwrap();
    std::fs::remove_dir_all(project.root()).unwrap();
    let args = ["--home", home.to_str().unwrap(), "reproduce", "diabetes-progression"];
    let ended = Ended::of(modelyard(&project.beside(""), &args).output().unwrap());
    assert_eq!(ended.code, 0, "{}", ended.text());
    assert!(
        ended.stdout.starts_with("diabetes-progression@1 is reproducible: identical\n"),
        "{}",
        ended.text()
    );
}

#[test]
fn what_was_never_made_can_not_be_made_again() {
    let project = Project::built(Example::Wine);
    project.fails(&["reproduce", "wine-cultivar@7"], 13, "`wine-cultivar` has no version 7");
    project.fails(&["reproduce", "wines"], 13, "there is no model `wines`");
    let project = Project::untouched(Example::Wine);
    project.fails(&["reproduce"], 13, "");
}
