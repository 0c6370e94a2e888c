//! Turns a Python error about an undeclared file or module into the error that names it.
//!
//! A step runs in a copy of its declared code and may open nothing else, so what works in the
//! project's folder can fail there: `not found` for a relative path, `refused` for an absolute one.

use std::path::{Path, PathBuf};

use modelyard_core::{Fault, Kind};

/// That a step looked for something the project has and the step did not declare.
#[derive(Debug)]
pub(crate) struct Undeclared {
    pub(crate) fault: Fault,
    /// Nothing was printed after that; else the step may have coped with it, and failed of
    /// something else.
    pub(crate) at_end: bool,
}

/// What the end of the log of step `step` shows of that. `work` is the folder it ran in.
pub(crate) fn undeclared(step: &str, log: &str, root: &Path, work: &Path) -> Option<Undeclared> {
    let (at, found) =
        log.lines().enumerate().filter_map(|(at, line)| Some((at, looked_for(line)?))).last()?;
    let at_end = log.lines().skip(at + 1).all(|line| line.trim().is_empty());
    let fault = fault(step, found, importer(log, at, work), root, work)?;
    Some(Undeclared { fault, at_end })
}

fn fault(
    step: &str,
    found: LookedFor,
    importer: Option<(String, String)>,
    root: &Path,
    work: &Path,
) -> Option<Fault> {
    match found {
        LookedFor::Module(module) => {
            let top = module.split('.').next()?;
            let file = [format!("{top}.py"), top.to_owned(), format!("src/{top}.py"), format!("src/{top}")]
                .into_iter()
                .find(|path| root.join(path).exists())?;
            let by = importer
                .as_ref()
                .map(|(file, line)| format!("imported by {file}, line {line}; "))
                .unwrap_or_default();
            Some(
                Fault::new(Kind::Step, format!("step `{step}` looked for a module that it did not declare"))
                    .detail("module", format!("{module} ({by}the project has {file})"))
                    .because("a step sees its inputs, its code and its environment, nothing else")
                    .hint(format!("add \"{file}\" to `code` of `{step}` in modelyard.toml")),
            )
        }
        LookedFor::File(path) => {
            let written = PathBuf::from(&path);
            let relative = written.strip_prefix(work).unwrap_or(&written);
            let full = root.join(relative);
            if !full.exists() {
                return None;
            }
            let by = importer.map(|(file, line)| format!(" ({file}, line {line})")).unwrap_or_default();
            let hint = match full.strip_prefix(root) {
                Ok(inside) => format!(
                    "declare it: as a source of a data set and a placeholder in `run` if it holds data, \
                     else `code = [\"{}\"]` or `sandbox.read = [\"{}\"]` in `{step}`",
                    inside.display(),
                    inside.display()
                ),
                Err(_) => format!("declare it: `sandbox.read = [\"{}\"]` in `{step}`", full.display()),
            };
            Some(
                Fault::new(Kind::Step, format!("step `{step}` looked for a file that it did not declare"))
                    .detail("file", format!("{path}{by}"))
                    .because("a step sees its inputs, its code and its environment, nothing else")
                    .hint(hint),
            )
        }
    }
}

enum LookedFor {
    Module(String),
    File(String),
}

/// What a line such as `FileNotFoundError: [Errno 2] No such file or directory: 'a.csv'` is about.
fn looked_for(line: &str) -> Option<LookedFor> {
    let quoted = || {
        let end = line.trim_end().strip_suffix(['\'', '"'])?;
        let start = end.rfind(['\'', '"'])?;
        Some(end[start + 1..].to_owned())
    };
    if line.starts_with("ModuleNotFoundError: No module named") {
        return quoted().map(LookedFor::Module);
    }
    let about_a_file = ["FileNotFoundError:", "PermissionError:", "OSError: [Errno"]
        .iter()
        .any(|error| line.starts_with(error));
    if about_a_file { quoted().map(LookedFor::File) } else { None }
}

/// File and line of the last frame above line `at` of the log that is the project's own code.
fn importer(log: &str, at: usize, work: &Path) -> Option<(String, String)> {
    let lines: Vec<_> = log.lines().take(at).collect();
    lines.iter().rev().find_map(|line| {
        let (file, rest) = line.trim().strip_prefix("File \"")?.split_once("\", line ")?;
        let relative = Path::new(file)
            .strip_prefix(work)
            .ok()
            .map(Path::to_owned)
            .or_else(|| (!file.starts_with('/')).then(|| PathBuf::from(file.trim_start_matches("./"))))?;
        let number = rest.split(|c: char| !c.is_ascii_digit()).next()?;
        Some((relative.display().to_string(), number.to_owned()))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_module_of_the_project_is_named_with_its_importer() -> std::io::Result<()> {
        let root = tempfile::tempdir()?;
        std::fs::write(root.path().join("features.py"), "")?;
        let log = "Traceback (most recent call last):\n  File \"/s/work/train.py\", line 4, in <module>\n    \
                   import features\nModuleNotFoundError: No module named 'features'\n";
        let found = undeclared("train", log, root.path(), Path::new("/s/work"));
        let report = found.map(|found| (found.fault.report(), found.at_end));
        assert_eq!(
            report.as_ref().map(|(report, at_end)| (report.as_str(), *at_end)),
            Some((
                "step `train` looked for a module that it did not declare\n  \
                 module: features (imported by train.py, line 4; the project has features.py)\n  \
                 cause: a step sees its inputs, its code and its environment, nothing else\n  \
                 hint: add \"features.py\" to `code` of `train` in modelyard.toml",
                true,
            ))
        );
        Ok(())
    }

    #[test]
    fn what_the_project_does_not_have_is_no_such_error() {
        let log = "ModuleNotFoundError: No module named 'nowhere'";
        assert!(undeclared("train", log, Path::new("/nonexistent"), Path::new("/s/work")).is_none());
    }
}
