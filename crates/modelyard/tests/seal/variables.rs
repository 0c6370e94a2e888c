//! The environment of a step starts empty; secrets are in it and nowhere else.

use super::hostile::{CALLERS, Project};

const STEP: &str =
    "[steps.tell]\nrun = \"python3 step.py {outputs.out}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n";
/// Writes its variables, sorted, values of secrets but their length.
const TELL: &str = "import os, sys\n\
                    told = {name: len(value) if name == 'TOKEN' else value for name, value in os.environ.items()}\n\
                    open(sys.argv[1], 'w').write('\\n'.join(f'{name}={told[name]}' for name in sorted(told)))\n\
                    print(open(sys.argv[1]).read())\n";

fn told(project: &Project) -> String {
    project.succeeds(&["run", "tell"]);
    project.succeeds(&["logs", "tell"]).stdout
}

#[test]
fn it_starts_empty() {
    let project = Project::new(&format!("{STEP}env = {{ REGION = \"north\" }}\n"));
    project.write("step.py", TELL);
    let text = told(&project);
    let names: Vec<&str> = text.lines().filter_map(|line| Some(line.split_once('=')?.0)).collect();
    assert!(!names.contains(&CALLERS.0), "{text}");
    for wanted in ["REGION=north", "LANG=C.UTF-8", "TZ=UTC", "PYTHONHASHSEED=0", "OMP_NUM_THREADS=2"] {
        assert!(text.lines().any(|line| line == wanted), "{wanted} is missing: {text}");
    }
    let project_path = project.root().display().to_string();
    for name in ["HOME", "TMPDIR", "MODELYARD_CONTEXT"] {
        assert!(names.contains(&name), "{name} is missing: {text}");
    }
    let temporary = text.lines().find_map(|line| line.strip_prefix("TMPDIR=")).unwrap();
    assert!(temporary.starts_with("/tmp/my-") && !std::path::Path::new(temporary).exists(), "{temporary}");
    assert!(!text.contains(&format!("={project_path}\n")), "{text}");
}

#[test]
fn a_declared_variable_is_part_of_the_key_and_a_callers_is_not() {
    let project = Project::new(&format!("{STEP}env = {{ REGION = \"north\" }}\n"));
    project.write("step.py", TELL);
    project.succeeds(&["run", "tell"]);
    let again = project.command(&["run", "tell", "--json"]).env("ANOTHER", "1").output().unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("\"all_cached\": true"));
    project.configure(&format!("{STEP}env = {{ REGION = \"south\" }}\n"));
    let ended = project.succeeds(&["run", "tell", "--json"]);
    assert!(ended.stdout.contains("\"all_cached\": false"), "{}", ended.text());
}

#[test]
fn a_secret_reaches_the_step_and_is_kept_nowhere() {
    let project = Project::new(&format!("{STEP}secrets = [\"TOKEN\"]\n"));
    project.write("step.py", TELL);
    let value = "k7-not-to-be-kept";
    let ended = project.command(&["run", "tell"]).env("TOKEN", value).output().unwrap();
    assert!(ended.status.success());
    assert!(project.succeeds(&["logs", "tell"]).stdout.contains(&format!("TOKEN={}", value.len())));
    assert!(!project.home_holds(value.as_bytes()));
    // Its name is in the key, its value is not: another value takes the result from the cache.
    let again = project.command(&["run", "tell", "--json"]).env("TOKEN", "another").output().unwrap();
    assert!(String::from_utf8_lossy(&again.stdout).contains("\"all_cached\": true"));
}

/// A step that prints its whole environment is an everyday mistake.
#[test]
fn a_secret_that_is_printed_is_blotted_out_of_log_and_error() {
    let project = Project::new(&format!("{STEP}secrets = [\"TOKEN\"]\n"));
    let value = "k7-not-to-be-kept";
    project.write(
        "step.py",
        "import os, sys\nprint(os.environ)\nprint('err', os.environ['TOKEN'], file=sys.stderr)\nsys.exit(1)\n",
    );
    let output = project.command(&["run", "tell"]).env("TOKEN", value).output().unwrap();
    let stderr = String::from_utf8_lossy(&output.stderr);
    assert_eq!(output.status.code(), Some(7), "{stderr}");
    assert!(stderr.contains("err ***") && !stderr.contains(value), "{stderr}");
    assert!(!project.home_holds(value.as_bytes()));
}

#[test]
fn a_missing_secret_is_named() {
    let project = Project::new(&format!("{STEP}secrets = [\"TOKEN\"]\n"));
    project.write("step.py", TELL);
    let ended = project.fails(&["run", "tell"], 3, "step `tell` needs the secret `TOKEN`, which is not set");
    assert!(ended.stderr.contains("hint: set the environment variable `TOKEN`"), "{}", ended.text());
}
