//! Models that can't be loaded or asked, and packages that are not what they were.

use std::path::PathBuf;

use super::hostile::{Background, Ended, Project};

/// The line with a `train.py` that leaves what `python` writes into `model`, the folder.
fn leaves(python: &str) -> Project {
    let project = Project::line("");
    let train = "import json, os, pickle, sys\nmodel = sys.argv[3]\n\
                 json.dump({'validation.error': 0}, open('metrics.json', 'w'))\n";
    project.write("train.py", &format!("{train}{python}\n"));
    project
}

#[track_caller]
fn refused(python: &str, message: &str, words: &[&str]) {
    let project = leaves(python);
    let output = project.command(&["run"]).env("MODELYARD_ONNX_LIBRARY", onnx_library()).output().unwrap();
    let ended = Ended::of(output);
    assert_eq!(ended.code, 9, "{}", ended.text());
    assert!(ended.stderr.contains(&format!("error: {message}")), "{message}\n{}", ended.text());
    for word in words {
        assert!(ended.stderr.contains(word), "{word}\n{}", ended.text());
    }
    assert_eq!(project.document(&["models", "list"]), serde_json::json!([]), "nothing is registered");
    assert!(project.stale_folders().is_empty());
}

/// The library of the wheel that the tests' Python has.
fn onnx_library() -> PathBuf {
    let python = std::env::var("MODELYARD_TEST_PYTHON").unwrap_or_else(|_| {
        panic!(
            "MODELYARD_TEST_PYTHON is not set: name the Python of an environment that has the packages of \
             tests/requirements.txt (`make test` makes one)"
        )
    });
    let ask = "import glob, os, onnxruntime\n\
               print(glob.glob(os.path.join(os.path.dirname(onnxruntime.__file__), 'capi', 'libonnxruntime.*'))[0])";
    let output = std::process::Command::new(python).args(["-c", ask]).output().unwrap();
    String::from_utf8(output.stdout).unwrap().trim().into()
}

#[test]
fn a_pickle_of_a_module_that_is_missing() {
    refused(
        "open(model + '/model.pkl', 'wb').write(b'cnowhere\\nModel\\n.')",
        "cannot load the model `model/model.pkl`",
        &[
            "cause: `model/model.pkl` needs the module `nowhere`, which is not there",
            "hint: a package belongs into requirements.txt",
        ],
    );
}

#[test]
fn a_pickle_of_a_class_of_the_script() {
    refused(
        "class Model:\n    def predict(self, table): return list(table['x'])\n\
         pickle.dump(Model(), open(model + '/model.pkl', 'wb'))",
        "cannot load the model `model/model.pkl`",
        &[
            "holds a `Model` that was defined in the script that trained it",
            "hint: move `Model` into a module of its own",
        ],
    );
}

#[test]
fn a_pickle_that_is_damaged_or_no_model() {
    refused(
        "open(model + '/model.pkl', 'wb').write(b'garbage')",
        "cannot load the model `model/model.pkl`",
        &["hint: the file is damaged"],
    );
    refused(
        "pickle.dump({1: 2}, open(model + '/model.pkl', 'wb'))",
        "cannot load the model `model/model.pkl`",
        &["holds a `dict`, which has no `predict`"],
    );
    refused("open(model + '/notes.txt', 'w').write('nothing')", "", &["model"]);
    refused(
        "for name in 'ab': open(f'{model}/{name}.pkl', 'w')",
        "the model's folder holds more than one model file",
        &["files: a.pkl, b.pkl", "hint: set `entry` in [package]"],
    );
}

#[test]
fn a_graph_that_is_damaged() {
    refused(
        "open(model + '/model.onnx', 'wb').write(b'no graph at all')",
        "cannot load the ONNX graph `model/model.onnx`",
        &["hint: the file is damaged"],
    );
}

#[test]
fn answers_that_are_none() {
    let predicts = |body: &str| {
        format!(
            "open(model + '/predict.py', 'w').write('''import os\ndef load(folder): return None\n\
             def predict(state, table):\n    {body}\n''')"
        )
    };
    for (body, word) in [
        ("return [1.0]", "cause: the model gave 1 answers for 15 rows"),
        ("return [float('nan')] * len(table['x'])", "cause: the model answered nan"),
        ("return ['a'] * len(table['x'])", "cause: the model's answers are no numbers"),
        ("raise KeyError('oh')", "cause: the model failed: KeyError: 'oh'"),
    ] {
        refused(&predicts(body), "the model fails on rows of the validation part", &[word]);
    }
    refused(
        &predicts("os._exit(7)"),
        "the model fails on rows of the validation part",
        &["cause: the model's process ended (exit code 7)"],
    );
    refused(
        &predicts("list(table['x'])[0] is None and os._exit(7)\n    return [1.0] * len(table['x'])"),
        "the model does not survive rows with `x` missing",
        &["cause: the model's process ended (exit code 7)"],
    );
    refused(
        "open(model + '/predict.py', 'w').write('def load(folder): return None')",
        "cannot load the model `model/predict.py`",
        &["cause: `model/predict.py` has no function `predict(state, table)`"],
    );
}

#[test]
fn a_model_that_never_answers() {
    let hangs = |load: &str, predict: &str| {
        let script = format!(
            "import time\ndef load(folder): {load}\ndef predict(state, table):\n    {predict}\n    return [1.0] * len(table['x'])"
        );
        let write = format!("open(model + '/predict.py', 'w').write('''{script}''')");
        let project = leaves(&write);
        let toml = project.root().join("modelyard.toml");
        let text = std::fs::read_to_string(&toml).unwrap();
        std::fs::write(&toml, text.replace("[package]", "[package]\ntimeout = \"2s\"")).unwrap();
        project
    };
    for (load, predict, message) in [
        ("time.sleep(1e6)", "pass", "cannot load the model `model/predict.py`"),
        ("pass", "time.sleep(1e6)", "the model does not answer rows of the validation part"),
        (
            "pass",
            "list(table['x'])[0] is None and time.sleep(1e6)",
            "the model does not answer rows with `x` missing",
        ),
    ] {
        let project = hangs(load, predict);
        let ended = project.fails(&["run"], 8, message);
        assert!(ended.stderr.contains("took longer than 2 s, and its process was ended"), "{}", ended.text());
        assert!(ended.stderr.contains("hint: a model that needs longer may have it"), "{}", ended.text());
        assert_eq!(project.document(&["models", "list"]), serde_json::json!([]), "nothing is registered");
    }
}

#[test]
fn a_package_with_one_changed_byte_is_not_served() {
    let project = Project::line("");
    project.succeeds(&["run"]);
    project.succeeds(&["models", "download", "small@1", "package"]);
    let file = project.root().join("package/model/slope.json");
    let mut bytes = std::fs::read(&file).unwrap();
    bytes[0] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let ended = project.fails(&["serve", "package", "--listen", "127.0.0.1:0"], 10, "");
    assert!(ended.stderr.contains("model/slope.json"), "{}", ended.text());
    std::fs::remove_file(&file).unwrap();
    let ended = project.fails(&["serve", "package", "--listen", "127.0.0.1:0"], 10, "");
    assert!(ended.stderr.contains("model/slope.json"), "{}", ended.text());
}

#[test]
fn a_port_that_is_taken() {
    let project = Project::line("");
    project.succeeds(&["run"]);
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    let address = taken.local_addr().unwrap().to_string();
    // Not `fails`: should it serve after all, this would wait for ever.
    let mut child = project.command(&["serve", "small", "--listen", &address]);
    let mut child = Background(child.stderr(std::process::Stdio::piped()).spawn().unwrap());
    super::hostile::wait_until("it gives up", || child.0.try_wait().unwrap().is_some());
    let mut stderr = String::new();
    std::io::Read::read_to_string(&mut child.0.stderr.take().unwrap(), &mut stderr).unwrap();
    assert_eq!(child.0.wait().unwrap().code(), Some(14), "{stderr}");
    assert!(stderr.contains(&address), "{stderr}");
}

#[test]
fn answers_over_their_own_input() {
    let project = Project::line("");
    let before = std::fs::read(project.root().join("data/rows.csv")).unwrap();
    let message = "the answers would overwrite their own input `data/rows.csv`";
    project.fails(&["predict", "small", "data/rows.csv", "./data/rows.csv"], 2, message);
    assert_eq!(std::fs::read(project.root().join("data/rows.csv")).unwrap(), before);
}
