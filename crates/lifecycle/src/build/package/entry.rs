//! Which of the model's files is asked.

use std::path::Path;

use modelyard_core::fault::Attempt;
use modelyard_core::tree::Tree;
use modelyard_core::{Fault, Kind, Result};

/// Within the package: `model/model.joblib`.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Entry {
    Python(String),
    Onnx { file: String, python_beside: Option<String> },
}

const PICKLES: [&str; 3] = ["joblib", "pkl", "pickle"];

/// The entry of the package at `folder`: `[package] entry`, else `predict.py` (beside the model's
/// files, or in the project's code, from where it is put beside them), else the one model file. An
/// `.onnx` and the Python model it was made from count as one.
///
/// # Errors
/// If there is none, or more than one, or `configured` is no file.
pub(super) fn find(folder: &Path, configured: Option<&str>) -> Result<Entry> {
    let model = folder.join("model");
    if let Some(entry) = configured {
        let file = format!("model/{entry}");
        if !folder.join(&file).is_file() {
            if !folder.join("code").join(entry).is_file() {
                return Err(Fault::new(
                    Kind::Config,
                    format!("the entry `{entry}` of [package] is no file of the model"),
                )
                .detail("files", names(&model)?.join(", "))
                .hint("`entry` is relative to the folder that training fills"));
            }
            put_beside(folder, entry)?;
        }
        return Ok(match entry.ends_with(".onnx") {
            true => Entry::Onnx { file, python_beside: None },
            false => Entry::Python(file),
        });
    }
    if model.join("predict.py").is_file() {
        return Ok(Entry::Python("model/predict.py".into()));
    }
    if folder.join("code/predict.py").is_file() {
        put_beside(folder, "predict.py")?;
        return Ok(Entry::Python("model/predict.py".into()));
    }
    let names = names(&model)?;
    let with = |wanted: &[&str]| {
        let found = names
            .iter()
            .filter(|name| Path::new(name).extension().is_some_and(|e| wanted.iter().any(|w| e == *w)));
        found.cloned().collect::<Vec<_>>()
    };
    let (pickles, graphs) = (with(&PICKLES), with(&["onnx"]));
    match (pickles.as_slice(), graphs.as_slice()) {
        ([pickle], []) => Ok(Entry::Python(format!("model/{pickle}"))),
        (pickles @ ([] | [_]), [graph]) => Ok(Entry::Onnx {
            file: format!("model/{graph}"),
            python_beside: pickles.first().map(|pickle| format!("model/{pickle}")),
        }),
        ([], []) => Err(Fault::new(Kind::Model, "the model's folder holds nothing that can be asked")
            .detail("files", names.join(", "))
            .hint("save one *.joblib, *.pkl, *.pickle or *.onnx into `{model}`, or add a `predict.py` with `load` and `predict`")),
        _ => Err(Fault::new(Kind::Model, "the model's folder holds more than one model file, and nothing says which is asked")
            .detail("files", [pickles, graphs].concat().join(", "))
            .hint("set `entry` in [package], or add a `predict.py` that uses them all")),
    }
}

/// Whether [`find`] will answer a script, which Python alone can be asked.
pub(super) fn is_script(model: &Tree, code: &Tree, configured: Option<&str>) -> bool {
    match configured {
        Some(entry) => entry.ends_with(".py"),
        None => [model, code].iter().any(|tree| tree.file("predict.py").is_some()),
    }
}

fn put_beside(folder: &Path, entry: &str) -> Result<()> {
    std::fs::copy(folder.join("code").join(entry), folder.join("model").join(entry))
        .map(drop)
        .attempt(Kind::Store, || format!("cannot copy `{entry}` beside the model"))
}

fn names(model: &Path) -> Result<Vec<String>> {
    let entries =
        std::fs::read_dir(model).attempt(Kind::Store, || "cannot read the model's folder".to_owned())?;
    let mut names: Vec<_> =
        entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned()).collect();
    names.sort();
    Ok(names)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(files: &[&str], expected: Result<Entry, &str>) {
        let folder = tempfile::tempdir().expect("a folder");
        std::fs::create_dir_all(folder.path().join("model")).expect("a folder");
        std::fs::create_dir_all(folder.path().join("code")).expect("a folder");
        for file in files {
            std::fs::write(folder.path().join(file), "").expect("a file");
        }
        let found = find(folder.path(), None).map_err(|fault| fault.message().to_owned());
        assert_eq!(found, expected.map_err(str::to_owned), "{files:?}");
    }

    #[test]
    fn one_file_is_asked() {
        check(&["model/m.joblib", "model/notes.txt"], Ok(Entry::Python("model/m.joblib".into())));
        check(
            &["model/a.joblib", "model/b.npz", "code/predict.py"],
            Ok(Entry::Python("model/predict.py".into())),
        );
        let beside = Entry::Onnx { file: "model/m.onnx".into(), python_beside: Some("model/m.pkl".into()) };
        check(&["model/m.onnx", "model/m.pkl"], Ok(beside));
        check(
            &["model/a.pkl", "model/b.pkl"],
            Err("the model's folder holds more than one model file, and nothing says which is asked"),
        );
        check(&["model/a.txt"], Err("the model's folder holds nothing that can be asked"));
    }
}
