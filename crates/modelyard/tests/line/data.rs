//! New data are a new version; old data again are the old one.

use serde_json::json;

use crate::common::{Example, Project};

#[test]
fn data_a_b_a_have_the_numbers_1_2_1() {
    let project = Project::built(Example::Wine);
    let all = project.read("data/wine.csv");
    let fewer: String = all.lines().take(150).map(|line| format!("{line}\n")).collect();
    project.write("data/wine.csv", &fewer);
    assert_eq!(
        project.status(),
        [
            "wine stale: the source `wine` changed",
            "train waits: for wine",
            "package waits: for wine, train",
            "test waits: for wine, package",
            "register waits: for test",
        ]
    );
    let run = project.document(&["run"]);
    assert_eq!(run["data"]["wine"]["number"], json!(2));
    assert_eq!((&run["data"]["wine"]["rows"], &run["model"]), (&json!(149), &json!("wine-cultivar@2")));
    let again = project.document(&["run"]);
    assert_eq!((&again["all_cached"], &again["model"]), (&json!(true), &json!("wine-cultivar@2")));

    project.write("data/wine.csv", &all);
    assert_eq!(project.status()[0], "wine ready: wine@1, sources unchanged");
    let run = project.document(&["run"]);
    assert_eq!((&run["data"]["wine"]["number"], &run["model"]), (&json!(1), &json!("wine-cultivar@1")));
    assert_eq!(project.versions(), [2, 1]);
}

/// The same rows, in another order and another file: other bytes, the same version.
#[test]
fn data_are_known_by_their_rows() {
    let project = Project::built(Example::Wine);
    let text = project.read("data/wine.csv");
    let (head, rows) = text.split_once('\n').unwrap();
    let turned: String = rows.lines().rev().map(|line| format!("{line}\n")).collect();
    project.write("data/wine.csv", &format!("{head}\n{turned}"));
    assert_eq!(project.status()[0], "wine stale: the source `wine` changed");
    let run = project.document(&["run"]);
    assert_eq!((&run["data"]["wine"]["number"], &run["model"]), (&json!(1), &json!("wine-cultivar@1")));
    assert_eq!(project.versions(), [1]);
}

#[test]
fn a_new_file_of_a_glob_is_new_data() {
    let project = Project::built(Example::Flights);
    let later = concat!(env!("CARGO_MANIFEST_DIR"), "/../../examples/flights/later/flights-2013-05.csv.gz");
    let file = project.root().join("data/flights/flights-2013-05.csv.gz");
    std::fs::copy(later, &file).unwrap();
    assert_eq!(project.status()[0], "flights stale: the source `flights` changed");
    std::fs::remove_file(file).unwrap();
    assert_eq!(project.status()[0], "flights ready: flights@1, sources unchanged");
}

#[test]
fn a_failed_check_stops_before_training() {
    let project = Project::built(Example::Wine);
    project.edit(
        "data/wine.csv",
        "14.23,1.71,2.43,15.6,127.0,2.8,3.06,0.28,2.29,5.64,1.04,3.92,1065.0,cultivar_a",
        "14.23,1.71,2.43,15.6,127.0,2.8,3.06,0.28,2.29,5.64,1.04,3.92,1065.0,cultivar_d",
    );
    let failed = project.document_of(&["run"], 5);
    assert_eq!(failed["error"]["kind"], json!("check"));
    assert!(failed["error"].to_string().contains("cultivar_d"), "{failed}");
    assert_eq!(project.versions(), [1]);
}
