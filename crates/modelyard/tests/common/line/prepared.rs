//! Building an example takes seconds, so it is done once for all tests of a run.

use std::fs::File;
use std::path::{Path, PathBuf};

use super::{Ended, modelyard};

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Example {
    /// A regression, with a random search and no validation part.
    Diabetes,
    /// Three classes, with a grid.
    Wine,
    /// Several model files behind a `predict.py` that takes a Series.
    Topics,
    /// Three tables joined by SQL, a split by time, a grid and a refit. Smaller than the example: two
    /// trials of 40 trees each.
    Flights,
}

impl Example {
    pub(crate) const ALL: [Self; 4] = [Self::Diabetes, Self::Wine, Self::Topics, Self::Flights];

    pub(crate) fn folder(self) -> &'static str {
        match self {
            Self::Diabetes => "diabetes",
            Self::Wine => "wine",
            Self::Topics => "topics",
            Self::Flights => "flights",
        }
    }

    /// The data set.
    pub(crate) fn data(self) -> &'static str {
        match self {
            Self::Topics => "passages",
            other => other.folder(),
        }
    }

    /// The registered model.
    pub(crate) fn model(self) -> &'static str {
        match self {
            Self::Diabetes => "diabetes-progression",
            Self::Wine => "wine-cultivar",
            Self::Topics => "topics",
            Self::Flights => "late-flights",
        }
    }

    pub(crate) fn target(self) -> &'static str {
        match self {
            Self::Diabetes => "progression",
            Self::Wine => "cultivar",
            Self::Topics => "topic",
            Self::Flights => "late",
        }
    }

    pub(crate) fn runtime(self) -> &'static str {
        match self {
            Self::Topics => "python",
            _ => "onnx",
        }
    }

    /// Writes the project, without a home, to the new folder `root`.
    pub(super) fn write(self, root: &Path) {
        let examples = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples");
        copy_folder(&examples.join(self.folder()), root, &|name| name != ".modelyard" && name != "later");
        if self == Self::Flights {
            let change = |file: &str, old: &str, new: &str| {
                let text = std::fs::read_to_string(root.join(file)).unwrap();
                assert!(text.contains(old), "{file} has no `{old}`");
                std::fs::write(root.join(file), text.replace(old, new)).unwrap();
            };
            change("train.py", "max_iter=150", "max_iter=40");
            change("modelyard.toml", "leaves = [15, 31]", "leaves = [15]");
        }
    }
}

/// Copies `example` with the home that its first run left to the new folder `root`.
///
/// The original lies in Cargo's folder for tests. It is made anew by the first test of a test run that
/// asks for it, and used by one test at a time.
pub(super) fn copy(example: Example, root: &Path) {
    let all = Path::new(env!("CARGO_TARGET_TMPDIR")).join("line");
    std::fs::create_dir_all(&all).unwrap();
    let lock = File::create(all.join(format!("{}.lock", example.folder()))).unwrap();
    lock.lock().unwrap();
    let original = all.join(example.folder());
    let mark = original.join("made-by");
    if std::fs::read_to_string(&mark).is_ok_and(|by| by == test_run()) {
        copy_folder(&original.join("project"), root, &|_| true);
        return;
    }
    if original.exists() {
        std::fs::remove_dir_all(&original).unwrap();
    }
    let project = original.join("project");
    example.write(&project);
    let ended = Ended::of(modelyard(&project, &["run", "--json"]).output().unwrap());
    assert_eq!(ended.code, 0, "{example:?}\n{}", ended.text());
    std::fs::write(project.join("first-run.json"), ended.stdout).unwrap();
    std::fs::write(mark, test_run()).unwrap();
    copy_folder(&project, root, &|_| true);
}

/// nextest gives every test a process of its own, and all of them this name.
fn test_run() -> String {
    std::env::var("NEXTEST_RUN_ID").unwrap_or_else(|_| std::process::id().to_string())
}

fn copy_folder(from: &Path, to: &Path, wanted: &dyn Fn(&str) -> bool) {
    let mut folders = vec![(from.to_owned(), to.to_owned())];
    while let Some((from, to)) = folders.pop() {
        std::fs::create_dir_all(&to).unwrap();
        for entry in std::fs::read_dir(from).unwrap() {
            let entry = entry.unwrap();
            let name = entry.file_name();
            if !wanted(&name.to_string_lossy()) {
                continue;
            }
            let (path, target): (PathBuf, PathBuf) = (entry.path(), to.join(&name));
            if path.is_dir() {
                folders.push((path, target));
            } else {
                std::fs::copy(path, target).unwrap();
            }
        }
    }
}
