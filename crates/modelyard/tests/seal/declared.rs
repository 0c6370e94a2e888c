//! What was not declared is an error; what was opened on purpose is written down.

use serde_json::Value;

use super::hostile::{Project, SEALED};

const STEP: &str =
    "[steps.use]\nrun = \"python3 step.py {data.rows.train} {outputs.out}\"\noutputs = [\"out\"]\n";

/// Copies the file at `path`, as a step would read a look-up table.
fn reads(path: &str) -> String {
    format!("import sys\nopen(sys.argv[2], 'w').write(open({path:?}).read())\n")
}

#[track_caller]
fn trust(project: &Project) -> (bool, bool, bool, String) {
    let run = project.last_run();
    let flag = |name: &str| run["trust"][name].as_bool().unwrap_or_else(|| panic!("{run:#}"));
    let reasons = run["trust"]["reasons"].as_array().cloned().unwrap_or_default();
    let reasons = reasons.iter().filter_map(Value::as_str).collect::<Vec<_>>().join("; ");
    (flag("enforced"), flag("inputs_complete"), flag("sealed"), reasons)
}

#[test]
fn a_step_of_declared_inputs_alone_is_trusted() {
    let project = Project::new(&format!("{STEP}code = [\"step.py\"]\n"));
    project.write("step.py", "import sys\nopen(sys.argv[2], 'w')\n");
    project.succeeds(&["run", "use"]);
    let (enforced, complete, sealed, _) = trust(&project);
    assert!(enforced && complete && sealed);
}

/// The same rows through another data set: the kernel has nothing to refuse, so it is written down.
#[test]
fn a_source_of_two_data_sets_unseals_what_takes_the_other() {
    let second =
        |split: &str| format!("[data.again]\nformat = \"csv\"\nsources.x = \"data/rows.csv\"\n{split}\n");
    let step = "[steps.use]\nrun = \"python3 step.py {data.again.train} {outputs.out}\"\ncode = [\"step.py\"]\noutputs = [\"out\"]\n";
    let project = Project::new(&format!("{}[test]\ndata = \"rows\"\n\n{step}", second("")));
    project.write("step.py", "import sys\nopen(sys.argv[2], 'w')\n");
    let reason = "`again` is made from `data/rows.csv` too, of which `rows` keeps rows for testing";
    for command in [["check"].as_slice(), &["run", "use"]] {
        let told = project.succeeds(command).stderr;
        assert!(told.contains(&format!("remark: {reason}: runs are marked as unsealed")), "{told}");
    }
    let (enforced, complete, sealed, reasons) = trust(&project);
    assert!(enforced && complete && !sealed);
    assert_eq!(reasons, reason);
    // Nor is a result from the cache.
    project.succeeds(&["run", "use"]);
    assert!(!trust(&project).2);
    let shown = project.succeeds(&["show"]).stdout;
    assert!(shown.contains(&format!("unsealed: a step could have read the test rows ({reason})")), "{shown}");
    // Divided by the same column, a test row here is a test row there.
    let alike = second("split = { method = \"column\", column = \"part\" }");
    project.configure(&format!("{alike}[test]\ndata = \"rows\"\n\n{step}"));
    project.succeeds(&["run", "use"]);
    assert!(trust(&project).2);
}

#[test]
fn an_undeclared_file_is_named_with_the_way_to_declare_it() {
    let project = Project::new(&format!("{STEP}code = [\"step.py\"]\n"));
    project.write("lookup/cities.txt", "oslo");
    let absolute = project.root().join("lookup/cities.txt");
    for path in ["lookup/cities.txt", absolute.to_str().unwrap()] {
        project.write("step.py", &reads(path));
        for _ in 0..2 {
            let ended =
                project.fails(&["run", "use"], 7, "step `use` looked for a file that it did not declare");
            assert!(ended.stderr.contains("step.py, line 2"), "{}", ended.text());
            assert!(ended.stderr.contains("code = [\"lookup/cities.txt\"]"), "{}", ended.text());
            assert!(ended.stderr.contains("sandbox.read = [\"lookup/cities.txt\"]"), "{}", ended.text());
        }
    }
    // As the error said.
    project.write("step.py", &reads("lookup/cities.txt"));
    project.configure(&format!("{STEP}code = [\"step.py\", \"lookup/cities.txt\"]\n"));
    project.succeeds(&["run", "use"]);
    let (enforced, complete, sealed, _) = trust(&project);
    assert!(enforced && complete && sealed);
}

#[test]
fn an_undeclared_module_is_named_with_the_way_to_declare_it() {
    let project = Project::new(&format!("{STEP}code = [\"step.py\"]\n"));
    project.write("step.py", "import sys\n\nimport features\nopen(sys.argv[2], 'w').write(features.NAME)\n");
    project.write("features.py", "import extra.more\nNAME = 'x'\n");
    project.write("extra/more.py", "");
    let message = "step `use` looked for a module that it did not declare";
    for (code, module, importer, declare) in [
        ("\"step.py\"", "features", "step.py, line 3", "features.py"),
        ("\"step.py\", \"features.py\"", "extra", "features.py, line 1", "extra"),
    ] {
        project.configure(&format!("{STEP}code = [{code}]\n"));
        let ended = project.fails(&["run", "use"], 7, message);
        assert!(ended.stderr.contains(&format!("module: {module}")), "{}", ended.text());
        assert!(ended.stderr.contains(&format!("imported by {importer}")), "{}", ended.text());
        assert!(ended.stderr.contains(&format!("add \"{declare}\" to `code` of `use`")), "{}", ended.text());
    }
    project.configure(&format!("{STEP}code = [\"step.py\", \"features.py\", \"extra\"]\n"));
    project.succeeds(&["run", "use"]);
}

#[test]
fn what_sandbox_read_adds_is_readable_recorded_and_in_the_key() {
    let project = Project::new(&format!("{STEP}code = [\"step.py\"]\nsandbox.read = [\"lookup\"]\n"));
    let path = project.root().join("lookup/cities.txt");
    project.write("lookup/cities.txt", "oslo");
    project.write("step.py", &reads(path.to_str().unwrap()));
    project.succeeds(&["run", "use"]);
    let (enforced, complete, sealed, reasons) = trust(&project);
    assert!(enforced && !complete && sealed, "{reasons}");
    assert!(reasons.contains("`sandbox.read` adds lookup"), "{reasons}");
    let shown = project.succeeds(&["show"]).stdout;
    assert!(shown.contains("inputs not complete"), "{shown}");

    // What is taken from the cache carries its mark; other content is another key.
    let ended = project.succeeds(&["run", "use", "--json"]);
    assert!(ended.stdout.contains("\"all_cached\": true"), "{}", ended.text());
    assert!(!trust(&project).1);
    project.write("lookup/cities.txt", "bergen");
    let ended = project.succeeds(&["run", "use", "--json"]);
    assert!(ended.stdout.contains("\"all_cached\": false"), "{}", ended.text());
    // So is all else that the step may open there.
    for (path, text) in
        [("lookup/.hidden", "1"), ("lookup/deep/cache.pyc", "2"), ("lookup/deep/cache.pyc", "3")]
    {
        project.write(path, text);
        let ended = project.succeeds(&["run", "use", "--json"]);
        assert!(ended.stdout.contains("\"all_cached\": false"), "{path}: {}", ended.text());
        let ended = project.succeeds(&["run", "use", "--json"]);
        assert!(ended.stdout.contains("\"all_cached\": true"), "{path}: {}", ended.text());
    }
    // A link that leads nowhere or in a circle is one more name.
    std::os::unix::fs::symlink("..", project.root().join("lookup/round")).unwrap();
    std::os::unix::fs::symlink("nothing", project.root().join("lookup/nowhere")).unwrap();
    let ended = project.succeeds(&["run", "use", "--json"]);
    assert!(ended.stdout.contains("\"all_cached\": false"), "{}", ended.text());
}

/// However it is written.
#[test]
fn opening_a_source_marks_the_run_as_unsealed() {
    for (source, read) in [
        ("data/rows.csv", "data/rows.csv"),
        ("data/rows.csv", "data"),
        ("data/rows.csv", "."),
        ("data/rows.csv", ".."),
        ("data/rows.csv", "lookup/../data"),
        ("data/rows.csv", "alias"),
        ("alias/rows.csv", "data"),
        ("data/*.csv", "data/rows.csv"),
        ("data/rows.csv", ".modelyard"),
    ] {
        let project = Project::new("");
        project.write("lookup/cities.txt", "oslo");
        project.write("step.py", "import sys\nopen(sys.argv[2], 'w')\n");
        std::os::unix::fs::symlink("data", project.root().join("alias")).unwrap();
        std::fs::create_dir_all(project.home()).unwrap();
        project.configure(&format!("{STEP}code = [\"step.py\"]\nsandbox.read = [{read:?}]\n"));
        let file = project.root().join("modelyard.toml");
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::write(&file, text.replace("data/rows.csv\"\n\n", &format!("{source}\"\n\n"))).unwrap();
        project.succeeds(&["run", "use"]);
        let (enforced, complete, sealed, reasons) = trust(&project);
        assert!(enforced && !complete && !sealed, "{read} of {source}: {reasons}");
        assert!(reasons.contains("`sandbox.read` opens a source or the home"), "{reasons}");
        let shown = project.succeeds(&["show"]).stdout;
        assert!(shown.contains("unsealed"), "{shown}");
        // The home itself is no input, else nothing would ever be cached.
        let again = project.succeeds(&["run", "use", "--json"]);
        assert!(again.stdout.contains("\"all_cached\": true"), "{read}: {}", again.text());
    }
}

#[test]
fn without_the_sandbox_a_run_says_so() {
    let project = Project::new(&format!("{STEP}code = [\"step.py\"]\nsandbox = \"off\"\n"));
    project.write("step.py", &reads(project.root().join("data/rows.csv").to_str().unwrap()));
    project.succeeds(&["run", "use"]);
    let (enforced, complete, sealed, reasons) = trust(&project);
    assert!(!enforced && !complete && !sealed);
    assert!(reasons.contains("sandbox"), "{reasons}");
    assert!(project.home_holds(SEALED.as_bytes()), "what it read was kept, as the run says");
}

/// A file that was missed and coped with does not hide what the step failed of.
#[test]
fn the_end_of_the_log_is_shown_where_the_step_went_on() {
    let project = Project::new(&format!("{STEP}code = [\"step.py\"]\n"));
    project.write("lookup.txt", "");
    project.write(
        "step.py",
        "import traceback\ntry: open('lookup.txt')\nexcept OSError: traceback.print_exc()\nraise ValueError('far off')\n",
    );
    let ended = project.fails(&["run", "use"], 7, "step `use` looked for a file that it did not declare");
    assert!(ended.stderr.contains("ValueError: far off\n"), "{}", ended.text());
}
