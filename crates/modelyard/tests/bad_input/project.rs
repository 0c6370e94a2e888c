//! The project file, and what it asks of the machine before any step runs.

use super::hostile::Project;

#[test]
fn without_a_project_the_way_to_one_is_told() {
    let project = Project::new("");
    std::fs::remove_file(project.root().join("modelyard.toml")).unwrap();
    for command in ["run", "status", "graph"] {
        let ended = project.fails(&[command], 13, "found no modelyard.toml in ");
        assert!(ended.stderr.contains("modelyard new NAME"), "{}", ended.text());
    }
    assert!(!project.home().exists());
}

#[test]
fn all_problems_are_told_at_once_each_with_its_place() {
    let project = Project::new("[trian]\nrun = \"x\"\n\n[steps.a]\nrun = 3\nthreds = 2\n");
    let ended = project.fails(&["run"], 3, "modelyard.toml has 3 problems\n");
    for place in [
        "11 | [trian]\n   |  ^^^^^ unknown section; did you mean `train`?",
        "15 | run = 3\n   |       ^ expected a text in quotes or a list, found a whole number",
        "16 | threds = 2\n   | ^^^^^^ unknown key in [steps.a]; did you mean `threads`?",
    ] {
        assert!(ended.stderr.contains(place), "{place}\n{}", ended.text());
    }
    assert!(!project.home().exists(), "nothing is made for a project with problems");
}

#[test]
fn a_step_that_the_project_does_not_have() {
    let project = Project::line("");
    let ended = project.fails(&["run", "tarin"], 2, "the project has no step `tarin`");
    assert!(ended.stderr.contains("rows, train, package, test, register"), "{}", ended.text());
    project.fails(&["run", "--set", "params.scael=3"], 2, "[train] has no parameter `scael`");
    project.fails(&["run", "--set", "scale=3"], 2, "`--set scale=3` sets no parameter");
}

#[test]
fn a_gate_on_a_metric_that_there_is_not() {
    let project = Project::line("gates = { rsme = { max = 1.0 } }\n");
    let ended = project.fails(&["run"], 3, "modelyard.toml has a problem\n");
    assert!(ended.stderr.contains("^^^^ unknown metric `rsme`; did you mean `rmse`?"), "{}", ended.text());
}

#[test]
fn without_python_the_way_to_one_is_told() {
    let project = Project::new("[steps.a]\nrun = [\"true\"]\n");
    let output = project.command(&["run"]).env("PATH", project.root()).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("error: cannot find Python\n"), "{stderr}");
    assert!(stderr.contains("hint: install Python 3.9 or newer"), "{stderr}");
}

/// The registry is closed, so that the answer does not depend on what it holds today.
#[test]
fn requirements_that_cannot_be_resolved() {
    let project =
        Project::new("[python]\nrequirements = \"requirements.txt\"\n\n[steps.a]\nrun = [\"true\"]\n");
    project.write("requirements.txt", "numpy==0.0.1\n");
    let output =
        project.command(&["run"]).envs([("UV_NO_INDEX", "1"), ("PIP_NO_INDEX", "1")]).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(6), "{stderr}");
    assert!(stderr.contains("error: cannot resolve `") && stderr.contains("requirements.txt`"), "{stderr}");
    assert!(stderr.contains("numpy"), "the resolver's own words: {stderr}");
    assert!(stderr.contains("hint: check names and versions there"), "{stderr}");
    assert!(!project.root().join("requirements.lock").exists(), "nothing half-written");
}
